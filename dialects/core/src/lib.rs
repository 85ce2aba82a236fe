//! The contract between dbferry and a database dialect.
//!
//! A dialect is a crate that implements four traits of [`contract`] and one of [`syntax`]; it knows its driver and this
//! crate, never Parquet, the engine or another dialect. What it is not: a query builder, an ORM, or a driver abstraction.
//!
//! | module | what it holds |
//! |---|---|
//! | [`model`] | what a database holds: collections, columns, keys, native objects |
//! | [`logical`] | what values mean: the hub of every conversion |
//! | [`carrier`] | logical types to Arrow and back |
//! | [`exception`] | batches, and values that their column's type cannot hold |
//! | [`nested`] | lists, structs and the like as texts, for engines that have no type for them |
//! | [`expression`] | the conditions of checks and indexes that cross engines |
//! | [`hash`] | the canonical row hash that proves a copy |
//! | [`contract`] | `Dialect`, `Database`, `Snapshot`, `Reader`, `Replacer`, `Writer` |
//! | [`syntax`], [`fidelity`] | SQL text, and what becomes of values in another engine |
//! | [`crossing`] | what a dialect says of its columns and values so that another one can take them |
//! | [`capabilities`] | what a dialect can do, as data |
//! | [`url`], [`secret`], [`error`], [`cancel`], [`environment`] | the small things that all share |
//! | `tls` (feature) | certificates, for dialects that encrypt with rustls |
//! | `testkit` (feature) | an in-memory dialect, fault injection, throttling |

pub mod cancel;
pub mod capabilities;
pub mod carrier;
pub mod contract;
pub mod crossing;
pub mod environment;
pub mod error;
pub mod exception;
pub mod expression;
pub mod fidelity;
pub mod hash;
pub mod logical;
pub mod model;
pub mod nested;
pub mod secret;
pub mod syntax;
#[cfg(feature = "testkit")]
pub mod testkit;
#[cfg(feature = "tls")]
pub mod tls;
pub mod url;

pub use cancel::Cancel;
pub use capabilities::{Capabilities, Carries, Case, Identifiers, Scope};
pub use contract::{
    Chunk, ChunkRange, CollectionAction, CollectionPlan, Consistency, Database, DatabaseInfo, Dialect,
    ForeignKeyPolicy, GroupPlan, OpenOptions, Purpose, ReadRequest, Readable, Reader, ReplaceOptions, Replacer, Sink,
    Skimmed, Snapshot, SnapshotOptions, Writer,
};
pub use crossing::{Candidate, Domain, Part, Unspoken};
pub use environment::Environment;
pub use error::{Error, ErrorKind, Result};
pub use exception::{Batch, Exception, ExceptionReason, NativeValue};
pub use expression::Expression;
pub use fidelity::{Fidelity, NativeMapping};
pub use logical::LogicalType;
pub use model::{Collection, CollectionName, Column, Schema};
pub use secret::Secret;
pub use syntax::Syntax;
pub use url::{DatabaseUrl, Location};
