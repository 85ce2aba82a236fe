//! Loads and statements that lose their session, their server or their caller.

use super::*;
use crate::connect::Target;
use crate::testing::{Installation, Server};
use dbferry_dialect::{DatabaseUrl, OpenOptions, Purpose};
use std::thread;
use std::time::{Duration, Instant};

const LOAD: &str = "LOAD DATA LOCAL INFILE 'rows' INTO TABLE t CHARACTER SET utf8mb4";
/// Nothing here may take longer.
const SOON: Duration = Duration::from_secs(20);

fn session(url: &str, cancel: &Cancel) -> Session {
    let url = DatabaseUrl::parse(url).expect("a URL");
    let target = Target::resolve(&url, &OpenOptions::new(Purpose::Write, cancel.clone())).expect("a target");
    target.connect().expect("a session")
}

/// Loads without end and does something after some megabytes.
fn interrupted(session: &mut Session, meanwhile: &dyn Fn()) -> Error {
    session.run("", "CREATE TABLE t (v TEXT)").expect("a table");
    session.load_begin(LOAD.to_owned()).expect("a load");
    let lines = Bytes::from("x\n".repeat(20_000));
    let began = Instant::now();
    for round in 0.. {
        if round == 10 {
            meanwhile();
        }
        assert!(began.elapsed() < SOON, "nobody told the writer");
        if let Err(error) = session.load_send("cannot load", lines.clone()) {
            return error;
        }
    }
    unreachable!()
}

/// How many rows there are once the server has noticed the end of whoever wrote them.
fn rows(server: &Server, database: &str) -> String {
    server.sql(database, "SET lock_wait_timeout = 20; LOCK TABLES t WRITE; SELECT COUNT(*) FROM t").expect("a count")
}

#[test]
fn a_load_that_is_cancelled_leaves_no_row() {
    for server in Server::all() {
        let database = server.create_database();
        let cancel = Cancel::new();
        let mut loading = session(&server.url(&database), &cancel);
        assert_eq!(interrupted(&mut loading, &|| cancel.cancel()).kind(), ErrorKind::Cancelled);
        drop(loading);
        assert_eq!(rows(server, &database), "0", "{}", server.name());
    }
}

#[test]
fn a_load_that_is_dropped_leaves_no_row() {
    for server in Server::all() {
        let database = server.create_database();
        let mut loading = session(&server.url(&database), &Cancel::new());
        loading.run("", "CREATE TABLE t (v TEXT)").expect("a table");
        loading.load_begin(LOAD.to_owned()).expect("a load");
        loading.load_send("", Bytes::from("x\n".repeat(100_000))).expect("sent");
        let error = loading.run("", "SELECT 1").expect_err("a load is under way");
        assert!(error.to_string().contains("middle of a load"), "{error}");
        drop(loading);
        assert_eq!(rows(server, &database), "0", "{}", server.name());
    }
}

#[test]
fn a_load_that_loses_its_session_says_so() {
    for server in Server::all() {
        let database = server.create_database();
        let mut loading = session(&server.url(&database), &Cancel::new());
        let ids = "SELECT ID FROM information_schema.PROCESSLIST WHERE DB = ";
        let id = server.sql("", &format!("{ids}'{database}'")).expect("a list");
        let error = interrupted(&mut loading, &|| {
            server.sql("", &format!("KILL CONNECTION {id}")).expect("the end");
        });
        assert_eq!(error.kind(), ErrorKind::Connect, "{error}");
        assert_eq!(loading.run("", "SELECT 1").expect_err("no session").kind(), ErrorKind::Connect);
        assert_eq!(rows(server, &database), "0", "{}", server.name());
    }
}

#[test]
fn a_load_whose_server_dies_says_so() {
    for installation in Installation::all() {
        let server = Server::start(&installation, &[]).expect("a server");
        let mut loading = session(&server.url(&server.create_database()), &Cancel::new());
        let error = interrupted(&mut loading, &|| server.kill().expect("a kill"));
        assert_eq!(error.kind(), ErrorKind::Connect, "{error}");
    }
}

#[test]
fn an_error_is_the_servers_own_and_the_session_lives_on() {
    for server in Server::all() {
        let mut session = session(&server.url(&server.create_database()), &Cancel::new());
        session.load_begin(LOAD.to_owned()).expect("a load");
        let error = session.load_finish("the rows cannot be loaded").expect_err("no such table");
        assert_eq!(error.kind(), ErrorKind::Database, "{error}");
        assert!(error.to_string().contains("error 1146"), "{error}");
        assert_eq!(session.run("", "SELEC").expect_err("nonsense").kind(), ErrorKind::Database);
        assert_eq!(session.query("", "SELECT 1").expect("rows").len(), 1);
    }
}

#[test]
fn locks_of_others_are_waited_for_no_longer_than_asked() {
    for server in Server::all() {
        let database = server.create_database();
        server.sql(&database, "CREATE TABLE t (v INT); INSERT INTO t VALUES (1)").expect("a table");
        let url = DatabaseUrl::parse(&server.url(&database)).expect("a URL");
        let mut options = OpenOptions::default();
        options.lock_wait = Some(Duration::from_secs(1));
        let target = Target::resolve(&url, &options).expect("a target");
        let (mut holder, mut waiter) = (target.connect().expect("a session"), target.connect().expect("a session"));
        holder.run("", "BEGIN").expect("a transaction");
        holder.run("", "UPDATE t SET v = 2").expect("a lock");
        for sql in ["UPDATE t SET v = 3", "ALTER TABLE t ADD COLUMN w INT"] {
            let began = Instant::now();
            let error = waiter.run("cannot change it", sql).expect_err("a lock");
            assert_eq!(error.kind(), ErrorKind::Busy, "{error}");
            assert!(error.remedy().is_some_and(|hint| hint.contains("another session")));
            assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
        }
    }
}

#[test]
fn sessions_of_several_threads_do_not_meet() {
    for server in Server::all() {
        let url = server.url(&server.create_database());
        thread::scope(|scope| {
            for number in 0..8_u64 {
                let url = &url;
                scope.spawn(move || {
                    let mut session = session(url, &Cancel::new());
                    for _ in 0..20 {
                        let rows = session.query_with("", "SELECT ?", (number,)).expect("rows");
                        assert_eq!(rows[0].get::<u64, _>(0), Some(number));
                    }
                });
            }
        });
    }
}
