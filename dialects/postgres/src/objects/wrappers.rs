//! What belongs to the database as a whole: namespaces, extensions, access methods, foreign servers.

use super::Source;
use crate::introspect::privileges;
use dbferry_dialect::model::ObjectKind;

/// `OPTIONS (...)` from a catalogue's array; empty when there are none.
fn options(array: &str) -> String {
    format!(
        "coalesce((SELECT ' OPTIONS (' || string_agg(quote_ident(option_name) || ' ' || quote_literal(option_value), ', ') || ')'
                     FROM pg_options_to_table({array})), '')"
    )
}

pub(super) fn sources() -> Vec<Source> {
    vec![
        Source::new(
            ObjectKind::Namespace,
            "pg_namespace",
            format!(
                "SELECT n.oid, NULL, n.nspname, format('CREATE SCHEMA %I', n.nspname), NULL::text[], n.nspowner, {},
                        NULL, NULL, NULL::json
                   FROM pg_namespace n WHERE {}",
                privileges('n', "n.nspacl", "n.nspowner"),
                crate::introspect::USER_NAMESPACE
            ),
        ),
        // The version is the one that the target has: extensions are installed on the server.
        Source::new(
            ObjectKind::Extension,
            "pg_extension",
            "SELECT x.oid, NULL, x.extname, format('CREATE EXTENSION %I WITH SCHEMA %I', x.extname, n.nspname),
                    NULL::text[], 0::oid, NULL, NULL, NULL, json_build_object('version', x.extversion)
               FROM pg_extension x JOIN pg_namespace n ON n.oid = x.extnamespace",
        ),
        Source::new(
            ObjectKind::Other,
            "pg_am",
            "SELECT a.oid, NULL, a.amname,
                    format('CREATE ACCESS METHOD %I TYPE %s HANDLER %s', a.amname,
                           CASE a.amtype WHEN 'i' THEN 'INDEX' ELSE 'TABLE' END, a.amhandler),
                    NULL::text[], 0::oid, NULL, NULL, NULL, NULL::json
               FROM pg_am a WHERE a.oid >= 16384",
        ),
        Source::new(
            ObjectKind::Other,
            "pg_foreign_data_wrapper",
            format!(
                "SELECT w.oid, NULL, w.fdwname,
                        format('CREATE FOREIGN DATA WRAPPER %I', w.fdwname)
                        || CASE WHEN w.fdwhandler <> 0 THEN ' HANDLER ' || w.fdwhandler::regproc ELSE '' END
                        || CASE WHEN w.fdwvalidator <> 0 THEN ' VALIDATOR ' || w.fdwvalidator::regproc ELSE '' END
                        || {},
                        NULL::text[], w.fdwowner, {}, NULL, NULL, NULL::json
                   FROM pg_foreign_data_wrapper w",
                options("w.fdwoptions"),
                privileges('F', "w.fdwacl", "w.fdwowner")
            ),
        ),
        Source::new(
            ObjectKind::Other,
            "pg_foreign_server",
            format!(
                "SELECT s.oid, NULL, s.srvname,
                        format('CREATE SERVER %I', s.srvname)
                        || coalesce(' TYPE ' || quote_literal(s.srvtype), '')
                        || coalesce(' VERSION ' || quote_literal(s.srvversion), '')
                        || format(' FOREIGN DATA WRAPPER %I', w.fdwname) || {},
                        NULL::text[], s.srvowner, {}, NULL, NULL, NULL::json
                   FROM pg_foreign_server s JOIN pg_foreign_data_wrapper w ON w.oid = s.srvfdw",
                options("s.srvoptions"),
                privileges('S', "s.srvacl", "s.srvowner")
            ),
        ),
    ]
}
