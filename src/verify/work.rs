//! What the steps of a restore or a verification cost compared with each other, for a bar that goes on evenly.
//!
//! The unit is what it costs to hash a byte of a file. The proportions are rough: they were measured on one machine, and
//! they are never used for anything but progress.

use crate::archive::CollectionEntry;
use dbferry_dialect::Collection;

/// What a row costs beside its bytes, in bytes.
const ROW_BYTES: u64 = 16;

/// How much a collection holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Amount {
    /// Its rows; 0 where nobody knows.
    pub(crate) rows: u64,
    /// The bytes of its files, or about those of its table.
    pub(crate) bytes: u64,
}

impl From<&CollectionEntry> for Amount {
    fn from(entry: &CollectionEntry) -> Self {
        // A file without rows has a few bytes that nobody reads.
        Self { rows: entry.rows, bytes: if entry.rows == 0 { 0 } else { entry.bytes() } }
    }
}

/// Looking at the bytes of a collection's files.
pub(crate) fn check(entry: &CollectionEntry) -> u64 {
    entry.bytes()
}

/// Decoding and hashing a collection's rows.
pub(crate) fn decode(amount: impl Into<Amount>) -> u64 {
    rows(amount.into(), 10)
}

/// Reading a collection's rows from a database and hashing them.
pub(crate) fn reread(amount: impl Into<Amount>) -> u64 {
    rows(amount.into(), 25)
}

/// Reading about `count` rows of `bytes` of table data from a database and hashing them.
pub(crate) fn read(count: u64, bytes: u64) -> u64 {
    // At least something: what is empty or unknown has to be asked for too.
    reread(Amount { rows: count, bytes }).max(1)
}

/// Decoding a collection's rows and loading them into a database.
pub(crate) fn load(amount: impl Into<Amount>) -> u64 {
    rows(amount.into(), 50)
}

/// Building a collection's indexes and checking its foreign keys.
pub(crate) fn complete(amount: Amount, collection: &Collection) -> u64 {
    const EACH_ROW: u64 = 1_000;
    let sorts = collection.indexes.len() + collection.foreign_keys.len();
    amount.rows.saturating_mul(sorts as u64).saturating_mul(EACH_ROW)
}

/// All of it.
pub(crate) fn sum(parts: impl Iterator<Item = u64>) -> u64 {
    // The numbers of an archive may be anything.
    parts.fold(0, u64::saturating_add)
}

/// How much a collection is, its rows and its bytes taken together.
pub(crate) fn size(amount: Amount) -> u64 {
    rows(amount, 1)
}

fn rows(amount: Amount, cost: u64) -> u64 {
    amount.rows.saturating_mul(ROW_BYTES).saturating_add(amount.bytes).saturating_mul(cost)
}
