//! Groups: tags on collections, chosen, restored and replaced together.
//!
//! What it is: names and explanations of groups ([`glossary`]), the rules that give every collection exactly one group
//! ([`rules`], [`assign()`]), ready-made rules for known applications ([`preset`]), the choice of what takes part in a dump
//! or restore ([`select()`]), and the report that explains all of it ([`explain()`]). What it is not: it opens no database
//! and no archive; it works on a [`Schema`](crate::dialect::Schema) and runs rule queries through a function that the
//! caller gives.
//!
//! # How a collection gets its group
//!
//! The first of these that applies decides, and the decision is kept in words as the assignment's `rule`:
//!
//! 1. A part (a shadow table, a partition) is in its owner's group, whatever else holds for it.
//! 2. A tag in the table's comment, `dbferry:group=log`. It is written on the one table itself, so it is more exact than
//!    any pattern. A tag with an invalid group name is an error.
//! 3. The rules of `dbferry.toml` in their order, then those of the presets in theirs; the first match wins.
//! 4. A join table without a rule follows the tables that it joins when all of them are in one group.
//! 5. A table of the engine itself (SQLite's `sqlite_stat1`) is in `unknown`, without complaint even where unmatched tables
//!    are errors. It is not in `required`: it describes all tables, so it must not ride along when one group is restored.
//! 6. Everything else is in `unknown`, or an error that lists all such tables when the configuration says
//!    `default = "error"`.

pub mod assign;
mod builtin;
pub mod edges;
pub mod explain;
pub mod glossary;
mod join_table;
pub mod pattern;
pub mod preset;
pub mod rules;
pub mod select;
pub(crate) mod suggest;

pub use assign::{Assignment, Grouping, UnmatchedRule, assign};
pub use edges::{CrossGroupEdge, cross_group_edges};
pub use explain::{CollectionExplanation, Explanation, GroupExplanation, explain};
pub use glossary::{Glossary, GroupInfo, Language, Translated};
pub use pattern::NamePattern;
pub use preset::Preset;
pub use rules::{GroupRules, Rule, Unmatched};
pub use select::{SelectFor, Selection, select};

use crate::{Error, ErrorKind, Result};
use std::cmp::Ordering;

/// Always dumped, always restored, first.
pub const REQUIRED: &str = "required";
/// Never dumped.
pub const SKIPPED: &str = "skipped";
/// Accounts and what belongs to them.
pub const USER: &str = "user";
/// Records of what happened.
pub const LOG: &str = "log";
/// Connections to outside services.
pub const THIRD_PARTY: &str = "third-party";
/// Tables that were made for this installation.
pub const CUSTOM: &str = "custom";
/// No rule matched.
pub const UNKNOWN: &str = "unknown";

/// The built-in groups in their order.
pub const BUILT_IN: [&str; 7] = [REQUIRED, SKIPPED, USER, LOG, THIRD_PARTY, CUSTOM, UNKNOWN];

/// The longest group name, in characters.
pub const MAX_NAME_LENGTH: usize = 64;

/// Whether dbferry itself defines the group.
pub fn is_built_in(name: &str) -> bool {
    BUILT_IN.contains(&name)
}

/// The order of groups everywhere: the built-in ones as in [`BUILT_IN`], further ones by name before `unknown`.
pub fn compare(left: &str, right: &str) -> Ordering {
    let rank = |name: &str| match BUILT_IN.iter().position(|built_in| *built_in == name) {
        // `unknown` is the last; one place before it is left for all groups that are not built in.
        Some(position) if name == UNKNOWN => position + 1,
        Some(position) => position,
        None => BUILT_IN.len() - 1,
    };
    rank(left).cmp(&rank(right)).then_with(|| left.cmp(right))
}

/// A group's name as a key that sorts by [`compare`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InOrder<'a>(pub &'a str);

impl Ord for InOrder<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        compare(self.0, other.0)
    }
}

impl PartialOrd for InOrder<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Checks a group's name. It becomes a folder's name, so it has 1 to 64 lower-case ASCII letters, digits, `-`, `_` and `.`,
/// begins with a letter or digit, does not end with a dot, and is not one of Windows' device names.
///
/// # Errors
/// [`ErrorKind::Usage`] that says which of these it breaks.
pub fn validate_name(name: &str) -> Result<()> {
    const DEVICES: [&str; 4] = ["con", "prn", "aux", "nul"];
    let stem = name.split('.').next().unwrap_or(name);
    let numbered_device = ["com", "lpt"].iter().any(|device| {
        stem.strip_prefix(device).is_some_and(|rest| rest.len() == 1 && rest.starts_with(|c: char| c.is_ascii_digit()))
    });
    let problem = if name.is_empty() {
        "it is empty"
    } else if name.chars().count() > MAX_NAME_LENGTH {
        "it is longer than 64 characters"
    } else if !name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.')) {
        "only lower-case letters a to z, digits, '-', '_' and '.' are allowed"
    } else if !name.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        "it must begin with a letter or a digit"
    } else if name.ends_with('.') {
        "it must not end with a dot"
    } else if DEVICES.contains(&stem) || numbered_device {
        "Windows reserves it for a device"
    } else {
        return Ok(());
    };
    Err(Error::new(ErrorKind::Usage, format!("{name:?} cannot be a group's name: {problem}"))
        .hint("a group's name becomes a folder's name in the archive; write it like log, third-party or billing.v2"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_safe_folder_names() {
        for name in ["log", "third-party", "a", "0", "billing.v2", "a_b", "console", "com", "comet1", &"x".repeat(64)] {
            validate_name(name).unwrap();
        }
        for name in
            ["", ".", "..", "-x", "_x", "x.", "Log", "a b", "a/b", "a\\b", "é", "con", "nul.txt", "com1", "lpt9.a"]
        {
            assert_eq!(validate_name(name).unwrap_err().kind(), ErrorKind::Usage, "{name:?}");
        }
        validate_name(&"x".repeat(65)).unwrap_err();
    }

    #[test]
    fn own_groups_stand_between_custom_and_unknown() {
        let mut names = vec!["zoo", UNKNOWN, "billing", CUSTOM, LOG, USER, THIRD_PARTY, SKIPPED, REQUIRED];
        names.sort_by(|left, right| compare(left, right));
        assert_eq!(names, [REQUIRED, SKIPPED, USER, LOG, THIRD_PARTY, CUSTOM, "billing", "zoo", UNKNOWN]);
    }
}
