//! What columns of SQLite may turn out to be in other dialects, and which values of theirs it holds.

use crate::types::{Family, spelled};
use dbferry_dialect::{Candidate, Column, Domain, Exception, LogicalType, NativeValue};

/// What the declared type asks for, then what holds every value. The types of a snapshot are chosen by a look at some values
/// only.
pub(super) fn candidates(column: &Column) -> Vec<Candidate> {
    use LogicalType as L;
    let declared = column.native.text.as_str();
    let because = || format!("declared as {declared}");
    let found = |logical: LogicalType| Candidate::new(logical, because());
    let instead = |logical: LogicalType| Candidate::new(logical, "holds every value");
    if let (Some(logical), L::Text { .. }) = (spelled::meaning(declared), &column.logical) {
        return vec![found(logical)];
    }
    let is_json = declared.eq_ignore_ascii_case("JSON") || declared.eq_ignore_ascii_case("JSONB");
    match (Family::of(declared, false), &column.logical) {
        (_, L::Text { .. }) if is_json => vec![found(L::Json)],
        (Family::Bool, L::Bool) => vec![found(L::Bool), instead(L::INT64)],
        (Family::Date, L::Date) => {
            vec![found(L::Date), found(L::Timestamp { precision: 6 }), instead(L::TEXT)]
        }
        (Family::Date, L::Text { .. }) => vec![found(L::Date), found(L::Timestamp { precision: 6 })],
        (Family::Timestamp, L::Timestamp { precision }) => {
            let finer = (*precision < 6).then(|| found(L::Timestamp { precision: 6 }));
            std::iter::once(found(column.logical.clone())).chain(finer).chain([instead(L::TEXT)]).collect()
        }
        (Family::Timestamp, L::Text { .. }) => vec![found(L::Timestamp { precision: 6 })],
        (Family::Uuid, L::Uuid) => vec![found(L::Uuid), instead(L::TEXT)],
        (Family::Uuid, L::Text { .. }) => vec![found(L::Uuid)],
        (Family::Decimal { .. }, L::Decimal { .. }) => vec![found(column.logical.clone()), instead(L::Numeric)],
        _ => Vec::new(),
    }
}

/// A text among dates stays the text that it is; among numbers it might become one.
pub(super) fn keeps_exception(logical: &LogicalType, exception: &Exception) -> bool {
    let is_temporal = matches!(
        logical,
        LogicalType::Date
            | LogicalType::Timestamp { .. }
            | LogicalType::Instant { .. }
            | LogicalType::Time { .. }
            | LogicalType::Span { .. }
    );
    matches!(&exception.value, NativeValue::Text(text) if is_temporal && text.contains(['-', ':']))
}

pub(super) fn domain(logical: &LogicalType) -> Domain {
    match logical {
        LogicalType::Int { bits: 64, signed: false } => Domain::between(i64::MIN, i64::MAX),
        LogicalType::Float { .. } => Domain::NO_NAN,
        _ => Domain::ALL,
    }
}
