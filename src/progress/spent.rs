//! What threads spend their time on, stage by stage: busy on a processor, or waiting.
//!
//! What it is not: a profile. A stage is a few calls a batch, so that looking at the clocks costs nothing that shows.

use super::{Event, Progress};
use serde::{Deserialize, Serialize};
use std::ops::{AddAssign, Sub};
use std::time::{Duration, Instant};

/// What a thread of a dump does with a batch once it has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Stage {
    /// Hashes the rows.
    Hash,
    /// Encodes them, and compresses the pages that are full.
    Encode,
    /// Appends a row group to its file, or waits for its turn to.
    Write,
}

/// Time that a thread has spent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// On a processor.
    pub busy: Duration,
    /// Off it: waiting for another machine, a disk, another thread, or for a processor to be free.
    pub waiting: Duration,
}

impl AddAssign for Spent {
    fn add_assign(&mut self, other: Self) {
        self.busy += other.busy;
        self.waiting += other.waiting;
    }
}

impl Sub for Spent {
    type Output = Self;

    /// What remains without a part; clocks of different kinds may disagree by a little, so it is never less than nothing.
    fn sub(self, part: Self) -> Self {
        Self { busy: self.busy.saturating_sub(part.busy), waiting: self.waiting.saturating_sub(part.waiting) }
    }
}

/// Does a stage's work and tells what it took.
pub(crate) fn spend<T>(progress: &dyn Progress, stage: Stage, work: impl FnOnce() -> T) -> T {
    let stopwatch = Stopwatch::start();
    let result = work();
    progress.event(Event::Spent { stage, spent: stopwatch.spent() });
    result
}

/// Measures one thread: it is started and read by the same one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stopwatch {
    started: Instant,
    busy: Option<Duration>,
}

impl Stopwatch {
    pub(crate) fn start() -> Self {
        Self { started: Instant::now(), busy: thread_time() }
    }

    /// What the thread has spent since. Where the system does not tell how long a thread was on a processor, it counts as
    /// always on it.
    pub(crate) fn spent(&self) -> Spent {
        let elapsed = self.started.elapsed();
        let busy = match (self.busy, thread_time()) {
            (Some(then), Some(now)) => now.saturating_sub(then).min(elapsed),
            _ => elapsed,
        };
        Spent { busy, waiting: elapsed.saturating_sub(busy) }
    }
}

/// How long this thread was on a processor.
#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
fn thread_time() -> Option<Duration> {
    Duration::try_from(rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime)).ok()
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
fn thread_time() -> Option<Duration> {
    None
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn sleeping_is_waiting_and_counting_is_work() {
        let stopwatch = Stopwatch::start();
        std::thread::sleep(Duration::from_millis(30));
        let asleep = stopwatch.spent();
        assert!(asleep.waiting >= Duration::from_millis(25), "{asleep:?}");
        let stopwatch = Stopwatch::start();
        let mut number = 1_u64;
        while stopwatch.spent().busy < Duration::from_millis(20) {
            number = std::hint::black_box(number.wrapping_mul(3));
        }
        assert!(stopwatch.spent().busy >= Duration::from_millis(20));
    }
}
