//! Functions, procedures and aggregates. Their names carry their arguments, because they may be overloaded.

use super::Source;
use crate::introspect::{USER_NAMESPACE, privileges};
use dbferry_dialect::model::ObjectKind;

pub(super) fn sources() -> Vec<Source> {
    let privileges = privileges('f', "p.proacl", "p.proowner");
    let of_routines = |definition: &str, joins: &str, condition: &str| {
        format!(
            "SELECT p.oid, n.nspname, p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')', {definition},
                    (SELECT array_agg(format('ALTER ROUTINE %s DEPENDS ON EXTENSION %I', p.oid::regprocedure, x.extname)
                                      ORDER BY x.extname)
                       FROM pg_depend d JOIN pg_extension x ON x.oid = d.refobjid
                      WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'x'),
                    p.proowner, {privileges}, NULL, NULL, NULL::json
               FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace {joins}
              WHERE {USER_NAMESPACE} AND {condition}"
        )
    };
    // Of the server's own thousands nobody asks for the definition, since it takes the joined schema too.
    let definition = "CASE WHEN n.oid = p.pronamespace THEN pg_get_functiondef(p.oid) END";
    vec![
        Source::new(ObjectKind::Routine, "pg_proc", of_routines(definition, "", "p.prokind <> 'a'")),
        Source::new(
            ObjectKind::Routine,
            "pg_proc",
            of_routines(AGGREGATE, "JOIN pg_aggregate g ON g.aggfnoid = p.oid", "p.prokind = 'a'"),
        ),
    ]
}

/// `CREATE AGGREGATE`, which no function of the server prints.
const AGGREGATE: &str = "format('CREATE AGGREGATE %I.%I(%s) (SFUNC = %s, STYPE = %s', n.nspname, p.proname,
             CASE WHEN p.pronargs = 0 THEN '*' ELSE pg_get_function_arguments(p.oid) END,
             g.aggtransfn, format_type(g.aggtranstype, -1))
      || CASE WHEN g.aggtransspace <> 0 THEN ', SSPACE = ' || g.aggtransspace ELSE '' END
      || CASE WHEN g.aggfinalfn <> 0 THEN ', FINALFUNC = ' || g.aggfinalfn ELSE '' END
      || CASE WHEN g.aggfinalextra THEN ', FINALFUNC_EXTRA' ELSE '' END
      || CASE WHEN g.aggfinalfn <> 0 AND g.aggfinalmodify <> CASE WHEN g.aggkind = 'n' THEN 'r' ELSE 'w' END::\"char\"
              THEN ', FINALFUNC_MODIFY = ' || CASE g.aggfinalmodify WHEN 'r' THEN 'READ_ONLY' WHEN 's' THEN 'SHAREABLE' ELSE 'READ_WRITE' END
              ELSE '' END
      || CASE WHEN g.aggcombinefn <> 0 THEN ', COMBINEFUNC = ' || g.aggcombinefn ELSE '' END
      || CASE WHEN g.aggserialfn <> 0 THEN ', SERIALFUNC = ' || g.aggserialfn ELSE '' END
      || CASE WHEN g.aggdeserialfn <> 0 THEN ', DESERIALFUNC = ' || g.aggdeserialfn ELSE '' END
      || coalesce(', INITCOND = ' || quote_literal(g.agginitval), '')
      || CASE WHEN g.aggmtransfn <> 0 THEN format(', MSFUNC = %s, MINVFUNC = %s, MSTYPE = %s', g.aggmtransfn, g.aggminvtransfn,
                                                  format_type(g.aggmtranstype, -1)) ELSE '' END
      || CASE WHEN g.aggmtransspace <> 0 THEN ', MSSPACE = ' || g.aggmtransspace ELSE '' END
      || CASE WHEN g.aggmfinalfn <> 0 THEN ', MFINALFUNC = ' || g.aggmfinalfn ELSE '' END
      || CASE WHEN g.aggmfinalextra THEN ', MFINALFUNC_EXTRA' ELSE '' END
      || CASE WHEN g.aggmfinalfn <> 0 AND g.aggmfinalmodify <> CASE WHEN g.aggkind = 'n' THEN 'r' ELSE 'w' END::\"char\"
              THEN ', MFINALFUNC_MODIFY = ' || CASE g.aggmfinalmodify WHEN 'r' THEN 'READ_ONLY' WHEN 's' THEN 'SHAREABLE' ELSE 'READ_WRITE' END
              ELSE '' END
      || coalesce(', MINITCOND = ' || quote_literal(g.aggminitval), '')
      || coalesce((SELECT format(', SORTOP = OPERATOR(%I.%s)', sn.nspname, s.oprname)
                     FROM pg_operator s JOIN pg_namespace sn ON sn.oid = s.oprnamespace WHERE s.oid = g.aggsortop), '')
      || CASE p.proparallel WHEN 's' THEN ', PARALLEL = SAFE' WHEN 'r' THEN ', PARALLEL = RESTRICTED' ELSE '' END
      || CASE g.aggkind WHEN 'h' THEN ', HYPOTHETICAL' ELSE '' END || ')'";
