//! Whether a comparison of two sides tells all that is different, and nothing else. Across engines on SQLite and the
//! in-memory dialect, which speak of the same things in other words.

use crate::support::{I, T, Work, dump_options, int, name, shop, table, text};
use dbferry::ErrorKind;
use dbferry::diff::{DiffOptions, DiffReport, SchemaChange, diff};
use dbferry::group::Selection;
use dbferry::progress::Silent;
use dbferry::verify::Holder;

fn told(report: &DiffReport) -> Vec<String> {
    let schema = report.schema.iter().map(|difference| {
        let collection = difference.collection.as_ref().map(|name| name.name.clone()).unwrap_or_default();
        format!("{collection} {} {:?}", difference.what, difference.change)
    });
    let rows = report
        .differing_rows()
        .map(|line| format!("{} {}", line.collection.name, line.difference.as_deref().unwrap_or_default()));
    schema.chain(rows).collect()
}

#[test]
fn any_two_of_archive_and_database_are_compared() {
    let work = Work::with_backup(&shop(1), &dump_options(2));
    let mut changed = shop(1).without("audit").without("settings").with(table("new", vec![int("id")]), &[&[I(1)]]);
    changed = changed.with(
        table("settings", vec![int("id"), text("value"), int("more")]),
        &[&[I(1000), T("dark"), I(1)], &[I(1001), T("three"), I(2)]],
    );
    work.insert("changed", &changed);
    // The group `skipped` is in no archive, so both archives lack the same table.
    work.dump("changed", "later", &dump_options(1)).expect("a dump");
    let (backup, later) = (work.archive("backup"), work.archive("later"));
    let (source, target) = (work.at(&work.memory, "source"), work.at(&work.memory, "changed"));
    let options = DiffOptions { rows: 5, ..DiffOptions::default() };
    let expected =
        ["audit table OnlyLeft", "settings column more OnlyRight", "new table OnlyRight", "settings 1 row differs"];
    let sides = [
        (Holder::Database(&source), Holder::Database(&target)),
        (Holder::Archive(&backup), Holder::Archive(&later)),
        (Holder::Archive(&backup), Holder::Database(&target)),
        (Holder::Database(&source), Holder::Archive(&later)),
    ];
    for (left, right) in sides {
        let report = diff(left, right, &options, &Silent).expect("readable");
        let mut found = told(&report);
        // A database has a table that no archive of it has.
        found.retain(|line| !line.starts_with("sessions"));
        found.sort_unstable();
        let mut expected = expected.to_vec();
        expected.sort_unstable();
        assert_eq!(found, expected, "{left:?} {right:?}");
        assert!(!report.is_equal());
        let settings = report.collections.iter().find(|line| line.collection == name("settings")).expect("settings");
        let row = &settings.row_differences.as_ref().expect("a closer look").rows[0];
        assert_eq!((row.key[0].value.as_str(), row.cells[0].column.as_str()), ("1001", "value"));
        assert_eq!(row.cells[0].source.as_deref(), Some("'one'"));
        assert_eq!(row.cells[0].target.as_deref(), Some("'three'"));
    }
    for side in [Holder::Database(&source), Holder::Archive(&backup)] {
        let report = diff(side, side, &options, &Silent).expect("readable");
        assert!(report.is_equal(), "{:?}", told(&report));
        assert_eq!(
            report.collections.iter().map(|line| line.left_rows).sum::<u64>(),
            match side {
                Holder::Database(_) => 15,
                Holder::Archive(_) => 14,
            }
        );
    }
}

#[test]
fn a_selection_and_the_schema_alone() {
    let work = Work::new();
    work.insert("source", &shop(1));
    work.insert("other", &shop(2));
    let (source, other) = (work.at(&work.memory, "source"), work.at(&work.memory, "other"));
    let compare = |options: &DiffOptions| diff(Holder::Database(&source), Holder::Database(&other), options, &Silent);
    let report = compare(&DiffOptions { schema_only: true, ..DiffOptions::default() }).expect("readable");
    assert_eq!(report.collections.len(), 0, "no row was looked at");
    let counters: Vec<_> =
        report.schema.iter().map(|difference| (difference.what.as_str(), difference.change)).collect();
    assert_eq!(counters, [("counter", SchemaChange::Changed), ("counter", SchemaChange::Changed)]);
    let selection = Selection { tables: vec!["audit".into()], ..Selection::default() };
    let report = compare(&DiffOptions { selection, ..DiffOptions::default() }).expect("readable");
    assert_eq!(told(&report), ["audit the rows differ"]);
    assert_eq!(report.collections[0].row_differences, None, "nobody asked which");
    let selection = Selection { tables: vec!["nothing".into()], ..Selection::default() };
    let error = compare(&DiffOptions { selection, ..DiffOptions::default() }).expect_err("a slip");
    assert_eq!(error.kind(), ErrorKind::Usage);
}

#[cfg(feature = "sqlite")]
mod across {
    use super::*;
    use crate::support::restore_options;
    use dbferry::archive::Archive;
    use dbferry::dump::{DumpOptions, dump};
    use dbferry::endpoint::Endpoint;
    use dbferry::restore::restore;
    use dbferry::verify::{Sample, VerifyOptions, in_scratch, verify_against, verify_databases};
    use rusqlite::Connection;

    const SQL: &str = "
        CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT, price NUMERIC(10,2), sold DATE);
        INSERT INTO item VALUES (1, 'Zoë', 9.99, '2024-02-29'), (2, NULL, 10, NULL), (3, '', 0.5, '1999-12-31');
        CREATE TABLE log (what TEXT);
        INSERT INTO log VALUES ('a'), ('a'), (NULL);
        CREATE VIEW names AS SELECT name FROM item;";

    fn sqlite(work: &Work, file: &str, sql: &str) -> Endpoint<'static> {
        let path = work.path(file);
        Connection::open(&path).expect("a database").execute_batch(sql).expect(sql);
        Endpoint::parse(&format!("sqlite:{}", path.display())).expect("a URL")
    }

    /// An archive of a SQLite database, restored into the in-memory dialect.
    fn restored() -> (Work, Endpoint<'static>, Archive) {
        let work = Work::new();
        let source = sqlite(&work, "source.db", SQL);
        dump(&source, &work.path("backup"), &DumpOptions::default(), &Silent).expect("a dump");
        let archive = work.archive("backup");
        restore(&archive, &work.at(&work.memory, "target"), &restore_options(2), &Silent).expect("a restore");
        (work, source, archive)
    }

    #[test]
    fn a_target_of_another_engine_holds_what_the_source_does() {
        let (work, source, archive) = restored();
        let target = work.at(&work.memory, "target");
        let options = VerifyOptions::default();
        let report = verify_against(&archive, &target, &options, &Silent).expect("readable");
        assert_eq!(report.differences().count(), 0, "{report:?}");
        assert_eq!(report.collections.len(), 2);
        let report = verify_databases(&source, &target, &options, &Silent).expect("readable");
        assert_eq!(report.differences().count(), 0, "{report:?}");

        // And a change on either side is found, also by a key that each engine sorts in its own way.
        sqlite(&work, "source.db", "UPDATE item SET price = 9.98 WHERE id = 1; DELETE FROM log WHERE what IS NULL");
        let report = verify_databases(&source, &target, &options, &Silent).expect("readable");
        let found: Vec<_> = report.differences().collect();
        assert_eq!(found.len(), 2);
        assert_eq!(found[1].difference.as_deref(), Some("3 rows instead of 2: 1 row is extra"));
        let row = &found[0].row_differences.as_ref().expect("a closer look").rows[0];
        assert_eq!((row.key[0].value.as_str(), row.cells.len(), row.cells[0].column.as_str()), ("1", 1, "price"));

        let report =
            diff(Holder::Database(&source), Holder::Database(&target), &DiffOptions::default(), &Silent).expect("ok");
        assert_eq!(report.differing_rows().count(), 2);
        assert!(report.notes.iter().any(|note| note.contains("different dialects")), "{:?}", report.notes);
        // The other way round: the archive's columns are what the database is read through.
        let report = diff(Holder::Database(&target), Holder::Archive(&archive), &DiffOptions::default(), &Silent);
        assert_eq!(report.expect("readable").differing_rows().count(), 0);
    }

    #[test]
    fn names_are_mapped_as_a_restore_maps_them() {
        let (work, source, archive) = restored();
        let mut flat = work.memory.clone();
        flat = flat.with_capabilities(|capabilities| {
            (capabilities.namespaces, capabilities.default_namespace) = (false, "only");
        });
        let target = work.at(&flat, "flat");
        restore(&archive, &target, &restore_options(2), &Silent).expect("a restore");
        assert!(work.content("flat").rows.keys().all(|name| name.namespace == "only"), "the restore mapped nothing");
        let options = VerifyOptions::default();
        for report in [
            verify_against(&archive, &target, &options, &Silent).expect("readable"),
            verify_databases(&source, &target, &options, &Silent).expect("readable"),
        ] {
            assert_eq!((report.collections.len(), report.differences().count()), (2, 0), "{report:?}");
            assert!(report.collections.iter().all(|line| {
                line.collection.namespace == "main" && line.target.as_ref().is_some_and(|name| name.namespace == "only")
            }));
        }
        let report = diff(Holder::Archive(&archive), Holder::Database(&target), &DiffOptions::default(), &Silent);
        let report = report.expect("readable");
        assert!(report.schema.iter().all(|difference| difference.change == SchemaChange::Changed), "{report:?}");
    }

    #[test]
    fn a_scratch_check_leaves_nothing() {
        let (work, _, archive) = restored();
        for (file, sql) in [("absent.db", None), ("empty.db", Some("PRAGMA user_version = 0"))] {
            let scratch = match sql {
                Some(sql) => sqlite(&work, file, sql),
                None => Endpoint::parse(&format!("sqlite:{}", work.path(file).display())).expect("a URL"),
            };
            let report = in_scratch(&archive, &scratch, &restore_options(2), &VerifyOptions::default(), &Silent);
            let report = report.expect("it can be restored");
            assert_eq!((report.verified.differences().count(), report.restored.rows), (0, 6));
            assert_eq!(report.warnings, Vec::<String>::new());
            let left = Connection::open(work.path(file)).expect("a database");
            let count: i64 =
                left.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).expect("a count");
            assert_eq!(count, 0, "{file}");
        }
    }

    #[test]
    fn a_sample_is_looked_up_by_its_keys() {
        let work = Work::new();
        let rows = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)";
        let sql =
            format!("CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); INSERT INTO t {rows} SELECT i, 'v' || i FROM n");
        let source = sqlite(&work, "source.db", &sql);
        let options = DumpOptions { row_group_bytes: 5_000, ..DumpOptions::default() };
        dump(&source, &work.path("backup"), &options, &Silent).expect("a dump");
        let archive = work.archive("backup");
        let options = VerifyOptions { sample: Some(Sample::Percent(20.0)), ..VerifyOptions::default() };
        let check = || verify_against(&archive, &source, &options, &Silent).expect("readable");
        assert_eq!(check().differences().count(), 0);
        sqlite(&work, "source.db", "UPDATE t SET v = 'x'");
        let report = check();
        let found = report.collections[0].row_differences.as_ref().expect("a closer look");
        assert!(found.changed >= 1_000 && found.changed < 5_000, "{}", found.changed);
        assert_eq!((found.missing, found.extra, found.rows[0].cells[0].column.as_str()), (0, 0, "v"));
    }
}
