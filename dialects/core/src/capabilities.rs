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
    /// The longest identifier, in bytes; `None` when there is no bound that matters.
    pub max_identifier_bytes: Option<usize>,
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
        max_identifier_bytes: None,
    };
}
