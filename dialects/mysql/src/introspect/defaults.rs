//! What a default means, where every engine can say the same.

use crate::ddl::scan::{Kind, Token, closing, tokens};
use dbferry_dialect::LogicalType;
use dbferry_dialect::model::{DefaultMeaning, DefaultValue};

/// A default with its meaning. Only what is certain is understood: one literal of the column's kind, or one of the functions
/// that every engine has.
pub(super) fn understand(native: &str, logical: &LogicalType) -> DefaultValue {
    DefaultValue { native: native.to_owned(), meaning: meaning(native, logical) }
}

fn meaning(native: &str, logical: &LogicalType) -> Option<DefaultMeaning> {
    let all = tokens(native);
    let mut words = all.as_slice();
    while words.first().is_some_and(|token| token.is_symbol("(")) && closing(words, 0) == Some(words.len() - 1) {
        words = words.get(1..words.len() - 1)?;
    }
    let name: String = words.first()?.text.to_ascii_lowercase();
    // `curdate()`, `CURRENT_TIMESTAMP(6)`.
    let is_call = words.get(1).is_none_or(|token| token.is_symbol("(")) && words.len() <= 4;
    match name.as_str() {
        "null" if words.len() == 1 => return Some(DefaultMeaning::Null),
        "current_timestamp" | "now" | "localtime" | "localtimestamp" if is_call => {
            return Some(DefaultMeaning::CurrentTimestamp);
        }
        "curdate" | "current_date" if is_call => return Some(DefaultMeaning::CurrentDate),
        "curtime" | "current_time" if is_call => return Some(DefaultMeaning::CurrentTime),
        "uuid" if is_call && matches!(logical, LogicalType::Uuid | LogicalType::Text { .. }) => {
            return Some(DefaultMeaning::RandomUuid);
        }
        _ => {}
    }
    literal(words, logical)
}

fn literal(words: &[Token<'_>], logical: &LogicalType) -> Option<DefaultMeaning> {
    use LogicalType as L;
    let (introducer, value, negative) = match words {
        [value] => (None, value, false),
        [sign, value] if sign.is_symbol("-") => (None, value, true),
        // `_utf8mb4'abc'`, `b'101'`.
        [introducer, value] if introducer.kind == Kind::Word && value.kind == Kind::Text => {
            (Some(introducer.text), value, false)
        }
        // `1.5` is two words with a point between them.
        [.., last] => {
            let first = words.first()?;
            let adjacent = words.windows(2).all(|two| two[0].end() == two[1].start);
            let number: String = words.iter().map(|word| word.text).collect();
            return (adjacent && first.kind != Kind::Text && last.kind == Kind::Word && is_number(&number))
                .then_some(number)
                .and_then(|number| number_of(number, logical));
        }
        [] => return None,
    };
    let text = if negative { format!("-{}", value.value()) } else { value.value() };
    match introducer {
        Some(bits) if bits.eq_ignore_ascii_case("b") => {
            return match logical {
                L::Bool => Some(DefaultMeaning::Bool(text.contains('1'))),
                _ => None,
            };
        }
        // Another character set's bytes.
        Some(charset) if !charset.to_ascii_lowercase().starts_with("_utf8") => return None,
        _ => {}
    }
    match logical {
        L::Text { .. }
        | L::Enum { .. }
        | L::Set { .. }
        | L::Json
        | L::Date
        | L::Timestamp { .. }
        | L::Instant { .. }
            if value.kind == Kind::Text =>
        {
            Some(DefaultMeaning::Text(text))
        }
        L::Bytes { .. } if value.kind == Kind::Text => {
            // A character beyond ASCII stands for bytes that the server chose.
            text.is_ascii().then(|| DefaultMeaning::Bytes(text.bytes().map(|byte| format!("{byte:02x}")).collect()))
        }
        _ => number_of(text, logical),
    }
}

fn number_of(text: String, logical: &LogicalType) -> Option<DefaultMeaning> {
    use LogicalType as L;
    match logical {
        L::Bool if text == "0" || text == "1" => Some(DefaultMeaning::Bool(text == "1")),
        L::Int { .. } | L::Decimal { .. } | L::Float { .. } | L::Year if is_number(&text) => {
            Some(DefaultMeaning::Number(text))
        }
        _ => None,
    }
}

/// A decimal number, perhaps with an exponent.
pub(crate) fn is_number(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    unsigned.starts_with(|first: char| first.is_ascii_digit())
        && text.parse::<f64>().is_ok_and(f64::is_finite)
        && !unsigned.ends_with('.')
}
