//! How the shadow of a table is made, and what it gets after the load.

use super::constraints::{ConstraintNames, told};
use super::journal::Moving;
use crate::MySqlSyntax;
use crate::ddl::build::{Built, Purpose};
use crate::ddl::scan::tokens;
use crate::ddl::{self, Definition, ItemKind, Parts};
use crate::flavour::ServerVersion;
use crate::session::Session;
use dbferry_dialect::{CollectionAction, CollectionPlan, Error, ErrorKind, Result, Syntax};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A check that has another name until its table is in its place: MySQL wants names of checks to be unique in a database,
/// and the table that is replaced has the name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct NamedCheck {
    /// What it is called once its table has its final name.
    pub(super) made_as: String,
    /// What it is to be called.
    pub(super) name: String,
    /// The constraint, as it follows `ADD`.
    pub(super) text: String,
}

/// The names of checks in the target, which are unique in a database of MySQL; in one of MariaDB each table has its own.
#[derive(Debug)]
pub(super) struct CheckNames {
    /// Those that nobody else may have: of tables that keep their checks, and of those that were made.
    names: ConstraintNames,
    /// Those that are in use until the switch.
    in_use: ConstraintNames,
    /// Whether they are unique in the database.
    of_database: bool,
}

impl CheckNames {
    /// Looks at those that the target has before those collections are put into it.
    pub(super) fn read(session: &mut Session, version: ServerVersion, plans: &[CollectionPlan]) -> Result<Self> {
        let of_database = version.is_mysql_from((8, 0, 16));
        let mut there: Vec<(String, String)> = Vec::new();
        if of_database {
            let rows = session.query(
                "the names of the checks cannot be read",
                "SELECT table_name, constraint_name FROM information_schema.table_constraints \
                  WHERE table_schema = DATABASE() AND constraint_type = 'CHECK'",
            )?;
            let text = |row: &mysql_async::Row, column| row.get::<Option<String>, _>(column).flatten();
            there.extend(rows.iter().filter_map(|row| Some((text(row, 0)?, text(row, 1)?))));
        }
        let goes = |table: &str| {
            plans.iter().any(|plan| plan.action == CollectionAction::Recreate && plan.target.name == table)
        };
        let stay = there.iter().filter(|(table, _)| !goes(table));
        Ok(Self {
            names: ConstraintNames::new(stay.map(|(_, name)| name.as_str())),
            in_use: ConstraintNames::new(there.iter().map(|(_, name)| name.as_str())),
            of_database,
        })
    }
}

/// How a shadow is made.
#[derive(Debug, Default)]
pub(super) struct Shape {
    /// The statement that makes the table.
    pub(super) create: String,
    /// The keys that come after the load, in order: those of a statement together.
    pub(super) keys: Vec<Vec<String>>,
    /// Checks that get their names at the end.
    pub(super) checks: Vec<NamedCheck>,
    /// What the server says of the table that is there, without where its numbering stands.
    pub(super) existing: Option<Definition>,
    /// Whether it numbers a column.
    pub(super) numbers: bool,
    /// What the user should know.
    pub(super) notes: Vec<String>,
}

impl Shape {
    /// That of the table that is there for what replaces or adds rows, the archive's for others.
    pub(super) fn of(
        plan: &CollectionPlan,
        moving: &Moving,
        session: &mut Session,
        version: ServerVersion,
        checks: &mut CheckNames,
    ) -> Result<Self> {
        let stays = matches!(plan.action, CollectionAction::Replace | CollectionAction::Append);
        let Built { definition, notes } = if stays {
            // The catalogue's reader knows more than the server prints (reference systems of MariaDB's geometries).
            let read = plan.existing.as_ref().and_then(|existing| existing.definition.clone());
            let text = read.map_or_else(|| show_create(session, &moving.target), Ok)?;
            Built { definition: ddl::split_definition(&text)?, notes: Vec::new() }
        } else {
            let purpose =
                Purpose { target: Some(version), trusted: plan.use_definition, parent_keys: &BTreeMap::new() };
            ddl::build::definition(&plan.source, purpose)?
        };
        let mut shape = Self { notes, ..Self::default() };
        if moving.old.is_some() || stays {
            shape.existing = Some(current(session, &moving.target)?);
        }
        let mut made = definition.clone();
        made.options = without_counter(&definition.options);
        if checks.of_database {
            shape.name_checks(&mut made, moving, stays, checks);
        }
        shape.create = made.create(&moving.shadow, Parts { secondary_keys: false, foreign_keys: false, checks: true });
        if moving.takes_place {
            shape.keys = late_keys(&made);
        }
        shape.numbers = numbers(&made);
        Ok(shape)
    }

    /// Names the checks of a table that is made: a name that is in use until the switch, another one so long.
    fn name_checks(&mut self, made: &mut Definition, moving: &Moving, stays: bool, checks: &mut CheckNames) {
        for (number, item) in made.items.iter_mut().filter(|item| item.kind == ItemKind::Check).enumerate() {
            let Some(own) = item.name.clone() else { continue };
            let text = after_name(&item.text).to_owned();
            let constraint = |name: &str| format!("CONSTRAINT {} {text}", MySqlSyntax.quote_identifier(name));
            if let Some(suffix) = generated_suffix(&own, &moving.target) {
                item.text = constraint(&format!("{}{suffix}", moving.shadow));
                continue;
            }
            let name = if stays { own.clone() } else { checks.names.give(&moving.target, &own) };
            if name != own {
                self.notes.push(told("check", &moving.target, &own, &name));
            }
            if !checks.in_use.has(&name) {
                item.text = constraint(&name);
                continue;
            }
            let later = format!("_chk_{}", 1000 + number);
            item.text = constraint(&format!("{}{later}", moving.shadow));
            if moving.takes_place {
                let made_as = format!("{}{later}", moving.target);
                self.checks.push(NamedCheck { made_as, text: constraint(&name), name });
            }
        }
    }
}

/// What the server says of a table now, without where its numbering stands.
pub(super) fn current(session: &mut Session, table: &str) -> Result<Definition> {
    let mut definition = ddl::split_definition(&show_create(session, table)?)?;
    definition.options = without_counter(&definition.options);
    Ok(definition)
}

/// The server's own text of a table.
pub(super) fn show_create(session: &mut Session, table: &str) -> Result<String> {
    const DOING: &str = "the definition of a table cannot be read";
    let rows = session.query(DOING, &format!("SHOW CREATE TABLE {}", MySqlSyntax.quote_identifier(table)))?;
    rows.first()
        .and_then(|row| row.get::<Option<String>, _>(1))
        .flatten()
        .ok_or_else(|| Error::new(ErrorKind::Internal, DOING).with("dialect", crate::NAME).with("table", table))
}

/// The keys that come after the load, those that go together in one statement: full-text, spatial and vector ones come alone,
/// and in their places, since a table lists its keys in the order in which it got them.
fn late_keys(definition: &Definition) -> Vec<Vec<String>> {
    let (mut statements, mut together): (Vec<Vec<String>>, Vec<String>) = Default::default();
    for item in definition.secondary_keys() {
        let text = format!("ADD {}", item.text);
        if matches!(item.kind, ItemKind::FullTextKey | ItemKind::SpatialKey | ItemKind::VectorKey) {
            statements.extend([std::mem::take(&mut together), vec![text]]);
        } else {
            together.push(text);
        }
    }
    statements.push(together);
    statements.retain(|statement| !statement.is_empty());
    statements
}

/// `_chk_1` of a check that the server named itself: such a name changes with the table's, also when it was given.
fn generated_suffix(name: &str, table: &str) -> Option<String> {
    let suffix = name.strip_prefix(table)?;
    let number = suffix.strip_prefix("_chk_")?;
    (!number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())).then(|| suffix.to_owned())
}

/// `CHECK ...` of ``CONSTRAINT `name` CHECK ...``.
fn after_name(text: &str) -> &str {
    let all = tokens(text);
    let from = all.get(2).map_or(0, |token| token.start);
    text.get(from..).unwrap_or_default()
}

/// The options of a table without where its numbering stands, which the archive says.
fn without_counter(options: &str) -> String {
    let all = tokens(options);
    let counter = all.windows(3).find(|words| words[0].is_word("AUTO_INCREMENT") && words[1].is_symbol("="));
    let Some(words) = counter else { return options.to_owned() };
    let (before, after) = (options.get(..words[0].start), options.get(words[2].end()..));
    format!("{}{}", before.unwrap_or_default().trim_end_matches(' '), after.unwrap_or_default())
}

/// Whether a column numbers itself.
fn numbers(definition: &Definition) -> bool {
    definition
        .of_kind(ItemKind::Column)
        .any(|item| tokens(&item.text).iter().any(|word| word.is_word("AUTO_INCREMENT")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counter_is_left_out() {
        for (options, without) in [
            (" ENGINE=InnoDB AUTO_INCREMENT=7 DEFAULT CHARSET=utf8mb4", " ENGINE=InnoDB DEFAULT CHARSET=utf8mb4"),
            (" ENGINE=InnoDB COMMENT='AUTO_INCREMENT=7'", " ENGINE=InnoDB COMMENT='AUTO_INCREMENT=7'"),
            (" AUTO_INCREMENT=7", ""),
        ] {
            assert_eq!(without_counter(options), without);
        }
    }

    #[test]
    fn names_that_follow_the_table_are_known() {
        assert_eq!(generated_suffix("orders_chk_12", "orders").as_deref(), Some("_chk_12"));
        for other in ["orders_chk_", "orders_chk_1a", "order_chk_1", "positive"] {
            assert_eq!(generated_suffix(other, "orders"), None);
        }
        assert_eq!(
            after_name("CONSTRAINT `a b` CHECK ((`a` > 0)) /*!80016 NOT ENFORCED */"),
            "CHECK ((`a` > 0)) /*!80016 NOT ENFORCED */"
        );
    }
}
