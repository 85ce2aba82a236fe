//! Indexes of tables. Those of materialised views are [`objects`](crate::objects).

use super::constraints::add_comment;
use super::{READING, Tables, fact, full_name, get, note};
use crate::ddl;
use crate::session::Session;
use crate::types::Oid;
use dbferry_dialect::model::{Index, IndexPart, IndexSubject, NotCarried};
use dbferry_dialect::{CollectionName, Result};
use std::collections::HashMap;
use tokio_postgres::Row;

/// Adds the indexes to the tables.
///
/// The indexes of a partition's exclusion constraints have no parents here: the parent's constraint makes them.
pub(super) fn read(session: &mut Session, tables: &mut Tables, not_carried: &mut Vec<NotCarried>) -> Result<()> {
    let sql = format!(
        "SELECT i.indrelid, x.relname::text, x.relkind::text, i.indisunique, i.indisvalid AND i.indisready,
                i.indisreplident, i.indisclustered, k.conname IS NOT NULL,
                CASE WHEN k.conname IS NULL THEN pg_get_indexdef(i.indexrelid) END, pg_get_expr(i.indpred, i.indrelid),
                i.indkey::int2[], i.indoption::int2[], i.indnkeyatts,
                CASE WHEN i.indexprs IS NOT NULL THEN
                     ARRAY(SELECT pg_get_indexdef(i.indexrelid, p, false) FROM generate_series(1, i.indnkeyatts) p) END,
                pn.nspname::text, p.relname::text, o.description,
                (SELECT array_agg(format('ALTER INDEX %I.%I ALTER COLUMN %s SET STATISTICS %s',
                                         n.nspname, x.relname, a.attnum, a.attstattarget) ORDER BY a.attnum)
                   FROM pg_attribute a WHERE a.attrelid = x.oid AND a.attstattarget >= 0 AND i.indexprs IS NOT NULL)
           FROM pg_index i
           JOIN pg_class x ON x.oid = i.indexrelid
           JOIN pg_class c ON c.oid = i.indrelid AND c.relkind IN ('r', 'p')
           JOIN pg_namespace n ON n.oid = c.relnamespace
           LEFT JOIN pg_constraint k ON k.conindid = i.indexrelid AND k.conrelid = i.indrelid AND k.contype IN ('p', 'u', 'x')
           LEFT JOIN pg_inherits h ON h.inhrelid = x.oid AND k.contype IS DISTINCT FROM 'x'
           LEFT JOIN pg_class p ON p.oid = h.inhparent
           LEFT JOIN pg_namespace pn ON pn.oid = p.relnamespace
           LEFT JOIN pg_description o ON o.classoid = 'pg_class'::regclass AND o.objoid = x.oid AND o.objsubid = 0
          WHERE {}
          ORDER BY i.indrelid, x.relname",
        super::USER_NAMESPACE
    );
    let mut parents: HashMap<Oid, serde_json::Map<String, serde_json::Value>> = HashMap::new();
    let mut settings: HashMap<Oid, Vec<serde_json::Value>> = HashMap::new();
    for row in session.query(READING, &sql, &[])? {
        let table: Oid = get(&row, 0)?;
        let name: String = get(&row, 1)?;
        let numbers: Vec<i16> = get(&row, 10)?;
        let columns: Vec<Vec<String>> = numbers.iter().map(|number| tables.names(table, &[*number])).collect();
        let Some(collection) = tables.get_mut(table) else { continue };
        // A partitioned index is invalid until all partitions have theirs.
        if !get::<bool>(&row, 4)? && get::<&str>(&row, 2)? != "I" {
            let what = format!("{}.{name}", collection.name.namespace);
            note(not_carried, "invalid index", what, "a build of it failed: drop it or build it anew with REINDEX");
            continue;
        }
        if get(&row, 5)? {
            fact(collection, ddl::REPLICA_IDENTITY, Some(format!("index {name}")));
        }
        if get(&row, 6)? {
            fact(collection, ddl::CLUSTER, Some(name.clone()));
        }
        if let Some(parent) = get::<Option<String>>(&row, 15)? {
            let parent = CollectionName::new(get::<Option<String>>(&row, 14)?.unwrap_or_default(), parent);
            parents.entry(table).or_default().insert(name.clone(), full_name(&parent));
        }
        if let Some(statements) = get::<Option<Vec<String>>>(&row, 17)? {
            settings.entry(table).or_default().extend(statements.into_iter().map(Into::into));
        }
        add_comment(collection, "index", &name, get(&row, 16)?);
        let of_constraint: bool = get(&row, 7)?;
        if !of_constraint {
            collection.indexes.push(index(&row, name, &columns)?);
        }
    }
    for (table, parents) in parents {
        if let Some(collection) = tables.get_mut(table) {
            fact(collection, ddl::INDEX_PARENTS, Some(serde_json::Value::Object(parents).to_string()));
        }
    }
    for (table, settings) in settings {
        if let Some(collection) = tables.get_mut(table) {
            fact(collection, ddl::INDEX_SETTINGS, Some(serde_json::Value::Array(settings).to_string()));
        }
    }
    Ok(())
}

fn index(row: &Row, name: String, columns: &[Vec<String>]) -> Result<Index> {
    let options: Vec<i16> = get(row, 11)?;
    let keys = usize::try_from(get::<i16>(row, 12)?).unwrap_or_default();
    let expressions: Vec<String> = get::<Option<_>>(row, 13)?.unwrap_or_default();
    let part = |position: usize, column: &Vec<String>| IndexPart {
        subject: match column.first() {
            Some(column) => IndexSubject::Column(column.clone()),
            None => IndexSubject::Expression(expressions.get(position).cloned().unwrap_or_default()),
        },
        meaning: None,
        // INDOPTION_DESC of the server.
        descending: options.get(position).is_some_and(|option| option & 1 != 0),
        collation: None,
    };
    Ok(Index {
        name,
        parts: columns.iter().take(keys).enumerate().map(|(position, column)| part(position, column)).collect(),
        unique: get(row, 3)?,
        predicate: get(row, 9)?,
        condition: None,
        definition: get(row, 8)?,
    })
}
