//! The dialects of this build: the only file that names them.
//!
//! Help, lists and the conformance matrix come from here. A further dialect is one folder under `dialects/`, one optional
//! dependency and feature line in `Cargo.toml`, and one line in [`dialects`].

use dbferry_dialect::{Database, DatabaseUrl, Dialect, Error, ErrorKind, OpenOptions, Result};

/// Every dialect of this build.
pub fn dialects() -> &'static [&'static dyn Dialect] {
    &[
        #[cfg(feature = "mysql")]
        &dbferry_mysql::MySql,
        #[cfg(feature = "postgres")]
        &dbferry_postgres::Postgres,
        #[cfg(feature = "sqlite")]
        &dbferry_sqlite::Sqlite,
    ]
}

/// The dialect that answers to `scheme`.
pub fn by_scheme(scheme: &str) -> Option<&'static dyn Dialect> {
    dialects().iter().copied().find(|dialect| dialect.schemes().contains(&scheme))
}

/// The dialect of that name.
pub fn by_name(name: &str) -> Option<&'static dyn Dialect> {
    dialects().iter().copied().find(|dialect| dialect.name() == name)
}

/// Every URL scheme of this build.
pub fn schemes() -> Vec<&'static str> {
    dialects().iter().flat_map(|dialect| dialect.schemes().iter().copied()).collect()
}

/// The dialect of a URL.
///
/// # Errors
/// [`ErrorKind::Usage`] when no dialect of this build answers to the scheme.
pub fn dialect_of(url: &DatabaseUrl) -> Result<&'static dyn Dialect> {
    by_scheme(url.scheme()).ok_or_else(|| {
        Error::new(ErrorKind::Usage, format!("no dialect answers to the URL scheme {}:", url.scheme())).hint(format!(
            "this build knows {}",
            schemes().iter().map(|s| format!("{s}:")).collect::<Vec<_>>().join(" ")
        ))
    })
}

/// Opens the database that `url` names.
///
/// # Errors
/// Those of [`dialect_of`] and of the dialect's [`Dialect::open`].
pub fn open(url: &DatabaseUrl, options: &OpenOptions) -> Result<Box<dyn Database>> {
    dialect_of(url)?.open(url, options)
}
