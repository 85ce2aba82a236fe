//! `kill -9` at any moment. Whatever is half done then is no archive, and no database that anybody would take for one.
//!
//! The moments are spread over the run time; that each single step may be the last one is tested where the steps are.
#![cfg(unix)]

use crate::workdir::Workdir;
use rusqlite::Connection;
use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// Moments at which a run is killed.
const MOMENTS: u32 = 10;

/// Tables that take about a second in all, so that files begin and end at many moments. `seed` makes the rows differ.
fn tables(seed: u32, rows: u32) -> String {
    let one = |table: u32| {
        format!(
            "CREATE TABLE t{table} (id INTEGER PRIMARY KEY, a TEXT, b BLOB, c REAL);
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
             INSERT INTO t{table} SELECT i, printf('{seed} %d', i), randomblob(200), i / 7.0 FROM n;
             CREATE INDEX i{table} ON t{table} (a);"
        )
    };
    format!("BEGIN; {} COMMIT;", (0..6).map(one).collect::<String>())
}

/// Starts a run and kills it after `wait`; whether it was done before that.
fn killed(workdir: &Workdir, arguments: &[&str], wait: Duration) -> bool {
    let mut child =
        workdir.command(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program runs");
    std::thread::sleep(wait);
    child.kill().expect("a signal");
    child.wait().expect("it ends").success()
}

/// The moments of a run that takes `time`, from the very start to shortly after the end, with their numbers: all of them, and on a
/// machine that is busy with other things all of them again, a few times.
fn moments(time: Duration) -> impl Iterator<Item = (u32, Duration)> {
    (0..5 * (MOMENTS + 1)).map(move |number| (number, time * (number % (MOMENTS + 1)) / (MOMENTS - 1)))
}

/// Whether a run was killed at every moment, and often enough while it wrote.
fn is_enough(number: u32, interrupted: u32) -> bool {
    number > MOMENTS && interrupted > 2
}

fn timed(run: impl FnOnce()) -> Duration {
    let begun = Instant::now();
    run();
    begun.elapsed()
}

#[test]
fn a_killed_dump_leaves_no_archive_and_the_next_one_goes_on() {
    let workdir = Workdir::empty();
    workdir.sql("large.db", &tables(1, 8_000));
    let dump = |archive| ["dump", "sqlite:large.db", archive, "--jobs", "2", "--row-group-size", "300k"];
    let time = timed(|| drop(workdir.run(&dump("first")).is(0)));
    fs::remove_dir_all(workdir.path("first")).expect("an archive");
    let mut interrupted = 0;
    for (number, moment) in moments(time) {
        if is_enough(number, interrupted) {
            break;
        }
        // Always to the same name: whatever the one before left makes room.
        let done = killed(&workdir, &dump("backup"), moment);
        let complete = workdir.path("backup/manifest.json").exists();
        assert!(complete || !done);
        let listed = workdir.run(&["list", "--json"]).is(0).document();
        assert_eq!(listed["archives"].as_array().map(Vec::len), Some(usize::from(complete)), "{listed}");
        if complete {
            workdir.run(&["verify", "backup"]).is(0);
            fs::remove_dir_all(workdir.path("backup")).expect("an archive");
        } else if workdir.path("backup/data").exists() {
            interrupted += 1;
            workdir.run(&["verify", "backup"]).is(10).complains(&["no manifest.json", "did not finish"]);
        }
    }
    assert!(interrupted > 2, "killed {interrupted} times while it wrote: nothing was tested");
    workdir.run(&dump("backup")).is(0);
    // Nothing of what was left is in it.
    workdir.run(&["verify", "backup", "--against", "sqlite:large.db"]).is(0);
    workdir.run(&["verify", "backup"]).is(0);
}

/// What a database says, once whoever opens it has rolled back what was not committed.
fn content(workdir: &Workdir, database: &str) -> Vec<(i64, String)> {
    let connection = Connection::open(workdir.path(database)).expect(database);
    let check: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("a check");
    assert_eq!(check, "ok");
    let sum = |table: u32| {
        let sql = format!("SELECT count(*), coalesce(group_concat(a || hex(b) || c), '') FROM t{table} ORDER BY id");
        connection.query_row(&sql, [], |row| Ok((row.get(0)?, row.get(1)?))).expect("rows")
    };
    (0..6).map(sum).collect()
}

#[test]
fn a_killed_restore_leaves_the_old_rows() {
    let workdir = Workdir::empty();
    workdir.sql("large.db", &tables(1, 6_000));
    workdir.run(&["dump", "sqlite:large.db", "backup", "-q"]).is(0);
    workdir.sql("old.db", &tables(2, 500));
    let (old, new) = (content(&workdir, "old.db"), content(&workdir, "large.db"));
    let reset = || assert!(fs::copy(workdir.path("old.db"), workdir.path("target.db")).expect("a copy") > 0);
    let restore = ["restore", "backup", "sqlite:target.db", "--yes", "--jobs", "2"];
    reset();
    let time = timed(|| drop(workdir.run(&restore).is(0)));
    assert!(content(&workdir, "target.db") == new);
    reset();
    let mut interrupted = 0;
    for (number, moment) in moments(time) {
        if is_enough(number, interrupted) {
            break;
        }
        let done = killed(&workdir, &restore, moment);
        // A journal with content is a transaction that has to be rolled back.
        interrupted +=
            u32::from(fs::metadata(workdir.path("target.db-journal")).is_ok_and(|journal| journal.len() > 0));
        let found = content(&workdir, "target.db");
        assert!(found == old && !done || found == new, "neither the old rows nor the new ones after {moment:?}");
        if found == new {
            reset();
        }
    }
    assert!(interrupted > 2, "killed {interrupted} times while it wrote: nothing was tested");
    workdir.run(&restore).is(0);
    assert!(content(&workdir, "target.db") == new);
}

#[test]
fn a_killed_restore_into_a_new_file_leaves_none() {
    let workdir = Workdir::empty();
    workdir.sql("large.db", &tables(1, 8_000));
    workdir.run(&["dump", "sqlite:large.db", "backup", "-q"]).is(0);
    let new = content(&workdir, "large.db");
    let restore = ["restore", "backup", "sqlite:target.db", "--jobs", "2"];
    let target = workdir.path("target.db");
    let time = timed(|| drop(workdir.run(&restore).is(0)));
    fs::remove_file(&target).expect("a file");
    let mut interrupted = 0;
    for (number, moment) in moments(time) {
        if is_enough(number, interrupted) {
            break;
        }
        let done = killed(&workdir, &restore, moment);
        assert!(target.exists() || !done);
        if target.exists() {
            assert!(content(&workdir, "target.db") == new, "half a database after {moment:?}");
            fs::remove_file(&target).expect("a file");
        }
        let partial = |entry: &fs::DirEntry| entry.file_name().to_string_lossy().ends_with(".partial");
        for entry in fs::read_dir(workdir.path(".")).expect("a listing").flatten().filter(partial) {
            interrupted += 1;
            fs::remove_file(entry.path()).expect("what is left may be removed");
        }
    }
    assert!(interrupted > 2, "killed {interrupted} times while it wrote: nothing was tested");
    workdir.run(&restore).is(0);
    assert!(content(&workdir, "target.db") == new);
}
