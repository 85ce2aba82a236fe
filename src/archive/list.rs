//! Finding archives.

use super::SAFETY_RULE;
use super::layout::{DATA, MANIFEST};
use super::manifest::GroupEntry;
use super::packed;
use super::reader::Archive;
use dbferry_dialect::{DatabaseInfo, Error, ErrorKind, Result};
use std::cmp::Reverse;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// One archive that was found.
#[derive(Debug)]
pub struct ListEntry {
    /// Where it is.
    pub path: PathBuf,
    /// Whether it is packed into one file.
    pub packed: bool,
    /// What is in it, or why that cannot be said.
    pub summary: Result<Summary>,
}

/// The essence of a manifest.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// The archive's id.
    pub id: String,
    /// What wrote it.
    pub tool: String,
    /// When the dump began, RFC 3339 in UTC.
    pub created_at: String,
    /// What the user says about it.
    pub description: Option<String>,
    /// The database that was dumped.
    pub source: DatabaseInfo,
    /// Which server or file that was in; see [`Manifest::place`](super::Manifest::place).
    pub place: Option<String>,
    /// Its groups.
    pub groups: Vec<GroupEntry>,
    /// How many collections it has.
    pub collections: u64,
    /// The rows of all of them.
    pub rows: u64,
    /// The size of all files but the manifest, in bytes.
    pub bytes: u64,
    /// Values that their columns could not hold, and that are kept beside them.
    pub exceptions: u64,
    /// Whether a condition left rows of some collection out.
    pub partial: bool,
    /// Whether it is what a restore kept of a target before it changed it.
    pub safety: bool,
}

/// The archives directly inside `directory`, newest first, then those whose manifest cannot be read, by name.
///
/// What is no archive, or one that was not finished, is left out.
///
/// # Errors
/// [`ErrorKind::ArchiveNotFound`] when there is no such directory, [`ErrorKind::Io`] when it cannot be listed.
pub fn list(directory: &Path) -> Result<Vec<ListEntry>> {
    let nothing = |what: &str| {
        Error::new(ErrorKind::ArchiveNotFound, format!("no archives in {}: {what}", directory.display()))
            .hint("name the directory that the archives are in")
    };
    let cannot = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => nothing("there is no such directory"),
        io::ErrorKind::NotADirectory => nothing("it is not a directory"),
        _ => Error::io(format!("cannot list {}", directory.display()), error),
    };
    let mut entries = Vec::new();
    for entry in fs::read_dir(directory).map_err(cannot)? {
        entries.extend(look(&entry.map_err(cannot)?.path()));
    }
    // By text: RFC 3339 in UTC, but with a fraction of any length, so the parsed time decides.
    let time = |entry: &ListEntry| {
        entry.summary.as_ref().ok().and_then(|summary| summary.created_at.parse::<jiff::Timestamp>().ok())
    };
    entries.sort_by_cached_key(|entry| (Reverse(time(entry)), entry.path.clone()));
    Ok(entries)
}

/// What is at a path, if it is meant to be an archive: what [`list`] says of it.
pub fn look(path: &Path) -> Option<ListEntry> {
    let packed = looks_like_archive(path)?;
    let summary = Archive::open(path).map(|archive| Summary::of(&archive));
    Some(ListEntry { path: path.into(), packed, summary })
}

/// Whether something is meant to be an archive, and if so whether a packed one.
pub(super) fn looks_like_archive(path: &Path) -> Option<bool> {
    let metadata = fs::metadata(path).ok()?;
    if metadata.is_dir() {
        let complete = path.join(DATA).is_dir() && path.join(MANIFEST).symlink_metadata().is_ok();
        complete.then_some(false)
    } else if metadata.is_file() && path.extension().is_none_or(|extension| extension != "partial") {
        packed::begins_like_one(&File::open(path).ok()?).ok()?.then_some(true)
    } else {
        None
    }
}

impl Summary {
    fn of(archive: &Archive) -> Self {
        let manifest = archive.manifest();
        Self {
            id: manifest.id.clone(),
            tool: manifest.tool.clone(),
            created_at: manifest.created_at.clone(),
            description: manifest.description.clone(),
            source: manifest.source.clone(),
            place: manifest.place().map(str::to_owned),
            groups: manifest.groups.clone(),
            collections: manifest.collections.len() as u64,
            rows: manifest.rows(),
            bytes: manifest.bytes(),
            exceptions: manifest.collections.iter().filter_map(|entry| entry.exceptions.as_ref()).map(|e| e.rows).sum(),
            partial: manifest.collections.iter().any(|entry| entry.partial.is_some()),
            safety: !manifest.collections.is_empty()
                && manifest.collections.iter().all(|entry| entry.rule == SAFETY_RULE),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{pack, testing};
    use super::*;

    #[test]
    fn archives_are_listed_newest_first_and_broken_ones_last() {
        let directory = tempfile::tempdir().expect("a directory");
        let at = |name: &str| directory.path().join(name);
        for name in ["z-first", "y-second", "broken"] {
            testing::write(&at(name));
        }
        pack(&at("z-first"), &at("z-first.backup")).expect("a packed archive");
        let content = fs::read(at("z-first.backup")).expect("content");
        fs::write(at("cut.zip"), &content[..content.len() / 2]).expect("a file");
        fs::write(at("interrupted.zip.partial"), &content[..content.len() / 2]).expect("a file");
        fs::write(at("broken/manifest.json"), "{}").expect("a file");
        // Not archives: an interrupted dump, somebody's program, a text.
        testing::write(&at("interrupted"));
        fs::rename(at("interrupted/manifest.json"), at("interrupted/manifest.json.partial")).expect("a move");
        fs::create_dir(at("program")).expect("a directory");
        fs::write(at("program/manifest.json"), "{}").expect("a file");
        fs::write(at("text"), "x").expect("a file");

        let listed = list(directory.path()).expect("a listing");
        let seen: Vec<_> = listed
            .iter()
            .map(|entry| {
                let name = entry.path.file_name().and_then(|name| name.to_str()).expect("a name");
                let state = entry.summary.as_ref().map(|summary| summary.rows).map_err(Error::kind);
                (name, entry.packed, state)
            })
            .collect();
        let rows = Ok(2158);
        let broken = Err(ErrorKind::ArchiveDamaged);
        assert_eq!(
            seen,
            [
                ("y-second", false, rows),
                ("z-first", false, rows),
                ("z-first.backup", true, rows),
                ("broken", false, broken),
                ("cut.zip", true, broken),
            ]
        );
        for place in ["nothing", "text", "text/deeper"] {
            assert_eq!(list(&at(place)).expect_err("no directory").kind(), ErrorKind::ArchiveNotFound);
        }
    }
}
