#![doc = include_str!("HASH.md")]

mod cell;
mod key;
mod mix;
mod nested;
mod word;

#[cfg(test)]
mod golden;
#[cfg(test)]
mod properties;

use self::cell::CellHasher;
use self::key::ExceptionKeys;
use self::nested::Scratch;
use crate::carrier::same_shape;
use crate::error::{Error, ErrorKind, Result};
use crate::exception::{Batch, Exception};
use crate::logical::LogicalType;
use crate::model::{Collection, CollectionName};
use arrow::array::{Array, RecordBatch};
use std::fmt;
use std::ops::Range;

/// Whether cells of two columns are hashed alike when they hold the same value: both types mean the same, whatever width,
/// bound or precision their columns declare.
pub fn same_class(left: &LogicalType, right: &LogicalType) -> bool {
    key::class(left) == key::class(right)
}

/// Rows whose sums are worked on at once: 16 KiB, half of the smallest first-level cache in use.
const BLOCK: usize = 1024;

/// Rows counted and hashed so far. Order does not matter, duplicates do, and two of them can be merged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CollectionHash {
    /// Rows, modulo 2^64.
    pub rows: u64,
    /// The sum of the rows' hashes modulo 2^128.
    pub sum: u128,
}

impl CollectionHash {
    /// Adds the rows of `other`, another part of the same collection.
    pub fn merge(&mut self, other: Self) {
        self.rows = self.rows.wrapping_add(other.rows);
        self.sum = self.sum.wrapping_add(other.sum);
    }

    /// The number of rows and the text of the sum as a manifest holds them; nothing when `hash` is not what
    /// [`Display`](fmt::Display) writes.
    pub fn parse(rows: u64, hash: &str) -> Option<Self> {
        let canonical = hash.len() == 32 && hash.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
        let sum = canonical.then(|| u128::from_str_radix(hash, 16).ok())??;
        Some(Self { rows, sum })
    }
}

impl fmt::Display for CollectionHash {
    /// The sum in 32 lower-case hexadecimal digits; the number of rows stands beside it wherever it is written.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.sum)
    }
}

/// Hashes the batches of one collection.
#[derive(Debug)]
pub struct RowHasher {
    collection: CollectionName,
    columns: Vec<ColumnHasher>,
    total: CollectionHash,
    hashes: Vec<u128>,
    scratch: Scratch,
}

#[derive(Debug)]
struct ColumnHasher {
    name: String,
    cells: CellHasher,
    exceptions: ExceptionKeys,
}

impl RowHasher {
    /// For batches of `collection`.
    pub fn new(collection: &Collection) -> Self {
        let columns = (0..).zip(&collection.columns).map(|(position, column)| ColumnHasher {
            name: column.name.clone(),
            cells: CellHasher::new(position, &column.logical),
            exceptions: ExceptionKeys::new(position),
        });
        Self {
            collection: collection.name.clone(),
            columns: columns.collect(),
            total: CollectionHash::default(),
            hashes: Vec::new(),
            scratch: Scratch::default(),
        }
    }

    /// Adds the rows of `batch`. After an error the total is what it was.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] when the batch is not of the collection's schema, or its
    /// exceptions are not sorted, stand outside the batch, or stand on cells that are not null.
    pub fn update(&mut self, batch: &Batch) -> Result<()> {
        self.check(batch)?;
        let mut hashes = std::mem::take(&mut self.hashes);
        let sum = self.sum(batch, &mut hashes);
        self.hashes = hashes;
        self.total.merge(CollectionHash { rows: batch.records.num_rows() as u64, sum: sum? });
        Ok(())
    }

    /// The hash of each row of `batch`, in its order, for comparisons row by row. Adds nothing to the total.
    ///
    /// # Errors
    /// As [`RowHasher::update`].
    pub fn row_hashes(&mut self, batch: &Batch) -> Result<&[u128]> {
        self.check(batch)?;
        let mut hashes = std::mem::take(&mut self.hashes);
        hashes.clear();
        hashes.resize(batch.records.num_rows(), 0);
        let mut blocks = blocks(batch.records.num_rows()).zip(hashes.chunks_mut(BLOCK));
        let done = blocks.try_for_each(|(rows, block)| self.block(batch, &rows, block));
        self.hashes = hashes;
        self.scratch.shrink();
        done?;
        Ok(&self.hashes)
    }

    /// What was hashed so far by [`RowHasher::update`].
    pub fn total(&self) -> CollectionHash {
        self.total
    }

    fn sum(&mut self, batch: &Batch, hashes: &mut Vec<u128>) -> Result<u128> {
        hashes.resize(BLOCK, 0);
        let mut sum = 0u128;
        for rows in blocks(batch.records.num_rows()) {
            let block = &mut hashes[..rows.len()]; // No block is longer than BLOCK.
            self.block(batch, &rows, block)?;
            sum = block.iter().fold(sum, |sum, hash| sum.wrapping_add(*hash));
        }
        self.scratch.shrink();
        Ok(sum)
    }

    /// Writes the hashes of the rows `rows` of `batch`, which was checked, to `hashes`, which has a place for each of them.
    fn block(&mut self, batch: &Batch, rows: &Range<usize>, hashes: &mut [u128]) -> Result<()> {
        hashes.fill(mix::ROW_START);
        for (column, array) in self.columns.iter().zip(batch.records.columns()) {
            column
                .cells
                .add(array, rows, hashes, &mut self.scratch)
                .map_err(|error| error.with("column", &column.name).with("collection", &self.collection))?;
        }
        let first = batch.exceptions.partition_point(|exception| exception.row < rows.start as u64);
        for exception in batch.exceptions.iter().skip(first).take_while(|e| e.row < rows.end as u64) {
            // The batch was checked: every exception stands inside it, on a cell that is null in the records.
            let column = &self.columns[exception.column as usize];
            let sum = &mut hashes[exception.row as usize - rows.start];
            *sum = sum.wrapping_sub(column.cells.null()).wrapping_add(column.exceptions.hash(&exception.value));
        }
        for hash in hashes {
            *hash = mix::finish(*hash);
        }
        Ok(())
    }

    fn check(&self, batch: &Batch) -> Result<()> {
        self.check_schema(&batch.records)?;
        let mut last = None;
        for exception in &batch.exceptions {
            let place = (exception.row, exception.column);
            if last.is_some_and(|last| last >= place) {
                return Err(self.misplaced("are not sorted by row and column", exception));
            }
            last = Some(place);
            let cell = usize::try_from(exception.row).ok().filter(|row| *row < batch.records.num_rows());
            let Some((array, row)) = batch.records.columns().get(exception.column as usize).zip(cell) else {
                return Err(self.misplaced("stand outside the batch", exception));
            };
            if array.is_valid(row) {
                return Err(self.misplaced("stand on cells that are not null", exception));
            }
        }
        Ok(())
    }

    fn check_schema(&self, records: &RecordBatch) -> Result<()> {
        if records.num_columns() != self.columns.len() {
            let message = format!("a batch has {} columns instead of {}", records.num_columns(), self.columns.len());
            return Err(Error::new(ErrorKind::Internal, message).with("collection", &self.collection));
        }
        for (column, array) in self.columns.iter().zip(records.columns()) {
            let (expected, found) = (column.cells.carrier(), array.data_type());
            if !same_shape(expected, found) {
                let message = format!("a batch has a column of {found} instead of {expected}");
                return Err(Error::new(ErrorKind::Internal, message)
                    .with("column", &column.name)
                    .with("collection", &self.collection));
            }
        }
        Ok(())
    }

    fn misplaced(&self, what: &str, exception: &Exception) -> Error {
        Error::new(ErrorKind::Internal, format!("the exceptions of a batch {what}"))
            .with("row", exception.row)
            .with("column", exception.column)
            .with("collection", &self.collection)
    }
}

fn blocks(rows: usize) -> impl Iterator<Item = Range<usize>> {
    (0..rows).step_by(BLOCK).map(move |start| start..rows.min(start + BLOCK))
}
