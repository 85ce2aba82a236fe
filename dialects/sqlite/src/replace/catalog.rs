//! The few questions that writing asks the target's catalogue. Introspection proper is elsewhere.

use super::failure::failed;
use dbferry_dialect::Result;
use rusqlite::{Connection, OptionalExtension as _};
use std::collections::{BTreeSet, HashMap};

/// A column of a table in the target.
pub(super) struct TargetColumn {
    /// Its name.
    pub(super) name: String,
    /// Its declared type.
    pub(super) declared: String,
    /// Whether it is computed, and so never written.
    pub(super) generated: bool,
    /// Its place in the primary key, counted from 1; 0 outside of it.
    pub(super) key_position: i64,
}

impl TargetColumn {
    /// Whether a text that looks like a number stays a text here: the affinity is TEXT or BLOB. The rules are those of
    /// <https://sqlite.org/datatype3.html#determination_of_column_affinity>.
    pub(super) fn keeps_text(&self) -> bool {
        let declared = self.declared.to_ascii_uppercase();
        let has = |part: &str| declared.contains(part);
        !has("INT") && (declared.is_empty() || ["CHAR", "CLOB", "TEXT", "BLOB"].into_iter().any(has))
    }
}

/// The text of an object, as `sqlite_schema` has it; `kind` is `table`, `index`, `view` or `trigger`. An object without a
/// text has an empty one.
pub(super) fn definition(connection: &Connection, kind: &str, name: &str) -> Result<Option<String>> {
    connection
        .query_row(
            "SELECT coalesce(sql, '') FROM main.sqlite_schema WHERE type = ?1 AND name = ?2 COLLATE NOCASE",
            [kind, name],
            |row| row.get(0),
        )
        .optional()
        .map_err(|error| failed("cannot read the catalogue", error))
}

/// Whether anything has that name. Tables, views, indexes and triggers share one name space, apart from triggers.
pub(super) fn is_taken(connection: &Connection, name: &str) -> Result<bool> {
    if !may_be_taken(connection, name) {
        return Ok(false);
    }
    connection
        .query_row("SELECT count(*) FROM main.sqlite_schema WHERE name = ?1 COLLATE NOCASE", [name], |row| {
            row.get::<_, i64>(0)
        })
        .map(|count| count > 0)
        .map_err(|error| failed("cannot read the catalogue", error))
}

/// Whether a table, view or index may have that name. SQLite finds those by their names, where the catalogue is read from its
/// beginning: with thousands of tables that would be most of the work. Tables that SQLite itself makes up are found too, and
/// what it cannot say may be.
fn may_be_taken(connection: &Connection, name: &str) -> bool {
    let found = connection
        .prepare_cached(
            "SELECT 1 FROM pragma_table_xinfo(?1, 'main') UNION ALL SELECT 1 FROM pragma_index_info(?1, 'main')",
        )
        .and_then(|mut statement| statement.exists([name]));
    found.unwrap_or(true)
}

/// Where the catalogue ends now; see [`is_created`].
pub(super) fn end(connection: &Connection) -> Result<i64> {
    connection
        .query_row("SELECT coalesce(max(rowid), 0) FROM main.sqlite_schema", [], |row| row.get(0))
        .map_err(|error| failed("cannot read the catalogue", error))
}

/// Whether an object of that kind and name was added to the catalogue after `end`.
pub(super) fn is_created(connection: &Connection, end: i64, kind: &str, name: &str) -> Result<bool> {
    connection
        .query_row(
            "SELECT count(*) FROM main.sqlite_schema WHERE rowid > ?1 AND type = ?2 AND name = ?3 COLLATE NOCASE",
            (end, kind, name),
            |row| row.get::<_, i64>(0),
        )
        .map(|count| count > 0)
        .map_err(|error| failed("cannot read the catalogue", error))
}

/// The tables that number their rows by `sqlite_sequence`, in lower case.
pub(super) fn numbered(connection: &Connection) -> Result<BTreeSet<String>> {
    let read = || -> rusqlite::Result<_> {
        connection
            .prepare(
                "SELECT name FROM main.sqlite_schema WHERE type = 'table' AND sql LIKE '%AUTOINCREMENT%' \
                 AND EXISTS (SELECT 1 FROM main.sqlite_schema WHERE type = 'table' AND name = 'sqlite_sequence')",
            )?
            .query_map([], |row| row.get::<_, String>(0).map(|name| name.to_ascii_lowercase()))?
            .collect()
    };
    read().map_err(|error| failed("cannot read the catalogue", error))
}

/// The columns of a table, generated ones included.
pub(super) fn columns(connection: &Connection, table: &str) -> Result<Vec<TargetColumn>> {
    let read = || -> rusqlite::Result<Vec<_>> {
        connection
            .prepare("SELECT name, type, hidden, pk FROM pragma_table_xinfo(?1, 'main')")?
            .query_map([table], |row| {
                Ok(TargetColumn {
                    name: row.get(0)?,
                    declared: row.get(1)?,
                    generated: matches!(row.get(2)?, 2_i64 | 3),
                    key_position: row.get(3)?,
                })
            })?
            .collect()
    };
    read().map_err(|error| failed("cannot read the table's columns", error))
}

/// The texts of all tables and indexes, read at once: asked for one table at a time, thousands of them would each be looked for
/// from the catalogue's beginning.
#[derive(Default)]
pub(super) struct Texts {
    /// By the table's name in lower case.
    tables: HashMap<String, String>,
    /// By the name of their table in lower case, in their order, as (name, text); those that have a text of their own.
    indexes: HashMap<String, Vec<(String, String)>>,
}

impl Texts {
    /// Reads them.
    pub(super) fn read(connection: &Connection) -> Result<Self> {
        let read = || -> rusqlite::Result<Self> {
            let mut texts = Self::default();
            let mut statement = connection.prepare(
                "SELECT type, name, tbl_name, sql FROM main.sqlite_schema WHERE type IN ('table', 'index') AND sql IS NOT \
                 NULL ORDER BY rowid",
            )?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                let (name, table): (String, String) = (row.get(1)?, row.get(2)?);
                if row.get_ref(0)?.as_str()? == "table" {
                    texts.tables.insert(name.to_ascii_lowercase(), row.get(3)?);
                } else {
                    texts.indexes.entry(table.to_ascii_lowercase()).or_default().push((name, row.get(3)?));
                }
            }
            Ok(texts)
        };
        read().map_err(|error| failed("cannot read the catalogue", error))
    }

    /// The text of a table.
    pub(super) fn table(&self, name: &str) -> Option<&str> {
        self.tables.get(&name.to_ascii_lowercase()).map(String::as_str)
    }

    /// The indexes of a table.
    pub(super) fn indexes(&self, table: &str) -> &[(String, String)] {
        self.indexes.get(&table.to_ascii_lowercase()).map_or(&[], Vec::as_slice)
    }
}

/// Whether the primary key has an index of its own, as every key has that is not the row number itself.
pub(super) fn has_key_index(connection: &Connection, table: &str) -> Result<bool> {
    connection
        .query_row("SELECT count(*) FROM pragma_index_list(?1, 'main') WHERE origin = 'pk'", [table], |row| {
            row.get::<_, i64>(0)
        })
        .map(|count| count > 0)
        .map_err(|error| failed("cannot read the table's indexes", error))
}

/// Every foreign key of the database as (child, parent).
pub(super) fn references(connection: &Connection) -> Result<Vec<(String, String)>> {
    let read = || -> rusqlite::Result<Vec<_>> {
        connection
            .prepare(
                "SELECT DISTINCT child.name, reference.\"table\" FROM main.sqlite_schema AS child, \
                 pragma_foreign_key_list(child.name, 'main') AS reference WHERE child.type = 'table'",
            )?
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect()
    };
    read().map_err(|error| failed("cannot read the foreign keys", error))
}

/// Runs one statement that gives no rows; more than one is refused before any of them runs.
pub(super) fn run(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    connection.prepare(sql)?.raw_execute().map(|_| ())
}
