//! Which logical type goes into which type of the target, and how.

use crate::types::mapping::oid;
use crate::types::{Oid, TypeCatalogue, TypeKind};
use dbferry_dialect::LogicalType;
use dbferry_dialect::logical::{NetworkKind, OpaqueForm};

/// `jsonpath`: it travels as a version and its text.
const JSONPATH: Oid = 4072;

/// How the values of a logical type are written into a type of the target.
#[derive(Debug)]
pub(crate) enum Codec {
    Bool,
    Int(IntWire),
    /// A whole number as `numeric`.
    IntNumeric,
    Float4,
    Float8,
    /// A float32 as `double precision`.
    Float4To8,
    Decimal {
        scale: u8,
    },
    WideDecimal {
        scale: u8,
    },
    NumericText,
    /// Minor units; `digits` of them make one.
    Money {
        scale: u8,
        digits: u8,
    },
    /// Text as it is, behind a version byte if the type wants one.
    Text {
        version: Option<u8>,
    },
    /// The one-byte type `"char"`.
    Char,
    Bytes,
    Date,
    Time,
    TimeTz,
    /// With and without a zone: both count from 2000.
    Timestamp,
    Interval,
    /// An elapsed time as `interval`.
    Span,
    Uuid,
    Network(NetworkKind),
    /// A fixed number of up to 64 bits.
    BitsNumber {
        length: u32,
    },
    BitsText,
    Array {
        element: Box<Codec>,
        oid: Oid,
    },
    Composite(Vec<(Oid, Codec)>),
    Range(Box<Codec>),
    Multirange(Box<Codec>),
    Hstore,
    /// A nested value as JSON text.
    Json {
        version: Option<u8>,
        logical: LogicalType,
    },
    /// A dynamic value as the text of the member that is set.
    DynamicText,
    /// The bytes of the type's send function.
    Raw(Oid),
    /// Text that only the type's input function understands.
    InputFunction,
}

/// Whole numbers on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IntWire {
    Int2,
    Int4,
    Int8,
    /// `oid`, `xid`, `cid`.
    Unsigned4,
    /// `xid8`.
    Unsigned8,
}

impl Codec {
    /// How values of `logical` are written into a column of type `target`; none when they do not go there.
    pub(crate) fn new(types: &TypeCatalogue, logical: &LogicalType, target: Oid) -> Option<Self> {
        // Only a whole column is loaded as text and converted.
        let through = matches!(logical, LogicalType::Opaque { form: OpaqueForm::Text, .. });
        Self::inside(types, logical, target).or(through.then_some(Self::InputFunction))
    }

    fn inside(types: &TypeCatalogue, logical: &LogicalType, target: Oid) -> Option<Self> {
        use LogicalType as L;
        let wire = types.base(target);
        let entry = types.get(wire)?;
        if let L::Opaque { form: OpaqueForm::Binary, .. } = logical {
            return Some(match wire {
                oid::BYTEA => Self::Bytes,
                _ => Self::Raw(wire),
            });
        }
        match &entry.kind {
            TypeKind::Base => {}
            TypeKind::Enum(_) => return is_text(logical).then_some(Self::Text { version: None }),
            TypeKind::Array { element } => {
                let inner = match logical {
                    L::List { element } => element,
                    L::Set { .. } => &L::TEXT,
                    _ => return None,
                };
                let codec = Self::inside(types, inner, *element)?;
                return Some(Self::Array { element: Box::new(codec), oid: *element });
            }
            TypeKind::Composite(targets) => {
                let L::Struct { fields } = logical else { return None };
                if fields.len() != targets.len() {
                    return None;
                }
                let codecs = fields
                    .iter()
                    .zip(targets)
                    .map(|(field, target)| Some((target.type_, Self::inside(types, &field.logical, target.type_)?)));
                return Some(Self::Composite(codecs.collect::<Option<_>>()?));
            }
            TypeKind::Range { subtype } => {
                let L::Range { element } = logical else { return None };
                return Some(Self::Range(Box::new(Self::inside(types, element, *subtype)?)));
            }
            TypeKind::Multirange { range } => {
                let L::List { element } = logical else { return None };
                return Some(Self::Multirange(Box::new(Self::inside(types, element, *range)?)));
            }
            // Domains were taken off above, and no column has a pseudo type.
            TypeKind::Domain { .. } | TypeKind::Pseudo => return None,
        }
        let extension = entry.extension.as_deref().map(|extension| (extension, entry.name.as_str()));
        if let (L::Map, Some(("hstore", "hstore"))) = (logical, extension) {
            return Some(Self::Hstore);
        }
        if extension == Some(("citext", "citext")) {
            return as_text(logical);
        }
        scalar(types, logical, wire)
    }
}

/// Types of the server itself.
fn scalar(types: &TypeCatalogue, logical: &LogicalType, wire: Oid) -> Option<Codec> {
    use LogicalType as L;
    Some(match (logical, wire) {
        (L::Bool, oid::BOOL) => Codec::Bool,
        (L::Int { .. } | L::Year, oid::NUMERIC) => Codec::IntNumeric,
        (L::Int { .. } | L::Year, _) if int_wire(wire).is_some() => Codec::Int(int_wire(wire)?),
        (L::Float { bits: 32 }, oid::FLOAT4) => Codec::Float4,
        (L::Float { bits: 32 }, oid::FLOAT8) => Codec::Float4To8,
        (L::Float { .. }, oid::FLOAT8) => Codec::Float8,
        (L::Decimal { precision, scale }, oid::NUMERIC) if *precision <= 38 => Codec::Decimal { scale: *scale },
        (L::Decimal { scale, .. }, oid::NUMERIC) => Codec::WideDecimal { scale: *scale },
        (L::Numeric, oid::NUMERIC) => Codec::NumericText,
        (L::Decimal { precision, scale }, oid::MONEY) if *precision <= 38 => {
            Codec::Money { scale: *scale, digits: types.money_scale() }
        }
        (L::Text { .. }, oid::CHAR) => Codec::Char,
        (L::Bytes { .. } | L::Geometry { .. }, oid::BYTEA) => Codec::Bytes,
        (L::Date, oid::DATE) => Codec::Date,
        (L::Time { .. }, oid::TIME) => Codec::Time,
        (L::TimeTz { .. }, oid::TIMETZ) => Codec::TimeTz,
        (L::Timestamp { .. }, oid::TIMESTAMP) | (L::Instant { .. }, oid::TIMESTAMPTZ) => Codec::Timestamp,
        (L::Interval, oid::INTERVAL) => Codec::Interval,
        (L::Span { .. }, oid::INTERVAL) => Codec::Span,
        (L::Uuid, oid::UUID) => Codec::Uuid,
        (L::Network { kind: NetworkKind::Inet }, oid::INET) => Codec::Network(NetworkKind::Inet),
        (L::Network { kind: NetworkKind::Cidr }, oid::CIDR) => Codec::Network(NetworkKind::Cidr),
        // An `inet` holds every network too.
        (L::Network { kind: NetworkKind::Cidr }, oid::INET) => Codec::Network(NetworkKind::Inet),
        (L::Network { kind: NetworkKind::Mac }, oid::MACADDR) => Codec::Network(NetworkKind::Mac),
        (L::Network { kind: NetworkKind::Mac8 }, oid::MACADDR8) => Codec::Network(NetworkKind::Mac8),
        (L::Bits { length: Some(length @ 1..=64), varying: false }, oid::BIT | oid::VARBIT) => {
            Codec::BitsNumber { length: *length }
        }
        (L::Bits { .. }, oid::BIT | oid::VARBIT) => Codec::BitsText,
        (L::Json, oid::JSON) => Codec::Text { version: None },
        (L::Json, oid::JSONB) => Codec::Text { version: Some(1) },
        (_, oid::JSON) => return as_json(logical, None),
        (_, oid::JSONB) => return as_json(logical, Some(1)),
        (L::Opaque { .. }, JSONPATH) => Codec::Text { version: Some(1) },
        (_, oid::TEXT | oid::VARCHAR | oid::BPCHAR | oid::NAME | oid::REFCURSOR) => return as_text(logical),
        _ => return None,
    })
}

fn int_wire(wire: Oid) -> Option<IntWire> {
    Some(match wire {
        oid::INT2 => IntWire::Int2,
        oid::INT4 => IntWire::Int4,
        oid::INT8 => IntWire::Int8,
        oid::OID | oid::XID | oid::CID => IntWire::Unsigned4,
        oid::XID8 => IntWire::Unsigned8,
        _ => return None,
    })
}

/// Whether values are carried as the text that stands for them.
fn is_text(logical: &LogicalType) -> bool {
    use LogicalType as L;
    match logical {
        L::Text { .. } | L::Enum { .. } | L::Json | L::Network { .. } | L::Numeric => true,
        L::Bits { length: Some(1..=64), varying: false } => false,
        L::Bits { .. } | L::Opaque { form: OpaqueForm::Text, .. } => true,
        _ => false,
    }
}

fn as_text(logical: &LogicalType) -> Option<Codec> {
    match logical {
        LogicalType::Dynamic => Some(Codec::DynamicText),
        _ if is_text(logical) => Some(Codec::Text { version: None }),
        _ => as_json(logical, None),
    }
}

fn as_json(logical: &LogicalType, version: Option<u8>) -> Option<Codec> {
    use LogicalType as L;
    let nested =
        matches!(logical, L::List { .. } | L::Struct { .. } | L::Range { .. } | L::Map | L::Set { .. } | L::Dynamic);
    nested.then(|| Codec::Json { version, logical: logical.clone() })
}
