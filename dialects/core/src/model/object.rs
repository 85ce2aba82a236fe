//! What a database holds beside collections, as its own dialect's text.

use super::CollectionName;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

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

impl ObjectKind {
    /// The kind in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Namespace => "namespace",
            Self::Extension => "extension",
            Self::Type => "type",
            Self::Collation => "collation",
            Self::Sequence => "sequence",
            Self::Routine => "routine",
            Self::Operator => "operator",
            Self::Cast => "cast",
            Self::View => "view",
            Self::MaterializedView => "materialized view",
            Self::Constraint => "constraint",
            Self::Trigger => "trigger",
            Self::Rule => "rule",
            Self::Policy => "policy",
            Self::Statistics => "statistics",
            Self::Event => "event",
            Self::Other => "object",
        }
    }
}
