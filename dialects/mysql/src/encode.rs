//! Arrow batches to the text that the servers load: lines of `LOAD DATA`, or lists of literals of `INSERT`.
//!
//! How a column is written is decided once a table ([`codec`]), by its logical type and by the type of the target's column
//! ([`target`]); each batch then gives one typed view a column ([`view`]), and a cell costs one `match` and no allocation.
//! Whatever the server would change without a word is refused here; what it warns of is left to it ([`crate::load`]). Not
//! here: sessions and statements, and the way back (`decode`).
//!
//! | logical type | goes into |
//! |---|---|
//! | bool | `bit`, integers |
//! | integers, year | integers where the value fits, `decimal`; a year also `year` |
//! | decimal, numeric | `decimal`; a decimal without fraction also integers |
//! | floats | `float`, `double`, as the text of a double, which both servers read exactly |
//! | text, enum, json, network, bits as text, opaque text | character types |
//! | enum, set | the type of that name by the labels' numbers, so that neither collation nor character set matters |
//! | bytes, geometry, opaque bytes | `binary`, `varbinary`, `blob` |
//! | date, timestamp, instant, time, span | `date`, `datetime`, `timestamp`; an instant in UTC; `time` |
//! | uuid | `uuid`, `binary(16)`, and its 36 characters |
//! | network | `inet4`, `inet6` |
//! | bits | `bit` |
//! | geometry | the geometry family: its reference system's number and well-known binary, as the servers store it |
//! | list of 32-bit floats | `vector` |
//! | list, struct, range, map, set, dynamic | `json` and character types, as JSON ([`json`](dbferry_dialect::nested::json)) |
//! | numbers, dates, times, intervals, uuid | character types, as text |
//!
//! Exceptions that this dialect reads go back as they were: zero and partial dates, an enum's 0, geometries of another
//! reference system. A text whose bytes are not valid in its character set only goes through `INSERT`
//! ([`RowEncoder::needs_insert`]).

mod codec;
mod form;
mod network;
mod target;
mod text;
mod time;
mod view;

#[cfg(test)]
mod tests;

pub(crate) use target::{TargetColumn, columns as target_columns};

use arrow::array::{Array, ArrowPrimitiveType, AsArray};
use arrow::datatypes::{DataType, Float32Type, Float64Type};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use codec::Codec;
use dbferry_dialect::{Batch, Collection, Error, ErrorKind, Exception, ExceptionReason, NativeValue, Result};
use form::{Form, Line, Literal};
use std::borrow::Cow;
use view::View;

/// How many characters of a value messages show.
const SHOWN: usize = 80;

/// Why a cell cannot be written. Row and column are added by [`Rows`].
#[derive(Debug)]
struct Misfit(Cow<'static, str>);

impl Misfit {
    fn new(message: impl Into<Cow<'static, str>>) -> Self {
        Self(message.into())
    }
}

/// How one column of a collection is written.
#[derive(Debug)]
struct EncodedColumn {
    /// Its place among the collection's columns.
    position: usize,
    name: String,
    codec: Codec,
    target: TargetColumn,
}

/// How a column's field of a line gets into the column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// As it is.
    Direct,
    /// Its bytes are UTF-8 and are converted, as an expression of the field.
    Utf8,
    /// It is a number, and must not be taken for a text.
    Number,
}

/// How the rows of one collection are written into one table.
#[derive(Debug)]
pub(crate) struct RowEncoder {
    columns: Vec<EncodedColumn>,
    /// How many columns the collection has.
    width: usize,
}

impl RowEncoder {
    /// An encoder of the columns at those places of `source`, in the order in which statements name them.
    ///
    /// # Errors
    /// [`ErrorKind::Incompatible`] when values of a column do not go into that of the target.
    pub(crate) fn new(source: &Collection, columns: Vec<(usize, TargetColumn)>) -> Result<Self> {
        let columns = columns.into_iter().map(|(position, target)| {
            let column = source.columns.get(position).ok_or_else(|| {
                Error::new(ErrorKind::Internal, "a collection has fewer columns than are to be written")
            })?;
            let codec = Codec::new(&column.logical, &target).ok_or_else(|| {
                Error::new(
                    ErrorKind::Incompatible,
                    format!("{} does not go into {}", column.logical, target.native.text),
                )
                .with("column", &column.name)
            })?;
            Ok(EncodedColumn { position, name: column.name.clone(), codec, target })
        });
        Ok(Self { columns: columns.collect::<Result<_>>()?, width: source.columns.len() })
    }

    /// The names of the columns that are written.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|column| column.name.as_str())
    }

    /// The first negative zero of a column of floats: its row and the column's name.
    pub(crate) fn negative_zero<'a>(&'a self, batch: &Batch) -> Option<(usize, &'a str)> {
        fn first<T: ArrowPrimitiveType>(array: &dyn Array, negative: impl Fn(T::Native) -> bool) -> Option<usize> {
            let floats = array.as_primitive_opt::<T>()?;
            (0..floats.len()).find(|row| floats.is_valid(*row) && negative(floats.value(*row)))
        }
        self.columns.iter().find_map(|column| {
            let array = batch.records.columns().get(column.position)?;
            let row = match array.data_type() {
                DataType::Float64 => first::<Float64Type>(array, |value| value == 0.0 && value.is_sign_negative()),
                DataType::Float32 => first::<Float32Type>(array, |value| value == 0.0 && value.is_sign_negative()),
                _ => None,
            };
            Some((row?, column.name.as_str()))
        })
    }

    /// Whether that column is written as labels.
    pub(crate) fn is_enum(&self, name: &str) -> bool {
        self.columns.iter().any(|column| column.name == name && matches!(column.codec, Codec::Enum(_)))
    }

    /// Whether lines hold bytes without a character set, so that they cannot all be UTF-8.
    pub(crate) fn has_bytes(&self) -> bool {
        self.columns.iter().any(|column| column.target.takes_bytes())
    }

    /// How each column's field gets into the column, when lines have no character set or are UTF-8.
    pub(crate) fn ways(&self, utf8: bool) -> impl Iterator<Item = Way> {
        self.columns.iter().map(move |column| match &column.codec {
            codec if codec.is_index() => Way::Number,
            Codec::Enum(_) => Way::Direct,
            _ if utf8 || column.target.takes_bytes() || column.target.is_utf8() => Way::Direct,
            _ => Way::Utf8,
        })
    }

    /// The rows of a batch. `before` rows of the collection came earlier; it only serves messages.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] when the batch is not one of the collection.
    pub(crate) fn rows<'a>(&'a self, batch: &'a Batch, before: u64) -> Result<Rows<'a>> {
        if batch.records.num_columns() != self.width {
            return Err(Error::new(ErrorKind::Internal, "a batch has another number of columns than its collection"));
        }
        let views = self.columns.iter().map(|column| {
            // The number of columns was just compared.
            let array = batch.records.column(column.position);
            View::new(&column.codec, column.target.nullable, array).ok_or_else(|| {
                Error::new(ErrorKind::Internal, format!("a batch carries {} where it should not", array.data_type()))
                    .with("column", &column.name)
            })
        });
        let views = views.collect::<Result<_>>()?;
        Ok(Rows { encoder: self, batch, views, exceptions: &batch.exceptions, own: 0, before })
    }

    /// Whether that cell only goes through `INSERT`: bytes that are no text in the column's character set must not be
    /// converted on their way, and a literal of bytes is not; and a number that is no label is taken as a number there.
    fn needs_insert(&self, exception: &Exception) -> bool {
        matches!(exception.reason, ExceptionReason::InvalidUtf8 | ExceptionReason::EnumIndex)
            && self.columns.iter().any(|column| column.position == exception.column as usize)
    }
}

/// The rows of one batch on their way out.
pub(crate) struct Rows<'a> {
    encoder: &'a RowEncoder,
    batch: &'a Batch,
    views: Vec<View<'a>>,
    /// Those of the row at hand and of later ones.
    exceptions: &'a [Exception],
    /// How many of them are the row's own.
    own: usize,
    before: u64,
}

impl Rows<'_> {
    /// Goes to row number `row` of the batch; rows are asked for in their order. Returns whether the row only goes through
    /// `INSERT`.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] when exceptions are not in the order of rows.
    #[inline]
    pub(crate) fn seek(&mut self, row: usize) -> Result<bool> {
        if self.own == 0 && self.exceptions.first().is_none_or(|exception| exception.row > row as u64) {
            return Ok(false);
        }
        self.seek_exceptions(row as u64)
    }

    #[cold]
    fn seek_exceptions(&mut self, row: u64) -> Result<bool> {
        // Those of the row before.
        self.exceptions = self.exceptions.get(self.own..).unwrap_or_default();
        if self.exceptions.first().is_some_and(|exception| exception.row < row) {
            return Err(Error::new(ErrorKind::Internal, "the exceptions of a batch are not in the order of its rows"));
        }
        self.own = self.exceptions.iter().take_while(|exception| exception.row == row).count();
        Ok(self.exceptions.iter().take(self.own).any(|exception| self.encoder.needs_insert(exception)))
    }

    /// How many cells of the row that was sought are the number 0 of an enum, which is no label.
    pub(crate) fn zero_labels(&self) -> u64 {
        let own = self.exceptions.iter().take(self.own);
        own.filter(|exception| exception.reason == ExceptionReason::EnumIndex).count() as u64
    }

    /// Whether every exception of the batch has found its row, once all rows are written.
    pub(crate) fn is_complete(&self) -> bool {
        self.exceptions.len() == self.own
    }

    /// Appends the row that was sought, as a line.
    ///
    /// # Errors
    /// [`ErrorKind::Mismatch`] when a value does not fit its column.
    pub(crate) fn put_line(&self, row: usize, out: &mut Vec<u8>) -> Result<()> {
        self.put::<Line>(row, b'\t', out)?;
        out.push(b'\n');
        Ok(())
    }

    /// Appends the row that was sought, as literals in parentheses.
    ///
    /// # Errors
    /// Those of [`put_line`](Self::put_line).
    pub(crate) fn put_values(&self, row: usize, out: &mut Vec<u8>) -> Result<()> {
        out.push(b'(');
        self.put::<Literal>(row, b',', out)?;
        out.push(b')');
        Ok(())
    }

    fn put<F: Form>(&self, row: usize, separator: u8, out: &mut Vec<u8>) -> Result<()> {
        if self.own > 0 {
            return self.put_with_exceptions::<F>(row, separator, out);
        }
        for (place, view) in self.views.iter().enumerate() {
            if place > 0 {
                out.push(separator);
            }
            view.put::<F>(row, out).map_err(|misfit| self.refused(misfit, row, place))?;
        }
        Ok(())
    }

    #[cold]
    fn put_with_exceptions<F: Form>(&self, row: usize, separator: u8, out: &mut Vec<u8>) -> Result<()> {
        let own = self.exceptions.get(..self.own).unwrap_or_default();
        for (place, (view, column)) in self.views.iter().zip(&self.encoder.columns).enumerate() {
            if place > 0 {
                out.push(separator);
            }
            let written = match own.iter().find(|exception| exception.column as usize == column.position) {
                None => view.put::<F>(row, out),
                Some(exception) => put_exception::<F>(exception, column, out),
            };
            written.map_err(|misfit| self.refused(misfit, row, place))?;
        }
        Ok(())
    }

    #[cold]
    fn refused(&self, misfit: Misfit, row: usize, place: usize) -> Error {
        let error = Error::new(ErrorKind::Mismatch, misfit.0).with("row", self.before + row as u64);
        let Some(column) = self.encoder.columns.get(place) else { return error };
        let error = error.with("column", &column.name).with("type", shown(column.target.native.text.as_bytes()));
        // Its place was looked at when the views were made.
        let cell = self.batch.records.column(column.position).slice(row, 1);
        let options = FormatOptions::new().with_display_error(false).with_null("NULL");
        let value = ArrayFormatter::try_new(&cell, &options).and_then(|cell| cell.value(0).try_to_string());
        match value {
            Ok(value) => error.with("value", shown(value.as_bytes())),
            // Arrow does not show everything.
            Err(_) => error,
        }
    }
}

/// Appends an exception as it was in its own server's column.
fn put_exception<F: Form>(exception: &Exception, column: &EncodedColumn, out: &mut Vec<u8>) -> Result<(), Misfit> {
    use ExceptionReason as Reason;
    let target = &column.target;
    match (&exception.value, exception.reason) {
        (NativeValue::Text(text), Reason::ZeroDate | Reason::PartialDate | Reason::OutOfRange)
            if target.is_temporal() =>
        {
            F::text(out, text.as_bytes());
        }
        (NativeValue::Integer(0), Reason::EnumIndex) => match &column.codec {
            // Neither server takes the number 0 without a warning; a text that is a number and no label it takes.
            Codec::Enum(labels) => F::text(out, labels.zero.as_bytes()),
            _ => return Err(Misfit::new("the column is no enum")),
        },
        (NativeValue::TextBytes(bytes) | NativeValue::Bytes(bytes), Reason::InvalidUtf8)
            if target.is_text() || target.native.base == "json" =>
        {
            F::bytes(out, &[bytes]);
        }
        (NativeValue::Bytes(bytes), reason) if target.is_geometry() && reason != Reason::StorageClass => {
            F::bytes(out, &[bytes]);
        }
        (value, reason) => {
            let class = value.class();
            return Err(Misfit::new(format!(
                "the column holds no such value: an exception of class {class} ({reason})"
            )));
        }
    }
    Ok(())
}

/// A value as messages show it: one line, not too long.
pub(crate) fn shown(value: &[u8]) -> String {
    let text = String::from_utf8_lossy(value.get(..4 * SHOWN).unwrap_or(value));
    let mut shown: String = text.chars().take(SHOWN).flat_map(char::escape_debug).collect();
    if text.chars().count() > SHOWN || value.len() > 4 * SHOWN {
        shown.push('…');
    }
    shown
}
