//! A sample: some parts of each collection instead of all.
//!
//! Which parts is decided by the number of rows alone, so the same archive gives the same sample. What a sample proves is
//! little, and it is said: the rows that were looked at are in the other place with the same values. It says nothing of
//! other rows, of their number, or of rows that only the other place has.

use super::compare::Pair;
use super::rows::{Collect, Finding, KeyHasher, RowDifferences, RowKey, Wanted};
use super::scan::{Feed, Gather, Part, Rows, RowsPlace, Run, scan};
use super::side::Side;
use super::{VerifyReport, work};
use crate::progress::{Event, RowCount};
use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type};
use dbferry_dialect::hash::RowHasher;
use dbferry_dialect::{Batch, Chunk, ChunkRange, Collection, Error, ErrorKind, LogicalType, Result};
use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

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
            Err(error) if error.kind() == ErrorKind::Incompatible => sentences.push(super::unreadable(&error)),
            Err(error) => return Err(error),
        }
        all += sampled.all;
        run.progress.event(Event::CollectionFinished { collection: &line.collection.to_string(), rows: sampled.rows });
        line.not_compared = pair.take_not_compared();
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

/// What came of one pair.
struct LookedUp {
    looked_up: u64,
    cut: bool,
    differences: Option<RowDifferences>,
}

fn look_up(
    sides: &mut [Side<'_>; 2],
    pair: &mut Pair<'_>,
    most: usize,
    run: &Run<'_>,
    first_try: bool,
) -> Result<LookedUp> {
    let keys = pair.own(0).clone();
    let integer_there = |column: &str| {
        let there = pair.own(1).column(column);
        there.is_some_and(|(_, column)| matches!(column.logical, LogicalType::Int { .. }))
    };
    let rows = pair.rows().ok_or_else(|| Error::new(ErrorKind::Internal, "a pair was not prepared"))?;
    let columns = [&rows[0].collection, &rows[1].collection];
    let key = RowKey::choose(&keys, columns[0]);
    let leading = key.columns.first().map(|position| &columns[0].columns[*position]);
    let leading =
        leading.filter(|column| !key.whole && column.logical != (LogicalType::Int { bits: 64, signed: false }));
    let leading =
        leading.filter(|column| matches!(column.logical, LogicalType::Int { .. }) && integer_there(&column.name));
    let seen =
        Seen { columns: columns[0], key: &key, most: (run.resources.memory / 4 / 64).max(1), found: Mutex::default() };
    let silent = super::compare::WithoutWork(run.progress);
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

/// The sampled rows.
struct Seen<'t> {
    columns: &'t Collection,
    key: &'t RowKey,
    /// How many are kept at most.
    most: u64,
    found: Mutex<SeenRows>,
}

#[derive(Default)]
struct SeenRows {
    /// Key and row, by their hashes, and how often they are there.
    rows: HashMap<(u128, u128), u64>,
    count: u64,
    /// Whether there were more than could be kept.
    cut: bool,
    /// For each part the least and the greatest value of the key's first column.
    ranges: Vec<(i64, i64)>,
    /// Whether some key has none.
    open: bool,
}

impl Gather for Seen<'_> {
    fn part(&self, _place: usize, _table: usize) -> Box<dyn Part + '_> {
        Box::new(SeenPart {
            seen: self,
            keys: KeyHasher::new(self.columns, self.key),
            rows: RowHasher::new(self.columns),
            range: None,
            open: false,
        })
    }
}

struct SeenPart<'g> {
    seen: &'g Seen<'g>,
    keys: KeyHasher,
    rows: RowHasher,
    range: Option<(i64, i64)>,
    open: bool,
}

impl Part for SeenPart<'_> {
    fn take(&mut self, batch: &Batch) -> Result<()> {
        let leading = self.seen.key.columns.first().map(|column| batch.records.column(*column));
        match leading.and_then(range) {
            Some((first, last)) => {
                let (least, greatest) = self.range.unwrap_or((first, last));
                self.range = Some((least.min(first), greatest.max(last)));
            }
            None => self.open |= batch.records.num_rows() > 0,
        }
        let keys = self.keys.hashes(batch)?;
        let rows = self.rows.row_hashes(batch)?;
        let mut seen = self.seen.found.lock().unwrap_or_else(PoisonError::into_inner);
        for (key, row) in keys.iter().zip(rows) {
            if seen.count == self.seen.most {
                seen.cut = true;
                break;
            }
            *seen.rows.entry((*key, *row)).or_default() += 1;
            seen.count += 1;
        }
        Ok(())
    }

    fn finish(self: Box<Self>) {
        let mut seen = self.seen.found.lock().unwrap_or_else(PoisonError::into_inner);
        seen.ranges.extend(self.range);
        seen.open |= self.open;
    }
}

/// The least and the greatest of whole numbers without nulls.
fn range(cells: &arrow::array::ArrayRef) -> Option<(i64, i64)> {
    if cells.null_count() > 0 {
        return None;
    }
    macro_rules! ends {
        ($type:ty) => {{
            let values = cells.as_primitive::<$type>().values();
            Some(((*values.iter().min()?).into(), (*values.iter().max()?).into()))
        }};
    }
    match cells.data_type() {
        DataType::Int8 => ends!(Int8Type),
        DataType::Int16 => ends!(Int16Type),
        DataType::Int32 => ends!(Int32Type),
        DataType::Int64 => ends!(Int64Type),
        DataType::UInt8 => ends!(UInt8Type),
        DataType::UInt16 => ends!(UInt16Type),
        DataType::UInt32 => ends!(UInt32Type),
        _ => None,
    }
}

/// The sampled rows that were not found yet in the other place.
struct Match<'t> {
    columns: &'t Collection,
    key: &'t RowKey,
    left: Mutex<HashMap<(u128, u128), u64>>,
}

impl Gather for Match<'_> {
    fn part(&self, _place: usize, _table: usize) -> Box<dyn Part + '_> {
        let (keys, rows) = (KeyHasher::new(self.columns, self.key), RowHasher::new(self.columns));
        Box::new(MatchPart { matched: self, keys, rows })
    }
}

struct MatchPart<'g> {
    matched: &'g Match<'g>,
    keys: KeyHasher,
    rows: RowHasher,
}

impl Part for MatchPart<'_> {
    fn take(&mut self, batch: &Batch) -> Result<()> {
        let keys = self.keys.hashes(batch)?;
        let rows = self.rows.row_hashes(batch)?;
        let mut left = self.matched.left.lock().unwrap_or_else(PoisonError::into_inner);
        for found in keys.iter().copied().zip(rows.iter().copied()) {
            if let Some(times) = left.get_mut(&found) {
                *times -= 1;
                if *times == 0 {
                    left.remove(&found);
                }
            }
        }
        Ok(())
    }

    fn finish(self: Box<Self>) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_that_overlap_are_one() {
        assert_eq!(merged(vec![(5, 9), (1, 3), (3, 4), (7, 8)]), [(1, 4), (5, 9)]);
        assert_eq!(merged(Vec::new()), []);
    }

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
