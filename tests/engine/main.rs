//! Tests of the engine as its callers see it: dump, restore and verify over dialects of the contract, mostly the in-memory
//! one. What a single function does is tested beside it; what a dialect does is tested in its crate and in
//! `tests/conformance`.
// A test that cannot go on ends with a panic, also in its helpers.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, missing_docs)]

// Threads that wait for each other: order, budgets that are too small, panics. Each test has a time limit.
mod order;
// Databases to start from, and the calls that most tests make.
mod support;
