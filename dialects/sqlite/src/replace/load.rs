//! Loading rows: which columns are written, with which statement, and the writer that does it.

use super::catalog::{TargetColumn, columns, has_key_index};
use super::failure::failed;
use super::malformed::MalformedTexts;
use super::session::{Shared, lock};
use crate::bind::{BindError, Encoder, Scratch, bind_native};
use crate::shape::ROWID_NAMES;
use dbferry_dialect::model::ColumnRole;
use dbferry_dialect::{
    Batch, Cancel, Collection, CollectionAction, CollectionName, CollectionPlan, Error, ErrorKind, Exception, Result,
    Syntax, Writer,
};
use rusqlite::{Connection, Statement};
use std::collections::HashMap;
use std::iter::Peekable;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Rows that one statement inserts. Measured in release mode on 6 and 10 mixed columns: 16 rows a statement are 14 and 15 %
/// faster than one, 32 and 64 gain next to nothing more or lose again.
const ROWS_PER_STATEMENT: usize = 16;
/// Parameters that one statement has at most, so that wide tables do not make SQLite compile huge statements.
const PARAMETERS_PER_STATEMENT: usize = 512;

/// How the rows of one collection are inserted.
pub(super) struct Load {
    source: Collection,
    /// For each column of the source its place among the parameters of a row; none where it is not written.
    places: Vec<Option<usize>>,
    /// For each column of the source whether the target's column keeps texts of digits.
    keeps_text: Vec<bool>,
    width: usize,
    rows_per_statement: usize,
    /// The statement up to its rows.
    beginning: String,
    single: String,
    multiple: String,
    malformed: MalformedTexts,
}

impl Load {
    /// Looks at the target's table, which is there by now.
    ///
    /// # Errors
    /// [`ErrorKind::Incompatible`] when the table lacks a column.
    pub(super) fn new(
        connection: &Connection,
        syntax: &dyn Syntax,
        plan: &CollectionPlan,
        malformed: MalformedTexts,
    ) -> Result<Self> {
        let target = columns(connection, &plan.target.name)?;
        let mut names = Vec::with_capacity(plan.source.columns.len());
        let mut places = Vec::with_capacity(plan.source.columns.len());
        let mut keeps_text = Vec::with_capacity(plan.source.columns.len());
        for column in &plan.source.columns {
            if column.role == ColumnRole::RowIdentity {
                // Added rows get numbers of their own: theirs may be taken.
                let name = match plan.action {
                    CollectionAction::Append => None,
                    _ => row_identity(connection, plan, &syntax.qualified(&plan.target), &target)?,
                };
                places.push(name.map(|_| names.len()));
                keeps_text.push(false);
                names.extend(name.map(str::to_owned));
                continue;
            }
            let found =
                target.iter().find(|candidate| candidate.name.eq_ignore_ascii_case(&column.name)).ok_or_else(|| {
                    Error::new(ErrorKind::Incompatible, "the target's table has no such column")
                        .with("column", &column.name)
                })?;
            places.push((!found.generated).then_some(names.len()));
            keeps_text.push(found.keeps_text());
            if !found.generated {
                names.push(syntax.quote_identifier(&found.name));
            }
        }
        let width = names.len();
        if width == 0 {
            return Err(Error::new(ErrorKind::Incompatible, "the target's table has no column that can be written"));
        }
        // A conflict stops the load whatever the table's own ON CONFLICT clauses say: they would drop rows in silence. The
        // group is not committed after it, so that SQLite need not keep what would undo a single statement.
        let beginning = format!("INSERT OR FAIL INTO {}({}) VALUES", syntax.qualified(&plan.target), names.join(","));
        let row = format!("({})", vec!["?"; width].join(","));
        let rows_per_statement = (PARAMETERS_PER_STATEMENT / width).clamp(1, ROWS_PER_STATEMENT);
        Ok(Self {
            source: plan.source.clone(),
            places,
            keeps_text,
            width,
            rows_per_statement,
            single: format!("{beginning}{row}"),
            multiple: format!("{beginning}{}", vec![row.as_str(); rows_per_statement].join(",")),
            beginning,
            malformed,
        })
    }

    /// Inserts a batch; `written` rows of the collection came before it.
    fn insert(&self, connection: &Connection, batch: &Batch, written: u64) -> Result<()> {
        let columns = batch.records.columns();
        if columns.len() != self.source.columns.len() {
            return Err(Error::new(ErrorKind::Internal, "a batch has another number of columns than its collection"));
        }
        let mut encoders = Vec::with_capacity(self.width);
        for (position, array) in columns.iter().enumerate() {
            // Both lists have an entry for each of the collection's columns.
            if self.places[position].is_some() {
                encoders
                    .push((position, Encoder::new(array, &self.source.columns[position], self.keeps_text[position])?));
            }
        }
        let prepare = |sql: &str| connection.prepare(sql).map_err(|error| failed("cannot prepare the insert", error));
        let mut single = prepare(&self.single)?;
        let mut multiple = prepare(&self.multiple)?;
        let mut scratch = Scratch::default();
        let mut exceptions = batch.exceptions.iter().peekable();
        let mut casts = batch.exceptions.iter().filter(|exception| self.is_cast(exception)).peekable();
        let rows = batch.records.num_rows();
        let mut row = 0;
        while row < rows {
            let next_cast = casts.peek().map_or(rows, |exception| exception.row.min(rows as u64) as usize);
            let mut own;
            let (statement, count) = if next_cast <= row {
                own = prepare(&self.casting(row as u64, &mut casts))?;
                (&mut own, 1)
            } else if next_cast - row >= self.rows_per_statement {
                (&mut multiple, self.rows_per_statement)
            } else {
                (&mut single, 1)
            };
            for current in row..row + count {
                let first = (current - row) * self.width + 1;
                for (offset, (position, encoder)) in encoders.iter().enumerate() {
                    encoder
                        .bind(current, first + offset, statement, &mut scratch)
                        .map_err(|error| self.refused(error, *position, written + current as u64))?;
                }
                while let Some(exception) = exceptions.next_if(|exception| exception.row == current as u64) {
                    let position = exception.column as usize;
                    if let Some(place) = self.place(exception) {
                        self.malformed.check(&exception.value).map_err(|message| {
                            self.refused(BindError::Value(message), position, written + current as u64)
                        })?;
                        bind_native(&exception.value, self.is_cast(exception), first + place, statement)
                            .map_err(|error| self.refused(error, position, written + current as u64))?;
                    }
                }
            }
            execute(statement, count, written + row as u64)?;
            row += count;
        }
        match exceptions.next() {
            None => Ok(()),
            Some(_) => {
                Err(Error::new(ErrorKind::Internal, "the exceptions of a batch are not in the order of its rows"))
            }
        }
    }

    /// The place of an exception's cell among the parameters of a row; none where its column is not written.
    fn place(&self, exception: &Exception) -> Option<usize> {
        self.places.get(exception.column as usize).copied().flatten()
    }

    /// Whether the value must be cast by the statement.
    fn is_cast(&self, exception: &Exception) -> bool {
        self.malformed.is_cast(&exception.value) && self.place(exception).is_some()
    }

    /// The statement that inserts `row` and casts its malformed texts; takes those from `casts`.
    fn casting<'e>(&self, row: u64, casts: &mut Peekable<impl Iterator<Item = &'e Exception>>) -> String {
        let mut values = vec!["?"; self.width];
        // What is out of order is passed by here; that it is an error is noticed at the end of the batch.
        while let Some(exception) = casts.next_if(|exception| exception.row <= row) {
            if let Some(value) = self.place(exception).and_then(|place| values.get_mut(place)) {
                *value = "CAST(? AS TEXT)";
            }
        }
        format!("{}({})", self.beginning, values.join(","))
    }

    fn refused(&self, error: BindError, position: usize, row: u64) -> Error {
        let error = match error {
            BindError::Sqlite(error) => failed("cannot bind a value", error),
            BindError::Value(message) => Error::new(ErrorKind::Incompatible, message),
        };
        let column = self.source.columns.get(position).map_or("", |column| column.name.as_str());
        error.with("row", row).with("column", column)
    }
}

fn execute(statement: &mut Statement<'_>, count: usize, row: u64) -> Result<()> {
    let rows = || if count == 1 { row.to_string() } else { format!("{row} to {}", row + count as u64 - 1) };
    let inserted = statement.raw_execute().map_err(|error| failed("cannot insert", error).with("row", rows()))?;
    if inserted == count {
        Ok(())
    } else {
        Err(Error::new(ErrorKind::Mismatch, format!("SQLite inserted {inserted} rows of {count}")).with("row", rows()))
    }
}

/// A name for the implicit row number that no column hides; none where the table has no row number beside its columns.
fn row_identity(
    connection: &Connection,
    plan: &CollectionPlan,
    table: &str,
    columns: &[TargetColumn],
) -> Result<Option<&'static str>> {
    let mut key = columns.iter().filter(|column| column.key_position > 0);
    if let (Some(only), None) = (key.next(), key.next())
        && only.declared.eq_ignore_ascii_case("INTEGER")
        && !has_key_index(connection, &plan.target.name)?
    {
        // The key is the row number itself.
        return Ok(None);
    }
    Ok(ROWID_NAMES
        .into_iter()
        .filter(|name| !columns.iter().any(|column| column.name.eq_ignore_ascii_case(name)))
        .find(|name| connection.prepare(&format!("SELECT {name} FROM {table}")).is_ok()))
}

/// What the writers of one group share.
pub(super) struct Loads {
    /// How each collection is loaded.
    pub(super) loads: HashMap<CollectionName, Load>,
    /// Raised once a batch failed: from then on the group cannot be committed.
    pub(super) broken: Arc<AtomicBool>,
    /// Cancels the load.
    pub(super) cancel: Cancel,
}

/// The one session that writes.
pub(super) struct SqliteWriter {
    shared: Shared,
    loads: Arc<Loads>,
    written: HashMap<CollectionName, u64>,
}

impl SqliteWriter {
    /// A writer on that connection.
    pub(super) fn new(shared: Shared, loads: Arc<Loads>) -> Self {
        Self { shared, loads, written: HashMap::new() }
    }
}

impl Writer for SqliteWriter {
    fn write(&mut self, collection: &CollectionName, batch: &Batch) -> Result<()> {
        let mut insert = || {
            self.loads.cancel.check()?;
            let load = self.loads.loads.get(collection).ok_or_else(|| {
                Error::new(ErrorKind::Unsupported, "rows came for a collection that this restore does not load")
            })?;
            let written = self.written.entry(collection.clone()).or_default();
            load.insert(&lock(&self.shared), batch, *written)?;
            *written += batch.records.num_rows() as u64;
            Ok(())
        };
        insert().map_err(|error: Error| {
            self.loads.broken.store(true, Ordering::Relaxed);
            error.with("collection", collection)
        })
    }

    fn finish(self: Box<Self>) -> Result<u64> {
        Ok(self.written.values().sum())
    }
}
