//! Whether an expression means with the target's columns what it meant with the source's.
//!
//! Engines without a type system of comparisons convert in silence, others refuse. So each comparison must be one of values of
//! a kind; literals become values of the kind of what they are compared with, and casts that then change nothing are taken out.

use super::{CastTo, Expression, Function, Literal, Operator, is_number};
use crate::logical::LogicalType;

/// What is known of the columns.
pub trait ColumnKinds {
    /// What the values of a column mean in the target; `None` when there is no such column, or its type is not known.
    fn logical(&self, column: &str) -> Option<&LogicalType>;

    /// Whether the source's comparisons of the column take upper and lower case for the same.
    fn ignores_case(&self, column: &str) -> bool;
}

/// Kinds of values that can be compared with each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Integer,
    Number,
    Text,
    Bool,
    Date,
    Timestamp,
    Null,
}

type Typed = Result<Value, String>;

/// An expression with its kind.
struct Value {
    expression: Expression,
    kind: Kind,
    /// Whether it is of a column whose comparisons ignore case.
    ignores_case: bool,
}

/// A condition over the target's columns.
///
/// # Errors
/// Why it cannot be one, in words that follow "because".
pub fn condition(expression: Expression, columns: &dyn ColumnKinds) -> Result<Expression, String> {
    as_condition(typed(expression, columns)?)
}

/// An expression that an index is over.
///
/// # Errors
/// Why it cannot be one, in words that follow "because".
pub fn index_key(expression: Expression, columns: &dyn ColumnKinds) -> Result<Expression, String> {
    typed(expression, columns).map(|value| value.expression)
}

fn as_condition(value: Value) -> Result<Expression, String> {
    match (value.kind, &value.expression) {
        (Kind::Bool, _) => Ok(value.expression),
        (Kind::Integer, Expression::Literal(Literal::Number(number))) if ["0", "1"].contains(&number.as_str()) => {
            Ok(Expression::Literal(Literal::Bool(number == "1")))
        }
        (Kind::Integer, _) => Ok(Expression::binary(value.expression, Operator::NotEqual, Expression::number("0"))),
        _ => Err("it takes something for a condition that is none".to_owned()),
    }
}

fn typed(expression: Expression, columns: &dyn ColumnKinds) -> Typed {
    let plain = |expression, kind| Ok(Value { expression, kind, ignores_case: false });
    match expression {
        Expression::Column(name) => {
            let kind = match columns.logical(&name) {
                Some(logical) => kind_of(logical)?,
                None => return Err(format!("the type of its column {name} is not known")),
            };
            let ignores_case = kind == Kind::Text && columns.ignores_case(&name);
            Ok(Value { expression: Expression::Column(name), kind, ignores_case })
        }
        Expression::Literal(literal) => {
            let kind = match &literal {
                Literal::Null => Kind::Null,
                Literal::Bool(_) => Kind::Bool,
                Literal::Number(number) if is_number(number) => number_kind(number),
                Literal::Number(_) => return Err("a number of it is none".to_owned()),
                Literal::Text(_) => Kind::Text,
            };
            plain(Expression::Literal(literal), kind)
        }
        Expression::Any(all) => plain(Expression::Any(conditions(all, columns)?), Kind::Bool),
        Expression::All(all) => plain(Expression::All(conditions(all, columns)?), Kind::Bool),
        Expression::Not(operand) => {
            let operand = as_condition(typed(*operand, columns)?)?;
            plain(Expression::Not(Box::new(operand)), Kind::Bool)
        }
        Expression::Negative(operand) => {
            let operand = typed(*operand, columns)?;
            let kind = numeric(&operand)?;
            plain(Expression::Negative(Box::new(operand.expression)), kind)
        }
        Expression::Binary { left, operator, right } => binary(*left, operator, *right, columns),
        Expression::IsNull { operand, negated } => {
            // Whatever its type is: a column is null or not.
            let operand = match *operand {
                Expression::Column(name) => Expression::Column(name),
                other => typed(other, columns)?.expression,
            };
            plain(Expression::IsNull { operand: Box::new(operand), negated }, Kind::Bool)
        }
        Expression::In { operand, list, negated } => {
            let mut operand = typed(*operand, columns)?;
            let mut members = Vec::with_capacity(list.len());
            for member in list {
                let member = typed(member, columns)?;
                let one;
                (operand, one) = alike(operand, member, Operator::Equal)?;
                members.push(one.expression);
            }
            let operand = Box::new(operand.expression);
            plain(Expression::In { operand, list: members, negated }, Kind::Bool)
        }
        Expression::Between { operand, low, high, negated } => {
            let operand = typed(*operand, columns)?;
            let (operand, low) = alike(operand, typed(*low, columns)?, Operator::LessOrEqual)?;
            let (operand, high) = alike(operand, typed(*high, columns)?, Operator::LessOrEqual)?;
            let [operand, low, high] = [operand, low, high].map(|value| Box::new(value.expression));
            plain(Expression::Between { operand, low, high, negated }, Kind::Bool)
        }
        Expression::Like { operand, pattern, negated } => {
            let operand = text(typed(*operand, columns)?)?;
            let (operand, pattern) = match operand.ignores_case {
                true => (in_lower_case(operand)?.expression, pattern.in_lower_case().ok_or(OTHER_LETTERS)?),
                false => (operand.expression, pattern),
            };
            plain(Expression::Like { operand: Box::new(operand), pattern, negated }, Kind::Bool)
        }
        Expression::Call { function, arguments } => call(function, arguments, columns),
        Expression::Cast { operand, to } => cast(typed(*operand, columns)?, to),
    }
}

fn conditions(all: Vec<Expression>, columns: &dyn ColumnKinds) -> Result<Vec<Expression>, String> {
    all.into_iter().map(|one| as_condition(typed(one, columns)?)).collect()
}

fn kind_of(logical: &LogicalType) -> Result<Kind, String> {
    Ok(match logical {
        LogicalType::Bool => Kind::Bool,
        LogicalType::Int { .. } | LogicalType::Year => Kind::Integer,
        LogicalType::Decimal { .. } | LogicalType::Numeric | LogicalType::Float { .. } => Kind::Number,
        LogicalType::Text { .. } | LogicalType::Enum { .. } => Kind::Text,
        LogicalType::Date => Kind::Date,
        LogicalType::Timestamp { .. } => Kind::Timestamp,
        other => return Err(format!("it is about values of the type {other}")),
    })
}

fn number_kind(number: &str) -> Kind {
    if number.contains(['.', 'e', 'E']) { Kind::Number } else { Kind::Integer }
}

fn binary(left: Expression, operator: Operator, right: Expression, columns: &dyn ColumnKinds) -> Typed {
    let (left, right) = (typed(left, columns)?, typed(right, columns)?);
    let (left, right, kind) = match operator {
        Operator::Plus | Operator::Minus | Operator::Times => {
            let kinds = [numeric(&left)?, numeric(&right)?];
            let kind = if kinds == [Kind::Integer; 2] { Kind::Integer } else { Kind::Number };
            (left.expression, right.expression, kind)
        }
        Operator::Remainder => {
            if [left.kind, right.kind] != [Kind::Integer; 2] {
                return Err("it divides numbers that are not whole".to_owned());
            }
            (left.expression, right.expression, Kind::Integer)
        }
        _ => {
            let (left, right) = alike(left, right, operator)?;
            (left.expression, right.expression, Kind::Bool)
        }
    };
    Ok(Value { expression: Expression::binary(left, operator, right), kind, ignores_case: false })
}

/// Both sides of a comparison as values of one kind.
fn alike(left: Value, right: Value, operator: Operator) -> Result<(Value, Value), String> {
    use Kind::{Bool, Date, Integer, Null, Number, Text, Timestamp};
    let ordered = !matches!(operator, Operator::Equal | Operator::NotEqual);
    match (left.kind, right.kind) {
        (Null, _) | (_, Null) => Err("it compares with null".to_owned()),
        (Integer | Number, Integer | Number) | (Date, Date) | (Timestamp, Timestamp) => Ok((left, right)),
        (Bool, Bool) | (Text, Text) if !ordered => {
            if !(left.ignores_case || right.ignores_case) {
                return Ok((left, right));
            }
            Ok((in_lower_case(left)?, in_lower_case(right)?))
        }
        (Text, Text) => Err("it orders texts, and each engine has an order of its own".to_owned()),
        (Bool, _) if !ordered => as_bool(right).map(|right| (left, right)),
        (_, Bool) if !ordered => as_bool(left).map(|left| (left, right)),
        (kind, Text) if is_literal(&right) => as_kind(&right, kind).map(|right| (left, right)),
        (Text, kind) if is_literal(&left) => as_kind(&left, kind).map(|left| (left, right)),
        _ => Err("it compares values of different types".to_owned()),
    }
}

fn is_literal(value: &Value) -> bool {
    matches!(value.expression, Expression::Literal(_))
}

/// A whole number as a truth value: the literals 0 and 1 are; of anything else it is asked whether it is not 0.
fn as_bool(value: Value) -> Typed {
    let is_truth = |text: &str| ["0", "1"].contains(&text);
    match &value.expression {
        Expression::Literal(Literal::Number(text) | Literal::Text(text)) if is_truth(text) => {
            let expression = Expression::Literal(Literal::Bool(text == "1"));
            Ok(Value { expression, kind: Kind::Bool, ..value })
        }
        Expression::Column(_) if value.kind == Kind::Integer => {
            let expression = Expression::binary(value.expression, Operator::NotEqual, Expression::number("0"));
            Ok(Value { expression, kind: Kind::Bool, ignores_case: false })
        }
        _ => Err("it compares truth values with others".to_owned()),
    }
}

/// A text that is written out, as a value of another kind.
fn as_kind(value: &Value, kind: Kind) -> Typed {
    let Expression::Literal(Literal::Text(text)) = &value.expression else {
        return Err("it compares values of different types".to_owned());
    };
    let text = match kind {
        Kind::Integer | Kind::Number if is_number(text.trim()) => {
            let number = text.trim().to_owned();
            return Ok(Value {
                kind: number_kind(&number),
                expression: Expression::number(number),
                ignores_case: false,
            });
        }
        Kind::Date if is_date(text) => text.clone(),
        Kind::Date => text.strip_suffix(" 00:00:00").filter(|day| is_date(day)).ok_or(NO_TIME)?.to_owned(),
        Kind::Timestamp if is_date(text) => format!("{text} 00:00:00"),
        Kind::Timestamp if is_timestamp(text) => text.clone(),
        Kind::Timestamp => return Err(NO_TIME.to_owned()),
        _ => return Err("it compares a text with something else".to_owned()),
    };
    Ok(Value { expression: Expression::text(text), kind, ignores_case: false })
}

const NO_TIME: &str = "a day or a time of it is not written as 2020-12-31 or 2020-12-31 23:59:59";
const OTHER_LETTERS: &str = "it ignores case, and has letters whose case engines do not see alike";

fn is_date(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let is_digits = |part: &&str, width: usize| part.len() == width && part.bytes().all(|byte| byte.is_ascii_digit());
    matches!(parts.as_slice(), [year, month, day] if is_digits(year, 4) && is_digits(month, 2) && is_digits(day, 2))
}

fn is_timestamp(text: &str) -> bool {
    let Some((date, time)) = text.split_once(' ') else { return false };
    let parts: Vec<&str> = time.split(':').collect();
    is_date(date)
        && parts.len() == 3
        && parts.iter().all(|part| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit()))
}

fn numeric(value: &Value) -> Result<Kind, String> {
    match value.kind {
        Kind::Integer | Kind::Number => Ok(value.kind),
        _ => Err("it computes with what is no number".to_owned()),
    }
}

fn text(value: Value) -> Typed {
    if value.kind == Kind::Text { Ok(value) } else { Err("it takes something for a text that is none".to_owned()) }
}

/// A text whose comparisons ignore case, for one that does not.
fn in_lower_case(value: Value) -> Typed {
    let expression = match value.expression {
        Expression::Literal(Literal::Text(text)) if text.is_ascii() => Expression::text(text.to_ascii_lowercase()),
        Expression::Literal(_) => return Err(OTHER_LETTERS.to_owned()),
        lower @ Expression::Call { function: Function::Lower, .. } => lower,
        other => Expression::call(Function::Lower, vec![other]),
    };
    Ok(Value { expression, kind: Kind::Text, ignores_case: value.ignores_case })
}

fn call(function: Function, arguments: Vec<Expression>, columns: &dyn ColumnKinds) -> Typed {
    if let (Function::IsJson, [Expression::Column(_)]) = (function, arguments.as_slice()) {
        return Ok(Value { expression: Expression::call(function, arguments), kind: Kind::Bool, ignores_case: false });
    }
    let arguments = arguments.into_iter().map(|one| typed(one, columns)).collect::<Result<Vec<_>, _>>()?;
    let first = arguments.first().map(|value| value.kind);
    let ignores_case = arguments.iter().any(|value| value.ignores_case);
    let kind = match (function, first) {
        (Function::Length | Function::ByteLength, Some(Kind::Text)) => Kind::Integer,
        (Function::Lower | Function::Upper | Function::Trim | Function::TrimStart, Some(Kind::Text)) => Kind::Text,
        (Function::TrimEnd, Some(Kind::Text)) => Kind::Text,
        (Function::Left, Some(Kind::Text)) => match arguments.get(1).map(|value| &value.expression) {
            Some(Expression::Literal(Literal::Number(number))) if number.parse::<u32>().is_ok() => Kind::Text,
            _ => return Err("it takes a number of characters that is not written out".to_owned()),
        },
        (Function::Absolute, Some(kind @ (Kind::Integer | Kind::Number))) => kind,
        (Function::Coalesce, Some(kind)) if arguments.iter().all(|value| value.kind == kind) => kind,
        _ => return Err("it calls a function with values that engines take in different ways".to_owned()),
    };
    let arguments = arguments.into_iter().map(|value| value.expression).collect();
    Ok(Value {
        expression: Expression::call(function, arguments),
        kind,
        ignores_case: ignores_case && kind == Kind::Text,
    })
}

/// Only what changes nothing: a text as a text, a number as a number that holds it, a literal as what it is written for.
fn cast(value: Value, to: CastTo) -> Typed {
    let written = match &value.expression {
        Expression::Literal(Literal::Text(_)) => match to {
            CastTo::Integer | CastTo::Number => Some(Kind::Number),
            CastTo::Date => Some(Kind::Date),
            CastTo::Timestamp => Some(Kind::Timestamp),
            _ => None,
        },
        _ => None,
    };
    match (written, value.kind, to) {
        (Some(kind), ..) => as_kind(&value, kind),
        (_, Kind::Text, CastTo::Text)
        | (_, Kind::Integer | Kind::Number, CastTo::Number)
        | (_, Kind::Integer, CastTo::Integer)
        | (_, Kind::Bool, CastTo::Bool)
        | (_, Kind::Date, CastTo::Date)
        | (_, Kind::Timestamp, CastTo::Timestamp) => Ok(value),
        // A label of an enumeration.
        (_, Kind::Text, CastTo::Other) if is_literal(&value) => Ok(value),
        _ => Err("it converts values from one type to another".to_owned()),
    }
}
