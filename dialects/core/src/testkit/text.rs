//! Rows as canonical text: an oracle for tests, independent of the row hash.
//!
//! Two rows have the same text exactly when every cell is the same value bit for bit: the sign of zero and the payload of
//! a NaN show, null differs from empty, and an exception shows its reason, class and value. The text does not depend on
//! how the rows are cut into batches or on how Arrow lays them out. It is not a format that anything stores or parses.

use crate::exception::{Batch, Exception, NativeValue};
use crate::model::Collection;
use arrow::array::{Array, AsArray};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Decimal256Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, Time64MicrosecondType, TimeUnit, TimestampMicrosecondType, UInt8Type, UInt16Type, UInt32Type,
    UInt64Type,
};
use std::fmt::{self, Write};

/// One text for each row of `batches`, in their order: `name=cell | name=cell`.
///
/// # Panics
/// When a batch cannot be one of `collection`: another number of columns, an Arrow type that carries no logical type, an
/// exception whose cell is not null or does not exist. A test must not go on with such a batch.
pub fn rows_as_text(collection: &Collection, batches: &[Batch]) -> Vec<String> {
    let mut rows = Vec::new();
    for batch in batches {
        let records = &batch.records;
        assert_eq!(records.num_columns(), collection.columns.len(), "columns of a batch of {}", collection.name);
        let mut exceptions = batch.exceptions.iter().peekable();
        for row in 0..records.num_rows() {
            let mut text = String::new();
            for (position, (column, cells)) in collection.columns.iter().zip(records.columns()).enumerate() {
                let separator = if position == 0 { "" } else { " | " };
                let exception = exceptions.next_if(|e| e.row == row as u64 && e.column as usize == position);
                assert!(
                    exception.is_none() || cells.is_null(row),
                    "an exception of {} stands on a cell that is not null: row {row}, column {}",
                    collection.name,
                    column.name
                );
                // Writing to a String cannot fail.
                let _ = write!(text, "{separator}{}=", column.name);
                let _ = match exception {
                    Some(exception) => write_exception(&mut text, exception),
                    None => write_cell(&mut text, cells, row),
                };
            }
            rows.push(text);
        }
        assert_eq!(exceptions.next(), None, "an exception of {} has no cell, or is out of order", collection.name);
    }
    rows
}

/// The text of one cell.
///
/// # Panics
/// When the Arrow type carries no logical type.
pub(super) fn cell_text(cells: &dyn Array, row: usize) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = write_cell(&mut text, cells, row);
    text
}

/// The text of an exception's value, with its class and without its reason.
pub(super) fn native_text(value: &NativeValue) -> String {
    match value {
        NativeValue::Integer(value) => format!("integer {value}"),
        NativeValue::Real(value) => format!("real {}", float64_text(*value)),
        NativeValue::Text(value) => format!("text {value:?}"),
        NativeValue::TextBytes(value) => format!("text-bytes {}", bytes_text(value)),
        NativeValue::Bytes(value) => format!("bytes {}", bytes_text(value)),
    }
}

fn write_exception(out: &mut String, exception: &Exception) -> fmt::Result {
    write!(out, "<{}: {}>", exception.reason, native_text(&exception.value))
}

fn write_cell(out: &mut String, cells: &dyn Array, row: usize) -> fmt::Result {
    if cells.is_null(row) {
        return out.write_str("null");
    }
    macro_rules! primitive {
        ($type:ty) => {
            cells.as_primitive::<$type>().value(row)
        };
    }
    match cells.data_type() {
        DataType::Boolean => write!(out, "{}", cells.as_boolean().value(row)),
        DataType::Int8 => write!(out, "{}", primitive!(Int8Type)),
        DataType::Int16 => write!(out, "{}", primitive!(Int16Type)),
        DataType::Int32 => write!(out, "{}", primitive!(Int32Type)),
        DataType::Int64 => write!(out, "{}", primitive!(Int64Type)),
        DataType::UInt8 => write!(out, "{}", primitive!(UInt8Type)),
        DataType::UInt16 => write!(out, "{}", primitive!(UInt16Type)),
        DataType::UInt32 => write!(out, "{}", primitive!(UInt32Type)),
        DataType::UInt64 => write!(out, "{}", primitive!(UInt64Type)),
        DataType::Float32 => out.write_str(&float32_text(primitive!(Float32Type))),
        DataType::Float64 => out.write_str(&float64_text(primitive!(Float64Type))),
        DataType::Decimal128(_, scale) => write!(out, "{}e-{scale}", primitive!(Decimal128Type)),
        DataType::Decimal256(_, scale) => write!(out, "{}e-{scale}", primitive!(Decimal256Type)),
        DataType::Date32 => write!(out, "day {}", primitive!(Date32Type)),
        DataType::Time64(TimeUnit::Microsecond) => write!(out, "time {}us", primitive!(Time64MicrosecondType)),
        DataType::Timestamp(TimeUnit::Microsecond, None) => {
            write!(out, "local {}us", primitive!(TimestampMicrosecondType))
        }
        DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => {
            write!(out, "utc {}us", primitive!(TimestampMicrosecondType))
        }
        // The escapes of `Debug` keep the quotes unambiguous.
        DataType::Utf8 => write!(out, "{:?}", cells.as_string::<i32>().value(row)),
        DataType::Binary => out.write_str(&bytes_text(cells.as_binary::<i32>().value(row))),
        DataType::FixedSizeBinary(_) => out.write_str(&bytes_text(cells.as_fixed_size_binary().value(row))),
        DataType::List(_) => {
            let items = cells.as_list::<i32>().value(row);
            write_sequence(out, ['[', ']'], items.len(), |out, position| write_cell(out, &items, position))
        }
        DataType::Struct(fields) => {
            let columns = cells.as_struct().columns();
            write_sequence(out, ['{', '}'], columns.len(), |out, position| {
                write!(out, "{}: ", fields[position].name())?;
                write_cell(out, &columns[position], row)
            })
        }
        DataType::Map(..) => {
            let entries = cells.as_map().value(row);
            write_sequence(out, ['{', '}'], entries.len(), |out, position| {
                write_cell(out, entries.column(0), position)?;
                out.write_str(" => ")?;
                write_cell(out, entries.column(1), position)
            })
        }
        other => unreachable!("the Arrow type {other} carries no logical type"),
    }
}

fn write_sequence(
    out: &mut String,
    [open, close]: [char; 2],
    length: usize,
    item: impl Fn(&mut String, usize) -> fmt::Result,
) -> fmt::Result {
    out.write_char(open)?;
    for position in 0..length {
        if position > 0 {
            out.write_str(", ")?;
        }
        item(out, position)?;
    }
    out.write_char(close)
}

fn float32_text(value: f32) -> String {
    if value.is_nan() { format!("NaN {:08x}", value.to_bits()) } else { format!("{value:?}") }
}

fn float64_text(value: f64) -> String {
    if value.is_nan() { format!("NaN {:016x}", value.to_bits()) } else { format!("{value:?}") }
}

fn bytes_text(bytes: &[u8]) -> String {
    bytes.iter().fold(String::from("x"), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::carrier;
    use crate::exception::ExceptionReason;
    use crate::logical::LogicalType;
    use crate::model::{CollectionName, Column};
    use arrow::array::{ArrayRef, Float64Array, Int64Array, ListArray, StringArray};
    use arrow::record_batch::RecordBatch;
    use std::sync::Arc;

    fn table(columns: Vec<Column>) -> Collection {
        Collection::table(CollectionName::new("main", "t"), columns)
    }

    fn one_column(logical: LogicalType, cells: ArrayRef) -> Vec<String> {
        let collection = table(vec![Column::new("c", logical, "")]);
        let records = RecordBatch::try_new(carrier::schema(&collection), vec![cells]).expect("a batch");
        rows_as_text(&collection, &[Batch::plain(records)])
    }

    #[test]
    fn near_values_differ() {
        let floats = vec![0.0, -0.0, f64::NAN, f64::from_bits(0xfff8_0000_0000_0001), f64::INFINITY, 0.1, 0.1 + 0.2];
        let texts = one_column(LogicalType::FLOAT64, Arc::new(Float64Array::from(floats)));
        assert_eq!(
            texts,
            [
                "c=0.0",
                "c=-0.0",
                "c=NaN 7ff8000000000000",
                "c=NaN fff8000000000001",
                "c=inf",
                "c=0.1",
                "c=0.30000000000000004"
            ]
        );
        let strings = StringArray::from(vec![None, Some(""), Some("null"), Some("a\0\""), Some("\u{1f600}")]);
        let texts = one_column(LogicalType::TEXT, Arc::new(strings));
        assert_eq!(texts, ["c=null", "c=\"\"", "c=\"null\"", "c=\"a\\0\\\"\"", "c=\"\u{1f600}\""]);
    }

    #[test]
    fn nulls_show_at_every_depth() {
        let element = Box::new(LogicalType::INT64);
        let lists = ListArray::from_iter_primitive::<Int64Type, _, _>([
            None,
            Some(vec![]),
            Some(vec![None]),
            Some(vec![Some(1), None]),
        ]);
        let texts = one_column(LogicalType::List { element }, Arc::new(lists));
        assert_eq!(texts, ["c=null", "c=[]", "c=[null]", "c=[1, null]"]);
    }

    #[test]
    fn exceptions_show_and_batches_do_not() {
        let collection = table(vec![Column::new("a", LogicalType::INT64, ""), Column::new("b", LogicalType::TEXT, "")]);
        let records = RecordBatch::try_new(
            carrier::schema(&collection),
            vec![
                Arc::new(Int64Array::from(vec![Some(1), None, None])),
                Arc::new(StringArray::from(vec![None, Some("x"), None])),
            ],
        )
        .expect("a batch");
        let exception = |row, column, value| Exception { row, column, reason: ExceptionReason::StorageClass, value };
        let whole = Batch {
            records: records.clone(),
            exceptions: vec![
                exception(1, 0, NativeValue::Text("1".into())),
                exception(2, 1, NativeValue::TextBytes(vec![0xff])),
            ],
        };
        let expected =
            ["a=1 | b=null", "a=<storage-class: text \"1\"> | b=\"x\"", "a=null | b=<storage-class: text-bytes xff>"];
        assert_eq!(rows_as_text(&collection, std::slice::from_ref(&whole)), expected);
        let parts = [
            Batch::plain(records.slice(0, 1)),
            Batch {
                records: records.slice(1, 2),
                exceptions: vec![
                    exception(0, 0, NativeValue::Text("1".into())),
                    exception(1, 1, NativeValue::TextBytes(vec![0xff])),
                ],
            },
        ];
        assert_eq!(rows_as_text(&collection, &parts), expected);
    }

    #[test]
    #[should_panic(expected = "stands on a cell that is not null")]
    fn an_exception_on_a_value_is_caught() {
        let collection = table(vec![Column::new("a", LogicalType::INT64, "")]);
        let records = RecordBatch::try_new(carrier::schema(&collection), vec![Arc::new(Int64Array::from(vec![1]))]);
        let value = NativeValue::Integer(2);
        let exceptions = vec![Exception { row: 0, column: 0, reason: ExceptionReason::Nan, value }];
        rows_as_text(&collection, &[Batch { records: records.expect("a batch"), exceptions }]);
    }
}
