//! Spells an expression as SQL.

use super::{Expression, Function, Literal, Operator, Pattern, is_number};

/// How an engine spells what is not the same everywhere. Whatever is `None` is not to be said in it.
pub trait Spelling {
    /// A column. An engine that keeps its values as something else converts them here.
    fn column(&self, name: &str) -> Option<String>;

    /// The same where only its being null matters.
    fn bare_column(&self, name: &str) -> Option<String> {
        self.column(name)
    }

    /// A text as a literal.
    fn text(&self, text: &str) -> Option<String>;

    /// A truth value.
    fn truth(&self, value: bool) -> &'static str {
        if value { "TRUE" } else { "FALSE" }
    }

    /// A function of operands that are spelled already.
    fn call(&self, function: Function, arguments: &[String]) -> Option<String>;

    /// `LIKE`, with regard to case.
    fn like(&self, operand: &str, pattern: &Pattern, negated: bool) -> Option<String> {
        let not = if negated { "NOT " } else { "" };
        Some(format!("{operand} {not}LIKE {}", self.text(&pattern.to_like())?))
    }

    /// Whether the values of two columns, or of a column and a literal, can be compared as they are kept.
    fn compares(&self, left: &Expression, right: &Expression) -> bool {
        let _ = (left, right);
        true
    }

    /// Whether numbers that this column holds can be computed with.
    fn computes_with(&self, column: &str) -> bool {
        let _ = column;
        true
    }
}

/// The expression as SQL, each operand with its own parentheses.
pub fn spell(expression: &Expression, spelling: &dyn Spelling) -> Option<String> {
    let operand = |expression: &Expression| {
        let text = spell(expression, spelling)?;
        let is_one = matches!(expression, Expression::Column(_) | Expression::Literal(_) | Expression::Call { .. });
        Some(if is_one { text } else { format!("({text})") })
    };
    let list = |all: &[Expression]| Some(all.iter().map(operand).collect::<Option<Vec<_>>>()?.join(", "));
    let not = |negated: bool| if negated { "NOT " } else { "" };
    Some(match expression {
        Expression::Column(name) => spelling.column(name)?,
        Expression::Literal(Literal::Null) => "NULL".to_owned(),
        Expression::Literal(Literal::Bool(value)) => spelling.truth(*value).to_owned(),
        Expression::Literal(Literal::Number(number)) => is_number(number).then(|| number.clone())?,
        Expression::Literal(Literal::Text(text)) => spelling.text(text)?,
        Expression::Any(all) => all.iter().map(operand).collect::<Option<Vec<_>>>()?.join(" OR "),
        Expression::All(all) => all.iter().map(operand).collect::<Option<Vec<_>>>()?.join(" AND "),
        Expression::Not(inner) => format!("NOT {}", operand(inner)?),
        Expression::Negative(inner) => format!("- {}", operand(inner)?),
        Expression::Binary { left, operator, right } => {
            let computes = matches!(operator, Operator::Plus | Operator::Minus | Operator::Times | Operator::Remainder);
            let whole = |side: &Expression| side.columns().iter().all(|column| spelling.computes_with(column));
            let possible = if computes { whole(left) && whole(right) } else { spelling.compares(left, right) };
            if !possible {
                return None;
            }
            format!("{} {} {}", operand(left)?, sign(*operator), operand(right)?)
        }
        Expression::IsNull { operand: inner, negated } => {
            let inner = match &**inner {
                Expression::Column(name) => spelling.bare_column(name)?,
                other => operand(other)?,
            };
            format!("{inner} IS {}NULL", not(*negated))
        }
        Expression::In { operand: inner, list: members, negated } => {
            members.iter().all(|member| spelling.compares(inner, member)).then_some(())?;
            format!("{} {}IN ({})", operand(inner)?, not(*negated), list(members)?)
        }
        Expression::Between { operand: inner, low, high, negated } => {
            (spelling.compares(inner, low) && spelling.compares(inner, high)).then_some(())?;
            format!("{} {}BETWEEN {} AND {}", operand(inner)?, not(*negated), operand(low)?, operand(high)?)
        }
        Expression::Like { operand: inner, pattern, negated } => spelling.like(&operand(inner)?, pattern, *negated)?,
        Expression::Call { function, arguments } => {
            let arguments = arguments.iter().map(|one| spell(one, spelling)).collect::<Option<Vec<_>>>()?;
            spelling.call(*function, &arguments)?
        }
        // Whoever checks the types takes it out.
        Expression::Cast { .. } => return None,
    })
}

fn sign(operator: Operator) -> &'static str {
    match operator {
        Operator::Equal => "=",
        Operator::NotEqual => "<>",
        Operator::Less => "<",
        Operator::LessOrEqual => "<=",
        Operator::Greater => ">",
        Operator::GreaterOrEqual => ">=",
        Operator::Plus => "+",
        Operator::Minus => "-",
        Operator::Times => "*",
        Operator::Remainder => "%",
    }
}
