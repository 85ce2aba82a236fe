//! Whether all foreign keys of a table hold, answered in the order of the keys.
//!
//! SQLite's own check looks up the parent of each row in the order of the rows. Where the parent's table is larger than the
//! page cache almost every look is a read of the file: for 8 million rows and 2 million parents it takes 21 seconds. Here the
//! child's keys are taken in their order, from an index that has it or by sorting, so that the parent's pages come by once
//! each; that takes 1.2 seconds with an index. Keys of whole numbers with few enough parents are not even sorted
//! ([`known_keys`]).
//!
//! A "yes" is certain; anything else means that SQLite's own check has to say. So nothing here tells which rows offend, and
//! whatever is unusual is left to that check:
//!
//! - keys of two columns that store the same value differently (affinity): the check converts, a comparison here need not;
//! - parents that do not exist, or do not have such a key.

use super::catalog::{TargetColumn, columns};
use super::failure::failed;
use super::known_keys::{self, Known, NumberKey};
use crate::types::Affinity;
use dbferry_dialect::{Result, Syntax};
use rusqlite::{Connection, OptionalExtension as _};
use std::collections::BTreeMap;

/// One foreign key: the parent's table, and the columns in pairs of child and parent. A key that names no columns refers to
/// the parent's primary key.
struct Reference {
    parent: String,
    pairs: Vec<(String, Option<String>)>,
}

/// Whether it is certain that every row of `child` has its parents.
pub(super) fn has_none(connection: &Connection, syntax: &dyn Syntax, child: &str) -> Result<bool> {
    // Preparing SQLite's check finds out whether the parents have such keys at all.
    let whole = format!("PRAGMA main.foreign_key_check({})", syntax.quote_identifier(child));
    if connection.prepare(&whole).is_err() {
        return Ok(false);
    }
    let own = columns(connection, child)?;
    let mut queries = Vec::new();
    let mut numbers = Vec::new();
    for reference in references(connection, child)? {
        let parents = columns(connection, &reference.parent)?;
        let Some(matched) = matched(syntax, &own, &reference, &parents) else { return Ok(false) };
        let is_number = matched.len() <= 2 && matched.iter().all(|pair| pair.storage == Storage::Number);
        let query = orphans(syntax, child, &reference, &matched);
        if is_number {
            numbers.push((NumberKey::of(syntax, &reference, matched), query));
        } else {
            queries.push(query);
        }
    }
    let (keys, instead): (Vec<NumberKey>, Vec<String>) = numbers.into_iter().unzip();
    if !keys.is_empty() {
        match known_keys::check(connection, &syntax.quote_identifier(child), &keys) {
            Ok(Known::HoldBut(left)) => {
                let is_left = |(number, query): (usize, String)| left.contains(&number).then_some(query);
                queries.extend(instead.into_iter().enumerate().filter_map(is_left));
            }
            Ok(Known::Broken) => return Ok(false),
            Ok(Known::Unclear) => queries.extend(instead),
            Err(error) if is_interrupted(&error) => return Err(failed("cannot check the foreign keys", error)),
            Err(_) => return Ok(false),
        }
    }
    for sql in queries {
        let orphan = connection.query_row(&sql, [], |_| Ok(())).optional();
        match orphan {
            Ok(None) => {}
            Ok(Some(())) => return Ok(false),
            // What keeps this query from running (a generated column's function) need not keep SQLite's check from it.
            Err(error) if is_interrupted(&error) => return Err(failed("cannot check the foreign keys", error)),
            Err(_) => return Ok(false),
        }
    }
    Ok(true)
}

fn references(connection: &Connection, child: &str) -> Result<Vec<Reference>> {
    let read = || -> rusqlite::Result<Vec<Reference>> {
        let mut statement = connection.prepare(
            "SELECT id, \"table\", \"from\", \"to\" FROM pragma_foreign_key_list(?1, 'main') ORDER BY id, seq",
        )?;
        let mut found = BTreeMap::new();
        let mut rows = statement.query([child])?;
        while let Some(row) = rows.next()? {
            let parent = row.get(1)?;
            let reference =
                found.entry(row.get::<_, i64>(0)?).or_insert_with(|| Reference { parent, pairs: Vec::new() });
            reference.pairs.push((row.get(2)?, row.get(3)?));
        }
        Ok(found.into_values().collect())
    };
    read().map_err(|error| failed("cannot read the foreign keys", error))
}

fn is_interrupted(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(rusqlite::ErrorCode::OperationInterrupted)
}

/// A column of a key and the parent's, quoted, which store a value alike.
struct Matched {
    from: String,
    to: String,
    storage: Storage,
}

impl NumberKey {
    fn of(syntax: &dyn Syntax, reference: &Reference, matched: Vec<Matched>) -> Self {
        let (child_columns, parent_columns) = matched.into_iter().map(|pair| (pair.from, pair.to)).unzip();
        Self { parent: syntax.quote_identifier(&reference.parent), child_columns, parent_columns }
    }
}

/// The columns of a key in pairs; none where two of them store the same value differently, or one is not there.
fn matched(
    syntax: &dyn Syntax,
    own: &[TargetColumn],
    reference: &Reference,
    parents: &[TargetColumn],
) -> Option<Vec<Matched>> {
    let mut primary: Vec<&TargetColumn> = parents.iter().filter(|column| column.key_position > 0).collect();
    primary.sort_by_key(|column| column.key_position);
    let find = |columns: &[TargetColumn], name: &str| -> Option<(String, Storage)> {
        let column = columns.iter().find(|column| column.name.eq_ignore_ascii_case(name))?;
        Some((syntax.quote_identifier(&column.name), Storage::of(&column.declared)?))
    };
    let pair = |(position, (from, to)): (usize, &(String, Option<String>))| {
        let (from, storage) = find(own, from)?;
        let to = to.as_deref().or_else(|| primary.get(position).map(|column| column.name.as_str()))?;
        let (to, expected) = find(parents, to)?;
        (storage == expected).then_some(Matched { from, to, storage })
    };
    reference.pairs.iter().enumerate().map(pair).collect()
}

/// The query that finds a key without a parent.
fn orphans(syntax: &dyn Syntax, child: &str, reference: &Reference, matched: &[Matched]) -> String {
    let (mut keys, mut given, mut order, mut matches) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (position, Matched { from, to, .. }) in matched.iter().enumerate() {
        keys.push(format!("child.{from} AS key_{position}"));
        given.push(format!("child.{from} IS NOT NULL"));
        // The finest order, so that keys which only the child's own collation takes for equal are each looked up.
        order.push(format!("child.{from} COLLATE BINARY"));
        // The collation of a comparison is that of the column on its left: the parent's, as in SQLite's check.
        matches.push(format!("parent.{to} = keys.key_{position}"));
    }
    // Grouping sorts in bounded memory, where DISTINCT would build a tree.
    format!(
        "SELECT 1 FROM (SELECT {} FROM main.{} AS child WHERE {} GROUP BY {}) AS keys WHERE NOT EXISTS (SELECT 1 FROM main.{} \
         AS parent WHERE {}) LIMIT 1",
        keys.join(", "),
        syntax.quote_identifier(child),
        given.join(" AND "),
        order.join(", "),
        syntax.quote_identifier(&reference.parent),
        matches.join(" AND ")
    )
}

/// What a column does to a value that it stores. Values of two columns that do the same are compared as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Storage {
    Number,
    Text,
    AsItIs,
}

impl Storage {
    /// `ANY` is a number's name in one table and no type at all in a `STRICT` one.
    fn of(declared: &str) -> Option<Self> {
        match Affinity::of(declared) {
            _ if declared.eq_ignore_ascii_case("ANY") => None,
            Affinity::Integer | Affinity::Real | Affinity::Numeric => Some(Self::Number),
            Affinity::Text => Some(Self::Text),
            Affinity::Blob => Some(Self::AsItIs),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax::SqliteSyntax;

    fn answer(sql: &str) -> (bool, usize) {
        let connection = Connection::open_in_memory().expect("SQLite");
        connection.execute_batch(&format!("PRAGMA foreign_keys = OFF; {sql}")).expect("tables");
        let offending = connection
            .prepare("SELECT 1 FROM pragma_foreign_key_check('child', 'main')")
            .expect("a check")
            .query_map([], |_| Ok(()))
            .expect("rows")
            .take_while(Result::is_ok)
            .count();
        (has_none(&connection, &SqliteSyntax, "child").expect("an answer"), offending)
    }

    #[test]
    fn what_holds_is_seen_to_hold() {
        for sql in [
            "CREATE TABLE p(id INTEGER PRIMARY KEY); CREATE TABLE child(a INT REFERENCES p);
             INSERT INTO p VALUES(1), (2); INSERT INTO child VALUES(1), (2), (2), (NULL), ('2');",
            "CREATE TABLE p(x TEXT, y REAL, UNIQUE(y, x)); CREATE TABLE child(a REAL, b TEXT, FOREIGN KEY(b, a) REFERENCES p(x, y));
             INSERT INTO p VALUES('k', 1), ('l', 2.5); INSERT INTO child VALUES(1, 'k'), (2.5, 'l'), (9, NULL), (NULL, 'z');",
            "CREATE TABLE p(\"a \"\"b\" TEXT COLLATE NOCASE PRIMARY KEY) WITHOUT ROWID;
             CREATE TABLE child(\"k \"\"k\" TEXT REFERENCES p); CREATE INDEX i ON child(\"k \"\"k\");
             INSERT INTO p VALUES('Key'); INSERT INTO child VALUES('KEY'), ('key');",
            "CREATE TABLE child(id PRIMARY KEY, up REFERENCES child); INSERT INTO child VALUES(1, 1), (x'00', 1), ('t', x'00');",
            "CREATE TABLE p(id INTEGER PRIMARY KEY); CREATE TABLE q(id TEXT UNIQUE);
             CREATE TABLE child(a INT REFERENCES p, b TEXT REFERENCES q(id));
             INSERT INTO p VALUES(1); INSERT INTO q VALUES('x'); INSERT INTO child VALUES(1, 'x'), (NULL, 'x');",
            "CREATE TABLE child(a);",
        ] {
            assert_eq!(answer(sql), (true, 0), "{sql}");
        }
    }

    #[test]
    fn a_row_without_a_parent_is_never_overlooked() {
        for sql in [
            "CREATE TABLE p(id INTEGER PRIMARY KEY); CREATE TABLE child(a INT REFERENCES p);
             INSERT INTO p VALUES(1); INSERT INTO child VALUES(1), (2);",
            // Equal for the child's collation, different for the parent's.
            "CREATE TABLE p(k TEXT PRIMARY KEY); CREATE TABLE child(a TEXT COLLATE NOCASE REFERENCES p);
             INSERT INTO p VALUES('k'); INSERT INTO child VALUES('k'), ('K');",
            "CREATE TABLE p(x INT, y INT, UNIQUE(x, y)); CREATE TABLE child(a INT, b INT, FOREIGN KEY(a, b) REFERENCES p(x, y));
             INSERT INTO p VALUES(1, 2), (2, 1); INSERT INTO child VALUES(1, 1);",
            // A comparison of a number with a text would convert; the parent's column keeps texts as they are.
            "CREATE TABLE p(k TEXT PRIMARY KEY); CREATE TABLE child(a INT REFERENCES p);
             INSERT INTO p VALUES('01'); INSERT INTO child VALUES(1);",
            "CREATE TABLE p(k ANY PRIMARY KEY) STRICT; CREATE TABLE child(a INT REFERENCES p);
             INSERT INTO p VALUES('1'); INSERT INTO child VALUES(1);",
            "CREATE TABLE child(a INT REFERENCES nowhere(id)); INSERT INTO child VALUES(1);",
            "CREATE TABLE p(id INTEGER PRIMARY KEY); CREATE TABLE q(id INTEGER PRIMARY KEY);
             CREATE TABLE child(a INT REFERENCES p, b INT REFERENCES q); INSERT INTO p VALUES(1); INSERT INTO child VALUES(1, 1);",
        ] {
            let (none, offending) = answer(sql);
            assert!(!none && offending > 0, "{sql}: {none}, {offending}");
        }
    }

    #[test]
    fn a_key_that_the_parent_does_not_have_is_no_yes() {
        let sql = "CREATE TABLE p(k); CREATE TABLE child(a REFERENCES p(k)); INSERT INTO p VALUES(1); INSERT INTO child VALUES(1);";
        assert!(!answer(sql).0);
    }

    #[test]
    fn the_order_is_taken_from_an_index_or_made_by_sorting() {
        let connection = Connection::open_in_memory().expect("SQLite");
        connection
            .execute_batch("CREATE TABLE p(id INTEGER PRIMARY KEY); CREATE TABLE child(a INT REFERENCES p)")
            .expect("tables");
        let plan = || {
            let own = columns(&connection, "child").expect("columns");
            let parents = columns(&connection, "p").expect("columns");
            let reference = references(&connection, "child").expect("keys").remove(0);
            let matched = matched(&SqliteSyntax, &own, &reference, &parents).expect("columns");
            let sql = orphans(&SqliteSyntax, "child", &reference, &matched);
            let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).expect("a plan");
            let lines = statement.query_map([], |row| row.get::<_, String>(3)).expect("lines");
            lines.map(|line| line.expect("a line")).collect::<Vec<_>>().join("; ")
        };
        let sorted = plan();
        assert!(sorted.contains("USE TEMP B-TREE FOR GROUP BY"), "{sorted}");
        assert!(sorted.contains("SEARCH parent USING INTEGER PRIMARY KEY"), "{sorted}");
        connection.execute_batch("CREATE INDEX by_a ON child(a)").expect("an index");
        let indexed = plan();
        assert!(indexed.contains("USING COVERING INDEX by_a") && !indexed.contains("TEMP"), "{indexed}");
    }
}
