//! How much longer does a whole restore take than SQLite's own copy (`VACUUM INTO`), and than a bare loop of inserts?
//!
//! The restore checks the archive's bytes, decodes Parquet, hashes every row, writes, reads everything again, hashes it, and
//! makes it durable. Neither of the two others proves anything.
#![allow(clippy::expect_used, clippy::print_stdout, missing_docs)]

mod support;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use dbferry::archive::Archive;
use dbferry::dump::{DumpOptions, dump};
use dbferry::progress::Silent;
use dbferry::restore::{RestoreOptions, restore};
use rusqlite::{Connection, OpenFlags, params_from_iter, types::ValueRef};
use std::path::Path;
use support::{ROWS, TABLE, compare, database, endpoint, jobs, resources};
use tempfile::TempDir;

fn open(path: &Path) -> Connection {
    Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).expect("the database")
}

fn vacuum_into(source: &Path, scratch: &Path) {
    let target = TempDir::new_in(scratch).expect("a directory for the copy");
    let file = target.path().join("copy.sqlite").to_str().expect("a temporary path in UTF-8").to_owned();
    open(source).execute("VACUUM INTO ?1", [file]).expect("a copy");
}

/// Reads each row of the source and inserts it, without a journal and without waiting for the disk.
fn bare_inserts(source: &Path, scratch: &Path) {
    let target = TempDir::new_in(scratch).expect("a directory for the copy");
    let mut copy = Connection::open(target.path().join("copy.sqlite")).expect("a new database");
    copy.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF").expect("pragmas");
    copy.execute_batch(TABLE).expect("a table");
    let source = open(source);
    let mut query = source.prepare("SELECT * FROM t").expect("a query");
    let columns = query.column_count();
    let transaction = copy.transaction().expect("a transaction");
    let places = vec!["?"; columns].join(", ");
    let mut insert = transaction.prepare(&format!("INSERT INTO t VALUES ({places})")).expect("an insert");
    let mut rows = query.query([]).expect("rows");
    while let Some(row) = rows.next().expect("a row") {
        let cells = (0..columns).map(|column| row.get_ref(column).expect("a cell"));
        insert.execute(params_from_iter(cells.map(Borrowed))).expect("inserted");
    }
    drop(insert);
    transaction.commit().expect("committed");
}

/// A cell that is bound as it was read.
struct Borrowed<'a>(ValueRef<'a>);

impl rusqlite::ToSql for Borrowed<'_> {
    fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
        Ok(rusqlite::types::ToSqlOutput::Borrowed(self.0))
    }
}

fn whole_restore(archive: &Path, scratch: &Path, jobs: usize) {
    let target = TempDir::new_in(scratch).expect("a directory for the copy");
    let archive = Archive::open(archive).expect("an archive");
    let options = RestoreOptions { resources: resources(jobs), ..RestoreOptions::default() };
    let report =
        restore(&archive, &endpoint(&target.path().join("copy.sqlite")), &options, &Silent).expect("a restore");
    assert_eq!(report.rows, ROWS);
}

fn benchmark(criterion: &mut Criterion) {
    let scratch = TempDir::new().expect("a directory");
    let source = scratch.path().join("source.sqlite");
    let archive = scratch.path().join("archive");
    database(&source);
    dump(&endpoint(&source), &archive, &DumpOptions::default(), &Silent).expect("a dump");
    let mut group = criterion.benchmark_group("restore");
    group.sample_size(10).throughput(Throughput::Elements(ROWS));
    group.bench_function("VACUUM INTO", |bencher| bencher.iter(|| vacuum_into(&source, scratch.path())));
    group.bench_function("bare inserts", |bencher| bencher.iter(|| bare_inserts(&source, scratch.path())));
    group.bench_function("all jobs", |bencher| bencher.iter(|| whole_restore(&archive, scratch.path(), jobs())));
    group.finish();
    let subject = format!("restore, jobs {}", jobs());
    let run = || whole_restore(&archive, scratch.path(), jobs());
    compare("VACUUM INTO", || vacuum_into(&source, scratch.path()), &subject, run);
    compare("bare inserts", || bare_inserts(&source, scratch.path()), &subject, run);
}

criterion_group!(benches, benchmark);
criterion_main!(benches);
