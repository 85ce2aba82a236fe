//! Objects of no table: sequences before the first group; routines, views and events after the last one.
//!
//! What is there already is left as it is; if its text is another one, that is told.

use super::statement::run;
use super::triggers::Context;
use crate::MySqlSyntax;
use crate::ddl::scan::tokens;
use crate::ddl::without_definer;
use crate::flavour::ServerVersion;
use crate::introspect::introspect;
use crate::objects::{NEXT_VALUE, ROUND, ROUTINE_TYPE, STATUS, TIME_ZONE};
use crate::session::Session;
use dbferry_dialect::model::{NativeObject, ObjectKind};
use dbferry_dialect::{Error, ErrorKind, Result, Syntax};
use std::collections::BTreeMap;

/// The objects that a database has, by what tells one from the others.
#[derive(Debug, Default)]
pub(super) struct Existing(BTreeMap<String, NativeObject>);

impl Existing {
    /// Reads them.
    pub(super) fn read(session: &mut Session, version: ServerVersion) -> Result<Self> {
        let objects = introspect(session, version)?.objects;
        Ok(Self(objects.into_iter().map(|object| (key(&object), object)).collect()))
    }
}

/// Functions and procedures may share a name, a package and its body do.
fn key(object: &NativeObject) -> String {
    let kind = object.attributes.get(ROUTINE_TYPE).map(String::as_str).unwrap_or_default();
    format!("{:?} {kind} {}", object.kind, object.name)
}

/// What an object is called in messages.
fn described(object: &NativeObject) -> String {
    let kind = match object.kind {
        ObjectKind::Routine => object.attributes.get(ROUTINE_TYPE).map_or("routine".into(), |kind| kind.to_lowercase()),
        kind => format!("{kind:?}").to_lowercase(),
    };
    format!("the {kind} {}", object.name)
}

/// Which of the sequences are to be made; the others are there.
pub(super) fn missing_sequences<'a>(
    objects: &'a [NativeObject],
    existing: &Existing,
    version: ServerVersion,
    warnings: &mut Vec<String>,
) -> Vec<&'a NativeObject> {
    let sequences = objects.iter().filter(|object| object.kind == ObjectKind::Sequence);
    if !version.is_mariadb() {
        warnings.extend(sequences.map(|object| format!("{} is left out: MySQL has no sequences", described(object))));
        return Vec::new();
    }
    sequences.filter(|object| !existing.0.contains_key(&key(object))).collect()
}

/// Makes a sequence.
pub(super) fn create_sequence(session: &mut Session, object: &NativeObject) -> Result<()> {
    const DOING: &str = "a sequence cannot be made";
    run(session, DOING, &object.definition).map_err(|error| error.with("object", described(object)))?;
    set_sequence(session, object)
}

/// Sets a sequence where the archive's stands.
pub(super) fn set_sequence(session: &mut Session, object: &NativeObject) -> Result<()> {
    const DOING: &str = "a sequence cannot be set";
    let number = |name: &str| object.attributes.get(name).and_then(|text| text.parse::<i128>().ok());
    let Some(next) = number(NEXT_VALUE) else { return Ok(()) };
    let name = MySqlSyntax.quote_identifier(&object.name);
    let set = |session: &mut Session| {
        run(session, DOING, &format!("ALTER SEQUENCE {name} RESTART {next}"))?;
        match number(ROUND) {
            Some(round) if round > 0 => {
                run(session, DOING, &format!("DO SETVAL({name}, {next}, 0, {round})")).map(|_| ())
            }
            _ => Ok(()),
        }
    };
    set(session).map_err(|error| error.with("object", described(object)))
}

/// Makes the objects that are not there. What cannot be made is left out, and told: it may need something that the target
/// does not have. Returns what the user should know.
pub(super) fn create(
    session: &mut Session,
    version: ServerVersion,
    objects: &[NativeObject],
    enable_events: bool,
) -> Result<Vec<String>> {
    let mut warnings = Vec::new();
    if objects.is_empty() {
        return Ok(warnings);
    }
    let existing = Existing::read(session, version)?;
    let mut waiting: Vec<&NativeObject> = Vec::new();
    for object in objects {
        match existing.0.get(&key(object)) {
            Some(there) if there.definition != made(object, enable_events) && there.definition != object.definition => {
                warnings.push(format!("{} is there with another definition, and is kept as it is", described(object)));
            }
            Some(_) => {}
            None => waiting.push(object),
        }
    }
    // An object may need one that comes later in the list; so it is tried again as long as that helps.
    while !waiting.is_empty() {
        let mut failed = Vec::new();
        for object in &waiting {
            match create_one(session, version, object, enable_events) {
                Ok(warning) => warnings.extend(warning),
                Err(error) if matches!(error.kind(), ErrorKind::Connect | ErrorKind::Cancelled | ErrorKind::Tls) => {
                    return Err(error);
                }
                Err(error) => failed.push((*object, error)),
            }
        }
        if failed.len() == waiting.len() {
            warnings.extend(failed.iter().map(|(object, error)| format!("{} is left out: {error}", described(object))));
            break;
        }
        waiting = failed.into_iter().map(|(object, _)| object).collect();
    }
    Ok(warnings)
}

fn create_one(
    session: &mut Session,
    version: ServerVersion,
    object: &NativeObject,
    enable_events: bool,
) -> Result<Option<String>> {
    const DOING: &str = "it cannot be made";
    let statement = made(object, enable_events);
    let mut context = Context::of(object);
    if object.kind == ObjectKind::View {
        // The server writes a view's text anew, in a form of its own that no mode changes.
        context.sql_mode = "NO_AUTO_VALUE_ON_ZERO".to_owned();
    }
    if let Some(zone) = object.attributes.get(TIME_ZONE) {
        run(session, DOING, &format!("SET SESSION time_zone = {}", MySqlSyntax.quote_text(zone)))?;
    }
    let done = context.around(session, version, DOING, &statement);
    let done = match done {
        Err(error) if error.kind() == ErrorKind::Permission => {
            let without = without_definer(&statement);
            if without == statement {
                Err(error)
            } else {
                context.around(session, version, DOING, &without).map(|()| true)
            }
        }
        done => done.map(|()| false),
    };
    if object.attributes.contains_key(TIME_ZONE) {
        run(session, DOING, "SET SESSION time_zone = '+00:00'")?;
    }
    let told = || format!("{} runs as the restoring user: it may not be given to another one", described(object));
    done.map(|changed| changed.then(told)).map_err(|error: Error| error)
}

/// The statement that makes it. An event is disabled, unless it was enabled and events are wanted.
fn made(object: &NativeObject, enable_events: bool) -> String {
    let enabled = object.attributes.get(STATUS).is_some_and(|status| status == "ENABLED");
    if object.kind != ObjectKind::Event || enable_events && enabled {
        return object.definition.clone();
    }
    disabled(&object.definition)
}

/// A `CREATE EVENT` of one that does not run.
fn disabled(definition: &str) -> String {
    let all = tokens(definition);
    let Some(event) = all.iter().position(|token| token.is_word("EVENT")) else { return definition.to_owned() };
    let header = || all.iter().skip(event).take_while(|token| !token.is_word("DO"));
    let replaced = |from: usize, to: usize, with: &str| {
        format!("{}{with}{}", definition.get(..from).unwrap_or_default(), definition.get(to..).unwrap_or_default())
    };
    if header().any(|token| token.is_word("DISABLE")) {
        return definition.to_owned();
    }
    match header().find(|token| token.is_word("ENABLE")) {
        Some(enable) => replaced(enable.start, enable.end(), "DISABLE"),
        None => match all.iter().skip(event).find(|token| token.is_word("COMMENT") || token.is_word("DO")) {
            Some(next) => replaced(next.start, next.start, "DISABLE "),
            None => definition.to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_disabled() {
        for (event, changed) in [
            (
                "CREATE DEFINER=`a`@`b` EVENT `enable` ON SCHEDULE EVERY 1 DAY ON COMPLETION NOT PRESERVE ENABLE COMMENT 'ENABLE' DO select 1",
                "CREATE DEFINER=`a`@`b` EVENT `enable` ON SCHEDULE EVERY 1 DAY ON COMPLETION NOT PRESERVE DISABLE COMMENT 'ENABLE' DO select 1",
            ),
            (
                "CREATE EVENT e ON SCHEDULE AT '2030-01-01 00:00:00' DO SET @enable = 1",
                "CREATE EVENT e ON SCHEDULE AT '2030-01-01 00:00:00' DISABLE DO SET @enable = 1",
            ),
            (
                "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DISABLE ON SLAVE DO begin end",
                "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DISABLE ON SLAVE DO begin end",
            ),
        ] {
            assert_eq!(disabled(event), changed);
        }
    }
}
