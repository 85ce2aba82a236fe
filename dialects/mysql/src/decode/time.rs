//! Dates and times: from the server's parts to counts of days and microseconds.

use super::Refusal;
use super::cursor::{Elapsed, Moment};
use dbferry_dialect::ExceptionReason;

/// 24:00:00, the first time of day that no clock shows.
pub(super) const DAY_MICROS: i64 = 86_400_000_000;

const ZERO: Refusal = Refusal::Exception(ExceptionReason::ZeroDate);
const PARTIAL: Refusal = Refusal::Exception(ExceptionReason::PartialDate);
const OUT_OF_RANGE: Refusal = Refusal::Exception(ExceptionReason::OutOfRange);

impl Moment {
    /// Days since 1970-01-01.
    ///
    /// A server may hold days that no calendar has: of zeros, or 31 in any month (`ALLOW_INVALID_DATES`).
    #[inline]
    pub(super) fn days(self) -> Result<i32, Refusal> {
        const LENGTHS: [u8; 13] = [0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        let Self { year, month, day, .. } = self;
        let length = LENGTHS.get(usize::from(month)).copied().unwrap_or(0);
        if day == 0 || day > length {
            return self.unusual_days();
        }
        Ok(civil(year, month, day))
    }

    #[cold]
    fn unusual_days(self) -> Result<i32, Refusal> {
        let divides = |years| self.year.is_multiple_of(years);
        let leap = (divides(4) && !divides(100)) || divides(400);
        match (self.month, self.day) {
            (2, 29) if leap => Ok(civil(self.year, 2, 29)),
            (0, 0) if self.year == 0 && self.time() == 0 => Err(ZERO),
            (0, _) | (_, 0) => Err(PARTIAL),
            _ => Err(OUT_OF_RANGE),
        }
    }

    /// Microseconds since 1970-01-01 00:00:00.
    #[inline]
    pub(super) fn micros(self) -> Result<i64, Refusal> {
        Ok(i64::from(self.days()?) * DAY_MICROS + self.time())
    }

    /// Microseconds since midnight.
    #[inline]
    fn time(self) -> i64 {
        let seconds = i64::from(self.hour) * 3600 + i64::from(self.minute) * 60 + i64::from(self.second);
        seconds * 1_000_000 + i64::from(self.micros)
    }

    /// As the server writes it, with that many digits of the second's fraction; a date alone when `digits` is absent.
    pub(super) fn text(self, digits: Option<u8>) -> String {
        let Self { year, month, day, hour, minute, second, micros } = self;
        let date = format!("{year:04}-{month:02}-{day:02}");
        let Some(digits) = digits else { return date };
        format!("{date} {hour:02}:{minute:02}:{second:02}{}", fraction(micros, digits))
    }
}

impl Elapsed {
    /// Microseconds.
    #[inline]
    pub(super) fn total(self) -> i64 {
        let hours = i64::from(self.days) * 24 + i64::from(self.hours);
        let seconds = hours * 3600 + i64::from(self.minutes) * 60 + i64::from(self.seconds);
        let micros = seconds * 1_000_000 + i64::from(self.micros);
        if self.negative { -micros } else { micros }
    }

    /// As the server writes it.
    pub(super) fn text(self, digits: u8) -> String {
        let sign = if self.negative { "-" } else { "" };
        let hours = u64::from(self.days) * 24 + u64::from(self.hours);
        format!("{sign}{hours:02}:{:02}:{:02}{}", self.minutes, self.seconds, fraction(self.micros, digits))
    }
}

fn fraction(micros: u32, digits: u8) -> String {
    if digits == 0 {
        return String::new();
    }
    let text = format!(".{micros:06}");
    text.get(..=usize::from(digits.min(6))).unwrap_or(&text).to_owned()
}

/// Days since 1970-01-01 of a day of the proleptic Gregorian calendar: years are counted from March, so that the day that
/// comes and goes is the last one.
#[inline]
fn civil(year: u16, month: u8, day: u8) -> i32 {
    // The year 0 is of an era that began 400 years before.
    let years = i32::from(year) + 400 - i32::from(month <= 2);
    let (era, year_of_era) = (years / 400, years % 400);
    let months = (i32::from(month) + 9) % 12;
    let day_of_year = (153 * months + 2) / 5 + i32::from(day) - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    (era - 1) * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(year: u16, month: u8, day: u8) -> Moment {
        Moment { year, month, day, ..Moment::default() }
    }

    #[test]
    fn every_day_follows_the_one_before() {
        let lengths = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        let mut expected = civil(0, 1, 1);
        assert_eq!(expected, -719_528);
        for year in 0..=9999_u16 {
            let leap = (year.is_multiple_of(4) && !year.is_multiple_of(100)) || year.is_multiple_of(400);
            for (month, length) in (1..).zip(lengths) {
                for number in 1..=31 {
                    let days = day(year, month, number).days();
                    if number <= length + u8::from(leap && month == 2) {
                        assert_eq!(days, Ok(expected), "{year}-{month}-{number}");
                        expected += 1;
                    } else {
                        assert_eq!(days, Err(OUT_OF_RANGE), "{year}-{month}-{number}");
                    }
                }
            }
        }
        assert_eq!(day(1970, 1, 1).days(), Ok(0));
        assert_eq!(day(9999, 12, 31).days(), Ok(2_932_896));
    }

    #[test]
    fn days_of_zeros_are_told_apart() {
        assert_eq!(day(0, 0, 0).days(), Err(ZERO));
        for partial in [day(2020, 0, 0), day(2020, 5, 0), day(2020, 0, 5), day(0, 0, 5), day(0, 5, 0)] {
            assert_eq!(partial.days(), Err(PARTIAL));
        }
        assert_eq!(Moment { second: 1, ..Moment::default() }.micros(), Err(PARTIAL));
        assert_eq!(day(0, 0, 0).text(None), "0000-00-00");
        assert_eq!(day(2020, 5, 0).text(Some(3)), "2020-05-00 00:00:00.000");
        let time = Elapsed { negative: true, days: 34, hours: 22, minutes: 59, seconds: 59, micros: 999_999 };
        assert_eq!(time.text(6), "-838:59:59.999999");
        assert_eq!(time.total(), -3_020_399_999_999);
    }
}
