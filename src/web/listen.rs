//! Where the server listens, and how what goes over the network is protected.

use super::access::Peer;
use crate::{Error, ErrorKind, Result};
use axum::extract::connect_info::Connected;
use axum::serve::IncomingStream;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// Who takes longer to agree on encryption is not waited for.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// How what goes over the network is protected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transport {
    /// Not at all: for loopback only.
    Plain,
    /// By a reverse proxy that browsers talk to over TLS.
    BehindProxy,
    /// By TLS.
    Tls {
        /// The certificate with its chain, in PEM.
        certificate: PathBuf,
        /// Its private key, in PEM.
        key: PathBuf,
    },
}

impl Transport {
    /// Whether browsers see an encrypted connection.
    pub(super) fn is_encrypted(&self) -> bool {
        *self != Self::Plain
    }

    /// Refuses what would send the token and the data over a network for all to read, and what nobody could open.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`].
    pub(super) fn check(&self, listen: SocketAddr, hosts: &[String]) -> Result<()> {
        if *self == Self::Plain && !listen.ip().is_loopback() {
            return Err(Error::new(
                ErrorKind::Usage,
                format!("{listen} can be reached over the network, and nothing protects what is sent"),
            )
            .hint(
                "give --tls-cert and --tls-key, or put a reverse proxy with TLS in front and say --behind-proxy; or listen \
                 on 127.0.0.1 and come over ssh -L",
            ));
        }
        let named = !hosts.is_empty() || !(listen.ip().is_unspecified() || *self == Self::BehindProxy);
        if !named {
            return Err(Error::new(ErrorKind::Usage, "it is not said by which name browsers open the server")
                .hint("name it: --allowed-host backup.example.org"));
        }
        Ok(())
    }

    /// The names that browsers may call the server by.
    pub(super) fn hosts(&self, address: SocketAddr, allowed: &[String]) -> Vec<String> {
        let mut hosts: Vec<String> = allowed.iter().map(|host| host.to_ascii_lowercase()).collect();
        if address.ip().is_loopback() {
            hosts.extend(["localhost", "127.0.0.1", "[::1]"].map(str::to_owned));
        }
        hosts.push(host(address.ip()));
        hosts
    }

    /// Where browsers find the server.
    pub(super) fn url(&self, address: SocketAddr, allowed: &[String]) -> String {
        let own = host(address.ip());
        let name = allowed.first().unwrap_or(&own);
        match self {
            Self::Plain => format!("http://{own}:{}/", address.port()),
            Self::Tls { .. } => format!("https://{name}:{}/", address.port()),
            // The proxy's port is its own affair.
            Self::BehindProxy => format!("https://{name}/"),
        }
    }

    fn acceptor(&self) -> Result<Option<TlsAcceptor>> {
        let Self::Tls { certificate, key } = self else { return Ok(None) };
        let cannot = |path: &PathBuf| {
            let message = format!("cannot use {}", path.display());
            move |error: rustls::pki_types::pem::Error| {
                Error::new(ErrorKind::Tls, message).caused_by(error).hint("it takes a certificate and its key in PEM")
            }
        };
        let chain = CertificateDer::pem_file_iter(certificate)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(cannot(certificate))?;
        let private = PrivateKeyDer::from_pem_file(key).map_err(cannot(key))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, private))
            .map_err(|error| {
                Error::new(ErrorKind::Tls, "the certificate and the key cannot be used").caused_by(error)
            })?;
        Ok(Some(TlsAcceptor::from(Arc::new(config))))
    }
}

/// An address as a URL has it.
fn host(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    }
}

/// Takes connections, encrypted or not.
pub(super) struct Listener {
    address: SocketAddr,
    source: Source,
}

enum Source {
    Plain(TcpListener),
    /// Those that have agreed on encryption, each at its own pace.
    Tls(mpsc::Receiver<(TlsStream<TcpStream>, SocketAddr)>),
}

impl Listener {
    /// # Errors
    /// When the address is taken or cannot be had, or there is something wrong with the certificate.
    pub(super) async fn bind(listen: SocketAddr, transport: &Transport) -> Result<Self> {
        let cannot = |error: io::Error| match error.kind() {
            io::ErrorKind::AddrInUse => Error::new(ErrorKind::Busy, format!("another program listens on {listen}"))
                .hint("end it, or choose another port: --listen 127.0.0.1:0 takes any that is free"),
            _ => Error::io(format!("cannot listen on {listen}"), error),
        };
        let acceptor = transport.acceptor()?;
        let listener = TcpListener::bind(listen).await.map_err(cannot)?;
        let address = listener.local_addr().map_err(cannot)?;
        let source = match acceptor {
            None => Source::Plain(listener),
            Some(acceptor) => {
                let (sender, receiver) = mpsc::channel(16);
                tokio::spawn(accept_encrypted(listener, acceptor, sender));
                Source::Tls(receiver)
            }
        };
        Ok(Self { address, source })
    }

    /// Where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }
}

async fn accept_encrypted(
    mut listener: TcpListener,
    acceptor: TlsAcceptor,
    sender: mpsc::Sender<(TlsStream<TcpStream>, SocketAddr)>,
) {
    loop {
        // Axum's own, which waits a little when the system is out of file handles.
        let (stream, peer) = axum::serve::Listener::accept(&mut listener).await;
        let (acceptor, sender) = (acceptor.clone(), sender.clone());
        tokio::spawn(async move {
            if let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await {
                _ = sender.send((stream, peer)).await;
            }
        });
    }
}

impl axum::serve::Listener for Listener {
    type Io = Stream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match &mut self.source {
            Source::Plain(listener) => {
                let (stream, peer) = axum::serve::Listener::accept(listener).await;
                (Stream::Plain(stream), peer)
            }
            Source::Tls(receiver) => match receiver.recv().await {
                Some((stream, peer)) => (Stream::Tls(Box::new(stream)), peer),
                // The task that accepts never ends by itself.
                None => std::future::pending().await,
            },
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        Ok(self.address)
    }
}

impl Connected<IncomingStream<'_, Listener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Listener>) -> Self {
        Self(*stream.remote_addr())
    }
}

/// A connection, encrypted or not.
pub(super) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(context, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_write(context, buffer),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(context),
            Self::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_reached_over_the_network_is_protected() {
        let at = |text: &str| text.parse::<SocketAddr>().expect("an address");
        let hosts = ["backup.example.org".to_owned()];
        assert!(Transport::Plain.check(at("127.0.0.1:80"), &[]).is_ok());
        assert!(Transport::Plain.check(at("[::1]:80"), &[]).is_ok());
        for address in ["0.0.0.0:80", "192.168.1.2:80", "[::]:80"] {
            let error = Transport::Plain.check(at(address), &hosts).expect_err("a refusal");
            assert_eq!(error.kind(), ErrorKind::Usage);
            assert!(Transport::BehindProxy.check(at(address), &hosts).is_ok());
            assert!(Transport::BehindProxy.check(at(address), &[]).is_err(), "nobody could open it");
        }
    }

    #[test]
    fn the_url_is_the_one_that_browsers_open() {
        let at = |text: &str| text.parse::<SocketAddr>().expect("an address");
        let hosts = ["backup.example.org".to_owned()];
        assert_eq!(Transport::Plain.url(at("[::1]:80"), &hosts), "http://[::1]:80/");
        assert_eq!(Transport::BehindProxy.url(at("0.0.0.0:80"), &hosts), "https://backup.example.org/");
        assert!(Transport::Plain.hosts(at("127.0.0.1:80"), &hosts).contains(&"localhost".to_owned()));
        assert!(!Transport::BehindProxy.hosts(at("0.0.0.0:80"), &hosts).contains(&"localhost".to_owned()));
    }
}
