//! Certificates: what is checked of the server's, and where the client's own come from.

use dbferry_dialect::{Error, ErrorKind, Result};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{WebPkiSupportedAlgorithms, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, RootCertStore, SignatureScheme};
use std::fs::Metadata;
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
#[derive(Clone, Debug)]
pub(super) enum Roots {
    /// Whom the operating system trusts.
    System,
    /// The certificates in this file.
    File(PathBuf),
}

/// What checks the server's certificate.
///
/// # Errors
/// [`ErrorKind::Tls`] when there is nothing to check against.
pub(super) fn verifier(check: Check, roots: Option<&Roots>) -> Result<Arc<dyn ServerCertVerifier>> {
    let trusted = match (check, roots) {
        (Check::Nothing, _) => Vec::new(),
        (_, None) => {
            return Err(tls("there is no certificate to check the server's against").hint(
                "name the file with the authority's certificate (sslrootcert=FILE, or ~/.postgresql/root.crt), or trust \
                 whom the operating system trusts (sslrootcert=system)",
            ));
        }
        (_, Some(Roots::System)) => of_system()?,
        (_, Some(Roots::File(path))) => read_certificates(path)?,
    };
    let mut roots = RootCertStore::empty();
    for certificate in &trusted {
        // Among the operating system's there may be some that nobody can use.
        _ = roots.add(certificate.clone());
    }
    if check != Check::Nothing && roots.is_empty() {
        return Err(tls("none of the trusted certificates can be used"));
    }
    let algorithms = ring::default_provider().signature_verification_algorithms;
    Ok(Arc::new(Verifier { check, roots, trusted, algorithms }))
}

/// The client's certificate with its chain, and its key.
///
/// # Errors
/// [`ErrorKind::Tls`] when they cannot be read, [`ErrorKind::Refused`] for a key that others can read.
pub(super) fn identity(
    certificate: &Path,
    key: &Path,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)> {
    let chain = read_certificates(certificate)?;
    let unreadable = |cause: Box<dyn std::error::Error + Send + Sync>| {
        tls(format!("cannot read the key {}", key.display())).caused_by(cause)
    };
    let metadata = key.metadata().map_err(|error| unreadable(error.into()))?;
    if super::open_to_others(&metadata) && !is_shared_by_root(&metadata) {
        let message = format!("the key {} can be read by others", key.display());
        return Err(Error::new(ErrorKind::Refused, message)
            .with("dialect", crate::NAME)
            .hint(format!("chmod 600 '{}'", key.display())));
    }
    let key = PrivateKeyDer::from_pem_file(key).map_err(|error| {
        unreadable(error.into()).hint("the key stands in PEM form and without a passphrase in its file")
    })?;
    Ok((chain, key))
}

/// Whether a file is root's and its group may read it: that is how machines share keys with services.
#[cfg(unix)]
fn is_shared_by_root(metadata: &Metadata) -> bool {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    metadata.uid() == 0 && metadata.permissions().mode() & 0o037 == 0
}

/// Other systems have no such bits.
#[cfg(not(unix))]
fn is_shared_by_root(_metadata: &Metadata) -> bool {
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

fn tls(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::Tls, message).with("dialect", crate::NAME)
}

/// Checks as much of a certificate as was asked for. That the server holds the certificate's key is always checked: the
/// binding of passwords to the channel relies on it.
#[derive(Debug)]
struct Verifier {
    check: Check,
    roots: RootCertStore,
    trusted: Vec<CertificateDer<'static>>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Verifier {
    fn verify_chain(
        &self,
        server: &CertificateDer<'_>,
        parsed: &ParsedCertificate<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), rustls::Error> {
        let algorithms = self.algorithms.all;
        let result = verify_server_cert_signed_by_trust_anchor(parsed, &self.roots, intermediates, now, algorithms);
        match result {
            // A certificate that signed itself and is trusted as it stands: as an authority it could not be a server's.
            // Its dates are looked at before anything else.
            Err(error) if self.trusted.contains(server) && !is_about_dates(&error) => Ok(()),
            result => result,
        }
    }
}

fn is_about_dates(error: &rustls::Error) -> bool {
    use CertificateError::{BadEncoding, Expired, ExpiredContext, NotValidYet, NotValidYetContext};
    matches!(
        error,
        rustls::Error::InvalidCertificate(
            Expired | ExpiredContext { .. } | NotValidYet | NotValidYetContext { .. } | BadEncoding
        )
    )
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if self.check != Check::Nothing {
            let parsed = ParsedCertificate::try_from(end_entity)?;
            self.verify_chain(end_entity, &parsed, intermediates, now)?;
            if self.check == Check::ChainAndName {
                verify_server_name(&parsed, server_name)?;
            }
        }
        Ok(ServerCertVerified::assertion())
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
