//! One column of one batch, ready to be written cell by cell.

use super::codec::{Codec, IntWire};
use super::{Misfit, NULL, json, length_prefixed, network, numeric, put_raw};
use crate::types::{Oid, TypeCatalogue};
use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, BinaryArray, BooleanArray, FixedSizeBinaryArray, ListArray, MapArray,
    StringArray, StructArray,
};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{
    Date32Type, Decimal128Type, Decimal256Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    Time64MicrosecondType, TimestampMicrosecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type, i256,
};
use dbferry_dialect::LogicalType;
use dbferry_dialect::logical::NetworkKind;

/// From 1970-01-01 to 2000-01-01, where PostgreSQL counts from.
const EPOCH_DAYS: i32 = 10_957;
const EPOCH_MICROS: i64 = EPOCH_DAYS as i64 * 86_400_000_000;

/// The cells of one column.
pub(super) struct View<'a> {
    nulls: Option<&'a NullBuffer>,
    cells: Cells<'a>,
}

enum Cells<'a> {
    Bool(&'a BooleanArray),
    Int2(&'a [i16]),
    Int4(&'a [i32]),
    Int8(&'a [i64]),
    /// Any width into another one.
    Int(Ints<'a>, IntWire),
    IntNumeric(Ints<'a>),
    Float4(&'a [f32]),
    Float8(&'a [f64]),
    Float4To8(&'a [f32]),
    Decimal(&'a [i128], u8),
    WideDecimal(&'a [i256], u8),
    NumericText(&'a StringArray),
    Money(&'a [i128], u8, u8),
    Text(&'a StringArray),
    VersionedText(&'a StringArray, u8),
    Char(&'a StringArray),
    Bytes(&'a BinaryArray),
    Date(&'a [i32]),
    Time(&'a [i64]),
    /// Both members, with whether they are null.
    TimeTz(Members<'a, i64>, Members<'a, i32>),
    Timestamp(&'a [i64]),
    Interval(Members<'a, i32>, Members<'a, i32>, Members<'a, i64>),
    Span(&'a [i64]),
    Uuid(&'a FixedSizeBinaryArray),
    Network(NetworkKind, &'a StringArray),
    BitsNumber(&'a [u64], u32),
    BitsText(&'a StringArray),
    Array(&'a ListArray, Box<View<'a>>, Oid),
    Composite(Vec<(Oid, View<'a>)>),
    Range(Box<Range<'a>>),
    Multirange(&'a ListArray, Box<View<'a>>),
    Hstore(&'a MapArray, &'a StringArray, &'a StringArray),
    Json(&'a ArrayRef, &'a LogicalType, Option<u8>),
    DynamicText(&'a StructArray),
    Raw(&'a BinaryArray, &'a TypeCatalogue, Oid),
}

/// The members of a struct of numbers.
type Members<'a, T> = (&'a [T], Option<&'a NullBuffer>);

struct Range<'a> {
    lower: View<'a>,
    upper: View<'a>,
    lower_inclusive: &'a BooleanArray,
    upper_inclusive: &'a BooleanArray,
    empty: &'a BooleanArray,
}

/// Whole numbers of any width.
enum Ints<'a> {
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
    fn new(array: &'a dyn Array) -> Option<Self> {
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

    fn value(&self, row: usize) -> i128 {
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

fn values<T: ArrowPrimitiveType>(array: &dyn Array) -> Option<&[T::Native]> {
    Some(&array.as_primitive_opt::<T>()?.values()[..])
}

fn members<T: ArrowPrimitiveType>(array: &ArrayRef) -> Option<Members<'_, T::Native>> {
    Some((values::<T>(array)?, array.nulls()))
}

impl<'a> View<'a> {
    /// The cells of `array`; none when it is not what the codec's logical type is carried in.
    pub(super) fn new(codec: &'a Codec, array: &'a ArrayRef, types: &'a TypeCatalogue) -> Option<Self> {
        let text = || array.as_string_opt::<i32>();
        let cells = match codec {
            Codec::Bool => Cells::Bool(array.as_boolean_opt()?),
            Codec::Int(wire) => match (Ints::new(array)?, wire) {
                (Ints::Int16(values), IntWire::Int2) => Cells::Int2(values),
                (Ints::Int32(values), IntWire::Int4) => Cells::Int4(values),
                (Ints::Int64(values), IntWire::Int8) => Cells::Int8(values),
                (values, wire) => Cells::Int(values, *wire),
            },
            Codec::IntNumeric => Cells::IntNumeric(Ints::new(array)?),
            Codec::Float4 => Cells::Float4(values::<Float32Type>(array)?),
            Codec::Float8 => Cells::Float8(values::<Float64Type>(array)?),
            Codec::Float4To8 => Cells::Float4To8(values::<Float32Type>(array)?),
            Codec::Decimal { scale } => Cells::Decimal(values::<Decimal128Type>(array)?, *scale),
            Codec::WideDecimal { scale } => Cells::WideDecimal(values::<Decimal256Type>(array)?, *scale),
            Codec::NumericText => Cells::NumericText(text()?),
            Codec::Money { scale, digits } => Cells::Money(values::<Decimal128Type>(array)?, *scale, *digits),
            Codec::Text { version: None } | Codec::InputFunction => Cells::Text(text()?),
            Codec::Text { version: Some(version) } => Cells::VersionedText(text()?, *version),
            Codec::Char => Cells::Char(text()?),
            Codec::Bytes => Cells::Bytes(array.as_binary_opt()?),
            Codec::Date => Cells::Date(values::<Date32Type>(array)?),
            Codec::Time => Cells::Time(values::<Time64MicrosecondType>(array)?),
            Codec::TimeTz => {
                let [micros, offset] = array.as_struct_opt()?.columns() else { return None };
                Cells::TimeTz(members::<Int64Type>(micros)?, members::<Int32Type>(offset)?)
            }
            Codec::Timestamp => Cells::Timestamp(values::<TimestampMicrosecondType>(array)?),
            Codec::Interval => {
                let [months, days, micros] = array.as_struct_opt()?.columns() else { return None };
                let (months, days) = (members::<Int32Type>(months)?, members::<Int32Type>(days)?);
                Cells::Interval(months, days, members::<Int64Type>(micros)?)
            }
            Codec::Span => Cells::Span(values::<Int64Type>(array)?),
            Codec::Uuid => Cells::Uuid(array.as_fixed_size_binary_opt().filter(|array| array.value_length() == 16)?),
            Codec::Network(kind) => Cells::Network(*kind, text()?),
            Codec::BitsNumber { length } => Cells::BitsNumber(values::<UInt64Type>(array)?, *length),
            Codec::BitsText => Cells::BitsText(text()?),
            Codec::Array { element, oid } => {
                let list = array.as_list_opt()?;
                Cells::Array(list, Box::new(Self::new(element, list.values(), types)?), *oid)
            }
            Codec::Composite(codecs) => {
                let members = array.as_struct_opt()?.columns();
                if members.len() != codecs.len() {
                    return None;
                }
                let fields = codecs.iter().zip(members);
                let fields = fields.map(|((oid, codec), member)| Some((*oid, Self::new(codec, member, types)?)));
                Cells::Composite(fields.collect::<Option<_>>()?)
            }
            Codec::Range(bound) => {
                let [lower, upper, lower_inclusive, upper_inclusive, empty] = array.as_struct_opt()?.columns() else {
                    return None;
                };
                Cells::Range(Box::new(Range {
                    lower: Self::new(bound, lower, types)?,
                    upper: Self::new(bound, upper, types)?,
                    lower_inclusive: lower_inclusive.as_boolean_opt()?,
                    upper_inclusive: upper_inclusive.as_boolean_opt()?,
                    empty: empty.as_boolean_opt()?,
                }))
            }
            Codec::Multirange(range) => {
                let list = array.as_list_opt()?;
                Cells::Multirange(list, Box::new(Self::new(range, list.values(), types)?))
            }
            Codec::Hstore => {
                let map = array.as_map_opt()?;
                Cells::Hstore(map, map.keys().as_string_opt()?, map.values().as_string_opt()?)
            }
            Codec::Json { version, logical } => Cells::Json(array, logical, *version),
            Codec::DynamicText => Cells::DynamicText(array.as_struct_opt()?),
            Codec::Raw(oid) => Cells::Raw(array.as_binary_opt()?, types, *oid),
        };
        Some(Self { nulls: array.nulls(), cells })
    }

    /// Appends the cell with its length.
    #[inline]
    pub(super) fn put(&self, row: usize, out: &mut Vec<u8>) -> Result<(), Misfit> {
        if self.nulls.is_some_and(|nulls| nulls.is_null(row)) {
            out.extend_from_slice(&NULL);
            return Ok(());
        }
        match &self.cells {
            Cells::Bool(array) => fixed(out, [u8::from(array.value(row))]),
            Cells::Int2(values) => fixed(out, values[row].to_be_bytes()),
            Cells::Int4(values) => fixed(out, values[row].to_be_bytes()),
            Cells::Int8(values) => fixed(out, values[row].to_be_bytes()),
            Cells::Float4(values) => fixed(out, values[row].to_be_bytes()),
            Cells::Float8(values) => fixed(out, values[row].to_be_bytes()),
            Cells::Float4To8(values) => fixed(out, f64::from(values[row]).to_be_bytes()),
            Cells::Decimal(values, scale) => numeric::put_decimal(values[row], *scale, out),
            Cells::Text(array) => return bytes(out, array.value(row).as_bytes()),
            Cells::Bytes(array) => return bytes(out, array.value(row)),
            Cells::Date(values) => fixed(out, day(values[row])?.to_be_bytes()),
            Cells::Timestamp(values) => fixed(out, instant(values[row])?.to_be_bytes()),
            Cells::Time(values) => fixed(out, values[row].to_be_bytes()),
            Cells::Uuid(array) => return bytes(out, array.value(row)),
            _ => return self.put_rarer(row, out),
        }
        Ok(())
    }

    fn put_rarer(&self, row: usize, out: &mut Vec<u8>) -> Result<(), Misfit> {
        match &self.cells {
            Cells::Int(values, wire) => return int(values.value(row), *wire, out),
            Cells::IntNumeric(values) => numeric::put_decimal(values.value(row), 0, out),
            Cells::WideDecimal(values, scale) => return numeric::put_wide_decimal(values[row], *scale, out),
            Cells::NumericText(array) => return numeric::put_text(array.value(row), out),
            Cells::Money(values, scale, digits) => {
                let units = numeric::rescale(values[row], *scale, *digits).and_then(|units| i64::try_from(units).ok());
                let units = units.ok_or_else(|| Misfit::new("the amount does not fit the server's money"))?;
                fixed(out, units.to_be_bytes());
            }
            Cells::VersionedText(array, version) => {
                return length_prefixed(out, |out| {
                    out.push(*version);
                    out.extend_from_slice(array.value(row).as_bytes());
                    Ok(())
                });
            }
            Cells::Char(array) => match array.value(row).as_bytes() {
                [] => fixed(out, [0]),
                [byte] => fixed(out, [*byte]),
                _ => return Err(Misfit::new("a \"char\" has one byte")),
            },
            Cells::TimeTz(micros, offset) => {
                let (micros, offset) = (member(micros, row)?, member(offset, row)?);
                let mut value = [0; 12];
                value[..8].copy_from_slice(&micros.to_be_bytes());
                // Seconds west of Greenwich.
                value[8..].copy_from_slice(&offset.wrapping_neg().to_be_bytes());
                fixed(out, value);
            }
            Cells::Interval(months, days, micros) => {
                let (months, days, micros) = (member(months, row)?, member(days, row)?, member(micros, row)?);
                fixed(out, interval(months, days, micros));
            }
            Cells::Span(values) => fixed(out, interval(0, 0, values[row])),
            Cells::Network(kind, array) => return network::put(*kind, array.value(row), out),
            Cells::BitsNumber(values, length) => return bits(values[row], *length, out),
            Cells::BitsText(array) => return bit_text(array.value(row).as_bytes(), out),
            Cells::Array(list, element, oid) => return array(list, element, *oid, row, out),
            Cells::Composite(fields) => {
                return length_prefixed(out, |out| {
                    // A table has no more columns than fit 16 bits.
                    out.extend_from_slice(&(fields.len() as u32).to_be_bytes());
                    for (oid, field) in fields {
                        out.extend_from_slice(&oid.to_be_bytes());
                        field.put(row, out)?;
                    }
                    Ok(())
                });
            }
            Cells::Range(range) => return length_prefixed(out, |out| range.put(row, out)),
            Cells::Multirange(list, range) => {
                return length_prefixed(out, |out| {
                    let items = items(list, row);
                    // Arrow's offsets are 32 bits wide.
                    out.extend_from_slice(&(items.len() as u32).to_be_bytes());
                    items.into_iter().try_for_each(|item| range.put(item, out))
                });
            }
            Cells::Hstore(map, keys, values) => return hstore(map, keys, values, row, out),
            Cells::Json(array, logical, version) => {
                return length_prefixed(out, |out| {
                    out.extend(*version);
                    json::put(array, logical, row, out)
                });
            }
            Cells::DynamicText(array) => return length_prefixed(out, |out| json::dynamic_text(array, row, out)),
            Cells::Raw(array, types, oid) => return put_raw(types, *oid, array.value(row), out),
            // Everything else is done in `put`.
            _ => return Err(Misfit::new("the cell cannot be written")),
        }
        Ok(())
    }
}

impl Range<'_> {
    fn put(&self, row: usize, out: &mut Vec<u8>) -> Result<(), Misfit> {
        const EMPTY: u8 = 0x01;
        const LOWER_INCLUSIVE: u8 = 0x02;
        const UPPER_INCLUSIVE: u8 = 0x04;
        const NO_LOWER: u8 = 0x08;
        const NO_UPPER: u8 = 0x10;
        let is = |array: &BooleanArray| array.is_valid(row) && array.value(row);
        if is(self.empty) {
            out.push(EMPTY);
            return Ok(());
        }
        let absent = |view: &View<'_>| view.nulls.is_some_and(|nulls| nulls.is_null(row));
        let mut flags = 0;
        for (bound, inclusive, no_bound, closed) in [
            (&self.lower, self.lower_inclusive, NO_LOWER, LOWER_INCLUSIVE),
            (&self.upper, self.upper_inclusive, NO_UPPER, UPPER_INCLUSIVE),
        ] {
            if absent(bound) {
                flags |= no_bound;
            } else if is(inclusive) {
                flags |= closed;
            }
        }
        out.push(flags);
        for (bound, no_bound) in [(&self.lower, NO_LOWER), (&self.upper, NO_UPPER)] {
            if flags & no_bound == 0 {
                bound.put(row, out)?;
            }
        }
        Ok(())
    }
}

/// Appends a value of a fixed width with its length, at once.
#[inline]
fn fixed<const N: usize>(out: &mut Vec<u8>, value: [u8; N]) {
    // No fixed value has more than 16 bytes.
    out.extend_from_slice(&(N as u32).to_be_bytes());
    out.extend_from_slice(&value);
}

#[inline]
fn bytes(out: &mut Vec<u8>, value: &[u8]) -> Result<(), Misfit> {
    let length = i32::try_from(value.len()).map_err(|_| Misfit::new("the value is larger than 2 GiB"))?;
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(value);
    Ok(())
}

/// Days since 2000. The two ends of the range mean infinity there, which a plain value is not.
#[inline]
fn day(days: i32) -> Result<i32, Misfit> {
    days.checked_sub(EPOCH_DAYS).filter(|days| *days != i32::MIN).ok_or_else(|| Misfit::new("the date is out of range"))
}

#[inline]
fn instant(micros: i64) -> Result<i64, Misfit> {
    let shifted = micros.checked_sub(EPOCH_MICROS).filter(|micros| *micros != i64::MIN);
    shifted.ok_or_else(|| Misfit::new("the date and time are out of range"))
}

fn interval(months: i32, days: i32, micros: i64) -> [u8; 16] {
    let mut value = [0; 16];
    value[..8].copy_from_slice(&micros.to_be_bytes());
    value[8..12].copy_from_slice(&days.to_be_bytes());
    value[12..].copy_from_slice(&months.to_be_bytes());
    value
}

fn member<T: Copy>((values, nulls): &Members<'_, T>, row: usize) -> Result<T, Misfit> {
    match nulls {
        Some(nulls) if nulls.is_null(row) => Err(Misfit::new("a part of the value is null")),
        _ => Ok(values[row]),
    }
}

fn int(value: i128, wire: IntWire, out: &mut Vec<u8>) -> Result<(), Misfit> {
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
fn bits(value: u64, length: u32, out: &mut Vec<u8>) -> Result<(), Misfit> {
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

fn bit_text(text: &[u8], out: &mut Vec<u8>) -> Result<(), Misfit> {
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

/// The places of a cell's items in the list's values.
fn items(list: &ListArray, row: usize) -> std::ops::Range<usize> {
    let offsets = list.value_offsets();
    // Arrow's offsets are not negative and do not fall; each list has both ends.
    offsets[row] as usize..offsets[row + 1] as usize
}

/// Dimensions, whether there are nulls, the elements' type, length and lower bound, the elements. An empty array has no
/// dimension.
fn array(list: &ListArray, element: &View<'_>, oid: Oid, row: usize, out: &mut Vec<u8>) -> Result<(), Misfit> {
    let items = items(list, row);
    let has_nulls = element.nulls.is_some_and(|nulls| items.clone().any(|item| nulls.is_null(item)));
    length_prefixed(out, |out| {
        let mut head = [0; 20];
        head[..4].copy_from_slice(&u32::from(!items.is_empty()).to_be_bytes());
        head[4..8].copy_from_slice(&u32::from(has_nulls).to_be_bytes());
        head[8..12].copy_from_slice(&oid.to_be_bytes());
        // Arrow's offsets are 32 bits wide.
        head[12..16].copy_from_slice(&(items.len() as u32).to_be_bytes());
        head[16..].copy_from_slice(&1u32.to_be_bytes());
        let length = if items.is_empty() { 12 } else { 20 };
        out.extend_from_slice(&head[..length]);
        items.into_iter().try_for_each(|item| element.put(item, out))
    })
}

/// The number of pairs, then each key and each value with its length.
fn hstore(
    map: &MapArray,
    keys: &StringArray,
    values: &StringArray,
    row: usize,
    out: &mut Vec<u8>,
) -> Result<(), Misfit> {
    let offsets = map.value_offsets();
    // As in `items`.
    let pairs = offsets[row] as usize..offsets[row + 1] as usize;
    length_prefixed(out, |out| {
        out.extend_from_slice(&(pairs.len() as u32).to_be_bytes());
        for pair in pairs {
            bytes(out, keys.value(pair).as_bytes())?;
            if values.is_null(pair) {
                out.extend_from_slice(&NULL);
            } else {
                bytes(out, values.value(pair).as_bytes())?;
            }
        }
        Ok(())
    })
}
