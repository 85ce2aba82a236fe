//! One cell's value without its carrier, and where it is read from.

use super::super::misfit::{shown, shown_bytes};
use super::text;
use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, FixedSizeBinaryArray, PrimitiveArray, StringArray, StructArray,
};
use arrow::datatypes::{
    Date32Type, Decimal128Type, Decimal256Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    Time64MicrosecondType, TimestampMicrosecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type, i256,
};
use dbferry_dialect::LogicalType;
use dbferry_dialect::logical::OpaqueForm;

/// A value that is not null.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in super::super) enum Value<'a> {
    Bool(bool),
    Int(i128),
    /// The unscaled number and its digits after the point.
    Decimal(i256, u8),
    Float32(f32),
    Float(f64),
    Text(&'a str),
    Bytes(&'a [u8]),
    /// Days from 1970-01-01.
    Date(i32),
    /// Microseconds: of a day, on a wall clock, in UTC, elapsed.
    Time(i64),
    Timestamp(i64),
    Instant(i64),
    Span(i64),
    /// Microseconds of a day, and seconds east of UTC.
    TimeTz(i64, i32),
    /// Months, days, microseconds.
    Interval(i32, i32, i64),
    Uuid([u8; 16]),
    /// Bits and how many there are.
    Bits(u64, u32),
}

impl Value<'_> {
    /// As messages show it.
    pub(in super::super) fn show(&self) -> String {
        match self {
            Self::Text(text) => shown(text),
            Self::Bytes(bytes) => shown_bytes(bytes),
            other => {
                let mut text = String::new();
                text::write(other, &mut text);
                text
            }
        }
    }
}

/// The cells of a column.
pub(super) enum Cells<'a> {
    Bool(&'a BooleanArray),
    Int8(&'a PrimitiveArray<Int8Type>),
    Int16(&'a PrimitiveArray<Int16Type>),
    Int32(&'a PrimitiveArray<Int32Type>),
    Int64(&'a PrimitiveArray<Int64Type>),
    UInt8(&'a PrimitiveArray<UInt8Type>),
    UInt16(&'a PrimitiveArray<UInt16Type>),
    UInt32(&'a PrimitiveArray<UInt32Type>),
    UInt64(&'a PrimitiveArray<UInt64Type>),
    Decimal(&'a PrimitiveArray<Decimal128Type>, u8),
    WideDecimal(&'a PrimitiveArray<Decimal256Type>, u8),
    Float32(&'a PrimitiveArray<Float32Type>),
    Float64(&'a PrimitiveArray<Float64Type>),
    Text(&'a StringArray),
    Bytes(&'a BinaryArray),
    Date(&'a PrimitiveArray<Date32Type>),
    Time(&'a PrimitiveArray<Time64MicrosecondType>),
    Timestamp(&'a PrimitiveArray<TimestampMicrosecondType>),
    Instant(&'a PrimitiveArray<TimestampMicrosecondType>),
    Span(&'a PrimitiveArray<Int64Type>),
    TimeTz(&'a PrimitiveArray<Int64Type>, &'a PrimitiveArray<Int32Type>),
    Interval(&'a PrimitiveArray<Int32Type>, &'a PrimitiveArray<Int32Type>, &'a PrimitiveArray<Int64Type>),
    Uuid(&'a FixedSizeBinaryArray),
    Bits(&'a PrimitiveArray<UInt64Type>, u32),
    Dynamic(&'a StructArray),
}

/// Whether values of that type are single ones, which can be read here.
pub(super) fn is_single(logical: &LogicalType) -> bool {
    !matches!(
        logical,
        LogicalType::List { .. }
            | LogicalType::Set { .. }
            | LogicalType::Struct { .. }
            | LogicalType::Range { .. }
            | LogicalType::Map
    )
}

impl<'a> Cells<'a> {
    /// The cells of a column of that logical type; none when they are not single values or the array is of another type.
    pub(super) fn new(array: &'a ArrayRef, logical: &LogicalType) -> Option<Self> {
        use LogicalType as L;
        Some(match logical {
            L::Bool => Self::Bool(array.as_boolean_opt()?),
            L::Int { bits: 8, signed: true } => Self::Int8(array.as_primitive_opt()?),
            L::Int { bits: 16, signed: true } | L::Year => Self::Int16(array.as_primitive_opt()?),
            L::Int { bits: 32, signed: true } => Self::Int32(array.as_primitive_opt()?),
            L::Int { signed: true, .. } => Self::Int64(array.as_primitive_opt()?),
            L::Int { bits: 8, .. } => Self::UInt8(array.as_primitive_opt()?),
            L::Int { bits: 16, .. } => Self::UInt16(array.as_primitive_opt()?),
            L::Int { bits: 32, .. } => Self::UInt32(array.as_primitive_opt()?),
            L::Int { .. } => Self::UInt64(array.as_primitive_opt()?),
            L::Decimal { precision: ..=38, scale } => Self::Decimal(array.as_primitive_opt()?, *scale),
            L::Decimal { scale, .. } => Self::WideDecimal(array.as_primitive_opt()?, *scale),
            L::Float { bits: 32 } => Self::Float32(array.as_primitive_opt()?),
            L::Float { .. } => Self::Float64(array.as_primitive_opt()?),
            L::Date => Self::Date(array.as_primitive_opt()?),
            L::Time { .. } => Self::Time(array.as_primitive_opt()?),
            L::Timestamp { .. } => Self::Timestamp(array.as_primitive_opt()?),
            L::Instant { .. } => Self::Instant(array.as_primitive_opt()?),
            L::Span { .. } => Self::Span(array.as_primitive_opt()?),
            L::TimeTz { .. } => match array.as_struct_opt()?.columns() {
                [micros, offset] => Self::TimeTz(micros.as_primitive_opt()?, offset.as_primitive_opt()?),
                _ => return None,
            },
            L::Interval => match array.as_struct_opt()?.columns() {
                [months, days, micros] => {
                    Self::Interval(months.as_primitive_opt()?, days.as_primitive_opt()?, micros.as_primitive_opt()?)
                }
                _ => return None,
            },
            L::Uuid => Self::Uuid(array.as_fixed_size_binary_opt()?),
            L::Bits { length: Some(length @ 1..=64), varying: false } => Self::Bits(array.as_primitive_opt()?, *length),
            L::Dynamic => Self::Dynamic(array.as_struct_opt().filter(|cells| cells.num_columns() == 4)?),
            L::Bytes { .. } | L::Geometry { .. } | L::Opaque { form: OpaqueForm::Binary, .. } => {
                Self::Bytes(array.as_binary_opt()?)
            }
            L::Numeric
            | L::Text { .. }
            | L::Json
            | L::Enum { .. }
            | L::Bits { .. }
            | L::Network { .. }
            | L::Opaque { .. } => Self::Text(array.as_string_opt()?),
            _ => return None,
        })
    }

    /// The value of a row that the array has and that is not null.
    #[inline]
    pub(super) fn get(&self, row: usize) -> Value<'a> {
        match self {
            Self::Bool(cells) => Value::Bool(cells.value(row)),
            Self::Int8(cells) => Value::Int(cells.value(row).into()),
            Self::Int16(cells) => Value::Int(cells.value(row).into()),
            Self::Int32(cells) => Value::Int(cells.value(row).into()),
            Self::Int64(cells) => Value::Int(cells.value(row).into()),
            Self::UInt8(cells) => Value::Int(cells.value(row).into()),
            Self::UInt16(cells) => Value::Int(cells.value(row).into()),
            Self::UInt32(cells) => Value::Int(cells.value(row).into()),
            Self::UInt64(cells) => Value::Int(cells.value(row).into()),
            Self::Decimal(cells, scale) => Value::Decimal(i256::from_i128(cells.value(row)), *scale),
            Self::WideDecimal(cells, scale) => Value::Decimal(cells.value(row), *scale),
            Self::Float32(cells) => Value::Float32(cells.value(row)),
            Self::Float64(cells) => Value::Float(cells.value(row)),
            Self::Text(cells) => Value::Text(cells.value(row)),
            Self::Bytes(cells) => Value::Bytes(cells.value(row)),
            Self::Date(cells) => Value::Date(cells.value(row)),
            Self::Time(cells) => Value::Time(cells.value(row)),
            Self::Timestamp(cells) => Value::Timestamp(cells.value(row)),
            Self::Instant(cells) => Value::Instant(cells.value(row)),
            Self::Span(cells) => Value::Span(cells.value(row)),
            Self::TimeTz(micros, offset) => Value::TimeTz(micros.value(row), offset.value(row)),
            Self::Interval(months, days, micros) => {
                Value::Interval(months.value(row), days.value(row), micros.value(row))
            }
            Self::Uuid(cells) => Value::Uuid(cells.value(row).try_into().unwrap_or_default()),
            Self::Bits(cells, length) => Value::Bits(cells.value(row), *length),
            Self::Dynamic(cells) => dynamic(cells, row),
        }
    }
}

/// Exactly one member is set.
fn dynamic(cells: &StructArray, row: usize) -> Value<'_> {
    let is_set = |column: &ArrayRef| column.is_valid(row);
    match cells.columns() {
        [integer, ..] if is_set(integer) => Value::Int(integer.as_primitive::<Int64Type>().value(row).into()),
        [_, real, ..] if is_set(real) => Value::Float(real.as_primitive::<Float64Type>().value(row)),
        [_, _, text, _] if is_set(text) => Value::Text(text.as_string::<i32>().value(row)),
        [_, _, _, bytes] if is_set(bytes) => Value::Bytes(bytes.as_binary::<i32>().value(row)),
        _ => Value::Bytes(&[]),
    }
}
