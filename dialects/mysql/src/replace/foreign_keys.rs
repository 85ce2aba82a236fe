//! Foreign keys: those that the target has, those that are made, and rows that do not hold to them.
//!
//! With `foreign_key_checks = 0` a foreign key is added in no time, because the server looks at no row, then or later. So
//! dbferry looks itself, before anything is switched: a row whose key columns are all set must find its parent.

use crate::MySqlSyntax;
use crate::flavour::ServerVersion;
use crate::session::Session;
use dbferry_dialect::model::{ForeignKey, ReferentialAction};
use dbferry_dialect::{Error, ErrorKind, ForeignKeyPolicy, Result, Syntax};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// How many offending keys are shown.
const SHOWN: usize = 10;
/// A table of the target, or of a database beside it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct TableName {
    /// The database, if it is not the one that is restored into.
    pub(super) database: Option<String>,
    /// The name.
    pub(super) name: String,
}

impl TableName {
    /// A table of the target.
    pub(super) fn own(name: &str) -> Self {
        Self { database: None, name: name.to_owned() }
    }

    /// As SQL spells it.
    pub(super) fn sql(&self) -> String {
        let name = MySqlSyntax.quote_identifier(&self.name);
        match &self.database {
            Some(database) => format!("{}.{name}", MySqlSyntax.quote_identifier(database)),
            None => name,
        }
    }
}

/// A foreign key that the target has, with all that it takes to make it again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct ForeignKeyState {
    /// The referencing table.
    pub(super) child: TableName,
    /// Its name; the server makes one if there is none.
    pub(super) name: Option<String>,
    /// The referencing columns.
    pub(super) columns: Vec<String>,
    /// The referenced table.
    pub(super) parent: TableName,
    /// The referenced columns.
    pub(super) parent_columns: Vec<String>,
    /// The database that is restored into, for a key of another one.
    home: Option<String>,
    on_delete: String,
    on_update: String,
}

impl ForeignKeyState {
    /// Those that leave or point to the named tables of the target.
    pub(super) fn read(session: &mut Session, tables: &[&str]) -> Result<Vec<Self>> {
        if tables.is_empty() {
            return Ok(Vec::new());
        }
        let list = tables.iter().map(|name| MySqlSyntax.quote_text(name)).collect::<Vec<_>>().join(", ");
        Self::find(
            session,
            &format!(
                "k.table_schema = DATABASE() AND k.table_name IN ({list}) \
                   OR k.referenced_table_schema = DATABASE() AND k.referenced_table_name IN ({list})"
            ),
        )
    }

    /// The one of that name that the table has.
    pub(super) fn read_one(session: &mut Session, child: &TableName, name: &str) -> Result<Option<Self>> {
        let database = child.database.as_deref().map_or("DATABASE()".to_owned(), |name| MySqlSyntax.quote_text(name));
        let condition = format!(
            "k.table_schema = {database} AND k.table_name = {} AND k.constraint_name = {}",
            MySqlSyntax.quote_text(&child.name),
            MySqlSyntax.quote_text(name)
        );
        Ok(Self::find(session, &condition)?.pop())
    }

    fn find(session: &mut Session, condition: &str) -> Result<Vec<Self>> {
        let rows = session.query(
            "the foreign keys cannot be read",
            &format!(
                "SELECT NULLIF(k.table_schema, DATABASE()), k.table_name, k.constraint_name, \
                        NULLIF(k.referenced_table_schema, DATABASE()), k.referenced_table_name, r.delete_rule, r.update_rule, \
                        k.column_name, k.referenced_column_name, DATABASE() \
                   FROM information_schema.key_column_usage k JOIN information_schema.referential_constraints r \
                     ON r.constraint_schema = k.table_schema AND r.table_name = k.table_name \
                    AND r.constraint_name = k.constraint_name \
                  WHERE k.referenced_table_name IS NOT NULL AND ({condition}) \
                  ORDER BY k.table_schema, k.table_name, k.constraint_name, k.ordinal_position"
            ),
        )?;
        let mut keys: Vec<Self> = Vec::new();
        for row in &rows {
            let optional = |column: usize| row.get::<Option<String>, _>(column).flatten();
            let text = |column: usize| optional(column).unwrap_or_default();
            let child = TableName { database: optional(0), name: text(1) };
            let name = optional(2);
            match keys.last_mut().filter(|key| key.child == child && key.name == name) {
                Some(key) => {
                    key.columns.push(text(7));
                    key.parent_columns.push(text(8));
                }
                None => keys.push(Self {
                    home: optional(9).filter(|_| child.database.is_some()),
                    child,
                    name,
                    columns: vec![text(7)],
                    parent: TableName { database: optional(3), name: text(4) },
                    parent_columns: vec![text(8)],
                    on_delete: text(5),
                    on_update: text(6),
                }),
            }
        }
        Ok(keys)
    }

    /// One of the model, between those tables. `primary_key` is the parent's, for keys that do not name columns.
    pub(super) fn of_model(key: &ForeignKey, child: TableName, parent: TableName, primary_key: &[String]) -> Self {
        let named = if key.referenced_columns.is_empty() { primary_key } else { &key.referenced_columns };
        Self {
            child,
            name: key.name.clone().filter(|name| !name.is_empty()),
            columns: key.columns.clone(),
            parent,
            parent_columns: named.to_vec(),
            home: None,
            on_delete: rule(key, "ON DELETE", key.on_delete).to_owned(),
            on_update: rule(key, "ON UPDATE", key.on_update).to_owned(),
        }
    }

    /// The statement that makes it.
    pub(super) fn add(&self, version: ServerVersion) -> String {
        // What is the same unsaid. MariaDB takes RESTRICT for NO ACTION where it alters a table.
        let unsaid = if version.is_mariadb() { "RESTRICT" } else { "NO ACTION" };
        let clause = |event: &str, rule: &str| match rule {
            rule if rule.is_empty() || rule == unsaid => String::new(),
            rule => format!(" {event} {rule}"),
        };
        let parent = TableName {
            database: self.parent.database.clone().or_else(|| self.home.clone()),
            name: self.parent.name.clone(),
        };
        let named = self.name.as_deref().map(|name| format!("CONSTRAINT {} ", MySqlSyntax.quote_identifier(name)));
        format!(
            "ALTER TABLE {} ADD {}FOREIGN KEY ({}) REFERENCES {} ({}){}{}",
            self.child.sql(),
            named.unwrap_or_default(),
            list(&self.columns),
            parent.sql(),
            list(&self.parent_columns),
            clause("ON DELETE", &self.on_delete),
            clause("ON UPDATE", &self.on_update)
        )
    }

    /// The statement that drops it.
    pub(super) fn drop(&self) -> String {
        let name = MySqlSyntax.quote_identifier(self.name.as_deref().unwrap_or_default());
        format!("ALTER TABLE {} DROP FOREIGN KEY {name}", self.child.sql())
    }

    /// The same key on another table and to another one.
    pub(super) fn between(&self, child: TableName, parent: TableName) -> Self {
        Self { child, parent, ..self.clone() }
    }
}

/// The tables of the target that have foreign keys, and what these are called.
pub(super) fn names(session: &mut Session) -> Result<Vec<(String, String)>> {
    let rows = session.query(
        "the names of the foreign keys cannot be read",
        "SELECT table_name, constraint_name FROM information_schema.referential_constraints \
          WHERE constraint_schema = DATABASE()",
    )?;
    let text = |row: &mysql_async::Row, column| row.get::<Option<String>, _>(column).flatten();
    Ok(rows.iter().filter_map(|row| Some((text(row, 0)?, text(row, 1)?))).collect())
}

/// The key's action as SQL spells it; nothing for what is the same unsaid. MariaDB prints it where it was said. InnoDB has no
/// `SET DEFAULT`.
fn rule(key: &ForeignKey, event: &str, action: ReferentialAction) -> &'static str {
    let said = || key.definition.as_ref().is_some_and(|text| text.contains(&format!(" {event} NO ACTION")));
    match action {
        ReferentialAction::NoAction | ReferentialAction::SetDefault if said() => "NO ACTION",
        ReferentialAction::NoAction | ReferentialAction::SetDefault => "",
        ReferentialAction::Restrict => "RESTRICT",
        ReferentialAction::Cascade => "CASCADE",
        ReferentialAction::SetNull => "SET NULL",
    }
}

fn list(columns: &[String]) -> String {
    columns.iter().map(|column| MySqlSyntax.quote_identifier(column)).collect::<Vec<_>>().join(", ")
}

/// Rows of one table that must find a parent.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Edge {
    /// Where the rows are.
    pub(super) child: TableName,
    /// Their key columns.
    pub(super) columns: Vec<String>,
    /// Where their parents may be: in one of these tables. In none of them if there is no such table.
    pub(super) parents: BTreeSet<TableName>,
    /// The parents' columns.
    pub(super) parent_columns: Vec<String>,
    /// The key in words, for the user: with the names that the tables have when all is done.
    pub(super) described: String,
}

impl Edge {
    /// Looks for rows without a parent. They are an error, or what is returned for the user to know.
    pub(super) fn check(&self, session: &mut Session, policy: ForeignKeyPolicy) -> Result<Option<String>> {
        let Some(found) = self.offending(session).map_err(|error| error.with("foreign key", &self.described))? else {
            return Ok(None);
        };
        let what = format!("rows do not hold to the foreign key {}: {found}", self.described);
        match policy {
            ForeignKeyPolicy::Check => Err(Error::new(ErrorKind::Mismatch, what).with("dialect", crate::NAME)),
            ForeignKeyPolicy::Report => Ok(Some(format!("{what}; the foreign key is there nevertheless"))),
        }
    }

    /// What a parent is called where rows are checked, if it is the child too: a shadow, whose name is short. Under
    /// `LOCK TABLES` it has to be locked under that name as well.
    pub(super) fn alias(&self, parent: &TableName) -> Option<String> {
        (*parent == self.child).then(|| MySqlSyntax.quote_identifier(&format!("{}_parent", parent.name)))
    }

    fn offending(&self, session: &mut Session) -> Result<Option<String>> {
        const DOING: &str = "rows that do not hold to a foreign key cannot be looked for";
        let child = self.child.sql();
        let column = |name: &String| format!("{child}.{}", MySqlSyntax.quote_identifier(name));
        let mut conditions: Vec<String> =
            self.columns.iter().map(|name| format!("{} IS NOT NULL", column(name))).collect();
        for parent in &self.parents {
            let (from, called) = match self.alias(parent) {
                Some(alias) => (format!("{} AS {alias}", parent.sql()), alias),
                None => (parent.sql(), parent.sql()),
            };
            let pairs = self.columns.iter().zip(&self.parent_columns);
            let equal: Vec<String> = pairs
                .map(|(own, parent)| format!("{called}.{} = {}", MySqlSyntax.quote_identifier(parent), column(own)))
                .collect();
            conditions.push(format!("NOT EXISTS (SELECT 1 FROM {from} WHERE {})", equal.join(" AND ")));
        }
        let columns: Vec<String> = self.columns.iter().map(column).collect();
        let (columns, conditions) = (columns.join(", "), conditions.join(" AND "));
        let sql = format!("SELECT DISTINCT {columns} FROM {child} WHERE {conditions} LIMIT {}", SHOWN + 1);
        let keys = session.query(DOING, &sql)?;
        if keys.is_empty() {
            return Ok(None);
        }
        let count = session.query(DOING, &format!("SELECT COUNT(*) FROM {child} WHERE {conditions}"))?;
        let count: String = count.first().and_then(|row| row.get(0)).unwrap_or_default();
        let value = |row: &mysql_async::Row, column: usize| {
            let bytes = row.get::<Option<Vec<u8>>, _>(column).flatten().unwrap_or_default();
            String::from_utf8(bytes).unwrap_or_else(|error| hexadecimal(error.as_bytes()))
        };
        let mut shown: Vec<String> = keys
            .iter()
            .take(SHOWN)
            .map(|row| (0..self.columns.len()).map(|column| value(row, column)).collect::<Vec<_>>().join(", "))
            .map(|key| format!("({key})"))
            .collect();
        if keys.len() > SHOWN {
            shown.push("...".to_owned());
        }
        let rows = if count == "1" { "row" } else { "rows" };
        Ok(Some(format!("{count} {rows} without a parent: {}", shown.join(", "))))
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold("0x".to_owned(), |text, byte| format!("{text}{byte:02x}"))
}
