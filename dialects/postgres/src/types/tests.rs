use super::{Oid, TypeCatalogue};
use crate::connect::Target;
use crate::session::Session;
use crate::testing::{Installation, Server};
use dbferry_dialect::logical::StructField;
use dbferry_dialect::{DatabaseUrl, LogicalType, OpenOptions};
use std::collections::HashMap;
use std::sync::OnceLock;

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

/// The columns of `public.t` with their logical types.
fn columns(session: &mut Session) -> Vec<(String, LogicalType)> {
    let catalogue = TypeCatalogue::load(session).expect("types");
    let rows = session
        .query(
            "",
            "SELECT attname::text, atttypid, atttypmod FROM pg_catalog.pg_attribute \
             WHERE attrelid = 'public.t'::regclass AND attnum > 0 ORDER BY attnum",
            &[],
        )
        .expect("columns");
    let logical = |oid: Oid, typmod: i32| catalogue.logical(oid, typmod);
    let columns: Vec<_> = rows.iter().map(|row| (row.get(0), logical(row.get(1), row.get(2)))).collect();
    for (name, logical) in &columns {
        logical.validate().unwrap_or_else(|what| panic!("{name}: {what}"));
    }
    columns
}

/// What PostgreSQL's own types are, where they are more than their text.
const KNOWN: &[(&str, &str)] = &[
    ("bool", "bool"),
    ("bytea", "bytes"),
    ("char", "text(1)"),
    ("name", "text(63)"),
    ("int8", "int64"),
    ("int2", "int16"),
    ("int4", "int32"),
    ("text", "text"),
    ("oid", "uint32"),
    ("xid", "uint32"),
    ("cid", "uint32"),
    ("xid8", "uint64"),
    ("json", "json"),
    ("jsonb", "json"),
    ("float4", "float32"),
    ("float8", "float64"),
    ("money", "decimal(19,2)"),
    ("macaddr", "mac"),
    ("macaddr8", "mac8"),
    ("inet", "inet"),
    ("cidr", "cidr"),
    ("bpchar", "text"),
    ("varchar", "text"),
    ("date", "date"),
    ("time", "time(6)"),
    ("timetz", "timetz(6)"),
    ("timestamp", "timestamp(6)"),
    ("timestamptz", "instant(6)"),
    ("interval", "interval"),
    ("bit", "varbits"),
    ("varbit", "varbits"),
    ("numeric", "numeric"),
    ("refcursor", "text"),
    ("uuid", "uuid"),
    ("int4range", "range<int32>"),
    ("int8range", "range<int64>"),
    ("numrange", "range<numeric>"),
    ("daterange", "range<date>"),
    ("tsrange", "range<timestamp(6)>"),
    ("tstzrange", "range<instant(6)>"),
    ("int4multirange", "list<range<int32>>"),
    ("int8multirange", "list<range<int64>>"),
    ("nummultirange", "list<range<numeric>>"),
    ("datemultirange", "list<range<date>>"),
    ("tsmultirange", "list<range<timestamp(6)>>"),
    ("tstzmultirange", "list<range<instant(6)>>"),
];

#[test]
fn every_built_in_type_has_its_meaning() {
    for server in servers() {
        let database = server.create_database();
        // Every type that a column can have, arrays included, found out by trying.
        server
            .sql(
                &database,
                "CREATE TABLE public.t ();
                 DO $$ DECLARE r record; BEGIN
                   FOR r IN SELECT t.oid, t.typname FROM pg_type t WHERE t.typnamespace = 'pg_catalog'::regnamespace
                        AND t.typtype <> 'p' AND t.typrelid = 0
                        AND NOT EXISTS (SELECT FROM pg_type e WHERE e.oid = t.typelem AND e.typrelid <> 0) LOOP
                     BEGIN
                       EXECUTE format('ALTER TABLE public.t ADD COLUMN %I %s', r.typname, format_type(r.oid, -1));
                     EXCEPTION WHEN OTHERS THEN NULL;
                     END;
                   END LOOP;
                 END $$",
            )
            .expect("a table of every type");
        let columns: HashMap<String, LogicalType> = columns(&mut connect(server, &database)).into_iter().collect();
        assert!(columns.len() > 120, "{} columns", columns.len());
        for (name, logical) in &columns {
            let text = logical.to_string();
            if let Some((_, expected)) = KNOWN.iter().find(|(known, _)| known == name) {
                assert_eq!(text, *expected, "{name}");
            } else if let Some(element) = name.strip_prefix('_').and_then(|name| columns.get(name)) {
                match element {
                    LogicalType::Opaque { native, .. } => assert_eq!(text, format!("postgres:{native}[]"), "{name}"),
                    _ => assert_eq!(text, format!("list<{element}>"), "{name}"),
                }
            } else {
                assert!(matches!(logical, LogicalType::Opaque { .. }), "{name} is {text}");
            }
        }
        for (known, _) in KNOWN {
            assert!(columns.contains_key(*known), "{known}");
        }
    }
}

#[test]
fn modifiers_count_also_inside_other_types() {
    let numeric = if servers()[0].major >= 15 { "numeric(3,-2)" } else { "numeric" };
    let database = servers()[0].create_database();
    servers()[0]
        .sql(
            &database,
            &format!(
                "CREATE DOMAIN public.price AS numeric(12,4);
                 CREATE DOMAIN public.\"Net price\" AS public.price CHECK (VALUE > 0);
                 CREATE TYPE public.mood AS ENUM ('sad', 'ok');
                 ALTER TYPE public.mood ADD VALUE 'so so' BEFORE 'ok';
                 CREATE TYPE public.pair AS (a public.price, gone int, \"B\" varchar(7)[]);
                 ALTER TYPE public.pair DROP ATTRIBUTE gone;
                 CREATE TYPE public.place AS (name text, at point);
                 CREATE TYPE public.nothing AS ();
                 CREATE TYPE public.floats AS RANGE (subtype = float8);
                 CREATE TABLE public.other (a int, b public.mood);
                 CREATE TABLE public.t (
                   a numeric(76,76), b numeric(77,0), c {numeric}, d numeric(10,2)[][], e \"public\".\"Net price\",
                   f public.mood, g public.pair[], h public.place, i public.nothing, j public.floats, k public.other,
                   l bit(8), m bit varying(100), n char(5), o timestamp(0), p timestamptz(3)[], q interval day to second(2),
                   r public.place[], s pg_catalog.\"char\", t bpchar
                 )"
            ),
        )
        .expect("a table");
    let columns: HashMap<String, LogicalType> = columns(&mut connect(&servers()[0], &database)).into_iter().collect();
    let price = LogicalType::Decimal { precision: 12, scale: 4 };
    let mood = LogicalType::Enum { labels: ["sad", "so so", "ok"].map(String::from).to_vec() };
    let field = |name: &str, logical: LogicalType| StructField { name: name.to_owned(), logical };
    let list = |element: LogicalType| LogicalType::List { element: Box::new(element) };
    let words = list(LogicalType::Text { max_chars: Some(7), fixed: false });
    let pair = LogicalType::Struct { fields: vec![field("a", price.clone()), field("B", words)] };
    let int4 = LogicalType::Int { bits: 32, signed: true };
    assert_eq!(columns["e"], price);
    assert_eq!(columns["f"], mood);
    assert_eq!(columns["g"], list(pair));
    assert_eq!(columns["k"], LogicalType::Struct { fields: vec![field("a", int4), field("b", mood)] });
    assert_eq!(columns["l"], LogicalType::Bits { length: Some(8), varying: false });
    assert_eq!(columns["m"], LogicalType::Bits { length: Some(100), varying: true });
    assert_eq!(columns["n"], LogicalType::Text { max_chars: Some(5), fixed: true });
    assert_eq!(columns["t"], LogicalType::TEXT);
    for (name, text) in [
        ("a", "decimal(76,76)"),
        ("b", "numeric"),
        ("c", "numeric"),
        ("d", "list<decimal(10,2)>"),
        ("h", "postgres:public.place"),
        ("i", "postgres:public.nothing"),
        ("j", "range<float64>"),
        ("o", "timestamp(0)"),
        ("p", "list<instant(3)>"),
        ("q", "interval"),
        ("r", "postgres:public.place[]"),
    ] {
        assert_eq!(columns[name].to_string(), text, "{name}");
    }
}

#[test]
fn extensions_are_known_by_their_names() {
    let database = servers()[0].create_database();
    servers()[0]
        .sql(
            &database,
            "CREATE SCHEMA x; CREATE EXTENSION citext SCHEMA x; CREATE EXTENSION hstore SCHEMA x;
             CREATE EXTENSION ltree SCHEMA x; CREATE DOMAIN public.mail AS x.citext;
             CREATE TABLE public.t (a x.citext, b x.hstore[], c x.ltree, d public.mail)",
        )
        .expect("a table");
    let texts: Vec<String> = columns(&mut connect(&servers()[0], &database))
        .into_iter()
        .map(|(name, logical)| format!("{name} {logical}"))
        .collect();
    assert_eq!(texts, ["a text", "b list<map>", "c postgres:x.ltree", "d text"]);
}

#[test]
fn money_has_the_digits_of_its_locale() {
    let mut session = connect(&servers()[0], &servers()[0].create_database());
    assert_eq!(TypeCatalogue::load(&mut session).expect("types").money_scale(), 2);
}
