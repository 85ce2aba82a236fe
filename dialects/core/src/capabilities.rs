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
    /// A table may have no columns, and rows all the same.
    pub columnless_tables: bool,
    /// Which names tables, columns and the like may have.
    pub identifiers: Identifiers,
    /// What of a table of another dialect can be made here.
    pub carries: Carries,
}

/// What of a table's definition an engine can have, so that it can be taken over from another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools)] // Each is a fact of its own.
#[non_exhaustive]
pub struct Carries {
    /// Checks that are held to.
    pub checks: bool,
    /// Indexes over expressions.
    pub expression_indexes: bool,
    /// Indexes over the first characters of a text, where those over other expressions may be missing.
    pub prefix_indexes: bool,
    /// Indexes for some rows only.
    pub partial_indexes: bool,
    /// Foreign keys that are checked at the end of a transaction.
    pub deferrable_foreign_keys: bool,
    /// Foreign keys that set defaults.
    pub set_default: bool,
    /// Foreign keys that set nulls may have columns that allow none.
    pub set_null_on_required: bool,
    /// Foreign keys may link whole numbers of different widths.
    pub mixed_key_widths: bool,
    /// A type of enumerations, so that no check has to say which labels there are.
    pub enumerations: bool,
    /// The longest comment on anything, in characters.
    pub comment_chars: Option<usize>,
}

impl Carries {
    /// Nothing.
    pub const NOTHING: Self = Self {
        checks: false,
        expression_indexes: false,
        prefix_indexes: false,
        partial_indexes: false,
        deferrable_foreign_keys: false,
        set_default: false,
        set_null_on_required: false,
        mixed_key_widths: false,
        enumerations: false,
        comment_chars: None,
    };

    /// Everything.
    pub const EVERYTHING: Self = Self {
        checks: true,
        expression_indexes: true,
        prefix_indexes: true,
        partial_indexes: true,
        deferrable_foreign_keys: true,
        set_default: true,
        set_null_on_required: true,
        mixed_key_widths: true,
        enumerations: true,
        comment_chars: None,
    };
}

/// Which names are the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    /// Those that are spelled alike.
    Matters,
    /// Also those in which letters from A to Z differ in case.
    AsciiFolds,
    /// Also those in which any letters differ in case.
    Folds,
}

impl Case {
    /// What equal names have in common.
    pub fn key(self, name: &str) -> String {
        match self {
            Self::Matters => name.to_owned(),
            Self::AsciiFolds => name.to_ascii_lowercase(),
            Self::Folds => name.to_lowercase(),
        }
    }
}

/// Where a name must be the only one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Among those of its table.
    Table,
    /// Among those of its namespace.
    Namespace,
    /// Among those of its namespace and the tables there.
    Relations,
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
    /// Whether a name may end with a blank.
    pub trailing_blanks: bool,
    /// Which names of tables are the same.
    pub tables: Case,
    /// Which names of columns, indexes and constraints are the same.
    pub others: Case,
    /// Among which an index has its name.
    pub indexes: Scope,
    /// Among which a foreign key has its name.
    pub foreign_keys: Scope,
    /// Among which a check has its name.
    pub checks: Scope,
    /// Names that no column may have.
    pub reserved_columns: &'static [&'static str],
}

impl Identifiers {
    /// Any name.
    pub const ANY: Self = Self {
        max_bytes: None,
        max_chars: None,
        supplementary: true,
        trailing_blanks: true,
        tables: Case::Matters,
        others: Case::Matters,
        indexes: Scope::Table,
        foreign_keys: Scope::Table,
        checks: Scope::Table,
        reserved_columns: &[],
    };

    /// Why the engine cannot take this name, if it cannot. Engines shorten such a name or put `?` into it without a word.
    pub fn refusal(&self, name: &str) -> Option<String> {
        let (bytes, chars) = (name.len(), name.chars().count());
        if let Some(most) = self.max_bytes.filter(|most| bytes > *most) {
            return Some(format!("it has {bytes} bytes, and the longest name there has {most}"));
        }
        if let Some(most) = self.max_chars.filter(|most| chars > *most) {
            return Some(format!("it has {chars} characters, and the longest name there has {most}"));
        }
        if name.is_empty() && self.max_chars.or(self.max_bytes).is_some() {
            return Some("it is empty".to_owned());
        }
        if name.ends_with(' ') && !self.trailing_blanks {
            return Some("it ends with a blank".to_owned());
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
        columnless_tables: false,
        identifiers: Identifiers::ANY,
        carries: Carries::NOTHING,
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_an_engine_would_change_are_told() {
        let narrow = Identifiers {
            max_bytes: Some(6),
            max_chars: Some(4),
            supplementary: false,
            trailing_blanks: false,
            ..Identifiers::ANY
        };
        assert_eq!(narrow.refusal("name"), None);
        assert_eq!(narrow.refusal("\u{e9}t\u{e9}").as_deref(), None);
        assert!(narrow.refusal("\u{e9}t\u{e9}\u{e9}").is_some_and(|why| why.contains("7 bytes")));
        assert!(narrow.refusal("names").is_some_and(|why| why.contains("5 characters")));
        assert!(narrow.refusal("a ").is_some_and(|why| why.contains("blank")));
        assert!(narrow.refusal("\u{1f986}").is_some_and(|why| why.contains('\u{1f986}')));
        assert_eq!(Identifiers::ANY.refusal(&"\u{1f986}".repeat(1000)), None);
    }
}
