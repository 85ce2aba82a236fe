//! How a dialect gives a database to try things in.
//!
//! This is the one place of the matrix that knows what a dialect's databases are: files, names, or databases of a server
//! that was started for the tests. Each [`Scratch`] is a place of its own, so that cases do not meet.

use dbferry::dialect::testkit::MemoryDialect;
use dbferry::dialect::{DatabaseUrl, Dialect};
use dbferry::endpoint::Endpoint;
use std::path::PathBuf;
use tempfile::TempDir;

/// Whether there is a place to try a dialect.
pub(crate) enum Availability {
    Ready(Scratch),
    /// No server, for this reason.
    Missing(String),
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
}

impl Scratch {
    pub(crate) fn memory() -> Availability {
        Self::with(Holder::Memory(MemoryDialect::new()))
    }

    /// A place for a dialect of the registry.
    pub(crate) fn of(dialect: &'static dyn Dialect) -> Availability {
        match dialect.name() {
            "sqlite" => Self::with(Holder::Files(dialect)),
            other => Availability::Missing(format!("tests/conformance/scratch.rs knows no place for {other}")),
        }
    }

    fn with(dialect: Holder) -> Availability {
        Availability::Ready(Self { dialect, directory: TempDir::new().expect("a temporary directory") })
    }

    pub(crate) fn dialect(&self) -> &dyn Dialect {
        match &self.dialect {
            Holder::Memory(dialect) => dialect,
            Holder::Files(dialect) => *dialect,
        }
    }

    /// The database of that name; it need not exist.
    pub(crate) fn database(&self, name: &str) -> Endpoint<'_> {
        let url = match &self.dialect {
            Holder::Memory(dialect) => dialect.url(name),
            Holder::Files(dialect) => {
                let text = format!("{}:{}", dialect.schemes()[0], self.file(name).display());
                DatabaseUrl::parse(&text).expect("a file URL")
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
