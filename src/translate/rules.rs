//! Rules: what the user says of types, in order; the first one that matches a column decides.
//!
//! ```toml
//! [[type]]
//! match = { engine = "mysql", target = "postgres", table = "shop.*", column = "is_*", native = "tinyint(1)" }
//! to = "bool"                  # what the values mean there; to_native = "citext" is a type of the target's own
//! on_misfit = "error"          # error, null, text, clamp
//! note = "flags"
//! ```

use super::misfit::Policy;
use super::words::logical_type;
use crate::group::NamePattern;
use crate::{Error, ErrorKind, Result};
use dbferry_dialect::{CollectionName, Column, DatabaseInfo, LogicalType};
use serde::Deserialize;

/// One rule of types.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Entry")]
pub struct TypeRule {
    matches: Match,
    /// The logical type that the column becomes.
    pub to: Option<LogicalType>,
    /// The target's own type that the column becomes, trusted as SQL is.
    pub to_native: Option<String>,
    /// What happens to a value that does not fit.
    pub on_misfit: Policy,
    /// What the user says about it.
    pub note: Option<String>,
}

/// Which columns a rule is about. What is absent matches everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Match {
    engine: Option<Glob>,
    target: Option<Glob>,
    table: Option<NamePattern>,
    column: Option<Glob>,
    native: Option<Glob>,
}

/// A glob pattern on a word.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Glob {
    pattern: glob::Pattern,
}

impl Glob {
    /// Whether it matches the text.
    pub(super) fn matches(&self, text: &str) -> bool {
        self.pattern.matches(text)
    }

    fn matches_ignoring_case(&self, text: &str) -> bool {
        let options = glob::MatchOptions { case_sensitive: false, ..glob::MatchOptions::new() };
        self.pattern.matches_with(text, options)
    }

    fn matches_database(&self, info: &DatabaseInfo) -> bool {
        self.matches_ignoring_case(&info.dialect) || self.matches_ignoring_case(&info.product)
    }
}

impl TryFrom<String> for Glob {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        if text.is_empty() {
            return Err(Error::new(ErrorKind::Usage, "a pattern must not be empty"));
        }
        let pattern = glob::Pattern::new(&text)
            .map_err(|error| Error::new(ErrorKind::Usage, format!("{text:?} is not a pattern: {}", error.msg)))?;
        Ok(Self { pattern })
    }
}

/// A rule as it is spelled.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    #[serde(rename = "match")]
    matches: Match,
    to: Option<String>,
    to_native: Option<String>,
    #[serde(default)]
    on_misfit: Policy,
    note: Option<String>,
}

impl TryFrom<Entry> for TypeRule {
    type Error = Error;

    fn try_from(entry: Entry) -> Result<Self> {
        let Entry { matches, to, to_native, on_misfit, note } = entry;
        if matches == Match::default() {
            return Err(Error::new(
                ErrorKind::Usage,
                "a [[type]] needs at least one of engine, target, table, column and native in its match",
            ));
        }
        if to.is_none() && to_native.is_none() && on_misfit == Policy::Error {
            return Err(Error::new(ErrorKind::Usage, "a [[type]] needs one of to, to_native and on_misfit"));
        }
        if to_native.as_ref().is_some_and(|text| text.trim().is_empty()) {
            return Err(Error::new(ErrorKind::Usage, "to_native must not be empty"));
        }
        let to = to.map(|text| logical_type(&text)).transpose()?;
        Ok(Self { matches, to, to_native, on_misfit, note })
    }
}

impl TypeRule {
    /// A rule that gives every column of that native type the target's own type of that name.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] when `native` is no pattern.
    pub(crate) fn native(native: &str, to_native: &str, note: &str) -> Result<Self> {
        let matches = Match { native: Some(Glob::try_from(native.to_owned())?), ..Match::default() };
        let (to_native, note) = (Some(to_native.to_owned()), Some(note.to_owned()));
        Ok(Self { matches, to: None, to_native, on_misfit: Policy::Error, note })
    }

    /// Whether the rule is about rows that go from the one database to the other.
    pub fn is_about(&self, source: &DatabaseInfo, target: &DatabaseInfo) -> bool {
        let Match { engine, target: into, .. } = &self.matches;
        engine.as_ref().is_none_or(|engine| engine.matches_database(source))
            && into.as_ref().is_none_or(|into| into.matches_database(target))
    }

    /// Whether the rule is about that column.
    pub fn matches(&self, collection: &CollectionName, column: &Column) -> bool {
        let Match { table, column: name, native, .. } = &self.matches;
        table.as_ref().is_none_or(|table| table.matches(collection))
            && name.as_ref().is_none_or(|name| name.matches(&column.name))
            && native.as_ref().is_none_or(|native| native.matches_ignoring_case(&column.native.text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(text: &str) -> std::result::Result<TypeRule, String> {
        toml::from_str::<TypeRule>(text).map_err(|error| error.message().to_owned())
    }

    #[test]
    fn a_rule_matches_what_it_names() {
        let text =
            "match = { engine = 'mariadb', table = 'shop.*', column = 'is_*', native = 'TINYINT*' }\nto = 'bool'";
        let rule = rule(text).expect("a rule");
        let info = |dialect: &str, product: &str| DatabaseInfo {
            dialect: dialect.into(),
            product: product.into(),
            ..DatabaseInfo::default()
        };
        assert!(rule.is_about(&info("mysql", "MariaDB"), &info("postgres", "PostgreSQL")));
        assert!(!rule.is_about(&info("mysql", "MySQL"), &info("postgres", "PostgreSQL")));
        let column = |name: &str| Column::new(name, LogicalType::Int { bits: 8, signed: true }, "tinyint(1)");
        let table = CollectionName::new("shop", "article");
        assert!(rule.matches(&table, &column("is_new")));
        assert!(!rule.matches(&table, &column("isnew")));
        assert!(!rule.matches(&CollectionName::new("log", "article"), &column("is_new")));
    }

    #[test]
    fn what_says_nothing_is_refused() {
        for (text, why) in [
            ("match = {}\nto = 'bool'", "at least one of engine"),
            ("match = { column = 'x' }", "one of to, to_native and on_misfit"),
            ("match = { column = 'x' }\nto_native = ' '", "must not be empty"),
            ("match = { column = 'x' }\nto = 'bolo'", "there is no logical type"),
            ("match = { column = 'x', colour = 'red' }\nto = 'bool'", "unknown field `colour`"),
            ("match = { column = 'x' }\non_misfit = 'ignore'", "unknown variant `ignore`"),
            ("match = { column = '[' }\nto = 'bool'", "is not a pattern"),
        ] {
            let found = rule(text).expect_err(text);
            assert!(found.contains(why), "{found}");
        }
    }
}
