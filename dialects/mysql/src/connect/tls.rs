//! TLS as MySQL's `ssl-mode` means it: <https://dev.mysql.com/doc/refman/8.4/en/connection-options.html#option_general_ssl-mode>.
//!
//! | ssl-mode | encrypted | certificate |
//! |---|---|---|
//! | `DISABLED` | no | |
//! | `PREFERRED` | when the server offers it | not looked at |
//! | `REQUIRED` | yes | not looked at, but its chain where `ssl-ca` is given |
//! | `VERIFY_CA` | yes | its chain |
//! | `VERIFY_IDENTITY` | yes | its chain and the host's name |
//!
//! Unless told, it is `VERIFY_CA` where `ssl-ca` is given, else `PREFERRED` for this machine and `REQUIRED` for any other:
//! MySQL says `PREFERRED` everywhere. `PREFERRED` goes on without TLS when the server has none, never because a handshake
//! failed. Unix sockets are not encrypted, whatever is asked for. A host's name is looked for in the certificate's
//! subjectAltName only.

use super::place::Distance;
use super::settings::{Settings, usage};
use dbferry_dialect::tls::{Check, Identity, Roots, Trust, configuration};
use dbferry_dialect::{Error, ErrorKind, Result};
use mysql_async::{ClientIdentity, SslOpts};
use rustls::ClientConfig;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// `ssl-mode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Disabled,
    Preferred,
    Required,
    VerifyCa,
    VerifyIdentity,
}

const MODES: [(&str, Mode); 5] = [
    ("DISABLED", Mode::Disabled),
    ("PREFERRED", Mode::Preferred),
    ("REQUIRED", Mode::Required),
    ("VERIFY_CA", Mode::VerifyCa),
    ("VERIFY_IDENTITY", Mode::VerifyIdentity),
];

/// Everything that was said about TLS.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    mode: Option<Mode>,
    roots: Option<Roots>,
    identity: Option<(PathBuf, PathBuf)>,
}

/// One way to try: encrypted with that much of a check, or not at all.
pub(super) type Attempt = Option<Check>;

/// What makes connections secure, for both kinds of sessions.
#[derive(Clone)]
pub(crate) struct Encryption {
    /// For the driver.
    pub(crate) options: SslOpts,
    /// For our own client.
    pub(crate) config: Arc<ClientConfig>,
}

impl fmt::Debug for Encryption {
    /// Without the client's key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Encryption")
    }
}

impl Plan {
    /// What the settings ask for; files are only read once they are needed.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] for words that do not exist or do not go together.
    pub(super) fn resolve(settings: &Settings) -> Result<Self> {
        let spelled = settings.get("ssl-mode").map(|word| word.to_ascii_uppercase().replace('-', "_"));
        let mode =
            match spelled {
                None => None,
                Some(spelled) => {
                    Some(MODES.iter().find(|(word, _)| *word == spelled).map(|(_, mode)| *mode).ok_or_else(|| {
                        usage(format!("ssl-mode is none of {}", MODES.map(|(word, _)| word).join(", ")))
                    })?)
                }
            };
        let roots = match settings.get("ssl-ca") {
            // Anybody can have a certificate of a public authority: without the name it would prove nothing.
            Some("system") if mode.is_some_and(|mode| matches!(mode, Mode::Required | Mode::VerifyCa)) => {
                return Err(usage("ssl-ca=system needs ssl-mode=VERIFY_IDENTITY"));
            }
            Some("system") => Some(Roots::System),
            Some(path) => Some(Roots::File(path.into())),
            None => None,
        };
        let mode = match (mode, &roots) {
            (None, Some(Roots::System)) => Some(Mode::VerifyIdentity),
            (None, Some(Roots::File(_))) => Some(Mode::VerifyCa),
            (Some(Mode::VerifyCa | Mode::VerifyIdentity), None) => {
                return Err(usage("there is no certificate to check the server's against").hint(
                    "name the file with the authority's certificate (ssl-ca=FILE), or trust whom the operating system \
                     trusts (ssl-ca=system)",
                ));
            }
            (mode, _) => mode,
        };
        let identity = match (settings.get("ssl-cert"), settings.get("ssl-key")) {
            (Some(certificate), Some(key)) => Some((certificate.into(), key.into())),
            (None, None) => None,
            _ => return Err(usage("ssl-cert and ssl-key are given together or not at all")),
        };
        Ok(Self { mode, roots, identity })
    }

    /// The ways to try, in order. The next one is tried only when the server offers no TLS.
    pub(super) fn attempts(&self, distance: Distance) -> Vec<Attempt> {
        let default = if distance == Distance::Remote { Mode::Required } else { Mode::Preferred };
        match self.mode.unwrap_or(default) {
            _ if distance == Distance::Socket => vec![None],
            Mode::Disabled => vec![None],
            Mode::Preferred => vec![Some(Check::Nothing), None],
            Mode::Required if self.roots.is_none() => vec![Some(Check::Nothing)],
            Mode::Required | Mode::VerifyCa => vec![Some(Check::Chain)],
            Mode::VerifyIdentity => vec![Some(Check::ChainAndName)],
        }
    }

    /// What makes the connections of an attempt secure.
    ///
    /// # Errors
    /// [`ErrorKind::Tls`] when certificates cannot be read, [`ErrorKind::Refused`] for a key that everybody can read.
    pub(super) fn encryption(&self, check: Check) -> Result<Encryption> {
        self.secured(check).map_err(|error| error.with("dialect", crate::NAME))
    }

    fn secured(&self, check: Check) -> Result<Encryption> {
        let trusted = match (check, &self.roots) {
            (Check::Nothing, _) | (_, None) => Vec::new(),
            (_, Some(roots)) => roots.certificates()?,
        };
        let roots = trusted.iter().map(|certificate| certificate.to_vec().into()).collect();
        let mut options = SslOpts::default()
            .with_root_certs(roots)
            // Without a check the driver still wants to know somebody.
            .with_disable_built_in_roots(check != Check::Nothing)
            .with_danger_accept_invalid_certs(check == Check::Nothing)
            .with_danger_skip_domain_validation(check == Check::Chain);
        let mut identity = None;
        if let Some((certificate, key)) = &self.identity {
            refuse_open_key(key)?;
            identity = Some(Identity::read(certificate, key)?);
            let [certificate, key] = [certificate, key].map(|path| {
                fs::read(path).map_err(|error| {
                    Error::new(ErrorKind::Tls, format!("cannot read {}", path.display())).caused_by(error)
                })
            });
            options = options.with_client_identity(Some(ClientIdentity::new(certificate?.into(), key?.into())));
        }
        // The driver trusts nobody but authorities, and both kinds of sessions check the same.
        let config = configuration(check, &trusted, Trust::Authorities, identity)?;
        Ok(Encryption { options, config: Arc::new(config) })
    }
}

/// Refuses a key that everybody can read.
fn refuse_open_key(key: &Path) -> Result<()> {
    // What cannot be looked at cannot be read either, which is told there.
    if !key.metadata().is_ok_and(|metadata| is_open_to_readers(&metadata)) {
        return Ok(());
    }
    let message = format!("the key {} can be read by everybody", key.display());
    Err(Error::new(ErrorKind::Refused, message).hint(format!("chmod 600 '{}'", key.display())))
}

#[cfg(unix)]
fn is_open_to_readers(metadata: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o007 != 0
}

/// Other systems have no such bits.
#[cfg(not(unix))]
fn is_open_to_readers(_metadata: &fs::Metadata) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use dbferry_dialect::{DatabaseUrl, Environment};

    fn plan(parameters: &str) -> Result<Plan> {
        let url = DatabaseUrl::parse(&format!("mysql://h/d{parameters}")).expect("a URL");
        Plan::resolve(&Settings::gather(&url, &Environment::default())?)
    }

    fn attempts(parameters: &str, distance: Distance) -> Vec<Attempt> {
        plan(parameters).expect("a plan").attempts(distance)
    }

    #[test]
    fn the_default_depends_on_the_distance() {
        let all = Some(Check::ChainAndName);
        assert_eq!(attempts("", Distance::Socket), [None]);
        assert_eq!(attempts("", Distance::Loopback), [Some(Check::Nothing), None]);
        assert_eq!(attempts("", Distance::Remote), [Some(Check::Nothing)]);
        assert_eq!(attempts("?ssl-mode=DISABLED", Distance::Remote), [None]);
        assert_eq!(attempts("?ssl-mode=PREFERRED", Distance::Remote), [Some(Check::Nothing), None]);
        assert_eq!(attempts("?ssl-mode=verify_identity&ssl-ca=/x", Distance::Loopback), [all]);
        assert_eq!(attempts("?ssl-mode=verify-identity&ssl-ca=/x", Distance::Socket), [None]);
        assert_eq!(attempts("?ssl-ca=system", Distance::Loopback), [all]);
        for parameters in ["?ssl-ca=/x", "?ssl-ca=/x&ssl-mode=VERIFY_CA", "?ssl-ca=/x&ssl-mode=REQUIRED"] {
            assert_eq!(attempts(parameters, Distance::Loopback), [Some(Check::Chain)], "{parameters}");
        }
        assert_eq!(attempts("?ssl-ca=/x&ssl-mode=PREFERRED", Distance::Loopback), [Some(Check::Nothing), None]);
    }

    #[test]
    fn weak_modes_are_not_combined_with_strong_words() {
        for parameters in [
            "?ssl-mode=REQUIRED&ssl-ca=system",
            "?ssl-mode=VERIFY_CA&ssl-ca=system",
            "?ssl-mode=VERIFY_CA",
            "?ssl-mode=VERIFY_IDENTITY",
            "?ssl-mode=on",
            "?ssl-cert=/x",
            "?ssl-key=/x",
        ] {
            assert_eq!(plan(parameters).expect_err(parameters).kind(), ErrorKind::Usage, "{parameters}");
        }
    }
}
