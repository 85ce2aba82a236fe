//! How much work is it to step over SQLite's rows and make batches of them, shape by shape?
//!
//! The processor time of the one thread that reads: SQLite itself, and the decoding. A loop that only looks at every value
//! is beside it.
#![allow(clippy::expect_used, missing_docs)]

#[path = "support/measured.rs"]
mod measured;
#[path = "support/reading.rs"]
mod reading;
#[path = "support/shapes.rs"]
mod shapes;
#[path = "support/thread_time.rs"]
mod thread_time;

use criterion::{Criterion, criterion_group, criterion_main};
use dbferry::endpoint::Endpoint;
use measured::measured;
use rusqlite::Connection;
use rusqlite::types::ValueRef;
use shapes::SHAPES;
use std::path::Path;
use tempfile::TempDir;
use thread_time::ThreadTime;

/// Steps over all rows and looks at every value.
fn bare_loop(connection: &Connection, table: &str) -> usize {
    let mut statement = connection.prepare(&format!("SELECT * FROM {table}")).expect("a query");
    let columns = statement.column_count();
    let mut rows = statement.query([]).expect("rows");
    let mut seen = 0;
    while let Some(row) = rows.next().expect("a row") {
        for column in 0..columns {
            seen += match row.get_ref(column).expect("a cell") {
                ValueRef::Null => 0,
                ValueRef::Integer(value) => value as usize & 7,
                ValueRef::Real(value) => value.to_bits() as usize & 7,
                ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes.len(),
            };
        }
    }
    seen
}

fn bare(criterion: &mut Criterion<ThreadTime>, path: &Path) {
    let connection = Connection::open(path).expect("the database");
    let mut group = criterion.benchmark_group("bare loop");
    group.sample_size(20);
    for shape in SHAPES {
        group.bench_function(shape, |bencher| bencher.iter(|| measured(|| bare_loop(&connection, shape))));
    }
    group.finish();
}

fn benchmark(criterion: &mut Criterion<ThreadTime>) {
    let directory = TempDir::new().expect("a directory");
    let path = directory.path().join("shapes.sqlite");
    let endpoint = Endpoint::parse(&format!("sqlite:{}", path.display())).expect("a URL of this build");
    reading::read_shapes(criterion, "sqlite steps", &endpoint);
    bare(criterion, &path);
}

criterion_group!(name = benches; config = Criterion::default().with_measurement(ThreadTime); targets = benchmark);
criterion_main!(benches);
