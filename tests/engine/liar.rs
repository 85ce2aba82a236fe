//! A target that is not as it should be: its writers change what they are given, its readers cannot give every column, and
//! it may go by the name of another dialect. One can also be read while it completes a group. A decorator of an honest one, and what
//! may become of rows.

use arrow::array::{RecordBatch, UInt64Array};
use arrow::compute::{concat_batches, take_record_batch};
use dbferry::dialect::model::{NativeObject, Schema};
use dbferry::dialect::testkit::MemoryDialect;
use dbferry::dialect::{
    Batch, Capabilities, Chunk, Collection, CollectionName, Database, DatabaseInfo, DatabaseUrl, Dialect, GroupPlan,
    OpenOptions, ReadRequest, Readable, Reader, ReplaceOptions, Replacer, Sink, Snapshot, SnapshotOptions, Syntax,
    Writer,
};
use dbferry::{Error, ErrorKind, Result};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// What becomes of the rows of a batch.
pub(crate) type Lie = fn(&RecordBatch) -> RecordBatch;

/// A dialect whose writers change what they are given and count as if they did not.
#[derive(Clone, Debug)]
pub(crate) struct Liar {
    pub(crate) honest: Arc<dyn Dialect>,
    pub(crate) name: &'static str,
    pub(crate) lie: Lie,
    /// Columns that the readers of a loaded group cannot give.
    pub(crate) unreadable: &'static [&'static str],
    /// Its groups are read while they are completed.
    pub(crate) meanwhile: Option<Arc<Meanwhile>>,
}

/// A group that is read while it is completed: completing waits until somebody reads, and may then be refused; whoever reads
/// goes on until that is over.
#[derive(Debug, Default)]
pub(crate) struct Meanwhile {
    /// Whether the keys do not hold.
    pub(crate) refuses: bool,
    pub(crate) is_read: AtomicBool,
    pub(crate) is_over: AtomicBool,
    /// Whether whoever read was stopped.
    pub(crate) was_stopped: AtomicBool,
}

/// Waits until something is so, and fails when it never is.
pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(20), "it never came to it: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

impl Liar {
    /// One that goes by the dialect's own name, and reads everything.
    pub(crate) fn new(honest: &(impl Dialect + Clone + 'static), lie: Lie) -> Self {
        Self { honest: Arc::new(honest.clone()), name: honest.name(), lie, unreadable: &[], meanwhile: None }
    }

    /// An honest one that is another dialect.
    pub(crate) fn foreign(memory: &MemoryDialect) -> Self {
        Self { name: "foreign", ..Self::new(memory, honest) }
    }
}

impl Dialect for Liar {
    fn name(&self) -> &'static str {
        self.name
    }

    fn schemes(&self) -> &'static [&'static str] {
        self.honest.schemes()
    }

    fn capabilities(&self) -> Capabilities {
        self.honest.capabilities()
    }

    fn syntax(&self) -> &dyn Syntax {
        self.honest.syntax()
    }

    fn open(&self, url: &DatabaseUrl, options: &OpenOptions) -> Result<Box<dyn Database>> {
        let honest = self.honest.open(url, options)?;
        let info = DatabaseInfo { dialect: self.name.into(), ..honest.info().clone() };
        Ok(Box::new(LyingDatabase { honest, info, liar: self.clone() }))
    }
}

struct LyingDatabase {
    honest: Box<dyn Database>,
    info: DatabaseInfo,
    liar: Liar,
}

impl Database for LyingDatabase {
    fn info(&self) -> &DatabaseInfo {
        &self.info
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
        Ok(Box::new(LyingReplacer { honest: self.honest.replacer(options)?, liar: self.liar.clone(), completed: None }))
    }
}

struct LyingReplacer {
    honest: Box<dyn Replacer>,
    liar: Liar,
    /// What completing said that was done before it was asked for.
    completed: Option<Vec<String>>,
}

impl Replacer for LyingReplacer {
    fn begin(&mut self, plan: GroupPlan) -> Result<()> {
        self.honest.begin(plan)
    }

    fn writers(&mut self) -> Result<Vec<Box<dyn Writer>>> {
        let lying = |honest| Box::new(LyingWriter { honest, lie: self.liar.lie, claimed: 0 }) as Box<dyn Writer>;
        Ok(self.honest.writers()?.into_iter().map(lying).collect())
    }

    fn complete(&mut self) -> Result<Vec<String>> {
        let Some(meanwhile) = &self.liar.meanwhile else { return self.honest.complete() };
        wait_until("somebody reads meanwhile", || meanwhile.is_read.load(Ordering::SeqCst));
        meanwhile.is_over.store(true, Ordering::SeqCst);
        if meanwhile.refuses {
            return Err(Error::new(ErrorKind::Mismatch, "the keys do not hold"));
        }
        Ok(self.completed.take().unwrap_or_default())
    }

    fn readable(&self) -> Readable {
        if self.liar.meanwhile.is_some() { Readable::AfterLoading } else { self.honest.readable() }
    }

    fn readers(&mut self, count: usize) -> Result<Vec<Box<dyn Reader>>> {
        let Liar { unreadable, meanwhile, .. } = &self.liar;
        let reader =
            |honest| -> Box<dyn Reader> { Box::new(BlindReader { honest, unreadable, meanwhile: meanwhile.clone() }) };
        Ok(self.honest.readers(count)?.into_iter().map(reader).collect())
    }

    fn chunks(&mut self, collection: &Collection, target_bytes: u64) -> Result<Vec<Chunk>> {
        if self.liar.meanwhile.is_some() && self.completed.is_none() {
            self.completed = Some(self.honest.complete()?);
        }
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

struct BlindReader {
    honest: Box<dyn Reader>,
    unreadable: &'static [&'static str],
    meanwhile: Option<Arc<Meanwhile>>,
}

impl Reader for BlindReader {
    fn read(&mut self, request: &ReadRequest<'_>, sink: &mut dyn Sink) -> Result<u64> {
        if let Some(meanwhile) = &self.meanwhile {
            meanwhile.is_read.store(true, Ordering::SeqCst);
            wait_until("the group is complete", || meanwhile.is_over.load(Ordering::SeqCst));
            if meanwhile.refuses {
                wait_until("reading is stopped", || self.honest.read(request, sink).is_err());
                meanwhile.was_stopped.store(true, Ordering::SeqCst);
            }
        }
        let mut columns = request.collection.columns.iter().map(|column| column.name.as_str());
        match columns.find(|column| self.unreadable.contains(column)) {
            Some(column) => Err(Error::new(ErrorKind::Incompatible, "nobody can read that").with("column", column)),
            None => self.honest.read(request, sink),
        }
    }
}

fn picked(records: &RecordBatch, rows: &[u64]) -> RecordBatch {
    take_record_batch(records, &UInt64Array::from(rows.to_vec())).expect("rows of the batch")
}

pub(crate) fn honest(records: &RecordBatch) -> RecordBatch {
    records.clone()
}

pub(crate) fn loses_a_row(records: &RecordBatch) -> RecordBatch {
    records.slice(1, records.num_rows() - 1)
}

pub(crate) fn doubles_a_row(records: &RecordBatch) -> RecordBatch {
    concat_batches(&records.schema(), [&records.slice(0, 1), records]).expect("one schema")
}

pub(crate) fn takes_one_row_for_another(records: &RecordBatch) -> RecordBatch {
    picked(records, &[0, 0, 2])
}

pub(crate) fn swaps_cells_between_rows(records: &RecordBatch) -> RecordBatch {
    let mut columns = records.columns().to_vec();
    columns[1] = picked(records, &[1, 0, 2]).column(1).clone();
    RecordBatch::try_new(records.schema(), columns).expect("the same shape")
}

pub(crate) fn forgets_a_cell(records: &RecordBatch) -> RecordBatch {
    let mut columns = records.columns().to_vec();
    let keep = arrow::array::BooleanArray::from(vec![true, false, true]);
    columns[1] = arrow::compute::nullif(&columns[1], &arrow::compute::not(&keep).expect("a mask")).expect("cells");
    RecordBatch::try_new(records.schema(), columns).expect("the same shape")
}
