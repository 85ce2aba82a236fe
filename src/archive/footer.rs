//! A first look at a Parquet footer, before the Parquet crate takes it: how deep its columns are nested.
//!
//! The crate builds the schema by recursion, so a footer of a few megabytes that says nothing but "a group in a group in a
//! group" would end the process. Only what is needed for that is read of the Thrift compact protocol: the list of schema
//! elements and how many children each has.

use super::damaged;
use dbferry_dialect::Result;

/// Deeper columns are refused. Each list takes two levels, each map three; no logical type is deeper than 16.
const DEEPEST: usize = 100;

/// Refuses a footer whose schema is nested too deep, or cannot be read.
///
/// # Errors
/// [`ErrorKind::ArchiveDamaged`](dbferry_dialect::ErrorKind::ArchiveDamaged).
pub(super) fn check_depth(footer: &[u8]) -> Result<()> {
    let unreadable = || damaged("the footer cannot be read");
    let mut thrift = Thrift(footer);
    let depth = thrift.schema_depth().ok_or_else(unreadable)?;
    if depth > DEEPEST { Err(damaged(format!("columns are nested deeper than {DEEPEST}"))) } else { Ok(()) }
}

/// What is left of the footer. Every function gives nothing when it ends too early.
struct Thrift<'a>(&'a [u8]);

/// Types of the compact protocol.
mod kind {
    pub(super) const TRUE: u8 = 1;
    pub(super) const FALSE: u8 = 2;
    pub(super) const BYTE: u8 = 3;
    pub(super) const I16: u8 = 4;
    pub(super) const I32: u8 = 5;
    pub(super) const I64: u8 = 6;
    pub(super) const DOUBLE: u8 = 7;
    pub(super) const BINARY: u8 = 8;
    pub(super) const LIST: u8 = 9;
    pub(super) const SET: u8 = 10;
    pub(super) const MAP: u8 = 11;
    pub(super) const STRUCT: u8 = 12;
    pub(super) const UUID: u8 = 13;
}

impl Thrift<'_> {
    /// The depth of the schema, which is the second field of the file's metadata.
    fn schema_depth(&mut self) -> Option<usize> {
        const SCHEMA: i64 = 2;
        let mut id = 0;
        while let Some(kind) = self.field(&mut id)? {
            if id == SCHEMA && kind == kind::LIST {
                return self.elements();
            }
            self.skip(kind, 0)?;
        }
        // Without a schema; the crate says so.
        Some(0)
    }

    fn elements(&mut self) -> Option<usize> {
        let (count, kind) = self.list()?;
        if kind != kind::STRUCT {
            return None;
        }
        // How many children each element has still to come, from the outermost to the present one.
        let mut left: Vec<u64> = Vec::new();
        let mut deepest = 0;
        for _ in 0..count {
            let children = self.children()?;
            while left.last() == Some(&0) {
                left.pop();
            }
            if let Some(parent) = left.last_mut() {
                *parent -= 1;
            }
            if children > 0 {
                left.push(children);
                deepest = deepest.max(left.len());
                if deepest > DEEPEST {
                    break;
                }
            }
        }
        Some(deepest)
    }

    /// Reads one schema element.
    fn children(&mut self) -> Option<u64> {
        const CHILDREN: i64 = 5;
        let (mut id, mut children) = (0, 0);
        while let Some(kind) = self.field(&mut id)? {
            if id == CHILDREN && kind == kind::I32 {
                children = u64::try_from(zigzag(self.varint()?)).unwrap_or(0);
            } else {
                self.skip(kind, 0)?;
            }
        }
        Some(children)
    }

    /// The next field's type, or none at the end of a structure. `id` goes on to the field's number.
    fn field(&mut self, id: &mut i64) -> Option<Option<u8>> {
        let head = self.byte()?;
        if head == 0 {
            return Some(None);
        }
        *id = match head >> 4 {
            0 => zigzag(self.varint()?),
            delta => id.checked_add(i64::from(delta))?,
        };
        Some(Some(head & 0x0f))
    }

    fn list(&mut self) -> Option<(u64, u8)> {
        let head = self.byte()?;
        let count = match head >> 4 {
            15 => self.varint()?,
            count => u64::from(count),
        };
        Some((count, head & 0x0f))
    }

    fn skip(&mut self, kind: u8, depth: usize) -> Option<()> {
        const DEEPEST_VALUE: usize = 64;
        if depth > DEEPEST_VALUE {
            return None;
        }
        match kind {
            // The value is in the field's head.
            kind::TRUE | kind::FALSE => Some(()),
            kind::BYTE => self.take(1),
            kind::I16 | kind::I32 | kind::I64 => self.varint().map(|_| ()),
            kind::DOUBLE => self.take(8),
            kind::UUID => self.take(16),
            kind::BINARY => {
                let length = self.varint()?;
                self.take(length)
            }
            kind::LIST | kind::SET => {
                let (count, kind) = self.list()?;
                (0..count).try_for_each(|_| self.skip_element(kind, depth))
            }
            kind::MAP => {
                let count = self.varint()?;
                let kinds = if count == 0 { 0 } else { self.byte()? };
                (0..count).try_for_each(|_| {
                    self.skip_element(kinds >> 4, depth)?;
                    self.skip_element(kinds & 0x0f, depth)
                })
            }
            kind::STRUCT => {
                let mut id = 0;
                while let Some(kind) = self.field(&mut id)? {
                    self.skip(kind, depth + 1)?;
                }
                Some(())
            }
            _ => None,
        }
    }

    /// In a list and a map a truth value is a byte of its own.
    fn skip_element(&mut self, kind: u8, depth: usize) -> Option<()> {
        match kind {
            kind::TRUE | kind::FALSE => self.take(1),
            kind => self.skip(kind, depth + 1),
        }
    }

    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn take(&mut self, length: u64) -> Option<()> {
        self.0 = self.0.get(usize::try_from(length).ok()?..)?;
        Some(())
    }
}

fn zigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -((value & 1).cast_signed())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The footer of a file with `levels` groups, each in the one before.
    fn nested(levels: usize) -> Vec<u8> {
        // Version 1, then a list of structures with a long count.
        let mut footer = vec![0x15, 0x02, 0x19, 0xfc];
        let mut count = levels as u64;
        while count >= 0x80 {
            footer.push(count as u8 | 0x80);
            count >>= 7;
        }
        footer.push(count as u8);
        for _ in 0..levels {
            // Repetition optional, the name "a", one child.
            footer.extend([0x35, 0x02, 0x18, 0x01, b'a', 0x15, 0x02, 0x00]);
        }
        footer.push(0);
        footer
    }

    #[test]
    fn depth_is_counted() {
        assert!(check_depth(&nested(100)).is_ok());
        let error = check_depth(&nested(101)).expect_err("too deep");
        assert!(error.to_string().contains("nested deeper"), "{error}");
        // Siblings are not depth.
        let mut flat = vec![0x15, 0x02, 0x19, 0xfc, 0x2d];
        flat.extend([0x48, 0x01, b'r', 0x15, 0x58, 0x00]);
        (0..44).for_each(|_| flat.extend([0x48, 0x01, b'a', 0x00]));
        flat.push(0);
        assert_eq!(Thrift(&flat).schema_depth(), Some(1));
        assert!(check_depth(&nested(3)[..20]).is_err(), "cut short");
    }

    #[test]
    fn a_file_of_nothing_but_depth_is_refused() {
        let footer = nested(1_000_000);
        let mut content = b"PAR1".to_vec();
        content.extend(&footer);
        content.extend((footer.len() as u32).to_le_bytes());
        content.extend(b"PAR1");
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("deep.parquet");
        std::fs::write(&path, content).expect("a file");
        let error = super::super::foreign::ForeignFile::open(&path).map(|_| ()).expect_err("a refusal");
        assert!(error.to_string().contains("nested deeper"), "{error}");
    }
}
