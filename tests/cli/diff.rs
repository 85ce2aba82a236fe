//! `diff`.

use crate::workdir::{Workdir, keys};

#[test]
fn equal_sides_and_different_ones() {
    let workdir = Workdir::with_backup();
    workdir.run(&["diff", "backup", "sqlite:shop.db"]).is(0).says(&["are equal: 4 tables with 10 rows"]);
    workdir.run(&["diff", "backup", "backup"]).is(0);
    workdir.sql(
        "shop.db",
        "UPDATE users SET name = 'Bob' WHERE id = 2; DROP TABLE audit_log; CREATE TABLE extra (a);
         ALTER TABLE orders ADD COLUMN note TEXT; CREATE INDEX by_name ON users (name)",
    );
    let run = workdir.run(&["diff", "backup", "sqlite:shop.db"]).is(4);
    let run = run.says(&["main.audit_log", "main.extra", "column note", "index by_name", "the rows differ", "--rows"]);
    assert!(!run.stdout.contains("'Bob'"), "{}", run.stdout);
    workdir.run(&["diff", "backup", "sqlite:shop.db", "--rows"]).is(4).says(&[
        "main.users: 1 row differs, by id: 2",
        "'Bo'",
        "'Bob'",
    ]);
    let run = workdir.run(&["diff", "backup", "sqlite:shop.db", "--schema-only"]).is(4);
    let run = run.says(&["the schema only"]);
    assert!(!run.stdout.contains("rows differ"), "{}", run.stdout);
    workdir.run(&["diff", "backup", "sqlite:shop.db", "-t", "settings"]).is(0);
}

#[test]
fn programs_get_everything_as_json() {
    let workdir = Workdir::with_backup();
    workdir.run(&["dump", "sqlite:shop.db", "before", "-q"]).is(0);
    workdir.sql("shop.db", "UPDATE users SET name = 'Bob' WHERE id = 2; CREATE VIEW v AS SELECT 1");
    workdir.run(&["dump", "sqlite:shop.db", "after", "-q"]).is(0);
    let summary = workdir.run(&["diff", "before", "after", "--differences", "3", "--json"]).is(4).document();
    assert_eq!(
        keys(&summary),
        [
            "collections",
            "command",
            "equal",
            "exit_code",
            "left",
            "left_database",
            "notes",
            "right",
            "right_database",
            "rows_checked",
            "schema",
            "schema_version",
            "seconds",
            "type"
        ]
    );
    assert_eq!((&summary["equal"], &summary["exit_code"]), (&false.into(), &4.into()));
    let change = &summary["schema"][0];
    assert_eq!((&change["what"], &change["change"]), (&"view main.v".into(), &"only-right".into()));
    let lines = summary["collections"].as_array().expect("lines");
    let users = lines.iter().find(|line| line["collection"] == "main.users").expect("users");
    assert_eq!(users["row_differences"]["rows"][0]["cells"][0]["target"], "'Bob'");
    workdir.run(&["diff", "nowhere", "sqlite:shop.db"]).is(10);
    workdir.run(&["diff", "before"]).is(2);
}
