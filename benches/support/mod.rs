//! What the benchmarks of whole runs share: a database with mixed columns, and a fair comparison of two ways.
//!
//! What it is not: a measurement of large tables. The database fits the page cache, so what is compared is the work of the
//! processor, not the disk's.

use dbferry::endpoint::Endpoint;
use dbferry::resources::Resources;
use rusqlite::Connection;
use std::path::Path;
use std::time::{Duration, Instant};

/// Rows of the database: about 60 MB.
pub(crate) const ROWS: u64 = 500_000;

/// The table's columns, as an insert loop names them.
pub(crate) const TABLE: &str = "CREATE TABLE t (
    id INTEGER PRIMARY KEY, customer INTEGER NOT NULL, price DECIMAL(10,2), weight REAL, name TEXT NOT NULL, note TEXT,
    born DATE, placed TIMESTAMP, done BOOLEAN)";

/// Creates the database: one table with integers, a decimal, a float, two texts, a date, a timestamp and a bool.
pub(crate) fn database(path: &Path) {
    let connection = Connection::open(path).expect("a new database");
    connection.execute_batch(TABLE).expect("a table");
    let rows = format!(
        "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS})
         INSERT INTO t SELECT i, i * 7919 % 100003, i % 100000 / 100.0, i / 7.0, 'customer number ' || i,
             CASE WHEN i % 3 = 0 THEN 'a note of ordinary length, which is read and written like any other, ' || i END,
             date('2000-01-01', (i % 9000) || ' days'), datetime('2020-01-01', (i % 100000000) || ' seconds'), i % 2
         FROM n"
    );
    connection.execute_batch(&rows).expect("rows");
}

/// The database as an endpoint.
pub(crate) fn endpoint(path: &Path) -> Endpoint<'static> {
    let path = path.to_str().expect("a temporary path in UTF-8");
    Endpoint::parse(&format!("sqlite:{path}")).expect("a URL of this build")
}

/// `jobs` threads, with the memory that they have by default.
pub(crate) fn resources(jobs: usize) -> Resources {
    Resources::new(Some(jobs), None).expect("resources")
}

/// As many jobs as a run takes by default.
pub(crate) fn jobs() -> usize {
    Resources::default().jobs
}

/// Runs both ways in turn, so that whatever else the machine does hits both, and prints the medians and how they compare.
pub(crate) fn compare(baseline: &str, mut base: impl FnMut(), subject: &str, mut run: impl FnMut()) {
    const TURNS: usize = 5;
    let timed = |run: &mut dyn FnMut()| {
        let start = Instant::now();
        run();
        start.elapsed()
    };
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..TURNS {
        times[0].push(timed(&mut base));
        times[1].push(timed(&mut run));
    }
    let [base, run] = times.map(median);
    println!(
        "{subject}: {run:.2?}, {baseline}: {base:.2?}; {:.2} times the time, {:.2} million rows/s\n",
        run.as_secs_f64() / base.as_secs_f64(),
        ROWS as f64 / run.as_secs_f64() / 1e6
    );
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
