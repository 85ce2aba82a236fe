//! What must hold for any rows: equal exactly when the rows are, in whatever order, parts or slices they come.

use super::{BLOCK, CollectionHash, RowHasher};
use crate::carrier;
use crate::error::ErrorKind;
use crate::exception::{Batch, Exception, ExceptionReason, NativeValue};
use crate::logical::LogicalType;
use crate::model::{Collection, CollectionName, Column};
use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Decimal128Array, Decimal256Array, FixedSizeBinaryArray, Float64Array,
    Int8Array, Int32Array, Int64Array, ListArray, RecordBatch, StringArray, StructArray,
};
use arrow::datatypes::{DataType, Fields, Int64Type, i256};
use proptest::collection::vec;
use proptest::prelude::{Strategy, any, prop_assert_eq, prop_assert_ne, prop_assume, prop_oneof, proptest};
use std::collections::HashSet;
use std::sync::Arc;

/// One cell; two cells of a column hold the same value when they are equal here.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Cell {
    Null,
    Exception(i8),
    Value(i8),
}

type Row = Vec<Cell>;

/// Makes an array of small numbers.
type Make = fn(&[Option<i8>]) -> ArrayRef;

/// The columns of the collection under test. The first two have the same type.
fn columns() -> Vec<(LogicalType, Make)> {
    vec![
        (LogicalType::INT64, |cells| Arc::new(Int64Array::from_iter(cells.iter().map(|c| c.map(i64::from))))),
        (LogicalType::INT64, |cells| Arc::new(Int64Array::from_iter(cells.iter().map(|c| c.map(i64::from))))),
        (LogicalType::Int { bits: 8, signed: true }, |cells| Arc::new(Int8Array::from_iter(cells.iter().copied()))),
        (LogicalType::FLOAT64, |cells| Arc::new(Float64Array::from_iter(cells.iter().map(|c| c.map(f64::from))))),
        (LogicalType::TEXT, |cells| Arc::new(StringArray::from_iter(cells.iter().map(|c| c.map(text))))),
        (LogicalType::BYTES, |cells| Arc::new(BinaryArray::from_iter(cells.iter().map(|c| c.map(text))))),
        (LogicalType::Decimal { precision: 38, scale: 2 }, |cells| {
            let values = Decimal128Array::from_iter(cells.iter().map(|c| c.map(i128::from)));
            Arc::new(values.with_precision_and_scale(38, 2).expect("a decimal"))
        }),
        (LogicalType::Decimal { precision: 76, scale: 2 }, |cells| {
            let values = Decimal256Array::from_iter(cells.iter().map(|c| c.map(|c| i256::from_i128(c.into()))));
            Arc::new(values.with_precision_and_scale(76, 2).expect("a decimal"))
        }),
        (LogicalType::Uuid, |cells| {
            let values = cells.iter().map(|c| c.map(|c| i128::from(c).to_be_bytes()));
            Arc::new(FixedSizeBinaryArray::try_from_sparse_iter_with_size(values, 16).expect("uuids"))
        }),
        (LogicalType::TimeTz { precision: 6 }, |cells| {
            let micros = Int64Array::from_iter_values(cells.iter().map(|c| c.unwrap_or(9).into()));
            let offsets = Int32Array::from_iter(cells.iter().map(|c| c.map(|c| i32::from(c % 2))));
            structure(&LogicalType::TimeTz { precision: 6 }, cells, vec![Arc::new(micros), Arc::new(offsets)])
        }),
        (LogicalType::List { element: Box::new(LogicalType::INT64) }, |cells| {
            let lists = cells.iter().map(|c| c.map(|c| vec![Some(c.into()); usize::from(c.unsigned_abs()) % 3 + 1]));
            Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>(lists))
        }),
        (LogicalType::Dynamic, |cells| {
            let even = |cell: &Option<i8>| cell.filter(|c| c % 2 == 0);
            let odd = |cell: &Option<i8>| cell.filter(|c| c % 2 != 0);
            let parts: Vec<ArrayRef> = vec![
                Arc::new(Int64Array::from_iter(cells.iter().map(|c| even(c).map(i64::from)))),
                Arc::new(Float64Array::from(vec![None; cells.len()])),
                Arc::new(StringArray::from_iter(cells.iter().map(|c| odd(c).map(text)))),
                Arc::new(BinaryArray::from(vec![None; cells.len()])),
            ];
            structure(&LogicalType::Dynamic, cells, parts)
        }),
    ]
}

/// Zero is the empty text, and the longer ones take every way through xxh3.
fn text(value: i8) -> String {
    value.to_string().repeat(usize::from(value.unsigned_abs()))
}

fn structure(logical: &LogicalType, cells: &[Option<i8>], parts: Vec<ArrayRef>) -> ArrayRef {
    let DataType::Struct(fields) = carrier::arrow_type(logical) else { panic!("{logical} is no struct") };
    let valid = cells.iter().map(Option::is_some).collect::<Vec<_>>();
    Arc::new(StructArray::new(fields, parts, Some(valid.into())))
}

fn collection() -> Collection {
    let columns = columns().into_iter().map(|(logical, _)| Column::new("c", logical, "")).collect();
    Collection::table(CollectionName::new("main", "any"), columns)
}

fn batch(rows: &[Row]) -> Batch {
    let array = |(position, (_, make)): (usize, (LogicalType, Make))| {
        let value = |row: &Row| if let Cell::Value(value) = row[position] { Some(value) } else { None };
        make(&rows.iter().map(value).collect::<Vec<_>>())
    };
    let arrays = columns().into_iter().enumerate().map(array).collect();
    let records = RecordBatch::try_new(carrier::schema(&collection()), arrays).expect("a batch");
    let mut exceptions = Vec::new();
    for (row, cells) in (0..).zip(rows) {
        for (column, cell) in (0..).zip(cells) {
            if let Cell::Exception(value) = cell {
                let value = NativeValue::Text(text(*value));
                exceptions.push(Exception { row, column, reason: ExceptionReason::StorageClass, value });
            }
        }
    }
    Batch { records, exceptions }
}

fn slice(batch: &Batch, from: usize, to: usize) -> Batch {
    let inside = batch.exceptions.iter().filter(|e| (from as u64..to as u64).contains(&e.row));
    let moved = inside.map(|e| Exception { row: e.row - from as u64, ..e.clone() }).collect();
    Batch { records: batch.records.slice(from, to - from), exceptions: moved }
}

fn hash(batch: &Batch) -> CollectionHash {
    let mut hasher = RowHasher::new(&collection());
    hasher.update(batch).expect("an update");
    hasher.total()
}

fn sorted(rows: &[Row]) -> Vec<Row> {
    let mut rows = rows.to_vec();
    rows.sort();
    rows
}

fn cell() -> impl Strategy<Value = Cell> {
    prop_oneof![
        1 => proptest::prelude::Just(Cell::Null),
        1 => any::<i8>().prop_map(Cell::Exception),
        4 => any::<i8>().prop_map(Cell::Value),
    ]
}

fn rows(most: usize) -> impl Strategy<Value = Vec<Row>> {
    vec(vec(cell(), columns().len()), 1..=most)
}

proptest! {
    #[test]
    fn order_does_not_matter(rows in rows(20), turn in 0usize..20) {
        let mut turned = rows.clone();
        turned.rotate_left(turn % rows.len());
        turned.reverse();
        prop_assert_eq!(hash(&batch(&rows)), hash(&batch(&turned)));
    }

    #[test]
    fn duplicates_matter(rows in rows(5)) {
        let twice = [&rows[..], &rows[..1]].concat();
        prop_assert_ne!(hash(&batch(&rows)).sum, hash(&batch(&twice)).sum);
    }

    #[test]
    fn parts_merge(rows in rows(20), cut in 0usize..20) {
        let (left, right) = rows.split_at(cut % rows.len());
        let mut merged = hash(&batch(left));
        merged.merge(hash(&batch(right)));
        let mut hasher = RowHasher::new(&collection());
        for part in [left, right] {
            hasher.update(&batch(part)).expect("an update");
        }
        prop_assert_eq!(hash(&batch(&rows)), merged);
        prop_assert_eq!(hasher.total(), merged);
    }

    #[test]
    fn slices_are_like_copies(rows in rows(70), from in 0usize..70, length in 0usize..70) {
        let from = from % rows.len();
        let to = rows.len().min(from + length);
        let whole = batch(&rows);
        prop_assert_eq!(hash(&slice(&whole, from, to)), hash(&batch(&rows[from..to])));
        // A slice of a slice starts at an offset of its own.
        let outer = slice(&whole, from / 2, rows.len());
        prop_assert_eq!(hash(&slice(&outer, from - from / 2, to - from / 2)), hash(&batch(&rows[from..to])));
    }

    #[test]
    fn a_changed_cell_shows(rows in rows(5), row in 0usize..5, column in any::<usize>(), new in cell()) {
        let (row, column) = (row % rows.len(), column % columns().len());
        let mut changed = rows.clone();
        changed[row][column] = new;
        prop_assert_eq!(hash(&batch(&rows)).sum == hash(&batch(&changed)).sum, rows == changed);
    }

    #[test]
    fn values_that_change_rows_show(rows in rows(5), from in 0usize..5, to in 0usize..5, column in any::<usize>()) {
        let (from, to, column) = (from % rows.len(), to % rows.len(), column % columns().len());
        let mut changed = rows.clone();
        changed[from][column] = rows[to][column].clone();
        changed[to][column] = rows[from][column].clone();
        prop_assume!(sorted(&rows) != sorted(&changed));
        prop_assert_ne!(hash(&batch(&rows)).sum, hash(&batch(&changed)).sum);
    }

    #[test]
    fn values_that_change_columns_show(rows in rows(5)) {
        let mut changed = rows.clone();
        changed.iter_mut().for_each(|row| row.swap(0, 1));
        prop_assume!(sorted(&rows) != sorted(&changed));
        prop_assert_ne!(hash(&batch(&rows)).sum, hash(&batch(&changed)).sum);
    }
}

/// Rows of which every kind of cell stands at every place of a block and a validity word.
fn many_rows() -> Vec<Row> {
    let cell = |place: usize| match (place * 2_654_435_761) >> 7 & 15 {
        0 => Cell::Null,
        1 => Cell::Exception(place as i8),
        _ => Cell::Value(place as i8),
    };
    let width = columns().len();
    (0..2 * BLOCK + 37).map(|row| (0..width).map(|column| cell(row * (width + 1) + column)).collect()).collect()
}

#[test]
fn blocks_do_not_show() {
    let rows = many_rows();
    let whole = batch(&rows);
    let mut hasher = RowHasher::new(&collection());
    let hashes = hasher.row_hashes(&whole).expect("hashes").to_vec();
    assert_eq!(hasher.total(), CollectionHash::default());
    assert_eq!(hashes.len(), rows.len());
    let mut merged = CollectionHash::default();
    for (row, hash_in_batch) in rows.iter().zip(hashes) {
        let alone = hash(&batch(std::slice::from_ref(row)));
        assert_eq!(alone, CollectionHash { rows: 1, sum: hash_in_batch });
        merged.merge(alone);
    }
    assert_eq!(hash(&whole), merged);
    let mut parts = hash(&slice(&whole, 0, 1001));
    parts.merge(hash(&slice(&whole, 1001, rows.len())));
    assert_eq!(parts, merged);
}

fn single(logical: LogicalType, array: ArrayRef) -> u128 {
    let collection = Collection::table(CollectionName::new("main", "one"), vec![Column::new("c", logical, "")]);
    let records = RecordBatch::try_new(carrier::schema(&collection), vec![array]).expect("a batch");
    RowHasher::new(&collection).row_hashes(&Batch::plain(records)).expect("hashes")[0]
}

#[test]
fn nothing_empty_and_zero_are_three_things() {
    let texts = [None, Some(""), Some("0"), Some("\0"), Some("\0\0")];
    let ints = [None, Some(0), Some(1)];
    let list = |items: Option<Vec<Option<i64>>>| ListArray::from_iter_primitive::<Int64Type, _, _>([items]);
    let mut hashes = Vec::new();
    for value in texts {
        let binary: ArrayRef = Arc::new(BinaryArray::from(vec![value.map(str::as_bytes)]));
        let text: ArrayRef = Arc::new(StringArray::from(vec![value]));
        hashes.push(single(LogicalType::BYTES, binary));
        hashes.extend([LogicalType::TEXT, LogicalType::Json, LogicalType::Numeric].map(|t| single(t, text.clone())));
    }
    for value in ints {
        let int: ArrayRef = Arc::new(Int64Array::from(vec![value]));
        hashes.extend([LogicalType::INT64, LogicalType::Span { precision: 6 }].map(|t| single(t, int.clone())));
        hashes.push(single(LogicalType::Bool, Arc::new(BooleanArray::from(vec![value.map(|value| value == 1)]))));
        hashes.push(single(LogicalType::FLOAT64, Arc::new(Float64Array::from(vec![value.map(|value| value as f64)]))));
    }
    for items in [None, Some(vec![]), Some(vec![None]), Some(vec![Some(0)]), Some(vec![None, None])] {
        let logical = LogicalType::List { element: Box::new(LogicalType::INT64) };
        hashes.push(single(logical, Arc::new(list(items))));
    }
    assert_eq!(hashes.iter().collect::<HashSet<_>>().len(), hashes.len());
}

#[test]
fn strange_batches_are_refused() {
    let rows = many_rows();
    let good = batch(&rows[..3]);
    let exception =
        |row, column| Exception { row, column, reason: ExceptionReason::Nan, value: NativeValue::Integer(0) };
    let with = |exceptions| Batch { records: batch(&[vec![Cell::Null; columns().len()]]).records, exceptions };
    let fewer = (0..columns().len() - 1).collect::<Vec<_>>();
    let swapped = (0..columns().len()).rev().collect::<Vec<_>>();
    let no_columns = RecordBatch::new_empty(Arc::new(arrow::datatypes::Schema::new(Fields::empty())));
    let valid = batch(&[vec![Cell::Value(1); columns().len()]]).records;

    let mut hasher = RowHasher::new(&collection());
    hasher.update(&good).expect("an update");
    let before = hasher.total();
    for bad in [
        Batch::plain(no_columns),
        Batch::plain(good.records.project(&fewer).expect("a batch")),
        Batch::plain(good.records.project(&swapped).expect("a batch")),
        with(vec![exception(1, 0)]),
        with(vec![exception(u64::MAX, 0)]),
        with(vec![exception(0, columns().len() as u32)]),
        with(vec![exception(0, 1), exception(0, 0)]),
        with(vec![exception(0, 1), exception(0, 1)]),
        Batch { records: valid, exceptions: vec![exception(0, 0)] },
    ] {
        assert_eq!(hasher.update(&bad).expect_err("an error").kind(), ErrorKind::Internal);
        assert_eq!(hasher.row_hashes(&bad).expect_err("an error").kind(), ErrorKind::Internal);
        assert_eq!(hasher.total(), before);
    }
    hasher.update(&with(vec![exception(0, 0), exception(0, 1)])).expect("an update");
    assert_eq!(hasher.total().rows, before.rows + 1);
}

#[test]
fn the_text_form_is_strict() {
    let hash = CollectionHash { rows: 7, sum: 0xab };
    assert_eq!(hash.to_string(), "000000000000000000000000000000ab");
    assert_eq!(CollectionHash::parse(7, &hash.to_string()), Some(hash));
    for bad in [
        "",
        "ab",
        "000000000000000000000000000000AB",
        "+00000000000000000000000000000ab",
        "0000000000000000000000000000000ab",
    ] {
        assert_eq!(CollectionHash::parse(7, bad), None, "{bad}");
    }
}
