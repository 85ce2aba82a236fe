//! From a URL to a logged-in session.

use crate::session::Session;
use crate::wire::{Killer, Wire};
use dbferry_dialect::{Cancel, DatabaseUrl, Error, ErrorKind, Location, OpenOptions, Result, Secret};
use mysql_async::OptsBuilder;
use std::path::PathBuf;
use std::sync::Arc;

/// What every session starts with: no time limits that could end a long read, and a known meaning for everything else.
///
/// `time_zone`, so that TIMESTAMP values are the same everywhere; `NO_AUTO_VALUE_ON_ZERO`, so that a zero stays a zero; no
/// other mode, so that zero dates can be written; strictness is the business of who writes.
const SETUP: &str = "SET SESSION time_zone = '+00:00', sql_mode = 'NO_AUTO_VALUE_ON_ZERO', net_read_timeout = 86400, \
     net_write_timeout = 86400, wait_timeout = 86400, autocommit = 1, sql_quote_show_create = 1, \
     group_concat_max_len = 4294967295";

/// Where to connect, as whom, and how; further sessions of one run are opened from the same.
#[derive(Clone)]
pub(crate) struct Target {
    shared: Arc<Login>,
    cancel: Cancel,
}

/// Everything that a login needs.
pub(crate) struct Login {
    /// Where the server listens.
    pub(crate) place: Place,
    /// Who logs in.
    pub(crate) user: String,
    /// The password, if there is one.
    pub(crate) password: Option<Secret>,
    /// The database.
    pub(crate) database: String,
}

/// Where a server listens.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    /// A Unix socket.
    Socket(PathBuf),
    /// A TCP port.
    Network(String, u16),
}

impl Target {
    /// Resolves a URL and the environment.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] when the URL is not one of a MySQL server, or names no database.
    pub(crate) fn resolve(url: &DatabaseUrl, options: &OpenOptions) -> Result<Self> {
        let usage = |what: &'static str| Error::new(ErrorKind::Usage, what).with("dialect", crate::NAME);
        let Location::Server { user, password, host, port, database } = url.location() else {
            return Err(usage("a MySQL URL names a server").hint("write mysql://user@host/database"));
        };
        let database = database.clone().ok_or_else(|| usage("the URL names no database"))?;
        let place = match host.as_deref() {
            Some(path) if path.starts_with('/') => Place::Socket(path.into()),
            Some(host) => Place::Network(host.to_owned(), port.unwrap_or(3306)),
            None => Place::Network("localhost".to_owned(), port.unwrap_or(3306)),
        };
        let user = user.clone().unwrap_or_else(|| "root".to_owned());
        let login = Login { place, user, password: password.clone(), database };
        Ok(Self { shared: Arc::new(login), cancel: options.cancel.clone() })
    }

    /// The same place for sessions that another flag stops.
    pub(crate) fn with_cancel(mut self, cancel: Cancel) -> Self {
        self.cancel = cancel;
        self
    }

    /// The database that the URL names.
    pub(crate) fn database(&self) -> &str {
        &self.shared.database
    }

    /// Opens a session for statements and for loading.
    ///
    /// # Errors
    /// [`ErrorKind::Connect`] when the server cannot be reached or does not let this user in.
    pub(crate) fn connect(&self) -> Result<Session> {
        let mut session = Session::connect(self.options(), self.cancel.clone())?;
        session.run("the session cannot be set up", SETUP)?;
        session.run("the session cannot be set up", "SET NAMES utf8mb4")?;
        Ok(session)
    }

    /// Opens a session for reading rows.
    ///
    /// # Errors
    /// Those of [`connect`](Self::connect).
    pub(crate) fn connect_wire(&self) -> Result<Wire> {
        let mut wire = Wire::connect(&self.shared, self.cancel.clone())?.stopped_by(self.killer());
        wire.run("the session cannot be set up", SETUP)?;
        wire.run("the session cannot be set up", "SET NAMES utf8mb4")?;
        Ok(wire)
    }

    /// What ends a session of this target on the server, whatever it is busy with.
    fn killer(&self) -> Killer {
        let target = self.clone();
        Box::new(move |id| {
            // When this cannot be done either, the server notices by itself, later.
            if let Ok(mut wire) = Wire::connect(&target.shared, Cancel::new()) {
                _ = wire.run("the session cannot be ended", &format!("KILL CONNECTION {id}"));
            }
        })
    }

    fn options(&self) -> OptsBuilder {
        let login = &self.shared;
        let options = OptsBuilder::default()
            .user(Some(&login.user))
            .pass(login.password.as_ref().map(|password| password.expose().to_owned()))
            .db_name(Some(&login.database))
            .prefer_socket(false)
            .stmt_cache_size(0);
        match &login.place {
            Place::Socket(path) => options.socket(Some(path.display().to_string())),
            Place::Network(host, port) => options.ip_or_hostname(host.clone()).tcp_port(*port),
        }
    }
}

impl std::fmt::Debug for Target {
    /// Without the login, which holds the password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Target")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Installation, Server};

    #[test]
    fn both_kinds_of_sessions_talk_to_every_server() {
        for installation in Installation::all() {
            let server = Server::shared_of(&installation).expect("a server");
            let url = DatabaseUrl::parse(&server.url(&server.create_database())).expect("a URL");
            let target = Target::resolve(&url, &OpenOptions::default()).expect("a target");
            let mut session = target.connect().expect("a session");
            let rows = session.query("", "SELECT 1 + 1, NULL, 'x'").expect("rows");
            assert_eq!(rows[0].get::<Option<String>, _>(0), Some(Some("2".into())));
            let mut wire = target.connect_wire().expect("a session");
            let rows = wire.query("", "SELECT 1 + 1, NULL, 'x'").expect("rows");
            assert_eq!(rows, [[Some(b"2".to_vec()), None, Some(b"x".to_vec())]]);
        }
    }
}
