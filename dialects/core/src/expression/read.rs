//! Reads an expression: one grammar for all engines, with what each of them says differently.
//!
//! It is a part of every engine's grammar in which operators bind alike everywhere; where they do not, parentheses are wanted.
//! An archive's texts are hostile: depth and size have bounds, and a text that is not understood to its end is not understood.

use super::lex::{Token, tokens};
use super::{CastTo, Expression, Function, Literal, Operator, Pattern};

/// The longest text that is read, in bytes.
const MAX_BYTES: usize = 64 * 1024;
/// The most parts that an expression may have.
const MAX_PARTS: usize = 1000;
/// How deep parentheses and the like may be nested, and how long a chain of operators may be.
const MAX_DEPTH: usize = 32;

/// How an engine writes expressions.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::struct_excessive_bools)] // Each is a fact of its own.
pub struct Grammar {
    /// A backslash in a text escapes.
    pub backslashes: bool,
    /// `E'...'` is a text in which it does.
    pub escape_texts: bool,
    /// `"..."` is a text, and no name.
    pub double_quoted_texts: bool,
    /// `` `...` `` is a name.
    pub backticks: bool,
    /// `[...]` is a name.
    pub brackets: bool,
    /// `||` is `OR`.
    pub bars_are_or: bool,
    /// `length` counts bytes.
    pub length_is_bytes: bool,
    /// `LIKE` has the backslash as its escape unless told otherwise.
    pub like_escapes: bool,
    /// `LIKE` takes upper and lower case for the same.
    pub like_ignores_case: bool,
    /// A column's name may be written in another case.
    pub any_case: bool,
}

impl Grammar {
    /// The standard's own.
    pub const STANDARD: Self = Self {
        backslashes: false,
        escape_texts: false,
        double_quoted_texts: false,
        backticks: false,
        brackets: false,
        bars_are_or: false,
        length_is_bytes: false,
        like_escapes: false,
        like_ignores_case: false,
        any_case: false,
    };
}

/// Reads `text`, whose columns are among `columns`. `None` when it says anything that the model has no word for.
pub fn read(text: &str, grammar: &Grammar, columns: &[&str]) -> Option<Expression> {
    if text.len() > MAX_BYTES {
        return None;
    }
    let mut reader = Reader { tokens: tokens(text, grammar)?, at: 0, parts: 0, depth: 0, grammar, columns };
    let expression = reader.any_of()?;
    (reader.at == reader.tokens.len()).then_some(expression)
}

struct Reader<'a> {
    tokens: Vec<Token>,
    at: usize,
    parts: usize,
    depth: usize,
    grammar: &'a Grammar,
    columns: &'a [&'a str],
}

impl Reader<'_> {
    fn peek(&self, ahead: usize) -> Option<&Token> {
        self.tokens.get(self.at + ahead)
    }

    fn is_word(&self, ahead: usize, word: &str) -> bool {
        matches!(self.peek(ahead), Some(Token::Word(found)) if found.eq_ignore_ascii_case(word))
    }

    fn take_word(&mut self, word: &str) -> bool {
        let found = self.is_word(0, word);
        self.at += usize::from(found);
        found
    }

    fn take_words(&mut self, words: &[&str]) -> bool {
        let found = words.iter().enumerate().all(|(ahead, word)| self.is_word(ahead, word));
        self.at += if found { words.len() } else { 0 };
        found
    }

    fn is_sign(&self, ahead: usize, sign: &str) -> bool {
        matches!(self.peek(ahead), Some(Token::Sign(found)) if *found == sign)
    }

    fn take_sign(&mut self, sign: &str) -> bool {
        let found = self.is_sign(0, sign);
        self.at += usize::from(found);
        found
    }

    fn expect_sign(&mut self, sign: &str) -> Option<()> {
        self.take_sign(sign).then_some(())
    }

    /// Counts a part, so that no expression is larger than what can be handled by plain recursion.
    fn part(&mut self, expression: Expression) -> Option<Expression> {
        self.parts += 1;
        (self.parts <= MAX_PARTS).then_some(expression)
    }

    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return None;
        }
        let result = read(self);
        self.depth -= 1;
        result
    }

    /// `a OR b OR c`.
    fn any_of(&mut self) -> Option<Expression> {
        let mut all = vec![self.all_of()?];
        while self.take_word("or") || self.grammar.bars_are_or && self.take_sign("||") {
            all.push(self.all_of()?);
        }
        if all.len() == 1 { all.pop() } else { self.part(Expression::Any(all)) }
    }

    /// `a AND b AND c`.
    fn all_of(&mut self) -> Option<Expression> {
        let mut all = vec![self.not()?];
        while self.take_word("and") {
            all.push(self.not()?);
        }
        if all.len() == 1 { all.pop() } else { self.part(Expression::All(all)) }
    }

    fn not(&mut self) -> Option<Expression> {
        if self.take_word("not") {
            let operand = self.deeper(Self::not)?;
            return self.part(Expression::Not(Box::new(operand)));
        }
        self.predicate()
    }

    /// One comparison at most: what a second one would mean differs.
    fn predicate(&mut self) -> Option<Expression> {
        let operand = self.sum()?;
        if let Some(operator) = self.comparison() {
            if self.is_word(0, "any") || self.is_word(0, "all") {
                return self.member_of_array(operand, operator);
            }
            let right = self.sum()?;
            return self.part(Expression::binary(operand, operator, right));
        }
        if self.take_word("is") {
            let negated = self.take_word("not");
            return self.take_word("null").then(|| self.part(is_null(operand, negated)))?;
        }
        if self.take_word("isnull") {
            return self.part(is_null(operand, false));
        }
        if self.take_word("notnull") || self.take_words(&["not", "null"]) {
            return self.part(is_null(operand, true));
        }
        if let Some((negated, ignores_case)) = self.like_sign() {
            return self.like(operand, negated, ignores_case);
        }
        let negated = self.take_word("not");
        if self.take_word("in") {
            self.expect_sign("(")?;
            let list = self.list()?;
            return self.part(Expression::In { operand: Box::new(operand), list, negated });
        }
        if self.take_word("between") {
            let low = Box::new(self.sum()?);
            self.take_word("and").then_some(())?;
            let high = Box::new(self.sum()?);
            return self.part(Expression::Between { operand: Box::new(operand), low, high, negated });
        }
        if self.take_word("like") {
            return self.like(operand, negated, self.grammar.like_ignores_case);
        }
        if self.take_word("glob") {
            let Token::Text(text) = self.next()? else { return None };
            let pattern = Pattern::glob(&text)?;
            return self.part(Expression::Like { operand: Box::new(operand), pattern, negated });
        }
        // A `NOT` that nothing follows.
        (!negated).then_some(operand)
    }

    fn comparison(&mut self) -> Option<Operator> {
        let Some(Token::Sign(sign)) = self.peek(0) else { return None };
        let operator = match *sign {
            "=" | "==" => Operator::Equal,
            "<>" | "!=" => Operator::NotEqual,
            "<" => Operator::Less,
            "<=" => Operator::LessOrEqual,
            ">" => Operator::Greater,
            ">=" => Operator::GreaterOrEqual,
            _ => return None,
        };
        self.at += 1;
        Some(operator)
    }

    /// PostgreSQL's signs for `LIKE`: whether it is negated, and whether case is ignored.
    fn like_sign(&mut self) -> Option<(bool, bool)> {
        let signs = [("~~", false, false), ("!~~", true, false), ("~~*", false, true), ("!~~*", true, true)];
        let (_, negated, ignores_case) = signs.into_iter().find(|(sign, ..)| self.take_sign(sign))?;
        Some((negated, ignores_case))
    }

    fn like(&mut self, operand: Expression, negated: bool, ignores_case: bool) -> Option<Expression> {
        let Expression::Literal(Literal::Text(text)) = without_cast(self.sum()?) else { return None };
        if self.is_word(0, "escape") {
            return None;
        }
        let pattern = Pattern::like(&text, self.grammar.like_escapes.then_some('\\'))?;
        let like = if ignores_case {
            let operand = Box::new(Expression::call(Function::Lower, vec![operand]));
            Expression::Like { operand, pattern: pattern.in_lower_case()?, negated }
        } else {
            Expression::Like { operand: Box::new(operand), pattern, negated }
        };
        self.part(like)
    }

    /// PostgreSQL's spelling of `IN`: `= ANY (ARRAY[a, b])`, `<> ALL (ARRAY[a, b])`.
    fn member_of_array(&mut self, operand: Expression, operator: Operator) -> Option<Expression> {
        let negated = match operator {
            Operator::Equal if self.take_word("any") => false,
            Operator::NotEqual if self.take_word("all") => true,
            _ => return None,
        };
        self.expect_sign("(")?;
        let list = self.deeper(Self::array)?;
        self.expect_sign(")")?;
        self.part(Expression::In { operand: Box::new(operand), list, negated })
    }

    /// `ARRAY[a, b]`, perhaps in parentheses and as another type.
    fn array(&mut self) -> Option<Vec<Expression>> {
        let list = if self.take_sign("(") {
            let list = self.deeper(Self::array)?;
            self.expect_sign(")")?;
            list
        } else {
            self.take_word("array").then_some(())?;
            self.expect_sign("[")?;
            let mut list = vec![self.sum()?];
            while self.take_sign(",") {
                list.push(self.sum()?);
            }
            self.expect_sign("]")?;
            list
        };
        while self.take_sign("::") {
            self.type_name()?;
        }
        Some(list)
    }

    /// What stands in parentheses, from after the first one to the last.
    fn list(&mut self) -> Option<Vec<Expression>> {
        let mut list = vec![self.deeper(Self::sum)?];
        while self.take_sign(",") {
            list.push(self.deeper(Self::sum)?);
        }
        self.expect_sign(")")?;
        Some(list)
    }

    fn sum(&mut self) -> Option<Expression> {
        let mut left = self.product()?;
        for _ in 0..MAX_DEPTH {
            let operator = match () {
                () if self.take_sign("+") => Operator::Plus,
                () if self.take_sign("-") => Operator::Minus,
                () => return Some(left),
            };
            let right = self.product()?;
            left = self.part(Expression::binary(left, operator, right))?;
        }
        None
    }

    fn product(&mut self) -> Option<Expression> {
        let mut left = self.signed()?;
        for _ in 0..MAX_DEPTH {
            let operator = match () {
                () if self.take_sign("*") => Operator::Times,
                () if self.take_sign("%") || self.take_word("mod") => Operator::Remainder,
                () => return Some(left),
            };
            let right = self.signed()?;
            left = self.part(Expression::binary(left, operator, right))?;
        }
        None
    }

    fn signed(&mut self) -> Option<Expression> {
        if self.take_sign("-") {
            let operand = self.deeper(Self::signed)?;
            return self.part(match operand {
                Expression::Literal(Literal::Number(number)) if !number.starts_with('-') => {
                    Expression::number(format!("-{number}"))
                }
                operand => Expression::Negative(Box::new(operand)),
            });
        }
        if self.take_sign("+") {
            return self.deeper(Self::signed);
        }
        let mut operand = self.primary()?;
        for _ in 0..MAX_DEPTH {
            if !self.take_sign("::") {
                return Some(operand);
            }
            let to = self.type_name()?;
            operand = self.part(Expression::Cast { operand: Box::new(operand), to })?;
        }
        None
    }

    fn primary(&mut self) -> Option<Expression> {
        let expression = match self.next()? {
            Token::Sign("(") => {
                let inside = self.deeper(Self::any_of)?;
                self.expect_sign(")")?;
                return Some(inside);
            }
            Token::Text(text) => Expression::text(text),
            Token::Number(number) => Expression::number(number),
            Token::Name(name) if self.is_sign(0, "(") => return self.call(&name),
            Token::Name(name) => Expression::Column(self.column(&name)?),
            Token::Word(word) => return self.word(&word),
            Token::Sign(_) => return None,
        };
        self.part(expression)
    }

    fn word(&mut self, word: &str) -> Option<Expression> {
        let lower = word.to_ascii_lowercase();
        // A text with the name of its character set.
        if matches!(lower.as_str(), "_utf8mb4" | "_utf8mb3" | "_utf8" | "_ascii") {
            let Token::Text(text) = self.next()? else { return None };
            return self.part(Expression::text(text));
        }
        match lower.as_str() {
            "null" => return self.part(Expression::Literal(Literal::Null)),
            "true" | "false" => return self.part(Expression::Literal(Literal::Bool(lower == "true"))),
            "cast" if self.is_sign(0, "(") => return self.cast(),
            _ => {}
        }
        if self.is_sign(0, "(") {
            return self.call(&lower);
        }
        let column = self.column(word)?;
        self.part(Expression::Column(column))
    }

    /// The column of that name, which nothing that belongs to it may follow.
    fn column(&self, name: &str) -> Option<String> {
        if self.is_sign(0, ".") || matches!(self.peek(0), Some(Token::Text(_))) {
            return None;
        }
        let exact = self.columns.iter().find(|column| **column == name);
        let folded = || {
            let mut alike = self.columns.iter().filter(|column| column.eq_ignore_ascii_case(name));
            alike.next().filter(|_| self.grammar.any_case && alike.next().is_none())
        };
        exact.or_else(folded).map(|column| (*column).to_owned())
    }

    /// `CAST(a AS type)`.
    fn cast(&mut self) -> Option<Expression> {
        self.expect_sign("(")?;
        let operand = Box::new(self.deeper(Self::any_of)?);
        self.take_word("as").then_some(())?;
        let to = self.type_name()?;
        self.expect_sign(")")?;
        self.part(Expression::Cast { operand, to })
    }

    /// A type's name as far as it matters. One with a length could cut something off.
    fn type_name(&mut self) -> Option<CastTo> {
        let mut name = String::new();
        while let Some(Token::Word(word) | Token::Name(word)) = self.peek(0) {
            // What follows a cast and is no part of its type.
            if ["and", "or", "in", "is", "not", "like", "between", "as"]
                .iter()
                .any(|end| word.eq_ignore_ascii_case(end))
            {
                break;
            }
            if !name.is_empty() {
                name.push(' ');
            }
            name.push_str(&word.to_ascii_lowercase());
            self.at += 1;
            if self.take_sign(".") {
                name.clear();
            }
        }
        while self.is_sign(0, "[") && self.is_sign(1, "]") {
            self.at += 2;
        }
        if name.is_empty() || self.is_sign(0, "(") {
            return None;
        }
        Some(match name.as_str() {
            "text" | "character varying" | "varchar" | "bpchar" => CastTo::Text,
            "smallint" | "integer" | "int" | "bigint" | "signed" => CastTo::Integer,
            "numeric" | "decimal" | "double precision" | "real" => CastTo::Number,
            "boolean" => CastTo::Bool,
            "date" => CastTo::Date,
            "timestamp without time zone" | "timestamp" => CastTo::Timestamp,
            _ => CastTo::Other,
        })
    }

    fn call(&mut self, name: &str) -> Option<Expression> {
        let function = match name.to_ascii_lowercase().as_str() {
            "length" if self.grammar.length_is_bytes => Function::ByteLength,
            "length" | "char_length" | "character_length" => Function::Length,
            "octet_length" => Function::ByteLength,
            "lower" | "lcase" => Function::Lower,
            "upper" | "ucase" => Function::Upper,
            "trim" | "btrim" => Function::Trim,
            "ltrim" => Function::TrimStart,
            "rtrim" => Function::TrimEnd,
            "left" => Function::Left,
            "substr" | "substring" => return self.first_characters(),
            "abs" => Function::Absolute,
            "coalesce" | "ifnull" => Function::Coalesce,
            "json_valid" => Function::IsJson,
            _ => return None,
        };
        self.expect_sign("(")?;
        if function == Function::Trim && (self.take_words(&["both", "from"]) || self.take_word("from")) {
            let operand = self.deeper(Self::sum)?;
            self.expect_sign(")")?;
            return self.part(Expression::call(function, vec![operand]));
        }
        let arguments = self.list()?;
        let expected = match function {
            Function::Coalesce => 2..=MAX_PARTS,
            Function::Left => 2..=2,
            _ => 1..=1,
        };
        if !expected.contains(&arguments.len()) {
            return None;
        }
        self.part(Expression::call(function, arguments))
    }

    /// `substr(a, 1, n)`.
    fn first_characters(&mut self) -> Option<Expression> {
        self.expect_sign("(")?;
        let arguments: [Expression; 3] = self.list()?.try_into().ok()?;
        let [operand, first, length] = arguments;
        let begins = first == Expression::number("1");
        begins.then(|| self.part(Expression::call(Function::Left, vec![operand, length])))?
    }

    fn next(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        token
    }
}

fn is_null(operand: Expression, negated: bool) -> Expression {
    Expression::IsNull { operand: Box::new(operand), negated }
}

/// What a text is, whatever type it is said to be.
fn without_cast(expression: Expression) -> Expression {
    match expression {
        Expression::Cast { operand, to: CastTo::Text | CastTo::Other } => without_cast(*operand),
        other => other,
    }
}
