//! Operators, their families and classes, casts and transforms.

use super::Source;
use crate::introspect::USER_NAMESPACE;
use dbferry_dialect::model::ObjectKind;

/// `OPERATOR(namespace.name)`.
const NAMED: &str = "(SELECT format('OPERATOR(%I.%s)', sn.nspname, s.oprname)
      FROM pg_operator s JOIN pg_namespace sn ON sn.oid = s.oprnamespace WHERE s.oid = {oid})";

fn named(oid: &str) -> String {
    NAMED.replace("{oid}", oid)
}

/// The operators and functions of a class or family, as `CREATE OPERATOR CLASS` and `ALTER OPERATOR FAMILY ... ADD` list them.
/// `depends` is the condition on `pg_depend d` that chooses them.
fn members(family: &str, depends: &str) -> String {
    format!(
        "(SELECT string_agg(m.item, ', ' ORDER BY m.step, m.number, m.item) FROM (
            SELECT 1, o.amopstrategy,
                   format('OPERATOR %s %s', o.amopstrategy, o.amopopr::regoperator)
                   || coalesce((SELECT format(' FOR ORDER BY %I.%I', bn.nspname, b.opfname)
                                  FROM pg_opfamily b JOIN pg_namespace bn ON bn.oid = b.opfnamespace
                                 WHERE b.oid = o.amopsortfamily), '')
              FROM pg_amop o
              JOIN pg_depend d ON d.classid = 'pg_amop'::regclass AND d.objid = o.oid AND {depends}
             WHERE o.amopfamily = {family}
            UNION ALL
            SELECT 2, r.amprocnum,
                   format('FUNCTION %s (%s, %s) %s', r.amprocnum, format_type(r.amproclefttype, -1),
                          format_type(r.amprocrighttype, -1), r.amproc::oid::regprocedure)
              FROM pg_amproc r
              JOIN pg_depend d ON d.classid = 'pg_amproc'::regclass AND d.objid = r.oid AND {depends}
             WHERE r.amprocfamily = {family}) m(step, number, item))"
    )
}

pub(super) fn sources() -> Vec<Source> {
    vec![
        Source::new(
            ObjectKind::Operator,
            "pg_operator",
            format!(
                "SELECT p.oid, n.nspname,
                        format('%s(%s,%s)', p.oprname, CASE WHEN p.oprleft <> 0 THEN format_type(p.oprleft, -1) ELSE 'NONE' END,
                               CASE WHEN p.oprright <> 0 THEN format_type(p.oprright, -1) ELSE 'NONE' END),
                        format('CREATE OPERATOR %I.%s (FUNCTION = %s', n.nspname, p.oprname, p.oprcode)
                        || CASE WHEN p.oprleft <> 0 THEN ', LEFTARG = ' || format_type(p.oprleft, -1) ELSE '' END
                        || CASE WHEN p.oprright <> 0 THEN ', RIGHTARG = ' || format_type(p.oprright, -1) ELSE '' END
                        || coalesce(', COMMUTATOR = ' || {}, '') || coalesce(', NEGATOR = ' || {}, '')
                        || CASE WHEN p.oprrest <> 0 THEN ', RESTRICT = ' || p.oprrest ELSE '' END
                        || CASE WHEN p.oprjoin <> 0 THEN ', JOIN = ' || p.oprjoin ELSE '' END
                        || CASE WHEN p.oprcanhash THEN ', HASHES' ELSE '' END
                        || CASE WHEN p.oprcanmerge THEN ', MERGES' ELSE '' END || ')',
                        NULL::text[], p.oprowner, NULL, NULL, NULL, NULL::json
                   FROM pg_operator p JOIN pg_namespace n ON n.oid = p.oprnamespace
                  WHERE p.oprcode <> 0 AND {USER_NAMESPACE}",
                named("p.oprcom"),
                named("p.oprnegate")
            ),
        ),
        Source::new(
            ObjectKind::Other,
            "pg_opfamily",
            format!(
                "SELECT f.oid, n.nspname, format('%s USING %s', f.opfname, a.amname),
                        format('CREATE OPERATOR FAMILY %I.%I USING %I', n.nspname, f.opfname, a.amname),
                        ARRAY(SELECT format('ALTER OPERATOR FAMILY %I.%I USING %I ADD ', n.nspname, f.opfname, a.amname) || l.items
                                FROM (SELECT {}) l(items) WHERE l.items IS NOT NULL),
                        f.opfowner, NULL, NULL, NULL, NULL::json
                   FROM pg_opfamily f JOIN pg_namespace n ON n.oid = f.opfnamespace JOIN pg_am a ON a.oid = f.opfmethod
                  WHERE {USER_NAMESPACE}",
                members("f.oid", "d.refclassid = 'pg_opfamily'::regclass AND d.refobjid = f.oid AND d.deptype = 'a'")
            ),
        ),
        Source::new(
            ObjectKind::Other,
            "pg_opclass",
            format!(
                "SELECT c.oid, n.nspname, format('%s USING %s', c.opcname, a.amname),
                        format('CREATE OPERATOR CLASS %I.%I %sFOR TYPE %s USING %I FAMILY %I.%I AS %s', n.nspname, c.opcname,
                               CASE WHEN c.opcdefault THEN 'DEFAULT ' ELSE '' END, format_type(c.opcintype, -1), a.amname,
                               fn.nspname, f.opfname,
                               concat_ws(', ', {},
                                         'STORAGE ' || format_type(CASE WHEN c.opckeytype <> 0 THEN c.opckeytype ELSE c.opcintype END, -1))),
                        NULL::text[], c.opcowner, NULL, NULL, NULL, NULL::json
                   FROM pg_opclass c JOIN pg_namespace n ON n.oid = c.opcnamespace JOIN pg_am a ON a.oid = c.opcmethod
                   JOIN pg_opfamily f ON f.oid = c.opcfamily JOIN pg_namespace fn ON fn.oid = f.opfnamespace
                  WHERE {USER_NAMESPACE}",
                members("c.opcfamily", "d.refclassid = 'pg_opclass'::regclass AND d.refobjid = c.oid AND d.deptype = 'i'")
            ),
        ),
        Source::new(
            ObjectKind::Cast,
            "pg_cast",
            "SELECT c.oid, NULL, format('%s AS %s', format_type(c.castsource, -1), format_type(c.casttarget, -1)),
                    format('CREATE CAST (%s AS %s) ', format_type(c.castsource, -1), format_type(c.casttarget, -1))
                    || CASE c.castmethod WHEN 'f' THEN 'WITH FUNCTION ' || c.castfunc::regprocedure
                                         WHEN 'i' THEN 'WITH INOUT' ELSE 'WITHOUT FUNCTION' END
                    || CASE c.castcontext WHEN 'i' THEN ' AS IMPLICIT' WHEN 'a' THEN ' AS ASSIGNMENT' ELSE '' END,
                    NULL::text[], 0::oid, NULL, NULL, NULL, NULL::json
               FROM pg_cast c WHERE c.oid >= 16384",
        ),
        Source::new(
            ObjectKind::Other,
            "pg_transform",
            "SELECT t.oid, NULL, format('%s LANGUAGE %s', format_type(t.trftype, -1), l.lanname),
                    format('CREATE TRANSFORM FOR %s LANGUAGE %I (', format_type(t.trftype, -1), l.lanname)
                    || concat_ws(', ', CASE WHEN t.trffromsql <> 0 THEN 'FROM SQL WITH FUNCTION ' || t.trffromsql::oid::regprocedure END,
                                       CASE WHEN t.trftosql <> 0 THEN 'TO SQL WITH FUNCTION ' || t.trftosql::oid::regprocedure END) || ')',
                    NULL::text[], 0::oid, NULL, NULL, NULL, NULL::json
               FROM pg_transform t JOIN pg_language l ON l.oid = t.trflang",
        ),
    ]
}
