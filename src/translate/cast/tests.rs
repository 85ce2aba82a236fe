//! Tables of values: what becomes of each, and what is near to those that do not fit.

use super::convert::{convert, is_possible, within};
use super::*;
use arrow::datatypes::i256;
use dbferry_dialect::ExceptionReason;
use std::sync::Arc;

/// The value as it is shown, or the reason and what is nearest.
fn of(value: Value<'_>, to: &str) -> String {
    let to = super::super::logical_type(to).expect(to);
    let mut scratch = String::new();
    match convert(value, &to, &mut scratch) {
        Ok(value) => value.show(),
        Err(Misfit { reason, nearest }) => {
            format!("{reason}, {}", nearest.map_or_else(|| "nothing".into(), |value| value.show()))
        }
    }
}

#[test]
fn numbers() {
    let decimal = |unscaled: i128, scale| Value::Decimal(i256::from_i128(unscaled), scale);
    for (value, to, expected) in [
        (Value::Int(1), "bool", "true"),
        (Value::Int(2), "bool", "out-of-range, nothing"),
        (Value::Bool(true), "int8", "1"),
        (Value::Int(128), "int8", "out-of-range, 127"),
        (Value::Int(-1), "uint64", "out-of-range, 0"),
        (Value::Int(u64::MAX.into()), "int64", "out-of-range, 9223372036854775807"),
        (Value::Int(u64::MAX.into()), "decimal(20,0)", "18446744073709551615"),
        (Value::Int(5), "decimal(3,2)", "5.00"),
        (Value::Int(50), "decimal(3,2)", "out-of-range, 9.99"),
        (decimal(12345, 3), "decimal(10,2)", "precision, 12.34"),
        (decimal(12340, 3), "decimal(10,2)", "12.34"),
        (decimal(-5, 1), "int32", "precision, 0"),
        (decimal(-50, 1), "int32", "-5"),
        (decimal(1, 1), "float64", "0.1"),
        (decimal(12_345_678_901_234_567_890, 0), "float64", "precision, 1.2345678901234567e19"),
        (Value::Float(0.1), "decimal(5,2)", "0.10"),
        (Value::Float(0.125), "decimal(5,2)", "precision, 0.12"),
        (Value::Float(1e300), "decimal(5,2)", "out-of-range, 999.99"),
        (Value::Float(1e-300), "decimal(5,2)", "precision, 0.00"),
        (Value::Float(f64::NAN), "decimal(5,2)", "nan, nothing"),
        (Value::Float(f64::NEG_INFINITY), "decimal(5,2)", "infinity, -999.99"),
        (Value::Float(0.1), "float32", "precision, 0.1"),
        (Value::Float(0.5), "float32", "0.5"),
        (Value::Float(3.0), "int64", "3"),
        (Value::Float(3.5), "int64", "precision, 4"),
        (Value::Float(f64::NAN), "numeric", "NaN"),
        (Value::Int((1 << 53) + 1), "float64", "precision, 9007199254740992.0"),
        (Value::Text(" 42 "), "int16", "42"),
        (Value::Text("4e2"), "int16", "400"),
        (Value::Text("4.5"), "int16", "precision, 4"),
        (Value::Text("forty"), "int16", "spelling, nothing"),
        (Value::Text("NaN"), "numeric", "NaN"),
        (Value::Text("1.50"), "numeric", "1.50"),
        (Value::Text("1.5.0"), "numeric", "spelling, nothing"),
        (Value::Text("-1.250e2"), "numeric", "-125.0"),
        (Value::Text("1e3"), "numeric", "1000"),
        (Value::Text("15e-4"), "numeric", "0.0015"),
        (Value::Text("+007."), "numeric", "7"),
        (Value::Text("-.50"), "numeric", "-0.50"),
        (Value::Text("-0.00"), "numeric", "0.00"),
        (Value::Text("0e5"), "numeric", "0"),
        (Value::Text("12.34"), "numeric", "12.34"),
        (Value::Text("0.05"), "numeric", "0.05"),
        (Value::Text("1e131072"), "numeric", "out-of-range, nothing"),
        (Value::Text("1e-16384"), "numeric", "out-of-range, nothing"),
        (Value::Float(1e22), "numeric", "10000000000000000000000"),
        (Value::Float(-1.5e-7), "numeric", "-0.00000015"),
        (Value::Text("YES"), "bool", "true"),
        (Value::Bits(5, 3), "int8", "5"),
        (Value::Bits(5, 3), "text", "101"),
    ] {
        assert_eq!(of(value, to), expected, "{value:?} to {to}");
    }
}

#[test]
fn moments() {
    const DAY: i64 = 86_400_000_000;
    for (value, to, expected) in [
        (Value::Text("2024-02-29"), "date", "2024-02-29"),
        (Value::Text("2023-02-29"), "date", "spelling, nothing"),
        (Value::Text("2024-02-29 00:00:00"), "date", "2024-02-29"),
        (Value::Text("2024-02-29 12:00"), "date", "precision, 2024-02-29"),
        (Value::Text("29/02/2024"), "date", "spelling, nothing"),
        (Value::Date(0), "timestamp(0)", "1970-01-01 00:00:00"),
        (Value::Timestamp(DAY + 1), "date", "precision, 1970-01-02"),
        (Value::Text("2024-02-29T01:02:03.456Z"), "instant(3)", "2024-02-29 01:02:03.456+00:00"),
        (Value::Text("2024-02-29 01:02:03+02:30"), "instant(0)", "2024-02-28 22:32:03+00:00"),
        (Value::Text("2024-02-29 01:02:03"), "instant(0)", "2024-02-29 01:02:03+00:00"),
        (Value::Text("2024-02-29 01:02:03+02:30"), "timestamp(0)", "offset, nothing"),
        (Value::Text("2024-02-29 01:02:03.456"), "timestamp(2)", "precision, 2024-02-29 01:02:03.45"),
        (Value::Text("2024-02-29 24:00:00"), "timestamp(0)", "spelling, nothing"),
        (Value::Timestamp(-1), "timestamp(0)", "precision, 1969-12-31 23:59:59"),
        (Value::Text("23:59"), "time(0)", "23:59:00"),
        (Value::Text("24:00:00"), "time(0)", "spelling, nothing"),
        (Value::Span(25 * 3_600_000_000), "time(6)", "out-of-range, 23:59:59.999999"),
        (Value::Span(-1), "time(6)", "out-of-range, 00:00:00"),
        (Value::Text("-838:59:59"), "span(0)", "-838:59:59"),
        (Value::Span(-3_661_000_000), "text", "-01:01:01"),
        (Value::Interval(14, -3, 90_500_000), "text", "P14M-3DT90.5S"),
        (Value::TimeTz(3_600_000_000, -19_800), "text", "01:00:00-05:30"),
        (Value::Date(-719_529), "text", "-0001-12-31"),
        (Value::Date(2_932_897), "text", "10000-01-01"),
    ] {
        assert_eq!(of(value, to), expected, "{value:?} to {to}");
    }
}

#[test]
fn texts_and_bytes() {
    for (value, to, expected) in [
        (Value::Text("héllo"), "text(5)", "héllo"),
        (Value::Text("héllo!"), "text(5)", "too-long, héllo"),
        (Value::Bytes(b"\xff"), "text", "invalid-utf8, nothing"),
        (Value::Bytes(b"ok"), "text", "ok"),
        (Value::Text("abc"), "bytes(2)", "too-long, 0x6162"),
        (Value::Text("A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11"), "uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
        (Value::Text("{a0eebc999c0b4ef8bb6d6bb9bd380a11}"), "uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
        (Value::Text("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1"), "uuid", "spelling, nothing"),
        (Value::Text("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1g"), "uuid", "spelling, nothing"),
        (Value::Bytes(&[7; 15]), "uuid", "spelling, nothing"),
        (Value::Text("{\"a\": [1, null]}"), "json", "{\\\"a\\\": [1, null]}"),
        (Value::Text("{a}"), "json", "spelling, nothing"),
        (Value::Text("10.0.0.1/8"), "inet", "10.0.0.1/8"),
        (Value::Text("10.0.0.1/32"), "inet", "10.0.0.1"),
        (Value::Text("10.0.0.1/8"), "cidr", "spelling, nothing"),
        (Value::Text("10.0.0.0/8"), "cidr", "10.0.0.0/8"),
        (Value::Text("0A-00-2b-01-02-03"), "mac", "0a:00:2b:01:02:03"),
        (Value::Text("0a:00"), "mac", "spelling, nothing"),
    ] {
        assert_eq!(of(value, to), expected, "{value:?} to {to}");
    }
}

#[test]
fn a_domain_has_ends() {
    let year = Domain::between(1901, 2155);
    let day = Domain::between(-719_528, 2_932_896);
    let nearest = |value, to: &LogicalType, domain: &Domain| {
        let mut scratch = String::new();
        match within(value, to, domain, &mut scratch) {
            Ok(value) => value.show(),
            Err(misfit) => {
                format!("{}, {}", misfit.reason, misfit.nearest.map_or_else(|| "nothing".into(), |value| value.show()))
            }
        }
    };
    assert_eq!(nearest(Value::Int(0), &LogicalType::Year, &year), "0");
    assert_eq!(nearest(Value::Int(1900), &LogicalType::Year, &year), "out-of-range, 1901");
    assert_eq!(nearest(Value::Date(3_000_000), &LogicalType::Date, &day), "out-of-range, 9999-12-31");
    let end = Domain::between(i64::MIN, 253_402_300_799_999_999);
    let moment = LogicalType::Timestamp { precision: 0 };
    assert_eq!(nearest(Value::Timestamp(i64::MAX), &moment, &end), "out-of-range, 9999-12-31 23:59:59");
    assert_eq!(nearest(Value::Text("a\0b"), &LogicalType::TEXT, &Domain::NO_NUL), "nul-character, ab");
    assert_eq!(nearest(Value::Float(f64::NAN), &LogicalType::FLOAT64, &Domain::NO_NAN), "nan, nothing");
    assert_eq!(nearest(Value::Float(f64::INFINITY), &LogicalType::FLOAT64, &Domain::NO_NAN), "Infinity");
    assert_eq!(nearest(Value::Float(-0.0), &LogicalType::FLOAT64, &Domain::NO_NAN), "negative-zero, 0.0");
    let most = "infinity, 1.7976931348623157e308";
    assert_eq!(nearest(Value::Float(f64::INFINITY), &LogicalType::FLOAT64, &Domain::FINITE), most);
}

#[test]
fn exceptions_have_a_nearest_value_where_one_is_near() {
    let near = |text: &str, to: &LogicalType, domain: Domain| {
        convert::nearest_to_text(text, to, &domain).map(|value| value.show())
    };
    let shown = |text: &str| Some(text.to_owned());
    let date = LogicalType::Date;
    assert_eq!(near("0000-00-00", &date, Domain::ALL), shown("0001-01-01"));
    assert_eq!(near("2025-00-15", &date, Domain::ALL), shown("2025-01-15"));
    assert_eq!(near("2025-02-30", &date, Domain::ALL), None);
    assert_eq!(near("infinity", &date, Domain::between(0, 10)), shown("1970-01-11"));
    let moment = LogicalType::Timestamp { precision: 0 };
    assert_eq!(near("0000-00-00 00:00:00", &moment, Domain::ALL), shown("0001-01-01 00:00:00"));
    assert_eq!(near("-infinity", &moment, Domain::between(-1_000_000, 1)), shown("1969-12-31 23:59:59"));
    let decimal = LogicalType::Decimal { precision: 4, scale: 1 };
    assert_eq!(near("-Infinity", &decimal, Domain::ALL), shown("-999.9"));
    assert_eq!(near("NaN", &decimal, Domain::ALL), None);
    assert_eq!(near("24:00:00", &LogicalType::Time { precision: 3 }, Domain::ALL), shown("23:59:59.999"));
}

/// Whatever is said to be possible gets a column.
#[test]
fn every_possible_type_can_be_built() {
    for word in super::super::WORDS {
        let to = super::super::logical_type(&word.replace("p,s", "9,2").replace("(p)", "(3)").replace("(n)", "(7)"));
        let to = to.expect(word);
        assert!(Builder::new(&to, 1).is_some(), "{word}");
        assert!(is_possible(&LogicalType::TEXT, &to), "{word}");
    }
    assert!(Cast::new(&LogicalType::Map, &LogicalType::INT64, Domain::ALL).is_none());
    assert!(Cast::new(&LogicalType::Dynamic, &LogicalType::Map, Domain::ALL).is_none());
    assert!(Cast::new(&LogicalType::Map, &LogicalType::Map, Domain::ALL).is_some());
    assert!(Cast::new(&LogicalType::Date, &LogicalType::Bool, Domain::ALL).is_none());
}

#[test]
fn a_column_is_converted_with_its_exceptions() {
    let array: ArrayRef = Arc::new(arrow::array::BooleanArray::from(vec![Some(true), None, None, Some(false)]));
    let exception = |value| Exception { row: 1, column: 0, reason: ExceptionReason::OutOfRange, value };
    let cast = Cast::new(&LogicalType::Bool, &LogicalType::INT64, Domain::ALL).expect("a cast");
    let (two, text) = (exception(NativeValue::Integer(2)), exception(NativeValue::Bytes(vec![1])));
    let converted = cast.column(&array, &[&two], None, &mut |found| {
        assert!(found.converted);
        Ok(Fate::Null)
    });
    let expected: ArrayRef = Arc::new(arrow::array::Int64Array::from(vec![Some(1), Some(2), None, Some(0)]));
    assert_eq!(&converted.expect("an array"), &expected);
    let mut told = Vec::new();
    let converted = cast.column(&array, &[&text], None, &mut |found| {
        told.push((found.row, found.reason, (found.value)(), found.converted));
        Ok(Fate::Null)
    });
    assert!(converted.expect("an array").is_null(1));
    assert_eq!(told, [(1, "out-of-range", "0x01".to_owned(), false)]);
}

#[test]
fn texts_in_another_spelling_are_told() {
    let told = |texts: &[&str], to: &LogicalType| -> Vec<String> {
        let array: ArrayRef = Arc::new(arrow::array::StringArray::from(texts.to_vec()));
        let cast = Cast::new(&LogicalType::TEXT, to, Domain::ALL).expect("a conversion");
        let mut told = Vec::new();
        let judged = cast.column(&array, &[], None, &mut |found| {
            assert!(found.converted, "{}", (found.value)());
            told.push((found.value)());
            Ok(Fate::Null)
        });
        assert_eq!(judged.expect("values").null_count(), 0);
        told
    };
    let moment = LogicalType::Timestamp { precision: 6 };
    let none: [&str; 0] = [];
    assert_eq!(told(&["2020-02-09"], &LogicalType::Date), none);
    assert_eq!(told(&["2020-02-09", " 2020-02-09", "2020-02-09T00:00:00"], &LogicalType::Date).len(), 2);
    assert_eq!(told(&["2020-02-09 01:02:03", "2020-02-09 01:02:03.5"], &moment), none);
    assert_eq!(told(&["2020-02-09T01:02:03", "2020-02-09", "2020-02-09 01:02:03.50"], &moment).len(), 3);
    assert_eq!(told(&["01:02:03"], &LogicalType::Time { precision: 6 }), none);
    assert_eq!(told(&["01:02"], &LogicalType::Time { precision: 6 }), ["01:02"]);
    for none in ["+0299", "+99", "+2:30", "+02:60", "+023", "+16"] {
        let text = format!("2020-02-09 01:02:03{none}");
        assert_eq!(of(Value::Text(&text), "instant(6)"), "spelling, nothing", "{none}");
    }
    assert_eq!(of(Value::Text("2020-02-09T01:02:03.5+0230"), "instant(6)"), "2020-02-08 22:32:03.5+00:00");
    assert_eq!(of(Value::Text("2020-02-09 01:02:03."), "timestamp(6)"), "spelling, nothing");
    // SQLite takes this for no moment, PostgreSQL for minutes and seconds, MySQL for seconds.
    assert_eq!(of(Value::Text("2020-02-09 12:30.50"), "timestamp(6)"), "spelling, nothing");
    let uuids = ["0f8fad5b-d9cb-469f-a165-70867728950e", "0F8FAD5B-D9CB-469F-A165-70867728950E"];
    assert_eq!(told(&uuids, &LogicalType::Uuid), [uuids[1]]);
    assert_eq!(told(&["1.50", "1.5"], &LogicalType::Decimal { precision: 5, scale: 2 }), ["1.5"]);
}

#[test]
fn lists_become_their_json() {
    let list = LogicalType::List { element: Box::new(LogicalType::INT64) };
    let cast = Cast::new(&list, &LogicalType::TEXT, Domain::ALL).expect("a conversion");
    let values = [Some(vec![Some(1), None]), None, Some(vec![])];
    let lists: ArrayRef =
        Arc::new(arrow::array::ListArray::from_iter_primitive::<arrow::datatypes::Int64Type, _, _>(values));
    let texts = cast.column(&lists, &[], None, &mut |_| Ok(Fate::Null)).expect("texts");
    let expected: ArrayRef = Arc::new(arrow::array::StringArray::from(vec![Some("[1,null]"), None, Some("[]")]));
    assert_eq!(&texts, &expected);
    assert!(Cast::new(&list, &LogicalType::INT64, Domain::ALL).is_none());
}
