//! Defaults: the text as it stands, and what it means where every engine has the same.

use crate::syntax::{INSTANT_NOW, RANDOM_UUID};
use dbferry_dialect::LogicalType;
use dbferry_dialect::model::{DefaultMeaning, DefaultValue};

/// The default of a column of that logical type, from the text that SQLite keeps.
pub(super) fn understand(text: &str, logical: &LogicalType) -> DefaultValue {
    let meaning = match (meaning(text.trim()), logical) {
        (Some(DefaultMeaning::Number(number)), LogicalType::Bool) if number == "0" || number == "1" => {
            Some(DefaultMeaning::Bool(number == "1"))
        }
        (meaning, _) => meaning,
    };
    DefaultValue { native: text.to_owned(), meaning }
}

fn meaning(text: &str) -> Option<DefaultMeaning> {
    match text {
        INSTANT_NOW => return Some(DefaultMeaning::CurrentTimestamp),
        RANDOM_UUID => return Some(DefaultMeaning::RandomUuid),
        _ => {}
    }
    if let Some(inner) = text.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
        return meaning(inner.trim());
    }
    let compact: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect::<String>().to_ascii_lowercase();
    Some(match compact.as_str() {
        "null" => DefaultMeaning::Null,
        "true" => DefaultMeaning::Bool(true),
        "false" => DefaultMeaning::Bool(false),
        "current_date" | "date('now')" | "date()" => DefaultMeaning::CurrentDate,
        "current_time" | "time('now')" | "time()" => DefaultMeaning::CurrentTime,
        "current_timestamp" | "datetime('now')" | "datetime()" => DefaultMeaning::CurrentTimestamp,
        _ => return literal(text),
    })
}

fn literal(text: &str) -> Option<DefaultMeaning> {
    // A text in double quotes is how old schemas spell it, since a default cannot name a column.
    for quote in ['\'', '"'] {
        if let Some(inner) = text.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote)) {
            let doubled = format!("{quote}{quote}");
            let single = inner.replace(&doubled, "");
            return (!single.contains(quote))
                .then(|| DefaultMeaning::Text(inner.replace(&doubled, &quote.to_string())));
        }
    }
    if let Some(hex) = text.strip_prefix(['x', 'X']).and_then(|rest| rest.strip_prefix('\'')?.strip_suffix('\'')) {
        let is_hex = hex.len() % 2 == 0 && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
        return is_hex.then(|| DefaultMeaning::Bytes(hex.to_owned()));
    }
    let number = text.strip_prefix('+').unwrap_or(text).trim_start();
    is_number(number).then(|| DefaultMeaning::Number(number.to_owned()))
}

/// `[-]digits[.digits][e[+-]digits]`, with at least one digit before the exponent.
pub(crate) fn is_number(text: &str) -> bool {
    let text = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))),
        None => (text, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    digits(whole)
        && digits(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && exponent.is_none_or(|exponent| !exponent.is_empty() && digits(exponent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_certain_has_a_meaning() {
        for (text, expected) in [
            ("NULL", Some(DefaultMeaning::Null)),
            ("'it''s'", Some(DefaultMeaning::Text("it's".into()))),
            ("\"old\"", Some(DefaultMeaning::Text("old".into()))),
            ("'a' || 'b'", None),
            ("x'00fF'", Some(DefaultMeaning::Bytes("00fF".into()))),
            ("x'0'", None),
            ("-1.5e3", Some(DefaultMeaning::Number("-1.5e3".into()))),
            ("+7", Some(DefaultMeaning::Number("7".into()))),
            ("0x10", None),
            ("1 + 1", None),
            ("--1", None),
            ("( CURRENT_TIMESTAMP )", Some(DefaultMeaning::CurrentTimestamp)),
            ("datetime('now')", Some(DefaultMeaning::CurrentTimestamp)),
            ("datetime('now', 'localtime')", None),
            ("strftime('%s','now')", None),
        ] {
            assert_eq!(understand(text, &LogicalType::TEXT).meaning, expected, "{text}");
        }
        assert_eq!(understand("1", &LogicalType::Bool).meaning, Some(DefaultMeaning::Bool(true)));
        assert_eq!(understand("2", &LogicalType::Bool).meaning, Some(DefaultMeaning::Number("2".into())));
    }
}
