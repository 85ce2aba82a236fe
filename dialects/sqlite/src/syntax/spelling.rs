//! Expressions as SQLite writes and reads them.

use super::SqliteSyntax;
use dbferry_dialect::expression::{Expression, Function, Grammar, Pattern, Spelling};
use dbferry_dialect::{Collection, LogicalType, Syntax};

/// How SQLite writes expressions. Its texts are the user's own.
pub(super) const GRAMMAR: Grammar =
    Grammar { backticks: true, brackets: true, like_ignores_case: true, any_case: true, ..Grammar::STANDARD };

/// Expressions over the columns of a collection as it is made here.
pub(super) struct SqliteSpelling<'a>(pub(super) &'a Collection);

impl SqliteSpelling<'_> {
    fn logical(&self, column: &str) -> Option<&LogicalType> {
        self.0.column(column).map(|(_, column)| &column.logical)
    }

    /// Decimals are kept as texts.
    fn is_decimal(&self, column: &str) -> bool {
        matches!(self.logical(column), Some(LogicalType::Decimal { .. } | LogicalType::Numeric))
    }

    /// The digits of a second that a timestamp's text has.
    fn digits(&self, expression: &Expression) -> Option<u8> {
        let Expression::Column(name) = expression else { return None };
        match self.logical(name) {
            Some(LogicalType::Timestamp { precision }) => Some(*precision),
            _ => None,
        }
    }
}

impl Spelling for SqliteSpelling<'_> {
    fn column(&self, name: &str) -> Option<String> {
        let bare = self.bare_column(name)?;
        Some(if self.is_decimal(name) { format!("CAST({bare} AS NUMERIC)") } else { bare })
    }

    fn bare_column(&self, name: &str) -> Option<String> {
        // A quoted name that no column has would be taken for a text.
        self.logical(name).map(|_| SqliteSyntax.quote_identifier(name))
    }

    fn text(&self, text: &str) -> Option<String> {
        (!text.contains('\0')).then(|| SqliteSyntax.quote_text(text))
    }

    fn truth(&self, value: bool) -> &'static str {
        if value { "1" } else { "0" }
    }

    fn call(&self, function: Function, arguments: &[String]) -> Option<String> {
        let (first, second) = (arguments.first()?, arguments.get(1));
        Some(match (function, second) {
            (Function::Length, None) => format!("length({first})"),
            (Function::ByteLength, None) => format!("length(CAST({first} AS BLOB))"),
            (Function::Lower, None) => format!("lower({first})"),
            (Function::Upper, None) => format!("upper({first})"),
            (Function::Trim, None) => format!("trim({first})"),
            (Function::TrimStart, None) => format!("ltrim({first})"),
            (Function::TrimEnd, None) => format!("rtrim({first})"),
            (Function::Left, Some(length)) => format!("substr({first}, 1, {length})"),
            (Function::Absolute, None) => format!("abs({first})"),
            (Function::Coalesce, Some(_)) => format!("coalesce({})", arguments.join(", ")),
            (Function::IsJson, None) => format!("json_valid({first})"),
            _ => return None,
        })
    }

    /// `LIKE` takes upper and lower case for the same here, `GLOB` does not.
    fn like(&self, operand: &str, pattern: &Pattern, negated: bool) -> Option<String> {
        let not = if negated { "NOT " } else { "" };
        Some(format!("{operand} {not}GLOB {}", self.text(&pattern.to_glob())?))
    }

    /// Timestamps are texts, which are in the order of time where they have equally many digits.
    fn compares(&self, left: &Expression, right: &Expression) -> bool {
        match (self.digits(left), self.digits(right)) {
            (Some(left), Some(right)) => left == right,
            (Some(digits), None) | (None, Some(digits)) => digits == 0,
            (None, None) => true,
        }
    }

    /// As floats they would not be exact.
    fn computes_with(&self, column: &str) -> bool {
        !self.is_decimal(column)
    }
}
