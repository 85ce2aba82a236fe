//! Threads that wait for each other: order, budgets that are too small, panics. Each test has a time limit.

use crate::support::{Work, archived_rows, entry, in_time, int, name, text};
use arrow::array::{Int64Array, RecordBatch, StringArray};
use dbferry::archive::list;
use dbferry::dialect::testkit::{Throttle, ThrottleDialect, rows_as_text};
use dbferry::dialect::{Batch, Collection, Schema, carrier};
use dbferry::dump::{DumpOptions, dump};
use dbferry::progress::{Event, Progress, Silent};
use dbferry::resources::Resources;
use dbferry::restore::{RestoreOptions, restore};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const KIB: usize = 1 << 10;

/// A table of rows with a text of that many bytes each.
fn insert(work: &Work, table: &str, sizes: impl Iterator<Item = usize>) {
    let collection = Collection::table(name(table), vec![int("n"), text("t")]);
    let texts: Vec<String> = sizes.enumerate().map(|(n, size)| format!("{n} {}", "x".repeat(size))).collect();
    let numbers = Int64Array::from_iter_values((0..texts.len()).map(|n| n as i64));
    let columns: Vec<arrow::array::ArrayRef> = vec![Arc::new(numbers), Arc::new(StringArray::from(texts))];
    let records = RecordBatch::try_new(carrier::schema(&collection), columns).expect("a batch");
    let schema = Schema { collections: vec![collection], ..Schema::default() };
    work.memory.insert("source", &schema, &[(name(table), vec![Batch::plain(records)])]).expect("good rows");
}

fn tiny(jobs: usize, memory: u64, row_group_bytes: usize) -> DumpOptions {
    DumpOptions { resources: Resources { jobs, memory }, row_group_bytes, ..DumpOptions::default() }
}

/// Dumps with a slow first chunk, so that the other threads get ahead, and compares the order of rows.
fn dump_in_order(work: &Work, throttle: Throttle, options: &DumpOptions) -> usize {
    let slow = ThrottleDialect::new(work.memory.clone(), throttle);
    dump(&work.at(&slow, "source"), &work.path("backup"), options, &Silent).expect("a dump");
    let archive = work.archive("backup");
    let entry = entry(&archive, "t");
    let batches = work.memory.batches("source", &name("t")).expect("rows");
    assert_eq!(archived_rows(&archive, entry), rows_as_text(&entry.collection, &batches));
    entry.row_groups.len()
}

#[test]
fn threads_that_are_ahead_wait_and_rows_stay_in_order() {
    for (jobs, memory) in [(2, 1 << 10), (4, 1 << 10), (4, 64 << 10), (8, 1 << 30)] {
        in_time(move || {
            let work = Work::new();
            insert(&work, "t", (0..300).map(|row| if row < 3 { 40 * KIB } else { row % 7 }));
            // The first three rows take 60 ms, all others together nearly nothing.
            let row_groups = dump_in_order(&work, Throttle::BytesPerSecond(2_000_000), &tiny(jobs, memory, 2 * KIB));
            assert!(row_groups > 3, "{row_groups} row groups");
        });
    }
}

#[test]
fn a_chunk_may_have_many_row_groups() {
    // Chunks are planned by the average row: these are ten times the size that they were planned to have.
    for memory in [1 << 10, 64 << 20] {
        in_time(move || {
            let work = Work::new();
            insert(&work, "t", (0..2000).map(|row| if row % 1000 < 12 { 120 * KIB } else { 3 }));
            let options = tiny(4, memory, 64 * KIB);
            let row_groups = dump_in_order(&work, Throttle::BytesPerSecond(50_000_000), &options);
            assert!(row_groups > 8, "{row_groups} row groups");
        });
    }
}

#[test]
fn more_threads_than_work() {
    in_time(|| {
        let work = Work::new();
        insert(&work, "t", std::iter::once(5));
        work.dump("source", "backup", &tiny(64, 1 << 10, 1)).expect("a dump");
        let options = RestoreOptions { resources: Resources { jobs: 64, memory: 1 << 10 }, ..Default::default() };
        work.restore("backup", "target", &options).expect("a restore");
        assert_eq!(work.rows("source", "t"), work.rows("target", "t"));
    });
}

/// Panics at the Nth batch.
struct PanicsAt {
    at: usize,
    seen: AtomicUsize,
}

impl Progress for PanicsAt {
    fn event(&self, event: Event<'_>) {
        if let Event::Rows { .. } = event {
            assert_ne!(self.seen.fetch_add(1, Ordering::Relaxed), self.at, "a defect somewhere in a worker");
        }
    }
}

#[test]
fn a_worker_that_panics_does_not_leave_the_others_waiting() {
    let work = in_time(|| {
        let work = Work::new();
        insert(&work, "t", (0..300).map(|row| if row < 3 { 20 * KIB } else { row % 7 }));
        for at in [0, 1, 5, 20] {
            let slow = ThrottleDialect::new(work.memory.clone(), Throttle::BytesPerSecond(2_000_000));
            let progress = PanicsAt { at, seen: AtomicUsize::new(0) };
            let (source, path) = (work.at(&slow, "source"), work.path("backup"));
            let options = tiny(4, 1 << 10, 2 * KIB);
            let result = catch_unwind(AssertUnwindSafe(|| dump(&source, &path, &options, &progress)));
            assert!(result.is_err(), "the panic was swallowed");
            assert!(!path.exists() && list(work.directory()).expect("a listing").is_empty());
        }
        work
    });
    in_time(move || {
        work.dump("source", "backup", &tiny(4, 64 << 20, 2 * KIB)).expect("a dump");
        for (at, parallel_write) in [(0, true), (0, false), (9, true), (9, false)] {
            let dialect = work.memory.with_capabilities(|can| can.parallel_write = parallel_write);
            let progress = PanicsAt { at, seen: AtomicUsize::new(0) };
            let options = RestoreOptions { resources: Resources { jobs: 3, memory: 64 << 20 }, ..Default::default() };
            let (archive, target) = (work.archive("backup"), work.at(&dialect, "target"));
            let result = catch_unwind(AssertUnwindSafe(|| restore(&archive, &target, &options, &progress)));
            assert!(result.is_err(), "the panic was swallowed");
            assert_eq!(work.memory.names(), ["source"]);
        }
    });
}
