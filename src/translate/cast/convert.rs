//! One value as a value of another type: the same value, or why it is none.

use super::text::{self, DAY};
use super::value::Value;
use arrow::datatypes::i256;
use dbferry_dialect::{Domain, LogicalType};

/// Why a value is none of the wanted type.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in super::super) struct Misfit<'a> {
    /// The reason's name in reports.
    pub(in super::super) reason: &'static str,
    /// The nearest value of the type, if one is near.
    pub(in super::super) nearest: Option<Value<'a>>,
}

pub(in super::super) type Converted<'a> = Result<Value<'a>, Misfit<'a>>;

const OUT_OF_RANGE: &str = "out-of-range";
const PRECISION: &str = "precision";
pub(in super::super) const SPELLING: &str = "spelling";
const TOO_LONG: &str = "too-long";
const NAN: &str = "nan";
const INFINITY: &str = "infinity";
const NEGATIVE_ZERO: &str = "negative-zero";

fn misfit<'a>(reason: &'static str) -> Converted<'a> {
    Err(Misfit { reason, nearest: None })
}

fn nearest<'a>(reason: &'static str, value: Value<'a>) -> Converted<'a> {
    Err(Misfit { reason, nearest: Some(value) })
}

/// Whether values of the one type can be values of the other at all.
pub(super) fn is_possible(from: &LogicalType, to: &LogicalType) -> bool {
    use LogicalType as L;
    let is_text = |logical: &LogicalType| {
        matches!(
            logical,
            L::Text { .. } | L::Numeric | L::Json | L::Enum { .. } | L::Network { .. } | L::Opaque { .. } | L::Dynamic
        )
    };
    let is_number = |logical: &LogicalType| {
        matches!(logical, L::Bool | L::Int { .. } | L::Year | L::Decimal { .. } | L::Numeric | L::Float { .. })
    };
    let is_bits = |logical: &LogicalType| matches!(logical, L::Bits { .. });
    match to {
        L::Text { .. } => !matches!(from, L::Geometry { .. }),
        L::Json => is_text(from) || is_number(from) || matches!(from, L::Bytes { .. }),
        L::Bool | L::Int { .. } | L::Year => is_number(from) || is_text(from) || is_bits(from),
        L::Decimal { .. } | L::Numeric | L::Float { .. } => is_number(from) || is_text(from),
        L::Bytes { .. } => is_text(from) || matches!(from, L::Bytes { .. } | L::Uuid | L::Geometry { .. }),
        L::Date | L::Timestamp { .. } | L::Instant { .. } => {
            is_text(from) || matches!(from, L::Date | L::Timestamp { .. } | L::Instant { .. })
        }
        L::Time { .. } | L::Span { .. } => is_text(from) || matches!(from, L::Time { .. } | L::Span { .. }),
        L::Uuid => is_text(from) || matches!(from, L::Bytes { .. }),
        L::Network { .. } => is_text(from),
        _ => false,
    }
}

/// The value as one of `to`. `scratch` holds a text that is made for it.
pub(super) fn convert<'s, 'a: 's>(value: Value<'a>, to: &LogicalType, scratch: &'s mut String) -> Converted<'s> {
    use LogicalType as L;
    scratch.clear();
    match to {
        L::Bool => bool(value),
        L::Int { bits, signed } => int(value, limits(*bits, *signed)),
        L::Year => int(value, limits(16, true)),
        L::Decimal { precision, scale } => decimal(value, *precision, *scale),
        L::Float { bits } => float(value, *bits),
        L::Numeric => numeric(value, scratch),
        L::Text { max_chars, .. } => as_text(value, *max_chars, scratch),
        L::Json => json(value, scratch),
        L::Bytes { max_bytes, .. } => bytes(value, *max_bytes),
        L::Date => match value {
            Value::Date(_) => Ok(value),
            Value::Timestamp(micros) | Value::Instant(micros) => {
                let Ok(day) = i32::try_from(micros.div_euclid(DAY)) else { return misfit(OUT_OF_RANGE) };
                if micros.rem_euclid(DAY) == 0 { Ok(Value::Date(day)) } else { nearest(PRECISION, Value::Date(day)) }
            }
            Value::Text(text) => match text::parse_moment(text) {
                Some((micros, None)) => convert(Value::Timestamp(micros), to, scratch),
                _ => misfit(SPELLING),
            },
            _ => misfit(SPELLING),
        },
        L::Timestamp { precision } => moment(value, *precision, false),
        L::Instant { precision } => moment(value, *precision, true),
        L::Time { precision } => match value {
            Value::Time(micros) => cut(micros, *precision, Value::Time),
            Value::Span(micros) if (0..DAY).contains(&micros) => cut(micros, *precision, Value::Time),
            Value::Span(micros) => nearest(OUT_OF_RANGE, Value::Time(if micros < 0 { 0 } else { DAY - 1 })),
            Value::Text(text) => match text::parse_time(text.trim()) {
                Some(micros) => cut(micros, *precision, Value::Time),
                None => misfit(SPELLING),
            },
            _ => misfit(SPELLING),
        },
        L::Span { precision } => match value {
            Value::Span(micros) | Value::Time(micros) => cut(micros, *precision, Value::Span),
            Value::Text(text) => match text::parse_span(text.trim()) {
                Some(micros) => cut(micros, *precision, Value::Span),
                None => misfit(SPELLING),
            },
            _ => misfit(SPELLING),
        },
        L::Uuid => {
            let uuid = match value {
                Value::Uuid(uuid) => Some(uuid),
                Value::Text(text) => text::parse_uuid(text),
                Value::Bytes(bytes) => bytes.try_into().ok(),
                _ => None,
            };
            uuid.map_or_else(|| misfit(SPELLING), |uuid| Ok(Value::Uuid(uuid)))
        }
        L::Network { kind } => match value {
            Value::Text(text) if text::network(text, *kind, scratch).is_some() => Ok(Value::Text(scratch)),
            _ => misfit(SPELLING),
        },
        _ => misfit(SPELLING),
    }
}

/// The value if a native type with that domain holds it; `to` is its type.
pub(super) fn within<'s>(
    value: Value<'s>,
    to: &LogicalType,
    domain: &Domain,
    scratch: &'s mut String,
) -> Converted<'s> {
    match value {
        Value::Text(text) if domain.no_nul && text.contains('\0') => {
            let kept: String = text.chars().filter(|character| *character != '\0').collect();
            scratch.clear();
            scratch.push_str(&kept);
            return nearest("nul-character", Value::Text(scratch));
        }
        Value::Float(float) if float.is_nan() && (domain.finite || domain.no_nan) => return misfit(NAN),
        Value::Float32(float) if float.is_nan() && (domain.finite || domain.no_nan) => return misfit(NAN),
        Value::Float(float) if float == 0.0 && float.is_sign_negative() && domain.no_negative_zero => {
            return nearest(NEGATIVE_ZERO, Value::Float(0.0));
        }
        Value::Float32(float) if float == 0.0 && float.is_sign_negative() && domain.no_negative_zero => {
            return nearest(NEGATIVE_ZERO, Value::Float32(0.0));
        }
        Value::Float(float) if float.is_infinite() && domain.finite => {
            return nearest(INFINITY, Value::Float(if float > 0.0 { f64::MAX } else { f64::MIN }));
        }
        Value::Float32(float) if float.is_infinite() && domain.finite => {
            return nearest(INFINITY, Value::Float32(if float > 0.0 { f32::MAX } else { f32::MIN }));
        }
        _ => {}
    }
    let Some((least, most)) = domain.bounds else { return Ok(value) };
    let place = |number: i128| (number < least.into()).then_some(least).or((number > most.into()).then_some(most));
    let bound = match value {
        // The year 0 is a value of its own.
        Value::Int(0) if *to == LogicalType::Year => None,
        Value::Int(number) => place(number).map(|bound| Value::Int(bound.into())),
        Value::Date(day) => place(day.into()).map(|bound| Value::Date(i32::try_from(bound).unwrap_or(day))),
        Value::Timestamp(micros) => place(micros.into()).map(|bound| Value::Timestamp(whole(bound, to))),
        Value::Instant(micros) => place(micros.into()).map(|bound| Value::Instant(whole(bound, to))),
        Value::Time(micros) => place(micros.into()).map(|bound| Value::Time(whole(bound, to))),
        Value::Span(micros) => place(micros.into()).map(|bound| Value::Span(whole(bound, to))),
        _ => None,
    };
    bound.map_or(Ok(value), |bound| nearest(OUT_OF_RANGE, bound))
}

/// What an exception's text is nearest to, among the values of `to` that a native type of that domain holds: the end of the
/// range for an infinity, the first month and day for those that are zero.
pub(super) fn nearest_to_text(text: &str, to: &LogicalType, domain: &Domain) -> Option<Value<'static>> {
    let (least, most) = domain.bounds.unwrap_or((i64::MIN, i64::MAX));
    let end = match text.to_ascii_lowercase().as_str() {
        "infinity" | "+infinity" | "inf" => Some(most),
        "-infinity" | "-inf" => Some(least),
        _ => None,
    };
    match (to, end) {
        (LogicalType::Date, Some(end)) => Some(Value::Date(if end > 0 {
            i32::try_from(end).unwrap_or(i32::MAX)
        } else {
            i32::try_from(end).unwrap_or(i32::MIN)
        })),
        (LogicalType::Timestamp { .. }, Some(end)) => Some(Value::Timestamp(whole(end, to))),
        (LogicalType::Instant { .. }, Some(end)) => Some(Value::Instant(whole(end, to))),
        (LogicalType::Decimal { precision, scale }, Some(end)) => {
            let most = largest(*precision);
            Some(Value::Decimal(if end > 0 { most } else { most.wrapping_neg() }, *scale))
        }
        (LogicalType::Float { .. }, Some(end)) => Some(Value::Float(if end > 0 { f64::MAX } else { f64::MIN })),
        (LogicalType::Time { .. }, None) if text.starts_with("24:00:00") => Some(Value::Time(whole(DAY - 1, to))),
        (LogicalType::Date, None) => zero_parts(text).map(|micros| Value::Date((micros / DAY) as i32)),
        (LogicalType::Timestamp { .. }, None) => zero_parts(text).map(Value::Timestamp),
        (LogicalType::Instant { .. }, None) => zero_parts(text).map(Value::Instant),
        _ => None,
    }
}

/// A date of which some part is zero, with ones in the place of the zeros.
fn zero_parts(text: &str) -> Option<i64> {
    let (date, rest) = text.split_at_checked(10)?;
    let mut parts = date.splitn(3, '-').map(|part| part.parse::<i64>().ok().map(|part| part.max(1)));
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    // A zero month with a day of 31 begins with January; a day that the month has not is no zero date.
    let days = i64::from(text::days(year, month, day)?);
    let clock = rest.trim_start_matches([' ', 'T']);
    let clock = if clock.is_empty() { 0 } else { text::parse_time(clock)? };
    Some(days * DAY + clock)
}

fn unit(precision: u8) -> i64 {
    10i64.pow(6 - u32::from(precision.min(6)))
}

/// Microseconds with no more digits than the type has.
fn whole(micros: i64, to: &LogicalType) -> i64 {
    use LogicalType as L;
    let (L::Time { precision } | L::Timestamp { precision } | L::Instant { precision } | L::Span { precision }) = to
    else {
        return micros;
    };
    micros - micros % unit(*precision)
}

fn cut<'a>(micros: i64, precision: u8, value: fn(i64) -> Value<'a>) -> Converted<'a> {
    let finer = micros.rem_euclid(unit(precision));
    if finer == 0 { Ok(value(micros)) } else { nearest(PRECISION, value(micros.saturating_sub(finer))) }
}

fn moment<'a>(value: Value<'a>, precision: u8, instant: bool) -> Converted<'a> {
    let made = if instant { Value::Instant } else { Value::Timestamp };
    match value {
        Value::Date(day) => match i64::from(day).checked_mul(DAY) {
            Some(micros) => Ok(made(micros)),
            None => nearest(OUT_OF_RANGE, made(if day > 0 { i64::MAX } else { i64::MIN })),
        },
        Value::Timestamp(micros) | Value::Instant(micros) => cut(micros, precision, made),
        Value::Text(text) => match text::parse_moment(text) {
            // A time without an offset is one of UTC.
            Some((micros, offset)) if instant => {
                let utc = offset.unwrap_or(0).checked_mul(1_000_000).and_then(|east| micros.checked_sub(east));
                utc.map_or_else(|| misfit(OUT_OF_RANGE), |micros| cut(micros, precision, made))
            }
            Some((micros, None)) => cut(micros, precision, made),
            Some(_) => misfit("offset"),
            None => misfit(SPELLING),
        },
        _ => misfit(SPELLING),
    }
}

fn limits(bits: u8, signed: bool) -> (i128, i128) {
    let values = 1i128 << bits;
    if signed { (-values / 2, values / 2 - 1) } else { (0, values - 1) }
}

fn bool<'a>(value: Value<'a>) -> Converted<'a> {
    match value {
        Value::Bool(_) => Ok(value),
        Value::Int(number @ (0 | 1)) => Ok(Value::Bool(number == 1)),
        Value::Bits(bits @ (0 | 1), _) => Ok(Value::Bool(bits == 1)),
        Value::Decimal(..) | Value::Float(_) | Value::Float32(_) => match int(value, (0, 1)) {
            Ok(Value::Int(number)) => Ok(Value::Bool(number == 1)),
            _ => misfit(OUT_OF_RANGE),
        },
        Value::Text(text) => text::parse_bool(text).map_or_else(|| misfit(SPELLING), |value| Ok(Value::Bool(value))),
        _ => misfit(OUT_OF_RANGE),
    }
}

fn int<'a>(value: Value<'a>, (least, most): (i128, i128)) -> Converted<'a> {
    let within = |number: i128, exact: bool| {
        let bound = number.clamp(least, most);
        match (bound == number, exact) {
            (true, true) => Ok(Value::Int(number)),
            (true, false) => nearest(PRECISION, Value::Int(bound)),
            (false, _) => nearest(OUT_OF_RANGE, Value::Int(bound)),
        }
    };
    match value {
        Value::Int(number) => within(number, true),
        Value::Bool(value) => within(value.into(), true),
        Value::Bits(bits, _) => within(bits.into(), true),
        Value::Decimal(unscaled, scale) => {
            let (number, exact) = whole_number(unscaled, scale.into());
            within(number, exact)
        }
        Value::Float32(number) => int(Value::Float(number.into()), (least, most)),
        Value::Float(number) if number.is_nan() => misfit(NAN),
        // A cast saturates, and every whole float below 2^127 is exact.
        Value::Float(number) => within(number.round() as i128, number.fract() == 0.0),
        Value::Text(text) => match text::parse_decimal(text) {
            Some((unscaled, scale)) => {
                let (number, exact) = whole_number(unscaled, scale);
                within(number, exact)
            }
            None => misfit(SPELLING),
        },
        _ => misfit(SPELLING),
    }
}

/// The whole number nearest to a decimal towards zero, and whether it is the same.
fn whole_number(unscaled: i256, scale: i32) -> (i128, bool) {
    let saturated = |number: i256| match number.to_i128() {
        Some(number) => number,
        None if number < i256::ZERO => i128::MIN,
        None => i128::MAX,
    };
    let ten = i256::from_i128(10);
    let Some(power) = ten.checked_pow(scale.unsigned_abs().min(76)) else { return (saturated(unscaled), false) };
    if scale <= 0 {
        return match unscaled.checked_mul(power).filter(|_| scale.unsigned_abs() <= 76) {
            Some(number) => (saturated(number), true),
            None => (if unscaled < i256::ZERO { i128::MIN } else { i128::MAX }, unscaled == i256::ZERO),
        };
    }
    (saturated(unscaled.wrapping_div(power)), unscaled.wrapping_rem(power) == i256::ZERO)
}

/// The largest unscaled number of that many digits.
fn largest(precision: u8) -> i256 {
    let power = i256::from_i128(10).checked_pow(precision.into()).unwrap_or(i256::MAX);
    power.wrapping_sub(i256::ONE)
}

fn decimal<'a>(value: Value<'a>, precision: u8, scale: u8) -> Converted<'a> {
    let (unscaled, from) = match value {
        Value::Int(number) => (i256::from_i128(number), 0),
        Value::Bool(value) => (i256::from_i128(value.into()), 0),
        Value::Decimal(unscaled, scale) => (unscaled, scale.into()),
        Value::Float(number) if number.is_nan() => return misfit(NAN),
        Value::Float(number) if number.is_infinite() => {
            let most = largest(precision);
            return nearest(INFINITY, Value::Decimal(if number > 0.0 { most } else { most.wrapping_neg() }, scale));
        }
        Value::Float32(number) if number.is_nan() || number.is_infinite() => {
            return decimal(Value::Float(number.into()), precision, scale);
        }
        // The shortest digits that give the float back.
        Value::Float(number) => match short_decimal(number, precision, scale) {
            Some(unscaled) => return Ok(Value::Decimal(i256::from_i128(unscaled.into()), scale)),
            None => text::parse_decimal(&format!("{number:e}")).unwrap_or((i256::ZERO, 0)),
        },
        Value::Float32(number) => text::parse_decimal(&format!("{number:e}")).unwrap_or((i256::ZERO, 0)),
        Value::Text(text) => match text::parse_decimal(text) {
            Some(number) => number,
            None => return misfit(SPELLING),
        },
        _ => return misfit(SPELLING),
    };
    let most = largest(precision);
    let saturated = if unscaled < i256::ZERO { most.wrapping_neg() } else { most };
    let ten = i256::from_i128(10);
    let shift = i32::from(scale) - from;
    let (rescaled, exact) = match ten.checked_pow(shift.unsigned_abs().min(77)) {
        Some(power) if shift >= 0 => (unscaled.checked_mul(power), true),
        Some(power) => (Some(unscaled.wrapping_div(power)), unscaled.wrapping_rem(power) == i256::ZERO),
        None if shift < 0 => (Some(i256::ZERO), unscaled == i256::ZERO),
        None => (Some(i256::ZERO).filter(|_| unscaled == i256::ZERO), true),
    };
    match rescaled {
        Some(number) if number > most || number < most.wrapping_neg() => {
            nearest(OUT_OF_RANGE, Value::Decimal(saturated, scale))
        }
        Some(number) if exact => Ok(Value::Decimal(number, scale)),
        Some(number) => nearest(PRECISION, Value::Decimal(number, scale)),
        None => nearest(OUT_OF_RANGE, Value::Decimal(saturated, scale)),
    }
}

/// The unscaled decimal of that scale that a float stands for, if it has at most 15 digits: no two decimals of so few digits
/// are one float, so it is the shortest that gives the float back. Powers of ten up to 10^22 are floats, and a division is
/// rounded correctly.
fn short_decimal(number: f64, precision: u8, scale: u8) -> Option<i64> {
    const MOST: f64 = 1e15;
    let power = (scale <= 15).then(|| 10f64.powi(scale.into()))?;
    let unscaled = (number * power).round();
    let most = if precision < 15 { 10f64.powi(precision.into()) } else { MOST };
    (unscaled.abs() < most && unscaled / power == number).then_some(unscaled as i64)
}

fn float<'a>(value: Value<'a>, bits: u8) -> Converted<'a> {
    let made = |number: f64| if bits == 32 { Value::Float32(number as f32) } else { Value::Float(number) };
    let narrowed = |number: f64| if bits == 32 { f64::from(number as f32) } else { number };
    match value {
        Value::Float(number) if narrowed(number) == number || number.is_nan() => Ok(made(number)),
        Value::Float(number) => nearest(PRECISION, made(number.clamp(f64::from(f32::MIN), f64::from(f32::MAX)))),
        Value::Float32(number) => Ok(made(number.into())),
        Value::Bool(value) => Ok(made(u8::from(value).into())),
        Value::Int(number) => {
            // Below 2^127, so that the way back does not saturate.
            let float = narrowed(number as f64);
            if float as i128 == number { Ok(made(float)) } else { nearest(PRECISION, made(float)) }
        }
        Value::Decimal(..) | Value::Text(_) => {
            let mut written = String::new();
            text::write(&value, &mut written);
            let Ok(number) = written.trim().parse::<f64>() else { return misfit(SPELLING) };
            let Some((unscaled, scale)) = text::parse_decimal(&written) else { return Ok(made(number)) };
            // The same if the shortest digits of the float are those of the decimal.
            let digits = if bits == 32 { format!("{:e}", number as f32) } else { format!("{number:e}") };
            let same = text::parse_decimal(&digits).is_some_and(|digits| reduced(digits) == reduced((unscaled, scale)));
            if same { Ok(made(number)) } else { nearest(PRECISION, made(number)) }
        }
        _ => misfit(SPELLING),
    }
}

/// A decimal without zeros at its end.
fn reduced((mut unscaled, mut scale): (i256, i32)) -> (i256, i32) {
    let ten = i256::from_i128(10);
    if unscaled == i256::ZERO {
        return (i256::ZERO, 0);
    }
    while unscaled.wrapping_rem(ten) == i256::ZERO {
        unscaled = unscaled.wrapping_div(ten);
        scale -= 1;
    }
    (unscaled, scale)
}

fn numeric<'s, 'a: 's>(value: Value<'a>, scratch: &'s mut String) -> Converted<'s> {
    match value {
        Value::Text(text) if !text::is_numeric(text) => misfit(SPELLING),
        Value::Text(text) => match text::plain_numeric(text, scratch) {
            Some(()) => Ok(Value::Text(scratch)),
            None => misfit(OUT_OF_RANGE),
        },
        Value::Bool(value) => {
            scratch.push(if value { '1' } else { '0' });
            Ok(Value::Text(scratch))
        }
        Value::Int(_) | Value::Decimal(..) | Value::Float(_) | Value::Float32(_) => {
            let mut written = String::new();
            text::write(&value, &mut written);
            match text::plain_numeric(&written, scratch) {
                Some(()) => Ok(Value::Text(scratch)),
                None => misfit(OUT_OF_RANGE),
            }
        }
        _ => misfit(SPELLING),
    }
}

fn as_text<'s, 'a: 's>(value: Value<'a>, max_chars: Option<u64>, scratch: &'s mut String) -> Converted<'s> {
    let text: &'s str = match value {
        Value::Text(text) => text,
        Value::Bytes(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(_) => return misfit("invalid-utf8"),
        },
        other => {
            text::write(&other, scratch);
            scratch
        }
    };
    let Some(most) = max_chars else { return Ok(Value::Text(text)) };
    // No text has more characters than bytes.
    if text.len() as u64 <= most {
        return Ok(Value::Text(text));
    }
    let end = usize::try_from(most).ok().and_then(|most| text.char_indices().nth(most));
    match end {
        None => Ok(Value::Text(text)),
        Some((end, _)) => nearest(TOO_LONG, Value::Text(text.get(..end).unwrap_or_default())),
    }
}

fn json<'s, 'a: 's>(value: Value<'a>, scratch: &'s mut String) -> Converted<'s> {
    let is_json = |text: &str| serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
    match value {
        Value::Text(text) if is_json(text) => Ok(value),
        Value::Bytes(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) if is_json(text) => Ok(Value::Text(text)),
            _ => misfit(SPELLING),
        },
        Value::Float(number) if !number.is_finite() => misfit(NAN),
        Value::Float32(number) if !number.is_finite() => misfit(NAN),
        Value::Bool(_) | Value::Int(_) | Value::Decimal(..) | Value::Float(_) | Value::Float32(_) => {
            text::write(&value, scratch);
            Ok(Value::Text(scratch))
        }
        _ => misfit(SPELLING),
    }
}

fn bytes<'a>(value: Value<'a>, max_bytes: Option<u64>) -> Converted<'a> {
    let bytes = match value {
        Value::Bytes(bytes) => bytes,
        Value::Text(text) => text.as_bytes(),
        Value::Uuid(_) if max_bytes.is_none_or(|most| most >= 16) => return Ok(value),
        _ => return misfit(SPELLING),
    };
    let most = max_bytes.map_or(usize::MAX, |most| usize::try_from(most).unwrap_or(usize::MAX));
    match bytes.get(..most.min(bytes.len())) {
        Some(kept) if kept.len() < bytes.len() => nearest(TOO_LONG, Value::Bytes(kept)),
        _ => Ok(Value::Bytes(bytes)),
    }
}
