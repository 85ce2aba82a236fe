//! Private PostgreSQL servers for tests: started from installed binaries in a temporary directory, stopped with the test.
//!
//! What it is not: a mock. `DBFERRY_TEST_POSTGRES_URL` names a server to use instead, with a user who may create databases.

mod installation;

pub use dbferry_dialect::testkit::certificates::{Authority, Identity, self_signed};
pub use dbferry_dialect::testkit::system::free_port;
pub use dbferry_dialect::testkit::watchdog::Watchdog;
pub use installation::Installation;

use dbferry_dialect::testkit::system;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The environment variable with the URL of a server to use instead of a private one.
pub const URL_VARIABLE: &str = "DBFERRY_TEST_POSTGRES_URL";
/// How long a server may take to start.
const START_LIMIT: Duration = Duration::from_secs(60);
/// The port that gives a socket its name; its directory is the server's own.
const SOCKET_PORT: u16 = 5432;

/// The client programs are told everything on their command lines.
const NO_VARIABLES: [(&str, &str); 0] = [];

/// Settings of a server that is thrown away: it does not care for power cuts, and leaves memory to others.
const SCRATCH: [&str; 10] = [
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    // In the directory, so that nothing stays behind when it is killed.
    "dynamic_shared_memory_type=mmap",
    "max_connections=120",
    "shared_buffers=64MB",
    "wal_level=minimal",
    "max_wal_senders=0",
    "max_wal_size=4GB",
    "log_min_messages=fatal",
];

/// How a private server is to be.
#[derive(Clone, Debug, Default)]
pub struct Setup {
    /// Further settings, `name=value`.
    pub settings: Vec<String>,
    /// The whole `pg_hba.conf`, if it is not to let everybody in.
    pub hba: Option<String>,
    /// Whether it listens on 127.0.0.1 too, beside its socket.
    pub network: bool,
    /// Its certificate; with one it offers TLS.
    pub identity: Option<Identity>,
    /// The certificate of the authority whose clients it lets in by their certificates, in PEM form.
    pub authority: Option<String>,
}

/// A running server. Dropping it stops it; so does the end of the process, however it ends.
#[derive(Debug)]
pub struct Server {
    /// The major version; 0 for a server that the environment names.
    pub major: u32,
    url: String,
    parameters: String,
    port: u16,
    psql: Vec<String>,
    /// The URL as `psql` sees it, which may run in another root.
    psql_url: String,
    running: Option<Watchdog>,
    databases: AtomicU32,
}

impl Server {
    /// The server that the tests of one process share: the one that the environment names, or the oldest version installed.
    ///
    /// # Panics
    /// When there is none, or it does not start.
    #[allow(clippy::panic)] // For tests, which end here.
    pub fn shared() -> &'static Self {
        let is_named = std::env::var_os(URL_VARIABLE).is_some();
        if let Some(oldest) = Installation::all().first().filter(|_| !is_named) {
            return Self::shared_of(oldest).unwrap_or_else(|error| panic!("{error}"));
        }
        static NAMED: Mutex<Option<&'static Server>> = Mutex::new(None);
        let mut named = NAMED.lock().unwrap_or_else(PoisonError::into_inner);
        named.get_or_insert_with(|| Box::leak(Box::new(Self::any().unwrap_or_else(|error| panic!("{error}")))))
    }

    /// The server of that version that the tests of one process share.
    ///
    /// # Errors
    /// When it does not start.
    pub fn shared_of(installation: &Installation) -> io::Result<&'static Self> {
        static SERVERS: Mutex<BTreeMap<u32, &'static Server>> = Mutex::new(BTreeMap::new());
        let mut servers = SERVERS.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(server) = servers.get(&installation.major) {
            return Ok(server);
        }
        // It lives as long as the process; the watchdog sees to its end.
        let server: &'static Self = Box::leak(Box::new(Self::start(installation, &[])?));
        servers.insert(installation.major, server);
        Ok(server)
    }

    /// Starts the oldest version that is installed, or takes the one that the environment names.
    ///
    /// # Errors
    /// When there is none, or it does not start.
    pub fn any() -> io::Result<Self> {
        if let Ok(url) = std::env::var(URL_VARIABLE) {
            return Ok(Self::named(&url));
        }
        let installation = Installation::all().into_iter().next().ok_or_else(|| {
            io::Error::other(format!(
                "no PostgreSQL is installed (apt-get install postgresql), and {URL_VARIABLE} is not set"
            ))
        })?;
        Self::start(&installation, &[])
    }

    /// The server of a URL.
    pub fn named(url: &str) -> Self {
        let (place, parameters) = url.split_once('?').unwrap_or((url, ""));
        let parameters = if parameters.is_empty() { String::new() } else { format!("?{parameters}") };
        // The database is left away, if one is named.
        let host = place.find("://").map_or(0, |position| position + 3);
        let place = place[host..].find('/').map_or(place, |slash| &place[..host + slash]);
        Self {
            major: 0,
            url: place.to_owned(),
            parameters,
            port: 0,
            psql: vec!["psql".into()],
            psql_url: place.to_owned(),
            running: None,
            databases: AtomicU32::new(0),
        }
    }

    /// Starts a server of that version with further settings (`name=value`), on a socket of its own.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start(installation: &Installation, settings: &[&str]) -> io::Result<Self> {
        let settings = settings.iter().map(|setting| (*setting).to_owned()).collect();
        Self::start_with(installation, &Setup { settings, ..Setup::default() })
    }

    /// Starts a server of that version.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start_with(installation: &Installation, setup: &Setup) -> io::Result<Self> {
        let directory = tempfile::Builder::new().prefix("dbferry-pg-").tempdir_in(installation.system.temporary())?;
        let inside = installation.system.inside(directory.path()).display().to_string();
        let port = if setup.network { free_port()? } else { SOCKET_PORT };

        let data = format!("{inside}/data");
        let locale = "--locale=C.UTF-8";
        let initdb = ["-D", &data, "-U", "postgres", "-A", "trust", "-E", "UTF8", locale, "-N"];
        let port_text = port.to_string();
        let mut postgres = installation.command("postgres", &["-D", &data, "-k", &inside, "-p", &port_text]);
        let mut set = |setting: String| postgres.extend(["-c".to_owned(), setting]);
        SCRATCH.iter().for_each(|setting| set((*setting).to_owned()));
        set(format!("listen_addresses={}", if setup.network { "127.0.0.1" } else { "" }));
        let write = |name: &str, text: &str| {
            let mut options = fs::OpenOptions::new();
            let file = options.write(true).create_new(true).mode(0o600).open(directory.path().join(name));
            io::Write::write_all(&mut file?, text.as_bytes())
        };
        if let Some(identity) = &setup.identity {
            write("server.crt", &identity.certificate)?;
            write("server.key", &identity.key)?;
            set("ssl=on".into());
            set(format!("ssl_cert_file={inside}/server.crt"));
            set(format!("ssl_key_file={inside}/server.key"));
        }
        if let Some(authority) = &setup.authority {
            write("root.crt", authority)?;
            set(format!("ssl_ca_file={inside}/root.crt"));
        }
        if let Some(hba) = &setup.hba {
            write("hba", hba)?;
            set(format!("hba_file={inside}/hba"));
        }
        setup.settings.iter().for_each(|setting| set(setting.clone()));
        let mut preparation: Vec<_> = installation.chown(&inside).into_iter().collect();
        preparation.push(installation.command("initdb", &initdb));

        let socket = directory.path().display().to_string();
        let running = Watchdog::start(directory.keep(), &preparation, &postgres)?;
        let ready = installation.command("pg_isready", &["-q", "-h", &inside, "-p", &port_text]);
        wait_until_ready(&running, &ready, installation.major)?;
        let url = |socket: &str| format!("postgres://postgres@{}:{port}", socket.replace('/', "%2F"));
        Ok(Self {
            major: installation.major,
            url: url(&socket),
            parameters: String::new(),
            port,
            psql: installation.client("psql"),
            psql_url: url(&inside),
            running: Some(running),
            databases: AtomicU32::new(0),
        })
    }

    /// The URL of a database of this server.
    pub fn url(&self, database: &str) -> String {
        format!("{}/{database}{}", self.url, self.parameters)
    }

    /// The port: of the network, where the server listens there, and of the socket.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Creates an empty database with a name of its own and returns the name.
    ///
    /// # Panics
    /// When it cannot be created.
    #[allow(clippy::expect_used)] // For tests, which end here.
    pub fn create_database(&self) -> String {
        let name = format!("dbferry_{}_{}", std::process::id(), self.databases.fetch_add(1, Ordering::Relaxed));
        self.sql("postgres", &format!("CREATE DATABASE {name} TEMPLATE template0")).expect("a new database");
        name
    }

    /// Drops a database, whoever is still connected to it.
    ///
    /// # Errors
    /// What the server says.
    pub fn drop_database(&self, name: &str) -> io::Result<()> {
        self.sql("postgres", &format!("DROP DATABASE {name} WITH (FORCE)")).map(|_| ())
    }

    /// Runs SQL through `psql`, which is not our code, stopping at the first error; returns what it prints, unaligned.
    ///
    /// # Errors
    /// What `psql` says.
    pub fn sql(&self, database: &str, sql: &str) -> io::Result<String> {
        let mut words = self.psql.clone();
        let url = format!("{}/{database}{}", self.psql_url, self.parameters);
        words.extend(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", &url, "-f", "-"].map(String::from));
        let output = system::run(&words, NO_VARIABLES, sql)?;
        Ok(String::from_utf8_lossy(&output).trim_end_matches('\n').to_owned())
    }

    /// What `pg_dump` of the server's own version prints of a database.
    ///
    /// # Errors
    /// What `pg_dump` says.
    pub fn pg_dump(&self, database: &str, options: &[&str]) -> io::Result<String> {
        let mut words = self.psql.clone();
        if let Some(program) = words.last_mut() {
            *program = program.replace("psql", "pg_dump");
        }
        words.extend(options.iter().map(|option| (*option).to_owned()));
        words.extend(["-d".to_owned(), format!("{}/{database}{}", self.psql_url, self.parameters)]);
        Ok(String::from_utf8_lossy(&system::run(&words, NO_VARIABLES, "")?).into_owned())
    }

    /// Where its files are, for a private server.
    pub fn directory(&self) -> Option<&Path> {
        self.running.as_ref().map(Watchdog::directory)
    }

    /// Kills a private server's processes at once, as a power cut would.
    ///
    /// # Errors
    /// When it is not private, or is not there any more.
    pub fn kill(&self) -> io::Result<()> {
        let directory = self.directory().ok_or_else(|| io::Error::other("the server is not private"))?;
        let pid_file = fs::read_to_string(directory.join("data/postmaster.pid"))?;
        let pid = pid_file.lines().next().unwrap_or_default();
        // Its children notice and end themselves, but those in the middle of something only later.
        let children = Command::new("pkill").args(["-KILL", "-P", pid]).status()?;
        let parent = Command::new("kill").args(["-KILL", pid]).status()?;
        if children.success() && parent.success() { Ok(()) } else { Err(io::Error::other("cannot kill the server")) }
    }
}

/// Waits until `ready` succeeds.
fn wait_until_ready(server: &Watchdog, ready: &[String], major: u32) -> io::Result<()> {
    let is_ready = || Ok(Command::new(&ready[0]).args(&ready[1..]).current_dir("/").output()?.status.success());
    // Without its file the server has ended, or has not begun.
    let has_failed = |log: &str| {
        !server.directory().join("data/postmaster.pid").exists()
            && ["FATAL", "error", "cannot", "not found"].iter().any(|word| log.contains(word))
    };
    let waited = server.wait_until(START_LIMIT, is_ready, has_failed);
    waited.map_err(|log| io::Error::other(format!("PostgreSQL {major} does not start: {log}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_installed_version_starts_and_stops() {
        for installation in Installation::all() {
            let server = Server::start(&installation, &[]).expect("a server");
            let database = server.create_database();
            let version = server.sql(&database, "SHOW server_version_num").expect("a version");
            assert!(version.starts_with(&installation.major.to_string()), "{version}");
            let directory = server.directory().expect("a private server").to_owned();
            drop(server);
            assert!(!directory.exists());
        }
    }

    #[test]
    fn a_server_that_cannot_start_says_why_and_leaves_nothing() {
        let installation = Installation::all().into_iter().next().expect("PostgreSQL");
        let error = Server::start(&installation, &["nonsense=1"]).expect_err("no such setting");
        assert!(error.to_string().contains("nonsense"), "{error}");
    }

    #[test]
    fn a_named_server_keeps_its_parameters() {
        let server = Server::named("postgres://me@h:5433/old?sslmode=disable");
        assert_eq!(server.url("new"), "postgres://me@h:5433/new?sslmode=disable");
        assert_eq!(Server::named("postgres://me@h").url("d"), "postgres://me@h/d");
    }
}
