//! Network addresses as the bytes that MariaDB's `inet4` and `inet6` store.

use super::Misfit;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The 4 or 16 bytes of the address that `text` spells. An address of the other family is none.
pub(super) fn address<'a>(text: &str, bytes: usize, room: &'a mut [u8; 16]) -> Result<&'a [u8], Misfit> {
    let wrong = || Misfit::new(format!("the column holds addresses of {bytes} bytes"));
    let address: IpAddr = match bytes {
        4 => text.parse::<Ipv4Addr>().map_err(|_| wrong())?.into(),
        _ => text.parse::<Ipv6Addr>().map_err(|_| wrong())?.into(),
    };
    Ok(match address {
        IpAddr::V4(address) => {
            room[..4].copy_from_slice(&address.octets());
            &room[..4]
        }
        IpAddr::V6(address) => {
            *room = address.octets();
            &room[..]
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_their_bytes() {
        let mut room = [0; 16];
        assert_eq!(address("1.2.3.4", 4, &mut room).expect("an address"), [1, 2, 3, 4]);
        let mapped = address("::ffff:1.2.3.4", 16, &mut room).expect("an address");
        assert_eq!(mapped[10..], [255, 255, 1, 2, 3, 4]);
        for (text, bytes) in [("::1", 4), ("1.2.3.4", 16), ("1.2.3.4/8", 4), ("", 16)] {
            assert!(address(text, bytes, &mut room).is_err(), "{text}");
        }
    }
}
