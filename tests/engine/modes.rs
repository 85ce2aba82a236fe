//! What a caller asks for and what comes of it: modes, units, groups, trust, foreign keys, the safety backup.

use crate::support::{
    I, Null, SHOP_UNITS, T, Tables, Work, counting, dump_options, int, name, referencing, restore_options, rules, shop,
    table, text,
};
use dbferry::ErrorKind;
use dbferry::config::{RestoreConfig, RestoreMode, TableMode};
use dbferry::dialect::model::{Check, Generated, Index, IndexPart, IndexSubject, NativeObject, ObjectKind};
use dbferry::dialect::{CollectionAction, ForeignKeyPolicy};
use dbferry::dump::{DumpOptions, GroupBy};
use dbferry::group::{Assignment, NamePattern, Selection};
use dbferry::restore::{Proof, RestoreOptions};
use std::collections::BTreeMap;

fn only(groups: &[&str]) -> Selection {
    Selection { groups: Some(groups.iter().map(|group| (*group).to_owned()).collect()), ..Selection::default() }
}

fn with_mode(mode: RestoreMode) -> RestoreOptions {
    let mut options = restore_options(2);
    options.modes.mode = mode;
    options
}

#[test]
fn each_mode_does_what_it_says() {
    let work = Work::with_backup(&shop(1), &dump_options(1));
    let (old, new) = (
        {
            work.insert("target", &shop(2));
            work.content("target")
        },
        work.content("source"),
    );
    let users = |database: &str| work.rows(database, "users");

    assert_eq!(work.refused("backup", "target", &with_mode(RestoreMode::Create)).kind(), ErrorKind::Incompatible);
    let report = work.restore("backup", "target", &with_mode(RestoreMode::SchemaOnly)).expect("nothing to do");
    assert_eq!((report.rows, work.content("target")), (0, old.clone()));
    let nothing = work.refused("backup", "target", &with_mode(RestoreMode::Skip));
    assert_eq!(nothing.kind(), ErrorKind::Usage);

    let report = work.restore("backup", "target", &with_mode(RestoreMode::Append)).expect("appended");
    assert_eq!(report.rows, work.archive("backup").manifest().rows());
    let appended = &report.units[1].collections[0];
    assert_eq!((appended.action, appended.proof), (CollectionAction::Append, Proof::Count));
    let mut both = [users("source"), old.rows[&name("users")].clone()].concat();
    both.sort();
    assert_eq!(users("target"), both);
    let twice = work.refused("backup", "target", &with_mode(RestoreMode::Append));
    assert_eq!(twice.kind(), ErrorKind::Database, "the keys are there already");

    let report = work.restore("backup", "target", &with_mode(RestoreMode::Replace)).expect("replaced");
    assert_eq!(users("target"), new.rows[&name("users")]);
    let replaced = &report.units[1].collections[0];
    assert_eq!((replaced.action, replaced.proof), (CollectionAction::Replace, Proof::Hash));
    assert_eq!(work.rows("target", "sessions"), old.rows[&name("sessions")], "what is not selected stays");

    let report = work.restore("backup", "empty", &with_mode(RestoreMode::SchemaOnly)).expect("created");
    assert_eq!(report.rows, 0);
    let created = work.content("empty");
    assert!(created.rows.len() == 6 && created.rows.values().all(Vec::is_empty));
    assert_eq!(report.units[1].collections[0].action, CollectionAction::CreateEmpty);
    work.restore("backup", "new", &with_mode(RestoreMode::Create)).expect("created");
    assert_eq!(users("new"), new.rows[&name("users")]);
    assert_eq!(work.content("new").schema.collection(&name("empty")).and_then(|c| c.counter.clone()), {
        new.schema.collection(&name("empty")).and_then(|collection| collection.counter.clone())
    });
}

#[test]
fn the_mode_of_a_table_comes_before_its_groups_and_that_before_the_runs() {
    let work = Work::with_backup(&shop(1), &dump_options(1));
    work.insert("target", &shop(2));
    let (old, new) = (work.content("target"), work.content("source"));
    let mut options = restore_options(2);
    options.modes = RestoreConfig {
        mode: RestoreMode::SchemaOnly,
        groups: BTreeMap::from([("user".into(), RestoreMode::Append), ("log".into(), RestoreMode::Replace)]),
        tables: vec![TableMode { pattern: NamePattern::new("orders").expect("a pattern"), mode: RestoreMode::Skip }],
    };
    work.restore("backup", "target", &options).expect("a restore");
    let found = work.content("target");
    assert_eq!(found.rows[&name("settings")], old.rows[&name("settings")]);
    assert_eq!(found.rows[&name("users")].len(), old.rows[&name("users")].len() + new.rows[&name("users")].len());
    assert_eq!(found.rows[&name("orders")], old.rows[&name("orders")]);
    assert_eq!(found.rows[&name("reviews")], old.rows[&name("reviews")]);
    assert_eq!(found.rows[&name("audit")], new.rows[&name("audit")]);
}

#[test]
fn linked_groups_are_one_unit_and_required_comes_first() {
    let work = Work::with_backup(&shop(1), &dump_options(2));
    let report = work.restore("backup", "target", &restore_options(2)).expect("a restore");
    let units: Vec<(Vec<&str>, Vec<&str>)> = report
        .units
        .iter()
        .map(|unit| {
            let tables = unit.collections.iter().map(|restored| restored.collection.name.as_str());
            (unit.groups.iter().map(String::as_str).collect(), tables.collect())
        })
        .collect();
    assert_eq!(units, SHOP_UNITS.map(|(groups, tables)| (groups.to_vec(), tables.to_vec())));
    // Alone, a group is a unit of its own, and `required` goes along.
    let mut options = restore_options(2);
    options.selection = only(&["log"]);
    let report = work.restore("backup", "other", &options).expect("a restore");
    let groups: Vec<_> = report.units.iter().map(|unit| unit.groups.clone()).collect();
    assert_eq!(groups, [["required"], ["log"]]);
    assert_eq!(
        work.content("other").rows.keys().map(|name| name.name.as_str()).collect::<Vec<_>>(),
        ["audit", "empty", "settings"]
    );
}

#[test]
fn skipped_is_never_dumped_whatever_is_asked() {
    let work = Work::new();
    work.insert("source", &shop(1));
    let dumped = |archive: &str| -> Vec<String> {
        work.archive(archive).manifest().collections.iter().map(|entry| entry.collection.name.name.clone()).collect()
    };
    work.dump("source", "all", &dump_options(1)).expect("a dump");
    assert!(!dumped("all").contains(&"sessions".to_owned()));
    for selection in [
        only(&["skipped"]),
        only(&["user", "skipped"]),
        Selection { tables: vec!["sessions".into()], ..Selection::default() },
    ] {
        let error = work.dump("source", "no", &DumpOptions { selection, ..dump_options(1) }).expect_err("a refusal");
        assert_eq!(error.kind(), ErrorKind::Usage);
        assert!(!work.path("no").exists());
    }
    let selection = Selection { tables: vec!["*s".into()], ..Selection::default() };
    work.dump("source", "some", &DumpOptions { selection, ..dump_options(1) }).expect("a dump");
    assert_eq!(dumped("some"), ["orders", "reviews", "settings", "users"]);

    // Not even by a list of assignments, which no rule made.
    let fixed = |group: &str| Assignment {
        collection: name("sessions"),
        group: group.into(),
        rule: "as listed".into(),
        part_of: None,
    };
    let options = |group| DumpOptions { group_by: GroupBy::Fixed(vec![fixed(group)]), ..dump_options(1) };
    assert_eq!(work.dump("source", "no", &options("skipped")).expect_err("a refusal").kind(), ErrorKind::Usage);
    assert!(!work.path("no").exists());
    work.dump("source", "fixed", &options("user")).expect("a dump");
    assert_eq!(dumped("fixed"), ["sessions"]);
}

#[test]
fn the_safety_backup_brings_back_what_was_overwritten() {
    for (mode, recreate) in [(RestoreMode::Replace, false), (RestoreMode::Replace, true), (RestoreMode::Append, false)]
    {
        let work = Work::with_backup(&shop(1), &dump_options(1));
        let mut target = shop(2).without("audit");
        if recreate {
            target = target.without("settings").with(table("settings", vec![text("key")]), &[&[T("k")]]);
        }
        work.insert("target", &target);
        let before = work.content("target");
        let mut options = with_mode(mode);
        options.recreate = recreate;
        options.safety_backup = Some(work.path("safety"));
        let report = work.restore("backup", "target", &options).expect("a restore");
        assert_eq!(report.safety_backup, Some(work.path("safety")));
        assert_ne!(work.content("target"), before);
        let safety = work.archive("safety");
        let names: Vec<_> = safety.manifest().collections.iter().map(|e| e.collection.name.name.as_str()).collect();
        assert_eq!(names, ["empty", "orders", "reviews", "settings", "users"], "only what is changed");
        let id = report.archive.as_deref().expect("an id");
        assert!(safety.manifest().description.as_ref().is_some_and(|text| text.contains(id)));

        let mut back = restore_options(2);
        back.recreate = true;
        work.restore("safety", "target", &back).expect("back");
        let after = work.content("target");
        for name in before.rows.keys() {
            assert_eq!(after.rows[name], before.rows[name], "{name}");
            assert_eq!(after.schema.collection(name), before.schema.collection(name), "{name}");
        }
    }
}

#[test]
fn no_safety_backup_where_nothing_is_changed_and_none_over_another() {
    let work = Work::with_backup(&shop(1), &dump_options(1));
    let mut options = restore_options(1);
    options.safety_backup = Some(work.path("safety"));
    let report = work.restore("backup", "new", &options).expect("a restore");
    assert_eq!(report.safety_backup, None);
    assert!(!work.path("safety").exists());
    options.modes.mode = RestoreMode::SchemaOnly;
    assert_eq!(work.restore("backup", "new", &options).expect("nothing to do").safety_backup, None);
    // What cannot be backed up is not overwritten.
    options.modes.mode = RestoreMode::Replace;
    options.safety_backup = Some(work.path("backup"));
    assert_eq!(work.refused("backup", "new", &options).kind(), ErrorKind::ArchiveLocked);
}

/// Two groups; the child's foreign key does not hold in the source.
fn dangling() -> Tables {
    Tables::default().with(table("parents", vec![int("id")]), &[&[I(1)]]).with(
        referencing(table("children", vec![int("id"), int("parent")]), "parent", "parents"),
        &[&[I(1), I(1)], &[I(2), I(77)], &[I(3), Null]],
    )
}

#[test]
fn foreign_keys_that_do_not_hold_fail_the_unit_or_are_told() {
    let work = Work::with_backup(&dangling(), &DumpOptions { group_by: rules(&[("user", &["*"])]), ..dump_options(1) });
    let error = work.refused("backup", "target", &restore_options(2));
    assert_eq!(error.kind(), ErrorKind::Mismatch);
    assert!(error.to_string().contains("77"), "{error}");
    work.insert("existing", &shop(2));
    assert_eq!(work.refused("backup", "existing", &restore_options(2)).kind(), ErrorKind::Mismatch);
    let mut options = restore_options(2);
    options.foreign_keys = ForeignKeyPolicy::Report;
    let report = work.restore("backup", "target", &options).expect("restored as it was");
    assert!(report.warnings.iter().any(|warning| warning.contains("77")), "{:?}", report.warnings);
    assert_eq!(work.content("source").rows, work.content("target").rows);
}

#[test]
fn children_outside_the_selection_are_checked() {
    let work = Work::with_backup(&shop(1), &dump_options(1));
    work.insert("target", &shop(2));
    // The reviews of the target reference users who would be gone.
    let mut options = restore_options(2);
    options.selection = only(&["user"]);
    let before = work.content("target");
    let error = work.restore("backup", "target", &options).expect_err("a refusal");
    assert_eq!(error.kind(), ErrorKind::Mismatch);
    assert!(error.to_string().contains("main.reviews"), "{error}");
    // `required` stands by itself and was replaced before.
    assert!(error.to_string().contains("groups finished before required"), "{error}");
    for table in ["users", "orders", "reviews", "audit"] {
        assert_eq!(work.rows("target", table), before.rows[&name(table)]);
    }
}

#[test]
fn a_database_without_tables_is_restored_as_one() {
    let mut tables = with_texts().without("t");
    tables.schema.objects.truncate(1);
    let work = Work::with_backup(&tables, &dump_options(1));
    let report = work.restore("backup", "target", &restore_options(1)).expect("a restore");
    assert_eq!((report.rows, report.units.len()), (0, 0));
    assert_eq!(work.content("source").differences(&work.content("target")), Vec::<String>::new());
}

/// A table with SQL text of every kind in it.
fn with_texts() -> Tables {
    let mut collection = counting(table("t", vec![int("id"), int("twice")]), 9);
    collection.checks.push(Check { definition: None, name: None, expression: "evil()".into(), meaning: None });
    collection.columns[1].generated = Some(Generated { expression: "evil()".into(), stored: true });
    collection.definition = Some("CREATE TABLE t (evil())".into());
    collection.indexes.push(Index {
        name: "i".into(),
        parts: vec![IndexPart {
            subject: IndexSubject::Expression("evil()".into()),
            meaning: None,
            descending: false,
            collation: None,
        }],
        unique: false,
        predicate: None,
        condition: None,
        definition: Some("CREATE INDEX i ON t (evil())".into()),
    });
    let mut tables = Tables::default().with(collection, &[&[I(1), I(2)]]);
    let object = |kind, on: Option<&str>| NativeObject {
        on: on.map(name),
        ..NativeObject::new(kind, "main", format!("{kind:?}"), "memory", "evil()")
    };
    tables.schema.objects = vec![object(ObjectKind::View, None), object(ObjectKind::Trigger, Some("t"))];
    tables
}

#[test]
fn an_untrusted_restore_runs_no_text_of_the_archive() {
    let work = Work::with_backup(&with_texts(), &dump_options(1));
    work.restore("backup", "trusted", &restore_options(1)).expect("a restore");
    let sorted = |database: &str| {
        let mut content = work.content(database);
        content.schema.objects.sort_by(|left, right| left.name.cmp(&right.name));
        content
    };
    assert_eq!(sorted("source").differences(&sorted("trusted")), Vec::<String>::new());

    let options = RestoreOptions { trusted: false, ..restore_options(1) };
    for database in ["untrusted", "existing"] {
        if database == "existing" {
            work.insert(database, &Tables::default().with(table("t", vec![int("id"), int("twice")]), &[]));
        }
        let plan = work.plan("backup", database, &options).expect("a plan");
        assert!(plan.collections().all(|planned| planned.statements.iter().all(|text| !text.contains("evil"))));
        let warns = |warnings: &[String]| warnings.iter().any(|warning| warning.contains("2 views, triggers"));
        assert!(warns(&plan.warnings), "{:?}", plan.warnings);
        let report = work.restore("backup", database, &options).expect("a restore");
        assert!(warns(&report.warnings), "{:?}", report.warnings);
        let found = work.content(database);
        assert!(!format!("{:?}", found.schema).contains("evil"), "{:?}", found.schema);
        assert_eq!(found.rows, work.content("source").rows);
    }
}

#[test]
fn facts_of_the_database_are_for_a_new_one() {
    let mut tables = shop(1);
    tables.schema.attributes = BTreeMap::from([("user_version".into(), "7".into())]);
    let work = Work::with_backup(&tables, &dump_options(1));
    work.insert("old", &shop(2));
    for (database, expected) in [("new", Some("7")), ("old", None)] {
        work.restore("backup", database, &restore_options(1)).expect("a restore");
        let found = work.content(database).schema.attributes;
        assert_eq!(found.get("user_version").map(String::as_str), expected, "{database}");
    }
}

#[test]
fn objects_go_with_their_table() {
    let tables = with_texts().with(table("other", vec![int("id")]), &[]);
    let options = DumpOptions { group_by: rules(&[("user", &["t"]), ("log", &["other"])]), ..dump_options(1) };
    let work = Work::with_backup(&tables, &options);
    let selection = only(&["log"]);
    work.dump("source", "log", &DumpOptions { selection: selection.clone(), ..options }).expect("a dump");
    let kinds = |archive: &str| -> Vec<ObjectKind> {
        work.archive(archive).manifest().objects.iter().map(|entry| entry.object.kind).collect()
    };
    assert_eq!(kinds("backup"), [ObjectKind::View, ObjectKind::Trigger]);
    assert_eq!(kinds("log"), [ObjectKind::View]);
    let restored = RestoreOptions { selection, ..restore_options(1) };
    work.restore("backup", "target", &restored).expect("a restore");
    let found: Vec<_> = work.content("target").schema.objects.iter().map(|object| object.kind).collect();
    assert_eq!(found, [ObjectKind::View]);
}

#[test]
fn what_was_chosen_is_a_note_and_no_warning() {
    let work = Work::with_backup(&shop(1), &dump_options(1));
    work.insert("target", &shop(2));
    let mut options = restore_options(1);
    for (table, mode) in
        [("settings", RestoreMode::Skip), ("empty", RestoreMode::SchemaOnly), ("audit", RestoreMode::Append)]
    {
        options.modes.tables.push(TableMode { pattern: NamePattern::new(table).expect("a pattern"), mode });
    }
    let report = work.restore("backup", "target", &options).expect("a restore");
    assert_eq!(report.warnings, Vec::<String>::new());
    assert!(report.notes.contains(&"main.settings is skipped as configured".to_owned()), "{:?}", report.notes);
}
