//! What is told of rows that differ.

use super::collect::{Apart, KeptRow};
use super::key::RowKey;
use super::value::SortKey;
use dbferry_dialect::Collection;
use serde::Serialize;

/// The rows of a collection that differ between two places.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RowDifferences {
    /// The columns by which rows were matched; empty when there is no key, and rows could only be compared whole.
    pub key: Vec<String>,
    /// Rows that are in both places and differ.
    pub changed: u64,
    /// Rows that are only in the first place.
    pub missing: u64,
    /// Rows that are only in the second place.
    pub extra: u64,
    /// Whether all rows that differ were looked at. If not, they were too many for the memory, and the numbers above are
    /// those of a part.
    pub complete: bool,
    /// How many slices of the keys hold rows that differ.
    pub slices_differing: u64,
    /// How many slices the keys were divided into.
    pub slices: u64,
    /// The lowest key of a row that differs, as far as they were looked at; absent without a key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_key: Option<String>,
    /// The highest key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_key: Option<String>,
    /// The first of these rows, in the order of their keys.
    pub rows: Vec<RowDifference>,
}

/// One row that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RowDifference {
    /// How.
    pub kind: RowDifferenceKind,
    /// Its key; empty when there is none.
    pub key: Vec<KeyPart>,
    /// How often the row is there, or is missing.
    pub times: u64,
    /// The cells that differ; all cells of a row that is in one place only.
    pub cells: Vec<CellDifference>,
}

/// How a row differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RowDifferenceKind {
    /// It is in both places with other values.
    Changed,
    /// It is only in the first place.
    Missing,
    /// It is only in the second place.
    Extra,
}

/// One column of a row's key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeyPart {
    /// The column.
    pub column: String,
    /// The value, as people read it.
    pub value: String,
}

/// One cell that differs. Texts stand in quotes, so that they cannot be taken for a null; of a very long value only the
/// beginning is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CellDifference {
    /// The column.
    pub column: String,
    /// The value in the first place, as people read it; absent when the row is not there.
    pub source: Option<String>,
    /// The value in the second place; absent when the row is not there.
    pub target: Option<String>,
}

impl RowDifferences {
    /// What differs, in a few words: `2 rows differ, 1 is missing`.
    pub fn describe(&self) -> String {
        let several = |count: u64, verb: [&str; 2]| {
            let [one, more] = verb;
            if count == 1 { format!("1 row {one}") } else { format!("{count} rows {more}") }
        };
        let kinds = [
            (self.changed, ["differs", "differ"]),
            (self.missing, ["is missing", "are missing"]),
            (self.extra, ["is extra", "are extra"]),
        ];
        let parts = kinds.into_iter().filter(|(count, _)| *count > 0).map(|(count, verb)| several(count, verb));
        let parts = parts.collect::<Vec<_>>().join(", ");
        match (self.complete, parts.is_empty()) {
            (true, true) => "no row could be found that differs".to_owned(),
            (true, false) => parts,
            (false, _) => format!(
                "too many rows differ to hold them all (in {} of {} slices of the keys){}",
                self.slices_differing,
                self.slices,
                if parts.is_empty() { String::new() } else { format!("; of a part of them {parts}") }
            ),
        }
    }

    /// How many rows differ, as far as they were looked at.
    pub fn count(&self) -> u64 {
        self.changed + self.missing + self.extra
    }
}

/// What was found, before it is told.
pub(crate) struct Finding<'t> {
    pub(crate) columns: &'t Collection,
    pub(crate) key: &'t RowKey,
    pub(crate) complete: bool,
    /// Slices that differ, and all of them.
    pub(crate) slices: (u64, u64),
}

/// A row in one place, or in both.
struct Found {
    order: Vec<SortKey>,
    kind: RowDifferenceKind,
    rows: [Option<KeptRow>; 2],
    times: u64,
}

impl Finding<'_> {
    /// Counts all rows and tells of the first `most`.
    pub(crate) fn report(&self, apart: Vec<Apart>, most: usize) -> RowDifferences {
        let mut found: Vec<Found> = apart.into_iter().flat_map(pair).collect();
        found.sort_by(|left, right| (&left.order, left.kind).cmp(&(&right.order, right.kind)));
        let count = |kind: RowDifferenceKind| found.iter().filter(|row| row.kind == kind).map(|row| row.times).sum();
        let key_text = |found: Option<&Found>| {
            let row = found.filter(|_| !self.key.whole)?.rows.iter().flatten().next()?;
            let parts: Vec<&str> = self.key.columns.iter().map(|column| row.cells[*column].text.as_str()).collect();
            Some(parts.join(", "))
        };
        RowDifferences {
            key: if self.key.whole { Vec::new() } else { self.key_names() },
            changed: count(RowDifferenceKind::Changed),
            missing: count(RowDifferenceKind::Missing),
            extra: count(RowDifferenceKind::Extra),
            complete: self.complete,
            slices_differing: self.slices.0,
            slices: self.slices.1,
            first_key: key_text(found.first()),
            last_key: key_text(found.last()),
            rows: found.iter().take(most).map(|row| self.tell(row)).collect(),
        }
    }

    fn key_names(&self) -> Vec<String> {
        self.key.columns.iter().map(|column| self.columns.columns[*column].name.clone()).collect()
    }

    fn tell(&self, found: &Found) -> RowDifference {
        let [source, target] = &found.rows;
        let cell = |row: &Option<KeptRow>, column: usize| row.as_ref().map(|row| row.cells[column].text.clone());
        let differs = |column: usize| match (source, target) {
            (Some(source), Some(target)) => source.cells[column].hash != target.cells[column].hash,
            _ => true,
        };
        let cells = self.columns.columns.iter().enumerate().filter(|(position, _)| differs(*position));
        let cells = cells.map(|(position, column)| CellDifference {
            column: column.name.clone(),
            source: cell(source, position),
            target: cell(target, position),
        });
        let cells = cells.collect();
        let key = if self.key.whole { &[][..] } else { &self.key.columns[..] };
        let key = key.iter().map(|position| KeyPart {
            column: self.columns.columns[*position].name.clone(),
            value: cell(source, *position).or_else(|| cell(target, *position)).unwrap_or_default(),
        });
        RowDifference { kind: found.kind, key: key.collect(), times: found.times, cells }
    }
}

/// The rows of one key: what is left in both places are changed rows, one for one.
fn pair([left, right]: Apart) -> Vec<Found> {
    let mut found = Vec::new();
    let (mut left, mut right) = (left.into_iter(), right.into_iter());
    loop {
        let (source, target) = (left.next(), right.next());
        let (kind, row) = match (&source, &target) {
            (Some(row), Some(_)) => (RowDifferenceKind::Changed, row),
            (Some(row), None) => (RowDifferenceKind::Missing, row),
            (None, Some(row)) => (RowDifferenceKind::Extra, row),
            (None, None) => return found,
        };
        let (order, times) = (row.order.clone(), row.times);
        found.push(Found { order, kind, rows: [source, target], times });
    }
}
