//! Reads collections of one thing or of two at once, with as many threads as are allowed, and hands every batch to whoever
//! gathers something of it: hashes, sums by key, rows.

use super::agree::Cast;
use super::gate::Gate;
use super::projection::Projection;
use crate::archive::{Archive, CollectionEntry, CollectionReader};
use crate::progress::{Event, Progress, RowCount, Share, divide};
use crate::resources::Resources;
use dbferry_dialect::{Batch, Cancel, Chunk, Collection, Error, ErrorKind, ReadRequest, Reader, Result};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// How to read, and who hears of it.
#[derive(Clone, Copy)]
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

/// The rows of one collection in one place, through the columns that are wanted of it.
#[derive(Clone, Debug)]
pub(crate) struct Rows<'a> {
    /// The collection as that place names it, with the wanted columns in their order, as it is read.
    pub(crate) read: Collection,
    /// What is made of the columns before anybody takes them; nothing where they are what is wanted.
    pub(crate) cast: Option<Box<Cast>>,
    /// Where they are.
    pub(crate) place: RowsPlace<'a>,
    /// How many there are, as far as anybody knows.
    pub(crate) rows: RowCount,
    /// How much work it is to read them.
    pub(crate) work: u64,
}

/// Where the rows of a collection are.
#[derive(Clone, Debug)]
pub(crate) enum RowsPlace<'a> {
    /// In an archive.
    Archive {
        /// The collection's entry.
        entry: &'a CollectionEntry,
        /// The row groups that are read.
        row_groups: Vec<usize>,
        /// How to get from the archive's columns to the wanted ones; none when they are the same.
        projection: Option<Box<Projection>>,
    },
    /// In a database.
    Database {
        /// The parts that are read.
        chunks: Vec<Chunk>,
        /// For each part a condition in the database's own SQL; one condition is for all parts.
        conditions: Vec<String>,
    },
}

impl Rows<'_> {
    /// The collection with its columns as they are taken.
    pub(crate) fn taken(&self) -> &Collection {
        self.cast.as_ref().map_or(&self.read, |cast| &cast.collection)
    }

    /// About how large each part is, compared with the others.
    fn sizes(&self) -> Vec<u64> {
        match &self.place {
            RowsPlace::Archive { entry, row_groups, .. } => {
                row_groups.iter().map(|group| entry.row_groups.get(*group).copied().unwrap_or(0)).collect()
            }
            RowsPlace::Database { chunks, .. } => chunks.iter().map(|chunk| chunk.estimated_bytes).collect(),
        }
    }
}

/// Who reads.
pub(crate) enum Workers<'a> {
    /// So many threads decode an archive.
    Archive(&'a Archive, usize),
    /// Each session of a database has a thread. All but so many begin when the gate opens.
    Readers(&'a mut [Box<dyn Reader>], Option<(usize, &'a Gate)>),
}

impl Workers<'_> {
    fn count(&self) -> usize {
        match self {
            Self::Archive(_, count) => *count,
            Self::Readers(readers, _) => readers.len(),
        }
    }
}

/// What is read in one place: some of the collections of a run, each with its number there.
pub(crate) struct Feed<'w, 't, 'a> {
    /// Who reads.
    pub(crate) workers: Workers<'w>,
    /// What.
    pub(crate) tables: Vec<(usize, &'t Rows<'a>)>,
}

/// Gathers something of the batches of all parts.
pub(crate) trait Gather: Sync {
    /// Someone who takes the batches of one part of the collection of that number, in the place of that number.
    fn part(&self, place: usize, table: usize) -> Box<dyn Part + '_>;
}

/// Takes the batches of one part.
pub(crate) trait Part {
    /// One batch; they come in order.
    fn take(&mut self, batch: &Batch) -> Result<()>;

    /// The part was read to its end.
    fn finish(self: Box<Self>);
}

/// One part of one collection to read.
struct Task {
    /// Its position in the feed's tables.
    at: usize,
    part: usize,
    rows: u64,
    work: u64,
}

/// The collections whose columns cannot be read as they are wanted, by their number, for each feed.
pub(crate) type Unreadable = Vec<BTreeMap<usize, Error>>;

/// Reads everything that `feeds` name. A collection that one place cannot read through the wanted columns is given up in
/// all places and is in the result.
///
/// # Errors
/// Whatever keeps a place from being read.
pub(crate) fn scan(feeds: Vec<Feed<'_, '_, '_>>, gather: &dyn Gather, run: &Run<'_>) -> Result<Unreadable> {
    let tables = feeds.iter().flat_map(|feed| &feed.tables).map(|(number, _)| number + 1).max().unwrap_or(0);
    let shared = Shared {
        gather,
        run,
        stopped: AtomicBool::new(false),
        given_up: (0..tables).map(|_| AtomicBool::new(false)).collect(),
        outcome: Mutex::new(Ok(feeds.iter().map(|_| BTreeMap::new()).collect())),
    };
    let queues: Vec<Queue<'_, '_>> = feeds.iter().map(|feed| Queue::new(&feed.tables)).collect();
    let threads = feeds.iter().map(|feed| feed.workers.count()).sum();
    Resources::pool(threads)?.scope(|scope| {
        for (place, (feed, queue)) in feeds.into_iter().zip(&queues).enumerate() {
            let shared = &shared;
            match feed.workers {
                Workers::Archive(archive, count) => {
                    for _ in 0..count {
                        scope.spawn(move |_| {
                            queue.work(place, shared, &mut |task, sink| queue.decode(archive, run, task, sink));
                        });
                    }
                }
                Workers::Readers(readers, later) => {
                    for (number, reader) in readers.iter_mut().enumerate() {
                        scope.spawn(move |_| {
                            if let Some((_, gate)) = later.filter(|(first, _)| number >= *first) {
                                gate.wait();
                            }
                            queue.work(place, shared, &mut |task, sink| queue.fetch(&mut **reader, run, task, sink));
                        });
                    }
                }
            }
        }
    });
    shared.outcome.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// What all threads share.
struct Shared<'a> {
    gather: &'a dyn Gather,
    run: &'a Run<'a>,
    stopped: AtomicBool,
    /// For each collection whether it cannot be read somewhere.
    given_up: Vec<AtomicBool>,
    outcome: Mutex<Result<Unreadable>>,
}

/// The parts that one place has to read.
struct Queue<'t, 'a> {
    tables: Vec<(usize, &'t Rows<'a>)>,
    tasks: Vec<Task>,
    next: AtomicUsize,
    /// For each collection its reader, open from its first row group to its last.
    open: Vec<Mutex<Slot>>,
}

/// A collection's reader in an archive.
struct Slot {
    reader: Option<Arc<CollectionReader>>,
    /// Row groups that are not decoded yet.
    left: usize,
}

/// Reads one part and hands on its batches.
type Read<'r> = &'r mut dyn FnMut(&Task, &mut dyn FnMut(Batch) -> Result<()>) -> Result<()>;

impl<'t, 'a> Queue<'t, 'a> {
    fn new(tables: &[(usize, &'t Rows<'a>)]) -> Self {
        let mut tasks = Vec::new();
        let mut open = Vec::new();
        for (at, (_, rows)) in tables.iter().enumerate() {
            let sizes = rows.sizes();
            open.push(Mutex::new(Slot { reader: None, left: sizes.len() }));
            let shares = |whole: u64| divide(whole, sizes.iter().copied());
            let parts = shares(rows.rows.number().unwrap_or(0)).into_iter().zip(shares(rows.work)).enumerate();
            tasks.extend(parts.map(|(part, (rows, work))| Task { at, part, rows, work }));
        }
        Self { tables: tables.to_vec(), tasks, next: AtomicUsize::new(0), open }
    }

    /// Reads part after part until all are done or somebody fails.
    fn work(&self, place: usize, shared: &Shared<'_>, read: Read<'_>) {
        while !shared.stopped.load(Ordering::Relaxed) {
            let Some(task) = self.tasks.get(self.next.fetch_add(1, Ordering::Relaxed)) else { break };
            let number = self.tables[task.at].0;
            let given_up = &shared.given_up[number];
            let share = Share::new(shared.run.progress, task.work, task.rows);
            if given_up.load(Ordering::Relaxed) {
                share.finish();
                continue;
            }
            match self.read(place, shared, task, share, read) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::Incompatible => {
                    given_up.store(true, Ordering::Relaxed);
                    if let Ok(unreadable) = &mut *shared.outcome.lock().unwrap_or_else(PoisonError::into_inner) {
                        unreadable[place].entry(number).or_insert(error);
                    }
                }
                Err(error) => {
                    shared.stopped.store(true, Ordering::Relaxed);
                    let mut outcome = shared.outcome.lock().unwrap_or_else(PoisonError::into_inner);
                    // The first failure is the cause of the others.
                    if outcome.is_ok() {
                        *outcome = Err(error);
                    }
                }
            }
        }
    }

    fn read(&self, place: usize, shared: &Shared<'_>, task: &Task, mut share: Share<'_>, read: Read<'_>) -> Result<()> {
        let (number, rows) = self.tables[task.at];
        let name = rows.read.name.to_string();
        let progress = shared.run.progress;
        if task.part == 0 {
            progress.event(Event::CollectionStarted { collection: &name, rows: rows.rows });
        }
        let mut part = shared.gather.part(place, number);
        let result = read(task, &mut |batch| {
            shared.run.cancel.check()?;
            if shared.stopped.load(Ordering::Relaxed) {
                return Err(Error::new(ErrorKind::Cancelled, "another worker failed"));
            }
            match &rows.cast {
                Some(cast) => part.take(&cast.apply(&batch)?)?,
                None => part.take(&batch)?,
            }
            let (rows, bytes) = (batch.records.num_rows() as u64, batch.memory_size() as u64);
            progress.event(Event::Rows { collection: &name, rows, bytes, again: shared.run.again });
            share.advance(rows);
            Ok(())
        });
        share.finish();
        result.map_err(|error| error.with("collection", &name))?;
        part.finish();
        Ok(())
    }

    /// Reads a part of a database.
    fn fetch(
        &self,
        reader: &mut dyn Reader,
        run: &Run<'_>,
        task: &Task,
        sink: &mut dyn FnMut(Batch) -> Result<()>,
    ) -> Result<()> {
        let rows = self.tables[task.at].1;
        let RowsPlace::Database { chunks, conditions } = &rows.place else {
            return Err(Error::new(ErrorKind::Internal, "a database was asked for rows of an archive"));
        };
        let condition = conditions.get(task.part).or_else(|| conditions.first().filter(|_| conditions.len() == 1));
        let request = ReadRequest {
            collection: &rows.read,
            chunk: &chunks[task.part],
            batch_bytes: run.resources.batch_bytes(),
            predicate: condition.map(String::as_str),
        };
        let mut sink = sink;
        reader.read(&request, &mut sink).map(drop)
    }

    /// Decodes a part of an archive.
    fn decode(
        &self,
        archive: &Archive,
        run: &Run<'_>,
        task: &Task,
        sink: &mut dyn FnMut(Batch) -> Result<()>,
    ) -> Result<()> {
        let RowsPlace::Archive { entry, row_groups, projection } = &self.tables[task.at].1.place else {
            return Err(Error::new(ErrorKind::Internal, "an archive was asked for rows of a database"));
        };
        let reader = self.reader(archive, entry, task.at)?;
        let read = reader.read(row_groups[task.part], run.resources.batch_bytes(), &mut |batch| match projection {
            Some(projection) => sink(projection.project(&batch)?),
            None => sink(batch),
        });
        self.close(task.at);
        read
    }

    /// The collection's reader, opened by whoever needs it first.
    fn reader(&self, archive: &Archive, entry: &CollectionEntry, at: usize) -> Result<Arc<CollectionReader>> {
        let mut slot = self.open[at].lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(reader) = &slot.reader {
            return Ok(Arc::clone(reader));
        }
        let reader = Arc::new(archive.collection(entry)?);
        Ok(Arc::clone(slot.reader.insert(reader)))
    }

    /// A part is done; after the last one the file is closed, so that no more are open than there are threads.
    fn close(&self, at: usize) {
        let mut slot = self.open[at].lock().unwrap_or_else(PoisonError::into_inner);
        slot.left = slot.left.saturating_sub(1);
        if slot.left == 0 {
            slot.reader = None;
        }
    }
}
