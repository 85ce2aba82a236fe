//! A listener that adds up what a run tells of its stages and phases.

use crate::progress::{Event, Progress, Spent, Stage};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What was heard so far.
#[derive(Debug, Default)]
pub(super) struct Gauge {
    heard: Mutex<Heard>,
}

#[derive(Debug, Default)]
struct Heard {
    stages: BTreeMap<Stage, Spent>,
    /// Phases in the order in which they began first, and how long they took.
    phases: Vec<(String, Duration)>,
    /// The phase that goes on, and since when.
    current: Option<(usize, Instant)>,
    /// Rows that were moved, and their bytes.
    moved: (u64, u64),
}

impl Gauge {
    /// What was spent on a stage, over all threads.
    pub(super) fn spent(&self, stage: Stage) -> Spent {
        self.lock().stages.get(&stage).copied().unwrap_or_default()
    }

    /// The phases until now; the last one ends here.
    pub(super) fn phases(&self) -> Vec<(String, Duration)> {
        let mut heard = self.lock();
        heard.end_phase();
        heard.phases.clone()
    }

    /// Rows that were moved, without those that were read again, and their bytes.
    pub(super) fn moved(&self) -> (u64, u64) {
        self.lock().moved
    }

    fn lock(&self) -> MutexGuard<'_, Heard> {
        // Sums are whole at every moment.
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Heard {
    fn end_phase(&mut self) {
        if let Some((place, since)) = self.current.take()
            && let Some((_, time)) = self.phases.get_mut(place)
        {
            *time += since.elapsed();
        }
    }

    fn begin_phase(&mut self, name: &str) {
        self.end_phase();
        let place = self.phases.iter().position(|(known, _)| known == name).unwrap_or_else(|| {
            self.phases.push((name.to_owned(), Duration::ZERO));
            self.phases.len() - 1
        });
        self.current = Some((place, Instant::now()));
    }
}

impl Progress for Gauge {
    fn event(&self, event: Event<'_>) {
        match event {
            Event::Spent { stage, spent } => *self.lock().stages.entry(stage).or_default() += spent,
            Event::Phase { name, .. } => self.lock().begin_phase(name),
            Event::Rows { rows, bytes, again: false, .. } => {
                let mut heard = self.lock();
                heard.moved.0 += rows;
                heard.moved.1 += bytes;
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_of_several_groups_add_up() {
        let gauge = Gauge::default();
        for name in ["plan", "load", "prove", "load", "prove"] {
            gauge.event(Event::Phase { name, group: None });
            std::thread::sleep(Duration::from_millis(2));
        }
        let phases = gauge.phases();
        let names: Vec<&str> = phases.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["plan", "load", "prove"]);
        assert!(phases[1].1 >= Duration::from_millis(4), "{phases:?}");
        assert_eq!(gauge.phases(), phases, "what has ended has ended");
    }

    #[test]
    fn rows_that_are_read_again_are_not_moved_twice() {
        let gauge = Gauge::default();
        gauge.event(Event::Rows { collection: "a", rows: 5, bytes: 50, again: false });
        gauge.event(Event::Rows { collection: "a", rows: 5, bytes: 50, again: true });
        assert_eq!(gauge.moved(), (5, 50));
    }
}
