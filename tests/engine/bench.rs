//! Benchmarks: every way of measuring reads what a dump reads, and leaves things as they were.

use crate::support::{Work, shop, shop_rules};
use dbferry::archive::Compression;
use dbferry::bench::{BenchOptions, BenchReport, Matrix, SinkKind, bench, compare};
use dbferry::dialect::testkit::{Throttle, ThrottleDialect};
use dbferry::progress::{Event, Progress, Silent};
use dbferry::{ErrorKind, Result};
use std::sync::Mutex;
use std::time::Duration;

fn options(work: &Work, sinks: &[SinkKind]) -> BenchOptions {
    BenchOptions {
        matrix: Matrix { sinks: sinks.to_vec(), jobs: vec![1, 2], ..Matrix::default() },
        warm_up: 0,
        repeats: 2,
        directory: work.directory().into(),
        group_by: shop_rules(),
        ..BenchOptions::default()
    }
}

fn measure(work: &Work, options: &BenchOptions, progress: &dyn Progress) -> Result<BenchReport> {
    bench(&work.at(&work.memory, "source"), options, None, progress)
}

fn with_shop() -> Work {
    let work = Work::new();
    work.insert("source", &shop(1));
    work
}

#[test]
fn every_sink_reads_every_row_and_leaves_nothing() {
    let work = with_shop();
    let report = measure(&work, &options(&work, &SinkKind::ALL), &Silent).expect("a report");
    assert_eq!((report.cases.len(), report.repeats), (8, 2));
    for case in &report.cases {
        // All but the one of the group `skipped`; an empty table is read too.
        assert_eq!((case.rows, case.per_collection.len()), (14, 6), "{}", case.case);
        assert_eq!(case.readers, case.case.jobs, "{}", case.case);
    }
    let output = |sink| report.cases.iter().find(|case| case.case.sink == sink).and_then(|case| case.output_bytes);
    assert!(output(SinkKind::File).is_some());
    assert_eq!(output(SinkKind::Parquet), output(SinkKind::File), "the same bytes, thrown away");
    assert_eq!(std::fs::read_dir(work.directory()).expect("a listing").count(), 0);
}

#[test]
fn what_waits_is_told_from_what_works() {
    let work = with_shop();
    let slow = ThrottleDialect::new(work.memory.clone(), Throttle::Delay(Duration::from_millis(5)));
    let mut options = options(&work, &[SinkKind::Arrow]);
    (options.matrix.jobs, options.repeats) = (vec![1], 1);
    let report = bench(&work.at(&slow, "source"), &options, None, &Silent).expect("a report");
    let stages = &report.cases[0].stages;
    // Five tables have rows, and so a batch each.
    assert!(cfg!(not(target_os = "linux")) || stages.wait >= 0.02, "{stages:?}");
    assert!(stages.hash + stages.encode + stages.compress + stages.write == 0.0, "{stages:?}");
}

#[test]
fn compressing_is_told_from_encoding_by_runs_without_it() {
    #[derive(Default)]
    struct Cases(Mutex<Vec<String>>);
    impl Progress for Cases {
        fn event(&self, event: Event<'_>) {
            if let Event::Phase { name, .. } = event {
                self.0.lock().expect("a lock").push(name.to_owned());
            }
        }
    }
    let work = with_shop();
    let mut options = options(&work, &[SinkKind::Parquet]);
    options.matrix.jobs = vec![1];
    options.repeats = 1;
    let heard = Cases::default();
    measure(&work, &options, &heard).expect("a report");
    assert_eq!(*heard.0.lock().expect("a lock"), ["measure parquet, 1 job, zstd", "measure parquet, 1 job, none"]);
    options.matrix.compressions = vec![Compression::None];
    let heard = Cases::default();
    let report = measure(&work, &options, &heard).expect("a report");
    assert_eq!(heard.0.lock().expect("a lock").len(), 1, "nothing to tell apart");
    assert!(report.cases[0].stages.compress == 0.0);
}

#[test]
fn reports_are_read_back_and_compared() {
    let work = with_shop();
    let report = measure(&work, &options(&work, &[SinkKind::Null, SinkKind::Parquet]), &Silent).expect("a report");
    let text = serde_json::to_string(&report).expect("JSON");
    let mut before = BenchReport::read(&text).expect("a report");
    let named = |report: &BenchReport| report.cases.iter().map(|case| case.case.to_string()).collect::<Vec<_>>();
    assert_eq!((named(&before), before.rows), (named(&report), 14));
    for case in &mut before.cases {
        case.rows_per_second = 1000.0;
    }
    let mut now = before.clone();
    now.cases[1].rows_per_second = 900.0;
    now.cases.pop();
    let comparison = compare(&before, &now, Some(0.1)).expect("cases in common");
    let slower: Vec<&str> = comparison.slower().map(|case| case.case.as_str()).collect();
    assert_eq!(slower, ["null, 2 jobs"], "a row takes a ninth more time");
    assert_eq!(comparison.missing, ["parquet, 2 jobs, zstd"]);
    assert!(compare(&before, &now, Some(0.12)).expect("cases").slower().next().is_none());
    assert!(compare(&before, &now, None).expect("cases").slower().next().is_none());
    now.cases.clear();
    assert_eq!(compare(&before, &now, None).expect_err("nothing in common").kind(), ErrorKind::Usage);
}

#[test]
fn a_cancelled_benchmark_leaves_nothing() {
    let work = with_shop();
    let options = options(&work, &SinkKind::ALL);
    options.cancel.cancel();
    assert_eq!(measure(&work, &options, &Silent).expect_err("cancelled").kind(), ErrorKind::Cancelled);
    assert_eq!(std::fs::read_dir(work.directory()).expect("a listing").count(), 0);
}
