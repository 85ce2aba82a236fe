//! Translation: how a collection crosses from what offers it to what takes it.
//!
//! ```text
//! offered collection (as the source or the archive has it)
//!   -> Translation: the collection as the target takes it, and for each column why
//!   -> plan, create, write, prove with that collection
//! rows: a batch of the source's columns -> hashed -> Application::apply -> a batch of the target's -> hashed -> written
//! ```
//!
//! Where there is nothing to translate it is the identity and costs nothing: no second hash, and the source's own definition
//! is used. What it is not: it builds no SQL, opens no database and knows no dialect.

mod apply;

pub use apply::Application;

use dbferry_dialect::{Collection, Fidelity, LogicalType};

/// How one collection crosses.
#[derive(Clone, Debug)]
pub struct Translation {
    /// The collection in the target's terms. Its name and the names that its foreign keys reference are the source's: these say
    /// which collection is meant, and the plan says what it is called in the target.
    pub collection: Collection,
    /// What becomes of each column, in their order.
    pub columns: Vec<ColumnTranslation>,
    /// What is not carried, by name, with the reason.
    pub not_carried: Vec<String>,
}

/// How one column crosses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnTranslation {
    /// What its values mean in the source.
    pub from: LogicalType,
    /// What they mean in the target.
    pub to: LogicalType,
    /// What the conversion does to the values; the target's native type has a verdict of its own.
    pub fidelity: Fidelity,
}

impl Translation {
    /// A collection that stays what it is.
    pub fn identity(source: &Collection) -> Self {
        let column = |logical: &LogicalType| ColumnTranslation {
            from: logical.clone(),
            to: logical.clone(),
            fidelity: Fidelity::Exact,
        };
        Self {
            columns: source.columns.iter().map(|column_| column(&column_.logical)).collect(),
            collection: source.clone(),
            not_carried: Vec::new(),
        }
    }

    /// Whether batches of the source are batches of the target as they are.
    pub fn keeps_rows(&self) -> bool {
        self.columns.iter().all(|column| column.from == column.to)
    }
}
