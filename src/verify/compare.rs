//! Two places side by side: which columns of a collection can be compared, what the rows hash to in each, and which rows
//! differ.

use super::rehash::Hashes;
use super::rows::{self, RowDifferences};
use super::scan::{Feed, Rows, Run, scan};
use super::side::Side;
use super::{NotCompared, work};
use crate::progress::{Event, Progress, RowCount};
use crate::restore::target_name;
use dbferry_dialect::hash::{CollectionHash, same_class};
use dbferry_dialect::model::ColumnRole;
use dbferry_dialect::{Collection, CollectionName, Error, ErrorKind, Result};

/// One collection in two places.
pub(crate) struct Pair<'a> {
    /// As each place has it.
    own: [Collection; 2],
    /// The columns that are compared: their positions in each place.
    kept: Vec<[usize; 2]>,
    /// Columns that only the first place has.
    pub(crate) missing: Vec<String>,
    /// Columns that both have and that cannot be compared.
    pub(crate) not_compared: Vec<NotCompared>,
    /// The condition that the rows of the first place meet, if they are not all.
    condition: Option<&'a str>,
    rows: Option<[Rows<'a>; 2]>,
}

/// Where the second place may have a collection of the first: under the name that a restore gives it, and across dialects
/// in the namespace where others put what comes from elsewhere.
pub(crate) fn counterpart<'s>(sides: &'s [Side<'_>; 2], name: &CollectionName) -> Option<&'s Collection> {
    let [left, right] = sides;
    let same_dialect = left.info.dialect == right.info.dialect;
    let Some(capabilities) = right.capabilities().filter(|_| !same_dialect) else {
        let own = right.schema.collection(name);
        // An archive does not say how its dialect names things; what is there once under that name is it.
        return own.or_else(|| if same_dialect { None } else { only(right, &name.name) });
    };
    let mapped = right.schema.collection(&target_name(name, same_dialect, capabilities));
    mapped.or_else(|| right.schema.collection(&CollectionName::new(capabilities.default_namespace, name.name.clone())))
}

/// The only collection of that name in any namespace.
fn only<'s>(side: &'s Side<'_>, name: &str) -> Option<&'s Collection> {
    let mut found = side.schema.collections.iter().filter(|collection| collection.name.name == name);
    found.next().filter(|_| found.next().is_none())
}

impl<'a> Pair<'a> {
    /// The collection that is `left` in the first place and `right` in the second.
    pub(crate) fn new(sides: &[Side<'a>; 2], left: &Collection, right: &Collection) -> Self {
        let same_dialect = sides[0].info.dialect == sides[1].info.dialect;
        let archives = sides[0].entry(left).is_some() && sides[1].entry(right).is_some();
        let mut pair = Self {
            own: [left.clone(), right.clone()],
            kept: Vec::new(),
            missing: Vec::new(),
            not_compared: Vec::new(),
            // A condition is in the source's own SQL, and only a database can be asked with one.
            condition: sides[0].entry(left).and_then(|entry| entry.partial.as_deref()).filter(|_| same_dialect),
            rows: None,
        };
        for (position, column) in left.columns.iter().enumerate() {
            // A row number of one engine means nothing to another, and no restore carries it there.
            if !same_dialect && column.role == ColumnRole::RowIdentity {
                continue;
            }
            match right.column(&column.name) {
                None => pair.missing.push(column.name.clone()),
                Some((_, other)) if archives && !same_class(&column.logical, &other.logical) => {
                    pair.not_compared.push(NotCompared {
                        column: column.name.clone(),
                        reason: format!("{} in one archive and {} in the other", column.logical, other.logical),
                    });
                }
                Some((there, _)) => pair.kept.push([position, there]),
            }
        }
        pair
    }

    /// Prepares to read it in both places.
    pub(super) fn prepare(&mut self, sides: &mut [Side<'a>; 2], run: &Run<'_>) -> Result<()> {
        // A database is read through the columns of an archive, and a target through those of its source.
        let through = usize::from(sides[0].entry(&self.own[0]).is_none() && sides[1].entry(&self.own[1]).is_some());
        let mut wanted = self.own[through].clone();
        wanted.columns = self.kept.iter().map(|at| self.own[through].columns[at[through]].clone()).collect();
        let [left, right] = sides;
        let kept = |place: usize| self.kept.iter().map(|at| at[place]).collect::<Vec<_>>();
        let mut first = left.rows(&self.own[0], &kept(0), &wanted, None, run.resources)?;
        let mut second = right.rows(&self.own[1], &kept(1), &wanted, self.condition, run.resources)?;
        // The manifest knows how many rows there should be in the other place.
        for (entry, other) in [(left.entry(&self.own[0]), &mut second), (right.entry(&self.own[1]), &mut first)] {
            if let Some(entry) = entry {
                (other.rows, other.work) = (RowCount::Exactly(entry.rows), work::reread(entry));
            }
        }
        self.rows = Some([first, second]);
        Ok(())
    }

    /// Leaves out the column that an error names; false when it names none that is compared.
    pub(super) fn leave_out(&mut self, error: &Error) -> bool {
        let Some((_, column)) = error.context().find(|(key, _)| *key == "column") else { return false };
        let Some(at) = self.kept.iter().position(|at| self.own[0].columns[at[0]].name == column) else { return false };
        self.not_compared.push(NotCompared { column: column.to_owned(), reason: error.message().to_owned() });
        self.kept.remove(at);
        true
    }
}

impl<'a> Pair<'a> {
    /// The collection as a place has it.
    pub(super) fn own(&self, place: usize) -> &Collection {
        &self.own[place]
    }

    /// Its rows, once they are prepared.
    pub(super) fn rows(&self) -> Option<&[Rows<'a>; 2]> {
        self.rows.as_ref()
    }

    /// The same, to be changed.
    ///
    /// # Errors
    /// When they were not prepared, which is a defect.
    pub(super) fn rows_mut(&mut self) -> Result<&mut [Rows<'a>; 2]> {
        self.rows.as_mut().ok_or_else(|| Error::new(ErrorKind::Internal, "a pair was not prepared"))
    }

    /// What could not be compared, to be told.
    pub(crate) fn take_not_compared(&mut self) -> Vec<NotCompared> {
        std::mem::take(&mut self.not_compared)
    }
}

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
        pairs.iter().filter_map(|pair| pair.rows.as_ref()).flat_map(move |rows| {
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
            let rows = pending.iter().filter_map(|number| Some((*number, pairs[*number].rows.as_ref()?)));
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
                let rows = pairs[*number].rows.as_ref()?;
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
                for rows in pairs[number].rows.iter_mut().flatten() {
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
    let Some(rows) = &pair.rows else { return Ok(None) };
    let silent = WithoutWork(run.progress);
    let run = Run { resources: run.resources, cancel: run.cancel, progress: &silent, again: true };
    rows::differences(sides, rows, &pair.own[0], most, &run).map(Some)
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
