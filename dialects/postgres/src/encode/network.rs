//! Network addresses on the wire, from their canonical texts.
//!
//! `inet` and `cidr`: family (2 or 3), length of the network part in bits, whether it is a `cidr`, number of address bytes,
//! address (`network_send` in `src/backend/utils/adt/network.c`). `macaddr` and `macaddr8` are their bytes.

use super::Misfit;
use dbferry_dialect::logical::NetworkKind;
use std::net::IpAddr;

const FAMILY_4: u8 = 2;
const FAMILY_6: u8 = 3;

/// Appends the address that `text` spells, with its length.
pub(super) fn put(kind: NetworkKind, text: &str, out: &mut Vec<u8>) -> Result<(), Misfit> {
    match kind {
        NetworkKind::Inet | NetworkKind::Cidr => put_internet(kind == NetworkKind::Cidr, text, out),
        NetworkKind::Mac => put_hardware::<6>(text, out),
        NetworkKind::Mac8 => put_hardware::<8>(text, out),
    }
}

fn put_internet(network: bool, text: &str, out: &mut Vec<u8>) -> Result<(), Misfit> {
    let wrong = || Misfit::new(format!("{text:?} is no network address"));
    let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
    let address: IpAddr = address.parse().map_err(|_| wrong())?;
    let widest = if address.is_ipv4() { 32 } else { 128 };
    let bits = match bits {
        None => widest,
        Some(bits) => bits.parse().ok().filter(|bits| *bits <= widest).ok_or_else(wrong)?,
    };
    let mut put = |family: u8, bytes: &[u8]| {
        // 4 or 16 bytes.
        out.extend_from_slice(&(bytes.len() as u32 + 4).to_be_bytes());
        out.extend_from_slice(&[family, bits, u8::from(network), bytes.len() as u8]);
        out.extend_from_slice(bytes);
    };
    match address {
        IpAddr::V4(address) => put(FAMILY_4, &address.octets()),
        IpAddr::V6(address) => put(FAMILY_6, &address.octets()),
    }
    Ok(())
}

fn put_hardware<const BYTES: usize>(text: &str, out: &mut Vec<u8>) -> Result<(), Misfit> {
    let mut bytes = [0; BYTES];
    let mut parts = text.split(':');
    for byte in &mut bytes {
        let part = parts.next().filter(|part| part.len() == 2 && part.bytes().all(|digit| digit.is_ascii_hexdigit()));
        *byte = part
            .and_then(|part| u8::from_str_radix(part, 16).ok())
            .ok_or_else(|| Misfit::new(format!("{text:?} is no hardware address of {BYTES} bytes")))?;
    }
    if parts.next().is_some() {
        return Err(Misfit::new(format!("{text:?} is longer than {BYTES} bytes")));
    }
    // 6 or 8 bytes.
    out.extend_from_slice(&(BYTES as u32).to_be_bytes());
    out.extend_from_slice(&bytes);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(kind: NetworkKind, text: &str) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        put(kind, text, &mut out).ok()?;
        assert_eq!(u32::from_be_bytes([out[0], out[1], out[2], out[3]]) as usize, out.len() - 4);
        Some(out.split_off(4))
    }

    #[test]
    fn addresses_are_taken_apart() {
        assert_eq!(bytes(NetworkKind::Inet, "192.168.1.5/24"), Some(vec![2, 24, 0, 4, 192, 168, 1, 5]));
        assert_eq!(bytes(NetworkKind::Inet, "10.0.0.1"), Some(vec![2, 32, 0, 4, 10, 0, 0, 1]));
        let mut expected = vec![3, 64, 1, 16];
        expected.extend([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(bytes(NetworkKind::Cidr, "2001:db8::/64"), Some(expected));
        assert_eq!(bytes(NetworkKind::Mac, "08:00:2b:01:02:03"), Some(vec![8, 0, 0x2b, 1, 2, 3]));
        assert_eq!(bytes(NetworkKind::Mac8, "08:00:2b:ff:fe:01:02:03"), Some(vec![8, 0, 0x2b, 255, 254, 1, 2, 3]));
        for (kind, bad) in [
            (NetworkKind::Inet, "10.0.0.1/33"),
            (NetworkKind::Inet, "10.0.0"),
            (NetworkKind::Inet, ""),
            (NetworkKind::Mac, "08:00:2b:01:02"),
            (NetworkKind::Mac, "08:00:2b:01:02:03:04"),
            (NetworkKind::Mac, "+8:00:2b:01:02:03"),
        ] {
            assert_eq!(bytes(kind, bad), None, "{bad}");
        }
    }
}
