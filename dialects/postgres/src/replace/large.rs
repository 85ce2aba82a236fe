//! Large objects in the place of those that are there, in the transaction of the main session.
//!
//! They are made and written by the functions that the server has for them; the pages reach it as rows do that make a detour
//! through a temporary table. No such function makes a page without bytes behind the beginning of an object, which is left
//! where an object was cut at the end of a page; such pages are inserted into the catalogue, which superusers may.

use super::load::DETOUR_TABLE;
use super::sessions::statement;
use super::unit::{Member, Members};
use crate::ddl::access::{self, Granted};
use crate::ddl::{self, table};
use crate::introspect::get;
use crate::large;
use crate::objects::create::{Existing, grant};
use crate::session::Session;
use crate::types::Oid;
use dbferry_dialect::{Collection, CollectionAction, Error, ErrorKind, ReplaceOptions, Result};
use serde_json::Value;
use std::collections::HashSet;

const MAKING: &str = "large objects cannot be made";
const REMOVING: &str = "large objects cannot be replaced";

/// Removes the objects that are there, or sees to it that there are none. A transaction is under way.
///
/// # Errors
/// [`ErrorKind::Permission`] when this user cannot read large objects to prove them, or does not own one that is there;
/// [`ErrorKind::Incompatible`] when the archive's pages are of another size.
pub(super) fn begin(session: &mut Session, member: &Member) -> Result<()> {
    let names: Vec<&str> = member.plan.source.columns.iter().map(|column| column.name.as_str()).collect();
    if names != large::COLUMNS {
        return Err(Error::new(ErrorKind::Incompatible, "the archive's large objects are not laid out as pages")
            .with("dialect", crate::NAME));
    }
    let page_bytes = large::page_bytes(session)?.to_string();
    let archived = member.plan.source.attributes.get(ddl::PAGE_BYTES);
    if archived != Some(&page_bytes) {
        return Err(Error::new(ErrorKind::Incompatible, "the server keeps large objects in pages of another size")
            .with("dialect", crate::NAME)
            .with("bytes", page_bytes)
            .with("archived", archived.map_or("unknown", String::as_str))
            .hint("restore into a server that was built with the same block size"));
    }
    let sql = "SELECT pg_catalog.has_table_privilege('pg_catalog.pg_largeobject', 'SELECT'), \
                      pg_catalog.has_table_privilege('pg_catalog.pg_largeobject_metadata', 'UPDATE')";
    let rows = session.query(REMOVING, sql, &[])?;
    let may = |column: usize| rows.first().map_or(Ok(false), |row| get::<bool>(row, column));
    if !may(0)? {
        return Err(Error::new(ErrorKind::Permission, "this user may not read large objects, so none can be proven")
            .with("dialect", crate::NAME)
            .hint("GRANT SELECT ON pg_catalog.pg_largeobject TO the restoring user, restore as a superuser, or leave them out"));
    }
    // Who may not lock a catalogue relies on the proof, which sees objects that somebody else makes meanwhile.
    if may(1)? {
        statement(session, REMOVING, "LOCK TABLE pg_catalog.pg_largeobject_metadata IN SHARE ROW EXCLUSIVE MODE")?;
    }
    if member.plan.action == CollectionAction::Replace {
        let sql = "SELECT pg_catalog.lo_unlink(m.oid) FROM pg_catalog.pg_largeobject_metadata m";
        return statement(session, REMOVING, sql).map_err(explain);
    }
    let rows = session.query(REMOVING, "SELECT FROM pg_catalog.pg_largeobject_metadata LIMIT 1", &[])?;
    if rows.is_empty() {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Busy, "somebody made large objects since the restore was planned")
        .with("dialect", crate::NAME)
        .hint("restore again"))
}

fn explain(error: Error) -> Error {
    let out_of_locks = error.context().any(|(key, value)| key == "sqlstate" && value == "53200");
    match error.kind() {
        ErrorKind::Permission => {
            error.hint("large objects are replaced as a whole: restore as the owner of all, or as a superuser")
        }
        _ if out_of_locks => {
            error.hint("the server locks each large object that it removes: raise max_locks_per_transaction")
        }
        _ => error,
    }
}

/// Makes and writes the objects whose pages are in the temporary table; returns the number of rows that were taken.
pub(super) fn put(session: &mut Session, page_bytes: u32) -> Result<u64> {
    let create = format!(
        "SELECT pg_catalog.lo_create(r.c0) FROM (SELECT DISTINCT c0 FROM {DETOUR_TABLE}) r \
          WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_largeobject_metadata m WHERE m.oid = r.c0)"
    );
    statement(session, MAKING, &create)?;
    let write = format!(
        "SELECT pg_catalog.lo_put(c0, c1::pg_catalog.int8 * {page_bytes}, c2) FROM {DETOUR_TABLE} WHERE c2 <> ''"
    );
    let written = session.execute(MAKING, &write, &[])?;
    let count = format!("SELECT count(*), count(*) FILTER (WHERE c1 > 0) FROM {DETOUR_TABLE} WHERE c2 = ''");
    let rows = session.query(MAKING, &count, &[])?;
    let number = |column: usize| rows.first().map_or(Ok(0), |row| get::<i64>(row, column));
    if number(1)? > 0 {
        let insert = format!(
            "INSERT INTO pg_catalog.pg_largeobject (loid, pageno, data) \
             SELECT c0, c1, c2 FROM {DETOUR_TABLE} WHERE c2 = '' AND c1 > 0"
        );
        statement(session, MAKING, &insert)
            .map_err(|error| error.hint("a large object has a page without bytes, which only a superuser can make"))?;
    }
    Ok(written + u64::try_from(number(0)?).unwrap_or(0))
}

/// Gives the objects their comments, and owners and privileges as far as the options ask. A transaction is under way.
pub(super) fn complete(
    session: &mut Session,
    members: &Members,
    existing: &Existing,
    options: &ReplaceOptions,
) -> Result<Vec<String>> {
    let mut warnings = Vec::new();
    for member in members.iter().filter(|member| member.is_large_objects() && member.loads()) {
        let details = details(&member.source);
        for (oid, detail) in &details {
            if let Some(comment) = detail[3].as_str() {
                statement(session, MAKING, &table::comment_on(&address(*oid), comment))?;
            }
        }
        let mut granted = Vec::new();
        if options.owners {
            granted.extend(owners(session, &member.source, &details)?);
        }
        for (oid, detail) in details.iter().filter(|_| options.privileges) {
            let changes = detail[2].as_str().and_then(|text| serde_json::from_str(text).ok()).unwrap_or(Value::Null);
            granted.extend(access::list(&address(*oid), None, &changes, options.owners));
        }
        warnings.extend(grant(session, existing, &granted)?);
    }
    Ok(warnings)
}

fn address(oid: Oid) -> String {
    format!("LARGE OBJECT {oid}")
}

/// The facts of single objects.
fn details(collection: &Collection) -> Vec<(Oid, Value)> {
    let text = collection.attributes.get(ddl::LARGE_OBJECTS).map_or("[]", String::as_str);
    let details: Vec<Value> = serde_json::from_str(text).unwrap_or_default();
    let oid = |detail: &Value| detail[0].as_u64().and_then(|oid| Oid::try_from(oid).ok());
    details.into_iter().filter_map(|detail| Some((oid(&detail)?, detail))).collect()
}

/// The owners of all objects that are not this user's anyway.
fn owners(session: &mut Session, collection: &Collection, details: &[(Oid, Value)]) -> Result<Vec<Granted>> {
    let own = |(oid, detail): &(Oid, Value)| Some((*oid, detail[1].as_str()?.to_owned()));
    let own: Vec<(Oid, String)> = details.iter().filter_map(own).collect();
    let apart: HashSet<Oid> = own.iter().map(|(oid, _)| *oid).collect();
    let mut owners: Vec<(Oid, String)> = Vec::new();
    if let Some(common) = collection.attributes.get(ddl::OWNER) {
        let sql = "SELECT oid FROM pg_catalog.pg_largeobject_metadata WHERE $1 <> current_user::text ORDER BY oid";
        for row in session.query(MAKING, sql, &[common])? {
            let oid: Oid = get(&row, 0)?;
            if !apart.contains(&oid) {
                owners.push((oid, common.clone()));
            }
        }
    }
    owners.extend(own);
    let granted = |(oid, role): (Oid, String)| {
        access::owner(&address(oid), &[(ddl::OWNER.to_owned(), role)].into_iter().collect())
    };
    Ok(owners.into_iter().filter_map(granted).collect())
}
