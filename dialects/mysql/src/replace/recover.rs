//! What a restore that was interrupted has left: undone, or finished.

use super::build::settings;
use super::journal::Journal;
use super::settle::{Outcome, settle};
use super::statement::run;
use crate::MySqlSyntax;
use crate::connect::Target;
use crate::flavour::ServerVersion;
use crate::session::Session;
use dbferry_dialect::{Error, ErrorKind, Result, Syntax};
use std::time::Duration;

/// The lock that says that a restore is under way in this database. The server gives it back when the session ends, however it
/// ends. Names of locks may be 64 characters long, those of databases too.
const LOCK: &str = "CONCAT('dbferry:', LEFT(SHA2(LOWER(DATABASE()), 256), 48))";

/// A session that may change the database: nobody else restores into it meanwhile.
///
/// # Errors
/// [`ErrorKind::Busy`] when somebody does.
pub(super) fn exclusive(target: &Target, version: ServerVersion, lock_wait: Duration) -> Result<Session> {
    const DOING: &str = "the database cannot be reserved for a restore";
    let mut session = target.connect()?;
    let seconds = wait_for_locks(&mut session, lock_wait)?;
    settings(&mut session, version)?;
    let rows = session.query(DOING, &format!("SELECT GET_LOCK({LOCK}, {seconds})"))?;
    let got = rows.first().and_then(|row| row.get::<Option<String>, _>(0)).flatten();
    if got.as_deref() != Some("1") {
        return Err(Error::new(ErrorKind::Busy, "another restore into this database is under way")
            .with("dialect", crate::NAME)
            .hint("wait for it to end"));
    }
    Ok(session)
}

/// Has a session wait so long for other people's locks; returns the seconds that this is to the server.
pub(super) fn wait_for_locks(session: &mut Session, lock_wait: Duration) -> Result<u64> {
    let seconds = lock_wait.as_secs().max(1);
    let sql = format!("SET SESSION lock_wait_timeout = {seconds}, innodb_lock_wait_timeout = {seconds}");
    run(session, "the session cannot be set up", &sql)?;
    Ok(seconds)
}

/// Ends what an interrupted restore has left in the database. Returns what was done; nothing if there was nothing to do.
///
/// # Errors
/// [`ErrorKind::Busy`] when a restore is under way, or what the server says.
pub(crate) fn recover(target: &Target, version: ServerVersion, lock_wait: Duration) -> Result<Vec<String>> {
    let mut session = exclusive(target, version, lock_wait)?;
    recover_with(&mut session, version)
}

/// The same with a session that has the lock.
pub(super) fn recover_with(session: &mut Session, version: ServerVersion) -> Result<Vec<String>> {
    let Some(journal) = Journal::read(session)? else { return Ok(Vec::new()) };
    let ended = end(session, version, &journal)
        .map_err(|error| error.hint("the journal of the interrupted restore stays: see `dbferry restore --recover`"))?;
    let mut tables: Vec<&str> = journal.tables.iter().map(|table| table.target.as_str()).collect();
    tables.sort_unstable();
    let tables = if tables.is_empty() { "no table was begun".to_owned() } else { tables.join(", ") };
    Ok(vec![match ended {
        Outcome::Undone => format!("a restore that was interrupted was undone ({tables})"),
        Outcome::Finished => format!("a restore that was interrupted was finished ({tables})"),
    }])
}

/// Ends what the journal says: the unit, and what was made before the first one.
pub(super) fn end(session: &mut Session, version: ServerVersion, journal: &Journal) -> Result<Outcome> {
    let outcome = settle(session, version, journal)?;
    if outcome == Outcome::Undone {
        for sequence in &journal.sequences {
            let sql = format!("DROP SEQUENCE IF EXISTS {}", MySqlSyntax.quote_identifier(sequence));
            run(session, "a sequence cannot be dropped", &sql)?;
        }
    }
    Journal::remove(session)?;
    Ok(outcome)
}
