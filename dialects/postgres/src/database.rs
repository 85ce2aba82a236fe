//! One open database.

use crate::clear::{clear, is_empty};
use crate::connect::Target;
use crate::introspect::introspect;
use crate::replace::open_replacer;
use crate::session::Session;
use crate::snapshot::PostgresSnapshot;
use dbferry_dialect::{
    Capabilities, Database, DatabaseInfo, DatabaseUrl, OpenOptions, ReplaceOptions, Replacer, Result, Schema, Snapshot,
    SnapshotOptions,
};
use std::time::Duration;

/// How long other people's locks are waited for, unless told.
const LOCK_WAIT: Duration = Duration::from_secs(5);

/// A database on a server, with one session of its own; snapshots and replacers open theirs.
#[derive(Debug)]
pub(crate) struct PostgresDatabase {
    target: Target,
    session: Session,
    info: DatabaseInfo,
    lock_wait: Duration,
}

impl PostgresDatabase {
    /// Connects.
    ///
    /// # Errors
    /// Those of [`Target::resolve`] and [`Target::connect`].
    pub(crate) fn open(url: &DatabaseUrl, options: &OpenOptions) -> Result<Self> {
        let target = Target::resolve(url, options)?;
        let mut session = target.connect()?;
        let rows = session.query(
            "the server does not say what it is",
            "SELECT current_setting('server_version'), current_database()::text, \
             pg_catalog.pg_encoding_to_char(encoding)::text FROM pg_catalog.pg_database \
             WHERE datname = current_database()",
            &[],
        )?;
        let text = |column: usize| rows.first().map(|row| row.get::<_, String>(column)).unwrap_or_default();
        let info = DatabaseInfo {
            dialect: crate::NAME.to_owned(),
            product: "PostgreSQL".to_owned(),
            version: text(0),
            database: text(1),
            encoding: text(2),
            time_zone: Some("UTC".to_owned()),
        };
        let lock_wait = options.lock_wait.unwrap_or(LOCK_WAIT);
        Ok(Self { target, session, info, lock_wait })
    }
}

impl Database for PostgresDatabase {
    fn info(&self) -> &DatabaseInfo {
        &self.info
    }

    fn capabilities(&self) -> Capabilities {
        crate::capabilities()
    }

    fn introspect(&mut self) -> Result<Schema> {
        introspect(&mut self.session)
    }

    fn query_names(&mut self, sql: &str) -> Result<Vec<String>> {
        let rows = self.session.query("a group rule's query failed", sql, &[])?;
        Ok(rows.iter().filter_map(|row| row.try_get::<_, Option<String>>(0).ok().flatten()).collect())
    }

    fn snapshot(&mut self, options: &SnapshotOptions) -> Result<Box<dyn Snapshot>> {
        Ok(Box::new(PostgresSnapshot::take(&self.target, self.lock_wait, options)?))
    }

    fn is_empty(&mut self) -> Result<bool> {
        is_empty(&mut self.session)
    }

    fn clear(&mut self) -> Result<()> {
        clear(&mut self.session)
    }

    fn replacer(&mut self, options: &ReplaceOptions) -> Result<Box<dyn Replacer>> {
        open_replacer(&self.target, self.lock_wait, options)
    }
}
