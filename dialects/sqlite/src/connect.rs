//! Opening a file: which connection modes there are, what a session is set to, what is refused with which words.
//!
//! The database file is never opened here with [`std::fs::File`]. SQLite's locks on Unix are POSIX advisory locks, which a
//! process loses as soon as it closes *any* descriptor of the file; so everything that must be known of it comes from
//! SQLite or from the file's metadata.

use crate::error::{database_error, is_write_refusal};
use dbferry_dialect::{Cancel, Error, ErrorKind, OpenOptions, Purpose, Result};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long to wait for somebody else's lock unless told.
const LOCK_WAIT: Duration = Duration::from_secs(5);
/// Steps of SQLite's virtual machine between two looks at the cancel flag: about a millisecond of reading.
const STEPS_BETWEEN_CANCEL_CHECKS: i32 = 20_000;
/// The page cache of a connection in KiB. A scan touches each page once, so a larger cache only holds memory.
const CACHE_KIB: u32 = 2048;
/// Bytes of the file that are mapped into memory: none. `README.md` has the measurements.
const MAPPED_BYTES: u64 = 0;

/// A database file and how to connect to it.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    path: PathBuf,
    lock_wait: Duration,
    cancel: Cancel,
}

/// How a connection is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// As SQLite's own shell does. The session refuses to change data all the same (`query_only`), but can take a write
    /// lock, create the lock file of a database in WAL mode, and roll back what a crashed writer left.
    ReadWrite,
    /// Nothing but reading.
    ReadOnly,
    /// Reading without locks and without looking at a journal, for a place where neither can be had.
    Immutable,
}

impl Place {
    /// The file at `path`, which is made absolute so that it stands for itself: a relative `file:x` would be taken for a
    /// URI.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] for an empty path.
    pub(crate) fn new(path: &str, options: &OpenOptions) -> Result<Self> {
        if path.is_empty() {
            return Err(Error::new(ErrorKind::Usage, "the URL names no file").hint("write sqlite:path/to/file.db"));
        }
        let absolute = std::path::absolute(path).map_err(|error| Error::io(format!("cannot use {path}"), error))?;
        Ok(Self { path: absolute, lock_wait: options.lock_wait.unwrap_or(LOCK_WAIT), cancel: options.cancel.clone() })
    }

    /// The file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// How long to wait for somebody else's lock.
    pub(crate) fn lock_wait(&self) -> Duration {
        self.lock_wait
    }

    /// The flag that cancels whatever runs here.
    pub(crate) fn cancel(&self) -> &Cancel {
        &self.cancel
    }

    /// An error once the caller has cancelled.
    ///
    /// # Errors
    /// [`ErrorKind::Cancelled`].
    pub(crate) fn check_cancelled(&self) -> Result<()> {
        self.cancel.check()
    }

    /// Whether there is a database to read for `purpose`.
    ///
    /// # Errors
    /// [`ErrorKind::Connect`] when there is something that cannot be a database, or nothing where there must be one.
    pub(crate) fn exists(&self, purpose: Purpose) -> Result<bool> {
        let refuse = |what: &'static str| Error::new(ErrorKind::Connect, what).with("file", self.path.display());
        match fs::metadata(&self.path) {
            Ok(metadata) if metadata.is_dir() => Err(refuse("this is a directory, not a database file")),
            Ok(metadata) if !metadata.is_file() => Err(refuse("this is not a regular file")),
            Ok(metadata) if metadata.len() == 0 && purpose == Purpose::Read => {
                Err(refuse("the file is not a database: it is empty").hint("is it the right file?"))
            }
            Ok(_) => Ok(true),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && purpose != Purpose::Read => {
                match self.path.parent() {
                    Some(parent) if !parent.is_dir() => {
                        Err(refuse("there is no such directory to create the database in")
                            .hint(format!("create {} first", parent.display())))
                    }
                    _ => Ok(false),
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Err(refuse("no such file").hint("check the path; a database is never created for reading"))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => {
                Err(refuse("no such file: a part of the path is a file, not a directory").hint("check the path"))
            }
            Err(error) => Err(refuse("the file cannot be looked at").caused_by(error)),
        }
    }

    /// The file of that suffix beside the database, if it has content.
    pub(crate) fn companion_bytes(&self, suffix: &str) -> u64 {
        fs::metadata(self.companion(suffix)).map_or(0, |metadata| if metadata.is_file() { metadata.len() } else { 0 })
    }

    /// The path of the database with a suffix, such as `-wal`.
    pub(crate) fn companion(&self, suffix: &str) -> PathBuf {
        let mut name = OsString::from(&self.path);
        name.push(suffix);
        PathBuf::from(name)
    }

    /// Opens the file for looking at it, in the strongest mode that the place allows, and says which that was.
    ///
    /// # Errors
    /// [`ErrorKind::Connect`] when the file is not a database or cannot be read where it is, [`ErrorKind::Busy`] when
    /// somebody holds it exclusively.
    pub(crate) fn connect(&self) -> Result<(Connection, Mode)> {
        self.connect_from(Mode::ReadWrite)
    }

    /// As [`Place::connect`], beginning with `mode`.
    ///
    /// # Errors
    /// As [`Place::connect`].
    pub(crate) fn connect_from(&self, mode: Mode) -> Result<(Connection, Mode)> {
        match self.try_session(mode) {
            Ok(connection) if mode == Mode::Immutable => Ok((connection, mode)),
            Ok(connection) => {
                // SQLite falls back to a read-only descriptor by itself where the file does not let us write.
                let read_only = connection.is_readonly("main").unwrap_or(true);
                Ok((connection, if read_only { Mode::ReadOnly } else { Mode::ReadWrite }))
            }
            Err(error) if is_write_refusal(&error) => self.connect_where_nothing_can_be_written(error),
            Err(error) => Err(self.unreadable(error)),
        }
    }

    /// A database in WAL mode needs a lock file beside it even for reading, and a hot journal must be rolled back. Where
    /// that cannot be done, the file alone is the database only if no journal holds a part of it.
    fn connect_where_nothing_can_be_written(&self, refusal: rusqlite::Error) -> Result<(Connection, Mode)> {
        if self.companion_bytes("-wal") > 0 || self.companion_bytes("-journal") > 0 {
            return Err(database_error("the database has an unfinished journal that cannot be used in this place", refusal)
                .with("file", self.path.display())
                .hint(
                    "copy the file together with its -wal or -journal file into a directory that can be written, and read it there",
                ));
        }
        match self.try_session(Mode::Immutable) {
            Ok(connection) => Ok((connection, Mode::Immutable)),
            // The first refusal says more than what the second attempt ran into.
            Err(_) => Err(self.unreadable(refusal)),
        }
    }

    fn unreadable(&self, error: rusqlite::Error) -> Error {
        let what = if error.sqlite_error_code() == Some(rusqlite::ErrorCode::NotADatabase) {
            "the file is not a database"
        } else {
            "the database cannot be opened"
        };
        database_error(what, error).with("file", self.path.display())
    }

    /// One more connection in a mode that [`Place::connect`] found to work.
    ///
    /// # Errors
    /// As [`Place::connect`].
    pub(crate) fn session(&self, mode: Mode) -> Result<Connection> {
        self.try_session(mode).map_err(|error| self.unreadable(error))
    }

    fn try_session(&self, mode: Mode) -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_NO_MUTEX
            | match mode {
                Mode::ReadWrite => OpenFlags::SQLITE_OPEN_READ_WRITE,
                Mode::ReadOnly => OpenFlags::SQLITE_OPEN_READ_ONLY,
                Mode::Immutable => OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI,
            };
        let mut connection = match mode {
            Mode::Immutable => Connection::open_with_flags(immutable_uri(&self.path), flags)?,
            _ => Connection::open_with_flags(&self.path, flags)?,
        };
        self.configure(&mut connection)?;
        // The first read takes a lock, recovers what must be recovered, and looks at the header.
        connection.query_row("SELECT count(*) FROM main.sqlite_schema", [], |_| Ok(()))?;
        Ok(connection)
    }

    fn configure(&self, connection: &mut Connection) -> rusqlite::Result<()> {
        connection.busy_timeout(self.lock_wait)?;
        // The schema is the database owner's text. It may compute generated columns and views with SQLite's own functions,
        // and nothing beyond that.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
        // A name in double quotes that is no column must be an error, never a text. Schemas keep the old leniency, because
        // old schemas rely on it.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DDL, true)?;
        // A log that was there before stays as it was found; without one, closing may tidy up what reading created.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, self.companion_bytes("-wal") > 0)?;
        connection.execute_batch(&format!(
            "PRAGMA query_only = ON; PRAGMA cell_size_check = ON; PRAGMA cache_size = -{CACHE_KIB}; \
             PRAGMA mmap_size = {MAPPED_BYTES};"
        ))?;
        let cancel = self.cancel.clone();
        connection.progress_handler(STEPS_BETWEEN_CANCEL_CHECKS, Some(move || cancel.is_cancelled()))
    }
}

/// The URI of a file that SQLite takes for one that nobody changes: it is read without locks, and nothing is looked at twice.
pub(crate) fn immutable_uri(path: &Path) -> String {
    let mut uri = String::from("file:");
    for &byte in path.as_os_str().as_encoded_bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'.' | b'-' | b'_') {
            uri.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(uri, "%{byte:02X}");
        }
    }
    uri.push_str("?immutable=1");
    uri
}

#[cfg(test)]
mod tests;
