//! A column of each type that matters to speed, with values of which no two neighbours are alike.

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, FixedSizeBinaryArray, Float64Array, Int64Array,
    RecordBatch, StringArray, StructArray, TimestampMicrosecondArray,
};
use arrow::datatypes::DataType;
use dbferry_dialect::{Batch, Collection, CollectionName, Column, LogicalType, carrier};
use std::sync::Arc;

/// Rows of one batch: several times what fits the first-level cache, as in a run.
pub(crate) const ROWS: i64 = 16_384;

/// Different numbers without a pattern that a processor could learn.
fn number(row: i64) -> i64 {
    row.wrapping_mul(6_364_136_223_846_793_005).rotate_left(17)
}

/// Texts of `length` bytes.
fn texts(length: usize) -> impl Iterator<Item = String> {
    (0..ROWS).map(move |row| format!("{:0length$}", number(row).unsigned_abs()).chars().take(length).collect())
}

fn dynamic() -> ArrayRef {
    let DataType::Struct(fields) = carrier::arrow_type(&LogicalType::Dynamic) else { unreachable!("a struct") };
    // Each cell has exactly one of the four: they take turns.
    let turn = |row: i64, class: i64| row % 4 == class;
    let columns: Vec<ArrayRef> = vec![
        Arc::new((0..ROWS).map(|row| turn(row, 0).then(|| number(row))).collect::<Int64Array>()),
        Arc::new((0..ROWS).map(|row| turn(row, 1).then(|| number(row) as f64)).collect::<Float64Array>()),
        Arc::new((0..).zip(texts(20)).map(|(row, text)| turn(row, 2).then_some(text)).collect::<StringArray>()),
        Arc::new((0..).zip(texts(20)).map(|(row, text)| turn(row, 3).then_some(text)).collect::<BinaryArray>()),
    ];
    Arc::new(StructArray::new(fields, columns, None))
}

/// A column of each type that matters to speed.
pub(crate) fn columns() -> Vec<(&'static str, LogicalType, ArrayRef)> {
    let numbers = || (0..ROWS).map(number);
    let decimal = LogicalType::Decimal { precision: 18, scale: 2 };
    let decimals = Decimal128Array::from_iter_values(numbers().map(i128::from));
    let uuids = FixedSizeBinaryArray::try_from_iter(numbers().map(|n| u128::from(n.unsigned_abs()).to_be_bytes()));
    let micros = TimestampMicrosecondArray::from_iter_values(numbers().map(|n| n >> 8));
    vec![
        ("bool", LogicalType::Bool, Arc::new(numbers().map(|n| Some(n & 1 == 0)).collect::<BooleanArray>())),
        ("int64", LogicalType::INT64, Arc::new(Int64Array::from_iter_values(numbers()))),
        (
            "int64, a third null",
            LogicalType::INT64,
            Arc::new(numbers().map(|n| (n % 3 != 0).then_some(n)).collect::<Int64Array>()),
        ),
        ("float64", LogicalType::FLOAT64, Arc::new(Float64Array::from_iter_values(numbers().map(|n| n as f64)))),
        ("decimal", decimal, Arc::new(decimals.with_precision_and_scale(18, 2).expect("a decimal"))),
        ("date", LogicalType::Date, Arc::new(Date32Array::from_iter_values(numbers().map(|n| (n >> 48) as i32)))),
        ("timestamp", LogicalType::Timestamp { precision: 6 }, Arc::new(micros)),
        ("uuid", LogicalType::Uuid, Arc::new(uuids.expect("16 bytes each"))),
        ("text of 8", LogicalType::TEXT, Arc::new(StringArray::from_iter_values(texts(8)))),
        ("text of 40", LogicalType::TEXT, Arc::new(StringArray::from_iter_values(texts(40)))),
        ("bytes of 400", LogicalType::BYTES, Arc::new(BinaryArray::from_iter_values(texts(400)))),
        ("dynamic", LogicalType::Dynamic, dynamic()),
    ]
}

/// Rows of these columns.
pub(crate) fn batch(columns: &[(&str, LogicalType, ArrayRef)]) -> (Collection, Batch) {
    let named = columns
        .iter()
        .enumerate()
        .map(|(position, (_, logical, _))| Column::new(format!("c{position}"), logical.clone(), logical.to_string()));
    let collection = Collection::table(CollectionName::new("main", "t"), named.collect());
    let arrays = columns.iter().map(|(_, _, array)| Arc::clone(array)).collect();
    let records = RecordBatch::try_new(carrier::schema(&collection), arrays).expect("arrays of the schema");
    (collection, Batch { records, exceptions: Vec::new() })
}

/// Their size in memory, in bytes.
pub(crate) fn bytes(batch: &Batch) -> u64 {
    let sizes = batch.records.columns().iter().map(|array| array.to_data().get_slice_memory_size().expect("a size"));
    sizes.sum::<usize>() as u64
}
