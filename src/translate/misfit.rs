//! Values that do not fit: what is done with them, and how many there were.

use dbferry_dialect::NativeValue;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// What happens to a value that its column cannot hold in the target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Policy {
    /// Nothing is replaced: the run ends with the value and its place.
    #[default]
    Error,
    /// The cell becomes null.
    Null,
    /// The column becomes a text in the target, and the cell the value's text.
    Text,
    /// The cell becomes the nearest value that the column holds.
    Clamp,
}

impl Policy {
    /// Its name in configuration and reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Null => "null",
            Self::Text => "text",
            Self::Clamp => "clamp",
        }
    }

    /// What was done, in words that follow "values".
    pub fn done(self) -> &'static str {
        match self {
            Self::Error => "did not fit",
            Self::Null => "did not fit and became null",
            Self::Text => "did not fit and became their text",
            Self::Clamp => "did not fit and became the nearest value",
        }
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Values of one column that did not fit for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CountedMisfits {
    /// The column.
    pub column: String,
    /// Why: the name of an exception's reason, or what the conversion says.
    pub reason: String,
    /// What was done.
    pub policy: Policy,
    /// How many.
    pub count: u64,
    /// One of them, as it is shown.
    pub example: String,
}

impl CountedMisfits {
    /// In a sentence.
    pub fn describe(&self) -> String {
        let Self { column, reason, policy, count, example } = self;
        let values = if *count == 1 { "value" } else { "values" };
        format!("column {column}: {count} {values} {} ({reason}), for instance {example}", policy.done())
    }
}

/// Misfits by column and reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally(BTreeMap<(usize, &'static str), (u64, Policy, String)>);

impl Tally {
    /// Counts a value of the column at that position.
    pub(super) fn add(
        &mut self,
        column: usize,
        reason: &'static str,
        policy: Policy,
        example: impl FnOnce() -> String,
    ) {
        self.0.entry((column, reason)).or_insert_with(|| (0, policy, example())).0 += 1;
    }

    /// Adds those of another part of the same collection.
    pub fn merge(&mut self, other: Self) {
        for (key, (count, policy, example)) in other.0 {
            self.0.entry(key).or_insert_with(|| (0, policy, example)).0 += count;
        }
    }

    /// The counts; `name` names a column by its position.
    pub fn counts(&self, name: impl Fn(usize) -> String) -> Vec<CountedMisfits> {
        let counted = self.0.iter().map(|((column, reason), (count, policy, example))| CountedMisfits {
            column: name(*column),
            reason: (*reason).to_owned(),
            policy: *policy,
            count: *count,
            example: example.clone(),
        });
        counted.collect()
    }
}

/// The longest value that a message shows, in characters.
const SHOWN: usize = 80;

/// A text as messages show it: one line, not too long.
pub(super) fn shown(text: &str) -> String {
    let mut shown: String = text.chars().take(SHOWN).flat_map(char::escape_debug).collect();
    if text.chars().nth(SHOWN).is_some() {
        shown.push('\u{2026}');
    }
    shown
}

/// Bytes as messages show them.
pub(super) fn shown_bytes(bytes: &[u8]) -> String {
    let mut shown = String::from("0x");
    for byte in bytes.iter().take(SHOWN / 4) {
        shown.push_str(&format!("{byte:02x}"));
    }
    if bytes.len() > SHOWN / 4 {
        shown.push('\u{2026}');
    }
    shown
}

/// An exception's value as messages show it.
pub(super) fn shown_native(value: &NativeValue) -> String {
    match value {
        NativeValue::Integer(value) => value.to_string(),
        NativeValue::Real(value) => format!("{value:?}"),
        NativeValue::Text(text) => shown(text),
        NativeValue::TextBytes(bytes) | NativeValue::Bytes(bytes) => shown_bytes(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_add_up() {
        let mut first = Tally::default();
        first.add(1, "nan", Policy::Null, || "NaN".into());
        let mut second = Tally::default();
        second.add(1, "nan", Policy::Null, || "-NaN".into());
        second.add(0, "range", Policy::Clamp, || "300".into());
        first.merge(second);
        let counts = first.counts(|column| format!("c{column}"));
        let told: Vec<_> = counts.iter().map(CountedMisfits::describe).collect();
        assert_eq!(
            told,
            [
                "column c0: 1 value did not fit and became the nearest value (range), for instance 300",
                "column c1: 2 values did not fit and became null (nan), for instance NaN"
            ]
        );
    }

    #[test]
    fn values_are_shown_on_one_line() {
        assert_eq!(shown("a\nb"), "a\\nb");
        assert_eq!(shown(&"x".repeat(81)).chars().count(), 81);
        assert_eq!(shown_bytes(&[0, 255]), "0x00ff");
    }
}
