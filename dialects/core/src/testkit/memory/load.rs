//! Rows on their way into one table: the source's columns fitted to the target's, checked, and appended.

use super::check::{self, UniqueKey, refused};
use super::convert::lossless;
use super::state::Table;
use crate::carrier::{self, arrow_type};
use crate::error::{Error, ErrorKind, Result};
use crate::exception::{Batch, Exception};
use crate::model::{Collection, Column, ColumnRole, DefaultMeaning};
use crate::testkit::text::{cell_text, native_text};
use arrow::array::{
    Array, ArrayRef, AsArray, Int64Array, RecordBatch, RecordBatchOptions, StringArray, new_null_array,
};
use arrow::compute::cast;
use arrow::datatypes::{Int64Type, SchemaRef};
use std::collections::HashMap;
use std::sync::Arc;

/// Rows of a table with their exceptions at hand.
pub(super) struct Cells<'a> {
    pub(super) columns: &'a [ArrayRef],
    pub(super) length: usize,
    exceptions: HashMap<(u64, u32), &'a Exception>,
}

impl<'a> Cells<'a> {
    pub(super) fn new(columns: &'a [ArrayRef], length: usize, exceptions: &'a [Exception]) -> Self {
        let exceptions = exceptions.iter().map(|exception| ((exception.row, exception.column), exception)).collect();
        Self { columns, length, exceptions }
    }

    pub(super) fn of(batch: &'a Batch) -> Self {
        Self::new(batch.records.columns(), batch.records.num_rows(), &batch.exceptions)
    }

    pub(super) fn exception(&self, row: usize, column: usize) -> Option<&Exception> {
        // A table has far fewer than 2^32 columns.
        self.exceptions.get(&(row as u64, column as u32)).copied()
    }

    /// The text of a key, the same for equal values; `None` when a part is null.
    pub(super) fn key(&self, columns: &[usize], row: usize) -> Option<String> {
        let parts: Option<Vec<String>> = columns
            .iter()
            .map(|column| match self.exception(row, *column) {
                Some(exception) => Some(native_text(&exception.value)),
                None => {
                    let cells = self.columns.get(*column).filter(|cells| !cells.is_null(row))?;
                    Some(cell_text(cells, row))
                }
            })
            .collect();
        Some(parts?.join(", "))
    }
}

/// Where the values of a target column come from.
#[derive(Debug)]
enum Feed {
    /// The source's column at this position.
    Column(usize),
    /// The same for every row: the column's default, or null.
    Constant,
    /// The next number, as an engine numbers rows that come without one.
    Number,
}

/// One table being loaded.
#[derive(Debug)]
pub(super) struct Load {
    source: Collection,
    source_schema: SchemaRef,
    table: Table,
    table_schema: SchemaRef,
    feeds: Vec<Feed>,
    keys: Vec<UniqueKey>,
    next_number: i64,
}

impl Load {
    /// Loads rows of `source` into `table`, after those that it holds. With `renumber`, row identities are given anew.
    ///
    /// # Errors
    /// [`ErrorKind::Database`] when the source has a column that the table does not have.
    pub(super) fn new(source: Collection, table: Table, renumber: bool) -> Result<Self> {
        let target = &table.collection;
        for column in &source.columns {
            if column.role != ColumnRole::RowIdentity && target.column(&column.name).is_none() {
                return Err(refused("no such column", target).with("column", &column.name));
            }
        }
        let feed = |column: &Column| match source.column(&column.name) {
            _ if column.role == ColumnRole::RowIdentity && renumber => Feed::Number,
            Some((position, _)) => Feed::Column(position),
            None if column.role == ColumnRole::RowIdentity => Feed::Number,
            None => Feed::Constant,
        };
        let feeds = target.columns.iter().map(feed).collect();
        let mut load = Self {
            source_schema: carrier::schema(&source),
            table_schema: carrier::schema(target),
            feeds,
            keys: UniqueKey::all_of(target)?,
            next_number: 1,
            source,
            table,
        };
        for batch in &load.table.batches {
            let cells = Cells::of(batch);
            for key in &mut load.keys {
                key.add(&load.table.collection, &cells)?;
            }
            load.next_number = load.next_number.max(highest_number(&load.table.collection, batch).saturating_add(1));
        }
        Ok(load)
    }

    /// Takes a batch of the source; returns its rows. After an error the table is not fit for use.
    ///
    /// # Errors
    /// [`ErrorKind::Database`] when the rows break a rule of the table.
    pub(super) fn write(&mut self, batch: &Batch) -> Result<u64> {
        check::shape(&self.source, &self.source_schema, batch)?;
        let length = batch.records.num_rows();
        let target = &self.table.collection;
        let mut columns = Vec::with_capacity(target.columns.len());
        // Positions in the target of the source's columns.
        let mut positions = HashMap::new();
        for (position, (column, feed)) in target.columns.iter().zip(&self.feeds).enumerate() {
            columns.push(match feed {
                Feed::Column(from) => {
                    // A table has far fewer than 2^32 columns.
                    positions.insert(*from as u32, position as u32);
                    // The batch has all columns of the source: its shape was checked.
                    let cells = batch.records.column(*from);
                    lossless(cells, &column.logical)
                        .map_err(|error| error.with("collection", &target.name).with("column", &column.name))?
                }
                Feed::Constant => constant(target, column, length)?,
                Feed::Number => {
                    let numbers = self.next_number..self.next_number.saturating_add_unsigned(length as u64);
                    Arc::new(Int64Array::from_iter_values(numbers))
                }
            });
        }
        self.next_number = self.next_number.saturating_add_unsigned(length as u64);
        let mut exceptions: Vec<Exception> = batch
            .exceptions
            .iter()
            .filter_map(|exception| {
                let column = *positions.get(&exception.column)?;
                Some(Exception { column, ..exception.clone() })
            })
            .collect();
        exceptions.sort_by_key(|exception| (exception.row, exception.column));
        let cells = Cells::new(&columns, length, &exceptions);
        check::values(target, &cells)?;
        for key in &mut self.keys {
            key.add(target, &cells)?;
        }
        let options = RecordBatchOptions::new().with_row_count(Some(length));
        let records = RecordBatch::try_new_with_options(self.table_schema.clone(), columns, &options)?;
        self.table.push(Batch { records, exceptions });
        Ok(length as u64)
    }

    /// The loaded table.
    pub(super) fn finish(self) -> Table {
        self.table
    }
}

fn highest_number(collection: &Collection, batch: &Batch) -> i64 {
    collection
        .columns
        .iter()
        .zip(batch.records.columns())
        .filter(|(column, _)| column.role == ColumnRole::RowIdentity)
        .filter_map(|(_, cells)| cells.as_primitive_opt::<Int64Type>().and_then(arrow::compute::max))
        .max()
        .unwrap_or(0)
}

/// A column of which the source has no values: its default, where that is a constant, or null.
fn constant(collection: &Collection, column: &Column, length: usize) -> Result<ArrayRef> {
    let data_type = arrow_type(&column.logical);
    let text = match column.default.as_ref().map(|default| &default.meaning) {
        None | Some(Some(DefaultMeaning::Null)) => return Ok(new_null_array(&data_type, length)),
        Some(Some(DefaultMeaning::Bool(value))) => value.to_string(),
        Some(Some(DefaultMeaning::Number(text) | DefaultMeaning::Text(text))) => text.clone(),
        Some(_) => {
            return Err(Error::new(ErrorKind::Unsupported, "the in-memory dialect cannot evaluate this default")
                .with("collection", &collection.name)
                .with("column", &column.name));
        }
    };
    let texts = StringArray::from_iter_values(std::iter::repeat_n(text, length));
    cast(&texts, &data_type).map_err(|error| {
        refused("the default does not fit its column", collection).with("column", &column.name).caused_by(error)
    })
}
