//! A database that a run starts from or arrives at: which dialect, and where.

use crate::registry;
use dbferry_dialect::{
    Cancel, Database, DatabaseUrl, Dialect, Environment, Error, Location, OpenOptions, Purpose, Result,
};
use std::fmt;
use std::path::Path;

/// A dialect and a place. Opening it is left to the run, which knows what for.
#[derive(Clone, Debug)]
pub struct Endpoint<'a> {
    /// The dialect that opens it.
    pub dialect: &'a dyn Dialect,
    /// Where it is.
    pub url: DatabaseUrl,
    /// What the dialect may know of the environment.
    pub environment: Environment,
}

impl<'a> Endpoint<'a> {
    /// A dialect and a place, without an environment.
    pub fn new(dialect: &'a dyn Dialect, url: DatabaseUrl) -> Self {
        Self { dialect, url, environment: Environment::default() }
    }
}

impl Endpoint<'static> {
    /// Finds the dialect of `url` in the registry. Nothing of the environment is handed over.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage) when the text is no URL or no dialect of this build answers to it.
    pub fn parse(url: &str) -> Result<Self> {
        let url = DatabaseUrl::parse(url)?;
        Ok(Self::new(registry::dialect_of(&url)?, url))
    }
}

impl Endpoint<'_> {
    /// Opens the database for `purpose`.
    ///
    /// # Errors
    /// Those of [`Dialect::open`].
    pub fn open(&self, purpose: Purpose, cancel: &Cancel) -> Result<Box<dyn Database>> {
        let mut options = OpenOptions::new(purpose, cancel.clone());
        options.environment = self.environment.clone();
        self.dialect.open(&self.url, &options).map_err(|error| self.name(error))
    }

    /// Whether both lead to one database, as far as their URLs tell: whoever logs in, and however a file's path is spelled.
    /// One server under two names is not recognised.
    pub fn is_same_database(&self, other: &Endpoint<'_>) -> bool {
        if self.dialect.name() != other.dialect.name() {
            return false;
        }
        match (self.url.location(), other.url.location()) {
            (Location::File(left), Location::File(right)) => {
                let real = |path: &str| Path::new(path).canonicalize().ok();
                left == right || real(left).is_some_and(|left| Some(left) == real(right))
            }
            (Location::Server { .. }, Location::Server { .. }) => server_of(&self.url) == server_of(&other.url),
            _ => false,
        }
    }

    /// Which server or file it is, as 128 bits that tell two of them apart and name none of them: whoever logs in, and
    /// however a file's path is spelled. What a URL leaves out is what the environment says.
    pub(crate) fn place(&self) -> String {
        let mut hasher = blake3::Hasher::new_derive_key("dbferry 2026-11 place of a source");
        let mut add = |part: Option<&str>| {
            // With its length, so that two parts are never taken for one.
            hasher.update(&part.map_or(u64::MAX, |part| part.len() as u64).to_le_bytes());
            hasher.update(part.unwrap_or_default().as_bytes());
        };
        match self.url.location() {
            Location::File(path) => {
                let real = Path::new(path).canonicalize().or_else(|_| std::path::absolute(path)).ok();
                add(Some(real.as_deref().unwrap_or(Path::new(path)).to_string_lossy().as_ref()));
            }
            Location::Server { .. } => {
                let [host, port, _] = server_of(&self.url);
                add(host.as_deref());
                add(port.as_deref());
                for other in ["hostaddr", "service"] {
                    let found = self.url.parameters().iter().rev().find(|(key, _)| key.eq_ignore_ascii_case(other));
                    add(found.map(|(_, value)| value.as_str()));
                }
                // Each by itself, whether or not the URL goes before it: two places too many are only two series.
                for name in ["PGHOST", "PGHOSTADDR", "PGPORT", "PGSERVICE", "PGSERVICEFILE"].iter().chain(&[
                    "MYSQL_HOST",
                    "MYSQL_TCP_PORT",
                    "MYSQL_UNIX_PORT",
                ]) {
                    add(self.environment.get(name));
                }
            }
        }
        hasher.finalize().to_hex().as_str()[..32].to_owned()
    }

    /// Adds the database to an error's context.
    pub(crate) fn name(&self, error: Error) -> Error {
        error.with("database", self)
    }
}

impl fmt::Display for Endpoint<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.url.fmt(f)
    }
}

/// Host, port and database of a server's URL. A parameter says the same as the part of the URL that it takes the place of.
fn server_of(url: &DatabaseUrl) -> [Option<String>; 3] {
    let Location::Server { host, port, database, .. } = url.location() else { return [None, None, None] };
    let parameter = |names: &[&str]| {
        let found = url.parameters().iter().rev().find(|(key, _)| names.contains(&key.to_ascii_lowercase().as_str()));
        found.map(|(_, value)| value.clone())
    };
    [
        parameter(&["socket"]).or_else(|| parameter(&["host"])).or_else(|| host.clone()),
        parameter(&["port"]).or_else(|| port.map(|port| port.to_string())),
        parameter(&["dbname", "database"]).or_else(|| database.clone()),
    ]
}
