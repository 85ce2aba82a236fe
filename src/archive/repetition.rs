//! Whether values repeat so much that a dictionary pays: asked of the first rows of a row group, column by column.
//!
//! A declaration does not say it. A decimal may be one of nine tax rates or a price, a text a country or a remark, and a
//! dictionary that fills up with values that occur once costs time and saves nothing.

use arrow::array::{Array, ArrayData, AsArray};
use arrow::datatypes::DataType;

/// Cells that are looked at, spread over the rows: rows that were inserted together repeat more than others.
const SAMPLE: usize = 2048;

/// Whether a dictionary pays for values such as those of `column`.
///
/// Whole numbers take few bits as they are, so that they must repeat far more than texts. For nested values there is no
/// saying; their dictionaries are those that the collection alone tells.
pub(super) fn repeats(column: &dyn Array) -> bool {
    let data_type = column.data_type();
    if data_type.is_nested() {
        return true;
    }
    let data = column.to_data();
    let mut cells = sample(column, &data);
    let looked_at = cells.len();
    cells.sort_unstable();
    cells.dedup();
    let times = if is_packed(data_type) { 16 } else { 2 };
    looked_at > 0 && cells.len() * times <= looked_at
}

/// Whether Parquet has whole numbers of at most 64 bits for the type, which [`properties`](super::properties) has packed.
fn is_packed(data_type: &DataType) -> bool {
    match data_type {
        DataType::Decimal128(precision, _) => *precision <= 18,
        DataType::Float32 | DataType::Float64 => false,
        other => other.primitive_width().is_some_and(|width| width <= 8),
    }
}

/// The bytes of some values of `column`, whose buffers `data` has; none where values have no bytes of their own.
fn sample<'a>(column: &'a dyn Array, data: &'a ArrayData) -> Vec<&'a [u8]> {
    let step = column.len().div_ceil(SAMPLE).max(1);
    let rows = (0..column.len()).step_by(step).filter(|row| column.is_valid(*row));
    match column.data_type() {
        DataType::Utf8 => {
            let texts = column.as_string::<i32>();
            rows.map(|row| texts.value(row).as_bytes()).collect()
        }
        DataType::Binary => {
            let values = column.as_binary::<i32>();
            rows.map(|row| values.value(row)).collect()
        }
        DataType::FixedSizeBinary(_) => {
            let values = column.as_fixed_size_binary();
            rows.map(|row| values.value(row)).collect()
        }
        other => {
            let (Some(width), [values, ..]) = (other.primitive_width(), data.buffers()) else { return Vec::new() };
            let values = values.get(data.offset() * width..).unwrap_or_default();
            rows.filter_map(|row| values.get(row * width..(row + 1) * width)).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array, StringArray};

    fn decimals(precision: u8, values: impl IntoIterator<Item = i128>) -> Decimal128Array {
        Decimal128Array::from_iter_values(values).with_precision_and_scale(precision, 2).expect("a decimal")
    }

    #[test]
    fn numbers_must_repeat_more_than_texts() {
        let count = 10_000;
        let texts = |different: i64| StringArray::from_iter_values((0..count).map(|row| (row % different).to_string()));
        assert!(repeats(&texts(907)) && !repeats(&texts(4999)));
        let numbers = |different: i64| Int64Array::from_iter_values((0..count).map(|row| row * 7919 % different));
        assert!(repeats(&numbers(101)) && !repeats(&numbers(907)));
        // Whoever has no packed form is like a text.
        assert!(repeats(&Float64Array::from_iter_values((0..count).map(|row| (row % 907) as f64))));
        assert!(repeats(&decimals(20, (0..10_000).map(|row| row % 907))));
        assert!(!repeats(&decimals(15, (0..10_000).map(|row| row % 907))));
        assert!(repeats(&decimals(15, (0..10_000).map(|row| row % 9))));
    }

    #[test]
    fn rows_that_stand_together_are_not_all_that_counts() {
        // As in a table that lies in the order of its parents.
        assert!(!repeats(&Date32Array::from_iter_values((0..100_000).map(|row| row / 40))));
        let part = Date32Array::from_iter_values((0..4000).map(|row| if row < 2000 { row } else { 1 }));
        assert!(!repeats(&part) && repeats(&part.slice(2000, 2000)));
    }

    #[test]
    fn few_rows_and_nulls_need_none() {
        assert!(!repeats(&StringArray::from(vec!["a", "b"])));
        assert!(!repeats(&BooleanArray::from(vec![true, false])));
        let sparse = StringArray::from_iter((0..4000).map(|row| (row % 100 == 0).then(|| row.to_string())));
        assert!(!repeats(&sparse));
        assert!(!repeats(&StringArray::new_null(5)));
    }
}
