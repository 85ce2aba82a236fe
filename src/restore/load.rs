//! Loads one unit of groups and proves it.
//!
//! Each writer of the target is one lane. Where there are fewer writers than jobs, or reading means waiting for another
//! database, a lane is two threads: one reads and hashes, the other writes, with a few batches between them; otherwise a
//! lane does both in turn.

use super::early::Early;
use super::prepare::Loading;
use super::prove::{Found, Member, Proving, Read, prove};
use super::supply::{Measure, Supply, difference};
use super::{Proof, RestoreOptions, RestoredCollection};
use crate::progress::{Event, Progress, Share, divide};
use crate::resources::Resources;
use crate::translate::{Application, Tally};
use crate::verify::{Gate, work};
use dbferry_dialect::hash::RowHasher;
use dbferry_dialect::{
    Batch, CollectionAction, CollectionName, Error, ErrorKind, GroupPlan, Readable, Replacer, Result, Writer,
};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};

/// What is loaded, and how.
pub(super) struct Load<'a> {
    pub(super) supply: &'a Supply<'a>,
    pub(super) loads: &'a BTreeMap<CollectionName, Loading<'a>>,
    pub(super) same_dialect: bool,
    pub(super) options: &'a RestoreOptions,
    pub(super) progress: &'a dyn Progress,
    pub(super) group: &'a str,
    /// Whether nothing is read after this unit.
    pub(super) last: bool,
}

/// Whether the rows that an action loads can be found again: they stand alone.
pub(super) fn is_provable(action: Option<CollectionAction>) -> bool {
    action.is_some_and(|action| action.loads() && action != CollectionAction::Append)
}

/// Replaces one unit: begin, load, complete, prove, switch.
pub(super) fn replace(
    load: &Load<'_>,
    replacer: &mut dyn Replacer,
    plan: GroupPlan,
    warnings: &mut Vec<String>,
) -> Result<Vec<RestoredCollection>> {
    let group = Some(load.group);
    let mut members: Vec<Member<'_>> = Vec::new();
    let mut restored: Vec<RestoredCollection> = Vec::with_capacity(plan.collections.len());
    // For each collection that loads rows its place in the report.
    let mut lines: Vec<usize> = Vec::new();
    for planned in &plan.collections {
        let mut line = RestoredCollection {
            collection: planned.target.clone(),
            action: planned.action,
            rows: 0,
            proof: Proof::Nothing,
            misfits: Vec::new(),
            partial: None,
        };
        if let Some(loading) = load.loads.get(&planned.source.name).filter(|_| planned.action.loads()) {
            line.partial = loading.offered.partial.map(str::to_owned);
            members.push(Member::new(loading, planned, load.same_dialect));
            lines.push(restored.len());
        }
        restored.push(line);
    }

    replacer.begin(plan)?;
    load.progress.event(Event::Phase { name: "load", group });
    let proving = Proving::new(&members);
    let Loaded { read, misfits, found } = load_and_read(load, replacer, &members, &proving, warnings)?;
    let proofs = prove(load, replacer, &members, &read, (proving, found), warnings)?;
    load.options.cancel.check()?;
    if load.last {
        // Before the switch: what moved underneath is a reason not to.
        load.supply.rows.finish()?;
    }
    load.progress.event(Event::Phase { name: "switch", group });
    replacer.commit()?;

    for (((line, read), proof), (member, misfits)) in
        lines.into_iter().zip(read).zip(proofs).zip(members.iter().zip(misfits))
    {
        let line = &mut restored[line];
        (line.rows, line.proof) = (read.rows(), proof);
        line.misfits = member.loading.translation.counted(&misfits);
        warnings.extend(line.misfits.iter().map(|counted| format!("{}: {}", member.source().name, counted.describe())));
    }
    Ok(restored)
}

/// A unit that is loaded, completed and read again.
struct Loaded {
    read: Vec<Read>,
    misfits: Vec<Tally>,
    found: Found,
}

/// Loads all rows, gives them what comes after, and reads them again as early as the target lets.
fn load_and_read(
    load: &Load<'_>,
    replacer: &mut dyn Replacer,
    members: &[Member<'_>],
    proving: &Proving<'_, '_>,
    warnings: &mut Vec<String>,
) -> Result<Loaded> {
    let writers = replacer.writers()?;
    // Who writes one collection after the other leaves the other jobs time to read.
    let idle = load.options.resources.jobs.saturating_sub(writers.len());
    let reads = replacer.readable() == Readable::WhileLoading && idle > 0;
    let early = Early::new(load, replacer, proving, idle);
    std::thread::scope(|scope| {
        let _guard = early.guard();
        let ahead = reads.then(|| scope.spawn(|| early.read()));
        let finished = |member: usize, rows: u64| early.offer(member, rows);
        let finished: Option<&Finished<'_>> = if reads { Some(&finished) } else { None };
        let rest = || {
            let (read, misfits) = load_rows(load, writers, members, finished)?;
            load.options.cancel.check()?;
            let (mut replacer, taken) = early.end();
            let rest = Rest { members, proving, read: &read, taken };
            let found = complete_and_read(load, &mut **replacer, &rest, warnings)?;
            Ok(Loaded { read, misfits, found })
        };
        let loaded: Result<Loaded> = rest();
        if loaded.is_err() {
            early.cancel();
        }
        let ahead = ahead.map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        match (loaded, ahead.transpose()) {
            (Ok(mut loaded), Ok(found)) => {
                loaded.found.extend(found.unwrap_or_default());
                Ok(loaded)
            }
            // A target that failed while it was read takes nothing any more, and says only that.
            (Err(failed), Err(cause)) if failed.kind() == ErrorKind::Internal => Err(match cause.kind() {
                ErrorKind::Cancelled => failed,
                _ => cause,
            }),
            // Otherwise what stood in the way of loading is the cause.
            (Err(cause), _) | (Ok(_), Err(cause)) => Err(cause),
        }
    })
}

/// What is left to do when all rows are loaded.
struct Rest<'a, 'm> {
    members: &'m [Member<'a>],
    proving: &'m Proving<'a, 'm>,
    read: &'m [Read],
    /// What is read again already, by its place in the proof.
    taken: BTreeSet<usize>,
}

/// Gives the loaded rows what comes after them and reads them again, both at once where that can be.
fn complete_and_read(
    load: &Load<'_>,
    replacer: &mut dyn Replacer,
    rest: &Rest<'_, '_>,
    warnings: &mut Vec<String>,
) -> Result<Found> {
    let Rest { members, proving, read, taken } = rest;
    let begins = |name| load.progress.event(Event::Phase { name, group: Some(load.group) });
    begins("indexes");
    let mut complete = |replacer: &mut dyn Replacer| -> Result<()> {
        warnings.extend(replacer.complete()?);
        let amount = |member: &Member<'_>| work::complete(member.loading.division.amount, member.source());
        load.progress.event(Event::Work { amount: work::sum(members.iter().map(amount)) });
        load.options.cancel.check()?;
        begins("prove");
        Ok(())
    };
    if replacer.readable() >= Readable::AfterLoading {
        // Half of the jobs are left to those who build keys, whose last and longest nobody can help with.
        let (gate, first) = (Gate::default(), load.options.resources.jobs.div_ceil(2));
        let early = proving.open_rest(load, replacer, read, taken)?;
        let reading = load.options.cancel.part();
        let (completed, found) = std::thread::scope(|scope| {
            let found = scope.spawn(|| early.run_behind(load, &reading, Some((first, &gate))));
            let open = gate.opener();
            let completed = complete(replacer);
            if completed.is_err() {
                reading.cancel();
            }
            drop(open);
            (completed, found.join())
        });
        // What stood in the way of the keys is the cause; then nobody reads on.
        completed?;
        found.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    } else {
        complete(replacer)?;
        proving.open_rest(load, replacer, read, taken)?.run(load, &load.options.cancel)
    }
}

/// One part of one collection.
struct Task {
    member: usize,
    part: usize,
    work: u64,
}

/// What the lanes share.
struct Lanes<'a> {
    load: &'a Load<'a>,
    members: &'a [Member<'a>],
    tasks: Mutex<VecDeque<Task>>,
    /// Of each member the parts that are not written yet.
    left: Vec<AtomicUsize>,
    finished: Option<&'a Finished<'a>>,
    stopped: AtomicBool,
    outcome: Mutex<Result<Vec<Read>>>,
    /// What did not fit, of each member.
    misfits: Mutex<Vec<Tally>>,
}

/// Hears that all rows of a member are written, and how many they are.
type Finished<'f> = dyn Fn(usize, u64) + Sync + 'f;

/// What a reading thread hands to its writing one.
enum Handed {
    Batch(usize, Batch),
    /// A part of that member is over.
    End(usize),
}

/// Loads all rows; returns what was read of each member.
fn load_rows(
    load: &Load<'_>,
    writers: Vec<Box<dyn Writer>>,
    members: &[Member<'_>],
    finished: Option<&Finished<'_>>,
) -> Result<(Vec<Read>, Vec<Tally>)> {
    let mut order: Vec<usize> = (0..members.len()).collect();
    if finished.is_some() {
        // Whoever waits for whole collections has most to do with the largest.
        order.sort_by_key(|member| Reverse(work::size(members[*member].loading.division.amount)));
    }
    let tasks = order.into_iter().flat_map(|member| {
        let division = &members[member].loading.division;
        let parts = divide(work::load(division.amount), division.parts.iter().copied());
        parts.into_iter().enumerate().map(move |(part, work)| Task { member, part, work })
    });
    let lanes = Lanes {
        load,
        members,
        tasks: Mutex::new(tasks.collect()),
        left: members.iter().map(|member| AtomicUsize::new(member.loading.division.parts.len())).collect(),
        finished,
        stopped: AtomicBool::new(false),
        outcome: Mutex::new(Ok(vec![Read::default(); members.len()])),
        misfits: Mutex::new(vec![Tally::default(); members.len()]),
    };
    let read_ahead = load.supply.rows.waits() || load.options.resources.jobs > writers.len();
    let threads = writers.len() * if read_ahead { 2 } else { 1 };
    let written = AtomicUsize::new(0);
    Resources::pool(threads)?.scope(|scope| {
        for mut writer in writers {
            let (lanes, written) = (&lanes, &written);
            let accepted: Vec<bool> = members.iter().map(|member| writer.accepts(&member.source().name)).collect();
            let finish = move |writer: Box<dyn Writer>| match writer.finish() {
                // A count of rows in memory never exceeds usize where it matters: it is only compared below.
                Ok(rows) => _ = written.fetch_add(rows as usize, Ordering::Relaxed),
                Err(error) => lanes.fail(error),
            };
            if read_ahead {
                // A few small batches: enough to bridge uneven steps, little enough to forget about in the budget.
                let (sender, receiver) = sync_channel::<Handed>(4);
                scope.spawn(move |_| {
                    lanes.read(&accepted, &mut |handed| lanes.hand_over(&sender, handed));
                });
                scope.spawn(move |_| {
                    for handed in receiver {
                        if let Err(error) = lanes.write(&mut *writer, handed) {
                            lanes.fail(error);
                            break;
                        }
                    }
                    finish(writer);
                });
            } else {
                scope.spawn(move |_| {
                    lanes.read(&accepted, &mut |handed| lanes.write(&mut *writer, handed));
                    finish(writer);
                });
            }
        }
    });
    let misfits = lanes.misfits.into_inner().unwrap_or_else(PoisonError::into_inner);
    let read = lanes.outcome.into_inner().unwrap_or_else(PoisonError::into_inner)?;
    let mut expected = 0;
    for (member, read) in members.iter().zip(&read) {
        expected += read.rows();
        if let Some(difference) = difference(member.loading.offered, read.all) {
            return Err(Error::new(
                ErrorKind::ArchiveDamaged,
                format!("the archive's own rows disagree: {difference}"),
            )
            .with("collection", &member.source().name));
        }
    }
    let written = written.into_inner() as u64;
    if written != expected {
        let message = format!("{expected} rows were read of the {} and {written} were written", load.supply.noun());
        return Err(Error::new(ErrorKind::Mismatch, message));
    }
    Ok((read, misfits))
}

impl Lanes<'_> {
    /// Reads task after task of the accepted collections and gives each batch to `sink`, until all are done or somebody
    /// fails.
    fn read(&self, accepted: &[bool], sink: &mut dyn FnMut(Handed) -> Result<()>) {
        while !self.stopped.load(Ordering::Relaxed) {
            let Some(task) = self.next_task(accepted) else { break };
            let read = self.read_part(&task, &mut |member, batch| sink(Handed::Batch(member, batch)));
            if let Err(error) = read.and_then(|()| sink(Handed::End(task.member))) {
                self.fail(error.with("collection", &self.members[task.member].source().name));
            }
        }
    }

    fn next_task(&self, accepted: &[bool]) -> Option<Task> {
        take_task(&mut self.tasks.lock().unwrap_or_else(PoisonError::into_inner), accepted)
    }

    fn read_part(&self, task: &Task, sink: &mut dyn FnMut(usize, Batch) -> Result<()>) -> Result<()> {
        let Task { member: place, part, work } = *task;
        let member = &self.members[place];
        let division = &member.loading.division;
        if part == 0 {
            let (name, rows) = (member.source().name.to_string(), member.loading.offered.rows);
            self.load.progress.event(Event::CollectionStarted { collection: &name, rows });
        }
        // Told when a batch is handed over: the writer is at most a few batches behind.
        let mut share = Share::new(self.load.progress, work, division.parts[part]);
        let mut all = RowHasher::new(member.source());
        let mut application =
            member.translation().map(|translation| Application::new(translation, division.before(part)));
        let mut translated = member.rehashed().map(RowHasher::new);
        let mut projected = member.projections.each_ref().map(|projection| {
            projection.as_ref().map(|projection| (projection, RowHasher::new(&projection.collection)))
        });
        let batch_bytes = self.load.options.resources.batch_bytes();
        self.load.supply.rows.read(member.loading.place, part, batch_bytes, &mut |batch: Batch| {
            self.load.options.cancel.check()?;
            if self.stopped.load(Ordering::Relaxed) {
                return Err(Error::new(ErrorKind::Cancelled, "another worker failed"));
            }
            all.update(&batch)?;
            let batch = match &mut application {
                None => batch,
                Some(application) => application.apply(batch)?,
            };
            if let Some(hasher) = &mut translated {
                hasher.update(&batch)?;
            }
            for (projection, hasher) in projected.iter_mut().flatten() {
                hasher.update(&projection.project(&batch)?)?;
            }
            let size = match division.measure {
                Measure::Rows => batch.records.num_rows() as u64,
                Measure::Bytes => batch.memory_size() as u64,
            };
            sink(place, batch)?;
            share.advance(size);
            Ok(())
        })?;
        share.finish();
        if let Some(application) = application {
            let mut misfits = self.misfits.lock().unwrap_or_else(PoisonError::into_inner);
            misfits[place].merge(application.finish());
        }
        let mut outcome = self.outcome.lock().unwrap_or_else(PoisonError::into_inner);
        if let Ok(read) = &mut *outcome {
            read[place].all.merge(all.total());
            if let Some(hasher) = &translated {
                read[place].translated.merge(hasher.total());
            }
            for (total, hashed) in read[place].projected.iter_mut().zip(&projected) {
                if let Some((_, hasher)) = hashed {
                    total.merge(hasher.total());
                }
            }
        }
        Ok(())
    }

    fn hand_over(&self, sender: &SyncSender<Handed>, handed: Handed) -> Result<()> {
        sender.send(handed).map_err(|_| Error::new(ErrorKind::Cancelled, "the writer has stopped"))
    }

    fn write(&self, writer: &mut dyn Writer, handed: Handed) -> Result<()> {
        match handed {
            Handed::Batch(member, batch) => {
                let source = &self.members[member].source().name;
                writer.write(source, &batch).map_err(|error| error.with("collection", source))?;
                let (rows, bytes) = (batch.records.num_rows() as u64, batch.memory_size() as u64);
                self.load.progress.event(Event::Rows { collection: &source.to_string(), rows, bytes, again: false });
            }
            Handed::End(member) => self.end_part(member),
        }
        Ok(())
    }

    /// A part of a member is written, which may have been the last.
    fn end_part(&self, member: usize) {
        if self.left[member].fetch_sub(1, Ordering::Relaxed) == 1
            && let Some(finished) = self.finished
            && let Ok(read) = &*self.outcome.lock().unwrap_or_else(PoisonError::into_inner)
        {
            finished(member, read[member].rows());
        }
    }

    /// Keeps the first failure, which is the cause of the others. A writer tells its own before its reader can notice that
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
    let position = tasks.iter().position(|task| accepted[task.member])?;
    tasks.remove(position)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_writer_gets_what_it_accepts_in_order() {
        let all = [(0, 0), (0, 1), (1, 0), (2, 0)];
        let mut tasks: VecDeque<Task> = all.into_iter().map(|(member, part)| Task { member, part, work: 0 }).collect();
        let mut take = |accepted: [bool; 3]| take_task(&mut tasks, &accepted).map(|task| (task.member, task.part));
        assert_eq!(take([false, true, false]), Some((1, 0)));
        assert_eq!(take([false, true, false]), None);
        assert_eq!(take([true, true, true]), Some((0, 0)));
        assert_eq!(take([true, false, true]), Some((0, 1)));
        assert_eq!(take([true, false, true]), Some((2, 0)));
    }
}
