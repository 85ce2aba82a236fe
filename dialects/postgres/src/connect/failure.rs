//! Why a server could not be used, in words that say what to do.

use super::hosts::Host;
use super::password::Found;
use crate::error::{NOT_LET_IN, database_error, is_unreachable, lacks_password};
use crate::session::Failure;
use dbferry_dialect::{Error, ErrorKind};
use std::time::Duration;

impl Failure {
    /// Whether the server answered and does not let this user in by this way.
    pub(super) fn is_not_let_in(&self) -> bool {
        matches!(self, Self::Driver(error) if error.code().is_some_and(|code| code.code() == NOT_LET_IN))
    }

    /// Whether nobody answered, so that another address may do better.
    pub(super) fn is_unreachable(&self) -> bool {
        match self {
            Self::Driver(error) => is_unreachable(error),
            Self::TimedOut => true,
            Self::Cancelled | Self::Runtime(_) => false,
        }
    }

    /// As an error.
    pub(super) fn told(&self, host: &Host, limit: Option<Duration>) -> Error {
        let error = match self {
            Self::Driver(error) if lacks_password(error) => match &host.password {
                Found::Refused(refusal) => refusal.error(),
                _ => Error::new(ErrorKind::Connect, "the server asks for a password, and none is given")
                    .hint("put it into PGPASSWORD, ~/.pgpass or a named connection of dbferry.toml"),
            },
            Self::Driver(error) => database_error("cannot connect", error),
            Self::TimedOut => {
                let seconds = limit.unwrap_or_default().as_secs();
                Error::new(ErrorKind::Connect, format!("the server did not answer within {seconds} seconds"))
                    .hint("check host and port, and firewalls in between; connect_timeout=SECONDS waits longer")
            }
            Self::Cancelled => Error::new(ErrorKind::Cancelled, "cancelled"),
            Self::Runtime(error) => {
                Error::new(ErrorKind::Io, "cannot start the runtime of a session").caused_by(error.to_string())
            }
        };
        error.with("dialect", crate::NAME).with("server", host)
    }
}
