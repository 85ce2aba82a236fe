//! The logical types: what a column's values *mean*, whatever engine they came from.
//!
//! This is the hub of every conversion: a dialect maps its native types to these and back, and nobody ever maps one
//! engine's types to another's directly. It is not a description of storage: collation, default, identity and the exact
//! native spelling live beside the type, in [`Column`](crate::model::Column).

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// What the values of one column mean.
///
/// [`crate::carrier`] gives each of them its Arrow type, `HASH.md` its canonical bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(remote = "Self", tag = "type", rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum LogicalType {
    /// True or false.
    Bool,
    /// A whole number of a fixed width.
    Int {
        /// Width in bits: 8, 16, 32 or 64.
        bits: u8,
        /// Whether negative numbers exist.
        signed: bool,
    },
    /// An exact decimal number with a fixed number of digits.
    Decimal {
        /// All digits, 1 to 76.
        precision: u8,
        /// Digits after the point, at most `precision`.
        scale: u8,
    },
    /// An exact decimal number without a bound, carried as its text.
    Numeric,
    /// An IEEE 754 binary floating point number.
    Float {
        /// Width in bits: 32 or 64.
        bits: u8,
    },
    /// Character data, always UTF-8 once it is here.
    Text {
        /// The declared bound in characters, if there is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max_chars: Option<u64>,
        /// Whether the engine pads values to `max_chars` with blanks (`char(n)`).
        #[serde(default, skip_serializing_if = "is_false")]
        fixed: bool,
    },
    /// Bytes without a character set.
    Bytes {
        /// The declared bound in bytes, if there is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max_bytes: Option<u64>,
        /// Whether the engine pads values to `max_bytes` (`binary(n)`).
        #[serde(default, skip_serializing_if = "is_false")]
        fixed: bool,
    },
    /// A day of the proleptic Gregorian calendar.
    Date,
    /// A time of day from 00:00:00 up to but without 24:00:00.
    Time {
        /// Digits of the second's fraction, 0 to 6.
        precision: u8,
    },
    /// A time of day with an offset from UTC.
    TimeTz {
        /// Digits of the second's fraction, 0 to 6.
        precision: u8,
    },
    /// A date and a time on a wall clock, without a zone.
    Timestamp {
        /// Digits of the second's fraction, 0 to 6.
        precision: u8,
    },
    /// A point in time, carried in UTC.
    Instant {
        /// Digits of the second's fraction, 0 to 6.
        precision: u8,
    },
    /// A calendar interval: months, days and microseconds that do not convert into each other.
    Interval,
    /// A signed elapsed time (MySQL's `TIME`, which goes to 838 hours).
    Span {
        /// Digits of the second's fraction, 0 to 6.
        precision: u8,
    },
    /// A year; MySQL's 0000 is kept as 0.
    Year,
    /// A universally unique identifier.
    Uuid,
    /// A JSON text, kept to the letter.
    Json,
    /// One label of a list.
    Enum {
        /// The labels in their declared order.
        labels: Vec<String>,
    },
    /// Any number of labels of a list.
    Set {
        /// The labels in their declared order.
        labels: Vec<String>,
    },
    /// A string of bits.
    Bits {
        /// Length in bits, or its bound when `varying`; absent when there is no bound.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        length: Option<u32>,
        /// Whether values may be shorter than `length`.
        varying: bool,
    },
    /// A network address, carried in its canonical text.
    Network {
        /// Which kind of address.
        kind: NetworkKind,
    },
    /// A geometry or geography, carried as well-known binary without its SRID.
    Geometry {
        /// The spatial reference system that all values share, if they do.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        srid: Option<i32>,
        /// The declared kind of geometry (`point`, `polygon`, ...), if there is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        kind: Option<String>,
        /// Whether edges are geodesic (PostGIS `geography`).
        #[serde(default, skip_serializing_if = "is_false")]
        geodesic: bool,
    },
    /// A one-dimensional list that starts at 1; other shapes are exceptions.
    List {
        /// The type of the elements, which may be null.
        element: Box<LogicalType>,
    },
    /// A composite value.
    Struct {
        /// The fields in their declared order; each may be null.
        fields: Vec<StructField>,
    },
    /// A range with bounds that may be open, closed or absent, or the empty range.
    Range {
        /// The type of the bounds.
        element: Box<LogicalType>,
    },
    /// Text keys to text values that may be null (`hstore`).
    Map,
    /// Any of a whole number, a float, a text or bytes, cell by cell (SQLite's untyped columns).
    Dynamic,
    /// A type that only its own engine understands, carried through that type's input and output functions.
    Opaque {
        /// The dialect whose type it is.
        dialect: String,
        /// The type's name there.
        native: String,
        /// How its values are carried.
        form: OpaqueForm,
    },
}

impl Serialize for LogicalType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // The derived function, which `remote` gives that name.
        Self::serialize(self, serializer)
    }
}

impl<'de> Deserialize<'de> for LogicalType {
    /// Serde refuses unknown fields for the types that have parameters and lets them pass for those that have none, so
    /// these are looked at here.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields = serde_json::Map::deserialize(deserializer)?;
        let unknown = fields.keys().find(|name| *name != "type").cloned();
        let logical = Self::deserialize(serde_json::Value::Object(fields)).map_err(D::Error::custom)?;
        match unknown {
            Some(name) if logical.has_no_parameters() => Err(D::Error::custom(format!("unknown field `{name}`"))),
            _ => Ok(logical),
        }
    }
}

/// One field of a [`LogicalType::Struct`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StructField {
    /// The field's name.
    pub name: String,
    /// The type of its values.
    pub logical: LogicalType,
}

/// Kinds of network addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NetworkKind {
    /// A host with an optional mask, host bits kept.
    Inet,
    /// A network without host bits.
    Cidr,
    /// A hardware address of 6 bytes.
    Mac,
    /// A hardware address of 8 bytes.
    Mac8,
}

/// How an [`LogicalType::Opaque`] value is carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OpaqueForm {
    /// The text that the type's output function gives.
    Text,
    /// The bytes that the type's send function gives.
    Binary,
}

impl LogicalType {
    /// A signed 64-bit whole number.
    pub const INT64: LogicalType = LogicalType::Int { bits: 64, signed: true };
    /// A 64-bit float.
    pub const FLOAT64: LogicalType = LogicalType::Float { bits: 64 };
    /// Text without a bound.
    pub const TEXT: LogicalType = LogicalType::Text { max_chars: None, fixed: false };
    /// Bytes without a bound.
    pub const BYTES: LogicalType = LogicalType::Bytes { max_bytes: None, fixed: false };

    /// Checks what serde cannot: widths, precisions, scales, nesting.
    ///
    /// An archive is hostile input, so whatever is read from one passes through here before it is used. Returns what is
    /// wrong, in words.
    pub fn validate(&self) -> Result<(), String> {
        self.validate_at(0)
    }

    fn has_no_parameters(&self) -> bool {
        matches!(
            self,
            Self::Bool
                | Self::Numeric
                | Self::Date
                | Self::Interval
                | Self::Year
                | Self::Uuid
                | Self::Json
                | Self::Map
                | Self::Dynamic
        )
    }

    fn validate_at(&self, depth: usize) -> Result<(), String> {
        const DEEPEST: usize = 16;
        if depth > DEEPEST {
            return Err(format!("types are nested deeper than {DEEPEST}"));
        }
        match self {
            Self::Int { bits, .. } if ![8, 16, 32, 64].contains(bits) => {
                Err(format!("no whole number has {bits} bits"))
            }
            Self::Float { bits } if ![32, 64].contains(bits) => Err(format!("no float has {bits} bits")),
            Self::Decimal { precision, scale } if !(1..=76).contains(precision) || scale > precision => {
                Err(format!("decimal({precision},{scale}) is outside 1..=76 digits, scale up to the precision"))
            }
            Self::Time { precision }
            | Self::TimeTz { precision }
            | Self::Timestamp { precision }
            | Self::Instant { precision }
            | Self::Span { precision }
                if *precision > 6 =>
            {
                Err(format!("a fraction of {precision} digits is finer than microseconds"))
            }
            Self::List { element } | Self::Range { element } => element.validate_at(depth + 1),
            Self::Struct { fields } => fields.iter().try_for_each(|field| field.logical.validate_at(depth + 1)),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for LogicalType {
    /// The short form that tables and messages show: `int64`, `decimal(10,2)`, `list<text>`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool => f.write_str("bool"),
            Self::Int { bits, signed } => write!(f, "{}int{bits}", if *signed { "" } else { "u" }),
            Self::Decimal { precision, scale } => write!(f, "decimal({precision},{scale})"),
            Self::Numeric => f.write_str("numeric"),
            Self::Float { bits } => write!(f, "float{bits}"),
            Self::Text { max_chars: Some(n), fixed: true } => write!(f, "char({n})"),
            Self::Text { max_chars: Some(n), .. } => write!(f, "text({n})"),
            Self::Text { .. } => f.write_str("text"),
            Self::Bytes { max_bytes: Some(n), fixed: true } => write!(f, "binary({n})"),
            Self::Bytes { max_bytes: Some(n), .. } => write!(f, "bytes({n})"),
            Self::Bytes { .. } => f.write_str("bytes"),
            Self::Date => f.write_str("date"),
            Self::Time { precision } => write!(f, "time({precision})"),
            Self::TimeTz { precision } => write!(f, "timetz({precision})"),
            Self::Timestamp { precision } => write!(f, "timestamp({precision})"),
            Self::Instant { precision } => write!(f, "instant({precision})"),
            Self::Interval => f.write_str("interval"),
            Self::Span { precision } => write!(f, "span({precision})"),
            Self::Year => f.write_str("year"),
            Self::Uuid => f.write_str("uuid"),
            Self::Json => f.write_str("json"),
            Self::Enum { labels } => write!(f, "enum of {}", labels.len()),
            Self::Set { labels } => write!(f, "set of {}", labels.len()),
            Self::Bits { length: Some(n), varying: false } => write!(f, "bits({n})"),
            Self::Bits { .. } => f.write_str("varbits"),
            Self::Network { kind } => f.write_str(match kind {
                NetworkKind::Inet => "inet",
                NetworkKind::Cidr => "cidr",
                NetworkKind::Mac => "mac",
                NetworkKind::Mac8 => "mac8",
            }),
            Self::Geometry { geodesic, .. } => f.write_str(if *geodesic { "geography" } else { "geometry" }),
            Self::List { element } => write!(f, "list<{element}>"),
            Self::Struct { fields } => write!(f, "struct of {}", fields.len()),
            Self::Range { element } => write!(f, "range<{element}>"),
            Self::Map => f.write_str("map"),
            Self::Dynamic => f.write_str("dynamic"),
            Self::Opaque { dialect, native, .. } => write!(f, "{dialect}:{native}"),
        }
    }
}

fn is_false(value: &bool) -> bool {
    !*value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn impossible_types_are_refused() {
        for bad in [
            LogicalType::Int { bits: 24, signed: true },
            LogicalType::Float { bits: 16 },
            LogicalType::Decimal { precision: 77, scale: 0 },
            LogicalType::Decimal { precision: 5, scale: 6 },
            LogicalType::Timestamp { precision: 9 },
            LogicalType::List { element: Box::new(LogicalType::Decimal { precision: 0, scale: 0 }) },
        ] {
            assert!(bad.validate().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn unknown_fields_are_refused() {
        let text = r#"{"type":"int","bits":64,"signed":true,"colour":"red"}"#;
        assert!(serde_json::from_str::<LogicalType>(text).is_err());
        for name in ["bool", "numeric", "date", "interval", "year", "uuid", "json", "map", "dynamic"] {
            let text = format!(r#"{{"type":"{name}"}}"#);
            assert!(
                serde_json::from_str::<LogicalType>(&text).is_ok_and(|logical| logical.has_no_parameters()),
                "{text}"
            );
            let text = format!(r#"{{"type":"{name}","colour":"red"}}"#);
            assert!(serde_json::from_str::<LogicalType>(&text).is_err(), "{text}");
            let text = format!(r#"{{"type":"list","element":{text}}}"#);
            assert!(serde_json::from_str::<LogicalType>(&text).is_err(), "{text}");
        }
        let text = r#"{"type":"int","bits":64,"signed":true}"#;
        assert_eq!(serde_json::from_str::<LogicalType>(text).ok(), Some(LogicalType::INT64));
    }
}
