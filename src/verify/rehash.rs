//! Hashes collections: a database's, which is the half of every proof that looks at a target, or those of two places at once.

use super::gate::Gate;
use super::scan::{Feed, Gather, Part, Rows, RowsPlace, Run, Workers, scan};
use crate::progress::RowCount;
use dbferry_dialect::hash::{CollectionHash, RowHasher};
use dbferry_dialect::{Batch, Chunk, Collection, Reader, Result};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// A collection of a database to hash, in chunks.
pub(crate) struct Rehash(Rows<'static>);

impl Rehash {
    /// `rows` rows that were loaded, with the columns of `collection`, in `chunks` of the database that is read. So much of
    /// the planned `work` is it; none where it is done a second time.
    pub(crate) fn of_loaded(collection: &Collection, chunks: Vec<Chunk>, rows: u64, work: u64) -> Self {
        Self(Rows {
            read: collection.clone(),
            cast: None,
            place: RowsPlace::Database { chunks, conditions: Vec::new() },
            rows: RowCount::Exactly(rows),
            work,
        })
    }
}

/// Hashes every collection with all readers at once, or with so many until the gate opens and then with all; the result is in the order of `work`: its hash, or why its columns
/// cannot be read as they are wanted.
///
/// # Errors
/// Whatever keeps the database from being read. That a collection has other columns than are wanted is a result.
pub(crate) fn rehash(
    mut readers: Vec<Box<dyn Reader>>,
    work: &[Rehash],
    run: &Run<'_>,
    later: Option<(usize, &Gate)>,
) -> Result<Vec<Result<CollectionHash>>> {
    let hashes = Hashes::new([work.iter().map(|rehash| &rehash.0).enumerate().collect()]);
    let tables = work.iter().map(|rehash| &rehash.0).enumerate().collect();
    let mut unreadable = scan(vec![Feed { workers: Workers::Readers(&mut readers, later), tables }], &hashes, run)?;
    let mut unreadable = unreadable.pop().unwrap_or_default();
    let found = (0..work.len()).map(|table| unreadable.remove(&table).map_or_else(|| Ok(hashes.of(0, table)), Err));
    Ok(found.collect())
}

/// Hashes the rows of each collection of each place.
pub(crate) struct Hashes<'t> {
    columns: Vec<BTreeMap<usize, &'t Collection>>,
    found: Mutex<BTreeMap<(usize, usize), CollectionHash>>,
}

impl<'t> Hashes<'t> {
    /// For these collections of each place, by their numbers.
    pub(crate) fn new<'a: 't>(places: impl IntoIterator<Item = Vec<(usize, &'t Rows<'a>)>>) -> Self {
        let columns = |tables: Vec<(usize, &'t Rows<'a>)>| {
            tables.into_iter().map(|(number, rows)| (number, rows.taken())).collect()
        };
        Self { columns: places.into_iter().map(columns).collect(), found: Mutex::default() }
    }

    /// What the rows of a collection that were read so far hash to.
    pub(crate) fn of(&self, place: usize, table: usize) -> CollectionHash {
        let found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        found.get(&(place, table)).copied().unwrap_or_default()
    }
}

impl Gather for Hashes<'_> {
    fn part(&self, place: usize, table: usize) -> Box<dyn Part + '_> {
        // Only collections that were named here are read.
        Box::new(HashedPart { hashes: self, at: (place, table), hasher: RowHasher::new(self.columns[place][&table]) })
    }
}

struct HashedPart<'g> {
    hashes: &'g Hashes<'g>,
    at: (usize, usize),
    hasher: RowHasher,
}

impl Part for HashedPart<'_> {
    fn take(&mut self, batch: &Batch) -> Result<()> {
        self.hasher.update(batch)
    }

    fn finish(self: Box<Self>) {
        let mut found = self.hashes.found.lock().unwrap_or_else(PoisonError::into_inner);
        found.entry(self.at).or_default().merge(self.hasher.total());
    }
}
