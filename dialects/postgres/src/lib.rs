#![doc = include_str!("../README.md")]

mod chunk;
mod clear;
mod connect;
mod database;
mod ddl;
mod decode;
mod encode;
mod error;
mod introspect;
mod large;
mod objects;
mod read;
mod replace;
mod session;
mod snapshot;
mod syntax;
#[cfg(feature = "testkit")]
pub mod testing;
mod types;

pub use syntax::PostgresSyntax;

use dbferry_dialect::{Capabilities, Carries, Database, DatabaseUrl, Dialect, OpenOptions, Result, Scope, Syntax};

/// The dialect's name in manifests, help and messages.
pub(crate) const NAME: &str = "postgres";

/// The PostgreSQL dialect.
#[derive(Clone, Copy, Debug, Default)]
pub struct Postgres;

impl Dialect for Postgres {
    fn name(&self) -> &'static str {
        NAME
    }

    fn schemes(&self) -> &'static [&'static str] {
        &["postgres", "postgresql"]
    }

    fn capabilities(&self) -> Capabilities {
        capabilities()
    }

    fn syntax(&self) -> &dyn Syntax {
        &PostgresSyntax
    }

    fn open(&self, url: &DatabaseUrl, options: &OpenOptions) -> Result<Box<dyn Database>> {
        Ok(Box::new(database::PostgresDatabase::open(url, options)?))
    }
}

/// What every supported PostgreSQL server can do.
pub(crate) fn capabilities() -> Capabilities {
    let mut capabilities = Capabilities::MINIMAL;
    capabilities.shared_snapshot = true;
    capabilities.parallel_write = true;
    capabilities.transactional_ddl = true;
    capabilities.comments = true;
    capabilities.namespaces = true;
    capabilities.default_namespace = "public";
    capabilities.adds_foreign_keys = true;
    capabilities.exact_decimals = true;
    capabilities.columnless_tables = true;
    // NAMEDATALEN - 1: https://www.postgresql.org/docs/current/limits.html
    capabilities.identifiers.max_bytes = Some(63);
    capabilities.identifiers.indexes = Scope::Relations;
    // https://www.postgresql.org/docs/current/ddl-system-columns.html
    capabilities.identifiers.reserved_columns = &["tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"];
    capabilities.carries = Carries::EVERYTHING;
    // Its enumerations are types of a schema, which are not made for a table of another dialect.
    capabilities.carries.enumerations = false;
    capabilities
}
