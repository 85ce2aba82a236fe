//! Connections against real servers of every kind that is installed, and one that is not real: logins, TLS, connections
//! that end, and a server that means ill. What is said of both kinds of sessions is tried with both.
//!
//! The names are `SERVER-VERSION::topic::case`. What is not installed is shown as ignored, and fails where `CI` is set.
// A case that cannot go on ends with a panic, also in its helpers.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, missing_docs)]

// How often a password is tried.
mod attempts;
// Who is let in, and what is said to those who are not.
mod login;
// Sessions that are cancelled, ended or cut off.
mod lost;
// A server that asks for files.
mod rogue;
// Certificates of every kind.
mod tls;

use dbferry_dialect::{Cancel, Error, ErrorKind, OpenOptions, Purpose};
use dbferry_mysql::testing::{Installation, Kind, Server};
use libtest_mimic::{Arguments, Failed, Trial};

/// No output, no error and no debug text may ever hold it.
const CANARY: &str = "c4n4ry";

/// A case: its name, and what it does with a server.
type Case = (&'static str, fn(&Installation));

fn main() {
    let arguments = Arguments::from_args();
    let installations = Installation::all();
    let mut trials = Vec::new();
    for (is_mariadb, name) in [(true, "MariaDB"), (false, "MySQL")] {
        if installations.iter().all(|one| one.is_mariadb != is_mariadb) {
            trials.push(missing(name));
        }
    }
    for installation in installations {
        for (topic, cases) in
            [("attempts", attempts::CASES), ("login", login::CASES), ("lost", lost::CASES), ("tls", tls::CASES)]
        {
            trials.extend(cases.iter().map(|case| trial(&installation, topic, *case)));
        }
    }
    trials.extend(attempts::trials());
    trials.extend(rogue::trials());
    libtest_mimic::run(&arguments, trials).exit();
}

fn trial(installation: &Installation, topic: &str, (name, case): Case) -> Trial {
    let name = format!("{}::{topic}::{name}", installation.name);
    let installation = installation.clone();
    Trial::test(name, move || {
        case(&installation);
        Ok(())
    })
}

/// One trial that says that a server was not tried.
fn missing(what: &str) -> Trial {
    let reason = format!("{what} is not installed");
    // In CI nobody would see that it was not tried.
    let ignored = std::env::var_os("CI").is_none();
    Trial::test(format!("{what}::is_there"), move || Err(Failed::from(reason)))
        .with_kind("not installed")
        .with_ignored_flag(ignored)
}

/// Options with nothing of the environment but these variables.
fn options(variables: &[(&str, &str)], cancel: &Cancel) -> OpenOptions {
    let mut options = OpenOptions::new(Purpose::Read, cancel.clone());
    options.environment = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    options
}

/// What a query of one value says on a session of each kind.
fn ask(url: &str, variables: &[(&str, &str)], sql: &str) -> Result<String, Error> {
    let options = options(variables, &Cancel::new());
    let [statements, rows] = Kind::ALL.map(|kind| kind.ask(url, &options, sql).map(|rows| rows.join("\n")));
    let statements = statements?;
    assert_eq!(statements, rows?, "the two kinds of sessions differ");
    Ok(statements)
}

/// The URL of the server's database `mysql` over the network.
fn over_network(server: &Server, login: &str, parameters: &str) -> String {
    format!("mysql://{login}@127.0.0.1:{}/mysql?{parameters}", server.port().expect("a network"))
}

/// Asserts that both kinds of sessions are refused, how, and that no secret is told.
#[track_caller]
fn refused(url: &str, variables: &[(&str, &str)], kind: ErrorKind, words: &[&str]) {
    let options = options(variables, &Cancel::new());
    for session in Kind::ALL {
        let Err(error) = session.ask(url, &options, "SELECT 1") else {
            panic!("nothing was refused to {session:?}: {words:?} was expected")
        };
        is_told(&error, kind, words);
    }
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
