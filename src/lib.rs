//! A database-agnostic SQL dump engine: any database to typed Parquet and back, group by group, proven.
//!
//! ```text
//! dialects/core  <-  dialects/*  <-  registry  <-  dump, restore, verify  <-  the command line, the backup page
//!   contract         one database     the only       the engine: speaks
//!   and model        family each      file that      `dyn Dialect` only
//!                                     names them
//! ```
//!
//! | module | what it does |
//! |---|---|
//! | [`registry`], [`endpoint`] | which dialects there are; a database to start from or arrive at |
//! | [`dump`] | a database into an archive |
//! | [`archive`] | the archive's format, written and read |
//! | [`import`] | Parquet files of other writers, as an archive |
//! | [`translate`] | how a collection crosses from one dialect to another |
//! | [`restore`] | the plan, and an archive into a database |
//! | [`copy`] | a database into another one, without files between |
//! | [`verify`] | whether an archive is whole, and whether a database holds it, or holds what another one does |
//! | [`diff`] | what is different between any two of archive and database |
//! | [`prune`], [`preview`] | which archives are kept; the first rows of one |
//! | [`mod@bench`] | how fast a database is read and comes back, stage by stage |
//! | [`group`], [`config`] | which tables belong together; `dbferry.toml` |
//! | [`progress`], [`resources`] | what a run tells, and what it may use |
//! | [`failure`] | how a failure is told to programs |
#![cfg_attr(feature = "web", doc = "| [`web`] | the backup page and its JSON API |")]
//!
//! What it is not: it never prints, reads the environment or exits; that is left to the front ends. It moves rows and the
//! schema around them; it is no replication, no migration framework, and no query engine.
//!
//! ```no_run
//! use dbferry::{archive::Archive, dump::{DumpOptions, dump}, endpoint::Endpoint, progress::Silent};
//! use dbferry::restore::{RestoreOptions, restore};
//! use std::path::Path;
//!
//! # fn main() -> dbferry::Result<()> {
//! dump(&Endpoint::parse("sqlite:shop.db")?, Path::new("shop-backup"), &DumpOptions::default(), &Silent)?;
//! let archive = Archive::open(Path::new("shop-backup"))?;
//! let report = restore(&archive, &Endpoint::parse("sqlite:copy.db")?, &RestoreOptions::default(), &Silent)?;
//! println!("{} rows, read again and equal", report.rows);
//! # Ok(())
//! # }
//! ```

pub mod archive;
pub mod bench;
pub mod config;
pub mod copy;
pub mod diff;
pub mod dump;
pub mod endpoint;
pub mod failure;
pub mod group;
pub mod import;
pub mod preview;
pub mod progress;
pub mod prune;
pub mod registry;
pub mod resources;
pub mod restore;
pub mod translate;
pub mod verify;
#[cfg(feature = "web")]
pub mod web;

pub use dbferry_dialect as dialect;
pub use dbferry_dialect::{Cancel, Error, ErrorKind, Result};
