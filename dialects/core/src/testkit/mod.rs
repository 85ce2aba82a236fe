//! For tests only: an honest in-memory dialect, decorators that inject faults and delays, and generated databases.
//!
//! | module | what it holds |
//! |---|---|
//! | [`memory`] | a dialect whose databases live in the process, under the whole contract |
//! | [`fault`] | a decorator of any dialect that fails its Nth operation |
//! | [`throttle`] | a decorator of any dialect that delays each batch |
//! | [`generate`] | schemas and rows from a seed, full of extremes |
//! | [`text`] | rows as canonical text: the oracle beside the row hash |
//! | [`watchdog`] | programs (database servers) that end with the test, however it ends |
//! | [`system`] | where the programs of such servers are, and how they are run |
//! | [`proxy`] | a network in front of such servers, which can be cut |
//! | [`certificates`] | certificates for such servers, good ones and every kind of bad ones |
//!
//! What it is not: a mock. Nothing here answers what a test wants to hear; the in-memory dialect refuses what a database
//! would refuse.

pub mod certificates;
mod decorate;
pub mod fault;
pub mod generate;
pub mod memory;
pub mod proxy;
#[cfg(unix)]
pub mod system;
pub mod text;
pub mod throttle;
#[cfg(unix)]
pub mod watchdog;

pub use decorate::Inner;
pub use fault::{FaultDialect, FaultPlan};
pub use memory::{Content, MemoryDialect};
pub use text::rows_as_text;
pub use throttle::{Throttle, ThrottleDialect};
