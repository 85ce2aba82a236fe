//! The backup page and its JSON API: `dbferry serve`.
//!
//! A thin front end over the same functions as the command line's. The API is described in `openapi.json`, which the server
//! gives away too; the page in `page/` is a user of that API like any other. What it is not: it reads no environment, asks
//! nobody, and never lets a browser name a database by its URL: databases are the connections of `dbferry.toml`.
//!
//! | file | what it does |
//! |---|---|
//! | `router`, `answer`, `assets` | every route; errors and headers; the page's files |
//! | `access`, `session`, `ended`, `refusals` | who may ask; signing in and out; what is refused |
//! | `listen`, `stream`, `body` | where the server listens; who does not read, and who does not send, is not waited for |
//! | `backups`, `download`, `upload` | backups, out and in |
//! | `limits` | how long texts of requests may be |
//! | `plans`, `jobs/` | restores; everything that takes its time |
//! | `schedule`, `events`, `info` | the clock; live events; what there is to know |
//! | `catalogue`, `marks`, `uses`, `audit` | which backups there are, what is known of them, who uses them; who did what |
//! | `document` | backups as the API tells them |
//!
//! Everything that asks the disk or a database runs where it may block; the one thread that answers never does.

mod access;
mod answer;
mod assets;
mod audit;
mod backups;
mod body;
mod catalogue;
mod document;
mod download;
mod ended;
mod events;
mod info;
mod jobs;
mod limits;
mod listen;
mod marks;
mod plans;
mod refusals;
mod router;
mod schedule;
mod session;
mod stream;
mod upload;
mod uses;

pub use listen::Transport;
pub use marks::known;

use crate::archive;
use crate::config::Config;
use crate::endpoint::Endpoint;
use crate::resources::Resources;
use crate::{Cancel, Error, ErrorKind, Result};
use access::Access;
use answer::Answer;
use audit::{Audit, Record, Who};
use catalogue::Catalogue;
use cronexpr::Crontab;
use dbferry_dialect::Secret;
use ended::Ended;
use events::Events;
use jobs::Jobs;
use listen::Listener;
use marks::{Marks, Origin};
use refusals::Refusals;
use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, DirBuilder, File, TryLockError};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use uses::Uses;

/// The directory inside the archives' one that the server keeps its own things in.
const STATE: &str = ".dbferry";
/// How long jobs may take to stop when the server is stopped.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long answers may take to end then.
const LAST_ANSWERS: Duration = Duration::from_secs(2);

/// Opens the connection of a name. The front end knows where URLs and passwords come from.
pub type Open = Box<dyn Fn(&str) -> Result<Endpoint<'static>> + Send + Sync>;

/// What is served, where, and to whom.
pub struct ServeOptions {
    /// The directory with the archives.
    pub archives: PathBuf,
    /// The configuration: connections by name, groups, restore modes, schedules.
    pub config: Config,
    /// Opens one of its connections.
    pub open: Open,
    /// Where to listen.
    pub listen: SocketAddr,
    /// How what goes over the network is protected. Anything but loopback must be.
    pub transport: Transport,
    /// Further names that browsers may call the server by, besides those of loopback and the address itself.
    pub allowed_hosts: Vec<String>,
    /// What whoever signs in must know.
    pub token: Secret,
    /// Whether nothing can be changed.
    pub read_only: bool,
    /// Whether backups can be put into databases.
    pub restore: bool,
    /// Whether backups can be uploaded.
    pub upload: bool,
    /// The largest upload, in bytes.
    pub upload_limit: u64,
    /// What one job may use.
    pub resources: Resources,
    /// Hears what whoever runs the server should know, such as what could not be put on record.
    pub warn: Box<dyn Fn(&str) + Send + Sync>,
}

impl fmt::Debug for ServeOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServeOptions")
            .field("archives", &self.archives)
            .field("listen", &self.listen)
            .field("transport", &self.transport)
            .finish_non_exhaustive()
    }
}

/// Everything that requests share.
struct Server {
    config: Config,
    open: Open,
    crontabs: BTreeMap<String, Crontab>,
    access: Access,
    read_only: bool,
    may_restore: bool,
    may_upload: bool,
    upload_limit: u64,
    arriving: Semaphore,
    leaving: Arc<Semaphore>,
    listing: Semaphore,
    resources: Resources,
    catalogue: Catalogue,
    marks: Marks,
    uses: Uses,
    audit: Audit,
    refusals: Refusals,
    warn: Box<dyn Fn(&str) + Send + Sync>,
    jobs: Jobs,
    events: Events,
    started_at: String,
    /// Where the server's own things are.
    state: PathBuf,
    /// Held as long as the server runs: two of them would not know of each other's jobs.
    _lock: File,
}

/// Serves until it is cancelled. `ready` hears the URL once the server listens.
///
/// # Errors
/// [`ErrorKind::Usage`] for an address that must be protected and is not, a token that is too short, or a schedule that
/// makes no sense; [`ErrorKind::ArchiveNotFound`] when there is no such directory; [`ErrorKind::Busy`] when another server
/// has it; [`ErrorKind::Io`] when the address or the directory cannot be had.
pub fn serve(options: ServeOptions, cancel: &Cancel, ready: &mut dyn FnMut(&str)) -> Result<()> {
    options.transport.check(options.listen, &options.allowed_hosts)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::io("cannot start the server", error))?;
    let served = runtime.block_on(run(options, cancel, ready));
    // A download to somebody who does not read on is not waited for.
    runtime.shutdown_timeout(LAST_ANSWERS);
    served
}

async fn run(options: ServeOptions, cancel: &Cancel, ready: &mut dyn FnMut(&str)) -> Result<()> {
    let listener = Listener::bind(options.listen, &options.transport, listen::HEAD).await?;
    let address = listener.address();
    let url = options.transport.url(address, &options.allowed_hosts);
    let server = Arc::new(Server::new(options, address)?);
    server.note(&Record::new(Who::Server, "start", "done"));
    server.tell_interrupted();
    let background = [
        tokio::spawn(jobs::tick(Arc::clone(&server))),
        tokio::spawn(schedule::keep(Arc::clone(&server))),
        tokio::spawn(refusals::keep(Arc::clone(&server))),
    ];
    let router = router::router(Arc::clone(&server));
    let serving = listener.answer(router, stopped(cancel.clone(), Arc::clone(&server)));
    ready(&url);
    let hurry = async {
        server.events.closed().await;
        tokio::time::sleep(LAST_ANSWERS).await;
    };
    tokio::select! {
        () = serving => {}
        () = hurry => {}
    }
    background.iter().for_each(tokio::task::JoinHandle::abort);
    server.settle_refusals();
    server.note(&Record::new(Who::Server, "stop", "done"));
    Ok(())
}

/// Waits until the server is to stop, and stops what goes on.
async fn stopped(cancel: Cancel, server: Arc<Server>) {
    until(&cancel).await;
    let jobs = Arc::clone(&server);
    // The pages hear how their jobs ended before they are let go.
    _ = tokio::task::spawn_blocking(move || jobs.jobs.stop(PATIENCE)).await;
    server.events.close();
}

async fn until(cancel: &Cancel) {
    while !cancel.is_cancelled() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

impl Server {
    fn new(options: ServeOptions, address: SocketAddr) -> Result<Self> {
        let crontabs = schedule::parse(&options.config.schedules)?;
        let directory = options.archives.canonicalize().ok().filter(|path| path.is_dir()).ok_or_else(|| {
            Error::new(ErrorKind::ArchiveNotFound, format!("there is no directory {}", options.archives.display()))
                .hint("make it first, or name the directory that the archives are in")
        })?;
        let state = directory.join(STATE);
        let lock = own(&state)?;
        let hosts = options.transport.hosts(address, &options.allowed_hosts);
        let secure = options.transport.is_encrypted();
        let server = Self {
            access: Access::new(&options.token, hosts, secure, address.port(), Ended::open(&state)?)?,
            crontabs,
            read_only: options.read_only,
            may_restore: options.restore && !options.read_only,
            may_upload: options.upload && !options.read_only,
            upload_limit: options.upload_limit,
            arriving: Semaphore::new(upload::AT_ONCE),
            leaving: Arc::new(Semaphore::new(download::AT_ONCE)),
            listing: Semaphore::new(backups::LISTS_AT_ONCE),
            resources: options.resources,
            catalogue: Catalogue::new(directory),
            marks: Marks::open(&state)?,
            uses: Uses::default(),
            audit: Audit::open(&state)?,
            refusals: Refusals::new(),
            warn: options.warn,
            jobs: Jobs::open(&state)?,
            events: Events::new(),
            started_at: now(),
            config: options.config,
            open: options.open,
            state,
            _lock: lock,
        };
        server.tidy()?;
        Ok(server)
    }

    /// Tells whoever runs the server.
    fn warn(&self, message: &str) {
        (self.warn)(message);
    }

    /// Puts on record what is done in any case: whoever makes room on a full disk must come in and delete.
    fn note(&self, record: &Record<'_>) {
        if let Err(error) = self.audit.record(record) {
            let what = record.backup.map(|name| format!(" of {name}")).unwrap_or_default();
            self.warn(&format!("not on record: {}{what}, {}: {error}", record.action, record.result));
        }
    }

    /// Removes what an interrupted server left: uploads that were not through, and backups that were not finished. Where
    /// nothing can be changed, nothing is.
    fn tidy(&self) -> Result<()> {
        if self.read_only {
            return Ok(());
        }
        let cannot = |error| Error::io(format!("cannot tidy {}", self.state.display()), error);
        for entry in fs::read_dir(&self.state).map_err(cannot)? {
            let entry = entry.map_err(cannot)?;
            if entry.file_name().to_string_lossy().starts_with("upload-") {
                fs::remove_file(entry.path()).map_err(cannot)?;
            }
        }
        for (name, origin) in self.marks.all() {
            if matches!(origin, Origin::Dump | Origin::Safety) && self.catalogue.find(&name).is_err() {
                archive::clear(&self.catalogue.path(&name))?;
                self.marks.forget(&name)?;
            }
        }
        Ok(())
    }

    /// # Errors
    /// Where nothing can be changed.
    fn allow_changes(&self) -> Answer<()> {
        allow(!self.read_only, "this server is read-only", "start it without --read-only")
    }

    /// # Errors
    /// Where nothing can be restored.
    fn allow_restore(&self) -> Answer<()> {
        self.allow_changes()?;
        allow(self.may_restore, "this server does not restore", "start it without --no-restore")
    }

    /// # Errors
    /// Where nothing can be uploaded.
    fn allow_upload(&self) -> Answer<()> {
        self.allow_changes()?;
        allow(self.may_upload, "this server takes no uploads", "start it without --no-upload")
    }
}

fn allow(allowed: bool, message: &'static str, hint: &'static str) -> Answer<()> {
    if allowed { Ok(()) } else { Err(Error::new(ErrorKind::Refused, message).hint(hint).into()) }
}

/// Makes the state directory this server's own.
fn own(state: &Path) -> Result<File> {
    let cannot = |error| Error::io(format!("cannot use {}", state.display()), error);
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(state).map_err(cannot)?;
    let lock = File::create(state.join("lock")).map_err(cannot)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => {
            Err(Error::new(ErrorKind::Busy, format!("another dbferry serve has {}", state.display()))
                .hint("end it first, or serve another directory"))
        }
        Err(TryLockError::Error(error)) => Err(cannot(error)),
    }
}

/// A new random token.
///
/// # Errors
/// When the system has no random numbers.
pub fn new_token() -> Result<Secret> {
    Ok(Secret::new(access::random_text()?))
}

/// The time now, as documents have it.
fn now() -> String {
    let now = jiff::Timestamp::now();
    now.round(jiff::Unit::Millisecond).unwrap_or(now).to_string()
}

/// What should always work did not.
fn internal(error: serde_json::Error) -> Error {
    Error::new(ErrorKind::Internal, "JSON cannot be written or read").caused_by(error)
}
