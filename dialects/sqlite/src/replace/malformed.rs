//! Texts that are not well-formed: what the target has to be told so that it takes their bytes as they are.
//!
//! The reader hands them out as the bytes that the source holds, in the source's encoding. In UTF-8 SQLite takes the bytes of
//! a bound text unseen. A database in UTF-16 converts each bound text, and that replaces what is malformed; but a blob that is
//! cast to a text keeps its bytes.

use dbferry_dialect::NativeValue;

/// How malformed texts of a source are written to a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MalformedTexts {
    /// Bound like any other text.
    Bound,
    /// Bound as a blob, which the statement casts.
    Cast,
    /// Not at all: the same bytes mean something else in the target.
    Refused,
}

impl MalformedTexts {
    /// By the encodings of the source, if it is known, and of the target.
    pub(super) fn new(source: Option<&str>, target: &str) -> Self {
        match (source, target) {
            (None | Some("UTF-8"), "UTF-8") => Self::Bound,
            (Some(source), target) if source == target => Self::Cast,
            _ => Self::Refused,
        }
    }

    /// Whether the statement must cast the value.
    pub(super) fn is_cast(self, value: &NativeValue) -> bool {
        self == Self::Cast && matches!(value, NativeValue::TextBytes(_))
    }

    /// Refuses a value that the target cannot hold; says why.
    pub(super) fn check(self, value: &NativeValue) -> Result<(), &'static str> {
        if self == Self::Refused && matches!(value, NativeValue::TextBytes(_)) {
            return Err("this text is not well-formed, and the target has another text encoding than the source");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_bytes_are_written_only_where_they_mean_the_same() {
        use MalformedTexts::{Bound, Cast, Refused};
        for (source, target, expected) in [
            (Some("UTF-8"), "UTF-8", Bound),
            (None, "UTF-8", Bound),
            (Some("UTF-16le"), "UTF-16le", Cast),
            (Some("UTF-16be"), "UTF-16be", Cast),
            (Some("UTF-16le"), "UTF-16be", Refused),
            (Some("UTF-16le"), "UTF-8", Refused),
            (Some("UTF-8"), "UTF-16be", Refused),
            (None, "UTF-16le", Refused),
        ] {
            assert_eq!(MalformedTexts::new(source, target), expected, "{source:?} to {target}");
        }
        assert!(Cast.is_cast(&NativeValue::TextBytes(vec![])) && !Cast.is_cast(&NativeValue::Text("x".into())));
        assert!(Refused.check(&NativeValue::Text("x".into())).is_ok());
    }
}
