//! What one dialect must say of its columns, values and types so that they can be handled in another one.

use crate::logical::LogicalType;
use crate::model::{Check, Column, ForeignKey, Index, Key};

/// A type that a column may turn out to have once all of its values are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The type, if every value is one of its.
    pub logical: LogicalType,
    /// What suggests it, in words: `declared as tinyint(1)`.
    pub because: String,
}

impl Candidate {
    /// A candidate with what suggests it.
    pub fn new(logical: LogicalType, because: impl Into<String>) -> Self {
        Self { logical, because: because.into() }
    }
}

/// A part of a table.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)] // Their names say it.
pub enum Part<'a> {
    Column(&'a Column),
    Key(&'a Key),
    ForeignKey(&'a ForeignKey),
    Check(&'a Check),
    Index(&'a Index),
}

/// What a part of a table says in its own dialect that the model has no word for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unspoken {
    /// What it is, in the dialect's own words: `ON UPDATE CURRENT_TIMESTAMP`.
    pub what: String,
    /// What becomes of the part without it, in words that follow "it": `is checked at once`.
    pub without: String,
    /// Whether the part is nothing without it, and so is not carried at all.
    pub essential: bool,
}

impl Unspoken {
    /// Something that the part can do without.
    pub fn minor(what: impl Into<String>, without: impl Into<String>) -> Self {
        Self { what: what.into(), without: without.into(), essential: false }
    }

    /// Something that the part is nothing without.
    pub fn essential(what: impl Into<String>, without: impl Into<String>) -> Self {
        Self { what: what.into(), without: without.into(), essential: true }
    }
}

/// Which values of a logical type a native type holds. The default holds all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Domain {
    /// The least and the greatest value, in the units of the [carrier](crate::carrier): days of a date, microseconds of a
    /// timestamp or an elapsed time, the number itself of whole numbers and years.
    pub bounds: Option<(i64, i64)>,
    /// Whether a text must not hold the character NUL.
    pub no_nul: bool,
    /// Whether NaN and the infinities are missing.
    pub finite: bool,
    /// Whether NaN alone is missing.
    pub no_nan: bool,
    /// Whether the negative zero of floats is missing: it comes back as zero.
    pub no_negative_zero: bool,
}

impl Domain {
    /// Every value.
    pub const ALL: Self = Self { bounds: None, no_nul: false, finite: false, no_nan: false, no_negative_zero: false };

    /// Values between these two, both included.
    pub const fn between(least: i64, most: i64) -> Self {
        Self { bounds: Some((least, most)), ..Self::ALL }
    }

    /// Texts without the character NUL.
    pub const NO_NUL: Self = Self { no_nul: true, ..Self::ALL };

    /// Numbers that are finite, and one zero.
    pub const FINITE: Self = Self { finite: true, no_negative_zero: true, ..Self::ALL };

    /// Numbers and infinities, and one zero.
    pub const NO_NAN: Self = Self { no_nan: true, no_negative_zero: true, ..Self::ALL };
}
