//! Plans between two databases of a dialect in which a declared type is a hint: what the values looked like when they were
//! dumped must not make a difference to what the target declares.

use dbferry::archive::Archive;
use dbferry::dialect::{Cancel, CollectionAction, Purpose};
use dbferry::dump::{DumpOptions, dump};
use dbferry::endpoint::Endpoint;
use dbferry::progress::Silent;
use dbferry::restore::{RestoreOptions, Verdict, plan, restore};
use rusqlite::Connection;
use std::path::Path;
use tempfile::TempDir;

fn sqlite(path: &Path) -> Endpoint<'static> {
    Endpoint::parse(&format!("sqlite:{}", path.display())).expect("a URL")
}

fn database(path: &Path, sql: &str) {
    Connection::open(path).expect("a database").execute_batch(sql).expect("tables");
}

fn archive(directory: &TempDir, sql: &str) -> Archive {
    database(&directory.path().join("source.db"), sql);
    let backup = directory.path().join("backup");
    dump(&sqlite(&directory.path().join("source.db")), &backup, &DumpOptions::default(), &Silent).expect("a dump");
    Archive::open(&backup).expect("an archive")
}

#[test]
fn values_do_not_change_what_a_column_is_declared_as() {
    let directory = TempDir::new().expect("a directory");
    let archive = archive(
        &directory,
        "CREATE TABLE odd (id INTEGER PRIMARY KEY, flag BOOLEAN, day DATE, at DATETIME, price DECIMAL(10,2), key UUID,
             payload BLOB, code VARCHAR(5), doc JSON, place POINT, plain, size BIGINT NOT NULL);
         INSERT INTO odd VALUES
             (1, 2, 20240101, '2024-01-01T00:00:00.123', 'n/a', x'00112233445566778899aabbccddeeff', 'text', x'00', 1, x'01', 1, 1),
             (2, 'yes', 2460000.5, 17, 'n/a', x'00112233445566778899aabbccddeeff', x'00', x'01', '{}', x'02', 'a', 2);
         CREATE TABLE hard (id INT PRIMARY KEY, any ANY) STRICT; INSERT INTO hard VALUES (1, 'x'), (2, x'00');",
    );
    let source = sqlite(&directory.path().join("source.db"));
    let declared = source.open(Purpose::Plan, &Cancel::new()).expect("open").introspect().expect("a schema");
    let odd = &archive
        .manifest()
        .collections
        .iter()
        .find(|entry| entry.collection.name.name == "odd")
        .expect("odd")
        .collection;
    let introspected = declared.collection(&odd.name).expect("odd");
    let refined = odd.columns.iter().zip(&introspected.columns).filter(|(one, other)| one.logical != other.logical);
    assert!(refined.count() >= 8, "the sample has to matter: {odd:?}");

    let planned = plan(&archive, &source, &RestoreOptions::default()).expect("a plan");
    assert_eq!(planned.problems(), Vec::<String>::new());
    for collection in planned.collections() {
        assert_eq!(collection.action, Some(CollectionAction::Replace));
        for column in &collection.columns {
            assert_eq!(column.verdict, Verdict::Identical, "{column:?}");
        }
    }
    restore(&archive, &source, &RestoreOptions::default(), &Silent).expect("a restore into the same database");
}

#[test]
fn other_declarations_are_compared_by_what_they_ask_for_and_how_they_store() {
    for (source, values, target, verdict) in [
        // The sample says text, blob and so on; the declarations say what fits.
        ("DECIMAL(10,2)", "'n/a'", "DECIMAL(12,2)", Verdict::Widening),
        ("DECIMAL(10,2)", "'n/a'", "DECIMAL(8,2)", Verdict::Incompatible),
        ("VARCHAR(40)", "x'00'", "VARCHAR(10)", Verdict::Incompatible),
        ("VARCHAR(40)", "x'00'", "TEXT", Verdict::Widening),
        ("BOOLEAN", "2", "BOOL", Verdict::Identical),
        ("BIGINT", "'x'", "INTEGER", Verdict::Identical),
        ("DATE", "20240101", "DATETIME", Verdict::Widening),
        ("UUID", "x'00'", "BLOB", Verdict::Widening),
        // Other values, or other forms of them, would be stored.
        ("JSON", "1", "TEXT", Verdict::Checked),
        ("TEXT", "'0042'", "JSON", Verdict::Checked),
        ("TEXT", "'0042'", "INTEGER", Verdict::Incompatible),
        ("REAL", "1.0", "INTEGER", Verdict::Incompatible),
    ] {
        let directory = TempDir::new().expect("a directory");
        let archive =
            archive(&directory, &format!("CREATE TABLE t (c {source}); INSERT INTO t VALUES ({values}), (NULL);"));
        let path = directory.path().join("target.db");
        database(&path, &format!("CREATE TABLE t (c {target})"));
        let planned = plan(&archive, &sqlite(&path), &RestoreOptions::default()).expect("a plan");
        let column = planned.collections().flat_map(|collection| &collection.columns).find(|column| column.name == "c");
        assert_eq!(column.expect("a column").verdict, verdict, "{source} to {target}: {column:?}");
        let restored = restore(&archive, &sqlite(&path), &RestoreOptions::default(), &Silent);
        // What would be changed in silence is found out by the proof.
        let fits = verdict <= Verdict::Widening;
        assert_eq!(restored.is_ok(), fits, "{source} to {target}: {:?}", restored.err());
    }
}
