//! Random texts and bytes: what breaks quoting, encodings, paddings and parsers.

use super::random::Random;
use crate::logical::NetworkKind;

/// A text of at most `max_chars` characters, or padded with blanks to just that many when `fixed`.
pub(super) fn text(random: &mut Random, max_chars: Option<u64>, fixed: bool, portable: bool) -> String {
    const PORTABLE: &[&str] = &[
        "",
        " ",
        "plain",
        "It's \"quoted\" `here`",
        "line\nbreak\r\n\ttab",
        "back\\slash \\N \\x00",
        "NULL",
        "%_;--/*",
        "42",
        "\u{e9}t\u{e9} e\u{301}",
        "\u{65e5}\u{672c}\u{8a9e}",
        "\u{1f600}\u{1d11e}\u{10ffff}",
        "\u{202e}right to left",
        "trailing  ",
        "\u{feff}mark",
    ];
    const OTHERS: &[&str] = &["\0", "a\0b", "ends in nul\0", "\u{1}\u{1b}\u{7f}\u{85}", "\u{fffd}\u{ffff}"];
    let mut text = match random.below(8) {
        0 if !portable => random.pick(OTHERS).to_owned(),
        1 => random.pick(PORTABLE).repeat(1 + random.below(40)),
        2 => format!("{:x}", random.bits()),
        _ => random.pick(PORTABLE).to_owned(),
    };
    if let Some(max_chars) = max_chars.and_then(|max| usize::try_from(max).ok()) {
        text = text.chars().take(max_chars).collect();
        if fixed {
            text.extend(std::iter::repeat_n(' ', max_chars - text.chars().count()));
        }
    }
    text
}

/// At most `max_bytes` bytes, or padded with zeroes to just that many when `fixed`.
pub(super) fn bytes(random: &mut Random, max_bytes: Option<u64>, fixed: bool) -> Vec<u8> {
    let mut bytes: Vec<u8> = match random.below(5) {
        0 => Vec::new(),
        1 => vec![0],
        2 => (0..=255).collect(),
        3 => b"text'\\\"\xff\xfe".to_vec(),
        _ => (0..random.below(40)).map(|_| random.bits().to_le_bytes()[0]).collect(),
    };
    if let Some(max_bytes) = max_bytes.and_then(|max| usize::try_from(max).ok()) {
        bytes.truncate(max_bytes);
        if fixed {
            bytes.resize(max_bytes, 0);
        }
    }
    bytes
}

/// A whole number of at most `precision` digits with an optional sign: the unscaled value of a decimal.
pub(super) fn digits(random: &mut Random, precision: u8) -> String {
    let most = usize::from(precision);
    let sign = if random.once_in(2) { "-" } else { "" };
    match random.below(4) {
        0 => format!("{sign}{}", "9".repeat(most)),
        1 => random.pick(&["0", "1", "-1"]).to_owned(),
        _ => {
            let length = 1 + random.below(most);
            let digits: String = (0..length).map(|_| char::from(b"0123456789"[random.below(10)])).collect();
            format!("{sign}{digits}")
        }
    }
}

/// The text of a number without a bound, as an engine prints it: no exponent, trailing zeroes kept.
pub(super) fn numeric(random: &mut Random) -> String {
    const SPECIAL: [&str; 6] = ["0", "-0.5", "1.50", "0.000000000000000000000000000001", "100", "-1.000"];
    match random.below(3) {
        0 => random.pick(&SPECIAL).to_owned(),
        1 => format!("9{}.{}", "0".repeat(random.below(64)), "123456789".repeat(1 + random.below(9))),
        _ => random.between(i64::MIN, i64::MAX).to_string(),
    }
}

/// A JSON text whose spelling matters.
pub(super) fn json(random: &mut Random) -> String {
    const SPECIAL: [&str; 9] = [
        "null",
        "{}",
        "[ ]",
        "\"\"",
        "{\"b\": 1, \"a\": [1.0, 1e400, -0]}",
        "{\"twice\":1,\"twice\":2}",
        "\"\\u0000 \\ud83d\\ude00\"",
        "123456789012345678901234567890.10",
        " true ",
    ];
    match random.below(3) {
        0 => format!("{{\"n\": {}}}", random.between(i64::MIN, i64::MAX)),
        _ => random.pick(&SPECIAL).to_owned(),
    }
}

/// A network address in its canonical text.
pub(super) fn network(random: &mut Random, kind: NetworkKind) -> String {
    let choices: [&str; 3] = match kind {
        NetworkKind::Inet => ["192.168.0.1", "10.1.2.3/8", "2001:db8::1/64"],
        NetworkKind::Cidr => ["10.0.0.0/8", "0.0.0.0/0", "2001:db8::/32"],
        NetworkKind::Mac => ["08:00:2b:01:02:03", "00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff"],
        NetworkKind::Mac8 => ["08:00:2b:ff:fe:01:02:03", "00:00:00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff:ff:ff"],
    };
    random.pick(&choices).to_owned()
}

/// A point as well-known binary, little-endian.
pub(super) fn point(random: &mut Random) -> Vec<u8> {
    let mut bytes = vec![1, 1, 0, 0, 0];
    for limit in [180, 90] {
        bytes.extend_from_slice(&(random.between(-limit * 1000, limit * 1000) as f64 / 1000.0).to_le_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_and_paddings_hold() {
        let mut random = Random::new(3);
        for _ in 0..500 {
            assert!(text(&mut random, Some(3), false, false).chars().count() <= 3);
            assert_eq!(text(&mut random, Some(3), true, false).chars().count(), 3);
            assert!(!text(&mut random, None, false, true).contains('\0'));
            assert_eq!(bytes(&mut random, Some(16), true).len(), 16);
            assert!(digits(&mut random, 5).trim_start_matches('-').len() <= 5);
        }
        assert!((0..500).any(|_| text(&mut random, None, false, false).contains('\0')));
    }
}
