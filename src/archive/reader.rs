//! Opening an archive where it is, directory or packed.

use super::collection_reader::CollectionReader;
use super::foreign::ForeignFiles;
use super::layout::MANIFEST;
use super::manifest::{CollectionEntry, FileEntry, Manifest};
use super::store::Store;
use super::{DAMAGED_LATER, damaged, envelope};
use dbferry_dialect::{Cancel, Error, ErrorKind, Result};
use std::collections::HashSet;
use std::io::Read;
use std::path::{Path, PathBuf};

/// How much is read at once to hash or pack a file, in bytes.
pub(super) const BUFFER: usize = 256 << 10;

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

    /// Files of other writers as an archive, with the manifest that was made for them.
    pub(crate) fn of_foreign(path: &Path, files: ForeignFiles, manifest: Manifest) -> Self {
        Self { path: path.into(), store: Store::Foreign(files), manifest, manifest_file: blake3::hash(&[]) }
    }

    /// Size and BLAKE3 of a collection's files of other writers, one after the other.
    pub(crate) fn foreign_bytes(
        &self,
        entry: &CollectionEntry,
        cancel: &Cancel,
        on_bytes: &mut dyn FnMut(u64),
    ) -> Result<(u64, String)> {
        let hashed = match &self.store {
            Store::Foreign(files) => files.hash_bytes(&entry.collection.name, cancel, on_bytes),
            _ => Err(Error::new(ErrorKind::Internal, "the files are an archive's own")),
        };
        hashed.map_err(|error| self.within(entry, error))
    }

    /// The manifest of an import, to be filled with what was found.
    pub(crate) fn manifest_mut(&mut self) -> &mut Manifest {
        &mut self.manifest
    }

    /// Whether it is made of files of other writers: its manifest then stands nowhere but here, and says what was found when
    /// they were read.
    pub fn is_foreign(&self) -> bool {
        matches!(self.store, Store::Foreign(_))
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
        let checked = match &self.store {
            Store::Foreign(files) => files.check(entry, cancel, on_bytes),
            _ => entry.files().try_for_each(|file| self.check_file(file, cancel, on_bytes)),
        };
        checked.map_err(|error| self.within(entry, error))
    }

    /// Looks whether every file that the manifest names is there with its size. Nothing of them is read.
    ///
    /// # Errors
    /// [`ErrorKind::ArchiveDamaged`](dbferry_dialect::ErrorKind::ArchiveDamaged) when a file is missing or has another size.
    pub fn check_sizes(&self) -> Result<()> {
        let sized = |file: &FileEntry| {
            let range = self.store.file(&file.path)?;
            check_size(file, range.length())
        };
        self.manifest
            .collections
            .iter()
            .try_for_each(|entry| entry.files().try_for_each(sized).map_err(|error| self.within(entry, error)))
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
            let read = reader.read(&mut buffer).map_err(|error| within(Error::io("cannot read the archive", error)))?;
            if read == 0 {
                break;
            }
            hasher.update(buffer.get(..read).unwrap_or_default());
            on_bytes(read as u64);
        }
        if hasher.finalize().to_hex().as_str() == file.blake3 {
            Ok(())
        } else {
            Err(within(damaged("the file is not what was written: its hash differs")).hint(DAMAGED_LATER))
        }
    }

    /// Opens the files of a collection and checks their footers: columns, facts, counts. No page is decoded.
    ///
    /// # Errors
    /// [`ErrorKind::ArchiveDamaged`](dbferry_dialect::ErrorKind::ArchiveDamaged) when a file is missing, is no Parquet
    /// file, or does not agree with the manifest, [`ErrorKind::Unsupported`](dbferry_dialect::ErrorKind::Unsupported) when
    /// the collection is of a kind that has no rows.
    pub fn collection(&self, entry: &CollectionEntry) -> Result<CollectionReader> {
        CollectionReader::open(self, entry).map_err(|error| self.within(entry, error))
    }

    fn within(&self, entry: &CollectionEntry, error: Error) -> Error {
        error.with("collection", &entry.collection.name).with("archive", self.path.display())
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
        Err(damaged(format!("the file has {bytes} bytes, the manifest says {}", file.bytes))
            .with("file", &file.path)
            .hint(DAMAGED_LATER))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;
    use std::fs;

    fn is_sync<T: Send + Sync>() {}

    fn check_all(path: &Path) -> Result<u64> {
        let archive = Archive::open(path)?;
        let mut bytes = 0;
        for entry in &archive.manifest().collections {
            archive.check_bytes(entry, &Cancel::new(), &mut |read| bytes += read)?;
        }
        Ok(bytes)
    }

    /// Writes an archive, damages it, and says what is found.
    fn damage(damage: impl Fn(&Path)) -> Error {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("a");
        testing::write(&path);
        damage(&path);
        let error = check_all(&path).expect_err("damage");
        assert_eq!(error.kind(), ErrorKind::ArchiveDamaged, "{error}");
        error
    }

    const FILE: &str = "data/user/main.wide.parquet";

    #[test]
    fn an_undamaged_archive_passes() {
        is_sync::<Archive>();
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("a");
        let manifest = testing::write(&path);
        assert_eq!(check_all(&path).expect("an archive"), manifest.bytes());
        let archive = Archive::open(&path).expect("an archive");
        let cancel = Cancel::new();
        cancel.cancel();
        let cancelled = archive.check_bytes(&manifest.collections[0], &cancel, &mut |_| {});
        assert_eq!(cancelled.expect_err("cancelled").kind(), ErrorKind::Cancelled);
    }

    #[test]
    fn damaged_files_are_named() {
        let flipped = damage(|path| {
            let mut content = fs::read(path.join(FILE)).expect("content");
            let middle = content.len() / 2;
            content[middle] ^= 1;
            fs::write(path.join(FILE), content).expect("a file");
        });
        let expected =
            format!("the file is not what was written: its hash differs (file {FILE}, collection main.wide, archive ");
        assert!(flipped.to_string().starts_with(&expected), "{flipped}");
        let truncated = damage(|path| {
            let content = fs::read(path.join(FILE)).expect("content");
            fs::write(path.join(FILE), &content[..content.len() - 1]).expect("a file");
        });
        assert!(truncated.to_string().contains("bytes, the manifest says"), "{truncated}");
        let missing = damage(|path| fs::remove_file(path.join(FILE)).expect("a file"));
        assert!(missing.to_string().contains("missing"), "{missing}");
    }

    #[test]
    fn a_damaged_manifest_is_named() {
        let flipped = damage(|path| {
            let file = path.join(MANIFEST);
            let content = fs::read_to_string(&file).expect("content");
            fs::write(&file, content.replace("\"main\"", "\"mein\"")).expect("a file");
        });
        assert!(flipped.to_string().contains("its hash differs"), "{flipped}");
        let directory = damage(|path| {
            fs::remove_file(path.join(MANIFEST)).expect("a file");
            fs::create_dir(path.join(MANIFEST)).expect("a directory");
        });
        assert!(directory.to_string().contains("symbolic link or another thing"), "{directory}");
        let large = damage(|path| {
            let file = fs::File::options().write(true).open(path.join(MANIFEST)).expect("a file");
            file.set_len(300 << 20).expect("a sparse file");
        });
        assert!(large.to_string().contains("more than"), "{large}");
    }

    #[cfg(unix)]
    #[test]
    fn symbolic_links_are_not_followed() {
        use std::os::unix::fs::symlink;
        for link in [FILE, "data/user", "data", MANIFEST] {
            let error = damage(|path| {
                let elsewhere = path.with_extension("elsewhere");
                fs::rename(path.join(link), &elsewhere).expect("a move");
                symlink(&elsewhere, path.join(link)).expect("a link");
            });
            assert!(error.to_string().contains("symbolic link"), "{link}: {error}");
        }
    }

    #[test]
    fn strays_are_found_and_not_read() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("a");
        testing::write(&path);
        assert!(Archive::open(&path).expect("an archive").strays().expect("a listing").is_empty());
        fs::create_dir_all(path.join("data/deep/er")).expect("directories");
        for name in ["notes.txt", "data/user/main.x.parquet", "data/deep/er/x"] {
            fs::write(path.join(name), "x").expect("a file");
        }
        let strays = Archive::open(&path).expect("an archive").strays().expect("a listing");
        assert_eq!(strays, ["data/deep/er/x", "data/user/main.x.parquet", "notes.txt"]);
    }

    #[test]
    fn where_there_is_no_archive_it_says_so() {
        let directory = tempfile::tempdir().expect("a directory");
        let kind = |path: &Path| Archive::open(path).expect_err("no archive").kind();
        assert_eq!(kind(&directory.path().join("nothing")), ErrorKind::ArchiveNotFound);
        assert_eq!(kind(directory.path()), ErrorKind::ArchiveNotFound);
        for content in [&b""[..], b"PK", b"SQLite format 3\0", b"PK\x03\x04 some other zip, longer than the header"] {
            let path = directory.path().join("file.zip");
            fs::write(&path, content).expect("a file");
            assert_eq!(kind(&path), ErrorKind::ArchiveNotFound);
        }
    }
}
