//! The schema model: what a database holds, in words that every dialect shares.
//!
//! A dialect fills it from its catalogue, the archive's manifest stores it, the restore's plan compares two of them. Where
//! an engine has its own exact text for a thing (`CREATE TABLE` as the user wrote it), that text travels beside the model
//! and is used when the archive goes back to the same dialect; the model is what crosses engines.

mod column;
mod constraint;
mod object;

pub use column::{Column, ColumnRole, Counter, DefaultMeaning, DefaultValue, Generated, Identity, NativeType};
pub use constraint::{Check, Deferral, ForeignKey, Index, IndexPart, IndexSubject, Key, ReferentialAction};
pub use object::{NativeObject, ObjectKind, Stage};

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// Everything that was found in one database.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schema {
    /// The tables and what behaves like one, sorted by name.
    pub collections: Vec<Collection>,
    /// Views, triggers, routines: carried as their own dialect's text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub objects: Vec<NativeObject>,
    /// Facts of the database as a whole (SQLite's `user_version`, ...), by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
    /// What was seen and is not carried. Nothing is dropped in silence: the manifest keeps this list and `dump` prints it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_carried: Vec<NotCarried>,
}

impl Schema {
    /// The collection of that name.
    pub fn collection(&self, name: &CollectionName) -> Option<&Collection> {
        self.collections.iter().find(|collection| collection.name == *name)
    }
}

/// A collection's full name. Its text form is `namespace.name`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CollectionName {
    /// PostgreSQL's schema, MySQL's database, SQLite's `main`.
    pub namespace: String,
    /// The name inside the namespace, exactly as the catalogue spells it.
    pub name: String,
}

impl CollectionName {
    /// Puts the two parts together.
    pub fn new(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }
}

impl fmt::Display for CollectionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.namespace, self.name)
    }
}

/// One table, or something that holds rows like one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Collection {
    /// Its name.
    pub name: CollectionName,
    /// What it is in its engine.
    #[serde(default, skip_serializing_if = "CollectionKind::is_table")]
    pub kind: CollectionKind,
    /// The columns in the order in which batches carry them.
    pub columns: Vec<Column>,
    /// The primary key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub primary_key: Option<Key>,
    /// Unique constraints other than the primary key.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unique_keys: Vec<Key>,
    /// Foreign keys that leave this collection.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub foreign_keys: Vec<ForeignKey>,
    /// Check constraints.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<Check>,
    /// Indexes that are not the mere shadow of a key constraint.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub indexes: Vec<Index>,
    /// Where its automatic numbering stands; also kept for empty tables.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counter: Option<Counter>,
    /// The collection that this one is a part of (a shadow table's virtual table, a partition's parent). A part is always
    /// in its owner's group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part_of: Option<CollectionName>,
    /// The table's comment, where the engine has comments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// Facts that only its own dialect reads (`strict`, `without-rowid`, a storage engine, ...).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
    /// The engine's own `CREATE` text, used when restoring to the same dialect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub definition: Option<String>,
    /// Size as far as the catalogue knows it without a scan; never stored.
    #[serde(skip)]
    pub estimate: Estimate,
}

impl Collection {
    /// An ordinary table with these columns and nothing else.
    pub fn table(name: CollectionName, columns: Vec<Column>) -> Self {
        Self {
            name,
            kind: CollectionKind::Table,
            columns,
            primary_key: None,
            unique_keys: Vec::new(),
            foreign_keys: Vec::new(),
            checks: Vec::new(),
            indexes: Vec::new(),
            counter: None,
            part_of: None,
            comment: None,
            attributes: BTreeMap::new(),
            definition: None,
            estimate: Estimate::default(),
        }
    }

    /// The column of that name and its position. Names are compared as the catalogue spells them.
    pub fn column(&self, name: &str) -> Option<(usize, &Column)> {
        self.columns.iter().enumerate().find(|(_, column)| column.name == name)
    }
}

/// What a collection is in its engine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum CollectionKind {
    /// An ordinary table.
    #[default]
    Table,
    /// A table whose rows another mechanism owns (SQLite's shadow tables of a virtual table); only its own dialect can
    /// use it.
    Shadow,
    /// A table without rows of its own (SQLite's virtual tables: their rows are in their shadow tables).
    Virtual,
    /// A table of the engine itself that is carried because results depend on it (`sqlite_stat1`).
    System,
    /// A table that is divided into others, its partitions, which hold its rows and are collections of their own.
    Partitioned,
    /// A table whose rows another server holds; they stay there.
    Foreign,
}

impl CollectionKind {
    /// Whether it has rows to read and write, and so a Parquet file.
    pub fn has_rows(self) -> bool {
        !matches!(self, Self::Virtual | Self::Partitioned | Self::Foreign)
    }

    /// Whether it means something to another dialect. The partitions of a table do, each as a table of its own.
    pub fn is_portable(self) -> bool {
        matches!(self, Self::Table)
    }

    fn is_table(&self) -> bool {
        matches!(self, Self::Table)
    }
}

/// Something that was seen and is not carried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NotCarried {
    /// What it is, in words: `temporary table`, `attached database`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Why, and what to do about it.
    pub reason: String,
}

/// Size of a collection as far as the catalogue knows it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Estimate {
    /// Rows, if known.
    pub rows: Option<u64>,
    /// Bytes on the source's disk, if known.
    pub bytes: Option<u64>,
}
