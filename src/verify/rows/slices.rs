//! The first look: which slices of the keys hold rows that differ.
//!
//! Keys are hashed, and the hashes divided into slices. For each slice the row hashes of one place are added and those of
//! the other subtracted: what does not end at nothing differs. That needs no order, which engines do not agree on, and a
//! fixed amount of memory, however many rows there are.

use super::super::scan::{Gather, Part};
use super::key::{KeyHasher, RowKey};
use dbferry_dialect::hash::RowHasher;
use dbferry_dialect::{Batch, Collection, Result};
use std::sync::atomic::{AtomicU64, Ordering};

/// The fewest and the most slices, as powers of two; the most are 24 MiB of sums.
const SLICES: std::ops::RangeInclusive<u32> = 8..=20;
/// About how many rows go into a slice.
const ROWS_A_SLICE: u64 = 16;

/// Sums over the rows of two places, slice by slice of their keys.
pub(crate) struct Slices<'t> {
    columns: [&'t Collection; 2],
    key: &'t RowKey,
    bits: u32,
    sums: Vec<Sum>,
}

/// Of one slice. Both halves of a row hash are added up apart.
#[derive(Default)]
struct Sum {
    low: AtomicU64,
    high: AtomicU64,
    rows: AtomicU64,
}

impl<'t> Slices<'t> {
    /// For about `rows` rows, whose columns in the two places are `columns`.
    pub(crate) fn new(columns: [&'t Collection; 2], key: &'t RowKey, rows: u64) -> Self {
        let bits = (rows / ROWS_A_SLICE).max(1).ilog2().clamp(*SLICES.start(), *SLICES.end());
        Self { columns, key, bits, sums: (0..1_usize << bits).map(|_| Sum::default()).collect() }
    }

    /// How many slices there are.
    pub(crate) fn count(&self) -> u64 {
        self.sums.len() as u64
    }

    /// The slice of a key's hash: slices are in the order of the hashes.
    fn of(&self, key: u128) -> usize {
        // At most 20 bits are left.
        (key >> (128 - self.bits)) as usize
    }

    /// The slices that differ.
    pub(crate) fn differing(&self) -> Differing {
        let differs: Vec<bool> = self.sums.iter().map(Sum::differs).collect();
        Differing { bits: self.bits, count: differs.iter().filter(|differs| **differs).count() as u64, differs }
    }

    /// The first hash of a key behind the slices that differ and together have no more than `most` rows in both places;
    /// at least one slice is before it. None when all are.
    pub(crate) fn limit(&self, most: u64) -> Option<u128> {
        let mut rows = 0;
        let mut first = true;
        for (slice, sum) in (0_u128..).zip(&self.sums) {
            if !sum.differs() {
                continue;
            }
            rows += sum.rows.load(Ordering::Relaxed);
            if rows > most && !first {
                return Some(slice << (128 - self.bits));
            }
            first = false;
        }
        None
    }

    fn add(&self, place: usize, key: u128, row: u128) {
        let sum = &self.sums[self.of(key)];
        // The casts cut a hash into its halves.
        let (low, high) = (row as u64, (row >> 64) as u64);
        let [low, high] = if place == 0 { [low, high] } else { [low.wrapping_neg(), high.wrapping_neg()] };
        sum.low.fetch_add(low, Ordering::Relaxed);
        sum.high.fetch_add(high, Ordering::Relaxed);
        sum.rows.fetch_add(1, Ordering::Relaxed);
    }
}

impl Sum {
    fn differs(&self) -> bool {
        self.low.load(Ordering::Relaxed) != 0 || self.high.load(Ordering::Relaxed) != 0
    }
}

/// Which slices differ.
pub(crate) struct Differing {
    bits: u32,
    differs: Vec<bool>,
    /// How many.
    pub(crate) count: u64,
}

impl Differing {
    /// Whether a row whose key has that hash lies in one of them.
    pub(crate) fn has(&self, key: u128) -> bool {
        // At most 20 bits are left, as many as there are slices.
        self.differs[(key >> (128 - self.bits)) as usize]
    }
}

impl Gather for Slices<'_> {
    fn part(&self, place: usize, _table: usize) -> Box<dyn Part + '_> {
        let columns = self.columns[place];
        Box::new(SlicedPart {
            slices: self,
            place,
            rows: RowHasher::new(columns),
            keys: KeyHasher::new(columns, self.key),
        })
    }
}

struct SlicedPart<'g> {
    slices: &'g Slices<'g>,
    place: usize,
    rows: RowHasher,
    keys: KeyHasher,
}

impl Part for SlicedPart<'_> {
    fn take(&mut self, batch: &Batch) -> Result<()> {
        let keys = self.keys.hashes(batch)?;
        for (key, row) in keys.iter().zip(self.rows.row_hashes(batch)?) {
            self.slices.add(self.place, *key, *row);
        }
        Ok(())
    }

    fn finish(self: Box<Self>) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use dbferry_dialect::CollectionName;

    #[test]
    fn what_is_in_both_places_cancels_out() {
        let table = Collection::table(CollectionName::new("main", "t"), Vec::new());
        let key = RowKey::choose(&table, &table);
        let slices = Slices::new([&table, &table], &key, 5_000);
        assert_eq!(slices.count(), 256);
        let step = u128::MAX / 100;
        for number in 0..100_u128 {
            slices.add(0, number * step, number + 7);
            slices.add(1, number * step, if number == 50 { 1 } else { number + 7 });
        }
        let differing = slices.differing();
        assert_eq!(differing.count, 1);
        assert!(differing.has(50 * step) && !differing.has(40 * step));
        assert_eq!(slices.limit(1), None, "one slice is always looked at");
        slices.add(1, 90 * step, 5);
        assert_eq!(slices.differing().count, 2);
        let limit = slices.limit(2).expect("more rows than wanted");
        assert!(limit > 50 * step && limit <= 90 * step);
        assert_eq!(slices.limit(1_000), None);
    }
}
