//! Texts of values that SQLite has no type for: intervals, times with an offset, and JSON for lists, structs, ranges, maps
//! and sets.
//!
//! In JSON a bool is `true` or `false`; whole numbers, decimals and finite floats are numbers with all their digits; NaN
//! and infinities, dates, times and UUIDs are strings in the form that a column of their own would have; bytes are a string
//! of hexadecimal digits; a JSON value stands as it is; a list and a set are arrays; a struct is an object by field name; a
//! range is an object with `lower`, `upper`, `lower_inclusive`, `upper_inclusive` and `empty`; a map is an object.
//!
//! Only columns of other dialects come here, so that this is not a hot path; it still reuses one text for a whole batch.

use super::time::{Separator, Stack};
use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Decimal256Array,
    FixedSizeBinaryArray, Float32Array, Float64Array, Int32Array, Int64Array, ListArray, MapArray, StringArray,
    StructArray, Time64MicrosecondArray, TimestampMicrosecondArray, UInt64Array,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, i256};
use dbferry_dialect::logical::{LogicalType, OpaqueForm};
use std::fmt::Write as _;

const DISAGREES: &str = "the value's Arrow type does not agree with its logical type";

/// Appends the text of the cell, which is not null. For a list, struct, range, map or set it is JSON.
pub(crate) fn text(array: &dyn Array, logical: &LogicalType, row: usize, out: &mut String) -> Result<(), &'static str> {
    match logical {
        LogicalType::Interval => {
            let parts = of::<StructArray>(array)?;
            let [months, days, micros] = parts.columns() else { return Err(DISAGREES) };
            interval(
                of::<Int32Array>(months)?.value(row),
                of::<Int32Array>(days)?.value(row),
                of::<Int64Array>(micros)?.value(row),
                out,
            );
            Ok(())
        }
        LogicalType::TimeTz { precision } => {
            let parts = of::<StructArray>(array)?;
            let [micros, offset] = parts.columns() else { return Err(DISAGREES) };
            let (micros, offset) = (of::<Int64Array>(micros)?.value(row), of::<Int32Array>(offset)?.value(row));
            push(out, Stack::default().time_with_offset(micros, offset, *precision));
            Ok(())
        }
        _ => json(array, logical, row, out),
    }
}

/// The digits of a decimal that needs 256 bits, in the place of what `out` holds.
pub(crate) fn wide_decimal(value: i256, scale: i8, out: &mut String) {
    out.clear();
    // Writing to a text cannot fail.
    let _ = write!(out, "{value}");
    let scale = usize::from(scale.unsigned_abs());
    if scale > 0 {
        let start = usize::from(out.starts_with('-'));
        while out.len() - start <= scale {
            out.insert(start, '0');
        }
        out.insert(out.len() - scale, '.');
    }
}

fn json(array: &dyn Array, logical: &LogicalType, row: usize, out: &mut String) -> Result<(), &'static str> {
    if array.is_null(row) {
        out.push_str("null");
        return Ok(());
    }
    let mut stack = Stack::default();
    match logical {
        LogicalType::Bool => out.push_str(if of::<BooleanArray>(array)?.value(row) { "true" } else { "false" }),
        LogicalType::Int { .. } | LogicalType::Year => whole(array, row, out)?,
        LogicalType::Float { bits: 32 } => float(f64::from(of::<Float32Array>(array)?.value(row)), true, out),
        LogicalType::Float { .. } => float(of::<Float64Array>(array)?.value(row), false, out),
        LogicalType::Decimal { precision, scale } if *precision <= 38 => {
            push(out, stack.decimal(of::<Decimal128Array>(array)?.value(row), *scale));
        }
        LogicalType::Decimal { .. } => {
            let values = of::<Decimal256Array>(array)?;
            let mut digits = String::new();
            wide_decimal(values.value(row), values.scale(), &mut digits);
            out.push_str(&digits);
        }
        LogicalType::Numeric => {
            let digits = of::<StringArray>(array)?.value(row);
            // `NaN` and `Infinity` are numerics too, and so is `.5`, which JSON does not take as a number.
            let plain = serde_json::from_str::<&serde_json::value::RawValue>(digits).is_ok()
                && digits.starts_with(|first: char| first == '-' || first.is_ascii_digit());
            if plain { out.push_str(digits) } else { string(digits, out) }
        }
        LogicalType::Json => out.push_str(of::<StringArray>(array)?.value(row)),
        LogicalType::Date => quoted(out, stack.date(of::<Date32Array>(array)?.value(row))),
        LogicalType::Time { precision } => {
            quoted(out, stack.time(of::<Time64MicrosecondArray>(array)?.value(row), *precision));
        }
        LogicalType::Timestamp { precision } => {
            let micros = of::<TimestampMicrosecondArray>(array)?.value(row);
            quoted(out, stack.timestamp(micros, Separator::Space, *precision));
        }
        LogicalType::Instant { precision } => {
            quoted(out, stack.instant(of::<TimestampMicrosecondArray>(array)?.value(row), *precision));
        }
        LogicalType::Span { precision } => quoted(out, stack.span(of::<Int64Array>(array)?.value(row), *precision)),
        LogicalType::Interval | LogicalType::TimeTz { .. } => {
            out.push('"');
            text(array, logical, row, out)?;
            out.push('"');
        }
        LogicalType::Uuid => quoted(out, stack.uuid(of::<FixedSizeBinaryArray>(array)?.value(row))),
        LogicalType::Bits { length: Some(length @ 1..=64), varying: false } => {
            quoted(out, stack.bits(of::<UInt64Array>(array)?.value(row), *length));
        }
        LogicalType::Bytes { .. }
        | LogicalType::Geometry { .. }
        | LogicalType::Opaque { form: OpaqueForm::Binary, .. } => {
            out.push('"');
            for byte in of::<BinaryArray>(array)?.value(row) {
                let _ = write!(out, "{byte:02x}");
            }
            out.push('"');
        }
        LogicalType::Set { .. } => list(array, &LogicalType::TEXT, row, out)?,
        LogicalType::List { element } => list(array, element, row, out)?,
        LogicalType::Struct { fields } => {
            let parts = of::<StructArray>(array)?;
            if parts.num_columns() != fields.len() {
                return Err(DISAGREES);
            }
            let fields = fields.iter().map(|field| (field.name.as_str(), &field.logical));
            object(fields.zip(parts.columns()), row, out)?;
        }
        LogicalType::Range { element } => {
            let parts = of::<StructArray>(array)?;
            if parts.num_columns() != 5 {
                return Err(DISAGREES);
            }
            let fields = [
                ("lower", &**element),
                ("upper", &**element),
                ("lower_inclusive", &LogicalType::Bool),
                ("upper_inclusive", &LogicalType::Bool),
                ("empty", &LogicalType::Bool),
            ];
            object(fields.into_iter().zip(parts.columns()), row, out)?;
        }
        LogicalType::Map => {
            let entries = of::<MapArray>(array)?.value(row);
            let [keys, values] = entries.columns() else { return Err(DISAGREES) };
            let keys = of::<StringArray>(keys)?;
            out.push('{');
            for entry in 0..keys.len() {
                if entry > 0 {
                    out.push(',');
                }
                string(keys.value(entry), out);
                out.push(':');
                json(values, &LogicalType::TEXT, entry, out)?;
            }
            out.push('}');
        }
        LogicalType::Dynamic => {
            let types = [&LogicalType::INT64, &LogicalType::FLOAT64, &LogicalType::TEXT, &LogicalType::BYTES];
            let parts = of::<StructArray>(array)?;
            match types.into_iter().zip(parts.columns()).find(|(_, member)| member.is_valid(row)) {
                Some((logical, member)) => json(member, logical, row, out)?,
                None => out.push_str("null"),
            }
        }
        _ => string(of::<StringArray>(array)?.value(row), out),
    }
    Ok(())
}

fn list(array: &dyn Array, element: &LogicalType, row: usize, out: &mut String) -> Result<(), &'static str> {
    let elements = of::<ListArray>(array)?.value(row);
    out.push('[');
    for position in 0..elements.len() {
        if position > 0 {
            out.push(',');
        }
        json(&elements, element, position, out)?;
    }
    out.push(']');
    Ok(())
}

fn object<'a>(
    members: impl Iterator<Item = ((&'a str, &'a LogicalType), &'a ArrayRef)>,
    row: usize,
    out: &mut String,
) -> Result<(), &'static str> {
    out.push('{');
    for (position, ((name, logical), values)) in members.enumerate() {
        if position > 0 {
            out.push(',');
        }
        string(name, out);
        out.push(':');
        json(values, logical, row, out)?;
    }
    out.push('}');
    Ok(())
}

fn whole(array: &dyn Array, row: usize, out: &mut String) -> Result<(), &'static str> {
    if let Some(values) = array.as_any().downcast_ref::<UInt64Array>() {
        push(out, Stack::default().unsigned(values.value(row)));
    } else {
        let one = cast(&array.slice(row, 1), &DataType::Int64).map_err(|_| DISAGREES)?;
        let _ = write!(out, "{}", one.as_primitive::<arrow::datatypes::Int64Type>().value(0));
    }
    Ok(())
}

/// The shortest number that reads back as the same float; JSON has no other than finite ones.
fn float(value: f64, single: bool, out: &mut String) {
    let quote = if value.is_finite() { "" } else { "\"" };
    let _ =
        if single { write!(out, "{quote}{:?}{quote}", value as f32) } else { write!(out, "{quote}{value:?}{quote}") };
}

fn string(text: &str, out: &mut String) {
    // A text always has a JSON form.
    out.push_str(&serde_json::to_string(text).unwrap_or_default());
}

fn quoted(out: &mut String, ascii: &[u8]) {
    out.push('"');
    push(out, ascii);
    out.push('"');
}

fn push(out: &mut String, ascii: &[u8]) {
    out.push_str(std::str::from_utf8(ascii).unwrap_or_default());
}

/// ISO 8601, every part with its own sign, parts that are zero left out: `P1Y2M3DT4H5M6.5S`, `P-1M`, `PT0S`.
fn interval(months: i32, days: i32, micros: i64, out: &mut String) {
    if (months, days, micros) == (0, 0, 0) {
        out.push_str("PT0S");
        return;
    }
    out.push('P');
    for (value, unit) in [(months / 12, 'Y'), (months % 12, 'M'), (days, 'D')] {
        if value != 0 {
            let _ = write!(out, "{value}{unit}");
        }
    }
    if micros == 0 {
        return;
    }
    out.push('T');
    let seconds = micros / 1_000_000;
    for (value, unit) in [(seconds / 3600, 'H'), (seconds / 60 % 60, 'M')] {
        if value != 0 {
            let _ = write!(out, "{value}{unit}");
        }
    }
    let (seconds, fraction) = (seconds % 60, (micros % 1_000_000).unsigned_abs());
    if seconds == 0 && fraction == 0 {
        return;
    }
    let sign = if micros < 0 { "-" } else { "" };
    let _ = write!(out, "{sign}{}", seconds.unsigned_abs());
    if fraction > 0 {
        let _ = write!(out, ".{}", format!("{fraction:06}").trim_end_matches('0'));
    }
    out.push('S');
}

fn of<T: 'static>(array: &dyn Array) -> Result<&T, &'static str> {
    array.as_any().downcast_ref().ok_or(DISAGREES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Int16Array, ListBuilder, MapBuilder, StringBuilder};
    use arrow::datatypes::{Field, Fields};
    use dbferry_dialect::logical::StructField;
    use std::sync::Arc;

    fn made(array: &dyn Array, logical: &LogicalType) -> String {
        let mut out = String::new();
        text(array, logical, 0, &mut out).expect("a text");
        out
    }

    #[test]
    fn intervals_are_iso_8601() {
        let cases = [
            ((0, 0, 0), "PT0S"),
            ((14, 3, 14_706_500_000), "P1Y2M3DT4H5M6.5S"),
            ((-1, 0, 0), "P-1M"),
            ((0, -2, -1), "P-2DT-0.000001S"),
            ((0, 0, -3_600_000_000), "PT-1H"),
        ];
        for ((months, days, micros), expected) in cases {
            let mut out = String::new();
            interval(months, days, micros, &mut out);
            assert_eq!(out, expected);
        }
    }

    #[test]
    fn nested_values_are_json() {
        let mut list = ListBuilder::new(StringBuilder::new());
        list.append_value([Some("a\"b"), None, Some("ü")]);
        assert_eq!(made(&list.finish(), &LogicalType::Set { labels: vec![] }), r#"["a\"b",null,"ü"]"#);

        let mut map = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
        map.keys().append_value("k");
        map.values().append_null();
        map.append(true).expect("an entry");
        assert_eq!(made(&map.finish(), &LogicalType::Map), r#"{"k":null}"#);

        let fields = Fields::from(vec![
            Field::new("n", DataType::Int16, true),
            Field::new("f", DataType::Float64, true),
            Field::new("j", DataType::Utf8, true),
        ]);
        let array = StructArray::new(
            fields,
            vec![
                Arc::new(Int16Array::from(vec![-7])),
                Arc::new(Float64Array::from(vec![0.1])),
                Arc::new(StringArray::from(vec![r#"{"x": 1}"#])),
            ],
            None,
        );
        let logical = LogicalType::Struct {
            fields: vec![
                StructField { name: "n".into(), logical: LogicalType::Int { bits: 16, signed: true } },
                StructField { name: "f".into(), logical: LogicalType::FLOAT64 },
                StructField { name: "j".into(), logical: LogicalType::Json },
            ],
        };
        assert_eq!(made(&array, &logical), r#"{"n":-7,"f":0.1,"j":{"x": 1}}"#);
    }

    #[test]
    fn numerics_that_json_cannot_say_are_strings() {
        let array = StringArray::from(vec!["NaN"]);
        assert_eq!(made(&array, &LogicalType::Numeric), r#""NaN""#);
        let array = StringArray::from(vec!["12.50"]);
        assert_eq!(made(&array, &LogicalType::Numeric), "12.50");
    }

    #[test]
    fn wide_decimals() {
        let mut out = String::new();
        wide_decimal(i256::from_i128(-5), 40, &mut out);
        assert_eq!(out, format!("-0.{}5", "0".repeat(39)));
        wide_decimal(i256::from_i128(1234), 2, &mut out);
        assert_eq!(out, "12.34");
    }
}
