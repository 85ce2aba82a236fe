//! `plan`.

use crate::workdir::{Workdir, keys};

#[test]
fn a_plan_says_what_goes_and_touches_nothing() {
    let workdir = Workdir::with_backup();
    workdir.run(&["plan", "backup", "sqlite:new.db"]).is(0).says(&["create", "creates 4 tables; loads 10 rows"]);
    assert!(!workdir.path("new.db").exists());
    workdir
        .run(&["plan", "backup", "sqlite:shop.db"])
        .is(0)
        .says(&["replace", "replaces 4 tables: ~10 rows in the target go"]);
    workdir.run(&["plan", "backup", "sqlite:new.db", "-vv"]).is(0).says(&[
        "main.users.email",
        "identical",
        "CREATE TABLE",
    ]);
}

#[test]
fn the_document_keeps_its_shape() {
    let workdir = Workdir::with_backup();
    workdir.sql(
        "shop.db",
        "ALTER TABLE users ADD COLUMN must TEXT NOT NULL DEFAULT ''; ALTER TABLE orders DROP COLUMN total",
    );
    let document = workdir.run(&["plan", "backup", "sqlite:shop.db", "--json"]).is(5).document();
    assert_eq!(
        keys(&document),
        [
            "archive",
            "archive_path",
            "exit_code",
            "leaving",
            "not_carried",
            "notes",
            "overwrites",
            "problems",
            "rows_overwritten",
            "schema_version",
            "source",
            "target",
            "target_url",
            "type",
            "units",
            "warnings"
        ]
    );
    let lines = document["units"][0]["collections"].as_array().expect("collections");
    let orders = lines.iter().find(|line| line["collection"] == "main.orders").expect("orders");
    assert_eq!(
        keys(orders),
        [
            "action",
            "collection",
            "columns",
            "group",
            "not_carried",
            "notes",
            "problems",
            "rows",
            "rows_estimated",
            "rows_overwritten",
            "statements",
            "target",
            "warnings"
        ]
    );
    assert!(orders["action"].is_null(), "{orders}");
    assert_eq!(document["problems"].as_array().map(Vec::len), Some(1), "{document}");
    assert!(document["problems"][0].as_str().expect("text").contains("total"));
}

#[test]
fn an_edge_that_leaves_the_selection_is_named() {
    let workdir = Workdir::with_backup();
    let document = workdir.run(&["plan", "backup", "sqlite:new.db", "-t", "orders", "--json"]).is(5).document();
    assert_eq!(keys(&document["leaving"][0]), ["child", "columns", "missing", "outside_group", "parent"]);
    assert_eq!(document["leaving"][0]["parent"], "main.users");
    assert_eq!(document["leaving"][0]["missing"], true);
}
