//! One row as it lies in a table's page: <https://www.sqlite.org/fileformat2.html#record_format>.

use rusqlite::types::ValueRef;

/// A number of one to nine bytes and where it ends.
#[inline]
pub(super) fn varint(bytes: &[u8], at: usize) -> Option<(u64, usize)> {
    let first = *bytes.get(at)?;
    if first < 0x80 {
        return Some((u64::from(first), at + 1));
    }
    long_varint(bytes, at)
}

fn long_varint(bytes: &[u8], at: usize) -> Option<(u64, usize)> {
    let mut value = 0;
    for place in at..at + 8 {
        let byte = *bytes.get(place)?;
        value = value << 7 | u64::from(byte & 0x7f);
        if byte < 0x80 {
            return Some((value, place + 1));
        }
    }
    // All bits of the ninth count.
    Some((value << 8 | u64::from(*bytes.get(at + 8)?), at + 9))
}

/// Where the values of a row are: of each column its serial type, and where its content begins.
#[derive(Default)]
pub(super) struct Header {
    columns: Vec<(u64, usize)>,
    /// Where the content of the last one ends.
    end: usize,
    /// Whether these are all columns of the row.
    is_whole: bool,
}

impl Header {
    /// Reads the first `count` columns, or as many as there are. `payload` may end early: nothing is read then, and the answer is
    /// how many bytes it takes to have the header. None where it contradicts itself.
    #[inline]
    pub(super) fn read(&mut self, payload: &[u8], count: usize) -> Option<Result<(), usize>> {
        self.columns.clear();
        let Some((size, mut at)) = varint(payload, 0) else { return Some(Err(9)) };
        let size = usize::try_from(size).ok().filter(|size| *size >= at)?;
        let Some(header) = payload.get(..size) else { return Some(Err(size)) };
        self.end = size;
        while at < size && self.columns.len() < count {
            let (serial, next) = varint(header, at)?;
            self.columns.push((serial, self.end));
            self.end = self.end.checked_add(length(serial)?)?;
            at = next;
        }
        self.is_whole = at == size;
        Some(Ok(()))
    }

    /// Whether the values of a row of so many bytes are as long as it: SQLite makes no others.
    #[inline]
    pub(super) fn fits(&self, bytes: usize) -> bool {
        if self.is_whole { self.end == bytes } else { self.end <= bytes }
    }

    /// How many columns were read: what was added to the table later has no value in older rows.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.columns.len()
    }

    /// How many bytes of the payload it takes to have the value of a column.
    #[inline]
    pub(super) fn needs(&self, column: usize) -> usize {
        self.columns.get(column + 1).map_or(self.end, |(_, begin)| *begin)
    }

    /// The value of a column that was read; none where the row contradicts itself.
    #[inline]
    pub(super) fn value<'p>(&self, payload: &'p [u8], column: usize) -> Option<ValueRef<'p>> {
        let (serial, begin) = *self.columns.get(column)?;
        let bytes = payload.get(begin..)?;
        Some(match serial {
            0 => ValueRef::Null,
            1 => ValueRef::Integer(i64::from(*bytes.first()? as i8)),
            2 => ValueRef::Integer(i64::from(i16::from_be_bytes(*bytes.first_chunk()?))),
            3 => {
                let [high, middle, low] = *bytes.first_chunk()?;
                ValueRef::Integer(i64::from(i32::from_be_bytes([high, middle, low, 0]) >> 8))
            }
            4 => ValueRef::Integer(i64::from(i32::from_be_bytes(*bytes.first_chunk()?))),
            5 => {
                let [a, b, c, d, e, f] = *bytes.first_chunk()?;
                ValueRef::Integer(i64::from_be_bytes([a, b, c, d, e, f, 0, 0]) >> 16)
            }
            6 => ValueRef::Integer(i64::from_be_bytes(*bytes.first_chunk()?)),
            7 => {
                let value = f64::from_be_bytes(*bytes.first_chunk()?);
                // SQLite takes what is no number for no value.
                if value.is_nan() { ValueRef::Null } else { ValueRef::Real(value) }
            }
            8 => ValueRef::Integer(0),
            9 => ValueRef::Integer(1),
            _ => {
                let content = bytes.get(..length(serial)?)?;
                if serial & 1 == 0 { ValueRef::Blob(content) } else { ValueRef::Text(content) }
            }
        })
    }
}

/// The bytes of a serial type's content; none for what SQLite keeps for itself.
#[inline]
fn length(serial: u64) -> Option<usize> {
    const FIXED: [usize; 10] = [0, 1, 2, 3, 4, 6, 8, 8, 0, 0];
    match serial {
        0..=9 => Some(FIXED[serial as usize]),
        10 | 11 => None,
        _ => usize::try_from((serial - 12) / 2).ok(),
    }
}
