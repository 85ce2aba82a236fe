//! `bench`: what is measured is not tested here, since no time is right or wrong; what is said of it is.

use crate::workdir::{Workdir, keys};
use serde_json::{Value, json};

/// Quick: the shop has ten rows.
const ONCE: [&str; 4] = ["--warm-up", "0", "--repeats", "1"];

fn bench<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    [&["bench", "sqlite:shop.db"], arguments, &ONCE].concat()
}

#[test]
fn every_case_is_measured_and_told_in_words_and_as_json() {
    let workdir = Workdir::with_shop();
    workdir.run(&bench(&["--jobs", "1,2"])).is(0).says(&[
        "10 rows in 4 tables of SQLite",
        "null, 1 job ",
        "file, 2 jobs, zstd ",
        "compress",
    ]);
    let arguments = ["--jobs", "1,2", "--compression", "zstd:1,none", "--sink", "arrow,file", "--json"];
    let summary = workdir.run(&bench(&arguments)).is(0).document();
    assert_eq!(
        keys(&summary),
        [
            "cases",
            "collections",
            "command",
            "created_at",
            "exit_code",
            "machine",
            "repeats",
            "rows",
            "schema_version",
            "source",
            "source_url",
            "tool",
            "type",
            "warm_up"
        ]
    );
    assert_eq!((&summary["rows"], &summary["collections"]), (&10.into(), &4.into()));
    let cases = summary["cases"].as_array().expect("cases");
    let named: Vec<_> = cases.iter().map(|case| (&case["sink"], &case["jobs"], &case["compression"])).collect();
    let (arrow, file) = (&json!("arrow"), &json!("file"));
    let expected = [
        (arrow, &json!(1), &Value::Null),
        (arrow, &json!(2), &Value::Null),
        (file, &json!(1), &json!("zstd:1")),
        (file, &json!(2), &json!("zstd:1")),
        (file, &json!(1), &json!("none")),
        (file, &json!(2), &json!("none")),
    ];
    assert_eq!(named, expected);
    for case in cases {
        let spread = &case["seconds"];
        let of = |name: &str| spread[name].as_f64().expect(name);
        assert!(0.0 < of("min") && of("min") <= of("median") && of("median") <= of("max"), "{case}");
        assert_eq!(keys(&case["stages"]), ["compress", "decode", "encode", "hash", "other", "wait", "write"]);
        assert_eq!(case["rows"], 10, "{case}");
        let rows = case["per_collection"].as_array().expect("tables").iter().map(|table| table["rows"].as_u64());
        assert_eq!(rows.flatten().sum::<u64>(), 10, "{case}");
        assert_eq!(case["output_bytes"].is_u64(), case["sink"] == "file", "{case}");
        assert!(cfg!(not(target_os = "linux")) || case["peak_memory"].as_u64() > Some(1 << 20), "{case}");
    }
    assert_eq!(workdir.files(), ["shop.db"], "what was written is removed");
}

#[test]
fn selections_are_those_of_a_dump() {
    let workdir = Workdir::with_shop();
    let arguments = ["-t", "users", "--where", "main.users=id > 1", "--sink", "null,parquet", "--json"];
    let summary = workdir.run(&bench(&arguments)).is(0).document();
    assert_eq!((&summary["rows"], &summary["collections"]), (&2.into(), &1.into()));
    assert_eq!(summary["cases"][1]["per_collection"][0]["collection"], "main.users");
    workdir.run(&bench(&["-t", "nothing"])).is(2);
    workdir.run(&bench(&["--where", "main.users=id >"])).is(1).complains(&["condition: id >"]);
}

#[test]
fn a_slower_run_ends_with_the_code_of_differences() {
    let workdir = Workdir::with_shop();
    let mut before = workdir.run(&bench(&["--sink", "null", "--json"])).is(0).document();
    let mut write = |name: &str, rows_per_second: f64| {
        before["cases"][0]["rows_per_second"] = rows_per_second.into();
        workdir.write(name, format!("{{\"type\":\"phase\"}}\n{before}\n"));
    };
    write("fast.json", 1e12);
    write("slow.json", 1e-3);
    let compare =
        |file, more: &[&'static str]| workdir.run(&bench(&[&["--sink", "null", "--compare", file], more].concat()));
    compare("fast.json", &["--fail-over", "10%"]).is(4).says(&["slower by more than 10%: 1 case"]);
    compare("slow.json", &["--fail-over", "10%"]).is(0).says(&["nothing is slower by more than 10%"]);
    compare("fast.json", &[]).is(0).says(&["Compared with before"]);
    let summary = compare("fast.json", &["--fail-over", "10%", "--json"]).is(4).document();
    assert_eq!((&summary["exit_code"], &summary["comparison"]["cases"][0]["slower"]), (&4.into(), &true.into()));

    workdir.run(&bench(&["--sink", "arrow", "--compare", "slow.json"])).is(2).complains(&["no case in common"]);
    workdir.write("other.json", "{}");
    compare("other.json", &[]).is(2).complains(&["no benchmark in it", "other.json"]);
    compare("missing.json", &[]).is(1).complains(&["cannot read missing.json"]);
    compare("slow.json", &["--fail-over", "10"]).is(2).complains(&["write a part such as 10%"]);
    workdir.run(&bench(&["--fail-over", "10%"])).is(2).complains(&["--compare"]);
}

#[test]
fn the_page_needs_nothing_and_believes_nothing() {
    let workdir = Workdir::with_shop();
    workdir.sql("shop.db", "CREATE TABLE \"<script src=//x.example></script>\" (a); INSERT INTO \"<script src=//x.example></script>\" VALUES (1)");
    workdir.run(&bench(&["--sink", "null,file", "--jobs", "1,2", "--html", "page.html"])).is(0);
    let page = std::fs::read_to_string(workdir.path("page.html")).unwrap();
    assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>\n"));
    for plot in ["Throughput by jobs", "Time by stage", "By table"] {
        assert!(page.contains(plot), "{plot}");
    }
    assert_eq!(page.matches("<svg").count(), 3);
    assert!(page.contains("prefers-color-scheme: dark") && page.contains("&lt;script src=//x.example&gt;"));
    for outside in ["http:", "https:", "<script", "<link", "<img", "@import", "url("] {
        assert!(!page.contains(outside), "{outside}");
    }
    workdir.run(&bench(&["--sink", "null", "--html", "nowhere/page.html"])).is(1).complains(&["cannot write"]);
}

#[test]
fn the_way_back_goes_into_what_is_empty_or_scratch() {
    let workdir = Workdir::with_shop();
    let import = |target: &'static str| workdir.run(&bench(&["--sink", "null", "--import", target]));
    import("sqlite:new.db").is(0).says(&["The way back", "import, ", "prove "]);
    let tables = "SELECT count(*) FROM sqlite_schema";
    assert_eq!(workdir.number("new.db", tables), 0, "what was empty is empty again");

    workdir.sql("used.db", "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL, email TEXT UNIQUE)");
    workdir.sql("used.db", "INSERT INTO users (name) VALUES ('kept')");
    import("sqlite:used.db").is(20).complains(&["is not empty", "role = \"scratch\"", "nothing was changed"]);
    import("sqlite:shop.db").is(2).complains(&["the source and the target"]);
    let kept = "SELECT count(*) FROM users WHERE name = 'kept'";
    assert_eq!(workdir.number("used.db", kept), 1);

    let connection = |name, role| format!("[connections.{name}]\nurl = \"sqlite:used.db\"\nrole = \"{role}\"\n");
    let config = format!("version = 1\n{}{}", connection("prod", "source"), connection("scratch", "scratch"));
    workdir.write("dbferry.toml", config);
    import("@prod").is(20).complains(&["is a source"]);
    assert_eq!(workdir.number("used.db", kept), 1);
    let arguments = ["--sink", "null", "--jobs", "1,2", "--import", "@scratch", "--json"];
    let summary = workdir.run(&bench(&arguments)).is(0).document();
    assert_eq!(workdir.number("used.db", kept), 0);
    let imports = summary["imports"].as_array().expect("imports");
    assert_eq!(imports.iter().map(|import| &import["jobs"]).collect::<Vec<_>>(), [1, 2]);
    for import in imports {
        assert_eq!(import["rows"], 10, "{import}");
        let phases: Vec<_> = import["phases"].as_array().expect("phases").iter().map(|phase| &phase["phase"]).collect();
        assert_eq!(phases, ["plan", "check", "load", "indexes", "prove", "switch"]);
    }
}

#[test]
fn a_database_is_made_where_there_is_none() {
    let workdir = Workdir::with_shop();
    let generate = |url: &'static str, data| workdir.run(&["bench", url, "--generate", data, "--repeats", "0"]);
    let arguments = ["bench", "sqlite:tpch.db", "--generate", "tpch:0.01", "--sink", "arrow", "--json"];
    let summary = workdir.run(&[&arguments[..], &ONCE].concat()).is(0).document();
    assert_eq!(
        (&summary["generated"]["dataset"], &summary["generated"]["rows"]),
        (&"tpch:0.01".into(), &86_805.into())
    );
    assert_eq!((&summary["rows"], &summary["collections"]), (&86_805.into(), &8.into()));
    assert!(summary["cases"][0]["peak_memory"].is_null(), "the generator's memory is none of reading");
    // As dbgen of the Transaction Processing Performance Council makes them; DuckDB's `CALL dbgen(sf = 0.01)` agrees.
    let counts = [("lineitem", 60_175), ("orders", 15_000), ("partsupp", 8_000), ("part", 2_000), ("customer", 1_500)];
    for (table, rows) in counts.into_iter().chain([("supplier", 100), ("nation", 25), ("region", 5)]) {
        assert_eq!(workdir.number("tpch.db", &format!("SELECT count(*) FROM {table}")), rows, "{table}");
    }
    let cents = |table, column| {
        workdir.number("tpch.db", &format!("SELECT CAST(sum(round({column} * 100)) AS INTEGER) FROM {table}"))
    };
    assert_eq!(cents("lineitem", "l_extendedprice"), 215_218_976_047);
    assert_eq!(workdir.number("tpch.db", "SELECT count(*) FROM pragma_foreign_key_check"), 0);
    assert_eq!(workdir.number("tpch.db", "SELECT count(*) FROM pragma_foreign_key_list('lineitem')"), 3);
    let first = "SELECT l_comment = 'egular courts above the' AND l_shipdate = '1996-03-13' FROM lineitem
        WHERE l_orderkey = 1 AND l_linenumber = 1";
    assert_eq!(workdir.number("tpch.db", first), 1);

    generate("sqlite:shop.db", "tpch:0.01").is(20).complains(&["the database is not empty", "main.orders"]);
    assert_eq!(workdir.number("shop.db", "SELECT count(*) FROM users"), 3);
    generate("sqlite:other.db", "tpch:x").is(2).complains(&["tpch:0.1"]);
    generate("sqlite:other.db", "tpch:0.01").is(0).says(&[
        "generated tpch:0.01",
        "8 tables with 86,805 rows",
        "foreign keys",
    ]);
    workdir.run(&["verify", "sqlite:tpch.db", "--against", "sqlite:other.db"]).is(0);
}

#[test]
fn what_makes_no_sense_is_told_before_anything_is_measured() {
    let workdir = Workdir::with_shop();
    workdir.run(&["bench", "sqlite:shop.db", "--repeats", "0"]).is(2).complains(&["measures nothing", "--generate"]);
    workdir.run(&bench(&["--sink", "tape"])).is(2).complains(&["null, arrow, parquet or file"]);
    workdir.run(&bench(&["--jobs", "1,0"])).is(2).complains(&["0 jobs"]);
    workdir.run(&bench(&["--compression", "zip"])).is(2);
    workdir.run(&bench(&["--batch-size", "0"])).is(2);
    workdir.run(&bench(&["--sink", "file", "--directory", "nowhere"])).is(1).complains(&["nowhere"]);
    workdir.run(&["bench", "sqlite:nothing.db"]).is(13);
}
