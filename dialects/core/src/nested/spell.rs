//! How single values inside of nested ones are spelled.

use std::io::Write as _;

const SECOND: u64 = 1_000_000;

/// Appends two hexadecimal digits.
#[inline]
pub fn hex(byte: u8, out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    // A byte's halves are below 16.
    out.extend_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
}

/// Appends the 36 characters of a UUID.
#[inline]
pub fn uuid(bytes: &[u8], out: &mut Vec<u8>) {
    for (position, byte) in bytes.iter().enumerate() {
        if matches!(position, 4 | 6 | 8 | 10) {
            out.push(b'-');
        }
        hex(*byte, out);
    }
}

/// Appends the lowest `length` bits as 0 and 1, the highest of them first.
#[inline]
pub fn bits(value: u64, length: u32, out: &mut Vec<u8>) {
    out.extend((0..length.min(64)).rev().map(|position| b'0' + (value >> position & 1) as u8));
}

/// Appends `[-]HH:MM:SS[.f]`, hours with as many digits as they need, of a number of microseconds.
pub(super) fn span(micros: i64, out: &mut Vec<u8>) {
    if micros < 0 {
        out.push(b'-');
    }
    let magnitude = micros.unsigned_abs();
    let seconds = magnitude / SECOND;
    // Writing to memory cannot fail, here and below.
    let _ = write!(out, "{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    fraction(magnitude % SECOND, out);
}

/// Appends `HH:MM:SS[.f]+HH:MM[:SS]`, of the microseconds since midnight and the seconds east of UTC.
pub fn time_with_offset(micros: i64, offset_seconds: i32, out: &mut Vec<u8>) {
    span(micros, out);
    let (sign, offset) = (if offset_seconds < 0 { '-' } else { '+' }, offset_seconds.unsigned_abs());
    let _ = write!(out, "{sign}{:02}:{:02}", offset / 3600, offset / 60 % 60);
    if !offset.is_multiple_of(60) {
        let _ = write!(out, ":{:02}", offset % 60);
    }
}

/// Appends an interval as ISO 8601 spells it, every part with its own sign, parts that are zero left out:
/// `P1Y2M3DT4H5M6.5S`, `P-1M`, `PT0S`.
pub fn interval(months: i32, days: i32, micros: i64, out: &mut Vec<u8>) {
    if (months, days, micros) == (0, 0, 0) {
        out.extend_from_slice(b"PT0S");
        return;
    }
    let part = |value: i64, unit: char, out: &mut Vec<u8>| {
        if value != 0 {
            let _ = write!(out, "{value}{unit}");
        }
    };
    out.push(b'P');
    part((months / 12).into(), 'Y', out);
    part((months % 12).into(), 'M', out);
    part(days.into(), 'D', out);
    if micros == 0 {
        return;
    }
    out.push(b'T');
    let seconds = micros / 1_000_000;
    part(seconds / 3600, 'H', out);
    part(seconds / 60 % 60, 'M', out);
    let (seconds, rest) = (seconds % 60, micros.unsigned_abs() % SECOND);
    if seconds == 0 && rest == 0 {
        return;
    }
    let sign = if micros < 0 { "-" } else { "" };
    let _ = write!(out, "{sign}{}", seconds.unsigned_abs());
    fraction(rest, out);
    out.push(b'S');
}

/// Appends a point and the digits of so many microseconds, without zeros at the end.
fn fraction(micros: u64, out: &mut Vec<u8>) {
    if micros > 0 {
        out.extend_from_slice(format!(".{micros:06}").trim_end_matches('0').as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(put: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        put(&mut out);
        String::from_utf8(out).expect("ASCII")
    }

    #[test]
    fn times_have_as_many_digits_as_they_need() {
        assert_eq!(made(|out| span(0, out)), "00:00:00");
        assert_eq!(made(|out| span(-1, out)), "-00:00:00.000001");
        assert_eq!(made(|out| span(3_600_000_500_000, out)), "1000:00:00.5");
        assert_eq!(made(|out| span(i64::MIN, out)), "-2562047788:00:54.775808");
        assert_eq!(made(|out| time_with_offset(3_600_000_000, -16_200, out)), "01:00:00-04:30");
        assert_eq!(made(|out| time_with_offset(1, 3_601, out)), "00:00:00.000001+01:00:01");
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
