//! SQL text that a user or an archive gave: whether it is what it stands for, and nothing more.
//!
//! A condition is put in parentheses, and `1) OR (1` would pair up with them: where a table is divided, every chunk would give
//! all rows. So a text must be what it claims to be both alone and in parentheses. Alone, its own parentheses are balanced;
//! in parentheses, nothing but an expression (or a query) is left that it can be. A comment that does not end, a second
//! statement, or an unfinished text fails one of the two. Nothing is run to find that out.

use crate::error::database_error;
use dbferry_dialect::{Error, ErrorKind, Result};
use rusqlite::Connection;

/// A condition as it stands in a `WHERE` clause. The line breaks keep a comment at its end from swallowing what follows.
pub(crate) fn in_parentheses(text: &str) -> String {
    format!("(\n{text}\n)")
}

/// Checks that `condition` is one expression over the rows of `source`, which is a table as a `FROM` clause names it.
///
/// # Errors
/// [`ErrorKind::Database`] with what SQLite does not like about it, [`ErrorKind::Usage`] when it has parameters.
pub(crate) fn check_condition(connection: &Connection, source: &str, condition: &str) -> Result<()> {
    for text in [condition, &in_parentheses(condition)] {
        check(connection, &format!("SELECT 1 FROM {source} WHERE {text}"))
            .map_err(|error| error.with("condition", condition))?;
    }
    Ok(())
}

/// Checks that `query` only reads: that it is a `SELECT`, `VALUES` or `WITH`, and no pragma or change.
///
/// # Errors
/// As [`check_condition`].
pub(crate) fn check_query(connection: &Connection, query: &str) -> Result<()> {
    // A last semicolon is how a statement is commonly written.
    let text = query.trim_end().trim_end_matches(';');
    for text in [text, &format!("SELECT 1 FROM {}", in_parentheses(text))] {
        check(connection, text).map_err(|error| error.with("query", query))?;
    }
    Ok(())
}

fn check(connection: &Connection, sql: &str) -> Result<()> {
    let refused = |error| {
        database_error("this SQL cannot be used", error)
            .hint("it must be one whole expression or query in SQLite's SQL, with balanced parentheses")
    };
    let statement = connection.prepare(sql).map_err(refused)?;
    if statement.parameter_count() > 0 {
        return Err(Error::new(ErrorKind::Usage, "this SQL has parameters")
            .with("dialect", crate::NAME)
            .hint("write values out"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection() -> Connection {
        let connection = Connection::open_in_memory().expect("SQLite");
        connection.execute_batch("CREATE TABLE t(a INT, b TEXT)").expect("a table");
        connection
    }

    #[test]
    fn a_condition_is_one_expression() {
        let connection = connection();
        for good in [
            "a = 1 OR b IS NULL",
            "a = 1 -- a comment",
            "a = 1 /* one that ends */",
            "(a) = (1)",
            "b = ') OR ('",
            "a IN (SELECT max(a) FROM t) AND EXISTS (SELECT 1)",
            "a = 1 -- ) OR (",
        ] {
            check_condition(&connection, "t", good).unwrap_or_else(|error| panic!("{good}: {error}"));
        }
        for bad in [
            "1) OR (1",
            "1) OR (1 -- ",
            "1) UNION SELECT 1 FROM t WHERE (1",
            "1) --",
            "1) /*",
            "1 /*",
            "1 ORDER BY a",
            "1 LIMIT 1",
            "1 GROUP BY a",
            "1 UNION SELECT 2",
            "SELECT 1",
            "1, 2",
            "1; DELETE FROM t",
            "1;",
            "",
            "-- nothing",
            "'unfinished",
            "a = ?1",
            "a = :name",
            "count(*) > 1",
            "nothing = 1",
            "1\0) OR (1",
        ] {
            assert!(check_condition(&connection, "t", bad).is_err(), "{bad}");
        }
        let error = check_condition(&connection, "t", "1) OR (1").expect_err("refused");
        assert!(error.to_string().contains("1) OR (1"), "{error}");
    }

    #[test]
    fn a_query_reads() {
        let connection = connection();
        for good in [
            "SELECT b FROM t",
            "SELECT b FROM t ORDER BY a LIMIT 3;\n",
            "WITH x(y) AS (SELECT 1) SELECT y FROM x",
            "VALUES('a')",
        ] {
            check_query(&connection, good).unwrap_or_else(|error| panic!("{good}: {error}"));
        }
        for bad in [
            "PRAGMA query_only = OFF",
            "DELETE FROM t RETURNING b",
            "ATTACH 'x' AS y",
            "BEGIN",
            "SELECT 1) AS x, (SELECT 2",
            "SELECT b FROM t; SELECT 1",
            "",
        ] {
            assert!(check_query(&connection, bad).is_err(), "{bad}");
        }
    }
}
