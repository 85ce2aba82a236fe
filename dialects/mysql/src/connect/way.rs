//! One way to a server: an address, encrypted or not, and who logs in there.

use super::place::Place;
use super::tls::Encryption;
use dbferry_dialect::Secret;
use mysql_async::OptsBuilder;
use std::sync::Arc;
use std::time::Duration;

/// After how much silence the other side is asked whether it is still there.
pub(crate) const KEEPALIVE_IDLE: Duration = Duration::from_secs(60);

/// Who logs in, and into what.
#[derive(Clone, Debug)]
pub(crate) struct Login {
    /// Who logs in.
    pub(crate) user: String,
    /// The password, if there is one.
    pub(crate) password: Option<Secret>,
    /// The database.
    pub(crate) database: String,
}

/// Everything that opening a session needs.
#[derive(Clone, Debug)]
pub(crate) struct Way {
    /// Who logs in.
    pub(crate) login: Arc<Login>,
    /// Where.
    pub(crate) place: Place,
    /// How the connection is made secure; without it everything is sent as it is.
    pub(crate) encryption: Option<Encryption>,
    /// How long reaching the server and logging in may take; without end if there is none.
    pub(crate) limit: Option<Duration>,
}

impl Way {
    /// Whether the server's certificate may be for another name.
    pub(crate) fn skips_names(&self) -> bool {
        self.encryption.as_ref().is_some_and(|encryption| encryption.options.skip_domain_validation())
    }

    /// As the driver wants it; `certified` takes the place of the host's in the check of its certificate.
    pub(crate) fn options(&self, certified: Option<String>) -> OptsBuilder {
        let login = &self.login;
        let options = OptsBuilder::default()
            .user(Some(&login.user))
            .pass(login.password.as_ref().map(|password| password.expose().to_owned()))
            .db_name(Some(&login.database))
            // The way is the one that was asked for, and no statement comes twice.
            .prefer_socket(false)
            .stmt_cache_size(0);
        match &self.place {
            Place::Socket(path) => options.socket(Some(path.display().to_string())),
            Place::Network { name, address } => options
                .ip_or_hostname(name.clone())
                .tcp_port(address.port())
                .resolved_ips(Some(vec![address.ip()]))
                .tcp_keepalive(Some(KEEPALIVE_IDLE))
                .ssl_opts(
                    self.encryption
                        .as_ref()
                        .map(|encryption| encryption.options.clone().with_danger_tls_hostname_override(certified)),
                ),
        }
    }
}
