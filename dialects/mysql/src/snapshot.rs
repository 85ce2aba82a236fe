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
use gate::Gate;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tables::{Tables, is_code};

const TAKING: &str = "a snapshot cannot be taken";
const BEGIN: &str = "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY";
/// Between two attempts without a lock.
const PAUSE: Duration = Duration::from_millis(20);

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

/// What was gained.
struct Taken {
    consistency: Consistency,
    tables: Tables,
}

impl Taken {
    fn new(method: &str, proven: bool, position: BTreeMap<String, String>, tables: Tables) -> Self {
        let consistency = Consistency { method: method.to_owned(), readers: 0, proven, position };
        Self { consistency, tables }
    }
}

/// Tries one way after the other; each is given up when the server does not let this user, or others hold their locks.
/// `holding` is whether tables are locked already.
fn together(
    leader: &mut Wire,
    readers: &mut Vec<Wire>,
    side: &mut Wire,
    (version, holding): (ServerVersion, bool),
    lock_wait: Duration,
) -> Result<Taken> {
    let mut refused = Vec::new();
    for gate in Gate::choose(version, holding) {
        // Without another session there is nothing to agree with.
        if readers.len() < 2 {
            break;
        }
        match at_gate(leader, readers, side, gate, Instant::now() + lock_wait) {
            Ok(taken) => return Ok(with_refused(taken, &refused)),
            Err(error) if can_go_on(&error) => refused.push(reason(gate.method(), &error)),
            Err(error) => return Err(error),
        }
        roll_back(leader, readers)?;
    }
    if readers.len() > 1 {
        match by_log(leader, readers, Instant::now() + lock_wait) {
            Ok(Some(taken)) => return Ok(with_refused(taken, &refused)),
            Ok(None) => refused.push("log position".to_owned()),
            Err(error) if can_go_on(&error) => refused.push(reason("log position", &error)),
            Err(error) => return Err(error),
        }
        roll_back(leader, readers)?;
    }
    readers.clear();
    alone(leader, Instant::now() + lock_wait).map(|taken| with_refused(taken, &refused))
}

fn can_go_on(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Permission | ErrorKind::Busy | ErrorKind::Database | ErrorKind::Unsupported)
}

/// What a way failed with, without the names of users that messages hold.
fn reason(way: &str, error: &Error) -> String {
    let code = error.context().find(|(key, _)| *key == "error").map(|(_, code)| code.to_owned());
    match code {
        Some(code) => format!("{way}: error {code}"),
        None => format!("{way}: {}", error.message()),
    }
}

fn with_refused(mut taken: Taken, refused: &[String]) -> Taken {
    if !refused.is_empty() {
        taken.consistency.position.insert("not possible".to_owned(), refused.join(", "));
    }
    taken
}

fn roll_back(leader: &mut Wire, readers: &mut [Wire]) -> Result<()> {
    readers.iter_mut().chain([leader]).try_for_each(|wire| wire.run(TAKING, "ROLLBACK"))
}

/// Begins on all sessions at once, and looks at all tables.
fn begin(leader: &mut Wire, readers: &mut [Wire], tables: &Tables, rows: bool) -> Result<()> {
    let one = |wire: &mut Wire| -> Result<()> {
        wire.run(TAKING, BEGIN)?;
        tables.touch(wire, rows)
    };
    let one = &one;
    std::thread::scope(|scope| {
        let threads: Vec<_> = readers.iter_mut().chain([leader]).map(|wire| scope.spawn(move || one(wire))).collect();
        // All of them end before the first error is told.
        let ended: Vec<_> = threads.into_iter().map(std::thread::ScopedJoinHandle::join).collect();
        ended.into_iter().try_for_each(|ended| {
            ended.map_err(|_| Error::new(ErrorKind::Internal, "a thread that begins a transaction died"))?
        })
    })
}

fn at_gate(leader: &mut Wire, readers: &mut [Wire], side: &mut Wire, gate: Gate, deadline: Instant) -> Result<Taken> {
    let listed = Tables::list(leader)?;
    gate.shut(side, &listed, deadline)?;
    let begun = (|| {
        let tables = Tables::list(leader)?;
        if gate == Gate::TableLocks && tables != listed {
            // One that was not there to be locked.
            return Err(Error::new(ErrorKind::Busy, "a table was created or changed meanwhile"));
        }
        let before = log_position(leader);
        begin(leader, readers, &tables, false)?;
        let after = log_position(leader);
        if gate.stops_the_log() && before != after {
            return Err(Error::new(ErrorKind::Unsupported, "the log moved while nothing could be committed"));
        }
        // Elsewhere others may have written; then the place is not that of the view.
        let position = if before == after { after } else { BTreeMap::new() };
        Ok(Taken::new(gate.method(), true, position, tables))
    })();
    gate.open(side)?;
    begun
}

/// Begins until all sessions are told the same place in the log; nothing when the server tells none.
fn by_log(leader: &mut Wire, readers: &mut [Wire], deadline: Instant) -> Result<Option<Taken>> {
    loop {
        let tables = Tables::list(leader)?;
        let begun = begin(leader, readers, &tables, true);
        let place = view_position(leader)?;
        let mut same = true;
        for reader in readers.iter_mut() {
            same &= view_position(reader)? == place;
        }
        match begun {
            _ if place.is_empty() => return Ok(None),
            Ok(()) if same && Tables::list(leader)? == tables => {
                return Ok(Some(Taken::new("equal log positions", true, place, tables)));
            }
            Err(error) if error.kind() != ErrorKind::Busy => return Err(error),
            _ if Instant::now() >= deadline => return Err(Error::new(ErrorKind::Busy, "the log never stood still")),
            _ => {}
        }
        roll_back(leader, readers)?;
        std::thread::sleep(PAUSE);
    }
}

/// Begins on one session, whose view is of one moment by itself.
fn alone(leader: &mut Wire, deadline: Instant) -> Result<Taken> {
    loop {
        let tables = Tables::list(leader)?;
        match begin(leader, &mut [], &tables, true) {
            Ok(()) if Tables::list(leader)? == tables => {
                let position = view_position(leader)?;
                return Ok(Taken::new("one session", true, position, tables));
            }
            Err(error) if error.kind() != ErrorKind::Busy => return Err(error),
            Err(error) if Instant::now() >= deadline => return Err(error),
            _ if Instant::now() >= deadline => {
                return Err(Error::new(
                    ErrorKind::Busy,
                    "tables are changed all the time, so no moment was found to begin",
                )
                .with("dialect", crate::NAME)
                .hint("try again when no schema changes are going on, or wait longer for locks"));
            }
            _ => {}
        }
        roll_back(leader, &mut [])?;
        std::thread::sleep(PAUSE);
    }
}

/// Begins on all sessions without caring for when.
fn separately(leader: &mut Wire, readers: &mut [Wire]) -> Result<Taken> {
    let tables = Tables::list(leader)?;
    begin(leader, readers, &tables, false)?;
    Ok(Taken::new("sessions one after the other", false, BTreeMap::new(), tables))
}

/// Where the server's log stands, as far as this user may know.
fn log_position(wire: &mut Wire) -> BTreeMap<String, String> {
    let mut position = BTreeMap::new();
    // The older name is gone from MySQL 8.4 on, and the newer one is not known before 8.2 and to MariaDB.
    let status = ["SHOW BINARY LOG STATUS", "SHOW MASTER STATUS"];
    let rows = status.iter().find_map(|sql| wire.query(TAKING, sql).ok()).unwrap_or_default();
    let text = |value: Option<&Option<Vec<u8>>>| Some(String::from_utf8_lossy(value?.as_deref()?).into_owned());
    if let Some(row) = rows.first() {
        position.extend(text(row.first()).map(|file| ("log file".to_owned(), file)));
        position.extend(text(row.get(1)).map(|place| ("log position".to_owned(), place)));
    }
    for (name, variable) in [("gtid executed", "@@GLOBAL.gtid_executed"), ("gtid", "@@GLOBAL.gtid_current_pos")] {
        let rows = wire.query(TAKING, &format!("SELECT {variable}")).unwrap_or_default();
        let value = rows.first().and_then(|row| text(row.first())).filter(|value| !value.is_empty());
        position.extend(value.map(|value| (name.to_owned(), value)));
    }
    position
}

/// The place in the log that the session's view is of; empty when the server does not tell.
fn view_position(wire: &mut Wire) -> Result<BTreeMap<String, String>> {
    let rows = wire.query(TAKING, "SHOW SESSION STATUS LIKE 'binlog_snapshot%'")?;
    let text = |value: Option<&Option<Vec<u8>>>| Some(String::from_utf8_lossy(value?.as_deref()?).into_owned());
    let entry = |row: &Vec<Option<Vec<u8>>>| {
        let name = text(row.first())?.to_ascii_lowercase().replace("binlog_snapshot_", "log ");
        Some((name, text(row.get(1))?))
    };
    let position: BTreeMap<String, String> = rows.iter().filter_map(entry).collect();
    Ok(if position.get("log file").is_some_and(|file| !file.is_empty()) { position } else { BTreeMap::new() })
}
