//! Reading every shape out of a database, measured as the processor time of the thread that reads.

use crate::measured::measured;
use crate::shapes::{ROWS, SHAPES, Source, fill};
use crate::thread_time::ThreadTime;
use criterion::{Criterion, Throughput};
use dbferry::endpoint::Endpoint;
use std::time::Duration;

/// Fills the database, and reads it.
pub(crate) fn read_shapes(criterion: &mut Criterion<ThreadTime>, name: &str, endpoint: &Endpoint<'_>) {
    fill(endpoint);
    let mut source = Source::open(endpoint);
    let mut group = criterion.benchmark_group(name);
    group.sample_size(20).warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    for shape in SHAPES {
        let table = source.table(shape);
        let mut bytes = 0;
        source.read(&table, &mut |batch| bytes += batch.memory_size() as u64);
        group.throughput(Throughput::ElementsAndBytes { elements: ROWS as u64, bytes });
        group.bench_function(shape, |bencher| {
            bencher.iter(|| measured(|| source.read(&table, &mut |batch| drop(std::hint::black_box(batch)))));
        });
    }
    group.finish();
}
