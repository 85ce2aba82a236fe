//! `dump`.

use crate::workdir::{RULES, Workdir, keys};

#[test]
fn the_result_is_one_summary_line() {
    let workdir = Workdir::with_shop();
    let run =
        workdir.run(&["dump", "sqlite:shop.db", "backup"]).is(0).says(&["dumped 4 tables with 10 rows into backup"]);
    let last = run.stdout.lines().last().expect("a line");
    for part in [" in ", " of data as ", "rows/s", "/s)"] {
        assert!(last.contains(part), "{last}");
    }
    assert!(workdir.path("backup/manifest.json").is_file());
    // `alias`: the words of other tools lead here too.
    workdir.run(&["backup", "sqlite:shop.db", "again", "-q"]).is(0);
}

#[test]
fn quiet_is_quiet() {
    let run = Workdir::with_shop().run(&["dump", "sqlite:shop.db", "backup", "--quiet"]).is(0);
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", ""));
}

#[test]
fn json_is_events_and_a_summary() {
    let workdir = Workdir::with_shop();
    let lines = workdir.run(&["dump", "sqlite:shop.db", "backup", "--json", "--description", "a shop"]).is(0).lines();
    let types: Vec<&str> = lines.iter().map(|line| line["type"].as_str().expect("a type")).collect();
    for kind in ["phase", "planned", "collection-started", "collection-finished"] {
        assert!(types.contains(&kind), "{types:?}");
    }
    let summary = lines.last().expect("a line");
    assert_eq!(
        keys(summary),
        [
            "archive",
            "archive_path",
            "bytes",
            "bytes_read",
            "collections",
            "command",
            "consistency",
            "exceptions",
            "exceptions_by_reason",
            "exit_code",
            "groups",
            "not_carried",
            "rows",
            "schema_version",
            "seconds",
            "type"
        ]
    );
    assert_eq!((&summary["type"], &summary["command"]), (&"summary".into(), &"dump".into()));
    assert_eq!((&summary["rows"], &summary["collections"], &summary["exit_code"]), (&10.into(), &4.into(), &0.into()));
    assert_eq!(keys(&summary["groups"][0]), ["bytes", "collections", "name", "rows"]);
}

#[test]
fn events_go_to_standard_error_without_json() {
    let run = Workdir::with_shop().run(&["dump", "sqlite:shop.db", "backup", "--progress", "json"]).is(0);
    assert!(run.stderr.lines().all(|line| line.starts_with(r#"{"schema_version":1,"type":""#)), "{}", run.stderr);
    run.complains(&["\"type\":\"collection-finished\""]).says(&["dumped 4 tables"]);
}

#[test]
fn exceptions_are_counted_by_reason() {
    let workdir = Workdir::empty();
    workdir.sql("odd.db", "CREATE TABLE t (n INTEGER); INSERT INTO t VALUES (1), ('abc'), (x'00'), (2);");
    let summary = workdir.run(&["dump", "sqlite:odd.db", "backup", "--json"]).is(0).document();
    assert_eq!(summary["exceptions"], 2, "{summary}");
    assert_eq!(summary["exceptions_by_reason"]["storage-class"], 2, "{summary}");
    workdir.run(&["dump", "sqlite:odd.db", "again"]).is(0).says(&["2 exceptions kept exactly", "2 storage-class"]);
    workdir.run(&["inspect", "backup", "t"]).is(0).says(&["exceptions kept exactly: 2 storage-class"]);
}

#[test]
fn a_selection_is_what_it_says() {
    let workdir = Workdir::with_shop();
    workdir.write("dbferry.toml", RULES);
    let rows = |arguments: &[&str], archive: &str| {
        let all: Vec<&str> = ["dump", "sqlite:shop.db", archive, "--json"].iter().chain(arguments).copied().collect();
        let run = workdir.run(&all).is(0);
        run.document()["rows"].as_u64().expect("rows")
    };
    assert_eq!(rows(&["-g", "log"], "a"), 4, "log and required");
    assert_eq!(rows(&["-g", "log,user"], "b"), 10);
    assert_eq!(rows(&["--exclude-group", "log"], "c"), 8);
    assert_eq!(rows(&["-t", "users"], "d"), 3);
    assert_eq!(rows(&["-T", "*_log"], "e"), 8);
    assert_eq!(rows(&["--where", "main.orders=total > 9"], "f"), 9);
    assert_eq!(rows(&["-t", "users", "-t", "orders"], "g"), 6);
}

#[test]
fn a_selection_that_cannot_be_is_refused() {
    let workdir = Workdir::with_shop();
    for (arguments, message) in [
        (["-g", "usr"], "usr"),
        (["-t", "zzz*"], "no table matches zzz*"),
        (["-T", "zzz*"], "zzz*"),
        (["--exclude-group", "nope"], "nope"),
        (["--where", "orders"], "is not TABLE=SQL"),
        (["--where", "main.nope=1"], "main.nope"),
        (["--preset", "nope"], "nope"),
    ] {
        let all = ["dump", "sqlite:shop.db", "backup", arguments[0], arguments[1]];
        workdir.run(&all).is(2).complains(&["error: ", message, "hint: "]);
        assert!(!workdir.path("backup/manifest.json").exists(), "{arguments:?}");
    }
}

#[test]
fn what_is_no_database_is_not_dumped() {
    let workdir = Workdir::empty();
    workdir.run(&["dump", "sqlite:none.db", "backup"]).is(13).complains(&["none.db"]);
    assert!(!workdir.path("none.db").exists());
    workdir.write(
        "text.db",
        "this is no database, but it is longer than a header of one hundred bytes would have to be to look like one",
    );
    workdir.run(&["dump", "sqlite:text.db", "backup"]).is(13).complains(&["text.db"]);
    assert!(!workdir.path("backup/manifest.json").exists());
}

#[test]
fn an_archive_is_never_overwritten() {
    let workdir = Workdir::with_backup();
    let before = std::fs::read(workdir.path("backup/manifest.json")).expect("a manifest");
    workdir.run(&["dump", "sqlite:shop.db", "backup"]).is(11).complains(&["backup"]);
    assert_eq!(std::fs::read(workdir.path("backup/manifest.json")).expect("a manifest"), before);
}

#[test]
fn a_dry_run_writes_nothing() {
    let workdir = Workdir::with_shop();
    workdir.run(&["dump", "sqlite:shop.db", "backup", "-n", "-t", "users"]).is(0).says(&[
        "main.users",
        "would dump 1 table",
        "nothing was written",
    ]);
    let document = workdir.run(&["dump", "sqlite:shop.db", "backup", "--dry-run", "--json"]).is(0).document();
    assert_eq!(document["type"], "dry-run");
    assert_eq!(document["collections"].as_array().map(Vec::len), Some(4));
    assert!(!workdir.path("backup").exists());
}

#[test]
fn the_database_may_come_from_the_environment() {
    let workdir = Workdir::with_shop();
    workdir.run_with(&["dump", "one", "-q"], &[("DATABASE_URL", "sqlite:shop.db")]).is(0);
    assert!(workdir.path("one/manifest.json").is_file());
}
