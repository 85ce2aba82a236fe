//! Nested values as texts and back, for engines that have no type for them: JSON for lists, sets, structs, ranges and maps;
//! an interval and a time with an offset as ISO 8601 spells them.
//!
//! All dialects write them alike, so that a text that one of them kept means the same to every other. A text that is no such
//! value is an exception, which holds the text: nothing is guessed. Not here: dynamic values can be written, but their texts
//! do not say what they were. An engine's own nested values never come here, so that this is not a hot path.

mod build;
mod parse;
mod spell;
#[cfg(test)]
#[cfg(feature = "testkit")]
mod tests;
mod time;
mod write;

pub use spell::{bits, hex, interval, time_with_offset, uuid};
pub use write::{Unwritten, dynamic_text, json};

use crate::carrier::arrow_type;
use crate::error::Result;
use crate::exception::ExceptionReason;
use crate::logical::LogicalType;
use arrow::array::ArrayRef;
use arrow::datatypes::i256;

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

/// A column of such values, read from their texts.
#[derive(Debug)]
pub struct Nested {
    logical: LogicalType,
    cells: Vec<Node>,
    bytes: usize,
}

impl Nested {
    /// An empty column; none when texts do not tell values of that type.
    pub fn new(logical: &LogicalType) -> Option<Self> {
        parse::is_told(logical).then(|| Self { logical: logical.clone(), cells: Vec::new(), bytes: 0 })
    }

    /// Appends the value of a text.
    ///
    /// # Errors
    /// Why the text is no value of the type; nothing was appended then.
    pub fn push(&mut self, text: &[u8]) -> std::result::Result<(), ExceptionReason> {
        let read = std::str::from_utf8(text).map_err(|_| ExceptionReason::InvalidUtf8)?;
        self.cells.push(parse::value(&self.logical, read)?);
        // About as much as a node takes for each two characters: a digit and a comma.
        self.bytes += size_of::<Node>() + text.len() * size_of::<Node>() / 2;
        Ok(())
    }

    /// Appends a null.
    pub fn push_null(&mut self) {
        self.cells.push(Node::Null);
    }

    /// Takes the last value off again.
    pub fn pop(&mut self) {
        self.cells.pop();
    }

    /// About how many bytes its values take.
    pub fn memory(&self) -> usize {
        self.bytes
    }

    /// The values as an array of the type's carrier; the column is empty again.
    ///
    /// # Errors
    /// When a value was read as another type than the column's, which is a defect.
    pub fn finish(&mut self) -> Result<ArrayRef> {
        let cells = std::mem::take(&mut self.cells);
        self.bytes = 0;
        build::array(&arrow_type(&self.logical), &cells.iter().collect::<Vec<_>>())
    }
}
