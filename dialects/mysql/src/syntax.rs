//! SQL text of MySQL and MariaDB.

use dbferry_dialect::{Collection, CollectionName, LogicalType, NativeMapping, Syntax};

/// How MySQL and MariaDB spell SQL.
#[derive(Clone, Copy, Debug, Default)]
pub struct MySqlSyntax;

impl Syntax for MySqlSyntax {
    fn quote_identifier(&self, name: &str) -> String {
        format!("`{}`", name.replace('`', "``"))
    }

    /// Our sessions run without `NO_BACKSLASH_ESCAPES`, so a backslash escapes.
    fn quote_text(&self, text: &str) -> String {
        format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
    }

    /// Without a database's name, for the one that the session uses.
    fn qualified(&self, name: &CollectionName) -> String {
        if name.namespace == crate::NAMESPACE {
            return self.quote_identifier(&name.name);
        }
        format!("{}.{}", self.quote_identifier(&name.namespace), self.quote_identifier(&name.name))
    }

    fn native_type(&self, _logical: &LogicalType) -> NativeMapping {
        NativeMapping::exact("longtext")
    }

    fn create_table(&self, name: &CollectionName, _collection: &Collection) -> String {
        format!("CREATE TABLE {} ()", self.qualified(name))
    }
}
