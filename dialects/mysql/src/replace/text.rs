//! The text of `CREATE TRIGGER` taken apart, as far as it takes to put a trigger on a table of another name.
//!
//! MySQL prints a text of its own making; MariaDB prints what the user wrote, with comments, odd spacing, and the names of
//! databases if there were any.

use crate::ddl::scan::{Token, tokens};

/// Where the parts of a `CREATE TRIGGER` are.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TriggerText<'a> {
    /// `CREATE DEFINER=... TRIGGER`, up to the name.
    head: &'a str,
    /// The trigger's name without its database, as it is written.
    name: &'a str,
    /// From the end of the name up to the table's name: ` BEFORE INSERT ON `.
    middle: &'a str,
    /// The table's name without its database, as it is written.
    table: &'a str,
    /// Everything behind the table's name.
    rest: &'a str,
}

impl<'a> TriggerText<'a> {
    /// Takes a text apart; none if it is not what it should be.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let all = tokens(text);
        let word = |from: usize, word: &str| (from..all.len()).find(|at| all.get(*at).is_some_and(|t| t.is_word(word)));
        let mut first = word(0, "TRIGGER")? + 1;
        while ["IF", "NOT", "EXISTS"].iter().any(|word| all.get(first).is_some_and(|token| token.is_word(word))) {
            first += 1;
        }
        let name = last_part(&all, first)?;
        let table_first = word(name + 1, "ON")? + 1;
        let table = last_part(&all, table_first)?;
        let (name_from, table_from) = (all.get(first)?.start, all.get(table_first)?.start);
        let (name, table) = (all.get(name)?, all.get(table)?);
        Some(Self {
            head: text.get(..name_from)?,
            name: name.text,
            middle: text.get(name.end()..table_from)?,
            table: table.text,
            rest: text.get(table.end()..)?,
        })
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

/// The place of the last part of a name that may have a database in front.
fn last_part(all: &[Token<'_>], first: usize) -> Option<usize> {
    all.get(first)?;
    let qualified = all.get(first + 1).is_some_and(|token| token.is_symbol("."));
    Some(if qualified { first + 2 } else { first })
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
}
