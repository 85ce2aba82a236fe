//! The workers of a dump: each thread owns one reader, pulls chunks, and turns them into row groups.

use super::order::{Finished, OrderedFile, Shared, StopOnPanic};
use crate::archive::{ArchiveWriter, CollectionWriter, RowGroupEncoder};
use crate::progress::{Event, Progress, RowCount, Share, Stage, spend};
use crate::resources::Resources;
use dbferry_dialect::hash::{CollectionHash, RowHasher};
use dbferry_dialect::{
    Batch, Cancel, Chunk, Collection, DatabaseInfo, Error, ErrorKind, ReadRequest, Reader, Result, Snapshot,
};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// One collection to dump, with its place in the archive.
pub(super) struct Job<'a> {
    pub(super) collection: &'a Collection,
    pub(super) group: &'a str,
    pub(super) predicate: Option<&'a str>,
    pub(super) chunks: Vec<Chunk>,
}

impl Job<'_> {
    /// How many rows it will give.
    pub(super) fn rows(&self) -> RowCount {
        match self.predicate {
            None => RowCount::estimated(self.collection.estimate.rows),
            Some(_) => RowCount::Unknown,
        }
    }
}

/// How much work a chunk is: about its bytes, and what it costs to begin and to end one, however small it is.
pub(super) fn work(chunk: &Chunk) -> u64 {
    const EACH: u64 = 64 << 10;
    chunk.estimated_bytes.saturating_add(EACH)
}

/// What the workers need to know.
pub(super) struct Context<'a> {
    pub(super) archive: &'a ArchiveWriter,
    pub(super) source: &'a DatabaseInfo,
    pub(super) jobs: &'a [Job<'a>],
    pub(super) resources: Resources,
    pub(super) row_group_bytes: usize,
    pub(super) cancel: &'a Cancel,
    pub(super) progress: &'a dyn Progress,
}

/// Reads every chunk of every job with all readers of the snapshot; returns the finished files, one a job.
pub(super) fn run(context: &Context<'_>, snapshot: &mut dyn Snapshot) -> Result<Vec<Finished>> {
    let readers = snapshot.readers();
    // The largest collections first, so that no thread ends up alone with one of them.
    let mut order: Vec<usize> = (0..context.jobs.len()).collect();
    order.sort_by_cached_key(|job| {
        std::cmp::Reverse(context.jobs[*job].chunks.iter().map(|chunk| chunk.estimated_bytes).sum::<u64>())
    });
    let tasks: Vec<(usize, usize)> =
        order.into_iter().flat_map(|job| (0..context.jobs[job].chunks.len()).map(move |chunk| (job, chunk))).collect();

    let files: Vec<OrderedFile> = context.jobs.iter().map(|job| OrderedFile::new(job.chunks.len())).collect();
    let shared = Shared::new(context.resources.memory / 4);
    let next_task = AtomicUsize::new(0);
    let outcome: Mutex<Outcome> =
        Mutex::new(Outcome { finished: context.jobs.iter().map(|_| None).collect(), error: None });

    let pool = Resources::pool(readers.len())?;
    pool.scope(|scope| {
        for mut reader in readers {
            let (tasks, files, shared, next_task, outcome) = (&tasks, &files, &shared, &next_task, &outcome);
            scope.spawn(move |_| {
                let _guard = StopOnPanic(shared);
                while !shared.is_stopped() {
                    let Some((job, chunk)) = tasks.get(next_task.fetch_add(1, Ordering::Relaxed)).copied() else {
                        break;
                    };
                    let result = dump_chunk(context, &mut *reader, shared, job, chunk, &files[job]);
                    let mut outcome = outcome.lock().unwrap_or_else(PoisonError::into_inner);
                    match result {
                        Ok(None) => {}
                        Ok(Some(finished)) => {
                            let rows = finished.hash.rows;
                            outcome.finished[job] = Some(finished);
                            let collection = context.jobs[job].collection.name.to_string();
                            context.progress.event(Event::CollectionFinished { collection: &collection, rows });
                        }
                        Err(error) => {
                            // The first failure is the cause; the others only stopped because of it.
                            outcome.error.get_or_insert(error);
                            shared.stop();
                        }
                    }
                }
            });
        }
    });

    let outcome = outcome.into_inner().unwrap_or_else(PoisonError::into_inner);
    if let Some(error) = outcome.error {
        return Err(error);
    }
    let finished: Option<Vec<Finished>> = outcome.finished.into_iter().collect();
    finished.ok_or_else(|| Error::new(ErrorKind::Internal, "a collection was left unfinished"))
}

struct Outcome {
    finished: Vec<Option<Finished>>,
    error: Option<Error>,
}

fn dump_chunk(
    context: &Context<'_>,
    reader: &mut dyn Reader,
    shared: &Shared,
    job: usize,
    chunk_index: usize,
    file: &OrderedFile,
) -> Result<Option<Finished>> {
    let Job { collection, group, predicate, chunks } = &context.jobs[job];
    let part = &chunks[chunk_index];
    let name = collection.name.to_string();
    let named = |error: Error| error.with("collection", &name);
    if chunk_index == 0 {
        context.progress.event(Event::CollectionStarted { collection: &name, rows: context.jobs[job].rows() });
    }
    let mut share = Share::new(context.progress, work(part), part.estimated_bytes);
    let new_encoder = || {
        let encoder = |writer: &CollectionWriter| Ok(writer.encoder());
        file.with_writer(|| context.archive.collection(collection, group, context.source), encoder)
    };
    let mut chunk = ChunkWork { hasher: RowHasher::new(collection), encoder: Some(new_encoder().map_err(named)?) };
    let mut sink = |batch: Batch| {
        if shared.is_stopped() {
            return Err(Error::new(ErrorKind::Cancelled, "another worker failed"));
        }
        context.cancel.check()?;
        if let Some(full) = chunk.take(&batch, context, new_encoder)? {
            let full = spend(context.progress, Stage::Encode, || full.finish())?;
            spend(context.progress, Stage::Write, || file.submit(shared, chunk_index, full))?;
        }
        let (rows, bytes) = (batch.records.num_rows() as u64, batch.memory_size() as u64);
        context.progress.event(Event::Rows { collection: &name, rows, bytes, again: false });
        share.advance(bytes);
        Ok(())
    };
    let request =
        ReadRequest { collection, chunk: part, batch_bytes: context.resources.batch_bytes(), predicate: *predicate };
    let rows = reader.read(&request, &mut sink).map_err(named)?;
    let (hash, rest) = chunk.end();
    if rows != hash.rows {
        let message = format!("the reader counted {rows} rows and delivered {}", hash.rows);
        return Err(named(Error::new(ErrorKind::Internal, message)));
    }
    if let Some(rest) = rest {
        let rest = spend(context.progress, Stage::Encode, || rest.finish()).map_err(named)?;
        spend(context.progress, Stage::Write, || file.submit(shared, chunk_index, rest)).map_err(named)?;
    }
    share.finish();
    spend(context.progress, Stage::Write, || file.finish_chunk(shared, chunk_index, hash)).map_err(named)
}

/// The row group that a chunk is filling, and the hash of the rows so far.
struct ChunkWork {
    hasher: RowHasher,
    encoder: Option<RowGroupEncoder>,
}

impl ChunkWork {
    /// Hashes and encodes a batch; returns the encoder when it is full.
    fn take(
        &mut self,
        batch: &Batch,
        context: &Context<'_>,
        new_encoder: impl Fn() -> Result<RowGroupEncoder>,
    ) -> Result<Option<RowGroupEncoder>> {
        spend(context.progress, Stage::Hash, || self.hasher.update(batch))?;
        let encoder = match &mut self.encoder {
            Some(encoder) => encoder,
            empty => empty.insert(new_encoder()?),
        };
        spend(context.progress, Stage::Encode, || encoder.write(batch))?;
        // A chunk is planned to be one row group; a little more is better than a crumb of a second one.
        let full = encoder.input_bytes() >= context.row_group_bytes + context.row_group_bytes / 2;
        Ok(if full { self.encoder.take() } else { None })
    }

    fn end(self) -> (CollectionHash, Option<RowGroupEncoder>) {
        (self.hasher.total(), self.encoder.filter(|encoder| encoder.rows() > 0))
    }
}
