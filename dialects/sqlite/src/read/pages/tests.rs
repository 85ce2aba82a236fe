//! Pages and statements give the same rows, whatever is in the file; and a damaged file gives an error, nothing worse.

use super::super::{read_by_statement, read_pages};
use crate::connect::immutable_uri;
use crate::testing::TestDatabase;
use dbferry_dialect::{Batch, Chunk, ChunkRange, Collection, NativeValue, ReadRequest, Result};
use rusqlite::{Connection, OpenFlags};
use std::fmt::Write as _;
use std::process::Command;

/// Xorshift: the same numbers in each run.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % below
    }

    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.next(of.len() as u64) as usize]
    }

    /// Lengths around those at which a value leaves its page.
    fn length(&mut self, page: u64) -> u64 {
        match self.next(12) {
            0 => self.next(3 * page),
            1 => page - self.next(60),
            2 => page / 8 + self.next(40),
            _ => self.next(30),
        }
    }

    fn value(&mut self, page: u64) -> String {
        match self.next(10) {
            0 => "NULL".into(),
            1..=3 => {
                let power = self.one(&[0, 1, 7, 8, 15, 16, 23, 24, 31, 32, 47, 48, 62]);
                let value = (1_i64 << power) - 1 + self.next(3) as i64;
                if self.next(2) == 0 { value.to_string() } else { format!("-{value}") }
            }
            4 => self.one(&["1.5", "1.0", "-0.0", "1e300", "9e999", "-9e999", "4611686018427387904.0", "0.1"]).into(),
            5 => self.one(&["-9223372036854775808", "9223372036854775807"]).into(),
            6 => format!("CAST(x'61ff{:02x}' AS TEXT)", self.next(256)),
            7 => format!("randomblob({})", self.length(page)),
            8 => self.one(&["'2024-02-29'", "'12.50'", "''", "x''", "'a' || char(0) || 'b'", "'1'"]).into(),
            _ => format!("substr(hex(zeroblob({0})), 1, {0})", self.length(page).max(1)),
        }
    }

    fn rows(&mut self, columns: usize, with_key: bool, page: u64) -> String {
        let mut sql = String::new();
        for _ in 0..self.next(150) {
            let key = match self.next(8) {
                0 => self.one(&["-9223372036854775808", "9223372036854775807", "-1", "0"]).into(),
                1 => format!("{}", self.next(1 << 62)),
                2 => format!("-{}", self.next(1 << 20)),
                _ => format!("{}", self.next(1000)),
            };
            let values: Vec<String> = (0..columns).map(|_| self.value(page)).collect();
            let key = if with_key { vec![key] } else { Vec::new() };
            let all = key.into_iter().chain(values).collect::<Vec<_>>().join(", ");
            let _ = writeln!(sql, "INSERT OR IGNORE INTO t VALUES ({all});");
        }
        sql
    }
}

const TYPES: [&str; 17] = [
    "",
    "INTEGER",
    "INT",
    "REAL",
    "DOUBLE PRECISION",
    "FLOAT",
    "TEXT",
    "BLOB",
    "NUMERIC",
    "DECIMAL(10,2)",
    "BOOLEAN",
    "DATE",
    "FLOATING POINT",
    "REALBLOB",
    "BLOBREAL",
    "CHARREAL",
    "DATETIME",
];

/// A table `t` with anything in it, and the SQL that made it.
fn anything(numbers: &mut Numbers) -> String {
    let page = numbers.one(&[512, 1024, 4096, 65536]);
    let with_key = numbers.next(2) == 0;
    let columns = 1 + numbers.next(9) as usize;
    let mut list = if with_key { vec!["id INTEGER PRIMARY KEY".to_owned()] } else { Vec::new() };
    for column in 0..columns {
        let name = if column == 0 && numbers.next(5) == 0 { "rowid".into() } else { format!("c{column}") };
        list.push(format!("\"{name}\" {}", numbers.one(&TYPES)));
    }
    let vacuum = numbers.one(&["NONE", "FULL"]);
    let mut sql =
        format!("PRAGMA page_size = {page}; PRAGMA auto_vacuum = {vacuum}; CREATE TABLE t({});\n", list.join(", "));
    sql += &numbers.rows(columns, with_key, page);
    if numbers.next(2) == 0 {
        sql += "DELETE FROM t WHERE random() % 3 = 0;";
        // Where there is no such column, nothing happens.
        let _ = writeln!(sql, "UPDATE t SET c1 = {} WHERE random() % 4 = 0;", numbers.value(page));
    }
    for added in 0..numbers.next(3) as usize {
        let default = numbers.one(&[
            "",
            "DEFAULT 7",
            "DEFAULT 'x'",
            "DEFAULT 1.5",
            "DEFAULT '3'",
            "DEFAULT x'00'",
            "DEFAULT (NULL)",
        ]);
        let _ = writeln!(sql, "ALTER TABLE t ADD COLUMN a{added} {} {default};", numbers.one(&TYPES));
        sql += &numbers.rows(columns + added + 1, with_key, page);
    }
    sql
}

fn batches(
    read: impl FnOnce(&ReadRequest<'_>, &mut dyn dbferry_dialect::Sink) -> Result<Option<u64>>,
    collection: &Collection,
    chunk: &Chunk,
    batch_bytes: usize,
) -> Option<Vec<Batch>> {
    let mut batches = Vec::new();
    let request = ReadRequest { collection, chunk, batch_bytes, predicate: None };
    let rows = read(&request, &mut |batch: Batch| {
        batches.push(batch);
        Ok(())
    })
    .expect("rows")?;
    assert_eq!(rows, batches.iter().map(|batch| batch.records.num_rows() as u64).sum::<u64>());
    Some(batches)
}

/// Reads both ways and compares; returns the rows.
fn compared(connection: &Connection, collection: &Collection, chunk: &Chunk, batch_bytes: usize, told: &str) -> usize {
    let pages =
        batches(|request, sink| read_pages(connection, &mut None, request, sink), collection, chunk, batch_bytes)
            .unwrap_or_else(|| panic!("not read by its pages: {told}"));
    let by_statement = |request: &ReadRequest<'_>, sink: &mut dyn dbferry_dialect::Sink| {
        read_by_statement(connection, request, sink).map(Some)
    };
    let statement = batches(by_statement, collection, chunk, batch_bytes).expect("rows");
    assert_eq!(pages.len(), statement.len(), "{told}");
    for (pages, statement) in pages.iter().zip(&statement) {
        assert_eq!(pages.records, statement.records, "{told}");
        assert_eq!(pages.exceptions, statement.exceptions, "{told}");
    }
    pages.iter().map(|batch| batch.records.num_rows()).sum()
}

fn reader(database: &TestDatabase) -> Connection {
    let connection = Connection::open(database.path()).expect("a connection");
    connection.execute_batch("BEGIN; SELECT count(*) FROM sqlite_schema").expect("a transaction");
    connection
}

fn chunk(from: Option<i64>, to: Option<i64>) -> Chunk {
    let bound = |bound: i64| vec![NativeValue::Integer(bound)];
    Chunk { range: ChunkRange::Keys { from: from.map(bound), to: to.map(bound) }, estimated_bytes: 0 }
}

#[test]
fn pages_and_statements_give_the_same() {
    let mut rows = 0;
    for seed in 1..=150 {
        let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seed));
        let sql = anything(&mut numbers);
        let told = format!("seed {seed}");
        let database = TestDatabase::new("");
        let writer = database.writer();
        writer.execute_batch("PRAGMA synchronous = OFF").expect("a pragma");
        if numbers.next(3) == 0 {
            writer.execute_batch("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0").expect("a log");
        }
        for statement in sql.split_inclusive(";\n") {
            // Some names are not there, and some values do not fit a `NOT NULL`: then the others do.
            let _ = writer.execute_batch(statement);
        }
        let whole = database.collection("t");
        let connection = reader(&database);
        rows += compared(&connection, &whole, &crate::testing::whole(), 1 << 20, &told);
        let mut some = whole.clone();
        some.columns.reverse();
        some.columns.truncate(1 + numbers.next(some.columns.len() as u64) as usize);
        compared(&connection, &some, &crate::testing::whole(), 1 << 12, &told);
        for _ in 0..4 {
            let mut bound = || (numbers.next(3) > 0).then(|| numbers.next(1200) as i64 - 100);
            let (from, to) = (bound(), bound());
            compared(&connection, &some, &chunk(from, to), 1 << 14, &told);
        }
        compared(&connection, &whole, &chunk(Some(i64::MAX), None), 1 << 14, &told);
        compared(&connection, &whole, &chunk(None, Some(i64::MIN)), 1 << 14, &told);
    }
    assert!(rows > 5_000, "{rows}");
}

#[test]
fn pages_with_room_for_others_too() {
    let database = TestDatabase::new("");
    let sql = "CREATE TABLE t(a, b REAL); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500) \
               INSERT INTO t SELECT randomblob(i * 17), i FROM n;";
    let shell =
        Command::new("sqlite3").arg(database.path()).args([".filectrl reserve_bytes 40", "VACUUM", sql]).output();
    assert!(shell.expect("the sqlite3 shell").status.success());
    let reserved = std::fs::read(database.path()).expect("the file")[20];
    assert_eq!(reserved, 40);
    assert_eq!(compared(&reader(&database), &database.collection("t"), &crate::testing::whole(), 1 << 16, ""), 500);
}

#[test]
fn what_pages_do_not_tell_is_read_by_a_statement() {
    for create in [
        "CREATE TABLE t(a PRIMARY KEY, b) WITHOUT ROWID",
        "CREATE TABLE t(a, b AS (a + 1))",
        "CREATE TABLE t(a, b AS (a + 1) STORED)",
        "CREATE TABLE t(rowid, _rowid_, oid)",
        "PRAGMA encoding = 'UTF-16le'; CREATE TABLE t(a)",
        "CREATE VIRTUAL TABLE t USING fts5(a)",
    ] {
        let database = TestDatabase::new(create);
        let (connection, collection) = (reader(&database), database.collection("t"));
        let read = |request: &ReadRequest<'_>, sink: &mut dyn dbferry_dialect::Sink| {
            read_pages(&connection, &mut None, request, sink)
        };
        assert!(batches(read, &collection, &crate::testing::whole(), 1 << 16).is_none(), "{create}");
    }
    // Nor is anything outside of a transaction.
    let database = TestDatabase::new("CREATE TABLE t(a); INSERT INTO t VALUES (1)");
    let (connection, collection) = (database.writer(), database.collection("t"));
    let read = |request: &ReadRequest<'_>, sink: &mut dyn dbferry_dialect::Sink| {
        read_pages(&connection, &mut None, request, sink)
    };
    assert!(batches(read, &collection, &crate::testing::whole(), 1 << 16).is_none());
}

#[test]
fn a_damaged_file_is_an_error_at_worst() {
    let mut numbers = Numbers(7);
    let create = "PRAGMA page_size = 512; CREATE TABLE t(a, b, c); \
                  WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400) \
                  INSERT INTO t SELECT i, randomblob(i % 97), CASE WHEN i % 50 = 0 THEN zeroblob(3000) END FROM n;";
    let database = TestDatabase::new(create);
    let (collection, sound) = (database.collection("t"), std::fs::read(database.path()).expect("the file"));
    let mut errors = 0;
    for _ in 0..400 {
        let mut bytes = sound.clone();
        for _ in 0..1 + numbers.next(4) {
            // The first pages of the file hold the schema, which is SQLite's affair.
            let page = 512 * (1 + numbers.next(bytes.len() as u64 / 512 - 1)) as usize;
            let at = page + if numbers.next(2) == 0 { numbers.next(40) } else { numbers.next(512) } as usize;
            bytes[at] = numbers.one(&[0, 1, 2, 5, 13, 127, 128, 255, numbers.0 as u8]);
        }
        let damaged = TestDatabase::new("");
        std::fs::write(damaged.path(), &bytes).expect("a file");
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
        let connection = Connection::open_with_flags(immutable_uri(damaged.path()), flags).expect("a connection");
        connection.execute_batch("BEGIN; SELECT count(*) FROM sqlite_schema").expect("a transaction");
        let request = ReadRequest {
            collection: &collection,
            chunk: &crate::testing::whole(),
            batch_bytes: 1 << 16,
            predicate: None,
        };
        let (mut pages, mut statement) = (Vec::new(), Vec::new());
        let by_pages = read_pages(&connection, &mut None, &request, &mut |batch: Batch| {
            pages.push(batch.records);
            Ok(())
        });
        let by_statement = read_by_statement(&connection, &request, &mut |batch: Batch| {
            statement.push(batch.records);
            Ok(())
        });
        match by_pages {
            Ok(_) => {
                assert!(by_statement.is_ok(), "SQLite says more: {by_statement:?}");
                assert_eq!(pages, statement);
            }
            Err(error) => {
                assert!(format!("{error:?}").contains("malformed"), "{error:?}");
                errors += 1;
            }
        }
    }
    assert!(errors > 50, "{errors}");
}

#[test]
fn pages_that_lead_nowhere_end_it() {
    // Twelve levels of pages, each of which names the next one a hundred times; the last has no rows, or one.
    for rows in [0, 1] {
        let database = TestDatabase::new("PRAGMA page_size = 1024; CREATE TABLE t(a); INSERT INTO t VALUES (1)");
        let collection = database.collection("t");
        let mut bytes = std::fs::read(database.path()).expect("the file");
        let leaf = bytes[1024..2048].to_vec();
        for level in 0..12_u32 {
            let mut page = vec![0; 1024];
            page[0] = 5;
            page[3..5].copy_from_slice(&100_u16.to_be_bytes());
            page[8..12].copy_from_slice(&(level + 3).to_be_bytes());
            for cell in 0..100_usize {
                let at = 1024 - 6 * (cell + 1);
                page[12 + 2 * cell..14 + 2 * cell].copy_from_slice(&(at as u16).to_be_bytes());
                page[at..at + 4].copy_from_slice(&(level + 3).to_be_bytes());
                page[at + 4] = 1;
            }
            bytes.splice(1024 * (level as usize + 1).., page);
        }
        bytes.extend(if rows == 0 { [&leaf[..3], &[0; 2], &leaf[5..]].concat() } else { leaf });
        let pages = (bytes.len() / 1024) as u32;
        bytes[28..32].copy_from_slice(&pages.to_be_bytes());
        std::fs::write(database.path(), &bytes).expect("a file");
        for chunk in [crate::testing::whole(), chunk(Some(2), None)] {
            let connection = reader(&database);
            let request = ReadRequest { collection: &collection, chunk: &chunk, batch_bytes: 1 << 16, predicate: None };
            let read = read_pages(&connection, &mut None, &request, &mut |_: Batch| Ok(()));
            let error = match read {
                // All of its pages are before the range.
                Ok(Some(0)) if rows == 1 && chunk != crate::testing::whole() => continue,
                read => read.expect_err("a damaged file"),
            };
            assert!(format!("{error:?}").contains("malformed"), "{error:?}");
        }
    }
}

#[test]
fn a_default_that_is_not_utf_8_stays_as_it_is() {
    let database = TestDatabase::new("CREATE TABLE t(a); INSERT INTO t VALUES (1), (2)");
    let sql = b"ALTER TABLE t ADD COLUMN b TEXT DEFAULT 'caf\xe9'; INSERT INTO t(a) VALUES (3);";
    let script = database.path().with_extension("sql");
    std::fs::write(&script, sql).expect("a script");
    let shell = Command::new("sqlite3").arg(database.path()).arg(format!(".read '{}'", script.display())).status();
    assert!(shell.expect("the sqlite3 shell").success());
    let batch = database.rows("t");
    let values: Vec<&NativeValue> = batch.exceptions.iter().map(|exception| &exception.value).collect();
    assert_eq!(values, [&NativeValue::TextBytes(b"caf\xe9".to_vec()); 3]);
}
