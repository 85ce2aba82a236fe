//! A decorator around a dialect that measures its sessions: what they read and write, and what that costs.
//!
//! It stands where the engine and the dialect meet, so that whatever either of them becomes is measured the same way. What
//! it is not: a profile of either side.

use crate::progress::{Spent, Stopwatch};
use dbferry_dialect::model::NativeObject;
use dbferry_dialect::{
    Batch, Capabilities, Chunk, Collection, CollectionName, Consistency, Database, DatabaseInfo, DatabaseUrl, Dialect,
    GroupPlan, OpenOptions, ReadRequest, Readable, Reader, ReplaceOptions, Replacer, Result, Schema, Sink, Skimmed,
    Snapshot, SnapshotOptions, Syntax, Writer,
};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What sessions did with one collection.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Handled {
    /// Rows that were read.
    pub(super) rows: u64,
    /// Their bytes in memory, or as they came where nothing was made of them.
    pub(super) bytes: u64,
    /// What reading took, without what became of the rows.
    pub(super) reading: Spent,
    /// What became of the rows took as long as this.
    pub(super) taking: Spent,
    /// What writing took.
    pub(super) writing: Spent,
}

/// What is measured, and which sizes are asked for in the place of the engine's.
#[derive(Debug, Default)]
pub(super) struct Probe {
    batch_bytes: Option<u64>,
    chunk_bytes: Option<u64>,
    handled: Mutex<BTreeMap<CollectionName, Handled>>,
}

impl Probe {
    /// Asks for these sizes.
    pub(super) fn with_sizes(batch_bytes: Option<u64>, chunk_bytes: Option<u64>) -> Self {
        Self { batch_bytes, chunk_bytes, handled: Mutex::default() }
    }

    /// What was measured so far.
    pub(super) fn handled(&self) -> BTreeMap<CollectionName, Handled> {
        self.lock().clone()
    }

    fn add(&self, collection: &CollectionName, add: impl FnOnce(&mut Handled)) {
        let mut handled = self.lock();
        match handled.get_mut(collection) {
            Some(known) => add(known),
            None => add(handled.entry(collection.clone()).or_default()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<CollectionName, Handled>> {
        // Sums are whole at every moment.
        self.handled.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A dialect whose sessions are measured. It has the name of what it decorates.
#[derive(Debug)]
pub(super) struct Probed<'a> {
    pub(super) inner: &'a dyn Dialect,
    pub(super) probe: Arc<Probe>,
}

impl Dialect for Probed<'_> {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn schemes(&self) -> &'static [&'static str] {
        self.inner.schemes()
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn syntax(&self) -> &dyn Syntax {
        self.inner.syntax()
    }

    fn open(&self, url: &DatabaseUrl, options: &OpenOptions) -> Result<Box<dyn Database>> {
        Ok(Box::new(Wrapped { inner: self.inner.open(url, options)?, probe: Arc::clone(&self.probe) }))
    }
}

/// A part of a database, and where what it does is noted.
struct Wrapped<T: ?Sized> {
    inner: Box<T>,
    probe: Arc<Probe>,
}

impl<T: ?Sized> Wrapped<T> {
    fn around<U: ?Sized>(&self, inner: Box<U>) -> Wrapped<U> {
        Wrapped { inner, probe: Arc::clone(&self.probe) }
    }

    fn readers(&self, readers: Vec<Box<dyn Reader>>) -> Vec<Box<dyn Reader>> {
        readers.into_iter().map(|reader| Box::new(self.around(reader)) as Box<dyn Reader>).collect()
    }
}

impl Database for Wrapped<dyn Database> {
    fn info(&self) -> &DatabaseInfo {
        self.inner.info()
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn introspect(&mut self) -> Result<Schema> {
        self.inner.introspect()
    }

    fn query_names(&mut self, sql: &str) -> Result<Vec<String>> {
        self.inner.query_names(sql)
    }

    fn snapshot(&mut self, options: &SnapshotOptions) -> Result<Box<dyn Snapshot>> {
        let snapshot = self.inner.snapshot(options)?;
        Ok(Box::new(self.around(snapshot)))
    }

    fn recover(&mut self) -> Result<Vec<String>> {
        self.inner.recover()
    }

    fn is_empty(&mut self) -> Result<bool> {
        self.inner.is_empty()
    }

    fn clear(&mut self) -> Result<()> {
        self.inner.clear()
    }

    fn replacer(&mut self, options: &ReplaceOptions) -> Result<Box<dyn Replacer>> {
        let replacer = self.inner.replacer(options)?;
        Ok(Box::new(self.around(replacer)))
    }
}

impl Snapshot for Wrapped<dyn Snapshot> {
    fn consistency(&self) -> &Consistency {
        self.inner.consistency()
    }

    fn schema(&mut self) -> Result<Schema> {
        self.inner.schema()
    }

    fn chunks(&mut self, collection: &Collection, target_bytes: u64) -> Result<Vec<Chunk>> {
        self.inner.chunks(collection, self.probe.chunk_bytes.unwrap_or(target_bytes))
    }

    fn readers(&mut self) -> Vec<Box<dyn Reader>> {
        let readers = self.inner.readers();
        Wrapped::readers(self, readers)
    }

    fn finish(self: Box<Self>) -> Result<()> {
        self.inner.finish()
    }
}

impl Wrapped<dyn Reader> {
    /// The request with the size of a batch that is wanted.
    fn sized<'r>(&self, request: &ReadRequest<'r>) -> ReadRequest<'r> {
        let wanted = self.probe.batch_bytes.and_then(|bytes| usize::try_from(bytes).ok());
        ReadRequest { batch_bytes: wanted.unwrap_or(request.batch_bytes), ..*request }
    }
}

impl Reader for Wrapped<dyn Reader> {
    fn read(&mut self, request: &ReadRequest<'_>, sink: &mut dyn Sink) -> Result<u64> {
        let sized = self.sized(request);
        let (mut rows, mut bytes, mut taking) = (0, 0, Spent::default());
        let stopwatch = Stopwatch::start();
        let result = self.inner.read(&sized, &mut |batch: Batch| {
            rows += batch.records.num_rows() as u64;
            bytes += batch.memory_size() as u64;
            let stopwatch = Stopwatch::start();
            let taken = sink.push(batch);
            taking += stopwatch.spent();
            taken
        });
        let spent = stopwatch.spent();
        self.probe.add(&request.collection.name, |handled| {
            handled.rows += rows;
            handled.bytes += bytes;
            handled.reading += spent - taking;
            handled.taking += taking;
        });
        result
    }

    fn skim(&mut self, request: &ReadRequest<'_>) -> Result<Skimmed> {
        let sized = self.sized(request);
        let stopwatch = Stopwatch::start();
        let skimmed = self.inner.skim(&sized)?;
        let spent = stopwatch.spent();
        self.probe.add(&request.collection.name, |handled| {
            handled.rows += skimmed.rows;
            handled.bytes += skimmed.bytes;
            handled.reading += spent;
        });
        Ok(skimmed)
    }
}

impl Replacer for Wrapped<dyn Replacer> {
    fn prepare(&mut self, objects: &[NativeObject]) -> Result<Vec<String>> {
        self.inner.prepare(objects)
    }

    fn begin(&mut self, plan: GroupPlan) -> Result<()> {
        self.inner.begin(plan)
    }

    fn writers(&mut self) -> Result<Vec<Box<dyn Writer>>> {
        let writers = self.inner.writers()?;
        Ok(writers.into_iter().map(|writer| Box::new(self.around(writer)) as Box<dyn Writer>).collect())
    }

    fn complete(&mut self) -> Result<Vec<String>> {
        self.inner.complete()
    }

    fn readable(&self) -> Readable {
        self.inner.readable()
    }

    fn readers(&mut self, count: usize) -> Result<Vec<Box<dyn Reader>>> {
        let readers = self.inner.readers(count)?;
        Ok(Wrapped::readers(self, readers))
    }

    fn chunks(&mut self, collection: &Collection, target_bytes: u64) -> Result<Vec<Chunk>> {
        self.inner.chunks(collection, target_bytes)
    }

    fn commit(&mut self) -> Result<()> {
        self.inner.commit()
    }

    fn finish(self: Box<Self>, objects: &[NativeObject]) -> Result<Vec<String>> {
        self.inner.finish(objects)
    }
}

impl Writer for Wrapped<dyn Writer> {
    fn accepts(&self, collection: &CollectionName) -> bool {
        self.inner.accepts(collection)
    }

    fn write(&mut self, collection: &CollectionName, batch: &Batch) -> Result<()> {
        let stopwatch = Stopwatch::start();
        let written = self.inner.write(collection, batch);
        let spent = stopwatch.spent();
        self.probe.add(collection, |handled| handled.writing += spent);
        written
    }

    fn finish(self: Box<Self>) -> Result<u64> {
        self.inner.finish()
    }
}
