//! The batch that is being filled.

use crate::decode::stream::Tuple;
use crate::decode::{Decoder, Refusal};
use crate::types::{Oid, TypeCatalogue, raw};
use arrow::datatypes::SchemaRef;
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use dbferry_dialect::{Batch, Collection, Error, ErrorKind, Exception, ExceptionReason, NativeValue, Result, carrier};
use std::sync::Arc;

/// Rows of a batch at most, however small they are.
const BATCH_ROWS: usize = 65_536;
/// Memory is summed up whenever this part of a batch has come over the wire. What is on the wire grows at most eightfold
/// (bits become characters), so a batch is at most a quarter larger than asked, and a row.
const LOOK_PARTS: usize = 32;
/// A batch's largest size: offsets of texts have 31 bits.
const LARGEST: usize = 1 << 30;

/// Decodes tuples until they make a batch.
pub(super) struct BatchBuilder<'t> {
    types: &'t TypeCatalogue,
    /// The types of the columns as they come over the wire.
    wire: Vec<Oid>,
    schema: SchemaRef,
    names: Vec<String>,
    decoders: Vec<Decoder>,
    exceptions: Vec<Exception>,
    exception_bytes: usize,
    rows: usize,
    /// Bytes from the wire since memory was last summed up.
    unseen: usize,
    full: bool,
    batch_bytes: usize,
}

impl<'t> BatchBuilder<'t> {
    /// For rows of `collection`, whose columns `decoders` take and that come as those types, of about `batch_bytes` a batch.
    pub(super) fn new(
        collection: &Collection,
        decoders: Vec<Decoder>,
        (types, wire): (&'t TypeCatalogue, Vec<Oid>),
        batch_bytes: usize,
    ) -> Self {
        Self {
            types,
            wire,
            schema: carrier::schema(collection),
            names: collection.columns.iter().map(|column| column.name.clone()).collect(),
            decoders,
            exceptions: Vec::new(),
            exception_bytes: 0,
            rows: 0,
            unseen: 0,
            full: false,
            batch_bytes: batch_bytes.min(LARGEST),
        }
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    #[inline]
    pub(super) fn is_full(&self) -> bool {
        self.full
    }

    /// Decodes one row.
    #[inline]
    pub(super) fn push(&mut self, fields: usize, mut tuple: Tuple<'_>) -> Result<()> {
        if fields != self.decoders.len() {
            return Err(malformed("a row has another number of fields than were asked for"));
        }
        let mut bytes = 0;
        for (column, decoder) in self.decoders.iter_mut().enumerate() {
            let Some(field) = tuple.field().map_err(|refusal| unexpected(refusal, &self.names, column))? else {
                decoder.push_null();
                continue;
            };
            bytes += field.len();
            if let Err(refusal) = decoder.push(field) {
                let Refusal::Exception(reason) = refusal else {
                    return Err(unexpected(refusal, &self.names, column));
                };
                decoder.push_null();
                let mut value = field.to_vec();
                if let Some(oid) = self.wire.get(column) {
                    raw::detach(self.types, *oid, &mut value);
                }
                self.exception_bytes += except(&mut self.exceptions, self.rows, column, reason, value);
            }
        }
        self.rows += 1;
        // Every field has a length, also a null.
        self.unseen += bytes + 4 * fields;
        if self.unseen >= self.batch_bytes / LOOK_PARTS || self.rows >= BATCH_ROWS {
            self.look();
        }
        Ok(())
    }

    fn look(&mut self) {
        self.unseen = 0;
        let memory = self.decoders.iter().map(Decoder::memory).sum::<usize>() + self.exception_bytes;
        self.full = memory >= self.batch_bytes || self.rows >= BATCH_ROWS;
    }

    /// The batch; the next one is empty.
    pub(super) fn finish(&mut self) -> Result<Batch> {
        let mut arrays = Vec::with_capacity(self.decoders.len());
        for (column, decoder) in self.decoders.iter_mut().enumerate() {
            let array = decoder.finish().map_err(|error| error.with("column", name(&self.names, column)))?;
            arrays.push(array);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(self.rows));
        let records = RecordBatch::try_new_with_options(Arc::clone(&self.schema), arrays, &options)?;
        self.rows = 0;
        self.unseen = 0;
        self.exception_bytes = 0;
        self.full = false;
        Ok(Batch { records, exceptions: std::mem::take(&mut self.exceptions) })
    }
}

/// Keeps the bytes of a refused cell as the server sent them, apart from identifiers of the database's own types: whatever the
/// type, the same engine takes them back exactly. Returns about how many bytes that takes.
#[cold]
fn except(
    exceptions: &mut Vec<Exception>,
    row: usize,
    column: usize,
    reason: ExceptionReason,
    value: Vec<u8>,
) -> usize {
    let bytes = size_of::<Exception>() + value.len();
    let value = NativeValue::Bytes(value);
    // PostgreSQL has at most 1664 columns in a result.
    exceptions.push(Exception { row: row as u64, column: column as u32, reason, value });
    bytes
}

#[cold]
fn unexpected(refusal: Refusal, names: &[String], column: usize) -> Error {
    let what = match refusal {
        Refusal::Malformed(what) => what,
        Refusal::Exception(_) => "its value is not understood",
    };
    malformed(what).with("column", name(names, column))
}

fn name(names: &[String], column: usize) -> &str {
    names.get(column).map_or("?", String::as_str)
}

fn malformed(what: &'static str) -> Error {
    Error::new(ErrorKind::Mismatch, "the server sent a value that is none of its column's type")
        .with("dialect", crate::NAME)
        .caused_by(what)
        .hint("was the type changed during the dump? try again; if it fails the same way, report it")
}
