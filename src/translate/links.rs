//! Columns that foreign keys link: both ends of a key must have one type.

use dbferry_dialect::{Collection, CollectionName};
use std::collections::BTreeMap;

/// A column: its collection's place among those that were given, and its position there.
type Place = (usize, usize);

/// Which columns are linked, directly or through others.
#[derive(Debug, Default)]
pub(super) struct Links {
    groups: Vec<Vec<Place>>,
    of: BTreeMap<Place, usize>,
}

impl Links {
    /// The links between these collections.
    pub(super) fn new(collections: &[&Collection]) -> Self {
        let places: BTreeMap<&CollectionName, usize> =
            collections.iter().enumerate().map(|(at, collection)| (&collection.name, at)).collect();
        let mut leaders: BTreeMap<Place, Place> = BTreeMap::new();
        for (at, child) in collections.iter().enumerate() {
            for key in &child.foreign_keys {
                let Some(parent_at) = places.get(&key.references).copied() else { continue };
                let parent = collections[parent_at];
                let primary = parent.primary_key.as_ref().map(|key| key.columns.as_slice()).unwrap_or_default();
                let referenced =
                    if key.referenced_columns.is_empty() { primary } else { key.referenced_columns.as_slice() };
                for (own, other) in key.columns.iter().zip(referenced) {
                    let ends = child.column(own).zip(parent.column(other));
                    if let Some(((own, _), (other, _))) = ends {
                        join(&mut leaders, (at, own), (parent_at, other));
                    }
                }
            }
        }
        let mut groups: BTreeMap<Place, Vec<Place>> = BTreeMap::new();
        for place in leaders.keys() {
            groups.entry(leader(&leaders, *place)).or_default().push(*place);
        }
        let groups: Vec<Vec<Place>> = groups.into_values().collect();
        let of = (0..).zip(&groups).flat_map(|(group, places)| places.iter().map(move |place| (*place, group)));
        Self { of: of.collect(), groups }
    }

    /// All columns that are linked, group by group.
    pub(super) fn groups(&self) -> &[Vec<Place>] {
        &self.groups
    }

    /// The columns that are linked with that one, itself left out.
    pub(super) fn with(&self, place: Place) -> impl Iterator<Item = Place> {
        let group = self.of.get(&place).and_then(|group| self.groups.get(*group));
        group.into_iter().flatten().copied().filter(move |other| *other != place)
    }
}

fn leader(leaders: &BTreeMap<Place, Place>, mut place: Place) -> Place {
    while let Some(next) = leaders.get(&place).filter(|next| **next != place) {
        place = *next;
    }
    place
}

fn join(leaders: &mut BTreeMap<Place, Place>, one: Place, other: Place) {
    for place in [one, other] {
        leaders.entry(place).or_insert(place);
    }
    let (one, other) = (leader(leaders, one), leader(leaders, other));
    leaders.insert(one.max(other), one.min(other));
}

#[cfg(test)]
mod tests {
    use super::*;
    use dbferry_dialect::model::{Deferral, ForeignKey, Key, ReferentialAction};
    use dbferry_dialect::{Column, LogicalType};

    fn table(name: &str, parent: Option<&str>) -> Collection {
        let columns = ["id", "parent"].map(|name| Column::new(name, LogicalType::INT64, "")).to_vec();
        let mut table = Collection::table(CollectionName::new("main", name), columns);
        table.primary_key = Some(Key { name: None, columns: vec!["id".into()], definition: None });
        table.foreign_keys.extend(parent.map(|parent| ForeignKey {
            name: None,
            columns: vec!["parent".into()],
            references: CollectionName::new("main", parent),
            referenced_columns: Vec::new(),
            on_delete: ReferentialAction::NoAction,
            on_update: ReferentialAction::NoAction,
            deferred: Deferral::Immediate,
            definition: None,
        }));
        table
    }

    #[test]
    fn links_go_through_others() {
        let (a, b, c, d) = (table("a", None), table("b", Some("a")), table("c", Some("a")), table("d", Some("gone")));
        let links = Links::new(&[&a, &b, &c, &d]);
        assert_eq!(links.groups(), [vec![(0, 0), (1, 1), (2, 1)]]);
        assert_eq!(links.with((1, 1)).collect::<Vec<_>>(), [(0, 0), (2, 1)]);
        assert_eq!(links.with((3, 1)).count(), 0);
    }
}
