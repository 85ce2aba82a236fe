mod objects;
mod support;

use super::open_replacer;
use dbferry_dialect::model::{NativeObject, ObjectKind};
use dbferry_dialect::{Cancel, CollectionAction, Error, ErrorKind, ExceptionReason, GroupPlan, ReplaceOptions, Result};
use rusqlite::Connection;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;
use support::{Table, contents, load, object, open, plan, query_texts, replace, syntax, tables};

const SHOP: &str = "
    CREATE TABLE parents(id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, len INT AS (length(name)) STORED);
    CREATE TABLE children(parent INTEGER REFERENCES parents(id), note);
    CREATE TABLE log(what TEXT);
    CREATE TABLE pairs(a TEXT, b INT, PRIMARY KEY(a, b)) WITHOUT ROWID;
    CREATE INDEX by_note ON children(note COLLATE NOCASE DESC) WHERE note IS NOT NULL;
    CREATE UNIQUE INDEX by_upper ON parents(upper(name));
    INSERT INTO parents(id, name) VALUES(1, 'ann'), (2, 'bob'), (9, 'gone');
    DELETE FROM parents WHERE id = 9;
    INSERT INTO children(rowid, parent, note) VALUES(3, 1, 'x'), (70, 2, x'00ff'), (71, NULL, 1.5);
    INSERT INTO pairs VALUES('k', 1), ('k', 2);
    CREATE TRIGGER watch AFTER INSERT ON parents BEGIN INSERT INTO log VALUES('parent ' || new.id); END;";

struct Place {
    directory: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().expect("a directory") }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("target.db")
    }

    /// A target that holds the result of `sql`.
    fn with(sql: &str) -> Self {
        let place = Self::new();
        place.connect().execute_batch(sql).expect("a target");
        place
    }

    fn connect(&self) -> Connection {
        Connection::open(self.path()).expect("a database")
    }

    fn files(&self) -> usize {
        fs::read_dir(self.directory.path()).expect("a directory").count()
    }
}

fn source(sql: &str) -> Connection {
    let connection = Connection::open_in_memory().expect("SQLite");
    connection.pragma_update(None, "foreign_keys", false).expect("a pragma");
    connection.execute_batch(sql).expect("a source");
    connection
}

fn all(found: &[Table], action: CollectionAction, target: Option<&Connection>) -> Vec<dbferry_dialect::CollectionPlan> {
    found.iter().map(|table| plan(table, action, target)).collect()
}

/// Restores `source` into `path`, everything in one group, views at the end.
fn restore(
    source: &Connection,
    path: &Path,
    action: CollectionAction,
    objects: &[NativeObject],
) -> Result<Vec<String>> {
    let found = tables(source);
    let target = path.exists().then(|| Connection::open(path).expect("the target"));
    let plans = all(&found, action, target.as_ref());
    drop(target);
    let mut replacer = open(path, &ReplaceOptions::default())?;
    let mut warnings = replace(&mut *replacer, &found, plans)?;
    warnings.extend(replacer.finish(objects)?);
    Ok(warnings)
}

#[test]
fn a_new_database_is_the_same_and_appears_at_the_end() {
    let place = Place::new();
    let source = source(SHOP);
    let found = tables(&source);
    let mut options = ReplaceOptions::default();
    for (name, value) in [
        ("page_size", "8192"),
        ("encoding", "UTF-8"),
        ("auto_vacuum", "2"),
        ("user_version", "-7"),
        ("application_id", "1234"),
        ("journal_mode", "wal"),
    ] {
        options.attributes.insert(name.into(), value.into());
    }
    let mut replacer = open(&place.path(), &options).expect("a replacer");
    let warnings = replace(&mut *replacer, &found, all(&found, CollectionAction::Create, None)).expect("a group");
    assert_eq!(warnings, Vec::<String>::new());
    assert!(!place.path().exists(), "nothing is visible before the end");
    assert_eq!(replacer.finish(&[]).expect("finished"), Vec::<String>::new());
    assert_eq!(place.files(), 1, "no partial file and no journal stay");
    let target = place.connect();
    assert_eq!(contents(&target), contents(&source));
    assert_eq!(query_texts(&target, "SELECT what FROM log"), Vec::<String>::new(), "the trigger did not fire");
    for (pragma, expected) in [
        ("page_size", "8192"),
        ("auto_vacuum", "2"),
        ("user_version", "-7"),
        ("application_id", "1234"),
        ("journal_mode", "wal"),
        ("integrity_check", "ok"),
    ] {
        let found: rusqlite::types::Value =
            target.query_row(&format!("PRAGMA {pragma}"), [], |row| row.get(0)).expect("a pragma");
        let found = match found {
            rusqlite::types::Value::Integer(number) => number.to_string(),
            rusqlite::types::Value::Text(text) => text,
            other => panic!("{other:?}"),
        };
        assert_eq!(found, expected, "{pragma}");
    }
}

#[test]
fn an_impossible_attribute_is_reported() {
    let place = Place::new();
    let mut options = ReplaceOptions::default();
    options.attributes.insert("encoding".into(), "utf8mb4".into());
    let replacer = open(&place.path(), &options).expect("a replacer");
    let warnings = replacer.finish(&[]).expect("finished");
    assert!(warnings[0].contains("utf8mb4"), "{warnings:?}");
}

#[test]
fn replacing_keeps_the_table_and_what_depends_on_it() {
    let source = source(SHOP);
    let place = Place::with(SHOP);
    place
        .connect()
        .execute_batch(
            "DELETE FROM children; UPDATE parents SET name = 'old' || id; INSERT INTO parents(name) VALUES('more');
             DELETE FROM log; ANALYZE; CREATE INDEX own ON parents(len); CREATE VIEW seen AS SELECT * FROM parents;
             CREATE TRIGGER own_trigger AFTER DELETE ON parents BEGIN INSERT INTO log VALUES('deleted'); END;",
        )
        .expect("changes");
    let statistics = query_texts(&place.connect(), "SELECT rowid || tbl || idx || stat FROM sqlite_stat1 ORDER BY 1");
    assert_eq!(
        restore(&source, &place.path(), CollectionAction::Replace, &[]).expect("replaced"),
        Vec::<String>::new()
    );
    let target = place.connect();
    let rows = |connection: &Connection| {
        let lines = contents(connection).into_iter();
        lines
            .filter(|line| {
                ["parents: ", "children: ", "pairs: ", "log: ", "sequence "].iter().any(|start| line.starts_with(start))
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(rows(&target), rows(&source));
    let names = query_texts(&target, "SELECT name FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name");
    for name in ["own", "seen", "own_trigger", "watch", "by_note", "by_upper"] {
        assert!(names.iter().any(|there| there == name), "{name} in {names:?}");
    }
    let now = query_texts(&target, "SELECT rowid || tbl || idx || stat FROM sqlite_stat1 ORDER BY 1");
    assert_eq!(now, statistics, "the planner's statistics stay");
    assert_eq!(query_texts(&target, "PRAGMA integrity_check"), ["ok"]);
}

#[test]
fn recreating_takes_the_shape_of_the_archive() {
    let source = source(SHOP);
    let place = Place::with(
        "CREATE TABLE parents(id, old); CREATE INDEX old ON parents(old); INSERT INTO parents VALUES(1, 2);",
    );
    let found = tables(&source);
    let plans = vec![plan(&found[0], CollectionAction::Recreate, Some(&place.connect()))];
    let mut replacer = open(&place.path(), &ReplaceOptions::default()).expect("a replacer");
    replace(&mut *replacer, &found, plans).expect("recreated");
    drop(replacer);
    let target = place.connect();
    assert_eq!(support_lines(&target, "parents"), support_lines(&source, "parents"));
    assert_eq!(query_texts(&target, "SELECT name FROM sqlite_schema WHERE name = 'old'"), Vec::<String>::new());
    assert_eq!(query_texts(&target, "SELECT name FROM sqlite_schema WHERE type = 'trigger'"), ["watch"]);
}

fn support_lines(connection: &Connection, table: &str) -> Vec<String> {
    contents(connection)
        .into_iter()
        .filter(|line| line.contains(table))
        .filter(|line| !line.starts_with("table children"))
        .collect()
}

#[test]
fn appending_adds_rows_with_numbers_of_their_own() {
    let place = Place::with(SHOP);
    let source = source(
        "CREATE TABLE children(parent INTEGER REFERENCES parents(id), note); INSERT INTO children(rowid, parent) VALUES(3, 1);
         CREATE TABLE parents(id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, len INT);
         INSERT INTO parents(id, name) VALUES(5, 'eve');",
    );
    let found = tables(&source);
    let mut plans = all(&found, CollectionAction::Append, None);
    plans.iter_mut().for_each(|plan| plan.objects.clear());
    let mut replacer = open(&place.path(), &ReplaceOptions::default()).expect("a replacer");
    replace(&mut *replacer, &found, plans).expect("appended");
    drop(replacer);
    let target = place.connect();
    assert_eq!(query_texts(&target, "SELECT group_concat(rowid) FROM children"), ["3,70,71,72"]);
    assert_eq!(query_texts(&target, "SELECT group_concat(id) FROM parents"), ["1,2,5"]);
    assert_eq!(
        query_texts(&target, "SELECT CAST(seq AS TEXT) FROM sqlite_sequence"),
        ["9"],
        "a counter never goes back"
    );
}

#[test]
fn a_conflict_stops_whatever_the_table_would_do() {
    let place = Place::with("CREATE TABLE t(a PRIMARY KEY ON CONFLICT REPLACE, b); INSERT INTO t VALUES(1, 'kept');");
    let source = source("CREATE TABLE t(a, b); INSERT INTO t VALUES(1, 'new');");
    let error = restore_action(&source, &place, CollectionAction::Append).expect_err("a conflict");
    assert_eq!(error.kind(), ErrorKind::Database);
    assert!(error.to_string().contains("UNIQUE constraint failed: t.a"), "{error}");
    assert!(error.to_string().contains("collection main.t"), "{error}");
    assert!(error.to_string().contains("row 0"), "{error}");
    assert_eq!(query_texts(&place.connect(), "SELECT b FROM t"), ["kept"]);
}

fn restore_action(source: &Connection, place: &Place, action: CollectionAction) -> Result<Vec<String>> {
    let found = tables(source);
    let mut plans = all(&found, action, None);
    plans.iter_mut().for_each(|plan| plan.existing = None);
    let mut replacer = open(&place.path(), &ReplaceOptions::default())?;
    replace(&mut *replacer, &found, plans)
}

#[test]
fn schema_only_and_keep() {
    let source = source(SHOP);
    let place = Place::with("CREATE TABLE log(what TEXT); INSERT INTO log VALUES('mine');");
    let found = tables(&source);
    let plans = found
        .iter()
        .map(|table| match table.collection.name.name.as_str() {
            "log" => plan(table, CollectionAction::Keep, Some(&place.connect())),
            _ => plan(table, CollectionAction::CreateEmpty, None),
        })
        .collect();
    let mut replacer = open(&place.path(), &ReplaceOptions::default()).expect("a replacer");
    replace(&mut *replacer, &found, plans).expect("created");
    drop(replacer);
    let target = place.connect();
    assert_eq!(query_texts(&target, "SELECT what FROM log"), ["mine"]);
    assert_eq!(query_texts(&target, "SELECT name FROM parents"), Vec::<String>::new());
    let catalogue = |connection: &Connection| {
        query_texts(connection, "SELECT type || name || coalesce(sql, '') FROM sqlite_schema ORDER BY 1")
    };
    assert_eq!(catalogue(&target), catalogue(&source));
}

#[test]
fn dropping_at_any_stage_leaves_the_target_as_it_was() {
    let source = source(SHOP);
    let found = tables(&source);
    let old = "CREATE TABLE parents(id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, len INT AS (length(name)) STORED);
               CREATE INDEX own ON parents(len); INSERT INTO parents(name) VALUES('old');
               CREATE TABLE children(x); CREATE VIEW v AS SELECT 1;";
    for wal in [false, true] {
        for stage in 0..5 {
            let place = Place::with(old);
            if wal {
                place.connect().pragma_update(None, "journal_mode", "wal").expect("a pragma");
            }
            let before = contents(&place.connect());
            let plans = found.iter().map(|table| match table.collection.name.name.as_str() {
                "parents" => plan(table, CollectionAction::Replace, Some(&place.connect())),
                "children" => plan(table, CollectionAction::Recreate, Some(&place.connect())),
                _ => plan(table, CollectionAction::Create, None),
            });
            let plans: Vec<_> = plans.collect();
            let mut replacer = open(&place.path(), &ReplaceOptions::default()).expect("a replacer");
            match stage {
                0 => {}
                1 => replacer.begin(GroupPlan { group: "user".into(), collections: plans }).expect("begun"),
                _ => {
                    load(&mut *replacer, &found, plans).expect("loaded");
                    if stage > 2 {
                        replacer.complete().expect("complete");
                    }
                    if stage > 3 {
                        assert_eq!(
                            replacer.readers(4).expect("readers").len(),
                            1,
                            "only this connection sees the group"
                        );
                    }
                }
            }
            drop(replacer);
            assert_eq!(contents(&place.connect()), before, "stage {stage}, wal {wal}");
        }
        let place = Place::new();
        for stage in 0..4 {
            let mut replacer = open(&place.path(), &ReplaceOptions::default()).expect("a replacer");
            if stage > 0 {
                load(&mut *replacer, &found, all(&found, CollectionAction::Create, None)).expect("loaded");
            }
            if stage > 1 {
                replacer.complete().expect("complete");
                assert_eq!(replacer.readers(3).expect("readers").len(), 3);
            }
            if stage > 2 {
                replacer.commit().expect("committed");
            }
            drop(replacer);
            assert_eq!(place.files(), 0, "stage {stage}");
        }
    }
}

#[test]
fn groups_after_readers_still_load() {
    let place = Place::new();
    let source = source(SHOP);
    let found = tables(&source);
    let mut replacer = open(&place.path(), &ReplaceOptions::default()).expect("a replacer");
    for table in &found {
        load(&mut *replacer, &found, vec![plan(table, CollectionAction::Create, None)]).expect("loaded");
        replacer.complete().expect("complete");
        let request_whole = replacer.chunks(&table.collection, 1 << 20).expect("chunks");
        let mut readers = replacer.readers(2).expect("readers");
        for reader in &mut readers {
            let request = dbferry_dialect::ReadRequest {
                collection: &table.collection,
                chunk: &request_whole[0],
                batch_bytes: 1 << 20,
                predicate: None,
            };
            let rows = reader.read(&request, &mut |_| Ok(())).expect("read");
            assert_eq!(rows, table.batch.records.num_rows() as u64);
        }
        drop(readers);
        replacer.commit().expect("committed");
    }
    replacer.finish(&[]).expect("finished");
    assert_eq!(contents(&place.connect()), contents(&source));
}

#[test]
fn exceptions_and_dynamic_cells_are_exact() {
    let sql = "CREATE TABLE t(i INTEGER, t TEXT, b BLOB, r REAL, n NUMERIC, u);
        INSERT INTO t VALUES('abc', x'00', 'text', 'x', 'y', CAST('-0.0' AS REAL));
        INSERT INTO t VALUES(9223372036854775807, CAST(x'61ff62' AS TEXT), CAST(x'00' AS TEXT), 9007199254740993, 1e999, 'a' || char(0) || 'b');
        INSERT INTO t VALUES(1.5, '', x'', -1e999, 5.5, CAST(x'fe' AS TEXT));
        CREATE TABLE strict_any(k INT PRIMARY KEY, a ANY) STRICT;
        INSERT INTO strict_any VALUES(1, '0042'), (2, 42), (3, 42.0);
        CREATE TABLE down(id INTEGER PRIMARY KEY DESC, v); INSERT INTO down VALUES(3, 'c'), (NULL, 'n'), ('x', 1);
        CREATE TABLE taken(rowid, _rowid_, oid); INSERT INTO taken VALUES(1, 2, 3);
        CREATE TABLE half(rowid TEXT, v); INSERT INTO half(_rowid_, rowid, v) VALUES(10, 'r', 1), (20, 's', 2);";
    let source = source(sql);
    let place = Place::new();
    restore(&source, &place.path(), CollectionAction::Create, &[]).expect("restored");
    assert_eq!(contents(&place.connect()), contents(&source));
    restore(&source, &place.path(), CollectionAction::Replace, &[]).expect("restored again");
    assert_eq!(contents(&place.connect()), contents(&source));
}

/// The bytes of one encoding would be another text in the other.
#[test]
fn a_malformed_text_does_not_go_into_another_encoding() {
    let source = source("CREATE TABLE t(a); INSERT INTO t VALUES(NULL);");
    let mut found = tables(&source);
    found[0].batch.exceptions = vec![dbferry_dialect::Exception {
        row: 0,
        column: 1,
        reason: ExceptionReason::InvalidUtf8,
        value: dbferry_dialect::NativeValue::TextBytes(vec![0x61, 0, 0, 0xd8]),
    }];
    for (encoding, fits) in [("UTF-16le", false), ("UTF-16be", false), ("UTF-8", true)] {
        let place = Place::with("CREATE TABLE u(a)");
        let mut options = ReplaceOptions::default();
        options.attributes.insert("encoding".into(), encoding.into());
        let mut replacer = open(&place.path(), &options).expect("a replacer");
        match load(&mut *replacer, &found, all(&found, CollectionAction::Create, None)) {
            Ok(()) => assert!(fits, "{encoding}"),
            Err(error) => {
                assert_eq!((error.kind(), fits), (ErrorKind::Incompatible, false), "{error}");
                assert!(error.to_string().contains("column a"), "{error}");
            }
        }
    }
}

#[test]
fn exceptions_out_of_order_are_refused() {
    let source = source("CREATE TABLE t(a); INSERT INTO t VALUES(1), (2);");
    let mut found = tables(&source);
    let exception = |row| dbferry_dialect::Exception {
        row,
        column: 1,
        reason: ExceptionReason::StorageClass,
        value: dbferry_dialect::NativeValue::Integer(7),
    };
    found[0].batch.exceptions = vec![exception(1), exception(0)];
    let place = Place::new();
    let mut replacer = open(&place.path(), &ReplaceOptions::default()).expect("a replacer");
    let error = load(&mut *replacer, &found, all(&found, CollectionAction::Create, None)).expect_err("an error");
    assert_eq!(error.kind(), ErrorKind::Internal);
    assert!(replacer.commit().is_err(), "nothing is committed after a failed batch");
}

#[test]
fn counters_of_empty_tables_and_absent_counters() {
    let source = source(
        "CREATE TABLE emptied(id INTEGER PRIMARY KEY AUTOINCREMENT); INSERT INTO emptied VALUES(41); DELETE FROM emptied;
         CREATE TABLE fresh(id INTEGER PRIMARY KEY AUTOINCREMENT);
         CREATE TABLE lost(id INTEGER PRIMARY KEY AUTOINCREMENT); INSERT INTO lost VALUES(5);
         DELETE FROM sqlite_sequence WHERE name = 'lost';
         CREATE TABLE zero(id INTEGER PRIMARY KEY AUTOINCREMENT); INSERT INTO sqlite_sequence VALUES('zero', 0);",
    );
    let place = Place::new();
    restore(&source, &place.path(), CollectionAction::Create, &[]).expect("restored");
    assert_eq!(contents(&place.connect()), contents(&source));
    let sequence = query_texts(&place.connect(), "SELECT name || seq FROM sqlite_sequence ORDER BY 1");
    assert_eq!(sequence, ["emptied41", "zero0"]);
}

#[test]
fn a_table_that_changed_since_the_plan_is_left_alone() {
    let source = source("CREATE TABLE t(a); INSERT INTO t VALUES(1);");
    let place = Place::with("CREATE TABLE t(a); INSERT INTO t VALUES(0);");
    let found = tables(&source);
    let plans = all(&found, CollectionAction::Replace, Some(&place.connect()));
    place.connect().execute_batch("ALTER TABLE t ADD b").expect("a change");
    let mut replacer = open(&place.path(), &ReplaceOptions::default()).expect("a replacer");
    let error = replacer.begin(GroupPlan { group: "user".into(), collections: plans }).expect_err("changed");
    assert_eq!(error.kind(), ErrorKind::Incompatible);
}

#[test]
fn somebody_elses_lock_is_named() {
    let source = source("CREATE TABLE t(a);");
    let place = Place::with("CREATE TABLE u(a);");
    let other = place.connect();
    other.execute_batch("BEGIN; SELECT * FROM u;").expect("a reader");
    let error = restore(&source, &place.path(), CollectionAction::Create, &[]).expect_err("locked");
    assert_eq!(error.kind(), ErrorKind::Busy);
    assert!(error.remedy().is_some());
}

#[test]
fn a_raised_flag_stops_the_load() {
    let source = source(SHOP);
    let place = Place::with("CREATE TABLE u(a);");
    let cancel = Cancel::new();
    let open = || open_replacer(&place.path(), true, &ReplaceOptions::default(), Duration::ZERO, &cancel, syntax());
    let mut replacer = open().expect("a replacer");
    let found = tables(&source);
    let plans = all(&found, CollectionAction::Create, None);
    replacer.begin(GroupPlan { group: "user".into(), collections: plans }).expect("begun");
    let mut writer = replacer.writers().expect("writers").remove(0);
    cancel.cancel();
    let error = writer.write(&found[0].collection.name, &found[0].batch).expect_err("cancelled");
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    drop(replacer);
    assert_eq!(query_texts(&place.connect(), "SELECT name FROM sqlite_schema"), ["u"]);
}

#[test]
fn a_target_that_appears_meanwhile_is_left_alone() {
    let source = source(SHOP);
    let place = Place::new();
    let found = tables(&source);
    let mut replacer = open(&place.path(), &ReplaceOptions::default()).expect("a replacer");
    replace(&mut *replacer, &found, all(&found, CollectionAction::Create, None)).expect("a group");
    place.connect().execute_batch("CREATE TABLE theirs(a)").expect("another database");
    let error: Error = replacer.finish(&[]).expect_err("occupied");
    assert_eq!(error.kind(), ErrorKind::ArchiveLocked);
    assert_eq!(query_texts(&place.connect(), "SELECT name FROM sqlite_schema"), ["theirs"]);
    assert_eq!(place.files(), 1);
}

/// The shipped databases, cell by cell, into a new file and over themselves.
#[test]
fn the_shipped_databases_come_back_as_they_were() {
    let shop = include_str!("../../../../fixtures/shop.sql");
    let nasty = include_str!("../../../../fixtures/nasty.sql");
    for sql in [shop, nasty] {
        let source = source(sql);
        let mut views = source
            .prepare("SELECT type, name, sql FROM sqlite_schema WHERE type = 'view' OR type = 'trigger'")
            .expect("a query");
        let objects: Vec<_> = views
            .query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?)))
            .expect("rows")
            .map(|row| row.expect("an object"))
            .map(|(kind, name, sql)| {
                let kind = if kind == "view" { ObjectKind::View } else { ObjectKind::Trigger };
                object(kind, &name, None, &sql)
            })
            .collect();
        let place = Place::new();
        for action in [CollectionAction::Create, CollectionAction::Replace, CollectionAction::Recreate] {
            let warnings = restore(&source, &place.path(), action, &objects).expect("restored");
            let unexpected: Vec<_> = warnings.iter().filter(|warning| !warning.contains("foreign key")).collect();
            assert!(unexpected.is_empty(), "{action:?}: {unexpected:?}");
            let (found, expected) = (contents(&place.connect()), contents(&source));
            for (found, expected) in found.iter().zip(&expected) {
                assert_eq!(found, expected, "{action:?}");
            }
            assert_eq!(found.len(), expected.len());
            assert_eq!(query_texts(&place.connect(), "PRAGMA integrity_check"), ["ok"], "{action:?}");
        }
    }
}
