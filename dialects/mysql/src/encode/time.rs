//! Dates and times as the texts that the servers read.

use super::Misfit;
use super::text::{padded, pair, unsigned};

pub(super) const MICROS_PER_SECOND: i64 = 1_000_000;
const SECONDS_PER_DAY: i64 = 86_400;
/// The first and the last day that a date can be, 0000-01-01 and 9999-12-31, counted from 1970-01-01.
const FIRST_DAY: i64 = -719_528;
const LAST_DAY: i64 = 2_932_896;

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

#[cfg(test)]
mod tests {
    use super::*;

    fn tried(put: impl FnOnce(&mut Vec<u8>) -> Result<(), Misfit>) -> Option<String> {
        let mut out = Vec::new();
        put(&mut out).ok()?;
        Some(String::from_utf8(out).expect("ASCII"))
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
    }
}
