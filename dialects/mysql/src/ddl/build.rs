//! A definition built from the model: for a server of the other flavour, for archives that are not trusted, and for those of
//! other dialects.
//!
//! The types of a column of the family's own are kept, in words that the target has. Everything else is kept as far as the
//! target can say it and the archive is trusted: expressions of defaults, checks and generated columns run on the target only
//! then. Whatever is left out or changed is told in the notes.

mod columns;
mod expression;
mod keys;
mod options;

use super::{Definition, FLAVOUR, split_definition};
use crate::flavour::ServerVersion;
use dbferry_dialect::model::ColumnRole;
use dbferry_dialect::{Collection, CollectionName, Result};
use std::collections::BTreeMap;

/// What a definition is built for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Purpose<'a> {
    /// The server that will run it; any server of the family if absent.
    pub(crate) target: Option<ServerVersion>,
    /// Whether expressions of the archive may run.
    pub(crate) trusted: bool,
    /// Primary keys of the collections that a foreign key may name without columns.
    pub(crate) parent_keys: &'a BTreeMap<CollectionName, Vec<String>>,
}

/// A definition and what it does not say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Built {
    /// The definition.
    pub(crate) definition: Definition,
    /// What was left out or changed, in sentences, each with the name of what it is about.
    pub(crate) notes: Vec<String>,
}

/// The definition of an archived collection for that purpose. The collection's own text is taken where the target is of the
/// flavour that printed it and the archive is trusted.
///
/// # Errors
/// Those of [`split_definition`].
pub(crate) fn definition(collection: &Collection, purpose: Purpose<'_>) -> Result<Built> {
    let flavour = collection.attributes.get(FLAVOUR).map(String::as_str);
    let is_same = purpose.target.is_some_and(|target| flavour == Some(target.flavour.name()));
    match collection.definition.as_deref().filter(|_| is_same && purpose.trusted) {
        Some(text) => Ok(Built { definition: split_definition(text)?, notes: Vec::new() }),
        None => Ok(build(collection, purpose)),
    }
}

/// The definition, built from the model.
pub(crate) fn build(collection: &Collection, purpose: Purpose<'_>) -> Built {
    let mut builder = Builder {
        collection,
        target: purpose.target,
        is_own: collection.attributes.contains_key(FLAVOUR),
        trusted: purpose.trusted,
        notes: Vec::new(),
    };
    let mut items = Vec::new();
    let data = || collection.columns.iter().filter(|column| column.role == ColumnRole::Data);
    items.extend(data().map(|column| builder.column(column)));
    builder.keys(&mut items);
    builder.foreign_keys(&mut items, purpose.parent_keys);
    builder.checks(&mut items);
    builder.fit_row(&mut items);
    let options = builder.options();
    let definition = Definition { name: collection.name.name.clone(), items, options };
    Built { definition, notes: builder.notes }
}

/// A definition while it is built.
struct Builder<'a> {
    collection: &'a Collection,
    target: Option<ServerVersion>,
    /// Whether the collection comes from this dialect, so that its native types, collations and expressions mean something.
    is_own: bool,
    trusted: bool,
    notes: Vec<String>,
}

impl Builder<'_> {
    fn note(&mut self, what: &str) {
        self.notes.push(format!("{}: {what}", self.collection.name.name));
    }

    fn is_mariadb(&self) -> bool {
        self.target.is_some_and(ServerVersion::is_mariadb)
    }

    fn is_mysql(&self) -> bool {
        self.target.is_some_and(|target| !target.is_mariadb())
    }

    /// Whether the archive's own expressions may be used.
    fn expressions(&self) -> bool {
        self.is_own && self.trusted
    }
}

#[cfg(test)]
mod tests;
