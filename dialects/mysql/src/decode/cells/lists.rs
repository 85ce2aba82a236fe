//! Columns of lists, whose elements are cells again.

use super::{Cells, NotUtf8, Strings, no_nulls, pop_null};
use crate::decode::Refusal;
use arrow::array::{ArrayRef, Float32Array, ListArray, NullBufferBuilder};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field};
use dbferry_dialect::{ExceptionReason, Result};
use std::mem::{replace, take};
use std::sync::Arc;

/// Lists of texts or of floats.
pub(crate) struct Lists<E> {
    elements: E,
    count: usize,
    offsets: Vec<i32>,
    nulls: NullBufferBuilder,
    item: Arc<Field>,
}

/// The elements of [`Lists`].
pub(crate) trait Elements {
    fn memory(&self) -> usize;
    fn truncate(&mut self, count: usize);
    fn finish(&mut self) -> Result<ArrayRef>;
}

impl<E: Elements> Lists<E> {
    /// An empty column of Arrow type `data_type`, a list.
    pub(in crate::decode) fn new(elements: E, data_type: &DataType) -> Self {
        let item = match data_type {
            DataType::List(item) => Arc::clone(item),
            other => Arc::new(Field::new("item", other.clone(), true)),
        };
        Self { elements, count: 0, offsets: vec![0], nulls: no_nulls(), item }
    }

    /// Appends a list of the elements that `write` adds, which returns their number.
    pub(in crate::decode) fn push_with(
        &mut self,
        write: impl FnOnce(&mut E) -> Result<usize, Refusal>,
    ) -> Result<(), Refusal> {
        let added = write(&mut self.elements);
        let end = added.and_then(|added| {
            i32::try_from(self.count + added).map_err(|_| Refusal::Exception(ExceptionReason::OutOfRange))
        });
        match end {
            Ok(end) => {
                // Offsets are not negative.
                self.count = end as usize;
                self.offsets.push(end);
                self.nulls.append_non_null();
                Ok(())
            }
            Err(refusal) => {
                self.elements.truncate(self.count);
                Err(refusal)
            }
        }
    }
}

impl<E: Elements> Cells for Lists<E> {
    fn push_null(&mut self) {
        self.offsets.push(self.offsets.last().copied().unwrap_or(0));
        self.nulls.append_null();
    }

    fn pop(&mut self) {
        if self.offsets.len() > 1 {
            self.offsets.pop();
        }
        self.count = self.offsets.last().map_or(0, |end| *end as usize);
        self.elements.truncate(self.count);
        pop_null(&mut self.nulls);
    }

    fn memory(&self) -> usize {
        self.elements.memory() + self.offsets.len() * size_of::<i32>()
    }

    fn finish(&mut self, _: &mut Vec<NotUtf8>) -> Result<ArrayRef> {
        let offsets = replace(&mut self.offsets, vec![0]);
        self.count = 0;
        let elements = self.elements.finish()?;
        let offsets = OffsetBuffer::new(offsets.into());
        Ok(Arc::new(ListArray::try_new(Arc::clone(&self.item), offsets, elements, self.nulls.finish())?))
    }
}

/// Texts in lists; they are UTF-8.
pub(crate) struct TextElements(Strings);

impl TextElements {
    pub(in crate::decode) fn new() -> Self {
        Self(Strings::text())
    }

    pub(in crate::decode) fn push(&mut self, text: &str) -> Result<(), Refusal> {
        self.0.push(text.as_bytes())
    }
}

impl Elements for TextElements {
    fn memory(&self) -> usize {
        self.0.memory()
    }

    fn truncate(&mut self, count: usize) {
        self.0.offsets.truncate(count + 1);
        self.0.values.truncate(self.0.end());
        self.0.nulls.truncate(count);
    }

    fn finish(&mut self) -> Result<ArrayRef> {
        self.0.finish(&mut Vec::new())
    }
}

/// Floats in lists.
impl Elements for Vec<f32> {
    fn memory(&self) -> usize {
        self.len() * size_of::<f32>()
    }

    fn truncate(&mut self, count: usize) {
        self.truncate(count);
    }

    fn finish(&mut self) -> Result<ArrayRef> {
        Ok(Arc::new(Float32Array::from(take(self))))
    }
}
