//! Reads the catalogue into the schema model.
//!
//! The lists come from `information_schema`, in a fixed number of queries. What a table, a view or a routine *is* comes from
//! the server's own `SHOW CREATE` text, which says more and says it exactly: `information_schema` cuts a binary default at
//! its first zero byte, escapes expressions, and differs between the flavours. There is one such statement a thing; they are
//! sent many at once. [`ddl`](crate::ddl) reads the text.
//!
//! | what | where it goes |
//! |---|---|
//! | tables, partitioned ones too, with system-versioned ones | [`Schema::collections`], with the facts of [`ddl`](crate::ddl) as attributes |
//! | views, triggers, routines, packages, events, sequences | [`Schema::objects`], see [`objects`](crate::objects) |
//! | what cannot be carried | [`Schema::not_carried`], with the reason |

mod defaults;
mod left_out;
mod sql;
mod tables;
#[cfg(test)]
pub(crate) mod tests;

pub(crate) use defaults::is_number;
pub(crate) use sql::{show_create, show_create_of, text};

use crate::flavour::{Flavour, ServerVersion};
use crate::session::Session;
use dbferry_dialect::{Error, ErrorKind, Result, Schema};

pub(crate) const READING: &str = "the catalogue cannot be read";

/// The whole schema of the session's database.
///
/// # Errors
/// [`ErrorKind::Unsupported`] for servers that are too old, otherwise what the server says.
pub(crate) fn introspect(session: &mut Session, version: ServerVersion) -> Result<Schema> {
    check(version)?;
    prepare(session, version)?;
    let database = sql::scalar(session, "SELECT DATABASE()")?.unwrap_or_default();
    let catalogue = Catalogue { database, version };
    let mut schema = Schema::default();
    tables::read(session, &catalogue, &mut schema)?;
    crate::objects::read(session, &catalogue, &mut schema)?;
    left_out::read(session, &catalogue, &mut schema)?;
    schema.collections.sort_by(|left, right| left.name.cmp(&right.name));
    Ok(schema)
}

/// What is read.
#[derive(Clone, Debug)]
pub(crate) struct Catalogue {
    /// The database's name on its server, which nothing that is carried may contain.
    pub(crate) database: String,
    /// The server.
    pub(crate) version: ServerVersion,
}

impl Catalogue {
    /// The flavour's name in attributes.
    pub(crate) fn flavour(&self) -> String {
        self.version.flavour.name().to_owned()
    }
}

/// The oldest servers that are supported: before them `information_schema` lacks what is asked for.
fn check(version: ServerVersion) -> Result<()> {
    let oldest = match version.flavour {
        Flavour::MySql => (5, 7, 0),
        Flavour::MariaDb => (10, 4, 0),
    };
    if version.number >= oldest {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Unsupported, "the server is too old")
        .with("dialect", crate::NAME)
        .with("version", version)
        .hint("MySQL 5.7 and MariaDB 10.4 and later are supported"))
}

/// Sets what decides how the catalogue looks: sizes as they are now and not of yesterday, generated invisible keys shown,
/// nothing for a secondary engine. Each setting came with some version.
fn prepare(session: &mut Session, version: ServerVersion) -> Result<()> {
    for (since, setting) in [
        ((8, 0, 0), "information_schema_stats_expiry = 0"),
        ((8, 0, 18), "show_create_table_skip_secondary_engine = 1"),
        ((8, 0, 30), "show_gipk_in_create_table_and_information_schema = 1"),
    ] {
        if version.is_mysql_from(since) {
            session.run(READING, &format!("SET SESSION {setting}"))?;
        }
    }
    Ok(())
}
