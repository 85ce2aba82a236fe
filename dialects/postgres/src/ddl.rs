//! Statements that make a table of PostgreSQL again exactly as it was, from the schema model and the facts in its
//! attributes.
//!
//! Everything here is pure text: no connection. The texts that the server's own functions gave (`pg_get_indexdef`, ...) are
//! used as they are, so this is for archives that are trusted; the others go through
//! [`PostgresSyntax`](crate::PostgresSyntax). The order in which a table is made:
//!
//! 1. [`sequence::create`] for sequences that defaults use, [`table::create`], [`sequence::own`], [`table::settings`]
//! 2. rows
//! 3. [`table::attach`] (before the parent has indexes, or the server makes those that a partition has not),
//!    [`constraint::add_key`] and friends, [`index`], [`index::attach`], [`constraint::add_foreign_key`]
//! 4. [`table::final_settings`], [`table::comments`], [`access`]

pub(crate) mod access;
pub(crate) mod constraint;
pub(crate) mod index;
pub(crate) mod sequence;
pub(crate) mod table;
#[cfg(test)]
mod tests;

use dbferry_dialect::Collection;
use serde_json::Value;

/// Collection attribute, `true`: the table is `UNLOGGED`.
pub(crate) const UNLOGGED: &str = "unlogged";
/// Collection attribute of a partitioned table: strategy and key, `RANGE (a, lower(b))`.
pub(crate) const PARTITION_BY: &str = "partition-by";
/// Collection attribute of a partition: its bound, `FOR VALUES FROM (1) TO (2)`.
pub(crate) const PARTITION_BOUND: &str = "partition-bound";
/// Collection attribute: JSON list of the parents that it inherits from, `[["public", "a"]]`, in order.
pub(crate) const INHERITS: &str = "inherits";
/// Collection attribute: the composite type that the table is of, quoted and qualified.
pub(crate) const OF_TYPE: &str = "of-type";
/// Collection attribute: the storage parameters as `WITH (...)` takes them, those of the TOAST table included.
pub(crate) const WITH: &str = "with";
/// Collection attribute: the tablespace. A note only: tablespaces belong to the server, so the target's default is used.
pub(crate) const TABLESPACE: &str = "tablespace";
/// Collection attribute: the access method, where it is not `heap`.
pub(crate) const ACCESS_METHOD: &str = "access-method";
/// Collection attribute: `full`, `nothing` or `index NAME`, where it is not the primary key.
pub(crate) const REPLICA_IDENTITY: &str = "replica-identity";
/// Collection attribute: the index that the table is clustered on.
pub(crate) const CLUSTER: &str = "cluster";
/// Collection attribute, `true`: policies restrict what others see.
pub(crate) const ROW_SECURITY: &str = "row-security";
/// Collection attribute, `true`: policies restrict the owner too.
pub(crate) const FORCE_ROW_SECURITY: &str = "force-row-security";
/// Attribute of collections and objects: the owner.
pub(crate) const OWNER: &str = "owner";
/// Attribute of collections and objects: how its privileges differ from those that a new one has; see [`access`].
pub(crate) const PRIVILEGES: &str = "privileges";
/// Attribute of collections and views: JSON object from a column to how its privileges differ.
pub(crate) const COLUMN_PRIVILEGES: &str = "column-privileges";
/// Collection attribute: JSON list of the sequences that number its columns; see [`sequence`].
pub(crate) const SEQUENCES: &str = "sequences";
/// Collection attribute: JSON object from the numbered column to `[last_value, is_called]`. It moves with every new row, so it
/// is no part of the table's shape.
pub(crate) const SEQUENCE_STATE: &str = "sequence-state";
/// Collection attribute: JSON object from a key's name to the definition of its index.
pub(crate) const KEY_INDEXES: &str = "key-indexes";
/// Collection attribute of a partition: JSON object from an index of it to the index of its parent that it is a part of,
/// `{"a_pkey": ["public", "pkey"]}`.
pub(crate) const INDEX_PARENTS: &str = "index-parents";
/// Collection attribute: JSON list of statements that complete its indexes (statistics targets of expressions).
pub(crate) const INDEX_SETTINGS: &str = "index-settings";
/// Collection attribute: JSON list of `[what, comment]` for constraints and indexes; `what` is `CONSTRAINT "a"` or
/// `INDEX "a"`.
pub(crate) const COMMENTS: &str = "comments";
/// Collection attribute of a foreign table: its server.
pub(crate) const SERVER: &str = "server";
/// Collection attribute of a foreign table, and parameter of its columns: options as `OPTIONS (...)` takes them.
pub(crate) const OPTIONS: &str = "options";
/// Collection attribute of a table that an extension made for its users' settings: the extension.
pub(crate) const EXTENSION: &str = "extension";
/// Collection attribute beside [`EXTENSION`]: the condition that tells the users' rows from the extension's own; all rows
/// when it is not there.
pub(crate) const EXTENSION_CONDITION: &str = "extension-condition";
/// Attribute of the collection of large objects: the size of their pages, in bytes.
pub(crate) const PAGE_BYTES: &str = "page-bytes";
/// Attribute of the collection of large objects: JSON list of `[identifier, owner, privileges, comment]` of those that have
/// another owner than most, privileges, or a comment; null stands for what an object has not.
pub(crate) const LARGE_OBJECTS: &str = "large-objects";

/// Column parameter: the storage, where it is not its type's: `EXTERNAL`.
pub(crate) const STORAGE: &str = "storage";
/// Column parameter: the compression method, where it is not the server's default.
pub(crate) const COMPRESSION: &str = "compression";
/// Column parameter: the statistics target.
pub(crate) const STATISTICS: &str = "statistics";
/// Column parameter: planner's options as `SET (...)` takes them: `n_distinct=5`.
pub(crate) const COLUMN_OPTIONS: &str = "column-options";
/// Column parameter, `true`: the column comes from a parent and is not the table's own.
pub(crate) const INHERITED: &str = "inherited";
/// Column parameter: the name of the `NOT NULL` constraint (PostgreSQL 18), where it is not the usual one.
pub(crate) const NOT_NULL_NAME: &str = "not-null-name";
/// Column parameter, `true`: the `NOT NULL` constraint is a parent's (PostgreSQL 18, which tells the difference).
pub(crate) const NOT_NULL_INHERITED: &str = "not-null-inherited";
/// Column parameter, `true`: the `NOT NULL` constraint is not handed down to children (PostgreSQL 18).
pub(crate) const NOT_NULL_NO_INHERIT: &str = "not-null-no-inherit";

/// A JSON attribute; null when it is not there or is none.
fn json(collection: &Collection, attribute: &str) -> Value {
    collection.attributes.get(attribute).and_then(|text| serde_json::from_str(text).ok()).unwrap_or(Value::Null)
}

fn is_set(collection: &Collection, attribute: &str) -> bool {
    collection.attributes.get(attribute).is_some_and(|value| value == "true")
}
