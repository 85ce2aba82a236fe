//! Poolers that hand out the server's sessions by transaction or by statement.
//!
//! Behind one of these a session's settings, snapshot and locks are somebody else's a moment later. A pooler that gives a
//! client one session of the server until it leaves does no harm and is let pass. Nothing is set before this is known: it
//! would be set for whoever gets the server's session next.

use crate::session::Session;
use dbferry_dialect::{Error, ErrorKind, Result};
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf, duplex};
use tokio_postgres::tls::{ChannelBinding, TlsConnect, TlsStream};

/// The codes of requests before a session: <https://www.postgresql.org/docs/current/protocol-message-formats.html>.
const CANCEL_REQUEST: i32 = 80_877_102;
const SSL_REQUEST: i32 = 80_877_103;

/// Refuses a pooler that does not keep a session's server. `second` opens another session the same way; it is only needed
/// when somebody stands in between.
///
/// # Errors
/// [`ErrorKind::Connect`].
pub(super) fn refuse(session: &mut Session, second: impl FnOnce() -> Result<Session>) -> Result<()> {
    // A pooler answers the login itself, so it announces a process of its own invention.
    if announced_process(session)? == process(session)? || !is_shared(session, &mut second()?)? {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Connect,
        "a connection pooler stands in between and changes the server's session under way",
    )
    .with("dialect", crate::NAME)
    .hint("connect to the server itself, often on port 5432, or to a pool in session mode"))
}

/// Whether two sessions get the same server process, or one session gets several.
fn is_shared(first: &mut Session, second: &mut Session) -> Result<bool> {
    let own = process(first)?;
    if process(second)? == own {
        return Ok(true);
    }
    // Poolers give out what came back last. While the first holds its process the second has to take another one;
    // afterwards it gets the first's.
    first.run(ASKING, "BEGIN")?;
    let before = process(second)?;
    first.run(ASKING, "COMMIT")?;
    Ok(process(second)? != before || process(first)? != own)
}

const ASKING: &str = "the server does not say which process serves this session";

/// The server process that answers.
fn process(session: &mut Session) -> Result<i32> {
    let answer = super::first_row(session, ASKING, "SELECT pg_catalog.pg_backend_pid()")?;
    answer
        .first()
        .and_then(|text| text.as_deref()?.parse().ok())
        .ok_or_else(|| Error::new(ErrorKind::Database, ASKING).with("dialect", crate::NAME))
}

/// The server process that was announced at login. The driver keeps it to itself, but tells it to whoever it believes to be
/// the server when it asks to cancel.
fn announced_process(session: &Session) -> Result<i32> {
    session
        .block_on(async {
            let (client, mut server) = duplex(64);
            let asking = session.cancel_token().cancel_query_raw(client, PassThrough);
            let (_, process) = tokio::join!(asking, requested_process(&mut server));
            process
        })
        .map_err(|error| Error::new(ErrorKind::Internal, ASKING).with("dialect", crate::NAME).caused_by(error))
}

async fn requested_process(stream: &mut DuplexStream) -> io::Result<i32> {
    loop {
        let _length = stream.read_i32().await?;
        match stream.read_i32().await? {
            SSL_REQUEST => stream.write_all(b"S").await?,
            CANCEL_REQUEST => return stream.read_i32().await,
            _ => return Err(io::Error::other("neither a request to cancel nor one for TLS")),
        }
    }
}

/// TLS that is none, for the stream that never leaves this process.
struct PassThrough;

impl TlsConnect<DuplexStream> for PassThrough {
    type Stream = Plain;
    type Error = Infallible;
    type Future = Ready<Result<Plain, Infallible>>;

    fn connect(self, stream: DuplexStream) -> Self::Future {
        ready(Ok(Plain(stream)))
    }
}

struct Plain(DuplexStream);

impl TlsStream for Plain {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

impl AsyncRead for Plain {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for Plain {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
