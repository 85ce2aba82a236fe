//! What drives a session, and what stops it.

use super::cancelled_or;
use crate::connect::{Failure, Way};
use crate::error::{database_error, driver_error, error_of_names, is_unreachable};
use crate::wire::Wire;
use dbferry_dialect::{Cancel, Error, ErrorKind, Result};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, DriverError, Opts};
use std::future::Future;
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

/// How often a waiting call looks at the cancel flag.
const CANCEL_POLL: Duration = Duration::from_millis(50);
/// How often the server is asked to stop: a request that comes between two statements stops nothing.
const CANCEL_AGAIN: Duration = Duration::from_secs(1);
/// How long a server that was asked to stop may take before its session is given up.
const CANCEL_LIMIT: Duration = Duration::from_secs(20);
/// How long a session may take to say goodbye.
const FAREWELL_LIMIT: Duration = Duration::from_secs(1);

/// `ER_ACCESS_DENIED_ERROR`.
const ACCESS_DENIED: u16 = 1045;

/// A session's runtime, and the way to the server by which its statements are stopped.
pub(super) struct Link {
    id: u32,
    options: Opts,
    cancel: Cancel,
    runtime: Runtime,
}

impl Link {
    /// Connects and logs in, within the way's limit.
    pub(super) fn connect(way: &Way, cancel: Cancel) -> Result<(Conn, Self), Failure> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::Final(Error::io("the runtime of a session cannot be made", error)))?;
        let mut options: Opts = way.options(None).into();
        let mut result = runtime.block_on(log_in(&options, &cancel, way.limit));
        if let Err(Unconnected::Driver(error)) = &result {
            // The driver looks at the certificate's names though it was told not to, up to version 0.37.1
            // (https://github.com/blackbeam/mysql_async/issues/404). The chain was checked before and is checked again.
            if let Some(name) = error_of_names(error).filter(|_| way.skips_names()) {
                options = way.options(Some(name)).into();
                result = runtime.block_on(log_in(&options, &cancel, way.limit));
            }
        }
        let is_denied = matches!(
            &result,
            Err(Unconnected::Driver(mysql_async::Error::Server(error))) if error.code == ACCESS_DENIED
        );
        // The driver takes the end of an ed25519 challenge for a terminator where it happens to be zero, once in 256 logins,
        // up to version 0.37 of mysql_common. The next challenge is another one. With any other plugin the password is
        // wrong, and one more login would only bring the user closer to being locked out.
        if is_denied
            && way.login.password.is_some()
            && Wire::is_asked_for_ed25519(way, cancel.clone()).is_ok_and(|is_asked| is_asked)
        {
            result = runtime.block_on(log_in(&options, &cancel, way.limit));
        }
        let connection = result.map_err(|why| match why {
            Unconnected::Driver(error) => failure(&error),
            Unconnected::Other(failure) => failure,
        })?;
        let id = connection.id();
        Ok((connection, Self { id, options, cancel, runtime }))
    }

    /// The flag that stops this session.
    pub(super) fn cancel(&self) -> &Cancel {
        &self.cancel
    }

    /// Begins something that goes on whenever this session is driven.
    pub(super) fn spawn<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
        self.runtime.spawn(work)
    }

    /// Drives `work` to its end. Once the flag is raised the server is asked to stop, which ends the work with the server's
    /// own error.
    ///
    /// # Errors
    /// [`ErrorKind::Cancelled`] when the server does not listen. The session is of no use then.
    pub(super) fn drive<T>(&self, doing: &'static str, work: impl Future<Output = T>) -> Result<T> {
        self.runtime.block_on(async {
            futures_util::pin_mut!(work);
            let mut asked: Option<Instant> = None;
            let mut pause = CANCEL_POLL;
            loop {
                tokio::select! {
                    biased;
                    result = &mut work => return Ok(result),
                    () = sleep(pause) => if self.cancel.is_cancelled() {
                        let first = *asked.get_or_insert_with(Instant::now);
                        if first.elapsed() > CANCEL_LIMIT {
                            return Err(Error::new(ErrorKind::Cancelled, doing)
                                .with("dialect", crate::NAME)
                                .caused_by("cancelled, and the server did not stop in time"));
                        }
                        pause = CANCEL_AGAIN;
                        // The work goes on meanwhile. When the request cannot be delivered the work ends by itself, or
                        // its connection does.
                        tokio::select! {
                            biased;
                            result = &mut work => return Ok(result),
                            _ = timeout(CANCEL_AGAIN, self.ask_to_stop()) => {}
                        }
                    }
                }
            }
        })
    }

    /// Stops the statement that runs, by way of another session.
    async fn ask_to_stop(&self) -> Result<(), mysql_async::Error> {
        let mut other = Conn::new(self.options.clone()).await?;
        other.query_drop(format!("KILL QUERY {}", self.id)).await?;
        other.disconnect().await
    }

    /// Takes leave of the server.
    pub(super) fn farewell(&self, connection: Conn) {
        // Within another session's call nothing can be driven: the connection is closed without a word.
        if Handle::try_current().is_err() {
            _ = self.runtime.block_on(async { timeout(FAREWELL_LIMIT, connection.disconnect()).await });
        }
    }

    /// An error of a call.
    pub(super) fn told(&self, doing: &'static str, error: &mysql_async::Error) -> Error {
        if self.cancel.is_cancelled() { cancelled_or(doing, error) } else { database_error(doing, error) }
    }
}

/// Why there is no connection.
enum Unconnected {
    Driver(mysql_async::Error),
    Other(Failure),
}

async fn log_in(options: &Opts, cancel: &Cancel, limit: Option<Duration>) -> Result<Conn, Unconnected> {
    // A task of its own: if the driver panics over what a hostile server says, that ends the login and nothing else.
    let mut connecting = tokio::spawn(Conn::new(options.clone()));
    let began = Instant::now();
    loop {
        tokio::select! {
            biased;
            result = &mut connecting => return match result {
                Ok(result) => result.map_err(Unconnected::Driver),
                Err(_) => Err(Unconnected::Other(Failure::Final(nonsense()))),
            },
            () = sleep(CANCEL_POLL) => {
                let late = limit.is_some_and(|limit| began.elapsed() >= limit);
                let why = cancel.check().map_err(Failure::Final).and(if late { Err(Failure::TimedOut) } else { Ok(()) });
                if let Err(why) = why {
                    connecting.abort();
                    return Err(Unconnected::Other(why));
                }
            }
        }
    }
}

fn failure(error: &mysql_async::Error) -> Failure {
    match error {
        mysql_async::Error::Driver(DriverError::NoClientSslFlagFromServer) => Failure::NoTls,
        error if is_unreachable(error) => Failure::Unreachable(driver_error("cannot connect", error)),
        error => Failure::Final(database_error("cannot connect", error)),
    }
}

fn nonsense() -> Error {
    Error::new(ErrorKind::Connect, "cannot connect")
        .with("dialect", crate::NAME)
        .caused_by("what the server says at login makes no sense")
}
