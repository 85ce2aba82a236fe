//! Triggers: read with everything that their meaning hangs on, dropped, and made again.

use super::statement::run;
use super::text::TriggerText;
use crate::MySqlSyntax;
use crate::ddl::without_definer;
use crate::flavour::ServerVersion;
use crate::session::Session;
use dbferry_dialect::{Error, ErrorKind, Result, Syntax};
use serde::{Deserialize, Serialize};

/// What a stored program's text means depends on the session that runs it; the server keeps these settings with the text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Context {
    /// `sql_mode`.
    pub(super) sql_mode: String,
    /// `character_set_client`.
    pub(super) character_set_client: String,
    /// `collation_connection`.
    pub(super) collation_connection: String,
}

/// What a session's settings are outside of [`Context::around`].
const OURS: &str = "SET SESSION sql_mode = 'NO_AUTO_VALUE_ON_ZERO', character_set_client = utf8mb4, \
     collation_connection = utf8mb4_general_ci";

impl Context {
    /// Runs a statement as the session of then would have.
    pub(super) fn around(
        &self,
        session: &mut Session,
        version: ServerVersion,
        doing: &'static str,
        statement: &str,
    ) -> Result<()> {
        let mut settings =
            vec![format!("sql_mode = {}", MySqlSyntax.quote_text(&known_modes(&self.sql_mode, version)))];
        // Statements are sent as UTF-8, whatever they were written in; for plain ASCII both are the same.
        if statement.is_ascii() && !self.character_set_client.is_empty() {
            settings.push(format!("character_set_client = {}", MySqlSyntax.quote_text(&self.character_set_client)));
        }
        if !self.collation_connection.is_empty() {
            settings.push(format!("collation_connection = {}", MySqlSyntax.quote_text(&self.collation_connection)));
        }
        run(session, doing, &format!("SET SESSION {}", settings.join(", ")))?;
        let done = run(session, doing, statement);
        let back = run(session, doing, OURS);
        done?;
        back.map(|_| ())
    }
}

/// The modes of a list that this server knows; those that another family or version has are left out.
fn known_modes(modes: &str, version: ServerVersion) -> String {
    // MySQL 8.0 dropped what had long been no more than names.
    const GONE: [&str; 11] = [
        "NO_AUTO_CREATE_USER",
        "POSTGRESQL",
        "ORACLE",
        "MSSQL",
        "DB2",
        "MAXDB",
        "MYSQL323",
        "MYSQL40",
        "NO_KEY_OPTIONS",
        "NO_TABLE_OPTIONS",
        "NO_FIELD_OPTIONS",
    ];
    const MARIADB_ONLY: [&str; 4] =
        ["IGNORE_BAD_TABLE_OPTIONS", "EMPTY_STRING_IS_NULL", "SIMULTANEOUS_ASSIGNMENT", "TIME_ROUND_FRACTIONAL"];
    let known = |mode: &&str| match version.is_mariadb() {
        true => *mode != "TIME_TRUNCATE_FRACTIONAL",
        false => {
            let gone = version.is_mysql_from((8, 0, 0)) && GONE.contains(mode);
            !gone && !MARIADB_ONLY.contains(mode)
        }
    };
    modes.split(',').filter(known).collect::<Vec<_>>().join(",")
}

/// A trigger with all that it takes to make it again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TriggerState {
    /// Its name.
    pub(super) name: String,
    /// Its table.
    pub(super) table: String,
    /// The server's text of it.
    pub(super) definition: String,
    /// The session that it was made in.
    pub(super) context: Context,
    /// Whether it is the target's own, so that it has to stay exactly what it is.
    pub(super) kept: bool,
    /// Whether a server of the other flavour printed it, so that it may be words that this one does not know.
    #[serde(default)]
    pub(super) foreign: bool,
}

const MAKING: &str = "a trigger cannot be made";

impl TriggerState {
    /// The triggers of those tables, in the order in which they fire.
    pub(super) fn read(session: &mut Session, tables: &[&str]) -> Result<Vec<Self>> {
        const DOING: &str = "the triggers cannot be read";
        if tables.is_empty() {
            return Ok(Vec::new());
        }
        let list = tables.iter().map(|name| MySqlSyntax.quote_text(name)).collect::<Vec<_>>().join(", ");
        let rows = session.query(
            DOING,
            &format!(
                "SELECT trigger_name, event_object_table FROM information_schema.triggers \
                  WHERE trigger_schema = DATABASE() AND event_object_schema = DATABASE() AND event_object_table IN ({list}) \
                  ORDER BY event_object_table, action_timing, event_manipulation, action_order"
            ),
        )?;
        let mut triggers = Vec::with_capacity(rows.len());
        for row in &rows {
            let text = |column: usize| row.get::<Option<String>, _>(column).flatten().unwrap_or_default();
            let (name, table) = (text(0), text(1));
            let shown =
                session.query(DOING, &format!("SHOW CREATE TRIGGER {}", MySqlSyntax.quote_identifier(&name)))?;
            let shown = shown.first();
            let text = |column: usize| {
                shown.and_then(|row| row.get::<Option<String>, _>(column)).flatten().unwrap_or_default()
            };
            let definition = text(2);
            if definition.is_empty() {
                return Err(Error::new(ErrorKind::Permission, "the text of a trigger cannot be read")
                    .with("dialect", crate::NAME)
                    .with("trigger", name)
                    .hint("a replaced table keeps its triggers: the restoring user needs the privilege TRIGGER"));
            }
            let context = Context { sql_mode: text(1), character_set_client: text(3), collation_connection: text(4) };
            triggers.push(Self { name, table, definition, context, kept: true, foreign: false });
        }
        Ok(triggers)
    }

    /// The statement that drops it.
    pub(super) fn drop(&self) -> String {
        format!("DROP TRIGGER IF EXISTS {}", MySqlSyntax.quote_identifier(&self.name))
    }

    /// Makes it on a table, which need not be called as its own. One that this server does not understand because another
    /// flavour wrote it is left out. Returns what the user should know.
    pub(super) fn create_on(
        &self,
        session: &mut Session,
        version: ServerVersion,
        table: &str,
    ) -> Result<Option<String>> {
        let parsed = TriggerText::parse(&self.definition).ok_or_else(|| {
            Error::new(ErrorKind::Unsupported, "the text of a trigger is not understood")
                .with("dialect", crate::NAME)
                .with("trigger", &self.name)
        })?;
        let statement = parsed.on(&MySqlSyntax.quote_identifier(table));
        match self.run(session, version, &statement) {
            Err(error) if self.foreign && error.kind() == ErrorKind::Database => {
                Ok(Some(format!("the trigger {} is left out: {error}", self.name)))
            }
            told => told,
        }
    }

    /// Makes it on its own table, with its own text.
    pub(super) fn restore(&self, session: &mut Session, version: ServerVersion) -> Result<()> {
        self.run(session, version, &self.definition).map(|_| ())
    }

    /// Makes it again with the text as it was, where the server keeps texts as they are written: it is on its own table
    /// already, under a text that differs in how it names the table.
    pub(super) fn retell(&self, session: &mut Session, version: ServerVersion) -> Result<()> {
        let Some(parsed) = TriggerText::parse(&self.definition) else { return Ok(()) };
        match self.run(session, version, &parsed.replacing()) {
            // It was left out.
            Err(error) if self.foreign && error.kind() == ErrorKind::Database => Ok(()),
            told => told.map(|_| ()),
        }
    }

    fn run(&self, session: &mut Session, version: ServerVersion, statement: &str) -> Result<Option<String>> {
        let named = |error: Error| error.with("trigger", &self.name).with("collection", &self.table);
        let error = match self.context.around(session, version, MAKING, statement) {
            Ok(()) => return Ok(None),
            Err(error) => named(error),
        };
        if error.kind() != ErrorKind::Permission {
            return Err(error);
        }
        // What the target has keeps its definer; what comes from elsewhere may run on behalf of whoever restores it.
        let without = Some(without_definer(statement)).filter(|without| !self.kept && without != statement);
        let Some(without) = without else {
            return Err(error.hint(
                "a replaced table keeps its triggers, with whom they run as: the restoring user needs the privileges \
                 TRIGGER and SET_ANY_DEFINER (MariaDB: SET USER; older MySQL: SET_USER_ID or SUPER)",
            ));
        };
        self.context.around(session, version, MAKING, &without).map_err(named)?;
        Ok(Some(format!("the trigger {} runs as the restoring user: it may not be given to another one", self.name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_of_other_servers_are_left_out() {
        let mysql = ServerVersion::parse("9.7.4");
        let maria = ServerVersion::parse("10.11.14-MariaDB");
        assert_eq!(
            known_modes("STRICT_TRANS_TABLES,NO_AUTO_CREATE_USER,ANSI_QUOTES", mysql),
            "STRICT_TRANS_TABLES,ANSI_QUOTES"
        );
        assert_eq!(known_modes("STRICT_TRANS_TABLES,TIME_TRUNCATE_FRACTIONAL", maria), "STRICT_TRANS_TABLES");
        assert_eq!(known_modes("ORACLE", maria), "ORACLE");
    }
}
