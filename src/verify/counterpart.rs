//! Where one side has a collection and a column of the other: under the same name within a dialect, and across dialects under
//! the name that a restore gives it.

use super::side::Side;
use crate::registry;
use crate::translate::Names;
use dbferry_dialect::{Capabilities, Collection, CollectionName, Dialect};
use std::collections::BTreeMap;

/// Finds what belongs together on two sides.
pub(crate) struct Counterparts<'s, 'a> {
    right: &'s Side<'a>,
    same_dialect: bool,
    /// The names of the left side's collections on the right.
    there: Option<Names>,
    /// The names of the right side's collections on the left: the right one may be the source.
    back: Option<Names>,
    /// The right side's collections, by those names.
    came_from: BTreeMap<CollectionName, &'s Collection>,
    /// Where others put what comes from elsewhere.
    namespace: Option<&'static str>,
}

impl<'s, 'a> Counterparts<'s, 'a> {
    /// For everything that both sides hold.
    pub(crate) fn new(sides: &'s [Side<'a>; 2]) -> Self {
        let [left, right] = sides;
        let same_dialect = left.info.dialect == right.info.dialect;
        let names = |of: &Side<'_>, at: &Side<'_>| {
            let can = abilities(at).filter(|_| !same_dialect)?;
            Some(Names::new(&of.schema.collections, &of.info.dialect, &at.info.dialect, &can))
        };
        let (there, back) = (names(left, right), names(right, left));
        let own = right.schema.collections.iter();
        let came_from = back.iter().flat_map(|back| own.clone().map(|own| (back.collection(&own.name), own))).collect();
        let namespace = abilities(right).map(|at| at.default_namespace);
        Self { right, same_dialect, there, back, came_from, namespace }
    }

    /// What the right side has for the collection of that name on the left.
    pub(crate) fn of(&self, name: &CollectionName) -> Option<&'s Collection> {
        let right = &self.right.schema;
        if self.same_dialect {
            return right.collection(name);
        }
        let there = self.there.as_ref().map_or_else(|| name.clone(), |names| names.collection(name));
        let moved = |namespace: &&str| CollectionName::new(*namespace, there.name.clone());
        let found = right.collection(&there).or_else(|| right.collection(&self.namespace.as_ref().map(moved)?));
        // An archive may be the source of what is on the left; and what is there once under that name is it.
        found.or_else(|| self.came_from.get(name).copied()).or_else(|| self.only(&name.name))
    }

    /// What the right side calls a column of a collection on the left, which `right` is the counterpart of.
    pub(crate) fn column(&self, left: &Collection, right: &Collection, column: &str) -> String {
        let there = self.there.as_ref().map_or_else(|| column.to_owned(), |names| names.column(&left.name, column));
        if right.column(&there).is_some() {
            return there;
        }
        let came_from = |names: &Names| {
            right.columns.iter().map(|own| own.name.clone()).find(|own| names.column(&right.name, own) == column)
        };
        self.back.as_ref().and_then(came_from).unwrap_or(there)
    }

    /// A collection of the left, with the names that everything in it has on the right.
    pub(crate) fn as_there(&self, left: &Collection, right: &Collection) -> Collection {
        let mut there = left.clone();
        if let Some(names) = &self.there {
            names.rename(&mut there);
            for (column, own) in there.columns.iter_mut().zip(&left.columns) {
                column.name = self.column(left, right, &own.name);
            }
        }
        there
    }

    /// The only collection of that name in any namespace of an archive.
    fn only(&self, name: &str) -> Option<&'s Collection> {
        let mut found = self.right.schema.collections.iter().filter(|collection| collection.name.name == name);
        found.next().filter(|_| found.next().is_none() && self.right.capabilities().is_none())
    }
}

/// The abilities of a side's database; of an archive's, those of every server of its dialect.
fn abilities(side: &Side<'_>) -> Option<Capabilities> {
    let known = side.capabilities().copied();
    known.or_else(|| registry::by_name(&side.info.dialect).map(Dialect::capabilities))
}
