//! Dates, times and intervals from their ISO 8601 texts.

use super::Node;
use super::parse::PRECISION;
use crate::exception::ExceptionReason;

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;

pub(super) fn date(text: &str) -> Result<Node, ExceptionReason> {
    days(text).map(|days| Node::Whole(days.into()))
}

/// A time of day.
pub(super) fn time(text: &str) -> Result<Node, ExceptionReason> {
    clock(text).map(|micros| Node::Whole(micros.into()))
}

/// A date and a time, in no zone.
pub(super) fn moment(text: &str) -> Result<Node, ExceptionReason> {
    let (date, time) = text.split_once('T').ok_or(PRECISION)?;
    let micros = i128::from(days(date)?) * i128::from(DAY) + i128::from(clock(time)?);
    i64::try_from(micros).map(|micros| Node::Whole(micros.into())).map_err(|_| PRECISION)
}

/// Days since 1970-01-01 of `[+|-]YYYY-MM-DD`, where the year has four digits or more.
fn days(text: &str) -> Result<i32, ExceptionReason> {
    let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let parts = text.strip_prefix('+').unwrap_or(text).split('-').map(whole).collect::<Result<Vec<_>, _>>()?;
    let [year, month, day] = parts[..] else { return Err(PRECISION) };
    // No day that is counted in 32 bits is in a later year.
    if year > 10_000_000 {
        return Err(PRECISION);
    }
    let year = if negative { -year } else { year };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return Err(PRECISION),
    };
    if !(1..=length).contains(&day) {
        return Err(PRECISION);
    }
    // Years are counted from March: https://howardhinnant.github.io/date_algorithms.html#days_from_civil.
    let year = year - i64::from(month <= 2);
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    i32::try_from(era * 146_097 + day_of_era - 719_468).map_err(|_| PRECISION)
}

/// The microseconds of `HH:MM:SS[.f]` within a day.
fn clock(text: &str) -> Result<i64, ExceptionReason> {
    span(text).ok().filter(|micros| (0..DAY).contains(micros)).ok_or(PRECISION)
}

/// The microseconds of `[-]HH:MM:SS[.f]`.
pub(super) fn span(text: &str) -> Result<i64, ExceptionReason> {
    let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let mut parts = text.splitn(3, ':');
    let mut part = || parts.next().ok_or(PRECISION);
    let (hours, minutes, seconds) = (part()?, part()?, part()?);
    if minutes.len() != 2 || minutes > "59" || seconds.get(..2) > Some("59") {
        return Err(PRECISION);
    }
    let minutes = whole(hours)?.checked_mul(60).and_then(|hours| hours.checked_add(whole(minutes).ok()?));
    let before = minutes.and_then(|minutes| minutes.checked_mul(60 * SECOND));
    let total = before.and_then(|before| before.checked_add(micros(seconds).ok()?)).ok_or(PRECISION)?;
    Ok(if negative { -total } else { total })
}

/// `HH:MM:SS[.f]+HH:MM[:SS]`.
pub(super) fn time_with_offset(text: &str) -> Result<Node, ExceptionReason> {
    let place = text.rfind(['+', '-']).filter(|place| *place > 0).ok_or(PRECISION)?;
    let (time, offset) = text.split_at(place);
    let sign = if offset.starts_with('-') { -1 } else { 1 };
    let seconds = offset.get(1..).unwrap_or_default().split(':').map(whole);
    let [hours, minutes, rest @ ..] = &seconds.collect::<Result<Vec<_>, _>>()?[..] else { return Err(PRECISION) };
    let seconds = match rest {
        [] => 0,
        [seconds] => *seconds,
        _ => return Err(PRECISION),
    };
    if *hours > 99 || *minutes > 59 || seconds > 59 {
        return Err(PRECISION);
    }
    let offset = sign * (hours * 3600 + minutes * 60 + seconds);
    Ok(Node::Parts(vec![Node::Whole(span(time)?.into()), Node::Whole(offset.into())]))
}

/// `P1Y2M3DT4H5M6.5S`, each part with its own sign.
pub(super) fn interval(text: &str) -> Result<Node, ExceptionReason> {
    let rest = text.strip_prefix('P').ok_or(PRECISION)?;
    let (days, times) = rest.split_once('T').unwrap_or((rest, ""));
    let (mut months, mut day, mut total) = (0_i128, 0_i128, 0_i128);
    for (number, unit) in parts(days)? {
        let number = i128::from(signed(number, whole)?);
        match unit {
            'Y' => months += number * 12,
            'M' => months += number,
            'D' => day += number,
            _ => return Err(PRECISION),
        }
    }
    for (number, unit) in parts(times)? {
        total += match unit {
            'H' => i128::from(signed(number, whole)?) * 3600 * i128::from(SECOND),
            'M' => i128::from(signed(number, whole)?) * 60 * i128::from(SECOND),
            'S' => i128::from(signed(number, micros)?),
            _ => return Err(PRECISION),
        };
    }
    let fits = i32::try_from(months).is_ok() && i32::try_from(day).is_ok() && i64::try_from(total).is_ok();
    if !fits {
        return Err(PRECISION);
    }
    Ok(Node::Parts(vec![Node::Whole(months), Node::Whole(day), Node::Whole(total)]))
}

/// Numbers, each with the letter behind it.
fn parts(text: &str) -> Result<Vec<(&str, char)>, ExceptionReason> {
    let split = text.split_inclusive(|letter: char| letter.is_ascii_uppercase());
    split
        .map(|part| {
            let unit = part.chars().last().filter(char::is_ascii_uppercase).ok_or(PRECISION)?;
            Ok((part.get(..part.len() - 1).ok_or(PRECISION)?, unit))
        })
        .collect()
}

fn signed(text: &str, read: impl Fn(&str) -> Result<i64, ExceptionReason>) -> Result<i64, ExceptionReason> {
    match text.strip_prefix('-') {
        Some(rest) => read(rest).map(|value| -value),
        None => read(text),
    }
}

/// A number without a sign.
fn whole(text: &str) -> Result<i64, ExceptionReason> {
    if text.is_empty() || !text.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(PRECISION);
    }
    text.parse().map_err(|_| PRECISION)
}

/// The microseconds of seconds with a fraction of at most six digits.
fn micros(text: &str) -> Result<i64, ExceptionReason> {
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, "0"));
    if fraction.len() > 6 {
        return Err(PRECISION);
    }
    let fraction = whole(&format!("{fraction:0<6}"))?;
    whole(seconds)?.checked_mul(SECOND).and_then(|micros| micros.checked_add(fraction)).ok_or(PRECISION)
}
