#![doc = include_str!("../README.md")]

mod chunk;
mod clear;
mod connect;
mod database;
mod ddl;
mod decode;
mod encode;
mod error;
mod flavour;
mod introspect;
mod load;
mod objects;
mod read;
mod replace;
mod session;
mod snapshot;
mod syntax;
#[cfg(feature = "testkit")]
pub mod testing;
mod types;
mod wire;

pub use syntax::MySqlSyntax;

use dbferry_dialect::{Capabilities, Case, Database, DatabaseUrl, Dialect, OpenOptions, Result, Scope, Syntax};

/// The dialect's name in manifests, help and messages.
pub(crate) const NAME: &str = "mysql";
/// The namespace of every collection of the database that a URL names. The database's own name is no part of it, so that
/// an archive of `shop` can be restored into `shop_test`; a foreign key into another database has that one's name.
pub(crate) const NAMESPACE: &str = "main";

/// The dialect of MySQL and MariaDB.
#[derive(Clone, Copy, Debug, Default)]
pub struct MySql;

impl Dialect for MySql {
    fn name(&self) -> &'static str {
        NAME
    }

    fn schemes(&self) -> &'static [&'static str] {
        &["mysql", "mariadb"]
    }

    fn capabilities(&self) -> Capabilities {
        capabilities()
    }

    fn syntax(&self) -> &dyn Syntax {
        &MySqlSyntax
    }

    fn open(&self, url: &DatabaseUrl, options: &OpenOptions) -> Result<Box<dyn Database>> {
        Ok(Box::new(database::MySqlDatabase::open(url, options)?))
    }
}

/// What every supported server can do.
pub(crate) fn capabilities() -> Capabilities {
    let mut capabilities = Capabilities::MINIMAL;
    capabilities.shared_snapshot = true;
    capabilities.parallel_write = true;
    capabilities.comments = true;
    capabilities.default_namespace = NAMESPACE;
    capabilities.adds_foreign_keys = true;
    capabilities.unsigned_integers = true;
    capabilities.exact_decimals = true;
    // https://dev.mysql.com/doc/refman/8.4/en/identifier-length.html, .../identifiers.html
    capabilities.identifiers.max_chars = Some(64);
    capabilities.identifiers.supplementary = false;
    capabilities.identifiers.trailing_blanks = false;
    // Names of tables are those of files: what the server says of that is known once it is asked.
    capabilities.identifiers.others = Case::Folds;
    capabilities.identifiers.foreign_keys = Scope::Namespace;
    capabilities.identifiers.checks = Scope::Namespace;
    capabilities.carries.checks = true;
    capabilities.carries.prefix_indexes = true;
    capabilities.carries.enumerations = true;
    // https://dev.mysql.com/doc/refman/8.4/en/create-table.html: of a column; one of a table may be longer.
    capabilities.carries.comment_chars = Some(1024);
    capabilities
}
