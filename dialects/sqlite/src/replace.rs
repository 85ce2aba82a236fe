//! Writing: groups of archived collections in the place of what a SQLite database holds.
//!
//! **A database that does not exist** is built beside its place, without a journal, and shown when it is whole
//! ([`partial`]). Until then a failure costs nothing but the partial file, so any failure ends the whole restore.
//!
//! **A database that exists** is changed in its own journal mode, one transaction a group; a process that dies leaves the
//! journal, and SQLite's recovery rolls the group back. The lock is exclusive from the start: a reader that stays would
//! otherwise be noticed after the load only, and keep SQLite from writing out its page cache meanwhile.
//!
//! | action | what happens |
//! |---|---|
//! | create | the source's own `CREATE TABLE`, or one built from the model; rows; indexes |
//! | replace | indexes dropped, `DELETE` without a condition, rows, the target's own indexes built again from their text |
//! | recreate | the table dropped with its indexes and triggers, then as create |
//! | append | rows added, indexes kept; implicit row numbers are given anew |
//! | create-empty | as create, without rows and without a counter |
//! | keep | nothing |
//!
//! `PRAGMA quick_check` is not run at the end: on a warm file it takes as long as reading all rows once (measured: about 1.1 s
//! a GB), and the engine reads all rows of a loaded group anyway to compare their hashes.
//!
//! Triggers never fire: they are switched off for this connection, so those of the target need not be dropped. Rows come
//! in key order with their own row numbers. Values are bound as [`crate::bind`] says.

mod build;
mod catalog;
mod complete;
mod failure;
mod foreign_keys;
mod group;
mod known_keys;
mod load;
mod malformed;
mod orphans;
mod partial;
mod session;
mod statistics;

pub(crate) use session::Shared;

use crate::read::SqliteReader;
use dbferry_dialect::model::NativeObject;
use dbferry_dialect::{
    Cancel, Chunk, Collection, Error, ErrorKind, ForeignKeyPolicy, GroupPlan, Readable, Reader, ReplaceOptions,
    Replacer, Result, Syntax, Writer,
};
use failure::failed;
use group::Group;
use load::SqliteWriter;
use malformed::MalformedTexts;
use partial::Partial;
use rusqlite::Connection;
use session::{Task, lock};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Opens the database at `path` for a restore; `exists` says whether it is there.
///
/// # Errors
/// [`ErrorKind::ArchiveLocked`] when it should not be there and is; [`ErrorKind::Permission`] when it cannot be written.
pub(crate) fn open_replacer(
    path: &Path,
    exists: bool,
    options: &ReplaceOptions,
    lock_wait: Duration,
    cancel: &Cancel,
    syntax: &'static dyn Syntax,
) -> Result<Box<dyn Replacer>> {
    // An absolute path never looks like an option or a URI to SQLite.
    let path =
        std::path::absolute(path).map_err(|error| Error::io(format!("cannot open {}", path.display()), error))?;
    let (connection, partial, warnings) = if exists {
        (session::open_existing(&path, lock_wait, cancel)?, None, Vec::new())
    } else {
        let partial = Partial::create(&path)?;
        let (connection, warnings) = session::open_new(partial.path(), lock_wait, cancel, &options.attributes)?;
        (connection, Some(partial), warnings)
    };
    Ok(Box::new(SqliteReplacer {
        pages_stay: session::pages_stay(&connection)?,
        shared: Arc::new(Mutex::new(connection)),
        partial,
        attributes: options.attributes.clone(),
        policy: options.foreign_keys,
        // The writer itself is one of the threads.
        sort: Task::Sort { helpers: options.writers.saturating_sub(1) },
        cancel: cancel.clone(),
        syntax,
        broken: Arc::new(AtomicBool::new(false)),
        group: None,
        warnings,
    }))
}

struct SqliteReplacer {
    shared: Shared,
    /// The file under construction; none where the database existed.
    partial: Option<Partial>,
    /// Whether a table that is written stays where it is in the file.
    pages_stay: bool,
    attributes: BTreeMap<String, String>,
    policy: ForeignKeyPolicy,
    /// How indexes are built and keys compared.
    sort: Task,
    cancel: Cancel,
    syntax: &'static dyn Syntax,
    /// Raised by the first failure: nothing is committed after it.
    broken: Arc<AtomicBool>,
    group: Option<Group>,
    /// What the user should know at the end.
    warnings: Vec<String>,
}

impl SqliteReplacer {
    /// Does a step; a failure in it breaks the replacer for good and gives up the locks.
    fn step<T>(&mut self, step: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.broken.load(Ordering::Relaxed) {
            return Err(Error::new(ErrorKind::Internal, "the restore failed before; nothing more can be done with it"));
        }
        step(self).inspect_err(|_| {
            self.broken.store(true, Ordering::Relaxed);
            self.roll_back();
        })
    }

    /// Rolls back what is not committed. Without a journal there is nothing to roll back to: the partial file goes away.
    fn roll_back(&mut self) {
        self.group = None;
        if self.partial.is_none() {
            let mut connection = lock(&self.shared);
            // A raised cancel flag must not interrupt this; and closing the connection would do the same.
            let _ = connection.progress_handler(0, None::<fn() -> bool>);
            if !connection.is_autocommit() {
                let _ = connection.execute_batch("ROLLBACK");
            }
        }
    }

    fn group(&mut self) -> Result<&mut Group> {
        self.group.as_mut().ok_or_else(|| Error::new(ErrorKind::Internal, "no group is being replaced"))
    }

    fn execute(&self, sql: &str) -> Result<()> {
        lock(&self.shared).execute_batch(sql).map_err(|error| failed(format!("cannot {}", sql.to_lowercase()), error))
    }

    fn begin_group(&mut self, plan: GroupPlan) -> Result<Group> {
        if self.group.is_some() {
            return Err(Error::new(ErrorKind::Internal, "the group before was not committed"));
        }
        let connection = lock(&self.shared);
        begin(&connection).map_err(|error| error.with("group", &plan.group))?;
        session::prepare(&connection, self.sort)?;
        let malformed = self.malformed_texts(&connection)?;
        let group = Group::begin(&connection, self.syntax, plan, malformed, &self.broken, &self.cancel)?;
        session::prepare(&connection, Task::Load)?;
        Ok(group)
    }

    fn malformed_texts(&self, connection: &Connection) -> Result<MalformedTexts> {
        let target: String = connection
            .query_row("PRAGMA main.encoding", [], |row| row.get(0))
            .map_err(|error| failed("cannot read the text encoding", error))?;
        Ok(MalformedTexts::new(self.attributes.get("encoding").map(String::as_str), &target))
    }

    fn finish_all(mut self, objects: &[NativeObject]) -> Result<Vec<String>> {
        if self.group.is_some() {
            return Err(Error::new(ErrorKind::Internal, "the last group was not committed"));
        }
        let mut warnings = std::mem::take(&mut self.warnings);
        if !objects.is_empty() {
            self.execute("BEGIN IMMEDIATE")?;
            complete::create_objects(&lock(&self.shared), objects, &mut warnings)?;
            self.execute("COMMIT")?;
        }
        if let Some(partial) = self.partial.take() {
            self.cancel.check()?;
            let placeholder =
                Connection::open_in_memory().map_err(|error| failed("cannot close the database", error))?;
            let connection = std::mem::replace(&mut *lock(&self.shared), placeholder);
            session::seal(&connection, &self.attributes)?;
            connection.close().map_err(|(_, error)| failed("cannot close the database", error))?;
            partial.publish()?;
        }
        Ok(warnings)
    }
}

/// Begins a transaction. Its lock is exclusive, so nothing is waited for in the middle of it.
fn begin(connection: &Connection) -> Result<()> {
    connection.execute_batch("BEGIN EXCLUSIVE").map_err(|error| failed("cannot lock the database", error))
}

impl Replacer for SqliteReplacer {
    fn begin(&mut self, plan: GroupPlan) -> Result<()> {
        self.step(|replacer| {
            replacer.group = Some(replacer.begin_group(plan)?);
            Ok(())
        })
    }

    fn writers(&mut self) -> Result<Vec<Box<dyn Writer>>> {
        self.step(|replacer| {
            let shared = Arc::clone(&replacer.shared);
            let loads = Arc::clone(&replacer.group()?.loads);
            Ok(vec![Box::new(SqliteWriter::new(shared, loads)) as Box<dyn Writer>])
        })
    }

    fn complete(&mut self) -> Result<Vec<String>> {
        self.step(|replacer| {
            let shared = Arc::clone(&replacer.shared);
            let (syntax, policy, cancel) = (replacer.syntax, replacer.policy, replacer.cancel.clone());
            if let Some(partial) = &mut replacer.partial {
                partial.flush_early();
            }
            session::prepare(&lock(&shared), replacer.sort)?;
            replacer.group()?.complete(&lock(&shared), syntax, policy, &cancel)
        })
    }

    /// One under construction is seen by nobody, so that what is written of a group is committed inside it whenever somebody
    /// wants to read.
    fn readable(&self) -> Readable {
        if self.partial.is_some() && self.pages_stay { Readable::WhileLoading } else { Readable::AfterCompleting }
    }

    /// A database that exists gives one reader: only this connection sees the uncommitted group. One under construction may be
    /// read by any number of connections.
    fn readers(&mut self, count: usize) -> Result<Vec<Box<dyn Reader>>> {
        self.step(|replacer| {
            let Some(partial) = &replacer.partial else {
                return Ok(vec![Box::new(SqliteReader::shared(Arc::clone(&replacer.shared))) as Box<dyn Reader>]);
            };
            let connection = lock(&replacer.shared);
            connection.execute_batch("COMMIT").map_err(|error| failed("cannot commit", error))?;
            let open = |_| {
                let connection = session::open_reader(partial.path())?;
                Ok(Box::new(SqliteReader::shared(Arc::new(Mutex::new(connection)))) as Box<dyn Reader>)
            };
            let readers = (0..count.max(1)).map(open).collect();
            begin(&connection)?;
            readers
        })
    }

    fn chunks(&mut self, collection: &Collection, target_bytes: u64) -> Result<Vec<Chunk>> {
        self.step(|replacer| crate::snapshot::chunks(&lock(&replacer.shared), collection, target_bytes))
    }

    fn commit(&mut self) -> Result<()> {
        self.step(|replacer| {
            replacer.cancel.check()?;
            replacer.group()?;
            replacer.execute("COMMIT")?;
            replacer.group = None;
            Ok(())
        })
    }

    fn finish(mut self: Box<Self>, objects: &[NativeObject]) -> Result<Vec<String>> {
        self.step(|_| Ok(()))?;
        self.finish_all(objects)
    }
}

impl Drop for SqliteReplacer {
    fn drop(&mut self) {
        self.roll_back();
    }
}

#[cfg(test)]
mod tests;
