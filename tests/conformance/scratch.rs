//! How a dialect gives a database to try things in.
//!
//! This is the one place of the matrix that knows what a dialect's databases are: files, names, or databases of a server
//! that was started for the tests. Each [`Scratch`] is a place of its own, so that cases do not meet.

use dbferry::dialect::testkit::MemoryDialect;
use dbferry::dialect::{DatabaseUrl, Dialect};
use dbferry::endpoint::Endpoint;
#[cfg(feature = "postgres")]
use dbferry_postgres::testing::{Installation, Server};
#[cfg(feature = "postgres")]
use std::collections::BTreeMap;
use std::path::PathBuf;
#[cfg(feature = "postgres")]
use std::sync::Mutex;
use tempfile::TempDir;

/// Whether there is a place to try a dialect.
pub(crate) enum Availability {
    Ready(Scratch),
    /// No server, for this reason.
    Missing(String),
}

/// What one dialect is tried on: itself, or each server of it that is there.
pub(crate) struct Subject {
    /// The dialect's name, with the version of a server: `postgres-15`.
    pub(crate) name: String,
    /// Makes a place.
    pub(crate) open: Box<dyn Fn() -> Availability + Send + Sync>,
}

/// Everything that a dialect of the registry is tried on, at least one.
pub(crate) fn subjects(dialect: &'static dyn Dialect) -> Vec<Subject> {
    let subject =
        |open: Box<dyn Fn() -> Availability + Send + Sync>| vec![Subject { name: dialect.name().to_owned(), open }];
    match dialect.name() {
        "sqlite" => subject(Box::new(|| files(dialect))),
        #[cfg(feature = "postgres")]
        "postgres" => postgres(dialect),
        other => subject(Box::new(move || {
            Availability::Missing(format!("tests/conformance/scratch.rs knows no place for {other}"))
        })),
    }
}

/// A place for a dialect whose databases are files.
pub(crate) fn files(dialect: &'static dyn Dialect) -> Availability {
    Scratch::with(Holder::Files(dialect))
}

/// Every version of PostgreSQL that is installed, or the one server that the environment names.
#[cfg(feature = "postgres")]
fn postgres(dialect: &'static dyn Dialect) -> Vec<Subject> {
    use dbferry_postgres::testing::URL_VARIABLE;
    let on = move |server: &'static Server| Scratch::with(Holder::Server(dialect, server, Mutex::default()));
    let installations = Installation::all();
    if std::env::var_os(URL_VARIABLE).is_some() {
        return vec![Subject { name: "postgres".into(), open: Box::new(move || on(Server::shared())) }];
    }
    if installations.is_empty() {
        let reason = format!("PostgreSQL is not installed (apt-get install postgresql), and {URL_VARIABLE} is not set");
        let open = Box::new(move || Availability::Missing(reason.clone()));
        return vec![Subject { name: "postgres".into(), open }];
    }
    let subject = |installation: Installation| Subject {
        name: format!("postgres-{}", installation.major),
        open: Box::new(move || match Server::shared_of(&installation) {
            Ok(server) => on(server),
            Err(error) => Availability::Missing(error.to_string()),
        }),
    };
    installations.into_iter().map(subject).collect()
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
    #[cfg(feature = "postgres")]
    Server(&'static dyn Dialect, &'static Server, Mutex<BTreeMap<String, String>>),
}

impl Scratch {
    pub(crate) fn memory() -> Availability {
        Self::with(Holder::Memory(MemoryDialect::new()))
    }

    fn with(dialect: Holder) -> Availability {
        Availability::Ready(Self { dialect, directory: TempDir::new().expect("a temporary directory") })
    }

    pub(crate) fn dialect(&self) -> &dyn Dialect {
        match &self.dialect {
            Holder::Memory(dialect) => dialect,
            Holder::Files(dialect) => *dialect,
            #[cfg(feature = "postgres")]
            Holder::Server(dialect, ..) => *dialect,
        }
    }

    /// The database of that name. It need not exist, but on a server it does, and is empty.
    pub(crate) fn database(&self, name: &str) -> Endpoint<'_> {
        let url = match &self.dialect {
            Holder::Memory(dialect) => dialect.url(name),
            Holder::Files(dialect) => {
                let text = format!("{}:{}", dialect.schemes()[0], self.file(name).display());
                DatabaseUrl::parse(&text).expect("a file URL")
            }
            #[cfg(feature = "postgres")]
            Holder::Server(_, server, names) => {
                let mut names = names.lock().expect("a case uses its place from one thread");
                let name = names.entry(name.to_owned()).or_insert_with(|| server.create_database());
                DatabaseUrl::parse(&server.url(name)).expect("a server's URL")
            }
        };
        Endpoint::new(self.dialect(), url)
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
