//! Copies that lose their session, their server or their caller.

use super::*;
use crate::connect::Target;
use crate::testing::{Installation, Server};
use dbferry_dialect::{DatabaseUrl, OpenOptions, Purpose};
use std::thread;

const COPY_OUT: &str =
    "COPY (SELECT pg_catalog.repeat('x', 8000) FROM pg_catalog.generate_series(1, 1000000)) TO STDOUT";
/// Nothing here may take longer.
const SOON: Duration = Duration::from_secs(20);

fn session(url: &str, cancel: &Cancel) -> Session {
    let url = DatabaseUrl::parse(url).expect("a URL");
    let target = Target::resolve(&url, &OpenOptions::new(Purpose::Read, cancel.clone())).expect("a target");
    target.connect().expect("a session")
}

/// Ends whatever is connected to the database.
fn end(server: &Server, database: &str) {
    let sql = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'");
    server.sql("postgres", &sql).expect("the end");
}

/// Reads a long copy and does something after a thousand rows.
fn interrupt_reading(session: &mut Session, meanwhile: &dyn Fn()) -> Error {
    let (mut rows, began) = (0, Instant::now());
    let mut sink = |_: Bytes| {
        rows += 1;
        if rows == 1000 {
            meanwhile();
        }
        Ok(())
    };
    let error = session.copy_out("cannot read", COPY_OUT, &mut sink).expect_err("an interruption");
    assert!(rows >= 1000 && began.elapsed() < SOON, "{rows} rows, {:?}", began.elapsed());
    error
}

/// Writes without end and does something after some megabytes.
fn interrupt_writing(session: &mut Session, meanwhile: &dyn Fn()) -> Error {
    session.run("", "CREATE TABLE public.t (v text)").expect("a table");
    session.copy_in("cannot write", "COPY public.t FROM STDIN").expect("a copy");
    let lines = Bytes::from("x\n".repeat(100_000));
    let began = Instant::now();
    for round in 0.. {
        if round == 20 {
            meanwhile();
        }
        assert!(began.elapsed() < SOON, "nobody told the writer");
        if let Err(error) = session.copy_send("cannot write", lines.clone()) {
            return error;
        }
    }
    unreachable!()
}

#[test]
fn a_copy_that_loses_its_session_ends_with_an_error() {
    let server = Server::shared();
    let database = server.create_database();
    let url = server.url(&database);
    let error = interrupt_reading(&mut session(&url, &Cancel::new()), &|| end(server, &database));
    assert_eq!(error.kind(), ErrorKind::Connect, "{error}");
    let error = interrupt_writing(&mut session(&url, &Cancel::new()), &|| end(server, &database));
    assert_eq!(error.kind(), ErrorKind::Connect, "{error}");
    assert_eq!(server.sql(&database, "SELECT count(*) FROM t").expect("a count"), "0");
}

#[test]
fn a_copy_whose_server_dies_ends_with_an_error() {
    let oldest = Installation::all().into_iter().next().expect("PostgreSQL");
    for write in [false, true] {
        let server = Server::start(&oldest, &[]).expect("a server");
        let mut session = session(&server.url("postgres"), &Cancel::new());
        let kill = || server.kill().expect("a kill");
        let error = if write { interrupt_writing(&mut session, &kill) } else { interrupt_reading(&mut session, &kill) };
        assert_eq!(error.kind(), ErrorKind::Connect, "{error}");
    }
}

#[test]
fn a_copy_is_cancelled() {
    let server = Server::shared();
    let url = server.url(&server.create_database());
    let cancel = Cancel::new();
    let mut reading = session(&url, &cancel);
    assert_eq!(interrupt_reading(&mut reading, &|| cancel.cancel()).kind(), ErrorKind::Cancelled);
}

#[test]
fn a_copy_that_is_abandoned_is_rolled_back_and_the_session_lives() {
    let server = Server::shared();
    let database = server.create_database();
    let mut session = session(&server.url(&database), &Cancel::new());
    session.run("", "CREATE TABLE public.t (v text)").expect("a table");
    session.copy_in("", "COPY public.t FROM STDIN").expect("a copy");
    session.copy_send("", Bytes::from("x\n")).expect("sent");
    session.copy_abort();
    session.copy_in("", "COPY public.t FROM STDIN").expect("another copy");
    session.copy_send("", Bytes::from("y\n")).expect("sent");
    assert_eq!(session.copy_finish("").expect("ended"), 1);
    session.run("", "BEGIN; INSERT INTO public.t VALUES ('z')").expect("an open transaction");
    drop(session);
    assert_eq!(server.sql(&database, "SELECT string_agg(v, ',') FROM t").expect("rows"), "y");
}

#[test]
fn an_error_in_a_copy_is_the_servers_own() {
    let server = Server::shared();
    let mut session = session(&server.url(&server.create_database()), &Cancel::new());
    session.run("", "CREATE TABLE public.t (n int)").expect("a table");
    session.copy_in("", "COPY public.t FROM STDIN").expect("a copy");
    session.copy_send("", Bytes::from("1\nx\n")).expect("sent");
    let error = session.copy_finish("the rows cannot be written").expect_err("no number");
    assert_eq!(error.kind(), ErrorKind::Database);
    assert!(error.to_string().contains("22P02") && error.to_string().contains("COPY t, line 2"), "{error}");
    assert_eq!(session.query("", "SELECT 1", &[]).expect("the session lives").len(), 1);
}

#[test]
fn sessions_of_several_threads_do_not_meet() {
    let server = Server::shared();
    let url = server.url(&server.create_database());
    thread::scope(|scope| {
        for number in 0..8 {
            let url = &url;
            scope.spawn(move || {
                let mut session = session(url, &Cancel::new());
                for _ in 0..20 {
                    let rows = session.query("", "SELECT $1::int4", &[&number]).expect("rows");
                    assert_eq!(rows[0].get::<_, i32>(0), number);
                }
            });
        }
    });
}
