//! `prune`: what goes, what stays, and that nothing goes unasked.

use crate::workdir::Workdir;
use serde_json::{Value, json};

/// Three archives of the shop, the oldest first.
fn three() -> Workdir {
    let workdir = Workdir::with_shop();
    std::fs::create_dir(workdir.path("all")).expect("a directory");
    for name in ["all/first", "all/second", "all/third"] {
        workdir.run(&["dump", "sqlite:shop.db", name, "-q"]).is(0);
    }
    workdir
}

fn names(workdir: &Workdir) -> Vec<String> {
    let entries = std::fs::read_dir(workdir.path("all")).expect("a directory");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("a name")).collect();
    names.sort();
    names
}

#[test]
fn the_last_ones_stay() {
    let workdir = three();
    let run = |more: &[&str]| workdir.run(&[&["prune", "all", "--keep-last", "2"], more].concat());
    run(&["--dry-run"]).is(0).says(&["all/first", "goes", "would remove 1 archive", "nothing was removed"]);
    assert_eq!(names(&workdir).len(), 3);
    let document = run(&["--yes", "--json"]).is(0).document();
    assert_eq!((&document["removed"], &document["dry_run"]), (&json!(1), &json!(false)));
    let kept: Vec<&Value> =
        document["archives"].as_array().expect("a list").iter().map(|archive| &archive["kept"]).collect();
    assert_eq!(kept, [&json!(["newest", "last"]), &json!(["last"]), &json!([])]);
    assert_eq!(names(&workdir), ["second", "third"]);
    run(&["--yes"]).is(0).says(&["nothing to remove"]);
}

#[test]
fn databases_of_one_name_are_told_apart_by_where_they_are() {
    let workdir = Workdir::with_shop();
    for directory in ["a", "b", "all"] {
        std::fs::create_dir(workdir.path(directory)).expect("a directory");
    }
    for place in ["a", "b"] {
        std::fs::copy(workdir.path("shop.db"), workdir.path(&format!("{place}/shop.db"))).expect("a copy");
        workdir.run(&["dump", &format!("sqlite:{place}/shop.db"), &format!("all/{place}"), "-q"]).is(0);
    }
    workdir.run(&["prune", "all", "--keep-last", "1", "--yes"]).is(0).says(&["nothing to remove"]);
    // However the path is spelled, it is one place; and a place is no difference.
    workdir.run(&["dump", "sqlite:./a/../a/shop.db", "all/new", "-q"]).is(0);
    workdir.run(&["diff", "all/a", "all/b"]).is(0);
    workdir.run(&["diff", "all/a", "sqlite:b/shop.db"]).is(0);
    workdir.run(&["prune", "all", "--keep-last", "1", "--yes"]).is(0).says(&["removed 1 archive"]);
    assert_eq!(names(&workdir), ["b", "new"]);
    // What tells places apart says nothing about them.
    let manifest = std::fs::read_to_string(workdir.path("all/b/manifest.json")).expect("a manifest");
    assert!(!manifest.contains(&*workdir.path("b").to_string_lossy()), "{manifest}");
}

#[test]
fn a_damaged_one_pushes_no_good_one_out() {
    let workdir = three();
    std::fs::remove_file(workdir.path("").join(workdir.parquet_of("all/third", "users"))).expect("a file");
    let run = workdir.run(&["prune", "all", "--keep-last", "1", "--yes"]).is(3);
    run.complains(&["all/third is damaged"]).says(&["stays: damaged", "removed 1 archive"]);
    assert_eq!(names(&workdir), ["second", "third"]);
}

#[test]
fn nothing_goes_unasked() {
    let workdir = three();
    workdir.run(&["prune", "all", "--keep-last", "1"]).is(20).complains(&["no terminal to ask", "--yes"]);
    workdir.run(&["prune", "all", "--yes"]).is(2).complains(&["what to keep"]);
    workdir.run(&["prune", "nothing", "--keep-last", "1"]).is(10);
    assert_eq!(names(&workdir).len(), 3);
}

#[test]
fn what_takes_nobodys_place_stays() {
    let workdir = three();
    workdir.write("dbferry.toml", crate::workdir::RULES);
    workdir.run(&["dump", "sqlite:shop.db", "all/users", "-q", "--group", "user"]).is(0);
    workdir.run(&["restore", "all/third", "sqlite:shop.db", "--safety-backup", "all/before", "--yes", "-q"]).is(0);
    workdir.write("all/second/manifest.json", "{}");
    workdir.write("all/first/notes.txt", "mine");
    let run = workdir.run(&["prune", "all", "--keep-last", "1", "--yes"]).is(3);
    // What is no part of an archive is never removed with it.
    let run = run.complains(&["all/second", "cannot be read", "all/first", "not an archive's"]);
    run.says(&["stays: made before a restore"]);
    assert_eq!(names(&workdir), ["before", "first", "second", "third", "users"]);
    std::fs::remove_file(workdir.path("all/first/notes.txt")).expect("a file");
    workdir.run(&["prune", "all", "--keep-last", "1", "--yes"]).is(3);
    assert_eq!(names(&workdir), ["before", "second", "third", "users"]);
}
