//! Random values as Arrow arrays, extremes as likely as ordinary ones.

use super::random::Random;
use super::words;
use crate::carrier::arrow_type;
use crate::logical::{LogicalType, OpaqueForm};
use arrow::array::{
    ArrayRef, ArrowPrimitiveType, BinaryArray, BooleanArray, FixedSizeBinaryArray, ListArray, MapArray, PrimitiveArray,
    StringArray, StructArray,
};
use arrow::buffer::{Buffer, NullBuffer, OffsetBuffer};
use arrow::compute::interleave;
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Decimal256Type, Fields, Float32Type, Float64Type, Int8Type, Int16Type,
    Int32Type, Int64Type, Time64MicrosecondType, TimestampMicrosecondType, UInt8Type, UInt16Type, UInt32Type,
    UInt64Type, i256,
};
use std::sync::Arc;

const DAY_MICROS: i64 = 86_400_000_000;
/// 0001-01-01 and 9999-12-31, the days that every engine has, counted from 1970-01-01.
const PORTABLE_DAYS: (i64, i64) = (-719_162, 2_932_896);

/// An array of `missing.len()` values of `logical`, null where `missing` says so. With `portable`, only values that every
/// SQL engine holds: finite floats, years 1 to 9999, no NUL in texts.
pub(super) fn array(random: &mut Random, logical: &LogicalType, missing: &[bool], portable: bool) -> ArrayRef {
    let data_type = arrow_type(logical);
    match (logical, &data_type) {
        (LogicalType::Bool, _) => Arc::new(BooleanArray::from(present(missing, || random.once_in(2)))),
        (LogicalType::Int { bits, signed }, _) => integers(random, *bits, *signed, missing),
        (LogicalType::Decimal { precision, .. }, DataType::Decimal128(..)) => {
            // Up to 38 digits always fit 128 bits.
            primitive::<Decimal128Type>(&data_type, missing, || {
                words::digits(random, *precision).parse().unwrap_or_default()
            })
        }
        (LogicalType::Decimal { precision, .. }, _) => {
            // Up to 76 digits always fit 256 bits.
            primitive::<Decimal256Type>(&data_type, missing, || {
                i256::from_string(&words::digits(random, *precision)).unwrap_or_default()
            })
        }
        (LogicalType::Float { bits: 32 }, _) => {
            // Narrowing only picks another float: large ones become infinite, which is an extreme as good as any.
            primitive::<Float32Type>(&data_type, missing, || float(random, portable) as f32)
        }
        (LogicalType::Float { .. }, _) => primitive::<Float64Type>(&data_type, missing, || float(random, portable)),
        (LogicalType::Date, _) => primitive::<Date32Type>(&data_type, missing, || days(random, portable)),
        (LogicalType::Time { precision }, _) => primitive::<Time64MicrosecondType>(&data_type, missing, || {
            cut(extreme(random, 0, DAY_MICROS - 1, &[]), *precision)
        }),
        (LogicalType::Timestamp { precision } | LogicalType::Instant { precision }, _) => {
            let (from, to) = if portable {
                (PORTABLE_DAYS.0 * DAY_MICROS, PORTABLE_DAYS.1 * DAY_MICROS + DAY_MICROS - 1)
            } else {
                (i64::MIN, i64::MAX)
            };
            primitive::<TimestampMicrosecondType>(&data_type, missing, || {
                cut(extreme(random, from, to, &[-1, 0, 1, 951_782_400_000_000]), *precision)
            })
        }
        (LogicalType::Span { precision }, _) => primitive::<Int64Type>(&data_type, missing, || {
            const LONGEST: i64 = (838 * 3600 + 59 * 60 + 59) * 1_000_000;
            cut(extreme(random, -LONGEST, LONGEST, &[0, -1]), *precision)
        }),
        (LogicalType::Year, _) => primitive::<Int16Type>(&data_type, missing, || {
            // The bounds are those of i16 or narrower.
            extreme(random, 0, 9999, &[1901, 2155]) as i16
        }),
        (LogicalType::Uuid, _) => uuids(random, missing),
        (LogicalType::Bits { .. }, DataType::UInt64) => {
            let LogicalType::Bits { length, .. } = logical else { unreachable!("matched above") };
            let unused = 64 - length.unwrap_or(64);
            primitive::<UInt64Type>(&data_type, missing, || match random.below(3) {
                0 => 0,
                1 => u64::MAX >> unused,
                _ => random.bits() >> unused,
            })
        }
        (LogicalType::Set { labels }, DataType::List(_)) => list(random, &data_type, missing, |random, rows| {
            let mut chosen = Vec::new();
            let lengths = rows
                .iter()
                .map(|missing| {
                    let before = chosen.len();
                    if !missing {
                        chosen.extend(labels.iter().filter(|_| random.once_in(2)).map(String::as_str));
                    }
                    chosen.len() - before
                })
                .collect();
            (lengths, Arc::new(StringArray::from(chosen)))
        }),
        (LogicalType::List { element }, _) => list(random, &data_type, missing, |random, rows| {
            let lengths: Vec<usize> = rows.iter().map(|missing| if *missing { 0 } else { random.below(4) }).collect();
            let holes: Vec<bool> = (0..lengths.iter().sum()).map(|_| random.once_in(6)).collect();
            (lengths, array(random, element, &holes, portable))
        }),
        (LogicalType::Struct { fields }, DataType::Struct(carried)) => {
            let columns = fields
                .iter()
                .map(|field| {
                    let holes: Vec<bool> = missing.iter().map(|missing| *missing || random.once_in(6)).collect();
                    array(random, &field.logical, &holes, portable)
                })
                .collect();
            structs(carried, columns, missing)
        }
        (LogicalType::Range { element }, DataType::Struct(carried)) => range(random, element, carried, missing),
        (LogicalType::TimeTz { precision }, DataType::Struct(carried)) => {
            const FARTHEST: i64 = 16 * 3600 - 1;
            let micros = primitive::<Int64Type>(&DataType::Int64, missing, || {
                cut(extreme(random, 0, DAY_MICROS - 1, &[]), *precision)
            });
            let offsets = primitive::<Int32Type>(&DataType::Int32, missing, || {
                // The bounds are those of i32 or narrower.
                extreme(random, -FARTHEST, FARTHEST, &[0, 3600]) as i32
            });
            structs(carried, vec![micros, offsets], missing)
        }
        (LogicalType::Interval, DataType::Struct(carried)) => {
            let mut part = || {
                // The bounds are those of i32.
                primitive::<Int32Type>(&DataType::Int32, missing, || {
                    extreme(random, i64::from(i32::MIN), i64::from(i32::MAX), &[0, 1, -1]) as i32
                })
            };
            let (months, days) = (part(), part());
            let micros =
                primitive::<Int64Type>(&DataType::Int64, missing, || extreme(random, i64::MIN, i64::MAX, &[0]));
            structs(carried, vec![months, days, micros], missing)
        }
        (LogicalType::Map, DataType::Map(entries, _)) => map(random, entries, missing, portable),
        (LogicalType::Dynamic, DataType::Struct(carried)) => dynamic(random, carried, missing),
        (
            LogicalType::Bytes { .. }
            | LogicalType::Geometry { .. }
            | LogicalType::Opaque { form: OpaqueForm::Binary, .. },
            _,
        ) => Arc::new(BinaryArray::from_iter(present(missing, || bytes(random, logical)))),
        _ => Arc::new(StringArray::from(present(missing, || text(random, logical, portable)))),
    }
}

fn present<T>(missing: &[bool], mut value: impl FnMut() -> T) -> Vec<Option<T>> {
    missing.iter().map(|missing| if *missing { None } else { Some(value()) }).collect()
}

fn primitive<T: ArrowPrimitiveType>(
    data_type: &DataType,
    missing: &[bool],
    value: impl FnMut() -> T::Native,
) -> ArrayRef {
    Arc::new(present(missing, value).into_iter().collect::<PrimitiveArray<T>>().with_data_type(data_type.clone()))
}

fn nulls(missing: &[bool]) -> Option<NullBuffer> {
    missing.contains(&true).then(|| missing.iter().map(|missing| !missing).collect())
}

/// `from`, `to`, one of `special` that lies between them, or anything between them.
fn extreme(random: &mut Random, from: i64, to: i64, special: &[i64]) -> i64 {
    match random.below(8) {
        0 => from,
        1 => to,
        2 | 3 => special.get(random.below(special.len())).copied().unwrap_or(from).clamp(from, to),
        _ => random.between(from, to),
    }
}

/// Microseconds without the digits that `precision` does not have.
fn cut(micros: i64, precision: u8) -> i64 {
    let unit = 10_i64.pow(6_u32.saturating_sub(precision.into()));
    micros / unit * unit
}

fn integers(random: &mut Random, bits: u8, signed: bool, missing: &[bool]) -> ArrayRef {
    macro_rules! build {
        ($type:ty) => {{
            type Native = <$type as ArrowPrimitiveType>::Native;
            primitive::<$type>(&<$type as ArrowPrimitiveType>::DATA_TYPE, missing, || match random.below(6) {
                0 => Native::MIN,
                1 => Native::MAX,
                2 => 0,
                // Cutting off high bits only picks another integer.
                _ => random.between(i64::MIN, i64::MAX) as Native,
            })
        }};
    }
    match (bits, signed) {
        (8, true) => build!(Int8Type),
        (16, true) => build!(Int16Type),
        (32, true) => build!(Int32Type),
        (_, true) => build!(Int64Type),
        (8, false) => build!(UInt8Type),
        (16, false) => build!(UInt16Type),
        (32, false) => build!(UInt32Type),
        (_, false) => build!(UInt64Type),
    }
}

/// A float; NaN is always the one that Rust calls `f64::NAN`, since engines differ in which payloads they keep.
fn float(random: &mut Random, portable: bool) -> f64 {
    const FINITE: [f64; 8] = [0.0, 1.0, -1.0, 0.1, f64::MAX, f64::MIN, f64::EPSILON, 9_007_199_254_740_993.0];
    const OTHERS: [f64; 6] = [-0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MIN_POSITIVE, 5e-324];
    match random.below(4) {
        0 => FINITE[random.below(FINITE.len())],
        1 if !portable => OTHERS[random.below(OTHERS.len())],
        2 if !portable => {
            let value = f64::from_bits(random.bits());
            if value.is_nan() { f64::NAN } else { value }
        }
        _ => random.between(-1_000_000_000, 1_000_000_000) as f64 / 128.0,
    }
}

fn days(random: &mut Random, portable: bool) -> i32 {
    let (from, to) = if portable { PORTABLE_DAYS } else { (i64::from(i32::MIN), i64::from(i32::MAX)) };
    // 1970-01-01, 2000-02-29, 1582-10-15, the ends of the common calendar. The bounds are those of i32 or narrower.
    extreme(random, from, to, &[0, 11_016, -141_427, PORTABLE_DAYS.0, PORTABLE_DAYS.1]) as i32
}

fn uuids(random: &mut Random, missing: &[bool]) -> ArrayRef {
    let mut values = Vec::with_capacity(missing.len() * 16);
    for missing in missing {
        let value = match random.below(6) {
            _ if *missing => 0,
            0 => 0,
            1 => u128::MAX,
            _ => u128::from(random.bits()) << 64 | u128::from(random.bits()),
        };
        values.extend_from_slice(&value.to_be_bytes());
    }
    Arc::new(FixedSizeBinaryArray::new(16, Buffer::from_vec(values), nulls(missing)))
}

fn text(random: &mut Random, logical: &LogicalType, portable: bool) -> String {
    match logical {
        LogicalType::Numeric => words::numeric(random),
        LogicalType::Json => words::json(random),
        LogicalType::Enum { labels } => labels.get(random.below(labels.len())).cloned().unwrap_or_default(),
        LogicalType::Network { kind } => words::network(random, *kind),
        LogicalType::Bits { length, varying } => {
            let longest = length.map_or(200, |length| length as usize);
            let length = if *varying { random.below(longest + 1) } else { longest };
            (0..length).map(|_| if random.once_in(2) { '0' } else { '1' }).collect()
        }
        LogicalType::Text { max_chars, fixed } => words::text(random, *max_chars, *fixed, portable),
        _ => words::text(random, None, false, portable),
    }
}

fn bytes(random: &mut Random, logical: &LogicalType) -> Vec<u8> {
    match logical {
        LogicalType::Geometry { .. } => words::point(random),
        LogicalType::Bytes { max_bytes, fixed } => words::bytes(random, *max_bytes, *fixed),
        _ => words::bytes(random, None, false),
    }
}

/// A list array; `items` gives the length of each row's list and all their items.
fn list(
    random: &mut Random,
    data_type: &DataType,
    missing: &[bool],
    items: impl FnOnce(&mut Random, &[bool]) -> (Vec<usize>, ArrayRef),
) -> ArrayRef {
    let DataType::List(field) = data_type else { unreachable!("the carrier makes lists of these types") };
    let (lengths, items) = items(random, missing);
    Arc::new(ListArray::new(field.clone(), OffsetBuffer::from_lengths(lengths), items, nulls(missing)))
}

fn structs(fields: &Fields, columns: Vec<ArrayRef>, missing: &[bool]) -> ArrayRef {
    Arc::new(StructArray::new(fields.clone(), columns, nulls(missing)))
}

/// Ranges that are possible: empty, without bounds, with one bound, or of a single value.
fn range(random: &mut Random, element: &LogicalType, fields: &Fields, missing: &[bool]) -> ArrayRef {
    const EMPTY: usize = 0;
    const FROM: usize = 1;
    const UP_TO: usize = 2;
    const SINGLE: usize = 3;
    let shapes: Vec<Option<usize>> = present(missing, || random.below(5));
    let absent = |with: &[usize]| -> Vec<bool> {
        shapes.iter().map(|shape| !shape.is_some_and(|shape| with.contains(&shape))).collect()
    };
    let lower = array(random, element, &absent(&[FROM, SINGLE]), false);
    let other = array(random, element, &absent(&[UP_TO]), false);
    let takes: Vec<(usize, usize)> =
        shapes.iter().enumerate().map(|(row, shape)| (usize::from(*shape != Some(SINGLE)), row)).collect();
    let flag = |with: &[usize]| -> ArrayRef {
        Arc::new(BooleanArray::from_iter(shapes.iter().map(|shape| shape.map(|shape| with.contains(&shape)))))
    };
    // Both arrays are of one type and each index is a row of both.
    #[allow(clippy::expect_used)]
    let upper = interleave(&[&lower, &other], &takes).expect("two arrays of one type and length");
    structs(fields, vec![lower, upper, flag(&[FROM, SINGLE]), flag(&[SINGLE]), flag(&[EMPTY])], missing)
}

fn map(random: &mut Random, entries: &arrow::datatypes::FieldRef, missing: &[bool], portable: bool) -> ArrayRef {
    let DataType::Struct(fields) = entries.data_type() else { unreachable!("the carrier makes maps of structs") };
    let lengths: Vec<usize> = missing.iter().map(|missing| if *missing { 0 } else { random.below(4) }).collect();
    // The position keeps the keys of one map apart.
    let keys: Vec<String> = lengths
        .iter()
        .flat_map(|length| 0..*length)
        .map(|position| format!("{}{position}", words::text(random, Some(10), false, portable)))
        .collect();
    let holes: Vec<bool> = keys.iter().map(|_| random.once_in(4)).collect();
    let values = array(random, &LogicalType::TEXT, &holes, portable);
    let pairs = StructArray::new(fields.clone(), vec![Arc::new(StringArray::from(keys)), values], None);
    Arc::new(MapArray::new(entries.clone(), OffsetBuffer::from_lengths(lengths), pairs, nulls(missing), false))
}

fn dynamic(random: &mut Random, fields: &Fields, missing: &[bool]) -> ArrayRef {
    let members: Vec<Option<usize>> = present(missing, || random.below(4));
    let columns = [LogicalType::INT64, LogicalType::FLOAT64, LogicalType::TEXT, LogicalType::BYTES]
        .iter()
        .enumerate()
        .map(|(member, logical)| {
            let holes: Vec<bool> = members.iter().map(|chosen| *chosen != Some(member)).collect();
            array(random, logical, &holes, false)
        })
        .collect();
    structs(fields, columns, missing)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::generate::types;
    use arrow::array::Array;

    #[test]
    fn arrays_are_of_their_type_and_null_where_told() {
        let mut random = Random::new(7);
        for _ in 0..500 {
            let logical = types::any(&mut random);
            let missing: Vec<bool> = (0..random.below(20)).map(|_| random.once_in(3)).collect();
            let array = array(&mut random, &logical, &missing, false);
            assert_eq!(array.data_type(), &arrow_type(&logical), "{logical}");
            assert_eq!((0..array.len()).map(|row| array.is_null(row)).collect::<Vec<_>>(), missing, "{logical}");
            assert!(array.to_data().validate_full().is_ok(), "{logical}");
        }
    }
}
