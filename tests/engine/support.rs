//! Databases to start from, and the calls that most tests make.

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow::compute::cast;
use dbferry::archive::{Archive, CollectionEntry};
use dbferry::dialect::carrier::{arrow_type, schema};
use dbferry::dialect::model::{Counter, Deferral, ForeignKey, Key, ReferentialAction};
use dbferry::dialect::testkit::{Content, MemoryDialect, rows_as_text};
use dbferry::dialect::{Batch, Collection, CollectionName, Column, Dialect, LogicalType, Schema};
use dbferry::dump::{DumpOptions, DumpReport, GroupBy, dump};
use dbferry::endpoint::Endpoint;
use dbferry::group::{GroupRules, Rule, Unmatched};
use dbferry::progress::Silent;
use dbferry::resources::Resources;
use dbferry::restore::{RestoreOptions, RestorePlan, RestoreReport, plan, restore};
use dbferry::{Error, Result};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;
use tempfile::TempDir;

/// A cell of a row that is written by hand.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cell {
    Null,
    I(i64),
    T(&'static str),
}
pub(crate) use Cell::{I, Null, T};

pub(crate) fn name(name: &str) -> CollectionName {
    CollectionName::new("main", name)
}

pub(crate) fn int(name: &str) -> Column {
    Column::new(name, LogicalType::INT64, "BIGINT")
}

pub(crate) fn text(name: &str) -> Column {
    Column::new(name, LogicalType::TEXT, "TEXT")
}

pub(crate) fn bytes(name: &str) -> Column {
    Column::new(name, LogicalType::BYTES, "BLOB")
}

pub(crate) fn not_null(mut column: Column) -> Column {
    column.nullable = false;
    column
}

/// A table whose first column is its key.
pub(crate) fn table(table: &str, columns: Vec<Column>) -> Collection {
    let mut table = Collection::table(name(table), columns);
    table.columns[0].nullable = false;
    table.primary_key = Some(Key { definition: None, name: None, columns: vec![table.columns[0].name.clone()] });
    table
}

/// The same with a foreign key.
pub(crate) fn referencing(mut table: Collection, column: &str, parent: &str) -> Collection {
    table.foreign_keys.push(ForeignKey {
        definition: None,
        name: None,
        columns: vec![column.into()],
        references: name(parent),
        referenced_columns: Vec::new(),
        on_delete: ReferentialAction::NoAction,
        on_update: ReferentialAction::NoAction,
        deferred: Deferral::Immediate,
    });
    table
}

/// The same with a counter of its first column.
pub(crate) fn counting(mut table: Collection, last_value: i64) -> Collection {
    table.counter = Some(Counter { column: table.columns[0].name.clone(), last_value, is_called: true });
    table
}

pub(crate) fn batch(collection: &Collection, rows: &[&[Cell]]) -> Batch {
    let columns = collection.columns.iter().enumerate().map(|(position, column)| {
        let numbers = || rows.iter().map(|row| if let I(number) = row[position] { Some(number) } else { None });
        let texts = || rows.iter().map(|row| if let T(text) = row[position] { Some(text) } else { None });
        let cells: ArrayRef = if column.logical == LogicalType::TEXT || texts().flatten().next().is_some() {
            Arc::new(StringArray::from_iter(texts()))
        } else {
            Arc::new(Int64Array::from_iter(numbers()))
        };
        cast(&cells, &arrow_type(&column.logical)).expect("cells of the column's type")
    });
    Batch::plain(RecordBatch::try_new(schema(collection), columns.collect()).expect("a batch"))
}

/// Tables with their rows, written by hand.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tables {
    pub(crate) schema: Schema,
    pub(crate) rows: Vec<(CollectionName, Vec<Batch>)>,
}

impl Tables {
    pub(crate) fn with(mut self, collection: Collection, rows: &[&[Cell]]) -> Self {
        self.rows.push((collection.name.clone(), vec![batch(&collection, rows)]));
        self.schema.collections.push(collection);
        self
    }

    /// The same without a table.
    pub(crate) fn without(mut self, table: &str) -> Self {
        self.schema.collections.retain(|collection| collection.name != name(table));
        self.rows.retain(|(collection, _)| *collection != name(table));
        self
    }
}

/// A shop of seven tables in five groups: `custom` references `user`, so that they are replaced together. `generation`
/// makes its rows, all of which differ between two generations.
pub(crate) fn shop(generation: i64) -> Tables {
    let base = generation * 1000;
    let label = if generation == 1 { "one" } else { "two" };
    Tables::default()
        .with(table("settings", vec![int("id"), text("value")]), &[&[I(base), T("dark")], &[I(base + 1), T(label)]])
        .with(
            counting(table("users", vec![int("id"), text("name")]), base + 50),
            &[&[I(base), T("ann")], &[I(base + 1), T("bob")], &[I(base + 2), Null]],
        )
        .with(
            referencing(table("orders", vec![int("id"), int("user_id"), text("note")]), "user_id", "users"),
            &[&[I(base), I(base), T(label)], &[I(base + 1), I(base + 1), Null], &[I(base + 2), Null, T("")]],
        )
        .with(
            referencing(table("reviews", vec![int("id"), int("user_id")]), "user_id", "users"),
            &[&[I(base), I(base + 2)], &[I(base + 7), I(base)]],
        )
        .with(Collection::table(name("audit"), vec![text("what")]), &[&[T(label)], &[T("x")], &[T(label)], &[Null]])
        .with(counting(table("empty", vec![int("id")]), base + 9), &[])
        .with(table("sessions", vec![int("id")]), &[&[I(base)]])
}

pub(crate) fn shop_rules() -> GroupBy {
    rules(&[
        ("required", &["settings"]),
        ("user", &["users", "orders"]),
        ("custom", &["reviews"]),
        ("log", &["audit", "empty"]),
        ("skipped", &["sessions"]),
    ])
}

/// The groups of [`shop`] in the units in which they are replaced, with their tables.
pub(crate) const SHOP_UNITS: [(&[&str], &[&str]); 3] = [
    (&["required"], &["settings"]),
    (&["user", "custom"], &["users", "orders", "reviews"]),
    (&["log"], &["audit", "empty"]),
];

pub(crate) fn rules(rules: &[(&str, &[&str])]) -> GroupBy {
    let rules = rules.iter().map(|(group, patterns)| Rule::tables(group, patterns).expect("a rule"));
    GroupBy::Rules(GroupRules::new(rules.collect(), Vec::new(), Unmatched::Unknown))
}

/// Options for a small dump: tiny row groups, so that tables of a few rows have several.
pub(crate) fn dump_options(jobs: usize) -> DumpOptions {
    let resources = Resources { jobs, memory: 64 << 20 };
    DumpOptions { resources, row_group_bytes: 40, group_by: shop_rules(), ..DumpOptions::default() }
}

pub(crate) fn restore_options(jobs: usize) -> RestoreOptions {
    RestoreOptions { resources: Resources { jobs, memory: 64 << 20 }, ..RestoreOptions::default() }
}

/// In-memory databases and a directory for archives.
#[derive(Debug)]
pub(crate) struct Work {
    pub(crate) memory: MemoryDialect,
    directory: TempDir,
}

impl Work {
    pub(crate) fn new() -> Self {
        Self { memory: MemoryDialect::new(), directory: TempDir::new().expect("a temporary directory") }
    }

    /// With an archive of `tables` in `backup`.
    pub(crate) fn with_backup(tables: &Tables, options: &DumpOptions) -> Self {
        let work = Self::new();
        work.insert("source", tables);
        work.dump("source", "backup", options).expect("a dump");
        work
    }

    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn insert(&self, database: &str, tables: &Tables) {
        self.memory.insert(database, &tables.schema, &tables.rows).expect("good rows");
    }

    pub(crate) fn at<'a>(&self, dialect: &'a dyn Dialect, database: &str) -> Endpoint<'a> {
        Endpoint::new(dialect, self.memory.url(database))
    }

    pub(crate) fn dump(&self, database: &str, archive: &str, options: &DumpOptions) -> Result<DumpReport> {
        dump(&self.at(&self.memory, database), &self.path(archive), options, &Silent)
    }

    pub(crate) fn archive(&self, archive: &str) -> Archive {
        Archive::open(&self.path(archive)).expect("an archive")
    }

    pub(crate) fn plan(&self, archive: &str, database: &str, options: &RestoreOptions) -> Result<RestorePlan> {
        plan(&self.archive(archive), &self.at(&self.memory, database), options)
    }

    pub(crate) fn restore(&self, archive: &str, database: &str, options: &RestoreOptions) -> Result<RestoreReport> {
        restore(&self.archive(archive), &self.at(&self.memory, database), options, &Silent)
    }

    /// Restores what must be refused, and sees that nothing was touched.
    pub(crate) fn refused(&self, archive: &str, database: &str, options: &RestoreOptions) -> Error {
        let before = self.memory.content(database);
        let error = self.restore(archive, database, options).expect_err("a refusal");
        match (before, self.memory.content(database)) {
            (Some(before), Some(after)) => assert_eq!(before.differences(&after), Vec::<String>::new()),
            (before, after) => assert!(before.is_none() && after.is_none(), "the target came or went"),
        }
        error
    }

    pub(crate) fn content(&self, database: &str) -> Content {
        self.memory.content(database).unwrap_or_else(|| panic!("no database {database}"))
    }

    /// The rows of one table, sorted.
    pub(crate) fn rows(&self, database: &str, table: &str) -> Vec<String> {
        self.content(database).rows.remove(&name(table)).unwrap_or_else(|| panic!("no table {table}"))
    }
}

/// The rows of an archived collection in file order, as text.
pub(crate) fn archived_rows(archive: &Archive, entry: &CollectionEntry) -> Vec<String> {
    let reader = archive.collection(entry).expect("a reader");
    let mut batches = Vec::new();
    for row_group in 0..reader.row_groups() {
        let mut sink = |batch| {
            batches.push(batch);
            Ok(())
        };
        reader.read(row_group, 1 << 20, &mut sink).expect("rows");
    }
    rows_as_text(&entry.collection, &batches)
}

pub(crate) fn entry<'a>(archive: &'a Archive, table: &str) -> &'a CollectionEntry {
    let entries = &archive.manifest().collections;
    entries.iter().find(|entry| entry.collection.name == name(table)).unwrap_or_else(|| panic!("no {table}"))
}

/// Runs `work` in a thread and fails when it is not done in time: what is tested may wait for itself for ever.
pub(crate) fn in_time<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    const MOST: Duration = Duration::from_secs(60);
    let (sender, receiver) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        // The receiver is gone when the time was up.
        let _ = sender.send(work());
    });
    match receiver.recv_timeout(MOST) {
        Ok(result) => result,
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("not done after {MOST:?}: threads wait for each other"),
        Err(mpsc::RecvTimeoutError::Disconnected) => match thread.join() {
            Err(panic) => std::panic::resume_unwind(panic),
            Ok(()) => unreachable!("a thread that ends well has sent its result"),
        },
    }
}
