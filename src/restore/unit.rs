//! Which groups are replaced together, and in which order collections are loaded.
//!
//! A group is replaced whole or not at all. Two selected groups with a foreign key between them can only be checked
//! together: whichever came first would be compared with rows that are about to go. So they form one *unit*, and the unit is
//! what is replaced atomically. `required` comes first.

use crate::group::InOrder;
use dbferry_dialect::{Collection, CollectionName};
use std::collections::{BTreeMap, BTreeSet};

/// Divides collections, each with its group, into units of groups that foreign keys link; each unit lists the indexes of
/// its collections, parents before children as far as there are no cycles.
pub(super) fn units(collections: &[(&Collection, &str)]) -> Vec<Vec<usize>> {
    let places: BTreeMap<&CollectionName, usize> =
        collections.iter().enumerate().map(|(index, (collection, _))| (&collection.name, index)).collect();
    let parents = |index: usize| {
        let collection = collections[index].0;
        let keys = collection.foreign_keys.iter().map(|key| &key.references).chain(&collection.part_of);
        keys.filter_map(|parent| places.get(parent).copied()).filter(move |parent| *parent != index)
    };

    let groups: BTreeSet<&str> = collections.iter().map(|(_, group)| *group).collect();
    let mut leaders = Leaders::new(groups);
    for index in 0..collections.len() {
        for parent in parents(index) {
            leaders.join(collections[index].1, collections[parent].1);
        }
    }

    let mut units: BTreeMap<InOrder<'_>, Vec<usize>> = BTreeMap::new();
    for (index, (_, group)) in collections.iter().enumerate() {
        units.entry(InOrder(leaders.of(group))).or_default().push(index);
    }
    units.into_values().map(|members| parents_first(members, collections, parents)).collect()
}

/// Orders `members` so that parents come before children; a cycle is cut where the group order and the name say.
fn parents_first<I: Iterator<Item = usize>>(
    mut members: Vec<usize>,
    collections: &[(&Collection, &str)],
    parents: impl Fn(usize) -> I,
) -> Vec<usize> {
    members.sort_by_cached_key(|index| (InOrder(collections[*index].1), &collections[*index].0.name));
    let mut ordered = Vec::with_capacity(members.len());
    let mut state: BTreeMap<usize, bool> = members.iter().map(|index| (*index, false)).collect();
    // Depth first without recursion: a chain of foreign keys may be longer than the stack is deep.
    for root in members {
        let mut path = vec![(root, false)];
        while let Some((index, parents_done)) = path.pop() {
            if parents_done {
                ordered.push(index);
            } else if let Some(seen @ false) = state.get_mut(&index) {
                *seen = true;
                path.push((index, true));
                let mut pending: Vec<usize> = parents(index).collect();
                pending.reverse();
                path.extend(pending.into_iter().map(|parent| (parent, false)));
            }
        }
    }
    ordered
}

/// Disjoint sets of groups, each led by the one that comes first in the groups' order.
struct Leaders<'a>(BTreeMap<&'a str, &'a str>);

impl<'a> Leaders<'a> {
    fn new(groups: BTreeSet<&'a str>) -> Self {
        Self(groups.into_iter().map(|group| (group, group)).collect())
    }

    fn of(&self, group: &'a str) -> &'a str {
        self.0.get(group).copied().unwrap_or(group)
    }

    fn join(&mut self, one: &'a str, other: &'a str) {
        let (one, other) = (self.of(one), self.of(other));
        if one != other {
            let (leader, led) = if InOrder(one) <= InOrder(other) { (one, other) } else { (other, one) };
            self.0.values_mut().filter(|current| **current == led).for_each(|current| *current = leader);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dbferry_dialect::model::{Deferral, ForeignKey, ReferentialAction};

    fn table(name: &str, parents: &[&str]) -> Collection {
        let mut table = Collection::table(CollectionName::new("main", name), Vec::new());
        table.foreign_keys = parents
            .iter()
            .map(|parent| ForeignKey {
                definition: None,
                name: None,
                columns: vec!["p".into()],
                references: CollectionName::new("main", *parent),
                referenced_columns: Vec::new(),
                on_delete: ReferentialAction::NoAction,
                on_update: ReferentialAction::NoAction,
                deferred: Deferral::Immediate,
            })
            .collect();
        table
    }

    fn names(tables: &[(&Collection, &str)]) -> Vec<Vec<String>> {
        let name = |index: &usize| tables[*index].0.name.name.clone();
        units(tables).iter().map(|unit| unit.iter().map(name).collect()).collect()
    }

    #[test]
    fn parents_come_first_and_cycles_do_no_harm() {
        let (a, b, c, d) = (table("a", &["b"]), table("b", &["c"]), table("c", &["a"]), table("d", &["d", "missing"]));
        let tables = [(&d, "user"), (&a, "user"), (&b, "user"), (&c, "user")];
        assert_eq!(names(&tables), [["c", "b", "a", "d"]]);
    }

    #[test]
    fn groups_that_are_linked_are_one_unit_and_required_comes_first() {
        let (roles, users, log, other) =
            (table("roles", &[]), table("users", &["roles"]), table("log", &[]), table("other", &["log"]));
        let tables = [(&log, "log"), (&users, "user"), (&other, "custom"), (&roles, "required")];
        assert_eq!(names(&tables), [vec!["roles", "users"], vec!["log", "other"]]);
    }

    #[test]
    fn a_long_chain_does_not_overflow_the_stack() {
        let tables: Vec<Collection> =
            (0..20_000).map(|n| table(&format!("t{n:05}"), &[&format!("t{:05}", n + 1)])).collect();
        let with_groups: Vec<(&Collection, &str)> = tables.iter().map(|table| (table, "user")).collect();
        let order = &units(&with_groups)[0];
        assert_eq!((order[0], order[19_999]), (19_999, 0));
    }
}
