//! What the steps of a restore or a verification cost compared with each other, for a bar that goes on evenly.
//!
//! The unit is what it costs to hash a byte of a file. The proportions are rough: they were measured on one machine, and
//! they are never used for anything but progress.

use crate::archive::CollectionEntry;

/// What a row costs beside its bytes, in bytes.
const ROW_BYTES: u64 = 16;

/// Looking at the bytes of a collection's files.
pub(crate) fn check(entry: &CollectionEntry) -> u64 {
    entry.bytes()
}

/// Decoding and hashing a collection's rows.
pub(crate) fn decode(entry: &CollectionEntry) -> u64 {
    rows(entry, 10)
}

/// Reading a collection's rows from a database and hashing them.
pub(crate) fn reread(entry: &CollectionEntry) -> u64 {
    rows(entry, 25)
}

/// Reading about `count` rows of `bytes` of table data from a database and hashing them.
pub(crate) fn read(count: u64, bytes: u64) -> u64 {
    // At least something: what is empty or unknown has to be asked for too.
    count.saturating_mul(ROW_BYTES).saturating_add(bytes).saturating_mul(25).max(1)
}

/// Decoding a collection's rows and loading them into a database.
pub(crate) fn load(entry: &CollectionEntry) -> u64 {
    rows(entry, 50)
}

/// Building a collection's indexes and checking its foreign keys.
pub(crate) fn complete(entry: &CollectionEntry) -> u64 {
    const EACH_ROW: u64 = 1_000;
    let sorts = entry.collection.indexes.len() + entry.collection.foreign_keys.len();
    entry.rows.saturating_mul(sorts as u64).saturating_mul(EACH_ROW)
}

/// All of it.
pub(crate) fn sum(parts: impl Iterator<Item = u64>) -> u64 {
    // The numbers of an archive may be anything.
    parts.fold(0, u64::saturating_add)
}

fn rows(entry: &CollectionEntry, cost: u64) -> u64 {
    if entry.rows == 0 {
        return 0;
    }
    entry.rows.saturating_mul(ROW_BYTES).saturating_add(entry.bytes()).saturating_mul(cost)
}
