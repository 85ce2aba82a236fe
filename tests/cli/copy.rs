//! `copy`: from one database into another, as a restore from what is not an archive.

use crate::workdir::{RULES, Workdir, keys};

const USERS: &str = "SELECT count(*) FROM users";

#[test]
fn into_a_new_file_nothing_is_asked_and_no_file_is_left() {
    let workdir = Workdir::with_shop();
    workdir
        .run(&["copy", "sqlite:shop.db", "sqlite:new.db"])
        .is(0)
        .says(&["copied 4 tables with 10 rows into sqlite:new.db", "every row was read again and is equal"]);
    assert_eq!(workdir.number("new.db", USERS), 3);
    let mut files: Vec<_> =
        std::fs::read_dir(workdir.path("")).expect("a directory").map(|f| f.unwrap().file_name()).collect();
    files.sort();
    assert_eq!(files, ["new.db", "shop.db"]);
    workdir.run(&["migrate", "sqlite:shop.db", "sqlite:other.db", "-q"]).is(0);
    workdir.run_with(&["copy", "sqlite:shop.db", "-q"], &[("DATABASE_URL", "sqlite:third.db")]).is(0);
    assert_eq!(workdir.number("third.db", USERS), 3);
}

#[test]
fn consent_and_safety_are_those_of_a_restore() {
    let workdir = Workdir::with_shop();
    workdir.run(&["copy", "sqlite:shop.db", "sqlite:new.db", "-q"]).is(0);
    workdir.sql("new.db", "DELETE FROM orders; DELETE FROM users WHERE id > 1");
    workdir
        .run(&["copy", "sqlite:shop.db", "sqlite:new.db"])
        .is(20)
        .complains(&["nothing was changed", "run: dbferry copy sqlite:shop.db sqlite:new.db --yes"]);
    assert_eq!(workdir.number("new.db", USERS), 1);
    workdir.run(&["copy", "sqlite:shop.db", "sqlite:new.db", "-y", "-q", "--safety-backup", "before"]).is(0);
    assert_eq!(workdir.number("new.db", USERS), 3);
    let inspected = workdir.run(&["inspect", "before", "users", "--json"]).is(0).document();
    assert_eq!(inspected["collections"][0]["rows"], 1);

    workdir.write("dbferry.toml", "version = 1\n[connections.prod]\nurl = \"sqlite:shop.db\"\nrole = \"source\"\n");
    workdir.run(&["copy", "sqlite:new.db", "@prod", "-y"]).is(20).complains(&["is a source"]);
    workdir.run(&["copy", "@prod", "sqlite:new.db", "-y", "-q"]).is(0);
}

#[test]
fn a_dry_run_is_the_plan_of_two_databases() {
    let workdir = Workdir::with_shop();
    let dry = workdir.run(&["copy", "sqlite:shop.db", "sqlite:new.db", "-n", "--json"]).is(0).document();
    let plan = workdir.run(&["plan", "sqlite:shop.db", "sqlite:new.db", "--json"]).is(0).document();
    assert_eq!(dry, plan);
    assert!(!workdir.path("new.db").exists());
    assert_eq!((&plan["source_url"], &plan["target_url"]), (&"sqlite:shop.db".into(), &"sqlite:new.db".into()));
    assert!(plan.get("archive").is_none() && plan.get("archive_path").is_none(), "{plan}");
    let line = &plan["units"][0]["collections"][0];
    assert_eq!(line["rows_estimated"], true, "{line}");
    workdir
        .run(&["plan", "sqlite:shop.db", "sqlite:new.db"])
        .is(0)
        .says(&["sqlite:shop.db (SQLite", "creates 4 tables; loads about 10 rows"]);
    workdir.sql("new.db", "CREATE TABLE users (id INTEGER PRIMARY KEY, other TEXT)");
    workdir
        .run(&["plan", "sqlite:shop.db", "sqlite:new.db"])
        .is(5)
        .says(&["problem: main.users", "cannot be copied: 2 problems"]);
    workdir.run(&["copy", "sqlite:shop.db", "sqlite:new.db"]).is(5).complains(&["cannot take the source as it is"]);
    assert_eq!(workdir.number("new.db", "SELECT count(*) FROM sqlite_master"), 1);
}

#[test]
fn groups_and_conditions_choose_what_is_copied() {
    let workdir = Workdir::with_shop();
    workdir.write("dbferry.toml", RULES);
    let run = workdir
        .run(&[
            "copy",
            "sqlite:shop.db",
            "sqlite:new.db",
            "-g",
            "log",
            "--where",
            "main.audit_log=what IS NULL",
            "--json",
        ])
        .is(0);
    let summary = run.document();
    assert_eq!(
        keys(&summary),
        [
            "command",
            "consistency",
            "exit_code",
            "notes",
            "rows",
            "safety_backup",
            "schema_version",
            "seconds",
            "source_url",
            "target_url",
            "type",
            "units",
            "warnings"
        ]
    );
    assert_eq!((&summary["command"], &summary["rows"]), (&"copy".into(), &3.into()));
    let log = &summary["units"][1]["collections"][0];
    assert_eq!(keys(log), ["action", "collection", "partial", "proof", "rows"]);
    assert_eq!((&log["partial"], &log["rows"], &log["proof"]), (&"what IS NULL".into(), &1.into(), &"hash".into()));
    assert_eq!(workdir.number("new.db", "SELECT count(*) FROM audit_log"), 1);
    assert_eq!(workdir.number("new.db", "SELECT count(*) FROM sqlite_master WHERE name = 'users'"), 0);

    workdir
        .run(&["copy", "sqlite:shop.db", "sqlite:part.db", "--where", "main.audit_log=what IS NULL", "-v"])
        .is(0)
        .says(&["1 of more", "note: main.audit_log: only its rows for which this holds: what IS NULL"]);
    workdir
        .run(&["plan", "sqlite:shop.db", "sqlite:part.db", "-t", "audit_log", "--where", "main.audit_log=what IS NULL"])
        .is(0)
        .says(&["some", "loads rows whose number is not known yet", "only its rows for which this holds"]);
    workdir.run(&["copy", "sqlite:shop.db", "sqlite:x.db", "--where", "main.none=1"]).is(2).complains(&["main.none"]);
    workdir.run(&["copy", "sqlite:shop.db", "sqlite:x.db", "--where", "main.users=nonsense("]).is(1);
    workdir.run(&["copy", "sqlite:shop.db", "sqlite:x.db", "-g", "skipped"]).is(2).complains(&["never dumped"]);
    assert!(!workdir.path("x.db").exists());
}

#[test]
fn what_is_no_pair_of_databases_is_told_apart() {
    let workdir = Workdir::with_backup();
    workdir.run(&["copy", "sqlite:shop.db", "sqlite:./shop.db", "-y"]).is(2).complains(&["the source and the target"]);
    workdir.run(&["copy", "backup", "sqlite:new.db"]).is(2).complains(&["dbferry restore"]);
    workdir.run(&["copy", "sqlite:shop.db"]).is(2).complains(&["no database is named"]);
    workdir.run(&["copy", "sqlite:gone.db", "sqlite:new.db"]).is(13);
    workdir.run(&["plan", "sqlite:shop.db"]).is(2);
    workdir.run(&["plan", "backup", "sqlite:new.db", "--where", "main.users=1"]).is(2).complains(&["--where"]);
    assert!(!workdir.path("new.db").exists());
}

#[test]
fn progress_and_events_are_told() {
    let workdir = Workdir::with_shop();
    let run = workdir.run(&["copy", "sqlite:shop.db", "sqlite:new.db", "--json", "--progress", "json"]).is(0);
    let lines = run.lines();
    let of = |kind: &str| lines.iter().filter(|line| line["type"] == kind).collect::<Vec<_>>();
    let planned = of("planned");
    assert_eq!((planned.len(), &planned[0]["rows"], &planned[0]["rows_estimated"]), (1, &10.into(), &true.into()));
    assert_eq!((of("collection-finished").len(), of("summary").len()), (4, 1));
    let phases: Vec<&str> = of("phase").iter().map(|line| line["name"].as_str().expect("a name")).collect();
    assert!(phases.starts_with(&["snapshot", "plan", "load"]), "{phases:?}");
}
