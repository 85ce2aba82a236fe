//! Sequences that number a table's columns, and the state of any sequence.

use super::{SEQUENCE_STATE, SEQUENCES, json};
use crate::PostgresSyntax;
use dbferry_dialect::{Collection, CollectionName, Syntax};
use serde_json::Value;

/// A sequence that a column owns: an identity's, or a `serial`'s.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OwnedSequence {
    /// The column.
    pub(crate) column: String,
    /// The sequence's name in the source.
    pub(crate) name: CollectionName,
    /// Whether it belongs to an identity column, which makes and drops it.
    pub(crate) identity: bool,
    /// `START WITH 1 INCREMENT BY 1 ...`, without a type.
    pub(crate) options: String,
    /// Its type: `bigint`.
    pub(crate) type_: String,
    /// Whether it is `UNLOGGED`.
    pub(crate) unlogged: bool,
    /// Its owner.
    pub(crate) owner: Option<String>,
    /// How its privileges differ from a new one's; see [`access`](super::access).
    pub(crate) privileges: Option<String>,
    /// Its comment.
    pub(crate) comment: Option<String>,
    /// The last value and whether it was handed out, where that could be read.
    pub(crate) state: Option<(i64, bool)>,
}

impl OwnedSequence {
    /// As the attribute [`SEQUENCES`] holds it.
    pub(crate) fn to_json(&self) -> Value {
        serde_json::json!({
            "column": self.column,
            "name": [self.name.namespace, self.name.name],
            "identity": self.identity,
            "options": self.options,
            "type": self.type_,
            "unlogged": self.unlogged,
            "owner": self.owner,
            "privileges": self.privileges,
            "comment": self.comment,
        })
    }

    fn parse(value: &Value, states: &Value) -> Option<Self> {
        let text = |key: &str| value[key].as_str().map(str::to_owned);
        let column = text("column")?;
        let state = &states[&column];
        Some(Self {
            name: super::index::name_of(&value["name"])?,
            identity: value["identity"].as_bool()?,
            options: text("options")?,
            type_: text("type")?,
            unlogged: value["unlogged"].as_bool().unwrap_or_default(),
            owner: text("owner"),
            privileges: text("privileges"),
            comment: text("comment"),
            state: state[0].as_i64().zip(state[1].as_bool()),
            column,
        })
    }

    /// Its name beside a table that was `source` and is made as `target`: a sequence moves with its table.
    pub(crate) fn name_beside(&self, target: &CollectionName, source: &CollectionName) -> CollectionName {
        if self.name.namespace == source.namespace {
            CollectionName::new(&target.namespace, &self.name.name)
        } else {
            self.name.clone()
        }
    }

    pub(super) fn identity_options(&self, target: &CollectionName, source: &CollectionName) -> String {
        format!("SEQUENCE NAME {} {}", PostgresSyntax.qualified(&self.name_beside(target, source)), self.options)
    }
}

/// The sequences that number columns of a collection, with their state.
pub(crate) fn all(collection: &Collection) -> Vec<OwnedSequence> {
    let states = json(collection, SEQUENCE_STATE);
    let list = json(collection, SEQUENCES);
    list.as_array().into_iter().flatten().filter_map(|value| OwnedSequence::parse(value, &states)).collect()
}

/// The sequence of a default that is `nextval('schema.name'::regclass)` and nothing else.
pub(crate) fn next_of(default: &str) -> Option<CollectionName> {
    let inside = default.strip_prefix("nextval('")?.strip_suffix("'::regclass)")?;
    super::index::qualified_name(&inside.replace("''", "'"))
}

/// `CREATE SEQUENCE` for a sequence that is no identity's: the table's default needs it before the table.
pub(crate) fn create(sequence: &OwnedSequence) -> String {
    format!(
        "CREATE {}SEQUENCE {} AS {} {}",
        if sequence.unlogged { "UNLOGGED " } else { "" },
        PostgresSyntax.qualified(&sequence.name),
        sequence.type_,
        sequence.options
    )
}

/// Ties such a sequence to its column, so that it goes with it. Both must be in one schema by then.
pub(crate) fn own(sequence: &OwnedSequence, table: &CollectionName) -> String {
    format!(
        "ALTER SEQUENCE {} OWNED BY {}.{}",
        PostgresSyntax.qualified(&sequence.name),
        PostgresSyntax.qualified(table),
        PostgresSyntax.quote_identifier(&sequence.column)
    )
}

/// Sets a sequence to exactly that state.
pub(crate) fn set(name: &CollectionName, last_value: i64, is_called: bool) -> String {
    format!(
        "SELECT pg_catalog.setval({}, {last_value}, {is_called})",
        PostgresSyntax.quote_text(&PostgresSyntax.qualified(name))
    )
}
