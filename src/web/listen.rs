//! Where the server listens, and how what goes over the network is protected.

use super::access::Peer;
use super::stream::{Patient, Stream};
use crate::{Error, ErrorKind, Result};
use axum::Router;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// Who takes longer to agree on encryption, to say what is wanted, or to take anything of an answer, is not waited for. A
/// connection that is kept for the next request ends after as long.
pub(super) const HEAD: Duration = Duration::from_secs(30);

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
    /// How long the other end may take to say what it wants, and to take anything of what it is sent.
    patience: Duration,
}

enum Source {
    Plain(TcpListener),
    /// Those that have agreed on encryption, each at its own pace.
    Tls(mpsc::Receiver<(TlsStream<TcpStream>, SocketAddr)>),
}

impl Listener {
    /// # Errors
    /// When the address is taken or cannot be had, or there is something wrong with the certificate.
    pub(super) async fn bind(listen: SocketAddr, transport: &Transport, patience: Duration) -> Result<Self> {
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
                tokio::spawn(accept_encrypted(listener, acceptor, sender, patience));
                Source::Tls(receiver)
            }
        };
        Ok(Self { address, source, patience })
    }

    /// Where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until `stopped`, and then ends what has begun.
    pub(super) async fn answer(mut self, router: Router, stopped: impl Future<Output = ()>) {
        // Axum's own loop waits for a request for ever: a few thousand connections that say nothing would be the end.
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(self.patience);
        let open = GracefulShutdown::new();
        let mut stopped = pin!(stopped);
        loop {
            let (stream, peer) = tokio::select! {
                accepted = self.accept() => accepted,
                () = &mut stopped => break,
            };
            let router = TowerToHyperService::new(router.clone());
            let service = service_fn(move |mut request: hyper::Request<Incoming>| {
                request.extensions_mut().insert(Peer(peer));
                router.call(request)
            });
            let stream = TokioIo::new(Patient::new(stream, self.patience));
            tokio::spawn(open.watch(http.serve_connection(stream, service)));
        }
        // Nobody comes any more while the others are waited for.
        drop(self);
        open.shutdown().await;
    }

    async fn accept(&mut self) -> (Stream, SocketAddr) {
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
}

async fn accept_encrypted(
    mut listener: TcpListener,
    acceptor: TlsAcceptor,
    sender: mpsc::Sender<(TlsStream<TcpStream>, SocketAddr)>,
    patience: Duration,
) {
    loop {
        // Axum's own, which waits a little when the system is out of file handles.
        let (stream, peer) = axum::serve::Listener::accept(&mut listener).await;
        let (acceptor, sender) = (acceptor.clone(), sender.clone());
        tokio::spawn(async move {
            if let Ok(Ok(stream)) = tokio::time::timeout(patience, acceptor.accept(stream)).await {
                _ = sender.send((stream, peer)).await;
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::routing::get;
    use std::time::Instant;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

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

    /// A server with little patience, and an answer that takes longer than that.
    async fn impatient(transport: &Transport) -> SocketAddr {
        let listener = Listener::bind(([127, 0, 0, 1], 0).into(), transport, Duration::from_millis(300)).await;
        let listener = listener.expect("a listener");
        let address = listener.address();
        let slow = || async {
            tokio::time::sleep(Duration::from_millis(600)).await;
            "done"
        };
        let much = || async { vec![b'x'; 64 << 20] };
        let router = Router::new().route("/slow", get(slow)).route("/much", get(much));
        tokio::spawn(listener.answer(router, std::future::pending()));
        address
    }

    /// Sends a piece again and again until the other end has had enough.
    async fn pester(address: SocketAddr, piece: &[u8]) -> Duration {
        let mut stream = TcpStream::connect(address).await.expect("a connection");
        let begun = Instant::now();
        let mut buffer = [0; 100];
        while begun.elapsed() < Duration::from_secs(20) {
            let sent = stream.write_all(piece).await.is_ok();
            let read = tokio::time::timeout(Duration::from_millis(20), stream.read(&mut buffer)).await;
            if !sent || matches!(read, Ok(Ok(0) | Err(_))) {
                break;
            }
        }
        begun.elapsed()
    }

    fn block_on<T>(test: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(test)
    }

    #[test]
    fn who_never_says_what_is_wanted_is_not_waited_for() {
        block_on(async {
            let address = impatient(&Transport::Plain).await;
            for piece in ["", "GET", "GET /slow HTTP/1.1\r\nhost: localhost\r\nx: ", "x"] {
                let waited = pester(address, piece.as_bytes()).await;
                assert!(waited < Duration::from_secs(10), "{piece:?}: {waited:?}");
            }
            // Who has said it gets an answer, however long that takes.
            let mut stream = TcpStream::connect(address).await.expect("a connection");
            stream.write_all(b"GET /slow HTTP/1.1\r\nhost: localhost\r\n\r\n").await.expect("a request");
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.expect("an answer, and then the end of an idle connection");
            assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("done"), "{answer}");
        });
    }

    #[test]
    fn who_never_reads_is_not_waited_for() {
        block_on(async {
            let address = impatient(&Transport::Plain).await;
            let request = b"GET /much HTTP/1.1\r\nhost: localhost\r\n\r\n";
            let mut stream = TcpStream::connect(address).await.expect("a connection");
            stream.write_all(request).await.expect("a request");
            tokio::time::sleep(Duration::from_secs(3)).await;
            // What the two systems hold between them is still read, and then it is over.
            let mut read = Vec::new();
            let ended = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut read)).await;
            assert!(ended.is_ok() && read.len() < 64 << 20, "{ended:?}: {}", read.len());
            // Who reads slowly gets everything.
            let mut stream = TcpStream::connect(address).await.expect("a connection");
            stream.write_all(request).await.expect("a request");
            let (mut piece, mut length) = (vec![0; 8 << 20], 0);
            while length < 64 << 20 {
                tokio::time::sleep(Duration::from_millis(20)).await;
                let taken = stream.read(&mut piece).await.expect("more of it");
                assert!(taken > 0, "it broke off at {length}");
                length += taken;
            }
        });
    }

    #[test]
    fn who_does_not_agree_on_encryption_is_not_waited_for() {
        let directory = tempfile::tempdir().expect("a directory");
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
        let (certificate, key) = (directory.path().join("cert.pem"), directory.path().join("key.pem"));
        std::fs::write(&certificate, made.cert.pem()).expect("a file");
        std::fs::write(&key, made.signing_key.serialize_pem()).expect("a file");
        block_on(async {
            let address = impatient(&Transport::Tls { certificate, key }).await;
            let waited = pester(address, b"").await;
            assert!(waited < Duration::from_secs(10), "{waited:?}");
        });
    }
}
