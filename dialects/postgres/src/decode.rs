//! PostgreSQL's binary values to Arrow: one [`Decoder`] a column, picked once a read, with the buffers that it fills.
//!
//! A cell costs one `match` on the decoder; nothing is allocated a value. What a column cannot take is refused with the
//! reason, and the cell becomes an exception that holds the bytes as the server sent them. Bytes that are no value of
//! their type are an error: they mean that the catalogue was misread, and guessing would change data in silence.
//!
//! The forms are those of the send functions in `src/backend/utils/adt` of the server's source. What it is not: the frame
//! around the values, which is [`stream`]'s, and the choice of a decoder, which is [`choose`]'s.

mod builder;
pub(crate) mod choose;
mod nested;
mod network;
mod numeric;
pub(crate) mod stream;
#[cfg(test)]
mod tests;
mod wire;

use arrow::array::ArrayRef;
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Decimal256Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, Time64MicrosecondType, TimestampMicrosecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use builder::{Bools, Cells, Fixed, Parts, Strings, Uuids};
use dbferry_dialect::{Error, ErrorKind, ExceptionReason, Result};
use nested::{List, Map, Range, Struct};
use numeric::Digits;
use wire::{Wire, whole};

/// Why a value was not taken.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Refusal {
    /// The column's type cannot hold it.
    Exception(ExceptionReason),
    /// It is no value of its type, in words.
    Malformed(&'static str),
}

/// What became of a value. One that was refused left nothing behind.
pub(crate) type Taken = Result<(), Refusal>;

/// Days from 1970-01-01 to 2000-01-01, from which the server counts.
const EPOCH_DAYS: i32 = 10_957;
/// The same in microseconds.
const EPOCH_MICROS: i64 = EPOCH_DAYS as i64 * 86_400_000_000;
/// 24:00:00, the first time of day that no clock shows.
const DAY_MICROS: i64 = 86_400_000_000;

/// The decoder of one column and what it has decoded.
pub(crate) enum Decoder {
    Bool(Bools),
    Int16(Fixed<Int16Type>),
    Int32(Fixed<Int32Type>),
    Int64(Fixed<Int64Type>),
    UInt32(Fixed<UInt32Type>),
    UInt64(Fixed<UInt64Type>),
    Float32(Fixed<Float32Type>),
    Float64(Fixed<Float64Type>),
    Decimal128(Fixed<Decimal128Type>, Digits),
    Decimal256(Fixed<Decimal256Type>, Digits),
    /// `money`, and what its smallest unit is multiplied with.
    Money(Fixed<Decimal128Type>, i128),
    Numeric(Strings),
    /// Any type whose bytes are its text; whether each is checked to be UTF-8 because the server does not.
    Text(Strings, bool),
    /// `"char"`: one byte, or none for 0.
    Char(Strings),
    Jsonb(Strings, bool),
    Bytes(Strings),
    Uuid(Uuids),
    Date(Fixed<Date32Type>),
    Time(Fixed<Time64MicrosecondType>),
    TimeTz(Parts),
    /// `timestamp` and `timestamptz`.
    Timestamp(Fixed<TimestampMicrosecondType>),
    Interval(Parts),
    Bits(Fixed<UInt64Type>, u32),
    BitString(Strings),
    /// `inet` and `cidr`; whether the mask is shown even when it is that of one host.
    Inet(Strings, bool),
    Mac(Strings),
    Mac8(Strings),
    List(Box<List>),
    Struct(Box<Struct>),
    Range(Box<Range>),
    Map(Box<Map>),
    /// Numbers of a wider or narrower type than the column's; what does not fit is an exception.
    WholeInt8(Fixed<Int8Type>, WholeWire),
    WholeInt16(Fixed<Int16Type>, WholeWire),
    WholeInt32(Fixed<Int32Type>, WholeWire),
    WholeInt64(Fixed<Int64Type>, WholeWire),
    WholeUInt8(Fixed<UInt8Type>, WholeWire),
    WholeUInt16(Fixed<UInt16Type>, WholeWire),
    WholeUInt32(Fixed<UInt32Type>, WholeWire),
    WholeUInt64(Fixed<UInt64Type>, WholeWire),
    /// `float4` in a column of 64 bits, `float8` in one of 32.
    WideFloat(Fixed<Float64Type>),
    NarrowFloat(Fixed<Float32Type>),
    /// An interval without months and days, as its microseconds.
    Span(Fixed<Int64Type>),
}

/// How whole numbers stand on the wire.
#[derive(Clone, Copy, Debug)]
pub(crate) enum WholeWire {
    Int2,
    Int4,
    Int8,
    UInt4,
    UInt8,
    Numeric,
}

/// Does the same with whatever column a decoder has.
macro_rules! with_cells {
    ($decoder:expr, $cells:ident => $body:expr) => {
        match $decoder {
            Decoder::Bool($cells) => $body,
            Decoder::Int16($cells) | Decoder::WholeInt16($cells, _) => $body,
            Decoder::Int32($cells) | Decoder::WholeInt32($cells, _) => $body,
            Decoder::Int64($cells) | Decoder::WholeInt64($cells, _) | Decoder::Span($cells) => $body,
            Decoder::UInt32($cells) | Decoder::WholeUInt32($cells, _) => $body,
            Decoder::UInt64($cells) | Decoder::WholeUInt64($cells, _) | Decoder::Bits($cells, _) => $body,
            Decoder::WholeInt8($cells, _) => $body,
            Decoder::WholeUInt8($cells, _) => $body,
            Decoder::WholeUInt16($cells, _) => $body,
            Decoder::Float32($cells) | Decoder::NarrowFloat($cells) => $body,
            Decoder::Float64($cells) | Decoder::WideFloat($cells) => $body,
            Decoder::Decimal128($cells, _) | Decoder::Money($cells, _) => $body,
            Decoder::Decimal256($cells, _) => $body,
            Decoder::Date($cells) => $body,
            Decoder::Time($cells) => $body,
            Decoder::Timestamp($cells) => $body,
            Decoder::TimeTz($cells) | Decoder::Interval($cells) => $body,
            Decoder::Uuid($cells) => $body,
            Decoder::Text($cells, _)
            | Decoder::Jsonb($cells, _)
            | Decoder::Char($cells)
            | Decoder::Numeric($cells)
            | Decoder::Bytes($cells)
            | Decoder::BitString($cells)
            | Decoder::Inet($cells, _)
            | Decoder::Mac($cells)
            | Decoder::Mac8($cells) => $body,
            Decoder::List($cells) => $body,
            Decoder::Struct($cells) => $body,
            Decoder::Range($cells) => $body,
            Decoder::Map($cells) => $body,
        }
    };
}

impl Decoder {
    /// Takes a value that is not null. After a refusal the column is as it was before.
    #[inline]
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Taken {
        match self {
            Self::Bool(cells) => cells.push(whole(bytes)? != [0]),
            Self::Int16(cells) => cells.push(i16::from_be_bytes(whole(bytes)?)),
            Self::Int32(cells) => cells.push(i32::from_be_bytes(whole(bytes)?)),
            Self::Int64(cells) => cells.push(i64::from_be_bytes(whole(bytes)?)),
            Self::UInt32(cells) => cells.push(u32::from_be_bytes(whole(bytes)?)),
            Self::UInt64(cells) => cells.push(u64::from_be_bytes(whole(bytes)?)),
            Self::Float32(cells) => cells.push(f32::from_be_bytes(whole(bytes)?)),
            Self::Float64(cells) => cells.push(f64::from_be_bytes(whole(bytes)?)),
            Self::Decimal128(cells, digits) => cells.push(digits.decimal128(bytes)?),
            Self::Decimal256(cells, digits) => cells.push(digits.decimal256(bytes)?),
            // A 64-bit number times at most 10^18 has 37 digits.
            Self::Money(cells, factor) => cells.push(i128::from(i64::from_be_bytes(whole(bytes)?)) * *factor),
            Self::Numeric(cells) => return cells.push_with(|text| numeric::write_text(bytes, text)),
            Self::Text(cells, check) => return push_text(cells, bytes, *check),
            Self::Char(cells) => return push_char(cells, whole(bytes)?),
            Self::Jsonb(cells, check) => match bytes {
                [1, text @ ..] => return push_text(cells, text, *check),
                _ => return Err(Refusal::Malformed("a jsonb is of an unknown version")),
            },
            Self::Bytes(cells) => return cells.push(bytes),
            Self::Uuid(cells) => cells.push(&whole(bytes)?),
            Self::Date(cells) => cells.push(date(whole(bytes)?)?),
            Self::Time(cells) => cells.push(time(i64::from_be_bytes(whole(bytes)?))?),
            Self::TimeTz(cells) => {
                let mut wire = Wire(bytes);
                let (micros, west) = (time(wire.i64()?)?, wire.i32()?);
                wire.end()?;
                // The server counts towards the west, at most 16 hours.
                cells.push([west.checked_neg().ok_or(OUT_OF_RANGE)?], micros);
            }
            Self::Timestamp(cells) => cells.push(timestamp(i64::from_be_bytes(whole(bytes)?))?),
            Self::Interval(cells) => {
                let (months, days, micros) = interval(bytes)?;
                cells.push([months, days], micros);
            }
            Self::Bits(cells, length) => cells.push(network::bits_word(bytes, *length)?),
            Self::BitString(cells) => return cells.push_with(|text| network::write_bits(bytes, text)),
            Self::Inet(cells, mask) => return cells.push_with(|text| network::write_inet(bytes, *mask, text)),
            Self::Mac(cells) => {
                let address = whole::<6>(bytes)?;
                return cells.push_with(|text| network::write_mac(address, text));
            }
            Self::Mac8(cells) => {
                let address = whole::<8>(bytes)?;
                return cells.push_with(|text| network::write_mac(address, text));
            }
            Self::List(cells) => return cells.push(bytes),
            Self::Struct(cells) => return cells.push(bytes),
            Self::Range(cells) => return cells.push(bytes),
            Self::Map(cells) => return cells.push(bytes),
            Self::WholeInt8(cells, wire) => cells.push(wire.number(bytes)?),
            Self::WholeInt16(cells, wire) => cells.push(wire.number(bytes)?),
            Self::WholeInt32(cells, wire) => cells.push(wire.number(bytes)?),
            Self::WholeInt64(cells, wire) => cells.push(wire.number(bytes)?),
            Self::WholeUInt8(cells, wire) => cells.push(wire.number(bytes)?),
            Self::WholeUInt16(cells, wire) => cells.push(wire.number(bytes)?),
            Self::WholeUInt32(cells, wire) => cells.push(wire.number(bytes)?),
            Self::WholeUInt64(cells, wire) => cells.push(wire.number(bytes)?),
            Self::WideFloat(cells) => cells.push(f32::from_be_bytes(whole(bytes)?).into()),
            Self::NarrowFloat(cells) => cells.push(narrow(f64::from_be_bytes(whole(bytes)?))?),
            Self::Span(cells) => match interval(bytes)? {
                (0, 0, micros) => cells.push(micros),
                _ => return Err(Refusal::Exception(ExceptionReason::Precision)),
            },
        }
        Ok(())
    }

    /// Appends a null.
    #[inline]
    pub(crate) fn push_null(&mut self) {
        with_cells!(self, cells => cells.push_null());
    }

    fn push_optional(&mut self, bytes: Option<&[u8]>) -> Taken {
        match bytes {
            Some(bytes) => self.push(bytes),
            None => {
                self.push_null();
                Ok(())
            }
        }
    }

    /// Bytes of the values so far.
    pub(crate) fn memory(&self) -> usize {
        with_cells!(self, cells => cells.memory())
    }

    /// The column's array; the decoder is empty afterwards.
    ///
    /// # Errors
    /// [`ErrorKind::Mismatch`] when a text is not UTF-8 though the server said that it would be.
    pub(crate) fn finish(&mut self) -> Result<ArrayRef> {
        with_cells!(self, cells => cells.finish())
    }

    fn len(&self) -> usize {
        with_cells!(self, cells => cells.len())
    }

    fn truncate(&mut self, len: usize) {
        with_cells!(self, cells => cells.truncate(len));
    }
}

impl WholeWire {
    fn number<T: TryFrom<i128>>(self, bytes: &[u8]) -> Result<T, Refusal> {
        // A number of at most 38 digits is what a column of whole numbers could hold, and more.
        const DIGITS: Digits = Digits { precision: 38, scale: 0, exact_scale: true };
        let number = match self {
            Self::Int2 => i16::from_be_bytes(whole(bytes)?).into(),
            Self::Int4 => i32::from_be_bytes(whole(bytes)?).into(),
            Self::Int8 => i64::from_be_bytes(whole(bytes)?).into(),
            Self::UInt4 => u32::from_be_bytes(whole(bytes)?).into(),
            Self::UInt8 => u64::from_be_bytes(whole(bytes)?).into(),
            Self::Numeric => DIGITS.decimal128(bytes)?,
        };
        T::try_from(number).map_err(|_| OUT_OF_RANGE)
    }
}

/// A `numeric` of the wire as the server's output function shows it.
pub(crate) fn numeric_text(bytes: &[u8]) -> Option<String> {
    let mut text = Vec::new();
    numeric::write_text(bytes, &mut text).ok()?;
    String::from_utf8(text).ok()
}

const OUT_OF_RANGE: Refusal = Refusal::Exception(ExceptionReason::OutOfRange);
const INFINITY: Refusal = Refusal::Exception(ExceptionReason::Infinity);

#[inline]
fn push_text(cells: &mut Strings, bytes: &[u8], check: bool) -> Taken {
    if check && std::str::from_utf8(bytes).is_err() {
        return Err(Refusal::Exception(ExceptionReason::InvalidUtf8));
    }
    cells.push(bytes)
}

fn push_char(cells: &mut Strings, byte: [u8; 1]) -> Taken {
    match byte {
        [0] => cells.push(b""),
        [1..=0x7f] => cells.push(&byte),
        _ => Err(Refusal::Exception(ExceptionReason::InvalidUtf8)),
    }
}

#[inline]
fn date(bytes: [u8; 4]) -> Result<i32, Refusal> {
    match i32::from_be_bytes(bytes) {
        i32::MIN | i32::MAX => Err(INFINITY),
        days => days.checked_add(EPOCH_DAYS).ok_or(OUT_OF_RANGE),
    }
}

#[inline]
fn time(micros: i64) -> Result<i64, Refusal> {
    if (0..DAY_MICROS).contains(&micros) { Ok(micros) } else { Err(OUT_OF_RANGE) }
}

#[inline]
fn timestamp(micros: i64) -> Result<i64, Refusal> {
    match micros {
        i64::MIN | i64::MAX => Err(INFINITY),
        micros => micros.checked_add(EPOCH_MICROS).ok_or(OUT_OF_RANGE),
    }
}

/// Months, days and microseconds; the infinities are those of PostgreSQL 17 and later.
fn interval(bytes: &[u8]) -> Result<(i32, i32, i64), Refusal> {
    let mut wire = Wire(bytes);
    let (micros, days, months) = (wire.i64()?, wire.i32()?, wire.i32()?);
    wire.end()?;
    match (months, days, micros) {
        (i32::MAX, i32::MAX, i64::MAX) | (i32::MIN, i32::MIN, i64::MIN) => Err(INFINITY),
        parts => Ok(parts),
    }
}

fn narrow(value: f64) -> Result<f32, Refusal> {
    let narrow = value as f32;
    let same = f64::from(narrow).to_bits() == value.to_bits() || (value.is_nan() && narrow.is_nan());
    if same { Ok(narrow) } else { Err(Refusal::Exception(ExceptionReason::Precision)) }
}

fn not_carried(what: &'static str, data_type: &DataType) -> Error {
    Error::new(ErrorKind::Internal, format!("{what} is not carried as {data_type}")).with("dialect", crate::NAME)
}
