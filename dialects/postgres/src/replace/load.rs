//! Loading rows: which columns go where, and with which statements. Not here: the sessions that do it ([`super::writer`]).
//!
//! A staged table of which one writer gets all rows is emptied and loaded in one transaction of that writer, with `FREEZE`:
//! its rows need no more attention later, and with `wal_level = minimal` they are not logged. Otherwise each writer copies
//! what it gets in transactions of its own. Tables in place are copied in the main session's transaction, which has emptied
//! those that are replaced, so that their rows are frozen too.
//!
//! Columns whose types only take texts ([`EncodedColumn::through`]) make a detour: the rows are copied into a temporary table
//! that has a text in that place, and inserted from there, some megabytes at a time. A conversion of a text is its type's
//! input function, unless there is a cast from text, which may mean something else: `'-'::text::regclass` fails. Such types'
//! input functions are called by their names. Large objects make the same detour.

use super::large;
use super::unit::{Member, Members, Place};
use crate::PostgresSyntax;
use crate::ddl;
use crate::encode::{EncodedColumn, RowEncoder};
use crate::session::Session;
use crate::types::{Oid, TypeCatalogue};
use dbferry_dialect::{Cancel, CollectionName, Error, ErrorKind, Result, Syntax};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// What is being done, for messages.
pub(super) const COPYING: &str = "rows cannot be copied into the table";

/// How the rows of one collection are written.
#[derive(Debug)]
pub(super) struct Load {
    /// Its place in the target, quoted.
    pub(super) table: String,
    pub(super) place: Place,
    /// The columns, quoted, in parentheses; empty when a table has none.
    columns: String,
    pub(super) encoder: RowEncoder,
    pub(super) detour: Option<Detour>,
    /// Whether one writer gets all of its rows, so that it may empty the table and freeze them.
    pub(super) whole: bool,
    /// Whether the main session's transaction has emptied the table.
    pub(super) emptied: bool,
    /// Rows and bytes that were sent so far, of all writers.
    pub(super) rows: AtomicU64,
    pub(super) bytes: AtomicU64,
}

/// The way through a temporary table.
#[derive(Debug)]
pub(super) struct Detour {
    pub(super) create: String,
    insert: Insert,
}

/// How the rows leave it.
#[derive(Debug)]
enum Insert {
    /// By this statement.
    Statement(String),
    /// As pages of large objects, of that many bytes.
    LargeObjects(u32),
}

impl Detour {
    /// Moves the rows of the temporary table on; returns their number.
    pub(super) fn insert(&self, session: &mut Session) -> Result<u64> {
        match &self.insert {
            Insert::Statement(sql) => session.execute(COPYING, sql, &[]),
            Insert::LargeObjects(page_bytes) => large::put(session, *page_bytes),
        }
    }
}

/// The temporary table, one a session.
pub(super) const DETOUR_TABLE: &str = "pg_temp.dbferry_rows";

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
    pub(super) broken: Arc<AtomicBool>,
    pub(super) cancel: Cancel,
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

    /// Marks a collection as begun; whether it was not before.
    pub(super) fn begin(&self, collection: &CollectionName) -> bool {
        self.begun.lock().unwrap_or_else(PoisonError::into_inner).insert(collection.clone())
    }

    /// How that collection is loaded.
    pub(super) fn get(&self, source: &CollectionName) -> Result<&Load> {
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

/// The size that pages of large objects had in the source, which is that of the target.
fn page_bytes(member: &Member) -> Result<u32> {
    let bytes = member.source.attributes.get(ddl::PAGE_BYTES).and_then(|text| text.parse().ok());
    bytes.ok_or_else(|| Error::new(ErrorKind::Incompatible, "the archive does not tell the size of its pages"))
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
        let insert = if member.is_large_objects() {
            Insert::LargeObjects(page_bytes(member)?)
        } else {
            Insert::Statement(format!(
                "INSERT INTO {table}{columns} OVERRIDING SYSTEM VALUE SELECT {} FROM {DETOUR_TABLE}",
                selected.join(", ")
            ))
        };
        let detour = (encoder.through() || member.is_large_objects()).then(|| Detour {
            create: format!(
                "CREATE TEMPORARY TABLE dbferry_rows AS SELECT {} FROM ONLY {table} WITH NO DATA",
                temporary.join(", ")
            ),
            insert,
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
    pub(super) fn copy(&self, freeze: bool) -> String {
        let freeze = if freeze { ", FREEZE" } else { "" };
        match &self.detour {
            Some(_) => format!("COPY {DETOUR_TABLE} FROM STDIN (FORMAT binary)"),
            None => format!("COPY {}{} FROM STDIN (FORMAT binary{freeze})", self.table, self.columns),
        }
    }
}
