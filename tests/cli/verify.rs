//! `verify`.

use crate::workdir::{Workdir, keys};

#[test]
fn a_whole_archive_and_an_equal_database() {
    let workdir = Workdir::with_backup();
    workdir.run(&["verify", "backup"]).is(0).says(&["backup is whole: 4 tables, 10 rows"]);
    workdir.run(&["check", "backup", "--bytes-only"]).is(0).says(&["not decoded"]);
    workdir
        .run(&["verify", "backup", "--against", "sqlite:shop.db"])
        .is(0)
        .says(&["sqlite:shop.db holds what backup says"]);
    workdir.run(&["verify", "backup", "--against", "sqlite:shop.db", "--bytes-only"]).is(2);
}

#[test]
fn differences_are_listed_and_have_their_own_code() {
    let workdir = Workdir::with_backup();
    workdir.sql(
        "shop.db",
        "UPDATE users SET name = 'Bob' WHERE id = 2; DROP TABLE audit_log; DELETE FROM orders WHERE id = 1",
    );
    let run = workdir.run(&["verify", "backup", "--against", "sqlite:shop.db"]).is(4);
    run.says(&["main.users", "main.audit_log", "main.orders", "differs from backup in 3 of 4 tables"]);
    let summary = workdir.run(&["verify", "backup", "--against", "sqlite:shop.db", "--json"]).is(4).document();
    assert_eq!(
        keys(&summary),
        [
            "against",
            "archive",
            "archive_path",
            "collections",
            "command",
            "differences",
            "exit_code",
            "notes",
            "rows_checked",
            "sampled",
            "schema_version",
            "seconds",
            "strays",
            "type",
            "warnings"
        ]
    );
    assert_eq!((&summary["differences"], &summary["exit_code"]), (&3.into(), &4.into()));
    let line = |name: &str| {
        let lines = summary["collections"].as_array().expect("lines");
        lines.iter().find(|line| line["collection"] == name).expect(name)
    };
    assert_eq!(keys(line("main.settings")), ["collection", "difference", "group", "hash", "rows", "target"]);
    let found = &line("main.users")["row_differences"];
    assert_eq!((&found["changed"], &found["key"][0], &found["complete"]), (&1.into(), &"id".into(), &true.into()));
    let cell = &found["rows"][0]["cells"][0];
    assert_eq!((&cell["column"], &cell["source"], &cell["target"]), (&"name".into(), &"'Bo'".into(), &"'Bob'".into()));
    workdir.run(&["verify", "backup", "--against", "sqlite:shop.db", "-t", "settings"]).is(0);
}

#[test]
fn the_row_and_the_column_are_named() {
    let workdir = Workdir::with_backup();
    workdir.sql("shop.db", "UPDATE users SET name = 'Bob' WHERE id = 2; DELETE FROM orders WHERE id = 1");
    let arguments = ["verify", "backup", "--against", "sqlite:shop.db"];
    workdir.run(&arguments).is(4).says(&[
        "main.users: 1 row differs, by id: 2",
        "'Bo'",
        "'Bob'",
        "main.orders: 1 row is missing, by id: 1",
        "total=9.99",
        "first: backup, second: sqlite:shop.db",
    ]);
    let run = workdir.run(&[&arguments[..], &["--differences", "0"]].concat()).is(4);
    assert!(!run.stdout.contains("'Bo'") && run.stdout.contains("hash to"), "{}", run.stdout);
    workdir.sql("shop.db", "UPDATE users SET name = 'x'");
    workdir.run(&[&arguments[..], &["--differences", "1"]].concat()).is(4).says(&["... and 2 more"]);
}

#[test]
fn two_databases_and_what_makes_no_sense() {
    let workdir = Workdir::with_backup();
    std::fs::copy(workdir.path("shop.db"), workdir.path("copy.db")).expect("a copy");
    let arguments = ["verify", "sqlite:shop.db", "--against", "sqlite:copy.db"];
    workdir.run(&arguments).is(0).says(&["sqlite:copy.db holds what sqlite:shop.db holds: 4 tables, 10 rows"]);
    workdir.sql("copy.db", "UPDATE users SET email = NULL WHERE id = 1");
    workdir.run(&arguments).is(4).says(&["'zoe@example.org'", "null"]);
    let summary = workdir.run(&[&arguments[..], &["--json"]].concat()).is(4).document();
    assert_eq!((&summary["source_url"], &summary["archive"]), (&"sqlite:shop.db".into(), &serde_json::Value::Null));
    workdir.run(&["verify", "sqlite:shop.db"]).is(2).complains(&["--against"]);
    workdir.run(&[&arguments[..], &["-g", "user"]].concat()).is(2).complains(&["groups"]);
    for sample in ["0", "0%", "101%", "many"] {
        workdir.run(&["verify", "backup", "--sample", sample]).is(2).complains(&["5%"]);
    }
}

#[test]
fn a_scratch_database_is_restored_into_and_emptied() {
    let workdir = Workdir::with_backup();
    let arguments = ["verify", "backup", "--restore-into"];
    workdir
        .run(&[&arguments[..], &["sqlite:scratch.db"]].concat())
        .is(0)
        .says(&["backup can be restored: 4 tables, 10 rows, restored into sqlite:scratch.db", "taken away again"]);
    assert_eq!(workdir.number("scratch.db", "SELECT count(*) FROM sqlite_schema"), 0);
    workdir.run(&[&arguments[..], &["sqlite:shop.db"]].concat()).is(20).complains(&["not empty", "main."]);
    assert_eq!(workdir.number("shop.db", "SELECT count(*) FROM users"), 3);
    workdir.write("dbferry.toml", "version = 1\n[connections.prod]\nurl = 'sqlite:new.db'\nrole = 'source'\n");
    workdir.run(&[&arguments[..], &["@prod"]].concat()).is(20);
}

#[test]
fn a_sample_says_what_it_proves() {
    let workdir = Workdir::with_backup();
    let run = workdir.run(&["verify", "backup", "--sample", "50%"]).is(0);
    run.says(&["note: a sample: 10 of 10 rows were decoded", "not proven", "a sample decoded"]);
    let run = workdir.run(&["verify", "backup", "--against", "sqlite:shop.db", "--sample", "1"]).is(0);
    run.says(&["looked up", "nothing of other rows", "a sample read"]);
}

#[test]
fn damage_is_found() {
    let workdir = Workdir::with_backup();
    workdir.damage(workdir.parquet_of("backup", "users"));
    for arguments in [&["verify", "backup"][..], &["verify", "backup", "--bytes-only"]] {
        workdir.run(arguments).is(6).complains(&["users"]);
    }
    workdir.run(&["verify", "nowhere"]).is(10).complains(&["nowhere"]);
}

#[test]
fn a_stray_file_is_a_warning() {
    let workdir = Workdir::with_backup();
    workdir.write("backup/notes.txt", "mine");
    workdir.run(&["verify", "backup"]).is(3).complains(&["warning: ", "notes.txt"]);
}
