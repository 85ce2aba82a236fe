//! One view of the database for several sessions.
//!
//! Neither server lets a session begin where another one is. So they all begin while nothing can be committed, at a
//! [`gate`], or, where the server tells each session the place in its log that its view is of, they begin until they all
//! were told the same. The ways, from the best to the last:
//!
//! 1. A gate; where it stops all commits, that the log stood still meanwhile is looked at, as far as this user may.
//! 2. No lock: the places in the log are equal (`binlog_snapshot_position` of MariaDB and Percona Server, with a binary log).
//!    This trusts that nobody writes beside the log.
//! 3. One session reads alone.
//! 4. Each session has its own view; only when that was asked for.
//!
//! A view protects rows of tables that are not changed or dropped meanwhile, and only those of engines with transactions:
//!
//! * Every session looks at every table before the gate opens (or its rows, without a gate). From there on whoever wants
//!   to change one waits. `TRUNCATE` and `ALTER` before that are noticed, and the snapshot is taken again.
//! * Tables of other engines are locked against writing by a further session for as long as the snapshot lives. Where that
//!   cannot be done they are refused when somebody wants them, unless consistency was not asked for.
//!
//! In the end tables that were read must be as they were, and the rows of each divided table as many as its index held.

mod gate;
mod geometry;
mod tables;
#[cfg(test)]
mod tests;
mod ways;

use crate::chunk::{Division, divide};
use crate::connect::Target;
use crate::flavour::ServerVersion;
use crate::introspect::introspect;
use crate::read::{Charsets, Counts, MySqlReader, RelationName};
use crate::session::Session;
use crate::syntax::MySqlSyntax;
use crate::wire::Wire;
use dbferry_dialect::{
    Chunk, Collection, CollectionName, Consistency, Error, ErrorKind, Reader, Result, Schema, Snapshot,
    SnapshotOptions, Syntax,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tables::{Tables, is_code};
use ways::{Taken, separately, together};

const TAKING: &str = "a snapshot cannot be taken";

/// Tables that no transaction protects and that cannot be locked, and why.
type Unprotected = (Vec<String>, Error);

/// A consistent view, held by the sessions of its readers.
#[derive(Debug)]
pub(crate) struct MySqlSnapshot {
    /// For the catalogue, which has no views.
    session: Session,
    version: ServerVersion,
    /// Sees what the readers see; the only reader shares it.
    leader: Arc<Mutex<Wire>>,
    /// Those of the readers, until they are taken.
    wires: Vec<Arc<Mutex<Wire>>>,
    charsets: Arc<Charsets>,
    /// Keeps tables locked that no transaction protects.
    _holder: Option<Wire>,
    /// Such tables that could not be locked.
    unprotected: Option<Unprotected>,
    consistency: Consistency,
    tables: Tables,
    /// The collections that somebody wants to read.
    wanted: BTreeSet<CollectionName>,
    /// How many chunks and rows each divided collection has.
    divided: BTreeMap<CollectionName, (usize, u64)>,
    counts: Counts,
}

impl MySqlSnapshot {
    /// Takes a snapshot; `lock_wait` is how long other people's locks are waited for, at each way.
    ///
    /// # Errors
    /// [`ErrorKind::Busy`] when tables are changed all the time.
    pub(crate) fn take(
        target: &Target,
        version: ServerVersion,
        lock_wait: Duration,
        options: &SnapshotOptions,
    ) -> Result<Self> {
        let mut leader = connect(target, lock_wait)?;
        let charsets = Arc::new(Charsets::load(&mut leader)?);
        let mut readers = connect_readers(target, lock_wait, options.readers)?;
        let mut side = target.connect_wire()?;
        let deadline = Instant::now() + lock_wait;
        let before = Tables::list(&mut leader)?;
        let (holder, unprotected) = hold(target, &before.unprotected(), deadline, options.consistent)?;
        let taken = if options.consistent {
            together(&mut leader, &mut readers, &mut side, (version, holder.is_some()), lock_wait)?
        } else {
            separately(&mut leader, &mut readers)?
        };
        let Taken { mut consistency, tables } = taken;
        let leader = Arc::new(Mutex::new(leader));
        let mut wires: Vec<_> = readers.into_iter().map(|wire| Arc::new(Mutex::new(wire))).collect();
        if wires.is_empty() {
            wires.push(Arc::clone(&leader));
        }
        consistency.readers = wires.len();
        if let Some((names, _)) = &unprotected {
            consistency.position.insert("not protected".to_owned(), names.len().to_string());
        } else if holder.is_some() {
            consistency.position.insert("locked tables".to_owned(), before.unprotected().len().to_string());
        }
        Ok(Self {
            session: target.connect()?,
            version,
            leader,
            wires,
            charsets,
            _holder: holder,
            unprotected: unprotected.filter(|_| options.consistent),
            consistency,
            tables,
            wanted: BTreeSet::new(),
            divided: BTreeMap::new(),
            counts: Counts::default(),
        })
    }

    fn refuse_unprotected(&self, collection: &Collection) -> Result<()> {
        match &self.unprotected {
            Some((names, reason)) if names.contains(&collection.name.name) => Err(Error::new(
                ErrorKind::Refused,
                "the table's engine has no transactions, and the table cannot be locked while it is read",
            )
            .with("dialect", crate::NAME)
            .caused_by(reason.to_string())
            .hint("grant LOCK TABLES on the database, leave the table out, or do without one point in time (--inconsistent)")),
            _ => Ok(()),
        }
    }
}

impl Snapshot for MySqlSnapshot {
    fn consistency(&self) -> &Consistency {
        &self.consistency
    }

    fn schema(&mut self) -> Result<Schema> {
        let mut schema = introspect(&mut self.session, self.version)?;
        // What was created since is not there yet.
        schema.collections.retain(|collection| self.tables.contains(&collection.name.name));
        geometry::choose_systems(&mut locked(&self.leader), &mut schema)?;
        Ok(schema)
    }

    fn chunks(&mut self, collection: &Collection, target_bytes: u64) -> Result<Vec<Chunk>> {
        let chunks = || -> Result<Division> {
            self.refuse_unprotected(collection)?;
            // All sessions see the same rows, so all of them can count; the only reader's session is the leader's.
            let all: Vec<_> = if self.wires.is_empty() { vec![&self.leader] } else { self.wires.iter().collect() };
            let mut guards: Vec<_> = all.into_iter().map(|wire| locked(wire)).collect();
            let mut wires: Vec<&mut Wire> = guards.iter_mut().map(|guard| &mut **guard).collect();
            divide(&mut wires, collection, &MySqlSyntax.qualified(&collection.name), target_bytes)
        };
        let division = chunks().map_err(|error| error.with("collection", &collection.name))?;
        self.wanted.insert(collection.name.clone());
        if let Some(rows) = division.rows {
            self.divided.insert(collection.name.clone(), (division.chunks.len(), rows));
        }
        Ok(division.chunks)
    }

    fn readers(&mut self) -> Vec<Box<dyn Reader>> {
        let mut readers: Vec<Box<dyn Reader>> = Vec::new();
        for wire in self.wires.drain(..) {
            let relation: RelationName = Box::new(|name: &CollectionName| MySqlSyntax.qualified(name));
            let reader = MySqlReader::shared(wire, Arc::clone(&self.charsets), relation);
            readers.push(Box::new(reader.counted(self.counts.clone())));
        }
        readers
    }

    fn finish(self: Box<Self>) -> Result<()> {
        self.tables.check_unchanged(&mut locked(&self.leader), &self.wanted)?;
        for (collection, (chunks, rows)) in &self.divided {
            let (read, found) = self.counts.of(collection);
            if read == *chunks && found != *rows && self.consistency.proven {
                return Err(Error::new(
                    ErrorKind::Mismatch,
                    format!("{found} rows were read of a table whose index holds {rows}"),
                )
                .with("dialect", crate::NAME)
                .with("collection", collection)
                .hint("check the table on the server: CHECK TABLE ... EXTENDED"));
            }
        }
        Ok(())
    }
}

fn locked(wire: &Mutex<Wire>) -> MutexGuard<'_, Wire> {
    // A session that a panicking thread held may be in the middle of anything; it then says so.
    wire.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A session for reading, not yet in a transaction.
fn connect(target: &Target, lock_wait: Duration) -> Result<Wire> {
    let mut wire = target.connect_wire()?;
    wire.run(TAKING, "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")?;
    let seconds = lock_wait.as_secs().max(1);
    wire.run(TAKING, &format!("SET SESSION lock_wait_timeout = {seconds}"))?;
    Ok(wire)
}

/// As many sessions as the server has room for, one at least.
fn connect_readers(target: &Target, lock_wait: Duration, count: usize) -> Result<Vec<Wire>> {
    let mut readers = vec![connect(target, lock_wait)?];
    while readers.len() < count {
        match connect(target, lock_wait) {
            Ok(session) => readers.push(session),
            // Too many of all, of this user's, of this user's in an hour.
            Err(error) if is_code(&error, &["1040", "1203", "1226"]) => break,
            Err(error) => return Err(error),
        }
    }
    Ok(readers)
}

/// Locks tables that no transaction protects; returns the session that does, or the tables and the reason that it cannot.
fn hold(
    target: &Target,
    names: &[String],
    deadline: Instant,
    consistent: bool,
) -> Result<(Option<Wire>, Option<Unprotected>)> {
    if names.is_empty() {
        return Ok((None, None));
    }
    if !consistent {
        let reason = Error::new(ErrorKind::Refused, "consistency was not asked for");
        return Ok((None, Some((names.to_vec(), reason))));
    }
    let mut wire = target.connect_wire()?;
    match gate::hold(&mut wire, names, deadline) {
        Ok(()) => Ok((Some(wire), None)),
        Err(error) if matches!(error.kind(), ErrorKind::Permission | ErrorKind::Busy | ErrorKind::Database) => {
            Ok((None, Some((names.to_vec(), error))))
        }
        Err(error) => Err(error),
    }
}
