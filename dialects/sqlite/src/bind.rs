//! Arrow columns to SQLite values: what is bound for each cell.
//!
//! One [`Encoder`] a column is chosen once a batch; a cell then costs one `match` and one `sqlite3_bind_*`, without an
//! allocation of ours. Not here: statements and rows ([`crate::replace`]), and the way back (`read`).
//!
//! Which value a cell becomes is decided by the column's logical type and by its native parameter `encoding`, which only a
//! column that was read from SQLite has:
//!
//! | `encoding` | stored as |
//! |---|---|
//! | `integer` | INTEGER; a bool is 0 or 1 |
//! | `real` | REAL |
//! | `text`, `blob` | TEXT, BLOB |
//! | `number` | decimal: INTEGER when integral, else REAL; numeric: INTEGER when it is only a sign and digits, else REAL |
//! | `iso-date` | TEXT `YYYY-MM-DD` |
//! | `iso-space.N`, `iso-t.N` | TEXT `YYYY-MM-DD HH:MM:SS[.f]`, `YYYY-MM-DDTHH:MM:SS[.f]`, N digits of fraction |
//!
//! A column without it comes from another dialect:
//!
//! | logical type | stored as |
//! |---|---|
//! | bool, integers, year | INTEGER; an unsigned number above 2^63-1 is TEXT |
//! | floats | REAL; NaN is refused, because SQLite would turn it into NULL, and so is a negative zero, which would become zero |
//! | decimal, numeric | TEXT, a decimal with all digits of its scale |
//! | text, enum, network, json, opaque text | TEXT |
//! | bytes, geometry, opaque binary | BLOB |
//! | date | TEXT `YYYY-MM-DD`; years outside 0000 to 9999 with a sign |
//! | time, timetz | TEXT `HH:MM:SS[.f]`, `HH:MM:SS[.f]+HH:MM[:SS]` |
//! | timestamp | TEXT `YYYY-MM-DD HH:MM:SS[.f]` |
//! | instant | TEXT `YYYY-MM-DDTHH:MM:SS[.f]Z` |
//! | interval | TEXT, ISO 8601: `P1Y2M3DT4H5M6.5S` |
//! | span | TEXT `[-]HHH:MM:SS[.f]` |
//! | uuid | TEXT, 36 lower-case characters |
//! | bits | TEXT of 0 and 1 |
//! | set, list, struct, range, map | TEXT, JSON ([`nested`](dbferry_dialect::nested)) |
//! | dynamic | the member that is set |
//!
//! `.f` is the column's precision in digits; a value with a finer fraction is written with six digits, so that nothing is
//! cut off.

pub(crate) mod number;
pub(crate) mod time;

use arrow::array::{
    Array, AsArray, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Decimal256Array, FixedSizeBinaryArray,
    Float32Array, Float64Array, Int8Array, Int16Array, Int32Array, Int64Array, StringArray, StructArray,
    Time64MicrosecondArray, TimestampMicrosecondArray, UInt8Array, UInt16Array, UInt32Array, UInt64Array,
};
use arrow::datatypes::{Int32Type, Int64Type};
use dbferry_dialect::logical::{LogicalType, OpaqueForm};
use dbferry_dialect::{Column, Error, ErrorKind, NativeValue, Result, nested};
use rusqlite::Statement;
use rusqlite::types::{ToSqlOutput, ValueRef};
use time::{Separator, Stack};

/// Why a cell could not be bound.
pub(crate) enum BindError {
    /// SQLite refused the value (too big, out of memory).
    Sqlite(rusqlite::Error),
    /// SQLite has no value that means the same.
    Value(&'static str),
}

impl From<rusqlite::Error> for BindError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

/// Room for values whose text is made while binding; one for a whole batch, so that a cell does not allocate.
#[derive(Default)]
pub(crate) struct Scratch {
    text: String,
    bytes: Vec<u8>,
}

/// How the cells of one column become SQLite values.
pub(crate) enum Encoder<'a> {
    Bool(&'a BooleanArray),
    Int8(&'a Int8Array),
    Int16(&'a Int16Array),
    Int32(&'a Int32Array),
    Int64(&'a Int64Array),
    UInt8(&'a UInt8Array),
    UInt16(&'a UInt16Array),
    UInt32(&'a UInt32Array),
    /// The flag says whether the target column keeps a text of digits as it is.
    UInt64(&'a UInt64Array, bool),
    Float32(&'a Float32Array),
    Float64(&'a Float64Array),
    /// A decimal as INTEGER or REAL.
    DecimalNumber(&'a Decimal128Array, u8),
    DecimalText(&'a Decimal128Array, u8),
    WideDecimalText(&'a Decimal256Array),
    /// A numeric text as INTEGER or REAL.
    NumericNumber(&'a StringArray),
    Text(&'a StringArray),
    Bytes(&'a BinaryArray),
    UuidText(&'a FixedSizeBinaryArray),
    UuidBytes(&'a FixedSizeBinaryArray),
    Date(&'a Date32Array),
    Time(&'a Time64MicrosecondArray, u8),
    Timestamp(&'a TimestampMicrosecondArray, Separator, u8),
    Instant(&'a TimestampMicrosecondArray, u8),
    Span(&'a Int64Array, u8),
    Bits(&'a UInt64Array, u32),
    Dynamic(Dynamic<'a>),
    /// Everything whose text takes more than a few bytes to make: intervals, times with an offset, nested values.
    Made(&'a dyn Array, &'a LogicalType),
}

/// The members of a dynamic column.
pub(crate) struct Dynamic<'a> {
    cell: &'a StructArray,
    integer: &'a Int64Array,
    real: &'a Float64Array,
    text: &'a StringArray,
    bytes: &'a BinaryArray,
}

impl<'a> Encoder<'a> {
    /// The encoder for `array`, which carries `column`; `keeps_text` says whether the target's column stores a text that
    /// looks like a number as text (its affinity is TEXT or BLOB).
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] when the array is not of the column's Arrow type.
    pub(crate) fn new(array: &'a dyn Array, column: &'a Column, keeps_text: bool) -> Result<Self> {
        let encoding = column.native.parameters.get("encoding").map(String::as_str);
        Ok(match &column.logical {
            LogicalType::Bool => Self::Bool(downcast(array, column)?),
            LogicalType::Int { bits: 8, signed: true } => Self::Int8(downcast(array, column)?),
            LogicalType::Int { bits: 16, signed: true } | LogicalType::Year => Self::Int16(downcast(array, column)?),
            LogicalType::Int { bits: 32, signed: true } => Self::Int32(downcast(array, column)?),
            LogicalType::Int { signed: true, .. } => Self::Int64(downcast(array, column)?),
            LogicalType::Int { bits: 8, .. } => Self::UInt8(downcast(array, column)?),
            LogicalType::Int { bits: 16, .. } => Self::UInt16(downcast(array, column)?),
            LogicalType::Int { bits: 32, .. } => Self::UInt32(downcast(array, column)?),
            LogicalType::Int { .. } => Self::UInt64(downcast(array, column)?, keeps_text),
            LogicalType::Decimal { precision, scale } if *precision <= 38 => match encoding {
                Some("number") => Self::DecimalNumber(downcast(array, column)?, *scale),
                _ => Self::DecimalText(downcast(array, column)?, *scale),
            },
            LogicalType::Decimal { .. } => Self::WideDecimalText(downcast(array, column)?),
            LogicalType::Numeric if encoding == Some("number") => Self::NumericNumber(downcast(array, column)?),
            LogicalType::Float { bits: 32 } => Self::Float32(downcast(array, column)?),
            LogicalType::Float { .. } => Self::Float64(downcast(array, column)?),
            LogicalType::Date => Self::Date(downcast(array, column)?),
            LogicalType::Time { precision } => Self::Time(downcast(array, column)?, *precision),
            LogicalType::Timestamp { precision } => {
                let (separator, digits) = timestamp_encoding(encoding).unwrap_or((Separator::Space, *precision));
                Self::Timestamp(downcast(array, column)?, separator, digits)
            }
            LogicalType::Instant { precision } => Self::Instant(downcast(array, column)?, *precision),
            LogicalType::Span { precision } => Self::Span(downcast(array, column)?, *precision),
            LogicalType::Uuid if encoding == Some("blob") => Self::UuidBytes(downcast(array, column)?),
            LogicalType::Uuid => Self::UuidText(downcast(array, column)?),
            LogicalType::Bits { length: Some(length @ 1..=64), varying: false } => {
                Self::Bits(downcast(array, column)?, *length)
            }
            LogicalType::Bytes { .. }
            | LogicalType::Geometry { .. }
            | LogicalType::Opaque { form: OpaqueForm::Binary, .. } => Self::Bytes(downcast(array, column)?),
            LogicalType::Dynamic => Self::Dynamic(Dynamic::new(downcast(array, column)?, column)?),
            LogicalType::Numeric
            | LogicalType::Text { .. }
            | LogicalType::Json
            | LogicalType::Enum { .. }
            | LogicalType::Bits { .. }
            | LogicalType::Network { .. }
            | LogicalType::Opaque { .. } => Self::Text(downcast(array, column)?),
            _ => Self::Made(array, &column.logical),
        })
    }

    /// Binds the cell of `row` to the parameter at `index`, counted from 1.
    #[inline]
    pub(crate) fn bind(
        &self,
        row: usize,
        index: usize,
        statement: &mut Statement<'_>,
        scratch: &mut Scratch,
    ) -> Result<(), BindError> {
        /// Binds NULL or what the expression makes of the cell.
        macro_rules! cell {
            ($array:expr, $value:ident => $bound:expr) => {
                if $array.is_null(row) {
                    ValueRef::Null
                } else {
                    let $value = $array.value(row);
                    $bound
                }
            };
        }
        let mut stack = Stack::default();
        let value = match self {
            Self::Bool(array) => cell!(array, v => ValueRef::Integer(i64::from(v))),
            Self::Int8(array) => cell!(array, v => ValueRef::Integer(i64::from(v))),
            Self::Int16(array) => cell!(array, v => ValueRef::Integer(i64::from(v))),
            Self::Int32(array) => cell!(array, v => ValueRef::Integer(i64::from(v))),
            Self::Int64(array) => cell!(array, v => ValueRef::Integer(v)),
            Self::UInt8(array) => cell!(array, v => ValueRef::Integer(i64::from(v))),
            Self::UInt16(array) => cell!(array, v => ValueRef::Integer(i64::from(v))),
            Self::UInt32(array) => cell!(array, v => ValueRef::Integer(i64::from(v))),
            Self::UInt64(array, keeps_text) => cell!(array, v => match i64::try_from(v) {
                Ok(v) => ValueRef::Integer(v),
                Err(_) if *keeps_text => ValueRef::Text(stack.unsigned(v)),
                Err(_) => return Err(BindError::Value(
                    "a whole number above 9223372036854775807 would become a float in a column of this type",
                )),
            }),
            Self::Float32(array) => cell!(array, v => of_column(f64::from(v))?),
            Self::Float64(array) => cell!(array, v => of_column(v)?),
            Self::DecimalNumber(array, scale) => cell!(array, v => number::decimal(v, *scale, &mut stack)),
            Self::DecimalText(array, scale) => cell!(array, v => ValueRef::Text(stack.decimal(v, *scale))),
            Self::WideDecimalText(array) => cell!(array, v => {
                number::wide_decimal(v, array.scale(), &mut scratch.text);
                ValueRef::Text(scratch.text.as_bytes())
            }),
            Self::NumericNumber(array) => cell!(array, v => match number::numeric(v) {
                Some(value) => value,
                None => return Err(BindError::Value("this text is not a number")),
            }),
            Self::Text(array) => cell!(array, v => ValueRef::Text(v.as_bytes())),
            Self::Bytes(array) => cell!(array, v => ValueRef::Blob(v)),
            Self::UuidText(array) => cell!(array, v => ValueRef::Text(stack.uuid(v))),
            Self::UuidBytes(array) => cell!(array, v => ValueRef::Blob(v)),
            Self::Date(array) => cell!(array, v => ValueRef::Text(stack.date(v))),
            Self::Time(array, digits) => cell!(array, v => ValueRef::Text(stack.time(v, *digits))),
            Self::Timestamp(array, separator, digits) => {
                cell!(array, v => ValueRef::Text(stack.timestamp(v, *separator, *digits)))
            }
            Self::Instant(array, digits) => cell!(array, v => ValueRef::Text(stack.instant(v, *digits))),
            Self::Span(array, digits) => cell!(array, v => ValueRef::Text(stack.span(v, *digits))),
            Self::Bits(array, length) => cell!(array, v => ValueRef::Text(stack.bits(v, *length))),
            Self::Dynamic(members) => members.value(row)?,
            Self::Made(array, logical) => {
                if array.is_null(row) {
                    ValueRef::Null
                } else {
                    scratch.bytes.clear();
                    spelled(*array, logical, row, &mut scratch.bytes).map_err(|_| BindError::Value(DISAGREES))?;
                    ValueRef::Text(&scratch.bytes)
                }
            }
        };
        statement.raw_bind_parameter(index, ToSqlOutput::Borrowed(value))?;
        Ok(())
    }
}

/// Binds the value of an exception to the parameter at `index`.
///
/// A text whose bytes are not well-formed is bound as text, which a database in UTF-8 takes as it is, or as a blob where the
/// statement casts it (`is_cast`).
pub(crate) fn bind_native(
    value: &NativeValue,
    is_cast: bool,
    index: usize,
    statement: &mut Statement<'_>,
) -> Result<(), BindError> {
    let value = match value {
        NativeValue::Integer(value) => ValueRef::Integer(*value),
        NativeValue::Real(value) => real(*value)?,
        NativeValue::Text(text) => ValueRef::Text(text.as_bytes()),
        NativeValue::TextBytes(bytes) if is_cast => ValueRef::Blob(bytes),
        NativeValue::TextBytes(bytes) => ValueRef::Text(bytes),
        NativeValue::Bytes(bytes) => ValueRef::Blob(bytes),
    };
    statement.raw_bind_parameter(index, ToSqlOutput::Borrowed(value))?;
    Ok(())
}

const DISAGREES: &str = "the value's Arrow type does not agree with its logical type";

/// Appends the text of a cell that is not null and that SQLite has no type for.
fn spelled(array: &dyn Array, logical: &LogicalType, row: usize, out: &mut Vec<u8>) -> Result<(), nested::Unwritten> {
    let member = |place: usize| array.as_struct_opt().and_then(|parts| parts.columns().get(place));
    let small = |place| Some(member(place)?.as_primitive_opt::<Int32Type>()?.value(row));
    let large = |place| Some(member(place)?.as_primitive_opt::<Int64Type>()?.value(row));
    match logical {
        LogicalType::Interval => {
            let (Some(months), Some(days), Some(micros)) = (small(0), small(1), large(2)) else {
                return Err(DISAGREES.into());
            };
            nested::interval(months, days, micros, out);
            Ok(())
        }
        LogicalType::TimeTz { .. } => {
            let (Some(micros), Some(offset)) = (large(0), small(1)) else { return Err(DISAGREES.into()) };
            nested::time_with_offset(micros, offset, out);
            Ok(())
        }
        _ => nested::json(array, logical, row, out),
    }
}

/// SQLite stores NaN as NULL, which would be a silent change.
fn real<'v>(value: f64) -> Result<ValueRef<'v>, BindError> {
    if value.is_nan() { Err(BindError::Value("SQLite cannot store NaN")) } else { Ok(ValueRef::Real(value)) }
}

/// Columns of floats keep whole ones as integers, which have no negative zero: that would be a silent change too.
fn of_column<'v>(value: f64) -> Result<ValueRef<'v>, BindError> {
    if value == 0.0 && value.is_sign_negative() {
        return Err(BindError::Value("SQLite's REAL columns cannot store a negative zero"));
    }
    real(value)
}

impl<'a> Dynamic<'a> {
    fn new(cell: &'a StructArray, column: &Column) -> Result<Self> {
        let [integer, real, text, bytes] = cell.columns() else { return Err(not_carried(cell, column)) };
        Ok(Self {
            cell,
            integer: downcast(integer, column)?,
            real: downcast(real, column)?,
            text: downcast(text, column)?,
            bytes: downcast(bytes, column)?,
        })
    }

    #[inline]
    fn value(&self, row: usize) -> Result<ValueRef<'a>, BindError> {
        Ok(if self.cell.is_null(row) {
            ValueRef::Null
        } else if self.integer.is_valid(row) {
            ValueRef::Integer(self.integer.value(row))
        } else if self.text.is_valid(row) {
            ValueRef::Text(self.text.value(row).as_bytes())
        } else if self.real.is_valid(row) {
            real(self.real.value(row))?
        } else if self.bytes.is_valid(row) {
            ValueRef::Blob(self.bytes.value(row))
        } else {
            ValueRef::Null
        })
    }
}

/// `iso-space.3`, `iso-t.0`: the separator and the digits of the fraction.
fn timestamp_encoding(encoding: Option<&str>) -> Option<(Separator, u8)> {
    let (style, digits) = encoding?.split_once('.')?;
    let separator = match style {
        "iso-space" => Separator::Space,
        "iso-t" => Separator::T,
        _ => return None,
    };
    Some((separator, digits.parse().ok().filter(|digits| *digits <= 6)?))
}

fn downcast<'a, T: 'static>(array: &'a dyn Array, column: &Column) -> Result<&'a T> {
    array.as_any().downcast_ref().ok_or_else(|| not_carried(array, column))
}

fn not_carried(array: &dyn Array, column: &Column) -> Error {
    let text = format!("a batch carries {} as Arrow type {}", column.logical, array.data_type());
    Error::new(ErrorKind::Internal, text).with("column", &column.name)
}

#[cfg(test)]
mod tests;
