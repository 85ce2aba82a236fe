//! Decimal numbers as texts, taken apart and put together in one way only.

use arrow::datatypes::i256;
use std::fmt::Write;

/// A decimal number: `digits * 10^exponent`, below zero if it is negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Parts<'t> {
    negative: bool,
    /// The digits before the point, and those behind it.
    whole: &'t str,
    fraction: &'t str,
    exponent: i64,
}

/// Takes apart what engines write: `-12.30`, `1e20`, `+.5`. Nothing else is a number.
pub(super) fn parts(text: &str) -> Option<Parts<'_>> {
    let text = text.trim_ascii();
    let (negative, text) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let is_number =
        whole.len() + fraction.len() > 0 && whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit());
    is_number.then_some(Parts { negative, whole, fraction, exponent: i64::from(exponent) })
}

impl Parts<'_> {
    /// The digits without zeros at either end, and what they are multiplied with.
    fn significant(&self) -> (String, i64) {
        let mut digits: String = [self.whole, self.fraction].concat();
        let mut exponent = self.exponent - self.fraction.len() as i64;
        let zeros = digits.len() - digits.trim_end_matches('0').len();
        digits.truncate(digits.len() - zeros);
        exponent += zeros as i64;
        let leading = digits.len() - digits.trim_start_matches('0').len();
        digits.drain(..leading);
        (digits, exponent)
    }

    /// The number times `10^scale` if that is whole and has at most `precision` digits.
    pub(super) fn scaled(&self, precision: u8, scale: u8) -> Option<i256> {
        let (mut digits, exponent) = self.significant();
        if digits.is_empty() {
            return Some(i256::ZERO);
        }
        let zeros = usize::try_from(exponent + i64::from(scale)).ok()?;
        if digits.len().saturating_add(zeros) > usize::from(precision) {
            return None;
        }
        digits.extend(std::iter::repeat_n('0', zeros));
        let number = match digits.parse::<i128>() {
            Ok(number) => i256::from_i128(number),
            Err(_) => i256::from_string(&digits)?,
        };
        Some(if self.negative { number.wrapping_neg() } else { number })
    }

    /// The one text of the number: without zeros that say nothing, with an exponent only where it would be very long.
    pub(super) fn canonical(&self) -> String {
        const LONGEST: i64 = 200;
        let (digits, exponent) = self.significant();
        if digits.is_empty() {
            return "0".to_owned();
        }
        let mut text = String::with_capacity(digits.len() + 4);
        if self.negative {
            text.push('-');
        }
        let before = digits.len() as i64 + exponent;
        let zeros = |count: i64| std::iter::repeat_n('0', usize::try_from(count).unwrap_or(0));
        if exponent.abs() > LONGEST {
            // Writing to a String cannot fail.
            _ = write!(text, "{digits}e{exponent}");
        } else if exponent >= 0 {
            text.push_str(&digits);
            text.extend(zeros(exponent));
        } else if before <= 0 {
            text.push_str("0.");
            text.extend(zeros(-before));
            text.push_str(&digits);
        } else {
            let (whole, fraction) = digits.split_at(usize::try_from(before).unwrap_or(0).min(digits.len()));
            _ = write!(text, "{whole}.{fraction}");
        }
        text
    }
}

/// The text of `digits`, a whole number, divided by `10^scale`.
pub(super) fn decimal_text(digits: &str, scale: u8) -> String {
    match parts(digits) {
        Some(parts) => Parts { exponent: parts.exponent - i64::from(scale), ..parts }.canonical(),
        // Whole numbers are numbers.
        None => digits.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_one_text() {
        for (texts, canonical) in [
            (&["0", "-0", "0.00", "0e5", ".0"][..], "0"),
            (&["12.5", "12.50", "+12.5", "125e-1", " 12.5 ", "012.5"], "12.5"),
            (&["-0.05", "-.05", "-5E-2"], "-0.05"),
            (&["100", "1e2", "100.0"], "100"),
            (&["1e300", "10e299"], "1e300"),
        ] {
            for text in texts {
                assert_eq!(parts(text).map(|parts| parts.canonical()).as_deref(), Some(canonical), "{text}");
            }
        }
        for text in ["", ".", "-", "1.2.3", "abc", "1e", "0x1", "NaN", "1 2", "--1", "1e99999999999"] {
            assert_eq!(parts(text), None, "{text}");
        }
        assert_eq!(decimal_text("-1230", 2), "-12.3");
    }

    #[test]
    fn a_number_fits_a_decimal_or_not() {
        let scaled = |text: &str, precision, scale| {
            parts(text).and_then(|parts| parts.scaled(precision, scale)).map(|number| number.to_string())
        };
        assert_eq!(scaled("9.9", 10, 2).as_deref(), Some("990"));
        assert_eq!(scaled("-9.900", 10, 2).as_deref(), Some("-990"));
        assert_eq!(scaled("9.901", 10, 2), None);
        assert_eq!(scaled("1000", 5, 2), None);
        assert_eq!(scaled("0", 1, 1).as_deref(), Some("0"));
        let long = "1234567890123456789012345678901234567890";
        assert_eq!(scaled(long, 40, 0).as_deref(), Some(long));
        assert_eq!(scaled("1e2000000000", 76, 0), None);
    }
}
