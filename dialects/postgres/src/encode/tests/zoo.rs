//! Values of every type, as they are carried and as PostgreSQL writes them.

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Decimal256Array, FixedSizeBinaryArray,
    Float32Array, Float64Array, Int16Array, Int32Array, Int64Array, ListArray, MapArray, StringArray, StructArray,
    Time64MicrosecondArray, TimestampMicrosecondArray, UInt32Array, UInt64Array,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, i256};
use dbferry_dialect::logical::{NetworkKind, OpaqueForm, StructField};
use dbferry_dialect::{LogicalType, carrier};
use std::sync::Arc;

pub(super) fn text(values: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

pub(super) fn structs(logical: &LogicalType, members: Vec<ArrayRef>) -> ArrayRef {
    let DataType::Struct(fields) = carrier::arrow_type(logical) else { panic!("no struct") };
    Arc::new(StructArray::new(fields, members, None))
}

pub(super) fn list(logical: &LogicalType, lengths: &[usize], items: ArrayRef) -> ArrayRef {
    let DataType::List(field) = carrier::arrow_type(logical) else { panic!("no list") };
    Arc::new(ListArray::new(field, OffsetBuffer::from_lengths(lengths.iter().copied()), items, None))
}

pub(super) fn list_of(element: LogicalType) -> LogicalType {
    LogicalType::List { element: Box::new(element) }
}

fn range_of(element: LogicalType) -> LogicalType {
    LogicalType::Range { element: Box::new(element) }
}

pub(super) const INT4: LogicalType = LogicalType::Int { bits: 32, signed: true };

/// Days and microseconds from 1970 of the instants below.
const DAY: i64 = 86_400_000_000;

fn int_ranges() -> ArrayRef {
    let bools = |values: [bool; 5]| -> ArrayRef { Arc::new(BooleanArray::from(values.to_vec())) };
    structs(
        &range_of(INT4),
        vec![
            Arc::new(Int32Array::from(vec![Some(1), None, None, Some(-5), None])),
            Arc::new(Int32Array::from(vec![Some(10), Some(7), None, None, None])),
            bools([true, false, false, true, false]),
            bools([false; 5]),
            bools([false, false, false, false, true]),
        ],
    )
}

/// A type, how its values are carried, and the same values as PostgreSQL writes them.
pub(super) type Case = (&'static str, LogicalType, ArrayRef, &'static [&'static str]);

pub(super) fn numbers() -> Vec<Case> {
    let decimal = |values: Vec<i128>, precision, scale| -> ArrayRef {
        Arc::new(Decimal128Array::from(values).with_precision_and_scale(precision, scale).expect("a decimal"))
    };
    const WIDE: &str = "1234567890123456789012345678901234567890.1234567890";
    let wide_digits = i256::from_string(&WIDE.replace('.', "")).expect("a number");
    let wide_array = Decimal256Array::from(vec![wide_digits, i256::from_i128(-1)]).with_precision_and_scale(50, 10);
    let unsigned = |bits| LogicalType::Int { bits, signed: false };
    vec![
        ("boolean", LogicalType::Bool, Arc::new(BooleanArray::from(vec![true, false])), &["true", "false"]),
        (
            "smallint",
            LogicalType::Int { bits: 16, signed: true },
            Arc::new(Int16Array::from(vec![i16::MIN, i16::MAX])),
            &["-32768", "32767"],
        ),
        ("integer", INT4, Arc::new(Int32Array::from(vec![i32::MIN, 0, i32::MAX])), &["-2147483648", "0", "2147483647"]),
        (
            "bigint",
            LogicalType::INT64,
            Arc::new(Int64Array::from(vec![i64::MIN, i64::MAX])),
            &["-9223372036854775808", "9223372036854775807"],
        ),
        ("bigint", INT4, Arc::new(Int32Array::from(vec![i32::MIN])), &["-2147483648"]),
        ("numeric", LogicalType::INT64, Arc::new(Int64Array::from(vec![i64::MIN])), &["-9223372036854775808"]),
        ("numeric(20,0)", unsigned(64), Arc::new(UInt64Array::from(vec![u64::MAX])), &["18446744073709551615"]),
        ("oid", unsigned(32), Arc::new(UInt32Array::from(vec![0, u32::MAX])), &["0", "4294967295"]),
        ("xid", unsigned(32), Arc::new(UInt32Array::from(vec![7])), &["7"]),
        ("xid8", unsigned(64), Arc::new(UInt64Array::from(vec![u64::MAX])), &["18446744073709551615"]),
        (
            "real",
            LogicalType::Float { bits: 32 },
            Arc::new(Float32Array::from(vec![-0.0, f32::INFINITY, f32::NAN, 1.1e-40])),
            &["-0", "Infinity", "NaN", "1.1e-40"],
        ),
        (
            "double precision",
            LogicalType::FLOAT64,
            Arc::new(Float64Array::from(vec![-0.0, f64::NEG_INFINITY, f64::NAN, 5e-324])),
            &["-0", "-Infinity", "NaN", "5e-324"],
        ),
        ("double precision", LogicalType::Float { bits: 32 }, Arc::new(Float32Array::from(vec![0.5])), &["0.5"]),
        (
            "numeric(10,2)",
            LogicalType::Decimal { precision: 10, scale: 2 },
            decimal(vec![0, 1999, -1, 9_999_999_999], 10, 2),
            &["0.00", "19.99", "-0.01", "99999999.99"],
        ),
        (
            "numeric(38,37)",
            LogicalType::Decimal { precision: 38, scale: 37 },
            decimal(vec![10i128.pow(38) - 1], 38, 37),
            &["9.9999999999999999999999999999999999999"],
        ),
        (
            "numeric(50,10)",
            LogicalType::Decimal { precision: 50, scale: 10 },
            Arc::new(wide_array.expect("a decimal")),
            &[WIDE, "-0.0000000001"],
        ),
        (
            "numeric",
            LogicalType::Numeric,
            text(&["1.10", "NaN", "Infinity", "-Infinity", "1e-20", "100000000", "-0.00012300", "0.0000"]),
            &["1.10", "NaN", "Infinity", "-Infinity", "1e-20", "100000000", "-0.00012300", "0.0000"],
        ),
        (
            "money",
            LogicalType::Decimal { precision: 19, scale: 2 },
            decimal(vec![i128::from(i64::MIN), 1], 19, 2),
            &["-92233720368547758.08", "0.01"],
        ),
        (
            "money",
            LogicalType::Decimal { precision: 19, scale: 3 },
            decimal(vec![1230, -1230], 19, 3),
            &["1.23", "-1.23"],
        ),
    ]
}

pub(super) fn texts_and_times() -> Vec<Case> {
    let plain = LogicalType::TEXT;
    let timestamps = |values: Vec<i64>| TimestampMicrosecondArray::from(values);
    // 4713-11-24 BC is Julian day 0, which is 2440588 days before 1970.
    let first = -2_440_588 * DAY;
    let interval = |months: Vec<i32>, days: Vec<i32>, micros: Vec<i64>| {
        structs(
            &LogicalType::Interval,
            vec![
                Arc::new(Int32Array::from(months)),
                Arc::new(Int32Array::from(days)),
                Arc::new(Int64Array::from(micros)),
            ],
        )
    };
    let timetz = LogicalType::TimeTz { precision: 6 };
    let offsets: ArrayRef = Arc::new(Int32Array::from(vec![3600, -57_599]));
    let uuid: Vec<u8> = (0..16).collect();
    let varying = LogicalType::Bits { length: None, varying: true };
    vec![
        ("text", plain.clone(), text(&["", "été \u{1f600}", "a\tb\n"]), &["", "été \u{1f600}", "a\tb\n"]),
        ("varchar(9)", plain.clone(), text(&["short"]), &["short"]),
        ("char(3)", LogicalType::Text { max_chars: Some(3), fixed: true }, text(&["a  "]), &["a"]),
        ("name", plain.clone(), text(&["pg_class"]), &["pg_class"]),
        ("\"char\"", plain.clone(), text(&["", "x"]), &["", "x"]),
        ("public.citext", plain.clone(), text(&["MiXed"]), &["MiXed"]),
        ("public.mood", LogicalType::Enum { labels: Vec::new() }, text(&["so so"]), &["so so"]),
        ("public.small", INT4, Arc::new(Int32Array::from(vec![3])), &["3"]),
        ("bytea", LogicalType::BYTES, Arc::new(BinaryArray::from(vec![&b"\0\xff"[..], b""])), &["\\x00ff", "\\x"]),
        ("json", LogicalType::Json, text(&["{\"a\" : 1,\"a\":2}"]), &["{\"a\" : 1,\"a\":2}"]),
        ("jsonb", LogicalType::Json, text(&["{\"a\": 1.10}"]), &["{\"a\":1.10}"]),
        (
            "jsonpath",
            LogicalType::Opaque { dialect: "postgres".into(), native: "jsonpath".into(), form: OpaqueForm::Text },
            text(&["$.\"a\"[*]?(@ > 1)"]),
            &["$.a[*] ? (@ > 1)"],
        ),
        (
            "date",
            LogicalType::Date,
            Arc::new(Date32Array::from(vec![-2_440_588, -1, 0, 2_145_042_905])),
            &["4714-11-24 BC", "1969-12-31", "1970-01-01", "5874897-12-31"],
        ),
        (
            "time",
            LogicalType::Time { precision: 6 },
            Arc::new(Time64MicrosecondArray::from(vec![0, DAY - 1])),
            &["00:00", "23:59:59.999999"],
        ),
        (
            "timetz",
            timetz.clone(),
            structs(&timetz, vec![Arc::new(Int64Array::from(vec![1, 2])), offsets]),
            &["00:00:00.000001+01", "00:00:00.000002-15:59:59"],
        ),
        (
            "timestamp",
            LogicalType::Timestamp { precision: 6 },
            Arc::new(timestamps(vec![first, -1, 1_785_585_600_000_001])),
            &["4714-11-24 BC", "1969-12-31 23:59:59.999999", "2026-08-01 12:00:00.000001"],
        ),
        (
            "timestamptz",
            LogicalType::Instant { precision: 6 },
            Arc::new(timestamps(vec![1_785_585_600_000_001]).with_timezone("UTC")),
            &["2026-08-01 14:00:00.000001+02"],
        ),
        (
            "interval",
            LogicalType::Interval,
            interval(vec![14, -1, 0], vec![3, 0, -2], vec![4_500_000, 0, -1]),
            &["1 year 2 months 3 days 4.5 seconds", "-1 month", "-2 days -0.000001 seconds"],
        ),
        (
            "interval",
            LogicalType::Span { precision: 6 },
            Arc::new(Int64Array::from(vec![-3_020_399_000_000])),
            &["-838:59:59"],
        ),
        (
            "uuid",
            LogicalType::Uuid,
            Arc::new(FixedSizeBinaryArray::try_from_iter([uuid].into_iter()).expect("bytes")),
            &["00010203-0405-0607-0809-0a0b0c0d0e0f"],
        ),
        (
            "bit(3)",
            LogicalType::Bits { length: Some(3), varying: false },
            Arc::new(UInt64Array::from(vec![0b101])),
            &["101"],
        ),
        (
            "bit(64)",
            LogicalType::Bits { length: Some(64), varying: false },
            Arc::new(UInt64Array::from(vec![u64::MAX - 1])),
            &["1111111111111111111111111111111111111111111111111111111111111110"],
        ),
        ("bit varying", varying, text(&["", "0000000001"]), &["", "0000000001"]),
        (
            "inet",
            LogicalType::Network { kind: NetworkKind::Inet },
            text(&["10.1.2.3/8", "::1", "fe80::1/64"]),
            &["10.1.2.3/8", "::1", "fe80::1/64"],
        ),
        ("cidr", LogicalType::Network { kind: NetworkKind::Cidr }, text(&["10.1.0.0/16"]), &["10.1/16"]),
        (
            "macaddr",
            LogicalType::Network { kind: NetworkKind::Mac },
            text(&["08:00:2b:01:02:03"]),
            &["08:00:2b:01:02:03"],
        ),
        (
            "macaddr8",
            LogicalType::Network { kind: NetworkKind::Mac8 },
            text(&["08:00:2b:01:02:03:04:05"]),
            &["08:00:2b:01:02:03:04:05"],
        ),
    ]
}

pub(super) fn nested() -> Vec<Case> {
    let words = list_of(LogicalType::TEXT);
    let word_items: ArrayRef = Arc::new(StringArray::from(vec![Some("a"), None, Some(""), Some("{}")]));
    let moods = list_of(LogicalType::Enum { labels: Vec::new() });
    let pair = LogicalType::Struct {
        fields: vec![
            StructField { name: "a".into(), logical: INT4 },
            StructField { name: "b".into(), logical: moods.clone() },
        ],
    };
    let pairs = |numbers: Vec<Option<i32>>, lengths: &[usize], labels: &[&str]| {
        structs(&pair, vec![Arc::new(Int32Array::from(numbers)), list(&moods, lengths, text(labels))])
    };
    let int_range = range_of(INT4);
    let multirange = list_of(int_range.clone());
    let DataType::Map(entries, _) = carrier::arrow_type(&LogicalType::Map) else { panic!("no map") };
    let DataType::Struct(entry) = entries.data_type() else { panic!("no entries") };
    let values: ArrayRef = Arc::new(StringArray::from(vec![Some("1"), None]));
    let entry = StructArray::new(entry.clone(), vec![text(&["a", "bb"]), values], None);
    let map: ArrayRef =
        Arc::new(MapArray::new(entries.clone(), OffsetBuffer::from_lengths([2, 0]), entry, None, false));
    vec![
        ("text[]", words.clone(), list(&words, &[4, 0], word_items), &["{a,NULL,\"\",\"{}\"}", "{}"]),
        ("bigint[]", list_of(INT4), list(&list_of(INT4), &[2], Arc::new(Int32Array::from(vec![1, 2]))), &["{1,2}"]),
        ("public.mood[]", moods.clone(), list(&moods, &[2], text(&["ok", "sad"])), &["{ok,sad}"]),
        (
            "public.pair",
            pair.clone(),
            pairs(vec![Some(1), None], &[2, 0], &["ok", "sad"]),
            &["(1,\"{ok,sad}\")", "(,{})"],
        ),
        (
            "public.pair[]",
            list_of(pair.clone()),
            list(&list_of(pair.clone()), &[2], pairs(vec![Some(1), None], &[1, 0], &["ok"])),
            &["{\"(1,{ok})\",\"(,{})\"}"],
        ),
        ("int4range", int_range.clone(), int_ranges(), &["[1,10)", "(,7)", "(,)", "[-5,)", "empty"]),
        (
            "int4multirange",
            multirange.clone(),
            list(&multirange, &[0, 1, 1], int_ranges().slice(1, 2)),
            &["{}", "{(,7)}", "{(,)}"],
        ),
        ("public.hstore", LogicalType::Map, map, &["a=>1, bb=>NULL", ""]),
    ]
}
