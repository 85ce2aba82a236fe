//! The zip that a packed archive is: its entries as ranges, checked before any of them is read.

use super::damaged;
use super::layout::{self, MANIFEST};
use super::range::{FileRange, read_at};
use dbferry_dialect::{Error, Result};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::sync::Arc;

/// How much of a packed archive's own directory is read at most, in bytes: enough for 250 000 files.
const LARGEST_ZIP_DIRECTORY: u64 = 32 << 20;

/// Whether a file begins as a packed archive does: with a zip entry below `data/`, or with the manifest.
pub(super) fn begins_like_one(file: &File) -> io::Result<bool> {
    let mut start = Vec::new();
    while start.len() < 64 {
        let mut buffer = [0; 64];
        match read_at(file, &mut buffer, start.len() as u64)? {
            0 => break,
            read => start.extend_from_slice(buffer.get(..read).unwrap_or_default()),
        }
    }
    let name = start.get(30..).unwrap_or_default();
    Ok(start.starts_with(b"PK\x03\x04") && (name.starts_with(b"data/") || name.starts_with(MANIFEST.as_bytes())))
}

/// The entries of a packed archive, by name.
///
/// # Errors
/// [`ErrorKind::ArchiveDamaged`](dbferry_dialect::ErrorKind::ArchiveDamaged) for a zip that is cut, or that no writer of
/// archives makes.
pub(super) fn entries(file: File) -> Result<BTreeMap<String, FileRange>> {
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
        entries.insert(name, FileRange::part(&file, start, size));
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

#[cfg(test)]
mod tests {
    use super::super::store::Store;
    use super::super::{Archive, pack, testing};
    use super::*;
    use dbferry_dialect::ErrorKind;
    use parquet::file::reader::ChunkReader;
    use std::fs;
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
