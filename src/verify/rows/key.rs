//! By what the rows of two places are matched.

use super::super::projection::Projection;
use dbferry_dialect::hash::RowHasher;
use dbferry_dialect::model::ColumnRole;
use dbferry_dialect::{Batch, Collection, Result};

/// The columns by which rows are matched, of those that are compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RowKey {
    /// Their positions. All columns, where nothing else tells a row: then a changed row is one that is gone and one that
    /// came.
    pub(crate) columns: Vec<usize>,
    /// Whether it is all of them for want of a key.
    pub(crate) whole: bool,
}

impl RowKey {
    /// The primary key of `keys`, or a unique key without nulls, or the engine's row number: the first of which `compared`
    /// has all columns.
    pub(crate) fn choose(keys: &Collection, compared: &Collection) -> Self {
        let positions = |columns: &[String]| -> Option<Vec<usize>> {
            let found = columns.iter().map(|name| compared.column(name).map(|(position, _)| position));
            found.collect::<Option<Vec<_>>>().filter(|found| !found.is_empty())
        };
        let never_null = |columns: &[String]| {
            columns.iter().all(|name| keys.column(name).is_some_and(|(_, column)| !column.nullable))
        };
        let primary = keys.primary_key.iter().map(|key| &key.columns);
        let unique = keys.unique_keys.iter().map(|key| &key.columns).filter(|columns| never_null(columns));
        let mut found = primary.chain(unique).filter_map(|columns| positions(columns));
        let row_number = || {
            let position = compared.columns.iter().position(|column| column.role == ColumnRole::RowIdentity);
            position.map(|position| vec![position])
        };
        match found.next().or_else(row_number) {
            Some(columns) => Self { columns, whole: false },
            None => Self { columns: (0..compared.columns.len()).collect(), whole: true },
        }
    }
}

/// Hashes the key of each row.
pub(crate) struct KeyHasher {
    projection: Projection,
    hasher: RowHasher,
}

impl KeyHasher {
    /// For rows of `compared`.
    pub(crate) fn new(compared: &Collection, key: &RowKey) -> Self {
        let projection = Projection::new(compared, key.columns.clone());
        let hasher = RowHasher::new(&projection.collection);
        Self { projection, hasher }
    }

    /// The hash of each row's key, in the rows' order.
    pub(crate) fn hashes(&mut self, batch: &Batch) -> Result<&[u128]> {
        self.hasher.row_hashes(&self.projection.project(batch)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dbferry_dialect::model::Key;
    use dbferry_dialect::{CollectionName, Column, LogicalType};

    #[test]
    fn the_best_key_that_is_there_is_chosen() {
        let column = |name: &str| Column::new(name, LogicalType::INT64, "");
        let key = |columns: &[&str]| Key {
            name: None,
            columns: columns.iter().map(|name| (*name).to_owned()).collect(),
            definition: None,
        };
        let mut table =
            Collection::table(CollectionName::new("main", "t"), vec![column("a"), column("b"), column("c")]);
        let chosen = |table: &Collection| RowKey::choose(table, table).columns;
        assert_eq!(RowKey::choose(&table, &table), RowKey { columns: vec![0, 1, 2], whole: true });
        table.unique_keys = vec![key(&["c"])];
        assert_eq!(chosen(&table), [0, 1, 2], "nulls are not unique");
        table.columns[2].nullable = false;
        assert_eq!(chosen(&table), [2]);
        table.primary_key = Some(key(&["b", "a"]));
        assert_eq!(chosen(&table), [1, 0]);
        let without_b = Projection::new(&table, vec![0, 2]).collection;
        assert_eq!(RowKey::choose(&table, &without_b).columns, [1], "the primary key is not compared");
    }
}
