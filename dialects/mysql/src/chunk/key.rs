//! The key that a table is divided by.

use super::DIVIDING;
use crate::syntax::MySqlSyntax;
use crate::wire::Wire;
use dbferry_dialect::{Error, ErrorKind, NativeValue, Result, Syntax};
use std::collections::BTreeMap;

/// A unique key all of whose columns can be compared exactly.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct TableKey {
    /// The index's name.
    pub(super) index: String,
    pub(super) columns: Vec<KeyColumn>,
}

/// One of its columns.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct KeyColumn {
    /// Quoted.
    pub(super) name: String,
    pub(super) kind: KeyKind,
    pub(super) nullable: bool,
}

/// How a column's values are asked for and written down.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum KeyKind {
    /// Digits, a sign, a point.
    Integer,
    Decimal,
    /// Digits, `-`, `:`, a point and a blank between quotes.
    Temporal,
    /// Bytes, in that character set and compared by that collation.
    Text {
        charset: String,
        collation: String,
    },
    /// Bytes.
    Binary,
    /// The text of a type of MariaDB's that has an order of its own.
    Named(&'static str),
}

/// What the server says of the columns of a table, and of an index.
struct Listed {
    name: String,
    usable: bool,
    columns: Vec<Option<String>>,
}

impl TableKey {
    /// The key of the table of that quoted name, if it has one that divides it.
    pub(super) fn of(wire: &mut Wire, relation: &str) -> Result<Option<Self>> {
        let kinds = columns(wire, relation)?;
        let indexes = indexes(wire, relation)?;
        let mut candidates: Vec<Self> = indexes
            .into_iter()
            .filter(|index| index.usable)
            .filter_map(|index| {
                let column = |name: Option<String>| kinds.get(&name?).cloned();
                let columns: Option<Vec<KeyColumn>> = index.columns.into_iter().map(column).collect();
                Some(Self { index: index.name, columns: columns? })
            })
            .collect();
        // The server lists the primary key first and unique keys without nulls before others; it may have sorted by name.
        candidates.sort_by_key(|key| (key.rank(), key.index.clone()));
        Ok(candidates.into_iter().find(|key| !key.nullable() || key.columns.len() == 1))
    }

    fn rank(&self) -> u8 {
        match (self.index.as_str(), self.nullable()) {
            ("PRIMARY", _) => 0,
            (_, false) => 1,
            _ => 2,
        }
    }

    /// Whether its columns may be null.
    pub(super) fn nullable(&self) -> bool {
        self.columns.iter().any(|column| column.nullable)
    }

    /// The condition that a key lies in `[from, to)`; the range without `from` owns the null keys. Empty when all do.
    pub(super) fn condition(&self, from: Option<&[NativeValue]>, to: Option<&[NativeValue]>) -> Result<String> {
        let mut conditions = Vec::new();
        if let Some(from) = from {
            conditions.push(self.compare(from, '>', ">=")?);
        }
        if let Some(to) = to {
            let below = self.compare(to, '<', "<")?;
            conditions.push(match self.columns.as_slice() {
                [column] if column.nullable && from.is_none() => format!("({below} OR {} IS NULL)", column.name),
                _ => below,
            });
        }
        Ok(conditions.join(" AND "))
    }

    /// The lexicographic comparison, spelled so that the servers find it in an index: they do not look into that of tuples.
    fn compare(&self, values: &[NativeValue], strict: char, last: &str) -> Result<String> {
        if values.len() != self.columns.len() {
            return Err(Error::new(ErrorKind::Internal, "a boundary has another number of values than the key")
                .with("dialect", crate::NAME));
        }
        let mut literals = Vec::new();
        for (column, value) in self.columns.iter().zip(values) {
            literals.push((column.name.as_str(), column.kind.literal(value)?));
        }
        let mut condition = String::new();
        for (place, (name, literal)) in literals.iter().enumerate().rev() {
            condition = if place + 1 == literals.len() {
                format!("{name} {last} {literal}")
            } else {
                format!("({name} {strict} {literal} OR ({name} = {literal} AND {condition}))")
            };
        }
        Ok(condition)
    }
}

impl KeyKind {
    /// Of a column of that native type and collation.
    fn of(native: &str, collation: Option<&str>) -> Option<Self> {
        let end = native.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(native.len());
        Some(match native.get(..end)? {
            "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "year" => Self::Integer,
            "decimal" => Self::Decimal,
            "date" | "datetime" | "timestamp" | "time" => Self::Temporal,
            "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" => {
                let collation = collation?;
                let charset = collation.split_once('_').map_or(collation, |(charset, _)| charset);
                Self::Text { charset: charset.to_owned(), collation: collation.to_owned() }
            }
            "binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" => Self::Binary,
            "uuid" => Self::Named("UUID"),
            "inet6" => Self::Named("INET6"),
            "inet4" => Self::Named("INET4"),
            _ => return None,
        })
    }

    /// What to select, to get a value as text.
    pub(super) fn expression(&self, name: &str) -> String {
        match self {
            Self::Text { .. } | Self::Binary => format!("HEX({name})"),
            // A date of a text protocol is a text already; numbers are too.
            _ => name.to_owned(),
        }
    }

    /// The value behind that text.
    pub(super) fn value(&self, text: &[u8]) -> Option<NativeValue> {
        let plain = std::str::from_utf8(text).ok()?;
        Some(match self {
            Self::Text { .. } | Self::Binary => NativeValue::Bytes(unhex(text)?),
            Self::Integer => match plain.parse() {
                Ok(number) => NativeValue::Integer(number),
                // Larger than any signed number.
                Err(_) => NativeValue::Text(plain.to_owned()),
            },
            _ => NativeValue::Text(plain.to_owned()),
        })
    }

    /// The value in SQL. Characters are written as hexadecimal digits: in whatever character set, none of them means
    /// anything to a parser.
    fn literal(&self, value: &NativeValue) -> Result<String> {
        let only = |text: &str, allowed: &str| {
            text.bytes().all(|byte| byte.is_ascii_alphanumeric() || allowed.as_bytes().contains(&byte))
        };
        Ok(match (self, value) {
            (Self::Integer, NativeValue::Integer(number)) => number.to_string(),
            (Self::Integer | Self::Decimal, NativeValue::Text(text)) if only(text, "-.") => text.clone(),
            (Self::Temporal, NativeValue::Text(text)) if only(text, "-.: ") => format!("'{text}'"),
            (Self::Text { charset, collation }, NativeValue::Bytes(bytes)) => {
                format!("_{charset} X'{}' COLLATE {collation}", hex(bytes))
            }
            (Self::Binary, NativeValue::Bytes(bytes)) => format!("X'{}'", hex(bytes)),
            (Self::Named(native), NativeValue::Text(text)) if only(text, "-.:") => {
                format!("CAST('{text}' AS {native})")
            }
            _ => {
                return Err(Error::new(ErrorKind::Internal, "a boundary is not a value of its column")
                    .with("dialect", crate::NAME));
            }
        })
    }
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    // Half a byte is below 16.
    let digit = |half: u8| char::from(DIGITS[usize::from(half & 0xf)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect()
}

fn unhex(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    // Two digits are below 256.
    let byte = |pair: &[u8; 2]| Some((digit(pair[0])? << 4 | digit(pair[1])?) as u8);
    let (pairs, rest) = text.as_chunks();
    if rest.is_empty() { pairs.iter().map(byte).collect() } else { None }
}

fn text(value: Option<&Option<Vec<u8>>>) -> Option<String> {
    String::from_utf8(value?.clone()?).ok()
}

/// The columns that can be compared exactly, by name.
fn columns(wire: &mut Wire, relation: &str) -> Result<BTreeMap<String, KeyColumn>> {
    // Name, type, collation, whether it may be null, ...
    let rows = wire.query(DIVIDING, &format!("SHOW FULL COLUMNS FROM {relation}"))?;
    let column = |row: &Vec<Option<Vec<u8>>>| {
        let name = text(row.first())?;
        let kind = KeyKind::of(&text(row.get(1))?, text(row.get(2)).as_deref())?;
        let nullable = text(row.get(3)).as_deref() != Some("NO");
        Some((name.clone(), KeyColumn { name: MySqlSyntax.quote_identifier(&name), kind, nullable }))
    };
    Ok(rows.iter().filter_map(column).collect())
}

/// The unique indexes; an expression has no column.
fn indexes(wire: &mut Wire, relation: &str) -> Result<Vec<Listed>> {
    // 1 whether not unique, 2 name, 4 column, 5 order, 7 prefix, 10 kind, 13 MariaDB: whether ignored, MySQL: whether visible,
    // and an expression after that.
    let rows = wire.query(DIVIDING, &format!("SHOW INDEX FROM {relation}"))?;
    let mut indexes: Vec<Listed> = Vec::new();
    for row in &rows {
        let field = |place: usize| text(row.get(place));
        if field(1).as_deref() != Some("0") {
            continue;
        }
        let Some(name) = field(2) else { continue };
        let seen = if row.len() > 14 { "YES" } else { "NO" };
        let usable = field(5).as_deref() == Some("A")
            && field(7).is_none()
            && field(10).as_deref() == Some("BTREE")
            && field(13).is_none_or(|flag| flag == seen);
        match indexes.last_mut().filter(|index| index.name == name) {
            Some(index) => {
                index.usable &= usable;
                index.columns.push(field(4));
            }
            None => indexes.push(Listed { name, usable, columns: vec![field(4)] }),
        }
    }
    Ok(indexes)
}
