//! A type's text taken apart, and spelt as both flavours can.

use crate::ddl::scan::{Kind, Token, closing, tokens};

/// A native type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct NativeText {
    /// The one spelling: lower case, synonyms resolved, no display width but where it shows (`zerofill`) or by convention says
    /// something (`tinyint(1)`).
    pub(crate) text: String,
    /// The type's word.
    pub(crate) base: String,
    /// Its numbers in parentheses, with those left out that are only a display width.
    pub(crate) arguments: Vec<u64>,
    /// The labels of an enum or a set.
    pub(crate) labels: Vec<String>,
    /// Whether it has no negative numbers.
    pub(crate) unsigned: bool,
    /// Whether numbers are shown with leading zeros.
    pub(crate) zerofill: bool,
}

impl NativeText {
    /// Reads `COLUMN_TYPE` of the catalogue, or a type as a definition prints it.
    pub(crate) fn parse(text: &str) -> Self {
        let all = tokens(text);
        let word = |at: usize| all.get(at).filter(|token| token.kind == Kind::Word);
        let mut native = Self { base: base(&word(0).map(Token::value).unwrap_or_default()), ..Self::default() };
        if native.base.is_empty() {
            native.text = text.trim().to_owned();
            return native;
        }
        let mut rest = 1;
        if native.base == "double" && word(1).is_some_and(|word| word.is_word("precision")) {
            rest = 2;
        }
        if all.get(rest).is_some_and(|token| token.is_symbol("(")) {
            let close = closing(&all, rest).unwrap_or(all.len());
            for token in all.get(rest + 1..close).unwrap_or_default() {
                match token.kind {
                    Kind::Text => native.labels.push(token.value()),
                    Kind::Word => native.arguments.extend(token.text.parse::<u64>().ok()),
                    _ => {}
                }
            }
            rest = close + 1;
        }
        for token in all.get(rest..).unwrap_or_default() {
            native.unsigned |= token.is_word("unsigned") || token.is_word("zerofill");
            native.zerofill |= token.is_word("zerofill");
        }
        native.normalise();
        native
    }

    fn normalise(&mut self) {
        let is_integer = matches!(self.base.as_str(), "tinyint" | "smallint" | "mediumint" | "int" | "bigint");
        let is_flag = self.base == "tinyint" && self.arguments == [1] && !self.unsigned;
        if is_integer && !self.zerofill && !is_flag || self.base == "year" {
            self.arguments.clear();
        }
        match (self.base.as_str(), self.arguments.as_slice()) {
            ("decimal", []) => self.arguments = vec![10, 0],
            ("decimal", [precision]) => self.arguments = vec![*precision, 0],
            ("bit" | "char" | "binary", []) => self.arguments = vec![1],
            ("datetime" | "timestamp" | "time", [0]) => self.arguments.clear(),
            _ => {}
        }
        self.text = self.base.clone();
        let arguments: Vec<String> = match self.labels.as_slice() {
            [] => self.arguments.iter().map(u64::to_string).collect(),
            labels => labels.iter().map(|label| quoted(label)).collect(),
        };
        if !arguments.is_empty() {
            self.text.push_str(&format!("({})", arguments.join(",")));
        }
        if self.unsigned {
            self.text.push_str(" unsigned");
        }
        if self.zerofill {
            self.text.push_str(" zerofill");
        }
    }
}

fn quoted(label: &str) -> String {
    format!("'{}'", label.replace('\\', "\\\\").replace('\'', "''"))
}

/// The word that a type goes by: <https://dev.mysql.com/doc/refman/9.0/en/other-vendor-data-types.html>,
/// <https://mariadb.com/kb/en/data-types/>.
fn base(word: &str) -> String {
    let word = word.to_ascii_lowercase();
    match word.as_str() {
        "integer" | "int4" => "int",
        "int1" => "tinyint",
        "int2" => "smallint",
        "int3" | "middleint" => "mediumint",
        "int8" => "bigint",
        "numeric" | "dec" | "fixed" => "decimal",
        "real" | "float8" => "double",
        "float4" => "float",
        "geomcollection" => "geometrycollection",
        other => other,
    }
    .to_owned()
}
