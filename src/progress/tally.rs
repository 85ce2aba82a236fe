//! What a run has done so far: the one place where its events are added up, for every front end.

use super::{Event, RowCount};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// A collection that is being worked on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Active {
    /// Rows so far.
    pub rows: u64,
    /// All its rows.
    pub expected: RowCount,
}

/// Everything so far. Small, since it is copied for each look at it.
#[derive(Clone, Debug)]
pub struct Tally {
    started: Instant,
    phase: String,
    group: Option<String>,
    collections: Option<usize>,
    collections_done: usize,
    /// Rows that will be moved, and rows that will be read again.
    planned: (RowCount, u64),
    /// Rows that were moved, and rows that were read again.
    moved: (u64, u64),
    /// Bytes of all of them, in memory.
    bytes: u64,
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
    /// That of a run that began then.
    pub fn new(started: Instant) -> Self {
        Self {
            started,
            phase: "start".into(),
            group: None,
            collections: None,
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
    pub fn add(&mut self, event: Event<'_>) {
        match event {
            Event::Phase { name, group } => {
                self.phase = name.to_owned();
                self.group = group.map(str::to_owned);
                self.in_phase = InPhase::default();
                // A phase looks at its collections anew; what the one before left open is not in work any more.
                self.active.clear();
            }
            Event::Planned { collections, rows, again, work } => {
                self.collections = Some(collections);
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
    pub fn rows(&self) -> u64 {
        self.moved.0 + self.moved.1
    }

    /// Rows that will have gone by at the end.
    pub fn rows_planned(&self) -> RowCount {
        [self.planned.0, RowCount::Exactly(self.planned.1)].into_iter().sum()
    }

    /// The collections in work. One whose rows have all been moved stays open in some phases until it is proven; it is
    /// not in work.
    pub fn in_work(&self) -> impl Iterator<Item = (&str, Active)> {
        self.active
            .iter()
            .filter(|(_, active)| active.expected != RowCount::Exactly(active.rows) || active.rows == 0)
            .map(|(name, active)| (name.as_str(), *active))
    }

    /// How much of the work is done, from 0 to 1; unknown before it is planned.
    pub fn fraction(&self) -> Option<f64> {
        (self.work_planned > 0).then(|| (self.work_done as f64 / self.work_planned as f64).min(1.0))
    }

    /// The time left if it goes on like this; unknown in the first moments, and when it should have gone on by now.
    pub fn left(&self) -> Option<Duration> {
        let (first, last) = self.worked?;
        self.left_after(last - first, last.elapsed())
    }

    fn left_after(&self, working: Duration, silent: Duration) -> Option<Duration> {
        let done = self.fraction().filter(|done| *done >= 0.01 && working >= Duration::from_secs(1))?;
        let left = Duration::try_from_secs_f64(working.as_secs_f64() * (1.0 - done) / done).ok()?;
        left.checked_sub(silent)
    }

    /// The phase.
    pub fn phase(&self) -> &str {
        &self.phase
    }

    /// The group that the phase works on.
    pub fn group(&self) -> Option<&str> {
        self.group.as_deref()
    }

    /// When the run began.
    pub fn started(&self) -> Instant {
        self.started
    }

    /// How many collections there are to do, once that is planned.
    pub fn collections(&self) -> Option<usize> {
        self.collections
    }

    /// How many of them are done.
    pub fn collections_done(&self) -> usize {
        self.collections_done
    }

    /// Bytes that went by, in memory.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The rows that went by the way they go by in this phase, and how many there will be: those that are moved, or those
    /// that are read again.
    pub fn position(&self) -> Position {
        match self.in_phase.again {
            false => Position { rows: self.moved.0, expected: self.planned.0, again: false },
            true => Position { rows: self.moved.1, expected: RowCount::Exactly(self.planned.1), again: true },
        }
    }

    /// Rows and bytes a second in this phase; unknown in its first half second, when it says more about the first batch than
    /// about the run.
    pub fn speed(&self) -> Option<Speed> {
        self.speed_after(self.in_phase.first_rows?.elapsed())
    }

    fn speed_after(&self, moving: Duration) -> Option<Speed> {
        let a_second = |amount: u64| (amount as f64 / moving.as_secs_f64()).round() as u64;
        (moving >= Duration::from_millis(500))
            .then(|| Speed { rows: a_second(self.in_phase.rows), bytes: a_second(self.in_phase.bytes) })
    }
}

/// How many rows went by in the way of the present phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// So far.
    pub rows: u64,
    /// At the end.
    pub expected: RowCount,
    /// Whether they are read again.
    pub again: bool,
}

/// How fast it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Speed {
    /// Rows a second.
    pub rows: u64,
    /// Bytes a second, in memory.
    pub bytes: u64,
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
        assert_eq!((tally.rows(), tally.bytes()), (1_200_000, 48_000_000));
        assert_eq!(tally.rows_planned(), RowCount::About(5_000_000));
        assert_eq!(tally.active["main.a"], Active { rows: 1_000_000, expected: RowCount::Exactly(2_000_000) });
        assert_eq!(tally.active["main.b"], Active { rows: 200_000, expected: RowCount::Unknown });
        tally.add(Event::CollectionFinished { collection: "main.a", rows: 1_000_000 });
        assert_eq!((tally.active.len(), tally.collections_done(), tally.collections()), (1, 1, Some(2)));
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
    fn the_time_left_is_that_of_the_work() {
        let left = |working, silent| tally().left_after(Duration::from_secs(working), Duration::from_secs(silent));
        assert_eq!(left(395, 0), Some(Duration::from_secs(605)));
        assert_eq!(left(395, 600), Some(Duration::from_secs(5)), "it goes on while nothing is told");
        assert_eq!(left(395, 606), None, "overdue");
        assert_eq!(left(0, 0), None);
    }

    #[test]
    fn the_speed_is_that_of_the_phase() {
        let mut tally = tally();
        let speed = Speed { rows: 171_429, bytes: 6_857_143 };
        assert_eq!(tally.speed_after(Duration::from_secs(7)), Some(speed));
        assert_eq!(tally.speed_after(Duration::from_millis(499)), None);
        tally.add(Event::Phase { name: "prove", group: Some("user") });
        assert_eq!(tally.speed(), None, "no rows yet");
        tally.add(Event::Rows { collection: "main.a", rows: 500_000, bytes: 5_000_000, again: true });
        let position = Position { rows: 500_000, expected: RowCount::Exactly(2_000_000), again: true };
        assert_eq!(tally.position(), position);
        assert_eq!(tally.speed_after(Duration::from_secs(1)), Some(Speed { rows: 500_000, bytes: 5_000_000 }));
    }

    #[test]
    fn before_anything_is_planned_nothing_is_claimed() {
        let tally = Tally::new(Instant::now());
        assert_eq!((tally.fraction(), tally.left(), tally.speed()), (None, None, None));
    }
}
