//! One collection in two places: which columns can be compared, and as what.

use super::NotCompared;
use super::agree::{Cast, Places, Way, is_spelled_freely, ways};
use super::counterpart::Counterparts;
use super::report::ComparedAs;
use super::rows::RowKey;
use super::scan::{Rows, Run};
use super::side::Side;
use super::work;
use crate::progress::RowCount;
use crate::registry;
use dbferry_dialect::hash::same_class;
use dbferry_dialect::model::{ColumnRole, NativeType};
use dbferry_dialect::{Candidate, Collection, Column, Dialect, Error, ErrorKind, LogicalType, Result};

/// One collection in two places.
pub(crate) struct Pair<'a> {
    /// As each place has it.
    own: [Collection; 2],
    /// The columns that are compared.
    columns: Vec<Compared>,
    /// Columns that only the first place has.
    pub(crate) missing: Vec<String>,
    /// Columns that both have and that cannot be compared.
    pub(crate) not_compared: Vec<NotCompared>,
    /// The condition that the rows of the first place meet, if they are not all.
    condition: Option<&'a str>,
    rows: Option<[Rows<'a>; 2]>,
}

/// A column that is compared.
struct Compared {
    /// Its position in each place.
    at: [usize; 2],
    /// How it can be compared: the first is tried.
    ways: Vec<Way>,
}

/// A column of texts as what its declaration says that they are, where the other place has no texts and the database can be
/// asked for that: `DECIMAL_TEXT(10,2)` holds decimals.
fn meant(side: &Side<'_>, column: &Column, other: &Column) -> Option<Column> {
    let is_text = |column: &Column| matches!(column.logical, LogicalType::Text { .. });
    let syntax = side.endpoint()?.dialect.syntax();
    if !is_text(column) || is_text(other) {
        return None;
    }
    let Candidate { logical, .. } = syntax.candidates(column).into_iter().next()?;
    // What else the dialect knows of the column is about texts.
    Some(Column { logical, native: NativeType::default(), ..column.clone() })
}

/// What two columns of texts are when one is declared to be of a type that the other's dialect keeps as this very text:
/// a `UUID` of SQLite and a `char(36)` of MySQL.
fn spelled_as(sides: &[Side<'_>; 2], columns: [&Column; 2]) -> Option<LogicalType> {
    if columns.iter().any(|column| !matches!(column.logical, LogicalType::Text { .. })) {
        return None;
    }
    let syntaxes = [0, 1].map(|place: usize| registry::by_name(&sides[place].info.dialect).map(Dialect::syntax));
    let declared = |place: usize| {
        let Candidate { logical, .. } = syntaxes[place]?.candidates(columns[place]).into_iter().next()?;
        let there = syntaxes[1 - place]?.native_type(&logical).text;
        (is_spelled_freely(&logical) && columns[1 - place].native.text.eq_ignore_ascii_case(&there)).then_some(logical)
    };
    declared(0).or_else(|| declared(1))
}

impl<'a> Pair<'a> {
    /// The collection that is `left` in the first place and `right` in the second.
    pub(crate) fn new(
        sides: &[Side<'a>; 2],
        counterparts: &Counterparts<'_, '_>,
        left: &Collection,
        right: &Collection,
    ) -> Self {
        let same_dialect = sides[0].info.dialect == sides[1].info.dialect;
        let places =
            Places { same_dialect, databases: [sides[0].entry(left), sides[1].entry(right)].map(|e| e.is_none()) };
        let mut pair = Self {
            own: [left.clone(), right.clone()],
            columns: Vec::new(),
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
            let Some((there, other)) = right.column(&counterparts.column(left, right, &column.name)) else {
                pair.missing.push(column.name.clone());
                continue;
            };
            let [left, right] = [meant(&sides[0], column, other), meant(&sides[1], other, column)];
            // A text that is declared to be a value is that value, also to its own dialect.
            let as_declared = Places { same_dialect: same_dialect && left.is_none() && right.is_none(), ..places };
            let ways = match spelled_as(sides, [column, other]).filter(|_| !same_dialect) {
                Some(logical) => vec![Way::cast([column, other], &logical)],
                None => ways([left.as_ref().unwrap_or(column), right.as_ref().unwrap_or(other)], as_declared),
            };
            if ways.is_empty() {
                let reason = format!("{} on one side and {} on the other", column.logical, other.logical);
                pair.not_compared.push(NotCompared { column: column.name.clone(), reason });
            } else {
                pair.columns.push(Compared { at: [position, there], ways });
            }
        }
        pair
    }

    /// Prepares to read it in both places.
    pub(super) fn prepare(&mut self, sides: &mut [Side<'a>; 2], run: &Run<'_>) -> Result<()> {
        let [left, right] = sides;
        let mut first = self.place(0, left, None, run)?;
        let mut second = self.place(1, right, self.condition, run)?;
        // The manifest knows how many rows there should be in the other place.
        for (entry, other) in [(left.entry(&self.own[0]), &mut second), (right.entry(&self.own[1]), &mut first)] {
            if let Some(entry) = entry {
                (other.rows, other.work) = (RowCount::Exactly(entry.rows), work::reread(entry));
            }
        }
        self.rows = Some([first, second]);
        Ok(())
    }

    /// The rows of one place, as they are compared.
    fn place(&self, place: usize, side: &mut Side<'a>, condition: Option<&str>, run: &Run<'_>) -> Result<Rows<'a>> {
        let own = &self.own[place];
        // A way is left out with its column once it is the last.
        let ways = || self.columns.iter().filter_map(|column| Some((column.at[place], column.ways.first()?)));
        let mut read = own.clone();
        read.columns = ways().map(|(_, way)| way.read[place].clone()).collect();
        // Without values beside its columns an archive that stays what it is need not be read: its manifest knows the hash.
        let is_plain = side.entry(own).is_some_and(|entry| entry.exceptions.is_none());
        let cast = |way: &Way| way.casts[place].clone().filter(|_| !(is_plain && way.only_settles(place)));
        let casts: Vec<_> = ways().map(|(_, way)| cast(way)).collect();
        let kept: Vec<usize> = ways().map(|(at, _)| at).collect();
        let mut rows = side.rows(own, &kept, read, condition, run.resources)?;
        rows.cast = Cast::new(&rows.read, &casts).map(Box::new);
        Ok(rows)
    }

    /// Compares the column that an error names in another way, or leaves it out; false when it names none that is compared.
    pub(super) fn leave_out(&mut self, error: &Error) -> bool {
        let Some((_, name)) = error.context().find(|(key, _)| *key == "column") else { return false };
        let named = |column: &Compared| self.own[0].columns[column.at[0]].name == name;
        let Some(at) = self.columns.iter().position(named) else { return false };
        self.columns[at].ways.remove(0);
        if self.columns[at].ways.is_empty() {
            let [left, right] = [0, 1].map(|place| &self.own[place].columns[self.columns[at].at[place]].logical);
            let reason = format!("{left} on one side and {right} on the other: {}", error.message());
            self.not_compared.push(NotCompared { column: name.to_owned(), reason });
            self.columns.remove(at);
        }
        true
    }

    /// By what its rows are matched: a key of the first place, else one of the second.
    pub(super) fn key(&self, compared: &Collection) -> RowKey {
        let [first, second] = self.own.each_ref().map(|own| RowKey::choose(own, compared));
        if first.whole { second } else { first }
    }

    /// Whether a column, by its name in the first place, is one of whole numbers in `place`.
    pub(super) fn is_whole_number(&self, place: usize, name: &str) -> bool {
        let column = self.columns.iter().find(|column| self.own[0].columns[column.at[0]].name == name);
        let logical = column.map(|column| &self.own[place].columns[column.at[place]].logical);
        matches!(logical, Some(LogicalType::Int { .. }))
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

    /// The columns whose types differ, and as what each was compared.
    pub(crate) fn compared_as(&self) -> Vec<ComparedAs> {
        let told = |column: &Compared| {
            let way = column.ways.first()?;
            let [left, right] = [0, 1].map(|place| &self.own[place].columns[column.at[place]]);
            let differ = !same_class(&left.logical, &right.logical);
            differ.then(|| ComparedAs {
                column: left.name.clone(),
                source: left.logical.to_string(),
                target: right.logical.to_string(),
                compared_as: way.compared(0).to_string(),
            })
        };
        self.columns.iter().filter_map(told).collect()
    }
}
