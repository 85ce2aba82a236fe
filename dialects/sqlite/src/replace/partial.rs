//! A database that is built beside its place and shown only when it is whole.
//!
//! The file is `<name>.dbferry-<random>.partial` in the target's directory, readable by its owner only. It becomes visible
//! by a hard link, which fails when somebody created the target meanwhile, so that no file is ever replaced; then the
//! first name goes away. A file system without hard links gets the same promise in two steps: the name is taken with an
//! empty file that must not exist yet, and the finished file is renamed over it.
//!
//! Dropping it unpublished removes it. A process that is killed leaves the `.partial` file; nothing takes it for a
//! database, nothing removes it later, and it may be deleted by hand.

use dbferry_dialect::{Error, ErrorKind, Result};
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions};
use std::hash::{BuildHasher, RandomState};
use std::io::ErrorKind as IoErrorKind;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

/// What SQLite may keep beside a database.
const COMPANIONS: [&str; 3] = ["-journal", "-wal", "-shm"];

/// From how many bytes on it is worth to begin early with what a disk takes long for.
const SLOW_BYTES: u64 = 32 << 20;

/// A file that is not yet in its place.
#[derive(Debug)]
pub(super) struct Partial {
    path: PathBuf,
    target: PathBuf,
    /// Whoever writes it to the disk, and the file that is open for it.
    flushing: Option<JoinHandle<File>>,
}

impl Partial {
    /// Creates an empty file beside `target`, an absolute path at which there is nothing.
    ///
    /// # Errors
    /// [`ErrorKind::ArchiveLocked`] when something is at `target` or beside it, [`ErrorKind::Io`] or
    /// [`ErrorKind::Permission`] when the directory takes no new file.
    pub(super) fn create(target: &Path) -> Result<Self> {
        refuse_occupied(target)?;
        let name = target
            .file_name()
            .ok_or_else(|| Error::new(ErrorKind::Usage, format!("{} is not the name of a file", target.display())))?;
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        loop {
            let random = RandomState::new().hash_one(std::process::id());
            let mut partial = OsString::from(name);
            partial.push(format!(".dbferry-{random:016x}.partial"));
            let path = target.with_file_name(partial);
            match options.open(&path) {
                Ok(_) => return Ok(Self { path, target: target.to_owned(), flushing: None }),
                Err(error) if error.kind() == IoErrorKind::AlreadyExists => {}
                Err(error) => return Err(unwritable(format!("cannot create {}", path.display()), error)),
            }
        }
    }

    /// Where the file is now.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Begins to write what is there to the disk, while others have work for the processor. Whether that worked is asked when
    /// the file is published, which writes the rest.
    pub(super) fn flush_early(&mut self) {
        if self.flushing.is_some() || !fs::metadata(&self.path).is_ok_and(|file| file.len() >= SLOW_BYTES) {
            return;
        }
        if let Ok(file) = File::open(&self.path) {
            let flush = move || {
                let _ = file.sync_data();
                // Closing it would take SQLite's locks on it away.
                file
            };
            self.flushing = std::thread::Builder::new().spawn(flush).ok();
        }
    }

    /// Makes the file durable and gives it its name. SQLite must have closed it.
    ///
    /// # Errors
    /// [`ErrorKind::ArchiveLocked`] when something took the name meanwhile.
    pub(super) fn publish(mut self) -> Result<()> {
        drop(self.flushing.take().map(JoinHandle::join));
        let sync = |path: &Path| {
            File::open(path)
                .and_then(|file| file.sync_all())
                .map_err(|error| unwritable(format!("cannot make {} durable", path.display()), error))
        };
        sync(&self.path)?;
        refuse_occupied(&self.target)?;
        match fs::hard_link(&self.path, &self.target) {
            Ok(()) => {}
            Err(error) if error.kind() == IoErrorKind::AlreadyExists => return Err(occupied(&self.target)),
            Err(_) => self.publish_without_links()?,
        }
        // The first name goes away with `self`, before the directory is synchronised.
        let directory = self.target.parent().map(Path::to_owned);
        drop(self);
        match directory {
            Some(directory) if cfg!(unix) => sync(&directory),
            _ => Ok(()),
        }
    }

    fn publish_without_links(&self) -> Result<()> {
        let doing = || format!("cannot create {}", self.target.display());
        match OpenOptions::new().write(true).create_new(true).open(&self.target) {
            Ok(_) => fs::rename(&self.path, &self.target).map_err(|error| {
                // The empty file is ours: it did not exist before.
                let _ = fs::remove_file(&self.target);
                unwritable(doing(), error)
            }),
            Err(error) if error.kind() == IoErrorKind::AlreadyExists => Err(occupied(&self.target)),
            Err(error) => Err(unwritable(doing(), error)),
        }
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        // Nothing can be done about a failure here; the name says what the file is.
        let _ = fs::remove_file(&self.path);
        for companion in COMPANIONS {
            let _ = fs::remove_file(beside(&self.path, companion));
        }
    }
}

/// Refuses a target that exists, and one that has another database's journal beside it: SQLite would roll that journal
/// into the new file.
fn refuse_occupied(target: &Path) -> Result<()> {
    if fs::symlink_metadata(target).is_ok() {
        return Err(occupied(target));
    }
    match COMPANIONS.iter().map(|companion| beside(target, companion)).find(|path| fs::symlink_metadata(path).is_ok()) {
        None => Ok(()),
        Some(path) => Err(Error::new(
            ErrorKind::ArchiveLocked,
            format!("{} belongs to a database that is no longer there", path.display()),
        )
        .hint("SQLite would apply that file to the new database; move it away first")),
    }
}

fn occupied(target: &Path) -> Error {
    Error::new(ErrorKind::ArchiveLocked, format!("{} was created by somebody else meanwhile", target.display()))
        .hint("it was left alone; run the restore again to restore into it")
}

fn unwritable(doing: String, error: std::io::Error) -> Error {
    match error.kind() {
        IoErrorKind::PermissionDenied | IoErrorKind::ReadOnlyFilesystem => {
            Error::new(ErrorKind::Permission, doing).hint("the target's directory must be writable").caused_by(error)
        }
        IoErrorKind::StorageFull | IoErrorKind::QuotaExceeded => {
            Error::io(doing, error).hint("the disk is full; free some space and try again")
        }
        IoErrorKind::NotFound => Error::io(doing, error).hint("the target's directory must exist"),
        _ => Error::io(doing, error),
    }
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or(OsStr::new("")).to_owned();
    name.push(suffix);
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_never_replaced() {
        let directory = tempfile::tempdir().expect("a directory");
        let target = directory.path().join("new.db");
        let partial = Partial::create(&target).expect("a partial file");
        fs::write(&target, "somebody else's").expect("a file");
        assert_eq!(partial.publish().expect_err("occupied").kind(), ErrorKind::ArchiveLocked);
        assert_eq!(fs::read_to_string(&target).expect("the file"), "somebody else's");
        assert_eq!(fs::read_dir(directory.path()).expect("a directory").count(), 1, "the partial file is gone");
        assert_eq!(Partial::create(&target).expect_err("occupied").kind(), ErrorKind::ArchiveLocked);
    }

    #[test]
    fn the_way_without_links_does_the_same() {
        let directory = tempfile::tempdir().expect("a directory");
        let target = directory.path().join("new.db");
        let partial = Partial::create(&target).expect("a partial file");
        fs::write(partial.path(), "ours").expect("a file");
        partial.publish_without_links().expect("published");
        assert_eq!(fs::read_to_string(&target).expect("the file"), "ours");
        let second = Partial { path: partial.path().to_owned(), target: target.clone(), flushing: None };
        assert_eq!(second.publish_without_links().expect_err("occupied").kind(), ErrorKind::ArchiveLocked);
    }

    #[test]
    fn what_is_large_goes_to_the_disk_early() {
        for (bytes, early) in [(SLOW_BYTES, true), (SLOW_BYTES - 1, false)] {
            let directory = tempfile::tempdir().expect("a directory");
            let target = directory.path().join("new.db");
            let mut partial = Partial::create(&target).expect("a partial file");
            OpenOptions::new().write(true).open(partial.path()).and_then(|file| file.set_len(bytes)).expect("a file");
            partial.flush_early();
            assert_eq!(partial.flushing.is_some(), early);
            partial.flush_early();
            partial.publish().expect("published");
            assert_eq!(fs::metadata(&target).expect("the file").len(), bytes);
        }
    }

    #[test]
    fn a_stray_journal_is_refused() {
        let directory = tempfile::tempdir().expect("a directory");
        fs::write(directory.path().join("new.db-journal"), "").expect("a file");
        let error = Partial::create(&directory.path().join("new.db")).expect_err("a stray journal");
        assert_eq!(error.kind(), ErrorKind::ArchiveLocked);
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_reads_it() {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = tempfile::tempdir().expect("a directory");
        let target = directory.path().join("new.db");
        Partial::create(&target).expect("a partial file").publish().expect("published");
        assert_eq!(fs::metadata(&target).expect("the file").permissions().mode() & 0o777, 0o600);
    }
}
