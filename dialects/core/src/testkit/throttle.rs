//! Throttling: a decorator of any dialect that delays each batch that is read or written.
//!
//! It makes a database that is far away or slow: to see progress, cancellation and back-pressure at work. It delays nothing
//! but batches.

use super::decorate::{self, Hook, Inner, decorated_dialect};
use crate::cancel::Cancel;
use crate::contract::Dialect;
use crate::error::Result;
use crate::exception::Batch;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How slow each session is. Sessions do not slow each other down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Throttle {
    /// Each batch takes at least this long.
    Delay(Duration),
    /// Each batch takes as long as its size in memory needs at this many bytes a second. 0 counts as 1.
    BytesPerSecond(u64),
}

impl Throttle {
    fn delay(self, batch: &Batch) -> Duration {
        match self {
            Self::Delay(delay) => delay,
            Self::BytesPerSecond(rate) => {
                let nanos = batch.memory_size() as u128 * 1_000_000_000 / u128::from(rate.max(1));
                Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
            }
        }
    }
}

impl Hook for Throttle {
    fn before(&self, _: &'static str, batch: Option<&Batch>, cancel: &Cancel) -> Result<()> {
        /// How long a cancelled sleep goes on at most.
        const STEP: Duration = Duration::from_millis(10);
        let Some(delay) = batch.map(|batch| self.delay(batch)) else { return Ok(()) };
        let started = Instant::now();
        while let Some(left) = delay.checked_sub(started.elapsed()).filter(|left| !left.is_zero()) {
            cancel.check()?;
            std::thread::sleep(left.min(STEP));
        }
        Ok(())
    }
}

/// A dialect whose batches take their time. It has the name of what it decorates.
#[derive(Clone, Debug)]
pub struct ThrottleDialect {
    inner: Inner,
    hook: Arc<Throttle>,
}

impl ThrottleDialect {
    /// Decorates `inner`.
    pub fn new(inner: impl Into<Inner>, throttle: Throttle) -> Self {
        Self { inner: inner.into(), hook: Arc::new(throttle) }
    }
}

decorated_dialect!(ThrottleDialect);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::{OpenOptions, Purpose, ReadRequest, SnapshotOptions};
    use crate::error::ErrorKind;
    use crate::testkit::MemoryDialect;
    use crate::testkit::generate::{self, GenerateOptions};

    /// Reads everything; returns the bytes and batches that came.
    fn read_all(throttle: Throttle, cancel: Cancel) -> Result<(usize, u32)> {
        let (schema, rows) = generate::database(11, &GenerateOptions { max_rows: 20, ..GenerateOptions::default() });
        let memory = MemoryDialect::new();
        memory.insert("shop", &schema, &rows)?;
        let dialect = ThrottleDialect::new(memory.clone(), throttle);
        let mut database = dialect.open(&memory.url("shop"), &OpenOptions::new(Purpose::Read, cancel))?;
        let mut snapshot = database.snapshot(&SnapshotOptions::new(1))?;
        let mut reader = snapshot.readers().remove(0);
        let (mut bytes, mut batches) = (0, 0);
        for collection in &schema.collections {
            for chunk in snapshot.chunks(collection, u64::MAX)? {
                let request = ReadRequest { collection, chunk: &chunk, batch_bytes: 2000, predicate: None };
                reader.read(&request, &mut |batch: Batch| {
                    bytes += batch.memory_size();
                    batches += 1;
                    Ok(())
                })?;
            }
        }
        Ok((bytes, batches))
    }

    #[test]
    fn batches_take_their_time() {
        let delay = Duration::from_millis(5);
        let started = Instant::now();
        let (_, batches) = read_all(Throttle::Delay(delay), Cancel::new()).expect("rows");
        assert!(batches > 1 && started.elapsed() >= delay * batches);
        let started = Instant::now();
        let (bytes, _) = read_all(Throttle::BytesPerSecond(1_000_000), Cancel::new()).expect("rows");
        assert!(started.elapsed() >= Duration::from_micros(bytes as u64 * 99 / 100));
    }

    #[test]
    fn a_sleep_ends_when_it_is_cancelled() {
        let cancel = Cancel::new();
        let started = Instant::now();
        let result = std::thread::scope(|scope| {
            let run = scope.spawn(|| read_all(Throttle::Delay(Duration::from_secs(3600)), cancel.clone()));
            std::thread::sleep(Duration::from_millis(50));
            cancel.cancel();
            run.join().expect("no panic")
        });
        assert_eq!(result.expect_err("cancelled").kind(), ErrorKind::Cancelled);
        assert!(started.elapsed() < Duration::from_secs(60));
    }
}
