//! One column of one batch, ready to be written cell by cell.

use super::codec::{Codec, IntWire};
use super::nested::{Range, array, hstore, items};
use super::scalar::{
    Ints, Members, bit_text, bits, bytes, day, fixed, instant, int, interval, member, members, values,
};
use super::{Misfit, NULL, length_prefixed, network, numeric, put_raw};
use crate::types::{Oid, TypeCatalogue};
use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, FixedSizeBinaryArray, ListArray, MapArray, StringArray,
    StructArray,
};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{
    Date32Type, Decimal128Type, Decimal256Type, Float32Type, Float64Type, Int32Type, Int64Type, Time64MicrosecondType,
    TimestampMicrosecondType, UInt64Type, i256,
};
use dbferry_dialect::LogicalType;
use dbferry_dialect::logical::NetworkKind;
use dbferry_dialect::nested::{dynamic_text, json};

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

    /// Whether the cell is null.
    #[inline]
    pub(super) fn is_null(&self, row: usize) -> bool {
        self.nulls.is_some_and(|nulls| nulls.is_null(row))
    }

    /// Appends the cell with its length.
    #[inline]
    pub(super) fn put(&self, row: usize, out: &mut Vec<u8>) -> Result<(), Misfit> {
        if self.is_null(row) {
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
                    json(array, logical, row, out).map_err(Misfit)
                });
            }
            Cells::DynamicText(array) => {
                return length_prefixed(out, |out| dynamic_text(array, row, out).map_err(Misfit));
            }
            Cells::Raw(array, types, oid) => return put_raw(types, *oid, array.value(row), out),
            // Everything else is done in `put`.
            _ => return Err(Misfit::new("the cell cannot be written")),
        }
        Ok(())
    }
}
