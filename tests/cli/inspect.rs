//! `inspect`.

use crate::workdir::{Workdir, keys};

#[test]
fn an_archive_and_one_table() {
    let workdir = Workdir::with_backup();
    workdir.run(&["inspect", "backup"]).is(0).says(&["SQLite", "main.orders", "4 tables, 10 rows", "proven"]);
    workdir.run(&["inspect", "backup", "orders"]).is(0).says(&[
        "main.orders",
        "user_id",
        "decimal(10,2)",
        "NUMERIC(10,2)",
    ]);
    workdir.run(&["inspect", "backup", "main.users"]).is(0).says(&["main.users", "email"]);
    workdir.run(&["inspect", "backup", "nope"]).is(2).complains(&["no table \"nope\"", "main.orders"]);
}

#[test]
fn the_document_keeps_its_shape() {
    let workdir = Workdir::with_backup();
    let document = workdir.run(&["inspect", "backup", "users", "--json"]).is(0).document();
    assert_eq!(
        keys(&document),
        [
            "archive",
            "archive_path",
            "attributes",
            "bytes",
            "collections",
            "compression",
            "consistency",
            "created_at",
            "description",
            "groups",
            "not_carried",
            "objects",
            "packed",
            "rows",
            "schema_version",
            "source",
            "tool",
            "type"
        ]
    );
    assert_eq!((&document["type"], &document["packed"]), (&"inspect".into(), &false.into()));
    let users = &document["collections"][0];
    assert_eq!(
        keys(users),
        ["bytes", "collection", "columns", "exceptions", "file", "group", "hash", "kind", "row_groups", "rows", "rule"]
    );
    assert_eq!((&users["collection"], &users["rows"]), (&"main.users".into(), &3.into()));
    assert_eq!(keys(&users["columns"][0]), ["generated", "key", "logical", "name", "native", "nullable", "role"]);
    assert_eq!(users["columns"][0]["key"], 1);
}

#[test]
fn what_is_no_archive() {
    let workdir = Workdir::with_backup();
    workdir.run(&["inspect", "nowhere"]).is(10).complains(&["nowhere"]);
    std::fs::create_dir(workdir.path("empty")).expect("a directory");
    workdir.run(&["inspect", "empty"]).is(10);
    workdir.damage("backup/manifest.json");
    let document = workdir.run(&["inspect", "backup", "--json"]).is(6).document();
    assert_eq!((&document["kind"], &document["exit_code"]), (&"archive-damaged".into(), &6.into()));
}

#[test]
fn names_from_an_archive_do_not_reach_the_terminal_raw() {
    let workdir = Workdir::empty();
    workdir.sql("evil.db", "CREATE TABLE \"a\u{1b}[2J\nerror: b\" (\"c\u{202e}d\" TEXT)");
    workdir.run(&["dump", "sqlite:evil.db", "backup"]).is(0);
    for arguments in [
        &["inspect", "backup"][..],
        &["inspect", "backup", "a*"],
        &["groups", "backup"],
        &["inspect", "backup", "--json"],
    ] {
        let run = workdir.run(arguments).is(0);
        assert!(!run.stdout.contains(['\u{1b}', '\u{202e}']), "{arguments:?}: {:?}", run.stdout);
        assert!(!run.stdout.lines().any(|line| line.starts_with("error: ")), "{}", run.stdout);
    }
}
