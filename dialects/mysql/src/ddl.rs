//! Definitions: what `SHOW CREATE TABLE` prints, taken apart and put together again.
//!
//! The server's own text says everything about a table, so the model is filled from it, and a restore into a server of the
//! same flavour runs it again under another name, in parts: [`split_definition`]. For a server of the
//! other flavour [`build`] writes a new one from the model. What it is not: the way for archives of other dialects, which is
//! [`MySqlSyntax`].

pub(crate) mod build;
pub(crate) mod collation;
pub(crate) mod column;
pub(crate) mod key;
mod placement;
pub(crate) mod scan;

use crate::MySqlSyntax;
use dbferry_dialect::{Collection, Error, ErrorKind, Result, Syntax};
pub(crate) use placement::without_placement;
use scan::{Kind, Token, closing, tokens};

/// Attribute of collections and objects: the flavour of the server that printed their definition, `mysql` or `mariadb`.
pub(crate) const FLAVOUR: &str = "flavour";
/// Attribute of collections: the storage engine.
pub(crate) const ENGINE: &str = "engine";
/// Attribute of collections: how InnoDB lays out its rows.
pub(crate) const ROW_FORMAT: &str = "row-format";
/// Attribute of collections: the collation of columns that name none.
pub(crate) const COLLATION: &str = "collation";
/// Attribute of collections: the other options as the catalogue lists them.
pub(crate) const CREATE_OPTIONS: &str = "create-options";
/// Attribute of collections: `PARTITION BY ...`, in the server's own text.
pub(crate) const PARTITIONED: &str = "partitioned";
/// Attribute of collections: it keeps its history, [`BY_TIME`] or [`BY_TRANSACTION`].
pub(crate) const SYSTEM_VERSIONED: &str = "system-versioned";
/// The columns with [`PERIOD`](crate::types::PERIOD) say from when to when a row was valid; they may be columns that the
/// definition does not list. All rows are carried, those of the past too.
pub(crate) const BY_TIME: &str = "by-time";
/// Only the rows of the present are carried, without the columns of the period.
pub(crate) const BY_TRANSACTION: &str = "by-transaction";
/// Attribute of collections: its application-time period, `name(from,to)`.
pub(crate) const APPLICATION_PERIOD: &str = "application-period";

/// A `CREATE TABLE` statement in parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Definition {
    /// The table's name.
    pub(crate) name: String,
    /// What stands between the parentheses, in order.
    pub(crate) items: Vec<Item>,
    /// What follows them: options and partitions, beginning with a space or a line break.
    pub(crate) options: String,
}

/// One column, key or constraint of a definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Item {
    /// What it is.
    pub(crate) kind: ItemKind,
    /// Its name; a primary key has none.
    pub(crate) name: Option<String>,
    /// Its text, as it would follow `ADD` in an `ALTER TABLE`.
    pub(crate) text: String,
}

/// What an item of a definition is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ItemKind {
    /// A column.
    Column,
    /// The primary key.
    PrimaryKey,
    /// A unique key.
    UniqueKey,
    /// Any other key that is neither full-text nor spatial.
    Key,
    /// A full-text key.
    FullTextKey,
    /// A spatial key.
    SpatialKey,
    /// A key over vectors.
    VectorKey,
    /// A foreign key.
    ForeignKey,
    /// A check constraint of the table; those of a column are part of it.
    Check,
    /// A period for system time or for an application.
    Period,
}

impl ItemKind {
    /// Whether it is an index that a table can do without while it is loaded.
    pub(crate) fn is_secondary_key(self) -> bool {
        matches!(self, Self::UniqueKey | Self::Key | Self::FullTextKey | Self::SpatialKey | Self::VectorKey)
    }
}

/// Which parts of a definition a table is made with, beside its columns, its primary key and the keys that it cannot do
/// without.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Parts {
    /// The other keys.
    pub(crate) secondary_keys: bool,
    /// Foreign keys. Their names are unique in a database.
    pub(crate) foreign_keys: bool,
    /// Check constraints of the table. MySQL wants their names to be unique in a database, MariaDB in a table.
    pub(crate) checks: bool,
}

impl Parts {
    /// Everything.
    pub(crate) const ALL: Self = Self { secondary_keys: true, foreign_keys: true, checks: true };
}

/// Whether rows of the past are carried with those of the present: they are read and written only when asked for.
pub(crate) fn carries_history(collection: &Collection) -> bool {
    collection.attributes.get(SYSTEM_VERSIONED).is_some_and(|by| by == BY_TIME)
}

/// Takes a definition apart.
///
/// # Errors
/// [`ErrorKind::Incompatible`] when it is not one of a table.
pub(crate) fn split_definition(definition: &str) -> Result<Definition> {
    split(definition).ok_or_else(|| {
        Error::new(ErrorKind::Incompatible, "a table's definition is not understood")
            .with("dialect", crate::NAME)
            .with("definition", definition.chars().take(80).collect::<String>())
    })
}

impl Definition {
    /// The statement that makes the table under that name.
    pub(crate) fn create(&self, name: &str, parts: Parts) -> String {
        let needed = self.needed_key();
        let items = self.items.iter().enumerate().filter(|(at, item)| match item.kind {
            // Keys keep their order, so those before the needed one are made with it.
            kind if kind.is_secondary_key() => parts.secondary_keys || needed.is_some_and(|needed| *at <= needed),
            ItemKind::ForeignKey => parts.foreign_keys,
            ItemKind::Check => parts.checks,
            _ => true,
        });
        let items: Vec<_> = items.map(|(_, item)| item.text.as_str()).collect();
        let name = MySqlSyntax.quote_identifier(name);
        format!("CREATE TABLE {name} (\n  {}\n){}", items.join(",\n  "), self.options)
    }

    /// The keys that [`create`](Self::create) leaves out without [`Parts::secondary_keys`].
    pub(crate) fn secondary_keys(&self) -> impl Iterator<Item = &Item> {
        let needed = self.needed_key();
        let items = self.items.iter().enumerate();
        items
            .filter(move |(at, item)| item.kind.is_secondary_key() && needed.is_none_or(|needed| *at > needed))
            .map(|(_, item)| item)
    }

    /// Whether the table keeps its history.
    pub(crate) fn keeps_history(&self) -> bool {
        tokens(&self.options)
            .windows(3)
            .any(|three| three[0].is_word("WITH") && three[1].is_word("SYSTEM") && three[2].is_word("VERSIONING"))
    }

    /// The foreign keys.
    pub(crate) fn foreign_keys(&self) -> impl Iterator<Item = &Item> {
        self.of_kind(ItemKind::ForeignKey)
    }

    /// The check constraints of the table.
    pub(crate) fn checks(&self) -> impl Iterator<Item = &Item> {
        self.of_kind(ItemKind::Check)
    }

    /// The items of that kind.
    pub(crate) fn of_kind(&self, kind: ItemKind) -> impl Iterator<Item = &Item> {
        self.items.iter().filter(move |item| item.kind == kind)
    }

    /// The secondary key that the table has to be made with, if the primary key does not do: one that begins with the
    /// automatically numbered column, or else, without a primary key, a unique one, whose order InnoDB may keep its rows in.
    fn needed_key(&self) -> Option<usize> {
        let numbered = self.of_kind(ItemKind::Column).find_map(|item| {
            let words = tokens(&item.text);
            words.iter().any(|word| word.is_word("AUTO_INCREMENT")).then(|| item.name.clone()).flatten()
        });
        let first_is_numbered =
            |item: &Item| key::first_column(&item.text).is_some_and(|first| numbered.as_ref() == Some(&first));
        let has_primary = self.of_kind(ItemKind::PrimaryKey).next();
        let keys = || self.items.iter().enumerate().filter(|(_, item)| item.kind.is_secondary_key());
        if numbered.is_some() {
            if has_primary.is_some_and(first_is_numbered) {
                return None;
            }
            // MyISAM and Aria number within the groups of a longer key; then any key that has the column will do.
            let names_it = |item: &Item| {
                let name = numbered.as_deref().unwrap_or_default();
                tokens(&item.text).iter().skip(1).any(|token| token.kind == Kind::Name && token.value() == name)
            };
            if has_primary.is_some_and(names_it) {
                return keys().find(|(_, item)| first_is_numbered(item)).map(|(at, _)| at);
            }
            return keys()
                .find(|(_, item)| first_is_numbered(item))
                .or_else(|| keys().find(|(_, item)| names_it(item)))
                .map(|(at, _)| at);
        }
        if has_primary.is_some() {
            return None;
        }
        keys().find(|(_, item)| item.kind == ItemKind::UniqueKey).map(|(at, _)| at)
    }
}

fn split(definition: &str) -> Option<Definition> {
    let all = tokens(definition);
    let table = all.iter().position(|token| token.is_word("TABLE"))?;
    let name = all.get(table + 1).filter(|token| token.kind == Kind::Name)?.value();
    let open = all.iter().position(|token| token.is_symbol("("))?;
    let close = closing(&all, open)?;
    let mut items = Vec::new();
    let mut from = all.get(open)?.end();
    let mut first = open + 1;
    let mut depth = 0_usize;
    for (at, token) in all.iter().enumerate().take(close + 1).skip(open + 1) {
        let ends = depth == 0 && (token.is_symbol(",") || at == close);
        if ends {
            let text = definition.get(from..token.start)?.trim();
            items.push(item(all.get(first..at)?, text)?);
            from = token.end();
            first = at + 1;
        } else if token.is_symbol("(") {
            depth += 1;
        } else if token.is_symbol(")") {
            depth = depth.checked_sub(1)?;
        }
    }
    Some(Definition { name, items, options: definition.get(all.get(close)?.end()..)?.to_owned() })
}

fn item(words: &[Token<'_>], text: &str) -> Option<Item> {
    let first = words.first()?;
    let name_at = |at: usize| words.get(at).filter(|token| token.kind == Kind::Name).map(Token::value);
    let named = |at: usize| name_at(at).map(Some);
    let (kind, name) = if first.kind == Kind::Name {
        (ItemKind::Column, Some(first.value()))
    } else {
        match first.text.to_ascii_uppercase().as_str() {
            "PRIMARY" => (ItemKind::PrimaryKey, None),
            "UNIQUE" => (ItemKind::UniqueKey, named(2)?),
            "KEY" | "INDEX" => (ItemKind::Key, named(1)?),
            "FULLTEXT" => (ItemKind::FullTextKey, named(2)?),
            "SPATIAL" => (ItemKind::SpatialKey, named(2)?),
            "VECTOR" => (ItemKind::VectorKey, named(2)?),
            "CHECK" => (ItemKind::Check, None),
            "PERIOD" => (ItemKind::Period, None),
            "CONSTRAINT" => {
                let kind = match words.get(2)? {
                    word if word.is_word("FOREIGN") => ItemKind::ForeignKey,
                    word if word.is_word("CHECK") => ItemKind::Check,
                    _ => return None,
                };
                (kind, named(1)?)
            }
            _ => return None,
        }
    };
    Some(Item { kind, name, text: text.to_owned() })
}

/// A server's text without the name of the database that it was printed in, so that it can run in another one.
///
/// A table or a sequence is `` `database`.`name` ``, its column one name longer, a function has a parenthesis after it. Where
/// an alias has the database's name, `` `alias`.`column` `` looks the same as a table, so only what is certain is changed:
/// three names, a call, the sequence of one, or what follows `FROM`, `JOIN` or `REFERENCES`.
pub(crate) fn without_database(text: &str, database: &str) -> String {
    let all = tokens(text);
    let is_database = |token: &Token<'_>| token.kind == Kind::Name && token.value() == database;
    let is_point = |at: usize| all.get(at).is_some_and(|token| token.is_symbol("."));
    let is_name = |at: usize| all.get(at).is_some_and(|token| token.kind == Kind::Name);
    let after_point = |at: usize| at.checked_sub(1).is_some_and(is_point);
    let qualifies = |at: usize| is_point(at + 1) && is_name(at + 2);
    let names_else =
        all.iter().enumerate().any(|(at, token)| is_database(token) && (!qualifies(at) || after_point(at)));
    let mut result = String::with_capacity(text.len());
    let mut from = 0;
    for (at, token) in all.iter().enumerate() {
        if !is_database(token) || !qualifies(at) || after_point(at) {
            continue;
        }
        // The word before it and any parentheses that open between them.
        let before = all.get(..at).and_then(|before| before.iter().rev().find(|token| !token.is_symbol("(")));
        let follows = |words: &[&str]| before.is_some_and(|before| words.iter().any(|word| before.is_word(word)));
        let certain = is_point(at + 3)
            || all.get(at + 3).is_some_and(|token| token.is_symbol("("))
            || follows(&["FROM", "JOIN", "REFERENCES", "NEXTVAL", "LASTVAL", "SETVAL"]);
        if certain || !names_else {
            result.push_str(text.get(from..token.start).unwrap_or_default());
            from = all.get(at + 2).map_or(text.len(), |name| name.start);
        }
    }
    result.push_str(text.get(from..).unwrap_or_default());
    result
}

/// A trigger's text as its author wrote it, without the database's name before its own name and its table's.
pub(crate) fn header_without_database(text: &str, database: &str) -> String {
    let all = tokens(text);
    let body = all.iter().position(|token| token.is_word("EACH")).unwrap_or(all.len());
    let mut result = String::with_capacity(text.len());
    let mut from = 0;
    for at in all.iter().take(body).enumerate().skip(1).filter(|(_, token)| token.is_symbol(".")).map(|(at, _)| at) {
        let (Some(before), Some(after)) = (all.get(at - 1), all.get(at + 1)) else { continue };
        if before.kind != Kind::Symbol && before.value() == database {
            result.push_str(text.get(from..before.start).unwrap_or_default());
            from = after.start;
        }
    }
    result.push_str(text.get(from..).unwrap_or_default());
    result
}

/// The text of a view, trigger, routine or event without `DEFINER=...`: who runs it, owns it.
pub(crate) fn without_definer(text: &str) -> String {
    let all = tokens(text);
    // It stands before the word for what is created, and there is at most `OR REPLACE` and `ALGORITHM=...` before it.
    let Some(at) = all.iter().take(8).position(|token| token.is_word("DEFINER")) else { return text.to_owned() };
    // `DEFINER`, `=`, the user, `@`, the host; a role has no host.
    let has_host = all.get(at + 3).is_some_and(|token| token.is_symbol("@"));
    let (Some(definer), Some(next)) = (all.get(at), all.get(at + if has_host { 5 } else { 3 })) else {
        return text.to_owned();
    };
    let (before, after) = (text.get(..definer.start), text.get(next.start..));
    format!("{}{}", before.unwrap_or_default(), after.unwrap_or_default())
}

#[cfg(test)]
mod tests;
