//! Values that these servers have no type for, back from the texts that stand in for them: the way back of what `encode`
//! writes into columns of characters.

use super::cells::{Cells, NotUtf8};
use arrow::array::ArrayRef;
use dbferry_dialect::Result;
pub(super) use dbferry_dialect::nested::Nested;

impl Cells for Nested {
    fn push_null(&mut self) {
        Self::push_null(self);
    }

    fn pop(&mut self) {
        Self::pop(self);
    }

    fn memory(&self) -> usize {
        Self::memory(self)
    }

    fn finish(&mut self, _: &mut Vec<NotUtf8>) -> Result<ArrayRef> {
        Self::finish(self)
    }
}
