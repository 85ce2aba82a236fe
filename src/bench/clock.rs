//! What the process costs: processor time and memory, as the system counts them.
//!
//! What it is not: portable. Where the system does not tell, nothing is said instead of something wrong.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Processor time of the whole process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Cpu {
    /// Seconds in the program itself.
    pub user: f64,
    /// Seconds in the system on its behalf.
    pub system: f64,
}

impl Cpu {
    /// Both together, in seconds.
    pub fn total(&self) -> f64 {
        self.user + self.system
    }
}

/// What the process had used when a run began.
#[derive(Debug)]
pub(super) struct Usage {
    cpu: Option<Cpu>,
    peak_is_ours: bool,
}

impl Usage {
    /// From now on: the mark of the most memory is set back to what is in use.
    pub(super) fn begin() -> Self {
        Self { cpu: cpu(), peak_is_ours: forget_peak() }
    }

    /// Processor time since.
    pub(super) fn cpu(&self) -> Option<Cpu> {
        let (then, now) = (self.cpu?, cpu()?);
        Some(Cpu { user: rounded(now.user - then.user), system: rounded(now.system - then.system) })
    }

    /// The most memory since, in bytes: what was in memory at all, files that are mapped included. Memory that the allocator
    /// keeps from a run before counts too.
    pub(super) fn peak_memory(&self) -> Option<u64> {
        if self.peak_is_ours { peak() } else { None }
    }
}

#[cfg(target_os = "linux")]
fn cpu() -> Option<Cpu> {
    let text = std::fs::read_to_string("/proc/self/stat").ok()?;
    let ticks = rustix::param::clock_ticks_per_second();
    cpu_of(&text, ticks as f64)
}

/// The name of the program, in parentheses, may hold anything; behind it fields are numbers, the user's time the 12th.
#[cfg(target_os = "linux")]
fn cpu_of(stat: &str, ticks: f64) -> Option<Cpu> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut times = fields.split_whitespace().skip(11).map(|field| field.parse::<f64>().ok());
    Some(Cpu { user: times.next()?? / ticks, system: times.next()?? / ticks })
}

#[cfg(target_os = "linux")]
fn forget_peak() -> bool {
    std::fs::write("/proc/self/clear_refs", "5").is_ok()
}

#[cfg(target_os = "linux")]
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kibibytes << 10)
}

#[cfg(not(target_os = "linux"))]
fn cpu() -> Option<Cpu> {
    None
}

#[cfg(not(target_os = "linux"))]
fn forget_peak() -> bool {
    false
}

#[cfg(not(target_os = "linux"))]
fn peak() -> Option<u64> {
    None
}

/// Seconds of a duration, to the microsecond: what is finer is noise in a report.
pub(super) fn seconds(time: Duration) -> f64 {
    rounded(time.as_secs_f64())
}

/// Seconds to the microsecond, also after they were added up.
pub(super) fn rounded(seconds: f64) -> f64 {
    (seconds * 1e6).round() / 1e6
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_program_with_a_hostile_name_is_counted() {
        let stat = "12 (a) b 1 (2)) S 1 1 1 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 1 0 100 0 0";
        assert_eq!(cpu_of(stat, 100.0), Some(Cpu { user: 2.5, system: 0.5 }));
        assert_eq!(cpu_of("12 (x) S 1", 100.0), None);
    }

    #[test]
    fn memory_that_was_used_shows() {
        let usage = Usage::begin();
        let before = usage.peak_memory().expect("this system tells");
        let block = std::hint::black_box(vec![1_u8; 64 << 20]);
        assert!(usage.peak_memory().expect("this system tells") >= before + (32 << 20));
        drop(block);
        assert!(usage.cpu().expect("this system tells").total() >= 0.0);
    }
}
