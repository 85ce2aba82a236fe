//! The in-memory dialect under its own contract.

use super::*;
use crate::carrier;
use crate::contract::{Chunk, ChunkRange, CollectionAction, CollectionPlan, GroupPlan, ReadRequest, Reader, Writer};
use crate::exception::{Exception, ExceptionReason, NativeValue};
use crate::logical::LogicalType;
use crate::model::{
    Check, Collection, Column, ColumnRole, Counter, Deferral, ForeignKey, Key, NativeObject, ObjectKind,
    ReferentialAction,
};
use crate::testkit::generate::{self, GenerateOptions};
use crate::testkit::rows_as_text;
use arrow::array::{ArrayRef, Int32Array, Int64Array, RecordBatch, StringArray};

fn name(name: &str) -> CollectionName {
    CollectionName::new("main", name)
}

/// `id` (the primary key) and `label` of at most 5 characters.
fn parents() -> Collection {
    let mut id = Column::new("id", LogicalType::INT64, "int64");
    id.nullable = false;
    let label = Column::new("label", LogicalType::Text { max_chars: Some(5), fixed: false }, "text(5)");
    let mut collection = Collection::table(name("parents"), vec![id, label]);
    collection.primary_key = Some(Key { name: None, columns: vec!["id".into()] });
    collection.counter = Some(Counter { column: "id".into(), last_value: 40, is_called: true });
    collection
}

/// `parent`, which references `parents`.
fn children() -> Collection {
    let mut collection = Collection::table(name("children"), vec![Column::new("parent", LogicalType::INT64, "int64")]);
    collection.foreign_keys.push(ForeignKey {
        name: None,
        columns: vec!["parent".into()],
        references: name("parents"),
        referenced_columns: Vec::new(),
        on_delete: ReferentialAction::NoAction,
        on_update: ReferentialAction::NoAction,
        deferred: Deferral::Immediate,
    });
    collection
}

fn batch(collection: &Collection, columns: Vec<ArrayRef>) -> Batch {
    Batch::plain(RecordBatch::try_new(carrier::schema(collection), columns).expect("columns of the collection"))
}

fn parent_rows(ids: &[i64]) -> Batch {
    let labels = ids.iter().map(|id| (id % 2 == 0).then(|| format!("p{id}")));
    batch(&parents(), vec![Arc::new(Int64Array::from(ids.to_vec())), Arc::new(StringArray::from_iter(labels))])
}

fn child_rows(parents: &[Option<i64>]) -> Batch {
    batch(&children(), vec![Arc::new(Int64Array::from(parents.to_vec()))])
}

fn schema(collections: &[Collection]) -> Schema {
    Schema { collections: collections.to_vec(), ..Schema::default() }
}

/// A database `shop`: parents 1 and 2, children of 1 and of nobody.
fn shop() -> MemoryDialect {
    let dialect = MemoryDialect::new();
    let rows = [(name("parents"), vec![parent_rows(&[1, 2])]), (name("children"), vec![child_rows(&[Some(1), None])])];
    dialect.insert("shop", &schema(&[children(), parents()]), &rows).expect("good rows");
    dialect
}

fn open(dialect: &MemoryDialect, database: &str, purpose: Purpose) -> Result<Box<dyn Database>> {
    dialect.open(&dialect.url(database), &OpenOptions::new(purpose, Cancel::new()))
}

fn replacer(dialect: &MemoryDialect, database: &str, writers: usize) -> Box<dyn Replacer> {
    let mut database = open(dialect, database, Purpose::Write).expect("open");
    database.replacer(&ReplaceOptions { writers, ..ReplaceOptions::default() }).expect("a replacer")
}

fn planned(source: Collection, action: CollectionAction) -> CollectionPlan {
    let target = source.name.clone();
    CollectionPlan { source, target, existing: None, action, objects: Vec::new(), use_definition: true }
}

fn group(collections: Vec<CollectionPlan>) -> GroupPlan {
    GroupPlan { group: "user".into(), collections }
}

/// Begins a group, writes the rows with one writer, and completes it.
fn load(replacer: &mut dyn Replacer, plan: Vec<CollectionPlan>, rows: &[(&str, Batch)]) -> Result<Vec<String>> {
    replacer.begin(group(plan))?;
    let mut writers = replacer.writers()?;
    for (collection, batch) in rows {
        writers[0].write(&name(collection), batch)?;
    }
    for writer in writers {
        writer.finish()?;
    }
    replacer.complete()
}

fn replace(dialect: &MemoryDialect, plan: Vec<CollectionPlan>, rows: &[(&str, Batch)]) -> Result<Vec<String>> {
    let mut replacer = replacer(dialect, "shop", 1);
    let warnings = load(&mut *replacer, plan, rows)?;
    replacer.commit()?;
    replacer.finish(&[])?;
    Ok(warnings)
}

fn read(reader: &mut dyn Reader, collection: &Collection, chunk: &Chunk, batch_bytes: usize) -> Result<Vec<Batch>> {
    let mut batches = Vec::new();
    let rows = reader.read(&ReadRequest { collection, chunk, batch_bytes, predicate: None }, &mut |batch| {
        batches.push(batch);
        Ok(())
    })?;
    assert_eq!(rows, batches.iter().map(|batch| batch.records.num_rows() as u64).sum::<u64>());
    Ok(batches)
}

const WHOLE: Chunk = Chunk { range: ChunkRange::Whole, estimated_bytes: 0 };

fn rows_of(dialect: &MemoryDialect, collection: &str) -> Vec<String> {
    dialect.content("shop").expect("the database").rows.remove(&name(collection)).expect("the collection")
}

#[test]
fn purposes_are_kept() {
    let dialect = shop();
    assert_eq!(open(&dialect, "nowhere", Purpose::Read).err().expect("missing").kind(), ErrorKind::Connect);
    let mut planned = open(&dialect, "nowhere", Purpose::Plan).expect("open");
    assert_eq!(planned.introspect().expect("a schema"), Schema::default());
    assert_eq!(dialect.names(), ["shop"]);
    let mut read = open(&dialect, "shop", Purpose::Read).expect("open");
    assert_eq!(read.replacer(&ReplaceOptions::default()).err().expect("read only").kind(), ErrorKind::Permission);
    let limited = dialect.with_capabilities(|capabilities| capabilities.creates_database = false);
    assert_eq!(open(&limited, "nowhere", Purpose::Write).err().expect("missing").kind(), ErrorKind::Connect);
    for bad in ["memory:", "memory://host/shop", "sqlite:shop"] {
        let url = DatabaseUrl::parse(bad).expect("a URL");
        assert_eq!(dialect.open(&url, &OpenOptions::default()).err().expect(bad).kind(), ErrorKind::Usage);
    }
}

#[test]
fn queries_answer_what_was_set() {
    let dialect = shop();
    dialect.answer("shop", "SELECT name", &["a", "b"]);
    let mut database = open(&dialect, "shop", Purpose::Read).expect("open");
    assert_eq!(database.query_names("SELECT name").expect("an answer"), ["a", "b"]);
    assert_eq!(database.query_names("SELECT other").expect_err("none").kind(), ErrorKind::Database);
}

#[test]
fn a_snapshot_does_not_see_later_writes() {
    let dialect = shop();
    let mut database = open(&dialect, "shop", Purpose::Read).expect("open");
    let mut snapshot = database.snapshot(&SnapshotOptions::new(3)).expect("a snapshot");
    let mut readers = snapshot.readers();
    assert_eq!((readers.len(), snapshot.readers().len()), (3, 0));
    replace(&dialect, vec![planned(parents(), CollectionAction::Replace)], &[("parents", parent_rows(&[1, 7]))])
        .expect("replaced");
    for reader in &mut readers {
        let seen = read(&mut **reader, &parents(), &WHOLE, usize::MAX).expect("rows");
        assert_eq!(rows_as_text(&parents(), &seen), ["id=1 | label=null", "id=2 | label=\"p2\""]);
    }
    assert!(snapshot.consistency().proven);
    snapshot.finish().expect("nothing moved");
    assert_eq!(rows_of(&dialect, "parents"), ["id=1 | label=null", "id=7 | label=null"]);
}

#[test]
fn chunks_are_disjoint_and_hold_everything() {
    for seed in 0..40 {
        let (schema, rows) = generate::database(seed, &GenerateOptions::default());
        let dialect = MemoryDialect::new();
        dialect.insert("shop", &schema, &rows).expect("good rows");
        let mut database = open(&dialect, "shop", Purpose::Read).expect("open");
        let mut snapshot = database.snapshot(&SnapshotOptions::new(1)).expect("a snapshot");
        let mut readers = snapshot.readers();
        for (collection, (_, batches)) in schema.collections.iter().zip(&rows) {
            let expected = rows_as_text(collection, batches);
            for target_bytes in [1, 100, 1000, u64::MAX] {
                let chunks = snapshot.chunks(collection, target_bytes).expect("chunks");
                assert_eq!(chunks, snapshot.chunks(collection, target_bytes).expect("the same chunks"));
                if target_bytes == 1 {
                    assert_eq!(chunks.len(), expected.len().max(1));
                }
                let mut seen = Vec::new();
                for chunk in &chunks {
                    let batches = read(&mut *readers[0], collection, chunk, 200).expect("rows");
                    assert!(batches.iter().all(|batch| batch.records.schema() == carrier::schema(collection)));
                    seen.extend(rows_as_text(collection, &batches));
                }
                assert_eq!(seen, expected);
            }
        }
    }
}

#[test]
fn batches_keep_to_their_size() {
    let dialect = MemoryDialect::new();
    let ids: Vec<i64> = (0..10_000).collect();
    dialect
        .insert("shop", &schema(&[parents()]), &[(name("parents"), vec![parent_rows_unlabelled(&ids)])])
        .expect("rows");
    let mut database = open(&dialect, "shop", Purpose::Read).expect("open");
    let mut readers = database.snapshot(&SnapshotOptions::new(1)).expect("a snapshot").readers();
    let batches = read(&mut *readers[0], &parents(), &WHOLE, 8_000).expect("rows");
    assert!((10..40).contains(&batches.len()), "{}", batches.len());
    assert!(batches.iter().all(|batch| batch.memory_size() < 20_000));
    assert_eq!(read(&mut *readers[0], &parents(), &WHOLE, 0).expect("rows").len(), 10_000);
}

fn parent_rows_unlabelled(ids: &[i64]) -> Batch {
    let labels: StringArray = ids.iter().map(|_| None::<&str>).collect();
    batch(&parents(), vec![Arc::new(Int64Array::from(ids.to_vec())), Arc::new(labels)])
}

#[test]
fn what_cannot_be_read_is_refused() {
    let dialect = shop();
    let mut database = open(&dialect, "shop", Purpose::Read).expect("open");
    let mut reader = database.snapshot(&SnapshotOptions::new(1)).expect("a snapshot").readers().remove(0);
    let parents = parents();
    let request = ReadRequest { collection: &parents, chunk: &WHOLE, batch_bytes: 1, predicate: Some("id > 1") };
    let mut sink = |_: Batch| Ok(());
    assert_eq!(reader.read(&request, &mut sink).expect_err("a predicate").kind(), ErrorKind::Unsupported);
    let unknown = Collection::table(name("unknown"), Vec::new());
    let error = read(&mut *reader, &unknown, &WHOLE, 1).expect_err("unknown");
    assert_eq!(error.kind(), ErrorKind::Database);
    assert!(error.context().any(|pair| pair == ("collection", "main.unknown")), "{error}");
    let pages = Chunk { range: ChunkRange::Pages { from: 0, to: None }, estimated_bytes: 0 };
    assert!(read(&mut *reader, &parents, &pages, 1).is_err());
    let mut stop = |_: Batch| Err(Error::new(ErrorKind::Io, "full"));
    let request = ReadRequest { predicate: None, ..request };
    assert_eq!(reader.read(&request, &mut stop).expect_err("the sink's error").kind(), ErrorKind::Io);
}

#[test]
fn a_collection_is_read_through_the_columns_asked_for() {
    let dialect = shop();
    let mut database = open(&dialect, "shop", Purpose::Read).expect("open");
    let mut reader = database.snapshot(&SnapshotOptions::new(1)).expect("a snapshot").readers().remove(0);
    let mut narrow = parents();
    narrow.columns =
        vec![narrow.columns[1].clone(), Column::new("id", LogicalType::Int { bits: 32, signed: true }, "int32")];
    let batches = read(&mut *reader, &narrow, &WHOLE, usize::MAX).expect("rows");
    assert_eq!(rows_as_text(&narrow, &batches), ["label=null | id=1", "label=\"p2\" | id=2"]);
}

#[test]
fn rows_that_break_a_rule_are_refused() {
    let null_id =
        batch(&parents(), vec![Arc::new(Int64Array::from(vec![None])), Arc::new(StringArray::from(vec![""]))]);
    let long =
        batch(&parents(), vec![Arc::new(Int64Array::from(vec![3])), Arc::new(StringArray::from(vec!["6 long"]))]);
    let mut stray = parent_rows(&[3]);
    stray.exceptions.push(Exception {
        row: 0,
        column: 0,
        reason: ExceptionReason::Nan,
        value: NativeValue::Integer(3),
    });
    for (rows, message) in [
        (parent_rows(&[5, 5]), "duplicate value of the primary key"),
        (null_id, "null in a column that is not nullable"),
        (long, "the value is not one of text(5)"),
        (child_rows(&[Some(1)]), "the batch has the columns"),
        (stray, "stand on no null cell"),
    ] {
        let dialect = shop();
        let before = dialect.content("shop");
        let plan = vec![planned(parents(), CollectionAction::Replace)];
        let error = replace(&dialect, plan, &[("parents", rows)]).expect_err(message);
        assert_eq!(error.kind(), ErrorKind::Database);
        assert!(error.message().contains(message), "{error}");
        assert!(error.context().any(|pair| pair == ("collection", "main.parents")), "{error}");
        assert_eq!(dialect.content("shop"), before);
    }
    let error =
        replace(&shop(), vec![planned(parents(), CollectionAction::Replace)], &[("children", child_rows(&[None]))]);
    assert_eq!(error.expect_err("not in the plan").kind(), ErrorKind::Database);
}

#[test]
fn exceptions_are_kept_and_may_stand_where_null_may_not() {
    let dialect = shop();
    let mut rows = batch(
        &parents(),
        vec![Arc::new(Int64Array::from(vec![Some(1), None])), Arc::new(StringArray::from(vec![None::<&str>, None]))],
    );
    let exception = |row, column, value| Exception { row, column, reason: ExceptionReason::StorageClass, value };
    rows.exceptions =
        vec![exception(0, 1, NativeValue::TextBytes(vec![0xff])), exception(1, 0, NativeValue::Text("one".into()))];
    let plan = vec![planned(parents(), CollectionAction::Replace)];
    replace(&dialect, plan.clone(), &[("parents", rows.clone())]).expect("replaced");
    let stored = dialect.batches("shop", &name("parents")).expect("rows");
    assert_eq!(stored[0].exceptions, rows.exceptions);
    rows.exceptions.pop();
    assert!(replace(&dialect, plan, &[("parents", rows)]).is_err(), "a null without an exception");
}

#[test]
fn every_action_does_what_it_says() {
    let plan = |action| vec![planned(parents(), action)];
    let rows = || [("parents", parent_rows(&[1, 4]))];

    let dialect = shop();
    replace(&dialect, plan(CollectionAction::Append), &rows()).expect_err("1 is there");
    replace(&dialect, plan(CollectionAction::Append), &[("parents", parent_rows(&[4]))]).expect("appended");
    assert_eq!(rows_of(&dialect, "parents").len(), 3);

    let dialect = shop();
    let mut wider = parents();
    wider.columns.push(Column::new("more", LogicalType::Bool, "bool"));
    dialect.insert("shop", &schema(&[wider.clone()]), &[]).expect("no rows");
    replace(&dialect, plan(CollectionAction::Replace), &rows()).expect("replaced");
    assert_eq!(dialect.content("shop").expect("content").schema.collections, [wider]);
    assert_eq!(rows_of(&dialect, "parents")[0], "id=1 | label=null | more=null");
    replace(&dialect, plan(CollectionAction::Recreate), &rows()).expect("recreated");
    assert_eq!(dialect.content("shop").expect("content").schema.collections, [parents()]);
    assert_eq!(rows_of(&dialect, "parents").len(), 2);

    let before = dialect.content("shop");
    replace(&dialect, plan(CollectionAction::Keep), &[]).expect("kept");
    assert_eq!(dialect.content("shop"), before);
    for action in [CollectionAction::Create, CollectionAction::CreateEmpty] {
        replace(&dialect, plan(action), &[]).expect_err("it is there");
        let empty = MemoryDialect::new();
        empty.insert("shop", &Schema::default(), &[]).expect("no collections");
        let rows = [("parents", parent_rows(&[1]))];
        replace(&empty, plan(action), if action.loads() { &rows } else { &[] }).expect("created");
        assert_eq!(empty.content("shop").expect("content").schema.collections, [parents()]);
        assert_eq!(rows_of(&empty, "parents").len(), usize::from(action.loads()));
        for action in [CollectionAction::Keep, CollectionAction::Replace, CollectionAction::Append] {
            let missing = vec![planned(children(), action)];
            assert_eq!(replace(&empty, missing, &[]).expect_err("missing").kind(), ErrorKind::Database);
        }
    }
}

#[test]
fn counters_come_back() {
    let dialect = shop();
    let counter = |dialect: &MemoryDialect| {
        dialect.content("shop").and_then(|content| content.schema.collection(&name("parents"))?.counter.clone())
    };
    let with = |last_value| {
        let mut source = parents();
        source.counter = Some(Counter { column: "id".into(), last_value, is_called: false });
        source
    };
    replace(&dialect, vec![planned(with(7), CollectionAction::Append)], &[]).expect("appended");
    assert_eq!(counter(&dialect), parents().counter);
    replace(&dialect, vec![planned(with(70), CollectionAction::Append)], &[]).expect("appended");
    assert_eq!(counter(&dialect), with(70).counter);
    let rows = [("parents", parent_rows(&[1]))];
    replace(&dialect, vec![planned(with(7), CollectionAction::Replace)], &rows).expect("replaced");
    assert_eq!(counter(&dialect), with(7).counter);
}

#[test]
fn row_identities_are_kept_and_given_anew_on_append() {
    let mut rowid = Column::new("rowid", LogicalType::INT64, "int64");
    rowid.role = ColumnRole::RowIdentity;
    let source = Collection::table(name("log"), vec![rowid, Column::new("x", LogicalType::INT64, "int64")]);
    let rows =
        |ids: Vec<i64>| batch(&source, vec![Arc::new(Int64Array::from(ids.clone())), Arc::new(Int64Array::from(ids))]);
    let dialect = MemoryDialect::new();
    dialect
        .insert("shop", &schema(std::slice::from_ref(&source)), &[(name("log"), vec![rows(vec![3, 9])])])
        .expect("rows");
    let append = vec![planned(source.clone(), CollectionAction::Append)];
    replace(&dialect, append, &[("log", rows(vec![3, 4]))]).expect("appended");
    assert_eq!(rows_of(&dialect, "log"), ["rowid=10 | x=3", "rowid=11 | x=4", "rowid=3 | x=3", "rowid=9 | x=9"]);
    let again = vec![planned(source.clone(), CollectionAction::Replace)];
    replace(&dialect, again, &[("log", rows(vec![2, 2]))]).expect_err("row identities are unique");
}

#[test]
fn types_may_be_wider_in_the_target() {
    let mut source = parents();
    source.columns[0].logical = LogicalType::Int { bits: 32, signed: true };
    let rows =
        batch(&source, vec![Arc::new(Int32Array::from(vec![8])), Arc::new(StringArray::from(vec![None::<&str>]))]);
    let dialect = shop();
    let plan = vec![planned(source, CollectionAction::Append)];
    replace(&dialect, plan, &[("parents", rows)]).expect("appended");
    assert!(rows_of(&dialect, "parents").contains(&"id=8 | label=null".to_owned()));
}

#[test]
fn foreign_keys_that_do_not_hold_are_listed() {
    let dialect = shop();
    let before = dialect.content("shop");
    let plan = vec![planned(children(), CollectionAction::Replace)];
    let rows = child_rows(&[Some(2), Some(77), None, Some(88), Some(77)]);
    let error = replace(&dialect, plan, &[("children", rows)]).expect_err("77 and 88 are missing");
    assert_eq!(error.kind(), ErrorKind::Mismatch);
    assert!(error.message().ends_with("main.children (parent) -> main.parents (): 77; 88"), "{error}");
    // The rows that are referenced go away; those that reference them are outside the group.
    let plan = vec![planned(parents(), CollectionAction::Replace)];
    let error = replace(&dialect, plan, &[("parents", parent_rows(&[2]))]).expect_err("1 is referenced");
    assert!(error.message().ends_with("main.children (parent) -> main.parents (): 1"), "{error}");
    assert_eq!(dialect.content("shop"), before);
}

#[test]
fn what_did_not_hold_before_is_a_warning() {
    let dialect = MemoryDialect::new();
    let rows = [(name("children"), vec![child_rows(&[Some(9)])])];
    dialect.insert("shop", &schema(&[children(), parents()]), &rows).expect("foreign keys need not hold");
    let plan = vec![planned(parents(), CollectionAction::Replace)];
    let warnings = replace(&dialect, plan, &[("parents", parent_rows(&[1]))]).expect("replaced");
    assert_eq!(warnings, ["a foreign key did not hold before: main.children (parent) -> main.parents (): 9"]);
}

#[test]
fn writers_work_side_by_side() {
    let dialect = shop();
    let mut replacer = replacer(&dialect, "shop", 4);
    let plan = vec![planned(parents(), CollectionAction::Replace), planned(children(), CollectionAction::Replace)];
    replacer.begin(group(plan)).expect("begun");
    let writers = replacer.writers().expect("writers");
    assert_eq!(writers.len(), 4);
    let written: u64 = std::thread::scope(|scope| {
        let work = |(position, mut writer): (usize, Box<dyn Writer>)| {
            for step in 0..50 {
                let id = (position * 50 + step) as i64;
                writer.write(&name("parents"), &parent_rows(&[id])).expect("a parent");
                writer.write(&name("children"), &child_rows(&[Some(id)])).expect("a child");
            }
            writer.finish().expect("finished")
        };
        let threads: Vec<_> = writers.into_iter().enumerate().map(|one| scope.spawn(move || work(one))).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).sum()
    });
    assert_eq!(written, 400);
    replacer.complete().expect("complete");
    replacer.commit().expect("committed");
    assert_eq!((rows_of(&dialect, "parents").len(), rows_of(&dialect, "children").len()), (200, 200));
    let single = dialect.with_capabilities(|capabilities| capabilities.parallel_write = false);
    let mut replacer = self::replacer(&single, "shop", 4);
    replacer.begin(group(Vec::new())).expect("begun");
    assert_eq!(replacer.writers().expect("writers").len(), 1);
}

#[test]
fn the_staged_group_is_seen_by_its_readers_only() {
    let dialect = shop();
    let before = dialect.content("shop");
    let mut replacer = replacer(&dialect, "shop", 2);
    let plan = vec![planned(parents(), CollectionAction::Replace)];
    assert_eq!(replacer.readers(1).err().expect("nothing is staged").kind(), ErrorKind::Internal);
    load(&mut *replacer, plan, &[("parents", parent_rows(&[1, 3]))]).expect("loaded");
    let chunks = replacer.chunks(&parents(), 1).expect("chunks");
    assert_eq!(chunks.len(), 2);
    let mut readers = replacer.readers(2).expect("readers");
    let mut seen = Vec::new();
    for (reader, chunk) in readers.iter_mut().zip(&chunks) {
        seen.extend(rows_as_text(&parents(), &read(&mut **reader, &parents(), chunk, 1).expect("rows")));
    }
    assert_eq!(seen, ["id=1 | label=null", "id=3 | label=null"]);
    assert_eq!(dialect.content("shop"), before);
    drop(replacer);
    assert_eq!(dialect.content("shop"), before);
}

#[test]
fn one_replacer_at_a_time() {
    let dialect = shop();
    let mut first = replacer(&dialect, "shop", 1);
    let mut second = replacer(&dialect, "shop", 1);
    first.begin(group(Vec::new())).expect("begun");
    assert_eq!(second.begin(group(Vec::new())).expect_err("held").kind(), ErrorKind::Busy);
    drop(first);
    second.begin(group(Vec::new())).expect("the lock was given back");
}

#[test]
fn calls_out_of_order_are_refused() {
    let internal = |result: Result<()>| assert_eq!(result.expect_err("out of order").kind(), ErrorKind::Internal);
    let dialect = shop();
    let mut replacer = replacer(&dialect, "shop", 1);
    internal(replacer.complete().map(drop));
    internal(replacer.commit());
    replacer.begin(group(Vec::new())).expect("begun");
    internal(replacer.begin(group(Vec::new())));
    let writers = replacer.writers().expect("writers");
    drop(writers);
    internal(replacer.complete().map(drop));
    internal(replacer.commit());
}

#[test]
fn an_error_that_is_ignored_is_not_committed() {
    let dialect = shop();
    let mut replacer = replacer(&dialect, "shop", 1);
    replacer.begin(group(vec![planned(parents(), CollectionAction::Replace)])).expect("begun");
    let mut writer = replacer.writers().expect("writers").remove(0);
    writer.write(&name("parents"), &parent_rows(&[5, 5])).expect_err("a duplicate");
    writer.finish().expect("finished");
    assert_eq!(replacer.complete().expect_err("aborted").kind(), ErrorKind::Database);
    assert_eq!(replacer.commit().expect_err("nothing to commit").kind(), ErrorKind::Internal);
}

#[test]
fn a_new_database_is_visible_at_the_end_only() {
    let dialect = MemoryDialect::new();
    let mut options = ReplaceOptions { writers: 1, ..ReplaceOptions::default() };
    options.attributes.insert("colour".into(), "red".into());
    let begin = || {
        let mut database = open(&dialect, "shop", Purpose::Write).expect("open");
        let mut replacer = database.replacer(&options).expect("a replacer");
        for (source, rows) in [(parents(), parent_rows(&[1])), (children(), child_rows(&[Some(1)]))] {
            let collection = source.name.name.clone();
            let plan = vec![planned(source, CollectionAction::Create)];
            load(&mut *replacer, plan, &[(&collection, rows)]).expect("loaded");
            replacer.commit().expect("committed");
            assert!(dialect.names().is_empty());
        }
        replacer
    };
    drop(begin());
    assert!(dialect.names().is_empty());
    begin().finish(&[]).expect("finished");
    assert_eq!(dialect.content("shop").expect("content").schema.attributes, options.attributes);
    assert_eq!(rows_of(&dialect, "children"), ["parent=1"]);

    let other = MemoryDialect::new();
    let late = replacer(&other, "shop", 1);
    other.insert("shop", &Schema::default(), &[]).expect("created meanwhile");
    assert_eq!(late.finish(&[]).expect_err("it exists").kind(), ErrorKind::Busy);
}

#[test]
fn objects_are_created_once() {
    let dialect = shop();
    let view = |definition: &str| NativeObject {
        kind: ObjectKind::View,
        namespace: "main".into(),
        name: "v".into(),
        on: None,
        dialect: "memory".into(),
        definition: definition.into(),
    };
    let finish = |object: NativeObject| replacer(&dialect, "shop", 1).finish(&[object]).expect("finished");
    assert!(finish(view("one")).is_empty());
    assert!(finish(view("one")).is_empty());
    assert_eq!(finish(view("two")), ["v is there with another definition and was left alone"]);
    let foreign = NativeObject { dialect: "postgres".into(), name: "w".into(), ..view("three") };
    assert_eq!(finish(foreign), ["w is written for postgres and was not created"]);
    assert_eq!(dialect.content("shop").expect("content").schema.objects, [view("one")]);
}

#[test]
fn without_its_texts_a_collection_is_built_from_the_model() {
    let mut source = children();
    source.definition = Some("CREATE TABLE ...".into());
    source.columns[0].native.text = "INTEGER".into();
    source.checks.push(Check { name: None, expression: "parent > 0".into() });
    let mut parent_plan = planned(parents(), CollectionAction::Create);
    parent_plan.target = CollectionName::new("public", "people");
    let mut child_plan = planned(source, CollectionAction::Create);
    child_plan.target = CollectionName::new("public", "children");
    child_plan.use_definition = false;
    let dialect = shop();
    let warnings = replace(
        &dialect,
        vec![parent_plan, child_plan],
        &[("parents", parent_rows(&[1])), ("children", child_rows(&[Some(1)]))],
    )
    .expect("created");
    assert_eq!(warnings, ["public.children: the check (parent > 0) was left out"]);
    let content = dialect.content("shop").expect("content");
    let created = content.schema.collection(&CollectionName::new("public", "children")).expect("created");
    assert_eq!((created.definition.as_ref(), created.columns[0].native.text.as_str()), (None, "int64"));
    assert_eq!(created.foreign_keys[0].references, CollectionName::new("public", "people"));
}

#[test]
fn generated_databases_are_copied_whole() {
    for seed in 0..60 {
        let (schema, rows) = generate::database(seed, &GenerateOptions::default());
        let dialect = MemoryDialect::new();
        dialect.insert("left", &schema, &rows).expect("good rows");
        let mut replacer = replacer(&dialect, "right", 1);
        let plan = schema.collections.iter().map(|source| planned(source.clone(), CollectionAction::Create));
        replacer.begin(group(plan.collect())).expect("begun");
        let mut writer = replacer.writers().expect("writers").remove(0);
        for (collection, batches) in &rows {
            batches.iter().for_each(|batch| writer.write(collection, batch).expect("good rows"));
        }
        writer.finish().expect("finished");
        replacer.complete().expect("foreign keys hold");
        replacer.commit().expect("committed");
        replacer.finish(&[]).expect("finished");
        let (left, right) = (dialect.content("left").expect("left"), dialect.content("right").expect("right"));
        assert_eq!(left.differences(&right), Vec::<String>::new());
    }
}

#[test]
fn differences_are_named() {
    let (left, right) = (shop(), shop());
    replace(&right, vec![planned(parents(), CollectionAction::Append)], &[("parents", parent_rows(&[5]))])
        .expect("rows");
    let (left, right) = (left.content("shop").expect("left"), right.content("shop").expect("right"));
    assert_eq!(
        left.differences(&right),
        ["main.parents has 2 and 3 rows; the first that differ are None and Some(\"id=5 | label=null\")"]
    );
    let empty = MemoryDialect::new();
    empty.insert("shop", &schema(&[parents()]), &[]).expect("no rows");
    let empty = empty.content("shop").expect("content");
    assert_eq!(left.differences(&empty).len(), 2);
    assert_eq!(left.differences(&left), Vec::<String>::new());
}

#[test]
fn a_cancelled_run_stops() {
    let dialect = shop();
    let cancel = Cancel::new();
    let mut database =
        dialect.open(&dialect.url("shop"), &OpenOptions::new(Purpose::Write, cancel.clone())).expect("open");
    let mut snapshot = database.snapshot(&SnapshotOptions::new(1)).expect("a snapshot");
    let mut reader = snapshot.readers().remove(0);
    cancel.cancel();
    assert_eq!(read(&mut *reader, &parents(), &WHOLE, 1).expect_err("cancelled").kind(), ErrorKind::Cancelled);
    assert_eq!(database.introspect().expect_err("cancelled").kind(), ErrorKind::Cancelled);
}
