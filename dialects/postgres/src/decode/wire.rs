//! Bytes from the server, taken piece by piece; nothing here believes a length that it was told.

use super::Refusal;

/// What is left of a value's bytes. Numbers are in network byte order.
#[derive(Clone, Copy)]
pub(super) struct Wire<'a>(pub(super) &'a [u8]);

impl<'a> Wire<'a> {
    #[inline]
    pub(super) fn array<const N: usize>(&mut self) -> Result<&'a [u8; N], Refusal> {
        let (head, rest) = self.0.split_first_chunk().ok_or(SHORT)?;
        self.0 = rest;
        Ok(head)
    }

    #[inline]
    pub(super) fn bytes(&mut self, length: usize) -> Result<&'a [u8], Refusal> {
        let (head, rest) = self.0.split_at_checked(length).ok_or(SHORT)?;
        self.0 = rest;
        Ok(head)
    }

    pub(super) fn u8(&mut self) -> Result<u8, Refusal> {
        self.array().map(|[byte]| *byte)
    }

    #[inline]
    pub(super) fn i16(&mut self) -> Result<i16, Refusal> {
        self.array().map(|bytes| i16::from_be_bytes(*bytes))
    }

    #[inline]
    pub(super) fn u16(&mut self) -> Result<u16, Refusal> {
        self.array().map(|bytes| u16::from_be_bytes(*bytes))
    }

    #[inline]
    pub(super) fn i32(&mut self) -> Result<i32, Refusal> {
        self.array().map(|bytes| i32::from_be_bytes(*bytes))
    }

    pub(super) fn u32(&mut self) -> Result<u32, Refusal> {
        self.array().map(|bytes| u32::from_be_bytes(*bytes))
    }

    #[inline]
    pub(super) fn i64(&mut self) -> Result<i64, Refusal> {
        self.array().map(|bytes| i64::from_be_bytes(*bytes))
    }

    /// A number of things, of which each takes `least` bytes of what is left at least.
    pub(super) fn count(&mut self, least: usize) -> Result<usize, Refusal> {
        let count = usize::try_from(self.i32()?).map_err(|_| NEGATIVE)?;
        if count.saturating_mul(least) > self.0.len() { Err(SHORT) } else { Ok(count) }
    }

    /// A length and as many bytes; nothing for the length -1, which is null.
    #[inline]
    pub(super) fn value(&mut self) -> Result<Option<&'a [u8]>, Refusal> {
        match self.i32()? {
            -1 => Ok(None),
            length => self.bytes(usize::try_from(length).map_err(|_| NEGATIVE)?).map(Some),
        }
    }

    /// Nothing may be left.
    #[inline]
    pub(super) fn end(self) -> Result<(), Refusal> {
        if self.0.is_empty() { Ok(()) } else { Err(Refusal::Malformed("it is longer than it should be")) }
    }
}

const SHORT: Refusal = Refusal::Malformed("it ends too early");
const NEGATIVE: Refusal = Refusal::Malformed("a length in it is negative");

/// All of a value of fixed width.
#[inline]
pub(super) fn whole<const N: usize>(bytes: &[u8]) -> Result<[u8; N], Refusal> {
    bytes.try_into().map_err(|_| Refusal::Malformed("it has another length than its type"))
}
