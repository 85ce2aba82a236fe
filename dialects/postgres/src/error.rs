//! PostgreSQL's errors as dbferry's: the kind follows from the SQLSTATE, the server's own message is kept.
//!
//! Classes and codes: <https://www.postgresql.org/docs/current/errcodes-appendix.html>.

use dbferry_dialect::{Error, ErrorKind};
use std::borrow::Cow;
use std::error::Error as _;

/// What `doing` ran into. `doing` is a sentence without a full stop: `the catalogue cannot be read`.
pub(crate) fn database_error(doing: impl Into<Cow<'static, str>>, error: &tokio_postgres::Error) -> Error {
    let Some(server) = error.as_db_error() else {
        let kind = if error.is_closed() { ErrorKind::Connect } else { ErrorKind::Database };
        // The driver's own words are a label ("error connecting to server"); what happened is below it.
        let cause = error.source().map_or_else(|| error.to_string(), ToString::to_string);
        return Error::new(kind, doing).with("dialect", crate::NAME).caused_by(cause);
    };
    let (kind, hint) = classify(server.code().code());
    let mut message = server.message().to_owned();
    if let Some(detail) = server.detail() {
        message.push_str(&format!(" ({detail})"));
    }
    let mut wrapped = Error::new(kind, doing).with("dialect", crate::NAME).with("sqlstate", server.code().code());
    if let Some(table) = server.table() {
        wrapped = wrapped.with("table", table);
    }
    if let Some(column) = server.column() {
        wrapped = wrapped.with("column", column);
    }
    if let Some(place) = server.where_() {
        // One line: the rest repeats functions that called each other.
        wrapped = wrapped.with("where", place.lines().next().unwrap_or_default());
    }
    wrapped = wrapped.caused_by(message);
    match hint.map(Cow::Borrowed).or_else(|| server.hint().map(|hint| Cow::Owned(hint.to_owned()))) {
        Some(hint) => wrapped.hint(hint),
        None => wrapped,
    }
}

fn classify(code: &str) -> (ErrorKind, Option<&'static str>) {
    match code {
        "57014" => (ErrorKind::Cancelled, None),
        "55P03" | "40P01" | "40001" | "55006" => (
            ErrorKind::Busy,
            Some("another session holds a lock: let it finish its transaction, or wait longer for locks"),
        ),
        "42501" => (ErrorKind::Permission, Some("grant the privilege, or connect as a user that has it")),
        "3D000" => (ErrorKind::Connect, Some("create the database first: createdb NAME")),
        "53300" => (ErrorKind::Connect, Some("the server has no connection left: use fewer jobs")),
        "57P01" | "57P02" | "57P03" => (ErrorKind::Connect, None),
        _ if code.starts_with("28") => (
            ErrorKind::Connect,
            Some("check the user and the password; PGPASSWORD, PGPASSFILE and ~/.pgpass are honoured"),
        ),
        _ if code.starts_with("08") => (ErrorKind::Connect, None),
        _ => (ErrorKind::Database, None),
    }
}
