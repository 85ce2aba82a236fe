//! The rows of a snapshot, handed out by its readers.

use crate::endpoint::Endpoint;
use crate::progress::Progress;
use crate::resources::Resources;
use crate::restore::{Division, Measure, Offered, RestoreOptions, RowSupply};
use crate::verify::work::{self, Amount};
use dbferry_dialect::{
    Batch, Chunk, Collection, Database, Error, ErrorKind, ReadRequest, Reader, Result, Sink, Snapshot,
};
use rayon::prelude::*;
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};

/// A snapshot and its readers, who take turns: there may be fewer of them than there are threads that want to read.
pub(super) struct SnapshotRows {
    /// Present until everything is read.
    snapshot: Mutex<Option<Box<dyn Snapshot>>>,
    /// The readers that nobody uses just now.
    idle: Mutex<Vec<Box<dyn Reader>>>,
    returned: Condvar,
    chunk_bytes: u64,
    /// Kept as long as its snapshot.
    _database: Mutex<Box<dyn Database>>,
}

/// The rows of some collections of a snapshot, by their places.
pub(super) struct CollectionRows<'a> {
    from: &'a SnapshotRows,
    source: &'a Endpoint<'a>,
    collections: Vec<Divided<'a>>,
}

struct Divided<'a> {
    collection: &'a Collection,
    predicate: Option<&'a str>,
    chunks: OnceLock<Vec<Chunk>>,
}

impl SnapshotRows {
    /// Rows in chunks of about that many bytes.
    pub(super) fn new(database: Box<dyn Database>, mut snapshot: Box<dyn Snapshot>, chunk_bytes: u64) -> Self {
        Self {
            idle: Mutex::new(snapshot.readers()),
            snapshot: Mutex::new(Some(snapshot)),
            returned: Condvar::new(),
            chunk_bytes,
            _database: Mutex::new(database),
        }
    }

    /// The rows of those collections.
    pub(super) fn of<'a>(&'a self, source: &'a Endpoint<'a>, offered: &[Offered<'a>]) -> CollectionRows<'a> {
        let collections = offered.iter().map(|offered| Divided {
            collection: offered.collection,
            predicate: offered.partial,
            chunks: OnceLock::new(),
        });
        CollectionRows { from: self, source, collections: collections.collect() }
    }

    /// A reader, as soon as one is free.
    fn reader(&self) -> Borrowed<'_> {
        let mut idle = lock(&self.idle);
        loop {
            if let Some(reader) = idle.pop() {
                return Borrowed { from: self, reader: Some(reader) };
            }
            idle = self.returned.wait(idle).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// A reader in use. It is given back when it is dropped, also after a failure: others may be waiting for it, and have to
/// see that the run is over.
struct Borrowed<'a> {
    from: &'a SnapshotRows,
    reader: Option<Box<dyn Reader>>,
}

impl Drop for Borrowed<'_> {
    fn drop(&mut self) {
        lock(&self.from.idle).extend(self.reader.take());
        self.from.returned.notify_one();
    }
}

impl CollectionRows<'_> {
    fn divided(&self, place: usize) -> Result<&Divided<'_>> {
        self.collections.get(place).ok_or_else(|| Error::new(ErrorKind::Internal, "there is no such collection"))
    }
}

impl RowSupply for CollectionRows<'_> {
    fn divide(&self, place: usize) -> Result<Division> {
        let Divided { collection, chunks: divided, .. } = self.divided(place)?;
        let chunks = match &mut *lock(&self.from.snapshot) {
            Some(snapshot) => snapshot.chunks(collection, self.from.chunk_bytes).map_err(|e| self.source.name(e))?,
            None => return Err(Error::new(ErrorKind::Internal, "the snapshot was released before it was read")),
        };
        let parts: Vec<u64> = chunks.iter().map(|chunk| chunk.estimated_bytes).collect();
        let bytes = work::sum(parts.iter().copied());
        divided.get_or_init(|| chunks);
        Ok(Division {
            parts,
            measure: Measure::Bytes,
            amount: Amount { rows: collection.estimate.rows.unwrap_or(0), bytes },
            check: 0,
        })
    }

    /// There is nothing to look at: a database has no hashes of its files.
    fn check(&self, _places: &[usize], _options: &RestoreOptions, _progress: &dyn Progress) -> Result<()> {
        Ok(())
    }

    fn read(&self, place: usize, part: usize, batch_bytes: usize, sink: &mut dyn Sink) -> Result<()> {
        let Divided { collection, predicate, chunks } = self.divided(place)?;
        let Some(chunk) = chunks.get().and_then(|chunks| chunks.get(part)) else {
            return Err(Error::new(ErrorKind::Internal, "a collection was read before it was divided"));
        };
        let request = ReadRequest { collection, chunk, batch_bytes, predicate: *predicate };
        let mut delivered = 0;
        let mut failed_sink = false;
        let mut borrowed = self.from.reader();
        let Some(reader) = &mut borrowed.reader else {
            return Err(Error::new(ErrorKind::Internal, "a reader was lost"));
        };
        let result = reader.read(&request, &mut |batch: Batch| {
            delivered += batch.records.num_rows() as u64;
            sink.push(batch).inspect_err(|_| failed_sink = true)
        });
        // What the sink says is not the source's.
        let rows = result.map_err(|error| if failed_sink { error } else { self.source.name(error) })?;
        if rows != delivered {
            let message = format!("the reader counted {rows} rows and delivered {delivered}");
            return Err(self.source.name(Error::new(ErrorKind::Internal, message)));
        }
        Ok(())
    }

    fn scan(
        &self,
        place: usize,
        positions: &[usize],
        options: &RestoreOptions,
        sink: &(dyn Fn(Batch) -> Result<()> + Sync),
    ) -> Result<()> {
        let Divided { collection, predicate, .. } = self.divided(place)?;
        let mut wanted = (*collection).clone();
        wanted.columns = positions.iter().filter_map(|at| collection.columns.get(*at).cloned()).collect();
        let chunks = match &mut *lock(&self.from.snapshot) {
            Some(snapshot) => snapshot.chunks(collection, self.from.chunk_bytes).map_err(|e| self.source.name(e))?,
            None => return Err(Error::new(ErrorKind::Internal, "the snapshot was released before it was read")),
        };
        let batch_bytes = options.resources.batch_bytes();
        let part = |chunk: &Chunk| {
            options.cancel.check()?;
            let request = ReadRequest { collection: &wanted, chunk, batch_bytes, predicate: *predicate };
            let mut borrowed = self.from.reader();
            let Some(reader) = &mut borrowed.reader else {
                return Err(Error::new(ErrorKind::Internal, "a reader was lost"));
            };
            reader.read(&request, &mut |batch: Batch| sink(batch)).map(drop).map_err(|error| self.source.name(error))
        };
        Resources::pool(options.resources.jobs)?.install(|| chunks.par_iter().try_for_each(part))
    }

    fn waits(&self) -> bool {
        true
    }

    fn finish(&self) -> Result<()> {
        let Some(snapshot) = lock(&self.from.snapshot).take() else { return Ok(()) };
        // In this order, so that no session is in use while the snapshot ends.
        lock(&self.from.idle).clear();
        snapshot.finish().map_err(|error| self.source.name(error))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A thread that panicked ends the run; nothing under these locks can be half done.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
