//! One view of the database for several sessions.
//!
//! A snapshot protects rows, not tables: `TRUNCATE` and a rewriting `ALTER TABLE` of somebody else take effect at once,
//! and a table that they emptied then reads as empty, without an error. So tables are locked first, in the mode that every
//! reader takes, and the snapshot is taken after that:
//!
//! 1. The first session lists the tables, begins a transaction, locks them ([`locks`]), and only then asks something: that
//!    fixes its snapshot. What it sees is compared with the list; when a table came or changed in between, it begins anew.
//! 2. It exports the snapshot. Every reader imports it, and takes the same locks: a reader that had to ask for one later
//!    would wait behind somebody who waits for the first session.
//! 3. Every session says which transactions it sees; the texts must be equal. That is the proof.
//! 4. In the end the files of the tables that were read must be those of the beginning: this shows a change of a table that
//!    could not be locked.
//!
//! The first session answers questions about the catalogue and divides tables; it sees what the readers see.

mod locks;
#[cfg(test)]
mod tests;

use crate::connect::Target;
use crate::introspect::introspect_with;
use crate::read::{PostgresReader, RelationName};
use crate::session::Session;
use crate::syntax::PostgresSyntax;
use crate::types::TypeCatalogue;
use dbferry_dialect::{
    Chunk, Collection, CollectionName, Consistency, Error, ErrorKind, Reader, Result, Schema, Snapshot,
    SnapshotOptions, Syntax,
};
use locks::{Extent, Tables};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Between two attempts when somebody changed or held a table.
const PAUSE: Duration = Duration::from_millis(20);
const TAKING: &str = "a snapshot cannot be taken";
const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// An exported snapshot and the sessions that imported it.
pub(crate) struct PostgresSnapshot {
    consistency: Consistency,
    leader: Arc<Mutex<Session>>,
    types: Arc<TypeCatalogue>,
    readers: Vec<Box<dyn Reader>>,
    tables: Tables,
    /// The collections that somebody wants to read.
    wanted: BTreeSet<CollectionName>,
}

/// How the sessions share their view.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Method {
    /// The first one's snapshot is exported.
    Export,
    /// The first session reads alone.
    OneSession,
    /// Each has its own.
    Separate,
}

impl PostgresSnapshot {
    /// Takes a snapshot; `lock_wait` is how long other people's locks and changes are waited for.
    ///
    /// # Errors
    /// [`ErrorKind::Busy`] when they take longer.
    pub(crate) fn take(target: &Target, lock_wait: Duration, options: &SnapshotOptions) -> Result<Self> {
        let mut leader = target.connect()?;
        let mut readers = connect_readers(target, options.readers)?;
        let deadline = Instant::now() + lock_wait;
        let mut method = Method::Export;
        loop {
            let last = Instant::now() >= deadline;
            match attempt(&mut leader, &mut readers, method, lock_wait, last) {
                Ok(Some(taken)) => return Self::finish_taking(leader, readers, taken),
                Ok(None) => {}
                Err(error) if error.kind() == ErrorKind::Busy && !last => {}
                // Servers that are only similar, and some replicas, cannot export a snapshot.
                Err(error) if error.kind() == ErrorKind::Unsupported && method == Method::Export => {
                    method = if options.consistent { Method::OneSession } else { Method::Separate };
                    readers.truncate(if options.consistent { 0 } else { readers.len() });
                }
                Err(error) => return Err(error),
            }
            for session in readers.iter_mut().chain([&mut leader]) {
                session.run(TAKING, "ROLLBACK")?;
            }
            leader.cancel().check()?;
            std::thread::sleep(PAUSE);
        }
    }

    fn finish_taking(mut leader: Session, readers: Vec<Session>, taken: Taken) -> Result<Self> {
        let types = Arc::new(TypeCatalogue::load(&mut leader)?);
        let leader = Arc::new(Mutex::new(leader));
        let mut consistency = taken.consistency;
        let mut boxed: Vec<Box<dyn Reader>> = Vec::new();
        for session in readers {
            boxed.push(Box::new(PostgresReader::new(session, Arc::clone(&types))));
        }
        if boxed.is_empty() {
            let relation: RelationName = Box::new(|name: &CollectionName| PostgresSyntax.qualified(name));
            boxed.push(Box::new(PostgresReader::shared(Arc::clone(&leader), Arc::clone(&types), relation)));
        }
        consistency.readers = boxed.len();
        Ok(Self { consistency, leader, types, readers: boxed, tables: taken.tables, wanted: BTreeSet::new() })
    }

    fn leader(&self) -> MutexGuard<'_, Session> {
        // A session that a panicking thread held may be in the middle of anything; the server then says so.
        self.leader.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Snapshot for PostgresSnapshot {
    fn consistency(&self) -> &Consistency {
        &self.consistency
    }

    fn schema(&mut self) -> Result<Schema> {
        introspect_with(&mut self.leader(), &self.types)
    }

    /// Chunks are in the order of storage, which is that of no key.
    fn chunks(&mut self, collection: &Collection, target_bytes: u64) -> Result<Vec<Chunk>> {
        self.wanted.insert(collection.name.clone());
        crate::chunk::chunks(&mut self.leader(), collection, &PostgresSyntax.qualified(&collection.name), target_bytes)
            .map_err(|error| error.with("collection", &collection.name))
    }

    fn readers(&mut self) -> Vec<Box<dyn Reader>> {
        std::mem::take(&mut self.readers)
    }

    fn finish(self: Box<Self>) -> Result<()> {
        self.tables.check_unchanged(&mut self.leader(), &self.wanted)
    }
}

/// As many sessions as the server has room for, one at least.
fn connect_readers(target: &Target, count: usize) -> Result<Vec<Session>> {
    let mut readers = vec![target.connect()?];
    while readers.len() < count {
        match target.connect() {
            Ok(session) => readers.push(session),
            Err(error) if no_room(&error) => break,
            Err(error) => return Err(error),
        }
    }
    Ok(readers)
}

/// SQLSTATE `too_many_connections`.
fn no_room(error: &Error) -> bool {
    error.context().any(|(key, value)| key == "sqlstate" && value == "53300")
}

/// What an attempt gained.
struct Taken {
    consistency: Consistency,
    tables: Tables,
}

/// Begins on all sessions; nothing when the catalogue changed under way. On the last attempt a table that appeared is no
/// reason to begin anew: it was not there to be locked, and [`Tables::check_unchanged`] looks at it in the end.
fn attempt(
    leader: &mut Session,
    readers: &mut [Session],
    method: Method,
    lock_wait: Duration,
    last: bool,
) -> Result<Option<Taken>> {
    let before = Tables::list(leader)?;
    let extent = Extent::of(leader, before.lockable().count(), readers.len())?;
    leader.run(TAKING, BEGIN)?;
    if extent != Extent::None {
        before.lock(leader, lock_wait)?;
    }
    let tables = Tables::list(leader)?;
    if !(tables == before || (last && before.is_part_of(&tables))) {
        return if last { Err(changing()) } else { Ok(None) };
    }
    let mut position = position(leader)?;
    position.insert("locks".to_owned(), extent.as_str().to_owned());
    let view = visible(leader)?;
    let import = match method {
        Method::Export => {
            let name = export(leader)?;
            let import = format!("SET TRANSACTION SNAPSHOT {}", PostgresSyntax.quote_text(&name));
            position.insert("snapshot".to_owned(), name);
            Some(import)
        }
        _ => None,
    };
    let mut proven = method != Method::Separate;
    for reader in readers.iter_mut() {
        reader.run(TAKING, BEGIN)?;
        if let Some(import) = &import {
            reader.run(TAKING, import).map_err(unsupported)?;
        }
        if extent == Extent::All {
            before.lock(reader, lock_wait)?;
        }
        let same = visible(reader)? == view;
        if !same && method == Method::Export {
            return Err(Error::new(ErrorKind::Unsupported, "a session sees another snapshot than the one it imported")
                .with("dialect", crate::NAME));
        }
        proven &= same;
    }
    position.insert("visible_transactions".to_owned(), view);
    let method = match method {
        Method::Export => "export-snapshot",
        Method::OneSession => "one session",
        Method::Separate => "readers one after the other",
    };
    let consistency = Consistency { method: method.to_owned(), readers: readers.len(), proven, position };
    Ok(Some(Taken { consistency, tables }))
}

fn changing() -> Error {
    Error::new(ErrorKind::Busy, "tables are changed all the time, so no moment was found to begin")
        .with("dialect", crate::NAME)
        .hint("try again when no schema changes are going on, or wait longer for locks")
}

fn export(leader: &mut Session) -> Result<String> {
    let rows = leader.query(TAKING, "SELECT pg_catalog.pg_export_snapshot()", &[]).map_err(unsupported)?;
    let name = rows.first().and_then(|row| row.try_get(0).ok());
    name.ok_or_else(|| {
        Error::new(ErrorKind::Unsupported, "the server exported no snapshot").with("dialect", crate::NAME)
    })
}

/// A server that refuses is not broken: another way is tried.
fn unsupported(error: Error) -> Error {
    match error.kind() {
        ErrorKind::Database | ErrorKind::Permission => {
            Error::new(ErrorKind::Unsupported, "the server does not share snapshots").caused_by(error)
        }
        _ => error,
    }
}

/// Which transactions the session's snapshot sees, in the server's own text.
fn visible(session: &mut Session) -> Result<String> {
    // The newer name, pg_current_snapshot, is not there before PostgreSQL 13.
    let rows = session.query(TAKING, "SELECT pg_catalog.txid_current_snapshot()::text", &[])?;
    rows.first()
        .map(|row| row.try_get(0))
        .transpose()
        .map_err(|error| crate::error::database_error(TAKING, &error))?
        .ok_or_else(|| Error::new(ErrorKind::Database, TAKING).with("dialect", crate::NAME))
}

/// Where the source stands: a function that this user may not call leaves its fact out.
fn position(session: &mut Session) -> Result<BTreeMap<String, String>> {
    const FACTS: [(&str, &str, &str); 5] = [
        (
            "system_identifier",
            "pg_control_system()",
            "(SELECT system_identifier::text FROM pg_catalog.pg_control_system())",
        ),
        ("timeline", "pg_control_checkpoint()", "(SELECT timeline_id::text FROM pg_catalog.pg_control_checkpoint())"),
        ("wal_lsn", "pg_current_wal_lsn()", "pg_catalog.pg_current_wal_lsn()::text"),
        ("wal_replay_lsn", "pg_last_wal_replay_lsn()", "pg_catalog.pg_last_wal_replay_lsn()::text"),
        ("time_zone", "now()", "pg_catalog.current_setting('TimeZone')"),
    ];
    let checks: Vec<String> = FACTS
        .iter()
        .map(|(_, function, _)| format!("pg_catalog.has_function_privilege('pg_catalog.{function}', 'EXECUTE')"))
        .collect();
    let sql = format!("SELECT pg_catalog.pg_is_in_recovery(), {}", checks.join(", "));
    let rows = session.query(TAKING, &sql, &[])?;
    let flag = |column: usize| rows.first().is_some_and(|row| row.try_get(column).unwrap_or(false));
    let standby = flag(0);
    let mut position = BTreeMap::new();
    for (column, (name, _, expression)) in FACTS.iter().enumerate() {
        // A standby does not write a log, and a primary replays none.
        let elsewhere = (*name == "wal_lsn" && standby) || (*name == "wal_replay_lsn" && !standby);
        if elsewhere || !flag(column + 1) {
            continue;
        }
        let rows = session.query(TAKING, &format!("SELECT {expression}"), &[])?;
        if let Some(Some(value)) = rows.first().map(|row| row.try_get::<_, Option<String>>(0).unwrap_or_default()) {
            position.insert((*name).to_owned(), value);
        }
    }
    Ok(position)
}
