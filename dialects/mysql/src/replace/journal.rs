//! The journal: what a restore has under way in the target, in a table of the target itself.
//!
//! It is written before the first thing is made and before each step that others can see, and is gone when nothing is under
//! way. What it says is enough to undo or to finish everything, whoever has died: see [`settle`](super::settle).

use super::foreign_keys::ForeignKeyState;
use super::names::JOURNAL;
use super::shape::NamedCheck;
use super::statement::run;
use super::triggers::TriggerState;
use crate::MySqlSyntax;
use crate::session::Session;
use dbferry_dialect::{Error, ErrorKind, Result, Syntax};
use serde::{Deserialize, Serialize};

/// The version of what is written; a newer one is not touched.
const VERSION: u32 = 1;

/// What is under way.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Journal {
    version: u32,
    /// Sequences that were made before the first group. They go when no group is replaced.
    pub(super) sequences: Vec<String>,
    /// How far the unit is.
    pub(super) state: State,
    /// The tables of the unit that are loaded.
    pub(super) tables: Vec<Moving>,
    /// Foreign keys as they were before the switch: those of the tables that are replaced, and those of others that point
    /// to them.
    pub(super) keys: Vec<ForeignKeyState>,
    /// Triggers of the tables that are replaced, as they were before the switch.
    pub(super) triggers: Vec<TriggerState>,
    /// Triggers that the new tables have after the switch, in order.
    pub(super) new_triggers: Vec<TriggerState>,
    /// Checks that get their names after the switch.
    pub(super) checks: Vec<LateCheck>,
}

/// How far a unit is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum State {
    /// Shadows are made and loaded; nobody sees anything yet.
    #[default]
    Loading,
    /// Foreign keys and triggers change hands. Whether the tables have is told by the tables that there are.
    Switching,
    /// Rows were added to tables that stay; so the tables have to change hands now.
    Appended,
}

/// One table on its way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Moving {
    /// What it is loaded as.
    pub(super) shadow: String,
    /// Its place.
    pub(super) target: String,
    /// What the table is called that had the place, if there is one.
    pub(super) old: Option<String>,
    /// Whether it takes the place; otherwise its rows are added to the table that is there, and it goes.
    pub(super) takes_place: bool,
}

/// A check of a table that has another name than it is to have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LateCheck {
    /// The table, in its place.
    pub(super) table: String,
    /// The check.
    pub(super) check: NamedCheck,
}

const DOING: &str = "the journal of the restore cannot be written";

impl Journal {
    /// One with nothing in it.
    pub(super) fn new() -> Self {
        Self { version: VERSION, ..Self::default() }
    }

    /// What the database's journal says; none if it has none.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] when a newer dbferry wrote it.
    pub(super) fn read(session: &mut Session) -> Result<Option<Self>> {
        const READING: &str = "the journal of an interrupted restore cannot be read";
        let there = session.query(
            READING,
            &format!(
                "SELECT 1 FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = '{JOURNAL}'"
            ),
        )?;
        if there.is_empty() {
            return Ok(None);
        }
        let rows = session.query(READING, &format!("SELECT entry FROM {}", table()))?;
        // A table without a row: it was made, and nothing else was.
        let Some(text) = rows.first().and_then(|row| row.get::<Vec<u8>, _>(0)) else { return Ok(Some(Self::new())) };
        let unreadable = |cause: String| {
            Error::new(ErrorKind::Unsupported, READING)
                .with("dialect", crate::NAME)
                .with("table", JOURNAL)
                .caused_by(cause)
        };
        let value: serde_json::Value = serde_json::from_slice(&text).map_err(|error| unreadable(error.to_string()))?;
        if value.get("version").and_then(serde_json::Value::as_u64) != Some(u64::from(VERSION)) {
            return Err(unreadable("it was written by another version of dbferry".to_owned())
                .hint("run `dbferry restore --recover` of the version that was interrupted"));
        }
        serde_json::from_value(value).map(Some).map_err(|error| unreadable(error.to_string()))
    }

    /// Writes it. From then on the server keeps it, also through its own death.
    pub(super) fn write(&self, session: &mut Session) -> Result<()> {
        run(
            session,
            DOING,
            &format!(
                "CREATE TABLE IF NOT EXISTS {} (id tinyint unsigned NOT NULL PRIMARY KEY, entry longblob NOT NULL) \
                 ENGINE=InnoDB COMMENT='a restore by dbferry is under way, or was interrupted: dbferry restore --recover'",
                table()
            ),
        )?;
        self.rewrite(session)
    }

    /// Writes it where there is one already; takes part in a transaction.
    pub(super) fn rewrite(&self, session: &mut Session) -> Result<()> {
        let text = serde_json::to_string(self)
            .map_err(|error| Error::new(ErrorKind::Internal, DOING).caused_by(error.to_string()))?;
        let sql = format!("REPLACE INTO {} (id, entry) VALUES (1, {})", table(), MySqlSyntax.quote_text(&text));
        run(session, DOING, &sql).map(|_| ())
    }

    /// Removes it: nothing is under way.
    pub(super) fn remove(session: &mut Session) -> Result<()> {
        run(session, DOING, &format!("DROP TABLE IF EXISTS {}", table())).map(|_| ())
    }

    /// Whether it says that something is under way.
    pub(super) fn is_empty(&self) -> bool {
        self.sequences.is_empty() && self.tables.is_empty()
    }
}

fn table() -> String {
    MySqlSyntax.quote_identifier(JOURNAL)
}
