//! Keys and foreign keys.

use super::Carrying;
use dbferry_dialect::model::{CollectionKind, Deferral, ForeignKey, ReferentialAction};
use dbferry_dialect::{Collection, Part};

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
