//! Rows straight from the pages of a table, without a statement that copies each value out of them: reading takes half the time.
//!
//! For tables whose rows are what their pages say: with row numbers, without generated columns, in UTF-8, read whole or by ranges
//! of row numbers, inside a transaction. Everything else is read by a statement, and so is everything where SQLite was compiled
//! without `SQLITE_ENABLE_DBPAGE_VTAB`. Both give the same rows in the same order (`tests.rs` compares them).

use super::record::Header;
use super::tree::{Cell, Ended, Pages, Walk, damaged};
use super::{BatchBuilder, interrupted};
use crate::error::database_error;
use crate::shape::{ROWID_NAMES, RowKey, column_expression};
use crate::types::Affinity;
use dbferry_dialect::{Collection, Result, Sink};
use rusqlite::Connection;
use rusqlite::types::ValueRef;
use std::collections::HashMap;

/// A table that is read so.
pub(super) struct Table<'c> {
    pages: Pages<'c>,
    root: u32,
    /// Where the values of each wanted column come from.
    sources: Vec<Source>,
    /// How many columns of a row must be known for them.
    width: usize,
    defaults: Defaults<'c>,
}

/// Where a column's values come from.
#[derive(Clone, Copy)]
enum Source {
    RowNumber,
    /// Its place in the row. SQLite stores the floats of a `REAL` column as whole numbers where it can.
    Stored {
        at: usize,
        is_real: bool,
    },
}

impl<'c> Table<'c> {
    /// None where the collection must be read by a statement.
    ///
    /// # Errors
    /// What SQLite says.
    pub(super) fn find(
        connection: &'c Connection,
        roots: &mut Option<Roots>,
        collection: &Collection,
        key: &RowKey,
    ) -> Result<Option<Self>> {
        let failed = |error| database_error("the table cannot be looked up", error);
        let RowKey::Rowid(Some(row_number)) = key else { return Ok(None) };
        // Between two statements without a transaction another one may move the pages.
        if connection.is_autocommit() {
            return Ok(None);
        }
        let roots = match roots {
            Some(roots) => roots,
            None => roots.insert(Roots::read(connection).map_err(failed)?),
        };
        let Some(root) = roots.of(&collection.name.name) else { return Ok(None) };
        let Some(stored) = stored_columns(connection, collection).map_err(failed)? else { return Ok(None) };
        let Some(sources) = sources(collection, &stored, row_number) else { return Ok(None) };
        let Some(pages) = Pages::open(connection).map_err(failed)? else { return Ok(None) };
        let width = sources.iter().map(|source| match source {
            Source::RowNumber => 0,
            Source::Stored { at, .. } => at + 1,
        });
        let defaults = Defaults { connection, columns: stored, values: HashMap::new() };
        Ok(Some(Self { pages, root, width: width.max().unwrap_or(0), sources, defaults }))
    }

    /// Reads the rows of that range of row numbers: from the first, before the second.
    ///
    /// # Errors
    /// What SQLite says, and what the sink says.
    pub(super) fn read(
        self,
        (collection, key): (&Collection, &RowKey),
        range: (Option<i64>, Option<i64>),
        batch: &mut BatchBuilder,
        sink: &mut dyn Sink,
    ) -> Result<u64> {
        let Self { pages, root, sources, width, mut defaults } = self;
        let (mut header, mut long) = (Header::default(), Vec::new());
        let mut count = 0;
        let mut take = |pages: &mut Pages<'c>, cell: &Cell<'_>| -> Result<()> {
            let stopped = |error| interrupted(count, error);
            let mut payload = cell.local;
            if let Err(bytes) = header.read(payload, width).ok_or_else(|| stopped(damaged()))? {
                pages.collect(cell, bytes, &mut long).map_err(stopped)?;
                payload = &long;
                // It is as long as it must be now.
                if header.read(payload, width).ok_or_else(|| stopped(damaged()))?.is_err() {
                    return Err(stopped(damaged()));
                }
            }
            if !header.fits(cell.bytes) {
                return Err(stopped(damaged()));
            }
            if cell.bytes > cell.local.len() {
                let needs = sources.iter().map(|source| match source {
                    Source::Stored { at, .. } if *at < header.len() => header.needs(*at),
                    _ => 0,
                });
                let needs = needs.max().unwrap_or(0);
                if needs > payload.len() {
                    pages.collect(cell, needs, &mut long).map_err(stopped)?;
                    payload = &long;
                }
            }
            if header.len() < width {
                defaults.learn(collection, key, cell.rowid, header.len()..width).map_err(stopped)?;
            }
            batch.push_values(|column| match sources[column] {
                Source::RowNumber => Ok(ValueRef::Integer(cell.rowid)),
                Source::Stored { at, is_real } => {
                    if at >= header.len() {
                        return Ok(defaults.value(at));
                    }
                    match header.value(payload, at) {
                        Some(ValueRef::Integer(value)) if is_real => Ok(ValueRef::Real(value as f64)),
                        Some(value) => Ok(value),
                        None => Err(stopped(damaged())),
                    }
                }
            })?;
            count += 1;
            if batch.is_full() { sink.push(batch.finish()?) } else { Ok(()) }
        };
        Walk::new(pages, range).rows(root, &mut take).map_err(|ended| match ended {
            Ended::Reading(error) => interrupted(count, error),
            Ended::Taking(error) => error,
        })?;
        Ok(count)
    }
}

/// The pages that the b-trees of tables begin with, as they are in a transaction.
pub(super) struct Roots(HashMap<String, u32>);

impl Roots {
    fn read(connection: &Connection) -> rusqlite::Result<Self> {
        // The schema itself begins with the first page. What has none has no b-tree of its own.
        let mut statement = connection
            .prepare("SELECT name, rootpage FROM main.sqlite_schema WHERE type = 'table' AND rootpage > 1")?;
        let mut rows = statement.query([])?;
        let mut roots = HashMap::new();
        while let Some(row) = rows.next()? {
            // A name that is no text that can be read is no collection either.
            if let Ok(name) = row.get_ref(0)?.as_str() {
                roots.insert(name.to_ascii_lowercase(), row.get(1)?);
            }
        }
        Ok(Self(roots))
    }

    /// That of a table.
    fn of(&self, table: &str) -> Option<u32> {
        self.0.get(&table.to_ascii_lowercase()).copied()
    }
}

/// A column in the order of the table.
struct Column {
    name: String,
    is_real: bool,
}

/// The columns of the table; none where rows do not hold all of them.
fn stored_columns(connection: &Connection, collection: &Collection) -> rusqlite::Result<Option<Vec<Column>>> {
    let mut statement =
        connection.prepare_cached("SELECT name, type, hidden FROM pragma_table_xinfo(?1, 'main') ORDER BY cid")?;
    let mut rows = statement.query([&collection.name.name])?;
    let mut columns = Vec::new();
    while let Some(row) = rows.next()? {
        if row.get::<_, i64>(2)? != 0 {
            return Ok(None);
        }
        let declared: String = row.get(1)?;
        columns.push(Column { name: row.get(0)?, is_real: Affinity::of(&declared) == Affinity::Real });
    }
    Ok(Some(columns))
}

/// Where each column of the collection comes from; none where one is neither a column nor the row number.
fn sources(collection: &Collection, stored: &[Column], row_number: &str) -> Option<Vec<Source>> {
    let source = |wanted: &dbferry_dialect::Column| {
        let Some(at) = stored.iter().position(|column| column.name.eq_ignore_ascii_case(&wanted.name)) else {
            // One of the names that stand for it and that no column has.
            let is_row_number = ROWID_NAMES.iter().any(|name| wanted.name.eq_ignore_ascii_case(name));
            return is_row_number.then_some(Source::RowNumber);
        };
        let is_row_number = row_number == column_expression(&collection.name, &stored[at].name);
        Some(if is_row_number { Source::RowNumber } else { Source::Stored { at, is_real: stored[at].is_real } })
    };
    collection.columns.iter().map(source).collect()
}

/// What columns that were added to the table later have in older rows: the same in each of them.
struct Defaults<'c> {
    connection: &'c Connection,
    columns: Vec<Column>,
    values: HashMap<usize, Kept>,
}

/// A value that is kept; a text need not be UTF-8.
enum Kept {
    Null,
    Integer(i64),
    Real(f64),
    Text(Vec<u8>),
    Blob(Vec<u8>),
}

impl From<ValueRef<'_>> for Kept {
    fn from(value: ValueRef<'_>) -> Self {
        match value {
            ValueRef::Null => Self::Null,
            ValueRef::Integer(value) => Self::Integer(value),
            ValueRef::Real(value) => Self::Real(value),
            ValueRef::Text(bytes) => Self::Text(bytes.to_vec()),
            ValueRef::Blob(bytes) => Self::Blob(bytes.to_vec()),
        }
    }
}

impl Defaults<'_> {
    /// Asks SQLite for those columns of a row that lacks them.
    fn learn(
        &mut self,
        collection: &Collection,
        key: &RowKey,
        rowid: i64,
        columns: std::ops::Range<usize>,
    ) -> rusqlite::Result<()> {
        for at in columns.filter(|at| *at < self.columns.len()) {
            if self.values.contains_key(&at) {
                continue;
            }
            let column = column_expression(&collection.name, &self.columns[at].name);
            let (source, leading) = (key.source(&collection.name), key.leading().unwrap_or("rowid"));
            let sql = format!("SELECT {column} FROM {source} WHERE {leading} = ?1");
            let value = self.connection.query_row(&sql, [rowid], |row| Ok(Kept::from(row.get_ref(0)?)))?;
            self.values.insert(at, value);
        }
        Ok(())
    }

    fn value(&self, at: usize) -> ValueRef<'_> {
        match self.values.get(&at) {
            None | Some(Kept::Null) => ValueRef::Null,
            Some(Kept::Integer(value)) => ValueRef::Integer(*value),
            Some(Kept::Real(value)) => ValueRef::Real(*value),
            Some(Kept::Text(bytes)) => ValueRef::Text(bytes),
            Some(Kept::Blob(bytes)) => ValueRef::Blob(bytes),
        }
    }
}

#[cfg(test)]
mod tests;
