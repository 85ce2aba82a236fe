//! Which rows and cells of a collection differ between two places.
//!
//! Two looks at all rows of both places, whatever their size and order: the first finds the slices of keys that differ
//! ([`slices`]), the second keeps the rows of these and puts them side by side ([`collect`]).

mod collect;
mod key;
mod report;
mod slices;
mod value;

pub use report::{CellDifference, KeyPart, RowDifference, RowDifferenceKind, RowDifferences};

pub(crate) use collect::{Collect, Wanted};
pub(crate) use key::{KeyHasher, RowKey};
pub(crate) use report::Finding;
pub(crate) use value::plain;

use super::scan::{Feed, Rows, Run, scan};
use super::side::Side;
use dbferry_dialect::{Error, ErrorKind, Result};

/// Finds the rows that differ, matched by `key`; `most` is how many of them are told.
///
/// # Errors
/// When a place cannot be read.
pub(crate) fn differences(
    sides: &mut [Side<'_>; 2],
    rows: &[Rows<'_>; 2],
    key: &RowKey,
    most: usize,
    run: &Run<'_>,
) -> Result<RowDifferences> {
    let columns = [rows[0].taken(), rows[1].taken()];
    let count = rows.iter().filter_map(|rows| rows.rows.number()).max().unwrap_or(0);
    let slices = slices::Slices::new(columns, key, count);
    read(sides, rows, &slices, run)?;
    let differing = slices.differing();
    // A quarter of the memory; the rest is for those who read.
    let most_bytes = run.resources.memory / 4;
    let each_row = 200 + 150 * columns[0].columns.len() as u64;
    let limit = slices.limit(most_bytes / each_row);
    let collect = Collect::new(columns, key, Wanted::Slices(&differing), limit, most_bytes);
    read(sides, rows, &collect, run)?;
    let (apart, complete) = collect.finish();
    let finding = Finding { columns: columns[0], key, complete, slices: (differing.count, slices.count()) };
    Ok(finding.report(apart, most))
}

fn read(
    sides: &mut [Side<'_>; 2],
    rows: &[Rows<'_>; 2],
    gather: &dyn super::scan::Gather,
    run: &Run<'_>,
) -> Result<()> {
    let each = (run.resources.jobs / 2).max(1);
    let [left, right] = sides;
    let feeds = vec![
        Feed { workers: left.workers(each), tables: vec![(0, &rows[0])] },
        Feed { workers: right.workers(each), tables: vec![(0, &rows[1])] },
    ];
    let unreadable = scan(feeds, gather, run)?;
    match unreadable.into_iter().find_map(|mut place| place.remove(&0)) {
        // Its columns could be read a moment ago, from the very same snapshot.
        Some(error) => Err(Error::new(ErrorKind::Internal, "a collection could be read once only").caused_by(error)),
        None => Ok(()),
    }
}
