//! Certificates for servers of tests: good ones and every kind of bad ones.

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};

/// Who signs certificates.
#[derive(Debug)]
pub struct Authority {
    certificate: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key, in PEM form.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The certificate.
    pub certificate: String,
    /// Its key.
    pub key: String,
}

#[allow(clippy::expect_used)] // For tests, which end here.
impl Authority {
    /// A new one.
    ///
    /// # Panics
    /// When there is no randomness.
    pub fn new(name: &str) -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = params(&[], name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).expect("a certificate").pem();
        Self { certificate, issuer: Issuer::new(params, key) }
    }

    /// Its own certificate, in PEM form.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// A certificate for these names and addresses.
    ///
    /// # Panics
    /// When a name is none.
    pub fn issue(&self, names: &[&str]) -> Identity {
        self.sign(&params(names, names.first().copied().unwrap_or_default()))
    }

    /// A certificate for these names and addresses whose time is over.
    ///
    /// # Panics
    /// When a name is none.
    pub fn issue_expired(&self, names: &[&str]) -> Identity {
        let mut params = params(names, "expired");
        params.not_after = date_time_ymd(2020, 1, 1);
        self.sign(&params)
    }

    fn sign(&self, params: &CertificateParams) -> Identity {
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate").pem();
        Identity { certificate, key: key.serialize_pem() }
    }
}

/// A certificate that signed itself, as an authority, which is what `openssl req -x509` makes.
///
/// # Panics
/// When a name is none.
#[allow(clippy::expect_used)] // For tests, which end here.
pub fn self_signed(names: &[&str], expired: bool) -> Identity {
    let key = KeyPair::generate().expect("a key");
    let mut params = params(names, "self");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    if expired {
        params.not_after = date_time_ymd(2020, 1, 1);
    }
    let certificate = params.self_signed(&key).expect("a certificate").pem();
    Identity { certificate, key: key.serialize_pem() }
}

#[allow(clippy::expect_used)] // For tests, which end here.
fn params(names: &[&str], common_name: &str) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).expect("names");
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.not_before = date_time_ymd(2019, 1, 1);
    params
}
