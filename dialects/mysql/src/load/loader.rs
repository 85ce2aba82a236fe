//! A session that loads.

use super::TableLoad;
use super::refused::{check, located};
use super::statement::Statement;
use crate::flavour::ServerVersion;
use crate::session::Session;
use bytes::Bytes;
use dbferry_dialect::{Batch, Error, ErrorKind, Result};
use std::error::Error as _;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// What is being done, for messages.
const LOADING: &str = "rows cannot be loaded into the table";
/// How many bytes are sent at once.
const PIECE_BYTES: usize = 256 << 10;
/// How many bytes of text make a statement, which is a transaction. From 1 to 72 MiB the servers take the same time for the
/// same rows; what is sent is kept until they have said yes, so that it should not be much.
const STATEMENT_BYTES: usize = 16 << 20;
/// How many bytes of text make an `INSERT`, if the server takes so many.
const INSERT_BYTES: usize = 1 << 20;
/// How often a statement is tried that another one's locks and its own kept from going on.
const TRIES: usize = 5;

/// What a loading session is set to. Strict, so that `INSERT` fails where `LOAD DATA` warns; every date that a column can
/// hold is taken; notes are counted as warnings, all of which are kept. Foreign keys are checked once all rows are there, not row by row.
/// `unique_checks` stays on: MySQL gains nothing without it, and MariaDB then sorts the rows of an empty table before it
/// inserts them, which took 1.3 to 2.3 times its time for rows that come in the order of their key.
const SETUP: &str = "SET SESSION sql_mode = 'NO_AUTO_VALUE_ON_ZERO,STRICT_ALL_TABLES,ALLOW_INVALID_DATES', \
     foreign_key_checks = 0, sql_notes = 1, max_error_count = 65535";

/// What MariaDB, from some versions of each series on, wants before a statement that writes the number 0 of an enum, as its
/// tables may hold it: under strict modes it takes no such number. What else it would then only warn of is refused by
/// [`check`].
const NOT_STRICT: &str = "SET STATEMENT sql_mode = 'NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES' FOR ";

/// A session that loads. Dropping it in the middle of a statement ends the session, which rolls the statement back.
#[derive(Debug)]
pub(crate) struct Loader {
    session: Session,
    method: Method,
    /// Whether statements can have a mode of their own.
    is_mariadb: bool,
    /// Whether floats have a negative zero. MariaDB has lost its sign in some version of each series.
    has_negative_zero: bool,
    /// The largest statement that the server takes, in bytes.
    packet_bytes: usize,
    /// The `LOAD DATA` that runs.
    current: Option<Statement>,
    /// Lines that were not sent yet.
    lines: Vec<u8>,
    /// The `INSERT` that grows.
    insert: Option<Insert>,
}

/// How rows get to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    /// The server says that it lets us load; it was not tried yet.
    Try,
    /// `LOAD DATA LOCAL`.
    Load,
    /// `INSERT`.
    Insert,
}

/// An `INSERT` that grows.
#[derive(Debug)]
struct Insert {
    statement: Statement,
    text: Vec<u8>,
}

impl Loader {
    /// Takes a session and sets it up for loading.
    ///
    /// # Errors
    /// What the server says.
    pub(crate) fn new(mut session: Session, version: ServerVersion) -> Result<Self> {
        const DOING: &str = "the session cannot be set up for loading";
        session.run(DOING, SETUP)?;
        if version.is_mariadb_from((10, 11, 0)) {
            session.run(DOING, "SET SESSION system_versioning_insert_history = 1")?;
        }
        let rows = session.query(DOING, "SELECT @@local_infile, @@max_allowed_packet, CAST(-0e0 AS CHAR)")?;
        let number = |place: usize| rows.first().and_then(|row| row.get::<Option<u64>, _>(place)).flatten();
        let method = if number(0) == Some(1) { Method::Try } else { Method::Insert };
        let packet_bytes = usize::try_from(number(1).unwrap_or(0)).unwrap_or(usize::MAX);
        let is_mariadb = version.is_mariadb();
        let zero = rows.first().and_then(|row| row.get::<Option<String>, _>(2)).flatten();
        let has_negative_zero = zero.is_none_or(|zero| zero.starts_with('-'));
        Ok(Self {
            session,
            method,
            is_mariadb,
            has_negative_zero,
            packet_bytes,
            current: None,
            lines: Vec::new(),
            insert: None,
        })
    }

    /// Loads a batch. Several batches make one statement, which is a transaction of its own; it ends when it has grown to
    /// its size, when a batch for another table comes, and with [`finish`](Self::finish).
    ///
    /// # Errors
    /// [`ErrorKind::Mismatch`] when a value does not fit its column, or the server would have changed one or left a row out;
    /// what was loaded before stays, so that the table is no good any more.
    pub(crate) fn write(&mut self, load: &Arc<TableLoad>, batch: &Batch) -> Result<()> {
        self.session.check_cancelled()?;
        let other = |statement: &Statement| !Arc::ptr_eq(&statement.load, load);
        if self.current.as_ref().is_some_and(other)
            || self.insert.as_ref().is_some_and(|insert| other(&insert.statement))
        {
            self.finish()?;
        }
        self.write_rows(load, batch)
            .map_err(|error| error.with("table", &load.table).with("collection", &load.collection))
    }

    fn write_rows(&mut self, load: &Arc<TableLoad>, batch: &Batch) -> Result<()> {
        let count = batch.records.num_rows();
        let before = load.came.fetch_add(count as u64, Ordering::Relaxed);
        if !self.has_negative_zero
            && let Some((row, column)) = load.encoder.negative_zero(batch)
        {
            let refused = Error::new(ErrorKind::Mismatch, "this server stores a negative zero as zero");
            return Err(refused.with("column", column).with("row", before + row as u64));
        }
        let mut rows = load.encoder.rows(batch, before)?;
        let statement = self.begin(load)?;
        let most_rows = load.statement_rows();
        for row in 0..count {
            let only_insert = rows.seek(row)?;
            let ordinal = before + row as u64;
            match (&mut self.current, statement) {
                (Some(current), true) if !only_insert => {
                    rows.put_line(row, &mut self.lines)?;
                    current.add_row(ordinal);
                    if current.rows >= most_rows {
                        self.end_load()?;
                        self.begin(load)?;
                    } else if self.lines.len() >= PIECE_BYTES {
                        self.send()?;
                    }
                }
                _ => {
                    let insert = self.insert.get_or_insert_with(|| Insert::new(load));
                    let start = insert.text.len();
                    insert.text.extend_from_slice(if insert.statement.rows == 0 { b"" } else { b"," });
                    rows.put_values(row, &mut insert.text)?;
                    insert.statement.add_row(ordinal);
                    insert.statement.zero_labels += rows.zero_labels();
                    let is_full = insert.statement.rows >= most_rows;
                    if is_full || insert.text.len() >= INSERT_BYTES.min(self.packet_bytes) {
                        self.insert_before(start, ordinal, rows.zero_labels(), load)?;
                    }
                }
            }
        }
        if !rows.is_complete() {
            return Err(Error::new(ErrorKind::Internal, "a batch has exceptions of rows that it does not have"));
        }
        if self.current.as_ref().is_some_and(|current| current.bytes >= STATEMENT_BYTES) {
            self.finish()?;
        }
        Ok(())
    }

    /// Ends the statement under way. From then on everything that was written is in its table.
    ///
    /// # Errors
    /// Those of [`write`](Self::write).
    pub(crate) fn finish(&mut self) -> Result<()> {
        self.end_load()?;
        self.end_insert()
    }

    /// The session, for statements between loads, after [`finish`](Self::finish).
    #[cfg(test)]
    pub(super) fn session(&mut self) -> &mut Session {
        &mut self.session
    }

    /// Loads in another way than the server asks for.
    #[cfg(test)]
    pub(super) fn set_method(&mut self, method: Method) {
        self.method = method;
    }

    /// Begins a `LOAD DATA` unless one runs; returns whether one does.
    fn begin(&mut self, load: &Arc<TableLoad>) -> Result<bool> {
        let Some(sql) = &load.load else { return Ok(false) };
        if self.method == Method::Try {
            // Without a row, so that nothing is lost when the server does not want it.
            self.method = Method::Load;
            let tried = self.session.load_begin(sql.clone()).and_then(|()| self.session.load_finish(LOADING));
            match tried {
                Err(error) if refuses_files(&error) => self.method = Method::Insert,
                tried => drop(tried?),
            }
        }
        if self.method == Method::Insert {
            return Ok(false);
        }
        if self.current.is_none() {
            self.session.load_begin(sql.clone())?;
            self.current = Some(Statement::new(load));
        }
        Ok(true)
    }

    /// Sends the lines that there are.
    fn send(&mut self) -> Result<()> {
        let Some(current) = &mut self.current else { return Ok(()) };
        // A little more than is sent, since it is sent when a row has gone beyond that.
        let fresh = Vec::with_capacity(PIECE_BYTES + PIECE_BYTES / 8);
        let mut lines = Bytes::from(std::mem::replace(&mut self.lines, fresh));
        while !lines.is_empty() {
            // A row may be larger than what the server takes at once.
            let piece = lines.split_to(lines.len().min(PIECE_BYTES + PIECE_BYTES / 4));
            current.add_text(&piece);
            if let Err(error) = self.session.load_send(LOADING, piece) {
                // The statement has ended before its text: nothing can be sent again in the middle.
                return Err(failed(error, current));
            }
        }
        Ok(())
    }

    /// Ends the `LOAD DATA` that runs.
    fn end_load(&mut self) -> Result<()> {
        self.send()?;
        let Some(current) = self.current.take() else { return Ok(()) };
        let mut ended = self.session.load_finish(LOADING);
        for _ in 1..TRIES {
            // The server has taken back all of the statement.
            let Err(error) = &ended else { break };
            let text = current.text().filter(|_| is_deadlock(error));
            let (Some(text), Some(sql)) = (text, &current.load.load) else { break };
            self.session.load_begin(sql.clone())?;
            text.into_iter().try_for_each(|piece| self.session.load_send(LOADING, piece))?;
            ended = self.session.load_finish(LOADING);
        }
        let loaded = ended.map_err(|error| failed(error, &current))?;
        check(&mut self.session, &current, &loaded)?;
        current.load.taken.fetch_add(current.rows, Ordering::Relaxed);
        Ok(())
    }

    /// Ends the `INSERT` that grows; its last row, which begins at `start`, goes into the next one if it made it too large.
    fn insert_before(&mut self, start: usize, ordinal: u64, zero_labels: u64, load: &Arc<TableLoad>) -> Result<()> {
        let Some(insert) = &mut self.insert else { return Ok(()) };
        // A packet has one byte more than its statement.
        let fits = insert.text.len() + NOT_STRICT.len() < self.packet_bytes;
        if fits {
            return self.flush_insert();
        }
        let mut next = Insert::new(load);
        let row = insert.text.split_off(start);
        next.text.extend_from_slice(row.strip_prefix(b",").unwrap_or(&row));
        next.statement.add_row(ordinal);
        next.statement.zero_labels = zero_labels;
        let mode = if zero_labels > 0 { NOT_STRICT.len() } else { 0 };
        if next.text.len() + mode >= self.packet_bytes {
            let (bytes, limit) = (next.text.len() + mode, self.packet_bytes);
            return Err(Error::new(
                ErrorKind::Incompatible,
                format!("a row takes {bytes} bytes as a statement, and the server takes {limit} at most"),
            )
            .hint("raise the server's max_allowed_packet, or let it load files: SET GLOBAL local_infile = 1")
            .with("row", ordinal));
        }
        insert.statement.drop_last_row();
        insert.statement.zero_labels -= zero_labels;
        if insert.statement.rows > 0 {
            self.flush_insert()?;
        }
        self.insert = Some(next);
        Ok(())
    }

    /// Runs the `INSERT`, with the `LOAD DATA` that runs ended before.
    fn flush_insert(&mut self) -> Result<()> {
        let load = self.current.as_ref().map(|current| Arc::clone(&current.load));
        self.end_load()?;
        self.end_insert()?;
        if let Some(load) = load {
            self.begin(&load)?;
        }
        Ok(())
    }

    fn end_insert(&mut self) -> Result<()> {
        let Some(Insert { statement, text }) = self.insert.take() else { return Ok(()) };
        let mut text = String::from_utf8(text)
            .map_err(|error| Error::new(ErrorKind::Internal, "a statement is no UTF-8").caused_by(error))?;
        if self.is_mariadb && statement.zero_labels > 0 {
            text.insert_str(0, NOT_STRICT);
        }
        let mut ended = self.session.run(LOADING, &text);
        for _ in 1..TRIES {
            match &ended {
                Err(error) if is_deadlock(error) => ended = self.session.run(LOADING, &text),
                _ => break,
            }
        }
        let loaded = ended.map_err(|error| failed(error, &statement))?;
        check(&mut self.session, &statement, &loaded)?;
        statement.load.taken.fetch_add(statement.rows, Ordering::Relaxed);
        Ok(())
    }
}

impl Insert {
    fn new(load: &Arc<TableLoad>) -> Self {
        Self { statement: Statement::new(load), text: load.insert.clone().into_bytes() }
    }
}

/// Adds what the server's message says of the place.
fn failed(error: Error, statement: &Statement) -> Error {
    let message = error.source().map(ToString::to_string).unwrap_or_default();
    located(error, &message, statement)
}

/// Whether the statement was taken back because it and another one waited for each other. A lock that somebody holds for too
/// long is another error, which trying again would only draw out.
fn is_deadlock(error: &Error) -> bool {
    has_code(error, &["1213"])
}

/// Whether the server, or something before it, does not let clients load files.
fn refuses_files(error: &Error) -> bool {
    // `ER_NOT_ALLOWED_COMMAND`, `ER_CLIENT_LOCAL_FILES_DISABLED`, MariaDB's `ER_LOAD_INFILE_CAPABILITY_DISABLED`.
    has_code(error, &["1148", "3948", "4166"])
}

fn has_code(error: &Error, codes: &[&str]) -> bool {
    error.context().any(|(key, value)| key == "error" && codes.contains(&value))
}
