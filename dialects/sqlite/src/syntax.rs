//! How SQLite spells SQL: names, types, tables and indexes built from the model alone.
//!
//! A model may come from an archive that is not trusted, so nothing of its text becomes SQL unless it is a quoted name, a
//! quoted literal, or has exactly the shape that is expected of it.

mod crossing;
mod defaults;
mod spelling;

use crate::introspect::{AUTOINCREMENT, WITHOUT_ROWID};
use crate::types::{AFFINITY, Affinity, declared_type, spelled, stores_alike};
use dbferry_dialect::expression::{self, Expression};
use dbferry_dialect::model::{
    Check, ColumnRole, DefaultMeaning, Deferral, ForeignKey, Identity, Index, IndexSubject, NativeType,
};
use dbferry_dialect::nested::Nested;
use dbferry_dialect::{
    Candidate, Collection, CollectionName, Column, Domain, Exception, LogicalType, NativeMapping, Syntax,
};

pub(crate) use defaults::{INSTANT_NOW, RANDOM_UUID};

/// SQLite's SQL.
#[derive(Clone, Copy, Debug, Default)]
pub struct SqliteSyntax;

const YEARS: &str = "years outside 0000 to 9999 get a sign, which SQLite's own date functions do not read";

const UNREAD: &str =
    "kept as its text, which is not read back as the value that it was: the proof leaves the column out";

impl Syntax for SqliteSyntax {
    fn native_type(&self, logical: &LogicalType) -> NativeMapping {
        if let Some(declared) = spelled::declared(logical) {
            return match logical {
                LogicalType::Instant { .. } => NativeMapping::checked(declared, YEARS),
                _ => NativeMapping::exact(declared),
            };
        }
        match logical {
            LogicalType::Bool => NativeMapping::exact("BOOLEAN"),
            LogicalType::Int { bits: 64, signed: false } => {
                NativeMapping::checked("INTEGER", "numbers above 9223372036854775807 do not fit")
            }
            LogicalType::Int { .. } | LogicalType::Year => NativeMapping::exact("INTEGER"),
            LogicalType::Float { .. } => {
                NativeMapping::checked("REAL", "SQLite has no NaN, and its REAL columns no negative zero")
            }
            LogicalType::Text { max_chars: Some(length), .. } => NativeMapping::exact(format!("VARCHAR({length})")),
            LogicalType::Bytes { .. } | LogicalType::Geometry { .. } => NativeMapping::exact("BLOB"),
            LogicalType::Opaque { form: dbferry_dialect::logical::OpaqueForm::Binary, .. } => {
                NativeMapping::exact("BLOB")
            }
            LogicalType::Date => NativeMapping::checked("DATE", YEARS),
            LogicalType::Timestamp { .. } => NativeMapping::checked("DATETIME", YEARS),
            LogicalType::Uuid => NativeMapping::exact("UUID"),
            // A column without a type keeps every value as it is.
            LogicalType::Dynamic => NativeMapping::exact(""),
            LogicalType::Text { .. }
            | LogicalType::Enum { .. }
            | LogicalType::Bits { .. }
            | LogicalType::Opaque { .. } => NativeMapping::exact("TEXT"),
            LogicalType::TimeTz { .. } | LogicalType::Interval => NativeMapping::exact("TEXT"),
            nested if Nested::new(nested).is_some() => NativeMapping::exact("TEXT"),
            LogicalType::List { .. } | LogicalType::Struct { .. } | LogicalType::Range { .. } => {
                NativeMapping::checked("TEXT", UNREAD)
            }
            // A type that this version does not know.
            _ => NativeMapping::lossy("TEXT", "this logical type has no form in SQLite yet"),
        }
    }

    fn declared_type(&self, native: &NativeType) -> Option<LogicalType> {
        Some(declared_type(&native.text))
    }

    fn stores_alike(&self, source: &NativeType, target: &NativeType) -> Option<bool> {
        Some(stores_alike(&source.text, &target.text))
    }

    fn candidates(&self, column: &Column) -> Vec<Candidate> {
        crossing::candidates(column)
    }

    fn keeps_exception(&self, logical: &LogicalType, exception: &Exception) -> bool {
        crossing::keeps_exception(logical, exception)
    }

    fn domain(&self, logical: &LogicalType) -> Domain {
        crossing::domain(logical)
    }

    fn create_table(&self, name: &CollectionName, collection: &Collection) -> String {
        let key = collection.primary_key.as_ref().map(|key| key.columns.as_slice()).unwrap_or_default();
        let without_rowid = is_set(collection, WITHOUT_ROWID);
        let mut parts = Vec::new();
        let mut key_is_inline = false;
        for column in collection.columns.iter().filter(|column| column.role == ColumnRole::Data) {
            let mut part = self.quote_identifier(&column.name);
            let mut native = declared(self, column);
            // Only a key that the source numbers becomes the rowid, where a null means "the next number".
            let is_only_key = !without_rowid && key == [column.name.as_str()];
            let numbered = is_numbered(self, collection, key, column);
            if !numbered
                && is_only_key
                && column.native.parameters.contains_key(AFFINITY)
                && native.eq_ignore_ascii_case("INTEGER")
            {
                // It was no rowid where it came from (`INTEGER PRIMARY KEY DESC`), and may hold nulls and texts.
                native = "INT".to_owned();
            }
            if numbered {
                key_is_inline = true;
                part.push_str(" INTEGER PRIMARY KEY");
                let never_again = matches!(column.identity, Some(Identity::ByDefault | Identity::Always));
                if never_again || is_set(collection, AUTOINCREMENT) {
                    part.push_str(" AUTOINCREMENT");
                }
            } else if !native.is_empty() {
                part.push(' ');
                part.push_str(&native);
            }
            if !column.nullable && !numbered {
                part.push_str(" NOT NULL");
            }
            if let Some(collation) = column.collation.as_deref().and_then(builtin_collation) {
                part.push_str(" COLLATE ");
                part.push_str(collation);
            }
            if let Some(default) = defaults::default_of(column) {
                part.push_str(" DEFAULT ");
                part.push_str(&default);
            }
            parts.push(part);
        }
        if !key_is_inline && !key.is_empty() {
            parts.push(format!("PRIMARY KEY ({})", self.names(key)));
        }
        for key in collection.unique_keys.iter().filter(|key| !key.columns.is_empty()) {
            parts.push(format!("UNIQUE ({})", self.names(&key.columns)));
        }
        parts.extend(collection.foreign_keys.iter().map(|key| self.foreign_key(key)));
        parts.extend(collection.checks.iter().filter_map(|check| self.check(collection, check)));
        format!(
            "CREATE TABLE {} (\n  {}\n){}",
            self.qualified(name),
            parts.join(",\n  "),
            if without_rowid && !key.is_empty() { " WITHOUT ROWID" } else { "" }
        )
    }

    fn default_value(&self, meaning: &DefaultMeaning) -> String {
        defaults::literal(meaning).unwrap_or_else(|| "NULL".to_owned())
    }

    fn column_default(&self, _collection: &Collection, column: &Column) -> Option<String> {
        defaults::default_of(column)
    }

    fn numbers(&self, collection: &Collection, column: &Column) -> bool {
        let key = collection.primary_key.as_ref().map(|key| key.columns.as_slice()).unwrap_or_default();
        is_numbered(self, collection, key, column)
    }

    fn read_expression(&self, collection: &Collection, text: &str) -> Option<Expression> {
        let columns: Vec<&str> = collection.columns.iter().map(|column| column.name.as_str()).collect();
        expression::read(text, &spelling::GRAMMAR, &columns)
    }

    fn expression(&self, collection: &Collection, expression: &Expression) -> Option<String> {
        expression::spell(expression, &spelling::SqliteSpelling(collection))
    }

    fn ignores_case(&self, _collection: &Collection, column: &Column) -> bool {
        column.collation.as_deref().is_some_and(|collation| collation.eq_ignore_ascii_case("NOCASE"))
    }

    /// SQLite names the namespace with the index and not with the table.
    fn create_index(&self, table: &CollectionName, collection: &Collection, index: &Index) -> Option<String> {
        let mut parts = Vec::with_capacity(index.parts.len());
        for part in &index.parts {
            let subject = match (&part.subject, &part.meaning) {
                (IndexSubject::Column(column), _) => self.quote_identifier(column),
                (IndexSubject::Expression(_), Some(meaning)) => self.expression(collection, meaning)?,
                (IndexSubject::Expression(_), None) => return None,
            };
            let collation = part.collation.as_deref().and_then(builtin_collation);
            parts.push(format!(
                "{}{}{}",
                subject,
                collation.map(|collation| format!(" COLLATE {collation}")).unwrap_or_default(),
                if part.descending { " DESC" } else { "" }
            ));
        }
        Some(format!(
            "CREATE {}INDEX {}.{} ON {} ({}){}",
            if index.unique { "UNIQUE " } else { "" },
            self.quote_identifier(&table.namespace),
            self.quote_identifier(&index.name),
            self.quote_identifier(&table.name),
            parts.join(", "),
            self.index_condition(collection, index)?
        ))
    }
}

impl SqliteSyntax {
    /// A check that is understood.
    fn check(self, collection: &Collection, check: &Check) -> Option<String> {
        let condition = self.expression(collection, check.meaning.as_ref()?)?;
        let name = check.name.as_ref().map(|name| format!("CONSTRAINT {} ", self.quote_identifier(name)));
        Some(format!("{}CHECK ({condition})", name.unwrap_or_default()))
    }

    fn names(self, columns: &[String]) -> String {
        columns.iter().map(|column| self.quote_identifier(column)).collect::<Vec<_>>().join(", ")
    }

    fn foreign_key(self, key: &ForeignKey) -> String {
        // A foreign key never leaves its database, so its table has no namespace.
        let mut text = format!(
            "FOREIGN KEY ({}) REFERENCES {}",
            self.names(&key.columns),
            self.quote_identifier(&key.references.name)
        );
        if !key.referenced_columns.is_empty() {
            text.push_str(&format!(" ({})", self.names(&key.referenced_columns)));
        }
        for (event, action) in [("DELETE", key.on_delete), ("UPDATE", key.on_update)] {
            text.push_str(&format!(" ON {event} {}", self.referential_action(action)));
        }
        text.push_str(match key.deferred {
            Deferral::Immediate => "",
            Deferral::Deferrable => " DEFERRABLE",
            Deferral::Deferred => " DEFERRABLE INITIALLY DEFERRED",
        });
        text
    }
}

/// Whether a column is the rowid: only the whole key of a table that has one.
fn is_numbered(syntax: &SqliteSyntax, collection: &Collection, key: &[String], column: &Column) -> bool {
    !is_set(collection, WITHOUT_ROWID)
        && key == [column.name.as_str()]
        && column.identity.is_some()
        && Affinity::of(&declared(syntax, column)) == Affinity::Integer
}

fn is_set(collection: &Collection, attribute: &str) -> bool {
    collection.attributes.get(attribute).is_some_and(|value| value == "true")
}

/// The declared type. A column that was read from SQLite must have its affinity again, or its values would be stored
/// differently; its own spelling is used if that is nothing but words and numbers.
fn declared(syntax: &SqliteSyntax, column: &Column) -> String {
    if let Some(imposed) = &column.native.imposed {
        return imposed.clone();
    }
    let Some(affinity) = column.native.parameters.get(AFFINITY) else {
        return syntax.native_type(&column.logical).text;
    };
    let text = column.native.text.as_str();
    if is_plain_type(text) && Affinity::of(text).as_str() == affinity {
        return text.to_owned();
    }
    match affinity.as_str() {
        "integer" => "INT",
        "text" => "TEXT",
        "real" => "REAL",
        "numeric" => "NUMERIC",
        _ => "BLOB",
    }
    .to_owned()
}

/// Words, and perhaps one or two numbers in parentheses: `DOUBLE PRECISION`, `VARCHAR(40)`. No word may be one that begins
/// a constraint.
fn is_plain_type(text: &str) -> bool {
    const CONSTRAINTS: [&str; 11] = [
        "AS",
        "CHECK",
        "COLLATE",
        "CONSTRAINT",
        "DEFAULT",
        "FOREIGN",
        "GENERATED",
        "NOT",
        "PRIMARY",
        "REFERENCES",
        "UNIQUE",
    ];
    let (words, arguments) = text.split_once('(').map_or((text, None), |(words, rest)| (words, Some(rest)));
    let words_are_plain = words.split(' ').filter(|word| !word.is_empty()).all(|word| {
        word.starts_with(|c: char| c.is_ascii_alphabetic())
            && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            && !CONSTRAINTS.iter().any(|constraint| word.eq_ignore_ascii_case(constraint))
            && !word.eq_ignore_ascii_case("NULL")
    });
    let arguments_are_plain = arguments.is_none_or(|rest| {
        rest.strip_suffix(')').is_some_and(|inside| {
            inside.split(',').count() <= 2
                && inside
                    .split(',')
                    .map(str::trim)
                    .all(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
        })
    });
    words_are_plain && arguments_are_plain && (arguments.is_none() || !words.trim().is_empty())
}

/// The collations that every SQLite has.
fn builtin_collation(name: &str) -> Option<&'static str> {
    ["BINARY", "NOCASE", "RTRIM"].into_iter().find(|known| known.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests;
