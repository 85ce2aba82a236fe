//! `list`.

use crate::workdir::{Workdir, keys};

#[test]
fn archives_newest_first_and_nothing_else() {
    let workdir = Workdir::with_backup();
    workdir.run(&["dump", "sqlite:shop.db", "later", "-q"]).is(0);
    workdir.run(&["pack", "backup", "backup.zip", "-q"]).is(0);
    let run = workdir.run(&["list"]).is(0).says(&["3 archives", "SQLite shop.db"]);
    let position = |name: &str| run.stdout.find(name).expect(name);
    assert!(position("later") < position("backup"), "{}", run.stdout);
    workdir.run(&["snapshots", "."]).is(0).says(&["3 archives"]);
    workdir.run(&["list", "backup"]).is(0).says(&["0 archives", "an archive itself: dbferry inspect backup"]);
}

#[test]
fn a_broken_archive_is_listed_with_its_error() {
    let workdir = Workdir::with_backup();
    workdir.run(&["dump", "sqlite:shop.db", "good", "-q"]).is(0);
    workdir.damage("backup/manifest.json");
    let run = workdir.run(&["list", "--json"]).is(3).complains(&["warning: ", "backup"]);
    let document = run.document();
    let archives = document["archives"].as_array().expect("archives");
    assert_eq!(archives.len(), 2);
    assert_eq!(
        keys(&archives[0]),
        [
            "archive",
            "archive_path",
            "bytes",
            "collections",
            "created_at",
            "description",
            "groups",
            "packed",
            "rows",
            "source",
            "tool"
        ]
    );
    assert_eq!(archives[1]["error"]["kind"], "archive-damaged");
    assert_eq!(archives[1]["error"]["exit_code"], 6);
}
