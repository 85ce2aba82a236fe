//! One session on the server: the asynchronous driver behind a synchronous face.
//!
//! Each session owns a current-thread runtime, so a thread of the engine that owns a session owns everything that happens
//! on it. While a call waits it looks at the cancel flag, and asks the server to stop once that is raised.

use crate::error::{cancelled_or, database_error};
use bytes::Bytes;
use dbferry_dialect::{Cancel, Error, ErrorKind, Result};
use futures_util::{SinkExt, TryStreamExt};
use std::fmt;
use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};
use tokio::task::{JoinHandle, yield_now};
use tokio::time::{sleep, timeout};
use tokio_postgres::types::ToSql;
use tokio_postgres::{CancelToken, Client, Config, CopyInSink, Row, SimpleQueryMessage, Statement};
use tokio_postgres_rustls::MakeRustlsConnect;

/// How often a waiting call looks at the cancel flag.
const CANCEL_POLL: Duration = Duration::from_millis(50);
/// How often the server is asked to stop: a request that comes between two statements stops nothing.
const CANCEL_AGAIN: Duration = Duration::from_secs(1);
/// How long a server that was asked to stop may take before its connection is given up.
const CANCEL_LIMIT: Duration = Duration::from_secs(20);
/// How long a session may take to say goodbye.
const FAREWELL_LIMIT: Duration = Duration::from_secs(1);

/// One session. Dropping it ends it; a transaction that is open is rolled back.
pub(crate) struct Session {
    // Dropped in this order: once nobody can send anything more, the link takes leave of the server.
    copy: Option<Pin<Box<CopyInSink<Bytes>>>>,
    client: Client,
    link: Link,
}

/// Why there is no session.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The server, or what lies on the way to it.
    Driver(tokio_postgres::Error),
    /// Nobody answered in time.
    TimedOut,
    /// The caller does not want it any more.
    Cancelled,
    /// The operating system.
    Runtime(io::Error),
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Session")
    }
}

impl Session {
    /// Connects and logs in, within `limit` if there is one.
    ///
    /// # Errors
    /// [`Failure`], which the caller knows how to tell.
    pub(crate) fn connect(
        config: &Config,
        tls: MakeRustlsConnect,
        cancel: Cancel,
        limit: Option<Duration>,
    ) -> Result<Self, Failure> {
        let runtime = Builder::new_current_thread().enable_all().build().map_err(Failure::Runtime)?;
        let ended = Arc::new(Mutex::new(None));
        let listens_first = Arc::new(AtomicBool::new(false));
        let connecting = async {
            let (client, connection) = config.connect(tls.clone()).await?;
            let (ended, listens_first) = (Arc::clone(&ended), Arc::clone(&listens_first));
            let driving = tokio::spawn(async move {
                if let Err(error) = listening_first(connection, &listens_first).await {
                    *ended.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                }
            });
            Ok((client, driving))
        };
        let (client, driving) = runtime.block_on(async {
            let began = Instant::now();
            futures_util::pin_mut!(connecting);
            loop {
                tokio::select! {
                    biased;
                    result = &mut connecting => return result.map_err(Failure::Driver),
                    () = sleep(CANCEL_POLL) => {
                        if cancel.is_cancelled() {
                            return Err(Failure::Cancelled);
                        }
                        if limit.is_some_and(|limit| began.elapsed() >= limit) {
                            return Err(Failure::TimedOut);
                        }
                    }
                }
            }
        })?;
        let link = Link { token: client.cancel_token(), tls, cancel, ended, listens_first, driving, runtime };
        Ok(Self { copy: None, client, link })
    }

    /// Runs statements without parameters and without rows, one after the other.
    pub(crate) fn run(&mut self, doing: &'static str, sql: &str) -> Result<()> {
        self.link.wait(doing, self.client.batch_execute(sql))
    }

    /// Runs one statement through the prepared protocol, which takes no second one, and returns the rows it touched.
    pub(crate) fn execute(
        &mut self,
        doing: &'static str,
        sql: &str,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<u64> {
        self.link.wait(doing, self.client.execute(sql, parameters))
    }

    /// The rows of one query, all in memory: for catalogues and other small results.
    pub(crate) fn query(
        &mut self,
        doing: &'static str,
        sql: &str,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>> {
        self.link.wait(doing, self.client.query(sql, parameters))
    }

    /// The rows of simple statements, every value as text.
    pub(crate) fn query_text(&mut self, doing: &'static str, sql: &str) -> Result<Vec<SimpleQueryMessage>> {
        self.link.wait(doing, self.client.simple_query(sql))
    }

    /// Has the server parse a statement; its columns have names and types then.
    pub(crate) fn prepare(&mut self, doing: &'static str, sql: &str) -> Result<Statement> {
        self.link.wait(doing, self.client.prepare(sql))
    }

    /// Runs a `COPY ... TO STDOUT` and hands each message to `sink`. The server sends one message a row; what `sink` does
    /// not take the server does not send. `sink` uses no session itself: it is called while this one is driven.
    pub(crate) fn copy_out(
        &mut self,
        doing: &'static str,
        sql: &str,
        sink: &mut dyn FnMut(Bytes) -> Result<()>,
    ) -> Result<()> {
        let told = |error: tokio_postgres::Error| self.link.told(doing, &error);
        let work = async {
            let stream = self.client.copy_out(sql).await.map_err(told)?;
            futures_util::pin_mut!(stream);
            while let Some(message) = stream.try_next().await.map_err(told)? {
                sink(message)?;
            }
            Ok(())
        };
        self.link.drive(doing, work)?
    }

    /// Begins a `COPY ... FROM STDIN`; [`copy_send`](Self::copy_send) and [`copy_finish`](Self::copy_finish) follow.
    pub(crate) fn copy_in(&mut self, doing: &'static str, sql: &str) -> Result<()> {
        let sink = self.link.wait(doing, self.client.copy_in(sql))?;
        self.copy = Some(Box::pin(sink));
        Ok(())
    }

    /// Sends bytes of the copy that was begun; chunks of some hundred kilobytes are best.
    pub(crate) fn copy_send(&mut self, doing: &'static str, bytes: Bytes) -> Result<()> {
        let sink = self.copy.as_mut().ok_or_else(no_copy)?;
        self.link.wait(doing, sink.send(bytes))
    }

    /// Ends the copy; returns the rows that the server took. A copy that is not ended is rolled back by the server.
    pub(crate) fn copy_finish(&mut self, doing: &'static str) -> Result<u64> {
        let mut sink = self.copy.take().ok_or_else(no_copy)?;
        self.link.wait(doing, async { sink.as_mut().finish().await })
    }

    /// Abandons the copy that was begun, if any; the server reports it as failed and its transaction is over.
    pub(crate) fn copy_abort(&mut self) {
        self.copy = None;
    }

    /// The flag that stops this session.
    pub(crate) fn cancel(&self) -> &Cancel {
        &self.link.cancel
    }

    /// What asks the server to stop: it knows the process that the server announced at login.
    pub(crate) fn cancel_token(&self) -> &CancelToken {
        &self.link.token
    }

    /// Drives something that needs the session's runtime and nothing of the server.
    pub(crate) fn block_on<T>(&self, work: impl Future<Output = T>) -> T {
        self.link.runtime.block_on(work)
    }
}

fn no_copy() -> Error {
    Error::new(ErrorKind::Internal, "no COPY was begun on this session").with("dialect", crate::NAME)
}

/// Drives a connection, and has the runtime look what came in before anything is sent, wherever `first` is set.
///
/// Between two calls nobody drives it. A server that ended the session meanwhile said why; sending to it first would only
/// show that it is gone.
async fn listening_first<C: Future>(connection: C, first: &AtomicBool) -> C::Output {
    futures_util::pin_mut!(connection);
    std::future::poll_fn(|context| {
        if first.swap(false, Ordering::Relaxed) {
            // This has the connection called again as soon as the runtime has looked.
            _ = pin!(yield_now()).poll(context);
            return Poll::Pending;
        }
        connection.as_mut().poll(context)
    })
    .await
}

/// The connection itself, with what drives it and what stops it.
struct Link {
    token: CancelToken,
    tls: MakeRustlsConnect,
    cancel: Cancel,
    /// Why the connection ended, once it has.
    ended: Arc<Mutex<Option<tokio_postgres::Error>>>,
    /// Set before each call, see [`listening_first`].
    listens_first: Arc<AtomicBool>,
    driving: JoinHandle<()>,
    runtime: Runtime,
}

impl Link {
    /// Drives one call of the driver to its end.
    fn wait<T>(&self, doing: &'static str, work: impl Future<Output = Result<T, tokio_postgres::Error>>) -> Result<T> {
        self.drive(doing, work)?.map_err(|error| self.told(doing, &error))
    }

    /// Drives `work` to its end. Once the flag is raised the server is asked to stop, which ends the work with the server's
    /// own error.
    ///
    /// # Errors
    /// [`ErrorKind::Cancelled`] when the server does not listen. The session is of no use then.
    fn drive<T>(&self, doing: &'static str, work: impl Future<Output = T>) -> Result<T> {
        self.listens_first.store(true, Ordering::Relaxed);
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
                        let asking = timeout(CANCEL_AGAIN, self.token.cancel_query(self.tls.clone()));
                        tokio::select! {
                            biased;
                            result = &mut work => return Ok(result),
                            _ = asking => {}
                        }
                    }
                }
            }
        })
    }

    /// An error of a call. When the connection is gone, why it went says more than that it is gone.
    fn told(&self, doing: &'static str, error: &tokio_postgres::Error) -> Error {
        if error.is_closed() {
            let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(reason) = ended.as_ref() {
                return database_error(doing, reason);
            }
        }
        if self.cancel.is_cancelled() { cancelled_or(doing, error) } else { database_error(doing, error) }
    }
}

impl Drop for Link {
    /// Says goodbye, so that the server gives up at once what the session held.
    fn drop(&mut self) {
        // Within another session's call nothing can be driven: the connection is closed without a word.
        if tokio::runtime::Handle::try_current().is_err() {
            let driving = &mut self.driving;
            _ = self.runtime.block_on(async { timeout(FAREWELL_LIMIT, driving).await });
        }
    }
}

#[cfg(test)]
mod tests;
