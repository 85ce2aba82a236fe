//! `restore`: consent above all.

use crate::workdir::{RULES, Workdir, keys};

const USERS: &str = "SELECT count(*) FROM users";

#[test]
fn into_a_new_file_nothing_is_asked() {
    let workdir = Workdir::with_backup();
    workdir
        .run(&["restore", "backup", "sqlite:new.db"])
        .is(0)
        .says(&["restored 4 tables with 10 rows into sqlite:new.db", "every row was read again and is equal"]);
    assert_eq!(workdir.number("new.db", USERS), 3);
    workdir.run(&["import", "backup", "sqlite:other.db", "-q"]).is(0);
}

#[test]
fn without_a_terminal_consent_must_be_given_before() {
    let workdir = Workdir::with_backup();
    workdir.sql("shop.db", "DELETE FROM orders; DELETE FROM users WHERE id > 1");
    workdir
        .run(&["restore", "backup", "sqlite:shop.db"])
        .is(20)
        .complains(&["nothing was changed", "run: dbferry restore backup sqlite:shop.db --yes"]);
    assert_eq!(workdir.number("shop.db", USERS), 1);
    workdir.run(&["restore", "backup", "sqlite:shop.db", "--yes"]).is(0);
    assert_eq!(workdir.number("shop.db", USERS), 3);
    workdir.run_with(&["restore", "backup", "sqlite:shop.db", "-q"], &[("DBFERRY_YES", "true")]).is(0);
    workdir.run_with(&["restore", "backup", "sqlite:shop.db"], &[("DBFERRY_YES", "0")]).is(20);
}

#[test]
fn adding_rows_needs_consent_too() {
    let workdir = Workdir::with_backup();
    let arguments = ["restore", "backup", "sqlite:shop.db", "-t", "audit_log", "--mode", "append"];
    workdir.run(&arguments).is(20);
    assert_eq!(workdir.number("shop.db", "SELECT count(*) FROM audit_log"), 2);
    workdir.run(&[&arguments[..], &["-y"]].concat()).is(0);
    assert_eq!(workdir.number("shop.db", "SELECT count(*) FROM audit_log"), 4);
}

#[test]
fn one_group_leaves_the_others_alone() {
    let workdir = Workdir::with_shop();
    workdir.write("dbferry.toml", RULES);
    workdir.run(&["dump", "sqlite:shop.db", "backup", "-q"]).is(0);
    workdir.sql("shop.db", "DELETE FROM audit_log; DELETE FROM orders; DELETE FROM users");
    workdir.run(&["restore", "backup", "sqlite:shop.db", "-g", "user", "-y", "-q"]).is(0);
    assert_eq!(workdir.number("shop.db", USERS), 3);
    assert_eq!(workdir.number("shop.db", "SELECT count(*) FROM audit_log"), 0);
}

#[test]
fn modes_come_from_the_configuration_and_the_command_line() {
    let workdir = Workdir::with_backup();
    workdir.write(
        "dbferry.toml",
        "version = 1\n[[restore.table]]\nmatch = \"audit_log\"\nmode = \"schema-only\"\n[[restore.table]]\nmatch = \"gone\"\nmode = \"skip\"\n",
    );
    workdir
        .run(&["restore", "backup", "sqlite:new.db", "-q"])
        .is(0)
        .complains(&["warning: ", "\"gone\" matches no table of the archive"]);
    assert_eq!(workdir.number("new.db", "SELECT count(*) FROM audit_log"), 0);
    assert_eq!(workdir.number("new.db", USERS), 3);
    workdir.run(&["restore", "backup", "sqlite:new.db", "--mode", "create", "-y"]).is(5).complains(&["exists already"]);
}

#[test]
fn what_was_chosen_is_no_warning_and_what_is_left_out_is_one() {
    let workdir = Workdir::with_shop();
    workdir.sql("shop.db", "CREATE VIEW names AS SELECT name FROM users");
    workdir.run(&["dump", "sqlite:shop.db", "backup", "-q"]).is(0);
    workdir.write("dbferry.toml", "version = 1\n[[restore.table]]\nmatch = \"audit_log\"\nmode = \"skip\"\n");
    let run = workdir.run(&["restore", "backup", "sqlite:new.db", "-v"]).is(0);
    assert!(!run.stderr.contains("warning"), "{}", run.stderr);
    run.says(&["note: main.audit_log is skipped as configured"]);
    workdir.run(&["restore", "backup", "sqlite:other.db"]).is(0).says(&["1 note; -v shows more"]);
    let plan = workdir.run(&["plan", "backup", "sqlite:third.db", "--untrusted"]).is(0);
    plan.says(&["note: main.audit_log is skipped"]).complains(&["warning: 1 view"]);
    let run = workdir.run(&["restore", "backup", "sqlite:third.db", "--untrusted", "--json"]).is(3);
    let summary = run.complains(&["warning: 1 view"]).document();
    assert_eq!(
        (summary["notes"].as_array().map(Vec::len), summary["warnings"].as_array().map(Vec::len)),
        (Some(1), Some(1))
    );
    assert_eq!(summary["exit_code"], 3);
}

#[test]
fn an_incompatible_target_is_told_everything_and_left_alone() {
    let workdir = Workdir::with_backup();
    workdir.sql("shop.db", "ALTER TABLE users DROP COLUMN name; ALTER TABLE audit_log DROP COLUMN what");
    let run = workdir.run(&["restore", "backup", "sqlite:shop.db", "--yes", "--json"]).is(5);
    let run = run.complains(&["main.users", "main.audit_log", "name", "what"]);
    let document = run.document();
    assert_eq!((&document["type"], &document["kind"]), (&"error".into(), &"incompatible".into()));
    assert_eq!(document["exit_code"], 5);
    assert_eq!(workdir.number("shop.db", USERS), 3);
}

#[test]
fn a_dry_run_is_a_plan() {
    let workdir = Workdir::with_backup();
    let run = workdir.run(&["restore", "backup", "sqlite:new.db", "--dry-run", "--json"]).is(0);
    assert_eq!(run.document()["type"], "plan");
    assert!(!workdir.path("new.db").exists());
    workdir.run(&["restore", "backup", "sqlite:shop.db", "-n"]).is(0).says(&["replaces 4 tables"]);
}

#[test]
fn json_is_events_and_a_summary() {
    let workdir = Workdir::with_backup();
    let run = workdir.run(&["restore", "backup", "sqlite:shop.db", "-y", "--json", "--safety-backup", "before"]).is(0);
    let summary = run.document();
    assert_eq!(
        keys(&summary),
        [
            "archive",
            "archive_path",
            "command",
            "exit_code",
            "notes",
            "rows",
            "safety_backup",
            "schema_version",
            "seconds",
            "target_url",
            "type",
            "units",
            "warnings"
        ]
    );
    assert_eq!(keys(&summary["units"][0]), ["collections", "groups"]);
    assert_eq!(keys(&summary["units"][0]["collections"][0]), ["action", "collection", "proof", "rows"]);
    assert_eq!(summary["units"][0]["collections"][0]["proof"], "hash");
    assert_eq!(summary["safety_backup"], "before");
    assert!(run.lines().iter().any(|line| line["type"] == "group-finished" && line["replaced"] == true));
    workdir.run(&["verify", "before"]).is(0);
}

#[test]
fn a_safety_backup_is_named_like_an_archive() {
    let workdir = Workdir::with_backup();
    workdir.run(&["restore", "backup", "sqlite:shop.db", "-y", "--safety-backup", "sqlite:x.db"]).is(2);
}

#[test]
fn a_damaged_archive_changes_nothing() {
    let workdir = Workdir::with_backup();
    workdir.damage(workdir.parquet_of("backup", "users"));
    workdir.sql("shop.db", "DELETE FROM orders");
    workdir.run(&["restore", "backup", "sqlite:shop.db", "-y"]).is(6);
    assert_eq!(workdir.number("shop.db", "SELECT count(*) FROM orders"), 0);
    workdir.run(&["restore", "backup", "sqlite:new.db"]).is(6);
    assert!(!workdir.path("new.db").exists());
    workdir.run(&["restore", "nowhere", "sqlite:new.db"]).is(10);
}
