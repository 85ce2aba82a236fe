//! What an interrupted run leaves in the directory of an archive, and how it is told from everything else.
//!
//! A run that is killed tidies nothing up. Without its manifest what it wrote is no archive, and of no use to anybody; but
//! the directory may be the user's, so only what a writer of archives certainly wrote is ever removed.

use super::disk::{Disk, partial_path};
use super::layout::{DATA, MANIFEST, PARTIAL};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// What is in a directory that is to become an archive.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// Nothing, or the empty beginning of a manifest.
    Nothing,
    /// What an interrupted run wrote: files, and the directories around them after them.
    Unfinished(Vec<Found>),
    /// Something that no interrupted run can have left.
    Foreign,
}

/// One thing that was found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// A file.
    File(PathBuf),
    /// A directory.
    Directory(PathBuf),
}

/// Looks at a directory. Nothing in it is opened, and no symbolic link is followed below it.
///
/// # Errors
/// When it cannot be listed.
pub(super) fn content(root: &Path) -> io::Result<Content> {
    let beginning = partial_path(&root.join(MANIFEST));
    let data = root.join(DATA);
    let (mut begun, mut empty) = (false, true);
    let mut found = Vec::new();
    for entry in fs::read_dir(root)? {
        let entry = entry?;
        let (path, kind) = (entry.path(), entry.file_type()?);
        if path == beginning && kind.is_file() {
            begun = true;
            empty = entry.metadata()?.len() == 0;
        } else if !(path == data && kind.is_dir() && add(&data, 2, &mut found)?) {
            return Ok(Content::Foreign);
        }
    }
    Ok(match (begun, found.is_empty()) {
        (_, true) if empty => Content::Nothing,
        (true, false) => Content::Unfinished(found),
        // A manifest is only written once there is `data`.
        _ => Content::Foreign,
    })
}

/// Everything in the directory of an archive besides its manifest, files before the directories around them; `None` when
/// there is something that no writer wrote.
///
/// # Errors
/// When it cannot be listed.
pub(super) fn complete(root: &Path) -> io::Result<Option<Vec<Found>>> {
    let (manifest, data) = (root.join(MANIFEST), root.join(DATA));
    let mut found = Vec::new();
    for entry in fs::read_dir(root)? {
        let entry = entry?;
        let (path, kind) = (entry.path(), entry.file_type()?);
        let known = if path == manifest || path == partial_path(&manifest) {
            if path != manifest {
                found.push(Found::File(path));
            }
            kind.is_file()
        } else {
            path == data && kind.is_dir() && add(&data, 2, &mut found)?
        };
        if !known {
            return Ok(None);
        }
    }
    Ok(Some(found))
}

/// Adds a directory with everything in it; `false` when something in it is not a writer's. Files are at `depth` 1.
fn add(directory: &Path, depth: usize, found: &mut Vec<Found>) -> io::Result<bool> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let (path, kind) = (entry.path(), entry.file_type()?);
        let known = if kind.is_dir() {
            depth > 1 && add(&path, depth - 1, found)?
        } else {
            let known = kind.is_file() && depth == 1 && is_ours(&entry.file_name().to_string_lossy());
            if known {
                found.push(Found::File(path));
            }
            known
        };
        if !known {
            return Ok(false);
        }
    }
    found.push(Found::Directory(directory.into()));
    Ok(true)
}

/// Whether a writer gives its files such a name.
fn is_ours(name: &str) -> bool {
    name.strip_suffix(PARTIAL).unwrap_or(name).ends_with(".parquet")
}

/// Removes what was found.
///
/// # Errors
/// When something cannot be removed.
pub(super) fn remove(disk: &Disk, found: &[Found]) -> io::Result<()> {
    found.iter().try_for_each(|found| match found {
        Found::File(path) => disk.remove_file(path),
        Found::Directory(path) => disk.remove_directory(path),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::{ArchiveWriter, WriteOptions, testing};
    use dbferry_dialect::ErrorKind;

    /// What an interrupted run left, and what `alter` did to it.
    fn leftovers(alter: impl Fn(&Path)) -> tempfile::TempDir {
        let directory = tempfile::tempdir().expect("a directory");
        let root = directory.path();
        fs::create_dir_all(root.join("data/user")).expect("directories");
        for file in ["manifest.json.partial", "data/user/main.a.parquet", "data/user/main.b.parquet.partial"] {
            fs::write(root.join(file), "x").expect("a file");
        }
        alter(root);
        directory
    }

    #[test]
    fn what_an_interrupted_run_left_makes_room_for_the_next() {
        let directory = leftovers(|_| {});
        assert!(
            matches!(content(directory.path()).expect("a listing"), Content::Unfinished(found) if found.len() == 4)
        );
        let writer = ArchiveWriter::create(directory.path(), WriteOptions::default()).expect("a writer");
        let kind = |path: &Path| ArchiveWriter::create(path, WriteOptions::default()).expect_err("a refusal").kind();
        assert_eq!(kind(directory.path()), ErrorKind::ArchiveLocked, "one run at a time");
        drop(writer);
        assert_eq!(content(directory.path()).expect("a listing"), Content::Nothing);
        testing::write(&directory.path().join("a"));
    }

    #[test]
    fn nothing_else_is_ever_removed() {
        type Alter = fn(&Path);
        let alterations: [Alter; 8] = [
            |root| fs::remove_dir_all(root.join("data")).expect("a directory"),
            |root| fs::write(root.join("notes.txt"), "mine").expect("a file"),
            |root| fs::write(root.join("manifest.json"), "{}").expect("a file"),
            |root| fs::write(root.join("data/notes.parquet"), "mine").expect("a file"),
            |root| fs::write(root.join("data/user/notes.txt"), "mine").expect("a file"),
            |root| fs::create_dir(root.join("data/user/more")).expect("a directory"),
            |root| fs::remove_file(root.join("manifest.json.partial")).expect("a file"),
            |root| {
                fs::remove_dir_all(root.join("data")).expect("a directory");
                fs::write(root.join("data"), "mine").expect("a file");
            },
        ];
        for (number, alter) in alterations.into_iter().enumerate() {
            let directory = leftovers(alter);
            let count = || walk(directory.path());
            let before = count();
            let error = ArchiveWriter::create(directory.path(), WriteOptions::default()).expect_err("a refusal");
            assert_eq!(error.kind(), ErrorKind::ArchiveLocked, "{number}: {error}");
            assert_eq!(count(), before, "{number}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_symbolic_link_is_never_followed() {
        let elsewhere = leftovers(|_| {});
        let directory = leftovers(|root| {
            fs::remove_dir_all(root.join("data")).expect("a directory");
            std::os::unix::fs::symlink(elsewhere.path().join("data"), root.join("data")).expect("a link");
        });
        ArchiveWriter::create(directory.path(), WriteOptions::default()).expect_err("a refusal");
        assert!(elsewhere.path().join("data/user/main.a.parquet").exists());
    }

    fn walk(directory: &Path) -> Vec<PathBuf> {
        let mut paths = Vec::new();
        for entry in fs::read_dir(directory).expect("a listing") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                paths.extend(walk(&path));
            }
            paths.push(path);
        }
        paths.sort();
        paths
    }
}
