//! How much work is it to make batches of MySQL's and MariaDB's rows, shape by shape?
//!
//! The processor time of the one thread that reads from a private server: packets, the protocol's binary rows, the decoding;
//! not the server's time, and not the time of waiting for it.
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
use dbferry_mysql::testing::{Installation, Server};
use thread_time::ThreadTime;

fn benchmark(criterion: &mut Criterion<ThreadTime>) {
    let installations = Installation::all();
    if installations.is_empty() {
        println!("neither MySQL nor MariaDB is installed: nothing is measured");
    }
    for installation in installations {
        let server = Server::start(&installation, &[]).expect("a server");
        let url = server.url(&server.create_database());
        let endpoint = Endpoint::parse(&url).expect("a URL of this build");
        reading::read_shapes(criterion, &format!("{} rows", server.name()), &endpoint);
    }
}

criterion_group!(name = benches; config = Criterion::default().with_measurement(ThreadTime); targets = benchmark);
criterion_main!(benches);
