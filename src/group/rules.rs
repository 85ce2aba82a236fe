//! The ordered rules that give collections their groups.

use crate::group::glossary::{Glossary, GroupInfo};
use crate::group::pattern::NamePattern;
use crate::group::preset::Preset;
use crate::group::validate_name;
use crate::{Error, ErrorKind, Result};
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

/// One rule: what it matches goes into its group.
///
/// A collection matches when one of the patterns matches its name, or when the query lists its name, with or without
/// namespace. The query is the source database's own SQL and returns the names in its first column.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "RuleText")]
pub struct Rule {
    group: String,
    tables: Vec<NamePattern>,
    query: Option<String>,
    if_table: Option<NamePattern>,
}

/// A rule as `[[rule]]` spells it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleText {
    #[serde(deserialize_with = "group_name")]
    group: String,
    #[serde(default)]
    tables: Vec<NamePattern>,
    query: Option<String>,
    if_table: Option<NamePattern>,
}

impl TryFrom<RuleText> for Rule {
    type Error = Error;

    fn try_from(text: RuleText) -> Result<Self> {
        let wrong = |message| Err(Error::new(ErrorKind::Usage, message));
        if text.tables.is_empty() && text.query.is_none() {
            return wrong("a rule needs tables, query, or both");
        }
        if text.query.as_ref().is_some_and(|query| query.trim().is_empty()) {
            return wrong("a rule's query must not be empty");
        }
        if text.if_table.is_some() && text.query.is_none() {
            return wrong("if_table says when a rule's query is run, and this rule has no query");
        }
        Ok(Self { group: text.group, tables: text.tables, query: text.query, if_table: text.if_table })
    }
}

/// Reads a group's name and checks it.
pub(crate) fn group_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let name = String::deserialize(deserializer)?;
    validate_name(&name).map_err(D::Error::custom)?;
    Ok(name)
}

impl Rule {
    /// A rule with patterns.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] when the group's name or a pattern is invalid, or there is no pattern.
    pub fn tables(group: &str, patterns: &[&str]) -> Result<Self> {
        validate_name(group)?;
        let tables = patterns.iter().map(|pattern| NamePattern::new(pattern)).collect::<Result<_>>()?;
        RuleText { group: group.to_owned(), tables, query: None, if_table: None }.try_into()
    }

    /// A rule with a query; it is run only where a table matches `if_table`, if that is given.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] when the group's name or the pattern is invalid, or the query is empty.
    pub fn query(group: &str, sql: &str, if_table: Option<&str>) -> Result<Self> {
        validate_name(group)?;
        let if_table = if_table.map(NamePattern::new).transpose()?;
        RuleText { group: group.to_owned(), tables: Vec::new(), query: Some(sql.to_owned()), if_table }.try_into()
    }

    /// The group that matching collections go into.
    pub fn group(&self) -> &str {
        &self.group
    }

    /// The patterns in their order.
    pub fn patterns(&self) -> &[NamePattern] {
        &self.tables
    }

    /// The query that lists names.
    pub fn sql(&self) -> Option<&str> {
        self.query.as_deref()
    }

    /// The query is run only where a table matches this pattern.
    pub fn if_table(&self) -> Option<&NamePattern> {
        self.if_table.as_ref()
    }
}

/// What becomes of a collection that no rule matches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unmatched {
    /// It goes into the group `unknown`.
    #[default]
    Unknown,
    /// It is an error, together with all others of its kind.
    Error,
}

/// Everything that is said about groups: the user's rules, then presets, and the explanations of declared groups.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupRules {
    own: Vec<Rule>,
    presets: Vec<Preset>,
    glossary: Glossary,
    unmatched: Unmatched,
}

impl GroupRules {
    /// Rules of the user, in their order, with the groups that the user declares.
    pub fn new(rules: Vec<Rule>, groups: Vec<GroupInfo>, unmatched: Unmatched) -> Self {
        let mut glossary = Glossary::default();
        for group in groups {
            glossary.add(group);
        }
        Self { own: rules, presets: Vec::new(), glossary, unmatched }
    }

    /// Adds a preset after everything that is there. A preset that is there already is not added again.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] when there is no preset of that name.
    pub fn add_preset(&mut self, name: &str) -> Result<()> {
        if self.presets.iter().any(|preset| preset.name() == name) {
            return Ok(());
        }
        let preset = Preset::load(name)?;
        for group in preset.groups() {
            self.glossary.add(group.clone());
        }
        self.presets.push(preset);
        Ok(())
    }

    /// The user's rules in their order.
    pub fn own(&self) -> &[Rule] {
        &self.own
    }

    /// The presets in their order.
    pub fn presets(&self) -> &[Preset] {
        &self.presets
    }

    /// The explanations of the groups.
    pub fn glossary(&self) -> &Glossary {
        &self.glossary
    }

    /// What becomes of a collection that no rule matches.
    pub fn unmatched(&self) -> Unmatched {
        self.unmatched
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_says_what_it_matches() {
        assert!(Rule::tables("log", &[]).is_err());
        assert!(Rule::tables("Log", &["x"]).is_err());
        assert!(Rule::tables("log", &["["]).is_err());
        assert!(Rule::query("custom", "  ", None).is_err());
        assert!(toml::from_str::<Rule>("group = 'log'\ntables = ['x']\nif_table = 'y'").is_err());
        let rule: Rule = toml::from_str("group = 'log'\ntables = ['x']\nquery = 'SELECT 1'\nif_table = 'y'").unwrap();
        assert_eq!((rule.group(), rule.sql(), rule.patterns().len()), ("log", Some("SELECT 1"), 1));
    }

    #[test]
    fn a_preset_is_added_once_and_explains_its_groups() {
        let mut rules = GroupRules::default();
        rules.add_preset("django").unwrap();
        rules.add_preset("django").unwrap();
        assert_eq!(rules.presets().len(), 1);
        assert!(rules.glossary().declares("transient"));
        let error = rules.add_preset("djanog").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage);
        assert!(error.remedy().unwrap().contains("did you mean django?"));
    }
}
