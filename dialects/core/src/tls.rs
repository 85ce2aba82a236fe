//! TLS of connections: whom a client trusts, how much of the server's certificate it checks, and the certificate that it
//! shows itself. With the feature `tls`, for dialects whose drivers take a configuration of `rustls`.
//!
//! What it is not: what the words of an engine's URLs mean, and whose key files it refuses. Both differ by engine. Errors do
//! not know their dialect.

use crate::error::{Error, ErrorKind, Result};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{WebPkiSupportedAlgorithms, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How much of the server's certificate is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// Nothing: the connection is encrypted, with whomever.
    Nothing,
    /// Its dates, and that somebody trusted signed it.
    Chain,
    /// That, and that it is for the host's name, which is looked for in its subjectAltName only.
    ChainAndName,
}

/// Whom to trust.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Roots {
    /// Whom the operating system trusts.
    System,
    /// The certificates in this file, in PEM form.
    File(PathBuf),
}

impl Roots {
    /// The certificates that can be used.
    ///
    /// # Errors
    /// [`ErrorKind::Tls`] when there are none.
    pub fn certificates(&self) -> Result<Vec<CertificateDer<'static>>> {
        let mut found = match self {
            Self::System => of_system()?,
            Self::File(path) => read_certificates(path)?,
        };
        // Among the operating system's there may be some that nobody can use.
        found.retain(|certificate| RootCertStore::empty().add(certificate.clone()).is_ok());
        if found.is_empty() { Err(tls("none of the trusted certificates can be used")) } else { Ok(found) }
    }
}

/// Whose signatures make a server's certificate a good one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Those of authorities.
    Authorities,
    /// Those of authorities, or its own where it is itself one of the trusted certificates.
    AuthoritiesOrItself,
}

/// The certificate that a client shows, with its chain, and its key.
#[derive(Debug)]
pub struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl Identity {
    /// Reads them from files in PEM form.
    ///
    /// # Errors
    /// [`ErrorKind::Tls`] when they cannot be read.
    pub fn read(certificate: &Path, key: &Path) -> Result<Self> {
        let chain = read_certificates(certificate)?;
        let key = PrivateKeyDer::from_pem_file(key).map_err(|error| {
            tls(format!("cannot read the key {}", key.display()))
                .caused_by(error)
                .hint("the key stands in PEM form and without a passphrase in its file")
        })?;
        Ok(Self { chain, key })
    }
}

/// The configuration of a client that checks as much as `check` says against the `trusted` certificates.
///
/// # Errors
/// [`ErrorKind::Tls`] when certificate and key of `identity` do not go together.
pub fn configuration(
    check: Check,
    trusted: &[CertificateDer<'static>],
    trust: Trust,
    identity: Option<Identity>,
) -> Result<ClientConfig> {
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::new(ErrorKind::Internal, "TLS cannot be set up").caused_by(error))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Verifier::new(check, trusted, trust)));
    match identity {
        None => Ok(builder.with_no_client_auth()),
        Some(Identity { chain, key }) => builder
            .with_client_auth_cert(chain, key)
            .map_err(|error| tls("certificate and key of the client do not go together").caused_by(error)),
    }
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
    Error::new(ErrorKind::Tls, message)
}

/// Checks as much of a certificate as was asked for. That the server holds the certificate's key is always checked: the
/// binding of passwords to the channel relies on it.
#[derive(Debug)]
struct Verifier {
    check: Check,
    roots: RootCertStore,
    /// Certificates that are good as they stand.
    pinned: Vec<CertificateDer<'static>>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Verifier {
    fn new(check: Check, trusted: &[CertificateDer<'static>], trust: Trust) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(trusted.iter().cloned());
        let pinned = if trust == Trust::AuthoritiesOrItself { trusted.to_vec() } else { Vec::new() };
        Self { check, roots, pinned, algorithms: ring::default_provider().signature_verification_algorithms }
    }

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
            Err(error) if self.pinned.contains(server) && !is_about_dates(&error) => Ok(()),
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

// Certificates are made by the testkit.
#[cfg(test)]
#[cfg(feature = "testkit")]
mod tests {
    use super::*;
    use crate::testkit::certificates::{Authority, self_signed};

    fn der(pem: &str) -> CertificateDer<'static> {
        CertificateDer::from_pem_slice(pem.as_bytes()).expect("a certificate")
    }

    /// Whether a server at `db.example` is let through.
    fn is_good(check: Check, trust: Trust, trusted: &str, server: &str) -> bool {
        let name = ServerName::try_from("db.example").expect("a name");
        let verifier = Verifier::new(check, &[der(trusted)], trust);
        verifier.verify_server_cert(&der(server), &[], &name, &[], UnixTime::now()).is_ok()
    }

    #[test]
    fn as_much_is_checked_as_was_asked_for() {
        let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
        for (server, expected) in [
            (ours.issue(&["db.example"]), [true, true, true]),
            (ours.issue(&["other.example"]), [true, true, false]),
            (ours.issue_expired(&["db.example"]), [true, false, false]),
            (theirs.issue(&["db.example"]), [true, false, false]),
        ] {
            for trust in [Trust::Authorities, Trust::AuthoritiesOrItself] {
                let found = [Check::Nothing, Check::Chain, Check::ChainAndName]
                    .map(|check| is_good(check, trust, ours.certificate(), &server.certificate));
                assert_eq!(found, expected, "{trust:?}");
            }
        }
    }

    #[test]
    fn a_certificate_that_signed_itself_is_no_authority() {
        let (itself, other) = (self_signed(&["db.example"], false), self_signed(&["other.example"], false));
        let expired = self_signed(&["db.example"], true);
        let good = |check, trust, one: &str| is_good(check, trust, one, one);
        assert!(!good(Check::Chain, Trust::Authorities, &itself.certificate));
        assert!(good(Check::ChainAndName, Trust::AuthoritiesOrItself, &itself.certificate));
        assert!(!good(Check::ChainAndName, Trust::AuthoritiesOrItself, &other.certificate));
        assert!(!good(Check::Chain, Trust::AuthoritiesOrItself, &expired.certificate));
        assert!(!is_good(Check::Chain, Trust::AuthoritiesOrItself, &other.certificate, &itself.certificate));
    }

    #[test]
    fn what_is_no_certificate_is_told() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let error = Roots::File(file.path().to_owned()).certificates().expect_err("an empty file");
        assert_eq!(error.kind(), ErrorKind::Tls);
        assert!(format!("{error:?}").contains("none in PEM form"), "{error:?}");
        let error = Identity::read(Path::new("/nowhere"), file.path()).expect_err("no file");
        assert!(error.message().contains("/nowhere"), "{error:?}");
    }
}
