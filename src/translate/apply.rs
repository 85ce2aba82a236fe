//! Batches of the source's columns as batches of the target's.

use super::cast::{Cast, Fate, Found};
use super::misfit::{Policy, Tally, shown_native};
use super::{CountedMisfits, Translation};
use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::datatypes::SchemaRef;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use dbferry_dialect::{Batch, Collection, Column, Error, ErrorKind, Exception, Result, carrier};

/// Applies a translation to the batches of one part of a collection, in their order.
#[derive(Debug)]
pub struct Application<'a> {
    translation: &'a Translation<'a>,
    schema: SchemaRef,
    /// The conversion of each column whose cells are looked at.
    casts: Vec<Option<Cast>>,
    /// Rows of the collection before the next batch, where that is known; it only serves messages.
    before: Option<u64>,
    tally: Tally,
}

impl<'a> Application<'a> {
    /// For batches that begin with the row `before` of the collection, counted from 0, where that is known.
    pub fn new(translation: &'a Translation<'a>, before: Option<u64>) -> Self {
        let casts = (0..translation.columns.len()).map(|at| translation.cast(at).filter(|_| translation.looks(at)));
        let casts = casts.collect();
        Self { schema: carrier::schema(&translation.collection), casts, before, tally: Tally::default(), translation }
    }

    /// The same rows with the target's columns.
    ///
    /// # Errors
    /// [`ErrorKind::Mismatch`] with the collection, the column, the row and the value when a value does not fit and its
    /// column's policy is to stop.
    pub fn apply(&mut self, batch: Batch) -> Result<Batch> {
        let rows = batch.records.num_rows() as u64;
        let applied = match &self.translation.ends {
            None => batch,
            Some(_) if self.casts.iter().all(Option::is_none) && batch.exceptions.is_empty() => batch,
            Some(_) => self.applied(&batch)?,
        };
        self.before = self.before.map(|before| before + rows);
        Ok(applied)
    }

    /// What did not fit so far.
    pub fn misfits(&self) -> &Tally {
        &self.tally
    }

    /// The same, when nothing more comes.
    pub fn finish(self) -> Tally {
        self.tally
    }

    fn applied(&mut self, batch: &Batch) -> Result<Batch> {
        let records = &batch.records;
        if records.num_columns() != self.casts.len() {
            return Err(Error::new(ErrorKind::Internal, "a batch has other columns than its collection"));
        }
        let mut exceptions: Vec<Exception> = Vec::new();
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(records.num_columns());
        for (position, (array, cast)) in records.columns().iter().zip(&self.casts).enumerate() {
            let own: Vec<&Exception> =
                batch.exceptions.iter().filter(|exception| exception.column as usize == position).collect();
            let place = Place { translation: self.translation, batch, position, before: self.before };
            match cast {
                None => {
                    for exception in own {
                        place.check_exception(exception)?;
                        exceptions.push(exception.clone());
                    }
                    columns.push(array.clone());
                }
                Some(cast) => {
                    let (kept, judged): (Vec<&Exception>, Vec<&Exception>) =
                        own.into_iter().partition(|exception| place.keeps(exception));
                    exceptions.extend(kept.into_iter().cloned());
                    let source = self.translation.ends.as_ref().and_then(|ends| ends.source);
                    let tally = &mut self.tally;
                    columns.push(cast.column(array, &judged, source, &mut |found| place.judge(found, tally))?);
                }
            }
        }
        exceptions.sort_by_key(|exception| (exception.row, exception.column));
        // Without columns a row is still a row.
        let options = RecordBatchOptions::new().with_row_count(Some(records.num_rows()));
        let records = RecordBatch::try_new_with_options(self.schema.clone(), columns, &options)?;
        Ok(Batch { records, exceptions })
    }
}

impl Translation<'_> {
    /// Misfits by the names of their columns.
    pub fn counted(&self, tally: &Tally) -> Vec<CountedMisfits> {
        tally.counts(|position| self.source_columns.get(position).cloned().unwrap_or_default())
    }
}

/// One column of one batch, for what is said about its cells.
struct Place<'a> {
    translation: &'a Translation<'a>,
    batch: &'a Batch,
    position: usize,
    before: Option<u64>,
}

impl Place<'_> {
    fn column(&self) -> Option<&Column> {
        self.translation.collection.columns.get(self.position)
    }

    /// Whether the target keeps an exception as it is: its own dialect does, and another one may.
    fn keeps(&self, exception: &Exception) -> bool {
        let (Some(ends), Some(column)) = (
            &self.translation.ends,
            self.translation.columns.get(self.position).filter(|column| column.from == column.to),
        ) else {
            return false;
        };
        // A policy is for what the target does not hold, and for what the user does not want there.
        !ends.crossing || column.on_misfit == Policy::Error && ends.target.keeps_exception(&column.to, exception)
    }

    /// Refuses an exception that the target does not keep.
    fn check_exception(&self, exception: &Exception) -> Result<()> {
        if self.keeps(exception) {
            return Ok(());
        }
        let logical = self.translation.columns.get(self.position).map(|column| &column.from);
        let source = self.translation.ends.as_ref().and_then(|ends| ends.source);
        let text = source.zip(logical).and_then(|(source, logical)| source.exception_text(logical, exception));
        let shown = text.map_or_else(|| shown_native(&exception.value), |text| super::misfit::shown(&text));
        let row = usize::try_from(exception.row).unwrap_or(usize::MAX);
        Err(self.refusal(row, exception.reason.as_str(), &shown))
    }

    fn judge(&self, found: Found<'_>, tally: &mut Tally) -> Result<Fate> {
        let Found { row, reason, value, has_nearest, converted } = found;
        let policy = self.translation.columns.get(self.position).map_or(Policy::Error, |column| column.on_misfit);
        if converted {
            // A value of the target's type all the same; where the column became text for such values, they are counted.
            if policy == Policy::Text {
                tally.add(self.position, reason, policy, value);
            }
            return Ok(Fate::Nearest);
        }
        let nullable = self.column().is_none_or(|column| column.nullable);
        let fate = match policy {
            Policy::Null if nullable => Fate::Null,
            Policy::Clamp if has_nearest => Fate::Nearest,
            _ => return Err(self.refusal(row, reason, &value())),
        };
        tally.add(self.position, reason, policy, value);
        Ok(fate)
    }

    /// Says which value of which row does not fit, and why nothing else was done with it.
    #[cold]
    fn refusal(&self, row: usize, reason: &str, value: &str) -> Error {
        let name = self.translation.source_columns.get(self.position).map_or("", String::as_str);
        let column = self.translation.columns.get(self.position);
        let to = column.map(|column| match &column.to_native {
            Some(native) => native.clone(),
            None => column.to.to_string(),
        });
        let why_not = match column.map(|column| column.on_misfit) {
            Some(Policy::Null) => "; it cannot become null, because the column allows none",
            Some(Policy::Clamp) => "; no value of the column is nearest to it",
            _ => "",
        };
        let message = format!(
            "a value does not fit {}: {value} ({reason}){why_not}",
            to.unwrap_or_else(|| "the target".to_owned())
        );
        let mut error = Error::new(ErrorKind::Mismatch, message)
            .with("collection", &self.translation.collection.name)
            .with("column", name)
            .with("value", value);
        if let Some(before) = self.before {
            error = error.with("row", before + row as u64);
        }
        let all: Vec<usize> = (0..self.batch.records.num_columns()).collect();
        if let Some(key) = key_of(&self.translation.collection, &all, self.batch, row) {
            error = error.with("key", key);
        }
        error.hint(format!(
            "say what becomes of such values in dbferry.toml: [[type]] match = {{ column = {name:?} }}, \
             on_misfit = \"null\", \"text\" or \"clamp\""
        ))
    }
}

/// A row's key: `id = 17`. `positions` are those of the batch's columns in the collection.
pub(super) fn key_of(collection: &Collection, positions: &[usize], batch: &Batch, row: usize) -> Option<String> {
    let names = &collection.primary_key.as_ref()?.columns;
    let options = FormatOptions::new().with_display_error(false).with_null("NULL");
    let part = |name: &String| {
        let (position, _) = collection.column(name)?;
        let at = positions.iter().position(|column| *column == position)?;
        let cells = batch.records.columns().get(at).filter(|cells| row < cells.len())?;
        let text = ArrayFormatter::try_new(cells, &options).ok()?.value(row).try_to_string().ok()?;
        Some(format!("{name} = {}", super::misfit::shown(&text)))
    };
    Some(names.iter().map(part).collect::<Option<Vec<_>>>()?.join(", "))
}
