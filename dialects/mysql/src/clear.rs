//! Empties a database.

use crate::session::Session;
use crate::syntax::MySqlSyntax;
use dbferry_dialect::{Result, Syntax};

const REFUSED: &str = "the database cannot be emptied";

/// Each kind of thing with its name, in the order in which they go: what names others before these. Triggers go with their
/// tables, and the body of a package with its head.
const EVERYTHING: &str = "
    SELECT kind, name FROM (
        SELECT 1 AS turn, 'EVENT' AS kind, EVENT_NAME AS name
        FROM information_schema.EVENTS WHERE EVENT_SCHEMA = DATABASE()
        UNION ALL
        SELECT 2, ROUTINE_TYPE, ROUTINE_NAME
        FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = DATABASE() AND ROUTINE_TYPE <> 'PACKAGE BODY'
        UNION ALL
        SELECT 3, CASE TABLE_TYPE WHEN 'VIEW' THEN 'VIEW' WHEN 'SEQUENCE' THEN 'SEQUENCE' ELSE 'TABLE' END, TABLE_NAME
        FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()
    ) AS everything ORDER BY turn, kind DESC";

/// Drops everything in the session's database. Not in one piece: the server ends a transaction with each of its statements.
/// The database itself stays, with its character set.
pub(crate) fn clear(session: &mut Session) -> Result<()> {
    let rows = session.query(REFUSED, EVERYTHING)?;
    // Tables go in any order.
    session.run(REFUSED, "SET SESSION foreign_key_checks = 0")?;
    for row in &rows {
        let text = |column: usize| row.get::<String, _>(column).unwrap_or_default();
        let (kind, name) = (text(0), text(1));
        let statement = format!("DROP {kind} {}", MySqlSyntax.quote_identifier(&name));
        session.run(REFUSED, &statement).map_err(|error| error.with("object", name))?;
    }
    session.run(REFUSED, "SET SESSION foreign_key_checks = DEFAULT").map(|_| ())
}
