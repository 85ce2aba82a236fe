//! The few file operations that writing an archive consists of, each of which may be the last one.
//!
//! An archive is complete when its manifest has its final name, and everything before that is ordered so that a crash
//! between any two operations leaves something that is not an archive. All operations that write go through [`Disk`],
//! which lets the tests stop at each of them in turn.

use super::layout::PARTIAL;
use super::store::same_file;
use dbferry_dialect::{Error, ErrorKind, Result};
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

/// The file system, as writers of archives use it.
#[derive(Clone, Debug, Default)]
pub(super) struct Disk {
    /// Whether what is written into files is thrown away.
    forgetful: bool,
    #[cfg(test)]
    power: Option<Arc<std::sync::atomic::AtomicUsize>>,
}

impl Disk {
    /// A file system whose files stay empty, whatever is written into them: for measurements.
    pub(super) fn forgetful() -> Self {
        Self {
            forgetful: true,
            #[cfg(test)]
            power: None,
        }
    }

    /// A file system that stops for good after `operations` operations, as if the process had been killed there.
    #[cfg(test)]
    pub(super) fn failing_after(operations: usize) -> Self {
        Self { power: Some(Arc::new(operations.into())), ..Self::default() }
    }

    fn step(&self) -> io::Result<()> {
        #[cfg(test)]
        if let Some(power) = &self.power {
            use std::sync::atomic::Ordering::Relaxed;
            if power.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)).is_err() {
                return Err(io::Error::other("the power is gone"));
            }
        }
        Ok(())
    }

    /// Creates a directory that nobody else may look into.
    pub(super) fn create_directory(&self, path: &Path) -> io::Result<()> {
        self.step()?;
        let mut builder = DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(path)
    }

    fn create_file(&self, path: &Path) -> io::Result<File> {
        self.step()?;
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step()?;
        fs::rename(from, to)
    }

    /// Opens a file to write to it, as it is.
    fn open_file(&self, path: &Path) -> io::Result<File> {
        self.step()?;
        OpenOptions::new().write(true).open(path)
    }

    /// Removes a file of a run that was interrupted.
    pub(super) fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.step()?;
        fs::remove_file(path)
    }

    /// Removes an empty directory of a run that was interrupted.
    pub(super) fn remove_directory(&self, path: &Path) -> io::Result<()> {
        self.step()?;
        fs::remove_dir(path)
    }

    /// Makes the content of a file durable that has its final name.
    pub(super) fn sync_file(&self, path: &Path) -> Result<()> {
        if self.forgetful {
            return Ok(());
        }
        self.open_file(path).and_then(|file| file.sync_all()).map_err(|error| cannot_sync(path, error))
    }

    /// Makes the names in a directory durable.
    pub(super) fn sync_directory(&self, path: &Path) -> Result<()> {
        let sync = || {
            self.step()?;
            // Elsewhere a directory cannot be opened as a file, and its entries are durable without it.
            if cfg!(unix) && !self.forgetful { File::open(path)?.sync_all() } else { Ok(()) }
        };
        sync().map_err(|error| cannot_sync(path, error))
    }

    /// Removes a file that this run wrote. A failure is of no use to anybody: the caller is giving up already.
    pub(super) fn discard_file(&self, path: &Path) {
        if self.step().is_ok() {
            let _ = fs::remove_file(path);
        }
    }

    /// Removes a directory that this run created, if it is empty.
    pub(super) fn discard_directory(&self, path: &Path) {
        if self.step().is_ok() {
            let _ = fs::remove_dir(path);
        }
    }
}

/// A file under its temporary name. Dropped without [`PartialFile::finish`] it is removed.
#[derive(Debug)]
pub(super) struct PartialFile {
    disk: Disk,
    target: PathBuf,
    partial: PathBuf,
    /// Absent once the file has its final name.
    file: Option<File>,
}

impl PartialFile {
    /// Creates `target` under its temporary name.
    pub(super) fn create(disk: &Disk, target: PathBuf) -> Result<Self> {
        let partial = partial_path(&target);
        let file = disk.create_file(&partial).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => in_use(&partial),
            _ => cannot_create(&partial, error),
        })?;
        Ok(Self { disk: disk.clone(), target, partial, file: Some(file) })
    }

    /// Creates `target` under its temporary name, or takes the file of that name that an interrupted run left, and locks it
    /// for as long as it is open. The system gives the lock back when a process dies, however it dies: a file that can be
    /// locked is nobody's.
    ///
    /// Where the file system has no locks it is created without one, and one that is there is never taken.
    ///
    /// # Errors
    /// [`ErrorKind::ArchiveLocked`] when another run has it.
    pub(super) fn claim(disk: &Disk, target: PathBuf) -> Result<Self> {
        let partial = partial_path(&target);
        let (file, created) = match disk.create_file(&partial) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                // What is no regular file was never written here.
                if !partial.symlink_metadata().is_ok_and(|metadata| metadata.is_file()) {
                    return Err(in_use(&partial));
                }
                (disk.open_file(&partial).map_err(|error| cannot_create(&partial, error))?, false)
            }
            result => (result.map_err(|error| cannot_create(&partial, error))?, true),
        };
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::Error(_)) if created => {}
            Err(_) => return Err(in_use(&partial)),
        }
        // Between opening and locking it, whoever had it may have finished it or given it up.
        let still_there = || Ok::<_, io::Error>(same_file(&partial.symlink_metadata()?, &file.metadata()?));
        if !still_there().unwrap_or(false) {
            return Err(in_use(&partial));
        }
        file.set_len(0).map_err(|error| cannot_create(&partial, error))?;
        Ok(Self { disk: disk.clone(), target, partial, file: Some(file) })
    }

    /// The file's final name.
    pub(super) fn target(&self) -> &Path {
        &self.target
    }

    /// Makes the content durable and gives the file its final name, which must be free.
    pub(super) fn finish(self) -> Result<()> {
        self.disk
            .step()
            .and_then(|()| if self.disk.forgetful { Ok(()) } else { self.open_file()?.sync_all() })
            .map_err(|error| cannot_sync(&self.partial, error))?;
        self.finish_volatile()
    }

    /// Gives the file its final name, which must be free. Somebody has to [`Disk::sync_file`] it.
    fn finish_volatile(mut self) -> Result<()> {
        if self.target.symlink_metadata().is_ok() {
            return Err(Error::new(ErrorKind::ArchiveLocked, format!("{} is there already", self.target.display())));
        }
        self.disk
            .rename(&self.partial, &self.target)
            .map_err(|error| Error::io(format!("cannot rename {}", self.partial.display()), error))?;
        self.file = None;
        Ok(())
    }

    fn open_file(&self) -> io::Result<&File> {
        self.file.as_ref().ok_or_else(|| io::Error::other("the file has its final name already"))
    }
}

impl Write for PartialFile {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.disk.step()?;
        if self.disk.forgetful {
            return Ok(buffer.len());
        }
        self.open_file()?.write(buffer)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for PartialFile {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.open_file()?.seek(position)
    }
}

impl Drop for PartialFile {
    fn drop(&mut self) {
        if self.file.take().is_some() {
            self.disk.discard_file(&self.partial);
        }
    }
}

fn in_use(partial: &Path) -> Error {
    Error::new(ErrorKind::ArchiveLocked, format!("{} is there already", partial.display()))
        .hint("another run is writing it, or one was interrupted; if none is running, remove it")
}

fn cannot_sync(path: &Path, error: io::Error) -> Error {
    Error::io(format!("cannot make {} durable", path.display()), error)
}

/// A file or directory that cannot be created.
pub(super) fn cannot_create(path: &Path, error: io::Error) -> Error {
    let missing = error.kind() == io::ErrorKind::NotFound;
    let error = Error::io(format!("cannot create {}", path.display()), error);
    if missing { error.hint("create the directory that it is to be in") } else { error }
}

/// A [`PartialFile`] that is hashed while it is written, from the first byte to the last.
#[derive(Debug)]
pub(super) struct HashedFile {
    file: PartialFile,
    hasher: blake3::Hasher,
    bytes: u64,
    failure: Failure,
}

/// Why writing to a file failed first. Whoever writes through layers that turn a failure into text can still tell it.
#[derive(Clone, Debug, Default)]
pub(super) struct Failure(Arc<OnceLock<(io::ErrorKind, String)>>);

impl Failure {
    /// The failure, if there was one.
    pub(super) fn get(&self) -> Option<io::Error> {
        self.0.get().map(|(kind, message)| io::Error::new(*kind, message.clone()))
    }
}

impl HashedFile {
    /// Creates `target` under its temporary name.
    pub(super) fn create(disk: &Disk, target: PathBuf) -> Result<Self> {
        Ok(Self::new(PartialFile::create(disk, target)?))
    }

    /// Creates or takes over `target` as [`PartialFile::claim`] does.
    pub(super) fn claim(disk: &Disk, target: PathBuf) -> Result<Self> {
        Ok(Self::new(PartialFile::claim(disk, target)?))
    }

    fn new(file: PartialFile) -> Self {
        Self { file, hasher: blake3::Hasher::new(), bytes: 0, failure: Failure::default() }
    }

    /// Where a failure to write is kept.
    pub(super) fn failure(&self) -> Failure {
        self.failure.clone()
    }

    /// The file's final name.
    pub(super) fn target(&self) -> &Path {
        self.file.target()
    }

    /// What was written so far, in bytes.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Makes the content durable and gives the file its final name. Returns its size and BLAKE3.
    pub(super) fn finish(self) -> Result<(u64, String)> {
        self.file.finish()?;
        Ok((self.bytes, self.hasher.finalize().to_hex().to_string()))
    }

    /// The same, but its content is durable only after [`Disk::sync_file`].
    pub(super) fn finish_volatile(self) -> Result<(u64, String)> {
        self.file.finish_volatile()?;
        Ok((self.bytes, self.hasher.finalize().to_hex().to_string()))
    }
}

impl Write for HashedFile {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let written = self.file.write(buffer).inspect_err(|error| {
            // An interrupted call is made again.
            if error.kind() != io::ErrorKind::Interrupted {
                self.failure.0.get_or_init(|| (error.kind(), error.to_string()));
            }
        })?;
        self.hasher.update(buffer.get(..written).unwrap_or(buffer));
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// The temporary name of a file.
pub(super) fn partial_path(target: &Path) -> PathBuf {
    let mut partial = target.as_os_str().to_owned();
    partial.push(PARTIAL);
    PathBuf::from(partial)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_file_leaves_nothing_and_a_finished_one_is_private() {
        let directory = tempfile::tempdir().expect("a directory");
        let target = directory.path().join("x");
        let mut file = HashedFile::create(&Disk::default(), target.clone()).expect("a file");
        assert_eq!(
            HashedFile::create(&Disk::default(), target.clone()).expect_err("a lock").kind(),
            ErrorKind::ArchiveLocked
        );
        file.write_all(b"abc").expect("a write");
        drop(file);
        assert_eq!(fs::read_dir(directory.path()).expect("a listing").count(), 0);

        let mut file = HashedFile::create(&Disk::default(), target.clone()).expect("a file");
        file.write_all(b"abc").expect("a write");
        let (bytes, hash) = file.finish().expect("a file");
        assert_eq!((bytes, hash), (3, blake3::hash(b"abc").to_hex().to_string()));
        #[cfg(unix)]
        assert_eq!(
            std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&target).expect("metadata").permissions()) & 0o777,
            0o600
        );
        let file = HashedFile::create(&Disk::default(), target).expect("a file");
        assert_eq!(file.finish().expect_err("no overwriting").kind(), ErrorKind::ArchiveLocked);
    }
    #[test]
    fn a_file_is_claimed_by_one_run_and_taken_over_from_a_dead_one() {
        let directory = tempfile::tempdir().expect("a directory");
        let target = directory.path().join("x");
        let claim = || HashedFile::claim(&Disk::default(), target.clone());
        let mut first = claim().expect("a file");
        first.write_all(b"abc").expect("a write");
        assert_eq!(claim().expect_err("it is claimed").kind(), ErrorKind::ArchiveLocked);
        assert_eq!(fs::read(partial_path(&target)).expect("content"), b"abc", "the other one changed nothing");
        // As if the process had been killed: nothing is tidied up, and the lock is given back.
        first.file.file = None;
        let mut second = claim().expect("a file that is nobody's");
        second.write_all(b"de").expect("a write");
        assert_eq!(second.finish().expect("a file").0, 2);
        assert_eq!(fs::read(&target).expect("content"), b"de");

        fs::create_dir(partial_path(&target)).expect("a directory");
        assert_eq!(claim().expect_err("no file").kind(), ErrorKind::ArchiveLocked);
    }

    #[test]
    fn the_first_failure_is_kept() {
        let directory = tempfile::tempdir().expect("a directory");
        let mut file = HashedFile::create(&Disk::failing_after(2), directory.path().join("x")).expect("a file");
        let failure = file.failure();
        file.write_all(b"abc").expect("a write");
        assert!(failure.get().is_none());
        file.write_all(b"abc").expect_err("no power");
        assert_eq!(failure.get().expect("a failure").to_string(), "the power is gone");
    }
}
