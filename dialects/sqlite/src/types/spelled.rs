//! Declared types for texts that stand for values of other dialects.
//!
//! SQLite has no exact decimals, no moments with a zone and no JSON of its own, so their values are kept as texts. A column
//! that is declared as `DECIMAL_TEXT(10,2)` has TEXT affinity like any other and is a text to SQLite and to a dump of it, but
//! it says what the texts mean: on the way to another dialect the column becomes that type again, if every value is one.

use super::split;
use dbferry_dialect::LogicalType;
use dbferry_dialect::logical::NetworkKind;

/// How a column of that logical type is declared, if its values are texts that can be told apart from others.
pub(crate) fn declared(logical: &LogicalType) -> Option<String> {
    Some(match logical {
        LogicalType::Decimal { precision, scale } => format!("DECIMAL_TEXT({precision},{scale})"),
        LogicalType::Numeric => "NUMERIC_TEXT".to_owned(),
        LogicalType::Instant { precision } => format!("TIMESTAMPTZ_TEXT({precision})"),
        LogicalType::Time { precision } => format!("TIME_TEXT({precision})"),
        LogicalType::Span { precision } => format!("SPAN_TEXT({precision})"),
        LogicalType::Json => "JSON_TEXT".to_owned(),
        LogicalType::Network { kind } => match kind {
            // "INET" would do as well as a name, but any name with INT in it has INTEGER affinity.
            NetworkKind::Inet => "INET_TEXT",
            NetworkKind::Cidr => "CIDR_TEXT",
            NetworkKind::Mac => "MACADDR_TEXT",
            NetworkKind::Mac8 => "MACADDR8_TEXT",
        }
        .to_owned(),
        _ => return None,
    })
}

/// What the texts of a column that is declared so mean, if it is one of [`declared`].
pub(crate) fn meaning(declared: &str) -> Option<LogicalType> {
    let (name, arguments) = split(declared);
    let number = |at: usize| arguments.get(at).copied().and_then(|number| u8::try_from(number).ok());
    let digits = || number(0).filter(|digits| arguments.len() == 1 && *digits <= 6);
    Some(match (name.as_str(), arguments.len()) {
        ("DECIMAL_TEXT", 2) => {
            let (precision, scale) = (number(0)?, number(1)?);
            if !(1..=76).contains(&precision) || scale > precision {
                return None;
            }
            LogicalType::Decimal { precision, scale }
        }
        ("NUMERIC_TEXT", 0) => LogicalType::Numeric,
        ("TIMESTAMPTZ_TEXT", _) => LogicalType::Instant { precision: digits()? },
        ("TIME_TEXT", _) => LogicalType::Time { precision: digits()? },
        ("SPAN_TEXT", _) => LogicalType::Span { precision: digits()? },
        ("JSON_TEXT", 0) => LogicalType::Json,
        ("INET_TEXT", 0) => LogicalType::Network { kind: NetworkKind::Inet },
        ("CIDR_TEXT", 0) => LogicalType::Network { kind: NetworkKind::Cidr },
        ("MACADDR_TEXT", 0) => LogicalType::Network { kind: NetworkKind::Mac },
        ("MACADDR8_TEXT", 0) => LogicalType::Network { kind: NetworkKind::Mac8 },
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Affinity;

    #[test]
    fn what_is_declared_is_what_is_meant_and_stays_a_text() {
        let network = |kind| LogicalType::Network { kind };
        for logical in [
            LogicalType::Decimal { precision: 65, scale: 30 },
            LogicalType::Numeric,
            LogicalType::Instant { precision: 0 },
            LogicalType::Time { precision: 6 },
            LogicalType::Span { precision: 3 },
            LogicalType::Json,
            network(NetworkKind::Inet),
            network(NetworkKind::Cidr),
            network(NetworkKind::Mac),
            network(NetworkKind::Mac8),
        ] {
            let text = declared(&logical).expect("a declared type");
            assert_eq!(meaning(&text), Some(logical), "{text}");
            assert_eq!(Affinity::of(&text), Affinity::Text, "{text}");
        }
    }

    #[test]
    fn others_mean_nothing() {
        assert_eq!(declared(&LogicalType::TEXT), None);
        for text in
            ["TEXT", "DECIMAL(10,2)", "DECIMAL_TEXT", "DECIMAL_TEXT(77,2)", "DECIMAL_TEXT(2,3)", "TIME_TEXT(9)", ""]
        {
            assert_eq!(meaning(text), None, "{text}");
        }
    }
}
