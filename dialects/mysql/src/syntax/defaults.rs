//! Defaults that are understood, in the family's words.

use crate::MySqlSyntax;
use crate::introspect::is_number;
use crate::types::NativeText;
use dbferry_dialect::model::DefaultMeaning;
use dbferry_dialect::{LogicalType, Syntax};

/// What stands after `DEFAULT` for a column of that native type; `None` when the default is not understood, or is no value of
/// the type: one that is not would fail the table.
pub(crate) fn default_of(meaning: Option<&DefaultMeaning>, logical: &LogicalType, native: &str) -> Option<String> {
    use DefaultMeaning as M;
    use LogicalType as L;
    let meaning = meaning?;
    let base = NativeText::parse(native).base;
    // Long types take no literal, but an expression.
    let is_long = base.ends_with("text") || base.ends_with("blob") || base == "json";
    let text = match (meaning, logical) {
        (M::Bool(value), L::Bool) if base == "bit" => Some(format!("b'{}'", u8::from(*value))),
        (M::Bool(value), L::Bool | L::Int { .. } | L::Decimal { .. }) => Some(format!("'{}'", u8::from(*value))),
        (M::Number(number), L::Bool) if ["0", "1"].contains(&number.as_str()) => Some(format!("'{number}'")),
        (M::Number(number), L::Int { .. } | L::Year) if is_number(number) && !number.contains(['.', 'e', 'E']) => {
            Some(format!("'{number}'"))
        }
        (M::Number(number), L::Decimal { .. } | L::Float { .. }) if is_number(number) => Some(format!("'{number}'")),
        (M::Number(text) | M::Text(text), L::Numeric) if is_number(text) => Some(MySqlSyntax.quote_text(text)),
        (M::Text(text) | M::Number(text), L::Text { max_chars, .. }) => {
            let fits = max_chars.is_none_or(|length| text.chars().count() as u64 <= length);
            fits.then(|| MySqlSyntax.quote_text(text))
        }
        (M::Text(text), L::Enum { labels }) => labels.contains(text).then(|| MySqlSyntax.quote_text(text)),
        (M::Text(text), L::Set { labels }) => {
            let fits = text.is_empty() || text.split(',').all(|one| labels.iter().any(|label| label == one));
            fits.then(|| MySqlSyntax.quote_text(text))
        }
        (M::Text(text), L::Json) => {
            serde_json::from_str::<serde_json::Value>(text).ok().map(|_| MySqlSyntax.quote_text(text))
        }
        (M::Text(text), L::Date | L::Timestamp { .. } | L::Instant { .. }) => {
            is_date(text).then(|| MySqlSyntax.quote_text(text))
        }
        (M::Bytes(_), L::Bytes { .. }) => literal(meaning),
        (M::CurrentTimestamp, L::Timestamp { .. } | L::Instant { .. }) if base == "datetime" || base == "timestamp" => {
            return Some(current_timestamp(native));
        }
        (M::CurrentDate | M::CurrentTimestamp, L::Date) => return Some("(CURRENT_DATE)".to_owned()),
        (M::CurrentDate, L::Timestamp { .. } | L::Instant { .. }) => return Some("(CURRENT_DATE)".to_owned()),
        (M::CurrentTime, L::Time { .. } | L::Span { .. }) => return Some("(CURRENT_TIME)".to_owned()),
        (M::RandomUuid, L::Uuid) => return Some("(uuid())".to_owned()),
        (M::RandomUuid, L::Text { max_chars, .. }) if max_chars.is_none_or(|length| length >= 36) => {
            return Some("(uuid())".to_owned());
        }
        _ => None,
    };
    text.map(|text| if is_long { format!("({text})") } else { text })
}

/// A literal or a function that every server of the family has; `None` for a text that is not what it should be.
pub(super) fn literal(meaning: &DefaultMeaning) -> Option<String> {
    match meaning {
        DefaultMeaning::Null => Some("NULL".to_owned()),
        DefaultMeaning::Bool(value) => Some(u8::from(*value).to_string()),
        DefaultMeaning::Number(text) => is_number(text).then(|| text.clone()),
        DefaultMeaning::Text(text) => Some(MySqlSyntax.quote_text(text)),
        DefaultMeaning::Bytes(hex) => {
            let is_hexadecimal = hex.len().is_multiple_of(2) && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
            is_hexadecimal.then(|| format!("X'{hex}'"))
        }
        DefaultMeaning::CurrentDate => Some("CURRENT_DATE".to_owned()),
        DefaultMeaning::CurrentTime => Some("CURRENT_TIME".to_owned()),
        DefaultMeaning::CurrentTimestamp => Some("CURRENT_TIMESTAMP".to_owned()),
        DefaultMeaning::RandomUuid => Some("uuid()".to_owned()),
    }
}

/// The current time with as many digits as a column of that type has: the server refuses any other number.
pub(crate) fn current_timestamp(native: &str) -> String {
    match NativeText::parse(native).arguments.first() {
        Some(digits) => format!("CURRENT_TIMESTAMP({digits})"),
        None => "CURRENT_TIMESTAMP".to_owned(),
    }
}

/// A day that exists, perhaps with a time; zero dates are only for servers that allow them.
fn is_date(text: &str) -> bool {
    let (date, time) = text.split_once([' ', 'T']).map_or((text, None), |(date, time)| (date, Some(time)));
    let number = |text: &str, width: usize| {
        (text.len() == width && text.bytes().all(|byte| byte.is_ascii_digit()))
            .then(|| text.parse::<u32>().ok())
            .flatten()
    };
    let parts: Vec<&str> = date.split('-').collect();
    let [year, month, day] = parts.as_slice() else { return false };
    let is_day = number(year, 4).is_some_and(|year| year > 0)
        && number(month, 2).is_some_and(|month| (1..=12).contains(&month))
        // Later days differ by month; a source that has days has checked its own defaults.
        && number(day, 2).is_some_and(|day| (1..=28).contains(&day));
    let is_time = time.is_none_or(|time| {
        let (clock, fraction) = time.split_once('.').unwrap_or((time, "0"));
        let parts: Vec<Option<u32>> = clock.split(':').map(|part| number(part, 2)).collect();
        matches!(parts.as_slice(), [Some(0..=23), Some(0..=59), Some(0..=59)])
            && fraction.len() <= 6
            && fraction.bytes().all(|byte| byte.is_ascii_digit())
    });
    is_day && is_time
}
