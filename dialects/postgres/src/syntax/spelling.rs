//! Expressions as PostgreSQL writes and reads them.

use super::PostgresSyntax;
use dbferry_dialect::expression::{Function, Grammar, Spelling};
use dbferry_dialect::{Collection, Syntax};

/// How `pg_get_expr` prints expressions: names as they are, quoted where they must be.
pub(super) const GRAMMAR: Grammar = Grammar { escape_texts: true, like_escapes: true, ..Grammar::STANDARD };

/// Expressions over the columns of a collection as it is made here.
pub(super) struct PostgresSpelling<'a>(pub(super) &'a Collection);

impl Spelling for PostgresSpelling<'_> {
    fn column(&self, name: &str) -> Option<String> {
        self.0.column(name).map(|_| PostgresSyntax.quote_identifier(name))
    }

    fn text(&self, text: &str) -> Option<String> {
        (!text.contains('\0')).then(|| PostgresSyntax.quote_text(text))
    }

    fn call(&self, function: Function, arguments: &[String]) -> Option<String> {
        let (first, second) = (arguments.first()?, arguments.get(1));
        Some(match (function, second) {
            (Function::Length, None) => format!("length({first})"),
            (Function::ByteLength, None) => format!("octet_length({first})"),
            (Function::Lower, None) => format!("lower({first})"),
            (Function::Upper, None) => format!("upper({first})"),
            (Function::Trim, None) => format!("btrim({first})"),
            (Function::TrimStart, None) => format!("ltrim({first})"),
            (Function::TrimEnd, None) => format!("rtrim({first})"),
            (Function::Left, Some(length)) => format!("\"left\"({first}, {length})"),
            (Function::Absolute, None) => format!("abs({first})"),
            (Function::Coalesce, Some(_)) => format!("COALESCE({})", arguments.join(", ")),
            // The type says it.
            _ => return None,
        })
    }
}
