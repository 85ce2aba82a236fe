//! Native types as logical ones, and the one spelling of a native type that both flavours share.
//!
//! | native | logical |
//! |---|---|
//! | `tinyint` to `bigint`, `mediumint` among 32 bits | whole numbers, signed or not; `tinyint(1)` is one too |
//! | `bit(1)`, `bit(n)` | truth value, bits |
//! | `decimal(p,s)`, `float`, `double` | the same |
//! | `char(n)`, `varchar(n)`, the `text` family | text, whatever its character set |
//! | `binary(n)`, `varbinary(n)`, the `blob` family | bytes |
//! | `date`, `datetime(f)`, `timestamp(f)`, `time(f)`, `year` | date, timestamp, instant in UTC, elapsed time, year |
//! | `enum`, `set`, `json`, `vector(n)` | enum, set, json, list of 32-bit floats |
//! | MariaDB's `uuid`, `inet4`, `inet6` | uuid, network address |
//! | the geometry family | geometry |

mod parse;

pub(crate) use parse::NativeText;

use dbferry_dialect::logical::{LogicalType, NetworkKind, OpaqueForm};

/// Parameter of a column's native type: its character set.
pub(crate) const CHARSET: &str = "charset";
/// Parameter of a column's native type: `SELECT *` passes it over.
pub(crate) const INVISIBLE: &str = "invisible";
/// Parameter of a column's native type: what it becomes when its row changes, `CURRENT_TIMESTAMP(6)`.
pub(crate) const ON_UPDATE: &str = "on-update";
/// Parameter of a column's native type: the spatial reference system that MySQL wants all its values to have.
pub(crate) const SRID: &str = "srid";
/// Parameter of a column's native type: the spatial reference system that MariaDB notes for the column and does not check.
pub(crate) const REFERENCE_SYSTEM: &str = "reference-system";
/// Parameter of a column's native type: MariaDB compresses its values.
pub(crate) const COMPRESSED: &str = "compressed";
/// Parameter of a column's native type: changes of it leave no history.
pub(crate) const WITHOUT_VERSIONING: &str = "without-system-versioning";
/// Parameter of a column's native type: `row-start` or `row-end` of its table's system-time period.
pub(crate) const PERIOD: &str = "period";
/// Parameter of a column's native type: it is not declared; system versioning gives it to the table.
pub(crate) const IMPLICIT: &str = "implicit";
/// The value of parameters that hold or do not.
pub(crate) const TRUE: &str = "true";

/// What values of a type mean that the server spells so.
pub(crate) fn logical(native: &NativeText) -> LogicalType {
    known(native).unwrap_or_else(|| LogicalType::Opaque {
        dialect: crate::NAME.to_owned(),
        native: native.text.clone(),
        form: OpaqueForm::Text,
    })
}

impl NativeText {
    /// Whether it is a type of the family.
    pub(crate) fn is_known(&self) -> bool {
        known(self).is_some()
    }
}

fn known(native: &NativeText) -> Option<LogicalType> {
    let signed = !native.unsigned;
    let int = |bits| LogicalType::Int { bits, signed };
    let first = native.arguments.first().copied();
    let precision = u8::try_from(first.unwrap_or(0)).ok().filter(|precision| *precision <= 6);
    let geometry =
        |kind: Option<&str>| LogicalType::Geometry { srid: None, kind: kind.map(str::to_owned), geodesic: false };
    Some(match native.base.as_str() {
        "tinyint" => int(8),
        "smallint" => int(16),
        "mediumint" | "int" => int(32),
        "bigint" => int(64),
        "bit" => match u32::try_from(first.unwrap_or(1)).ok()? {
            1 => LogicalType::Bool,
            length => LogicalType::Bits { length: Some(length), varying: false },
        },
        "decimal" => LogicalType::Decimal {
            precision: u8::try_from(first.unwrap_or(10)).ok()?,
            scale: u8::try_from(native.arguments.get(1).copied().unwrap_or(0)).ok()?,
        },
        "float" => LogicalType::Float { bits: 32 },
        "double" => LogicalType::FLOAT64,
        "char" => LogicalType::Text { max_chars: Some(first.unwrap_or(1)), fixed: true },
        "varchar" => LogicalType::Text { max_chars: Some(first?), fixed: false },
        "tinytext" | "text" | "mediumtext" | "longtext" => LogicalType::TEXT,
        "binary" => LogicalType::Bytes { max_bytes: Some(first.unwrap_or(1)), fixed: true },
        "varbinary" => LogicalType::Bytes { max_bytes: Some(first?), fixed: false },
        "tinyblob" | "blob" | "mediumblob" | "longblob" => LogicalType::BYTES,
        "date" => LogicalType::Date,
        "datetime" => LogicalType::Timestamp { precision: precision? },
        "timestamp" => LogicalType::Instant { precision: precision? },
        "time" => LogicalType::Span { precision: precision? },
        "year" => LogicalType::Year,
        "enum" => LogicalType::Enum { labels: native.labels.clone() },
        "set" => LogicalType::Set { labels: native.labels.clone() },
        "json" => LogicalType::Json,
        "uuid" => LogicalType::Uuid,
        "inet4" | "inet6" => LogicalType::Network { kind: NetworkKind::Inet },
        "vector" => LogicalType::List { element: Box::new(LogicalType::Float { bits: 32 }) },
        "geometry" => geometry(None),
        kind @ ("point" | "linestring" | "polygon" | "multipoint" | "multilinestring" | "multipolygon"
        | "geometrycollection") => geometry(Some(kind)),
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
