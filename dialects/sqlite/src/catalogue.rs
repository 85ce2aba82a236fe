//! The catalogue as SQLite tells it: a fixed number of queries over the whole schema, whatever the number of tables.
//!
//! Nothing is interpreted here; [`crate::introspect`] makes the schema model of it.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};
use std::collections::{BTreeMap, BTreeSet};

/// Everything that the catalogue says.
#[derive(Debug, Default)]
pub(crate) struct Catalogue {
    pub(crate) tables: BTreeMap<String, RawTable>,
    pub(crate) objects: Vec<RawObject>,
    /// The names of the tables by their form in ASCII lower case, which is how SQLite compares names.
    spellings: BTreeMap<String, String>,
    /// The rows of `sqlite_sequence` by table, in their order; `None` for what is not a whole number.
    pub(crate) counters: BTreeMap<String, Vec<Option<i64>>>,
    /// Table rows according to `sqlite_stat1`.
    pub(crate) row_estimates: BTreeMap<String, u64>,
    /// The virtual table modules that this build knows, in lower case.
    pub(crate) modules: BTreeSet<String>,
    /// Names that are not UTF-8, as far as they can be shown, with what they name.
    pub(crate) unreadable_names: Vec<(String, String)>,
}

impl Catalogue {
    /// The table that a name stands for, as the catalogue spells it.
    pub(crate) fn table(&self, name: &str) -> Option<(&String, &RawTable)> {
        self.tables.get_key_value(self.spellings.get(&name.to_ascii_lowercase())?)
    }
}

/// A table of any kind.
#[derive(Debug, Default)]
pub(crate) struct RawTable {
    pub(crate) sql: Option<String>,
    pub(crate) is_virtual: bool,
    pub(crate) is_shadow: bool,
    pub(crate) without_rowid: bool,
    pub(crate) strict: bool,
    pub(crate) columns: Vec<RawColumn>,
    pub(crate) indexes: BTreeMap<String, RawIndex>,
    /// By the pragma's number, which counts from the last one in the text.
    pub(crate) foreign_keys: BTreeMap<i64, RawForeignKey>,
}

/// A row of `pragma_table_xinfo`.
#[derive(Debug)]
pub(crate) struct RawColumn {
    pub(crate) name: String,
    pub(crate) declared: String,
    pub(crate) not_null: bool,
    pub(crate) default: Option<String>,
    /// The position in the primary key, counted from 1; 0 outside of it.
    pub(crate) key: i64,
    /// 2 for a virtual generated column, 3 for a stored one.
    pub(crate) hidden: i64,
}

/// A row of `pragma_index_list` with its parts.
#[derive(Debug, Default)]
pub(crate) struct RawIndex {
    /// Counts from the index that was created last.
    pub(crate) sequence: i64,
    pub(crate) unique: bool,
    /// `c` for `CREATE INDEX`, `u` for a unique constraint, `pk` for the primary key.
    pub(crate) origin: String,
    pub(crate) sql: Option<String>,
    pub(crate) parts: Vec<RawPart>,
}

/// A key row of `pragma_index_xinfo`.
#[derive(Debug)]
pub(crate) struct RawPart {
    /// `None` for an expression.
    pub(crate) column: Option<String>,
    pub(crate) is_rowid: bool,
    pub(crate) descending: bool,
    pub(crate) collation: String,
}

/// A foreign key with all of its columns.
#[derive(Debug, Default)]
pub(crate) struct RawForeignKey {
    pub(crate) table: String,
    pub(crate) columns: Vec<String>,
    /// Empty where the text names none.
    pub(crate) referenced: Vec<String>,
    pub(crate) on_update: String,
    pub(crate) on_delete: String,
}

/// A view or a trigger.
#[derive(Debug)]
pub(crate) struct RawObject {
    pub(crate) is_view: bool,
    pub(crate) name: String,
    pub(crate) table: String,
    pub(crate) sql: Option<String>,
}

/// Reads the catalogue of the main database.
pub(crate) fn read(connection: &Connection) -> rusqlite::Result<Catalogue> {
    let mut catalogue = Catalogue::default();
    entries(connection, &mut catalogue)?;
    kinds(connection, &mut catalogue)?;
    columns(connection, &mut catalogue)?;
    indexes(connection, &mut catalogue)?;
    foreign_keys(connection, &mut catalogue)?;
    statistics(connection, &mut catalogue)?;
    each(connection, "SELECT name FROM pragma_module_list", |row| {
        catalogue.modules.extend(text(row, 0)?.map(|name| name.to_lowercase()));
        Ok(())
    })?;
    Ok(catalogue)
}

fn entries(connection: &Connection, catalogue: &mut Catalogue) -> rusqlite::Result<()> {
    let mut index_texts = Vec::new();
    each(connection, "SELECT type, name, tbl_name, sql, rootpage FROM main.sqlite_schema ORDER BY rowid", |row| {
        let kind = text(row, 0)?.unwrap_or_default();
        let (Some(name), Some(table)) = (text(row, 1)?, text(row, 2)?) else {
            let shown = String::from_utf8_lossy(row.get_ref(1)?.as_bytes().unwrap_or_default()).into_owned();
            catalogue.unreadable_names.push((kind, shown));
            return Ok(());
        };
        let sql = text(row, 3)?;
        match kind.as_str() {
            "table" => {
                let is_virtual = row.get_ref(4)?.as_i64().unwrap_or(0) == 0;
                catalogue.spellings.insert(name.to_ascii_lowercase(), name.clone());
                catalogue.tables.insert(name, RawTable { sql, is_virtual, ..RawTable::default() });
            }
            "index" => index_texts.push((table, name, sql)),
            "view" | "trigger" => {
                catalogue.objects.push(RawObject { is_view: kind == "view", name, table, sql });
            }
            _ => {}
        }
        Ok(())
    })?;
    for (table, name, sql) in index_texts {
        if let Some(table) = catalogue.tables.get_mut(&table) {
            table.indexes.insert(name, RawIndex { sql, ..RawIndex::default() });
        }
    }
    Ok(())
}

fn kinds(connection: &Connection, catalogue: &mut Catalogue) -> rusqlite::Result<()> {
    each(connection, "SELECT name, type, wr, strict FROM pragma_table_list WHERE schema = 'main'", |row| {
        if let Some(table) = text(row, 0)?.and_then(|name| catalogue.tables.get_mut(&name)) {
            let kind = text(row, 1)?;
            table.is_virtual |= kind.as_deref() == Some("virtual");
            table.is_shadow = kind.as_deref() == Some("shadow");
            table.without_rowid = row.get(2)?;
            table.strict = row.get(3)?;
        }
        Ok(())
    })
}

// Virtual tables are left out of the joins below: asking for their columns would need their module. They have no page.
fn columns(connection: &Connection, catalogue: &mut Catalogue) -> rusqlite::Result<()> {
    let sql = "SELECT s.name, x.name, x.type, x.\"notnull\", x.dflt_value, x.pk, x.hidden \
               FROM main.sqlite_schema AS s, pragma_table_xinfo(s.name, 'main') AS x \
               WHERE s.type = 'table' AND s.rootpage > 0";
    each(connection, sql, |row| {
        let Some(table) = text(row, 0)?.and_then(|name| catalogue.tables.get_mut(&name)) else { return Ok(()) };
        let Some(name) = text(row, 1)? else {
            let shown = String::from_utf8_lossy(row.get_ref(1)?.as_bytes().unwrap_or_default()).into_owned();
            catalogue.unreadable_names.push(("column".into(), shown));
            return Ok(());
        };
        table.columns.push(RawColumn {
            name,
            declared: text(row, 2)?.unwrap_or_default(),
            not_null: row.get(3)?,
            default: text(row, 4)?,
            key: row.get(5)?,
            hidden: row.get(6)?,
        });
        Ok(())
    })
}

fn indexes(connection: &Connection, catalogue: &mut Catalogue) -> rusqlite::Result<()> {
    let sql = "SELECT s.name, l.seq, l.name, l.\"unique\", l.origin, x.cid, x.name, x.\"desc\", x.coll \
               FROM main.sqlite_schema AS s, pragma_index_list(s.name, 'main') AS l, \
               pragma_index_xinfo(l.name, 'main') AS x \
               WHERE s.type = 'table' AND s.rootpage > 0 AND x.\"key\" = 1";
    each(connection, sql, |row| {
        let Some(table) = text(row, 0)?.and_then(|name| catalogue.tables.get_mut(&name)) else { return Ok(()) };
        let Some(name) = text(row, 2)? else { return Ok(()) };
        let index = table.indexes.entry(name).or_default();
        index.sequence = row.get(1)?;
        index.unique = row.get(3)?;
        index.origin = text(row, 4)?.unwrap_or_default();
        let column: i64 = row.get(5)?;
        index.parts.push(RawPart {
            column: text(row, 6)?,
            is_rowid: column == -1,
            descending: row.get(7)?,
            collation: text(row, 8)?.unwrap_or_default(),
        });
        Ok(())
    })
}

fn foreign_keys(connection: &Connection, catalogue: &mut Catalogue) -> rusqlite::Result<()> {
    let sql = "SELECT s.name, f.id, f.\"table\", f.\"from\", f.\"to\", f.on_update, f.on_delete \
               FROM main.sqlite_schema AS s, pragma_foreign_key_list(s.name, 'main') AS f \
               WHERE s.type = 'table' AND s.rootpage > 0";
    each(connection, sql, |row| {
        let Some(table) = text(row, 0)?.and_then(|name| catalogue.tables.get_mut(&name)) else { return Ok(()) };
        let key = table.foreign_keys.entry(row.get(1)?).or_default();
        key.table = text(row, 2)?.unwrap_or_default();
        key.columns.extend(text(row, 3)?);
        key.referenced.extend(text(row, 4)?);
        key.on_update = text(row, 5)?.unwrap_or_default();
        key.on_delete = text(row, 6)?.unwrap_or_default();
        Ok(())
    })
}

fn statistics(connection: &Connection, catalogue: &mut Catalogue) -> rusqlite::Result<()> {
    // Both tables may be missing, and both may hold anything: they are ordinary tables to whoever writes them.
    if catalogue.tables.contains_key("sqlite_sequence") {
        each(connection, "SELECT name, seq FROM main.sqlite_sequence ORDER BY rowid", |row| {
            if let Some(name) = text(row, 0)? {
                catalogue.counters.entry(name).or_default().push(row.get_ref(1)?.as_i64().ok());
            }
            Ok(())
        })?;
    }
    if catalogue.tables.contains_key("sqlite_stat1") {
        each(connection, "SELECT tbl, stat FROM main.sqlite_stat1", |row| {
            let rows = text(row, 1)?.and_then(|stat| stat.split(' ').next().and_then(|rows| rows.parse().ok()));
            if let (Some(table), Some(rows)) = (text(row, 0)?, rows) {
                // A partial index knows fewer rows than the table has.
                let estimate = catalogue.row_estimates.entry(table).or_insert(rows);
                *estimate = rows.max(*estimate);
            }
            Ok(())
        })?;
    }
    Ok(())
}

fn each(
    connection: &Connection,
    sql: &str,
    mut take: impl FnMut(&Row<'_>) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        take(row)?;
    }
    Ok(())
}

/// A text, if there is one and it is UTF-8.
fn text(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<String>> {
    Ok(match row.get_ref(column)? {
        ValueRef::Text(bytes) => std::str::from_utf8(bytes).ok().map(str::to_owned),
        _ => None,
    })
}
