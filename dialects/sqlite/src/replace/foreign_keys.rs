//! Foreign keys, checked as a whole after the load, because they are off while it runs.
//!
//! Checked are the group's own tables and the tables that refer to one whose rows were replaced. A row that the group did
//! not touch and whose foreign key did not hold before either is reported, not refused: the restore did not break it. So
//! are foreign keys that SQLite itself cannot check, because the table that they refer to does not exist or has no such
//! key: SQLite lets a schema say that, and such a schema must come back as it was.
//!
//! SQLite's own check finds the rows that offend. It runs only over tables that may have some ([`orphans`]).

use super::catalog::{definition, references};
use super::failure::failed;
use super::orphans;
use dbferry_dialect::model::CollectionKind;
use dbferry_dialect::{CollectionAction, CollectionPlan, Error, ErrorKind, ForeignKeyPolicy, Result, Syntax};
use rusqlite::Connection;
use std::collections::{BTreeMap, BTreeSet};

/// How many offending keys an error lists.
const LISTED: usize = 10;

/// What is checked after the load. Tables by their name in lower case, because SQLite's names have no case.
#[derive(Default)]
pub(super) struct ForeignKeys {
    /// Tables whose rows all come from the archive: every foreign key must hold.
    loaded: BTreeMap<String, String>,
    /// Tables with rows that were there before: what did not hold then is noted in `temp.dbferry_violations`.
    kept: BTreeMap<String, String>,
}

impl ForeignKeys {
    /// Finds the tables, and notes what does not hold before anything is changed.
    pub(super) fn before(connection: &Connection, syntax: &dyn Syntax, plans: &[&CollectionPlan]) -> Result<Self> {
        let folded = |name: &str| name.to_ascii_lowercase();
        let mut found = Self::default();
        let mut replaced = BTreeSet::new();
        for plan in plans.iter().filter(|plan| plan.source.kind == CollectionKind::Table) {
            let (name, own) = (folded(&plan.target.name), plan.target.name.clone());
            match plan.action {
                CollectionAction::Keep | CollectionAction::CreateEmpty => {}
                CollectionAction::Append => {
                    found.kept.insert(name, own);
                }
                CollectionAction::Create => {
                    found.loaded.insert(name, own);
                }
                CollectionAction::Replace | CollectionAction::Recreate => {
                    replaced.insert(name.clone());
                    found.loaded.insert(name, own);
                }
            }
        }
        if !replaced.is_empty() {
            for (child, parent) in references(connection)? {
                if replaced.contains(&folded(&parent)) && !found.loaded.contains_key(&folded(&child)) {
                    found.kept.insert(folded(&child), child);
                }
            }
        }
        let mut doubtful = Vec::new();
        for child in found.kept.values() {
            if !orphans::has_none(connection, syntax, child)? {
                doubtful.push(child);
            }
        }
        let note = || {
            connection.execute_batch(
                "DROP TABLE IF EXISTS temp.dbferry_violations;
                 CREATE TABLE temp.dbferry_violations(child TEXT, row_number INTEGER, key INTEGER);
                 CREATE INDEX temp.dbferry_violation ON dbferry_violations(child, key, row_number);",
            )?;
            for child in doubtful {
                let noted = connection.execute(
                    "INSERT INTO temp.dbferry_violations SELECT ?1, rowid, fkid FROM pragma_foreign_key_check(?1, 'main')",
                    [child],
                );
                // What cannot be checked now is reported after the load.
                if noted.as_ref().is_err_and(|error| !is_uncheckable(error)) {
                    noted?;
                }
            }
            Ok(())
        };
        if !found.kept.is_empty() {
            note().map_err(|error| failed("cannot check the foreign keys", error))?;
        }
        Ok(found)
    }

    /// Checks them; returns what is to be reported.
    ///
    /// # Errors
    /// [`ErrorKind::Mismatch`] with the first offending keys, unless the policy is only to report them.
    pub(super) fn after(
        &self,
        connection: &Connection,
        syntax: &dyn Syntax,
        policy: ForeignKeyPolicy,
    ) -> Result<Vec<String>> {
        let mut warnings = Vec::new();
        let mut offending = Offending::default();
        for (tables, kept) in [(&self.loaded, false), (&self.kept, true)] {
            for child in tables.values() {
                if !orphans::has_none(connection, syntax, child)? {
                    offending.check(connection, child, kept, &mut warnings)?;
                }
            }
        }
        if offending.count == 0 {
            return Ok(warnings);
        }
        let more = offending.count.saturating_sub(offending.listed.len() as u64);
        let tail = if more > 0 { format!(", and {more} more") } else { String::new() };
        let message = format!("foreign keys do not hold: {}{tail}", offending.listed.join(", "));
        if policy == ForeignKeyPolicy::Report {
            warnings.push(message);
            return Ok(warnings);
        }
        Err(Error::new(ErrorKind::Mismatch, message).with("dialect", "sqlite").hint(
            "restore the group that holds the rows referred to as well; if the source itself had such rows, restore them \
             as they are by only reporting foreign keys",
        ))
    }
}

#[derive(Default)]
struct Offending {
    count: u64,
    listed: Vec<String>,
}

impl Offending {
    fn check(&mut self, connection: &Connection, child: &str, kept: bool, warnings: &mut Vec<String>) -> Result<()> {
        let doing = |error| failed("cannot check the foreign keys", error).with("collection", child);
        let mut missing = BTreeSet::new();
        let mut old = 0_u64;
        let mut noted = connection
            .prepare("SELECT count(*) FROM temp.dbferry_violations WHERE child = ?1 AND key = ?2 AND row_number IS ?3")
            .ok()
            .filter(|_| kept);
        let mut statement = connection
            .prepare("SELECT \"table\", rowid, parent, fkid FROM pragma_foreign_key_check(?1, 'main')")
            .map_err(doing)?;
        let mut rows = statement.query([child]).map_err(doing)?;
        loop {
            let row = match rows.next() {
                Ok(Some(row)) => row,
                Ok(None) => break,
                Err(error) if is_uncheckable(&error) => {
                    warnings.push(format!("a foreign key of {child} cannot be checked: {error}"));
                    break;
                }
                Err(error) => return Err(doing(error)),
            };
            let (table, number, parent, key): (String, Option<i64>, String, i64) =
                (|| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))().map_err(doing)?;
            if missing.contains(&parent) || definition(connection, "table", &parent)?.is_none() {
                missing.insert(parent);
                continue;
            }
            if let Some(noted) = &mut noted
                && noted.query_row((child, key, number), |row| row.get::<_, i64>(0)).map_err(doing)? > 0
            {
                old += 1;
                continue;
            }
            self.count += 1;
            if self.listed.len() < LISTED {
                let row = number.map_or_else(|| "a row".to_owned(), |number| format!("row {number}"));
                self.listed.push(format!("{row} of {table} refers to {parent}"));
            }
        }
        for parent in missing {
            warnings.push(format!("{child} refers to {parent}, which does not exist: its foreign key was not checked"));
        }
        if old > 0 {
            warnings.push(format!(
                "{old} rows of {child} did not satisfy a foreign key before either; they were left alone"
            ));
        }
        Ok(())
    }
}

/// Whether the schema itself is such that SQLite cannot check the key.
fn is_uncheckable(error: &rusqlite::Error) -> bool {
    error.to_string().starts_with("foreign key mismatch")
}
