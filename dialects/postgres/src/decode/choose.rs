//! Which decoder a column gets: from what its values mean and what the server sends.

use super::builder::{Bools, Fixed, Parts, Strings, Uuids};
use super::nested::{List, Map, Range, Struct};
use super::numeric::Digits;
use super::{Decoder, WholeWire};
use crate::types::mapping::{numeric_typmod, oid};
use crate::types::{Oid, TypeCatalogue, TypeKind};
use arrow::datatypes::DataType;
use dbferry_dialect::LogicalType;
use dbferry_dialect::carrier::arrow_type;
use dbferry_dialect::logical::{NetworkKind, OpaqueForm};

/// How a column is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// As it is: the bytes of its type's send function.
    Native,
    /// As the text of its type's output function.
    Text,
}

/// What a server sends.
#[derive(Clone, Copy)]
pub(crate) struct Source<'a> {
    /// Its types.
    pub(crate) types: &'a TypeCatalogue,
    /// Whether its texts may hold anything: it neither checks nor converts them.
    pub(crate) any_bytes: bool,
}

/// A type with its modifier, domains resolved.
struct Resolved<'a> {
    oid: Oid,
    typmod: i32,
    kind: &'a TypeKind,
    extension: Option<&'a str>,
    name: &'a str,
}

impl<'a> Source<'a> {
    /// The decoder that makes values of `logical` of what the server holds as `oid`, and how to ask for them; nothing when
    /// that cannot be done without changing values.
    pub(crate) fn decoder(&self, logical: &LogicalType, oid: Oid, typmod: i32) -> Option<(Form, Decoder)> {
        match (logical, self.native(logical, oid, typmod)) {
            (_, Some(decoder)) => Some((Form::Native, decoder)),
            (LogicalType::Opaque { form: OpaqueForm::Text, .. }, None) => Some((Form::Text, self.text())),
            _ => None,
        }
    }

    fn text(&self) -> Decoder {
        Decoder::Text(Strings::text(), self.any_bytes)
    }

    fn resolve(&self, oid: Oid, typmod: i32) -> Option<Resolved<'a>> {
        let entry = self.types.get(oid)?;
        match &entry.kind {
            TypeKind::Domain { base, typmod: own } => self.resolve(*base, if typmod < 0 { *own } else { typmod }),
            kind => {
                let extension = entry.extension.as_deref();
                Some(Resolved { oid, typmod, kind, extension, name: &entry.name })
            }
        }
    }

    fn native(&self, logical: &LogicalType, oid: Oid, typmod: i32) -> Option<Decoder> {
        let wire = self.resolve(oid, typmod)?;
        if let LogicalType::Int { bits, signed } = logical {
            return whole_number(*bits, *signed, &wire);
        }
        let data_type = arrow_type(logical);
        Some(match (logical, wire.oid) {
            (LogicalType::Bool, oid::BOOL) => Decoder::Bool(Bools::new()),
            (LogicalType::Year, _) => whole_number(16, true, &wire)?,
            (LogicalType::Float { bits: 32 }, oid::FLOAT4) => Decoder::Float32(Fixed::new(data_type)),
            (LogicalType::Float { bits: 32 }, oid::FLOAT8) => Decoder::NarrowFloat(Fixed::new(data_type)),
            (LogicalType::Float { .. }, oid::FLOAT8) => Decoder::Float64(Fixed::new(data_type)),
            (LogicalType::Float { .. }, oid::FLOAT4) => Decoder::WideFloat(Fixed::new(data_type)),
            (LogicalType::Decimal { precision, scale }, oid::NUMERIC) => {
                // A column that is declared with another scale spells all its values with that one.
                let declared = numeric_typmod(wire.typmod).map(|(_, scale)| scale);
                let exact_scale = declared.is_none_or(|declared| declared == i16::from(*scale));
                let digits = Digits { precision: *precision, scale: *scale, exact_scale };
                match data_type {
                    DataType::Decimal128(..) => Decoder::Decimal128(Fixed::new(data_type), digits),
                    _ => Decoder::Decimal256(Fixed::new(data_type), digits),
                }
            }
            (LogicalType::Decimal { scale, precision: 19..=38 }, oid::MONEY) => {
                let zeros = scale.checked_sub(self.types.money_scale()).filter(|zeros| *zeros <= 18)?;
                Decoder::Money(Fixed::new(data_type), 10_i128.pow(zeros.into()))
            }
            (LogicalType::Numeric, oid::NUMERIC) => Decoder::Numeric(Strings::text()),
            (LogicalType::Text { .. }, oid::CHAR) => Decoder::Char(Strings::text()),
            (LogicalType::Json, oid::JSONB) => Decoder::Jsonb(Strings::text(), self.any_bytes),
            (LogicalType::Network { kind: kind @ (NetworkKind::Inet | NetworkKind::Cidr) }, oid::INET | oid::CIDR) => {
                Decoder::Inet(Strings::text(), *kind == NetworkKind::Cidr)
            }
            (LogicalType::Network { kind: NetworkKind::Mac }, oid::MACADDR) => Decoder::Mac(Strings::text()),
            (LogicalType::Network { kind: NetworkKind::Mac8 }, oid::MACADDR8) => Decoder::Mac8(Strings::text()),
            (LogicalType::Bits { length: Some(length @ 1..=64), varying: false }, oid::BIT | oid::VARBIT) => {
                Decoder::Bits(Fixed::new(data_type), *length)
            }
            (LogicalType::Bits { .. }, oid::BIT | oid::VARBIT) if data_type == DataType::Utf8 => {
                Decoder::BitString(Strings::text())
            }
            (
                LogicalType::Bytes { .. }
                | LogicalType::Geometry { .. }
                | LogicalType::Opaque { form: OpaqueForm::Binary, .. },
                oid::BYTEA,
            ) => Decoder::Bytes(Strings::bytes()),
            (LogicalType::Uuid, oid::UUID) => Decoder::Uuid(Uuids::new()),
            (LogicalType::Date, oid::DATE) => Decoder::Date(Fixed::new(data_type)),
            (LogicalType::Time { .. }, oid::TIME) => Decoder::Time(Fixed::new(data_type)),
            (LogicalType::TimeTz { .. }, oid::TIMETZ) => Decoder::TimeTz(Parts::new(&data_type)),
            (LogicalType::Timestamp { .. }, oid::TIMESTAMP) | (LogicalType::Instant { .. }, oid::TIMESTAMPTZ) => {
                Decoder::Timestamp(Fixed::new(data_type))
            }
            (LogicalType::Interval, oid::INTERVAL) => Decoder::Interval(Parts::new(&data_type)),
            (LogicalType::Span { .. }, oid::INTERVAL) => Decoder::Span(Fixed::new(data_type)),
            (LogicalType::Span { .. }, _) => whole_number(64, true, &wire)?,
            // Whatever else is carried as text may stand in a column of texts.
            _ if data_type == DataType::Utf8 && wire.is_text() => self.text(),
            _ => return self.nested(logical, &data_type, &wire),
        })
    }

    fn nested(&self, logical: &LogicalType, data_type: &DataType, wire: &Resolved<'_>) -> Option<Decoder> {
        Some(match (logical, wire.kind) {
            (LogicalType::List { element }, TypeKind::Array { element: oid }) => {
                let elements = self.native(element, *oid, wire.typmod)?;
                Decoder::List(Box::new(List::new(Some(*oid), elements, data_type)))
            }
            (LogicalType::List { element }, TypeKind::Multirange { range }) => {
                let elements = self.native(element, *range, -1)?;
                Decoder::List(Box::new(List::new(None, elements, data_type)))
            }
            (LogicalType::Set { .. }, TypeKind::Array { element: oid }) if self.resolve(*oid, -1)?.is_text() => {
                Decoder::List(Box::new(List::new(Some(*oid), self.text(), data_type)))
            }
            (LogicalType::Struct { fields }, TypeKind::Composite(members)) if fields.len() == members.len() => {
                let member =
                    |(field, member): (&dbferry_dialect::logical::StructField, &crate::types::CompositeField)| {
                        Some((member.type_, self.native(&field.logical, member.type_, member.typmod)?))
                    };
                let members = fields.iter().zip(members).map(member).collect::<Option<Vec<_>>>()?;
                Decoder::Struct(Box::new(Struct::new(members, data_type)))
            }
            (LogicalType::Range { element }, TypeKind::Range { subtype }) => {
                let bound = || self.native(element, *subtype, -1);
                Decoder::Range(Box::new(Range::new(bound()?, bound()?, data_type)))
            }
            (LogicalType::Map, TypeKind::Base) if wire.is_of("hstore", "hstore") => {
                Decoder::Map(Box::new(Map::new(data_type.clone(), self.any_bytes)))
            }
            _ => return None,
        })
    }
}

impl Resolved<'_> {
    /// Whether the bytes are the text.
    fn is_text(&self) -> bool {
        match self.kind {
            TypeKind::Enum(_) => true,
            TypeKind::Base => {
                matches!(self.oid, oid::TEXT | oid::VARCHAR | oid::BPCHAR | oid::NAME | oid::REFCURSOR | oid::JSON)
                    || self.is_of("citext", "citext")
            }
            _ => false,
        }
    }

    fn is_of(&self, extension: &str, name: &str) -> bool {
        self.extension == Some(extension) && self.name == name
    }
}

/// The decoder for whole numbers: the plain one if the wire has the column's own width, a checked one otherwise.
fn whole_number(bits: u8, signed: bool, wire: &Resolved<'_>) -> Option<Decoder> {
    let form = match wire.oid {
        oid::INT2 => WholeWire::Int2,
        oid::INT4 => WholeWire::Int4,
        oid::INT8 => WholeWire::Int8,
        oid::OID | oid::XID | oid::CID => WholeWire::UInt4,
        oid::XID8 => WholeWire::UInt8,
        oid::NUMERIC => WholeWire::Numeric,
        _ => return None,
    };
    let data_type = arrow_type(&LogicalType::Int { bits, signed });
    Some(match (bits, signed, form) {
        (16, true, WholeWire::Int2) => Decoder::Int16(Fixed::new(data_type)),
        (32, true, WholeWire::Int4) => Decoder::Int32(Fixed::new(data_type)),
        (64, true, WholeWire::Int8) => Decoder::Int64(Fixed::new(data_type)),
        (32, false, WholeWire::UInt4) => Decoder::UInt32(Fixed::new(data_type)),
        (64, false, WholeWire::UInt8) => Decoder::UInt64(Fixed::new(data_type)),
        (8, true, form) => Decoder::WholeInt8(Fixed::new(data_type), form),
        (16, true, form) => Decoder::WholeInt16(Fixed::new(data_type), form),
        (32, true, form) => Decoder::WholeInt32(Fixed::new(data_type), form),
        (64, true, form) => Decoder::WholeInt64(Fixed::new(data_type), form),
        (8, false, form) => Decoder::WholeUInt8(Fixed::new(data_type), form),
        (16, false, form) => Decoder::WholeUInt16(Fixed::new(data_type), form),
        (32, false, form) => Decoder::WholeUInt32(Fixed::new(data_type), form),
        (64, false, form) => Decoder::WholeUInt64(Fixed::new(data_type), form),
        _ => return None,
    })
}
