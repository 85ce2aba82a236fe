//! Values of one logical type as another one, only where nothing is lost.

use crate::carrier::{arrow_type, same_shape};
use crate::error::{Error, ErrorKind, Result};
use crate::logical::LogicalType;
use arrow::array::{Array, ArrayRef};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::DataType;

/// `cells` as the Arrow type of `wanted`: as they are when they have its shape, else converted, when converting back gives
/// the very same values.
///
/// # Errors
/// [`ErrorKind::Database`] when a value or the whole type does not fit.
pub(super) fn lossless(cells: &ArrayRef, wanted: &LogicalType) -> Result<ArrayRef> {
    let to = arrow_type(wanted);
    if *cells.data_type() == to {
        return Ok(cells.clone());
    }
    let refused = || {
        Error::new(
            ErrorKind::Database,
            format!("values of the Arrow type {} do not fit a column of type {wanted}", cells.data_type()),
        )
    };
    let strict = CastOptions { safe: false, ..CastOptions::default() };
    let convert = |cells: &ArrayRef, to: &DataType| {
        cast_with_options(cells, to, &strict).map_err(|error| refused().caused_by(error))
    };
    // Nested values only change the names and metadata of their parts.
    if !same_shape(cells.data_type(), &to) && (cells.data_type().is_nested() || to.is_nested()) {
        return Err(refused());
    }
    let converted = convert(cells, &to)?;
    if *convert(&converted, cells.data_type())? != **cells {
        return Err(refused());
    }
    Ok(converted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Float64Array, Int64Array, StringArray};
    use std::sync::Arc;

    #[test]
    fn widths_change_and_values_do_not() {
        let narrow = LogicalType::Int { bits: 8, signed: true };
        let small: ArrayRef = Arc::new(Int64Array::from(vec![Some(-128), None, Some(127)]));
        let there = lossless(&small, &narrow).expect("small numbers");
        assert_eq!(there.data_type(), &DataType::Int8);
        assert!(lossless(&there, &LogicalType::INT64).expect("wider") == small);
        let large: ArrayRef = Arc::new(Int64Array::from(vec![128]));
        assert_eq!(lossless(&large, &narrow).expect_err("too large").kind(), ErrorKind::Database);
    }

    #[test]
    fn what_would_be_rounded_is_refused() {
        let floats: ArrayRef = Arc::new(Float64Array::from(vec![0.1]));
        assert!(lossless(&floats, &LogicalType::Float { bits: 32 }).is_err());
        assert!(lossless(&floats, &LogicalType::INT64).is_err());
        let texts: ArrayRef = Arc::new(StringArray::from(vec!["007"]));
        assert!(lossless(&texts, &LogicalType::INT64).is_err());
    }
}
