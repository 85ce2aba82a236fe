//! Lines of keys, foreign keys and checks of a definition.

use super::scan::{Kind, Token, closing, tokens};
use super::{Item, ItemKind};
use dbferry_dialect::CollectionName;
use dbferry_dialect::model::{Check, Deferral, ForeignKey, Index, IndexPart, IndexSubject, Key, ReferentialAction};

/// The first column of a key's line; `None` for an expression.
pub(crate) fn first_column(text: &str) -> Option<String> {
    let all = tokens(text);
    let open = all.iter().position(|token| token.is_symbol("("))?;
    all.get(open + 1).filter(|token| token.kind == Kind::Name).map(Token::value)
}

/// One part of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyPart {
    /// What is indexed.
    pub(crate) subject: IndexSubject,
    /// How many characters or bytes of it, if not all.
    pub(crate) prefix: Option<u64>,
    /// Whether it is sorted downwards.
    pub(crate) descending: bool,
    /// Whether it is a period that must not overlap.
    pub(crate) without_overlaps: bool,
    /// Whether an expression is this dialect's own spelling of one that is understood.
    pub(crate) spelled: bool,
}

/// The parts of a key's line.
pub(crate) fn parts(text: &str) -> Vec<KeyPart> {
    let all = tokens(text);
    let Some(open) = all.iter().position(|token| token.is_symbol("(")) else { return Vec::new() };
    let Some(close) = closing(&all, open) else { return Vec::new() };
    split_at_commas(all.get(open + 1..close).unwrap_or_default()).filter_map(|words| part(text, words)).collect()
}

fn part(text: &str, words: &[Token<'_>]) -> Option<KeyPart> {
    let first = words.first()?;
    let (subject, after) = if first.is_symbol("(") {
        let close = closing(words, 0)?;
        let inside = words.get(1..close)?;
        (IndexSubject::Expression(super::column::slice(text, inside)?.to_owned()), close + 1)
    } else {
        (IndexSubject::Column(first.value()), 1)
    };
    let rest = words.get(after..).unwrap_or_default();
    let prefix = rest.first().filter(|token| token.is_symbol("(")).and(rest.get(1));
    Some(KeyPart {
        subject,
        prefix: prefix.and_then(|number| number.text.parse().ok()),
        descending: rest.iter().any(|word| word.is_word("DESC")),
        without_overlaps: rest.iter().any(|word| word.is_word("OVERLAPS")),
        spelled: false,
    })
}

fn split_at_commas<'a, 't>(words: &'a [Token<'t>]) -> impl Iterator<Item = &'a [Token<'t>]> {
    let mut depth = 0_i64;
    words.split(move |token| {
        depth += i64::from(token.is_symbol("(")) - i64::from(token.is_symbol(")"));
        depth == 0 && token.is_symbol(",")
    })
}

/// A primary or unique key of whole columns; `None` when a part of it is an expression, a prefix or a period.
pub(crate) fn key(item: &Item) -> Option<Key> {
    let columns = parts(&item.text).into_iter().map(|part| match part.subject {
        IndexSubject::Column(name) if part.prefix.is_none() && !part.without_overlaps => Some(name),
        _ => None,
    });
    let columns: Vec<String> = columns.collect::<Option<_>>()?;
    Some(Key { name: item.name.clone(), columns, definition: Some(item.text.clone()) })
}

/// The primary key, whatever its parts: its columns in order.
pub(crate) fn primary_key(item: &Item) -> Key {
    let columns = parts(&item.text).into_iter().filter_map(|part| match part.subject {
        IndexSubject::Column(name) if !part.without_overlaps => Some(name),
        _ => None,
    });
    Key { name: None, columns: columns.collect(), definition: Some(item.text.clone()) }
}

/// An index.
pub(crate) fn index(item: &Item) -> Index {
    let parts = parts(&item.text).into_iter().map(|part| IndexPart {
        subject: part.subject,
        meaning: None,
        descending: part.descending,
        collation: None,
    });
    Index {
        name: item.name.clone().unwrap_or_default(),
        parts: parts.collect(),
        unique: item.kind == ItemKind::UniqueKey,
        predicate: None,
        condition: None,
        definition: Some(item.text.clone()),
    }
}

/// A foreign key: ``CONSTRAINT `n` FOREIGN KEY (`a`) REFERENCES `db`.`t` (`b`) ON DELETE CASCADE``.
pub(crate) fn foreign_key(item: &Item) -> Option<ForeignKey> {
    let all = tokens(&item.text);
    let open = all.iter().position(|token| token.is_symbol("("))?;
    let close = closing(&all, open)?;
    let names = |from: usize, to: usize| {
        let words = all.get(from..to).unwrap_or_default();
        words.iter().filter(|token| token.kind == Kind::Name).map(Token::value).collect::<Vec<_>>()
    };
    let second = all.iter().enumerate().skip(close).find(|(_, token)| token.is_symbol("(")).map(|(at, _)| at)?;
    let second_close = closing(&all, second)?;
    let mut path = names(close + 1, second);
    let table = path.pop()?;
    let namespace = path.pop().unwrap_or_else(|| crate::NAMESPACE.to_owned());
    let action = |event: &str| {
        let words = all.get(second_close..).unwrap_or_default();
        let at = words.iter().position(|word| word.is_word(event))?;
        Some(match (words.get(at + 1)?, words.get(at + 2)) {
            (word, _) if word.is_word("CASCADE") => ReferentialAction::Cascade,
            (word, _) if word.is_word("RESTRICT") => ReferentialAction::Restrict,
            (word, Some(second)) if word.is_word("SET") && second.is_word("NULL") => ReferentialAction::SetNull,
            (word, _) if word.is_word("SET") => ReferentialAction::SetDefault,
            _ => ReferentialAction::NoAction,
        })
    };
    Some(ForeignKey {
        name: item.name.clone(),
        columns: names(open + 1, close),
        references: CollectionName::new(namespace, table),
        referenced_columns: names(second + 1, second_close),
        on_delete: action("DELETE").unwrap_or_default(),
        on_update: action("UPDATE").unwrap_or_default(),
        deferred: Deferral::Immediate,
        definition: Some(item.text.clone()),
    })
}

/// A check constraint.
pub(crate) fn check(item: &Item) -> Option<Check> {
    let all = tokens(&item.text);
    let open = all.iter().position(|token| token.is_symbol("("))?;
    let close = closing(&all, open)?;
    let expression = super::column::slice(&item.text, all.get(open + 1..close)?)?;
    Some(Check {
        name: item.name.clone(),
        expression: expression.to_owned(),
        meaning: None,
        definition: Some(item.text.clone()),
    })
}
