//! The packed form of an archive without a file for it: the same bytes as [`pack`](super::pack) writes, from wherever one
//! wants them. So an archive is sent over a network without being written a second time, and a transfer that broke off goes
//! on where it ended.

use super::pack::{Sink, pack_files};
use super::range::FileRange;
use super::reader::Archive;
use dbferry_dialect::{Cancel, Error, ErrorKind, Result};
use std::cell::RefCell;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::rc::Rc;
use zip::ZipWriter;

/// An archive as one packed file that is made while it is read.
///
/// What it holds in memory is the zip's own bytes around the files, not the files.
#[derive(Debug)]
pub struct PackedStream {
    archive: Archive,
    segments: Vec<Segment>,
    length: u64,
    /// The file that was read last: the next piece mostly comes from it too.
    open: Option<(usize, FileRange)>,
}

/// A piece of the zip.
#[derive(Debug)]
struct Segment {
    /// Where it begins.
    start: u64,
    length: u64,
    content: Content,
}

#[derive(Debug)]
enum Content {
    /// The zip's own bytes.
    Zip(Vec<u8>),
    /// A file of the archive.
    File(String),
}

impl PackedStream {
    /// Lays out the packed form. Every file of an archive in a directory is read once and compared with its hash, so that
    /// nothing damaged is sent; `on_bytes` hears how much was read. One that is packed already is taken as it is.
    ///
    /// # Errors
    /// [`ErrorKind::ArchiveDamaged`] when a file is not what the manifest says, [`ErrorKind::Cancelled`],
    /// [`ErrorKind::Io`].
    pub fn new(archive: Archive, cancel: &Cancel, on_bytes: &mut dyn FnMut(u64)) -> Result<Self> {
        if archive.is_packed() {
            let range = archive.store.packed_file()?;
            let length = range.length();
            let segments = vec![Segment { start: 0, length, content: Content::File(String::new()) }];
            return Ok(Self { archive, segments, length, open: Some((0, range)) });
        }
        let outline = Outline::default();
        let mut writer = ZipWriter::new(outline.clone());
        let packed = pack_files(&archive, &mut writer, cancel, on_bytes);
        // Finished in any case: a writer that is dropped unfinished finishes by itself.
        let finished = writer.finish().map_err(|error| Error::io("cannot pack the archive", error.into()));
        packed.and_then(|()| finished.map(drop))?;
        let Drawing { segments, end, .. } = outline.0.take();
        Ok(Self { archive, segments, length: end, open: None })
    }

    /// How many bytes it has.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Its archive.
    pub fn archive(&self) -> &Archive {
        &self.archive
    }

    /// Reads some bytes at a position; none at the end.
    ///
    /// # Errors
    /// [`ErrorKind::Io`], and [`ErrorKind::ArchiveDamaged`] when a file has become another one meanwhile.
    pub fn read_at(&mut self, position: u64, buffer: &mut [u8]) -> Result<usize> {
        let index = self.segments.partition_point(|segment| segment.start + segment.length <= position);
        let Some(segment) = self.segments.get(index) else { return Ok(0) };
        let (offset, left) = (position - segment.start, segment.length - (position - segment.start));
        let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let buffer = buffer.get_mut(..wanted).unwrap_or_default();
        match &segment.content {
            Content::Zip(bytes) => {
                let from = usize::try_from(offset).ok().and_then(|offset| bytes.get(offset..)).unwrap_or_default();
                let read = from.len().min(buffer.len());
                buffer[..read].copy_from_slice(&from[..read]);
                Ok(read)
            }
            Content::File(name) => {
                let range = match &self.open {
                    Some((open, range)) if *open == index => range,
                    _ => &self.open.insert((index, self.archive.store.file(name)?)).1,
                };
                if range.length() != segment.length {
                    return Err(changed(name));
                }
                let read =
                    range.read_at(offset, buffer).map_err(|error| Error::io("cannot read the archive", error))?;
                if read == 0 && !buffer.is_empty() { Err(changed(name)) } else { Ok(read) }
            }
        }
    }
}

fn changed(name: &str) -> Error {
    Error::new(ErrorKind::ArchiveDamaged, "a file of the archive was changed while it was sent").with("file", name)
}

/// Takes a zip and keeps its own bytes only: of what the files hold it keeps how much it is. Clones draw the same.
#[derive(Clone, Debug, Default)]
struct Outline(Rc<RefCell<Drawing>>);

#[derive(Debug, Default)]
struct Drawing {
    segments: Vec<Segment>,
    position: u64,
    end: u64,
    /// Whether what comes now is what a file holds.
    in_file: bool,
}

impl Sink for Outline {
    fn content_of(&self, name: Option<&str>) {
        let mut drawing = self.0.borrow_mut();
        drawing.in_file = name.is_some();
        if let Some(name) = name {
            let start = drawing.end;
            drawing.segments.push(Segment { start, length: 0, content: Content::File(name.into()) });
        }
    }
}

impl Drawing {
    /// Puts bytes of the zip's own at the present position: at the end, or over what is there.
    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.position == self.end {
            if !matches!(self.segments.last(), Some(Segment { content: Content::Zip(_), .. })) {
                self.segments.push(Segment { start: self.end, length: 0, content: Content::Zip(Vec::new()) });
            }
            if let Some(Segment { length, content: Content::Zip(content), .. }) = self.segments.last_mut() {
                content.extend_from_slice(bytes);
                *length += bytes.len() as u64;
            }
            return Ok(());
        }
        let elsewhere = || io::Error::other("a zip's own bytes do not stand where they should");
        let index = self.segments.partition_point(|segment| segment.start + segment.length <= self.position);
        let Some(Segment { start, content: Content::Zip(content), .. }) = self.segments.get_mut(index) else {
            return Err(elsewhere());
        };
        let from = usize::try_from(self.position - *start).map_err(io::Error::other)?;
        content.get_mut(from..from + bytes.len()).ok_or_else(elsewhere)?.copy_from_slice(bytes);
        Ok(())
    }
}

impl Write for Outline {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut drawing = self.0.borrow_mut();
        let drawing = &mut *drawing;
        if drawing.in_file {
            if let Some(segment) = drawing.segments.last_mut() {
                segment.length += bytes.len() as u64;
            }
        } else {
            drawing.put(bytes)?;
        }
        drawing.position += bytes.len() as u64;
        drawing.end = drawing.end.max(drawing.position);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for Outline {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        let mut drawing = self.0.borrow_mut();
        let target = match position {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(offset) => drawing.end.checked_add_signed(offset),
            SeekFrom::Current(offset) => drawing.position.checked_add_signed(offset),
        };
        drawing.position = target.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(drawing.position)
    }
}

impl Read for PackedReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.stream.read_at(self.position, buffer).map_err(io::Error::other)?;
        self.position += read as u64;
        Ok(read)
    }
}

/// Reads a [`PackedStream`] from some position to its end.
#[derive(Debug)]
pub struct PackedReader<'a> {
    stream: &'a mut PackedStream,
    position: u64,
}

impl PackedStream {
    /// A reader that begins at `position`.
    pub fn reader(&mut self, position: u64) -> PackedReader<'_> {
        PackedReader { stream: self, position }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{pack, testing};
    use super::*;
    use std::fs;
    use std::path::Path;

    fn stream(path: &Path) -> Result<PackedStream> {
        PackedStream::new(Archive::open(path)?, &Cancel::new(), &mut |_| {})
    }

    #[test]
    fn it_is_what_pack_writes_from_any_position_on() {
        let directory = tempfile::tempdir().expect("a directory");
        let (loose, zip) = (directory.path().join("a"), directory.path().join("a.zip"));
        testing::write(&loose);
        pack(&loose, &zip).expect("a packed archive");
        let expected = fs::read(&zip).expect("content");
        for path in [&loose, &zip] {
            let mut stream = stream(path).expect("a stream");
            assert_eq!(stream.length(), expected.len() as u64);
            for from in [0, 1, 29, 100, 5_000, expected.len() - 1, expected.len()] {
                let mut content = Vec::new();
                stream.reader(from as u64).read_to_end(&mut content).expect("content");
                assert!(content == expected[from..], "from {from}");
            }
            assert_eq!(stream.read_at(u64::MAX, &mut [0; 8]).expect("nothing"), 0);
        }
    }

    #[test]
    fn what_is_damaged_or_changed_is_not_sent() {
        let directory = tempfile::tempdir().expect("a directory");
        let loose = directory.path().join("a");
        testing::write(&loose);
        let file = loose.join("data/user/main.wide.parquet");
        let content = fs::read(&file).expect("content");
        let mut stream_before = stream(&loose).expect("a stream");
        let mut damaged = content.clone();
        damaged[100] ^= 1;
        fs::write(&file, damaged).expect("a file");
        assert_eq!(stream(&loose).expect_err("damage").kind(), ErrorKind::ArchiveDamaged);
        fs::write(&file, &content[1..]).expect("a file");
        let error = stream_before.reader(0).read_to_end(&mut Vec::new()).expect_err("another file");
        assert!(error.to_string().contains("was changed"), "{error}");
        let cancel = Cancel::new();
        cancel.cancel();
        fs::write(&file, content).expect("a file");
        let archive = Archive::open(&loose).expect("an archive");
        let error = PackedStream::new(archive, &cancel, &mut |_| {}).expect_err("cancelled");
        assert_eq!(error.kind(), ErrorKind::Cancelled);
    }
}
