//! One open database file.

use crate::clear::clear;
use crate::connect::{Mode, Place};
use crate::error::database_error;
use crate::guard::check_query;
use crate::introspect::{Sampling, introspect};
use crate::replace::open_replacer;
use crate::snapshot::SqliteSnapshot;
use crate::syntax::SqliteSyntax;
use dbferry_dialect::{
    Capabilities, Database, DatabaseInfo, DatabaseUrl, Error, ErrorKind, Location, OpenOptions, Purpose,
    ReplaceOptions, Replacer, Result, Schema, Snapshot, SnapshotOptions,
};
use rusqlite::Connection;
use rusqlite::types::ValueRef;

/// A database file that exists, or will once something is restored into it.
pub(crate) struct SqliteDatabase {
    place: Place,
    purpose: Purpose,
    info: DatabaseInfo,
    /// Opened when it is first needed: a file that does not exist has none, and neither has one that is being replaced.
    session: Option<(Connection, Mode)>,
}

impl SqliteDatabase {
    /// Opens the file that `url` names.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] when the URL names no file, [`ErrorKind::Connect`] when there is no database for the purpose.
    pub(crate) fn open(url: &DatabaseUrl, options: &OpenOptions) -> Result<Self> {
        let Location::File(path) = url.location() else {
            return Err(Error::new(ErrorKind::Usage, "a SQLite URL names a file, not a server")
                .with("dialect", crate::NAME)
                .hint("write sqlite:path/to/file.db"));
        };
        let place = Place::new(path, options)?;
        let name = place.path().file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let info = DatabaseInfo {
            dialect: crate::NAME.to_owned(),
            product: "SQLite".to_owned(),
            version: rusqlite::version().to_owned(),
            database: name,
            encoding: "UTF-8".to_owned(),
            time_zone: None,
        };
        let mut database = Self { place, purpose: options.purpose, info, session: None };
        if let Some((session, _)) = database.session()? {
            let encoding = session.query_row("PRAGMA main.encoding", [], |row| row.get(0));
            database.info.encoding =
                encoding.map_err(|error| database_error("the text encoding cannot be read", error))?;
        }
        Ok(database)
    }

    /// The session, if the file exists.
    fn session(&mut self) -> Result<Option<&(Connection, Mode)>> {
        if self.session.is_none() && self.place.exists(self.purpose)? {
            self.session = Some(self.place.connect()?);
        }
        Ok(self.session.as_ref())
    }
}

impl Database for SqliteDatabase {
    fn info(&self) -> &DatabaseInfo {
        &self.info
    }

    fn capabilities(&self) -> Capabilities {
        crate::capabilities()
    }

    /// Types are what the declarations ask for; [`Snapshot::schema`] looks at values too.
    fn introspect(&mut self) -> Result<Schema> {
        match self.session()? {
            Some((session, mode)) => {
                // One transaction: SQLite then takes its lock once, and not anew for each of several queries a table.
                let transaction = session
                    .unchecked_transaction()
                    .map_err(|error| database_error("the catalogue cannot be read", error))?;
                introspect(&transaction, *mode, Sampling::None)
            }
            None => Ok(Schema::default()),
        }
    }

    fn query_names(&mut self, sql: &str) -> Result<Vec<String>> {
        let Some((session, _)) = self.session()? else { return Ok(Vec::new()) };
        check_query(session, sql)?;
        query_names(session, sql).map_err(|error| database_error("the query cannot be run", error).with("query", sql))
    }

    fn snapshot(&mut self, options: &SnapshotOptions) -> Result<Box<dyn Snapshot>> {
        if !self.place.exists(Purpose::Read)? {
            return Err(Error::new(ErrorKind::Connect, "no such file").with("file", self.place.path().display()));
        }
        Ok(Box::new(SqliteSnapshot::take(&self.place, Mode::ReadWrite, options)?))
    }

    fn clear(&mut self) -> Result<()> {
        // A connection of ours would hold locks.
        self.session = None;
        if !self.place.exists(self.purpose)? {
            return Ok(());
        }
        clear(self.place.path(), self.place.lock_wait())
    }

    fn replacer(&mut self, options: &ReplaceOptions) -> Result<Box<dyn Replacer>> {
        // A connection of ours would be in the way of a change of the journal mode.
        self.session = None;
        let exists = self.place.exists(self.purpose)?;
        let (lock_wait, cancel) = (self.place.lock_wait(), self.place.cancel());
        open_replacer(self.place.path(), exists, options, lock_wait, cancel, &SqliteSyntax)
    }
}

fn query_names(session: &Connection, sql: &str) -> rusqlite::Result<Vec<String>> {
    let mut statement = session.prepare(sql)?;
    let mut rows = statement.query([])?;
    let mut names = Vec::new();
    while let Some(row) = rows.next()? {
        names.extend(match row.get_ref(0)? {
            ValueRef::Null => None,
            ValueRef::Integer(value) => Some(value.to_string()),
            ValueRef::Real(value) => Some(value.to_string()),
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        });
    }
    Ok(names)
}
