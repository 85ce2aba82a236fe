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
            "rows_checked",
            "schema_version",
            "seconds",
            "strays",
            "type"
        ]
    );
    assert_eq!((&summary["differences"], &summary["exit_code"]), (&3.into(), &4.into()));
    assert_eq!(keys(&summary["collections"][0]), ["collection", "difference", "group", "hash", "rows"]);
    workdir.run(&["verify", "backup", "--against", "sqlite:shop.db", "-t", "settings"]).is(0);
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
