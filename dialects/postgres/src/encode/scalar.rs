//! Values of one piece on the wire: numbers, times, bits, bytes.

use super::codec::IntWire;
use super::{Misfit, length_prefixed};
use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type};

/// From 1970-01-01 to 2000-01-01, where PostgreSQL counts from.
const EPOCH_DAYS: i32 = 10_957;
const EPOCH_MICROS: i64 = EPOCH_DAYS as i64 * 86_400_000_000;

/// The members of a struct of numbers, with whether they are null.
pub(super) type Members<'a, T> = (&'a [T], Option<&'a NullBuffer>);

/// Whole numbers of any width.
pub(super) enum Ints<'a> {
    Int8(&'a [i8]),
    Int16(&'a [i16]),
    Int32(&'a [i32]),
    Int64(&'a [i64]),
    UInt8(&'a [u8]),
    UInt16(&'a [u16]),
    UInt32(&'a [u32]),
    UInt64(&'a [u64]),
}

impl<'a> Ints<'a> {
    /// The numbers of an array; none when it holds others.
    pub(super) fn new(array: &'a dyn Array) -> Option<Self> {
        values::<Int64Type>(array)
            .map(Self::Int64)
            .or_else(|| values::<Int32Type>(array).map(Self::Int32))
            .or_else(|| values::<Int16Type>(array).map(Self::Int16))
            .or_else(|| values::<Int8Type>(array).map(Self::Int8))
            .or_else(|| values::<UInt64Type>(array).map(Self::UInt64))
            .or_else(|| values::<UInt32Type>(array).map(Self::UInt32))
            .or_else(|| values::<UInt16Type>(array).map(Self::UInt16))
            .or_else(|| values::<UInt8Type>(array).map(Self::UInt8))
    }

    /// One of them.
    pub(super) fn value(&self, row: usize) -> i128 {
        match self {
            Self::Int8(values) => values[row].into(),
            Self::Int16(values) => values[row].into(),
            Self::Int32(values) => values[row].into(),
            Self::Int64(values) => values[row].into(),
            Self::UInt8(values) => values[row].into(),
            Self::UInt16(values) => values[row].into(),
            Self::UInt32(values) => values[row].into(),
            Self::UInt64(values) => values[row].into(),
        }
    }
}

/// The numbers of an array of that type.
pub(super) fn values<T: ArrowPrimitiveType>(array: &dyn Array) -> Option<&[T::Native]> {
    Some(&array.as_primitive_opt::<T>()?.values()[..])
}

/// The same of a struct's member.
pub(super) fn members<T: ArrowPrimitiveType>(array: &ArrayRef) -> Option<Members<'_, T::Native>> {
    Some((values::<T>(array)?, array.nulls()))
}

/// Appends a value of a fixed width with its length, at once.
#[inline]
pub(super) fn fixed<const N: usize>(out: &mut Vec<u8>, value: [u8; N]) {
    // No fixed value has more than 16 bytes.
    out.extend_from_slice(&(N as u32).to_be_bytes());
    out.extend_from_slice(&value);
}

/// Appends bytes with their length.
#[inline]
pub(super) fn bytes(out: &mut Vec<u8>, value: &[u8]) -> Result<(), Misfit> {
    let length = i32::try_from(value.len()).map_err(|_| Misfit::new("the value is larger than 2 GiB"))?;
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(value);
    Ok(())
}

/// Days since 2000. The two ends of the range mean infinity there, which a plain value is not.
#[inline]
pub(super) fn day(days: i32) -> Result<i32, Misfit> {
    days.checked_sub(EPOCH_DAYS).filter(|days| *days != i32::MIN).ok_or_else(|| Misfit::new("the date is out of range"))
}

/// Microseconds since 2000, as with days.
#[inline]
pub(super) fn instant(micros: i64) -> Result<i64, Misfit> {
    let shifted = micros.checked_sub(EPOCH_MICROS).filter(|micros| *micros != i64::MIN);
    shifted.ok_or_else(|| Misfit::new("the date and time are out of range"))
}

/// The bytes of an interval.
pub(super) fn interval(months: i32, days: i32, micros: i64) -> [u8; 16] {
    let mut value = [0; 16];
    value[..8].copy_from_slice(&micros.to_be_bytes());
    value[8..12].copy_from_slice(&days.to_be_bytes());
    value[12..].copy_from_slice(&months.to_be_bytes());
    value
}

/// A member that a value cannot do without.
pub(super) fn member<T: Copy>((values, nulls): &Members<'_, T>, row: usize) -> Result<T, Misfit> {
    match nulls {
        Some(nulls) if nulls.is_null(row) => Err(Misfit::new("a part of the value is null")),
        _ => Ok(values[row]),
    }
}

/// Appends a whole number, if it fits.
pub(super) fn int(value: i128, wire: IntWire, out: &mut Vec<u8>) -> Result<(), Misfit> {
    let too_large = || Misfit::new(format!("{value} is outside the range of the column's type"));
    match wire {
        IntWire::Int2 => fixed(out, i16::try_from(value).map_err(|_| too_large())?.to_be_bytes()),
        IntWire::Int4 => fixed(out, i32::try_from(value).map_err(|_| too_large())?.to_be_bytes()),
        IntWire::Int8 => fixed(out, i64::try_from(value).map_err(|_| too_large())?.to_be_bytes()),
        IntWire::Unsigned4 => fixed(out, u32::try_from(value).map_err(|_| too_large())?.to_be_bytes()),
        IntWire::Unsigned8 => fixed(out, u64::try_from(value).map_err(|_| too_large())?.to_be_bytes()),
    }
    Ok(())
}

/// A bit string of `length` bits: their number, then the bits from the left.
pub(super) fn bits(value: u64, length: u32, out: &mut Vec<u8>) -> Result<(), Misfit> {
    if length < 64 && value >> length != 0 {
        return Err(Misfit::new(format!("{value:#b} has more than {length} bits")));
    }
    let aligned = if length == 0 { 0 } else { value << (64 - length) };
    // At most 8.
    let width = length.div_ceil(8) as usize;
    length_prefixed(out, |out| {
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(&aligned.to_be_bytes()[..width.min(8)]);
        Ok(())
    })
}

/// The same from a text of 0 and 1.
pub(super) fn bit_text(text: &[u8], out: &mut Vec<u8>) -> Result<(), Misfit> {
    let length = i32::try_from(text.len()).map_err(|_| Misfit::new("too many bits"))?;
    length_prefixed(out, |out| {
        out.extend_from_slice(&length.to_be_bytes());
        for chunk in text.chunks(8) {
            let mut byte = 0;
            for (place, bit) in chunk.iter().enumerate() {
                match bit {
                    b'0' => {}
                    b'1' => byte |= 0x80 >> place,
                    _ => return Err(Misfit::new("a bit is neither 0 nor 1")),
                }
            }
            out.push(byte);
        }
        Ok(())
    })
}
