//! Random logical types.

use super::random::Random;
use crate::logical::{LogicalType, NetworkKind, OpaqueForm, StructField};

/// How deep nested types go.
const DEEPEST: usize = 3;

/// One of the types that every SQL engine has in some exact form, whatever its spelling.
pub(super) fn portable(random: &mut Random) -> LogicalType {
    match random.below(12) {
        0 => LogicalType::Bool,
        1 => LogicalType::Int { bits: 16, signed: true },
        2 => LogicalType::Int { bits: 32, signed: true },
        3 => LogicalType::INT64,
        4 => LogicalType::FLOAT64,
        5 => decimal(random, &[(1, 0), (10, 2), (18, 6), (38, 10)]),
        6 => LogicalType::Text { max_chars: random.once_in(2).then_some(40), fixed: false },
        7 => LogicalType::BYTES,
        8 => LogicalType::Date,
        9 => LogicalType::Time { precision: 6 },
        10 => LogicalType::Timestamp { precision: *random.pick(&[&0, &3, &6]) },
        _ => LogicalType::Uuid,
    }
}

/// Any type that the carrier has, nested ones included.
pub(super) fn any(random: &mut Random) -> LogicalType {
    at_depth(random, 0)
}

fn at_depth(random: &mut Random, depth: usize) -> LogicalType {
    const FLAT: usize = 23;
    const NESTED: usize = 3;
    match random.below(if depth < DEEPEST { FLAT + NESTED } else { FLAT }) {
        0 => LogicalType::Bool,
        1 | 2 => LogicalType::Int { bits: *random.pick(&[&8, &16, &32, &64]), signed: random.once_in(2) },
        3 => decimal(random, &[(1, 0), (5, 5), (10, 2), (18, 0), (38, 0), (38, 38)]),
        4 => decimal(random, &[(39, 1), (65, 0), (65, 30), (76, 0), (76, 76)]),
        5 => LogicalType::Numeric,
        6 => LogicalType::Float { bits: *random.pick(&[&32, &64]) },
        7 => {
            let max_chars = random.pick(&[&None, &Some(1), &Some(3), &Some(255)]);
            LogicalType::Text { max_chars: *max_chars, fixed: max_chars.is_some() && random.once_in(2) }
        }
        8 => {
            let max_bytes = random.pick(&[&None, &Some(1), &Some(16), &Some(255)]);
            LogicalType::Bytes { max_bytes: *max_bytes, fixed: max_bytes.is_some() && random.once_in(2) }
        }
        9 => LogicalType::Date,
        10 => match random.below(3) {
            0 => LogicalType::Time { precision: precision(random) },
            1 => LogicalType::TimeTz { precision: precision(random) },
            _ => LogicalType::Span { precision: precision(random) },
        },
        11 => LogicalType::Timestamp { precision: precision(random) },
        12 => LogicalType::Instant { precision: precision(random) },
        13 => LogicalType::Interval,
        14 => LogicalType::Year,
        15 => LogicalType::Uuid,
        16 => LogicalType::Json,
        17 => LogicalType::Enum { labels: labels() },
        18 => LogicalType::Set { labels: labels() },
        19 => LogicalType::Bits {
            length: *random.pick(&[&None, &Some(1), &Some(64), &Some(65)]),
            varying: random.once_in(2),
        },
        20 => LogicalType::Network {
            kind: *random.pick(&[&NetworkKind::Inet, &NetworkKind::Cidr, &NetworkKind::Mac, &NetworkKind::Mac8]),
        },
        21 => match random.below(3) {
            0 => LogicalType::Geometry { srid: Some(4326), kind: Some("point".into()), geodesic: true },
            1 => LogicalType::Geometry { srid: None, kind: None, geodesic: false },
            _ => LogicalType::Opaque {
                dialect: "memory".into(),
                native: "sealed".into(),
                form: *random.pick(&[&OpaqueForm::Text, &OpaqueForm::Binary]),
            },
        },
        22 => match random.below(2) {
            0 => LogicalType::Map,
            _ => LogicalType::Dynamic,
        },
        23 => LogicalType::List { element: Box::new(at_depth(random, depth + 1)) },
        24 => LogicalType::Range { element: Box::new(bound(random)) },
        _ => LogicalType::Struct {
            fields: (0..=random.below(3))
                .map(|position| StructField { name: format!("field {position}"), logical: at_depth(random, depth + 1) })
                .collect(),
        },
    }
}

/// The types of which engines have ranges.
fn bound(random: &mut Random) -> LogicalType {
    match random.below(6) {
        0 => LogicalType::Int { bits: 32, signed: true },
        1 => LogicalType::INT64,
        2 => LogicalType::Numeric,
        3 => LogicalType::Date,
        4 => LogicalType::Timestamp { precision: 6 },
        _ => LogicalType::Instant { precision: 6 },
    }
}

fn decimal(random: &mut Random, choices: &[(u8, u8)]) -> LogicalType {
    let (precision, scale) = choices[random.below(choices.len())];
    LogicalType::Decimal { precision, scale }
}

fn precision(random: &mut Random) -> u8 {
    *random.pick(&[&0, &3, &6])
}

fn labels() -> Vec<String> {
    ["new", "in progress", "it's", "\u{e9}t\u{e9}", ""].map(String::from).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn names(logical: &LogicalType, into: &mut BTreeSet<String>) {
        let value = serde_json::to_value(logical).expect("plain data");
        into.insert(value["type"].as_str().expect("a tag").to_owned());
        match logical {
            LogicalType::List { element } | LogicalType::Range { element } => names(element, into),
            LogicalType::Struct { fields } => fields.iter().for_each(|field| names(&field.logical, into)),
            _ => {}
        }
    }

    #[test]
    fn every_type_comes_and_every_one_is_possible() {
        let mut random = Random::new(1);
        let mut seen = BTreeSet::new();
        for _ in 0..2000 {
            let logical = any(&mut random);
            assert_eq!(logical.validate(), Ok(()));
            names(&logical, &mut seen);
        }
        let all = "bits bool bytes date decimal dynamic enum float geometry instant int interval json list map network \
                   numeric opaque range set span struct text time time-tz timestamp uuid year";
        assert_eq!(seen.iter().map(String::as_str).collect::<Vec<_>>(), all.split_whitespace().collect::<Vec<_>>());
    }
}
