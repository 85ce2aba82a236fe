//! Views, materialised views and their indexes, and sequences that no column owns.

use super::{ADDRESS, IS_CALLED, LAST_VALUE, Node, READING, Source};
use crate::PostgresSyntax;
use crate::ddl;
use crate::introspect::sequences::Sequence;
use crate::introspect::{Tables, USER_NAMESPACE, get, privileges};
use crate::session::Session;
use crate::types::Oid;
use dbferry_dialect::model::{NativeObject, ObjectKind, Stage};
use dbferry_dialect::{Result, Syntax};

pub(super) fn sources() -> Vec<Source> {
    let privileges = privileges('r', "c.relacl", "c.relowner");
    let column_privileges = column_privileges();
    let with = "coalesce((SELECT ' WITH (' || string_agg(quote_ident(option_name) || '=' || quote_literal(option_value), ', ') || ')'
                            FROM pg_options_to_table(c.reloptions)), '')";
    let from = format!("FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE {USER_NAMESPACE}");
    vec![
        Source::new(
            ObjectKind::View,
            "pg_class",
            format!(
                "SELECT c.oid, n.nspname, c.relname,
                        format('CREATE VIEW %I.%I', n.nspname, c.relname) || {with} || ' AS' || chr(10)
                        || rtrim(pg_get_viewdef(c.oid), '; '),
                        {VIEW_FURTHER}, c.relowner, {privileges}, NULL, NULL,
                        json_build_object('{cp}', {column_privileges}) {from} AND c.relkind = 'v'",
                cp = ddl::COLUMN_PRIVILEGES
            ),
        ),
        Source::new(
            ObjectKind::MaterializedView,
            "pg_class",
            format!(
                "SELECT c.oid, n.nspname, c.relname,
                        format('CREATE MATERIALIZED VIEW %I.%I', n.nspname, c.relname)
                        || coalesce((SELECT format(' USING %I', a.amname) FROM pg_am a WHERE a.oid = c.relam AND a.amname <> 'heap'), '')
                        || {with} || ' AS' || chr(10) || rtrim(pg_get_viewdef(c.oid), '; ') || chr(10) || 'WITH NO DATA',
                        {MATVIEW_FURTHER}, c.relowner, {privileges}, NULL, NULL,
                        json_build_object('{cp}', {column_privileges}, '{populated}', CASE WHEN c.relispopulated THEN true END)
                        {from} AND c.relkind = 'm'",
                cp = ddl::COLUMN_PRIVILEGES,
                populated = super::POPULATED
            ),
        ),
        // Constraints need indexes of tables only, so all of these stand alone.
        Source::new(
            ObjectKind::Other,
            "pg_class",
            format!(
                "SELECT x.oid, n.nspname, x.relname, pg_get_indexdef(x.oid),
                        CASE WHEN i.indisclustered THEN
                             ARRAY[format('ALTER MATERIALIZED VIEW %I.%I CLUSTER ON %I', n.nspname, c.relname, x.relname)] END,
                        0::oid, NULL, NULL, NULL,
                        json_build_object('{relation}', format('%I.%I', n.nspname, c.relname))
                   FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid
                   JOIN pg_class c ON c.oid = i.indrelid AND c.relkind = 'm'
                   JOIN pg_namespace n ON n.oid = c.relnamespace
                  WHERE i.indisvalid AND {USER_NAMESPACE}",
                relation = super::RELATION
            ),
        ),
    ]
}

/// The privileges of a view's columns, as a JSON object.
fn column_privileges() -> String {
    format!(
        "(SELECT json_object_agg(a.attname, ({})::json) FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attacl IS NOT NULL)",
        privileges('c', "a.attacl", "c.relowner")
    )
}

/// Defaults of a view's columns and their comments.
const VIEW_FURTHER: &str = "(SELECT array_agg(s.statement ORDER BY s.number, s.step) FROM (
      SELECT d.adnum, 1, format('ALTER VIEW %I.%I ALTER COLUMN %I SET DEFAULT %s', n.nspname, c.relname, a.attname,
                                pg_get_expr(d.adbin, d.adrelid))
        FROM pg_attrdef d JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum WHERE d.adrelid = c.oid
      UNION ALL
      SELECT a.attnum, 2, format('COMMENT ON COLUMN %I.%I.%I IS %L', n.nspname, c.relname, a.attname, o.description)
        FROM pg_attribute a
        JOIN pg_description o ON o.classoid = 'pg_class'::regclass AND o.objoid = c.oid AND o.objsubid = a.attnum
       WHERE a.attrelid = c.oid AND a.attnum > 0) s(number, step, statement))";

/// What a materialised view's columns are beyond their query.
const MATVIEW_FURTHER: &str = "(SELECT array_agg(s.statement ORDER BY s.number, s.step) FROM (
      SELECT a.attnum, 1, format('ALTER MATERIALIZED VIEW %I.%I ALTER COLUMN %I SET STATISTICS %s', n.nspname, c.relname,
                                 a.attname, a.attstattarget)
        FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND a.attstattarget >= 0
      UNION ALL
      SELECT a.attnum, 2, format('ALTER MATERIALIZED VIEW %I.%I ALTER COLUMN %I SET STORAGE %s', n.nspname, c.relname, a.attname,
                                 CASE a.attstorage WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN 'EXTERNAL' WHEN 'm' THEN 'MAIN' ELSE 'EXTENDED' END)
        FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
       WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attstorage <> t.typstorage
      UNION ALL
      SELECT a.attnum, 3, format('COMMENT ON COLUMN %I.%I.%I IS %L', n.nspname, c.relname, a.attname, o.description)
        FROM pg_attribute a
        JOIN pg_description o ON o.classoid = 'pg_class'::regclass AND o.objoid = c.oid AND o.objsubid = a.attnum
       WHERE a.attrelid = c.oid AND a.attnum > 0) s(number, step, statement))";

/// The sequences that no column of a listed table owns, as objects. Where a table of something else owns one, it stands
/// alone too.
pub(super) fn free_sequences(session: &mut Session, sequences: &[Sequence], tables: &Tables) -> Result<Vec<Node>> {
    let rows = session.query(READING, "SELECT 'pg_class'::regclass::oid", &[])?;
    let class: Oid = rows.first().map(|row| get(row, 0)).transpose()?.unwrap_or_default();
    let is_free = |sequence: &&Sequence| sequence.owned_by.is_none_or(|(table, _)| tables.get(table).is_none());
    let node = |sequence: &Sequence| {
        let facts = &sequence.facts;
        let name = &facts.name;
        let definition = ddl::sequence::create(facts);
        let mut object = NativeObject::new(ObjectKind::Sequence, &name.namespace, &name.name, crate::NAME, definition);
        object.stage = Stage::Before;
        object.comment.clone_from(&facts.comment);
        for (key, value) in [
            (ddl::OWNER, facts.owner.clone()),
            (ddl::PRIVILEGES, facts.privileges.clone()),
            (LAST_VALUE, facts.state.map(|(value, _)| value.to_string())),
            (IS_CALLED, facts.state.map(|(_, called)| called.to_string())),
            (ADDRESS, Some(format!("SEQUENCE {}", PostgresSyntax.qualified(name)))),
        ] {
            if let Some(value) = value {
                object.attributes.insert(key.to_owned(), value);
            }
        }
        Node { class, oid: sequence.oid, object }
    };
    Ok(sequences.iter().filter(is_free).map(node).collect())
}
