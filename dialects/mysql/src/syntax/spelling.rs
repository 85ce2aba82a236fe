//! Expressions as MySQL and MariaDB write and read them.

use crate::MySqlSyntax;
use dbferry_dialect::expression::{Expression, Function, Grammar, Spelling};
use dbferry_dialect::model::ReferentialAction;
use dbferry_dialect::{Collection, LogicalType, Syntax};

/// How `SHOW CREATE TABLE` prints expressions.
pub(super) const GRAMMAR: Grammar = Grammar {
    backslashes: true,
    double_quoted_texts: true,
    backticks: true,
    bars_are_or: true,
    length_is_bytes: true,
    like_escapes: true,
    any_case: true,
    ..Grammar::STANDARD
};

/// Expressions over the columns of a collection as it is made here.
pub(super) struct MySqlSpelling<'a>(pub(super) &'a Collection);

impl Spelling for MySqlSpelling<'_> {
    /// No expression may name a column that numbers itself, or one that a foreign key changes.
    fn column(&self, name: &str) -> Option<String> {
        let (_, column) = self.0.column(name)?;
        let changes =
            |action: ReferentialAction| !matches!(action, ReferentialAction::NoAction | ReferentialAction::Restrict);
        let is_changed = self.0.foreign_keys.iter().any(|key| {
            let nulls = key.on_delete == ReferentialAction::SetNull || key.on_delete == ReferentialAction::SetDefault;
            key.columns.iter().any(|own| own == name) && (changes(key.on_update) || nulls)
        });
        // What is kept as a text is not ordered as a number.
        let is_usable = column.identity.is_none() && !is_changed && column.logical != LogicalType::Numeric;
        is_usable.then(|| MySqlSyntax.quote_identifier(name))
    }

    fn text(&self, text: &str) -> Option<String> {
        (!text.contains('\0')).then(|| MySqlSyntax.quote_text(text))
    }

    fn call(&self, function: Function, arguments: &[String]) -> Option<String> {
        let (first, second) = (arguments.first()?, arguments.get(1));
        Some(match (function, second) {
            (Function::Length, None) => format!("char_length({first})"),
            (Function::ByteLength, None) => format!("length({first})"),
            (Function::Lower, None) => format!("lower({first})"),
            (Function::Upper, None) => format!("upper({first})"),
            (Function::Trim, None) => format!("trim({first})"),
            (Function::TrimStart, None) => format!("ltrim({first})"),
            (Function::TrimEnd, None) => format!("rtrim({first})"),
            (Function::Left, Some(length)) => format!("left({first}, {length})"),
            (Function::Absolute, None) => format!("abs({first})"),
            (Function::Coalesce, Some(_)) => format!("coalesce({})", arguments.join(", ")),
            (Function::IsJson, None) => format!("json_valid({first})"),
            _ => return None,
        })
    }
}

/// The column and the length, of an expression that is the beginning of a column: the family has that as a part of a key.
pub(crate) fn prefix(meaning: &Expression) -> Option<(&str, u64)> {
    let Expression::Call { function: Function::Left, arguments } = meaning else { return None };
    match arguments.as_slice() {
        [Expression::Column(name), Expression::Literal(dbferry_dialect::expression::Literal::Number(length))] => {
            Some((name, length.parse().ok()?))
        }
        _ => None,
    }
}
