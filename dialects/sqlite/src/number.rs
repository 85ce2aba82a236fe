//! Numbers of NUMERIC columns: which of them a decimal or numeric column can take so that writing them back gives the same
//! storage class and bits.
//!
//! SQLite keeps such a column's values as INTEGER or REAL, and turns a REAL into an INTEGER whenever nothing is lost. So a
//! decimal is written as INTEGER when it is integral and as the nearest REAL otherwise, and only what comes back from that
//! unchanged is a decimal.

use dbferry_dialect::ExceptionReason;

/// 10^0 to 10^22: the powers of ten that a double holds exactly.
const EXACT_POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
];
/// Up to here the product of a double and a power of ten is off by less than a half, so rounding finds the digits.
const SURE_DIGITS: f64 = 2_251_799_813_685_248.0;
/// 2^63: integral numbers below it become INTEGER.
const INTEGER_LIMIT: f64 = 9_223_372_036_854_775_808.0;

/// A decimal type with at most 38 digits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Decimal {
    scale: u8,
    /// 10^precision: what the unscaled value stays below.
    limit: u128,
    /// 10^scale.
    one: i128,
}

impl Decimal {
    /// The type with so many digits, so many of them after the point; `None` when there is no such type.
    pub(crate) fn new(precision: u8, scale: u8) -> Option<Self> {
        if !(1..=38).contains(&precision) || scale > precision {
            return None;
        }
        Some(Self { scale, limit: 10_u128.pow(precision.into()), one: 10_i128.pow(scale.into()) })
    }

    /// The unscaled value of an INTEGER.
    #[inline]
    pub(crate) fn of_integer(self, value: i64) -> Result<i128, ExceptionReason> {
        let unscaled = i128::from(value).checked_mul(self.one).ok_or(ExceptionReason::OutOfRange)?;
        self.check(unscaled)
    }

    /// The unscaled value of a REAL.
    #[inline]
    pub(crate) fn of_real(self, value: f64) -> Result<i128, ExceptionReason> {
        if let Some(power) = EXACT_POWERS.get(usize::from(self.scale)) {
            let unscaled = (value * power).round();
            if unscaled.abs() < SURE_DIGITS {
                // The quotient of two exact doubles is the double nearest to the decimal. The cast is exact in this range.
                if unscaled / power != value {
                    return Err(ExceptionReason::Precision);
                }
                return self.fractional(unscaled as i128);
            }
        }
        self.of_large_real(value)
    }

    #[cold]
    fn of_large_real(self, value: f64) -> Result<i128, ExceptionReason> {
        if !value.is_finite() {
            return Err(ExceptionReason::Infinity);
        }
        // Exact digits, correctly rounded at the scale.
        let text = format!("{value:.*}", usize::from(self.scale));
        if text.parse::<f64>() != Ok(value) {
            return Err(ExceptionReason::Precision);
        }
        let digits: String = text.chars().filter(|c| *c != '.').collect();
        self.fractional(digits.parse::<i128>().map_err(|_| ExceptionReason::OutOfRange)?)
    }

    /// An integral decimal would be written as INTEGER, so it cannot stand for a REAL; that holds for -0.0 too.
    #[inline]
    fn fractional(self, unscaled: i128) -> Result<i128, ExceptionReason> {
        let unscaled = self.check(unscaled)?;
        if unscaled % self.one == 0 { Err(ExceptionReason::StorageClass) } else { Ok(unscaled) }
    }

    #[inline]
    fn check(self, unscaled: i128) -> Result<i128, ExceptionReason> {
        if unscaled.unsigned_abs() < self.limit { Ok(unscaled) } else { Err(ExceptionReason::OutOfRange) }
    }
}

/// Whether a REAL of a numeric column is written back as the same REAL: it is finite, and SQLite would not make it an
/// INTEGER.
#[inline]
pub(crate) fn numeric_real(value: f64) -> Result<(), ExceptionReason> {
    if !value.is_finite() {
        Err(ExceptionReason::Infinity)
    } else if value.trunc() == value && value > -INTEGER_LIMIT && value < INTEGER_LIMIT {
        Err(ExceptionReason::StorageClass)
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn money() -> Decimal {
        Decimal::new(10, 2).expect("a type")
    }

    #[test]
    fn decimals_are_exact_or_refused() {
        assert_eq!(money().of_integer(5), Ok(500));
        assert_eq!(money().of_integer(99_999_999), Ok(9_999_999_900));
        assert_eq!(money().of_integer(100_000_000), Err(ExceptionReason::OutOfRange));
        assert_eq!(money().of_integer(i64::MIN), Err(ExceptionReason::OutOfRange));
        assert_eq!(money().of_real(0.1), Ok(10));
        assert_eq!(money().of_real(-19.99), Ok(-1999));
        assert_eq!(money().of_real(0.1 + 0.2), Err(ExceptionReason::Precision));
        assert_eq!(money().of_real(0.001), Err(ExceptionReason::Precision));
        assert_eq!(money().of_real(5.0), Err(ExceptionReason::StorageClass));
        assert_eq!(money().of_real(-0.0), Err(ExceptionReason::StorageClass));
        assert_eq!(money().of_real(f64::INFINITY), Err(ExceptionReason::Infinity));
        assert_eq!(money().of_real(123_456_789.25), Err(ExceptionReason::OutOfRange));
        assert_eq!(money().of_real(1e300), Err(ExceptionReason::OutOfRange));
    }

    #[test]
    fn every_cent_comes_back() {
        let wide = Decimal::new(38, 2).expect("a type");
        for step in 0..200_000_i64 {
            // Spread over all magnitudes up to 2^53 cents and beyond.
            let cents = step * step * step * 3 + step;
            let text = format!("{}.{:02}", cents / 100, cents % 100);
            let real: f64 = text.parse().expect("a number");
            match wide.of_real(real) {
                Ok(unscaled) => {
                    let text = format!("{}.{:02}", unscaled / 100, unscaled % 100);
                    assert_eq!(text.parse::<f64>(), Ok(real));
                    // Fifteen digits are what every double tells apart.
                    assert!(cents >= 1_000_000_000_000_000 || unscaled == i128::from(cents), "{cents}");
                }
                Err(reason) => {
                    assert_eq!(reason, ExceptionReason::StorageClass, "{text}");
                    assert_eq!(real.trunc(), real);
                }
            }
        }
    }

    #[test]
    fn large_scales_take_the_slow_way() {
        let type_ = Decimal::new(38, 30).expect("a type");
        assert_eq!(type_.of_real(0.5), Ok(5 * 10_i128.pow(29)));
        assert_eq!(Decimal::new(39, 0), None);
        assert_eq!(Decimal::new(5, 6), None);
    }

    #[test]
    fn sqlite_makes_integers_of_the_same_reals() {
        let connection = rusqlite::Connection::open_in_memory().expect("SQLite");
        connection.execute_batch("CREATE TABLE t(n NUMERIC)").expect("a table");
        for value in [
            0.5,
            5.0,
            -0.0,
            1e15,
            1e18,
            9.223_372_036_854_774e18,
            9_223_372_036_854_774_784.0,
            INTEGER_LIMIT,
            -INTEGER_LIMIT,
            -9_223_372_036_854_774_784.0,
            1e19,
            1e300,
            4_503_599_627_370_497.5,
        ] {
            let class: String = connection
                .query_row("INSERT INTO t VALUES (?1) RETURNING typeof(n)", [value], |row| row.get(0))
                .expect("a row");
            assert_eq!(class == "real", numeric_real(value).is_ok(), "{value}");
        }
    }
}
