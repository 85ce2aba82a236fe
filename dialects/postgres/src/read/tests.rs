use super::PostgresReader;
use crate::connect::Target;
use crate::session::Session;
use crate::testing::{Installation, Server};
use crate::types::{Oid, TypeCatalogue};
use dbferry_dialect::logical::NetworkKind;
use dbferry_dialect::testkit::rows_as_text;
use dbferry_dialect::{
    Batch, Chunk, ChunkRange, Collection, CollectionName, Column, DatabaseUrl, ErrorKind, LogicalType, OpenOptions,
    ReadRequest, Reader, Result,
};
use std::sync::{Arc, OnceLock};

/// One server of every version that is here.
fn servers() -> &'static [Server] {
    static SERVERS: OnceLock<Vec<Server>> = OnceLock::new();
    SERVERS.get_or_init(|| {
        let start = |installation: &Installation| Server::start(installation, &[]).expect("a server");
        let servers: Vec<Server> = Installation::all().iter().map(start).collect();
        assert!(!servers.is_empty(), "no PostgreSQL is installed");
        servers
    })
}

fn connect(server: &Server, database: &str) -> Session {
    let url = DatabaseUrl::parse(&server.url(database)).expect("a URL");
    Target::resolve(&url, &OpenOptions::default()).expect("a target").connect().expect("a session")
}

/// A reader and the types of its database.
fn reader(server: &Server, database: &str) -> (PostgresReader, Arc<TypeCatalogue>) {
    let mut session = connect(server, database);
    let types = Arc::new(TypeCatalogue::load(&mut session).expect("types"));
    (PostgresReader::new(session, Arc::clone(&types)), types)
}

/// The table with its columns' own logical types.
fn collection(server: &Server, database: &str, types: &TypeCatalogue, table: &str) -> Collection {
    let rows = connect(server, database)
        .query(
            "",
            "SELECT attname::text, atttypid, atttypmod FROM pg_catalog.pg_attribute \
             WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
            &[&format!("public.\"{table}\"")],
        )
        .expect("columns");
    let column = |row: &tokio_postgres::Row| {
        let (oid, typmod): (Oid, i32) = (row.get(1), row.get(2));
        Column::new(row.get::<_, String>(0), types.logical(oid, typmod), "")
    };
    Collection::table(CollectionName::new("public", table), rows.iter().map(column).collect())
}

const WHOLE: Chunk = Chunk { range: ChunkRange::Whole, estimated_bytes: 0 };

fn read(
    reader: &mut PostgresReader,
    collection: &Collection,
    chunk: &Chunk,
    predicate: Option<&str>,
    batch_bytes: usize,
) -> Result<Vec<Batch>> {
    let mut batches = Vec::new();
    let request = ReadRequest { collection, chunk, batch_bytes, predicate };
    let count = reader.read(&request, &mut |batch: Batch| {
        batches.push(batch);
        Ok(())
    })?;
    assert_eq!(count, batches.iter().map(|batch| batch.records.num_rows() as u64).sum::<u64>());
    Ok(batches)
}

fn texts(reader: &mut PostgresReader, collection: &Collection, predicate: Option<&str>) -> Result<Vec<String>> {
    Ok(rows_as_text(collection, &read(reader, collection, &WHOLE, predicate, 1 << 20)?))
}

/// A type, its values, and what the server says that each of them is: an expression of the column `c` that gives the
/// text of the cell, made another way than the reader's. Where a case says so it needs a version.
struct Case {
    type_: &'static str,
    values: &'static str,
    cell: &'static str,
    since: u32,
}

const fn case(type_: &'static str, values: &'static str, cell: &'static str) -> Case {
    Case { type_, values, cell, since: 0 }
}

const SAME: &str = "c::text";
const QUOTED: &str = "'\"' || pg_catalog.format('%s', c) || '\"'";
const DECIMAL: &str = "CASE WHEN c = 'NaN' THEN '<nan: bytes x' || encode(numeric_send(c), 'hex') || '>'
    ELSE trunc(c * 10::numeric ^ scale(c))::text || 'e-' || scale(c) END";
const TIMESTAMP: &str = "CASE WHEN c IN ('infinity', '-infinity')
      THEN '<infinity: bytes x' || encode(timestamp_send(c), 'hex') || '>'
    WHEN c > '294247-01-10 04:00:54.775807' THEN '<out-of-range: bytes x' || encode(timestamp_send(c), 'hex') || '>'
    ELSE 'local ' || trunc(extract(epoch FROM date_trunc('day', c)) * 1000000 + extract(epoch FROM c::time) * 1000000) || 'us' END";
const INTERVAL: &str =
    "'{months: ' || extract(year FROM c) * 12 + extract(month FROM c) || ', days: ' || extract(day FROM c)
    || ', micros: ' || trunc((extract(hour FROM c) * 3600 + extract(minute FROM c) * 60) * 1000000
    + extract(microseconds FROM c)) || '}'";

const CASES: &[Case] = &[
    case("bool", "(true), (false)", SAME),
    case("int2", "(-32768), (32767), (0)", SAME),
    case("int4", "(-2147483648), (2147483647)", SAME),
    case("int8", "(-9223372036854775808), (9223372036854775807)", SAME),
    case("oid", "(0), (4294967295)", SAME),
    case("xid", "('0'), ('4294967295')", SAME),
    case("cid", "('7')", SAME),
    case("xid8", "('18446744073709551615'), ('0')", SAME),
    case("numeric(10,2)", "(0), (-0.01), (99999999.99), (12.30), ('NaN')", DECIMAL),
    case("numeric(38,0)", "(99999999999999999999999999999999999999), (-1), (100000000)", DECIMAL),
    case("numeric(38,38)", "(0.99999999999999999999999999999999999999), (-1e-38)", DECIMAL),
    case("numeric(76,40)", "(999999999999999999999999999999999999.9999999999999999999999999999999999999999), (-1e-40)", DECIMAL),
    case("numeric(39,1)", "(-12345678901234567890123456789012345678.9), (0)", DECIMAL),
    Case { since: 15, ..case("numeric(3,-2)", "(12345), (-700), ('NaN')", QUOTED) },
    Case { since: 15, ..case("numeric(2,5)", "(0.00012)", QUOTED) },
    case("numeric", "(1.10), (1.1), (0), (0.000), (-1e-10), ('NaN'), (10000), (1e20), (123456789.000000001)", QUOTED),
    Case { since: 14, ..case("numeric", "('Infinity'), ('-Infinity')", QUOTED) },
    case("numeric", "(1e131071), (-1e-16383), (repeat('9', 131072)::numeric), (('0.' || repeat('7', 16383))::numeric)", QUOTED),
    case("money", "('-92233720368547758.08'), ('0.01')", "(c::numeric * 100)::int8 || 'e-2'"),
    case("float8", "('NaN'), ('Infinity'), ('-Infinity')", "CASE c WHEN 'NaN' THEN 'NaN 7ff8000000000000' WHEN 'Infinity' THEN 'inf' ELSE '-inf' END"),
    case("float8", "(0.1), (1.5), (-2.25)", SAME),
    case("float4", "(0.1), (1.5), (-2.25)", SAME),
    case("text", "(''), ('x'), ('ä€😀'), (repeat('long ', 30000))", QUOTED),
    case("varchar(3)", "('abc')", QUOTED),
    case("char(5)", "('ab'), ('')", "'\"' || rpad(c::text, 5) || '\"'"),
    case("bpchar", "('ab  ')", "'\"ab  \"'"),
    case("name", "('a name')", QUOTED),
    case("\"char\"", "('a'), (''), ('\\351')", "CASE WHEN c = '\\351' THEN '<invalid-utf8: bytes xe9>' ELSE '\"' || c::text || '\"' END"),
    case("bytea", "(''), ('\\x00ff'), (decode(repeat('ab', 5000), 'hex'))", "'x' || encode(c, 'hex')"),
    case("date", "('infinity'), ('-infinity'), ('4713-01-01 BC'), ('5874897-12-31'), ('1970-01-01'), ('2000-02-29')",
        "CASE WHEN isfinite(c) THEN 'day ' || c - '1970-01-01'::date ELSE '<infinity: bytes x' || encode(date_send(c), 'hex') || '>' END"),
    case("time", "('00:00'), ('23:59:59.999999'), ('24:00')",
        "CASE WHEN c = '24:00' THEN '<out-of-range: bytes x' || encode(time_send(c), 'hex') || '>'
         ELSE 'time ' || trunc(extract(epoch FROM c) * 1000000) || 'us' END"),
    case("timetz", "('00:00+15:59:59'), ('23:59:59.999999-15:59:59'), ('12:30:00.5-03:30'), ('24:00+00')",
        "CASE WHEN c::time = '24:00' THEN '<out-of-range: bytes x' || encode(timetz_send(c), 'hex') || '>'
         ELSE '{micros: ' || trunc(extract(epoch FROM c::time) * 1000000) || ', offset_seconds: ' || extract(timezone FROM c) || '}' END"),
    case("timestamp", "('infinity'), ('-infinity'), ('4714-11-24 00:00:00 BC'), ('294276-12-31 23:59:59.999999'),
        ('294247-01-10 04:00:54.775807'), ('294247-01-10 04:00:54.775808'), ('1969-12-31 23:59:59.999999'), ('2024-02-29 12:00:00.000001')", TIMESTAMP),
    case("timestamp(0)", "('2024-02-29 12:00:00.6')", TIMESTAMP),
    case("timestamptz", "('2024-02-29 12:00:00+05:45'), ('0044-03-15 BC 10:00+00')", "'utc ' || trunc(extract(epoch FROM c) * 1000000) || 'us'"),
    case("timestamptz", "('infinity')", "'<infinity: bytes x' || encode(timestamptz_send(c), 'hex') || '>'"),
    case("interval", "('1 year 2 months 3 days 04:05:06.789'), ('-178000000 years'), ('-3 days +1 microsecond'), ('0')", INTERVAL),
    Case { since: 17, ..case("interval", "('infinity'), ('-infinity')", "'<infinity: bytes x' || encode(interval_send(c), 'hex') || '>'") },
    case("uuid", "('00000000-0000-0000-0000-000000000000'), ('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11')", "'x' || replace(c::text, '-', '')"),
    case("json", "('[1,  2]'), ('null')", QUOTED),
    case("jsonb", "('[1,  2]'), ('1.10')", QUOTED),
    case("bit(8)", "(B'10000001'), (B'00000000')", "c::int4::text"),
    case("bit(11)", "(B'10000000001')", "c::int4::text"),
    case("bit(64)", "(B'1000000000000000000000000000000000000000000000000000000000000001')", "'9223372036854775809'"),
    case("bit(70)", "(repeat('10', 35)::bit(70))", QUOTED),
    case("varbit", "(B''), (B'1'), (B'000000001')", QUOTED),
    case("inet", "('10.0.0.1'), ('10.0.0.1/8'), ('0.0.0.0/0'), ('::'), ('::1'), ('1::'), ('2001:db8::1/64'), ('::ffff:1.2.3.4'),
        ('::1.2.3.4'), ('1:0:0:2:0:0:0:3'), ('1:0:2:3:4:5:6:7'), ('1:2:3:4:5:6:7:8/128'), ('0:0:1::'), ('1:0:0:2:3:0:0:4')", QUOTED),
    case("cidr", "('10.0.0.0/8'), ('10.0.0.1/32'), ('::/0'), ('2001:db8::/32'), ('::1/128')", QUOTED),
    case("macaddr", "('08:00:2b:01:02:03')", QUOTED),
    case("macaddr8", "('08:00:2b:01:02:03:04:05')", QUOTED),
    case("int4[]", "('{}'), ('{1,NULL,3}')", "'[' || array_to_string(c, ', ', 'null') || ']'"),
    case("int4[]", "('{{1,2},{3,4}}'), ('[0:1]={5,6}')", "'<array-shape: bytes x' || encode(array_send(c), 'hex') || '>'"),
    // What stood before the exception in its cell must be gone from the next one.
    case("date[]", "('{infinity}'), ('{2000-01-01,-infinity}'), ('{1970-01-02}')",
        "CASE WHEN c = '{1970-01-02}' THEN '[day 1]' ELSE '<infinity: bytes x' || encode(array_send(c), 'hex') || '>' END"),
    case("int4range", "('[1,5)'), ('empty'), ('(,)'), ('[7,)')",
        "'{lower: ' || coalesce(lower(c)::text, 'null') || ', upper: ' || coalesce(upper(c)::text, 'null') || ', lower_inclusive: '
         || lower_inc(c) || ', upper_inclusive: ' || upper_inc(c) || ', empty: ' || isempty(c) || '}'"),
    case("tsrange", "('[2000-01-01,infinity)'), ('[1970-01-01,1970-01-02)')",
        "CASE WHEN upper(c) = 'infinity' THEN '<infinity: bytes x' || encode(range_send(c), 'hex') || '>'
         ELSE '{lower: local 0us, upper: local 86400000000us, lower_inclusive: true, upper_inclusive: false, empty: false}' END"),
    Case { since: 14, ..case("int4multirange", "('{}'), ('{[1,2),[5,6)}')",
        "CASE WHEN isempty(c) THEN '[]' ELSE '[{lower: 1, upper: 2, lower_inclusive: true, upper_inclusive: false, empty: false},'
         || ' {lower: 5, upper: 6, lower_inclusive: true, upper_inclusive: false, empty: false}]' END") },
    // Through their output functions.
    case("point", "('(0.1,-1e300)')", QUOTED),
    case("circle", "('<(1,2),3>')", QUOTED),
    case("xml", "('<a>&lt;</a>')", QUOTED),
    case("tsvector", "('''a'':1A,2 ''b''')", QUOTED),
    case("tsquery", "('a & !b')", "replace(pg_catalog.format('\"%s\"', c), '''', '''')"),
    case("jsonpath", "('$.a')", "'\"$.\\\"a\\\"\"'"),
    case("pg_lsn", "('16/B374D848')", QUOTED),
    case("int2vector", "('1 2 3')", QUOTED),
    case("regclass", "('pg_catalog.pg_class')", "'\"pg_class\"'"),
    case("tid", "('(1,2)')", QUOTED),
    case("point[]", "('{\"(1,2)\",NULL}')", "'\"{\\\"(1,2)\\\",NULL}\"'"),
    // Types of this test.
    case("public.mood", "('sad'), ('very ''happy''')", QUOTED),
    case("public.mood[]", "('{sad}')", "'[\"sad\"]'"),
    case("public.price", "(1.5)", "'15000e-4'"),
    case("public.pair", "(ROW(1.5, '{a,NULL}')), (ROW(NULL, NULL))",
        "CASE WHEN (c).a IS NULL THEN '{a: null, B: null}' ELSE '{a: 15000e-4, B: [\"a\", null]}' END"),
    case("public.pair[]", "(ARRAY[ROW(1.5, '{}')::public.pair, NULL])", "'[{a: 15000e-4, B: []}, null]'"),
    case("public.pair", "(ROW('NaN', '{}'))", "'<nan: bytes x' || encode(record_send(c), 'hex') || '>'"),
    case("public.late", "(ROW(1, 'infinity')), (ROW(2, '1970-01-01'))",
        "CASE WHEN (c).a = 2 THEN '{a: 2, b: day 0}' ELSE '<infinity: bytes x' || encode(record_send(c), 'hex') || '>' END"),
    case("public.place", "(ROW('x', '(1,2)')), (ROW(NULL, NULL))", "CASE WHEN (c).name IS NULL THEN '\"(,)\"' ELSE '\"(x,\\\"(1,2)\\\")\"' END"),
    case("public.citext", "('Ab')", QUOTED),
    case("public.hstore", "(''), ('a=>1, b=>NULL')", "CASE WHEN pg_catalog.format('%s', c) = '' THEN '{}' ELSE '{\"a\" => \"1\", \"b\" => null}' END"),
    case("public.ltree", "('a.b')", QUOTED),
    case("public.odd", "(ROW('1'::int2vector)::public.odd)", "'\"(1)\"'"),
];

const TYPES: &str = "
    CREATE EXTENSION citext SCHEMA public; CREATE EXTENSION hstore SCHEMA public; CREATE EXTENSION ltree SCHEMA public;
    CREATE TYPE public.mood AS ENUM ('sad', 'very ''happy''');
    CREATE DOMAIN public.price AS numeric(12,4);
    CREATE TYPE public.pair AS (a public.price, \"B\" varchar(7)[]);
    CREATE TYPE public.place AS (name text, at point);
    CREATE TYPE public.late AS (a int, b date);
    -- A cast to text that is not its output: it must not be used.
    CREATE TYPE public.odd AS (t int2vector);
    CREATE FUNCTION public.lie(public.odd) RETURNS text LANGUAGE sql AS 'SELECT ''lie''';
    CREATE CAST (public.odd AS text) WITH FUNCTION public.lie(public.odd);";

#[test]
fn every_type_is_read_as_the_server_tells_it() {
    for server in servers() {
        let database = server.create_database();
        let cases: Vec<&Case> = CASES.iter().filter(|case| case.since <= server.major).collect();
        let mut script = TYPES.to_owned();
        for (number, case) in cases.iter().enumerate() {
            let Case { type_, values, .. } = case;
            script.push_str(&format!(
                "CREATE TABLE public.t{number} (c {type_}); INSERT INTO public.t{number} VALUES {values};
                 INSERT INTO public.t{number} VALUES (NULL);\n"
            ));
        }
        server.sql(&database, &script).expect("tables");
        let (mut reader, types) = reader(server, &database);
        let mut session = connect(server, &database);
        // Types of this database are 0 in the bytes of exceptions.
        let own = session
            .query("", "SELECT lpad(to_hex(oid::int8), 8, '0') FROM pg_catalog.pg_type WHERE oid >= 16384", &[])
            .expect("types");
        let own: Vec<String> = own.iter().map(|row| row.get(0)).collect();
        let without_identifiers = |text: String| {
            let exception = text.contains(": bytes x");
            own.iter().filter(|_| exception).fold(text.clone(), |text, oid| text.replace(oid, "00000000"))
        };
        for (number, case) in cases.iter().enumerate() {
            let table = format!("t{number}");
            let collection = collection(server, &database, &types, &table);
            let found =
                texts(&mut reader, &collection, None).unwrap_or_else(|error| panic!("{}: {error:?}", case.type_));
            let expected = session
                .query(
                    "",
                    &format!(
                        "SELECT 'c=' || CASE WHEN c IS DISTINCT FROM NULL THEN {} ELSE 'null' END \
                         FROM public.{table} ORDER BY ctid",
                        case.cell
                    ),
                    &[],
                )
                .unwrap_or_else(|error| panic!("{}: {error:?}", case.type_));
            let expected: Vec<String> = expected.iter().map(|row| row.get(0)).map(without_identifiers).collect();
            assert_eq!(found, expected, "{} on {}", case.type_, server.major);
        }
    }
}

#[test]
fn random_numbers_are_read_exactly() {
    let server = &servers()[0];
    let database = server.create_database();
    server
        .sql(
            &database,
            "CREATE TABLE public.n (a numeric(38,10), b numeric(76,38), c numeric, d numeric(5,0));
             SELECT setseed(0.25);
             INSERT INTO public.n SELECT v, v * random()::numeric, v / (1 + random()::numeric), trunc(random() * 99999)
             FROM (SELECT (random()::numeric * 10 ^ (random() * 27)::int - random()::numeric)::numeric(38,10) AS v
                     FROM generate_series(1, 5000)) s",
        )
        .expect("a table");
    let (mut reader, types) = reader(server, &database);
    let collection = collection(server, &database, &types, "n");
    let found = texts(&mut reader, &collection, None).expect("rows");
    let expected = server
        .sql(
            &database,
            "SELECT format('a=%se-10 | b=%se-38 | c=\"%s\" | d=%se-0', (a * 1e10)::numeric(50,0), (b * 1e38)::numeric(90,0), c, d)
             FROM public.n",
        )
        .expect("texts");
    assert_eq!(found.len(), 5000);
    for (found, expected) in found.iter().zip(expected.lines()) {
        assert_eq!(found, expected);
    }
}

#[test]
fn chunks_and_batches_hold_every_row_once() {
    let server = &servers()[0];
    let database = server.create_database();
    server
        .sql(
            &database,
            "CREATE TABLE public.t (id int, v text);
             INSERT INTO public.t SELECT i, repeat(md5(i::text), i % 20) FROM generate_series(1, 30000) i;
             DELETE FROM public.t WHERE id % 7 = 0; CREATE TABLE public.child () INHERITS (public.t);
             INSERT INTO public.child VALUES (-1, 'not of the parent')",
        )
        .expect("a table");
    let (mut reader, types) = reader(server, &database);
    let collection = collection(server, &database, &types, "t");
    let whole = texts(&mut reader, &collection, None).expect("rows");
    assert_eq!(whole.len(), 30_000 - 30_000 / 7);
    let mut session = connect(server, &database);
    let chunks = crate::chunk::of_relation(&mut session, "\"public\".\"t\"", 1 << 20).expect("chunks");
    assert!(chunks.len() > 5, "{}", chunks.len());
    assert_eq!(chunks, crate::chunk::of_relation(&mut session, "\"public\".\"t\"", 1 << 20).expect("chunks"));
    let (mut parts, mut largest, mut smallest) = (Vec::new(), 0, usize::MAX);
    for chunk in &chunks {
        let batches = read(&mut reader, &collection, chunk, None, 64 << 10).expect("rows");
        for batch in batches.iter().take(batches.len().saturating_sub(1)) {
            let bytes: usize = batch.records.columns().iter().map(|column| column.get_buffer_memory_size()).sum();
            largest = largest.max(bytes);
            smallest = smallest.min(batch.records.num_rows());
        }
        parts.extend(rows_as_text(&collection, &batches));
    }
    assert_eq!(parts, whole);
    // A vector that grew has room for twice as much.
    assert!(largest < (64 << 10) * 5 / 2 + 8192, "{largest}");
    assert!(smallest > 20, "{smallest}");
}

#[test]
fn a_condition_is_one_expression() {
    let server = &servers()[0];
    let database = server.create_database();
    server.sql(&database, "CREATE TABLE public.t (a int); INSERT INTO public.t VALUES (1), (2), (3)").expect("a table");
    let (mut reader, types) = reader(server, &database);
    let collection = collection(server, &database, &types, "t");
    for good in ["a > 1", "a = 2 OR a = 3", "a > 1 -- comment", "a > 1 /* (", "a IN (2,\n3)"] {
        let found = texts(&mut reader, &collection, Some(good));
        if good.contains("/* (") {
            assert_eq!(found.expect_err("an open comment").kind(), ErrorKind::Usage);
        } else {
            assert_eq!(found.expect(good), ["a=2", "a=3"], "{good}");
        }
    }
    for bad in [
        "1) OR (1",
        "true) OR (true",
        "true LIMIT 1",
        "true; DELETE FROM public.t",
        "nothing = 1",
        "",
        "true ORDER BY a",
    ] {
        let error = texts(&mut reader, &collection, Some(bad)).expect_err(bad);
        assert_eq!(error.kind(), ErrorKind::Usage, "{bad}: {error:?}");
    }
}

#[test]
fn columns_are_read_as_other_types_where_nothing_is_lost() {
    let server = &servers()[0];
    let database = server.create_database();
    server
        .sql(
            &database,
            "CREATE TABLE public.t (a int8, b numeric(20), c float8, d text, e numeric(12,4), f smallint, g interval, h inet);
             INSERT INTO public.t VALUES (127, 18446744073709551615, 1.5, '{}', 1.5, 2024, '838:59:59', '10.0.0.1'),
                                         (128, -1, 0.1, 'x', 1.005, 0, '1 day', NULL)",
        )
        .expect("a table");
    let (mut reader, types) = reader(server, &database);
    let mut collection = collection(server, &database, &types, "t");
    let wanted = [
        LogicalType::Int { bits: 8, signed: true },
        LogicalType::Int { bits: 64, signed: false },
        LogicalType::Float { bits: 32 },
        LogicalType::Json,
        LogicalType::Decimal { precision: 10, scale: 2 },
        LogicalType::Year,
        LogicalType::Span { precision: 6 },
        LogicalType::Network { kind: NetworkKind::Cidr },
    ];
    for (column, logical) in collection.columns.iter_mut().zip(wanted) {
        column.logical = logical;
    }
    let found = texts(&mut reader, &collection, None).expect("rows");
    assert_eq!(
        found[0],
        "a=127 | b=18446744073709551615 | c=1.5 | d=\"{}\" | e=150e-2 | f=2024 | g=3020399000000 | h=\"10.0.0.1/32\""
    );
    for reason in ["a=<out-of-range", "b=<out-of-range", "c=<precision", "e=<precision", "g=<precision"] {
        assert!(found[1].contains(reason), "{reason}: {}", found[1]);
    }
    collection.columns[3].logical = LogicalType::Date;
    let error = texts(&mut reader, &collection, None).expect_err("a text is no date");
    assert_eq!(error.kind(), ErrorKind::Incompatible);
    assert_eq!(error.context().find(|(key, _)| *key == "column"), Some(("column", "d")));
}

#[test]
fn a_database_without_encoding_gives_its_bytes() {
    let server = &servers()[0];
    server
        .sql("postgres", "CREATE DATABASE ascii TEMPLATE template0 ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'")
        .expect("a database");
    server
        .sql("ascii", "CREATE TABLE public.t (a text); INSERT INTO public.t VALUES (E'caf\\xc3\\xa9'), (E'caf\\xe9')")
        .expect("a table");
    let (mut reader, types) = reader(server, "ascii");
    let collection = collection(server, "ascii", &types, "t");
    let found = texts(&mut reader, &collection, None).expect("rows");
    assert_eq!(found, ["a=\"café\"", "a=<invalid-utf8: bytes x636166e9>"]);
}

#[test]
fn tables_without_columns_have_rows() {
    let server = &servers()[0];
    let database = server.create_database();
    server
        .sql(&database, "CREATE TABLE public.t (); INSERT INTO public.t SELECT FROM generate_series(1, 3)")
        .expect("a table");
    let (mut reader, types) = reader(server, &database);
    let collection = collection(server, &database, &types, "t");
    let batches = read(&mut reader, &collection, &WHOLE, None, 1 << 20).expect("rows");
    assert_eq!(batches.iter().map(|batch| batch.records.num_rows()).sum::<usize>(), 3);
}

#[test]
fn a_policy_never_filters_in_silence() {
    let server = &servers()[0];
    let database = server.create_database();
    server
        .sql(
            &database,
            "CREATE TABLE public.t (a int); INSERT INTO public.t VALUES (1), (2);
             ALTER TABLE public.t ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON public.t USING (a = 1);
             CREATE ROLE filtered LOGIN; GRANT SELECT ON public.t TO filtered",
        )
        .expect("a table");
    let url = server.url(&database).replace("postgres@", "filtered@");
    let url = DatabaseUrl::parse(&url).expect("a URL");
    let mut session = Target::resolve(&url, &OpenOptions::default()).expect("a target").connect().expect("a session");
    let types = Arc::new(TypeCatalogue::load(&mut session).expect("types"));
    let collection = collection(server, &database, &types, "t");
    let error = texts(&mut PostgresReader::new(session, types), &collection, None).expect_err("a policy");
    assert_eq!(error.kind(), ErrorKind::Permission);
    assert!(error.remedy().is_some_and(|hint| hint.contains("BYPASSRLS")), "{error:?}");
}

#[test]
fn large_objects_are_rows() {
    let server = &servers()[0];
    let database = server.create_database();
    server.sql(&database, "SELECT lo_from_bytea(4711, decode(repeat('ab', 3000), 'hex'))").expect("a large object");
    let (mut reader, _) = reader(server, &database);
    let oid = LogicalType::Int { bits: 32, signed: false };
    let columns = vec![
        Column::new("loid", oid, "oid"),
        Column::new("pageno", LogicalType::Int { bits: 32, signed: true }, "integer"),
        Column::new("data", LogicalType::BYTES, "bytea"),
    ];
    let objects = Collection::table(CollectionName::new("pg_catalog", "pg_largeobject"), columns);
    let found = texts(&mut reader, &objects, None).expect("rows");
    let page = |number, bytes| format!("loid=4711 | pageno={number} | data=x{}", "ab".repeat(bytes));
    assert_eq!(found, [page(0, 2048), page(1, 952)]);
}
