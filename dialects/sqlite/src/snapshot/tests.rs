use super::*;
use crate::testing::{TestDatabase, cells, collection, read};
use dbferry_dialect::ChunkRange;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

const TWO_ACCOUNTS: &str = "CREATE TABLE a(id INTEGER PRIMARY KEY, amount INT);
    CREATE TABLE b(id INTEGER PRIMARY KEY, amount INT);
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500) INSERT INTO a SELECT i, 100 FROM n;
    INSERT INTO b SELECT id, 100 FROM a;";

fn place(database: &TestDatabase, lock_wait: Duration) -> Place {
    let mut options = dbferry_dialect::OpenOptions::new(dbferry_dialect::Purpose::Read, Default::default());
    options.lock_wait = Some(lock_wait);
    Place::new(&database.path().display().to_string(), &options).expect("a place")
}

fn sum(reader: &mut dyn Reader, table: &Collection, chunk: &Chunk) -> i64 {
    let batches = read(reader, table, chunk, 1 << 12).expect("rows");
    batches.iter().flat_map(|batch| cells(batch, 1)).map(|cell| cell.parse::<i64>().expect("a number")).sum()
}

struct StopOnDrop<'a>(&'a AtomicBool);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A writer moves amounts from one table to the other all the time. Whatever moment the snapshot is, the sum is the
/// same; readers that saw two moments would show another one.
fn an_invariant_holds(journal_mode: &str, mode: Mode) {
    let database = TestDatabase::new(&format!("PRAGMA journal_mode = {journal_mode}; {TWO_ACCOUNTS}"));
    let stop = AtomicBool::new(false);
    let commits = AtomicU64::new(0);
    std::thread::scope(|scope| {
        // A failed assertion must end the writer too, or the scope would wait for it for ever.
        let _end = StopOnDrop(&stop);
        scope.spawn(|| {
            let writer = database.writer();
            writer.busy_timeout(Duration::from_secs(10)).expect("a timeout");
            writer.execute_batch("PRAGMA synchronous = OFF").expect("a pragma");
            let mut amount = 1;
            while !stop.load(Ordering::Relaxed) {
                let moved = writer.execute_batch(&format!(
                    "BEGIN IMMEDIATE; UPDATE a SET amount = amount - {amount}; UPDATE b SET amount = amount + {amount}; COMMIT"
                ));
                if moved.is_ok() {
                    commits.fetch_add(1, Ordering::Relaxed);
                } else {
                    let _ = writer.execute_batch("ROLLBACK");
                }
                amount = amount % 7 + 1;
            }
        });
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..20 {
            let place = place(&database, Duration::from_secs(10));
            let mut snapshot = SqliteSnapshot::take(&place, mode, &SnapshotOptions::new(4)).expect("a snapshot");
            assert!(snapshot.consistency().proven, "{:?}", snapshot.consistency());
            let schema = snapshot.schema().expect("a schema");
            let (a, b) = (collection(&schema, "a"), collection(&schema, "b"));
            let chunks = snapshot.chunks(&a, 2_000).expect("chunks");
            assert!(chunks.len() > 1);
            let mut readers = snapshot.readers();
            let count = readers.len();
            let in_a: i64 = chunks
                .iter()
                .enumerate()
                .map(|(index, chunk)| {
                    std::thread::sleep(Duration::from_micros(200));
                    sum(readers[index % count].as_mut(), &a, chunk)
                })
                .sum();
            let in_b = sum(readers[count - 1].as_mut(), &b, &crate::testing::whole());
            assert_eq!(in_a + in_b, 100_000);
            seen.insert(in_a);
            drop(readers);
            drop(snapshot);
            // Let the writer have the file for a moment.
            std::thread::sleep(Duration::from_millis(3));
        }
        assert!(seen.len() > 3, "the writer wrote while snapshots were taken: {seen:?}, {commits:?}");
    });
}

#[test]
fn readers_share_one_moment_behind_the_gate() {
    an_invariant_holds("wal", Mode::ReadWrite);
    an_invariant_holds("delete", Mode::ReadWrite);
}

#[test]
fn readers_share_one_moment_without_write_permission() {
    an_invariant_holds("wal", Mode::ReadOnly);
    an_invariant_holds("delete", Mode::ReadOnly);
}

#[test]
fn the_proof_sees_a_commit_between_two_readers() {
    let database = TestDatabase::new(&format!("PRAGMA journal_mode = WAL; {TWO_ACCOUNTS}"));
    let place = place(&database, Duration::from_millis(20));
    let mut sessions = Sessions::open(&place, Mode::ReadOnly, 2).expect("sessions");
    assert!(sessions.begin().expect("begun"));
    sessions.roll_back().expect("rolled back");
    // Somebody commits while the first reader begins.
    let mut writer = Some(database.writer());
    let commit = move || {
        if let Some(writer) = writer.take() {
            writer.execute_batch("UPDATE a SET amount = 0").expect("a commit");
        }
        false
    };
    sessions.readers[0].progress_handler(1, Some(commit)).expect("a handler");
    assert!(!sessions.begin().expect("begun"));
}

#[test]
fn a_writer_that_does_not_end_is_no_obstacle() {
    for journal_mode in ["wal", "delete"] {
        let database = TestDatabase::new(&format!("PRAGMA journal_mode = {journal_mode}; {TWO_ACCOUNTS}"));
        let writer = database.writer();
        writer.execute_batch("BEGIN IMMEDIATE; UPDATE a SET amount = 0").expect("a writer");
        let place = place(&database, Duration::from_millis(20));
        let mut snapshot = SqliteSnapshot::take(&place, Mode::ReadWrite, &SnapshotOptions::new(3)).expect("a snapshot");
        assert_eq!(snapshot.consistency().method, "unchanged data_version");
        assert!(snapshot.consistency().proven);
        let a = collection(&snapshot.schema().expect("a schema"), "a");
        assert_eq!(sum(snapshot.readers()[2].as_mut(), &a, &crate::testing::whole()), 50_000);
        assert!(snapshot.readers().is_empty());
    }
}

#[test]
fn the_record_says_where_the_source_stood() {
    let database = TestDatabase::new(&format!("PRAGMA user_version = 7; {TWO_ACCOUNTS}"));
    let snapshot = database.snapshot(2);
    let consistency = snapshot.consistency();
    assert_eq!(consistency.method, "begin-immediate gate");
    assert_eq!((consistency.readers, consistency.proven), (2, true));
    assert_eq!(consistency.position["user_version"], "7");
    assert_eq!(consistency.position["journal_mode"], "delete");
    assert_eq!(consistency.position["file_bytes"], fs::metadata(database.path()).expect("metadata").len().to_string());
    // Writers go on once the gate is open, and the snapshot does not see it.
    let wal = TestDatabase::new(&format!("PRAGMA journal_mode = WAL; {TWO_ACCOUNTS}"));
    let mut snapshot = wal.snapshot(1);
    wal.writer().execute_batch("DELETE FROM a; ALTER TABLE b ADD c").expect("a commit");
    let schema = snapshot.schema().expect("a schema");
    assert_eq!(collection(&schema, "b").columns.len(), 2);
    assert_eq!(sum(snapshot.readers()[0].as_mut(), &collection(&schema, "a"), &crate::testing::whole()), 50_000);
    snapshot.finish().expect("the end");
}

#[test]
fn a_replaced_file_is_noticed() {
    let database = TestDatabase::new(TWO_ACCOUNTS);
    let other = TestDatabase::new(TWO_ACCOUNTS);
    let place = place(&database, Duration::from_millis(20));
    let sessions = Sessions::open(&place, Mode::ReadOnly, 1).expect("sessions");
    sessions.check_same_file(&place).expect("the same");
    fs::rename(other.path(), database.path()).expect("replaced");
    if cfg!(unix) {
        assert_eq!(sessions.check_same_file(&place).expect_err("another").kind(), ErrorKind::Busy);
    }
}

#[test]
fn an_empty_table_is_one_chunk() {
    let database = TestDatabase::new("CREATE TABLE t(a); CREATE TABLE w(a INT PRIMARY KEY) WITHOUT ROWID");
    let mut snapshot = database.snapshot(1);
    let schema = snapshot.schema().expect("a schema");
    for name in ["t", "w"] {
        let chunks = snapshot.chunks(&collection(&schema, name), 1).expect("chunks");
        assert_eq!(chunks.iter().map(|chunk| &chunk.range).collect::<Vec<_>>(), [&ChunkRange::Whole]);
    }
}
