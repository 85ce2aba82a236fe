//! Parts of the planned work, told as they are done, so that the parts add up to the whole.

use super::{Event, Progress};

/// One part of the work, done by one thread.
pub(crate) struct Share<'a> {
    progress: &'a dyn Progress,
    work: u64,
    expected: u64,
    seen: u64,
    told: u64,
}

impl<'a> Share<'a> {
    /// A part of `work`, which is done when `expected` of something went by: rows, bytes.
    pub(crate) fn new(progress: &'a dyn Progress, work: u64, expected: u64) -> Self {
        Self { progress, work, expected, seen: 0, told: 0 }
    }

    /// So much more went by. What goes beyond the expected is not told: the part is then done as far as anybody knows.
    pub(crate) fn advance(&mut self, amount: u64) {
        self.seen = self.seen.saturating_add(amount).min(self.expected);
        let done = u128::from(self.work) * u128::from(self.seen);
        // At most `work`, since no more is seen than expected.
        self.tell(done.checked_div(u128::from(self.expected)).unwrap_or(0) as u64);
    }

    /// The part is done, however much went by.
    pub(crate) fn finish(mut self) {
        self.tell(self.work);
    }

    fn tell(&mut self, done: u64) {
        if done > self.told {
            self.progress.event(Event::Work { amount: done - self.told });
            self.told = done;
        }
    }
}

/// Divides `whole` in proportion to `sizes`, equally where all of them are 0. The parts add up to it.
pub(crate) fn divide(whole: u64, sizes: impl Iterator<Item = u64>) -> Vec<u64> {
    let mut sizes: Vec<u64> = sizes.collect();
    if sizes.iter().all(|size| *size == 0) {
        sizes.fill(1);
    }
    let sum = sizes.iter().copied().fold(0, u64::saturating_add);
    let (mut before, mut given) = (0_u64, 0);
    let parts = sizes.into_iter().map(|size| {
        before = before.saturating_add(size);
        // At most `whole`, since no more is before than the sum.
        let upto = (u128::from(whole) * u128::from(before) / u128::from(sum)) as u64;
        upto - std::mem::replace(&mut given, upto)
    });
    parts.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[derive(Default)]
    struct Told(Mutex<Vec<u64>>);

    impl Progress for Told {
        fn event(&self, event: Event<'_>) {
            if let Event::Work { amount } = event {
                self.0.lock().expect("a lock").push(amount);
            }
        }
    }

    fn told(work: u64, expected: u64, amounts: &[u64]) -> Vec<u64> {
        let told = Told::default();
        let mut share = Share::new(&told, work, expected);
        amounts.iter().for_each(|amount| share.advance(*amount));
        share.finish();
        told.0.into_inner().expect("a lock")
    }

    #[test]
    fn what_is_told_adds_up() {
        assert_eq!(told(100, 4, &[1, 1, 1, 1]), [25, 25, 25, 25]);
        assert_eq!(told(100, 3, &[1, 1, 1]), [33, 33, 34]);
        assert_eq!(told(100, 10, &[2]), [20, 80], "fewer than expected");
        assert_eq!(told(100, 10, &[20, 5]), [100], "more than expected");
        assert_eq!(told(100, 0, &[20]), [100], "none expected");
        assert_eq!(told(u64::MAX, u64::MAX, &[1, u64::MAX]), [1, u64::MAX - 1]);
        assert_eq!(told(0, 5, &[5]), Vec::<u64>::new());
    }

    #[test]
    fn parts_add_up_to_the_whole() {
        assert_eq!(divide(10, [1, 1, 1].into_iter()), [3, 3, 4]);
        assert_eq!(divide(10, [0, 0].into_iter()), [5, 5]);
        assert_eq!(divide(10, [0, 5].into_iter()), [0, 10]);
        assert_eq!(divide(10, [].into_iter()), Vec::<u64>::new());
        assert_eq!(divide(u64::MAX, [u64::MAX, u64::MAX].into_iter()), [u64::MAX, 0]);
    }
}
