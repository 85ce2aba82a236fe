//! A sample: some parts of each collection instead of all.
//!
//! Which parts is decided by the number of rows alone, so the same archive gives the same sample. What a sample proves is
//! little, and it is said: the rows that were looked at are in the other place with the same values. It says nothing of
//! other rows, of their number, or of rows that only the other place has.

mod gather;
mod look_up;

use super::pair::Pair;
use super::rows::RowDifferences;
use super::scan::{Rows, RowsPlace, Run};
use super::side::Side;
use super::{VerifyReport, work};
use crate::progress::{Event, RowCount};
use dbferry_dialect::{Chunk, ErrorKind, Result};
use look_up::look_up;

/// How much of each collection is looked at. Whole row groups of an archive, and whole chunks of a database.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sample {
    /// About so many of a hundred rows.
    Percent(f64),
    /// At least so many rows, or all.
    Rows(u64),
}

impl Sample {
    /// Which of the parts with `rows` rows each are looked at: evenly spread, at least one if there is any.
    pub(crate) fn choose(self, rows: &[u64]) -> Vec<usize> {
        let all: u64 = rows.iter().sum();
        let wish = match self {
            // A part of a number of rows is a number of rows.
            Self::Percent(percent) => (all as f64 * percent.clamp(0.0, 100.0) / 100.0).ceil() as u64,
            Self::Rows(rows) => rows.min(all),
        };
        let parts = rows.len() as u64;
        if parts == 0 {
            return Vec::new();
        }
        // By the average; where the parts are uneven one more is taken until there are enough.
        let average = (all / parts).max(1);
        let mut count = wish.div_ceil(average).clamp(1, parts);
        loop {
            let chosen: Vec<usize> =
                (0..count).map(|number| ((2 * number + 1) * parts / (2 * count)) as usize).collect();
            let taken: u64 = chosen.iter().map(|part| rows[*part]).sum();
            if taken >= wish || count == parts {
                return chosen;
            }
            count += 1;
        }
    }
}

/// Compares a sample of each pair.
///
/// # Errors
/// When a place cannot be read.
pub(super) fn compare<'a>(
    sides: &mut [Side<'a>; 2],
    mut pairs: Vec<Pair<'a>>,
    places: &[usize],
    sample: Sample,
    most: usize,
    run: &Run<'_>,
    report: &mut VerifyReport,
) -> Result<()> {
    let mut work = Vec::new();
    for pair in &mut pairs {
        pair.prepare(sides, run)?;
        work.push(restrict(pair.rows_mut()?, sample));
    }
    let planned = pairs.iter().filter_map(Pair::rows).flat_map(|rows| rows.iter().map(|rows| rows.work));
    run.progress.event(Event::Planned {
        collections: pairs.len(),
        rows: RowCount::About(work.iter().map(|sampled| sampled.rows.saturating_mul(2)).sum()),
        again: 0,
        work: work::sum(planned),
    });
    run.progress.event(Event::Phase { name: "prove", group: None });
    let (mut looked_up, mut all) = (0_u64, 0_u64);
    for ((pair, sampled), place) in pairs.iter_mut().zip(work).zip(places) {
        run.cancel.check()?;
        let line = &mut report.collections[*place];
        let mut sentences = Vec::new();
        if !pair.missing.is_empty() {
            sentences.push(format!("the database has no column {}", pair.missing.join(", ")));
        }
        let mut first_try = true;
        let outcome = loop {
            match look_up(sides, pair, most, run, first_try) {
                Err(error) if error.kind() == ErrorKind::Incompatible && pair.leave_out(&error) => {
                    first_try = false;
                    pair.prepare(sides, run)?;
                    restrict(pair.rows_mut()?, sample);
                }
                outcome => break outcome,
            }
        };
        match outcome {
            Ok(found) => {
                looked_up += found.looked_up;
                if found.cut {
                    report.notes.push(format!(
                        "{}: the sample was larger than the memory and was cut to {} rows",
                        line.collection, found.looked_up
                    ));
                }
                line.row_differences = found.differences.filter(|found| found.count() > 0);
                sentences.extend(line.row_differences.as_ref().map(RowDifferences::describe));
            }
            Err(error) if error.kind() == ErrorKind::Incompatible => sentences.push(super::against::unreadable(&error)),
            Err(error) => return Err(error),
        }
        all += sampled.all;
        run.progress.event(Event::CollectionFinished { collection: &line.collection.to_string(), rows: sampled.rows });
        line.not_compared = pair.take_not_compared();
        line.compared_as = pair.compared_as();
        line.difference = Some(sentences.join("; ")).filter(|text| !text.is_empty());
    }
    report.notes.push(format!(
        "a sample: {looked_up} of about {all} rows were looked up; it proves that these are there with the same values, and \
         nothing of other rows, of how many there are, or of rows that only the other place has"
    ));
    Ok(())
}

/// How much was chosen.
struct Sampled {
    rows: u64,
    all: u64,
}

/// Leaves only the chosen parts of the first place.
fn restrict(rows: &mut [Rows<'_>; 2], sample: Sample) -> Sampled {
    let [source, target] = rows;
    let work_before = source.work;
    let sampled = match &mut source.place {
        RowsPlace::Archive { entry, row_groups, .. } => {
            *row_groups = sample.choose(&entry.row_groups);
            Sampled { rows: row_groups.iter().map(|group| entry.row_groups[*group]).sum(), all: entry.rows }
        }
        RowsPlace::Database { chunks, .. } => {
            let all = source.rows.number().unwrap_or(0);
            let bytes: u64 = chunks.iter().map(|chunk| chunk.estimated_bytes).sum();
            // How many rows a chunk has nobody knows; about as many as its share of the bytes.
            let share = |chunk: &Chunk| {
                let rows = u128::from(all) * u128::from(chunk.estimated_bytes);
                // A share of `all` is not larger than it.
                rows.checked_div(u128::from(bytes)).unwrap_or(0) as u64
            };
            let shares: Vec<u64> = chunks.iter().map(share).collect();
            let chosen = sample.choose(&shares);
            let rows = chosen.iter().map(|chunk| shares[*chunk]).sum();
            *chunks = chosen.iter().map(|chunk| chunks[*chunk].clone()).collect();
            Sampled { rows, all }
        }
    };
    source.rows = RowCount::About(sampled.rows);
    source.work = work_before.checked_mul(sampled.rows).and_then(|work| work.checked_div(sampled.all)).unwrap_or(0);
    target.work = source.work;
    sampled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_spread_and_large_enough() {
        assert_eq!(Sample::Percent(1.0).choose(&[]), Vec::<usize>::new());
        assert_eq!(Sample::Percent(1.0).choose(&[100]), [0]);
        assert_eq!(Sample::Percent(100.0).choose(&[5; 4]), [0, 1, 2, 3]);
        assert_eq!(Sample::Percent(50.0).choose(&[10; 4]), [1, 3]);
        assert_eq!(Sample::Rows(1).choose(&[10; 10]), [5]);
        assert_eq!(Sample::Rows(1_000).choose(&[10; 3]), [0, 1, 2]);
        // The part in the middle is the smallest.
        let uneven = [100, 1, 100];
        let taken: u64 = Sample::Rows(50).choose(&uneven).iter().map(|part| uneven[*part]).sum();
        assert!(taken >= 50);
        assert_eq!(Sample::Rows(7).choose(&[0, 0]), [1]);
    }
}
