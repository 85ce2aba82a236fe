//! What a dialect says of a logical type, against values: what it calls exact holds every value, the ends of the range among
//! them; what it calls checked holds ordinary values, and refuses the others before anything is replaced.

use crate::support::restore_options;
use crate::translate::servers;
use arrow::array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Decimal256Array, FixedSizeBinaryArray,
    Float32Array, Float64Array, Int8Array, Int16Array, Int32Array, Int64Array, ListArray, RecordBatch, StringArray,
    StructArray, Time64MicrosecondArray, TimestampMicrosecondArray, UInt8Array, UInt16Array, UInt32Array, UInt64Array,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Int32Type, i256};
use dbferry::copy::{CopyOptions, copy, plan};
use dbferry::dialect::logical::{LogicalType as L, NetworkKind, OpaqueForm};
use dbferry::dialect::model::Key;
use dbferry::dialect::testkit::MemoryDialect;
use dbferry::dialect::{Batch, Collection, CollectionName, Column, Dialect, Schema, carrier};
use dbferry::endpoint::Endpoint;
use dbferry::progress::Silent;
use dbferry::restore::{PlannedColumn, Proof, Verdict};
use dbferry::{Error, ErrorKind, registry};
use std::sync::Arc;
use tempfile::TempDir;

/// Values of one type: those that every target which calls the type exact or checked holds, and others.
struct Values {
    logical: L,
    ordinary: ArrayRef,
    others: Option<ArrayRef>,
}

fn values(logical: L, ordinary: impl Array + 'static) -> Values {
    Values { logical, ordinary: Arc::new(ordinary), others: None }
}

impl Values {
    fn and(self, others: impl Array + 'static) -> Self {
        Self { others: Some(Arc::new(others)), ..self }
    }
}

fn texts<const N: usize>(texts: [&str; N]) -> StringArray {
    StringArray::from(texts.to_vec())
}

fn members(logical: &L, parts: Vec<ArrayRef>) -> StructArray {
    let DataType::Struct(fields) = carrier::arrow_type(logical) else { panic!("{logical} is no struct") };
    StructArray::new(fields, parts, None)
}

fn ints(values: Vec<i32>) -> ArrayRef {
    Arc::new(Int32Array::from(values))
}

fn longs(values: Vec<i64>) -> ArrayRef {
    Arc::new(Int64Array::from(values))
}

fn every_type() -> Vec<Values> {
    const DAY: i64 = 86_400_000_000;
    let int = |bits, signed| L::Int { bits, signed };
    let nines = |digits: u32| i256::from_i128(10).wrapping_pow(digits).wrapping_sub(i256::ONE);
    let decimal = |precision, scale| L::Decimal { precision, scale };
    let wide = |values: Vec<i256>, precision, scale| {
        Decimal256Array::from(values).with_precision_and_scale(precision, scale).expect("a decimal")
    };
    let narrow = |values: Vec<i128>, precision, scale| {
        Decimal128Array::from(values).with_precision_and_scale(precision, scale).expect("a decimal")
    };
    // 0000-01-01, 9999-12-31; the day before and the day after.
    let (first, last) = (-719_528, 2_932_896);
    let moments = |values: Vec<i64>| TimestampMicrosecondArray::from(values);
    let instants = |values: Vec<i64>| TimestampMicrosecondArray::from(values).with_timezone("UTC");
    let (interval, timetz, list) =
        (L::Interval, L::TimeTz { precision: 6 }, L::List { element: Box::new(int(32, true)) });
    let range = L::Range { element: Box::new(int(32, true)) };
    let numbers =
        ListArray::from_iter_primitive::<Int32Type, _, _>([Some(vec![Some(1), None, Some(i32::MIN)]), Some(vec![])]);
    let set = L::Set { labels: vec!["a".into(), "b".into()] };
    let DataType::List(item) = carrier::arrow_type(&set) else { panic!("a set is a list") };
    let labels = ListArray::new(item, OffsetBuffer::new(vec![0, 0, 2].into()), Arc::new(texts(["a", "b"])), None);
    let booleans = |values: Vec<bool>| Arc::new(BooleanArray::from(values)) as ArrayRef;
    vec![
        values(L::Bool, BooleanArray::from(vec![true, false])),
        values(int(8, true), Int8Array::from(vec![i8::MIN, i8::MAX])),
        values(int(16, true), Int16Array::from(vec![i16::MIN, i16::MAX])),
        values(int(32, true), Int32Array::from(vec![i32::MIN, i32::MAX])),
        values(int(64, true), Int64Array::from(vec![i64::MIN, i64::MAX])),
        values(int(8, false), UInt8Array::from(vec![0, u8::MAX])),
        values(int(16, false), UInt16Array::from(vec![0, u16::MAX])),
        values(int(32, false), UInt32Array::from(vec![0, u32::MAX])),
        values(int(64, false), UInt64Array::from(vec![0, i64::MAX as u64])).and(UInt64Array::from(vec![u64::MAX])),
        values(decimal(38, 10), narrow(vec![10i128.pow(38) - 1, 1 - 10i128.pow(38), 0, 1], 38, 10)),
        values(decimal(5, 5), narrow(vec![99_999, -1], 5, 5)),
        values(decimal(65, 30), wide(vec![nines(65), i256::ONE], 65, 30)),
        values(decimal(76, 0), wide(vec![nines(76), nines(76).wrapping_neg(), i256::ZERO], 76, 0)),
        values(decimal(76, 76), wide(vec![nines(76), i256::ONE], 76, 76)),
        values(
            L::Numeric,
            texts([
                "0",
                "-12345678901234567890123456789012345678901234567890123456789012345678901234567890.5",
                "1.500",
            ]),
        )
        .and(texts(["NaN"])),
        values(L::Float { bits: 32 }, Float32Array::from(vec![0.0, 1e-45, f32::MAX, f32::MIN, 0.1, 16_777_216.0]))
            .and(Float32Array::from(vec![f32::NAN])),
        values(L::FLOAT64, Float64Array::from(vec![0.0, 5e-324, f64::MAX, f64::MIN, 0.1, 9_007_199_254_740_992.0]))
            .and(Float64Array::from(vec![f64::NAN])),
        values(L::TEXT, texts(["", " a ", "\u{1f986}\n\t'\"\\", "NULL", "\\N"])).and(texts(["\0"])),
        values(L::Text { max_chars: Some(5), fixed: true }, texts(["ab   ", "abcde", ""])).and(texts(["a\0"])),
        values(
            L::Text { max_chars: Some(300), fixed: false },
            StringArray::from(vec!["\u{1f986}".repeat(300), String::new()]),
        ),
        values(L::BYTES, BinaryArray::from(vec![&[][..], &[0, 255, b'\\', b'\'']])),
        values(
            L::Bytes { max_bytes: Some(4), fixed: true },
            BinaryArray::from(vec![&[0, 0, 0, 0][..], &[1, 2, 3, 255]]),
        ),
        values(L::Date, Date32Array::from(vec![first + 366, last, 0, -141_428])).and(Date32Array::from(vec![i32::MAX])),
        values(L::Time { precision: 6 }, Time64MicrosecondArray::from(vec![0, DAY - 1])),
        values(L::Time { precision: 0 }, Time64MicrosecondArray::from(vec![0, DAY - 1_000_000])),
        values(timetz.clone(), members(&timetz, vec![longs(vec![0, DAY - 1]), ints(vec![57_599, -57_599])]))
            .and(members(&timetz, vec![longs(vec![0]), ints(vec![57_600])])),
        values(
            L::Timestamp { precision: 6 },
            moments(vec![i64::from(first + 366) * DAY, i64::from(last + 1) * DAY - 1, -1]),
        )
        .and(moments(vec![i64::MIN])),
        values(L::Timestamp { precision: 3 }, moments(vec![0, 1_700_000_000_123_000])),
        values(
            L::Instant { precision: 6 },
            instants(vec![i64::from(first + 366) * DAY, i64::from(last + 1) * DAY - 1, -1]),
        )
        .and(instants(vec![i64::MIN])),
        values(
            interval.clone(),
            members(&interval, vec![ints(vec![-14, i32::MAX]), ints(vec![40, i32::MIN]), longs(vec![-1, i64::MAX])]),
        ),
        values(L::Span { precision: 6 }, Int64Array::from(vec![3_020_399_000_000, -3_020_399_000_000, 1]))
            .and(Int64Array::from(vec![3_020_400_000_000])),
        values(L::Year, Int16Array::from(vec![0, 1901, 2155])).and(Int16Array::from(vec![1900])),
        values(L::Uuid, FixedSizeBinaryArray::try_from_iter([[0u8; 16], [255; 16]].iter()).expect("uuids")),
        values(L::Json, texts(["{\"b\": 1.0, \"a\": 1e2, \"a\": null}", "[]", "\"x\"", "12345678901234567890.10"])),
        values(L::Enum { labels: vec!["x".into(), "Y".into()] }, texts(["Y", "x"])),
        values(set, labels),
        values(L::Bits { length: Some(1), varying: false }, UInt64Array::from(vec![0, 1])),
        values(L::Bits { length: Some(64), varying: false }, UInt64Array::from(vec![0, u64::MAX])),
        values(L::Bits { length: Some(70), varying: false }, StringArray::from(vec!["01".repeat(35)])),
        values(L::Bits { length: None, varying: true }, texts(["", "101"])),
        values(
            L::Network { kind: NetworkKind::Inet },
            texts(["10.0.0.1", "10.0.0.1/8", "::1", "2001:db8::ff00:42:8329/64"]),
        ),
        values(L::Network { kind: NetworkKind::Cidr }, texts(["10.0.0.0/8", "::/0"])),
        values(L::Network { kind: NetworkKind::Mac }, texts(["08:00:2b:01:02:03"])),
        values(L::Network { kind: NetworkKind::Mac8 }, texts(["08:00:2b:01:02:03:04:05"])),
        values(list, numbers),
        values(
            range.clone(),
            members(
                &range,
                vec![
                    Arc::new(Int32Array::from(vec![Some(1), None, None])),
                    Arc::new(Int32Array::from(vec![Some(9), None, None])),
                    booleans(vec![true, false, false]),
                    booleans(vec![false, false, false]),
                    booleans(vec![false, false, true]),
                ],
            ),
        ),
        values(
            L::Opaque { dialect: "memory".into(), native: "word".into(), form: OpaqueForm::Text },
            texts(["", "x y"]),
        ),
        values(
            L::Opaque { dialect: "memory".into(), native: "blob".into(), form: OpaqueForm::Binary },
            BinaryArray::from(vec![&[0, 255][..], &[]]),
        ),
    ]
}

/// A database in memory with one table for each of these columns.
fn source(memory: &MemoryDialect, name: &str, columns: Vec<(String, L, ArrayRef)>) -> Endpoint<'static> {
    let (mut schema, mut rows) = (Schema::default(), Vec::new());
    for (table, logical, cells) in columns {
        let mut id = Column::new("id", L::INT64, "int64");
        id.nullable = false;
        let value = Column::new("v", logical.clone(), logical.to_string());
        let mut collection = Collection::table(CollectionName::new("main", table), vec![id, value]);
        collection.primary_key = Some(Key { name: None, columns: vec!["id".into()], definition: None });
        let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(0..cells.len() as i64));
        let records = RecordBatch::try_new(carrier::schema(&collection), vec![ids, cells]).expect("a batch");
        rows.push((collection.name.clone(), vec![Batch::plain(records)]));
        schema.collections.push(collection);
    }
    memory.insert(name, &schema, &rows).expect("good rows");
    Endpoint::new(Box::leak(Box::new(memory.clone())), memory.url(name))
}

fn message(error: &Error) -> String {
    error.to_string()
}

/// The proof that a column's verdict promises: only what is said to be so may be left out.
fn proof(column: &PlannedColumn) -> Proof {
    let told = column.reason.as_deref().is_some_and(|reason| reason.contains("the proof leaves the column out"));
    if told { Proof::HashWithoutUnreadable } else { Proof::Hash }
}

/// Everything of one dialect, into empty databases that `target` makes.
fn check(dialect: &'static dyn Dialect, target: &dyn Fn() -> Endpoint<'static>) {
    let memory = MemoryDialect::new();
    let options = CopyOptions { restore: restore_options(2), ..CopyOptions::default() };
    let all = every_type();
    let is_held =
        |values: &&Values| dialect.syntax().native_type(&values.logical).fidelity.to_string() != "unsupported";
    let held: Vec<&Values> = all.iter().filter(is_held).collect();
    let ordinary = (0..)
        .zip(&held)
        .map(|(number, values): (u32, _)| (format!("t{number}"), values.logical.clone(), Arc::clone(&values.ordinary)));
    let from = source(&memory, "ordinary", ordinary.collect());
    let to = target();
    let planned = plan(&from, &to, &options).expect("a plan");
    assert_eq!(planned.problems(), Vec::<String>::new());
    let report = copy(&from, &to, &options, &Silent).unwrap_or_else(|error| panic!("{}", message(&error)));
    let lines: Vec<_> = report.units.iter().flat_map(|unit| &unit.collections).collect();
    for planned in planned.collections() {
        let line = lines.iter().find(|line| line.collection == planned.target).expect("a line");
        let column = planned.columns.iter().find(|column| column.name == "v").expect("the column");
        // Only what is said to be so may be left out of the proof.
        let told = column.reason.as_deref().is_some_and(|reason| reason.contains("the proof leaves the column out"));
        let expected = if told { Proof::HashWithoutUnreadable } else { Proof::Hash };
        assert_eq!(
            line.proof,
            expected,
            "{}: {:?}",
            column.translation.as_ref().expect("a type").from,
            report.warnings
        );
    }

    for values in held {
        let Some(others) = &values.others else { continue };
        let from = source(&memory, "others", vec![("t".into(), values.logical.clone(), Arc::clone(others))]);
        let to = target();
        let planned = plan(&from, &to, &options).expect("a plan");
        let column = planned.collections().flat_map(|line| &line.columns).find(|column| column.name == "v");
        let verdict = column.expect("the column").verdict;
        let what = format!("{} of {} is {verdict}", values.logical, dialect.name());
        match (verdict, copy(&from, &to, &options, &Silent)) {
            (Verdict::Identical | Verdict::Checked, Ok(report)) => {
                let line = &report.units[0].collections[0];
                assert_eq!(line.proof, proof(column.expect("the column")), "{what}: {:?}", report.warnings);
            }
            (Verdict::Checked, Err(error)) => {
                assert!(
                    matches!(error.kind(), ErrorKind::Mismatch | ErrorKind::Incompatible | ErrorKind::Database),
                    "{what}: {error}"
                );
                // Refused where it was written, by us or by the server, and not found by the proof.
                let names_column =
                    |(key, text): (&str, &str)| key == "column" || key == "where" && text.contains("column v");
                assert!(error.context().any(names_column), "{what}: {error}");
                let reason = column.and_then(|column| column.reason.as_deref());
                assert!(
                    reason.is_some_and(|reason| reason.contains("not") || reason.contains("no ")),
                    "{what}: {reason:?}"
                );
            }
            (_, Err(error)) => panic!("{what}: {error}"),
            (_, Ok(_)) => panic!("{what}"),
        }
    }
}

#[test]
fn what_sqlite_says_is_so() {
    let directory = TempDir::new().expect("a directory");
    let number = std::sync::atomic::AtomicU32::new(0);
    check(registry::by_name("sqlite").expect("SQLite"), &|| {
        let number = number.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Endpoint::parse(&format!("sqlite:{}", directory.path().join(format!("{number}.db")).display())).expect("a URL")
    });
}

#[test]
fn what_postgresql_says_is_so() {
    let Some((_, server)) = servers() else { return };
    check(registry::by_name("postgres").expect("PostgreSQL"), &|| {
        Endpoint::parse(&server.url(&server.create_database())).expect("a URL")
    });
}

#[test]
fn what_mysql_says_is_so() {
    let Some((server, _)) = servers() else { return };
    check(registry::by_name("mysql").expect("MySQL"), &|| {
        Endpoint::parse(&server.url(&server.create_database())).expect("a URL")
    });
}
