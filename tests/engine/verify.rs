//! Whether verifying finds what was changed.

use crate::support::{
    Cell, I, Null, T, Tables, Work, batch, bytes, dump_options, int, name, restore_options, shop, table, text,
};
use dbferry::archive::{Archive, ArchiveWriter, CollectionEntry, WriteOptions, pack};
use dbferry::dialect::Collection;
use dbferry::dialect::testkit::generate::{GenerateOptions, database};
use dbferry::dialect::testkit::{FaultDialect, FaultPlan};
use dbferry::dump::{DumpOptions, dump};
use dbferry::endpoint::Endpoint;
use dbferry::group::Selection;
use dbferry::progress::Silent;
use dbferry::resources::Resources;
use dbferry::verify::{
    RowDifferenceKind, RowDifferences, Sample, VerifyOptions, VerifyReport, in_scratch, verify, verify_against,
    verify_databases,
};
use dbferry::{Error, ErrorKind};
use std::fs;
use std::path::Path;

fn check(work: &Work, archive: &str) -> Result<VerifyReport, Error> {
    verify(&Archive::open(&work.path(archive))?, &VerifyOptions::default(), &Silent)
}

fn against(work: &Work, database: &str) -> VerifyReport {
    let archive = work.archive("backup");
    verify_against(&archive, &work.at(&work.memory, database), &VerifyOptions::default(), &Silent).expect("readable")
}

/// A table without a key, so that rows can be duplicates.
fn plain() -> Collection {
    Collection::table(name("t"), vec![int("a"), text("b")])
}

const ROWS: &[&[Cell]] = &[&[I(1), T("x")], &[I(2), T("y")], &[I(2), T("y")], &[Null, T("")], &[I(3), Null]];

fn rows_differ(rows: &[&[Cell]]) -> Option<String> {
    let work = Work::with_backup(&Tables::default().with(plain(), ROWS), &dump_options(2));
    work.insert("other", &Tables::default().with(plain(), rows));
    let report = against(&work, "other");
    assert_eq!(report.collections.len(), 1);
    report.collections[0].difference.clone()
}

#[test]
fn the_order_of_rows_does_not_matter_and_everything_else_does() {
    assert_eq!(rows_differ(ROWS), None);
    let mut turned = ROWS.to_vec();
    turned.reverse();
    assert_eq!(rows_differ(&turned), None);
    let changed = |row: usize, cells: &'static [Cell]| {
        let mut rows = ROWS.to_vec();
        rows[row] = cells;
        rows_differ(&rows).expect("a difference")
    };
    let one_other = "1 row is missing, 1 row is extra";
    assert_eq!(changed(0, &[I(1), T("z")]), one_other, "a changed cell");
    assert_eq!(changed(0, &[I(0), T("x")]), one_other, "a changed number");
    assert_eq!(changed(3, &[Null, Null]), one_other, "null is not empty");
    assert_eq!(changed(1, &[I(1), T("x")]), one_other, "another row twice");
    let missing = rows_differ(&ROWS[..4]).expect("a difference");
    assert_eq!(missing, "4 rows instead of 5: 1 row is missing");
    let twice = rows_differ(&[ROWS, &ROWS[..1]].concat()).expect("a difference");
    assert_eq!(twice, "6 rows instead of 5: 1 row is extra");
    // Values that changed places between two rows of a column, so that every column still holds the same.
    let swapped = rows_differ(&[&[I(2), T("x")], &[I(1), T("y")], ROWS[2], ROWS[3], ROWS[4]]).expect("a difference");
    assert_eq!(swapped, "2 rows are missing, 2 rows are extra");
}

#[test]
fn tables_and_columns_that_are_gone_are_told_and_the_others_still_compared() {
    let work = Work::with_backup(&shop(1), &dump_options(2));
    let mut other = shop(1).without("audit").without("settings");
    other = other.with(table("settings", vec![int("id")]), &[]);
    other.rows.retain(|(table, _)| *table != name("orders"));
    work.insert("other", &other);
    let report = against(&work, "other");
    let found: Vec<(&str, &str)> = report
        .differences()
        .map(|found| (found.collection.name.as_str(), found.difference.as_deref().unwrap_or_default()))
        .collect();
    let mut sorted = found.clone();
    sorted.sort_unstable();
    assert_eq!(
        sorted,
        [
            ("audit", "it is not in the database"),
            ("orders", "0 rows instead of 3: 3 rows are missing"),
            ("settings", "the database has no column value; 0 rows instead of 2: 2 rows are missing"),
        ]
    );
    assert_eq!(report.collections.len(), 6);
    assert_eq!(against(&work, "source").differences().count(), 0);
}

#[test]
fn a_column_of_another_type_is_a_difference_of_its_table() {
    let work = Work::with_backup(&shop(1), &dump_options(2));
    let other =
        shop(1).without("reviews").with(table("reviews", vec![int("id"), bytes("user_id")]), &[&[I(1), T("x")]]);
    work.insert("other", &other);
    // Many jobs and one, so that the difference is found before and after other tables.
    for jobs in [1, 4] {
        let options = VerifyOptions { resources: restore_options(jobs).resources, ..VerifyOptions::default() };
        let (archive, other) = (work.archive("backup"), work.at(&work.memory, "other"));
        let report = verify_against(&archive, &other, &options, &Silent).expect("readable");
        let found: Vec<_> = report.not_compared().collect();
        assert_eq!((found.len(), report.collections.len()), (1, 6));
        assert_eq!(found[0].collection, name("reviews"));
        assert_eq!(found[0].not_compared.len(), 1);
        assert_eq!(found[0].not_compared[0].column, "user_id");
        // The column that can be read is compared all the same.
        assert_eq!(found[0].difference.as_deref(), Some("1 rows instead of 2: 2 rows are missing, 1 row is extra"));
        assert_eq!(report.differences().count(), 1);
    }
}

fn keyed() -> Collection {
    table("t", vec![int("id"), text("a"), int("b")])
}

const KEYED: &[&[Cell]] =
    &[&[I(1), T("x"), I(1)], &[I(2), T("y"), Null], &[I(3), T("z"), I(3)], &[I(10), T("w"), I(4)]];

#[test]
fn a_difference_is_traced_to_its_row_and_its_column() {
    let work = Work::with_backup(&Tables::default().with(keyed(), KEYED), &dump_options(2));
    let rows: &[&[Cell]] =
        &[&[I(10), T("w"), I(4)], &[I(2), T("Y"), I(0)], &[I(3), T("z"), I(3)], &[I(11), Null, Null]];
    work.insert("other", &Tables::default().with(keyed(), rows));
    let report = against(&work, "other");
    let found = report.collections[0].row_differences.as_ref().expect("a closer look");
    assert_eq!((found.changed, found.missing, found.extra, found.complete), (1, 1, 1, true));
    assert_eq!(found.key, ["id"]);
    assert_eq!((found.first_key.as_deref(), found.last_key.as_deref()), (Some("1"), Some("11")));
    let cells = |row: usize| -> Vec<(&str, Option<&str>, Option<&str>)> {
        let cells = found.rows[row].cells.iter();
        cells.map(|cell| (cell.column.as_str(), cell.source.as_deref(), cell.target.as_deref())).collect()
    };
    use RowDifferenceKind::{Changed, Extra, Missing};
    let kinds: Vec<_> = found.rows.iter().map(|row| (row.kind, row.key[0].value.as_str())).collect();
    assert_eq!(kinds, [(Missing, "1"), (Changed, "2"), (Extra, "11")], "by the numbers, not by their texts");
    assert_eq!(cells(0), [("id", Some("1"), None), ("a", Some("'x'"), None), ("b", Some("1"), None)]);
    assert_eq!(cells(1), [("a", Some("'y'"), Some("'Y'")), ("b", Some("null"), Some("0"))]);
    assert_eq!(cells(2), [("id", None, Some("11")), ("a", None, Some("null")), ("b", None, Some("null"))]);

    let (archive, other) = (work.archive("backup"), work.at(&work.memory, "other"));
    for (differences, told) in [(0, None), (1, Some(1)), (100, Some(3))] {
        let options = VerifyOptions { differences, ..VerifyOptions::default() };
        let report = verify_against(&archive, &other, &options, &Silent).expect("readable");
        let found = report.collections[0].row_differences.as_ref();
        assert_eq!(found.map(|found| found.rows.len()), told);
        assert_eq!(found.map(RowDifferences::count), told.map(|_| 3), "all are counted whatever is told");
    }
}

#[test]
fn two_databases_are_compared_row_by_row() {
    let work = Work::new();
    work.insert("source", &shop(1));
    let mut changed = shop(1).without("users");
    changed = changed.with(
        table("users", vec![int("id"), text("name")]),
        &[&[I(1002), Null], &[I(1000), T("ann")], &[I(1001), T("rob")]],
    );
    work.insert("target", &changed);
    let compare = |target: &str| {
        let (source, target) = (work.at(&work.memory, "source"), work.at(&work.memory, target));
        verify_databases(&source, &target, &VerifyOptions::default(), &Silent).expect("readable")
    };
    let report = compare("source");
    assert_eq!((report.collections.len(), report.differences().count(), report.id), (7, 0, None));
    assert_eq!(report.collections.iter().map(|line| line.rows).sum::<u64>(), 15);
    let report = compare("target");
    let found: Vec<_> = report.differences().collect();
    assert_eq!((found.len(), &found[0].collection), (1, &name("users")));
    let row = &found[0].row_differences.as_ref().expect("a closer look").rows[0];
    assert_eq!((row.key[0].value.as_str(), row.cells[0].column.as_str()), ("1001", "name"));

    let selection = Selection { groups: Some(vec!["user".into()]), ..Selection::default() };
    let options = VerifyOptions { selection, ..VerifyOptions::default() };
    let source = work.at(&work.memory, "source");
    let error = verify_databases(&source, &source, &options, &Silent).expect_err("no groups");
    assert_eq!(error.kind(), ErrorKind::Usage);
}

/// `rows` rows of a key, a text and a number.
fn many(rows: i64, change: impl Fn(i64) -> Option<i64>) -> Tables {
    let numbers = || (0..rows).filter(|id| change(*id) != Some(-1));
    let cells: Vec<[Cell; 3]> = numbers().map(|id| [I(id), T("some text"), change(id).map_or(I(id % 7), I)]).collect();
    let rows: Vec<&[Cell]> = cells.iter().map(|row| &row[..]).collect();
    Tables::default().with(keyed(), &rows)
}

#[test]
fn one_cell_of_many_rows_is_found_and_too_many_are_counted_in_part() {
    const ROWS: i64 = 40_000;
    let work = Work::with_backup(&many(ROWS, |_| None), &DumpOptions { row_group_bytes: 50_000, ..dump_options(2) });
    work.insert("one", &many(ROWS, |id| (id == 31_234).then_some(99)));
    let report = against(&work, "one");
    let found = report.collections[0].row_differences.as_ref().expect("a closer look");
    assert_eq!((found.count(), found.slices_differing, found.complete), (1, 1, true));
    assert!(found.slices >= 1024, "{}", found.slices);
    let (row, cell) = (&found.rows[0], &found.rows[0].cells[0]);
    assert_eq!((row.key[0].value.as_str(), cell.column.as_str()), ("31234", "b"));
    assert_eq!((cell.source.as_deref(), cell.target.as_deref()), (Some("0"), Some("99")));

    // Every row differs, and no more memory may be used than for a part of them.
    work.insert("all", &many(ROWS, |_| Some(50)));
    let resources = Resources { jobs: 2, memory: 8 << 20 };
    let options = VerifyOptions { resources, ..VerifyOptions::default() };
    let (archive, all) = (work.archive("backup"), work.at(&work.memory, "all"));
    let report = verify_against(&archive, &all, &options, &Silent).expect("readable");
    let found = report.collections[0].row_differences.as_ref().expect("a closer look");
    assert!(!found.complete && found.changed > 100 && found.changed < 20_000, "{}", found.changed);
    assert_eq!(
        (found.missing, found.extra, found.rows.len()),
        (0, 0, 10),
        "a row is looked at on both sides or on none"
    );
    assert_eq!(found.slices_differing, found.slices);
    let difference = report.collections[0].difference.as_deref().expect("a difference");
    assert!(
        difference.contains("too many rows differ to hold them all") && difference.contains("; of a part of them "),
        "{difference}"
    );
}

#[test]
fn a_sample_finds_what_it_looks_at() {
    const ROWS: i64 = 2_000;
    let work = Work::with_backup(&many(ROWS, |_| None), &DumpOptions { row_group_bytes: 5_000, ..dump_options(2) });
    let archive = work.archive("backup");
    let groups = archive.manifest().collections[0].row_groups.len();
    assert!(groups >= 10, "{groups} row groups");
    work.insert("same", &many(ROWS, |_| None));
    work.insert("gone", &many(ROWS, |id| (id % 2 == 0).then_some(-1)));
    let verify_sample = |database: &str, sample: Sample| {
        let options = VerifyOptions { sample: Some(sample), ..VerifyOptions::default() };
        verify_against(&archive, &work.at(&work.memory, database), &options, &Silent).expect("readable")
    };
    let report = verify_sample("same", Sample::Percent(10.0));
    assert_eq!(report.differences().count(), 0);
    assert!(report.notes.iter().any(|note| note.contains("looked up") && note.contains("nothing of other rows")));
    let report = verify_sample("gone", Sample::Rows(300));
    let found = report.collections[0].row_differences.as_ref().expect("missing rows");
    assert!(found.missing >= 150 && found.missing < 1_000, "half of the sample: {}", found.missing);
    assert_eq!((found.changed, found.extra), (0, 0));
    // What is not looked at is not found: the sample is the same each time.
    let again = verify_sample("gone", Sample::Rows(300));
    assert_eq!(again.collections[0].row_differences.as_ref(), Some(found));

    let options = VerifyOptions { sample: Some(Sample::Percent(10.0)), ..VerifyOptions::default() };
    let report = verify(&archive, &options, &Silent).expect("whole");
    assert!(report.notes[0].contains("rows were decoded") && report.notes[0].contains("not proven"));
}

#[test]
fn a_scratch_database_must_be_empty() {
    let work = Work::with_backup(&shop(1), &dump_options(2));
    work.insert("full", &shop(2));
    let before = work.content("full");
    let error = in_scratch(
        &work.archive("backup"),
        &work.at(&work.memory, "full"),
        &restore_options(2),
        &VerifyOptions::default(),
        &Silent,
    )
    .expect_err("not empty");
    assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
    assert_eq!(before.differences(&work.content("full")), Vec::<String>::new());
}

#[test]
fn a_selection_is_all_that_is_looked_at() {
    let work = Work::with_backup(&shop(1), &dump_options(2));
    work.insert("other", &shop(2));
    let selection = Selection { tables: vec!["audit".into()], ..Selection::default() };
    let options = VerifyOptions { selection, ..VerifyOptions::default() };
    let (archive, other) = (work.archive("backup"), work.at(&work.memory, "other"));
    let report = verify_against(&archive, &other, &options, &Silent).expect("readable");
    assert_eq!(report.collections.len(), 1);
    assert_eq!(report.differences().count(), 1);
    assert_eq!(verify(&archive, &options, &Silent).expect("whole").collections.len(), 1);
    let unknown = Selection { tables: vec!["nothing".into()], ..Selection::default() };
    let options = VerifyOptions { selection: unknown, ..VerifyOptions::default() };
    assert_eq!(verify(&archive, &options, &Silent).expect_err("a slip").kind(), ErrorKind::Usage);
}

#[test]
fn a_cancelled_run_says_so() {
    let work = Work::with_backup(&shop(1), &dump_options(2));
    let options = VerifyOptions::default();
    options.cancel.cancel();
    let (archive, source) = (work.archive("backup"), work.at(&work.memory, "source"));
    assert_eq!(verify(&archive, &options, &Silent).expect_err("cancelled").kind(), ErrorKind::Cancelled);
    let cancelled = verify_against(&archive, &source, &options, &Silent).expect_err("cancelled");
    assert_eq!(cancelled.kind(), ErrorKind::Cancelled);
}

/// Archives one generated database with exceptions in it, in `backup` and packed in `backup.zip`.
fn generated() -> Work {
    let work = Work::new();
    let (schema, rows) = (0..)
        .map(|seed| database(seed, &GenerateOptions::default()))
        .find(|(_, rows)| rows.iter().any(|(_, batches)| batches.iter().any(|batch| batch.exceptions.len() > 5)))
        .expect("endless");
    work.memory.insert("source", &schema, &rows).expect("good rows");
    work.dump("source", "backup", &DumpOptions { row_group_bytes: 500, ..DumpOptions::default() }).expect("a dump");
    pack(&work.path("backup"), &work.path("backup.zip")).expect("a packed archive");
    work
}

/// Flips one bit at `places` places of a file, one at a time; each must be found.
fn expect_flips_found(work: &Work, archive: &str, file: &Path, places: usize) {
    let whole = fs::read(file).expect("a file");
    for place in 0..places {
        let mut damaged = whole.clone();
        let position = place * (whole.len() - 1) / (places - 1);
        damaged[position] ^= 1 << (place % 8);
        fs::write(file, &damaged).expect("a file");
        let error = check(work, archive).expect_err("damage");
        assert_eq!(error.kind(), ErrorKind::ArchiveDamaged, "byte {position} of {}: {error}", file.display());
    }
    // Half of it: the last byte of the manifest is a line break that nobody misses.
    fs::write(file, &whole[..whole.len() / 2]).expect("a file");
    assert_eq!(check(work, archive).expect_err("cut").kind(), ErrorKind::ArchiveDamaged);
    fs::write(file, whole).expect("a file");
    check(work, archive).expect("whole again");
}

#[test]
fn damage_of_every_file_is_found() {
    let work = generated();
    let archive = work.archive("backup");
    let listed = archive.manifest().files().map(|file| work.path("backup").join(&file.path));
    let mut files: Vec<_> = listed.collect();
    assert!(files.iter().any(|file| file.to_string_lossy().ends_with("exceptions.parquet")));
    files.push(work.path("backup").join("manifest.json"));
    for file in &files {
        expect_flips_found(&work, "backup", file, 9);
    }
    for file in &files[..files.len() - 1] {
        let aside = work.path("aside");
        fs::rename(file, &aside).expect("a move");
        assert_eq!(check(&work, "backup").expect_err("missing").kind(), ErrorKind::ArchiveDamaged);
        fs::rename(aside, file).expect("a move");
    }
    // Two files that are each whole, in each other's place.
    let [one, other] = [&files[0], files.iter().rev().nth(1).expect("two files")];
    let (first, second) = (fs::read(one).expect("a file"), fs::read(other).expect("a file"));
    fs::write(one, second).expect("a file");
    fs::write(other, first).expect("a file");
    assert_eq!(check(&work, "backup").expect_err("exchanged").kind(), ErrorKind::ArchiveDamaged);
}

#[test]
fn a_packed_archive_is_verified_in_place() {
    let work = generated();
    let report = check(&work, "backup.zip").expect("whole");
    assert_eq!(report.collections.len(), work.archive("backup").manifest().collections.len());
    let path = work.path("backup.zip");
    let whole = fs::read(&path).expect("a file");
    let mut found = 0;
    for place in 1..20 {
        let mut damaged = whole.clone();
        damaged[place * whole.len() / 20] ^= 0x10;
        fs::write(&path, &damaged).expect("a file");
        match check(&work, "backup.zip") {
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::ArchiveDamaged, "{error}");
                found += 1;
            }
            // A byte of the zip's own frame that nothing depends on.
            Ok(report) => assert_eq!(report.collections.len(), 4),
        }
    }
    assert!(found >= 17, "{found} of 19");
}

/// Writes an archive that is whole in bytes, footers and counts, and whose rows are not those of its hash.
fn forge(work: &Work) {
    let source = work.archive("backup");
    let mut manifest = source.manifest().clone();
    let writer = ArchiveWriter::create(&work.path("forged"), WriteOptions::default()).expect("a writer");
    let entry = manifest.collections.remove(0);
    let (collection, group) = (entry.collection.clone(), entry.group.clone());
    let mut into = writer.collection(&collection, &group, &manifest.source).expect("a writer");
    let mut encoder = into.encoder();
    encoder.write(&batch(&collection, &[ROWS[0], ROWS[1], ROWS[2], ROWS[3], ROWS[0]])).expect("room");
    into.append(encoder.finish().expect("a row group")).expect("a row group");
    let hash = entry.row_hash().expect("a hash");
    let files = into.finish(hash).expect("files");
    manifest.collections.push(CollectionEntry::new(collection, group.as_str(), entry.rule, hash, files));
    manifest.count_groups([group.as_str()]);
    writer.finish(manifest).expect("an archive");
}

#[test]
fn rows_that_are_not_those_that_were_dumped_are_found_in_whole_files() {
    let work = Work::with_backup(&Tables::default().with(plain(), ROWS), &dump_options(1));
    forge(&work);
    let error = check(&work, "forged").expect_err("other rows");
    assert_eq!(error.kind(), ErrorKind::ArchiveDamaged);
    assert!(error.message().starts_with("the rows hash to"), "{error}");
    let bytes_only = VerifyOptions { skip_rows: true, ..VerifyOptions::default() };
    verify(&work.archive("forged"), &bytes_only, &Silent).expect("whole in bytes");
    // Nor are they restored.
    work.insert("target", &Tables::default().with(plain(), &ROWS[..1]));
    for database in ["target", "new"] {
        let error = work.refused("forged", database, &restore_options(2));
        assert_eq!(error.kind(), ErrorKind::ArchiveDamaged, "{error}");
    }
}

#[test]
fn damage_is_found_before_anything_is_touched() {
    let work = Work::with_backup(&shop(1), &dump_options(2));
    work.insert("target", &shop(2));
    let archive = work.archive("backup");
    for file in archive.manifest().files() {
        let path = work.path("backup").join(&file.path);
        let whole = fs::read(&path).expect("a file");
        let mut damaged = whole.clone();
        // Within the first page, which no footer tells anything about.
        damaged[5] ^= 1;
        fs::write(&path, damaged).expect("a file");
        // Also where the damage is in the last group, and the first could be replaced.
        let error = work.refused("backup", "target", &restore_options(2));
        assert_eq!(error.kind(), ErrorKind::ArchiveDamaged, "{error}");
        fs::write(&path, whole).expect("a file");
    }
    work.restore("backup", "target", &restore_options(2)).expect("whole again");
}

#[test]
fn a_database_that_fails_while_it_is_read_is_a_failure() {
    let work = Work::with_backup(&shop(1), &dump_options(2));
    let archive = work.archive("backup");
    for number in 1.. {
        let plan = FaultPlan::fail_at(number);
        let faulty = FaultDialect::new(work.memory.clone(), plan.clone());
        let result = verify_against(&archive, &work.at(&faulty, "source"), &VerifyOptions::default(), &Silent);
        if !plan.has_failed() {
            assert_eq!(result.expect("readable").differences().count(), 0);
            assert!(plan.operations().contains(&"snapshot.finish"), "nobody asked whether something moved");
            break;
        }
        let error = result.expect_err("a fault");
        assert!(FaultPlan::is_injected(&error), "another error hides the cause: {error}");
    }
}

#[test]
fn strays_are_told() {
    let work = Work::with_backup(&shop(1), &dump_options(1));
    assert_eq!(check(&work, "backup").expect("whole").strays, Vec::<String>::new());
    fs::write(work.path("backup").join("data/note.txt"), "x").expect("a file");
    assert_eq!(check(&work, "backup").expect("whole").strays, ["data/note.txt"]);
}

/// A file of a few kilobytes may hold rows of any size: zeros are packed well.
#[test]
fn a_strangers_rows_have_to_fit_into_memory() {
    let directory = tempfile::TempDir::new().expect("a temporary directory");
    let file = directory.path().join("large.sqlite");
    let connection = rusqlite::Connection::open(&file).expect("a database");
    let sql = "CREATE TABLE t (id INTEGER PRIMARY KEY, b BLOB); INSERT INTO t VALUES (1, zeroblob(60000000))";
    connection.execute_batch(sql).expect("a large value");
    drop(connection);
    let source = Endpoint::parse(&format!("sqlite:{}", file.display())).expect("a URL");
    let path = directory.path().join("backup");
    dump(&source, &path, &DumpOptions::default(), &Silent).expect("a dump");
    let archive = Archive::open(&path).expect("an archive");
    let verified = |memory: u64, within_memory: bool| {
        let resources = Resources { jobs: 1, memory };
        verify(&archive, &VerifyOptions { resources, within_memory, ..VerifyOptions::default() }, &Silent)
    };
    let refused = verified(32 << 20, true).expect_err("60 MB in 32 MiB");
    assert_eq!(refused.kind(), ErrorKind::Refused, "{refused}");
    verified(64 << 20, true).expect("room enough");
    verified(32 << 20, false).expect("one's own archive");
}
