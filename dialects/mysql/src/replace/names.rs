//! The names that a restore uses in the target database beside those that it restores.
//!
//! A table is loaded under a name of its own, its *shadow*, and the table that it replaces is moved aside. Both names are
//! short, so that they do not depend on how long a table's name is, and have the same number. They are in the journal as
//! long as they are in use, so whatever bears one of them is either the journal's or somebody's own, and only then a table
//! like any other.

use crate::session::Session;
use dbferry_dialect::{Error, ErrorKind, Result};
use std::collections::BTreeSet;

/// The table that says what a restore has under way.
pub(crate) const JOURNAL: &str = "_dbferry_journal";
/// What a table is called while it is loaded.
const NEW: &str = "_dbferry_new_";
/// What a table is called from the moment on when another has taken its place.
const OLD: &str = "_dbferry_old_";

/// Whether a table of that name belongs to a restore that is under way or was interrupted, and is no data of the user's.
pub(crate) fn is_own(name: &str) -> bool {
    let numbered = |prefix| {
        name.strip_prefix(prefix)
            .is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
    };
    name == JOURNAL || numbered(NEW) || numbered(OLD)
}

/// Names that nobody uses.
#[derive(Debug)]
pub(super) struct FreeNames {
    taken: BTreeSet<String>,
    last: u32,
}

impl FreeNames {
    /// Looks at the names that are taken.
    pub(super) fn read(session: &mut Session) -> Result<Self> {
        let rows = session.query(
            "the names of the tables cannot be read",
            "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() \
                AND table_name LIKE '\\_dbferry\\_%'",
        )?;
        let taken = rows.iter().filter_map(|row| row.get::<String, _>(0)).map(|name| name.to_lowercase()).collect();
        Ok(Self { taken, last: 0 })
    }

    /// The next pair: for the shadow, and for the table that it replaces.
    pub(super) fn pair(&mut self) -> Result<(String, String)> {
        loop {
            self.last = self.last.checked_add(1).ok_or_else(|| {
                Error::new(ErrorKind::Internal, "there are no names left for new tables").with("dialect", crate::NAME)
            })?;
            let names = (format!("{NEW}{}", self.last), format!("{OLD}{}", self.last));
            if !self.taken.contains(&names.0) && !self.taken.contains(&names.1) {
                return Ok(names);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_a_restore_are_told_from_others() {
        for own in [JOURNAL, "_dbferry_new_1", "_dbferry_old_42"] {
            assert!(is_own(own), "{own}");
        }
        for other in ["_dbferry_new_", "_dbferry_new_x", "_dbferry_", "dbferry_new_1", "_dbferry_journal_2", "orders"] {
            assert!(!is_own(other), "{other}");
        }
    }

    #[test]
    fn a_name_that_is_taken_is_passed_over() {
        let mut names = FreeNames { taken: ["_dbferry_old_1".to_owned()].into(), last: 0 };
        let second = ("_dbferry_new_2".to_owned(), "_dbferry_old_2".to_owned());
        assert_eq!(names.pair().expect("names"), second);
        assert_eq!(names.pair().expect("names").0, "_dbferry_new_3");
    }
}
