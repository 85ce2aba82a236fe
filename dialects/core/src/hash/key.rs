//! Classes and keys: which values are of one kind, and what makes a cell's hash depend on its kind and its place.

use crate::exception::NativeValue;
use crate::logical::{LogicalType, OpaqueForm};
use xxhash_rust::xxh3::{xxh3_128, xxh3_128_with_seed};

const PREFIX: &[u8] = b"dbferry row hash 1\0";

/// The keys of one part of a column's cells.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key {
    /// Xored into a word.
    pub(super) left: u64,
    /// Xored into the rotated word.
    pub(super) right: u64,
    /// The hash of a null.
    pub(super) null: u128,
    /// The seed of xxh3-128 for cells of any length.
    pub(super) seed: u64,
}

impl Key {
    /// Derives the keys of part `part` of column `position` for values of `class`.
    pub(super) fn new(position: u32, part: u32, class: &str) -> Self {
        let mut label = PREFIX.to_vec();
        label.extend(position.to_le_bytes());
        label.extend(part.to_le_bytes());
        label.extend(class.as_bytes());
        let word = xxh3_128(&label);
        Self {
            left: word as u64,
            right: (word >> 64) as u64,
            null: xxh3_128_with_seed(&label, 1),
            seed: xxh3_128_with_seed(&label, 2) as u64,
        }
    }
}

/// The seeds for the exceptions of one column.
#[derive(Clone, Copy, Debug)]
pub(super) struct ExceptionKeys {
    integer: u64,
    real: u64,
    text: u64,
    text_bytes: u64,
    bytes: u64,
}

impl ExceptionKeys {
    /// Derives the keys of column `position`.
    pub(super) fn new(position: u32) -> Self {
        let seed = |class| Key::new(position, 0, class).seed;
        Self {
            integer: seed("exception/integer"),
            real: seed("exception/real"),
            text: seed("exception/text"),
            text_bytes: seed("exception/text-bytes"),
            bytes: seed("exception/bytes"),
        }
    }

    /// The hash of a cell that is an exception.
    pub(super) fn hash(&self, value: &NativeValue) -> u128 {
        match value {
            NativeValue::Integer(value) => xxh3_128_with_seed(&value.to_le_bytes(), self.integer),
            NativeValue::Real(value) => xxh3_128_with_seed(&value.to_bits().to_le_bytes(), self.real),
            NativeValue::Text(value) => xxh3_128_with_seed(value.as_bytes(), self.text),
            NativeValue::TextBytes(value) => xxh3_128_with_seed(value, self.text_bytes),
            NativeValue::Bytes(value) => xxh3_128_with_seed(value, self.bytes),
        }
    }
}

/// The name of the class of `logical`: what the values mean, without what a declaration adds to it.
pub(super) fn class(logical: &LogicalType) -> String {
    let fixed = match logical {
        LogicalType::Decimal { precision, scale } if *precision <= 38 => return format!("decimal/{scale}"),
        LogicalType::Decimal { scale, .. } => return format!("decimal-wide/{scale}"),
        LogicalType::List { element } => return format!("list<{}>", class(element)),
        LogicalType::Range { element } => return format!("range<{}>", class(element)),
        LogicalType::Struct { fields } => {
            let classes: Vec<_> = fields.iter().map(|field| class(&field.logical)).collect();
            return format!("struct<{}>", classes.join(","));
        }
        LogicalType::Bool => "bool",
        LogicalType::Int { signed: true, .. } => "int",
        LogicalType::Int { signed: false, .. } => "uint",
        LogicalType::Numeric => "numeric",
        LogicalType::Float { bits: 32 } => "float32",
        LogicalType::Float { .. } => "float64",
        LogicalType::Text { .. } => "text",
        LogicalType::Bytes { .. } => "bytes",
        LogicalType::Date => "date",
        LogicalType::Time { .. } => "time",
        LogicalType::TimeTz { .. } => "timetz",
        LogicalType::Timestamp { .. } => "timestamp",
        LogicalType::Instant { .. } => "instant",
        LogicalType::Interval => "interval",
        LogicalType::Span { .. } => "span",
        LogicalType::Year => "year",
        LogicalType::Uuid => "uuid",
        LogicalType::Json => "json",
        LogicalType::Enum { .. } => "enum",
        LogicalType::Set { .. } => "set",
        LogicalType::Bits { length: Some(1..=64), varying: false } => "bits",
        LogicalType::Bits { .. } => "bit-string",
        LogicalType::Network { .. } => "network",
        LogicalType::Geometry { .. } => "geometry",
        LogicalType::Map => "map",
        LogicalType::Dynamic => "dynamic",
        LogicalType::Opaque { form: OpaqueForm::Text, .. } => "opaque-text",
        LogicalType::Opaque { form: OpaqueForm::Binary, .. } => "opaque-binary",
    };
    fixed.to_owned()
}
