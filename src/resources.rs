//! What a run may use: threads and memory. One budget bounds everything, whatever the size of a table.

use dbferry_dialect::{Error, ErrorKind, Result};
use rayon::{ThreadPool, ThreadPoolBuilder};

/// Threads and memory of one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resources {
    /// Worker threads, each with its own database session. Default: the processors, at most 8.
    pub jobs: usize,
    /// Bytes that the run may hold in memory. Default: 128 MiB a job, at least 256 MiB.
    pub memory: u64,
}

impl Resources {
    const MOST_JOBS: usize = 64;
    const MIB: u64 = 1 << 20;
    /// The least memory a job can work in: a few batches and an encoder.
    const LEAST_A_JOB: u64 = 32 * Self::MIB;

    /// Checks the wish and fills in defaults.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] when `jobs` is 0 or more than 64, or memory is too small for them.
    pub fn new(jobs: Option<usize>, memory: Option<u64>) -> Result<Self> {
        let jobs = jobs.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, |n| n.get().min(8)));
        if !(1..=Self::MOST_JOBS).contains(&jobs) {
            return Err(Error::new(ErrorKind::Usage, format!("{jobs} jobs: it takes 1 to {}", Self::MOST_JOBS)));
        }
        let least = Self::LEAST_A_JOB * jobs as u64;
        let memory = memory.unwrap_or_else(|| (128 * Self::MIB * jobs as u64).max(256 * Self::MIB));
        if memory < least {
            return Err(Error::new(
                ErrorKind::Usage,
                format!("{} MiB of memory are too few for {jobs} jobs", memory / Self::MIB),
            )
            .hint(format!("give at least {} MiB, or fewer jobs", least / Self::MIB)));
        }
        Ok(Self { jobs, memory })
    }

    /// The size of a batch in memory, in bytes: small enough that every job can hold several.
    pub(crate) fn batch_bytes(&self) -> usize {
        let share = self.memory / (self.jobs as u64 * 32);
        // Bounded on both sides, so it fits usize everywhere.
        share.clamp(256 << 10, 2 << 20) as usize
    }

    /// The size of a row group in memory, in bytes: the wish, unless the budget is too small for it. A job holds one
    /// that grows and one that waits for its turn.
    pub(crate) fn row_group_bytes(&self, wish: usize) -> usize {
        let share = usize::try_from(self.memory / (self.jobs as u64 * 4)).unwrap_or(usize::MAX);
        wish.min(share)
    }

    /// A pool of `threads` threads for this run alone. Workers block on each other and on the database, so they must not
    /// share a pool with anybody.
    pub(crate) fn pool(threads: usize) -> Result<ThreadPool> {
        ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|index| format!("dbferry-{index}"))
            .build()
            .map_err(|error| Error::new(ErrorKind::Internal, "cannot start worker threads").caused_by(error))
    }
}

impl Default for Resources {
    fn default() -> Self {
        let jobs = std::thread::available_parallelism().map_or(1, |n| n.get().min(8));
        Self { jobs, memory: (128 * Self::MIB * jobs as u64).max(256 * Self::MIB) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn impossible_wishes_are_refused() {
        assert!(Resources::new(Some(0), None).is_err());
        assert!(Resources::new(Some(65), None).is_err());
        assert!(Resources::new(Some(4), Some(64 << 20)).is_err());
    }

    #[test]
    fn row_groups_do_not_depend_on_jobs_by_default() {
        for jobs in [1, 2, 4, 8] {
            let resources = Resources::new(Some(jobs), None).expect("resources");
            assert_eq!(resources.row_group_bytes(32 << 20), 32 << 20);
        }
    }
}
