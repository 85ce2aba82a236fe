//! One Parquet file of another writer: its footer, looked at before any page is decoded, and its rows as the carrier types
//! hold them.
//!
//! It is hostile input like any archive. Texts are decoded as bytes that share their pages and are checked here, so that a
//! column of one long text a million times costs no more than its page.

use super::convert::{convert, weight};
use super::schema::{self, ReadingSchema};
use crate::archive::parquet_file::{batch_rows, check_frame, check_row_group, guarded};
use crate::archive::range::FileRange;
use crate::archive::store::same_file;
use crate::archive::{content, damaged, key};
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{SchemaRef, TimestampMicrosecondType, TimestampNanosecondType};
use dbferry_dialect::{Batch, Column, Error, ErrorKind, Result};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::basic::Compression;
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use std::fs::{self, File};
use std::path::Path;

/// What to do about a file that cannot be read.
const UNREADABLE: &str = "the file is damaged, or no Parquet file; write it again";

/// An open file whose footer passed.
#[derive(Debug)]
pub(crate) struct ForeignFile {
    range: FileRange,
    reading: ReadingSchema,
    metadata: ArrowReaderMetadata,
    /// For files with INT96 timestamps: the same file, these columns in nanoseconds.
    nanoseconds: Option<(ArrowReaderMetadata, ProjectionMask)>,
    columns: Vec<Column>,
    /// Row groups with rows: their number in the file, their first row, how many they have.
    row_groups: Vec<(usize, u64, u64)>,
}

impl ForeignFile {
    /// Opens a file. A symbolic link is not followed: what is imported is what stands in the folder.
    ///
    /// # Errors
    /// [`ErrorKind::ArchiveDamaged`] when it is no Parquet file, or its footer is impossible; [`ErrorKind::Unsupported`]
    /// for types and compressions that are not known here, and for a file of exceptions out of an archive.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        Self::open_range(range(path)?)
    }

    fn open_range(range: FileRange) -> Result<Self> {
        let data_end = check_frame(&range).map_err(unreadable)?;
        let metadata =
            guarded("the footer cannot be read", || ArrowReaderMetadata::load(&range, ArrowReaderOptions::new()))
                .map_err(unreadable)?;
        check_content(metadata.metadata())?;
        check_compression(metadata.metadata())?;
        let mut row_groups = Vec::new();
        let mut start = 0_u64;
        for (number, row_group) in metadata.metadata().row_groups().iter().enumerate() {
            // Other writers write empty row groups.
            if row_group.num_rows() == 0 {
                continue;
            }
            check_row_group(row_group, data_end).map_err(unreadable)?;
            let rows = row_group.num_rows().unsigned_abs();
            row_groups.push((number, start, rows));
            start = start.checked_add(rows).ok_or_else(|| unreadable(damaged("there are more rows than can be")))?;
        }
        let root = metadata.metadata().file_metadata().schema_descr_ptr();
        let columns = schema::columns(root.root_schema(), metadata.schema())?;
        let reading =
            guarded("the columns cannot be read", || schema::reading(&root, metadata.schema())).map_err(unreadable)?;
        let reload = |schema: SchemaRef| {
            guarded("the columns cannot be read", || {
                let metadata = schema::with_schema(metadata.metadata(), reading.descriptor.clone());
                ArrowReaderMetadata::try_new(metadata.into(), ArrowReaderOptions::new().with_schema(schema))
            })
            .map_err(unreadable)
        };
        let nanoseconds = match &reading.nanoseconds {
            None => None,
            Some(schema) => {
                let roots = reading.int96.iter().copied();
                Some((reload(schema.clone())?, ProjectionMask::roots(&reading.descriptor, roots)))
            }
        };
        Ok(Self { metadata: reload(reading.schema.clone())?, nanoseconds, columns, row_groups, range, reading })
    }

    /// The columns that its own schema describes.
    pub(crate) fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Whether a column holds nothing but nulls, and so goes with every type.
    pub(crate) fn is_void(&self, column: usize) -> bool {
        let field = self.reading.schema.fields().get(column);
        field.is_some_and(|field| field.data_type().is_null())
    }

    /// How many rows each row group has that has any.
    pub(crate) fn row_groups(&self) -> impl Iterator<Item = u64> {
        self.row_groups.iter().map(|(_, _, rows)| *rows)
    }

    /// What wrote it, as it says.
    pub(crate) fn created_by(&self) -> Option<&str> {
        self.metadata.metadata().file_metadata().created_by()
    }

    /// The row hash that stands in a file that once was part of an archive.
    pub(crate) fn own_hash(&self) -> Option<&str> {
        fact(self.metadata.metadata(), key::ROW_HASH)
    }

    /// Its size in bytes.
    pub(crate) fn bytes(&self) -> u64 {
        self.range.length()
    }

    /// Reads a row group, counted among those that have rows, in batches of `schema` of about `batch_bytes`.
    ///
    /// # Errors
    /// [`ErrorKind::ArchiveDamaged`] when the rows cannot be decoded, [`ErrorKind::Unsupported`] with column and row for a
    /// value that its column's type cannot hold, and whatever `sink` returns.
    pub(crate) fn read(
        &self,
        row_group: usize,
        schema: &SchemaRef,
        batch_bytes: usize,
        sink: &mut dyn FnMut(Batch) -> Result<()>,
    ) -> Result<()> {
        let Some((number, start, rows)) = self.row_groups.get(row_group).copied() else {
            return Err(Error::new(ErrorKind::Internal, format!("there is no row group {row_group}")));
        };
        let all = self.metadata.metadata().row_groups();
        let batch_rows = all.get(number).map_or(1, |row_group| batch_rows(row_group, batch_bytes as u64));
        let open = |metadata: &ArrowReaderMetadata, columns: ProjectionMask| {
            let reader = guarded("the rows cannot be read", || {
                ParquetRecordBatchReaderBuilder::new_with_metadata(self.range.clone(), metadata.clone())
                    .with_row_groups(vec![number])
                    .with_projection(columns)
                    .with_batch_size(usize::try_from(batch_rows).unwrap_or(1))
                    .build()
            });
            reader.map(Rows).map_err(unreadable)
        };
        let mut micros = open(&self.metadata, ProjectionMask::all())?;
        let mut nanos = match &self.nanoseconds {
            None => None,
            Some((metadata, columns)) => Some(open(metadata, columns.clone())?),
        };
        let mut next = start;
        while let Some(batch) = micros.next()? {
            if let Some(nanos) = &mut nanos {
                let nanos = nanos.next()?.ok_or_else(|| unreadable(damaged("a column is shorter than the others")))?;
                self.check_int96(&batch, &nanos, next)?;
            }
            let end = next + batch.num_rows() as u64;
            if end > start + rows {
                return Err(unreadable(damaged("there are more rows than the footer says")));
            }
            self.hand_on(&batch, next, schema, batch_bytes, sink)?;
            next = end;
        }
        if next == start + rows {
            Ok(())
        } else {
            Err(unreadable(damaged("there are fewer rows than the footer says")))
        }
    }

    /// Converts a batch and hands it on, in halves until they are small enough.
    fn hand_on(
        &self,
        batch: &RecordBatch,
        first_row: u64,
        schema: &SchemaRef,
        batch_bytes: usize,
        sink: &mut dyn FnMut(Batch) -> Result<()>,
    ) -> Result<()> {
        let rows = batch.num_rows();
        let weigh = |column: &ArrayRef| weight(column, 0, rows);
        if rows > 1 && batch.columns().iter().map(weigh).fold(0, usize::saturating_add) > batch_bytes.saturating_mul(2)
        {
            let half = rows / 2;
            self.hand_on(&batch.slice(0, half), first_row, schema, batch_bytes, sink)?;
            let second = first_row + half as u64;
            return self.hand_on(&batch.slice(half, rows - half), second, schema, batch_bytes, sink);
        }
        let mut columns = Vec::with_capacity(schema.fields().len());
        for (column, field) in batch.columns().iter().zip(schema.fields()) {
            columns.push(convert(column, field.data_type()).map_err(|misfit| {
                let error = Error::new(ErrorKind::Unsupported, misfit.what)
                    .with("column", field.name())
                    .with("row", first_row + misfit.row as u64);
                match misfit.hint {
                    Some(hint) => error.hint(hint),
                    None => error,
                }
            })?);
        }
        let records = RecordBatch::try_new(SchemaRef::clone(schema), columns)
            .map_err(|error| unreadable(damaged("the rows are not of the file's own types").caused_by(error)))?;
        sink(Batch::plain(records))
    }

    /// INT96 timestamps are read as microseconds, which they can be finer than, and the nanoseconds of which only wrap around
    /// beyond the years 1677 to 2262: both together tell whether anything was lost.
    fn check_int96(&self, micros: &RecordBatch, nanos: &RecordBatch, first_row: u64) -> Result<()> {
        for (position, column) in self.reading.int96.iter().enumerate() {
            let coarse = micros.columns().get(*column).and_then(|c| c.as_primitive_opt::<TimestampMicrosecondType>());
            let fine = nanos.columns().get(position).and_then(|c| c.as_primitive_opt::<TimestampNanosecondType>());
            let Some((coarse, fine)) = coarse.zip(fine).filter(|(coarse, fine)| coarse.len() == fine.len()) else {
                return Err(unreadable(damaged("the timestamps cannot be read")));
            };
            let lost =
                |row: &usize| coarse.is_valid(*row) && coarse.value(*row).wrapping_mul(1_000) != fine.value(*row);
            if let Some(row) = (0..coarse.len()).find(lost) {
                let name = self.columns.get(*column).map(|column| column.name.as_str()).unwrap_or_default();
                return Err(Error::new(ErrorKind::Unsupported, "a timestamp is finer than microseconds")
                    .with("column", name)
                    .with("row", first_row + row as u64)
                    .hint("write it in microseconds: spark.sql.parquet.outputTimestampType=TIMESTAMP_MICROS"));
            }
        }
        Ok(())
    }
}

/// The rows of a row group, batch by batch.
struct Rows(ParquetRecordBatchReader);

impl Rows {
    fn next(&mut self) -> Result<Option<RecordBatch>> {
        guarded("the rows cannot be read", || self.0.next().transpose()).map_err(unreadable)
    }
}

/// The bytes of a regular file.
pub(super) fn range(path: &Path) -> Result<FileRange> {
    let cannot = |error| Error::io(format!("cannot open {}", path.display()), error);
    let found = fs::symlink_metadata(path).map_err(cannot)?;
    if !found.is_file() {
        return Err(Error::new(ErrorKind::Unsupported, format!("{} is no regular file", path.display()))
            .hint("symbolic links are not followed: put the file itself there"));
    }
    let file = File::open(path).map_err(cannot)?;
    let metadata = file.metadata().map_err(cannot)?;
    if !same_file(&found, &metadata) {
        return Err(unreadable(damaged("the file was exchanged while it was opened")));
    }
    Ok(FileRange::whole(file, metadata.len()))
}

/// Whether a file begins as Parquet files do.
pub(crate) fn begins_like_parquet(path: &Path) -> bool {
    use std::io::Read;
    let mut start = [0; 4];
    File::open(path).and_then(|mut file| file.read_exact(&mut start)).is_ok() && &start == b"PAR1"
}

/// Whether a file was written as a part of an archive.
pub(crate) fn is_of_archive(path: &Path) -> bool {
    let Ok(range) = range(path) else { return false };
    if check_frame(&range).is_err() {
        return false;
    }
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    guarded("the footer cannot be read", || ArrowReaderMetadata::load(&range, options))
        .is_ok_and(|metadata| fact(metadata.metadata(), key::CONTENT).is_some())
}

fn fact<'a>(metadata: &'a ParquetMetaData, key: &str) -> Option<&'a str> {
    let pairs = metadata.file_metadata().key_value_metadata()?;
    pairs.iter().find(|pair| pair.key == key)?.value.as_deref()
}

fn check_content(metadata: &ParquetMetaData) -> Result<()> {
    if fact(metadata, key::CONTENT) == Some(content::EXCEPTIONS) {
        return Err(Error::new(
            ErrorKind::Unsupported,
            "the file holds the exceptions of an archive's table, not rows",
        )
        .hint("restore the archive as a whole, with its manifest.json"));
    }
    Ok(())
}

fn check_compression(metadata: &ParquetMetaData) -> Result<()> {
    let columns = metadata.row_groups().iter().flat_map(RowGroupMetaData::columns);
    for column in columns {
        let name = match column.compression() {
            Compression::GZIP(_) => "gzip",
            Compression::BROTLI(_) => "brotli",
            Compression::LZO => "lzo",
            _ => continue,
        };
        return Err(Error::new(ErrorKind::Unsupported, format!("{name} compression cannot be read"))
            .with("column", column.column_path().string())
            .hint("write the file with zstd, snappy, lz4 or no compression"));
    }
    Ok(())
}

fn unreadable(error: Error) -> Error {
    if error.kind() == ErrorKind::ArchiveDamaged { error.hint(UNREADABLE) } else { error }
}
