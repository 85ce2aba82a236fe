//! Values that travel as the bytes of their type's send function.
//!
//! Such bytes are the same on every server except for one thing: arrays and composites name their members' types by object
//! identifiers, which user-defined types get anew in every database. They are put in place here. Identifiers have a fixed
//! width, so the bytes are copied and patched.

use super::{Misfit, base};
use crate::types::{Oid, TypeCatalogue, TypeKind};

/// Appends a value of type `oid` with its length.
pub(super) fn put(types: &TypeCatalogue, oid: Oid, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Misfit> {
    let length = i32::try_from(bytes.len()).map_err(|_| Misfit::new("the value is larger than 2 GiB"))?;
    out.extend_from_slice(&length.to_be_bytes());
    let start = out.len();
    out.extend_from_slice(bytes);
    // Everything behind `start` was just written.
    patch(types, oid, &mut out[start..]).ok_or_else(|| Misfit::new("its bytes are not those of the column's type"))
}

/// Replaces the identifiers inside; none when the bytes have another layout than the type.
fn patch(types: &TypeCatalogue, oid: Oid, bytes: &mut [u8]) -> Option<()> {
    let mut cursor = Cursor { bytes, position: 0 };
    match types.get(base(types, oid)).map(|entry| &entry.kind) {
        Some(TypeKind::Array { element }) => {
            let element = *element;
            let dimensions = cursor.int()?;
            cursor.int()?;
            cursor.set(element)?;
            let mut count: usize = usize::from(dimensions > 0);
            for _ in 0..dimensions {
                count = count.checked_mul(usize::try_from(cursor.int()?).ok()?)?;
                cursor.int()?;
            }
            for _ in 0..count {
                if let Some(value) = cursor.value()? {
                    patch(types, element, value)?;
                }
            }
        }
        Some(TypeKind::Composite(fields)) => {
            if usize::try_from(cursor.int()?).ok()? != fields.len() {
                return None;
            }
            for field in fields {
                cursor.set(field.type_)?;
                if let Some(value) = cursor.value()? {
                    patch(types, field.type_, value)?;
                }
            }
        }
        Some(TypeKind::Range { subtype }) => {
            const EMPTY: u8 = 0x01;
            const NO_LOWER: u8 = 0x08;
            const NO_UPPER: u8 = 0x10;
            let flags = *cursor.take(1)?.first()?;
            for absent in [NO_LOWER, NO_UPPER] {
                if flags & (EMPTY | absent) == 0 {
                    patch(types, *subtype, cursor.value()??)?;
                }
            }
        }
        Some(TypeKind::Multirange { range }) => {
            for _ in 0..cursor.int()? {
                patch(types, *range, cursor.value()??)?;
            }
        }
        // The type's own receive function looks at the rest.
        _ => return Some(()),
    }
    cursor.bytes.get(cursor.position..)?.is_empty().then_some(())
}

struct Cursor<'a> {
    bytes: &'a mut [u8],
    position: usize,
}

impl Cursor<'_> {
    fn take(&mut self, length: usize) -> Option<&mut [u8]> {
        let end = self.position.checked_add(length)?;
        let taken = self.bytes.get_mut(self.position..end)?;
        self.position = end;
        Some(taken)
    }

    fn int(&mut self) -> Option<i32> {
        self.take(4).map(|bytes| i32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }

    fn set(&mut self, oid: Oid) -> Option<()> {
        self.take(4)?.copy_from_slice(&oid.to_be_bytes());
        Some(())
    }

    /// A member with its length; the inner option is none for null.
    fn value(&mut self) -> Option<Option<&mut [u8]>> {
        match self.int()? {
            -1 => Some(None),
            length => self.take(usize::try_from(length).ok()?).map(Some),
        }
    }
}
