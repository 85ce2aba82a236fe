//! Dates and times in the one spelling that can be written back to the letter.
//!
//! Every function here takes bytes and gives `None` for whatever is not exactly that spelling: another length, another
//! separator, a day that does not exist. There is no leniency, because a value that is taken in is written back from its
//! meaning alone.

/// What stands between date and time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Separator {
    /// A blank, as SQLite's own `datetime()` writes it.
    Space,
    /// The letter T of ISO 8601.
    T,
}

impl Separator {
    fn byte(self) -> u8 {
        match self {
            Self::Space => b' ',
            Self::T => b'T',
        }
    }
}

const MICROS_PER_DAY: i64 = 86_400_000_000;

/// `YYYY-MM-DD` as days since 1970-01-01, years 0000 to 9999.
#[inline]
pub(crate) fn date(text: &[u8]) -> Option<i32> {
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = text else { return None };
    let year = digits(&[*y1, *y2, *y3, *y4])?;
    let month = digits(&[*m1, *m2])?;
    let day = digits(&[*d1, *d2])?;
    if !(1..=12).contains(&month) || day == 0 || day > days_in_month(year, month) {
        return None;
    }
    Some(days_since_epoch(year, month, day))
}

/// As [`date`], and with a sign for years outside 0000 to 9999: what values of other dialects become.
pub(crate) fn wide_date(text: &[u8]) -> Option<i32> {
    let sign = match text.first()? {
        b'-' => -1,
        b'+' => 1,
        _ => return date(text),
    };
    let (year, rest) = text[1..].split_at_checked(text.len().checked_sub(7)?)?;
    let [b'-', m1, m2, b'-', d1, d2] = rest else { return None };
    let year = sign * digits(year).filter(|year| year.abs() < 6_000_000)?;
    let month = digits(&[*m1, *m2])?;
    let day = digits(&[*d1, *d2])?;
    let is_a_day = (1..=12).contains(&month) && (1..=days_in_month(year, month)).contains(&day);
    is_a_day.then(|| i32::try_from(wide_days_since_epoch(year, month, day)).ok()).flatten()
}

/// `HH:MM:SS` and exactly `fraction` digits after a point as microseconds since midnight.
#[inline]
pub(crate) fn time(text: &[u8], fraction: usize) -> Option<i64> {
    let (clock, rest) = text.split_at_checked(8)?;
    let [h1, h2, b':', m1, m2, b':', s1, s2] = clock else { return None };
    let hour = digits(&[*h1, *h2])?;
    let minute = digits(&[*m1, *m2])?;
    let second = digits(&[*s1, *s2])?;
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let seconds = i64::from(hour * 3600 + minute * 60 + second);
    Some(seconds * 1_000_000 + fraction_micros(rest, fraction)?)
}

/// A date, the separator and a time as microseconds since 1970-01-01 00:00:00.
#[inline]
pub(crate) fn timestamp(text: &[u8], separator: Separator, fraction: usize) -> Option<i64> {
    let (day, rest) = text.split_at_checked(10)?;
    let (found, clock) = rest.split_first()?;
    if *found != separator.byte() {
        return None;
    }
    Some(i64::from(date(day)?) * MICROS_PER_DAY + time(clock, fraction)?)
}

/// As [`timestamp`], with years outside 0000 to 9999 and with as many digits of fraction as there are.
pub(crate) fn wide_timestamp(text: &[u8], separator: Separator) -> Option<i64> {
    let position = text.iter().position(|byte| *byte == separator.byte())?;
    let (day, clock) = (&text[..position], &text[position + 1..]);
    // The first day that has a moment at all begins before the first moment.
    let micros = i128::from(wide_date(day)?) * i128::from(MICROS_PER_DAY) + i128::from(wide_time(clock)?);
    i64::try_from(micros).ok()
}

/// As [`time`], with as many digits of fraction as there are.
pub(crate) fn wide_time(text: &[u8]) -> Option<i64> {
    time(text, text.len().saturating_sub(9))
}

/// `[-]HH:MM:SS[.f]`, hours with two digits or more, as microseconds.
pub(crate) fn span(text: &[u8]) -> Option<i64> {
    let (sign, text) = match text.split_first()? {
        (b'-', rest) => (-1, rest),
        _ => (1, text),
    };
    let hours_end = text.iter().position(|byte| *byte == b':')?;
    let (hours, rest) = text.split_at(hours_end);
    if !(2..=9).contains(&hours.len()) {
        return None;
    }
    let mut clock = *b"00:00:00.000000";
    clock.get_mut(2..2 + rest.len())?.copy_from_slice(rest);
    let below_an_hour = wide_time(clock.get(..2 + rest.len())?)?;
    Some(sign * (i64::from(digits(hours)?) * 3_600_000_000 + below_an_hour))
}

/// The separator and the number of fraction digits of something that looks like a timestamp: what a sample is judged by.
pub(crate) fn timestamp_style(text: &[u8]) -> Option<(Separator, usize)> {
    let separator = match text.get(10)? {
        b' ' => Separator::Space,
        b'T' => Separator::T,
        _ => return None,
    };
    let fraction = match text.len() {
        19 => 0,
        23 => 3,
        26 => 6,
        _ => return None,
    };
    timestamp(text, separator, fraction).map(|_| (separator, fraction))
}

#[inline]
fn fraction_micros(rest: &[u8], fraction: usize) -> Option<i64> {
    if fraction == 0 {
        return rest.is_empty().then_some(0);
    }
    let (point, digits_after) = rest.split_first()?;
    if *point != b'.' || digits_after.len() != fraction || fraction > 6 {
        return None;
    }
    let mut micros = i64::from(digits(digits_after)?);
    for _ in fraction..6 {
        micros *= 10;
    }
    Some(micros)
}

/// A number of at most nine digits.
#[inline]
fn digits(text: &[u8]) -> Option<i32> {
    if text.is_empty() || text.len() > 9 {
        return None;
    }
    let mut value = 0;
    for byte in text {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + i32::from(digit);
    }
    Some(value)
}

#[inline]
fn days_in_month(year: i32, month: i32) -> i32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days since 1970-01-01 in the proleptic Gregorian calendar (Howard Hinnant's `days_from_civil`), for years of four digits.
#[inline]
fn days_since_epoch(year: i32, month: i32, day: i32) -> i32 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The same for years with more than four digits, whose days may be more than 32 bits hold.
fn wide_days_since_epoch(year: i32, month: i32, day: i32) -> i64 {
    // Eras of 400 years repeat, so the day is that of a year of four digits in another era.
    let eras = i64::from(year.div_euclid(400));
    eras * 146_097 + i64::from(days_since_epoch(year.rem_euclid(400), month, day))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_agree_with_sqlite() {
        let connection = rusqlite::Connection::open_in_memory().expect("SQLite");
        let mut statement = connection.prepare("SELECT date('1970-01-01', ?1 || ' days')").expect("a statement");
        for day in (-719_528..=2_932_896).step_by(89).chain([-719_528, -1, 0, 59, 11_016, 2_932_896]) {
            let text: String = statement.query_row([day], |row| row.get(0)).expect("a date");
            assert_eq!(date(text.as_bytes()), Some(day), "{text}");
        }
    }

    #[test]
    fn only_the_one_spelling_is_taken() {
        for bad in ["2024-02-30", "2023-02-29", "1900-02-29", "2024-13-01", "2024-00-01", "2024-01-00", "2024-1-01"] {
            assert_eq!(date(bad.as_bytes()), None, "{bad}");
        }
        for bad in ["+024-01-01", "2024-01-01 ", " 2024-01-0", "２024-01-01", "", "12024-01-01"] {
            assert_eq!(date(bad.as_bytes()), None, "{bad}");
        }
        assert_eq!(timestamp(b"1970-01-01 00:00:01", Separator::Space, 0), Some(1_000_000));
        assert_eq!(timestamp(b"1969-12-31T23:59:59.999", Separator::T, 3), Some(-1_000));
        for (bad, fraction) in [
            ("1970-01-01T00:00:01", 0),
            ("1970-01-01 24:00:00", 0),
            ("1970-01-01 00:60:00", 0),
            ("1970-01-01 00:00:60", 0),
            ("1970-01-01 00:00:01Z", 0),
            ("1970-01-01 00:00:01.5", 3),
            ("1970-01-01 00:00:01", 3),
            ("1970-01-01 00:00:01.500", 0),
            ("1970-01-01", 0),
        ] {
            assert_eq!(timestamp(bad.as_bytes(), Separator::Space, fraction), None, "{bad}");
        }
        assert_eq!(timestamp_style(b"2024-01-01 10:00:00.123456"), Some((Separator::Space, 6)));
        assert_eq!(timestamp_style(b"2024-01-01 10:00:00.1234"), None);
        assert_eq!(timestamp_style("2024-01-01\u{e9}".as_bytes()), None);
    }

    #[test]
    fn what_other_dialects_have_is_understood() {
        assert_eq!(wide_date(b"+10000-01-01"), Some(2_932_897));
        assert_eq!(wide_date(b"-0001-12-31"), Some(-719_529));
        assert_eq!(wide_date(b"-"), None);
        assert_eq!(wide_date(b"+5881580-07-11"), Some(i32::MAX));
        assert_eq!(wide_date(b"+5881580-07-12"), None);
        assert_eq!(wide_timestamp(b"-290308-12-21 19:59:05.224192", Separator::Space), Some(i64::MIN));
        assert_eq!(
            wide_timestamp(b"+10000-01-01 00:00:00.5", Separator::Space),
            Some(2_932_897 * MICROS_PER_DAY + 500_000)
        );
        assert_eq!(span(b"-838:59:59"), Some(-3_020_399_000_000));
        assert_eq!(span(b"00:00:00.000001"), Some(1));
        assert_eq!(span(b"1:00:00"), None);
    }
}
