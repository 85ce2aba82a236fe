//! Evidence: what the values of a column prove about the types that it may have.
//!
//! All values are looked at, in the archive or in the snapshot that the rows will come from, so that what is proven holds for
//! every row that will be written.

use super::cast::{Cast, Fate, SPELLING};
use dbferry_dialect::{Batch, Collection, Error, ErrorKind, Exception, LogicalType, Result, Syntax};
use std::sync::{Mutex, MutexGuard, PoisonError};

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
    /// Of these, how many are texts that the type spells in another way; and one of them.
    pub(super) respelled: u64,
    pub(super) respelled_example: Option<String>,
    /// A value that is none of the type, and where it stands.
    pub(super) counterexample: Option<Counterexample>,
}

impl Verdict {
    /// What speaks for the type, in words: `all 3 values fit, 2 of them spelled otherwise, for instance "2020-01-01T00:00:00"`.
    pub(super) fn describe(&self) -> String {
        let fit = match self.values {
            0 => "there are no values".to_owned(),
            1 => "its one value fits".to_owned(),
            values => format!("all {values} values fit"),
        };
        let example = self.respelled_example.as_deref().unwrap_or_default();
        match (self.respelled, self.values) {
            (0, _) => fit,
            (_, 1) => format!("{fit}, spelled otherwise: \"{example}\""),
            (respelled, _) => format!("{fit}, {respelled} of them spelled otherwise, for instance \"{example}\""),
        }
    }
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

/// What is asked about, and of whom.
#[derive(Clone, Copy)]
pub(super) struct Witness<'a> {
    pub(super) collection: &'a Collection,
    /// Its place among what is offered.
    pub(super) place: usize,
    pub(super) scan: &'a dyn Scan,
    /// How the source spells exceptions, if this build knows its dialect.
    pub(super) source: Option<&'a dyn Syntax>,
    pub(super) target: &'a dyn Syntax,
}

/// Looks at all values of the columns in question; for each question a verdict on each of its types, in their order, up to the
/// first that holds. A type is only tried once those before it are disproved, so that the rows are read once where each column
/// is what it seems.
pub(super) fn ask(witness: Witness<'_>, questions: &[Question]) -> Result<Vec<Vec<Verdict>>> {
    let mut verdicts: Vec<Vec<Verdict>> = vec![Vec::new(); questions.len()];
    loop {
        let is_open = |(question, known): &(&Question, &mut Vec<Verdict>)| {
            known.len() < question.types.len() && known.iter().all(|verdict| verdict.counterexample.is_some())
        };
        let open: Vec<(&Question, &mut Vec<Verdict>)> = questions.iter().zip(&mut verdicts).filter(is_open).collect();
        if open.is_empty() {
            return Ok(verdicts);
        }
        let next: Vec<(usize, &LogicalType)> =
            open.iter().map(|(question, known)| (question.position, &question.types[known.len()])).collect();
        let found = try_all(witness, &next)?;
        open.into_iter().zip(found).for_each(|((_, known), verdict)| known.push(verdict));
    }
}

/// Tries one type for each of some columns, in one reading.
fn try_all(witness: Witness<'_>, types: &[(usize, &LogicalType)]) -> Result<Vec<Verdict>> {
    let Witness { collection, place, scan, source, target } = witness;
    let mut positions: Vec<usize> = types.iter().map(|(position, _)| *position).collect();
    let key = collection.primary_key.iter().flat_map(|key| &key.columns);
    let key: Vec<usize> = key.filter_map(|name| Some(collection.column(name)?.0)).collect();
    positions.extend(key.iter().copied().filter(|at| types.iter().all(|(position, _)| position != at)));
    let cast = |(position, to): &(usize, &LogicalType)| {
        let from = collection.columns.get(*position).map(|column| &column.logical);
        from.and_then(|from| Cast::new(from, to, target.domain(to))).ok_or_else(no_conversion)
    };
    let casts: Vec<Cast> = types.iter().map(cast).collect::<Result<_>>()?;
    let total = Mutex::new(vec![Verdict::default(); casts.len()]);
    let look = |batch: Batch| {
        for (place, cast) in casts.iter().enumerate() {
            if lock(&total)[place].counterexample.is_some() {
                continue;
            }
            let Some(array) = batch.records.columns().get(place) else { return Err(other_columns()) };
            let own: Vec<&Exception> =
                batch.exceptions.iter().filter(|exception| exception.column as usize == place).collect();
            let (mut first, mut respelled, mut example) = (None, 0, None);
            cast.column(array, &own, source, &mut |found| {
                if found.converted {
                    if found.reason == SPELLING {
                        respelled += 1;
                        example.get_or_insert_with(|| (found.value)());
                    }
                } else if first.is_none() {
                    first = Some((found.row, found.reason, (found.value)()));
                }
                Ok(Fate::Null)
            })?;
            let mut total = lock(&total);
            let verdict = &mut total[place];
            verdict.values += (array.len() - array.null_count() + own.len()) as u64;
            verdict.respelled += respelled;
            verdict.respelled_example = verdict.respelled_example.take().or(example);
            if let Some((row, reason, value)) = first
                && verdict.counterexample.is_none()
            {
                let key = super::apply::key_of(collection, &positions, &batch, row);
                verdict.counterexample = Some(Counterexample { value, reason, key });
            }
        }
        Ok(())
    };
    scan.scan(place, &positions, &look).map_err(|error| error.with("collection", &collection.name))?;
    Ok(total.into_inner().unwrap_or_else(PoisonError::into_inner))
}

fn lock(total: &Mutex<Vec<Verdict>>) -> MutexGuard<'_, Vec<Verdict>> {
    // Each verdict is whole at every moment.
    total.lock().unwrap_or_else(PoisonError::into_inner)
}

fn no_conversion() -> Error {
    Error::new(ErrorKind::Internal, "values were asked about a type that they cannot have")
}

fn other_columns() -> Error {
    Error::new(ErrorKind::Internal, "a batch has other columns than were asked for")
}
