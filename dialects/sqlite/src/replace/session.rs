//! The one connection that writes: how it is opened and what is set on it.
//!
//! SQLite has one writer a database, so writers, readers of an uncommitted group and the replacer share one connection
//! behind a mutex.

use super::failure::failed;
use crate::connect::immutable_uri;
use dbferry_dialect::{Cancel, Error, ErrorKind, Result};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The connection, shared.
pub(crate) type Shared = Arc<Mutex<Connection>>;

/// How many instructions SQLite runs between two looks at the cancel flag: well under a millisecond.
const INSTRUCTIONS_BETWEEN_LOOKS: i32 = 10_000;
/// The page cache while rows are loaded, in KiB: what the unique indexes of a table have to be updated in.
const LOAD_CACHE_KIB: i32 = 32 * 1024;
/// The page cache while indexes are built and keys are looked up, in KiB. SQLite sorts runs of this size, and each thread that
/// helps holds another one. Measured on 8 million whole numbers without help, runs of 4, 8, 16, 32 and 64 MiB: 3.6, 3.8, 4.9,
/// 5.6 and 6.6 s. Small ones stay in the processor's cache, large ones take fewer passes where there are billions of rows.
const SORT_CACHE_KIB: i32 = 8 * 1024;
/// Threads that help sorting at most: more shorten it little, and each holds a run.
const MOST_SORT_HELPERS: usize = 3;

/// What must be set before the first page is written, in this order: `auto_vacuum` writes that page.
const LAYOUT: [&str; 3] = ["page_size", "encoding", "auto_vacuum"];

/// Takes the connection. A panic while it was held leaves SQLite's own state sound, so the mutex is never poisoned for us.
pub(super) fn lock(shared: &Shared) -> MutexGuard<'_, Connection> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Opens a database that exists, to be changed in its own journal mode.
///
/// # Errors
/// [`ErrorKind::Permission`] when it can only be read.
pub(super) fn open_existing(path: &Path, lock_wait: Duration, cancel: &Cancel) -> Result<Connection> {
    let connection = open(path, lock_wait, cancel)?;
    let read_only = connection.is_readonly("main").map_err(|error| failed("cannot open the database", error))?;
    if read_only {
        return Err(Error::new(ErrorKind::Permission, "the database can only be read")
            .with("file", path.display())
            .hint("the file and its directory must be writable"));
    }
    Ok(connection)
}

/// Opens the empty file of a database to be. Nobody sees it before it is whole, so it has no journal and nothing is
/// synchronised until the end.
///
/// Returns what could not be set as the source had it.
pub(super) fn open_new(
    path: &Path,
    lock_wait: Duration,
    cancel: &Cancel,
    attributes: &BTreeMap<String, String>,
) -> Result<(Connection, Vec<String>)> {
    let connection = open(path, lock_wait, cancel)?;
    let mut warnings = Vec::new();
    let mut layout = [None; LAYOUT.len()];
    for (name, value) in attributes {
        let value = value.as_str();
        let known = match name.as_str() {
            "page_size" => {
                value.parse::<u32>().is_ok_and(|size| size.is_power_of_two() && (512..=65536).contains(&size))
            }
            "encoding" => matches!(value, "UTF-8" | "UTF-16le" | "UTF-16be"),
            "auto_vacuum" => matches!(value, "0" | "1" | "2" | "none" | "full" | "incremental"),
            "user_version" | "application_id" => value.parse::<i32>().is_ok(),
            "journal_mode" => {
                matches!(value, "delete" | "truncate" | "persist" | "memory" | "wal" | "off")
            }
            _ => continue,
        };
        if !known {
            warnings.push(format!("{name} was left at its default: SQLite has no {name} {value:?}"));
        } else if let Some(place) = LAYOUT.iter().position(|layout| layout == name) {
            layout[place] = Some(value);
        }
    }
    for (name, value) in LAYOUT.iter().zip(layout) {
        if let Some(value) = value {
            set(&connection, &format!("{name} = '{value}'"))?;
        }
    }
    for pragma in ["journal_mode = OFF", "synchronous = OFF", "locking_mode = EXCLUSIVE"] {
        set(&connection, pragma)?;
    }
    Ok((connection, warnings))
}

/// Sets what belongs to the end of building: the two numbers of the header and the journal mode.
pub(super) fn seal(connection: &Connection, attributes: &BTreeMap<String, String>) -> Result<()> {
    for name in ["user_version", "application_id"] {
        if let Some(number) = attributes.get(name).and_then(|value| value.parse::<i32>().ok()) {
            set(connection, &format!("{name} = {number}"))?;
        }
    }
    // Of the journal modes only `wal` is a property of the file.
    let wal = attributes.get("journal_mode").is_some_and(|mode| mode == "wal");
    set(connection, if wal { "journal_mode = WAL" } else { "journal_mode = DELETE" })
}

/// What the connection is about to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Task {
    /// Writing rows.
    Load,
    /// Building indexes and comparing keys, with this many threads to spare.
    Sort { helpers: usize },
}

/// Divides the memory as the task needs it.
pub(super) fn prepare(connection: &Connection, task: Task) -> Result<()> {
    match task {
        Task::Load => set(connection, &format!("cache_size = -{LOAD_CACHE_KIB}")),
        Task::Sort { helpers } => {
            set(connection, &format!("threads = {}", helpers.min(MOST_SORT_HELPERS)))?;
            set(connection, &format!("cache_size = -{SORT_CACHE_KIB}"))
        }
    }
}

/// Whether the pages of a table stay where they are while others are written. With automatic vacuum SQLite moves them when it
/// commits.
pub(super) fn pages_stay(connection: &Connection) -> Result<bool> {
    let moving: i64 = connection
        .query_row("PRAGMA main.auto_vacuum", [], |row| row.get(0))
        .map_err(|error| failed("cannot read how pages are laid out", error))?;
    Ok(moving == 0)
}

/// Opens another connection that reads what is committed of the file under construction, while nothing is written to it. Rows
/// may then be written to other tables: the pages that this one reads stay as they are, so it neither takes a lock, which would
/// keep the writer from writing out its page cache, nor looks whether anything has changed. Its transaction keeps the first page,
/// which changes all the time.
pub(super) fn open_reader(path: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let begin = |connection: Connection| {
        connection.execute_batch("BEGIN")?;
        connection.query_row("SELECT count(*) FROM main.sqlite_schema", [], |_| Ok(()))?;
        Ok(connection)
    };
    Connection::open_with_flags(immutable_uri(path), flags)
        .and_then(begin)
        .map_err(|error| failed("cannot open the new database", error))
}

fn open(path: &Path, lock_wait: Duration, cancel: &Cancel) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let prepared = |mut connection: Connection| {
        connection.busy_timeout(lock_wait)?;
        let cancel = cancel.clone();
        connection.progress_handler(INSTRUCTIONS_BETWEEN_LOOKS, Some(move || cancel.is_cancelled()))?;
        for (option, on) in [
            // Triggers have done their work in the source already.
            (DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false),
            // Foreign keys are checked as a whole after the load.
            (DbConfig::SQLITE_DBCONFIG_ENABLE_FKEY, false),
            // Definitions are run as their authors wrote them, with the double-quoted texts of old schemas.
            (DbConfig::SQLITE_DBCONFIG_DQS_DDL, true),
            (DbConfig::SQLITE_DBCONFIG_DQS_DML, true),
            // Shadow tables are written directly.
            (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, false),
        ] {
            connection.set_db_config(option, on)?;
        }
        connection.pragma_update(None, "cache_size", -LOAD_CACHE_KIB)?;
        Ok::<_, rusqlite::Error>(connection)
    };
    Connection::open_with_flags(path, flags)
        .and_then(prepared)
        .map_err(|error| failed("cannot open the database", error).with("file", path.display()))
}

/// Runs a pragma that may or may not answer.
fn set(connection: &Connection, pragma: &str) -> Result<()> {
    connection.execute_batch(&format!("PRAGMA {pragma}")).map_err(|error| failed(format!("cannot set {pragma}"), error))
}
