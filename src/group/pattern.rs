//! Patterns on collection names, the same in rules, in the configuration and on the command line.

use crate::dialect::CollectionName;
use crate::{Error, ErrorKind, Result};
use serde::Deserialize;
use std::fmt;

/// A glob pattern: `*` is any text, `?` any one character, `[abc]` and `[!abc]` one of these or none of these; `[*]` is a
/// star itself.
///
/// A pattern with a dot is matched against `namespace.name`, one without a dot against the name in any namespace. A table
/// whose own name has a dot is therefore written with its namespace, or as `*.the.name`. Case counts, because databases
/// may hold `Users` beside `users`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct NamePattern {
    pattern: glob::Pattern,
    qualified: bool,
}

impl NamePattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] when it is empty or no glob pattern.
    pub fn new(text: &str) -> Result<Self> {
        if text.is_empty() {
            return Err(Error::new(ErrorKind::Usage, "a table pattern must not be empty"));
        }
        let pattern = glob::Pattern::new(text).map_err(|error| {
            Error::new(ErrorKind::Usage, format!("{text:?} is not a table pattern: {}", error.msg))
                .hint("* is any text, ? one character, [abc] one of these; a star or bracket itself is [*] or [[]")
        })?;
        Ok(Self { pattern, qualified: text.contains('.') })
    }

    /// Whether the pattern matches that name.
    pub fn matches(&self, name: &CollectionName) -> bool {
        if self.qualified { self.pattern.matches(&name.to_string()) } else { self.pattern.matches(&name.name) }
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        self.pattern.as_str()
    }
}

impl fmt::Display for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl TryFrom<String> for NamePattern {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        Self::new(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, namespace: &str, name: &str) -> bool {
        NamePattern::new(pattern).unwrap().matches(&CollectionName::new(namespace, name))
    }

    #[test]
    fn a_dot_decides_what_is_matched() {
        assert!(matches("*_log", "main", "access_log"));
        assert!(matches("*_log", "audit", "access_log"));
        assert!(matches("audit.*", "audit", "access_log"));
        assert!(!matches("audit.*", "main", "access_log"));
        assert!(!matches("audit", "audit", "x"));
        assert!(matches("*.we.ird", "main", "we.ird"));
        assert!(!matches("we.ird", "main", "we.ird"));
        assert!(matches("*", "main", "we.ird"));
    }

    #[test]
    fn case_and_special_characters_count() {
        assert!(!matches("users", "main", "Users"));
        assert!(matches("a[*]b", "main", "a*b"));
        assert!(!matches("a[*]b", "main", "axb"));
        assert!(matches("a?c", "main", "aéc"));
        assert!(matches("*", "main", "a/b\nc"));
        assert!(matches("*", "main", ".hidden"));
    }

    #[test]
    fn bad_patterns_are_usage_errors() {
        for text in ["", "a[", "***"] {
            assert_eq!(NamePattern::new(text).unwrap_err().kind(), ErrorKind::Usage, "{text:?}");
        }
    }
}
