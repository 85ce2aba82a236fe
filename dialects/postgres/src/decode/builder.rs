//! The columns that are being filled: Arrow's buffers as plain vectors, which can also be cut back.
//!
//! A value inside a composite may turn out to be an exception after its neighbours were appended; then everything of the
//! cell goes away again. Arrow's own builders cannot do that.

use super::Refusal;
use arrow::array::{
    ArrayRef, ArrowPrimitiveType, BinaryArray, BooleanArray, BooleanBufferBuilder, FixedSizeBinaryArray,
    NullBufferBuilder, PrimitiveArray, StringArray, StructArray,
};
use arrow::buffer::{Buffer, OffsetBuffer};
use arrow::datatypes::{DataType, Fields, Int32Type, Int64Type};
use dbferry_dialect::{Error, ErrorKind, ExceptionReason, Result};
use std::mem::{replace, take};
use std::sync::Arc;

/// What is kept ready for the values of the next batch of a column of variable length, in bytes, at most.
const KEPT_BYTES: usize = 1 << 20;

/// What all columns can do beside taking a value.
pub(crate) trait Cells {
    /// Cells so far.
    fn len(&self) -> usize;
    /// Appends a null.
    fn push_null(&mut self);
    /// Forgets all cells but the first `len`.
    fn truncate(&mut self, len: usize);
    /// Bytes of all cells.
    fn memory(&self) -> usize;
    /// The array; the column is empty afterwards.
    fn finish(&mut self) -> Result<ArrayRef>;
}

/// Validity of cells.
pub(super) fn no_nulls() -> NullBufferBuilder {
    NullBufferBuilder::new(0)
}

/// Values of a fixed width.
pub(crate) struct Fixed<P: ArrowPrimitiveType> {
    values: Vec<P::Native>,
    nulls: NullBufferBuilder,
    data_type: DataType,
}

impl<P: ArrowPrimitiveType> Fixed<P> {
    /// An empty column; `data_type` is `P`'s, with its parameters.
    pub(super) fn new(data_type: DataType) -> Self {
        Self { values: Vec::new(), nulls: no_nulls(), data_type }
    }

    #[inline]
    pub(super) fn push(&mut self, value: P::Native) {
        self.values.push(value);
        self.nulls.append_non_null();
    }

    fn array(&mut self) -> PrimitiveArray<P> {
        let next = Vec::with_capacity(self.values.len());
        let values = replace(&mut self.values, next);
        PrimitiveArray::new(values.into(), self.nulls.finish()).with_data_type(self.data_type.clone())
    }
}

impl<P: ArrowPrimitiveType> Cells for Fixed<P> {
    fn len(&self) -> usize {
        self.values.len()
    }

    #[inline]
    fn push_null(&mut self) {
        self.values.push(P::Native::default());
        self.nulls.append_null();
    }

    fn truncate(&mut self, len: usize) {
        self.values.truncate(len);
        self.nulls.truncate(len);
    }

    fn memory(&self) -> usize {
        self.values.len() * size_of::<P::Native>()
    }

    fn finish(&mut self) -> Result<ArrayRef> {
        Ok(Arc::new(self.array()))
    }
}

/// Truth values.
pub(crate) struct Bools {
    values: BooleanBufferBuilder,
    nulls: NullBufferBuilder,
}

impl Bools {
    pub(super) fn new() -> Self {
        Self { values: BooleanBufferBuilder::new(0), nulls: no_nulls() }
    }

    #[inline]
    pub(super) fn push(&mut self, value: bool) {
        self.values.append(value);
        self.nulls.append_non_null();
    }
}

impl Cells for Bools {
    fn len(&self) -> usize {
        self.values.len()
    }

    #[inline]
    fn push_null(&mut self) {
        self.values.append(false);
        self.nulls.append_null();
    }

    fn truncate(&mut self, len: usize) {
        self.values.truncate(len);
        self.nulls.truncate(len);
    }

    fn memory(&self) -> usize {
        self.values.len() / 8
    }

    fn finish(&mut self) -> Result<ArrayRef> {
        Ok(Arc::new(BooleanArray::new(self.values.finish(), self.nulls.finish())))
    }
}

/// Texts or byte strings.
pub(crate) struct Strings {
    values: Vec<u8>,
    /// Where each cell begins; the last one is where the next will.
    offsets: Vec<i32>,
    nulls: NullBufferBuilder,
    /// Whether they are texts.
    utf8: bool,
}

impl Strings {
    /// An empty column of texts, whose bytes are checked when it is finished.
    pub(super) fn text() -> Self {
        Self { values: Vec::new(), offsets: vec![0], nulls: no_nulls(), utf8: true }
    }

    /// An empty column of byte strings.
    pub(super) fn bytes() -> Self {
        Self { utf8: false, ..Self::text() }
    }

    /// Appends a value as it is.
    #[inline]
    pub(super) fn push(&mut self, value: &[u8]) -> Result<(), Refusal> {
        self.values.extend_from_slice(value);
        self.end_value()
    }

    /// Appends a value that `write` writes.
    #[inline]
    pub(super) fn push_with(&mut self, write: impl FnOnce(&mut Vec<u8>) -> Result<(), Refusal>) -> Result<(), Refusal> {
        let start = self.values.len();
        let written = write(&mut self.values);
        if written.is_err() {
            self.values.truncate(start);
            return written;
        }
        self.end_value()
    }

    #[inline]
    fn end_value(&mut self) -> Result<(), Refusal> {
        match i32::try_from(self.values.len()) {
            Ok(end) => {
                self.offsets.push(end);
                self.nulls.append_non_null();
                Ok(())
            }
            Err(_) => {
                self.values.truncate(self.end());
                Err(Refusal::Exception(ExceptionReason::OutOfRange))
            }
        }
    }

    fn end(&self) -> usize {
        // Offsets are not negative.
        self.offsets.last().map_or(0, |end| *end as usize)
    }
}

impl Cells for Strings {
    fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    #[inline]
    fn push_null(&mut self) {
        self.offsets.push(self.offsets.last().copied().unwrap_or(0));
        self.nulls.append_null();
    }

    fn truncate(&mut self, len: usize) {
        self.offsets.truncate(len + 1);
        self.values.truncate(self.end());
        self.nulls.truncate(len);
    }

    fn memory(&self) -> usize {
        self.values.len() + self.offsets.len() * size_of::<i32>()
    }

    fn finish(&mut self) -> Result<ArrayRef> {
        let next = Vec::with_capacity(self.values.len().min(KEPT_BYTES));
        let values = Buffer::from_vec(replace(&mut self.values, next));
        let mut next = Vec::with_capacity(self.offsets.len());
        next.push(0);
        let offsets = OffsetBuffer::new(replace(&mut self.offsets, next).into());
        let nulls = self.nulls.finish();
        if !self.utf8 {
            return Ok(Arc::new(BinaryArray::try_new(offsets, values, nulls)?));
        }
        let array = StringArray::try_new(offsets, values, nulls).map_err(|error| {
            Error::new(ErrorKind::Mismatch, "the server sent a text that is not UTF-8").caused_by(error)
        })?;
        Ok(Arc::new(array))
    }
}

/// Values of 16 bytes.
pub(crate) struct Uuids {
    values: Vec<u8>,
    nulls: NullBufferBuilder,
}

impl Uuids {
    pub(super) fn new() -> Self {
        Self { values: Vec::new(), nulls: no_nulls() }
    }

    #[inline]
    pub(super) fn push(&mut self, value: &[u8; 16]) {
        self.values.extend_from_slice(value);
        self.nulls.append_non_null();
    }
}

impl Cells for Uuids {
    fn len(&self) -> usize {
        self.values.len() / 16
    }

    #[inline]
    fn push_null(&mut self) {
        self.values.extend_from_slice(&[0; 16]);
        self.nulls.append_null();
    }

    fn truncate(&mut self, len: usize) {
        self.values.truncate(len * 16);
        self.nulls.truncate(len);
    }

    fn memory(&self) -> usize {
        self.values.len()
    }

    fn finish(&mut self) -> Result<ArrayRef> {
        let next = Vec::with_capacity(self.values.len());
        let values = Buffer::from_vec(replace(&mut self.values, next));
        Ok(Arc::new(FixedSizeBinaryArray::try_new(16, values, self.nulls.finish())?))
    }
}

/// An interval's or a time's with offset numbers, side by side: `months`, `days` and `micros`, or `micros` and
/// `offset_seconds`.
pub(crate) struct Parts {
    small: Vec<Fixed<Int32Type>>,
    micros: Fixed<Int64Type>,
    micros_first: bool,
    nulls: NullBufferBuilder,
    fields: Fields,
}

impl Parts {
    /// An empty column of Arrow type `data_type`, which has one field of 64 bits, the first or the last.
    pub(super) fn new(data_type: &DataType) -> Self {
        let fields = fields(data_type);
        let small = (1..fields.len()).map(|_| Fixed::new(DataType::Int32)).collect();
        let micros_first = fields.first().is_some_and(|field| *field.data_type() == DataType::Int64);
        Self { small, micros: Fixed::new(DataType::Int64), micros_first, nulls: no_nulls(), fields }
    }

    #[inline]
    pub(super) fn push<const N: usize>(&mut self, small: [i32; N], micros: i64) {
        self.small.iter_mut().zip(small).for_each(|(cells, value)| cells.push(value));
        self.micros.push(micros);
        self.nulls.append_non_null();
    }
}

impl Cells for Parts {
    fn len(&self) -> usize {
        self.micros.len()
    }

    fn push_null(&mut self) {
        self.small.iter_mut().for_each(Cells::push_null);
        self.micros.push_null();
        self.nulls.append_null();
    }

    fn truncate(&mut self, len: usize) {
        self.small.iter_mut().for_each(|cells| cells.truncate(len));
        self.micros.truncate(len);
        self.nulls.truncate(len);
    }

    fn memory(&self) -> usize {
        self.micros.memory() + self.small.iter().map(Cells::memory).sum::<usize>()
    }

    fn finish(&mut self) -> Result<ArrayRef> {
        let mut columns = self.small.iter_mut().map(Cells::finish).collect::<Result<Vec<_>>>()?;
        let place = if self.micros_first { 0 } else { columns.len() };
        columns.insert(place, self.micros.finish()?);
        Ok(Arc::new(StructArray::try_new(self.fields.clone(), columns, self.nulls.finish())?))
    }
}

/// The fields of a struct's type.
pub(super) fn fields(data_type: &DataType) -> Fields {
    match data_type {
        DataType::Struct(fields) => fields.clone(),
        _ => Fields::empty(),
    }
}

/// Where lists begin in their elements, and which of them are null.
pub(crate) struct Offsets {
    offsets: Vec<i32>,
    nulls: NullBufferBuilder,
}

impl Offsets {
    pub(super) fn new() -> Self {
        Self { offsets: vec![0], nulls: no_nulls() }
    }

    pub(super) fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    /// Where the elements of the next list begin.
    pub(super) fn end(&self) -> usize {
        // Offsets are not negative.
        self.offsets.last().map_or(0, |end| *end as usize)
    }

    /// Ends a list after `elements` elements of all lists.
    pub(super) fn push(&mut self, elements: usize) -> Result<(), Refusal> {
        let end = i32::try_from(elements).map_err(|_| Refusal::Exception(ExceptionReason::OutOfRange))?;
        self.offsets.push(end);
        self.nulls.append_non_null();
        Ok(())
    }

    pub(super) fn push_null(&mut self) {
        self.offsets.push(self.offsets.last().copied().unwrap_or(0));
        self.nulls.append_null();
    }

    pub(super) fn truncate(&mut self, len: usize) {
        self.offsets.truncate(len + 1);
        self.nulls.truncate(len);
    }

    pub(super) fn memory(&self) -> usize {
        self.offsets.len() * size_of::<i32>()
    }

    pub(super) fn finish(&mut self) -> (OffsetBuffer<i32>, Option<arrow::buffer::NullBuffer>) {
        let offsets = take(&mut self.offsets);
        self.offsets.push(0);
        (OffsetBuffer::new(offsets.into()), self.nulls.finish())
    }
}
