//! The proof after loading: it finds out what a target does to rows, in its own dialect and in another one, and the target
//! stays as it was. What cannot be compared is said.

use crate::liar::{
    Liar, Lie, Meanwhile, doubles_a_row, forgets_a_cell, honest, loses_a_row, swaps_cells_between_rows,
    takes_one_row_for_another,
};
use crate::support::{I, T, Tables, Work, dump_options, int, name, restore_options, table, text};
use dbferry::config::RestoreMode;
use dbferry::copy::{CopyOptions, copy};
use dbferry::dialect::Collection;
use dbferry::progress::Silent;
use dbferry::restore::{Proof, RestoreReport, restore};
use dbferry::{ErrorKind, Result};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Without a key, so that nothing but the proof can object.
fn keyless() -> Collection {
    let mut collection = table("t", vec![int("n"), text("v")]);
    collection.primary_key = None;
    collection
}

/// Three rows in `source`, and an archive of them.
fn three_rows() -> Work {
    let tables = Tables::default().with(keyless(), &[&[I(1), T("a")], &[I(2), T("b")], &[I(3), T("c")]]);
    let mut options = dump_options(1);
    options.row_group_bytes = 1 << 20;
    Work::with_backup(&tables, &options)
}

/// Restores the archive, and then copies the source.
fn both_ways(work: &Work, liar: &Liar, database: &str) -> [Result<RestoreReport>; 2] {
    let target = work.at(liar, database);
    let restored = restore(&work.archive("backup"), &target, &restore_options(2), &Silent);
    let options = CopyOptions { restore: restore_options(2), ..CopyOptions::default() };
    let copied = copy(&work.at(&work.memory, "source"), &target, &options, &Silent);
    [restored, copied]
}

const LIES: [Lie; 5] =
    [loses_a_row, doubles_a_row, takes_one_row_for_another, swaps_cells_between_rows, forgets_a_cell];

#[test]
fn what_a_target_does_to_rows_is_found_before_the_switch() {
    let work = three_rows();
    for name in ["memory", "foreign"] {
        for lie in LIES {
            work.insert("target", &Tables::default().with(keyless(), &[&[I(9), T("old")]]));
            for database in ["target", "new"] {
                let liar = Liar { name, ..Liar::new(&work.memory, lie) };
                for result in both_ways(&work, &liar, database) {
                    let error = result.expect_err("a lie that was believed");
                    assert_eq!(error.kind(), ErrorKind::Mismatch);
                    assert!(error.message().contains("main.t"), "{error}");
                }
            }
            assert_eq!(work.rows("target", "t"), ["n=9 | v=\"old\""]);
            assert_eq!(work.memory.names(), ["source", "target"]);
        }
        let liar = Liar { name, ..Liar::new(&work.memory, honest) };
        for result in both_ways(&work, &liar, "target") {
            let report = result.expect("the same wrapper without a lie");
            assert_eq!(report.units[0].collections[0].proof, Proof::Hash);
            assert_eq!((report.rows, report.warnings), (3, Vec::new()));
        }
        assert_eq!(work.content("target").rows[&crate::support::name("t")].len(), 3);
    }
}

#[test]
fn a_column_that_cannot_be_read_again_is_named_and_the_others_are_compared() {
    let work = three_rows();
    for unreadable in [&["v"][..], &["n"]] {
        let blind = Liar { unreadable, ..Liar::foreign(&work.memory) };
        for result in both_ways(&work, &blind, "new") {
            let report = result.expect("the rows are there");
            assert_eq!(report.units[0].collections[0].proof, Proof::HashWithoutUnreadable);
            assert_eq!(report.warnings.len(), 1, "{:?}", report.warnings);
            for word in ["main.t", unreadable[0], "nobody can read that"] {
                assert!(report.warnings[0].contains(word), "{:?}", report.warnings);
            }
        }
        work.memory.remove("new");
    }
    // What is left is compared: `v` is what the lie is about, and `n` is not.
    let lying = Liar { lie: forgets_a_cell, unreadable: &["n"], ..Liar::foreign(&work.memory) };
    for result in both_ways(&work, &lying, "new") {
        assert_eq!(result.expect_err("a lie that was believed").kind(), ErrorKind::Mismatch);
    }
    let lying = Liar { lie: loses_a_row, unreadable: &["v"], ..lying };
    for result in both_ways(&work, &lying, "new") {
        assert_eq!(result.expect_err("a lie that was believed").kind(), ErrorKind::Mismatch);
    }
    // In the same dialect there is no excuse.
    let blind = Liar { unreadable: &["v"], ..Liar::new(&work.memory, honest) };
    for result in both_ways(&work, &blind, "new") {
        assert_eq!(result.expect_err("not proven").kind(), ErrorKind::Incompatible);
    }
    assert_eq!(work.memory.names(), ["source"]);
}

#[test]
fn rows_of_which_nothing_can_be_read_are_counted_and_that_is_said() {
    let work = three_rows();
    let blind = Liar { unreadable: &["n", "v"], ..Liar::foreign(&work.memory) };
    for result in both_ways(&work, &blind, "new") {
        let report = result.expect("the rows are there");
        assert_eq!(report.units[0].collections[0].proof, Proof::Count);
        assert_eq!(report.warnings.len(), 2, "{:?}", report.warnings);
        assert!(report.warnings[1].contains("could not be compared by their hash: main.t"), "{:?}", report.warnings);
    }
}

#[test]
fn added_rows_are_counted() {
    let work = three_rows();
    work.insert("target", &Tables::default().with(keyless(), &[&[I(9), T("old")]]));
    let mut options = restore_options(2);
    options.modes.mode = RestoreMode::Append;
    let foreign = Liar::foreign(&work.memory);
    let target = work.at(&foreign, "target");
    let report = restore(&work.archive("backup"), &target, &options, &Silent).expect("a restore");
    assert_eq!((report.units[0].collections[0].proof, report.warnings), (Proof::Count, Vec::new()));
    let options = CopyOptions { restore: options, ..CopyOptions::default() };
    let report = copy(&work.at(&work.memory, "source"), &target, &options, &Silent).expect("a copy");
    assert_eq!((report.units[0].collections[0].rows, report.rows), (3, 3));
    assert_eq!(work.content("target").rows[&name("t")].len(), 7);
}

#[test]
fn rows_are_read_while_keys_are_built_where_the_target_lets_them() {
    let work = three_rows();
    let meanwhile = |lie, refuses| Liar {
        meanwhile: Some(Arc::new(Meanwhile { refuses, ..Meanwhile::default() })),
        ..Liar::new(&work.memory, lie)
    };
    let restored = |liar: &Liar| restore(&work.archive("backup"), &work.at(liar, "new"), &restore_options(2), &Silent);
    let report = restored(&meanwhile(honest, false)).expect("a restore");
    assert_eq!(report.units[0].collections[0].proof, Proof::Hash);
    work.memory.remove("new");
    for lie in LIES {
        let error = restored(&meanwhile(lie, false)).expect_err("a lie that was believed");
        assert!(error.kind() == ErrorKind::Mismatch && error.message().contains("main.t"), "{error}");
    }
    // Keys that do not hold end it, whatever the rows are, and nobody reads on.
    for lie in [honest, loses_a_row] {
        let refusing = meanwhile(lie, true);
        assert_eq!(restored(&refusing).expect_err("keys that do not hold").message(), "the keys do not hold");
        assert!(refusing.meanwhile.expect("a group").was_stopped.load(Ordering::SeqCst));
    }
    assert_eq!(work.memory.names(), ["source"]);
}
