//! Which decoder a column gets, and how it is asked for: from what its values mean and what the server sends.

use super::cells::{Bools, Fixed, Lists, Strings, TextElements, Uuids};
use super::nested::Nested;
use super::number::Digits;
use super::{Decoder, Whole};
use crate::wire::ColumnDefinition;
use arrow::datatypes::DataType;
use dbferry_dialect::LogicalType;
use dbferry_dialect::carrier::arrow_type;
use dbferry_dialect::logical::OpaqueForm;
use mysql_common::constants::{ColumnFlags, ColumnType};

/// The collation of what is bytes and no characters.
const BINARY: u16 = 63;

/// How a column is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// As it is.
    Native,
    /// Converted to UTF-8 by the server from that character set.
    Converted(String),
    /// Beside it whether its number is 0: a label's text does not tell when one of the labels is empty.
    Numbered,
}

/// The decoder of a column, and how to ask for it.
pub(crate) struct Chosen {
    pub(crate) decoder: Decoder,
    pub(crate) form: Form,
}

/// What a server sends, in the terms of this module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sent {
    Whole(Whole),
    Float,
    Double,
    Decimal,
    Date,
    Moment,
    Elapsed,
    Bit,
    Json,
    Geometry,
    Bytes,
    Enum,
    Set,
    Text,
}

fn sent(definition: &ColumnDefinition) -> Option<Sent> {
    let flags = ColumnFlags::from_bits_truncate(definition.flags);
    let unsigned = flags.contains(ColumnFlags::UNSIGNED_FLAG);
    let whole = |signed, without| Some(Sent::Whole(if unsigned { without } else { signed }));
    // A type that this crate does not know is none that the server says.
    let column_type = ColumnType::try_from(definition.column_type).ok()?;
    match column_type {
        ColumnType::MYSQL_TYPE_TINY => whole(Whole::Int1, Whole::UInt1),
        ColumnType::MYSQL_TYPE_SHORT => whole(Whole::Int2, Whole::UInt2),
        ColumnType::MYSQL_TYPE_YEAR => Some(Sent::Whole(Whole::UInt2)),
        ColumnType::MYSQL_TYPE_LONG | ColumnType::MYSQL_TYPE_INT24 => whole(Whole::Int4, Whole::UInt4),
        ColumnType::MYSQL_TYPE_LONGLONG => whole(Whole::Int8, Whole::UInt8),
        ColumnType::MYSQL_TYPE_FLOAT => Some(Sent::Float),
        ColumnType::MYSQL_TYPE_DOUBLE => Some(Sent::Double),
        ColumnType::MYSQL_TYPE_NEWDECIMAL | ColumnType::MYSQL_TYPE_DECIMAL => Some(Sent::Decimal),
        ColumnType::MYSQL_TYPE_DATE | ColumnType::MYSQL_TYPE_NEWDATE => Some(Sent::Date),
        ColumnType::MYSQL_TYPE_DATETIME | ColumnType::MYSQL_TYPE_TIMESTAMP => Some(Sent::Moment),
        ColumnType::MYSQL_TYPE_TIME => Some(Sent::Elapsed),
        ColumnType::MYSQL_TYPE_BIT => Some(Sent::Bit),
        ColumnType::MYSQL_TYPE_JSON => Some(Sent::Json),
        ColumnType::MYSQL_TYPE_GEOMETRY => Some(Sent::Geometry),
        ColumnType::MYSQL_TYPE_VECTOR => Some(Sent::Bytes),
        ColumnType::MYSQL_TYPE_ENUM => Some(Sent::Enum),
        ColumnType::MYSQL_TYPE_SET => Some(Sent::Set),
        _ if !definition.is_string() => None,
        _ if flags.contains(ColumnFlags::ENUM_FLAG) => Some(Sent::Enum),
        _ if flags.contains(ColumnFlags::SET_FLAG) => Some(Sent::Set),
        _ if definition.collation == BINARY => Some(Sent::Bytes),
        _ => Some(Sent::Text),
    }
}

/// The decoder that makes values of `logical` of what the server holds; nothing when that cannot be done without changing
/// values. `charset` is the character set of the column's collation, if that is known.
pub(crate) fn choose(logical: &LogicalType, definition: &ColumnDefinition, charset: Option<&str>) -> Option<Chosen> {
    let sent = sent(definition)?;
    let characters = matches!(sent, Sent::Text | Sent::Enum | Sent::Set);
    let form = match (sent, charset) {
        (Sent::Enum, _) if matches!(logical, LogicalType::Enum { labels } if labels.iter().any(String::is_empty)) => {
            Form::Numbered
        }
        _ if !characters => Form::Native,
        (_, Some("utf8mb4" | "utf8mb3" | "utf8" | "ascii" | "binary")) => Form::Native,
        // MariaDB says this of its types `uuid`, `inet4` and `inet6`, whose texts are ASCII, and whose bytes are other ones.
        (_, Some("latin1")) if matches!(logical, LogicalType::Uuid | LogicalType::Network { .. }) => Form::Native,
        (_, Some(charset)) => Form::Converted(charset.to_owned()),
        (_, None) => return None,
    };
    let text = || {
        Decoder::Text(if charset == Some("ascii") && sent == Sent::Text { Strings::ascii() } else { Strings::text() })
    };
    let decoder = match logical {
        LogicalType::Int { bits, signed } => whole_number(*bits, *signed, whole(sent)?)?,
        LogicalType::Year => whole_number(16, true, whole(sent)?)?,
        _ => decoder(logical, sent, definition, text)?,
    };
    Some(Chosen { decoder, form })
}

fn whole(sent: Sent) -> Option<Whole> {
    match sent {
        Sent::Whole(whole) => Some(whole),
        Sent::Decimal => Some(Whole::Decimal),
        _ => None,
    }
}

fn decoder(
    logical: &LogicalType,
    sent: Sent,
    definition: &ColumnDefinition,
    text: impl FnOnce() -> Decoder,
) -> Option<Decoder> {
    let data_type = arrow_type(logical);
    Some(match (logical, sent) {
        (LogicalType::Bool, Sent::Bit) => Decoder::Bool(Bools::new(), Whole::Bit),
        (LogicalType::Bool, Sent::Whole(whole)) => Decoder::Bool(Bools::new(), whole),
        (LogicalType::Float { bits: 32 }, Sent::Float) => Decoder::Float32(Fixed::new(data_type)),
        (LogicalType::Float { bits: 32 }, Sent::Double) => Decoder::NarrowFloat(Fixed::new(data_type)),
        (LogicalType::Float { .. }, Sent::Double) => Decoder::Float64(Fixed::new(data_type)),
        (LogicalType::Float { .. }, Sent::Float) => Decoder::WideFloat(Fixed::new(data_type)),
        (LogicalType::Decimal { precision, scale }, Sent::Decimal | Sent::Text) => {
            let digits = Digits { precision: *precision, scale: *scale };
            match data_type {
                DataType::Decimal128(..) => Decoder::Decimal128(Fixed::new(data_type), digits),
                _ => Decoder::Decimal256(Fixed::new(data_type), digits),
            }
        }
        (LogicalType::Numeric, Sent::Decimal) => text(),
        (LogicalType::Enum { .. }, Sent::Enum) => match logical {
            LogicalType::Enum { labels } if labels.iter().any(String::is_empty) => Decoder::Text(Strings::text()),
            _ => Decoder::Enum(Strings::text()),
        },
        (LogicalType::Set { .. }, Sent::Set) => Decoder::Set(Lists::new(TextElements::new(), &data_type)),
        (LogicalType::Date, Sent::Date) => Decoder::Date(Fixed::new(data_type)),
        // Sessions are in UTC, so both are the same numbers.
        (LogicalType::Timestamp { .. } | LogicalType::Instant { .. }, Sent::Moment) => {
            Decoder::Moment(Fixed::new(data_type))
        }
        (LogicalType::Span { .. }, Sent::Elapsed) => Decoder::Span(Fixed::new(data_type)),
        (LogicalType::Span { .. }, Sent::Whole(whole)) => Decoder::WholeInt64(Fixed::new(data_type), whole),
        (LogicalType::Time { .. }, Sent::Elapsed) => Decoder::Time(Fixed::new(data_type)),
        (LogicalType::Bits { length: Some(1..=64), varying: false }, Sent::Bit) => Decoder::Bits(Fixed::new(data_type)),
        (LogicalType::Bits { length: Some(1..=64), varying: false }, Sent::Whole(whole)) => {
            Decoder::WholeUInt64(Fixed::new(data_type), whole)
        }
        (LogicalType::Bits { .. }, Sent::Bit) => Decoder::BitString(Strings::text(), definition.length),
        (LogicalType::Uuid, Sent::Text) => Decoder::UuidText(Uuids::new()),
        (LogicalType::Uuid, Sent::Bytes) => Decoder::UuidBytes(Uuids::new()),
        (LogicalType::Geometry { srid, .. }, Sent::Geometry) => {
            // The number is one of 32 bits without a sign on the server.
            Decoder::Geometry(Strings::bytes(), srid.unwrap_or(0).cast_unsigned())
        }
        (LogicalType::List { element }, Sent::Bytes) if **element == (LogicalType::Float { bits: 32 }) => {
            Decoder::Vector(Lists::new(Vec::new(), &data_type))
        }
        (
            LogicalType::Bytes { .. }
            | LogicalType::Geometry { .. }
            | LogicalType::Opaque { form: OpaqueForm::Binary, .. },
            Sent::Bytes,
        ) => Decoder::Bytes(Strings::bytes()),
        // Whatever else is carried as text may stand in a column of texts.
        (_, Sent::Json) if data_type == DataType::Utf8 => Decoder::Json(Strings::text()),
        (_, Sent::Text | Sent::Enum | Sent::Set) if data_type == DataType::Utf8 => text(),
        (_, Sent::Text | Sent::Json) => Decoder::Nested(Nested::new(logical)?),
        // MariaDB's JSON is a text, but its functions give bytes; an unknown type may be sent as bytes too.
        (LogicalType::Json | LogicalType::Opaque { form: OpaqueForm::Text, .. }, Sent::Bytes) => text(),
        _ => return None,
    })
}

/// The decoder for whole numbers: the plain one if the row has the column's own width, a checked one otherwise.
fn whole_number(bits: u8, signed: bool, whole: Whole) -> Option<Decoder> {
    let data_type = arrow_type(&LogicalType::Int { bits, signed });
    Some(match (bits, signed, whole) {
        (8, true, Whole::Int1) => Decoder::Int8(Fixed::new(data_type)),
        (16, true, Whole::Int2) => Decoder::Int16(Fixed::new(data_type)),
        (32, true, Whole::Int4) => Decoder::Int32(Fixed::new(data_type)),
        (64, true, Whole::Int8) => Decoder::Int64(Fixed::new(data_type)),
        (8, false, Whole::UInt1) => Decoder::UInt8(Fixed::new(data_type)),
        (16, false, Whole::UInt2) => Decoder::UInt16(Fixed::new(data_type)),
        (32, false, Whole::UInt4) => Decoder::UInt32(Fixed::new(data_type)),
        (64, false, Whole::UInt8) => Decoder::UInt64(Fixed::new(data_type)),
        (8, true, whole) => Decoder::WholeInt8(Fixed::new(data_type), whole),
        (16, true, whole) => Decoder::WholeInt16(Fixed::new(data_type), whole),
        (32, true, whole) => Decoder::WholeInt32(Fixed::new(data_type), whole),
        (64, true, whole) => Decoder::WholeInt64(Fixed::new(data_type), whole),
        (8, false, whole) => Decoder::WholeUInt8(Fixed::new(data_type), whole),
        (16, false, whole) => Decoder::WholeUInt16(Fixed::new(data_type), whole),
        (32, false, whole) => Decoder::WholeUInt32(Fixed::new(data_type), whole),
        (64, false, whole) => Decoder::WholeUInt64(Fixed::new(data_type), whole),
        _ => return None,
    })
}
