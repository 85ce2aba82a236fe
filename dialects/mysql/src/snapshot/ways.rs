//! The ways to views that are the same, each tried where the one before it is not possible.

use super::TAKING;
use super::gate::Gate;
use super::tables::Tables;
use crate::flavour::ServerVersion;
use crate::wire::Wire;
use dbferry_dialect::{Consistency, Error, ErrorKind, Result};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

const BEGIN: &str = "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY";
/// Between two attempts without a lock.
const PAUSE: Duration = Duration::from_millis(20);

/// What was gained.
pub(super) struct Taken {
    pub(super) consistency: Consistency,
    pub(super) tables: Tables,
}

impl Taken {
    fn new(method: &str, proven: bool, position: BTreeMap<String, String>, tables: Tables) -> Self {
        let consistency = Consistency { method: method.to_owned(), readers: 0, proven, position };
        Self { consistency, tables }
    }
}

/// Tries one way after the other; each is given up when the server does not let this user, or others hold their locks.
/// `holding` is whether tables are locked already.
pub(super) fn together(
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
pub(super) fn separately(leader: &mut Wire, readers: &mut [Wire]) -> Result<Taken> {
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
