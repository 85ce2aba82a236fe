//! `numeric` from the wire: digits to base 10000, as `numeric_send` of the server's `numeric.c` sends them.

use super::Refusal;
use super::wire::Wire;
use arrow::datatypes::i256;
use dbferry_dialect::ExceptionReason;

const NEGATIVE: u16 = 0x4000;
const NAN: u16 = 0xc000;
const INFINITY: u16 = 0xd000;
const NEGATIVE_INFINITY: u16 = 0xf000;
/// The largest display scale that fits the server's own form.
const LARGEST_SCALE: u16 = 0x3fff;
/// Decimal digits of one digit to base 10000.
const GROUP: i32 = 4;
/// Digits to base 10000 that a decimal of 76 digits has at most: one more than 76 / 4, and one for the point between.
const MOST_GROUPS: usize = 21;

/// A number of the wire, its digits still in their bytes. The first digit stands for multiples of 10000 to the power of
/// `weight`.
struct Number<'a> {
    digits: &'a [[u8; 2]],
    weight: i32,
    negative: bool,
    scale: u16,
}

/// A number, or what is none.
enum Parsed<'a> {
    Number(Number<'a>),
    Nan,
    Infinity { negative: bool },
}

impl<'a> Parsed<'a> {
    #[inline]
    fn new(bytes: &'a [u8]) -> Result<Self, Refusal> {
        let mut wire = Wire(bytes);
        let (count, weight, sign, scale) = (wire.u16()?, wire.i16()?, wire.u16()?, wire.u16()?);
        let (digits, rest) = wire.0.as_chunks();
        if digits.len() != usize::from(count) || !rest.is_empty() {
            return Err(Refusal::Malformed("a numeric has another number of digits than it says"));
        }
        if scale > LARGEST_SCALE {
            return Err(Refusal::Malformed("a numeric has an impossible scale"));
        }
        let negative = match sign {
            0 => false,
            NEGATIVE => true,
            NAN => return Ok(Self::Nan),
            INFINITY => return Ok(Self::Infinity { negative: false }),
            NEGATIVE_INFINITY => return Ok(Self::Infinity { negative: true }),
            _ => return Err(Refusal::Malformed("a numeric has an impossible sign")),
        };
        Ok(Self::Number(Number { digits, weight: i32::from(weight), negative, scale }))
    }
}

/// What a decimal column takes.
#[derive(Clone, Copy)]
pub(crate) struct Digits {
    /// Digits in all, 1 to 76.
    pub(super) precision: u8,
    /// Digits after the point.
    pub(super) scale: u8,
    /// Whether a value with another display scale than `scale` is another spelling, and so an exception.
    pub(super) exact_scale: bool,
}

impl Digits {
    /// The number, if it is one and has the right scale.
    #[inline]
    fn number<'a>(&self, bytes: &'a [u8]) -> Result<Number<'a>, Refusal> {
        let number = match Parsed::new(bytes)? {
            Parsed::Number(number) => number,
            Parsed::Nan => return Err(Refusal::Exception(ExceptionReason::Nan)),
            Parsed::Infinity { .. } => return Err(Refusal::Exception(ExceptionReason::Infinity)),
        };
        if (self.exact_scale && number.scale != u16::from(self.scale)) || number.digits.len() > MOST_GROUPS {
            return Err(PRECISION);
        }
        Ok(number)
    }

    /// The power of ten that the digits, read as one whole number, must be multiplied with. Below zero only the last digit
    /// to base 10000 has decimal digits too many, which are zeros or the number is too precise.
    fn exponent(&self, number: &Number<'_>) -> Result<i32, Refusal> {
        // MOST_GROUPS bounds the number of digits.
        let exponent = GROUP * (number.weight + 1 - number.digits.len() as i32) + i32::from(self.scale);
        if exponent <= -GROUP { Err(PRECISION) } else { Ok(exponent) }
    }

    /// The value times 10^scale; for at most 38 digits.
    #[inline]
    pub(super) fn decimal128(&self, bytes: &[u8]) -> Result<i128, Refusal> {
        let number = self.number(bytes)?;
        let Some((last, first)) = number.digits.split_last() else { return Ok(0) };
        let exponent = self.exponent(&number)?;
        let (last, width) = last_digit(*last, exponent)?;
        let bound = POWERS.get(usize::from(self.precision)).copied().unwrap_or(u128::MAX);
        if let ([] | [_] | [_, _] | [_, _, _], ..=3) = (first, exponent) {
            // At most 16 digits, and 3 zeros behind them: 64 bits hold that.
            let mut value: u64 = 0;
            for digit in first {
                value = value * 10_000 + u64::from(group(*digit)?);
            }
            value = value * u64::from(width) + u64::from(last);
            value *= SMALL_POWERS[exponent.clamp(0, 3) as usize];
            if u128::from(value) >= bound {
                return Err(PRECISION);
            }
            let value = i128::from(value);
            return Ok(if number.negative { -value } else { value });
        }
        let mut value: u128 = 0;
        for digit in first {
            value = value.checked_mul(10_000).ok_or(PRECISION)? + u128::from(group(*digit)?);
        }
        let power = |exponent: i32| POWERS.get(usize::try_from(exponent).unwrap_or(0)).copied().ok_or(PRECISION);
        value =
            value.checked_mul(u128::from(width)).and_then(|value| value.checked_add(last.into())).ok_or(PRECISION)?;
        value = value.checked_mul(power(exponent.max(0))?).filter(|value| *value < bound).ok_or(PRECISION)?;
        let value = i128::try_from(value).map_err(|_| PRECISION)?;
        Ok(if number.negative { -value } else { value })
    }

    /// The value times 10^scale; for at most 76 digits.
    pub(super) fn decimal256(&self, bytes: &[u8]) -> Result<i256, Refusal> {
        let number = self.number(bytes)?;
        let Some((last, first)) = number.digits.split_last() else { return Ok(i256::ZERO) };
        let exponent = self.exponent(&number)?;
        let (last, width) = last_digit(*last, exponent)?;
        let ten = i256::from_i128(10);
        let power = |exponent: u32| ten.checked_pow(exponent).ok_or(PRECISION);
        let mut value = i256::ZERO;
        // Four digits to base 10000 at a time fit 64 bits.
        for groups in first.chunks(4) {
            let mut part: i128 = 0;
            let mut shift: i128 = 1;
            for digit in groups {
                part = part * 10_000 + i128::from(group(*digit)?);
                shift *= 10_000;
            }
            let shifted = value.checked_mul(i256::from_i128(shift));
            value = shifted.and_then(|value| value.checked_add(i256::from_i128(part))).ok_or(PRECISION)?;
        }
        let add = |value: i256| value.checked_add(i256::from_i128(last.into()));
        value = value.checked_mul(i256::from_i128(width.into())).and_then(add).ok_or(PRECISION)?;
        let factor = power(exponent.max(0).unsigned_abs().min(77))?;
        value = value.checked_mul(factor).ok_or(PRECISION)?;
        if value >= power(u32::from(self.precision))? {
            return Err(PRECISION);
        }
        Ok(if number.negative { value.wrapping_neg() } else { value })
    }
}

const PRECISION: Refusal = Refusal::Exception(ExceptionReason::Precision);

/// Powers of ten up to the largest that a 128-bit number holds.
const POWERS: [u128; 39] = {
    let mut powers = [1; 39];
    let mut exponent = 1;
    while exponent < powers.len() {
        powers[exponent] = powers[exponent - 1] * 10;
        exponent += 1;
    }
    powers
};

/// Those that digits to base 10000 are short of.
const SMALL_POWERS: [u64; 4] = [1, 10, 100, 1000];

#[inline]
fn group(bytes: [u8; 2]) -> Result<u16, Refusal> {
    let digit = u16::from_be_bytes(bytes);
    if digit > 9999 { Err(Refusal::Malformed("a numeric has an impossible digit")) } else { Ok(digit) }
}

/// The last digit to base 10000 without the decimal digits behind the scale, and what the digits before it are multiplied
/// with.
#[inline]
fn last_digit(bytes: [u8; 2], exponent: i32) -> Result<(u16, u16), Refusal> {
    let digit = group(bytes)?;
    let cut = match exponent {
        -1 => 10,
        -2 => 100,
        -3 => 1000,
        _ => return Ok((digit, 10_000)),
    };
    if digit % cut == 0 { Ok((digit / cut, 10_000 / cut)) } else { Err(PRECISION) }
}

/// Writes the number as the server's output function does: all digits of its display scale.
pub(super) fn write_text(bytes: &[u8], text: &mut Vec<u8>) -> Result<(), Refusal> {
    let number = match Parsed::new(bytes)? {
        Parsed::Number(number) => number,
        Parsed::Nan => {
            text.extend_from_slice(b"NaN");
            return Ok(());
        }
        Parsed::Infinity { negative } => {
            text.extend_from_slice(if negative { b"-Infinity" } else { b"Infinity" });
            return Ok(());
        }
    };
    if number.negative {
        text.push(b'-');
    }
    // Before the first digit and behind the last one are zeros.
    let digit = |place: i32| match usize::try_from(place).ok().and_then(|place| number.digits.get(place)) {
        Some(bytes) => group(*bytes),
        None => Ok(0),
    };
    if number.weight < 0 {
        text.push(b'0');
    }
    for place in 0..=number.weight {
        let decimal = decimal_digits(digit(place)?);
        let zeros = if place == 0 { decimal.iter().take(3).take_while(|digit| **digit == b'0').count() } else { 0 };
        text.extend_from_slice(decimal.get(zeros..).unwrap_or_default());
    }
    if number.scale > 0 {
        text.push(b'.');
        let end = text.len() + usize::from(number.scale);
        let mut place = number.weight + 1;
        while text.len() < end {
            text.extend_from_slice(&decimal_digits(digit(place)?));
            place += 1;
        }
        text.truncate(end);
    }
    Ok(())
}

fn decimal_digits(group: u16) -> [u8; 4] {
    // Each is below 10.
    [group / 1000, group / 100 % 10, group / 10 % 10, group % 10].map(|digit| b'0' + digit as u8)
}
