//! Exact decimals on the wire: `numeric` from whole numbers, decimals and digit texts.
//!
//! The value is a row of base-10000 digits, 2 bytes each, behind four 2-byte fields: their number, the weight of the first
//! of them (its power of 10000), the sign, and the display scale (`numeric_send` in `src/backend/utils/adt/numeric.c`).
//! Digits are aligned at the decimal point; zero digits at both ends are left out, as the server does.

use super::{Misfit, length_prefixed};
use arrow::datatypes::i256;

const POSITIVE: u16 = 0x0000;
const NEGATIVE: u16 = 0x4000;
const NAN: u16 = 0xC000;
const INFINITY: u16 = 0xD000;
const NEGATIVE_INFINITY: u16 = 0xF000;
/// What `numeric_send` gives as the display scale of an infinity: bits of its header word, without a meaning.
const INFINITY_SCALE: u16 = 32;
/// The most digits after the point that the wire format can name.
const LARGEST_SCALE: usize = 16383;
/// The most digits before the point that a numeric can hold.
const LARGEST_PRECISION: usize = 131_072;

/// Base-10000 digits of 128 bits: 10 before the point at most, and 20 after it for scales up to 76.
const INTEGER_GROUPS: usize = 10;
const GROUPS: usize = INTEGER_GROUPS + 20;

/// Powers of ten that fit 128 bits.
const TEN: [u128; 39] = {
    let mut powers = [1; 39];
    let mut exponent = 1;
    while exponent < powers.len() {
        powers[exponent] = powers[exponent - 1] * 10;
        exponent += 1;
    }
    powers
};

/// Appends `value * 10^-scale` with its length. `scale` is at most 38.
pub(super) fn put_decimal(value: i128, scale: u8, out: &mut Vec<u8>) {
    let magnitude = value.unsigned_abs();
    let mut groups = [0; GROUPS];
    // Most decimals fit 64 bits, where divisions are several times as fast.
    let used = match u64::try_from(magnitude) {
        Ok(small) if scale < 20 => split_64(small, scale, &mut groups),
        _ => split_128(magnitude, scale, &mut groups),
    };
    // Both of them use no more groups than there are.
    put_groups(value < 0, &groups[..used], scale, out);
}

macro_rules! split {
    ($name:ident, $int:ty) => {
        /// Fills the groups: those before the point end at `INTEGER_GROUPS`. Returns how many places are used.
        #[inline]
        fn $name(magnitude: $int, scale: u8, groups: &mut [u16; GROUPS]) -> usize {
            // 10^19 fits 64 bits and 10^38 fits 128 bits.
            let (mut whole, mut fraction) = match scale {
                0 => (magnitude, 0),
                _ => {
                    let unit = TEN[usize::from(scale.min(38))] as $int;
                    (magnitude / unit, magnitude % unit)
                }
            };
            let mut place = INTEGER_GROUPS;
            while whole > 0 && place > 0 {
                place -= 1;
                // A remainder of 10000 fits 16 bits.
                groups[place] = (whole % 10_000) as u16;
                whole /= 10_000;
            }
            let full = usize::from(scale / 4);
            let rest = scale % 4;
            let used = INTEGER_GROUPS + full + usize::from(rest > 0);
            if rest > 0 {
                // The last group is filled up with zeros behind the scale's last digit.
                let unit = TEN[usize::from(rest)] as $int;
                groups[used - 1] = ((fraction % unit) * TEN[usize::from(4 - rest)] as $int) as u16;
                fraction /= unit;
            }
            for place in (INTEGER_GROUPS..INTEGER_GROUPS + full).rev() {
                groups[place] = (fraction % 10_000) as u16;
                fraction /= 10_000;
            }
            used
        }
    };
}

split!(split_64, u64);
split!(split_128, u128);

#[inline]
fn put_groups(negative: bool, groups: &[u16], scale: u8, out: &mut Vec<u8>) {
    let first = groups.iter().position(|group| *group != 0).unwrap_or(groups.len());
    let last = groups.iter().rposition(|group| *group != 0).map_or(first, |last| last + 1);
    let digits = groups.get(first..last).unwrap_or_default();
    // At most 30 groups, so that everything here fits 16 bits.
    let weight = if digits.is_empty() { 0 } else { INTEGER_GROUPS as i16 - 1 - first as i16 };
    let sign = if negative { NEGATIVE } else { POSITIVE };
    let mut bytes = [0; 12 + 2 * GROUPS];
    let length = 8 + 2 * digits.len();
    bytes[..4].copy_from_slice(&(length as u32).to_be_bytes());
    bytes[4..6].copy_from_slice(&(digits.len() as u16).to_be_bytes());
    bytes[6..8].copy_from_slice(&weight.to_be_bytes());
    bytes[8..10].copy_from_slice(&sign.to_be_bytes());
    bytes[10..12].copy_from_slice(&u16::from(scale).to_be_bytes());
    for (place, digit) in bytes[12..].chunks_exact_mut(2).zip(digits) {
        place.copy_from_slice(&digit.to_be_bytes());
    }
    out.extend_from_slice(&bytes[..4 + length]);
}

/// Appends `value * 10^-scale` with its length, for decimals of more than 38 digits.
pub(super) fn put_wide_decimal(value: i256, scale: u8, out: &mut Vec<u8>) -> Result<(), Misfit> {
    const CHUNK: u128 = 10_000_000_000_000_000_000;
    let negative = value.is_negative();
    // The magnitude of the least number wraps to itself, which is right as an unsigned number.
    let (low, high) = value.wrapping_abs().to_parts();
    let mut limbs = [high as u128 >> 64, high as u128 & u128::from(u64::MAX), low >> 64, low & u128::from(u64::MAX)];
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
    let point = digits.len() - usize::from(scale).min(digits.len());
    let (whole, fraction) = digits.split_at(point);
    put_digits(negative, whole, fraction, out)
}

/// Appends the number that `text` spells, with its length: a sign, digits with a point, an exponent, or `NaN` and
/// `Infinity`. The display scale is the number of digits behind the point.
pub(super) fn put_text(text: &str, out: &mut Vec<u8>) -> Result<(), Misfit> {
    let no_number = || Misfit::new(format!("{:?} is no number", text.chars().take(80).collect::<String>()));
    let (negative, rest) = match text.as_bytes() {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    match rest {
        b"NaN" => return put_special(NAN, 0, out),
        b"Infinity" | b"inf" if negative => return put_special(NEGATIVE_INFINITY, INFINITY_SCALE, out),
        b"Infinity" | b"inf" => return put_special(INFINITY, INFINITY_SCALE, out),
        _ => {}
    }
    let (mantissa, exponent) = match rest.iter().position(|byte| matches!(byte, b'e' | b'E')) {
        None => (rest, 0),
        Some(place) => {
            let (mantissa, exponent) = rest.split_at(place);
            let exponent = std::str::from_utf8(&exponent[1..]).ok().and_then(|exponent| exponent.parse::<i32>().ok());
            (mantissa, exponent.ok_or_else(no_number)?)
        }
    };
    let (whole, fraction) = match mantissa.iter().position(|byte| *byte == b'.') {
        None => (mantissa, &[][..]),
        // The point itself is one byte.
        Some(place) => (&mantissa[..place], &mantissa[place + 1..]),
    };
    if whole.is_empty() && fraction.is_empty() || !whole.iter().chain(fraction).all(u8::is_ascii_digit) {
        return Err(no_number());
    }
    if exponent == 0 {
        return put_digits(negative, whole, fraction, out);
    }
    // An exponent moves the point. Only other engines write one, so that an allocation does no harm; its size is bounded
    // by what a numeric can hold.
    let distance = usize::try_from(exponent.unsigned_abs()).unwrap_or(usize::MAX);
    if distance > LARGEST_PRECISION {
        return Err(too_large());
    }
    let mut digits = [whole, fraction].concat();
    let point = if exponent > 0 {
        let point = whole.len() + distance;
        digits.resize(digits.len().max(point), b'0');
        point
    } else {
        let missing = distance.saturating_sub(whole.len());
        digits.splice(..0, std::iter::repeat_n(b'0', missing));
        whole.len() + missing - distance
    };
    let (whole, fraction) = digits.split_at(point.min(digits.len()));
    put_digits(negative, whole, fraction, out)
}

fn put_special(sign: u16, scale: u16, out: &mut Vec<u8>) -> Result<(), Misfit> {
    out.extend_from_slice(&8u32.to_be_bytes());
    out.extend_from_slice(&header(0, 0, sign, scale));
    Ok(())
}

fn header(digits: u16, weight: i16, sign: u16, scale: u16) -> [u8; 8] {
    let mut bytes = [0; 8];
    bytes[..2].copy_from_slice(&digits.to_be_bytes());
    bytes[2..4].copy_from_slice(&weight.to_be_bytes());
    bytes[4..6].copy_from_slice(&sign.to_be_bytes());
    bytes[6..].copy_from_slice(&scale.to_be_bytes());
    bytes
}

fn too_large() -> Misfit {
    Misfit::new("the number has more digits than a numeric can hold")
}

/// Appends a number of ASCII digits before and behind the point.
fn put_digits(negative: bool, whole: &[u8], fraction: &[u8], out: &mut Vec<u8>) -> Result<(), Misfit> {
    if fraction.len() > LARGEST_SCALE {
        return Err(too_large());
    }
    let leading = whole.iter().position(|digit| *digit != b'0').unwrap_or(whole.len());
    let whole = whole.get(leading..).unwrap_or_default();
    if whole.len() > LARGEST_PRECISION {
        return Err(too_large());
    }
    length_prefixed(out, |out| {
        let start = out.len();
        out.extend_from_slice(&[0; 8]);
        let mut writer = Groups { out, start, weight: (whole.len().div_ceil(4)) as i32 - 1, end: start + 8 };
        // The first group before the point may be short.
        let (short, full) = whole.split_at(whole.len() % 4);
        if !short.is_empty() {
            writer.push(short.iter().fold(0, |group, digit| group * 10 + u16::from(digit - b'0')));
        }
        for group in full.chunks_exact(4) {
            writer.push(group.iter().fold(0, |group, digit| group * 10 + u16::from(digit - b'0')));
        }
        for group in fraction.chunks(4) {
            // The last group behind the point is filled up with zeros.
            let digits = group.iter().copied().chain(std::iter::repeat(b'0')).take(4);
            writer.push(digits.fold(0, |group, digit| group * 10 + u16::from(digit - b'0')));
        }
        let Groups { weight, end, .. } = writer;
        out.truncate(end);
        let count = (end - start - 8) / 2;
        // Both bounds above keep the number of groups and the weight within 16 bits; a zero has neither.
        let weight = if count == 0 { 0 } else { weight as i16 };
        let sign = if negative && count > 0 { NEGATIVE } else { POSITIVE };
        out[start..start + 8].copy_from_slice(&header(count as u16, weight, sign, fraction.len() as u16));
        Ok(())
    })
}

/// Groups on their way out, without the zeros at both ends.
struct Groups<'a> {
    out: &'a mut Vec<u8>,
    /// Where the value begins.
    start: usize,
    /// The weight of the first group that is written.
    weight: i32,
    /// Behind the last group that is not zero.
    end: usize,
}

impl Groups<'_> {
    fn push(&mut self, group: u16) {
        if group == 0 && self.out.len() == self.start + 8 {
            self.weight -= 1;
            return;
        }
        self.out.extend_from_slice(&group.to_be_bytes());
        if group != 0 {
            self.end = self.out.len();
        }
    }
}

/// The whole number of `10^-to` that a decimal of `scale` is; none when digits would be lost or it does not fit.
pub(super) fn rescale(value: i128, scale: u8, to: u8) -> Option<i128> {
    let power = |digits: u8| TEN.get(usize::from(digits)).and_then(|power| i128::try_from(*power).ok());
    if to >= scale {
        value.checked_mul(power(to - scale)?)
    } else {
        let unit = power(scale - to)?;
        (value % unit == 0).then_some(value / unit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The number that the wire bytes say, as text with its display scale: an own reading, digit by digit.
    fn read(bytes: &[u8]) -> String {
        let field = |place: usize| u16::from_be_bytes([bytes[4 + 2 * place], bytes[5 + 2 * place]]);
        assert_eq!(u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) as usize, bytes.len() - 4);
        let (count, weight, sign, scale) = (usize::from(field(0)), field(1) as i16, field(2), usize::from(field(3)));
        assert_eq!(bytes.len(), 12 + 2 * count);
        let digit = |power: i32| {
            let place = i32::from(weight) - power;
            if (0..count as i32).contains(&place) { field(4 + place as usize) } else { 0 }
        };
        if count > 0 {
            assert!(field(4) != 0 && field(3 + count) != 0, "zeros at the ends");
        }
        let whole: String = (0..=i32::from(weight).max(0)).rev().map(|power| format!("{:04}", digit(power))).collect();
        let fraction: String =
            (1..=(scale as i32 + 3) / 4).map(|power| format!("{:04}", digit(-power))).collect::<String>();
        let whole = whole.trim_start_matches('0');
        let sign = if sign == NEGATIVE { "-" } else { "" };
        let whole = if whole.is_empty() { "0" } else { whole };
        let (fraction, beyond) = fraction.split_at(scale);
        assert!(beyond.bytes().all(|digit| digit == b'0'), "digits behind the scale");
        if scale == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
    }

    fn decimal(value: i128, scale: u8) -> String {
        let mut out = Vec::new();
        put_decimal(value, scale, &mut out);
        let mut wide = Vec::new();
        put_wide_decimal(i256::from_i128(value), scale, &mut wide).expect("a number");
        assert_eq!(out, wide, "{value} {scale}");
        read(&out)
    }

    #[test]
    fn decimals_are_spelled_with_their_scale() {
        assert_eq!(decimal(0, 0), "0");
        assert_eq!(decimal(0, 5), "0.00000");
        assert_eq!(decimal(1999, 2), "19.99");
        assert_eq!(decimal(-5, 3), "-0.005");
        assert_eq!(decimal(100_000_000, 0), "100000000");
        assert_eq!(decimal(100_000_000, 4), "10000.0000");
        assert_eq!(decimal(i128::from(u64::MAX), 19), "1.8446744073709551615");
        assert_eq!(decimal(i128::from(u64::MAX) + 1, 19), "1.8446744073709551616");
        assert_eq!(decimal(10i128.pow(38) - 1, 0), "9".repeat(38));
        assert_eq!(decimal(10i128.pow(38) - 1, 38), format!("0.{}", "9".repeat(38)));
        assert_eq!(decimal(-(10i128.pow(38) - 1), 37), format!("-9.{}", "9".repeat(37)));
    }

    #[test]
    fn every_scale_agrees_with_the_digits() {
        for scale in 0..=38u8 {
            for value in [1, 9, 10, 10_000, 99_999, 123_456_789, 10i128.pow(18), 10i128.pow(37) + 7, 10i128.pow(38) - 1]
            {
                let digits = format!("{value:0>width$}", width = usize::from(scale) + 1);
                let (whole, fraction) = digits.split_at(digits.len() - usize::from(scale));
                let expected = if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") };
                assert_eq!(decimal(value, scale), expected);
                assert_eq!(decimal(-value, scale), format!("-{expected}"));
            }
        }
    }

    #[test]
    fn wide_decimals_have_all_their_digits() {
        let nines = "9".repeat(76);
        for (scale, expected) in [(0, nines.clone()), (76, format!("0.{nines}"))] {
            let mut out = Vec::new();
            put_wide_decimal(i256::from_string(&nines).expect("a number"), scale, &mut out).expect("a number");
            assert_eq!(read(&out), expected);
        }
    }

    fn text(text: &str) -> Option<String> {
        let mut out = vec![7];
        put_text(text, &mut out).ok()?;
        Some(read(&out[1..]))
    }

    #[test]
    fn texts_keep_every_digit_and_the_scale() {
        for same in ["0", "1.10", "0.000000000012300", "-12345678901234567890.5", "10000", "100000000.0000"] {
            assert_eq!(text(same).as_deref(), Some(same));
        }
        let long = format!("{}.{}", "7".repeat(131_072), "3".repeat(16_383));
        assert_eq!(text(&long), Some(long));
        assert_eq!(text("+00012.").as_deref(), Some("12"));
        assert_eq!(text("-.5").as_deref(), Some("-0.5"));
        assert_eq!(text("-0.00").as_deref(), Some("0.00"));
        for (written, meant) in [("1e3", "1000"), ("1.5E-3", "0.0015"), ("12.345e2", "1234.5"), ("12.3e-1", "1.23")] {
            assert_eq!(text(written).as_deref(), Some(meant), "{written}");
        }
        for bad in ["", "-", ".", "1,5", "1e", "1e999999", "0x10", "\u{661}", "1 "] {
            assert_eq!(text(bad), None, "{bad}");
        }
        assert_eq!(text(&"1".repeat(131_073)), None);
    }

    #[test]
    fn only_exact_rescaling_is_done() {
        assert_eq!(rescale(1999, 2, 3), Some(19_990));
        assert_eq!(rescale(19_990, 3, 2), Some(1999));
        assert_eq!(rescale(1999, 2, 1), None);
        assert_eq!(rescale(i128::MAX, 0, 1), None);
    }
}
