//! Empties a database file.

use crate::error::database_error;
use crate::syntax::SqliteSyntax;
use dbferry_dialect::{Result, Syntax};
use rusqlite::{Connection, OpenFlags};
use std::path::Path;
use std::time::Duration;

const REFUSED: &str = "the database cannot be emptied";

/// Drops all tables, views and triggers of the database at `path`, in one transaction. The file stays, and so does what an
/// empty file has: its encoding, its page size.
pub(crate) fn clear(path: &Path, lock_wait: Duration) -> Result<()> {
    let failed = |error| database_error(REFUSED, error);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    connection.busy_timeout(lock_wait).map_err(failed)?;
    // Tables go in any order.
    connection.execute_batch("PRAGMA foreign_keys = OFF").map_err(failed)?;
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).map_err(failed)?;
    // A virtual table takes its shadow tables along, so virtual tables come before others.
    let next = "SELECT type, name FROM sqlite_schema
                WHERE type IN ('view', 'trigger', 'table') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
                ORDER BY type = 'trigger' DESC, type = 'view' DESC, sql LIKE 'CREATE VIRTUAL%' DESC LIMIT 1";
    loop {
        let found = transaction.query_row(next, [], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)));
        let (kind, name) = match found {
            Ok(found) => found,
            Err(rusqlite::Error::QueryReturnedNoRows) => break,
            Err(error) => return Err(failed(error)),
        };
        let statement = format!("DROP {kind} {}", SqliteSyntax.quote_identifier(&name));
        transaction.execute_batch(&statement).map_err(|error| failed(error).with("object", name))?;
    }
    // What the engine keeps for itself: statistics can be dropped, numbering can be emptied.
    let own = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE 'sqlite\\_%' ESCAPE '\\'";
    let own: Vec<String> = transaction
        .prepare(own)
        .and_then(|mut statement| statement.query_map([], |row| row.get(0))?.collect())
        .map_err(failed)?;
    for name in own {
        let verb = if name == "sqlite_sequence" { "DELETE FROM" } else { "DROP TABLE" };
        let statement = format!("{verb} {}", SqliteSyntax.quote_identifier(&name));
        transaction.execute_batch(&statement).map_err(|error| failed(error).with("object", name))?;
    }
    transaction.execute_batch("PRAGMA user_version = 0; PRAGMA application_id = 0").map_err(failed)?;
    transaction.commit().map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_goes_and_the_file_is_as_good_as_new() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("a.db");
        let connection = Connection::open(&path).expect("a database");
        connection
            .execute_batch(
                "PRAGMA foreign_keys = ON; PRAGMA user_version = 7;
                 CREATE TABLE \"odd \"\"name\" (id INTEGER PRIMARY KEY AUTOINCREMENT, a TEXT);
                 CREATE TABLE child (id REFERENCES \"odd \"\"name\" (id));
                 INSERT INTO \"odd \"\"name\" (a) VALUES ('x'); INSERT INTO child VALUES (1);
                 CREATE INDEX by_a ON \"odd \"\"name\" (a);
                 CREATE VIEW v AS SELECT * FROM w; CREATE VIEW w AS SELECT * FROM child;
                 CREATE TRIGGER t AFTER INSERT ON child BEGIN SELECT 1; END;
                 CREATE VIRTUAL TABLE search USING fts5(body);
                 ANALYZE;",
            )
            .expect("tables");
        drop(connection);
        clear(&path, Duration::from_secs(1)).expect("an empty database");
        let connection = Connection::open(&path).expect("a database");
        let number = |sql: &str| -> i64 { connection.query_row(sql, [], |row| row.get(0)).expect(sql) };
        // The engine never drops this table again.
        assert_eq!(number("SELECT count(*) FROM sqlite_schema WHERE name <> 'sqlite_sequence'"), 0);
        assert_eq!(number("SELECT count(*) FROM sqlite_sequence"), 0);
        assert_eq!(number("PRAGMA user_version"), 0);
        clear(&path, Duration::from_secs(1)).expect("still an empty database");
    }
}
