//! Empties a database.

use crate::session::Session;
use dbferry_dialect::Result;

/// Drops every namespace with what is in it, and whatever stands in none. `public` comes back as it was, empty, with its
/// owner, comment and privileges. One statement, so it is all or nothing; identifiers are quoted by the server.
const CLEAR: &str = r#"
DO $clear$
DECLARE
    it record;
    public record;
BEGIN
    FOR it IN SELECT evtname AS name FROM pg_catalog.pg_event_trigger LOOP
        EXECUTE pg_catalog.format('DROP EVENT TRIGGER %I', it.name);
    END LOOP;
    FOR it IN SELECT pubname AS name FROM pg_catalog.pg_publication LOOP
        EXECUTE pg_catalog.format('DROP PUBLICATION %I', it.name);
    END LOOP;
    FOR it IN SELECT extname AS name FROM pg_catalog.pg_extension WHERE extname <> 'plpgsql' LOOP
        EXECUTE pg_catalog.format('DROP EXTENSION IF EXISTS %I CASCADE', it.name);
    END LOOP;
    FOR it IN SELECT fdwname AS name FROM pg_catalog.pg_foreign_data_wrapper LOOP
        EXECUTE pg_catalog.format('DROP FOREIGN DATA WRAPPER %I CASCADE', it.name);
    END LOOP;
    SELECT pg_catalog.pg_get_userbyid(nspowner) AS owner, nspacl AS acl,
           pg_catalog.obj_description(oid, 'pg_namespace') AS comment
      INTO public FROM pg_catalog.pg_namespace WHERE nspname = 'public';
    FOR it IN SELECT nspname AS name FROM pg_catalog.pg_namespace
               WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' LOOP
        EXECUTE pg_catalog.format('DROP SCHEMA %I CASCADE', it.name);
    END LOOP;
    PERFORM pg_catalog.lo_unlink(oid) FROM pg_catalog.pg_largeobject_metadata;
    IF public.owner IS NOT NULL THEN
        EXECUTE pg_catalog.format('CREATE SCHEMA public AUTHORIZATION %I', public.owner);
        IF public.comment IS NOT NULL THEN
            EXECUTE pg_catalog.format('COMMENT ON SCHEMA public IS %L', public.comment);
        END IF;
        FOR it IN SELECT privilege_type AS privilege, is_grantable AS again,
                         CASE WHEN grantee = 0 THEN 'PUBLIC'
                              ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(grantee)) END AS name
                    FROM pg_catalog.aclexplode(public.acl) LOOP
            EXECUTE 'GRANT ' || it.privilege || ' ON SCHEMA public TO ' || it.name
                    || CASE WHEN it.again THEN ' WITH GRANT OPTION' ELSE '' END;
        END LOOP;
    END IF;
END
$clear$"#;

/// Drops everything that is not part of an empty database.
pub(crate) fn clear(session: &mut Session) -> Result<()> {
    session.run("the database cannot be emptied", CLEAR)
}
