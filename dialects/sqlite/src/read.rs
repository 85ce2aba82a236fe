//! The hot loop: one statement a chunk, its rows straight into Arrow builders, batches to the sink.

use crate::decode::Decoder;
use crate::error::database_error;
use crate::shape::{RowKey, column_expression, row_key};
use arrow::datatypes::SchemaRef;
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use dbferry_dialect::{
    Batch, ChunkRange, Collection, Error, ErrorKind, Exception, ExceptionReason, NativeValue, ReadRequest, Reader,
    Result, Sink, carrier,
};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row, params_from_iter};
use std::sync::{Arc, Mutex, PoisonError};

/// Rows of a batch at most, however small they are.
const BATCH_ROWS: usize = 65_536;

/// A session that reads. It owns its connection, or shares one with a writer whose uncommitted rows it must see.
pub(crate) struct SqliteReader {
    connection: Arc<Mutex<Connection>>,
}

impl SqliteReader {
    /// A reader with a connection of its own.
    pub(crate) fn new(connection: Connection) -> Self {
        Self::shared(Arc::new(Mutex::new(connection)))
    }

    /// A reader on a connection that others use too, one at a time: each [`Reader::read`] holds it until it returns.
    pub(crate) fn shared(connection: Arc<Mutex<Connection>>) -> Self {
        Self { connection }
    }
}

impl Reader for SqliteReader {
    fn read(&mut self, request: &ReadRequest<'_>, sink: &mut dyn Sink) -> Result<u64> {
        // A thread that panicked while it held the connection left no half-done work of this reader behind.
        let connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        read(&connection, request, sink).map_err(|error| error.with("collection", &request.collection.name))
    }
}

fn read(connection: &Connection, request: &ReadRequest<'_>, sink: &mut dyn Sink) -> Result<u64> {
    let collection = request.collection;
    let key = row_key(connection, &collection.name)?;
    let text = TextForm::of(connection)?;
    let (select, bounds) = select(collection, &key, request, text)?;
    let mut batch = BatchBuilder::new(collection, request.batch_bytes)?;
    let mut statement = connection
        .prepare(&format!("{select} {}", key.order(false)))
        .map_err(|error| database_error("the collection cannot be read", error))?;
    let mut rows = statement
        .query(params_from_iter(bounds))
        .map_err(|error| database_error("the collection cannot be read", error))?;
    let mut count = 0;
    while let Some(row) = rows.next().map_err(|error| interrupted(count, error))? {
        match text {
            TextForm::Utf8 => batch.push(row)?,
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
    match &request.chunk.range {
        ChunkRange::Whole => {}
        ChunkRange::Keys { from, to } => {
            let leading = key.leading().ok_or_else(|| foreign_chunk("the table has no key to divide it by"))?;
            for (bound, comparison) in [(from, ">="), (to, "<")] {
                let Some(bound) = bound else { continue };
                let [NativeValue::Integer(value)] = bound.as_slice() else {
                    return Err(foreign_chunk("a bound is not one whole number"));
                };
                bounds.push(*value);
                conditions.push(format!("{leading} {comparison} ?{}", bounds.len()));
            }
        }
        _ => return Err(foreign_chunk("a SQLite table is not divided by pages")),
    }
    // The line breaks keep a comment at the end of the condition from swallowing what follows.
    conditions.extend(request.predicate.map(|predicate| format!("(\n{predicate}\n)")));
    if !conditions.is_empty() {
        sql = format!("{sql} WHERE {}", conditions.join(" AND "));
    }
    Ok((sql, bounds))
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

    #[inline]
    fn push(&mut self, row: &Row<'_>) -> Result<()> {
        for (column, decoder) in self.decoders.iter_mut().enumerate() {
            let value = row.get_ref(column).map_err(|error| interrupted(self.rows as u64, error))?;
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
mod tests {
    use super::*;
    use crate::connect::Mode;
    use crate::introspect::{Sampling, introspect};
    use crate::testing::{TestDatabase, cells, collection, read as read_chunk, whole};
    use dbferry_dialect::{Chunk, Column, LogicalType};

    /// The columns are those of the empty table, so that no value can talk them into another type.
    fn after(create: &str, insert: &str) -> Batch {
        let database = TestDatabase::new(create);
        let columns = database.collection("t");
        database.writer().execute_batch(insert).expect("rows");
        let mut snapshot = database.snapshot(1);
        let mut reader = snapshot.readers().remove(0);
        read_chunk(reader.as_mut(), &columns, &whole(), usize::MAX).expect("rows").remove(0)
    }

    fn column(declared: &str, values: &[&str]) -> Vec<String> {
        let batch = after(
            &format!("CREATE TABLE t(id INTEGER PRIMARY KEY, c {declared})"),
            &values.iter().map(|value| format!("INSERT INTO t(c) VALUES ({value});")).collect::<String>(),
        );
        cells(&batch, 1)
    }

    #[test]
    fn any_class_in_a_typed_column_is_kept() {
        assert_eq!(
            column(
                "INTEGER",
                &["1", "NULL", "9223372036854775807", "'abc'", "1.5", "x'00ff'", "CAST(x'ff41' AS TEXT)"]
            ),
            [
                "1",
                "NULL",
                "9223372036854775807",
                "storage-class: text Text(\"abc\")",
                "storage-class: real Real(1.5)",
                "storage-class: bytes Bytes([0, 255])",
                "storage-class: text-bytes TextBytes([255, 65])",
            ]
        );
        assert_eq!(
            column("REAL", &["1", "9007199254740993", "9e999", "-9e999", "-0.0", "'x'"]),
            ["1.0", "9007199254740992.0", "inf", "-inf", "0.0", "storage-class: text Text(\"x\")"]
        );
        assert_eq!(
            column("TEXT", &["'a' || char(0) || 'b'", "7", "x'61'", "CAST(x'61ff' AS TEXT)", "''", "'🚢'"]),
            [
                "\"a\\0b\"",
                "\"7\"",
                "storage-class: bytes Bytes([97])",
                "invalid-utf8: text-bytes TextBytes([97, 255])",
                "\"\"",
                "\"🚢\"",
            ]
        );
        assert_eq!(
            column("BLOB", &["x''", "x'0001'", "'a'", "1"]),
            ["[]", "[0, 1]", "storage-class: text Text(\"a\")", "storage-class: integer Integer(1)"]
        );
        assert_eq!(
            column("BOOLEAN", &["0", "1", "2", "'true'"]),
            ["false", "true", "out-of-range: integer Integer(2)", "storage-class: text Text(\"true\")"]
        );
    }

    #[test]
    fn an_untyped_column_takes_everything() {
        assert_eq!(
            column("", &["1", "-0.0", "'0042'", "x'00'", "NULL", "CAST(x'ff' AS TEXT)", "42.0"]),
            [
                "integer 1",
                "real -0.0",
                "text \"0042\"",
                "bytes [0]",
                "NULL",
                "invalid-utf8: text-bytes TextBytes([255])",
                "real 42.0",
            ]
        );
    }

    #[test]
    fn numbers_come_back_or_are_exceptions() {
        assert_eq!(
            column("DECIMAL(5,2)", &["17", "0.02", "-999.99", "1000", "0.001", "0.1 + 0.2", "9e999", "'n/a'", "5.0"]),
            [
                "17.00",
                "0.02",
                "-999.99",
                "out-of-range: integer Integer(1000)",
                "precision: real Real(0.001)",
                "precision: real Real(0.30000000000000004)",
                "infinity: real Real(inf)",
                "storage-class: text Text(\"n/a\")",
                "5.00",
            ]
        );
        assert_eq!(
            column("NUMERIC", &["17", "0.1 + 0.2", "1e300", "9223372036854775807", "9223372036854775808", "'0042'"]),
            [
                "\"17\"",
                "\"0.30000000000000004\"",
                "\"1e300\"",
                "\"9223372036854775807\"",
                "\"9.223372036854776e18\"",
                "\"42\""
            ]
        );
    }

    /// An untyped column may hold what a numeric one cannot; it is read here as if it were one.
    #[test]
    fn a_real_that_would_become_an_integer_is_an_exception() {
        let database = TestDatabase::new("CREATE TABLE t(c); INSERT INTO t VALUES (5.0), (-0.0), (5.5)");
        let mut table = database.collection("t");
        for (logical, last) in
            [(LogicalType::Numeric, "\"5.5\""), (LogicalType::Decimal { precision: 3, scale: 1 }, "5.5")]
        {
            table.columns[1].logical = logical;
            table.columns[1].native = crate::types::native("NUMERIC", Some("number".into()));
            let mut reader = database.snapshot(1).readers().remove(0);
            let batch = read_chunk(reader.as_mut(), &table, &whole(), usize::MAX).expect("rows").remove(0);
            assert_eq!(cells(&batch, 1), ["storage-class: real Real(5.0)", "storage-class: real Real(-0.0)", last]);
        }
    }

    #[test]
    fn spellings_come_back_or_are_exceptions() {
        assert_eq!(
            column("DATE", &["'1970-01-02'", "'2024-02-30'", "'2024-2-3'", "20240101", "'0000-01-01'"]),
            [
                "1",
                "precision: text Text(\"2024-02-30\")",
                "precision: text Text(\"2024-2-3\")",
                "storage-class: integer Integer(20240101)",
                "-719528",
            ]
        );
        assert_eq!(
            column("DATETIME", &["'1970-01-01 00:00:01'", "'1970-01-01T00:00:01'", "'1970-01-01 00:00:01.5'", "1.5"]),
            [
                "1000000",
                "precision: text Text(\"1970-01-01T00:00:01\")",
                "precision: text Text(\"1970-01-01 00:00:01.5\")",
                "storage-class: real Real(1.5)",
            ]
        );
        let uuid = column(
            "UUID",
            &["'00000000-0000-0000-0000-0000000000ff'", "'00000000-0000-0000-0000-0000000000FF'", "x'00'"],
        );
        assert!(uuid[0].ends_with("255]"), "{uuid:?}");
        assert_eq!(uuid[1], "precision: text Text(\"00000000-0000-0000-0000-0000000000FF\")");
        assert_eq!(uuid[2], "storage-class: bytes Bytes([0])");
    }

    /// A lone surrogate and half a character: SQLite's own conversion to UTF-8 would change both.
    #[test]
    fn texts_of_a_utf16_database_are_exact() {
        for (encoding, lone, pair) in [("UTF-16le", "00d84100", "3dd8a2de"), ("UTF-16be", "d8000041", "d83ddea2")] {
            let batch = after(
                &format!("PRAGMA encoding = '{encoding}'; CREATE TABLE t(id INTEGER PRIMARY KEY, c TEXT, d)"),
                &format!(
                    "INSERT INTO t(c, d) VALUES ('é🚢', 'é🚢'), (CAST(x'{lone}' AS TEXT), CAST(x'{lone}' AS TEXT)),
                     (CAST(x'{pair}' AS TEXT), x'0102'), ('', ''), (NULL, NULL), ('a' || char(0) || 'b', 1.5)"
                ),
            );
            let bad = (0..8).step_by(2).map(|at| u8::from_str_radix(&lone[at..at + 2], 16).expect("hex"));
            let bad = format!("invalid-utf8: text-bytes TextBytes({:?})", bad.collect::<Vec<_>>());
            assert_eq!(cells(&batch, 1), ["\"é🚢\"", &bad, "\"🚢\"", "\"\"", "NULL", "\"a\\0b\""]);
            assert_eq!(cells(&batch, 2), ["text \"é🚢\"", &bad, "bytes [1, 2]", "text \"\"", "NULL", "real 1.5"]);
        }
    }

    #[test]
    fn rows_come_in_key_order_with_their_rowids() {
        let database = TestDatabase::new(
            "CREATE TABLE t(a TEXT); CREATE INDEX i ON t(a);
             INSERT INTO t(rowid, a) VALUES (-5, 'z'), (30, 'a'), (20, 'b'), (9223372036854775807, 'c');
             CREATE TABLE w(a TEXT COLLATE NOCASE, b INT, PRIMARY KEY(a DESC, b)) WITHOUT ROWID;
             INSERT INTO w VALUES ('a', 2), ('B', 1), ('A', 1);
             CREATE TABLE taken(rowid, _rowid_, oid); INSERT INTO taken VALUES (3, 2, 1), (1, 1, 1);
             CREATE TABLE k(a INT PRIMARY KEY); INSERT INTO k VALUES (NULL), (NULL), (7);
             CREATE TABLE g(a INT, v INT AS (a * 2), s INT AS (a + 1) STORED); INSERT INTO g VALUES (4);
             CREATE TABLE \"odd \"\" . name\" (\"select\" INT); INSERT INTO \"odd \"\" . name\" VALUES (8);",
        );
        let rows = database.rows("t");
        assert_eq!(cells(&rows, 0), ["-5", "20", "30", "9223372036854775807"]);
        assert_eq!(cells(&rows, 1), ["\"z\"", "\"b\"", "\"a\"", "\"c\""]);
        assert_eq!(cells(&database.rows("w"), 0), ["\"B\"", "\"A\"", "\"a\""]);
        assert_eq!(cells(&database.rows("taken"), 0), ["integer 3", "integer 1"]);
        assert_eq!(cells(&database.rows("k"), 1), ["NULL", "NULL", "7"]);
        let generated = database.rows("g");
        assert_eq!([cells(&generated, 2), cells(&generated, 3)], [["8"], ["5"]]);
        assert_eq!(cells(&database.rows("odd \" . name"), 1), ["8"]);
    }

    #[test]
    fn batches_are_bounded_and_exceptions_count_from_their_start() {
        let database = TestDatabase::new(
            "CREATE TABLE t(id INTEGER PRIMARY KEY, a INT);
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100)
             INSERT INTO t SELECT i, iif(i % 10 = 0, 'x', i) FROM n",
        );
        let mut snapshot = database.snapshot(1);
        let table = collection(&snapshot.schema().expect("a schema"), "t");
        let mut reader = snapshot.readers().remove(0);
        let batches = read_chunk(reader.as_mut(), &table, &whole(), 100).expect("rows");
        assert!(batches.len() > 5);
        let mut seen = 0;
        for batch in &batches {
            for exception in &batch.exceptions {
                assert_eq!((seen + exception.row + 1) % 10, 0);
                assert_eq!(exception.column, 1);
            }
            seen += batch.records.num_rows() as u64;
        }
        assert_eq!(batches.iter().map(|batch| batch.exceptions.len()).sum::<usize>(), 10);
        assert_eq!(read_chunk(reader.as_mut(), &table, &whole(), 0).expect("rows").len(), 100);
    }

    #[test]
    fn conditions_and_ranges_combine() {
        let database = TestDatabase::new(
            "CREATE TABLE t(id INTEGER PRIMARY KEY, a INT); INSERT INTO t VALUES (1, 1), (2, 0), (3, 1), (4, 1), (5, 1)",
        );
        let mut snapshot = database.snapshot(1);
        let table = collection(&snapshot.schema().expect("a schema"), "t");
        let mut reader = snapshot.readers().remove(0);
        let key = |value| Some(vec![NativeValue::Integer(value)]);
        let chunk = Chunk { range: ChunkRange::Keys { from: key(2), to: key(5) }, estimated_bytes: 0 };
        let request =
            ReadRequest { collection: &table, chunk: &chunk, batch_bytes: 1 << 20, predicate: Some("a = 1 OR 0 -- x") };
        let mut ids = Vec::new();
        reader
            .read(&request, &mut |batch: Batch| {
                ids.extend(cells(&batch, 0));
                Ok(())
            })
            .expect("rows");
        assert_eq!(ids, ["3", "4"]);
    }

    #[test]
    fn a_column_that_is_not_there_is_an_error() {
        let database = TestDatabase::new("CREATE TABLE t(a INT); INSERT INTO t VALUES (1)");
        let mut table = database.collection("t");
        table.columns.push(Column::new("b", LogicalType::TEXT, "TEXT"));
        let mut reader = database.snapshot(1).readers().remove(0);
        let error = read_chunk(reader.as_mut(), &table, &whole(), 100).expect_err("an error");
        assert_eq!(error.kind(), ErrorKind::Database);
        assert!(error.to_string().contains("no such column"), "{error}");
        assert!(error.to_string().contains("main.t"), "{error}");
    }

    #[test]
    fn a_sink_that_fails_ends_the_read() {
        let database = TestDatabase::new("CREATE TABLE t(a INT); INSERT INTO t VALUES (1), (2)");
        let table = database.collection("t");
        let mut reader = database.snapshot(1).readers().remove(0);
        let chunk = whole();
        let request = ReadRequest { collection: &table, chunk: &chunk, batch_bytes: 0, predicate: None };
        let error = reader.read(&request, &mut |_| Err(Error::new(ErrorKind::Io, "full"))).expect_err("an error");
        assert_eq!(error.kind(), ErrorKind::Io);
    }

    #[test]
    fn a_shared_connection_shows_what_is_not_committed() {
        let connection = Connection::open_in_memory().expect("SQLite");
        connection.execute_batch("CREATE TABLE t(a INT); BEGIN; INSERT INTO t VALUES (1)").expect("a table");
        let table = collection(&introspect(&connection, Mode::ReadWrite, Sampling::None).expect("a schema"), "t");
        let connection = Arc::new(Mutex::new(connection));
        let mut reader = SqliteReader::shared(Arc::clone(&connection));
        assert_eq!(read_chunk(&mut reader, &table, &whole(), 100).expect("rows")[0].records.num_rows(), 1);
    }
}
