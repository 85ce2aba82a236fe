//! Tables of the shapes that decide what a reader and a writer spend their time on, and databases that hold them.

use arrow::array::{ArrayRef, Decimal128Array, Int32Array, Int64Array, RecordBatch, StringArray};
use dbferry::copy::{CopyOptions, copy};
use dbferry::endpoint::Endpoint;
use dbferry::progress::Silent;
use dbferry_dialect::model::Key;
use dbferry_dialect::testkit::MemoryDialect;
use dbferry_dialect::{
    Batch, Cancel, Collection, CollectionName, Column, LogicalType, Purpose, ReadRequest, Reader, Schema, Snapshot,
    SnapshotOptions, carrier,
};
use std::sync::Arc;

/// Rows of each shape.
pub(crate) const ROWS: i64 = 20_000;
/// The names of all shapes.
pub(crate) const SHAPES: [&str; 5] = ["narrow_integers", "wide_text", "nulls", "decimals", "json"];

/// Different numbers without a pattern that a processor could learn.
fn number(row: i64) -> i64 {
    row.wrapping_mul(6_364_136_223_846_793_005).rotate_left(17)
}

/// The columns of a shape behind its key.
fn columns(shape: &str) -> Vec<(LogicalType, ArrayRef)> {
    let rows = || 0..ROWS;
    let int32 = LogicalType::Int { bits: 32, signed: true };
    let text = |length: usize| -> ArrayRef {
        let text = |row| format!("{:0length$}", number(row).unsigned_abs()).chars().rev().collect::<String>();
        Arc::new(StringArray::from_iter_values(rows().map(text)))
    };
    match shape {
        "narrow_integers" => (0..4)
            .map(|of| {
                let values = rows().map(|row| (number(row + of) >> 40) as i32);
                (int32.clone(), Arc::new(Int32Array::from_iter_values(values)) as ArrayRef)
            })
            .collect(),
        "wide_text" => (0..3).map(|_| (LogicalType::TEXT, text(200))).collect(),
        "nulls" => (0..8)
            .map(|of| {
                let values = rows().map(|row| (number(row + of) & 3 == 0).then(|| number(row) >> 20));
                (LogicalType::INT64, Arc::new(values.collect::<Int64Array>()) as ArrayRef)
            })
            .collect(),
        "decimals" => (0..6)
            .map(|of| {
                let values = rows().map(|row| i128::from(number(row + of) >> 24));
                let array = Decimal128Array::from_iter_values(values).with_precision_and_scale(15, 2).expect("a type");
                (LogicalType::Decimal { precision: 15, scale: 2 }, Arc::new(array) as ArrayRef)
            })
            .collect(),
        _ => {
            let document = |row: i64| {
                let n = number(row);
                format!(
                    "{{\"id\": {n}, \"tags\": [\"a\", \"b\", \"{n:x}\"], \"nested\": {{\"x\": null, \"y\": [1, 2, 3.5]}}, \"text\": \"{n:>60}\"}}"
                )
            };
            vec![(LogicalType::Json, Arc::new(StringArray::from_iter_values(rows().map(document))))]
        }
    }
}

/// A table of that shape with a key, and its rows.
fn table(shape: &str) -> (Collection, Batch) {
    let mut arrays: Vec<ArrayRef> = vec![Arc::new(Int64Array::from_iter_values(0..ROWS))];
    let mut all = vec![Column { nullable: false, ..Column::new("id", LogicalType::INT64, "") }];
    for (position, (logical, array)) in columns(shape).into_iter().enumerate() {
        all.push(Column::new(format!("c{position}"), logical, ""));
        arrays.push(array);
    }
    let mut collection = Collection::table(CollectionName::new("main", shape), all);
    collection.primary_key = Some(Key { definition: None, name: None, columns: vec!["id".into()] });
    let records = RecordBatch::try_new(carrier::schema(&collection), arrays).expect("arrays of the schema");
    (collection, Batch::plain(records))
}

/// Puts a table of every shape into a database.
pub(crate) fn fill(target: &Endpoint<'_>) {
    let memory = MemoryDialect::new();
    let tables = SHAPES.map(table);
    let schema = Schema { collections: tables.iter().map(|(table, _)| table.clone()).collect(), ..Schema::default() };
    let rows: Vec<_> = tables.into_iter().map(|(table, batch)| (table.name, vec![batch])).collect();
    memory.insert("shapes", &schema, &rows).expect("good rows");
    let source = Endpoint::new(&memory, memory.url("shapes"));
    copy(&source, target, &CopyOptions::default(), &Silent).expect("a copy");
}

/// A database that is read by one reader, over and over.
pub(crate) struct Source {
    snapshot: Box<dyn Snapshot>,
    reader: Box<dyn Reader>,
    schema: Schema,
}

impl Source {
    pub(crate) fn open(endpoint: &Endpoint<'_>) -> Self {
        let mut database = endpoint.open(Purpose::Read, &Cancel::new()).expect("a database");
        let mut snapshot = database.snapshot(&SnapshotOptions::new(1)).expect("a snapshot");
        let schema = snapshot.schema().expect("a schema");
        let reader = snapshot.readers().remove(0);
        Self { snapshot, reader, schema }
    }

    /// The table of that shape, as the database has it.
    pub(crate) fn table(&self, shape: &str) -> Collection {
        self.schema.collections.iter().find(|table| table.name.name == shape).expect("a table of that shape").clone()
    }

    /// Reads a table in one go; returns the bytes of its batches.
    pub(crate) fn read(&mut self, table: &Collection, sink: &mut dyn FnMut(Batch)) {
        for chunk in self.snapshot.chunks(table, u64::MAX).expect("chunks") {
            let request = ReadRequest { collection: table, chunk: &chunk, batch_bytes: 2 << 20, predicate: None };
            self.reader
                .read(&request, &mut |batch: Batch| {
                    sink(batch);
                    Ok(())
                })
                .expect("rows");
        }
    }
}
