//! Values that these servers have no type for, back from the texts that stand in for them: the way back of what `encode`
//! writes into columns of characters. JSON for lists, sets, structs, ranges and maps; an interval and a time with an offset
//! by themselves.
//!
//! A text that is no such value is an exception, which holds the text: nothing is guessed. Not here: dynamic values, whose
//! texts do not say what they were. Values of these servers themselves never come here, so that this is not a hot path.

mod build;
mod parse;
#[cfg(test)]
mod tests;
mod time;

use super::cells::{Cells, NotUtf8};
use super::{Refusal, Taken};
use arrow::array::ArrayRef;
use arrow::datatypes::i256;
use dbferry_dialect::carrier::arrow_type;
use dbferry_dialect::{ExceptionReason, LogicalType, Result};

/// A value that was read, or a part of one.
#[derive(Clone, Debug, PartialEq)]
enum Node {
    Null,
    Bool(bool),
    /// A whole number, in whatever unit its type counts.
    Whole(i128),
    Wide(i256),
    Single(f32),
    Double(f64),
    Text(String),
    Bytes(Vec<u8>),
    /// Elements of a list, members of a struct, entries of a map.
    Parts(Vec<Node>),
}

/// A column of such values.
pub(crate) struct Nested {
    logical: LogicalType,
    cells: Vec<Node>,
    bytes: usize,
}

impl Nested {
    /// An empty column; none when texts do not tell values of that type.
    pub(super) fn new(logical: &LogicalType) -> Option<Self> {
        parse::is_told(logical).then(|| Self { logical: logical.clone(), cells: Vec::new(), bytes: 0 })
    }

    /// Appends the value of a text.
    pub(super) fn push(&mut self, text: &[u8]) -> Taken {
        let read = std::str::from_utf8(text).map_err(|_| Refusal::Exception(ExceptionReason::InvalidUtf8))?;
        self.cells.push(parse::value(&self.logical, read)?);
        // About as much as a node takes for each two characters: a digit and a comma.
        self.bytes += size_of::<Node>() + text.len() * size_of::<Node>() / 2;
        Ok(())
    }
}

impl Cells for Nested {
    fn push_null(&mut self) {
        self.cells.push(Node::Null);
    }

    fn pop(&mut self) {
        self.cells.pop();
    }

    fn memory(&self) -> usize {
        self.bytes
    }

    fn finish(&mut self, _: &mut Vec<NotUtf8>) -> Result<ArrayRef> {
        let cells = std::mem::take(&mut self.cells);
        self.bytes = 0;
        build::array(&arrow_type(&self.logical), &cells.iter().collect::<Vec<_>>())
    }
}
