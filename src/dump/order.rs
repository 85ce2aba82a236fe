//! Puts row groups into their file in chunk order, though chunks are encoded in any order.
//!
//! The worker whose chunk is next in its collection appends at once and never waits, so there is always progress. A worker
//! that is ahead leaves its row groups here while the budget lasts, and waits for its turn when it is spent.

use crate::archive::{CollectionFiles, CollectionWriter, EncodedRowGroup};
use dbferry_dialect::hash::CollectionHash;
use dbferry_dialect::{Error, ErrorKind, Result};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What all workers of a dump share: the budget for row groups that wait, and whether somebody failed.
#[derive(Debug)]
pub(super) struct Shared {
    budget: u64,
    waiting_bytes: AtomicU64,
    stopped: AtomicBool,
}

impl Shared {
    pub(super) fn new(budget: u64) -> Self {
        Self { budget, waiting_bytes: AtomicU64::new(0), stopped: AtomicBool::new(false) }
    }

    /// Makes every worker stop at its next batch.
    pub(super) fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// Takes `size` bytes of the budget, if that many are left.
    fn reserve(&self, size: u64) -> bool {
        let reserved = |waiting: u64| Some(waiting + size).filter(|sum| *sum <= self.budget);
        self.waiting_bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, reserved).is_ok()
    }
}

/// Stops all workers when the one that holds it panics. They may be waiting for its turn, which never comes.
pub(super) struct StopOnPanic<'a>(pub(super) &'a Shared);

impl Drop for StopOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.stop();
        }
    }
}

/// The file of one collection, and the row groups that wait for their turn.
pub(super) struct OrderedFile {
    state: Mutex<State>,
    turn: Condvar,
    chunks: usize,
}

struct State {
    /// Present from the first chunk's start to the last chunk's end.
    writer: Option<CollectionWriter>,
    next: usize,
    waiting: BTreeMap<usize, Waiting>,
    hash: CollectionHash,
    written_rows: u64,
}

#[derive(Default)]
struct Waiting {
    groups: Vec<EncodedRowGroup>,
    finished: bool,
}

/// A collection whose last chunk was appended.
pub(super) struct Finished {
    pub(super) files: CollectionFiles,
    pub(super) hash: CollectionHash,
}

impl OrderedFile {
    /// For a collection of `chunks` chunks.
    pub(super) fn new(chunks: usize) -> Self {
        Self {
            state: Mutex::new(State {
                writer: None,
                next: 0,
                waiting: BTreeMap::new(),
                hash: CollectionHash::default(),
                written_rows: 0,
            }),
            turn: Condvar::new(),
            chunks,
        }
    }

    /// Runs `action` with the collection's writer, which `open` makes on the first call.
    pub(super) fn with_writer<T>(
        &self,
        open: impl FnOnce() -> Result<CollectionWriter>,
        action: impl FnOnce(&CollectionWriter) -> Result<T>,
    ) -> Result<T> {
        let mut state = self.lock();
        let writer = match &mut state.writer {
            Some(writer) => writer,
            empty => empty.insert(open()?),
        };
        action(writer)
    }

    /// Takes the next row group of `chunk`; waits when it is not the chunk's turn and the budget is spent.
    pub(super) fn submit(&self, shared: &Shared, chunk: usize, group: EncodedRowGroup) -> Result<()> {
        let size = group.memory_size() as u64;
        let mut state = self.lock();
        loop {
            if shared.is_stopped() {
                return Err(Error::new(ErrorKind::Cancelled, "another worker failed"));
            }
            if state.next == chunk {
                return state.append(group);
            }
            if shared.reserve(size) {
                state.waiting.entry(chunk).or_default().groups.push(group);
                return Ok(());
            }
            // The time-out is for a failure elsewhere, and for budget that another collection gave back.
            state = self.turn.wait_timeout(state, Duration::from_millis(50)).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Ends `chunk`, whose rows hash to `hash`. Returns the finished file after the last chunk.
    pub(super) fn finish_chunk(&self, shared: &Shared, chunk: usize, hash: CollectionHash) -> Result<Option<Finished>> {
        let mut state = self.lock();
        state.hash.merge(hash);
        if state.next != chunk {
            state.waiting.entry(chunk).or_default().finished = true;
            return Ok(None);
        }
        state.next += 1;
        loop {
            let next = state.next;
            let Some(waiting) = state.waiting.get_mut(&next) else { break };
            let finished = waiting.finished;
            for group in std::mem::take(&mut waiting.groups) {
                shared.waiting_bytes.fetch_sub(group.memory_size() as u64, Ordering::Relaxed);
                state.append(group)?;
            }
            if !finished {
                break;
            }
            state.waiting.remove(&next);
            state.next += 1;
        }
        self.turn.notify_all();
        if state.next < self.chunks {
            return Ok(None);
        }
        let Some(writer) = state.writer.take() else {
            return Err(Error::new(ErrorKind::Internal, "a collection was finished twice"));
        };
        if state.written_rows != state.hash.rows {
            return Err(Error::new(
                ErrorKind::Internal,
                format!("{} rows were read and {} written", state.hash.rows, state.written_rows),
            ));
        }
        let hash = state.hash;
        Ok(Some(Finished { files: writer.finish(hash)?, hash }))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A worker that panicked stops the dump; its file is thrown away with the archive.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn append(&mut self, group: EncodedRowGroup) -> Result<()> {
        self.written_rows += group.rows();
        match &mut self.writer {
            Some(writer) => writer.append(group),
            None => Err(Error::new(ErrorKind::Internal, "a row group came before its file")),
        }
    }
}
