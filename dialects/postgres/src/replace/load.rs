//! Loading rows: which columns go where, with which statements, and the writers.
//!
//! A staged table of which one writer gets all rows is emptied and loaded in one transaction of that writer, with `FREEZE`:
//! its rows need no more attention later, and with `wal_level = minimal` they are not logged. Otherwise each writer copies
//! what it gets in transactions of its own. Tables in place are copied in the main session's transaction, which has emptied
//! those that are replaced, so that their rows are frozen too.
//!
//! Columns whose types only take texts ([`EncodedColumn::through`]) make a detour: the rows are copied into a temporary table
//! that has a text in that place, and inserted from there, some megabytes at a time. A conversion of a text is its type's
//! input function, unless there is a cast from text, which may mean something else: `'-'::text::regclass` fails. Such types'
//! input functions are called by their names.

use super::sessions::{Shared, lock, statement};
use super::unit::{Member, Members, Place};
use crate::PostgresSyntax;
use crate::encode::{EncodedColumn, HEADER, RowEncoder, TRAILER};
use crate::session::Session;
use crate::types::{Oid, TypeCatalogue};
use bytes::Bytes;
use dbferry_dialect::{Batch, Cancel, CollectionName, Error, ErrorKind, Result, Syntax, Writer};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// How many bytes are sent at once.
const CHUNK_BYTES: usize = 256 << 10;
/// The largest message: the server takes no more than 1 GB, and a row may be larger.
const MESSAGE_BYTES: usize = 8 << 20;
/// How many bytes go through the temporary table before they are inserted.
const DETOUR_BYTES: u64 = 64 << 20;

const COPYING: &str = "rows cannot be copied into the table";

/// How the rows of one collection are written.
#[derive(Debug)]
pub(super) struct Load {
    /// Its place in the target, quoted.
    table: String,
    place: Place,
    /// The columns, quoted, in parentheses; empty when a table has none.
    columns: String,
    encoder: RowEncoder,
    detour: Option<Detour>,
    /// Whether one writer gets all of its rows, so that it may empty the table and freeze them.
    whole: bool,
    /// Whether the main session's transaction has emptied the table.
    emptied: bool,
    /// Rows and bytes that were sent so far, of all writers.
    rows: AtomicU64,
    bytes: AtomicU64,
}

/// The way through a temporary table.
#[derive(Debug)]
struct Detour {
    create: String,
    insert: String,
}

const DETOUR_TABLE: &str = "pg_temp.dbferry_rows";

/// A column of a table that exists.
struct TargetColumn {
    oid: Oid,
    /// The type with its modifier, as SQL.
    type_text: String,
    generated: bool,
}

/// Everything that is loaded.
#[derive(Debug)]
pub(super) struct Loads {
    loads: HashMap<CollectionName, Load>,
    /// Those that some writer has begun.
    begun: Mutex<HashSet<CollectionName>>,
    /// Raised once something failed: from then on the unit cannot be committed.
    broken: Arc<AtomicBool>,
    cancel: Cancel,
}

impl Loads {
    /// Looks at the tables, which are there by now.
    ///
    /// # Errors
    /// [`ErrorKind::Incompatible`] when a table lacks a column, or its type does not take the values.
    pub(super) fn new(
        session: &mut Session,
        members: &Members,
        types: &Arc<TypeCatalogue>,
        single_writer: bool,
        broken: &Arc<AtomicBool>,
    ) -> Result<Self> {
        let loaded: Vec<&Member> = members.iter().filter(|member| member.loads()).collect();
        let mut columns = target_columns(session, &loaded)?;
        let inputs = input_functions(session)?;
        let mut loads = HashMap::with_capacity(loaded.len());
        for (place, member) in loaded.into_iter().enumerate() {
            let columns = columns.remove(&(place as i64)).unwrap_or_default();
            let load = Load::new(member, types, &columns, &inputs, single_writer)
                .map_err(|error| error.with("collection", &member.plan.target))?;
            loads.insert(member.plan.source.name.clone(), load);
        }
        let cancel = session.cancel().clone();
        Ok(Self { loads, begun: Mutex::default(), broken: Arc::clone(broken), cancel })
    }

    /// How much was loaded into a collection, in bytes on the wire.
    pub(super) fn weight(&self, source: &CollectionName) -> u64 {
        self.loads.get(source).map_or(0, |load| load.bytes.load(Ordering::Relaxed))
    }

    /// Whether any collection is loaded there.
    pub(super) fn any_at(&self, place: Place) -> bool {
        self.loads.values().any(|load| load.place == place)
    }

    fn get(&self, source: &CollectionName) -> Result<&Load> {
        self.loads.get(source).ok_or_else(|| {
            Error::new(ErrorKind::Unsupported, "rows came for a collection that this restore does not load")
        })
    }
}

/// The columns of the tables, by the tables' places in the list and by name, in one query.
fn target_columns(session: &mut Session, loaded: &[&Member]) -> Result<HashMap<i64, BTreeMap<String, TargetColumn>>> {
    let tables: Vec<String> = loaded.iter().map(|member| PostgresSyntax.qualified(&member.current)).collect();
    let rows = session.query(
        "cannot read the columns of the tables",
        "SELECT r.place - 1, a.attname::text, a.atttypid, pg_catalog.format_type(a.atttypid, a.atttypmod), \
         a.attgenerated <> '' FROM pg_catalog.unnest($1::text[]) WITH ORDINALITY r(name, place) \
         JOIN pg_catalog.pg_attribute a ON a.attrelid = r.name::pg_catalog.regclass \
         WHERE a.attnum > 0 AND NOT a.attisdropped",
        &[&tables],
    )?;
    let mut columns: HashMap<i64, BTreeMap<String, TargetColumn>> = HashMap::new();
    for row in &rows {
        let column = TargetColumn { oid: row.get(2), type_text: row.get(3), generated: row.get(4) };
        columns.entry(row.get(0)).or_default().insert(row.get(1), column);
    }
    Ok(columns)
}

/// The input function of a type to which texts can also be cast.
struct Input {
    function: String,
    arguments: i16,
    /// What it is told of the type.
    parameter: Oid,
}

impl Input {
    fn call(&self, text: &str) -> String {
        let (function, parameter) = (&self.function, self.parameter);
        match self.arguments {
            1 => format!("{function}(pg_catalog.textout({text}))"),
            2 => format!("{function}(pg_catalog.textout({text}), {parameter}::pg_catalog.oid)"),
            _ => format!("{function}(pg_catalog.textout({text}), {parameter}::pg_catalog.oid, -1)"),
        }
    }
}

fn input_functions(session: &mut Session) -> Result<HashMap<Oid, Input>> {
    let rows = session.query(
        "cannot read how texts are converted",
        "SELECT t.oid, p.oid::pg_catalog.regproc::text, p.pronargs, CASE WHEN t.typelem <> 0 THEN t.typelem ELSE t.oid END \
           FROM pg_catalog.pg_cast c JOIN pg_catalog.pg_type t ON t.oid = c.casttarget AND t.typtype = 'b' \
           JOIN pg_catalog.pg_proc p ON p.oid = t.typinput WHERE c.castsource = 'pg_catalog.text'::pg_catalog.regtype",
        &[],
    )?;
    let input = |row: &tokio_postgres::Row| {
        (row.get(0), Input { function: row.get(1), arguments: row.get(2), parameter: row.get(3) })
    };
    Ok(rows.iter().map(input).collect())
}

impl Load {
    fn new(
        member: &Member,
        types: &Arc<TypeCatalogue>,
        columns: &BTreeMap<String, TargetColumn>,
        inputs: &HashMap<Oid, Input>,
        single_writer: bool,
    ) -> Result<Self> {
        let source = &member.plan.source;
        let mut encoded = Vec::with_capacity(source.columns.len());
        let mut names = Vec::with_capacity(source.columns.len());
        let mut temporary = Vec::new();
        let mut selected = Vec::new();
        // Columns of roles that only their own dialect knows are not in `member.source`.
        let wanted =
            source.columns.iter().enumerate().filter(|(_, column)| member.source.column(&column.name).is_some());
        for (position, column) in wanted {
            let found = columns.get(&column.name).ok_or_else(|| {
                Error::new(ErrorKind::Incompatible, "the target's table has no such column")
                    .with("column", &column.name)
            })?;
            if found.generated {
                continue;
            }
            let field = EncodedColumn::new(types, source, position, found.oid)?;
            let (name, place) = (PostgresSyntax.quote_identifier(&column.name), names.len());
            if field.through() {
                temporary.push(format!("NULL::text AS c{place}"));
                let text = format!("c{place}");
                let value = inputs.get(&types.base(found.oid)).map_or_else(|| text.clone(), |input| input.call(&text));
                selected.push(format!("{value}::{}", found.type_text));
            } else {
                temporary.push(format!("{name} AS c{place}"));
                selected.push(format!("c{place}"));
            }
            names.push(name);
            encoded.push(field);
        }
        let encoder = RowEncoder::new(Arc::clone(types), source, encoded)?;
        let table = PostgresSyntax.qualified(&member.current);
        let columns = if names.is_empty() { String::new() } else { format!(" ({})", names.join(", ")) };
        let detour = encoder.through().then(|| Detour {
            create: format!(
                "CREATE TEMPORARY TABLE dbferry_rows AS SELECT {} FROM ONLY {table} WITH NO DATA",
                temporary.join(", ")
            ),
            insert: format!(
                "INSERT INTO {table}{columns} OVERRIDING SYSTEM VALUE SELECT {} FROM {DETOUR_TABLE}",
                selected.join(", ")
            ),
        });
        Ok(Self {
            table,
            place: member.place,
            columns,
            encoder,
            detour,
            whole: member.plan.parts <= 1 || single_writer,
            emptied: member.is_truncated(),
            rows: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
        })
    }

    /// The statement that begins a copy.
    fn copy(&self, freeze: bool) -> String {
        let freeze = if freeze { ", FREEZE" } else { "" };
        match &self.detour {
            Some(_) => format!("COPY {DETOUR_TABLE} FROM STDIN (FORMAT binary)"),
            None => format!("COPY {}{} FROM STDIN (FORMAT binary{freeze})", self.table, self.columns),
        }
    }
}

/// One session that loads.
pub(super) struct PostgresWriter {
    session: Shared,
    /// Where the collections are that it takes.
    place: Place,
    loads: Arc<Loads>,
    current: Option<Copying>,
    buffer: Vec<u8>,
    rows: u64,
}

/// A copy under way.
struct Copying {
    collection: CollectionName,
    /// Whether it is in a transaction of its own.
    transaction: bool,
    /// Whether the table was emptied in this transaction.
    freeze: bool,
    /// Rows that were sent since the copy was begun.
    rows: u64,
    /// Bytes that were sent since then.
    bytes: u64,
}

impl PostgresWriter {
    /// A writer of collections at `place` on that session.
    pub(super) fn new(session: Shared, place: Place, loads: Arc<Loads>) -> Self {
        Self { session, place, loads, current: None, buffer: Vec::new(), rows: 0 }
    }

    fn write_batch(&mut self, collection: &CollectionName, batch: &Batch) -> Result<()> {
        self.loads.cancel.check()?;
        let loads = Arc::clone(&self.loads);
        let load = loads.get(collection)?;
        let shared = Arc::clone(&self.session);
        let mut session = lock(&shared);
        if self.current.as_ref().is_none_or(|current| current.collection != *collection) {
            self.end(&mut session)?;
            self.begin(&mut session, collection, load)?;
        }
        let before = load.rows.fetch_add(batch.records.num_rows() as u64, Ordering::Relaxed);
        let mut rows = load.encoder.rows(batch, before)?;
        for row in 0..batch.records.num_rows() {
            rows.put(row, &mut self.buffer)?;
            if self.buffer.len() >= CHUNK_BYTES {
                self.send(&mut session, load)?;
            }
        }
        if !rows.is_complete() {
            return Err(Error::new(ErrorKind::Internal, "a batch has exceptions of rows that it does not have"));
        }
        self.rows += batch.records.num_rows() as u64;
        if let Some(current) = &mut self.current {
            current.rows += batch.records.num_rows() as u64;
            if load.detour.is_some() && current.bytes >= DETOUR_BYTES {
                self.flush(&mut session, load)?;
                self.copy(&mut session, load)?;
            }
        }
        Ok(())
    }

    /// Begins a collection: a transaction if it can be loaded in one, and a copy.
    fn begin(&mut self, session: &mut Session, collection: &CollectionName, load: &Load) -> Result<()> {
        let first = self.loads.begun.lock().unwrap_or_else(PoisonError::into_inner).insert(collection.clone());
        // Where a table was begun before, its rows stay.
        let transaction = load.place == Place::Staged && load.whole && first;
        if transaction {
            session.run(COPYING, &format!("BEGIN; TRUNCATE ONLY {}", load.table))?;
        }
        let freeze = (transaction || load.emptied) && load.detour.is_none();
        if let Some(detour) = &load.detour {
            session.run(COPYING, &format!("DROP TABLE IF EXISTS {DETOUR_TABLE}"))?;
            statement(session, COPYING, &detour.create)?;
        }
        self.current = Some(Copying { collection: collection.clone(), transaction, freeze, rows: 0, bytes: 0 });
        self.copy(session, load)
    }

    /// Begins a copy of the collection under way.
    fn copy(&mut self, session: &mut Session, load: &Load) -> Result<()> {
        let Some(current) = &mut self.current else { return Ok(()) };
        (current.rows, current.bytes) = (0, 0);
        self.buffer.clear();
        self.buffer.extend_from_slice(HEADER);
        session.copy_in(COPYING, &load.copy(current.freeze))
    }

    /// Sends what the buffer holds.
    fn send(&mut self, session: &mut Session, load: &Load) -> Result<()> {
        // A little more than is sent, since it is sent when a row has gone beyond that.
        let fresh = Vec::with_capacity(CHUNK_BYTES + CHUNK_BYTES / 8);
        let mut bytes = Bytes::from(std::mem::replace(&mut self.buffer, fresh));
        let length = bytes.len() as u64;
        load.bytes.fetch_add(length, Ordering::Relaxed);
        if let Some(current) = &mut self.current {
            current.bytes += length;
        }
        while !bytes.is_empty() {
            let message = bytes.split_to(bytes.len().min(MESSAGE_BYTES));
            if let Err(error) = session.copy_send(COPYING, message) {
                // The server has ended the copy; why stands in its answer.
                return Err(session.copy_finish(COPYING).err().unwrap_or(error));
            }
        }
        Ok(())
    }

    /// Ends the copy, and moves the rows on if they made a detour.
    fn flush(&mut self, session: &mut Session, load: &Load) -> Result<()> {
        self.buffer.extend_from_slice(&TRAILER);
        self.send(session, load)?;
        let taken = session.copy_finish(COPYING)?;
        let Some(current) = &self.current else { return Ok(()) };
        counted(taken, current.rows)?;
        if let Some(detour) = &load.detour {
            let taken = session.execute(COPYING, &detour.insert, &[])?;
            counted(taken, current.rows)?;
            session.run(COPYING, &format!("TRUNCATE {DETOUR_TABLE}"))?;
        }
        Ok(())
    }

    /// Ends the collection under way, if there is one.
    fn end(&mut self, session: &mut Session) -> Result<()> {
        let Some(current) = &self.current else { return Ok(()) };
        let (collection, transaction) = (current.collection.clone(), current.transaction);
        let loads = Arc::clone(&self.loads);
        let load = loads.get(&collection)?;
        let ended = self.flush(session, load).and_then(|()| {
            if load.detour.is_some() {
                session.run(COPYING, &format!("DROP TABLE {DETOUR_TABLE}"))?;
            }
            if transaction { session.run(COPYING, "COMMIT") } else { Ok(()) }
        });
        self.current = None;
        ended.map_err(|error| error.with("collection", &collection))
    }

    fn check<T>(&self, result: Result<T>) -> Result<T> {
        result.inspect_err(|_| self.loads.broken.store(true, Ordering::Relaxed))
    }
}

fn counted(taken: u64, sent: u64) -> Result<()> {
    if taken == sent {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Mismatch, format!("the server took {taken} rows of {sent}")).with("dialect", crate::NAME))
}

impl Writer for PostgresWriter {
    fn accepts(&self, collection: &CollectionName) -> bool {
        self.loads.loads.get(collection).is_some_and(|load| load.place == self.place)
    }

    fn write(&mut self, collection: &CollectionName, batch: &Batch) -> Result<()> {
        let written = self.write_batch(collection, batch);
        self.check(written).map_err(|error| error.with("collection", collection))
    }

    fn finish(mut self: Box<Self>) -> Result<u64> {
        let shared = Arc::clone(&self.session);
        let ended = self.end(&mut lock(&shared));
        self.check(ended)?;
        Ok(self.rows)
    }
}

impl Drop for PostgresWriter {
    /// A copy that was not ended fails with its transaction.
    fn drop(&mut self) {
        if self.current.is_some() {
            self.loads.broken.store(true, Ordering::Relaxed);
            lock(&self.session).copy_abort();
        }
    }
}
