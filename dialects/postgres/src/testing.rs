//! Private PostgreSQL servers for tests: started from installed binaries in a temporary directory, stopped with the test.
//!
//! What it is not: a mock. `DBFERRY_TEST_POSTGRES_URL` names a server to use instead, with a user who may create databases.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The environment variable with the URL of a server to use instead of a private one.
pub const URL_VARIABLE: &str = "DBFERRY_TEST_POSTGRES_URL";
/// The environment variable with the root directory of another system whose servers are tried too.
pub const ROOT_VARIABLE: &str = "DBFERRY_TEST_SERVER_ROOT";
/// How long a server may take to start.
const START_LIMIT: Duration = Duration::from_secs(60);

/// The programs of one PostgreSQL version.
#[derive(Clone, Debug)]
pub struct Installation {
    /// The major version.
    pub major: u32,
    /// The root of the system that they run in, if it is not this one.
    root: Option<PathBuf>,
    /// Their directory, seen from inside that root.
    programs: PathBuf,
}

impl Installation {
    /// Everything that is installed where Debian puts it, here and below [`ROOT_VARIABLE`], the oldest first.
    pub fn all() -> Vec<Self> {
        let other = std::env::var_os(ROOT_VARIABLE).map(PathBuf::from);
        let mut found = Vec::new();
        for root in [None, other].into_iter().filter(|root| root.as_ref().is_none_or(|root| root.is_dir())) {
            let versions = root.as_deref().unwrap_or(Path::new("/")).join("usr/lib/postgresql");
            for entry in fs::read_dir(versions).into_iter().flatten().flatten() {
                let Some(major) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
                if entry.path().join("bin/postgres").exists() {
                    let programs = Path::new("/usr/lib/postgresql").join(entry.file_name()).join("bin");
                    found.push(Self { major, root: root.clone(), programs });
                }
            }
        }
        found.sort_by_key(|installation| installation.major);
        found
    }

    /// A command line that runs one of the programs as a user whom the server accepts: it refuses root.
    fn command(&self, program: &str) -> Vec<String> {
        let mut words: Vec<String> = Vec::new();
        if let Some(root) = &self.root {
            words.extend(["chroot".into(), root.display().to_string()]);
        }
        if is_root() {
            words.extend(["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"].map(String::from));
        }
        words.push(self.programs.join(program).display().to_string());
        words
    }
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.starts_with(b"0\n"))
}

/// A running server. Dropping it stops it; so does the end of the process, however it ends.
#[derive(Debug)]
pub struct Server {
    /// The major version; 0 for a server that the environment names.
    pub major: u32,
    url: String,
    parameters: String,
    psql: Vec<String>,
    running: Option<Running>,
    databases: AtomicU32,
}

#[derive(Debug)]
struct Running {
    watchdog: Child,
    directory: TempDir,
}

impl Server {
    /// Starts the oldest version that is installed, or takes the one that the environment names.
    ///
    /// # Errors
    /// When there is none, or it does not start.
    pub fn any() -> io::Result<Self> {
        if let Ok(url) = std::env::var(URL_VARIABLE) {
            let (place, parameters) = url.split_once('?').map_or((url.as_str(), ""), |(a, b)| (a, b));
            let parameters = if parameters.is_empty() { String::new() } else { format!("?{parameters}") };
            let place = place.trim_end_matches(|c| c != '/').trim_end_matches('/');
            return Ok(Self {
                major: 0,
                url: place.to_owned(),
                parameters,
                psql: vec!["psql".into()],
                running: None,
                databases: AtomicU32::new(0),
            });
        }
        let installation = Installation::all().into_iter().next().ok_or_else(|| {
            io::Error::other(format!(
                "no PostgreSQL is installed (apt-get install postgresql), and {URL_VARIABLE} is not set"
            ))
        })?;
        Self::start(&installation, &[])
    }

    /// Starts a server of that version with further settings (`name=value`). It listens on a socket only, unless the
    /// settings say otherwise, and does not care for power cuts.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start(installation: &Installation, settings: &[&str]) -> io::Result<Self> {
        let base = installation.root.as_deref().unwrap_or(Path::new("/")).join("tmp");
        let directory = tempfile::Builder::new().prefix("dbferry-pg-").tempdir_in(base)?;
        let inside = match &installation.root {
            None => directory.path().to_owned(),
            Some(root) => Path::new("/").join(directory.path().strip_prefix(root).map_err(io::Error::other)?),
        };
        if is_root() {
            let mut chown = installation.command("");
            chown.truncate(usize::from(installation.root.is_some()) * 2);
            chown.extend(["chown".into(), "postgres".into(), inside.display().to_string()]);
            run(&chown)?;
        }
        let data = inside.join("data").display().to_string();
        let mut initdb = installation.command("initdb");
        initdb.extend(
            ["-D", &data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N"].map(String::from),
        );
        run(&initdb)?;

        let port = free_port()?.to_string();
        let mut postgres = installation.command("postgres");
        postgres.extend(["-D", &data, "-k", &inside.display().to_string(), "-p", &port].map(String::from));
        let scratch = [
            "listen_addresses=",
            "fsync=off",
            "synchronous_commit=off",
            "full_page_writes=off",
            "max_connections=60",
            "shared_buffers=64MB",
            "wal_level=minimal",
            "max_wal_senders=0",
            "max_wal_size=4GB",
            "log_min_messages=fatal",
        ];
        for setting in scratch.iter().chain(settings) {
            postgres.extend(["-c".into(), (*setting).to_owned()]);
        }
        // The shell lives as long as its standard input, which this process holds open; then it stops the server.
        let script = format!(
            "{} >{}/log 2>&1 & server=$!; cat >/dev/null; kill -INT $server; wait $server",
            quoted(&postgres),
            directory.path().display()
        );
        let mut watchdog = Command::new("sh")
            .arg("-c")
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let socket = directory.path().display().to_string();
        let mut ready = installation.command("pg_isready");
        ready.extend(["-q", "-h", &inside.display().to_string(), "-p", &port].map(String::from));
        let started = Instant::now();
        while run(&ready).is_err() {
            if started.elapsed() > START_LIMIT || watchdog.try_wait()?.is_some() {
                let log = fs::read_to_string(directory.path().join("log")).unwrap_or_default();
                return Err(io::Error::other(format!("PostgreSQL {} does not start: {log}", installation.major)));
            }
            sleep(Duration::from_millis(50));
        }
        let mut psql = installation.command("psql");
        psql.retain(|word| !word.starts_with("--") && word != "setpriv");
        Ok(Self {
            major: installation.major,
            url: format!("postgres://postgres@{}:{port}", socket.replace('/', "%2F")),
            parameters: String::new(),
            psql,
            running: Some(Running { watchdog, directory }),
            databases: AtomicU32::new(0),
        })
    }

    /// The URL of a database of this server.
    pub fn url(&self, database: &str) -> String {
        format!("{}/{database}{}", self.url, self.parameters)
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

    /// Runs SQL through `psql`, which is not our code, stopping at the first error; returns what it prints, unaligned.
    ///
    /// # Errors
    /// What `psql` says.
    pub fn sql(&self, database: &str, sql: &str) -> io::Result<String> {
        let mut words = self.psql.clone();
        // Inside another root the socket has another path.
        let url = match self.psql.first().map(String::as_str) {
            Some("chroot") => self.url(database).replace(&self.psql[1].replace('/', "%2F"), ""),
            _ => self.url(database),
        };
        words.extend(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", &url, "-f", "-"].map(String::from));
        let mut child = Command::new(&words[0])
            .args(&words[1..])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let mut stdin = child.stdin.take().ok_or_else(|| io::Error::other("psql has no input"))?;
        let text = sql.to_owned();
        let feeder = std::thread::spawn(move || io::Write::write_all(&mut stdin, text.as_bytes()));
        let output = child.wait_with_output()?;
        // It stops reading at an error, which is told below.
        _ = feeder.join();
        if !output.status.success() {
            return Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()));
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim_end_matches('\n').to_owned())
    }

    /// Where its files are, for a private server.
    pub fn directory(&self) -> Option<&Path> {
        self.running.as_ref().map(|running| running.directory.path())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(running) = &mut self.running {
            drop(running.watchdog.stdin.take());
            _ = running.watchdog.wait();
        }
    }
}

fn run(words: &[String]) -> io::Result<()> {
    let output = Command::new(&words[0]).args(&words[1..]).current_dir("/").output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(io::Error::other(format!("{}: {}", words.join(" "), String::from_utf8_lossy(&output.stderr))))
}

fn quoted(words: &[String]) -> String {
    words.iter().map(|word| format!("'{}'", word.replace('\'', "'\\''"))).collect::<Vec<_>>().join(" ")
}

/// A port that is free now. The socket's directory is private, so it only matters to a server that listens on TCP too.
fn free_port() -> io::Result<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
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
}
