//! Makes objects that are not there.
//!
//! What is there is found in the catalogue, never by `IF NOT EXISTS` alone, and is kept; where its definition differs the
//! user is told. Statements run one at a time through the prepared protocol, which takes no second one.
//!
//! | who calls | when | what a failure does |
//! |---|---|---|
//! | [`create_before`] | before the first group | a warning; what needs the object fails in its own group |
//! | [`create_for_collection`] | in the group's transaction | fails the group |
//! | [`create_after`] | after the last group | a warning; materialised views are refreshed at the end |

use super::{ADDRESS, FURTHER, IS_CALLED, LAST_VALUE, POPULATED, RELATION, ROLES, SHELL, TO_ROLES};
use crate::ddl::access::{self, Granted};
use crate::ddl::{sequence, table};
use crate::session::Session;
use crate::types::TypeCatalogue;
use dbferry_dialect::model::{NativeObject, ObjectKind};
use dbferry_dialect::{CollectionName, Error, ErrorKind, ReplaceOptions, Result};
use serde_json::Value;
use std::collections::{HashMap, HashSet};

const CREATING: &str = "an object cannot be created";
const TRANSACTION: &str = "a transaction cannot be begun or ended";

/// What a database has before objects are made in it.
#[derive(Debug, Default)]
pub(crate) struct Existing {
    objects: HashMap<String, NativeObject>,
    roles: HashSet<String>,
}

impl Existing {
    /// Reads the catalogue of the target, whose types are these.
    pub(crate) fn read(session: &mut Session, types: &TypeCatalogue) -> Result<Self> {
        let objects = crate::introspect::objects(session, types)?;
        let mut existing = Self::default();
        // A type stands there as a mere name first and then as it is.
        existing.objects.extend(objects.into_iter().map(|object| (key(&object), object)));
        let rows = session.query("the roles cannot be read", "SELECT rolname::text FROM pg_roles", &[])?;
        for row in &rows {
            existing.roles.insert(crate::introspect::get(row, 0)?);
        }
        Ok(existing)
    }

    /// Forgets what hung on a table that was dropped or re-created.
    pub(crate) fn forget(&mut self, table: &CollectionName) {
        self.objects.retain(|_, object| object.on.as_ref() != Some(table));
    }

    /// The same object where it is there. The mere name of a type is not the type.
    fn find(&self, object: &NativeObject) -> Option<&NativeObject> {
        let is_name = |object: &NativeObject| object.attributes.contains_key(SHELL);
        self.objects.get(&key(object)).filter(|there| is_name(object) || !is_name(there))
    }

    /// As if the server had not that role.
    #[cfg(test)]
    pub(crate) fn forget_role(&mut self, role: &str) {
        self.roles.remove(role);
    }

    /// Whether the server has that role.
    pub(crate) fn has_role(&self, role: &str) -> bool {
        self.roles.contains(role)
    }
}

/// What was made, so that it can be taken away again.
#[derive(Debug, Default)]
#[must_use]
pub(crate) struct Created {
    /// In the order of creation.
    drops: Vec<String>,
    /// Statements for sequences that were there: their state is data, so it changes only when groups do.
    states: Vec<String>,
}

impl Created {
    /// Whether nothing was made.
    pub(crate) fn is_empty(&self) -> bool {
        self.drops.is_empty()
    }

    /// Takes away what was made, the last first, because no group was committed. Returns what could not be taken away.
    pub(crate) fn undo(self, session: &mut Session) -> Result<Vec<String>> {
        let mut warnings = Vec::new();
        for statement in self.drops.iter().rev() {
            if let Err(error) = session.execute("an object cannot be dropped again", statement, &[]) {
                warnings.push(warn(error)?);
            }
        }
        Ok(warnings)
    }

    /// Gives sequences that were there the state of the archive, once groups are committed.
    pub(crate) fn keep(self, session: &mut Session) -> Result<Vec<String>> {
        let mut warnings = Vec::new();
        for statement in &self.states {
            if let Err(error) = session.execute("a sequence cannot be set", statement, &[]) {
                warnings.push(warn(error)?);
            }
        }
        Ok(warnings)
    }
}

/// Makes objects that collections may need, each in a transaction of its own. The session must be in none. `created` holds
/// what was made also when something ends it on the way.
pub(crate) fn create_before(
    session: &mut Session,
    existing: &mut Existing,
    objects: &[NativeObject],
    options: &ReplaceOptions,
    created: &mut Created,
) -> Result<Vec<String>> {
    create_each(session, existing, objects, options, created)
}

/// Makes what belongs to one collection; the session is in the transaction of the group. Sequences come before the table
/// ([`Stage::Before`](dbferry_dialect::model::Stage::Before)), the rest after its rows: the caller passes what it is time
/// for.
pub(crate) fn create_for_collection(
    session: &mut Session,
    existing: &mut Existing,
    objects: &[NativeObject],
    options: &ReplaceOptions,
) -> Result<Vec<String>> {
    let mut warnings = Vec::new();
    prepare(session)?;
    for object in objects {
        match existing.find(object) {
            Some(there) => {
                warnings.extend(difference(object, there));
                if let Some(statement) = state(object) {
                    session
                        .execute("a sequence cannot be set", &statement, &[])
                        .map_err(|error| named(error, object))?;
                }
            }
            None => {
                create(session, existing, object, options, &mut warnings)?;
                existing.objects.insert(key(object), object.clone());
            }
        }
    }
    Ok(warnings)
}

/// Makes objects that need collections, each in a transaction of its own, and refreshes materialised views that held rows,
/// those that were there already too. The session must be in no transaction.
pub(crate) fn create_after(
    session: &mut Session,
    existing: &mut Existing,
    objects: &[NativeObject],
    options: &ReplaceOptions,
) -> Result<Vec<String>> {
    let mut created = Created::default();
    let mut warnings = create_each(session, existing, objects, options, &mut created)?;
    for view in objects.iter().filter(|object| object.kind == ObjectKind::MaterializedView) {
        let (Some(address), true) = (view.attributes.get(ADDRESS), view.attributes.contains_key(POPULATED)) else {
            continue;
        };
        let refreshed = session.execute("a materialised view cannot be refreshed", &format!("REFRESH {address}"), &[]);
        if let Err(error) = refreshed {
            warnings.push(warn(named(error, view))?);
        }
    }
    Ok(warnings)
}

/// Owners and privileges of anything. A role that the server has not is a warning, and so is what the user may not grant.
/// The session must be in a transaction.
pub(crate) fn grant(session: &mut Session, existing: &Existing, granted: &[Granted]) -> Result<Vec<String>> {
    let mut warnings = Vec::new();
    for granted in granted {
        if let Some(role) = granted.role.as_ref().filter(|role| !existing.has_role(role)) {
            warnings.push(format!("there is no role {role} here, so this was left out: {}", granted.statement));
            continue;
        }
        session.run(TRANSACTION, "SAVEPOINT dbferry_grant")?;
        match session.execute("an owner or a privilege cannot be set", &granted.statement, &[]) {
            Ok(_) => session.run(TRANSACTION, "RELEASE dbferry_grant")?,
            Err(error) => {
                warnings.push(warn(error)?);
                session.run(TRANSACTION, "ROLLBACK TO dbferry_grant; RELEASE dbferry_grant")?;
            }
        }
    }
    Ok(warnings)
}

/// Bodies are not looked at: they may name tables that come later.
fn prepare(session: &mut Session) -> Result<()> {
    session.run("the session cannot be set up", "SET check_function_bodies = off")
}

fn create_each(
    session: &mut Session,
    existing: &mut Existing,
    objects: &[NativeObject],
    options: &ReplaceOptions,
    created: &mut Created,
) -> Result<Vec<String>> {
    let mut warnings = Vec::new();
    prepare(session)?;
    for object in objects {
        session.cancel().check()?;
        if let Some(there) = existing.find(object) {
            warnings.extend(difference(object, there));
            created.states.extend(state(object));
            continue;
        }
        session.run(TRANSACTION, "BEGIN")?;
        let mut told = Vec::new();
        match create(session, existing, object, options, &mut told) {
            Ok(()) => {
                session.run(TRANSACTION, "COMMIT")?;
                warnings.append(&mut told);
                created.drops.extend(object.attributes.get(ADDRESS).map(|address| format!("DROP {address}")));
                existing.objects.insert(key(object), object.clone());
            }
            Err(error) => {
                warnings.push(warn(error)?);
                session.run(TRANSACTION, "ROLLBACK")?;
            }
        }
    }
    Ok(warnings)
}

/// Makes one object with everything that belongs to it.
fn create(
    session: &mut Session,
    existing: &Existing,
    object: &NativeObject,
    options: &ReplaceOptions,
    warnings: &mut Vec<String>,
) -> Result<()> {
    let Some(definition) = for_roles(object, existing, warnings) else { return Ok(()) };
    let further = object.attributes.get(FURTHER).and_then(|text| serde_json::from_str::<Value>(text).ok());
    let further = further.iter().filter_map(Value::as_array).flatten().filter_map(Value::as_str).map(str::to_owned);
    let address = object.attributes.get(ADDRESS);
    let comment = address.zip(object.comment.as_ref()).map(|(address, comment)| table::comment_on(address, comment));
    let statements = std::iter::once(definition).chain(further).chain(comment).chain(state(object));
    for statement in statements {
        session.execute(CREATING, &statement, &[]).map_err(|error| named(error, object))?;
    }
    if let Some(address) = address {
        let mut granted = Vec::new();
        if options.owners {
            granted.extend(access::owner(address, &object.attributes));
        }
        if options.privileges {
            granted.extend(access::privileges(&grantable(address), &object.attributes, options.owners));
        }
        warnings.append(&mut grant(session, existing, &granted)?);
    }
    Ok(())
}

/// The statement that creates an object here. A policy is for those of its roles that there are; where there are none it
/// would concern nobody, so it is left out.
fn for_roles(object: &NativeObject, existing: &Existing, warnings: &mut Vec<String>) -> Option<String> {
    let roles = object.attributes.get(ROLES).and_then(|text| serde_json::from_str::<Vec<String>>(text).ok());
    let (Some(roles), Some(spelled)) = (roles, object.attributes.get(TO_ROLES)) else {
        return Some(object.definition.clone());
    };
    let (here, missing): (Vec<String>, Vec<String>) = roles.into_iter().partition(|role| existing.has_role(role));
    if missing.is_empty() {
        return Some(object.definition.clone());
    }
    let what = described(object);
    let missing = missing.join(", ");
    if here.is_empty() {
        warnings.push(format!("{what} is left out: it is for {missing} only, and there are no such roles here"));
        return None;
    }
    warnings.push(format!("{what} is made without {missing}: there are no such roles here"));
    let here = format!(" TO {}", crate::PostgresSyntax.names(&here));
    Some(object.definition.replacen(&format!(" TO {spelled}"), &here, 1))
}

/// Where the sequence of an archive stands: its last value, and whether that was handed out.
pub(crate) fn sequence_state(object: &NativeObject) -> Option<(i64, bool)> {
    Some((object.attributes.get(LAST_VALUE)?.parse().ok()?, object.attributes.get(IS_CALLED)? == "true"))
}

/// The statement that sets a sequence where the archive's stands.
fn state(object: &NativeObject) -> Option<String> {
    let (last_value, is_called) = sequence_state(object)?;
    Some(sequence::set(&CollectionName::new(&object.namespace, &object.name), last_value, is_called))
}

/// What tells one object of a database from all others.
fn key(object: &NativeObject) -> String {
    match object.attributes.get(ADDRESS) {
        Some(address) => format!("{:?} {address}", object.kind),
        None => format!(
            "{:?} {} on {}",
            object.kind,
            object.name,
            object.attributes.get(RELATION).map(String::as_str).unwrap_or_default()
        ),
    }
}

/// What the user should know of an object that is there already.
fn difference(object: &NativeObject, there: &NativeObject) -> Option<String> {
    if object.attributes.contains_key(SHELL) || there.attributes.contains_key(SHELL) {
        return None;
    }
    let same = object.definition == there.definition && object.attributes.get(FURTHER) == there.attributes.get(FURTHER);
    let version = |object: &NativeObject| object.attributes.get("version").cloned().unwrap_or_default();
    if !same {
        Some(format!("{} is there with another definition, and is kept as it is", described(object)))
    } else if version(object) != version(there) {
        let (here, archived) = (version(there), version(object));
        Some(format!("{} is there in version {here}; the archive has {archived}", described(object)))
    } else {
        None
    }
}

fn described(object: &NativeObject) -> String {
    object.attributes.get(ADDRESS).cloned().unwrap_or_else(|| object.name.clone())
}

fn named(error: Error, object: &NativeObject) -> Error {
    error.with("object", described(object))
}

/// What `GRANT` calls a thing.
fn grantable(address: &str) -> String {
    for (known, word) in [
        ("AGGREGATE ", "FUNCTION "),
        ("MATERIALIZED VIEW ", "TABLE "),
        ("VIEW ", "TABLE "),
        ("FOREIGN TABLE ", "TABLE "),
        ("SERVER ", "FOREIGN SERVER "),
    ] {
        if let Some(name) = address.strip_prefix(known) {
            return format!("{word}{}", name.replace("(*)", "()"));
        }
    }
    address.to_owned()
}

/// An error as a warning, unless nothing more can be done on this session.
fn warn(error: Error) -> Result<String> {
    if matches!(error.kind(), ErrorKind::Connect | ErrorKind::Tls | ErrorKind::Cancelled) {
        return Err(error);
    }
    Ok(error.to_string())
}
