//! What carries the packets: a Unix socket, a TCP connection, or TLS over one.

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

/// A blocking connection.
pub(super) enum Stream {
    Socket(UnixStream),
    Network(TcpStream),
    Encrypted(Box<StreamOwned<ClientConnection, TcpStream>>),
    /// Given up; everything on it fails.
    Closed,
}

impl Stream {
    /// Has reading return after `limit` without data, so that the caller can look around, and writing fail after
    /// `write_limit` without progress.
    pub(super) fn set_limits(&self, limit: Duration, write_limit: Duration) -> io::Result<()> {
        match self {
            Self::Socket(stream) => {
                stream.set_read_timeout(Some(limit))?;
                stream.set_write_timeout(Some(write_limit))
            }
            Self::Network(stream) => {
                stream.set_read_timeout(Some(limit))?;
                stream.set_write_timeout(Some(write_limit))
            }
            Self::Encrypted(stream) => {
                stream.sock.set_read_timeout(Some(limit))?;
                stream.sock.set_write_timeout(Some(write_limit))
            }
            Self::Closed => Err(closed()),
        }
    }

    /// The same connection from here on encrypted, for a server that is ready for it. What follows is
    /// [`shake_hands`](Self::shake_hands).
    pub(super) fn encrypted(self, config: &Arc<ClientConfig>, name: &str) -> io::Result<Self> {
        let Self::Network(stream) = self else { return Err(closed()) };
        let name = ServerName::try_from(name.to_owned()).map_err(io::Error::other)?;
        let connection = ClientConnection::new(Arc::clone(config), name).map_err(io::Error::other)?;
        Ok(Self::Encrypted(Box::new(StreamOwned::new(connection, stream))))
    }

    /// Goes on with the handshake of TLS; whether it is done.
    pub(super) fn shake_hands(&mut self) -> io::Result<bool> {
        let Self::Encrypted(stream) = self else { return Ok(true) };
        if !stream.conn.is_handshaking() {
            return Ok(true);
        }
        match stream.conn.complete_io(&mut stream.sock) {
            Ok(_) => Ok(!stream.conn.is_handshaking()),
            Err(error) if is_pause(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Whether nobody on the way can read what is sent: it is encrypted, or never leaves the machine.
    pub(super) fn is_private(&self) -> bool {
        matches!(self, Self::Socket(_) | Self::Encrypted(_))
    }

    /// Ends it at once.
    pub(super) fn close(&mut self) {
        _ = match self {
            Self::Socket(stream) => stream.shutdown(Shutdown::Both),
            Self::Network(stream) => stream.shutdown(Shutdown::Both),
            Self::Encrypted(stream) => stream.sock.shutdown(Shutdown::Both),
            Self::Closed => Ok(()),
        };
        *self = Self::Closed;
    }
}

/// Whether nothing came for a while, and nothing else is wrong.
pub(super) fn is_pause(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

fn closed() -> io::Error {
    io::ErrorKind::NotConnected.into()
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Socket(stream) => stream.read(buffer),
            Self::Network(stream) => stream.read(buffer),
            Self::Encrypted(stream) => stream.read(buffer),
            Self::Closed => Err(closed()),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        match self {
            Self::Socket(stream) => stream.write(buffer),
            Self::Network(stream) => stream.write(buffer),
            Self::Encrypted(stream) => stream.write(buffer),
            Self::Closed => Err(closed()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Socket(stream) => stream.flush(),
            Self::Network(stream) => stream.flush(),
            Self::Encrypted(stream) => stream.flush(),
            Self::Closed => Err(closed()),
        }
    }
}
