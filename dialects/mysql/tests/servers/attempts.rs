//! How often a password is tried: once, since servers lock out whoever is wrong too often.

use crate::rogue::{Client, Family};
use crate::{CANARY, Case, is_told, over_network};
use dbferry_dialect::{Error, ErrorKind, OpenOptions};
use dbferry_mysql::testing::{Installation, Kind, Server, Setup};
use libtest_mimic::Trial;
use std::net::TcpListener;
use std::thread;

pub(crate) const CASES: &[Case] = &[("a_wrong_password_counts_once", a_wrong_password_counts_once)];

pub(crate) fn trials() -> Vec<Trial> {
    let cases: [(&str, fn()); 4] = [
        ("an_ed25519_login_is_tried_again", an_ed25519_login_is_tried_again),
        ("an_ed25519_login_is_tried_again_once", an_ed25519_login_is_tried_again_once),
        ("another_login_of_mariadb_is_not_tried_again", another_login_of_mariadb_is_not_tried_again),
        ("no_login_of_mysql_is_tried_again", no_login_of_mysql_is_tried_again),
    ];
    let trial = |(name, case): (&str, fn())| {
        Trial::test(format!("attempts::{name}"), move || {
            case();
            Ok(())
        })
    };
    cases.into_iter().map(trial).collect()
}

/// A server that locks out whoever is wrong twice.
fn a_wrong_password_counts_once(installation: &Installation) {
    let server = Server::start_with(installation, &Setup { network: true, ..Setup::default() }).expect("a server");
    for (kind, user) in Kind::ALL.into_iter().zip(["writer", "reader"]) {
        let (user_sql, lock_error) = if installation.is_mariadb {
            (format!("SET GLOBAL max_password_errors = 2; CREATE USER {user} IDENTIFIED BY '{CANARY}'"), "error 4150")
        } else {
            let limits = "FAILED_LOGIN_ATTEMPTS 2 PASSWORD_LOCK_TIME 1";
            (format!("CREATE USER {user} IDENTIFIED BY '{CANARY}' {limits}"), "error 3955")
        };
        server.sql("", &format!("{user_sql}; GRANT SELECT ON mysql.* TO {user}")).expect("a user");
        let right = over_network(&server, &format!("{user}:{CANARY}"), "");
        let wrong = over_network(&server, &format!("{user}:other"), "");
        let ask = |url: &str| kind.ask(url, &OpenOptions::default(), "SELECT 1");
        // What is right sets the count back to nothing.
        for _ in 0..2 {
            is_told(&ask(&wrong).expect_err("a refusal"), ErrorKind::Connect, &["error 1045"]);
            ask(&right).unwrap_or_else(|error| panic!("{kind:?}: {error}"));
        }
        for _ in 0..2 {
            ask(&wrong).expect_err("a refusal");
        }
        is_told(
            &ask(&right).expect_err("a user who is locked out"),
            ErrorKind::Connect,
            &[lock_error, "after wrong passwords"],
        );
    }
}

/// What the fake server asks for in the place of the native proof, and what it says to that.
#[derive(Clone, Copy)]
struct Login {
    request: &'static [u8],
    is_right: bool,
}

/// 32 bytes of which the last is zero: what the driver does not understand.
const ED25519: &[u8] = b"\xfeclient_ed25519\0abcdefghijklmnopqrstuvwxyzabcde\0";
const NATIVE: &[u8] = b"\xfemysql_native_password\0abcdefghijklmnopqrst\0";

/// Opens a session for statements at a fake server that treats its clients as `logins` say, one after the other. Returns
/// what came of it, and how long each client's answer was: `None` where it hung up.
fn tried(family: Family, logins: &[Login]) -> (Result<Vec<String>, Error>, Vec<Option<usize>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let (logins, mut answers) = (logins.to_vec(), Vec::new());
    let serving = thread::spawn(move || {
        for login in logins {
            let mut client = Client::of(&listener);
            client.greet(family);
            let answer = client.receive().and_then(|_| {
                client.send(login.request);
                client.receive()
            });
            answers.push(answer.ok().map(|proof| proof.len()));
            if login.is_right {
                client.accept();
                while let Ok(command) = client.receive() {
                    if command.starts_with(b"\x03SET ") { client.accept() } else { client.answer_numbers() }
                }
            } else {
                client.send(b"\xff\x15\x04#28000Access denied");
            }
        }
        // Nobody else comes.
        listener.set_nonblocking(true).expect("a listener");
        assert!(listener.accept().is_err(), "one more client");
        answers
    });
    let url = format!("mysql://me:{CANARY}@127.0.0.1:{port}/shop?ssl-mode=DISABLED");
    let result = Kind::Statements.ask(&url, &OpenOptions::default(), "SELECT 1");
    (result, serving.join().expect("no panic"))
}

fn an_ed25519_login_is_tried_again() {
    let [wrong, right] = [false, true].map(|is_right| Login { request: ED25519, is_right });
    let (result, answers) = tried(Family::MariaDb, &[wrong, wrong, right]);
    assert_eq!(result.expect("a session"), ["67108864"]);
    // The second only looks at what is asked.
    assert_eq!(answers, [Some(64), None, Some(64)]);
}

fn an_ed25519_login_is_tried_again_once() {
    let wrong = Login { request: ED25519, is_right: false };
    let (result, answers) = tried(Family::MariaDb, &[wrong; 3]);
    is_told(&result.expect_err("a refusal"), ErrorKind::Connect, &["error 1045"]);
    assert_eq!(answers, [Some(64), None, Some(64)]);
}

fn another_login_of_mariadb_is_not_tried_again() {
    let wrong = Login { request: NATIVE, is_right: false };
    let (result, answers) = tried(Family::MariaDb, &[wrong; 2]);
    is_told(&result.expect_err("a refusal"), ErrorKind::Connect, &["error 1045"]);
    assert_eq!(answers, [Some(20), None]);
}

/// MySQL does not even hear who it is.
fn no_login_of_mysql_is_tried_again() {
    let wrong = Login { request: NATIVE, is_right: false };
    let (result, answers) = tried(Family::MySql, &[wrong; 2]);
    is_told(&result.expect_err("a refusal"), ErrorKind::Connect, &["error 1045"]);
    assert_eq!(answers, [Some(20), None]);
}
