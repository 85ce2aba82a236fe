//! Loading rows into a table that exists.
//!
//! [`TableLoad`] says how the columns of a collection go into the columns of a table, once a table; a [`Loader`] is a session
//! that puts batches into such tables. Not here: which tables, how they come to be and how they get their final names
//! ([`crate::replace`]).
//!
//! Rows go through `LOAD DATA LOCAL`, many batches a statement, each statement a transaction; where the server does not let
//! us, through `INSERT` with many rows. `LOCAL` makes the server put up with everything: it changes values that do not fit
//! and leaves out rows whose keys are there, and only warns. So a single warning, or a row too few, is an error.

mod loader;
mod refused;
mod statement;

#[cfg(test)]
mod tests;

pub(crate) use loader::Loader;

use crate::MySqlSyntax;
use crate::encode::{RowEncoder, TargetColumn, Way, target_columns};
use crate::flavour::ServerVersion;
use crate::session::Session;
use crate::types::{IMPLICIT, TRUE};
use dbferry_dialect::model::ColumnRole;
use dbferry_dialect::{Collection, CollectionName, Error, ErrorKind, Result, Syntax};
use std::sync::atomic::{AtomicU64, Ordering};

/// How the rows of one collection go into one table. Shared by all loaders that load it.
#[derive(Debug)]
pub(crate) struct TableLoad {
    /// The table, for messages.
    table: String,
    /// The collection that it is loaded with, for messages: a statement's errors come when another one is being written.
    collection: CollectionName,
    encoder: RowEncoder,
    /// The statement that begins a load; none when the table has no columns to load.
    load: Option<String>,
    /// What an `INSERT` begins with.
    insert: String,
    /// Rows that came so far, for messages.
    came: AtomicU64,
    /// Rows that the server took so far.
    taken: AtomicU64,
}

impl TableLoad {
    /// Looks at the table of that name (bare, in the session's database), which exists, and plans how the columns of
    /// `source` go into it. Columns that are generated there, and those that only another dialect has, are left out.
    ///
    /// # Errors
    /// [`ErrorKind::Incompatible`] when the table lacks a column, or its type does not take the values.
    pub(crate) fn new(session: &mut Session, version: ServerVersion, source: &Collection, table: &str) -> Result<Self> {
        let mut found = target_columns(session, version, table)?;
        let mut columns = Vec::with_capacity(source.columns.len());
        for (position, column) in source.columns.iter().enumerate() {
            if column.role == ColumnRole::RowIdentity {
                continue;
            }
            // The catalogue keeps silent about columns that system versioning gives a table by itself.
            let implicit = column.native.parameters.get(IMPLICIT).is_some_and(|value| value == TRUE);
            let target = found
                .remove(&column.name)
                .or_else(|| implicit.then(|| TargetColumn::period(&column.native.text, version)));
            let target = target.ok_or_else(|| {
                Error::new(ErrorKind::Incompatible, "the target's table has no such column")
                    .with("column", &column.name)
                    .with("table", table)
            })?;
            if target.period && !version.is_mariadb_from((10, 11, 0)) {
                return Err(Error::new(ErrorKind::Unsupported, "this server cannot load the history of a table")
                    .hint("restore into MariaDB 10.11 or newer")
                    .with("column", &column.name)
                    .with("table", table));
            }
            if !target.generated {
                columns.push((position, target));
            }
        }
        let encoder = RowEncoder::new(source, columns).map_err(|error| error.with("table", table))?;
        let quoted = MySqlSyntax.quote_identifier(table);
        let names: Vec<String> = encoder.names().map(|name| MySqlSyntax.quote_identifier(name)).collect();
        Ok(Self {
            table: table.to_owned(),
            collection: source.name.clone(),
            load: (!names.is_empty()).then(|| load_statement(&quoted, &names, &encoder)),
            insert: format!("INSERT INTO {quoted} ({}) VALUES ", names.join(", ")),
            encoder,
            came: AtomicU64::new(0),
            taken: AtomicU64::new(0),
        })
    }

    /// How many rows the server has taken, all loaders together; those of a statement that runs are not in it.
    pub(crate) fn rows(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }
}

/// `LOAD DATA LOCAL` for those columns. The file's name is never used: the session sends its own bytes.
///
/// Lines have no character set if they can, so that nothing is looked at but what the column does itself. Where a column needs a
/// conversion from UTF-8 and none needs bytes, all lines are UTF-8. Otherwise the fields that need one go through a variable.
fn load_statement(quoted: &str, names: &[String], encoder: &RowEncoder) -> String {
    let utf8 = !encoder.has_bytes() && encoder.ways(false).any(|way| way == Way::Utf8);
    let (mut fields, mut set) = (Vec::with_capacity(names.len()), Vec::new());
    for (place, (name, way)) in names.iter().zip(encoder.ways(utf8)).enumerate() {
        let variable = format!("@dbferry_{place}");
        match way {
            Way::Direct => {
                fields.push(name.clone());
                continue;
            }
            Way::Utf8 => set.push(format!("{name} = CONVERT({variable} USING utf8mb4)")),
            Way::Number => set.push(format!("{name} = CAST({variable} AS UNSIGNED)")),
        }
        fields.push(variable);
    }
    let charset = if utf8 { "utf8mb4" } else { "binary" };
    let set = if set.is_empty() { String::new() } else { format!(" SET {}", set.join(", ")) };
    format!(
        "LOAD DATA LOCAL INFILE 'dbferry' INTO TABLE {quoted} CHARACTER SET {charset} \
         FIELDS TERMINATED BY '\\t' ENCLOSED BY '' ESCAPED BY '\\\\' LINES STARTING BY '' TERMINATED BY '\\n' \
         ({}){set}",
        fields.join(", ")
    )
}
