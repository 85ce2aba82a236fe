//! Removing an archive: all of it or nothing, and nothing else with it.

use super::disk::Disk;
use super::layout::MANIFEST;
use super::leftovers::{self, Content};
use super::writer::ArchiveWriter;
use super::{WriteOptions, list};
use dbferry_dialect::{Error, ErrorKind, Result};
use std::fs;
use std::io;
use std::path::Path;

/// Removes the archive at `path`, whole or damaged. The manifest goes first, so that what an interruption leaves is no
/// archive any more.
///
/// # Errors
/// [`ErrorKind::ArchiveNotFound`] when there is none, [`ErrorKind::ArchiveLocked`] when its directory holds something that
/// no writer of archives wrote: nothing is removed then. [`ErrorKind::Io`] when something cannot be removed.
pub fn remove(path: &Path) -> Result<()> {
    let cannot = |error: io::Error| Error::io(format!("cannot remove {}", path.display()), error);
    let Some(packed) = list::looks_like_archive(path) else {
        return Err(Error::new(ErrorKind::ArchiveNotFound, format!("no archive at {}", path.display())));
    };
    let link = path.symlink_metadata().map_err(cannot)?.is_symlink();
    if packed || link {
        // Of a link the archive itself stays where it is.
        return fs::remove_file(path).map_err(cannot);
    }
    let Some(found) = leftovers::complete(path).map_err(cannot)? else {
        return Err(Error::new(
            ErrorKind::ArchiveLocked,
            format!("{} holds files that are not an archive's; nothing was removed", path.display()),
        )
        .hint("move them away first, or remove the directory by hand"));
    };
    fs::remove_file(path.join(MANIFEST)).map_err(cannot)?;
    leftovers::remove(&Disk::default(), &found).map_err(cannot)?;
    fs::remove_dir(path).map_err(cannot)
}

/// Removes what an interrupted dump left at `path`, if that is all there is; says whether it did. A finished archive, and
/// whatever no writer of archives wrote, stays.
///
/// # Errors
/// [`ErrorKind::ArchiveLocked`] when a dump writes there, [`ErrorKind::Io`] when something cannot be removed.
pub fn clear(path: &Path) -> Result<bool> {
    let cannot = |error: io::Error| Error::io(format!("cannot remove {}", path.display()), error);
    match path.symlink_metadata() {
        Ok(metadata) if metadata.is_dir() => {}
        _ => return Ok(false),
    }
    if leftovers::content(path).map_err(cannot)? == Content::Foreign {
        return Ok(false);
    }
    // Whoever begins an archive there removes what was left, unless somebody else is at it.
    drop(ArchiveWriter::create(path, WriteOptions::default())?);
    match fs::remove_dir(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(cannot(error)),
        _ => Ok(true),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{pack, testing};
    use super::*;

    #[test]
    fn an_archive_goes_and_nothing_else() {
        let directory = tempfile::tempdir().expect("a directory");
        let at = |name: &str| directory.path().join(name);
        for name in ["whole", "damaged", "with-notes"] {
            testing::write(&at(name));
        }
        pack(&at("whole"), &at("packed.zip")).expect("a packed archive");
        fs::write(at("damaged/manifest.json"), "{}").expect("a file");
        fs::write(at("with-notes/notes.txt"), "mine").expect("a file");
        fs::create_dir(at("mine")).expect("a directory");
        for name in ["whole", "damaged", "packed.zip"] {
            remove(&at(name)).expect(name);
            assert!(!at(name).exists(), "{name}");
        }
        assert_eq!(remove(&at("with-notes")).expect_err("a refusal").kind(), ErrorKind::ArchiveLocked);
        assert!(super::super::Archive::open(&at("with-notes")).is_ok());
        for name in ["mine", "nothing"] {
            assert_eq!(remove(&at(name)).expect_err("a refusal").kind(), ErrorKind::ArchiveNotFound);
        }
        assert!(at("mine").exists());
    }

    #[test]
    fn what_was_not_finished_is_cleared_and_nothing_else() {
        let directory = tempfile::tempdir().expect("a directory");
        let at = |name: &str| directory.path().join(name);
        for name in ["cut", "whole"] {
            testing::write(&at(name));
        }
        fs::rename(at("cut/manifest.json"), at("cut/manifest.json.partial")).expect("a move");
        assert!(clear(&at("cut")).expect("room") && !at("cut").exists());
        fs::create_dir(at("mine")).expect("a directory");
        fs::write(at("mine/notes.txt"), "mine").expect("a file");
        for name in ["whole", "mine", "nothing"] {
            assert!(!clear(&at(name)).expect("nothing to do"), "{name}");
        }
        assert!(at("whole/manifest.json").exists() && at("mine/notes.txt").exists());
    }
}
