//! Partial dumps: conditions, and what is said about them. On SQLite, since the in-memory dialect evaluates none.

use crate::support::entry;
use dbferry::ErrorKind;
use dbferry::archive::Archive;
use dbferry::dump::{DumpOptions, dump};
use dbferry::endpoint::Endpoint;
use dbferry::progress::Silent;
use dbferry::restore::{RestoreOptions, restore};
use dbferry::verify::{VerifyOptions, verify, verify_against};
use rusqlite::Connection;
use std::path::Path;
use tempfile::TempDir;

const SQL: &str = "
    CREATE TABLE orders (id INTEGER PRIMARY KEY, state TEXT);
    CREATE TABLE log (what TEXT);
    INSERT INTO orders VALUES (1, 'new'), (2, 'old'), (3, 'new'), (4, NULL);
    INSERT INTO log VALUES ('a'), ('b');";

fn sqlite(path: &Path) -> Endpoint<'static> {
    Endpoint::parse(&format!("sqlite:{}", path.display())).expect("a URL")
}

fn options(conditions: &[(&str, &str)]) -> DumpOptions {
    let predicates = conditions.iter().map(|(table, sql)| ((*table).into(), (*sql).into())).collect();
    DumpOptions { predicates, ..DumpOptions::default() }
}

#[test]
fn a_partial_dump_says_so_and_is_verified_as_one() {
    let directory = TempDir::new().expect("a directory");
    let source = directory.path().join("source.db");
    let connection = Connection::open(&source).expect("a database");
    connection.execute_batch(SQL).expect("tables");
    let backup = directory.path().join("backup");
    // Or is weaker than and: whatever the dialect adds must not change what the condition means.
    let condition = "state = 'new' OR state IS NULL";
    let report =
        dump(&sqlite(&source), &backup, &options(&[("main.orders", condition)]), &Silent).expect("a partial dump");
    assert_eq!(report.rows, 3 + 2);
    let archive = Archive::open(&backup).expect("an archive");
    assert_eq!(entry(&archive, "orders").partial.as_deref(), Some(condition));
    assert_eq!(entry(&archive, "log").partial, None);

    verify(&archive, &VerifyOptions::default(), &Silent).expect("whole");
    let differences = || {
        let report = verify_against(&archive, &sqlite(&source), &VerifyOptions::default(), &Silent).expect("readable");
        report.differences().filter_map(|found| found.difference.clone()).collect::<Vec<_>>()
    };
    assert_eq!(differences(), Vec::<String>::new());
    connection.execute_batch("UPDATE orders SET state = 'older' WHERE id = 2").expect("a change outside the condition");
    assert_eq!(differences(), Vec::<String>::new());
    connection.execute_batch("UPDATE orders SET state = 'new' WHERE id = 2").expect("a change into the condition");
    assert_eq!(differences(), ["4 rows instead of 3: 1 row is extra"]);

    let target = directory.path().join("target.db");
    let report = restore(&archive, &sqlite(&target), &RestoreOptions::default(), &Silent).expect("a restore");
    assert_eq!(report.rows, 5);
    let restored = Connection::open(&target).expect("a database");
    let ids: String = restored
        .query_row("SELECT group_concat(id) FROM (SELECT id FROM orders ORDER BY id)", [], |row| row.get(0))
        .expect("ids");
    assert_eq!(ids, "1,3,4");
}

#[test]
fn a_condition_that_cannot_be_used_leaves_nothing() {
    let directory = TempDir::new().expect("a directory");
    let source = directory.path().join("source.db");
    Connection::open(&source).expect("a database").execute_batch(SQL).expect("tables");
    let backup = directory.path().join("backup");
    for (table, condition, kind) in [
        ("main.orders", "no_such_column = 1", ErrorKind::Database),
        ("main.orders", "1; DROP TABLE log", ErrorKind::Database),
        // Would pair up with the parentheses around it.
        ("main.orders", "1) OR (1", ErrorKind::Database),
        ("main.orders", "1) -- ", ErrorKind::Database),
        ("main.orders", "id = ?1", ErrorKind::Usage),
        ("main.nothing", "1", ErrorKind::Usage),
        ("orders", "1", ErrorKind::Usage),
    ] {
        let result = dump(&sqlite(&source), &backup, &options(&[(table, condition)]), &Silent);
        let error = result.expect_err(condition);
        assert_eq!(error.kind(), kind, "{condition}: {error}");
        assert!(!backup.exists());
    }
    let tables: i64 = Connection::open(&source)
        .expect("a database")
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .expect("a number");
    assert_eq!(tables, 2);
}

/// A table in many chunks: each has bounds of its own beside the condition.
#[test]
fn a_condition_counts_no_row_twice() {
    let directory = TempDir::new().expect("a directory");
    let source = directory.path().join("source.db");
    let connection = Connection::open(&source).expect("a database");
    connection
        .execute_batch(
            "CREATE TABLE many (id INTEGER PRIMARY KEY, filler TEXT);
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000)
             INSERT INTO many SELECT i, printf('%060d', i) FROM n",
        )
        .expect("rows");
    let backup = directory.path().join("backup");
    let condition = "id % 2 = 0 OR id = 1 -- and nothing else";
    let options = DumpOptions { row_group_bytes: 1 << 20, ..options(&[("main.many", condition)]) };
    let report = dump(&sqlite(&source), &backup, &options, &Silent).expect("a partial dump");
    assert_eq!(report.rows, 100_001);
    let archive = Archive::open(&backup).expect("an archive");
    assert!(entry(&archive, "many").row_groups.len() > 5, "{:?}", entry(&archive, "many").row_groups);
    let report = verify_against(&archive, &sqlite(&source), &VerifyOptions::default(), &Silent).expect("readable");
    assert_eq!(report.differences().count(), 0);
}
