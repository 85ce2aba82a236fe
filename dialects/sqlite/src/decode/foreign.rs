//! Columns of other dialects: what restoring them into SQLite wrote, read back so that the copy can be proven.
//!
//! Only the meaning must come back here, not a spelling: fractions may be shorter than the type's precision, and a number
//! may have been stored as text where the column's affinity made it one.

use super::{Taken, refuse_unless_null, spelling, unsupported};
use crate::number::Decimal;
use crate::temporal::{Separator, span, wide_date, wide_time, wide_timestamp};
use arrow::array::{
    ArrayRef, BinaryBuilder, Date32Array, Decimal128Array, Decimal256Array, Float32Array, Int8Array, Int16Array,
    Int32Array, Int64Array, StringBuilder, Time64MicrosecondArray, TimestampMicrosecondArray, UInt8Array, UInt16Array,
    UInt32Array, UInt64Array,
};
use arrow::datatypes::i256;
use dbferry_dialect::logical::OpaqueForm;
use dbferry_dialect::nested::Nested;
use dbferry_dialect::{Column, ExceptionReason, LogicalType, Result};
use rusqlite::types::ValueRef;
use std::sync::Arc;

/// The decoder of a column of another dialect.
pub(crate) enum Foreign {
    Text(StringBuilder),
    Bytes(BinaryBuilder),
    /// A fixed width; the values are kept wide and made narrow at the end of the batch.
    Fixed(Vec<Option<i256>>, Form),
    Float32(Vec<Option<f32>>),
    /// Lists, structs and the like, intervals and times with an offset: texts.
    Nested(Nested),
}

/// What a value of fixed width is spelled like and carried as.
#[derive(Clone, Copy)]
pub(crate) enum Form {
    Signed(u8),
    Unsigned(u8),
    Year,
    Decimal { precision: u8, scale: u8 },
    Date,
    Time,
    Timestamp,
    Instant,
    Span,
    Bits(u32),
}

impl Foreign {
    /// The decoder for `column`.
    pub(super) fn new(column: &Column) -> Result<Self> {
        let fixed = |form| Ok(Self::Fixed(Vec::new(), form));
        match &column.logical {
            LogicalType::Int { bits, signed: true } => fixed(Form::Signed(*bits)),
            LogicalType::Int { bits, .. } => fixed(Form::Unsigned(*bits)),
            LogicalType::Year => fixed(Form::Year),
            LogicalType::Decimal { precision, scale } => fixed(Form::Decimal { precision: *precision, scale: *scale }),
            LogicalType::Date => fixed(Form::Date),
            LogicalType::Time { .. } => fixed(Form::Time),
            LogicalType::Timestamp { .. } => fixed(Form::Timestamp),
            LogicalType::Instant { .. } => fixed(Form::Instant),
            LogicalType::Span { .. } => fixed(Form::Span),
            LogicalType::Bits { length: Some(length @ 1..=64), varying: false } => fixed(Form::Bits(*length)),
            LogicalType::Float { bits: 32 } => Ok(Self::Float32(Vec::new())),
            LogicalType::Numeric
            | LogicalType::Json
            | LogicalType::Enum { .. }
            | LogicalType::Network { .. }
            | LogicalType::Bits { .. }
            | LogicalType::Opaque { form: OpaqueForm::Text, .. } => Ok(Self::Text(StringBuilder::new())),
            LogicalType::Geometry { .. } | LogicalType::Opaque { .. } => Ok(Self::Bytes(BinaryBuilder::new())),
            logical => Nested::new(logical).map(Self::Nested).ok_or_else(|| unsupported(column)),
        }
    }

    pub(super) fn push(&mut self, value: ValueRef<'_>) -> Taken {
        match (self, value) {
            (Self::Text(builder), ValueRef::Text(bytes)) => match std::str::from_utf8(bytes) {
                Ok(text) => {
                    builder.append_value(text);
                    Ok(text.len())
                }
                Err(_) => {
                    builder.append_null();
                    Err(ExceptionReason::InvalidUtf8)
                }
            },
            (Self::Text(builder), other) => refuse_unless_null(other, || builder.append_null()),
            (Self::Bytes(builder), ValueRef::Blob(bytes)) => {
                builder.append_value(bytes);
                Ok(bytes.len())
            }
            (Self::Bytes(builder), other) => refuse_unless_null(other, || builder.append_null()),
            (Self::Float32(values), ValueRef::Real(value)) if f64::from(value as f32) == value => {
                values.push(Some(value as f32));
                Ok(0)
            }
            (Self::Float32(values), ValueRef::Real(_)) => {
                values.push(None);
                Err(ExceptionReason::Precision)
            }
            (Self::Float32(values), other) => refuse_unless_null(other, || values.push(None)),
            (Self::Nested(cells), ValueRef::Text(text)) => match cells.push(text) {
                Ok(()) => Ok(text.len()),
                Err(reason) => {
                    cells.push_null();
                    Err(reason)
                }
            },
            (Self::Nested(cells), other) => refuse_unless_null(other, || cells.push_null()),
            (Self::Fixed(values, _), ValueRef::Null) => {
                values.push(None);
                Ok(0)
            }
            (Self::Fixed(values, form), value) => match form.parse(value) {
                Ok(value) => {
                    values.push(Some(value));
                    Ok(0)
                }
                Err(reason) => {
                    values.push(None);
                    Err(reason)
                }
            },
        }
    }

    pub(super) fn finish(&mut self) -> Result<ArrayRef> {
        Ok(match self {
            Self::Text(builder) => Arc::new(builder.finish()),
            Self::Bytes(builder) => Arc::new(builder.finish()),
            Self::Float32(values) => Arc::new(std::mem::take(values).into_iter().collect::<Float32Array>()),
            Self::Fixed(values, form) => form.array(&std::mem::take(values))?,
            Self::Nested(cells) => cells.finish()?,
        })
    }
}

impl Form {
    fn parse(self, value: ValueRef<'_>) -> Result<i256, ExceptionReason> {
        let number = match (self, value) {
            (Self::Decimal { precision, scale }, ValueRef::Text(text)) => {
                return decimal(text, precision, scale).ok_or_else(|| spelling(text, ExceptionReason::Precision));
            }
            // A column of numeric affinity, which the user's own type may be, has made numbers of the texts.
            (Self::Decimal { precision, scale }, ValueRef::Integer(value)) => {
                return narrow(precision, scale)?.of_integer(value).map(i256::from_i128);
            }
            (Self::Decimal { precision, scale }, ValueRef::Real(value)) => {
                return narrow(precision, scale)?.of_real(value).map(i256::from_i128);
            }
            (Self::Signed(_) | Self::Unsigned(_) | Self::Year, ValueRef::Integer(value)) => i128::from(value),
            (Self::Signed(_) | Self::Unsigned(_) | Self::Year, ValueRef::Text(text)) => std::str::from_utf8(text)
                .map_err(|_| ExceptionReason::InvalidUtf8)?
                .parse()
                .map_err(|_| ExceptionReason::StorageClass)?,
            (_, ValueRef::Text(text)) => self.text(text).ok_or_else(|| spelling(text, ExceptionReason::Precision))?,
            _ => return Err(ExceptionReason::StorageClass),
        };
        let fits = match self {
            Self::Signed(bits) => (number << (128 - u32::from(bits))) >> (128 - u32::from(bits)) == number,
            Self::Unsigned(bits) => number >> bits == 0,
            Self::Year => i16::try_from(number).is_ok(),
            _ => true,
        };
        if fits { Ok(i256::from_i128(number)) } else { Err(ExceptionReason::OutOfRange) }
    }

    fn text(self, text: &[u8]) -> Option<i128> {
        Some(match self {
            Self::Date => wide_date(text)?.into(),
            Self::Time => wide_time(text)?.into(),
            Self::Timestamp => wide_timestamp(text, Separator::Space)?.into(),
            Self::Instant => wide_timestamp(text.strip_suffix(b"Z")?, Separator::T)?.into(),
            Self::Span => span(text)?.into(),
            Self::Bits(length) => {
                if u32::try_from(text.len()) != Ok(length) || !text.iter().all(|byte| matches!(byte, b'0' | b'1')) {
                    return None;
                }
                text.iter().fold(0, |bits, byte| bits << 1 | i128::from(byte & 1))
            }
            _ => return None,
        })
    }

    fn array(self, values: &[Option<i256>]) -> Result<ArrayRef> {
        // Each value was checked to fit when it was taken, so the narrowing casts cut nothing off.
        macro_rules! narrow {
            ($array:ty, $native:ty) => {
                Arc::new(values.iter().map(|value| value.map(|value| value.as_i128() as $native)).collect::<$array>())
            };
        }
        Ok(match self {
            Self::Signed(8) => narrow!(Int8Array, i8),
            Self::Signed(16) | Self::Year => narrow!(Int16Array, i16),
            Self::Signed(32) => narrow!(Int32Array, i32),
            Self::Signed(_) | Self::Span => narrow!(Int64Array, i64),
            Self::Unsigned(8) => narrow!(UInt8Array, u8),
            Self::Unsigned(16) => narrow!(UInt16Array, u16),
            Self::Unsigned(32) => narrow!(UInt32Array, u32),
            Self::Unsigned(_) | Self::Bits(_) => narrow!(UInt64Array, u64),
            Self::Date => narrow!(Date32Array, i32),
            Self::Time => narrow!(Time64MicrosecondArray, i64),
            Self::Timestamp => narrow!(TimestampMicrosecondArray, i64),
            Self::Instant => {
                let array = values.iter().map(|value| value.map(|value| value.as_i128() as i64));
                Arc::new(array.collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
            }
            // A scale is at most 76, so it fits i8.
            Self::Decimal { precision, scale } if precision <= 38 => {
                let array = values.iter().map(|value| value.map(i256::as_i128)).collect::<Decimal128Array>();
                Arc::new(array.with_precision_and_scale(precision, scale as i8)?)
            }
            Self::Decimal { precision, scale } => {
                let array = values.iter().copied().collect::<Decimal256Array>();
                Arc::new(array.with_precision_and_scale(precision, scale as i8)?)
            }
        })
    }
}

/// A decimal type that numbers can hold; none of more than 38 digits is one.
fn narrow(precision: u8, scale: u8) -> Result<Decimal, ExceptionReason> {
    Decimal::new(precision, scale).ok_or(ExceptionReason::StorageClass)
}

/// `-12.30` with exactly `scale` digits after the point and at most `precision` digits in all.
fn decimal(text: &[u8], precision: u8, scale: u8) -> Option<i256> {
    let text = std::str::from_utf8(text).ok()?;
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |digits| ("-", digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let is_number = !whole.is_empty() && whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit());
    if !is_number || fraction.len() != usize::from(scale) {
        return None;
    }
    let all = format!("{whole}{fraction}");
    let significant = all.trim_start_matches('0');
    if significant.is_empty() {
        return Some(i256::ZERO);
    }
    if significant.len() > usize::from(precision) {
        return None;
    }
    i256::from_string(&format!("{sign}{significant}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::Array;
    use dbferry_dialect::carrier::arrow_type;

    fn decode(logical: LogicalType, values: &[ValueRef<'_>]) -> (ArrayRef, Vec<ExceptionReason>) {
        let column = Column::new("c", logical, "");
        let mut decoder = super::super::Decoder::new(&column).expect("a decoder");
        let refused = values.iter().filter_map(|value| decoder.push(*value).err()).collect();
        let array = decoder.finish().expect("an array");
        assert_eq!(array.data_type(), &arrow_type(&column.logical));
        assert_eq!(array.len(), values.len());
        (array, refused)
    }

    #[test]
    fn what_restoring_wrote_is_read_back() {
        use ValueRef::{Integer, Null, Real, Text};
        let cases: &[(LogicalType, &[ValueRef<'_>], &str)] = &[
            (LogicalType::Int { bits: 8, signed: true }, &[Integer(-128), Null], "-128"),
            (LogicalType::Int { bits: 64, signed: false }, &[Text(b"18446744073709551615")], "18446744073709551615"),
            (LogicalType::Year, &[Integer(1999)], "1999"),
            (LogicalType::Float { bits: 32 }, &[Real(0.5)], "0.5"),
            (LogicalType::Decimal { precision: 5, scale: 2 }, &[Text(b"-0.05")], "-5,"),
            (LogicalType::Decimal { precision: 5, scale: 2 }, &[Integer(7), Real(-19.99)], "700,\n  -1999"),
            (
                LogicalType::Decimal { precision: 40, scale: 0 },
                &[Text(b"1234567890123456789012345678901234567890")],
                "1234567890123456789012345678901234567890",
            ),
            (LogicalType::Date, &[Text(b"1970-01-02")], "1970-01-02"),
            (LogicalType::Time { precision: 0 }, &[Text(b"10:00:00.5")], "10:00:00.500"),
            (
                LogicalType::Timestamp { precision: 6 },
                &[Text(b"1970-01-01 00:00:01.000001")],
                "1970-01-01T00:00:01.000001",
            ),
            (LogicalType::Instant { precision: 0 }, &[Text(b"1970-01-01T00:00:01Z")], "1970-01-01T00:00:01"),
            (LogicalType::Span { precision: 0 }, &[Text(b"-00:00:01")], "-1000000"),
            (LogicalType::Bits { length: Some(3), varying: false }, &[Text(b"101")], "5"),
            (LogicalType::Json, &[Text(b"{}")], "{}"),
            (LogicalType::List { element: Box::new(LogicalType::INT64) }, &[Text(b"[1,null,-3]"), Null], "-3"),
            (LogicalType::Interval, &[Text(b"P1M2DT0.5S")], "500000"),
            (
                LogicalType::Uuid,
                &[Text(b"00000000-0000-0000-0000-00000000000a")],
                "[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 10]",
            ),
        ];
        for (logical, values, shown) in cases {
            let (array, refused) = decode(logical.clone(), values);
            assert!(refused.is_empty(), "{logical}: {refused:?}");
            assert!(format!("{array:?}").contains(shown), "{logical}: {array:?}");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        use ValueRef::{Blob, Integer, Real, Text};
        let cases: &[(LogicalType, &[ValueRef<'_>])] = &[
            (LogicalType::Int { bits: 8, signed: true }, &[Integer(128), Text(b"x"), Real(1.0)]),
            (LogicalType::Int { bits: 32, signed: false }, &[Integer(-1), Integer(1 << 32)]),
            (LogicalType::Float { bits: 32 }, &[Real(0.1), Integer(1)]),
            (
                LogicalType::Decimal { precision: 5, scale: 2 },
                &[Text(b"1.5"), Text(b"1000.00"), Text(b"-"), Integer(1000), Real(0.001)],
            ),
            (LogicalType::Date, &[Text(b"1970-02-30"), Integer(1), Text(b"\xff")]),
            (LogicalType::Instant { precision: 0 }, &[Text(b"1970-01-01T00:00:01")]),
            (LogicalType::Bits { length: Some(3), varying: false }, &[Text(b"10"), Text(b"102")]),
            (LogicalType::Json, &[Integer(1), Text(b"\xff")]),
            (LogicalType::Geometry { srid: None, kind: None, geodesic: false }, &[Text(b"x"), Blob(b"")]),
        ];
        for (logical, values) in cases {
            let (array, refused) = decode(logical.clone(), values);
            assert_eq!(refused.len(), array.null_count(), "{logical}");
            assert!(refused.len() >= values.len() - 1, "{logical}: {refused:?}");
        }
        let list = LogicalType::List { element: Box::new(LogicalType::Dynamic) };
        assert!(super::super::Decoder::new(&Column::new("c", list, "")).is_err());
    }
}
