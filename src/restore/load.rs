//! Loads one unit of groups and proves it.
//!
//! Each writer of the target is one lane. Where there are fewer writers than jobs, a lane is two threads: one decodes and
//! hashes, the other writes, with a few batches between them; otherwise a lane does both in turn.

use super::{Proof, RestoreOptions, RestoredCollection};
use crate::archive::{Archive, CollectionEntry, CollectionReader};
use crate::progress::{Event, Progress, RowCount, Share, divide};
use crate::resources::Resources;
use crate::verify::{Projection, Rehash, Run, difference, rehash, work};
use dbferry_dialect::hash::{CollectionHash, RowHasher};
use dbferry_dialect::{
    Batch, Collection, CollectionAction, CollectionName, Error, ErrorKind, GroupPlan, Replacer, Result, Writer,
};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

/// What is loaded, and how.
pub(super) struct Load<'a> {
    pub(super) archive: &'a Archive,
    pub(super) entries: &'a BTreeMap<CollectionName, &'a CollectionEntry>,
    pub(super) same_dialect: bool,
    pub(super) options: &'a RestoreOptions,
    pub(super) progress: &'a dyn Progress,
    pub(super) group: &'a str,
}

/// Whether the rows that an action loads can be found again and hashed: they stand alone, and the dialect that reads them is
/// the one that the hash was taken in.
pub(super) fn is_provable(same_dialect: bool, action: Option<CollectionAction>) -> bool {
    same_dialect && action.is_some_and(|action| action.loads() && action != CollectionAction::Append)
}

/// Replaces one unit: begin, load, complete, prove, switch.
pub(super) fn replace(
    load: &Load<'_>,
    replacer: &mut dyn Replacer,
    plan: GroupPlan,
    warnings: &mut Vec<String>,
) -> Result<Vec<RestoredCollection>> {
    let group = Some(load.group);
    let actions: Vec<(CollectionName, CollectionName, CollectionAction)> = plan
        .collections
        .iter()
        .map(|collection| (collection.source.name.clone(), collection.target.clone(), collection.action))
        .collect();
    let entry = |source: &CollectionName, action: CollectionAction| {
        if action.loads() { load.entries.get(source).copied() } else { None }
    };
    let loaded: Vec<&CollectionEntry> =
        actions.iter().filter_map(|(source, _, action)| entry(source, *action)).collect();

    replacer.begin(plan)?;
    load.progress.event(Event::Phase { name: "load", group });
    let written = load_rows(load, replacer.writers()?, &loaded)?;
    load.options.cancel.check()?;
    load.progress.event(Event::Phase { name: "indexes", group });
    warnings.extend(replacer.complete()?);
    load.progress.event(Event::Work { amount: work::sum(loaded.iter().map(|entry| work::complete(entry))) });
    load.options.cancel.check()?;
    load.progress.event(Event::Phase { name: "prove", group });
    let of_kind = |provable: bool| -> Vec<&CollectionEntry> {
        let chosen = actions.iter().filter(|(_, _, action)| is_provable(load.same_dialect, Some(*action)) == provable);
        chosen.filter_map(|(source, _, action)| entry(source, *action)).collect()
    };
    let computed = prove(load, replacer, &of_kind(true), &written, warnings)?;
    for entry in of_kind(false) {
        let name = entry.collection.name.to_string();
        load.progress.event(Event::CollectionFinished { collection: &name, rows: entry.rows });
    }
    load.options.cancel.check()?;
    load.progress.event(Event::Phase { name: "switch", group });
    replacer.commit()?;

    let restored = actions.into_iter().map(|(source, target, action)| {
        let entry = entry(&source, action);
        let proof = match entry {
            None => Proof::Nothing,
            Some(_) if computed.contains(&source) => Proof::HashWithoutGenerated,
            Some(_) if is_provable(load.same_dialect, Some(action)) => Proof::Hash,
            Some(_) => Proof::Count,
        };
        RestoredCollection { collection: target, action, rows: entry.map_or(0, |entry| entry.rows), proof }
    });
    Ok(restored.collect())
}

/// One row group of one collection.
struct Task {
    collection: usize,
    row_group: usize,
    work: u64,
}

/// A collection's reader, open from its first row group to its last.
struct Slot {
    reader: Option<Arc<CollectionReader>>,
    /// Row groups that are not decoded yet.
    left: usize,
}

/// What the lanes share.
struct Lanes<'a> {
    load: &'a Load<'a>,
    entries: &'a [&'a CollectionEntry],
    slots: Vec<Mutex<Slot>>,
    tasks: Mutex<VecDeque<Task>>,
    stopped: AtomicBool,
    /// For each collection with generated columns the others.
    projections: Vec<Option<Projection>>,
    outcome: Mutex<Result<Vec<Hashes>>>,
}

/// What the rows of a collection hash to.
#[derive(Clone, Copy, Default)]
struct Hashes {
    all: CollectionHash,
    /// Without generated columns, where there are any.
    written: CollectionHash,
}

/// What was written of the collections with generated columns.
type Written = BTreeMap<CollectionName, (Projection, CollectionHash)>;

fn load_rows(load: &Load<'_>, writers: Vec<Box<dyn Writer>>, entries: &[&CollectionEntry]) -> Result<Written> {
    let tasks = entries.iter().enumerate().flat_map(|(collection, entry)| {
        let parts = divide(work::load(entry), entry.row_groups.iter().copied());
        parts.into_iter().enumerate().map(move |(row_group, work)| Task { collection, row_group, work })
    });
    let lanes = Lanes {
        load,
        entries,
        slots: entries.iter().map(|e| Mutex::new(Slot { reader: None, left: e.row_groups.len() })).collect(),
        tasks: Mutex::new(tasks.collect()),
        stopped: AtomicBool::new(false),
        projections: entries.iter().map(|entry| Projection::of(&entry.collection)).collect(),
        outcome: Mutex::new(Ok(vec![Hashes::default(); entries.len()])),
    };
    let decode_ahead = load.options.resources.jobs > writers.len();
    let threads = writers.len() * if decode_ahead { 2 } else { 1 };
    let written = AtomicUsize::new(0);
    Resources::pool(threads)?.scope(|scope| {
        for mut writer in writers {
            let (lanes, written) = (&lanes, &written);
            let accepted: Vec<bool> = entries.iter().map(|entry| writer.accepts(&entry.collection.name)).collect();
            let finish = move |writer: Box<dyn Writer>| match writer.finish() {
                // A count of rows in memory never exceeds usize where it matters: it is only compared below.
                Ok(rows) => _ = written.fetch_add(rows as usize, Ordering::Relaxed),
                Err(error) => lanes.fail(error),
            };
            if decode_ahead {
                // A few small batches: enough to bridge uneven steps, little enough to forget about in the budget.
                let (sender, receiver) = sync_channel::<(usize, Batch)>(4);
                scope.spawn(move |_| {
                    lanes.decode(&accepted, &mut |collection, batch| lanes.hand_over(&sender, collection, batch));
                });
                scope.spawn(move |_| {
                    for (collection, batch) in receiver {
                        if let Err(error) = lanes.write(&mut *writer, collection, &batch) {
                            lanes.fail(error);
                            break;
                        }
                    }
                    finish(writer);
                });
            } else {
                scope.spawn(move |_| {
                    lanes.decode(&accepted, &mut |collection, batch| lanes.write(&mut *writer, collection, &batch));
                    finish(writer);
                });
            }
        }
    });
    let hashes = lanes.outcome.into_inner().unwrap_or_else(PoisonError::into_inner)?;
    let mut expected = 0;
    let mut of_projections = Written::new();
    for ((entry, hashes), projection) in entries.iter().zip(hashes).zip(lanes.projections) {
        expected += entry.rows;
        if let Some(projection) = projection {
            of_projections.insert(entry.collection.name.clone(), (projection, hashes.written));
        }
        if let Some(difference) = difference(entry.rows, &entry.hash, hashes.all) {
            return Err(Error::new(
                ErrorKind::ArchiveDamaged,
                format!("the archive's own rows disagree: {difference}"),
            )
            .with("collection", &entry.collection.name));
        }
    }
    let written = written.into_inner() as u64;
    if written != expected {
        let message = format!("the archive holds {expected} rows and {written} were written");
        return Err(Error::new(ErrorKind::Mismatch, message));
    }
    Ok(of_projections)
}

impl Lanes<'_> {
    /// Decodes task after task of the accepted collections and gives each batch to `sink`, until all are done or somebody
    /// fails.
    fn decode(&self, accepted: &[bool], sink: &mut dyn FnMut(usize, Batch) -> Result<()>) {
        while !self.stopped.load(Ordering::Relaxed) {
            let Some(task) = self.next_task(accepted) else { break };
            let collection = task.collection;
            if let Err(error) = self.decode_row_group(&task, sink) {
                self.fail(error.with("collection", &self.entries[collection].collection.name));
            }
        }
    }

    fn next_task(&self, accepted: &[bool]) -> Option<Task> {
        take_task(&mut self.tasks.lock().unwrap_or_else(PoisonError::into_inner), accepted)
    }

    fn decode_row_group(&self, task: &Task, sink: &mut dyn FnMut(usize, Batch) -> Result<()>) -> Result<()> {
        let Task { collection, row_group, work } = *task;
        let entry = self.entries[collection];
        if row_group == 0 {
            let name = entry.collection.name.to_string();
            self.load
                .progress
                .event(Event::CollectionStarted { collection: &name, rows: RowCount::Exactly(entry.rows) });
        }
        // Told when a batch is handed over: the writer is at most a few batches behind.
        let mut share = Share::new(self.load.progress, work, entry.row_groups[row_group]);
        let reader = self.reader(collection)?;
        let mut hasher = RowHasher::new(&entry.collection);
        let projection = self.projections[collection].as_ref();
        let mut projected = projection.map(|projection| (projection, RowHasher::new(&projection.collection)));
        reader.read(row_group, self.load.options.resources.batch_bytes(), &mut |batch| {
            self.load.options.cancel.check()?;
            if self.stopped.load(Ordering::Relaxed) {
                return Err(Error::new(ErrorKind::Cancelled, "another worker failed"));
            }
            hasher.update(&batch)?;
            if let Some((projection, hasher)) = &mut projected {
                hasher.update(&projection.project(&batch)?)?;
            }
            let rows = batch.records.num_rows() as u64;
            sink(collection, batch)?;
            share.advance(rows);
            Ok(())
        })?;
        share.finish();
        self.close(collection);
        let mut outcome = self.outcome.lock().unwrap_or_else(PoisonError::into_inner);
        if let Ok(hashes) = &mut *outcome {
            hashes[collection].all.merge(hasher.total());
            if let Some((_, hasher)) = projected {
                hashes[collection].written.merge(hasher.total());
            }
        }
        Ok(())
    }

    /// The collection's reader, opened by whoever needs it first.
    fn reader(&self, collection: usize) -> Result<Arc<CollectionReader>> {
        let mut slot = self.slots[collection].lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(reader) = &slot.reader {
            return Ok(Arc::clone(reader));
        }
        let reader = Arc::new(self.load.archive.collection(self.entries[collection])?);
        Ok(Arc::clone(slot.reader.insert(reader)))
    }

    /// A row group is decoded; after the last one the file is closed, so that no more are open than there are lanes.
    fn close(&self, collection: usize) {
        let mut slot = self.slots[collection].lock().unwrap_or_else(PoisonError::into_inner);
        slot.left = slot.left.saturating_sub(1);
        if slot.left == 0 {
            slot.reader = None;
        }
    }

    fn hand_over(&self, sender: &SyncSender<(usize, Batch)>, collection: usize, batch: Batch) -> Result<()> {
        sender.send((collection, batch)).map_err(|_| Error::new(ErrorKind::Cancelled, "the writer has stopped"))
    }

    fn write(&self, writer: &mut dyn Writer, collection: usize, batch: &Batch) -> Result<()> {
        let source = &self.entries[collection].collection.name;
        writer.write(source, batch).map_err(|error| error.with("collection", source))?;
        let (rows, bytes) = (batch.records.num_rows() as u64, batch.memory_size() as u64);
        self.load.progress.event(Event::Rows { collection: &source.to_string(), rows, bytes, again: false });
        Ok(())
    }

    /// Keeps the first failure, which is the cause of the others. A writer tells its own before its decoder can notice that
    /// nobody takes batches any more.
    fn fail(&self, error: Error) {
        self.stopped.store(true, Ordering::Relaxed);
        let mut outcome = self.outcome.lock().unwrap_or_else(PoisonError::into_inner);
        if outcome.is_ok() {
            *outcome = Err(error);
        }
    }
}

/// Takes the first task of an accepted collection.
fn take_task(tasks: &mut VecDeque<Task>, accepted: &[bool]) -> Option<Task> {
    let position = tasks.iter().position(|task| accepted[task.collection])?;
    tasks.remove(position)
}

/// Reads the loaded collections again and compares counts and hashes with the manifest's. A collection that differs in its
/// generated columns only is what the archive says, computed by another version of the engine: that is a warning. Returns these.
fn prove(
    load: &Load<'_>,
    replacer: &mut dyn Replacer,
    entries: &[&CollectionEntry],
    written: &Written,
    warnings: &mut Vec<String>,
) -> Result<BTreeSet<CollectionName>> {
    let whole: Vec<_> = entries.iter().map(|entry| (*entry, &entry.collection)).collect();
    let mut differences = Vec::new();
    let mut computed = BTreeSet::new();
    let mut in_doubt = Vec::new();
    for (entry, found) in entries.iter().zip(hash_target(load, replacer, &whole)?) {
        let name = entry.collection.name.to_string();
        match (difference(entry.rows, &entry.hash, found), written.get(&entry.collection.name)) {
            (None, _) => load.progress.event(Event::CollectionFinished { collection: &name, rows: entry.rows }),
            (Some(difference), None) => differences.push(format!("{name}: {difference}")),
            (Some(difference), Some((projection, hash))) => in_doubt.push((*entry, difference, projection, *hash)),
        }
    }
    let doubtful: Vec<_> = in_doubt.iter().map(|(entry, _, projection, _)| (*entry, &projection.collection)).collect();
    let found = if doubtful.is_empty() { Vec::new() } else { hash_target(load, replacer, &doubtful)? };
    for ((entry, difference, projection, hash), found) in in_doubt.into_iter().zip(found) {
        let name = entry.collection.name.to_string();
        if found == hash {
            computed.insert(entry.collection.name.clone());
            let columns = projection.generated.join(", ");
            warnings.push(format!(
                "{name}: the target computes generated columns ({columns}) to other values than the source had; all other \
                 columns are equal"
            ));
            load.progress.event(Event::CollectionFinished { collection: &name, rows: entry.rows });
        } else {
            differences.push(format!("{name}: {difference}"));
        }
    }
    if differences.is_empty() {
        return Ok(computed);
    }
    Err(Error::new(
        ErrorKind::Mismatch,
        format!("what the target holds after loading is not what the archive holds: {}", differences.join("; ")),
    )
    .hint("the group was left as it was; a trigger, a rule or another session may have changed rows while they were loaded"))
}

/// Hashes the rows that the target holds of these entries now, with the columns of the collection beside each.
fn hash_target(
    load: &Load<'_>,
    replacer: &mut dyn Replacer,
    wanted: &[(&CollectionEntry, &Collection)],
) -> Result<Vec<CollectionHash>> {
    let resources = load.options.resources;
    let mut work = Vec::with_capacity(wanted.len());
    for (entry, collection) in wanted {
        let chunks = replacer
            .chunks(collection, resources.row_group_bytes(32 << 20) as u64)
            .map_err(|error| error.with("collection", &collection.name))?;
        work.push(Rehash::new(entry, collection, chunks, None));
    }
    let readers = replacer.readers(resources.jobs)?;
    let run = Run { resources, cancel: &load.options.cancel, progress: load.progress, again: true };
    rehash(readers, &work, &run)?.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_writer_gets_what_it_accepts_in_order() {
        let all = [(0, 0), (0, 1), (1, 0), (2, 0)];
        let mut tasks: VecDeque<Task> =
            all.into_iter().map(|(collection, row_group)| Task { collection, row_group, work: 0 }).collect();
        let mut take =
            |accepted: [bool; 3]| take_task(&mut tasks, &accepted).map(|task| (task.collection, task.row_group));
        assert_eq!(take([false, true, false]), Some((1, 0)));
        assert_eq!(take([false, true, false]), None);
        assert_eq!(take([true, true, true]), Some((0, 0)));
        assert_eq!(take([true, false, true]), Some((0, 1)));
        assert_eq!(take([true, false, true]), Some((2, 0)));
    }
}
