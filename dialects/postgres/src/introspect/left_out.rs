//! What is in the database and is not carried, with the reason.

use super::{READING, get};
use crate::session::Session;
use dbferry_dialect::model::NotCarried;
use dbferry_dialect::{Result, Schema};

/// Kind, name and reason of each thing.
const QUERY: &str = "
  SELECT 'publication', pubname::text, 'it belongs to the replication of this server: publish anew in the target' FROM pg_publication
  UNION ALL
  SELECT 'subscription', s.subname::text, 'it belongs to the replication of this server: subscribe anew in the target'
    FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid WHERE d.datname = current_database()
  UNION ALL
  SELECT 'event trigger', evtname::text, 'it would run while the restore makes the schema, and needs a superuser: make it afterwards'
    FROM pg_event_trigger e
   WHERE NOT EXISTS (SELECT FROM pg_depend m WHERE m.classid = 'pg_event_trigger'::regclass AND m.objid = e.oid AND m.deptype = 'e')
  UNION ALL
  SELECT 'user mapping', format('%s for %s', srvname, coalesce(usename, 'PUBLIC')), 'it holds a password: make it anew in the target'
    FROM pg_user_mappings
  UNION ALL
  SELECT 'default privileges', format('for %s%s', pg_get_userbyid(a.defaclrole), coalesce(' in ' || n.nspname, '')),
         'they concern what is made later: ALTER DEFAULT PRIVILEGES sets them in the target'
    FROM pg_default_acl a LEFT JOIN pg_namespace n ON n.oid = a.defaclnamespace
  UNION ALL
  SELECT DISTINCT 'security label', format('%s %s', objtype, objname), format('its provider %s must be loaded to set it anew', provider)
    FROM pg_seclabels
  UNION ALL
  SELECT 'language', l.lanname::text, 'no extension made it: make it in the target before the restore'
    FROM pg_language l
   WHERE l.oid >= 16384
     AND NOT EXISTS (SELECT FROM pg_depend m WHERE m.classid = 'pg_language'::regclass AND m.objid = l.oid AND m.deptype = 'e')
  UNION ALL
  SELECT 'setting', format('%s%s', split_part(c.entry, '=', 1), coalesce(' of ' || r.rolname, '')),
         'it belongs to the database itself: ALTER DATABASE or ALTER ROLE sets it in the target'
    FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase LEFT JOIN pg_roles r ON r.oid = s.setrole
   CROSS JOIN LATERAL unnest(s.setconfig) c(entry) WHERE d.datname = current_database()
  UNION ALL
  SELECT 'comment', datname::text, 'it belongs to the database itself: COMMENT ON DATABASE sets it in the target'
    FROM pg_database d WHERE datname = current_database() AND shobj_description(d.oid, 'pg_database') IS NOT NULL
  UNION ALL
  SELECT 'privileges', datname::text, 'they belong to the database itself: GRANT ON DATABASE sets them in the target'
    FROM pg_database WHERE datname = current_database() AND datacl IS NOT NULL
  UNION ALL
  SELECT 'large objects', count(*)::text, 'they are in no table; copy them with pg_dump --large-objects'
    FROM pg_largeobject_metadata HAVING count(*) > 0
  UNION ALL
  SELECT 'temporary table', format('%s.%s', n.nspname, c.relname), 'it belongs to a session and ends with it'
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relpersistence = 't' AND c.relkind IN ('r', 'p')
  UNION ALL
  SELECT 'system table', format('%s.%s', n.nspname, c.relname), 'it is in a namespace of the server'
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE c.oid >= 16384 AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND n.nspname IN ('pg_catalog', 'information_schema')
     AND NOT EXISTS (SELECT FROM pg_depend m WHERE m.classid = 'pg_class'::regclass AND m.objid = c.oid AND m.deptype = 'e')
  UNION ALL
  SELECT 'system routine', format('%s.%s', n.nspname, p.proname), 'it is in a namespace of the server'
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
   WHERE p.oid >= 16384 AND n.nspname IN ('pg_catalog', 'information_schema')
     AND NOT EXISTS (SELECT FROM pg_depend m WHERE m.classid = 'pg_proc'::regclass AND m.objid = p.oid AND m.deptype = 'e')
  UNION ALL
  SELECT 'operator', format('%s.%s', n.nspname, o.oprname), 'it is named by another operator and was never made'
    FROM pg_operator o JOIN pg_namespace n ON n.oid = o.oprnamespace WHERE o.oprcode = 0
  UNION ALL
  SELECT 'invalid index', format('%s.%s', n.nspname, x.relname), 'a build of it failed: drop it or build it anew with REINDEX'
    FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_class c ON c.oid = i.indrelid AND c.relkind = 'm'
    JOIN pg_namespace n ON n.oid = c.relnamespace WHERE NOT i.indisvalid
  ORDER BY 1, 2";

/// Adds what is not carried to the schema, and the facts of the database as a whole.
pub(super) fn read(session: &mut Session, schema: &mut Schema) -> Result<()> {
    for row in session.query(READING, QUERY, &[])? {
        schema.not_carried.push(NotCarried { kind: get(&row, 0)?, name: get(&row, 1)?, reason: get(&row, 2)? });
    }
    let facts =
        "SELECT pg_encoding_to_char(encoding)::text, datcollate::text, datctype::text, pg_get_userbyid(datdba)::text
                   FROM pg_database WHERE datname = current_database()";
    for row in session.query(READING, facts, &[])? {
        for (position, name) in ["encoding", "collate", "ctype", crate::ddl::OWNER].into_iter().enumerate() {
            schema.attributes.insert(name.to_owned(), get(&row, position)?);
        }
    }
    Ok(())
}
