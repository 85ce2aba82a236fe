//! One column's values as values of another type, or of the same type with those taken out that a native type does not hold.
//!
//! A value is either the same in both types or a misfit; nothing is rounded, cut or guessed unless its column's policy says
//! so. What it is not: a decision; which type a column gets is the [translation](super)'s.

mod build;
mod convert;
mod quick;
#[cfg(test)]
mod tests;
mod text;
mod value;

pub(super) use convert::{Converted, Misfit, SPELLING};
pub(super) use value::Value;

use super::misfit::{self, shown_native};
use arrow::array::{Array, ArrayRef, StringBuilder};
use build::Builder;
use dbferry_dialect::nested::{self, Nested};
use dbferry_dialect::{Domain, Error, ErrorKind, Exception, LogicalType, NativeValue, Result, Syntax};
use std::sync::Arc;
use value::Cells;

/// How the values of one column are converted.
#[derive(Clone, Debug)]
pub(super) struct Cast {
    from: LogicalType,
    to: LogicalType,
    domain: Domain,
}

/// A value that does not fit.
#[derive(Clone, Copy)]
pub(super) struct Found<'a> {
    /// Its row in the batch.
    pub(super) row: usize,
    pub(super) reason: &'static str,
    /// The value as messages show it.
    pub(super) value: &'a dyn Fn() -> String,
    /// Whether there is a nearest value.
    pub(super) has_nearest: bool,
    /// Whether it is a value of the target's type all the same, so that it only counts: an exception of the source's type, or a
    /// text that is spelled in another way than the target spells the value.
    pub(super) converted: bool,
}

/// Says what becomes of a value that does not fit; its error ends the conversion.
type Judge<'j> = dyn FnMut(Found<'_>) -> Result<Fate> + 'j;

/// A column that is to be converted.
#[derive(Clone, Copy)]
struct Given<'a> {
    array: &'a ArrayRef,
    /// Those of this column, by row.
    exceptions: &'a [&'a Exception],
    /// The syntax of the dialect that they are from.
    source: Option<&'a dyn Syntax>,
}

/// What becomes of a value that does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Null,
    Nearest,
}

impl Cast {
    /// The conversion of values of `from` to values of `to` that lie in `domain`; none when there is none.
    pub(super) fn new(from: &LogicalType, to: &LogicalType, domain: Domain) -> Option<Self> {
        if from != to && !(value::is_single(from) && convert::is_possible(from, to)) && !is_spelled(from, to) {
            return None;
        }
        Some(Self { from: from.clone(), to: to.clone(), domain })
    }

    /// Converts a column. `exceptions` are those of this column, by row, and `source` is the syntax of the dialect that they
    /// are from. Each misfit is told to `judge`, whose error ends it.
    pub(super) fn column(
        &self,
        array: &ArrayRef,
        exceptions: &[&Exception],
        source: Option<&dyn Syntax>,
        judge: &mut Judge<'_>,
    ) -> Result<ArrayRef> {
        if exceptions.is_empty()
            && let Some(converted) = quick::column(array, &self.from, &self.to, &self.domain)
        {
            return Ok(converted);
        }
        if self.from != self.to && is_spelled(&self.from, &self.to) {
            return self.spelled(Given { array, exceptions, source }, judge);
        }
        self.each(Given { array, exceptions, source }, judge)
    }

    /// Converts a column cell by cell.
    fn each(&self, given: Given<'_>, judge: &mut Judge<'_>) -> Result<ArrayRef> {
        let Given { array, exceptions, source } = given;
        let same = self.from == self.to;
        let parts = Cells::new(array, &self.from).zip(Builder::new(&self.to, array.len()));
        let Some((cells, mut builder)) = parts else {
            if !same {
                let message = format!("values of {} cannot be read to be converted", self.from);
                return Err(Error::new(ErrorKind::Internal, message));
            }
            // A type whose values stay as they are: only exceptions are to be judged, and a cell of theirs is null.
            for exception in exceptions {
                self.judge_exception(exception, None, judge)?;
            }
            return Ok(array.clone());
        };
        let mut scratch = [String::new(), String::new()];
        let mut exceptions = exceptions.iter().peekable();
        for row in 0..array.len() {
            if let Some(exception) = exceptions.next_if(|exception| exception.row == row as u64) {
                let text = source.and_then(|source| source.exception_text(&self.from, exception));
                let is_judged = same && self.to != LogicalType::Numeric;
                let converted = if is_judged { None } else { self.exception(exception, text.as_deref(), &mut scratch) };
                let found = match converted {
                    Some(Ok(value)) => {
                        let spelled = text.as_deref().filter(|spelled| text::respells(spelled, &value));
                        let reason = if spelled.is_some() { SPELLING } else { exception.reason.as_str() };
                        let show = || spelled.map_or_else(|| value.show(), misfit::shown);
                        judge(Found { row, reason, value: &show, has_nearest: true, converted: true })?;
                        Some(value)
                    }
                    _ => match self.judge_exception(exception, text.as_deref(), judge)? {
                        Fate::Null => None,
                        Fate::Nearest => self.nearest_to(exception, text.as_deref()),
                    },
                };
                put(&mut builder, found)?;
                continue;
            }
            if array.is_null(row) {
                builder.push_null();
                continue;
            }
            let value = cells.get(row);
            let fitting = match self.value(value, &mut scratch) {
                Ok(converted) => {
                    if let Value::Text(spelled) = value
                        && text::respells(spelled, &converted)
                    {
                        let show = || value.show();
                        judge(Found { row, reason: SPELLING, value: &show, has_nearest: true, converted: true })?;
                    }
                    Some(converted)
                }
                Err(Misfit { reason, nearest }) => {
                    let show = || value.show();
                    match judge(Found { row, reason, value: &show, has_nearest: nearest.is_some(), converted: false })?
                    {
                        Fate::Null => None,
                        Fate::Nearest => nearest,
                    }
                }
            };
            put(&mut builder, fitting)?;
        }
        Ok(builder.finish())
    }

    /// Nested values as their JSON.
    fn spelled(&self, given: Given<'_>, judge: &mut Judge<'_>) -> Result<ArrayRef> {
        let Given { array, exceptions, source } = given;
        let mut builder = StringBuilder::new();
        let (mut json, mut exceptions) = (Vec::new(), exceptions.iter().peekable());
        for row in 0..array.len() {
            if let Some(exception) = exceptions.next_if(|exception| exception.row == row as u64) {
                let text = source.and_then(|source| source.exception_text(&self.from, exception));
                match &text {
                    Some(text) => {
                        let show = || misfit::shown(text);
                        let reason = exception.reason.as_str();
                        judge(Found { row, reason, value: &show, has_nearest: true, converted: true })?;
                    }
                    None => _ = self.judge_exception(exception, None, judge)?,
                }
                builder.append_option(text);
                continue;
            }
            if array.is_null(row) {
                builder.append_null();
                continue;
            }
            json.clear();
            nested::json(array, &self.from, row, &mut json).map_err(|why| Error::new(ErrorKind::Internal, why))?;
            // JSON is made of texts and ASCII.
            builder.append_value(String::from_utf8_lossy(&json));
        }
        Ok(Arc::new(builder.finish()))
    }

    /// A value as one of the target's.
    fn value<'s, 'a: 's>(&self, value: Value<'a>, [first, second]: &'s mut [String; 2]) -> Converted<'s> {
        // Where nobody holds a text to its length, some may be longer than their type says; and a number's text is one that
        // every engine writes alike.
        let may_change = matches!(self.to, LogicalType::Text { max_chars: Some(_), .. } | LogicalType::Numeric);
        let stays = self.from == self.to && !may_change;
        let converted = if stays { value } else { convert::convert(value, &self.to, first)? };
        convert::within(converted, &self.to, &self.domain, second)
    }

    /// An exception as one of the target's values; none when its bytes mean nothing here.
    fn exception<'s, 'a: 's>(
        &self,
        exception: &'a Exception,
        text: Option<&'a str>,
        scratch: &'s mut [String; 2],
    ) -> Option<Converted<'s>> {
        let value = match (&exception.value, text) {
            (NativeValue::Integer(value), _) if exception.reason != dbferry_dialect::ExceptionReason::EnumIndex => {
                Value::Int((*value).into())
            }
            (NativeValue::Real(value), _) => Value::Float(*value),
            (_, Some(text)) => Value::Text(text),
            (NativeValue::Bytes(bytes), None) if exception.reason == dbferry_dialect::ExceptionReason::StorageClass => {
                Value::Bytes(bytes)
            }
            _ => return None,
        };
        Some(self.value(value, scratch))
    }

    fn nearest_to(&self, exception: &Exception, text: Option<&str>) -> Option<Value<'static>> {
        let number = match &exception.value {
            NativeValue::Integer(value) => Value::Int((*value).into()),
            NativeValue::Real(value) => Value::Float(*value),
            _ => return convert::nearest_to_text(text?, &self.to, &self.domain),
        };
        // A number has a number for its nearest; a text has none that outlives the scratch.
        let mut scratch = String::new();
        match convert::convert(number, &self.to, &mut scratch).map_err(|misfit| misfit.nearest) {
            Ok(Value::Int(value)) | Err(Some(Value::Int(value))) => Some(Value::Int(value)),
            Ok(Value::Float(value)) | Err(Some(Value::Float(value))) => Some(Value::Float(value)),
            Ok(Value::Float32(value)) | Err(Some(Value::Float32(value))) => Some(Value::Float32(value)),
            Ok(Value::Decimal(value, scale)) | Err(Some(Value::Decimal(value, scale))) => {
                Some(Value::Decimal(value, scale))
            }
            _ => None,
        }
    }

    fn judge_exception(&self, exception: &Exception, text: Option<&str>, judge: &mut Judge<'_>) -> Result<Fate> {
        let show = || text.map_or_else(|| shown_native(&exception.value), misfit::shown);
        let row = usize::try_from(exception.row).unwrap_or(usize::MAX);
        let has_nearest = self.nearest_to(exception, text).is_some();
        judge(Found { row, reason: exception.reason.as_str(), value: &show, has_nearest, converted: false })
    }
}

/// Whether values of `from` become a text of any length that says all of them.
fn is_spelled(from: &LogicalType, to: &LogicalType) -> bool {
    *to == LogicalType::TEXT && !value::is_single(from) && Nested::new(from).is_some()
}

fn put(builder: &mut Builder, value: Option<Value<'_>>) -> Result<()> {
    match value {
        None => builder.push_null(),
        Some(value) => {
            if !builder.push(value) {
                return Err(Error::new(ErrorKind::Internal, "a converted value is not of its column's type"));
            }
        }
    }
    Ok(())
}
