//! A proof that begins while rows are still loaded. On SQLite, which has one writer and lets others read meanwhile.

use crate::liar::{Liar, Lie, doubles_a_row, honest, loses_a_row, wait_until};
use crate::support::in_time;
use arrow::array::RecordBatch;
use dbferry::archive::Archive;
use dbferry::dialect::{DatabaseUrl, Dialect};
use dbferry::dump::{DumpOptions, dump};
use dbferry::endpoint::Endpoint;
use dbferry::progress::{Event, Progress, Silent};
use dbferry::resources::Resources;
use dbferry::restore::{Proof, RestoreOptions, RestoreReport, restore};
use dbferry::{ErrorKind, Result};
use rusqlite::Connection;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use tempfile::TempDir;

/// A table that is worth being read early, and one that is written when somebody reads the first.
const SQL: &str = "
    CREATE TABLE small (k INTEGER PRIMARY KEY, v TEXT);
    INSERT INTO small VALUES (1, 'a'), (2, 'b');
    CREATE TABLE large (n INTEGER PRIMARY KEY, v TEXT);
    CREATE INDEX large_v ON large(v);
    WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 280000)
    INSERT INTO large SELECT n, 'row ' || n FROM numbers;";

/// Holds the writer up in the small table until somebody reads the large one again.
#[derive(Default)]
struct Held {
    is_read: AtomicBool,
    /// Whether indexes were begun before that.
    was_late: AtomicBool,
}

impl Progress for Held {
    fn event(&self, event: Event<'_>) {
        match event {
            Event::Rows { collection: "main.large", again: true, .. } => self.is_read.store(true, Ordering::SeqCst),
            Event::Rows { collection: "main.small", again: false, .. } => {
                wait_until("the large table is read", || self.is_read.load(Ordering::SeqCst));
            }
            Event::Phase { name: "indexes", .. } if !self.is_read.load(Ordering::SeqCst) => {
                self.was_late.store(true, Ordering::SeqCst);
            }
            _ => {}
        }
    }
}

struct Shop {
    directory: TempDir,
}

impl Shop {
    /// An archive of both tables, from a database with that pragma.
    fn new(pragma: &str) -> Self {
        let directory = TempDir::new().expect("a directory");
        let source = directory.path().join("source.db");
        let connection = Connection::open(&source).expect("a database");
        connection.execute_batch(&format!("{pragma}; {SQL}")).expect("tables");
        let shop = Self { directory };
        dump(&sqlite(&source), &shop.path("backup"), &DumpOptions::default(), &Silent).expect("a dump");
        shop
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Restores it into a new database, with two jobs.
    fn restore(&self, dialect: &dyn Dialect, progress: &dyn Progress) -> Result<RestoreReport> {
        let archive = Archive::open(&self.path("backup")).expect("an archive");
        let url = format!("sqlite:{}", self.path("new %25 nam\u{e9}#.db").display());
        let target = Endpoint::new(dialect, DatabaseUrl::parse(&url).expect("a URL"));
        let resources = Resources { jobs: 2, ..Resources::default() };
        restore(&archive, &target, &RestoreOptions { resources, ..RestoreOptions::default() }, progress)
    }

    /// Whatever is in the directory beside the source and the archive.
    fn left(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.directory.path()).expect("a directory");
        let names = entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("a name"));
        names.filter(|name| name != "source.db" && name != "backup").collect()
    }
}

fn sqlite(path: &std::path::Path) -> Endpoint<'static> {
    Endpoint::parse(&format!("sqlite:{}", path.display())).expect("a URL")
}

fn doubles_what_is_small(records: &RecordBatch) -> RecordBatch {
    if records.schema().field(0).name() == "k" { doubles_a_row(records) } else { honest(records) }
}

#[test]
fn a_large_table_is_read_again_while_others_are_loaded() {
    in_time(|| {
        let shop = Shop::new("");
        let held = Held::default();
        let report = shop.restore(&dbferry_sqlite::Sqlite, &held).expect("a restore");
        let proofs: Vec<Proof> = report.units[0].collections.iter().map(|line| line.proof).collect();
        assert_eq!((proofs, report.rows), (vec![Proof::Hash; 2], 280_002));
        assert!(held.is_read.load(Ordering::SeqCst) && !held.was_late.load(Ordering::SeqCst));
        let restored = Connection::open(shop.path(&shop.left()[0])).expect("a database");
        let check: String = restored.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("an answer");
        let count: i64 =
            restored.query_row("SELECT count(*) FROM large INDEXED BY large_v", [], |row| row.get(0)).expect("rows");
        assert_eq!((check.as_str(), count), ("ok", 280_000));
    });
}

#[test]
fn where_pages_move_nothing_is_read_before_everything_is_there() {
    in_time(|| {
        let shop = Shop::new("PRAGMA auto_vacuum = FULL");
        let report = shop.restore(&dbferry_sqlite::Sqlite, &Silent).expect("a restore");
        assert!(report.units[0].collections.iter().all(|line| line.proof == Proof::Hash));
    });
}

#[test]
fn what_is_found_early_is_believed_and_what_fails_meanwhile_ends_it() {
    in_time(|| {
        let shop = Shop::new("");
        let cases: [(Lie, ErrorKind, &str); 2] = [
            (loses_a_row, ErrorKind::Mismatch, "main.large"),
            (doubles_what_is_small, ErrorKind::Database, "UNIQUE constraint failed: small.k"),
        ];
        for (lie, kind, told) in cases {
            let liar = Liar::new(&dbferry_sqlite::Sqlite, lie);
            let error = shop.restore(&liar, &Held::default()).expect_err("a lie that was believed");
            assert!(format!("{error:?}").contains(told), "{error:?}");
            assert_eq!((error.kind(), shop.left()), (kind, Vec::new()));
        }
    });
}

#[test]
fn a_panic_while_loading_leaves_nobody_waiting() {
    in_time(|| {
        let shop = Shop::new("");
        let liar = Liar::new(&dbferry_sqlite::Sqlite, |_| panic!("a writer gives up"));
        let restored = std::panic::AssertUnwindSafe(|| shop.restore(&liar, &Silent));
        assert!(std::panic::catch_unwind(restored).is_err());
        assert_eq!(shop.left(), Vec::<String>::new());
    });
}
