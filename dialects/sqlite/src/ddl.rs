//! The few facts of a schema that SQLite's pragmas do not tell, taken from the text of the `CREATE` statements: checks,
//! expressions, column collations, deferred foreign keys, `AUTOINCREMENT`, the module of a virtual table.
//!
//! This is a reader of tokens, not a parser of SQL. It relies on SQLite having accepted the text, and whatever it does not
//! understand it leaves out; the text itself is carried whole and is what the same dialect restores from.

use dbferry_dialect::model::{Check, Deferral};
use std::collections::BTreeMap;
use std::ops::Range;

/// What a `CREATE TABLE` says beyond the pragmas.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct TableFacts {
    pub(crate) autoincrement: bool,
    pub(crate) checks: Vec<Check>,
    /// By column name in lower case.
    pub(crate) columns: BTreeMap<String, ColumnFacts>,
    /// In the order of the text.
    pub(crate) foreign_keys: Vec<ForeignKeyFacts>,
}

/// What a column's definition says beyond the pragmas.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct ColumnFacts {
    pub(crate) collation: Option<String>,
    pub(crate) generated: Option<String>,
}

/// What a foreign key's definition says beyond the pragmas.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct ForeignKeyFacts {
    pub(crate) name: Option<String>,
    pub(crate) deferral: Deferral,
}

/// What a `CREATE INDEX` says beyond the pragmas.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct IndexFacts {
    /// The text of each part, without `COLLATE`, `ASC`, `DESC`.
    pub(crate) parts: Vec<String>,
    pub(crate) predicate: Option<String>,
}

/// The facts of a `CREATE TABLE` statement.
pub(crate) fn table_facts(sql: &str) -> TableFacts {
    let tokens = tokens(sql);
    let mut facts = TableFacts::default();
    for item in list(&tokens) {
        definition(sql, item, &mut facts);
    }
    facts
}

/// The facts of a `CREATE INDEX` statement.
pub(crate) fn index_facts(sql: &str) -> IndexFacts {
    let tokens = tokens(sql);
    let parts = list(&tokens)
        .into_iter()
        .map(|part| {
            let mut end = part.len();
            while let Some(last) = end.checked_sub(1) {
                if part[last].is_word("ASC") || part[last].is_word("DESC") {
                    end = last;
                } else if last > 1 && part[last - 1].depth == 1 && part[last - 1].is_word("COLLATE") {
                    end = last - 1;
                } else {
                    break;
                }
            }
            text_of(sql, &part[..end])
        })
        .collect();
    // The list of parts is what stands in parentheses; only the condition follows it.
    let predicate = tokens
        .iter()
        .position(|token| token.depth == 0 && token.is_word("WHERE"))
        .map(|position| text_of(sql, &tokens[position + 1..]));
    IndexFacts { parts, predicate }
}

/// The module of a `CREATE VIRTUAL TABLE` statement.
pub(crate) fn module(sql: &str) -> Option<String> {
    let tokens = tokens(sql);
    let using = tokens.iter().position(|token| token.depth == 0 && token.is_word("USING"))?;
    tokens.get(using + 1)?.name()
}

/// One column or table constraint of a `CREATE TABLE`.
fn definition(sql: &str, item: &[Token<'_>], facts: &mut TableFacts) {
    const CONSTRAINTS: [&str; 5] = ["CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN"];
    let Some(first) = item.first() else { return };
    let column = if CONSTRAINTS.iter().any(|word| first.is_word(word)) { None } else { first.name() };
    let mut column_facts = ColumnFacts::default();
    let mut name = None;
    let mut position = usize::from(column.is_some());
    while let Some(token) = item.get(position) {
        position += 1;
        if token.depth != 1 {
            continue;
        }
        let next = item.get(position);
        let named = || next.and_then(Token::name);
        if token.is_word("CONSTRAINT") {
            name = named();
            position += 1;
        } else if token.is_word("COLLATE") {
            column_facts.collation = named();
            position += 1;
        } else if token.is_word("DEFAULT") {
            // The value may be a bare word that reads like a keyword.
            name = None;
            position += 1;
        } else if token.is_word("CHECK") {
            if let Some(expression) = in_parentheses(sql, item, position) {
                facts.checks.push(Check { definition: None, name: name.take(), expression, meaning: None });
            }
        } else if token.is_word("AS") {
            column_facts.generated = in_parentheses(sql, item, position);
        } else if token.is_word("REFERENCES") {
            facts.foreign_keys.push(ForeignKeyFacts { name: name.take(), deferral: Deferral::Immediate });
            position += 1;
        } else if token.is_word("DEFERRABLE") {
            let refused = position >= 2 && item[position - 2].is_word("NOT");
            if let Some(last) = facts.foreign_keys.last_mut().filter(|_| !refused) {
                last.deferral = Deferral::Deferrable;
            }
        } else if token.is_word("DEFERRED") {
            let key = facts.foreign_keys.last_mut().filter(|key| key.deferral == Deferral::Deferrable);
            if let Some(key) = key {
                key.deferral = Deferral::Deferred;
            }
        } else if token.is_word("AUTOINCREMENT") {
            facts.autoincrement = true;
        } else if ["NOT", "NULL", "UNIQUE", "PRIMARY"].iter().any(|word| token.is_word(word)) {
            name = None;
        }
    }
    if let Some(column) = column {
        facts.columns.insert(column.to_lowercase(), column_facts);
    }
}

/// The items between the first opening parenthesis of the statement and its closing one.
fn list<'t, 's>(tokens: &'t [Token<'s>]) -> Vec<&'t [Token<'s>]> {
    let Some(open) = tokens.iter().position(|token| token.is_symbol(b'(')) else { return Vec::new() };
    let body = &tokens[open + 1..];
    let body = &body[..body.iter().position(|token| token.depth == 0).unwrap_or(body.len())];
    body.split(|token| token.depth == 1 && token.is_symbol(b',')).collect()
}

/// The text inside the parentheses that open at `item[open]`.
fn in_parentheses(sql: &str, item: &[Token<'_>], open: usize) -> Option<String> {
    let inside = item.get(open).filter(|token| token.is_symbol(b'('))?.depth + 1;
    let body = &item[open + 1..];
    let length = body.iter().position(|token| token.depth < inside)?;
    Some(text_of(sql, &body[..length]))
}

fn text_of(sql: &str, tokens: &[Token<'_>]) -> String {
    match (tokens.first(), tokens.last()) {
        (Some(first), Some(last)) => sql.get(first.span.start..last.span.end).unwrap_or_default().to_owned(),
        _ => String::new(),
    }
}

/// A token and how many parentheses are open around it. A parenthesis itself stands outside of what it encloses.
struct Token<'a> {
    text: &'a str,
    span: Range<usize>,
    depth: usize,
}

impl Token<'_> {
    fn is_word(&self, word: &str) -> bool {
        self.text.eq_ignore_ascii_case(word)
    }

    fn is_symbol(&self, symbol: u8) -> bool {
        self.text.as_bytes() == [symbol]
    }

    /// The name that the token stands for, without its quotes. SQLite takes a text in single quotes for a name too.
    fn name(&self) -> Option<String> {
        let inner = || self.text.get(1..self.text.len().checked_sub(1)?);
        match self.text.as_bytes().first()? {
            b'[' => inner().map(str::to_owned),
            quote @ (b'"' | b'`' | b'\'') => {
                let quote = char::from(*quote);
                inner().map(|name| name.replace(&format!("{quote}{quote}"), &quote.to_string()))
            }
            byte if is_name_byte(*byte) => Some(self.text.to_owned()),
            _ => None,
        }
    }
}

fn tokens(sql: &str) -> Vec<Token<'_>> {
    let bytes = sql.as_bytes();
    let mut tokens = Vec::new();
    let mut depth = 0_usize;
    let mut position = 0;
    while let Some(byte) = bytes.get(position) {
        let rest = &bytes[position..];
        let length = match byte {
            b'-' if rest.starts_with(b"--") => {
                position += rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
                continue;
            }
            b'/' if rest.starts_with(b"/*") => {
                let end = rest.windows(2).skip(2).position(|pair| pair == b"*/");
                position += end.map_or(rest.len(), |end| end + 4);
                continue;
            }
            byte if byte.is_ascii_whitespace() => {
                position += 1;
                continue;
            }
            b'\'' | b'"' | b'`' => quoted_length(rest, *byte),
            b'[' => rest.iter().position(|byte| *byte == b']').map_or(rest.len(), |end| end + 1),
            byte if is_name_byte(*byte) => rest.iter().position(|byte| !is_name_byte(*byte)).unwrap_or(rest.len()),
            _ => 1,
        };
        if *byte == b')' {
            depth = depth.saturating_sub(1);
        }
        let span = position..position + length;
        // Every token begins and ends at an ASCII byte or at the end of a run of name bytes, so the cut is between
        // characters.
        tokens.push(Token { text: sql.get(span.clone()).unwrap_or_default(), span, depth });
        if *byte == b'(' {
            depth += 1;
        }
        position += length;
    }
    tokens
}

fn quoted_length(rest: &[u8], quote: u8) -> usize {
    let mut end = 1;
    while let Some(byte) = rest.get(end) {
        end += 1;
        if *byte == quote {
            if rest.get(end) == Some(&quote) {
                end += 1;
            } else {
                break;
            }
        }
    }
    end
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$') || byte >= 0x80
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_tell_what_the_pragmas_do_not() {
        let facts = table_facts(
            "CREATE TABLE \"a(b\" ( -- a comment with ( and ,\n\
             id INTEGER PRIMARY KEY AUTOINCREMENT,\n\
             [odd, name] TEXT COLLATE NOCASE DEFAULT check NOT NULL CONSTRAINT \"short \"\"one\"\"\" CHECK (length([odd, name]) < 9),\n\
             /* CHECK (no) */ total REAL GENERATED ALWAYS AS (id * (2 + 1)) STORED,\n\
             parent INT CONSTRAINT fk REFERENCES p(x) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,\n\
             other INT REFERENCES p NOT DEFERRABLE INITIALLY DEFERRED, text TEXT DEFAULT 'CHECK (1)',\n\
             CHECK (id <> ')' AND total > 0), FOREIGN KEY (other) REFERENCES q(y) DEFERRABLE) STRICT",
        );
        assert!(facts.autoincrement);
        assert_eq!(
            facts.checks,
            [
                Check {
                    definition: None,
                    name: Some("short \"one\"".into()),
                    expression: "length([odd, name]) < 9".into(),
                    meaning: None,
                },
                Check { definition: None, name: None, expression: "id <> ')' AND total > 0".into(), meaning: None },
            ]
        );
        assert_eq!(facts.columns["odd, name"].collation.as_deref(), Some("NOCASE"));
        assert_eq!(facts.columns["total"].generated.as_deref(), Some("id * (2 + 1)"));
        assert_eq!(
            facts.foreign_keys,
            [
                ForeignKeyFacts { name: Some("fk".into()), deferral: Deferral::Deferred },
                ForeignKeyFacts { name: None, deferral: Deferral::Immediate },
                ForeignKeyFacts { name: None, deferral: Deferral::Deferrable },
            ]
        );
        assert_eq!(facts.columns.len(), 6);
    }

    #[test]
    fn indexes_tell_their_expressions() {
        let facts = index_facts(
            "CREATE UNIQUE INDEX i ON t (lower(a, ',') COLLATE NOCASE DESC, b ASC, (c COLLATE x)) WHERE d > 0 AND (e)",
        );
        assert_eq!(facts.parts, ["lower(a, ',')", "b", "(c COLLATE x)"]);
        assert_eq!(facts.predicate.as_deref(), Some("d > 0 AND (e)"));
    }

    #[test]
    fn modules_are_named() {
        assert_eq!(module("CREATE VIRTUAL TABLE [using (x)] USING fts5(a, b)").as_deref(), Some("fts5"));
        assert_eq!(module("create virtual table v using \"my mod\"").as_deref(), Some("my mod"));
        assert_eq!(module("CREATE TABLE t(a)"), None);
    }

    #[test]
    fn broken_text_does_not_panic() {
        let text = "CREATE TABLE t('é''(,\"`[ /* -- ) CHECK ( é COLLATE AS ( REFERENCES";
        for end in (0..=text.len()).filter(|end| text.is_char_boundary(*end)) {
            for start in (0..end).filter(|start| text.is_char_boundary(*start)) {
                table_facts(&text[start..end]);
                index_facts(&text[start..end]);
                module(&text[start..end]);
            }
        }
    }
}
