//! Tables themselves: `pg_class` and what hangs on it.

use super::{READING, Tables, USER_NAMESPACE, fact, flag, full_name, get, note, privileges};
use crate::ddl;
use crate::session::Session;
use crate::types::Oid;
use dbferry_dialect::model::{CollectionKind, Estimate};
use dbferry_dialect::{Collection, CollectionName, Result, Schema};
use std::collections::HashMap;

/// Reads the tables without their columns.
pub(super) fn read(session: &mut Session, schema: &mut Schema) -> Result<Tables> {
    let privileges = privileges('r', "c.relacl", "c.relowner");
    let with = |options: &str, prefix: &str| {
        format!(
            "(SELECT string_agg('{prefix}' || quote_ident(option_name) || '=' || quote_literal(option_value), ', ')
                FROM pg_options_to_table({options}))"
        )
    };
    let sql = format!(
        "SELECT c.oid, n.nspname::text, c.relname::text, c.relkind::text, c.relpersistence::text, c.relispartition,
                CASE c.relkind WHEN 'p' THEN pg_get_partkeydef(c.oid) END,
                pg_get_expr(c.relpartbound, c.oid),
                CASE WHEN c.reloftype <> 0 THEN format_type(c.reloftype, -1) END,
                concat_ws(', ', {own_options}, {toast_options}),
                s.spcname::text, m.amname::text, c.relreplident::text, c.relrowsecurity, c.relforcerowsecurity,
                pg_get_userbyid(c.relowner)::text, {privileges},
                c.reltuples::float8, CASE c.relkind WHEN 'r' THEN pg_table_size(c.oid) END,
                o.description, v.srvname::text,
                (SELECT string_agg(quote_ident(option_name) || ' ' || quote_literal(option_value), ', ')
                   FROM pg_options_to_table(f.ftoptions)),
                x.extname::text, g.condition
           FROM pg_class c
           JOIN pg_namespace n ON n.oid = c.relnamespace
           LEFT JOIN pg_class t ON t.oid = c.reltoastrelid
           LEFT JOIN pg_tablespace s ON s.oid = c.reltablespace
           LEFT JOIN pg_am m ON m.oid = c.relam
           LEFT JOIN pg_description o ON o.classoid = 'pg_class'::regclass AND o.objoid = c.oid AND o.objsubid = 0
           LEFT JOIN pg_foreign_table f ON f.ftrelid = c.oid
           LEFT JOIN pg_foreign_server v ON v.oid = f.ftserver
           LEFT JOIN pg_depend e ON e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e'
           LEFT JOIN pg_extension x ON x.oid = e.refobjid
           LEFT JOIN LATERAL unnest(x.extconfig, x.extcondition) g(oid, condition) ON g.oid = c.oid
          WHERE c.relkind IN ('r', 'p', 'f') AND {USER_NAMESPACE} AND (x.oid IS NULL OR g.oid IS NOT NULL)
          ORDER BY c.oid",
        own_options = with("c.reloptions", ""),
        toast_options = with("t.reloptions", "toast."),
    );
    let mut tables = Tables::default();
    for row in session.query(READING, &sql, &[])? {
        let name = CollectionName::new(get::<String>(&row, 1)?, get::<String>(&row, 2)?);
        let mut collection = Collection::table(name, Vec::new());
        let extension: Option<String> = get(&row, 22)?;
        collection.kind = match (get::<&str>(&row, 3)?, &extension) {
            ("p", _) => CollectionKind::Partitioned,
            ("f", _) => CollectionKind::Foreign,
            (_, Some(_)) => CollectionKind::System,
            _ => CollectionKind::Table,
        };
        flag(&mut collection, ddl::UNLOGGED, get::<&str>(&row, 4)? == "u");
        let with: Option<String> = get(&row, 9)?;
        for (key, value) in [
            (ddl::PARTITION_BY, get(&row, 6)?),
            (ddl::PARTITION_BOUND, get(&row, 7)?),
            (ddl::OF_TYPE, get(&row, 8)?),
            (ddl::WITH, with.filter(|with| !with.is_empty())),
            (ddl::TABLESPACE, get(&row, 10)?),
            (ddl::ACCESS_METHOD, get::<Option<String>>(&row, 11)?.filter(|method| method != "heap")),
            (ddl::OWNER, get(&row, 15)?),
            (ddl::PRIVILEGES, get(&row, 16)?),
            (ddl::SERVER, get(&row, 20)?),
            (ddl::OPTIONS, get(&row, 21)?),
            (ddl::EXTENSION, extension),
            (ddl::EXTENSION_CONDITION, get::<Option<String>>(&row, 23)?.filter(|condition| !condition.is_empty())),
        ] {
            fact(&mut collection, key, value);
        }
        if let Some(tablespace) = collection.attributes.get(ddl::TABLESPACE) {
            let reason = "tablespaces belong to the server: the table goes to the target's default";
            note(&mut schema.not_carried, "tablespace", format!("{tablespace} of {}", collection.name), reason);
        }
        if collection.kind == CollectionKind::Foreign {
            let reason = "they are on another server and stay there; the table's definition is carried";
            note(&mut schema.not_carried, "rows of a foreign table", collection.name.to_string(), reason);
        }
        let replica_identity = match get::<&str>(&row, 12)? {
            "f" => Some("full".to_owned()),
            // A foreign table has none.
            "n" if collection.kind != CollectionKind::Foreign => Some("nothing".to_owned()),
            // By an index, whose name comes with the indexes; or by the primary key.
            _ => None,
        };
        fact(&mut collection, ddl::REPLICA_IDENTITY, replica_identity);
        flag(&mut collection, ddl::ROW_SECURITY, get(&row, 13)?);
        flag(&mut collection, ddl::FORCE_ROW_SECURITY, get(&row, 14)?);
        let rows: f64 = get(&row, 17)?;
        // -1 means that nobody has counted yet.
        let rows = (rows >= 0.0).then_some(rows as u64);
        let bytes = get::<Option<i64>>(&row, 18)?.and_then(|bytes| u64::try_from(bytes).ok());
        collection.estimate = Estimate { rows: rows.filter(|_| bytes.is_some()), bytes };
        collection.comment = get(&row, 19)?;
        tables.add(get(&row, 0)?, collection);
    }
    link(session, &mut tables)?;
    Ok(tables)
}

/// Partitions and children to their parents.
fn link(session: &mut Session, tables: &mut Tables) -> Result<()> {
    let sql = "SELECT i.inhrelid, n.nspname::text, p.relname::text, c.relispartition
                 FROM pg_inherits i
                 JOIN pg_class c ON c.oid = i.inhrelid AND c.relkind IN ('r', 'p', 'f')
                 JOIN pg_class p ON p.oid = i.inhparent
                 JOIN pg_namespace n ON n.oid = p.relnamespace
                ORDER BY i.inhrelid, i.inhseqno";
    let mut inherited: HashMap<Oid, Vec<serde_json::Value>> = HashMap::new();
    for row in session.query(READING, sql, &[])? {
        let child: Oid = get(&row, 0)?;
        let parent = CollectionName::new(get::<String>(&row, 1)?, get::<String>(&row, 2)?);
        let Some(collection) = tables.get_mut(child) else { continue };
        if get(&row, 3)? {
            collection.part_of = Some(parent);
        } else {
            inherited.entry(child).or_default().push(full_name(&parent));
        }
    }
    for (child, parents) in inherited {
        if let Some(collection) = tables.get_mut(child) {
            fact(collection, ddl::INHERITS, Some(serde_json::Value::Array(parents).to_string()));
        }
    }
    Ok(())
}
