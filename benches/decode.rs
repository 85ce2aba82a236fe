//! How fast are rows decoded from Parquet, type by type?
//!
//! Rows of one column each, so that the figures are those of the type, and one of a mixed row, from an archive with the
//! compression of a dump. It is what a restore and a verification do first.
#![allow(clippy::expect_used, missing_docs)]

#[path = "support/columns.rs"]
mod columns;
#[path = "support/measured.rs"]
mod measured;

use columns::{ROWS, batch, bytes, columns};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use dbferry::archive::{Archive, ArchiveWriter, CollectionEntry, Manifest, WriteOptions};
use dbferry_dialect::hash::RowHasher;
use dbferry_dialect::{Batch, Collection, Consistency, DatabaseInfo};
use measured::measured;
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;

/// An archive of those rows.
fn archive(path: &Path, collection: &Collection, batch: &Batch) -> Archive {
    let options = WriteOptions::default();
    let source = DatabaseInfo { dialect: "none".into(), ..DatabaseInfo::default() };
    let archive = ArchiveWriter::create(path, options).expect("an archive");
    let mut writer = archive.collection(collection, "group", &source).expect("a writer");
    let mut encoder = writer.encoder();
    encoder.write(batch).expect("a batch of the collection");
    writer.append(encoder.finish().expect("a row group")).expect("room");
    let mut hasher = RowHasher::new(collection);
    hasher.update(batch).expect("a batch of the collection");
    let files = writer.finish(hasher.total()).expect("files");
    let mut manifest = Manifest::new(source, Consistency::default(), options.compression).expect("a manifest");
    manifest.collections.push(CollectionEntry::new(collection.clone(), "group", "default", hasher.total(), files));
    manifest.count_groups(["group"]);
    archive.finish(manifest).expect("an archive");
    Archive::open(path).expect("an archive")
}

fn benchmark(criterion: &mut Criterion) {
    let columns = columns();
    let mut group = criterion.benchmark_group("decode");
    group.sample_size(20).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
    let single = columns.iter().map(|column| (column.0, std::slice::from_ref(column)));
    for (name, columns) in single.chain([("a row of all", columns.as_slice())]) {
        let (collection, batch) = batch(columns);
        let directory = TempDir::new().expect("a directory");
        let archive = archive(&directory.path().join("archive"), &collection, &batch);
        let reader = archive.collection(&archive.manifest().collections[0]).expect("a reader");
        group.throughput(Throughput::ElementsAndBytes { elements: ROWS as u64, bytes: bytes(&batch) });
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                measured(|| {
                    let mut sink = |batch: Batch| {
                        drop(std::hint::black_box(batch));
                        Ok(())
                    };
                    reader.read(0, 2 << 20, &mut sink).expect("rows");
                });
            });
        });
    }
    group.finish();
}

criterion_group!(benches, benchmark);
criterion_main!(benches);
