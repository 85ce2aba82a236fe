//! Writing an archive: the directory, its files in their order, the manifest last.

use super::collection_writer::CollectionWriter;
use super::disk::{Disk, HashedFile};
use super::layout::{self, DATA, MANIFEST};
use super::manifest::{FileEntry, Manifest};
use super::{WriteOptions, envelope};
use dbferry_dialect::{Collection, DatabaseInfo, Error, ErrorKind, Result};
use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Writes one archive into a directory. Its methods can be called from many threads.
///
/// Nothing is an archive before [`ArchiveWriter::finish`] is through. Dropped without it, whatever was written is removed,
/// as far as that is possible, once the last [`CollectionWriter`] is gone too.
#[derive(Debug)]
pub struct ArchiveWriter {
    shared: Arc<Shared>,
}

/// What the writer of an archive and the writers of its collections share.
#[derive(Debug)]
pub(super) struct Shared {
    root: PathBuf,
    pub(super) disk: Disk,
    pub(super) options: WriteOptions,
    /// Whether the directory did not exist before.
    created: bool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Directories below the archive, by path.
    directories: BTreeSet<String>,
    /// Files below the archive; without a value while they are being written.
    files: BTreeMap<String, Option<FileEntry>>,
    complete: bool,
}

impl ArchiveWriter {
    /// Begins an archive in a directory that does not exist or is empty. Its parent must exist.
    ///
    /// # Errors
    /// [`ErrorKind::ArchiveLocked`] when there is something already, [`ErrorKind::Usage`] for an impossible compression,
    /// [`ErrorKind::Io`] when the directory cannot be created.
    pub fn create(path: &Path, options: WriteOptions) -> Result<Self> {
        Self::create_on(Disk::default(), path, options)
    }

    pub(super) fn create_on(disk: Disk, path: &Path, options: WriteOptions) -> Result<Self> {
        options.compression.codec()?;
        let cannot = |error: io::Error| {
            let missing = error.kind() == io::ErrorKind::NotFound;
            let error = Error::io(format!("cannot create {}", path.display()), error);
            if missing { error.hint("create the directory that it is to be in") } else { error }
        };
        let locked = || {
            Error::new(ErrorKind::ArchiveLocked, format!("{} is there already and not empty", path.display()))
                .hint("a finished archive is never overwritten: choose another name, or remove it first")
        };
        let created = match disk.create_directory(path) {
            Ok(()) => true,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let mut entries = fs::read_dir(path).map_err(|error| match error.kind() {
                    io::ErrorKind::NotADirectory => locked(),
                    _ => cannot(error),
                })?;
                if entries.next().is_some() {
                    return Err(locked());
                }
                false
            }
            Err(error) => return Err(cannot(error)),
        };
        let shared = Shared { root: path.into(), disk, options, created, state: Mutex::default() };
        // Of two writers that found the same empty directory, one cannot create this.
        shared.disk.create_directory(&path.join(DATA)).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => locked(),
            _ => cannot(error),
        })?;
        shared.state().directories.insert(DATA.into());
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Begins the files of a collection that is in `group`.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] for a collection without columns, [`ErrorKind::Internal`] when it was begun before or
    /// has no rows by its kind, [`ErrorKind::Io`] when the file cannot be created.
    pub fn collection(&self, collection: &Collection, group: &str, source: &DatabaseInfo) -> Result<CollectionWriter> {
        CollectionWriter::create(&self.shared, collection, group, &source.dialect)
            .map_err(|error| error.with("collection", &collection.name))
    }

    /// Completes the archive: makes everything durable and writes the manifest. The manifest lists exactly the files that
    /// were written here.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] when the manifest does not list these files or breaks a rule of the format,
    /// [`ErrorKind::Io`] when something cannot be written.
    pub fn finish(self, manifest: impl Borrow<Manifest>) -> Result<()> {
        let manifest = manifest.borrow();
        self.finish_with(manifest, &envelope::write(manifest)?)
    }

    /// The same with the bytes of the manifest file at hand.
    pub(super) fn finish_with(self, manifest: &Manifest, bytes: &[u8]) -> Result<()> {
        let shared = &self.shared;
        let directories = {
            let state = shared.state();
            let mut unlisted = state.files.clone();
            for file in manifest.files() {
                if unlisted.remove(&file.path) != Some(Some(file.clone())) {
                    return Err(Error::new(ErrorKind::Internal, "the manifest lists a file that was not written so")
                        .with("file", &file.path));
                }
            }
            if let Some(path) = unlisted.keys().next() {
                return Err(Error::new(ErrorKind::Internal, "the manifest does not list a file that was written")
                    .with("file", path));
            }
            state.directories.clone()
        };
        // The deepest first: a directory is durable when the one that it is in is.
        for directory in directories.iter().rev() {
            shared.disk.sync_directory(&shared.root.join(directory))?;
        }
        let mut file = HashedFile::create(&shared.disk, shared.root.join(MANIFEST))?;
        file.write_all(bytes)
            .map_err(|error| Error::io(format!("cannot write {}", file.target().display()), error))?;
        file.finish()?;
        // From here on it is an archive, so nothing is taken back if the last steps fail.
        shared.state().complete = true;
        shared.disk.sync_directory(&shared.root)?;
        match shared.root.parent() {
            Some(parent) if parent != Path::new("") => shared.disk.sync_directory(parent),
            _ => shared.disk.sync_directory(Path::new(".")),
        }
    }

    /// Copies a file that was written elsewhere and is listed in a manifest as `expected`.
    ///
    /// # Errors
    /// [`ErrorKind::ArchiveDamaged`] when it is not what is expected.
    pub(super) fn copy(&self, group: &str, expected: &FileEntry, source: &mut dyn io::Read) -> Result<()> {
        let mut file = self.shared.begin(group, &expected.path)?;
        io::copy(source, &mut file)
            .map_err(|error| Error::io(format!("cannot copy to {}", file.target().display()), error))?;
        let written = self.shared.end(&expected.path, file)?;
        if written == *expected {
            Ok(())
        } else {
            Err(super::damaged("the file is not what the manifest says").with("file", &expected.path))
        }
    }
}

impl Shared {
    /// Creates the file at `path`, which is in the directory of `group`, under its temporary name.
    pub(super) fn begin(&self, group: &str, path: &str) -> Result<HashedFile> {
        let directory = layout::group_path(group);
        let mut state = self.state();
        if !state.directories.contains(&directory) {
            self.disk
                .create_directory(&self.root.join(&directory))
                .map_err(|error| Error::io(format!("cannot create {}", self.root.join(&directory).display()), error))?;
            state.directories.insert(directory);
        }
        if state.files.insert(path.into(), None).is_some() {
            return Err(Error::new(ErrorKind::Internal, "the file was begun before").with("file", path));
        }
        drop(state);
        HashedFile::create(&self.disk, self.root.join(path))
    }

    /// Gives the file at `path` its final name.
    pub(super) fn end(&self, path: &str, file: HashedFile) -> Result<FileEntry> {
        let (bytes, blake3) = file.finish()?;
        let entry = FileEntry { path: path.into(), bytes, blake3 };
        self.state().files.insert(path.into(), Some(entry.clone()));
        Ok(entry)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // What the lock guards is a list, which is whole at every moment.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let state = std::mem::take(self.state.get_mut().unwrap_or_else(PoisonError::into_inner));
        if state.complete {
            return;
        }
        // Only what has its final name: a file under its temporary name removed itself.
        for (path, _) in state.files.iter().filter(|(_, entry)| entry.is_some()) {
            self.disk.discard_file(&self.root.join(path));
        }
        for directory in state.directories.iter().rev() {
            self.disk.discard_directory(&self.root.join(directory));
        }
        if self.created {
            self.disk.discard_directory(&self.root);
        }
    }
}
