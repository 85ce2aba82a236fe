//! A small deterministic source of random numbers, so that a seed means the same database everywhere and forever.

/// Numbers from a seed by SplitMix64 (Steele, Lea, Flood 2014). Good enough for test data, of no use for secrets.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// A source that always gives the same numbers for the same seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// A number from 0 up to but without `bound`; 0 when `bound` is 0.
    pub fn below(&mut self, bound: usize) -> usize {
        // The bias of the remainder is below 2^-40 for every bound that a test uses. The result is below a usize.
        if bound == 0 { 0 } else { (self.bits() % bound as u64) as usize }
    }

    /// True once in `times` on average.
    pub fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// One of `choices`.
    ///
    /// # Panics
    /// When there are none.
    pub fn pick<'a, T: ?Sized>(&mut self, choices: &[&'a T]) -> &'a T {
        choices[self.below(choices.len())]
    }

    /// A whole number from `from` to `to`, both included, small magnitudes as likely as large ones.
    pub fn between(&mut self, from: i64, to: i64) -> i64 {
        let magnitude = (self.bits() >> self.below(64)) as i64;
        let value = if self.once_in(2) { magnitude } else { magnitude.wrapping_neg() };
        if (from..=to).contains(&value) {
            value
        } else {
            // At most 2^64 values lie between two i64, so the width fits 128 bits and the sum fits 64 again.
            let width = i128::from(to) - i128::from(from) + 1;
            (i128::from(from) + i128::from(self.bits()) % width) as i64
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_is_the_published_one() {
        // The first numbers of the reference implementation (splitmix64.c) for the seed 1234567.
        let mut random = Random::new(1_234_567);
        assert_eq!(
            [random.bits(), random.bits(), random.bits()],
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]
        );
    }

    #[test]
    fn bounds_are_kept() {
        let mut random = Random::new(1);
        for (from, to) in [(i64::MIN, i64::MAX), (-1, 1), (5, 5), (0, 86_399), (i64::MAX - 1, i64::MAX)] {
            for _ in 0..500 {
                assert!((from..=to).contains(&random.between(from, to)));
            }
        }
        assert!((0..500).all(|_| random.below(3) < 3));
        assert_eq!(random.below(0), 0);
    }
}
