//! Sizes, counts and times: read from the command line, and written for people.

use std::time::Duration;

/// Reads a size in bytes: `256MiB`, `1GB`, `64k`, `1.5 GiB`, `1048576`.
///
/// `KiB`, `MiB`, `GiB`, `TiB` and the single letters are powers of 1024; `kB`, `MB`, `GB`, `TB` are powers of 1000. Upper
/// and lower case are the same.
pub(crate) fn parse_size(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor: u64 = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        "t" | "tib" => 1 << 40,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "tb" => 1_000_000_000_000,
        _ => return Err("write a size like 256MiB, 1GB or 64k".into()),
    };
    if let Ok(whole) = number.parse::<u64>() {
        return whole.checked_mul(factor).ok_or_else(|| "that is more bytes than there are".into());
    }
    match number.parse::<f64>() {
        // A fraction of a unit; what a float cannot hold exactly at that size nobody types.
        Ok(fraction) if fraction.is_finite() && fraction * (factor as f64) < 9e18 => {
            Ok((fraction * factor as f64).round() as u64)
        }
        _ => Err("write a size like 256MiB, 1GB or 64k".into()),
    }
}

/// A number with its thousands apart: `15,607`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut shown = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

/// A size in decimal units, as disks and networks are sold: `512 B`, `1.1 MB`, `23 GB`.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1000.0;
    let mut unit = UNITS[0];
    for next in &UNITS[1..] {
        // The bound is where one digit fewer would be rounded up to 1000.
        if value < 999.5 {
            break;
        }
        value /= 1000.0;
        unit = next;
    }
    if value < 9.95 { format!("{value:.1} {unit}") } else { format!("{value:.0} {unit}") }
}

/// A time: `0.04 s`, `12 s`, `3 min 05 s`, `2 h 03 min`.
pub(crate) fn duration(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    if seconds < 9.95 {
        return format!("{seconds:.2} s").replace(".00 s", " s");
    }
    let seconds = seconds.round() as u64;
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// A time still to come, in whole seconds, never 0: anything finer would be a guess that flickers.
pub(crate) fn time_left(time: Duration) -> String {
    duration(Duration::from_secs((time.as_secs_f64().ceil() as u64).max(1)))
}

/// A number to three digits: a rate that is looked at while it changes.
pub(crate) fn three_digits(number: u64) -> u64 {
    let factor = 10_u64.pow(number.checked_ilog10().unwrap_or(0).saturating_sub(2));
    // The largest number with three digits is 184 followed by zeros, so nothing is rounded up beyond u64.
    number.saturating_add(factor / 2) / factor * factor
}

/// How many a second, rounded; 0 while no time has passed.
pub(crate) fn per_second(amount: u64, time: Duration) -> u64 {
    let seconds = time.as_secs_f64();
    if seconds < 1e-6 { 0 } else { (amount as f64 / seconds).round() as u64 }
}

/// `74,000 rows/s, 5.2 MB/s`.
pub(crate) fn rates(rows: u64, bytes: u64, time: Duration) -> String {
    format!("{} rows/s, {}/s", count(per_second(rows, time)), size(per_second(bytes, time)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read() {
        for (text, bytes) in [
            ("0", 0),
            ("1048576", 1 << 20),
            ("256MiB", 256 << 20),
            ("256 mib", 256 << 20),
            ("256m", 256 << 20),
            ("1GB", 1_000_000_000),
            ("1G", 1 << 30),
            ("1.5GiB", 3 << 29),
            ("64k", 64 << 10),
            ("7b", 7),
        ] {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
        for bad in ["", "MiB", "-1", "1.2.3M", "1XB", "10 apples", "99999999999999999999", "99999999TiB", "1e99", "."] {
            assert!(parse_size(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn sizes_are_written() {
        for (bytes, shown) in [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.0 kB"),
            (9_940, "9.9 kB"),
            (9_960, "10 kB"),
            (999_400, "999 kB"),
            (999_600, "1.0 MB"),
            (23_400_000_000, "23 GB"),
            (u64::MAX, "18447 PB"),
        ] {
            assert_eq!(size(bytes), shown);
        }
    }

    #[test]
    fn what_is_looked_at_while_it_changes_is_rounded() {
        for (number, rounded) in [
            (0, 0),
            (7, 7),
            (999, 999),
            (1_234, 1_230),
            (1_235, 1_240),
            (99_960, 100_000),
            (u64::MAX, 18_400_000_000_000_000_000),
        ] {
            assert_eq!(three_digits(number), rounded);
        }
        for (millis, shown) in [(0, "1 s"), (4_100, "5 s"), (59_900, "1 min 00 s"), (7_390_000, "2 h 03 min")] {
            assert_eq!(time_left(Duration::from_millis(millis)), shown);
        }
    }

    #[test]
    fn counts_and_times_are_written() {
        assert_eq!([count(0), count(999), count(1000), count(1_234_567)], ["0", "999", "1,000", "1,234,567"]);
        for (millis, shown) in [
            (0, "0 s"),
            (42, "0.04 s"),
            (9_940, "9.94 s"),
            (12_400, "12 s"),
            (185_000, "3 min 05 s"),
            (7_390_000, "2 h 03 min"),
        ] {
            assert_eq!(duration(Duration::from_millis(millis)), shown);
        }
        assert_eq!(rates(100, 2_000, Duration::from_millis(500)), "200 rows/s, 4.0 kB/s");
        assert_eq!(rates(100, 2_000, Duration::ZERO), "0 rows/s, 0 B/s");
    }
}
