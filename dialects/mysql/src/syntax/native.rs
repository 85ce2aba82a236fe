//! Logical types as native ones that every server of the family has.

use crate::types::NativeText;
use dbferry_dialect::logical::{LogicalType, NetworkKind, OpaqueForm};
use dbferry_dialect::{Fidelity, NativeMapping};

/// The longest `varchar(n)` that can be in a key alone: 3072 bytes of four-byte characters.
pub(crate) const KEY_CHARACTERS: u64 = 768;
/// The longest texts and bytes of the types that have a length of two and of three bytes.
const TWO_BYTES: u64 = 65_535;
const THREE_BYTES: u64 = 16_777_215;
/// Bytes of a character of `utf8mb4` at most.
const CHARACTER: u64 = 4;
/// Digits of a decimal, all and after the point.
const DECIMAL_DIGITS: (u8, u8) = (65, 30);
/// Labels of an enum and of a set at most, and characters of one.
const ENUM_LABELS: usize = 65_535;
const SET_LABELS: usize = 64;
const LABEL_CHARACTERS: usize = 255;

const YEARS: &str = "years before 0 and after 9999 do not fit";
const UTC: &str = "kept as the wall time of UTC, which the type does not say; years before 0 and after 9999 do not fit";

/// The native type of a logical one.
///
/// What the family has no type for becomes its text. `json` is such a case: MySQL's would write numbers and keys in its own
/// way, so a text that is checked to be JSON keeps it to the letter, as MariaDB's does.
pub(super) fn native_type(logical: &LogicalType) -> NativeMapping {
    use LogicalType as L;
    match logical {
        L::Bool => NativeMapping::exact("tinyint(1)"),
        L::Int { bits, signed } => {
            let word = match bits {
                8 => "tinyint",
                16 => "smallint",
                32 => "int",
                _ => "bigint",
            };
            NativeMapping::exact(format!("{word}{}", if *signed { "" } else { " unsigned" }))
        }
        L::Decimal { precision, scale } if *precision <= DECIMAL_DIGITS.0 && *scale <= DECIMAL_DIGITS.1 => {
            NativeMapping::exact(format!("decimal({precision},{scale})"))
        }
        // Digits, a sign, a zero before the point, and the point.
        L::Decimal { precision, .. } => NativeMapping::exact(format!("varchar({})", u16::from(*precision) + 3)),
        L::Float { bits } => {
            let word = if *bits == 32 { "float" } else { "double" };
            NativeMapping::checked(word, "there is no NaN and no infinity")
        }
        L::Text { max_chars: Some(length), .. } => NativeMapping::exact(text(*length)),
        L::Bytes { max_bytes: Some(length), fixed } => NativeMapping::exact(bytes(*length, *fixed)),
        L::Bytes { .. } => NativeMapping::exact("longblob"),
        L::Date => NativeMapping::checked("date", YEARS),
        L::Time { precision } => NativeMapping::exact(with_fraction("time", *precision)),
        L::Span { precision } => NativeMapping::checked(
            with_fraction("time", *precision),
            "more than 838 hours 59 minutes 59 seconds do not fit",
        ),
        L::Timestamp { precision } => NativeMapping::checked(with_fraction("datetime", *precision), YEARS),
        L::Instant { precision } => NativeMapping::checked(with_fraction("datetime", *precision), UTC),
        L::Year => NativeMapping::checked("year", "years other than 0 and 1901 to 2155 do not fit"),
        L::Uuid => NativeMapping::exact("char(36)"),
        L::Enum { labels } if is_enum(labels) => {
            NativeMapping::exact(NativeText::parse(&format!("enum({})", quoted(labels))).text)
        }
        L::Set { labels } if is_set(labels) => {
            NativeMapping::exact(NativeText::parse(&format!("set({})", quoted(labels))).text)
        }
        L::Bits { length: Some(1), varying: false } => NativeMapping::exact("bit(1)"),
        L::Bits { length: Some(length @ 2..=64), varying: false } => NativeMapping::exact(format!("bit({length})")),
        L::Network { kind } => NativeMapping::exact(match kind {
            // 39 characters and a mask of four.
            NetworkKind::Inet | NetworkKind::Cidr => "varchar(43)",
            NetworkKind::Mac => "varchar(17)",
            NetworkKind::Mac8 => "varchar(23)",
        }),
        L::Geometry { geodesic: false, kind, .. } => {
            let kind = kind.as_deref().filter(|kind| KINDS.contains(kind)).unwrap_or("geometry");
            NativeMapping::checked(kind, "geometries with curves, heights or measures, and empty ones, do not fit")
        }
        L::Geometry { .. } | L::Opaque { form: OpaqueForm::Binary, .. } => NativeMapping::exact("longblob"),
        L::TimeTz { .. } => NativeMapping::exact("varchar(32)"),
        L::Text { .. }
        | L::Numeric
        | L::Json
        | L::Enum { .. }
        | L::Set { .. }
        | L::Interval
        | L::Bits { .. }
        | L::List { .. }
        | L::Struct { .. }
        | L::Range { .. }
        | L::Map
        | L::Opaque { .. } => NativeMapping::exact("longtext"),
        L::Dynamic => NativeMapping::lossy("longtext", "numbers, bytes and texts all become texts"),
        // A type that this version does not know.
        _ => NativeMapping::lossy("longtext", "this logical type has no form in MySQL yet"),
    }
}

const KINDS: [&str; 7] =
    ["point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon", "geometrycollection"];

/// The type of a column that is in a key, where a text must have a bound.
pub(super) fn key_type(logical: &LogicalType, columns: usize) -> NativeMapping {
    let mapping = native_type(logical);
    // Four columns of 192 characters, or one of 255.
    let characters = (KEY_CHARACTERS / columns.max(1) as u64).min(255);
    let bound = |word: &str, unit: &str| {
        let reason = format!("values of more than {characters} {unit} do not fit, because the column is in a key");
        NativeMapping { text: format!("{word}({characters})"), fidelity: Fidelity::Checked { reason } }
    };
    match mapping.text.as_str() {
        _ if matches!(mapping.fidelity, Fidelity::Lossy { .. } | Fidelity::Unsupported { .. }) => mapping,
        "text" | "mediumtext" | "longtext" => bound("varchar", "characters"),
        "blob" | "mediumblob" | "longblob" => bound("varbinary", "bytes"),
        text if text.starts_with("varchar(") && logical_length(logical) > characters => bound("varchar", "characters"),
        _ => mapping,
    }
}

fn logical_length(logical: &LogicalType) -> u64 {
    match logical {
        LogicalType::Text { max_chars, .. } => max_chars.unwrap_or(u64::MAX),
        _ => 0,
    }
}

/// What a declared type can hold, where the logical type says less: the widths of `mediumint` and of the text and blob
/// families.
pub(super) fn declared_type(native: &NativeText) -> Option<LogicalType> {
    let text = |bytes| LogicalType::Text { max_chars: Some(bytes), fixed: false };
    let bytes = |bytes| LogicalType::Bytes { max_bytes: Some(bytes), fixed: false };
    Some(match native.base.as_str() {
        "mediumint" => LogicalType::Int { bits: 24, signed: !native.unsigned },
        "tinytext" => text(255),
        "text" => text(TWO_BYTES),
        "mediumtext" => text(THREE_BYTES),
        "tinyblob" => bytes(255),
        "blob" => bytes(TWO_BYTES),
        "mediumblob" => bytes(THREE_BYTES),
        _ => return None,
    })
}

fn with_fraction(word: &str, precision: u8) -> String {
    if precision == 0 { word.to_owned() } else { format!("{word}({precision})") }
}

/// `char(n)` would strip blanks.
fn text(length: u64) -> String {
    match length {
        1..=KEY_CHARACTERS => format!("varchar({length})"),
        0 => "varchar(1)".to_owned(),
        length if length <= TWO_BYTES / CHARACTER => "text".to_owned(),
        length if length <= THREE_BYTES / CHARACTER => "mediumtext".to_owned(),
        _ => "longtext".to_owned(),
    }
}

fn bytes(length: u64, fixed: bool) -> String {
    match length {
        1..=255 if fixed => format!("binary({length})"),
        0 => "varbinary(1)".to_owned(),
        1..=3072 => format!("varbinary({length})"),
        length if length <= TWO_BYTES => "blob".to_owned(),
        length if length <= THREE_BYTES => "mediumblob".to_owned(),
        _ => "longblob".to_owned(),
    }
}

fn quoted(labels: &[String]) -> String {
    let quote = |label: &String| format!("'{}'", label.replace('\\', "\\\\").replace('\'', "''"));
    labels.iter().map(quote).collect::<Vec<_>>().join(",")
}

/// A label's trailing blanks would be stripped, and an empty one is like the value of no label.
fn is_label(label: &str) -> bool {
    !label.is_empty() && !label.ends_with(' ') && label.chars().count() <= LABEL_CHARACTERS && !label.contains('\0')
}

fn is_enum(labels: &[String]) -> bool {
    !labels.is_empty() && labels.len() <= ENUM_LABELS && labels.iter().all(|label| is_label(label))
}

fn is_set(labels: &[String]) -> bool {
    !labels.is_empty()
        && labels.len() <= SET_LABELS
        && labels.iter().all(|label| is_label(label) && !label.contains(','))
}
