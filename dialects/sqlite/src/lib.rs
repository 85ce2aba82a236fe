#![doc = include_str!("../README.md")]

mod bind;
mod catalogue;
mod chunk;
mod clear;
mod connect;
mod database;
mod ddl;
mod decode;
mod error;
mod guard;
mod introspect;
mod number;
mod read;
mod replace;
mod sample;
mod shape;
mod snapshot;
mod syntax;
mod temporal;
#[cfg(test)]
mod testing;
mod types;

pub use syntax::SqliteSyntax;

use dbferry_dialect::{
    Capabilities, Carries, Case, Database, DatabaseUrl, Dialect, OpenOptions, Result, Scope, Syntax,
};

/// The dialect's name in manifests, help and messages.
pub(crate) const NAME: &str = "sqlite";
/// The one namespace: what SQLite calls the main database of a connection.
pub(crate) const NAMESPACE: &str = "main";

/// The SQLite dialect.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sqlite;

impl Dialect for Sqlite {
    fn name(&self) -> &'static str {
        NAME
    }

    fn schemes(&self) -> &'static [&'static str] {
        &["sqlite", "sqlite3"]
    }

    fn capabilities(&self) -> Capabilities {
        capabilities()
    }

    fn syntax(&self) -> &dyn Syntax {
        &SqliteSyntax
    }

    fn open(&self, url: &DatabaseUrl, options: &OpenOptions) -> Result<Box<dyn Database>> {
        Ok(Box::new(database::SqliteDatabase::open(url, options)?))
    }
}

/// What every SQLite database can do.
pub(crate) fn capabilities() -> Capabilities {
    let mut capabilities = Capabilities::MINIMAL;
    capabilities.shared_snapshot = true;
    capabilities.creates_database = true;
    capabilities.transactional_ddl = true;
    // https://www.sqlite.org/lang_createindex.html: indexes and tables share their names, which have no case from A to Z.
    capabilities.identifiers.tables = Case::AsciiFolds;
    capabilities.identifiers.others = Case::AsciiFolds;
    capabilities.identifiers.indexes = Scope::Relations;
    capabilities.carries = Carries::EVERYTHING;
    capabilities.carries.enumerations = false;
    capabilities
}
