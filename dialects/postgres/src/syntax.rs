//! How PostgreSQL spells SQL.

use dbferry_dialect::{Collection, CollectionName, Fidelity, LogicalType, NativeMapping, Syntax};

/// PostgreSQL's SQL.
#[derive(Clone, Copy, Debug, Default)]
pub struct PostgresSyntax;

impl Syntax for PostgresSyntax {
    fn native_type(&self, logical: &LogicalType) -> NativeMapping {
        let _ = logical;
        NativeMapping { text: "text".into(), fidelity: Fidelity::Exact }
    }

    fn create_table(&self, name: &CollectionName, collection: &Collection) -> String {
        let _ = collection;
        format!("CREATE TABLE {} ()", self.qualified(name))
    }
}
