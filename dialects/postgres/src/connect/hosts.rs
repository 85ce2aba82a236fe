//! Where servers are: sockets, names and addresses, one or several of them.

use super::password::{self, Account, Found};
use super::settings::{Settings, usage};
use super::tls::Distance;
use dbferry_dialect::{Environment, Error, ErrorKind, Result};
use std::fmt;
use std::net::{IpAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};

/// Where PostgreSQL puts its sockets: on Debian and Red Hat, and as it is compiled elsewhere.
const SOCKET_DIRECTORIES: [&str; 2] = ["/var/run/postgresql", "/tmp"];
const DEFAULT_PORT: u16 = 5432;

/// One server that may be the one.
#[derive(Debug)]
pub(super) struct Host {
    pub(super) place: Place,
    pub(super) port: u16,
    /// The password file's word on it; nothing when a password is given otherwise.
    pub(super) password: Found,
}

/// Where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The directory of a Unix socket.
    Socket(PathBuf),
    /// A name that certificates are checked for, and the address to use instead of looking the name up.
    Network { name: String, address: Option<IpAddr> },
}

impl Host {
    /// Every host of the settings, in order; without any the socket that is there.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] when the lists of hosts, addresses and ports do not go together.
    pub(super) fn all(settings: &Settings, environment: &Environment, user: &str, database: &str) -> Result<Vec<Self>> {
        let list = |name| settings.get(name).map(|text| text.split(',').map(str::trim).collect()).unwrap_or_default();
        let (names, addresses, ports): (Vec<&str>, Vec<&str>, Vec<&str>) =
            (list("host"), list("hostaddr"), list("port"));
        let count = names.len().max(addresses.len()).max(1);
        for (what, length) in [("hosts", names.len()), ("addresses", addresses.len())] {
            if length != 0 && length != count {
                return Err(usage(format!("there are {length} {what} for {count} servers")));
            }
        }
        if ports.len() > 1 && ports.len() != count {
            return Err(usage(format!("there are {} ports for {count} servers", ports.len())));
        }
        let mut hosts = Vec::with_capacity(count);
        for position in 0..count {
            let port = match ports.get(position).or(ports.first()).copied().unwrap_or_default() {
                "" => DEFAULT_PORT,
                text => text
                    .parse()
                    .ok()
                    .filter(|port| *port != 0)
                    .ok_or_else(|| usage("the port is no number from 1 to 65535"))?,
            };
            let given =
                |list: &[&str]| list.get(position).filter(|text| !text.is_empty()).map(|text| (*text).to_owned());
            let place = place(given(&names), given(&addresses), port)?;
            let password = match settings.password() {
                Some(password) => Found::Password(password.clone()),
                None => {
                    let account = Account { host: place.account_host(), port, database, user };
                    password::look_up(settings.get("passfile"), environment, account)
                }
            };
            hosts.push(Self { place, port, password });
        }
        Ok(hosts)
    }

    /// The addresses to try, in the resolver's order; one `None` for a socket.
    ///
    /// # Errors
    /// [`ErrorKind::Connect`] when the name has none.
    pub(super) fn addresses(&self) -> Result<Vec<Option<IpAddr>>> {
        let (name, address) = match &self.place {
            Place::Socket(_) => return Ok(vec![None]),
            Place::Network { name, address } => (name, address),
        };
        if let Some(address) = address.or_else(|| name.parse().ok()) {
            return Ok(vec![Some(address)]);
        }
        let unknown = |cause: Box<dyn std::error::Error + Send + Sync>| {
            Error::new(ErrorKind::Connect, format!("no address is known for the host {name}"))
                .with("dialect", crate::NAME)
                .caused_by(cause)
                .hint("check the name, and whether this machine can look it up")
        };
        let mut found: Vec<Option<IpAddr>> = Vec::new();
        for address in (name.as_str(), self.port).to_socket_addrs().map_err(|error| unknown(error.into()))? {
            if !found.contains(&Some(address.ip())) {
                found.push(Some(address.ip()));
            }
        }
        if found.is_empty() { Err(unknown("the list of addresses is empty".into())) } else { Ok(found) }
    }
}

/// How far away an address of a host is.
pub(super) fn distance(address: Option<IpAddr>) -> Distance {
    match address {
        None => Distance::Socket,
        Some(address) if address.to_canonical().is_loopback() => Distance::Loopback,
        Some(_) => Distance::Remote,
    }
}

fn place(name: Option<String>, address: Option<String>, port: u16) -> Result<Place> {
    let address = match address {
        None => None,
        Some(text) => Some(text.parse::<IpAddr>().map_err(|_| usage("hostaddr is no address such as 192.0.2.1"))?),
    };
    Ok(match (name, address) {
        (Some(name), None) if name.starts_with('/') => Place::Socket(name.into()),
        (Some(name), address) => Place::Network { name, address },
        (None, Some(address)) => Place::Network { name: address.to_string(), address: Some(address) },
        (None, None) => {
            let is_there = |directory: &&str| Path::new(directory).join(format!(".s.PGSQL.{port}")).exists();
            let directory = SOCKET_DIRECTORIES.iter().find(|directory| is_there(directory));
            Place::Socket(PathBuf::from(directory.unwrap_or(&SOCKET_DIRECTORIES[0])))
        }
    })
}

impl Place {
    /// The name under which a password file knows it.
    fn account_host(&self) -> &str {
        match self {
            Self::Network { name, .. } => name,
            Self::Socket(directory) => match directory.to_str() {
                Some(directory) if !SOCKET_DIRECTORIES.contains(&directory) => directory,
                _ => "localhost",
            },
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Socket(directory) => write!(f, "{}/.s.PGSQL.{}", directory.display(), self.port),
            Place::Network { name, .. } if name.contains(':') => write!(f, "[{name}]:{}", self.port),
            Place::Network { name, .. } => write!(f, "{name}:{}", self.port),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dbferry_dialect::DatabaseUrl;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    fn hosts(url: &str, environment: &Environment) -> Result<Vec<Host>> {
        let settings = Settings::gather(&DatabaseUrl::parse(url).expect("a URL"), environment)?;
        Host::all(&settings, environment, "me", "shop")
    }

    fn shown(url: &str) -> Vec<String> {
        hosts(url, &Environment::default()).expect("hosts").iter().map(ToString::to_string).collect()
    }

    #[test]
    fn hosts_are_sockets_names_and_addresses() {
        assert_eq!(shown("postgres://%2Fsockets%2Fa:5433/d"), ["/sockets/a/.s.PGSQL.5433"]);
        assert_eq!(shown("postgres:///d?host=/sockets/a"), ["/sockets/a/.s.PGSQL.5432"]);
        assert_eq!(shown("postgres://h/d"), ["h:5432"]);
        assert_eq!(shown("postgres://[::1]:99/d"), ["[::1]:99"]);
        assert_eq!(shown("postgres:///d?hostaddr=192.0.2.1"), ["192.0.2.1:5432"]);
        assert_eq!(shown("postgres://a,b/d?port=1,2"), ["a:1", "b:2"]);
        assert_eq!(shown("postgres:///d?host=a,b,/c&port=7"), ["a:7", "b:7", "/c/.s.PGSQL.7"]);
        assert_eq!(shown("postgres:///d?host=a,b&port=,2"), ["a:5432", "b:2"]);
        assert!(shown("postgres:///d")[0].ends_with("/.s.PGSQL.5432"));
    }

    #[test]
    fn lists_that_do_not_go_together_are_refused() {
        for url in [
            "postgres:///?host=a,b&port=1,2,3",
            "postgres:///?host=a,b&hostaddr=192.0.2.1",
            "postgres:///?hostaddr=name",
            "postgres:///?port=0",
            "postgres:///?port=70000",
        ] {
            assert_eq!(hosts(url, &Environment::default()).expect_err(url).kind(), ErrorKind::Usage, "{url}");
        }
    }

    #[test]
    fn distance_is_that_of_the_address() {
        let of = |url: &str| {
            let host = hosts(url, &Environment::default()).expect("hosts").remove(0);
            host.addresses().expect("addresses").into_iter().map(distance).collect::<Vec<_>>()
        };
        assert_eq!(of("postgres://%2Fx/d"), [Distance::Socket]);
        assert_eq!(of("postgres://127.0.0.2/d"), [Distance::Loopback]);
        assert_eq!(of("postgres://[::1]/d"), [Distance::Loopback]);
        assert_eq!(of("postgres://db.example/d?hostaddr=192.0.2.1"), [Distance::Remote]);
        assert!(of("postgres://localhost/d").iter().all(|distance| *distance == Distance::Loopback));
        let nowhere = hosts("postgres://nowhere.invalid/d", &Environment::default()).expect("hosts").remove(0);
        let error = nowhere.addresses().expect_err("no such name");
        assert_eq!(error.kind(), ErrorKind::Connect);
        assert!(error.to_string().contains("nowhere.invalid"), "{error}");
    }

    #[test]
    fn each_host_has_a_password_of_its_own() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("pass");
        fs::write(&file, "a:1:shop:me:of-a\nlocalhost:*:*:*:of-the-socket\n*:2:shop:me:of-2\n").expect("a file");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("permissions");
        let environment: Environment = [("PGPASSFILE".to_owned(), file.display().to_string())].into_iter().collect();
        let passwords = |url: &str| -> Vec<Option<String>> {
            let of = |host: &Host| match &host.password {
                Found::Password(password) => Some(password.expose().to_owned()),
                _ => None,
            };
            hosts(url, &environment).expect("hosts").iter().map(of).collect()
        };
        assert_eq!(passwords("postgres://a,b,c/shop?port=1,2,3"), [Some("of-a".into()), Some("of-2".into()), None]);
        assert_eq!(passwords("postgres:///shop?host=/tmp&port=9"), [Some("of-the-socket".into())]);
        assert_eq!(passwords("postgres://me:given@a:1/shop"), [Some("given".into())]);
    }
}
