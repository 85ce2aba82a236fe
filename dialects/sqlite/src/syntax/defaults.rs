//! Defaults that are understood, in SQLite's words.

use super::SqliteSyntax;
use crate::introspect::is_number;
use dbferry_dialect::model::DefaultMeaning;
use dbferry_dialect::{Column, LogicalType, Syntax};

/// The current time as instants are kept. Introspection knows it again.
pub(crate) const INSTANT_NOW: &str = "strftime('%Y-%m-%dT%H:%M:%SZ', 'now')";

/// A random UUID (version 4). Introspection knows it again.
pub(crate) const RANDOM_UUID: &str = "lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2) \
     || '-' || substr('89ab', 1 + (random() & 3), 1) || substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6)))";

/// What stands after `DEFAULT`; `None` when the default is not understood, or would not be a value of the column.
pub(super) fn default_of(column: &Column) -> Option<String> {
    use DefaultMeaning as M;
    use LogicalType as L;
    let meaning = column.default.as_ref()?.meaning.as_ref()?;
    match (meaning, &column.logical) {
        // A column of texts would write `0.00` as `0.0`.
        (M::Number(number), L::Decimal { .. } | L::Numeric) => {
            is_number(number).then(|| SqliteSyntax.quote_text(number))
        }
        (M::CurrentTimestamp, L::Instant { .. }) => Some(format!("({INSTANT_NOW})")),
        (M::CurrentTimestamp, L::Date) => literal(&M::CurrentDate),
        (M::CurrentTimestamp, L::Time { .. }) => literal(&M::CurrentTime),
        (M::CurrentDate, L::Timestamp { .. }) => Some("(date('now') || ' 00:00:00')".to_owned()),
        (M::CurrentDate, L::Instant { .. }) => Some("(date('now') || 'T00:00:00Z')".to_owned()),
        _ => literal(meaning),
    }
}

/// A literal or a function that SQLite has; `None` for a text that is not what it should be.
pub(super) fn literal(meaning: &DefaultMeaning) -> Option<String> {
    Some(match meaning {
        DefaultMeaning::Null => "NULL".to_owned(),
        DefaultMeaning::Bool(value) => u8::from(*value).to_string(),
        DefaultMeaning::Number(text) if is_number(text) => text.clone(),
        // SQL text ends at a NUL.
        DefaultMeaning::Text(text) if !text.contains('\0') => SqliteSyntax.quote_text(text),
        DefaultMeaning::Bytes(hex) if hex.len() % 2 == 0 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
            format!("X'{hex}'")
        }
        DefaultMeaning::CurrentDate => "CURRENT_DATE".to_owned(),
        DefaultMeaning::CurrentTime => "CURRENT_TIME".to_owned(),
        DefaultMeaning::CurrentTimestamp => "CURRENT_TIMESTAMP".to_owned(),
        DefaultMeaning::RandomUuid => format!("({RANDOM_UUID})"),
        DefaultMeaning::Number(_) | DefaultMeaning::Text(_) | DefaultMeaning::Bytes(_) => return None,
    })
}
