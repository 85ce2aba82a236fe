//! One session on the server: the asynchronous driver behind a synchronous face.
//!
//! Each session owns a current-thread runtime, so a thread of the engine that owns a session owns everything that happens
//! on it. While a call waits it looks at the cancel flag, and has the server stop the statement once that is raised. Rows in
//! bulk are read by [`Wire`](crate::wire::Wire), which hands them on without a copy; this one is for statements, for
//! catalogues, and for loading.
//!
//! The server takes several statements at once from this kind of session. Text that comes out of an archive is run on a
//! [`Wire`](crate::wire::Wire) instead, where the server takes one.

mod link;

use crate::connect::{Failure, Way};
use crate::error::database_error;
use bytes::Bytes;
use dbferry_dialect::{Cancel, Error, ErrorKind, Result};
use futures_util::StreamExt;
use futures_util::stream::poll_fn;
use link::Link;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Params, Row};
use std::fmt;
use std::io;
use tokio::sync::mpsc::{Sender, channel};
use tokio::task::JoinHandle;

/// How many pieces of a load may wait for the network.
const WAITING_PIECES: usize = 2;

/// One session. Dropping it ends it; a transaction that is open is rolled back.
pub(crate) struct Session {
    /// Away while a load has it, and once the session is over.
    connection: Option<Conn>,
    loading: Option<Loading>,
    link: Link,
}

/// A `LOAD DATA LOCAL` that runs.
struct Loading {
    pieces: Sender<Result<Bytes, io::Error>>,
    statement: JoinHandle<(Conn, Result<Loaded, mysql_async::Error>)>,
}

/// What a statement did, as the server tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Loaded {
    /// How many rows it put in or changed.
    pub(crate) rows: u64,
    /// How many warnings it left for `SHOW WARNINGS`.
    pub(crate) warnings: u16,
    /// The server's own sentence: `Records: 2  Deleted: 0  Skipped: 0  Warnings: 0`.
    pub(crate) info: String,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Session")
    }
}

impl Session {
    /// Connects and logs in.
    ///
    /// # Errors
    /// [`Failure`], which the caller knows how to tell.
    pub(crate) fn connect(way: &Way, cancel: Cancel) -> Result<Self, Failure> {
        let (connection, link) = Link::connect(way, cancel)?;
        Ok(Self { connection: Some(connection), loading: None, link })
    }

    /// Fails once the run is cancelled.
    pub(crate) fn check_cancelled(&self) -> Result<()> {
        self.link.cancel().check()
    }

    /// Ends it: the server gives its locks back.
    pub(crate) fn close(&mut self) {
        self.loading = None;
        if let Some(connection) = self.connection.take() {
            self.link.farewell(connection);
        }
    }

    /// Runs one statement without rows; returns what it did.
    pub(crate) fn run(&mut self, doing: &'static str, sql: &str) -> Result<Loaded> {
        self.call(doing, async |connection| connection.query_drop(sql).await.map(|()| done(connection)))
    }

    /// The rows of one query, all in memory: for catalogues and other small results. Every value is text.
    pub(crate) fn query(&mut self, doing: &'static str, sql: &str) -> Result<Vec<Row>> {
        self.call(doing, async |connection| connection.query(sql).await)
    }

    /// The rows of several queries sent as one text, `;` between them: one set of rows a query. For catalogues of which the
    /// server tells one thing a statement.
    pub(crate) fn query_sets(&mut self, doing: &'static str, sql: &str) -> Result<Vec<Vec<Row>>> {
        self.link.cancel().check()?;
        self.call(doing, async |connection| {
            let mut result = connection.query_iter(sql).await?;
            let mut sets = Vec::new();
            while !result.is_empty() {
                sets.push(result.collect().await?);
            }
            Ok(sets)
        })
    }

    /// The rows of one query with values in the place of its `?`, all in memory.
    pub(crate) fn query_with(&mut self, doing: &'static str, sql: &str, values: impl Into<Params>) -> Result<Vec<Row>> {
        let values = values.into();
        self.call(doing, async |connection| connection.exec(sql, values).await)
    }

    /// Begins a `LOAD DATA LOCAL INFILE`; [`load_send`](Self::load_send) and [`load_finish`](Self::load_finish) follow.
    /// Whatever file the server asks for, it gets what is sent here.
    pub(crate) fn load_begin(&mut self, sql: String) -> Result<()> {
        let Some(mut connection) = self.connection.take() else { return Err(self.unusable()) };
        let (pieces, mut waiting) = channel::<Result<Bytes, io::Error>>(WAITING_PIECES);
        connection.set_infile_handler(async move { Ok(poll_fn(move |context| waiting.poll_recv(context)).boxed()) });
        let statement = self.link.spawn(async move {
            let result = connection.query_drop(sql).await.map(|()| done(&connection));
            // Where the server did not ask for it, it does not get it with the next statement either.
            connection.set_infile_handler(async { Err(mysql_async::LocalInfileError::NoHandler.into()) });
            (connection, result)
        });
        self.loading = Some(Loading { pieces, statement });
        Ok(())
    }

    /// Sends bytes of the load that was begun; pieces of some hundred kilobytes are best.
    pub(crate) fn load_send(&mut self, doing: &'static str, piece: Bytes) -> Result<()> {
        let Some(loading) = &self.loading else { return Err(self.unusable()) };
        self.link.cancel().check()?;
        if self.link.drive(doing, loading.pieces.send(Ok(piece)))?.is_ok() {
            return Ok(());
        }
        // Nobody takes it: the statement has failed, and says why.
        self.load_finish(doing)?;
        Err(Error::new(ErrorKind::Internal, doing).caused_by("the server stopped reading").with("dialect", crate::NAME))
    }

    /// Ends the load.
    pub(crate) fn load_finish(&mut self, doing: &'static str) -> Result<Loaded> {
        let Some(Loading { pieces, statement }) = self.loading.take() else { return Err(self.unusable()) };
        drop(pieces);
        let (connection, result) = self.link.drive(doing, statement)?.map_err(|error| {
            Error::new(ErrorKind::Internal, doing).with("dialect", crate::NAME).caused_by(error.to_string())
        })?;
        self.settle(doing, connection, result)
    }

    /// Has the connection do something. Afterwards it is there again, unless it is of no more use.
    fn call<T>(
        &mut self,
        doing: &'static str,
        work: impl AsyncFnOnce(&mut Conn) -> Result<T, mysql_async::Error>,
    ) -> Result<T> {
        let Some(mut connection) = self.connection.take() else { return Err(self.unusable()) };
        let result = self.link.drive(doing, work(&mut connection))?;
        self.settle(doing, connection, result)
    }

    fn settle<T>(&mut self, doing: &'static str, connection: Conn, result: Result<T, mysql_async::Error>) -> Result<T> {
        match result {
            Ok(value) => {
                self.connection = Some(connection);
                Ok(value)
            }
            Err(error) => {
                // Whatever is not the server's answer leaves it open what the server waits for.
                if !error.is_fatal() {
                    self.connection = Some(connection);
                }
                Err(self.link.told(doing, &error))
            }
        }
    }

    fn unusable(&self) -> Error {
        if self.loading.is_some() {
            return Error::new(ErrorKind::Internal, "the session is in the middle of a load")
                .with("dialect", crate::NAME);
        }
        Error::new(ErrorKind::Connect, "the session is over").with("dialect", crate::NAME)
    }
}

impl Drop for Session {
    /// Says goodbye, so that the server gives up at once what the session held.
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            self.link.farewell(connection);
        }
    }
}

fn done(connection: &Conn) -> Loaded {
    Loaded {
        rows: connection.affected_rows(),
        warnings: connection.get_warnings(),
        info: connection.info().into_owned(),
    }
}

/// What `doing` ran into, where the statement may have been stopped because the caller wanted it.
fn cancelled_or(doing: &'static str, error: &mysql_async::Error) -> Error {
    match error {
        mysql_async::Error::Server(server) if server.code == crate::error::STOPPED => {
            Error::new(ErrorKind::Cancelled, doing).with("dialect", crate::NAME).caused_by("cancelled")
        }
        _ => database_error(doing, error),
    }
}

#[cfg(test)]
mod tests;
