//! How much longer does a whole dump take than a bare loop that steps through all columns and keeps nothing?
//!
//! The dump decodes to Arrow, hashes every row, compresses and writes Parquet, and makes it durable.
#![allow(clippy::expect_used, clippy::print_stdout, missing_docs)]

mod support;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use dbferry::dump::{DumpOptions, dump};
use dbferry::progress::Silent;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};
use std::hint::black_box;
use std::path::Path;
use support::{ROWS, compare, database, endpoint, jobs, resources};
use tempfile::TempDir;

/// Reads every cell; returns the bytes of what has some, so that nothing can be left out.
fn bare_loop(path: &Path) -> usize {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).expect("the database");
    let mut statement = connection.prepare("SELECT * FROM t").expect("a query");
    let columns = statement.column_count();
    let mut rows = statement.query([]).expect("rows");
    let mut bytes = 0;
    while let Some(row) = rows.next().expect("a row") {
        for column in 0..columns {
            bytes += match row.get_ref(column).expect("a cell") {
                ValueRef::Null => 0,
                ValueRef::Integer(value) => black_box(value) as usize & 7,
                ValueRef::Real(value) => black_box(value).to_bits() as usize & 7,
                ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes.len(),
            };
        }
    }
    bytes
}

fn whole_dump(path: &Path, scratch: &Path, jobs: usize) {
    let archive = TempDir::new_in(scratch).expect("a directory for the archive");
    let options = DumpOptions { resources: resources(jobs), ..DumpOptions::default() };
    let report = dump(&endpoint(path), archive.path(), &options, &Silent).expect("a dump");
    assert_eq!(report.rows, ROWS);
}

fn benchmark(criterion: &mut Criterion) {
    let scratch = TempDir::new().expect("a directory");
    let path = scratch.path().join("source.sqlite");
    database(&path);
    let mut group = criterion.benchmark_group("dump");
    group.sample_size(10).throughput(Throughput::Elements(ROWS));
    group.bench_function("bare loop", |bencher| bencher.iter(|| bare_loop(&path)));
    group.bench_function("1 job", |bencher| bencher.iter(|| whole_dump(&path, scratch.path(), 1)));
    group.bench_function("all jobs", |bencher| bencher.iter(|| whole_dump(&path, scratch.path(), jobs())));
    group.finish();
    for jobs in [1, jobs()] {
        let subject = format!("dump, jobs {jobs}");
        compare("bare loop", || _ = black_box(bare_loop(&path)), &subject, || whole_dump(&path, scratch.path(), jobs));
    }
}

criterion_group!(benches, benchmark);
criterion_main!(benches);
