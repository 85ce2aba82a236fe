//! How far a job is: what the engine tells while it works.

use super::document::{GroupState, JobGroup, JobProgress};
use crate::progress::{Event, Progress, Tally};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// The most warnings that are kept of one job.
const MOST_WARNINGS: usize = 500;

/// Hears what the engine tells.
#[derive(Debug)]
pub(in crate::web) struct Watch(Mutex<Seen>);

#[derive(Debug)]
struct Seen {
    tally: Tally,
    groups: Vec<JobGroup>,
    warnings: Vec<String>,
}

impl Watch {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Seen { tally: Tally::new(Instant::now()), groups: Vec::new(), warnings: Vec::new() }))
    }

    /// These groups will be worked on.
    pub(super) fn expect(&self, groups: impl Iterator<Item = String>) {
        let waiting = |name| JobGroup { name, state: GroupState::Waiting, rows: None };
        self.lock().groups = groups.map(waiting).collect();
    }

    /// How far it is.
    pub(super) fn progress(&self) -> JobProgress {
        JobProgress::from(&self.lock().tally)
    }

    /// What became of the groups so far.
    pub(super) fn groups(&self) -> Vec<JobGroup> {
        self.lock().groups.clone()
    }

    /// What was warned of so far.
    pub(super) fn warnings(&self) -> Vec<String> {
        self.lock().warnings.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Progress for Watch {
    fn event(&self, event: Event<'_>) {
        let mut seen = self.lock();
        match event {
            // A unit of linked groups has all their names.
            Event::GroupFinished { group, replaced } => {
                let state = if replaced { GroupState::Done } else { GroupState::Failed };
                for name in group.split(", ") {
                    match seen.groups.iter_mut().find(|known| known.name == name) {
                        Some(known) => known.state = state,
                        None => seen.groups.push(JobGroup { name: name.into(), state, rows: None }),
                    }
                }
            }
            Event::Warning { message } if seen.warnings.len() < MOST_WARNINGS => seen.warnings.push(message.into()),
            _ => {}
        }
        seen.tally.add(event);
    }
}
