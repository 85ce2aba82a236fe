//! How the rows of one table are addressed: what its b-tree is sorted by, and how that is spelled in SQL.
//!
//! Asked of the database itself and not of the schema model, because a table is also read through the columns of an
//! archive that another dialect wrote.

use crate::error::database_error;
use crate::syntax::SqliteSyntax;
use dbferry_dialect::{CollectionName, Result, Syntax};
use rusqlite::Connection;

/// The key that a table is stored in the order of.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum RowKey {
    /// A rowid table: the name that stands for the rowid, quoted. `None` when columns of the table have taken all of its
    /// names.
    Rowid(Option<String>),
    /// A `WITHOUT ROWID` table: the parts of its primary key.
    Columns(Vec<KeyPart>),
}

/// One part of the primary key of a `WITHOUT ROWID` table.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct KeyPart {
    /// The column with its collation, ready to be compared.
    pub(crate) expression: String,
    /// Whether it is sorted downwards.
    pub(crate) descending: bool,
}

/// The names that stand for a rowid, unless a column has taken them.
pub(crate) const ROWID_NAMES: [&str; 3] = ["rowid", "_rowid_", "oid"];

/// Which of the rowid's names no column has taken.
pub(crate) fn free_rowid_name<'a>(columns: &(impl Iterator<Item = &'a str> + Clone)) -> Option<&'static str> {
    ROWID_NAMES.into_iter().find(|name| !columns.clone().any(|column| column.eq_ignore_ascii_case(name)))
}

/// The table's name in SQL, and its columns' prefix. A column always has the prefix: a lone name in double quotes that is
/// no column may be taken for a text.
pub(crate) fn column_expression(table: &CollectionName, column: &str) -> String {
    format!("{}.{}", SqliteSyntax.quote_identifier(&table.name), SqliteSyntax.quote_identifier(column))
}

/// The key of the table.
///
/// # Errors
/// What SQLite says. A table that does not exist has a rowid here; using it then fails.
pub(crate) fn row_key(connection: &Connection, table: &CollectionName) -> Result<RowKey> {
    find(connection, table)
        .map_err(|error| database_error("the table's key cannot be looked up", error).with("collection", table))
}

fn find(connection: &Connection, table: &CollectionName) -> rusqlite::Result<RowKey> {
    // Given a table's name this pragma describes the b-tree of a WITHOUT ROWID table, and nothing for any other.
    let mut statement = connection.prepare_cached(
        "SELECT name, \"desc\", coll FROM pragma_index_xinfo(?1, 'main') WHERE \"key\" = 1 ORDER BY seqno",
    )?;
    let parts = statement
        .query_map([&table.name], |row| {
            let column: String = row.get(0)?;
            let collation: String = row.get(2)?;
            Ok(KeyPart {
                expression: format!(
                    "{} COLLATE {}",
                    column_expression(table, &column),
                    SqliteSyntax.quote_identifier(&collation)
                ),
                descending: row.get(1)?,
            })
        })?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    if !parts.is_empty() {
        return Ok(RowKey::Columns(parts));
    }
    let mut statement = connection.prepare_cached("SELECT name, type, pk FROM pragma_table_xinfo(?1, 'main')")?;
    let columns = statement
        .query_map([&table.name], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<rusqlite::Result<Vec<(String, String, i64)>>>()?;
    let mut key = columns.iter().filter(|(_, _, position)| *position > 0);
    if let (Some((name, declared, _)), None) = (key.next(), key.next())
        && declared.eq_ignore_ascii_case("INTEGER")
    {
        // `INTEGER PRIMARY KEY DESC` looks the same here but has an index of its own.
        let mut statement =
            connection.prepare_cached("SELECT count(*) FROM pragma_index_list(?1, 'main') WHERE origin = 'pk'")?;
        if statement.query_row([&table.name], |row| row.get::<_, i64>(0))? == 0 {
            return Ok(RowKey::Rowid(Some(column_expression(table, name))));
        }
    }
    let free = free_rowid_name(&columns.iter().map(|(name, _, _)| name.as_str()));
    Ok(RowKey::Rowid(free.map(|name| column_expression(table, name))))
}

impl RowKey {
    /// The key's first part, if rows can be told apart into ranges by it: sorted upwards.
    pub(crate) fn leading(&self) -> Option<&str> {
        match self {
            Self::Rowid(name) => name.as_deref(),
            Self::Columns(parts) => parts.first().filter(|part| !part.descending).map(|part| part.expression.as_str()),
        }
    }

    /// The table as a `FROM` clause names it. An index that holds all wanted columns would give another order, so a rowid
    /// table does without; the key of a `WITHOUT ROWID` table is an index itself.
    pub(crate) fn source(&self, table: &CollectionName) -> String {
        let name = SqliteSyntax.qualified(table);
        match self {
            Self::Rowid(_) => format!("{name} NOT INDEXED"),
            Self::Columns(_) => name,
        }
    }

    /// The `ORDER BY` clause, empty where there is nothing to name.
    pub(crate) fn order(&self, reverse: bool) -> String {
        let spell =
            |expression: &str, descending: bool| format!("{expression}{}", if descending { " DESC" } else { "" });
        let list = match self {
            Self::Rowid(None) => return String::new(),
            Self::Rowid(Some(name)) => spell(name, reverse),
            Self::Columns(parts) => {
                let parts = parts.iter().map(|part| spell(&part.expression, part.descending != reverse));
                parts.collect::<Vec<_>>().join(", ")
            }
        };
        format!("ORDER BY {list}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::NAMESPACE;

    fn key(definition: &str) -> RowKey {
        let connection = Connection::open_in_memory().expect("SQLite");
        connection.execute_batch(definition).expect("a table");
        row_key(&connection, &CollectionName::new(NAMESPACE, "t")).expect("a key")
    }

    #[test]
    fn the_key_is_what_the_table_is_sorted_by() {
        for (definition, expected) in [
            ("CREATE TABLE t(a INTEGER PRIMARY KEY)", "\"t\".\"a\""),
            ("CREATE TABLE t(a integer, PRIMARY KEY(a DESC))", "\"t\".\"a\""),
            ("CREATE TABLE t(a INTEGER PRIMARY KEY DESC)", "\"t\".\"rowid\""),
            ("CREATE TABLE t(a INT PRIMARY KEY)", "\"t\".\"rowid\""),
            ("CREATE TABLE t(ROWID, a)", "\"t\".\"_rowid_\""),
            ("CREATE TABLE t(rowid, _rowid_)", "\"t\".\"oid\""),
            ("CREATE TABLE t(rowid, _rowid_, oid INTEGER PRIMARY KEY)", "\"t\".\"oid\""),
            ("CREATE TABLE t(rowid, _rowid_, oid)", ""),
            (
                "CREATE TABLE t(a, b TEXT COLLATE NOCASE, PRIMARY KEY(b COLLATE RTRIM DESC, a)) WITHOUT ROWID",
                "\"t\".\"b\" COLLATE \"RTRIM\" DESC, \"t\".\"a\" COLLATE \"BINARY\"",
            ),
        ] {
            let order = key(definition).order(false);
            assert_eq!(order.strip_prefix("ORDER BY ").unwrap_or_default(), expected, "{definition}");
        }
    }

    #[test]
    fn a_key_that_is_sorted_downwards_is_not_divided() {
        assert_eq!(key("CREATE TABLE t(a INT PRIMARY KEY DESC) WITHOUT ROWID").leading(), None);
    }
}
