//! Keys, foreign keys, checks and indexes of one table.

use crate::NAMESPACE;
use crate::catalogue::{Catalogue, RawIndex, RawTable};
use crate::ddl::{IndexFacts, TableFacts, index_facts};
use dbferry_dialect::model::{ForeignKey, Index, IndexPart, IndexSubject, Key, ReferentialAction};
use dbferry_dialect::{Collection, CollectionName};

/// Adds what constrains `table` to `collection`, whose columns are there already.
pub(super) fn add(catalogue: &Catalogue, table: &RawTable, facts: &TableFacts, collection: &mut Collection) {
    let mut key: Vec<_> = table.columns.iter().filter(|column| column.key > 0).collect();
    key.sort_by_key(|column| column.key);
    if !key.is_empty() {
        let columns = key.into_iter().map(|column| column.name.clone()).collect();
        collection.primary_key = Some(Key { definition: None, name: None, columns });
    }
    let mut unique: Vec<_> = table.indexes.values().filter(|index| index.origin == "u").collect();
    // The pragma counts from the last one.
    unique.sort_by_key(|index| std::cmp::Reverse(index.sequence));
    collection.unique_keys = unique
        .into_iter()
        .map(|index| Key {
            definition: None,
            name: None,
            columns: index.parts.iter().filter_map(|part| part.column.clone()).collect(),
        })
        .collect();
    collection.foreign_keys = foreign_keys(catalogue, table, facts);
    collection.checks.clone_from(&facts.checks);
    collection.indexes = table
        .indexes
        .iter()
        .filter(|(_, index)| index.origin == "c")
        .map(|(name, index)| model(name, index, collection))
        .collect();
}

fn foreign_keys(catalogue: &Catalogue, table: &RawTable, facts: &TableFacts) -> Vec<ForeignKey> {
    // The pragma counts from the last one in the text. Should the text have been understood differently, its facts are
    // about other keys.
    let told = (facts.foreign_keys.len() == table.foreign_keys.len()).then_some(&facts.foreign_keys);
    table
        .foreign_keys
        .values()
        .rev()
        .enumerate()
        .map(|(position, key)| {
            let told = told.and_then(|told| told.get(position));
            // SQLite compares names without regard to case, and keeps the spelling of the referencing text.
            let target = catalogue.table(&key.table);
            let referenced_columns = key
                .referenced
                .iter()
                .map(|column| {
                    let known = target
                        .and_then(|(_, table)| table.columns.iter().find(|c| c.name.eq_ignore_ascii_case(column)));
                    known.map_or(column, |known| &known.name).clone()
                })
                .collect();
            ForeignKey {
                definition: None,
                name: told.and_then(|told| told.name.clone()),
                columns: key.columns.clone(),
                references: CollectionName::new(NAMESPACE, target.map_or(&key.table, |(name, _)| name)),
                referenced_columns,
                on_delete: action(&key.on_delete),
                on_update: action(&key.on_update),
                deferred: told.map(|told| told.deferral).unwrap_or_default(),
            }
        })
        .collect()
}

fn action(text: &str) -> ReferentialAction {
    match text {
        "RESTRICT" => ReferentialAction::Restrict,
        "CASCADE" => ReferentialAction::Cascade,
        "SET NULL" => ReferentialAction::SetNull,
        "SET DEFAULT" => ReferentialAction::SetDefault,
        _ => ReferentialAction::NoAction,
    }
}

fn model(name: &str, index: &RawIndex, collection: &Collection) -> Index {
    let IndexFacts { parts: texts, predicate } = index.sql.as_deref().map(index_facts).unwrap_or_default();
    let parts = index
        .parts
        .iter()
        .enumerate()
        .map(|(position, part)| {
            let column = part.column.as_ref().and_then(|name| collection.column(name)).map(|(_, column)| column);
            let own = column.and_then(|column| column.collation.as_deref()).unwrap_or("BINARY");
            let subject = match &part.column {
                Some(column) => IndexSubject::Column(column.clone()),
                // An index on the rowid names it, and an expression stands in the text.
                None => IndexSubject::Expression(
                    texts
                        .get(position)
                        .cloned()
                        .unwrap_or_else(|| if part.is_rowid { "rowid".into() } else { String::new() }),
                ),
            };
            IndexPart {
                subject,
                meaning: None,
                descending: part.descending,
                collation: (!part.collation.eq_ignore_ascii_case(own)).then(|| part.collation.clone()),
            }
        })
        .collect();
    Index {
        name: name.to_owned(),
        parts,
        unique: index.unique,
        predicate,
        condition: None,
        definition: index.sql.clone(),
    }
}
