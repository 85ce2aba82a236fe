//! How much work is it to make PostgreSQL's binary COPY of batches and send it, shape by shape?
//!
//! The processor time of the one thread that writes to a private server; not the server's time, and not the time of waiting
//! for it. Each run loads a new table, and is rolled back.
#![allow(clippy::expect_used, clippy::print_stdout, missing_docs)]

#[path = "support/measured.rs"]
mod measured;
#[path = "support/shapes.rs"]
mod shapes;
#[path = "support/thread_time.rs"]
mod thread_time;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use dbferry::endpoint::Endpoint;
use dbferry_dialect::{
    Batch, Cancel, Collection, CollectionAction, CollectionPlan, GroupPlan, Purpose, ReplaceOptions, Replacer, Writer,
};
use dbferry_postgres::testing::{Installation, Server};
use measured::measured;
use shapes::{ROWS, SHAPES, Source, fill};
use std::time::Duration;
use thread_time::ThreadTime;

/// A writer into a new table of the shape, and what takes the table away again.
fn writer(endpoint: &Endpoint<'_>, table: &Collection) -> (Box<dyn Writer>, Box<dyn Replacer>) {
    let mut database = endpoint.open(Purpose::Write, &Cancel::new()).expect("a database");
    let mut replacer = database.replacer(&ReplaceOptions::new(1)).expect("a replacer");
    let plan = CollectionPlan {
        source: table.clone(),
        target: table.name.clone(),
        existing: None,
        action: CollectionAction::Create,
        parts: 1,
        objects: Vec::new(),
        use_definition: false,
    };
    replacer.begin(GroupPlan { group: "bench".into(), collections: vec![plan] }).expect("a group");
    (replacer.writers().expect("writers").remove(0), replacer)
}

fn benchmark(criterion: &mut Criterion<ThreadTime>) {
    let Some(installation) = Installation::all().into_iter().next_back() else {
        println!("PostgreSQL is not installed: nothing is measured");
        return;
    };
    let server = Server::start(&installation, &[]).expect("a server");
    let filled = server.url(&server.create_database());
    let filled = Endpoint::parse(&filled).expect("a URL of this build");
    fill(&filled);
    let mut source = Source::open(&filled);
    let url = server.url(&server.create_database());
    let empty = Endpoint::parse(&url).expect("a URL of this build");
    let mut group = criterion.benchmark_group("copy encode");
    group.sample_size(20).warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    for shape in SHAPES {
        let table = source.table(shape);
        let mut batches: Vec<Batch> = Vec::new();
        source.read(&table, &mut |batch| batches.push(batch));
        let bytes = batches.iter().map(|batch| batch.memory_size() as u64).sum();
        group.throughput(Throughput::ElementsAndBytes { elements: ROWS as u64, bytes });
        group.bench_function(shape, |bencher| {
            bencher.iter_batched(
                || writer(&empty, &table),
                |(mut writer, replacer)| {
                    measured(|| {
                        batches.iter().try_for_each(|batch| writer.write(&table.name, batch)).expect("written");
                    });
                    (writer, replacer)
                },
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

criterion_group!(name = benches; config = Criterion::default().with_measurement(ThreadTime); targets = benchmark);
criterion_main!(benches);
