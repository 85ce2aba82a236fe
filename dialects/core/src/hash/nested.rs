//! The canonical serialisation of values that hold other values.
//!
//! A [`View`] is a column's arrays with their types found out once for a block of rows; [`Scratch`] is the one buffer that
//! cells are written to.

use super::word::{Word, typed};
use crate::error::{Error, ErrorKind, Result};
use crate::logical::LogicalType;
use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, BooleanArray, FixedSizeBinaryArray, GenericByteArray, ListArray, MapArray,
    PrimitiveArray, StructArray,
};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use arrow::datatypes::{
    BinaryType, ByteArrayType, DataType, Date32Type, Decimal128Type, Decimal256Type, Float32Type, Float64Type,
    Int8Type, Int16Type, Int32Type, Int64Type, Time64MicrosecondType, TimeUnit, TimestampMicrosecondType, UInt8Type,
    UInt16Type, UInt32Type, UInt64Type, Utf8Type, i256,
};
use std::ops::Range;

/// An array whose type is known, so that a cell costs one match and no look at its Arrow type.
#[derive(Debug)]
pub(super) struct View<'a> {
    nulls: Option<&'a NullBuffer>,
    values: Values<'a>,
}

#[derive(Debug)]
enum Values<'a> {
    Boolean(&'a BooleanBuffer),
    Int8(&'a [i8]),
    Int16(&'a [i16]),
    Int32(&'a [i32]),
    Int64(&'a [i64]),
    UInt8(&'a [u8]),
    UInt16(&'a [u16]),
    UInt32(&'a [u32]),
    UInt64(&'a [u64]),
    Float32(&'a [f32]),
    Float64(&'a [f64]),
    Decimal128(&'a [i128]),
    Decimal256(&'a [i256]),
    Uuid(&'a FixedSizeBinaryArray),
    Strings(Strings<'a>),
    Struct(Vec<View<'a>>),
    List { offsets: &'a [i32], elements: Box<View<'a>> },
    Set { offsets: &'a [i32], labels: Strings<'a> },
    Map { offsets: &'a [i32], keys: Strings<'a>, values: Strings<'a> },
}

/// The texts or byte strings of one array.
#[derive(Clone, Copy, Debug)]
struct Strings<'a> {
    nulls: Option<&'a NullBuffer>,
    offsets: &'a [i32],
    data: &'a [u8],
}

impl<'a> View<'a> {
    /// Looks at `array` as values of `logical`.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] when the array is not of that type.
    pub(super) fn new(logical: &LogicalType, array: &'a ArrayRef) -> Result<Self> {
        let values = match array.data_type() {
            DataType::Boolean => Values::Boolean(typed::<BooleanArray>(array)?.values()),
            DataType::Int8 => Values::Int8(natives::<Int8Type>(array)?),
            DataType::Int16 => Values::Int16(natives::<Int16Type>(array)?),
            DataType::Int32 => Values::Int32(natives::<Int32Type>(array)?),
            DataType::Int64 => Values::Int64(natives::<Int64Type>(array)?),
            DataType::UInt8 => Values::UInt8(natives::<UInt8Type>(array)?),
            DataType::UInt16 => Values::UInt16(natives::<UInt16Type>(array)?),
            DataType::UInt32 => Values::UInt32(natives::<UInt32Type>(array)?),
            DataType::UInt64 => Values::UInt64(natives::<UInt64Type>(array)?),
            DataType::Float32 => Values::Float32(natives::<Float32Type>(array)?),
            DataType::Float64 => Values::Float64(natives::<Float64Type>(array)?),
            DataType::Date32 => Values::Int32(natives::<Date32Type>(array)?),
            DataType::Time64(TimeUnit::Microsecond) => Values::Int64(natives::<Time64MicrosecondType>(array)?),
            DataType::Timestamp(TimeUnit::Microsecond, _) => Values::Int64(natives::<TimestampMicrosecondType>(array)?),
            DataType::Decimal128(..) => Values::Decimal128(natives::<Decimal128Type>(array)?),
            DataType::Decimal256(..) => Values::Decimal256(natives::<Decimal256Type>(array)?),
            DataType::FixedSizeBinary(16) => Values::Uuid(typed(array)?),
            DataType::Utf8 | DataType::Binary => Values::Strings(Strings::new(array)?),
            DataType::Struct(_) => Values::Struct(structure(logical, typed(array)?)?),
            DataType::List(_) => {
                let list: &ListArray = typed(array)?;
                let offsets = list.value_offsets();
                match logical {
                    LogicalType::Set { .. } => Values::Set { offsets, labels: Strings::new(list.values())? },
                    LogicalType::List { element } => {
                        Values::List { offsets, elements: Box::new(Self::new(element, list.values())?) }
                    }
                    _ => return Err(strange(logical, array.data_type())),
                }
            }
            DataType::Map(..) => {
                let map: &MapArray = typed(array)?;
                Values::Map {
                    offsets: map.value_offsets(),
                    keys: Strings::new(map.keys())?,
                    values: Strings::new(map.values())?,
                }
            }
            other => return Err(strange(logical, other)),
        };
        Ok(Self { nulls: array.nulls(), values })
    }

    fn is_null(&self, row: usize) -> bool {
        self.nulls.is_some_and(|nulls| nulls.is_null(row))
    }
}

impl<'a> Strings<'a> {
    fn new(array: &'a ArrayRef) -> Result<Self> {
        Ok(match array.data_type() {
            DataType::Binary => Self::of(typed::<GenericByteArray<BinaryType>>(array)?),
            _ => Self::of(typed::<GenericByteArray<Utf8Type>>(array)?),
        })
    }

    fn of<T: ByteArrayType<Offset = i32>>(array: &'a GenericByteArray<T>) -> Self {
        Self { nulls: array.nulls(), offsets: array.value_offsets(), data: array.value_data() }
    }

    fn get(&self, row: usize) -> Option<&'a [u8]> {
        let valid = self.nulls.is_none_or(|nulls| nulls.is_valid(row));
        // Arrow checks when an array is built that offsets ascend and end inside the data.
        valid.then(|| &self.data[range(self.offsets, row)])
    }
}

/// The one buffer that cells are serialised to, and the order of a cell's unordered parts.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    bytes: Vec<u8>,
    order: Vec<usize>,
}

impl Scratch {
    /// The serialisation of a cell without its null byte; nothing for a null.
    pub(super) fn body(&mut self, view: &View<'_>, row: usize) -> Option<&[u8]> {
        self.bytes.clear();
        if view.is_null(row) {
            return None;
        }
        self.value(view, row);
        Some(&self.bytes)
    }

    /// Gives back what a huge cell needed, so that it is not held for the rest of the collection.
    pub(super) fn shrink(&mut self) {
        const KEPT: usize = 1 << 20;
        self.bytes.clear();
        self.bytes.shrink_to(KEPT);
        self.order.clear();
        self.order.shrink_to(KEPT / size_of::<usize>());
    }

    /// A null byte, then the value if it is not null.
    fn part(&mut self, view: &View<'_>, row: usize) {
        if view.is_null(row) {
            self.bytes.push(0);
        } else {
            self.bytes.push(1);
            self.value(view, row);
        }
    }

    fn value(&mut self, view: &View<'_>, row: usize) {
        match &view.values {
            Values::Boolean(values) => self.word(u64::from(values.value(row))),
            Values::Int8(values) => self.word(values[row].word()),
            Values::Int16(values) => self.word(values[row].word()),
            Values::Int32(values) => self.word(values[row].word()),
            Values::Int64(values) => self.word(values[row].word()),
            Values::UInt8(values) => self.word(values[row].word()),
            Values::UInt16(values) => self.word(values[row].word()),
            Values::UInt32(values) => self.word(values[row].word()),
            Values::UInt64(values) => self.word(values[row].word()),
            Values::Float32(values) => self.word(values[row].word()),
            Values::Float64(values) => self.word(values[row].word()),
            Values::Decimal128(values) => self.bytes.extend(values[row].to_le_bytes()),
            Values::Decimal256(values) => self.bytes.extend(values[row].to_le_bytes()),
            Values::Uuid(values) => self.bytes.extend(values.value(row)),
            Values::Strings(strings) => self.string(strings.get(row).unwrap_or_default()),
            Values::Struct(fields) => fields.iter().for_each(|field| self.part(field, row)),
            Values::List { offsets, elements } => {
                let range = range(offsets, row);
                self.word(range.len() as u64);
                range.for_each(|element| self.part(elements, element));
            }
            Values::Set { offsets, labels } => {
                self.unordered(range(offsets, row), labels, |scratch, label| scratch.part_string(labels, label));
            }
            Values::Map { offsets, keys, values } => self.unordered(range(offsets, row), keys, |scratch, entry| {
                scratch.part_string(keys, entry);
                scratch.part_string(values, entry);
            }),
        }
    }

    /// The number of members, then each of them in ascending order of its key's bytes; equal keys keep their order.
    fn unordered(&mut self, range: Range<usize>, keys: &Strings<'_>, mut write: impl FnMut(&mut Self, usize)) {
        self.word(range.len() as u64);
        let mut order = std::mem::take(&mut self.order);
        order.clear();
        order.extend(range);
        order.sort_unstable_by_key(|member| (keys.get(*member), *member));
        order.iter().for_each(|member| write(self, *member));
        self.order = order;
    }

    fn part_string(&mut self, strings: &Strings<'_>, row: usize) {
        match strings.get(row) {
            None => self.bytes.push(0),
            Some(bytes) => {
                self.bytes.push(1);
                self.string(bytes);
            }
        }
    }

    fn string(&mut self, bytes: &[u8]) {
        self.word(bytes.len() as u64);
        self.bytes.extend(bytes);
    }

    fn word(&mut self, word: u64) {
        self.bytes.extend(word.to_le_bytes());
    }
}

fn structure<'a>(logical: &LogicalType, array: &'a StructArray) -> Result<Vec<View<'a>>> {
    let parts = array.columns();
    let view = |(logical, part): (&LogicalType, &'a ArrayRef)| View::new(logical, part);
    match logical {
        LogicalType::Struct { fields } => fields.iter().map(|field| &field.logical).zip(parts).map(view).collect(),
        LogicalType::Range { element } => {
            let types = [&**element, &**element, &LogicalType::Bool, &LogicalType::Bool, &LogicalType::Bool];
            types.into_iter().zip(parts).map(view).collect()
        }
        // The parts of the others are numbers and strings, which say by their Arrow types how they are written.
        _ => parts.iter().map(|part| View::new(logical, part)).collect(),
    }
}

fn natives<T: ArrowPrimitiveType>(array: &ArrayRef) -> Result<&[T::Native]> {
    Ok(typed::<PrimitiveArray<T>>(array)?.values())
}

/// Where the members of `row` stand. Arrow has one offset more than rows.
fn range(offsets: &[i32], row: usize) -> Range<usize> {
    offsets[row] as usize..offsets[row + 1] as usize
}

fn strange(logical: &LogicalType, carrier: &DataType) -> Error {
    Error::new(ErrorKind::Internal, format!("no hash is defined for {logical} in an array of {carrier}"))
}
