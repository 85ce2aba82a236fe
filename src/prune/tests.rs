use super::*;
use crate::archive::{GroupEntry, testing};
use dbferry_dialect::DatabaseInfo;
use std::fs;

fn entry(name: &str, day: u8, alter: impl Fn(&mut Summary)) -> Candidate {
    let group = |name: &str| GroupEntry { name: name.into(), collections: 1, rows: 1, bytes: 1 };
    let mut summary = Summary {
        id: name.into(),
        tool: "dbferry".into(),
        created_at: format!("2026-11-{day:02}T03:00:00Z"),
        description: None,
        source: DatabaseInfo { dialect: "sqlite".into(), database: "shop".into(), ..DatabaseInfo::default() },
        place: Some("here".into()),
        groups: vec![group("user"), group("log")],
        collections: 2,
        rows: 2,
        bytes: 2,
        exceptions: 0,
        partial: false,
        safety: false,
    };
    alter(&mut summary);
    let entry = ListEntry { path: name.into(), packed: false, summary: Ok(summary) };
    Candidate { entry, damaged: None, apart: None }
}

/// What goes when one of each series is kept, on the last day of the month.
fn removed(archives: Vec<Candidate>) -> Vec<String> {
    let now = "2026-11-30T12:00:00Z".parse().expect("a time");
    let plan = plan_of(archives, &Keep { last: 1, ..Keep::default() }, now).expect("a plan");
    plan.removed().map(|line| line.path.display().to_string()).collect()
}

#[test]
fn only_archives_of_one_series_take_each_others_place() {
    let damaged = Error::new(ErrorKind::ArchiveDamaged, "no");
    let unreadable = ListEntry { path: "damaged".into(), packed: false, summary: Err(damaged) };
    let archives = vec![
        entry("new", 9, |_| {}),
        entry("old", 8, |_| {}),
        entry("other-database", 1, |summary| summary.source.database = "mail".into()),
        entry("fewer-groups", 10, |summary| drop(summary.groups.pop())),
        entry("some-rows", 11, |summary| summary.partial = true),
        entry("before-a-restore", 2, |summary| summary.safety = true),
        Candidate { entry: unreadable, damaged: None, apart: None },
    ];
    assert_eq!(removed(archives), ["old"]);
}

#[test]
fn databases_of_one_name_in_different_places_are_different_ones() {
    let elsewhere = |summary: &mut Summary| summary.place = Some("elsewhere".into());
    let unknown = |summary: &mut Summary| summary.place = None;
    let archives = vec![
        entry("new", 9, |_| {}),
        entry("elsewhere", 1, elsewhere),
        entry("of-an-older-version", 12, unknown),
        entry("older", 2, unknown),
        Candidate { apart: Some("other".into()), ..entry("over-another-connection", 3, |_| {}) },
    ];
    assert_eq!(removed(archives), ["older"], "one that does not know its place takes that of none that does");
}

#[test]
fn a_damaged_one_takes_nobodys_place() {
    let archives = vec![
        Candidate { damaged: Some("a file is missing".into()), ..entry("damaged", 9, |_| {}) },
        entry("good", 8, |_| {}),
        entry("old", 7, |_| {}),
    ];
    assert_eq!(removed(archives), ["old"]);
}

#[test]
fn what_is_dated_in_the_future_takes_nobodys_place() {
    let future = |summary: &mut Summary| summary.created_at = "2031-01-01T00:00:00Z".into();
    let soon = |summary: &mut Summary| summary.created_at = "2026-11-30T12:05:00Z".into();
    let archives = vec![entry("future", 1, future), entry("good", 9, |_| {}), entry("old", 8, |_| {})];
    assert_eq!(removed(archives), ["old"]);
    let archives = vec![entry("another-clock", 1, soon), entry("old", 9, |_| {})];
    assert_eq!(removed(archives), ["old"], "clocks differ a little");
}

#[test]
fn a_good_one_has_all_its_files() {
    let directory = tempfile::tempdir().expect("a directory");
    for name in ["whole", "cut", "without"] {
        testing::write(&directory.path().join(name));
    }
    let file = |name: &str| {
        let archive = Archive::open(&directory.path().join(name)).expect("an archive");
        let path = archive.manifest().files().next().expect("a file").path.clone();
        directory.path().join(name).join(path)
    };
    fs::write(file("cut"), "x").expect("a file");
    fs::remove_file(file("without")).expect("a file");
    let told = |_: &Path, _: &str| Known::default();
    let plan = plan(directory.path(), &Keep { last: 1, ..Keep::default() }, &told).expect("a plan");
    let damaged = |line: &&Line| line.kept == [Kept::Damaged] && line.damaged.is_some();
    assert_eq!(plan.lines.iter().filter(damaged).count(), 2);
    assert_eq!(plan.removed().count(), 0);
}

#[test]
fn what_a_check_found_damaged_is_no_good_one() {
    let directory = tempfile::tempdir().expect("a directory");
    testing::write(&directory.path().join("good"));
    testing::write(&directory.path().join("damaged"));
    let told = |path: &Path, _: &str| {
        let damaged = path.ends_with("damaged").then(|| "its hash differs".to_owned());
        Known { damaged, apart: None }
    };
    let plan = plan(directory.path(), &Keep { last: 1, ..Keep::default() }, &told).expect("a plan");
    assert_eq!(plan.removed().count(), 0, "{plan:?}");
}

#[test]
fn what_was_uploaded_takes_nobodys_place() {
    let directory = tempfile::tempdir().expect("a directory");
    testing::write(&directory.path().join("own"));
    testing::write(&directory.path().join("uploaded"));
    let plan = |told: &dyn Fn(&Path, &str) -> Known| {
        let plan = plan(directory.path(), &Keep { last: 1, ..Keep::default() }, told).expect("a plan");
        plan.removed().count()
    };
    assert_eq!(plan(&|_, _| Known::default()), 1, "one of two of a kind goes");
    let apart = |path: &Path| path.ends_with("uploaded").then(|| "uploaded".to_owned());
    assert_eq!(plan(&|path, _| Known { damaged: None, apart: apart(path) }), 0);
}

#[test]
fn somebody_must_say_what_to_keep() {
    let error = plan_of(vec![entry("new", 9, |_| {})], &Keep::default(), Timestamp::now()).expect_err("a refusal");
    assert_eq!(error.kind(), ErrorKind::Usage);
}
