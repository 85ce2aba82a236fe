//! Retention: which archives are kept and which go.
//!
//! Archives of one source with the same groups are one *series*, and each series is looked at by itself: a dump of one group
//! never takes the place of a whole one, nor one of `app` on this server that of `app` on another. Archives of older versions
//! do not say where their database was: those of one name are a series by themselves. What is kept is decided in [`decide`],
//! from the times alone. What it is not: it trusts no file's name or date, only what the archives themselves say.
//!
//! Never removed: the newest good archive of a series, whatever cannot be read or is not whole, what is dated in the future,
//! and safety backups, which somebody made before a restore and may still need. A good archive is one whose manifest can be
//! read, whose files are all there with their sizes, and that no check found damaged.

mod keep;

pub use keep::{Keep, Kept, decide};

use crate::archive::{Archive, ListEntry, Summary, list};
use dbferry_dialect::{Error, ErrorKind, Result};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Clocks of different machines differ a little.
const SKEW: SignedDuration = SignedDuration::from_mins(10);

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
    /// Why it is no good one, if it can be read.
    pub damaged: Option<String>,
    /// Why it is kept; it is removed where nothing says so.
    pub kept: Vec<Kept>,
}

impl Plan {
    /// The archives that go.
    pub fn removed(&self) -> impl Iterator<Item = &Line> {
        self.lines.iter().filter(|line| line.kept.is_empty())
    }
}

/// An archive that may go, with what is known of it besides what it says.
#[derive(Debug)]
pub struct Candidate {
    /// Where it is and what it says.
    pub entry: ListEntry,
    /// Why it is no good one.
    pub damaged: Option<String>,
    /// What tells it apart from others of a database of that name in that place, such as the connection that it was made over.
    pub apart: Option<String>,
}

impl Candidate {
    /// An archive that was found; `known` tells of its id what is known of it. Whether its files are all there with their sizes
    /// is looked at now.
    pub fn new(entry: ListEntry, known: impl FnOnce(&str) -> Known) -> Self {
        let Ok(summary) = &entry.summary else { return Self { entry, damaged: None, apart: None } };
        let checked = Archive::open(&entry.path).and_then(|archive| archive.check_sizes());
        let Known { damaged, apart } = known(&summary.id);
        Self { damaged: checked.err().map(|error| error.to_string()).or(damaged), apart, entry }
    }
}

/// What somebody else knows of an archive.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Why it is no good one: what a check found.
    pub damaged: Option<String>,
    /// What tells it apart from others of a database of that name in that place ([`Candidate::apart`]).
    pub apart: Option<String>,
}

/// Plans what becomes of the archives directly inside `directory`. Nothing is removed. `known` tells what is known of an archive,
/// by its path and its id.
///
/// # Errors
/// [`ErrorKind::Usage`] when nothing would be kept at all, and those of [`list`].
pub fn plan(directory: &Path, keep: &Keep, known: &dyn Fn(&Path, &str) -> Known) -> Result<Plan> {
    refuse_nothing(keep)?;
    let candidate = |entry: ListEntry| {
        let path = entry.path.clone();
        Candidate::new(entry, |id| known(&path, id))
    };
    plan_of(list(directory)?.into_iter().map(candidate).collect(), keep, Timestamp::now())
}

/// Plans what becomes of these archives, at this time.
///
/// # Errors
/// [`ErrorKind::Usage`] when nothing would be kept at all.
pub fn plan_of(archives: Vec<Candidate>, keep: &Keep, now: Timestamp) -> Result<Plan> {
    refuse_nothing(keep)?;
    let latest = now.saturating_add(SKEW).unwrap_or(now);
    let mut lines = Vec::new();
    let mut series: BTreeMap<Series, Vec<(usize, Timestamp)>> = BTreeMap::new();
    for (index, Candidate { entry, damaged, apart }) in archives.into_iter().enumerate() {
        let mut kept = Vec::new();
        match &entry.summary {
            Err(_) => kept.push(Kept::Unreadable),
            Ok(summary) if summary.safety => kept.push(Kept::Safety),
            Ok(_) if damaged.is_some() => kept.push(Kept::Damaged),
            Ok(summary) => match summary.created_at.parse::<Timestamp>() {
                Ok(time) if time > latest => kept.push(Kept::Future),
                Ok(time) => series.entry(Series::of(summary, apart)).or_default().push((index, time)),
                Err(_) => kept.push(Kept::Unreadable),
            },
        }
        lines.push(Line { path: entry.path, summary: entry.summary, damaged, kept });
    }
    for members in series.into_values() {
        let times: Vec<Timestamp> = members.iter().map(|(_, time)| *time).collect();
        for ((index, _), kept) in members.iter().zip(decide(&times, keep)) {
            lines[*index].kept = kept;
        }
    }
    Ok(Plan { lines })
}

fn refuse_nothing(keep: &Keep) -> Result<()> {
    if keep.is_nothing() {
        return Err(Error::new(ErrorKind::Usage, "it is not said what to keep").hint(
            "give at least one of --keep-last, --keep-daily, --keep-weekly, --keep-monthly a number; the newest good \
             archive is kept in any case",
        ));
    }
    Ok(())
}

/// What archives that can take each other's place have in common.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Series {
    dialect: String,
    database: String,
    /// Where that is; archives that do not know it take the place of none that does.
    place: Option<String>,
    apart: Option<String>,
    groups: Vec<String>,
    partial: bool,
}

impl Series {
    fn of(summary: &Summary, apart: Option<String>) -> Self {
        let mut groups: Vec<String> = summary.groups.iter().map(|group| group.name.clone()).collect();
        groups.sort_unstable();
        Self {
            dialect: summary.source.dialect.clone(),
            database: summary.source.database.clone(),
            place: summary.place.clone(),
            apart,
            groups,
            partial: summary.partial,
        }
    }
}

#[cfg(test)]
mod tests;
