//! Failing and cancelling at every step: the archive never looks complete, the target is as it was or wholly replaced.

use crate::support::{SHOP_UNITS, Tables, Work, dump_options, int, name, not_null, restore_options, shop, table, text};
use dbferry::archive::{Archive, list};
use dbferry::config::RestoreMode;
use dbferry::dialect::testkit::{Content, FaultDialect, FaultPlan, MemoryDialect};
use dbferry::dump::{DumpOptions, dump};
use dbferry::progress::Silent;
use dbferry::restore::{RestoreOptions, restore};
use dbferry::{Error, ErrorKind};
use std::collections::BTreeSet;
use std::fs;

/// What happens at the step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Fail,
    Cancel,
}

impl Step {
    pub(crate) fn at(self, number: u64) -> FaultPlan {
        match self {
            Self::Fail => FaultPlan::fail_at(number),
            Self::Cancel => FaultPlan::cancel_at(number),
        }
    }

    /// The error is the cause itself, not what other threads made of it.
    pub(crate) fn check(self, error: &Error) {
        match self {
            Self::Fail => assert!(FaultPlan::is_injected(error), "another error hides the cause: {error}"),
            Self::Cancel => {
                assert_eq!((error.kind(), error.message()), (ErrorKind::Cancelled, "cancelled"), "{error}");
            }
        }
    }
}

fn dump_at_every_step(step: Step, jobs: usize, into_existing_directory: bool) {
    let work = Work::new();
    work.insert("source", &shop(1));
    let mut operations = BTreeSet::new();
    for number in 1.. {
        let plan = step.at(number);
        let dialect = FaultDialect::new(work.memory.clone(), plan.clone());
        let path = work.path("backup");
        if into_existing_directory {
            let _ = fs::create_dir(&path);
        }
        let result = dump(&work.at(&dialect, "source"), &path, &dump_options(jobs), &Silent);
        operations.extend(plan.operations());
        if !plan.has_failed() {
            result.expect("a dump without a fault");
            assert_eq!(Archive::open(&path).expect("an archive").manifest().collections.len(), 6);
            assert!(number > 20, "only {number} steps");
            break;
        }
        step.check(&result.expect_err("a fault"));
        assert_eq!(path.exists(), into_existing_directory, "step {number} left something behind");
        assert!(!into_existing_directory || fs::read_dir(&path).expect("a directory").next().is_none());
        assert_eq!(Archive::open(&path).expect_err("no archive").kind(), ErrorKind::ArchiveNotFound);
        assert!(list(work.directory()).expect("a listing").is_empty());
    }
    for operation in ["dialect.open", "snapshot.schema", "snapshot.chunks", "reader.push", "snapshot.finish"] {
        assert!(operations.contains(operation), "{operation} was never reached");
    }
}

#[test]
fn a_dump_that_fails_leaves_nothing() {
    dump_at_every_step(Step::Fail, 1, false);
    dump_at_every_step(Step::Fail, 3, false);
    dump_at_every_step(Step::Fail, 3, true);
}

#[test]
fn a_dump_that_is_cancelled_leaves_nothing() {
    dump_at_every_step(Step::Cancel, 1, true);
    dump_at_every_step(Step::Cancel, 3, false);
}

/// A restore that is tried again and again.
struct Scene {
    target: Option<Tables>,
    jobs: usize,
    parallel_write: bool,
    adjust: fn(&mut RestoreOptions),
    /// Whether the same restore can be done once more on top of itself.
    repeatable: bool,
}

impl Scene {
    fn new(target: Option<Tables>, jobs: usize) -> Self {
        Self { target, jobs, parallel_write: true, adjust: |_| (), repeatable: true }
    }

    fn options(&self, work: &Work, number: u64) -> RestoreOptions {
        let mut options = restore_options(self.jobs);
        (self.adjust)(&mut options);
        if let Some(path) = &mut options.safety_backup {
            *path = work.path(&format!("safety-{number}"));
        }
        options
    }

    fn target(&self, work: &Work) -> MemoryDialect {
        work.memory.remove("target");
        if let Some(tables) = &self.target {
            work.insert("target", tables);
        }
        work.memory.with_capabilities(|can| can.parallel_write = self.parallel_write)
    }

    fn run_at_every_step(&self, step: Step) {
        let work = Work::with_backup(&shop(1), &dump_options(1));
        let archive = work.archive("backup");
        let mut run = 0;
        let mut once = |dialect: &MemoryDialect| {
            run += 1;
            let options = self.options(&work, 10_000 + run);
            restore(&archive, &work.at(dialect, "target"), &options, &Silent).expect("a restore without a fault");
        };
        let dialect = self.target(&work);
        let before = work.memory.content("target");
        once(&dialect);
        let after = work.content("target");
        expect_every_unit_to_change(before.as_ref(), &after);

        let mut operations = BTreeSet::new();
        for number in 1.. {
            let dialect = self.target(&work);
            let plan = step.at(number);
            let faulty = FaultDialect::new(dialect.clone(), plan.clone());
            let options = self.options(&work, number);
            let result = restore(&archive, &work.at(&faulty, "target"), &options, &Silent);
            operations.extend(plan.operations());
            if !plan.has_failed() {
                result.expect("a restore without a fault");
                assert_eq!(work.content("target"), after);
                assert!(number > 30, "only {number} steps");
                break;
            }
            let error = result.expect_err("a fault");
            step.check(&error);
            // The operation at the fault did not come through, and nothing is switched after it.
            let switched = |operation: &&&str| **operation == "replacer.commit";
            let earlier = usize::try_from(number - 1).expect("a small number");
            let replaced = plan.operations().iter().take(earlier).filter(switched).count();
            expect_units(before.as_ref(), &after, work.memory.content("target").as_ref(), replaced);
            let told = error.context().find(|(key, _)| *key == "groups finished before").map(|(_, groups)| groups);
            let done: Vec<&str> = SHOP_UNITS.iter().take(replaced).flat_map(|(groups, _)| *groups).copied().collect();
            let expected = if before.is_none() || done.is_empty() { None } else { Some(done.join(", ")) };
            assert_eq!(told.map(str::to_owned), expected, "{error}");
            if let Some(path) = &options.safety_backup {
                assert!(Archive::open(path).is_ok() || (!path.exists() && replaced == 0), "half a safety backup");
            }
            if self.repeatable {
                once(&dialect);
                assert_eq!(work.content("target"), after, "the failure left something behind");
            }
        }
        for operation in
            ["database.introspect", "writer.write", "writer.finish", "replacer.complete", "replacer.readers"]
        {
            assert!(operations.contains(operation), "{operation} was never reached");
        }
    }
}

/// Without this the comparison of before and after would prove nothing.
pub(crate) fn expect_every_unit_to_change(before: Option<&Content>, after: &Content) {
    for table in SHOP_UNITS.iter().flat_map(|(_, tables)| *tables) {
        let same = before.is_some_and(|before| {
            before.rows.get(&name(table)) == after.rows.get(&name(table))
                && before.schema.collection(&name(table)) == after.schema.collection(&name(table))
        });
        assert!(!same, "{table} does not change");
    }
}

/// The first `replaced` units are as after the restore, everything else is as before. A database that is created by the
/// restore is not there.
pub(crate) fn expect_units(before: Option<&Content>, after: &Content, found: Option<&Content>, replaced: usize) {
    let (Some(before), Some(found)) = (before, found) else {
        assert!(before.is_none() && found.is_none(), "the database came or went");
        return;
    };
    let is_replaced = |name: &str| SHOP_UNITS[..replaced].iter().any(|(_, tables)| tables.contains(&name));
    let mut names: BTreeSet<_> = before.rows.keys().collect();
    names.extend(found.rows.keys());
    names.extend(after.rows.keys());
    for name in names {
        let expected = if is_replaced(&name.name) { after } else { before };
        assert_eq!(found.rows.get(name), expected.rows.get(name), "rows of {name} after {replaced} units");
        assert_eq!(found.schema.collection(name), expected.schema.collection(name), "schema of {name}");
    }
}

#[test]
fn replacing_rows_of_an_existing_database() {
    for jobs in [1, 3] {
        Scene::new(Some(shop(2)), jobs).run_at_every_step(Step::Fail);
    }
    Scene::new(Some(shop(2)), 3).run_at_every_step(Step::Cancel);
}

#[test]
fn a_decoding_thread_beside_the_writer() {
    let scene = Scene { parallel_write: false, ..Scene::new(Some(shop(2)), 3) };
    scene.run_at_every_step(Step::Fail);
    scene.run_at_every_step(Step::Cancel);
}

#[test]
fn creating_a_database() {
    for jobs in [1, 3] {
        Scene::new(None, jobs).run_at_every_step(Step::Fail);
    }
    Scene::new(None, 3).run_at_every_step(Step::Cancel);
}

#[test]
fn creating_some_tables_and_replacing_others() {
    let target = shop(2).without("reviews").without("audit").with(table("other", vec![int("id")]), &[]);
    for jobs in [1, 3] {
        Scene::new(Some(target.clone()), jobs).run_at_every_step(Step::Fail);
    }
}

#[test]
fn creating_tables_of_another_shape_anew() {
    let target = shop(2)
        .without("users")
        .without("settings")
        .with(table("users", vec![int("id"), text("name"), not_null(text("must"))]), &[])
        .with(table("settings", vec![int("other")]), &[]);
    // The rows of the tables that reference `users` are replaced together with it.
    for jobs in [1, 3] {
        let scene = Scene { adjust: |options| options.recreate = true, ..Scene::new(Some(target.clone()), jobs) };
        scene.run_at_every_step(Step::Fail);
    }
}

#[test]
fn appending() {
    for jobs in [1, 3] {
        let adjust = |options: &mut RestoreOptions| options.modes.mode = RestoreMode::Append;
        // Appended `empty` only changes by its counter, which goes ahead and never back.
        let target = shop(0);
        let scene = Scene { adjust, repeatable: false, ..Scene::new(Some(target), jobs) };
        scene.run_at_every_step(Step::Fail);
    }
}

#[test]
fn with_a_safety_backup() {
    let adjust = |options: &mut RestoreOptions| options.safety_backup = Some("set for each step".into());
    let scene = Scene { adjust, ..Scene::new(Some(shop(2)), 3) };
    scene.run_at_every_step(Step::Fail);
    scene.run_at_every_step(Step::Cancel);
}

#[test]
fn a_run_that_is_cancelled_before_it_begins_does_nothing() {
    let work = Work::with_backup(&shop(1), &dump_options(2));
    let options = DumpOptions { ..dump_options(2) };
    options.cancel.cancel();
    assert_eq!(work.dump("source", "other", &options).expect_err("cancelled").kind(), ErrorKind::Cancelled);
    assert!(!work.path("other").exists());
    let options = restore_options(2);
    options.cancel.cancel();
    assert_eq!(work.restore("backup", "target", &options).expect_err("cancelled").kind(), ErrorKind::Cancelled);
    assert_eq!(work.memory.names(), ["source"]);
}
