//! The tables that a snapshot is of: which there are, what they were like, and holding them as they are.

use super::TAKING;
use crate::syntax::MySqlSyntax;
use crate::wire::Wire;
use dbferry_dialect::{CollectionName, Error, ErrorKind, Result, Syntax};
use std::collections::{BTreeMap, BTreeSet};

/// How many tables one statement looks at.
const AT_ONCE: usize = 50;

/// The tables of a database, and what of each would be another if somebody changed it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Tables(BTreeMap<String, Table>);

#[derive(Clone, Debug, PartialEq)]
struct Table {
    /// When it was made or last rebuilt.
    created: String,
    /// Whether a transaction protects who reads it.
    transactional: bool,
}

impl Tables {
    /// Those of the session's database.
    pub(super) fn list(wire: &mut Wire) -> Result<Self> {
        let rows = wire.query(
            TAKING,
            "SELECT t.TABLE_NAME, t.CREATE_TIME, e.TRANSACTIONS
               FROM information_schema.TABLES t LEFT JOIN information_schema.ENGINES e ON e.ENGINE = t.ENGINE
              WHERE t.TABLE_SCHEMA = DATABASE() AND t.TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED')",
        )?;
        let text = |value: Option<&Option<Vec<u8>>>| {
            value.and_then(Option::as_deref).map(|text| String::from_utf8_lossy(text).into_owned())
        };
        let table = |row: &Vec<Option<Vec<u8>>>| {
            let transactional = text(row.get(2)).as_deref() == Some("YES");
            Some((text(row.first())?, Table { created: text(row.get(1)).unwrap_or_default(), transactional }))
        };
        Ok(Self(rows.iter().filter_map(table).collect()))
    }

    pub(super) fn contains(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Those that no transaction protects.
    pub(super) fn unprotected(&self) -> Vec<String> {
        self.0.iter().filter(|(_, table)| !table.transactional).map(|(name, _)| name.clone()).collect()
    }

    /// All of them.
    pub(super) fn names(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }

    /// Has the session's transaction look at every table, after which nobody can change or drop one before it ends. Where
    /// `rows` are looked at too, a table that was changed after the transaction began is noticed.
    ///
    /// # Errors
    /// [`ErrorKind::Busy`] when a table was changed, or somebody who wants to change one is waited for too long. Tables
    /// that cannot be read are no error here: nobody may want them.
    pub(super) fn touch(&self, wire: &mut Wire, rows: bool) -> Result<()> {
        let limit = u8::from(rows);
        let names: Vec<String> = self.0.keys().map(|name| MySqlSyntax.quote_identifier(name)).collect();
        let look = |name: &String| format!("(SELECT 1 FROM {name} LIMIT {limit})");
        for some in names.chunks(AT_ONCE) {
            let all: Vec<String> = some.iter().map(look).collect();
            if wire.query(TAKING, &all.join(" UNION ALL ")).is_ok() {
                continue;
            }
            for name in some {
                match wire.query(TAKING, &look(name)) {
                    Err(error) if error.kind() == ErrorKind::Busy || is_code(&error, &["1412"]) => {
                        return Err(Error::new(ErrorKind::Busy, "a table is being changed")
                            .with("dialect", crate::NAME)
                            .with("collection", name)
                            .caused_by(error));
                    }
                    Err(error) if matches!(error.kind(), ErrorKind::Connect | ErrorKind::Cancelled) => {
                        return Err(error);
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// Checks that those of `wanted` are still the same.
    ///
    /// # Errors
    /// [`ErrorKind::Busy`] when somebody rebuilt, emptied or dropped one.
    pub(super) fn check_unchanged(&self, wire: &mut Wire, wanted: &BTreeSet<CollectionName>) -> Result<()> {
        let now = Self::list(wire)?;
        for name in wanted {
            if self.0.get(&name.name) != now.0.get(&name.name) {
                return Err(Error::new(ErrorKind::Busy, "a table was emptied, rebuilt or dropped while it was read")
                    .with("dialect", crate::NAME)
                    .with("collection", name)
                    .hint("try again without schema changes"));
            }
        }
        Ok(())
    }
}

/// Whether the server said one of these numbers.
pub(super) fn is_code(error: &Error, codes: &[&str]) -> bool {
    error.context().any(|(key, value)| key == "error" && codes.contains(&value))
}

/// `LOCK TABLES ... READ` of those.
pub(super) fn lock_statement(names: &[String]) -> String {
    let locks: Vec<String> = names.iter().map(|name| format!("{} READ", MySqlSyntax.quote_identifier(name))).collect();
    format!("LOCK TABLES {}", locks.join(", "))
}
