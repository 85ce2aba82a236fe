//! From a URL to a logged-in session.

use crate::session::Session;
use dbferry_dialect::{Cancel, DatabaseUrl, Error, ErrorKind, Location, OpenOptions, Result};
use tokio_postgres::Config;
use tokio_postgres_rustls::MakeRustlsConnect;

/// Where to connect, as whom, and how; further sessions of one run are opened from the same.
#[derive(Clone)]
pub(crate) struct Target {
    config: Config,
    tls: MakeRustlsConnect,
    cancel: Cancel,
}

impl Target {
    /// Resolves a URL and the environment.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] when the URL is not one of a PostgreSQL server.
    pub(crate) fn resolve(url: &DatabaseUrl, options: &OpenOptions) -> Result<Self> {
        let Location::Server { user, password, host, port, database } = url.location() else {
            return Err(Error::new(ErrorKind::Usage, "a PostgreSQL URL names a server, not a file")
                .with("dialect", crate::NAME)
                .hint("write postgres://user@host/database"));
        };
        let mut config = Config::new();
        config.application_name("dbferry");
        config.user(user.as_deref().unwrap_or("postgres"));
        if let Some(password) = password {
            config.password(password.expose());
        }
        config.host(host.as_deref().unwrap_or("/var/run/postgresql"));
        config.port(port.unwrap_or(5432));
        if let Some(database) = database {
            config.dbname(database);
        }
        let roots = rustls::RootCertStore::empty();
        let tls = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        Ok(Self { config, tls: MakeRustlsConnect::new(tls), cancel: options.cancel.clone() })
    }

    /// Opens a session for data: text in UTF-8, times in UTC, no time limits, no search path.
    pub(crate) fn connect(&self) -> Result<Session> {
        let mut session = Session::connect(&self.config, self.tls.clone(), self.cancel.clone())?;
        session.run(
            "cannot set the session up",
            "SET client_encoding = 'UTF8'; SET TimeZone = 'UTC'; SET DateStyle = 'ISO, YMD'; SET IntervalStyle = 'postgres'; \
             SET extra_float_digits = 3; SET bytea_output = 'hex'; SET xmloption = 'content'; SET search_path = ''; \
             SET statement_timeout = 0; SET lock_timeout = 0; SET idle_in_transaction_session_timeout = 0; SET row_security = off",
        )?;
        Ok(session)
    }
}

impl std::fmt::Debug for Target {
    /// Without the configuration, which holds the password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Target")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Server;

    #[test]
    fn a_session_talks_to_the_server() {
        let server = Server::any().expect("a server");
        let url = DatabaseUrl::parse(&server.url(&server.create_database())).expect("a URL");
        let mut session =
            Target::resolve(&url, &OpenOptions::default()).expect("a target").connect().expect("a session");
        let rows = session.query("", "SELECT 1 + 1", &[]).expect("rows");
        assert_eq!(rows[0].get::<_, i32>(0), 2);
        let mut bytes = 0;
        session
            .copy_out("", "COPY (SELECT 1::int4) TO STDOUT (FORMAT binary)", &mut |message| {
                bytes += message.len();
                Ok(())
            })
            .expect("a copy");
        assert_eq!(bytes, 11 + 4 + 4 + 2 + 4 + 4 + 2);
    }
}
