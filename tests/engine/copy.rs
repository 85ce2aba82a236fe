//! Copies: what comes of them is what comes of a dump and a restore, whoever fails at whichever step.

use crate::failure::{Step, expect_every_unit_to_change, expect_units};
use crate::scale::Tally;
use crate::support::{
    I, SHOP_UNITS, T, Tables, Work, dump_options, int, name, restore_options, rules, shop, shop_rules, table, text,
};
use dbferry::config::RestoreMode;
use dbferry::copy::{CopyOptions, copy, plan};
use dbferry::dialect::testkit::{FaultDialect, FaultPlan};
use dbferry::dialect::{CollectionAction, Dialect};
use dbferry::group::Selection;
use dbferry::progress::{RowCount, Silent};
use dbferry::restore::{Proof, RestoreReport};
use dbferry::{Error, ErrorKind, Result};
use std::collections::BTreeSet;

fn options(jobs: usize) -> CopyOptions {
    CopyOptions { restore: restore_options(jobs), group_by: shop_rules(), ..CopyOptions::default() }
}

/// The shop in `source`.
fn open_shop() -> Work {
    let work = Work::new();
    work.insert("source", &shop(1));
    work
}

fn run(work: &Work, source: &dyn Dialect, target: &dyn Dialect, options: &CopyOptions) -> Result<RestoreReport> {
    copy(&work.at(source, "source"), &work.at(target, "target"), options, &Silent)
}

#[test]
fn a_copy_is_a_dump_and_a_restore() {
    for (jobs, shared_snapshot, parallel_write) in
        [(1, true, true), (3, true, true), (3, false, true), (3, true, false), (3, false, false)]
    {
        let work = open_shop();
        let dialect = work.memory.with_capabilities(|can| {
            (can.shared_snapshot, can.parallel_write) = (shared_snapshot, parallel_write);
        });
        work.dump("source", "backup", &dump_options(1)).expect("a dump");
        for before in [None, Some(shop(2))] {
            for database in ["target", "restored"] {
                work.memory.remove(database);
                if let Some(tables) = &before {
                    work.insert(database, tables);
                }
            }
            let restored = work.restore("backup", "restored", &restore_options(jobs)).expect("a restore");
            let copied = run(&work, &dialect, &dialect, &options(jobs)).expect("a copy");
            assert_eq!(work.content("target"), work.content("restored"));
            assert_eq!((copied.rows, copied.archive), (restored.rows, None));
            assert!(copied.consistency.is_some_and(|consistency| consistency.proven));
            for (left, right) in copied.units.iter().zip(&restored.units) {
                assert_eq!(left.groups, right.groups);
                for (left, right) in left.collections.iter().zip(&right.collections) {
                    assert_eq!((&left.collection, left.action), (&right.collection, right.action));
                    assert_eq!((left.rows, left.proof), (right.rows, right.proof));
                    assert_eq!(left.proof, Proof::Hash);
                }
            }
            assert_eq!(copied.units.len(), restored.units.len());
        }
    }
}

#[test]
fn what_is_skipped_is_never_copied() {
    let work = open_shop();
    run(&work, &work.memory, &work.memory, &options(2)).expect("a copy");
    assert!(!work.content("target").rows.contains_key(&name("sessions")));
    let mut wanted = options(2);
    wanted.restore.selection = Selection { groups: Some(vec!["skipped".into()]), ..Selection::default() };
    let error = run(&work, &work.memory, &work.memory, &wanted).expect_err("a refusal");
    assert!(error.message().contains("never dumped"), "{error}");
}

#[test]
fn a_part_of_the_source_is_copied_and_edges_that_leave_it_are_told() {
    let work = open_shop();
    let mut log = options(2);
    log.restore.selection = Selection { groups: Some(vec!["log".into()]), ..Selection::default() };
    let report = run(&work, &work.memory, &work.memory, &log).expect("a copy");
    let copied: Vec<&str> = report.units.iter().flat_map(|unit| &unit.groups).map(String::as_str).collect();
    assert_eq!(copied, ["required", "log"]);

    let mut orders = options(2);
    orders.restore.selection = Selection { tables: vec!["orders".into()], ..Selection::default() };
    let planned = plan(&work.at(&work.memory, "source"), &work.at(&work.memory, "new"), &orders).expect("a plan");
    assert_eq!(planned.problems().len(), 1, "{:?}", planned.problems());
    assert!(planned.problems()[0].contains("select group user too"), "{:?}", planned.problems());
    let error = copy(&work.at(&work.memory, "source"), &work.at(&work.memory, "new"), &orders, &Silent);
    let error = error.expect_err("a refusal");
    assert_eq!(error.kind(), ErrorKind::Incompatible);
    assert!(error.message().starts_with("the target cannot take the source as it is"), "{error}");
    assert!(work.memory.content("new").is_none());
}

#[test]
fn a_plan_estimates_and_touches_nothing() {
    let work = open_shop();
    work.insert("target", &shop(2));
    let before = work.content("target");
    let planned =
        plan(&work.at(&work.memory, "source"), &work.at(&work.memory, "target"), &options(3)).expect("a plan");
    assert_eq!((planned.archive.as_deref(), planned.problems().len()), (None, 0));
    let users = planned.collections().find(|line| line.collection == name("users")).expect("users");
    assert_eq!((users.rows, users.action), (RowCount::About(3), Some(CollectionAction::Replace)));
    assert_eq!(work.content("target"), before);
}

#[test]
fn modes_and_shapes_are_those_of_a_restore() {
    let work = open_shop();
    work.insert("target", &shop(2).without("settings").with(table("settings", vec![int("other")]), &[]));
    let mut wanted = options(2);
    let error = run(&work, &work.memory, &work.memory, &wanted).expect_err("another shape");
    assert_eq!(error.kind(), ErrorKind::Incompatible);
    wanted.restore.recreate = true;
    run(&work, &work.memory, &work.memory, &wanted).expect("a copy");
    assert_eq!(work.rows("target", "settings"), work.rows("source", "settings"));

    wanted.restore.modes.mode = RestoreMode::SchemaOnly;
    copy(&work.at(&work.memory, "source"), &work.at(&work.memory, "empty"), &wanted, &Silent).expect("a copy");
    assert_eq!(work.rows("empty", "users"), Vec::<String>::new());

    wanted.restore.modes.mode = RestoreMode::Replace;
    wanted.restore.safety_backup = Some(work.path("before"));
    run(&work, &work.memory, &work.memory, &wanted).expect("a copy");
    assert_eq!(work.archive("before").manifest().collections.len(), 6);
}

#[test]
fn a_database_is_not_copied_onto_itself() {
    let work = open_shop();
    let here = work.at(&work.memory, "source");
    for result in [copy(&here, &here, &options(2), &Silent).map(drop), plan(&here, &here, &options(2)).map(drop)] {
        assert_eq!(result.expect_err("a refusal").kind(), ErrorKind::Usage);
    }
}

#[test]
fn a_condition_for_what_is_not_copied_is_a_slip() {
    let work = open_shop();
    let mut wanted = options(2);
    wanted.predicates.insert("main.nothing".into(), "true".into());
    let error = run(&work, &work.memory, &work.memory, &wanted).expect_err("a refusal");
    assert!(error.message().contains("main.nothing"), "{error}");
    // The in-memory dialect evaluates none, and says so before anything is switched.
    wanted.predicates = [("main.users".to_owned(), "true".to_owned())].into();
    let error = run(&work, &work.memory, &work.memory, &wanted).expect_err("a refusal");
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(work.memory.content("target").is_none());
}

#[test]
fn what_is_planned_is_what_is_moved() {
    for (mode, again) in [(RestoreMode::Replace, true), (RestoreMode::Append, false)] {
        let work = open_shop();
        work.insert("target", &shop(2));
        let tally = Tally::default();
        let mut wanted = options(3);
        wanted.restore.modes.mode = mode;
        let report = copy(&work.at(&work.memory, "source"), &work.at(&work.memory, "target"), &wanted, &tally);
        let report = report.expect("a copy");
        let planned = tally.planned();
        assert_eq!((planned.collections, planned.rows), (6, RowCount::About(report.rows)));
        assert_eq!(planned.again, if again { report.rows } else { 0 });
        assert_eq!(tally.moved(), report.rows + planned.again);
        assert_eq!(tally.finished.lock().expect("a lock").len(), 6);
    }
}

/// Fails or cancels at every step of one side.
fn at_every_step(step: Step, jobs: usize, of_source: bool, before: Option<&Tables>) {
    let work = open_shop();
    let source_before = work.content("source");
    let again = || {
        work.memory.remove("target");
        if let Some(tables) = before {
            work.insert("target", tables);
        }
        work.memory.content("target")
    };
    let old = again();
    run(&work, &work.memory, &work.memory, &options(jobs)).expect("a copy without a fault");
    let new = work.content("target");
    expect_every_unit_to_change(old.as_ref(), &new);
    let mut operations = BTreeSet::new();
    for number in 1.. {
        again();
        let plan = step.at(number);
        let faulty = FaultDialect::new(work.memory.clone(), plan.clone());
        let sides: [&dyn Dialect; 2] = if of_source { [&faulty, &work.memory] } else { [&work.memory, &faulty] };
        let result = run(&work, sides[0], sides[1], &options(jobs));
        operations.extend(plan.operations());
        assert_eq!(work.content("source"), source_before);
        if !plan.has_failed() {
            result.expect("a copy without a fault");
            assert_eq!(work.content("target"), new);
            assert!(number > 15, "only {number} steps");
            break;
        }
        let error = result.expect_err("a fault");
        step.check(&error);
        let found = work.memory.content("target");
        let replaced = finished(&error);
        assert!(replaced.is_none_or(|units| units < SHOP_UNITS.len()) || !of_source, "{error}");
        expect_units(old.as_ref(), &new, found.as_ref(), replaced.unwrap_or(0));
        run(&work, &work.memory, &work.memory, &options(jobs)).expect("nothing is left in the way");
        assert_eq!(work.content("target"), new, "the failure left something behind");
    }
    let expected = if of_source {
        &["dialect.open", "snapshot.schema", "snapshot.chunks", "reader.push", "snapshot.finish"][..]
    } else {
        &["database.introspect", "writer.write", "writer.finish", "replacer.complete", "replacer.commit"]
    };
    for operation in expected {
        assert!(operations.contains(operation), "{operation} was never reached");
    }
}

/// How many units the error says were finished before.
fn finished(error: &Error) -> Option<usize> {
    let (_, groups) = error.context().find(|(key, _)| *key == "groups finished before")?;
    let done = |(names, _): &&(&[&str], &[&str])| groups.split(", ").any(|group| names.contains(&group));
    Some(SHOP_UNITS.iter().filter(done).count())
}

#[test]
fn a_source_that_fails_leaves_the_target_as_it_was() {
    for jobs in [1, 3] {
        at_every_step(Step::Fail, jobs, true, Some(&shop(2)));
    }
    at_every_step(Step::Fail, 3, true, None);
}

#[test]
fn a_target_that_fails_stays_as_it_was() {
    for jobs in [1, 3] {
        at_every_step(Step::Fail, jobs, false, Some(&shop(2)));
    }
    at_every_step(Step::Fail, 3, false, None);
}

#[test]
fn a_copy_that_is_cancelled_leaves_the_target_as_it_was() {
    at_every_step(Step::Cancel, 3, true, Some(&shop(2)));
    at_every_step(Step::Cancel, 3, false, Some(&shop(2)));
}

#[test]
fn tables_of_two_namespaces_do_not_become_one() {
    let mut other = table("users", vec![int("id"), text("name")]);
    other.name.namespace = "second".into();
    let tables = Tables::default().with(table("users", vec![int("id")]), &[&[I(1)]]).with(other, &[&[I(2), T("x")]]);
    let work = Work::new();
    work.insert("source", &tables);
    let flat = work.memory.with_capabilities(|can| can.namespaces = false);
    let foreign = crate::liar::Liar::foreign(&flat);
    let wanted = CopyOptions { restore: restore_options(2), group_by: rules(&[]), ..CopyOptions::default() };
    let planned = plan(&work.at(&work.memory, "source"), &work.at(&foreign, "target"), &wanted).expect("a plan");
    let mut names: Vec<String> = planned.collections().map(|line| line.target.to_string()).collect();
    names.sort();
    assert_eq!(names, ["main.main_users", "main.second_users"]);
    let report = run(&work, &work.memory, &foreign, &wanted).expect("a copy");
    assert_eq!(report.rows, 2);
    assert!(report.notes.iter().any(|note| note.contains("it is called second_users there")), "{:?}", report.notes);
}

#[test]
fn one_snapshot_serves_all_units() {
    let work = open_shop();
    let recorded = FaultPlan::record();
    let source = FaultDialect::new(work.memory.clone(), recorded.clone());
    let report = run(&work, &source, &work.memory, &options(2)).expect("a copy");
    let operations = recorded.operations();
    let count = |name: &str| operations.iter().filter(|operation| **operation == name).count();
    assert_eq!((count("database.snapshot"), count("snapshot.finish"), report.units.len()), (1, 1, SHOP_UNITS.len()));
}
