//! Database URLs: `sqlite:path`, `postgres://user@host/db`, `mysql://...`.
//!
//! A URL is taken apart at once; what is kept and printed afterwards has no password in it. Errors name the place where
//! parsing stopped and never repeat the text, since half of a password may be in it.

use crate::error::{Error, ErrorKind, Result};
use crate::secret::Secret;
use std::fmt;

/// A parsed database URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseUrl {
    scheme: String,
    location: Location,
    parameters: Vec<(String, String)>,
}

/// Where the database is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// A file, spelled `scheme:path`; the path is taken as it stands, without percent-decoding.
    File(String),
    /// A server, spelled `scheme://[user[:password]@][host][:port]/[database]`.
    Server {
        /// The user to log in as.
        user: Option<String>,
        /// The password, if the URL holds one.
        password: Option<Secret>,
        /// Host name, address, or the directory of a Unix socket (percent-encoded in the URL).
        host: Option<String>,
        /// The port, if not the engine's own.
        port: Option<u16>,
        /// The database.
        database: Option<String>,
    },
}

impl DatabaseUrl {
    /// Takes `text` apart.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] when there is no scheme, or a server URL cannot be read.
    pub fn parse(text: &str) -> Result<Self> {
        let text = text.trim();
        let scheme_end = text.find(':').filter(|end| is_scheme(&text[..*end])).ok_or_else(|| {
            Error::new(ErrorKind::Usage, "a database URL starts with a scheme, such as sqlite: or postgres://")
                .hint("write sqlite:path/to/file.db for a SQLite file, or postgres://user@host/database for a server")
        })?;
        let scheme = text[..scheme_end].to_ascii_lowercase();
        let rest = &text[scheme_end + 1..];
        match rest.strip_prefix("//") {
            // `sqlite:///absolute/path` is how other tools spell an absolute file; a server URL has a host or a socket.
            Some(path) if path.starts_with('/') && scheme.starts_with("sqlite") => Ok(Self::file(scheme, path)),
            Some(path) if scheme.starts_with("sqlite") => Ok(Self::file(scheme, path)),
            Some(_) => Self::parse_server(scheme, text),
            None => Ok(Self::file(scheme, rest)),
        }
    }

    fn file(scheme: String, path: &str) -> Self {
        Self { scheme, location: Location::File(path.to_owned()), parameters: Vec::new() }
    }

    fn parse_server(scheme: String, text: &str) -> Result<Self> {
        let unreadable = |what: &str| {
            Error::new(ErrorKind::Usage, format!("the {scheme} URL cannot be read: {what}")).hint(
                "special characters in user, password or database are percent-encoded: @ is %40, / is %2F, : is %3A",
            )
        };
        // `postgres://me@/shop` names a user and leaves the host to the dialect; the parser wants one.
        let host_position = missing_host(text);
        let with_host = host_position.map(|position| format!("{}host{}", &text[..position], &text[position..]));
        let parsed =
            url::Url::parse(with_host.as_deref().unwrap_or(text)).map_err(|error| unreadable(&error.to_string()))?;
        let decode =
            |part: &str, what: &str| percent_decode(part).ok_or_else(|| unreadable(&format!("{what} is not UTF-8")));
        let user = match parsed.username() {
            "" => None,
            user => Some(decode(user, "the user")?),
        };
        let password = match parsed.password() {
            None => None,
            Some(password) => Some(Secret::new(decode(password, "the password")?)),
        };
        let host = match parsed.host_str() {
            None | Some("") => None,
            Some(_) if host_position.is_some() => None,
            Some(host) => Some(decode(host.trim_start_matches('[').trim_end_matches(']'), "the host")?),
        };
        let database = match parsed.path().trim_start_matches('/') {
            "" => None,
            path => Some(decode(path, "the database")?),
        };
        let port = parsed.port();
        let parameters = parsed.query_pairs().map(|(key, value)| (key.into_owned(), value.into_owned())).collect();
        Ok(Self { scheme, location: Location::Server { user, password, host, port, database }, parameters })
    }

    /// The scheme in lower case, without the colon.
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// Where the database is.
    pub fn location(&self) -> &Location {
        &self.location
    }

    /// The query parameters in their order.
    pub fn parameters(&self) -> &[(String, String)] {
        &self.parameters
    }

    /// The same place with that password, which takes the place of one that the URL holds.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] when the URL names a file, which has none.
    pub fn with_password(mut self, secret: Secret) -> Result<Self> {
        match &mut self.location {
            Location::Server { password, .. } => *password = Some(secret),
            Location::File(_) => {
                return Err(Error::new(
                    ErrorKind::Usage,
                    format!("a password is given for a {} file, which has none", self.scheme),
                ));
            }
        }
        Ok(self)
    }

    /// Whether `text` is meant as a database URL rather than as a path: it starts with one of `schemes` and a colon.
    pub fn looks_like_one(text: &str, schemes: &[&str]) -> bool {
        text.split_once(':').is_some_and(|(scheme, _)| schemes.iter().any(|known| known.eq_ignore_ascii_case(scheme)))
    }
}

impl fmt::Display for DatabaseUrl {
    /// The URL without its password and without its parameters, which may hold secrets too.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.location {
            Location::File(path) => write!(f, "{}:{path}", self.scheme),
            Location::Server { user, host, port, database, .. } => {
                write!(f, "{}://", self.scheme)?;
                if let Some(user) = user {
                    write!(f, "{user}@")?;
                }
                f.write_str(host.as_deref().unwrap_or(""))?;
                if let Some(port) = port {
                    write!(f, ":{port}")?;
                }
                write!(f, "/{}", database.as_deref().unwrap_or(""))
            }
        }
    }
}

/// Where the host would stand in a URL that has a user or a port and no host.
fn missing_host(text: &str) -> Option<usize> {
    let start = text.find("://")? + 3;
    let end = text[start..].find(['/', '?', '#']).map_or(text.len(), |length| start + length);
    let host = text[start..end].rfind('@').map_or(start, |at| start + at + 1);
    let has_none = (host == end && host > start) || text[host..end].starts_with(':');
    has_none.then_some(host)
}

fn is_scheme(text: &str) -> bool {
    // A single letter is a Windows drive, not a scheme.
    text.len() > 1
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
}

fn percent_decode(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut position = 0;
    while position < bytes.len() {
        let hex = (bytes[position] == b'%').then(|| text.get(position + 1..position + 3)).flatten();
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                decoded.push(byte);
                position += 3;
            }
            None => {
                decoded.push(bytes[position]);
                position += 1;
            }
        }
    }
    String::from_utf8(decoded).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CANARY: &str = "c4n4ry";

    #[test]
    fn files_keep_their_path_to_the_letter() {
        for (text, path) in [
            ("sqlite:shop.db", "shop.db"),
            ("sqlite:/var/lib/my shop?.db", "/var/lib/my shop?.db"),
            ("sqlite:///var/lib/shop.db", "/var/lib/shop.db"),
            ("SQLITE:100%25.db", "100%25.db"),
        ] {
            let url = DatabaseUrl::parse(text).expect(text);
            assert_eq!(url.scheme(), "sqlite");
            assert_eq!(url.location(), &Location::File(path.to_owned()));
        }
    }

    #[test]
    fn servers_are_taken_apart() {
        let url = DatabaseUrl::parse("postgres://me:p%40ss@db.example:5433/shop%2F1?sslmode=require").expect("a URL");
        let Location::Server { user, password, host, port, database } = url.location() else { panic!("not a server") };
        assert_eq!(user.as_deref(), Some("me"));
        assert_eq!(password.as_ref().map(Secret::expose), Some("p@ss"));
        assert_eq!(host.as_deref(), Some("db.example"));
        assert_eq!(*port, Some(5433));
        assert_eq!(database.as_deref(), Some("shop/1"));
        assert_eq!(url.parameters(), [("sslmode".to_owned(), "require".to_owned())]);
    }

    #[test]
    fn a_host_can_be_left_out() {
        for (text, expected_user, expected_port) in [
            ("postgres:///d", None, None),
            ("postgres://me@/d", Some("me"), None),
            ("postgres://me:p@/d?x=y@z", Some("me"), None),
            ("postgres://me@:99/d", Some("me"), Some(99)),
            ("postgres://:99/d", None, Some(99)),
        ] {
            let url = DatabaseUrl::parse(text).expect(text);
            let Location::Server { user, host, port, database, .. } = url.location() else { panic!("not a server") };
            assert_eq!((user.as_deref(), host.as_deref(), *port), (expected_user, None, expected_port), "{text}");
            assert_eq!(database.as_deref(), Some("d"), "{text}");
        }
    }

    #[test]
    fn no_password_is_ever_printed() {
        let url = DatabaseUrl::parse(&format!("mysql://me:{CANARY}@h/d?password={CANARY}")).expect("a URL");
        assert_eq!(url.to_string(), "mysql://me@h/d");
        assert!(!format!("{:?}", url.location()).contains(CANARY));
        for bad in
            [CANARY.to_owned(), format!("postgres://me:{CANARY}@h:notaport/d"), format!("mysql://me:{CANARY}@[h/d")]
        {
            let error = DatabaseUrl::parse(&bad).expect_err("a bad URL");
            assert!(!format!("{error} {error:?}").contains(CANARY), "{error}");
        }
    }

    #[test]
    fn a_password_can_come_from_elsewhere() {
        let url = DatabaseUrl::parse("postgres://me:old@h/d").expect("a URL").with_password(Secret::new(CANARY));
        let url = url.expect("a server takes a password");
        let Location::Server { password, .. } = url.location() else { panic!("not a server") };
        assert_eq!(password.as_ref().map(Secret::expose), Some(CANARY));
        assert_eq!(url.to_string(), "postgres://me@h/d");
        let refused = DatabaseUrl::parse("sqlite:shop.db").expect("a URL").with_password(Secret::new(CANARY));
        assert_eq!(refused.expect_err("a file has no password").kind(), ErrorKind::Usage);
    }

    #[test]
    fn a_bare_path_is_not_a_url() {
        for bad in ["shop.db", "", "C:\\shop.db", "./a:b", ":x"] {
            assert!(DatabaseUrl::parse(bad).is_err(), "{bad}");
        }
    }
}
