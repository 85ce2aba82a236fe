//! A collection without its generated columns.
//!
//! Nobody can write a generated column: the target computes it, and another version of the same engine may compute it to
//! another value in the last digit. The proof tells such a difference from one in what was written.

use dbferry_dialect::{Batch, Collection, Exception, Result};

/// The columns of a collection that are not computed.
#[derive(Clone, Debug)]
pub(crate) struct Projection {
    /// The collection with these columns only.
    pub(crate) collection: Collection,
    /// The names of the columns that are left out.
    pub(crate) generated: Vec<String>,
    /// For each column of the whole collection its position here, if it is here.
    positions: Vec<Option<u32>>,
}

impl Projection {
    /// The projection of `collection`; none when nothing is computed, or everything.
    pub(crate) fn of(collection: &Collection) -> Option<Self> {
        let mut projected = collection.clone();
        projected.columns.retain(|column| column.generated.is_none());
        if projected.columns.len() == collection.columns.len() || projected.columns.is_empty() {
            return None;
        }
        let mut kept = 0..;
        let positions =
            collection.columns.iter().map(|column| column.generated.is_none().then(|| kept.next()).flatten());
        let positions = positions.collect();
        let generated = collection.columns.iter().filter(|column| column.generated.is_some());
        Some(Self {
            generated: generated.map(|column| column.name.clone()).collect(),
            collection: projected,
            positions,
        })
    }

    /// The same rows without the computed columns.
    ///
    /// # Errors
    /// When the batch is not one of the whole collection.
    pub(crate) fn project(&self, batch: &Batch) -> Result<Batch> {
        let kept: Vec<usize> =
            (0..self.positions.len()).filter(|position| self.positions[*position].is_some()).collect();
        let position = |column: u32| self.positions.get(column as usize).copied().flatten();
        let exceptions = batch
            .exceptions
            .iter()
            .filter_map(|exception| Some(Exception { column: position(exception.column)?, ..exception.clone() }));
        Ok(Batch { records: batch.records.project(&kept)?, exceptions: exceptions.collect() })
    }
}
