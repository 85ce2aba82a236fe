//! SQL text of the in-memory dialect: the standard, with the logical types' own names.

use crate::fidelity::NativeMapping;
use crate::logical::LogicalType;
use crate::model::{Collection, CollectionName, ColumnRole, Key};
use crate::syntax::Syntax;

/// How the in-memory dialect spells SQL. It executes none of it; plans print it.
#[derive(Clone, Copy, Debug)]
pub struct MemorySyntax;

impl Syntax for MemorySyntax {
    fn native_type(&self, logical: &LogicalType) -> NativeMapping {
        NativeMapping::exact(logical.to_string())
    }

    fn key_range(&self, _column: &str, _first: i64, _last: i64) -> Option<String> {
        None
    }

    fn create_table(&self, name: &CollectionName, collection: &Collection) -> String {
        let columns = collection.columns.iter().filter(|column| column.role != ColumnRole::RowIdentity).map(|column| {
            let mut text =
                format!("{} {}", self.quote_identifier(&column.name), self.column_type(collection, column).text);
            if !column.nullable {
                text.push_str(" NOT NULL");
            }
            if let Some(meaning) = column.default.as_ref().and_then(|default| default.meaning.as_ref()) {
                text.push_str(" DEFAULT ");
                text.push_str(&self.default_value(meaning));
            }
            text
        });
        let key = |word: &str, key: &Key| {
            let columns: Vec<String> = key.columns.iter().map(|column| self.quote_identifier(column)).collect();
            format!("{word} ({})", columns.join(", "))
        };
        let primary = collection.primary_key.iter().map(|primary| key("PRIMARY KEY", primary));
        let unique = collection.unique_keys.iter().map(|unique| key("UNIQUE", unique));
        let parts: Vec<String> = columns.chain(primary).chain(unique).collect();
        format!("CREATE TABLE {} (\n  {}\n)", self.qualified(name), parts.join(",\n  "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fidelity::Fidelity;
    use crate::model::{Column, DefaultMeaning, DefaultValue};

    #[test]
    fn tables_are_spelled_as_the_standard_does() {
        let mut id = Column::new("id", LogicalType::INT64, "");
        id.nullable = false;
        let mut name = Column::new("na\"me", LogicalType::Text { max_chars: Some(4), fixed: false }, "");
        name.default = Some(DefaultValue { native: "?".into(), meaning: Some(DefaultMeaning::Text("it's".into())) });
        let mut hidden = Column::new("rowid", LogicalType::INT64, "");
        hidden.role = ColumnRole::RowIdentity;
        let mut collection = Collection::table(CollectionName::new("main", "t"), vec![hidden, id, name]);
        collection.primary_key = Some(Key { definition: None, name: None, columns: vec!["id".into()] });
        assert_eq!(
            MemorySyntax.create_table(&CollectionName::new("other", "t"), &collection),
            "CREATE TABLE \"other\".\"t\" (\n  \"id\" int64 NOT NULL,\n  \"na\"\"me\" text(4) DEFAULT 'it''s',\n  \
             PRIMARY KEY (\"id\")\n)"
        );
    }

    #[test]
    fn every_type_is_exact() {
        let mapping = MemorySyntax.native_type(&LogicalType::Decimal { precision: 65, scale: 30 });
        assert_eq!(mapping, NativeMapping { text: "decimal(65,30)".into(), fidelity: Fidelity::Exact });
    }
}
