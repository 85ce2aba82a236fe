//! Native types to logical ones.

use super::{Oid, TypeCatalogue, TypeEntry, TypeKind};
use dbferry_dialect::LogicalType;
use dbferry_dialect::logical::{NetworkKind, OpaqueForm, StructField};

/// Identifiers of built-in types: `src/include/catalog/pg_type.dat`. They never change.
pub(crate) mod oid {
    #![allow(missing_docs)]
    use super::Oid;

    pub(crate) const BOOL: Oid = 16;
    pub(crate) const BYTEA: Oid = 17;
    pub(crate) const CHAR: Oid = 18;
    pub(crate) const NAME: Oid = 19;
    pub(crate) const INT8: Oid = 20;
    pub(crate) const INT2: Oid = 21;
    pub(crate) const INT4: Oid = 23;
    pub(crate) const TEXT: Oid = 25;
    pub(crate) const OID: Oid = 26;
    pub(crate) const XID: Oid = 28;
    pub(crate) const CID: Oid = 29;
    pub(crate) const JSON: Oid = 114;
    pub(crate) const CIDR: Oid = 650;
    pub(crate) const FLOAT4: Oid = 700;
    pub(crate) const FLOAT8: Oid = 701;
    pub(crate) const MACADDR8: Oid = 774;
    pub(crate) const MONEY: Oid = 790;
    pub(crate) const MACADDR: Oid = 829;
    pub(crate) const INET: Oid = 869;
    pub(crate) const BPCHAR: Oid = 1042;
    pub(crate) const VARCHAR: Oid = 1043;
    pub(crate) const DATE: Oid = 1082;
    pub(crate) const TIME: Oid = 1083;
    pub(crate) const TIMESTAMP: Oid = 1114;
    pub(crate) const TIMESTAMPTZ: Oid = 1184;
    pub(crate) const INTERVAL: Oid = 1186;
    pub(crate) const TIMETZ: Oid = 1266;
    pub(crate) const BIT: Oid = 1560;
    pub(crate) const VARBIT: Oid = 1562;
    pub(crate) const NUMERIC: Oid = 1700;
    pub(crate) const REFCURSOR: Oid = 1790;
    pub(crate) const UUID: Oid = 2950;
    pub(crate) const JSONB: Oid = 3802;
    pub(crate) const XID8: Oid = 5069;
}

/// The deepest nesting that a logical type may have: [`LogicalType::validate`] refuses more.
const DEEPEST: u32 = 16;
/// Longest name in bytes: NAMEDATALEN - 1.
const NAME_BYTES: u64 = 63;
/// Digits of a 64-bit whole number, which `money` is.
const MONEY_DIGITS: u8 = 19;
/// The length word that is counted in the modifiers of texts and numerics: `VARHDRSZ`.
const HEADER: i32 = 4;

impl TypeCatalogue {
    /// What values of a column of that type mean; `typmod` is `atttypmod`, -1 for none.
    ///
    /// A type that has no logical type, or has one inside itself, is opaque as a whole: its text comes from its output
    /// function and goes back through its input function.
    pub(crate) fn logical(&self, oid: Oid, typmod: i32) -> LogicalType {
        self.known(oid, typmod, 0).unwrap_or_else(|| LogicalType::Opaque {
            dialect: crate::NAME.to_owned(),
            native: self.get(oid).map_or_else(|| format!("oid {oid}"), |entry| entry.text.clone()),
            form: OpaqueForm::Text,
        })
    }

    fn known(&self, oid: Oid, typmod: i32, depth: u32) -> Option<LogicalType> {
        if depth > DEEPEST {
            return None;
        }
        let entry = self.get(oid)?;
        Some(match &entry.kind {
            TypeKind::Base => base(oid, typmod, self.money_scale).or_else(|| of_extension(entry))?,
            TypeKind::Enum(labels) => LogicalType::Enum { labels: labels.clone() },
            TypeKind::Domain { base, typmod: own } => {
                return self.known(*base, if typmod < 0 { *own } else { typmod }, depth);
            }
            // Parquet has no groups without fields.
            TypeKind::Composite(fields) if fields.is_empty() => return None,
            TypeKind::Composite(fields) => {
                let field = |field: &super::CompositeField| {
                    let logical = self.known(field.type_, field.typmod, depth + 1)?;
                    Some(StructField { name: field.name.clone(), logical })
                };
                LogicalType::Struct { fields: fields.iter().map(field).collect::<Option<_>>()? }
            }
            TypeKind::Range { subtype } => {
                LogicalType::Range { element: Box::new(self.known(*subtype, -1, depth + 1)?) }
            }
            TypeKind::Multirange { range } => {
                LogicalType::List { element: Box::new(self.known(*range, -1, depth + 1)?) }
            }
            // The modifier of an array is that of its elements.
            TypeKind::Array { element } => {
                LogicalType::List { element: Box::new(self.known(*element, typmod, depth + 1)?) }
            }
            TypeKind::Pseudo => return None,
        })
    }
}

fn base(oid: Oid, typmod: i32, money_scale: u8) -> Option<LogicalType> {
    let characters = u64::try_from(typmod.saturating_sub(HEADER)).ok().filter(|_| typmod >= HEADER);
    // At most 6: the server caps it.
    let precision = u8::try_from(typmod).unwrap_or(6).min(6);
    let bits = u32::try_from(typmod).ok();
    Some(match oid {
        oid::BOOL => LogicalType::Bool,
        oid::INT2 => LogicalType::Int { bits: 16, signed: true },
        oid::INT4 => LogicalType::Int { bits: 32, signed: true },
        oid::INT8 => LogicalType::INT64,
        oid::OID | oid::XID | oid::CID => LogicalType::Int { bits: 32, signed: false },
        oid::XID8 => LogicalType::Int { bits: 64, signed: false },
        oid::FLOAT4 => LogicalType::Float { bits: 32 },
        oid::FLOAT8 => LogicalType::FLOAT64,
        oid::NUMERIC => numeric(typmod),
        oid::MONEY => LogicalType::Decimal { precision: MONEY_DIGITS, scale: money_scale },
        oid::TEXT | oid::REFCURSOR => LogicalType::TEXT,
        oid::VARCHAR => LogicalType::Text { max_chars: characters, fixed: false },
        oid::BPCHAR => LogicalType::Text { max_chars: characters, fixed: characters.is_some() },
        oid::NAME => LogicalType::Text { max_chars: Some(NAME_BYTES), fixed: false },
        oid::CHAR => LogicalType::Text { max_chars: Some(1), fixed: false },
        oid::BYTEA => LogicalType::BYTES,
        oid::DATE => LogicalType::Date,
        oid::TIME => LogicalType::Time { precision },
        oid::TIMETZ => LogicalType::TimeTz { precision },
        oid::TIMESTAMP => LogicalType::Timestamp { precision },
        oid::TIMESTAMPTZ => LogicalType::Instant { precision },
        oid::INTERVAL => LogicalType::Interval,
        oid::UUID => LogicalType::Uuid,
        oid::JSON | oid::JSONB => LogicalType::Json,
        // Without a modifier a `bit` column takes any length.
        oid::BIT => LogicalType::Bits { length: bits, varying: bits.is_none() },
        oid::VARBIT => LogicalType::Bits { length: bits, varying: true },
        oid::INET => LogicalType::Network { kind: NetworkKind::Inet },
        oid::CIDR => LogicalType::Network { kind: NetworkKind::Cidr },
        oid::MACADDR => LogicalType::Network { kind: NetworkKind::Mac },
        oid::MACADDR8 => LogicalType::Network { kind: NetworkKind::Mac8 },
        _ => return None,
    })
}

/// Types of extensions that mean more than their text.
fn of_extension(entry: &TypeEntry) -> Option<LogicalType> {
    match (entry.extension.as_deref()?, entry.name.as_str()) {
        ("citext", "citext") => Some(LogicalType::TEXT),
        ("hstore", "hstore") => Some(LogicalType::Map),
        _ => None,
    }
}

/// `numeric_typmod_precision` and `numeric_typmod_scale` of the server's `numeric.c`: since PostgreSQL 15 the scale is a
/// signed number of 11 bits; before it was at most 1000 and so had the same bits.
pub(crate) fn numeric_typmod(typmod: i32) -> Option<(u16, i16)> {
    let bits = typmod.checked_sub(HEADER).filter(|bits| *bits >= 0)?;
    // Both are masked to fewer bits than their types have.
    Some((((bits >> 16) & 0xffff) as u16, (((bits & 0x7ff) ^ 0x400) - 0x400) as i16))
}

fn numeric(typmod: i32) -> LogicalType {
    let Some((precision, scale)) = numeric_typmod(typmod) else { return LogicalType::Numeric };
    match (u8::try_from(precision), u8::try_from(scale)) {
        (Ok(precision @ 1..=76), Ok(scale)) if scale <= precision => LogicalType::Decimal { precision, scale },
        _ => LogicalType::Numeric,
    }
}
