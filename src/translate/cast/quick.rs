//! Whole columns at once: those whose cells all fit, which are nearly all there are.
//!
//! What it is not: a second opinion. It answers only where the conversion of [single values](super::convert) would change or
//! refuse none of them; for everything else it has no answer, and they are asked one by one.

use super::value::Cells;
use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, PrimitiveArray};
use arrow::compute::{CastOptions, cast_with_options, max, min};
use arrow::datatypes::{DataType, Float32Type, Float64Type};
use dbferry_dialect::carrier::{arrow_type, value_bytes};
use dbferry_dialect::{Domain, LogicalType};

/// The converted column, if every cell of it is a value of `to` that lies in `domain`.
pub(super) fn column(array: &ArrayRef, from: &LogicalType, to: &LogicalType, domain: &Domain) -> Option<ArrayRef> {
    use LogicalType as L;
    let converted = match (from, to) {
        (L::Numeric, _) => return None,
        _ if from == to => array.clone(),
        (L::Int { .. }, L::Int { .. } | L::Decimal { .. }) => cast(array, &arrow_type(to))?,
        (L::Int { .. }, L::Bool) => {
            let (least, most) = extremes(&Cells::new(array, from)?).unwrap_or((0, 0));
            (least >= 0 && most <= 1).then(|| cast(array, &DataType::Boolean))??
        }
        _ => return None,
    };
    holds(domain, &converted, to).then_some(converted)
}

/// Arrow's conversion, if it has one for every value.
fn cast(array: &ArrayRef, to: &DataType) -> Option<ArrayRef> {
    // "Safe" makes a null of what does not fit.
    let options = CastOptions { safe: true, ..CastOptions::default() };
    let converted = cast_with_options(array, to, &options).ok()?;
    (converted.null_count() == array.null_count()).then_some(converted)
}

/// Whether all cells lie in the domain. The slots of nulls are looked at too, where that is quicker: they can only make the
/// answer no.
fn holds(domain: &Domain, array: &ArrayRef, logical: &LogicalType) -> bool {
    let most = match logical {
        LogicalType::Text { max_chars, .. } => *max_chars,
        _ => None,
    };
    if *domain == Domain::ALL && most.is_none() {
        return true;
    }
    let Some(cells) = Cells::new(array, logical) else { return false };
    match &cells {
        // No text has more characters than bytes.
        Cells::Text(cells) if most.is_some_and(|most| cells.offsets().lengths().any(|bytes| bytes as u64 > most)) => {
            false
        }
        Cells::Text(cells) => !domain.no_nul || !value_bytes(cells).contains(&0),
        Cells::Float32(cells) => are_ordinary::<Float32Type>(cells),
        Cells::Float64(cells) => are_ordinary::<Float64Type>(cells),
        cells => match (domain.bounds, extremes(cells)) {
            (Some((least, most)), Some((lowest, highest))) => lowest >= least.into() && highest <= most.into(),
            // No bounds that such values could be beyond of, or no values.
            _ => true,
        },
    }
}

fn are_ordinary<T: ArrowPrimitiveType<Native: Into<f64>>>(cells: &PrimitiveArray<T>) -> bool {
    cells.values().iter().all(|number| {
        let number: f64 = (*number).into();
        number.is_finite() && (number != 0.0 || number.is_sign_positive())
    })
}

/// The least and the greatest of the numbers that [bounds](Domain::bounds) are about; none when there are none.
fn extremes(cells: &Cells<'_>) -> Option<(i128, i128)> {
    match cells {
        Cells::Int8(cells) => between(cells),
        Cells::Int16(cells) => between(cells),
        Cells::Int32(cells) => between(cells),
        Cells::Int64(cells) | Cells::Span(cells) => between(cells),
        Cells::UInt8(cells) => between(cells),
        Cells::UInt16(cells) => between(cells),
        Cells::UInt32(cells) => between(cells),
        Cells::UInt64(cells) => between(cells),
        Cells::Date(cells) => between(cells),
        Cells::Time(cells) => between(cells),
        Cells::Timestamp(cells) | Cells::Instant(cells) => between(cells),
        _ => None,
    }
}

fn between<T: ArrowPrimitiveType<Native: Into<i128>>>(cells: &PrimitiveArray<T>) -> Option<(i128, i128)> {
    Some((min(cells)?.into(), max(cells)?.into()))
}

#[cfg(test)]
mod tests {
    use super::super::{Cast, Given};
    use super::*;
    use arrow::array::{
        BooleanArray, Date32Array, Decimal128Array, Float64Array, Int16Array, Int64Array, StringArray, UInt64Array,
    };
    use dbferry_dialect::Result;
    use std::sync::Arc;

    /// What becomes of the column at once, which must be what becomes of it cell by cell.
    fn quickly(array: &ArrayRef, from: &str, to: &str, domain: Domain) -> Option<ArrayRef> {
        let logical = |name: &str| super::super::super::logical_type(name).expect(name);
        let (from, to) = (logical(from), logical(to));
        let at_once = column(array, &from, &to, &domain);
        let mut misfits = 0;
        let cast = Cast::new(&from, &to, domain).expect("a conversion");
        let one_by_one: Result<ArrayRef> = cast.each(Given { array, exceptions: &[], source: None }, &mut |_| {
            misfits += 1;
            Ok(super::super::Fate::Null)
        });
        if let Some(at_once) = &at_once {
            assert_eq!(misfits, 0, "{from} to {to}");
            assert_eq!(at_once, &one_by_one.expect("a column"), "{from} to {to}");
        }
        at_once
    }

    #[test]
    fn a_column_that_fits_is_converted_at_once() {
        let fits = |array: ArrayRef, from: &str, to: &str, domain| assert!(quickly(&array, from, to, domain).is_some());
        fits(Arc::new(Int16Array::from(vec![Some(0), None, Some(1)])), "int16", "bool", Domain::ALL);
        fits(Arc::new(Int64Array::from(vec![-32_768, 32_767])), "int64", "int16", Domain::ALL);
        fits(Arc::new(UInt64Array::from(vec![u64::MAX])), "uint64", "decimal(20,0)", Domain::ALL);
        fits(Arc::new(UInt64Array::from(vec![Some(i64::MAX as u64), None])), "uint64", "int64", Domain::ALL);
        fits(Arc::new(Date32Array::from(vec![Some(-5), None, Some(7)])), "date", "date", Domain::between(-5, 7));
        fits(Arc::new(Date32Array::from(vec![None])), "date", "date", Domain::between(-5, 7));
        fits(Arc::new(StringArray::from(vec![Some("a"), None])), "text", "text", Domain::NO_NUL);
        fits(Arc::new(StringArray::from(vec![Some("abc"), None])), "text(3)", "text(3)", Domain::ALL);
        fits(Arc::new(Float64Array::from(vec![0.0, -1.5])), "float64", "float64", Domain::FINITE);
        fits(Arc::new(BooleanArray::from(vec![true])), "bool", "bool", Domain::ALL);
        let decimal = Decimal128Array::from(vec![123]).with_precision_and_scale(5, 2).expect("a decimal");
        fits(Arc::new(decimal), "decimal(5,2)", "decimal(5,2)", Domain::FINITE);
        let sliced = StringArray::from(vec!["\0", "a", "\0"]).slice(1, 1);
        fits(Arc::new(sliced), "text", "text", Domain::NO_NUL);
    }

    #[test]
    fn a_column_with_a_misfit_is_left_to_the_single_values() {
        let misfits =
            |array: ArrayRef, from: &str, to: &str, domain| assert_eq!(quickly(&array, from, to, domain), None);
        misfits(Arc::new(Int16Array::from(vec![0, 2])), "int16", "bool", Domain::ALL);
        misfits(Arc::new(Int16Array::from(vec![0, -1])), "int16", "bool", Domain::ALL);
        misfits(Arc::new(Int64Array::from(vec![32_768])), "int64", "int16", Domain::ALL);
        misfits(Arc::new(UInt64Array::from(vec![u64::MAX])), "uint64", "int64", Domain::ALL);
        misfits(Arc::new(Int64Array::from(vec![1000])), "int64", "decimal(5,2)", Domain::ALL);
        misfits(Arc::new(Date32Array::from(vec![-6])), "date", "date", Domain::between(-5, 7));
        misfits(Arc::new(Date32Array::from(vec![8, 0])), "date", "date", Domain::between(-5, 7));
        misfits(Arc::new(StringArray::from(vec!["a\0"])), "text", "text", Domain::NO_NUL);
        misfits(Arc::new(Float64Array::from(vec![f64::NAN])), "float64", "float64", Domain::FINITE);
        misfits(Arc::new(Float64Array::from(vec![-0.0])), "float64", "float64", Domain::NO_NAN);
        misfits(Arc::new(StringArray::from(vec!["1"])), "text", "int64", Domain::ALL);
        misfits(Arc::new(StringArray::from(vec!["abcd"])), "text(3)", "text(3)", Domain::ALL);
    }
}
