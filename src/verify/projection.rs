//! Some columns of a collection, in any order.
//!
//! The proof of a restore leaves out generated columns: nobody can write them, the target computes them, and another version
//! of the same engine may compute them to another value in the last digit. A comparison leaves out what one of the two
//! cannot be asked for, and puts the columns of one archive in the order of the other.

use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use dbferry_dialect::{Batch, Collection, Error, ErrorKind, Exception, Result};

/// Some columns of a collection.
#[derive(Clone, Debug)]
pub(crate) struct Projection {
    /// The collection with these columns only.
    pub(crate) collection: Collection,
    /// The names of the generated columns that are left out.
    pub(crate) generated: Vec<String>,
    /// For each column here its position in the whole collection.
    kept: Vec<usize>,
    /// For each column of the whole collection its position here, if it is here.
    positions: Vec<Option<u32>>,
}

impl Projection {
    /// The columns of `collection` that are not computed; none when nothing is computed, or everything.
    pub(crate) fn of(collection: &Collection) -> Option<Self> {
        let written = |position: &usize| collection.columns[*position].generated.is_none();
        let kept: Vec<usize> = (0..collection.columns.len()).filter(written).collect();
        (kept.len() < collection.columns.len() && !kept.is_empty()).then(|| Self::new(collection, kept))
    }

    /// The columns of `collection` at the positions `kept`, each of which is one of them and there once, in that order.
    pub(crate) fn new(collection: &Collection, kept: Vec<usize>) -> Self {
        let mut projected = collection.clone();
        projected.columns = kept.iter().map(|position| collection.columns[*position].clone()).collect();
        let mut positions = vec![None; collection.columns.len()];
        for (here, position) in (0..).zip(&kept) {
            positions[*position] = Some(here);
        }
        let left_out = collection.columns.iter().zip(&positions).filter(|(_, here)| here.is_none());
        let generated = left_out.filter(|(column, _)| column.generated.is_some());
        Self {
            generated: generated.map(|(column, _)| column.name.clone()).collect(),
            collection: projected,
            kept,
            positions,
        }
    }

    /// Whether it is the whole collection, in its order.
    pub(crate) fn is_whole(&self) -> bool {
        self.kept.len() == self.positions.len() && self.kept.iter().copied().eq(0..self.kept.len())
    }

    /// The same rows with these columns.
    ///
    /// # Errors
    /// When the batch is not one of the whole collection.
    pub(crate) fn project(&self, batch: &Batch) -> Result<Batch> {
        if batch.records.num_columns() != self.positions.len() {
            return Err(Error::new(ErrorKind::Internal, "a batch has other columns than its collection"));
        }
        let schema = batch.records.schema().project(&self.kept)?;
        let columns = self.kept.iter().map(|position| batch.records.column(*position).clone()).collect();
        // Without columns a row is still a row.
        let options = RecordBatchOptions::new().with_row_count(Some(batch.records.num_rows()));
        let records = RecordBatch::try_new_with_options(schema.into(), columns, &options)?;
        let position = |column: u32| self.positions.get(column as usize).copied().flatten();
        let mut exceptions: Vec<Exception> = batch
            .exceptions
            .iter()
            .filter_map(|exception| Some(Exception { column: position(exception.column)?, ..exception.clone() }))
            .collect();
        exceptions.sort_by_key(|exception| (exception.row, exception.column));
        Ok(Batch { records, exceptions })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{ArrayRef, Int64Array, StringArray};
    use dbferry_dialect::{CollectionName, Column, ExceptionReason, LogicalType, NativeValue, carrier};
    use std::sync::Arc;

    #[test]
    fn columns_and_their_exceptions_move_together() {
        let columns = vec![Column::new("a", LogicalType::INT64, ""), Column::new("b", LogicalType::TEXT, "")];
        let collection = Collection::table(CollectionName::new("main", "t"), columns);
        let cells: Vec<ArrayRef> =
            vec![Arc::new(Int64Array::from(vec![None, Some(2)])), Arc::new(StringArray::from(vec!["x", "y"]))];
        let records = RecordBatch::try_new(carrier::schema(&collection), cells).expect("a batch");
        let value = NativeValue::Text("one".into());
        let exception = Exception { row: 0, column: 0, reason: ExceptionReason::StorageClass, value };
        let batch = Batch { records, exceptions: vec![exception] };

        let turned = Projection::new(&collection, vec![1, 0]);
        assert!(!turned.is_whole() && Projection::new(&collection, vec![0, 1]).is_whole());
        let found = turned.project(&batch).expect("a batch");
        assert_eq!(found.records.schema().field(0).name(), "b");
        assert_eq!((found.exceptions[0].row, found.exceptions[0].column), (0, 1));

        let without = Projection::new(&collection, vec![1]).project(&batch).expect("a batch");
        assert_eq!((without.records.num_columns(), without.exceptions.len()), (1, 0));
        let nothing = Projection::new(&collection, Vec::new()).project(&batch).expect("a batch");
        assert_eq!((nothing.records.num_columns(), nothing.records.num_rows()), (0, 2));
        turned.project(&found.clone()).map(drop).expect("as many columns");
        turned.project(&without).expect_err("other columns");
    }
}
