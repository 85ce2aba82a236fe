//! One point in time for several connections.
//!
//! SQLite has no exported snapshots in its ordinary build, so the readers must begin while nothing is committed, and that
//! must be shown:
//!
//! 1. **Gate**: one connection takes the write lock (`BEGIN IMMEDIATE`), all readers begin and read once, the lock is given
//!    back. Writers wait for as long as that takes.
//! 2. **Equality**: where the lock cannot be had (no write permission, a writer that holds it), the readers just begin, and
//!    begin anew if something was committed meanwhile.
//! 3. **One session**, when neither succeeds in the time for locks: it is a snapshot by itself.
//!
//! The proof is the same for the first two: a connection that does not write reads `PRAGMA data_version` before the first
//! reader begins, and again inside a transaction of its own that begins last. SQLite documents that two equal values mean
//! that nobody else committed in between. So all of them see the same state.
//!
//! With a rollback journal, writers that are ready to commit wait until the readers are done; in WAL mode they go on, and
//! the log grows until the readers are done.

pub(crate) use crate::chunk::chunks;

use crate::connect::{Mode, Place};
use crate::error::database_error;
use crate::introspect::{Sampling, introspect};
use crate::read::SqliteReader;
use dbferry_dialect::{
    Chunk, Collection, Consistency, Error, ErrorKind, Reader, Result, Schema, Snapshot, SnapshotOptions,
};
use rusqlite::{Connection, ErrorCode};
use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// Between two attempts to begin together.
const PAUSE: Duration = Duration::from_micros(500);

/// A view of the database that all readers share.
pub(crate) struct SqliteSnapshot {
    consistency: Consistency,
    readers: Vec<Box<dyn Reader>>,
    /// The session that asks for the schema and divides collections, in the same state as the readers.
    catalogue: Arc<Mutex<Connection>>,
    mode: Mode,
    /// What the file looked like, where it is read without locks.
    unlocked: Option<(Place, Appearance)>,
    /// Kept to the end, because it can tidy up what reading a database in WAL mode leaves beside it.
    _gate: Connection,
}

impl SqliteSnapshot {
    /// Takes a snapshot of the file in the strongest way that the place and `mode` allow.
    ///
    /// # Errors
    /// [`ErrorKind::Connect`] when it cannot be read, [`ErrorKind::Busy`] when somebody holds it exclusively.
    pub(crate) fn take(place: &Place, mode: Mode, options: &SnapshotOptions) -> Result<Self> {
        let (gate, mode) = place.connect_from(mode)?;
        let unlocked = (mode == Mode::Immutable).then(|| (place.clone(), Appearance::of(place)));
        let sessions = Sessions::open(place, mode, options.readers)?;
        let Begun { method, proven } = begin(place, mode, &gate, &sessions)?;
        sessions.check_same_file(place)?;
        let position = position(place, &sessions.catalogue, mode)
            .map_err(|error| database_error("the database's position cannot be read", error))?;
        let Sessions { readers, catalogue } = sessions;
        let catalogue = Arc::new(Mutex::new(catalogue));
        let mut consistency = Consistency { method: method.to_owned(), readers: readers.len(), proven, position };
        let readers: Vec<Box<dyn Reader>> = if proven || !options.consistent {
            readers.into_iter().map(|session| Box::new(SqliteReader::new(session)) as Box<dyn Reader>).collect()
        } else {
            consistency.method = "one session".to_owned();
            consistency.readers = 1;
            consistency.proven = true;
            vec![Box::new(SqliteReader::shared(Arc::clone(&catalogue)))]
        };
        Ok(Self { consistency, readers, catalogue, mode, unlocked, _gate: gate })
    }

    fn catalogue(&self) -> MutexGuard<'_, Connection> {
        // Nothing here leaves a connection half-way, so one that a panicking thread held can be used.
        self.catalogue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Snapshot for SqliteSnapshot {
    fn consistency(&self) -> &Consistency {
        &self.consistency
    }

    fn schema(&mut self) -> Result<Schema> {
        introspect(&self.catalogue(), self.mode, Sampling::Values)
    }

    fn chunks(&mut self, collection: &Collection, target_bytes: u64) -> Result<Vec<Chunk>> {
        chunks(&self.catalogue(), collection, target_bytes)
    }

    fn readers(&mut self) -> Vec<Box<dyn Reader>> {
        std::mem::take(&mut self.readers)
    }

    /// A transaction of SQLite keeps its view whatever happens to the schema meanwhile, so only a file that is read without
    /// locks has to be looked at again.
    fn finish(self: Box<Self>) -> Result<()> {
        match &self.unlocked {
            Some((place, appearance)) if *appearance != Appearance::of(place) => Err(Error::new(
                ErrorKind::Busy,
                "the file was changed while it was read, and it is in a place where it cannot be locked",
            )
            .with("file", place.path().display())
            .hint("stop what writes to it, or copy it into a directory that can be written")),
            _ => Ok(()),
        }
    }
}

/// How sessions began together.
struct Begun {
    method: &'static str,
    proven: bool,
}

/// Begins a read transaction on all sessions, in one moment if that can be had before the time for locks is over.
///
/// Nothing here waits inside SQLite: a reader that has begun blocks a writer that is ready to commit to a rollback journal,
/// and that writer blocks the next reader, so both would wait for each other. Whoever meets a lock lets go and tries again.
fn begin(place: &Place, mode: Mode, gate: &Connection, sessions: &Sessions) -> Result<Begun> {
    let failed = |error| database_error("a snapshot cannot be taken", error);
    let deadline = Instant::now() + place.lock_wait();
    let behind_gate = mode == Mode::ReadWrite;
    sessions.wait_for_locks(Duration::ZERO).map_err(failed)?;
    if behind_gate {
        // The gate changes nothing, but a session that refuses changes may not take the lock for them.
        gate.execute_batch("PRAGMA query_only = OFF").map_err(failed)?;
        gate.busy_timeout(Duration::ZERO).map_err(failed)?;
    }
    let begun = loop {
        if behind_gate && unless_locked(gate.execute_batch("BEGIN IMMEDIATE")).map_err(failed)?.is_some() {
            let together = sessions.begin();
            gate.execute_batch("ROLLBACK").map_err(failed)?;
            if let Some(true) = unless_locked(together).map_err(failed)? {
                break Some(Begun { method: "begin-immediate gate", proven: true });
            }
        } else if let Some(true) = unless_locked(sessions.begin()).map_err(failed)? {
            let method = if mode == Mode::Immutable { "immutable file" } else { "unchanged data_version" };
            break Some(Begun { method, proven: true });
        }
        sessions.roll_back().map_err(failed)?;
        if Instant::now() >= deadline {
            break None;
        }
        place.check_cancelled()?;
        std::thread::sleep(PAUSE);
    };
    if behind_gate {
        gate.execute_batch("PRAGMA query_only = ON").map_err(failed)?;
    }
    sessions.wait_for_locks(place.lock_wait()).map_err(failed)?;
    match begun {
        Some(begun) => Ok(begun),
        None => {
            let proven = sessions.begin().map_err(failed)?;
            Ok(Begun { method: "readers one after the other", proven })
        }
    }
}

/// `None` when somebody else's lock was in the way, or there is no permission for a lock.
fn unless_locked<T>(result: rusqlite::Result<T>) -> rusqlite::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error)
            if matches!(
                error.sqlite_error_code(),
                Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::ReadOnly)
            ) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// The sessions of a snapshot: those of the readers, and the one that asks for the catalogue.
struct Sessions {
    readers: Vec<Connection>,
    catalogue: Connection,
}

impl Sessions {
    fn open(place: &Place, mode: Mode, readers: usize) -> Result<Self> {
        let mode = if mode == Mode::Immutable { mode } else { Mode::ReadOnly };
        let readers = (0..readers.max(1)).map(|_| place.session(mode)).collect::<Result<_>>()?;
        Ok(Self { readers, catalogue: place.session(mode)? })
    }

    fn all(&self) -> impl Iterator<Item = &Connection> {
        // The catalogue's session begins last: what it sees then is compared with what it saw before the first.
        self.readers.iter().chain([&self.catalogue])
    }

    /// Begins a read transaction on all; `true` when nothing was committed between the first and the last.
    fn begin(&self) -> rusqlite::Result<bool> {
        let before = data_version(&self.catalogue)?;
        for session in self.all() {
            // A transaction begins with the first read and not with the word.
            session.execute_batch("BEGIN")?;
            session.query_row("SELECT count(*) FROM main.sqlite_schema", [], |_| Ok(()))?;
        }
        Ok(before == data_version(&self.catalogue)?)
    }

    fn roll_back(&self) -> rusqlite::Result<()> {
        self.all().filter(|session| !session.is_autocommit()).try_for_each(|session| session.execute_batch("ROLLBACK"))
    }

    fn wait_for_locks(&self, time: Duration) -> rusqlite::Result<()> {
        self.all().try_for_each(|session| session.busy_timeout(time))
    }

    /// The sessions were opened by name one after the other: the name must still stand for the file that each has open.
    fn check_same_file(&self, place: &Place) -> Result<()> {
        if self.all().any(has_moved) {
            return Err(Error::new(ErrorKind::Busy, "the file was replaced while it was opened")
                .with("file", place.path().display())
                .hint("try again once nothing replaces the file"));
        }
        Ok(())
    }
}

fn data_version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("PRAGMA main.data_version", [], |row| row.get(0))
}

#[cfg(unix)]
fn has_moved(connection: &Connection) -> bool {
    let mut moved = 0;
    let asked = connection.file_control(Some("main"), rusqlite::FileControl::HasMoved(&mut moved));
    asked.is_ok() && moved != 0
}

/// An open file cannot be replaced here.
#[cfg(not(unix))]
fn has_moved(_connection: &Connection) -> bool {
    false
}

fn position(place: &Place, connection: &Connection, mode: Mode) -> rusqlite::Result<BTreeMap<String, String>> {
    let mut position = BTreeMap::new();
    for pragma in ["data_version", "journal_mode", "page_count", "page_size", "schema_version", "user_version"] {
        let value: rusqlite::types::Value =
            connection.query_row(&format!("PRAGMA main.{pragma}"), [], |row| row.get(0))?;
        let text = match value {
            rusqlite::types::Value::Integer(value) => value.to_string(),
            rusqlite::types::Value::Text(text) => text,
            _ => continue,
        };
        position.insert(pragma.to_owned(), text);
    }
    if let Ok(metadata) = fs::metadata(place.path()) {
        position.insert("file_bytes".to_owned(), metadata.len().to_string());
    }
    if mode == Mode::Immutable {
        // A connection without locks does not tell. Only a database in WAL mode is opened so.
        position.insert("journal_mode".to_owned(), "wal".to_owned());
    } else if let Some(salt) = wal_salt(place) {
        position.insert("wal_salt".to_owned(), salt);
    }
    Ok(position)
}

/// The salt in the header of the write-ahead log, which changes whenever the log begins anew. SQLite holds no locks on the
/// log itself, so that it may be opened here.
fn wal_salt(place: &Place) -> Option<String> {
    let mut header = [0; 24];
    fs::File::open(place.companion("-wal")).ok()?.read_exact(&mut header).ok()?;
    Some(header[16..].iter().map(|byte| format!("{byte:02x}")).collect())
}

/// What can be seen of a file without opening it.
#[derive(Debug, PartialEq)]
struct Appearance {
    bytes: Option<u64>,
    modified: Option<SystemTime>,
    journal_bytes: u64,
}

impl Appearance {
    fn of(place: &Place) -> Self {
        let metadata = fs::metadata(place.path()).ok();
        Self {
            bytes: metadata.as_ref().map(fs::Metadata::len),
            modified: metadata.and_then(|metadata| metadata.modified().ok()),
            journal_bytes: place.companion_bytes("-wal") + place.companion_bytes("-journal"),
        }
    }
}

#[cfg(test)]
mod tests;
