//! Values that travel as the bytes of their type's send function.
//!
//! Such bytes are the same on every server except for one thing: arrays and composites name their members' types by object
//! identifiers, which user-defined types get anew in every database. In an archive they are 0, so that the same value has
//! the same bytes; before they go to a server they become those of its types. Identifiers have a fixed width, so they are
//! patched where they stand.

use super::{Oid, TypeCatalogue, TypeKind};

/// The first identifier that is not one of the server's own: `FirstNormalObjectId`.
const FIRST_USER_DEFINED: Oid = 16384;

/// Makes the bytes of a value of type `oid` independent of the database that it came from. Bytes that are not laid out as
/// the type says are left as they are from there on.
pub(crate) fn detach(types: &TypeCatalogue, oid: Oid, bytes: &mut [u8]) {
    let portable = |oid: Oid| if oid < FIRST_USER_DEFINED { oid } else { 0 };
    _ = patch(types, oid, bytes, portable);
}

/// Makes the bytes of a value fit for the database of those types; none when they have another layout than the type.
pub(crate) fn attach(types: &TypeCatalogue, oid: Oid, bytes: &mut [u8]) -> Option<()> {
    patch(types, oid, bytes, |oid| oid)
}

/// Replaces the identifiers inside by what `spell` makes of the members' types.
fn patch(types: &TypeCatalogue, oid: Oid, bytes: &mut [u8], spell: fn(Oid) -> Oid) -> Option<()> {
    let mut cursor = Cursor { bytes, position: 0 };
    match types.get(types.base(oid)).map(|entry| &entry.kind) {
        Some(TypeKind::Array { element }) => {
            let element = *element;
            let dimensions = cursor.int()?;
            cursor.int()?;
            cursor.set(spell(element))?;
            let mut count: usize = usize::from(dimensions > 0);
            for _ in 0..dimensions {
                count = count.checked_mul(usize::try_from(cursor.int()?).ok()?)?;
                cursor.int()?;
            }
            for _ in 0..count {
                if let Some(value) = cursor.value()? {
                    patch(types, element, value, spell)?;
                }
            }
        }
        Some(TypeKind::Composite(fields)) => {
            if usize::try_from(cursor.int()?).ok()? != fields.len() {
                return None;
            }
            for field in fields {
                cursor.set(spell(field.type_))?;
                if let Some(value) = cursor.value()? {
                    patch(types, field.type_, value, spell)?;
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
                    patch(types, *subtype, cursor.value()??, spell)?;
                }
            }
        }
        Some(TypeKind::Multirange { range }) => {
            for _ in 0..cursor.int()? {
                patch(types, *range, cursor.value()??, spell)?;
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
