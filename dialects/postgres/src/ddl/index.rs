//! Indexes, and definitions that are to name another table than the one that they were read for.

use super::{INDEX_PARENTS, INDEX_SETTINGS, json};
use crate::PostgresSyntax;
use dbferry_dialect::model::Index;
use dbferry_dialect::{Collection, CollectionName, Syntax};
use serde_json::Value;

/// The words that stand before the table in the definitions of indexes, triggers, policies, rules, statistics and foreign
/// keys.
const BEFORE_TABLE: [&str; 6] = ["ON", "ONLY", "TABLE", "TO", "FROM", "REFERENCES"];

/// The same definition for another table: the first place outside quotes where `from` stands after `ON`, `ONLY`, `TABLE`,
/// `TO`, `FROM` or `REFERENCES` names `to` instead. `None` when there is no such place.
///
/// The server quotes a name only where it must, so names are compared by what they mean.
pub(crate) fn retarget(definition: &str, from: &CollectionName, to: &CollectionName) -> Option<String> {
    let mut tokens = Tokens { text: definition, position: 0 };
    let mut after_word = false;
    while let Some((start, token)) = tokens.next() {
        if after_word && tokens.names(start, token, from) {
            let mut text = definition[..start].to_owned();
            text.push_str(&PostgresSyntax.qualified(to));
            text.push_str(&definition[tokens.position..]);
            return Some(text);
        }
        after_word =
            matches!(token, Token::Word(word) if BEFORE_TABLE.iter().any(|known| known.eq_ignore_ascii_case(word)));
    }
    None
}

/// The access method that an index's definition names.
pub(crate) fn method(definition: &str) -> Option<String> {
    let mut tokens = Tokens { text: definition, position: 0 };
    while let Some((_, token)) = tokens.next() {
        if matches!(token, Token::Word(word) if word.eq_ignore_ascii_case("USING")) {
            return tokens.next().and_then(|(_, token)| token.identifier());
        }
    }
    None
}

/// The name that a text is, quoted where it must be: `public."My sequence"`.
pub(crate) fn qualified_name(text: &str) -> Option<CollectionName> {
    let mut tokens = Tokens { text, position: 0 };
    let (_, namespace) = tokens.next()?;
    tokens.text[tokens.position..].starts_with('.').then_some(())?;
    tokens.position += 1;
    let (_, name) = tokens.next()?;
    (tokens.position == text.len()).then_some(CollectionName::new(namespace.identifier()?, name.identifier()?))
}

/// `CREATE INDEX` for a table that is made as `table`: by its own definition where there is one, which is then an exact copy,
/// else from the model.
pub(crate) fn create(table: &CollectionName, collection: &Collection, index: &Index) -> Option<String> {
    match &index.definition {
        Some(definition) => retarget(definition, &collection.name, table),
        None => PostgresSyntax.create_index(table, collection, index),
    }
}

/// `ATTACH PARTITION` for each index of a partition that is a part of its parent's index, once the partition is attached
/// and both indexes are there.
pub(crate) fn attach(collection: &Collection) -> Vec<String> {
    let parents = json(collection, INDEX_PARENTS);
    let pairs = parents.as_object().into_iter().flatten();
    pairs
        .filter_map(|(index, parent)| {
            let index = CollectionName::new(&collection.name.namespace, index);
            let (parent, index) = (PostgresSyntax.qualified(&name_of(parent)?), PostgresSyntax.qualified(&index));
            Some(format!("ALTER INDEX {parent} ATTACH PARTITION {index}"))
        })
        .collect()
}

/// What `CREATE INDEX` does not say, once the indexes are there under their own names.
pub(crate) fn settings(collection: &Collection) -> Vec<String> {
    let list = json(collection, INDEX_SETTINGS);
    list.as_array().into_iter().flatten().filter_map(|text| text.as_str().map(str::to_owned)).collect()
}

/// A name as attributes hold it: `["public", "a"]`.
pub(super) fn name_of(value: &Value) -> Option<CollectionName> {
    Some(CollectionName::new(value[0].as_str()?, value[1].as_str()?))
}

#[derive(Clone, Copy)]
enum Token<'t> {
    Word(&'t str),
    Quoted(&'t str),
    Other,
}

impl Token<'_> {
    /// The identifier that it is.
    fn identifier(self) -> Option<String> {
        match self {
            Self::Word(word) => Some(word.to_lowercase()),
            Self::Quoted(inside) => Some(inside.replace("\"\"", "\"")),
            Self::Other => None,
        }
    }
}

/// SQL as the server prints it: words, quoted names, everything else. Texts are skipped whole.
struct Tokens<'t> {
    text: &'t str,
    position: usize,
}

impl<'t> Tokens<'t> {
    fn next(&mut self) -> Option<(usize, Token<'t>)> {
        let rest = &self.text[self.position..];
        let rest = rest.trim_start();
        let start = self.text.len() - rest.len();
        let first = rest.chars().next()?;
        let (length, token) = match first {
            '"' => {
                let length = quoted_length(rest, '"');
                (length, Token::Quoted(rest.get(1..length - 1).unwrap_or_default()))
            }
            '\'' => (quoted_length(rest, '\''), Token::Other),
            _ if first == '_' || first.is_alphabetic() => {
                let is_part = |c: char| c == '_' || c == '$' || c.is_alphanumeric();
                let length = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
                // The prefix of a text that has escapes: `E'...'`.
                if length == 1 && matches!(first, 'E' | 'e') && rest[1..].starts_with('\'') {
                    (1 + escaped_length(&rest[1..]), Token::Other)
                } else {
                    (length, Token::Word(&rest[..length]))
                }
            }
            '$' => (dollar_length(rest), Token::Other),
            _ => (first.len_utf8(), Token::Other),
        };
        self.position = start + length;
        Some((start, token))
    }

    /// Whether `token` and what follows are that name; the position is after it then, and where it was otherwise.
    fn names(&mut self, start: usize, token: Token<'t>, name: &CollectionName) -> bool {
        let here = self.position;
        debug_assert!(start <= here);
        let found =
            token.identifier().as_deref() == Some(&name.namespace) && self.text[self.position..].starts_with('.') && {
                self.position += 1;
                self.next().and_then(|(_, token)| token.identifier()).as_deref() == Some(&name.name)
            };
        if !found {
            self.position = here;
        }
        found
    }
}

/// The length of a quoted thing at the start of `text`, its quotes included; a quote inside is doubled.
fn quoted_length(text: &str, quote: char) -> usize {
    let mut rest = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = rest.next() {
        if c == quote {
            if rest.peek().is_some_and(|(_, next)| *next == quote) {
                rest.next();
            } else {
                return at + 1;
            }
        }
    }
    text.len()
}

/// The same for a text with backslash escapes.
fn escaped_length(text: &str) -> usize {
    let mut rest = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = rest.next() {
        match c {
            '\\' => _ = rest.next(),
            '\'' if rest.peek().is_some_and(|(_, next)| *next == '\'') => _ = rest.next(),
            '\'' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// The same for `$tag$...$tag$`; 1 when it is a parameter or a stray sign.
fn dollar_length(text: &str) -> usize {
    let Some(end) = text[1..].find('$').map(|end| end + 2) else { return 1 };
    let tag = &text[..end];
    let plain = tag[1..end - 1].chars().all(|c| c == '_' || c.is_alphanumeric());
    if !plain || tag[1..].starts_with(|c: char| c.is_ascii_digit()) {
        return 1;
    }
    text[end..].find(tag).map_or(text.len(), |at| end + at + tag.len())
}
