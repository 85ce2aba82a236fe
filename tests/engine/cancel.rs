//! Cancelling where the dialect does not listen: the engine looks at the flag itself, between any two batches.

use crate::support::{Work, dump_options, restore_options, shop};
use dbferry::ErrorKind;
use dbferry::dialect::testkit::MemoryDialect;
use dbferry::dialect::{Cancel, Capabilities, Database, DatabaseUrl, Dialect, OpenOptions, Syntax};
use dbferry::dump::dump;
use dbferry::progress::{Event, Progress};
use dbferry::restore::restore;
use dbferry::verify::{VerifyOptions, verify, verify_against};
use dbferry::{Error, Result};
use std::sync::atomic::{AtomicUsize, Ordering};

/// An in-memory dialect that never hears of a cancellation.
#[derive(Debug)]
struct Deaf(MemoryDialect);

impl Dialect for Deaf {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn schemes(&self) -> &'static [&'static str] {
        self.0.schemes()
    }

    fn capabilities(&self) -> Capabilities {
        self.0.capabilities()
    }

    fn syntax(&self) -> &dyn Syntax {
        self.0.syntax()
    }

    fn open(&self, url: &DatabaseUrl, options: &OpenOptions) -> Result<Box<dyn Database>> {
        self.0.open(url, &OpenOptions::new(options.purpose, Cancel::new()))
    }
}

/// Cancels at the Nth batch, and counts those that come after it.
struct CancelsAt {
    at: usize,
    seen: AtomicUsize,
    cancel: Cancel,
}

impl Progress for CancelsAt {
    fn event(&self, event: Event<'_>) {
        if matches!(event, Event::Rows { .. }) && self.seen.fetch_add(1, Ordering::Relaxed) + 1 >= self.at {
            self.cancel.cancel();
        }
    }
}

/// Cancels `run` at each of its batches but the last, which may be in hand already when the flag is raised. Each thread ends
/// the batch that it has in hand.
fn cancelled_at_each(threads: usize, run: impl Fn(&Cancel, &CancelsAt) -> Result<()>) {
    let run_until = |at| {
        let cancel = Cancel::new();
        let progress = CancelsAt { at, seen: AtomicUsize::new(0), cancel: cancel.clone() };
        let result = run(&cancel, &progress);
        (result, progress.seen.into_inner())
    };
    let (result, batches) = run_until(usize::MAX);
    result.expect("a run that nobody cancels");
    assert!(batches > threads, "only {batches} batches");
    for at in 1..=batches - threads {
        let (result, seen) = run_until(at);
        let error: Error = result.expect_err("a cancelled run");
        assert_eq!((error.kind(), error.message()), (ErrorKind::Cancelled, "cancelled"), "{error}");
        assert!((at..at + threads).contains(&seen), "{seen} batches, cancelled at {at}");
    }
}

#[test]
fn every_verb_stops_at_the_next_batch() {
    const JOBS: usize = 2;
    let work = Work::with_backup(&shop(1), &dump_options(1));
    let deaf = Deaf(work.memory.clone());
    let (source, archive) = (work.at(&deaf, "source"), work.archive("backup"));

    cancelled_at_each(JOBS, |cancel, progress| {
        let mut options = dump_options(JOBS);
        options.cancel = cancel.clone();
        let path = work.path("other");
        let result = dump(&source, &path, &options, progress).map(drop);
        assert_eq!(path.exists(), result.is_ok());
        if result.is_ok() {
            std::fs::remove_dir_all(path).expect("removed");
        }
        result
    });
    // Loaded and read again.
    cancelled_at_each(JOBS, |cancel, progress| {
        let mut options = restore_options(JOBS);
        options.cancel = cancel.clone();
        let result = restore(&archive, &work.at(&deaf, "new"), &options, progress).map(drop);
        assert_eq!(work.memory.content("new").is_some(), result.is_ok());
        work.memory.remove("new");
        result
    });
    let options = |cancel: &Cancel| VerifyOptions {
        resources: restore_options(JOBS).resources,
        cancel: cancel.clone(),
        ..VerifyOptions::default()
    };
    cancelled_at_each(JOBS, |cancel, progress| verify(&archive, &options(cancel), progress).map(drop));
    cancelled_at_each(JOBS, |cancel, progress| verify_against(&archive, &source, &options(cancel), progress).map(drop));
}
