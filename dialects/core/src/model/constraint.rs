//! What holds between rows, and what finds them: keys, foreign keys, checks and indexes.

use super::CollectionName;
use crate::expression::Expression;
use serde::{Deserialize, Serialize};

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
    /// What it means to a target of another dialect, with that target's columns. It is found when a collection is translated
    /// and never comes from a manifest; a dialect that builds a table from the model spells it.
    #[serde(skip)]
    pub meaning: Option<Expression>,
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
    /// What the condition means, as a check's [`meaning`](Check::meaning).
    #[serde(skip)]
    pub condition: Option<Expression>,
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
    /// What an expression means, as a check's [`meaning`](Check::meaning).
    #[serde(skip)]
    pub meaning: Option<Expression>,
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
