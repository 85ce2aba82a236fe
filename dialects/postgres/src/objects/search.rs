//! Full-text search: parsers, templates, dictionaries and configurations.

use super::Source;
use crate::introspect::USER_NAMESPACE;
use dbferry_dialect::model::ObjectKind;

pub(super) fn sources() -> Vec<Source> {
    vec![
        Source::new(
            ObjectKind::Other,
            "pg_ts_parser",
            format!(
                "SELECT p.oid, n.nspname, p.prsname,
                        format('CREATE TEXT SEARCH PARSER %I.%I (START = %s, GETTOKEN = %s, END = %s, LEXTYPES = %s%s)',
                               n.nspname, p.prsname, p.prsstart, p.prstoken, p.prsend, p.prslextype,
                               CASE WHEN p.prsheadline <> 0 THEN ', HEADLINE = ' || p.prsheadline ELSE '' END),
                        NULL::text[], 0::oid, NULL, NULL, NULL, NULL::json
                   FROM pg_ts_parser p JOIN pg_namespace n ON n.oid = p.prsnamespace WHERE {USER_NAMESPACE}"
            ),
        ),
        Source::new(
            ObjectKind::Other,
            "pg_ts_template",
            format!(
                "SELECT t.oid, n.nspname, t.tmplname,
                        format('CREATE TEXT SEARCH TEMPLATE %I.%I (%sLEXIZE = %s)', n.nspname, t.tmplname,
                               CASE WHEN t.tmplinit <> 0 THEN 'INIT = ' || t.tmplinit || ', ' ELSE '' END, t.tmpllexize),
                        NULL::text[], 0::oid, NULL, NULL, NULL, NULL::json
                   FROM pg_ts_template t JOIN pg_namespace n ON n.oid = t.tmplnamespace WHERE {USER_NAMESPACE}"
            ),
        ),
        // The options are kept as they are written in SQL.
        Source::new(
            ObjectKind::Other,
            "pg_ts_dict",
            format!(
                "SELECT d.oid, n.nspname, d.dictname,
                        format('CREATE TEXT SEARCH DICTIONARY %I.%I (TEMPLATE = %I.%I%s)', n.nspname, d.dictname,
                               tn.nspname, t.tmplname, coalesce(', ' || d.dictinitoption, '')),
                        NULL::text[], d.dictowner, NULL, NULL, NULL, NULL::json
                   FROM pg_ts_dict d JOIN pg_namespace n ON n.oid = d.dictnamespace
                   JOIN pg_ts_template t ON t.oid = d.dicttemplate JOIN pg_namespace tn ON tn.oid = t.tmplnamespace
                  WHERE {USER_NAMESPACE}"
            ),
        ),
        Source::new(
            ObjectKind::Other,
            "pg_ts_config",
            format!(
                "SELECT c.oid, n.nspname, c.cfgname,
                        format('CREATE TEXT SEARCH CONFIGURATION %I.%I (PARSER = %I.%I)', n.nspname, c.cfgname, pn.nspname, p.prsname),
                        (SELECT array_agg(format('ALTER TEXT SEARCH CONFIGURATION %I.%I ADD MAPPING FOR %I WITH %s',
                                                 n.nspname, c.cfgname, m.alias, m.dictionaries) ORDER BY m.tokid)
                           FROM (SELECT k.tokid, k.alias, string_agg(format('%I.%I', dn.nspname, d.dictname), ', ' ORDER BY g.mapseqno)
                                   FROM pg_ts_config_map g
                                   JOIN ts_token_type(c.cfgparser) k ON k.tokid = g.maptokentype
                                   JOIN pg_ts_dict d ON d.oid = g.mapdict JOIN pg_namespace dn ON dn.oid = d.dictnamespace
                                  WHERE g.mapcfg = c.oid GROUP BY k.tokid, k.alias) m(tokid, alias, dictionaries)),
                        c.cfgowner, NULL, NULL, NULL, NULL::json
                   FROM pg_ts_config c JOIN pg_namespace n ON n.oid = c.cfgnamespace
                   JOIN pg_ts_parser p ON p.oid = c.cfgparser JOIN pg_namespace pn ON pn.oid = p.prsnamespace
                  WHERE {USER_NAMESPACE}"
            ),
        ),
    ]
}
