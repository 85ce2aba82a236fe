//! Tests of the engine as its callers see it: dump, restore and verify over dialects of the contract, mostly the in-memory
//! one. What a single function does is tested beside it; what a dialect does is tested in its crate and in
//! `tests/conformance`.
// A test that cannot go on ends with a panic, also in its helpers.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, missing_docs)]

// Copies between two engines, there and back.
#[cfg(all(feature = "sqlite", feature = "postgres"))]
mod across;
// How fast it is: what is read to find out, and what is said of it.
mod bench;
// Cancelling where the dialect does not listen.
mod cancel;
// Copies without files: the same as a dump and a restore, also where either side fails.
mod copy;
// Plans where a declared type is a hint.
#[cfg(feature = "sqlite")]
mod declared;
// What two sides have differently, in the schema and in the rows.
mod diff;
// A proof that begins while rows are still loaded.
#[cfg(feature = "sqlite")]
mod early;
// Failing and cancelling at every step: the archive never looks complete, the target is as it was or wholly replaced.
mod failure;
// Parquet files of other writers.
mod import;
// Targets that do not keep what they are given.
mod liar;
// What a caller asks for and what comes of it: modes, units, groups, trust, foreign keys, the safety backup.
mod modes;
// Threads that wait for each other: order, budgets that are too small, panics. Each test has a time limit.
mod order;
// Differences between archive and target, all at once, before anything is touched.
mod plan;
// Partial dumps: conditions, and what is said about them.
#[cfg(feature = "sqlite")]
mod predicate;
// The proof after loading, in the same dialect and in another one.
mod proof;
// Whatever database goes in comes out, whatever the options are.
mod properties;
// What a front end hears, and that many tables cost time in proportion.
mod scale;
// What stands around the columns, from each engine to each other.
#[cfg(all(feature = "sqlite", feature = "postgres", feature = "mysql"))]
mod schema;
// Databases to start from, and the calls that most tests make.
mod support;
// What dialects say of logical types, against values.
#[cfg(all(feature = "mysql", feature = "postgres", feature = "sqlite"))]
mod fidelity;
// What columns become in another engine, and what becomes of values that do not fit there.
#[cfg(all(feature = "mysql", feature = "postgres", feature = "sqlite"))]
mod translate;
// Whether verifying finds what was changed.
mod verify;
