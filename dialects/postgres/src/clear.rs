//! Empties a database.

use crate::introspect::introspect;
use crate::session::Session;
use dbferry_dialect::Result;
use dbferry_dialect::model::{NativeObject, ObjectKind};

/// Whether there is nothing but what `CREATE DATABASE` makes: the namespace `public` and the language PL/pgSQL.
pub(crate) fn is_empty(session: &mut Session) -> Result<bool> {
    let schema = introspect(session)?;
    let made_by_the_server = |object: &NativeObject| match object.kind {
        ObjectKind::Namespace => object.name == "public",
        ObjectKind::Extension => object.name == "plpgsql",
        _ => false,
    };
    Ok(schema.collections.is_empty() && schema.objects.iter().all(made_by_the_server))
}

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objects::tests::{connect, servers};

    #[test]
    fn everything_goes_and_what_an_empty_database_has_stays() {
        for server in servers() {
            let database = server.create_database();
            let namespace = || {
                let sql = "SELECT nspowner, nspacl, obj_description(oid, 'pg_namespace') FROM pg_namespace
                           WHERE nspname = 'public'";
                server.sql(&database, sql).expect("the namespace")
            };
            let before = namespace();
            let mut session = connect(server, &database);
            let empty = introspect(&mut session).expect("a schema");
            assert!(is_empty(&mut session).expect("a schema"));
            server
                .sql(
                    &database,
                    "CREATE SCHEMA \"odd \"\"name\";
                     CREATE TYPE public.mood AS ENUM ('a');
                     CREATE TABLE public.parent (id serial PRIMARY KEY, m public.mood);
                     CREATE TABLE \"odd \"\"name\".child (id int REFERENCES public.parent);
                     CREATE VIEW public.v AS SELECT * FROM \"odd \"\"name\".child;
                     CREATE FUNCTION public.f() RETURNS int LANGUAGE sql AS 'SELECT 1';
                     CREATE FUNCTION public.e() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
                     CREATE EVENT TRIGGER watch ON sql_drop EXECUTE FUNCTION public.e();
                     SELECT lo_create(0);",
                )
                .expect("objects");
            assert!(!is_empty(&mut session).expect("a schema"));
            clear(&mut session).expect("an empty database");
            assert!(is_empty(&mut session).expect("a schema"));
            assert_eq!(introspect(&mut session).expect("a schema"), empty);
            assert_eq!(namespace(), before);
            let left = server.sql(&database, "SELECT count(*) FROM pg_largeobject_metadata").expect("a count");
            assert!(left.trim().ends_with('0'), "{left}");
        }
    }

    #[test]
    fn a_namespace_alone_is_something() {
        for server in servers() {
            let database = server.create_database();
            server.sql(&database, "CREATE SCHEMA other").expect("a namespace");
            assert!(!is_empty(&mut connect(server, &database)).expect("a schema"));
        }
    }
}
