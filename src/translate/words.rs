//! Logical types in words, as the README's table and every message spell them.

use crate::group::suggest::did_you_mean;
use crate::{Error, ErrorKind, Result};
use dbferry_dialect::LogicalType;
use dbferry_dialect::logical::NetworkKind;

/// The types that a rule can ask for, as they are written.
pub const WORDS: [&str; 31] = [
    "bool",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "decimal(p,s)",
    "numeric",
    "float32",
    "float64",
    "text",
    "text(n)",
    "char(n)",
    "bytes",
    "bytes(n)",
    "binary(n)",
    "date",
    "time(p)",
    "timestamp(p)",
    "instant(p)",
    "span(p)",
    "year",
    "uuid",
    "json",
    "inet",
    "cidr",
    "mac",
    "mac8",
];

/// The logical type of that name. Without digits a time has microseconds.
///
/// # Errors
/// [`ErrorKind::Usage`] when there is none, with those that there are.
pub fn logical_type(text: &str) -> Result<LogicalType> {
    let unknown = || {
        let words = WORDS.iter().map(|word| word.split_once('(').map_or(*word, |(name, _)| name));
        Error::new(ErrorKind::Usage, format!("there is no logical type {text:?}")).hint(format!(
            "{}the types are {}",
            did_you_mean(text, words),
            WORDS.join(", ")
        ))
    };
    let lower = text.trim().to_ascii_lowercase();
    let (name, arguments) = match lower.split_once('(') {
        Some((name, rest)) => {
            let inside = rest.strip_suffix(')').ok_or_else(unknown)?;
            let numbers = inside.split(',').map(|number| number.trim().parse::<u64>());
            (name.trim(), numbers.collect::<std::result::Result<Vec<_>, _>>().map_err(|_| unknown())?)
        }
        None => (lower.as_str(), Vec::new()),
    };
    let small = |number: &u64| u8::try_from(*number).map_err(|_| unknown());
    let precision = || match arguments.as_slice() {
        [] => Ok(6),
        [digits] => small(digits),
        _ => Err(unknown()),
    };
    let bound = |fixed: bool| match arguments.as_slice() {
        [] if !fixed => Ok(None),
        [length] => Ok(Some(*length)),
        _ => Err(unknown()),
    };
    let plain = |logical: LogicalType| if arguments.is_empty() { Ok(logical) } else { Err(unknown()) };
    let int = |bits, signed| plain(LogicalType::Int { bits, signed });
    let network = |kind| plain(LogicalType::Network { kind });
    let logical = match name {
        "bool" => plain(LogicalType::Bool),
        "int8" => int(8, true),
        "int16" => int(16, true),
        "int32" => int(32, true),
        "int64" => int(64, true),
        "uint8" => int(8, false),
        "uint16" => int(16, false),
        "uint32" => int(32, false),
        "uint64" => int(64, false),
        "decimal" => match arguments.as_slice() {
            [precision] => Ok(LogicalType::Decimal { precision: small(precision)?, scale: 0 }),
            [precision, scale] => Ok(LogicalType::Decimal { precision: small(precision)?, scale: small(scale)? }),
            _ => Err(unknown()),
        },
        "numeric" => plain(LogicalType::Numeric),
        "float32" => plain(LogicalType::Float { bits: 32 }),
        "float64" => plain(LogicalType::FLOAT64),
        "text" => Ok(LogicalType::Text { max_chars: bound(false)?, fixed: false }),
        "char" => Ok(LogicalType::Text { max_chars: bound(true)?, fixed: true }),
        "bytes" => Ok(LogicalType::Bytes { max_bytes: bound(false)?, fixed: false }),
        "binary" => Ok(LogicalType::Bytes { max_bytes: bound(true)?, fixed: true }),
        "date" => plain(LogicalType::Date),
        "time" => Ok(LogicalType::Time { precision: precision()? }),
        "timestamp" => Ok(LogicalType::Timestamp { precision: precision()? }),
        "instant" => Ok(LogicalType::Instant { precision: precision()? }),
        "span" => Ok(LogicalType::Span { precision: precision()? }),
        "year" => plain(LogicalType::Year),
        "uuid" => plain(LogicalType::Uuid),
        "json" => plain(LogicalType::Json),
        "inet" => network(NetworkKind::Inet),
        "cidr" => network(NetworkKind::Cidr),
        "mac" => network(NetworkKind::Mac),
        "mac8" => network(NetworkKind::Mac8),
        _ => Err(unknown()),
    }?;
    logical.validate().map_err(|what| Error::new(ErrorKind::Usage, format!("{text:?} is no type: {what}")))?;
    Ok(logical)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_read_and_shown_alike() {
        for word in WORDS {
            let text = word.replace("p,s", "10,2").replace("(p)", "(3)").replace("(n)", "(7)");
            assert_eq!(logical_type(&text).expect(word).to_string(), text);
        }
        assert_eq!(logical_type("timestamp").expect("a type"), LogicalType::Timestamp { precision: 6 });
        assert_eq!(logical_type(" DECIMAL(5) ").expect("a type"), LogicalType::Decimal { precision: 5, scale: 0 });
    }

    #[test]
    fn what_is_no_type_is_refused() {
        for word in ["", "int24", "decimal", "decimal(80,2)", "text(-1)", "uuid(3)", "timestamp(7)", "char", "date("] {
            assert_eq!(logical_type(word).expect_err(word).kind(), ErrorKind::Usage);
        }
    }
}
