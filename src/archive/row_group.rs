//! Encoding row groups, each by whatever thread has its rows, independent of the file that they end up in.

use super::exceptions::ExceptionColumns;
use super::parquet_error;
use arrow::array::{Array, RecordBatch};
use arrow::datatypes::SchemaRef;
use dbferry_dialect::{Batch, Collection, CollectionName, Error, ErrorKind, Result};
use parquet::arrow::arrow_writer::{ArrowColumnChunk, ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// Makes encoders for the row groups of one collection. Cheap to clone; clones may go to any thread.
#[derive(Clone, Debug)]
pub struct EncoderFactory(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    name: CollectionName,
    columns: Vec<String>,
    schema: SchemaRef,
    row_group_bytes: usize,
    factory: ArrowRowGroupWriterFactory,
}

impl EncoderFactory {
    pub(super) fn new(
        collection: &Collection,
        schema: SchemaRef,
        row_group_bytes: usize,
        factory: ArrowRowGroupWriterFactory,
    ) -> Self {
        let columns = collection.columns.iter().map(|column| column.name.clone()).collect();
        Self(Arc::new(Parts { name: collection.name.clone(), columns, schema, row_group_bytes, factory }))
    }

    /// An encoder for one row group.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] when a column cannot be encoded.
    pub fn encoder(&self) -> Result<RowGroupEncoder> {
        // The index only matters to encrypted files.
        let writers = self.0.factory.create_column_writers(0).map_err(|error| self.0.failed(error))?;
        Ok(RowGroupEncoder {
            parts: Arc::clone(&self.0),
            writers,
            rows: 0,
            input_bytes: 0,
            exceptions: ExceptionColumns::default(),
        })
    }
}

impl Parts {
    fn failed(&self, error: parquet::errors::ParquetError) -> Error {
        parquet_error("rows cannot be encoded", error).with("collection", &self.name)
    }

    fn misfit(&self, what: impl Into<std::borrow::Cow<'static, str>>) -> Error {
        Error::new(ErrorKind::Internal, what).with("collection", &self.name)
    }
}

/// Encodes the rows of one row group. Holds them encoded and compressed, but for each column's last page.
#[derive(Debug)]
pub struct RowGroupEncoder {
    parts: Arc<Parts>,
    writers: Vec<ArrowColumnWriter>,
    rows: u64,
    input_bytes: usize,
    exceptions: ExceptionColumns,
}

impl RowGroupEncoder {
    /// Adds rows.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] when the batch does not have the collection's columns, or when its exceptions are not in
    /// order or not null in the rows.
    pub fn write(&mut self, batch: &Batch) -> Result<()> {
        self.check(batch)?;
        let mut writers = self.writers.iter_mut();
        for (field, column) in self.parts.schema.fields().iter().zip(batch.records.columns()) {
            for leaf in compute_leaves(field, column).map_err(|error| self.parts.failed(error))? {
                let writer = writers.next().ok_or_else(|| self.parts.misfit("a column has too many leaves"))?;
                writer.write(&leaf).map_err(|error| self.parts.failed(error))?;
            }
            self.input_bytes += logical_size(column);
        }
        for exception in &batch.exceptions {
            let name = self.parts.columns.get(exception.column as usize).map(String::as_str).unwrap_or_default();
            self.input_bytes += self.exceptions.push(exception, self.rows, name)?;
        }
        self.rows += batch.records.num_rows() as u64;
        Ok(())
    }

    fn check(&self, batch: &Batch) -> Result<()> {
        let (records, schema) = (&batch.records, &self.parts.schema);
        let types = |(left, right): (&Arc<arrow::datatypes::Field>, &Arc<arrow::datatypes::Field>)| {
            left.data_type() == right.data_type()
        };
        if records.num_columns() != schema.fields().len()
            || !records.schema_ref().fields().iter().zip(schema.fields()).all(types)
        {
            return Err(self.parts.misfit("a batch does not have the collection's columns"));
        }
        let mut last = None;
        for exception in &batch.exceptions {
            let place = (exception.row, exception.column);
            let null = exception.row < records.num_rows() as u64
                && records.columns().get(place.1 as usize).is_some_and(|column| column.is_null(place.0 as usize));
            if !null || last.is_some_and(|last| last >= place) {
                return Err(self
                    .parts
                    .misfit("exceptions are not in order or not null in the rows")
                    .with("row", place.0)
                    .with("column", place.1));
            }
            last = Some(place);
        }
        Ok(())
    }

    /// Rows so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// The size of the rows so far as they were in memory, in bytes, exceptions included. It depends on the values alone,
    /// not on how buffers were allocated.
    pub fn input_bytes(&self) -> usize {
        self.input_bytes
    }

    /// Whether the rows so far fill a row group ([`WriteOptions::row_group_bytes`](super::WriteOptions)).
    pub fn is_full(&self) -> bool {
        self.input_bytes >= self.parts.row_group_bytes
    }

    /// What it holds now, in bytes.
    pub fn memory_size(&self) -> usize {
        self.writers.iter().map(ArrowColumnWriter::memory_size).sum::<usize>() + self.exceptions.memory_size()
    }

    /// Ends the row group.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] when a column cannot be encoded.
    pub fn finish(self) -> Result<EncodedRowGroup> {
        let chunks = self.writers.into_iter().map(ArrowColumnWriter::close).collect::<Result<Vec<_>, _>>();
        let (exceptions, reasons) = self.exceptions.finish()?;
        Ok(EncodedRowGroup {
            chunks: chunks.map_err(|error| self.parts.failed(error))?,
            rows: self.rows,
            exceptions,
            reasons,
        })
    }
}

/// A finished row group that waits to be appended to its file.
pub struct EncodedRowGroup {
    pub(super) chunks: Vec<ArrowColumnChunk>,
    pub(super) rows: u64,
    /// In the form of the exceptions file, but with rows counted from the start of this row group.
    pub(super) exceptions: Vec<RecordBatch>,
    pub(super) reasons: BTreeMap<&'static str, u64>,
}

impl EncodedRowGroup {
    /// How many rows it has.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// What it holds, in bytes.
    pub fn memory_size(&self) -> usize {
        let chunks: u64 = self.chunks.iter().map(|chunk| chunk.close().bytes_written).sum();
        let exceptions: usize = self.exceptions.iter().map(RecordBatch::get_array_memory_size).sum();
        usize::try_from(chunks).unwrap_or(usize::MAX).saturating_add(exceptions)
    }
}

impl fmt::Debug for EncodedRowGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EncodedRowGroup").field("rows", &self.rows).finish_non_exhaustive()
    }
}

/// The size of the values of an array, wherever they lie in its buffers.
fn logical_size(array: &dyn Array) -> usize {
    array.to_data().get_slice_memory_size().unwrap_or_else(|_| array.get_array_memory_size())
}

#[cfg(test)]
mod tests {
    use super::super::{ArchiveWriter, WriteOptions, testing};
    use super::*;

    #[test]
    fn batches_that_break_the_contract_are_refused() {
        let directory = tempfile::tempdir().expect("a directory");
        let options = WriteOptions { row_group_bytes: 1000, ..WriteOptions::default() };
        let writer = ArchiveWriter::create(&directory.path().join("a"), options).expect("a writer");
        let collection = testing::narrow("t");
        let into = writer.collection(&collection, "user", &testing::source()).expect("a writer");
        let mut encoder = into.encoder().expect("an encoder");
        let good = testing::batch(&collection, 0, 30);
        assert!(good.exceptions.len() > 2);
        let mut refused = |batch: Batch| {
            assert_eq!(encoder.write(&batch).expect_err("a refusal").kind(), ErrorKind::Internal);
        };
        refused(testing::batch(&testing::wide("t"), 0, 3));
        let altered = |alter: fn(&mut Vec<dbferry_dialect::Exception>)| {
            let mut batch = good.clone();
            alter(&mut batch.exceptions);
            batch
        };
        refused(altered(|exceptions| exceptions.reverse()));
        refused(altered(|exceptions| exceptions.insert(0, exceptions[0].clone())));
        refused(altered(|exceptions| exceptions[0].row = 1));
        refused(altered(|exceptions| exceptions[0].column = 9));
        refused(altered(|exceptions| exceptions[2].row = 30));
        assert_eq!(encoder.rows(), 0);
        assert!(!encoder.is_full());
        encoder.write(&good).expect("room");
        assert!(encoder.rows() == 30 && encoder.is_full());
        assert!(encoder.memory_size() > 0);
        let encoded = encoder.finish().expect("a row group");
        assert!(encoded.rows() == 30 && encoded.memory_size() > 0);
    }

    #[test]
    fn sizes_depend_on_values_alone() {
        let collection = testing::wide("t");
        let (long, short) = (testing::batch(&collection, 0, 100), testing::batch(&collection, 0, 100));
        let sizes = |batch: &Batch| -> usize {
            let part = batch.records.slice(0, 10);
            part.columns().iter().map(|column| logical_size(column)).sum()
        };
        let copy = arrow::compute::concat_batches(&short.records.schema(), [&short.records.slice(0, 10)]);
        let copied: usize = copy.expect("a batch").columns().iter().map(|column| logical_size(column)).sum();
        assert!(sizes(&long) <= copied && copied < short.records.get_array_memory_size() / 4);
    }
}
