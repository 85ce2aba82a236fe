//! What a run has done so far: the one place where its events are added up.

use crate::cli::text::one_line;
use crate::cli::units;
use dbferry::progress::Event;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// A collection that is being worked on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Active {
    /// Rows so far.
    pub(super) rows: u64,
    /// All its rows, as far as known.
    pub(super) expected: Option<u64>,
}

/// Everything so far. Small, since it is copied for each look at it.
#[derive(Clone, Debug)]
pub(super) struct Tally {
    pub(super) started: Instant,
    pub(super) phase: String,
    pub(super) group: Option<String>,
    pub(super) collections: usize,
    pub(super) collections_done: usize,
    pub(super) rows_planned: Option<u64>,
    pub(super) rows: u64,
    pub(super) bytes: u64,
    /// When the first rows came: rates and the time left are counted from here, not from the start of the preparations.
    first_rows: Option<Instant>,
    pub(super) active: BTreeMap<String, Active>,
}

impl Tally {
    pub(super) fn new(started: Instant) -> Self {
        Self {
            started,
            phase: "start".into(),
            group: None,
            collections: 0,
            collections_done: 0,
            rows_planned: None,
            rows: 0,
            bytes: 0,
            first_rows: None,
            active: BTreeMap::new(),
        }
    }

    /// Adds what happened.
    pub(super) fn add(&mut self, event: Event<'_>) {
        match event {
            Event::Phase { name, group } => {
                self.phase = name.to_owned();
                self.group = group.map(str::to_owned);
                // A phase looks at its collections anew; what the one before left open is not in work any more.
                self.active.clear();
            }
            Event::Planned { collections, rows, .. } => {
                self.collections = collections;
                self.rows_planned = rows;
            }
            Event::CollectionStarted { collection, rows } => {
                self.active.entry(collection.to_owned()).or_default().expected = rows;
            }
            Event::Rows { collection, rows, bytes } => {
                self.first_rows.get_or_insert_with(Instant::now);
                self.rows += rows;
                self.bytes += bytes;
                match self.active.get_mut(collection) {
                    Some(active) => active.rows += rows,
                    None => _ = self.active.insert(collection.to_owned(), Active { rows, expected: None }),
                }
            }
            Event::CollectionFinished { collection, .. } => {
                self.active.remove(collection);
                self.collections_done += 1;
            }
            _ => {}
        }
    }

    /// The collections in work. One whose rows have all been moved stays open in some phases until it is proven; it is
    /// not in work.
    pub(super) fn in_work(&self) -> impl Iterator<Item = (&str, Active)> {
        self.active
            .iter()
            .filter(|(_, active)| active.expected.is_none_or(|expected| expected == 0 || active.rows != expected))
            .map(|(name, active)| (name.as_str(), *active))
    }

    /// How long rows have been moving.
    pub(super) fn moving(&self) -> Duration {
        self.first_rows.map_or(Duration::ZERO, |first| first.elapsed())
    }

    /// The time left if it goes on like this; unknown where the number of rows is, and in the first moments.
    pub(super) fn left(&self, moving: Duration) -> Option<Duration> {
        let planned = self.rows_planned.filter(|_| self.rows > 0 && moving >= Duration::from_millis(500))?;
        let rate = self.rows as f64 / moving.as_secs_f64();
        // An estimate of rows can be too low: then the end is near, as far as anybody knows.
        Duration::try_from_secs_f64(planned.saturating_sub(self.rows) as f64 / rate).ok()
    }

    /// The phase and its group: `load user`.
    pub(super) fn phase(&self) -> String {
        let phase = match &self.group {
            Some(group) => format!("{} {group}", self.phase),
            None => self.phase.clone(),
        };
        one_line(&phase).into_owned()
    }

    /// The whole state on one line, `moving` since the first rows.
    pub(super) fn line(&self, moving: Duration) -> String {
        let mut line = match self.rows_planned {
            Some(planned) if planned >= self.rows && planned > 0 => format!(
                "{} of {} rows ({}%)",
                units::count(self.rows),
                units::count(planned),
                // At most 100 by the guard above.
                (u128::from(self.rows) * 100 / u128::from(planned))
            ),
            _ => format!("{} rows", units::count(self.rows)),
        };
        if moving > Duration::ZERO {
            line.push_str(", ");
            line.push_str(&units::rates(self.rows, self.bytes, moving));
        }
        if let Some(left) = self.left(moving) {
            line.push_str(&format!(", {} left", units::duration(left)));
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally() -> Tally {
        let mut tally = Tally::new(Instant::now());
        tally.add(Event::Phase { name: "load", group: Some("user") });
        tally.add(Event::Planned { collections: 2, rows: Some(3_000_000), bytes: None });
        tally.add(Event::CollectionStarted { collection: "main.a", rows: Some(2_000_000) });
        tally.add(Event::Rows { collection: "main.a", rows: 1_000_000, bytes: 40_000_000 });
        tally.add(Event::Rows { collection: "main.b", rows: 200_000, bytes: 8_000_000 });
        tally
    }

    #[test]
    fn events_add_up() {
        let mut tally = tally();
        assert_eq!((tally.rows, tally.bytes), (1_200_000, 48_000_000));
        assert_eq!(tally.active["main.a"], Active { rows: 1_000_000, expected: Some(2_000_000) });
        assert_eq!(tally.active["main.b"], Active { rows: 200_000, expected: None });
        tally.add(Event::CollectionFinished { collection: "main.a", rows: 1_000_000 });
        assert_eq!((tally.active.len(), tally.collections_done), (1, 1));
        tally.add(Event::Phase { name: "prove", group: None });
        assert!(tally.active.is_empty());
    }

    #[test]
    fn what_has_all_its_rows_is_not_in_work() {
        let mut tally = tally();
        tally.add(Event::Rows { collection: "main.a", rows: 1_000_000, bytes: 1 });
        assert_eq!(tally.in_work().map(|(name, _)| name).collect::<Vec<_>>(), ["main.b"]);
    }

    #[test]
    fn the_line_says_how_far_how_fast_and_how_long() {
        let tally = tally();
        assert_eq!(tally.phase(), "load user");
        assert_eq!(
            tally.line(Duration::from_secs(4)),
            "1,200,000 of 3,000,000 rows (40%), 300,000 rows/s, 12 MB/s, 6 s left"
        );
        assert_eq!(tally.left(Duration::from_millis(100)), None);
    }

    #[test]
    fn an_estimate_that_was_too_low_claims_nothing() {
        let mut tally = tally();
        tally.rows_planned = Some(1_000);
        assert_eq!(tally.line(Duration::ZERO), "1,200,000 rows");
        assert_eq!(tally.left(Duration::from_secs(1)), Some(Duration::ZERO));
    }
}
