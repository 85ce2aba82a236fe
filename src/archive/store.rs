//! Where an archive's files are: in a directory, or in one packed file. Both give ranges of bytes; nothing is extracted.

use super::layout::{self, MANIFEST};
use super::{LARGEST_MANIFEST, damaged, envelope};
use bytes::Bytes;
use dbferry_dialect::{Error, ErrorKind, Result};
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How much of a packed archive's own directory is read at most, in bytes: enough for 250 000 files.
const LARGEST_ZIP_DIRECTORY: u64 = 32 << 20;
/// Buffer for page headers, in bytes; the pages themselves are read in one piece.
const HEADER_BUFFER: usize = 1 << 10;

/// The files of an archive.
#[derive(Debug)]
pub(super) enum Store {
    /// A directory.
    Directory(PathBuf),
    /// A zip without compression: its entries by name.
    Packed(BTreeMap<String, FileRange>),
}

impl Store {
    /// Opens a directory with a manifest, or a packed archive, which is known by its content.
    ///
    /// # Errors
    /// [`ErrorKind::ArchiveNotFound`] when there is nothing like it, [`ErrorKind::ArchiveDamaged`] for a damaged zip.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let cannot = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => not_found(path, "does not exist"),
            _ => Error::io(format!("cannot open {}", path.display()), error),
        };
        let metadata = fs::metadata(path).map_err(cannot)?;
        if metadata.is_dir() {
            if fs::symlink_metadata(path.join(MANIFEST)).is_err() {
                return Err(not_found(path, "has no manifest.json")
                    .hint("either it is no archive, or the dump that wrote it did not finish"));
            }
            return Ok(Self::Directory(path.into()));
        }
        if !metadata.is_file() {
            return Err(not_found(path, "is neither a directory nor a file"));
        }
        let file = File::open(path).map_err(cannot)?;
        if !begins_like_packed(&file).map_err(cannot)? {
            return Err(not_found(path, "is not a packed archive"));
        }
        Ok(Self::Packed(packed_entries(file)?))
    }

    /// The bytes of a file of the archive.
    ///
    /// # Errors
    /// [`ErrorKind::ArchiveDamaged`] when it is missing, or is not a regular file of the archive itself.
    pub(super) fn file(&self, name: &str) -> Result<FileRange> {
        let within = |error: Error| error.with("file", name);
        if !layout::is_safe(name) {
            return Err(within(damaged("the path leads out of the archive")));
        }
        match self {
            Self::Directory(root) => open_in_directory(root, name).map_err(within),
            Self::Packed(entries) => {
                entries.get(name).cloned().ok_or_else(|| within(damaged("the file is missing from the archive")))
            }
        }
    }

    /// The manifest file's content.
    pub(super) fn manifest(&self) -> Result<Vec<u8>> {
        let range = self.file(MANIFEST)?;
        if range.length > LARGEST_MANIFEST {
            return Err(envelope::too_large(range.length));
        }
        let mut content = Vec::new();
        range
            .reader()
            .read_to_end(&mut content)
            .map_err(|error| Error::io("cannot read the manifest", error).with("file", MANIFEST))?;
        Ok(content)
    }

    /// The names of everything that is there and is not a directory, sorted. Symbolic links are named, not followed.
    pub(super) fn names(&self) -> Result<Vec<String>> {
        match self {
            Self::Packed(entries) => Ok(entries.keys().cloned().collect()),
            Self::Directory(root) => {
                let cannot =
                    |path: &Path, error: io::Error| Error::io(format!("cannot list {}", path.display()), error);
                let mut names = Vec::new();
                let mut directories = vec![root.clone()];
                while let Some(directory) = directories.pop() {
                    for entry in fs::read_dir(&directory).map_err(|error| cannot(&directory, error))? {
                        let entry = entry.map_err(|error| cannot(&directory, error))?;
                        let path = entry.path();
                        if entry.file_type().map_err(|error| cannot(&path, error))?.is_dir() {
                            directories.push(path);
                        } else {
                            let relative = path.strip_prefix(root).unwrap_or(&path);
                            let parts = relative.iter().map(|part| part.to_string_lossy());
                            names.push(parts.collect::<Vec<_>>().join("/"));
                        }
                    }
                }
                names.sort_unstable();
                Ok(names)
            }
        }
    }
}

fn not_found(path: &Path, what: &'static str) -> Error {
    Error::new(ErrorKind::ArchiveNotFound, format!("{} {what}", path.display()))
}

/// Opens a file below `root` without following a symbolic link below it.
fn open_in_directory(root: &Path, name: &str) -> Result<FileRange> {
    let mut path = root.to_path_buf();
    let mut parts = name.split('/').peekable();
    let mut found = None;
    while let Some(part) = parts.next() {
        path.push(part);
        let metadata = match fs::symlink_metadata(&path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(damaged("the file is missing from the archive"));
            }
            Err(error) => return Err(Error::io(format!("cannot open {}", path.display()), error)),
        };
        let expected = if parts.peek().is_some() { metadata.is_dir() } else { metadata.is_file() };
        if !expected {
            return Err(damaged("a part of the path is a symbolic link or another thing that does not belong there"));
        }
        found = Some(metadata);
    }
    let file = File::open(&path).map_err(|error| Error::io(format!("cannot open {}", path.display()), error))?;
    let metadata = file.metadata().map_err(|error| Error::io(format!("cannot read {}", path.display()), error))?;
    if found.is_none_or(|found| !same_file(&found, &metadata)) {
        return Err(damaged("the file was exchanged while it was opened"));
    }
    Ok(FileRange { file: Arc::new(file), start: 0, length: metadata.len() })
}

#[cfg(unix)]
fn same_file(left: &fs::Metadata, right: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (left.dev(), left.ino()) == (right.dev(), right.ino())
}

#[cfg(not(unix))]
fn same_file(left: &fs::Metadata, right: &fs::Metadata) -> bool {
    left.len() == right.len() && right.is_file()
}

/// Whether a file begins as a packed archive does: with a zip entry below `data/`, or with the manifest.
pub(super) fn begins_like_packed(file: &File) -> io::Result<bool> {
    let length = file.metadata()?.len();
    let mut start = Vec::new();
    FileRange::reader_of(file, 0, length.min(64)).read_to_end(&mut start)?;
    let name = start.get(30..).unwrap_or_default();
    Ok(start.starts_with(b"PK\x03\x04") && (name.starts_with(b"data/") || name.starts_with(MANIFEST.as_bytes())))
}

fn packed_entries(file: File) -> Result<BTreeMap<String, FileRange>> {
    let broken = |error: zip::result::ZipError| {
        damaged("the packed archive cannot be read: it is incomplete or damaged").caused_by(error)
    };
    let length = file.metadata().map_err(|error| Error::io("cannot read the packed archive", error))?.len();
    let file = Arc::new(file);
    let reader = Budgeted { file: Arc::clone(&file), position: 0, length, left: LARGEST_ZIP_DIRECTORY };
    let config = zip::read::Config { archive_offset: zip::read::ArchiveOffset::Known(0) };
    let mut zip = zip::ZipArchive::with_config(config, BufReader::new(reader)).map_err(broken)?;
    if zip.has_duplicate_names() {
        return Err(damaged("the packed archive has two entries of one name"));
    }
    let mut entries = BTreeMap::new();
    for index in 0..zip.len() {
        let entry = zip.by_index_raw(index).map_err(broken)?;
        let name = std::str::from_utf8(entry.name_raw()).unwrap_or_default().to_owned();
        let refused = |what: &'static str| damaged(what).with("file", String::from_utf8_lossy(entry.name_raw()));
        if !layout::is_safe(&name) || !entry.is_file() {
            return Err(refused("an entry of the packed archive has a name that no file of an archive has"));
        }
        if entry.compression() != zip::CompressionMethod::Stored || entry.encrypted() {
            return Err(refused("an entry of the packed archive is compressed or encrypted"));
        }
        let start = entry.data_start().ok_or_else(|| refused("an entry of the packed archive has no place"))?;
        let size = entry.size();
        if entry.compressed_size() != size || start.checked_add(size).is_none_or(|end| end > length) {
            return Err(refused("an entry of the packed archive reaches over its end"));
        }
        drop(entry);
        entries.insert(name, FileRange { file: Arc::clone(&file), start, length: size });
    }
    if zip.has_overlapping_entries().map_err(broken)? {
        return Err(damaged("entries of the packed archive overlap"));
    }
    Ok(entries)
}

/// Reads a file at its own position, and no more than a fixed number of bytes in all.
#[derive(Debug)]
struct Budgeted {
    file: Arc<File>,
    position: u64,
    length: u64,
    left: u64,
}

impl Read for Budgeted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            return Err(io::Error::other("the zip's directory is too large"));
        }
        let allowed = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let read = read_at(&self.file, buffer.get_mut(..allowed).unwrap_or_default(), self.position)?;
        self.position += read as u64;
        self.left -= read as u64;
        Ok(read)
    }
}

impl Seek for Budgeted {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        let moved = match position {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(offset) => self.length.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = moved.ok_or_else(|| io::Error::other("the position is outside the file"))?;
        Ok(self.position)
    }
}

/// A range of an open file. Reading it moves no shared position, so many threads can.
#[derive(Clone, Debug)]
pub(super) struct FileRange {
    file: Arc<File>,
    start: u64,
    length: u64,
}

impl FileRange {
    /// Its length in bytes.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Reads it from the beginning to the end.
    pub(super) fn reader(&self) -> RangeReader<&File> {
        Self::reader_of(&self.file, self.start, self.length)
    }

    fn reader_of(file: &File, start: u64, length: u64) -> RangeReader<&File> {
        RangeReader { file, position: start, left: length }
    }
}

impl Length for FileRange {
    fn len(&self) -> u64 {
        self.length
    }
}

impl ChunkReader for FileRange {
    type T = BufReader<RangeReader<Arc<File>>>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        let left = self
            .length
            .checked_sub(start)
            .ok_or_else(|| ParquetError::EOF(format!("position {start} of a file of {} bytes", self.length)))?;
        let reader = RangeReader { file: Arc::clone(&self.file), position: self.start + start, left };
        Ok(BufReader::with_capacity(HEADER_BUFFER, reader))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        // Checked before the allocation: the length comes from the file.
        if start.checked_add(length as u64).is_none_or(|end| end > self.length) {
            return Err(ParquetError::EOF(format!("{length} bytes at {start} of a file of {} bytes", self.length)));
        }
        let mut content = vec![0; length];
        RangeReader { file: &*self.file, position: self.start + start, left: length as u64 }
            .read_exact(&mut content)?;
        Ok(content.into())
    }
}

/// Reads a range once.
#[derive(Debug)]
pub(super) struct RangeReader<F> {
    file: F,
    position: u64,
    left: u64,
}

impl<F: std::ops::Deref<Target = File>> Read for RangeReader<F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let allowed = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let read = read_at(&self.file, buffer.get_mut(..allowed).unwrap_or_default(), self.position)?;
        self.position += read as u64;
        self.left -= read as u64;
        Ok(read)
    }
}

#[cfg(unix)]
fn read_at(file: &File, buffer: &mut [u8], position: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, position)
}

#[cfg(windows)]
fn read_at(file: &File, buffer: &mut [u8], position: u64) -> io::Result<usize> {
    // It moves the file's own position, which nobody here relies on.
    std::os::windows::fs::FileExt::seek_read(file, buffer, position)
}

#[cfg(test)]
mod tests {
    use super::super::{Archive, pack, testing};
    use super::*;
    use std::io::Write;
    use zip::write::SimpleFileOptions;
    use zip::{CompressionMethod, ZipWriter};

    /// A zip with these entries, opened.
    fn opened(entries: &[(&str, &[u8])], alter: impl Fn(&mut Vec<u8>)) -> Result<Store> {
        let mut zip = ZipWriter::new(io::Cursor::new(Vec::new()));
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        for (name, content) in entries {
            zip.start_file(*name, options).expect("an entry");
            zip.write_all(content).expect("room");
        }
        let mut content = zip.finish().expect("a zip").into_inner();
        alter(&mut content);
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("x");
        fs::write(&path, content).expect("a file");
        Store::open(&path)
    }

    /// Replaces each occurrence of a text by another of the same length.
    fn replace(content: &mut [u8], from: &[u8], to: &[u8]) {
        assert_eq!(from.len(), to.len());
        let mut found = 0;
        for position in 0..=content.len() - from.len() {
            if &content[position..position + from.len()] == from {
                content[position..position + from.len()].copy_from_slice(to);
                found += 1;
            }
        }
        assert!(found > 0);
    }

    fn refused(entries: &[(&str, &[u8])], alter: impl Fn(&mut Vec<u8>)) -> String {
        let error = opened(entries, alter).expect_err("a refusal");
        assert_eq!(error.kind(), ErrorKind::ArchiveDamaged, "{error}");
        error.to_string()
    }

    #[test]
    fn entries_are_ranges() {
        let store = opened(&[("data/a", b"abcdef"), (MANIFEST, b"{}")], |_| {}).expect("a store");
        let range = store.file("data/a").expect("a file");
        assert_eq!(range.length(), 6);
        assert_eq!(&range.get_bytes(2, 3).expect("bytes")[..], b"cde");
        assert!(range.get_bytes(2, 5).is_err() && range.get_bytes(u64::MAX, 2).is_err() && range.get_read(7).is_err());
        let mut rest = String::new();
        range.get_read(4).expect("a reader").read_to_string(&mut rest).expect("a text");
        assert_eq!(rest, "ef");
        assert_eq!(store.manifest().expect("a manifest"), b"{}");
        assert_eq!(store.names().expect("names"), ["data/a", MANIFEST]);
        for name in ["data/b", "../x", "/etc/passwd"] {
            assert_eq!(store.file(name).expect_err("no file").kind(), ErrorKind::ArchiveDamaged);
        }
    }

    #[test]
    fn tricks_in_zips_are_refused() {
        let entries = [("data/aaaa", &b"abcdef"[..]), ("data/bbbb", b"ghijkl"), (MANIFEST, b"{}")];
        assert!(opened(&entries, |_| {}).is_ok());
        for name in
            ["../../bbb", "/bbbbbbbb", "data\\bbbb", "data/../b", "data//bbb", "data/bb\0b", "C:/bbbbbb", "data/bbb/"]
        {
            let message = refused(&entries, |zip| replace(zip, b"data/bbbb", name.as_bytes()));
            assert!(message.contains("name"), "{name}: {message}");
        }
        assert!(refused(&entries, |zip| replace(zip, b"data/bbbb", b"data/aaaa")).contains("two entries"));
        // Method 8 is deflate, flag 1 encryption; both stand after the signature of a directory entry.
        let patch = |zip: &mut Vec<u8>, offset: usize, value: u8| {
            let entry = zip.windows(4).position(|window| window == b"PK\x01\x02").expect("an entry");
            zip[entry + offset] = value;
        };
        assert!(refused(&entries, |zip| patch(zip, 10, 8)).contains("compressed or encrypted"));
        assert!(refused(&entries, |zip| patch(zip, 8, 1)).contains("compressed or encrypted"));
        // The sizes, then the place of the entry.
        assert!(refused(&entries, |zip| patch(zip, 21, 1)).contains("reaches over"));
        assert!(
            refused(&entries, |zip| {
                patch(zip, 20, 60);
                patch(zip, 24, 60);
            })
            .contains("overlap")
        );
        assert!(refused(&entries, |zip| zip.truncate(zip.len() - 30)).contains("incomplete or damaged"));
        assert!(refused(&entries, |zip| patch(zip, 44, 200)).contains("damaged"));
    }

    #[test]
    fn a_huge_directory_of_a_zip_is_not_read() {
        let zip = [&b"PK\x03\x04"[..], &[0; 26], b"data/x", &vec![0; 40 << 20]].concat();
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("x");
        // The end of a zip: 65 535 entries, a directory of 40 MiB that begins at byte 36.
        let mut end = b"PK\x05\x06\0\0\0\0\xff\xff\xff\xff".to_vec();
        end.extend((40_u32 << 20).to_le_bytes());
        end.extend(36_u32.to_le_bytes());
        end.extend([0, 0]);
        fs::write(&path, [zip, end].concat()).expect("a file");
        assert_eq!(Store::open(&path).expect_err("a refusal").kind(), ErrorKind::ArchiveDamaged);
        let file = Arc::new(File::open(&path).expect("a file"));
        let mut reader = Budgeted { file, position: 0, length: 40 << 20, left: 1 << 20 };
        assert!(reader.read_to_end(&mut Vec::new()).is_err());
    }

    #[test]
    fn every_cut_of_a_packed_archive_is_refused() {
        let directory = tempfile::tempdir().expect("a directory");
        testing::write(&directory.path().join("a"));
        let zip = directory.path().join("a.zip");
        pack(&directory.path().join("a"), &zip).expect("a packed archive");
        let content = fs::read(&zip).expect("content");
        for length in (0..content.len()).step_by(97).chain(content.len() - 100..content.len()) {
            fs::write(&zip, &content[..length]).expect("a file");
            let error = Archive::open(&zip).expect_err("a refusal");
            let expected = if length < 40 { ErrorKind::ArchiveNotFound } else { ErrorKind::ArchiveDamaged };
            assert_eq!(error.kind(), expected, "{length}: {error}");
        }
    }
}
