//! Retention: which archives are kept and which go.
//!
//! Archives of one source with the same groups are one *series*, and each series is looked at by itself: a dump of one group
//! never takes the place of a whole one. What is kept is decided in [`decide`], from the times alone. What it is not: it
//! trusts no file's name or date, only what the archives themselves say.
//!
//! Never removed: the newest good archive of a series, whatever cannot be read, and safety backups, which somebody made
//! before a restore and may still need.

mod keep;

pub use keep::{Keep, Kept, decide};

use crate::archive::{ListEntry, Summary, list};
use dbferry_dialect::{Error, ErrorKind, Result};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What becomes of the archives in a directory.
#[derive(Debug)]
pub struct Plan {
    /// One line an archive, newest first; those that cannot be read are last.
    pub lines: Vec<Line>,
}

/// What becomes of one archive.
#[derive(Debug)]
pub struct Line {
    /// Where it is.
    pub path: PathBuf,
    /// What is in it; the error where it cannot be read.
    pub summary: Result<Summary>,
    /// Why it is kept; it is removed where nothing says so.
    pub kept: Vec<Kept>,
}

impl Plan {
    /// The archives that go.
    pub fn removed(&self) -> impl Iterator<Item = &Line> {
        self.lines.iter().filter(|line| line.kept.is_empty())
    }
}

/// Plans what becomes of the archives directly inside `directory`. Nothing is removed.
///
/// # Errors
/// [`ErrorKind::Usage`] when nothing would be kept at all, and those of [`list`].
pub fn plan(directory: &Path, keep: &Keep) -> Result<Plan> {
    plan_of(list(directory)?, keep)
}

/// Plans what becomes of these archives.
///
/// # Errors
/// [`ErrorKind::Usage`] when nothing would be kept at all.
pub fn plan_of(archives: Vec<ListEntry>, keep: &Keep) -> Result<Plan> {
    if keep.is_nothing() {
        return Err(Error::new(ErrorKind::Usage, "it is not said what to keep").hint(
            "give at least one of --keep-last, --keep-daily, --keep-weekly, --keep-monthly a number; the newest good \
             archive is kept in any case",
        ));
    }
    let mut lines: Vec<Line> =
        archives.into_iter().map(|entry| Line { path: entry.path, summary: entry.summary, kept: Vec::new() }).collect();
    let mut series: BTreeMap<Series, Vec<(usize, Timestamp)>> = BTreeMap::new();
    for (index, line) in lines.iter_mut().enumerate() {
        match &line.summary {
            Err(_) => line.kept.push(Kept::Unreadable),
            Ok(summary) if summary.safety => line.kept.push(Kept::Safety),
            Ok(summary) => match summary.created_at.parse() {
                Ok(time) => series.entry(Series::of(summary)).or_default().push((index, time)),
                Err(_) => line.kept.push(Kept::Unreadable),
            },
        }
    }
    for members in series.into_values() {
        let times: Vec<Timestamp> = members.iter().map(|(_, time)| *time).collect();
        for ((index, _), kept) in members.iter().zip(decide(&times, keep)) {
            lines[*index].kept = kept;
        }
    }
    Ok(Plan { lines })
}

/// What archives that can take each other's place have in common.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Series {
    dialect: String,
    database: String,
    groups: Vec<String>,
    partial: bool,
}

impl Series {
    fn of(summary: &Summary) -> Self {
        let mut groups: Vec<String> = summary.groups.iter().map(|group| group.name.clone()).collect();
        groups.sort_unstable();
        Self {
            dialect: summary.source.dialect.clone(),
            database: summary.source.database.clone(),
            groups,
            partial: summary.partial,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::GroupEntry;
    use dbferry_dialect::DatabaseInfo;

    fn entry(name: &str, day: u8, alter: impl Fn(&mut Summary)) -> ListEntry {
        let group = |name: &str| GroupEntry { name: name.into(), collections: 1, rows: 1, bytes: 1 };
        let mut summary = Summary {
            id: name.into(),
            tool: "dbferry".into(),
            created_at: format!("2026-11-{day:02}T03:00:00Z"),
            description: None,
            source: DatabaseInfo { dialect: "sqlite".into(), database: "shop".into(), ..DatabaseInfo::default() },
            groups: vec![group("user"), group("log")],
            collections: 2,
            rows: 2,
            bytes: 2,
            exceptions: 0,
            partial: false,
            safety: false,
        };
        alter(&mut summary);
        ListEntry { path: name.into(), packed: false, summary: Ok(summary) }
    }

    #[test]
    fn only_archives_of_one_series_take_each_others_place() {
        let mut archives = vec![
            entry("new", 9, |_| {}),
            entry("old", 8, |_| {}),
            entry("other-database", 1, |summary| summary.source.database = "mail".into()),
            entry("fewer-groups", 10, |summary| drop(summary.groups.pop())),
            entry("some-rows", 11, |summary| summary.partial = true),
            entry("before-a-restore", 2, |summary| summary.safety = true),
        ];
        let damaged = Error::new(ErrorKind::ArchiveDamaged, "no");
        archives.push(ListEntry { path: "damaged".into(), packed: false, summary: Err(damaged) });
        let plan = plan_of(archives, &Keep { last: 1, ..Keep::default() }).expect("a plan");
        let removed: Vec<_> = plan.removed().map(|line| line.path.display().to_string()).collect();
        assert_eq!(removed, ["old"]);
    }

    #[test]
    fn somebody_must_say_what_to_keep() {
        let error = plan_of(vec![entry("new", 9, |_| {})], &Keep::default()).expect_err("a refusal");
        assert_eq!(error.kind(), ErrorKind::Usage);
    }
}
