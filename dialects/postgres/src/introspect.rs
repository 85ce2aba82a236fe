//! Reads the catalogue into the schema model, in a fixed number of queries whatever the number of tables; only the state of
//! sequences takes one more query for every thousand of them.
//!
//! | what | where it goes |
//! |---|---|
//! | tables, partitioned and foreign ones | [`Schema::collections`], with the facts of [`ddl`](crate::ddl) as attributes |
//! | tables that an extension made for its users' settings | collections of kind `System`: the extension makes the table, the users' rows are carried |
//! | large objects | a collection of kind `System`, see [`large`] |
//! | everything else that has a definition | [`Schema::objects`], see [`objects`] |
//! | what an extension made | nowhere: the extension makes it again |
//! | what cannot be carried | [`Schema::not_carried`], with the reason |
//!
//! Inside a transaction it is that transaction's catalogue, apart from definitions that the server's own functions print
//! from its caches.

mod columns;
mod constraints;
mod defaults;
mod indexes;
mod left_out;
mod relations;
pub(crate) mod sequences;
mod sql;
#[cfg(test)]
mod tests;

pub(crate) use sql::{USER_NAMESPACE, get, privileges};

use crate::large;
use crate::objects;
use crate::session::Session;
use crate::types::{Oid, TypeCatalogue};
use dbferry_dialect::model::{NativeObject, NotCarried};
use dbferry_dialect::{Collection, CollectionName, Error, ErrorKind, Result, Schema};
use std::collections::HashMap;

const READING: &str = "the catalogue cannot be read";

/// The oldest server that is known to work.
const OLDEST: i32 = 120_000;

/// The whole schema as `session` sees it: inside a transaction it is that transaction's.
///
/// # Errors
/// [`ErrorKind::Unsupported`] for servers older than PostgreSQL 12, otherwise what the server says.
pub(crate) fn introspect(session: &mut Session) -> Result<Schema> {
    let types = TypeCatalogue::load(session)?;
    introspect_with(session, &types)
}

/// The same with types that were read already.
pub(crate) fn introspect_with(session: &mut Session, types: &TypeCatalogue) -> Result<Schema> {
    let mut schema = with_objects(session, types)?;
    left_out::read(session, &mut schema)?;
    let large_objects = large::introspect(session, &mut schema)?;
    schema.collections.extend(large_objects);
    schema.collections.sort_by(|left, right| left.name.cmp(&right.name));
    Ok(schema)
}

/// Only the objects that are no collections: what is asked before objects are made. Parts of tables are among them, those that
/// come after all tables.
pub(crate) fn objects(session: &mut Session, types: &TypeCatalogue) -> Result<Vec<NativeObject>> {
    Ok(with_objects(session, types)?.objects)
}

/// Collections and objects, without what is left out and without large objects.
fn with_objects(session: &mut Session, types: &TypeCatalogue) -> Result<Schema> {
    let version = version(session)?;
    let mut schema = Schema::default();
    let mut tables = relations::read(session, &mut schema)?;
    let sequences = sequences::read(session, &mut schema.not_carried)?;
    columns::read(session, version, types, &mut tables)?;
    constraints::read(session, &mut tables)?;
    indexes::read(session, &mut tables, &mut schema.not_carried)?;
    sequences::assign(&sequences, &mut tables);
    objects::read(session, version, &mut tables, &sequences, &mut schema)?;
    schema.collections = tables.collections;
    Ok(schema)
}

/// The server's version as a number: 15.3 is 150003.
pub(crate) fn version(session: &mut Session) -> Result<i32> {
    let rows = session.query(READING, "SELECT current_setting('server_version_num')::int4", &[])?;
    let version = rows.first().map(|row| get(row, 0)).transpose()?.unwrap_or_default();
    if version < OLDEST {
        return Err(Error::new(ErrorKind::Unsupported, "the server is too old")
            .with("dialect", crate::NAME)
            .with("version", version)
            .hint("PostgreSQL 12 and later are supported"));
    }
    Ok(version)
}

/// The collections while they are filled, and where each of them is.
#[derive(Debug, Default)]
pub(crate) struct Tables {
    /// In the order of the catalogue's answer.
    pub(crate) collections: Vec<Collection>,
    positions: HashMap<Oid, usize>,
    /// The names of columns by table and number; dropped ones have none.
    column_names: HashMap<(Oid, i16), String>,
}

impl Tables {
    fn add(&mut self, oid: Oid, collection: Collection) {
        self.positions.insert(oid, self.collections.len());
        self.collections.push(collection);
    }

    /// The collection of that identifier.
    pub(crate) fn get(&self, oid: Oid) -> Option<&Collection> {
        self.positions.get(&oid).and_then(|position| self.collections.get(*position))
    }

    /// The same to be changed.
    pub(crate) fn get_mut(&mut self, oid: Oid) -> Option<&mut Collection> {
        self.positions.get(&oid).and_then(|position| self.collections.get_mut(*position))
    }

    /// The identifiers and names of all collections.
    pub(crate) fn named(&self) -> impl Iterator<Item = (Oid, &CollectionName)> {
        self.positions.iter().filter_map(|(oid, position)| Some((*oid, &self.collections.get(*position)?.name)))
    }

    /// The names of the columns with those numbers.
    fn names(&self, oid: Oid, numbers: &[i16]) -> Vec<String> {
        numbers.iter().filter_map(|number| self.column_names.get(&(oid, *number)).cloned()).collect()
    }
}

/// Keeps a fact under a name, if there is one.
fn fact(collection: &mut Collection, key: &str, value: Option<String>) {
    if let Some(value) = value {
        collection.attributes.insert(key.to_owned(), value);
    }
}

/// Keeps a fact that is true.
fn flag(collection: &mut Collection, key: &str, value: bool) {
    fact(collection, key, value.then(|| "true".to_owned()));
}

fn note(not_carried: &mut Vec<NotCarried>, kind: &str, name: impl Into<String>, reason: &str) {
    not_carried.push(NotCarried { kind: kind.to_owned(), name: name.into(), reason: reason.to_owned() });
}

fn full_name(name: &CollectionName) -> serde_json::Value {
    serde_json::json!([name.namespace, name.name])
}
