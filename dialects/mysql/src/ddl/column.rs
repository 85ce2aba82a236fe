//! One column's line of a definition.

use super::scan::{Kind, Token, closing, tokens};

/// What a column's line says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ColumnLine {
    /// Its name.
    pub(crate) name: String,
    /// Its type as printed, without character set and collation.
    pub(crate) type_text: String,
    /// Whether it says `NOT NULL`.
    pub(crate) not_null: bool,
    /// Its default, as printed; `NULL` too.
    pub(crate) default: Option<String>,
    /// What it becomes when its row changes.
    pub(crate) on_update: Option<String>,
    /// The expression that computes it, and whether it is stored.
    pub(crate) generated: Option<(String, bool)>,
    /// `row-start` or `row-end`, for a column of a system-time period.
    pub(crate) period: Option<&'static str>,
    /// Whether it numbers itself.
    pub(crate) auto_increment: bool,
    /// Whether `SELECT *` passes it over.
    pub(crate) invisible: bool,
    /// Whether changes of it leave no history.
    pub(crate) without_versioning: bool,
    /// Whether MariaDB compresses its values.
    pub(crate) compressed: bool,
    /// The spatial reference system that MySQL wants all its values to have.
    pub(crate) srid: Option<String>,
    /// The spatial reference system that MariaDB notes for it, whatever its values have.
    pub(crate) reference_system: Option<String>,
    /// Its own check, as printed, without `CHECK` and its parentheses.
    pub(crate) check: Option<String>,
    /// Its comment.
    pub(crate) comment: Option<String>,
}

/// Words that can follow a default.
const AFTER_DEFAULT: [&str; 14] = [
    "ON",
    "AUTO_INCREMENT",
    "INVISIBLE",
    "COMMENT",
    "CHECK",
    "COLUMN_FORMAT",
    "STORAGE",
    "SRID",
    "REF_SYSTEM_ID",
    "ENGINE_ATTRIBUTE",
    "SECONDARY_ENGINE_ATTRIBUTE",
    "NOT",
    "WITHOUT",
    "COLLATE",
];

/// Reads a column's line; what it does not know it passes over. `None` when it is not a column's.
pub(crate) fn parse(text: &str) -> Option<ColumnLine> {
    let all = tokens(text);
    let name = all.first().filter(|token| token.kind == Kind::Name)?;
    let after_type = type_end(&all)?;
    let mut line = ColumnLine {
        name: name.value(),
        type_text: slice(text, all.get(1..after_type)?)?.to_owned(),
        ..ColumnLine::default()
    };
    let mut at = after_type;
    while let Some(token) = all.get(at) {
        let next = all.get(at + 1);
        let next_is = |word: &str| next.is_some_and(|next| next.is_word(word));
        let value = |at: usize| all.get(at).map(Token::value);
        match token.text.to_ascii_uppercase().as_str() {
            _ if token.kind != Kind::Word => at += 1,
            "NOT" if next_is("NULL") => {
                line.not_null = true;
                at += 2;
            }
            "NOT" => at += 2,
            "DEFAULT" => {
                let end = default_end(&all, at + 1)?;
                line.default = Some(slice(text, all.get(at + 1..end)?)?.to_owned());
                at = end;
            }
            "ON" => {
                let end = default_end(&all, at + 2)?;
                line.on_update = Some(slice(text, all.get(at + 2..end)?)?.to_owned());
                at = end;
            }
            "GENERATED" => at = generated(text, &all, at, &mut line)?,
            "AUTO_INCREMENT" => {
                line.auto_increment = true;
                at += 1;
            }
            "INVISIBLE" => {
                line.invisible = true;
                at += 1;
            }
            "COMPRESSED" => {
                line.compressed = true;
                at += 1;
            }
            "WITHOUT" => {
                line.without_versioning = true;
                at += 3;
            }
            "SRID" => {
                line.srid = value(at + 1);
                at += 2;
            }
            "REF_SYSTEM_ID" => {
                line.reference_system = value(at + 2);
                at += 3;
            }
            "COMMENT" => {
                line.comment = value(at + 1);
                at += 2;
            }
            "CHECK" => {
                let close = closing(&all, at + 1)?;
                line.check = Some(slice(text, all.get(at + 2..close)?)?.to_owned());
                at = close + 1;
            }
            _ => at += 1,
        }
    }
    Some(line)
}

/// A column's line with the spatial reference system that MariaDB knows and does not print.
pub(crate) fn with_reference_system(text: &str, srid: &str) -> String {
    let all = tokens(text);
    let after_type = type_end(&all).and_then(|at| all.get(at.checked_sub(1)?)).map_or(text.len(), Token::end);
    let (before, after) = (text.get(..after_type), text.get(after_type..));
    format!("{} REF_SYSTEM_ID={srid}{}", before.unwrap_or_default(), after.unwrap_or_default())
}

/// `GENERATED ALWAYS AS (expression) STORED`, `GENERATED ALWAYS AS ROW START`.
fn generated(text: &str, all: &[Token<'_>], at: usize, line: &mut ColumnLine) -> Option<usize> {
    let open = at + 3;
    if all.get(open)?.is_word("ROW") {
        line.period = Some(if all.get(open + 1)?.is_word("START") { ROW_START } else { ROW_END });
        return Some(open + 2);
    }
    let close = closing(all, open)?;
    let stored = all.get(close + 1).is_some_and(|word| word.is_word("STORED") || word.is_word("PERSISTENT"));
    line.generated = Some((slice(text, all.get(open + 1..close)?)?.to_owned(), stored));
    Some(close + 1)
}

/// The period of a column that says from when a row is valid.
pub(crate) const ROW_START: &str = "row-start";
/// The period of a column that says until when a row is valid.
pub(crate) const ROW_END: &str = "row-end";

/// The token after the type: its word, its parameters, its sign.
fn type_end(all: &[Token<'_>]) -> Option<usize> {
    let mut at = 2;
    if all.get(1)?.is_word("double") && all.get(2).is_some_and(|word| word.is_word("precision")) {
        at += 1;
    }
    if all.get(at).is_some_and(|token| token.is_symbol("(")) {
        at = closing(all, at)? + 1;
    }
    while all.get(at).is_some_and(|word| ["unsigned", "signed", "zerofill"].iter().any(|sign| word.is_word(sign))) {
        at += 1;
    }
    Some(at)
}

/// The token after an expression that no parentheses need to surround.
fn default_end(all: &[Token<'_>], from: usize) -> Option<usize> {
    let mut at = from;
    while let Some(token) = all.get(at) {
        if token.is_symbol("(") {
            at = closing(all, at)? + 1;
        } else if at > from && AFTER_DEFAULT.iter().any(|word| token.is_word(word)) {
            break;
        } else {
            at += 1;
        }
    }
    Some(at)
}

/// The text from the first to the last of some tokens.
pub(super) fn slice<'a>(text: &'a str, words: &[Token<'_>]) -> Option<&'a str> {
    match (words.first(), words.last()) {
        (Some(first), Some(last)) => text.get(first.start..last.end()),
        _ => Some(""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> ColumnLine {
        parse(text).expect("a column")
    }

    #[test]
    fn mysql_lines() {
        let column = line("`id` bigint unsigned NOT NULL AUTO_INCREMENT /*!80023 INVISIBLE */");
        assert_eq!(column.type_text, "bigint unsigned");
        assert!(column.not_null && column.auto_increment && column.invisible && column.default.is_none());
        let column = line("`total` decimal(12,2) GENERATED ALWAYS AS ((`price` * 2)) STORED NOT NULL");
        assert_eq!(column.generated, Some(("(`price` * 2)".into(), true)));
        assert!(column.not_null);
        let column = line("`g` point NOT NULL /*!80003 SRID 4326 */");
        assert_eq!((column.type_text.as_str(), column.srid.as_deref()), ("point", Some("4326")));
        let column = line("`t` text CHARACTER SET latin1 COLLATE latin1_bin DEFAULT (_utf8mb4'a,b') COMMENT 'x ''y'''");
        assert_eq!(column.default.as_deref(), Some("(_utf8mb4'a,b')"));
        assert_eq!(column.comment.as_deref(), Some("x 'y'"));
        let column = line("`c` datetime(6) DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6)");
        assert_eq!(column.default.as_deref(), Some("CURRENT_TIMESTAMP(6)"));
        assert_eq!(column.on_update.as_deref(), Some("CURRENT_TIMESTAMP(6)"));
        let column = line("`se` varchar(20) NOT SECONDARY DEFAULT NULL");
        assert!(!column.not_null);
        assert_eq!(column.default.as_deref(), Some("NULL"));
        let column = line("`f` bit(5) DEFAULT b'101'");
        assert_eq!(column.default.as_deref(), Some("b'101'"));
    }

    #[test]
    fn mariadb_lines() {
        let column = line(
            "`j` longtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT json_array(1,2) CHECK (json_valid(`j`))",
        );
        assert_eq!(column.check.as_deref(), Some("json_valid(`j`)"));
        assert_eq!(column.default.as_deref(), Some("json_array(1,2)"));
        let column = line("`cmp` text /*M!100301 COMPRESSED*/ DEFAULT NULL");
        assert!(column.compressed);
        assert_eq!(column.type_text, "text");
        let column = line("`inv` int(11) GENERATED ALWAYS AS (`n` + 1) VIRTUAL INVISIBLE");
        assert_eq!(column.generated, Some(("`n` + 1".into(), false)));
        assert!(column.invisible);
        let column = line(&with_reference_system("`g` point NOT NULL", "4326"));
        assert_eq!((column.reference_system.as_deref(), column.not_null), (Some("4326"), true));
        let column = line("`re` bigint(20) unsigned GENERATED ALWAYS AS ROW END INVISIBLE");
        assert_eq!((column.period, column.invisible), (Some(ROW_END), true));
        let column = line("`w` int(11) DEFAULT NULL WITHOUT SYSTEM VERSIONING COMMENT 'c'");
        assert!(column.without_versioning);
        assert_eq!(column.comment.as_deref(), Some("c"));
        let column = line("`s` int(11) DEFAULT nextval(`ev`.`s1`)");
        assert_eq!(column.default.as_deref(), Some("nextval(`ev`.`s1`)"));
        let column = line("`e` enum('a','it''s ) ,','c') NOT NULL DEFAULT 'a'");
        assert_eq!(column.type_text, "enum('a','it''s ) ,','c')");
        let column = line("`d` int(11) DEFAULT -5 CHECK (`d` < 0)");
        assert_eq!((column.default.as_deref(), column.check.as_deref()), (Some("-5"), Some("`d` < 0")));
    }
}
