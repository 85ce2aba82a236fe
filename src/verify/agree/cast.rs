//! Columns of a batch as other types, so that both places are hashed alike.
//!
//! A value that the other type does not hold is not lost: it stands among the exceptions as it was, and is equal to nothing
//! but the same value there.

use super::meeting::lie_alike;
use super::number::{Parts, decimal_text, parts};
use super::{is_spelled_freely, stays};
use crate::translate::text_values;
use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Decimal128Array, Decimal256Array, FixedSizeBinaryBuilder, Int64Array,
    StringArray, TimestampMicrosecondArray,
};
use arrow::compute::kernels::zip::zip;
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Decimal256Type, Float32Type, Float64Type, Int64Type, Time64MicrosecondType,
    TimestampMicrosecondType, i256,
};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use dbferry_dialect::carrier::{arrow_type, schema};
use dbferry_dialect::{
    Batch, Collection, Column, Error, ErrorKind, Exception, ExceptionReason, LogicalType, NativeValue, Result,
};
use std::sync::Arc;

/// Turns the batches of a place into what is compared.
#[derive(Clone, Debug)]
pub(crate) struct Cast {
    /// As they come.
    read: Collection,
    /// As they are hashed.
    pub(crate) collection: Collection,
    /// Which columns are turned; the others are left as they are, whatever their type.
    turned: Vec<bool>,
}

impl Cast {
    /// For batches of `read`, whose columns become `to` where it says something; nothing where it says nothing.
    pub(crate) fn new(read: &Collection, to: &[Option<LogicalType>]) -> Option<Self> {
        to.iter().any(Option::is_some).then(|| {
            let mut collection = read.clone();
            for (column, logical) in collection.columns.iter_mut().zip(to) {
                if let Some(logical) = logical.as_ref().filter(|logical| !stays(&column.logical, logical)) {
                    *column = Column { logical: logical.clone(), ..column.clone() };
                }
            }
            Self { read: read.clone(), collection, turned: to.iter().map(Option::is_some).collect() }
        })
    }

    /// The same rows as what is compared.
    ///
    /// # Errors
    /// When the batch is not one of the collection.
    pub(crate) fn apply(&self, batch: &Batch) -> Result<Batch> {
        let mut exceptions = batch.exceptions.clone();
        let mut arrays = Vec::with_capacity(batch.records.num_columns());
        let columns = self.read.columns.iter().zip(&self.collection.columns);
        for (position, ((from, to), array)) in (0_u32..).zip(columns.zip(batch.records.columns())) {
            if !self.turned.get(position as usize).copied().unwrap_or_default() {
                arrays.push(Arc::clone(array));
                continue;
            }
            let mut misfits = Misfits { column: position, found: &mut exceptions };
            let values = if stays(&from.logical, &to.logical) {
                Arc::clone(array)
            } else {
                cast(array, &from.logical, &to.logical, &mut misfits)?
            };
            arrays.push(settle(values, &to.logical, position, &mut exceptions)?);
        }
        exceptions.sort_by_key(|exception| (exception.row, exception.column));
        let options = RecordBatchOptions::new().with_row_count(Some(batch.records.num_rows()));
        let records = RecordBatch::try_new_with_options(schema(&self.collection), arrays, &options)?;
        Ok(Batch { records, exceptions })
    }
}

/// The values of one column that do not fit.
struct Misfits<'a> {
    column: u32,
    found: &'a mut Vec<Exception>,
}

impl Misfits<'_> {
    fn add(&mut self, row: usize, value: NativeValue) {
        let reason = ExceptionReason::OutOfRange;
        self.found.push(Exception { row: row as u64, column: self.column, reason, value });
    }

    /// Each text as what `make` makes of it.
    fn texts<T>(&mut self, texts: &StringArray, make: impl Fn(&str) -> Option<T>) -> Vec<Option<T>> {
        let each = texts.iter().enumerate().map(|(row, text)| {
            let made = make(text?);
            if made.is_none() {
                self.add(row, NativeValue::Text(text.unwrap_or_default().to_owned()));
            }
            made
        });
        each.collect()
    }
}

/// A column with those of its exceptions among its values that are values of the type: a 2 among truth values that are compared
/// as numbers, a moment in another spelling. Numbers that the type does not hold become one text each.
fn settle(values: ArrayRef, logical: &LogicalType, column: u32, exceptions: &mut Vec<Exception>) -> Result<ArrayRef> {
    let mut texts: Vec<Option<String>> = Vec::new();
    for exception in exceptions.iter_mut().filter(|exception| exception.column == column) {
        let Some(text) = said(exception, logical) else { continue };
        texts.resize(values.len(), None);
        if let Some(cell) = usize::try_from(exception.row).ok().and_then(|row| texts.get_mut(row)) {
            if !is_spelled_freely(logical) {
                exception.reason = ExceptionReason::OutOfRange;
                exception.value = NativeValue::Text(text.clone());
            }
            *cell = Some(text);
        }
    }
    if texts.is_empty() {
        return Ok(values);
    }
    let texts: ArrayRef = Arc::new(StringArray::from(texts));
    let mut refused = Vec::new();
    let settled = cast(&texts, &LogicalType::TEXT, logical, &mut Misfits { column, found: &mut refused })?;
    // Types of one class may lie in Arrow otherwise; what the narrower one does not hold stays beside it.
    let settled = cast_with_options(&settled, values.data_type(), &CastOptions { safe: true, ..Default::default() })?;
    let found = BooleanArray::from_iter((0..settled.len()).map(|row| Some(settled.is_valid(row))));
    exceptions.retain(|exception| {
        let row = usize::try_from(exception.row).unwrap_or(usize::MAX);
        exception.column != column || row >= found.len() || !found.value(row)
    });
    Ok(zip(&found, &settled, &values)?)
}

/// What an exception says in words of the type, if it may be one of its values.
fn said(exception: &Exception, logical: &LogicalType) -> Option<String> {
    use LogicalType::{Decimal, Int, Numeric};
    let text = match &exception.value {
        NativeValue::Text(text) => text.clone(),
        NativeValue::Integer(number) if exception.reason != ExceptionReason::EnumIndex => number.to_string(),
        NativeValue::Real(number) => number.to_string(),
        _ => return None,
    };
    match logical {
        Int { .. } | Decimal { .. } | Numeric => Some(match text.to_ascii_lowercase().as_str() {
            "inf" | "infinity" => "Infinity".to_owned(),
            "-inf" | "-infinity" => "-Infinity".to_owned(),
            "nan" => "NaN".to_owned(),
            _ => parts(&text)?.canonical(),
        }),
        _ => is_spelled_freely(logical).then_some(text),
    }
}

fn cast(array: &ArrayRef, from: &LogicalType, to: &LogicalType, misfits: &mut Misfits<'_>) -> Result<ArrayRef> {
    match (to, array.data_type()) {
        (LogicalType::Numeric, _) => numeric(array, misfits),
        (
            LogicalType::Bool
            | LogicalType::Float { .. }
            | LogicalType::Uuid
            | LogicalType::Network { .. }
            | LogicalType::Date
            | LogicalType::Timestamp { .. }
            | LogicalType::Instant { .. }
            | LogicalType::Time { .. }
            | LogicalType::Span { .. },
            DataType::Utf8,
        ) => {
            let (values, none) = text_values(array, to)?;
            let texts = array.as_string::<i32>();
            none.into_iter().for_each(|row| misfits.add(row, NativeValue::Text(texts.value(row).to_owned())));
            Ok(values)
        }
        (LogicalType::Decimal { precision, scale }, DataType::Utf8) => {
            let values = misfits.texts(array.as_string(), |text| parts(text)?.scaled(*precision, *scale));
            decimals(values, *precision, *scale)
        }
        (LogicalType::Int { .. }, DataType::Utf8) => {
            let values =
                misfits.texts(array.as_string(), |text| parts(text)?.scaled(19, 0)?.to_i128()?.try_into().ok());
            Ok(Arc::new(values.into_iter().collect::<Int64Array>()))
        }
        (LogicalType::Float { bits: 64 }, DataType::Float32) => {
            Ok(Arc::new(array.as_primitive::<Float32Type>().unary::<_, Float64Type>(f64::from)))
        }
        (LogicalType::Uuid, DataType::Binary) => uuids(array, misfits),
        (LogicalType::Timestamp { .. } | LogicalType::Instant { .. }, DataType::Date32) => {
            const DAY: i64 = 86_400_000_000;
            let days = array.as_primitive::<Date32Type>();
            // The days of 32 bits go to 5.8 million years, the microseconds of 64 bits to 292 thousand.
            let micros = days.iter().enumerate().map(|(row, day)| {
                let micros = i64::from(day?).checked_mul(DAY);
                if micros.is_none() {
                    misfits.add(row, NativeValue::Integer(day.unwrap_or_default().into()));
                }
                micros
            });
            Ok(Arc::new(micros.collect::<TimestampMicrosecondArray>().with_data_type(arrow_type(to))))
        }
        (LogicalType::Timestamp { .. } | LogicalType::Instant { .. }, DataType::Timestamp(..)) => {
            Ok(Arc::new(array.as_primitive::<TimestampMicrosecondType>().clone().with_data_type(arrow_type(to))))
        }
        (LogicalType::Span { .. }, DataType::Time64(_)) => {
            Ok(Arc::new(array.as_primitive::<Time64MicrosecondType>().reinterpret_cast::<Int64Type>()))
        }
        _ if lie_alike(from, to) => Ok(Arc::clone(array)),
        _ => by_arrow(array, to),
    }
}

/// Whole numbers and decimals into types that hold all of them.
fn by_arrow(array: &ArrayRef, to: &LogicalType) -> Result<ArrayRef> {
    let strict = CastOptions { safe: false, ..CastOptions::default() };
    let to = arrow_type(to);
    let whole;
    let array = match array.data_type() {
        DataType::Boolean => {
            whole = cast_with_options(array, &DataType::Int64, &strict)?;
            &whole
        }
        _ => array,
    };
    cast_with_options(array, &to, &strict)
        .map_err(|error| Error::new(ErrorKind::Internal, "a column cannot be compared as was decided").caused_by(error))
}

fn decimals(values: Vec<Option<i256>>, precision: u8, scale: u8) -> Result<ArrayRef> {
    // A scale is at most 76, so it fits i8, and what has at most 38 digits fits 128 bits.
    Ok(if precision <= 38 {
        let array = values.into_iter().map(|value| value.and_then(i256::to_i128)).collect::<Decimal128Array>();
        Arc::new(array.with_precision_and_scale(precision, scale as i8)?)
    } else {
        let array = values.into_iter().collect::<Decimal256Array>();
        Arc::new(array.with_precision_and_scale(precision, scale as i8)?)
    })
}

/// Numbers as their one text.
fn numeric(array: &ArrayRef, misfits: &mut Misfits<'_>) -> Result<ArrayRef> {
    let canonical = |parts: Parts<'_>| parts.canonical();
    let scale = |scale: i8| u8::try_from(scale).unwrap_or(0);
    let texts: StringArray = match array.data_type() {
        DataType::Utf8 => misfits.texts(array.as_string(), |text| parts(text).map(canonical)).into_iter().collect(),
        DataType::Decimal128(_, places) => {
            let values = array.as_primitive::<Decimal128Type>();
            values.iter().map(|value| Some(decimal_text(&value?.to_string(), scale(*places)))).collect()
        }
        DataType::Decimal256(_, places) => {
            let values = array.as_primitive::<Decimal256Type>();
            values.iter().map(|value| Some(decimal_text(&value?.to_string(), scale(*places)))).collect()
        }
        DataType::Float32 => {
            let values = array.as_primitive::<Float32Type>().iter();
            return digits(values.map(|value| value.map(|value| value.to_string())), misfits);
        }
        DataType::Float64 => {
            let values = array.as_primitive::<Float64Type>().iter();
            return digits(values.map(|value| value.map(|value| value.to_string())), misfits);
        }
        _ => by_arrow(&by_arrow(array, &LogicalType::Decimal { precision: 20, scale: 0 })?, &LogicalType::TEXT)?
            .as_string::<i32>()
            .clone(),
    };
    Ok(Arc::new(texts))
}

/// Floats as the fewest digits that give them back, which is how they are printed; what is no number is none here either.
fn digits(texts: impl Iterator<Item = Option<String>>, misfits: &mut Misfits<'_>) -> Result<ArrayRef> {
    numeric(&(Arc::new(texts.collect::<StringArray>()) as ArrayRef), misfits)
}

/// Sixteen bytes as what they are.
fn uuids(array: &ArrayRef, misfits: &mut Misfits<'_>) -> Result<ArrayRef> {
    let mut builder = FixedSizeBinaryBuilder::with_capacity(array.len(), 16);
    for (row, bytes) in array.as_binary::<i32>().iter().enumerate() {
        match bytes {
            Some(bytes) if bytes.len() == 16 => builder.append_value(bytes)?,
            Some(bytes) => {
                builder.append_null();
                misfits.add(row, NativeValue::Bytes(bytes.to_owned()));
            }
            None => builder.append_null(),
        }
    }
    Ok(Arc::new(builder.finish()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{
        BinaryArray, BooleanArray, Date32Array, Float32Array, Float64Array, Int32Array, Time64MicrosecondArray,
        UInt64Array,
    };
    use dbferry_dialect::CollectionName;
    use dbferry_dialect::hash::RowHasher;

    fn collection(logical: LogicalType) -> Collection {
        Collection::table(CollectionName::new("main", "t"), vec![Column::new("c", logical, "")])
    }

    fn turned(array: ArrayRef, from: LogicalType, to: LogicalType) -> Batch {
        let read = collection(from);
        let records = RecordBatch::try_new(schema(&read), vec![array]).expect("a batch");
        let cast = Cast::new(&read, &[Some(to)]).expect("something to do");
        cast.apply(&Batch::plain(records)).expect("a batch")
    }

    fn hash(batch: &Batch, logical: LogicalType) -> u128 {
        // A whole number keeps its width.
        let logical = match batch.records.column(0).data_type() {
            DataType::Int32 => LogicalType::Int { bits: 32, signed: true },
            _ => logical,
        };
        let mut hasher = RowHasher::new(&collection(logical));
        hasher.update(batch).expect("a hash");
        hasher.total().sum
    }

    #[test]
    fn the_same_values_of_other_types_hash_alike() {
        let decimal = |precision, scale| LogicalType::Decimal { precision, scale };
        let decimals = |values: Vec<Option<i128>>, precision, scale| -> ArrayRef {
            let array = Decimal128Array::from(values).with_precision_and_scale(precision, scale);
            Arc::new(array.expect("decimals"))
        };
        let texts = |values: &[Option<&str>]| -> ArrayRef { Arc::new(StringArray::from(values.to_vec())) };
        let unsigned = || LogicalType::Int { bits: 64, signed: false };
        let int32 = || LogicalType::Int { bits: 32, signed: true };
        let uuid = "0f8fad5b-d9cb-469f-a165-70867728950e";
        let bytes = u128::from_str_radix(&uuid.replace('-', ""), 16).expect("a number").to_be_bytes();
        let instants: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![86_400_000_000]).with_timezone("UTC"));
        let cases: Vec<(ArrayRef, LogicalType, ArrayRef, LogicalType, LogicalType)> = vec![
            (
                decimals(vec![Some(990), None, Some(-5)], 10, 2),
                decimal(10, 2),
                texts(&[Some("9.9"), None, Some("-0.050")]),
                LogicalType::TEXT,
                decimal(10, 2),
            ),
            (
                decimals(vec![Some(990)], 10, 2),
                decimal(10, 2),
                decimals(vec![Some(99_000)], 12, 4),
                decimal(12, 4),
                decimal(12, 4),
            ),
            (
                decimals(vec![Some(999), Some(1_000_000_000_000_000_000_000_000)], 30, 2),
                decimal(30, 2),
                Arc::new(Float64Array::from(vec![9.99, 1e22])),
                LogicalType::FLOAT64,
                LogicalType::Numeric,
            ),
            (
                decimals(vec![Some(999)], 10, 2),
                decimal(10, 2),
                Arc::new(Float32Array::from(vec![9.99])),
                LogicalType::Float { bits: 32 },
                LogicalType::Numeric,
            ),
            (
                texts(&[Some("1.50"), Some("1e2")]),
                LogicalType::Numeric,
                texts(&[Some("1.5"), Some("100.0")]),
                LogicalType::Numeric,
                LogicalType::Numeric,
            ),
            (
                Arc::new(UInt64Array::from(vec![7])),
                unsigned(),
                Arc::new(Int64Array::from(vec![7])),
                LogicalType::INT64,
                decimal(20, 0),
            ),
            (
                Arc::new(BooleanArray::from(vec![true, false])),
                LogicalType::Bool,
                Arc::new(Int32Array::from(vec![1, 0])),
                int32(),
                LogicalType::INT64,
            ),
            (
                Arc::new(Int32Array::from(vec![12])),
                int32(),
                texts(&[Some("12.0")]),
                LogicalType::Numeric,
                LogicalType::INT64,
            ),
            (
                Arc::new(Date32Array::from(vec![1])),
                LogicalType::Date,
                instants,
                LogicalType::Instant { precision: 6 },
                LogicalType::Instant { precision: 6 },
            ),
            (
                texts(&[Some("0.10"), Some("1e3")]),
                LogicalType::TEXT,
                Arc::new(Float64Array::from(vec![0.1, 1000.0])),
                LogicalType::FLOAT64,
                LogicalType::FLOAT64,
            ),
            (
                texts(&[Some("yes"), Some("0")]),
                LogicalType::TEXT,
                Arc::new(BooleanArray::from(vec![true, false])),
                LogicalType::Bool,
                LogicalType::Bool,
            ),
            (
                texts(&[Some("ab")]),
                LogicalType::TEXT,
                Arc::new(BinaryArray::from(vec![&b"ab"[..]])),
                LogicalType::BYTES,
                LogicalType::BYTES,
            ),
            (
                Arc::new(Time64MicrosecondArray::from(vec![5])),
                LogicalType::Time { precision: 6 },
                Arc::new(Int64Array::from(vec![5])),
                LogicalType::Span { precision: 6 },
                LogicalType::Span { precision: 6 },
            ),
            (
                texts(&[Some(&uuid.to_ascii_uppercase())]),
                LogicalType::TEXT,
                Arc::new(BinaryArray::from(vec![&bytes[..]])),
                LogicalType::BYTES,
                LogicalType::Uuid,
            ),
            (texts(&[Some("{}")]), LogicalType::Json, texts(&[Some("{}")]), LogicalType::TEXT, LogicalType::TEXT),
        ];
        for (left, from, right, other, to) in cases {
            let (left, right) = (turned(left, from.clone(), to.clone()), turned(right, other.clone(), to.clone()));
            assert_eq!((&left.exceptions, &right.exceptions), (&Vec::new(), &Vec::new()), "{from} and {other}");
            assert_eq!(hash(&left, to.clone()), hash(&right, to.clone()), "{from} and {other} as {to}");
        }
    }

    #[test]
    fn a_moment_is_the_same_however_it_is_spelled() {
        let cases = [
            (LogicalType::Date, "2020-02-09", "2020-02-09T00:00:00"),
            (LogicalType::Timestamp { precision: 6 }, "2020-02-09 00:00:00", "2020-02-09"),
            (LogicalType::Instant { precision: 6 }, "2020-02-09 00:00:00+00:00", "2020-02-09T02:00:00+02:00"),
            (LogicalType::Uuid, "0f8fad5b-d9cb-469f-a165-70867728950e", "{0F8FAD5B-D9CB-469F-A165-70867728950E}"),
        ];
        for (logical, usual, other) in cases {
            let texts = |text: &str| -> ArrayRef { Arc::new(StringArray::from(vec![Some("x"), Some(text), None])) };
            let left = turned(texts(usual), LogicalType::TEXT, logical.clone());
            let right = turned(texts(other), LogicalType::TEXT, logical.clone());
            assert_eq!(left.exceptions.len(), 1, "x is none of {logical}");
            assert_eq!(hash(&left, logical.clone()), hash(&right, logical.clone()), "{logical}");
            // What its own dialect could not read stands beside its column.
            let collection = collection(logical.clone());
            let array = arrow::array::new_null_array(&arrow_type(&logical), 3);
            let exception = |row, text: &str| Exception {
                row,
                column: 0,
                reason: ExceptionReason::OutOfRange,
                value: NativeValue::Text(text.to_owned()),
            };
            let records = RecordBatch::try_new(schema(&collection), vec![array]).expect("a batch");
            let batch = Batch { records, exceptions: vec![exception(0, "x"), exception(1, other)] };
            let cast = Cast::new(&collection, &[Some(logical.clone())]).expect("something to do");
            let beside = cast.apply(&batch).expect("a batch");
            assert_eq!(beside.exceptions, [exception(0, "x")]);
            assert_eq!(hash(&left, logical.clone()), hash(&beside, logical.clone()), "{logical}");
        }
    }

    #[test]
    fn numbers_with_one_nearest_float_are_not_one() {
        let whole =
            |number: i64| turned(Arc::new(Int64Array::from(vec![number])), LogicalType::INT64, LogicalType::Numeric);
        let float = |number: f64| {
            turned(Arc::new(Float64Array::from(vec![number])), LogicalType::FLOAT64, LogicalType::Numeric)
        };
        let hash = |batch: &Batch| hash(batch, LogicalType::Numeric);
        assert_eq!(hash(&whole(9_007_199_254_740_992)), hash(&float(9_007_199_254_740_992.0)));
        assert_ne!(hash(&whole(9_007_199_254_740_993)), hash(&float(9_007_199_254_740_992.0)));
        let text =
            |text: &str| turned(Arc::new(StringArray::from(vec![text])), LogicalType::Numeric, LogicalType::Numeric);
        assert_eq!(hash(&float(f64::NEG_INFINITY)), hash(&text("-Infinity")));
        assert_ne!(hash(&float(f64::INFINITY)), hash(&text("-Infinity")));
        let (nan, text) = (
            float(f64::NAN),
            turned(Arc::new(StringArray::from(vec!["NaN"])), LogicalType::Numeric, LogicalType::Numeric),
        );
        assert_eq!((nan.exceptions.len(), hash(&nan)), (1, hash(&text)));
    }

    #[test]
    fn what_stands_beside_a_column_may_be_a_value_of_the_other_type() {
        let beside = |from: LogicalType, to: &LogicalType, value: NativeValue| {
            let read = collection(from);
            let array = arrow::array::new_null_array(&arrow_type(&read.columns[0].logical), 1);
            let records = RecordBatch::try_new(schema(&read), vec![array]).expect("a batch");
            let exceptions = vec![Exception { row: 0, column: 0, reason: ExceptionReason::Precision, value }];
            let cast = Cast::new(&read, &[Some(to.clone())]).expect("something to do");
            cast.apply(&Batch { records, exceptions }).expect("a batch")
        };
        let two = beside(LogicalType::Bool, &LogicalType::INT64, NativeValue::Integer(2));
        assert_eq!((two.exceptions.len(), two.records.column(0).as_primitive::<Int64Type>().value(0)), (0, 2));
        // A decimal that has more digits than one of the types is the same misfit on both sides.
        let decimal = LogicalType::Decimal { precision: 12, scale: 2 };
        let real = beside(decimal.clone(), &decimal, NativeValue::Real(1.555));
        let texts: ArrayRef = Arc::new(StringArray::from(vec!["1.5550"]));
        let text = turned(texts, LogicalType::Numeric, decimal.clone());
        assert_eq!(real.exceptions, text.exceptions);
        assert_eq!(hash(&real, decimal.clone()), hash(&text, decimal));
    }

    #[test]
    fn only_what_is_to_be_turned_is() {
        let mut read = collection(LogicalType::Numeric);
        read.columns.push(Column::new("f", LogicalType::Float { bits: 32 }, ""));
        let arrays: Vec<ArrayRef> =
            vec![Arc::new(StringArray::from(vec!["1.50"])), Arc::new(Float32Array::from(vec![0.5]))];
        let records = RecordBatch::try_new(schema(&read), arrays).expect("a batch");
        let cast = Cast::new(&read, &[None, Some(LogicalType::FLOAT64)]).expect("something to do");
        let turned = cast.apply(&Batch::plain(records)).expect("a batch");
        assert_eq!(turned.records.column(0).as_string::<i32>().value(0), "1.50");
    }

    #[test]
    fn what_does_not_fit_stays_what_it_was() {
        let texts: ArrayRef = Arc::new(StringArray::from(vec![Some("1.5"), Some("x"), None, Some("1.555")]));
        let decimal = LogicalType::Decimal { precision: 5, scale: 2 };
        let batch = turned(texts, LogicalType::TEXT, decimal.clone());
        let found: Vec<_> = batch.exceptions.iter().map(|exception| (exception.row, exception.value.clone())).collect();
        let text = |text: &str| NativeValue::Text(text.to_owned());
        assert_eq!(found, [(1, text("x")), (3, text("1.555"))]);
        assert_eq!(batch.records.column(0).null_count(), 3);
        let others: ArrayRef = Arc::new(StringArray::from(vec![Some("1.5"), Some("y"), None, Some("1.555")]));
        let others = turned(others, LogicalType::TEXT, decimal.clone());
        assert_ne!(hash(&batch, decimal.clone()), hash(&others, decimal));
    }
}
