//! The same work for many tables, on several sessions at once.

use crate::session::Session;
use dbferry_dialect::Result;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Does `work` for each job, in order, on all sessions; returns the results in the order of the jobs. After a failure no job
/// is begun any more.
pub(super) fn for_each<J: Sync, T: Send>(
    main: &mut Session,
    others: &mut [Session],
    jobs: &[J],
    work: impl Fn(&mut Session, &J) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    if others.is_empty() || jobs.len() < 2 {
        return jobs.iter().map(|job| work(main, job)).collect();
    }
    let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
    let results: Mutex<Vec<Option<Result<T>>>> = Mutex::new(jobs.iter().map(|_| None).collect());
    let run = |session: &mut Session| {
        while !failed.load(Ordering::Relaxed) {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(job) = jobs.get(at) else { break };
            let result = work(session, job);
            if result.is_err() {
                failed.store(true, Ordering::Relaxed);
            }
            if let Some(slot) = results.lock().unwrap_or_else(PoisonError::into_inner).get_mut(at) {
                *slot = Some(result);
            }
        }
    };
    std::thread::scope(|scope| {
        for session in others {
            let run = &run;
            scope.spawn(move || run(session));
        }
        run(main);
    });
    // Jobs that were not begun are none only where another one failed, whose error ends this.
    results.into_inner().unwrap_or_else(PoisonError::into_inner).into_iter().flatten().collect()
}
