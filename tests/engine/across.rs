//! Copies between two engines, there and back: SQLite and PostgreSQL.

use crate::support::restore_options;
use dbferry::ErrorKind;
use dbferry::copy::{CopyOptions, copy};
use dbferry::dialect::CollectionAction;
use dbferry::endpoint::Endpoint;
use dbferry::progress::Silent;
use dbferry::restore::{Proof, RestoreReport};
use dbferry_postgres::testing::{Installation, Server};
use rusqlite::Connection;
use std::io::Write;
use std::path::Path;
use std::sync::OnceLock;
use tempfile::TempDir;

/// A music shop: keys of one and of two columns, a table that references itself, one without a key, every type that both
/// engines hold exactly, values at the ends.
const MUSIC: &str = "
    CREATE TABLE artist (artist_id INTEGER PRIMARY KEY, name NVARCHAR(120));
    CREATE TABLE album (
        album_id INTEGER PRIMARY KEY,
        title NVARCHAR(160) NOT NULL,
        artist_id INTEGER NOT NULL REFERENCES artist (artist_id)
    );
    CREATE TABLE employee (
        employee_id INTEGER PRIMARY KEY,
        last_name NVARCHAR(20) NOT NULL,
        reports_to INTEGER REFERENCES employee (employee_id),
        hired DATETIME
    );
    CREATE TABLE track (
        track_id INTEGER PRIMARY KEY,
        name NVARCHAR(200) NOT NULL,
        album_id INTEGER REFERENCES album (album_id),
        milliseconds INTEGER NOT NULL,
        loudness REAL,
        unit_price NUMERIC(10,2) NOT NULL,
        cover BLOB
    );
    CREATE INDEX track_album ON track (album_id);
    CREATE TABLE playlist_track (
        playlist_id INTEGER NOT NULL,
        track_id INTEGER NOT NULL REFERENCES track (track_id),
        PRIMARY KEY (playlist_id, track_id)
    );
    CREATE TABLE played (at DATETIME, track_id INTEGER, note TEXT);
    CREATE TABLE silence (id INTEGER PRIMARY KEY, v TEXT);

    INSERT INTO artist VALUES (1, 'AC/DC'), (2, 'Motörhead'), (3, '東京事変'), (4, NULL), (5, '');
    INSERT INTO album SELECT value, 'Album no. ' || value, 1 + value % 5 FROM generate_series(1, 300);
    INSERT INTO employee VALUES (3, 'Peacock', 2, '2002-08-14 00:00:00'), (2, 'Edwards', 1, '2002-05-01 12:30:59'),
        (1, 'Adams', NULL, '1962-02-18 00:00:00');
    INSERT INTO track SELECT value, 'Track ''' || value || '''', nullif(1 + value % 301, 301), value * value,
        value / 7.0, round(0.99 + value % 3, 2), CASE value % 5 WHEN 0 THEN NULL ELSE zeroblob(value % 40) END
        FROM generate_series(1, 4000);
    INSERT INTO track VALUES (9223372036854775807, '', NULL, -9223372036854775808, 5e-324, 99999999.99, x'00ff');
    INSERT INTO playlist_track SELECT value % 7, value FROM generate_series(1, 4000);
    INSERT INTO played SELECT datetime(1700000000 + value * 61, 'unixepoch'), 1 + value % 100,
        CASE value % 3 WHEN 0 THEN NULL WHEN 1 THEN 'again' ELSE 'line ' || char(10) || value END
        FROM generate_series(1, 2000);";

/// The tables with what is compared of them after both ways. A decimal comes back as a number of another class.
const TABLES: [(&str, &str); 7] = [
    ("artist", "artist_id, name"),
    ("album", "album_id, title, artist_id"),
    ("employee", "employee_id, last_name, reports_to, hired"),
    ("track", "track_id, name, album_id, milliseconds, loudness, unit_price + 0.0, cover"),
    ("playlist_track", "playlist_id, track_id"),
    ("played", "at, track_id, note"),
    ("silence", "id, v"),
];

/// PostgreSQL; `None` where it is not installed, which is said, and fails where `CI` is set.
fn server() -> Option<&'static Server> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    let start = || {
        let Some(installation) = Installation::all().into_iter().next() else {
            assert!(std::env::var_os("CI").is_none(), "PostgreSQL is not installed");
            // Past the harness, which shows the output of failed tests only.
            _ = writeln!(std::io::stderr(), "SKIPPED: copies to and from PostgreSQL, which is not installed");
            return None;
        };
        Some(Server::start(&installation, &[]).expect("a server"))
    };
    SERVER.get_or_init(start).as_ref()
}

fn sqlite(path: &Path) -> Endpoint<'static> {
    Endpoint::parse(&format!("sqlite:{}", path.display())).expect("a URL")
}

fn postgres(server: &Server, database: &str) -> Endpoint<'static> {
    Endpoint::parse(&server.url(database)).expect("a URL")
}

/// Runs SQL on a file; `generate_series` is spelled out, since the library may lack it.
fn run_sql(path: &Path, sql: &str) {
    let mut rest = sql;
    let mut spelled = String::new();
    while let Some(at) = rest.find("generate_series(1, ") {
        let (before, after) = rest.split_at(at);
        let after = &after["generate_series(1, ".len()..];
        let (last, after) = after.split_once(')').expect("a closing parenthesis");
        spelled.push_str(before);
        spelled.push_str(&format!(
            "(WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < {last}) \
             SELECT value FROM n)"
        ));
        rest = after;
    }
    spelled.push_str(rest);
    Connection::open(path).expect("a file").execute_batch(&spelled).expect("SQL");
}

fn run(source: &Endpoint<'_>, target: &Endpoint<'_>) -> dbferry::Result<RestoreReport> {
    let options = CopyOptions { restore: restore_options(3), ..CopyOptions::default() };
    copy(source, target, &options, &Silent)
}

/// Every table is as it is expected, every row was read again and is equal, and there is nothing to warn of.
fn expect_proven(report: &RestoreReport, action: CollectionAction) {
    assert_eq!(report.warnings, Vec::<String>::new());
    let lines: Vec<_> = report.units.iter().flat_map(|unit| &unit.collections).collect();
    assert_eq!(lines.len(), TABLES.len());
    for line in lines {
        assert_eq!((line.proof, line.action), (Proof::Hash, action), "{}: {:?}", line.collection, report.warnings);
    }
    assert_eq!(report.rows, 5 + 300 + 3 + 4001 + 4000 + 2000);
}

#[test]
fn there_and_back_nothing_has_changed() {
    let Some(server) = server() else { return };
    let directory = TempDir::new().expect("a directory");
    let (first, back) = (directory.path().join("first.db"), directory.path().join("back.db"));
    run_sql(&first, MUSIC);
    let database = server.create_database();
    let between = postgres(server, &database);

    expect_proven(&run(&sqlite(&first), &between).expect("to PostgreSQL"), CollectionAction::Create);
    expect_proven(&run(&sqlite(&first), &between).expect("and over it"), CollectionAction::Replace);
    let count = server.sql(&database, "SELECT count(*), sum(unit_price) FROM public.track").expect("a query");
    assert_eq!(count.trim(), "4001|100007959.99");
    server.sql(&database, "INSERT INTO public.album VALUES (1000, 'x', 77)").expect_err("the foreign key is there");

    expect_proven(&run(&between, &sqlite(&back)).expect("to SQLite"), CollectionAction::Create);
    expect_proven(&run(&between, &sqlite(&back)).expect("and over it"), CollectionAction::Replace);
    let connection = Connection::open(&first).expect("a file");
    connection.execute("ATTACH ? AS back", [back.to_str().expect("a path")]).expect("the other file");
    for (table, columns) in TABLES {
        for (left, right) in [("main", "back"), ("back", "main")] {
            let query = format!(
                "SELECT count(*) FROM (SELECT {columns} FROM {left}.{table} EXCEPT SELECT {columns} FROM {right}.{table})"
            );
            let only: i64 = connection.query_row(&query, [], |row| row.get(0)).expect("a count");
            assert_eq!(only, 0, "rows of {table} are only in {left}");
        }
    }
}

#[test]
fn a_value_that_does_not_fit_stops_the_copy_before_the_switch() {
    let Some(server) = server() else { return };
    let directory = TempDir::new().expect("a directory");
    let file = directory.path().join("odd.db");
    run_sql(
        &file,
        "CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER); INSERT INTO t SELECT value, value FROM generate_series(1, 1000)",
    );
    let database = server.create_database();
    let target = postgres(server, &database);
    run(&sqlite(&file), &target).expect("whole numbers");
    run_sql(&file, "INSERT INTO t VALUES (1001, 'many'); DELETE FROM t WHERE id = 1");
    let error = run(&sqlite(&file), &target).expect_err("a text among whole numbers");
    assert_eq!(error.context().find(|(key, _)| *key == "collection").map(|(_, name)| name), Some("main.t"), "{error}");
    let rows = server.sql(&database, "SELECT count(*), min(id) FROM public.t").expect("the old rows");
    assert_eq!(rows.trim(), "1000|1");
}

#[test]
fn a_server_under_two_names_is_not_copied_onto_itself() {
    let Some(server) = server() else { return };
    let database = server.create_database();
    server.sql(&database, "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1), (2)").expect("a table");
    let source = postgres(server, &database);
    // Another spelling of the same place, which the URLs do not tell: the run is held up by its own snapshot and gives up.
    let text = server.url(&database).replacen("dbferry-pg-", ".%2Fdbferry-pg-", 1);
    let other = Endpoint::parse(&text).expect("a URL");
    assert!(!source.is_same_database(&other), "{text}");
    let error = run(&source, &other).expect_err("a refusal");
    assert_eq!(error.kind(), ErrorKind::Busy, "{error}");
    assert_eq!(server.sql(&database, "SELECT count(*) FROM t").expect("rows").trim(), "2");
}

#[test]
fn a_table_is_proven_under_its_name_in_the_target() {
    let Some(server) = server() else { return };
    let database = server.create_database();
    server.sql(&database, "CREATE TABLE public.t (id int PRIMARY KEY, v text)").expect("a table");
    server.sql(&database, "INSERT INTO t SELECT n, 'row ' || n FROM generate_series(1, 500) n").expect("rows");
    let directory = TempDir::new().expect("a directory");
    let target = sqlite(&directory.path().join("new.db"));
    let report = run(&postgres(server, &database), &target).expect("a copy");
    let line = &report.units[0].collections[0];
    assert_eq!((line.collection.to_string().as_str(), line.rows, line.proof), ("main.t", 500, Proof::Hash));
}
