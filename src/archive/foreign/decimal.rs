//! Decimals of other writers: any width, any scale, and no more digits than the column says.

use super::convert::{Misfit, Result, built};
use arrow::array::{Array, ArrayRef, AsArray, Decimal128Array, Decimal256Array};
use arrow::datatypes::{DataType, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type, i256};
use std::sync::Arc;

/// Decimals with a scale that is not below 0, and no more digits than they say.
pub(super) fn decimal(array: &ArrayRef, target: &DataType) -> Result<ArrayRef> {
    let wide: Vec<i256> = match array.data_type() {
        DataType::Decimal32(..) => {
            array.as_primitive::<Decimal32Type>().values().iter().map(|v| i256::from(*v)).collect()
        }
        DataType::Decimal64(..) => {
            array.as_primitive::<Decimal64Type>().values().iter().map(|v| i256::from(*v)).collect()
        }
        // The common one needs no detour.
        DataType::Decimal128(_, scale) if *scale >= 0 && matches!(target, DataType::Decimal128(..)) => {
            let (DataType::Decimal128(found, _), DataType::Decimal128(precision, scale)) = (array.data_type(), target)
            else {
                return Err(Misfit::new(0, "a decimal of no known width"));
            };
            let decimals = array.as_primitive::<Decimal128Type>();
            let limit = 10_u128.checked_pow(u32::from(*found)).unwrap_or(u128::MAX);
            let wrong = |row: &usize| decimals.is_valid(*row) && decimals.value(*row).unsigned_abs() >= limit;
            if let Some(row) = (0..decimals.len()).find(wrong) {
                return Err(too_many_digits(row, *found));
            }
            let decimals = Decimal128Array::try_new(decimals.values().clone(), decimals.nulls().cloned())
                .and_then(|decimals| decimals.with_precision_and_scale(*precision, *scale));
            return Ok(Arc::new(built(decimals)?));
        }
        DataType::Decimal128(..) => {
            array.as_primitive::<Decimal128Type>().values().iter().map(|v| i256::from_i128(*v)).collect()
        }
        _ => array.as_primitive::<Decimal256Type>().values().to_vec(),
    };
    let (DataType::Decimal32(found, scale)
    | DataType::Decimal64(found, scale)
    | DataType::Decimal128(found, scale)
    | DataType::Decimal256(found, scale)) = array.data_type()
    else {
        return Err(Misfit::new(0, "a decimal of no known width"));
    };
    let ten = i256::from_i128(10);
    let zeros = if *scale < 0 { u32::from(scale.unsigned_abs()) } else { 0 };
    let factor = ten.checked_pow(zeros).ok_or_else(|| Misfit::new(0, "a scale that no decimal has"))?;
    let limit = ten.checked_pow(u32::from(*found)).unwrap_or(i256::MAX);
    let mut scaled = Vec::with_capacity(wide.len());
    for (row, value) in wide.into_iter().enumerate() {
        let fits = value < limit && value > limit.wrapping_neg();
        match value.checked_mul(factor).filter(|_| fits) {
            Some(value) => scaled.push(value),
            None if array.is_null(row) => scaled.push(i256::ZERO),
            None => return Err(too_many_digits(row, *found)),
        }
    }
    let nulls = array.nulls().cloned();
    match target {
        DataType::Decimal128(precision, scale) => {
            // Under a null anything may stand.
            let narrow: Vec<i128> = scaled.into_iter().map(|value| value.to_i128().unwrap_or_default()).collect();
            let decimals = Decimal128Array::try_new(narrow.into(), nulls)
                .and_then(|decimals| decimals.with_precision_and_scale(*precision, *scale));
            Ok(Arc::new(built(decimals)?))
        }
        DataType::Decimal256(precision, scale) => {
            let decimals = Decimal256Array::try_new(scaled.into(), nulls)
                .and_then(|decimals| decimals.with_precision_and_scale(*precision, *scale));
            Ok(Arc::new(built(decimals)?))
        }
        other => Err(Misfit::new(0, format!("a decimal cannot be held as {other}"))),
    }
}

fn too_many_digits(row: usize, precision: u8) -> Misfit {
    Misfit::new(row, format!("a decimal has more than the {precision} digits that its column says"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Decimal32Array, Decimal64Array};

    #[test]
    fn digits_are_kept_and_counted() {
        let of = |values: Vec<i128>, precision, scale| -> ArrayRef {
            let array = Decimal128Array::from(values);
            Arc::new(array.with_precision_and_scale(precision, scale).expect("a decimal"))
        };
        let text = |array: &ArrayRef, target: DataType| -> Vec<String> {
            let array = decimal(array, &target).expect("decimals");
            let number = |row| match target {
                DataType::Decimal128(..) => array.as_primitive::<Decimal128Type>().value_as_string(row),
                _ => array.as_primitive::<Decimal256Type>().value_as_string(row),
            };
            (0..array.len()).map(number).collect()
        };
        assert_eq!(text(&of(vec![12, -5], 3, -2), DataType::Decimal128(5, 0)), ["1200", "-500"]);
        let largest = 10_i128.pow(38) - 1;
        assert_eq!(text(&of(vec![largest], 38, -2), DataType::Decimal256(40, 0)), [format!("{largest}00")]);
        let narrow: ArrayRef =
            Arc::new(Decimal32Array::from(vec![7]).with_precision_and_scale(4, 1).expect("a decimal"));
        assert_eq!(text(&narrow, DataType::Decimal128(4, 1)), ["0.7"]);
        let narrow: ArrayRef =
            Arc::new(Decimal64Array::from(vec![-7]).with_precision_and_scale(4, 0).expect("a decimal"));
        assert_eq!(text(&narrow, DataType::Decimal128(4, 0)), ["-7"]);
        // The Parquet crate does not look at digits, and neither does an array.
        for (precision, scale) in [(3, 2), (3, -2)] {
            let target = if scale < 0 { DataType::Decimal128(5, 0) } else { DataType::Decimal128(3, 2) };
            for bad in [1000, -1000, i128::MAX, i128::MIN] {
                let misfit = decimal(&of(vec![999, bad], precision, scale), &target).expect_err("too many digits");
                assert_eq!(misfit.row, 1);
            }
            assert!(decimal(&of(vec![999, -999], precision, scale), &target).is_ok());
        }
    }
}
