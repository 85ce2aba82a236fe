//! Sessions that are cancelled, ended or cut off: an answer within seconds, that says what happened.

use crate::{Case, is_told, open};
use dbferry_dialect::testkit::proxy::Proxy;
use dbferry_dialect::{Cancel, DatabaseUrl, Dialect, Error, ErrorKind, OpenOptions, Purpose};
use dbferry_postgres::Postgres;
use dbferry_postgres::testing::{Installation, Server, Setup};
use std::thread;
use std::time::{Duration, Instant};

pub(crate) const CASES: &[Case] = &[
    ("cancelling_stops_the_server", cancelling_stops_the_server),
    ("a_session_that_is_ended_says_by_whom", a_session_that_is_ended_says_by_whom),
    ("a_server_that_dies", a_server_that_dies),
    ("a_network_that_breaks", a_network_that_breaks),
    ("leaving_frees_what_was_held", leaving_frees_what_was_held),
];

const LONG: &str = "SELECT pg_catalog.pg_sleep(100)::text";
/// Nothing here may take longer.
const SOON: Duration = Duration::from_secs(15);

fn server(installation: &Installation) -> &'static Server {
    Server::shared_of(installation).expect("a server")
}

/// Runs a long query on another thread while `meanwhile` does something to it; returns its error.
fn interrupted(url: &str, cancel: &Cancel, meanwhile: impl FnOnce()) -> Error {
    let mut database = Postgres
        .open(&DatabaseUrl::parse(url).expect("a URL"), &OpenOptions::new(Purpose::Read, cancel.clone()))
        .expect("a database");
    let began = Instant::now();
    let running = thread::spawn(move || database.query_names(LONG).expect_err("an interruption"));
    thread::sleep(Duration::from_millis(300));
    meanwhile();
    let error = running.join().expect("no panic");
    assert!(began.elapsed() < SOON, "it took {:?}", began.elapsed());
    error
}

/// How many sessions run the long query.
fn running(server: &Server, database: &str) -> String {
    let sql = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = '{database}' AND query LIKE '%pg_sleep(100)%' AND pid <> pg_backend_pid()"
    );
    server.sql("postgres", &sql).expect("a count")
}

fn cancelling_stops_the_server(installation: &Installation) {
    let server = server(installation);
    let name = server.create_database();
    let cancel = Cancel::new();
    let error = interrupted(&server.url(&name), &cancel, || {
        assert_eq!(running(server, &name), "1", "the query did not run, so nothing was cancelled");
        cancel.cancel();
    });
    is_told(&error, ErrorKind::Cancelled, &["cancelled"]);
    assert_eq!(running(server, &name), "0");
    // What is cancelled before it begins does not begin.
    let options = OpenOptions::new(Purpose::Read, cancel);
    let error = Postgres.open(&DatabaseUrl::parse(&server.url(&name)).expect("a URL"), &options).err();
    assert_eq!(error.expect("a refusal").kind(), ErrorKind::Cancelled);
}

fn a_session_that_is_ended_says_by_whom(installation: &Installation) {
    let server = server(installation);
    let name = server.create_database();
    let end = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'");
    let error = interrupted(&server.url(&name), &Cancel::new(), || {
        server.sql("postgres", &end).expect("the end");
    });
    is_told(&error, ErrorKind::Connect, &["57P01", "ended this session"]);
    // When nobody was waiting for an answer, the question may meet a closed connection before the server's last words are
    // read; it is the connection all the same.
    let mut database = open(&server.url(&name), &[]).expect("a database");
    server.sql("postgres", &end).expect("the end");
    let error = database.query_names("SELECT 'x'").expect_err("no session");
    is_told(&error, ErrorKind::Connect, &["dialect postgres"]);
    // A statement that somebody else stopped is not what the caller cancelled.
    let stop = end.replace("pg_terminate_backend", "pg_cancel_backend");
    let error = interrupted(&server.url(&name), &Cancel::new(), || {
        server.sql("postgres", &stop).expect("the end");
    });
    is_told(&error, ErrorKind::Database, &["57014", "somebody or a time limit"]);
}

fn a_server_that_dies(installation: &Installation) {
    let server = Server::start(installation, &[]).expect("a server");
    let error = interrupted(&server.url("postgres"), &Cancel::new(), || server.kill().expect("a kill"));
    is_told(&error, ErrorKind::Connect, &["dialect postgres"]);
    let error = open(&server.url("postgres"), &[]).err().expect("nobody there");
    is_told(&error, ErrorKind::Connect, &["cannot connect"]);
}

fn a_network_that_breaks(installation: &Installation) {
    let setup = Setup { network: true, ..Setup::default() };
    let server = Server::start_with(installation, &setup).expect("a server");
    let proxy = Proxy::start(server.port()).expect("a proxy");
    let url = format!("postgres://postgres@127.0.0.1:{}/postgres", proxy.port());
    let error = interrupted(&url, &Cancel::new(), || proxy.cut());
    is_told(&error, ErrorKind::Connect, &["the connection was closed", "the server's log"]);
}

fn leaving_frees_what_was_held(installation: &Installation) {
    let server = server(installation);
    let name = server.create_database();
    for _ in 0..5 {
        let database = open(&server.url(&name), &[]).expect("a database");
        drop(database);
        // The server removes a session a moment after it took leave.
        let began = Instant::now();
        let sql = format!("SELECT count(*) FROM pg_stat_activity WHERE datname = '{name}'");
        while server.sql("postgres", &sql).expect("a count") != "0" {
            assert!(began.elapsed() < SOON, "the session is still there");
        }
    }
}
