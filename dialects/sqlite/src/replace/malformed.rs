//! Texts that are not well-formed: what the target has to be told so that it takes their bytes as they are.
//!
//! The reader hands them out as the bytes that the source holds, in the source's encoding. In UTF-8 SQLite takes the bytes of
//! a bound text unseen. A database in UTF-16 converts each bound text, and that replaces what is malformed; but a cast of a
//! blob that stands in the statement itself to a text leaves the bytes alone (a bound blob is converted too).

use dbferry_dialect::NativeValue;

/// How malformed texts of a source are written to a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MalformedTexts {
    /// Bound like any other text.
    Bound,
    /// Spelled out in the statement.
    Literal,
    /// Not at all: the same bytes mean something else in the target.
    Refused,
}

impl MalformedTexts {
    /// By the encodings of the source, if it is known, and of the target.
    pub(super) fn new(source: Option<&str>, target: &str) -> Self {
        match (source, target) {
            (None | Some("UTF-8"), "UTF-8") => Self::Bound,
            (Some(source), target) if source == target => Self::Literal,
            _ => Self::Refused,
        }
    }

    /// Whether the value must stand in the statement.
    pub(super) fn is_literal(self, value: &NativeValue) -> bool {
        self == Self::Literal && matches!(value, NativeValue::TextBytes(_))
    }

    /// Refuses a value that the target cannot hold; says why.
    pub(super) fn check(self, value: &NativeValue) -> Result<(), &'static str> {
        if self == Self::Refused && matches!(value, NativeValue::TextBytes(_)) {
            return Err("this text is not well-formed, and the target has another text encoding than the source");
        }
        Ok(())
    }

    /// An expression for these bytes as a text, with room for the parameter of the cell, which is bound to null.
    pub(super) fn literal(bytes: &[u8]) -> String {
        let mut sql = String::with_capacity(2 * bytes.len() + 40);
        sql.push_str("CAST(coalesce(?, x'");
        for byte in bytes {
            for digit in [byte >> 4, byte & 15] {
                sql.push(char::from(b"0123456789abcdef"[usize::from(digit)]));
            }
        }
        sql.push_str("') AS TEXT)");
        sql
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_bytes_are_written_only_where_they_mean_the_same() {
        use MalformedTexts::{Bound, Literal, Refused};
        for (source, target, expected) in [
            (Some("UTF-8"), "UTF-8", Bound),
            (None, "UTF-8", Bound),
            (Some("UTF-16le"), "UTF-16le", Literal),
            (Some("UTF-16be"), "UTF-16be", Literal),
            (Some("UTF-16le"), "UTF-16be", Refused),
            (Some("UTF-16le"), "UTF-8", Refused),
            (Some("UTF-8"), "UTF-16be", Refused),
            (None, "UTF-16le", Refused),
        ] {
            assert_eq!(MalformedTexts::new(source, target), expected, "{source:?} to {target}");
        }
        assert_eq!(MalformedTexts::literal(&[0, 0xd8]), "CAST(coalesce(?, x'00d8') AS TEXT)");
        assert!(Refused.check(&NativeValue::Text("x".into())).is_ok());
    }
}
