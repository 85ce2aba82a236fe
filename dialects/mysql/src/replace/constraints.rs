//! Names of foreign keys and checks, which are unique in a database here and need not be where an archive comes from.
//!
//! A constraint keeps its name when that is free. Otherwise the name of its table goes before it, which is told. What the target
//! has keeps its names in any case.

use std::collections::BTreeSet;

/// The longest name that a server takes, in characters.
const LONGEST: usize = 64;

/// The names of one kind of constraint in a database.
#[derive(Debug, Default)]
pub(super) struct ConstraintNames {
    taken: BTreeSet<String>,
}

impl ConstraintNames {
    /// Those that are taken by what stays. Servers tell names from each other without looking at their case.
    pub(super) fn new<'a>(taken: impl IntoIterator<Item = &'a str>) -> Self {
        Self { taken: taken.into_iter().map(str::to_lowercase).collect() }
    }

    /// Whether somebody has the name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.taken.contains(&name.to_lowercase())
    }

    /// The name of a constraint that is made on that table: its own if it is free.
    pub(super) fn give(&mut self, table: &str, name: &str) -> String {
        let mut given = name.to_owned();
        let mut number = 1_u32;
        while given.chars().count() > LONGEST || self.has(&given) {
            let end = if number == 1 { String::new() } else { format!("_{number}") };
            let beginning: String = format!("{table}_{name}").chars().take(LONGEST.saturating_sub(end.len())).collect();
            given = format!("{}{end}", beginning.trim_end());
            number += 1;
        }
        self.taken.insert(given.to_lowercase());
        given
    }
}

/// What the user should know of a name that is another one.
pub(super) fn told(kind: &str, table: &str, name: &str, given: &str) -> String {
    format!("{table}: {kind} {name} is called {given} there, where its own name is taken or too long")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_one_keeps_its_name() {
        let mut names = ConstraintNames::new(["Taken", "child_the parent"]);
        assert_eq!(names.give("child", "free"), "free");
        assert_eq!(names.give("child", "taken"), "child_taken");
        assert_eq!(names.give("other", "the parent"), "the parent");
        assert_eq!(names.give("child", "The Parent"), "child_The Parent_2");
        assert_eq!(names.give("third", "the parent"), "third_the parent");
    }

    #[test]
    fn no_name_is_too_long() {
        let mut names = ConstraintNames::default();
        let (table, long) = ("é".repeat(64), "x".repeat(65));
        for end in ["é", "_2", "_3"] {
            let given = names.give(&table, &long);
            assert!(given.chars().count() == 64 && given.ends_with(end), "{given}");
        }
        let fits = "x".repeat(64);
        assert_eq!(names.give("t", &fits), fits);
        assert_eq!(names.give("t", &fits), format!("t_{}", "x".repeat(62)));
    }
}
