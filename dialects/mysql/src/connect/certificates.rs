//! Certificates: what is checked of the server's, and where the client's own come from.
//!
//! Both kinds of sessions check the same: statements go through the driver, which takes certificates as bytes, rows through
//! a client of our own, which brings its verifier.

use dbferry_dialect::{Error, ErrorKind, Result};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, RootCertStore, SignatureScheme};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How much of the server's certificate is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Check {
    Nothing,
    Chain,
    ChainAndName,
}

/// Whom to trust.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Roots {
    /// Whom the operating system trusts.
    System,
    /// The certificates in this file.
    File(PathBuf),
}

impl Roots {
    /// The certificates that can be used.
    ///
    /// # Errors
    /// [`ErrorKind::Tls`] when there are none.
    pub(super) fn certificates(&self) -> Result<Vec<CertificateDer<'static>>> {
        let mut found = match self {
            Self::System => of_system()?,
            Self::File(path) => read_certificates(path)?,
        };
        // Among the operating system's there may be some that nobody can use.
        found.retain(|certificate| RootCertStore::empty().add(certificate.clone()).is_ok());
        if found.is_empty() { Err(tls("none of the trusted certificates can be used")) } else { Ok(found) }
    }
}

/// What checks the server's certificate.
///
/// # Errors
/// [`ErrorKind::Tls`] when there is nothing to check against.
pub(super) fn verifier(check: Check, trusted: &[CertificateDer<'static>]) -> Result<Arc<dyn ServerCertVerifier>> {
    let provider = Arc::new(ring::default_provider());
    let algorithms = provider.signature_verification_algorithms;
    if check == Check::Nothing {
        return Ok(Arc::new(Verifier { check, chain: None, algorithms }));
    }
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(trusted.iter().cloned());
    let chain = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .map_err(|error| tls("the trusted certificates cannot be used").caused_by(error))?;
    Ok(Arc::new(Verifier { check, chain: Some(chain), algorithms }))
}

/// The client's certificate with its chain, and its key.
#[derive(Debug)]
pub(super) struct Identity {
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) key: PrivateKeyDer<'static>,
}

impl Identity {
    /// Reads them.
    ///
    /// # Errors
    /// [`ErrorKind::Tls`] when they cannot be read, [`ErrorKind::Refused`] for a key that everybody can read.
    pub(super) fn read(certificate: &Path, key: &Path) -> Result<Self> {
        let chain = read_certificates(certificate)?;
        let unreadable = |cause: Box<dyn std::error::Error + Send + Sync>| {
            tls(format!("cannot read the key {}", key.display())).caused_by(cause)
        };
        let metadata = key.metadata().map_err(|error| unreadable(error.into()))?;
        if is_open_to_readers(&metadata) {
            let message = format!("the key {} can be read by everybody", key.display());
            return Err(Error::new(ErrorKind::Refused, message)
                .with("dialect", crate::NAME)
                .hint(format!("chmod 600 '{}'", key.display())));
        }
        let key = PrivateKeyDer::from_pem_file(key).map_err(|error| {
            unreadable(error.into()).hint("the key stands in PEM form and without a passphrase in its file")
        })?;
        Ok(Self { chain, key })
    }
}

#[cfg(unix)]
fn is_open_to_readers(metadata: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o007 != 0
}

/// Other systems have no such bits.
#[cfg(not(unix))]
fn is_open_to_readers(_metadata: &std::fs::Metadata) -> bool {
    false
}

fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
    let unreadable = || tls(format!("cannot read the certificates in {}", path.display()));
    match certificates {
        Ok(found) if found.is_empty() => Err(unreadable().caused_by("it holds none in PEM form")),
        Ok(found) => Ok(found),
        Err(error) => Err(unreadable().caused_by(error)),
    }
}

fn of_system() -> Result<Vec<CertificateDer<'static>>> {
    let found = rustls_native_certs::load_native_certs();
    match found.errors.into_iter().next() {
        Some(error) if found.certs.is_empty() => {
            Err(tls("cannot read whom the operating system trusts").caused_by(error))
        }
        _ => Ok(found.certs),
    }
}

pub(super) fn tls(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::Tls, message).with("dialect", crate::NAME)
}

/// Checks as much of a certificate as was asked for. That the server holds the certificate's key is always checked.
#[derive(Debug)]
struct Verifier {
    check: Check,
    chain: Option<Arc<WebPkiServerVerifier>>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        use CertificateError::{NotValidForName, NotValidForNameContext};
        let Some(chain) = &self.chain else { return Ok(ServerCertVerified::assertion()) };
        // The name is looked at last.
        match chain.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            Err(rustls::Error::InvalidCertificate(NotValidForName | NotValidForNameContext { .. }))
                if self.check == Check::Chain =>
            {
                Ok(ServerCertVerified::assertion())
            }
            result => result,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
