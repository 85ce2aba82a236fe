//! The bytes of a row, taken value by value.

use super::Refusal;

/// What of a row is not taken yet.
#[derive(Clone, Copy)]
pub(crate) struct Cursor<'a>(pub(crate) &'a [u8]);

/// A date and time as the server packs it; parts that it leaves out are zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Moment {
    pub(super) year: u16,
    pub(super) month: u8,
    pub(super) day: u8,
    pub(super) hour: u8,
    pub(super) minute: u8,
    pub(super) second: u8,
    pub(super) micros: u32,
}

/// An elapsed time as the server packs it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Elapsed {
    pub(super) negative: bool,
    pub(super) days: u32,
    pub(super) hours: u8,
    pub(super) minutes: u8,
    pub(super) seconds: u8,
    pub(super) micros: u32,
}

const SHORT: Refusal = Refusal::Malformed("a row ends in the middle of a value");

impl<'a> Cursor<'a> {
    /// The next `N` bytes.
    #[inline]
    pub(super) fn fixed<const N: usize>(&mut self) -> Result<[u8; N], Refusal> {
        let (value, rest) = self.0.split_first_chunk().ok_or(SHORT)?;
        self.0 = rest;
        Ok(*value)
    }

    /// A byte string with its length before it.
    #[inline]
    pub(crate) fn string(&mut self) -> Result<&'a [u8], Refusal> {
        let (first, rest) = self.0.split_first().ok_or(SHORT)?;
        let (length, rest) = if *first < 0xfb { (usize::from(*first), rest) } else { long(*first, rest)? };
        let (value, rest) = rest.split_at_checked(length).ok_or(SHORT)?;
        self.0 = rest;
        Ok(value)
    }

    /// A date, with or without a time.
    #[inline]
    pub(super) fn moment(&mut self) -> Result<Moment, Refusal> {
        Ok(match self.packed()? {
            [] => Moment::default(),
            [y0, y1, month, day] => {
                Moment { year: u16::from_le_bytes([*y0, *y1]), month: *month, day: *day, ..Moment::default() }
            }
            [y0, y1, month, day, hour, minute, second, fraction @ ..] => Moment {
                year: u16::from_le_bytes([*y0, *y1]),
                month: *month,
                day: *day,
                hour: *hour,
                minute: *minute,
                second: *second,
                micros: micros(fraction)?,
            },
            _ => return Err(Refusal::Malformed("a date is of an unknown length")),
        })
    }

    /// An elapsed time.
    #[inline]
    pub(super) fn elapsed(&mut self) -> Result<Elapsed, Refusal> {
        Ok(match self.packed()? {
            [] => Elapsed::default(),
            [negative, d0, d1, d2, d3, hours, minutes, seconds, fraction @ ..] => Elapsed {
                negative: *negative != 0,
                days: u32::from_le_bytes([*d0, *d1, *d2, *d3]),
                hours: *hours,
                minutes: *minutes,
                seconds: *seconds,
                micros: micros(fraction)?,
            },
            _ => return Err(Refusal::Malformed("a time is of an unknown length")),
        })
    }

    #[inline]
    fn packed(&mut self) -> Result<&'a [u8], Refusal> {
        let (length, rest) = self.0.split_first().ok_or(SHORT)?;
        let (value, rest) = rest.split_at_checked(usize::from(*length)).ok_or(SHORT)?;
        self.0 = rest;
        Ok(value)
    }
}

#[cold]
fn long(first: u8, rest: &[u8]) -> Result<(usize, &[u8]), Refusal> {
    let width = match first {
        0xfc => 2,
        0xfd => 3,
        0xfe => 8,
        _ => return Err(Refusal::Malformed("a value has an impossible length")),
    };
    let (length, rest) = rest.split_at_checked(width).ok_or(SHORT)?;
    let length = length.iter().rev().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
    Ok((usize::try_from(length).map_err(|_| SHORT)?, rest))
}

#[inline]
fn micros(fraction: &[u8]) -> Result<u32, Refusal> {
    match fraction {
        [] => Ok(0),
        [m0, m1, m2, m3] => Ok(u32::from_le_bytes([*m0, *m1, *m2, *m3])),
        _ => Err(Refusal::Malformed("a fraction of a second is of an unknown length")),
    }
}
