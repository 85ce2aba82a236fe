//! Rows that are added to tables that stay: from their shadows, all in one transaction.

use super::journal::{Journal, State};
use super::statement::run;
use super::unit::{Member, Members};
use crate::MySqlSyntax;
use crate::flavour::ServerVersion;
use crate::session::Session;
use dbferry_dialect::{Error, ErrorKind, Result, Syntax};

const DOING: &str = "the rows cannot be added to those that are there";

/// Adds the rows and says so in the journal, in one transaction. The triggers of the tables are off: they are dropped, and
/// come back when the unit is finished.
pub(super) fn append(
    session: &mut Session,
    version: ServerVersion,
    members: &Members,
    journal: &mut Journal,
) -> Result<()> {
    // Tables stay locked with it, which they would not with START TRANSACTION.
    run(session, DOING, "SET SESSION autocommit = 0")?;
    let added = add_all(session, version, members, journal);
    let ended = match added {
        Ok(()) => run(session, DOING, "COMMIT"),
        Err(error) => {
            // What it failed with matters more than what comes after.
            _ = run(session, DOING, "ROLLBACK");
            journal.state = State::Switching;
            Err(error)
        }
    };
    let back = run(session, DOING, "SET SESSION autocommit = 1");
    ended?;
    back.map(|_| ())
}

fn add_all(session: &mut Session, version: ServerVersion, members: &Members, journal: &mut Journal) -> Result<()> {
    for member in members.iter().filter(|member| !member.moving.takes_place) {
        if version.is_mariadb_from((10, 11, 0)) {
            run(session, DOING, "SET SESSION system_versioning_insert_history = ON")?;
        }
        add(session, member).map_err(|error| error.with("collection", &member.plan.target))?;
    }
    journal.state = State::Appended;
    journal.rewrite(session)
}

fn add(session: &mut Session, member: &Member) -> Result<()> {
    let columns: Vec<String> = member
        .plan
        .existing
        .iter()
        .flat_map(|existing| &existing.columns)
        .filter(|column| column.generated.is_none() && member.plan.source.column(&column.name).is_some())
        .map(|column| MySqlSyntax.quote_identifier(&column.name))
        .collect();
    let columns = columns.join(", ");
    let (target, shadow) =
        (MySqlSyntax.quote_identifier(&member.moving.target), MySqlSyntax.quote_identifier(&member.moving.shadow));
    let sql = format!("INSERT INTO {target} ({columns}) SELECT {columns} FROM {shadow}");
    run(session, DOING, &sql).map(|_| ()).map_err(|error| {
        // ER_DUP_ENTRY
        if error.context().any(|(key, value)| key == "error" && value == "1062") {
            let text = error.to_string();
            return Error::new(ErrorKind::Mismatch, "a row to be added has the key of one that is there")
                .with("dialect", crate::NAME)
                .caused_by(text)
                .hint("nothing was added; restore in the mode `replace`, or remove the rows that are there first");
        }
        error
    })
}
