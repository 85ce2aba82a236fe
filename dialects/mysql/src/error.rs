//! The server's errors as dbferry's: the kind follows from the error number, the server's own message is kept.
//!
//! Numbers: <https://dev.mysql.com/doc/mysql-errors/9.0/en/server-error-reference.html>,
//! <https://mariadb.com/kb/en/mariadb-error-code-reference/>.

use dbferry_dialect::{Error, ErrorKind};
use std::borrow::Cow;

/// What `doing` ran into. `doing` is a sentence without a full stop: `the catalogue cannot be read`.
pub(crate) fn database_error(doing: impl Into<Cow<'static, str>>, error: &mysql_async::Error) -> Error {
    match error {
        mysql_async::Error::Server(server) => server_error(doing, server.code, &server.message),
        other => Error::new(ErrorKind::Connect, doing).with("dialect", crate::NAME).caused_by(other.to_string()),
    }
}

/// What the server said no to, by its error number.
pub(crate) fn server_error(doing: impl Into<Cow<'static, str>>, code: u16, message: &str) -> Error {
    Error::new(kind(code), doing).with("dialect", crate::NAME).with("error", code).caused_by(message.to_owned())
}

fn kind(code: u16) -> ErrorKind {
    match code {
        1044 | 1142 | 1143 | 1227 | 1370 | 1419 => ErrorKind::Permission,
        1040 | 1045 | 1049 | 1130 | 1698 => ErrorKind::Connect,
        1205 | 1213 => ErrorKind::Busy,
        _ => ErrorKind::Database,
    }
}
