//! Foreign keys: those that are taken off while rows are replaced, those that are made, and rows that do not hold to them.
//!
//! A foreign key is added `NOT VALID`, which looks at no row, and validated afterwards, so that what is wrong can be told:
//! how many rows, and the first of their keys.

use super::sessions::statement;
use crate::PostgresSyntax;
use crate::session::Session;
use dbferry_dialect::{CollectionName, Error, ErrorKind, ForeignKeyPolicy, Result, Syntax};

/// How many offending keys are shown.
const SHOWN: i64 = 10;

/// A foreign key that a table has in the target.
#[derive(Clone, Debug)]
pub(super) struct SavedKey {
    /// The referencing table.
    pub(super) child: CollectionName,
    /// The referenced table.
    pub(super) parent: CollectionName,
    /// Its name.
    pub(super) name: String,
    /// Whether the referencing table is divided into partitions.
    pub(super) partitioned: bool,
    definition: String,
    valid: bool,
    comment: Option<String>,
}

impl SavedKey {
    /// The foreign keys that leave one of `children` or point to one of `parents`, as the whole that they are a part of: a
    /// partition's key is its parent's.
    pub(super) fn find(session: &mut Session, children: &[String], parents: &[String]) -> Result<Vec<Self>> {
        let rows = session.query(
            "cannot read the foreign keys",
            "WITH RECURSIVE found AS ( \
               SELECT c.oid, c.conparentid FROM pg_catalog.pg_constraint c WHERE c.contype = 'f' \
                  AND (c.conrelid = ANY ($1::text[]::pg_catalog.regclass[]) OR c.confrelid = ANY ($2::text[]::pg_catalog.regclass[])) \
               UNION \
               SELECT p.oid, p.conparentid FROM found f JOIN pg_catalog.pg_constraint p ON p.oid = f.conparentid \
             ) \
             SELECT cn.nspname::text, ct.relname::text, pn.nspname::text, pt.relname::text, c.conname::text, ct.relkind = 'p', \
                    pg_catalog.pg_get_constraintdef(c.oid), c.convalidated, pg_catalog.obj_description(c.oid, 'pg_constraint') \
               FROM found f JOIN pg_catalog.pg_constraint c ON c.oid = f.oid AND f.conparentid = 0 \
               JOIN pg_catalog.pg_class ct ON ct.oid = c.conrelid JOIN pg_catalog.pg_namespace cn ON cn.oid = ct.relnamespace \
               JOIN pg_catalog.pg_class pt ON pt.oid = c.confrelid JOIN pg_catalog.pg_namespace pn ON pn.oid = pt.relnamespace \
              ORDER BY c.oid",
            &[&children, &parents],
        )?;
        let key = |row: &tokio_postgres::Row| Self {
            child: CollectionName::new(row.get::<_, String>(0), row.get::<_, String>(1)),
            parent: CollectionName::new(row.get::<_, String>(2), row.get::<_, String>(3)),
            name: row.get(4),
            partitioned: row.get(5),
            definition: row.get(6),
            valid: row.get(7),
            comment: row.get(8),
        };
        Ok(rows.iter().map(key).collect())
    }

    /// Takes it off.
    pub(super) fn drop(&self, session: &mut Session) -> Result<()> {
        let sql = crate::ddl::constraint::drop(&self.child, &self.name);
        statement(session, "cannot take a foreign key off while rows are replaced", &sql).map_err(|error| {
            let error = error.with("collection", &self.child).with("foreign key", &self.name);
            match error.kind() {
                ErrorKind::Permission => error.hint(
                    "a foreign key that points to a replaced table is taken off and put back: the restoring user must own \
                     both tables",
                ),
                _ => error,
            }
        })
    }

    /// Puts it back, validated if it was.
    pub(super) fn restore(&self, session: &mut Session, policy: ForeignKeyPolicy) -> Result<Option<String>> {
        let definition = self.definition.strip_suffix(" NOT VALID").unwrap_or(&self.definition);
        let key = NewKey {
            child: self.child.clone(),
            name: self.name.clone(),
            statement: format!(
                "ALTER TABLE {} ADD CONSTRAINT {} {definition}",
                PostgresSyntax.qualified(&self.child),
                PostgresSyntax.quote_identifier(&self.name)
            ),
            partitioned: self.partitioned,
            validate: self.valid,
        };
        let warning = key.add_in_transaction(session, policy)?;
        if let Some(comment) = &self.comment {
            let what = format!(
                "CONSTRAINT {} ON {}",
                PostgresSyntax.quote_identifier(&self.name),
                PostgresSyntax.qualified(&self.child)
            );
            statement(session, "cannot comment on a foreign key", &crate::ddl::table::comment_on(&what, comment))?;
        }
        Ok(warning)
    }
}

/// A foreign key to be made.
#[derive(Clone, Debug)]
pub(super) struct NewKey {
    /// The referencing table.
    pub(super) child: CollectionName,
    /// Its name.
    pub(super) name: String,
    /// `ALTER TABLE ... ADD CONSTRAINT ...` without `NOT VALID`.
    pub(super) statement: String,
    /// Whether the referencing table is divided into partitions: it takes no `NOT VALID` before PostgreSQL 18.
    pub(super) partitioned: bool,
    /// Whether it is to be validated.
    pub(super) validate: bool,
}

const ADDING: &str = "cannot add a foreign key";

impl NewKey {
    /// Adds it without looking at rows; a partitioned table's waits for [`validate`](Self::validate).
    pub(super) fn add(&self, session: &mut Session) -> Result<()> {
        if self.partitioned {
            return Ok(());
        }
        let added = statement(session, ADDING, &format!("{} NOT VALID", self.statement));
        added.map_err(|error| error.with("collection", &self.child).with("foreign key", &self.name))
    }

    /// Looks at all rows. A failure leaves the session as usable as it was outside a transaction.
    pub(super) fn validate(&self, session: &mut Session) -> Result<()> {
        if !self.validate {
            return Ok(());
        }
        let sql = match self.partitioned {
            true => self.statement.clone(),
            false => crate::ddl::constraint::validate(&self.child, &self.name),
        };
        let validated = statement(session, ADDING, &sql);
        validated.map_err(|error| error.with("collection", &self.child).with("foreign key", &self.name))
    }

    /// What becomes of a failed validation: the offending keys, as an error or as a warning.
    pub(super) fn judge(&self, session: &mut Session, error: Error, policy: ForeignKeyPolicy) -> Result<String> {
        if !is_violation(&error) {
            return Err(error);
        }
        let found = if self.partitioned { None } else { offending(session, &self.child, &self.name)? };
        let what = match &found {
            Some(found) => format!("rows of {} do not hold to the foreign key {}: {found}", self.child, self.name),
            None => format!("rows of {} do not hold to the foreign key {}: {error}", self.child, self.name),
        };
        match policy {
            ForeignKeyPolicy::Check => Err(Error::new(ErrorKind::Mismatch, what).with("dialect", crate::NAME)),
            ForeignKeyPolicy::Report if self.partitioned => Ok(format!("{what}; the foreign key was left out")),
            ForeignKeyPolicy::Report => Ok(format!("{what}; the foreign key is there and was not validated")),
        }
    }

    /// Adds and validates it inside a transaction, which goes on whatever the outcome is.
    pub(super) fn add_in_transaction(&self, session: &mut Session, policy: ForeignKeyPolicy) -> Result<Option<String>> {
        self.add(session)?;
        session.run(ADDING, "SAVEPOINT dbferry_key")?;
        match self.validate(session) {
            Ok(()) => {
                session.run(ADDING, "RELEASE SAVEPOINT dbferry_key")?;
                Ok(None)
            }
            // Nothing more can be asked when it is not about rows: the connection may be gone.
            Err(error) if !is_violation(&error) => Err(error),
            Err(error) => {
                session.run(ADDING, "ROLLBACK TO SAVEPOINT dbferry_key")?;
                self.judge(session, error, policy).map(Some)
            }
        }
    }
}

/// Whether rows are what is wrong: `foreign_key_violation`.
pub(super) fn is_violation(error: &Error) -> bool {
    error.context().any(|(key, value)| key == "sqlstate" && value == "23503")
}

/// How many rows reference what is not there, and the first keys; none when the constraint says more than that its columns
/// are equal, or the server cannot compare them here.
fn offending(session: &mut Session, child: &CollectionName, name: &str) -> Result<Option<String>> {
    const DOING: &str = "cannot look for rows that do not hold to a foreign key";
    let rows = session.query(
        DOING,
        "SELECT ct.relkind = 'p', c.confrelid::pg_catalog.regclass::text, \
                (SELECT array_agg(pg_catalog.quote_ident(a.attname) ORDER BY k.place) FROM pg_catalog.unnest(c.conkey) \
                 WITH ORDINALITY k(number, place) JOIN pg_catalog.pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.number), \
                (SELECT array_agg(pg_catalog.quote_ident(a.attname) ORDER BY k.place) FROM pg_catalog.unnest(c.confkey) \
                 WITH ORDINALITY k(number, place) JOIN pg_catalog.pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = k.number) \
           FROM pg_catalog.pg_constraint c JOIN pg_catalog.pg_class ct ON ct.oid = c.conrelid \
          WHERE c.conrelid = $1::text::pg_catalog.regclass AND c.conname::text = $2 AND c.contype = 'f'",
        &[&PostgresSyntax.qualified(child), &name],
    )?;
    let Some(row) = rows.first() else { return Ok(None) };
    let (partitioned, parent): (bool, String) = (row.get(0), row.get(1));
    let (columns, referenced): (Vec<String>, Vec<String>) = (row.get(2), row.get(3));
    let only = if partitioned { "" } else { "ONLY " };
    let own = columns.iter().map(|column| format!("c.{column}")).collect::<Vec<_>>().join(", ");
    let there = columns.iter().map(|column| format!("c.{column} IS NOT NULL")).collect::<Vec<_>>().join(" AND ");
    let pairs = columns.iter().zip(&referenced);
    let equal =
        pairs.map(|(column, referenced)| format!("p.{referenced} = c.{column}")).collect::<Vec<_>>().join(" AND ");
    let sql = format!(
        "SELECT pg_catalog.count(*) OVER (), pg_catalog.concat_ws(', ', {own}) \
           FROM {only}{} c WHERE {there} AND NOT EXISTS (SELECT FROM {parent} p WHERE {equal}) LIMIT {SHOWN}",
        PostgresSyntax.qualified(child)
    );
    // Types of extensions are compared by operators that are not found without their schema.
    let Ok(rows) = session.query(DOING, &sql, &[]) else { return Ok(None) };
    let Some(first) = rows.first() else { return Ok(None) };
    let count: i64 = first.get(0);
    let keys: Vec<String> = rows.iter().map(|row| row.get(1)).collect();
    let shown = if count > SHOWN { "the first are" } else { "they are" };
    let columns = columns.join(", ");
    Ok(Some(format!("{count} with ({columns}) that {parent} does not have; {shown} ({})", keys.join("), ("))))
}
