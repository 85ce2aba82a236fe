//! `pack` and `unpack`.

use crate::workdir::{Workdir, keys};

#[test]
fn there_and_back() {
    let workdir = Workdir::with_backup();
    workdir.run(&["pack", "backup", "backup.zip"]).is(0).says(&["packed backup into backup.zip"]);
    workdir.run(&["verify", "backup.zip"]).is(0);
    workdir.run(&["restore", "backup.zip", "sqlite:new.db", "-q"]).is(0);
    let summary = workdir.run(&["unpack", "backup.zip", "copy", "--json"]).is(0).document();
    assert_eq!(
        keys(&summary),
        ["archive", "bytes", "command", "dry_run", "exit_code", "from", "schema_version", "to", "type"]
    );
    workdir.run(&["verify", "copy", "--against", "sqlite:new.db"]).is(0);
}

#[test]
fn nothing_is_overwritten_and_a_dry_run_says_so_too() {
    let workdir = Workdir::with_backup();
    workdir.run(&["pack", "backup", "backup.zip", "-n"]).is(0).says(&["would pack"]);
    assert!(!workdir.path("backup.zip").exists());
    workdir.run(&["pack", "backup", "backup.zip", "-q"]).is(0);
    workdir.run(&["unpack", "backup.zip", "copy", "-n"]).is(0).says(&["would unpack"]);
    assert!(!workdir.path("copy").exists());
    for arguments in [&["pack", "backup", "backup.zip"][..], &["unpack", "backup.zip", "backup"]] {
        workdir.run(arguments).is(11);
        workdir.run(&[arguments, &["-n"]].concat()).is(11);
    }
}

#[test]
fn what_is_damaged_is_not_packed() {
    let workdir = Workdir::with_backup();
    workdir.damage(workdir.parquet_of("backup", "users"));
    workdir.run(&["pack", "backup", "backup.zip"]).is(6);
    workdir.run(&["pack", "backup", "backup.zip", "-n"]).is(6);
    assert!(!workdir.path("backup.zip").exists());
    workdir.run(&["pack", "nowhere", "x.zip"]).is(10);
}
