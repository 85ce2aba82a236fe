//! Columns of a definition that is built.

use super::Builder;
use crate::MySqlSyntax;
use crate::ddl::scan::tokens;
use crate::ddl::{Item, ItemKind, collation};
use crate::syntax::default_of;
use crate::types::{self, NativeText};
use dbferry_dialect::{Column, LogicalType, Syntax};

/// Bytes of a row without its long texts, which the server limits to 65535: <https://dev.mysql.com/doc/refman/9.0/en/column-count-limit.html>
const ROW_BYTES: u64 = 60_000;

/// The first MariaDB with vectors.
const VECTORS: (u16, u16, u16) = (11, 7, 0);

impl Builder<'_> {
    /// The line of a column.
    pub(super) fn column(&mut self, column: &Column) -> Item {
        let native = self.native(column);
        let quoted = MySqlSyntax.quote_identifier(&column.name);
        let mut text = format!("{quoted} {native}");
        if self.is_own {
            text.push_str(&self.character_set(column, &native));
        } else if matches!(column.logical, LogicalType::Uuid | LogicalType::Network { .. }) {
            text.push_str(" CHARACTER SET ascii COLLATE ascii_bin");
        }
        if let Some(srid) = self.srid(column).filter(|_| self.is_mariadb()) {
            self.note(&format!("column {} may hold any spatial reference system there, not only {srid}", column.name));
            text.push_str(&format!(" REF_SYSTEM_ID={srid}"));
        }
        let generated = self.generated(column);
        let is_generated = generated.is_some();
        text.push_str(&generated.unwrap_or_default());
        if !column.nullable {
            text.push_str(" NOT NULL");
        } else if native.starts_with("timestamp") {
            // Without it older servers give the first one a default and no nulls.
            text.push_str(" NULL");
        }
        if let Some(srid) = self.srid(column).filter(|_| self.is_mysql()) {
            text.push_str(&format!(" SRID {srid}"));
        }
        let numbered = self.is_numbered(column, &native);
        let mut has_default = false;
        if numbered {
            text.push_str(" AUTO_INCREMENT");
        } else if !is_generated {
            if let Some(default) = self.default(column, &native) {
                has_default = true;
                text.push_str(&format!(" DEFAULT {default}"));
            }
            text.push_str(&self.on_update(column, &native));
        }
        if column.native.parameters.contains_key(types::INVISIBLE) && self.is_own {
            // MariaDB wants a value for it from somewhere.
            if column.nullable || has_default || numbered || is_generated || self.is_mysql() {
                text.push_str(" INVISIBLE");
            } else {
                self.note(&format!("column {} becomes visible, since it has no default", column.name));
            }
        }
        if let Some(comment) = &column.comment {
            text.push_str(&format!(" COMMENT {}", MySqlSyntax.quote_text(comment)));
        }
        // MariaDB's json is just this; MySQL's would not keep the text to the letter.
        let is_json_text = column.logical == LogicalType::Json && native == "longtext";
        if is_json_text && !(self.is_own && self.is_checked_elsewhere(column)) {
            text.push_str(&format!(" CHECK (json_valid({quoted}))"));
        }
        for (parameter, what) in [
            (types::COMPRESSED, "is no longer compressed"),
            (types::PERIOD, "is a plain column, without system versioning"),
        ] {
            if self.is_own && column.native.parameters.contains_key(parameter) {
                self.note(&format!("column {} {what}", column.name));
            }
        }
        Item { kind: ItemKind::Column, name: Some(column.name.clone()), text }
    }

    /// The type in words that the target has.
    fn native(&mut self, column: &Column) -> String {
        if let Some(imposed) = &column.native.imposed {
            return imposed.clone();
        }
        let own = NativeText::parse(&column.native.text);
        if !self.is_own || !own.is_known() {
            return MySqlSyntax.column_type(self.collection, column).text;
        }
        let has_vectors =
            self.target.is_some_and(|target| target.is_mysql_from((9, 0, 0)) || target.is_mariadb_from(VECTORS));
        let other = match own.base.as_str() {
            "uuid" if !self.is_mariadb() => "char(36)",
            "inet6" if !self.is_mariadb() => "varchar(39)",
            "inet4" if !self.is_mariadb() => "varchar(15)",
            "json" if !self.is_mysql() => "longtext",
            "vector" if !has_vectors => "longtext",
            _ => return own.text,
        };
        self.note(&format!("column {} is {other}, for want of {} there", column.name, own.base));
        other.to_owned()
    }

    fn character_set(&mut self, column: &Column, native: &str) -> String {
        if native == "longtext" && column.logical == LogicalType::Json {
            return " CHARACTER SET utf8mb4 COLLATE utf8mb4_bin".to_owned();
        }
        if matches!(column.logical, LogicalType::Uuid | LogicalType::Network { .. }) && native.contains("char") {
            return " CHARACTER SET ascii COLLATE ascii_bin".to_owned();
        }
        let Some(own) = column.collation.as_deref().filter(|name| is_plain(name)) else { return String::new() };
        let is_text = ["char", "text", "enum", "set"]
            .iter()
            .any(|word| native.split('(').next().is_some_and(|base| base.ends_with(word)));
        if !is_text {
            return String::new();
        }
        let translated = collation::translate(own, self.target);
        if let Some(other) = translated
            .as_ref()
            .filter(|_| self.collection.attributes.get(crate::ddl::COLLATION).is_none_or(|of_table| of_table != own))
        {
            self.note(&format!("column {} is ordered by {other}, for want of {own} there", column.name));
        }
        let name = translated.unwrap_or_else(|| own.to_owned());
        format!(" CHARACTER SET {} COLLATE {name}", collation::charset(&name))
    }

    /// The spatial reference system of all values.
    fn srid<'c>(&self, column: &'c Column) -> Option<&'c str> {
        let srid = column.native.parameters.get(types::SRID)?;
        Some(srid.as_str()).filter(|srid| self.is_own && srid.bytes().all(|byte| byte.is_ascii_digit()))
    }

    fn generated(&mut self, column: &Column) -> Option<String> {
        // What another dialect computes is told where it is translated.
        let generated = column.generated.as_ref().filter(|_| self.is_own)?;
        let kind = if generated.stored { "STORED" } else { "VIRTUAL" };
        let expression = self.expressions().then(|| self.expression(&generated.expression));
        match expression {
            Some(Ok(expression)) if !expression.is_empty() => {
                return Some(format!(" GENERATED ALWAYS AS ({expression}) {kind}"));
            }
            Some(Err(function)) => {
                self.note(&format!("column {} is a plain one, since there is no {function}() there", column.name));
            }
            _ => self.note(&format!("column {} is a plain one: its expression is not carried over", column.name)),
        }
        None
    }

    /// A numbered column must be a whole number and the first of a key.
    fn is_numbered(&mut self, column: &Column, native: &str) -> bool {
        if column.identity.is_none() {
            return false;
        }
        let begins = |columns: &[String]| columns.first() == Some(&column.name);
        let has_key = self.collection.primary_key.iter().any(|key| begins(&key.columns))
            || self.collection.unique_keys.iter().any(|key| begins(&key.columns))
            || self.is_own;
        if native.contains("int") && has_key {
            return true;
        }
        self.note(&format!("column {} is not numbered, since no key begins with it", column.name));
        false
    }

    fn default(&mut self, column: &Column, native: &str) -> Option<String> {
        let default = column.default.as_ref()?;
        if let Some(text) = default_of(default.meaning.as_ref(), &column.logical, native) {
            return Some(text);
        }
        // Without `NOT NULL` that is the default anyway, and with it there is none.
        if default.meaning == Some(dbferry_dialect::model::DefaultMeaning::Null) {
            return None;
        }
        if self.expressions() {
            let all = tokens(&default.native);
            // `b'101'` and other literals are no expressions.
            let is_literal = !all.iter().any(|token| token.is_symbol("("));
            match self.expression(&default.native) {
                Ok(text) if is_literal || text.starts_with('(') => return Some(text),
                Ok(text) => return Some(format!("({text})")),
                Err(function) => {
                    self.note(&format!("column {} has no default, since there is no {function}() there", column.name));
                    return None;
                }
            }
        }
        self.note(&format!("column {} has no default: {} is not carried over", column.name, default.native));
        None
    }

    fn on_update(&self, column: &Column, native: &str) -> String {
        let has_it = self.is_own && column.native.parameters.contains_key(types::ON_UPDATE);
        let is_time = native.starts_with("timestamp") || native.starts_with("datetime");
        if has_it && is_time {
            format!(" ON UPDATE {}", crate::syntax::current_timestamp(native))
        } else {
            String::new()
        }
    }

    /// Whether a check of the table says of a column that it is JSON.
    fn is_checked_elsewhere(&self, column: &Column) -> bool {
        let valid = format!("json_valid({})", MySqlSyntax.quote_identifier(&column.name));
        self.trusted && self.collection.checks.iter().any(|check| check.expression.eq_ignore_ascii_case(&valid))
    }

    /// Makes long `varchar` columns of no key `text`, widest first, until a row fits.
    pub(super) fn fit_row(&mut self, items: &mut [Item]) {
        let mut widths: Vec<(u64, usize)> = Vec::new();
        for (at, item) in items.iter().enumerate().filter(|(_, item)| item.kind == ItemKind::Column) {
            let name = item.name.as_deref().unwrap_or_default();
            let quoted = MySqlSyntax.quote_identifier(name);
            let native = NativeText::parse(item.text.strip_prefix(quoted.as_str()).unwrap_or_default());
            let length = native.arguments.first().copied().unwrap_or(8);
            widths.push(match native.base.as_str() {
                "varchar" if !item.text.contains("CHARACTER SET ascii") => (length * 4, at),
                "char" | "varbinary" | "binary" => (length * 4, at),
                _ => (8, at),
            });
        }
        let mut all: u64 = widths.iter().map(|(width, _)| width).sum();
        widths.sort_unstable();
        while all > ROW_BYTES && !self.is_own {
            let Some((width, at)) = widths.pop() else { return };
            let Some(item) = items.get_mut(at) else { continue };
            let name = item.name.clone().unwrap_or_default();
            let column = self.collection.column(&name).map(|(_, column)| column);
            let Some(column) = column.filter(|column| !crate::syntax::is_in_key(self.collection, &column.name)) else {
                continue;
            };
            let from = MySqlSyntax.column_type(self.collection, column).text;
            if from.starts_with("varchar(") {
                item.text = item.text.replacen(&from, "text", 1);
                all = all.saturating_sub(width) + 12;
            }
        }
    }
}

/// Names of collations and character sets are put into statements without quotes.
pub(super) fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
