//! Values that hold other values: arrays, multiranges, composites, ranges, `hstore`.
//!
//! A member that its own column cannot take makes the whole cell an exception; whatever of the cell was appended before
//! goes away again.

use super::builder::{Bools, Cells, Offsets, Strings, fields, no_nulls};
use super::wire::Wire;
use super::{Decoder, Refusal, Taken, push_text};
use crate::types::Oid;
use arrow::array::{ArrayRef, ListArray, MapArray, NullBufferBuilder, StructArray};
use arrow::datatypes::{DataType, FieldRef, Fields};
use dbferry_dialect::{ExceptionReason, Result};
use std::sync::Arc;

/// Flags of a range's first byte: `src/include/utils/rangetypes.h`.
const EMPTY: u8 = 0x01;
const LOWER_INCLUSIVE: u8 = 0x02;
const UPPER_INCLUSIVE: u8 = 0x04;
const LOWER_INFINITE: u8 = 0x08;
const UPPER_INFINITE: u8 = 0x10;

/// Lists: of an array's elements, or of a multirange's ranges.
pub(crate) struct List {
    /// The type of the elements as arrays tell it; a multirange does not.
    element_type: Option<Oid>,
    elements: Decoder,
    offsets: Offsets,
    field: Option<FieldRef>,
}

impl List {
    /// An array of `element_type`, or a multirange when that is nothing.
    pub(super) fn new(element_type: Option<Oid>, elements: Decoder, data_type: &DataType) -> Self {
        let field = match data_type {
            DataType::List(field) => Some(Arc::clone(field)),
            _ => None,
        };
        Self { element_type, elements, offsets: Offsets::new(), field }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) -> Taken {
        let start = self.elements.len();
        let pushed = match self.element_type {
            Some(element_type) => self.push_array(Wire(bytes), element_type),
            None => self.push_multirange(Wire(bytes)),
        };
        let pushed = pushed.and_then(|()| self.offsets.push(self.elements.len()));
        if pushed.is_err() {
            self.elements.truncate(start);
        }
        pushed
    }

    /// `array_send` of the server's `arrayfuncs.c`.
    fn push_array(&mut self, mut wire: Wire<'_>, element_type: Oid) -> Taken {
        let (dimensions, _has_nulls, found_type) = (wire.i32()?, wire.i32()?, wire.u32()?);
        if found_type != element_type {
            return Err(Refusal::Malformed("an array has elements of another type than the catalogue says"));
        }
        match dimensions {
            0 => wire.end(),
            1 => {
                // An element takes its length at least, behind the lower bound.
                let mut rest = wire;
                let (count, lower) = (wire.i32()?, wire.i32()?);
                if lower != 1 || count == 0 {
                    return Err(Refusal::Exception(ExceptionReason::ArrayShape));
                }
                rest.count(4)?;
                for _ in 0..count {
                    self.elements.push_optional(wire.value()?)?;
                }
                wire.end()
            }
            2.. => Err(Refusal::Exception(ExceptionReason::ArrayShape)),
            _ => Err(Refusal::Malformed("an array has a negative number of dimensions")),
        }
    }

    /// `multirange_send` of the server's `multirangetypes.c`.
    fn push_multirange(&mut self, mut wire: Wire<'_>) -> Taken {
        for _ in 0..wire.count(4)? {
            self.elements.push_optional(wire.value()?)?;
        }
        wire.end()
    }
}

impl Cells for List {
    fn len(&self) -> usize {
        self.offsets.len()
    }

    fn push_null(&mut self) {
        self.offsets.push_null();
    }

    fn truncate(&mut self, len: usize) {
        self.offsets.truncate(len);
        self.elements.truncate(self.offsets.end());
    }

    fn memory(&self) -> usize {
        self.offsets.memory() + self.elements.memory()
    }

    fn finish(&mut self) -> Result<ArrayRef> {
        let elements = self.elements.finish()?;
        let (offsets, nulls) = self.offsets.finish();
        let default = || Arc::new(arrow::datatypes::Field::new("item", elements.data_type().clone(), true));
        let field = self.field.clone().unwrap_or_else(default);
        Ok(Arc::new(ListArray::try_new(field, offsets, elements, nulls)?))
    }
}

/// Composite values.
pub(crate) struct Struct {
    members: Vec<(Oid, Decoder)>,
    nulls: NullBufferBuilder,
    fields: Fields,
}

impl Struct {
    /// With members of those types.
    pub(super) fn new(members: Vec<(Oid, Decoder)>, data_type: &DataType) -> Self {
        Self { members, nulls: no_nulls(), fields: fields(data_type) }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) -> Taken {
        let rows = self.nulls.len();
        let pushed = self.push_members(Wire(bytes));
        if pushed.is_err() {
            self.members.iter_mut().for_each(|(_, member)| member.truncate(rows));
        }
        pushed
    }

    /// `record_send` of the server's `rowtypes.c`.
    fn push_members(&mut self, mut wire: Wire<'_>) -> Taken {
        if usize::try_from(wire.i32()?) != Ok(self.members.len()) {
            return Err(Refusal::Malformed("a composite has another number of fields than the catalogue says"));
        }
        for (expected, member) in &mut self.members {
            if wire.u32()? != *expected {
                return Err(Refusal::Malformed("a composite has a field of another type than the catalogue says"));
            }
            member.push_optional(wire.value()?)?;
        }
        wire.end()?;
        self.nulls.append_non_null();
        Ok(())
    }
}

impl Cells for Struct {
    fn len(&self) -> usize {
        self.nulls.len()
    }

    fn push_null(&mut self) {
        self.members.iter_mut().for_each(|(_, member)| member.push_null());
        self.nulls.append_null();
    }

    fn truncate(&mut self, len: usize) {
        self.members.iter_mut().for_each(|(_, member)| member.truncate(len));
        self.nulls.truncate(len);
    }

    fn memory(&self) -> usize {
        self.members.iter().map(|(_, member)| member.memory()).sum()
    }

    fn finish(&mut self) -> Result<ArrayRef> {
        let columns = self.members.iter_mut().map(|(_, member)| member.finish()).collect::<Result<_>>()?;
        Ok(Arc::new(StructArray::try_new(self.fields.clone(), columns, self.nulls.finish())?))
    }
}

/// Ranges.
pub(crate) struct Range {
    lower: Decoder,
    upper: Decoder,
    flags: [Bools; 3],
    nulls: NullBufferBuilder,
    fields: Fields,
}

impl Range {
    /// With bounds that `lower` and `upper` take.
    pub(super) fn new(lower: Decoder, upper: Decoder, data_type: &DataType) -> Self {
        let flags = [(); 3].map(|()| Bools::new());
        Self { lower, upper, flags, nulls: no_nulls(), fields: fields(data_type) }
    }

    /// `range_send` of the server's `rangetypes.c`.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Taken {
        let rows = self.nulls.len();
        let mut wire = Wire(bytes);
        let flags = wire.u8()?;
        let mut push = || {
            let lower = if flags & (EMPTY | LOWER_INFINITE) == 0 { wire.value()? } else { None };
            let upper = if flags & (EMPTY | UPPER_INFINITE) == 0 { wire.value()? } else { None };
            wire.end()?;
            self.lower.push_optional(lower)?;
            self.upper.push_optional(upper)
        };
        if let Err(refusal) = push() {
            // What the upper bound's column refused is not in it.
            self.lower.truncate(rows);
            return Err(refusal);
        }
        for (cells, flag) in self.flags.iter_mut().zip([LOWER_INCLUSIVE, UPPER_INCLUSIVE, EMPTY]) {
            cells.push(flags & flag != 0);
        }
        self.nulls.append_non_null();
        Ok(())
    }
}

impl Cells for Range {
    fn len(&self) -> usize {
        self.nulls.len()
    }

    fn push_null(&mut self) {
        self.lower.push_null();
        self.upper.push_null();
        self.flags.iter_mut().for_each(Cells::push_null);
        self.nulls.append_null();
    }

    fn truncate(&mut self, len: usize) {
        self.lower.truncate(len);
        self.upper.truncate(len);
        self.flags.iter_mut().for_each(|flags| flags.truncate(len));
        self.nulls.truncate(len);
    }

    fn memory(&self) -> usize {
        self.lower.memory() + self.upper.memory()
    }

    fn finish(&mut self) -> Result<ArrayRef> {
        let mut columns = vec![self.lower.finish()?, self.upper.finish()?];
        for flags in &mut self.flags {
            columns.push(flags.finish()?);
        }
        Ok(Arc::new(StructArray::try_new(self.fields.clone(), columns, self.nulls.finish())?))
    }
}

/// `hstore` values: texts to texts that may be null.
pub(crate) struct Map {
    keys: Strings,
    values: Strings,
    offsets: Offsets,
    data_type: DataType,
    check: bool,
}

impl Map {
    /// `check` says whether texts are checked to be UTF-8 one by one.
    pub(super) fn new(data_type: DataType, check: bool) -> Self {
        Self { keys: Strings::text(), values: Strings::text(), offsets: Offsets::new(), data_type, check }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) -> Taken {
        let start = self.keys.len();
        let pushed = self.push_entries(Wire(bytes)).and_then(|()| self.offsets.push(self.keys.len()));
        if pushed.is_err() {
            self.keys.truncate(start);
            self.values.truncate(start);
        }
        pushed
    }

    /// `hstore_send` of `contrib/hstore/hstore_io.c`.
    fn push_entries(&mut self, mut wire: Wire<'_>) -> Taken {
        for _ in 0..wire.count(8)? {
            let key = wire.value()?.ok_or(Refusal::Malformed("an hstore has a null key"))?;
            push_text(&mut self.keys, key, self.check)?;
            match wire.value()? {
                Some(value) => push_text(&mut self.values, value, self.check)?,
                None => self.values.push_null(),
            }
        }
        wire.end()
    }
}

impl Cells for Map {
    fn len(&self) -> usize {
        self.offsets.len()
    }

    fn push_null(&mut self) {
        self.offsets.push_null();
    }

    fn truncate(&mut self, len: usize) {
        self.offsets.truncate(len);
        let entries = self.offsets.end();
        self.keys.truncate(entries);
        self.values.truncate(entries);
    }

    fn memory(&self) -> usize {
        self.offsets.memory() + self.keys.memory() + self.values.memory()
    }

    fn finish(&mut self) -> Result<ArrayRef> {
        let columns = vec![self.keys.finish()?, self.values.finish()?];
        let (offsets, nulls) = self.offsets.finish();
        let DataType::Map(field, sorted) = &self.data_type else {
            return Err(super::not_carried("hstore", &self.data_type));
        };
        let entries = StructArray::try_new(fields(field.data_type()), columns, None)?;
        Ok(Arc::new(MapArray::try_new(Arc::clone(field), offsets, entries, nulls, *sorted)?))
    }
}
