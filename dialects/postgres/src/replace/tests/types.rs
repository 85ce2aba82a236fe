//! Values of every type, with their extremes, through a dump and a restore.

use super::support::*;
use dbferry_dialect::CollectionAction;

/// Types with values in PostgreSQL's own spelling.
const ZOO: &[(&str, &[&str])] = &[
    ("boolean", &["t", "f"]),
    ("smallint", &["-32768", "32767"]),
    ("integer", &["-2147483648", "2147483647"]),
    ("bigint", &["-9223372036854775808", "9223372036854775807"]),
    ("oid", &["0", "4294967295"]),
    ("xid", &["4294967295"]),
    ("xid8", &["18446744073709551615"]),
    ("cid", &["7"]),
    ("tid", &["(4294967295,65535)"]),
    ("real", &["NaN", "-Infinity", "-0", "3.4028235e38", "1e-45"]),
    ("double precision", &["NaN", "Infinity", "-0", "1.7976931348623157e308", "5e-324"]),
    (
        "numeric",
        &["NaN", "Infinity", "-Infinity", "1.10", "1.1", "0.000", "1e-1000", "-123456789012345678901234567890.5"],
    ),
    ("numeric(10,2)", &["NaN", "99999999.99", "-0.01", "0"]),
    ("numeric(50,20)", &["NaN", "999999999999999999999999999999.99999999999999999999"]),
    ("numeric(3,-2)", &["NaN", "99900", "-100"]),
    ("numeric(2,5)", &["0.00099"]),
    ("money", &["-92233720368547758.08", "92233720368547758.07"]),
    ("text", &["", "été \u{1f600}\ttab\nline", "\\N", "NULL"]),
    ("varchar(5)", &["", "ab   "]),
    ("char(5)", &["", "ab"]),
    ("bpchar", &["ab  "]),
    ("name", &["a name"]),
    ("\"char\"", &["", "x", "\\303"]),
    ("bytea", &["\\x", "\\x00ff"]),
    ("date", &["4714-11-24 BC", "5874897-12-31", "infinity", "-infinity"]),
    ("time", &["00:00", "23:59:59.999999", "24:00"]),
    ("time(0)", &["12:00:01"]),
    ("timetz", &["00:00+15:59:59", "24:00-15:59:59"]),
    ("timestamp", &["4714-11-24 BC", "294276-12-31 23:59:59.999999", "infinity", "-infinity"]),
    ("timestamptz", &["4714-11-24 00:00+00 BC", "294276-12-31 23:59:59.999999+00", "infinity", "-infinity"]),
    ("interval", &["1 mon -2 days 03:04:05.000006", "-178000000 years", "178000000 years", "0"]),
    ("interval day to second(2)", &["1 day 00:00:01.23"]),
    ("uuid", &["00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"]),
    ("json", &["{\"b\" : 1, \"a\":[1.10,null], \"b\":2}", " null "]),
    ("jsonb", &["{\"b\": 1, \"a\": [1.10, null]}", "null"]),
    ("jsonpath", &["$.a[*] ? (@ > 1)"]),
    ("xml", &["<a>é</a>", "<?xml version=\"1.0\" encoding=\"LATIN1\"?><a>é</a>", "text <b/>"]),
    ("bit(3)", &["101", "000"]),
    ("bit(70)", &["1111111111222222222233333333334444444444555555555566666666667777777777"]),
    ("bit varying", &["", "1", "0000000000000000000000000000000000000000000000000000000000000000000001"]),
    ("inet", &["10.1.2.3/8", "::ffff:1.2.3.4", "fe80::1/64", "0.0.0.0/0"]),
    ("cidr", &["10.1.0.0/16", "2001:db8::/32"]),
    ("macaddr", &["08:00:2b:01:02:03"]),
    ("macaddr8", &["08:00:2b:01:02:03:04:05"]),
    ("point", &["(1.1,-2e300)", "(NaN,Infinity)"]),
    ("line", &["{1,2,3}"]),
    ("lseg", &["[(0,0),(1,1)]"]),
    ("box", &["(1,1),(0,0)"]),
    ("path", &["((0,0),(1,1))", "[(0,0),(1,1)]"]),
    ("polygon", &["((0,0),(1,1),(2,0))"]),
    ("circle", &["<(1,2),3>"]),
    ("tsvector", &["'a':1A,2 'b c'", ""]),
    ("tsquery", &["'a' & !( 'b' | 'c':*AB )"]),
    ("pg_lsn", &["16/B374D848"]),
    ("pg_snapshot", &["10:20:10,14"]),
    ("regclass", &["pg_class", "-"]),
    ("regtype", &["integer"]),
    ("regproc", &["now"]),
    ("int2vector", &["1 2 3"]),
    ("oidvector", &["1 2"]),
    ("int[]", &["{}", "{1,NULL,3}", "[0:1]={1,2}", "{{1,2},{3,4}}", "[2:2][3:4]={{1,NULL}}"]),
    ("text[]", &["{\"\",NULL,\"NULL\",\"a,b\"}", "{{a},{b}}"]),
    ("numeric(5,1)[]", &["{1.5,NaN}"]),
    ("timestamptz[]", &["{infinity,\"2020-01-01 00:00:00+00\"}"]),
    ("jsonb[]", &["{\"{\\\"a\\\": 1}\"}"]),
    ("xml[]", &["{<a/>}"]),
    ("point[]", &["{\"(1,2)\"}"]),
    ("int4range", &["empty", "[1,10)", "(,)", "[5,)"]),
    ("numrange", &["[1.10,2.200]", "(,NaN]", "empty"]),
    ("tstzrange", &["[-infinity,infinity]", "(,\"2020-01-01 00:00:00+00\")"]),
    ("daterange", &["[2020-01-01,infinity)"]),
    ("int4multirange", &["{}", "{[1,2),[5,9)}", "{(,)}"]),
    ("datemultirange", &["{[2020-01-01,infinity)}"]),
    ("int4range[]", &["{\"[1,2)\",empty,NULL}", "[3:3]={\"[1,2)\"}"]),
    ("public.mood", &["sad", "so so"]),
    ("public.mood[]", &["{ok,NULL}", "[0:0]={sad}"]),
    ("public.price", &["1.50", "NaN"]),
    ("public.sure", &["7"]),
    ("public.pair", &["(1,\"{ok,sad}\",1.50)", "(,,)", "(2,\"[0:0]={ok}\",NaN)"]),
    ("public.pair[]", &["{\"(1,{},)\",NULL}", "[5:5]={\"(1,{ok},)\"}"]),
    ("public.outer", &["(\"(1,{ok},2.00)\",\"[1,5)\")"]),
    ("public.place", &["(here,\"(1,2)\")"]),
    ("public.floats", &["[-Infinity,NaN]", "empty"]),
    ("public.citext", &["MiXed", ""]),
    ("public.citext[]", &["{A,b}"]),
    ("public.hstore", &["", "\"a\"=>NULL, \"b\"=>\"\", \"é\"=>\"x\""]),
    ("public.ltree", &["Top.Science.Astronomy", ""]),
    ("public.lquery", &["*.a{1,2}.b|c"]),
    ("public.cube", &["(1, 2),(3, 4)"]),
    ("public.seg", &["1.00 .. 2.5"]),
    ("public.isbn", &["0-393-04002-X"]),
];

const TYPES: &str = "
    CREATE EXTENSION citext; CREATE EXTENSION hstore; CREATE EXTENSION ltree; CREATE EXTENSION cube; CREATE EXTENSION seg;
    CREATE EXTENSION isn;
    CREATE TYPE public.mood AS ENUM ('sad', 'so so', 'ok');
    CREATE DOMAIN public.price AS numeric(8,2);
    CREATE DOMAIN public.whole AS integer CHECK (VALUE > 0); CREATE DOMAIN public.sure AS public.whole NOT NULL;
    CREATE TYPE public.pair AS (a integer, b public.mood[], c public.price);
    CREATE TYPE public.outer AS (p public.pair, r int4range);
    CREATE TYPE public.place AS (name text, at point);
    CREATE TYPE public.floats AS RANGE (subtype = float8);";

/// One table a type, and one with all types.
fn zoo() -> String {
    let mut sql = format!("SET TimeZone = 'UTC'; {TYPES}");
    let mut columns = Vec::new();
    for (number, (type_, values)) in ZOO.iter().enumerate() {
        sql.push_str(&format!("CREATE TABLE public.t{number} (id int, c {type_});"));
        for (id, value) in values.iter().enumerate() {
            let value = match *type_ {
                "bit(70)" => "10".repeat(35),
                _ => value.replace('\'', "''"),
            };
            sql.push_str(&format!("INSERT INTO public.t{number} VALUES ({id}, '{value}');"));
        }
        if *type_ != "public.sure" {
            sql.push_str(&format!("INSERT INTO public.t{number} VALUES (-1, NULL);"));
            columns.push(format!("c{number} {type_}"));
        }
    }
    sql.push_str(&format!("CREATE TABLE public.wide ({});", columns.join(", ")));
    for row in 0..3 {
        let values: Vec<String> = ZOO
            .iter()
            .enumerate()
            .filter(|(_, (type_, _))| *type_ != "public.sure")
            .map(|(number, (_, values))| {
                let last = values.len() - 1;
                format!("(SELECT c FROM public.t{number} WHERE id = {})", if row == 2 { 0 } else { row.min(last) })
            })
            .collect();
        sql.push_str(&format!("INSERT INTO public.wide SELECT {};", values.join(", ")));
    }
    sql
}

#[test]
fn every_value_of_every_type_comes_back() {
    on_every_version(|| {
        let source = database(&zoo());
        let archive = dump(&source, 1 << 20);
        let target = database("");
        assert_eq!(restored(&archive, &target), Vec::<String>::new());
        assert_eq!(sorted(&dumped(&target)), sorted(&dumped(&source)));
        // In place, where columns stand in another order and types have other identifiers.
        run(
            &target,
            "ALTER TABLE public.wide ADD COLUMN extra int; ALTER TABLE public.t0 DROP COLUMN id, ADD COLUMN id int",
        );
        restored(&archive, &target);
        assert_eq!(run(&target, "SELECT string_agg(id::text || c, ',' ORDER BY id) FROM public.t0"), "0true,1false");
        let columns =
            archive.schema.collections.iter().find(|collection| collection.name.name == "wide").expect("wide");
        let columns: Vec<String> = columns.columns.iter().map(|column| format!("{}::text", column.name)).collect();
        let sql = format!("SELECT {} FROM public.wide ORDER BY ctid", columns.join(", "));
        assert_eq!(run(&target, &sql), run(&source, &sql));
    });
}

#[test]
fn types_that_take_texts_only_are_loaded_in_several_writers_and_in_place() {
    let source = database(
        "CREATE TABLE public.t (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at point, x xml, g int GENERATED ALWAYS AS (7) STORED);
         INSERT INTO public.t (at, x) SELECT point(n, n), ('<a>' || n || '</a>')::xml FROM generate_series(1, 2000) n",
    );
    let archive = dump(&source, 8 << 10);
    let target = database("");
    Restore { writers: 3, ..Restore::default() }.run(&archive, &target).expect("a restore");
    assert_eq!(sorted(&dumped(&target)), sorted(&dumped(&source)));
    run(&target, "DELETE FROM public.t; CREATE RULE quiet AS ON INSERT TO public.t DO INSTEAD NOTHING");
    let replace =
        |_: &dbferry_dialect::Collection, _: Option<&dbferry_dialect::Collection>| Some(CollectionAction::Replace);
    Restore { choose: &replace, ..Restore::default() }.run(&archive, &target).expect("a restore");
    run(&target, "DROP RULE quiet ON public.t");
    assert_eq!(sorted(&dumped(&target)), sorted(&dumped(&source)));
}
