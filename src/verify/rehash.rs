//! Reads collections again and hashes them: the half of every proof that looks at a database.

use super::work;
use crate::archive::CollectionEntry;
use crate::progress::{Event, Progress, RowCount, Share, divide};
use crate::resources::Resources;
use dbferry_dialect::hash::{CollectionHash, RowHasher};
use dbferry_dialect::{Batch, Cancel, Chunk, Collection, Error, ErrorKind, ReadRequest, Reader, Result};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// A collection to hash, in chunks.
pub(crate) struct Rehash<'a> {
    /// The collection with the columns that are hashed.
    collection: &'a Collection,
    /// All of its chunks.
    chunks: Vec<Chunk>,
    /// A condition, if only some rows count.
    predicate: Option<&'a str>,
    /// How many rows there should be.
    pub(crate) rows: u64,
    /// How much work it is.
    pub(crate) work: u64,
}

impl<'a> Rehash<'a> {
    /// The rows that `entry` describes, with the columns of `collection`, in `chunks` of the database that is read.
    pub(crate) fn new(
        entry: &'a CollectionEntry,
        collection: &'a Collection,
        chunks: Vec<Chunk>,
        predicate: Option<&'a str>,
    ) -> Self {
        Self { collection, chunks, predicate, rows: entry.rows, work: work::reread(entry) }
    }

    /// `rows` rows that were loaded, with the columns of `collection`, in `chunks` of the database that is read. So much of
    /// the planned `work` is it; none where it is done a second time.
    pub(crate) fn of_loaded(collection: &'a Collection, chunks: Vec<Chunk>, rows: u64, work: u64) -> Self {
        Self { collection, chunks, predicate: None, rows, work }
    }
}

/// How to read, and who hears of it.
pub(crate) struct Run<'a> {
    /// Threads and memory.
    pub(crate) resources: Resources,
    /// Cancels it.
    pub(crate) cancel: &'a Cancel,
    /// Hears of rows and work.
    pub(crate) progress: &'a dyn Progress,
    /// Whether the rows were moved in the same run.
    pub(crate) again: bool,
}

/// One chunk to read.
struct Task<'a> {
    place: usize,
    chunk: &'a Chunk,
    rows: u64,
    work: u64,
}

/// What came of each collection: its hash, or why its columns cannot be read as they are wanted.
type Found = Vec<Result<CollectionHash>>;

/// Hashes every collection with all readers at once; the result is in the order of `work`.
///
/// # Errors
/// Whatever keeps the database from being read. That a collection has other columns than are wanted is a result.
pub(crate) fn rehash(readers: Vec<Box<dyn Reader>>, work: &[Rehash<'_>], run: &Run<'_>) -> Result<Found> {
    let mut tasks = Vec::new();
    for (place, rehash) in work.iter().enumerate() {
        let sizes = || rehash.chunks.iter().map(|chunk| chunk.estimated_bytes);
        let parts = divide(rehash.rows, sizes()).into_iter().zip(divide(rehash.work, sizes()));
        tasks.extend(rehash.chunks.iter().zip(parts).map(|(chunk, (rows, work))| Task { place, chunk, rows, work }));
    }
    let next_task = AtomicUsize::new(0);
    let stopped = AtomicBool::new(false);
    let nothing = || work.iter().map(|_| Ok(CollectionHash::default())).collect();
    let outcome: Mutex<Result<Found>> = Mutex::new(Ok(nothing()));

    Resources::pool(readers.len())?.scope(|scope| {
        for mut reader in readers {
            let (tasks, next_task, stopped, outcome) = (&tasks, &next_task, &stopped, &outcome);
            scope.spawn(move |_| {
                while !stopped.load(Ordering::Relaxed) {
                    let Some(task) = tasks.get(next_task.fetch_add(1, Ordering::Relaxed)) else { break };
                    let result = hash_chunk(&mut *reader, &work[task.place], task, run, stopped);
                    let mut outcome = outcome.lock().unwrap_or_else(PoisonError::into_inner);
                    let Ok(found) = &mut *outcome else { continue };
                    match (result, &mut found[task.place]) {
                        (Ok(hash), Ok(total)) => total.merge(hash),
                        (Ok(_), Err(_)) => {}
                        (Err(error), found) if error.kind() == ErrorKind::Incompatible => *found = Err(error),
                        (Err(error), _) => {
                            stopped.store(true, Ordering::Relaxed);
                            *outcome = Err(error);
                        }
                    }
                }
            });
        }
    });
    outcome.into_inner().unwrap_or_else(PoisonError::into_inner)
}

fn hash_chunk(
    reader: &mut dyn Reader,
    rehash: &Rehash<'_>,
    task: &Task<'_>,
    run: &Run<'_>,
    stopped: &AtomicBool,
) -> Result<CollectionHash> {
    let name = rehash.collection.name.to_string();
    let mut hasher = RowHasher::new(rehash.collection);
    let mut share = Share::new(run.progress, task.work, task.rows);
    if rehash.chunks.first().is_some_and(|first| std::ptr::eq(first, task.chunk)) {
        run.progress.event(Event::CollectionStarted { collection: &name, rows: RowCount::Exactly(rehash.rows) });
    }
    let mut sink = |batch: Batch| {
        run.cancel.check()?;
        if stopped.load(Ordering::Relaxed) {
            return Err(Error::new(ErrorKind::Cancelled, "another worker failed"));
        }
        hasher.update(&batch)?;
        let (rows, bytes) = (batch.records.num_rows() as u64, batch.memory_size() as u64);
        run.progress.event(Event::Rows { collection: &name, rows, bytes, again: run.again });
        share.advance(rows);
        Ok(())
    };
    let request = ReadRequest {
        collection: rehash.collection,
        chunk: task.chunk,
        batch_bytes: run.resources.batch_bytes(),
        predicate: rehash.predicate,
    };
    let result = reader.read(&request, &mut sink).map_err(|error| error.with("collection", &name));
    share.finish();
    result?;
    Ok(hasher.total())
}
