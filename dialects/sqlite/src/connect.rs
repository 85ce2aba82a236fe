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

fn immutable_uri(path: &Path) -> String {
    let mut uri = String::from("file:");
    for byte in path.to_string_lossy().bytes() {
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
mod tests {
    use super::*;
    use crate::testing::{TestDatabase, open};

    fn refused(path: &Path, purpose: Purpose) -> (ErrorKind, String) {
        let error = open(path, purpose).err().expect("an error");
        (error.kind(), error.to_string())
    }

    #[test]
    fn what_is_no_database_is_refused_in_words() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = |name: &str| directory.path().join(name);
        fs::write(path("empty"), "").expect("a file");
        fs::write(path("text"), "this is no database".repeat(100)).expect("a file");
        fs::write(path("short"), "SQLite format 3\0").expect("a file");
        for (path, purpose, message) in [
            (path("none"), Purpose::Read, "no such file"),
            (directory.path().to_owned(), Purpose::Read, "this is a directory, not a database file"),
            (directory.path().to_owned(), Purpose::Write, "this is a directory, not a database file"),
            (path("empty"), Purpose::Read, "the file is not a database: it is empty"),
            (path("text"), Purpose::Read, "the file is not a database"),
            (path("text"), Purpose::Plan, "the file is not a database"),
            (path("short"), Purpose::Read, "the file is not a database"),
            (path("none/none"), Purpose::Write, "there is no such directory to create the database in"),
        ] {
            let (kind, text) = refused(&path, purpose);
            assert_eq!(kind, ErrorKind::Connect, "{text}");
            assert!(text.starts_with(message), "{text}");
        }
    }

    #[test]
    fn nothing_is_created_by_looking() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("none.db");
        for purpose in [Purpose::Plan, Purpose::Write] {
            let mut database = open(&path, purpose).expect("a database to be");
            assert_eq!(database.introspect().expect("a schema"), dbferry_dialect::Schema::default());
            assert_eq!(database.query_names("SELECT 1").expect("names"), Vec::<String>::new());
        }
        assert_eq!(fs::read_dir(directory.path()).expect("a directory").count(), 0);
    }

    #[test]
    fn a_session_changes_nothing() {
        let database = TestDatabase::new("CREATE TABLE t(a); INSERT INTO t VALUES ('x')");
        let before = fs::read(database.path()).expect("bytes");
        let mut opened = database.open();
        let error = opened.query_names("DELETE FROM t RETURNING a").expect_err("an error");
        assert_eq!(error.kind(), ErrorKind::Permission, "{error}");
        assert_eq!(
            opened.query_names("SELECT a FROM t UNION ALL SELECT NULL UNION ALL SELECT 5").expect("names"),
            ["x", "5"]
        );
        // A name in double quotes that is no column is an error and not a text.
        assert!(opened.query_names("SELECT \"nothing\" FROM t").is_err());
        drop(opened);
        assert_eq!(fs::read(database.path()).expect("bytes"), before);
    }

    #[test]
    fn a_raised_flag_stops_a_query() {
        let database = TestDatabase::new("CREATE TABLE t(a)");
        let cancel = Cancel::new();
        let url = dbferry_dialect::DatabaseUrl::parse(&format!("sqlite:{}", database.path().display())).expect("a URL");
        let options = OpenOptions::new(Purpose::Read, cancel.clone());
        let mut opened = dbferry_dialect::Dialect::open(&crate::Sqlite, &url, &options).expect("a database");
        cancel.cancel();
        let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n";
        assert_eq!(opened.query_names(endless).expect_err("an end").kind(), ErrorKind::Cancelled);
    }

    #[test]
    fn a_wal_database_is_left_as_it_was_found() {
        let database = TestDatabase::new("PRAGMA journal_mode = WAL; CREATE TABLE t(a); INSERT INTO t VALUES (1)");
        let names = || {
            let directory = database.path().parent().expect("a directory");
            let mut names: Vec<_> =
                fs::read_dir(directory).expect("files").map(|entry| entry.expect("a file").file_name()).collect();
            names.sort();
            names
        };
        let before = names();
        assert_eq!(before.len(), 1);
        drop(database.snapshot(2));
        assert_eq!(names(), before);
    }

    #[test]
    fn a_log_that_is_there_is_read_and_kept() {
        let database = TestDatabase::new("PRAGMA journal_mode = WAL; CREATE TABLE t(a)");
        let writer = database.writer();
        writer.execute_batch("INSERT INTO t VALUES (1)").expect("a row");
        // The log of a writer that is gone: copied while the writer still holds it.
        let copy = tempfile::tempdir().expect("a directory");
        let path = copy.path().join("copy.db");
        for suffix in ["", "-wal"] {
            let mut name = OsString::from(database.path());
            name.push(suffix);
            let mut target = OsString::from(&path);
            target.push(suffix);
            fs::copy(name, target).expect("a copy");
        }
        let log = || fs::read(copy.path().join("copy.db-wal")).expect("a log");
        let before = (fs::read(&path).expect("bytes"), log());
        let mut opened = open(&path, Purpose::Read).expect("a database");
        assert_eq!(opened.query_names("SELECT count(*) FROM t").expect("a count"), ["1"]);
        drop(opened);
        assert_eq!((fs::read(&path).expect("bytes"), log()), before);
    }

    #[test]
    fn a_hot_journal_is_rolled_back() {
        let database = TestDatabase::new(
            "CREATE TABLE t(a, b); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
             INSERT INTO t SELECT i, zeroblob(500) FROM n",
        );
        let writer = database.writer();
        // A small cache makes the writer spill uncommitted pages into the file.
        writer.execute_batch("PRAGMA cache_size = 5; BEGIN; UPDATE t SET a = -1").expect("an update");
        let copy = tempfile::tempdir().expect("a directory");
        let path = copy.path().join("copy.db");
        let journal = format!("{}-journal", database.path().display());
        fs::copy(database.path(), &path).expect("a copy");
        fs::copy(journal, format!("{}-journal", path.display())).expect("a copy");
        let mut opened = open(&path, Purpose::Read).expect("a database");
        assert_eq!(opened.query_names("SELECT count(*) FROM t WHERE a = -1").expect("a count"), ["0"]);
    }

    /// A directory in the place of the log makes it impossible to create one, for every user.
    #[test]
    fn where_nothing_can_be_written_the_file_alone_is_read() {
        let database = TestDatabase::new("PRAGMA journal_mode = WAL; CREATE TABLE t(a); INSERT INTO t VALUES (1)");
        let wal = format!("{}-wal", database.path().display());
        fs::create_dir(&wal).expect("a directory");
        let mut snapshot = database.snapshot(3);
        assert_eq!(snapshot.consistency().method, "immutable file");
        assert!(snapshot.consistency().proven);
        assert_eq!(snapshot.consistency().readers, 3);
        assert_eq!(snapshot.schema().expect("a schema").attributes["journal_mode"], "wal");
        fs::remove_dir(&wal).expect("removed");
        database.writer().execute_batch("INSERT INTO t VALUES (2)").expect("a row");
        assert_eq!(snapshot.finish().expect_err("a change").kind(), ErrorKind::Busy);
    }

    /// Permissions do not bind the superuser, so the test runs itself again as somebody else if it must.
    #[cfg(unix)]
    #[test]
    fn a_read_only_directory_is_read_if_the_file_is_whole() {
        use std::os::unix::fs::{MetadataExt, PermissionsExt};
        use std::os::unix::process::CommandExt;
        const PLACE: &str = "DBFERRY_TEST_READ_ONLY_DIRECTORY";
        if let Ok(directory) = std::env::var(PLACE) {
            check_read_only_directory(Path::new(&directory));
            return;
        }
        let create = |mode: &str| {
            let database = TestDatabase::new(&format!(
                "PRAGMA journal_mode = {mode}; CREATE TABLE t(a); INSERT INTO t VALUES (1)"
            ));
            let mut log = None;
            if mode == "wal" {
                let writer = database.writer();
                writer.execute_batch("INSERT INTO t VALUES (2)").expect("a row");
                log = Some((fs::read(database.path()), fs::read(format!("{}-wal", database.path().display()))));
            }
            (database, log)
        };
        let directory = tempfile::tempdir().expect("a directory");
        let path = |name: &str| directory.path().join(name);
        fs::copy(create("delete").0.path(), path("delete.db")).expect("a copy");
        let (database, log) = create("wal");
        fs::copy(database.path(), path("wal.db")).expect("a copy");
        let (bytes, log) = log.expect("a log");
        fs::write(path("log.db"), bytes.expect("bytes")).expect("a copy");
        fs::write(path("log.db-wal"), log.expect("a log")).expect("a copy");
        let permit =
            |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("permissions");
        for name in ["delete.db", "wal.db", "log.db", "log.db-wal"] {
            permit(&path(name), 0o444);
        }
        permit(directory.path(), 0o555);
        let superuser = fs::metadata(directory.path()).expect("metadata").uid() == 0;
        if superuser {
            let elsewhere = tempfile::tempdir().expect("a directory");
            permit(elsewhere.path(), 0o755);
            let program = elsewhere.path().join("test");
            fs::copy(std::env::current_exe().expect("a program"), &program).expect("a copy");
            permit(&program, 0o755);
            let output = std::process::Command::new(&program)
                .args(["--exact", "connect::tests::a_read_only_directory_is_read_if_the_file_is_whole"])
                .env(PLACE, directory.path())
                .current_dir("/")
                .uid(65_534)
                .gid(65_534)
                .output()
                .expect("a run");
            let text = String::from_utf8_lossy(&output.stdout);
            assert!(output.status.success() && text.contains("1 passed"), "{text}");
        } else {
            check_read_only_directory(directory.path());
        }
        permit(directory.path(), 0o755);
    }

    #[cfg(unix)]
    fn check_read_only_directory(directory: &Path) {
        for (name, method) in [("delete.db", "unchanged data_version"), ("wal.db", "immutable file")] {
            let mut opened = open(&directory.join(name), Purpose::Read).expect("a database");
            let options = dbferry_dialect::SnapshotOptions::new(2);
            let snapshot = opened.snapshot(&options).expect("a snapshot");
            let consistency = snapshot.consistency();
            assert_eq!((consistency.method.as_str(), consistency.proven, consistency.readers), (method, true, 2));
            snapshot.finish().expect("nothing changed");
        }
        let (kind, text) = refused(&directory.join("log.db"), Purpose::Read);
        assert!(text.contains("unfinished journal"), "{kind:?} {text}");
    }

    #[test]
    fn an_exclusive_lock_is_reported_as_busy() {
        let database = TestDatabase::new("CREATE TABLE t(a)");
        let writer = database.writer();
        writer.execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE").expect("a lock");
        let url = dbferry_dialect::DatabaseUrl::parse(&format!("sqlite:{}", database.path().display())).expect("a URL");
        let mut options = OpenOptions::new(Purpose::Read, Cancel::new());
        options.lock_wait = Some(Duration::from_millis(50));
        let error = dbferry_dialect::Dialect::open(&crate::Sqlite, &url, &options).err().expect("an error");
        assert_eq!(error.kind(), ErrorKind::Busy, "{error}");
        assert!(error.remedy().is_some());
    }
}
