//! How fast are rows encoded as Parquet, type by type, and what does compressing cost?
//!
//! Rows of one column each, so that the figures are those of the type, and one of a mixed row; without compression and with
//! the one that a dump has by default. Row groups are dropped as soon as they are made.
#![allow(clippy::expect_used, missing_docs)]

#[path = "support/columns.rs"]
mod columns;
#[path = "support/measured.rs"]
mod measured;

use columns::{ROWS, batch, bytes, columns};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use dbferry::archive::{ArchiveWriter, Compression, WriteOptions};
use dbferry_dialect::DatabaseInfo;
use measured::measured;
use std::time::Duration;
use tempfile::TempDir;

fn benchmark(criterion: &mut Criterion) {
    let columns = columns();
    for compression in [Compression::None, Compression::default()] {
        let mut group = criterion.benchmark_group(format!("encode, {compression}"));
        group.sample_size(20).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
        let single = columns.iter().map(|column| (column.0, std::slice::from_ref(column)));
        for (name, columns) in single.chain([("a row of all", columns.as_slice())]) {
            let (collection, batch) = batch(columns);
            let directory = TempDir::new().expect("a directory");
            let options = WriteOptions { compression, ..WriteOptions::default() };
            let archive = ArchiveWriter::create(&directory.path().join("archive"), options).expect("an archive");
            let writer = archive.collection(&collection, "group", &DatabaseInfo::default()).expect("a writer");
            group.throughput(Throughput::ElementsAndBytes { elements: ROWS as u64, bytes: bytes(&batch) });
            group.bench_function(name, |bencher| {
                bencher.iter(|| {
                    measured(|| {
                        let mut encoder = writer.encoder();
                        encoder.write(&batch).expect("a batch of the collection");
                        encoder.finish().expect("a row group")
                    })
                });
            });
        }
        group.finish();
    }
}

criterion_group!(benches, benchmark);
criterion_main!(benches);
