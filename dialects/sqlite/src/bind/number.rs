//! Decimal numbers as SQLite keeps them: in a column of numeric affinity INTEGER where they are whole, else REAL; as their
//! digits where that would lose some.

use super::time::Stack;
use arrow::datatypes::i256;
use rusqlite::types::ValueRef;
use std::fmt::Write as _;

/// Powers of ten that a double holds exactly.
const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
];
/// Up to here every whole number is a double.
const EXACT: i128 = 1 << 53;

/// A decimal: INTEGER when it is whole and fits one, else the REAL nearest to it.
pub(crate) fn decimal<'v>(unscaled: i128, scale: u8, stack: &mut Stack) -> ValueRef<'v> {
    // A decimal of at most 38 digits has a scale of at most 38, and 10^38 fits.
    let unit = 10_i128.pow(u32::from(scale.min(38)));
    if unscaled % unit == 0
        && let Ok(whole) = i64::try_from(unscaled / unit)
    {
        return ValueRef::Integer(whole);
    }
    ValueRef::Real(match POWERS.get(usize::from(scale)) {
        // One correctly rounded division of two exact doubles gives the nearest one.
        Some(power) if unscaled.abs() < EXACT => unscaled as f64 / power,
        // Rust's parser rounds correctly; digits and a point always parse.
        _ => std::str::from_utf8(stack.decimal(unscaled, scale)).ok().and_then(|text| text.parse().ok()).unwrap_or(0.0),
    })
}

/// A number's text: INTEGER when it is only a sign and digits and fits one, else REAL; nothing when it is no number.
pub(crate) fn numeric<'v>(text: &str) -> Option<ValueRef<'v>> {
    if let Ok(whole) = text.parse::<i64>() {
        return Some(ValueRef::Integer(whole));
    }
    text.parse::<f64>().ok().filter(|real| !real.is_nan()).map(ValueRef::Real)
}

/// The digits of a decimal that needs 256 bits, in the place of what `out` holds.
pub(crate) fn wide_decimal(value: i256, scale: i8, out: &mut String) {
    out.clear();
    // Writing to a text cannot fail.
    let _ = write!(out, "{value}");
    let scale = usize::from(scale.unsigned_abs());
    if scale > 0 {
        let start = usize::from(out.starts_with('-'));
        while out.len() - start <= scale {
            out.insert(start, '0');
        }
        out.insert(out.len() - scale, '.');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_decimals_are_integers_and_others_the_nearest_real() {
        let mut stack = Stack::default();
        assert_eq!(decimal(500, 2, &mut stack), ValueRef::Integer(5));
        assert_eq!(decimal(-1999, 2, &mut stack), ValueRef::Real(-19.99));
        assert_eq!(decimal(30, 2, &mut stack), ValueRef::Real(0.3));
        assert_eq!(decimal(i128::from(i64::MAX), 0, &mut stack), ValueRef::Integer(i64::MAX));
        let mut stack = Stack::default();
        assert_eq!(decimal(123_456_789_012_345_678_901, 2, &mut stack), ValueRef::Real(1_234_567_890_123_456_789.01));
        let mut stack = Stack::default();
        assert_eq!(decimal(10_i128.pow(20), 0, &mut stack), ValueRef::Real(1e20));
    }

    #[test]
    fn division_and_parser_agree() {
        for unscaled in (-9_000_000_000_000_i128..9_000_000_000_000).step_by(7_777_777_777) {
            let mut stack = Stack::default();
            let text = String::from_utf8(stack.decimal(unscaled, 3).to_vec()).expect("ASCII");
            match decimal(unscaled, 3, &mut Stack::default()) {
                ValueRef::Real(real) => assert_eq!(Ok(real), text.parse()),
                whole => assert_eq!(whole, ValueRef::Integer((unscaled / 1000) as i64)),
            }
        }
    }

    #[test]
    fn numeric_texts() {
        assert_eq!(numeric("-9223372036854775808"), Some(ValueRef::Integer(i64::MIN)));
        assert_eq!(numeric("5.0"), Some(ValueRef::Real(5.0)));
        assert_eq!(numeric("1e300"), Some(ValueRef::Real(1e300)));
        assert_eq!(numeric("-inf"), Some(ValueRef::Real(f64::NEG_INFINITY)));
        assert_eq!(numeric("NaN"), None);
        assert_eq!(numeric("12 apples"), None);
    }

    #[test]
    fn wide_decimals() {
        let mut out = String::new();
        wide_decimal(i256::from_i128(-5), 40, &mut out);
        assert_eq!(out, format!("-0.{}5", "0".repeat(39)));
        wide_decimal(i256::from_i128(1234), 2, &mut out);
        assert_eq!(out, "12.34");
    }
}
