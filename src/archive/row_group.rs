//! Encoding row groups, each by whatever thread has its rows, independent of the file that they end up in.

use super::exceptions::ExceptionColumns;
use super::options::{Compression, WriteOptions};
use super::properties::Way;
use super::repetition::repeats;
use super::{effort, parquet_error, properties};
use arrow::array::{Array, RecordBatch};
use arrow::datatypes::SchemaRef;
use dbferry_dialect::{Batch, Collection, Error, ErrorKind, Result};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::{
    ArrowColumnChunk, ArrowColumnWriter, ArrowRowGroupWriterFactory, ArrowWriterOptions, compute_leaves,
};
use parquet::errors::ParquetError;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

/// Makes encoders for the row groups of one collection. Cheap to clone; clones may go to any thread.
#[derive(Clone, Debug)]
pub struct EncoderFactory(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    collection: Collection,
    schema: SchemaRef,
    options: WriteOptions,
    /// What makes the writers of columns, for each [`Way`] that was needed so far.
    makers: [OnceLock<ArrowRowGroupWriterFactory>; Way::ALL.len()],
}

impl EncoderFactory {
    /// `light` makes the writers of the file's own properties, which are those of [`Way::Light`].
    pub(super) fn new(
        collection: &Collection,
        schema: SchemaRef,
        options: WriteOptions,
        light: ArrowRowGroupWriterFactory,
    ) -> Self {
        let makers = Way::ALL.map(|_| OnceLock::new());
        makers[Way::Light as usize].get_or_init(|| light);
        Self(Arc::new(Parts { collection: collection.clone(), schema, options, makers }))
    }

    /// An encoder for one row group.
    pub fn encoder(&self) -> RowGroupEncoder {
        RowGroupEncoder {
            parts: Arc::clone(&self.0),
            writers: Vec::new(),
            rows: 0,
            input_bytes: 0,
            exceptions: ExceptionColumns::default(),
        }
    }
}

impl Parts {
    /// How each column is written, for rows such as these.
    fn ways(&self, records: &RecordBatch) -> Vec<Way> {
        let decides = self.options.compression == Compression::ZstdThatPays;
        let way = |column: &Arc<dyn Array>| match column {
            _ if repeats(column) => Way::Dictionary,
            _ if decides && effort::pays(column) => Way::Full,
            _ => Way::Light,
        };
        records.columns().iter().map(way).collect()
    }

    /// Writers of each way that any column has.
    fn undecided(&self, ways: &[Way]) -> Result<Undecided> {
        let mut made = Undecided::default();
        for way in Way::ALL.into_iter().filter(|way| ways.contains(way)) {
            // The index only matters to encrypted files.
            let writers = self.maker(way)?.create_column_writers(0).map_err(|error| self.failed(error))?;
            made.0[way as usize] = writers.into_iter();
        }
        Ok(made)
    }

    fn maker(&self, way: Way) -> Result<&ArrowRowGroupWriterFactory> {
        let place = &self.makers[way as usize];
        if let Some(made) = place.get() {
            return Ok(made);
        }
        // A file knows one set of properties, and its row groups may be encoded with others: this one is never written to.
        let properties = properties::rows(&self.collection, &self.options, way)?;
        let options = ArrowWriterOptions::new().with_properties(properties);
        let (_, made) = ArrowWriter::try_new_with_options(std::io::sink(), Arc::clone(&self.schema), options)
            .and_then(ArrowWriter::into_serialized_writer)
            .map_err(|error| self.failed(error))?;
        Ok(place.get_or_init(|| made))
    }

    fn failed(&self, error: ParquetError) -> Error {
        parquet_error("rows cannot be encoded", error).with("collection", &self.collection.name)
    }

    fn misfit(&self, what: impl Into<std::borrow::Cow<'static, str>>) -> Error {
        Error::new(ErrorKind::Internal, what).with("collection", &self.collection.name)
    }

    fn column(&self, position: usize) -> &str {
        self.collection.columns.get(position).map_or("", |column| column.name.as_str())
    }
}

/// For every leaf a writer of each way that is needed; they are taken leaf by leaf.
#[derive(Default)]
struct Undecided([std::vec::IntoIter<ArrowColumnWriter>; Way::ALL.len()]);

impl Undecided {
    /// The writer of the next leaf, in that way.
    fn decide(&mut self, way: Way) -> Option<ArrowColumnWriter> {
        let [dictionary, light, full] = self.0.each_mut().map(Iterator::next);
        match way {
            Way::Dictionary => dictionary,
            Way::Light => light,
            Way::Full => full,
        }
    }
}

/// Encodes the rows of one row group. Holds them encoded and compressed, but for each column's last page.
#[derive(Debug)]
pub struct RowGroupEncoder {
    parts: Arc<Parts>,
    /// One a leaf, once there are rows.
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
        // The first rows decide.
        let ways = if self.writers.is_empty() { self.parts.ways(&batch.records) } else { Vec::new() };
        let mut undecided = self.parts.undecided(&ways)?;
        let mut ways = ways.into_iter();
        let mut place = 0;
        for (field, column) in self.parts.schema.fields().iter().zip(batch.records.columns()) {
            let way = ways.next();
            for leaf in compute_leaves(field, column).map_err(|error| self.parts.failed(error))? {
                self.writers.extend(way.and_then(|way| undecided.decide(way)));
                let writer =
                    self.writers.get_mut(place).ok_or_else(|| self.parts.misfit("a column has too many leaves"))?;
                writer.write(&leaf).map_err(|error| self.parts.failed(error))?;
                place += 1;
            }
            self.input_bytes += logical_size(column);
        }
        for exception in &batch.exceptions {
            let name = self.parts.column(exception.column as usize);
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
        self.input_bytes >= self.parts.options.row_group_bytes
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
    use super::super::{Archive, ArchiveWriter, CollectionEntry, testing};
    use super::*;
    use arrow::array::{
        ArrayRef, BinaryArray, Date32Array, Decimal128Array, Int32Array, Int64Array, StringArray, UInt64Array,
    };
    use dbferry_dialect::hash::CollectionHash;
    use dbferry_dialect::{CollectionName, Column, LogicalType, carrier};
    use parquet::file::reader::{FileReader, SerializedFileReader};

    #[test]
    fn batches_that_break_the_contract_are_refused() {
        let directory = tempfile::tempdir().expect("a directory");
        let options = WriteOptions { row_group_bytes: 1000, ..WriteOptions::default() };
        let writer = ArchiveWriter::create(&directory.path().join("a"), options).expect("a writer");
        let collection = testing::narrow("t");
        let into = writer.collection(&collection, "user", &testing::source()).expect("a writer");
        let mut encoder = into.encoder();
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

    /// Rows of numbers and texts: steps as wide as the types are with hardly a value twice, or a few values over and over.
    fn steps(collection: &Collection, rows: u64, repeated: bool) -> Batch {
        let numbers: Vec<u64> = (0..rows)
            .map(|row| match (row % 8, repeated) {
                (0, _) => i64::MIN as u64,
                (1, _) => i64::MAX as u64,
                (_, true) => row % 7,
                (_, false) => row.wrapping_mul(0x9e37_79b9_7f4a_7c15),
            })
            .collect();
        let signed = |number: &u64| *number as i64;
        let narrow = |number: &u64| (*number >> 32) as i32;
        let decimal = |number: &u64| i128::from(signed(number) / 10);
        let texts: Vec<String> = numbers.iter().map(|number| "x".repeat(narrow(number) as usize % 40)).collect();
        let text = |(number, text): (&u64, &String)| format!("{text}{}", if text.is_empty() { 0 } else { *number });
        let arrays: Vec<ArrayRef> = vec![
            Arc::new(Int64Array::from_iter_values(numbers.iter().map(signed))),
            Arc::new(Int32Array::from_iter_values(numbers.iter().map(narrow))),
            Arc::new(UInt64Array::from_iter_values(numbers.iter().copied())),
            Arc::new(
                Decimal128Array::from_iter_values(numbers.iter().map(decimal))
                    .with_precision_and_scale(18, 2)
                    .expect("a decimal"),
            ),
            Arc::new(Date32Array::from_iter(numbers.iter().map(|number| (number % 5 > 0).then(|| narrow(number))))),
            Arc::new(StringArray::from_iter_values(numbers.iter().zip(&texts).map(text))),
            Arc::new(BinaryArray::from_iter_values(numbers.iter().map(|number| number.to_string().repeat(2)))),
        ];
        Batch::plain(RecordBatch::try_new(carrier::schema(collection), arrays).expect("a batch"))
    }

    #[test]
    fn the_rows_decide_how_they_are_encoded_and_come_back_either_way() {
        let types = [
            ("a", LogicalType::INT64),
            ("b", LogicalType::Int { bits: 32, signed: true }),
            ("c", LogicalType::Int { bits: 64, signed: false }),
            ("d", LogicalType::Decimal { precision: 18, scale: 2 }),
            ("e", LogicalType::Date),
            ("f", LogicalType::TEXT),
            ("g", LogicalType::BYTES),
        ];
        let columns = types.map(|(name, logical)| Column::new(name, logical, "")).to_vec();
        let collection = Collection::table(CollectionName::new("main", "t"), columns);
        let batches = [false, true].map(|repeated| steps(&collection, 30_011, repeated));

        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("a");
        let writer = ArchiveWriter::create(&path, WriteOptions::default()).expect("a writer");
        let mut into = writer.collection(&collection, "user", &testing::source()).expect("a writer");
        for batch in &batches {
            let mut encoder = into.encoder();
            encoder.write(&batch.clone()).expect("room");
            into.append(encoder.finish().expect("a row group")).expect("a file");
        }
        let hash = CollectionHash { rows: 2 * 30_011, sum: 1 };
        let files = into.finish(hash).expect("files");
        let mut manifest = testing::manifest();
        manifest.collections = vec![CollectionEntry::new(collection.clone(), "user", "default", hash, files)];
        manifest.count_groups(["user"]);
        writer.finish(&manifest).expect("an archive");

        let entry = &manifest.collections[0];
        let file = std::fs::File::open(path.join(&entry.file.as_ref().expect("a file").path)).expect("the file");
        let metadata = SerializedFileReader::new(file).expect("a Parquet file").metadata().clone();
        for (row_group, has_dictionary) in [(0, false), (1, true)] {
            for column in metadata.row_group(row_group).columns() {
                let path = column.column_path();
                assert_eq!(column.dictionary_page_offset().is_some(), has_dictionary, "{path} of {row_group}");
            }
        }
        let read = testing::read_all(&Archive::open(&path).expect("an archive"), entry, 100_000).expect("rows");
        let written = batches.map(|batch| batch.records);
        let written = arrow::compute::concat_batches(&written[0].schema(), &written).expect("one batch");
        assert_eq!(read.records, written);
    }
}
