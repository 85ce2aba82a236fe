//! TLS as libpq's `sslmode` means it: <https://www.postgresql.org/docs/current/libpq-ssl.html>.
//!
//! | sslmode | encrypted | certificate |
//! |---|---|---|
//! | `disable` | no | |
//! | `allow` | when the server lets nobody in without | not looked at |
//! | `prefer` | when the server offers it | not looked at |
//! | `require` | yes | not looked at, but its chain where a root file is given or `~/.postgresql/root.crt` is there |
//! | `verify-ca` | yes | its chain |
//! | `verify-full` | yes | its chain and the host's name |
//!
//! Unless told, it is `prefer` for this machine and `require` for any other: libpq says `prefer` everywhere. `prefer` goes on
//! without TLS when the server has none or does not let the user in with it, never because a handshake failed. Unix sockets
//! are not encrypted, whatever is asked for. A host's name is looked for in the certificate's subjectAltName only.

use super::settings::{Settings, usage};
use dbferry_dialect::tls::{Check, Identity, Roots, Trust, configuration};
use dbferry_dialect::{Environment, Error, ErrorKind, Result};
use std::fs::Metadata;
use std::path::{Path, PathBuf};
use tokio_postgres::config::{SslMode, SslNegotiation};
use tokio_postgres_rustls::MakeRustlsConnect;

/// `sslmode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Mode {
    Disable,
    Allow,
    Prefer,
    Require,
    VerifyCa,
    VerifyFull,
}

/// What is known of the other side before it is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Distance {
    /// A Unix socket.
    Socket,
    /// An address of this machine.
    Loopback,
    /// Any other address.
    Remote,
}

/// One way to try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Attempt {
    pub(super) mode: SslMode,
    pub(super) check: Check,
}

/// Everything that was said about TLS.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    mode: Option<Mode>,
    direct: bool,
    roots: Option<Roots>,
    identity: Option<(PathBuf, PathBuf)>,
}

impl Plan {
    /// What the settings ask for; files are only read once they are needed.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] for words that do not exist or do not go together.
    pub(super) fn resolve(settings: &Settings, environment: &Environment) -> Result<Self> {
        let mut mode = settings.choice(
            "sslmode",
            &[
                ("disable", Mode::Disable),
                ("allow", Mode::Allow),
                ("prefer", Mode::Prefer),
                ("require", Mode::Require),
                ("verify-ca", Mode::VerifyCa),
                ("verify-full", Mode::VerifyFull),
            ],
        )?;
        if settings.choice("gssencmode", &[("disable", false), ("prefer", false), ("require", true)])? == Some(true) {
            return Err(usage("gssencmode=require is asked for, and dbferry has no GSSAPI").hint("use TLS: sslmode"));
        }
        let direct = settings.choice("sslnegotiation", &[("postgres", false), ("direct", true)])? == Some(true);
        if direct && *mode.get_or_insert(Mode::Require) < Mode::Require {
            return Err(usage("sslnegotiation=direct needs sslmode=require or stronger"));
        }
        let home = |file: &str| environment.home().map(|home| home.join(".postgresql").join(file));
        let roots = match settings.get("sslrootcert") {
            // Anybody can have a certificate of a public authority: without the name it would prove nothing.
            Some("system") if *mode.get_or_insert(Mode::VerifyFull) < Mode::VerifyFull => {
                return Err(usage("sslrootcert=system needs sslmode=verify-full"));
            }
            Some("system") => Some(Roots::System),
            Some(path) => Some(Roots::File(path.into())),
            None => home("root.crt").filter(|path| path.exists()).map(Roots::File),
        };
        let certificate = settings.get("sslcert").map(PathBuf::from);
        let key = settings.get("sslkey").map(PathBuf::from).or_else(|| home("postgresql.key"));
        let identity = match (certificate, key) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (Some(_), None) => return Err(usage("sslcert is given without sslkey")),
            (None, key) => home("postgresql.crt").filter(|path| path.exists()).zip(key),
        };
        Ok(Self { mode, direct, roots, identity })
    }

    /// The ways to try, in order. The next one is tried only when the server does not let the user in by the one before.
    pub(super) fn attempts(&self, distance: Distance) -> Vec<Attempt> {
        let attempt = |mode, check| Attempt { mode, check };
        let plain = attempt(SslMode::Disable, Check::Nothing);
        let default = if distance == Distance::Remote { Mode::Require } else { Mode::Prefer };
        match self.mode.unwrap_or(default) {
            _ if distance == Distance::Socket => vec![plain],
            Mode::Disable => vec![plain],
            Mode::Allow => vec![plain, attempt(SslMode::Require, Check::Nothing)],
            Mode::Prefer => vec![attempt(SslMode::Prefer, Check::Nothing), plain],
            Mode::Require if self.roots.is_none() => vec![attempt(SslMode::Require, Check::Nothing)],
            Mode::Require | Mode::VerifyCa => vec![attempt(SslMode::Require, Check::Chain)],
            Mode::VerifyFull => vec![attempt(SslMode::Require, Check::ChainAndName)],
        }
    }

    /// How the driver begins.
    pub(super) fn negotiation(&self) -> SslNegotiation {
        if self.direct { SslNegotiation::Direct } else { SslNegotiation::Postgres }
    }

    /// What makes the connections of an attempt secure.
    ///
    /// # Errors
    /// [`ErrorKind::Tls`] when certificates cannot be read or none is given to check against, [`ErrorKind::Refused`] for a
    /// key that others can read.
    pub(super) fn connector(&self, attempt: Attempt) -> Result<MakeRustlsConnect> {
        self.secured(attempt).map_err(|error| error.with("dialect", crate::NAME))
    }

    fn secured(&self, attempt: Attempt) -> Result<MakeRustlsConnect> {
        let trusted = match (attempt.check, &self.roots) {
            (Check::Nothing, _) => Vec::new(),
            (_, Some(roots)) => roots.certificates()?,
            (_, None) => {
                let message = "there is no certificate to check the server's against";
                return Err(Error::new(ErrorKind::Tls, message).hint(
                    "name the file with the authority's certificate (sslrootcert=FILE, or ~/.postgresql/root.crt), or \
                     trust whom the operating system trusts (sslrootcert=system)",
                ));
            }
        };
        let identity = match &self.identity {
            // Without TLS nobody asks for it, and its files need not even be readable.
            Some((certificate, key)) if attempt.mode != SslMode::Disable => {
                refuse_open_key(key)?;
                Some(Identity::read(certificate, key)?)
            }
            _ => None,
        };
        let mut config = configuration(attempt.check, &trusted, Trust::AuthoritiesOrItself, identity)?;
        config.alpn_protocols = vec![b"postgresql".to_vec()];
        Ok(MakeRustlsConnect::new(config))
    }
}

/// Refuses a key that others can read.
fn refuse_open_key(key: &Path) -> Result<()> {
    let is_open = |metadata: Metadata| super::open_to_others(&metadata) && !is_shared_by_root(&metadata);
    // What cannot be looked at cannot be read either, which is told there.
    if !key.metadata().is_ok_and(is_open) {
        return Ok(());
    }
    let message = format!("the key {} can be read by others", key.display());
    Err(Error::new(ErrorKind::Refused, message).hint(format!("chmod 600 '{}'", key.display())))
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

#[cfg(test)]
mod tests {
    use super::*;
    use dbferry_dialect::DatabaseUrl;
    use std::fs;

    fn plan(parameters: &str, home: Option<&str>) -> Result<Plan> {
        let url = DatabaseUrl::parse(&format!("postgres:///{parameters}")).expect("a URL");
        let environment = home.map(|home| ("HOME".to_owned(), home.to_owned())).into_iter().collect();
        Plan::resolve(&Settings::gather(&url, &environment)?, &environment)
    }

    fn first(parameters: &str, distance: Distance) -> (SslMode, Check) {
        let attempt = plan(parameters, None).expect("a plan").attempts(distance)[0];
        (attempt.mode, attempt.check)
    }

    #[test]
    fn the_default_depends_on_the_distance() {
        assert_eq!(first("", Distance::Socket), (SslMode::Disable, Check::Nothing));
        assert_eq!(first("", Distance::Loopback), (SslMode::Prefer, Check::Nothing));
        assert_eq!(first("", Distance::Remote), (SslMode::Require, Check::Nothing));
        assert_eq!(first("?sslmode=verify-full", Distance::Socket), (SslMode::Disable, Check::Nothing));
        assert_eq!(first("?sslmode=prefer", Distance::Remote), (SslMode::Prefer, Check::Nothing));
        assert_eq!(first("?sslmode=verify-full", Distance::Loopback), (SslMode::Require, Check::ChainAndName));
        assert_eq!(first("?sslrootcert=system", Distance::Loopback), (SslMode::Require, Check::ChainAndName));
        assert_eq!(first("?sslnegotiation=direct", Distance::Loopback), (SslMode::Require, Check::Nothing));
        for (mode, ways) in [("allow", 2), ("prefer", 2), ("require", 1), ("verify-full", 1), ("disable", 1)] {
            let plan = plan(&format!("?sslmode={mode}"), None).expect("a plan");
            assert_eq!(plan.attempts(Distance::Remote).len(), ways, "{mode}");
        }
    }

    #[test]
    fn require_checks_the_chain_where_there_are_roots() {
        assert_eq!(first("?sslmode=require&sslrootcert=/x", Distance::Remote).1, Check::Chain);
        let home = tempfile::tempdir().expect("a directory");
        let path = home.path().to_str().expect("a path");
        let check = || plan("?sslmode=require", Some(path)).expect("a plan").attempts(Distance::Remote)[0].check;
        assert_eq!(check(), Check::Nothing);
        fs::create_dir(home.path().join(".postgresql")).expect("a directory");
        fs::write(home.path().join(".postgresql/root.crt"), "").expect("a file");
        assert_eq!(check(), Check::Chain);
    }

    #[test]
    fn weak_modes_are_not_combined_with_strong_words() {
        for parameters in [
            "?sslmode=require&sslrootcert=system",
            "?sslmode=prefer&sslnegotiation=direct",
            "?sslmode=on",
            "?gssencmode=require",
            "?sslcert=/x",
        ] {
            let error = plan(parameters, None).expect_err(parameters);
            assert_eq!(error.kind(), ErrorKind::Usage, "{parameters}");
        }
    }
}
