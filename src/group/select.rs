//! The choice of what takes part in a dump or a restore. One function for the groups of a database and of an archive.

use crate::dialect::model::CollectionName;
use crate::group::assign::Assignment;
use crate::group::pattern::NamePattern;
use crate::group::suggest::{did_you_mean, enumerate};
use crate::group::{REQUIRED, SKIPPED, compare, is_built_in};
use crate::{Error, ErrorKind, Result};
use std::collections::HashMap;

/// What the user chose. The default is everything that may be chosen.
///
/// - Without `groups` and `tables` everything is chosen; otherwise what is in one of the groups *or* matches one of the
///   table patterns.
/// - The exclusions are taken away from that.
/// - `required` is always in, unless single tables are chosen and no groups: whoever lists tables gets these tables. So it
///   cannot be excluded, neither as a group nor by a pattern that matches one of its collections.
/// - `skipped` is never in a dump.
/// - A part (a shadow table, a partition) is in exactly when its owner is, and cannot be chosen or excluded by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Names of groups to choose; `None` is no choice by group.
    pub groups: Option<Vec<String>>,
    /// Names of groups to exclude.
    pub exclude_groups: Vec<String>,
    /// Patterns, as [`NamePattern`] reads them, of collections to choose.
    pub tables: Vec<String>,
    /// Patterns of collections to exclude.
    pub exclude_tables: Vec<String>,
}

impl Selection {
    /// Whether `required` is in whatever else is chosen.
    fn is_by_group(&self) -> bool {
        self.groups.is_some() || self.tables.is_empty()
    }

    fn is_everything(&self) -> bool {
        *self == Self::default()
    }
}

/// What a selection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SelectFor {
    /// A dump: `skipped` is never in.
    Dump,
    /// A restore: the assignments are the archive's.
    Restore,
}

/// The positions in `assignments` of what is selected, in the order in which groups are dumped and restored: `required`
/// first, and as `assignments` has them inside each group.
///
/// # Errors
/// [`ErrorKind::Usage`], with what there is and what was probably meant, when
/// - a chosen group has no collections here, or an excluded one is neither here nor built in;
/// - a pattern is no glob pattern, matches nothing, or matches only parts of other collections;
/// - a dump is asked for `skipped`, or for a pattern that matches nothing else;
/// - `required` or one of its collections is excluded although it is always in;
/// - the choice leaves nothing.
pub fn select(assignments: &[Assignment], selection: &Selection, purpose: SelectFor) -> Result<Vec<usize>> {
    let scene = Scene::new(assignments, purpose);
    scene.check_groups(selection)?;
    let tables = scene.patterns(&selection.tables)?;
    let excluded = scene.patterns(&selection.exclude_tables)?;
    for pattern in &tables {
        if scene.owners().filter(|owner| pattern.matches(&owner.collection)).all(|owner| scene.is_never(owner)) {
            return Err(usage(format!(
                "{pattern} matches only collections of the group {SKIPPED}, which is never dumped"
            ))
            .hint("put the collection into another group with a rule in dbferry.toml"));
        }
    }
    if selection.is_by_group() {
        scene.check_required(&excluded)?;
    }
    let chosen = |owner: &Assignment| {
        let by_group = match &selection.groups {
            Some(groups) => owner.group == REQUIRED || groups.contains(&owner.group),
            None => tables.is_empty(),
        };
        (by_group || tables.iter().any(|pattern| pattern.matches(&owner.collection)))
            && !selection.exclude_groups.contains(&owner.group)
            && !excluded.iter().any(|pattern| pattern.matches(&owner.collection))
            && !scene.is_never(owner)
    };
    let mut selected: Vec<(usize, &Assignment)> = (0..assignments.len())
        .filter_map(|index| Some((index, scene.owner(index)?)))
        .filter(|(_, o)| chosen(o))
        .collect();
    if selected.is_empty() && !selection.is_everything() {
        return Err(usage("the selection leaves nothing".to_owned()).hint(scene.groups_here()));
    }
    // The sort is stable: inside a group the order of the assignments stays.
    selected.sort_by(|(_, left), (_, right)| compare(&left.group, &right.group));
    Ok(selected.into_iter().map(|(index, _)| index).collect())
}

fn usage(message: String) -> Error {
    Error::new(ErrorKind::Usage, message)
}

/// What there is to choose from.
struct Scene<'a> {
    assignments: &'a [Assignment],
    by_name: HashMap<&'a CollectionName, &'a Assignment>,
    purpose: SelectFor,
}

impl<'a> Scene<'a> {
    fn new(assignments: &'a [Assignment], purpose: SelectFor) -> Self {
        let by_name = assignments.iter().map(|assignment| (&assignment.collection, assignment)).collect();
        Self { assignments, by_name, purpose }
    }

    /// The collection that decides for the one at `index`: the end of its chain of owners, or itself where the owner is
    /// not here.
    fn owner(&self, index: usize) -> Option<&'a Assignment> {
        let itself = self.assignments.get(index)?;
        let mut owner = itself;
        // A chain is no longer than there are collections; a circle is broken by counting.
        for _ in 0..self.assignments.len() {
            match owner.part_of.as_ref().and_then(|name| self.by_name.get(name)) {
                Some(next) => owner = next,
                None => return Some(owner),
            }
        }
        Some(itself)
    }

    /// The collections that are no parts.
    fn owners(&self) -> impl Iterator<Item = &'a Assignment> {
        self.assignments
            .iter()
            .enumerate()
            .filter(|(index, itself)| self.owner(*index).is_some_and(|owner| std::ptr::eq(owner, *itself)))
            .map(|(_, itself)| itself)
    }

    fn is_never(&self, owner: &Assignment) -> bool {
        self.purpose == SelectFor::Dump && owner.group == SKIPPED
    }

    fn has_group(&self, name: &str) -> bool {
        self.assignments.iter().any(|assignment| assignment.group == name)
    }

    fn check_groups(&self, selection: &Selection) -> Result<()> {
        for name in selection.groups.iter().flatten() {
            if name == SKIPPED && self.purpose == SelectFor::Dump {
                return Err(usage(format!("the group {SKIPPED} is never dumped"))
                    .hint("put its collections into another group with a rule in dbferry.toml"));
            }
            // `required` is implied anyway, also where nothing is in it.
            if name != REQUIRED && !self.has_group(name) {
                return Err(self.no_group(name));
            }
        }
        for name in &selection.exclude_groups {
            if name == REQUIRED {
                return Err(usage(format!("the group {REQUIRED} cannot be excluded"))
                    .hint("choose single tables with -t, or put its collections into another group with a rule"));
            }
            if !is_built_in(name) && !self.has_group(name) {
                return Err(self.no_group(name));
            }
        }
        Ok(())
    }

    /// Patterns, each of which matches at least one collection that is no part.
    fn patterns(&self, texts: &[String]) -> Result<Vec<NamePattern>> {
        texts.iter().map(|text| self.pattern(text)).collect()
    }

    fn pattern(&self, text: &str) -> Result<NamePattern> {
        let pattern = NamePattern::new(text)?;
        if self.owners().any(|owner| pattern.matches(&owner.collection)) {
            return Ok(pattern);
        }
        if let Some(part) = self.assignments.iter().find(|assignment| pattern.matches(&assignment.collection)) {
            let owner = part.part_of.as_ref().unwrap_or(&part.collection);
            return Err(usage(format!("{} is a part of {owner} and cannot be selected by itself", part.collection))
                .hint(format!("select {owner} instead: its parts go with it")));
        }
        let mut full: Vec<String> = self.owners().map(|owner| owner.collection.to_string()).collect();
        full.sort();
        let short = self.owners().map(|owner| owner.collection.name.as_str());
        let nearest = if text.contains('.') {
            did_you_mean(text, full.iter().map(String::as_str))
        } else {
            did_you_mean(text, short)
        };
        let of = if self.purpose == SelectFor::Restore { " of the archive" } else { "" };
        Err(usage(format!("no table{of} matches {text}")).hint(match full.as_slice() {
            [] => "there are no tables".to_owned(),
            _ => format!("{nearest}there are {}", enumerate(&full)),
        }))
    }

    fn check_required(&self, excluded: &[NamePattern]) -> Result<()> {
        for pattern in excluded {
            if let Some(required) =
                self.owners().find(|owner| owner.group == REQUIRED && pattern.matches(&owner.collection))
            {
                return Err(usage(format!(
                    "{} is in the group {REQUIRED}, which is always included, and {pattern} would exclude it",
                    required.collection
                ))
                .hint(
                    "make the pattern narrower, choose single tables with -t, or put it into another group with a rule",
                ));
            }
        }
        Ok(())
    }

    fn no_group(&self, name: &str) -> Error {
        let mut here: Vec<&str> = self.assignments.iter().map(|assignment| assignment.group.as_str()).collect();
        here.sort_by(|left, right| compare(left, right));
        here.dedup();
        let place = match self.purpose {
            SelectFor::Dump => "in the database",
            SelectFor::Restore => "in the archive",
        };
        let message = if is_built_in(name) {
            format!("the group {name} is empty {place}")
        } else {
            format!("there is no group {name:?} {place}")
        };
        usage(message).hint(format!("{}{}", did_you_mean(name, here.iter().copied()), self.groups_here()))
    }

    fn groups_here(&self) -> String {
        let mut counts: Vec<(&str, usize)> = Vec::new();
        for assignment in self.assignments {
            match counts.iter_mut().find(|(group, _)| *group == assignment.group) {
                Some((_, count)) => *count += 1,
                None => counts.push((&assignment.group, 1)),
            }
        }
        counts.sort_by(|(left, _), (right, _)| compare(left, right));
        match counts.as_slice() {
            [] => "there are no groups".to_owned(),
            _ => {
                let listed: Vec<_> = counts.iter().map(|(group, count)| format!("{group} ({count})")).collect();
                format!("the groups here, with their number of tables: {}", enumerate(&listed))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assignment(text: &str, group: &str, part_of: Option<&str>) -> Assignment {
        let name = |text: &str| CollectionName::new("main", text);
        Assignment { collection: name(text), group: group.to_owned(), rule: String::new(), part_of: part_of.map(name) }
    }

    fn shop() -> Vec<Assignment> {
        vec![
            assignment("cache", "skipped", None),
            assignment("docs", "custom", None),
            assignment("docs_data", "custom", Some("docs")),
            assignment("orders", "billing", None),
            assignment("settings", "required", None),
            assignment("users", "user", None),
            assignment("visits", "log", None),
            assignment("zebra", "unknown", None),
        ]
    }

    fn strings(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    fn selection(groups: Option<&[&str]>, not_groups: &[&str], tables: &[&str], not_tables: &[&str]) -> Selection {
        Selection {
            groups: groups.map(strings),
            exclude_groups: strings(not_groups),
            tables: strings(tables),
            exclude_tables: strings(not_tables),
        }
    }

    fn names(selection: &Selection, purpose: SelectFor) -> Vec<String> {
        let shop = shop();
        let selected = select(&shop, selection, purpose).unwrap();
        selected.into_iter().map(|index| shop[index].collection.name.clone()).collect()
    }

    fn dumped(selection: &Selection) -> Vec<String> {
        names(selection, SelectFor::Dump)
    }

    fn refused(selection: &Selection) -> (String, String) {
        let error = select(&shop(), selection, SelectFor::Dump).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage);
        (error.to_string(), error.remedy().unwrap_or_default().to_owned())
    }

    #[test]
    fn everything_but_skipped_required_first() {
        assert_eq!(
            dumped(&Selection::default()),
            ["settings", "users", "visits", "docs", "docs_data", "orders", "zebra"]
        );
        assert_eq!(names(&Selection::default(), SelectFor::Restore).len(), 8);
        assert_eq!(select(&[], &Selection::default(), SelectFor::Dump).unwrap(), Vec::<usize>::new());
    }

    #[test]
    fn required_comes_with_groups_and_not_with_tables() {
        assert_eq!(dumped(&selection(Some(&["user"]), &[], &[], &[])), ["settings", "users"]);
        assert_eq!(dumped(&selection(Some(&["required"]), &[], &[], &[])), ["settings"]);
        assert_eq!(dumped(&selection(None, &[], &["users"], &[])), ["users"]);
        assert_eq!(dumped(&selection(Some(&["user"]), &[], &["orders"], &[])), ["settings", "users", "orders"]);
        assert_eq!(
            dumped(&selection(None, &["log", "third-party"], &[], &["docs"]))[1..],
            ["users", "orders", "zebra"]
        );
        assert_eq!(dumped(&selection(None, &[], &["main.*"], &["settings"])).len(), 6);
    }

    #[test]
    fn required_cannot_be_excluded() {
        assert!(refused(&selection(None, &["required"], &[], &[])).0.contains("cannot be excluded"));
        let (message, _) = refused(&selection(None, &[], &[], &["s*"]));
        assert!(message.contains("main.settings is in the group required"), "{message}");
        assert!(refused(&selection(Some(&["user"]), &[], &["users"], &["settings"])).0.contains("main.settings"));
    }

    #[test]
    fn skipped_is_never_dumped() {
        assert!(refused(&selection(Some(&["skipped"]), &[], &[], &[])).0.contains("never dumped"));
        assert!(refused(&selection(None, &[], &["users", "cach?"], &[])).0.contains("never dumped"));
        assert!(!dumped(&selection(None, &[], &["*"], &[])).contains(&"cache".to_owned()));
        assert_eq!(dumped(&selection(None, &["skipped"], &[], &["cache"])).len(), 7);
    }

    #[test]
    fn parts_go_with_their_owner() {
        assert_eq!(dumped(&selection(None, &[], &["docs"], &[])), ["docs", "docs_data"]);
        assert!(!dumped(&selection(None, &[], &[], &["docs"])).contains(&"docs_data".to_owned()));
        for (tables, not_tables) in [(&["docs_data"][..], &[][..]), (&[], &["docs_data"])] {
            let (message, hint) = refused(&selection(None, &[], tables, not_tables));
            assert!(message.contains("main.docs_data is a part of main.docs"), "{message}");
            assert!(hint.contains("select main.docs"), "{hint}");
        }
    }

    #[test]
    fn slips_are_refused_with_what_there_is() {
        let (message, hint) = refused(&selection(Some(&["biling"]), &[], &[], &[]));
        assert_eq!(message, "there is no group \"biling\" in the database");
        assert!(hint.starts_with("did you mean billing? the groups here"), "{hint}");
        assert!(hint.contains("custom (2)") && hint.contains("unknown (1)"), "{hint}");
        assert!(refused(&selection(Some(&["third-party"]), &[], &[], &[])).0.contains("is empty in the database"));
        assert!(refused(&selection(None, &["logs"], &[], &[])).1.starts_with("did you mean log?"));
        let (message, hint) = refused(&selection(None, &[], &["user"], &[]));
        assert_eq!(message, "no table matches user");
        assert!(hint.starts_with("did you mean users? there are main.cache, main.docs, main.orders"), "{hint}");
        assert!(refused(&selection(None, &[], &["mian.users"], &[])).1.starts_with("did you mean main.users?"));
        assert!(refused(&selection(None, &[], &[], &["nothing*"])).0.contains("no table matches nothing*"));
        assert!(refused(&selection(None, &[], &["[x"], &[])).0.contains("not a table pattern"));
        assert!(refused(&selection(None, &["user"], &["users"], &[])).0.contains("leaves nothing"));
        let of_archive =
            |selection: &Selection| select(&shop(), selection, SelectFor::Restore).unwrap_err().to_string();
        assert_eq!(of_archive(&selection(None, &[], &["zz"], &[])), "no table of the archive matches zz");
        assert!(of_archive(&selection(Some(&["biling"]), &[], &[], &[])).ends_with("in the archive"));
    }
}
