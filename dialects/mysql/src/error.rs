//! The server's errors as dbferry's: the kind follows from the error number, the server's own message is kept. And what
//! goes wrong between: the network, TLS, the driver.

mod codes;

use dbferry_dialect::{Error, ErrorKind};
use mysql_async::{DriverError, IoError};
use rustls::CertificateError;
use rustls::pki_types::ServerName;
use std::borrow::Cow;
use std::io;

/// The number of a login that failed, as the context of an error shows it.
pub(crate) const ACCESS_DENIED: &str = "1045";
/// The number of a statement that was stopped by `KILL QUERY`.
pub(crate) const STOPPED: u16 = 1317;

/// What `doing` ran into. `doing` is a sentence without a full stop: `the catalogue cannot be read`.
pub(crate) fn database_error(doing: impl Into<Cow<'static, str>>, error: &mysql_async::Error) -> Error {
    match error {
        mysql_async::Error::Server(server) => server_error(doing, server.code, &server.message),
        other => driver_error(doing, other),
    }
}

/// What the server said no to, by its error number.
pub(crate) fn server_error(doing: impl Into<Cow<'static, str>>, code: u16, message: &str) -> Error {
    let (kind, hint) = codes::meaning(code);
    let error = Error::new(kind, doing).with("dialect", crate::NAME).with("error", code).caused_by(message.to_owned());
    with_hint(error, hint)
}

/// What went wrong on this side or on the way.
pub(crate) fn driver_error(doing: impl Into<Cow<'static, str>>, error: &mysql_async::Error) -> Error {
    let doing = doing.into();
    let plain = |kind| Error::new(kind, doing.clone()).with("dialect", crate::NAME);
    match error {
        mysql_async::Error::Io(IoError::Io(error)) => io_error(doing, error),
        mysql_async::Error::Io(IoError::Tls(error)) => plain(ErrorKind::Tls).caused_by(error.to_string()),
        mysql_async::Error::Driver(DriverError::LocalInfile(mysql_async::LocalInfileError::NoHandler)) => {
            file_asked_for(doing)
        }
        mysql_async::Error::Driver(DriverError::UnknownAuthPlugin { name }) => unknown_plugin(doing, name),
        mysql_async::Error::Driver(DriverError::CleartextPluginDisabled) => {
            unknown_plugin(doing, "mysql_clear_password")
        }
        mysql_async::Error::Driver(DriverError::MysqlOldPasswordDisabled) => {
            unknown_plugin(doing, "mysql_old_password")
        }
        // Its payload may be anything.
        mysql_async::Error::Driver(DriverError::UnexpectedPacket { .. }) => {
            plain(ErrorKind::Connect).caused_by("the server answers in a way that is not understood")
        }
        mysql_async::Error::Driver(DriverError::ConnectionClosed) => {
            io_error(doing, &io::ErrorKind::UnexpectedEof.into())
        }
        other => plain(ErrorKind::Internal).caused_by(other.to_string()),
    }
}

/// What the network, or TLS on it, ran into.
pub(crate) fn io_error(doing: impl Into<Cow<'static, str>>, error: &io::Error) -> Error {
    let plain = |kind| Error::new(kind, doing).with("dialect", crate::NAME);
    if let Some(tls) = tls_cause(error) {
        return with_hint(plain(ErrorKind::Tls).caused_by(tls.to_string()), tls_hint(tls));
    }
    let is_too_large =
        error.get_ref().is_some_and(|inner| inner.to_string().to_ascii_lowercase().contains("too large"));
    if is_too_large {
        let (kind, hint) = codes::meaning(codes::PACKET_TOO_LARGE);
        return with_hint(plain(kind).caused_by("a packet would be larger than max_allowed_packet"), hint);
    }
    match error.kind() {
        io::ErrorKind::UnexpectedEof
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::NotConnected => plain(ErrorKind::Connect)
            .caused_by("the connection was closed")
            .hint("the server, or something between, ended it: the server's log may say why"),
        kind => with_hint(plain(ErrorKind::Connect).caused_by(error.to_string()), reachability_hint(kind)),
    }
}

/// A server that asks for a file where nobody offered one.
pub(crate) fn file_asked_for(doing: impl Into<Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::Refused, doing)
        .with("dialect", crate::NAME)
        .caused_by("the server asks for a file of this machine; it gets none, and the session is ended")
        .hint("this is no sane server: look at what answers at that address")
}

/// A way to prove a password that is not spoken here, or that would give it away.
pub(crate) fn unknown_plugin(doing: impl Into<Cow<'static, str>>, name: &str) -> Error {
    let error = Error::new(ErrorKind::Connect, doing)
        .with("dialect", crate::NAME)
        .caused_by(format!("the server wants the password by way of {name:?}, which dbferry does not do"));
    error.hint(
        "check the user: MySQL asks for any of them where there is no such user; else give the account one of \
         caching_sha2_password, mysql_native_password and ed25519: ALTER USER ... IDENTIFIED WITH ..., or IDENTIFIED VIA \
         ... with MariaDB",
    )
}

/// Whether nobody answered, or somebody hung up before saying anything: another address may do better.
pub(crate) fn is_unreachable(error: &mysql_async::Error) -> bool {
    matches!(error, mysql_async::Error::Io(IoError::Io(error)) if tls_cause(error).is_none())
}

/// What TLS says, wherever it is said: a handshake goes wrong at once, a client's certificate is refused later.
fn tls_cause(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

/// Where a certificate is good but for its name: one of the names that it is for.
pub(crate) fn error_of_names(error: &mysql_async::Error) -> Option<String> {
    let mysql_async::Error::Io(IoError::Io(error)) = error else { return None };
    let Some(rustls::Error::InvalidCertificate(CertificateError::NotValidForNameContext { presented, .. })) =
        tls_cause(error)
    else {
        return None;
    };
    // `DnsName("*.db.example")`, `IpAddress(192.0.2.1)`.
    presented.iter().find_map(|name| {
        let (_, name) = name.split_once('(')?;
        let name = name.strip_suffix(')')?.trim_matches('"').replace('*', "any");
        ServerName::try_from(name.clone()).is_ok().then_some(name)
    })
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
            Certificate::NotValidForNameContext { presented, .. } if presented.is_empty() => {
                "the server's certificate is for no name at all: give the server one with a subjectAltName"
            }
            Certificate::NotValidForName | Certificate::NotValidForNameContext { .. } => {
                "the server's certificate is for another name: connect by a name that it holds as subjectAltName, or do \
                 not ask for it: ssl-mode=VERIFY_CA"
            }
            Certificate::UnknownIssuer => {
                "nobody who is trusted signed the server's certificate: name the authority's in ssl-ca"
            }
            _ => {
                "the server's certificate cannot be accepted: one that signed itself cannot be checked, have an authority \
                 of your own sign it"
            }
        }),
        rustls::Error::AlertReceived(_) => {
            Some("the server refused the client's side: it may want a certificate (ssl-cert, ssl-key)")
        }
        rustls::Error::PeerIncompatible(_) => {
            Some("the server's TLS is too old; only where the network can be trusted do without: ssl-mode=DISABLED")
        }
        _ => None,
    }
}

fn reachability_hint(kind: io::ErrorKind) -> Option<&'static str> {
    match kind {
        io::ErrorKind::ConnectionRefused => Some("is the server running there, and on that port?"),
        io::ErrorKind::NotFound => Some("no server has its socket there: is it running, and is the path right?"),
        io::ErrorKind::PermissionDenied => Some("the operating system does not let this user reach it"),
        io::ErrorKind::TimedOut => Some("nobody answered: check host and port, and firewalls in between"),
        _ => None,
    }
}

fn with_hint(error: Error, hint: Option<&'static str>) -> Error {
    match hint {
        Some(hint) => error.hint(hint),
        None => error,
    }
}
