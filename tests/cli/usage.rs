//! What stands in the wrong place, or is no place at all: each has its own words and code 2.

use crate::workdir::Workdir;

#[test]
fn a_path_without_scheme_is_told_how_to_be_a_url() {
    let workdir = Workdir::with_shop();
    for arguments in [&["dump", "shop.db", "backup"][..], &["groups", "shop.db"], &["plan", "backup", "shop.db"]] {
        if arguments[0] == "plan" {
            workdir.run(&["dump", "sqlite:shop.db", "backup", "-q"]).is(0);
        }
        workdir.run(arguments).is(2).complains(&[
            "\"shop.db\" is not a database URL",
            "hint: ",
            "write sqlite:shop.db",
        ]);
    }
}

#[test]
fn an_unknown_scheme_lists_the_known_ones() {
    let workdir = Workdir::empty();
    workdir.run(&["dump", "oracle://h/d", "backup"]).is(2).complains(&["oracle:", "this build knows ", " sqlite:"]);
    assert!(!workdir.path("backup").exists());
}

#[test]
fn a_database_and_an_archive_in_each_others_place() {
    let workdir = Workdir::with_backup();
    workdir.run(&["dump", "sqlite:shop.db"]).is(2).complains(&["the archive to write is missing"]);
    workdir.run(&["dump", "new", "sqlite:shop.db"]).is(2).complains(&["where the archive is expected", "hint: "]);
    workdir.run(&["restore", "sqlite:shop.db", "backup"]).is(2).complains(&["where the archive is expected"]);
    workdir.run(&["verify", "sqlite:shop.db"]).is(2).complains(&["--against"]);
    workdir.run(&["inspect", "sqlite:shop.db"]).is(2).complains(&["dbferry groups URL"]);
}

#[test]
fn no_database_at_all() {
    let workdir = Workdir::with_backup();
    for arguments in [&["dump", "new"][..], &["groups"], &["restore", "backup"], &["plan", "backup"]] {
        workdir.run(arguments).is(2).complains(&["no database is named", "DATABASE_URL"]);
    }
    workdir.run_with(&["groups"], &[("DATABASE_URL", "")]).is(2).complains(&["no database is named"]);
}

#[test]
fn what_the_parser_refuses_is_an_error_like_any_other() {
    let workdir = Workdir::empty();
    workdir.run(&["dump", "--nonsense", "a", "b"]).is(2).complains(&["error: unexpected argument '--nonsense'"]);
    workdir.run(&["frobnicate"]).is(2).complains(&["error: unrecognized subcommand"]);
    for (option, value) in [("--memory", "lots"), ("--jobs", "many"), ("--compression", "zip"), ("--progress", "loud")]
    {
        workdir.run(&["dump", "sqlite:a", "b", option, value]).is(2).complains(&[value]);
    }
    let document = workdir.run(&["dump", "--json", "--nonsense"]).is(2).document();
    assert_eq!((&document["type"], &document["kind"]), (&"error".into(), &"usage".into()));
}

#[test]
fn impossible_resources() {
    let workdir = Workdir::with_shop();
    workdir.run(&["dump", "sqlite:shop.db", "b", "--jobs", "0"]).is(2).complains(&["0 jobs"]);
    workdir.run(&["dump", "sqlite:shop.db", "b", "--memory", "1MiB"]).is(2).complains(&["too few", "hint: "]);
    workdir.run(&["dump", "sqlite:shop.db", "b", "--row-group-size", "0"]).is(2).complains(&["row group"]);
}
