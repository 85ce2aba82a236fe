//! Keys and foreign keys.

use super::Carrying;
use dbferry_dialect::model::{CollectionKind, Deferral, ForeignKey, ReferentialAction};
use dbferry_dialect::{Collection, LogicalType, Part};

impl Carrying<'_, '_, '_, '_> {
    pub(super) fn keys(&mut self, collection: &mut Collection) {
        if let Some(key) = &self.source.primary_key {
            let name = key.name.clone().unwrap_or_else(|| "primary key".to_owned());
            self.tell_unspoken("primary key", &name, Part::Key(key));
        }
        if let Some(key) = &mut collection.primary_key {
            key.definition = None;
        }
        let renamed = std::mem::take(&mut collection.unique_keys);
        for (source, mut key) in self.source.unique_keys.iter().zip(renamed) {
            let name = source.name.clone().unwrap_or_else(|| source.columns.join(", "));
            if self.tell_unspoken("unique key", &name, Part::Key(source)) {
                key.definition = None;
                collection.unique_keys.push(key);
            }
        }
    }

    /// Foreign keys; a partition has those of the table that it is a part of.
    pub(super) fn foreign_keys(&mut self, collection: &mut Collection) {
        let renamed = std::mem::take(&mut collection.foreign_keys);
        for (source, key) in self.source.foreign_keys.iter().zip(renamed) {
            let name = source.name.clone().unwrap_or_else(|| source.columns.join(", "));
            if !self.tell_unspoken("foreign key", &name, Part::ForeignKey(source)) {
                continue;
            }
            let parent = self.crossing().collections.get(&source.references);
            if parent.is_some_and(|parent| parent.kind == CollectionKind::Partitioned) {
                let reason = format!(
                    "the rows of {} are in its partitions, which are tables of their own there",
                    source.references
                );
                self.losses.lose("foreign key", name, reason);
                continue;
            }
            if let Some(reason) = self.impossible(source) {
                self.losses.lose("foreign key", name, reason);
                continue;
            }
            let key = self.foreign_key(collection, key, &name);
            collection.foreign_keys.push(key);
        }
        let whole = self.source.part_of.as_ref().and_then(|whole| self.crossing().collections.get(whole));
        if let Some(whole) = whole.filter(|whole| whole.kind == CollectionKind::Partitioned) {
            let mut renamed = (*whole).clone();
            self.crossing().names.rename(&mut renamed);
            for mut key in renamed.foreign_keys {
                // The name is that of the whole table.
                let name = key.name.take().unwrap_or_else(|| key.columns.join(", "));
                let key = self.foreign_key(collection, key, &name);
                collection.foreign_keys.push(key);
            }
        }
    }

    /// Why no engine that looks at what a foreign key references can have it; SQLite declares any.
    fn impossible(&self, key: &ForeignKey) -> Option<String> {
        let parent_name = &key.references;
        let Some(parent) = self.crossing().collections.get(parent_name) else {
            let is_there = (self.crossing().exists)(parent_name);
            return (!is_there).then(|| format!("there is no table {parent_name}"));
        };
        let primary = parent.primary_key.as_ref().map(|key| key.columns.as_slice()).unwrap_or_default();
        let referenced = if key.referenced_columns.is_empty() { primary } else { key.referenced_columns.as_slice() };
        let is_it = |columns: &[String]| {
            columns.len() == referenced.len() && columns.iter().all(|column| referenced.contains(column))
        };
        let unique = parent.unique_keys.iter().map(|key| key.columns.clone());
        let indexes = parent.indexes.iter().filter(|index| index.unique && index.predicate.is_none());
        let indexes =
            indexes.map(|index| super::expressions::columns_of(index).split(", ").map(str::to_owned).collect());
        let is_key = is_it(primary) || unique.chain(indexes).any(|columns: Vec<String>| is_it(&columns));
        if referenced.is_empty() || referenced.len() != key.columns.len() || !is_key {
            return Some(format!("what it references in {parent_name} is no key"));
        }
        let becomes = |of: &Collection, column: &String| {
            let (place, own) = of.column(column)?;
            let chosen = self.surroundings.columns.get(&of.name).and_then(|columns| columns.get(place));
            Some(chosen.map_or_else(|| own.logical.clone(), |chosen| chosen.to.clone()))
        };
        let mut pairs = key.columns.iter().zip(referenced);
        let differ = pairs.find_map(|(own, other)| {
            let (own_type, other_type) = (becomes(self.source, own)?, becomes(parent, other)?);
            (kind(&own_type) != kind(&other_type)).then(|| format!("{own} is {own_type}, and {other} is {other_type}"))
        });
        differ.map(|differ| format!("its columns are of different types: {differ}"))
    }

    fn foreign_key(&mut self, collection: &Collection, mut key: ForeignKey, name: &str) -> ForeignKey {
        let carries = self.crossing().capabilities.carries;
        key.definition = None;
        if key.deferred != Deferral::Immediate && !carries.deferrable_foreign_keys {
            key.deferred = Deferral::Immediate;
            let reason = "it is checked at once there, not at the end of a transaction";
            self.losses.lose("deferral of a foreign key", name, reason);
        }
        let requires = key.columns.iter().any(|own| collection.column(own).is_some_and(|(_, column)| !column.nullable));
        for (event, action) in [("delete", &mut key.on_delete), ("update", &mut key.on_update)] {
            let reason = match action {
                ReferentialAction::SetDefault if !carries.set_default => "the target cannot set defaults",
                ReferentialAction::SetNull if requires && !carries.set_null_on_required => {
                    "a column of it allows no nulls, and the target refuses such a key"
                }
                _ => continue,
            };
            let what = if *action == ReferentialAction::SetNull { "SET NULL" } else { "SET DEFAULT" };
            *action = ReferentialAction::NoAction;
            let reason = format!("ON {} {what} is NO ACTION there: {reason}", event.to_uppercase());
            self.losses.lose("action of a foreign key", name, reason);
        }
        key
    }
}

/// What two types have in common that can be compared by a foreign key.
fn kind(logical: &LogicalType) -> u8 {
    match logical {
        LogicalType::Int { .. } | LogicalType::Decimal { .. } | LogicalType::Numeric | LogicalType::Year => 0,
        LogicalType::Float { .. } => 1,
        LogicalType::Text { .. } | LogicalType::Enum { .. } => 2,
        LogicalType::Bytes { .. } => 3,
        LogicalType::Bool => 4,
        LogicalType::Date => 5,
        LogicalType::Timestamp { .. } => 6,
        LogicalType::Instant { .. } => 7,
        LogicalType::Uuid => 8,
        _ => 9,
    }
}
