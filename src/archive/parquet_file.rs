//! One Parquet file of an archive: its footer, checked before any page is decoded, and its batches.
//!
//! The file may come from anywhere. Whatever the Parquet crate says about it, or dies of, is damage to the archive.

use super::damaged;
use super::footer;
use super::range::FileRange;
use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use dbferry_dialect::{Error, Result};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::basic::{Encoding, Type};
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData, RowGroupMetaData};
use parquet::file::statistics::Statistics;
use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// A larger footer is refused, in bytes.
const LARGEST_FOOTER: u64 = 64 << 20;
/// Length and magic at the end of every Parquet file, and magic at its start.
const FOOTER_END: u64 = 8;
const MAGIC: &[u8; 4] = b"PAR1";
/// What a batch of a file that is not believed may take at the most, as far as its pages' sizes tell.
const DISTRUSTED_BATCH: u64 = 32 << 20;
/// More rows in a batch save nothing.
const MOST_BATCH_ROWS: u64 = 64 << 10;

/// A Parquet file whose footer is what was expected.
#[derive(Clone, Debug)]
pub(super) struct ParquetFile {
    range: FileRange,
    metadata: ArrowReaderMetadata,
    /// As the collection says it; equal to the file's own but for the schema's metadata.
    schema: SchemaRef,
    /// Whether what it says of the sizes of its values is not believed.
    distrusted: bool,
}

impl ParquetFile {
    /// Reads the footer and compares it with what the file must have: these columns, these facts in its key-value
    /// metadata.
    ///
    /// # Errors
    /// [`ErrorKind::ArchiveDamaged`](dbferry_dialect::ErrorKind::ArchiveDamaged).
    pub(super) fn open(range: FileRange, schema: SchemaRef, facts: &[(&str, String)]) -> Result<Self> {
        let data_end = check_frame(&range)?;
        let metadata =
            guarded("the footer cannot be read", || ArrowReaderMetadata::load(&range, ArrowReaderOptions::new()))?;
        check_schema(metadata.schema(), &schema)?;
        check_facts(metadata.metadata(), facts)?;
        for row_group in metadata.metadata().row_groups() {
            check_row_group(row_group, data_end)?;
        }
        Ok(Self { range, metadata, schema, distrusted: false })
    }

    /// Believes no more what the footer says of the sizes of values: few bytes may be many equal values.
    pub(super) fn distrust(&mut self) {
        self.distrusted = true;
    }

    /// How many rows each row group has.
    pub(super) fn row_groups(&self) -> impl Iterator<Item = u64> {
        // Checked when it was opened: not negative.
        self.metadata.metadata().row_groups().iter().map(|row_group| row_group.num_rows().unsigned_abs())
    }

    /// The size of the largest row group in memory, as the footer says.
    pub(super) fn largest_row_group(&self) -> u64 {
        self.metadata.metadata().row_groups().iter().map(row_group_bytes).max().unwrap_or(0)
    }

    /// Smallest and largest value of an unsigned column in a row group, as the footer says.
    pub(super) fn bounds(&self, row_group: usize, column: usize) -> Option<(u64, u64)> {
        let column = self.metadata.metadata().row_groups().get(row_group)?.columns().get(column)?;
        match column.statistics()? {
            Statistics::Int64(bounds) => Some((bounds.min_opt()?.cast_unsigned(), bounds.max_opt()?.cast_unsigned())),
            _ => None,
        }
    }

    /// The rows of these row groups, in batches of about `batch_bytes` in memory.
    pub(super) fn batches(&self, row_groups: Vec<usize>, batch_bytes: usize) -> Result<Batches> {
        let all: Vec<usize> = (0..self.schema.fields().len()).collect();
        self.batches_of(&all, row_groups, batch_bytes)
    }

    /// The same with the columns at these positions only, which rise.
    pub(super) fn batches_of(&self, columns: &[usize], row_groups: Vec<usize>, batch_bytes: usize) -> Result<Batches> {
        let all = self.metadata.metadata().row_groups();
        let mut expected = 0;
        let mut rows = MOST_BATCH_ROWS;
        for row_group in &row_groups {
            let row_group = all.get(*row_group).ok_or_else(|| damaged("a row group is not there"))?;
            expected += row_group.num_rows().unsigned_abs();
            rows = rows.min(batch_rows(row_group, batch_bytes as u64));
            if self.distrusted {
                rows = rows.min((DISTRUSTED_BATCH / expanding_bytes(row_group).max(1)).max(1));
            }
        }
        let reader = guarded("the rows cannot be read", || {
            ParquetRecordBatchReaderBuilder::new_with_metadata(self.range.clone(), self.metadata.clone())
                .with_row_groups(row_groups)
                .with_projection(ProjectionMask::roots(self.metadata.parquet_schema(), columns.iter().copied()))
                .with_batch_size(usize::try_from(rows).unwrap_or(1))
                .build()
        })?;
        let schema = if columns.len() == self.schema.fields().len() {
            Arc::clone(&self.schema)
        } else {
            Arc::new(self.schema.project(columns)?)
        };
        Ok(Batches { reader: Some(reader), schema, left: expected })
    }
}

/// Checks magic, footer length and how deep columns are nested; returns where the footer begins.
pub(super) fn check_frame(range: &FileRange) -> Result<u64> {
    let length = range.length();
    let content_end = length.checked_sub(FOOTER_END).filter(|end| *end >= MAGIC.len() as u64);
    let Some(content_end) = content_end else {
        return Err(damaged(format!("a file of {length} bytes is no Parquet file")));
    };
    let mut start = [0; 4];
    let mut end = [0; 8];
    range
        .reader()
        .read_exact(&mut start)
        .and_then(|()| {
            parquet::file::reader::ChunkReader::get_read(range, content_end)
                .map_err(std::io::Error::other)?
                .read_exact(&mut end)
        })
        .map_err(|error| Error::io("cannot read a Parquet file", error))?;
    let [a, b, c, d, magic @ ..] = end;
    if &start != MAGIC || &magic != MAGIC {
        return Err(damaged("the file does not begin and end as a Parquet file does"));
    }
    let footer = u64::from(u32::from_le_bytes([a, b, c, d]));
    if footer > LARGEST_FOOTER {
        return Err(damaged(format!("the footer has {footer} bytes, more than {LARGEST_FOOTER}")));
    }
    let start = content_end
        .checked_sub(footer)
        .filter(|start| *start >= MAGIC.len() as u64)
        .ok_or_else(|| damaged("the footer is longer than the file"))?;
    let footer = guarded("the footer cannot be read", || {
        // No longer than was checked above.
        parquet::file::reader::ChunkReader::get_bytes(range, start, footer as usize)
    })?;
    footer::check_depth(&footer)?;
    Ok(start)
}

/// The columns must be what is expected to the last bit of their metadata, so that the manifest and the file can be used
/// in each other's place.
fn check_schema(found: &Schema, expected: &Schema) -> Result<()> {
    if found.fields().len() != expected.fields().len() {
        return Err(damaged(format!(
            "the file has {} columns, the manifest says {}",
            found.fields().len(),
            expected.fields().len()
        )));
    }
    for (found, expected) in found.fields().iter().zip(expected.fields()) {
        if found != expected {
            // Where it is the type, say so in the words of the schema model.
            dbferry_dialect::carrier::logical_type(found)?;
            return Err(damaged(format!(
                "the file's column {:?} of type {} is not what the manifest says: {:?} of type {}",
                found.name(),
                found.data_type(),
                expected.name(),
                expected.data_type()
            ))
            .with("column", expected.name()));
        }
    }
    Ok(())
}

fn check_facts(metadata: &ParquetMetaData, facts: &[(&str, String)]) -> Result<()> {
    let pairs = metadata.file_metadata().key_value_metadata().map(Vec::as_slice).unwrap_or_default();
    for (key, expected) in facts {
        let mut values = pairs.iter().filter(|pair| pair.key == *key).map(|pair| pair.value.as_deref());
        if values.next() != Some(Some(expected)) || values.next().is_some() {
            return Err(damaged(format!("the file's own {key} is not what the manifest says")));
        }
    }
    Ok(())
}

pub(super) fn check_row_group(row_group: &RowGroupMetaData, data_end: u64) -> Result<()> {
    if row_group.num_rows() <= 0 {
        return Err(damaged("a row group has no rows"));
    }
    for column in row_group.columns() {
        let start = column.dictionary_page_offset().unwrap_or(column.data_page_offset());
        let end = start.checked_add(column.compressed_size());
        let sizes = [start, column.data_page_offset(), column.compressed_size(), column.uncompressed_size()];
        let inside = end.is_some_and(|end| end.unsigned_abs() <= data_end);
        if sizes.iter().any(|size| *size < 0) || column.num_values() < row_group.num_rows() || !inside {
            return Err(damaged("a column's place is outside the file").with("column", column.column_path()));
        }
    }
    Ok(())
}

/// How many rows make about `bytes` in memory, by what the footer says about sizes.
pub(super) fn batch_rows(row_group: &RowGroupMetaData, bytes: u64) -> u64 {
    let rows = row_group.num_rows().unsigned_abs().max(1);
    let total = row_group_bytes(row_group).max(1);
    (u128::from(bytes) * u128::from(rows) / u128::from(total)).clamp(1, MOST_BATCH_ROWS.into()) as u64
}

/// How long the texts of a row can be in columns whose pages hold a value once for many rows: no longer than the pages.
fn expanding_bytes(row_group: &RowGroupMetaData) -> u64 {
    let expands = |column: &&ColumnChunkMetaData| {
        column.column_type() == Type::BYTE_ARRAY
            && (column.dictionary_page_offset().is_some()
                || column.encodings().any(|encoding| encoding == Encoding::DELTA_BYTE_ARRAY))
    };
    let sizes = row_group.columns().iter().filter(expands).map(|column| column.uncompressed_size().unsigned_abs());
    sizes.fold(0, u64::saturating_add)
}

/// The size of a row group in memory, by what the footer says.
fn row_group_bytes(row_group: &RowGroupMetaData) -> u64 {
    row_group.columns().iter().map(decoded_bytes).fold(0, u64::saturating_add)
}

/// The size of a column chunk in memory, by what the footer says.
fn decoded_bytes(column: &ColumnChunkMetaData) -> u64 {
    let values = column.num_values().unsigned_abs();
    let descriptor = column.column_descr();
    let width: u64 = match descriptor.physical_type() {
        Type::BOOLEAN => 1,
        Type::INT32 | Type::FLOAT => 4,
        Type::INT64 | Type::DOUBLE => 8,
        Type::INT96 => 12,
        // Decimals grow to a power of two.
        Type::FIXED_LEN_BYTE_ARRAY => u64::from(descriptor.type_length().unsigned_abs().next_power_of_two()),
        Type::BYTE_ARRAY => {
            let text = column.unencoded_byte_array_data_bytes().unwrap_or(column.uncompressed_size());
            return text.unsigned_abs().saturating_add(values.saturating_mul(4));
        }
    };
    values.saturating_mul(width)
}

/// The rows of some row groups, batch by batch.
pub(super) struct Batches {
    /// Absent after the end, and after a failure.
    reader: Option<ParquetRecordBatchReader>,
    schema: SchemaRef,
    /// Rows that must still come.
    left: u64,
}

impl Batches {
    /// The next batch.
    ///
    /// # Errors
    /// [`ErrorKind::ArchiveDamaged`](dbferry_dialect::ErrorKind::ArchiveDamaged), also when there are more or fewer rows
    /// than the footer says.
    pub(super) fn next(&mut self) -> Result<Option<RecordBatch>> {
        let Some(mut reader) = self.reader.take() else {
            return Ok(None);
        };
        let batch = guarded("the rows cannot be read", || reader.next().transpose())?;
        let Some(batch) = batch else {
            return if self.left == 0 { Ok(None) } else { Err(damaged("there are fewer rows than the footer says")) };
        };
        self.left = self
            .left
            .checked_sub(batch.num_rows() as u64)
            .ok_or_else(|| damaged("there are more rows than the footer says"))?;
        self.reader = Some(reader);
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), batch.columns().to_vec())
            .map_err(|error| damaged("the rows are not of the file's own types").caused_by(error))?;
        Ok(Some(batch))
    }
}

/// Runs a piece of the Parquet crate. It means to return errors for whatever a file holds, but damaged pages can reach
/// arithmetic and indexing that panics; that too is a damaged file.
pub(super) fn guarded<T, E: Into<Box<dyn std::error::Error + Send + Sync>>>(
    what: &'static str,
    work: impl FnOnce() -> Result<T, E>,
) -> Result<T> {
    // What the closure touched is dropped by the caller when this fails.
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(damaged(what).caused_by(error)),
        Err(panic) => {
            let text = panic
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| panic.downcast_ref::<&str>().copied())
                .unwrap_or("the decoder gave up");
            Err(damaged(format!("{what}: {text}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::manifest::CollectionEntry;
    use super::super::{Archive, testing};
    use dbferry_dialect::{Error, ErrorKind};
    use std::fs;
    use std::path::Path;

    const FILES: [&str; 2] = ["data/user/main.Wide~1.parquet", "data/user/main.Wide~1.exceptions.parquet"];

    /// Writes an archive, alters one of its Parquet files as an attacker would who keeps the manifest in step, and reads
    /// the collection.
    fn read_altered(path: &Path, file: &str, content: &[u8], entry: &CollectionEntry) -> Result<(), Error> {
        fs::write(path.join(file), content).expect("a file");
        let mut entry = entry.clone();
        for listed in [entry.file.as_mut(), entry.exceptions.as_mut().map(|some| &mut some.file)].into_iter().flatten()
        {
            if listed.path == file {
                listed.bytes = content.len() as u64;
            }
        }
        let archive = Archive::open(path).expect("an archive");
        testing::read_all(&archive, &entry, 10_000).map(|_| ())
    }

    #[test]
    fn no_altered_byte_does_more_than_an_error() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("a");
        let entry = testing::write(&path).collections.swap_remove(0);
        let mut errors = 0;
        for file in FILES {
            let original = fs::read(path.join(file)).expect("content");
            for position in (0..original.len()).step_by(original.len() / 150) {
                for flip in [0x01, 0x80, 0xff] {
                    let mut content = original.clone();
                    content[position] ^= flip;
                    if let Err(error) = read_altered(&path, file, &content, &entry) {
                        assert_eq!(error.kind(), ErrorKind::ArchiveDamaged, "{error}");
                        assert!(error.context().any(|(key, _)| key == "collection"), "{error}");
                        errors += 1;
                    }
                }
            }
            fs::write(path.join(file), original).expect("a file");
        }
        // Pages have no checksum of their own, so some changes of values pass here; the file's BLAKE3 is for those.
        assert!(errors > 300, "{errors}");
    }

    #[test]
    fn columns_outside_the_file_are_refused() {
        use parquet::file::metadata::{ColumnChunkMetaData, RowGroupMetaData};
        use std::sync::Arc;
        let message = "message m { required int64 a; }";
        let schema = parquet::schema::parser::parse_message_type(message).expect("a schema");
        let schema = Arc::new(parquet::schema::types::SchemaDescriptor::new(Arc::new(schema)));
        let check = |rows, values, start, dictionary, bytes, decoded| {
            let column = ColumnChunkMetaData::builder(schema.column(0))
                .set_num_values(values)
                .set_data_page_offset(start)
                .set_dictionary_page_offset(dictionary)
                .set_total_compressed_size(bytes)
                .set_total_uncompressed_size(decoded)
                .build()
                .expect("a column");
            let row_group = RowGroupMetaData::builder(Arc::clone(&schema)).set_num_rows(rows);
            let row_group = row_group.add_column_metadata(column).build().expect("a row group");
            super::check_row_group(&row_group, 1000).is_ok()
        };
        assert!(check(10, 10, 100, None, 900, 5000) && check(10, 20, 100, Some(4), 996, 5000));
        assert!(!check(0, 10, 100, None, 900, 5000), "no rows");
        assert!(!check(-1, 10, 100, None, 900, 5000), "negative rows");
        assert!(!check(10, 9, 100, None, 900, 5000), "too few values");
        assert!(!check(10, 10, 100, None, 901, 5000), "over the end");
        assert!(!check(10, 10, -1, None, 10, 5000), "a negative place");
        assert!(!check(10, 10, 100, Some(-1), 10, 5000), "a negative place of the dictionary");
        assert!(!check(10, 10, 100, None, -1, 5000), "a negative size");
        assert!(!check(10, 10, 100, None, i64::MAX, 5000), "an overflow");
        assert!(!check(10, 10, 100, None, 10, -1), "a negative size in memory");
    }

    #[test]
    fn a_panic_is_damage() {
        let outcome = super::guarded("the rows cannot be read", || -> Result<(), Error> { panic!("index 7 of 3") });
        let error = outcome.expect_err("damage");
        assert_eq!(
            (error.kind(), error.message()),
            (ErrorKind::ArchiveDamaged, "the rows cannot be read: index 7 of 3")
        );
    }

    #[test]
    fn truncated_files_are_refused() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("a");
        let entry = testing::write(&path).collections.swap_remove(0);
        for file in FILES {
            let original = fs::read(path.join(file)).expect("content");
            for length in [0, 4, 11, 12, 100, original.len() / 2, original.len() - 1] {
                let error = read_altered(&path, file, &original[..length], &entry).expect_err("a refusal");
                assert_eq!(error.kind(), ErrorKind::ArchiveDamaged, "{error}");
            }
            fs::write(path.join(file), original).expect("a file");
        }
    }

    #[test]
    fn impossible_footers_are_refused_before_they_are_read() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("a");
        let entry = testing::write(&path).collections.swap_remove(0);
        let original = fs::read(path.join(FILES[0])).expect("content");
        let length_at = original.len() - 8;
        for (length, expected) in [(u32::MAX, "more than"), (65 << 20, "more than"), (60 << 20, "longer than the file")]
        {
            let mut content = original.clone();
            content[length_at..length_at + 4].copy_from_slice(&length.to_le_bytes());
            let error = read_altered(&path, FILES[0], &content, &entry).expect_err("a refusal");
            assert!(error.to_string().contains(expected), "{error}");
        }
        for magic in [0, original.len() - 1] {
            let mut content = original.clone();
            content[magic] = b'X';
            let error = read_altered(&path, FILES[0], &content, &entry).expect_err("a refusal");
            assert!(error.to_string().contains("begin and end"), "{error}");
        }
    }
}
