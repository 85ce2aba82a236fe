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
  UNION ALL
  SELECT 'constraint name', format('%s on %s.%s', k.conname, n.nspname, c.relname),
         'it comes with the partitioned table''s constraint: this one gets the name that the server chooses'
    FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    CROSS JOIN LATERAL (SELECT format('%s_%s_excl', c.relname, string_agg(a.attname, '_' ORDER BY a.attnum)) AS usual
                          FROM pg_attribute a WHERE a.attrelid = k.conindid) u
   WHERE k.contype = 'x' AND k.conparentid <> 0 AND CASE WHEN octet_length(u.usual) < 64 THEN k.conname <> u.usual ELSE k.conname !~ '_excl$' END
  ORDER BY 1, 2";

/// Privileges that differ from those of a new database, on what no statement of ours makes: members of extensions, and what is
/// the server's own. `pg_init_privs` has what an extension or the server set itself. Of what there are thousands of, only those
/// are named that have privileges or had some.
const PRIVILEGES: &str = "
  WITH thing(class, oid, part, namespace, name, acl, usual) AS (
    SELECT 'pg_class'::regclass, c.oid, 0, n.oid, format('%s %s.%s', CASE c.relkind WHEN 'S' THEN 'sequence' ELSE 'table' END, n.nspname, c.relname),
           c.relacl, acldefault(CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END::\"char\", c.relowner)
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    UNION ALL
    SELECT 'pg_class'::regclass, c.oid, a.attnum, n.oid, format('column %s.%s.%s', n.nspname, c.relname, a.attname), a.attacl, '{}'
      FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE a.attnum > 0 AND (a.attacl IS NOT NULL OR c.oid IN (SELECT objoid FROM pg_init_privs))
    UNION ALL
    SELECT 'pg_proc'::regclass, p.oid, 0, p.pronamespace, format('routine %s', p.oid::regprocedure), p.proacl, acldefault('f', p.proowner) FROM pg_proc p
     WHERE p.proacl IS NOT NULL OR p.oid IN (SELECT objoid FROM pg_init_privs)
    UNION ALL
    SELECT 'pg_type'::regclass, t.oid, 0, t.typnamespace, format('type %s', t.oid::regtype), t.typacl, acldefault('T', t.typowner) FROM pg_type t
     WHERE t.typacl IS NOT NULL OR t.oid IN (SELECT objoid FROM pg_init_privs)
    UNION ALL
    SELECT 'pg_namespace'::regclass, n.oid, 0, n.oid, format('schema %s', n.nspname), n.nspacl, acldefault('n', n.nspowner) FROM pg_namespace n
    UNION ALL
    SELECT 'pg_language'::regclass, l.oid, 0, 0, format('language %s', l.lanname), l.lanacl, acldefault('l', l.lanowner) FROM pg_language l
    UNION ALL
    SELECT 'pg_foreign_data_wrapper'::regclass, w.oid, 0, 0, format('foreign data wrapper %s', w.fdwname), w.fdwacl, acldefault('F', w.fdwowner)
      FROM pg_foreign_data_wrapper w
  )
  SELECT t.name, e.oid IS NOT NULL FROM thing t
    LEFT JOIN pg_init_privs i ON i.classoid = t.class AND i.objoid = t.oid AND i.objsubid = t.part
    LEFT JOIN pg_depend m ON m.classid = t.class AND m.objid = t.oid AND m.objsubid = 0 AND m.deptype = 'e'
    LEFT JOIN pg_extension e ON e.oid = m.refobjid
   WHERE t.acl IS DISTINCT FROM i.initprivs AND (e.oid IS NOT NULL OR t.oid < 16384)
     -- The schema public is carried; what the server made in information_schema after it noted the privileges is not known.
     AND t.namespace NOT IN (SELECT oid FROM pg_namespace WHERE nspname IN ('public', 'information_schema') AND e.oid IS NULL)
     AND ARRAY(SELECT x::text FROM unnest(coalesce(t.acl, t.usual)) x ORDER BY 1)
         <> ARRAY(SELECT x::text FROM unnest(coalesce(i.initprivs, t.usual)) x ORDER BY 1)
   ORDER BY 1";

/// Adds what is not carried to the schema, and the facts of the database as a whole.
pub(super) fn read(session: &mut Session, schema: &mut Schema) -> Result<()> {
    for row in session.query(READING, QUERY, &[])? {
        schema.not_carried.push(NotCarried { kind: get(&row, 0)?, name: get(&row, 1)?, reason: get(&row, 2)? });
    }
    for row in session.query(READING, PRIVILEGES, &[])? {
        let whose = if get(&row, 1)? { "its extension makes it" } else { "the server has it" };
        let reason = format!("{whose}, with the privileges of a new one: GRANT or REVOKE sets them in the target");
        schema.not_carried.push(NotCarried { kind: "privileges".to_owned(), name: get(&row, 0)?, reason });
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
