//! The words of an expression.

use super::read::Grammar;

/// A word, a name, a text, a number or a sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// Letters, digits and `_`, as written.
    Word(String),
    /// A quoted name.
    Name(String),
    /// A quoted text.
    Text(String),
    /// A number without a sign.
    Number(String),
    /// Anything else that is known.
    Sign(&'static str),
}

/// Signs that are known, longer ones before those that they begin with.
const SIGNS: [&str; 25] = [
    "!~~*", "!~~", "~~*", "~~", "::", "<=>", "<=", ">=", "<>", "!=", "==", "||", "&&", "<<", ">>", "->", "<", ">", "=",
    "(", ")", ",", "[", "]", ".",
];
/// Signs that nothing else can follow with another meaning.
const ARITHMETIC: [&str; 4] = ["+", "-", "*", "%"];

/// The words of `text`; `None` when it has a comment, an open quote, or a sign that no expression of the model has.
pub(super) fn tokens(text: &str, grammar: &Grammar) -> Option<Vec<Token>> {
    let mut all = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (token, length) = match first {
            '\'' => text_of(rest, '\'', grammar.backslashes).map(|(text, length)| (Token::Text(text), length))?,
            '"' if grammar.double_quoted_texts => {
                text_of(rest, '"', grammar.backslashes).map(|(text, length)| (Token::Text(text), length))?
            }
            '"' => text_of(rest, '"', false).map(|(name, length)| (Token::Name(name), length))?,
            '`' if grammar.backticks => text_of(rest, '`', false).map(|(name, length)| (Token::Name(name), length))?,
            '[' if grammar.brackets => {
                let end = rest.find(']')?;
                (Token::Name(rest[1..end].to_owned()), end + 1)
            }
            'e' | 'E' if grammar.escape_texts && rest[1..].starts_with('\'') => {
                let (text, length) = text_of(&rest[1..], '\'', true)?;
                (Token::Text(text), length + 1)
            }
            _ if first.is_ascii_digit() || first == '.' && rest[1..].starts_with(|c: char| c.is_ascii_digit()) => {
                number(rest)?
            }
            _ if first == '_' || first.is_alphabetic() => {
                let length = rest.find(|c: char| c != '_' && c != '$' && !c.is_alphanumeric()).unwrap_or(rest.len());
                (Token::Word(rest[..length].to_owned()), length)
            }
            _ => {
                // What follows two of them may be a comment.
                if rest.starts_with("--") {
                    return None;
                }
                let sign = SIGNS.into_iter().chain(ARITHMETIC).find(|sign| rest.starts_with(sign))?;
                (Token::Sign(sign), sign.len())
            }
        };
        all.push(token);
        rest = rest[length..].trim_start();
    }
    Some(all)
}

/// What stands between quotes at the beginning of `rest`, and the length of all of it. A quote inside is doubled.
fn text_of(rest: &str, quote: char, backslashes: bool) -> Option<(String, usize)> {
    let mut text = String::new();
    let mut characters = rest.char_indices().skip(1).peekable();
    while let Some((at, character)) = characters.next() {
        if character == quote {
            if characters.next_if(|(_, next)| *next == quote).is_none() {
                return (!text.contains('\0')).then_some((text, at + 1));
            }
            text.push(quote);
        } else if character == '\\' && backslashes {
            let (_, escaped) = characters.next()?;
            match escaped {
                '\\' | '\'' | '"' => text.push(escaped),
                'n' => text.push('\n'),
                't' => text.push('\t'),
                'r' => text.push('\r'),
                // These keep their backslash, for patterns.
                '%' | '_' => text.extend(['\\', escaped]),
                _ => return None,
            }
        } else {
            text.push(character);
        }
    }
    None
}

/// A number without a sign: nothing that could be a word may follow.
fn number(rest: &str) -> Option<(Token, usize)> {
    let digits = |from: usize| rest[from..].bytes().take_while(u8::is_ascii_digit).count();
    let mut end = digits(0);
    if rest[end..].starts_with('.') {
        end += 1 + digits(end + 1);
    }
    if rest[end..].starts_with(['e', 'E']) {
        let sign = usize::from(rest[end + 1..].starts_with(['-', '+']));
        let exponent = digits(end + 1 + sign);
        if exponent == 0 {
            return None;
        }
        end += 1 + sign + exponent;
    }
    if rest[end..].starts_with(|c: char| c == '_' || c == '.' || c.is_alphanumeric()) {
        return None;
    }
    let mut text = rest[..end].to_owned();
    if text.starts_with('.') {
        text.insert(0, '0');
    }
    // `1.` and `1.e5` are numbers in some engines only.
    Some((Token::Number(text.replace(".e", ".0e").replace(".E", ".0E").trim_end_matches('.').to_owned()), end))
}
