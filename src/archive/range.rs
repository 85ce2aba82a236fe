//! Ranges of open files, which is how Parquet files are read wherever they are.

use bytes::Bytes;
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::ops::Deref;
use std::sync::Arc;

/// Buffer for page headers, in bytes; the pages themselves are read in one piece.
const HEADER_BUFFER: usize = 1 << 10;

/// A range of an open file. Reading it moves no shared position, so many threads can.
#[derive(Clone, Debug)]
pub(super) struct FileRange {
    file: Arc<File>,
    start: u64,
    length: u64,
}

impl FileRange {
    /// The whole of a file of `length` bytes.
    pub(super) fn whole(file: File, length: u64) -> Self {
        Self { file: Arc::new(file), start: 0, length }
    }

    /// A part of a file; it must not reach over the file's end.
    pub(super) fn part(file: &Arc<File>, start: u64, length: u64) -> Self {
        Self { file: Arc::clone(file), start, length }
    }

    /// Its length in bytes.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// The whole file that it is a part of.
    pub(super) fn whole_file(&self) -> io::Result<Self> {
        Ok(Self { file: Arc::clone(&self.file), start: 0, length: self.file.metadata()?.len() })
    }

    /// Reads some bytes at a position inside of it.
    pub(super) fn read_at(&self, position: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.length.saturating_sub(position)).unwrap_or(usize::MAX).min(buffer.len());
        read_at(&self.file, buffer.get_mut(..left).unwrap_or_default(), self.start + position)
    }

    /// Reads it from the beginning to the end.
    pub(super) fn reader(&self) -> RangeReader<&File> {
        RangeReader { file: &*self.file, position: self.start, left: self.length }
    }
}

impl Length for FileRange {
    fn len(&self) -> u64 {
        self.length
    }
}

impl ChunkReader for FileRange {
    type T = BufReader<RangeReader<Arc<File>>>;

    fn get_read(&self, start: u64) -> parquet::errors::Result<Self::T> {
        let left = self
            .length
            .checked_sub(start)
            .ok_or_else(|| ParquetError::EOF(format!("position {start} of a file of {} bytes", self.length)))?;
        let reader = RangeReader { file: Arc::clone(&self.file), position: self.start + start, left };
        Ok(BufReader::with_capacity(HEADER_BUFFER, reader))
    }

    fn get_bytes(&self, start: u64, length: usize) -> parquet::errors::Result<Bytes> {
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

impl<F: Deref<Target = File>> Read for RangeReader<F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let allowed = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let read = read_at(&self.file, buffer.get_mut(..allowed).unwrap_or_default(), self.position)?;
        self.position += read as u64;
        self.left -= read as u64;
        Ok(read)
    }
}

/// Reads at a position without moving the file's own.
#[cfg(unix)]
pub(super) fn read_at(file: &File, buffer: &mut [u8], position: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, position)
}

/// Reads at a position; it moves the file's own, which nobody here relies on.
#[cfg(windows)]
pub(super) fn read_at(file: &File, buffer: &mut [u8], position: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, position)
}
