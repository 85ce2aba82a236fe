//! Sessions that are cancelled, ended or cut off: an answer within seconds, that says what happened.

use crate::{CANARY, Case, is_told, options};
use dbferry_dialect::testkit::proxy::Proxy;
use dbferry_dialect::{Cancel, Error, ErrorKind};
use dbferry_mysql::testing::{Installation, Kind, Server, Setup};
use std::thread;
use std::time::{Duration, Instant};

pub(crate) const CASES: &[Case] = &[
    ("cancelling_stops_the_server", cancelling_stops_the_server),
    ("cancelling_while_rows_come", cancelling_while_rows_come),
    ("a_session_that_is_ended", a_session_that_is_ended),
    ("a_server_that_dies", a_server_that_dies),
    ("a_network_that_breaks", a_network_that_breaks),
    ("leaving_frees_what_was_held", leaving_frees_what_was_held),
];

/// Takes far longer than any test, and is no sleep, which is not an error when it is stopped.
pub(crate) const LONG: &str = "SELECT COUNT(*) FROM information_schema.COLLATIONS a, information_schema.COLLATIONS b, \
     information_schema.COLLATIONS c, information_schema.COLLATIONS d WHERE a.ID + b.ID + c.ID + d.ID = 'long'";
/// Nothing here may take longer.
const SOON: Duration = Duration::from_secs(15);

fn server(installation: &Installation) -> &'static Server {
    Server::shared_of(installation).expect("a server")
}

/// Runs a long query on another thread while `meanwhile` does something to it; returns its error.
fn interrupted(kind: Kind, url: &str, sql: &'static str, cancel: &Cancel, meanwhile: impl FnOnce()) -> Error {
    let (url, options) = (url.to_owned(), options(&[], cancel));
    let began = Instant::now();
    let running = thread::spawn(move || kind.ask(&url, &options, sql).expect_err("an interruption"));
    thread::sleep(Duration::from_millis(700));
    meanwhile();
    let error = running.join().expect("no panic");
    assert!(began.elapsed() < SOON, "{kind:?}: it took {:?}", began.elapsed());
    error
}

/// The sessions of a database that run something.
fn running(server: &Server, database: &str) -> Vec<String> {
    let sql = format!("SELECT ID FROM information_schema.PROCESSLIST WHERE DB = '{database}'");
    server.sql("", &sql).expect("a list").lines().map(str::to_owned).collect()
}

/// Waits until nothing of a database runs any more.
fn is_over(server: &Server, database: &str) {
    let began = Instant::now();
    while !running(server, database).is_empty() {
        assert!(began.elapsed() < SOON, "it is still there");
        thread::sleep(Duration::from_millis(10));
    }
}

fn cancelling_stops_the_server(installation: &Installation) {
    let server = server(installation);
    for kind in Kind::ALL {
        let name = server.create_database();
        let cancel = Cancel::new();
        let error = interrupted(kind, &server.url(&name), LONG, &cancel, || {
            assert_eq!(running(server, &name).len(), 1, "the query did not run, so nothing was cancelled");
            cancel.cancel();
        });
        is_told(&error, ErrorKind::Cancelled, &["cancelled"]);
        is_over(server, &name);
        // What is cancelled before it begins does not begin.
        let error = kind.ask(&server.url(&name), &options(&[], &cancel), "SELECT 1").expect_err("a refusal");
        assert_eq!(error.kind(), ErrorKind::Cancelled);
    }
}

fn cancelling_while_rows_come(installation: &Installation) {
    const ROWS: &str = "SELECT a.ID FROM information_schema.COLLATIONS a, information_schema.COLLATIONS b, \
         information_schema.COLLATIONS c, information_schema.COLLATIONS d";
    let server = server(installation);
    let name = server.create_database();
    let cancel = Cancel::new();
    let error = interrupted(Kind::Rows, &server.url(&name), ROWS, &cancel, || cancel.cancel());
    is_told(&error, ErrorKind::Cancelled, &["cancelled"]);
    is_over(server, &name);
}

fn a_session_that_is_ended(installation: &Installation) {
    let server = server(installation);
    for kind in Kind::ALL {
        for (word, expected, hint) in
            [("CONNECTION", ErrorKind::Connect, "ended"), ("QUERY", ErrorKind::Database, "somebody stopped")]
        {
            let name = server.create_database();
            let error = interrupted(kind, &server.url(&name), LONG, &Cancel::new(), || {
                for id in running(server, &name) {
                    server.sql("", &format!("KILL {word} {id}")).expect("the end");
                }
            });
            is_told(&error, expected, &[hint, "dialect mysql"]);
        }
    }
}

fn a_server_that_dies(installation: &Installation) {
    for kind in Kind::ALL {
        let server = Server::start(installation, &[]).expect("a server");
        let url = server.url("mysql");
        let error = interrupted(kind, &url, LONG, &Cancel::new(), || server.kill().expect("a kill"));
        is_told(&error, ErrorKind::Connect, &["the connection was closed", "the server's log"]);
        let error = kind.ask(&url, &options(&[], &Cancel::new()), "SELECT 1").expect_err("nobody there");
        is_told(&error, ErrorKind::Connect, &["cannot connect"]);
    }
}

fn a_network_that_breaks(installation: &Installation) {
    let setup = Setup { network: true, ..Setup::default() };
    let server = Server::start_with(installation, &setup).expect("a server");
    let user = format!("CREATE USER me IDENTIFIED BY '{CANARY}'; GRANT SELECT ON mysql.* TO me");
    server.sql("", &user).expect("a user");
    for kind in Kind::ALL {
        let proxy = Proxy::start(server.port().expect("a network")).expect("a proxy");
        let url = format!("mysql://me:{CANARY}@127.0.0.1:{}/mysql", proxy.port());
        let error = interrupted(kind, &url, LONG, &Cancel::new(), || proxy.cut());
        is_told(&error, ErrorKind::Connect, &["the connection was closed", "the server's log"]);
    }
}

fn leaving_frees_what_was_held(installation: &Installation) {
    let server = server(installation);
    for kind in Kind::ALL {
        let name = server.create_database();
        for _ in 0..5 {
            kind.ask(&server.url(&name), &options(&[], &Cancel::new()), "SELECT 1").expect("an answer");
            is_over(server, &name);
        }
    }
}
