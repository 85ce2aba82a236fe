//! What columns of MySQL and MariaDB may turn out to be in other dialects, and which values of theirs its types hold.

use crate::types::NativeText;
use dbferry_dialect::{Candidate, Column, Domain, LogicalType};

/// 0000-01-01 and 9999-12-31, counted from 1970-01-01.
const DAYS: (i64, i64) = (-719_528, 2_932_896);
const DAY: i64 = 86_400_000_000;
/// 838:59:59.
const LONGEST_TIME: i64 = 3_020_399_000_000;
/// Of the type `year`, which has the year 0 besides.
const YEARS: (i64, i64) = (1901, 2155);

/// `tinyint(1)` is how the family writes a truth value, and identifiers are often declared unsigned; both are only habits.
pub(super) fn candidates(column: &Column) -> Vec<Candidate> {
    let native = NativeText::parse(&column.native.text);
    match column.logical {
        LogicalType::Int { bits: 8, .. } if native.text == "tinyint(1)" => {
            vec![Candidate::new(LogicalType::Bool, "declared as tinyint(1)")]
        }
        LogicalType::Int { bits: 64, signed: false } => {
            vec![Candidate::new(LogicalType::INT64, "declared as bigint unsigned")]
        }
        _ => Vec::new(),
    }
}

pub(super) fn domain(logical: &LogicalType) -> Domain {
    match logical {
        LogicalType::Date => Domain::between(DAYS.0, DAYS.1),
        LogicalType::Timestamp { .. } | LogicalType::Instant { .. } => {
            Domain::between(DAYS.0 * DAY, (DAYS.1 + 1) * DAY - 1)
        }
        LogicalType::Span { .. } => Domain::between(-LONGEST_TIME, LONGEST_TIME),
        LogicalType::Year => Domain::between(YEARS.0, YEARS.1),
        LogicalType::Float { .. } => Domain::FINITE,
        _ => Domain::ALL,
    }
}
