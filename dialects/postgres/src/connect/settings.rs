//! What a connection is told: the URL, then the service, then the environment, each filling in what the one before it left
//! open. The words and their meaning are libpq's: <https://www.postgresql.org/docs/current/libpq-connect.html>.

use super::service;
use dbferry_dialect::{DatabaseUrl, Environment, Error, ErrorKind, Location, Result, Secret};
use std::collections::BTreeMap;

/// A parameter that dbferry knows, and the environment variable that fills it in.
struct Keyword {
    name: &'static str,
    variable: Option<&'static str>,
}

const fn keyword(name: &'static str, variable: &'static str) -> Keyword {
    Keyword { name, variable: Some(variable) }
}

const fn without_variable(name: &'static str) -> Keyword {
    Keyword { name, variable: None }
}

const KEYWORDS: &[Keyword] = &[
    keyword("host", "PGHOST"),
    keyword("hostaddr", "PGHOSTADDR"),
    keyword("port", "PGPORT"),
    keyword("user", "PGUSER"),
    keyword("password", "PGPASSWORD"),
    keyword("passfile", "PGPASSFILE"),
    keyword("dbname", "PGDATABASE"),
    keyword("service", "PGSERVICE"),
    keyword("connect_timeout", "PGCONNECT_TIMEOUT"),
    keyword("application_name", "PGAPPNAME"),
    keyword("options", "PGOPTIONS"),
    keyword("target_session_attrs", "PGTARGETSESSIONATTRS"),
    keyword("channel_binding", "PGCHANNELBINDING"),
    keyword("sslmode", "PGSSLMODE"),
    keyword("sslnegotiation", "PGSSLNEGOTIATION"),
    keyword("sslrootcert", "PGSSLROOTCERT"),
    keyword("sslcert", "PGSSLCERT"),
    keyword("sslkey", "PGSSLKEY"),
    keyword("gssencmode", "PGGSSENCMODE"),
    without_variable("keepalives"),
    without_variable("keepalives_idle"),
    without_variable("keepalives_interval"),
    without_variable("keepalives_count"),
    without_variable("tcp_user_timeout"),
];

/// Variables with which somebody asks libpq for more safety than dbferry can give: not to be passed over.
const DEMANDS: &[&str] = &["PGREQUIREAUTH", "PGREQUIREPEER", "PGSSLCRL", "PGSSLCRLDIR", "PGSSLMINPROTOCOLVERSION"];

/// Every parameter of a connection that somebody gave, by libpq's keyword.
#[derive(Default)]
pub(super) struct Settings(BTreeMap<&'static str, Secret>);

impl Settings {
    /// Gathers them.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] for a parameter that dbferry does not know and for a service that is not defined.
    pub(super) fn gather(url: &DatabaseUrl, environment: &Environment) -> Result<Self> {
        let Location::Server { user, password, host, port, database } = url.location() else {
            return Err(usage("a PostgreSQL URL names a server, not a file").hint(
                "write postgres://user@host/database; what is left out comes from the environment: postgres:///",
            ));
        };
        let mut settings = Self::default();
        let port = port.map(|port| port.to_string());
        let parts = [("user", user), ("host", host), ("port", &port), ("dbname", database)];
        for (name, part) in parts {
            if let Some(part) = part {
                settings.set(name, part);
            }
        }
        if let Some(password) = password {
            settings.0.insert("password", password.clone());
        }
        settings.add_parameters(url.parameters())?;
        if let Some(name) = settings.get("service").or_else(|| environment.get("PGSERVICE")).map(str::to_owned) {
            for (key, value) in service::definition(&name, environment)? {
                let in_service = |error: Error| error.with("service", &name);
                let keyword = known(&key).map_err(in_service)?;
                if keyword == "service" {
                    return Err(in_service(usage("the definition of a service names another service")));
                }
                settings.fill(keyword, &value);
            }
        }
        if let Some(variable) = DEMANDS.iter().find(|variable| environment.get(variable).is_some()) {
            return Err(usage(format!("{variable} is set, and dbferry cannot do what it asks for"))
                .hint("unset it for dbferry, if you can do without"));
        }
        for keyword in KEYWORDS {
            if let Some(value) = keyword.variable.and_then(|variable| environment.get(variable)) {
                settings.fill(keyword.name, value);
            }
        }
        Ok(settings)
    }

    /// The parameters of the URL; they win over its other parts, as with libpq.
    fn add_parameters(&mut self, parameters: &[(String, String)]) -> Result<()> {
        // A password with a question mark that is not percent-encoded ends up here, followed by the rest of the URL.
        if parameters.iter().any(|(key, value)| key.contains('@') || (value.contains('@') && known(key).is_err())) {
            return Err(usage("the URL has parameters that dbferry does not know")
                .hint("a question mark in the user or the password is written %3F"));
        }
        for (key, value) in parameters {
            self.set(known(key)?, value);
        }
        Ok(())
    }

    /// The value; absent when it is not set or empty.
    pub(super) fn get(&self, name: &'static str) -> Option<&str> {
        self.0.get(name).map(Secret::expose).filter(|value| !value.is_empty())
    }

    /// The password, if one is given.
    pub(super) fn password(&self) -> Option<&Secret> {
        self.0.get("password").filter(|password| !password.expose().is_empty())
    }

    /// One of several words.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] for any other word.
    pub(super) fn choice<T: Copy>(&self, name: &'static str, choices: &[(&str, T)]) -> Result<Option<T>> {
        let Some(value) = self.get(name) else { return Ok(None) };
        match choices.iter().find(|(word, _)| *word == value) {
            Some((_, choice)) => Ok(Some(*choice)),
            None => {
                let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
                Err(usage(format!("{name} is none of {}", words.join(", "))))
            }
        }
    }

    /// A whole number.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] when it is none.
    pub(super) fn number(&self, name: &'static str) -> Result<Option<i32>> {
        let Some(value) = self.get(name) else { return Ok(None) };
        value.trim().parse().map(Some).map_err(|_| usage(format!("{name} is not a whole number")))
    }

    fn set(&mut self, name: &'static str, value: &str) {
        self.0.insert(name, Secret::new(value));
    }

    fn fill(&mut self, name: &'static str, value: &str) {
        if self.get(name).is_none() {
            self.set(name, value);
        }
    }
}

/// The keyword as it is known here.
fn known(name: &str) -> Result<&'static str> {
    KEYWORDS.iter().map(|keyword| keyword.name).find(|known| *known == name).ok_or_else(|| {
        let words: Vec<&str> = KEYWORDS.iter().map(|keyword| keyword.name).collect();
        // What is no word at all may be anything, also half of a password.
        let is_word = name.len() <= 40 && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
        let shown = if is_word { format!(" {name}") } else { String::new() };
        usage(format!("dbferry knows no connection parameter{shown}")).hint(format!("it knows {}", words.join(", ")))
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

    fn environment(variables: &[(&str, &str)]) -> Environment {
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn gather(url: &str, variables: &[(&str, &str)]) -> Result<Settings> {
        Settings::gather(&DatabaseUrl::parse(url).expect("a URL"), &environment(variables))
    }

    #[test]
    fn each_source_fills_in_what_the_one_before_left_open() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("services");
        fs::write(&file, "[shop]\nhost=of-service\nport=1\ndbname=of-service\n").expect("a file");
        let variables = [
            ("PGSERVICEFILE", file.to_str().expect("a path")),
            ("PGSERVICE", "shop"),
            ("PGHOST", "of-environment"),
            ("PGUSER", "of-environment"),
        ];
        let settings = gather("postgres:///of-path?dbname=of-parameter&port=", &variables).expect("settings");
        assert_eq!(settings.get("dbname"), Some("of-parameter"));
        assert_eq!(settings.get("host"), Some("of-service"));
        assert_eq!(settings.get("port"), Some("1"), "empty is absent");
        assert_eq!(settings.get("user"), Some("of-environment"));
        assert_eq!(settings.get("sslmode"), None);
    }

    #[test]
    fn what_is_not_known_is_refused_by_name() {
        let error = gather("postgres://u@h/d?pgbouncer=true", &[]).err().expect("a refusal");
        assert_eq!(error.kind(), ErrorKind::Usage);
        assert!(error.to_string().contains("parameter pgbouncer"), "{error}");
        assert!(error.remedy().is_some_and(|hint| hint.contains("sslmode")));
        let error = gather("postgres://u@h/d", &[("PGREQUIREAUTH", "scram-sha-256")]).err().expect("a refusal");
        assert!(error.to_string().contains("PGREQUIREAUTH"), "{error}");
        assert_eq!(gather("postgres:h/d", &[]).err().expect("a refusal").kind(), ErrorKind::Usage);
    }

    #[test]
    fn half_a_password_is_not_repeated() {
        for url in ["postgres://me:12?c4n4ry@h/d", "postgres://me:12?c4n4ry=x@h/d", "postgres://u@h/d?c4n4ry/d=1"] {
            let error = gather(url, &[]).err().expect("a refusal");
            assert!(!format!("{error:?}").contains("c4n4ry"), "{error:?}");
        }
    }

    #[test]
    fn words_and_numbers_are_checked() {
        let settings = gather("postgres:///?sslmode=full&port=x&connect_timeout=7", &[]).expect("settings");
        let error = settings.choice("sslmode", &[("disable", 0), ("require", 1)]).expect_err("no such word");
        assert!(error.to_string().contains("disable, require"), "{error}");
        assert_eq!(settings.number("port").expect_err("no number").kind(), ErrorKind::Usage);
        assert_eq!(settings.number("connect_timeout").expect("a number"), Some(7));
    }
}
