//! Evidence: what the values of a column prove about the types that it may have.
//!
//! All values are looked at, in the archive or in the snapshot that the rows will come from, so that what is proven holds for
//! every row that will be written.

use super::cast::{Cast, Fate};
use dbferry_dialect::{Batch, Collection, Error, ErrorKind, Exception, LogicalType, Result, Syntax};
use std::sync::{Mutex, PoisonError};

/// Reads some columns of what is offered, all rows, by its place.
pub(crate) trait Scan {
    /// Hands out all rows of the collection at `place` with the columns at `positions` only, in that order; several threads may
    /// push at once.
    fn scan(&self, place: usize, positions: &[usize], sink: &(dyn Fn(Batch) -> Result<()> + Sync)) -> Result<()>;
}

/// What all values of a column say about one type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Verdict {
    /// Values that were looked at, nulls left out.
    pub(super) values: u64,
    /// A value that is none of the type, and where it stands.
    pub(super) counterexample: Option<Counterexample>,
}

/// A value that is none of a type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Counterexample {
    pub(super) value: String,
    pub(super) reason: &'static str,
    /// The row's key, where the collection has one.
    pub(super) key: Option<String>,
}

impl Counterexample {
    /// In words: `the value 2 (out-of-range) of the row with id = 5`.
    pub(super) fn describe(&self) -> String {
        let row = self.key.as_ref().map(|key| format!(" of the row with {key}")).unwrap_or_default();
        format!("the value {} ({}){row}", self.value, self.reason)
    }
}

/// Types that the values of one column are tried against.
pub(super) struct Question {
    /// The column's position.
    pub(super) position: usize,
    /// The types.
    pub(super) types: Vec<LogicalType>,
}

/// Looks at all values of the columns in question; for each question a verdict on each of its types.
pub(super) fn ask(
    collection: &Collection,
    place: usize,
    questions: &[Question],
    scan: &dyn Scan,
    source: Option<&dyn Syntax>,
    target: &dyn Syntax,
) -> Result<Vec<Vec<Verdict>>> {
    let mut positions: Vec<usize> = questions.iter().map(|question| question.position).collect();
    let key = collection.primary_key.iter().flat_map(|key| &key.columns);
    let key: Vec<usize> = key.filter_map(|name| Some(collection.column(name)?.0)).collect();
    positions.extend(key.iter().copied().filter(|at| !questions.iter().any(|question| question.position == *at)));
    let casts: Vec<Vec<Cast>> = questions
        .iter()
        .map(|question| {
            let from = collection.columns.get(question.position).map(|column| &column.logical);
            let cast = |to: &LogicalType| Cast::new(from?, to, target.domain(to));
            question.types.iter().map(|to| cast(to).ok_or_else(no_conversion)).collect()
        })
        .collect::<Result<_>>()?;
    let blank: Vec<Vec<Verdict>> = casts.iter().map(|casts| vec![Verdict::default(); casts.len()]).collect();
    let total = Mutex::new(blank.clone());
    let look = |batch: Batch| {
        let mut found = blank.clone();
        for (place, (casts, verdicts)) in casts.iter().zip(&mut found).enumerate() {
            let Some(array) = batch.records.columns().get(place) else { return Err(other_columns()) };
            let own: Vec<&Exception> =
                batch.exceptions.iter().filter(|exception| exception.column as usize == place).collect();
            let values = (array.len() - array.null_count() + own.len()) as u64;
            for (cast, verdict) in casts.iter().zip(verdicts) {
                verdict.values = values;
                let mut first = None;
                cast.column(array, &own, source, &mut |found| {
                    if !found.converted && first.is_none() {
                        first = Some((found.row, found.reason, (found.value)()));
                    }
                    Ok(Fate::Null)
                })?;
                verdict.counterexample = first.map(|(row, reason, value)| Counterexample {
                    value,
                    reason,
                    key: super::apply::key_of(collection, &positions, &batch, row),
                });
            }
        }
        let mut total = total.lock().unwrap_or_else(PoisonError::into_inner);
        for (all, new) in total.iter_mut().flatten().zip(found.into_iter().flatten()) {
            all.values += new.values;
            if all.counterexample.is_none() {
                all.counterexample = new.counterexample;
            }
        }
        Ok(())
    };
    scan.scan(place, &positions, &look).map_err(|error| error.with("collection", &collection.name))?;
    Ok(total.into_inner().unwrap_or_else(PoisonError::into_inner))
}

fn no_conversion() -> Error {
    Error::new(ErrorKind::Internal, "values were asked about a type that they cannot have")
}

fn other_columns() -> Error {
    Error::new(ErrorKind::Internal, "a batch has other columns than were asked for")
}
