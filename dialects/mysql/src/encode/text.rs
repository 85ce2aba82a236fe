//! Numbers, identifiers and bits as the texts that the servers read. Not here: dates and times ([`super::time`]).

use super::Misfit;
use arrow::datatypes::i256;
use std::io::Write as _;

/// All numbers of two digits.
const PAIRS: &[u8; 200] =
    b"0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243444546474849\
5051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899";

/// Appends the digits of a number.
#[inline]
pub(super) fn unsigned(mut value: u64, out: &mut Vec<u8>) {
    // 2^64 has 20 digits.
    let mut digits = [0; 20];
    let mut at = digits.len();
    while value >= 100 {
        let pair = (value % 100) as usize * 2;
        value /= 100;
        at -= 2;
        digits[at..at + 2].copy_from_slice(&PAIRS[pair..pair + 2]);
    }
    if value >= 10 {
        let pair = value as usize * 2;
        at -= 2;
        digits[at..at + 2].copy_from_slice(&PAIRS[pair..pair + 2]);
    } else {
        at -= 1;
        digits[at] = b'0' + value as u8;
    }
    out.extend_from_slice(&digits[at..]);
}

/// Appends a number.
#[inline]
pub(super) fn signed(value: i64, out: &mut Vec<u8>) {
    if value < 0 {
        out.push(b'-');
    }
    unsigned(value.unsigned_abs(), out);
}

/// Appends a number of at least `N` digits, zeros in front. It has no more than that wherever it is used.
#[inline]
pub(super) fn padded<const N: usize>(mut value: u32, out: &mut Vec<u8>) {
    let mut digits = [b'0'; N];
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (value % 10) as u8;
        value /= 10;
    }
    out.extend_from_slice(&digits);
}

/// Appends two digits.
#[inline]
pub(super) fn pair(value: u32, out: &mut Vec<u8>) {
    // Two digits wherever it is used.
    let at = (value % 100) as usize * 2;
    out.extend_from_slice(&PAIRS[at..at + 2]);
}

/// Appends `value * 10^-scale`.
#[inline]
pub(super) fn decimal(value: i128, scale: u8, out: &mut Vec<u8>) {
    let magnitude = value.unsigned_abs();
    if value < 0 {
        out.push(b'-');
    }
    if let (Ok(magnitude), Some(power)) = (u64::try_from(magnitude), 10u64.checked_pow(scale.into())) {
        unsigned(magnitude / power, out);
        if scale > 0 {
            out.push(b'.');
            let mut digits = [b'0'; 20];
            let mut rest = magnitude % power;
            // A power of ten below 2^64 has 19 zeros at most.
            let digits = &mut digits[..usize::from(scale)];
            for digit in digits.iter_mut().rev() {
                *digit = b'0' + (rest % 10) as u8;
                rest /= 10;
            }
            out.extend_from_slice(digits);
        }
        return;
    }
    wide_magnitude([0, magnitude], scale, out);
}

/// Appends `value * 10^-scale`, for decimals of more than 38 digits.
pub(super) fn wide_decimal(value: i256, scale: u8, out: &mut Vec<u8>) {
    if value.is_negative() {
        out.push(b'-');
    }
    // The magnitude of the least number wraps to itself, which is right as an unsigned number.
    let (low, high) = value.wrapping_abs().to_parts();
    wide_magnitude([high as u128, low], scale, out);
}

/// Appends the number of those halves, the higher one first.
fn wide_magnitude([high, low]: [u128; 2], scale: u8, out: &mut Vec<u8>) {
    const CHUNK: u128 = 10_000_000_000_000_000_000;
    const HALF: u128 = u64::MAX as u128;
    let mut limbs = [high >> 64, high & HALF, low >> 64, low & HALF];
    // 2^256 has 78 digits: five chunks of 19.
    let mut digits = [b'0'; 95];
    for chunk in digits.chunks_exact_mut(19).rev() {
        let mut remainder = 0;
        for limb in &mut limbs {
            let dividend = remainder << 64 | *limb;
            *limb = dividend / CHUNK;
            remainder = dividend % CHUNK;
        }
        for digit in chunk.iter_mut().rev() {
            // A remainder of 10 fits 8 bits.
            *digit = b'0' + (remainder % 10) as u8;
            remainder /= 10;
        }
    }
    // A scale is 76 at most.
    let point = digits.len() - usize::from(scale).min(digits.len() - 1);
    let (whole, fraction) = digits.split_at(point);
    let first = whole.iter().position(|digit| *digit != b'0').unwrap_or(whole.len() - 1);
    out.extend_from_slice(&whole[first..]);
    if !fraction.is_empty() {
        out.push(b'.');
        out.extend_from_slice(fraction);
    }
}

/// Appends the shortest text that is this number and no other of its width.
///
/// The servers read a float as a double and round that. So the text of a float is that of the double that it is: exact
/// whatever the rounding, and the largest float would be out of range by its own shortest text.
pub(super) fn double(value: f64, out: &mut Vec<u8>) -> Result<(), Misfit> {
    if !value.is_finite() {
        return Err(Misfit::new("neither server has infinity or NaN"));
    }
    // Writing to memory cannot fail.
    let _ = if (1e-5..1e16).contains(&value.abs()) || value == 0.0 {
        write!(out, "{value}")
    } else {
        write!(out, "{value:e}")
    };
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(put: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        put(&mut out);
        String::from_utf8(out).expect("ASCII")
    }

    fn tried(put: impl FnOnce(&mut Vec<u8>) -> Result<(), Misfit>) -> Option<String> {
        let mut out = Vec::new();
        put(&mut out).ok()?;
        Some(String::from_utf8(out).expect("ASCII"))
    }

    #[test]
    fn whole_numbers_have_all_their_digits() {
        for value in [0, 7, 10, 99, 100, 101, 999, 1000, 12_345, u64::MAX] {
            assert_eq!(made(|out| unsigned(value, out)), value.to_string());
        }
        for value in [0, -1, i64::MIN, i64::MAX] {
            assert_eq!(made(|out| signed(value, out)), value.to_string());
        }
    }

    #[test]
    fn decimals_have_their_scale() {
        for scale in 0..=38u8 {
            for value in [0, 1, 9, 10, 12_345, 10i128.pow(18), i128::from(u64::MAX), 10i128.pow(38) - 1] {
                let digits = format!("{value:0>width$}", width = usize::from(scale) + 1);
                let (whole, fraction) = digits.split_at(digits.len() - usize::from(scale));
                let expected = if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") };
                assert_eq!(made(|out| decimal(value, scale, out)), expected);
                assert_eq!(made(|out| wide_decimal(i256::from_i128(value), scale, out)), expected);
                if value > 0 {
                    assert_eq!(made(|out| decimal(-value, scale, out)), format!("-{expected}"));
                }
            }
        }
        let nines = "9".repeat(76);
        let value = i256::from_string(&nines).expect("a number");
        assert_eq!(made(|out| wide_decimal(value, 76, out)), format!("0.{nines}"));
        assert_eq!(made(|out| wide_decimal(value, 0, out)), nines);
    }

    #[test]
    fn floats_are_the_doubles_that_they_are() {
        for value in [0.0, -0.0, 1.5, 1e16, 1e-7, f64::MAX, f64::MIN_POSITIVE, 5e-324, 0.1, f64::from(f32::MAX)] {
            let text = tried(|out| double(value, out)).expect("a number");
            assert_eq!(text.parse::<f64>().expect("a number").to_bits(), value.to_bits(), "{text}");
            assert!(text.len() < 25, "{text}");
        }
        assert_eq!(tried(|out| double(f64::from(f32::MAX), out)).as_deref(), Some("3.4028234663852886e38"));
        for value in [f64::NAN, f64::INFINITY] {
            assert_eq!(tried(|out| double(value, out)), None);
        }
    }
}
