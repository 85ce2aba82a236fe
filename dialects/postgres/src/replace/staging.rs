//! Schemas where tables are built before they are switched.
//!
//! A run has one staging schema for each schema that it builds tables for, because names of indexes are names of their
//! schema. Their names hold a random number, which is also the number of an advisory lock that the run's main session holds
//! as long as it lives: a staging schema whose lock is free was left by a run that is gone, and the next run drops it.

use super::sessions::statement;
use crate::PostgresSyntax;
use crate::session::Session;
use dbferry_dialect::{CollectionName, Error, ErrorKind, Result, Syntax};
use std::collections::BTreeMap;

/// What the names of all staging schemas begin with.
const PREFIX: &str = "dbferry_staging_";
/// The first of the two numbers of the advisory lock: `dbfe` in ASCII.
const LOCK_CLASS: i32 = 0x6462_6665;
/// How often a free number is looked for.
const ATTEMPTS: usize = 16;
const COMMENT: &str =
    "Tables of a restore by dbferry that is under way. The next restore drops it if this one is gone.";

/// The staging schemas of one run.
#[derive(Debug, Default)]
pub(super) struct Staging {
    number: u32,
    /// Staging schema by the schema that its tables are for.
    schemas: BTreeMap<String, String>,
}

impl Staging {
    /// Takes a number and its lock, which `session` holds from now on.
    pub(super) fn begin(session: &mut Session) -> Result<Self> {
        for _ in 0..ATTEMPTS {
            let rows = session.query(
                "cannot take a lock for the restore",
                "WITH picked AS MATERIALIZED (SELECT pg_catalog.hashtext(pg_catalog.concat(pg_catalog.random(), \
                 pg_catalog.clock_timestamp(), pg_catalog.pg_backend_pid())) AS number) \
                 SELECT number, pg_catalog.pg_try_advisory_lock($1, number) FROM picked",
                &[&LOCK_CLASS],
            )?;
            if let Some(row) = rows.first()
                && row.get::<_, bool>(1)
            {
                // The bits are all that counts.
                return Ok(Self { number: row.get::<_, i32>(0) as u32, schemas: BTreeMap::new() });
            }
        }
        Err(Error::new(ErrorKind::Busy, "no free lock for the restore was found").with("dialect", crate::NAME))
    }

    /// The name that a table has while it is built; its schema is created when it is the first one there.
    pub(super) fn place(&mut self, session: &mut Session, target: &CollectionName) -> Result<CollectionName> {
        if let Some(name) = self.name_of(target) {
            return Ok(name);
        }
        let schema = format!("{PREFIX}{:08x}_{}", self.number, self.schemas.len());
        let quoted = PostgresSyntax.quote_identifier(&schema);
        statement(session, "cannot create a schema to build tables in", &format!("CREATE SCHEMA {quoted}")).map_err(
            |error| match error.kind() {
                ErrorKind::Permission => error.hint(
                    "tables are built in a schema of their own and moved when they are whole: \
                     GRANT CREATE ON DATABASE ... TO the restoring user",
                ),
                _ => error,
            },
        )?;
        self.schemas.insert(target.namespace.clone(), schema);
        let comment = format!("COMMENT ON SCHEMA {quoted} IS {}", PostgresSyntax.quote_text(COMMENT));
        statement(session, "cannot comment on a schema", &comment)?;
        Ok(self.name_of(target).unwrap_or_else(|| target.clone()))
    }

    /// The name that a table has while it is built, if its schema has a staging schema.
    pub(super) fn name_of(&self, target: &CollectionName) -> Option<CollectionName> {
        let schema = self.schemas.get(&target.namespace)?;
        Some(CollectionName::new(schema, &target.name))
    }

    /// Whether there is any staging schema.
    pub(super) fn is_used(&self) -> bool {
        !self.schemas.is_empty()
    }

    /// Drops the staging schemas, which must be empty.
    pub(super) fn drop_empty(&mut self, session: &mut Session) -> Result<()> {
        for schema in self.schemas.values() {
            let sql = format!("DROP SCHEMA {}", PostgresSyntax.quote_identifier(schema));
            statement(session, "a staging schema is not empty", &sql)?;
        }
        Ok(())
    }

    /// Forgets the schemas, which are gone.
    pub(super) fn forget(&mut self) {
        self.schemas.clear();
    }

    /// Drops the staging schemas with everything in them.
    pub(super) fn drop_all(&mut self, session: &mut Session) -> Result<()> {
        for schema in std::mem::take(&mut self.schemas).into_values() {
            drop_with_content(session, &schema)?;
        }
        Ok(())
    }
}

/// Drops what runs that are gone have left. Returns what the user should know.
pub(super) fn sweep(session: &mut Session) -> Result<Vec<String>> {
    let rows = session.query(
        "cannot look for what an earlier restore left",
        "SELECT nspname::text FROM pg_catalog.pg_namespace WHERE pg_catalog.starts_with(nspname::text, $1) ORDER BY 1",
        &[&PREFIX],
    )?;
    let mut told = Vec::new();
    for schema in rows.iter().map(|row| row.get::<_, String>(0)) {
        let Some(number) = number_of(&schema) else { continue };
        let locked = session.query(
            "cannot look for what an earlier restore left",
            "SELECT pg_catalog.pg_try_advisory_lock($1, $2)",
            &[&LOCK_CLASS, &number],
        )?;
        if !locked.first().is_some_and(|row| row.get(0)) {
            continue;
        }
        told.push(match drop_with_content(session, &schema) {
            Ok(()) => format!("the schema {schema}, which an earlier restore left unfinished, was dropped"),
            Err(error) => format!("the schema {schema}, which an earlier restore left, cannot be dropped: {error}"),
        });
        let unlock = "SELECT pg_catalog.pg_advisory_unlock($1, $2)";
        session.query("cannot give up a lock", unlock, &[&LOCK_CLASS, &number])?;
    }
    Ok(told)
}

/// The number in a staging schema's name.
fn number_of(schema: &str) -> Option<i32> {
    let digits = schema.strip_prefix(PREFIX)?.get(..8)?;
    // The bits are all that counts.
    u32::from_str_radix(digits, 16).ok().map(|number| number as i32)
}

/// `CASCADE` is right here and nowhere else: nobody but dbferry makes anything in such a schema, and nobody can refer to its
/// tables but they themselves. Tables go in small lots first, since one statement for many of them can exhaust the server's
/// table of locks.
fn drop_with_content(session: &mut Session, schema: &str) -> Result<()> {
    const LOT: usize = 200;
    const DOING: &str = "cannot drop a staging schema";
    let rows = session.query(
        DOING,
        "SELECT pg_catalog.format('%I.%I', n.nspname, c.relname), c.relkind = 'f' FROM pg_catalog.pg_class c \
         JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
         WHERE n.nspname::text = $1 AND c.relkind IN ('r', 'p', 'f') ORDER BY c.oid DESC",
        &[&schema],
    )?;
    for (foreign, kind) in [(false, "TABLE"), (true, "FOREIGN TABLE")] {
        let tables: Vec<String> =
            rows.iter().filter(|row| row.get::<_, bool>(1) == foreign).map(|row| row.get(0)).collect();
        for lot in tables.chunks(LOT) {
            statement(session, DOING, &format!("DROP {kind} IF EXISTS {} CASCADE", lot.join(", ")))?;
        }
    }
    statement(session, DOING, &format!("DROP SCHEMA IF EXISTS {} CASCADE", PostgresSyntax.quote_identifier(schema)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_our_own_have_a_number() {
        assert_eq!(number_of("dbferry_staging_0000002a_0"), Some(42));
        assert_eq!(number_of("dbferry_staging_ffffffff_3"), Some(-1));
        for other in ["dbferry_staging_", "dbferry_staging_xyz00000_1", "public", "dbferry_staging_1"] {
            assert_eq!(number_of(other), None, "{other}");
        }
    }
}
