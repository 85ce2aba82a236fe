//! Looks the sampled rows of one place up in the other.

use super::super::compare::WithoutWork;
use super::super::pair::Pair;
use super::super::rows::{Collect, Finding, RowDifferences, Wanted};
use super::super::scan::{Feed, Gather, Rows, RowsPlace, Run, scan};
use super::super::side::Side;
use super::gather::{Match, Seen};
use dbferry_dialect::{Chunk, ChunkRange, Error, ErrorKind, LogicalType, Result};
use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

/// What came of one pair.
pub(super) struct LookedUp {
    pub(super) looked_up: u64,
    pub(super) cut: bool,
    pub(super) differences: Option<RowDifferences>,
}

pub(super) fn look_up(
    sides: &mut [Side<'_>; 2],
    pair: &mut Pair<'_>,
    most: usize,
    run: &Run<'_>,
    first_try: bool,
) -> Result<LookedUp> {
    let rows = pair.rows().ok_or_else(|| Error::new(ErrorKind::Internal, "a pair was not prepared"))?;
    let columns = [rows[0].taken(), rows[1].taken()];
    let integer_there = |column: &str| pair.is_whole_number(1, column);
    let key = pair.key(columns[0]);
    let leading = key.columns.first().map(|position| &columns[0].columns[*position]);
    let leading =
        leading.filter(|column| !key.whole && column.logical != (LogicalType::Int { bits: 64, signed: false }));
    let leading =
        leading.filter(|column| matches!(column.logical, LogicalType::Int { .. }) && integer_there(&column.name));
    let seen =
        Seen { columns: columns[0], key: &key, most: (run.resources.memory / 4 / 64).max(1), found: Mutex::default() };
    let silent = WithoutWork(run.progress);
    let without_work = Run { progress: &silent, ..*run };
    let run = if first_try { run } else { &without_work };
    read(sides, [Some(&rows[0]), None], &seen, run)?;
    let seen = seen.found.into_inner().unwrap_or_else(PoisonError::into_inner);

    let mut there = rows[1].clone();
    if let (Some(column), false, Some(endpoint), RowsPlace::Database { chunks, conditions }) =
        (leading, seen.open, sides[1].endpoint(), &mut there.place)
    {
        let syntax = endpoint.dialect.syntax();
        let ranges = merged(seen.ranges);
        let ranges = ranges.into_iter().map(|(first, last)| syntax.key_range(&column.name, first, last));
        if let (Some(ranges), true) = (ranges.collect::<Option<Vec<String>>>(), conditions.is_empty()) {
            let each = |_: &String| Chunk { range: ChunkRange::Whole, estimated_bytes: 1 };
            *chunks = ranges.iter().map(each).collect();
            *conditions = ranges;
        }
    }
    let matched = Match { columns: columns[1], key: &key, left: Mutex::new(seen.rows) };
    read(sides, [None, Some(&there)], &matched, run)?;
    let left = matched.left.into_inner().unwrap_or_else(PoisonError::into_inner);
    let left: HashSet<u128> = left.into_keys().map(|(key, _)| key).collect();
    let differences = if left.is_empty() {
        None
    } else {
        let collect = Collect::new(columns, &key, Wanted::Keys(&left), None, run.resources.memory / 4);
        read(sides, [Some(&rows[0]), Some(&there)], &collect, &without_work)?;
        let (apart, complete) = collect.finish();
        let finding = Finding { columns: columns[0], key: &key, complete, slices: (0, 0) };
        Some(finding.report(apart, most))
    };
    Ok(LookedUp { looked_up: seen.count, cut: seen.cut, differences })
}

/// Ranges that do not overlap and hold the same numbers, so that no row is read twice.
fn merged(mut ranges: Vec<(i64, i64)>) -> Vec<(i64, i64)> {
    ranges.sort_unstable();
    let mut merged: Vec<(i64, i64)> = Vec::with_capacity(ranges.len());
    for (first, last) in ranges {
        match merged.last_mut() {
            Some((_, end)) if first <= *end => *end = last.max(*end),
            _ => merged.push((first, last)),
        }
    }
    merged
}

fn read(sides: &mut [Side<'_>; 2], rows: [Option<&Rows<'_>>; 2], gather: &dyn Gather, run: &Run<'_>) -> Result<()> {
    let jobs = run.resources.jobs;
    let each = if rows.iter().all(Option::is_some) { (jobs / 2).max(1) } else { jobs };
    let feed = |side, rows: Option<_>| {
        let side: &mut Side<'_> = side;
        Feed { workers: side.workers(each), tables: rows.map(|rows| (0, rows)).into_iter().collect() }
    };
    let [left, right] = sides;
    let unreadable = scan(vec![feed(left, rows[0]), feed(right, rows[1])], gather, run)?;
    match unreadable.into_iter().find_map(|mut place| place.remove(&0)) {
        Some(error) => Err(error),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_that_overlap_are_one() {
        assert_eq!(merged(vec![(5, 9), (1, 3), (3, 4), (7, 8)]), [(1, 4), (5, 9)]);
        assert_eq!(merged(Vec::new()), []);
    }
}
