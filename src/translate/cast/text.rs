//! Values as their canonical text, and texts as values.

use super::value::Value;
use arrow::datatypes::i256;
use dbferry_dialect::logical::NetworkKind;
use std::fmt::Write as _;
use std::net::IpAddr;

pub(super) const DAY: i64 = 86_400_000_000;
const SECOND: i64 = 1_000_000;

/// Appends the canonical text of a value. Bytes that are no text have none: the caller has looked.
pub(super) fn write(value: &Value<'_>, out: &mut String) {
    // Writing to a String cannot fail.
    let _ = match *value {
        Value::Bool(value) => write!(out, "{value}"),
        Value::Int(value) => write!(out, "{value}"),
        Value::Decimal(value, scale) => {
            decimal(value, scale, out);
            Ok(())
        }
        Value::Float32(value) if value.is_finite() => write!(out, "{value:?}"),
        Value::Float(value) if value.is_finite() => write!(out, "{value:?}"),
        Value::Float32(value) => out.write_str(not_finite(value.into())),
        Value::Float(value) => out.write_str(not_finite(value)),
        Value::Text(text) => out.write_str(text),
        Value::Bytes(bytes) => out.write_str(std::str::from_utf8(bytes).unwrap_or_default()),
        Value::Date(days) => {
            date(days.into(), out);
            Ok(())
        }
        Value::Time(micros) => {
            clock(micros, out);
            Ok(())
        }
        Value::Timestamp(micros) | Value::Instant(micros) => {
            date(micros.div_euclid(DAY), out);
            out.push(' ');
            clock(micros.rem_euclid(DAY), out);
            if matches!(value, Value::Instant(_)) { out.write_str("+00:00") } else { Ok(()) }
        }
        Value::Span(micros) => {
            if micros < 0 {
                out.push('-');
            }
            clock(i64::try_from(micros.unsigned_abs()).unwrap_or(i64::MAX), out);
            Ok(())
        }
        Value::TimeTz(micros, offset) => {
            clock(micros, out);
            let (sign, east) = (if offset < 0 { '-' } else { '+' }, offset.unsigned_abs());
            let written = write!(out, "{sign}{:02}:{:02}", east / 3600, east / 60 % 60);
            if east.is_multiple_of(60) { written } else { write!(out, ":{:02}", east % 60) }
        }
        Value::Interval(months, days, micros) => {
            interval(months, days, micros, out);
            Ok(())
        }
        Value::Uuid(bytes) => {
            for (place, byte) in bytes.iter().enumerate() {
                if matches!(place, 4 | 6 | 8 | 10) {
                    out.push('-');
                }
                let _ = write!(out, "{byte:02x}");
            }
            Ok(())
        }
        Value::Bits(bits, length) => {
            (0..length).rev().for_each(|bit| out.push(if bits >> bit & 1 == 1 { '1' } else { '0' }));
            Ok(())
        }
    };
}

/// Whether the canonical text of a value is not the text that it was read from. The lengths of usual texts tell without a
/// second text: what was read as a date and has ten bytes is spelled as dates are.
pub(super) fn respells(spelled: &str, value: &Value<'_>) -> bool {
    let bytes = spelled.as_bytes();
    let is_usual = match value {
        Value::Text(text) => *text == spelled,
        Value::Bytes(_) => true,
        Value::Date(_) => bytes.len() == 10 && bytes[0].is_ascii_digit(),
        Value::Timestamp(_) => bytes.len() == 19 && bytes[10] == b' ' && bytes[13] == b':' && bytes[16] == b':',
        Value::Time(_) => bytes.len() == 8 && bytes[2] == b':' && bytes[5] == b':',
        Value::Uuid(_) => bytes.len() == 36 && bytes[8] == b'-' && !bytes.iter().any(u8::is_ascii_uppercase),
        _ => false,
    };
    if is_usual || matches!(value, Value::Text(_)) {
        return !is_usual;
    }
    let mut canonical = String::with_capacity(32);
    write(value, &mut canonical);
    canonical != spelled
}

fn not_finite(value: f64) -> &'static str {
    match (value.is_nan(), value.is_sign_negative()) {
        (true, _) => "NaN",
        (_, true) => "-Infinity",
        _ => "Infinity",
    }
}

fn decimal(value: i256, scale: u8, out: &mut String) {
    let digits = value.to_string();
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits.as_str()), |digits| ("-", digits));
    let scale = usize::from(scale);
    out.push_str(sign);
    if scale == 0 {
        out.push_str(digits);
        return;
    }
    let whole = digits.len().saturating_sub(scale);
    out.push_str(if whole == 0 { "0" } else { &digits[..whole] });
    out.push('.');
    (digits.len()..scale).for_each(|_| out.push('0'));
    out.push_str(&digits[whole..]);
}

fn date(days: i64, out: &mut String) {
    // https://howardhinnant.github.io/date_algorithms.html#civil_from_days
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let _ = if year < 0 {
        write!(out, "-{:04}-{month:02}-{day:02}", -year)
    } else {
        write!(out, "{year:04}-{month:02}-{day:02}")
    };
}

fn clock(micros: i64, out: &mut String) {
    let seconds = micros / SECOND;
    let _ = write!(out, "{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    if micros % SECOND != 0 {
        let fraction = format!("{:06}", micros % SECOND);
        let _ = write!(out, ".{}", fraction.trim_end_matches('0'));
    }
}

fn interval(months: i32, days: i32, micros: i64, out: &mut String) {
    if (months, days, micros) == (0, 0, 0) {
        out.push_str("PT0S");
        return;
    }
    out.push('P');
    for (value, unit) in [(months, 'M'), (days, 'D')] {
        if value != 0 {
            let _ = write!(out, "{value}{unit}");
        }
    }
    if micros != 0 {
        let fraction = format!("{:06}", micros.unsigned_abs() % 1_000_000);
        let sign = if micros < 0 { "-" } else { "" };
        let _ = write!(out, "T{sign}{}", micros.unsigned_abs() / 1_000_000);
        if !fraction.trim_end_matches('0').is_empty() {
            let _ = write!(out, ".{}", fraction.trim_end_matches('0'));
        }
        out.push('S');
    }
}

/// A truth value in one of its usual words.
pub(super) fn parse_bool(text: &str) -> Option<bool> {
    let is_one_of = |words: [&str; 6]| words.iter().any(|word| text.trim().eq_ignore_ascii_case(word));
    if is_one_of(["1", "t", "true", "y", "yes", "on"]) {
        Some(true)
    } else if is_one_of(["0", "f", "false", "n", "no", "off"]) {
        Some(false)
    } else {
        None
    }
}

/// A number's text taken apart: whether it is below zero, its digits with their point, and its exponent.
fn split_number(text: &str) -> Option<(bool, &str, i32)> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse().ok()?),
        None => (text, 0),
    };
    Some(match mantissa.strip_prefix('-') {
        Some(digits) => (true, digits, exponent),
        None => (false, mantissa.strip_prefix('+').unwrap_or(mantissa), exponent),
    })
}

/// A decimal number: its digits as one whole number and how many stand after the point.
pub(super) fn parse_decimal(text: &str) -> Option<(i256, i32)> {
    let (negative, digits, exponent) = split_number(text.trim())?;
    let (mut value, mut scale, mut seen, mut after_point) = (i256::ZERO, 0i32, false, false);
    for byte in digits.bytes() {
        match byte {
            b'0'..=b'9' => {
                let digit = i256::from_i128((byte - b'0').into());
                value = value.checked_mul(i256::from_i128(10))?.checked_add(digit)?;
                seen = true;
                scale += i32::from(after_point);
            }
            b'.' if !after_point => after_point = true,
            _ => return None,
        }
    }
    let value = if negative { value.wrapping_neg() } else { value };
    seen.then_some((value, scale.checked_sub(exponent)?))
}

/// Whether a text is a number as `numeric` carries it.
pub(super) fn is_numeric(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let plain = |text: &str| {
        let mut parts = text.splitn(2, '.');
        let digits = |part: Option<&str>| part.is_none_or(|part| part.bytes().all(|byte| byte.is_ascii_digit()));
        text.bytes().any(|byte| byte.is_ascii_digit()) && digits(parts.next()) && digits(parts.next())
    };
    match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => plain(mantissa) && exponent.parse::<i32>().is_ok(),
        None => plain(unsigned) || matches!(text, "NaN" | "Infinity" | "-Infinity"),
    }
}

/// Appends a text that [is a number](is_numeric) without an exponent, a plus sign or zeros before it, and with all its digits
/// behind the point: as PostgreSQL writes it, which keeps those. Nothing when it has more digits than a `numeric` there may
/// have, 131,072 before and 16,383 behind the point: <https://www.postgresql.org/docs/current/datatype-numeric.html>.
pub(super) fn plain_numeric(text: &str, out: &mut String) -> Option<()> {
    const MOST_BEFORE: i64 = 131_072;
    const MOST_BEHIND: i64 = 16_383;
    if !text.bytes().any(|byte| byte.is_ascii_digit()) {
        // `NaN` and the infinities.
        out.push_str(text);
        return Some(());
    }
    let (negative, digits, exponent) = split_number(text)?;
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all = [whole, fraction].concat();
    let significant = all.trim_start_matches('0');
    let behind = (fraction.len() as i64).checked_sub(exponent.into())?;
    let before = significant.len() as i64 - behind;
    if behind > MOST_BEHIND || !significant.is_empty() && before > MOST_BEFORE {
        return None;
    }
    if negative && !significant.is_empty() {
        out.push('-');
    }
    let zeros = |count: i64| std::iter::repeat_n('0', usize::try_from(count).unwrap_or_default());
    if before <= 0 || significant.is_empty() {
        out.push('0');
    } else {
        let (digits, _) = significant.split_at(significant.len().min(before as usize));
        out.push_str(digits);
        out.extend(zeros(-behind));
    }
    if behind > 0 {
        out.push('.');
        out.extend(zeros(-before));
        let kept = significant.len().min(behind as usize);
        out.push_str(&significant[significant.len() - kept..]);
    }
    Some(())
}

/// A UUID in its canonical form, in any case, in braces, or as 32 digits.
pub(super) fn parse_uuid(text: &str) -> Option<[u8; 16]> {
    let text = text.trim();
    let text = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')).unwrap_or(text);
    let (bytes, hyphens) = (text.as_bytes(), [8, 13, 18, 23]);
    let hyphenated = match bytes.len() {
        36 => hyphens.iter().all(|place| bytes.get(*place) == Some(&b'-')),
        32 => false,
        _ => return None,
    };
    let mut digits = bytes.iter().enumerate().filter(|(place, _)| !(hyphenated && hyphens.contains(place)));
    let mut uuid = [0; 16];
    for byte in &mut uuid {
        let mut digit = || char::from(*digits.next()?.1).to_digit(16);
        *byte = u8::try_from(digit()? << 4 | digit()?).ok()?;
    }
    Some(uuid)
}

fn number(text: &str, width: usize) -> Option<i64> {
    (text.len() == width && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok()).flatten()
}

/// A day of the proleptic Gregorian calendar, `YYYY-MM-DD`, counted from 1970-01-01.
pub(super) fn parse_date(text: &str) -> Option<i32> {
    let (year, rest) = text.split_once('-').filter(|(year, _)| year.len() >= 4)?;
    let (month, day) = rest.split_once('-')?;
    let (year, month, day) = (number(year, year.len().min(6))?, number(month, 2)?, number(day, 2)?);
    days(year, month, day)
}

/// The day of a year, month and day that exist.
pub(super) fn days(year: i64, month: i64, day: i64) -> Option<i32> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=length).contains(&day) {
        return None;
    }
    let shifted = year - i64::from(month <= 2);
    let (era, year_of_era) = (shifted.div_euclid(400), shifted.rem_euclid(400));
    let day_of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    i32::try_from(era * 146_097 + day_of_era - 719_468).ok()
}

/// `HH:MM[:SS[.ffffff]]` in microseconds, hours as many as there are; digits finer than microseconds must be zeros.
fn parse_clock(text: &str) -> Option<i64> {
    let (clock, fraction) = text.split_once('.').unwrap_or((text, ""));
    if text.ends_with('.') {
        return None;
    }
    let mut parts = clock.split(':');
    let hours = parts.next().filter(|hours| (1..=6).contains(&hours.len()))?;
    let hours = number(hours, hours.len())?;
    let minutes = number(parts.next()?, 2).filter(|minutes| *minutes < 60)?;
    // A fraction is one of seconds: where there are none, engines do not agree on what it is one of.
    let seconds = match parts.next() {
        Some(seconds) => number(seconds, 2).filter(|seconds| *seconds < 60)?,
        None if text.contains('.') => return None,
        None => 0,
    };
    if parts.next().is_some() || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (micros, finer) = fraction.split_at(fraction.len().min(6));
    if finer.bytes().any(|byte| byte != b'0') {
        return None;
    }
    let micros: i64 = if micros.is_empty() { 0 } else { format!("{micros:0<6}").parse().ok()? };
    Some(((hours * 60 + minutes) * 60 + seconds) * SECOND + micros)
}

/// A time of day.
pub(super) fn parse_time(text: &str) -> Option<i64> {
    parse_clock(text).filter(|micros| *micros < DAY)
}

/// An elapsed time.
pub(super) fn parse_span(text: &str) -> Option<i64> {
    match text.strip_prefix('-') {
        Some(rest) => parse_clock(rest).map(|micros| -micros),
        None => parse_clock(text),
    }
}

/// A date with an optional time and an optional offset: microseconds on the wall clock, and the seconds east of UTC if it says.
pub(super) fn parse_moment(text: &str) -> Option<(i64, Option<i64>)> {
    let text = text.trim();
    let Some((day, rest)) = text.split_once([' ', 'T']) else {
        return Some((i64::from(parse_date(text)?).checked_mul(DAY)?, None));
    };
    let (clock, offset) = match rest.find(['Z', 'z', '+', '-']) {
        None => (rest, None),
        Some(at) => (rest[..at].trim_end(), Some(parse_offset(&rest[at..])?)),
    };
    let micros = i64::from(parse_date(day)?).checked_mul(DAY)?.checked_add(parse_time(clock)?)?;
    Some((micros, offset))
}

/// `Z`, `+02`, `+0230`, `+02:30`: seconds east of UTC, up to the 15:59 that PostgreSQL takes.
fn parse_offset(text: &str) -> Option<i64> {
    if text.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let (sign, rest) = text.split_at_checked(1)?;
    let (hours, minutes) = match rest.len() {
        2 => (rest, "00"),
        4 => rest.split_at_checked(2)?,
        5 => rest.split_once(':')?,
        _ => return None,
    };
    let hours = number(hours, 2).filter(|hours| *hours <= 15)?;
    let minutes = number(minutes, 2).filter(|minutes| *minutes < 60)?;
    let east = (hours * 60 + minutes) * 60;
    Some(if sign == "-" { -east } else { east })
}

/// Appends the canonical text of a network address; nothing when it is none of that kind.
pub(super) fn network(text: &str, kind: NetworkKind, out: &mut String) -> Option<()> {
    let bytes = match kind {
        NetworkKind::Mac => 6,
        NetworkKind::Mac8 => 8,
        NetworkKind::Inet | NetworkKind::Cidr => {
            let (address, mask) = text.trim().split_once('/').map_or((text.trim(), None), |(a, m)| (a, Some(m)));
            let address: IpAddr = address.parse().ok()?;
            let most: u8 = if address.is_ipv4() { 32 } else { 128 };
            let mask = mask.map_or(Some(most), |mask| mask.parse().ok()).filter(|mask| *mask <= most)?;
            if kind == NetworkKind::Cidr && !is_network(address, mask) {
                return None;
            }
            let written = match mask == most && kind == NetworkKind::Inet {
                true => write!(out, "{address}"),
                false => write!(out, "{address}/{mask}"),
            };
            return written.ok();
        }
    };
    let digits: Vec<char> = text.trim().chars().filter(|digit| !matches!(digit, ':' | '-' | '.')).collect();
    if digits.len() != bytes * 2 || !digits.iter().all(char::is_ascii_hexdigit) {
        return None;
    }
    for (place, digit) in digits.iter().enumerate() {
        if place > 0 && place % 2 == 0 {
            out.push(':');
        }
        out.push(digit.to_ascii_lowercase());
    }
    Some(())
}

fn is_network(address: IpAddr, mask: u8) -> bool {
    let host = |bits: u128, width: u32| bits & u128::MAX.checked_shr(128 - (width - u32::from(mask))).unwrap_or(0) == 0;
    match address {
        IpAddr::V4(address) => host(u32::from(address).into(), 32),
        IpAddr::V6(address) => host(u128::from(address), 128),
    }
}
