//! What values become in columns of every type, those of other engines too. That the servers take it for what it is stands
//! in the tests of loading.

use super::*;
use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Decimal256Array, FixedSizeBinaryArray,
    Float32Array, Float64Array, Int16Array, Int32Array, Int64Array, ListBuilder, RecordBatch, StringArray,
    StringBuilder, StructArray, Time64MicrosecondArray, TimestampMicrosecondArray, UInt64Array,
};
use arrow::datatypes::{DataType, Field, Fields, Schema, i256};
use dbferry_dialect::carrier;
use dbferry_dialect::logical::{NetworkKind, OpaqueForm};
use dbferry_dialect::{CollectionName, Column, LogicalType};
use std::sync::Arc;

fn maria() -> crate::flavour::ServerVersion {
    crate::flavour::ServerVersion::parse("10.11.14-MariaDB")
}

fn mysql() -> crate::flavour::ServerVersion {
    crate::flavour::ServerVersion::parse("9.7.4")
}

/// Batches of one column `c` of that type, in a column of the target.
fn encoder(logical: &LogicalType, target: TargetColumn) -> Result<(RowEncoder, Column)> {
    let column = Column::new("c", logical.clone(), "");
    let source = Collection::table(CollectionName::new("main", "t"), vec![column.clone()]);
    Ok((RowEncoder::new(&source, vec![(0, target)])?, column))
}

fn batch(column: &Column, array: ArrayRef) -> Batch {
    let schema = Arc::new(Schema::new(vec![carrier::field(column)]));
    Batch::plain(RecordBatch::try_new(schema, vec![array]).expect("a batch"))
}

/// The first row as a line, without its end, and as literals.
fn written(logical: &LogicalType, target: TargetColumn, array: ArrayRef) -> Result<(Vec<u8>, String)> {
    let (encoder, column) = encoder(logical, target)?;
    let batch = batch(&column, array);
    let mut rows = encoder.rows(&batch, 0)?;
    rows.seek(0)?;
    let (mut line, mut values) = (Vec::new(), Vec::new());
    rows.put_line(0, &mut line)?;
    rows.put_values(0, &mut values)?;
    assert_eq!(line.pop(), Some(b'\n'));
    Ok((line, String::from_utf8(values).expect("UTF-8")))
}

fn column(native: &str) -> TargetColumn {
    TargetColumn::new(native, Some("utf8mb4").filter(|_| native.contains("char") || native.contains("text")), mysql())
}

#[test]
fn values_are_written_as_their_columns_read_them() {
    use LogicalType as L;
    let instant = L::Instant { precision: 6 };
    let text = |value: &str| -> ArrayRef { Arc::new(StringArray::from(vec![value])) };
    let micros = |value: i64| -> ArrayRef { Arc::new(TimestampMicrosecondArray::from(vec![value])) };
    let utc = |value: i64| -> ArrayRef { Arc::new(TimestampMicrosecondArray::from(vec![value]).with_timezone("UTC")) };
    let labels = |labels: &[&str]| labels.iter().map(|label| (*label).to_owned()).collect::<Vec<_>>();
    let decimal = |value, precision, scale: u8| -> ArrayRef {
        let array = Decimal128Array::from(vec![value]).with_precision_and_scale(precision, scale as i8);
        Arc::new(array.expect("a decimal"))
    };
    let wide = Decimal256Array::from(vec![i256::from_i128(-15)]).with_precision_and_scale(65, 30).expect("a decimal");
    let uuid: ArrayRef = Arc::new(FixedSizeBinaryArray::try_from_iter([[b'\t'; 16]].iter()).expect("sixteen bytes"));
    let mut list = ListBuilder::new(StringBuilder::new());
    list.append_value([Some("b"), Some("a")]);
    let list: ArrayRef = Arc::new(list.finish());
    let interval = Fields::from(vec![
        Field::new("months", DataType::Int32, true),
        Field::new("days", DataType::Int32, true),
        Field::new("micros", DataType::Int64, true),
    ]);
    let interval: ArrayRef = Arc::new(StructArray::new(
        interval,
        vec![
            Arc::new(Int32Array::from(vec![14])),
            Arc::new(Int32Array::from(vec![-3])),
            Arc::new(Int64Array::from(vec![1_500_000])),
        ],
        None,
    ));
    let bits = |length, varying| L::Bits { length, varying };
    let inet = L::Network { kind: NetworkKind::Inet };
    let place = L::Geometry { srid: Some(4326), kind: None, geodesic: false };
    let wkb: ArrayRef = Arc::new(BinaryArray::from(vec![&b"\x01\x0a"[..]]));
    let cases: Vec<(L, TargetColumn, ArrayRef, &[u8], &str)> = vec![
        (L::Bool, column("tinyint(1)"), Arc::new(BooleanArray::from(vec![true])), b"1", "('1')"),
        (L::Bool, column("bit(1)"), Arc::new(BooleanArray::from(vec![true])), b"\x01", "(x'01')"),
        (
            L::INT64,
            column("bigint"),
            Arc::new(Int64Array::from(vec![i64::MIN])),
            b"-9223372036854775808",
            "('-9223372036854775808')",
        ),
        (L::INT64, column("smallint"), Arc::new(Int64Array::from(vec![-5])), b"-5", "('-5')"),
        (L::INT64, column("decimal(20,0)"), Arc::new(Int64Array::from(vec![7])), b"7", "('7')"),
        (L::Decimal { precision: 10, scale: 2 }, column("decimal(10,2)"), decimal(-5, 10, 2), b"-0.05", "('-0.05')"),
        (
            L::Decimal { precision: 65, scale: 30 },
            column("decimal(65,30)"),
            Arc::new(wide),
            b"-0.000000000000000000000000000015",
            "('-0.000000000000000000000000000015')",
        ),
        (L::Numeric, column("decimal(65,30)"), text("1.50"), b"1.50", "('1.50')"),
        (
            L::Float { bits: 32 },
            column("float"),
            Arc::new(Float32Array::from(vec![0.1])),
            b"0.10000000149011612",
            "('0.10000000149011612')",
        ),
        (L::FLOAT64, column("double"), Arc::new(Float64Array::from(vec![-1e300])), b"-1e300", "('-1e300')"),
        (L::FLOAT64, column("float"), Arc::new(Float64Array::from(vec![0.5])), b"0.5", "('0.5')"),
        (L::TEXT, column("varchar(9)"), text("a\t'\\\n"), b"a\\t'\\\\\\n", "('a\t\\'\\\\\n')"),
        (
            L::BYTES,
            column("longblob"),
            Arc::new(BinaryArray::from(vec![&b"\0\n\xff"[..]])),
            b"\0\\n\xff",
            "(x'000aff')",
        ),
        (L::Date, column("date"), Arc::new(Date32Array::from(vec![19_782])), b"2024-02-29", "('2024-02-29')"),
        (
            L::Timestamp { precision: 6 },
            column("datetime(6)"),
            micros(1),
            b"1970-01-01 00:00:00.000001",
            "('1970-01-01 00:00:00.000001')",
        ),
        (instant.clone(), column("timestamp"), utc(1_000_000), b"1970-01-01 00:00:01", "('1970-01-01 00:00:01')"),
        (
            instant.clone(),
            column("datetime(6)"),
            utc(-1),
            b"1969-12-31 23:59:59.999999",
            "('1969-12-31 23:59:59.999999')",
        ),
        (instant, column("varchar(40)"), utc(1_000_000), b"1970-01-01T00:00:01Z", "('1970-01-01T00:00:01Z')"),
        (
            L::Time { precision: 6 },
            column("time(6)"),
            Arc::new(Time64MicrosecondArray::from(vec![86_399_000_000])),
            b"23:59:59",
            "('23:59:59')",
        ),
        (
            L::Span { precision: 0 },
            column("time"),
            Arc::new(Int64Array::from(vec![-3_020_399_000_000])),
            b"-838:59:59",
            "('-838:59:59')",
        ),
        (L::Year, column("year"), Arc::new(Int16Array::from(vec![0])), b"0000", "('0000')"),
        (
            L::Uuid,
            column("char(36)"),
            Arc::clone(&uuid),
            b"09090909-0909-0909-0909-090909090909",
            "('09090909-0909-0909-0909-090909090909')",
        ),
        (
            L::Uuid,
            column("binary(16)"),
            Arc::clone(&uuid),
            b"\\t\\t\\t\\t\\t\\t\\t\\t\\t\\t\\t\\t\\t\\t\\t\\t",
            "(x'09090909090909090909090909090909')",
        ),
        (
            L::Uuid,
            TargetColumn::new("uuid", None, maria()),
            uuid,
            b"\\t\\t\\t\\t\\t\\t\\t\\t\\t\\t\\t\\t\\t\\t\\t\\t",
            "(x'09090909090909090909090909090909')",
        ),
        (L::Json, column("json"), text(r#"{"a": "\n"}"#), br#"{"a": "\\n"}"#, r#"('{"a": "\\n"}')"#),
        (
            inet.clone(),
            TargetColumn::new("inet6", None, maria()),
            text("::1"),
            &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
            "(x'00000000000000000000000000000001')",
        ),
        (inet, column("varchar(43)"), text("10.0.0.0/8"), b"10.0.0.0/8", "('10.0.0.0/8')"),
        (L::Enum { labels: labels(&["x"]) }, column("enum('y','x')"), text("x"), b"2", "(2)"),
        (L::Set { labels: labels(&["a", "b"]) }, column("set('a','b','c')"), Arc::clone(&list), b"3", "(3)"),
        (
            L::Set { labels: labels(&["a", "b"]) },
            column("json"),
            Arc::clone(&list),
            br#"["b","a"]"#,
            r#"('["b","a"]')"#,
        ),
        (L::List { element: Box::new(L::TEXT) }, column("longtext"), list, br#"["b","a"]"#, r#"('["b","a"]')"#),
        (L::Interval, column("varchar(60)"), Arc::clone(&interval), b"P1Y2M-3DT1.5S", "('P1Y2M-3DT1.5S')"),
        (L::Interval, column("json"), interval, b"\"P1Y2M-3DT1.5S\"", "('\"P1Y2M-3DT1.5S\"')"),
        (bits(Some(10), false), column("bit(10)"), Arc::new(UInt64Array::from(vec![0x0209])), b"\x02\\t", "(x'0209')"),
        (bits(Some(4), false), column("varchar(4)"), Arc::new(UInt64Array::from(vec![5])), b"0101", "('0101')"),
        (bits(None, true), column("bit(4)"), text("0101"), b"\x05", "(x'05')"),
        (place, column("point"), wkb, b"\xe6\x10\0\0\x01\\n", "(x'e6100000010a')"),
    ];
    for (logical, target, array, line, values) in cases {
        let native = target.native.text.clone();
        let (found, literals) = written(&logical, target.clone(), array).unwrap_or_else(|e| panic!("{native}: {e}"));
        assert_eq!(String::from_utf8_lossy(&found), String::from_utf8_lossy(line), "{logical} {native}");
        assert_eq!(literals, values, "{logical} {native}");
        let (encoder, column) = encoder(&logical, target).expect("an encoder");
        let null = arrow::array::new_null_array(&carrier::arrow_type(&logical), 1);
        let batch = batch(&column, null);
        let mut out = Vec::new();
        encoder.rows(&batch, 0).expect("rows").put_line(0, &mut out).expect("a null");
        assert_eq!(out, b"\\N\n");
    }
}

#[test]
fn values_that_would_change_are_refused() {
    use LogicalType as L;
    let text = |value: &str| -> ArrayRef { Arc::new(StringArray::from(vec![value])) };
    let ascii = TargetColumn::new("varchar(9)", Some("ascii"), maria());
    let enumeration = L::Enum { labels: vec!["x".into()] };
    let geometry = L::Geometry { srid: None, kind: None, geodesic: false };
    let bits = L::Bits { length: Some(8), varying: false };
    let cases: Vec<(L, TargetColumn, ArrayRef, &str)> = vec![
        (L::INT64, column("tinyint unsigned"), Arc::new(Int64Array::from(vec![-1])), "0 to 255"),
        (L::FLOAT64, column("float"), Arc::new(Float64Array::from(vec![0.1])), "no 32-bit float"),
        (L::FLOAT64, column("double"), Arc::new(Float64Array::from(vec![f64::NAN])), "infinity or NaN"),
        (L::Numeric, column("decimal(65,30)"), text("NaN"), "no such number"),
        (L::TEXT, column("char(9)"), text("a "), "blanks at the end"),
        (L::TEXT, ascii, text("é"), "ASCII only"),
        (L::BYTES, column("binary(4)"), Arc::new(BinaryArray::from(vec![&b"abc"[..]])), "fill the value"),
        (L::Date, column("date"), Arc::new(Date32Array::from(vec![2_932_897])), "9999-12-31"),
        (
            L::Timestamp { precision: 6 },
            column("datetime(3)"),
            Arc::new(TimestampMicrosecondArray::from(vec![1])),
            "3 digits",
        ),
        (
            L::Span { precision: 6 },
            column("time(6)"),
            Arc::new(Int64Array::from(vec![3_020_399_999_999])),
            "out of range",
        ),
        (L::Year, column("year"), Arc::new(Int16Array::from(vec![1900])), "1901"),
        (enumeration, column("enum('y')"), text("x"), "no such label"),
        (bits, column("bit(4)"), Arc::new(UInt64Array::from(vec![16])), "4 bits"),
        (geometry, column("geometry"), Arc::new(BinaryArray::from(vec![&b"\0"[..]])), "little-endian"),
    ];
    for (logical, target, array, expected) in cases {
        let error = written(&logical, target, array).expect_err(expected);
        assert_eq!(error.kind(), ErrorKind::Mismatch);
        let shown = error.to_string();
        for part in [expected, "row 0", "column c", "value "] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
    }
}

#[test]
fn exceptions_go_back_where_they_came_from_only() {
    let cases = [
        ("date", ExceptionReason::ZeroDate, NativeValue::Text("0000-00-00".into()), Some((&b"0000-00-00"[..], false))),
        ("enum('a')", ExceptionReason::EnumIndex, NativeValue::Integer(0), Some((&b"0"[..], true))),
        ("enum('0','00')", ExceptionReason::EnumIndex, NativeValue::Integer(0), Some((&b"000"[..], true))),
        ("varchar(9)", ExceptionReason::InvalidUtf8, NativeValue::Bytes(vec![0xff]), Some((&b"\xff"[..], true))),
        ("geometry", ExceptionReason::Precision, NativeValue::Bytes(vec![1, 9]), Some((&b"\x01\\t"[..], false))),
        ("varchar(9)", ExceptionReason::ZeroDate, NativeValue::Text("0000-00-00".into()), None),
        ("date", ExceptionReason::Infinity, NativeValue::Bytes(vec![0; 4]), None),
        ("longblob", ExceptionReason::StorageClass, NativeValue::Bytes(vec![0; 4]), None),
        ("int", ExceptionReason::EnumIndex, NativeValue::Integer(0), None),
    ];
    for (native, reason, value, expected) in cases {
        let logical = crate::types::logical(&crate::types::NativeText::parse(native));
        let (encoder, column) = encoder(&logical, column(native)).expect("an encoder");
        let mut batch = batch(&column, arrow::array::new_null_array(&carrier::arrow_type(&logical), 2));
        batch.exceptions = vec![Exception { row: 1, column: 0, reason, value }];
        let mut rows = encoder.rows(&batch, 0).expect("rows");
        assert!(!rows.seek(0).expect("a row") && !rows.is_complete());
        let only_insert = rows.seek(1).expect("a row");
        assert!(rows.is_complete());
        let mut out = Vec::new();
        let found = rows.put_line(1, &mut out).ok().map(|()| (&out[..out.len() - 1], only_insert));
        assert_eq!(found, expected, "{native} {reason}");
    }
}

#[test]
fn conversions_are_only_where_they_are_needed() {
    let ways = |native: &str, charset: Option<&str>, utf8: bool| {
        let logical = crate::types::logical(&crate::types::NativeText::parse(native));
        let (encoder, _) = encoder(&logical, TargetColumn::new(native, charset, mysql())).expect("an encoder");
        encoder.ways(utf8).collect::<Vec<_>>()
    };
    assert_eq!(ways("varchar(9)", Some("utf8mb3"), false), [Way::Direct]);
    assert_eq!(ways("varchar(9)", Some("latin1"), false), [Way::Utf8]);
    assert_eq!(ways("varchar(9)", Some("latin1"), true), [Way::Direct]);
    assert_eq!(ways("json", None, false), [Way::Utf8]);
    assert_eq!(ways("enum('ä')", Some("latin1"), false), [Way::Direct]);
    assert_eq!(ways("enum('1')", Some("utf8mb4"), true), [Way::Number]);
    assert_eq!(ways("set('a')", Some("utf8mb4"), true), [Way::Number]);
    assert_eq!(ways("blob", None, false), [Way::Direct]);
}

#[test]
fn types_that_do_not_go_together_have_no_encoder() {
    let opaque = LogicalType::Opaque { dialect: "postgres".into(), native: "xml".into(), form: OpaqueForm::Text };
    assert!(encoder(&opaque, column("longtext")).is_ok());
    for (logical, native) in [
        (opaque, "date"),
        (LogicalType::TEXT, "int"),
        (LogicalType::BYTES, "varchar(9)"),
        (LogicalType::Date, "datetime"),
        (LogicalType::INT64, "float"),
        (LogicalType::Struct { fields: Vec::new() }, "blob"),
    ] {
        let error = encoder(&logical, column(native)).expect_err(native);
        assert_eq!(error.kind(), ErrorKind::Incompatible, "{native}");
    }
}

#[test]
fn values_are_shown_on_one_short_line() {
    assert_eq!(shown(b"a\nb"), "a\\nb");
    assert_eq!(shown("é".repeat(100).as_bytes()), format!("{}…", "é".repeat(80)));
    assert_eq!(shown(&[0xff]), "\u{fffd}");
}
