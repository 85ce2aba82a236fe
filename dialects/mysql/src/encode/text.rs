//! Numbers, dates and times as the texts that the servers read.

use super::Misfit;
use arrow::datatypes::i256;
use std::io::Write as _;

pub(super) const MICROS_PER_SECOND: i64 = 1_000_000;
const SECONDS_PER_DAY: i64 = 86_400;
/// The first and the last day that a date can be, 0000-01-01 and 9999-12-31, counted from 1970-01-01.
const FIRST_DAY: i64 = -719_528;
const LAST_DAY: i64 = 2_932_896;

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
fn padded<const N: usize>(mut value: u32, out: &mut Vec<u8>) {
    let mut digits = [b'0'; N];
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (value % 10) as u8;
        value /= 10;
    }
    out.extend_from_slice(&digits);
}

/// Appends two digits.
#[inline]
fn pair(value: u32, out: &mut Vec<u8>) {
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

/// Appends `YYYY-MM-DD` of the day counted from 1970-01-01.
#[inline]
pub(super) fn date(day: i64, out: &mut Vec<u8>) -> Result<(), Misfit> {
    if !(FIRST_DAY..=LAST_DAY).contains(&day) {
        return Err(Misfit::new("dates go from 0000-01-01 to 9999-12-31 here"));
    }
    // Days from 0000-03-01, in eras of 400 years: https://howardhinnant.github.io/date_algorithms.html#civil_from_days.
    // All of it is positive and fits 32 bits, since the first day lies in the era before.
    let shifted = (day + 719_468 + 146_097) as u32;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = (year_of_era + era * 400 + u32::from(month <= 2)).wrapping_sub(400);
    pair(year / 100, out);
    pair(year, out);
    out.push(b'-');
    pair(month, out);
    out.push(b'-');
    pair(day, out);
    Ok(())
}

/// Appends `HH:MM:SS`.
#[inline]
fn clock(seconds: u32, out: &mut Vec<u8>) {
    let hours = seconds / 3600;
    if hours >= 100 {
        unsigned(hours.into(), out);
    } else {
        pair(hours, out);
    }
    out.push(b':');
    pair(seconds / 60 % 60, out);
    out.push(b':');
    pair(seconds % 60, out);
}

/// Appends the fraction of a second, with as many digits as the column has.
#[inline]
fn fraction(micros: u32, digits: u8, out: &mut Vec<u8>) -> Result<(), Misfit> {
    if micros == 0 {
        return Ok(());
    }
    // A fraction has 6 digits at most.
    let unit = 10u32.pow(6 - u32::from(digits.min(6)));
    if !micros.is_multiple_of(unit) {
        return Err(Misfit::new(format!("the column holds {digits} digits of a second's fraction")));
    }
    out.push(b'.');
    padded::<6>(micros, out);
    Ok(())
}

/// Appends `YYYY-MM-DD HH:MM:SS[.f]` of the microseconds from 1970-01-01.
#[inline]
pub(super) fn date_time(micros: i64, digits: u8, separator: u8, out: &mut Vec<u8>) -> Result<(), Misfit> {
    let seconds = micros.div_euclid(MICROS_PER_SECOND);
    date(seconds.div_euclid(SECONDS_PER_DAY), out)?;
    out.push(separator);
    // The remainders are small and not negative.
    clock(seconds.rem_euclid(SECONDS_PER_DAY) as u32, out);
    fraction(micros.rem_euclid(MICROS_PER_SECOND) as u32, digits, out)
}

/// Appends `[-]HH:MM:SS[.f]`, hours with as many digits as they need.
#[inline]
pub(super) fn span(micros: i64, digits: u8, out: &mut Vec<u8>) -> Result<(), Misfit> {
    if micros < 0 {
        out.push(b'-');
    }
    let magnitude = micros.unsigned_abs();
    let seconds = u32::try_from(magnitude / 1_000_000).map_err(|_| Misfit::new("the time is out of range"))?;
    clock(seconds, out);
    // A remainder of a million fits 32 bits.
    fraction((magnitude % 1_000_000) as u32, digits, out)
}

/// Appends `HH:MM:SS[.f]+HH:MM[:SS]`.
pub(super) fn time_with_offset(micros: i64, offset_seconds: i32, out: &mut Vec<u8>) -> Result<(), Misfit> {
    span(micros, 6, out)?;
    out.push(if offset_seconds < 0 { b'-' } else { b'+' });
    let offset = offset_seconds.unsigned_abs();
    pair(offset / 3600, out);
    out.push(b':');
    pair(offset / 60 % 60, out);
    if !offset.is_multiple_of(60) {
        out.push(b':');
        pair(offset % 60, out);
    }
    Ok(())
}

/// Appends an interval as ISO 8601 spells it, every part with its own sign, parts that are zero left out:
/// `P1Y2M3DT4H5M6.5S`, `P-1M`, `PT0S`.
pub(super) fn interval(months: i32, days: i32, micros: i64, out: &mut Vec<u8>) {
    if (months, days, micros) == (0, 0, 0) {
        out.extend_from_slice(b"PT0S");
        return;
    }
    let part = |value: i64, unit: u8, out: &mut Vec<u8>| {
        if value != 0 {
            signed(value, out);
            out.push(unit);
        }
    };
    out.push(b'P');
    part((months / 12).into(), b'Y', out);
    part((months % 12).into(), b'M', out);
    part(days.into(), b'D', out);
    if micros == 0 {
        return;
    }
    out.push(b'T');
    let seconds = micros / MICROS_PER_SECOND;
    part(seconds / 3600, b'H', out);
    part(seconds / 60 % 60, b'M', out);
    // The remainder of a million fits 32 bits.
    let (seconds, fraction) = (seconds % 60, (micros % MICROS_PER_SECOND).unsigned_abs() as u32);
    if seconds == 0 && fraction == 0 {
        return;
    }
    if micros < 0 {
        out.push(b'-');
    }
    unsigned(seconds.unsigned_abs(), out);
    if fraction > 0 {
        out.push(b'.');
        padded::<6>(fraction, out);
        while out.last() == Some(&b'0') {
            out.pop();
        }
    }
    out.push(b'S');
}

/// Appends the 36 characters of a UUID.
pub(super) fn uuid(bytes: &[u8], out: &mut Vec<u8>) {
    for (position, byte) in bytes.iter().enumerate() {
        if matches!(position, 4 | 6 | 8 | 10) {
            out.push(b'-');
        }
        hex(*byte, out);
    }
}

/// Appends two hexadecimal digits.
#[inline]
pub(super) fn hex(byte: u8, out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    // A byte's halves are below 16.
    out.extend_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
}

/// Appends the lowest `length` bits as 0 and 1, the highest of them first.
pub(super) fn bits(value: u64, length: u32, out: &mut Vec<u8>) {
    out.extend((0..length.min(64)).rev().map(|position| b'0' + (value >> position & 1) as u8));
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

    #[test]
    fn days_are_counted_as_the_calendar_does() {
        let cases = [
            (0, "1970-01-01"),
            (-1, "1969-12-31"),
            (FIRST_DAY, "0000-01-01"),
            (FIRST_DAY + 59, "0000-02-29"),
            (FIRST_DAY + 60, "0000-03-01"),
            (LAST_DAY, "9999-12-31"),
            (11_016, "2000-02-29"),
            (-25_509, "1900-02-28"),
            (-25_508, "1900-03-01"),
        ];
        for (day, expected) in cases {
            assert_eq!(tried(|out| date(day, out)).as_deref(), Some(expected));
        }
        assert_eq!(tried(|out| date(FIRST_DAY - 1, out)), None);
        assert_eq!(tried(|out| date(LAST_DAY + 1, out)), None);
    }

    #[test]
    fn times_keep_their_fraction_or_are_refused() {
        let text = |micros, digits| tried(|out| date_time(micros, digits, b' ', out));
        assert_eq!(text(0, 0).as_deref(), Some("1970-01-01 00:00:00"));
        assert_eq!(text(-1, 6).as_deref(), Some("1969-12-31 23:59:59.999999"));
        assert_eq!(text(500_000, 1).as_deref(), Some("1970-01-01 00:00:00.500000"));
        assert_eq!(text(500_001, 1), None);
        assert_eq!(text(i64::MAX, 6), None);
        let text = |micros, digits| tried(|out| span(micros, digits, out));
        assert_eq!(text(-3_020_399_000_000, 0).as_deref(), Some("-838:59:59"));
        assert_eq!(text(-1, 6).as_deref(), Some("-00:00:00.000001"));
        assert_eq!(text(10, 4), None);
        assert_eq!(text(100, 4).as_deref(), Some("00:00:00.000100"));
        assert_eq!(text(i64::MIN, 6), None);
        let text = |micros, offset| tried(|out| time_with_offset(micros, offset, out));
        assert_eq!(text(3_600_000_000, -16_200).as_deref(), Some("01:00:00-04:30"));
        assert_eq!(text(1, 3_601).as_deref(), Some("00:00:00.000001+01:00:01"));
    }

    #[test]
    fn intervals_are_iso_8601() {
        let cases = [
            ((0, 0, 0), "PT0S"),
            ((14, 3, 14_706_500_000), "P1Y2M3DT4H5M6.5S"),
            ((-1, 0, 0), "P-1M"),
            ((0, -2, -1), "P-2DT-0.000001S"),
            ((0, 0, -3_600_000_000), "PT-1H"),
        ];
        for ((months, days, micros), expected) in cases {
            assert_eq!(made(|out| interval(months, days, micros, out)), expected);
        }
    }
}
