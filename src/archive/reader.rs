//! Opening an archive where it is, directory or packed.

use super::collection_reader::CollectionReader;
use super::layout::MANIFEST;
use super::manifest::{CollectionEntry, FileEntry, Manifest};
use super::store::Store;
use super::{damaged, envelope};
use dbferry_dialect::{Cancel, Error, Result};
use std::collections::HashSet;
use std::io::Read;
use std::path::{Path, PathBuf};

/// How much is read at once to hash a file, in bytes.
const BUFFER: usize = 256 << 10;

/// An archive whose manifest was read and checked.
#[derive(Debug)]
pub struct Archive {
    path: PathBuf,
    pub(super) store: Store,
    manifest: Manifest,
    manifest_file: blake3::Hash,
}

impl Archive {
    /// Opens a directory or a packed archive; which of the two is told by its content, not by its name. Reads the manifest
    /// and nothing else.
    ///
    /// # Errors
    /// [`ErrorKind::ArchiveNotFound`](dbferry_dialect::ErrorKind::ArchiveNotFound) when there is none,
    /// [`ErrorKind::ArchiveDamaged`](dbferry_dialect::ErrorKind::ArchiveDamaged) when its manifest is damaged, made by a
    /// newer version or breaks a rule of the format.
    pub fn open(path: &Path) -> Result<Self> {
        let within = |error: Error| error.with("archive", path.display());
        let store = Store::open(path).map_err(within)?;
        let file = store.manifest().map_err(within)?;
        let manifest = envelope::read(&file).map_err(|error| within(error.with("file", MANIFEST)))?;
        Ok(Self { path: path.into(), store, manifest, manifest_file: blake3::hash(&file) })
    }

    /// What it holds.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it is packed into one file.
    pub fn is_packed(&self) -> bool {
        matches!(self.store, Store::Packed(_))
    }

    /// Compares size and BLAKE3 of a collection's files with the manifest. `on_bytes` hears how many bytes were read since
    /// it was called last.
    ///
    /// # Errors
    /// [`ErrorKind::ArchiveDamaged`](dbferry_dialect::ErrorKind::ArchiveDamaged) when a file is missing or differs,
    /// [`ErrorKind::Cancelled`](dbferry_dialect::ErrorKind::Cancelled).
    pub fn check_bytes(&self, entry: &CollectionEntry, cancel: &Cancel, on_bytes: &mut dyn FnMut(u64)) -> Result<()> {
        entry
            .files()
            .try_for_each(|file| self.check_file(file, cancel, on_bytes))
            .map_err(|error| error.with("collection", &entry.collection.name))
    }

    fn check_file(&self, file: &FileEntry, cancel: &Cancel, on_bytes: &mut dyn FnMut(u64)) -> Result<()> {
        let within = |error: Error| error.with("file", &file.path);
        let range = self.store.file(&file.path)?;
        check_size(file, range.length())?;
        let mut reader = range.reader();
        let mut hasher = blake3::Hasher::new();
        let mut buffer = vec![0; BUFFER];
        loop {
            cancel.check().map_err(within)?;
            let read =
                reader.read(&mut buffer).map_err(|error| within(Error::io("cannot read the archive", error)))?;
            if read == 0 {
                break;
            }
            hasher.update(buffer.get(..read).unwrap_or_default());
            on_bytes(read as u64);
        }
        if hasher.finalize().to_hex().as_str() == file.blake3 {
            Ok(())
        } else {
            Err(within(damaged("the file is not what was written: its hash differs"))
                .hint("the file was changed or damaged after the dump; use another copy of the archive"))
        }
    }

    /// Opens the files of a collection and checks their footers: columns, facts, counts. No page is decoded.
    ///
    /// # Errors
    /// [`ErrorKind::ArchiveDamaged`](dbferry_dialect::ErrorKind::ArchiveDamaged) when a file is missing, is no Parquet
    /// file, or does not agree with the manifest, [`ErrorKind::Unsupported`](dbferry_dialect::ErrorKind::Unsupported) when
    /// the collection is of a kind that has no rows.
    pub fn collection(&self, entry: &CollectionEntry) -> Result<CollectionReader> {
        CollectionReader::open(self, entry).map_err(|error| error.with("collection", &entry.collection.name))
    }

    /// Files that are in the archive's place but not in its manifest, by their paths. They are never read; who wants
    /// nothing but an archive in that place can refuse them.
    ///
    /// # Errors
    /// [`ErrorKind::Io`](dbferry_dialect::ErrorKind::Io) when the directory cannot be listed.
    pub fn strays(&self) -> Result<Vec<String>> {
        let listed: HashSet<&str> = self.manifest.files().map(|file| file.path.as_str()).collect();
        let mut names = self.store.names()?;
        names.retain(|name| name != MANIFEST && !listed.contains(name.as_str()));
        Ok(names)
    }

    /// The manifest file once more, if it is still the one that was opened.
    pub(super) fn manifest_file(&self) -> Result<Vec<u8>> {
        let file = self.store.manifest()?;
        if blake3::hash(&file) == self.manifest_file {
            Ok(file)
        } else {
            Err(damaged("the manifest was exchanged while the archive was open"))
        }
    }
}

/// Compares a file's size with the manifest.
pub(super) fn check_size(file: &FileEntry, bytes: u64) -> Result<()> {
    if file.bytes == bytes {
        Ok(())
    } else {
        Err(damaged(format!("the file has {bytes} bytes, the manifest says {}", file.bytes)).with("file", &file.path))
    }
}
