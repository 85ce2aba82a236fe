//! The arithmetic of the hash: how one word becomes 128 bits, and how a row is finished.
//!
//! Constants are the fraction of pi in hexadecimal, sixteen digits each, in order, so that nobody chose them.

/// What the sum of a row's cells starts from; not zero, so that a row without columns counts too.
pub(super) const ROW_START: u128 = 0x243f6a8885a308d3_13198a2e03707344;

/// The finaliser's rounds: what is xored in, and what is multiplied with (odd).
const ROUNDS: [(u64, u64); 4] = [
    (0xa4093822299f31d0, 0x452821e638d01377),
    (0x082efa98ec4e6c89, 0xc0ac29b7c97c50dd),
    (0xbe5466cf34e90c6c, 0x3f84d5b5b5470917),
    (0xd1310ba698dfb5ac, 0x9216d5d98979fb1b),
];

/// One 64 x 64 -> 128 bit multiplication of the keyed word with its keyed rotation.
///
/// The last step folds the product's low half into its high half: without it the differences between neighbouring words
/// fall on few lines, and the sum over a row's cells is the place where lines meet.
#[inline(always)]
pub(super) fn word(value: u64, left: u64, right: u64) -> u128 {
    let product = u128::from(value ^ left) * u128::from(value.rotate_left(32) ^ right);
    product ^ (u128::from((product as u64).rotate_left(32)) << 64)
}

/// A row's hash from the sum of its cells: a Feistel network of four rounds, so no two sums share a hash, and the sum of
/// two rows' hashes says which cells stood together.
#[inline(always)]
pub(super) fn finish(sum: u128) -> u128 {
    let (mut low, mut high) = (sum as u64, (sum >> 64) as u64);
    low ^= round(high, ROUNDS[0]);
    high ^= round(low, ROUNDS[1]);
    low ^= round(high, ROUNDS[2]);
    high ^= round(low, ROUNDS[3]);
    u128::from(high) << 64 | u128::from(low)
}

#[inline(always)]
fn round(value: u64, (flip, factor): (u64, u64)) -> u64 {
    let product = u128::from(value ^ flip) * u128::from(factor);
    product as u64 ^ (product >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every input bit flips every output bit in about half of the cases.
    #[test]
    fn the_finaliser_avalanches() {
        const SAMPLES: u32 = 4096;
        let mut state = ROW_START;
        for bit in 0..128 {
            let mut flips = [0u32; 128];
            for _ in 0..SAMPLES {
                state = state.wrapping_mul(0xda942042e4dd58b5_0000000000000001 | 0x10).wrapping_add(ROW_START | 1);
                let difference = finish(state) ^ finish(state ^ (1 << bit));
                for (position, count) in flips.iter_mut().enumerate() {
                    *count += (difference >> position) as u32 & 1;
                }
            }
            for (position, count) in flips.iter().enumerate() {
                assert!((SAMPLES * 2 / 5..SAMPLES * 3 / 5).contains(count), "bit {bit} on {position}: {count}");
            }
        }
    }
}
