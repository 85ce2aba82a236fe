//! Nested values as JSON.
//!
//! A bool is `true` or `false`; whole numbers, decimals and finite floats are numbers with all their digits; NaN and
//! infinities, dates, times, intervals and UUIDs are strings; bytes are a string of hexadecimal digits; a JSON value stands
//! as it is, its null with a blank behind it, so that it is not the missing value; a list and a set are arrays; a struct is an
//! object by field name; a range is an object with `lower`, `upper`, `lower_inclusive`, `upper_inclusive` and `empty`; a map
//! is an object; a dynamic value is the member that is set.

use super::spell;
use crate::logical::{LogicalType, OpaqueForm};
use arrow::array::{Array, ArrowPrimitiveType, AsArray, RecordBatch, StructArray};
use arrow::datatypes::{DataType, Int32Type, Int64Type, TimestampMicrosecondType};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use std::borrow::Cow;

/// Why a value has no text, in words.
pub type Unwritten = Cow<'static, str>;

/// Appends the cell of that type as JSON.
///
/// # Errors
/// When the array is not of the type's carrier, or a member of it has no text.
pub fn json(array: &dyn Array, logical: &LogicalType, row: usize, out: &mut Vec<u8>) -> Result<(), Unwritten> {
    use LogicalType as L;
    if array.is_null(row) {
        out.extend_from_slice(b"null");
        return Ok(());
    }
    match logical {
        L::Bool | L::Int { .. } | L::Year | L::Decimal { .. } => display(array, row, out),
        L::Float { .. } => {
            let start = out.len();
            display(array, row, out)?;
            // `NaN` and `inf` are no numbers there.
            if out.last().is_some_and(|last| !last.is_ascii_digit()) {
                let text = String::from_utf8_lossy(&out.split_off(start)).into_owned();
                string(&text, out);
            }
            Ok(())
        }
        L::Numeric => {
            let digits = text(array, row)?;
            let plain = serde_json::from_str::<serde_json::Number>(digits).is_ok();
            if plain {
                out.extend_from_slice(digits.as_bytes());
            } else {
                string(digits, out);
            }
            Ok(())
        }
        L::Json => {
            let json = text(array, row)?;
            out.extend_from_slice(json.as_bytes());
            if json.trim() == "null" {
                out.push(b' ');
            }
            Ok(())
        }
        L::Text { .. }
        | L::Enum { .. }
        | L::Network { .. }
        | L::Bits { .. }
        | L::Opaque { form: OpaqueForm::Text, .. }
            if array.data_type() == &DataType::Utf8 =>
        {
            string(text(array, row)?, out);
            Ok(())
        }
        L::Bits { length: Some(length), .. } => {
            let bits = array.as_primitive_opt::<arrow::datatypes::UInt64Type>().ok_or_else(disagrees)?.value(row);
            out.push(b'"');
            spell::bits(bits, *length, out);
            out.push(b'"');
            Ok(())
        }
        L::Bytes { .. } | L::Geometry { .. } | L::Opaque { .. } => {
            out.push(b'"');
            let bytes = array.as_binary_opt::<i32>().ok_or_else(disagrees)?.value(row);
            bytes.iter().for_each(|byte| spell::hex(*byte, out));
            out.push(b'"');
            Ok(())
        }
        L::Uuid => {
            let bytes = array.as_fixed_size_binary_opt().ok_or_else(disagrees)?.value(row);
            out.push(b'"');
            spell::uuid(bytes, out);
            out.push(b'"');
            Ok(())
        }
        L::Instant { .. } => {
            let instants = array.as_primitive_opt::<TimestampMicrosecondType>().ok_or_else(disagrees)?;
            // Arrow only knows zones by name with a table that is not built in.
            let wall_clock = instants.slice(row, 1).with_timezone_opt(None::<&str>);
            out.push(b'"');
            display(&wall_clock, 0, out)?;
            out.extend_from_slice(b"Z\"");
            Ok(())
        }
        L::Set { .. } => list(array, &LogicalType::TEXT, row, out),
        L::List { element } => list(array, element, row, out),
        L::Struct { fields } => {
            object(array, fields.iter().map(|field| (field.name.as_str(), &field.logical)), row, out)
        }
        L::Range { element } => {
            let fields = [
                ("lower", &**element),
                ("upper", &**element),
                ("lower_inclusive", &L::Bool),
                ("upper_inclusive", &L::Bool),
                ("empty", &L::Bool),
            ];
            object(array, fields.into_iter(), row, out)
        }
        L::Interval => {
            let [months, days, micros] = struct_of(array)?.columns() else { return Err(disagrees()) };
            let (months, days) = (number::<Int32Type>(months, row)?, number::<Int32Type>(days, row)?);
            out.push(b'"');
            spell::interval(months, days, number::<Int64Type>(micros, row)?, out);
            out.push(b'"');
            Ok(())
        }
        L::TimeTz { .. } => {
            let [micros, offset] = struct_of(array)?.columns() else { return Err(disagrees()) };
            out.push(b'"');
            spell::time_with_offset(number::<Int64Type>(micros, row)?, number::<Int32Type>(offset, row)?, out);
            out.push(b'"');
            Ok(())
        }
        L::Span { .. } => {
            out.push(b'"');
            spell::span(number::<Int64Type>(array, row)?, out);
            out.push(b'"');
            Ok(())
        }
        L::Map => map(array, row, out),
        L::Dynamic => dynamic(struct_of(array)?, row, out),
        _ => {
            out.push(b'"');
            display(array, row, out)?;
            out.push(b'"');
            Ok(())
        }
    }
}

fn disagrees() -> Unwritten {
    Unwritten::Borrowed("the value's Arrow type does not agree with its logical type")
}

fn text(array: &dyn Array, row: usize) -> Result<&str, Unwritten> {
    Ok(array.as_string_opt::<i32>().ok_or_else(disagrees)?.value(row))
}

fn struct_of(array: &dyn Array) -> Result<&StructArray, Unwritten> {
    array.as_struct_opt().ok_or_else(disagrees)
}

fn string(text: &str, out: &mut Vec<u8>) {
    // Writing a string to memory cannot fail.
    let _ = serde_json::to_writer(out, text);
}

/// What Arrow itself shows: digits, ISO dates and times.
fn display(array: &dyn Array, row: usize, out: &mut Vec<u8>) -> Result<(), Unwritten> {
    let options = FormatOptions::new().with_display_error(false);
    let shown = ArrayFormatter::try_new(array, &options).and_then(|formatter| formatter.value(row).try_to_string());
    out.extend_from_slice(shown.map_err(|error| Unwritten::Owned(error.to_string()))?.as_bytes());
    Ok(())
}

fn list(array: &dyn Array, element: &LogicalType, row: usize, out: &mut Vec<u8>) -> Result<(), Unwritten> {
    let items = array.as_list_opt::<i32>().ok_or_else(disagrees)?.value(row);
    out.push(b'[');
    for item in 0..items.len() {
        if item > 0 {
            out.push(b',');
        }
        json(&items, element, item, out)?;
    }
    out.push(b']');
    Ok(())
}

fn number<T: ArrowPrimitiveType>(array: &dyn Array, row: usize) -> Result<T::Native, Unwritten> {
    Ok(array.as_primitive_opt::<T>().ok_or_else(disagrees)?.value(row))
}

fn object<'a>(
    array: &dyn Array,
    fields: impl Iterator<Item = (&'a str, &'a LogicalType)>,
    row: usize,
    out: &mut Vec<u8>,
) -> Result<(), Unwritten> {
    out.push(b'{');
    for (place, ((name, logical), member)) in fields.zip(struct_of(array)?.columns()).enumerate() {
        if place > 0 {
            out.push(b',');
        }
        string(name, out);
        out.push(b':');
        json(member, logical, row, out)?;
    }
    out.push(b'}');
    Ok(())
}

fn map(array: &dyn Array, row: usize, out: &mut Vec<u8>) -> Result<(), Unwritten> {
    let entries = RecordBatch::from(array.as_map_opt().ok_or_else(disagrees)?.value(row));
    let [keys, values] = entries.columns() else { return Err(disagrees()) };
    out.push(b'{');
    for entry in 0..entries.num_rows() {
        if entry > 0 {
            out.push(b',');
        }
        string(text(keys, entry)?, out);
        out.push(b':');
        json(values, &LogicalType::TEXT, entry, out)?;
    }
    out.push(b'}');
    Ok(())
}

/// Appends a dynamic value as plain text: digits, the text itself, or bytes as hexadecimal digits.
///
/// # Errors
/// When it has no member.
pub fn dynamic_text(members: &StructArray, row: usize, out: &mut Vec<u8>) -> Result<(), Unwritten> {
    let Some(member) = members.columns().iter().find(|member| member.is_valid(row)) else {
        return Err(Unwritten::Borrowed("a dynamic value has no member"));
    };
    if let Some(text) = member.as_string_opt::<i32>() {
        out.extend_from_slice(text.value(row).as_bytes());
    } else if let Some(bytes) = member.as_binary_opt::<i32>() {
        bytes.value(row).iter().for_each(|byte| spell::hex(*byte, out));
    } else {
        return display(member, row, out);
    }
    Ok(())
}

fn dynamic(members: &StructArray, row: usize, out: &mut Vec<u8>) -> Result<(), Unwritten> {
    let kinds = [LogicalType::INT64, LogicalType::FLOAT64, LogicalType::TEXT, LogicalType::BYTES];
    match members.columns().iter().zip(&kinds).find(|(member, _)| member.is_valid(row)) {
        Some((member, logical)) => json(member, logical, row, out),
        None => Err(Unwritten::Borrowed("a dynamic value has no member")),
    }
}
