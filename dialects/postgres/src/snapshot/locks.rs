//! The tables of a database while it is read: locked against everything that a snapshot does not protect from, and
//! compared.

use super::TAKING;
use crate::error::database_error;
use crate::session::Session;
use crate::syntax::PostgresSyntax;
use crate::types::Oid;
use dbferry_dialect::{CollectionName, Error, ErrorKind, Result, Syntax};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Tables that one statement locks.
const AT_ONCE: usize = 500;
/// How long one statement waits for a lock at most before the whole attempt is given up and made again. Longer than a
/// deadlock is left to itself, short enough that those who wait behind us are not held up.
const PATIENCE: Duration = Duration::from_millis(1500);

/// All tables that this user may read and others may change meanwhile.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Tables(BTreeMap<Oid, Table>);

#[derive(Clone, Debug, PartialEq)]
struct Table {
    name: CollectionName,
    /// The file that holds the rows; another one after `TRUNCATE` and after an `ALTER TABLE` that rewrites them.
    file: Option<Oid>,
    /// A digest of the columns.
    columns: String,
    /// Whether this user may lock it.
    lockable: bool,
}

/// How many sessions lock the tables. The server has a fixed room for locks, which all sessions share.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Extent {
    /// Every session.
    All,
    /// The first one.
    Leader,
    /// None: that there was no change is checked in the end.
    None,
}

impl Extent {
    /// What there is room for: at most half of it is taken.
    pub(super) fn of(session: &mut Session, tables: usize, readers: usize) -> Result<Self> {
        let rows = session.query(
            TAKING,
            "SELECT pg_catalog.current_setting('max_locks_per_transaction')::int8
                    * (pg_catalog.current_setting('max_connections')::int8
                       + pg_catalog.current_setting('max_prepared_transactions')::int8)",
            &[],
        )?;
        let room: i64 = rows.first().and_then(|row| row.try_get(0).ok()).unwrap_or(0);
        let room = usize::try_from(room).unwrap_or(0) / 2;
        Ok(match tables.saturating_mul(readers + 1) {
            all if all <= room => Self::All,
            _ if tables <= room => Self::Leader,
            _ => Self::None,
        })
    }

    /// Its name in the consistency record.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::All => "every session",
            Self::Leader => "first session",
            Self::None => "none",
        }
    }
}

impl Tables {
    /// What `session` sees.
    pub(super) fn list(session: &mut Session) -> Result<Self> {
        let rows = session.query(
            TAKING,
            "SELECT c.oid, n.nspname::text, c.relname::text, nullif(c.relfilenode, 0),
                    coalesce((SELECT pg_catalog.md5(string_agg(
                                pg_catalog.concat_ws(' ', a.attnum, a.attname, a.atttypid, a.atttypmod, a.attisdropped),
                                ',' ORDER BY a.attnum))
                       FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0), ''),
                    pg_catalog.has_table_privilege(c.oid, 'SELECT')
               FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
              WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
                AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')
                AND pg_catalog.has_any_column_privilege(c.oid, 'SELECT')
                AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'",
            &[],
        )?;
        let table = |row: &tokio_postgres::Row| {
            let table = Table {
                name: CollectionName::new(row.try_get::<_, String>(1)?, row.try_get::<_, String>(2)?),
                file: row.try_get(3)?,
                columns: row.try_get(4)?,
                lockable: row.try_get::<_, Option<bool>>(5)?.unwrap_or(false),
            };
            Ok((row.try_get(0)?, table))
        };
        rows.iter()
            .map(table)
            .collect::<Result<_, tokio_postgres::Error>>()
            .map(Self)
            .map_err(|error| database_error(TAKING, &error))
    }

    /// The names of those that can be locked: whoever may read some columns only, may not.
    pub(super) fn lockable(&self) -> impl Iterator<Item = &CollectionName> {
        self.0.values().filter(|table| table.lockable).map(|table| &table.name)
    }

    /// Whether each of them is in `other` as it is here.
    pub(super) fn is_part_of(&self, other: &Self) -> bool {
        self.0.iter().all(|(oid, table)| other.0.get(oid) == Some(table))
    }

    /// Locks them in the mode of a reader, in an order that is the same for all sessions. A table that is gone makes the
    /// attempt one to repeat.
    ///
    /// # Errors
    /// [`ErrorKind::Busy`].
    pub(super) fn lock(&self, session: &mut Session, lock_wait: Duration) -> Result<()> {
        // No milliseconds at all would mean no limit.
        let patience = lock_wait.min(PATIENCE).as_millis().max(1);
        session.run(TAKING, &format!("SET LOCAL lock_timeout = {patience}"))?;
        let names: Vec<String> = self.lockable().map(|name| PostgresSyntax.qualified(name)).collect();
        for names in names.chunks(AT_ONCE) {
            // ONLY: partitions and children are tables of their own in the list.
            let list = names.iter().map(|name| format!("ONLY {name}")).collect::<Vec<_>>().join(", ");
            session
                .run("tables cannot be locked", &format!("LOCK TABLE {list} IN ACCESS SHARE MODE"))
                .map_err(explain)?;
        }
        session.run(TAKING, "SET LOCAL lock_timeout = 0")
    }

    /// Compares the tables of those names with what is there now, whatever the session's snapshot says: the function looks
    /// into the newest catalogue.
    ///
    /// # Errors
    /// [`ErrorKind::Busy`] when a table was emptied, rewritten or dropped.
    pub(super) fn check_unchanged(&self, session: &mut Session, names: &BTreeSet<CollectionName>) -> Result<()> {
        let doing = "the tables cannot be looked at again";
        let was_read = |table: &Table| table.file.is_some() && names.contains(&table.name);
        let oids: Vec<Oid> = self.0.iter().filter(|(_, table)| was_read(table)).map(|(oid, _)| *oid).collect();
        let rows = session.query(
            doing,
            "SELECT t.oid, pg_catalog.pg_relation_filenode(t.oid) FROM pg_catalog.unnest($1::oid[]) AS t(oid)",
            &[&oids],
        )?;
        for row in &rows {
            let unreadable = |error: tokio_postgres::Error| database_error(doing, &error);
            let oid: Oid = row.try_get(0).map_err(unreadable)?;
            let file: Option<Oid> = row.try_get(1).map_err(unreadable)?;
            if let Some(table) = self.0.get(&oid).filter(|table| table.file != file) {
                return Err(Error::new(ErrorKind::Busy, "a table was emptied, rewritten or dropped while it was read")
                    .with("dialect", crate::NAME)
                    .with("collection", &table.name)
                    .hint(
                        "dump again when nobody changes tables; a user who may read the table can keep others from it",
                    ));
            }
        }
        Ok(())
    }
}

/// A table that was dropped since it was listed is no failure of the database.
fn explain(error: Error) -> Error {
    let sqlstate = error.context().find(|(key, _)| *key == "sqlstate").map(|(_, code)| code.to_owned());
    match sqlstate.as_deref() {
        Some("42P01" | "3F000" | "42501") => {
            Error::new(ErrorKind::Busy, "a table changed before it was locked").caused_by(error)
        }
        Some("53200") => error.hint("the server has no room for so many locks: raise max_locks_per_transaction"),
        _ => error,
    }
}
