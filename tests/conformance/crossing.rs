//! Every ordered pair of engines, and rings through all of them: a music shop and each engine's own types, by way of an
//! archive and without one. The oracles are the engines: their own programs add rows, and are refused what keys forbid.

use crate::check::expect_proven;
use crate::scratch::{Place, Scratch, Subject};
use dbferry::ErrorKind;
use dbferry::archive::Archive;
use dbferry::config::Config;
use dbferry::copy::{self, CopyOptions};
use dbferry::dialect::CollectionName;
use dbferry::dump::{DumpOptions, dump};
use dbferry::endpoint::Endpoint;
use dbferry::progress::Silent;
use dbferry::resources::Resources;
use dbferry::restore::{RestoreOptions, RestoreReport, restore};
use dbferry::translate::AcceptLossy;
use dbferry::verify::{VerifyOptions, VerifyReport, verify_databases};
use libtest_mimic::Trial;
use rusqlite::Connection;
use std::sync::Arc;

/// Numbered keys whose highest number is gone, a table that references itself, a key of two columns, an action of a foreign
/// key, unique keys, indexes, defaults, and every type that all engines have. Words in braces are each engine's own.
const MUSIC: &str = "
    CREATE TABLE artist (artist_id {numbered}, name VARCHAR(120), UNIQUE (name));
    CREATE TABLE album (
        album_id {numbered}, title VARCHAR(160) NOT NULL, artist_id INTEGER NOT NULL,
        price DECIMAL(10,2) DEFAULT 0.99 NOT NULL, released DATE, live {truth} DEFAULT FALSE NOT NULL, cover {bytes},
        added {moment} DEFAULT CURRENT_TIMESTAMP,
        FOREIGN KEY (artist_id) REFERENCES artist (artist_id) ON DELETE CASCADE);
    CREATE INDEX album_price ON album (price, title);
    CREATE TABLE employee (
        employee_id {numbered}, name VARCHAR(60) NOT NULL, reports_to INTEGER,
        FOREIGN KEY (reports_to) REFERENCES employee (employee_id));
    CREATE TABLE playlist (
        name VARCHAR(40) NOT NULL, place INTEGER NOT NULL, album_id INTEGER, seconds DOUBLE PRECISION, note {text},
        PRIMARY KEY (name, place), FOREIGN KEY (album_id) REFERENCES album (album_id) ON DELETE SET NULL);
    CREATE TABLE empty_shelf (shelf_id {numbered}, name VARCHAR(20));
    INSERT INTO artist (name) VALUES ('AC/DC'), ('Motörhead'), ('東京事変'), (NULL), (''), ('gone');
    DELETE FROM artist WHERE name = 'gone';
    INSERT INTO album (title, artist_id, price, released, live, cover, added) VALUES
        ('Let There Be Rock', 1, 9.99, '1977-03-21', FALSE, {00ff27}, '2024-02-29 23:59:59'),
        ('Ace of Spades', 2, 12345678.90, '1980-11-08', TRUE, NULL, '1970-01-01 00:00:00'),
        ('教育', 3, -0.01, '2004-11-25', FALSE, {}, NULL);
    INSERT INTO employee (name, reports_to) VALUES ('Adams', NULL), ('Edwards', 1), ('Peacock', 2);
    INSERT INTO playlist VALUES
        ('drive', 1, 1, 366.5, 'first line'), ('drive', 2, NULL, 0.1, ''), ('sleep', 1, 3, -1e300, NULL);";

/// One engine of a pair.
struct Engine {
    name: String,
    place: Place,
}

/// The cases for the engines that are there; of several versions of a server the newest one takes part.
pub(crate) fn trials(subjects: &[Subject]) -> Vec<Trial> {
    let mut engines: Vec<Engine> = Vec::new();
    for subject in subjects {
        let Ok(place) = &subject.place else { continue };
        let product = |name: &str| name.split('-').next().unwrap_or_default().to_owned();
        let engine = Engine { name: subject.name.clone(), place: Arc::clone(place) };
        match engines.iter_mut().find(|known| product(&known.name) == product(&engine.name)) {
            Some(known) => *known = engine,
            None => engines.push(engine),
        }
    }
    let mut trials = Vec::new();
    for (at, from) in engines.iter().enumerate() {
        for to in engines.iter().filter(|to| to.name != from.name) {
            let places = [Arc::clone(&from.place), Arc::clone(&to.place)];
            trials.push(Trial::test(format!("{}::to::{}::music", from.name, to.name), move || {
                pair(&places[0](), &places[1]());
                Ok(())
            }));
            let places = [Arc::clone(&from.place), Arc::clone(&to.place)];
            trials.push(Trial::test(format!("{}::to::{}::types", from.name, to.name), move || {
                types(&places[0](), &places[1]());
                Ok(())
            }));
        }
        for to in engines.iter().filter(|to| from.name == "sqlite" && to.name != from.name) {
            let places = [Arc::clone(&from.place), Arc::clone(&to.place)];
            trials.push(Trial::test(format!("{}::to::{}::spellings", from.name, to.name), move || {
                spellings(&places[0](), &places[1]());
                Ok(())
            }));
        }
        let path: Vec<Place> =
            (0..=engines.len()).map(|step| Arc::clone(&engines[(at + step) % engines.len()].place)).collect();
        if engines.len() > 1 {
            trials.push(Trial::test(format!("{}::ring::music", from.name), move || {
                ring(&path);
                Ok(())
            }));
        }
    }
    trials
}

/// There by an archive, by an archive again, and directly; all three hold what the source holds, and are alive.
fn pair(from: &Scratch, to: &Scratch) {
    let source = from.database("source");
    run(from, "source", &spelled(MUSIC, from)).expect("a music shop");
    let path = from.archive("music");
    dump(&source, &path, &DumpOptions::default(), &Silent).expect("a dump");
    let archive = Archive::open(&path).expect("an archive");
    let (by_archive, direct) = (to.database("by_archive"), to.database("direct"));
    for again in ["created", "replaced"] {
        expect_proven(&restore(&archive, &by_archive, &restore_options(), &Silent).expect(again));
        expect_equal(&source, &by_archive);
    }
    let report = copy::copy(&source, &direct, &copy_options(), &Silent).expect("a copy");
    expect_proven(&report);
    expect_equal(&source, &direct);
    for name in ["by_archive", "direct"] {
        expect_alive(to, name, &report);
    }
}

/// Through all engines and back to the first one: what comes back is what went.
fn ring(path: &[Place]) {
    let places: Vec<Scratch> = path.iter().map(|place| place()).collect();
    run(&places[0], "source", &spelled(MUSIC, &places[0])).expect("a music shop");
    let mut last = None;
    for step in places.windows(2) {
        let report = copy::copy(&step[0].database("source"), &step[1].database("source"), &copy_options(), &Silent);
        let report = report.expect("a copy");
        expect_proven(&report);
        last = Some(report);
    }
    let end = &places[places.len() - 1];
    expect_equal(&places[0].database("source"), &end.database("source"));
    expect_alive(end, "source", &last.expect("a ring has steps"));
}

/// Each engine's own types with their extremes. Without a rule a value that does not fit stops the copy before anything is
/// there; with one that makes nulls of them each changed cell is one that was counted.
fn types(from: &Scratch, to: &Scratch) {
    let source = from.database("source");
    run(from, "source", &own_types(from)).expect("types");
    let (strict, lenient) = (to.database("strict"), to.database("lenient"));
    if let Err(error) = copy::copy(&source, &strict, &copy_options(), &Silent) {
        let is_named = error.context().any(|(key, _)| key == "collection");
        assert!(is_named || error.kind() == ErrorKind::Incompatible, "{error}");
        if let Ok(mut database) = strict.open(dbferry::dialect::Purpose::Read, &Default::default()) {
            assert!(database.is_empty().expect("a catalogue"), "a refused copy left something: {error}");
        }
    }
    let rules = "version = 1\n[[type]]\nmatch = { column = \"*\" }\non_misfit = \"null\"";
    let mut options = copy_options();
    options.restore.types = Config::parse(rules).expect("a rule").types;
    options.restore.accept_lossy = AcceptLossy::ALL;
    let report = match copy::copy(&source, &lenient, &options, &Silent) {
        Ok(report) => report,
        // Where no null is allowed, or the engine has no such name or value, it is told where.
        Err(error) => {
            let is_named = error.context().any(|(key, _)| key == "collection");
            assert!(is_named || error.kind() == ErrorKind::Incompatible, "{error}");
            return;
        }
    };
    let lines = || report.units.iter().flat_map(|unit| &unit.collections);
    let counted: u64 = lines().flat_map(|line| &line.misfits).map(|misfit| misfit.count).sum();
    let found = compared(&source, &lenient);
    let changed: usize = found
        .differences()
        .filter_map(|line| line.row_differences.as_ref())
        .flat_map(|rows| &rows.rows)
        .map(|row| row.cells.len())
        .sum();
    assert!(changed as u64 <= counted, "{changed} cells differ, {counted} were counted: {:?}", report.warnings);
    assert!(counted == 0 || changed > 0, "{counted} were counted, and none differs");
}

/// Moments and identifiers in more than one spelling, as programs leave them in SQLite, become values. It is said how many
/// were spelled otherwise, and what went and what came are compared by what they mean.
fn spellings(from: &Scratch, to: &Scratch) {
    const LEDGER: &str = "
        CREATE TABLE ledger (id INTEGER PRIMARY KEY, day DATE, at DATETIME, token UUID, amount DECIMAL(12,2), note TEXT);
        INSERT INTO ledger VALUES
            (1, '2020-01-01', '2020-01-01 00:00:00', '0f8fad5b-d9cb-469f-a165-70867728950e', 1.1, 'a'),
            (2, ' 2020-02-09', '2020-01-01T00:00:00', '{0F8FAD5B-D9CB-469F-A165-70867728950E}', 1e22, 'b'),
            (3, '2020-02-09T00:00:00', '2020-01-01', '0F8FAD5B-D9CB-469F-A165-70867728950E', 1.5e-10, 'c');";
    let source = from.database("source");
    run(from, "source", LEDGER).expect("a ledger");
    let path = from.archive("ledger");
    dump(&source, &path, &DumpOptions::default(), &Silent).expect("a dump");
    let archive = Archive::open(&path).expect("an archive");
    let (by_archive, direct) = (to.database("by_archive"), to.database("direct"));
    // Engines whose decimals have an end take the amounts as texts.
    let mut options = copy_options();
    options.restore.accept_lossy = AcceptLossy::ALL;
    for (report, target) in [
        (restore(&archive, &by_archive, &options.restore, &Silent), &by_archive),
        (copy::copy(&source, &direct, &options, &Silent), &direct),
    ] {
        let report = report.expect("a ledger there");
        expect_proven(&report);
        for column in ["day", "at", "token"] {
            let of_column = |note: &&String| note.contains(&format!("column {column} becomes"));
            let note = report.notes.iter().find(of_column).unwrap_or_else(|| panic!("{column}: {:?}", report.notes));
            assert!(note.contains("all 3 values fit, 2 of them spelled otherwise"), "{note}");
        }
        for sides in [[&source, target], [target, &source]] {
            let found = compared(sides[0], sides[1]);
            let lines: Vec<_> = found.differences().chain(found.not_compared()).collect();
            assert!(lines.is_empty(), "{lines:#?}");
        }
    }
}

fn restore_options() -> RestoreOptions {
    RestoreOptions { resources: Resources { jobs: 2, memory: 128 << 20 }, ..RestoreOptions::default() }
}

fn copy_options() -> CopyOptions {
    CopyOptions { restore: restore_options(), ..CopyOptions::default() }
}

fn compared(left: &Endpoint<'_>, right: &Endpoint<'_>) -> VerifyReport {
    let options = VerifyOptions { differences: 10_000, ..VerifyOptions::default() };
    verify_databases(left, right, &options, &Silent).expect("both can be read")
}

/// Both hold the same rows, and every column was compared.
fn expect_equal(left: &Endpoint<'_>, right: &Endpoint<'_>) {
    let report = compared(left, right);
    let lines: Vec<_> = report.differences().chain(report.not_compared()).collect();
    assert!(lines.is_empty() && report.collections.len() >= 5, "{lines:#?}");
}

/// The engine goes on numbering where the source stopped, and holds to its keys.
fn expect_alive(scratch: &Scratch, database: &str, report: &RestoreReport) {
    let endpoint = scratch.database(database);
    let table = |name: &str| {
        let is_it = |line: &&CollectionName| line.name == name;
        let found = report.units.iter().flat_map(|unit| &unit.collections).map(|line| &line.collection).find(is_it);
        endpoint.dialect.syntax().qualified(found.expect("the table was restored"))
    };
    let [artist, album, employee, playlist, shelf] =
        ["artist", "album", "employee", "playlist", "empty_shelf"].map(table);
    let refused = |sql: &str| assert!(run(scratch, database, sql).is_err(), "not refused: {sql}");
    refused(&format!("INSERT INTO {artist} (name) VALUES ('Motörhead')"));
    refused(&format!("INSERT INTO {album} (title, artist_id) VALUES ('x', 99)"));
    refused(&format!("INSERT INTO {employee} (name, reports_to) VALUES ('x', 99)"));
    refused(&format!("INSERT INTO {playlist} (name, place) VALUES ('drive', 1)"));
    run(scratch, database, &format!("INSERT INTO {artist} (name) VALUES ('new')")).expect("a new artist");
    let id = ask(scratch, database, &format!("SELECT artist_id FROM {artist} WHERE name = 'new'"));
    // PostgreSQL and MySQL use up a number for each row that they refuse.
    assert!(["7", "8"].contains(&id.as_str()), "the number 6 was handed out before, and the next one is {id}");
    run(scratch, database, &format!("INSERT INTO {shelf} (name) VALUES ('top')")).expect("a first shelf");
    assert_eq!(ask(scratch, database, &format!("SELECT shelf_id FROM {shelf}")), "1");
    run(scratch, database, &format!("INSERT INTO {album} (title, artist_id) VALUES ('defaults', {id})"))
        .expect("an album");
    let defaults = ask(
        scratch,
        database,
        &format!("SELECT count(*) FROM {album} WHERE title = 'defaults' AND price > 0.98 AND NOT live"),
    );
    assert_eq!(defaults, "1", "the defaults");
    run(scratch, database, &format!("DELETE FROM {artist} WHERE name = 'new'")).expect("an artist less");
    assert_eq!(ask(scratch, database, &format!("SELECT count(*) FROM {album} WHERE title = 'defaults'")), "0");
}

fn spelled(script: &str, scratch: &Scratch) -> String {
    let words: [&str; 7] = match scratch.engine() {
        "postgres" => [
            "integer GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY",
            "boolean",
            "bytea",
            "timestamp(0)",
            "text",
            "'\\x00ff27'",
            "''",
        ],
        "mysql" => ["integer AUTO_INCREMENT PRIMARY KEY", "boolean", "blob", "datetime", "text", "x'00ff27'", "''"],
        _ => ["INTEGER PRIMARY KEY AUTOINCREMENT", "BOOLEAN", "BLOB", "DATETIME", "TEXT", "x'00ff27'", "x''"],
    };
    let names = ["{numbered}", "{truth}", "{bytes}", "{moment}", "{text}", "{00ff27}", "{}"];
    names.iter().zip(words).fold(script.to_owned(), |text, (name, word)| text.replace(name, word))
}

/// What the engine has types for, with the least and the greatest values.
fn own_types(scratch: &Scratch) -> String {
    match scratch.engine() {
        #[cfg(feature = "postgres")]
        "postgres" => crate::postgres::TYPES.to_owned(),
        #[cfg(feature = "mysql")]
        "mysql" => {
            let (server, _) = scratch.on_server("source");
            crate::mysql::types(server)
        }
        _ => crate::sqlite::NASTY.to_owned(),
    }
}

/// Runs SQL through the engine's own program or library, with foreign keys checked.
fn run(scratch: &Scratch, database: &str, sql: &str) -> Result<(), String> {
    if scratch.engine() == "sqlite" {
        let connection = Connection::open(scratch.file(database)).map_err(|error| error.to_string())?;
        // A script of oddities turns it off by itself.
        connection.pragma_update(None, "foreign_keys", true).map_err(|error| error.to_string())?;
        return connection.execute_batch(sql).map_err(|error| error.to_string());
    }
    let (server, name) = scratch.on_server(database);
    server.sql(&name, sql).map(drop).map_err(|error| error.to_string())
}

/// The one value that a query returns.
fn ask(scratch: &Scratch, database: &str, sql: &str) -> String {
    if scratch.engine() == "sqlite" {
        let connection = Connection::open(scratch.file(database)).expect("a database");
        let value: i64 = connection.query_row(sql, [], |row| row.get(0)).expect("a value");
        return value.to_string();
    }
    let (server, name) = scratch.on_server(database);
    server.sql(&name, sql).expect("a value").trim().to_owned()
}
