//! The switch: everything that others can see of a unit, up to the statement that decides.
//!
//! In order: tables are locked; foreign keys of the tables that go are dropped, so that their names are free, and made on
//! those that come; foreign keys of others are pointed at the tables that come; rows that reference across the unit's border
//! are checked again, since others could write them; triggers change tables; rows are added to tables that stay, in one
//! transaction; one `RENAME TABLE`. Foreign keys and triggers follow the tables that they are on, and foreign keys the tables
//! that they point to, through a `RENAME`: so right after it everything is complete.
//!
//! MySQL lets a session rename the tables that it has locked, MariaDB does not: there the locks end one statement earlier.

use super::append;
use super::foreign_keys::{Edge, ForeignKeyState, TableName};
use super::journal::{Journal, LateCheck, State};
use super::names::JOURNAL;
use super::settle;
use super::shape;
use super::statement::run;
use super::triggers::{Context, TriggerState};
use super::unit::{KeyPlan, Members};
use crate::ddl::FLAVOUR;
use crate::flavour::ServerVersion;
use crate::objects;
use crate::session::Session;
use dbferry_dialect::model::{NativeObject, ObjectKind};
use dbferry_dialect::{Error, ErrorKind, ForeignKeyPolicy, Result};
use std::collections::BTreeSet;

/// How often it is tried anew when others change foreign keys or triggers meanwhile.
const ATTEMPTS: usize = 3;

/// Does everything up to the statement that decides, and that one. The journal says how far it is. Returns what the user
/// should know.
pub(super) fn switch(
    session: &mut Session,
    version: ServerVersion,
    members: &Members,
    journal: &mut Journal,
    policy: ForeignKeyPolicy,
) -> Result<Vec<String>> {
    let (plan, triggers) = begin(session, version, members, journal)?;
    let mut warnings = triggers.warnings;
    warnings.extend(plan.notes);
    for key in &plan.before {
        run(session, "a foreign key cannot be changed while tables are replaced", &key.drop())
            .map_err(|error| named(error, key))?;
    }
    for key in &plan.make {
        run(session, "a foreign key cannot be made", &key.add(version)).map_err(|error| named(error, key))?;
    }
    for edge in plan.edges.iter().filter(|edge| crosses(edge, members)) {
        // What is reported was reported before the switch.
        edge.check(session, policy)?;
    }
    for trigger in &journal.triggers {
        run(session, "a trigger cannot change its table", &trigger.drop())?;
    }
    for trigger in &journal.new_triggers {
        let moving = journal.tables.iter().find(|table| table.takes_place && table.target == trigger.table);
        if let Some(moving) = moving {
            warnings.extend(trigger.create_on(session, version, &moving.shadow)?);
        }
    }
    if members.iter().any(|member| !member.moving.takes_place) {
        append::append(session, version, members, journal)?;
    }
    if version.is_mariadb() {
        run(session, "the tables cannot be unlocked", "UNLOCK TABLES")?;
    }
    settle::rename(session, journal)?;
    Ok(warnings)
}

fn named(error: Error, key: &ForeignKeyState) -> Error {
    let error = error.with("foreign key", key.name.as_deref().unwrap_or_default()).with("table", key.child.sql());
    match error.kind() {
        ErrorKind::Permission => error.hint(
            "a foreign key that points to a replaced table is pointed at the new one: the restoring user needs ALTER on both",
        ),
        _ => error,
    }
}

/// The triggers that the new tables are to have.
struct NewTriggers {
    list: Vec<TriggerState>,
    warnings: Vec<String>,
}

/// Writes the journal and locks the tables, so that what the journal says of foreign keys and triggers stays true.
fn begin(
    session: &mut Session,
    version: ServerVersion,
    members: &Members,
    journal: &mut Journal,
) -> Result<(KeyPlan, NewTriggers)> {
    for _ in 0..ATTEMPTS {
        let plan = KeyPlan::new(session, version, members)?;
        let triggers = TriggerState::read(session, &members.existing())?;
        let new = new_triggers(members, &triggers, version);
        journal.state = State::Switching;
        journal.keys.clone_from(&plan.before);
        journal.triggers.clone_from(&triggers);
        journal.new_triggers.clone_from(&new.list);
        journal.checks = late_checks(members);
        journal.write(session)?;
        lock(session, members, &plan)?;
        if KeyPlan::new(session, version, members)? == plan
            && TriggerState::read(session, &members.existing())? == triggers
        {
            same_tables(session, members)?;
            return Ok((plan, new));
        }
        run(session, "the tables cannot be unlocked", "UNLOCK TABLES")?;
    }
    Err(Error::new(ErrorKind::Busy, "foreign keys or triggers of the tables change all the time")
        .with("dialect", crate::NAME)
        .hint("try again when nobody alters these tables"))
}

/// A table that was altered while another was made from what it was before would lose that.
fn same_tables(session: &mut Session, members: &Members) -> Result<()> {
    for member in members.iter() {
        let Some(before) = &member.shape.existing else { continue };
        if shape::current(session, &member.moving.target)? != *before {
            return Err(Error::new(ErrorKind::Busy, "a table was altered while it was restored")
                .with("dialect", crate::NAME)
                .with("collection", &member.plan.target)
                .hint("try again when nobody alters it"));
        }
    }
    Ok(())
}

fn late_checks(members: &Members) -> Vec<LateCheck> {
    let checks = members.iter().flat_map(|member| {
        let table = member.moving.target.clone();
        member.shape.checks.iter().map(move |check| LateCheck { table: table.clone(), check: check.clone() })
    });
    checks.collect()
}

/// Those that the target's tables have, and those of the archive whose names are free.
fn new_triggers(members: &Members, there: &[TriggerState], version: ServerVersion) -> NewTriggers {
    let mut new = NewTriggers { list: Vec::new(), warnings: Vec::new() };
    for member in members.iter().filter(|member| member.moving.takes_place) {
        let target = &member.moving.target;
        let kept = there.iter().filter(|trigger| member.keeps() && trigger.table == *target);
        new.list.extend(kept.cloned());
        let archived = member.plan.objects.iter().filter(|object| object.kind == ObjectKind::Trigger);
        for object in archived.filter(|object| object.dialect == crate::NAME) {
            match new.list.iter().find(|trigger| trigger.name == object.name && trigger.table == *target) {
                Some(same) if same.definition != object.definition => new.warnings.push(format!(
                    "the trigger {} is there with another definition, and is kept as it is",
                    object.name
                )),
                Some(_) => {}
                None => new.list.push(of_archive(object, target, version)),
            }
        }
    }
    new
}

fn of_archive(object: &NativeObject, table: &str, version: ServerVersion) -> TriggerState {
    TriggerState {
        name: object.name.clone(),
        table: table.to_owned(),
        definition: object.definition.clone(),
        context: Context::of(object),
        kept: false,
        foreign: object.attributes.get(FLAVOUR).is_some_and(|flavour| flavour != version.flavour.name()),
    }
}

/// Whether others can write rows that matter to it: not all of its tables are shadows.
fn crosses(edge: &Edge, members: &Members) -> bool {
    let is_shadow =
        |table: &TableName| table.database.is_none() && members.iter().any(|m| m.moving.shadow == table.name);
    !is_shadow(&edge.child) || !edge.parents.iter().all(is_shadow)
}

/// Locks every table that the switch touches. A user who may not lock tables goes on without: then others can write in the
/// moment between two statements.
fn lock(session: &mut Session, members: &Members, plan: &KeyPlan) -> Result<()> {
    let mut tables: BTreeSet<TableName> = BTreeSet::from([TableName::own(JOURNAL)]);
    tables.extend(members.existing().into_iter().map(TableName::own));
    tables.extend(members.iter().map(|member| TableName::own(&member.moving.shadow)));
    for key in plan.before.iter().chain(&plan.make) {
        tables.extend([key.child.clone(), key.parent.clone()]);
    }
    for edge in &plan.edges {
        tables.insert(edge.child.clone());
        tables.extend(edge.parents.iter().cloned());
    }
    let there = settle::tables(session)?;
    tables.retain(|table| table.database.is_some() || there.contains(&table.name));
    let mut list: BTreeSet<String> = tables.iter().map(|table| format!("{} WRITE", table.sql())).collect();
    for edge in &plan.edges {
        let aliases = edge.parents.iter().filter_map(|parent| Some((parent.sql(), edge.alias(parent)?)));
        list.extend(aliases.map(|(parent, alias)| format!("{parent} AS {alias} WRITE")));
    }
    let list: Vec<String> = list.into_iter().collect();
    let sql = format!("LOCK TABLES {}", list.join(", "));
    let mut attempts = 1..=ATTEMPTS;
    loop {
        let last = attempts.next().is_none_or(|attempt| attempt == ATTEMPTS);
        match run(session, "the tables cannot be locked", &sql) {
            Ok(_) => return Ok(()),
            Err(error) if error.kind() == ErrorKind::Permission => return Ok(()),
            // Whoever else waits for locks of these tables (a view that is looked at) goes on, since none is held here.
            Err(error) if is_deadlock(&error) && !last => {}
            Err(error) => return Err(error),
        }
    }
}

/// Whether the server let others go first: <https://mariadb.com/kb/en/e1213/>.
fn is_deadlock(error: &Error) -> bool {
    error.context().any(|(key, value)| key == "error" && value == "1213")
}

impl Context {
    /// That of an archived object.
    pub(super) fn of(object: &NativeObject) -> Self {
        let attribute = |name: &str| object.attributes.get(name).cloned().unwrap_or_default();
        Self {
            sql_mode: attribute(objects::SQL_MODE),
            character_set_client: attribute(objects::CHARACTER_SET_CLIENT),
            collation_connection: attribute(objects::COLLATION_CONNECTION),
        }
    }
}
