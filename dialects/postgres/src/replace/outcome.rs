//! What became of a commit that was not answered.

use super::PostgresReplacer;
use super::staging::Staging;
use crate::session::Session;
use dbferry_dialect::{Error, ErrorKind, Result};
use std::time::Duration;

/// How often it is asked what became of a transaction.
const OUTCOME_ATTEMPTS: usize = 40;

/// The number of the session's transaction, by which its outcome can be asked for later.
pub(super) fn number_of_transaction(session: &mut Session) -> Result<i64> {
    const DOING: &str = "cannot ask for the number of the transaction";
    let rows = session.query(DOING, "SELECT pg_catalog.txid_current()", &[])?;
    rows.first().map(|row| row.get(0)).ok_or_else(|| Error::new(ErrorKind::Database, DOING))
}

impl PostgresReplacer {
    /// The connection broke while the unit was committed: what became of the transaction is asked on another one, which takes
    /// the place of the main session.
    pub(super) fn learn_outcome(&mut self, transaction: i64, error: Error) -> Result<()> {
        const ASKING: &str = "cannot ask whether the group was committed";
        const PAUSE: Duration = Duration::from_millis(250);
        let mut outcome = Err(error);
        for _ in 0..OUTCOME_ATTEMPTS {
            let Ok(mut session) = self.sessions.janitor() else {
                std::thread::sleep(PAUSE);
                continue;
            };
            let sql = "SELECT pg_catalog.txid_status($1)";
            let rows = session.query(ASKING, sql, &[&transaction]).unwrap_or_default();
            match rows.first().and_then(|row| row.get::<_, Option<&str>>(0)) {
                Some("committed") => {
                    self.sessions.reopen_main()?;
                    self.staging = Staging::begin(&mut self.sessions.main())?;
                    return Ok(());
                }
                Some("aborted") => return outcome,
                // It is still ending, or the server does not say.
                _ => std::thread::sleep(PAUSE),
            }
        }
        outcome = outcome.map_err(|error| {
            error.hint("whether the group was replaced is not known: look at its tables before the next restore")
        });
        outcome
    }
}
