//! How PostgreSQL spells SQL: names, types and tables built from the model alone.
//!
//! This is the way for archives of other dialects and for those that are not trusted: nothing of a model's text becomes SQL
//! unless it is a quoted name, a quoted literal, or has exactly the shape that is expected of it. What it is not: the exact
//! copy of a table of PostgreSQL's own, which [`ddl`](crate::ddl) builds.

mod crossing;
mod spelling;

use crate::ddl;
use dbferry_dialect::expression::{self, Expression};
use dbferry_dialect::logical::{NetworkKind, OpaqueForm};
use dbferry_dialect::model::{ColumnRole, Counter, DefaultMeaning, Identity, NativeObject, ObjectKind};
use dbferry_dialect::{
    Collection, CollectionName, Column, Domain, Exception, Fidelity, LogicalType, NativeMapping, Part, Syntax, Unspoken,
};

/// PostgreSQL's SQL.
#[derive(Clone, Copy, Debug, Default)]
pub struct PostgresSyntax;

/// Longest `varchar(n)` and `bit(n)`: `MaxAttrSize` and `BITMAXLEN` of the server.
const MAX_CHARACTERS: u64 = 10_485_760;
const MAX_BITS: u32 = 83_886_080;

const NO_NUL: &str = "a text with the character NUL does not fit";
const OWN_TYPE: &str = "PostgreSQL holds it only in a type of its own, which is not made here";

impl Syntax for PostgresSyntax {
    fn native_type(&self, logical: &LogicalType) -> NativeMapping {
        match logical {
            LogicalType::Bool => NativeMapping::exact("boolean"),
            LogicalType::Int { bits, signed } => NativeMapping::exact(integer(*bits, *signed)),
            LogicalType::Decimal { precision, scale } => NativeMapping::exact(format!("numeric({precision},{scale})")),
            LogicalType::Numeric => NativeMapping::exact("numeric"),
            LogicalType::Float { bits: 32 } => NativeMapping::exact("real"),
            LogicalType::Float { .. } => NativeMapping::exact("double precision"),
            // `char(n)` would add blanks to values that came without.
            LogicalType::Text { max_chars: Some(length @ 1..=MAX_CHARACTERS), .. } => {
                NativeMapping::checked(format!("character varying({length})"), NO_NUL)
            }
            LogicalType::Text { .. } | LogicalType::Enum { .. } => NativeMapping::checked("text", NO_NUL),
            LogicalType::Bytes { .. }
            | LogicalType::Geometry { .. }
            | LogicalType::Opaque { form: OpaqueForm::Binary, .. } => NativeMapping::exact("bytea"),
            LogicalType::Opaque { form: OpaqueForm::Text, .. } => NativeMapping::checked("text", NO_NUL),
            LogicalType::Date => NativeMapping::checked("date", "days before 4713 BC do not fit"),
            LogicalType::Time { precision } => NativeMapping::exact(format!("time({precision}) without time zone")),
            LogicalType::TimeTz { precision } => {
                NativeMapping::checked(format!("time({precision}) with time zone"), "offsets of 16 hours do not fit")
            }
            LogicalType::Timestamp { precision } => {
                NativeMapping::checked(format!("timestamp({precision}) without time zone"), TIMESTAMPS)
            }
            LogicalType::Instant { precision } => {
                NativeMapping::checked(format!("timestamp({precision}) with time zone"), TIMESTAMPS)
            }
            LogicalType::Interval => NativeMapping::exact("interval"),
            LogicalType::Span { precision } => NativeMapping::exact(format!("interval({precision})")),
            LogicalType::Year => NativeMapping::exact("smallint"),
            LogicalType::Uuid => NativeMapping::exact("uuid"),
            LogicalType::Json => NativeMapping::checked("json", "a text that is not JSON does not fit"),
            LogicalType::Set { .. } => NativeMapping::checked("text[]", NO_NUL),
            LogicalType::Bits { length: Some(length @ 1..=MAX_BITS), varying } => {
                NativeMapping::exact(format!("bit{}({length})", if *varying { " varying" } else { "" }))
            }
            LogicalType::Bits { .. } => NativeMapping::exact("bit varying"),
            LogicalType::Network { kind } => NativeMapping::exact(match kind {
                NetworkKind::Inet => "inet",
                NetworkKind::Cidr => "cidr",
                NetworkKind::Mac => "macaddr",
                NetworkKind::Mac8 => "macaddr8",
            }),
            LogicalType::Range { element } => match range(element) {
                Some(name) => NativeMapping::exact(name),
                None => unsupported(),
            },
            LogicalType::List { element } => match **element {
                LogicalType::List { .. } | LogicalType::Set { .. } => unsupported(),
                _ => match self.native_type(element) {
                    NativeMapping { fidelity: fidelity @ Fidelity::Unsupported { .. }, text } => {
                        NativeMapping { text, fidelity }
                    }
                    NativeMapping { fidelity, text } => NativeMapping { text: format!("{text}[]"), fidelity },
                },
            },
            LogicalType::Dynamic => NativeMapping::lossy("text", "numbers, bytes and texts all become texts"),
            LogicalType::Struct { .. } | LogicalType::Map => unsupported(),
            // A type that this version does not know.
            _ => NativeMapping::lossy("text", "this logical type has no form in PostgreSQL yet"),
        }
    }

    fn exception_text(&self, logical: &LogicalType, exception: &Exception) -> Option<String> {
        crossing::exception_text(logical, exception)
    }

    fn domain(&self, logical: &LogicalType) -> Domain {
        crossing::domain(logical)
    }

    fn column_default(&self, _collection: &Collection, column: &Column) -> Option<String> {
        self.default(column)
    }

    fn numbers(&self, _collection: &Collection, column: &Column) -> bool {
        self.identity(column).is_some()
    }

    fn numbered_by(&self, column: &Column, objects: &[&NativeObject]) -> Option<(usize, Option<Counter>)> {
        let native = &column.default.as_ref()?.native;
        let name = ddl::sequence::next_of(native)?;
        let is_it = |object: &&NativeObject| {
            object.kind == ObjectKind::Sequence && object.namespace == name.namespace && object.name == name.name
        };
        let place = objects.iter().position(is_it)?;
        let state = crate::objects::create::sequence_state(objects[place]);
        let counter = |(last_value, is_called)| Counter { column: column.name.clone(), last_value, is_called };
        Some((place, state.map(counter)))
    }

    fn unspoken(&self, part: Part<'_>) -> Vec<Unspoken> {
        crossing::unspoken(part)
    }

    fn read_expression(&self, collection: &Collection, text: &str) -> Option<Expression> {
        let columns: Vec<&str> = collection.columns.iter().map(|column| column.name.as_str()).collect();
        expression::read(text, &spelling::GRAMMAR, &columns)
    }

    fn expression(&self, collection: &Collection, expression: &Expression) -> Option<String> {
        expression::spell(expression, &spelling::PostgresSpelling(collection))
    }

    fn create_table(&self, name: &CollectionName, collection: &Collection) -> String {
        let columns = collection.columns.iter().filter(|column| column.role == ColumnRole::Data);
        let mut parts: Vec<String> = columns.map(|column| self.column(column)).collect();
        if let Some(key) = collection.primary_key.as_ref().filter(|key| !key.columns.is_empty()) {
            parts.push(format!("PRIMARY KEY ({})", self.names(&key.columns)));
        }
        for key in collection.unique_keys.iter().filter(|key| !key.columns.is_empty()) {
            parts.push(format!("UNIQUE ({})", self.names(&key.columns)));
        }
        for check in &collection.checks {
            let condition = check.meaning.as_ref().and_then(|meaning| self.expression(collection, meaning));
            let name = check.name.as_ref().map(|name| format!("CONSTRAINT {} ", self.quote_identifier(name)));
            parts.extend(condition.map(|condition| format!("{}CHECK ({condition})", name.unwrap_or_default())));
        }
        format!("CREATE TABLE {} (\n  {}\n)", self.qualified(name), parts.join(",\n  "))
    }

    fn default_value(&self, meaning: &DefaultMeaning) -> String {
        match meaning {
            DefaultMeaning::Number(text) if is_number(text) => text.clone(),
            // The server's texts end where a NUL would be.
            DefaultMeaning::Text(text) if !text.contains('\0') => self.quote_text(text),
            DefaultMeaning::Bytes(hex) if is_hexadecimal(hex) => format!("'\\x{hex}'::bytea"),
            DefaultMeaning::Bool(value) => if *value { "TRUE" } else { "FALSE" }.to_owned(),
            DefaultMeaning::CurrentDate => "CURRENT_DATE".to_owned(),
            DefaultMeaning::CurrentTime => "CURRENT_TIME".to_owned(),
            DefaultMeaning::CurrentTimestamp => "CURRENT_TIMESTAMP".to_owned(),
            DefaultMeaning::RandomUuid => "gen_random_uuid()".to_owned(),
            _ => "NULL".to_owned(),
        }
    }
}

const TIMESTAMPS: &str = "years before 4713 BC and after 294276 do not fit";

impl PostgresSyntax {
    /// Names in a list, quoted.
    pub(crate) fn names(self, names: &[String]) -> String {
        names.iter().map(|name| self.quote_identifier(name)).collect::<Vec<_>>().join(", ")
    }

    /// How a column numbers itself: only whole numbers do.
    fn identity(self, column: &Column) -> Option<Identity> {
        let native = column.native.imposed.clone().unwrap_or_else(|| self.native_type(&column.logical).text);
        column.identity.filter(|_| matches!(native.as_str(), "smallint" | "integer" | "bigint"))
    }

    fn column(self, column: &Column) -> String {
        let native = column.native.imposed.clone().unwrap_or_else(|| self.native_type(&column.logical).text);
        let numbered = self.identity(column);
        let mut text = format!("{} {native}", self.quote_identifier(&column.name));
        if !column.nullable || numbered.is_some() {
            text.push_str(" NOT NULL");
        }
        if let Some(identity) = numbered {
            let when = if identity == Identity::Always { "ALWAYS" } else { "BY DEFAULT" };
            text.push_str(&format!(" GENERATED {when} AS IDENTITY"));
        } else if let Some(default) = self.default(column) {
            text.push_str(" DEFAULT ");
            text.push_str(&default);
        }
        text
    }

    /// The default of a column, if it is understood and a value of its type: one that is not would fail the table.
    fn default(self, column: &Column) -> Option<String> {
        use LogicalType as T;
        let meaning = column.default.as_ref()?.meaning.as_ref()?;
        let fits = match (meaning, &column.logical) {
            (DefaultMeaning::Null, _) => true,
            (DefaultMeaning::Bool(value), T::Int { .. } | T::Decimal { .. } | T::Numeric) => {
                return Some(u8::from(*value).to_string());
            }
            (DefaultMeaning::Bool(_), T::Bool) => true,
            (DefaultMeaning::Number(text), T::Bool) => {
                return ["0", "1"].contains(&text.as_str()).then(|| if text == "1" { "TRUE" } else { "FALSE" }.into());
            }
            (DefaultMeaning::Number(text), T::Int { .. } | T::Year) => {
                is_number(text) && !text.contains(['.', 'e', 'E'])
            }
            (DefaultMeaning::Number(text), T::Decimal { .. } | T::Numeric | T::Float { .. }) => is_number(text),
            (DefaultMeaning::Text(text) | DefaultMeaning::Number(text), T::Text { .. } | T::Enum { .. }) => {
                return (!text.contains('\0')).then(|| self.quote_text(text));
            }
            (DefaultMeaning::Text(text), T::Date | T::Timestamp { .. } | T::Instant { .. }) => is_date(text),
            (DefaultMeaning::Text(text), T::Json) => {
                return serde_json::from_str::<serde_json::Value>(text).ok().map(|_| self.quote_text(text));
            }
            (DefaultMeaning::Bytes(hex), T::Bytes { .. }) => is_hexadecimal(hex),
            (DefaultMeaning::CurrentDate, T::Date | T::Timestamp { .. } | T::Instant { .. }) => true,
            (DefaultMeaning::CurrentTime, T::Time { .. } | T::TimeTz { .. }) => true,
            (
                DefaultMeaning::CurrentTimestamp,
                T::Timestamp { .. } | T::Instant { .. } | T::Date | T::Time { .. } | T::Text { max_chars: None, .. },
            ) => true,
            (DefaultMeaning::RandomUuid, T::Uuid) => true,
            (DefaultMeaning::RandomUuid, T::Text { max_chars, .. }) => max_chars.is_none_or(|length| length >= 36),
            _ => false,
        };
        fits.then(|| self.default_value(meaning))
    }
}

fn unsupported() -> NativeMapping {
    NativeMapping { text: "text".to_owned(), fidelity: Fidelity::Unsupported { reason: OWN_TYPE.to_owned() } }
}

fn integer(bits: u8, signed: bool) -> &'static str {
    match (bits, signed) {
        (8, _) | (16, true) => "smallint",
        (16, false) | (32, true) => "integer",
        (64, false) => "numeric(20,0)",
        _ => "bigint",
    }
}

/// The built-in range over that type.
fn range(element: &LogicalType) -> Option<&'static str> {
    Some(match element {
        LogicalType::Int { bits: 32, signed: true } => "int4range",
        LogicalType::Int { bits: 64, signed: true } => "int8range",
        LogicalType::Decimal { .. } | LogicalType::Numeric => "numrange",
        LogicalType::Date => "daterange",
        LogicalType::Timestamp { .. } => "tsrange",
        LogicalType::Instant { .. } => "tstzrange",
        _ => return None,
    })
}

/// A decimal number, perhaps with an exponent.
pub(crate) fn is_number(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['-', '+']).unwrap_or(exponent))),
        None => (unsigned, None),
    };
    let mantissa_is_plain = match mantissa.split_once('.') {
        Some((whole, fraction)) => digits(whole) && digits(fraction),
        None => digits(mantissa),
    };
    mantissa_is_plain && exponent.is_none_or(digits)
}

fn is_hexadecimal(text: &str) -> bool {
    text.len().is_multiple_of(2) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A day that exists, perhaps with a time: `2020-02-28`, `2020-02-28 10:00:00.5`. MySQL's zero dates are none.
fn is_date(text: &str) -> bool {
    let (date, time) = text.split_once([' ', 'T']).map_or((text, None), |(date, time)| (date, Some(time)));
    let number = |text: &str, width: usize| {
        (text.len() == width && text.bytes().all(|byte| byte.is_ascii_digit()))
            .then(|| text.parse::<u32>().ok())
            .flatten()
    };
    let parts: Vec<&str> = date.split('-').collect();
    let [year, month, day] = parts.as_slice() else { return false };
    let day_is_real = number(year, 4).is_some_and(|year| year > 0)
        && number(month, 2).is_some_and(|month| (1..=12).contains(&month))
        // Later days differ by month; a source that has days has checked its own defaults.
        && number(day, 2).is_some_and(|day| (1..=28).contains(&day));
    let time_is_plain = time.is_none_or(|time| {
        let (clock, fraction) = time.split_once('.').unwrap_or((time, "0"));
        let parts: Vec<Option<u32>> = clock.split(':').map(|part| number(part, 2)).collect();
        matches!(parts.as_slice(), [Some(0..=23), Some(0..=59), Some(0..=59)])
            && fraction.bytes().all(|byte| byte.is_ascii_digit())
            && fraction.len() <= 6
    });
    day_is_real && time_is_plain
}

#[cfg(test)]
mod tests;
