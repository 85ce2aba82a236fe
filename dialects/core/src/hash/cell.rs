//! The cells of one column, added to their rows' sums: one typed loop for each Arrow type.
//!
//! Each loop runs over a block of rows whose sums stay in the processor's first cache, and over the column's own buffers.
//! Nothing here allocates, except the few boxes of a [`View`] for a block of a nested column. Callers have compared the
//! arrays' types with [`CellHasher::carrier`] and keep `rows` inside them.

use super::key::{Key, class};
use super::mix;
use super::nested::{Scratch, View};
use super::word::{Word, typed};
use crate::carrier;
use crate::error::Result;
use crate::logical::LogicalType;
use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, BooleanArray, FixedSizeBinaryArray, GenericByteArray, PrimitiveArray,
    StructArray,
};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::{
    BinaryType, ByteArrayType, DataType, Date32Type, Decimal128Type, Decimal256Type, Float32Type, Float64Type,
    Int8Type, Int16Type, Int32Type, Int64Type, Time64MicrosecondType, TimeUnit, TimestampMicrosecondType, UInt8Type,
    UInt16Type, UInt32Type, UInt64Type, Utf8Type,
};
use std::ops::Range;
use xxhash_rust::xxh3::xxh3_128_with_seed;

/// The most parts that a cell has: an interval's months, days and microseconds.
const PARTS: usize = 3;

/// How the cells of one column are hashed.
#[derive(Debug)]
pub(super) struct CellHasher {
    logical: LogicalType,
    carrier: DataType,
    keys: [Key; PARTS],
}

impl CellHasher {
    /// For column `position`, whose values are `logical`.
    pub(super) fn new(position: u32, logical: &LogicalType) -> Self {
        let class = class(logical);
        let key = |part| Key::new(position, part, &class);
        Self { logical: logical.clone(), carrier: carrier::arrow_type(logical), keys: [key(0), key(1), key(2)] }
    }

    /// The Arrow type that arrays must have.
    pub(super) fn carrier(&self) -> &DataType {
        &self.carrier
    }

    /// The hash of a null.
    pub(super) fn null(&self) -> u128 {
        self.keys[0].null
    }

    /// Adds the hashes of the cells `rows` of `array` to `sums`, which has one sum for each of them and at most
    /// [`BLOCK`](super::BLOCK).
    pub(super) fn add(
        &self,
        array: &ArrayRef,
        rows: &Range<usize>,
        sums: &mut [u128],
        scratch: &mut Scratch,
    ) -> Result<()> {
        let key = &self.keys[0];
        match &self.carrier {
            DataType::Boolean => booleans(typed(array)?, rows, sums, key),
            DataType::Int8 => words::<Int8Type>(array, rows, sums, key)?,
            DataType::Int16 => words::<Int16Type>(array, rows, sums, key)?,
            DataType::Int32 => words::<Int32Type>(array, rows, sums, key)?,
            DataType::Int64 => words::<Int64Type>(array, rows, sums, key)?,
            DataType::UInt8 => words::<UInt8Type>(array, rows, sums, key)?,
            DataType::UInt16 => words::<UInt16Type>(array, rows, sums, key)?,
            DataType::UInt32 => words::<UInt32Type>(array, rows, sums, key)?,
            DataType::UInt64 => words::<UInt64Type>(array, rows, sums, key)?,
            DataType::Float32 => words::<Float32Type>(array, rows, sums, key)?,
            DataType::Float64 => words::<Float64Type>(array, rows, sums, key)?,
            DataType::Date32 => words::<Date32Type>(array, rows, sums, key)?,
            DataType::Time64(TimeUnit::Microsecond) => words::<Time64MicrosecondType>(array, rows, sums, key)?,
            DataType::Timestamp(TimeUnit::Microsecond, _) => words::<TimestampMicrosecondType>(array, rows, sums, key)?,
            DataType::Decimal128(..) => {
                let array: &PrimitiveArray<Decimal128Type> = typed(array)?;
                let values = &array.values()[rows.clone()];
                fixed(values.iter(), valid(array, rows), sums, key.null, |value| pair(*value as u128, &self.keys));
            }
            DataType::Decimal256(..) => {
                let array: &PrimitiveArray<Decimal256Type> = typed(array)?;
                let values = &array.values()[rows.clone()];
                fixed(values.iter(), valid(array, rows), sums, key.null, |value| {
                    xxh3_128_with_seed(&value.to_le_bytes(), key.seed)
                });
            }
            DataType::FixedSizeBinary(16) => {
                let array: &FixedSizeBinaryArray = typed(array)?;
                let (values, _) = array.value_data().as_chunks::<16>();
                // Arrow checks when an array is built that its data has sixteen bytes for each row.
                fixed(values[rows.clone()].iter(), valid(array, rows), sums, key.null, |bytes| {
                    pair(u128::from_le_bytes(*bytes), &self.keys)
                });
            }
            DataType::Utf8 => strings::<Utf8Type>(typed(array)?, rows, sums, key),
            DataType::Binary => strings::<BinaryType>(typed(array)?, rows, sums, key),
            DataType::Struct(_) if matches!(self.logical, LogicalType::TimeTz { .. } | LogicalType::Interval) => {
                self.parts(typed(array)?, rows, sums)?;
            }
            _ => self.nested(array, rows, sums, scratch)?,
        }
        Ok(())
    }

    /// A struct of fixed parts, each like a cell with its own key; a struct that is null is the first part's null.
    fn parts(&self, array: &StructArray, rows: &Range<usize>, sums: &mut [u128]) -> Result<()> {
        let mut block = [0u128; super::BLOCK];
        let block = &mut block[..sums.len()]; // There are never more sums than a block has.
        for (part, key) in array.columns().iter().zip(&self.keys) {
            match part.data_type() {
                DataType::Int32 => words::<Int32Type>(part, rows, block, key)?,
                _ => words::<Int64Type>(part, rows, block, key)?,
            }
        }
        fixed(block.iter(), valid(array, rows), sums, self.null(), |hash| *hash);
        Ok(())
    }

    /// Everything else: the canonical serialisation of each cell, then xxh3-128.
    fn nested(&self, array: &ArrayRef, rows: &Range<usize>, sums: &mut [u128], scratch: &mut Scratch) -> Result<()> {
        let Key { seed, null, .. } = self.keys[0];
        let view = View::new(&self.logical, array)?;
        for (row, sum) in rows.clone().zip(sums) {
            let hash = match scratch.body(&view, row) {
                Some(bytes) => xxh3_128_with_seed(bytes, seed),
                None => null,
            };
            *sum = sum.wrapping_add(hash);
        }
        Ok(())
    }
}

/// Sixteen bytes as two words.
#[inline(always)]
fn pair(value: u128, [low, high, _]: &[Key; PARTS]) -> u128 {
    let first = mix::word(value as u64, low.left, low.right);
    first.wrapping_add(mix::word((value >> 64) as u64, high.left, high.right))
}

/// The validity of the cells `rows`; nothing when none of them is null.
fn valid(array: &dyn Array, rows: &Range<usize>) -> Option<BooleanBuffer> {
    let valid = array.nulls()?.inner().slice(rows.start, rows.len());
    valid.has_false().then_some(valid)
}

fn words<T: ArrowPrimitiveType<Native: Word>>(
    array: &ArrayRef,
    rows: &Range<usize>,
    sums: &mut [u128],
    key: &Key,
) -> Result<()> {
    let array: &PrimitiveArray<T> = typed(array)?;
    let Key { left, right, null, .. } = *key;
    let values = &array.values()[rows.clone()];
    fixed(values.iter(), valid(array, rows), sums, null, |value| mix::word(value.word(), left, right));
    Ok(())
}

fn booleans(array: &BooleanArray, rows: &Range<usize>, sums: &mut [u128], key: &Key) {
    let [no, yes] = [0, 1].map(|value| mix::word(value, key.left, key.right));
    let values = array.values().slice(rows.start, rows.len());
    fixed(values.iter(), valid(array, rows), sums, key.null, |value| if value { yes } else { no });
}

fn strings<T: ByteArrayType<Offset = i32>>(
    array: &GenericByteArray<T>,
    rows: &Range<usize>,
    sums: &mut [u128],
    key: &Key,
) {
    let Key { seed, null, .. } = *key;
    let data = array.value_data();
    let hash = |bounds: &[i32]| {
        // A window has two offsets, and Arrow checks when an array is built that they ascend and end inside the data.
        xxh3_128_with_seed(&data[bounds[0] as usize..bounds[1] as usize], seed)
    };
    // Arrow has one offset more than rows.
    let bounds = array.value_offsets()[rows.start..=rows.end].windows(2);
    match valid(array, rows) {
        None => bounds.zip(sums).for_each(|(bounds, sum)| *sum = sum.wrapping_add(hash(bounds))),
        Some(valid) => {
            for ((bounds, valid), sum) in bounds.zip(&valid).zip(sums) {
                *sum = sum.wrapping_add(if valid { hash(bounds) } else { null });
            }
        }
    }
}

/// The loop over values that are cheap to hash: with nulls it also hashes whatever stands in a null's place, so that the
/// choice between the two needs no branch.
#[inline(always)]
fn fixed<V>(
    mut values: impl Iterator<Item = V>,
    valid: Option<BooleanBuffer>,
    sums: &mut [u128],
    null: u128,
    hash: impl Fn(V) -> u128,
) {
    match valid {
        None => sums.iter_mut().zip(values).for_each(|(sum, value)| *sum = sum.wrapping_add(hash(value))),
        Some(valid) => {
            for (sums, mut bits) in sums.chunks_mut(64).zip(valid.bit_chunks().iter_padded()) {
                // The sums come first: once they end, the zip asks for no further value.
                for (sum, value) in sums.iter_mut().zip(values.by_ref()) {
                    let hash = hash(value);
                    *sum = sum.wrapping_add(if bits & 1 == 1 { hash } else { null });
                    bits >>= 1;
                }
            }
        }
    }
}
