//! What a dialect may know of the process's environment.
//!
//! The library never reads the environment; a front end hands over what it wants to be honoured (`PGPASSFILE`, `HOME`, ...).

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

/// Environment variables, by name. Values may be secrets, so they are never shown.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// The variable's value; absent when it is not set or empty, as PostgreSQL's and MySQL's own clients see it.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The user's home directory.
    pub fn home(&self) -> Option<PathBuf> {
        self.get("HOME").map(PathBuf::from)
    }
}

impl FromIterator<(String, String)> for Environment {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(variables: I) -> Self {
        Self(variables.into_iter().collect())
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_not_shown_and_empty_is_absent() {
        let environment: Environment = [("PGPASSWORD", "canary"), ("PGHOST", "")]
            .map(|(name, value)| (name.into(), value.into()))
            .into_iter()
            .collect();
        assert_eq!(environment.get("PGPASSWORD"), Some("canary"));
        assert_eq!(environment.get("PGHOST"), None);
        assert!(!format!("{environment:?}").contains("canary"));
    }
}
