//! How much work is it to make batches of what PostgreSQL's binary COPY sends, shape by shape?
//!
//! The processor time of the one thread that reads from a private server: messages, tuples, the decoding; not the server's
//! time, and not the time of waiting for it.
#![allow(clippy::expect_used, clippy::print_stdout, missing_docs)]

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
use dbferry_postgres::testing::{Installation, Server};
use thread_time::ThreadTime;

fn benchmark(criterion: &mut Criterion<ThreadTime>) {
    let Some(installation) = Installation::all().into_iter().next_back() else {
        println!("PostgreSQL is not installed: nothing is measured");
        return;
    };
    let server = Server::start(&installation, &[]).expect("a server");
    let url = server.url(&server.create_database());
    reading::read_shapes(criterion, "copy decode", &Endpoint::parse(&url).expect("a URL of this build"));
}

criterion_group!(name = benches; config = Criterion::default().with_measurement(ThreadTime); targets = benchmark);
criterion_main!(benches);
