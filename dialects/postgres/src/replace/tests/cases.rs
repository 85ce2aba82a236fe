//! One test for each case of a replacement.

use super::support::*;
use dbferry_dialect::{CollectionAction, ErrorKind, ForeignKeyPolicy};

const SHOP: &str = "
    CREATE SCHEMA shop;
    CREATE TYPE shop.state AS ENUM ('new', 'paid');
    CREATE TABLE shop.customer (id serial PRIMARY KEY, name varchar(40) NOT NULL UNIQUE, mail text DEFAULT 'none');
    CREATE TABLE shop.orders (
        id bigint GENERATED ALWAYS AS IDENTITY (START 5 INCREMENT 5) PRIMARY KEY,
        customer int NOT NULL REFERENCES shop.customer ON DELETE CASCADE,
        state shop.state NOT NULL DEFAULT 'new', total numeric(10,2) CHECK (total >= 0),
        gross numeric GENERATED ALWAYS AS (total * 1.2) STORED, at timestamptz, doc xml, places point[]);
    CREATE INDEX by_state ON shop.orders (state, lower(doc::text)) WHERE state = 'paid';
    CREATE INDEX ON shop.orders USING gin (to_tsvector('simple', doc::text));
    COMMENT ON TABLE shop.orders IS 'orders';
    COMMENT ON COLUMN shop.orders.total IS 'net';
    COMMENT ON CONSTRAINT orders_total_check ON shop.orders IS 'no debts';
    CREATE FUNCTION shop.touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.at := 'epoch'; RETURN NEW; END $$;
    CREATE TRIGGER touch BEFORE INSERT ON shop.orders FOR EACH ROW EXECUTE FUNCTION shop.touch();
    CREATE TABLE shop.empty (id serial, note text);
    CREATE TABLE shop.node (id int PRIMARY KEY, parent int REFERENCES shop.node);
    CREATE TABLE shop.bare ();";

const ROWS: &str = "
    INSERT INTO shop.customer (name) SELECT 'customer ' || n FROM generate_series(1, 1000) n;
    INSERT INTO shop.orders (customer, state, total, doc, places)
        SELECT 1 + n % 1000, (ARRAY['new', 'paid'])[1 + n % 2]::shop.state, n / 7.0, ('<a n=\"' || n || '\"/>')::xml, ARRAY[point(n, 1)]
          FROM generate_series(1, 5000) n;
    UPDATE shop.orders SET at = '2026-01-01 12:00+00', total = NULL WHERE id % 35 = 0;
    INSERT INTO shop.node VALUES (1, NULL), (2, 1), (3, 2);
    INSERT INTO shop.bare DEFAULT VALUES;
    SELECT setval('shop.empty_id_seq', 77, false);";

fn shop() -> String {
    format!("{SHOP}{ROWS}")
}

#[test]
fn a_database_is_made_as_it_was() {
    on_every_version(|| {
        let source = database(&shop());
        for (batch_bytes, writers) in [(1 << 20, 1), (16 << 10, 3)] {
            let archive = dump(&source, batch_bytes);
            let target = database("");
            let restore = Restore { writers, ..Restore::default() };
            assert_eq!(restore.run(&archive, &target).expect("a restore"), Vec::<String>::new());
            assert_eq!(sorted(&dumped(&target)), sorted(&dumped(&source)));
            assert_nothing_is_left(&target);
            // Numbering goes on, and the statistics are there.
            assert_eq!(run(&target, "INSERT INTO shop.empty DEFAULT VALUES RETURNING id"), "77");
            assert_eq!(run(&target, "SELECT reltuples FROM pg_class WHERE oid = 'shop.orders'::regclass"), "5000");
        }
    });
}

#[test]
fn tables_of_the_same_shape_keep_what_depends_on_them() {
    on_every_version(|| {
        let archive = Archive::of(&shop());
        let target = database(SHOP);
        run(
        &target,
        "INSERT INTO shop.customer VALUES (5000, 'old'); INSERT INTO shop.orders (customer, total) VALUES (5000, 1);
         CREATE ROLE dbferry_reader_kept; ALTER ROLE dbferry_reader_kept NOLOGIN",
    );
        run(
            &target,
            "CREATE VIEW public.paid AS SELECT * FROM shop.orders WHERE state = 'paid';
         GRANT SELECT ON shop.orders TO dbferry_reader_kept;
         CREATE TABLE public.outside (customer int REFERENCES shop.customer (id));
         COMMENT ON CONSTRAINT outside_customer_fkey ON public.outside IS 'kept';
         INSERT INTO shop.customer VALUES (7, 'seven'); INSERT INTO public.outside VALUES (7);
         ALTER TABLE shop.orders ENABLE ALWAYS TRIGGER touch;
         ALTER TABLE shop.orders ENABLE ROW LEVEL SECURITY; ALTER TABLE shop.orders FORCE ROW LEVEL SECURITY;
         COMMENT ON INDEX shop.by_state IS 'kept'; CREATE UNIQUE INDEX used ON shop.node (parent, id);
         CREATE TABLE public.uses (a int, b int, FOREIGN KEY (a, b) REFERENCES shop.node (parent, id));
         CREATE INDEX clustered ON shop.node (parent); ALTER TABLE shop.node CLUSTER ON clustered;
         CREATE RULE quiet AS ON INSERT TO shop.orders DO INSTEAD NOTHING",
        );
        let catalogue = "SELECT c.oid, c.relname FROM pg_class c WHERE relnamespace = 'shop'::regnamespace AND (relkind = 'r' OR relname LIKE '%key') ORDER BY 1";
        let before = (run(&target, catalogue), schema_of(&target));
        let kept = "TRIGGER touch on shop.orders is there with another definition, and is kept as it is";
        assert_eq!(restored(&archive, &target), [kept]);
        assert_eq!((run(&target, catalogue), schema_of(&target)), before);
        assert_eq!(
            run(&target, "SELECT count(*), count(*) FILTER (WHERE at > '2000-01-01') FROM shop.orders"),
            "5000|714"
        );
        assert_eq!(run(&target, "SELECT count(*) FROM public.paid"), "2500");
        assert_eq!(run(&target, "INSERT INTO shop.empty DEFAULT VALUES RETURNING id"), "77");
        assert_nothing_is_left(&target);
        run(&target, "DROP OWNED BY dbferry_reader_kept; DROP ROLE dbferry_reader_kept");
    });
}

fn schema_of(database: &str) -> Vec<String> {
    let text = server().pg_dump(database, &["--schema-only"]).expect("a dump");
    let random = |line: &&str| !line.starts_with("\\restrict") && !line.starts_with("\\unrestrict");
    sorted(&text.lines().filter(random).collect::<Vec<_>>().join("\n"))
}

#[test]
fn rows_that_break_a_foreign_key_are_named_and_nothing_changes() {
    let archive = Archive::of(&shop());
    let target = database(SHOP);
    run(
        &target,
        "INSERT INTO shop.customer VALUES (5000, 'old'), (5001, 'older');
         CREATE TABLE public.outside (customer int REFERENCES shop.customer (id));
         INSERT INTO public.outside VALUES (5000), (5000), (5001)",
    );
    let before = dumped(&target);
    let error = Restore::default().run(&archive, &target).expect_err("orphans");
    assert_eq!(error.kind(), ErrorKind::Mismatch, "{error}");
    assert!(error.to_string().contains("3 with (customer) that shop.customer does not have"), "{error}");
    assert!(error.to_string().contains("(5000), (5000), (5001)"), "{error}");
    assert_eq!(dumped(&target), before);
    assert_nothing_is_left(&target);

    let report = Restore { policy: ForeignKeyPolicy::Report, ..Restore::default() };
    let warnings = report.run(&archive, &target).expect("reported");
    assert!(warnings.iter().any(|warning| warning.contains("was not validated")), "{warnings:?}");
    assert_eq!(run(&target, "SELECT convalidated FROM pg_constraint WHERE conname = 'outside_customer_fkey'"), "f");
}

#[test]
fn new_tables_with_orphans_are_refused_or_reported() {
    on_every_version(|| {
        let source = database(
            "CREATE TABLE public.a (id int PRIMARY KEY); CREATE TABLE public.b (a int);
         INSERT INTO public.b SELECT n FROM generate_series(1, 30) n;
         ALTER TABLE public.b ADD FOREIGN KEY (a) REFERENCES public.a NOT VALID",
        );
        let mut archive = dump(&source, 1 << 20);
        let target = database("");
        // Not valid in the source, so it is not validated here.
        assert_eq!(restored(&archive, &target), Vec::<String>::new());
        assert_eq!(dumped(&target), dumped(&source));
        for collection in &mut archive.schema.collections {
            for key in &mut collection.foreign_keys {
                key.definition = key.definition.take().map(|definition| definition.replace(" NOT VALID", ""));
            }
        }
        let target = database("");
        let error = Restore::default().run(&archive, &target).expect_err("orphans");
        assert_eq!(error.kind(), ErrorKind::Mismatch, "{error}");
        assert!(error.to_string().contains("30 with (a)"), "{error}");
        assert_nothing_is_left(&target);
        let report = Restore { policy: ForeignKeyPolicy::Report, ..Restore::default() };
        assert_eq!(report.run(&archive, &target).expect("reported").len(), 1);
    });
}

#[test]
fn another_shape_is_made_anew_unless_something_outside_depends_on_it() {
    on_every_version(|| {
        let archive = Archive::of(&shop());
        let recreate = |_: &dbferry_dialect::Collection, existing: Option<&dbferry_dialect::Collection>| {
            Some(if existing.is_some() { CollectionAction::Recreate } else { CollectionAction::Create })
        };
        let restore = Restore { choose: &recreate, ..Restore::default() };
        let target = database(
            "CREATE SCHEMA shop; CREATE TABLE shop.customer (id text PRIMARY KEY);
         CREATE TABLE shop.orders (id int, customer text REFERENCES shop.customer);
         CREATE VIEW public.v AS SELECT * FROM shop.orders",
        );
        let before = dumped(&target);
        let error = restore.run(&archive, &target).expect_err("a view depends on it");
        assert!(error.to_string().contains("view public.v depends on table shop.orders"), "{error}");
        assert_eq!(dumped(&target), before);
        assert_nothing_is_left(&target);
        run(&target, "DROP VIEW public.v");
        assert_eq!(restore.run(&archive, &target).expect("made anew"), Vec::<String>::new());
        let source = database(&shop());
        assert_eq!(sorted(&dumped(&target)), sorted(&dumped(&source)));
    });
}

#[test]
fn rows_can_be_added() {
    let archive = Archive::of(
        "CREATE TABLE public.t (id serial PRIMARY KEY, v text); INSERT INTO public.t SELECT n, 'new' FROM generate_series(10, 20) n",
    );
    let target = database(
        "CREATE TABLE public.t (id serial PRIMARY KEY, v text); INSERT INTO public.t (v) VALUES ('old'), ('old');
         CREATE FUNCTION public.no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
         CREATE TRIGGER no BEFORE INSERT ON public.t FOR EACH ROW EXECUTE FUNCTION public.no()",
    );
    let append =
        |_: &dbferry_dialect::Collection, _: Option<&dbferry_dialect::Collection>| Some(CollectionAction::Append);
    let restore = Restore { choose: &append, ..Restore::default() };
    restore.run(&archive, &target).expect("added");
    assert_eq!(run(&target, "SELECT v, count(*) FROM public.t GROUP BY 1 ORDER BY 1"), "new|11\nold|2");
    assert_eq!(run(&target, "SELECT last_value FROM public.t_id_seq"), "2");
    assert_eq!(run(&target, "SELECT tgenabled FROM pg_trigger WHERE tgname = 'no'"), "O");
    let before = dumped(&target);
    assert!(restore.run(&archive, &target).is_err(), "the keys are taken now");
    assert_eq!(dumped(&target), before);
}

const PARTS: &str = "
    CREATE TABLE public.m (at date NOT NULL, region text, v int CHECK (v > 0), PRIMARY KEY (at, region)) PARTITION BY RANGE (at);
    CREATE TABLE public.m1 PARTITION OF public.m FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
    CREATE TABLE public.m2 PARTITION OF public.m FOR VALUES FROM ('2026-01-01') TO ('2027-01-01') PARTITION BY LIST (region);
    CREATE TABLE public.m2n PARTITION OF public.m2 FOR VALUES IN ('n');
    CREATE TABLE public.m2d (v int, region text NOT NULL, at date NOT NULL);
    ALTER TABLE public.m2d ADD CONSTRAINT m_v_check CHECK (v > 0);
    ALTER TABLE public.m2 ATTACH PARTITION public.m2d DEFAULT;
    CREATE INDEX m_v ON public.m (v);
    CREATE TABLE public.child (at date, region text, FOREIGN KEY (at, region) REFERENCES public.m);
    CREATE TABLE public.base (a int PRIMARY KEY, b text DEFAULT 'x', CHECK (a > 0));
    CREATE TABLE public.derived (c int, b text DEFAULT 'y') INHERITS (public.base);";

const PART_ROWS: &str = "
    INSERT INTO public.m SELECT '2025-06-01'::date + n, (ARRAY['n', 's'])[1 + n % 2], n FROM generate_series(1, 500) n;
    INSERT INTO public.child SELECT at, region FROM public.m;
    INSERT INTO public.base VALUES (1), (2); INSERT INTO public.derived VALUES (3, 'z', 4);";

#[test]
fn partitions_and_heirs_stay_what_they_are() {
    on_every_version(|| {
        let source = database(&format!("{PARTS}{PART_ROWS}"));
        let archive = dump(&source, 1 << 20);
        let target = database("");
        assert_eq!(restored(&archive, &target), Vec::<String>::new());
        assert_eq!(sorted(&dumped(&target)), sorted(&dumped(&source)));
        run(&target, "DELETE FROM public.child; DELETE FROM public.m WHERE region = 'n'; DELETE FROM public.base");
        assert_eq!(restored(&archive, &target), Vec::<String>::new());
        assert_eq!(sorted(&dumped(&target)), sorted(&dumped(&source)));

        // A partition and an heir that are missing are attached to what is there.
        run(
            &target,
            "DELETE FROM public.child; ALTER TABLE public.m DETACH PARTITION public.m1; DROP TABLE public.m1; DROP TABLE public.derived",
        );
        assert_eq!(restored(&archive, &target), Vec::<String>::new());
        assert_eq!(run(&target, "SELECT count(*), (SELECT count(*) FROM public.base) FROM public.m"), "500|3");
        assert_nothing_is_left(&target);
    });
}

#[test]
fn a_recreated_table_does_not_take_unknown_partitions_with_it() {
    let archive = Archive::of(&format!("{PARTS}{PART_ROWS}"));
    let target = database(PARTS);
    run(&target, "CREATE TABLE public.m3 PARTITION OF public.m FOR VALUES FROM ('2027-01-01') TO ('2028-01-01')");
    let recreate =
        |_: &dbferry_dialect::Collection, _: Option<&dbferry_dialect::Collection>| Some(CollectionAction::Recreate);
    let restore = Restore { choose: &recreate, ..Restore::default() };
    let error = restore.run(&archive, &target).expect_err("a partition more");
    assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
    assert!(error.to_string().contains("public.m3"), "{error}");
    run(&target, "ALTER TABLE public.m DETACH PARTITION public.m3");
    restore.run(&archive, &target).expect("made anew");
}

#[test]
fn groups_can_be_replaced_one_after_the_other() {
    let source = database("CREATE TABLE public.a (id int PRIMARY KEY, v text); CREATE TABLE public.b (a int REFERENCES public.a);
        CREATE VIEW public.v AS SELECT * FROM public.a JOIN public.b ON a = id; CREATE MATERIALIZED VIEW public.mv AS SELECT * FROM public.v;
        INSERT INTO public.a SELECT n, n FROM generate_series(1, 100) n; INSERT INTO public.b SELECT id FROM public.a; REFRESH MATERIALIZED VIEW public.mv");
    let archive = dump(&source, 1 << 20);
    let target = database("");
    let restore = Restore { one_by_one: true, ..Restore::default() };
    for _ in 0..2 {
        assert_eq!(restore.run(&archive, &target).expect("a restore"), Vec::<String>::new());
        assert_eq!(sorted(&dumped(&target)), sorted(&dumped(&source)));
        run(&target, "DELETE FROM public.b WHERE a < 50; REFRESH MATERIALIZED VIEW public.mv");
    }
}

#[test]
fn what_a_killed_run_left_is_dropped_by_the_next() {
    let archive = Archive::of("CREATE TABLE public.t (id int); INSERT INTO public.t VALUES (1)");
    let target =
        database("CREATE SCHEMA dbferry_staging_0000beef_0; CREATE TABLE dbferry_staging_0000beef_0.t (id int)");
    let warnings = restored(&archive, &target);
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("dbferry_staging_0000beef_0"), "{warnings:?}");
    assert_nothing_is_left(&target);
}

#[test]
fn an_archive_that_is_not_trusted_runs_no_text_of_its_own() {
    let mut archive = Archive::of(&shop());
    for collection in &mut archive.schema.collections {
        collection.checks.iter_mut().for_each(|check| check.expression = "1/0 = pg_sleep(9)".into());
        collection.indexes.iter_mut().for_each(|index| index.definition = Some("DROP TABLE x".into()));
        collection.primary_key.iter_mut().for_each(|key| key.definition = Some("DROP".into()));
        collection.attributes.values_mut().for_each(|value| *value = "DROP".into());
    }
    let target = database("CREATE SCHEMA shop");
    let simple = |source: &dbferry_dialect::Collection, _: Option<&dbferry_dialect::Collection>| {
        (source.name.name != "orders").then_some(CollectionAction::Create)
    };
    let restore = Restore { trusted: false, choose: &simple, ..Restore::default() };
    restore.run(&archive, &target).expect("a restore");
    assert_eq!(run(&target, "SELECT count(*) FROM shop.customer"), "1000");
    assert_eq!(
        run(
            &target,
            "SELECT count(*) FROM pg_constraint WHERE connamespace = 'shop'::regnamespace AND contype IN ('p', 'u', 'f')"
        ),
        "4"
    );
}

#[test]
fn an_ordinary_owner_can_do_all_of_it() {
    let source = database(&shop());
    let archive = dump(&source, 16 << 10);
    let target = server().create_database();
    let owner = format!("{target}_owner");
    run("postgres", &format!("CREATE ROLE {owner} LOGIN NOSUPERUSER; ALTER DATABASE {target} OWNER TO {owner}"));
    let as_owner = server().url(&target).replace("postgres@", &format!("{owner}@"));
    let restore = || {
        let url = dbferry_dialect::DatabaseUrl::parse(&as_owner).expect("a URL");
        Restore { url: Some(url), ..Restore::default() }.run(&archive, &target)
    };
    assert_eq!(restore().expect("made"), Vec::<String>::new());
    assert_eq!(sorted(&dumped(&target)), sorted(&dumped(&source)));
    assert_eq!(restore().expect("replaced"), Vec::<String>::new());
    assert_eq!(sorted(&dumped(&target)), sorted(&dumped(&source)));

    // Another's table that references a replaced one cannot be changed: told, and nothing happens.
    run(&target, "CREATE TABLE public.outside (customer int REFERENCES shop.customer (id))");
    let before = dumped(&target);
    let error = restore().expect_err("not the owner");
    assert_eq!(error.kind(), ErrorKind::Permission, "{error}");
    assert!(error.to_string().contains("public.outside"), "{error}");
    assert_eq!(dumped(&target), before);
    // So is a database in which the user may create nothing.
    run(
        &target,
        &format!(
            "DROP SCHEMA shop CASCADE; DROP TABLE public.outside; ALTER DATABASE {target} OWNER TO postgres; GRANT ALL ON SCHEMA public TO {owner}"
        ),
    );
    let error = restore().expect_err("no right to create a schema");
    assert_eq!(error.kind(), ErrorKind::Permission, "{error}");
    assert_nothing_is_left(&target);
}
