//! A database that a run starts from or arrives at: which dialect, and where.

use crate::registry;
use dbferry_dialect::{Cancel, Database, DatabaseUrl, Dialect, Environment, Error, OpenOptions, Purpose, Result};
use std::fmt;

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
