//! A target that does not keep what it is given: the proof after loading must find it out, and the target stay as it was.

use crate::support::{I, T, Tables, Work, dump_options, int, name, restore_options, table, text};
use arrow::array::{RecordBatch, UInt64Array};
use arrow::compute::{concat_batches, take_record_batch};
use dbferry::dialect::model::{NativeObject, Schema};
use dbferry::dialect::testkit::MemoryDialect;
use dbferry::dialect::{
    Batch, Capabilities, Chunk, Collection, CollectionName, Database, DatabaseInfo, DatabaseUrl, Dialect, GroupPlan,
    OpenOptions, Reader, ReplaceOptions, Replacer, Snapshot, SnapshotOptions, Syntax, Writer,
};
use dbferry::progress::Silent;
use dbferry::restore::restore;
use dbferry::{ErrorKind, Result};

/// What becomes of the rows of a batch.
type Lie = fn(&RecordBatch) -> RecordBatch;

/// An in-memory dialect whose writers change what they are given and count as if they did not.
#[derive(Debug)]
struct Liar {
    memory: MemoryDialect,
    lie: Lie,
}

impl Dialect for Liar {
    fn name(&self) -> &'static str {
        self.memory.name()
    }

    fn schemes(&self) -> &'static [&'static str] {
        self.memory.schemes()
    }

    fn capabilities(&self) -> Capabilities {
        self.memory.capabilities()
    }

    fn syntax(&self) -> &dyn Syntax {
        self.memory.syntax()
    }

    fn open(&self, url: &DatabaseUrl, options: &OpenOptions) -> Result<Box<dyn Database>> {
        Ok(Box::new(LyingDatabase { honest: self.memory.open(url, options)?, lie: self.lie }))
    }
}

struct LyingDatabase {
    honest: Box<dyn Database>,
    lie: Lie,
}

impl Database for LyingDatabase {
    fn info(&self) -> &DatabaseInfo {
        self.honest.info()
    }

    fn capabilities(&self) -> Capabilities {
        self.honest.capabilities()
    }

    fn introspect(&mut self) -> Result<Schema> {
        self.honest.introspect()
    }

    fn query_names(&mut self, sql: &str) -> Result<Vec<String>> {
        self.honest.query_names(sql)
    }

    fn snapshot(&mut self, options: &SnapshotOptions) -> Result<Box<dyn Snapshot>> {
        self.honest.snapshot(options)
    }

    fn replacer(&mut self, options: &ReplaceOptions) -> Result<Box<dyn Replacer>> {
        Ok(Box::new(LyingReplacer { honest: self.honest.replacer(options)?, lie: self.lie }))
    }
}

struct LyingReplacer {
    honest: Box<dyn Replacer>,
    lie: Lie,
}

impl Replacer for LyingReplacer {
    fn begin(&mut self, plan: GroupPlan) -> Result<()> {
        self.honest.begin(plan)
    }

    fn writers(&mut self) -> Result<Vec<Box<dyn Writer>>> {
        let lying = |honest| Box::new(LyingWriter { honest, lie: self.lie, claimed: 0 }) as Box<dyn Writer>;
        Ok(self.honest.writers()?.into_iter().map(lying).collect())
    }

    fn complete(&mut self) -> Result<Vec<String>> {
        self.honest.complete()
    }

    fn readers(&mut self, count: usize) -> Result<Vec<Box<dyn Reader>>> {
        self.honest.readers(count)
    }

    fn chunks(&mut self, collection: &Collection, target_bytes: u64) -> Result<Vec<Chunk>> {
        self.honest.chunks(collection, target_bytes)
    }

    fn commit(&mut self) -> Result<()> {
        self.honest.commit()
    }

    fn finish(self: Box<Self>, objects: &[NativeObject]) -> Result<Vec<String>> {
        self.honest.finish(objects)
    }
}

struct LyingWriter {
    honest: Box<dyn Writer>,
    lie: Lie,
    claimed: u64,
}

impl Writer for LyingWriter {
    fn write(&mut self, collection: &CollectionName, batch: &Batch) -> Result<()> {
        self.claimed += batch.records.num_rows() as u64;
        self.honest.write(collection, &Batch::plain((self.lie)(&batch.records)))
    }

    fn finish(self: Box<Self>) -> Result<u64> {
        self.honest.finish()?;
        Ok(self.claimed)
    }
}

fn picked(records: &RecordBatch, rows: &[u64]) -> RecordBatch {
    take_record_batch(records, &UInt64Array::from(rows.to_vec())).expect("rows of the batch")
}

fn honest(records: &RecordBatch) -> RecordBatch {
    records.clone()
}

fn loses_a_row(records: &RecordBatch) -> RecordBatch {
    records.slice(1, records.num_rows() - 1)
}

fn doubles_a_row(records: &RecordBatch) -> RecordBatch {
    concat_batches(&records.schema(), [&records.slice(0, 1), records]).expect("one schema")
}

fn takes_one_row_for_another(records: &RecordBatch) -> RecordBatch {
    picked(records, &[0, 0, 2])
}

fn swaps_cells_between_rows(records: &RecordBatch) -> RecordBatch {
    let mut columns = records.columns().to_vec();
    columns[1] = picked(records, &[1, 0, 2]).column(1).clone();
    RecordBatch::try_new(records.schema(), columns).expect("the same shape")
}

fn forgets_a_cell(records: &RecordBatch) -> RecordBatch {
    let mut columns = records.columns().to_vec();
    let keep = arrow::array::BooleanArray::from(vec![true, false, true]);
    columns[1] = arrow::compute::nullif(&columns[1], &arrow::compute::not(&keep).expect("a mask")).expect("cells");
    RecordBatch::try_new(records.schema(), columns).expect("the same shape")
}

#[test]
fn what_the_target_does_to_rows_is_found_before_the_switch() {
    let collection = || {
        let mut collection = table("t", vec![int("n"), text("v")]);
        // Without a key, so that nothing but the proof can object.
        collection.primary_key = None;
        collection
    };
    let tables = Tables::default().with(collection(), &[&[I(1), T("a")], &[I(2), T("b")], &[I(3), T("c")]]);
    let mut options = dump_options(1);
    options.row_group_bytes = 1 << 20;
    let work = Work::with_backup(&tables, &options);
    let archive = work.archive("backup");
    let run = |lie: Lie, database: &str| {
        let liar = Liar { memory: work.memory.clone(), lie };
        restore(&archive, &work.at(&liar, database), &restore_options(2), &Silent)
    };
    for lie in [loses_a_row as Lie, doubles_a_row, takes_one_row_for_another, swaps_cells_between_rows, forgets_a_cell]
    {
        work.insert("target", &Tables::default().with(collection(), &[&[I(9), T("old")]]));
        for database in ["target", "new"] {
            let error = run(lie, database).expect_err("a lie that was believed");
            assert_eq!(error.kind(), ErrorKind::Mismatch);
            assert!(error.message().contains("main.t"), "{error}");
        }
        assert_eq!(work.rows("target", "t"), ["n=9 | v=\"old\""]);
        assert_eq!(work.memory.names(), ["source", "target"]);
    }
    run(honest, "target").expect("the same wrapper without a lie");
    assert_eq!(work.content("target").rows[&name("t")].len(), 3);
}
