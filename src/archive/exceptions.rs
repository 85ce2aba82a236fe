//! The exceptions file: values that their columns cannot hold, as rows of a Parquet file that anybody can read.

use super::damaged;
use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BinaryBuilder, Float64Array, Float64Builder, Int64Array, Int64Builder,
    RecordBatch, StringArray, StringBuilder, UInt32Array, UInt32Builder, UInt64Array, UInt64Builder,
};
use arrow::datatypes::{DataType, Field, Float64Type, Int64Type, Schema, SchemaRef, UInt32Type, UInt64Type};
use dbferry_dialect::exception::{Exception, ExceptionReason, NativeValue};
use dbferry_dialect::{Collection, Result};
use std::collections::BTreeMap;
use std::mem::take;
use std::sync::{Arc, LazyLock};

/// Batches are cut here, far below the 2 GiB that one Arrow array of texts can hold.
const BATCH_BYTES: usize = 16 << 20;
/// What an exception weighs beside its value.
const FIXED_BYTES: usize = 64;

static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    Arc::new(Schema::new(vec![
        Field::new("row", DataType::UInt64, false),
        Field::new("column", DataType::Utf8, false),
        Field::new("column_index", DataType::UInt32, false),
        Field::new("reason", DataType::Utf8, false),
        Field::new("class", DataType::Utf8, false),
        Field::new("integer", DataType::Int64, true),
        Field::new("real", DataType::Float64, true),
        Field::new("text", DataType::Utf8, true),
        Field::new("bytes", DataType::Binary, true),
    ]))
});

/// The columns of an exceptions file.
pub(super) fn schema() -> SchemaRef {
    Arc::clone(&SCHEMA)
}

/// Collects exceptions in the form of the file.
#[derive(Debug, Default)]
pub(super) struct ExceptionColumns {
    finished: Vec<RecordBatch>,
    finished_bytes: usize,
    open_bytes: usize,
    reasons: BTreeMap<&'static str, u64>,
    row: UInt64Builder,
    column: StringBuilder,
    column_index: UInt32Builder,
    reason: StringBuilder,
    class: StringBuilder,
    integer: Int64Builder,
    real: Float64Builder,
    text: StringBuilder,
    bytes: BinaryBuilder,
}

impl ExceptionColumns {
    /// Adds an exception whose row counts from `base`; returns what it weighs, in bytes.
    pub(super) fn push(&mut self, exception: &Exception, base: u64, column: &str) -> Result<usize> {
        let weight = weight(exception) + column.len();
        if self.open_bytes > 0 && self.open_bytes + weight > BATCH_BYTES {
            self.cut()?;
        }
        self.row.append_value(base + exception.row);
        self.column.append_value(column);
        self.column_index.append_value(exception.column);
        self.reason.append_value(exception.reason.as_str());
        self.class.append_value(exception.value.class());
        let (mut integer, mut real, mut text, mut bytes) = (None, None, None, None);
        match &exception.value {
            NativeValue::Integer(value) => integer = Some(*value),
            NativeValue::Real(value) => real = Some(*value),
            NativeValue::Text(value) => text = Some(value.as_str()),
            NativeValue::TextBytes(value) | NativeValue::Bytes(value) => bytes = Some(value.as_slice()),
        }
        self.integer.append_option(integer);
        self.real.append_option(real);
        self.text.append_option(text);
        self.bytes.append_option(bytes);
        *self.reasons.entry(exception.reason.as_str()).or_default() += 1;
        self.open_bytes += weight;
        Ok(weight)
    }

    /// What it holds, in bytes.
    pub(super) fn memory_size(&self) -> usize {
        self.finished_bytes + self.open_bytes
    }

    /// The exceptions, and how many there are for each reason.
    pub(super) fn finish(mut self) -> Result<(Vec<RecordBatch>, BTreeMap<&'static str, u64>)> {
        self.cut()?;
        Ok((self.finished, self.reasons))
    }

    fn cut(&mut self) -> Result<()> {
        if self.open_bytes > 0 {
            let columns: Vec<ArrayRef> = vec![
                Arc::new(self.row.finish()),
                Arc::new(self.column.finish()),
                Arc::new(self.column_index.finish()),
                Arc::new(self.reason.finish()),
                Arc::new(self.class.finish()),
                Arc::new(self.integer.finish()),
                Arc::new(self.real.finish()),
                Arc::new(self.text.finish()),
                Arc::new(self.bytes.finish()),
            ];
            self.finished.push(RecordBatch::try_new(schema(), columns)?);
            self.finished_bytes += take(&mut self.open_bytes);
        }
        Ok(())
    }
}

/// The same exceptions with their rows counted from elsewhere.
pub(super) fn moved(batch: &RecordBatch, base: u64) -> Result<RecordBatch> {
    let rows = batch.column(0).as_primitive::<UInt64Type>();
    let mut columns = batch.columns().to_vec();
    if let Some(first) = columns.first_mut() {
        *first = Arc::new(UInt64Array::from_iter_values(rows.values().iter().map(|row| row + base)));
    }
    Ok(RecordBatch::try_new(schema(), columns)?)
}

/// A batch of an exceptions file, checked value by value while it is read.
#[derive(Debug)]
pub(super) struct ExceptionRows {
    row: UInt64Array,
    column: StringArray,
    column_index: UInt32Array,
    reason: StringArray,
    class: StringArray,
    integer: Int64Array,
    real: Float64Array,
    text: StringArray,
    bytes: BinaryArray,
}

impl ExceptionRows {
    /// The columns of a batch that has [`schema`].
    pub(super) fn new(batch: &RecordBatch) -> Self {
        Self {
            row: batch.column(0).as_primitive::<UInt64Type>().clone(),
            column: batch.column(1).as_string::<i32>().clone(),
            column_index: batch.column(2).as_primitive::<UInt32Type>().clone(),
            reason: batch.column(3).as_string::<i32>().clone(),
            class: batch.column(4).as_string::<i32>().clone(),
            integer: batch.column(5).as_primitive::<Int64Type>().clone(),
            real: batch.column(6).as_primitive::<Float64Type>().clone(),
            text: batch.column(7).as_string::<i32>().clone(),
            bytes: batch.column(8).as_binary::<i32>().clone(),
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.row.len()
    }

    /// The exception at `index`, which is below [`ExceptionRows::len`].
    ///
    /// # Errors
    /// [`ErrorKind::ArchiveDamaged`](dbferry_dialect::ErrorKind::ArchiveDamaged) when it makes no sense.
    pub(super) fn get(&self, index: usize, collection: &Collection) -> Result<Exception> {
        let row = self.row.value(index);
        let bad = |what: String| damaged(what).with("row", row).with("column", self.column.value(index));
        let column = self.column_index.value(index);
        if collection.columns.get(column as usize).is_none_or(|known| known.name != self.column.value(index)) {
            return Err(bad(format!("an exception is of a column that is not at index {column}")));
        }
        let reason = self.reason.value(index);
        let reason = ExceptionReason::parse(reason)
            .ok_or_else(|| bad(format!("there is no reason {reason:?} for an exception")))?;
        let columns: [&dyn Array; 4] = [&self.integer, &self.real, &self.text, &self.bytes];
        let set = columns.map(|column| column.is_valid(index));
        let value = match (self.class.value(index), set) {
            ("integer", [true, false, false, false]) => NativeValue::Integer(self.integer.value(index)),
            ("real", [false, true, false, false]) => NativeValue::Real(self.real.value(index)),
            ("text", [false, false, true, false]) => NativeValue::Text(self.text.value(index).into()),
            ("text-bytes", [false, false, false, true]) => NativeValue::TextBytes(self.bytes.value(index).into()),
            ("bytes", [false, false, false, true]) => NativeValue::Bytes(self.bytes.value(index).into()),
            (class, _) => return Err(bad(format!("an exception of class {class:?} does not have one value"))),
        };
        Ok(Exception { row, column, reason, value })
    }
}

/// What an exception weighs in memory, in bytes.
pub(super) fn weight(exception: &Exception) -> usize {
    FIXED_BYTES
        + match &exception.value {
            NativeValue::Integer(_) | NativeValue::Real(_) => 0,
            NativeValue::Text(text) => text.len(),
            NativeValue::TextBytes(bytes) | NativeValue::Bytes(bytes) => bytes.len(),
        }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dbferry_dialect::{CollectionName, Column, LogicalType};

    fn collection() -> Collection {
        Collection::table(CollectionName::new("main", "t"), vec![Column::new("a", LogicalType::INT64, "")])
    }

    fn exceptions() -> Vec<Exception> {
        let nan = f64::from_bits(0x7ff8_0000_dead_beef);
        [
            NativeValue::Integer(i64::MIN),
            NativeValue::Real(nan),
            NativeValue::Real(-0.0),
            NativeValue::Text(String::new()),
            NativeValue::Text("a\0b".into()),
            NativeValue::TextBytes(vec![0xff]),
            NativeValue::Bytes(vec![]),
        ]
        .into_iter()
        .zip(ExceptionReason::ALL)
        .enumerate()
        .map(|(row, (value, reason))| Exception { row: row as u64, column: 0, reason, value })
        .collect()
    }

    fn columns() -> ExceptionColumns {
        let mut columns = ExceptionColumns::default();
        for exception in exceptions() {
            columns.push(&exception, 100, "a").expect("room");
        }
        columns
    }

    #[test]
    fn every_class_and_bit_comes_back() {
        let (batches, reasons) = columns().finish().expect("batches");
        assert_eq!(reasons.values().sum::<u64>(), exceptions().len() as u64);
        let rows = ExceptionRows::new(&moved(&batches[0], 1000).expect("a batch"));
        assert_eq!(rows.len(), exceptions().len());
        for (index, mut expected) in exceptions().into_iter().enumerate() {
            expected.row += 1100;
            let found = rows.get(index, &collection()).expect("an exception");
            if let (NativeValue::Real(found), NativeValue::Real(expected)) = (&found.value, &expected.value) {
                assert_eq!(found.to_bits(), expected.to_bits());
            } else {
                assert_eq!(found, expected);
            }
        }
    }

    #[test]
    fn nonsense_is_refused() {
        let (batches, _) = columns().finish().expect("batches");
        let texts = |text: &str| Arc::new(StringArray::from(vec![text; exceptions().len()])) as ArrayRef;
        let none = Arc::new(Int64Array::from(vec![None; exceptions().len()])) as ArrayRef;
        let far = Arc::new(UInt32Array::from(vec![1; exceptions().len()])) as ArrayRef;
        for (position, column) in
            [(1, texts("b")), (2, far), (3, texts("mood")), (4, texts("real")), (4, texts("list")), (5, none)]
        {
            let mut columns = batches[0].columns().to_vec();
            columns[position] = column;
            let rows = ExceptionRows::new(&RecordBatch::try_new(schema(), columns).expect("a batch"));
            assert!(rows.get(0, &collection()).is_err(), "column {position}");
        }
    }

    #[test]
    fn batches_are_cut_before_they_grow_too_large() {
        let mut columns = ExceptionColumns::default();
        let value = NativeValue::Bytes(vec![7; BATCH_BYTES / 3]);
        for row in 0..7 {
            let exception = Exception { row, column: 0, reason: ExceptionReason::StorageClass, value: value.clone() };
            columns.push(&exception, 0, "a").expect("room");
        }
        let (batches, _) = columns.finish().expect("batches");
        assert_eq!(batches.iter().map(RecordBatch::num_rows).collect::<Vec<_>>(), [2, 2, 2, 1]);
    }
}
