//! Keys, foreign keys and checks. Exclusion constraints are [`objects`](crate::objects).

use super::{READING, Tables, fact, get};
use crate::ddl;
use crate::session::Session;
use crate::types::Oid;
use dbferry_dialect::model::{Check, Deferral, ForeignKey, Key, ReferentialAction};
use dbferry_dialect::{Collection, CollectionName, Result};
use std::collections::HashMap;
use tokio_postgres::Row;

/// Adds the constraints to the tables.
///
/// Left out is what comes by itself: foreign keys that a partition has from its parent, checks that a child inherits. Keys
/// and checks of partitions are listed, because a partition is made as a table of its own before it is attached.
pub(super) fn read(session: &mut Session, tables: &mut Tables) -> Result<()> {
    let sql = format!(
        "SELECT k.conrelid, k.conname::text, k.contype::text, k.conkey, pg_get_constraintdef(k.oid),
                k.condeferrable, k.condeferred, k.confdeltype::text, k.confupdtype::text,
                k.conislocal, c.relispartition, k.connoinherit, k.convalidated,
                CASE k.contype WHEN 'c' THEN pg_get_expr(k.conbin, k.conrelid) END,
                CASE WHEN k.contype IN ('p', 'u') THEN pg_get_indexdef(k.conindid) END,
                fn.nspname::text, f.relname::text,
                CASE k.contype WHEN 'f' THEN (SELECT array_agg(a.attname::text ORDER BY u.position)
                   FROM unnest(k.confkey) WITH ORDINALITY u(number, position)
                   JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.number) END,
                o.description
           FROM pg_constraint k
           JOIN pg_class c ON c.oid = k.conrelid AND c.relkind IN ('r', 'p', 'f')
           JOIN pg_namespace n ON n.oid = c.relnamespace
           LEFT JOIN pg_class f ON f.oid = k.confrelid
           LEFT JOIN pg_namespace fn ON fn.oid = f.relnamespace
           LEFT JOIN pg_description o ON o.classoid = 'pg_constraint'::regclass AND o.objoid = k.oid
          WHERE k.contype IN ('p', 'u', 'f', 'c', 'n') AND (k.contype <> 'f' OR k.conparentid = 0) AND {}
          ORDER BY k.conrelid, k.conname",
        super::USER_NAMESPACE
    );
    let mut key_indexes: HashMap<Oid, serde_json::Map<String, serde_json::Value>> = HashMap::new();
    for row in session.query(READING, &sql, &[])? {
        let table: Oid = get(&row, 0)?;
        let name: String = get(&row, 1)?;
        let columns = tables.names(table, &get::<Option<Vec<i16>>>(&row, 3)?.unwrap_or_default());
        let Some(collection) = tables.get_mut(table) else { continue };
        let definition = Some(get::<String>(&row, 4)?);
        let is_local = get::<bool>(&row, 9)? || get::<bool>(&row, 10)?;
        let comment: Option<String> = get(&row, 18)?;
        if let Some(index) = get::<Option<String>>(&row, 14)? {
            key_indexes.entry(table).or_default().insert(name.clone(), index.into());
        }
        match get::<&str>(&row, 2)? {
            "p" => collection.primary_key = Some(Key { name: Some(name.clone()), columns, definition }),
            "u" => collection.unique_keys.push(Key { name: Some(name.clone()), columns, definition }),
            "f" => collection.foreign_keys.push(foreign_key(&row, name.clone(), columns)?),
            "n" => {
                not_null(&row, collection, &name, &columns, is_local)?;
                if comment.is_some() && !is_local {
                    continue;
                }
            }
            _ if !is_local => continue,
            _ => {
                let expression = get::<Option<String>>(&row, 13)?.unwrap_or_default();
                collection.checks.push(Check { name: Some(name.clone()), expression, meaning: None, definition });
            }
        }
        add_comment(collection, "constraint", &name, comment);
    }
    for (table, indexes) in key_indexes {
        if let Some(collection) = tables.get_mut(table) {
            fact(collection, ddl::KEY_INDEXES, Some(serde_json::Value::Object(indexes).to_string()));
        }
    }
    Ok(())
}

/// Adds a comment on a part of a table to its attribute.
pub(super) fn add_comment(collection: &mut Collection, kind: &str, name: &str, comment: Option<String>) {
    let Some(comment) = comment else { return };
    let known = collection.attributes.get(ddl::COMMENTS).and_then(|text| serde_json::from_str(text).ok());
    let mut list: Vec<serde_json::Value> = known.unwrap_or_default();
    list.push(serde_json::json!([kind, name, comment]));
    fact(collection, ddl::COMMENTS, Some(serde_json::Value::Array(list).to_string()));
}

/// PostgreSQL 18 keeps `NOT NULL` as constraints with names; the model keeps what is unusual of them.
fn not_null(row: &Row, collection: &mut Collection, name: &str, columns: &[String], is_local: bool) -> Result<()> {
    let usual = columns.first().map(|column| format!("{}_{column}_not_null", collection.name.name));
    let valid: bool = get(row, 12)?;
    if !valid {
        // Rows that are there may hold nulls.
        let expression = columns.first().map(|column| format!("{column} IS NOT NULL")).unwrap_or_default();
        let definition = Some(get::<String>(row, 4)?);
        collection.checks.push(Check { name: Some(name.to_owned()), expression, meaning: None, definition });
    }
    let Some(column) = collection.columns.iter_mut().find(|column| columns.contains(&column.name)) else {
        return Ok(());
    };
    column.nullable = !valid;
    if valid && is_local && usual.as_deref() != Some(name) {
        column.native.parameters.insert(ddl::NOT_NULL_NAME.to_owned(), name.to_owned());
    }
    if valid && !is_local {
        column.native.parameters.insert(ddl::NOT_NULL_INHERITED.to_owned(), "true".to_owned());
    }
    if valid && get(row, 11)? {
        column.native.parameters.insert(ddl::NOT_NULL_NO_INHERIT.to_owned(), "true".to_owned());
    }
    Ok(())
}

fn foreign_key(row: &Row, name: String, columns: Vec<String>) -> Result<ForeignKey> {
    Ok(ForeignKey {
        name: Some(name),
        columns,
        references: CollectionName::new(
            get::<Option<String>>(row, 15)?.unwrap_or_default(),
            get::<Option<String>>(row, 16)?.unwrap_or_default(),
        ),
        referenced_columns: get::<Option<Vec<String>>>(row, 17)?.unwrap_or_default(),
        on_delete: action(get(row, 7)?),
        on_update: action(get(row, 8)?),
        deferred: match (get(row, 5)?, get(row, 6)?) {
            (_, true) => Deferral::Deferred,
            (true, false) => Deferral::Deferrable,
            (false, false) => Deferral::Immediate,
        },
        definition: Some(get(row, 4)?),
    })
}

fn action(code: &str) -> ReferentialAction {
    match code {
        "r" => ReferentialAction::Restrict,
        "c" => ReferentialAction::Cascade,
        "n" => ReferentialAction::SetNull,
        "d" => ReferentialAction::SetDefault,
        _ => ReferentialAction::NoAction,
    }
}
