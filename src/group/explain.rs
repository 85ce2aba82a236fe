//! The report that explains a grouping: which groups there are and what they mean, what is in them and why, and what to
//! look at.

use crate::dialect::model::{Collection, Schema};
use crate::group::assign::{Assignment, Grouping, UnmatchedRule};
use crate::group::edges::{CrossGroupEdge, cross_group_edges};
use crate::group::glossary::{Glossary, Language};
use crate::group::{REQUIRED, SKIPPED, compare, is_built_in};
use serde::Serialize;
use std::collections::HashMap;

/// Everything about the groups of one database or archive, as a document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// All built-in and declared groups and those in use, in their order; also empty ones, since they explain what could be
    /// there.
    pub groups: Vec<GroupExplanation>,
    /// Foreign keys that cross groups.
    pub cross_group_edges: Vec<CrossGroupEdge>,
    /// What in the rules had no effect.
    pub unmatched_rules: Vec<UnmatchedRule>,
}

/// One group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GroupExplanation {
    /// Its name.
    pub name: String,
    /// Its title in the language that was asked for.
    pub title: String,
    /// Its description in that language.
    pub description: String,
    /// Whether dbferry itself defines it.
    pub built_in: bool,
    /// Whether it takes part in every dump and restore that selects by group.
    pub always: bool,
    /// Whether it takes part in no dump.
    pub never: bool,
    /// About how many rows; `None` when that is not known for all of its collections.
    pub rows: Option<u64>,
    /// About how many bytes on the source's disk; `None` when that is not known for all of its collections.
    pub bytes: Option<u64>,
    /// Its collections, in the schema's order.
    pub collections: Vec<CollectionExplanation>,
}

/// One collection of a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CollectionExplanation {
    /// `namespace.name`.
    pub name: String,
    /// Why it is in this group.
    pub rule: String,
    /// About how many rows, if known.
    pub rows: Option<u64>,
    /// About how many bytes on the source's disk, if known.
    pub bytes: Option<u64>,
}

/// Explains a grouping of `schema` in `language`. Sizes are the catalogue's estimates.
pub fn explain(schema: &Schema, grouping: &Grouping, glossary: &Glossary, language: Language) -> Explanation {
    let collections: HashMap<_, _> =
        schema.collections.iter().map(|collection| (&collection.name, collection)).collect();
    let mut names = glossary.names();
    names.extend(grouping.assignments.iter().map(|assignment| assignment.group.as_str()));
    names.sort_by(|left, right| compare(left, right));
    names.dedup();
    let groups = names
        .into_iter()
        .map(|name| {
            let members: Vec<_> = grouping.assignments.iter().filter(|assignment| assignment.group == name).collect();
            let sized: Vec<_> = members.iter().map(|a| collections.get(&a.collection).copied()).collect();
            let info = glossary.get(name);
            GroupExplanation {
                name: name.to_owned(),
                title: info.title.get(language).to_owned(),
                description: info.description.get(language).to_owned(),
                built_in: is_built_in(name),
                always: name == REQUIRED,
                never: name == SKIPPED,
                rows: total(sized.iter().map(|collection| rows(*collection))),
                bytes: total(sized.iter().map(|collection| bytes(*collection))),
                collections: members.into_iter().zip(sized).map(|(member, sized)| one(member, sized)).collect(),
            }
        })
        .collect();
    Explanation {
        groups,
        cross_group_edges: cross_group_edges(schema, &grouping.assignments),
        unmatched_rules: grouping.unmatched_rules.clone(),
    }
}

fn one(assignment: &Assignment, collection: Option<&Collection>) -> CollectionExplanation {
    CollectionExplanation {
        name: assignment.collection.to_string(),
        rule: assignment.rule.clone(),
        rows: rows(collection),
        bytes: bytes(collection),
    }
}

fn total(mut sizes: impl Iterator<Item = Option<u64>>) -> Option<u64> {
    sizes.try_fold(0, |sum: u64, size| Some(sum.saturating_add(size?)))
}

/// A collection without rows of its own has none, whatever the catalogue knows.
fn rows(collection: Option<&Collection>) -> Option<u64> {
    let collection = collection?;
    if collection.kind.has_rows() { collection.estimate.rows } else { Some(0) }
}

fn bytes(collection: Option<&Collection>) -> Option<u64> {
    let collection = collection?;
    if collection.kind.has_rows() { collection.estimate.bytes } else { Some(0) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::model::{CollectionKind, CollectionName, Estimate, ForeignKey, ReferentialAction};
    use crate::group::{BUILT_IN, GroupRules, Rule, Unmatched, assign};

    #[test]
    fn a_report_has_every_group_and_crossing_edge() {
        let table = |name: &str, rows| {
            let mut table = Collection::table(CollectionName::new("main", name), Vec::new());
            table.estimate = Estimate { rows, bytes: rows.map(|rows| rows * 100) };
            table
        };
        let edge = |columns: &str, to: &str| ForeignKey {
            definition: None,
            name: None,
            columns: vec![columns.to_owned()],
            references: CollectionName::new("main", to),
            referenced_columns: Vec::new(),
            on_delete: ReferentialAction::NoAction,
            on_update: ReferentialAction::NoAction,
            deferred: Default::default(),
        };
        let mut orders = table("orders", Some(7));
        orders.foreign_keys = vec![edge("user_id", "users"), edge("other", "gone"), edge("parent", "orders")];
        let mut index = table("search", None);
        index.kind = CollectionKind::Virtual;
        let collections = vec![orders, index, table("users", Some(3)), table("admins", None), table("people", Some(2))];
        let schema = Schema { collections, ..Schema::default() };
        let rules = vec![
            Rule::tables("shop", &["orders", "search", "nothing"]).unwrap(),
            Rule::tables("user", &["users", "people"]).unwrap(),
        ];
        let rules = GroupRules::new(rules, Vec::new(), Unmatched::Unknown);
        let grouping = assign(&schema, &rules, &mut |_| Ok(Vec::new())).unwrap();
        let report = explain(&schema, &grouping, rules.glossary(), Language::French);

        let names: Vec<_> = report.groups.iter().map(|group| group.name.as_str()).collect();
        assert_eq!(names, ["required", "skipped", "user", "log", "third-party", "custom", "shop", "unknown"]);
        assert_eq!(names.len(), BUILT_IN.len() + 1);
        let group = |name: &str| report.groups.iter().find(|group| group.name == name).unwrap();
        assert_eq!((group("shop").rows, group("shop").bytes), (Some(7), Some(700)));
        assert_eq!((group("user").rows, group("user").collections.len()), (Some(5), 2));
        assert_eq!((group("unknown").rows, group("unknown").collections.len()), (None, 1));
        assert_eq!((group("log").rows, group("log").title.as_str()), (Some(0), "Données de journal"));
        assert!(group("required").always && !group("required").never && group("skipped").never);
        assert_eq!(report.cross_group_edges.len(), 1);
        let edge = &report.cross_group_edges[0];
        assert_eq!((edge.to.to_string().as_str(), edge.from_group.as_str()), ("main.users", "shop"));
        assert_eq!((edge.to_group.as_str(), edge.columns.as_slice()), ("user", ["user_id".to_owned()].as_slice()));
        assert_eq!(report.unmatched_rules.len(), 1);
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(json["groups"][6]["collections"][0]["rule"], "rule 1: orders");
        assert_eq!(json["cross_group_edges"][0]["from"], "main.orders");
    }
}
