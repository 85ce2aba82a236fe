//! Parts of tables that need something which is made after all tables: a check that calls a function which takes the rows
//! of a table. They become objects of their own.

use super::order::Graph;
use super::{READING, RELATION};
use crate::PostgresSyntax;
use crate::introspect::{Tables, get};
use crate::session::Session;
use crate::types::Oid;
use dbferry_dialect::model::{NativeObject, NotCarried, ObjectKind};
use dbferry_dialect::{Collection, CollectionName, Result, Syntax};
use std::collections::HashMap;

/// What a part of a table is.
enum Part {
    Check(String),
    Default(String),
    Index(String),
    /// An expression that computes a column.
    Generated,
}

/// Takes such parts out of the tables and gives them as objects. What cannot wait (a column of such a type) is noted:
/// its table can only be restored where that object is already.
pub(super) fn take(
    session: &mut Session,
    graph: &Graph,
    tables: &mut Tables,
    not_carried: &mut Vec<NotCarried>,
) -> Result<Vec<NativeObject>> {
    for table in graph.tables_of_rows() {
        note(
            not_carried,
            table,
            "a column has the row type of another table, so it can only be restored where that table is",
        );
    }
    let parts = graph.late_parts();
    if parts.is_empty() {
        return Ok(Vec::new());
    }
    let oids: Vec<Oid> = parts.iter().map(|(_, (_, oid))| *oid).collect();
    let sql = "SELECT tableoid, oid, 'check', conname::text FROM pg_constraint WHERE oid = ANY ($1) AND contype = 'c'
               UNION ALL
               SELECT d.tableoid, d.oid, CASE a.attgenerated WHEN '' THEN 'default' ELSE 'generated' END, a.attname::text
                 FROM pg_attrdef d JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
                WHERE d.oid = ANY ($1)
               UNION ALL
               SELECT tableoid, oid, 'index', relname::text FROM pg_class WHERE oid = ANY ($1) AND relkind IN ('i', 'I')";
    let mut known = HashMap::new();
    for row in session.query(READING, sql, &[&oids])? {
        let name: String = get(&row, 3)?;
        let part = match get::<&str>(&row, 2)? {
            "check" => Part::Check(name),
            "default" => Part::Default(name),
            "generated" => Part::Generated,
            _ => Part::Index(name),
        };
        known.insert((get::<Oid>(&row, 0)?, get::<Oid>(&row, 1)?), part);
    }
    let mut objects = Vec::new();
    for (table, thing) in parts {
        let Some(collection) = tables.get_mut(table) else { continue };
        let part = known.get(&thing);
        match part.and_then(|part| take_part(collection, part)) {
            Some(object) => objects.push(object),
            // Triggers that a partition has from its parent and the like come by themselves.
            None if part.is_none() && thing.1 != table => {}
            None => {
                let reason =
                    "it needs an object that itself needs a table, so it can only be restored where that object is";
                note(not_carried, &collection.name, reason);
            }
        }
    }
    Ok(objects)
}

fn note(not_carried: &mut Vec<NotCarried>, table: &CollectionName, reason: &str) {
    not_carried.push(NotCarried { kind: "dependency".to_owned(), name: table.to_string(), reason: reason.to_owned() });
}

fn take_part(collection: &mut Collection, part: &Part) -> Option<NativeObject> {
    let table = PostgresSyntax.qualified(&collection.name);
    let (kind, name, definition) = match part {
        Part::Check(name) => {
            let position = collection.checks.iter().position(|check| check.name.as_deref() == Some(name))?;
            let check = collection.checks.remove(position);
            (ObjectKind::Constraint, name, crate::ddl::constraint::add_check(&collection.name, &check, false))
        }
        Part::Default(name) => {
            let column = collection.columns.iter_mut().find(|column| column.name == *name)?;
            let default = column.default.take()?;
            let column = PostgresSyntax.quote_identifier(name);
            let definition = format!("ALTER TABLE ONLY {table} ALTER COLUMN {column} SET DEFAULT {}", default.native);
            (ObjectKind::Other, name, definition)
        }
        Part::Index(name) => {
            let position = collection.indexes.iter().position(|index| index.name == *name)?;
            (ObjectKind::Other, name, collection.indexes.remove(position).definition?)
        }
        Part::Generated => return None,
    };
    let mut object = NativeObject::new(kind, &collection.name.namespace, name, crate::NAME, definition);
    object.attributes.insert(RELATION.to_owned(), table);
    Some(object)
}
