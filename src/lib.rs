//! A database-agnostic SQL dump engine: any database to typed Parquet and back, group by group, proven.
pub mod archive;
pub mod config;
pub mod dump;
pub mod group;
pub mod progress;
pub mod registry;
pub mod restore;
pub mod verify;

pub use dbferry_dialect as dialect;
pub use dbferry_dialect::{Cancel, Error, ErrorKind, Result};
