//! What values and types of PostgreSQL are to other dialects, and which values of theirs its types hold.

use crate::ddl::index;
use crate::decode;
use dbferry_dialect::{Domain, Exception, LogicalType, NativeValue, Part, Unspoken};

/// 4714-11-24 BC and 5874897-12-31, counted from 1970-01-01: `MIN_DATETIME_JULIAN` and `DATE_END_JULIAN` of the server's
/// `datatype/timestamp.h`.
const DAYS: (i64, i64) = (-2_440_588, 2_145_042_905);
/// The first microsecond of the first day; the last one is beyond what a carrier holds.
const MICROS: (i64, i64) = (DAYS.0 * 86_400_000_000, i64::MAX);
/// Days and microseconds from 1970-01-01 to 2000-01-01, the server's epoch.
const EPOCH_DAYS: i64 = 10_957;
const DAY: i64 = 86_400_000_000;

/// What the server's own text of a part says beyond the model. It prints such words last, and names that hold them are quoted.
pub(super) fn unspoken(part: Part<'_>) -> Vec<Unspoken> {
    let mut found = Vec::new();
    match part {
        Part::Column(_) => {}
        Part::Key(key) => {
            let text = key.definition.as_deref().unwrap_or_default();
            if text.contains(" WITHOUT OVERLAPS)") {
                found.push(Unspoken::essential("WITHOUT OVERLAPS", "would forbid other rows"));
            }
            if text.contains("UNIQUE NULLS NOT DISTINCT ") {
                found.push(Unspoken::minor("NULLS NOT DISTINCT", "takes several nulls"));
            }
            if text.contains(" DEFERRABLE") {
                found.push(Unspoken::minor("DEFERRABLE", "is checked at once"));
            }
        }
        Part::ForeignKey(key) => {
            let text = key.definition.as_deref().unwrap_or_default();
            if text.ends_with(" NOT VALID") || text.ends_with(" NOT ENFORCED") {
                found.push(Unspoken::essential(
                    "NOT VALID",
                    "would be held to by all rows, which it is not in the source",
                ));
            }
            if text.contains(", PERIOD ") {
                found.push(Unspoken::essential("PERIOD", "would be about single moments"));
            }
            if text.contains(") MATCH FULL") {
                found.push(Unspoken::minor("MATCH FULL", "takes keys of which some columns are null"));
            }
            if text.contains(" SET NULL (") || text.contains(" SET DEFAULT (") {
                found.push(Unspoken::minor("SET with columns", "sets all of its columns"));
            }
        }
        Part::Check(check) => {
            let text = check.definition.as_deref().unwrap_or_default();
            if text.ends_with(" NOT VALID") || text.ends_with(" NOT ENFORCED") {
                found.push(Unspoken::essential(
                    "NOT VALID",
                    "would be held to by all rows, which it is not in the source",
                ));
            }
        }
        Part::Index(index) => {
            let text = index.definition.as_deref().unwrap_or_default();
            let method = index::method(text).filter(|method| !["btree", "hash"].contains(&method.as_str()));
            found.extend(method.map(|method| {
                Unspoken::essential(format!("USING {method}"), "would be of another kind, which serves other questions")
            }));
            if index.unique && text.contains(") NULLS NOT DISTINCT") {
                found.push(Unspoken::minor("NULLS NOT DISTINCT", "takes several nulls"));
            }
        }
    }
    found
}

pub(super) fn domain(logical: &LogicalType) -> Domain {
    match logical {
        LogicalType::Date => Domain::between(DAYS.0, DAYS.1),
        LogicalType::Timestamp { .. } | LogicalType::Instant { .. } => Domain::between(MICROS.0, MICROS.1),
        LogicalType::Text { .. } | LogicalType::Enum { .. } | LogicalType::Opaque { .. } => Domain::NO_NUL,
        _ => Domain::ALL,
    }
}

/// The bytes of a send function as the output function would show them.
pub(super) fn exception_text(logical: &LogicalType, exception: &Exception) -> Option<String> {
    let bytes = match &exception.value {
        NativeValue::Bytes(bytes) => bytes.as_slice(),
        NativeValue::Text(text) => return Some(text.clone()),
        NativeValue::Integer(value) => return Some(value.to_string()),
        _ => return None,
    };
    match logical {
        LogicalType::Decimal { .. } | LogicalType::Numeric => decode::numeric_text(bytes),
        LogicalType::Date => {
            let day = i32::from_be_bytes(bytes.try_into().ok()?);
            let infinite = infinity(day == i32::MAX, day == i32::MIN);
            Some(infinite.unwrap_or_else(|| format!("day {} after 1970-01-01", i64::from(day) + EPOCH_DAYS)))
        }
        LogicalType::Timestamp { .. } | LogicalType::Instant { .. } => {
            let micros = i64::from_be_bytes(bytes.try_into().ok()?);
            let infinite = infinity(micros == i64::MAX, micros == i64::MIN);
            Some(infinite.unwrap_or_else(|| {
                let micros = i128::from(micros) + i128::from(EPOCH_DAYS) * i128::from(DAY);
                format!("microsecond {micros} after 1970-01-01")
            }))
        }
        // The one value that the type has and a time of day has not.
        LogicalType::Time { .. } => (i64::from_be_bytes(bytes.try_into().ok()?) == DAY).then(|| "24:00:00".to_owned()),
        LogicalType::Interval => {
            let (micros, rest) = bytes.split_first_chunk()?;
            let (days, months) = rest.split_first_chunk()?;
            let parts =
                (i64::from_be_bytes(*micros), i32::from_be_bytes(*days), i32::from_be_bytes(months.try_into().ok()?));
            infinity(parts == (i64::MAX, i32::MAX, i32::MAX), parts == (i64::MIN, i32::MIN, i32::MIN))
        }
        LogicalType::Text { .. } | LogicalType::Json => std::str::from_utf8(bytes).ok().map(str::to_owned),
        _ => None,
    }
}

fn infinity(positive: bool, negative: bool) -> Option<String> {
    match (positive, negative) {
        (true, _) => Some("infinity".to_owned()),
        (_, true) => Some("-infinity".to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dbferry_dialect::ExceptionReason;

    #[test]
    fn exceptions_are_shown_as_the_server_shows_them() {
        let text = |logical: LogicalType, bytes: &[u8]| {
            let value = NativeValue::Bytes(bytes.to_vec());
            exception_text(&logical, &Exception { row: 0, column: 0, reason: ExceptionReason::Infinity, value })
        };
        let shown = |text: &str| Some(text.to_owned());
        assert_eq!(text(LogicalType::Date, &i32::MAX.to_be_bytes()), shown("infinity"));
        assert_eq!(text(LogicalType::Timestamp { precision: 6 }, &i64::MIN.to_be_bytes()), shown("-infinity"));
        assert_eq!(text(LogicalType::Numeric, &[0, 0, 0, 0, 0xc0, 0, 0, 0]), shown("NaN"));
        assert_eq!(
            text(LogicalType::Decimal { precision: 4, scale: 1 }, &[0, 0, 0, 0, 0xf0, 0, 0, 0]),
            shown("-Infinity")
        );
        assert_eq!(text(LogicalType::Time { precision: 6 }, &DAY.to_be_bytes()), shown("24:00:00"));
        assert_eq!(text(LogicalType::Date, b"short"), None);
        assert_eq!(text(LogicalType::Map, b""), None);
    }
}
