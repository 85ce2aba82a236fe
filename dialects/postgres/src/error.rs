//! PostgreSQL's errors as dbferry's: the kind follows from the SQLSTATE, the server's own message is kept.
//!
//! Classes and codes: <https://www.postgresql.org/docs/current/errcodes-appendix.html>. Messages come in the server's
//! language, so nothing is read out of them.

use dbferry_dialect::{Error, ErrorKind};
use std::borrow::Cow;
use std::error::Error as _;
use std::io;
use tokio_postgres::error::DbError;

/// The SQLSTATE of a user, database or address that the server does not let in (not: of a wrong password).
pub(crate) const NOT_LET_IN: &str = "28000";
/// The SQLSTATE of a server that is starting, stopping or recovering.
pub(crate) const NOT_NOW: &str = "57P03";
/// The SQLSTATE of a statement that was stopped, by whomever.
const STOPPED: &str = "57014";
/// The SQLSTATE of a prepared statement that is not there.
const NO_SUCH_STATEMENT: &str = "26000";

/// What `doing` ran into. `doing` is a sentence without a full stop: `the catalogue cannot be read`.
pub(crate) fn database_error(doing: impl Into<Cow<'static, str>>, error: &tokio_postgres::Error) -> Error {
    match error.as_db_error() {
        Some(server) => server_error(doing.into(), server),
        None => driver_error(doing.into(), error),
    }
}

fn server_error(doing: Cow<'static, str>, server: &DbError) -> Error {
    let code = server.code().code();
    let mut message = server.message().to_owned();
    if let Some(detail) = server.detail() {
        message.push_str(&format!(" ({detail})"));
    }
    let mut wrapped = Error::new(kind(code), doing).with("dialect", crate::NAME).with("sqlstate", code);
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
    match hint(code, server.routine())
        .map(Cow::Borrowed)
        .or_else(|| server.hint().map(|hint| Cow::Owned(hint.to_owned())))
    {
        Some(hint) => wrapped.hint(hint),
        None => wrapped,
    }
}

fn kind(code: &str) -> ErrorKind {
    match code {
        "55P03" | "40P01" | "40001" | "55006" => ErrorKind::Busy,
        "42501" => ErrorKind::Permission,
        // The database or the connection is not there, or not any more.
        "3D000" | "53300" | "57P01" | "57P02" | "57P03" | "57P04" | "57P05" | "25P03" | "25P04" => ErrorKind::Connect,
        _ if code.starts_with("28") || code.starts_with("08") => ErrorKind::Connect,
        _ => ErrorKind::Database,
    }
}

fn hint(code: &str, routine: Option<&str>) -> Option<&'static str> {
    Some(match code {
        "55P03" | "40P01" | "40001" | "55006" => {
            "another session holds a lock: let it finish its transaction, or wait longer for locks"
        }
        "42501" if routine == Some("check_enable_rls") => {
            "row-level security hides rows from this user: connect as the table's owner or as a role with BYPASSRLS"
        }
        "42501" => "grant the privilege, or connect as a user that has it",
        "3D000" => "create the database first: createdb NAME",
        STOPPED => "somebody or a time limit of the server stopped the statement",
        "53300" => "the server has no connection left: use fewer jobs, or raise max_connections",
        "53100" => "the server's disk is full",
        "25006" => "the server is a standby, or the database is read-only: restore into the primary",
        NOT_NOW => "the server is starting, stopping or recovering: try again in a moment",
        NOT_LET_IN => "the user may not exist, or the server's pg_hba.conf does not let it in from here",
        "28P01" => "check the user and the password; PGPASSWORD, PGPASSFILE and ~/.pgpass are honoured",
        "57P01" | "57P02" | "57P04" => "somebody stopped the server, dropped the database or ended this session",
        // Prepared statements and the startup options are where poolers show first.
        NO_SUCH_STATEMENT => "a connection pooler may stand in between: connect to the server itself",
        "XX001" | "XX002" => "the source itself is damaged: check it with pg_amcheck before anything else",
        _ => return None,
    })
}

fn driver_error(doing: Cow<'static, str>, error: &tokio_postgres::Error) -> Error {
    let wrapped = |kind| Error::new(kind, doing).with("dialect", crate::NAME);
    // The driver's own words are a label ("error connecting to server"); what happened is below it.
    let label = error.to_string();
    let cause = error.source().map(ToString::to_string);
    if let Some(tls) = tls_cause(error) {
        let wrapped = wrapped(ErrorKind::Tls).caused_by(tls.to_string());
        return match tls_hint(tls) {
            Some(hint) => wrapped.hint(hint),
            None => wrapped,
        };
    }
    match label.as_str() {
        "error performing TLS handshake" => {
            let cause = cause.unwrap_or(label);
            if cause == "server does not support TLS" {
                return wrapped(ErrorKind::Tls).caused_by("the server offers no TLS").hint(
                    "turn it on in the server (ssl = on), or, only where the network can be trusted, do without: \
                     sslmode=disable",
                );
            }
            wrapped(ErrorKind::Tls).caused_by(cause)
        }
        "error connecting to server" => match reachability_hint(error) {
            Some(hint) => wrapped(ErrorKind::Connect).caused_by(cause.unwrap_or(label)).hint(hint),
            None => wrapped(ErrorKind::Connect).caused_by(cause.unwrap_or(label)),
        },
        "connection closed" => wrapped(ErrorKind::Connect)
            .caused_by("the connection was closed")
            .hint("the server, or something between, ended it: the server's log may say why"),
        "error communicating with the server" | "timeout waiting for server" | "authentication error" => {
            wrapped(ErrorKind::Connect).caused_by(cause.unwrap_or(label))
        }
        "unexpected message from server" | "error parsing response from server" => {
            wrapped(ErrorKind::Database).caused_by(cause.map_or(label.clone(), |cause| format!("{label}: {cause}")))
        }
        _ => wrapped(ErrorKind::Internal).caused_by(cause.map_or(label.clone(), |cause| format!("{label}: {cause}"))),
    }
}

/// What `doing` ran into, where the statement may have been stopped because the caller wanted it.
pub(crate) fn cancelled_or(doing: &'static str, error: &tokio_postgres::Error) -> Error {
    match error.code() {
        Some(code) if code.code() == STOPPED => {
            Error::new(ErrorKind::Cancelled, doing).with("dialect", crate::NAME).caused_by("cancelled")
        }
        _ => database_error(doing, error),
    }
}

/// Whether the server asked for a password and the driver had none.
pub(crate) fn lacks_password(error: &tokio_postgres::Error) -> bool {
    error.source().is_some_and(|cause| cause.to_string() == "password missing")
}

/// Whether nobody answered, or somebody hung up before saying anything: another address may do better.
pub(crate) fn is_unreachable(error: &tokio_postgres::Error) -> bool {
    match error.code() {
        Some(code) => code.code() == NOT_NOW,
        None => {
            let label = error.to_string();
            tls_cause(error).is_none()
                && ["error connecting to server", "error communicating with the server", "connection closed"]
                    .contains(&label.as_str())
        }
    }
}

/// What TLS says, wherever it is said: a handshake goes wrong at once, a client's certificate is refused later.
fn tls_cause(error: &tokio_postgres::Error) -> Option<&rustls::Error> {
    io_cause(error)?.get_ref()?.downcast_ref()
}

fn io_cause(error: &tokio_postgres::Error) -> Option<&io::Error> {
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(io) = error.downcast_ref() {
            return Some(io);
        }
        cause = error.source();
    }
    None
}

fn tls_hint(error: &rustls::Error) -> Option<&'static str> {
    use rustls::CertificateError as Certificate;
    match error {
        rustls::Error::InvalidCertificate(reason) => Some(match reason {
            Certificate::Expired | Certificate::ExpiredContext { .. } => {
                "the server's certificate has expired: renew it"
            }
            Certificate::NotValidYet | Certificate::NotValidYetContext { .. } => {
                "the server's certificate is not valid yet: look at the clocks"
            }
            Certificate::NotValidForName | Certificate::NotValidForNameContext { .. } => {
                "the server's certificate is for another name: connect by a name that it holds as subjectAltName"
            }
            Certificate::UnknownIssuer => {
                "nobody who is trusted signed the server's certificate: name the authority's in sslrootcert"
            }
            _ => "the server's certificate cannot be accepted",
        }),
        rustls::Error::AlertReceived(_) => {
            Some("the server refused the client's side: it may want a certificate (sslcert)")
        }
        _ => None,
    }
}

fn reachability_hint(error: &tokio_postgres::Error) -> Option<&'static str> {
    match io_cause(error)?.kind() {
        io::ErrorKind::ConnectionRefused => Some("is PostgreSQL running there, and on that port?"),
        io::ErrorKind::NotFound => {
            Some("no server has its socket there: is it running, and are directory and port right?")
        }
        io::ErrorKind::PermissionDenied => Some("the operating system does not let this user reach it"),
        io::ErrorKind::TimedOut => Some("nobody answered: check host and port, and firewalls in between"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_follow_the_code() {
        for (code, expected) in [
            ("57014", ErrorKind::Database),
            ("55P03", ErrorKind::Busy),
            ("40001", ErrorKind::Busy),
            ("42501", ErrorKind::Permission),
            ("3D000", ErrorKind::Connect),
            ("28P01", ErrorKind::Connect),
            ("28000", ErrorKind::Connect),
            ("08006", ErrorKind::Connect),
            ("08P01", ErrorKind::Connect),
            ("57P01", ErrorKind::Connect),
            ("57P04", ErrorKind::Connect),
            ("25P03", ErrorKind::Connect),
            ("42601", ErrorKind::Database),
            ("23505", ErrorKind::Database),
            ("XX001", ErrorKind::Database),
        ] {
            assert_eq!(kind(code), expected, "{code}");
        }
    }

    #[test]
    fn hidden_rows_are_told_from_other_privileges() {
        assert_ne!(hint("42501", Some("check_enable_rls")), hint("42501", Some("aclcheck_error")));
    }
}
