//! Decimal numbers, which the server sends as text also in the binary form.

use super::Refusal;
use arrow::datatypes::i256;
use dbferry_dialect::ExceptionReason;

const MALFORMED: Refusal = Refusal::Malformed("a decimal number is not spelled like one");
const PRECISION: Refusal = Refusal::Exception(ExceptionReason::Precision);

/// Powers of ten that a 128-bit number holds.
const POWERS: [i128; 39] = {
    let mut powers = [1; 39];
    let mut exponent = 1;
    while exponent < powers.len() {
        powers[exponent] = powers[exponent - 1] * 10;
        exponent += 1;
    }
    powers
};

/// How many digits a column's type has, and how many of them behind the point.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Digits {
    pub(super) precision: u8,
    pub(super) scale: u8,
}

impl Digits {
    /// The number times ten to the power of the scale; at most 38 digits.
    #[inline]
    pub(super) fn decimal128(self, text: &[u8]) -> Result<i128, Refusal> {
        let (negative, digits) = sign(text);
        let mut value: u64 = 0;
        let mut point = digits.len();
        // 19 digits, of which one may be the point, fit 64 bits.
        if digits.len() > 19 {
            return self.long128(negative, digits);
        }
        for (place, byte) in digits.iter().enumerate() {
            match byte {
                b'0'..=b'9' => value = value * 10 + u64::from(byte - b'0'),
                b'.' if point == digits.len() => point = place,
                _ => return Err(MALFORMED),
            }
        }
        let fraction = (digits.len() - point).saturating_sub(1);
        self.checked(negative, value.into(), fraction, digits.len())
    }

    #[cold]
    fn long128(self, negative: bool, digits: &[u8]) -> Result<i128, Refusal> {
        let mut value: i128 = 0;
        let mut point = digits.len();
        for (place, byte) in digits.iter().enumerate() {
            match byte {
                b'0'..=b'9' => {
                    let next = value.checked_mul(10).and_then(|value| value.checked_add(i128::from(byte - b'0')));
                    value = next.ok_or(PRECISION)?;
                }
                b'.' if point == digits.len() => point = place,
                _ => return Err(MALFORMED),
            }
        }
        let fraction = (digits.len() - point).saturating_sub(1);
        self.checked(negative, value, fraction, digits.len())
    }

    #[inline]
    fn checked(self, negative: bool, value: i128, fraction: usize, length: usize) -> Result<i128, Refusal> {
        if length == 0 {
            return Err(MALFORMED);
        }
        let scale = usize::from(self.scale);
        let value = if fraction == scale { value } else { rescale(value, fraction, scale)? };
        // A type of at most 38 digits is among the powers.
        match POWERS.get(usize::from(self.precision)) {
            Some(bound) if value >= *bound => Err(PRECISION),
            _ => Ok(if negative { -value } else { value }),
        }
    }

    /// The number times ten to the power of the scale; at most 76 digits.
    pub(super) fn decimal256(self, text: &[u8]) -> Result<i256, Refusal> {
        let (negative, digits) = sign(text);
        let ten = i256::from_i128(10);
        let mut value = i256::ZERO;
        let (mut part, mut width) = (0_i128, 0_usize);
        let mut fraction = None;
        let mut join = |part: i128, width: usize| {
            // At most 18 digits at a time.
            let shift = i256::from_i128(POWERS.get(width).copied().unwrap_or(1));
            let shifted = value.checked_mul(shift).and_then(|value| value.checked_add(i256::from_i128(part)));
            value = shifted.ok_or(PRECISION)?;
            Ok(())
        };
        if digits.is_empty() {
            return Err(MALFORMED);
        }
        for byte in digits {
            match byte {
                b'0'..=b'9' => {
                    part = part * 10 + i128::from(byte - b'0');
                    width += 1;
                    fraction = fraction.map(|count: usize| count + 1);
                }
                b'.' if fraction.is_none() => fraction = Some(0),
                _ => return Err(MALFORMED),
            }
            if width == 18 {
                join(part, width)?;
                (part, width) = (0, 0);
            }
        }
        join(part, width)?;
        let (fraction, scale) = (fraction.unwrap_or(0), usize::from(self.scale));
        for _ in fraction..scale {
            value = value.checked_mul(ten).ok_or(PRECISION)?;
        }
        for _ in scale..fraction {
            let rest = value.checked_rem(ten).ok_or(PRECISION)?;
            if rest != i256::ZERO {
                return Err(PRECISION);
            }
            value = value.checked_div(ten).ok_or(PRECISION)?;
        }
        match ten.checked_pow(self.precision.into()) {
            Some(bound) if value >= bound => Err(PRECISION),
            _ => Ok(if negative { value.wrapping_neg() } else { value }),
        }
    }
}

#[inline]
fn sign(text: &[u8]) -> (bool, &[u8]) {
    match text {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    }
}

fn rescale(value: i128, fraction: usize, scale: usize) -> Result<i128, Refusal> {
    if fraction < scale {
        let factor = POWERS.get(scale - fraction).ok_or(PRECISION)?;
        return value.checked_mul(*factor).ok_or(PRECISION);
    }
    let factor = POWERS.get(fraction - scale).ok_or(PRECISION)?;
    if value % factor == 0 { Ok(value / factor) } else { Err(PRECISION) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_every_length_are_exact() {
        let narrow = |precision, scale, text: &str| Digits { precision, scale }.decimal128(text.as_bytes());
        let wide = |precision, scale, text: &str| Digits { precision, scale }.decimal256(text.as_bytes());
        assert_eq!(narrow(5, 2, "-123.45"), Ok(-12345));
        assert_eq!(narrow(5, 2, "0.00"), Ok(0));
        assert_eq!(narrow(5, 2, "1"), Ok(100));
        assert_eq!(narrow(5, 2, "1.500"), Ok(150));
        assert_eq!(narrow(5, 2, "1.501"), Err(PRECISION));
        assert_eq!(narrow(5, 2, "1000.00"), Err(PRECISION));
        assert_eq!(narrow(18, 0, "999999999999999999"), Ok(999_999_999_999_999_999));
        assert_eq!(narrow(20, 1, "-9999999999999999999.9"), Ok(-99_999_999_999_999_999_999));
        let nines = "9".repeat(38);
        assert_eq!(narrow(38, 0, &nines), Ok(10_i128.pow(38) - 1));
        assert_eq!(narrow(37, 0, &nines), Err(PRECISION));
        for text in ["", "-", "1.2.3", "1e5", " 1", "+1"] {
            assert_eq!(narrow(38, 0, text), Err(MALFORMED), "{text}");
            assert_eq!(wide(76, 0, text), Err(MALFORMED), "{text}");
        }
        let text = format!("-{}.{}", "9".repeat(35), "8".repeat(30));
        let digits = format!("-{}{}", "9".repeat(35), "8".repeat(30));
        assert_eq!(wide(65, 30, &text).map(|value| value.to_string()), Ok(digits));
        assert_eq!(wide(65, 30, "0.5"), Ok(i256::from_i128(5 * 10_i128.pow(29))));
        assert_eq!(wide(39, 0, &"9".repeat(40)), Err(PRECISION));
        assert_eq!(wide(65, 1, "1.20"), Ok(i256::from_i128(12)));
        assert_eq!(wide(65, 1, "1.23"), Err(PRECISION));
    }
}
