//! The in-memory dialect under its own contract.

mod reading;
mod replacing;
mod rows;

use super::*;
use crate::carrier;
use crate::contract::{Chunk, ChunkRange, CollectionAction, CollectionPlan, GroupPlan, ReadRequest, Reader, Writer};
use crate::exception::{Exception, ExceptionReason, NativeValue};
use crate::hash::RowHasher;
use crate::logical::LogicalType;
use crate::model::{
    Check, Collection, Column, ColumnRole, Counter, DefaultMeaning, DefaultValue, Deferral, ForeignKey, Key,
    NativeObject, ObjectKind, ReferentialAction,
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
    collection.primary_key = Some(Key { definition: None, name: None, columns: vec!["id".into()] });
    collection.counter = Some(Counter { column: "id".into(), last_value: 40, is_called: true });
    collection
}

/// `parent`, which references `parents`.
fn children() -> Collection {
    let mut collection = Collection::table(name("children"), vec![Column::new("parent", LogicalType::INT64, "int64")]);
    collection.foreign_keys.push(ForeignKey {
        definition: None,
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
    CollectionPlan { source, target, existing: None, action, parts: 1, objects: Vec::new(), use_definition: true }
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

fn parent_rows_unlabelled(ids: &[i64]) -> Batch {
    let labels: StringArray = ids.iter().map(|_| None::<&str>).collect();
    batch(&parents(), vec![Arc::new(Int64Array::from(ids.to_vec())), Arc::new(labels)])
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
