//! From a URL to a logged-in session.
//!
//! What a URL leaves open comes from a service file and from the environment that the caller hands over, as with libpq; the
//! differences stand in the crate's README.

mod failure;
mod hosts;
mod password;
mod pooler;
mod service;
mod settings;
mod setup;
mod tls;

use crate::session::{Failure, Session};
use dbferry_dialect::{Cancel, DatabaseUrl, Error, ErrorKind, OpenOptions, Result};
use hosts::{Host, Place, distance};
use password::Found;
use settings::{Settings, usage};
use std::fs::Metadata;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio_postgres::config::ChannelBinding;
use tokio_postgres::{Config, SimpleQueryMessage};
use tokio_postgres_rustls::MakeRustlsConnect;

/// How long reaching a server and logging in may take, unless `connect_timeout` says otherwise.
const CONNECT_LIMIT: Duration = Duration::from_secs(30);
/// After how much silence the other side is asked whether it is still there.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(60);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
const KEEPALIVE_COUNT: u32 = 6;
/// How long what was sent may stay unacknowledged. A server that is merely busy takes no more data for a while, too, so this
/// is far longer than the other limits.
const UNACKNOWLEDGED_LIMIT: Duration = Duration::from_secs(300);

/// Where to connect, as whom, and how; further sessions of one run are opened from the same. Once a server was found all
/// sessions are opened there, however many there are under its name.
#[derive(Clone)]
pub(crate) struct Target {
    shared: Arc<Shared>,
    cancel: Cancel,
}

struct Shared {
    hosts: Vec<Host>,
    /// Everything but host, port, password and TLS.
    base: Config,
    tls: tls::Plan,
    wanted: Wanted,
    limit: Option<Duration>,
    chosen: OnceLock<(usize, Route)>,
}

/// One way to one address of a host.
#[derive(Clone)]
struct Route {
    config: Config,
    tls: MakeRustlsConnect,
}

/// `target_session_attrs`: which of several servers it is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    Any,
    ReadWrite,
    ReadOnly,
    Primary,
    Standby,
    /// A standby, or else any.
    PreferStandby,
}

impl Target {
    /// Resolves a URL and the environment.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] when the URL is not one of a PostgreSQL server, or asks for something that does not exist.
    pub(crate) fn resolve(url: &DatabaseUrl, options: &OpenOptions) -> Result<Self> {
        let environment = &options.environment;
        let settings = Settings::gather(url, environment)?;
        let user = settings
            .get("user")
            .or_else(|| environment.get("USER"))
            .ok_or_else(|| usage("no user is named").hint("write postgres://user@host/database, or set PGUSER"))?;
        let database = settings.get("dbname").unwrap_or(user);
        let tls = tls::Plan::resolve(&settings, environment)?;
        let mut base = Config::new();
        base.user(user).dbname(database).ssl_negotiation(tls.negotiation());
        base.application_name(settings.get("application_name").unwrap_or("dbferry"));
        if let Some(options) = settings.get("options") {
            base.options(options);
        }
        let binding = settings.choice(
            "channel_binding",
            &[
                ("disable", ChannelBinding::Disable),
                ("prefer", ChannelBinding::Prefer),
                ("require", ChannelBinding::Require),
            ],
        )?;
        base.channel_binding(binding.unwrap_or(ChannelBinding::Prefer));
        watch_over(&mut base, &settings)?;
        let limit = connect_limit(&settings)?;
        if let Some(limit) = limit {
            base.connect_timeout(limit);
        }
        let shared = Shared {
            hosts: Host::all(&settings, environment, user, database)?,
            base,
            tls,
            wanted: wanted(&settings)?,
            limit,
            chosen: OnceLock::new(),
        };
        Ok(Self { shared: Arc::new(shared), cancel: options.cancel.clone() })
    }

    /// The same place for sessions that another flag stops.
    pub(crate) fn with_cancel(mut self, cancel: Cancel) -> Self {
        self.cancel = cancel;
        self
    }

    /// Opens a session for data: text in UTF-8, times in UTC, no time limits, no search path.
    ///
    /// # Errors
    /// [`ErrorKind::Connect`] when no server can be reached or none lets this user in, [`ErrorKind::Tls`] when the connection
    /// cannot be as secure as asked.
    pub(crate) fn connect(&self) -> Result<Session> {
        let mut session = match self.shared.chosen.get() {
            Some((host, route)) => {
                let told = |failure: Failure| failure.told(&self.shared.hosts[*host], self.shared.limit);
                self.open(route).map_err(told)?
            }
            None => self.find()?,
        };
        setup::prepare(&mut session)?;
        Ok(session)
    }

    /// The first server of those that were named that can be reached and is of the wanted kind.
    fn find(&self) -> Result<Session> {
        let standby_first = self.shared.wanted == Wanted::PreferStandby;
        let passes: &[Wanted] =
            if standby_first { &[Wanted::Standby, Wanted::Any] } else { std::slice::from_ref(&self.shared.wanted) };
        let mut last = None;
        for wanted in passes {
            for (position, host) in self.shared.hosts.iter().enumerate() {
                let addresses = match host.addresses() {
                    Ok(addresses) => addresses,
                    Err(error) => {
                        last = Some(error);
                        continue;
                    }
                };
                for address in addresses {
                    self.cancel.check()?;
                    match self.reach(host, address) {
                        Ok((mut session, route)) => match is_wanted(&mut session, *wanted)? {
                            true => {
                                let second =
                                    || self.open(&route).map_err(|failure| failure.told(host, self.shared.limit));
                                pooler::refuse(&mut session, second).map_err(|error| error.with("server", host))?;
                                _ = self.shared.chosen.set((position, route));
                                return Ok(session);
                            }
                            false => last = Some(unwanted(host)),
                        },
                        Err(Unusable::Next(error)) => last = Some(error),
                        Err(Unusable::Final(error)) => return Err(error),
                    }
                }
            }
        }
        Err(last.unwrap_or_else(|| usage("no server is named")))
    }

    /// A session at that address, by the first way that the server accepts.
    fn reach(&self, host: &Host, address: Option<IpAddr>) -> Result<(Session, Route), Unusable> {
        let mut refused: Option<Failure> = None;
        for attempt in self.shared.tls.attempts(distance(address)) {
            let connector = self.shared.tls.connector(attempt).map_err(Unusable::Final)?;
            let mut config = self.shared.base.clone();
            config.port(host.port).ssl_mode(attempt.mode);
            match (&host.place, address) {
                (Place::Socket(directory), _) => _ = config.host_path(directory),
                (Place::Network { name, .. }, Some(address)) => _ = config.host(name).hostaddr(address),
                (Place::Network { name, .. }, None) => _ = config.host(name),
            }
            if let Found::Password(password) = &host.password {
                config.password(password.expose());
            }
            let route = Route { config, tls: connector };
            match self.open(&route) {
                Ok(session) => return Ok((session, route)),
                Err(failure) if failure.is_not_let_in() => refused = Some(refused.unwrap_or(failure)),
                Err(failure) => {
                    let error = failure.told(host, self.shared.limit);
                    if failure.is_unreachable() {
                        return Err(Unusable::Next(error));
                    }
                    // When the server has said no to the first way, that it has no TLS for the second is no news.
                    return Err(Unusable::Final(match refused {
                        Some(refused) if error.kind() == ErrorKind::Tls => refused.told(host, self.shared.limit),
                        _ => error,
                    }));
                }
            }
        }
        // Each of the ways, and there is at least one, was refused.
        Err(Unusable::Final(refused.unwrap_or(Failure::TimedOut).told(host, self.shared.limit)))
    }

    fn open(&self, route: &Route) -> Result<Session, Failure> {
        Session::connect(&route.config, route.tls.clone(), self.cancel.clone(), self.shared.limit)
    }
}

impl std::fmt::Debug for Target {
    /// Without the configuration, which holds the password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Target")
    }
}

/// Why an address is not used.
enum Unusable {
    /// The next one may do.
    Next(Error),
    /// It answered, and its answer counts.
    Final(Error),
}

fn wanted(settings: &Settings) -> Result<Wanted> {
    let wanted = settings.choice(
        "target_session_attrs",
        &[
            ("any", Wanted::Any),
            ("read-write", Wanted::ReadWrite),
            ("read-only", Wanted::ReadOnly),
            ("primary", Wanted::Primary),
            ("standby", Wanted::Standby),
            ("prefer-standby", Wanted::PreferStandby),
        ],
    )?;
    Ok(wanted.unwrap_or(Wanted::Any))
}

fn is_wanted(session: &mut Session, wanted: Wanted) -> Result<bool> {
    if matches!(wanted, Wanted::Any | Wanted::PreferStandby) {
        return Ok(true);
    }
    let sql = "SELECT pg_catalog.pg_is_in_recovery(), pg_catalog.current_setting('transaction_read_only')";
    let row = first_row(session, "the server does not say whether it is a standby", sql)?;
    let is = |column: usize, text: &str| row.get(column).and_then(Option::as_deref) == Some(text);
    let (standby, read_only) = (is(0, "t"), is(1, "on"));
    Ok(match wanted {
        Wanted::Any | Wanted::PreferStandby => true,
        Wanted::ReadWrite => !read_only,
        Wanted::ReadOnly => read_only,
        Wanted::Primary => !standby,
        Wanted::Standby => standby,
    })
}

fn unwanted(host: &Host) -> Error {
    Error::new(ErrorKind::Connect, "the server is not of the kind that target_session_attrs asks for")
        .with("dialect", crate::NAME)
        .with("server", host)
}

/// The first row of a simple statement, as text.
fn first_row(session: &mut Session, doing: &'static str, sql: &str) -> Result<Vec<Option<String>>> {
    let messages = session.query_text(doing, sql)?;
    let row = messages.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    Ok(row.map(|row| (0..row.len()).map(|column| row.get(column).map(str::to_owned)).collect()).unwrap_or_default())
}

/// Has the operating system notice that the other side is gone. Zero is its own default, as with libpq.
fn watch_over(config: &mut Config, settings: &Settings) -> Result<()> {
    let seconds = |name, default: Duration| -> Result<Option<Duration>> {
        let given = settings.number(name)?;
        Ok(match given.map(u64::try_from) {
            None => Some(default),
            Some(Ok(seconds)) if seconds > 0 => Some(Duration::from_secs(seconds)),
            Some(_) => None,
        })
    };
    config.keepalives(settings.number("keepalives")? != Some(0));
    if let Some(idle) = seconds("keepalives_idle", KEEPALIVE_IDLE)? {
        config.keepalives_idle(idle);
    }
    if let Some(interval) = seconds("keepalives_interval", KEEPALIVE_INTERVAL)? {
        config.keepalives_interval(interval);
    }
    match settings.number("keepalives_count")?.map(u32::try_from) {
        None => _ = config.keepalives_retries(KEEPALIVE_COUNT),
        Some(Ok(count)) if count > 0 => _ = config.keepalives_retries(count),
        Some(_) => {}
    }
    match settings.number("tcp_user_timeout")?.map(u64::try_from) {
        None => _ = config.tcp_user_timeout(UNACKNOWLEDGED_LIMIT),
        Some(Ok(milliseconds)) if milliseconds > 0 => {
            config.tcp_user_timeout(Duration::from_millis(milliseconds));
        }
        Some(_) => {}
    }
    Ok(())
}

/// How long connecting may take: `None` is without end, as `connect_timeout=0` says.
fn connect_limit(settings: &Settings) -> Result<Option<Duration>> {
    Ok(match settings.number("connect_timeout")?.map(u64::try_from) {
        None => Some(CONNECT_LIMIT),
        // Below two seconds a busy server is taken for a dead one: libpq's rule.
        Some(Ok(seconds)) if seconds > 0 => Some(Duration::from_secs(seconds.max(2))),
        Some(_) => None,
    })
}

/// Whether a file that should be its owner's alone is open to others.
#[cfg(unix)]
fn open_to_others(metadata: &Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o077 != 0
}

/// Other systems have no such bits.
#[cfg(not(unix))]
fn open_to_others(_metadata: &Metadata) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Server;

    #[test]
    fn a_session_talks_to_the_server() {
        let server = Server::shared();
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
