//! The server's binary values to Arrow: one [`Decoder`] a column, picked once a read, with the buffers that it fills.
//!
//! A cell costs one `match` on the decoder; nothing is allocated a value. What a column cannot take is refused with the
//! reason, and the cell becomes an exception that holds the value as the server would take it back. Bytes that are no value
//! of their type are an error: they mean that the column's type was misread, and guessing would change data in silence.
//!
//! The forms are those of
//! <https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_binary_resultset.html>. What it is not: the choice of a
//! decoder, which is [`choose`]'s.

mod cells;
pub(crate) mod choose;
mod cursor;
mod json;
mod native;
mod nested;
mod number;
mod time;

pub(crate) use cells::NotUtf8;
pub(crate) use cursor::Cursor;
pub(crate) use native::native;

use arrow::array::ArrayRef;
use arrow::datatypes::{
    Date32Type, Decimal128Type, Decimal256Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    Time64MicrosecondType, TimestampMicrosecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use cells::{Bools, Cells, Fixed, Lists, Strings, TextElements, Uuids};
use dbferry_dialect::{ExceptionReason, Result};
use nested::Nested;
use number::Digits;

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

/// The decoder of one column and what it has decoded.
pub(crate) enum Decoder {
    Int8(Fixed<Int8Type>),
    Int16(Fixed<Int16Type>),
    Int32(Fixed<Int32Type>),
    Int64(Fixed<Int64Type>),
    UInt8(Fixed<UInt8Type>),
    UInt16(Fixed<UInt16Type>),
    UInt32(Fixed<UInt32Type>),
    UInt64(Fixed<UInt64Type>),
    Float32(Fixed<Float32Type>),
    Float64(Fixed<Float64Type>),
    Decimal128(Fixed<Decimal128Type>, Digits),
    Decimal256(Fixed<Decimal256Type>, Digits),
    /// Characters in UTF-8, whatever they mean.
    Text(Strings),
    /// The server's own JSON.
    Json(Strings),
    /// A label; the empty one is the error value with the number 0.
    Enum(Strings),
    Bytes(Strings),
    Date(Fixed<Date32Type>),
    /// `DATETIME` and `TIMESTAMP`.
    Moment(Fixed<TimestampMicrosecondType>),
    Span(Fixed<Int64Type>),
    /// `TIME` as a time of day.
    Time(Fixed<Time64MicrosecondType>),
    Bool(Bools, Whole),
    /// `BIT` as a number; as a text of zeros and ones of that length.
    Bits(Fixed<UInt64Type>),
    BitString(Strings, u32),
    /// An identifier as its text; as its bytes.
    UuidText(Uuids),
    UuidBytes(Uuids),
    Set(Lists<TextElements>),
    /// Well-known binary behind the number of a spatial reference system, which has to be this one.
    Geometry(Strings, u32),
    Vector(Lists<Vec<f32>>),
    /// Texts in the place of values that the server has no type for.
    Nested(Nested),
    /// Numbers of a wider or narrower type than the column's; what does not fit is an exception.
    WholeInt8(Fixed<Int8Type>, Whole),
    WholeInt16(Fixed<Int16Type>, Whole),
    WholeInt32(Fixed<Int32Type>, Whole),
    WholeInt64(Fixed<Int64Type>, Whole),
    WholeUInt8(Fixed<UInt8Type>, Whole),
    WholeUInt16(Fixed<UInt16Type>, Whole),
    WholeUInt32(Fixed<UInt32Type>, Whole),
    WholeUInt64(Fixed<UInt64Type>, Whole),
    WideFloat(Fixed<Float64Type>),
    NarrowFloat(Fixed<Float32Type>),
}

/// How whole numbers stand in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whole {
    Int1,
    Int2,
    Int4,
    Int8,
    UInt1,
    UInt2,
    UInt4,
    UInt8,
    Decimal,
    Bit,
}

/// Does the same with whatever column a decoder has.
macro_rules! with_cells {
    ($decoder:expr, $cells:ident => $body:expr) => {
        match $decoder {
            Decoder::Int8($cells) | Decoder::WholeInt8($cells, _) => $body,
            Decoder::Int16($cells) | Decoder::WholeInt16($cells, _) => $body,
            Decoder::Int32($cells) | Decoder::WholeInt32($cells, _) => $body,
            Decoder::Int64($cells) | Decoder::WholeInt64($cells, _) | Decoder::Span($cells) => $body,
            Decoder::UInt8($cells) | Decoder::WholeUInt8($cells, _) => $body,
            Decoder::UInt16($cells) | Decoder::WholeUInt16($cells, _) => $body,
            Decoder::UInt32($cells) | Decoder::WholeUInt32($cells, _) => $body,
            Decoder::UInt64($cells) | Decoder::WholeUInt64($cells, _) | Decoder::Bits($cells) => $body,
            Decoder::Float32($cells) | Decoder::NarrowFloat($cells) => $body,
            Decoder::Float64($cells) | Decoder::WideFloat($cells) => $body,
            Decoder::Decimal128($cells, _) => $body,
            Decoder::Decimal256($cells, _) => $body,
            Decoder::Date($cells) => $body,
            Decoder::Moment($cells) => $body,
            Decoder::Time($cells) => $body,
            Decoder::Bool($cells, _) => $body,
            Decoder::UuidText($cells) | Decoder::UuidBytes($cells) => $body,
            Decoder::Text($cells)
            | Decoder::Json($cells)
            | Decoder::Enum($cells)
            | Decoder::Bytes($cells)
            | Decoder::BitString($cells, _)
            | Decoder::Geometry($cells, _) => $body,
            Decoder::Set($cells) => $body,
            Decoder::Vector($cells) => $body,
            Decoder::Nested($cells) => $body,
        }
    };
}

const OUT_OF_RANGE: Refusal = Refusal::Exception(ExceptionReason::OutOfRange);
const PRECISION: Refusal = Refusal::Exception(ExceptionReason::Precision);

impl Decoder {
    /// Takes a value that is not null from the front of a row. After a refusal that is an exception the value is taken and
    /// the column as it was before.
    #[inline]
    pub(crate) fn push(&mut self, row: &mut Cursor<'_>) -> Taken {
        match self {
            Self::Int8(cells) => cells.push(i8::from_le_bytes(row.fixed()?)),
            Self::Int16(cells) => cells.push(i16::from_le_bytes(row.fixed()?)),
            Self::Int32(cells) => cells.push(i32::from_le_bytes(row.fixed()?)),
            Self::Int64(cells) => cells.push(i64::from_le_bytes(row.fixed()?)),
            Self::UInt8(cells) => cells.push(u8::from_le_bytes(row.fixed()?)),
            Self::UInt16(cells) => cells.push(u16::from_le_bytes(row.fixed()?)),
            Self::UInt32(cells) => cells.push(u32::from_le_bytes(row.fixed()?)),
            Self::UInt64(cells) => cells.push(u64::from_le_bytes(row.fixed()?)),
            Self::Float32(cells) => cells.push(f32::from_le_bytes(row.fixed()?)),
            Self::Float64(cells) => cells.push(f64::from_le_bytes(row.fixed()?)),
            Self::Decimal128(cells, digits) => cells.push(digits.decimal128(row.string()?)?),
            Self::Decimal256(cells, digits) => cells.push(digits.decimal256(row.string()?)?),
            Self::Text(cells) | Self::Bytes(cells) => return cells.push(row.string()?),
            Self::Json(cells) => {
                let value = row.string()?;
                return cells.push_with(|out| json::write(value, out));
            }
            Self::Enum(cells) => match row.string()? {
                [] => return Err(Refusal::Exception(ExceptionReason::EnumIndex)),
                label => return cells.push(label),
            },
            Self::Date(cells) => cells.push(row.moment()?.days()?),
            Self::Moment(cells) => cells.push(row.moment()?.micros()?),
            Self::Span(cells) => cells.push(row.elapsed()?.total()),
            Self::Time(cells) => match row.elapsed()?.total() {
                micros @ 0..time::DAY_MICROS => cells.push(micros),
                _ => return Err(OUT_OF_RANGE),
            },
            Self::Bool(cells, whole) => match whole.number(row)? {
                0 => cells.push(false),
                1 => cells.push(true),
                _ => return Err(OUT_OF_RANGE),
            },
            Self::Bits(cells) => cells.push(bits(row.string()?)?),
            Self::BitString(cells, length) => {
                let bits = row.string()?;
                return cells.push_with(|text| write_bits(bits, *length, text));
            }
            Self::UuidText(cells) => cells.push(&uuid(row.string()?)?),
            Self::UuidBytes(cells) => match <&[u8; 16]>::try_from(row.string()?) {
                Ok(bytes) => cells.push(bytes),
                Err(_) => return Err(PRECISION),
            },
            Self::Set(cells) => return push_set(cells, row.string()?),
            Self::Geometry(cells, srid) => match row.string()?.split_first_chunk() {
                Some((found, shape)) if u32::from_le_bytes(*found) == *srid => return cells.push(shape),
                Some(_) => return Err(PRECISION),
                None => return Err(Refusal::Malformed("a geometry ends before it begins")),
            },
            Self::Vector(cells) => return push_vector(cells, row.string()?),
            Self::Nested(cells) => return cells.push(row.string()?).map_err(Refusal::Exception),
            Self::WholeInt8(cells, whole) => cells.push(whole.fitting(row)?),
            Self::WholeInt16(cells, whole) => cells.push(whole.fitting(row)?),
            Self::WholeInt32(cells, whole) => cells.push(whole.fitting(row)?),
            Self::WholeInt64(cells, whole) => cells.push(whole.fitting(row)?),
            Self::WholeUInt8(cells, whole) => cells.push(whole.fitting(row)?),
            Self::WholeUInt16(cells, whole) => cells.push(whole.fitting(row)?),
            Self::WholeUInt32(cells, whole) => cells.push(whole.fitting(row)?),
            Self::WholeUInt64(cells, whole) => cells.push(whole.fitting(row)?),
            Self::WideFloat(cells) => cells.push(f32::from_le_bytes(row.fixed()?).into()),
            Self::NarrowFloat(cells) => cells.push(narrow(f64::from_le_bytes(row.fixed()?))?),
        }
        Ok(())
    }

    /// Appends a null.
    #[inline]
    pub(crate) fn push_null(&mut self) {
        with_cells!(self, cells => cells.push_null());
    }

    /// Makes the last cell a null.
    pub(crate) fn take_back(&mut self) {
        with_cells!(self, cells => {
            cells.pop();
            cells.push_null();
        });
    }

    /// Bytes of the values so far.
    pub(crate) fn memory(&self) -> usize {
        with_cells!(self, cells => cells.memory())
    }

    /// The column's array; the decoder is empty afterwards. Texts that turn out to be none are null in it and added to
    /// `not_utf8`.
    ///
    /// # Errors
    /// When the values cannot be put together.
    pub(crate) fn finish(&mut self, not_utf8: &mut Vec<NotUtf8>) -> Result<ArrayRef> {
        with_cells!(self, cells => Cells::finish(cells, not_utf8))
    }
}

impl Whole {
    #[inline]
    fn number(self, row: &mut Cursor<'_>) -> Result<i128, Refusal> {
        // A number of at most 38 digits is what a column of whole numbers could hold, and more.
        const DIGITS: Digits = Digits { precision: 38, scale: 0 };
        Ok(match self {
            Self::Int1 => i8::from_le_bytes(row.fixed()?).into(),
            Self::Int2 => i16::from_le_bytes(row.fixed()?).into(),
            Self::Int4 => i32::from_le_bytes(row.fixed()?).into(),
            Self::Int8 => i64::from_le_bytes(row.fixed()?).into(),
            Self::UInt1 => u8::from_le_bytes(row.fixed()?).into(),
            Self::UInt2 => u16::from_le_bytes(row.fixed()?).into(),
            Self::UInt4 => u32::from_le_bytes(row.fixed()?).into(),
            Self::UInt8 => u64::from_le_bytes(row.fixed()?).into(),
            Self::Decimal => DIGITS.decimal128(row.string()?)?,
            Self::Bit => bits(row.string()?)?.into(),
        })
    }

    fn fitting<T: TryFrom<i128>>(self, row: &mut Cursor<'_>) -> Result<T, Refusal> {
        T::try_from(self.number(row)?).map_err(|_| OUT_OF_RANGE)
    }
}

#[inline]
fn bits(bytes: &[u8]) -> Result<u64, Refusal> {
    if bytes.len() > 8 {
        return Err(Refusal::Malformed("there are more than 64 bits"));
    }
    Ok(bytes.iter().fold(0, |bits, byte| bits << 8 | u64::from(*byte)))
}

fn write_bits(bytes: &[u8], length: u32, text: &mut Vec<u8>) {
    let spare = (bytes.len() * 8).saturating_sub(usize::try_from(length).unwrap_or(usize::MAX));
    let all = bytes.iter().flat_map(|byte| (0..8).rev().map(move |place| b'0' + (byte >> place & 1)));
    text.extend(all.skip(spare));
}

fn push_set(cells: &mut Lists<TextElements>, labels: &[u8]) -> Taken {
    let labels = std::str::from_utf8(labels).map_err(|_| Refusal::Exception(ExceptionReason::InvalidUtf8))?;
    cells.push_with(|elements| {
        let mut count = 0;
        for label in labels.split(',').filter(|_| !labels.is_empty()) {
            elements.push(label)?;
            count += 1;
        }
        Ok(count)
    })
}

fn push_vector(cells: &mut Lists<Vec<f32>>, bytes: &[u8]) -> Taken {
    let (numbers, []) = bytes.as_chunks::<4>() else { return Err(PRECISION) };
    cells.push_with(|elements| {
        elements.extend(numbers.iter().map(|number| f32::from_le_bytes(*number)));
        Ok(numbers.len())
    })
}

/// An identifier from its text of 32 hexadecimal digits in five groups; another spelling would not come back.
#[inline]
fn uuid(text: &[u8]) -> Result<[u8; 16], Refusal> {
    let text: &[u8; 36] = text.try_into().map_err(|_| PRECISION)?;
    let mut digits = text.iter().enumerate().filter(|(place, _)| !matches!(place, 8 | 13 | 18 | 23));
    if [8, 13, 18, 23].iter().any(|place| text[*place] != b'-') {
        return Err(PRECISION);
    }
    let mut digit = || match digits.next() {
        Some((_, digit @ b'0'..=b'9')) => Ok(digit - b'0'),
        Some((_, digit @ b'a'..=b'f')) => Ok(digit - b'a' + 10),
        _ => Err(PRECISION),
    };
    let mut bytes = [0; 16];
    for byte in &mut bytes {
        *byte = digit()? << 4 | digit()?;
    }
    Ok(bytes)
}

fn narrow(value: f64) -> Result<f32, Refusal> {
    let narrow = value as f32;
    if f64::from(narrow).to_bits() == value.to_bits() { Ok(narrow) } else { Err(PRECISION) }
}
