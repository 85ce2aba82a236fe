//! Gives every collection its group. The order of what decides is in the [module's documentation](crate::group).

use crate::archive::CollectionEntry;
use crate::dialect::model::{Collection, CollectionKind, CollectionName, Schema};
use crate::group::pattern::NamePattern;
use crate::group::rules::{GroupRules, Rule, Unmatched};
use crate::group::suggest::enumerate;
use crate::group::{UNKNOWN, join_table, validate_name};
use crate::{Error, ErrorKind, Result};
use serde::Serialize;
use std::collections::{HashMap, HashSet};

/// A collection's group, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// The collection.
    pub collection: CollectionName,
    /// Its group.
    pub group: String,
    /// In words what decided: `rule 2: *_log`, `preset nocobase: roles*`, `comment tag`, `part of main.docs`,
    /// `joins main.users and main.roles, both user`, `no rule matched`. Rules are counted from 1.
    pub rule: String,
    /// The collection that it is a part of; a part is always selected together with its owner.
    pub part_of: Option<CollectionName>,
}

impl From<&CollectionEntry> for Assignment {
    /// What was decided when the archive was made.
    fn from(entry: &CollectionEntry) -> Self {
        Self {
            collection: entry.collection.name.clone(),
            group: entry.group.clone(),
            rule: entry.rule.clone(),
            part_of: entry.collection.part_of.clone(),
        }
    }
}

/// The groups of all collections of a schema.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grouping {
    /// One for each collection, in the schema's order.
    pub assignments: Vec<Assignment>,
    /// What in the rules had no effect, usually a slip of the hand or a table that is gone.
    pub unmatched_rules: Vec<UnmatchedRule>,
}

/// Something in the rules that decided nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UnmatchedRule {
    /// Which one, as in [`Assignment::rule`]; of a preset only the preset as a whole is reported: `preset nocobase`.
    pub rule: String,
    /// In words why it decided nothing.
    pub reason: &'static str,
}

/// Gives every collection of `schema` exactly one group.
///
/// `query` runs a rule's query on the source, usually [`Database::query_names`](crate::dialect::Database::query_names);
/// it is called at most once for each rule.
///
/// # Errors
/// - [`ErrorKind::Usage`] when a comment tag has an invalid group name, or a comment has two different tags;
/// - [`ErrorKind::Usage`] that lists all collections without a rule, when `rules` say that this is an error;
/// - whatever `query` fails with, with the rule in its context.
pub fn assign(
    schema: &Schema,
    rules: &GroupRules,
    query: &mut dyn FnMut(&str) -> Result<Vec<String>>,
) -> Result<Grouping> {
    let family = Family::new(&schema.collections);
    let mut matchers = matchers(schema, rules, query)?;
    let mut decisions: Vec<Option<Decision>> = Vec::with_capacity(schema.collections.len());
    for (index, collection) in schema.collections.iter().enumerate() {
        let tag = comment_tag(collection)?;
        let mut decision = tag.map(|group| Decision { group, rule: "comment tag".to_owned() });
        // Rules look at every collection, so that one that only meets decided collections is told from one that meets none.
        for matcher in &mut matchers {
            if matcher.matches(&collection.name) {
                matcher.meets = true;
                if decision.is_none() && family.owner(index) == index {
                    matcher.decides = true;
                    decision = Some(Decision { group: matcher.group.to_owned(), rule: matcher.label.clone() });
                }
            }
        }
        decisions.push(decision);
    }
    follow_joins(schema, &family, &mut decisions);

    let mut without = Vec::new();
    let mut assignments = Vec::with_capacity(schema.collections.len());
    for (index, collection) in schema.collections.iter().enumerate() {
        let owner = family.owner(index);
        let Decision { group, mut rule } = decisions.get(owner).cloned().flatten().unwrap_or_else(|| {
            let is_system = collection.kind == CollectionKind::System;
            if owner == index && !is_system {
                without.push(&collection.name);
            }
            let rule = if is_system { "no rule matched, a table of the engine itself" } else { "no rule matched" };
            Decision { group: UNKNOWN.to_owned(), rule: rule.to_owned() }
        });
        let part_of = schema.collections.get(owner).filter(|_| owner != index).map(|owner| owner.name.clone());
        if let Some(owner) = &part_of {
            rule = format!("part of {owner}");
        }
        assignments.push(Assignment { collection: collection.name.clone(), group, rule, part_of });
    }
    if rules.unmatched() == Unmatched::Error && !without.is_empty() {
        return Err(Error::new(ErrorKind::Usage, format!("no group rule matches {}", enumerate(&without)))
            .hint("add a [[rule]] for them, or set default = \"unknown\" in dbferry.toml"));
    }
    Ok(Grouping { assignments, unmatched_rules: unmatched(&matchers) })
}

#[derive(Clone)]
struct Decision {
    group: String,
    rule: String,
}

/// Which collection owns which.
struct Family<'a> {
    by_name: HashMap<&'a CollectionName, usize>,
    owners: Vec<usize>,
}

impl<'a> Family<'a> {
    fn new(collections: &'a [Collection]) -> Self {
        let by_name: HashMap<_, _> = collections.iter().enumerate().map(|(index, c)| (&c.name, index)).collect();
        let parent =
            |index: usize| collections.get(index)?.part_of.as_ref().and_then(|name| by_name.get(name)).copied();
        let owners = (0..collections.len())
            .map(|index| {
                let mut owner = index;
                // A chain is no longer than there are collections; a circle is broken by counting.
                for _ in 0..collections.len() {
                    match parent(owner) {
                        Some(next) => owner = next,
                        None => return owner,
                    }
                }
                index
            })
            .collect();
        Self { by_name, owners }
    }

    /// The collection at the top of the chain of owners; itself when it is no part.
    fn owner(&self, index: usize) -> usize {
        self.owners.get(index).copied().unwrap_or(index)
    }

    fn owner_of(&self, name: &CollectionName) -> Option<usize> {
        self.by_name.get(name).map(|index| self.owner(*index))
    }
}

/// One pattern or query of one rule.
struct Matcher<'a> {
    label: String,
    preset: Option<&'static str>,
    group: &'a str,
    what: What<'a>,
    meets: bool,
    decides: bool,
}

enum What<'a> {
    Pattern(&'a NamePattern),
    Names(HashSet<String>),
}

impl Matcher<'_> {
    fn matches(&self, name: &CollectionName) -> bool {
        match &self.what {
            What::Pattern(pattern) => pattern.matches(name),
            What::Names(names) => names.contains(&name.name) || names.contains(&name.to_string()),
        }
    }
}

fn matchers<'a>(
    schema: &Schema,
    rules: &'a GroupRules,
    query: &mut dyn FnMut(&str) -> Result<Vec<String>>,
) -> Result<Vec<Matcher<'a>>> {
    let own = rules.own().iter().enumerate().map(|(position, rule)| (format!("rule {}", position + 1), None, rule));
    let presets = rules.presets().iter().flat_map(|preset| {
        preset.rules().iter().map(|rule| (format!("preset {}", preset.name()), Some(preset.name()), rule))
    });
    let mut matchers = Vec::new();
    for (label, preset, rule) in own.chain(presets) {
        let matcher = |what, described: &str| Matcher {
            label: format!("{label}: {described}"),
            preset,
            group: rule.group(),
            what,
            meets: false,
            decides: false,
        };
        matchers.extend(rule.patterns().iter().map(|pattern| matcher(What::Pattern(pattern), pattern.as_str())));
        if let Some(sql) = rule.sql().filter(|_| applies(rule, schema)) {
            let names = query(sql).map_err(|error| error.with("rule", &label))?;
            matchers.push(matcher(What::Names(names.into_iter().collect()), "query"));
        }
    }
    Ok(matchers)
}

fn applies(rule: &Rule, schema: &Schema) -> bool {
    rule.if_table().is_none_or(|pattern| schema.collections.iter().any(|collection| pattern.matches(&collection.name)))
}

/// What decided nothing: each pattern and query of the user's own rules, and presets as a whole, since an application
/// rarely has all tables that its preset knows.
fn unmatched(matchers: &[Matcher<'_>]) -> Vec<UnmatchedRule> {
    const NO_TABLE: &str = "matches no table";
    let mut unmatched = Vec::new();
    let mut presets: Vec<&str> = Vec::new();
    for matcher in matchers {
        match matcher.preset {
            None if !matcher.meets => unmatched.push(UnmatchedRule { rule: matcher.label.clone(), reason: NO_TABLE }),
            None if !matcher.decides => unmatched.push(UnmatchedRule {
                rule: matcher.label.clone(),
                reason: "matches only tables that an earlier rule, a comment tag or their owner decides",
            }),
            Some(preset) if !presets.contains(&preset) => {
                presets.push(preset);
                if !matchers.iter().any(|other| other.preset == Some(preset) && other.meets) {
                    unmatched.push(UnmatchedRule { rule: format!("preset {preset}"), reason: NO_TABLE });
                }
            }
            _ => {}
        }
    }
    unmatched
}

/// The group that a comment names with `dbferry:group=NAME`, which stands alone or between blanks, commas, semicolons or
/// brackets.
fn comment_tag(collection: &Collection) -> Result<Option<String>> {
    let comment = collection.comment.as_deref().unwrap_or_default();
    let words = comment.split(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '(' | ')' | '[' | ']'));
    let mut found: Option<String> = None;
    for name in words.filter_map(|word| word.strip_prefix("dbferry:group=")) {
        // A dot at the end ends a sentence: no group's name ends with one.
        let name = name.trim_end_matches('.');
        let hint = "change the table's comment; a tag is written dbferry:group=log";
        validate_name(name).map_err(|error| error.with("collection", &collection.name).hint(hint))?;
        if found.as_deref().is_some_and(|other| other != name) {
            let message = "a table's comment names two different groups";
            return Err(Error::new(ErrorKind::Usage, message).with("collection", &collection.name).hint(hint));
        }
        found = Some(name.to_owned());
    }
    Ok(found)
}

/// Join tables without a decision follow the tables that they join. A join table may join another one, so this is repeated
/// until nothing changes.
fn follow_joins(schema: &Schema, family: &Family<'_>, decisions: &mut [Option<Decision>]) {
    let mut waiting: Vec<(usize, Vec<&CollectionName>)> = schema
        .collections
        .iter()
        .enumerate()
        .filter(|(index, _)| family.owner(*index) == *index && decisions.get(*index).is_some_and(Option::is_none))
        .filter_map(|(index, collection)| Some((index, join_table::joined(collection)?)))
        .collect();
    loop {
        let before = waiting.len();
        waiting.retain(|(index, joined)| match agreed(joined, family, decisions) {
            Some(group) => {
                let rule = format!("joins {}", phrase(joined, &group));
                if let Some(decision) = decisions.get_mut(*index) {
                    *decision = Some(Decision { group, rule });
                }
                false
            }
            None => true,
        });
        if waiting.len() == before {
            return;
        }
    }
}

/// The group that all of the joined tables were given.
fn agreed(joined: &[&CollectionName], family: &Family<'_>, decisions: &[Option<Decision>]) -> Option<String> {
    let group = |name: &CollectionName| Some(decisions.get(family.owner_of(name)?)?.as_ref()?.group.as_str());
    let (first, others) = joined.split_first()?;
    let first = group(first)?;
    others.iter().all(|name| group(name) == Some(first)).then(|| first.to_owned())
}

fn phrase(joined: &[&CollectionName], group: &str) -> String {
    match joined {
        [one] => format!("{one} with itself, {group}"),
        [one, other] => format!("{one} and {other}, both {group}"),
        [first @ .., last] => {
            format!("{} and {last}, all {group}", first.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
        }
        [] => group.to_owned(),
    }
}

#[cfg(test)]
mod tests;
