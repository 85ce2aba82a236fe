use super::introspect;
use crate::ddl;
use crate::objects::tests::{connect, servers};
use crate::testing::{Installation, Server};
use dbferry_dialect::model::{
    CollectionKind, Counter, DefaultMeaning, Deferral, Identity, IndexSubject, ReferentialAction,
};
use dbferry_dialect::{Collection, CollectionName, LogicalType, Schema};
use std::time::Instant;

fn schema(server: &Server, sql: &str) -> Schema {
    let database = server.create_database();
    server.sql(&database, sql).expect("a database");
    introspect(&mut connect(server, &database)).expect("a schema")
}

fn table<'s>(schema: &'s Schema, namespace: &str, name: &str) -> &'s Collection {
    schema.collection(&CollectionName::new(namespace, name)).unwrap_or_else(|| panic!("no {namespace}.{name}"))
}

#[test]
fn columns_are_what_they_are() {
    for server in servers() {
        let schema = schema(
            server,
            "CREATE DOMAIN public.year AS integer;
             CREATE TABLE public.t (id serial, i bigint GENERATED ALWAYS AS IDENTITY, n numeric(10,2) NOT NULL DEFAULT 4.99,
                 y public.year, g bigint GENERATED ALWAYS AS (n * 2) STORED, gone integer, s text COLLATE \"C\" DEFAULT 'x',
                 other integer DEFAULT nextval('public.t_id_seq'));
             ALTER TABLE public.t DROP COLUMN gone;
             SELECT nextval('public.t_id_seq'), nextval('public.t_id_seq');
             COMMENT ON COLUMN public.t.y IS 'when'; COMMENT ON TABLE public.t IS 'dbferry:group=log';
             INSERT INTO public.t (n) SELECT 1 FROM generate_series(1, 1000); ANALYZE public.t;",
        );
        let t = table(&schema, "public", "t");
        let names: Vec<&str> = t.columns.iter().map(|column| column.name.as_str()).collect();
        assert_eq!(names, ["id", "i", "n", "y", "g", "s", "other"]);
        let column = |name: &str| t.column(name).expect("a column").1;
        assert_eq!(column("id").identity, Some(Identity::ByDefault), "elsewhere a serial is numbered");
        assert_eq!(column("other").identity, None, "it does not own the sequence");
        assert_eq!(column("i").identity, Some(Identity::Always));
        assert_eq!(column("n").logical, LogicalType::Decimal { precision: 10, scale: 2 });
        assert_eq!(column("n").native.text, "numeric(10,2)");
        assert!(!column("n").nullable && column("s").nullable);
        let meaning = |name: &str| column(name).default.as_ref().and_then(|default| default.meaning.clone());
        assert_eq!(meaning("n"), Some(DefaultMeaning::Number("4.99".into())));
        assert_eq!(meaning("s"), Some(DefaultMeaning::Text("x".into())));
        assert_eq!(column("y").native.text, "public.year");
        assert_eq!(column("y").comment.as_deref(), Some("when"));
        assert_eq!(column("s").collation.as_deref(), Some("pg_catalog.\"C\""));
        let generated = column("g").generated.as_ref().expect("an expression");
        assert!(generated.stored && column("g").default.is_none(), "{generated:?}");
        assert_eq!(t.comment.as_deref(), Some("dbferry:group=log"));
        assert_eq!(t.estimate.rows, Some(1000));
        assert!(t.estimate.bytes.is_some_and(|bytes| bytes >= 8192));
        // The identity's counter comes first; both states are kept.
        assert_eq!(t.counter, Some(Counter { column: "i".into(), last_value: 1000, is_called: true }));
        assert_eq!(
            t.attributes.get(ddl::SEQUENCE_STATE).map(String::as_str),
            Some(r#"{"i":[1000,true],"id":[2002,true]}"#)
        );
    }
}

#[test]
fn constraints_and_indexes_are_understood() {
    for server in servers() {
        let schema = schema(
            server,
            "CREATE SCHEMA other;
             CREATE TABLE other.parent (a integer, b text, PRIMARY KEY (b, a));
             CREATE TABLE public.t (id integer PRIMARY KEY, x integer, \"Y\" text CHECK (\"Y\" <> ''), UNIQUE (x, id) INCLUDE (\"Y\"),
                FOREIGN KEY (\"Y\", x) REFERENCES other.parent ON DELETE CASCADE ON UPDATE SET NULL DEFERRABLE INITIALLY DEFERRED);
             CREATE UNIQUE INDEX i ON public.t (lower(\"Y\") DESC, x) INCLUDE (id) WHERE x > 0;",
        );
        let t = table(&schema, "public", "t");
        let key = t.primary_key.as_ref().expect("a key");
        assert_eq!((key.name.as_deref(), key.definition.as_deref()), (Some("t_pkey"), Some("PRIMARY KEY (id)")));
        assert_eq!(t.unique_keys[0].columns, ["x", "id"]);
        let key = &t.foreign_keys[0];
        assert_eq!(key.references, CollectionName::new("other", "parent"));
        assert_eq!(
            (key.columns.clone(), key.referenced_columns.clone()),
            (vec!["Y".into(), "x".into()], vec!["b".into(), "a".into()])
        );
        assert_eq!((key.on_delete, key.on_update), (ReferentialAction::Cascade, ReferentialAction::SetNull));
        assert_eq!(key.deferred, Deferral::Deferred);
        assert_eq!(t.checks[0].expression, "(\"Y\" <> ''::text)");
        assert_eq!(t.indexes.len(), 1, "the indexes of keys are their shadows");
        let index = &t.indexes[0];
        assert!(index.unique && index.predicate.as_deref() == Some("(x > 0)"));
        assert_eq!(index.parts.len(), 2);
        assert_eq!(index.parts[0].subject, IndexSubject::Expression("lower(\"Y\")".into()));
        assert!(index.parts[0].descending && !index.parts[1].descending);
        assert_eq!(index.parts[1].subject, IndexSubject::Column("x".into()));
    }
}

#[test]
fn partitions_and_children_know_their_parents() {
    for server in servers() {
        let schema = schema(
            server,
            "CREATE TABLE public.p (a integer PRIMARY KEY) PARTITION BY RANGE (a);
             CREATE TABLE public.p1 PARTITION OF public.p FOR VALUES FROM (1) TO (2);
             CREATE TABLE public.q (a integer); CREATE TABLE public.r (b integer) INHERITS (public.q);
             CREATE TABLE public.f (x integer REFERENCES public.p);",
        );
        let (p, p1) = (table(&schema, "public", "p"), table(&schema, "public", "p1"));
        assert_eq!(p.kind, CollectionKind::Partitioned);
        assert_eq!((p1.kind, p1.part_of.as_ref()), (CollectionKind::Table, Some(&p.name)));
        assert_eq!(
            p1.attributes.get(ddl::INDEX_PARENTS).map(String::as_str),
            Some(r#"{"p1_pkey":["public","p_pkey"]}"#)
        );
        let r = table(&schema, "public", "r");
        assert_eq!((r.part_of.as_ref(), r.columns.len()), (None, 2));
        assert_eq!(ddl::table::parents(r), [CollectionName::new("public", "q")]);
        assert_eq!(table(&schema, "public", "f").foreign_keys.len(), 1, "not those to partitions");
    }
}

#[test]
fn what_extensions_made_is_left_to_them() {
    for server in servers() {
        let database = server.create_database();
        // An extension needs a file beside the server's own; marking a table as a member is the same to the catalogue.
        let sql = "CREATE EXTENSION hstore; CREATE TABLE public.settings (a integer); CREATE TABLE public.own (a integer);
             CREATE FUNCTION public.f() RETURNS integer LANGUAGE sql AS 'SELECT 1';
             ALTER EXTENSION hstore ADD TABLE public.settings; ALTER EXTENSION hstore ADD TABLE public.own;
             ALTER EXTENSION hstore ADD FUNCTION public.f();
             UPDATE pg_extension SET extconfig = ARRAY['public.settings'::regclass::oid], extcondition = ARRAY['WHERE a > 5']
              WHERE extname = 'hstore'";
        server.sql(&database, sql).expect("a database");
        let schema = introspect(&mut connect(server, &database)).expect("a schema");
        let names: Vec<String> = schema.collections.iter().map(|collection| collection.name.to_string()).collect();
        assert_eq!(names, ["public.settings"]);
        let settings = &schema.collections[0];
        assert_eq!(settings.kind, CollectionKind::System);
        assert_eq!(settings.attributes.get(ddl::EXTENSION).map(String::as_str), Some("hstore"));
        assert_eq!(settings.attributes.get(ddl::EXTENSION_CONDITION).map(String::as_str), Some("WHERE a > 5"));
        let objects: Vec<&str> = schema.objects.iter().map(|object| object.name.as_str()).collect();
        assert_eq!(objects, ["public", "hstore", "plpgsql"]);
    }
}

#[test]
fn a_sequence_that_may_not_be_read_is_told() {
    for server in servers() {
        let database = server.create_database();
        server
            .sql(
                &database,
                "DO $$ BEGIN CREATE ROLE dbferry_blind LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
                 CREATE TABLE public.t (id serial); GRANT SELECT ON public.t TO dbferry_blind;",
            )
            .expect("a database");
        let mut session = connect(server, &database);
        session.run("", "SET ROLE dbferry_blind").expect("a role");
        let schema = introspect(&mut session).expect("a schema");
        assert_eq!(schema.not_carried.len(), 1, "{:?}", schema.not_carried);
        assert_eq!(schema.not_carried[0].name, "public.t_id_seq");
        assert_eq!(table(&schema, "public", "t").counter, None);
    }
}

/// Run it with `--ignored --nocapture`; 20,000 tables with keys, indexes, foreign keys and sequences.
#[test]
#[ignore = "a measurement of minutes"]
#[allow(clippy::print_stderr)]
fn many_tables_take_seconds() {
    for installation in Installation::all() {
        let server = Server::start(&installation, &["max_locks_per_transaction=1000"]).expect("a server");
        let database = server.create_database();
        server
            .sql(
                &database,
                "SELECT format('CREATE TABLE public.t%s (id serial PRIMARY KEY, a text NOT NULL DEFAULT %L, b numeric(10,2) CHECK (b > 0),
                     c timestamptz DEFAULT now(), d jsonb, e uuid, f integer%s); CREATE INDEX ON public.t%s (a, c)', i, 'x',
                     CASE WHEN i > 1 THEN format(' REFERENCES public.t%s', i - 1) ELSE '' END, i)
                   FROM generate_series(1, 20000) i
                 \\gexec
                 VACUUM ANALYZE pg_catalog.pg_class; ANALYZE",
            )
            .expect("a database");
        let mut session = connect(&server, &database);
        let began = Instant::now();
        let schema = introspect(&mut session).expect("a schema");
        eprintln!("PostgreSQL {}: {} tables in {:?}", server.major, schema.collections.len(), began.elapsed());
        assert_eq!(schema.collections.len(), 20_000);
    }
}
