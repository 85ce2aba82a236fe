//! Converted values into the carrier of their type.

use super::value::Value;
use arrow::array::{ArrayRef, BinaryBuilder, BooleanBuilder, FixedSizeBinaryBuilder, PrimitiveBuilder, StringBuilder};
use arrow::datatypes::{
    Date32Type, Decimal128Type, Decimal256Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    Time64MicrosecondType, TimestampMicrosecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use dbferry_dialect::LogicalType;
use dbferry_dialect::carrier::arrow_type;
use std::sync::Arc;

/// A column that is being built.
pub(super) enum Builder {
    Bool(BooleanBuilder),
    Int8(PrimitiveBuilder<Int8Type>),
    Int16(PrimitiveBuilder<Int16Type>),
    Int32(PrimitiveBuilder<Int32Type>),
    Int64(PrimitiveBuilder<Int64Type>),
    UInt8(PrimitiveBuilder<UInt8Type>),
    UInt16(PrimitiveBuilder<UInt16Type>),
    UInt32(PrimitiveBuilder<UInt32Type>),
    UInt64(PrimitiveBuilder<UInt64Type>),
    Decimal(PrimitiveBuilder<Decimal128Type>),
    WideDecimal(PrimitiveBuilder<Decimal256Type>),
    Float32(PrimitiveBuilder<Float32Type>),
    Float64(PrimitiveBuilder<Float64Type>),
    Text(StringBuilder),
    Bytes(BinaryBuilder),
    Date(PrimitiveBuilder<Date32Type>),
    Time(PrimitiveBuilder<Time64MicrosecondType>),
    Moment(PrimitiveBuilder<TimestampMicrosecondType>),
    Uuid(FixedSizeBinaryBuilder),
}

impl Builder {
    /// For values of a type that something can be converted to.
    pub(super) fn new(logical: &LogicalType, rows: usize) -> Option<Self> {
        use LogicalType as L;
        Some(match logical {
            L::Bool => Self::Bool(BooleanBuilder::with_capacity(rows)),
            L::Int { bits: 8, signed: true } => Self::Int8(PrimitiveBuilder::with_capacity(rows)),
            L::Int { bits: 16, signed: true } | L::Year => Self::Int16(PrimitiveBuilder::with_capacity(rows)),
            L::Int { bits: 32, signed: true } => Self::Int32(PrimitiveBuilder::with_capacity(rows)),
            L::Int { signed: true, .. } | L::Span { .. } => Self::Int64(PrimitiveBuilder::with_capacity(rows)),
            L::Int { bits: 8, .. } => Self::UInt8(PrimitiveBuilder::with_capacity(rows)),
            L::Int { bits: 16, .. } => Self::UInt16(PrimitiveBuilder::with_capacity(rows)),
            L::Int { bits: 32, .. } => Self::UInt32(PrimitiveBuilder::with_capacity(rows)),
            L::Int { .. } => Self::UInt64(PrimitiveBuilder::with_capacity(rows)),
            L::Decimal { precision: ..=38, .. } => {
                Self::Decimal(PrimitiveBuilder::with_capacity(rows).with_data_type(arrow_type(logical)))
            }
            L::Decimal { .. } => {
                Self::WideDecimal(PrimitiveBuilder::with_capacity(rows).with_data_type(arrow_type(logical)))
            }
            L::Float { bits: 32 } => Self::Float32(PrimitiveBuilder::with_capacity(rows)),
            L::Float { .. } => Self::Float64(PrimitiveBuilder::with_capacity(rows)),
            L::Text { .. } | L::Numeric | L::Json | L::Network { .. } => {
                Self::Text(StringBuilder::with_capacity(rows, 0))
            }
            L::Bytes { .. } => Self::Bytes(BinaryBuilder::with_capacity(rows, 0)),
            L::Date => Self::Date(PrimitiveBuilder::with_capacity(rows)),
            L::Time { .. } => Self::Time(PrimitiveBuilder::with_capacity(rows)),
            L::Timestamp { .. } | L::Instant { .. } => {
                Self::Moment(PrimitiveBuilder::with_capacity(rows).with_data_type(arrow_type(logical)))
            }
            L::Uuid => Self::Uuid(FixedSizeBinaryBuilder::with_capacity(rows, 16)),
            _ => return None,
        })
    }

    /// Appends a value that was converted to the column's type; says whether it was one.
    #[must_use]
    pub(super) fn push(&mut self, value: Value<'_>) -> bool {
        /// A whole number within the column's range.
        macro_rules! int {
            ($builder:expr, $number:expr) => {
                match $number.try_into() {
                    Ok(number) => $builder.append_value(number),
                    Err(_) => return false,
                }
            };
        }
        match (self, value) {
            (Self::Bool(builder), Value::Bool(value)) => builder.append_value(value),
            (Self::Int8(builder), Value::Int(number)) => int!(builder, number),
            (Self::Int16(builder), Value::Int(number)) => int!(builder, number),
            (Self::Int32(builder), Value::Int(number)) => int!(builder, number),
            (Self::Int64(builder), Value::Int(number)) => int!(builder, number),
            (Self::Int64(builder), Value::Span(micros)) => builder.append_value(micros),
            (Self::UInt8(builder), Value::Int(number)) => int!(builder, number),
            (Self::UInt16(builder), Value::Int(number)) => int!(builder, number),
            (Self::UInt32(builder), Value::Int(number)) => int!(builder, number),
            (Self::UInt64(builder), Value::Int(number)) => int!(builder, number),
            (Self::Decimal(builder), Value::Decimal(unscaled, _)) => match unscaled.to_i128() {
                Some(unscaled) => builder.append_value(unscaled),
                None => return false,
            },
            (Self::WideDecimal(builder), Value::Decimal(unscaled, _)) => builder.append_value(unscaled),
            (Self::Float32(builder), Value::Float32(number)) => builder.append_value(number),
            (Self::Float64(builder), Value::Float(number)) => builder.append_value(number),
            (Self::Text(builder), Value::Text(text)) => builder.append_value(text),
            (Self::Bytes(builder), Value::Bytes(bytes)) => builder.append_value(bytes),
            (Self::Bytes(builder), Value::Uuid(uuid)) => builder.append_value(uuid),
            (Self::Date(builder), Value::Date(day)) => builder.append_value(day),
            (Self::Time(builder), Value::Time(micros)) => builder.append_value(micros),
            (Self::Moment(builder), Value::Timestamp(micros) | Value::Instant(micros)) => builder.append_value(micros),
            (Self::Uuid(builder), Value::Uuid(uuid)) => return builder.append_value(uuid).is_ok(),
            _ => return false,
        }
        true
    }

    pub(super) fn push_null(&mut self) {
        match self {
            Self::Bool(builder) => builder.append_null(),
            Self::Int8(builder) => builder.append_null(),
            Self::Int16(builder) => builder.append_null(),
            Self::Int32(builder) => builder.append_null(),
            Self::Int64(builder) => builder.append_null(),
            Self::UInt8(builder) => builder.append_null(),
            Self::UInt16(builder) => builder.append_null(),
            Self::UInt32(builder) => builder.append_null(),
            Self::UInt64(builder) => builder.append_null(),
            Self::Decimal(builder) => builder.append_null(),
            Self::WideDecimal(builder) => builder.append_null(),
            Self::Float32(builder) => builder.append_null(),
            Self::Float64(builder) => builder.append_null(),
            Self::Text(builder) => builder.append_null(),
            Self::Bytes(builder) => builder.append_null(),
            Self::Date(builder) => builder.append_null(),
            Self::Time(builder) => builder.append_null(),
            Self::Moment(builder) => builder.append_null(),
            Self::Uuid(builder) => builder.append_null(),
        }
    }

    pub(super) fn finish(self) -> ArrayRef {
        match self {
            Self::Bool(mut builder) => Arc::new(builder.finish()),
            Self::Int8(mut builder) => Arc::new(builder.finish()),
            Self::Int16(mut builder) => Arc::new(builder.finish()),
            Self::Int32(mut builder) => Arc::new(builder.finish()),
            Self::Int64(mut builder) => Arc::new(builder.finish()),
            Self::UInt8(mut builder) => Arc::new(builder.finish()),
            Self::UInt16(mut builder) => Arc::new(builder.finish()),
            Self::UInt32(mut builder) => Arc::new(builder.finish()),
            Self::UInt64(mut builder) => Arc::new(builder.finish()),
            Self::Decimal(mut builder) => Arc::new(builder.finish()),
            Self::WideDecimal(mut builder) => Arc::new(builder.finish()),
            Self::Float32(mut builder) => Arc::new(builder.finish()),
            Self::Float64(mut builder) => Arc::new(builder.finish()),
            Self::Text(mut builder) => Arc::new(builder.finish()),
            Self::Bytes(mut builder) => Arc::new(builder.finish()),
            Self::Date(mut builder) => Arc::new(builder.finish()),
            Self::Time(mut builder) => Arc::new(builder.finish()),
            Self::Moment(mut builder) => Arc::new(builder.finish()),
            Self::Uuid(mut builder) => Arc::new(builder.finish()),
        }
    }
}
