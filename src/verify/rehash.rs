//! Reads collections again and hashes them: the half of every proof that looks at a database.

use crate::progress::{Event, Progress};
use crate::resources::Resources;
use dbferry_dialect::hash::{CollectionHash, RowHasher};
use dbferry_dialect::{Batch, Cancel, Chunk, Collection, Error, ErrorKind, ReadRequest, Reader, Result};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// A collection to hash, in chunks.
pub(crate) struct Rehash<'a> {
    /// The collection with the columns that are hashed.
    pub(crate) collection: &'a Collection,
    /// All of its chunks.
    pub(crate) chunks: Vec<Chunk>,
    /// A condition, if only some rows count.
    pub(crate) predicate: Option<&'a str>,
}

/// Hashes every collection with all readers at once; the result is in the order of `work`.
pub(crate) fn rehash(
    readers: Vec<Box<dyn Reader>>,
    work: &[Rehash<'_>],
    resources: Resources,
    cancel: &Cancel,
    progress: &dyn Progress,
) -> Result<Vec<CollectionHash>> {
    let tasks: Vec<(usize, &Chunk)> = work
        .iter()
        .enumerate()
        .flat_map(|(index, rehash)| rehash.chunks.iter().map(move |chunk| (index, chunk)))
        .collect();
    let next_task = AtomicUsize::new(0);
    let stopped = AtomicBool::new(false);
    let totals: Mutex<Result<Vec<CollectionHash>>> = Mutex::new(Ok(vec![CollectionHash::default(); work.len()]));

    Resources::pool(readers.len())?.scope(|scope| {
        for mut reader in readers {
            let (tasks, next_task, stopped, totals) = (&tasks, &next_task, &stopped, &totals);
            scope.spawn(move |_| {
                while !stopped.load(Ordering::Relaxed) {
                    let Some((index, chunk)) = tasks.get(next_task.fetch_add(1, Ordering::Relaxed)) else { break };
                    let result = hash_chunk(&mut *reader, &work[*index], chunk, resources, cancel, stopped, progress);
                    let mut totals = totals.lock().unwrap_or_else(PoisonError::into_inner);
                    match (result, &mut *totals) {
                        (Ok(hash), Ok(totals)) => totals[*index].merge(hash),
                        (Ok(_), Err(_)) => {}
                        (Err(error), totals) => {
                            stopped.store(true, Ordering::Relaxed);
                            if totals.is_ok() {
                                *totals = Err(error);
                            }
                        }
                    }
                }
            });
        }
    });
    totals.into_inner().unwrap_or_else(PoisonError::into_inner)
}

fn hash_chunk(
    reader: &mut dyn Reader,
    work: &Rehash<'_>,
    chunk: &Chunk,
    resources: Resources,
    cancel: &Cancel,
    stopped: &AtomicBool,
    progress: &dyn Progress,
) -> Result<CollectionHash> {
    let name = work.collection.name.to_string();
    let mut hasher = RowHasher::new(work.collection);
    let mut sink = |batch: Batch| {
        cancel.check()?;
        if stopped.load(Ordering::Relaxed) {
            return Err(Error::new(ErrorKind::Cancelled, "another worker failed"));
        }
        hasher.update(&batch)?;
        let (rows, bytes) = (batch.records.num_rows() as u64, batch.memory_size() as u64);
        progress.event(Event::Rows { collection: &name, rows, bytes });
        Ok(())
    };
    let request = ReadRequest {
        collection: work.collection,
        chunk,
        batch_bytes: resources.batch_bytes(),
        predicate: work.predicate,
    };
    reader.read(&request, &mut sink).map_err(|error| error.with("collection", &name))?;
    Ok(hasher.total())
}
