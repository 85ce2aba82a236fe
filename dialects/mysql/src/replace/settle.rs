//! Undoing and finishing: what makes a unit as it was before, or wholly replaced, whoever died in the middle.
//!
//! Both only look at the journal and at the tables that there are, and each of their steps can be done twice. So the restore
//! that failed uses them as well as the next one, which finds the journal of one that was killed.
//!
//! The one `RENAME TABLE` of a unit decides: as long as the shadows have their names everything is undone, from then on
//! everything is finished. Servers that can die in the middle of it (MariaDB before 10.6) may leave some tables renamed and
//! others not: these are renamed back. Rows that were added to tables that stay are the exception: they are there with their
//! own transaction, so after it the tables are renamed, if they are not yet.

use super::foreign_keys::ForeignKeyState;
use super::journal::{Journal, Moving, State};
use super::statement::run;
use super::triggers::TriggerState;
use crate::MySqlSyntax;
use crate::flavour::ServerVersion;
use crate::session::Session;
use dbferry_dialect::{Error, ErrorKind, Result, Syntax};
use std::collections::{BTreeMap, BTreeSet};

/// How a unit ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// As it was before.
    Undone,
    /// Wholly replaced.
    Finished,
}

/// Ends what a journal says, one way or the other, and removes the unit from it. No tables are locked by this session
/// afterwards.
pub(super) fn settle(session: &mut Session, version: ServerVersion, journal: &Journal) -> Result<Outcome> {
    let outcome = decide(session, journal)?;
    match outcome {
        Outcome::Undone => {
            // Under the locks that may still be held nobody can come between; if that does not do, without them.
            if undo(session, version, journal).is_err() {
                unlock(session)?;
                undo(session, version, journal)?;
            }
            unlock(session)?;
        }
        Outcome::Finished => {
            unlock(session)?;
            if renamed(&tables(session)?, journal) == Renamed::No {
                rename(session, journal)?;
            }
            match finish(session, version, journal) {
                Err(error) if is_still_referenced(&error) && journal.state != State::Appended => {
                    rename_back(session, journal)?;
                    undo(session, version, journal)?;
                    forget_unit(session, journal)?;
                    return Err(error.hint(
                        "a foreign key that the restoring user may not see points to a table that was to be replaced",
                    ));
                }
                finished => finished?,
            }
        }
    }
    forget_unit(session, journal)?;
    Ok(outcome)
}

fn unlock(session: &mut Session) -> Result<()> {
    run(session, "the tables cannot be unlocked", "UNLOCK TABLES").map(|_| ())
}

/// Removes the unit from the journal; the journal goes if there is nothing else in it.
fn forget_unit(session: &mut Session, journal: &Journal) -> Result<()> {
    let mut rest = Journal::new();
    rest.sequences.clone_from(&journal.sequences);
    if rest.is_empty() { Journal::remove(session) } else { rest.write(session) }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Renamed {
    No,
    Partly,
    Yes,
}

fn renamed(there: &BTreeSet<String>, journal: &Journal) -> Renamed {
    let moving: Vec<&Moving> = journal.tables.iter().filter(|table| table.takes_place).collect();
    let waiting = moving.iter().filter(|table| there.contains(&table.shadow)).count();
    if waiting == moving.len() {
        Renamed::No
    } else if waiting == 0 {
        Renamed::Yes
    } else {
        Renamed::Partly
    }
}

fn decide(session: &mut Session, journal: &Journal) -> Result<Outcome> {
    if journal.state == State::Loading {
        return Ok(Outcome::Undone);
    }
    let renamed = renamed(&tables(session)?, journal);
    if renamed == Renamed::Partly {
        rename_back(session, journal)?;
    }
    let finished = journal.state == State::Appended || renamed == Renamed::Yes && moves(journal);
    Ok(if finished { Outcome::Finished } else { Outcome::Undone })
}

fn moves(journal: &Journal) -> bool {
    journal.tables.iter().any(|table| table.takes_place)
}

/// The tables of the target.
pub(super) fn tables(session: &mut Session) -> Result<BTreeSet<String>> {
    let rows = session.query(
        "the names of the tables cannot be read",
        "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()",
    )?;
    Ok(rows.iter().filter_map(|row| row.get::<String, _>(0)).collect())
}

/// The one statement that puts all new tables into their places.
pub(super) fn rename(session: &mut Session, journal: &Journal) -> Result<()> {
    let quote = |name: &str| MySqlSyntax.quote_identifier(name);
    let mut steps = Vec::new();
    for table in journal.tables.iter().filter(|table| table.takes_place) {
        if let Some(old) = &table.old {
            steps.push(format!("{} TO {}", quote(&table.target), quote(old)));
        }
        steps.push(format!("{} TO {}", quote(&table.shadow), quote(&table.target)));
    }
    if steps.is_empty() {
        return Ok(());
    }
    let sql = format!("RENAME TABLE {}", steps.join(", "));
    run(session, "the new tables cannot be put into their places", &sql).map(|_| ())
}

/// Takes back what a `RENAME TABLE` did, also if it did it in part only.
fn rename_back(session: &mut Session, journal: &Journal) -> Result<()> {
    let quote = |name: &str| MySqlSyntax.quote_identifier(name);
    let there = tables(session)?;
    let mut steps = Vec::new();
    for table in journal.tables.iter().rev().filter(|table| table.takes_place) {
        if !there.contains(&table.shadow) && there.contains(&table.target) {
            steps.push(format!("{} TO {}", quote(&table.target), quote(&table.shadow)));
        }
        if let Some(old) = table.old.as_ref().filter(|old| there.contains(*old)) {
            steps.push(format!("{} TO {}", quote(old), quote(&table.target)));
        }
    }
    if steps.is_empty() {
        return Ok(());
    }
    let sql = format!("RENAME TABLE {}", steps.join(", "));
    run(session, "the tables cannot be put back into their places", &sql).map(|_| ())
}

/// Makes everything as it was: shadows go, foreign keys and triggers come back.
fn undo(session: &mut Session, version: ServerVersion, journal: &Journal) -> Result<()> {
    let shadows: Vec<&str> = journal.tables.iter().map(|table| table.shadow.as_str()).collect();
    drop_tables(session, &shadows, false)?;
    for key in &journal.keys {
        restore_key(session, version, key)?;
    }
    restore_triggers(session, version, &journal.triggers)
}

/// What is left to do once the new tables are in their places.
fn finish(session: &mut Session, version: ServerVersion, journal: &Journal) -> Result<()> {
    let old: Vec<&str> = journal.tables.iter().filter_map(|table| table.old.as_deref()).collect();
    drop_tables(session, &old, true)?;
    let rest = journal.tables.iter().filter(|table| !table.takes_place);
    let rest: Vec<&str> = rest.map(|table| table.shadow.as_str()).collect();
    drop_tables(session, &rest, false)?;
    let stays = |table: &String| journal.tables.iter().any(|moving| !moving.takes_place && moving.target == *table);
    let kept: Vec<TriggerState> = journal.triggers.iter().filter(|trigger| stays(&trigger.table)).cloned().collect();
    restore_triggers(session, version, &kept)?;
    if version.is_mariadb() {
        for trigger in &journal.new_triggers {
            trigger.retell(session, version)?;
        }
    }
    for late in &journal.checks {
        let table = MySqlSyntax.quote_identifier(&late.table);
        let text = super::shape::show_create(session, &late.table)?;
        let made_as = MySqlSyntax.quote_identifier(&late.check.made_as);
        if text.contains(&format!("CONSTRAINT {made_as} ")) {
            let sql = format!("ALTER TABLE {table} DROP CHECK {made_as}, ADD {}", late.check.text);
            run(session, "a check cannot get its name", &sql)?;
        }
    }
    Ok(())
}

/// Drops tables that are there. With `checked` a foreign key that points to one is an error.
pub(super) fn drop_tables(session: &mut Session, names: &[&str], checked: bool) -> Result<()> {
    const DOING: &str = "a table of the restore cannot be dropped";
    let there = tables(session)?;
    let names: Vec<String> =
        names.iter().filter(|name| there.contains(**name)).map(|name| MySqlSyntax.quote_identifier(name)).collect();
    if names.is_empty() {
        return Ok(());
    }
    if checked {
        run(session, DOING, "SET SESSION foreign_key_checks = 1")?;
    }
    let dropped = run(session, DOING, &format!("DROP TABLE {}", names.join(", ")));
    if checked {
        run(session, DOING, "SET SESSION foreign_key_checks = 0")?;
    }
    dropped.map(|_| ())
}

/// `ER_ROW_IS_REFERENCED`, `ER_ROW_IS_REFERENCED_2`, `ER_FK_CANNOT_DROP_PARENT`.
fn is_still_referenced(error: &Error) -> bool {
    let codes = ["1217", "1451", "3730"];
    error.kind() != ErrorKind::Connect && error.context().any(|(key, value)| key == "error" && codes.contains(&value))
}

fn restore_key(session: &mut Session, version: ServerVersion, key: &ForeignKeyState) -> Result<()> {
    const DOING: &str = "a foreign key cannot be put back";
    let name = key.name.as_deref().unwrap_or_default();
    let there = ForeignKeyState::read_one(session, &key.child, name)?;
    if there.as_ref() == Some(key) {
        return Ok(());
    }
    if there.is_some() {
        run(session, DOING, &key.drop())?;
    }
    run(session, DOING, &key.add(version)).map(|_| ()).map_err(|error| error.with("foreign key", name))
}

/// Gives tables the triggers that they had, in the order that they had.
fn restore_triggers(session: &mut Session, version: ServerVersion, triggers: &[TriggerState]) -> Result<()> {
    let mut by_table: BTreeMap<&str, Vec<&TriggerState>> = BTreeMap::new();
    for trigger in triggers {
        by_table.entry(&trigger.table).or_default().push(trigger);
    }
    for (table, wanted) in by_table {
        let there = TriggerState::read(session, &[table])?;
        if there.iter().eq(wanted.iter().copied()) {
            continue;
        }
        for trigger in &there {
            run(session, "a trigger cannot be dropped", &trigger.drop())?;
        }
        for trigger in wanted {
            trigger.restore(session, version)?;
        }
    }
    Ok(())
}
