//! Values made of others on the wire: arrays, ranges, pairs of texts.

use super::scalar::bytes;
use super::view::View;
use super::{Misfit, NULL, length_prefixed};
use crate::types::Oid;
use arrow::array::{Array, BooleanArray, ListArray, MapArray, StringArray};

/// The members of a range column.
pub(super) struct Range<'a> {
    pub(super) lower: View<'a>,
    pub(super) upper: View<'a>,
    pub(super) lower_inclusive: &'a BooleanArray,
    pub(super) upper_inclusive: &'a BooleanArray,
    pub(super) empty: &'a BooleanArray,
}

impl Range<'_> {
    /// Appends the cell: flags, then the bounds that there are.
    pub(super) fn put(&self, row: usize, out: &mut Vec<u8>) -> Result<(), Misfit> {
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
        let absent = |view: &View<'_>| view.is_null(row);
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

/// The places of a cell's items in the list's values.
pub(super) fn items(list: &ListArray, row: usize) -> std::ops::Range<usize> {
    let offsets = list.value_offsets();
    // Arrow's offsets are not negative and do not fall; each list has both ends.
    offsets[row] as usize..offsets[row + 1] as usize
}

/// Dimensions, whether there are nulls, the elements' type, length and lower bound, the elements. An empty array has no
/// dimension.
pub(super) fn array(
    list: &ListArray,
    element: &View<'_>,
    oid: Oid,
    row: usize,
    out: &mut Vec<u8>,
) -> Result<(), Misfit> {
    let items = items(list, row);
    let has_nulls = items.clone().any(|item| element.is_null(item));
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
pub(super) fn hstore(
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
