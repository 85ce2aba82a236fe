//! What a database checks before it takes rows: their shape, nulls, lengths, labels and keys.

use super::load::Cells;
use crate::carrier;
use crate::error::{Error, ErrorKind, Result};
use crate::exception::Batch;
use crate::logical::LogicalType;
use crate::model::{Collection, ColumnRole, IndexSubject};
use arrow::array::{Array, AsArray};
use arrow::datatypes::Schema as ArrowSchema;
use std::collections::HashSet;

/// A failure of the database in `collection`.
pub(super) fn refused(message: impl Into<std::borrow::Cow<'static, str>>, collection: &Collection) -> Error {
    Error::new(ErrorKind::Database, message).with("dialect", "memory").with("collection", &collection.name)
}

/// Checks that a batch is what the contract says about one of `collection`, whose Arrow schema is `expected`.
pub(super) fn shape(collection: &Collection, expected: &ArrowSchema, batch: &Batch) -> Result<()> {
    let found = batch.records.schema();
    if !collection.kind.has_rows() {
        return Err(refused("a collection of this kind has no rows of its own", collection));
    }
    let same = found.fields().len() == expected.fields().len()
        && found.fields().iter().zip(expected.fields()).all(|(found, expected)| {
            found.name() == expected.name() && carrier::same_shape(found.data_type(), expected.data_type())
        });
    if !same {
        return Err(refused(format!("the batch has the columns {found}, not {expected}"), collection));
    }
    let mut before = None;
    for exception in &batch.exceptions {
        let place = (exception.row, exception.column);
        let is_null = usize::try_from(exception.row)
            .ok()
            .filter(|row| *row < batch.records.num_rows())
            .zip(batch.records.columns().get(exception.column as usize))
            .is_some_and(|(row, cells)| cells.is_null(row));
        if !is_null || before.is_some_and(|before| before >= place) {
            return Err(refused("the exceptions of a batch are out of order or stand on no null cell", collection)
                .with("row", exception.row)
                .with("column", exception.column));
        }
        before = Some(place);
    }
    Ok(())
}

/// Checks nulls, lengths and labels of rows that have the columns of `collection`.
pub(super) fn values(collection: &Collection, rows: &Cells<'_>) -> Result<()> {
    for (position, (column, cells)) in collection.columns.iter().zip(rows.columns).enumerate() {
        let at =
            |message: String, row: usize| refused(message, collection).with("column", &column.name).with("row", row);
        if !column.nullable && cells.null_count() > 0 {
            let null = (0..cells.len()).find(|row| cells.is_null(*row) && rows.exception(*row, position).is_none());
            if let Some(row) = null {
                return Err(at("null in a column that is not nullable".into(), row));
            }
        }
        let bad = match &column.logical {
            LogicalType::Text { max_chars: Some(most), .. } => cells
                .as_string::<i32>()
                .iter()
                .position(|text| text.is_some_and(|text| text.chars().count() as u64 > *most)),
            LogicalType::Bytes { max_bytes: Some(most), .. } => {
                cells.as_binary::<i32>().iter().position(|bytes| bytes.is_some_and(|bytes| bytes.len() as u64 > *most))
            }
            LogicalType::Enum { labels } => cells
                .as_string::<i32>()
                .iter()
                .position(|text| text.is_some_and(|text| !labels.iter().any(|label| label == text))),
            _ => None,
        };
        if let Some(row) = bad {
            return Err(at(format!("the value is not one of {}", column.logical), row));
        }
    }
    Ok(())
}

/// A key whose values must differ, and the values that were seen.
#[derive(Debug)]
pub(super) struct UniqueKey {
    what: String,
    columns: Vec<usize>,
    seen: HashSet<String>,
}

impl UniqueKey {
    /// Every unique key of `collection`: constraints, plain unique indexes, row identities.
    pub(super) fn all_of(collection: &Collection) -> Result<Vec<Self>> {
        let mut keys = Vec::new();
        let mut add = |what: &str, columns: Vec<&String>| {
            let columns = positions(collection, columns.into_iter())?;
            keys.push(Self { what: what.to_owned(), columns, seen: HashSet::new() });
            Ok::<_, Error>(())
        };
        if let Some(key) = &collection.primary_key {
            add("the primary key", key.columns.iter().collect())?;
        }
        for key in &collection.unique_keys {
            add("a unique key", key.columns.iter().collect())?;
        }
        for index in collection.indexes.iter().filter(|index| index.unique && index.predicate.is_none()) {
            let columns: Option<Vec<&String>> = index
                .parts
                .iter()
                .map(|part| match &part.subject {
                    IndexSubject::Column(column) => Some(column),
                    IndexSubject::Expression(_) => None,
                })
                .collect();
            if let Some(columns) = columns {
                add("a unique index", columns)?;
            }
        }
        for column in collection.columns.iter().filter(|column| column.role == ColumnRole::RowIdentity) {
            add("the row identity", vec![&column.name])?;
        }
        Ok(keys)
    }

    /// Adds the keys of these rows. Keys with a null in them are never duplicates.
    pub(super) fn add(&mut self, collection: &Collection, rows: &Cells<'_>) -> Result<()> {
        for row in 0..rows.length {
            if let Some(key) = rows.key(&self.columns, row)
                && !self.seen.insert(key.clone())
            {
                return Err(refused(format!("duplicate value of {}", self.what), collection)
                    .with("key", key)
                    .with("row", row));
            }
        }
        Ok(())
    }
}

/// The positions of columns by name.
pub(super) fn positions<'a>(collection: &Collection, columns: impl Iterator<Item = &'a String>) -> Result<Vec<usize>> {
    columns
        .map(|name| {
            let found = collection.column(name).map(|(position, _)| position);
            found.ok_or_else(|| refused("a key names a column that does not exist", collection).with("column", name))
        })
        .collect()
}
