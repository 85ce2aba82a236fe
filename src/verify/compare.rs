//! What the rows of two places hash to, and which rows differ.

use super::pair::Pair;
use super::rehash::Hashes;
use super::rows::{self, RowDifferences};
use super::scan::{Feed, Rows, Run, scan};
use super::side::Side;
use super::work;
use crate::progress::{Event, Progress};
use dbferry_dialect::hash::CollectionHash;
use dbferry_dialect::{Error, Result};

/// What the rows of a pair hash to in each place, or why they cannot be read.
pub(crate) type Hashed = Result<[CollectionHash; 2]>;

/// Counts and hashes the rows of every pair in both places.
///
/// # Errors
/// When a place cannot be read. That a column cannot be read as it is wanted leaves it out of its pair.
pub(crate) fn hash<'a>(sides: &mut [Side<'a>; 2], pairs: &mut [Pair<'a>], run: &Run<'_>) -> Result<Vec<Hashed>> {
    for pair in pairs.iter_mut() {
        pair.prepare(sides, run)?;
    }
    let is_read = |sides: &[Side<'_>; 2], place: usize, rows: &[Rows<'_>; 2]| {
        let [left, right] = rows;
        sides[place].known(if place == 0 { left } else { right }).is_none()
    };
    let read = || {
        let sides = &*sides;
        pairs.iter().filter_map(|pair| pair.rows()).flat_map(move |rows| {
            (0..2).filter(move |place| is_read(sides, *place, rows)).map(move |place| &rows[place])
        })
    };
    run.progress.event(Event::Planned {
        collections: pairs.len(),
        rows: read().map(|rows| rows.rows).sum(),
        again: 0,
        work: work::sum(read().map(|rows| rows.work)),
    });
    run.progress.event(Event::Phase { name: "prove", group: None });

    let mut found: Vec<Option<Hashed>> = pairs.iter().map(|_| None).collect();
    let mut pending: Vec<usize> = (0..pairs.len()).collect();
    let mut again = run.again;
    while !pending.is_empty() {
        let tables = |sides: &[Side<'_>; 2], place: usize| {
            let rows = pending.iter().filter_map(|number| Some((*number, pairs[*number].rows()?)));
            let read = rows.filter(|(_, rows)| is_read(sides, place, rows));
            read.map(|(number, rows)| (number, &rows[place])).collect::<Vec<_>>()
        };
        let tables = [tables(sides, 0), tables(sides, 1)];
        let both = tables.iter().all(|tables| !tables.is_empty());
        let most = if both { (run.resources.jobs / 2).max(1) } else { run.resources.jobs };
        let hashes = Hashes::new(tables.clone());
        let this_run = Run { resources: run.resources, cancel: run.cancel, progress: run.progress, again };
        let feeds = sides.iter_mut().zip(tables).map(|(side, tables)| Feed { workers: side.workers(most), tables });
        let feeds: Vec<_> = feeds.collect();
        let unreadable = scan(feeds, &hashes, &this_run)?;
        let done: Vec<(usize, [CollectionHash; 2])> = pending
            .iter()
            .filter_map(|number| {
                let rows = pairs[*number].rows()?;
                let of = |place: usize| sides[place].known(&rows[place]).unwrap_or_else(|| hashes.of(place, *number));
                Some((*number, [of(0), of(1)]))
            })
            .collect();
        drop(hashes);
        let mut errors: Vec<_> = unreadable.into_iter().flatten().collect();
        pending.clear();
        for (number, hashes) in done {
            let of_pair = errors.extract_if(.., |(table, _)| *table == number).map(|(_, error)| error);
            let of_pair: Vec<Error> = of_pair.collect();
            let Some(first) = of_pair.first() else {
                found[number] = Some(Ok(hashes));
                continue;
            };
            // Both places may have given up; without the column of one of them the other is asked again.
            if pairs[number].leave_out(first) {
                pairs[number].prepare(sides, run)?;
                // What was planned for it is done as far as anybody was told.
                for rows in pairs[number].rows_mut()? {
                    rows.work = 0;
                }
                pending.push(number);
            } else {
                found[number] = of_pair.into_iter().next().map(Err);
            }
        }
        again = true;
    }
    let nothing = || Ok([CollectionHash::default(); 2]);
    Ok(found.into_iter().map(|found| found.unwrap_or_else(nothing)).collect())
}

/// Finds the rows of a pair that differ and tells of the first `most`.
///
/// # Errors
/// When a place cannot be read.
pub(crate) fn differences(
    sides: &mut [Side<'_>; 2],
    pair: &Pair<'_>,
    most: usize,
    run: &Run<'_>,
) -> Result<Option<RowDifferences>> {
    let Some(rows) = pair.rows() else { return Ok(None) };
    let silent = WithoutWork(run.progress);
    let run = Run { resources: run.resources, cancel: run.cancel, progress: &silent, again: true };
    rows::differences(sides, rows, &pair.key(rows[0].taken()), most, &run).map(Some)
}

/// Hears everything but work: a closer look is not planned, since nobody knows before whether it will be needed.
pub(super) struct WithoutWork<'a>(pub(super) &'a dyn Progress);

impl Progress for WithoutWork<'_> {
    fn event(&self, event: Event<'_>) {
        if !matches!(event, Event::Work { .. }) {
            self.0.event(event);
        }
    }
}
