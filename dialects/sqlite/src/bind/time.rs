//! Fixed-size texts made on the stack: dates, times, UUIDs, bits, decimals.
//!
//! Nothing here allocates; the formats are those of the table in [`crate::bind`].

/// What stands between date and time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Separator {
    /// A blank, as SQLite's own `datetime()` writes it.
    Space,
    /// The letter T of ISO 8601.
    T,
}

const MICROS_PER_SECOND: u64 = 1_000_000;
const MICROS_PER_DAY: i64 = 86_400_000_000;
/// The longest text: a decimal of 39 digits with sign, leading zero and point is 42, 64 bits are 64.
const ROOM: usize = 80;

/// A text of at most [`ROOM`] bytes.
pub(crate) struct Stack {
    bytes: [u8; ROOM],
    length: usize,
}

impl Default for Stack {
    fn default() -> Self {
        Self { bytes: [0; ROOM], length: 0 }
    }
}

impl Stack {
    /// `YYYY-MM-DD` of the day counted from 1970-01-01.
    pub(crate) fn date(&mut self, day: i32) -> &[u8] {
        self.push_date(i64::from(day));
        self.text()
    }

    /// `HH:MM:SS[.f]` of the microseconds since midnight.
    pub(crate) fn time(&mut self, micros: i64, digits: u8) -> &[u8] {
        self.push_clock(micros.unsigned_abs(), digits);
        self.text()
    }

    /// `YYYY-MM-DD HH:MM:SS[.f]` of the microseconds since 1970-01-01 00:00:00.
    pub(crate) fn timestamp(&mut self, micros: i64, separator: Separator, digits: u8) -> &[u8] {
        self.push_timestamp(micros, separator, digits);
        self.text()
    }

    /// `YYYY-MM-DDTHH:MM:SS[.f]Z`.
    pub(crate) fn instant(&mut self, micros: i64, digits: u8) -> &[u8] {
        self.push_timestamp(micros, Separator::T, digits);
        self.push(b'Z');
        self.text()
    }

    /// `[-]HHH:MM:SS[.f]`, hours with as many digits as they need, at least two.
    pub(crate) fn span(&mut self, micros: i64, digits: u8) -> &[u8] {
        if micros < 0 {
            self.push(b'-');
        }
        self.push_clock(micros.unsigned_abs(), digits);
        self.text()
    }

    /// 36 lower-case characters.
    pub(crate) fn uuid(&mut self, bytes: &[u8]) -> &[u8] {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        for (position, byte) in bytes.iter().take(16).enumerate() {
            if matches!(position, 4 | 6 | 8 | 10) {
                self.push(b'-');
            }
            // A byte's halves are below 16.
            self.push(HEX[usize::from(byte >> 4)]);
            self.push(HEX[usize::from(byte & 15)]);
        }
        self.text()
    }

    /// The lowest `length` bits, the highest of them first.
    pub(crate) fn bits(&mut self, bits: u64, length: u32) -> &[u8] {
        for position in (0..length.min(64)).rev() {
            self.push(b'0' + u8::from(bits >> position & 1 == 1));
        }
        self.text()
    }

    /// A whole number.
    pub(crate) fn unsigned(&mut self, value: u64) -> &[u8] {
        self.push_number(value, 1);
        self.text()
    }

    /// A decimal with exactly `scale` digits after the point.
    pub(crate) fn decimal(&mut self, unscaled: i128, scale: u8) -> &[u8] {
        if unscaled < 0 {
            self.push(b'-');
        }
        let mut digits = [0; 40];
        let mut count = 0;
        let mut rest = unscaled.unsigned_abs();
        // 2^127 has 39 digits, and a decimal of at most 38 digits has a scale of at most 38: both stay below 40.
        while rest > 0 || count <= usize::from(scale).min(38) {
            digits[count] = b'0' + (rest % 10) as u8;
            rest /= 10;
            count += 1;
        }
        for position in (0..count).rev() {
            self.push(digits[position]);
            if position == usize::from(scale) && position > 0 {
                self.push(b'.');
            }
        }
        self.text()
    }

    /// What was written so far.
    pub(crate) fn text(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    fn push_timestamp(&mut self, micros: i64, separator: Separator, digits: u8) {
        self.push_date(micros.div_euclid(MICROS_PER_DAY));
        self.push(match separator {
            Separator::Space => b' ',
            Separator::T => b'T',
        });
        self.push_clock(micros.rem_euclid(MICROS_PER_DAY).unsigned_abs(), digits);
    }

    fn push_date(&mut self, day: i64) {
        let (year, month, day) = civil(day);
        if !(0..=9999).contains(&year) {
            self.push(if year < 0 { b'-' } else { b'+' });
        }
        self.push_number(year.unsigned_abs(), 4);
        self.push(b'-');
        self.push_number(month, 2);
        self.push(b'-');
        self.push_number(day, 2);
    }

    fn push_clock(&mut self, micros: u64, digits: u8) {
        let seconds = micros / MICROS_PER_SECOND;
        self.push_number(seconds / 3600, 2);
        self.push(b':');
        self.push_number(seconds / 60 % 60, 2);
        self.push(b':');
        self.push_number(seconds % 60, 2);
        self.push_fraction(micros % MICROS_PER_SECOND, digits);
    }

    /// A point and `digits` digits, or six where fewer would cut something off; nothing at all for none.
    fn push_fraction(&mut self, micros: u64, digits: u8) {
        let cut = 10_u64.pow(6 - u32::from(digits.min(6)));
        let (value, digits) = if micros.is_multiple_of(cut) { (micros / cut, digits.min(6)) } else { (micros, 6) };
        if digits > 0 {
            self.push(b'.');
            self.push_number(value, usize::from(digits));
        }
    }

    /// A number with at least `width` digits.
    fn push_number(&mut self, value: u64, width: usize) {
        let mut digits = [b'0'; 20];
        let mut count = 0;
        let mut rest = value;
        // 2^64 has 20 digits.
        while rest > 0 {
            digits[count] = b'0' + (rest % 10) as u8;
            rest /= 10;
            count += 1;
        }
        for position in (0..count.max(width.min(20))).rev() {
            self.push(digits[position]);
        }
    }

    #[inline]
    fn push(&mut self, byte: u8) {
        if let Some(place) = self.bytes.get_mut(self.length) {
            *place = byte;
            self.length += 1;
        }
    }
}

/// Year, month and day of a day counted from 1970-01-01, in the proleptic Gregorian calendar (Howard Hinnant's
/// `civil_from_days`).
fn civil(day: i64) -> (i64, u64, u64) {
    let shifted = day + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month.unsigned_abs(), day.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(make: impl FnOnce(&mut Stack) -> &[u8]) -> String {
        let mut stack = Stack::default();
        String::from_utf8(make(&mut stack).to_vec()).expect("ASCII")
    }

    #[test]
    fn dates_agree_with_sqlite() {
        let connection = rusqlite::Connection::open_in_memory().expect("SQLite");
        let mut statement = connection.prepare("SELECT date('1970-01-01', ?1 || ' days')").expect("a statement");
        // The first and the last day that SQLite's own functions know, and steps that meet leap years.
        for day in (-719_528..=2_932_896).step_by(97).chain([-719_528, -1, 0, 59, 11_016, 2_932_896]) {
            let expected: String = statement.query_row([day], |row| row.get(0)).expect("a date");
            assert_eq!(text(|stack| stack.date(day)), expected);
        }
    }

    #[test]
    fn years_outside_four_digits_have_a_sign() {
        assert_eq!(text(|stack| stack.date(2_932_897)), "+10000-01-01");
        assert_eq!(text(|stack| stack.date(-719_529)), "-0001-12-31");
    }

    #[test]
    fn fractions_are_never_cut() {
        assert_eq!(text(|stack| stack.timestamp(1_500_000, Separator::Space, 0)), "1970-01-01 00:00:01.500000");
        assert_eq!(text(|stack| stack.timestamp(1_500_000, Separator::T, 3)), "1970-01-01T00:00:01.500");
        assert_eq!(text(|stack| stack.timestamp(-1, Separator::Space, 6)), "1969-12-31 23:59:59.999999");
        assert_eq!(text(|stack| stack.instant(0, 0)), "1970-01-01T00:00:00Z");
        assert_eq!(text(|stack| stack.time(86_399_999_999, 6)), "23:59:59.999999");
        assert_eq!(text(|stack| stack.span(-3_020_399_000_000, 0)), "-838:59:59");
    }

    #[test]
    fn decimals_have_all_digits_of_their_scale() {
        assert_eq!(text(|stack| stack.decimal(0, 2)), "0.00");
        assert_eq!(text(|stack| stack.decimal(-5, 2)), "-0.05");
        assert_eq!(text(|stack| stack.decimal(1230, 2)), "12.30");
        assert_eq!(text(|stack| stack.decimal(7, 0)), "7");
        assert_eq!(text(|stack| stack.decimal(i128::MIN, 38)), "-1.70141183460469231731687303715884105728");
        assert_eq!(text(|stack| stack.decimal(1, 38)), format!("0.{}1", "0".repeat(37)));
    }

    #[test]
    fn uuids_and_bits() {
        assert_eq!(text(|stack| stack.uuid(&[0xab; 16])), "abababab-abab-abab-abab-abababababab");
        assert_eq!(text(|stack| stack.bits(5, 4)), "0101");
        assert_eq!(text(|stack| stack.bits(u64::MAX, 64)), "1".repeat(64));
        assert_eq!(text(|stack| stack.unsigned(u64::MAX)), "18446744073709551615");
        assert_eq!(text(|stack| stack.unsigned(0)), "0");
    }
}
