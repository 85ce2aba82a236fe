//! Whether compressing with more effort pays: asked of the first rows of a row group, column by column.
//!
//! Most columns are hardly smaller for it, and some are larger. Texts with long repeated parts, such as JSON, are.

use super::options::{FULL_LEVEL, LIGHT_LEVEL};
use arrow::array::{Array, AsArray};
use arrow::datatypes::DataType;
use dbferry_dialect::carrier::value_bytes;

/// Bytes of values that are looked at.
const SAMPLE: usize = 64 << 10;

/// Whether the full level makes values such as those of `column` a tenth smaller than the light one. Numbers are packed, which
/// leaves nothing to find; for nested values there is no saying.
pub(super) fn pays(column: &dyn Array) -> bool {
    let values = match column.data_type() {
        DataType::Utf8 => value_bytes(column.as_string::<i32>()),
        DataType::Binary => value_bytes(column.as_binary::<i32>()),
        data_type => return data_type.is_nested(),
    };
    let sample = values.get(..SAMPLE).unwrap_or(values);
    let size = |level| zstd::bulk::compress(sample, level).map_or(sample.len(), |compressed| compressed.len());
    size(FULL_LEVEL) * 10 <= size(LIGHT_LEVEL) * 9
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Int64Array, StringArray};

    #[test]
    fn long_repeated_parts_are_worth_it() {
        // The same long texts again and again, but never in the same order.
        let part =
            |number: u64| format!("{:016x}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(17)).repeat(3);
        let repeated = (0..4000u64).map(|row| part(row * row % 97) + &part(row * 31 % 89));
        assert!(pays(&StringArray::from_iter_values(repeated)));
        let noise = (0..4000u64).map(|row| part(row).split_off(32));
        assert!(!pays(&StringArray::from_iter_values(noise)));
        assert!(!pays(&Int64Array::from_iter_values(0..1000)));
        assert!(!pays(&StringArray::from(Vec::<&str>::new())));
    }
}
