//! Values of other writers as the carrier types hold them: the same values, or an error that names the row.
//!
//! Nothing is rounded and nothing becomes null. Where a type is coarser than what it takes (nanoseconds as microseconds),
//! every value is looked at.

use super::decimal::decimal;
use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, FixedSizeBinaryArray, Int32Array, Int64Array, ListArray, MapArray,
    PrimitiveArray, StringArray, StructArray, new_null_array,
};
use arrow::buffer::{OffsetBuffer, ScalarBuffer};
use arrow::compute::cast;
use arrow::datatypes::{
    ArrowPrimitiveType, ArrowTimestampType, DataType, Date32Type, Date64Type, DurationMicrosecondType,
    DurationMillisecondType, DurationNanosecondType, DurationSecondType, Field, Float16Type, Int64Type,
    Time32MillisecondType, Time32SecondType, Time64MicrosecondType, Time64NanosecondType, TimeUnit,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
};
use std::borrow::Cow;
use std::sync::Arc;

/// A value that its column cannot hold.
#[derive(Debug)]
pub(super) struct Misfit {
    /// The row, counted from 0 at the start of the array.
    pub(super) row: usize,
    /// What is wrong with it.
    pub(super) what: Cow<'static, str>,
    /// What to do about it.
    pub(super) hint: Option<&'static str>,
}

impl Misfit {
    pub(super) fn new(row: usize, what: impl Into<Cow<'static, str>>) -> Self {
        Self { row, what: what.into(), hint: None }
    }
}

pub(super) type Result<T> = std::result::Result<T, Misfit>;

/// The microseconds of a day.
const DAY: i64 = 86_400_000_000;
/// The bytes of a Parquet interval: months, days, milliseconds.
const INTERVAL: i32 = 12;

/// The values of `array` as `target` holds them, which is the carrier of the logical type that was inferred from the array's
/// type.
pub(super) fn convert(array: &ArrayRef, target: &DataType) -> Result<ArrayRef> {
    use DataType as T;
    use TimeUnit as U;
    Ok(match (array.data_type(), target) {
        (T::Null, _) => new_null_array(target, array.len()),
        (T::BinaryView, T::Binary) => Arc::new(bytes(array)?),
        (T::BinaryView, T::Utf8) => Arc::new(text(bytes(array)?)?),
        (T::FixedSizeBinary(INTERVAL), T::Struct(parts)) => Arc::new(interval(array.as_fixed_size_binary(), parts)?),
        (T::Float16, T::Float32) => {
            Arc::new(array.as_primitive::<Float16Type>().unary::<_, arrow::datatypes::Float32Type>(f32::from))
                as ArrayRef
        }
        (T::Time64(U::Microsecond), T::Time64(_)) => time::<Time64MicrosecondType>(array, Some)?,
        (T::Time64(U::Nanosecond), T::Time64(_)) => time::<Time64NanosecondType>(array, micros)?,
        (T::Time32(U::Millisecond), T::Time64(_)) => {
            time::<Time32MillisecondType>(array, |time| i64::from(time).checked_mul(1_000))?
        }
        (T::Time32(U::Second), T::Time64(_)) => {
            time::<Time32SecondType>(array, |time| i64::from(time).checked_mul(1_000_000))?
        }
        (T::Timestamp(U::Microsecond, _), T::Timestamp(_, zone)) => {
            Arc::new(array.as_primitive::<TimestampMicrosecondType>().clone().with_timezone_opt(zone.clone()))
        }
        (T::Timestamp(U::Nanosecond, _), T::Timestamp(_, zone)) => {
            timestamp::<TimestampNanosecondType>(array, zone.as_ref(), micros)?
        }
        (T::Timestamp(U::Millisecond, _), T::Timestamp(_, zone)) => {
            timestamp::<TimestampMillisecondType>(array, zone.as_ref(), |time| time.checked_mul(1_000))?
        }
        (T::Timestamp(U::Second, _), T::Timestamp(_, zone)) => {
            timestamp::<TimestampSecondType>(array, zone.as_ref(), |time| time.checked_mul(1_000_000))?
        }
        (T::Duration(U::Microsecond), T::Int64) => span::<DurationMicrosecondType>(array, Some)?,
        (T::Duration(U::Nanosecond), T::Int64) => span::<DurationNanosecondType>(array, micros)?,
        (T::Duration(U::Millisecond), T::Int64) => {
            span::<DurationMillisecondType>(array, |span| span.checked_mul(1_000))?
        }
        (T::Duration(U::Second), T::Int64) => span::<DurationSecondType>(array, |span| span.checked_mul(1_000_000))?,
        (T::Date64, T::Date32) => exactly::<Date64Type, Date32Type>(array, WHOLE_DAYS, |date| {
            const MILLIS: i64 = 86_400_000;
            (date % MILLIS == 0).then(|| i32::try_from(date / MILLIS).ok()).flatten()
        })?,
        (T::Decimal32(..) | T::Decimal64(..) | T::Decimal128(..) | T::Decimal256(..), _) => decimal(array, target)?,
        (T::List(_), T::List(item)) => Arc::new(list(array.as_list(), item)?),
        (T::Map(..), T::Map(entries, _)) => Arc::new(map(array.as_map(), entries)?),
        (T::Map(..), T::List(item)) => Arc::new(entries_as_list(array.as_map(), item)?),
        (T::Struct(found), T::Struct(parts)) if found.len() == parts.len() => {
            let array = array.as_struct();
            let columns = array.columns().iter().zip(parts).map(|(column, part)| convert(column, part.data_type()));
            let columns = columns.collect::<Result<_>>()?;
            Arc::new(built(StructArray::try_new(parts.clone(), columns, array.nulls().cloned()))?)
        }
        (found, target) if found == target => Arc::clone(array),
        // A width of bytes, which has no carrier of its own.
        (T::FixedSizeBinary(_), T::Binary) => built(cast(array, target))?,
        (found, target) => return Err(Misfit::new(0, format!("values of {found} cannot be held as {target}"))),
    })
}

/// About how many bytes the rows `start..start + length` will take.
pub(super) fn weight(array: &ArrayRef, start: usize, length: usize) -> usize {
    const VALIDITY_AND_OFFSETS: usize = 5;
    let slice = |child: &ArrayRef, offsets: &[i32]| {
        let ends = offsets.get(start).zip(offsets.get(start + length));
        ends.map_or(0, |(from, to)| weight(child, from.unsigned_abs() as usize, (to - from).unsigned_abs() as usize))
    };
    let own = length.saturating_mul(VALIDITY_AND_OFFSETS);
    own.saturating_add(match array.data_type() {
        DataType::BinaryView => {
            let views = array.as_binary_view().views();
            let views = views.get(start..start + length).unwrap_or_default();
            // The length of a value stands in the lowest 32 bits of its view.
            views.iter().map(|view| (*view as u32) as usize).fold(0, usize::saturating_add)
        }
        DataType::List(_) => slice(array.as_list::<i32>().values(), array.as_list::<i32>().value_offsets()),
        DataType::Map(..) => {
            let entries: ArrayRef = Arc::new(array.as_map().entries().clone());
            slice(&entries, array.as_map().value_offsets())
        }
        DataType::Struct(_) => {
            let columns = array.as_struct().columns().iter();
            columns.map(|column| weight(column, start, length)).fold(0, usize::saturating_add)
        }
        DataType::FixedSizeBinary(width) => length.saturating_mul(width.unsigned_abs() as usize),
        other => length.saturating_mul(other.primitive_width().unwrap_or(1)),
    })
}

const WHOLE_DAYS: (&str, &str) = ("a date in milliseconds is not a whole day", "write it as a timestamp");
const MICROSECONDS: (&str, &str) = (
    "a time is finer than microseconds, or too large for them",
    "write it in microseconds: pandas astype(\"datetime64[us]\"), pyarrow coerce_timestamps=\"us\", DuckDB CAST(... AS TIMESTAMP)",
);

/// Whole microseconds of nanoseconds.
fn micros(nanos: i64) -> Option<i64> {
    (nanos % 1_000 == 0).then_some(nanos / 1_000)
}

fn exactly<F: ArrowPrimitiveType, T: ArrowPrimitiveType>(
    array: &ArrayRef,
    (what, hint): (&'static str, &'static str),
    exact: impl Fn(F::Native) -> Option<T::Native>,
) -> Result<ArrayRef> {
    let array = array.as_primitive::<F>();
    let mut values = Vec::with_capacity(array.len());
    for (row, value) in array.values().iter().enumerate() {
        values.push(match exact(*value) {
            Some(value) => value,
            // What stands under a null is no value.
            None if array.is_null(row) => T::Native::default(),
            None => {
                let what = format!("{what}: {value:?} of {}", array.data_type());
                return Err(Misfit { row, what: what.into(), hint: Some(hint) });
            }
        });
    }
    Ok(Arc::new(built(PrimitiveArray::<T>::try_new(values.into(), array.nulls().cloned()))?))
}

fn timestamp<F: ArrowTimestampType>(
    array: &ArrayRef,
    zone: Option<&Arc<str>>,
    exact: impl Fn(i64) -> Option<i64>,
) -> Result<ArrayRef> {
    let converted = exactly::<F, TimestampMicrosecondType>(array, MICROSECONDS, exact)?;
    Ok(Arc::new(converted.as_primitive::<TimestampMicrosecondType>().clone().with_timezone_opt(zone.cloned())))
}

fn time<F: ArrowPrimitiveType>(array: &ArrayRef, exact: impl Fn(F::Native) -> Option<i64>) -> Result<ArrayRef> {
    let of_a_day = |time: F::Native| exact(time).filter(|time| (0..DAY).contains(time));
    exactly::<F, Time64MicrosecondType>(
        array,
        (
            "a time of day is finer than microseconds, or not between 00:00:00 and 24:00:00",
            "write it in microseconds below 24 hours, or as text",
        ),
        of_a_day,
    )
}

fn span<F: ArrowPrimitiveType>(array: &ArrayRef, exact: impl Fn(F::Native) -> Option<i64>) -> Result<ArrayRef> {
    exactly::<F, Int64Type>(array, MICROSECONDS, exact)
}

fn bytes(array: &ArrayRef) -> Result<BinaryArray> {
    let array = array.as_binary_view();
    let total = array.views().iter().map(|view| (*view as u32) as usize).fold(0, usize::saturating_add);
    if i32::try_from(total).is_err() {
        return Err(Misfit::new(0, "one row has more than 2 GiB of text or bytes"));
    }
    let mut values = Vec::with_capacity(total);
    let mut offsets = Vec::with_capacity(array.len() + 1);
    offsets.push(0_i32);
    for row in 0..array.len() {
        if array.is_valid(row) {
            values.extend_from_slice(array.value(row));
        }
        // Checked above: no more than fits.
        offsets.push(values.len() as i32);
    }
    let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
    built(BinaryArray::try_new(offsets, values.into(), array.nulls().cloned()))
}

fn text(array: BinaryArray) -> Result<StringArray> {
    let wrong = (0..array.len()).find(|row| std::str::from_utf8(array.value(*row)).is_err());
    if let Some(row) = wrong {
        return Err(Misfit {
            row,
            what: "a text is not UTF-8".into(),
            hint: Some("write the column as bytes, or in UTF-8"),
        });
    }
    let (offsets, values, nulls) = array.into_parts();
    built(StringArray::try_new(offsets, values, nulls))
}

/// The three unsigned numbers of a Parquet interval.
fn interval(array: &FixedSizeBinaryArray, parts: &arrow::datatypes::Fields) -> Result<StructArray> {
    let (mut months, mut days, mut micros) = (Vec::new(), Vec::new(), Vec::new());
    for row in 0..array.len() {
        let number = |at: usize| match array.value(row).get(at..at + 4) {
            Some(&[a, b, c, d]) if array.is_valid(row) => u32::from_le_bytes([a, b, c, d]),
            _ => 0,
        };
        let signed = |number: u32| {
            i32::try_from(number).map_err(|_| Misfit::new(row, format!("an interval of {number} months or days")))
        };
        months.push(signed(number(0))?);
        days.push(signed(number(4))?);
        micros.push(i64::from(number(8)) * 1_000);
    }
    let columns: Vec<ArrayRef> =
        vec![Arc::new(Int32Array::from(months)), Arc::new(Int32Array::from(days)), Arc::new(Int64Array::from(micros))];
    built(StructArray::try_new(parts.clone(), columns, array.nulls().cloned()))
}

fn list(array: &ListArray, item: &Arc<Field>) -> Result<ListArray> {
    let values = convert(array.values(), item.data_type()).map_err(|misfit| in_row(misfit, array.value_offsets()))?;
    built(ListArray::try_new(Arc::clone(item), array.offsets().clone(), values, array.nulls().cloned()))
}

fn entries_as_list(array: &MapArray, item: &Arc<Field>) -> Result<ListArray> {
    let entries: ArrayRef = Arc::new(array.entries().clone());
    let values = convert(&entries, item.data_type()).map_err(|misfit| in_row(misfit, array.value_offsets()))?;
    built(ListArray::try_new(Arc::clone(item), array.offsets().clone(), values, array.nulls().cloned()))
}

fn map(array: &MapArray, entries: &Arc<Field>) -> Result<MapArray> {
    let found: ArrayRef = Arc::new(array.entries().clone());
    let converted = convert(&found, entries.data_type()).map_err(|misfit| in_row(misfit, array.value_offsets()))?;
    let converted = converted.as_struct().clone();
    built(MapArray::try_new(Arc::clone(entries), array.offsets().clone(), converted, array.nulls().cloned(), false))
}

/// A misfit of an element as one of the row that it is in.
fn in_row(misfit: Misfit, offsets: &[i32]) -> Misfit {
    let end = |offset: &i32| offset.unsigned_abs() as usize <= misfit.row;
    Misfit { row: offsets.partition_point(end).saturating_sub(1), ..misfit }
}

/// An array that the values refuse to make is a misfit of all of them.
pub(super) fn built<T>(array: std::result::Result<T, arrow::error::ArrowError>) -> Result<T> {
    array.map_err(|error| Misfit::new(0, error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{BinaryViewArray, Time32SecondArray, Time64NanosecondArray, TimestampSecondArray};

    fn list_of(values: ArrayRef, offsets: Vec<i32>) -> ArrayRef {
        let item = Arc::new(Field::new("item", values.data_type().clone(), true));
        Arc::new(ListArray::new(item, OffsetBuffer::new(offsets.into()), values, None))
    }

    #[test]
    fn a_misfit_names_its_row() {
        let micros = DataType::Timestamp(TimeUnit::Microsecond, None);
        let day = DataType::Time64(TimeUnit::Microsecond);
        let misfits: [(ArrayRef, &DataType); 5] = [
            (Arc::new(TimestampSecondArray::from(vec![0, i64::MAX / 1_000])), &micros),
            (Arc::new(Time32SecondArray::from(vec![0, 86_400])), &day),
            (Arc::new(Time32SecondArray::from(vec![0, -1])), &day),
            (Arc::new(Time64NanosecondArray::from(vec![1_000, 1])), &day),
            (Arc::new(BinaryViewArray::from(vec![&b"a"[..], b"\xff"])), &DataType::Utf8),
        ];
        for (array, target) in misfits {
            let misfit = convert(&array, target).expect_err("a misfit");
            assert_eq!(misfit.row, 1, "{}", misfit.what);
            // The third row's second element.
            let empty_first = list_of(array, vec![0, 0, 0, 2]);
            let target = DataType::List(Arc::new(Field::new("item", target.clone(), true)));
            assert_eq!(convert(&empty_first, &target).expect_err("a misfit").row, 2);
        }
    }

    #[test]
    fn what_stands_under_a_null_is_no_value() {
        let array: ArrayRef =
            Arc::new(Time64NanosecondArray::new(vec![1, 1_000].into(), Some(vec![false, true].into())));
        let converted = convert(&array, &DataType::Time64(TimeUnit::Microsecond)).expect("an array");
        assert!(converted.is_null(0) && converted.as_primitive::<Time64MicrosecondType>().value(1) == 1);
    }

    #[test]
    fn weight_follows_the_values() {
        let text: ArrayRef = Arc::new(BinaryViewArray::from(vec!["x".repeat(1000).as_bytes(), b"", b"y"]));
        assert!(weight(&text, 0, 1) >= 1000 && weight(&text, 1, 2) < 20);
        let list = list_of(text, vec![0, 0, 1, 3]);
        assert!(weight(&list, 1, 1) >= 1000 && weight(&list, 0, 1) < 20 && weight(&list, 2, 1) < 30);
    }
}
