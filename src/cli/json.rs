//! JSON for programs: every document and every event is one line with `schema_version` and `type`.
//!
//! A field is never renamed and never changes its meaning within a schema version; new fields may come.

use super::text::is_hazardous;
use dbferry::Error;
use dbferry::failure::{kind_name, redact};
use serde::Serialize;
use serde_json::ser::Formatter;
use std::collections::BTreeMap;
use std::error::Error as StdError;
use std::io;

/// The version of the shape of everything that `--json` prints.
pub(crate) const SCHEMA_VERSION: u32 = 1;

/// A document around its content.
#[derive(Serialize)]
struct Document<'a, T> {
    schema_version: u32,
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(flatten)]
    content: &'a T,
}

/// `content` as one line without its end.
pub(crate) fn line<T: Serialize>(kind: &str, content: &T) -> Result<String, Error> {
    let mut bytes = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, TerminalSafe);
    Document { schema_version: SCHEMA_VERSION, kind, content }
        .serialize(&mut serializer)
        .map_err(|error| internal(error.to_string()))?;
    String::from_utf8(bytes).map_err(|error| internal(error.to_string()))
}

fn internal(cause: String) -> Error {
    Error::new(dbferry::ErrorKind::Internal, "cannot write the result as JSON").caused_by(cause)
}

/// The last document of a run that failed.
#[derive(Serialize)]
pub(crate) struct ErrorDocument {
    kind: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    causes: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
    context: BTreeMap<&'static str, String>,
    exit_code: u8,
}

impl ErrorDocument {
    /// Takes an error apart.
    pub(crate) fn new(error: &Error, exit_code: u8) -> Self {
        let shown = |text: &str| redact(text).into_owned();
        let causes = std::iter::successors(error.source(), |cause: &&(dyn StdError + 'static)| (*cause).source());
        Self {
            kind: kind_name(error.kind()),
            message: shown(error.message()),
            causes: causes.map(|cause| shown(&cause.to_string())).collect(),
            hint: error.remedy().map(shown),
            context: error.context().map(|(key, value)| (key, shown(value))).collect(),
            exit_code,
        }
    }
}

/// Compact JSON that a terminal does not obey: what JSON lets through raw (DEL, C1 controls, direction marks) is escaped.
struct TerminalSafe;

impl Formatter for TerminalSafe {
    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(at) = rest.find(is_hazardous) {
            let (plain, from) = rest.split_at(at);
            writer.write_all(plain.as_bytes())?;
            let mut chars = from.chars();
            // All hazardous characters are in the basic plane: one escape each.
            if let Some(hazard) = chars.next() {
                write!(writer, "\\u{:04x}", u32::from(hazard))?;
            }
            rest = chars.as_str();
        }
        writer.write_all(rest.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dbferry::ErrorKind;

    #[test]
    fn an_error_keeps_its_shape() {
        let error = Error::io("cannot open x", io::Error::other("no"))
            .with("collection", "main.a")
            .hint("look at postgres://me:canary@h/d");
        let line = line("error", &ErrorDocument::new(&error, 1)).unwrap();
        assert_eq!(
            line,
            r#"{"schema_version":1,"type":"error","kind":"io","message":"cannot open x","causes":["no"],"#.to_owned()
                + r#""hint":"look at postgres://me:***@h/d","context":{"collection":"main.a"},"exit_code":1}"#
        );
    }

    #[test]
    fn json_is_safe_on_a_terminal_and_still_the_same_text() {
        let name = "a\u{9b}31m\u{7f}\u{202e}\u{1b}é";
        let error = Error::new(ErrorKind::Usage, name.to_owned());
        let line = line("error", &ErrorDocument::new(&error, 2)).unwrap();
        assert!(!line.contains(is_hazardous), "{line:?}");
        let value: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(value["message"], name);
    }
}
