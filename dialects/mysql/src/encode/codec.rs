//! How the values of a logical type are written into a column of the target.

use super::target::TargetColumn;
use dbferry_dialect::LogicalType;
use dbferry_dialect::logical::{NetworkKind, OpaqueForm};
use std::collections::HashMap;

/// How the values of one column are written.
#[derive(Debug)]
pub(super) enum Codec {
    /// `1` and `0`.
    Bool,
    /// A byte of 1 or 0, for `bit`.
    BoolBit,
    /// A whole number of which every value fits.
    Int,
    /// A whole number within these bounds.
    IntWithin(i128, i128),
    Float32,
    Float64,
    /// A double in the place of a float.
    Float64To32,
    Decimal {
        scale: u8,
    },
    WideDecimal {
        scale: u8,
    },
    /// The text of a number.
    Numeric,
    Text(TextBounds),
    /// The label's number.
    Enum(Labels),
    /// The bits of the labels.
    Set(Labels),
    /// Bytes, exactly that many if there is a number.
    Bytes(Option<u64>),
    Date,
    /// A date and a time, with that many digits of a fraction.
    DateTime {
        digits: u8,
    },
    DateTimeText,
    InstantText,
    /// A time of day or an elapsed time, with that many digits of a fraction, up to that many microseconds.
    Time {
        digits: u8,
        most: i64,
    },
    TimeTzText,
    IntervalText,
    Year,
    UuidText,
    UuidBytes,
    /// An address as its 4 or 16 bytes.
    Address {
        bytes: usize,
    },
    /// Bits as bytes, for `bit` of that length.
    BitsBytes {
        length: u32,
    },
    /// As many bits as 0 and 1.
    BitsText {
        length: u32,
    },
    /// 0 and 1 as bytes, for `bit` of that length.
    BitTextBytes {
        length: u32,
    },
    /// Well-known binary behind the number of its reference system.
    Geometry {
        srid: u32,
    },
    /// Floats as they lie in memory.
    Vector,
    /// A nested value as JSON.
    Json(LogicalType),
    /// A dynamic value as the text of the member that is set.
    DynamicText,
}

/// What a column does to texts that is not seen when it is done: neither server warns of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TextBounds {
    /// Blanks at the end are cut off (`char`).
    pub(super) trims: bool,
    /// Other bytes than ASCII are stored as they are (MariaDB's character set `ascii`).
    pub(super) ascii: bool,
}

/// The labels of an enum or a set of the target.
#[derive(Debug)]
pub(super) struct Labels {
    /// Their places, counted from 0.
    places: HashMap<String, u16>,
    /// Whether a number could be taken for a label, so that it must come as a number.
    pub(super) numeric: bool,
    /// A text that means 0 and is no label.
    pub(super) zero: &'static str,
}

impl Labels {
    fn new(labels: &[String]) -> Self {
        // No type has more than 65,535 labels. Where two are equal, the first counts, as for the server.
        let mut places = HashMap::with_capacity(labels.len());
        for (place, label) in labels.iter().enumerate() {
            places.entry(label.clone()).or_insert(place as u16);
        }
        let numeric = labels.iter().any(|label| label.trim_end().bytes().all(|byte| byte.is_ascii_digit()));
        let zeros = ["0", "00", "000", "0000", "00000"];
        let free = zeros.iter().find(|zero| !labels.iter().any(|label| label.trim_end() == **zero));
        Self { places, numeric, zero: free.copied().unwrap_or("0") }
    }

    /// The place of a label.
    pub(super) fn place(&self, label: &str) -> Option<u16> {
        self.places.get(label).copied()
    }
}

impl Codec {
    /// How values of `logical` are written into such a column; none when they do not go there.
    pub(super) fn new(logical: &LogicalType, target: &TargetColumn) -> Option<Self> {
        use LogicalType as L;
        let base = target.native.base.as_str();
        if target.is_text() {
            return as_text(logical, target);
        }
        let length = target.native.arguments.first().copied();
        let bit_length = || u32::try_from(length.unwrap_or(1)).ok();
        Some(match (logical, base) {
            (L::Bool, "bit") => Self::BoolBit,
            (L::Bool, _) if is_int(base) => Self::Bool,
            (L::Int { .. } | L::Year, "decimal") => Self::Int,
            (L::Int { bits, signed }, _) if is_int(base) => int(*bits, *signed, target),
            (L::Year, _) if is_int(base) => int(16, true, target),
            (L::Year, "year") => Self::Year,
            (L::Decimal { precision, scale }, "decimal" | "double") if *precision <= 38 => {
                Self::Decimal { scale: *scale }
            }
            (L::Decimal { scale, .. }, "decimal") => Self::WideDecimal { scale: *scale },
            (L::Decimal { precision, scale: 0 }, _) if *precision <= 38 && is_int(base) => Self::Decimal { scale: 0 },
            (L::Numeric, "decimal") => Self::Numeric,
            (L::Float { bits: 32 }, "float" | "double") => Self::Float32,
            (L::Float { .. }, "double") => Self::Float64,
            (L::Float { .. }, "float") => Self::Float64To32,
            (L::Enum { .. } | L::Text { .. }, "enum") => Self::Enum(Labels::new(&target.native.labels)),
            (L::Set { .. }, "set") => Self::Set(Labels::new(&target.native.labels)),
            (L::Date, "date") => Self::Date,
            (L::Timestamp { .. }, "datetime") | (L::Instant { .. }, "datetime" | "timestamp") => {
                Self::DateTime { digits: target.fraction_digits() }
            }
            (L::Time { .. } | L::Span { .. }, "time") => {
                Self::Time { digits: target.fraction_digits(), most: longest_time(target) }
            }
            (L::Uuid, "uuid") => Self::UuidBytes,
            (L::Uuid, "binary" | "varbinary") if length == Some(16) => Self::UuidBytes,
            (L::Network { kind: NetworkKind::Inet }, "inet4") => Self::Address { bytes: 4 },
            (L::Network { kind: NetworkKind::Inet }, "inet6") => Self::Address { bytes: 16 },
            (L::Bits { length: Some(1..=64), varying: false }, "bit") => Self::BitsBytes { length: bit_length()? },
            (L::Bits { .. }, "bit") => Self::BitTextBytes { length: bit_length()? },
            (L::Geometry { srid, .. }, _) if target.is_geometry() => {
                Self::Geometry { srid: u32::try_from(srid.unwrap_or(0)).ok()? }
            }
            (L::List { element }, "vector") if **element == (L::Float { bits: 32 }) => Self::Vector,
            (L::Json, "json") => Self::Text(TextBounds { trims: false, ascii: false }),
            (_, "json") => return as_json(logical),
            (
                L::Bytes { .. } | L::Geometry { .. } | L::Opaque { form: OpaqueForm::Binary, .. },
                "binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob",
            ) => Self::Bytes(length.filter(|_| base == "binary")),
            // A type that only this dialect knows is read and written as its text.
            (L::Opaque { dialect, form: OpaqueForm::Text, .. }, _) if dialect == crate::NAME => {
                Self::Text(TextBounds { trims: false, ascii: false })
            }
            _ => return None,
        })
    }

    /// Whether it writes a number where the server would rather see a label.
    pub(super) fn is_index(&self) -> bool {
        match self {
            Self::Set(_) => true,
            Self::Enum(labels) => labels.numeric,
            _ => false,
        }
    }
}

fn is_int(base: &str) -> bool {
    matches!(base, "tinyint" | "smallint" | "mediumint" | "int" | "bigint")
}

fn range(bits: u32, signed: bool) -> (i128, i128) {
    if signed { (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) } else { (0, (1 << bits) - 1) }
}

fn int(bits: u8, signed: bool, target: &TargetColumn) -> Codec {
    let target_bits = match target.native.base.as_str() {
        "tinyint" => 8,
        "smallint" => 16,
        "mediumint" => 24,
        "int" => 32,
        _ => 64,
    };
    let (least, most) = range(target_bits, !target.native.unsigned);
    let (source_least, source_most) = range(bits.into(), signed);
    if least <= source_least && source_most <= most { Codec::Int } else { Codec::IntWithin(least, most) }
}

/// The longest time, in microseconds: 838:59:59, and on MariaDB the second that follows, without its end.
fn longest_time(target: &TargetColumn) -> i64 {
    const WHOLE: i64 = (838 * 3600 + 59 * 60 + 59) * super::time::MICROS_PER_SECOND;
    if target.version.is_mariadb() { WHOLE + 999_999 } else { WHOLE }
}

fn as_text(logical: &LogicalType, target: &TargetColumn) -> Option<Codec> {
    use LogicalType as L;
    let bounds = TextBounds {
        trims: target.native.base == "char",
        ascii: target.charset.as_deref() == Some("ascii") && target.version.is_mariadb(),
    };
    Some(match logical {
        L::Text { .. } | L::Enum { .. } | L::Json | L::Network { .. } | L::Numeric => Codec::Text(bounds),
        L::Bits { length: Some(length @ 1..=64), varying: false } => Codec::BitsText { length: *length },
        L::Bits { .. } | L::Opaque { form: OpaqueForm::Text, .. } => Codec::Text(bounds),
        L::Int { .. } | L::Year => Codec::Int,
        L::Bool => Codec::Bool,
        L::Decimal { precision, scale } if *precision <= 38 => Codec::Decimal { scale: *scale },
        L::Decimal { scale, .. } => Codec::WideDecimal { scale: *scale },
        L::Date => Codec::Date,
        L::Time { .. } | L::Span { .. } => Codec::Time { digits: 6, most: i64::MAX },
        L::Timestamp { .. } => Codec::DateTimeText,
        L::Instant { .. } => Codec::InstantText,
        L::TimeTz { .. } => Codec::TimeTzText,
        L::Interval => Codec::IntervalText,
        L::Uuid => Codec::UuidText,
        L::Dynamic => Codec::DynamicText,
        _ => return as_json(logical),
    })
}

fn as_json(logical: &LogicalType) -> Option<Codec> {
    use LogicalType as L;
    let nested = matches!(
        logical,
        L::List { .. } | L::Struct { .. } | L::Range { .. } | L::Map | L::Set { .. } | L::Dynamic | L::Interval
    );
    nested.then(|| Codec::Json(logical.clone()))
}
