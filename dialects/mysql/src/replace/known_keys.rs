//! Foreign keys of whole numbers, compared with the parents' keys in memory.
//!
//! The key columns of the child are read once for all such keys of the table, from an index if one has them all. A server looks
//! for each row's parent by itself instead: for 6 million rows with two keys that takes 25 seconds, this takes 5. What it is not:
//! a second opinion on values that are not spelled as whole numbers, or on more parents than may be held; there it has no answer.

use super::foreign_keys::{Edge, TableName};
use crate::MySqlSyntax;
use crate::wire::{ColumnDefinition, TextRow, Wire};
use dbferry_dialect::{Result, Syntax};
use mysql_common::constants::ColumnType;

/// From how many rows on it is worth a session of its own.
pub(super) const MANY_ROWS: u64 = 50_000;
/// The most keys that are held for one table: 32 MiB.
const MOST_KEYS: usize = 2 << 20;
const DOING: &str = "the keys of a table cannot be read";

/// A key of one number has a zero behind it.
type Pair = [i64; 2];

/// What is known of a row's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    /// One of its columns is null.
    Null,
    Known(Pair),
    /// Not every column is spelled as a whole number that is held here.
    Other,
}

/// The keys that a table's rows may refer to.
struct Parents {
    /// Sorted.
    keys: Vec<Pair>,
    /// Where the last one stood: rows often come in the order of their keys.
    last: usize,
}

impl Parents {
    fn new(mut keys: Vec<Pair>) -> Self {
        keys.sort_unstable();
        keys.dedup();
        Self { keys, last: 0 }
    }

    fn contains(&mut self, key: Pair) -> bool {
        let near = self.keys.get(self.last..).unwrap_or_default().iter().take(2).position(|known| *known == key);
        match near {
            Some(steps) => self.last += steps,
            None => match self.keys.binary_search(&key) {
                Ok(at) => self.last = at,
                Err(_) => return false,
            },
        }
        true
    }
}

/// Which of these keys of one table hold for all of its rows. Of the others nothing is known.
///
/// # Errors
/// What the server says.
pub(super) fn that_hold(connect: &dyn Fn() -> Result<Wire>, child: &TableName, edges: &[&Edge]) -> Result<Vec<bool>> {
    let mut hold = vec![false; edges.len()];
    let mut wire = connect()?;
    let (mut known, mut room) = (Vec::new(), MOST_KEYS);
    for (at, edge) in edges.iter().enumerate() {
        // Keys of more columns, and of rows that may have their parents in one of two tables, are the server's.
        let are_compared = (1..=2).contains(&edge.columns.len()) && edge.parent_columns.len() == edge.columns.len();
        if edge.parents.len() != 1 || !are_compared {
            continue;
        }
        let Some(parent) = edge.parents.first() else { continue };
        match parents(&mut wire, parent, &edge.parent_columns, room)? {
            Some(keys) => {
                room -= keys.len();
                known.push((at, Parents::new(keys)));
            }
            // It may not have been asked to the end.
            None => wire = connect()?,
        }
    }
    if known.is_empty() {
        return Ok(hold);
    }
    let columns: Vec<&String> = known.iter().flat_map(|(at, _)| &edges[*at].columns).collect();
    let all = wire.each(DOING, &select(child, &columns), &are_whole_numbers, &mut |mut row| {
        for (at, parents) in &mut known {
            let holds = match key(&mut row, edges[*at].columns.len())? {
                Key::Null => true,
                Key::Known(key) => parents.contains(key),
                Key::Other => false,
            };
            if !holds {
                return Ok(false);
            }
        }
        Ok(true)
    })?;
    if all {
        known.iter().for_each(|(at, _)| hold[*at] = true);
    }
    Ok(hold)
}

/// The keys of a parent; none when one is not spelled as whole numbers or there are more than `room`. Rows with a null are
/// nobody's parents.
fn parents(wire: &mut Wire, table: &TableName, columns: &[String], room: usize) -> Result<Option<Vec<Pair>>> {
    let mut keys = Vec::new();
    let select = select(table, &columns.iter().collect::<Vec<_>>());
    let all = wire.each(DOING, &select, &are_whole_numbers, &mut |mut row| {
        match key(&mut row, columns.len())? {
            Key::Known(_) if keys.len() == room => return Ok(false),
            Key::Known(key) => keys.push(key),
            Key::Null => {}
            Key::Other => return Ok(false),
        }
        Ok(true)
    })?;
    Ok(all.then_some(keys))
}

/// Whether these are columns of integers. Texts have collations, and floats are not printed whole.
fn are_whole_numbers(columns: &[ColumnDefinition]) -> bool {
    const INTEGERS: [ColumnType; 5] = [
        ColumnType::MYSQL_TYPE_TINY,
        ColumnType::MYSQL_TYPE_SHORT,
        ColumnType::MYSQL_TYPE_INT24,
        ColumnType::MYSQL_TYPE_LONG,
        ColumnType::MYSQL_TYPE_LONGLONG,
    ];
    columns.iter().all(|column| INTEGERS.iter().any(|integer| *integer as u8 == column.column_type))
}

fn select(table: &TableName, columns: &[&String]) -> String {
    let columns: Vec<String> = columns.iter().map(|column| MySqlSyntax.quote_identifier(column)).collect();
    format!("SELECT {} FROM {}", columns.join(", "), table.sql())
}

/// The next columns of a row as a key.
fn key(row: &mut TextRow<'_>, columns: usize) -> Result<Key> {
    let mut found = Key::Known([0; 2]);
    for at in 0..columns {
        let value = row.next()?.flatten();
        if let Key::Known(pair) = &mut found {
            match value.map(number) {
                None => found = Key::Null,
                Some(None) => found = Key::Other,
                Some(Some(number)) => pair[at] = number,
            }
        }
    }
    Ok(found)
}

/// A whole number in the spelling that servers give it, unless it is filled up with zeros or very large.
fn number(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    if digits.is_empty() || digits.len() > 18 || digits.len() > 1 && digits[0] == b'0' || negative && digits == b"0" {
        return None;
    }
    let mut value = 0;
    for digit in digits {
        let digit = digit.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + i64::from(digit);
    }
    Some(if negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_one_spelling_is_a_number() {
        for (text, expected) in [
            ("0", Some(0)),
            ("-7", Some(-7)),
            ("999999999999999999", Some(999_999_999_999_999_999)),
            ("9223372036854775807", None),
            ("", None),
            ("-", None),
            ("-0", None),
            ("007", None),
            ("+7", None),
            ("7 ", None),
            ("7.0", None),
            ("1e3", None),
        ] {
            assert_eq!(number(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn parents_are_found_in_any_order() {
        let mut parents = Parents::new(vec![[3, 4], [1, 2], [3, 4], [-1, 0], [3, 5]]);
        for (key, found) in
            [([1, 2], true), ([3, 4], true), ([3, 5], true), ([-1, 0], true), ([1, 3], false), ([9, 9], false)]
        {
            assert_eq!(parents.contains(key), found, "{key:?}");
        }
        assert!(!Parents::new(Vec::new()).contains([0, 0]));
    }
}
