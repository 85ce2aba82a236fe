//! What a front end hears, and that many tables cost time in proportion.

use crate::support::{
    Cell, I, T, Tables, Work, bytes, dump_options, in_time, int, name, restore_options, shop, table, text,
};
use dbferry::config::RestoreMode;
use dbferry::dialect::model::{NativeObject, ObjectKind};
use dbferry::dump::dump;
use dbferry::progress::{Event, Progress, RowCount, Silent};
use dbferry::restore::restore;
use dbferry::verify::{Sample, VerifyOptions, verify, verify_against, verify_databases};
use std::collections::BTreeMap;
use std::sync::Mutex;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Planned {
    pub(crate) collections: usize,
    pub(crate) rows: RowCount,
    pub(crate) again: u64,
    work: u64,
}

/// Adds up what is told.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    planned: Mutex<Vec<Planned>>,
    work: Mutex<u64>,
    rows: Mutex<BTreeMap<String, u64>>,
    pub(crate) finished: Mutex<BTreeMap<String, u64>>,
    phases: Mutex<Vec<String>>,
}

impl Progress for Tally {
    fn event(&self, event: Event<'_>) {
        match event {
            Event::Phase { name, .. } => self.phases.lock().expect("a lock").push(name.to_owned()),
            Event::Planned { collections, rows, again, work } => {
                self.planned.lock().expect("a lock").push(Planned { collections, rows, again, work });
            }
            Event::Work { amount } => {
                assert_eq!(self.planned.lock().expect("a lock").len(), 1, "work before the plan");
                *self.work.lock().expect("a lock") += amount;
            }
            Event::Rows { collection, rows, .. } => {
                *self.rows.lock().expect("a lock").entry(collection.to_owned()).or_default() += rows;
            }
            Event::CollectionFinished { collection, rows } => {
                let before = self.finished.lock().expect("a lock").insert(collection.to_owned(), rows);
                assert_eq!(before, None, "{collection} was finished twice");
            }
            _ => {}
        }
    }
}

impl Tally {
    pub(crate) fn moved(&self) -> u64 {
        self.rows.lock().expect("a lock").values().sum()
    }

    /// What was planned, all of which must be done.
    pub(crate) fn planned(&self) -> Planned {
        let planned = self.planned.lock().expect("a lock");
        assert_eq!(planned.len(), 1, "planned more than once");
        assert_eq!(*self.work.lock().expect("a lock"), planned[0].work, "a bar would not end at its end");
        planned[0]
    }
}

#[test]
fn what_is_planned_is_what_is_moved() {
    let work = Work::new();
    work.insert("source", &shop(1));
    let tally = Tally::default();
    let report =
        dump(&work.at(&work.memory, "source"), &work.path("backup"), &dump_options(2), &tally).expect("a dump");
    let planned = tally.planned();
    assert_eq!((planned.collections, planned.rows, planned.again), (6, RowCount::About(report.rows), 0));
    assert_eq!(tally.moved(), report.rows);
    assert_eq!(tally.finished.lock().expect("a lock").len(), 6);

    let archive = work.archive("backup");
    for (mode, database) in
        [(RestoreMode::Replace, "new"), (RestoreMode::Append, "old"), (RestoreMode::SchemaOnly, "empty")]
    {
        if database == "old" {
            work.insert(database, &shop(2));
        }
        let tally = Tally::default();
        let mut options = restore_options(3);
        options.modes.mode = mode;
        restore(&archive, &work.at(&work.memory, database), &options, &tally).expect("a restore");
        let planned = tally.planned();
        assert_eq!(planned.rows.number().map(|rows| rows + planned.again), Some(tally.moved()), "{mode}");
        assert_eq!(planned.again > 0, mode == RestoreMode::Replace, "{mode}");
        let expected = if mode == RestoreMode::SchemaOnly { 0 } else { 6 };
        assert_eq!(tally.finished.lock().expect("a lock").len(), expected, "{mode}");
    }
    let tally = Tally::default();
    verify_against(&archive, &work.at(&work.memory, "new"), &VerifyOptions::default(), &tally).expect("readable");
    assert_eq!(tally.planned().rows, RowCount::Exactly(tally.moved()));
    let tally = Tally::default();
    verify(&archive, &VerifyOptions::default(), &tally).expect("whole");
    assert_eq!(tally.planned().rows, RowCount::Exactly(tally.moved()));
}

#[test]
fn a_comparison_keeps_to_its_plan_whatever_it_finds() {
    let work = Work::with_backup(&shop(1), &dump_options(2));
    work.insert(
        "other",
        &shop(2).without("reviews").with(table("reviews", vec![int("id"), bytes("user_id")]), &[&[I(1), T("x")]]),
    );
    let (archive, source, other) =
        (work.archive("backup"), work.at(&work.memory, "source"), work.at(&work.memory, "other"));
    for sample in [None, Some(Sample::Percent(50.0))] {
        let options = VerifyOptions { sample, ..VerifyOptions::default() };
        let tally = Tally::default();
        let report = verify_against(&archive, &other, &options, &tally).expect("readable");
        assert!(report.differences().count() > 3 && report.not_compared().count() == 1);
        assert_eq!(tally.planned().collections, 6);
        let tally = Tally::default();
        verify_databases(&source, &other, &options, &tally).expect("readable");
        assert_eq!(tally.planned().collections, 7);
        let tally = Tally::default();
        verify(&archive, &options, &tally).expect("whole");
        assert_eq!(tally.planned().rows, RowCount::Exactly(tally.moved()));
    }
}

/// Counts the files below a directory that this process has open, at each batch.
#[cfg(target_os = "linux")]
struct OpenFiles {
    below: std::path::PathBuf,
    most: Mutex<usize>,
}

#[cfg(target_os = "linux")]
impl Progress for OpenFiles {
    fn event(&self, event: Event<'_>) {
        if matches!(event, Event::Rows { .. }) {
            let descriptors = std::fs::read_dir("/proc/self/fd").expect("descriptors").flatten();
            let targets = descriptors.filter_map(|descriptor| std::fs::read_link(descriptor.path()).ok());
            let open = targets.filter(|target| target.starts_with(&self.below)).count();
            let mut most = self.most.lock().expect("a lock");
            *most = open.max(*most);
        }
    }
}

#[test]
#[cfg(target_os = "linux")]
fn no_more_files_are_open_than_there_are_lanes() {
    const JOBS: usize = 3;
    let work = Work::with_backup(&many(60), &dump_options(1));
    let files = OpenFiles { below: work.path("backup").canonicalize().expect("a path"), most: Mutex::new(0) };
    let target = work.at(&work.memory, "target");
    restore(&work.archive("backup"), &target, &restore_options(JOBS), &files).expect("a restore");
    let most = files.most.into_inner().expect("a lock");
    assert!((1..=JOBS).contains(&most), "{most} files were open at once");
}

/// That many tables; every second one has a row, every tenth a trigger.
fn many(tables: usize) -> Tables {
    let mut all = Tables::default();
    for number in 0..tables {
        let mut collection = table("t", vec![int("id"), text("name")]);
        collection.name = name(&format!("table {number:06}"));
        if number % 10 == 0 {
            all.schema.objects.push(NativeObject {
                on: Some(collection.name.clone()),
                ..NativeObject::new(ObjectKind::Trigger, "main", format!("trigger {number}"), "memory", "SELECT 1")
            });
        }
        let rows: &[&[Cell]] = if number % 2 == 0 { &[&[I(1), T("x")]] } else { &[] };
        all = all.with(collection, rows);
    }
    all
}

#[test]
fn thousands_of_tables() {
    // More tables than a process may have files open.
    const TABLES: usize = 2000;
    in_time(|| {
        let work = Work::new();
        work.insert("source", &many(TABLES));
        work.dump("source", "backup", &dump_options(4)).expect("a dump");
        for run in ["created", "replaced"] {
            work.restore("backup", "target", &restore_options(4)).expect(run);
            assert_eq!(work.content("target").rows, work.content("source").rows);
            assert_eq!(work.content("target").schema.objects.len(), TABLES / 10);
        }
        let (archive, target) = (work.archive("backup"), work.at(&work.memory, "target"));
        let report = verify_against(&archive, &target, &VerifyOptions::default(), &Silent).expect("readable");
        assert_eq!((report.collections.len(), report.differences().count()), (TABLES, 0));
        verify(&archive, &VerifyOptions::default(), &Silent).expect("whole");
    });
}
