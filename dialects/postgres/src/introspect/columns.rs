//! Columns: `pg_attribute` and what hangs on it.

use super::{READING, Tables, defaults, fact, get, privileges};
use crate::ddl;
use crate::session::Session;
use crate::types::{Oid, TypeCatalogue};
use dbferry_dialect::model::{ColumnRole, Generated, Identity};
use dbferry_dialect::{Column, LogicalType, Result};
use std::collections::HashMap;
use tokio_postgres::Row;

/// Adds the columns to the tables.
pub(super) fn read(session: &mut Session, version: i32, types: &TypeCatalogue, tables: &mut Tables) -> Result<()> {
    // An identity's privileges make no sense of their own; a column has no default ones.
    let privileges = privileges('c', "a.attacl", "c.relowner");
    let compression = if version >= 140_000 { "nullif(a.attcompression::text, '')" } else { "NULL::text" };
    let sql = format!(
        "SELECT a.attrelid, a.attnum, a.attname::text, a.atttypid, a.atttypmod, format_type(a.atttypid, a.atttypmod),
                a.attnotnull, a.attidentity::text, a.attgenerated::text, pg_get_expr(d.adbin, d.adrelid),
                CASE WHEN a.attcollation <> 0 AND a.attcollation <> t.typcollation
                     THEN quote_ident(cn.nspname) || '.' || quote_ident(co.collname) END,
                CASE WHEN a.attstorage <> t.typstorage THEN a.attstorage::text END,
                {compression}, coalesce(a.attstattarget, -1)::int4, array_to_string(a.attoptions, ', '),
                (SELECT string_agg(quote_ident(option_name) || ' ' || quote_literal(option_value), ', ')
                   FROM pg_options_to_table(a.attfdwoptions)),
                a.attislocal, c.relispartition, o.description, {privileges}
           FROM pg_attribute a
           JOIN pg_class c ON c.oid = a.attrelid AND c.relkind IN ('r', 'p', 'f')
           JOIN pg_namespace n ON n.oid = c.relnamespace
           JOIN pg_type t ON t.oid = a.atttypid
           LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
           LEFT JOIN pg_collation co ON co.oid = a.attcollation
           LEFT JOIN pg_namespace cn ON cn.oid = co.collnamespace
           LEFT JOIN pg_description o ON o.classoid = 'pg_class'::regclass AND o.objoid = c.oid AND o.objsubid = a.attnum
          WHERE a.attnum > 0 AND NOT a.attisdropped AND {}
          ORDER BY a.attrelid, a.attnum",
        super::USER_NAMESPACE
    );
    let mut column_privileges: HashMap<Oid, serde_json::Map<String, serde_json::Value>> = HashMap::new();
    for row in session.query(READING, &sql, &[])? {
        let table: Oid = get(&row, 0)?;
        let Some(collection) = tables.get_mut(table) else { continue };
        let column = column(&row, types)?;
        let name = column.name.clone();
        collection.columns.push(column);
        if let Some(changes) = get::<Option<&str>>(&row, 19)?.and_then(|text| serde_json::from_str(text).ok()) {
            column_privileges.entry(table).or_default().insert(name.clone(), changes);
        }
        tables.column_names.insert((table, get(&row, 1)?), name);
    }
    // A file without columns has no rows, and these have.
    for collection in tables.collections.iter_mut().filter(|collection| collection.columns.is_empty()) {
        let mut number = Column::new("row", LogicalType::INT64, "bigint");
        number.role = ColumnRole::RowIdentity;
        number.nullable = false;
        collection.columns.push(number);
    }
    for (table, changes) in column_privileges {
        if let Some(collection) = tables.get_mut(table) {
            fact(collection, ddl::COLUMN_PRIVILEGES, Some(serde_json::Value::Object(changes).to_string()));
        }
    }
    Ok(())
}

fn column(row: &Row, types: &TypeCatalogue) -> Result<Column> {
    let logical = types.logical(get(row, 3)?, get(row, 4)?);
    let mut column = Column::new(get::<String>(row, 2)?, logical, get::<String>(row, 5)?);
    column.nullable = !get::<bool>(row, 6)?;
    let expression: Option<String> = get(row, 9)?;
    match get::<&str>(row, 8)? {
        "" => column.default = expression.map(|text| defaults::understand(text, &column.logical)),
        kind => {
            let expression = expression.unwrap_or_default();
            column.generated = Some(Generated { expression, stored: kind == "s" });
        }
    }
    column.identity = match get::<&str>(row, 7)? {
        "a" => Some(Identity::Always),
        "d" => Some(Identity::ByDefault),
        _ => None,
    };
    column.collation = get(row, 10)?;
    column.comment = get(row, 18)?;
    let storage = get::<Option<&str>>(row, 11)?.and_then(|storage| match storage {
        "p" => Some("PLAIN"),
        "e" => Some("EXTERNAL"),
        "m" => Some("MAIN"),
        "x" => Some("EXTENDED"),
        _ => None,
    });
    let compression = get::<Option<&str>>(row, 12)?.and_then(|method| match method {
        "p" => Some("pglz"),
        "l" => Some("lz4"),
        _ => None,
    });
    let statistics: i32 = get(row, 13)?;
    let inherited = !get::<bool>(row, 16)? && !get::<bool>(row, 17)?;
    for (key, value) in [
        (ddl::STORAGE, storage.map(str::to_owned)),
        (ddl::COMPRESSION, compression.map(str::to_owned)),
        (ddl::STATISTICS, (statistics >= 0).then(|| statistics.to_string())),
        (ddl::COLUMN_OPTIONS, get(row, 14)?),
        (ddl::OPTIONS, get(row, 15)?),
        (ddl::INHERITED, inherited.then(|| "true".to_owned())),
    ] {
        if let Some(value) = value {
            column.native.parameters.insert(key.to_owned(), value);
        }
    }
    Ok(column)
}
