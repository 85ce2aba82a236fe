//! Connections against real servers of every version that is installed: logins, TLS, poolers, and connections that end.
//!
//! The names are `postgres-VERSION::topic::case`. What is not installed is shown as ignored, and fails where `CI` is set.
// A case that cannot go on ends with a panic, also in its helpers.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, missing_docs)]

// Who is let in, and what is said to those who are not.
mod login;
// Sessions that are cancelled, ended or cut off.
mod lost;
// Poolers in between.
mod pooler;
// Certificates of every kind.
mod tls;

use dbferry_dialect::{Database, DatabaseUrl, Dialect, Error, ErrorKind, OpenOptions};
use dbferry_postgres::Postgres;
use dbferry_postgres::testing::{Installation, Server};
use libtest_mimic::{Arguments, Failed, Trial};

/// No output, no error and no debug text may ever hold it.
const CANARY: &str = "c4n4ry";

/// A case: its name, and what it does with a version.
type Case = (&'static str, fn(&Installation));

fn main() {
    let arguments = Arguments::from_args();
    let installations = Installation::all();
    let mut trials = Vec::new();
    if installations.is_empty() {
        trials.push(missing("postgres::is_there", "PostgreSQL"));
    }
    for installation in installations {
        for (topic, cases) in [("login", login::CASES), ("lost", lost::CASES), ("tls", tls::CASES)] {
            trials.extend(cases.iter().map(|case| trial(&installation, topic, *case)));
        }
        if pooler::is_installed() {
            trials.extend(pooler::CASES.iter().map(|case| trial(&installation, "pooler", *case)));
        } else {
            trials.push(missing(&format!("postgres-{}::pooler", installation.major), "pgbouncer"));
        }
    }
    libtest_mimic::run(&arguments, trials).exit();
}

fn trial(installation: &Installation, topic: &str, (name, case): Case) -> Trial {
    let name = format!("postgres-{}::{topic}::{name}", installation.major);
    let installation = installation.clone();
    Trial::test(name, move || {
        case(&installation);
        Ok(())
    })
}

/// One trial that says that something was not tried.
fn missing(name: &str, what: &str) -> Trial {
    let reason = format!("{what} is not installed");
    // In CI nobody would see that it was not tried.
    let ignored = std::env::var_os("CI").is_none();
    Trial::test(name, move || Err(Failed::from(reason))).with_kind("not installed").with_ignored_flag(ignored)
}

/// Opens a database with nothing of the environment but these variables.
fn open(url: &str, variables: &[(&str, &str)]) -> Result<Box<dyn Database>, Error> {
    let mut options = OpenOptions::default();
    options.environment = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Postgres.open(&DatabaseUrl::parse(url).expect("a URL"), &options)
}

/// The URL of the server's database `postgres` over the network.
fn over_network(server: &Server, login: &str, parameters: &str) -> String {
    format!("postgres://{login}@127.0.0.1:{}/postgres?{parameters}", server.port())
}

/// What a query says about the session that runs it.
fn ask(database: &mut dyn Database, sql: &str) -> String {
    database.query_names(sql).expect(sql).join("\n")
}

/// Asserts what a refusal is, and that it holds no secret.
#[track_caller]
fn refused(result: Result<Box<dyn Database>, Error>, kind: ErrorKind, words: &[&str]) {
    let Err(error) = result else { panic!("nothing was refused: {words:?} was expected") };
    is_told(&error, kind, words);
}

#[track_caller]
fn is_told(error: &Error, kind: ErrorKind, words: &[&str]) {
    let text = format!("{error:?}");
    assert_eq!(error.kind(), kind, "{text}");
    for word in words {
        assert!(text.contains(word), "{word:?} is missing: {text}");
    }
    assert!(!text.contains(CANARY), "{text}");
}
