//! The texts of `CREATE TRIGGER` and the like taken apart, as far as it takes to put a trigger on a table of another name, or
//! to leave out on whose behalf something runs.
//!
//! MySQL prints a text of its own making; MariaDB prints what the user wrote, with comments, odd spacing, and the names of
//! databases if there were any.

/// Where the parts of a `CREATE TRIGGER` are.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TriggerText<'a> {
    /// `CREATE DEFINER=... TRIGGER`, up to the name.
    head: &'a str,
    /// From the end of the name up to the table's name: ` BEFORE INSERT ON `.
    middle: &'a str,
    /// The table's name without its database, as it is written.
    table: &'a str,
    /// The trigger's name without its database, as it is written.
    name: &'a str,
    /// Everything behind the table's name.
    rest: &'a str,
}

impl<'a> TriggerText<'a> {
    /// Takes a text apart; none if it is not what it should be.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let mut tokens = Tokens { text, at: 0 };
        while !tokens.next()?.is("TRIGGER") {}
        let mut name = tokens.next()?;
        while ["IF", "NOT", "EXISTS"].iter().any(|word| name.is(word)) {
            name = tokens.next()?;
        }
        let head = &text[..name.from];
        let name = tokens.qualified(name)?;
        let mut token = tokens.next()?;
        while !token.is("ON") {
            token = tokens.next()?;
        }
        let first = tokens.next()?;
        let from = first.from;
        let table = tokens.qualified(first)?;
        Some(Self { head, middle: &text[name.to..from], table: table.text, name: name.text, rest: &text[table.to..] })
    }

    /// The same trigger on a table of another name, which is quoted already.
    pub(super) fn on(&self, table: &str) -> String {
        format!("{}{}{}{table}{}", self.head, self.name, self.middle, self.rest)
    }

    /// The text as it was, in whatever database it is run, replacing a trigger of that name.
    pub(super) fn replacing(&self) -> String {
        let head = self.head.trim_start();
        let rest = head.get("CREATE".len()..).unwrap_or_default();
        format!("CREATE OR REPLACE{rest}{}{}{}{}", self.name, self.middle, self.table, self.rest)
    }
}

/// A `CREATE` text without its `DEFINER=...`, so that what it makes runs on behalf of whoever creates it; none if it names nobody.
pub(super) fn without_definer(text: &str) -> Option<String> {
    let mut tokens = Tokens { text, at: 0 };
    let mut token = tokens.next()?;
    while !token.is("DEFINER") {
        if ["TRIGGER", "VIEW", "PROCEDURE", "FUNCTION", "EVENT", "PACKAGE"].iter().any(|word| token.is(word)) {
            return None;
        }
        token = tokens.next()?;
    }
    let from = token.from;
    // `=`, then a user: `name`@`host`, a role, or CURRENT_USER().
    tokens.next().filter(|token| token.is("="))?;
    let mut to = tokens.next()?.to;
    loop {
        let before = tokens.at;
        match tokens.next() {
            Some(token) if token.is("@") => to = tokens.next()?.to,
            Some(token) if token.is("(") || token.is(")") => to = token.to,
            _ => {
                tokens.at = before;
                break;
            }
        }
    }
    Some(format!("{}{}", &text[..from], text[to..].trim_start()))
}

/// A word, a quoted name, or a sign.
#[derive(Clone, Copy, Debug)]
struct Token<'a> {
    text: &'a str,
    from: usize,
    to: usize,
}

impl Token<'_> {
    fn is(&self, word: &str) -> bool {
        self.text.eq_ignore_ascii_case(word)
    }
}

struct Tokens<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Tokens<'a> {
    fn next(&mut self) -> Option<Token<'a>> {
        self.skip();
        let rest = self.text.get(self.at..)?;
        let first = rest.chars().next()?;
        let length = match first {
            '`' | '\'' | '"' => quoted(rest, first),
            c if is_word(c) => rest.find(|c| !is_word(c)).unwrap_or(rest.len()),
            c => c.len_utf8(),
        };
        let token = Token { text: &rest[..length], from: self.at, to: self.at + length };
        self.at = token.to;
        Some(token)
    }

    /// Passes white space and comments. A comment with code for some versions only is passed up to its code.
    fn skip(&mut self) {
        loop {
            let rest = &self.text[self.at..];
            let trimmed = rest.trim_start();
            self.at += rest.len() - trimmed.len();
            let code = ["/*!", "/*M!"].iter().find(|start| trimmed.starts_with(**start));
            let passed = if let Some(start) = code {
                let digits = trimmed[start.len()..].bytes().take_while(u8::is_ascii_digit).count();
                start.len() + digits
            } else if trimmed.starts_with("*/") {
                2
            } else if trimmed.starts_with("/*") {
                trimmed.find("*/").map_or(trimmed.len(), |end| end + 2)
            } else if trimmed.starts_with('#') || trimmed.starts_with("-- ") || trimmed.starts_with("--\n") {
                trimmed.find('\n').map_or(trimmed.len(), |end| end + 1)
            } else {
                return;
            };
            self.at += passed;
        }
    }

    /// The last part of a name that may have a database in front, which begins with `first`.
    fn qualified(&mut self, first: Token<'a>) -> Option<Token<'a>> {
        let before = self.at;
        match self.next() {
            Some(dot) if dot.is(".") => self.next(),
            _ => {
                self.at = before;
                Some(first)
            }
        }
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$'
}

/// How long the quoted text is that `rest` begins with; a quote in it is doubled, or escaped where it is no name.
fn quoted(rest: &str, quote: char) -> usize {
    let mut characters = rest.char_indices().skip(1).peekable();
    while let Some((at, c)) = characters.next() {
        if c == '\\' && quote != '`' {
            characters.next();
        } else if c == quote {
            match characters.peek() {
                Some((_, next)) if *next == quote => _ = characters.next(),
                _ => return at + quote.len_utf8(),
            }
        }
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trigger_is_put_on_another_table() {
        for (text, moved) in [
            (
                "CREATE DEFINER=`root`@`localhost` TRIGGER `a` BEFORE INSERT ON `t` FOR EACH ROW set new.v = 1",
                "CREATE DEFINER=`root`@`localhost` TRIGGER `a` BEFORE INSERT ON `x` FOR EACH ROW set new.v = 1",
            ),
            (
                "CREATE DEFINER=`on`@`%` trigger/* on t */ shop . a after update\n on shop.t\n-- on u\nfor each row begin end",
                "CREATE DEFINER=`on`@`%` trigger/* on t */ a after update\n on `x`\n-- on u\nfor each row begin end",
            ),
            (
                "create trigger if not exists `on ``t` after delete on `a`.`b.c``d` for each row set @a = 'on'",
                "create trigger if not exists `on ``t` after delete on `x` for each row set @a = 'on'",
            ),
            (
                "CREATE /*!50017 DEFINER='a\\'b'@'%'*/ TRIGGER ä BEFORE INSERT ON été FOR EACH ROW SET NEW.a=1",
                "CREATE /*!50017 DEFINER='a\\'b'@'%'*/ TRIGGER ä BEFORE INSERT ON `x` FOR EACH ROW SET NEW.a=1",
            ),
        ] {
            let parsed = TriggerText::parse(text).expect("a trigger");
            assert_eq!(parsed.on("`x`"), moved);
        }
        assert_eq!(TriggerText::parse("CREATE TABLE t (a int)"), None);
        assert_eq!(TriggerText::parse("CREATE TRIGGER a BEFORE INSERT"), None);
    }

    #[test]
    fn a_trigger_replaces_itself() {
        let text = "CREATE DEFINER=`r`@`h` trigger shop.a before insert on t for each row set new.v = 1";
        let parsed = TriggerText::parse(text).expect("a trigger");
        let expected = "CREATE OR REPLACE DEFINER=`r`@`h` trigger a before insert on t for each row set new.v = 1";
        assert_eq!(parsed.replacing(), expected);
    }

    #[test]
    fn the_definer_can_be_left_out() {
        for (text, without) in [
            ("CREATE DEFINER=`a`@`h` TRIGGER `t` x", "CREATE TRIGGER `t` x"),
            ("CREATE DEFINER = 'a' @ 'h' PROCEDURE p() select 1", "CREATE PROCEDURE p() select 1"),
            (
                "CREATE ALGORITHM=UNDEFINED DEFINER=current_user() SQL SECURITY DEFINER VIEW `v` AS select 1",
                "CREATE ALGORITHM=UNDEFINED SQL SECURITY DEFINER VIEW `v` AS select 1",
            ),
        ] {
            assert_eq!(without_definer(text).as_deref(), Some(without));
        }
        assert_eq!(without_definer("CREATE TRIGGER `t` DEFINER=x"), None);
    }
}
