//! One session on the server: the asynchronous driver behind a synchronous face.
//!
//! Each session owns a current-thread runtime, so a thread of the engine that owns a session owns everything that happens
//! on it. While a call waits it looks at the cancel flag, and asks the server to stop once that is raised.

use crate::error::database_error;
use bytes::Bytes;
use dbferry_dialect::{Cancel, Error, ErrorKind, Result};
use futures_util::{SinkExt, TryStreamExt};
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::types::ToSql;
use tokio_postgres::{CancelToken, Client, Config, CopyInSink, Row, SimpleQueryMessage, Statement};
use tokio_postgres_rustls::MakeRustlsConnect;

/// How often a waiting call looks at the cancel flag.
const CANCEL_POLL: Duration = Duration::from_millis(50);

/// One session.
pub(crate) struct Session {
    // Dropped before the runtime that drives it.
    client: Client,
    copy: Option<Pin<Box<CopyInSink<Bytes>>>>,
    tls: MakeRustlsConnect,
    cancel: Cancel,
    runtime: Runtime,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Session")
    }
}

impl Session {
    /// Connects and logs in.
    ///
    /// # Errors
    /// [`ErrorKind::Connect`] when the server cannot be reached or refuses.
    pub(crate) fn connect(config: &Config, tls: MakeRustlsConnect, cancel: Cancel) -> Result<Self> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Error::io("cannot start the runtime of a session", error))?;
        let connecting = async {
            let (client, connection) = config.connect(tls.clone()).await?;
            // It ends with the client; what goes wrong on it is told by the call that was waiting.
            tokio::spawn(async move { _ = connection.await });
            Ok(client)
        };
        let client = runtime
            .block_on(connecting)
            .map_err(|error: tokio_postgres::Error| database_error("cannot connect", &error))?;
        Ok(Self { client, copy: None, tls, cancel, runtime })
    }

    /// Runs statements without parameters and without rows, one after the other.
    pub(crate) fn run(&mut self, doing: &'static str, sql: &str) -> Result<()> {
        let work = self.client.batch_execute(sql);
        wait(&self.runtime, &self.cancel, self.client.cancel_token(), &self.tls, work)
            .map_err(|error| database_error(doing, &error))
    }

    /// Runs one statement through the prepared protocol, which takes no second one, and returns the rows it touched.
    pub(crate) fn execute(
        &mut self,
        doing: &'static str,
        sql: &str,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<u64> {
        let work = self.client.execute(sql, parameters);
        wait(&self.runtime, &self.cancel, self.client.cancel_token(), &self.tls, work)
            .map_err(|error| database_error(doing, &error))
    }

    /// The rows of one query, all in memory: for catalogues and other small results.
    pub(crate) fn query(
        &mut self,
        doing: &'static str,
        sql: &str,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>> {
        let work = self.client.query(sql, parameters);
        wait(&self.runtime, &self.cancel, self.client.cancel_token(), &self.tls, work)
            .map_err(|error| database_error(doing, &error))
    }

    /// The rows of simple statements, every value as text.
    pub(crate) fn query_text(&mut self, doing: &'static str, sql: &str) -> Result<Vec<SimpleQueryMessage>> {
        let work = self.client.simple_query(sql);
        wait(&self.runtime, &self.cancel, self.client.cancel_token(), &self.tls, work)
            .map_err(|error| database_error(doing, &error))
    }

    /// Has the server parse a statement; its columns have names and types then.
    pub(crate) fn prepare(&mut self, doing: &'static str, sql: &str) -> Result<Statement> {
        let work = self.client.prepare(sql);
        wait(&self.runtime, &self.cancel, self.client.cancel_token(), &self.tls, work)
            .map_err(|error| database_error(doing, &error))
    }

    /// Runs a `COPY ... TO STDOUT` and hands each message to `sink`. The server sends one message a row; what `sink` does
    /// not take the server does not send.
    pub(crate) fn copy_out(
        &mut self,
        doing: &'static str,
        sql: &str,
        sink: &mut dyn FnMut(Bytes) -> Result<()>,
    ) -> Result<()> {
        let work = async {
            let stream = self.client.copy_out(sql).await.map_err(|error| database_error(doing, &error))?;
            futures_util::pin_mut!(stream);
            while let Some(message) = stream.try_next().await.map_err(|error| database_error(doing, &error))? {
                sink(message)?;
            }
            Ok(())
        };
        wait(&self.runtime, &self.cancel, self.client.cancel_token(), &self.tls, work)
    }

    /// Begins a `COPY ... FROM STDIN`; [`copy_send`](Self::copy_send) and [`copy_finish`](Self::copy_finish) follow.
    pub(crate) fn copy_in(&mut self, doing: &'static str, sql: &str) -> Result<()> {
        let work = self.client.copy_in(sql);
        let sink = wait(&self.runtime, &self.cancel, self.client.cancel_token(), &self.tls, work)
            .map_err(|error| database_error(doing, &error))?;
        self.copy = Some(Box::pin(sink));
        Ok(())
    }

    /// Sends bytes of the copy that was begun; chunks of some hundred kilobytes are best.
    pub(crate) fn copy_send(&mut self, doing: &'static str, bytes: Bytes) -> Result<()> {
        let sink = self.copy.as_mut().ok_or_else(no_copy)?;
        let work = sink.send(bytes);
        wait(&self.runtime, &self.cancel, self.client.cancel_token(), &self.tls, work)
            .map_err(|error| database_error(doing, &error))
    }

    /// Ends the copy; returns the rows that the server took. A copy that is not ended is rolled back by the server.
    pub(crate) fn copy_finish(&mut self, doing: &'static str) -> Result<u64> {
        let mut sink = self.copy.take().ok_or_else(no_copy)?;
        let work = async { sink.as_mut().finish().await };
        wait(&self.runtime, &self.cancel, self.client.cancel_token(), &self.tls, work)
            .map_err(|error| database_error(doing, &error))
    }

    /// Abandons the copy that was begun, if any; the server reports it as failed and its transaction is over.
    pub(crate) fn copy_abort(&mut self) {
        self.copy = None;
    }

    /// The flag that stops this session.
    pub(crate) fn cancel(&self) -> &Cancel {
        &self.cancel
    }
}

fn no_copy() -> Error {
    Error::new(ErrorKind::Internal, "no COPY was begun on this session").with("dialect", crate::NAME)
}

/// Drives `work` to its end. Once the flag is raised the server is asked to stop, which ends the work with its own error.
fn wait<T>(
    runtime: &Runtime,
    cancel: &Cancel,
    token: CancelToken,
    tls: &MakeRustlsConnect,
    work: impl Future<Output = T>,
) -> T {
    runtime.block_on(async {
        futures_util::pin_mut!(work);
        let mut asked = false;
        loop {
            tokio::select! {
                biased;
                result = &mut work => return result,
                () = tokio::time::sleep(CANCEL_POLL), if !asked => {
                    if cancel.is_cancelled() {
                        asked = true;
                        // When it cannot be delivered the work ends by itself or with its connection.
                        _ = token.cancel_query(tls.clone()).await;
                    }
                }
            }
        }
    })
}
