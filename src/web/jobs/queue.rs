//! Whose turn it is. A few jobs run at once; a restore never runs together with another job on the same connection, and
//! waits for those before it.

use super::document::{Job, Kind, State};
use super::journal::{Journal, Read};
use super::watch::Watch;
use super::work::{Outcome, Work};
use crate::failure::exit_code;
use crate::web::Server;
use crate::web::access::Caller;
use crate::web::answer::{Answer, ErrorView, Refusal};
use crate::web::audit::Record;
use crate::web::uses::Use;
use crate::{Cancel, Error, ErrorKind, Result};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// So many jobs run at once: each of them keeps the machine busy.
const RUNNING: usize = 2;
/// So many may wait.
const WAITING: usize = 20;
/// So many that ended well are remembered.
const REMEMBERED: usize = 50;
/// How often running jobs are told of.
const TICK: Duration = Duration::from_millis(250);

/// All jobs.
#[derive(Debug)]
pub(in crate::web) struct Jobs {
    inner: Mutex<Inner>,
    ended: Condvar,
}

#[derive(Debug)]
struct Inner {
    /// By id, which is by age.
    jobs: BTreeMap<String, Entry>,
    journal: Journal,
    count: u64,
    stopping: bool,
    /// What the end of the server before this one interrupted, until it is on record.
    interrupted: Vec<String>,
}

#[derive(Debug)]
struct Entry {
    job: Job,
    cancel: Cancel,
    watch: Arc<Watch>,
    /// Until it begins: what is to be done, and the hold on the backup that it makes or reads.
    work: Option<(Work, Option<Use>)>,
}

impl Entry {
    fn ended(job: Job) -> Self {
        Self { job, cancel: Cancel::new(), watch: Arc::new(Watch::new()), work: None }
    }

    /// As it stands now.
    fn document(&self) -> Job {
        let mut job = self.job.clone();
        if job.state == State::Running {
            job.progress = Some(self.watch.progress());
            job.groups = self.watch.groups();
            job.warnings = self.watch.warnings();
        }
        job
    }
}

impl Jobs {
    /// Those that the journal of a state directory remembers.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(in crate::web) fn open(directory: &Path) -> Result<Self> {
        let Read { journal, jobs, interrupted, last_number } = Journal::open(directory, REMEMBERED)?;
        let jobs = jobs.into_iter().map(|job| (job.id.clone(), Entry::ended(job))).collect();
        // Numbers go on, so that a job of this second is another one than that of the server before.
        let inner = Inner { jobs, journal, count: last_number, stopping: false, interrupted };
        Ok(Self { inner: Mutex::new(inner), ended: Condvar::new() })
    }

    /// Those that wait or run, oldest first, then those that ended, newest first.
    pub(in crate::web) fn list(&self) -> Vec<Job> {
        let inner = self.lock();
        let (open, ended): (Vec<Job>, Vec<Job>) = inner
            .jobs
            .values()
            .filter(|entry| !entry.job.dismissed)
            .map(Entry::document)
            .partition(|job| job.state.is_open());
        let mut calm = 0;
        let ended = ended.into_iter().rev().filter(|job| {
            calm += usize::from(!job.wants_attention());
            job.wants_attention() || calm <= REMEMBERED
        });
        open.into_iter().chain(ended).collect()
    }

    /// One of them.
    ///
    /// # Errors
    /// When there is none of that id.
    pub(in crate::web) fn get(&self, id: &str) -> Answer<Job> {
        Ok(self.lock().entry(id)?.document())
    }

    /// The last job of a schedule.
    pub(in crate::web) fn last_of_schedule(&self, schedule: &str) -> Option<Job> {
        self.lock().last_of_schedule(Some(schedule)).cloned()
    }

    /// Takes a job that ended off the list.
    ///
    /// # Errors
    /// When there is none of that id, or it has not ended.
    pub(in crate::web) fn dismiss(&self, id: &str) -> Answer<()> {
        let mut inner = self.lock();
        let entry = inner.entry(id)?;
        if entry.job.state.is_open() {
            return Err(Refusal::conflict("busy", "the job has not ended", Some("cancel it first")));
        }
        entry.job.dismissed = true;
        let job = entry.job.clone();
        inner.journal.write(&job)?;
        // What a schedule did last is told until it does something again.
        if job.schedule.is_none() || inner.last_of_schedule(job.schedule.as_deref()).is_some_and(|last| last.id != id) {
            inner.jobs.remove(id);
        }
        Ok(())
    }

    /// Cancels all and waits until none runs, but not for ever.
    pub(in crate::web) fn stop(&self, patience: Duration) {
        let mut inner = self.lock();
        inner.stopping = true;
        for entry in inner.jobs.values() {
            entry.cancel.cancel();
        }
        let running = |inner: &mut Inner| inner.jobs.values().any(|entry| entry.job.state == State::Running);
        drop(self.ended.wait_timeout_while(inner, patience, running));
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn entry(&mut self, id: &str) -> Answer<&mut Entry> {
        let entry = self.jobs.get_mut(id).filter(|entry| !entry.job.dismissed);
        entry.ok_or_else(|| Refusal::not_found("there is no such job"))
    }

    fn last_of_schedule(&self, schedule: Option<&str>) -> Option<&Job> {
        self.jobs.values().rev().map(|entry| &entry.job).find(|job| job.schedule.as_deref() == schedule)
    }

    fn count(&self, state: State) -> usize {
        self.jobs.values().filter(|entry| entry.job.state == state).count()
    }

    /// Writes down how a job ended.
    fn conclude(&mut self, id: &str, outcome: Result<Outcome>) -> Option<Job> {
        let stopping = self.stopping;
        let entry = self.jobs.get_mut(id)?;
        let mut job = entry.document();
        job.finished_at = Some(crate::web::now());
        job.cancellable = false;
        match outcome {
            Ok(outcome) => {
                job.warnings.extend(outcome.warnings);
                job.notes = outcome.notes;
                job.groups = outcome.groups.unwrap_or(job.groups);
                let fine = job.warnings.is_empty();
                job.state = if fine { State::Done } else { State::Warnings };
                job.exit_code = Some(if fine { 0 } else { 3 });
                job.result = Some(outcome.result);
            }
            Err(error) => {
                job.state = match (error.kind(), stopping && !job.cancel_requested) {
                    (ErrorKind::Cancelled, true) => State::Interrupted,
                    (ErrorKind::Cancelled, false) => State::Cancelled,
                    _ => State::Failed,
                };
                job.error = Some(ErrorView::from(&error));
                job.exit_code = Some(exit_code(error.kind()));
            }
        }
        entry.job = job.clone();
        // Where it cannot be written, a restart will call it interrupted, which is the careful thing to say.
        _ = self.journal.write(&job);
        Some(job)
    }

    /// The next one that may begin: nobody is overtaken who needs the same connection.
    fn next(&self) -> Option<String> {
        if self.stopping || self.count(State::Running) >= RUNNING {
            return None;
        }
        let open: Vec<&Job> = self.jobs.values().map(|entry| &entry.job).filter(|job| job.state.is_open()).collect();
        let free = |job: &Job| {
            let before = open.iter().filter(|other| other.state == State::Running || other.id < job.id);
            before.filter(|other| other.id != job.id).all(|other| !conflict(job, other))
        };
        open.iter().find(|job| job.state == State::Queued && free(job)).map(|job| job.id.clone())
    }
}

/// Whether two jobs cannot run together.
fn conflict(one: &Job, other: &Job) -> bool {
    let writes = |job: &Job| job.kind == Kind::Restore;
    one.connection.is_some() && one.connection == other.connection && (writes(one) || writes(other))
}

impl Server {
    /// Takes a job, on record, and begins it when its turn comes.
    ///
    /// # Errors
    /// When too many wait, or it cannot be put on record.
    pub(in crate::web) fn submit(self: &Arc<Self>, work: Work, caller: &Caller) -> Answer<Job> {
        let job = {
            let mut inner = self.jobs.lock();
            if inner.stopping || inner.count(State::Queued) >= WAITING {
                return Err(Refusal::too_many());
            }
            inner.count += 1;
            let now = jiff::Timestamp::now();
            let id = format!("{}-{:04}", now.strftime("%Y%m%dT%H%M%S"), inner.count);
            let (job, hold) = work.describe(self, id, caller.who)?;
            self.audit.record(&Record { address: caller.address.as_deref(), ..asked(&job) })?;
            inner.journal.write(&job)?;
            let (cancel, watch) = (Cancel::new(), Arc::new(Watch::new()));
            let work = Some((work, hold));
            inner.jobs.retain(|_, entry| !entry.job.dismissed || entry.job.schedule != job.schedule);
            inner.jobs.insert(job.id.clone(), Entry { job: job.clone(), cancel, watch, work });
            job
        };
        self.events.tell("job", &job);
        self.start_jobs();
        self.jobs.get(&job.id)
    }

    /// Begins what may begin.
    fn start_jobs(self: &Arc<Self>) {
        loop {
            let begun = {
                let mut inner = self.jobs.lock();
                let Some(entry) = inner.next().and_then(|id| inner.jobs.get_mut(&id)) else { return };
                entry.job.state = State::Running;
                entry.job.started_at = Some(crate::web::now());
                let job = entry.job.clone();
                let begun = (entry.work.take(), entry.cancel.clone(), Arc::clone(&entry.watch), job.clone());
                // Where the journal cannot be written, the job's own end will say so.
                _ = inner.journal.write(&job);
                begun
            };
            let (work, cancel, watch, job) = begun;
            self.events.tell("job", &job);
            self.events.tell_backups();
            let (server, id, failed) = (Arc::clone(self), job.id.clone(), job.id.clone());
            let run = move || {
                let (work, hold) = work.map_or((None, None), |(work, hold)| (Some(work), hold));
                let done = catch_unwind(AssertUnwindSafe(|| match work {
                    Some(work) => cancel.check().and_then(|()| work.run(&server, &job, &cancel, &watch)),
                    None => Err(Error::new(ErrorKind::Internal, "the job had nothing to do")),
                }));
                drop(hold);
                let outcome = done.unwrap_or_else(|_| {
                    Err(Error::new(ErrorKind::Internal, "the job ended by a defect in dbferry")
                        .hint("please report what was done; the server's standard error has the details"))
                });
                server.finish(&id, outcome);
                server.start_jobs();
            };
            if let Err(error) = std::thread::Builder::new().name("job".into()).spawn(run) {
                self.finish(&failed, Err(Error::io("cannot start a thread", error)));
            }
        }
    }

    /// Tells a job to stop. One that waits ends at once.
    ///
    /// # Errors
    /// When there is none of that id, or it has ended.
    pub(in crate::web) fn cancel_job(self: &Arc<Self>, id: &str) -> Answer<Job> {
        let ended = {
            let mut inner = self.jobs.lock();
            let entry = inner.entry(id)?;
            if !entry.job.state.is_open() {
                return Err(Refusal::conflict("busy", "the job has ended already", None));
            }
            entry.job.cancel_requested = true;
            entry.cancel.cancel();
            // One that waits has its work still, and the hold on its backup goes with it.
            match entry.work.take() {
                Some(_) => inner.conclude(id, Err(Error::new(ErrorKind::Cancelled, "cancelled before it began"))),
                None => None,
            }
        };
        if let Some(job) = ended {
            self.announce(&job);
            self.start_jobs();
        }
        self.jobs.get(id)
    }

    /// Writes down how a job ended, and tells everybody.
    fn finish(&self, id: &str, outcome: Result<Outcome>) {
        let ended = self.jobs.lock().conclude(id, outcome);
        if let Some(job) = ended {
            self.announce(&job);
        }
        self.jobs.ended.notify_all();
    }

    /// Puts on record what the end of the server before this one interrupted.
    pub(in crate::web) fn tell_interrupted(&self) {
        let interrupted: Vec<Job> = {
            let mut inner = self.jobs.lock();
            let ids = std::mem::take(&mut inner.interrupted);
            ids.iter().filter_map(|id| inner.jobs.get(id).map(|entry| entry.job.clone())).collect()
        };
        for job in interrupted {
            let message = Some("the server ended while it was under way");
            self.note(&Record { result: job.state.name(), message, ..asked(&job) });
        }
    }

    fn announce(&self, job: &Job) {
        let message = job.error.as_ref().map(|error| error.message.as_str());
        // A job that ended has ended, also where that cannot be put on record.
        self.note(&Record { result: job.state.name(), message, ..asked(job) });
        self.events.tell("job", job);
        self.events.tell_backups();
    }
}

fn asked(job: &Job) -> Record<'_> {
    Record {
        backup: job.backup.as_deref(),
        connection: job.connection.as_deref(),
        groups: job.requested_groups.as_deref(),
        job: Some(&job.id),
        ..Record::new(job.trigger, job.kind.name(), "asked")
    }
}

/// Tells of running jobs, for ever.
pub(in crate::web) async fn tick(server: Arc<Server>) {
    let mut interval = tokio::time::interval(TICK);
    loop {
        interval.tick().await;
        if !server.events.are_heard() {
            continue;
        }
        let running: Vec<Job> = {
            let inner = server.jobs.lock();
            inner.jobs.values().filter(|entry| entry.job.state == State::Running).map(Entry::document).collect()
        };
        for job in running {
            server.events.tell("job", &job);
        }
    }
}
