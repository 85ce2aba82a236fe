//! The hot loop: the pages of a chunk or one statement, its rows straight into Arrow builders, batches to the sink.

mod pages;
mod record;
mod tree;

use crate::decode::Decoder;
use crate::error::database_error;
use crate::guard::{check_condition, in_parentheses};
use crate::shape::{RowKey, column_expression, row_key};
use arrow::datatypes::SchemaRef;
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use dbferry_dialect::{
    Batch, Chunk, ChunkRange, Collection, Error, ErrorKind, Exception, ExceptionReason, NativeValue, ReadRequest,
    Reader, Result, Sink, Skimmed, carrier,
};
use pages::{Roots, Table};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row, Statement, params_from_iter};
use std::sync::{Arc, Mutex, PoisonError};

/// Rows of a batch at most, however small they are.
const BATCH_ROWS: usize = 65_536;

/// What is worth looking a table's pages up for.
const WORTH: u64 = 64 << 10;

/// A session that reads. It owns its connection, or shares one with a writer whose uncommitted rows it must see.
pub(crate) struct SqliteReader {
    connection: Arc<Mutex<Connection>>,
    /// Where tables begin, once somebody has asked: looking one up goes over the whole schema.
    roots: Option<Roots>,
}

impl SqliteReader {
    /// A reader with a connection of its own.
    pub(crate) fn new(connection: Connection) -> Self {
        Self::shared(Arc::new(Mutex::new(connection)))
    }

    /// A reader on a connection that others use too, one at a time: each [`Reader::read`] holds it until it returns.
    pub(crate) fn shared(connection: Arc<Mutex<Connection>>) -> Self {
        Self { connection, roots: None }
    }
}

impl Reader for SqliteReader {
    fn read(&mut self, request: &ReadRequest<'_>, sink: &mut dyn Sink) -> Result<u64> {
        // A thread that panicked while it held the connection left no half-done work of this reader behind.
        let connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        read(&connection, &mut self.roots, request, sink)
            .map_err(|error| error.with("collection", &request.collection.name))
    }

    fn skim(&mut self, request: &ReadRequest<'_>) -> Result<Skimmed> {
        let connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        skim(&connection, request).map_err(|error| error.with("collection", &request.collection.name))
    }
}

/// The statement that reads a chunk, and the values of its parameters.
fn prepare<'c>(
    connection: &'c Connection,
    request: &ReadRequest<'_>,
    text: TextForm,
) -> Result<(Statement<'c>, Vec<i64>)> {
    let collection = request.collection;
    let key = row_key(connection, &collection.name)?;
    if let Some(condition) = request.predicate {
        check_condition(connection, &key.source(&collection.name), condition)?;
    }
    let (select, bounds) = select(collection, &key, request, text)?;
    let statement = connection
        .prepare(&format!("{select} {}", key.order(false)))
        .map_err(|error| database_error("the collection cannot be read", error))?;
    Ok((statement, bounds))
}

/// Steps over the rows of a chunk, and looks at each value as far as its size.
fn skim(connection: &Connection, request: &ReadRequest<'_>) -> Result<Skimmed> {
    let (mut statement, bounds) = prepare(connection, request, TextForm::of(connection)?)?;
    let columns = statement.column_count();
    let mut rows = statement
        .query(params_from_iter(bounds))
        .map_err(|error| database_error("the collection cannot be read", error))?;
    let mut skimmed = Skimmed::default();
    while let Some(row) = rows.next().map_err(|error| interrupted(skimmed.rows, error))? {
        for column in 0..columns {
            skimmed.bytes += match row.get_ref(column).map_err(|error| interrupted(skimmed.rows, error))? {
                ValueRef::Null => 0,
                ValueRef::Integer(_) | ValueRef::Real(_) => 8,
                ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes.len() as u64,
            };
        }
        skimmed.rows += 1;
    }
    Ok(skimmed)
}

fn read(
    connection: &Connection,
    roots: &mut Option<Roots>,
    request: &ReadRequest<'_>,
    sink: &mut dyn Sink,
) -> Result<u64> {
    if request.chunk.estimated_bytes >= WORTH
        && let Some(rows) = read_pages(connection, roots, request, sink)?
    {
        return Ok(rows);
    }
    read_by_statement(connection, request, sink)
}

/// Reads the pages themselves; nothing where that is not possible.
fn read_pages(
    connection: &Connection,
    roots: &mut Option<Roots>,
    request: &ReadRequest<'_>,
    sink: &mut dyn Sink,
) -> Result<Option<u64>> {
    if request.predicate.is_some() || !matches!(TextForm::of(connection)?, TextForm::Utf8) {
        return Ok(None);
    }
    let collection = request.collection;
    let key = row_key(connection, &collection.name)?;
    let Some(table) = Table::find(connection, roots, collection, &key)? else { return Ok(None) };
    let mut batch = BatchBuilder::new(collection, request.batch_bytes)?;
    let rows = table.read((collection, &key), bounds(request.chunk)?, &mut batch, sink)?;
    if batch.rows > 0 {
        sink.push(batch.finish()?)?;
    }
    Ok(Some(rows))
}

fn read_by_statement(connection: &Connection, request: &ReadRequest<'_>, sink: &mut dyn Sink) -> Result<u64> {
    let text = TextForm::of(connection)?;
    let mut batch = BatchBuilder::new(request.collection, request.batch_bytes)?;
    let (mut statement, bounds) = prepare(connection, request, text)?;
    let mut rows = statement
        .query(params_from_iter(bounds))
        .map_err(|error| database_error("the collection cannot be read", error))?;
    let mut count = 0;
    while let Some(row) = rows.next().map_err(|error| interrupted(count, error))? {
        match text {
            TextForm::Utf8 => {
                batch.push_values(|column| row.get_ref(column).map_err(|error| interrupted(count, error)))?;
            }
            TextForm::Utf16 { big_endian } => batch.push_utf16(row, big_endian)?,
        }
        count += 1;
        if batch.is_full() {
            sink.push(batch.finish()?)?;
        }
    }
    if batch.rows > 0 {
        sink.push(batch.finish()?)?;
    }
    Ok(count)
}

fn interrupted(rows: u64, error: rusqlite::Error) -> Error {
    database_error("reading stopped", error).with("row", rows)
}

/// How the database keeps its texts.
#[derive(Clone, Copy)]
enum TextForm {
    Utf8,
    /// SQLite's own conversion to UTF-8 changes texts that are not well-formed. So a text is asked for as its bytes, with a
    /// second column that says that it is one.
    Utf16 {
        big_endian: bool,
    },
}

impl TextForm {
    fn of(connection: &Connection) -> Result<Self> {
        let encoding: String = connection
            .query_row("PRAGMA main.encoding", [], |row| row.get(0))
            .map_err(|error| database_error("the text encoding cannot be read", error))?;
        Ok(match encoding.as_str() {
            "UTF-16le" => Self::Utf16 { big_endian: false },
            "UTF-16be" => Self::Utf16 { big_endian: true },
            _ => Self::Utf8,
        })
    }
}

/// The statement up to its order, and the values of its parameters.
fn select(
    collection: &Collection,
    key: &RowKey,
    request: &ReadRequest<'_>,
    text: TextForm,
) -> Result<(String, Vec<i64>)> {
    let expressions = collection.columns.iter().map(|column| {
        let name = column_expression(&collection.name, &column.name);
        match text {
            TextForm::Utf8 => name,
            TextForm::Utf16 { .. } => {
                format!("iif(typeof({name}) = 'text', CAST({name} AS BLOB), {name}), typeof({name}) = 'text'")
            }
        }
    });
    let list = expressions.collect::<Vec<_>>().join(", ");
    // Without columns a row is still a row.
    let list = if list.is_empty() { "NULL" } else { &list };
    let mut sql = format!("SELECT {list} FROM {}", key.source(&collection.name));
    let mut conditions = Vec::new();
    let mut bounds = Vec::new();
    let (from, to) = self::bounds(request.chunk)?;
    for (bound, comparison) in [(from, ">="), (to, "<")] {
        let Some(bound) = bound else { continue };
        let leading = key.leading().ok_or_else(|| foreign_chunk("the table has no key to divide it by"))?;
        bounds.push(bound);
        conditions.push(format!("{leading} {comparison} ?{}", bounds.len()));
    }
    conditions.extend(request.predicate.map(in_parentheses));
    if !conditions.is_empty() {
        sql = format!("{sql} WHERE {}", conditions.join(" AND "));
    }
    Ok((sql, bounds))
}

/// The first key of a chunk, and the first after it.
fn bounds(chunk: &Chunk) -> Result<(Option<i64>, Option<i64>)> {
    let number = |bound: &Option<Vec<NativeValue>>| match bound.as_deref() {
        None => Ok(None),
        Some([NativeValue::Integer(value)]) => Ok(Some(*value)),
        Some(_) => Err(foreign_chunk("a bound is not one whole number")),
    };
    match &chunk.range {
        ChunkRange::Whole => Ok((None, None)),
        ChunkRange::Keys { from, to } => Ok((number(from)?, number(to)?)),
        _ => Err(foreign_chunk("a SQLite table is not divided by pages")),
    }
}

fn foreign_chunk(what: &'static str) -> Error {
    Error::new(ErrorKind::Internal, what).with("dialect", crate::NAME)
}

/// The batch that is being filled.
struct BatchBuilder {
    schema: SchemaRef,
    decoders: Vec<Decoder>,
    exceptions: Vec<Exception>,
    scratch: String,
    rows: usize,
    bytes: usize,
    row_bytes: usize,
    batch_bytes: usize,
}

impl BatchBuilder {
    fn new(collection: &Collection, batch_bytes: usize) -> Result<Self> {
        let decoders = collection.columns.iter().map(Decoder::new).collect::<Result<Vec<_>>>()?;
        Ok(Self {
            schema: carrier::schema(collection),
            row_bytes: decoders.iter().map(Decoder::fixed_bytes).sum(),
            decoders,
            exceptions: Vec::new(),
            scratch: String::new(),
            rows: 0,
            bytes: 0,
            batch_bytes,
        })
    }

    /// Takes a row, whose columns `value` gives in their order.
    #[inline]
    fn push_values<'v>(&mut self, mut value: impl FnMut(usize) -> Result<ValueRef<'v>>) -> Result<()> {
        for (column, decoder) in self.decoders.iter_mut().enumerate() {
            let value = value(column)?;
            match decoder.push(value) {
                Ok(bytes) => self.bytes += bytes,
                Err(reason) => {
                    self.bytes += except(&mut self.exceptions, self.rows, column, reason, value);
                }
            }
        }
        self.rows += 1;
        self.bytes += self.row_bytes;
        Ok(())
    }

    fn push_utf16(&mut self, row: &Row<'_>, big_endian: bool) -> Result<()> {
        for (column, decoder) in self.decoders.iter_mut().enumerate() {
            let failed = |error| interrupted(self.rows as u64, error);
            let stored = row.get_ref(2 * column).map_err(failed)?;
            let is_text = row.get_ref(2 * column + 1).map_err(failed)? == ValueRef::Integer(1);
            let (value, malformed) = match stored {
                ValueRef::Blob(bytes) if is_text => {
                    if decode_utf16(bytes, big_endian, &mut self.scratch) {
                        (ValueRef::Text(self.scratch.as_bytes()), false)
                    } else {
                        // The bytes in the database's own encoding, which a cast to text takes as they are.
                        (ValueRef::Text(bytes), true)
                    }
                }
                other => (other, false),
            };
            let taken = if malformed {
                // The decoder leaves a null; the reason is known whatever the decoder is for.
                decoder.push(ValueRef::Null).and(Err(ExceptionReason::InvalidUtf8))
            } else {
                decoder.push(value)
            };
            match taken {
                Ok(bytes) => self.bytes += bytes,
                Err(reason) => self.bytes += except(&mut self.exceptions, self.rows, column, reason, value),
            }
        }
        self.rows += 1;
        self.bytes += self.row_bytes;
        Ok(())
    }

    #[inline]
    fn is_full(&self) -> bool {
        self.bytes >= self.batch_bytes || self.rows >= BATCH_ROWS
    }

    fn finish(&mut self) -> Result<Batch> {
        let arrays = self.decoders.iter_mut().map(Decoder::finish).collect::<Result<Vec<_>>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(self.rows));
        let records = RecordBatch::try_new_with_options(Arc::clone(&self.schema), arrays, &options)?;
        self.rows = 0;
        self.bytes = 0;
        Ok(Batch { records, exceptions: std::mem::take(&mut self.exceptions) })
    }
}

/// Keeps the value of a refused cell; returns about how many bytes that takes.
#[cold]
fn except(
    exceptions: &mut Vec<Exception>,
    row: usize,
    column: usize,
    reason: ExceptionReason,
    value: ValueRef<'_>,
) -> usize {
    let (value, bytes) = match value {
        // A null is never refused.
        ValueRef::Null => return 0,
        ValueRef::Integer(value) => (NativeValue::Integer(value), 0),
        ValueRef::Real(value) => (NativeValue::Real(value), 0),
        ValueRef::Text(bytes) if reason != ExceptionReason::InvalidUtf8 => match std::str::from_utf8(bytes) {
            Ok(text) => (NativeValue::Text(text.to_owned()), bytes.len()),
            Err(_) => (NativeValue::TextBytes(bytes.to_vec()), bytes.len()),
        },
        ValueRef::Text(bytes) => (NativeValue::TextBytes(bytes.to_vec()), bytes.len()),
        ValueRef::Blob(bytes) => (NativeValue::Bytes(bytes.to_vec()), bytes.len()),
    };
    // SQLite has at most 32767 columns.
    exceptions.push(Exception { row: row as u64, column: column as u32, reason, value });
    size_of::<Exception>() + bytes
}

/// Decodes into `text`; `false` when the bytes are not well-formed UTF-16.
fn decode_utf16(bytes: &[u8], big_endian: bool, text: &mut String) -> bool {
    text.clear();
    let (pairs, odd) = bytes.as_chunks::<2>();
    let units = pairs.iter().map(|pair| if big_endian { u16::from_be_bytes(*pair) } else { u16::from_le_bytes(*pair) });
    for character in char::decode_utf16(units) {
        match character {
            Ok(character) => text.push(character),
            Err(_) => return false,
        }
    }
    odd.is_empty()
}

#[cfg(test)]
mod tests;
