//! One session on the server: the asynchronous driver behind a synchronous face.
//!
//! Each session owns a current-thread runtime, so a thread of the engine that owns a session owns everything that happens
//! on it. Rows in bulk are read by [`Wire`](crate::wire::Wire), which hands them on without a copy; this one is for
//! statements, for catalogues, and for loading.

use crate::error::database_error;
use bytes::Bytes;
use dbferry_dialect::{Cancel, Error, ErrorKind, Result};
use futures_util::StreamExt;
use futures_util::stream::poll_fn;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, OptsBuilder, Params, Row};
use std::fmt;
use std::io;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc::{Sender, channel};
use tokio::task::JoinHandle;

/// How many pieces of a load may wait for the network.
const WAITING_PIECES: usize = 2;

/// One session. Dropping it ends it; a transaction that is open is rolled back.
pub(crate) struct Session {
    /// Away while a load has it.
    connection: Option<Conn>,
    loading: Option<Loading>,
    cancel: Cancel,
    runtime: Runtime,
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
    pub(crate) fn connect(options: OptsBuilder, cancel: Cancel) -> Result<Self> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Error::io("the runtime of a connection cannot be made", error))?;
        let connection = runtime
            .block_on(Conn::new(options))
            .map_err(|error| database_error("cannot connect to the server", &error))?;
        Ok(Self { connection: Some(connection), loading: None, cancel, runtime })
    }

    /// Fails once the run is cancelled.
    pub(crate) fn check_cancelled(&self) -> Result<()> {
        self.cancel.check()
    }

    /// Ends it: the server gives its locks back.
    pub(crate) fn close(&mut self) {
        self.loading = None;
        if let Some(connection) = self.connection.take() {
            _ = self.runtime.block_on(connection.disconnect());
        }
    }

    /// Runs one statement without rows; returns what it did.
    pub(crate) fn run(&mut self, doing: &'static str, sql: &str) -> Result<Loaded> {
        let Some(connection) = &mut self.connection else { return Err(busy()) };
        self.runtime.block_on(connection.query_drop(sql)).map_err(|error| database_error(doing, &error))?;
        Ok(done(connection))
    }

    /// Runs one statement with values in the place of its `?`.
    pub(crate) fn execute(&mut self, doing: &'static str, sql: &str, values: impl Into<Params>) -> Result<Loaded> {
        let Some(connection) = &mut self.connection else { return Err(busy()) };
        let values = values.into();
        self.runtime.block_on(connection.exec_drop(sql, values)).map_err(|error| database_error(doing, &error))?;
        Ok(done(connection))
    }

    /// The rows of one query, all in memory: for catalogues and other small results. Every value is text.
    pub(crate) fn query(&mut self, doing: &'static str, sql: &str) -> Result<Vec<Row>> {
        let Some(connection) = &mut self.connection else { return Err(busy()) };
        self.runtime.block_on(connection.query(sql)).map_err(|error| database_error(doing, &error))
    }

    /// The rows of several queries sent as one text, `;` between them: one set of rows a query. For catalogues of which the
    /// server tells one thing a statement.
    pub(crate) fn query_sets(&mut self, doing: &'static str, sql: &str) -> Result<Vec<Vec<Row>>> {
        self.cancel.check()?;
        let Some(connection) = &mut self.connection else { return Err(busy()) };
        self.runtime
            .block_on(async {
                let mut result = connection.query_iter(sql).await?;
                let mut sets = Vec::new();
                while !result.is_empty() {
                    sets.push(result.collect().await?);
                }
                Ok(sets)
            })
            .map_err(|error| database_error(doing, &error))
    }

    /// The rows of one query with values in the place of its `?`, all in memory.
    pub(crate) fn query_with(&mut self, doing: &'static str, sql: &str, values: impl Into<Params>) -> Result<Vec<Row>> {
        let Some(connection) = &mut self.connection else { return Err(busy()) };
        let values = values.into();
        self.runtime.block_on(connection.exec(sql, values)).map_err(|error| database_error(doing, &error))
    }

    /// Begins a `LOAD DATA LOCAL INFILE`; [`load_send`](Self::load_send) and [`load_finish`](Self::load_finish) follow.
    /// Whatever file the server asks for, it gets what is sent here.
    pub(crate) fn load_begin(&mut self, sql: String) -> Result<()> {
        let Some(mut connection) = self.connection.take() else { return Err(busy()) };
        let (pieces, mut waiting) = channel::<Result<Bytes, io::Error>>(WAITING_PIECES);
        connection.set_infile_handler(async move { Ok(poll_fn(move |context| waiting.poll_recv(context)).boxed()) });
        let statement = self.runtime.spawn(async move {
            let result = connection.query_drop(sql).await.map(|()| done(&connection));
            (connection, result)
        });
        self.loading = Some(Loading { pieces, statement });
        Ok(())
    }

    /// Sends bytes of the load that was begun; pieces of some hundred kilobytes are best.
    pub(crate) fn load_send(&mut self, doing: &'static str, piece: Bytes) -> Result<()> {
        self.cancel.check()?;
        let Some(loading) = &self.loading else { return Err(busy()) };
        if self.runtime.block_on(loading.pieces.send(Ok(piece))).is_ok() {
            return Ok(());
        }
        // Nobody takes it: the statement has failed, and says why.
        self.load_finish(doing)?;
        Err(Error::new(ErrorKind::Internal, doing).caused_by("the server stopped reading").with("dialect", crate::NAME))
    }

    /// Ends the load.
    pub(crate) fn load_finish(&mut self, doing: &'static str) -> Result<Loaded> {
        let Some(loading) = self.loading.take() else { return Err(busy()) };
        drop(loading.pieces);
        let (connection, result) = self.runtime.block_on(loading.statement).map_err(|error| {
            Error::new(ErrorKind::Internal, doing).with("dialect", crate::NAME).caused_by(error.to_string())
        })?;
        self.connection = Some(connection);
        result.map_err(|error| database_error(doing, &error))
    }
}

fn done(connection: &Conn) -> Loaded {
    Loaded {
        rows: connection.affected_rows(),
        warnings: connection.get_warnings(),
        info: connection.info().into_owned(),
    }
}

fn busy() -> Error {
    Error::new(ErrorKind::Internal, "the session is in the middle of something else").with("dialect", crate::NAME)
}
