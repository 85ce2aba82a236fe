//! Views, triggers, routines, packages, events and sequences: each as the server prints it, with what a session must be set
//! to for the text to mean the same again.
//!
//! They are listed so that each comes after those that it needs: sequences first, which defaults of tables name, then
//! routines, whose bodies name what they like, triggers in the order in which they fire, views after the views that they read
//! from, events. What it is not: the way they are made again, which is the business of [`replace`](crate::replace).

mod order;
mod sequences;
#[cfg(test)]
mod tests;

use crate::ddl::{self, collation};
use crate::flavour::ServerVersion;
use crate::introspect::{Catalogue, READING, show_create_of, text};
use crate::session::Session;
use dbferry_dialect::model::{NativeObject, NotCarried, ObjectKind};
use dbferry_dialect::{CollectionName, Result, Schema};
use mysql_async::Row;

/// Attribute: the `sql_mode` that the text was written under, and runs under for ever.
pub(crate) const SQL_MODE: &str = "sql-mode";
/// Attribute: the character set of the client that wrote it, in which its literals are.
pub(crate) const CHARACTER_SET_CLIENT: &str = "character-set-client";
/// Attribute: the collation of the connection that wrote it, which its literals compare by.
pub(crate) const COLLATION_CONNECTION: &str = "collation-connection";
/// Attribute: the collation of the database when it was written, which the parameters of a routine have.
pub(crate) const DATABASE_COLLATION: &str = "database-collation";
/// Attribute: on whose behalf it runs, `user@host`.
pub(crate) const DEFINER: &str = "definer";
/// Attribute of routines: `FUNCTION`, `PROCEDURE`, `PACKAGE`, `PACKAGE BODY`, `LIBRARY`.
pub(crate) const ROUTINE_TYPE: &str = "routine-type";
/// Attribute of events: `ENABLED`, `DISABLED` and others. A restored event is disabled, or it would run while rows are loaded.
pub(crate) const STATUS: &str = "status";
/// Attribute of events: the time zone that its schedule is meant in.
pub(crate) const TIME_ZONE: &str = "time-zone";
/// Attribute of sequences: the number that comes next, as far as it is not cached.
pub(crate) const NEXT_VALUE: &str = "next-value";
/// Attribute of sequences: how often it began again.
pub(crate) const ROUND: &str = "round";

const VIEWS: &str =
    "SELECT TABLE_NAME, DEFINER FROM information_schema.VIEWS WHERE TABLE_SCHEMA = DATABASE() ORDER BY TABLE_NAME";
const TRIGGERS: &str = "SELECT TRIGGER_NAME, DEFINER, EVENT_OBJECT_TABLE FROM information_schema.TRIGGERS
                         WHERE TRIGGER_SCHEMA = DATABASE()
                         ORDER BY EVENT_OBJECT_TABLE, ACTION_TIMING = 'AFTER',
                                  FIELD(EVENT_MANIPULATION, 'INSERT', 'UPDATE', 'DELETE'), ACTION_ORDER, TRIGGER_NAME";
// A package comes before its body.
const ROUTINES: &str = "SELECT ROUTINE_NAME, DEFINER, ROUTINE_TYPE, ROUTINE_COMMENT FROM information_schema.ROUTINES
                         WHERE ROUTINE_SCHEMA = DATABASE() ORDER BY ROUTINE_TYPE, ROUTINE_NAME";
const EVENTS: &str = "SELECT EVENT_NAME, DEFINER, STATUS, EVENT_COMMENT FROM information_schema.EVENTS
                       WHERE EVENT_SCHEMA = DATABASE() ORDER BY EVENT_NAME";

/// Adds the objects to the schema.
pub(crate) fn read(session: &mut Session, catalogue: &Catalogue, schema: &mut Schema) -> Result<()> {
    let mut reader = Reader { session, catalogue, schema };
    sequences::read(&mut reader)?;
    reader.routines()?;
    reader.triggers()?;
    reader.views()?;
    reader.events()
}

/// An object as a server understands it: on one of the other flavour, with the collations of that one.
pub(crate) fn for_server(object: &NativeObject, server: ServerVersion) -> NativeObject {
    let mut object = object.clone();
    if object.attributes.get(ddl::FLAVOUR).is_none_or(|flavour| flavour == server.flavour.name()) {
        return object;
    }
    object.definition = collation::translate_text(&object.definition, Some(server));
    for key in [COLLATION_CONNECTION, DATABASE_COLLATION] {
        if let Some(collation) = object.attributes.get_mut(key)
            && let Some(other) = collation::translate(collation, Some(server))
        {
            *collation = other;
        }
    }
    object
}

/// Where objects come from and where they go.
struct Reader<'a> {
    session: &'a mut Session,
    catalogue: &'a Catalogue,
    schema: &'a mut Schema,
}

/// Where the columns of an answer to `SHOW CREATE` are; they differ from kind to kind.
struct Answer {
    definition: usize,
    sql_mode: Option<usize>,
    client: usize,
}

impl Reader<'_> {
    fn routines(&mut self) -> Result<()> {
        let rows = self.session.query(READING, ROUTINES)?;
        for kind in ["LIBRARY", "FUNCTION", "PROCEDURE", "PACKAGE", "PACKAGE BODY"] {
            let rows: Vec<&Row> = rows.iter().filter(|row| text(row, 2).as_deref() == Some(kind)).collect();
            let answer = Answer { definition: 2, sql_mode: Some(1), client: 3 };
            for (row, mut object) in self.create(kind, ObjectKind::Routine, &rows, &answer)? {
                object.attributes.insert(ROUTINE_TYPE.to_owned(), kind.to_owned());
                object.comment = text(row, 3).filter(|comment| !comment.is_empty());
                self.schema.objects.push(object);
            }
        }
        Ok(())
    }

    fn triggers(&mut self) -> Result<()> {
        let rows = self.session.query(READING, TRIGGERS)?;
        let rows: Vec<&Row> = rows.iter().collect();
        let answer = Answer { definition: 2, sql_mode: Some(1), client: 3 };
        for (row, mut object) in self.create("TRIGGER", ObjectKind::Trigger, &rows, &answer)? {
            object.on = text(row, 2).map(|table| CollectionName::new(crate::NAMESPACE, table));
            object.definition = ddl::header_without_database(&object.definition, &self.catalogue.database);
            self.schema.objects.push(object);
        }
        Ok(())
    }

    fn views(&mut self) -> Result<()> {
        let rows = self.session.query(READING, VIEWS)?;
        let rows: Vec<&Row> = rows.iter().collect();
        let answer = Answer { definition: 1, sql_mode: None, client: 2 };
        let mut views = Vec::new();
        for (_, mut object) in self.create("VIEW", ObjectKind::View, &rows, &answer)? {
            object.definition = ddl::without_database(&object.definition, &self.catalogue.database);
            views.push(object);
        }
        self.schema.objects.extend(order::by_dependency(views));
        Ok(())
    }

    fn events(&mut self) -> Result<()> {
        let rows = self.session.query(READING, EVENTS)?;
        let rows: Vec<&Row> = rows.iter().collect();
        let answer = Answer { definition: 3, sql_mode: Some(1), client: 4 };
        for (row, mut object) in self.create("EVENT", ObjectKind::Event, &rows, &answer)? {
            object.comment = text(row, 3).filter(|comment| !comment.is_empty());
            if let Some(status) = text(row, 2) {
                object.attributes.insert(STATUS.to_owned(), status);
            }
            self.schema.objects.push(object);
        }
        Ok(())
    }

    /// The objects of one kind, each with its row of the list. One whose text the server does not show is not carried.
    fn create<'r>(
        &mut self,
        what: &str,
        kind: ObjectKind,
        rows: &[&'r Row],
        answer: &Answer,
    ) -> Result<Vec<(&'r Row, NativeObject)>> {
        let names: Vec<String> = rows.iter().filter_map(|row| text(row, 0)).collect();
        let answers = show_create_of(self.session, what, &names)?;
        let mut objects = Vec::with_capacity(names.len());
        for ((row, name), shown) in rows.iter().zip(names).zip(answers) {
            let definition = shown.as_ref().ok().and_then(|shown| text(shown, answer.definition));
            let (Ok(shown), Some(definition)) = (&shown, definition) else {
                let reason = match shown {
                    Err(error) => format!("the server does not show its definition: {error}"),
                    Ok(_) => "this user may not see its definition".to_owned(),
                };
                self.schema.not_carried.push(NotCarried { kind: what.to_ascii_lowercase(), name, reason });
                continue;
            };
            let mut object = NativeObject::new(kind, crate::NAMESPACE, name, crate::NAME, definition);
            let is_event = kind == ObjectKind::Event;
            for (key, value) in [
                (ddl::FLAVOUR, Some(self.catalogue.flavour())),
                (SQL_MODE, answer.sql_mode.and_then(|column| text(shown, column))),
                (TIME_ZONE, text(shown, 2).filter(|_| is_event)),
                (CHARACTER_SET_CLIENT, text(shown, answer.client)),
                (COLLATION_CONNECTION, text(shown, answer.client + 1)),
                (DATABASE_COLLATION, text(shown, answer.client + 2).filter(|_| kind != ObjectKind::View)),
                (DEFINER, text(row, 1)),
            ] {
                if let Some(value) = value {
                    object.attributes.insert(key.to_owned(), value);
                }
            }
            objects.push((*row, object));
        }
        Ok(objects)
    }
}
