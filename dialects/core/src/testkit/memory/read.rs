//! Snapshots, chunks and readers.

use super::check::refused;
use super::convert::lossless;
use super::state::{State, Table, value_bytes};
use crate::cancel::Cancel;
use crate::carrier;
use crate::contract::{Chunk, ChunkRange, Consistency, ReadRequest, Reader, Sink, Snapshot};
use crate::error::{Error, ErrorKind, Result};
use crate::exception::{Batch, Exception, NativeValue};
use crate::model::{Collection, Schema};
use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, UInt64Array};
use arrow::compute::take_record_batch;
use std::borrow::Cow;
use std::ops::Range;
use std::sync::{Arc, Weak};

/// One state that all readers share: nothing that is written later is seen.
pub(super) struct MemorySnapshot {
    state: Arc<State>,
    consistency: Consistency,
    cancel: Cancel,
    /// Readers are valid as long as this lives.
    alive: Arc<()>,
    readers_taken: bool,
}

impl MemorySnapshot {
    pub(super) fn new(state: Arc<State>, consistency: Consistency, cancel: Cancel) -> Self {
        Self { state, consistency, cancel, alive: Arc::default(), readers_taken: false }
    }
}

impl Snapshot for MemorySnapshot {
    fn consistency(&self) -> &Consistency {
        &self.consistency
    }

    fn schema(&mut self) -> Result<Schema> {
        self.cancel.check()?;
        Ok(self.state.schema())
    }

    fn chunks(&mut self, collection: &Collection, target_bytes: u64) -> Result<Vec<Chunk>> {
        self.cancel.check()?;
        chunks(self.state.table(&collection.name)?, target_bytes)
    }

    fn readers(&mut self) -> Vec<Box<dyn Reader>> {
        if std::mem::replace(&mut self.readers_taken, true) {
            return Vec::new();
        }
        readers(&self.state, self.consistency.readers, &self.cancel, &self.alive)
    }

    fn finish(self: Box<Self>) -> Result<()> {
        self.cancel.check()
    }
}

/// Readers of one state, valid as long as `alive` lives.
pub(super) fn readers(state: &Arc<State>, count: usize, cancel: &Cancel, alive: &Arc<()>) -> Vec<Box<dyn Reader>> {
    let reader = || MemoryReader { state: state.clone(), cancel: cancel.clone(), alive: Arc::downgrade(alive) };
    (0..count.max(1)).map(|_| Box::new(reader()) as Box<dyn Reader>).collect()
}

/// Divides a table by row positions, which are its keys.
pub(super) fn chunks(table: &Table, target_bytes: u64) -> Result<Vec<Chunk>> {
    let rows_a_chunk = share(table.rows, table.bytes, target_bytes);
    let count = table.rows.div_ceil(rows_a_chunk).max(1);
    let bound = |position: u64| -> Result<Vec<NativeValue>> {
        let position = i64::try_from(position)
            .map_err(|error| Error::new(ErrorKind::Internal, "a position of a row is too large").caused_by(error))?;
        Ok(vec![NativeValue::Integer(position)])
    };
    (0..count)
        .map(|chunk| {
            let from = if chunk == 0 { None } else { Some(bound(chunk * rows_a_chunk)?) };
            let to = if chunk + 1 == count { None } else { Some(bound((chunk + 1) * rows_a_chunk)?) };
            Ok(Chunk { range: ChunkRange::Keys { from, to }, estimated_bytes: table.bytes / count })
        })
        .collect()
}

/// How many of `rows` rows that take `bytes` go into `wanted` bytes; at least one.
fn share(rows: u64, bytes: u64, wanted: u64) -> u64 {
    let share = u128::from(wanted) * u128::from(rows) / u128::from(bytes.max(1));
    // Between 1 and the number of rows, which is a u64.
    share.clamp(1, u128::from(rows.max(1))) as u64
}

struct MemoryReader {
    state: Arc<State>,
    cancel: Cancel,
    alive: Weak<()>,
}

impl Reader for MemoryReader {
    fn read(&mut self, request: &ReadRequest<'_>, sink: &mut dyn Sink) -> Result<u64> {
        self.cancel.check()?;
        let name = &request.collection.name;
        if self.alive.strong_count() == 0 {
            return Err(Error::new(ErrorKind::Internal, "a reader was used after what it reads was released")
                .with("dialect", "memory")
                .with("collection", name));
        }
        if request.predicate.is_some() {
            return Err(Error::new(ErrorKind::Unsupported, "the in-memory dialect evaluates no conditions")
                .with("dialect", "memory")
                .with("collection", name));
        }
        let table = self.state.table(name)?;
        let range = positions(&request.chunk.range, table)?;
        let columns: Vec<usize> = request
            .collection
            .columns
            .iter()
            .map(|column| {
                let found = table.collection.column(&column.name).map(|(position, _)| position);
                found.ok_or_else(|| unlike("no such column", request.collection, &column.name))
            })
            .collect::<Result<_>>()?;
        let mut rows = 0;
        let mut start = 0;
        for stored in &table.batches {
            let length = stored.records.num_rows() as u64;
            let (mut from, to) = (range.start.max(start), range.end.min(start + length));
            let step = share(length, value_bytes(stored), request.batch_bytes as u64);
            while from < to {
                self.cancel.check()?;
                let until = to.min(from + step);
                sink.push(project(&part(stored, from - start..until - start)?, &columns, request.collection)?)?;
                rows += until - from;
                from = until;
            }
            start += length;
        }
        Ok(rows)
    }
}

/// That a column is not what was asked for.
fn unlike(message: impl Into<Cow<'static, str>>, wanted: &Collection, column: &str) -> Error {
    Error::new(ErrorKind::Incompatible, message)
        .with("dialect", "memory")
        .with("collection", &wanted.name)
        .with("column", column)
}

/// The positions of a chunk's rows.
fn positions(range: &ChunkRange, table: &Table) -> Result<Range<u64>> {
    let unknown = || refused("the chunk is not one of the in-memory dialect", &table.collection);
    let bound = |key: &Option<Vec<NativeValue>>, open: u64| match key.as_deref() {
        None => Ok(open),
        Some([NativeValue::Integer(position)]) => u64::try_from(*position).map_err(|_| unknown()),
        Some(_) => Err(unknown()),
    };
    match range {
        ChunkRange::Whole => Ok(0..table.rows),
        ChunkRange::Keys { from, to } => Ok(bound(from, 0)?..bound(to, table.rows)?.min(table.rows)),
        ChunkRange::Pages { .. } => Err(unknown()),
    }
}

/// Some rows of a batch, copied: a slice would keep all of the batch in memory and say so.
fn part(batch: &Batch, rows: Range<u64>) -> Result<Batch> {
    if rows == (0..batch.records.num_rows() as u64) {
        return Ok(batch.clone());
    }
    let exceptions = batch.exceptions.iter().filter(|exception| rows.contains(&exception.row));
    let exceptions = exceptions.map(|exception| Exception { row: exception.row - rows.start, ..exception.clone() });
    let exceptions = exceptions.collect();
    Ok(Batch { records: take_record_batch(&batch.records, &UInt64Array::from_iter_values(rows))?, exceptions })
}

/// The columns at `positions`, as the logical types of `wanted`.
fn project(batch: &Batch, positions: &[usize], wanted: &Collection) -> Result<Batch> {
    let columns: Vec<ArrayRef> = positions
        .iter()
        .zip(&wanted.columns)
        .map(|(position, column)| {
            // The positions were looked up in the table's own columns.
            lossless(batch.records.column(*position), &column.logical)
                .map_err(|error| unlike(error.message().to_owned(), wanted, &column.name))
        })
        .collect::<Result<_>>()?;
    let mut exceptions = Vec::with_capacity(batch.exceptions.len());
    for (column, position) in positions.iter().enumerate() {
        let here = batch.exceptions.iter().filter(|exception| exception.column as usize == *position);
        // A table has far fewer than 2^32 columns.
        exceptions.extend(here.map(|exception| Exception { column: column as u32, ..exception.clone() }));
    }
    exceptions.sort_by_key(|exception| (exception.row, exception.column));
    let options = RecordBatchOptions::new().with_row_count(Some(batch.records.num_rows()));
    let records = RecordBatch::try_new_with_options(carrier::schema(wanted), columns, &options)?;
    Ok(Batch { records, exceptions })
}
