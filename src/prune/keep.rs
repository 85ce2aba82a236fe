//! The decision, from times alone.

use jiff::Timestamp;
use jiff::civil::ISOWeekDate;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::collections::BTreeSet;

/// How many archives of a series are kept. Days, weeks and months are those of UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Keep {
    /// So many of the newest.
    pub last: u32,
    /// The newest of a day, for so many days that have one.
    pub daily: u32,
    /// The newest of a week from Monday on, for so many weeks that have one.
    pub weekly: u32,
    /// The newest of a month, for so many months that have one.
    pub monthly: u32,
}

impl Keep {
    /// Whether nothing is said.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// Why an archive is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kept {
    /// It is the newest good one.
    Newest,
    /// One of the last ones.
    Last,
    /// The newest of its day.
    Daily,
    /// The newest of its week.
    Weekly,
    /// The newest of its month.
    Monthly,
    /// It cannot be read, so nobody knows what would be lost.
    Unreadable,
    /// Not all of it is there, or a check found it damaged: it is left for somebody to look at, and takes nobody's place.
    Damaged,
    /// It says that it was made in the future: a clock was wrong, so nobody knows what it is newer than.
    Future,
    /// It was made before a restore.
    Safety,
}

/// Decides about the archives of one series, made at these times, in any order: why each is kept, or nothing.
pub fn decide(times: &[Timestamp], keep: &Keep) -> Vec<Vec<Kept>> {
    let mut newest_first: Vec<usize> = (0..times.len()).collect();
    newest_first.sort_by_key(|index| Reverse(times[*index]));
    let mut kept = vec![Vec::new(); times.len()];
    if let Some(newest) = newest_first.first() {
        kept[*newest].push(Kept::Newest);
    }
    for index in newest_first.iter().take(keep.last as usize) {
        kept[*index].push(Kept::Last);
    }
    for (why, most) in [(Kept::Daily, keep.daily), (Kept::Weekly, keep.weekly), (Kept::Monthly, keep.monthly)] {
        let mut seen = BTreeSet::new();
        for index in &newest_first {
            let day = TimeZone::UTC.to_datetime(times[*index]).date();
            let period = match why {
                Kept::Weekly => day.iso_week_date().first_of_week().map_or(day, ISOWeekDate::date),
                Kept::Monthly => day.first_of_month(),
                _ => day,
            };
            if seen.len() < most as usize && seen.insert(period) {
                kept[*index].push(why);
            }
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn times(texts: &[&str]) -> Vec<Timestamp> {
        texts.iter().map(|text| text.parse().expect("a time")).collect()
    }

    fn kept(texts: &[&str], keep: Keep) -> Vec<usize> {
        let decided = decide(&times(texts), &keep);
        (0..texts.len()).filter(|index| !decided[*index].is_empty()).collect()
    }

    #[test]
    fn days_weeks_and_months_keep_their_newest() {
        let texts = [
            "2026-11-30T09:00:00Z", // Monday
            "2026-11-30T03:00:00Z",
            "2026-11-29T03:00:00Z", // Sunday: another week
            "2026-11-28T03:00:00Z",
            "2026-10-31T03:00:00Z",
            "2026-10-01T03:00:00Z",
        ];
        assert_eq!(kept(&texts, Keep { last: 2, ..Keep::default() }), [0, 1]);
        assert_eq!(kept(&texts, Keep { daily: 3, ..Keep::default() }), [0, 2, 3]);
        assert_eq!(kept(&texts, Keep { weekly: 2, ..Keep::default() }), [0, 2]);
        assert_eq!(kept(&texts, Keep { monthly: 9, ..Keep::default() }), [0, 4]);
        assert_eq!(kept(&texts, Keep { last: 1, daily: 1, weekly: 1, monthly: 1 }), [0]);
    }

    proptest! {
        #[test]
        fn the_newest_stays_and_more_is_kept_by_larger_numbers(
            seconds in prop::collection::vec(1_700_000_000_i64..1_800_000_000, 1..60),
            last in 0_u32..8, daily in 0_u32..8, weekly in 0_u32..8, monthly in 0_u32..8,
        ) {
            let times: Vec<Timestamp> =
                seconds.iter().map(|second| Timestamp::from_second(*second).expect("a time")).collect();
            let keep = Keep { last, daily, weekly, monthly };
            let decided = decide(&times, &keep);
            let newest = times.iter().max().expect("one");
            prop_assert!(times.iter().zip(&decided).any(|(time, kept)| time == newest && !kept.is_empty()));
            let count = |decided: &[Vec<Kept>]| decided.iter().filter(|kept| !kept.is_empty()).count();
            prop_assert!(count(&decided) <= (last + daily + weekly + monthly).max(1) as usize);
            prop_assert!(count(&decided) >= (last as usize).min(times.len()));
            // Nothing that a smaller wish keeps is lost by a larger one.
            let larger = decide(&times, &Keep { last: last + 1, daily: daily + 1, weekly: weekly + 1, monthly: monthly + 1 });
            for (small, large) in decided.iter().zip(&larger) {
                prop_assert!(small.is_empty() || !large.is_empty());
            }
            // What is kept stays kept when it is decided again among what was kept.
            let rest: Vec<Timestamp> =
                times.iter().zip(&decided).filter(|(_, kept)| !kept.is_empty()).map(|(time, _)| *time).collect();
            prop_assert!(decide(&rest, &keep).iter().all(|kept| !kept.is_empty()));
        }
    }
}
