//! The few file operations that writing an archive consists of, each of which may be the last one.
//!
//! An archive is complete when its manifest has its final name, and everything before that is ordered so that a crash
//! between any two operations leaves something that is not an archive. All operations that write go through [`Disk`],
//! which lets the tests stop at each of them in turn.

use super::layout::PARTIAL;
use dbferry_dialect::{Error, ErrorKind, Result};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// The file system, as writers of archives use it.
#[derive(Clone, Debug, Default)]
pub(super) struct Disk {
    #[cfg(test)]
    power: Option<std::sync::Arc<std::sync::atomic::AtomicUsize>>,
}

impl Disk {
    /// A file system that stops for good after `operations` operations, as if the process had been killed there.
    #[cfg(test)]
    pub(super) fn failing_after(operations: usize) -> Self {
        Self { power: Some(std::sync::Arc::new(operations.into())) }
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

    /// Makes the names in a directory durable.
    pub(super) fn sync_directory(&self, path: &Path) -> Result<()> {
        let sync = || {
            self.step()?;
            // Elsewhere a directory cannot be opened as a file, and its entries are durable without it.
            if cfg!(unix) { File::open(path)?.sync_all() } else { Ok(()) }
        };
        sync().map_err(|error| Error::io(format!("cannot make {} durable", path.display()), error))
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
            io::ErrorKind::AlreadyExists => {
                Error::new(ErrorKind::ArchiveLocked, format!("{} is there already", partial.display()))
                    .hint("another run is writing it, or one was interrupted; if none is running, remove it")
            }
            _ => Error::io(format!("cannot create {}", partial.display()), error),
        })?;
        Ok(Self { disk: disk.clone(), target, partial, file: Some(file) })
    }

    /// The file's final name.
    pub(super) fn target(&self) -> &Path {
        &self.target
    }

    /// Makes the content durable and gives the file its final name, which must be free.
    pub(super) fn finish(mut self) -> Result<()> {
        self.disk
            .step()
            .and_then(|()| self.open_file()?.sync_all())
            .map_err(|error| Error::io(format!("cannot make {} durable", self.partial.display()), error))?;
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

/// A [`PartialFile`] that is hashed while it is written, from the first byte to the last.
#[derive(Debug)]
pub(super) struct HashedFile {
    file: PartialFile,
    hasher: blake3::Hasher,
    bytes: u64,
}

impl HashedFile {
    /// Creates `target` under its temporary name.
    pub(super) fn create(disk: &Disk, target: PathBuf) -> Result<Self> {
        Ok(Self { file: PartialFile::create(disk, target)?, hasher: blake3::Hasher::new(), bytes: 0 })
    }

    /// The file's final name.
    pub(super) fn target(&self) -> &Path {
        self.file.target()
    }

    /// Makes the content durable and gives the file its final name. Returns its size and BLAKE3.
    pub(super) fn finish(self) -> Result<(u64, String)> {
        self.file.finish()?;
        Ok((self.bytes, self.hasher.finalize().to_hex().to_string()))
    }
}

impl Write for HashedFile {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let written = self.file.write(buffer)?;
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
}
