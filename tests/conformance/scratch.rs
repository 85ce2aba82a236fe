//! How a dialect gives a database to try things in.
//!
//! This is the one place of the matrix that knows what a dialect's databases are: files, names, or databases of a server
//! that was started for the tests. Each [`Scratch`] is a place of its own, so that cases do not meet.

use dbferry::dialect::testkit::MemoryDialect;
use dbferry::dialect::{Capabilities, DatabaseUrl, Dialect};
use dbferry::endpoint::Endpoint;
use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

/// Makes a place for one case.
pub(crate) type Place = Arc<dyn Fn() -> Scratch + Send + Sync>;

/// What a dialect is tried on: itself, or each server of it that is there.
pub(crate) struct Subject {
    /// The dialect's name, with the version of a server: `postgres-15`.
    pub(crate) name: String,
    /// What it can do.
    pub(crate) abilities: Capabilities,
    /// A place for each case, or why there is none.
    pub(crate) place: Result<Place, String>,
}

/// The in-memory dialect.
pub(crate) fn memory() -> Subject {
    let abilities = MemoryDialect::new().capabilities();
    let place = || Scratch::with(Holder::Memory(MemoryDialect::new()));
    Subject { name: "memory".into(), abilities, place: Ok(Arc::new(place)) }
}

/// Everything that a dialect of the registry is tried on, at least one.
pub(crate) fn subjects(dialect: &'static dyn Dialect) -> Vec<Subject> {
    let subject = |name: String, place| Subject { name, abilities: dialect.capabilities(), place };
    match dialect.name() {
        "sqlite" => vec![subject("sqlite".into(), Ok(Arc::new(|| files(dialect))))],
        #[cfg(feature = "mysql")]
        "mysql" => mysql(dialect).into_iter().map(|(name, place)| subject(name, place)).collect(),
        #[cfg(feature = "postgres")]
        "postgres" => postgres(dialect).into_iter().map(|(name, place)| subject(name, place)).collect(),
        other => {
            let reason = format!("tests/conformance/scratch.rs knows no place for {other}");
            vec![subject(other.to_owned(), Err(reason))]
        }
    }
}

/// A place for a dialect whose databases are files.
pub(crate) fn files(dialect: &'static dyn Dialect) -> Scratch {
    Scratch::with(Holder::Files(dialect))
}

/// A server that was started for the tests, as the testkit of its dialect has it.
pub(crate) trait Server: Sync {
    /// Creates an empty database and returns its name.
    fn create_database(&self) -> String;
    /// Drops a database.
    fn drop_database(&self, name: &str) -> io::Result<()>;
    /// The URL of a database.
    fn url(&self, database: &str) -> String;
    /// Runs SQL through the server's own client program.
    fn sql(&self, database: &str, sql: &str) -> io::Result<String>;
    /// What the server's own dump program prints of a database.
    fn dump(&self, database: &str, options: &[&str]) -> io::Result<String>;
}

/// The testkits have the same functions.
macro_rules! server {
    ($type:ty, $dump:ident) => {
        impl Server for $type {
            fn create_database(&self) -> String {
                self.create_database()
            }

            fn drop_database(&self, name: &str) -> io::Result<()> {
                self.drop_database(name)
            }

            fn url(&self, database: &str) -> String {
                self.url(database)
            }

            fn sql(&self, database: &str, sql: &str) -> io::Result<String> {
                self.sql(database, sql)
            }

            fn dump(&self, database: &str, options: &[&str]) -> io::Result<String> {
                self.$dump(database, options)
            }
        }
    };
}

#[cfg(feature = "mysql")]
server!(dbferry_mysql::testing::Server, dump);
#[cfg(feature = "postgres")]
server!(dbferry_postgres::testing::Server, pg_dump);

/// Every version of PostgreSQL that is installed, or the one server that the environment names. A server is started by the
/// first case that needs it.
#[cfg(feature = "postgres")]
fn postgres(dialect: &'static dyn Dialect) -> Vec<(String, Result<Place, String>)> {
    use dbferry_postgres::testing::{Installation, Server, URL_VARIABLE};
    let on = move |server| Scratch::with(Holder::Server(dialect, server, Mutex::default()));
    if std::env::var_os(URL_VARIABLE).is_some() {
        return vec![("postgres".into(), Ok(Arc::new(move || on(Server::shared()))))];
    }
    let place = |installation: Installation| -> (String, Result<Place, String>) {
        let name = format!("postgres-{}", installation.major);
        (name, Ok(Arc::new(move || on(Server::shared_of(&installation).expect("a server")))))
    };
    let places: Vec<_> = Installation::all().into_iter().map(place).collect();
    if places.is_empty() {
        let reason = format!("PostgreSQL is not installed (apt-get install postgresql), and {URL_VARIABLE} is not set");
        return vec![("postgres".into(), Err(reason))];
    }
    places
}

/// Every MySQL and MariaDB that is installed.
#[cfg(feature = "mysql")]
fn mysql(dialect: &'static dyn Dialect) -> Vec<(String, Result<Place, String>)> {
    use dbferry_mysql::testing::{Installation, Server};
    let on = move |server| Scratch::with(Holder::Server(dialect, server, Mutex::default()));
    let place = |installation: Installation| -> (String, Result<Place, String>) {
        let name = installation.name.clone();
        (name, Ok(Arc::new(move || on(Server::shared_of(&installation).expect("a server")))))
    };
    let places: Vec<_> = Installation::all().into_iter().map(place).collect();
    if places.is_empty() {
        let reason = "neither MySQL nor MariaDB is installed (apt-get install mariadb-server)";
        return vec![("mysql".into(), Err(reason.into()))];
    }
    places
}

/// A place for databases of one dialect and for archives.
pub(crate) struct Scratch {
    dialect: Holder,
    directory: TempDir,
}

enum Holder {
    /// Databases are names.
    Memory(MemoryDialect),
    /// Databases are files in the directory.
    Files(&'static dyn Dialect),
    /// Databases are made on a server, which every case shares: the names here, and those on the server.
    Server(&'static dyn Dialect, &'static dyn Server, Mutex<BTreeMap<String, String>>),
}

impl Scratch {
    fn with(dialect: Holder) -> Self {
        Self { dialect, directory: TempDir::new().expect("a temporary directory") }
    }

    fn dialect(&self) -> &dyn Dialect {
        match &self.dialect {
            Holder::Memory(dialect) => dialect,
            Holder::Files(dialect) => *dialect,
            Holder::Server(dialect, ..) => *dialect,
        }
    }

    /// The name of the dialect whose databases these are.
    pub(crate) fn engine(&self) -> &str {
        self.dialect().name()
    }

    /// The database of that name. It need not exist, but on a server it does, and is empty.
    pub(crate) fn database(&self, name: &str) -> Endpoint<'_> {
        let url = match &self.dialect {
            Holder::Memory(dialect) => dialect.url(name),
            Holder::Files(dialect) => {
                let text = format!("{}:{}", dialect.schemes()[0], self.file(name).display());
                DatabaseUrl::parse(&text).expect("a file URL")
            }
            Holder::Server(..) => {
                let (server, name) = self.on_server(name);
                DatabaseUrl::parse(&server.url(&name)).expect("a server's URL")
            }
        };
        Endpoint::new(self.dialect(), url)
    }

    /// The server, and what the database of that name is called there.
    pub(crate) fn on_server(&self, name: &str) -> (&'static dyn Server, String) {
        let Holder::Server(_, server, names) = &self.dialect else { panic!("the dialect has no server") };
        let mut names = names.lock().expect("a case uses its place from one thread");
        (*server, names.entry(name.to_owned()).or_insert_with(|| server.create_database()).clone())
    }

    /// Where the database of that name is, if databases are files.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(format!("{name}.db"))
    }

    /// Where the archive of that name is.
    pub(crate) fn archive(&self, name: &str) -> PathBuf {
        self.directory.path().join(format!("{name}.archive"))
    }
}

impl Drop for Scratch {
    /// The databases of all cases together would take gigabytes. After a failure they stay for a look, as long as the server
    /// does.
    fn drop(&mut self) {
        if let Holder::Server(_, server, names) = &self.dialect
            && !std::thread::panicking()
        {
            let names = names.lock().expect("a case uses its place from one thread");
            names.values().for_each(|name| server.drop_database(name).expect("a database that nobody uses"));
        }
    }
}
