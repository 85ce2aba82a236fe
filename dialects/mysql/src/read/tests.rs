use super::{Charsets, MySqlReader};
use crate::connect::Target;
use crate::flavour::ServerVersion;
use crate::introspect::introspect;
use crate::testing::Server;
use arrow::array::{ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, TimeUnit};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use dbferry_dialect::{
    Batch, Chunk, ChunkRange, Collection, CollectionName, Column, DatabaseUrl, ErrorKind, LogicalType, NativeValue,
    OpenOptions, ReadRequest, Reader, Result,
};
use std::sync::Arc;

fn target(server: &Server, database: &str) -> Target {
    let url = DatabaseUrl::parse(&server.url(database)).expect("a URL");
    Target::resolve(&url, &OpenOptions::default()).expect("a target")
}

fn reader(server: &Server, database: &str) -> MySqlReader {
    let mut wire = target(server, database).connect_wire().expect("a session");
    let charsets = Charsets::load(&mut wire).expect("character sets");
    MySqlReader::new(wire, Arc::new(charsets))
}

/// The table as the catalogue describes it.
fn collection(server: &Server, database: &str, name: &str) -> Collection {
    let mut session = target(server, database).connect().expect("a session");
    let rows = session.query("", "SELECT VERSION()").expect("a version");
    let version = ServerVersion::parse(&rows[0].get::<String, _>(0).expect("a version"));
    let schema = introspect(&mut session, version).expect("a schema");
    schema.collection(&CollectionName::new(crate::NAMESPACE, name)).expect("a table").clone()
}

fn read_batches(reader: &mut MySqlReader, collection: &Collection, batch_bytes: usize) -> Result<Vec<Batch>> {
    let chunk = Chunk { range: ChunkRange::Whole, estimated_bytes: 0 };
    let request = ReadRequest { collection, chunk: &chunk, batch_bytes, predicate: None };
    let mut batches = Vec::new();
    let count = reader.read(&request, &mut |batch: Batch| {
        batches.push(batch);
        Ok(())
    })?;
    assert_eq!(count, batches.iter().map(|batch| batch.records.num_rows() as u64).sum::<u64>());
    Ok(batches)
}

/// Every cell in Arrow's own words; an exception as its value behind its reason.
fn cells(batch: &Batch) -> Vec<Vec<String>> {
    let options = FormatOptions::default().with_null("NULL");
    // The formatter knows no zones.
    let zoned = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let local = |array: &ArrayRef| match array.data_type() {
        other if *other == zoned => cast(array, &DataType::Timestamp(TimeUnit::Microsecond, None)).expect("a cast"),
        _ => Arc::clone(array),
    };
    let columns: Vec<ArrayRef> = batch.records.columns().iter().map(local).collect();
    let formatters: Vec<_> =
        columns.iter().map(|array| ArrayFormatter::try_new(array, &options).expect("a format")).collect();
    let mut rows: Vec<Vec<String>> = (0..batch.records.num_rows())
        .map(|row| formatters.iter().map(|formatter| formatter.value(row).to_string()).collect())
        .collect();
    for exception in &batch.exceptions {
        let cell = &mut rows[exception.row as usize][exception.column as usize];
        assert_eq!(cell, "NULL", "{exception:?}");
        *cell = format!("{}: {:?}", exception.reason, exception.value);
    }
    rows
}

/// Reads a table of one column `v` of that type, which holds those values, in that order.
fn values(server: &Server, native: &str, values: &str) -> (Column, Vec<String>) {
    let database = server.create_database();
    server
        .sql(
            &database,
            &format!(
                "SET sql_mode = 'ALLOW_INVALID_DATES,NO_AUTO_VALUE_ON_ZERO', time_zone = '+00:00';
                 CREATE TABLE t (id int AUTO_INCREMENT PRIMARY KEY, v {native});
                 INSERT INTO t (v) VALUES {values}"
            ),
        )
        .unwrap_or_else(|error| panic!("{native}: {error}"));
    let collection = collection(server, &database, "t");
    let batches = read_batches(&mut reader(server, &database), &collection, 1 << 20).expect("rows");
    assert_eq!(batches.len(), 1);
    let found = cells(&batches[0]).into_iter().map(|mut row| row.remove(1)).collect();
    (collection.columns[1].clone(), found)
}

#[test]
fn values_of_every_type_come_as_they_are() {
    let long = "9".repeat(35);
    let tail = "8".repeat(30);
    let wide = format!("('{long}.{tail}'), ('-{long}.{tail}'), (0), (1.5)");
    let wide_expected =
        [format!("{long}.{tail}"), format!("-{long}.{tail}"), format!("0.{:030}", 0), format!("1.5{}", "0".repeat(29))];
    let wide_expected: Vec<&str> = wide_expected.iter().map(String::as_str).collect();
    let cases: Vec<(&str, &str, Vec<&str>)> = vec![
        ("tinyint", "(-128), (127), (0), (NULL)", vec!["-128", "127", "0", "NULL"]),
        ("tinyint unsigned", "(0), (255)", vec!["0", "255"]),
        ("tinyint(1)", "(0), (1), (-128)", vec!["0", "1", "-128"]),
        ("smallint", "(-32768), (32767)", vec!["-32768", "32767"]),
        ("smallint unsigned", "(65535)", vec!["65535"]),
        ("mediumint", "(-8388608), (8388607)", vec!["-8388608", "8388607"]),
        ("mediumint unsigned", "(16777215)", vec!["16777215"]),
        ("int", "(-2147483648), (2147483647)", vec!["-2147483648", "2147483647"]),
        ("int unsigned", "(4294967295)", vec!["4294967295"]),
        ("int(5) zerofill", "(7)", vec!["7"]),
        (
            "bigint",
            "(-9223372036854775808), (9223372036854775807)",
            vec!["-9223372036854775808", "9223372036854775807"],
        ),
        ("bigint unsigned", "(18446744073709551615), (0)", vec!["18446744073709551615", "0"]),
        ("decimal(10,2)", "(-12345678.90), (0.01), (NULL)", vec!["-12345678.90", "0.01", "NULL"]),
        ("decimal(65,30)", &wide, wide_expected),
        ("decimal(38,0)", "(99999999999999999999999999999999999999)", vec!["99999999999999999999999999999999999999"]),
        ("float", "(16777216), (0.1), (-3.4028234663852886e38)", vec!["16777216.0", "0.1", "-3.4028235e38"]),
        ("double", "(0.1), (1.7976931348623157e308)", vec!["0.1", "1.7976931348623157e308"]),
        (
            "date",
            "('1000-01-01'), ('9999-12-31'), ('0000-00-00'), ('2020-00-00'), ('2020-02-00'), ('2021-02-31'), ('2020-02-29'), (NULL)",
            vec![
                "1000-01-01",
                "9999-12-31",
                "zero-date: Text(\"0000-00-00\")",
                "partial-date: Text(\"2020-00-00\")",
                "partial-date: Text(\"2020-02-00\")",
                "out-of-range: Text(\"2021-02-31\")",
                "2020-02-29",
                "NULL",
            ],
        ),
        (
            "datetime(6)",
            "('1000-01-01 00:00:00'), ('9999-12-31 23:59:59.999999'), ('0000-00-00 00:00:00'), ('2020-01-00 01:02:03.5')",
            vec![
                "1000-01-01T00:00:00",
                "9999-12-31T23:59:59.999999",
                "zero-date: Text(\"0000-00-00 00:00:00.000000\")",
                "partial-date: Text(\"2020-01-00 01:02:03.500000\")",
            ],
        ),
        ("datetime", "('2020-01-01 10:00:00')", vec!["2020-01-01T10:00:00"]),
        (
            "timestamp(3) NULL",
            "('1970-01-01 00:00:01'), ('2038-01-19 03:14:07.999'), (0), (NULL)",
            vec![
                "1970-01-01T00:00:01",
                "2038-01-19T03:14:07.999",
                "zero-date: Text(\"0000-00-00 00:00:00.000\")",
                "NULL",
            ],
        ),
        (
            "time(6)",
            "('-838:59:59'), ('838:59:59'), ('00:00:00.000001'), ('-00:00:00.5')",
            vec!["-3020399000000", "3020399000000", "1", "-500000"],
        ),
        ("year", "(0), (1901), (2155)", vec!["0", "1901", "2155"]),
        ("bit(1)", "(b'0'), (b'1'), (NULL)", vec!["false", "true", "NULL"]),
        ("bit(10)", "(b'0'), (b'1111111111')", vec!["0", "1023"]),
        ("bit(64)", "(~0)", vec!["18446744073709551615"]),
        ("char(5)", "('a  '), (''), ('é漢😀')", vec!["a", "", "é漢😀"]),
        ("varchar(5)", "('a  '), (''), (NULL)", vec!["a  ", "", "NULL"]),
        ("varchar(5) CHARACTER SET latin1", "('é'), ('€'), (x'80'), (x'81')", vec!["é", "€", "€", "\u{81}"]),
        ("text CHARACTER SET utf16", "('é漢😀')", vec!["é漢😀"]),
        ("varchar(9) CHARACTER SET ascii", "('abc')", vec!["abc"]),
        ("varchar(9) CHARACTER SET utf8mb3", "('é漢')", vec!["é漢"]),
        ("longtext", "(REPEAT('x', 70000) IS NULL), ('a\\0b')", vec!["0", "a\0b"]),
        ("binary(4)", "('ab'), ('')", vec!["61620000", "00000000"]),
        ("varbinary(4)", "('ab'), (''), (x'00ff')", vec!["6162", "", "00ff"]),
        ("blob", "(x'80')", vec!["80"]),
        ("json", "('{\"b\": 1, \"a\": [1.50, null]}'), ('null'), (NULL)", vec![]),
        (
            "enum('a','B','c d')",
            "('a'), ('b'), (3), (NULL), (0)",
            vec!["a", "B", "c d", "NULL", "enum-index: Integer(0)"],
        ),
        ("enum('a','')", "('a'), (''), (2), (0)", vec!["a", "", "", "enum-index: Integer(0)"]),
        ("enum('é','b') CHARACTER SET latin1", "('é'), (0)", vec!["é", "enum-index: Integer(0)"]),
        ("set('a','b','c')", "(''), ('a'), ('c,a'), (7)", vec!["[]", "[a]", "[a, c]", "[a, b, c]"]),
        (
            "point",
            "(ST_GeomFromText('POINT(1 2)')), (ST_GeomFromText('POINT(1 2)', 4326))",
            vec!["0101000000000000000000f03f0000000000000040"],
        ),
    ];
    for server in Server::all() {
        for (native, rows, expected) in &cases {
            let (column, found) = values(server, native, rows);
            match *native {
                "json" => {
                    assert_eq!(column.logical, LogicalType::Json, "{}", server.name());
                    let expected = if server.is_mariadb() {
                        r#"{"b": 1, "a": [1.50, null]}"#
                    } else {
                        // The server normalises what it is given: that is the value.
                        r#"{"a": [1.5, null], "b": 1}"#
                    };
                    assert_eq!(found, [expected, "null", "NULL"], "{}", server.name());
                }
                "point" => {
                    assert_eq!(found[0], expected[0]);
                    assert!(found[1].starts_with("precision: Bytes([230, 16, 0, 0, 1, 1, 0, 0, 0,"), "{}", found[1]);
                }
                _ => assert_eq!(found, *expected, "{native} of {}, read as {}", server.name(), column.logical),
            }
        }
    }
}

#[test]
fn values_of_one_family_alone_come_as_they_are() {
    for server in Server::all() {
        let cases: &[(&str, &str, &[&str])] = if server.is_mariadb() {
            &[
                (
                    "uuid",
                    "('123e4567-e89b-12d3-a456-426655440000'), (NULL)",
                    &["123e4567e89b12d3a456426655440000", "NULL"],
                ),
                ("inet6", "('::1'), ('2001:db8::ff00:42:8329')", &["::1", "2001:db8::ff00:42:8329"]),
                ("inet4", "('192.0.2.1')", &["192.0.2.1"]),
            ]
        } else {
            &[("vector(3)", "(STRING_TO_VECTOR('[1.5,-0.1,3e38]'))", &["[1.5, -0.1, 3e38]"])]
        };
        for (native, rows, expected) in cases {
            let (column, found) = values(server, native, rows);
            assert_eq!(found, *expected, "{native} of {}, read as {}", server.name(), column.logical);
        }
    }
}

#[test]
fn text_that_does_not_come_back_is_kept_as_its_bytes() {
    for server in Server::all() {
        // No character has that number in Windows-1250.
        let (_, found) = values(server, "varchar(5) CHARACTER SET cp1250", "('ž'), (x'8181'), (NULL), ('')");
        assert_eq!(found, ["ž", "invalid-utf8: Bytes([129, 129])", "NULL", ""], "{}", server.name());
        // Every one has one in Latin 1.
        let all: Vec<String> = (0..=255_u8).map(|byte| format!("(x'{byte:02x}')")).collect();
        let (_, found) = values(server, "varchar(5) CHARACTER SET latin1", &all.join(", "));
        assert!(found.iter().all(|cell| cell.chars().count() == 1), "{found:?}");
    }
}

#[test]
fn history_is_read_with_what_is_current() {
    for server in Server::all().into_iter().filter(|server| server.is_mariadb()) {
        let database = server.create_database();
        let sql =
            "CREATE TABLE t (id int PRIMARY KEY, v int) WITH SYSTEM VERSIONING; INSERT INTO t VALUES (1, 1), (2, 1);
                   UPDATE t SET v = 2; DELETE FROM t WHERE id = 2";
        server.sql(&database, sql).expect("a table");
        let collection = collection(server, &database, "t");
        let batches = read_batches(&mut reader(server, &database), &collection, 1 << 20).expect("rows");
        assert_eq!(batches[0].records.num_rows(), 4);
    }
}

#[test]
fn tables_of_every_shape_are_read() {
    for server in Server::all() {
        let database = server.create_database();
        let mut reader = reader(server, &database);
        server.sql(&database, "CREATE TABLE none (a int)").expect("a table");
        assert!(read_batches(&mut reader, &collection(server, &database, "none"), 1 << 20).expect("rows").is_empty());
        // Every third value is null, from another place in each row.
        let columns: Vec<String> = (0..300).map(|number| format!("c{number} smallint INVISIBLE")).collect();
        server
            .sql(&database, &format!("CREATE TABLE wide (id int PRIMARY KEY, {})", columns.join(", ")))
            .expect("a table");
        let names: Vec<String> = (0..300).map(|number| format!("c{number}")).collect();
        let cell = |row: usize, column: usize| {
            if (row + column).is_multiple_of(3) { "NULL".to_owned() } else { (row * 300 + column).to_string() }
        };
        let rows: Vec<String> = (0..7)
            .map(|row| {
                let cells: Vec<String> = (0..300).map(|column| cell(row, column)).collect();
                format!("({row}, {})", cells.join(", "))
            })
            .collect();
        let sql = format!("INSERT INTO wide (id, {}) VALUES {}", names.join(", "), rows.join(", "));
        server.sql(&database, &sql).expect("rows");
        let batches = read_batches(&mut reader, &collection(server, &database, "wide"), 1 << 20).expect("rows");
        for (row, found) in cells(&batches[0]).iter().enumerate() {
            let expected: Vec<String> = (0..300).map(|column| cell(row, column)).collect();
            assert_eq!(found[1..], expected, "{}", server.name());
        }
    }
}

#[test]
fn batches_are_of_the_size_that_is_asked_for_and_large_values_come_whole() {
    for server in Server::all() {
        let database = server.create_database();
        let sql = "CREATE TABLE t (id int PRIMARY KEY, v longblob);
                   INSERT INTO t VALUES (0, REPEAT('abc', 6000000)), (1, ''), (2, REPEAT('x', 16777215));
                   INSERT INTO t WITH RECURSIVE s (n) AS (SELECT 3 UNION ALL SELECT n + 1 FROM s WHERE n < 900)
                   SELECT n, REPEAT('y', 5000) FROM s";
        server.sql(&database, sql).expect("rows");
        let collection = collection(server, &database, "t");
        let batches = read_batches(&mut reader(server, &database), &collection, 1 << 20).expect("rows");
        let lengths: Vec<i32> = batches
            .iter()
            .flat_map(|batch| {
                batch.records.column(1).as_binary::<i32>().iter().flatten().map(|v| v.len() as i32).collect::<Vec<_>>()
            })
            .collect();
        assert_eq!(lengths[..4], [18_000_000, 0, 16_777_215, 5000], "{}", server.name());
        assert_eq!(lengths.len(), 901);
        assert!((6..=8).contains(&batches.len()), "{} batches", batches.len());
        let first = batches[0].records.column(1).as_binary::<i32>().value(0).to_vec();
        assert!(first.chunks(3).all(|three| three == b"abc"));
    }
}

#[test]
fn columns_are_read_as_what_another_dialect_had() {
    let instant = LogicalType::Instant { precision: 6 };
    let cases: &[(&str, &str, LogicalType, &[&str])] = &[
        ("datetime(6)", "('2020-01-01 10:00:00.5'), (NULL)", instant, &["2020-01-01T10:00:00.500", "NULL"]),
        (
            "char(36)",
            "('123e4567-e89b-12d3-a456-426655440000'), ('no'), ('123E4567-e89b-12d3-a456-426655440000')",
            LogicalType::Uuid,
            &[
                "123e4567e89b12d3a456426655440000",
                "precision: Text(\"no\")",
                "precision: Text(\"123E4567-e89b-12d3-a456-426655440000\")",
            ],
        ),
        (
            "binary(16)",
            "(x'123e4567e89b12d3a456426655440000')",
            LogicalType::Uuid,
            &["123e4567e89b12d3a456426655440000"],
        ),
        ("tinyint(1)", "(0), (1), (2)", LogicalType::Bool, &["false", "true", "out-of-range: Integer(2)"]),
        (
            "bigint",
            "(255), (256), (-1)",
            LogicalType::Int { bits: 8, signed: false },
            &["255", "out-of-range: Integer(256)", "out-of-range: Integer(-1)"],
        ),
        (
            "bigint unsigned",
            "(18446744073709551615)",
            LogicalType::INT64,
            &["out-of-range: Text(\"18446744073709551615\")"],
        ),
        (
            "time",
            "('23:59:59'), ('24:00:00')",
            LogicalType::Time { precision: 0 },
            &["23:59:59", "out-of-range: Text(\"24:00:00\")"],
        ),
        ("varchar(80)", "('1.50')", LogicalType::Decimal { precision: 70, scale: 2 }, &["1.50"]),
        (
            "decimal(10,4)",
            "(1.5), (1.5555)",
            LogicalType::Decimal { precision: 10, scale: 2 },
            &["1.50", "precision: Text(\"1.5555\")"],
        ),
        ("double", "(0.5), (0.1)", LogicalType::Float { bits: 32 }, &["0.5", "precision: Real(0.1)"]),
        ("longtext", "('{}')", LogicalType::Json, &["{}"]),
        ("bit(9)", "(b'101')", LogicalType::Bits { length: Some(9), varying: true }, &["000000101"]),
        ("longblob", "(x'0102')", LogicalType::Geometry { srid: None, kind: None, geodesic: false }, &["0102"]),
        ("enum('a','b')", "('a'), (NULL)", LogicalType::TEXT, &["a", "NULL"]),
    ];
    for server in Server::all() {
        for (native, rows, logical, expected) in cases {
            let database = server.create_database();
            let sql = format!(
                "CREATE TABLE t (id int AUTO_INCREMENT PRIMARY KEY, v {native}); INSERT INTO t (v) VALUES {rows}"
            );
            server.sql(&database, &sql).expect("rows");
            let mut collection = collection(server, &database, "t");
            collection.columns[1].logical = logical.clone();
            let batches = read_batches(&mut reader(server, &database), &collection, 1 << 20).expect("rows");
            let found: Vec<String> = cells(&batches[0]).into_iter().map(|mut row| row.remove(1)).collect();
            assert_eq!(found, *expected, "{native} as {logical} of {}", server.name());
        }
        for (native, logical) in [
            ("int", LogicalType::TEXT),
            ("varchar(9)", LogicalType::INT64),
            ("date", LogicalType::Timestamp { precision: 0 }),
            ("blob", LogicalType::TEXT),
            ("varchar(9)", LogicalType::BYTES),
            ("int", LogicalType::Float { bits: 64 }),
            ("longtext", LogicalType::Dynamic),
        ] {
            let database = server.create_database();
            server.sql(&database, &format!("CREATE TABLE t (v {native})")).expect("a table");
            let mut collection = collection(server, &database, "t");
            collection.columns[0].logical = logical.clone();
            let error = read_batches(&mut reader(server, &database), &collection, 1 << 20).expect_err("incompatible");
            assert_eq!(error.kind(), ErrorKind::Incompatible, "{native} as {logical}: {error}");
            assert!(error.context().any(|(key, value)| (key, value) == ("column", "v")), "{error}");
        }
    }
}

#[test]
fn a_condition_selects_rows_and_a_wrong_one_is_the_users() {
    for server in Server::all() {
        let database = server.create_database();
        server.sql(&database, "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1), (2), (3)").expect("rows");
        let collection = collection(server, &database, "t");
        let mut reader = reader(server, &database);
        let mut count = |predicate: &str| {
            let from = Some(vec![NativeValue::Integer(2)]);
            let chunk = Chunk { range: ChunkRange::Keys { from, to: None }, estimated_bytes: 0 };
            let request = ReadRequest {
                collection: &collection,
                chunk: &chunk,
                batch_bytes: 1 << 20,
                predicate: Some(predicate),
            };
            reader.read(&request, &mut |_: Batch| Ok(()))
        };
        assert_eq!(count("id <> 3 -- but not the last").expect("rows"), 1);
        assert_eq!(count("id = 1 OR id = 3").expect("rows"), 1);
        assert_eq!(count("no_such_column = 1").expect_err("wrong").kind(), ErrorKind::Usage);
        assert_eq!(count("TRUE").expect("the session lives on"), 2);
    }
}

/// Reads all of a table on a server that is there already, and tells how fast: `DBFERRY_BENCH_URL` and
/// `DBFERRY_BENCH_TABLE`.
#[test]
#[ignore = "measures"]
#[allow(clippy::print_stderr)]
fn reading_speed() {
    use dbferry_dialect::{Cancel, Database, Purpose, SnapshotOptions};
    let url = DatabaseUrl::parse(&std::env::var("DBFERRY_BENCH_URL").expect("a URL")).expect("a URL");
    let table = std::env::var("DBFERRY_BENCH_TABLE").expect("a table");
    let jobs = std::env::var("DBFERRY_BENCH_JOBS").map_or(1, |jobs| jobs.parse().expect("a number"));
    let options = OpenOptions::new(Purpose::Read, Cancel::new());
    let mut database = crate::database::MySqlDatabase::open(&url, &options).expect("a database");
    let mut snapshot = database.snapshot(&SnapshotOptions::new(jobs)).expect("a snapshot");
    let schema = snapshot.schema().expect("a schema");
    let collection = schema.collection(&CollectionName::new("main", &table)).expect("a table");
    let began = std::time::Instant::now();
    let chunks = snapshot.chunks(collection, 64 << 20).expect("chunks");
    eprintln!("{:?}: {} chunks in {:?}", snapshot.consistency(), chunks.len(), began.elapsed());
    let began = std::time::Instant::now();
    let next = std::sync::atomic::AtomicUsize::new(0);
    let rows = std::sync::atomic::AtomicU64::new(0);
    std::thread::scope(|scope| {
        for mut reader in snapshot.readers() {
            let (next, rows, chunks) = (&next, &rows, &chunks);
            scope.spawn(move || {
                while let Some(chunk) = chunks.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed)) {
                    let request = ReadRequest { collection, chunk, batch_bytes: 8 << 20, predicate: None };
                    let count = reader.read(&request, &mut |_: Batch| Ok(())).expect("rows");
                    rows.fetch_add(count, std::sync::atomic::Ordering::Relaxed);
                }
            });
        }
    });
    eprintln!("{rows:?} rows by {jobs} in {:?}", began.elapsed());
    snapshot.finish().expect("nothing moved");
}

#[test]
fn history_is_read_where_it_is_carried() {
    for server in Server::all().into_iter().filter(|server| server.is_mariadb()) {
        let database = server.create_database();
        server
            .sql(
                &database,
                "CREATE TABLE h (id int PRIMARY KEY, v int) WITH SYSTEM VERSIONING;
                 CREATE TABLE t (
                   id int PRIMARY KEY, rs bigint unsigned GENERATED ALWAYS AS ROW START, re bigint unsigned GENERATED ALWAYS AS ROW END,
                   PERIOD FOR SYSTEM_TIME (rs, re)
                 ) WITH SYSTEM VERSIONING;
                 INSERT INTO h VALUES (1, 1), (2, 2); UPDATE h SET v = 3 WHERE id = 1; DELETE FROM h WHERE id = 2;
                 INSERT INTO t (id) VALUES (1), (2); DELETE FROM t WHERE id = 2;",
            )
            .expect("tables with a history");
        let read = |collection: &Collection| {
            let batches = read_batches(&mut reader(server, &database), collection, 1 << 20).expect("rows");
            batches.iter().flat_map(cells).map(|row| row[..row.len().min(2)].join(",")).collect::<Vec<_>>()
        };
        let history = collection(server, &database, "h");
        let mut rows = read(&history);
        rows.sort_unstable();
        assert_eq!(rows, ["1,1", "1,3", "2,2"]);
        assert_eq!(read(&collection(server, &database, "t")), ["1"], "rows of the present");
        // The same rows in a table that keeps none, as a restore elsewhere makes it.
        server
            .sql(&database, "CREATE TABLE plain AS SELECT id, v, row_start, row_end FROM h FOR SYSTEM_TIME ALL")
            .expect("a plain table");
        let mut plain = history.clone();
        plain.name.name = "plain".to_owned();
        let mut rows = read(&plain);
        rows.sort_unstable();
        assert_eq!(rows, ["1,1", "1,3", "2,2"]);
    }
}
