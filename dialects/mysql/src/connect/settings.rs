//! What a connection is told: the URL, then an options file, then the environment, each filling in what the one before it
//! left open, which is the order of MySQL's own programs. The words and their meaning are theirs:
//! <https://dev.mysql.com/doc/refman/8.4/en/connection-options.html>, <https://dev.mysql.com/doc/refman/8.4/en/environment-variables.html>.

use super::option_file;
use dbferry_dialect::{DatabaseUrl, Environment, Error, ErrorKind, Location, Result, Secret};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The parameters that dbferry knows.
const KEYWORDS: [&str; 13] = [
    "user",
    "password",
    "host",
    "port",
    "socket",
    "database",
    "ssl-mode",
    "ssl-ca",
    "ssl-cert",
    "ssl-key",
    "connect-timeout",
    "defaults-file",
    "charset",
];
/// Other spellings, as other programs have them.
const SYNONYMS: [(&str, &str); 4] =
    [("sslmode", "ssl-mode"), ("sslca", "ssl-ca"), ("sslcert", "ssl-cert"), ("sslkey", "ssl-key")];
/// What fills in what is left open in the end.
const VARIABLES: [(&str, &str); 5] = [
    ("password", "MYSQL_PWD"),
    ("host", "MYSQL_HOST"),
    ("port", "MYSQL_TCP_PORT"),
    ("socket", "MYSQL_UNIX_PORT"),
    ("user", "USER"),
];

/// Where a value comes from, the nearest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Origin {
    Parameter,
    Url,
    File,
    Environment,
}

/// Every parameter of a connection that somebody gave.
#[derive(Default)]
pub(super) struct Settings {
    values: BTreeMap<&'static str, (Origin, Secret)>,
    /// An options file that is there and is not used, because everybody may write to it.
    ignored_file: Option<PathBuf>,
}

impl Settings {
    /// Gathers them.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] for a parameter that dbferry does not know, [`ErrorKind::Io`] and [`ErrorKind::Refused`] for an
    /// options file that the URL names and that cannot be used.
    pub(super) fn gather(url: &DatabaseUrl, environment: &Environment) -> Result<Self> {
        let Location::Server { user, password, host, port, database } = url.location() else {
            return Err(usage("a MySQL URL names a server, not a file")
                .hint("write mysql://user@host/database; what is left out comes from ~/.my.cnf and the environment"));
        };
        let mut settings = Self::default();
        settings.add_parameters(url.parameters())?;
        let port = port.map(|port| port.to_string());
        for (name, part) in [("user", user), ("host", host), ("port", &port), ("database", database)] {
            if let Some(part) = part {
                settings.fill(name, Origin::Url, Secret::new(part));
            }
        }
        if let Some(password) = password {
            settings.fill("password", Origin::Url, password.clone());
        }
        settings.add_file(environment)?;
        for (name, variable) in VARIABLES {
            if let Some(value) = environment.get(variable) {
                settings.fill(name, Origin::Environment, Secret::new(value));
            }
        }
        // Text is always read and written in utf8mb4, which holds what every other character set holds.
        match settings.get("charset") {
            None | Some("utf8mb4") => Ok(settings),
            Some(_) => Err(usage("dbferry always speaks utf8mb4 with the server, whatever the tables have")
                .hint("leave charset out")),
        }
    }

    fn add_parameters(&mut self, parameters: &[(String, String)]) -> Result<()> {
        // A password with a question mark that is not percent-encoded ends up here, followed by the rest of the URL.
        if parameters.iter().any(|(key, value)| key.contains('@') || (value.contains('@') && known(key).is_err())) {
            return Err(usage("the URL has parameters that dbferry does not know")
                .hint("a question mark in the user or the password is written %3F"));
        }
        for (key, value) in parameters {
            let name = known(key)?;
            self.values.insert(name, (Origin::Parameter, Secret::new(value)));
        }
        Ok(())
    }

    fn add_file(&mut self, environment: &Environment) -> Result<()> {
        let named = self.get("defaults-file").map(PathBuf::from);
        let own = || environment.home().map(|home| home.join(".my.cnf")).filter(|path| path.exists());
        let Some(path) = named.clone().or_else(own) else { return Ok(()) };
        if option_file::is_open_to_writers(&path) {
            if named.is_some() {
                let message = format!("the options file {} can be written by everybody", path.display());
                return Err(Error::new(ErrorKind::Refused, message)
                    .with("dialect", crate::NAME)
                    .hint(format!("chmod 600 '{}'", path.display())));
            }
            self.ignored_file = Some(path);
            return Ok(());
        }
        for (name, value) in option_file::read(&path)? {
            // Other options of the file are for other programs.
            let Ok(name) = known(&name) else { continue };
            if !matches!(name, "charset" | "defaults-file") {
                self.fill(name, Origin::File, value);
            }
        }
        Ok(())
    }

    /// The value; absent when it is not set or empty.
    pub(super) fn get(&self, name: &'static str) -> Option<&str> {
        self.values.get(name).map(|(_, value)| value.expose()).filter(|value| !value.is_empty())
    }

    /// The password, if one is given. An empty one that stands nearer than another says that there is none.
    pub(super) fn password(&self) -> Option<&Secret> {
        self.values.get("password").map(|(_, password)| password).filter(|password| !password.expose().is_empty())
    }

    /// Whether the first of two values was given nearer than the second: parameters of the URL, the URL, a file, the
    /// environment.
    pub(super) fn is_nearer(&self, first: &'static str, second: &'static str) -> bool {
        match (self.origin(first), self.origin(second)) {
            (Some(first), Some(second)) => first < second,
            (first, _) => first.is_some(),
        }
    }

    /// Whether the value stands in the URL.
    pub(super) fn is_of_url(&self, name: &'static str) -> bool {
        self.origin(name).is_some_and(|origin| origin <= Origin::Url)
    }

    fn origin(&self, name: &'static str) -> Option<Origin> {
        self.values.get(name).map(|(origin, _)| *origin)
    }

    /// The options file that is not used because everybody may write to it.
    pub(super) fn ignored_file(&self) -> Option<&Path> {
        self.ignored_file.as_deref()
    }

    /// A whole number.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] when it is none.
    pub(super) fn number(&self, name: &'static str) -> Result<Option<u64>> {
        let Some(value) = self.get(name) else { return Ok(None) };
        value.trim().parse().map(Some).map_err(|_| usage(format!("{name} is not a whole number")))
    }

    fn fill(&mut self, name: &'static str, origin: Origin, value: Secret) {
        self.values.entry(name).or_insert((origin, value));
    }
}

/// The parameter as it is known here; `_` and `-` are one, as with MySQL's programs.
fn known(name: &str) -> Result<&'static str> {
    let spelled = name.to_ascii_lowercase().replace('_', "-");
    let synonym = SYNONYMS.iter().find(|(other, _)| *other == spelled).map(|(_, name)| *name);
    let wanted = synonym.unwrap_or(&spelled);
    KEYWORDS.into_iter().find(|known| *known == wanted).ok_or_else(|| {
        // What is no word at all may be anything, also half of a password.
        let is_word = name.len() <= 40 && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
        let shown = if is_word { format!(" {name}") } else { String::new() };
        usage(format!("dbferry knows no connection parameter{shown}")).hint(format!("it knows {}", KEYWORDS.join(", ")))
    })
}

/// A connection that makes no sense.
pub(super) fn usage(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::Usage, message).with("dialect", crate::NAME)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    fn gather(url: &str, variables: &[(&str, &str)]) -> Result<Settings> {
        let environment = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Settings::gather(&DatabaseUrl::parse(url).expect("a URL"), &environment)
    }

    #[test]
    fn each_source_fills_in_what_the_one_before_left_open() {
        let home = tempfile::tempdir().expect("a directory");
        let file = home.path().join(".my.cnf");
        fs::write(&file, "[client]\nuser=of-file\npassword=of-file\nport=1\nprompt=x\n").expect("a file");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("permissions");
        let path = home.path().to_str().expect("a path");
        let variables =
            [("HOME", path), ("MYSQL_PWD", "of-environment"), ("MYSQL_HOST", "of-environment"), ("USER", "me")];
        let settings = gather("mysql:///of-path?database=of-parameter&port=", &variables).expect("settings");
        assert_eq!(settings.get("database"), Some("of-parameter"));
        assert_eq!(settings.get("user"), Some("of-file"));
        assert_eq!(settings.get("host"), Some("of-environment"));
        assert_eq!(settings.password().map(Secret::expose), Some("of-file"), "a file comes before MYSQL_PWD");
        assert_eq!(settings.get("port"), None, "an empty one takes the place of the others");
        assert_eq!(gather("mysql:///d", &variables[1..]).expect("settings").get("user"), Some("me"));
        let settings = gather("mysql://a:of-url@h/d", &variables).expect("settings");
        assert_eq!(settings.password().map(Secret::expose), Some("of-url"));
        assert!(settings.is_nearer("host", "port") && !settings.is_nearer("port", "host"));
        assert!(settings.is_of_url("host") && !settings.is_of_url("port"));
        // A file that everybody may write to is not used, and that is told.
        fs::set_permissions(&file, fs::Permissions::from_mode(0o602)).expect("permissions");
        let settings = gather("mysql:///d", &variables).expect("settings");
        assert_eq!(settings.password().map(Secret::expose), Some("of-environment"));
        assert_eq!(settings.ignored_file(), Some(file.as_path()));
        let named = format!("mysql:///d?defaults-file={}", file.display());
        assert_eq!(gather(&named, &[]).err().expect("a refusal").kind(), ErrorKind::Refused);
        let error = gather("mysql:///d?defaults_file=/nowhere/x", &[]).err().expect("no such file");
        assert!(error.to_string().contains("/nowhere/x"), "{error}");
    }

    #[test]
    fn what_is_not_known_is_refused_by_name() {
        let error = gather("mysql://u@h/d?useSSL=true", &[]).err().expect("a refusal");
        assert_eq!(error.kind(), ErrorKind::Usage);
        assert!(error.to_string().contains("parameter useSSL"), "{error}");
        assert!(error.remedy().is_some_and(|hint| hint.contains("ssl-mode")));
        assert_eq!(gather("mysql:h/d", &[]).err().expect("a refusal").kind(), ErrorKind::Usage);
        assert!(gather("mysql://u@h/d?charset=utf8mb4", &[]).is_ok());
        assert_eq!(gather("mysql://u@h/d?charset=latin1", &[]).err().expect("a refusal").kind(), ErrorKind::Usage);
        for spelling in ["ssl-mode", "ssl_mode", "sslmode", "SSL-MODE"] {
            let settings = gather(&format!("mysql://u@h/d?{spelling}=REQUIRED"), &[]).expect(spelling);
            assert_eq!(settings.get("ssl-mode"), Some("REQUIRED"));
        }
    }

    #[test]
    fn half_a_password_is_not_repeated() {
        for url in ["mysql://me:12?c4n4ry@h/d", "mysql://me:12?c4n4ry=x@h/d", "mysql://u@h/d?c4n4ry/d=1"] {
            let error = gather(url, &[]).err().expect("a refusal");
            assert!(!format!("{error:?}").contains("c4n4ry"), "{error:?}");
        }
    }

    #[test]
    fn numbers_are_checked() {
        let settings = gather("mysql://h/d?connect-timeout=7&port=x", &[]).expect("settings");
        assert_eq!(settings.number("port").expect_err("no number").kind(), ErrorKind::Usage);
        assert_eq!(settings.number("connect-timeout").expect("a number"), Some(7));
    }
}
