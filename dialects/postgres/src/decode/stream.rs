//! The frame of binary `COPY`: a header, tuples, a trailer.
//!
//! The server cuts the stream into messages as it likes, usually one a tuple; nothing here depends on that.
//! <https://www.postgresql.org/docs/current/sql-copy.html#SQL-COPY-BINARY-FORMAT>

use super::Refusal;
use super::wire::Wire;
use dbferry_dialect::{Error, ErrorKind, Result};

const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";
/// Flags that a reader must know; no server sets one.
const CRITICAL_FLAGS: u32 = 0xffff_0000;

/// How far a stream has been read.
#[derive(Default)]
pub(crate) struct CopyStream {
    place: Place,
    /// What the last message had of a tuple that is not complete.
    pending: Vec<u8>,
}

#[derive(Clone, Copy, Default, PartialEq)]
enum Place {
    #[default]
    Header,
    Tuples,
    End,
}

/// One tuple: its fields one after the other.
pub(crate) struct Tuple<'a>(Wire<'a>);

impl<'a> Tuple<'a> {
    /// The next field; nothing for a null.
    #[inline]
    pub(crate) fn field(&mut self) -> Result<Option<&'a [u8]>, Refusal> {
        self.0.value()
    }
}

impl CopyStream {
    /// Takes a message; hands each tuple that is complete to `row`, with the number of its fields.
    ///
    /// # Errors
    /// [`ErrorKind::Mismatch`] when the bytes are no such stream, and those of `row`.
    pub(crate) fn feed(&mut self, message: &[u8], mut row: impl FnMut(usize, Tuple<'_>) -> Result<()>) -> Result<()> {
        if self.pending.is_empty() {
            let used = self.consume(message, &mut row)?;
            self.pending.extend_from_slice(message.get(used..).unwrap_or_default());
            return Ok(());
        }
        let mut bytes = std::mem::take(&mut self.pending);
        bytes.extend_from_slice(message);
        let used = self.consume(&bytes, &mut row)?;
        bytes.drain(..used);
        self.pending = bytes;
        Ok(())
    }

    /// The stream is over.
    ///
    /// # Errors
    /// [`ErrorKind::Mismatch`] when it was cut off.
    pub(crate) fn finish(&self) -> Result<()> {
        if self.place == Place::End { Ok(()) } else { Err(strange("it ends without its trailer")) }
    }

    /// Returns how many bytes are done with.
    fn consume(&mut self, bytes: &[u8], row: &mut impl FnMut(usize, Tuple<'_>) -> Result<()>) -> Result<usize> {
        let mut wire = Wire(bytes);
        loop {
            let left = wire;
            let moved = match self.place {
                Place::Header => header(&mut wire)?,
                Place::Tuples => self.tuple(&mut wire, row)?,
                Place::End if wire.0.is_empty() => false,
                Place::End => return Err(strange("something follows its trailer")),
            };
            if !moved {
                return Ok(bytes.len() - left.0.len());
            }
            if self.place == Place::Header {
                self.place = Place::Tuples;
            }
        }
    }

    /// Takes a tuple or the trailer; `false` when it is not complete.
    #[inline]
    fn tuple(&mut self, wire: &mut Wire<'_>, row: &mut impl FnMut(usize, Tuple<'_>) -> Result<()>) -> Result<bool> {
        let Ok(fields) = wire.i16() else { return Ok(false) };
        if fields == -1 {
            self.place = Place::End;
            return Ok(true);
        }
        let fields = usize::try_from(fields).map_err(|_| strange("a tuple has fewer than no fields"))?;
        let tuple = Tuple(*wire);
        if !skip(wire, fields)? {
            return Ok(false);
        }
        row(fields, tuple)?;
        Ok(true)
    }
}

/// Moves behind the header; `false` when it is not complete.
fn header(wire: &mut Wire<'_>) -> Result<bool> {
    let bytes = wire.0;
    let known = SIGNATURE.len().min(bytes.len());
    if bytes.get(..known) != SIGNATURE.get(..known) {
        return Err(strange("it does not begin with its signature"));
    }
    let mut moved = Wire(bytes.get(SIGNATURE.len()..).unwrap_or_default());
    let (Ok(flags), Ok(extension)) = (moved.u32(), moved.i32()) else { return Ok(false) };
    if flags & CRITICAL_FLAGS != 0 {
        return Err(strange("it has flags that are not known"));
    }
    let extension = usize::try_from(extension).map_err(|_| strange("its header has a negative length"))?;
    if moved.bytes(extension).is_err() {
        return Ok(false);
    }
    *wire = moved;
    Ok(true)
}

/// Moves behind `fields` fields; `false` when the last ones are not complete.
#[inline]
fn skip(wire: &mut Wire<'_>, fields: usize) -> Result<bool> {
    for _ in 0..fields {
        let Ok(length) = wire.i32() else { return Ok(false) };
        match usize::try_from(length) {
            Ok(length) => {
                if wire.bytes(length).is_err() {
                    return Ok(false);
                }
            }
            Err(_) if length == -1 => {}
            Err(_) => return Err(strange("a field has a negative length")),
        }
    }
    Ok(true)
}

fn strange(what: &'static str) -> Error {
    Error::new(ErrorKind::Mismatch, "the server's COPY stream cannot be understood")
        .with("dialect", crate::NAME)
        .caused_by(what)
}
