//! Whether verifying finds what was changed.

use crate::support::{
    Cell, I, Null, T, Tables, Work, batch, dump_options, int, name, restore_options, shop, table, text,
};
use dbferry::archive::{Archive, ArchiveWriter, CollectionEntry, WriteOptions, pack};
use dbferry::dialect::Collection;
use dbferry::dialect::testkit::generate::{GenerateOptions, database};
use dbferry::dialect::testkit::{FaultDialect, FaultPlan};
use dbferry::dump::DumpOptions;
use dbferry::group::Selection;
use dbferry::progress::Silent;
use dbferry::verify::{VerifyOptions, VerifyReport, verify, verify_against};
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
    assert!(changed(0, &[I(1), T("z")]).contains("hash"), "a changed cell");
    assert!(changed(0, &[I(0), T("x")]).contains("hash"), "a changed number");
    assert!(changed(3, &[Null, Null]).contains("hash"), "null is not empty");
    assert!(changed(1, &[I(1), T("x")]).contains("hash"), "another row twice");
    let missing = rows_differ(&ROWS[..4]).expect("a difference");
    assert_eq!(missing, "4 rows instead of 5");
    let twice = rows_differ(&[ROWS, &ROWS[..1]].concat()).expect("a difference");
    assert_eq!(twice, "6 rows instead of 5");
    // Values that changed places between two rows of a column, so that every column still holds the same.
    let swapped = rows_differ(&[&[I(2), T("x")], &[I(1), T("y")], ROWS[2], ROWS[3], ROWS[4]]).expect("a difference");
    assert!(swapped.contains("hash"));
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
            ("orders", "0 rows instead of 3"),
            ("settings", "the database has no column value"),
        ]
    );
    assert_eq!(report.collections.len(), 6);
    assert_eq!(against(&work, "source").differences().count(), 0);
}

#[test]
fn a_column_of_another_type_is_a_difference_of_its_table() {
    let work = Work::with_backup(&shop(1), &dump_options(2));
    let other = shop(1).without("reviews").with(table("reviews", vec![int("id"), text("user_id")]), &[&[I(1), T("x")]]);
    work.insert("other", &other);
    // Many jobs and one, so that the difference is found before and after other tables.
    for jobs in [1, 4] {
        let options = VerifyOptions { resources: restore_options(jobs).resources, ..VerifyOptions::default() };
        let (archive, other) = (work.archive("backup"), work.at(&work.memory, "other"));
        let report = verify_against(&archive, &other, &options, &Silent).expect("readable");
        let found: Vec<_> = report.differences().collect();
        assert_eq!((found.len(), report.collections.len()), (1, 6));
        assert_eq!(found[0].collection, name("reviews"));
        let difference = found[0].difference.as_deref().expect("a difference");
        assert!(difference.starts_with("column user_id cannot be read as the archive's type: "), "{difference}");
    }
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
    let mut encoder = into.encoder().expect("an encoder");
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
