//! Single values as people read them. It is a form for looking at, not for comparing: whether two values are equal is what
//! the row hash says.

use arrow::array::{Array, AsArray};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Decimal256Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, Time64MicrosecondType, TimestampMicrosecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use dbferry_dialect::{Exception, LogicalType, NativeValue};
use jiff::{SignedDuration, Timestamp, civil, tz::Offset};
use std::fmt::Write;

/// The most characters of one value that are kept. Of a longer one the rest is only counted.
const MOST_CHARACTERS: usize = 2_000;

/// How values of one column are put in order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum SortKey {
    Null,
    Number(i128),
    Text(String),
}

/// The place of a cell among those of its column: numbers and times by their size, everything else by its text.
pub(crate) fn sort_key(cells: &dyn Array, row: usize, text: &str) -> SortKey {
    if cells.is_null(row) {
        // The text of an exception, which has no value here; a mere null comes first.
        return if text == NULL { SortKey::Null } else { SortKey::Text(text.to_owned()) };
    }
    macro_rules! number {
        ($type:ty) => {
            SortKey::Number(cells.as_primitive::<$type>().value(row).into())
        };
    }
    match cells.data_type() {
        DataType::Int8 => number!(Int8Type),
        DataType::Int16 => number!(Int16Type),
        DataType::Int32 => number!(Int32Type),
        DataType::Int64 => number!(Int64Type),
        DataType::UInt8 => number!(UInt8Type),
        DataType::UInt16 => number!(UInt16Type),
        DataType::UInt32 => number!(UInt32Type),
        DataType::UInt64 => number!(UInt64Type),
        DataType::Date32 => number!(Date32Type),
        DataType::Time64(_) => number!(Time64MicrosecondType),
        DataType::Timestamp(..) => number!(TimestampMicrosecondType),
        DataType::Decimal128(..) => number!(Decimal128Type),
        _ => SortKey::Text(text.to_owned()),
    }
}

const NULL: &str = "null";

/// The text of a cell: of its exception, if it is one.
pub(crate) fn text(logical: &LogicalType, cells: &dyn Array, row: usize, exception: Option<&Exception>) -> String {
    let mut out = String::new();
    match exception {
        None => write_value(&mut out, logical, cells, row),
        Some(exception) => write_exception(&mut out, exception),
    }
    shorten(out)
}

/// The text of a cell as it stands, without the quotes that tell a text from a null: nothing for a null.
pub(crate) fn plain(
    logical: &LogicalType,
    cells: &dyn Array,
    row: usize,
    exception: Option<&Exception>,
) -> Option<String> {
    match (exception, cells.data_type()) {
        (None, _) if cells.is_null(row) => None,
        (None, DataType::Utf8) => Some(cells.as_string::<i32>().value(row).to_owned()),
        _ => Some(text(logical, cells, row, exception)),
    }
}

/// The beginning of a long text, and how long it is.
fn shorten(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(MOST_CHARACTERS) {
        let all = text.chars().count();
        text.truncate(end);
        push(&mut text, format_args!("... ({all} characters)"));
    }
    text
}

fn push(out: &mut String, what: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    _ = out.write_fmt(what);
}

fn write_exception(out: &mut String, exception: &Exception) {
    match &exception.value {
        NativeValue::Integer(value) => push(out, format_args!("{value}")),
        NativeValue::Real(value) => push(out, format_args!("{value:?}")),
        NativeValue::Text(value) => push(out, format_args!("'{value}'")),
        NativeValue::TextBytes(value) => {
            out.push_str("text ");
            write_bytes(out, value);
        }
        NativeValue::Bytes(value) => write_bytes(out, value),
    }
    push(out, format_args!(" ({})", exception.reason));
}

fn write_value(out: &mut String, logical: &LogicalType, cells: &dyn Array, row: usize) {
    if cells.is_null(row) {
        return out.push_str(NULL);
    }
    macro_rules! primitive {
        ($type:ty) => {
            cells.as_primitive::<$type>().value(row)
        };
    }
    match cells.data_type() {
        DataType::Boolean => push(out, format_args!("{}", cells.as_boolean().value(row))),
        DataType::Int8 => push(out, format_args!("{}", primitive!(Int8Type))),
        DataType::Int16 => push(out, format_args!("{}", primitive!(Int16Type))),
        DataType::Int32 => push(out, format_args!("{}", primitive!(Int32Type))),
        DataType::Int64 if matches!(logical, LogicalType::Span { .. }) => write_span(out, primitive!(Int64Type)),
        DataType::Int64 => push(out, format_args!("{}", primitive!(Int64Type))),
        DataType::UInt8 => push(out, format_args!("{}", primitive!(UInt8Type))),
        DataType::UInt16 => push(out, format_args!("{}", primitive!(UInt16Type))),
        DataType::UInt32 => push(out, format_args!("{}", primitive!(UInt32Type))),
        DataType::UInt64 => match logical {
            LogicalType::Bits { length: Some(length), .. } => {
                push(out, format_args!("b'{:0width$b}'", primitive!(UInt64Type), width = *length as usize));
            }
            _ => push(out, format_args!("{}", primitive!(UInt64Type))),
        },
        DataType::Float32 => push(out, format_args!("{:?}", primitive!(Float32Type))),
        DataType::Float64 => push(out, format_args!("{:?}", primitive!(Float64Type))),
        DataType::Decimal128(_, scale) => write_decimal(out, &primitive!(Decimal128Type).to_string(), *scale),
        DataType::Decimal256(_, scale) => write_decimal(out, &primitive!(Decimal256Type).to_string(), *scale),
        DataType::Date32 => write_date(out, primitive!(Date32Type)),
        DataType::Time64(_) => write_span(out, primitive!(Time64MicrosecondType)),
        DataType::Timestamp(_, zone) => write_timestamp(out, primitive!(TimestampMicrosecondType), zone.is_some()),
        DataType::Utf8 => write_text(out, logical, cells.as_string::<i32>().value(row)),
        DataType::Binary => write_bytes(out, cells.as_binary::<i32>().value(row)),
        DataType::FixedSizeBinary(_) => write_uuid(out, cells.as_fixed_size_binary().value(row)),
        DataType::List(_) => {
            let items = cells.as_list::<i32>().value(row);
            let element = match logical {
                LogicalType::List { element } => element,
                _ => &LogicalType::TEXT,
            };
            sequence(out, ['[', ']'], items.len(), |out, position| write_value(out, element, &items, position));
        }
        DataType::Struct(_) => write_struct(out, logical, cells, row),
        DataType::Map(..) => {
            let entries = cells.as_map().value(row);
            sequence(out, ['{', '}'], entries.len(), |out, position| {
                write_value(out, &LogicalType::TEXT, entries.column(0), position);
                out.push_str(": ");
                write_value(out, &LogicalType::TEXT, entries.column(1), position);
            });
        }
        // No logical type is carried so.
        other => push(out, format_args!("a value of {other}")),
    }
}

fn write_text(out: &mut String, logical: &LogicalType, text: &str) {
    match logical {
        // Their texts cannot be taken for a null.
        LogicalType::Numeric | LogicalType::Network { .. } => out.push_str(text),
        _ => push(out, format_args!("'{text}'")),
    }
}

fn write_struct(out: &mut String, logical: &LogicalType, cells: &dyn Array, row: usize) {
    let cells = cells.as_struct();
    let part = |position: usize| cells.column(position);
    let whole = |position: usize| -> i64 {
        let part = part(position);
        match part.data_type() {
            DataType::Int32 => part.as_primitive::<Int32Type>().value(row).into(),
            _ => part.as_primitive::<Int64Type>().value(row),
        }
    };
    match logical {
        LogicalType::Dynamic => {
            let types = [LogicalType::INT64, LogicalType::FLOAT64, LogicalType::TEXT, LogicalType::BYTES];
            let set = types.iter().enumerate().find(|(position, _)| part(*position).is_valid(row));
            match set {
                Some((position, logical)) => write_value(out, logical, part(position), row),
                None => out.push_str(NULL),
            }
        }
        LogicalType::TimeTz { .. } => {
            write_span(out, whole(0));
            let offset = whole(1);
            push(out, format_args!("{}", if offset < 0 { '-' } else { '+' }));
            write_span(out, offset.abs().saturating_mul(1_000_000));
        }
        LogicalType::Interval => {
            push(out, format_args!("{} months {} days ", whole(0), whole(1)));
            write_span(out, whole(2));
        }
        LogicalType::Range { element } => {
            let is = |position: usize| part(position).is_valid(row) && part(position).as_boolean().value(row);
            if is(4) {
                return out.push_str("empty");
            }
            out.push(if is(2) { '[' } else { '(' });
            for (position, separator) in [(0, ","), (1, "")] {
                // An absent bound is open.
                if part(position).is_valid(row) {
                    write_value(out, element, part(position), row);
                }
                out.push_str(separator);
            }
            out.push(if is(3) { ']' } else { ')' });
        }
        LogicalType::Struct { fields } => sequence(out, ['{', '}'], fields.len(), |out, position| {
            push(out, format_args!("{}: ", fields[position].name));
            write_value(out, &fields[position].logical, part(position), row);
        }),
        // No other logical type is carried as a struct.
        _ => out.push_str("{...}"),
    }
}

fn sequence(out: &mut String, [open, close]: [char; 2], length: usize, item: impl Fn(&mut String, usize)) {
    out.push(open);
    for position in 0..length {
        if position > 0 {
            out.push_str(", ");
        }
        item(out, position);
    }
    out.push(close);
}

fn write_decimal(out: &mut String, digits: &str, scale: i8) {
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits), |digits| ("-", digits));
    let scale = usize::try_from(scale).unwrap_or(0);
    if scale == 0 {
        return push(out, format_args!("{sign}{digits}"));
    }
    let padded = format!("{digits:0>width$}", width = scale + 1);
    let (whole, fraction) = padded.split_at(padded.len() - scale);
    push(out, format_args!("{sign}{whole}.{fraction}"));
}

fn write_date(out: &mut String, days: i32) {
    let day = civil::date(1970, 1, 1).checked_add(SignedDuration::from_hours(i64::from(days) * 24));
    match day {
        Ok(day) => push(out, format_args!("{day}")),
        Err(_) => push(out, format_args!("day {days} from 1970-01-01")),
    }
}

fn write_timestamp(out: &mut String, micros: i64, utc: bool) {
    match Timestamp::from_microsecond(micros) {
        Ok(instant) if utc => push(out, format_args!("{instant}")),
        Ok(instant) => {
            let local = Offset::UTC.to_datetime(instant);
            push(out, format_args!("{} {}", local.date(), local.time()));
        }
        Err(_) => push(out, format_args!("{micros} us from 1970-01-01")),
    }
}

/// `-838:59:59.5`.
fn write_span(out: &mut String, micros: i64) {
    let sign = if micros < 0 { "-" } else { "" };
    let micros = micros.unsigned_abs();
    let (seconds, fraction) = (micros / 1_000_000, micros % 1_000_000);
    push(out, format_args!("{sign}{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60));
    if fraction > 0 {
        push(out, format_args!(".{}", format!("{fraction:06}").trim_end_matches('0')));
    }
}

fn write_uuid(out: &mut String, bytes: &[u8]) {
    for (position, byte) in bytes.iter().enumerate() {
        if matches!(position, 4 | 6 | 8 | 10) {
            out.push('-');
        }
        push(out, format_args!("{byte:02x}"));
    }
}

fn write_bytes(out: &mut String, bytes: &[u8]) {
    const MOST_BYTES: usize = MOST_CHARACTERS / 4;
    out.push_str("x'");
    for byte in bytes.iter().take(MOST_BYTES) {
        push(out, format_args!("{byte:02x}"));
    }
    out.push('\'');
    if bytes.len() > MOST_BYTES {
        push(out, format_args!("... ({} bytes)", bytes.len()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{
        ArrayRef, BinaryArray, Date32Array, Decimal128Array, FixedSizeBinaryArray, Float64Array, Int64Array,
        StringArray, TimestampMicrosecondArray,
    };
    use dbferry_dialect::ExceptionReason;
    use std::sync::Arc;

    fn shown(logical: &LogicalType, cells: &ArrayRef) -> Vec<String> {
        (0..cells.len()).map(|row| text(logical, cells, row, None)).collect()
    }

    #[test]
    fn values_look_as_people_write_them() {
        let decimals = Decimal128Array::from(vec![5, -5, 12_345, 0]).with_precision_and_scale(10, 2).expect("decimals");
        let uuid = FixedSizeBinaryArray::try_from_iter(std::iter::once([0x1f_u8; 16])).expect("a uuid");
        let cases: [(LogicalType, ArrayRef, &[&str]); 9] = [
            (
                LogicalType::TEXT,
                Arc::new(StringArray::from(vec![Some("a"), Some("null"), None])),
                &["'a'", "'null'", "null"],
            ),
            (
                LogicalType::Decimal { precision: 10, scale: 2 },
                Arc::new(decimals),
                &["0.05", "-0.05", "123.45", "0.00"],
            ),
            (
                LogicalType::Date,
                Arc::new(Date32Array::from(vec![0, 20_000, i32::MAX])),
                &["1970-01-01", "2024-10-04", "day 2147483647 from 1970-01-01"],
            ),
            (
                LogicalType::Timestamp { precision: 6 },
                Arc::new(TimestampMicrosecondArray::from(vec![1_500_000, i64::MAX])),
                &["1970-01-01 00:00:01.5", "9223372036854775807 us from 1970-01-01"],
            ),
            (
                LogicalType::Instant { precision: 6 },
                Arc::new(TimestampMicrosecondArray::from(vec![-1]).with_timezone("UTC")),
                &["1969-12-31T23:59:59.999999Z"],
            ),
            (LogicalType::Span { precision: 6 }, Arc::new(Int64Array::from(vec![-3_020_399_000_000])), &["-838:59:59"]),
            (LogicalType::FLOAT64, Arc::new(Float64Array::from(vec![0.0, -0.0, f64::NAN])), &["0.0", "-0.0", "NaN"]),
            (LogicalType::BYTES, Arc::new(BinaryArray::from(vec![&[0_u8, 255][..]])), &["x'00ff'"]),
            (LogicalType::Uuid, Arc::new(uuid), &["1f1f1f1f-1f1f-1f1f-1f1f-1f1f1f1f1f1f"]),
        ];
        for (logical, cells, expected) in cases {
            assert_eq!(shown(&logical, &cells), expected, "{logical}");
        }
    }

    #[test]
    fn long_values_end_somewhere() {
        let long: ArrayRef = Arc::new(StringArray::from(vec!["ä".repeat(5_000)]));
        let text = shown(&LogicalType::TEXT, &long).remove(0);
        assert!(text.ends_with("ä... (5002 characters)"), "{}", &text[text.len() - 50..]);
        let long: ArrayRef = Arc::new(BinaryArray::from(vec![&[7_u8; 5_000][..]]));
        assert!(shown(&LogicalType::BYTES, &long)[0].ends_with("07'... (5000 bytes)"));
    }

    #[test]
    fn an_exception_shows_its_value_and_why_it_is_one() {
        let cells: ArrayRef = Arc::new(Int64Array::from(vec![None]));
        let value = NativeValue::Text("abc".into());
        let exception = Exception { row: 0, column: 0, reason: ExceptionReason::StorageClass, value };
        let text = text(&LogicalType::INT64, &cells, 0, Some(&exception));
        assert_eq!(text, "'abc' (storage-class)");
        assert!(sort_key(&cells, 0, "null") < sort_key(&cells, 0, &text));
    }

    #[test]
    fn keys_are_in_the_order_of_their_values() {
        let cells: ArrayRef = Arc::new(Int64Array::from(vec![Some(10), Some(9), None]));
        let key = |row| sort_key(&cells, row, if row == 2 { "null" } else { "x" });
        assert!(key(2) < key(1) && key(1) < key(0));
    }
}
