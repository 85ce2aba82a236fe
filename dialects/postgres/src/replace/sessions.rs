//! The sessions of one restore: the main one, whose transaction switches a unit, and those that work beside it.

use crate::connect::Target;
use crate::session::Session;
use dbferry_dialect::{Cancel, Result};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A session that several objects use, one after the other.
pub(super) type Shared = Arc<Mutex<Session>>;

/// Takes a session. A panic while it was held leaves it in some state of the protocol, which its next use tells.
pub(super) fn lock(shared: &Shared) -> MutexGuard<'_, Session> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// All sessions of a restore.
#[derive(Debug)]
pub(super) struct Sessions {
    target: Target,
    lock_wait: Duration,
    main: Shared,
    others: Vec<Shared>,
    readers: Vec<Shared>,
    limit: usize,
}

impl Sessions {
    /// Opens the main session, which waits for other people's locks as long as `lock_wait`; up to `limit` others are opened
    /// when they are needed.
    pub(super) fn open(target: &Target, lock_wait: Duration, limit: usize) -> Result<Self> {
        let main = Arc::new(Mutex::new(open_main(target, lock_wait)?));
        Ok(Self {
            target: target.clone(),
            lock_wait,
            main,
            others: Vec::new(),
            readers: Vec::new(),
            limit: limit.max(1),
        })
    }

    /// A new main session in the place of one that is gone.
    pub(super) fn reopen_main(&mut self) -> Result<()> {
        self.main = Arc::new(Mutex::new(open_main(&self.target, self.lock_wait)?));
        Ok(())
    }

    /// The main session.
    pub(super) fn main(&self) -> MutexGuard<'_, Session> {
        lock(&self.main)
    }

    /// The main session, to be kept.
    pub(super) fn share_main(&self) -> Shared {
        Arc::clone(&self.main)
    }

    /// At least one and at most `count` of the others.
    pub(super) fn others(&mut self, count: usize) -> Result<&[Shared]> {
        fill(&mut self.others, &self.target, count.clamp(1, self.limit))
    }

    /// That many sessions which only read what is committed, while the others work.
    pub(super) fn readers(&mut self, count: usize) -> Result<&[Shared]> {
        fill(&mut self.readers, &self.target, count.max(1))
    }

    /// Closes all but the main one, which gives up whatever they hold.
    pub(super) fn close_others(&mut self) {
        self.others.clear();
        self.readers.clear();
    }

    /// A new session that a raised cancel flag does not stop, to clean up with.
    pub(super) fn janitor(&self) -> Result<Session> {
        self.target.clone().with_cancel(Cancel::new()).connect()
    }

    /// The flag that stops all of them.
    pub(super) fn cancel(&self) -> Cancel {
        self.main().cancel().clone()
    }
}

/// The first `count` sessions of those that work beside the main one; they are opened when they are needed.
fn fill<'s>(sessions: &'s mut Vec<Shared>, target: &Target, count: usize) -> Result<&'s [Shared]> {
    while sessions.len() < count {
        let mut session = target.connect()?;
        // What these commit is of no use without the main session's last commit, which takes all of the log before it to
        // the disk.
        session.run("cannot set a session up", "SET synchronous_commit = off")?;
        prepare(&mut session)?;
        sessions.push(Arc::new(Mutex::new(session)));
    }
    // `count` is no more than were just opened.
    Ok(&sessions[..count])
}

fn open_main(target: &Target, lock_wait: Duration) -> Result<Session> {
    let mut session = target.connect()?;
    // Zero would mean for ever.
    let limit = lock_wait.as_millis().clamp(1, 1 << 30);
    session.run("cannot set the session up", &format!("SET lock_timeout = {limit}"))?;
    prepare(&mut session)?;
    Ok(session)
}

/// What all of them need. Building an index is fast when its sort fits the memory. A database whose encoding is `SQL_ASCII`
/// takes any bytes as text, from a client that says the same of itself.
fn prepare(session: &mut Session) -> Result<()> {
    session.run(
        "cannot set a session up",
        "SELECT pg_catalog.set_config('maintenance_work_mem', '256MB', false) \
          WHERE pg_catalog.pg_size_bytes(pg_catalog.current_setting('maintenance_work_mem')) < 268435456; \
         SELECT pg_catalog.set_config('client_encoding', 'SQL_ASCII', false) \
          WHERE pg_catalog.current_setting('server_encoding') = 'SQL_ASCII'",
    )
}

/// One statement of the archive or of a catalogue, through the protocol that takes no second one.
pub(super) fn statement(session: &mut Session, doing: &'static str, sql: &str) -> Result<()> {
    session.execute(doing, sql, &[]).map(|_| ())
}

/// Statements that belong together: they run one after the other on one session.
#[derive(Debug)]
pub(super) struct Job {
    /// What is being done, for messages.
    pub(super) doing: &'static str,
    /// For whom, for messages.
    pub(super) collection: String,
    /// How much work it is; only used to order jobs.
    pub(super) weight: u64,
    /// The statements.
    pub(super) statements: Vec<String>,
}

/// Runs jobs on several sessions at once, the heaviest first. Ends at the first failure, which is returned; jobs that were
/// begun by then end on their own.
pub(super) fn run_all(sessions: &[Shared], mut jobs: Vec<Job>, cancel: &Cancel) -> Result<()> {
    jobs.sort_by_key(|job| std::cmp::Reverse(job.weight));
    let run = |session: &mut Session, job: &Job| {
        let mut statements = job.statements.iter();
        let done = statements.try_for_each(|sql| {
            cancel.check()?;
            statement(session, job.doing, sql)
        });
        done.map_err(|error| error.with("collection", &job.collection))
    };
    map_all(sessions, &jobs, cancel, run).map(|_| ())
}

/// Does `work` for each item on several sessions at once, in the order of the items. Ends at the first failure, which is
/// returned; what was begun by then ends on its own.
pub(super) fn map_all<T: Sync, R: Send>(
    sessions: &[Shared],
    items: &[T],
    cancel: &Cancel,
    work: impl Fn(&mut Session, &T) -> Result<R> + Sync,
) -> Result<Vec<R>> {
    let queue = Mutex::new(items.iter());
    let outcome: Mutex<Result<Vec<R>>> = Mutex::new(Ok(Vec::with_capacity(items.len())));
    let stopped = AtomicBool::new(false);
    let lane = |shared: &Shared| {
        while !stopped.load(Ordering::Relaxed) {
            let Some(item) = queue.lock().unwrap_or_else(PoisonError::into_inner).next() else { break };
            let done = cancel.check().and_then(|()| work(&mut lock(shared), item));
            let mut outcome = outcome.lock().unwrap_or_else(PoisonError::into_inner);
            match (&mut *outcome, done) {
                (Ok(results), Ok(result)) => results.push(result),
                (Ok(_), Err(error)) => {
                    stopped.store(true, Ordering::Relaxed);
                    *outcome = Err(error);
                }
                // The first failure is the cause of the others.
                (Err(_), _) => {}
            }
        }
    };
    match sessions {
        [only] => lane(only),
        _ => std::thread::scope(|scope| {
            for shared in sessions.iter().take(items.len()) {
                scope.spawn(|| lane(shared));
            }
        }),
    }
    outcome.into_inner().unwrap_or_else(PoisonError::into_inner)
}
