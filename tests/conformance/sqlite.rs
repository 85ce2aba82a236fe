//! SQLite's own databases, and an oracle that asks SQLite itself: every cell's storage class and literal, row numbers,
//! counters, pragmas, and the text of every statement in the schema.

use crate::check::round_trip;
use crate::scratch;
use dbferry::archive::Archive;
use dbferry::dump::{DumpOptions, dump};
use dbferry::progress::Silent;
use dbferry::registry;
use dbferry::restore::{Proof, RestoreOptions, restore};
use libtest_mimic::Trial;
use rusqlite::Connection;
use rusqlite::types::ValueRef;
use std::path::Path;

const SHOP: &str = include_str!("../../fixtures/shop.sql");
pub(crate) const NASTY: &str = include_str!("../../fixtures/nasty.sql");
/// The journal mode goes along with the other facts of the file.
const WRITE_AHEAD: &str = "PRAGMA journal_mode = WAL; CREATE TABLE t (v); INSERT INTO t VALUES (1), ('x'), (NULL);";
/// Well-formed texts, and texts that any conversion to UTF-8 would change: lone surrogates, a byte order mark, characters
/// that are none. One statement of the restore inserts many rows, so they stand among others.
const UTF16: &str = "
    CREATE TABLE t (v TEXT, w, b BLOB);
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 90)
    INSERT INTO t SELECT
        CASE i % 30 WHEN 7 THEN CAST(x'00d8' AS TEXT) WHEN 8 THEN CAST(x'd800dcdc' AS TEXT) WHEN 9 THEN CAST(x'feff00d8' AS TEXT)
            WHEN 20 THEN CAST(x'fffe' AS TEXT) WHEN 21 THEN CAST(x'ffff0061' AS TEXT) WHEN 22 THEN 'a' || char(0) || 'b'
            WHEN 23 THEN '' WHEN 24 THEN x'00d8' WHEN 25 THEN char(0xfeff) || 'x' ELSE 'text \u{1f986} ' || i END,
        CASE i % 7 WHEN 1 THEN CAST(x'dc00' AS TEXT) WHEN 2 THEN i WHEN 3 THEN 1.5 WHEN 4 THEN CAST(x'00dc6100' AS TEXT) END,
        CASE i % 11 WHEN 1 THEN CAST(x'00dc' AS TEXT) ELSE x'00dc' END
    FROM n;
    INSERT INTO t SELECT v || 'x', w, b FROM t WHERE rowid % 30 IN (7, 8);
    CREATE TABLE keyed (k TEXT PRIMARY KEY, v) WITHOUT ROWID;
    INSERT INTO keyed VALUES (CAST(x'00d8' AS TEXT), 1), (CAST(x'd800' AS TEXT), 2), ('k', CAST(x'dcdc' AS TEXT));";

pub(crate) fn trials() -> Vec<Trial> {
    let utf16 = |encoding: &str| format!("PRAGMA encoding = '{encoding}'; {UTF16}");
    let cases = [
        ("shop", SHOP.to_owned()),
        ("nasty", NASTY.to_owned()),
        ("write_ahead_log", WRITE_AHEAD.to_owned()),
        ("utf_16_little_endian", utf16("UTF-16le")),
        ("utf_16_big_endian", utf16("UTF-16be")),
    ];
    let trial = |(name, sql): (&str, String)| {
        Trial::test(format!("sqlite::native::{name}"), move || {
            native(&sql);
            Ok(())
        })
    };
    let shipped = Trial::test("sqlite::native::shop_as_shipped", || {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/shop.sqlite");
        round_trip_of(&|path| _ = std::fs::copy(&source, path).expect("a copy of the shop"));
        Ok(())
    });
    let computed = Trial::test("sqlite::native::computed_otherwise", || {
        computed_otherwise();
        Ok(())
    });
    cases.into_iter().map(trial).chain([shipped, computed]).collect()
}

/// Another version of SQLite may compute a generated column to another last digit: the rows are restored all the same, and
/// it is said.
fn computed_otherwise() {
    let dialect = registry::by_name("sqlite").expect("this module is compiled with the dialect");
    let scratch = scratch::files(dialect);
    let connection = Connection::open(scratch.file("source")).expect("a database");
    connection
        .execute_batch(
            "CREATE TABLE t (a REAL, b REAL); INSERT INTO t VALUES (1, 2.0000000000000004), (2, 4);
             PRAGMA writable_schema = ON;
             UPDATE sqlite_schema SET sql = 'CREATE TABLE t (a REAL, b REAL GENERATED ALWAYS AS (a * 2) STORED)';",
        )
        .expect("a script");
    connection.close().expect("closed");
    let archive = dump(&scratch.database("source"), &scratch.archive("backup"), &DumpOptions::default(), &Silent);
    archive.expect("an archive");
    let archive = Archive::open(&scratch.archive("backup")).expect("an archive");
    let report = restore(&archive, &scratch.database("copy"), &RestoreOptions::default(), &Silent).expect("restored");
    assert_eq!(report.units[0].collections[0].proof, Proof::HashWithoutGenerated);
    assert!(report.warnings.iter().any(|warning| warning.contains("generated columns (b)")), "{:?}", report.warnings);
    let copy = Connection::open(scratch.file("copy")).expect("a copy");
    assert_eq!(lines(&copy, "SELECT a, b FROM t ORDER BY a"), ["Real(1.0) | Real(2.0)", "Real(2.0) | Real(4.0)"]);
}

fn native(sql: &str) {
    round_trip_of(&|path| {
        let connection = Connection::open(path).expect("a database");
        connection.pragma_update(None, "foreign_keys", false).expect("a pragma");
        connection.execute_batch(sql).expect("a script");
        connection.close().expect("closed");
    });
}

/// Takes the database that `make` makes at a path round, watched by the oracle.
fn round_trip_of(make: &dyn Fn(&Path)) {
    let dialect = registry::by_name("sqlite").expect("this module is compiled with the dialect");
    let scratch = scratch::files(dialect);
    let path = scratch.file("source");
    make(&path);
    let expected = contents(&path);
    assert!(expected.iter().any(|line| line.starts_with("rows of ")), "the oracle sees no rows");
    round_trip(&scratch, &|name| {
        let found = contents(&scratch.file(name));
        for (found, expected) in found.iter().zip(&expected) {
            assert_eq!(found, expected);
        }
        assert_eq!(found.len(), expected.len());
    });
}

fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Everything that SQLite tells about a database, a line each.
fn contents(path: &Path) -> Vec<String> {
    let connection = Connection::open(path).expect("a database");
    let mut found = Vec::new();
    for pragma in
        ["encoding", "page_size", "auto_vacuum", "user_version", "application_id", "journal_mode", "integrity_check"]
    {
        for line in lines(&connection, &format!("PRAGMA {pragma}")) {
            found.push(format!("{pragma}: {line}"));
        }
    }
    // Automatic indexes have no text; their number is part of their name.
    found.extend(lines(
        &connection,
        "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name, tbl_name",
    ));
    let tables = "SELECT name FROM sqlite_schema WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%' ORDER BY name";
    for table in texts(&connection, tables) {
        found.extend(rows(&connection, &table).into_iter().map(|row| format!("rows of {table}: {row}")));
    }
    found
}

/// The rows of a table with their row numbers, where the table has some that can be asked for.
fn rows(connection: &Connection, table: &str) -> Vec<String> {
    let sql = format!("SELECT name FROM pragma_table_xinfo({}) ORDER BY cid", literal(table));
    let columns = texts(connection, &sql);
    let free = ["rowid", "_rowid_", "oid"]
        .into_iter()
        .find(|alias| !columns.iter().any(|column| column.eq_ignore_ascii_case(alias)));
    let without_rowid: bool = connection
        .query_row("SELECT wr FROM pragma_table_list WHERE schema = 'main' AND name = ?1", [table], |row| row.get(0))
        .expect("a table");
    // Nobody can refer to the row numbers of the engine's own tables; they tell in which order tables were first filled.
    let internal = table.starts_with("sqlite_");
    let alias = free.filter(|_| !without_rowid && !internal);
    // The literal of a text ends at its first NUL, so the bytes stand beside it.
    let mut wanted: Vec<String> = alias.iter().map(|alias| (*alias).to_owned()).collect();
    for column in &columns {
        let column = quote(column);
        wanted.push(format!("typeof({column}), quote({column}), hex(CAST({column} AS BLOB))"));
    }
    let order = alias.map(|alias| format!(" ORDER BY {alias}")).unwrap_or_default();
    let mut found = lines(connection, &format!("SELECT {} FROM {}{order}", wanted.join(", "), quote(table)));
    if internal {
        found.sort_unstable();
    }
    found
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// One line a row. Texts that are not UTF-8 are shown as far as they go.
fn lines(connection: &Connection, sql: &str) -> Vec<String> {
    let mut statement = connection.prepare(sql).expect(sql);
    let columns = statement.column_count();
    let mut rows = statement.query([]).expect(sql);
    let mut lines = Vec::new();
    while let Some(row) = rows.next().expect(sql) {
        let cells = (0..columns).map(|column| match row.get_ref(column).expect(sql) {
            ValueRef::Text(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            other => format!("{other:?}"),
        });
        lines.push(cells.collect::<Vec<_>>().join(" | "));
    }
    lines
}

fn texts(connection: &Connection, sql: &str) -> Vec<String> {
    let mut statement = connection.prepare(sql).expect(sql);
    let rows = statement.query_map([], |row| row.get(0)).expect(sql);
    rows.map(|row| row.expect(sql)).collect()
}
