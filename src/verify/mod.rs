//! Verify: whether an archive is what it says, whether a database holds what an archive says, and whether two databases hold
//! the same.
//!
//! An archive by itself: the bytes of every file against the manifest's BLAKE3, the schema in every Parquet footer against
//! the manifest's, and every row decoded, counted and hashed again. Against a database, and a source against its target:
//! every collection read through the source's columns, counted and hashed; where the hashes differ, a closer look finds the
//! rows and the columns. The engines need not be the same. What it is not: it changes nothing anywhere, except
//! [`in_scratch`] in a database that was empty.

mod against;
mod agree;
pub(crate) mod compare;
pub(crate) mod counterpart;
mod decode;
mod gate;
pub(crate) mod pair;
mod projection;
mod rehash;
mod report;
pub(crate) mod rows;
mod sample;
mod scan;
mod scratch;
pub(crate) mod side;
mod whole;
pub(crate) mod work;

pub use against::{verify_against, verify_databases};
pub(crate) use decode::hash_row_groups;
pub(crate) use gate::Gate;
pub(crate) use projection::Projection;
pub(crate) use rehash::{Rehash, rehash};
pub(crate) use report::difference;
pub use report::{ComparedAs, NotCompared, VerifiedCollection, VerifyReport};
pub use rows::{CellDifference, KeyPart, RowDifference, RowDifferenceKind, RowDifferences};
pub use sample::Sample;
pub(crate) use scan::Run;
pub use scratch::{ScratchReport, in_scratch};
pub(crate) use scratch::{contents, empty};
pub use whole::verify;

use crate::archive::Archive;
use crate::endpoint::Endpoint;
use crate::group::Selection;
use crate::resources::Resources;
use dbferry_dialect::Cancel;

/// How to verify.
#[derive(Clone, Debug)]
pub struct VerifyOptions {
    /// Threads and memory.
    pub resources: Resources,
    /// Which groups and collections; all by default. A database has no groups.
    pub selection: Selection,
    /// Whether rows are decoded and hashed again (true by default), or only bytes and footers looked at.
    pub skip_rows: bool,
    /// How many rows are told of each collection that differs (10 by default). With 0 nobody looks closer, and it is only
    /// said that they differ.
    pub differences: usize,
    /// Look at some rows only; at all by default.
    pub sample: Option<Sample>,
    /// Whether an archive is refused, instead of decoded, whose files say that a row group is larger in memory than the run may
    /// use; false by default. For archives of strangers: a row is always decoded whole, however small its file is.
    pub within_memory: bool,
    /// Cancels the run.
    pub cancel: Cancel,
}

impl VerifyOptions {
    /// How many rows are told of a collection unless something else is asked.
    pub const DIFFERENCES: usize = 10;
}

impl Default for VerifyOptions {
    fn default() -> Self {
        Self {
            resources: Resources::default(),
            selection: Selection::default(),
            skip_rows: false,
            differences: Self::DIFFERENCES,
            sample: None,
            within_memory: false,
            cancel: Cancel::default(),
        }
    }
}

/// One of two things that are compared.
#[derive(Clone, Copy, Debug)]
pub enum Holder<'a> {
    /// An archive.
    Archive(&'a Archive),
    /// A database, which is read in one snapshot.
    Database(&'a Endpoint<'a>),
}
