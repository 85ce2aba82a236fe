//! Parquet files of other writers: what they become, and what is refused. The files in `fixtures/foreign` were made by
//! pyarrow and DuckDB (`make.py` beside them).

use crate::support::{I, Null, Tables, Work, archived_rows, batch, dump_options, int, restore_options, shop, table};
use dbferry::archive::{Archive, CollectionEntry};
use dbferry::dialect::exception::{ExceptionReason, NativeValue};
use dbferry::dialect::{Batch, Exception};
use dbferry::group::{GroupRules, Rule, Unmatched};
use dbferry::import::{ImportOptions, import, is_importable, open};
use dbferry::progress::{Event, Progress, Silent};
use dbferry::resources::Resources;
use dbferry::restore::restore;
use dbferry::{Error, ErrorKind};
use parquet::data_type::{ByteArray, ByteArrayType, DataType, Int96, Int96Type};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

fn fixture(name: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/foreign")).join(name)
}

fn options() -> ImportOptions {
    ImportOptions { resources: Resources { jobs: 2, memory: 64 << 20 }, ..ImportOptions::default() }
}

fn imported(name: &str) -> Archive {
    import(&fixture(name), &options(), &Silent).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn refused(name: &str) -> Error {
    import(&fixture(name), &options(), &Silent).map(|_| ()).expect_err(name)
}

fn entry<'a>(archive: &'a Archive, name: &str) -> &'a CollectionEntry {
    let entries = &archive.manifest().collections;
    entries.iter().find(|entry| entry.collection.name.to_string() == name).unwrap_or_else(|| panic!("no {name}"))
}

#[test]
fn every_type_of_pyarrow_keeps_its_values() {
    let archive = imported("types");
    let entry = entry(&archive, "main.types");
    let rows = archived_rows(&archive, entry);
    let expected = [
        r#"flag=true | i8=-128 | i16=-32768 | i32=-2147483648 | i64=-9223372036854775808 | u8=0 | u16=0 | u32=0 | u64=0"#,
        r#"f16=1.5 | f32=1.5 | f64=1.5 | d32=125e-2 | d64=125e-2 | d128=125e-2 | d256=125e-2 | text="" | large="""#,
        r#"view="" | word="a" | bytes=x | fixed=x61626364 | uuid=x30313233343536373839616263646566"#,
        r#"json="{\"a\": 1}" | date=day -719162 | date64=day -1 | time_s=time 3723000000us | time_ms=time 3723004000us"#,
        r#"time_us=time 3723000004us | time_ns=time 3723000004us | ts_s=local 1795482123000000us"#,
        r#"ts_ms=local 1795482123456000us | ts_us=local 1795482123456789us | ts_ns=local 1795482123456789us"#,
        r#"at=utc 1795482123456789us | lasts=-86400000000 | list=[1, null] | words=["a", null] | pair={x: 1, y: "a"}"#,
        r#"map={"a" => "1", "b" => null} | counts=[{key: "a", value: 1}] | nothing=null"#,
    ];
    assert_eq!(rows[0], expected.join(" | "));
    assert!(rows[1].split(" | ").all(|cell| cell.ends_with("=null")), "{}", rows[1]);
    for cell in [
        "u64=9223372036854775807",
        "f16=-0.25",
        "d32=-999999999e-2",
        "text=\"Zoë 🦀\"",
        "view=\"a view of more than twelve bytes\"",
        "date=day 2932896",
        "ts_us=local -62135596800000000us",
        "list=[]",
        "pair={x: null, y: null}",
        "map={}",
    ] {
        assert!(rows[2].split(" | ").any(|found| found == cell), "{cell}: {}", rows[2]);
    }
    let types: Vec<String> = entry.collection.columns.iter().map(|column| column.logical.to_string()).collect();
    for (position, expected) in [(12, "decimal(9,2)"), (19, "text"), (22, "uuid"), (23, "json"), (35, "span(6)")] {
        assert_eq!(types[position], expected);
    }
    assert!(entry.collection.columns.iter().all(|column| column.nullable));
}

#[test]
fn a_folder_of_duckdb_is_a_database() {
    let archive = imported("shop");
    let names: Vec<_> = archive
        .manifest()
        .collections
        .iter()
        .map(|entry| {
            let parts = entry.row_groups.len();
            (entry.collection.name.to_string(), entry.rows, parts, entry.file.as_ref().expect("a file").path.clone())
        })
        .collect();
    let line = |name: &str, rows, parts, path: &str| (name.to_owned(), rows, parts, path.to_owned());
    assert_eq!(
        names,
        [
            line("audit.log", 1, 1, "audit/log.parquet"),
            line("main.customers", 5, 1, "customers.parquet"),
            line("main.nobody", 0, 0, "nobody.parquet"),
            line("main.orders", 100, 4, "orders/"),
        ]
    );
    assert_eq!(archive.manifest().not_carried[0].name, "schema.sql");
    assert_eq!(archive.manifest().source.product, "DuckDB");
    let rows = archived_rows(&archive, entry(&archive, "main.orders"));
    assert_eq!(rows[29], "id=30 | customer_id=1 | total=3750e-2 | placed=local 1793599200000000us | note=null");
    assert_eq!(rows.len(), 100);
    // Months, days and milliseconds are three numbers, and none of them is lost.
    let rows = archived_rows(&archive, entry(&archive, "audit.log"));
    let took = "took={months: 12, days: 2, micros: 3000000}";
    assert_eq!(rows, [format!("id=1 | {took} | pauses=[{{months: 0, days: 3, micros: 0}}, null]")]);
}

#[test]
fn the_same_files_are_the_same_archive() {
    let jobs = |jobs| {
        let options = ImportOptions { resources: Resources { jobs, memory: 128 << 20 }, ..options() };
        import(&fixture("shop"), &options, &Silent).expect("an import").manifest().clone()
    };
    let (one, four) = (jobs(1), jobs(4));
    assert_eq!(one, four);
    assert_ne!(one.id, imported("types").manifest().id);
    assert_ne!(entry(&imported("shop"), "main.orders").hash, "0".repeat(32));
}

#[test]
fn parts_that_agree_are_one_table() {
    let archive = imported("parts");
    let rows = archived_rows(&archive, entry(&archive, "main.parts"));
    assert_eq!(
        rows,
        ["id=1 | note=null", "id=2 | note=null", r#"id=3 | note="a""#, r#"id=4 | note="b""#, r#"id=5 | note="c""#]
    );
}

#[test]
fn rules_give_groups_and_skip() {
    let rule = |group: &str, table: &str| Rule::tables(group, &[table]).expect("a rule");
    let rules = vec![rule("user", "customers"), rule("log", "audit.*"), rule("skipped", "nobody")];
    let rules = GroupRules::new(rules, Vec::new(), Unmatched::Unknown);
    let options = ImportOptions { rules, namespace: "public".into(), ..options() };
    let archive = import(&fixture("shop"), &options, &Silent).expect("an import");
    let groups: Vec<_> = archive.manifest().groups.iter().map(|group| (group.name.as_str(), group.rows)).collect();
    assert_eq!(groups, [("user", 5), ("log", 1), ("unknown", 100)]);
    assert_eq!(entry(&archive, "public.orders").rule, "no rule matched");
    assert!(archive.manifest().not_carried.iter().any(|missing| missing.name == "public.nobody"));
}

#[test]
fn what_cannot_be_held_is_refused_by_name() {
    let damaged = ErrorKind::ArchiveDamaged;
    for (name, kind, expected) in [
        (
            "refused/nanoseconds.parquet",
            ErrorKind::Unsupported,
            &["finer than microseconds", "1001", "column at", "row 3"][..],
        ),
        ("refused/int96.parquet", ErrorKind::Unsupported, &["finer than microseconds", "column at", "row 3"]),
        ("refused/twice.parquet", ErrorKind::Unsupported, &["same name", "column id"]),
        ("refused/empty.parquet", ErrorKind::Unsupported, &["no columns"]),
        ("refused/gzip.parquet", ErrorKind::Unsupported, &["gzip"]),
        (
            "refused/mixed",
            ErrorKind::Unsupported,
            &["int32", "int64 in part-0.parquet", "column id", "file part-1.parquet"],
        ),
        ("refused/renamed", ErrorKind::Unsupported, &["\"id\"", "column ID", "file part-1.parquet"]),
        ("refused/hive", ErrorKind::Unsupported, &["partition", "year=2026"]),
        ("make.py", damaged, &["begin and end"]),
    ] {
        let error = refused(name);
        assert_eq!(error.kind(), kind, "{name}: {error}");
        expected.iter().for_each(|part| assert!(error.to_string().contains(part), "{name}: {error}"));
        assert!(error.remedy().is_some() || name.contains("twice") || name.contains("empty"), "{name}: {error}");
    }
}

#[test]
fn remains_of_an_archive_are_not_foreign() {
    let work = Work::with_backup(&shop(1), &dump_options(2));
    let archive = work.path("backup");
    let kind = || open(&archive, &options(), &Silent).map(|archive| archive.is_foreign()).map_err(|error| error.kind());
    assert_eq!(kind(), Ok(false));
    fs::rename(archive.join("manifest.json"), archive.join("manifest.json.partial")).expect("a move");
    assert_eq!(kind(), Err(ErrorKind::ArchiveNotFound));
    fs::remove_file(archive.join("manifest.json.partial")).expect("a file");
    assert_eq!(kind(), Err(ErrorKind::ArchiveNotFound), "its files tell");
    fs::write(archive.join("manifest.json"), "{}").expect("a file");
    assert_eq!(kind(), Err(ErrorKind::ArchiveDamaged));
    // Whoever names the files themselves wants their rows.
    let files = archive.join("data/user");
    assert!(is_importable(&files) && !is_importable(&archive) && !is_importable(&work.path("nothing")));
    let imported = import(&files, &options(), &Silent).expect("an import");
    let users = entry(&imported, "main.main.users");
    assert_eq!(users.collection.columns[0].native.text, "Int64");
    assert!(users.rows > 0);
}

#[test]
fn exceptions_that_are_missing_are_missed() {
    let users = table("users", vec![int("id"), int("age")]);
    let mut rows = batch(&users, &[&[I(1), I(30)], &[I(2), Null]]);
    let value = NativeValue::Text("old".into());
    rows.exceptions.push(Exception { row: 1, column: 1, reason: ExceptionReason::StorageClass, value });
    let mut tables = Tables::default().with(users, &[]);
    tables.rows[0].1 = vec![rows];
    let work = Work::with_backup(&tables, &dump_options(1));
    let files = work.path("backup/data/user");
    let named = |name: &str| import(&files.join(name), &options(), &Silent).map(|_| ()).expect_err(name);
    let error = named("main.users.exceptions.parquet");
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    let error = named("main.users.parquet");
    assert_eq!(error.kind(), ErrorKind::ArchiveDamaged, "{error}");
    assert!(error.remedy().is_some_and(|hint| hint.contains("exceptions")), "{error:?}");
}

#[test]
fn a_folder_restores_like_an_archive() {
    let work = Work::new();
    let target = work.at(&work.memory, "target");
    let archive = imported("shop");
    let report = restore(&archive, &target, &restore_options(2), &Silent).expect("a restore");
    assert_eq!((report.rows, report.archive), (106, Some(archive.manifest().id.clone())));
    assert_eq!(work.rows("target", "orders").len(), 100);
    let plan = dbferry::restore::plan(&archive, &target, &restore_options(2)).expect("a plan");
    assert!(plan.overwrites() && plan.problems().is_empty());
}

#[test]
fn a_file_that_changes_after_the_first_look_is_noticed() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("customers.parquet");
    fs::copy(fixture("shop/customers.parquet"), &file).expect("a copy");
    let archive = import(directory.path(), &options(), &Silent).expect("an import");
    fs::copy(fixture("shop/nobody.parquet"), &file).expect("a copy");
    let work = Work::new();
    let error =
        restore(&archive, &work.at(&work.memory, "target"), &restore_options(1), &Silent).expect_err("a change");
    assert_eq!(error.kind(), ErrorKind::ArchiveDamaged, "{error}");
    assert!(work.memory.content("target").is_none_or(|content| content.rows.is_empty()), "the target is as it was");
}

#[test]
fn no_altered_byte_does_more_than_an_error() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut errors = 0;
    for name in ["types/types.parquet", "shop/orders/data_0.parquet", "int96/spark.parquet", "parts/part-1.parquet"] {
        let original = fs::read(fixture(name)).expect("a file");
        let path = directory.path().join("t.parquet");
        let mut import = |content: &[u8]| {
            fs::write(&path, content).expect("a file");
            if let Err(error) = import(&path, &options(), &Silent) {
                let known = [ErrorKind::ArchiveDamaged, ErrorKind::Unsupported, ErrorKind::ArchiveNotFound];
                assert!(known.contains(&error.kind()), "{error:?}");
                errors += 1;
            }
        };
        for position in (0..original.len()).step_by(original.len() / 120 + 1) {
            for flip in [0x01, 0x80, 0xff] {
                let mut content = original.clone();
                content[position] ^= flip;
                import(&content);
            }
        }
        for length in [0, 4, 12, original.len() / 2, original.len() - 1] {
            import(&original[..length]);
        }
    }
    assert!(errors > 300, "{errors}");
}

/// Writes a file with the low-level writer, as no Arrow writer does it.
fn written<T: DataType>(schema: &str, values: &[T::T]) -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("t.parquet");
    let schema = Arc::new(parse_message_type(schema).expect("a schema"));
    let file = fs::File::create(&path).expect("a file");
    let mut writer = SerializedFileWriter::new(file, schema, Arc::default()).expect("a writer");
    let mut row_group = writer.next_row_group().expect("a row group");
    let mut column = row_group.next_column().expect("a column").expect("a column");
    column.typed::<T>().write_batch(values, None, None).expect("values");
    column.close().expect("a column");
    row_group.close().expect("a row group");
    writer.close().expect("a file");
    (directory, path)
}

#[test]
fn int96_reaches_beyond_nanoseconds() {
    let archive = imported("int96");
    let rows = archived_rows(&archive, entry(&archive, "main.spark"));
    assert_eq!(rows, ["at=local 1795482123456789us", "at=null"]);
    // 2500-01-01 and 0001-01-01 are outside what 64 bits of nanoseconds hold.
    let at = |day: i64, nanos: u32| {
        let mut value = Int96::new();
        value.set_data(nanos, 0, u32::try_from(day + 2_440_588).expect("a day"));
        value
    };
    let (_directory, path) =
        written::<Int96Type>("message m { required int96 at; }", &[at(193_579, 5_000), at(-719_162, 0)]);
    let archive = import(&path, &options(), &Silent).expect("an import");
    let rows = archived_rows(&archive, entry(&archive, "main.t"));
    assert_eq!(rows, ["at=local 16725225600000005us", "at=local -62135596800000000us"]);
    let column = &entry(&archive, "main.t").collection.columns[0];
    assert_eq!((column.logical.to_string().as_str(), column.nullable), ("timestamp(6)", false));
    let (_directory, path) = written::<Int96Type>("message m { required int96 at; }", &[at(193_579, 5_001)]);
    let error = import(&path, &options(), &Silent).map(|_| ()).expect_err("a nanosecond");
    assert!(error.to_string().contains("row 0"), "{error}");
}

#[test]
fn texts_are_utf8_whatever_their_annotation_says() {
    let good = [ByteArray::from("a"), ByteArray::from("é")];
    let bad = [ByteArray::from("a"), ByteArray::from(vec![0xff, 0xfe])];
    for annotation in ["UTF8", "ENUM", "JSON"] {
        let schema = format!("message m {{ required binary t ({annotation}); }}");
        let (_directory, path) = written::<ByteArrayType>(&schema, &good);
        let archive = import(&path, &options(), &Silent).expect("an import");
        assert_eq!(archived_rows(&archive, entry(&archive, "main.t")), [r#"t="a""#, r#"t="é""#], "{annotation}");
        let (_directory, path) = written::<ByteArrayType>(&schema, &bad);
        let error = import(&path, &options(), &Silent).map(|_| ()).expect_err("no UTF-8");
        assert!(error.to_string().contains("not UTF-8") && error.to_string().contains("row 1"), "{error}");
    }
    let (_directory, path) = written::<ByteArrayType>("message m { required binary t (BSON); }", &bad);
    let archive = import(&path, &options(), &Silent).expect("an import");
    assert_eq!(archived_rows(&archive, entry(&archive, "main.t")), ["t=x61", "t=xfffe"]);
}

#[test]
fn one_long_text_a_thousand_times_is_read_in_small_batches() {
    const SIZE: usize = 64 << 10;
    // Most are short, so that the average says nothing of those that stand together.
    let mut values = vec![ByteArray::from("s"); 60_000];
    values.extend(vec![ByteArray::from("x".repeat(SIZE).as_str()); 4096]);
    let (_directory, path) = written::<ByteArrayType>("message m { required binary t (UTF8); }", &values);
    assert!(path.metadata().expect("metadata").len() < 1 << 20, "the file holds it once");
    let archive = import(&path, &options(), &Silent).expect("an import");
    let entry = entry(&archive, "main.t");
    let (mut rows, mut largest) = (0, 0);
    let mut sink = |batch: Batch| {
        rows += batch.records.num_rows();
        largest = largest.max(batch.memory_size());
        Ok(())
    };
    archive.collection(entry).expect("a reader").read(0, 1 << 20, &mut sink).expect("rows");
    assert_eq!(rows, 64_096);
    assert!(largest < 3 << 20, "{largest} bytes in a batch");
}

#[derive(Default)]
struct Heard {
    planned: AtomicU64,
    done: AtomicU64,
    rows: AtomicU64,
}

impl Progress for Heard {
    fn event(&self, event: Event<'_>) {
        match event {
            Event::Planned { work, .. } => self.planned.store(work, Ordering::Relaxed),
            Event::Work { amount } => _ = self.done.fetch_add(amount, Ordering::Relaxed),
            Event::Rows { rows, .. } => _ = self.rows.fetch_add(rows, Ordering::Relaxed),
            _ => {}
        }
    }
}

#[test]
fn what_is_told_adds_up() {
    let heard = Heard::default();
    import(&fixture("shop"), &options(), &heard).expect("an import");
    let [planned, done, rows] = [&heard.planned, &heard.done, &heard.rows].map(|count| count.load(Ordering::Relaxed));
    assert_eq!((planned, rows), (done, 106));
    assert!(planned > 0);
    let options = options();
    options.cancel.cancel();
    let error = import(&fixture("shop"), &options, &Silent).map(|_| ()).expect_err("cancelled");
    assert_eq!(error.kind(), ErrorKind::Cancelled);
}
