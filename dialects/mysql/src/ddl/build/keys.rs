//! Keys, foreign keys and checks of a definition that is built.

use super::Builder;
use crate::MySqlSyntax;
use crate::ddl::key::{self, KeyPart};
use crate::ddl::scan::tokens;
use crate::ddl::{ENGINE, Item, ItemKind};
use crate::types::NativeText;
use dbferry_dialect::model::{Deferral, ForeignKey, Index, IndexPart, IndexSubject, ReferentialAction};
use dbferry_dialect::{CollectionName, LogicalType, Syntax};
use std::collections::BTreeMap;

/// Characters or bytes of a long column that an index looks at; with utf8mb4 the longest that any row format can.
const PREFIX: u64 = 191;

impl Builder<'_> {
    /// The primary key, the other keys, the indexes.
    pub(super) fn keys(&mut self, items: &mut Vec<Item>) {
        let collection = self.collection;
        for key in collection.primary_key.iter().filter(|key| !key.columns.is_empty()) {
            let own = key.definition.as_deref().filter(|_| self.is_own).map(key::parts);
            let mut parts = own.unwrap_or_else(|| whole(&key.columns));
            // What versioning numbers is not carried.
            parts.retain(|part| !matches!(&part.subject, IndexSubject::Column(name) if !key.columns.contains(name)));
            // What versioning adds is in no definition.
            let added = key.columns.iter().skip(parts.len()).map(|column| plain_part(column));
            let parts: Vec<KeyPart> = parts.into_iter().chain(added).collect();
            let text = format!(
                "PRIMARY KEY ({})",
                parts.iter().filter_map(|part| self.part(part)).collect::<Vec<_>>().join(",")
            );
            items.push(Item { kind: ItemKind::PrimaryKey, name: None, text });
        }
        for (at, key) in collection.unique_keys.iter().enumerate().filter(|(_, key)| !key.columns.is_empty()) {
            let name =
                key.name.clone().unwrap_or_else(|| shortened(&collection.name.name, &format!("_key_{}", at + 1)));
            let own = key.definition.as_deref().filter(|_| self.is_own).map(str::to_owned);
            self.key(items, ItemKind::UniqueKey, &name, whole(&key.columns), own.as_deref());
        }
        for index in &collection.indexes {
            self.index(items, index);
        }
        if !self.is_own {
            self.keys_of_foreign_keys(items);
        }
    }

    /// InnoDB needs an index for each foreign key. A server would make it when it makes the foreign key, in the middle of a switch;
    /// so it is made before, under the name that the server would choose.
    fn keys_of_foreign_keys(&mut self, items: &mut Vec<Item>) {
        let collection = self.collection;
        for key in &collection.foreign_keys {
            let parts = whole(&key.columns);
            let Some(first) = key.columns.first().filter(|_| !parts.iter().any(|part| self.is_long(part))) else {
                continue;
            };
            let begins = |item: &Item| {
                let whole = |part: KeyPart| match part.subject {
                    IndexSubject::Column(name) if part.prefix.is_none() => Some(name),
                    _ => None,
                };
                let columns: Vec<String> = key::parts(&item.text).into_iter().map_while(whole).collect();
                columns.starts_with(&key.columns)
            };
            let is_sorted =
                |item: &Item| matches!(item.kind, ItemKind::PrimaryKey | ItemKind::UniqueKey | ItemKind::Key);
            if items.iter().any(|item| is_sorted(item) && begins(item)) {
                continue;
            }
            let wanted = key.name.as_deref().filter(|name| !name.is_empty()).unwrap_or(first);
            let is_free = |name: &str| {
                let has_it = |item: &Item| item.name.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(name));
                !items.iter().any(|item| item.kind.is_secondary_key() && has_it(item))
            };
            let numbered = (2..).map(|number| shortened(wanted, &format!("_{number}")));
            let name = std::iter::once(shortened(wanted, "")).chain(numbered).find(|name| is_free(name));
            self.key(items, ItemKind::Key, &name.unwrap_or_default(), parts, None);
        }
    }

    fn index(&mut self, items: &mut Vec<Item>, index: &Index) {
        if let Some(own) = index.definition.as_deref().filter(|_| self.is_own) {
            let kind = match tokens(own).first().map_or("", |word| word.text).to_ascii_uppercase().as_str() {
                "UNIQUE" => ItemKind::UniqueKey,
                "FULLTEXT" => ItemKind::FullTextKey,
                "SPATIAL" => ItemKind::SpatialKey,
                "VECTOR" => ItemKind::VectorKey,
                _ => ItemKind::Key,
            };
            self.key(items, kind, &index.name, key::parts(own), Some(own));
            return;
        }
        if index.predicate.is_some() && !index.unique {
            self.note(&format!("index {} is left out: it is for some rows only", index.name));
            return;
        }
        let kind = if index.unique { ItemKind::UniqueKey } else { ItemKind::Key };
        if index.predicate.is_some() {
            self.note(&format!("unique index {} is left out: it is for some rows only", index.name));
            return;
        }
        let part = |part: &IndexPart| {
            let plain = KeyPart {
                subject: part.subject.clone(),
                prefix: None,
                descending: part.descending,
                without_overlaps: false,
                spelled: false,
            };
            let Some(meaning) = &part.meaning else { return plain };
            if let Some((column, length)) = crate::syntax::prefix(meaning) {
                return KeyPart { subject: IndexSubject::Column(column.to_owned()), prefix: Some(length), ..plain };
            }
            match MySqlSyntax.expression(self.collection, meaning) {
                Some(text) => KeyPart { subject: IndexSubject::Expression(text), spelled: true, ..plain },
                None => plain,
            }
        };
        self.key(items, kind, &index.name, index.parts.iter().map(part).collect(), None);
    }

    fn key(&mut self, items: &mut Vec<Item>, kind: ItemKind, name: &str, parts: Vec<KeyPart>, own: Option<&str>) {
        let words = own.map(tokens).unwrap_or_default();
        let says = |word: &str| words.iter().any(|token| token.is_word(word));
        let is_expression = |part: &KeyPart| matches!(part.subject, IndexSubject::Expression(_));
        let has_expression = parts.iter().any(|part| is_expression(part) && !part.spelled);
        let problem = if parts.iter().any(|part| part.without_overlaps) {
            Some("it forbids the periods of its rows to overlap, and the period is not carried over")
        } else if has_expression && !(self.expressions() && self.is_mysql()) {
            Some("it is over an expression")
        } else if parts.iter().any(|part| self.is_json(part)) {
            Some("it is over JSON")
        } else if kind == ItemKind::VectorKey {
            Some("it is over vectors")
        } else if kind == ItemKind::UniqueKey && self.is_over_long_column(&parts) {
            Some("it is over a long text")
        } else {
            None
        };
        if let Some(problem) = problem {
            self.note(&format!("index {name} is left out: {problem}"));
            return;
        }
        let prefixed: Vec<KeyPart> = parts.into_iter().map(|part| self.with_prefix(kind, part)).collect();
        let parts: Option<Vec<String>> = prefixed.iter().map(|part| self.part(part)).collect();
        let Some(parts) = parts else {
            self.note(&format!("index {name} is left out: it has a part that cannot be carried over"));
            return;
        };
        let word = match kind {
            ItemKind::UniqueKey => "UNIQUE KEY",
            ItemKind::FullTextKey => "FULLTEXT KEY",
            ItemKind::SpatialKey => "SPATIAL KEY",
            _ => "KEY",
        };
        let mut text = format!("{word} {} ({})", MySqlSyntax.quote_identifier(name), parts.join(","));
        if says("PARSER") {
            self.note(&format!("index {name} takes texts apart in the server's own way, not with its parser"));
        }
        if says("BTREE") {
            text.push_str(" USING BTREE");
        } else if says("HASH") && self.collection.attributes.get(ENGINE).is_some_and(|engine| engine == "MEMORY") {
            text.push_str(" USING HASH");
        }
        let comment = words.iter().position(|token| token.is_word("COMMENT")).and_then(|at| words.get(at + 1));
        if let Some(comment) = comment {
            text.push_str(&format!(" COMMENT {}", MySqlSyntax.quote_text(&comment.value())));
        }
        if says("INVISIBLE") || says("IGNORED") {
            match self.target {
                Some(target) if target.is_mariadb_from((10, 6, 0)) => text.push_str(" IGNORED"),
                Some(target) if target.is_mysql_from((8, 0, 0)) => text.push_str(" INVISIBLE"),
                _ => self.note(&format!("index {name} is used again")),
            }
        }
        items.push(Item { kind, name: Some(name.to_owned()), text });
    }

    /// A part in words; `None` for an expression that the target cannot have.
    fn part(&self, part: &KeyPart) -> Option<String> {
        let mut text = match &part.subject {
            IndexSubject::Column(column) => MySqlSyntax.quote_identifier(column),
            IndexSubject::Expression(expression) if part.spelled => format!("({expression})"),
            IndexSubject::Expression(expression) => format!("({})", self.expression(expression).ok()?),
        };
        if let Some(prefix) = part.prefix {
            text.push_str(&format!("({prefix})"));
        }
        if part.descending {
            text.push_str(" DESC");
        }
        Some(text)
    }

    /// An index over a long column looks at its beginning.
    fn with_prefix(&self, kind: ItemKind, mut part: KeyPart) -> KeyPart {
        if kind == ItemKind::Key && part.prefix.is_none() && self.is_long(&part) {
            part.prefix = Some(PREFIX);
        }
        part
    }

    /// MySQL's own type of JSON takes no index.
    fn is_json(&self, part: &KeyPart) -> bool {
        let IndexSubject::Column(name) = &part.subject else { return false };
        let Some((_, column)) = self.collection.column(name) else { return false };
        !self.is_own && column.logical == LogicalType::Json
    }

    fn is_over_long_column(&self, parts: &[KeyPart]) -> bool {
        parts.iter().any(|part| part.prefix.is_none() && self.is_long(part))
    }

    fn is_long(&self, part: &KeyPart) -> bool {
        let IndexSubject::Column(name) = &part.subject else { return false };
        let Some((_, column)) = self.collection.column(name) else { return false };
        let own = NativeText::parse(&column.native.text);
        let native = if self.is_own && own.is_known() && column.logical != LogicalType::Json {
            own
        } else {
            NativeText::parse(&MySqlSyntax.column_type(self.collection, column).text)
        };
        let is_long = native.base.ends_with("text") || native.base.ends_with("blob");
        // Texts of other dialects can be too wide for an index of several.
        is_long || !self.is_own && native.base == "varchar" && native.arguments.first().is_some_and(|n| *n > 255)
    }

    /// The foreign keys, those of other dialects too.
    pub(super) fn foreign_keys(&mut self, items: &mut Vec<Item>, parent_keys: &BTreeMap<CollectionName, Vec<String>>) {
        let collection = self.collection;
        for (at, key) in collection.foreign_keys.iter().enumerate() {
            let name =
                key.name.clone().unwrap_or_else(|| shortened(&collection.name.name, &format!("_ibfk_{}", at + 1)));
            let referenced = if key.referenced_columns.is_empty() {
                parent_keys.get(&key.references).cloned()
            } else {
                Some(key.referenced_columns.clone())
            };
            let Some(referenced) = referenced.filter(|columns| columns.len() == key.columns.len()) else {
                self.note(&format!("foreign key {name} is left out: what it refers to has no primary key"));
                continue;
            };
            let text = self.foreign_key(&name, key, &referenced);
            items.push(Item { kind: ItemKind::ForeignKey, name: Some(name), text });
        }
    }

    fn foreign_key(&mut self, name: &str, key: &ForeignKey, referenced: &[String]) -> String {
        let names = |columns: &[String]| {
            columns.iter().map(|column| MySqlSyntax.quote_identifier(column)).collect::<Vec<_>>().join(", ")
        };
        let table = MySqlSyntax.qualified(&key.references);
        let mut text = format!(
            "CONSTRAINT {} FOREIGN KEY ({}) REFERENCES {table} ({})",
            MySqlSyntax.quote_identifier(name),
            names(&key.columns),
            names(referenced)
        );
        if key.deferred != Deferral::Immediate {
            self.note(&format!("foreign key {name} is checked at once, not at the end of a transaction"));
        }
        let has_required =
            key.columns.iter().any(|name| self.collection.column(name).is_some_and(|(_, column)| !column.nullable));
        for (event, action) in [("DELETE", key.on_delete), ("UPDATE", key.on_update)] {
            match action {
                ReferentialAction::NoAction => {}
                ReferentialAction::SetDefault => {
                    self.note(&format!("foreign key {name} does not set defaults, which InnoDB cannot"));
                }
                ReferentialAction::SetNull if has_required => {
                    self.note(&format!("foreign key {name} does not set nulls, which a column of it forbids"));
                }
                action => text.push_str(&format!(" ON {event} {}", MySqlSyntax.referential_action(action))),
            }
        }
        text
    }

    /// The check constraints of the table.
    pub(super) fn checks(&mut self, items: &mut Vec<Item>) {
        let collection = self.collection;
        for check in &collection.checks {
            let name = check.name.clone().unwrap_or_default();
            let spelled = check.meaning.as_ref().and_then(|meaning| MySqlSyntax.expression(collection, meaning));
            if let Some(condition) = spelled {
                let named =
                    check.name.as_ref().map(|name| format!("CONSTRAINT {} ", MySqlSyntax.quote_identifier(name)));
                let text = format!("{}CHECK ({condition})", named.unwrap_or_default());
                items.push(Item { kind: ItemKind::Check, name: check.name.clone(), text });
                continue;
            }
            if !self.expressions() {
                self.note(&format!("check {name} ({}) is not carried over", check.expression));
                continue;
            }
            let is_enforced = !crate::syntax::is_not_enforced(check);
            if !is_enforced && !self.is_mysql() {
                self.note(&format!("check {name} is left out: it is not enforced, and there it would be"));
                continue;
            }
            match self.expression(&check.expression) {
                Ok(expression) => {
                    // A name that the server gave is one of the table, and would be one of the database.
                    let own = check.name.as_ref().filter(|name| !(self.is_mysql() && is_given_by_mariadb(name)));
                    let named = own.map(|name| format!("CONSTRAINT {} ", MySqlSyntax.quote_identifier(name)));
                    let enforced = if is_enforced { "" } else { " NOT ENFORCED" };
                    let text = format!("{}CHECK ({expression}){enforced}", named.unwrap_or_default());
                    items.push(Item { kind: ItemKind::Check, name: own.cloned(), text });
                }
                Err(function) => self.note(&format!("check {name} is left out, since there is no {function}() there")),
            }
        }
    }
}

/// A name that is made of a table's, cut to what a name can be.
fn shortened(table: &str, suffix: &str) -> String {
    let room = 64_usize.saturating_sub(suffix.chars().count());
    table.chars().take(room).chain(suffix.chars()).collect()
}

/// What MariaDB calls a check that nobody named: `CONSTRAINT_1`.
fn is_given_by_mariadb(name: &str) -> bool {
    let number = name.strip_prefix("CONSTRAINT_");
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

fn plain_part(column: &str) -> KeyPart {
    KeyPart {
        subject: IndexSubject::Column(column.to_owned()),
        prefix: None,
        descending: false,
        without_overlaps: false,
        spelled: false,
    }
}

fn whole(columns: &[String]) -> Vec<KeyPart> {
    columns.iter().map(|column| plain_part(column)).collect()
}
