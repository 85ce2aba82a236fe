//! The second look: the rows of the slices that differ, put side by side.
//!
//! A row that is in both places is forgotten as soon as its other half comes. What is kept is bounded: when it becomes too
//! much, the rows whose keys have the greater hashes are given up, in both places alike.

use super::super::projection::Projection;
use super::super::scan::{Gather, Part};
use super::key::{KeyHasher, RowKey};
use super::slices::Differing;
use super::value::{SortKey, sort_key, text};
use arrow::array::UInt64Array;
use arrow::compute::take_record_batch;
use dbferry_dialect::hash::RowHasher;
use dbferry_dialect::{Batch, Collection, Exception, Result};
use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError, RwLock};

/// A cell of a row that is kept.
#[derive(Clone, Debug)]
pub(crate) struct KeptCell {
    /// Two cells of a column are equal when their hashes are.
    pub(crate) hash: u128,
    /// What it looks like.
    pub(crate) text: String,
}

/// A row that is kept.
#[derive(Clone, Debug)]
pub(crate) struct KeptRow {
    hash: u128,
    /// How often it is there.
    pub(crate) times: u64,
    /// Where it stands among the others.
    pub(crate) order: Vec<SortKey>,
    /// Its cells.
    pub(crate) cells: Vec<KeptCell>,
}

impl KeptRow {
    fn bytes(&self) -> u64 {
        let order = self.order.iter().map(|key| if let SortKey::Text(text) = key { text.len() } else { 0 });
        let cells = self.cells.iter().map(|cell| cell.text.len());
        let heap: usize = order.chain(cells).sum();
        (size_of::<Self>() + self.order.len() * size_of::<SortKey>() + self.cells.len() * size_of::<KeptCell>() + heap)
            as u64
    }
}

/// The rows with one key that are in one place only, for each place.
pub(crate) type Apart = [Vec<KeptRow>; 2];

/// Which rows are looked at.
pub(crate) enum Wanted<'t> {
    /// Those of slices that differ.
    Slices(&'t Differing),
    /// Those whose keys have these hashes.
    Keys(&'t HashSet<u128>),
}

impl Wanted<'_> {
    fn has(&self, key: u128) -> bool {
        match self {
            Self::Slices(slices) => slices.has(key),
            Self::Keys(keys) => keys.contains(&key),
        }
    }
}

/// Puts rows of two places side by side.
pub(crate) struct Collect<'t> {
    columns: [&'t Collection; 2],
    key: &'t RowKey,
    wanted: Wanted<'t>,
    most_bytes: u64,
    /// Keys with this hash or a greater one are not looked at.
    limit: RwLock<Option<u128>>,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    rows: HashMap<u128, Apart>,
    bytes: u64,
}

impl<'t> Collect<'t> {
    /// For rows whose columns in the two places are `columns`: those that are `wanted`, with keys before `limit`, in no
    /// more than about `most_bytes` of memory.
    pub(crate) fn new(
        columns: [&'t Collection; 2],
        key: &'t RowKey,
        wanted: Wanted<'t>,
        limit: Option<u128>,
        most_bytes: u64,
    ) -> Self {
        Self { columns, key, wanted, most_bytes, limit: RwLock::new(limit), kept: Mutex::default() }
    }

    /// What is in one place only, by the keys, and whether all wanted rows were looked at.
    pub(crate) fn finish(self) -> (Vec<Apart>, bool) {
        let kept = self.kept.into_inner().unwrap_or_else(PoisonError::into_inner);
        let complete = self.limit.into_inner().unwrap_or_else(PoisonError::into_inner).is_none();
        (kept.rows.into_values().filter(|[left, right]| !left.is_empty() || !right.is_empty()).collect(), complete)
    }

    fn limit(&self) -> Option<u128> {
        *self.limit.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn looks_at(&self, limit: Option<u128>, key: u128) -> bool {
        limit.is_none_or(|limit| key < limit) && self.wanted.has(key)
    }

    fn put(&self, place: usize, rows: Vec<(u128, KeptRow)>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        // The limit only changes under this lock.
        let limit = self.limit();
        for (key, row) in rows {
            if limit.is_none_or(|limit| key < limit) {
                kept.put(place, key, row);
            }
        }
        while kept.bytes > self.most_bytes {
            let half = match self.limit() {
                // Half of the keys that there are.
                None => 1 << 127,
                Some(limit) => limit / 2,
            };
            *self.limit.write().unwrap_or_else(PoisonError::into_inner) = Some(half);
            kept.give_up_from(half);
        }
    }
}

impl Kept {
    fn put(&mut self, place: usize, key: u128, row: KeptRow) {
        let apart = self.rows.entry(key).or_default();
        if let Some(position) = apart[1 - place].iter().position(|other| other.hash == row.hash) {
            let other = &mut apart[1 - place][position];
            other.times -= 1;
            if other.times == 0 {
                let gone = apart[1 - place].swap_remove(position);
                self.bytes -= gone.bytes();
            }
            if apart.iter().all(Vec::is_empty) {
                self.rows.remove(&key);
            }
        } else if let Some(same) = apart[place].iter_mut().find(|same| same.hash == row.hash) {
            same.times += 1;
        } else {
            self.bytes += row.bytes();
            apart[place].push(row);
        }
    }

    fn give_up_from(&mut self, limit: u128) {
        self.rows.retain(|key, _| *key < limit);
        self.bytes = self.rows.values().flatten().flatten().map(KeptRow::bytes).sum();
    }
}

impl Gather for Collect<'_> {
    fn part(&self, place: usize, _table: usize) -> Box<dyn Part + '_> {
        let columns = self.columns[place];
        let each = (0..columns.columns.len()).map(|column| {
            let projection = Projection::new(columns, vec![column]);
            let hasher = RowHasher::new(&projection.collection);
            (projection, hasher)
        });
        Box::new(CollectedPart {
            collect: self,
            place,
            keys: KeyHasher::new(columns, self.key),
            rows: RowHasher::new(columns),
            cells: each.collect(),
        })
    }
}

struct CollectedPart<'g> {
    collect: &'g Collect<'g>,
    place: usize,
    keys: KeyHasher,
    rows: RowHasher,
    /// For each column how its cells are hashed.
    cells: Vec<(Projection, RowHasher)>,
}

impl Part for CollectedPart<'_> {
    fn take(&mut self, batch: &Batch) -> Result<()> {
        let limit = self.collect.limit();
        let keys = self.keys.hashes(batch)?;
        let chosen = keys.iter().enumerate().filter(|(_, key)| self.collect.looks_at(limit, **key));
        let (rows, keys): (Vec<u64>, Vec<u128>) = chosen.map(|(row, key)| (row as u64, *key)).unzip();
        if rows.is_empty() {
            return Ok(());
        }
        let batch = &select(batch, rows)?;
        let hashes = self.rows.row_hashes(batch)?.to_vec();
        let mut kept: Vec<(u128, KeptRow)> = keys
            .into_iter()
            .zip(hashes)
            .map(|(key, hash)| (key, KeptRow { hash, times: 1, order: Vec::new(), cells: Vec::new() }))
            .collect();
        let columns = &self.collect.columns[self.place].columns;
        for ((projection, hasher), column) in self.cells.iter_mut().zip(columns) {
            let part = projection.project(batch)?;
            let array = part.records.column(0);
            let mut exceptions = part.exceptions.iter().peekable();
            for (row, (hash, (_, kept))) in hasher.row_hashes(&part)?.iter().zip(&mut kept).enumerate() {
                let exception = exceptions.next_if(|exception| exception.row == row as u64);
                let text = text(&column.logical, array, row, exception);
                kept.cells.push(KeptCell { hash: *hash, text });
            }
        }
        for column in &self.collect.key.columns {
            let array = batch.records.column(*column);
            for (row, (_, kept)) in kept.iter_mut().enumerate() {
                kept.order.push(sort_key(array, row, &kept.cells[*column].text));
            }
        }
        self.collect.put(self.place, kept);
        Ok(())
    }

    fn finish(self: Box<Self>) {}
}

/// The rows of a batch at `rows`, which are in order.
fn select(batch: &Batch, rows: Vec<u64>) -> Result<Batch> {
    let exceptions = batch.exceptions.iter().filter_map(|exception| {
        let row = rows.binary_search(&exception.row).ok()?;
        Some(Exception { row: row as u64, ..exception.clone() })
    });
    let exceptions = exceptions.collect();
    Ok(Batch { records: take_record_batch(&batch.records, &UInt64Array::from(rows))?, exceptions })
}

#[cfg(test)]
mod tests {
    use super::*;
    use dbferry_dialect::CollectionName;

    fn row(hash: u128) -> KeptRow {
        let cell = KeptCell { hash, text: "x".repeat(100) };
        KeptRow { hash, times: 1, order: Vec::new(), cells: vec![cell] }
    }

    #[test]
    fn what_is_given_up_is_given_up_in_both_places() {
        let table = Collection::table(CollectionName::new("main", "t"), Vec::new());
        let key = RowKey::choose(&table, &table);
        let all: HashSet<u128> = (0..1_000_u128).map(|number| number << 118).collect();
        let rows = || all.iter().map(|key| (*key, row(*key + 1))).collect::<Vec<_>>();
        let collect = |most_bytes| Collect::new([&table, &table], &key, Wanted::Keys(&all), None, most_bytes);

        let enough = collect(1 << 20);
        enough.put(0, rows());
        enough.put(1, rows());
        enough.put(1, vec![(7 << 118, row(3))]);
        let (apart, complete) = enough.finish();
        assert!(complete);
        assert_eq!((apart.len(), apart[0][0].len(), apart[0][1].len()), (1, 0, 1));

        let little = collect(row(1).bytes() * 300);
        little.put(0, rows());
        assert_eq!(little.limit(), Some(1 << 126), "a quarter fits");
        // A part that had been chosen before the limit fell.
        little.put(1, rows());
        let (apart, complete) = little.finish();
        assert!(!complete);
        assert_eq!(apart.len(), 0, "rows that are in both places look as if they were in one");
    }

    #[test]
    fn rows_that_are_there_often_are_kept_once() {
        let mut kept = Kept::default();
        for _ in 0..1_000 {
            kept.put(0, 1, row(5));
        }
        assert_eq!(kept.bytes, row(5).bytes());
        for _ in 0..999 {
            kept.put(1, 1, row(5));
        }
        assert_eq!(kept.rows[&1][0][0].times, 1);
        kept.put(1, 1, row(5));
        assert!(kept.rows.is_empty() && kept.bytes == 0);
    }
}
