//! Where servers are: sockets, names and addresses.

use super::settings::{Settings, usage};
use dbferry_dialect::{Error, ErrorKind, Result};
use std::fmt;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};

/// Where servers put their sockets: on Debian, Red Hat, in containers, and as they are compiled.
const SOCKETS: [&str; 4] =
    ["/run/mysqld/mysqld.sock", "/var/lib/mysql/mysql.sock", "/run/mysql/mysql.sock", "/tmp/mysql.sock"];
const DEFAULT_PORT: u16 = 3306;

/// A server, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Host {
    Socket(PathBuf),
    Network { name: String, port: u16 },
}

/// A server, by address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A Unix socket.
    Socket(PathBuf),
    /// A TCP port, and the name that certificates are checked for.
    Network {
        /// The name, as it was given.
        name: String,
        /// Where that is.
        address: SocketAddr,
    },
}

/// What is known of the other side before it is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Distance {
    Socket,
    Loopback,
    Remote,
}

impl Host {
    /// The server that the settings name; without a name the socket that is there, or else this machine's port.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] when the port is none.
    pub(super) fn of(settings: &Settings) -> Result<Self> {
        let port = match settings.get("port") {
            None => DEFAULT_PORT,
            Some(text) => text
                .parse()
                .ok()
                .filter(|port| *port != 0)
                .ok_or_else(|| usage("the port is no number from 1 to 65535"))?,
        };
        // Outside of URLs `localhost` means the socket, as for MySQL's programs.
        let is_by_socket = |name: &&str| *name == "localhost" && !settings.is_of_url("host");
        let host = settings.get("host").filter(|name| !is_by_socket(name));
        let socket = settings.get("socket").filter(|_| host.is_none() || settings.is_nearer("socket", "host"));
        let known = || SOCKETS.iter().find(|path| Path::new(path).exists()).map(PathBuf::from);
        Ok(match (host, socket) {
            (_, Some(path)) => Self::Socket(path.into()),
            (Some(path), None) if path.starts_with('/') => Self::Socket(path.into()),
            (Some(name), None) => Self::Network { name: name.to_owned(), port },
            (None, None) => match known().filter(|_| settings.get("port").is_none()) {
                Some(path) => Self::Socket(path),
                None => Self::Network { name: "localhost".to_owned(), port },
            },
        })
    }

    /// Its addresses, in the resolver's order.
    ///
    /// # Errors
    /// [`ErrorKind::Connect`] when the name has none.
    pub(super) fn places(&self) -> Result<Vec<Place>> {
        let (name, port) = match self {
            Self::Socket(path) => return Ok(vec![Place::Socket(path.clone())]),
            Self::Network { name, port } => (name, *port),
        };
        let at = |address: SocketAddr| Place::Network { name: name.clone(), address };
        if let Ok(address) = name.parse::<IpAddr>() {
            return Ok(vec![at(SocketAddr::new(address, port))]);
        }
        let unknown = |cause: Box<dyn std::error::Error + Send + Sync>| {
            Error::new(ErrorKind::Connect, format!("no address is known for the host {name}"))
                .with("dialect", crate::NAME)
                .caused_by(cause)
                .hint("check the name, and whether this machine can look it up")
        };
        let mut places: Vec<Place> = Vec::new();
        for address in (name.as_str(), port).to_socket_addrs().map_err(|error| unknown(error.into()))? {
            if !places.contains(&at(address)) {
                places.push(at(address));
            }
        }
        if places.is_empty() { Err(unknown("the list of addresses is empty".into())) } else { Ok(places) }
    }
}

impl Place {
    /// How far away it is.
    pub(super) fn distance(&self) -> Distance {
        match self {
            Self::Socket(_) => Distance::Socket,
            Self::Network { address, .. } if address.ip().to_canonical().is_loopback() => Distance::Loopback,
            Self::Network { .. } => Distance::Remote,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket(path) => write!(f, "{}", path.display()),
            Self::Network { name, address } if name.contains(':') => write!(f, "[{name}]:{}", address.port()),
            Self::Network { name, address } => write!(f, "{name}:{}", address.port()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dbferry_dialect::{DatabaseUrl, Environment};

    fn host(url: &str, variables: &[(&str, &str)]) -> Result<Host> {
        let environment: Environment =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Host::of(&Settings::gather(&DatabaseUrl::parse(url).expect("a URL"), &environment)?)
    }

    fn network(name: &str, port: u16) -> Host {
        Host::Network { name: name.to_owned(), port }
    }

    #[test]
    fn hosts_are_sockets_and_names() {
        let of = |url: &str| host(url, &[]).expect(url);
        assert_eq!(of("mysql://me@%2Frun%2Fx.sock/d"), Host::Socket("/run/x.sock".into()));
        assert_eq!(of("mysql://me@h/d?socket=/run/x.sock"), Host::Socket("/run/x.sock".into()));
        assert_eq!(of("mysql://me@h/d"), network("h", 3306));
        assert_eq!(of("mariadb://me@[::1]:99/d"), network("::1", 99));
        assert_eq!(of("mysql://me@:99/d"), network("localhost", 99));
        for url in ["mysql://me@h/d?port=0", "mysql://me@h/d?port=70000", "mysql://me@h/d?port=x"] {
            assert_eq!(host(url, &[]).expect_err(url).kind(), ErrorKind::Usage, "{url}");
        }
    }

    #[test]
    fn the_nearer_word_counts() {
        let variables = [("MYSQL_UNIX_PORT", "/run/e.sock"), ("MYSQL_HOST", "of-environment"), ("MYSQL_TCP_PORT", "7")];
        assert_eq!(host("mysql://me@h/d", &variables).expect("a host"), network("h", 7));
        assert_eq!(host("mysql:///d?socket=/s", &variables).expect("a host"), Host::Socket("/s".into()));
        assert_eq!(host("mysql:///d", &variables[..1]).expect("a host"), Host::Socket("/run/e.sock".into()));
        assert_eq!(host("mysql:///d", &variables).expect("a host"), network("of-environment", 7));
        let by_socket = [variables[0], ("MYSQL_HOST", "localhost")];
        assert_eq!(host("mysql:///d", &by_socket).expect("a host"), Host::Socket("/run/e.sock".into()));
        assert_eq!(host("mysql://localhost/d", &by_socket).expect("a host"), network("localhost", 3306));
    }

    #[test]
    fn distance_is_that_of_the_address() {
        let of = |url: &str| {
            let places = host(url, &[]).expect("a host").places().expect("addresses");
            places.iter().map(Place::distance).collect::<Vec<_>>()
        };
        assert_eq!(of("mysql://%2Fx/d"), [Distance::Socket]);
        assert_eq!(of("mysql://127.0.0.2/d"), [Distance::Loopback]);
        assert_eq!(of("mysql://[::1]/d"), [Distance::Loopback]);
        assert_eq!(of("mysql://192.0.2.1/d"), [Distance::Remote]);
        assert!(of("mysql://localhost/d").iter().all(|distance| *distance == Distance::Loopback));
        let error = host("mysql://nowhere.invalid/d", &[]).expect("a host").places().expect_err("no such name");
        assert_eq!(error.kind(), ErrorKind::Connect);
        assert!(error.to_string().contains("nowhere.invalid"), "{error}");
    }
}
