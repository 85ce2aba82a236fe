//! Databases in temporary directories, and reading them whole, for the tests of this crate.

use crate::Sqlite;
use arrow::array::Array;
use dbferry_dialect::{
    Batch, Chunk, ChunkRange, Collection, CollectionName, Database, DatabaseUrl, Dialect, NativeValue, OpenOptions,
    Purpose, ReadRequest, Reader, Result, Schema, Snapshot, SnapshotOptions,
};
use rusqlite::Connection;
use std::path::{Path, PathBuf};

/// A database file in a directory of its own.
pub(crate) struct TestDatabase {
    _directory: tempfile::TempDir,
    path: PathBuf,
}

impl TestDatabase {
    /// A database that `sql` fills.
    pub(crate) fn new(sql: &str) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("a b%?#.db");
        let database = Self { _directory: directory, path };
        database.writer().execute_batch(sql).expect("a schema");
        database
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn writer(&self) -> Connection {
        Connection::open(&self.path).expect("a connection")
    }

    pub(crate) fn open(&self) -> Box<dyn Database> {
        self.try_open(Purpose::Read).expect("a database")
    }

    pub(crate) fn try_open(&self, purpose: Purpose) -> Result<Box<dyn Database>> {
        open(&self.path, purpose)
    }

    pub(crate) fn snapshot(&self, readers: usize) -> Box<dyn Snapshot> {
        self.open().snapshot(&SnapshotOptions::new(readers)).expect("a snapshot")
    }

    pub(crate) fn schema(&self) -> Schema {
        self.snapshot(1).schema().expect("a schema")
    }

    pub(crate) fn collection(&self, name: &str) -> Collection {
        collection(&self.schema(), name)
    }

    /// All rows of a table in one batch.
    pub(crate) fn rows(&self, name: &str) -> Batch {
        let mut snapshot = self.snapshot(1);
        let collection = collection(&snapshot.schema().expect("a schema"), name);
        let mut readers = snapshot.readers();
        let batches = read(readers[0].as_mut(), &collection, &whole(), usize::MAX).expect("rows");
        batches.into_iter().next().expect("a batch")
    }
}

pub(crate) fn open(path: &Path, purpose: Purpose) -> Result<Box<dyn Database>> {
    let url = DatabaseUrl::parse(&format!("sqlite:{}", path.display())).expect("a URL");
    Sqlite.open(&url, &OpenOptions::new(purpose, dbferry_dialect::Cancel::new()))
}

pub(crate) fn collection(schema: &Schema, name: &str) -> Collection {
    schema.collection(&CollectionName::new("main", name)).unwrap_or_else(|| panic!("no table {name}")).clone()
}

pub(crate) fn whole() -> Chunk {
    Chunk { range: ChunkRange::Whole, estimated_bytes: 0 }
}

pub(crate) fn read(
    reader: &mut dyn Reader,
    collection: &Collection,
    chunk: &Chunk,
    batch_bytes: usize,
) -> Result<Vec<Batch>> {
    let mut batches = Vec::new();
    let request = ReadRequest { collection, chunk, batch_bytes, predicate: None };
    let rows = reader.read(&request, &mut |batch: Batch| {
        batches.push(batch);
        Ok(())
    })?;
    assert_eq!(rows, batches.iter().map(|batch| batch.records.num_rows() as u64).sum::<u64>());
    Ok(batches)
}

/// The cells of a column, each as arrow shows it; exceptions with their reason and value.
pub(crate) fn cells(batch: &Batch, column: usize) -> Vec<String> {
    let array = batch.records.column(column);
    (0..array.len())
        .map(|row| {
            let exception = batch
                .exceptions
                .iter()
                .find(|exception| exception.row == row as u64 && exception.column == column as u32);
            if let Some(exception) = exception {
                assert!(array.is_null(row), "an exception's cell is null");
                return format!("{}: {}", exception.reason, show(&exception.value));
            }
            if array.is_null(row) {
                return "NULL".into();
            }
            arrow_text(array.as_ref(), row)
        })
        .collect()
}

fn show(value: &NativeValue) -> String {
    format!("{} {value:?}", value.class())
}

fn arrow_text(array: &dyn Array, row: usize) -> String {
    use arrow::array::AsArray;
    use arrow::datatypes::{DataType, Date32Type, Decimal128Type, Float64Type, Int64Type, TimestampMicrosecondType};
    match array.data_type() {
        DataType::Boolean => array.as_boolean().value(row).to_string(),
        DataType::Int64 => array.as_primitive::<Int64Type>().value(row).to_string(),
        DataType::Float64 => format!("{:?}", array.as_primitive::<Float64Type>().value(row)),
        DataType::Utf8 => format!("{:?}", array.as_string::<i32>().value(row)),
        DataType::Binary => format!("{:?}", array.as_binary::<i32>().value(row)),
        DataType::Decimal128(..) => array.as_primitive::<Decimal128Type>().value_as_string(row),
        DataType::Date32 => array.as_primitive::<Date32Type>().value(row).to_string(),
        DataType::Timestamp(..) => array.as_primitive::<TimestampMicrosecondType>().value(row).to_string(),
        DataType::FixedSizeBinary(_) => format!("{:?}", array.as_fixed_size_binary().value(row)),
        DataType::Struct(fields) => {
            let members = array.as_struct();
            let set: Vec<String> = (0..fields.len())
                .filter(|index| members.column(*index).is_valid(row))
                .map(|index| format!("{} {}", fields[index].name(), arrow_text(members.column(index).as_ref(), row)))
                .collect();
            set.join(" and ")
        }
        other => panic!("no text for {other}"),
    }
}
