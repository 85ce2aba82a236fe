use super::*;
use arrow::array::ArrayRef;
use rusqlite::Connection;
use std::sync::Arc;

/// `typeof(v) || ' ' || quote(v)` of the first cell, bound to a column of that declared type.
fn stored(declared: &str, column: &Column, array: &ArrayRef) -> String {
    let connection = Connection::open_in_memory().expect("SQLite");
    connection.execute_batch(&format!("CREATE TABLE t(v {declared})")).expect("a table");
    let mut statement = connection.prepare("INSERT INTO t VALUES(?)").expect("a statement");
    let encoder = Encoder::new(array, column, declared == "TEXT" || declared.is_empty()).expect("an encoder");
    match encoder.bind(0, 1, &mut statement, &mut Scratch::default()) {
        Ok(()) => statement.raw_execute().expect("a row"),
        Err(BindError::Value(message)) => return message.to_owned(),
        Err(BindError::Sqlite(error)) => panic!("{error}"),
    };
    connection.query_row("SELECT typeof(v) || ' ' || quote(v) FROM t", [], |row| row.get(0)).expect("a value")
}

fn column(logical: LogicalType, encoding: Option<&str>) -> Column {
    let mut column = Column::new("v", logical, "");
    if let Some(encoding) = encoding {
        column.native.parameters.insert("encoding".into(), encoding.into());
    }
    column
}

#[test]
fn what_came_from_sqlite_goes_back_as_it_was() {
    let decimal = || Arc::new(Decimal128Array::from(vec![1999]).with_precision_and_scale(10, 2).expect("10,2"));
    let decimals = LogicalType::Decimal { precision: 10, scale: 2 };
    let micros = || Arc::new(TimestampMicrosecondArray::from(vec![1_732_384_500_250_000]));
    let uuid = || {
        let bytes = std::iter::once(Some([0x5a_u8; 16]));
        Arc::new(FixedSizeBinaryArray::try_from_sparse_iter_with_size(bytes, 16).expect("16 bytes"))
    };
    let cases: Vec<(&str, Column, ArrayRef, &str)> = vec![
        ("BOOLEAN", column(LogicalType::Bool, Some("integer")), Arc::new(BooleanArray::from(vec![true])), "integer 1"),
        ("INT", column(LogicalType::INT64, Some("integer")), Arc::new(Int64Array::from(vec![-7])), "integer -7"),
        ("REAL", column(LogicalType::FLOAT64, Some("real")), Arc::new(Float64Array::from(vec![2.5])), "real 2.5"),
        ("TEXT", column(LogicalType::TEXT, Some("text")), Arc::new(StringArray::from(vec!["a'b"])), "text 'a''b'"),
        (
            "BLOB",
            column(LogicalType::BYTES, Some("blob")),
            Arc::new(BinaryArray::from(vec![&b"\x00"[..]])),
            "blob X'00'",
        ),
        ("DECIMAL(10,2)", column(decimals.clone(), Some("number")), decimal(), "real 19.99"),
        (
            "NUMERIC",
            column(LogicalType::Numeric, Some("number")),
            Arc::new(StringArray::from(vec!["12"])),
            "integer 12",
        ),
        ("NUMERIC", column(LogicalType::Numeric, Some("number")), Arc::new(StringArray::from(vec!["0.5"])), "real 0.5"),
        (
            "DATE",
            column(LogicalType::Date, Some("iso-date")),
            Arc::new(Date32Array::from(vec![0])),
            "text '1970-01-01'",
        ),
        (
            "DATETIME",
            column(LogicalType::Timestamp { precision: 3 }, Some("iso-t.3")),
            micros(),
            "text '2024-11-23T17:55:00.250'",
        ),
        (
            "DATETIME",
            column(LogicalType::Timestamp { precision: 6 }, Some("iso-space.6")),
            micros(),
            "text '2024-11-23 17:55:00.250000'",
        ),
        ("UUID", column(LogicalType::Uuid, Some("blob")), uuid(), "blob X'5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A'"),
        ("UUID", column(LogicalType::Uuid, Some("text")), uuid(), "text '5a5a5a5a-5a5a-5a5a-5a5a-5a5a5a5a5a5a'"),
    ];
    for (declared, column, array, expected) in cases {
        assert_eq!(stored(declared, &column, &array), expected, "{declared} {}", column.logical);
    }
}

#[test]
fn what_came_from_elsewhere_has_its_default_form() {
    let decimals = LogicalType::Decimal { precision: 10, scale: 2 };
    let unsigned = LogicalType::Int { bits: 64, signed: false };
    let cases: Vec<(&str, LogicalType, ArrayRef, &str)> = vec![
        (
            "TEXT",
            decimals,
            Arc::new(Decimal128Array::from(vec![1990]).with_precision_and_scale(10, 2).expect("10,2")),
            "text '19.90'",
        ),
        ("", unsigned.clone(), Arc::new(UInt64Array::from(vec![7])), "integer 7"),
        ("", unsigned, Arc::new(UInt64Array::from(vec![u64::MAX])), "text '18446744073709551615'"),
        (
            "TEXT",
            LogicalType::Instant { precision: 6 },
            Arc::new(TimestampMicrosecondArray::from(vec![1]).with_timezone("UTC")),
            "text '1970-01-01T00:00:00.000001Z'",
        ),
        ("REAL", LogicalType::Float { bits: 32 }, Arc::new(Float32Array::from(vec![0.1])), "real 0.10000000149011612"),
        ("REAL", LogicalType::FLOAT64, Arc::new(Float64Array::from(vec![f64::NEG_INFINITY])), "real -9.0e+999"),
        ("INTEGER", LogicalType::Year, Arc::new(Int16Array::from(vec![0])), "integer 0"),
        ("TEXT", LogicalType::TEXT, Arc::new(StringArray::from(vec![None::<&str>])), "null NULL"),
        (
            "TEXT",
            LogicalType::Bits { length: Some(4), varying: false },
            Arc::new(UInt64Array::from(vec![5])),
            "text '0101'",
        ),
    ];
    for (declared, logical, array, expected) in cases {
        assert_eq!(stored(declared, &column(logical.clone(), None), &array), expected, "{declared} {logical}");
    }
}

#[test]
fn a_value_that_would_change_silently_is_refused() {
    let array: ArrayRef = Arc::new(Float64Array::from(vec![f64::NAN]));
    assert_eq!(stored("REAL", &column(LogicalType::FLOAT64, None), &array), "SQLite cannot store NaN");
    let array: ArrayRef = Arc::new(Float64Array::from(vec![-0.0]));
    let refused = "SQLite's REAL columns cannot store a negative zero";
    assert_eq!(stored("REAL", &column(LogicalType::FLOAT64, None), &array), refused);
    let unsigned = LogicalType::Int { bits: 64, signed: false };
    let array: ArrayRef = Arc::new(UInt64Array::from(vec![1_u64 << 63]));
    let message = stored("INTEGER", &column(unsigned, None), &array);
    assert!(message.contains("would become a float"), "{message}");
}

#[test]
fn a_batch_of_another_type_is_refused() {
    let array = StringArray::from(vec!["a"]);
    let column = column(LogicalType::INT64, None);
    assert_eq!(Encoder::new(&array, &column, true).err().map(|error| error.kind()), Some(ErrorKind::Internal));
}

#[test]
fn exceptions_keep_class_and_bytes() {
    let connection = Connection::open_in_memory().expect("SQLite");
    connection.execute_batch("CREATE TABLE t(v)").expect("a table");
    let cases = [
        (NativeValue::Integer(i64::MIN), "integer", i64::MIN.to_string().into_bytes()),
        (NativeValue::TextBytes(b"\xff\x00\xfe".to_vec()), "text", b"\xff\x00\xfe".to_vec()),
        (NativeValue::Text("a\0b".into()), "text", b"a\0b".to_vec()),
        (NativeValue::Text(String::new()), "text", Vec::new()),
        (NativeValue::Bytes(Vec::new()), "blob", Vec::new()),
        (NativeValue::Bytes(vec![0, 255]), "blob", vec![0, 255]),
    ];
    for (value, class, bytes) in cases {
        let mut statement = connection.prepare("INSERT INTO t VALUES(?)").expect("a statement");
        assert!(bind_native(&value, false, 1, &mut statement).is_ok());
        statement.raw_execute().expect("a row");
        let found: (String, Vec<u8>) = connection
            .query_row("SELECT typeof(v), CAST(v AS BLOB) FROM t ORDER BY rowid DESC", [], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .expect("a value");
        assert_eq!(found, (class.to_owned(), bytes), "{value:?}");
    }
    let mut statement = connection.prepare("INSERT INTO t VALUES(?)").expect("a statement");
    assert!(bind_native(&NativeValue::Real(-0.0), false, 1, &mut statement).is_ok());
    statement.raw_execute().expect("a row");
    let found: f64 =
        connection.query_row("SELECT v FROM t ORDER BY rowid DESC", [], |row| row.get(0)).expect("a value");
    assert!(found.is_sign_negative(), "minus zero keeps its sign in an untyped column");
}
