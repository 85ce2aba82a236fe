//! Consent to losses, column by column or to all of them.

use super::rules::Glob;
use crate::group::NamePattern;
use crate::{Error, ErrorKind, Result};
use dbferry_dialect::CollectionName;

/// Which lossy columns are accepted; none by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AcceptLossy {
    all: bool,
    columns: Vec<(NamePattern, Glob)>,
}

impl AcceptLossy {
    /// All of them.
    pub const ALL: Self = Self { all: true, columns: Vec::new() };

    /// Also those that `text` names, `TABLE.COLUMN` or `NAMESPACE.TABLE.COLUMN`, each part a glob pattern; an empty text
    /// names all.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] when it has no dot or a part is no pattern.
    pub fn add(&mut self, text: &str) -> Result<()> {
        if text.is_empty() {
            self.all = true;
            return Ok(());
        }
        let Some((table, column)) = text.rsplit_once('.') else {
            return Err(Error::new(ErrorKind::Usage, format!("{text:?} names no column"))
                .hint("write --accept-lossy TABLE.COLUMN, or --accept-lossy alone for all columns"));
        };
        self.columns.push((NamePattern::new(table)?, Glob::try_from(column.to_owned())?));
        Ok(())
    }

    /// Whether the loss of that column is accepted.
    pub fn accepts(&self, collection: &CollectionName, column: &str) -> bool {
        self.all || self.columns.iter().any(|(table, name)| table.matches(collection) && name.matches(column))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_named_with_their_tables() {
        let mut accepted = AcceptLossy::default();
        let (shop, log) = (CollectionName::new("shop", "article"), CollectionName::new("log", "article"));
        assert!(!accepted.accepts(&shop, "price"));
        accepted.add("shop.article.pri*").expect("a column");
        accepted.add("other.note").expect("a column");
        assert!(accepted.accepts(&shop, "price") && !accepted.accepts(&log, "price") && !accepted.accepts(&shop, "x"));
        assert!(accepted.accepts(&CollectionName::new("any", "other"), "note"));
        assert_eq!(accepted.add("price").expect_err("no table").kind(), ErrorKind::Usage);
        accepted.add("").expect("all");
        assert!(accepted.accepts(&log, "anything"));
    }
}
