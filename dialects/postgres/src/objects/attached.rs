//! What hangs on a table or a view: exclusion constraints, triggers, rules, policies, extended statistics.
//!
//! What hangs on a table goes with the table's group; what hangs on a view belongs to no collection.

use super::{RELATION, ROLES, Source, TO_ROLES};
use crate::introspect::USER_NAMESPACE;
use dbferry_dialect::model::ObjectKind;

/// The name of the relation `c` in `n` where it is a collection.
const ON: &str = "CASE WHEN c.relkind IN ('r', 'p', 'f') THEN n.nspname END, CASE WHEN c.relkind IN ('r', 'p', 'f') THEN c.relname END";

pub(super) fn sources(version: i32) -> Vec<Source> {
    let relation = format!("'{RELATION}', format('%I.%I', n.nspname, c.relname)");
    let from = |catalogue: &str, column: &str| {
        format!(
            "FROM {catalogue} t JOIN pg_class c ON c.oid = t.{column} JOIN pg_namespace n ON n.oid = c.relnamespace
              WHERE {USER_NAMESPACE} AND c.oid NOT IN (SELECT e.objid FROM pg_depend e
                    WHERE e.classid = 'pg_class'::regclass AND e.deptype = 'e')"
        )
    };
    let (original, parent) =
        if version >= 130_000 { ("t.tgparentid = 0", "u.oid = t.tgparentid") } else { ("true", "false") };
    vec![
        // A partitioned table's makes those of its partitions.
        Source::new(
            ObjectKind::Constraint,
            "pg_constraint",
            format!(
                "SELECT t.oid, n.nspname, t.conname,
                        format('ALTER TABLE %s%I.%I ADD CONSTRAINT %I %s', CASE c.relkind WHEN 'p' THEN '' ELSE 'ONLY ' END,
                               n.nspname, c.relname, t.conname, pg_get_constraintdef(t.oid)),
                        NULL::text[], 0::oid, NULL, {ON}, json_build_object({relation})
                   {} AND t.contype = 'x' AND t.conparentid = 0",
                from("pg_constraint", "conrelid")
            ),
        ),
        // A rule named so is what makes a view a view.
        Source::new(
            ObjectKind::Rule,
            "pg_rewrite",
            format!(
                "SELECT t.oid, n.nspname, t.rulename, pg_get_ruledef(t.oid),
                        CASE WHEN t.ev_enabled <> 'O' THEN ARRAY[format('ALTER TABLE %I.%I %s RULE %I', n.nspname, c.relname,
                             CASE t.ev_enabled WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA' ELSE 'ENABLE ALWAYS' END,
                             t.rulename)] END,
                        0::oid, NULL, {ON}, json_build_object({relation})
                   {} AND t.rulename <> '_RETURN'",
                from("pg_rewrite", "ev_class")
            ),
        ),
        Source::new(
            ObjectKind::Trigger,
            "pg_trigger",
            format!(
                "SELECT t.oid, n.nspname, t.tgname, pg_get_triggerdef(t.oid, false),
                        array_remove(ARRAY[
                          CASE WHEN t.tgenabled <> 'O' THEN format('ALTER TABLE %I.%I %s TRIGGER %I', n.nspname, c.relname,
                             CASE t.tgenabled WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA' ELSE 'ENABLE ALWAYS' END,
                             t.tgname) END,
                          (SELECT format('ALTER TRIGGER %I ON %I.%I DEPENDS ON EXTENSION %I', t.tgname, n.nspname, c.relname, x.extname)
                             FROM pg_depend d JOIN pg_extension x ON x.oid = d.refobjid
                            WHERE d.classid = 'pg_trigger'::regclass AND d.objid = t.oid AND d.deptype = 'x' LIMIT 1)], NULL),
                        0::oid, NULL, {ON}, json_build_object({relation})
                   {} AND NOT t.tgisinternal AND {original}",
                from("pg_trigger", "tgrelid")
            ),
        ),
        // A partition has its parent's triggers by itself, but may have switched them otherwise.
        Source::new(
            ObjectKind::Other,
            "pg_trigger",
            format!(
                "SELECT t.oid, n.nspname, t.tgname,
                        format('ALTER TABLE %I.%I %s TRIGGER %I', n.nspname, c.relname,
                             CASE t.tgenabled WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA' WHEN 'A' THEN 'ENABLE ALWAYS'
                                              ELSE 'ENABLE' END, t.tgname),
                        NULL::text[], 0::oid, NULL, {ON}, json_build_object({relation})
                   {} AND EXISTS (SELECT FROM pg_trigger u WHERE {parent} AND u.tgenabled <> t.tgenabled)",
                from("pg_trigger", "tgrelid")
            ),
        ),
        Source::new(
            ObjectKind::Policy,
            "pg_policy",
            format!(
                "SELECT t.oid, n.nspname, t.polname,
                        format('CREATE POLICY %I ON %I.%I AS %s FOR %s TO %s', t.polname, n.nspname, c.relname,
                               CASE WHEN t.polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END,
                               CASE t.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE'
                                             WHEN 'd' THEN 'DELETE' ELSE 'ALL' END, {to})
                        || coalesce(' USING (' || pg_get_expr(t.polqual, t.polrelid) || ')', '')
                        || coalesce(' WITH CHECK (' || pg_get_expr(t.polwithcheck, t.polrelid) || ')', ''),
                        NULL::text[], 0::oid, NULL, {ON},
                        json_build_object({relation}, '{TO_ROLES}', {to},
                          '{ROLES}', (SELECT json_agg(r.rolname ORDER BY r.rolname) FROM pg_roles r WHERE r.oid = ANY (t.polroles)))
                   {}",
                from("pg_policy", "polrelid"),
                to = "coalesce((SELECT string_agg(quote_ident(r.rolname), ', ' ORDER BY r.rolname) FROM pg_roles r
                                 WHERE r.oid = ANY (t.polroles)), 'PUBLIC')"
            ),
        ),
        Source::new(
            ObjectKind::Statistics,
            "pg_statistic_ext",
            format!(
                "SELECT t.oid, sn.nspname, t.stxname, pg_get_statisticsobjdef(t.oid),
                        (SELECT ARRAY[format('ALTER STATISTICS %I.%I SET STATISTICS %s', sn.nspname, t.stxname, j->>'stxstattarget')]
                           FROM to_jsonb(t) j WHERE (j->>'stxstattarget')::int >= 0),
                        t.stxowner, NULL, {ON}, json_build_object({relation})
                   {}",
                from("pg_statistic_ext", "stxrelid").replacen(
                    " WHERE ",
                    " JOIN pg_namespace sn ON sn.oid = t.stxnamespace WHERE ",
                    1
                )
            ),
        ),
    ]
}
