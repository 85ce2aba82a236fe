//! One open database.

use crate::clear::clear;
use crate::connect::Target;
use crate::flavour::ServerVersion;
use crate::introspect::introspect;
use crate::replace::{open_replacer, recover};
use crate::session::Session;
use crate::snapshot::MySqlSnapshot;
use dbferry_dialect::{
    Capabilities, Case, Database, DatabaseInfo, DatabaseUrl, OpenOptions, ReplaceOptions, Replacer, Result, Schema,
    Scope, Snapshot, SnapshotOptions,
};
use std::time::Duration;

/// The first MySQL that holds to checks.
const CHECKS: (u16, u16, u16) = (8, 0, 16);

/// The first MySQL with indexes over expressions; MariaDB has none.
const EXPRESSION_INDEXES: (u16, u16, u16) = (8, 0, 13);

/// A database on a server, with one session of its own; snapshots and replacers open theirs.
#[derive(Debug)]
pub(crate) struct MySqlDatabase {
    target: Target,
    session: Session,
    version: ServerVersion,
    info: DatabaseInfo,
    lock_wait: Duration,
    /// Whether names of tables have no case.
    folds_tables: bool,
}

impl MySqlDatabase {
    /// Connects.
    ///
    /// # Errors
    /// Those of [`Target::resolve`] and [`Target::connect`].
    pub(crate) fn open(url: &DatabaseUrl, options: &OpenOptions) -> Result<Self> {
        let target = Target::resolve(url, options)?;
        let mut session = target.connect()?;
        let rows = session.query(
            "the server does not say what it is",
            "SELECT VERSION(), DATABASE(), @@character_set_database, @@lower_case_table_names <> 0",
        )?;
        let text = |column: usize| rows.first().and_then(|row| row.get::<String, _>(column)).unwrap_or_default();
        let version = ServerVersion::parse(&text(0));
        let info = DatabaseInfo {
            dialect: crate::NAME.to_owned(),
            product: version.product().to_owned(),
            version: text(0),
            database: text(1),
            encoding: text(2),
            time_zone: Some("UTC".to_owned()),
        };
        let lock_wait = target.lock_wait();
        let folds_tables = rows.first().and_then(|row| row.get::<i64, _>(3)).is_some_and(|folds| folds != 0);
        Ok(Self { target, session, version, info, lock_wait, folds_tables })
    }
}

impl Database for MySqlDatabase {
    fn info(&self) -> &DatabaseInfo {
        &self.info
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = crate::capabilities();
        if self.folds_tables {
            capabilities.identifiers.tables = Case::Folds;
        }
        if self.version.is_mariadb() {
            capabilities.identifiers.checks = Scope::Table;
        }
        capabilities.carries.checks = self.version.is_mysql_from(CHECKS) || self.version.is_mariadb();
        capabilities.carries.expression_indexes = self.version.is_mysql_from(EXPRESSION_INDEXES);
        capabilities
    }

    fn introspect(&mut self) -> Result<Schema> {
        introspect(&mut self.session, self.version)
    }

    fn query_names(&mut self, sql: &str) -> Result<Vec<String>> {
        let rows = self.session.query("a group rule's query failed", sql)?;
        Ok(rows.iter().filter_map(|row| row.get::<Option<String>, _>(0).flatten()).collect())
    }

    fn snapshot(&mut self, options: &SnapshotOptions) -> Result<Box<dyn Snapshot>> {
        Ok(Box::new(MySqlSnapshot::take(&self.target, self.version, self.lock_wait, options)?))
    }

    fn clear(&mut self) -> Result<()> {
        clear(&mut self.session)
    }

    fn recover(&mut self) -> Result<Vec<String>> {
        recover(&self.target, self.version, self.lock_wait)
    }

    fn replacer(&mut self, options: &ReplaceOptions) -> Result<Box<dyn Replacer>> {
        open_replacer(&self.target, self.version, self.lock_wait, options)
    }
}
