//! A look at some values of a table, so that types can be chosen: its first and its last rows in key order.
//!
//! The same data gives the same sample. It is bounded in rows and in bytes, and it decides nothing that matters for
//! exactness; see [`crate::types`].

use crate::error::database_error;
use crate::number::{Decimal, numeric_real};
use crate::shape::{column_expression, row_key};
use crate::temporal::{Separator, date, timestamp_style};
use crate::types::{Family, Look};
use dbferry_dialect::{CollectionName, Result};
use rusqlite::Connection;
use rusqlite::types::ValueRef;

/// Rows at each end of the table.
const ROWS: usize = 500;
/// Bytes of values at each end of the table; the row that goes beyond them is the last one.
const BYTES: usize = 1 << 20;

/// What was seen of one column, nulls left out.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Profile {
    pub(crate) integers: u64,
    pub(crate) reals: u64,
    pub(crate) texts: u64,
    pub(crate) blobs: u64,
    /// Integers other than 0 and 1.
    pub(crate) beyond_bool: u64,
    /// Texts that are not `YYYY-MM-DD`.
    pub(crate) not_dates: u64,
    /// How timestamps among the texts are spelled.
    pub(crate) style: Style,
    /// Texts and blobs that are not a UUID.
    pub(crate) not_uuids: u64,
    /// Numbers that are not of the declared decimal type.
    pub(crate) misfits: u64,
}

/// How the timestamps of a column are spelled.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum Style {
    /// Nothing was seen.
    #[default]
    None,
    /// All have this separator and so many digits of fraction.
    One(Separator, usize),
    /// There are several spellings, or texts that are no timestamps.
    Many,
}

impl Profile {
    /// Values that are not null.
    pub(crate) fn total(&self) -> u64 {
        self.integers + self.reals + self.texts + self.blobs
    }

    /// Whether at least nine of ten values are numbers, so that the others are better kept as exceptions.
    pub(crate) fn mostly_numbers(&self) -> bool {
        (self.integers + self.reals) * 10 >= self.total() * 9
    }

    /// Takes a value into account.
    pub(crate) fn add(&mut self, value: ValueRef<'_>, decimal: Option<Decimal>) {
        match value {
            ValueRef::Null => {}
            ValueRef::Integer(value) => {
                self.integers += 1;
                self.beyond_bool += u64::from(!matches!(value, 0 | 1));
                self.misfits += u64::from(decimal.is_some_and(|decimal| decimal.of_integer(value).is_err()));
            }
            ValueRef::Real(value) => {
                self.reals += 1;
                self.misfits += u64::from(decimal.is_some_and(|decimal| {
                    // What no type can take, a numeric column cannot take either: it is no reason to leave this one.
                    numeric_real(value).is_ok() && decimal.of_real(value).is_err()
                }));
            }
            ValueRef::Text(text) => {
                self.texts += 1;
                self.not_dates += u64::from(date(text).is_none());
                self.not_uuids += u64::from(parse_uuid(text).is_none());
                self.style = match (self.style, timestamp_style(text)) {
                    (Style::None, Some((separator, fraction))) => Style::One(separator, fraction),
                    (Style::One(separator, fraction), Some(found)) if found == (separator, fraction) => self.style,
                    _ => Style::Many,
                };
            }
            ValueRef::Blob(bytes) => {
                self.blobs += 1;
                self.not_uuids += u64::from(bytes.len() != 16);
            }
        }
    }

    fn add_class(&mut self, class: ValueRef<'_>) {
        match class {
            ValueRef::Text(b"integer") => self.integers += 1,
            ValueRef::Text(b"real") => self.reals += 1,
            ValueRef::Text(b"text") => self.texts += 1,
            ValueRef::Text(b"blob") => self.blobs += 1,
            _ => {}
        }
    }
}

/// 36 lower-case characters in the canonical form as 16 bytes.
#[inline]
pub(crate) fn parse_uuid(text: &[u8]) -> Option<[u8; 16]> {
    if text.len() != 36 {
        return None;
    }
    let mut uuid = [0; 16];
    let mut position = 0;
    for (index, byte) in uuid.iter_mut().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            if *text.get(position)? != b'-' {
                return None;
            }
            position += 1;
        }
        *byte = hex_digit(*text.get(position)?)? << 4 | hex_digit(*text.get(position + 1)?)?;
        position += 2;
    }
    Some(uuid)
}

#[inline]
fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    }
}

/// Profiles of the columns of `table`, in their order; an empty one for a column without a choice.
///
/// # Errors
/// What SQLite says.
pub(crate) fn profiles(
    connection: &Connection,
    table: &CollectionName,
    columns: &[(&str, Family)],
) -> Result<Vec<Profile>> {
    let mut profiles = vec![Profile::default(); columns.len()];
    let looked: Vec<usize> = (0..columns.len()).filter(|index| columns[*index].1.look() != Look::Nowhere).collect();
    if looked.is_empty() {
        return Ok(profiles);
    }
    let expressions: Vec<String> = looked
        .iter()
        .map(|index| {
            let (name, family) = columns[*index];
            let column = column_expression(table, name);
            // The class of a value is known without loading the value.
            if family.look() == Look::Class { format!("typeof({column})") } else { column }
        })
        .collect();
    let key = row_key(connection, table)?;
    let select = format!("SELECT {} FROM {}", expressions.join(", "), key.source(table));
    for reverse in [false, true] {
        let rows = end_of_table(connection, &format!("{select} {}", key.order(reverse)), |index, value| {
            let column = looked[index];
            let family = columns[column].1;
            match family.look() {
                Look::Class => profiles[column].add_class(value),
                Look::Nowhere | Look::Value => profiles[column].add(value, family.decimal()),
            }
        })
        .map_err(|error| database_error("values cannot be looked at", error).with("collection", table))?;
        if rows < ROWS {
            // The whole table was seen, or the values are so large that some of them must do.
            break;
        }
    }
    Ok(profiles)
}

/// Shows the values of the first rows to `take`; returns how many rows there were.
fn end_of_table(
    connection: &Connection,
    select: &str,
    mut take: impl FnMut(usize, ValueRef<'_>),
) -> rusqlite::Result<usize> {
    let mut statement = connection.prepare(select)?;
    let columns = statement.column_count();
    let mut rows = statement.query([])?;
    let mut seen = 0;
    let mut bytes = 0;
    while seen < ROWS && bytes < BYTES {
        let Some(row) = rows.next()? else { return Ok(seen) };
        for index in 0..columns {
            let value = row.get_ref(index)?;
            if let ValueRef::Text(content) | ValueRef::Blob(content) = value {
                bytes += content.len();
            }
            take(index, value);
        }
        seen += 1;
    }
    // Bytes ran out before rows did: there is another end to look at.
    Ok(ROWS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::NAMESPACE;

    #[test]
    fn both_ends_are_seen() {
        let connection = Connection::open_in_memory().expect("SQLite");
        connection
            .execute_batch(
                "CREATE TABLE t(a BOOLEAN, b BLOB, c);
                 WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
                 INSERT INTO t SELECT i = 3000, iif(i = 1, 'text', x'00'), i FROM n",
            )
            .expect("a table");
        let columns = [("a", Family::Bool), ("b", Family::Bytes), ("c", Family::Dynamic)];
        let seen = profiles(&connection, &CollectionName::new(NAMESPACE, "t"), &columns).expect("profiles");
        assert_eq!((seen[0].integers, seen[0].beyond_bool), (1000, 0));
        assert_eq!((seen[1].texts, seen[1].blobs), (1, 999));
        assert_eq!(seen[2], Profile::default());
    }

    #[test]
    fn large_values_end_the_look() {
        let connection = Connection::open_in_memory().expect("SQLite");
        connection
            .execute_batch(
                "CREATE TABLE t(a UUID);
                 WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20)
                 INSERT INTO t SELECT zeroblob(300000) FROM n",
            )
            .expect("a table");
        let seen =
            profiles(&connection, &CollectionName::new(NAMESPACE, "t"), &[("a", Family::Uuid)]).expect("profiles");
        assert_eq!(seen[0].blobs, 8);
    }

    #[test]
    fn a_uuid_has_one_spelling() {
        assert_eq!(parse_uuid(b"00112233-4455-6677-8899-aabbccddeeff").map(|uuid| uuid[15]), Some(0xff));
        for bad in [
            "00112233-4455-6677-8899-AABBCCDDEEFF",
            "00112233445566778899aabbccddeeff",
            "",
            "{0112233-4455-6677-8899-aabbccddeef}",
        ] {
            assert_eq!(parse_uuid(bad.as_bytes()), None, "{bad}");
        }
    }
}
