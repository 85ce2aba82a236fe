//! As what two types can be compared when each place is read as itself.

use dbferry_dialect::LogicalType;
use dbferry_dialect::carrier::arrow_type;
use dbferry_dialect::logical::OpaqueForm;

/// The most digits of a decimal type.
const MOST_DIGITS: u8 = 76;

/// The type that holds the values of both; none where they have nothing in common.
pub(super) fn meeting(left: &LogicalType, right: &LogicalType) -> Option<LogicalType> {
    use LogicalType::{Bytes, Date, Instant, Span, Text, Time, Timestamp, Uuid};
    if let (Some(left), Some(right)) = (Number::of(left), Number::of(right)) {
        return left.meet(right);
    }
    let (moment, instant) = (Timestamp { precision: 6 }, Instant { precision: 6 });
    Some(match (left, right) {
        // A text that a restore reads as a value is that value, however it is spelled.
        (Text { .. }, other) | (other, Text { .. }) if read_from_text(other).is_some() => read_from_text(other)?,
        (Uuid, Bytes { .. }) | (Bytes { .. }, Uuid) => Uuid,
        (Date, Timestamp { .. }) | (Timestamp { .. }, Date) => moment,
        // What does not say where it is on the clock is in UTC.
        (Date | Timestamp { .. }, Instant { .. }) | (Instant { .. }, Date | Timestamp { .. }) => instant,
        (Time { .. }, Span { .. }) | (Span { .. }, Time { .. }) => Span { precision: 6 },
        _ if is_text(left) && is_text(right) => LogicalType::TEXT,
        _ if is_bytes(left) && is_bytes(right) => LogicalType::BYTES,
        _ => return None,
    })
}

/// What a text is compared as with a type that has another form.
fn read_from_text(logical: &LogicalType) -> Option<LogicalType> {
    use LogicalType::{Bool, Bytes, Date, Float, Instant, Network, Span, Time, Timestamp, Uuid};
    Some(match logical {
        Bool | Date | Uuid | Float { .. } | Network { .. } => logical.clone(),
        Timestamp { .. } => Timestamp { precision: 6 },
        Instant { .. } => Instant { precision: 6 },
        Time { .. } => Time { precision: 6 },
        Span { .. } => Span { precision: 6 },
        Bytes { .. } => LogicalType::BYTES,
        other => {
            let number = Number::of(other).filter(|number| number.is_spelled())?;
            number.meet(number)?
        }
    })
}

/// What is one text to its engine.
fn is_text(logical: &LogicalType) -> bool {
    use LogicalType::{Enum, Json, Network, Opaque, Text};
    matches!(logical, Text { .. } | Enum { .. } | Json | Network { .. } | Opaque { form: OpaqueForm::Text, .. })
}

fn is_bytes(logical: &LogicalType) -> bool {
    use LogicalType::{Bytes, Geometry, Opaque};
    matches!(logical, Bytes { .. } | Geometry { .. } | Opaque { form: OpaqueForm::Binary, .. })
}

/// Numbers, by what they hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Number {
    /// Zero or one, a year, bits: numbers that no one spells as a text.
    Small {
        digits: u8,
    },
    Whole {
        digits: u8,
    },
    Decimal {
        precision: u8,
        scale: u8,
    },
    /// Of any size.
    Numeric,
    Float32,
    Float64,
}

impl Number {
    fn of(logical: &LogicalType) -> Option<Self> {
        Some(match logical {
            LogicalType::Bool => Self::Small { digits: 1 },
            LogicalType::Year => Self::Small { digits: 5 },
            LogicalType::Bits { length: Some(1..=64), varying: false } => Self::Small { digits: 20 },
            LogicalType::Int { bits, signed } => Self::Whole {
                digits: match (bits, signed) {
                    (8, _) => 3,
                    (16, _) => 5,
                    (32, _) => 10,
                    (_, true) => 19,
                    (_, false) => 20,
                },
            },
            LogicalType::Decimal { precision, scale } => Self::Decimal { precision: *precision, scale: *scale },
            LogicalType::Numeric => Self::Numeric,
            LogicalType::Float { bits: 32 } => Self::Float32,
            LogicalType::Float { .. } => Self::Float64,
            _ => return None,
        })
    }

    /// Whether engines without the type keep it as its decimal text.
    fn is_spelled(self) -> bool {
        matches!(self, Self::Whole { .. } | Self::Decimal { .. } | Self::Numeric)
    }

    fn meet(self, other: Self) -> Option<LogicalType> {
        let decimals = |number| match number {
            Self::Small { digits } | Self::Whole { digits } => Some((digits, 0)),
            Self::Decimal { precision, scale } => Some((precision - scale, scale)),
            _ => None,
        };
        Some(match (self, other) {
            (Self::Float32, Self::Float32) => LogicalType::Float { bits: 32 },
            (Self::Float32 | Self::Float64, Self::Float32 | Self::Float64) => LogicalType::FLOAT64,
            // By the digits that a float stands for: two whole numbers may have one nearest float.
            (Self::Float32 | Self::Float64, _) | (_, Self::Float32 | Self::Float64) => LogicalType::Numeric,
            (Self::Numeric, Self::Numeric) => LogicalType::Numeric,
            // What does not fit into the other's type is equal to none of its values.
            (Self::Numeric, other) | (other, Self::Numeric) => other.meet(other)?,
            (left, right) => {
                let ((before, after), (others, fraction)) = (decimals(left)?, decimals(right)?);
                let (before, scale) = (before.max(others), after.max(fraction));
                match before.checked_add(scale) {
                    Some(..=19) if scale == 0 => LogicalType::INT64,
                    Some(precision @ ..=MOST_DIGITS) => LogicalType::Decimal { precision, scale },
                    _ => LogicalType::Numeric,
                }
            }
        })
    }
}

/// Whether values of both types lie in Arrow alike.
pub(super) fn lie_alike(left: &LogicalType, right: &LogicalType) -> bool {
    arrow_type(left) == arrow_type(right)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(precision: u8, scale: u8) -> LogicalType {
        LogicalType::Decimal { precision, scale }
    }

    #[test]
    fn numbers_meet_where_both_fit() {
        let unsigned = LogicalType::Int { bits: 64, signed: false };
        let float = LogicalType::Float { bits: 32 };
        for (left, right, expected) in [
            (LogicalType::Bool, LogicalType::INT64, Some(LogicalType::INT64)),
            (LogicalType::INT64, unsigned.clone(), Some(decimal(20, 0))),
            (unsigned, decimal(20, 0), Some(decimal(20, 0))),
            (decimal(10, 2), decimal(12, 4), Some(decimal(12, 4))),
            (decimal(76, 0), decimal(76, 76), Some(LogicalType::Numeric)),
            (LogicalType::Numeric, decimal(10, 2), Some(decimal(10, 2))),
            (LogicalType::FLOAT64, decimal(10, 2), Some(LogicalType::Numeric)),
            (float.clone(), LogicalType::INT64, Some(LogicalType::Numeric)),
            (float, LogicalType::FLOAT64, Some(LogicalType::FLOAT64)),
            (LogicalType::TEXT, LogicalType::Bool, Some(LogicalType::Bool)),
            (LogicalType::TEXT, LogicalType::FLOAT64, Some(LogicalType::FLOAT64)),
            (LogicalType::TEXT, LogicalType::Year, None),
            (LogicalType::TEXT, LogicalType::Numeric, Some(LogicalType::Numeric)),
            (LogicalType::Date, LogicalType::INT64, None),
        ] {
            assert_eq!(meeting(&left, &right), expected, "{left} and {right}");
            assert_eq!(meeting(&right, &left), expected, "{right} and {left}");
        }
    }
}
