//! Everything around the rows: virtual tables, statistics, foreign keys, indexes, views, triggers.

use super::support::{contents, load, main, object, open, query_texts, replace, tables};
use super::{Place, SHOP, all, restore, source};
use dbferry_dialect::model::ObjectKind;
use dbferry_dialect::{CollectionAction, ErrorKind, GroupPlan, ReplaceOptions};
use rusqlite::Connection;

#[test]
fn virtual_tables_come_back_with_their_shadows() {
    let sql = "CREATE VIRTUAL TABLE search USING fts5(title, body, content='');
        CREATE VIRTUAL TABLE plain USING fts5(title);
        CREATE VIRTUAL TABLE place USING rtree(id, x0, x1, y0, y1);
        INSERT INTO search(rowid, title, body) VALUES(1, 'red shoes', 'for walking'), (2, 'blue', 'sky');
        INSERT INTO plain VALUES('one word'), ('two words');
        INSERT INTO place VALUES(1, 0, 1, 0, 1), (2, 5, 6, 5, 6);
        PRAGMA writable_schema = ON;
        INSERT INTO sqlite_schema VALUES('table', 'alien', 'alien', 0, 'CREATE VIRTUAL TABLE alien USING martian(a)');
        PRAGMA writable_schema = RESET;";
    let source = source(sql);
    let works = |target: &Connection| {
        assert_eq!(query_texts(target, "SELECT CAST(rowid AS TEXT) FROM search WHERE search MATCH 'walking'"), ["1"]);
        assert_eq!(query_texts(target, "SELECT title FROM plain WHERE plain MATCH 'words'"), ["two words"]);
        assert_eq!(query_texts(target, "SELECT CAST(id AS TEXT) FROM place WHERE x0 > 4"), ["2"]);
        target
            .execute_batch(
                "INSERT INTO plain VALUES('three words'); INSERT INTO plain(plain) VALUES('integrity-check');",
            )
            .expect("a sound index");
    };
    let place = Place::new();
    restore(&source, &place.path(), CollectionAction::Create, &[]).expect("restored");
    assert_eq!(contents(&place.connect()), contents(&source));
    works(&place.connect());
    // Into a target that holds the same virtual tables with other rows, and one that is recreated without its module.
    for action in [CollectionAction::Replace, CollectionAction::Recreate] {
        restore(&source, &place.path(), action, &[]).expect("restored again");
        assert_eq!(contents(&place.connect()), contents(&source), "{action:?}");
        works(&place.connect());
    }
    let found = tables(&source);
    let untouched = contents(&place.connect());
    let plans = all(&found, CollectionAction::Recreate, Some(&place.connect()));
    let mut replacer = open(&place.path(), &ReplaceOptions::default()).expect("a replacer");
    load(&mut *replacer, &found, plans).expect("loaded");
    replacer.complete().expect("complete");
    drop(replacer);
    assert_eq!(contents(&place.connect()), untouched, "a changed catalogue rolls back");
}

#[test]
fn virtual_tables_need_a_trusted_archive() {
    let source = source("CREATE VIRTUAL TABLE plain USING fts5(title); CREATE TABLE t(a); ANALYZE;");
    let found = tables(&source);
    let mut plans = all(&found, CollectionAction::Create, None);
    plans.iter_mut().for_each(|plan| plan.use_definition = false);
    let place = Place::new();
    let mut replacer = open(&place.path(), &ReplaceOptions::default()).expect("a replacer");
    replacer.begin(GroupPlan { group: "user".into(), collections: plans }).expect("begun");
    let mut writer = replacer.writers().expect("writers").remove(0);
    let table = |name: &str| found.iter().find(|table| table.collection.name == main(name)).expect("a table");
    writer.write(&main("t"), &table("t").batch).expect("written");
    drop(writer);
    let warnings = replacer.complete().expect("complete");
    assert_eq!(warnings.len(), found.len() - 1, "{warnings:?}");
    replacer.commit().expect("committed");
    let mut names = query_texts(
        &{
            replacer.finish(&[]).expect("finished");
            place.connect()
        },
        "SELECT name FROM sqlite_schema",
    );
    names.sort();
    assert_eq!(names, ["t"]);
}

#[test]
fn statistics_tables_come_back_as_they_were() {
    let sql =
        format!("{SHOP} ANALYZE; DROP TABLE sqlite_stat4; INSERT INTO sqlite_stat1 VALUES('nobody', NULL, 'odd');");
    let source = source(&sql);
    let place = Place::new();
    restore(&source, &place.path(), CollectionAction::Create, &[]).expect("restored");
    assert_eq!(contents(&place.connect()), contents(&source));
    restore(&source, &place.path(), CollectionAction::Replace, &[]).expect("restored again");
    assert_eq!(contents(&place.connect()), contents(&source));
}

#[test]
fn foreign_keys_that_do_not_hold_are_listed() {
    let source = source(
        "CREATE TABLE parents(id INTEGER PRIMARY KEY); INSERT INTO parents VALUES(1);
         CREATE TABLE children(parent INTEGER REFERENCES parents(id)); INSERT INTO children VALUES(1), (77), (NULL);",
    );
    let place = Place::new();
    let error = restore(&source, &place.path(), CollectionAction::Create, &[]).expect_err("an orphan");
    assert_eq!(error.kind(), ErrorKind::Mismatch);
    assert!(error.to_string().contains("row 2 of children refers to parents"), "{error}");
    assert_eq!(place.files(), 0);
}

#[test]
fn rows_outside_the_group_are_checked_against_it() {
    let place = Place::with(
        "PRAGMA foreign_keys = OFF; CREATE TABLE parents(id INTEGER PRIMARY KEY); INSERT INTO parents VALUES(1), (2);
         CREATE TABLE children(parent INTEGER REFERENCES parents(id)); INSERT INTO children VALUES(1), (55);",
    );
    let fine = source("CREATE TABLE parents(id INTEGER PRIMARY KEY); INSERT INTO parents VALUES(1);");
    let warnings = restore(&fine, &place.path(), CollectionAction::Replace, &[]).expect("the old orphan is not ours");
    assert!(warnings.iter().any(|warning| warning.starts_with("1 rows of children")), "{warnings:?}");
    let breaking = source("CREATE TABLE parents(id INTEGER PRIMARY KEY); INSERT INTO parents VALUES(3);");
    let error = restore(&breaking, &place.path(), CollectionAction::Replace, &[]).expect_err("a new orphan");
    assert_eq!(error.kind(), ErrorKind::Mismatch);
    assert!(error.to_string().contains("row 1 of children"), "{error}");
    assert_eq!(query_texts(&place.connect(), "SELECT CAST(id AS TEXT) FROM parents"), ["1"]);
}

#[test]
fn what_cannot_be_checked_is_reported() {
    let source = source(
        "CREATE TABLE a(x REFERENCES nowhere(id)); INSERT INTO a VALUES(1);
         CREATE TABLE p(k); CREATE TABLE b(x REFERENCES p(k)); INSERT INTO b VALUES(1);",
    );
    let place = Place::new();
    let warnings = restore(&source, &place.path(), CollectionAction::Create, &[]).expect("restored");
    assert!(warnings.iter().any(|warning| warning.contains("nowhere, which does not exist")), "{warnings:?}");
    assert!(warnings.iter().any(|warning| warning.contains("foreign key mismatch")), "{warnings:?}");
    assert_eq!(contents(&place.connect()), contents(&source));
}

#[test]
fn an_index_of_another_application_is_reported() {
    let source = source("CREATE TABLE t(a); INSERT INTO t VALUES(1);");
    let mut found = tables(&source);
    let index = |name: &str, definition: &str| dbferry_dialect::model::Index {
        name: name.into(),
        parts: Vec::new(),
        unique: false,
        predicate: None,
        condition: None,
        definition: Some(definition.into()),
    };
    found[0].collection.indexes =
        vec![index("i", "CREATE INDEX i ON t(a COLLATE klingon)"), index("j", "CREATE INDEX j ON t(klingon(a))")];
    let place = Place::new();
    let mut replacer = open(&place.path(), &ReplaceOptions::default()).expect("a replacer");
    let warnings = replace(&mut *replacer, &found, all(&found, CollectionAction::Create, None)).expect("restored");
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(warnings[0].contains("klingon"), "{warnings:?}");
    drop(replacer);
    found[0].collection.indexes = vec![index("i", "CREATE INDEX i ON t(nothing)")];
    let mut replacer = open(&place.path(), &ReplaceOptions::default()).expect("a replacer");
    assert!(replace(&mut *replacer, &found, all(&found, CollectionAction::Create, None)).is_err());
}

#[test]
fn definitions_are_one_statement_that_creates_what_it_says() {
    for definition in ["CREATE TABLE t(a); CREATE TABLE u(a)", "CREATE TABLE u(a)", "CREATE TEMP TABLE t(a)"] {
        let source = source("CREATE TABLE t(a);");
        let mut found = tables(&source);
        found[0].collection.definition = Some(definition.into());
        let place = Place::new();
        let mut replacer = open(&place.path(), &ReplaceOptions::default()).expect("a replacer");
        let plans = all(&found, CollectionAction::Create, None);
        assert!(replacer.begin(GroupPlan { group: "user".into(), collections: plans }).is_err(), "{definition}");
    }
}

#[test]
fn views_in_any_order_and_triggers_on_them() {
    let source = source("CREATE TABLE t(a); INSERT INTO t VALUES('x');");
    let outer = object(ObjectKind::View, "outer_view", None, "CREATE VIEW outer_view AS SELECT * FROM inner_view");
    let inner = object(ObjectKind::View, "inner_view", None, "CREATE VIEW inner_view AS SELECT a FROM t");
    let on_view = object(
        ObjectKind::Trigger,
        "into_view",
        None,
        "CREATE TRIGGER into_view INSTEAD OF INSERT ON inner_view BEGIN INSERT INTO t VALUES(new.a); END",
    );
    let place = Place::new();
    let objects = [on_view, outer, inner];
    assert_eq!(
        restore(&source, &place.path(), CollectionAction::Create, &objects).expect("restored"),
        Vec::<String>::new()
    );
    assert_eq!(query_texts(&place.connect(), "SELECT a FROM outer_view"), ["x"]);
    assert_eq!(
        restore(&source, &place.path(), CollectionAction::Replace, &objects).expect("again"),
        Vec::<String>::new()
    );
    let changed = [
        object(ObjectKind::View, "inner_view", None, "CREATE VIEW inner_view AS SELECT 'other' AS a"),
        object(ObjectKind::View, "t", None, "CREATE VIEW t AS SELECT 1"),
    ];
    let warnings = restore(&source, &place.path(), CollectionAction::Replace, &changed).expect("again");
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert_eq!(query_texts(&place.connect(), "SELECT a FROM outer_view"), ["x"]);
    place.connect().execute_batch("INSERT INTO inner_view VALUES('y')").expect("a trigger that fires");
    assert_eq!(query_texts(&place.connect(), "SELECT a FROM t"), ["x", "y"]);
}

#[test]
fn a_trigger_without_its_view_is_reported() {
    let source = source("CREATE TABLE t(a); INSERT INTO t VALUES('x');");
    let trigger = |name: &str, on: &str| {
        let sql = format!("CREATE TRIGGER {name} INSTEAD OF INSERT ON {on} BEGIN SELECT 1; END");
        object(ObjectKind::Trigger, name, None, &sql)
    };
    let view = object(ObjectKind::View, "taken", None, "CREATE VIEW taken AS SELECT a FROM t");
    let place = Place::with("CREATE TABLE taken(b)");
    let objects = [trigger("one", "taken"), trigger("two", "nowhere"), view];
    let warnings = restore(&source, &place.path(), CollectionAction::Create, &objects).expect("restored");
    assert_eq!(
        warnings,
        [
            "view taken was left out: something else has its name",
            "trigger one was left out: its view is not there",
            "trigger two was left out: its view is not there"
        ]
    );
    assert_eq!(query_texts(&place.connect(), "SELECT a FROM t"), ["x"]);
    let broken = object(ObjectKind::Trigger, "three", None, "CREATE TRIGGER three INSTEAD OF INSERT");
    assert!(restore(&source, &place.path(), CollectionAction::Replace, &[broken]).is_err());
}

#[test]
fn a_table_in_the_place_of_a_virtual_one() {
    let place = Place::with(
        "PRAGMA writable_schema = ON;
         INSERT INTO sqlite_schema VALUES('table', 't', 't', 0, 'CREATE VIRTUAL TABLE t USING martian(a)');
         PRAGMA writable_schema = RESET;",
    );
    let source = source("CREATE TABLE t(a); INSERT INTO t VALUES('x');");
    restore(&source, &place.path(), CollectionAction::Recreate, &[]).expect("restored");
    assert_eq!(contents(&place.connect()), contents(&source));
}
