//! Progress: what a run tells its caller while it goes on. The library never prints; a front end implements this.
//!
//! Two things are told apart. *Rows and bytes* are counted as they go by, for rates; how many there will be may only be
//! estimated. *Work* is the run's own measure of how far it is: it is planned once, and what is told of it adds up to the
//! plan, so that a bar ends at its end whatever the estimates were worth.

mod share;
mod spent;
mod tally;

pub(crate) use share::{Share, divide};
pub use spent::{Spent, Stage};
pub(crate) use spent::{Stopwatch, spend};
pub use tally::{Active, Position, Speed, Tally};

use serde::Serialize;
use std::iter::Sum;

/// Receives what happens. Called from several threads, often; an implementation must be cheap and must not block.
pub trait Progress: Send + Sync {
    /// Something happened.
    fn event(&self, event: Event<'_>);
}

/// What can happen.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A phase begins: `snapshot`, `read`, `check`, `load`, `indexes`, `prove`, `switch`.
    Phase {
        /// Its name.
        name: &'a str,
        /// The group that it works on, if it works on one.
        group: Option<&'a str>,
    },
    /// How much there is to do. Told once, before the first [`Event::Work`].
    Planned {
        /// Collections.
        collections: usize,
        /// Rows that will be moved.
        rows: RowCount,
        /// Rows that will be read again to prove them.
        again: u64,
        /// All the work.
        work: u64,
    },
    /// Some of the planned work was done.
    Work {
        /// How much since it was told last.
        amount: u64,
    },
    /// Work on a collection begins.
    CollectionStarted {
        /// Its name.
        collection: &'a str,
        /// Its rows.
        rows: RowCount,
    },
    /// Rows were moved since the last such event of this collection.
    Rows {
        /// The collection.
        collection: &'a str,
        /// How many.
        rows: u64,
        /// Their size in memory, in bytes.
        bytes: u64,
        /// Whether this run moved them before, and now reads them again to prove it.
        again: bool,
    },
    /// A collection is done.
    CollectionFinished {
        /// Its name.
        collection: &'a str,
        /// All its rows.
        rows: u64,
    },
    /// A group is done: replaced, or failed and left as it was.
    GroupFinished {
        /// Its name.
        group: &'a str,
        /// Whether it was replaced.
        replaced: bool,
    },
    /// A thread has spent time on one stage of its work. Told a few times a batch, for whoever measures.
    Spent {
        /// What on.
        stage: Stage,
        /// How much.
        spent: Spent,
    },
    /// Something that the user should know and that is no failure.
    Warning {
        /// In a sentence.
        message: &'a str,
    },
}

/// A number of rows that is not moved yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RowCount {
    /// Nobody knows.
    #[default]
    Unknown,
    /// An estimate.
    About(u64),
    /// Counted.
    Exactly(u64),
}

impl RowCount {
    /// The number, whatever it is worth.
    pub fn number(self) -> Option<u64> {
        match self {
            Self::Unknown => None,
            Self::About(rows) | Self::Exactly(rows) => Some(rows),
        }
    }

    /// Whether it may be wrong.
    pub fn is_estimate(self) -> bool {
        matches!(self, Self::About(_))
    }

    /// An estimate, if there is one.
    pub(crate) fn estimated(rows: Option<u64>) -> Self {
        rows.map_or(Self::Unknown, Self::About)
    }
}

impl Sum for RowCount {
    /// As good as the worst of its parts.
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::Exactly(0), |sum, count| match (sum, count) {
            (Self::Unknown, _) | (_, Self::Unknown) => Self::Unknown,
            (Self::Exactly(left), Self::Exactly(right)) => Self::Exactly(left.saturating_add(right)),
            (Self::Exactly(left) | Self::About(left), Self::Exactly(right) | Self::About(right)) => {
                Self::About(left.saturating_add(right))
            }
        })
    }
}

/// Hears nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Progress for Silent {
    fn event(&self, _event: Event<'_>) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_is_as_good_as_its_worst_part() {
        use RowCount::{About, Exactly, Unknown};
        let sum = |counts: &[RowCount]| counts.iter().copied().sum::<RowCount>();
        assert_eq!(sum(&[]), Exactly(0));
        assert_eq!(sum(&[Exactly(1), Exactly(2)]), Exactly(3));
        assert_eq!(sum(&[Exactly(1), About(2), Exactly(3)]), About(6));
        assert_eq!(sum(&[Exactly(1), Unknown, About(2)]), Unknown);
        assert_eq!(sum(&[About(u64::MAX), About(1)]), About(u64::MAX));
    }
}
