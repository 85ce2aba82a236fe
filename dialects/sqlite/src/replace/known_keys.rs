//! Foreign keys of whole numbers, compared with the parents' keys in memory.
//!
//! The rows of the child are read once, in the order in which they lie, for all such keys of the table: nothing is sorted and no
//! parent is looked for in the file. For 6 million rows with keys to 800,000 parents of two columns that takes 2 seconds,
//! where sorting takes 6. What it is not: a second opinion on values that are no whole numbers, or on more parents than may be
//! held; there it has no answer.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};
use std::collections::HashSet;

/// The most keys that are held for one table: about 40 MiB of pairs.
const MOST_KEYS: usize = 1 << 20;

/// One foreign key whose columns store numbers: their names, quoted, in the child and in the parent. One or two.
pub(super) struct NumberKey {
    /// The parent's table, quoted.
    pub(super) parent: String,
    pub(super) child_columns: Vec<String>,
    pub(super) parent_columns: Vec<String>,
}

/// What is known of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// Every row has its parents, but for the keys at these places, which have too many parents or some that are no whole
    /// numbers.
    HoldBut(Vec<usize>),
    /// Some row has none.
    Broken,
    /// Not every value of the child is a whole number.
    Unclear,
}

/// A key of one number stands there twice.
type Pair = [i64; 2];

enum Cell {
    Null,
    Key(Pair),
    Other,
}

/// Compares every row of `child`, a quoted name, with the parents of `keys`.
///
/// # Errors
/// What SQLite says.
pub(super) fn check(connection: &Connection, child: &str, keys: &[NumberKey]) -> rusqlite::Result<Known> {
    let (mut parents, mut places, mut left) = (Vec::new(), Vec::new(), Vec::new());
    let mut columns: Vec<&str> = Vec::new();
    let mut room = MOST_KEYS;
    for (number, key) in keys.iter().enumerate() {
        let Some(set) = read(connection, key, room)? else {
            left.push(number);
            continue;
        };
        room -= set.len();
        let at: Vec<usize> = key.child_columns.iter().map(|name| place(&mut columns, name)).collect();
        let (Some(first), Some(last)) = (at.first(), at.last()) else { return Ok(Known::Unclear) };
        parents.push(set);
        places.push([*first, *last]);
    }
    if parents.is_empty() {
        return Ok(Known::HoldBut(left));
    }
    let mut statement = connection.prepare(&format!("SELECT {} FROM main.{child}", columns.join(", ")))?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        for (at, known) in places.iter().zip(&parents) {
            match cell(row, *at)? {
                Cell::Null => {}
                Cell::Key(key) if known.contains(&key) => {}
                Cell::Key(_) => return Ok(Known::Broken),
                Cell::Other => return Ok(Known::Unclear),
            }
        }
    }
    Ok(Known::HoldBut(left))
}

/// Where a column stands among those that are read; it is added if it is not there.
fn place<'k>(columns: &mut Vec<&'k str>, name: &'k str) -> usize {
    columns.iter().position(|column| *column == name).unwrap_or_else(|| {
        columns.push(name);
        columns.len() - 1
    })
}

/// The keys of a parent; nothing when one of them is no whole number or there are more than `room`. Rows with a null are nobody's
/// parents.
fn read(connection: &Connection, key: &NumberKey, room: usize) -> rusqlite::Result<Option<HashSet<Pair>>> {
    let columns = key.parent_columns.join(", ");
    let mut statement = connection.prepare(&format!("SELECT {columns} FROM main.{}", key.parent))?;
    let last = key.parent_columns.len().saturating_sub(1);
    let mut rows = statement.query([])?;
    let mut found = HashSet::new();
    while let Some(row) = rows.next()? {
        match cell(row, [0, last])? {
            Cell::Key(_) if found.len() == room => return Ok(None),
            Cell::Key(key) => _ = found.insert(key),
            Cell::Null => {}
            Cell::Other => return Ok(None),
        }
    }
    Ok(Some(found))
}

fn cell(row: &Row<'_>, [first, last]: [usize; 2]) -> rusqlite::Result<Cell> {
    Ok(match (row.get_ref(first)?, row.get_ref(last)?) {
        (ValueRef::Integer(first), ValueRef::Integer(last)) => Cell::Key([first, last]),
        (ValueRef::Null, _) | (_, ValueRef::Null) => Cell::Null,
        _ => Cell::Other,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(sql: &str, columns: &[&str]) -> Known {
        let connection = Connection::open_in_memory().expect("SQLite");
        let tables = "CREATE TABLE p(x, y); CREATE TABLE child(a, b, c);";
        connection.execute_batch(&format!("{tables} {sql}")).expect("tables");
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let key = |child: &[&str]| NumberKey {
            parent: "p".into(),
            child_columns: names(child),
            parent_columns: names(&["x", "y"][..child.len()]),
        };
        check(&connection, "child", &[key(columns), key(&["c"])]).expect("an answer")
    }

    #[test]
    fn rows_are_compared_with_all_parents() {
        let parents = "INSERT INTO p VALUES (1, 2), (3, 4), (NULL, 5);";
        for (rows, columns, expected) in [
            ("(1, 2, 3), (3, 4, 1), (NULL, 9, NULL), (9, NULL, 1)", &["a", "b"][..], Known::HoldBut(vec![])),
            ("(1, 4, 3)", &["a", "b"], Known::Broken),
            ("(1, 2, 2)", &["a", "b"], Known::Broken),
            ("(1, 0, 3), (3, 0, 1)", &["a"], Known::HoldBut(vec![])),
            ("(2, 0, 3)", &["a"], Known::Broken),
            ("(1, 'x', 3)", &["a", "b"], Known::Unclear),
            ("(1, 2.5, 3)", &["a", "b"], Known::Unclear),
        ] {
            let sql = format!("{parents} INSERT INTO child VALUES {rows};");
            assert_eq!(known(&sql, columns), expected, "{rows}");
        }
        assert_eq!(known("INSERT INTO p VALUES ('1', 2)", &["a"]), Known::HoldBut(vec![0, 1]));
        let many = format!(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i <= {MOST_KEYS})
             INSERT INTO p SELECT i, i FROM n;"
        );
        assert_eq!(known(&many, &["a"]), Known::HoldBut(vec![0, 1]));
    }
}
