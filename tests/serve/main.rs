//! The backup page's server as programs meet it: the built program is started on a free port, and asked over HTTP.
//!
//! What browsers see of it is tested in `tests/web`.
#![cfg(all(feature = "cli", feature = "web", feature = "sqlite"))]
// A test that cannot go on ends with a panic, also in its helpers.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, missing_docs)]

mod client;
mod served;
// Not everything that the command line's tests need of a directory is needed here.
#[allow(dead_code)]
#[path = "../cli/workdir.rs"]
mod workdir;

mod access;
mod cycle;
mod jobs;
mod limits;
mod listen;
mod refusals;
mod schedule;
