//! A dialect whose databases live in this process, under the whole contract.
//!
//! It is honest: it refuses what a database would refuse (unknown collections, batches of another shape, nulls where none
//! are allowed, duplicate keys, values too long, foreign keys that do not hold, calls out of order), its snapshots do not
//! see later writes, and a group becomes visible all at once or not at all. What it is not: a SQL engine. It evaluates no
//! expression: check constraints, views, triggers and partial indexes are carried as text, a generated column holds the
//! values that it was given, and of defaults only constants are applied.

mod check;
mod content;
mod convert;
mod foreign;
mod load;
mod read;
mod replace;
mod shape;
mod state;
mod syntax;

pub use content::Content;
pub use syntax::MemorySyntax;

use crate::cancel::Cancel;
use crate::capabilities::{Capabilities, Carries, Identifiers};
use crate::contract::{
    Consistency, Database, DatabaseInfo, Dialect, OpenOptions, Purpose, ReplaceOptions, Replacer, Snapshot,
    SnapshotOptions,
};
use crate::error::{Error, ErrorKind, Result};
use crate::exception::Batch;
use crate::model::{CollectionName, Schema};
use crate::syntax::Syntax;
use crate::url::{DatabaseUrl, Location};
use load::Load;
use state::{State, Table};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The in-memory dialect: `memory:NAME`. Clones share their databases; two that were made apart share nothing.
#[derive(Clone, Debug)]
pub struct MemoryDialect {
    databases: Arc<Mutex<BTreeMap<String, Stored>>>,
    capabilities: Capabilities,
}

/// One database and what surrounds it.
#[derive(Debug, Default)]
struct Stored {
    state: Arc<State>,
    /// Counts the changes.
    version: u64,
    /// Whether a replacer holds the database's one write lock.
    writing: bool,
    /// What [`Database::query_names`] answers, by the query's text.
    queries: BTreeMap<String, Vec<String>>,
}

impl Default for MemoryDialect {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryDialect {
    /// No databases, and every ability.
    pub fn new() -> Self {
        let capabilities = Capabilities {
            shared_snapshot: true,
            parallel_write: true,
            creates_database: true,
            transactional_ddl: true,
            comments: true,
            namespaces: true,
            default_namespace: "main",
            adds_foreign_keys: true,
            unsigned_integers: true,
            exact_decimals: true,
            columnless_tables: true,
            identifiers: Identifiers::ANY,
            carries: Carries::EVERYTHING,
        };
        Self { databases: Arc::default(), capabilities }
    }

    /// The same databases with other abilities. Kept to are `shared_snapshot`, `parallel_write` and `creates_database`;
    /// the others are only told.
    #[must_use]
    pub fn with_capabilities(&self, change: impl FnOnce(&mut Capabilities)) -> Self {
        let mut changed = self.clone();
        change(&mut changed.capabilities);
        changed
    }

    /// The URL of the database of that name.
    pub fn url(&self, name: &str) -> DatabaseUrl {
        // A scheme and a colon are all that a file URL needs.
        #[allow(clippy::expect_used)]
        DatabaseUrl::parse(&format!("memory:{name}")).expect("a file URL")
    }

    /// Puts a database there, in the place of the one of that name if there is one. Rows are checked as a restore's rows
    /// are, except that foreign keys need not hold.
    ///
    /// # Errors
    /// [`ErrorKind::Database`] when rows break the schema or belong to no collection of it.
    pub fn insert(&self, name: &str, schema: &Schema, rows: &[(CollectionName, Vec<Batch>)]) -> Result<()> {
        let mut loads = BTreeMap::new();
        for collection in &schema.collections {
            let load = Load::new(collection.clone(), Table::empty(collection.clone()), false)?;
            if loads.insert(collection.name.clone(), load).is_some() {
                return Err(check::refused("the collection is there twice", collection));
            }
        }
        for (collection, batches) in rows {
            let load = loads.get_mut(collection).ok_or_else(|| state::no_such_collection(collection))?;
            for batch in batches {
                load.write(batch)?;
            }
        }
        let tables = loads.into_iter().map(|(name, load)| (name, Arc::new(load.finish()))).collect();
        let state = State {
            tables,
            objects: schema.objects.clone(),
            attributes: schema.attributes.clone(),
            not_carried: schema.not_carried.clone(),
        };
        let mut databases = self.lock();
        let stored = databases.entry(name.to_owned()).or_default();
        stored.state = Arc::new(state);
        stored.version += 1;
        Ok(())
    }

    /// Sets what [`Database::query_names`] answers for one query of a database that exists.
    pub fn answer(&self, name: &str, sql: &str, names: &[&str]) {
        if let Some(stored) = self.lock().get_mut(name) {
            stored.queries.insert(sql.to_owned(), names.iter().map(|name| (*name).to_owned()).collect());
        }
    }

    /// Everything that the database of that name holds, to compare and to print; `None` when it does not exist.
    pub fn content(&self, name: &str) -> Option<Content> {
        self.state(name).map(|state| Content::of(&state))
    }

    /// The rows of one collection as they are stored; `None` when there is no such database or collection.
    pub fn batches(&self, name: &str, collection: &CollectionName) -> Option<Vec<Batch>> {
        self.state(name)?.tables.get(collection).map(|table| table.batches.clone())
    }

    /// The names of the databases that exist.
    pub fn names(&self) -> Vec<String> {
        self.lock().keys().cloned().collect()
    }

    /// Removes a database; open snapshots keep what they see.
    pub fn remove(&self, name: &str) {
        self.lock().remove(name);
    }

    fn state(&self, name: &str) -> Option<Arc<State>> {
        self.lock().get(name).map(|stored| stored.state.clone())
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Stored>> {
        // Every change under this lock is one assignment, so a panic elsewhere leaves nothing half done.
        self.databases.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Dialect for MemoryDialect {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn schemes(&self) -> &'static [&'static str] {
        &["memory"]
    }

    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    fn syntax(&self) -> &dyn Syntax {
        &MemorySyntax
    }

    fn open(&self, url: &DatabaseUrl, options: &OpenOptions) -> Result<Box<dyn Database>> {
        options.cancel.check()?;
        let name = match url.location() {
            Location::File(name) if url.scheme() == "memory" && !name.is_empty() => name.clone(),
            _ => return Err(Error::new(ErrorKind::Usage, "the URL of an in-memory database is memory:NAME")),
        };
        let may_be_missing = options.purpose != Purpose::Read && self.capabilities.creates_database;
        if !may_be_missing && self.state(&name).is_none() {
            return Err(gone(&name));
        }
        let info = DatabaseInfo {
            dialect: self.name().into(),
            product: "dbferry in-memory database".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            database: name,
            encoding: "UTF-8".into(),
            time_zone: None,
        };
        Ok(Box::new(MemoryDatabase {
            dialect: self.clone(),
            info,
            purpose: options.purpose,
            cancel: options.cancel.clone(),
        }))
    }
}

struct MemoryDatabase {
    dialect: MemoryDialect,
    info: DatabaseInfo,
    purpose: Purpose,
    cancel: Cancel,
}

impl MemoryDatabase {
    /// The state and its version; empty where the database need not exist.
    fn current(&self) -> Result<(Arc<State>, u64)> {
        self.cancel.check()?;
        match self.dialect.lock().get(&self.info.database) {
            Some(stored) => Ok((stored.state.clone(), stored.version)),
            None if self.purpose == Purpose::Read => Err(gone(&self.info.database)),
            None => Ok((Arc::default(), 0)),
        }
    }
}

impl Database for MemoryDatabase {
    fn info(&self) -> &DatabaseInfo {
        &self.info
    }

    fn capabilities(&self) -> Capabilities {
        self.dialect.capabilities
    }

    fn introspect(&mut self) -> Result<Schema> {
        Ok(self.current()?.0.schema())
    }

    fn query_names(&mut self, sql: &str) -> Result<Vec<String>> {
        self.cancel.check()?;
        let databases = self.dialect.lock();
        databases.get(&self.info.database).and_then(|stored| stored.queries.get(sql)).cloned().ok_or_else(|| {
            Error::new(ErrorKind::Database, "the in-memory database knows no answer to this query")
                .with("dialect", "memory")
                .with("query", sql)
        })
    }

    fn snapshot(&mut self, options: &SnapshotOptions) -> Result<Box<dyn Snapshot>> {
        let (state, version) = self.current()?;
        let readers = if self.dialect.capabilities.shared_snapshot { options.readers.max(1) } else { 1 };
        let consistency = Consistency {
            method: "one copy for all readers".into(),
            readers,
            proven: true,
            position: BTreeMap::from([("version".into(), version.to_string())]),
        };
        Ok(Box::new(read::MemorySnapshot::new(state, consistency, self.cancel.clone())))
    }

    fn replacer(&mut self, options: &ReplaceOptions) -> Result<Box<dyn Replacer>> {
        self.cancel.check()?;
        if self.purpose != Purpose::Write {
            return Err(Error::new(ErrorKind::Permission, "the database was not opened for writing")
                .with("dialect", "memory")
                .with("database", &self.info.database));
        }
        let name = self.info.database.clone();
        Ok(Box::new(replace::MemoryReplacer::new(self.dialect.clone(), name, options, self.cancel.clone())))
    }
}

fn gone(name: &str) -> Error {
    Error::new(ErrorKind::Connect, "there is no such in-memory database").with("database", name)
}

#[cfg(test)]
mod tests;
