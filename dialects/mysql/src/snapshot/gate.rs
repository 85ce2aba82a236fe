//! Gates: while one is shut, nobody commits, so that all sessions that begin meanwhile see the same.
//!
//! | gate | who may | what stands still meanwhile |
//! |---|---|---|
//! | backup stage (MariaDB) | RELOAD | commits and schema changes of the server |
//! | table locks | LOCK TABLES, SELECT | writing to the tables of this database |
//! | global read lock | RELOAD | writing and commits of the server |
//!
//! They are tried in this order. The global read lock comes last since it closes all tables first: where a long query or a
//! lock of somebody else keeps one open, the server lets nobody use that one any more, even after the lock was given up.
//!
//! A gate is shut for as long as sessions take to begin and to look at every table. While it waits to be shut it lets
//! nobody else through either, so that it waits for a second at most, and makes way before it tries again.

use super::TAKING;
use super::tables::{Tables, lock_statement};
use crate::flavour::ServerVersion;
use crate::wire::Wire;
use dbferry_dialect::{Error, ErrorKind, Result};
use std::time::{Duration, Instant};

/// Between two attempts when others hold what the gate needs.
const PAUSE: Duration = Duration::from_millis(100);
/// How long one attempt lets others wait.
const ATTEMPT: &str = "SET SESSION lock_wait_timeout = 1";

/// What shuts the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gate {
    BackupStage,
    ReadLock,
    TableLocks,
}

impl Gate {
    /// Those that a server has; `holding` is whether tables are locked already, which the global read lock waits for.
    pub(super) fn choose(version: ServerVersion, holding: bool) -> Vec<Self> {
        let stage = version.is_mariadb_from((10, 5, 0)).then_some(Self::BackupStage);
        let lock = (!holding).then_some(Self::ReadLock);
        stage.into_iter().chain([Self::TableLocks]).chain(lock).collect()
    }

    /// The name in the record of a snapshot.
    pub(super) fn method(self) -> &'static str {
        match self {
            Self::BackupStage => "backup stage gate",
            Self::ReadLock => "global read lock gate",
            Self::TableLocks => "table locks gate",
        }
    }

    /// Whether nothing at all is committed on the server while it is shut.
    pub(super) fn stops_the_log(self) -> bool {
        self != Self::TableLocks
    }

    /// Shuts it; tries until `deadline`.
    ///
    /// # Errors
    /// [`ErrorKind::Busy`] when others hold their locks for longer, and what the server says when this cannot be done.
    pub(super) fn shut(self, wire: &mut Wire, tables: &Tables, deadline: Instant) -> Result<()> {
        wire.run(TAKING, ATTEMPT)?;
        retry(deadline, || {
            let shut = self.steps(tables).iter().try_for_each(|step| wire.run(TAKING, step));
            if shut.is_err() {
                // What was got so far keeps others waiting.
                _ = self.open(wire);
            }
            shut
        })
    }

    fn steps(self, tables: &Tables) -> Vec<String> {
        match self {
            Self::BackupStage => {
                ["START", "BLOCK_DDL", "BLOCK_COMMIT"].map(|stage| format!("BACKUP STAGE {stage}")).to_vec()
            }
            Self::ReadLock => vec!["FLUSH TABLES WITH READ LOCK".to_owned()],
            Self::TableLocks if tables.names().is_empty() => Vec::new(),
            Self::TableLocks => vec![lock_statement(&tables.names())],
        }
    }

    /// Opens it.
    pub(super) fn open(self, wire: &mut Wire) -> Result<()> {
        wire.run(TAKING, if self == Self::BackupStage { "BACKUP STAGE END" } else { "UNLOCK TABLES" })
    }
}

/// Locks tables that no transaction protects for as long as the session lives.
///
/// # Errors
/// Those of [`Gate::shut`].
pub(super) fn hold(wire: &mut Wire, names: &[String], deadline: Instant) -> Result<()> {
    wire.run(TAKING, ATTEMPT)?;
    retry(deadline, || wire.run(TAKING, &lock_statement(names)))
}

fn retry(deadline: Instant, mut attempt: impl FnMut() -> Result<()>) -> Result<()> {
    loop {
        match attempt() {
            Err(error) if error.kind() == ErrorKind::Busy && Instant::now() < deadline => std::thread::sleep(PAUSE),
            Err(error) if error.kind() == ErrorKind::Busy => {
                return Err(Error::new(ErrorKind::Busy, "others hold their locks for too long")
                    .with("dialect", crate::NAME)
                    .caused_by(error)
                    .hint("wait for long transactions to end, or wait longer for locks"));
            }
            done => return done,
        }
    }
}
