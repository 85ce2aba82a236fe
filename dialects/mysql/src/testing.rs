//! Private MySQL and MariaDB servers for tests: started from installed binaries in a temporary directory, stopped with the
//! test.
//!
//! What it is not: a mock. `DBFERRY_TEST_MYSQL_URL` and `DBFERRY_TEST_MARIADB_URL` name servers to use instead, with a user
//! who may do everything.

mod installation;
mod sessions;
mod template;

pub use dbferry_dialect::testkit::certificates::{Authority, Identity, self_signed};
pub use dbferry_dialect::testkit::system::free_port;
pub use dbferry_dialect::testkit::watchdog::Watchdog;
pub use installation::{Installation, URL_VARIABLES};
pub use sessions::Kind;

use dbferry_dialect::testkit::system;
use dbferry_dialect::{DatabaseUrl, Location, Secret};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How long a server may take to start.
const START_LIMIT: Duration = Duration::from_secs(120);

/// Settings of a server that is thrown away: it does not care for power cuts, and leaves memory to others. Unknown ones are
/// only warned of, since the two families do not have the same.
const SCRATCH: [&str; 12] = [
    "innodb-flush-log-at-trx-commit=0",
    "innodb-doublewrite=OFF",
    "innodb-buffer-pool-size=64M",
    "loose-innodb-redo-log-capacity=64M",
    "loose-innodb-log-file-size=64M",
    "max-connections=200",
    "local-infile=ON",
    "max-allowed-packet=64M",
    "loose-mysqlx=OFF",
    "loose-performance-schema=OFF",
    "secure-file-priv=",
    "character-set-server=utf8mb4",
];

/// How a private server is to be.
#[derive(Clone, Debug, Default)]
pub struct Setup {
    /// Further settings, `name=value`; they win over those of every private server.
    pub settings: Vec<String>,
    /// Whether it listens on a free port of 127.0.0.1 too, beside its socket.
    pub network: bool,
    /// The certificate that it shows, and with it TLS. MySQL makes one by itself where there is none.
    pub identity: Option<Identity>,
    /// Who signs the certificates of its clients, in PEM form.
    pub authority: Option<String>,
}

/// A running server. Dropping a private one stops it; so does the end of the process, however it ends.
#[derive(Debug)]
pub struct Server {
    installation: Installation,
    /// Who may do everything, as it stands in a URL.
    user: String,
    /// Host and port, or the socket, as they stand in a URL.
    place: String,
    /// What follows the database in a URL.
    parameters: String,
    /// What the client programs are told.
    options: Vec<String>,
    password: Option<Secret>,
    port: Option<u16>,
    running: Option<Watchdog>,
    databases: AtomicU32,
}

impl Server {
    /// The server of that installation that the tests of one process share.
    ///
    /// # Errors
    /// When it does not start.
    pub fn shared_of(installation: &Installation) -> io::Result<&'static Self> {
        static SERVERS: Mutex<BTreeMap<String, &'static Server>> = Mutex::new(BTreeMap::new());
        let mut servers = SERVERS.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(server) = servers.get(&installation.name) {
            return Ok(server);
        }
        // It lives as long as the process; the watchdog sees to its end.
        let server = match &installation.url {
            Some(url) => Self::named(installation, url)?,
            None => Self::start(installation, &[])?,
        };
        let server: &'static Self = Box::leak(Box::new(server));
        servers.insert(installation.name.clone(), server);
        Ok(server)
    }

    /// Every server that there is, each started once a process.
    ///
    /// # Panics
    /// When there is none, or one does not start.
    #[allow(clippy::expect_used)] // For tests, which end here.
    pub fn all() -> Vec<&'static Self> {
        let all: Vec<_> =
            Installation::all().iter().map(|one| Self::shared_of(one).expect("a server that starts")).collect();
        assert!(!all.is_empty(), "neither MySQL nor MariaDB is installed (apt-get install mariadb-server)");
        all
    }

    /// Starts a server with further settings (`name=value`), on a socket of its own.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start(installation: &Installation, settings: &[&str]) -> io::Result<Self> {
        let settings = settings.iter().map(|setting| (*setting).to_owned()).collect();
        Self::start_with(installation, &Setup { settings, ..Setup::default() })
    }

    /// The server of a URL, whose user may do everything.
    fn named(installation: &Installation, url: &str) -> io::Result<Self> {
        let parsed = DatabaseUrl::parse(url).map_err(io::Error::other)?;
        let Location::Server { user, password, host, port, .. } = parsed.location() else {
            return Err(io::Error::other("the URL of a test server names a file"));
        };
        let (before, parameters) = url.split_once('?').unwrap_or((url, ""));
        let rest = before.split_once("://").map_or("", |(_, rest)| rest);
        let (authority, _) = rest.split_once('/').unwrap_or((rest, ""));
        let (user_part, place) = authority.rsplit_once('@').unwrap_or(("root", authority));
        let mut options = vec![format!("--user={}", user.as_deref().unwrap_or("root"))];
        match host.as_deref() {
            Some(path) if path.starts_with('/') => options.push(format!("--socket={path}")),
            host => options.extend([
                "--protocol=tcp".to_owned(),
                format!("--host={}", host.unwrap_or("localhost")),
                format!("--port={}", port.unwrap_or(3306)),
            ]),
        }
        Ok(Self {
            installation: installation.clone(),
            user: user_part.to_owned(),
            place: place.to_owned(),
            parameters: if parameters.is_empty() { String::new() } else { format!("?{parameters}") },
            options,
            password: password.clone(),
            port: *port,
            running: None,
            databases: AtomicU32::new(0),
        })
    }

    /// Starts a server.
    ///
    /// # Errors
    /// When it does not start, or is one that runs already.
    pub fn start_with(installation: &Installation, setup: &Setup) -> io::Result<Self> {
        if installation.url.is_some() {
            let what = format!("this test needs a server of its own: unset {}", installation.name);
            return Err(io::Error::other(what));
        }
        let directory = tempfile::Builder::new().prefix("dbferry-my-").tempdir_in(installation.system.temporary())?;
        let inside = installation.system.inside(directory.path()).display().to_string();
        let mut preparation: Vec<_> = installation.chown(&inside).into_iter().collect();
        preparation.push(template::copy_to(installation, &format!("{inside}/data"))?);
        let mut program = installation.server(&format!("{inside}/data"));
        let mut set = |setting: &str| program.push(format!("--{setting}"));
        SCRATCH.iter().for_each(|setting| set(setting));
        let port = if setup.network { Some(free_port()?) } else { None };
        match port {
            Some(port) => ["bind-address=127.0.0.1".to_owned(), format!("port={port}")].iter().for_each(|s| set(s)),
            None => set("skip-networking"),
        }
        set(&format!("socket={inside}/s.sock"));
        set(&format!("pid-file={inside}/pid"));
        // A server that starts deletes what it takes for its own leftovers: those of others too, if they share a place.
        set(&format!("tmpdir={inside}"));
        let write = |name: &str, text: &str| fs::write(directory.path().join(name), text);
        if let Some(identity) = &setup.identity {
            write("server.crt", &identity.certificate)?;
            write("server.key", &identity.key)?;
            set(&format!("ssl-cert={inside}/server.crt"));
            set(&format!("ssl-key={inside}/server.key"));
        }
        if let Some(authority) = &setup.authority {
            write("root.crt", authority)?;
            set(&format!("ssl-ca={inside}/root.crt"));
        }
        setup.settings.iter().for_each(|setting| set(setting));
        let socket = directory.path().join("s.sock").display().to_string();
        let running = Watchdog::start(directory.keep(), &preparation, &program)?;
        let server = Self {
            installation: installation.clone(),
            user: "root".to_owned(),
            place: socket.replace('/', "%2F"),
            parameters: String::new(),
            options: vec![format!("--socket={inside}/s.sock"), "--user=root".to_owned()],
            password: None,
            port,
            running: Some(running),
            databases: AtomicU32::new(0),
        };
        server.wait_until_ready()?;
        Ok(server)
    }

    /// Which server it is: `mariadb-10.11`, `mysql-9.7`.
    pub fn name(&self) -> &str {
        &self.installation.name
    }

    /// Whether it is MariaDB.
    pub fn is_mariadb(&self) -> bool {
        self.installation.is_mariadb
    }

    /// The URL of a database of this server, over its socket, as a user who may do everything.
    pub fn url(&self, database: &str) -> String {
        format!("mysql://{}@{}/{database}{}", self.user, self.place, self.parameters)
    }

    /// The URL of a database of this server, over its socket, as that user.
    pub fn url_of(&self, user: &str, password: &str, database: &str) -> String {
        format!("mysql://{user}:{password}@{}/{database}{}", self.place, self.parameters)
    }

    /// The port, if it listens on the network.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// Creates an empty database with a name of its own and returns the name.
    ///
    /// # Panics
    /// When it cannot be created.
    #[allow(clippy::expect_used)] // For tests, which end here.
    pub fn create_database(&self) -> String {
        let name = format!("dbferry_{}_{}", std::process::id(), self.databases.fetch_add(1, Ordering::Relaxed));
        self.sql("", &format!("CREATE DATABASE {name}")).expect("a new database");
        name
    }

    /// Drops a database.
    ///
    /// # Errors
    /// What the server says.
    pub fn drop_database(&self, name: &str) -> io::Result<()> {
        self.sql("", &format!("DROP DATABASE {name}")).map(|_| ())
    }

    /// Runs SQL through the server's own client program, which is not our code, stopping at the first error; returns what
    /// it prints, one line a row, columns between tabs.
    ///
    /// # Errors
    /// What the program says.
    pub fn sql(&self, database: &str, sql: &str) -> io::Result<String> {
        let options = ["--batch", "--skip-column-names", "--default-character-set=utf8mb4", "--binary-mode"];
        let options: Vec<_> = options.into_iter().chain((!database.is_empty()).then_some(database)).collect();
        let output = self.client(self.installation.client(), &options, sql)?;
        Ok(String::from_utf8_lossy(&output).trim_end_matches('\n').to_owned())
    }

    /// What the server's own `mysqldump` prints of a database.
    ///
    /// # Errors
    /// What the program says.
    pub fn dump(&self, database: &str, options: &[&str]) -> io::Result<String> {
        let options: Vec<_> = options.iter().copied().chain([database]).collect();
        let output = self.client(self.installation.dump_program(), &options, "")?;
        Ok(String::from_utf8_lossy(&output).into_owned())
    }

    /// Where its files are.
    ///
    /// # Panics
    /// When it is not a private server.
    pub fn directory(&self) -> &Path {
        self.private().directory()
    }

    #[allow(clippy::expect_used)] // For tests, which end here.
    fn private(&self) -> &Watchdog {
        self.running.as_ref().expect("a private server")
    }

    /// Kills it at once, as a power cut would.
    ///
    /// # Errors
    /// When it is not there any more.
    pub fn kill(&self) -> io::Result<()> {
        let pid = fs::read_to_string(self.directory().join("pid"))?;
        let killed = Command::new("kill").args(["-KILL", pid.trim()]).status()?;
        if killed.success() { Ok(()) } else { Err(io::Error::other("cannot kill the server")) }
    }

    /// Starts a private server again that was killed, on what it had on its disk.
    ///
    /// # Errors
    /// When it does not start.
    ///
    /// # Panics
    /// When it is not a private server.
    pub fn restart(&self) -> io::Result<()> {
        self.private().run_again()?;
        self.wait_until_ready()
    }

    /// The programs that it runs from.
    pub fn installation(&self) -> &Installation {
        &self.installation
    }

    fn client(&self, mut words: Vec<String>, options: &[&str], input: &str) -> io::Result<Vec<u8>> {
        // The options file of whoever runs the tests is none of theirs, and has to be named first.
        words.push("--no-defaults".to_owned());
        words.extend(self.options.iter().cloned());
        words.extend(options.iter().map(|option| (*option).to_owned()));
        system::run(&words, self.password.iter().map(|password| ("MYSQL_PWD", password.expose())), input)
    }

    fn wait_until_ready(&self) -> io::Result<()> {
        let ready = || Ok(self.sql("", "SELECT 1").is_ok());
        let waited = self.private().wait_until(START_LIMIT, ready, |log| log.contains("Aborting"));
        waited.map_err(|log| io::Error::other(format!("{} does not start: {log}", self.name())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_installed_server_starts_and_stops() {
        for installation in Installation::all() {
            let server = Server::start(&installation, &[]).expect("a server");
            let database = server.create_database();
            let version = server.sql(&database, "SELECT VERSION()").expect("a version");
            assert_eq!(version.contains("MariaDB"), server.is_mariadb(), "{version}");
            let directory = server.directory().to_owned();
            drop(server);
            assert!(!directory.exists());
        }
    }

    #[test]
    fn a_server_that_ran_again_stops_too() {
        let pid = |server: &Server| fs::read_to_string(server.directory().join("pid")).expect("a number");
        let is_alive = |pid: &str| Path::new("/proc").join(pid.trim()).exists();
        for installation in Installation::all().iter().filter(|installation| installation.url.is_none()) {
            let server = Server::start(installation, &[]).expect("a server");
            let first = pid(&server);
            assert!(is_alive(&first));
            server.kill().expect("a dead server");
            server.restart().expect("a server");
            let second = pid(&server);
            assert!(!is_alive(&first) && is_alive(&second), "{first} {second}");
            let directory = server.directory().to_owned();
            drop(server);
            assert!(!is_alive(&second));
            assert!(!directory.exists());
        }
    }
}
