//! From a URL to a logged-in session.
//!
//! What a URL leaves open comes from an options file and from the environment that the caller hands over, as with MySQL's
//! own programs; the differences stand in the crate's README.

mod failure;
mod option_file;
mod place;
mod settings;
mod setup;
mod tls;
mod way;

use crate::session::Session;
use crate::wire::{Killer, Wire};
use dbferry_dialect::{Cancel, DatabaseUrl, OpenOptions, Result};
pub(crate) use failure::Failure;
use place::Host;
pub(crate) use place::Place;
use settings::{Settings, usage};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
pub(crate) use tls::Encryption;
pub(crate) use way::{KEEPALIVE_IDLE, Login, Way};

/// How long reaching a server and logging in may take, unless `connect-timeout` says otherwise.
const CONNECT_LIMIT: Duration = Duration::from_secs(30);
/// How long asking the server to end a session may take.
const KILL_LIMIT: Duration = Duration::from_secs(5);
/// How long other people's locks are waited for, unless told.
const LOCK_WAIT: Duration = Duration::from_secs(5);
/// What errors of the setup begin with.
const SETTING_UP: &str = "the session cannot be set up";

/// Where to connect, as whom, and how; further sessions of one run are opened from the same. Once a server was found all
/// sessions are opened there, however many there are under its name.
#[derive(Clone)]
pub(crate) struct Target {
    shared: Arc<Shared>,
    cancel: Cancel,
}

struct Shared {
    settings: Settings,
    host: Host,
    login: Arc<Login>,
    tls: tls::Plan,
    limit: Option<Duration>,
    lock_wait: Duration,
    chosen: OnceLock<Way>,
}

impl Target {
    /// Resolves a URL and the environment.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`](dbferry_dialect::ErrorKind::Usage) when the URL is not one of a MySQL server, names no database,
    /// or asks for something that does not exist.
    pub(crate) fn resolve(url: &DatabaseUrl, options: &OpenOptions) -> Result<Self> {
        let settings = Settings::gather(url, &options.environment)?;
        let user = settings.get("user").ok_or_else(|| {
            usage("no user is named").hint("write mysql://user@host/database, or put it into ~/.my.cnf")
        })?;
        let database = settings
            .get("database")
            .ok_or_else(|| usage("the URL names no database").hint("write mysql://user@host/database"))?;
        let login =
            Login { user: user.to_owned(), password: settings.password().cloned(), database: database.to_owned() };
        let limit = match settings.number("connect-timeout")? {
            None => Some(CONNECT_LIMIT),
            Some(0) => None,
            Some(seconds) => Some(Duration::from_secs(seconds)),
        };
        let shared = Shared {
            host: Host::of(&settings)?,
            login: Arc::new(login),
            tls: tls::Plan::resolve(&settings)?,
            limit,
            lock_wait: options.lock_wait.unwrap_or(LOCK_WAIT),
            chosen: OnceLock::new(),
            settings,
        };
        Ok(Self { shared: Arc::new(shared), cancel: options.cancel.clone() })
    }

    /// The same place for sessions that another flag stops.
    pub(crate) fn with_cancel(mut self, cancel: Cancel) -> Self {
        self.cancel = cancel;
        self
    }

    /// How long sessions wait for other people's locks.
    pub(crate) fn lock_wait(&self) -> Duration {
        self.shared.lock_wait
    }

    /// Opens a session for statements and for loading: text in UTF-8, times in UTC, no time limits, `REPEATABLE READ`.
    ///
    /// # Errors
    /// [`ErrorKind::Connect`](dbferry_dialect::ErrorKind::Connect) when no server can be reached or it does not let this user
    /// in, [`ErrorKind::Tls`](dbferry_dialect::ErrorKind::Tls) when the connection cannot be as secure as asked.
    pub(crate) fn connect(&self) -> Result<Session> {
        let mut session = self.open(&|way| Session::connect(way, self.cancel.clone()))?;
        setup::prepare(self.shared.lock_wait, |sql| session.run(SETTING_UP, sql).map(|_| ()))?;
        Ok(session)
    }

    /// Opens a session for reading rows, set up in the same way. The server converts nothing on the way but what is asked for.
    ///
    /// # Errors
    /// Those of [`connect`](Self::connect).
    pub(crate) fn connect_wire(&self) -> Result<Wire> {
        let wire = self.open(&|way| Wire::connect(way, self.cancel.clone()))?;
        let mut wire = wire.stopped_by(self.killer());
        setup::prepare(self.shared.lock_wait, |sql| wire.run(SETTING_UP, sql))?;
        // A text with bytes that its character set does not have would come with `?` in their place.
        wire.run(SETTING_UP, "SET SESSION character_set_results = NULL")?;
        Ok(wire)
    }

    /// Opens a session by the way that was found before, or by the first one that leads to a server.
    fn open<T>(&self, connect: &dyn Fn(&Way) -> Result<T, Failure>) -> Result<T> {
        if let Some(way) = self.shared.chosen.get() {
            return connect(way).map_err(|failure| failure.told(way, &self.shared.settings));
        }
        let mut last = None;
        for place in self.shared.host.places()? {
            for attempt in self.shared.tls.attempts(place.distance()) {
                self.cancel.check()?;
                let encryption = attempt.map(|check| self.shared.tls.encryption(check)).transpose()?;
                let login = Arc::clone(&self.shared.login);
                let way = Way { login, place: place.clone(), encryption, limit: self.shared.limit };
                match connect(&way) {
                    Ok(session) => {
                        _ = self.shared.chosen.set(way);
                        return Ok(session);
                    }
                    Err(failure) => {
                        let (no_tls, unreachable) = (matches!(failure, Failure::NoTls), failure.is_unreachable());
                        let error = failure.told(&way, &self.shared.settings);
                        if !no_tls && !unreachable {
                            return Err(error);
                        }
                        last = Some(error);
                        if unreachable {
                            break;
                        }
                    }
                }
            }
        }
        Err(last.unwrap_or_else(|| usage("no server is named")))
    }

    /// What ends a session of this target on the server, whatever it is busy with.
    fn killer(&self) -> Killer {
        let shared = Arc::clone(&self.shared);
        Box::new(move |id| {
            let Some(way) = shared.chosen.get() else { return };
            let way = Way { limit: Some(KILL_LIMIT), ..way.clone() };
            // When this cannot be done either, the server notices by itself, later.
            if let Ok(mut wire) = Wire::connect(&way, Cancel::new()) {
                _ = wire.run("the session cannot be ended", &format!("KILL CONNECTION {id}"));
            }
        })
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
    use crate::testing::Server;

    #[test]
    fn both_kinds_of_sessions_talk_to_every_server() {
        for server in Server::all() {
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
