//! Arrow batches to the bytes of `COPY ... FROM STDIN (FORMAT binary)`.
//!
//! How a column is written is decided once a collection ([`codec`]), by its logical type and by the type that the target's
//! column has on the wire; each batch then gives one typed view a column ([`view`]), and a cell costs one `match` and no
//! allocation. All rows go into one buffer that is handed on whenever it is full. Not here: sessions and statements
//! ([`crate::replace`]), and the way back (`decode`).
//!
//! | logical type | goes into |
//! |---|---|
//! | bool | `boolean` |
//! | integers, year | `smallint`, `integer`, `bigint`, `oid`, `xid`, `cid`, `xid8`, where the value fits; `numeric` |
//! | decimal, numeric | `numeric`, with all digits and the display scale; a decimal also into `money`, where it is exact |
//! | floats | `real`, `double precision`, the latter from both |
//! | text, enum, json, network, bits as text, opaque text | every type whose values travel as text: `text`, `varchar`, `char`, `name`, `citext`, enums, `json`, `jsonb`, `jsonpath`, ... |
//! | bytes, geometry | `bytea` |
//! | date, time, timetz, timestamp, instant, interval, uuid | the type of that name; a span into `interval` |
//! | bits | `bit`, `bit varying` |
//! | network | `inet`, `cidr`, `macaddr`, `macaddr8` |
//! | list, set | an array; a list of ranges also a multirange |
//! | struct, range, map | a composite, a range, `hstore` |
//! | list, struct, range, map, set, dynamic | `json`, `jsonb` or a text type, as JSON ([`json`](dbferry_dialect::nested::json)); a dynamic value into a text type as plain text |
//! | opaque bytes | any type, through its receive function |
//! | opaque text | any other type, through its input function: the column is loaded as text and converted ([`EncodedColumn::through`]) |
//!
//! An exception is the bytes of its own type's send function and goes in as it is, whatever the column's logical type, once
//! the type identifiers inside are the target's ([`raw`]). What fits nowhere is an error that names row and column.

mod codec;
mod nested;
mod network;
mod numeric;
mod scalar;
#[cfg(test)]
mod tests;
mod view;

pub(crate) use codec::Codec;

use crate::types::raw;
use crate::types::{Oid, TypeCatalogue};
use dbferry_dialect::{Batch, Collection, Error, ErrorKind, Exception, ExceptionReason, NativeValue, Result};
use std::borrow::Cow;
use std::sync::Arc;
use view::View;

/// What every copy begins with: the signature, no flags, no extension.
pub(crate) const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// What every copy ends with.
pub(crate) const TRAILER: [u8; 2] = (-1i16).to_be_bytes();

const NULL: [u8; 4] = (-1i32).to_be_bytes();

/// Why a cell cannot be written. Row and column are added by [`Rows::put`].
#[derive(Debug)]
pub(crate) struct Misfit(Cow<'static, str>);

impl Misfit {
    fn new(message: impl Into<Cow<'static, str>>) -> Self {
        Self(message.into())
    }
}

/// How one column of a collection is written.
#[derive(Debug)]
pub(crate) struct EncodedColumn {
    /// Its place among the collection's columns.
    position: usize,
    /// Its place among the fields of a row.
    codec: Codec,
    /// The type of the target's column.
    oid: Oid,
}

impl EncodedColumn {
    /// Plans how column `position` of `collection` is written into a column of type `oid`.
    ///
    /// # Errors
    /// [`ErrorKind::Incompatible`] when values of the one do not go into the other.
    pub(crate) fn new(types: &TypeCatalogue, collection: &Collection, position: usize, oid: Oid) -> Result<Self> {
        let column = collection
            .columns
            .get(position)
            .ok_or_else(|| Error::new(ErrorKind::Internal, "a collection has fewer columns than are to be written"))?;
        let codec = Codec::new(types, &column.logical, oid).ok_or_else(|| {
            let into = types.get(oid).map_or_else(|| format!("type {oid}"), |entry| entry.text.clone());
            Error::new(ErrorKind::Incompatible, format!("{} does not go into {into}", column.logical))
                .with("collection", &collection.name)
                .with("column", &column.name)
        })?;
        Ok(Self { position, codec, oid })
    }

    /// Whether its values are text that must pass through the type's input function: they are loaded into a column of type
    /// `text` and converted from there.
    pub(crate) fn through(&self) -> bool {
        matches!(self.codec, Codec::InputFunction)
    }
}

/// How the rows of one collection are written.
#[derive(Debug)]
pub(crate) struct RowEncoder {
    types: Arc<TypeCatalogue>,
    columns: Vec<EncodedColumn>,
    names: Vec<String>,
}

impl RowEncoder {
    /// An encoder of those columns, in the order in which the copy names them.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] for more columns than a table can have.
    pub(crate) fn new(types: Arc<TypeCatalogue>, collection: &Collection, columns: Vec<EncodedColumn>) -> Result<Self> {
        if i16::try_from(columns.len()).is_err() {
            return Err(Error::new(ErrorKind::Unsupported, "more columns than a table can have"));
        }
        let names = collection.columns.iter().map(|column| column.name.clone()).collect();
        Ok(Self { types, columns, names })
    }

    /// Whether a column of it passes through the input function of its type.
    pub(crate) fn through(&self) -> bool {
        self.columns.iter().any(EncodedColumn::through)
    }

    /// The rows of a batch. `before` rows of the collection came earlier; it only serves messages.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] when the batch is not one of the collection.
    pub(crate) fn rows<'a>(&'a self, batch: &'a Batch, before: u64) -> Result<Rows<'a>> {
        if batch.records.num_columns() != self.names.len() {
            return Err(Error::new(ErrorKind::Internal, "a batch has another number of columns than its collection"));
        }
        let views = self.columns.iter().map(|column| {
            // The number of columns was just compared.
            let array = batch.records.column(column.position);
            View::new(&column.codec, array, &self.types).ok_or_else(|| {
                Error::new(ErrorKind::Internal, format!("a batch carries {} where it should not", array.data_type()))
                    .with("column", self.name(column.position))
            })
        });
        let first = &batch.exceptions;
        Ok(Rows { encoder: self, views: views.collect::<Result<_>>()?, exceptions: first, before })
    }

    fn name(&self, position: usize) -> &str {
        self.names.get(position).map_or("", String::as_str)
    }
}

/// The rows of one batch on their way out.
pub(crate) struct Rows<'a> {
    encoder: &'a RowEncoder,
    views: Vec<View<'a>>,
    /// Those that were not written yet.
    exceptions: &'a [Exception],
    before: u64,
}

impl Rows<'_> {
    /// Appends row number `row` of the batch. Rows are asked for in their order.
    ///
    /// # Errors
    /// [`ErrorKind::Mismatch`] when a value does not fit its column.
    pub(crate) fn put(&mut self, row: usize, out: &mut Vec<u8>) -> Result<()> {
        // `RowEncoder::new` has seen to it that it fits.
        out.extend_from_slice(&(self.views.len() as i16).to_be_bytes());
        if self.exceptions.first().is_some_and(|exception| exception.row <= row as u64) {
            return self.put_with_exceptions(row, out);
        }
        for (place, view) in self.views.iter().enumerate() {
            view.put(row, out).map_err(|misfit| self.refused(misfit, row, place))?;
        }
        Ok(())
    }

    #[cold]
    fn put_with_exceptions(&mut self, row: usize, out: &mut Vec<u8>) -> Result<()> {
        let count = self.exceptions.iter().take_while(|exception| exception.row == row as u64).count();
        let (own, later) = self.exceptions.split_at(count);
        self.exceptions = later;
        if later.first().is_some_and(|exception| exception.row <= row as u64) {
            return Err(Error::new(ErrorKind::Internal, "the exceptions of a batch are not in the order of its rows"));
        }
        for (place, (view, column)) in self.views.iter().zip(&self.encoder.columns).enumerate() {
            let written = match own.iter().find(|exception| exception.column as usize == column.position) {
                None => view.put(row, out),
                Some(exception) => exact_bytes(exception)
                    .and_then(|bytes| put_raw(&self.encoder.types, column.oid, bytes, out))
                    .map_err(|misfit| Misfit::new(format!("{} ({})", misfit.0, exception.reason))),
            };
            written.map_err(|misfit| self.refused(misfit, row, place))?;
        }
        Ok(())
    }

    #[cold]
    fn refused(&self, misfit: Misfit, row: usize, place: usize) -> Error {
        let position = self.encoder.columns.get(place).map_or(0, |column| column.position);
        Error::new(ErrorKind::Mismatch, misfit.0)
            .with("row", self.before + row as u64)
            .with("column", self.encoder.name(position))
    }

    /// Whether every exception of the batch has found its row.
    pub(crate) fn is_complete(&self) -> bool {
        self.exceptions.is_empty()
    }
}

/// The bytes of an exception that this dialect has read. An exception of another dialect has no bytes that mean something
/// here: its values are of other classes, or bytes in a column that says something else.
fn exact_bytes(exception: &Exception) -> Result<&[u8], Misfit> {
    match (&exception.value, exception.reason) {
        (NativeValue::Bytes(bytes), reason) if reason != ExceptionReason::StorageClass => Ok(bytes),
        (value, _) => {
            Err(Misfit::new(format!("its column's type holds no such value: an exception of class {}", value.class())))
        }
    }
}

/// Appends a value of type `oid` that travels as its own bytes, with its length.
fn put_raw(types: &TypeCatalogue, oid: Oid, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Misfit> {
    length_prefixed(out, |out| {
        let start = out.len();
        out.extend_from_slice(bytes);
        // Everything behind `start` was just written.
        raw::attach(types, oid, &mut out[start..])
            .ok_or_else(|| Misfit::new("its bytes are not those of the column's type"))
    })
}

/// Appends what `put` appends with its length in front.
fn length_prefixed(out: &mut Vec<u8>, put: impl FnOnce(&mut Vec<u8>) -> Result<(), Misfit>) -> Result<(), Misfit> {
    let start = out.len();
    out.extend_from_slice(&NULL);
    put(out)?;
    let length = i32::try_from(out.len() - start - 4).map_err(|_| Misfit::new("the value is larger than 2 GiB"))?;
    // The four bytes were reserved above.
    out[start..start + 4].copy_from_slice(&length.to_be_bytes());
    Ok(())
}
