//! One column of one batch, ready to be written cell by cell.

use super::codec::{Codec, Labels, TextBounds};
use super::form::Form;
use super::{Misfit, network, text, time};
use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, BinaryArray, BooleanArray, FixedSizeBinaryArray, ListArray,
    StringArray, StructArray,
};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{
    Date32Type, Decimal128Type, Decimal256Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    Time64MicrosecondType, TimestampMicrosecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type, i256,
};
use dbferry_dialect::LogicalType;
use dbferry_dialect::nested;

/// The cells of one column.
pub(super) struct View<'a> {
    nulls: Option<&'a NullBuffer>,
    nullable: bool,
    cells: Cells<'a>,
}

enum Cells<'a> {
    Bool(&'a BooleanArray),
    BoolBit(&'a BooleanArray),
    Int32(&'a [i32]),
    Int64(&'a [i64]),
    Int(Ints<'a>),
    IntWithin(Ints<'a>, i128, i128),
    Float32(&'a [f32]),
    Float64(&'a [f64]),
    Float64To32(&'a [f64]),
    Decimal(&'a [i128], u8),
    WideDecimal(&'a [i256], u8),
    Numeric(&'a StringArray),
    Text(&'a StringArray),
    BoundedText(&'a StringArray, TextBounds),
    Enum(&'a StringArray, &'a Labels),
    Set(&'a ListArray, &'a StringArray, &'a Labels),
    Bytes(&'a BinaryArray),
    FixedBytes(&'a BinaryArray, u64),
    Date(&'a [i32]),
    DateTime(&'a [i64], u8),
    DateTimeText(&'a [i64], bool),
    Time(&'a [i64], u8, i64),
    TimeTz(Members<'a, i64>, Members<'a, i32>),
    Interval(Members<'a, i32>, Members<'a, i32>, Members<'a, i64>),
    Year(&'a [i16]),
    UuidText(&'a FixedSizeBinaryArray),
    UuidBytes(&'a FixedSizeBinaryArray),
    Address(&'a StringArray, usize),
    BitsBytes(&'a [u64], u32),
    BitsText(&'a [u64], u32),
    BitTextBytes(&'a StringArray, u32),
    Geometry(&'a BinaryArray, [u8; 4]),
    Vector(&'a ListArray, &'a [f32], Option<&'a NullBuffer>),
    Json(&'a ArrayRef, &'a LogicalType),
    DynamicText(&'a StructArray),
}

/// The members of a struct of numbers, with whether they are null.
type Members<'a, T> = (&'a [T], Option<&'a NullBuffer>);

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

    fn put(&self, row: usize, out: &mut Vec<u8>) {
        match self {
            Self::Int8(values) => text::signed(values[row].into(), out),
            Self::Int16(values) => text::signed(values[row].into(), out),
            Self::Int32(values) => text::signed(values[row].into(), out),
            Self::Int64(values) => text::signed(values[row], out),
            Self::UInt8(values) => text::unsigned(values[row].into(), out),
            Self::UInt16(values) => text::unsigned(values[row].into(), out),
            Self::UInt32(values) => text::unsigned(values[row].into(), out),
            Self::UInt64(values) => text::unsigned(values[row], out),
        }
    }
}

/// The numbers of an array of that type.
fn values<T: ArrowPrimitiveType>(array: &dyn Array) -> Option<&[T::Native]> {
    Some(&array.as_primitive_opt::<T>()?.values()[..])
}

/// The same of a struct's member.
fn members<T: ArrowPrimitiveType>(array: &ArrayRef) -> Option<Members<'_, T::Native>> {
    Some((values::<T>(array)?, array.nulls()))
}

/// A member that a value cannot do without.
fn member<T: Copy>((values, nulls): &Members<'_, T>, row: usize) -> Result<T, Misfit> {
    match nulls {
        Some(nulls) if nulls.is_null(row) => Err(Misfit::new("a part of the value is null")),
        _ => Ok(values[row]),
    }
}

/// The places of a cell's items in the list's values.
fn items(list: &ListArray, row: usize) -> std::ops::Range<usize> {
    let offsets = list.value_offsets();
    // Arrow's offsets are not negative and do not fall; each list has both ends.
    offsets[row] as usize..offsets[row + 1] as usize
}

impl<'a> View<'a> {
    /// The cells of `array`; none when it is not what the codec's logical type is carried in.
    pub(super) fn new(codec: &'a Codec, nullable: bool, array: &'a ArrayRef) -> Option<Self> {
        let strings = || array.as_string_opt::<i32>();
        let micros = || values::<TimestampMicrosecondType>(array);
        let cells = match codec {
            Codec::Bool => Cells::Bool(array.as_boolean_opt()?),
            Codec::BoolBit => Cells::BoolBit(array.as_boolean_opt()?),
            Codec::Int => match Ints::new(array)? {
                Ints::Int32(values) => Cells::Int32(values),
                Ints::Int64(values) => Cells::Int64(values),
                other => Cells::Int(other),
            },
            Codec::IntWithin(least, most) => Cells::IntWithin(Ints::new(array)?, *least, *most),
            Codec::Float32 => Cells::Float32(values::<Float32Type>(array)?),
            Codec::Float64 => Cells::Float64(values::<Float64Type>(array)?),
            Codec::Float64To32 => Cells::Float64To32(values::<Float64Type>(array)?),
            Codec::Decimal { scale } => Cells::Decimal(values::<Decimal128Type>(array)?, *scale),
            Codec::WideDecimal { scale } => Cells::WideDecimal(values::<Decimal256Type>(array)?, *scale),
            Codec::Numeric => Cells::Numeric(strings()?),
            Codec::Text(TextBounds { trims: false, ascii: false }) => Cells::Text(strings()?),
            Codec::Text(bounds) => Cells::BoundedText(strings()?, *bounds),
            Codec::Enum(labels) => Cells::Enum(strings()?, labels),
            Codec::Set(labels) => {
                let list = array.as_list_opt::<i32>()?;
                Cells::Set(list, list.values().as_string_opt()?, labels)
            }
            Codec::Bytes(None) => Cells::Bytes(array.as_binary_opt()?),
            Codec::Bytes(Some(length)) => Cells::FixedBytes(array.as_binary_opt()?, *length),
            Codec::Date => Cells::Date(values::<Date32Type>(array)?),
            Codec::DateTime { digits } => Cells::DateTime(micros()?, *digits),
            Codec::DateTimeText => Cells::DateTimeText(micros()?, false),
            Codec::InstantText => Cells::DateTimeText(micros()?, true),
            Codec::Time { digits, most } => {
                let times = values::<Time64MicrosecondType>(array).or_else(|| values::<Int64Type>(array));
                Cells::Time(times?, *digits, *most)
            }
            Codec::TimeTzText => {
                let [micros, offset] = array.as_struct_opt()?.columns() else { return None };
                Cells::TimeTz(members::<Int64Type>(micros)?, members::<Int32Type>(offset)?)
            }
            Codec::IntervalText => {
                let [months, days, micros] = array.as_struct_opt()?.columns() else { return None };
                let (months, days) = (members::<Int32Type>(months)?, members::<Int32Type>(days)?);
                Cells::Interval(months, days, members::<Int64Type>(micros)?)
            }
            Codec::Year => Cells::Year(values::<Int16Type>(array)?),
            Codec::UuidText => Cells::UuidText(uuids(array)?),
            Codec::UuidBytes => Cells::UuidBytes(uuids(array)?),
            Codec::Address { bytes } => Cells::Address(strings()?, *bytes),
            Codec::BitsBytes { length } => Cells::BitsBytes(values::<UInt64Type>(array)?, *length),
            Codec::BitsText { length } => Cells::BitsText(values::<UInt64Type>(array)?, *length),
            Codec::BitTextBytes { length } => Cells::BitTextBytes(strings()?, *length),
            Codec::Geometry { srid } => Cells::Geometry(array.as_binary_opt()?, srid.to_le_bytes()),
            Codec::Vector => {
                let list = array.as_list_opt::<i32>()?;
                Cells::Vector(list, values::<Float32Type>(list.values())?, list.values().nulls())
            }
            Codec::Json(logical) => Cells::Json(array, logical),
            Codec::DynamicText => Cells::DynamicText(array.as_struct_opt()?),
        };
        Some(Self { nulls: array.nulls(), nullable, cells })
    }

    /// Appends the cell.
    #[inline]
    pub(super) fn put<F: Form>(&self, row: usize, out: &mut Vec<u8>) -> Result<(), Misfit> {
        if self.nulls.is_some_and(|nulls| nulls.is_null(row)) {
            return self.put_null::<F>(out);
        }
        match &self.cells {
            Cells::Int32(values) => F::plain(out, |out| text::signed(values[row].into(), out)),
            Cells::Int64(values) => F::plain(out, |out| text::signed(values[row], out)),
            Cells::Int(values) => F::plain(out, |out| values.put(row, out)),
            Cells::Bool(array) => F::plain(out, |out| out.push(b'0' + u8::from(array.value(row)))),
            Cells::Decimal(values, scale) => F::plain(out, |out| text::decimal(values[row], *scale, out)),
            Cells::Text(array) => F::text(out, array.value(row).as_bytes()),
            Cells::Bytes(array) => F::bytes(out, &[array.value(row)]),
            Cells::Date(values) => return F::plain(out, |out| time::date(values[row].into(), out)),
            Cells::DateTime(values, digits) => {
                return F::plain(out, |out| time::date_time(values[row], *digits, b' ', out));
            }
            Cells::Float32(values) => return F::plain(out, |out| text::double(values[row].into(), out)),
            Cells::Float64(values) => return F::plain(out, |out| text::double(values[row], out)),
            Cells::Enum(array, labels) => return put_enum::<F>(array.value(row), labels, out),
            _ => return self.put_rarer::<F>(row, out),
        }
        Ok(())
    }

    /// Some columns take a null for something else, and neither server warns of it: the next number, the time that it is.
    #[inline]
    fn put_null<F: Form>(&self, out: &mut Vec<u8>) -> Result<(), Misfit> {
        if !self.nullable {
            return Err(Misfit::new("the column allows no nulls"));
        }
        F::null(out);
        Ok(())
    }

    fn put_rarer<F: Form>(&self, row: usize, out: &mut Vec<u8>) -> Result<(), Misfit> {
        match &self.cells {
            Cells::BoolBit(array) => F::bytes(out, &[&[u8::from(array.value(row))]]),
            Cells::IntWithin(values, least, most) => {
                if !(*least..=*most).contains(&values.value(row)) {
                    return Err(Misfit::new(format!("the column holds {least} to {most}")));
                }
                F::plain(out, |out| values.put(row, out));
            }
            Cells::Float64To32(values) => {
                let narrow = values[row] as f32;
                if f64::from(narrow).to_bits() != values[row].to_bits() {
                    return Err(Misfit::new("the number is no 32-bit float"));
                }
                return F::plain(out, |out| text::double(values[row], out));
            }
            Cells::WideDecimal(values, scale) => F::plain(out, |out| text::wide_decimal(values[row], *scale, out)),
            Cells::Numeric(array) => return put_numeric::<F>(array.value(row), out),
            Cells::BoundedText(array, bounds) => return put_bounded::<F>(array.value(row), *bounds, out),
            Cells::Set(list, labels, places) => {
                let mut bits = 0u64;
                for item in items(list, row) {
                    let place = Some(item).filter(|item| labels.is_valid(*item)).and_then(|item| {
                        // A set has 64 labels at most.
                        places.place(labels.value(item)).filter(|place| *place < 64)
                    });
                    bits |= 1 << place.ok_or_else(|| Misfit::new("the column has no such label"))?;
                }
                F::number(out, |out| text::unsigned(bits, out));
            }
            Cells::FixedBytes(array, length) => {
                let value = array.value(row);
                if value.len() as u64 != *length {
                    return Err(Misfit::new(format!("the column would fill the value up to {length} bytes")));
                }
                F::bytes(out, &[value]);
            }
            Cells::DateTimeText(values, instant) => {
                let separator = if *instant { b'T' } else { b' ' };
                return F::plain(out, |out| {
                    time::date_time(values[row], 6, separator, out)?;
                    if *instant {
                        out.push(b'Z');
                    }
                    Ok(())
                });
            }
            Cells::Time(values, digits, most) => {
                if values[row].unsigned_abs() > most.unsigned_abs() {
                    return Err(Misfit::new("the time is out of range"));
                }
                return F::plain(out, |out| time::span(values[row], *digits, out));
            }
            Cells::TimeTz(micros, offset) => {
                let (micros, offset) = (member(micros, row)?, member(offset, row)?);
                F::plain(out, |out| nested::time_with_offset(micros, offset, out));
            }
            Cells::Interval(months, days, micros) => {
                let (months, days, micros) = (member(months, row)?, member(days, row)?, member(micros, row)?);
                F::plain(out, |out| nested::interval(months, days, micros, out));
            }
            Cells::Year(values) => {
                // Fewer than four digits would be the short form of another year.
                let year = u16::try_from(values[row]).ok().filter(|year| matches!(year, 0 | 1901..=2155));
                let year = year.ok_or_else(|| Misfit::new("years are 0000 and 1901 to 2155 here"))?;
                F::plain(out, |out| {
                    out.extend_from_slice(if year == 0 { b"000" } else { b"" });
                    text::unsigned(year.into(), out);
                });
            }
            Cells::UuidText(array) => F::plain(out, |out| nested::uuid(array.value(row), out)),
            Cells::UuidBytes(array) => F::bytes(out, &[array.value(row)]),
            Cells::Address(array, bytes) => {
                let mut address = [0; 16];
                F::bytes(out, &[network::address(array.value(row), *bytes, &mut address)?]);
            }
            Cells::BitsBytes(values, length) => return put_bits::<F>(values[row], *length, out),
            Cells::BitsText(values, length) => F::plain(out, |out| nested::bits(values[row], *length, out)),
            Cells::BitTextBytes(array, length) => {
                let digits = array.value(row);
                // A sign would be taken too.
                let plain = digits.bytes().all(|digit| matches!(digit, b'0' | b'1'));
                let bits = u64::from_str_radix(digits, 2).ok().filter(|_| plain && digits.len() == *length as usize);
                let bits = bits.ok_or_else(|| Misfit::new(format!("the column holds {length} bits exactly")))?;
                return put_bits::<F>(bits, *length, out);
            }
            Cells::Geometry(array, srid) => {
                let value = array.value(row);
                if value.first() != Some(&1) {
                    return Err(Misfit::new("well-known binary has to be little-endian here"));
                }
                F::bytes(out, &[srid, value]);
            }
            Cells::Vector(list, floats, nulls) => {
                let items = items(list, row);
                if items.clone().any(|item| nulls.is_some_and(|nulls| nulls.is_null(item))) {
                    return Err(Misfit::new("a vector has no nulls"));
                }
                let bytes: Vec<u8> = floats[items].iter().flat_map(|float| float.to_le_bytes()).collect();
                F::bytes(out, &[&bytes]);
            }
            Cells::Json(array, logical) => {
                let mut value = Vec::new();
                nested::json(array, logical, row, &mut value).map_err(Misfit)?;
                F::text(out, &value);
            }
            Cells::DynamicText(array) => {
                let mut value = Vec::new();
                nested::dynamic_text(array, row, &mut value).map_err(Misfit)?;
                F::text(out, &value);
            }
            // Everything else is done in `put`.
            _ => return Err(Misfit::new("the cell cannot be written")),
        }
        Ok(())
    }
}

fn uuids(array: &ArrayRef) -> Option<&FixedSizeBinaryArray> {
    array.as_fixed_size_binary_opt().filter(|array| array.value_length() == 16)
}

/// Numbers count from 1; 0 is the value that is no label.
fn put_enum<F: Form>(label: &str, labels: &Labels, out: &mut Vec<u8>) -> Result<(), Misfit> {
    let place = labels.place(label).ok_or_else(|| Misfit::new("the column has no such label"))?;
    F::number(out, |out| text::unsigned(u64::from(place) + 1, out));
    Ok(())
}

/// Digits with a point and a sign. Other engines have numbers that these servers do not have.
fn put_numeric<F: Form>(number: &str, out: &mut Vec<u8>) -> Result<(), Misfit> {
    let plain = number.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'-' | b'+' | b'e' | b'E'));
    if !plain || number.is_empty() {
        return Err(Misfit::new("the column holds no such number"));
    }
    F::plain(out, |out| out.extend_from_slice(number.as_bytes()));
    Ok(())
}

fn put_bounded<F: Form>(value: &str, bounds: TextBounds, out: &mut Vec<u8>) -> Result<(), Misfit> {
    if bounds.trims && value.ends_with(' ') {
        return Err(Misfit::new("the column would cut the blanks at the end off"));
    }
    if bounds.ascii && !value.is_ascii() {
        return Err(Misfit::new("the column holds ASCII only"));
    }
    F::text(out, value.as_bytes());
    Ok(())
}

fn put_bits<F: Form>(value: u64, length: u32, out: &mut Vec<u8>) -> Result<(), Misfit> {
    if length < 64 && value >> length != 0 {
        return Err(Misfit::new(format!("the column holds {length} bits")));
    }
    let bytes = value.to_be_bytes();
    // At least one byte is left.
    F::bytes(out, &[&bytes[(value.leading_zeros() as usize / 8).min(7)..]]);
    Ok(())
}
