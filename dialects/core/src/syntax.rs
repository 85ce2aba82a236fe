//! SQL text. Everything here is pure: no connection, so it is tested in microseconds.
//!
//! The defaults are standard SQL; a dialect overrides what is peculiar to it. This trait is the one place that builds SQL
//! from names and values, and [`Syntax::quote_identifier`] the one place that quotes a name.

use crate::crossing::{Candidate, Domain, Part, Unspoken};
use crate::exception::{Exception, NativeValue};
use crate::expression::Expression;
use crate::fidelity::{Fidelity, NativeMapping};
use crate::logical::LogicalType;
use crate::model::{
    Collection, CollectionName, Column, Counter, DefaultMeaning, Index, IndexSubject, NativeObject, NativeType,
    ReferentialAction,
};
use std::fmt::Debug;

/// How one dialect spells SQL.
pub trait Syntax: Debug + Send + Sync {
    /// Quotes a name so that it stands for itself whatever it contains.
    fn quote_identifier(&self, name: &str) -> String {
        format!("\"{}\"", name.replace('"', "\"\""))
    }

    /// Quotes a text as a literal.
    fn quote_text(&self, text: &str) -> String {
        format!("'{}'", text.replace('\'', "''"))
    }

    /// A collection's full name, quoted.
    fn qualified(&self, name: &CollectionName) -> String {
        format!("{}.{}", self.quote_identifier(&name.namespace), self.quote_identifier(&name.name))
    }

    /// The native type that holds `logical`, and how faithfully.
    fn native_type(&self, logical: &LogicalType) -> NativeMapping;

    /// The native type of one column of a collection of another dialect, where the type also depends on what the column is for
    /// (MySQL's keys need a bound), and how faithfully it holds the values. What [`create_table`](Self::create_table) gives it.
    fn column_type(&self, collection: &Collection, column: &Column) -> NativeMapping {
        let _ = collection;
        imposed(column).unwrap_or_else(|| self.native_type(&column.logical))
    }

    /// The logical type that a declared type asks for by itself. Only a dialect that also looks at values to choose the logical
    /// types of a snapshot answers: a plan compares two of its columns by their declarations. `None` means that the column's
    /// own logical type is the declared one.
    fn declared_type(&self, _native: &NativeType) -> Option<LogicalType> {
        None
    }

    /// Whether a column declared as `target` stores every value of one declared as `source` just as that one does. Only a
    /// dialect in which a declared type is a hint answers; `None` means that the logical types say all.
    fn stores_alike(&self, _source: &NativeType, _target: &NativeType) -> Option<bool> {
        None
    }

    /// The `CREATE TABLE` statement for a collection of *another* dialect, or of an archive that is not trusted: built
    /// from the model alone, with understood defaults only, without indexes and foreign keys unless the engine can only
    /// declare them here ([`Capabilities::adds_foreign_keys`](crate::capabilities::Capabilities::adds_foreign_keys)).
    ///
    /// `name` is the target's name. Columns of role [`RowIdentity`](crate::model::ColumnRole::RowIdentity) are left out.
    fn create_table(&self, name: &CollectionName, collection: &Collection) -> String;

    /// The literal or function for an understood default.
    fn default_value(&self, meaning: &DefaultMeaning) -> String {
        match meaning {
            DefaultMeaning::Null => "NULL".into(),
            DefaultMeaning::Bool(value) => if *value { "TRUE" } else { "FALSE" }.into(),
            DefaultMeaning::Number(text) => text.clone(),
            DefaultMeaning::Text(text) => self.quote_text(text),
            DefaultMeaning::Bytes(hex) => format!("X'{hex}'"),
            DefaultMeaning::CurrentDate => "CURRENT_DATE".into(),
            DefaultMeaning::CurrentTime => "CURRENT_TIME".into(),
            DefaultMeaning::CurrentTimestamp => "CURRENT_TIMESTAMP".into(),
            DefaultMeaning::RandomUuid => "NULL".into(),
        }
    }

    /// The default that [`create_table`](Self::create_table) gives a column; `None` when it gives none, since the default is
    /// not understood or is no value of the column's type.
    fn column_default(&self, _collection: &Collection, column: &Column) -> Option<String> {
        Some(self.default_value(column.default.as_ref()?.meaning.as_ref()?))
    }

    /// Whether [`create_table`](Self::create_table) makes a column of a table of another dialect number itself.
    fn numbers(&self, _collection: &Collection, column: &Column) -> bool {
        column.identity.is_some()
    }

    /// The sequence whose next number is the default of a column of this dialect, by its place among those objects, and where it
    /// stands. Not for sequences that belong to their column, which is numbered then.
    fn numbered_by(&self, _column: &Column, _objects: &[&NativeObject]) -> Option<(usize, Option<Counter>)> {
        None
    }

    /// What a part of a table of this dialect says that the model has no word for.
    fn unspoken(&self, _part: Part<'_>) -> Vec<Unspoken> {
        Vec::new()
    }

    /// An expression of this dialect, which an archive has as text, in words that every dialect shares. `None` when it says
    /// anything that these have not: then it stays in its own dialect.
    fn read_expression(&self, _collection: &Collection, _text: &str) -> Option<Expression> {
        None
    }

    /// An expression over the columns of `collection`, as it is made here, in this dialect's words. `None` when it cannot be
    /// said in them, or not of columns of those types.
    fn expression(&self, _collection: &Collection, _expression: &Expression) -> Option<String> {
        None
    }

    /// Whether comparisons of a column of this dialect take upper and lower case for the same.
    fn ignores_case(&self, _collection: &Collection, _column: &Column) -> bool {
        false
    }

    /// The `CREATE INDEX` statement, built from the model; `None` when it has a part that cannot be carried over (an
    /// expression or a condition of another dialect that is not understood).
    fn create_index(&self, table: &CollectionName, collection: &Collection, index: &Index) -> Option<String> {
        let mut parts = Vec::with_capacity(index.parts.len());
        for part in &index.parts {
            let subject = match (&part.subject, &part.meaning) {
                (IndexSubject::Column(column), _) => self.quote_identifier(column),
                (IndexSubject::Expression(_), Some(meaning)) => format!("({})", self.expression(collection, meaning)?),
                (IndexSubject::Expression(_), None) => return None,
            };
            parts.push(format!("{subject}{}", if part.descending { " DESC" } else { "" }));
        }
        Some(format!(
            "CREATE {}INDEX {} ON {} ({}){}",
            if index.unique { "UNIQUE " } else { "" },
            self.quote_identifier(&index.name),
            self.qualified(table),
            parts.join(", "),
            self.index_condition(collection, index)?
        ))
    }

    /// The condition of a partial index, as it follows the parts; empty for others, `None` when it is not understood.
    fn index_condition(&self, collection: &Collection, index: &Index) -> Option<String> {
        match (&index.predicate, &index.condition) {
            (None, _) => Some(String::new()),
            (Some(_), Some(condition)) => Some(format!(" WHERE {}", self.expression(collection, condition)?)),
            (Some(_), None) => None,
        }
    }

    /// The condition that a column of whole numbers lies between `first` and `last`, both included, for
    /// [`ReadRequest::predicate`](crate::contract::ReadRequest::predicate). `None` from a dialect that evaluates no
    /// conditions.
    fn key_range(&self, column: &str, first: i64, last: i64) -> Option<String> {
        let column = self.quote_identifier(column);
        // The least 64-bit number is no literal in some engines, as its digits without the sign are too large.
        let from = if first == i64::MIN { String::new() } else { format!("{column} >= {first} AND ") };
        Some(format!("{from}{column} <= {last}"))
    }

    /// The keyword of a referential action.
    fn referential_action(&self, action: ReferentialAction) -> &'static str {
        match action {
            ReferentialAction::NoAction => "NO ACTION",
            ReferentialAction::Restrict => "RESTRICT",
            ReferentialAction::Cascade => "CASCADE",
            ReferentialAction::SetNull => "SET NULL",
            ReferentialAction::SetDefault => "SET DEFAULT",
        }
    }

    /// The types that a column of this dialect may turn out to have once all of its values are known, the preferred one first:
    /// what its declaration suggests and does not promise. Asked when the column goes to another dialect.
    fn candidates(&self, _column: &Column) -> Vec<Candidate> {
        Vec::new()
    }

    /// An [exception](crate::exception) of this dialect as the engine shows the value: `NaN`, `-infinity`, `0000-00-00`. `None`
    /// where its bytes mean nothing outside of the engine.
    fn exception_text(&self, _logical: &LogicalType, exception: &Exception) -> Option<String> {
        match &exception.value {
            NativeValue::Integer(value) => Some(value.to_string()),
            NativeValue::Real(value) => Some(format!("{value:?}")),
            NativeValue::Text(text) => Some(text.clone()),
            NativeValue::TextBytes(_) | NativeValue::Bytes(_) => None,
        }
    }

    /// Whether a column that this dialect made for `logical` keeps an exception of another dialect as it is and gives it back
    /// so.
    fn keeps_exception(&self, _logical: &LogicalType, _exception: &Exception) -> bool {
        false
    }

    /// Which values of a logical type its [native type](Self::native_type) holds.
    fn domain(&self, _logical: &LogicalType) -> Domain {
        Domain::ALL
    }

    /// How faithfully `column` of a collection survives in this dialect when it comes from another one.
    fn column_fidelity(&self, column: &Column) -> Fidelity {
        self.native_type(&column.logical).fidelity
    }
}

/// The native type that the user of the run wants a column to have, whatever its logical type.
pub fn imposed(column: &Column) -> Option<NativeMapping> {
    let text = column.native.imposed.clone()?;
    Some(NativeMapping::checked(text, "the type is the rule's own, and the server decides which values it takes"))
}
