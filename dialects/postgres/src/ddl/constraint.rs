//! Keys, checks and foreign keys of tables that exist.

use super::{KEY_INDEXES, json};
use crate::PostgresSyntax;
use dbferry_dialect::model::{Check, Deferral, ForeignKey, Key};
use dbferry_dialect::{Collection, CollectionName, Syntax};

/// `ADD CONSTRAINT` for a key, building its index on the way. With `only` the key of a partitioned table is made without
/// those of its partitions, which [`index::attach`](super::index::attach) puts in their places.
pub(crate) fn add_key(table: &CollectionName, key: &Key, primary: bool, only: bool) -> String {
    let definition = key.definition.clone().unwrap_or_else(|| {
        format!("{} ({})", if primary { "PRIMARY KEY" } else { "UNIQUE" }, PostgresSyntax.names(&key.columns))
    });
    add(table, only, key.name.as_deref(), &definition)
}

/// The `CREATE UNIQUE INDEX` of a key, to be built apart (on another connection) and made the key by
/// [`add_key_using_index`]; `None` when the key cannot be had that way (a partitioned table's, one `WITHOUT OVERLAPS`).
pub(crate) fn key_index(table: &CollectionName, collection: &Collection, key: &Key) -> Option<String> {
    let name = key.name.as_deref()?;
    let definition = json(collection, KEY_INDEXES)[name].as_str()?.to_owned();
    // A name that looks like it only loses the short cut.
    let of_periods = key.definition.as_deref().is_some_and(|text| text.contains(" WITHOUT OVERLAPS)"));
    if collection.attributes.contains_key(super::PARTITION_BY) || of_periods {
        return None;
    }
    super::index::retarget(&definition, &collection.name, table)
}

/// Makes the index of [`key_index`] the key.
pub(crate) fn add_key_using_index(table: &CollectionName, key: &Key, primary: bool) -> Option<String> {
    let name = key.name.as_deref()?;
    let definition = key.definition.as_deref().unwrap_or_default();
    // `pg_get_constraintdef` writes it last.
    let deferral = if definition.ends_with(" DEFERRABLE INITIALLY DEFERRED") {
        " DEFERRABLE INITIALLY DEFERRED"
    } else if definition.ends_with(" DEFERRABLE") {
        " DEFERRABLE"
    } else {
        ""
    };
    let kind = if primary { "PRIMARY KEY" } else { "UNIQUE" };
    let index = PostgresSyntax.quote_identifier(name);
    Some(add(table, false, Some(name), &format!("{kind} USING INDEX {index}{deferral}")))
}

/// `ADD CONSTRAINT` for a check.
pub(crate) fn add_check(table: &CollectionName, check: &Check, only: bool) -> String {
    let definition = check.definition.clone().unwrap_or_else(|| format!("CHECK ({})", check.expression));
    add(table, only, check.name.as_deref(), &definition)
}

/// `ADD CONSTRAINT` for a foreign key. With `not_valid` rows that are there are not looked at: [`validate`] does that later.
/// Partitioned tables take no such key before PostgreSQL 18.
///
/// A key of PostgreSQL's own is spelled as the server spells it, and references the collection that it names; the others
/// are built from the model.
pub(crate) fn add_foreign_key(table: &CollectionName, key: &ForeignKey, not_valid: bool) -> String {
    let mut definition = key.definition.clone().unwrap_or_else(|| foreign_key(key));
    if not_valid && !is_not_valid(key) {
        definition.push_str(" NOT VALID");
    }
    add(table, false, key.name.as_deref(), &definition)
}

/// Whether the key was not validated in the source, and so is not to be validated in the target.
pub(crate) fn is_not_valid(key: &ForeignKey) -> bool {
    key.definition.as_deref().is_some_and(|definition| definition.ends_with(" NOT VALID"))
}

/// Looks at the rows that are there.
pub(crate) fn validate(table: &CollectionName, constraint: &str) -> String {
    format!(
        "ALTER TABLE {} VALIDATE CONSTRAINT {}",
        PostgresSyntax.qualified(table),
        PostgresSyntax.quote_identifier(constraint)
    )
}

/// Drops a constraint, alone: what depends on it makes this fail.
pub(crate) fn drop(table: &CollectionName, constraint: &str) -> String {
    format!(
        "ALTER TABLE {} DROP CONSTRAINT {}",
        PostgresSyntax.qualified(table),
        PostgresSyntax.quote_identifier(constraint)
    )
}

fn add(table: &CollectionName, only: bool, name: Option<&str>, definition: &str) -> String {
    let only = if only { "ONLY " } else { "" };
    let name = name.map(|name| format!("CONSTRAINT {} ", PostgresSyntax.quote_identifier(name))).unwrap_or_default();
    format!("ALTER TABLE {only}{} ADD {name}{definition}", PostgresSyntax.qualified(table))
}

fn foreign_key(key: &ForeignKey) -> String {
    let mut text = format!(
        "FOREIGN KEY ({}) REFERENCES {}",
        PostgresSyntax.names(&key.columns),
        PostgresSyntax.qualified(&key.references)
    );
    if !key.referenced_columns.is_empty() {
        text.push_str(&format!(" ({})", PostgresSyntax.names(&key.referenced_columns)));
    }
    for (event, action) in [("DELETE", key.on_delete), ("UPDATE", key.on_update)] {
        text.push_str(&format!(" ON {event} {}", PostgresSyntax.referential_action(action)));
    }
    text.push_str(match key.deferred {
        Deferral::Immediate => "",
        Deferral::Deferrable => " DEFERRABLE",
        Deferral::Deferred => " DEFERRABLE INITIALLY DEFERRED",
    });
    text
}
