//! The batch that is being filled.

use super::query::{Companion, CompanionKind};
use crate::decode::{Cursor, Decoder, NotUtf8, Refusal, native};
use crate::wire::ColumnDefinition;
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
/// The first two bits of a row's bitmap of nulls are not used.
const BITMAP_OFFSET: usize = 2;

/// Decodes rows until they make a batch.
pub(super) struct BatchBuilder<'a> {
    schema: SchemaRef,
    names: Vec<String>,
    decoders: Vec<Decoder>,
    companions: Vec<Companion>,
    /// Of the columns, and of their companions after them.
    definitions: &'a [ColumnDefinition],
    /// The length of a row's bitmap of nulls.
    bitmap: usize,
    exceptions: Vec<Exception>,
    exception_bytes: usize,
    rows: usize,
    /// Bytes from the wire since memory was last summed up.
    unseen: usize,
    full: bool,
    batch_bytes: usize,
}

impl<'a> BatchBuilder<'a> {
    /// For rows of `collection`, whose columns `decoders` take, followed by `companions`.
    pub(super) fn new(
        collection: &Collection,
        decoders: Vec<Decoder>,
        companions: Vec<Companion>,
        definitions: &'a [ColumnDefinition],
        batch_bytes: usize,
    ) -> Self {
        Self {
            schema: carrier::schema(collection),
            names: collection.columns.iter().map(|column| column.name.clone()).collect(),
            bitmap: (decoders.len() + companions.len() + BITMAP_OFFSET).div_ceil(8),
            decoders,
            companions,
            definitions,
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
    pub(super) fn push(&mut self, row: &[u8]) -> Result<()> {
        let Some((nulls, values)) = row.split_at_checked(self.bitmap) else {
            return Err(malformed("a row is shorter than its bitmap of nulls"));
        };
        let is_null = |column: usize| {
            let bit = column + BITMAP_OFFSET;
            // The bitmap has a bit for each column.
            nulls[bit / 8] & (1 << (bit % 8)) != 0
        };
        let mut cursor = Cursor(values);
        for (column, decoder) in self.decoders.iter_mut().enumerate() {
            if is_null(column) {
                decoder.push_null();
                continue;
            }
            let before = cursor;
            if let Err(refusal) = decoder.push(&mut cursor) {
                let Refusal::Exception(reason) = refusal else {
                    return Err(unexpected(refusal, &self.names, column));
                };
                decoder.push_null();
                let taken = before.0.len() - cursor.0.len();
                let value = native(&self.definitions[column], reason, &before.0[..taken])
                    .map_err(|refusal| unexpected(refusal, &self.names, column))?;
                self.exception_bytes += except(&mut self.exceptions, self.rows, column, reason, value);
            }
        }
        if !self.companions.is_empty() {
            self.push_companions(is_null, cursor)?;
        } else if !cursor.0.is_empty() {
            return Err(malformed("a row is longer than its columns"));
        }
        self.rows += 1;
        self.unseen += row.len() + 4 * self.decoders.len();
        if self.unseen >= self.batch_bytes / LOOK_PARTS || self.rows >= BATCH_ROWS {
            self.look();
        }
        Ok(())
    }

    /// A companion that is not null says that its column's cell is not what it looks like.
    fn push_companions(&mut self, is_null: impl Fn(usize) -> bool, mut cursor: Cursor<'_>) -> Result<()> {
        let columns = self.decoders.len();
        for (place, companion) in self.companions.iter().enumerate() {
            if is_null(columns + place) {
                continue;
            }
            let column = companion.column;
            let bytes = cursor.string().map_err(|refusal| unexpected(refusal, &self.names, column))?;
            let (reason, value) = match companion.kind {
                CompanionKind::Bytes => (ExceptionReason::InvalidUtf8, NativeValue::Bytes(bytes.to_vec())),
                CompanionKind::NumberZero => (ExceptionReason::EnumIndex, NativeValue::Integer(0)),
            };
            if let Some(decoder) = self.decoders.get_mut(column) {
                decoder.take_back();
            }
            self.exception_bytes += except(&mut self.exceptions, self.rows, column, reason, value);
        }
        if cursor.0.is_empty() { Ok(()) } else { Err(malformed("a row is longer than its columns")) }
    }

    fn look(&mut self) {
        self.unseen = 0;
        let memory = self.decoders.iter().map(Decoder::memory).sum::<usize>() + self.exception_bytes;
        self.full = memory >= self.batch_bytes || self.rows >= BATCH_ROWS;
    }

    /// The batch; the next one is empty.
    pub(super) fn finish(&mut self) -> Result<Batch> {
        let mut arrays = Vec::with_capacity(self.decoders.len());
        let mut not_utf8: Vec<NotUtf8> = Vec::new();
        for (column, decoder) in self.decoders.iter_mut().enumerate() {
            let array = decoder
                .finish(&mut not_utf8)
                .map_err(|error| error.with("dialect", crate::NAME).with("column", name(&self.names, column)))?;
            arrays.push(array);
            for (row, bytes) in not_utf8.drain(..) {
                let value = NativeValue::Bytes(bytes);
                except(&mut self.exceptions, row, column, ExceptionReason::InvalidUtf8, value);
            }
        }
        // Those that were found in rows come before those that were found in columns.
        self.exceptions.sort_unstable_by_key(|exception| (exception.row, exception.column));
        let options = RecordBatchOptions::new().with_row_count(Some(self.rows));
        let records = RecordBatch::try_new_with_options(Arc::clone(&self.schema), arrays, &options)?;
        self.rows = 0;
        self.unseen = 0;
        self.exception_bytes = 0;
        self.full = false;
        Ok(Batch { records, exceptions: std::mem::take(&mut self.exceptions) })
    }
}

/// Keeps a refused cell; returns about how many bytes that takes.
#[cold]
fn except(
    exceptions: &mut Vec<Exception>,
    row: usize,
    column: usize,
    reason: ExceptionReason,
    value: NativeValue,
) -> usize {
    let bytes = match &value {
        NativeValue::Text(text) => text.len(),
        NativeValue::Bytes(bytes) | NativeValue::TextBytes(bytes) => bytes.len(),
        NativeValue::Integer(_) | NativeValue::Real(_) => 0,
    };
    // The servers have at most 4096 columns in a table.
    exceptions.push(Exception { row: row as u64, column: column as u32, reason, value });
    size_of::<Exception>() + bytes
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

#[cold]
fn malformed(what: &'static str) -> Error {
    Error::new(ErrorKind::Mismatch, "the server sent a value that is none of its column's type")
        .with("dialect", crate::NAME)
        .caused_by(what)
        .hint("was the type changed during the dump? try again; if it fails the same way, report it")
}
