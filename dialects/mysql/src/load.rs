//! Loading rows into a table that exists.
//!
//! [`TableLoad`] says how the columns of a collection go into the columns of a table, once a table; a [`Loader`] is a session
//! that puts batches into such tables. Not here: which tables, how they come to be and how they get their final names
//! ([`crate::replace`]).
//!
//! Rows go through `LOAD DATA LOCAL`, many batches a statement, each statement a transaction; where the server does not let
//! us, through `INSERT` with many rows. `LOCAL` makes the server put up with everything: it changes values that do not fit
//! and leaves out rows whose keys are there, and only warns. So a single warning, or a row too few, is an error.
//!
//! A generated column is the exception: the server also warns of what it computes by itself, row by row, as it did in the source
//! (`price / 2` has a digit too many). So every warning is read, and only those of generated columns are let pass; statements into
//! such tables have few enough rows for the server to keep all warnings.

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

/// How many warnings of a statement the server keeps at most, whatever `max_error_count` is asked for.
const KEPT_WARNINGS: u64 = 65_535;
/// How many warnings the computing of one generated value may come with. More are a refusal, never a value that is let pass.
const WARNINGS_OF_A_VALUE: u64 = 4;

/// How the rows of one collection go into one table. Shared by all loaders that load it.
#[derive(Debug)]
pub(crate) struct TableLoad {
    /// The table, for messages.
    table: String,
    /// The collection that it is loaded with, for messages: a statement's errors come when another one is being written.
    collection: CollectionName,
    encoder: RowEncoder,
    /// The columns that the server computes.
    generated: Vec<String>,
    /// Whether an expression of the `LOAD DATA` makes values of what is sent.
    converts: bool,
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
        let generated: Vec<String> =
            found.iter().filter(|(_, column)| column.generated).map(|(name, _)| name.clone()).collect();
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
        let load = (!names.is_empty()).then(|| load_statement(&quoted, &names, &encoder));
        Ok(Self {
            table: table.to_owned(),
            collection: source.name.clone(),
            converts: load.as_ref().is_some_and(|(_, converts)| *converts),
            load: load.map(|(statement, _)| statement),
            generated,
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

    /// How many rows a statement may have: as many as the server can keep warnings of, where it may warn of each row.
    fn statement_rows(&self) -> u64 {
        let per_row = WARNINGS_OF_A_VALUE * self.generated.len() as u64;
        KEPT_WARNINGS.checked_div(per_row).map_or(u64::MAX, |rows| rows.max(1))
    }
}

/// `LOAD DATA LOCAL` for those columns. The file's name is never used: the session sends its own bytes.
///
/// Lines have no character set if they can, so that nothing is looked at but what the column does itself. Where a column needs a
/// conversion from UTF-8 and none needs bytes, all lines are UTF-8. Otherwise the fields that need one go through a variable.
/// Returns also whether some do.
fn load_statement(quoted: &str, names: &[String], encoder: &RowEncoder) -> (String, bool) {
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
    let converts = !set.is_empty();
    let set = if converts { format!(" SET {}", set.join(", ")) } else { String::new() };
    let statement = format!(
        "LOAD DATA LOCAL INFILE 'dbferry' INTO TABLE {quoted} CHARACTER SET {charset} \
         FIELDS TERMINATED BY '\\t' ENCLOSED BY '' ESCAPED BY '\\\\' LINES STARTING BY '' TERMINATED BY '\\n' \
         ({}){set}",
        fields.join(", ")
    );
    (statement, converts)
}
