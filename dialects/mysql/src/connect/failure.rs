//! Why a server could not be used, in words that say what to do.

use super::place::Place;
use super::settings::Settings;
use super::way::Way;
use crate::error::ACCESS_DENIED;
use dbferry_dialect::{Error, ErrorKind};

/// Why there is no session.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Nobody answered, so that another address may do better.
    Unreachable(Error),
    /// Nobody answered in time.
    TimedOut,
    /// The server offers no TLS.
    NoTls,
    /// The server answered, and its answer counts.
    Final(Error),
}

impl Failure {
    /// Whether another address may do better.
    pub(super) fn is_unreachable(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::TimedOut)
    }

    /// As an error.
    pub(super) fn told(self, way: &Way, settings: &Settings) -> Error {
        let error = match self {
            Self::Unreachable(error) => error,
            Self::Final(error) => with_password_hint(error, way, settings),
            Self::TimedOut => {
                let seconds = way.limit.unwrap_or_default().as_secs();
                Error::new(ErrorKind::Connect, format!("the server did not answer within {seconds} seconds"))
                    .hint("check host and port, and firewalls in between; connect-timeout=SECONDS waits longer")
            }
            Self::NoTls => Error::new(ErrorKind::Tls, "cannot connect").caused_by("the server offers no TLS").hint(
                "turn it on in the server (ssl-cert, ssl-key), or, only where the network can be trusted, do without: \
                 ssl-mode=DISABLED",
            ),
        };
        error.with("dialect", crate::NAME).with("server", &way.place)
    }
}

/// Where a login failed, says what is known of the password.
fn with_password_hint(error: Error, way: &Way, settings: &Settings) -> Error {
    let is_denied = error.context().any(|(key, value)| key == "error" && value == ACCESS_DENIED);
    if !is_denied {
        return error;
    }
    if let Some(file) = settings.ignored_file() {
        let hint = format!("{0} is ignored because everybody can write to it: chmod 600 '{0}'", file.display());
        return error.with("ignored", file.display()).hint(hint);
    }
    if way.login.password.is_none() {
        return error
            .hint("no password is given: put it into MYSQL_PWD, ~/.my.cnf or a named connection of dbferry.toml");
    }
    if way.encryption.is_none() && matches!(way.place, Place::Network { .. }) {
        return error
            .hint("check the user and the password; the server may also want TLS of this user: ssl-mode=REQUIRED");
    }
    error
}
