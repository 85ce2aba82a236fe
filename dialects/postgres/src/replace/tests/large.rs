//! Large objects through a dump and a restore.

use super::support::*;
use dbferry_dialect::{
    Batch, Cancel, ChunkRange, CollectionName, DatabaseUrl, Dialect, ErrorKind, OpenOptions, Purpose,
};
use dbferry_dialect::{ReadRequest, ReplaceOptions, SnapshotOptions};
use std::cell::Cell;

/// One without pages, a sparse one, and so on.
const OBJECTS: &str = include_str!("large_objects.sql");

/// The server's own pages, which tell more than what is read through its functions.
const PAGES: &str = "
    SELECT m.oid, l.pageno, length(l.data), md5(l.data) FROM pg_largeobject_metadata m
      LEFT JOIN pg_largeobject l ON l.loid = m.oid ORDER BY 1, 2";

const OLD: &str = "SELECT lo_from_bytea(1002, 'old'), lo_from_bytea(77, 'other')";

fn name() -> CollectionName {
    CollectionName::new("pg_catalog", "pg_largeobject")
}

#[test]
fn large_objects_are_made_and_replaced() {
    on_every_version(|| {
        let source = database(OBJECTS);
        for (batch_bytes, writers) in [(1 << 20, 1), (16 << 10, 3)] {
            let archive = dump(&source, batch_bytes);
            for target in [database(""), database(OLD)] {
                for _ in 0..2 {
                    let restore = Restore { writers, ..Restore::default() };
                    assert_eq!(restore.run(&archive, &target).expect("a restore"), Vec::<String>::new());
                    assert_eq!(run(&target, PAGES), run(&source, PAGES));
                    assert_eq!(dumped(&target), dumped(&source));
                    assert_nothing_is_left(&target);
                }
            }
        }
    });
}

#[test]
fn a_failed_restore_leaves_the_old_ones() {
    on_every_version(|| {
        let archive = Archive::of(OBJECTS);
        let target = database(OLD);
        let before = (run(&target, PAGES), dumped(&target));
        for step in ["load", "write", "complete", "prove", "commit"] {
            let (cancel, reached) = (Cancel::new(), Cell::new(0));
            let stop = |now: &str| {
                if now == step {
                    reached.set(reached.get() + 1);
                    // Not before the first page.
                    if step != "write" || reached.get() == 3 {
                        cancel.cancel();
                    }
                }
            };
            let restore = Restore { cancel: cancel.clone(), before: &stop, ..Restore::default() };
            assert_eq!(restore.run(&archive, &target).expect_err("cancelled").kind(), ErrorKind::Cancelled, "{step}");
            assert_eq!((run(&target, PAGES), dumped(&target)), before, "{step}");
            assert_nothing_is_left(&target);
        }
    });
}

#[test]
fn chunks_hold_each_object_once() {
    let source = database(OBJECTS);
    let url = DatabaseUrl::parse(&server().url(&source)).expect("a URL");
    let mut database = crate::Postgres.open(&url, &OpenOptions::default()).expect("a source");
    let mut snapshot = database.snapshot(&SnapshotOptions::new(1)).expect("a snapshot");
    let schema = snapshot.schema().expect("a schema");
    let collection = schema.collection(&name()).expect("large objects");
    let chunks = snapshot.chunks(collection, 1 << 20).expect("chunks");
    assert_eq!(chunks, snapshot.chunks(collection, 1 << 20).expect("chunks"));
    assert!(chunks.len() > 2 && chunks.iter().all(|chunk| chunk.range != ChunkRange::Whole), "{chunks:?}");
    let mut reader = snapshot.readers().remove(0);
    let mut rows = 0;
    for chunk in &chunks {
        let request = ReadRequest { collection, chunk, batch_bytes: 1 << 20, predicate: None };
        rows += reader.read(&request, &mut |_: Batch| Ok(())).expect("rows");
    }
    let all = "SELECT count(*) FROM pg_largeobject_metadata m LEFT JOIN pg_largeobject l ON l.loid = m.oid";
    assert_eq!(rows.to_string(), run(&source, all));
}

#[test]
fn who_may_not_read_them_is_told() {
    on_every_version(|| {
        let source = database(&format!(
            "DO $$ BEGIN CREATE ROLE dbferry_small LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
             {OBJECTS} GRANT SELECT ON public.document TO dbferry_small; GRANT ALL ON SCHEMA public TO dbferry_small"
        ));
        let archive = dump(&source, 1 << 20);
        let as_small = |database: &str| {
            let url = server().url(database).replacen("postgres@", "dbferry_small@", 1);
            DatabaseUrl::parse(&url).expect("a URL")
        };
        let open = |purpose| crate::Postgres.open(&as_small(&source), &OpenOptions::new(purpose, Cancel::new()));
        let schema = open(Purpose::Read).expect("a source").introspect().expect("a schema");
        assert_eq!(schema.collection(&name()), None);
        let told: Vec<_> = schema.not_carried.iter().filter(|left| left.kind == "large objects").collect();
        assert_eq!((told.len(), told[0].name.as_str()), (1, "5"));
        assert!(told[0].reason.contains("GRANT SELECT"), "{}", told[0].reason);

        let target = database(OLD);
        let before = run(&target, PAGES);
        let only = |collection: &dbferry_dialect::Collection, existing: Option<&dbferry_dialect::Collection>| {
            (collection.name == name()).then(|| replace_or_create(collection, existing)).flatten()
        };
        let restore = || Restore { url: Some(as_small(&target)), choose: &only, trusted: true, ..Restore::default() };
        let mut objectless = archive;
        objectless.schema.objects.clear();
        let error = restore().run(&objectless, &target).expect_err("not readable");
        assert_eq!(error.kind(), ErrorKind::Permission, "{error}");
        run(&target, "GRANT SELECT ON pg_catalog.pg_largeobject TO dbferry_small");
        let error = restore().run(&objectless, &target).expect_err("not the owner");
        assert_eq!(error.kind(), ErrorKind::Permission, "{error}");
        assert!(error.to_string().contains("owner"), "{error}");
        assert_eq!(run(&target, PAGES), before);
    });
}

#[test]
fn owners_and_privileges_come_if_they_are_asked_for() {
    on_every_version(|| {
        let source = database(
            "DO $$ BEGIN CREATE ROLE dbferry_large; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
             SELECT lo_create(n) FROM generate_series(1, 5) n;
             ALTER LARGE OBJECT 2 OWNER TO dbferry_large; GRANT SELECT ON LARGE OBJECT 2 TO pg_monitor;
             GRANT UPDATE ON LARGE OBJECT 3 TO PUBLIC; COMMENT ON LARGE OBJECT 3 IS 'three';",
        );
        let archive = dump(&source, 1 << 20);
        let seen = "SELECT oid, lomowner::regrole, lomacl, obj_description(oid, 'pg_largeobject') FROM pg_largeobject_metadata ORDER BY 1";
        for asked in [true, false] {
            let target = database("");
            let mut options = ReplaceOptions::new(1);
            (options.owners, options.privileges) = (asked, asked);
            let warnings = Restore { options: Some(options), ..Restore::default() }.run(&archive, &target);
            assert_eq!(warnings.expect("a restore"), Vec::<String>::new());
            assert_eq!(run(&target, seen) == run(&source, seen), asked);
            assert_eq!(run(&target, "SELECT obj_description(3, 'pg_largeobject')"), "three");
        }
    });
}
