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
    assert!(opened.query_names("DELETE FROM t RETURNING a").is_err());
    let place = Place::new(&database.path().to_string_lossy(), &OpenOptions::default()).expect("a place");
    let (session, _) = place.connect().expect("a session");
    let error = session.execute_batch("DELETE FROM t").expect_err("an error");
    assert_eq!(error.sqlite_error_code(), Some(rusqlite::ErrorCode::ReadOnly), "{error}");
    drop(session);
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
        let database =
            TestDatabase::new(&format!("PRAGMA journal_mode = {mode}; CREATE TABLE t(a); INSERT INTO t VALUES (1)"));
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
    let permit = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("permissions");
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
