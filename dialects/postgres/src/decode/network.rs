//! Network addresses and bit strings from the wire to the text that the server's own output functions give.

use super::Refusal;
use super::wire::Wire;
use dbferry_dialect::ExceptionReason;
use std::io::Write as _;

/// `PGSQL_AF_INET` and the one after it, which do not depend on the server's system.
const IPV4: u8 = 2;
const IPV6: u8 = 3;

const IMPOSSIBLE: Refusal = Refusal::Malformed("a network address is impossible");

/// `inet` and `cidr`: `network_send` of the server's `network.c`. A `cidr` always shows its mask, an `inet` only when it
/// is not that of one host; `mask` says which of them the column is, whatever holds its values.
pub(super) fn write_inet(bytes: &[u8], mask: bool, text: &mut Vec<u8>) -> Result<(), Refusal> {
    let mut wire = Wire(bytes);
    let (family, bits, _is_cidr, length) = (wire.u8()?, wire.u8()?, wire.u8()?, wire.u8()?);
    let longest = match (family, length) {
        (IPV4, 4) => {
            let [a, b, c, d] = *wire.array()?;
            write_ipv4([a, b, c, d], text);
            32
        }
        (IPV6, 16) => {
            let bytes: &[u8; 16] = wire.array()?;
            write_ipv6(bytes, text);
            128
        }
        _ => return Err(IMPOSSIBLE),
    };
    wire.end()?;
    if bits > longest {
        return Err(IMPOSSIBLE);
    }
    if mask || bits < longest {
        // Writing to a vector cannot fail.
        _ = write!(text, "/{bits}");
    }
    Ok(())
}

fn write_ipv4([a, b, c, d]: [u8; 4], text: &mut Vec<u8>) {
    _ = write!(text, "{a}.{b}.{c}.{d}");
}

/// The longest run of at least two zero groups is left out, the first of several; an address that holds one of IPv4 shows
/// it: `inet_net_ntop_ipv6` of the server's `inet_net_ntop.c`.
fn write_ipv6(bytes: &[u8; 16], text: &mut Vec<u8>) {
    let mut groups = [0u16; 8];
    for (group, pair) in groups.iter_mut().zip(bytes.as_chunks().0) {
        *group = u16::from_be_bytes(*pair);
    }
    let (mut start, mut length) = (0, 1);
    let mut run = 0;
    for (place, group) in groups.iter().enumerate() {
        run = if *group == 0 { run + 1 } else { 0 };
        if run > length {
            (start, length) = (place + 1 - run, run);
        }
    }
    let left_out = if length > 1 { start..start + length } else { 8..8 };
    let holds_ipv4 = left_out.start == 0 && (left_out.len() == 6 || (left_out.len() == 5 && groups[5] == 0xffff));
    for (place, group) in groups.iter().enumerate() {
        if left_out.contains(&place) {
            if place == left_out.start {
                text.push(b':');
            }
            continue;
        }
        if place > 0 {
            text.push(b':');
        }
        if place == 6 && holds_ipv4 {
            let [.., a, b, c, d] = *bytes;
            write_ipv4([a, b, c, d], text);
            return;
        }
        _ = write!(text, "{group:x}");
    }
    if left_out.end == 8 && left_out.start < 8 {
        text.push(b':');
    }
}

/// `macaddr` and `macaddr8`: hexadecimal bytes with colons.
pub(super) fn write_mac<const N: usize>(bytes: [u8; N], text: &mut Vec<u8>) -> Result<(), Refusal> {
    for (place, byte) in bytes.into_iter().enumerate() {
        if place > 0 {
            text.push(b':');
        }
        text.extend([byte >> 4, byte & 15].map(|digit| char::from_digit(digit.into(), 16).unwrap_or('0') as u8));
    }
    Ok(())
}

/// The number of bits and the bytes that hold them, the first bit highest: `bit_send` of the server's `varbit.c`.
fn bits(bytes: &[u8]) -> Result<(usize, &[u8]), Refusal> {
    let mut wire = Wire(bytes);
    let length = usize::try_from(wire.i32()?).map_err(|_| BITS)?;
    if wire.0.len() == length.div_ceil(8) { Ok((length, wire.0)) } else { Err(BITS) }
}

const BITS: Refusal = Refusal::Malformed("a bit string has another length than it says");

/// Exactly `length` bits, at most 64, as a number.
pub(super) fn bits_word(bytes: &[u8], length: u32) -> Result<u64, Refusal> {
    let (found, bytes) = bits(bytes)?;
    if found != length as usize || found > 64 {
        return Err(Refusal::Exception(ExceptionReason::Precision));
    }
    let word = bytes.iter().fold(0, |word: u64, byte| word << 8 | u64::from(*byte));
    Ok(word >> ((8 - found % 8) % 8))
}

/// Bits as the characters 0 and 1.
pub(super) fn write_bits(bytes: &[u8], text: &mut Vec<u8>) -> Result<(), Refusal> {
    let (length, bytes) = bits(bytes)?;
    let characters = bytes.iter().flat_map(|byte| (0..8).map(move |bit| b'0' + (byte >> (7 - bit) & 1)));
    text.extend(characters.take(length));
    Ok(())
}
