//! How MySQL and MariaDB spell SQL: names, types and tables built from the model alone.
//!
//! This is the way for archives of other dialects and for those that are not trusted: nothing of a model's text becomes SQL
//! unless it is a quoted name, a quoted literal, or has exactly the shape that is expected of it. It says only what every
//! server of the family understands. What it is not: the exact copy of a table of the family's own, which
//! [`ddl`](crate::ddl) makes.
//!
//! Tables of other dialects compare their texts byte by byte, as those do: their collation is `utf8mb4_bin`. It holds two
//! texts equal that differ in blanks at their ends; in a unique key the second is refused.

mod crossing;
mod defaults;
mod native;
mod spelling;

pub(crate) use defaults::{current_timestamp, default_of};
pub(crate) use spelling::prefix;

use crate::ddl::Parts;
use crate::ddl::build::{Purpose, build};
use crate::ddl::scan::tokens;
use crate::types::NativeText;
use dbferry_dialect::expression::{self, Expression};
use dbferry_dialect::model::{Check, DefaultMeaning, NativeType};
use dbferry_dialect::syntax::imposed;
use dbferry_dialect::{
    Candidate, Collection, CollectionName, Column, Domain, LogicalType, NativeMapping, Part, Syntax, Unspoken,
};
use std::collections::BTreeMap;

/// How MySQL and MariaDB spell SQL.
#[derive(Clone, Copy, Debug, Default)]
pub struct MySqlSyntax;

impl Syntax for MySqlSyntax {
    fn quote_identifier(&self, name: &str) -> String {
        format!("`{}`", name.replace('`', "``"))
    }

    /// Our sessions run without `NO_BACKSLASH_ESCAPES`, so a backslash escapes.
    fn quote_text(&self, text: &str) -> String {
        format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
    }

    /// Without a database's name, for the one that the session uses.
    fn qualified(&self, name: &CollectionName) -> String {
        if name.namespace == crate::NAMESPACE {
            return self.quote_identifier(&name.name);
        }
        format!("{}.{}", self.quote_identifier(&name.namespace), self.quote_identifier(&name.name))
    }

    fn native_type(&self, logical: &LogicalType) -> NativeMapping {
        native::native_type(logical)
    }

    /// A text or bytes in a key have a bound.
    fn column_type(&self, collection: &Collection, column: &Column) -> NativeMapping {
        if let Some(mapping) = imposed(column) {
            return mapping;
        }
        match columns_of_key(collection, &column.name) {
            Some(columns) => native::key_type(&column.logical, columns),
            None => native::native_type(&column.logical),
        }
    }

    fn declared_type(&self, native: &NativeType) -> Option<LogicalType> {
        native::declared_type(&NativeText::parse(&native.text))
    }

    /// What one flavour has a type for and the other keeps as its text.
    fn stores_alike(&self, source: &NativeType, target: &NativeType) -> Option<bool> {
        let base = |native: &NativeType| NativeText::parse(&native.text).base;
        match (base(source).as_str(), base(target).as_str()) {
            ("uuid", "char") | ("char", "uuid") => Some(true),
            ("inet4" | "inet6", "varchar") | ("varchar", "inet4" | "inet6") => Some(true),
            ("vector", "longtext") | ("longtext", "vector") => Some(true),
            // MySQL writes numbers and keys in its own way.
            ("longtext", "json") => Some(false),
            _ => None,
        }
    }

    fn candidates(&self, column: &Column) -> Vec<Candidate> {
        crossing::candidates(column)
    }

    fn domain(&self, logical: &LogicalType) -> Domain {
        crossing::domain(logical)
    }

    fn column_default(&self, collection: &Collection, column: &Column) -> Option<String> {
        let native = self.column_type(collection, column).text;
        let meaning = column.default.as_ref()?.meaning.as_ref();
        // Without `NOT NULL` that is the default anyway.
        let is_null = meaning == Some(&DefaultMeaning::Null) && column.nullable;
        default_of(meaning, &column.logical, &native).or_else(|| is_null.then(|| "NULL".to_owned()))
    }

    fn read_expression(&self, collection: &Collection, text: &str) -> Option<Expression> {
        let columns: Vec<&str> = collection.columns.iter().map(|column| column.name.as_str()).collect();
        expression::read(text, &spelling::GRAMMAR, &columns)
    }

    fn expression(&self, collection: &Collection, expression: &Expression) -> Option<String> {
        expression::spell(expression, &spelling::MySqlSpelling(collection))
    }

    fn ignores_case(&self, collection: &Collection, column: &Column) -> bool {
        let collation = column.collation.as_ref().or_else(|| collection.attributes.get(crate::ddl::COLLATION));
        collation.is_some_and(|name| name.ends_with("_ci"))
    }

    /// A numbered column is a whole number, the first of a key, and the only one of its table.
    fn numbers(&self, collection: &Collection, column: &Column) -> bool {
        let can = |column: &Column| {
            let begins = |columns: &[String]| columns.first() == Some(&column.name);
            let has_key = collection.primary_key.iter().chain(&collection.unique_keys).any(|key| begins(&key.columns));
            column.identity.is_some() && has_key && self.column_type(collection, column).text.contains("int")
        };
        let first = collection.columns.iter().find(|column| can(column));
        first.is_some_and(|first| first.name == column.name)
    }

    fn unspoken(&self, part: Part<'_>) -> Vec<Unspoken> {
        match part {
            Part::Column(column) => {
                let says = |parameter| column.native.parameters.contains_key(parameter);
                let on_update = says(crate::types::ON_UPDATE)
                    .then(|| Unspoken::minor("ON UPDATE CURRENT_TIMESTAMP", "stays what it is when its row changes"));
                let invisible = says(crate::types::INVISIBLE).then(|| Unspoken::minor("INVISIBLE", "is visible"));
                on_update.into_iter().chain(invisible).collect()
            }
            Part::Check(check) if is_not_enforced(check) => {
                vec![Unspoken::essential("NOT ENFORCED", "would be held to")]
            }
            _ => Vec::new(),
        }
    }

    fn create_table(&self, name: &CollectionName, collection: &Collection) -> String {
        let purpose = Purpose { target: None, trusted: false, parent_keys: &BTreeMap::new() };
        let mut table = build(collection, purpose).definition;
        table
            .items
            .retain(|item| !item.kind.is_secondary_key() || self.is_unique_key(collection, item.name.as_deref()));
        table.create(&name.name, Parts { secondary_keys: true, foreign_keys: false, checks: true })
    }

    fn default_value(&self, meaning: &DefaultMeaning) -> String {
        defaults::literal(meaning).unwrap_or_else(|| "NULL".to_owned())
    }
}

/// Whether MySQL keeps a check and does not hold to it.
pub(crate) fn is_not_enforced(check: &Check) -> bool {
    let words = check.definition.as_deref().map(tokens).unwrap_or_default();
    words.windows(2).any(|two| two[0].is_word("NOT") && two[1].is_word("ENFORCED"))
}

impl MySqlSyntax {
    /// Whether a key is one of the unique constraints of the model, not one of its indexes.
    fn is_unique_key(self, collection: &Collection, name: Option<&str>) -> bool {
        !collection.indexes.iter().any(|index| Some(index.name.as_str()) == name)
    }
}

/// How many columns the widest of the keys has that this column is in; foreign keys count, since their columns are indexed
/// and of the type of those they refer to.
fn columns_of_key(collection: &Collection, column: &str) -> Option<usize> {
    let keys = collection.primary_key.iter().chain(&collection.unique_keys).map(|key| key.columns.as_slice());
    let foreign = collection.foreign_keys.iter().map(|key| key.columns.as_slice());
    let unique = collection.indexes.iter().filter(|index| index.unique).map(|index| {
        let names = index.parts.iter().filter_map(|part| match &part.subject {
            dbferry_dialect::model::IndexSubject::Column(name) => Some(name.clone()),
            dbferry_dialect::model::IndexSubject::Expression(_) => None,
        });
        names.collect::<Vec<_>>()
    });
    let unique: Vec<Vec<String>> = unique.collect();
    let all = keys.chain(foreign).chain(unique.iter().map(Vec::as_slice));
    all.filter(|columns| columns.iter().any(|name| name == column)).map(<[String]>::len).max()
}

/// Whether a column is in a key whose values must be whole.
pub(crate) fn is_in_key(collection: &Collection, column: &str) -> bool {
    columns_of_key(collection, column).is_some()
}

#[cfg(test)]
mod tests;
