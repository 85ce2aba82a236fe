//! Types, collations and conversions.

use super::Source;
use crate::introspect::{USER_NAMESPACE, privileges};
use dbferry_dialect::model::ObjectKind;

/// ` COLLATE x` where a collation differs from the type's own.
const COLLATE: &str = "coalesce((SELECT format(' COLLATE %I.%I', cn.nspname, co.collname)
      FROM pg_collation co JOIN pg_namespace cn ON cn.oid = co.collnamespace WHERE co.oid = {collation}
       AND co.oid <> (SELECT b.typcollation FROM pg_type b WHERE b.oid = {type})), '')";

fn collate(collation: &str, type_: &str) -> String {
    COLLATE.replace("{collation}", collation).replace("{type}", type_)
}

pub(super) fn sources(version: i32) -> Vec<Source> {
    let privileges = privileges('T', "t.typacl", "t.typowner");
    let of_types = |definition: &str, further: &str, facts: &str, condition: &str| {
        format!(
            "SELECT t.oid, n.nspname, t.typname, {definition}, {further}, t.typowner, {privileges}, NULL, NULL, {facts}
               FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
               LEFT JOIN pg_class c ON c.oid = t.typrelid
              WHERE {USER_NAMESPACE} AND {condition}"
        )
    };
    vec![
        Source::new(
            ObjectKind::Type,
            "pg_type",
            of_types(
                "format('CREATE TYPE %I.%I AS ENUM (%s)', n.nspname, t.typname,
                        (SELECT string_agg(quote_literal(l.enumlabel), ', ' ORDER BY l.enumsortorder)
                           FROM pg_enum l WHERE l.enumtypid = t.oid))",
                "NULL::text[]",
                "NULL::json",
                "t.typtype = 'e'",
            ),
        ),
        Source::new(ObjectKind::Type, "pg_type", of_types(&domain(), DOMAIN_FURTHER, "NULL::json", "t.typtype = 'd'")),
        Source::new(
            ObjectKind::Type,
            "pg_type",
            of_types(
                &format!(
                    "format('CREATE TYPE %I.%I AS (%s)', n.nspname, t.typname,
                            (SELECT string_agg(quote_ident(a.attname) || ' ' || format_type(a.atttypid, a.atttypmod) || {},
                                               ', ' ORDER BY a.attnum)
                               FROM pg_attribute a WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped))",
                    collate("a.attcollation", "a.atttypid")
                ),
                "(SELECT array_agg(format('COMMENT ON COLUMN %I.%I.%I IS %L', n.nspname, t.typname, a.attname, d.description)
                           ORDER BY a.attnum)
                    FROM pg_attribute a
                    JOIN pg_description d ON d.classoid = 'pg_class'::regclass AND d.objoid = t.typrelid AND d.objsubid = a.attnum
                   WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped)",
                "NULL::json",
                "t.typtype = 'c' AND c.relkind = 'c'",
            ),
        ),
        Source::new(ObjectKind::Type, "pg_type", of_types(&range(version), "NULL::text[]", RANGE_SHELL, "t.typtype = 'r'")),
        Source::new(
            ObjectKind::Type,
            "pg_type",
            of_types(
                BASE,
                "NULL::text[]",
                "json_build_object('has-shell', t.typisdefined)",
                "(t.typtype = 'b' OR NOT t.typisdefined)
                 AND NOT EXISTS (SELECT FROM pg_type e WHERE e.typarray = t.oid)",
            ),
        ),
        collations(version),
        Source::new(
            ObjectKind::Other,
            "pg_conversion",
            format!(
                "SELECT v.oid, n.nspname, v.conname,
                        format('CREATE %sCONVERSION %I.%I FOR %L TO %L FROM %s',
                               CASE WHEN v.condefault THEN 'DEFAULT ' ELSE '' END, n.nspname, v.conname,
                               pg_encoding_to_char(v.conforencoding), pg_encoding_to_char(v.contoencoding), v.conproc),
                        NULL::text[], v.conowner, NULL, NULL, NULL, NULL::json
                   FROM pg_conversion v JOIN pg_namespace n ON n.oid = v.connamespace WHERE {USER_NAMESPACE}"
            ),
        ),
    ]
}

fn domain() -> String {
    format!(
        "format('CREATE DOMAIN %I.%I AS %s', n.nspname, t.typname, format_type(t.typbasetype, t.typtypmod)) || {}
         || coalesce(' DEFAULT ' || coalesce(pg_get_expr(t.typdefaultbin, 0), quote_literal(t.typdefault)), '')
         || CASE WHEN t.typnotnull AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.contypid = t.oid AND k.contype = 'n')
                 THEN ' NOT NULL' ELSE '' END
         || coalesce((SELECT string_agg(format(' CONSTRAINT %I %s', k.conname, pg_get_constraintdef(k.oid)), '' ORDER BY k.conname)
                        FROM pg_constraint k WHERE k.contypid = t.oid AND k.convalidated), '')",
        collate("t.typcollation", "t.typbasetype")
    )
}

/// Constraints that do not hold for values that are there, and comments on constraints.
const DOMAIN_FURTHER: &str = "(SELECT array_agg(s.statement ORDER BY s.step, s.statement) FROM (
      SELECT 1, format('ALTER DOMAIN %I.%I ADD CONSTRAINT %I %s', n.nspname, t.typname, k.conname, pg_get_constraintdef(k.oid))
        FROM pg_constraint k WHERE k.contypid = t.oid AND NOT k.convalidated
      UNION ALL
      SELECT 2, format('COMMENT ON CONSTRAINT %I ON DOMAIN %I.%I IS %L', k.conname, n.nspname, t.typname, d.description)
        FROM pg_constraint k
        JOIN pg_description d ON d.classoid = 'pg_constraint'::regclass AND d.objoid = k.oid
       WHERE k.contypid = t.oid) s(step, statement))";

/// A canonical function takes the range, so the range must be there in some form before it.
const RANGE_SHELL: &str =
    "(SELECT json_build_object('has-shell', true) FROM pg_range r WHERE r.rngtypid = t.oid AND r.rngcanonical <> 0)";

fn range(version: i32) -> String {
    let multirange = if version >= 140_000 {
        "|| (SELECT format(', MULTIRANGE_TYPE_NAME = %I.%I', mn.nspname, m.typname)
               FROM pg_type m JOIN pg_namespace mn ON mn.oid = m.typnamespace WHERE m.oid = r.rngmultitypid)"
    } else {
        ""
    };
    format!(
        "(SELECT format('CREATE TYPE %I.%I AS RANGE (SUBTYPE = %s', n.nspname, t.typname, format_type(r.rngsubtype, -1))
              || (SELECT format(', SUBTYPE_OPCLASS = %I.%I', ocn.nspname, oc.opcname)
                    FROM pg_opclass oc JOIN pg_namespace ocn ON ocn.oid = oc.opcnamespace WHERE oc.oid = r.rngsubopc)
              || coalesce((SELECT format(', COLLATION = %I.%I', cn.nspname, co.collname)
                    FROM pg_collation co JOIN pg_namespace cn ON cn.oid = co.collnamespace WHERE co.oid = r.rngcollation), '')
              || CASE WHEN r.rngcanonical <> 0 THEN ', CANONICAL = ' || r.rngcanonical::regproc ELSE '' END
              || CASE WHEN r.rngsubdiff <> 0 THEN ', SUBTYPE_DIFF = ' || r.rngsubdiff::regproc ELSE '' END {multirange} || ')'
           FROM pg_range r WHERE r.rngtypid = t.oid)"
    )
}

/// A type with functions of its own, or the mere name of one.
const BASE: &str = "CASE WHEN NOT t.typisdefined THEN format('CREATE TYPE %I.%I', n.nspname, t.typname) ELSE
      format('CREATE TYPE %I.%I (INPUT = %s, OUTPUT = %s', n.nspname, t.typname, t.typinput, t.typoutput)
      || CASE WHEN t.typreceive <> 0 THEN ', RECEIVE = ' || t.typreceive ELSE '' END
      || CASE WHEN t.typsend <> 0 THEN ', SEND = ' || t.typsend ELSE '' END
      || CASE WHEN t.typmodin <> 0 THEN ', TYPMOD_IN = ' || t.typmodin ELSE '' END
      || CASE WHEN t.typmodout <> 0 THEN ', TYPMOD_OUT = ' || t.typmodout ELSE '' END
      || CASE WHEN t.typanalyze <> 0 THEN ', ANALYZE = ' || t.typanalyze ELSE '' END
      || coalesce((SELECT CASE WHEN j->>'typsubscript' NOT IN ('-', 'array_subscript_handler', 'raw_array_subscript_handler')
                               THEN ', SUBSCRIPT = ' || (j->>'typsubscript') END FROM to_jsonb(t) j), '')
      || ', INTERNALLENGTH = ' || CASE WHEN t.typlen < 0 THEN 'VARIABLE' ELSE t.typlen::text END
      || CASE WHEN t.typbyval THEN ', PASSEDBYVALUE' ELSE '' END
      || ', ALIGNMENT = ' || CASE t.typalign WHEN 'c' THEN 'char' WHEN 's' THEN 'int2' WHEN 'i' THEN 'int4' ELSE 'double' END
      || ', STORAGE = ' || CASE t.typstorage WHEN 'p' THEN 'plain' WHEN 'e' THEN 'external' WHEN 'm' THEN 'main' ELSE 'extended' END
      || format(', CATEGORY = %L', t.typcategory::text) || CASE WHEN t.typispreferred THEN ', PREFERRED = true' ELSE '' END
      || CASE WHEN t.typelem <> 0 THEN ', ELEMENT = ' || format_type(t.typelem, -1) ELSE '' END
      || CASE WHEN t.typdelim <> ',' THEN format(', DELIMITER = %L', t.typdelim::text) ELSE '' END
      || CASE WHEN t.typcollation <> 0 THEN ', COLLATABLE = true' ELSE '' END
      || coalesce(', DEFAULT = ' || quote_literal(t.typdefault), '') || ')' END";

fn collations(version: i32) -> Source {
    let locale = if version >= 170_000 {
        "k.colllocale"
    } else if version >= 150_000 {
        "k.colliculocale"
    } else {
        "CASE k.collprovider WHEN 'i' THEN k.collcollate::text END"
    };
    let rules = if version >= 160_000 { "k.collicurules" } else { "NULL::text" };
    Source::new(
        ObjectKind::Collation,
        "pg_collation",
        format!(
            "SELECT k.oid, n.nspname, k.collname,
                    format('CREATE COLLATION %I.%I (PROVIDER = %s', n.nspname, k.collname,
                           CASE k.collprovider WHEN 'i' THEN 'icu' WHEN 'b' THEN 'builtin' ELSE 'libc' END)
                    || CASE WHEN k.collisdeterministic THEN '' ELSE ', DETERMINISTIC = false' END
                    || CASE k.collprovider WHEN 'c' THEN format(', LC_COLLATE = %L, LC_CTYPE = %L', k.collcollate, k.collctype)
                            ELSE format(', LOCALE = %L', {locale}) END
                    || coalesce(', RULES = ' || quote_literal({rules}), '') || ')',
                    NULL::text[], k.collowner, NULL, NULL, NULL, NULL::json
               FROM pg_collation k JOIN pg_namespace n ON n.oid = k.collnamespace WHERE {USER_NAMESPACE}"
        ),
    )
}
