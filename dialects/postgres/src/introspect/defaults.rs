//! What a default means, where every engine can say the same.

use crate::syntax::is_number;
use dbferry_dialect::LogicalType;
use dbferry_dialect::model::{DefaultMeaning, DefaultValue};

/// A default with its meaning. Only what is certain is understood: one literal, perhaps with casts, or one of the functions
/// that every engine has. A cast may change a literal, so the literal must be one of the column's type.
pub(super) fn understand(native: String, logical: &LogicalType) -> DefaultValue {
    let meaning = meaning(&native, logical);
    DefaultValue { native, meaning }
}

fn meaning(native: &str, logical: &LogicalType) -> Option<DefaultMeaning> {
    match native {
        "now()" | "CURRENT_TIMESTAMP" | "transaction_timestamp()" => return Some(DefaultMeaning::CurrentTimestamp),
        "LOCALTIMESTAMP" => return Some(DefaultMeaning::CurrentTimestamp),
        "CURRENT_DATE" => return Some(DefaultMeaning::CurrentDate),
        "CURRENT_TIME" | "LOCALTIME" => return Some(DefaultMeaning::CurrentTime),
        "gen_random_uuid()" => return Some(DefaultMeaning::RandomUuid),
        "true" | "false" => return Some(DefaultMeaning::Bool(native == "true")),
        _ => {}
    }
    if native == "NULL" || native.strip_prefix("NULL::").is_some_and(is_type) {
        return Some(DefaultMeaning::Null);
    }
    let (literal, quoted) = literal(native)?;
    match logical {
        LogicalType::Bool => match (literal.as_str(), quoted) {
            ("t" | "true", true) => Some(DefaultMeaning::Bool(true)),
            ("f" | "false", true) => Some(DefaultMeaning::Bool(false)),
            _ => None,
        },
        LogicalType::Int { .. } | LogicalType::Decimal { .. } | LogicalType::Numeric | LogicalType::Float { .. } => {
            is_number(&literal).then_some(DefaultMeaning::Number(literal))
        }
        LogicalType::Bytes { .. } if quoted => {
            literal.strip_prefix("\\x").map(|hex| DefaultMeaning::Bytes(hex.to_owned()))
        }
        LogicalType::Text { .. }
        | LogicalType::Enum { .. }
        | LogicalType::Json
        | LogicalType::Date
        | LogicalType::Timestamp { .. }
        | LogicalType::Instant { .. }
            if quoted =>
        {
            Some(DefaultMeaning::Text(literal))
        }
        _ => None,
    }
}

/// The one literal that an expression is, without casts and parentheses, and whether it is quoted.
fn literal(native: &str) -> Option<(String, bool)> {
    if let Some(inside) = native.strip_prefix('(') {
        let (inside, rest) = inside.split_once(')')?;
        return (is_number(inside) && (rest.is_empty() || rest.strip_prefix("::").is_some_and(is_type)))
            .then(|| (inside.to_owned(), false));
    }
    let Some(rest) = native.strip_prefix('\'') else {
        let (number, rest) = native.split_once("::").map_or((native, None), |(number, rest)| (number, Some(rest)));
        return (is_number(number) && rest.is_none_or(is_type)).then(|| (number.to_owned(), false));
    };
    let mut text = String::new();
    let mut characters = rest.char_indices().peekable();
    while let Some((at, c)) = characters.next() {
        if c != '\'' {
            text.push(c);
        } else if characters.peek().is_some_and(|(_, next)| *next == '\'') {
            characters.next();
            text.push('\'');
        } else {
            let after = &rest[at + 1..];
            return (after.is_empty() || after.strip_prefix("::").is_some_and(is_type)).then_some((text, true));
        }
    }
    None
}

/// Whether what follows a cast is a type's name and nothing else.
fn is_type(text: &str) -> bool {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '_' | '.' | '"' | '(' | ')' | ',' | '[' | ']');
    !text.is_empty() && text.chars().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_certain_is_understood() {
        let text = LogicalType::TEXT;
        let number = LogicalType::Decimal { precision: 5, scale: 2 };
        for (native, logical, expected) in [
            ("'it''s'::text", &text, Some(DefaultMeaning::Text("it's".into()))),
            ("'a'::public.\"My Enum\"", &text, Some(DefaultMeaning::Text("a".into()))),
            ("'a'::text || 'b'::text", &text, None),
            ("lower('a'::text)", &text, None),
            ("'-1'::integer", &number, Some(DefaultMeaning::Number("-1".into()))),
            ("(-1)", &number, Some(DefaultMeaning::Number("-1".into()))),
            ("4.99", &number, Some(DefaultMeaning::Number("4.99".into()))),
            ("(0)::numeric", &number, Some(DefaultMeaning::Number("0".into()))),
            ("'NaN'::numeric", &number, None),
            ("(1 + 2)", &number, None),
            ("now()", &LogicalType::Instant { precision: 6 }, Some(DefaultMeaning::CurrentTimestamp)),
            ("true", &LogicalType::Bool, Some(DefaultMeaning::Bool(true))),
            ("NULL::character varying", &text, Some(DefaultMeaning::Null)),
            ("'\\x00ff'::bytea", &LogicalType::BYTES, Some(DefaultMeaning::Bytes("00ff".into()))),
            ("nextval('public.s'::regclass)", &LogicalType::INT64, None),
        ] {
            assert_eq!(understand(native.into(), logical).meaning, expected, "{native}");
        }
    }
}
