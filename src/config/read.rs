//! From TOML text to values, with errors that say where and never show a secret.

use crate::group::suggest::did_you_mean;
use crate::{Error, ErrorKind, Result};
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error as _, SeqAccess, Visitor};
use std::fmt;

/// Reads a whole document.
///
/// The parser's error is taken apart rather than kept as the cause: its text shows the source line, and a password may
/// stand there.
pub(super) fn document<T: DeserializeOwned>(text: &str) -> Result<T> {
    toml::from_str(text).map_err(|error| {
        let (message, hint) = explain(error.message());
        let mut explained = Error::new(ErrorKind::Usage, message).with("file", "dbferry.toml");
        if let Some(span) = error.span() {
            explained = explained.with("line", line(text, span.start));
        }
        match hint {
            Some(hint) => explained.hint(hint),
            None => explained,
        }
    })
}

/// The line of a byte offset, counted from 1.
fn line(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

/// What a parser's message means to the user, and what to do.
fn explain(message: &str) -> (String, Option<String>) {
    // serde words these two always the same way: unknown field `x`, expected one of `a`, `b`.
    for (beginning, what) in [("unknown field `", "key"), ("unknown variant `", "word")] {
        let Some((word, expected)) = message.strip_prefix(beginning).and_then(|rest| rest.split_once('`')) else {
            continue;
        };
        let known: Vec<&str> = expected.split('`').skip(1).step_by(2).collect();
        let hint = if TOP_LEVEL.contains(&word) && !known.contains(&"version") {
            format!("{word} belongs to the beginning of the file, before the first [table]")
        } else {
            format!("{}here can stand {}", did_you_mean(word, known.iter().copied()), known.join(", "))
        };
        return (format!("the {what} {word} is not known here"), Some(hint));
    }
    if message.starts_with("missing field `version`") {
        return ("the version is missing".to_owned(), Some("begin the file with version = 1".to_owned()));
    }
    let unquoted = message.contains("must be quoted").then(|| "put the text in quotes: name = \"text\"".to_owned());
    (message.to_owned(), unquoted)
}

/// Keys of the file's beginning, which slip easily into the table above them.
const TOP_LEVEL: [&str; 3] = ["version", "preset", "default"];

/// Reads and checks the format's version.
pub(super) fn version<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    match i64::deserialize(deserializer)? {
        super::VERSION => Ok(super::VERSION),
        other => Err(D::Error::custom(format!("version {other} is not known: this dbferry reads version 1"))),
    }
}

/// Reads a string or a list of strings.
pub(super) fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    struct OneOrMany;

    impl<'de> Visitor<'de> for OneOrMany {
        type Value = Vec<String>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a string or a list of strings")
        }

        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Vec<String>, E> {
            Ok(vec![text.to_owned()])
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Vec<String>, A::Error> {
            let mut texts = Vec::new();
            while let Some(text) = items.next_element()? {
                texts.push(text);
            }
            Ok(texts)
        }
    }

    deserializer.deserialize_any(OneOrMany)
}
