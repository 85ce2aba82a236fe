//! The conformance matrix: every case on every dialect of the build, and on the in-memory one.
//!
//! The names are `dialect::procedure::case`; `cargo test --test conformance sqlite::` runs one dialect. A case that a
//! dialect has not the ability for is shown as ignored, with the ability that it needs. A dialect whose server is not there
//! is shown as ignored too, and fails where `CI` is set.
// A case that cannot go on ends with a panic, also in its helpers.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, missing_docs)]

// What is done with a database: dumped, restored in several ways, compared after each.
mod check;
// From each engine to each other one, and through all of them.
mod crossing;
// MySQL's and MariaDB's own databases, and an oracle that asks mysqldump.
#[cfg(feature = "mysql")]
mod mysql;
// Databases that every SQL engine can hold, made from the schema model.
mod portable;
// PostgreSQL's own databases, and an oracle that asks pg_dump.
#[cfg(feature = "postgres")]
mod postgres;
// How a dialect gives a database to try things in. A new dialect is added here.
mod scratch;
// SQLite's own databases, and an oracle that asks SQLite itself.
#[cfg(feature = "sqlite")]
mod sqlite;

use dbferry::registry;
use libtest_mimic::{Arguments, Failed, Trial};
use scratch::Subject;
use std::sync::Arc;

fn main() {
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    trials.extend(trials_of(scratch::memory()));
    trials.extend(crossing::trials(
        &registry::dialects().iter().flat_map(|dialect| scratch::subjects(*dialect)).collect::<Vec<_>>(),
    ));
    for dialect in registry::dialects() {
        let subjects = scratch::subjects(*dialect);
        #[cfg(feature = "mysql")]
        if dialect.name() == "mysql" {
            trials.extend(subjects.iter().flat_map(mysql::trials));
            let pairs = subjects.iter().flat_map(|first| subjects.iter().map(move |second| (first, second)));
            let others = pairs.filter(|(first, second)| first.name != second.name);
            trials.extend(others.flat_map(|(first, second)| mysql::pair_trials(first, second)));
        }
        for subject in subjects {
            #[cfg(feature = "postgres")]
            if dialect.name() == "postgres" {
                trials.extend(postgres::trials(&subject));
            }
            trials.extend(trials_of(subject));
        }
    }
    #[cfg(feature = "sqlite")]
    trials.extend(sqlite::trials());
    libtest_mimic::run(&arguments, trials).exit();
}

/// The portable cases on one dialect or server.
fn trials_of(subject: Subject) -> Vec<Trial> {
    let place = match subject.place {
        Ok(place) => place,
        Err(reason) => return vec![missing(&subject.name, reason)],
    };
    portable::cases()
        .into_iter()
        .map(|case| {
            let (name, place) = (format!("{}::roundtrip::{}", subject.name, case.name), Arc::clone(&place));
            let lacks = case.needs.filter(|need| !(need.is_met)(&subject.abilities)).map(|need| need.name);
            let trial = Trial::test(name, move || {
                check::portable(&place(), &(case.make)());
                Ok(())
            });
            match lacks {
                Some(need) => trial.with_kind(format!("needs {need}")).with_ignored_flag(true),
                None => trial,
            }
        })
        .collect()
}

/// One trial that says that a dialect was not tried.
fn missing(dialect: &str, reason: String) -> Trial {
    // In CI nobody would see that it was not tried.
    let ignored = std::env::var_os("CI").is_none();
    let trial = Trial::test(format!("{dialect}::is_there"), move || Err(Failed::from(reason)));
    trial.with_kind("no server").with_ignored_flag(ignored)
}
