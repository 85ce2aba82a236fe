//! The columns that are being filled: Arrow's buffers as plain vectors, whose last cell can be taken back.

mod lists;

use super::Refusal;
use arrow::array::{
    ArrayRef, ArrowPrimitiveType, BinaryArray, BooleanArray, BooleanBufferBuilder, FixedSizeBinaryArray,
    NullBufferBuilder, PrimitiveArray, StringArray,
};
use arrow::buffer::{Buffer, OffsetBuffer};
use arrow::datatypes::DataType;
use dbferry_dialect::{ExceptionReason, Result};
pub(crate) use lists::{Lists, TextElements};
use std::mem::replace;
use std::sync::Arc;

/// What is kept ready for the values of the next batch of a column of variable length, in bytes, at most.
const KEPT_BYTES: usize = 1 << 20;

/// A cell whose text turned out not to be UTF-8: its row, and its bytes.
pub(crate) type NotUtf8 = (usize, Vec<u8>);

/// What all columns can do beside taking a value.
pub(crate) trait Cells {
    /// Appends a null.
    fn push_null(&mut self);
    /// Forgets the last cell.
    fn pop(&mut self);
    /// Bytes of all cells.
    fn memory(&self) -> usize;
    /// The array; the column is empty afterwards. Texts that are none are null in it and added to `not_utf8`.
    fn finish(&mut self, not_utf8: &mut Vec<NotUtf8>) -> Result<ArrayRef>;
}

fn no_nulls() -> NullBufferBuilder {
    NullBufferBuilder::new(0)
}

fn pop_null(nulls: &mut NullBufferBuilder) {
    nulls.truncate(nulls.len().saturating_sub(1));
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
}

impl<P: ArrowPrimitiveType> Cells for Fixed<P> {
    #[inline]
    fn push_null(&mut self) {
        self.values.push(P::Native::default());
        self.nulls.append_null();
    }

    fn pop(&mut self) {
        self.values.pop();
        pop_null(&mut self.nulls);
    }

    fn memory(&self) -> usize {
        self.values.len() * size_of::<P::Native>()
    }

    fn finish(&mut self, _: &mut Vec<NotUtf8>) -> Result<ArrayRef> {
        let next = Vec::with_capacity(self.values.len());
        let values = replace(&mut self.values, next);
        let array = PrimitiveArray::<P>::new(values.into(), self.nulls.finish());
        Ok(Arc::new(array.with_data_type(self.data_type.clone())))
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
    #[inline]
    fn push_null(&mut self) {
        self.values.append(false);
        self.nulls.append_null();
    }

    fn pop(&mut self) {
        self.values.truncate(self.values.len().saturating_sub(1));
        pop_null(&mut self.nulls);
    }

    fn memory(&self) -> usize {
        self.values.len() / 8
    }

    fn finish(&mut self, _: &mut Vec<NotUtf8>) -> Result<ArrayRef> {
        Ok(Arc::new(BooleanArray::new(self.values.finish(), self.nulls.finish())))
    }
}

/// Texts or byte strings.
pub(crate) struct Strings {
    values: Vec<u8>,
    /// Where each cell begins; the last one is where the next will.
    offsets: Vec<i32>,
    nulls: NullBufferBuilder,
    content: Content,
}

/// What byte strings have to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Content {
    Bytes,
    Utf8,
    Ascii,
}

impl Strings {
    /// An empty column of texts, whose bytes are checked when it is finished.
    pub(super) fn text() -> Self {
        Self { values: Vec::new(), offsets: vec![0], nulls: no_nulls(), content: Content::Utf8 }
    }

    /// An empty column of byte strings.
    pub(super) fn bytes() -> Self {
        Self { content: Content::Bytes, ..Self::text() }
    }

    /// An empty column of texts that may only have the characters of ASCII.
    pub(super) fn ascii() -> Self {
        Self { content: Content::Ascii, ..Self::text() }
    }

    /// Appends a value as it is.
    #[inline]
    pub(super) fn push(&mut self, value: &[u8]) -> Result<(), Refusal> {
        self.values.extend_from_slice(value);
        self.end_value()
    }

    /// Appends a value that `write` writes.
    #[inline]
    pub(super) fn push_with(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Result<(), Refusal> {
        write(&mut self.values);
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

    /// Texts of which at least one is none.
    #[cold]
    fn finish_some(&self, offsets: &[i32], values: &[u8], nulls: &[bool], not_utf8: &mut Vec<NotUtf8>) -> StringArray {
        let cells = offsets.windows(2).zip(nulls).enumerate().map(|(row, (ends, valid))| {
            // Offsets grow and none is beyond the values.
            let bytes = values.get(ends[0] as usize..ends[1] as usize).unwrap_or_default();
            match std::str::from_utf8(bytes) {
                _ if !valid => None,
                Ok(text) if self.content == Content::Utf8 || text.is_ascii() => Some(text),
                _ => {
                    not_utf8.push((row, bytes.to_vec()));
                    None
                }
            }
        });
        cells.collect()
    }
}

impl Cells for Strings {
    #[inline]
    fn push_null(&mut self) {
        self.offsets.push(self.offsets.last().copied().unwrap_or(0));
        self.nulls.append_null();
    }

    fn pop(&mut self) {
        if self.offsets.len() > 1 {
            self.offsets.pop();
        }
        self.values.truncate(self.end());
        pop_null(&mut self.nulls);
    }

    fn memory(&self) -> usize {
        self.values.len() + self.offsets.len() * size_of::<i32>()
    }

    fn finish(&mut self, not_utf8: &mut Vec<NotUtf8>) -> Result<ArrayRef> {
        let next = Vec::with_capacity(self.values.len().min(KEPT_BYTES));
        let values = Buffer::from_vec(replace(&mut self.values, next));
        let mut next = Vec::with_capacity(self.offsets.len());
        next.push(0);
        let offsets = OffsetBuffer::new(replace(&mut self.offsets, next).into());
        let nulls = self.nulls.finish();
        if self.content == Content::Bytes {
            return Ok(Arc::new(BinaryArray::try_new(offsets, values, nulls)?));
        }
        // Checking all texts of a column at once is much faster than one by one.
        if (self.content == Content::Utf8 || values.is_ascii())
            && let Ok(array) = StringArray::try_new(offsets.clone(), values.clone(), nulls.clone())
        {
            return Ok(Arc::new(array));
        }
        let valid: Vec<bool> = match nulls {
            Some(nulls) => nulls.iter().collect(),
            None => vec![true; offsets.len() - 1],
        };
        Ok(Arc::new(self.finish_some(&offsets, &values, &valid, not_utf8)))
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
    #[inline]
    fn push_null(&mut self) {
        self.values.extend_from_slice(&[0; 16]);
        self.nulls.append_null();
    }

    fn pop(&mut self) {
        self.values.truncate(self.values.len().saturating_sub(16));
        pop_null(&mut self.nulls);
    }

    fn memory(&self) -> usize {
        self.values.len()
    }

    fn finish(&mut self, _: &mut Vec<NotUtf8>) -> Result<ArrayRef> {
        let next = Vec::with_capacity(self.values.len());
        let values = Buffer::from_vec(replace(&mut self.values, next));
        Ok(Arc::new(FixedSizeBinaryArray::try_new(16, values, self.nulls.finish())?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Array, AsArray};

    fn finish(mut cells: Strings, values: &[Option<&[u8]>]) -> (Vec<Option<String>>, Vec<NotUtf8>) {
        for value in values {
            match value {
                Some(value) => cells.push(value).expect("taken"),
                None => cells.push_null(),
            }
        }
        let mut not_utf8 = Vec::new();
        let array = cells.finish(&mut not_utf8).expect("an array");
        assert_eq!(array.len(), values.len());
        assert_eq!(cells.memory(), size_of::<i32>(), "the next batch begins empty");
        (array.as_string::<i32>().iter().map(|text| text.map(str::to_owned)).collect(), not_utf8)
    }

    #[test]
    fn texts_that_are_none_become_nulls_and_are_told() {
        let text = |text: &str| Some(text.to_owned());
        let (found, bad) = finish(Strings::text(), &[Some(b"a"), None, Some(&[0xff]), Some("é".as_bytes()), None]);
        assert_eq!(found, [text("a"), None, None, text("é"), None]);
        assert_eq!(bad, [(2, vec![0xff])]);
        // Together they are a character, and neither is one.
        let (found, bad) = finish(Strings::text(), &[Some(&[0xc3]), Some(&[0xa9]), Some(b"")]);
        assert_eq!(found, [None, None, text("")]);
        assert_eq!(bad, [(0, vec![0xc3]), (1, vec![0xa9])]);
        let (found, bad) = finish(Strings::ascii(), &[Some(b"a"), Some("é".as_bytes())]);
        assert_eq!(found, [text("a"), None]);
        assert_eq!(bad, [(1, "é".as_bytes().to_vec())]);
        let (found, bad) = finish(Strings::ascii(), &[Some(b"a"), None]);
        assert_eq!((found, bad), (vec![text("a"), None], Vec::new()));
    }

    #[test]
    fn the_last_cell_can_be_taken_back() {
        let mut cells = Strings::text();
        cells.push(b"one").expect("taken");
        cells.push(b"two").expect("taken");
        cells.pop();
        cells.push_null();
        let array = cells.finish(&mut Vec::new()).expect("an array");
        assert_eq!(array.as_string::<i32>().iter().collect::<Vec<_>>(), [Some("one"), None]);
    }
}
