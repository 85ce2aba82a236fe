//! Fidelity: what becomes of a column's values in another engine, said before the first row moves.

use serde::Serialize;
use std::fmt;

/// A verdict with its reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "kebab-case")]
pub enum Fidelity {
    /// Every value comes back bit for bit.
    Exact,
    /// Exact for values in a range that is checked value by value; a value outside it stops the restore.
    Checked {
        /// What is checked.
        reason: String,
    },
    /// Something is lost even for ordinary values; needs consent.
    Lossy {
        /// What is lost.
        reason: String,
    },
    /// The values cannot be held at all.
    Unsupported {
        /// Why.
        reason: String,
    },
}

impl Fidelity {
    /// The reason, if there is anything to say.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Exact => None,
            Self::Checked { reason } | Self::Lossy { reason } | Self::Unsupported { reason } => Some(reason),
        }
    }
}

impl fmt::Display for Fidelity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Exact => "exact",
            Self::Checked { .. } => "checked",
            Self::Lossy { .. } => "lossy",
            Self::Unsupported { .. } => "unsupported",
        })
    }
}

/// The native type that a dialect gives to a logical type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NativeMapping {
    /// The type as it is written in `CREATE TABLE`.
    pub text: String,
    /// How faithfully it holds the values.
    pub fidelity: Fidelity,
}

impl NativeMapping {
    /// A native type that holds every value.
    pub fn exact(text: impl Into<String>) -> Self {
        Self { text: text.into(), fidelity: Fidelity::Exact }
    }

    /// A native type that holds every value of a range that is checked.
    pub fn checked(text: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { text: text.into(), fidelity: Fidelity::Checked { reason: reason.into() } }
    }

    /// A native type that loses something.
    pub fn lossy(text: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { text: text.into(), fidelity: Fidelity::Lossy { reason: reason.into() } }
    }
}
