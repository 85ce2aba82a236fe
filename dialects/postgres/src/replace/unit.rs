//! One unit under way: where each of its collections is put, and under which name it is at the moment.

use super::staging::Staging;
use crate::PostgresSyntax;
use crate::ddl;
use crate::large;
use crate::session::Session;
use dbferry_dialect::model::{CollectionKind, ColumnRole};
use dbferry_dialect::{Collection, CollectionAction, CollectionName, CollectionPlan, Result, Syntax};
use std::collections::{BTreeMap, BTreeSet};

/// Where a collection is loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In a staging schema, from where it is moved.
    Staged,
    /// Where it stands, in the transaction of the main session.
    Final,
    /// Not at all.
    Untouched,
}

/// One collection of the unit.
#[derive(Debug)]
pub(super) struct Member {
    /// What is to be done.
    pub(super) plan: CollectionPlan,
    /// What is made: the source's own, or what may be used of it.
    pub(super) source: Collection,
    /// Where it is loaded.
    pub(super) place: Place,
    /// Its name while it is loaded.
    pub(super) current: CollectionName,
}

impl Member {
    /// Whether it has rows to load.
    pub(super) fn loads(&self) -> bool {
        self.place != Place::Untouched && self.plan.action.loads() && self.plan.source.kind.has_rows()
    }

    /// Whether it is a table of an extension that holds the users' settings: the extension makes it.
    pub(super) fn is_of_extension(&self) -> bool {
        self.source.attributes.contains_key(ddl::EXTENSION)
    }

    /// Whether it is the collection of the large objects, which the server keeps.
    pub(super) fn is_large_objects(&self) -> bool {
        large::is_large_objects(&self.source)
    }

    /// Whether it is a table that a restore neither makes nor changes beside its rows.
    pub(super) fn is_given(&self) -> bool {
        self.is_of_extension() || self.is_large_objects()
    }

    /// Whether it is emptied by `TRUNCATE` in the main session's transaction.
    pub(super) fn is_truncated(&self) -> bool {
        self.place == Place::Final
            && self.plan.action == CollectionAction::Replace
            && self.plan.source.kind.has_rows()
            && !self.is_given()
    }

    /// Whether it is a table that is divided into partitions.
    pub(super) fn is_partitioned(&self) -> bool {
        self.source.kind == CollectionKind::Partitioned
    }

    /// Whether it is a partition or has some. The checks of such tables are added before they are attached to each other:
    /// afterwards a partition takes none that its parent has too.
    pub(super) fn is_in_a_tree(&self) -> bool {
        self.is_partitioned() || self.source.part_of.is_some()
    }

    /// How it is linked to its parents when it is created: only to parents that are not visible yet either.
    pub(super) fn form(&self, members: &Members) -> ddl::table::Form {
        let staged = |parent: &CollectionName| members.get(parent).is_some_and(|member| member.place == Place::Staged);
        if ddl::table::parents(&self.source).iter().all(staged) {
            ddl::table::Form::Linked
        } else {
            ddl::table::Form::Alone
        }
    }
}

/// The members of a unit, by the names of their collections in the source.
#[derive(Debug, Default)]
pub(super) struct Members {
    list: Vec<Member>,
    places: BTreeMap<CollectionName, usize>,
}

impl Members {
    /// Decides where each collection is loaded, and creates the staging schemas that this takes.
    pub(super) fn new(plans: Vec<CollectionPlan>, staging: &mut Staging, session: &mut Session) -> Result<Self> {
        let mut members = Self::default();
        for plan in plans {
            let given = plan.source.attributes.contains_key(ddl::EXTENSION) || large::is_large_objects(&plan.source);
            let is_there = matches!(plan.action, CollectionAction::Replace | CollectionAction::Append);
            let place = match plan.action {
                CollectionAction::Keep => Place::Untouched,
                // Its rows are another server's.
                _ if is_there && plan.source.kind == CollectionKind::Foreign => Place::Untouched,
                CollectionAction::CreateEmpty if given => Place::Untouched,
                // An extension makes its table, also in a database that did not have it; every database keeps large objects.
                _ if given => Place::Final,
                CollectionAction::Create | CollectionAction::CreateEmpty | CollectionAction::Recreate => Place::Staged,
                CollectionAction::Replace | CollectionAction::Append => Place::Final,
            };
            let current = match place {
                Place::Staged => staging.place(session, &plan.target)?,
                _ => plan.target.clone(),
            };
            let mut source = if plan.use_definition { plan.source.clone() } else { without_texts(&plan.source) };
            source.columns.retain(|column| column.role == ColumnRole::Data);
            members.places.insert(plan.source.name.clone(), members.list.len());
            members.list.push(Member { plan, source, place, current });
        }
        Ok(members)
    }

    /// The member of that source collection.
    pub(super) fn get(&self, source: &CollectionName) -> Option<&Member> {
        // Both are filled together.
        self.places.get(source).map(|place| &self.list[*place])
    }

    /// All of them, in the plan's order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Member> {
        self.list.iter()
    }

    /// Those that are loaded there.
    pub(super) fn at(&self, place: Place) -> impl Iterator<Item = &Member> {
        self.list.iter().filter(move |member| member.place == place)
    }

    /// Tables that are not in their places before the switch, and those that get partitions by it: under their names in the
    /// target.
    pub(super) fn changed_by_the_switch(&self) -> BTreeSet<CollectionName> {
        let mut changed = BTreeSet::new();
        for member in self.at(Place::Staged) {
            changed.insert(member.plan.target.clone());
            let mut parent = member.source.part_of.as_ref();
            // A name that was seen ends it, also where an archive says that two tables are each other's parents.
            while let Some(name) = parent.filter(|name| changed.insert((*name).clone())) {
                parent = self.get(name).and_then(|member| member.source.part_of.as_ref());
            }
        }
        changed
    }

    /// Those that are dropped and made anew.
    pub(super) fn recreated(&self) -> impl Iterator<Item = &Member> {
        self.list.iter().filter(|member| member.plan.action == CollectionAction::Recreate)
    }

    /// The staged ones, each after those that it inherits from or is a partition of.
    pub(super) fn staged_parents_first(&self) -> Vec<&Member> {
        let mut waiting: Vec<&Member> = self.at(Place::Staged).collect();
        let mut missing: BTreeSet<&CollectionName> = waiting.iter().map(|member| &member.source.name).collect();
        let mut ordered = Vec::with_capacity(waiting.len());
        while !waiting.is_empty() {
            let (ready, later): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|member| {
                let parents = ddl::table::parents(&member.source);
                !parents.iter().chain(&member.source.part_of).any(|parent| missing.contains(parent))
            });
            // An archive that says that two tables are each other's parents is refused by the server.
            let (ready, later) = if ready.is_empty() { (later, Vec::new()) } else { (ready, later) };
            for member in &ready {
                missing.remove(&member.source.name);
            }
            ordered.extend(ready);
            waiting = later;
        }
        ordered
    }

    /// The collection as statements about staged tables need it: parents that are staged have their names of the moment,
    /// and defaults are left out, since they may use sequences that are made later.
    pub(super) fn as_staged(&self, member: &Member) -> Collection {
        let mut collection = member.source.clone();
        let current = |name: &CollectionName| match self.get(name) {
            Some(parent) if parent.place == Place::Staged => parent.current.clone(),
            _ => name.clone(),
        };
        collection.part_of = collection.part_of.as_ref().map(current);
        let parents: Vec<[String; 2]> = ddl::table::parents(&collection)
            .iter()
            .map(current)
            .map(|parent| [parent.namespace, parent.name])
            .collect();
        if !parents.is_empty() {
            let parents = serde_json::to_string(&parents).unwrap_or_default();
            collection.attributes.insert(ddl::INHERITS.to_owned(), parents);
        }
        for column in &mut collection.columns {
            column.default = None;
        }
        collection
    }
}

/// What may be used of a collection whose texts may not be run, or mean nothing here: names, types, keys, links, and checks that
/// are understood.
fn without_texts(source: &Collection) -> Collection {
    let mut collection = source.clone();
    collection.definition = None;
    collection.checks.retain_mut(|check| {
        let spelled = check.meaning.as_ref().and_then(|meaning| PostgresSyntax.expression(source, meaning));
        check.definition = None;
        check.expression = spelled.clone().unwrap_or_default();
        spelled.is_some()
    });
    collection.attributes.clear();
    for key in collection.primary_key.iter_mut().chain(&mut collection.unique_keys) {
        key.definition = None;
        // Other engines' names of keys are unique in their table only.
        key.name = None;
    }
    for key in &mut collection.foreign_keys {
        key.definition = None;
    }
    for index in &mut collection.indexes {
        index.definition = None;
    }
    collection
}
