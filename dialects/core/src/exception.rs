//! Exceptions: values that their column's Arrow type cannot hold.
//!
//! An `INTEGER` column of SQLite may hold the text `abc`; a PostgreSQL `numeric(10,2)` may be `NaN`. Such a value never
//! turns the typed column into text and never turns into a silent null: the main cell is null and the original stands
//! here, to be merged back exactly by the same engine, or handled by a declared policy in another one.

use arrow::record_batch::RecordBatch;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a reader hands to a sink: some rows, and the cells of them that are exceptions.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The rows. The schema is [`carrier::schema`](crate::carrier::schema) of the collection.
    pub records: RecordBatch,
    /// The exceptions, sorted by row and column; each of these cells is null in `records`.
    pub exceptions: Vec<Exception>,
}

impl Batch {
    /// Rows without exceptions.
    pub fn plain(records: RecordBatch) -> Self {
        Self { records, exceptions: Vec::new() }
    }

    /// An estimate of its size in memory, in bytes.
    pub fn memory_size(&self) -> usize {
        let exceptions: usize = self.exceptions.iter().map(|e| size_of::<Exception>() + e.value.heap_size()).sum();
        self.records.get_array_memory_size() + exceptions
    }
}

/// One cell that does not fit its column.
#[derive(Clone, Debug, PartialEq)]
pub struct Exception {
    /// The row, counted from 0 at the start of whatever holds this exception: the batch here, the file in an archive.
    pub row: u64,
    /// The column, counted from 0.
    pub column: u32,
    /// Why it does not fit.
    pub reason: ExceptionReason,
    /// The value as the engine holds it.
    pub value: NativeValue,
}

/// Why a value does not fit its column's Arrow type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ExceptionReason {
    /// The engine types cell by cell, and this cell has another storage class than its column says.
    StorageClass,
    /// A text whose bytes are not UTF-8.
    InvalidUtf8,
    /// Not a number.
    Nan,
    /// Positive or negative infinity.
    Infinity,
    /// Outside the range of the Arrow type (dates before Christ, 24:00:00, ...).
    OutOfRange,
    /// More digits than the column's type has, or another spelling of the value than the column's.
    Precision,
    /// A date of which all parts are zero.
    ZeroDate,
    /// A date of which some part is zero.
    PartialDate,
    /// An array with several dimensions or another lower bound than 1.
    ArrayShape,
    /// An enum's error value, index 0.
    EnumIndex,
}

impl ExceptionReason {
    /// All reasons, in the order of their declaration.
    pub const ALL: [Self; 10] = [
        Self::StorageClass,
        Self::InvalidUtf8,
        Self::Nan,
        Self::Infinity,
        Self::OutOfRange,
        Self::Precision,
        Self::ZeroDate,
        Self::PartialDate,
        Self::ArrayShape,
        Self::EnumIndex,
    ];

    /// The name that archives and reports use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::StorageClass => "storage-class",
            Self::InvalidUtf8 => "invalid-utf8",
            Self::Nan => "nan",
            Self::Infinity => "infinity",
            Self::OutOfRange => "out-of-range",
            Self::Precision => "precision",
            Self::ZeroDate => "zero-date",
            Self::PartialDate => "partial-date",
            Self::ArrayShape => "array-shape",
            Self::EnumIndex => "enum-index",
        }
    }

    /// The reason of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == name)
    }
}

impl fmt::Display for ExceptionReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A single value as an engine holds it, without the help of a column's type.
#[derive(Clone, Debug, PartialEq)]
pub enum NativeValue {
    /// A whole number.
    Integer(i64),
    /// A float, bit for bit.
    Real(f64),
    /// A text.
    Text(String),
    /// A text whose bytes are not UTF-8.
    TextBytes(Vec<u8>),
    /// Bytes.
    Bytes(Vec<u8>),
}

impl NativeValue {
    /// The name of its class in archives: `integer`, `real`, `text`, `text-bytes`, `bytes`.
    pub fn class(&self) -> &'static str {
        match self {
            Self::Integer(_) => "integer",
            Self::Real(_) => "real",
            Self::Text(_) => "text",
            Self::TextBytes(_) => "text-bytes",
            Self::Bytes(_) => "bytes",
        }
    }

    fn heap_size(&self) -> usize {
        match self {
            Self::Integer(_) | Self::Real(_) => 0,
            Self::Text(text) => text.capacity(),
            Self::TextBytes(bytes) | Self::Bytes(bytes) => bytes.capacity(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_its_serde_name() {
        for reason in ExceptionReason::ALL {
            assert_eq!(serde_json::to_string(&reason).ok(), Some(format!("\"{reason}\"")));
            assert_eq!(ExceptionReason::parse(reason.as_str()), Some(reason));
        }
    }
}
