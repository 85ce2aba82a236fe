use super::*;
use crate::connect::Mode;
use crate::introspect::{Sampling, introspect};
use crate::testing::{TestDatabase, cells, collection, read as read_chunk, whole};
use dbferry_dialect::{Chunk, Column, LogicalType};

/// The columns are those of the empty table, so that no value can talk them into another type.
fn after(create: &str, insert: &str) -> Batch {
    let database = TestDatabase::new(create);
    let columns = database.collection("t");
    database.writer().execute_batch(insert).expect("rows");
    let mut snapshot = database.snapshot(1);
    let mut reader = snapshot.readers().remove(0);
    read_chunk(reader.as_mut(), &columns, &whole(), usize::MAX).expect("rows").remove(0)
}

fn column(declared: &str, values: &[&str]) -> Vec<String> {
    let batch = after(
        &format!("CREATE TABLE t(id INTEGER PRIMARY KEY, c {declared})"),
        &values.iter().map(|value| format!("INSERT INTO t(c) VALUES ({value});")).collect::<String>(),
    );
    cells(&batch, 1)
}

#[test]
fn any_class_in_a_typed_column_is_kept() {
    assert_eq!(
        column("INTEGER", &["1", "NULL", "9223372036854775807", "'abc'", "1.5", "x'00ff'", "CAST(x'ff41' AS TEXT)"]),
        [
            "1",
            "NULL",
            "9223372036854775807",
            "storage-class: text Text(\"abc\")",
            "storage-class: real Real(1.5)",
            "storage-class: bytes Bytes([0, 255])",
            "storage-class: text-bytes TextBytes([255, 65])",
        ]
    );
    assert_eq!(
        column("REAL", &["1", "9007199254740993", "9e999", "-9e999", "-0.0", "'x'"]),
        ["1.0", "9007199254740992.0", "inf", "-inf", "0.0", "storage-class: text Text(\"x\")"]
    );
    assert_eq!(
        column("TEXT", &["'a' || char(0) || 'b'", "7", "x'61'", "CAST(x'61ff' AS TEXT)", "''", "'🚢'"]),
        [
            "\"a\\0b\"",
            "\"7\"",
            "storage-class: bytes Bytes([97])",
            "invalid-utf8: text-bytes TextBytes([97, 255])",
            "\"\"",
            "\"🚢\"",
        ]
    );
    assert_eq!(
        column("BLOB", &["x''", "x'0001'", "'a'", "1"]),
        ["[]", "[0, 1]", "storage-class: text Text(\"a\")", "storage-class: integer Integer(1)"]
    );
    assert_eq!(
        column("BOOLEAN", &["0", "1", "2", "'true'"]),
        ["false", "true", "out-of-range: integer Integer(2)", "storage-class: text Text(\"true\")"]
    );
}

#[test]
fn an_untyped_column_takes_everything() {
    assert_eq!(
        column("", &["1", "-0.0", "'0042'", "x'00'", "NULL", "CAST(x'ff' AS TEXT)", "42.0"]),
        [
            "integer 1",
            "real -0.0",
            "text \"0042\"",
            "bytes [0]",
            "NULL",
            "invalid-utf8: text-bytes TextBytes([255])",
            "real 42.0",
        ]
    );
}

#[test]
fn numbers_come_back_or_are_exceptions() {
    assert_eq!(
        column("DECIMAL(5,2)", &["17", "0.02", "-999.99", "1000", "0.001", "0.1 + 0.2", "9e999", "'n/a'", "5.0"]),
        [
            "17.00",
            "0.02",
            "-999.99",
            "out-of-range: integer Integer(1000)",
            "precision: real Real(0.001)",
            "precision: real Real(0.30000000000000004)",
            "infinity: real Real(inf)",
            "storage-class: text Text(\"n/a\")",
            "5.00",
        ]
    );
    assert_eq!(
        column("NUMERIC", &["17", "0.1 + 0.2", "1e300", "9223372036854775807", "9223372036854775808", "'0042'"]),
        [
            "\"17\"",
            "\"0.30000000000000004\"",
            "\"1e300\"",
            "\"9223372036854775807\"",
            "\"9.223372036854776e18\"",
            "\"42\""
        ]
    );
}

/// An untyped column may hold what a numeric one cannot; it is read here as if it were one.
#[test]
fn a_real_that_would_become_an_integer_is_an_exception() {
    let database = TestDatabase::new("CREATE TABLE t(c); INSERT INTO t VALUES (5.0), (-0.0), (5.5)");
    let mut table = database.collection("t");
    for (logical, last) in [(LogicalType::Numeric, "\"5.5\""), (LogicalType::Decimal { precision: 3, scale: 1 }, "5.5")]
    {
        table.columns[1].logical = logical;
        table.columns[1].native = crate::types::native("NUMERIC", Some("number".into()));
        let mut reader = database.snapshot(1).readers().remove(0);
        let batch = read_chunk(reader.as_mut(), &table, &whole(), usize::MAX).expect("rows").remove(0);
        assert_eq!(cells(&batch, 1), ["storage-class: real Real(5.0)", "storage-class: real Real(-0.0)", last]);
    }
}

#[test]
fn spellings_come_back_or_are_exceptions() {
    assert_eq!(
        column("DATE", &["'1970-01-02'", "'2024-02-30'", "'2024-2-3'", "20240101", "'0000-01-01'"]),
        [
            "1",
            "precision: text Text(\"2024-02-30\")",
            "precision: text Text(\"2024-2-3\")",
            "storage-class: integer Integer(20240101)",
            "-719528",
        ]
    );
    assert_eq!(
        column("DATETIME", &["'1970-01-01 00:00:01'", "'1970-01-01T00:00:01'", "'1970-01-01 00:00:01.5'", "1.5"]),
        [
            "1000000",
            "precision: text Text(\"1970-01-01T00:00:01\")",
            "precision: text Text(\"1970-01-01 00:00:01.5\")",
            "storage-class: real Real(1.5)",
        ]
    );
    let uuid =
        column("UUID", &["'00000000-0000-0000-0000-0000000000ff'", "'00000000-0000-0000-0000-0000000000FF'", "x'00'"]);
    assert!(uuid[0].ends_with("255]"), "{uuid:?}");
    assert_eq!(uuid[1], "precision: text Text(\"00000000-0000-0000-0000-0000000000FF\")");
    assert_eq!(uuid[2], "storage-class: bytes Bytes([0])");
}

/// A lone surrogate and half a character: SQLite's own conversion to UTF-8 would change both.
#[test]
fn texts_of_a_utf16_database_are_exact() {
    for (encoding, lone, pair) in [("UTF-16le", "00d84100", "3dd8a2de"), ("UTF-16be", "d8000041", "d83ddea2")] {
        let batch = after(
            &format!("PRAGMA encoding = '{encoding}'; CREATE TABLE t(id INTEGER PRIMARY KEY, c TEXT, d)"),
            &format!(
                "INSERT INTO t(c, d) VALUES ('é🚢', 'é🚢'), (CAST(x'{lone}' AS TEXT), CAST(x'{lone}' AS TEXT)),
                 (CAST(x'{pair}' AS TEXT), x'0102'), ('', ''), (NULL, NULL), ('a' || char(0) || 'b', 1.5)"
            ),
        );
        let bad = (0..8).step_by(2).map(|at| u8::from_str_radix(&lone[at..at + 2], 16).expect("hex"));
        let bad = format!("invalid-utf8: text-bytes TextBytes({:?})", bad.collect::<Vec<_>>());
        assert_eq!(cells(&batch, 1), ["\"é🚢\"", &bad, "\"🚢\"", "\"\"", "NULL", "\"a\\0b\""]);
        assert_eq!(cells(&batch, 2), ["text \"é🚢\"", &bad, "bytes [1, 2]", "text \"\"", "NULL", "real 1.5"]);
    }
}

#[test]
fn rows_come_in_key_order_with_their_rowids() {
    let database = TestDatabase::new(
        "CREATE TABLE t(a TEXT); CREATE INDEX i ON t(a);
         INSERT INTO t(rowid, a) VALUES (-5, 'z'), (30, 'a'), (20, 'b'), (9223372036854775807, 'c');
         CREATE TABLE w(a TEXT COLLATE NOCASE, b INT, PRIMARY KEY(a DESC, b)) WITHOUT ROWID;
         INSERT INTO w VALUES ('a', 2), ('B', 1), ('A', 1);
         CREATE TABLE taken(rowid, _rowid_, oid); INSERT INTO taken VALUES (3, 2, 1), (1, 1, 1);
         CREATE TABLE k(a INT PRIMARY KEY); INSERT INTO k VALUES (NULL), (NULL), (7);
         CREATE TABLE g(a INT, v INT AS (a * 2), s INT AS (a + 1) STORED); INSERT INTO g VALUES (4);
         CREATE TABLE \"odd \"\" . name\" (\"select\" INT); INSERT INTO \"odd \"\" . name\" VALUES (8);",
    );
    let rows = database.rows("t");
    assert_eq!(cells(&rows, 0), ["-5", "20", "30", "9223372036854775807"]);
    assert_eq!(cells(&rows, 1), ["\"z\"", "\"b\"", "\"a\"", "\"c\""]);
    assert_eq!(cells(&database.rows("w"), 0), ["\"B\"", "\"A\"", "\"a\""]);
    assert_eq!(cells(&database.rows("taken"), 0), ["integer 3", "integer 1"]);
    assert_eq!(cells(&database.rows("k"), 1), ["NULL", "NULL", "7"]);
    let generated = database.rows("g");
    assert_eq!([cells(&generated, 2), cells(&generated, 3)], [["8"], ["5"]]);
    assert_eq!(cells(&database.rows("odd \" . name"), 1), ["8"]);
}

/// Without a name for the rowid no order can be asked for, and an index must not give its own.
#[test]
fn an_index_never_gives_the_order() {
    let database = TestDatabase::new(
        "CREATE TABLE t(rowid, _rowid_, oid, filler TEXT); CREATE INDEX i ON t(oid);
         INSERT INTO t VALUES (1, 1, 3, 'a long text that no index holds'), (2, 2, 1, 'another one of the kind');",
    );
    let mut table = database.collection("t");
    table.columns.retain(|column| column.name == "oid");
    let mut reader = database.snapshot(1).readers().remove(0);
    let batch = read_chunk(reader.as_mut(), &table, &whole(), 1 << 20).expect("rows").remove(0);
    assert_eq!(cells(&batch, 0), ["integer 3", "integer 1"]);
}

#[test]
fn batches_are_bounded_and_exceptions_count_from_their_start() {
    let database = TestDatabase::new(
        "CREATE TABLE t(id INTEGER PRIMARY KEY, a INT);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100)
         INSERT INTO t SELECT i, iif(i % 10 = 0, 'x', i) FROM n",
    );
    let mut snapshot = database.snapshot(1);
    let table = collection(&snapshot.schema().expect("a schema"), "t");
    let mut reader = snapshot.readers().remove(0);
    let batches = read_chunk(reader.as_mut(), &table, &whole(), 100).expect("rows");
    assert!(batches.len() > 5);
    let mut seen = 0;
    for batch in &batches {
        for exception in &batch.exceptions {
            assert_eq!((seen + exception.row + 1) % 10, 0);
            assert_eq!(exception.column, 1);
        }
        seen += batch.records.num_rows() as u64;
    }
    assert_eq!(batches.iter().map(|batch| batch.exceptions.len()).sum::<usize>(), 10);
    assert_eq!(read_chunk(reader.as_mut(), &table, &whole(), 0).expect("rows").len(), 100);
}

#[test]
fn conditions_and_ranges_combine() {
    let database = TestDatabase::new(
        "CREATE TABLE t(id INTEGER PRIMARY KEY, a INT); INSERT INTO t VALUES (1, 1), (2, 0), (3, 1), (4, 1), (5, 1)",
    );
    let mut snapshot = database.snapshot(1);
    let table = collection(&snapshot.schema().expect("a schema"), "t");
    let mut reader = snapshot.readers().remove(0);
    let key = |value| Some(vec![NativeValue::Integer(value)]);
    let chunk = Chunk { range: ChunkRange::Keys { from: key(2), to: key(5) }, estimated_bytes: 0 };
    let request =
        ReadRequest { collection: &table, chunk: &chunk, batch_bytes: 1 << 20, predicate: Some("a = 1 OR 0 -- x") };
    let mut ids = Vec::new();
    reader
        .read(&request, &mut |batch: Batch| {
            ids.extend(cells(&batch, 0));
            Ok(())
        })
        .expect("rows");
    assert_eq!(ids, ["3", "4"]);
}

#[test]
fn a_column_that_is_not_there_is_an_error() {
    let database = TestDatabase::new("CREATE TABLE t(a INT); INSERT INTO t VALUES (1)");
    let mut table = database.collection("t");
    table.columns.push(Column::new("b", LogicalType::TEXT, "TEXT"));
    let mut reader = database.snapshot(1).readers().remove(0);
    let error = read_chunk(reader.as_mut(), &table, &whole(), 100).expect_err("an error");
    assert_eq!(error.kind(), ErrorKind::Database);
    assert!(error.to_string().contains("no such column"), "{error}");
    assert!(error.to_string().contains("main.t"), "{error}");
}

#[test]
fn a_sink_that_fails_ends_the_read() {
    let database = TestDatabase::new("CREATE TABLE t(a INT); INSERT INTO t VALUES (1), (2)");
    let table = database.collection("t");
    let mut reader = database.snapshot(1).readers().remove(0);
    let chunk = whole();
    let request = ReadRequest { collection: &table, chunk: &chunk, batch_bytes: 0, predicate: None };
    let error = reader.read(&request, &mut |_| Err(Error::new(ErrorKind::Io, "full"))).expect_err("an error");
    assert_eq!(error.kind(), ErrorKind::Io);
}

#[test]
fn a_shared_connection_shows_what_is_not_committed() {
    let connection = Connection::open_in_memory().expect("SQLite");
    connection.execute_batch("CREATE TABLE t(a INT); BEGIN; INSERT INTO t VALUES (1)").expect("a table");
    let table = collection(&introspect(&connection, Mode::ReadWrite, Sampling::None).expect("a schema"), "t");
    let connection = Arc::new(Mutex::new(connection));
    let mut reader = SqliteReader::shared(Arc::clone(&connection));
    assert_eq!(read_chunk(&mut reader, &table, &whole(), 100).expect("rows")[0].records.num_rows(), 1);
}
