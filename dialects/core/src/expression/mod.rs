//! Expressions that every dialect understands: conditions of checks and partial indexes, and what an index is over.
//!
//! ```text
//! text of the source's -> Syntax::read_expression -> Expression -> typed -> Expression -> Syntax::expression -> text of the target's
//! ```
//!
//! A text of another engine never becomes SQL. It is read into this small model, whose words mean the same everywhere, checked
//! against the types that the columns have in the target, and spelled anew. Whatever the model has no word for is not
//! understood, and then it is not carried: that is told by name. So it has no division (whole or not differs), no order of
//! texts (collations differ), no current time, no other function than those of [`Function`]. What it is not: a way to compute
//! anything, and no full grammar of any engine.

mod lex;
mod pattern;
mod read;
mod spell;
mod typed;

pub use pattern::{Pattern, PatternPart};
pub use read::{Grammar, read};
pub use spell::{Spelling, spell};
pub use typed::{ColumnKinds, condition, index_key};

/// An expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expression {
    /// A column of the table, by its name.
    Column(String),
    /// A value.
    Literal(Literal),
    /// Conditions of which one must hold. Many of them are no deeper than two.
    Any(Vec<Expression>),
    /// Conditions that must all hold.
    All(Vec<Expression>),
    /// The contrary of a condition.
    Not(Box<Expression>),
    /// A number with the other sign.
    Negative(Box<Expression>),
    /// Two operands.
    Binary {
        /// The first.
        left: Box<Expression>,
        /// What is done with them.
        operator: Operator,
        /// The second.
        right: Box<Expression>,
    },
    /// `IS NULL`, `IS NOT NULL`.
    IsNull {
        /// What is looked at.
        operand: Box<Expression>,
        /// Whether it must not be null.
        negated: bool,
    },
    /// `IN (...)`, `NOT IN (...)`.
    In {
        /// What is looked for.
        operand: Box<Expression>,
        /// Where.
        list: Vec<Expression>,
        /// Whether it must not be there.
        negated: bool,
    },
    /// `BETWEEN low AND high`, both included.
    Between {
        /// What is looked at.
        operand: Box<Expression>,
        /// The least that it may be.
        low: Box<Expression>,
        /// The most that it may be.
        high: Box<Expression>,
        /// Whether it must be outside.
        negated: bool,
    },
    /// `LIKE`, in which upper and lower case differ.
    Like {
        /// The text.
        operand: Box<Expression>,
        /// What it must look like.
        pattern: Pattern,
        /// Whether it must not look so.
        negated: bool,
    },
    /// A function.
    Call {
        /// Which.
        function: Function,
        /// Of what.
        arguments: Vec<Expression>,
    },
    /// A value as one of another type. Only casts that change nothing are understood, so [`condition`] takes all of them out.
    Cast {
        /// The value.
        operand: Box<Expression>,
        /// As what.
        to: CastTo,
    },
}

/// A value that is written out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Literal {
    /// `NULL`.
    Null,
    /// A truth value.
    Bool(bool),
    /// A number: digits, perhaps with a sign, a point and an exponent.
    Number(String),
    /// A text, a day or a timestamp.
    Text(String),
}

/// What is done with two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // Their names say it.
pub enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Plus,
    Minus,
    Times,
    /// What is left of a division of whole numbers; its sign is that of the first operand.
    Remainder,
}

/// Functions that mean the same everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    /// The number of characters of a text.
    Length,
    /// The number of bytes of a text in UTF-8.
    ByteLength,
    /// A text in lower case.
    Lower,
    /// A text in upper case.
    Upper,
    /// A text without blanks at its ends.
    Trim,
    /// A text without blanks at its beginning.
    TrimStart,
    /// A text without blanks at its end.
    TrimEnd,
    /// The first characters of a text; how many is the second argument.
    Left,
    /// A number without its sign.
    Absolute,
    /// The first of its arguments that is not null.
    Coalesce,
    /// Whether a text is JSON.
    IsJson,
}

/// What a cast asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CastTo {
    /// A text of any length.
    Text,
    /// A whole number.
    Integer,
    /// Any number.
    Number,
    /// A truth value.
    Bool,
    /// A day.
    Date,
    /// A timestamp without a time zone.
    Timestamp,
    /// A type that is not known here: its values are known by their texts.
    Other,
}

impl Expression {
    /// A column.
    pub fn column(name: impl Into<String>) -> Self {
        Self::Column(name.into())
    }

    /// A text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Literal(Literal::Text(text.into()))
    }

    /// A number that is known to be one.
    pub fn number(text: impl Into<String>) -> Self {
        Self::Literal(Literal::Number(text.into()))
    }

    /// Two operands.
    pub fn binary(left: Self, operator: Operator, right: Self) -> Self {
        Self::Binary { left: Box::new(left), operator, right: Box::new(right) }
    }

    /// A function.
    pub fn call(function: Function, arguments: Vec<Self>) -> Self {
        Self::Call { function, arguments }
    }

    /// `column IN ('a', 'b')`.
    pub fn one_of(column: impl Into<String>, texts: impl IntoIterator<Item = String>) -> Self {
        let list = texts.into_iter().map(Self::text).collect();
        Self::In { operand: Box::new(Self::column(column)), list, negated: false }
    }

    /// The same with other names for its columns.
    #[must_use]
    pub fn renamed(mut self, rename: &dyn Fn(&str) -> String) -> Self {
        self.each_column(&mut |name| *name = rename(name));
        self
    }

    /// The columns that it names, each as often as it does.
    pub fn columns(&self) -> Vec<String> {
        let mut names = Vec::new();
        // Only names are looked at.
        self.clone().each_column(&mut |name| names.push(name.clone()));
        names
    }

    fn each_column(&mut self, change: &mut dyn FnMut(&mut String)) {
        match self {
            Self::Column(name) => change(name),
            Self::Literal(_) => {}
            Self::Not(operand)
            | Self::Negative(operand)
            | Self::IsNull { operand, .. }
            | Self::Like { operand, .. }
            | Self::Cast { operand, .. } => operand.each_column(change),
            Self::Binary { left, right, .. } => {
                left.each_column(change);
                right.each_column(change);
            }
            Self::In { operand, list, .. } => {
                operand.each_column(change);
                list.iter_mut().for_each(|one| one.each_column(change));
            }
            Self::Between { operand, low, high, .. } => {
                [operand, low, high].into_iter().for_each(|one| one.each_column(change));
            }
            Self::Any(all) | Self::All(all) | Self::Call { arguments: all, .. } => {
                all.iter_mut().for_each(|one| one.each_column(change));
            }
        }
    }
}

/// A decimal number, perhaps with a sign, a point and an exponent.
pub fn is_number(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['-', '+']).unwrap_or(exponent))),
        None => (unsigned, None),
    };
    let is_plain = match mantissa.split_once('.') {
        Some((whole, fraction)) => digits(whole) && digits(fraction),
        None => digits(mantissa),
    };
    is_plain && exponent.is_none_or(digits)
}

#[cfg(test)]
mod tests;
