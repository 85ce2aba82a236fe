//! A connection, encrypted or not, whose other end must read: who takes nothing of what is sent is not waited for. Without
//! that, anybody could ask, never read, and keep the connection for ever.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};
use tokio_rustls::server::TlsStream;

/// A connection.
pub(super) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// What both kinds of connections are.
trait Ends: AsyncRead + AsyncWrite + Unpin {}

impl<T: AsyncRead + AsyncWrite + Unpin> Ends for T {}

impl Stream {
    fn ends(&mut self) -> Pin<&mut dyn Ends> {
        match self {
            Self::Plain(stream) => Pin::new(stream),
            Self::Tls(stream) => Pin::new(stream),
        }
    }
}

/// One whose other end must take what is sent.
pub(super) struct Patient {
    stream: Stream,
    patience: Duration,
    /// Until then something must be taken; nothing while nothing waits to be.
    until: Option<Pin<Box<Sleep>>>,
}

impl Patient {
    /// Waits for the other end no longer than that at once.
    pub(super) fn new(stream: Stream, patience: Duration) -> Self {
        Self { stream, patience, until: None }
    }

    /// Something was tried to be sent, and this came of it.
    fn sent<T>(&mut self, context: &mut Context<'_>, polled: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if polled.is_ready() {
            self.until = None;
            return polled;
        }
        let patience = self.patience;
        let until = self.until.get_or_insert_with(|| Box::pin(sleep(patience)));
        ready!(until.as_mut().poll(context));
        self.until = None;
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the other end reads nothing")))
    }
}

impl AsyncRead for Patient {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.get_mut().stream.ends().poll_read(context, buffer)
    }
}

impl AsyncWrite for Patient {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        let patient = self.get_mut();
        let polled = patient.stream.ends().poll_write(context, buffer);
        patient.sent(context, polled)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let patient = self.get_mut();
        let polled = patient.stream.ends().poll_flush(context);
        patient.sent(context, polled)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let patient = self.get_mut();
        let polled = patient.stream.ends().poll_shutdown(context);
        patient.sent(context, polled)
    }
}
