//! What is kept of a sample: which rows there are, and which of them were found again.

use super::super::rows::{KeyHasher, RowKey};
use super::super::scan::{Gather, Part};
use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type};
use dbferry_dialect::hash::RowHasher;
use dbferry_dialect::{Batch, Collection, Result};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// The sampled rows.
pub(super) struct Seen<'t> {
    pub(super) columns: &'t Collection,
    pub(super) key: &'t RowKey,
    /// How many are kept at most.
    pub(super) most: u64,
    pub(super) found: Mutex<SeenRows>,
}

#[derive(Default)]
pub(super) struct SeenRows {
    /// Key and row, by their hashes, and how often they are there.
    pub(super) rows: HashMap<(u128, u128), u64>,
    pub(super) count: u64,
    /// Whether there were more than could be kept.
    pub(super) cut: bool,
    /// For each part the least and the greatest value of the key's first column.
    pub(super) ranges: Vec<(i64, i64)>,
    /// Whether some key has none.
    pub(super) open: bool,
}

impl Gather for Seen<'_> {
    fn part(&self, _place: usize, _table: usize) -> Box<dyn Part + '_> {
        Box::new(SeenPart {
            seen: self,
            keys: KeyHasher::new(self.columns, self.key),
            rows: RowHasher::new(self.columns),
            range: None,
            open: false,
        })
    }
}

struct SeenPart<'g> {
    seen: &'g Seen<'g>,
    keys: KeyHasher,
    rows: RowHasher,
    range: Option<(i64, i64)>,
    open: bool,
}

impl Part for SeenPart<'_> {
    fn take(&mut self, batch: &Batch) -> Result<()> {
        let leading = self.seen.key.columns.first().map(|column| batch.records.column(*column));
        match leading.and_then(range) {
            Some((first, last)) => {
                let (least, greatest) = self.range.unwrap_or((first, last));
                self.range = Some((least.min(first), greatest.max(last)));
            }
            None => self.open |= batch.records.num_rows() > 0,
        }
        let keys = self.keys.hashes(batch)?;
        let rows = self.rows.row_hashes(batch)?;
        let mut seen = self.seen.found.lock().unwrap_or_else(PoisonError::into_inner);
        for (key, row) in keys.iter().zip(rows) {
            if seen.count == self.seen.most {
                seen.cut = true;
                break;
            }
            *seen.rows.entry((*key, *row)).or_default() += 1;
            seen.count += 1;
        }
        Ok(())
    }

    fn finish(self: Box<Self>) {
        let mut seen = self.seen.found.lock().unwrap_or_else(PoisonError::into_inner);
        seen.ranges.extend(self.range);
        seen.open |= self.open;
    }
}

/// The least and the greatest of whole numbers without nulls.
fn range(cells: &arrow::array::ArrayRef) -> Option<(i64, i64)> {
    if cells.null_count() > 0 {
        return None;
    }
    macro_rules! ends {
        ($type:ty) => {{
            let values = cells.as_primitive::<$type>().values();
            Some(((*values.iter().min()?).into(), (*values.iter().max()?).into()))
        }};
    }
    match cells.data_type() {
        DataType::Int8 => ends!(Int8Type),
        DataType::Int16 => ends!(Int16Type),
        DataType::Int32 => ends!(Int32Type),
        DataType::Int64 => ends!(Int64Type),
        DataType::UInt8 => ends!(UInt8Type),
        DataType::UInt16 => ends!(UInt16Type),
        DataType::UInt32 => ends!(UInt32Type),
        _ => None,
    }
}

/// The sampled rows that were not found yet in the other place.
pub(super) struct Match<'t> {
    pub(super) columns: &'t Collection,
    pub(super) key: &'t RowKey,
    pub(super) left: Mutex<HashMap<(u128, u128), u64>>,
}

impl Gather for Match<'_> {
    fn part(&self, _place: usize, _table: usize) -> Box<dyn Part + '_> {
        let (keys, rows) = (KeyHasher::new(self.columns, self.key), RowHasher::new(self.columns));
        Box::new(MatchPart { matched: self, keys, rows })
    }
}

struct MatchPart<'g> {
    matched: &'g Match<'g>,
    keys: KeyHasher,
    rows: RowHasher,
}

impl Part for MatchPart<'_> {
    fn take(&mut self, batch: &Batch) -> Result<()> {
        let keys = self.keys.hashes(batch)?;
        let rows = self.rows.row_hashes(batch)?;
        let mut left = self.matched.left.lock().unwrap_or_else(PoisonError::into_inner);
        for found in keys.iter().copied().zip(rows.iter().copied()) {
            if let Some(times) = left.get_mut(&found) {
                *times -= 1;
                if *times == 0 {
                    left.remove(&found);
                }
            }
        }
        Ok(())
    }

    fn finish(self: Box<Self>) {}
}
