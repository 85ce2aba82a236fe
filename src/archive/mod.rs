//! The archive: a directory, or the same packed into one file, with a manifest and one Parquet file a collection.
//!
//! It knows no database and no engine. [`ArchiveWriter`] writes one, [`Archive`] reads one in place, [`pack`] and
//! [`unpack`] go from one form to the other, [`list`] finds them. What it is not: a place to decide what is dumped or
//! restored, or to prove rows by their hash; it keeps the hash, and proves bytes, counts and types.
//!
//! An archive that comes from elsewhere is hostile input: [`Archive::open`] checks the manifest before anything else is
//! believed, and a collection's footers before any of its pages is decoded.
//!
#![doc = include_str!("FORMAT.md")]

mod collection_reader;
mod collection_writer;
mod disk;
mod effort;
mod envelope;
mod exceptions;
mod footer;
pub(crate) mod foreign;
pub mod layout;
mod leftovers;
mod list;
mod manifest;
mod options;
mod pack;
mod packed;
mod packed_stream;
mod parquet_file;
mod properties;
mod range;
mod reader;
mod remove;
mod repetition;
mod row_group;
mod store;
#[cfg(test)]
pub(crate) mod testing;
mod validate;
mod writer;

pub use collection_reader::CollectionReader;
pub use collection_writer::CollectionWriter;
pub use list::{ListEntry, Summary, list, look};
pub use manifest::{
    CollectionEntry, CollectionFiles, ExceptionsEntry, FileEntry, GroupEntry, Manifest, ObjectEntry, PLACE,
};
pub use options::{Compression, WriteOptions};
pub use pack::{pack, unpack};
pub use packed_stream::{PackedReader, PackedStream};
pub use reader::Archive;
pub use remove::{clear, remove};
pub use row_group::{EncodedRowGroup, EncoderFactory, RowGroupEncoder};
pub use writer::ArchiveWriter;

use dbferry_dialect::{Error, ErrorKind};
use std::borrow::Cow;

/// The version of the format that is written, and the newest that is read.
pub const FORMAT_VERSION: u64 = 1;
/// What a manifest file says that it is.
const FORMAT: &str = "dbferry-archive";
/// The rule of every collection of a safety backup: what tells one from other archives of the same database.
pub const SAFETY_RULE: &str = "about to be changed by a restore";
/// A larger manifest is refused, in bytes.
const LARGEST_MANIFEST: u64 = 256 << 20;

/// The keys of our facts in a Parquet file's key-value metadata.
mod key {
    pub(super) const FORMAT_VERSION: &str = "dbferry:format-version";
    pub(super) const CONTENT: &str = "dbferry:content";
    pub(super) const DIALECT: &str = "dbferry:dialect";
    pub(super) const NAMESPACE: &str = "dbferry:namespace";
    pub(super) const COLLECTION: &str = "dbferry:collection";
    pub(super) const GROUP: &str = "dbferry:group";
    pub(super) const ROWS: &str = "dbferry:rows";
    pub(super) const ROW_HASH: &str = "dbferry:row-hash";
}

/// The values of [`key::CONTENT`].
mod content {
    pub(super) const ROWS: &str = "rows";
    pub(super) const EXCEPTIONS: &str = "exceptions";
}

/// What to do about a file that is not what was written.
const DAMAGED_LATER: &str =
    "the file was cut short, changed or damaged after the dump; use another copy of the archive";

fn damaged(what: impl Into<Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::ArchiveDamaged, what)
        .hint("it is damaged, or what wrote it does not keep to the format; use another copy of the archive")
}

/// A failure of the Parquet encoder on our own rows.
fn parquet_error(what: &'static str, error: parquet::errors::ParquetError) -> Error {
    Error::new(ErrorKind::Internal, what).caused_by(error)
}
