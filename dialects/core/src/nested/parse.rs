//! Texts to values: for each type what its own text is, as [`write`](super::write) makes it.

use super::{Node, time};
use crate::carrier::arrow_type;
use crate::exception::ExceptionReason;
use crate::logical::{LogicalType, OpaqueForm};
use arrow::datatypes::{DataType, i256};
use serde::Deserialize;
use serde_json::value::RawValue;

type Parsed = Result<Node, ExceptionReason>;

/// A text that is no value of its type, or not spelled like one of ours.
pub(super) const PRECISION: ExceptionReason = ExceptionReason::Precision;

/// Whether texts tell all values of that type from each other.
pub(super) fn is_told(logical: &LogicalType) -> bool {
    use LogicalType as L;
    match logical {
        L::List { element } | L::Range { element } => is_told_inside(element),
        L::Struct { fields } => fields.iter().all(|field| is_told_inside(&field.logical)),
        L::Set { .. } | L::Map | L::Interval | L::TimeTz { .. } => true,
        _ => false,
    }
}

fn is_told_inside(logical: &LogicalType) -> bool {
    use LogicalType as L;
    match logical {
        L::List { .. } | L::Range { .. } | L::Struct { .. } => is_told(logical),
        L::Dynamic => false,
        _ => true,
    }
}

/// The value of a whole cell.
pub(super) fn value(logical: &LogicalType, text: &str) -> Parsed {
    match logical {
        // They stand by themselves in columns of characters, as strings in those of JSON.
        LogicalType::Interval | LogicalType::TimeTz { .. } if !text.starts_with('"') => spelt(logical, text),
        _ => {
            json::<&RawValue>(text)?;
            part(logical, text)
        }
    }
}

/// The value of a valid JSON text.
fn part(logical: &LogicalType, raw: &str) -> Parsed {
    use LogicalType as L;
    let raw = if *logical == L::Json { raw } else { raw.trim() };
    if raw == "null" {
        return Ok(Node::Null);
    }
    match logical {
        L::Bool => json::<bool>(raw).map(Node::Bool),
        L::Int { bits, signed } => {
            let value: i128 = raw.parse().map_err(|_| PRECISION)?;
            let width = u32::from(*bits).clamp(1, 64);
            let fits = if *signed {
                (-(1 << (width - 1))..1 << (width - 1)).contains(&value)
            } else {
                (0..1 << width).contains(&value)
            };
            if fits { Ok(Node::Whole(value)) } else { Err(PRECISION) }
        }
        L::Year => raw.parse::<i16>().map(|year| Node::Whole(year.into())).map_err(|_| PRECISION),
        L::Decimal { precision, scale } => {
            let unscaled = decimal(raw, *precision, *scale).ok_or(PRECISION)?;
            match arrow_type(logical) {
                DataType::Decimal128(..) => unscaled.to_i128().map(Node::Whole).ok_or(PRECISION),
                _ => Ok(Node::Wide(unscaled)),
            }
        }
        L::Float { bits } => {
            // Infinities and NaN are strings.
            let digits = if raw.starts_with('"') { json::<String>(raw)? } else { raw.to_owned() };
            match bits {
                32 => digits.parse().map(Node::Single).map_err(|_| PRECISION),
                _ => digits.parse().map(Node::Double).map_err(|_| PRECISION),
            }
        }
        L::Numeric if !raw.starts_with('"') => {
            json::<serde_json::Number>(raw)?;
            Ok(Node::Text(raw.to_owned()))
        }
        // The value null has a blank behind it, which sets it apart from a missing one.
        L::Json if raw.trim() == "null" => Ok(Node::Text(raw.strip_suffix(' ').ok_or(PRECISION)?.to_owned())),
        L::Json => Ok(Node::Text(raw.to_owned())),
        L::Set { .. } => list(&LogicalType::TEXT, raw),
        L::List { element } => list(element, raw),
        L::Struct { fields } => members(fields.iter().map(|field| (field.name.as_str(), &field.logical)), raw),
        L::Range { element } => {
            let fields = [
                ("lower", &**element),
                ("upper", &**element),
                ("lower_inclusive", &L::Bool),
                ("upper_inclusive", &L::Bool),
                ("empty", &L::Bool),
            ];
            members(fields.into_iter(), raw)
        }
        L::Map => {
            let entry = |(key, value)| Ok(Node::Parts(vec![Node::Text(key), part(&LogicalType::TEXT, value)?]));
            entries(raw)?.into_iter().map(entry).collect::<Result<_, _>>().map(Node::Parts)
        }
        _ => spelt(logical, &json::<String>(raw)?),
    }
}

/// The value of a text that stands as a string in JSON.
fn spelt(logical: &LogicalType, text: &str) -> Parsed {
    use LogicalType as L;
    match logical {
        L::Bits { length: Some(length @ 1..=64), varying: false } => {
            let plain = text.len() == *length as usize && text.bytes().all(|digit| matches!(digit, b'0' | b'1'));
            let bits = u64::from_str_radix(text, 2).ok().filter(|_| plain).ok_or(PRECISION)?;
            Ok(Node::Whole(bits.into()))
        }
        L::Bytes { .. } | L::Geometry { .. } | L::Opaque { form: OpaqueForm::Binary, .. } => {
            bytes(text).map(Node::Bytes).ok_or(PRECISION)
        }
        L::Uuid => uuid(text).map(Node::Bytes).ok_or(PRECISION),
        L::Date => time::date(text),
        L::Time { .. } => time::time(text),
        L::Timestamp { .. } => time::moment(text),
        L::Instant { .. } => time::moment(text.strip_suffix('Z').ok_or(PRECISION)?),
        L::Span { .. } => time::span(text).map(|micros| Node::Whole(micros.into())),
        L::Interval => time::interval(text),
        L::TimeTz { .. } => time::time_with_offset(text),
        _ if arrow_type(logical) == DataType::Utf8 => Ok(Node::Text(text.to_owned())),
        _ => Err(PRECISION),
    }
}

fn json<'a, T: Deserialize<'a>>(raw: &'a str) -> Result<T, ExceptionReason> {
    serde_json::from_str(raw).map_err(|_| PRECISION)
}

fn list(element: &LogicalType, raw: &str) -> Parsed {
    items(raw, '[', ']')?.into_iter().map(|item| part(element, item)).collect::<Result<_, _>>().map(Node::Parts)
}

/// An object of just these members, in their order.
fn members<'a>(mut fields: impl Iterator<Item = (&'a str, &'a LogicalType)>, raw: &str) -> Parsed {
    let entries = entries(raw)?;
    let mut parts = Vec::with_capacity(entries.len());
    for (found, value) in entries {
        match fields.next() {
            Some((name, logical)) if name == found => parts.push(part(logical, value)?),
            _ => return Err(PRECISION),
        }
    }
    if fields.next().is_none() { Ok(Node::Parts(parts)) } else { Err(PRECISION) }
}

/// The digits of `[-]123[.45]` without the point, as many behind it as the scale says; zeros may be missing there.
fn decimal(text: &str, precision: u8, scale: u8) -> Option<i256> {
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |digits| ("-", digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let scale = usize::from(scale);
    let (kept, cut) = fraction.split_at_checked(scale).unwrap_or((fraction, ""));
    let is_number = !whole.is_empty() && whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit());
    if !is_number || cut.bytes().any(|digit| digit != b'0') {
        return None;
    }
    let all = format!("{whole}{kept:0<scale$}");
    let significant = all.trim_start_matches('0');
    match significant.len() {
        0 => Some(i256::ZERO),
        length if length > usize::from(precision) => None,
        _ => i256::from_string(&format!("{sign}{significant}")),
    }
}

/// The bytes of a UUID in lower case, with its hyphens.
fn uuid(text: &str) -> Option<Vec<u8>> {
    let hyphens = [8, 13, 18, 23];
    if text.len() != 36 || hyphens.iter().any(|place| text.as_bytes()[*place] != b'-') {
        return None;
    }
    let digits: String = text.chars().filter(|digit| *digit != '-').collect();
    if digits.bytes().any(|digit| digit.is_ascii_uppercase()) {
        return None;
    }
    bytes(&digits).filter(|bytes| bytes.len() == 16)
}

fn bytes(digits: &str) -> Option<Vec<u8>> {
    let (pairs, []) = digits.as_bytes().as_chunks::<2>() else { return None };
    let digit = |digit: u8| char::from(digit).to_digit(16);
    // Two digits of 16 make a byte.
    pairs.iter().map(|[high, low]| Some((digit(*high)? << 4 | digit(*low)?) as u8)).collect()
}

/// What stands between the brackets of a valid JSON text, by its commas. Unlike what `serde_json` gives, blanks stay, which
/// are part of a value of type `json`.
fn items(raw: &str, open: char, close: char) -> Result<Vec<&str>, ExceptionReason> {
    let inner = raw.strip_prefix(open).and_then(|rest| rest.strip_suffix(close)).ok_or(PRECISION)?;
    if inner.trim().is_empty() {
        return Ok(Vec::new());
    }
    let (mut items, mut rest) = (Vec::new(), inner);
    while let Some(place) = find(rest, b',') {
        let (item, behind) = rest.split_at(place);
        items.push(item);
        rest = behind.get(1..).unwrap_or_default();
    }
    items.push(rest);
    Ok(items)
}

/// Names and values of an object in their order, names that come twice included.
fn entries(raw: &str) -> Result<Vec<(String, &str)>, ExceptionReason> {
    let entry = |item| {
        let place = find(item, b':').ok_or(PRECISION)?;
        let (name, value) = item.split_at(place);
        Ok((json(name.trim())?, value.get(1..).unwrap_or_default()))
    };
    items(raw, '{', '}')?.into_iter().map(entry).collect()
}

/// Where a sign stands first that is neither in a string nor in brackets.
fn find(text: &str, sign: u8) -> Option<usize> {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    text.bytes().position(|byte| {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => return depth == 0 && byte == sign,
        }
        false
    })
}
