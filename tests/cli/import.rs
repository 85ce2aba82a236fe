//! Parquet files of other programs, wherever an archive is expected.

use crate::workdir::Workdir;
use std::fs;
use std::path::Path;

/// A directory with a copy of the fixtures.
fn with_foreign() -> Workdir {
    fn copy(from: &Path, to: &Path) {
        fs::create_dir_all(to).expect("a directory");
        for entry in fs::read_dir(from).expect("a listing") {
            let path = entry.expect("an entry").path();
            let target = to.join(path.file_name().expect("a name"));
            if path.is_dir() {
                copy(&path, &target);
            } else {
                fs::copy(&path, &target).expect("a copy");
            }
        }
    }
    let workdir = Workdir::empty();
    copy(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/foreign")), &workdir.path(""));
    workdir
}

/// Everything below a directory with its content.
fn content(root: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root).expect("a listing") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(content(&path));
        } else {
            found.push((path.display().to_string(), fs::read(&path).expect("content")));
        }
    }
    found.sort();
    found
}

#[test]
fn a_folder_is_looked_at_planned_and_restored() {
    let workdir = with_foreign();
    let before = content(&workdir.path("shop"));
    workdir.run(&["inspect", "shop"]).is(0).says(&[
        "no manifest",
        "DuckDB",
        "main.orders",
        "audit.log",
        "schema.sql is left aside",
        "4 tables, 106 rows",
    ]);
    workdir.run(&["inspect", "shop", "orders"]).is(0).says(&["decimal(10,2)", "timestamp(6)", "100 in 4 row groups"]);
    workdir.run(&["plan", "shop", "sqlite:new.db"]).is(0).says(&["create", "main.orders", "100"]);
    assert!(!workdir.path("new.db").exists());
    // Intervals and lists too, which SQLite keeps as texts.
    workdir.run(&["restore", "shop", "sqlite:new.db"]).is(0).says(&["every row was read again and is equal"]);
    assert_eq!(workdir.number("new.db", "SELECT count(*) FROM orders WHERE note IS NULL"), 33);
    assert_eq!(workdir.number("new.db", "SELECT sum(id) FROM orders"), 5050);
    assert_eq!(workdir.number("new.db", "SELECT total = '37.50' AND customer_id = 1 FROM orders WHERE id = 30"), 1);
    assert_eq!(workdir.number("new.db", "SELECT count(*) FROM log"), 1);
    // Once more: what is there is replaced, after consent.
    workdir.run(&["restore", "shop", "sqlite:new.db"]).is(20);
    let orders = ["restore", "shop", "sqlite:new.db", "--table", "orders", "--yes"];
    workdir.run(&orders).is(0).says(&["every row was read again and is equal"]);
    assert_eq!(workdir.number("new.db", "SELECT count(*) FROM orders"), 100);
    assert_eq!(content(&workdir.path("shop")), before, "nothing is written beside the files");
}

#[test]
fn a_file_is_a_table_and_rules_give_its_group() {
    let workdir = with_foreign();
    workdir.write("dbferry.toml", "version = 1\n[[rule]]\ngroup = \"user\"\ntables = [\"types\"]\n");
    workdir.run(&["inspect", "types/types.parquet", "types"]).is(0).says(&["group     user", "rule 1"]);
    workdir.run(&["groups", "types"]).is(0).says(&["user", "types"]);
    let restore = ["restore", "types/types.parquet", "sqlite:t.db", "--group", "user"];
    workdir.run(&restore).is(0).says(&["every row was read again and is equal"]);
    assert_eq!(workdir.number("t.db", "SELECT i64 = 9223372036854775807 FROM types WHERE i8 = 127"), 1);
    let document = workdir.run(&["inspect", "types", "--json"]).is(0).document();
    assert_eq!(document["source"]["dialect"], "parquet");
    assert_eq!(document["collections"][0]["group"], "user");
}

#[test]
fn the_rows_are_verified_against_themselves() {
    let workdir = with_foreign();
    workdir.run(&["verify", "shop"]).is(0).says(&["4 tables, 106 rows"]);
    workdir.run(&["restore", "shop", "sqlite:held.db"]).is(0);
    let against = ["verify", "shop", "--against", "sqlite:held.db"];
    workdir.run(&against).is(0).says(&["holds what shop says", "106 rows"]);
    workdir.run(&[&against[..], &["--table", "orders"]].concat()).is(0).says(&["holds what shop says", "100 rows"]);
    // Parquet has no keys, so a changed row is one that is missing and one that is extra.
    workdir.sql("held.db", "UPDATE orders SET customer_id = 7777 WHERE id = 30");
    workdir.run(&against).is(4).says(&["main.orders", "(missing)", "(extra)", "7777"]);
    workdir.damage("shop/orders/data_2.parquet");
    workdir.run(&["verify", "shop"]).is(6).complains(&["data_2.parquet", "orders"]);
    workdir.run(&["restore", "shop", "sqlite:new.db"]).is(6);
    assert!(!workdir.path("new.db").exists());
}

#[test]
fn what_is_refused_says_why_and_changes_nothing() {
    let workdir = with_foreign();
    let cases: [(&str, &[&str]); 4] = [
        ("refused/hive", &["partition", "year=2026", "hive_partitioning"]),
        ("refused/mixed", &["part-1.parquet", "id", "int32", "int64"]),
        ("refused/nanoseconds.parquet", &["finer than microseconds", "at", "row: 3"]),
        ("refused/gzip.parquet", &["gzip", "zstd"]),
    ];
    for (path, expected) in cases {
        workdir.run(&["restore", path, "sqlite:new.db"]).is(1).complains(expected);
        assert!(!workdir.path("new.db").exists());
    }
}

#[test]
fn names_that_only_case_tells_apart_stay_apart() {
    let workdir = with_foreign();
    // Two columns for Parquet, and one name for SQLite.
    workdir.run(&["restore", "case", "sqlite:new.db", "-v"]).is(0).says(&["column ID is called ID_"]);
    assert_eq!(workdir.number("new.db", "SELECT count(*) FROM pragma_table_info('columns')"), 2);
    workdir.run(&["verify", "case", "--against", "sqlite:new.db"]).is(0);
    workdir.run(&["restore", "case", "sqlite:new.db", "--yes"]).is(0);
}

#[test]
fn an_archive_without_its_manifest_stays_damaged() {
    let workdir = Workdir::with_backup();
    for restore in [["restore", "backup", "sqlite:new.db"], ["plan", "backup", "sqlite:new.db"]] {
        fs::rename(workdir.path("backup/manifest.json"), workdir.path("kept")).expect("a move");
        workdir.run(&restore).is(10).complains(&["manifest.json"]);
        fs::rename(workdir.path("kept"), workdir.path("backup/manifest.json")).expect("a move");
    }
    // Other commands want an archive.
    let foreign = with_foreign();
    foreign.run(&["pack", "shop", "shop.zip"]).is(10);
    foreign.run(&["list", "."]).is(0);
}
