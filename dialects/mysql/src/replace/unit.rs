//! One unit of groups under way: which table is loaded as what, and what has to be made of it.

use super::constraints::{ConstraintNames, told};
use super::foreign_keys::{self, Edge, ForeignKeyState, TableName};
use super::journal::Moving;
use super::names::FreeNames;
use super::shape::{CheckNames, Shape};
use crate::flavour::ServerVersion;
use crate::session::Session;
use dbferry_dialect::{CollectionAction, CollectionName, CollectionPlan, Result};
use std::collections::{BTreeMap, BTreeSet};

/// One collection of the unit that is made or loaded.
#[derive(Debug)]
pub(super) struct Member {
    /// What is asked for.
    pub(super) plan: CollectionPlan,
    /// Its names.
    pub(super) moving: Moving,
    /// How its shadow is made, and completed after the load.
    pub(super) shape: Shape,
}

impl Member {
    /// Whether it takes the place of a table and keeps what that one has.
    pub(super) fn keeps(&self) -> bool {
        self.plan.action == CollectionAction::Replace
    }

    /// Whether what the table that is there calls its constraints is free for others.
    fn gives_up_names(&self) -> bool {
        self.plan.action == CollectionAction::Recreate
    }
}

/// The first MariaDB where names of foreign keys are unique in a table, not in the database.
const NAMES_OF_A_TABLE: (u16, u16, u16) = (12, 1, 0);

/// The members of a unit that something is done to.
#[derive(Debug, Default)]
pub(super) struct Members {
    list: Vec<Member>,
}

impl Members {
    /// Chooses names and looks at the tables that are there.
    pub(super) fn new(plans: Vec<CollectionPlan>, session: &mut Session, version: ServerVersion) -> Result<Self> {
        let mut names = FreeNames::read(session)?;
        let mut checks = CheckNames::read(session, version, &plans)?;
        let mut list = Vec::with_capacity(plans.len());
        for plan in plans {
            if plan.action == CollectionAction::Keep {
                continue;
            }
            let (shadow, old) = names.pair()?;
            let replaces = matches!(plan.action, CollectionAction::Replace | CollectionAction::Recreate);
            let moving = Moving {
                shadow,
                target: plan.target.name.clone(),
                old: replaces.then_some(old),
                takes_place: plan.action != CollectionAction::Append,
            };
            let shape = Shape::of(&plan, &moving, session, version, &mut checks)
                .map_err(|error| error.with("collection", &plan.target))?;
            list.push(Member { plan, moving, shape });
        }
        Ok(Self { list })
    }

    /// All of them, in the plan's order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Member> {
        self.list.iter()
    }

    /// The member of that source collection.
    pub(super) fn get(&self, source: &CollectionName) -> Option<&Member> {
        self.list.iter().find(|member| member.plan.source.name == *source)
    }

    /// What the journal has to know of them.
    pub(super) fn moving(&self) -> Vec<Moving> {
        self.list.iter().map(|member| member.moving.clone()).collect()
    }

    /// The tables that are there and are replaced, or get rows.
    pub(super) fn existing(&self) -> Vec<&str> {
        let there = self.list.iter().filter(|member| member.moving.old.is_some() || !member.moving.takes_place);
        there.map(|member| member.moving.target.as_str()).collect()
    }
}

/// What is to be done about foreign keys, from what the target has at the moment.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct KeyPlan {
    /// Those that the switch drops, or changes: as they are.
    pub(super) before: Vec<ForeignKeyState>,
    /// Those that it makes, under the names of the moment.
    pub(super) make: Vec<ForeignKeyState>,
    /// Where rows must find parents.
    pub(super) edges: BTreeSet<Edge>,
    /// What the user should know of their names.
    pub(super) notes: Vec<String>,
}

impl KeyPlan {
    /// Plans them.
    pub(super) fn new(session: &mut Session, version: ServerVersion, members: &Members) -> Result<Self> {
        let existing = members.existing();
        let there = ForeignKeyState::read(session, &existing)?;
        let mut builder = Builder {
            by_target: members.iter().map(|member| (member.moving.target.as_str(), member)).collect(),
            tables: super::settle::tables(session)?,
            names: ConstraintNames::default(),
            plan: Self::default(),
        };
        for key in there {
            builder.existing(key);
        }
        let names = foreign_keys::names(session)?;
        let goes = |table: &str| builder.member(&TableName::own(table)).is_some_and(Member::gives_up_names);
        let stay: Vec<&str> = names.iter().filter(|(table, _)| !goes(table)).map(|(_, name)| name.as_str()).collect();
        builder.names = ConstraintNames::new(stay.iter().copied());
        for member in members.iter().filter(|member| member.moving.takes_place && !member.keeps()) {
            if version.is_mariadb_from(NAMES_OF_A_TABLE) {
                builder.names = ConstraintNames::default();
            }
            for key in &member.plan.source.foreign_keys {
                builder.of_archive(members, member, key);
            }
        }
        Ok(builder.plan)
    }
}

struct Builder<'a> {
    by_target: BTreeMap<&'a str, &'a Member>,
    /// All tables of the target.
    tables: BTreeSet<String>,
    /// The names that foreign keys have.
    names: ConstraintNames,
    plan: KeyPlan,
}

impl Builder<'_> {
    /// The member that a table of the target is.
    fn member(&self, table: &TableName) -> Option<&Member> {
        self.by_target.get(table.name.as_str()).copied().filter(|_| table.database.is_none())
    }

    /// The name that a table has until the switch, if a switch gives it another one.
    fn current(&self, table: &TableName) -> TableName {
        match self.member(table) {
            Some(member) if member.moving.takes_place => TableName::own(&member.moving.shadow),
            _ => table.clone(),
        }
    }

    fn existing(&mut self, key: ForeignKeyState) {
        let child = self.member(&key.child);
        let replaced = child.is_some_and(|member| member.moving.takes_place);
        let dropped = replaced && child.is_some_and(|member| !member.keeps());
        let appended = child.filter(|member| !member.moving.takes_place).map(|member| member.moving.shadow.clone());
        let moved = key.between(self.current(&key.child), self.current(&key.parent));
        let described = describe(&key);
        if dropped {
            self.plan.before.push(key);
            return;
        }
        if let Some(shadow) = appended {
            self.edge(&key, TableName::own(&shadow), described.clone());
        }
        if moved != key {
            self.edge(&key, moved.child.clone(), described);
            self.plan.before.push(key);
            self.plan.make.push(moved);
        }
    }

    fn of_archive(&mut self, members: &Members, member: &Member, key: &dbferry_dialect::model::ForeignKey) {
        let parent = members.get(&key.references);
        let name = match parent {
            Some(parent) => TableName::own(&parent.moving.target),
            // Other engines' namespaces are no databases here; a name of another database stays one.
            None if key.references.namespace == crate::NAMESPACE || !member.plan.use_definition => {
                TableName::own(&key.references.name)
            }
            None => TableName { database: Some(key.references.namespace.clone()), name: key.references.name.clone() },
        };
        let primary = parent.and_then(|parent| parent.plan.source.primary_key.as_ref());
        let primary = primary.map(|key| key.columns.clone()).unwrap_or_default();
        let target = &member.moving.target;
        let mut final_key = ForeignKeyState::of_model(key, TableName::own(target), name.clone(), &primary);
        if let Some(own) = &mut final_key.name {
            let given = self.names.give(target, own);
            if given != *own {
                self.plan.notes.push(told("foreign key", target, own, &given));
                *own = given;
            }
        }
        let made = final_key.between(TableName::own(&member.moving.shadow), self.current(&name));
        if member.plan.action.loads() {
            self.edge(&final_key, made.child.clone(), describe(&final_key));
        }
        self.plan.make.push(made);
    }

    /// The rows of `child` have to hold to the key, whose names are the final ones.
    fn edge(&mut self, key: &ForeignKeyState, child: TableName, described: String) {
        let mut parents = BTreeSet::from([self.current(&key.parent)]);
        match self.member(&key.parent) {
            Some(member) if !member.moving.takes_place => _ = parents.insert(TableName::own(&member.moving.shadow)),
            Some(_) => {}
            None if key.parent.database.is_none() && !self.tables.contains(&key.parent.name) => parents.clear(),
            None => {}
        }
        self.plan.edges.insert(Edge {
            child,
            columns: key.columns.clone(),
            parents,
            parent_columns: key.parent_columns.clone(),
            described,
        });
    }
}

fn describe(key: &ForeignKeyState) -> String {
    let name = key.name.as_deref().unwrap_or_default();
    let space = if name.is_empty() { "" } else { " " };
    format!("{name}{space}from {} to {}", key.child.sql(), key.parent.sql())
}
