use super::key::TableKey;
use super::{condition, divide, steady, walk};
use crate::connect::Target;
use crate::testing::Server;
use crate::wire::Wire;
use dbferry_dialect::{
    ChunkRange, Collection, CollectionName, Column, DatabaseUrl, LogicalType, NativeValue, OpenOptions,
};

fn wire(server: &Server, database: &str) -> Wire {
    let url = DatabaseUrl::parse(&server.url(database)).expect("a URL");
    Target::resolve(&url, &OpenOptions::default()).expect("a target").connect_wire().expect("a session")
}

/// The first column as text, nulls as `NULL`.
fn column(wire: &mut Wire, sql: &str) -> Vec<String> {
    let rows = wire.query("", sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    let text = |value: &Option<Vec<u8>>| {
        value.as_ref().map_or("NULL".to_owned(), |text| String::from_utf8_lossy(text).into_owned())
    };
    rows.iter().map(|row| text(&row[0])).collect()
}

/// A table `t` whose rows are numbered by `id` and hold those columns; `rows` is what is selected for its rows from
/// numbers `n` from 1 to `count`.
fn fill(wire: &mut Wire, columns: &str, rows: &str, count: u32) {
    wire.run("", "DROP TABLE IF EXISTS t").expect("dropped");
    wire.run("", &format!("CREATE TABLE t (id int NOT NULL, {columns})"))
        .unwrap_or_else(|error| panic!("{columns}: {error}"));
    let numbers = "WITH RECURSIVE s (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 999)";
    wire.run("", "SET SESSION sql_mode = ''").expect("a mode");
    let sql = format!("INSERT IGNORE INTO t {numbers} SELECT n, {rows} FROM s WHERE n <= {count}");
    wire.run("", &sql).unwrap_or_else(|error| panic!("{rows}: {error}"));
}

/// Divides `t` at every stride, and holds what its chunks hold against the whole table, in the order of `key`.
fn check(server: &Server, wire: &mut Wire, what: &str, key: &str) {
    let what = format!("{what} of {}", server.name());
    let all = column(wire, &format!("SELECT id FROM t ORDER BY {key}, id"));
    let mut sorted = all.clone();
    sorted.sort();
    let table_key = TableKey::of(wire, "`t`").expect("a key").unwrap_or_else(|| panic!("{what}: no key"));
    let strides: &[u64] = if all.len() < 100 { &[1, 3, 1000] } else { &[31, 998] };
    for &stride in strides {
        let division =
            walk::walk(&mut [&mut *wire], &table_key, "`t`", stride, 10).unwrap_or_else(|e| panic!("{what}: {e}"));
        assert_eq!(division.rows, Some(all.len() as u64), "{what}, {stride}");
        let mut found = Vec::new();
        for (place, chunk) in division.chunks.iter().enumerate() {
            let ChunkRange::Keys { from, to } = &chunk.range else { panic!("{what}: {:?}", chunk.range) };
            assert_eq!(from.is_none(), place == 0, "{what}");
            assert_eq!(to.is_none(), place + 1 == division.chunks.len(), "{what}");
            let bounds = table_key.condition(from.as_deref(), to.as_deref()).expect("a condition");
            let filter = if bounds.is_empty() { String::new() } else { format!("WHERE {bounds}") };
            let sql = format!("SELECT id FROM t FORCE INDEX (`{}`) {filter} ORDER BY {key}, id", table_key.index);
            let rows = column(wire, &sql);
            assert_eq!(chunk.estimated_bytes, rows.len() as u64 * 10, "{what}, {stride}: {bounds}");
            assert!(!rows.is_empty() || all.is_empty(), "{what}, {stride}: an empty chunk");
            found.extend(rows);
        }
        assert_eq!(found, all, "{what}, {stride}");
        found.sort();
        assert_eq!(found, sorted);
        if stride == 1 {
            let again = walk::walk(&mut [&mut *wire], &table_key, "`t`", stride, 10).expect("chunks");
            assert_eq!(again, division, "{what}");
            let distinct = column(wire, &format!("SELECT COUNT(DISTINCT {key}) FROM t"));
            let distinct: usize = distinct[0].parse().expect("a number");
            assert_eq!(division.chunks.len(), distinct.max(1), "{what}");
        }
    }
}

#[test]
fn the_chunks_of_every_kind_of_key_are_the_table() {
    let text = "CONCAT(CHAR(97 + n * 7 % 26), IF(n % 3, UPPER(HEX(n * 7919)), LOWER(HEX(n))), IF(n % 5, '', ' é'), ELT(n % 4 + 1, '', ' ', '!', '漢😀'))";
    let cases = [
        ("k int, PRIMARY KEY (k)", "n", "k"),
        ("k int, PRIMARY KEY (k)", "n * n - 5000", "k"),
        // Two clusters with a gap of nearly all numbers between them.
        ("k bigint unsigned, PRIMARY KEY (k)", "IF(n % 2, n, 18446744073709551615 - n)", "k"),
        ("k bigint unsigned, PRIMARY KEY (k)", "18446744073709551615 - n + 1", "k"),
        ("k bigint, PRIMARY KEY (k)", "IF(n % 2, -9223372036854775808 + n, 9223372036854775807 - n)", "k"),
        ("k smallint unsigned, PRIMARY KEY (k)", "n * 60", "k"),
        ("k decimal(30,5), PRIMARY KEY (k)", "(n - 500) * 1234567890123456789.12345", "k"),
        (
            "k date, PRIMARY KEY (k)",
            "IF(n % 100, '1600-01-01' + INTERVAL n * 91 DAY, CONCAT('0000-00-', n DIV 100))",
            "k",
        ),
        ("k datetime(6), PRIMARY KEY (k)", "'1999-12-31 23:59:59' + INTERVAL n * 777777777 MICROSECOND", "k"),
        ("k timestamp(3) NOT NULL DEFAULT 0, PRIMARY KEY (k)", "FROM_UNIXTIME(n * 1234567.125)", "k"),
        ("k time(2), PRIMARY KEY (k)", "SEC_TO_TIME((n - 500) * 5432.25)", "k"),
        ("k year, PRIMARY KEY (k)", "n % 200", "k"),
        ("k varchar(60), PRIMARY KEY (k)", text, "k"),
        ("k varchar(60) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci, PRIMARY KEY (k)", text, "k"),
        ("k varchar(60) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, PRIMARY KEY (k)", text, "k"),
        ("k varchar(60) CHARACTER SET utf8mb3 COLLATE utf8mb3_unicode_ci, PRIMARY KEY (k)", text, "k"),
        ("k char(60) CHARACTER SET latin1 COLLATE latin1_german2_ci, PRIMARY KEY (k)", text, "k"),
        ("k varchar(60) CHARACTER SET utf16, PRIMARY KEY (k)", text, "k"),
        ("k varchar(60) CHARACTER SET gbk, PRIMARY KEY (k)", text, "k"),
        ("k varbinary(60), PRIMARY KEY (k)", "UNHEX(LEFT(SHA2(n, 256), 32))", "k"),
        ("k binary(16), PRIMARY KEY (k)", "UNHEX(LEFT(SHA2(n, 256), 32))", "k"),
        ("k varbinary(60), PRIMARY KEY (k)", "REPEAT(CHAR(n % 3), n)", "k"),
        ("a int, b varchar(64), PRIMARY KEY (a, b)", "n % 5, SHA2(n, 256)", "a, b"),
        (
            "a varchar(5), b int, c date, PRIMARY KEY (a, b, c)",
            "CHAR(97 + n % 3), n % 7, '2000-01-01' + INTERVAL n DAY",
            "a, b, c",
        ),
        (
            "a date, b bigint unsigned, PRIMARY KEY (b, a)",
            "'2000-01-01' + INTERVAL n % 9 DAY, n DIV 9 * 1000000000000",
            "b, a",
        ),
        ("k int NOT NULL, UNIQUE KEY u (k)", "n * 3", "k"),
        ("k int, UNIQUE KEY u (k)", "IF(n % 3, n, NULL)", "k"),
        ("k varchar(64), UNIQUE KEY u (k)", "IF(n % 3, SHA2(n, 256), NULL)", "k"),
        ("k int, UNIQUE KEY u (k)", "NULL", "k"),
        ("a int, b int NOT NULL, UNIQUE KEY u (a), UNIQUE KEY v (b)", "NULL, n", "b"),
        ("k int, PRIMARY KEY (k), f int, UNIQUE KEY a (f)", "n, -n", "k"),
        ("`a``b 'c` int, PRIMARY KEY (`a``b 'c`)", "n", "`a``b 'c`"),
    ];
    for server in Server::all() {
        let mut wire = wire(server, &server.create_database());
        for (columns, rows, key) in cases {
            for count in [0, 1, 40, 999] {
                fill(&mut wire, columns, rows, count);
                check(server, &mut wire, &format!("{columns} <- {rows}, {count}"), key);
            }
        }
        if server.is_mariadb() {
            for (native, value) in [
                ("uuid", "CAST(LEFT(SHA2(n, 256), 32) AS UUID)"),
                ("inet6", "INET6_NTOA(UNHEX(LEFT(SHA2(n, 256), 32)))"),
                ("inet4", "INET_NTOA(n * 4000000)"),
            ] {
                // inet4 is of MariaDB 10.10 and later.
                fill(&mut wire, &format!("k {native}, PRIMARY KEY (k)"), value, 999);
                check(server, &mut wire, native, "k");
            }
        }
    }
}

#[test]
fn keys_that_cannot_be_compared_exactly_divide_nothing() {
    for server in Server::all() {
        let mut wire = wire(server, &server.create_database());
        let collection =
            Collection::table(CollectionName::new("main", "t"), vec![Column::new("id", LogicalType::INT64, "bigint")]);
        for columns in [
            "k double, PRIMARY KEY (k)",
            "k float, PRIMARY KEY (k)",
            "k enum('a','b'), PRIMARY KEY (k)",
            "k bit(9), PRIMARY KEY (k)",
            "k varchar(40), PRIMARY KEY (k(5))",
            "a int, b int, UNIQUE KEY u (a, b)",
            "k int, KEY u (k)",
            "k int",
        ] {
            let values = if columns.contains(", b int") { "n, n" } else { "n" };
            fill(&mut wire, columns, values, 2);
            assert_eq!(TableKey::of(&mut wire, "`t`").expect("an answer"), None, "{columns} of {}", server.name());
            let division = divide(&mut [&mut wire], &collection, "`t`", 1).expect("a division");
            assert_eq!((division.chunks.len(), division.rows), (1, None));
            assert_eq!(division.chunks[0].range, ChunkRange::Whole);
        }
    }
}

#[test]
fn a_large_table_is_divided_by_several_sessions_and_a_small_one_is_not() {
    for server in Server::all() {
        let database = server.create_database();
        let (mut one, mut other) = (wire(server, &database), wire(server, &database));
        fill(&mut one, "k int, v varchar(1000), PRIMARY KEY (k)", "n, REPEAT('x', 1000)", 999);
        for _ in 0..3 {
            one.run("", "INSERT INTO t SELECT id, k + (SELECT MAX(k) FROM t), v FROM t").expect("more rows");
        }
        one.query("", "ANALYZE TABLE t").expect("analysed");
        let collection =
            Collection::table(CollectionName::new("main", "t"), vec![Column::new("id", LogicalType::INT64, "bigint")]);
        let name = format!("`{database}`.`t`");
        let whole = divide(&mut [&mut one], &collection, &name, 1 << 30).expect("a division");
        assert_eq!(whole.chunks.len(), 1);
        assert!(whole.chunks[0].estimated_bytes > 4 << 20, "{:?}", whole.chunks);
        let alone = divide(&mut [&mut one], &collection, &name, 1 << 20).expect("a division");
        let together = divide(&mut [&mut one, &mut other], &collection, &name, 1 << 20).expect("a division");
        assert_eq!(alone, together);
        assert_eq!(alone.rows, Some(999 * 8));
        assert!((8..=24).contains(&alone.chunks.len()), "{} chunks", alone.chunks.len());
    }
}

#[test]
fn a_boundary_that_is_no_value_of_its_column_is_refused() {
    for server in Server::all() {
        let mut wire = wire(server, &server.create_database());
        fill(&mut wire, "k int, PRIMARY KEY (k)", "n", 2);
        for value in ["1; DROP TABLE t", "1 OR 1=1", "'"] {
            let range = ChunkRange::Keys { from: Some(vec![NativeValue::Text(value.to_owned())]), to: None };
            assert!(condition(&mut wire, "`t`", &range).is_err(), "{value}");
        }
        let range = ChunkRange::Keys { from: Some(Vec::new()), to: None };
        assert!(condition(&mut wire, "`t`", &range).is_err());
    }
}

#[test]
fn a_guess_that_wavers_is_mostly_the_same() {
    assert_eq!([1, 7, 8, 9, 1000, 1023, 65_536].map(steady), [1, 7, 8, 8, 896, 896, 65_536]);
}
