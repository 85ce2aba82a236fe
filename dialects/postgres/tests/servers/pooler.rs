//! Poolers: one that changes the server's session under way is refused before anything is set in it.

use crate::{CANARY, Case, ask, open, refused};
use dbferry_dialect::ErrorKind;
use dbferry_postgres::testing::{Installation, Server, Setup, Watchdog, free_port};
use std::fs;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

pub(crate) const CASES: &[Case] = &[
    ("a_pool_of_sessions_is_let_pass", a_pool_of_sessions_is_let_pass),
    ("a_pool_of_transactions_is_refused", a_pool_of_transactions_is_refused),
    ("a_pool_of_statements_is_refused", a_pool_of_statements_is_refused),
    ("a_pool_of_one_is_refused", a_pool_of_one_is_refused),
    ("a_busy_pool_is_refused", a_busy_pool_is_refused),
    ("options_are_more_than_a_pooler_takes", options_are_more_than_a_pooler_takes),
];

pub(crate) fn is_installed() -> bool {
    Command::new("pgbouncer").arg("--version").output().is_ok_and(|output| output.status.success())
}

struct Pooler {
    port: u16,
    server: Server,
    _running: Watchdog,
}

impl Pooler {
    fn start(installation: &Installation, settings: &str) -> Self {
        let server = Server::start_with(installation, &Setup { network: true, ..Setup::default() }).expect("a server");
        let directory = tempfile::Builder::new().prefix("dbferry-pooler-").tempdir().expect("a directory").keep();
        // It refuses to run as root, and as another user it has to come to its file.
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o755)).expect("permissions");
        let port = free_port().expect("a port");
        let text = format!(
            "[databases]\n* = host=127.0.0.1 port={} user=postgres\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
             listen_port = {port}\nunix_socket_dir =\nauth_type = any\n{settings}\n",
            server.port()
        );
        let file = directory.join("pgbouncer.ini");
        fs::write(&file, text).expect("a file");
        let is_root = Command::new("id").arg("-u").output().expect("id").stdout.starts_with(b"0\n");
        let mut program: Vec<String> = Vec::new();
        if is_root {
            program.extend(["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"].map(String::from));
        }
        program.extend(["pgbouncer".to_owned(), file.display().to_string()]);
        let running = Watchdog::start(directory, &[], &program).expect("a pooler");
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(began.elapsed() < Duration::from_secs(20), "{}", running.log());
            thread::sleep(Duration::from_millis(20));
        }
        Self { port, server, _running: running }
    }

    fn url(&self, parameters: &str) -> String {
        format!("postgres://me:{CANARY}@127.0.0.1:{}/postgres?{parameters}", self.port)
    }

    /// What the next client finds in the sessions that dbferry used.
    fn search_path(&self) -> String {
        let named = Server::named(&self.url(""));
        named.sql("postgres", "SHOW search_path").expect("a client of the pooler")
    }

    #[track_caller]
    fn is_refused(&self) {
        let words = ["pooler stands in between", "connect to the server itself", "127.0.0.1:"];
        refused(open(&self.url(""), &[]), ErrorKind::Connect, &words);
        assert!(self.search_path().contains("public"), "the pooler's other clients get our settings");
    }
}

fn a_pool_of_sessions_is_let_pass(installation: &Installation) {
    let pooler = Pooler::start(installation, "pool_mode = session");
    let mut database = open(&pooler.url(""), &[]).expect("a database");
    assert_eq!(ask(&mut *database, "SELECT pg_catalog.current_setting('TimeZone')"), "UTC");
    // The server itself is taken for what it is.
    open(&pooler.server.url("postgres"), &[]).expect("a database");
}

fn a_pool_of_transactions_is_refused(installation: &Installation) {
    Pooler::start(installation, "pool_mode = transaction").is_refused();
    Pooler::start(installation, "pool_mode = transaction\nserver_round_robin = 1").is_refused();
}

fn a_pool_of_statements_is_refused(installation: &Installation) {
    Pooler::start(installation, "pool_mode = statement").is_refused();
}

fn a_pool_of_one_is_refused(installation: &Installation) {
    Pooler::start(installation, "pool_mode = transaction\ndefault_pool_size = 1").is_refused();
}

/// Other clients take and give back sessions all the time, so that two of ours may well get different ones.
fn a_busy_pool_is_refused(installation: &Installation) {
    let pooler = Pooler::start(installation, "pool_mode = transaction\ndefault_pool_size = 10");
    let url = pooler.url("");
    let others: Vec<_> = (0..4)
        .map(|_| {
            let named = Server::named(&url);
            thread::spawn(move || named.sql("postgres", &"SELECT pg_sleep(0.003);\n".repeat(400)))
        })
        .collect();
    thread::sleep(Duration::from_millis(100));
    for _ in 0..5 {
        pooler.is_refused();
    }
    for other in others {
        other.join().expect("no panic").expect("a client");
    }
}

fn options_are_more_than_a_pooler_takes(installation: &Installation) {
    let pooler = Pooler::start(installation, "pool_mode = session");
    let url = pooler.url("options=-c%20work_mem%3D1MB");
    refused(open(&url, &[]), ErrorKind::Connect, &["options"]);
    open(&pooler.server.url("postgres?options=-c%20work_mem%3D1MB"), &[]).expect("the server takes them");
}
