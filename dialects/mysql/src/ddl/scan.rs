//! The words of a statement as the server prints it: enough to find names, texts, parentheses and commas.
//!
//! What it is not: a parser of SQL. Marks of versioned comments (`/*!80023 INVISIBLE */`) are passed over, so that what they
//! hold counts, since it counts for the server that printed it.

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A word or a number without quotes.
    Word,
    /// A name in backticks.
    Name,
    /// A literal in quotes.
    Text,
    /// Any other character.
    Symbol,
}

/// A token and where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token<'a> {
    /// What it is.
    pub(crate) kind: Kind,
    /// Its text, quotes included.
    pub(crate) text: &'a str,
    /// The byte that it starts at.
    pub(crate) start: usize,
}

impl Token<'_> {
    /// The byte after it.
    pub(crate) fn end(&self) -> usize {
        self.start + self.text.len()
    }

    /// Whether it is that word, in capitals or not.
    pub(crate) fn is_word(&self, word: &str) -> bool {
        self.kind == Kind::Word && self.text.eq_ignore_ascii_case(word)
    }

    /// Whether it is that character.
    pub(crate) fn is_symbol(&self, symbol: &str) -> bool {
        self.kind == Kind::Symbol && self.text == symbol
    }

    /// The name without its backticks, the literal without its quotes, anything else as it is.
    pub(crate) fn value(&self) -> String {
        match self.kind {
            Kind::Name => inside(self.text).replace("``", "`"),
            Kind::Text => unescaped(inside(self.text), self.text.starts_with('"')),
            _ => self.text.to_owned(),
        }
    }
}

/// Without the first and the last character, which are quotes.
fn inside(text: &str) -> &str {
    text.get(1..text.len().saturating_sub(1)).unwrap_or_default()
}

/// All tokens of a text. An unfinished literal or name ends with the text.
pub(crate) fn tokens(text: &str) -> Vec<Token<'_>> {
    let bytes = text.as_bytes();
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let rest = bytes.get(at..).unwrap_or_default();
        let (kind, length) = match byte {
            byte if byte.is_ascii_whitespace() => {
                at += 1;
                continue;
            }
            b'/' if rest.starts_with(b"/*") => {
                at += comment(rest);
                continue;
            }
            b'*' if rest.starts_with(b"*/") => {
                at += 2;
                continue;
            }
            b'#' | b'-' if is_line_comment(rest) => {
                at += rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
                continue;
            }
            b'`' => (Kind::Name, quoted(rest, b'`', false)),
            b'\'' | b'"' => (Kind::Text, quoted(rest, *byte, true)),
            byte if is_word(*byte) => (Kind::Word, rest.iter().position(|byte| !is_word(*byte)).unwrap_or(rest.len())),
            _ => (Kind::Symbol, 1),
        };
        tokens.push(Token { kind, text: text.get(at..at + length).unwrap_or_default(), start: at });
        at += length;
    }
    tokens
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$') || !byte.is_ascii()
}

/// Whether a comment begins that ends with its line. The server prints none itself; what users wrote may have them.
fn is_line_comment(rest: &[u8]) -> bool {
    rest.starts_with(b"#") || rest.starts_with(b"--") && rest.get(2).is_none_or(u8::is_ascii_whitespace)
}

/// How much of a comment is passed over: the mark of a versioned one, the whole of any other.
fn comment(rest: &[u8]) -> usize {
    let mark = [b"/*!".as_slice(), b"/*M!"].into_iter().find(|mark| rest.starts_with(mark));
    match mark {
        Some(mark) => {
            let digits = rest.iter().skip(mark.len()).take_while(|byte| byte.is_ascii_digit()).count();
            mark.len() + digits
        }
        None => rest.windows(2).skip(2).position(|two| two == b"*/").map_or(rest.len(), |at| at + 4),
    }
}

/// The length of what stands in quotes, the quotes included; a doubled quote does not end it.
fn quoted(rest: &[u8], quote: u8, backslashes: bool) -> usize {
    let mut at = 1;
    while let Some(byte) = rest.get(at) {
        let is_doubled = *byte == quote && rest.get(at + 1) == Some(&quote);
        if is_doubled || backslashes && *byte == b'\\' {
            at += 2;
        } else if *byte == quote {
            return at + 1;
        } else {
            at += 1;
        }
    }
    rest.len()
}

/// What a literal means: doubled quotes and backslashes taken back.
/// <https://dev.mysql.com/doc/refman/9.0/en/string-literals.html>
fn unescaped(text: &str, double: bool) -> String {
    let quote = if double { '"' } else { '\'' };
    let mut value = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character == quote {
            // The second of two.
            characters.next();
            value.push(quote);
        } else if character == '\\' {
            match characters.next() {
                Some('0') => value.push('\0'),
                Some('b') => value.push('\u{8}'),
                Some('n') => value.push('\n'),
                Some('r') => value.push('\r'),
                Some('t') => value.push('\t'),
                Some('Z') => value.push('\u{1a}'),
                // These keep it: they are for patterns.
                Some(wildcard @ ('%' | '_')) => value.extend(['\\', wildcard]),
                Some(other) => value.push(other),
                None => value.push('\\'),
            }
        } else {
            value.push(character);
        }
    }
    value
}

/// The place of the token that closes the parenthesis at `open`.
pub(crate) fn closing(tokens: &[Token<'_>], open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        if token.is_symbol("(") {
            depth += 1;
        } else if token.is_symbol(")") {
            depth = depth.checked_sub(1)?;
            if depth == 0 {
                return Some(at);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_texts_and_versioned_comments_are_told_apart() {
        let text = r"`a``b` char(3) DEFAULT 'it''s \\ ,(' /*!80023 INVISIBLE */ /* not this */ COMMENT 'é\n'";
        let all = tokens(text);
        let words: Vec<_> = all.iter().map(|token| token.text).collect();
        assert_eq!(
            words,
            ["`a``b`", "char", "(", "3", ")", "DEFAULT", r"'it''s \\ ,('", "INVISIBLE", "COMMENT", "'é\\n'"]
        );
        assert_eq!(all[0].value(), "a`b");
        assert_eq!(all[6].value(), r"it's \ ,(");
        assert_eq!(all[9].value(), "é\n");
        assert_eq!(closing(&all, 2), Some(4));
        assert_eq!(tokens("'unfinished").len(), 1);
        assert_eq!(tokens("/* unfinished").len(), 0);
        assert_eq!(tokens(r"'\%\Z\q'")[0].value(), "\\%\u{1a}q");
    }
}
