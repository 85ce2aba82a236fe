//! After the load: indexes, counters, triggers; and views at the very end.

use super::catalog::{definition, is_taken, run};
use super::failure::{failed, missing_ability};
use dbferry_dialect::model::{NativeObject, ObjectKind};
use dbferry_dialect::{CollectionAction, CollectionPlan, Error, ErrorKind, Result, Syntax};
use rusqlite::Connection;

/// Builds the indexes of a table that was created.
///
/// An index whose definition needs a collation or function that only the source's application has cannot be built here,
/// and nobody but that application could use it: that is reported. Any other failure is an error.
pub(super) fn create_indexes(
    connection: &Connection,
    syntax: &dyn Syntax,
    plan: &CollectionPlan,
    warnings: &mut Vec<String>,
) -> Result<()> {
    for index in &plan.source.indexes {
        let own = index.definition.as_ref().filter(|_| plan.use_definition && plan.source.name == plan.target);
        let sql = match own {
            Some(sql) => Some(sql.clone()),
            None => {
                let mut index = index.clone();
                // Elsewhere an index's name is its table's own affair; here it is one of the database.
                if is_taken(connection, &index.name)? {
                    index.name = format!("{}_{}", plan.target.name, index.name);
                }
                syntax.create_index(&plan.target, &plan.source, &index)
            }
        };
        let Some(sql) = sql else {
            warnings.push(format!(
                "index {} of {} was left out: it has an expression or a condition that is not understood",
                index.name, plan.target
            ));
            continue;
        };
        match run(connection, &sql) {
            Ok(()) => {}
            Err(error) => match missing_ability(&error) {
                Some(missing) => {
                    warnings.push(format!("index {} of {} was left out: {missing}", index.name, plan.target));
                }
                None => return Err(failed("cannot build the index", error).with("index", &index.name)),
            },
        }
    }
    Ok(())
}

/// Sets where a table's automatic numbering stands; the table has one.
///
/// A replaced table stands where the source stood, without a row of `sqlite_sequence` where the source had none. One to
/// which rows were added never goes back.
pub(super) fn set_counter(connection: &Connection, plan: &CollectionPlan) -> Result<()> {
    let name = &plan.target.name;
    let last = plan.source.counter.as_ref().map(|counter| match counter.is_called {
        true => counter.last_value,
        false => counter.last_value.saturating_sub(1),
    });
    let append = plan.action == CollectionAction::Append;
    let set = || {
        match last {
            // The source says nothing: what the load itself counted stands, unless the source is known to have had no row.
            None if append || !plan.use_definition => return Ok(()),
            None => {
                connection.execute("DELETE FROM main.sqlite_sequence WHERE name = ?1", [name])?;
            }
            Some(last) if append => {
                let raised = connection
                    .execute("UPDATE main.sqlite_sequence SET seq = max(seq, ?2) WHERE name = ?1", (name, last))?;
                if raised == 0 {
                    connection.execute("INSERT INTO main.sqlite_sequence(name, seq) VALUES(?1, ?2)", (name, last))?;
                }
            }
            Some(last) => {
                connection.execute("DELETE FROM main.sqlite_sequence WHERE name = ?1", [name])?;
                connection.execute("INSERT INTO main.sqlite_sequence(name, seq) VALUES(?1, ?2)", (name, last))?;
            }
        }
        Ok(())
    };
    set().map_err(|error| failed("cannot set the counter", error))
}

/// Creates views and triggers that are not there, views first: a view may name one that comes later, a trigger may not. One
/// of the same name and text is fine; one of the same name and another text is left alone and reported.
pub(super) fn create_objects(
    connection: &Connection,
    objects: &[NativeObject],
    warnings: &mut Vec<String>,
) -> Result<()> {
    let mut known: Vec<_> = objects
        .iter()
        .filter_map(|object| match object.kind {
            _ if object.dialect != "sqlite" => None,
            ObjectKind::View => Some((0, "view", object)),
            ObjectKind::Trigger => Some((1, "trigger", object)),
            _ => None,
        })
        .collect();
    known.sort_by_key(|(order, _, _)| *order);
    for object in objects {
        if !known.iter().any(|(_, _, other)| *other == object) {
            warnings.push(format!("{} was left out: it is an object of {}", object.name, object.dialect));
        }
    }
    for (_, kind, object) in known {
        match definition(connection, kind, &object.name)? {
            Some(sql) if sql == object.definition => continue,
            Some(_) => {
                warnings.push(format!("{kind} {} is there with another text and was left alone", object.name));
                continue;
            }
            None if kind == "view" && is_taken(connection, &object.name)? => {
                warnings.push(format!("view {} was left out: something else has its name", object.name));
                continue;
            }
            None => {}
        }
        match run(connection, &object.definition) {
            Ok(()) => {}
            Err(error) if kind == "trigger" && object.on.is_none() && lacks_its_view(&error) => {
                warnings.push(format!("trigger {} was left out: its view is not there", object.name));
                continue;
            }
            Err(error) => {
                return Err(failed(format!("cannot create the {kind}"), error).with("object", &object.name));
            }
        }
        if definition(connection, kind, &object.name)?.is_none() {
            return Err(Error::new(
                ErrorKind::ArchiveDamaged,
                format!("the {kind}'s definition creates something else"),
            )
            .with("object", &object.name));
        }
    }
    Ok(())
}

/// Whether a trigger on a view could not be created because something else has the view's name, or nothing.
fn lacks_its_view(error: &rusqlite::Error) -> bool {
    let message = error.to_string();
    message.starts_with("cannot create INSTEAD OF trigger on table") || message.starts_with("no such table: main.")
}
