//! What a dialect can do, as plain data. The engine asks these, never a dialect's name.

/// Abilities of one dialect, or of one server of it once it is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Capabilities {
    /// Several sessions can read one snapshot.
    pub shared_snapshot: bool,
    /// Several sessions can load one group that is switched atomically.
    pub parallel_write: bool,
    /// A database that does not exist yet can be created by restoring into it.
    pub creates_database: bool,
    /// `CREATE`, `DROP` and `ALTER` roll back with their transaction.
    pub transactional_ddl: bool,
    /// Tables and columns can carry comments.
    pub comments: bool,
    /// There is more than one namespace.
    pub namespaces: bool,
    /// The namespace where collections go that come from an engine with other namespaces.
    pub default_namespace: &'static str,
    /// Foreign keys can be added to a table that exists.
    pub adds_foreign_keys: bool,
    /// Whole numbers without a sign exist.
    pub unsigned_integers: bool,
    /// Exact decimal numbers exist.
    pub exact_decimals: bool,
    /// Which names tables, columns and the like may have.
    pub identifiers: Identifiers,
}

/// Which names an engine takes, whatever they say; quoting is no question here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Identifiers {
    /// The longest name, in bytes of UTF-8; `None` when there is no bound that matters.
    pub max_bytes: Option<usize>,
    /// The longest name, in characters.
    pub max_chars: Option<usize>,
    /// Whether characters beyond the Basic Multilingual Plane may be in names.
    pub supplementary: bool,
}

impl Identifiers {
    /// Any name.
    pub const ANY: Self = Self { max_bytes: None, max_chars: None, supplementary: true };

    /// Why the engine cannot take this name, if it cannot. Engines shorten such a name or put `?` into it without a word.
    pub fn refusal(&self, name: &str) -> Option<String> {
        let (bytes, chars) = (name.len(), name.chars().count());
        if let Some(most) = self.max_bytes.filter(|most| bytes > *most) {
            return Some(format!("it has {bytes} bytes, and the longest name there has {most}"));
        }
        if let Some(most) = self.max_chars.filter(|most| chars > *most) {
            return Some(format!("it has {chars} characters, and the longest name there has {most}"));
        }
        let beyond = name.chars().find(|character| u32::from(*character) > 0xffff && !self.supplementary)?;
        Some(format!("no name there holds the character {beyond}"))
    }
}

impl Capabilities {
    /// The least a dialect can be: everything off.
    pub const MINIMAL: Self = Self {
        shared_snapshot: false,
        parallel_write: false,
        creates_database: false,
        transactional_ddl: false,
        comments: false,
        namespaces: false,
        default_namespace: "main",
        adds_foreign_keys: false,
        unsigned_integers: false,
        exact_decimals: false,
        identifiers: Identifiers::ANY,
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_an_engine_would_change_are_told() {
        let narrow = Identifiers { max_bytes: Some(6), max_chars: Some(4), supplementary: false };
        assert_eq!(narrow.refusal("name"), None);
        assert_eq!(narrow.refusal("\u{e9}t\u{e9}").as_deref(), None);
        assert!(narrow.refusal("\u{e9}t\u{e9}\u{e9}").is_some_and(|why| why.contains("7 bytes")));
        assert!(narrow.refusal("names").is_some_and(|why| why.contains("5 characters")));
        assert!(narrow.refusal("\u{1f986}").is_some_and(|why| why.contains('\u{1f986}')));
        assert_eq!(Identifiers::ANY.refusal(&"\u{1f986}".repeat(1000)), None);
    }
}
