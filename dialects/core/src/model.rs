//! The schema model: what a database holds, in words that every dialect shares.
//!
//! A dialect fills it from its catalogue, the archive's manifest stores it, the restore's plan compares two of them. Where
//! an engine has its own exact text for a thing (`CREATE TABLE` as the user wrote it), that text travels beside the model
//! and is used when the archive goes back to the same dialect; the model is what crosses engines.

use crate::logical::LogicalType;
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

    /// Whether it means something to another dialect.
    pub fn is_portable(self) -> bool {
        matches!(self, Self::Table | Self::Partitioned)
    }

    fn is_table(&self) -> bool {
        matches!(self, Self::Table)
    }
}

/// One column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// What its values mean.
    pub logical: LogicalType,
    /// The engine's own spelling of the type, and what else the dialect must know to write a value back exactly.
    pub native: NativeType,
    /// Whether null is allowed.
    pub nullable: bool,
    /// What the column is for.
    #[serde(default, skip_serializing_if = "ColumnRole::is_data")]
    pub role: ColumnRole,
    /// Its default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<DefaultValue>,
    /// Whether the engine numbers it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<Identity>,
    /// The expression that computes it. Generated columns are read, so that other engines and other readers have the
    /// values, and never written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generated: Option<Generated>,
    /// Its collation, if not the database's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collation: Option<String>,
    /// Its comment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

impl Column {
    /// A nullable data column without a default.
    pub fn new(name: impl Into<String>, logical: LogicalType, native: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            logical,
            native: NativeType { text: native.into(), ..NativeType::default() },
            nullable: true,
            role: ColumnRole::Data,
            default: None,
            identity: None,
            generated: None,
            collation: None,
            comment: None,
        }
    }
}

/// What a column is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ColumnRole {
    /// The user's data.
    #[default]
    Data,
    /// The engine's own row number (SQLite's implicit rowid): written back to the same dialect, left out elsewhere.
    RowIdentity,
}

impl ColumnRole {
    fn is_data(&self) -> bool {
        matches!(self, Self::Data)
    }
}

/// A type as its own engine spells it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NativeType {
    /// The declared type, parameters included: `NUMERIC(10,2)`, `varchar(40)`.
    pub text: String,
    /// What else the dialect needs to write a value back bit for bit (SQLite: how a date is spelled).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, String>,
    /// The type that the user of this run wants the column to have in the target, as SQL. Whoever runs it may write it, so it
    /// is trusted; it never comes from a manifest.
    #[serde(skip)]
    pub imposed: Option<String>,
}

/// A column's default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DefaultValue {
    /// The engine's own text.
    pub native: String,
    /// What it means, where that is understood. Only an understood default crosses engines, and only an understood one is
    /// used on an untrusted restore.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meaning: Option<DefaultMeaning>,
}

/// Defaults that every engine has in some spelling.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum DefaultMeaning {
    /// `NULL`.
    Null,
    /// A truth value.
    Bool(bool),
    /// A number, as its decimal text.
    Number(String),
    /// A character string.
    Text(String),
    /// A byte string, in hexadecimal.
    Bytes(String),
    /// The current date.
    CurrentDate,
    /// The current time.
    CurrentTime,
    /// The current date and time.
    CurrentTimestamp,
    /// A random UUID.
    RandomUuid,
}

/// How an engine numbers a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Identity {
    /// Numbered when no value is given, numbers may be used again (SQLite's `INTEGER PRIMARY KEY`).
    Reusing,
    /// Numbered when no value is given, numbers are never used again.
    ByDefault,
    /// Always numbered; an explicit value needs an override.
    Always,
}

/// How a generated column is computed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Generated {
    /// The expression in the engine's own text; empty where the engine does not tell.
    pub expression: String,
    /// Whether values are stored, or computed at each read.
    pub stored: bool,
}

/// A primary key or a unique constraint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Key {
    /// The constraint's name, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The columns in key order.
    pub columns: Vec<String>,
    /// The engine's own text of the constraint (`UNIQUE NULLS NOT DISTINCT (a) INCLUDE (b)`), where the columns do not say
    /// it all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub definition: Option<String>,
}

/// A foreign key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForeignKey {
    /// The constraint's name, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The referencing columns.
    pub columns: Vec<String>,
    /// The collection that is referenced; it need not exist everywhere (SQLite does not check).
    pub references: CollectionName,
    /// The referenced columns, in the order of `columns`; empty means its primary key.
    pub referenced_columns: Vec<String>,
    /// What happens when the referenced row is deleted.
    pub on_delete: ReferentialAction,
    /// What happens when the referenced key changes.
    pub on_update: ReferentialAction,
    /// Whether it is checked at commit.
    #[serde(default)]
    pub deferred: Deferral,
    /// The engine's own text of the constraint, where the fields above do not say it all (`MATCH FULL`, `NOT VALID`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub definition: Option<String>,
}

/// What a foreign key does when the referenced row goes away or changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)] // The SQL standard's own words.
pub enum ReferentialAction {
    #[default]
    NoAction,
    Restrict,
    Cascade,
    SetNull,
    SetDefault,
}

/// When a foreign key is checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Deferral {
    /// At the end of each statement, always.
    #[default]
    Immediate,
    /// At the end of each statement, unless the transaction asks otherwise.
    Deferrable,
    /// At commit, unless the transaction asks otherwise.
    Deferred,
}

/// A check constraint, in the engine's own text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// The constraint's name, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The condition.
    pub expression: String,
    /// The engine's own text of the constraint, where the condition does not say it all (`NO INHERIT`, `NOT VALID`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub definition: Option<String>,
}

/// An index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Index {
    /// Its name.
    pub name: String,
    /// What it is sorted by.
    pub parts: Vec<IndexPart>,
    /// Whether two rows may share a key.
    pub unique: bool,
    /// The condition of a partial index, in the engine's own text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predicate: Option<String>,
    /// The engine's own `CREATE INDEX` text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub definition: Option<String>,
}

/// One part of an index key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IndexPart {
    /// What is indexed.
    pub subject: IndexSubject,
    /// Whether it is sorted downwards.
    #[serde(default)]
    pub descending: bool,
    /// Its collation, if not the column's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collation: Option<String>,
}

/// What a part of an index key is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum IndexSubject {
    /// A column.
    Column(String),
    /// An expression in the engine's own text; empty where the engine does not tell.
    Expression(String),
}

/// Where automatic numbering stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counter {
    /// The numbered column.
    pub column: String,
    /// The counter's value.
    pub last_value: i64,
    /// Whether `last_value` was handed out: if so the next number is the one after it.
    pub is_called: bool,
}

/// A view, trigger, routine or the like, carried as its own dialect's text.
///
/// A dialect lists its objects so that each comes after those that it needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NativeObject {
    /// What it is.
    pub kind: ObjectKind,
    /// The namespace that it is in.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The collection that it belongs to: it is dumped and restored with that collection's group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<CollectionName>,
    /// The dialect whose text `definition` is.
    pub dialect: String,
    /// Whether collections need it or it needs collections.
    #[serde(default, skip_serializing_if = "Stage::is_after")]
    pub stage: Stage,
    /// The statement that creates it.
    pub definition: String,
    /// Its comment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// Facts that only its own dialect reads (an owner, a sequence's state, whether a trigger is enabled, ...).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
}

impl NativeObject {
    /// An object of no collection, created after all collections, without comment and attributes.
    pub fn new(
        kind: ObjectKind,
        namespace: impl Into<String>,
        name: impl Into<String>,
        dialect: impl Into<String>,
        definition: impl Into<String>,
    ) -> Self {
        Self {
            kind,
            namespace: namespace.into(),
            name: name.into(),
            on: None,
            dialect: dialect.into(),
            stage: Stage::After,
            definition: definition.into(),
            comment: None,
            attributes: BTreeMap::new(),
        }
    }
}

/// When a restore creates a native object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Before the first collection: collections may need it (a namespace, a type, a sequence, a function in a default).
    Before,
    /// After the collection that it belongs to is loaded, or after all collections if it belongs to none.
    #[default]
    After,
}

impl Stage {
    fn is_after(&self) -> bool {
        matches!(self, Self::After)
    }
}

/// Kinds of native objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
#[allow(missing_docs)] // The SQL standard's own words.
pub enum ObjectKind {
    Namespace,
    Extension,
    Type,
    Collation,
    Sequence,
    /// A function, procedure or aggregate.
    Routine,
    Operator,
    Cast,
    View,
    MaterializedView,
    /// A constraint that is no key, foreign key or check (`EXCLUDE`).
    Constraint,
    Trigger,
    Rule,
    Policy,
    /// Extended statistics.
    Statistics,
    /// A scheduled event.
    Event,
    /// Anything else that its dialect can put back.
    Other,
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
