//! Translation: how a collection crosses from what offers it to what takes it.
//!
//! ```text
//! offered collection (as the source or the archive has it)
//!   -> Translation: the collection as the target takes it, and for each column why
//!   -> plan, create, write, prove with that collection
//! rows: a batch of the source's columns -> hashed -> Application::apply -> a batch of the target's -> hashed -> written
//! ```
//!
//! What a column becomes is decided by the first of these that says something: a rule of the user's, what the data proves,
//! the target dialect's own type for what the values mean. A value is either the same in both types or a misfit, and what
//! becomes of a misfit is the rule's policy; without one the run stops. What stands around the columns is carried as far as it
//! means the same there, under names that the target takes; the rest is named. Where there is nothing to translate it is the
//! identity and costs nothing: no second hash, and the source's own definition is used. What it is not: it builds no SQL,
//! opens no database and knows no dialect by its name.

mod apply;
mod cast;
mod choose;
mod consent;
mod evidence;
mod links;
mod misfit;
mod names;
mod rules;
mod schema;
mod words;

pub use apply::Application;
pub use consent::AcceptLossy;
pub use misfit::{CountedMisfits, Policy, Tally};
pub use rules::TypeRule;
pub use words::{WORDS, logical_type};

pub(crate) use choose::{Choice, Crossing, Subject, choose};
pub(crate) use evidence::Scan;
pub(crate) use names::Names;

use arrow::array::ArrayRef;
use cast::{Cast, Fate};
use dbferry_dialect::model::NotCarried;
use dbferry_dialect::{Collection, Domain, Error, ErrorKind, Fidelity, LogicalType, Result, Syntax};
use serde::Serialize;
use std::fmt;

/// Texts as values of another type, as a restore reads them; and the rows of those that are none.
pub(crate) fn text_values(texts: &ArrayRef, to: &LogicalType) -> Result<(ArrayRef, Vec<usize>)> {
    let cast = Cast::new(&LogicalType::TEXT, to, Domain::ALL);
    let cast = cast.ok_or_else(|| Error::new(ErrorKind::Internal, format!("no text is ever one of {to}")))?;
    let mut none = Vec::new();
    let values = cast.column(texts, &[], None, &mut |found| {
        if !found.converted {
            none.push(found.row);
        }
        Ok(Fate::Null)
    })?;
    Ok((values, none))
}

/// How one collection crosses.
#[derive(Clone, Debug)]
pub struct Translation<'a> {
    /// The collection in the target's terms, also what its columns, keys and indexes are called. Its own name and the names that
    /// its foreign keys reference are the source's: these say which collection is meant, and the plan says what it is called in
    /// the target.
    pub collection: Collection,
    /// What becomes of each column, in their order.
    pub columns: Vec<ColumnTranslation>,
    /// The names of the columns in the source, in their order.
    pub source_columns: Vec<String>,
    /// What is not carried, by kind and name, with the reason.
    pub not_carried: Vec<NotCarried>,
    /// What is carried in another way.
    pub notes: Vec<String>,
    /// The syntaxes of both ends, when they are of different dialects or a rule changes a column.
    ends: Option<Ends<'a>>,
}

#[derive(Clone, Copy, Debug)]
struct Ends<'a> {
    /// Absent when this build does not know the dialect.
    source: Option<&'a dyn Syntax>,
    target: &'a dyn Syntax,
    /// Whether they are of different dialects, so that exceptions of the one are nothing to the other.
    crossing: bool,
}

/// How one column crosses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnTranslation {
    /// What its values mean in the source.
    pub from: LogicalType,
    /// What they mean in the target.
    pub to: LogicalType,
    /// A type of the target's own that a rule asks for.
    pub to_native: Option<String>,
    /// Who decided.
    pub by: Decision,
    /// Why, unless the default was taken.
    pub reason: Option<String>,
    /// What the conversion does to the values; the target's native type has a verdict of its own.
    pub fidelity: Fidelity,
    /// What happens to a value that does not fit.
    pub on_misfit: Policy,
    /// Why it cannot be done, if it cannot.
    pub problem: Option<String>,
}

/// Who decided what a column becomes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    /// The target's dialect: it is the type for such values.
    #[default]
    Default,
    /// The rule of that number, counted from 1.
    Rule(usize),
    /// All values were looked at.
    Evidence,
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Rule(number) => write!(f, "rule {number}"),
            Self::Evidence => f.write_str("evidence"),
        }
    }
}

impl ColumnTranslation {
    /// A column that stays what it is.
    fn identity(logical: &LogicalType) -> Self {
        Self {
            from: logical.clone(),
            to: logical.clone(),
            to_native: None,
            by: Decision::Default,
            reason: None,
            fidelity: Fidelity::Exact,
            on_misfit: Policy::Error,
            problem: None,
        }
    }

    /// Whether its cells are looked at one by one, and some may change.
    fn changes_cells(&self) -> bool {
        self.from != self.to || self.on_misfit != Policy::Error
    }
}

fn source_columns(source: &Collection) -> Vec<String> {
    source.columns.iter().map(|column| column.name.clone()).collect()
}

impl<'a> Translation<'a> {
    /// A collection that stays what it is.
    pub fn identity(source: &Collection) -> Self {
        Self {
            columns: source.columns.iter().map(|column| ColumnTranslation::identity(&column.logical)).collect(),
            collection: source.clone(),
            source_columns: source_columns(source),
            not_carried: Vec::new(),
            notes: Vec::new(),
            ends: None,
        }
    }

    /// Whether the source's own definition says what the target gets: no column changes its type.
    pub fn keeps_types(&self) -> bool {
        self.columns.iter().all(|column| column.from == column.to && column.to_native.is_none())
    }

    /// Whether batches of the source are batches of the target as they are, or are refused.
    pub fn keeps_rows(&self) -> bool {
        !self.columns.iter().any(|column| column.changes_cells() || self.spells_anew(column))
    }

    /// Whether a column's numbers are texts which two dialects may write in two ways: `1e22` is `10000000000000000000000`.
    fn spells_anew(&self, column: &ColumnTranslation) -> bool {
        column.to == LogicalType::Numeric && self.ends.as_ref().is_some_and(|ends| ends.crossing)
    }

    /// Whether batches need not even be looked at.
    pub fn is_identity(&self) -> bool {
        self.ends.is_none()
    }

    /// Whether the cells of the column at a position are looked at before they are written: where some may change, and where the
    /// server would refuse some without saying which.
    fn looks(&self, position: usize) -> bool {
        let Some(column) = self.columns.get(position) else { return false };
        if self.spells_anew(column) {
            return true;
        }
        let is_refused = |ends: &Ends<'_>| match &column.to {
            LogicalType::Text { max_chars: Some(_), .. } => ends.crossing,
            LogicalType::Text { .. } | LogicalType::Float { .. } => {
                ends.crossing && ends.target.domain(&column.to) != Domain::ALL
            }
            _ => false,
        };
        column.changes_cells() || self.ends.as_ref().is_some_and(is_refused)
    }

    /// The conversion of the column at a position.
    fn cast(&self, position: usize) -> Option<Cast> {
        let column = self.columns.get(position)?;
        let domain = match &self.ends {
            Some(ends) if column.to_native.is_none() => ends.target.domain(&column.to),
            _ => Domain::ALL,
        };
        Cast::new(&column.from, &column.to, domain)
    }
}
