//! Everything of a database that has a definition and no rows: namespaces, extensions, types, routines, views, triggers.
//!
//! [`read`] lists them with the statements that make them again, each after those that it needs; [`create`] makes those that
//! are not there. Definitions come from the server's own functions (`pg_get_functiondef`, `pg_get_viewdef`, ...) where there
//! is one, else from the catalogue. What an extension made is not listed: the extension makes it again.
//!
//! Stages: an object is made before the collections unless it needs one (a view of a table, a function that takes a table's
//! rows); what belongs to one table goes with that table's group.

mod attached;
pub(crate) mod create;
mod late;
mod operators;
mod order;
mod relations;
mod routines;
mod search;
#[cfg(test)]
pub(crate) mod tests;
mod types;
mod wrappers;

use crate::ddl;
use crate::introspect::sequences::Sequence;
use crate::introspect::{Tables, get};
use crate::session::Session;
use crate::types::Oid;
use dbferry_dialect::model::{NativeObject, ObjectKind};
use dbferry_dialect::{CollectionName, Result, Schema};
use order::Graph;
use serde_json::Value;
use tokio_postgres::Row;

/// Object attribute: what `COMMENT ON`, `DROP` and `ALTER` call it, `FUNCTION public.f(integer)`.
pub(crate) const ADDRESS: &str = "address";
/// Object attribute: JSON list of further statements that belong to its definition.
pub(crate) const FURTHER: &str = "further";
/// Object attribute: the table or view that it hangs on, quoted; names of triggers, rules and policies are only unique there.
pub(crate) const RELATION: &str = "relation";
/// Object attribute of a sequence: the last value.
pub(crate) const LAST_VALUE: &str = "last-value";
/// Object attribute of a sequence, `true` or `false`: whether the last value was handed out.
pub(crate) const IS_CALLED: &str = "is-called";
/// Object attribute of a materialised view, `true`: it held rows, so it is refreshed.
pub(crate) const POPULATED: &str = "populated";
/// Object attribute of a policy: JSON list of the roles that it is for, and their list as the definition spells it.
pub(crate) const ROLES: &str = "roles";
/// See [`ROLES`].
pub(crate) const TO_ROLES: &str = "to-roles";
/// Object attribute, `true`: the type as it is before its functions are there.
pub(crate) const SHELL: &str = "shell";

const READING: &str = "the objects cannot be read";

/// One kind of objects and the query that lists them.
///
/// The query gives `oid, namespace, name, definition, further text[], owner, privileges, on_namespace, on_name, facts
/// jsonb`; nulls where there is nothing to say.
struct Source {
    kind: ObjectKind,
    /// The catalogue that they are in.
    class: &'static str,
    query: String,
}

impl Source {
    fn new(kind: ObjectKind, class: &'static str, query: impl Into<String>) -> Self {
        Self { kind, class, query: query.into() }
    }
}

/// An object while it is put in order.
struct Node {
    class: Oid,
    oid: Oid,
    object: NativeObject,
}

/// Reads all objects into `schema`, in the order in which they can be made.
pub(crate) fn read(
    session: &mut Session,
    version: i32,
    tables: &mut Tables,
    sequences: &[Sequence],
    schema: &mut Schema,
) -> Result<()> {
    let mut sources = wrappers::sources();
    sources.extend(types::sources(version));
    sources.extend(routines::sources());
    sources.extend(operators::sources());
    sources.extend(search::sources());
    sources.extend(relations::sources());
    sources.extend(attached::sources(version));
    let mut nodes = Vec::new();
    for source in &sources {
        nodes.extend(list(session, source)?);
    }
    nodes.extend(relations::free_sequences(session, sequences, tables)?);
    let mut graph = Graph::new(nodes, tables);
    graph.read(session)?;
    graph.arrange();
    let late = late::take(session, &graph, tables, &mut schema.not_carried)?;
    schema.objects = graph.into_objects();
    schema.objects.extend(late);
    Ok(())
}

fn list(session: &mut Session, source: &Source) -> Result<Vec<Node>> {
    let class = source.class;
    // What an extension made is its own; an extension itself is no member of anything. A range type makes its constructors
    // and casts itself.
    let sql = format!(
        "SELECT '{class}'::regclass::oid, q.oid, q.namespace::text, q.name::text, q.definition, q.further,
                CASE WHEN q.owner <> 0 THEN pg_get_userbyid(q.owner)::text END, q.privileges,
                q.on_namespace::text, q.on_name::text, q.facts::text, i.type, i.identity, o.description
           FROM ({query}) q(oid, namespace, name, definition, further, owner, privileges, on_namespace, on_name, facts)
           LEFT JOIN pg_description o ON o.classoid = '{class}'::regclass AND o.objoid = q.oid AND o.objsubid = 0
          CROSS JOIN LATERAL pg_identify_object('{class}'::regclass, q.oid, 0) i
          WHERE q.definition IS NOT NULL
            AND NOT EXISTS (SELECT FROM pg_depend e
                             WHERE e.classid = '{class}'::regclass AND e.objid = q.oid
                               AND (e.deptype = 'e' OR e.deptype = 'i' AND e.refclassid = 'pg_type'::regclass))
          ORDER BY q.namespace, q.name, q.on_namespace, q.on_name",
        query = source.query
    );
    session.query(READING, &sql, &[])?.iter().map(|row| node(row, source.kind)).collect()
}

fn node(row: &Row, kind: ObjectKind) -> Result<Node> {
    let namespace: Option<String> = get(row, 2)?;
    let definition: String = get(row, 4)?;
    let name: String = get(row, 3)?;
    let definition = definition.trim_end().trim_end_matches(';');
    let mut object = NativeObject::new(kind, namespace.unwrap_or_default(), name, crate::NAME, definition);
    object.comment = get(row, 13)?;
    let on = get::<Option<String>>(row, 8)?.zip(get::<Option<String>>(row, 9)?);
    object.on = on.map(|(namespace, name)| CollectionName::new(namespace, name));
    if let Some(facts) = get::<Option<&str>>(row, 10)?.and_then(|text| serde_json::from_str::<Value>(text).ok()) {
        for (key, value) in facts.as_object().into_iter().flatten() {
            let text = match value {
                Value::Null => continue,
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            object.attributes.insert(key.clone(), text);
        }
    }
    let further: Option<Vec<String>> = get(row, 5)?;
    let further = further.filter(|list| !list.is_empty()).map(|list| Value::from(list).to_string());
    let address = address(get(row, 11)?, get(row, 12)?);
    for (key, value) in
        [(ddl::OWNER, get(row, 6)?), (ddl::PRIVILEGES, get(row, 7)?), (FURTHER, further), (ADDRESS, Some(address))]
    {
        if let Some(value) = value {
            object.attributes.insert(key.to_owned(), value);
        }
    }
    Ok(Node { class: get(row, 0)?, oid: get(row, 1)?, object })
}

/// What SQL calls an object that `pg_identify_object` describes.
fn address(kind: &str, identity: &str) -> String {
    match kind {
        "foreign-data wrapper" => format!("FOREIGN DATA WRAPPER {identity}"),
        "statistics object" => format!("STATISTICS {identity}"),
        // `for public.hstore on language plperl`
        "transform" => format!("TRANSFORM {}", identity.replacen(" on language ", " LANGUAGE ", 1)),
        // `a on public.b`
        "table constraint" => format!("CONSTRAINT {identity}"),
        "aggregate" if identity.ends_with("()") => format!("AGGREGATE {}*)", identity.trim_end_matches(')')),
        _ => format!("{} {identity}", kind.to_uppercase()),
    }
}
