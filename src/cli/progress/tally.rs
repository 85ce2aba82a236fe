//! What a run has done so far: the one place where its events are added up.

use crate::cli::text::one_line;
use crate::cli::units;
use dbferry::progress::{Event, RowCount};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// A collection that is being worked on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Active {
    /// Rows so far.
    pub(super) rows: u64,
    /// All its rows.
    pub(super) expected: RowCount,
}

/// Everything so far. Small, since it is copied for each look at it.
#[derive(Clone, Debug)]
pub(super) struct Tally {
    pub(super) started: Instant,
    phase: String,
    group: Option<String>,
    pub(super) collections_done: usize,
    /// Rows that will be moved, and rows that will be read again.
    planned: (RowCount, u64),
    /// Rows that were moved, and rows that were read again.
    moved: (u64, u64),
    /// Bytes of all of them, in memory.
    pub(super) bytes: u64,
    work_planned: u64,
    work_done: u64,
    /// When the first work was done, and when the last. The time left is counted from the first, not from the start of the
    /// preparations, and to the last: some steps take their time and say nothing before they are done.
    worked: Option<(Instant, Instant)>,
    in_phase: InPhase,
    active: BTreeMap<String, Active>,
}

/// What the phase that goes on has moved: phases go at different speeds, and the rates are those of this one.
#[derive(Clone, Copy, Debug, Default)]
struct InPhase {
    rows: u64,
    bytes: u64,
    again: bool,
    first_rows: Option<Instant>,
}

impl Tally {
    pub(super) fn new(started: Instant) -> Self {
        Self {
            started,
            phase: "start".into(),
            group: None,
            collections_done: 0,
            planned: (RowCount::Unknown, 0),
            moved: (0, 0),
            bytes: 0,
            work_planned: 0,
            work_done: 0,
            worked: None,
            in_phase: InPhase::default(),
            active: BTreeMap::new(),
        }
    }

    /// Adds what happened.
    pub(super) fn add(&mut self, event: Event<'_>) {
        match event {
            Event::Phase { name, group } => {
                self.phase = name.to_owned();
                self.group = group.map(str::to_owned);
                self.in_phase = InPhase::default();
                // A phase looks at its collections anew; what the one before left open is not in work any more.
                self.active.clear();
            }
            Event::Planned { rows, again, work, .. } => {
                self.planned = (rows, again);
                self.work_planned = work;
            }
            Event::Work { amount } => {
                let now = Instant::now();
                self.worked = Some((self.worked.map_or(now, |(first, _)| first), now));
                self.work_done = self.work_done.saturating_add(amount);
            }
            Event::CollectionStarted { collection, rows } => {
                self.active.entry(collection.to_owned()).or_default().expected = rows;
            }
            Event::Rows { collection, rows, bytes, again } => {
                self.in_phase.first_rows.get_or_insert_with(Instant::now);
                self.in_phase.rows += rows;
                self.in_phase.bytes += bytes;
                self.in_phase.again = again;
                *(if again { &mut self.moved.1 } else { &mut self.moved.0 }) += rows;
                self.bytes += bytes;
                match self.active.get_mut(collection) {
                    Some(active) => active.rows += rows,
                    None => _ = self.active.insert(collection.to_owned(), Active { rows, ..Active::default() }),
                }
            }
            Event::CollectionFinished { collection, .. } => {
                self.active.remove(collection);
                self.collections_done += 1;
            }
            _ => {}
        }
    }

    /// Rows that went by, those that were read again included.
    pub(super) fn rows(&self) -> u64 {
        self.moved.0 + self.moved.1
    }

    /// Rows that will have gone by at the end.
    pub(super) fn rows_planned(&self) -> RowCount {
        [self.planned.0, RowCount::Exactly(self.planned.1)].into_iter().sum()
    }

    /// The collections in work. One whose rows have all been moved stays open in some phases until it is proven; it is
    /// not in work.
    pub(super) fn in_work(&self) -> impl Iterator<Item = (&str, Active)> {
        self.active
            .iter()
            .filter(|(_, active)| active.expected != RowCount::Exactly(active.rows) || active.rows == 0)
            .map(|(name, active)| (name.as_str(), *active))
    }

    /// How much of the work is done, from 0 to 1; unknown before it is planned.
    pub(super) fn fraction(&self) -> Option<f64> {
        (self.work_planned > 0).then(|| (self.work_done as f64 / self.work_planned as f64).min(1.0))
    }

    /// The time left if it goes on like this; unknown in the first moments, and when it should have gone on by now.
    pub(super) fn left(&self) -> Option<Duration> {
        let (first, last) = self.worked?;
        self.left_after(last - first, last.elapsed())
    }

    fn left_after(&self, working: Duration, silent: Duration) -> Option<Duration> {
        let done = self.fraction().filter(|done| *done >= 0.01 && working >= Duration::from_secs(1))?;
        let left = Duration::try_from_secs_f64(working.as_secs_f64() * (1.0 - done) / done).ok()?;
        left.checked_sub(silent)
    }

    /// The phase.
    pub(super) fn phase(&self) -> &str {
        &self.phase
    }

    /// How far it is: `42%, 5 s left, group user`; what is not known is left out.
    pub(super) fn state(&self) -> String {
        // Rounded down: 100% is the end and nothing before it.
        let percent = self.fraction().map(|done| format!("{}%", (done * 100.0).floor()));
        let left = self.left().map(|left| format!("{} left", units::time_left(left)));
        let group = self.group.as_ref().map(|group| format!("group {}", one_line(group)));
        percent.into_iter().chain(left).chain(group).collect::<Vec<_>>().join(", ")
    }

    /// What went by: `4,200,000 of ~10,000,000 rows, 1,230,000 rows/s, 140 MB/s`; empty before the first row.
    pub(super) fn rates(&self) -> String {
        self.rates_after(self.in_phase.first_rows.map_or(Duration::ZERO, |first| first.elapsed()))
    }

    fn rates_after(&self, moving: Duration) -> String {
        let mut line = match (self.in_phase.again, self.moved) {
            (_, (0, 0)) => return String::new(),
            (false, (moved, _)) => of_rows(moved, self.planned.0),
            (true, (_, again)) => format!("{} read again", of_rows(again, RowCount::Exactly(self.planned.1))),
        };
        // Before half a second has passed a rate says more about the first batch than about the run.
        if moving >= Duration::from_millis(500) {
            let rows = units::three_digits(units::per_second(self.in_phase.rows, moving));
            let bytes = units::per_second(self.in_phase.bytes, moving);
            line.push_str(&format!(", {} rows/s, {}/s", units::count(rows), units::size(bytes)));
        }
        line
    }
}

/// `5 of 10 rows`, `5 of ~10 rows`, `5 rows`. An estimate that was too low claims nothing.
pub(super) fn of_rows(rows: u64, expected: RowCount) -> String {
    match expected {
        RowCount::Exactly(expected) => format!("{} of {} rows", units::count(rows), units::count(expected)),
        RowCount::About(expected) if expected >= rows => {
            format!("{} of ~{} rows", units::count(rows), units::count(expected))
        }
        _ => format!("{} rows", units::count(rows)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally() -> Tally {
        let mut tally = Tally::new(Instant::now());
        tally.add(Event::Planned { collections: 2, rows: RowCount::About(3_000_000), again: 2_000_000, work: 1_000 });
        tally.add(Event::Phase { name: "load", group: Some("user") });
        tally.add(Event::CollectionStarted { collection: "main.a", rows: RowCount::Exactly(2_000_000) });
        tally.add(Event::Rows { collection: "main.a", rows: 1_000_000, bytes: 40_000_000, again: false });
        tally.add(Event::Rows { collection: "main.b", rows: 200_000, bytes: 8_000_000, again: false });
        tally.add(Event::Work { amount: 395 });
        tally
    }

    #[test]
    fn events_add_up() {
        let mut tally = tally();
        assert_eq!((tally.rows(), tally.bytes), (1_200_000, 48_000_000));
        assert_eq!(tally.rows_planned(), RowCount::About(5_000_000));
        assert_eq!(tally.active["main.a"], Active { rows: 1_000_000, expected: RowCount::Exactly(2_000_000) });
        assert_eq!(tally.active["main.b"], Active { rows: 200_000, expected: RowCount::Unknown });
        tally.add(Event::CollectionFinished { collection: "main.a", rows: 1_000_000 });
        assert_eq!((tally.active.len(), tally.collections_done), (1, 1));
        tally.add(Event::Phase { name: "prove", group: None });
        assert!(tally.active.is_empty());
    }

    #[test]
    fn what_has_all_its_rows_is_not_in_work() {
        let mut tally = tally();
        tally.add(Event::Rows { collection: "main.a", rows: 1_000_000, bytes: 1, again: false });
        assert_eq!(tally.in_work().map(|(name, _)| name).collect::<Vec<_>>(), ["main.b"]);
    }

    #[test]
    fn the_lines_say_how_far_how_fast_and_how_long() {
        let mut tally = tally();
        assert_eq!(tally.phase(), "load");
        assert_eq!(tally.state(), "39%, group user", "no time is told in the first moments");
        let left = |working, silent| tally.left_after(Duration::from_secs(working), Duration::from_secs(silent));
        assert_eq!(left(395, 0), Some(Duration::from_secs(605)));
        assert_eq!(left(395, 600), Some(Duration::from_secs(5)), "it goes on while nothing is told");
        assert_eq!(left(395, 606), None, "overdue");
        assert_eq!(left(0, 0), None);
        assert_eq!(tally.rates_after(Duration::from_secs(7)), "1,200,000 of ~3,000,000 rows, 171,000 rows/s, 6.9 MB/s");
        tally.add(Event::Phase { name: "prove", group: Some("user") });
        assert_eq!(tally.rates_after(Duration::ZERO), "1,200,000 of ~3,000,000 rows", "no rates without rows");
        tally.add(Event::Rows { collection: "main.a", rows: 500_000, bytes: 5_000_000, again: true });
        assert_eq!(
            tally.rates_after(Duration::from_secs(1)),
            "500,000 of 2,000,000 rows read again, 500,000 rows/s, 5.0 MB/s"
        );
        tally.add(Event::Work { amount: 5_000 });
        assert_eq!((tally.fraction(), tally.state().as_str()), (Some(1.0), "100%, group user"));
    }

    #[test]
    fn before_anything_is_planned_nothing_is_claimed() {
        let tally = Tally::new(Instant::now());
        assert_eq!(
            (tally.fraction(), tally.left(), tally.state(), tally.rates()),
            (None, None, String::new(), String::new())
        );
    }

    #[test]
    fn an_estimate_that_was_too_low_claims_nothing() {
        assert_eq!(of_rows(5, RowCount::About(10)), "5 of ~10 rows");
        assert_eq!(of_rows(15, RowCount::About(10)), "15 rows");
        assert_eq!(of_rows(15, RowCount::Exactly(10)), "15 of 10 rows");
        assert_eq!(of_rows(1_000, RowCount::Unknown), "1,000 rows");
    }
}
