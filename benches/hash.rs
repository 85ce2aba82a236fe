//! How fast is the canonical row hash, type by type?
//!
//! Rows of one column each, so that the figures are those of the type, and one of a mixed row. Every cell is hashed at least
//! three times on the way from a database to its copy, so it must not be what a run waits for.
#![allow(clippy::expect_used, missing_docs)]

#[path = "support/columns.rs"]
mod columns;
#[path = "support/measured.rs"]
mod measured;

use columns::{ROWS, batch, bytes, columns};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use dbferry_dialect::hash::RowHasher;
use measured::measured;
use std::time::Duration;

fn benchmark(criterion: &mut Criterion) {
    let columns = columns();
    let mut group = criterion.benchmark_group("hash");
    group.sample_size(20).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
    let single = columns.iter().map(|column| (column.0, std::slice::from_ref(column)));
    for (name, columns) in single.chain([("a row of all", columns.as_slice())]) {
        let (collection, batch) = batch(columns);
        group.throughput(Throughput::ElementsAndBytes { elements: ROWS as u64, bytes: bytes(&batch) });
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                measured(|| {
                    let mut hasher = RowHasher::new(&collection);
                    hasher.update(&batch).expect("a batch of the collection");
                    hasher.total()
                })
            });
        });
    }
    group.finish();
}

criterion_group!(benches, benchmark);
criterion_main!(benches);
