//! Foreign keys: which rows reference nothing.

use super::check::positions;
use super::load::Cells;
use super::state::{State, Table};
use crate::error::Result;
use crate::model::{CollectionName, ForeignKey};
use std::collections::{BTreeSet, HashSet};

/// The keys of one foreign key that reference nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Violation {
    /// The referencing collection.
    pub(super) collection: CollectionName,
    /// The foreign key in words: `(parent) -> main.parents (id)`.
    pub(super) foreign_key: String,
    /// The keys, each once, sorted.
    pub(super) keys: BTreeSet<String>,
}

impl Violation {
    /// One line with the first ten keys.
    pub(super) fn describe(&self) -> String {
        const SHOWN: usize = 10;
        let mut shown: Vec<&str> = self.keys.iter().take(SHOWN).map(String::as_str).collect();
        let more = format!("and {} more", self.keys.len().saturating_sub(SHOWN));
        if self.keys.len() > SHOWN {
            shown.push(&more);
        }
        format!("{} {}: {}", self.collection, self.foreign_key, shown.join("; "))
    }
}

/// Every foreign key of every table that does not hold. Keys with a null in them reference nothing and are fine.
///
/// # Errors
/// [`ErrorKind::Database`](crate::ErrorKind::Database) when a foreign key names a column that does not exist.
pub(super) fn violations(state: &State) -> Result<Vec<Violation>> {
    let mut found = Vec::new();
    for table in state.tables.values() {
        for foreign_key in &table.collection.foreign_keys {
            let keys = dangling(state, table, foreign_key)?;
            if !keys.is_empty() {
                let foreign_key = describe(foreign_key);
                found.push(Violation { collection: table.collection.name.clone(), foreign_key, keys });
            }
        }
    }
    Ok(found)
}

fn describe(foreign_key: &ForeignKey) -> String {
    let (from, references) = (foreign_key.columns.join(", "), &foreign_key.references);
    match foreign_key.referenced_columns.join(", ") {
        primary_key if primary_key.is_empty() => format!("({from}) -> {references}"),
        to => format!("({from}) -> {references} ({to})"),
    }
}

fn dangling(state: &State, table: &Table, foreign_key: &ForeignKey) -> Result<BTreeSet<String>> {
    let mut referenced = HashSet::new();
    // Every key into a collection that is not there references nothing.
    if let Some(parent) = state.tables.get(&foreign_key.references) {
        let primary = parent.collection.primary_key.as_ref().map_or(&[][..], |key| &key.columns);
        let named =
            if foreign_key.referenced_columns.is_empty() { primary } else { &foreign_key.referenced_columns[..] };
        let columns = positions(&parent.collection, named.iter())?;
        for_each_key(parent, &columns, |key| _ = referenced.insert(key));
    }
    let columns = positions(&table.collection, foreign_key.columns.iter())?;
    let mut keys = BTreeSet::new();
    for_each_key(table, &columns, |key| {
        if !referenced.contains(&key) {
            keys.insert(key);
        }
    });
    Ok(keys)
}

fn for_each_key(table: &Table, columns: &[usize], mut take: impl FnMut(String)) {
    for batch in &table.batches {
        let cells = Cells::of(batch);
        (0..cells.length).filter_map(|row| cells.key(columns, row)).for_each(&mut take);
    }
}
