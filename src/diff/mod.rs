//! Diff: what is different between any two of archive and database, in the schema and in the rows.
//!
//! The schema is compared as far as both sides can be understood: everything within one dialect; across dialects what the
//! model carries, without the engine's own texts. Rows are compared by their counts and hashes, as [`verify`](crate::verify)
//! does it, and on request a closer look finds the rows that differ. What it is not: it changes nothing, and it writes no
//! statements that would make two sides equal.

mod schema;

pub use schema::{SchemaChange, SchemaDifference};

use crate::group::{self, Assignment, SelectFor, Selection};
use crate::progress::{Event, Progress};
use crate::resources::Resources;
use crate::verify::compare;
use crate::verify::counterpart::Counterparts;
use crate::verify::pair::Pair;
use crate::verify::side::Side;
use crate::verify::{ComparedAs, Holder, NotCompared, RowDifferences, Run};
use dbferry_dialect::{Cancel, CollectionName, DatabaseInfo, Result};
use serde::Serialize;
use std::collections::BTreeSet;
use std::time::Instant;

/// How to compare.
#[derive(Clone, Debug, Default)]
pub struct DiffOptions {
    /// Threads and memory.
    pub resources: Resources,
    /// Which collections; all by default. Tables are chosen by name; groups only where the left side is an archive.
    pub selection: Selection,
    /// Whether only the schema is compared; false by default.
    pub schema_only: bool,
    /// How many rows are told of each collection whose rows differ; 0, the default, looks no closer than the hash.
    pub rows: usize,
    /// Cancels the run.
    pub cancel: Cancel,
}

/// What is different.
#[derive(Clone, Debug, Serialize)]
pub struct DiffReport {
    /// What the left side is, or is from.
    pub left: DatabaseInfo,
    /// What the right side is, or is from.
    pub right: DatabaseInfo,
    /// How the schema differs; in the order of the collections' names, then what belongs to none.
    pub schema: Vec<SchemaDifference>,
    /// The collections that both have and whose rows were compared.
    pub collections: Vec<ComparedRows>,
    /// What was not compared and why.
    pub notes: Vec<String>,
    /// How long it took, in seconds.
    pub seconds: f64,
}

impl DiffReport {
    /// Whether nothing is different.
    pub fn is_equal(&self) -> bool {
        self.schema.is_empty() && self.differing_rows().next().is_none()
    }

    /// The collections whose rows differ.
    pub fn differing_rows(&self) -> impl Iterator<Item = &ComparedRows> {
        self.collections.iter().filter(|rows| rows.difference.is_some())
    }
}

/// The rows of a collection on both sides.
#[derive(Clone, Debug, Serialize)]
pub struct ComparedRows {
    /// Its name on the left.
    pub collection: CollectionName,
    /// Its name on the right.
    pub right: CollectionName,
    /// Rows on the left.
    pub left_rows: u64,
    /// Rows on the right.
    pub right_rows: u64,
    /// What differs, in a sentence; absent when the compared columns of all rows are equal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub difference: Option<String>,
    /// Columns that both have and that could not be compared.
    pub not_compared: Vec<NotCompared>,
    /// Columns that mean something else on each side, and as what their values were compared.
    pub compared_as: Vec<ComparedAs>,
    /// The rows that differ, if they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub row_differences: Option<RowDifferences>,
}

/// Compares two sides.
///
/// # Errors
/// When a side cannot be read, or the selection names what the left side has not.
pub fn diff(left: Holder<'_>, right: Holder<'_>, options: &DiffOptions, progress: &dyn Progress) -> Result<DiffReport> {
    let started = Instant::now();
    let readers = match (left, right) {
        (Holder::Database(_), Holder::Database(_)) => (options.resources.jobs / 2).max(1),
        _ => options.resources.jobs,
    };
    let mut sides = [Side::open(&left, readers, &options.cancel)?, Side::open(&right, readers, &options.cancel)?];
    let same_dialect = sides[0].info.dialect == sides[1].info.dialect;
    let mut report = DiffReport {
        left: sides[0].info.clone(),
        right: sides[1].info.clone(),
        schema: Vec::new(),
        collections: Vec::new(),
        notes: Vec::new(),
        seconds: 0.0,
    };
    let counterparts = Counterparts::new(&sides);
    let chosen = chosen(&left, &sides, &counterparts, &options.selection)?;
    let mut pairs = Vec::new();
    for name in &chosen {
        let [own, other] = [sides[0].schema.collection(name), counterparts.of(name)];
        let (Some(own), other) = (own, other) else {
            report.schema.push(SchemaDifference::only_right(name));
            continue;
        };
        if !(same_dialect || own.kind.is_portable()) {
            report.notes.push(format!("{name} is left out: it means nothing to another dialect"));
            continue;
        }
        let Some(other) = other else {
            report.schema.push(SchemaDifference::only_left(name));
            continue;
        };
        report.schema.extend(schema::collections(&counterparts.as_there(own, other), other, same_dialect));
        let pair = Pair::new(&sides, &counterparts, own, other);
        if own.kind.has_rows() && other.kind.has_rows() && !options.schema_only {
            report.collections.push(ComparedRows {
                collection: own.name.clone(),
                right: other.name.clone(),
                left_rows: 0,
                right_rows: 0,
                difference: None,
                not_compared: Vec::new(),
                compared_as: Vec::new(),
                row_differences: None,
            });
            pairs.push(pair);
        }
    }
    if same_dialect && options.selection == Selection::default() {
        report.schema.extend(schema::objects(&sides[0].schema, &sides[1].schema));
    } else if !same_dialect {
        let count = sides.iter().map(|side| side.schema.objects.len()).sum::<usize>();
        if count > 0 {
            report.notes.push(format!(
                "{count} views, triggers and the like of both sides are not compared: they are of different dialects"
            ));
        }
    }
    let run = Run { resources: options.resources, cancel: &options.cancel, progress, again: false };
    let hashed = compare::hash(&mut sides, &mut pairs, &run)?;
    for ((pair, hashed), line) in pairs.iter_mut().zip(hashed).zip(&mut report.collections) {
        match hashed {
            Err(error) => line.difference = Some(format!("the rows cannot be compared: {error}")),
            Ok([left, right]) => {
                (line.left_rows, line.right_rows) = (left.rows, right.rows);
                if left != right {
                    if options.rows > 0 {
                        progress.event(Event::Phase { name: "differences", group: None });
                        line.row_differences = compare::differences(&mut sides, pair, options.rows, &run)?;
                    }
                    let found = line.row_differences.as_ref().map(RowDifferences::describe);
                    line.difference = Some(match found {
                        Some(found) => found,
                        None if left.rows == right.rows => "the rows differ".to_owned(),
                        None => format!("{} rows on the left, {} on the right", left.rows, right.rows),
                    });
                }
            }
        }
        let name = line.collection.to_string();
        progress.event(Event::CollectionFinished { collection: &name, rows: line.left_rows });
        line.not_compared = pair.take_not_compared();
        line.compared_as = pair.compared_as();
    }
    for side in sides {
        side.finish()?;
    }
    report.seconds = started.elapsed().as_secs_f64();
    Ok(report)
}

/// The names of the collections that are looked at: those of the left, then those that only the right has.
fn chosen(
    left: &Holder<'_>,
    sides: &[Side<'_>; 2],
    counterparts: &Counterparts<'_, '_>,
    selection: &Selection,
) -> Result<Vec<CollectionName>> {
    let [own, other] = sides;
    let mut assignments: Vec<Assignment> = match left {
        Holder::Archive(archive) => archive.manifest().collections.iter().map(Assignment::from).collect(),
        Holder::Database(_) => own.schema.collections.iter().map(|collection| of_nobody(&collection.name)).collect(),
    };
    let matched: BTreeSet<&CollectionName> = own
        .schema
        .collections
        .iter()
        .filter_map(|collection| counterparts.of(&collection.name))
        .map(|other| &other.name)
        .collect();
    let only_right = other.schema.collections.iter().filter(|collection| !matched.contains(&collection.name));
    let portable = own.info.dialect == other.info.dialect;
    let only_right = only_right.filter(|collection| portable || collection.kind.is_portable());
    assignments.extend(only_right.map(|collection| of_nobody(&collection.name)));
    let indexes = group::select(&assignments, selection, SelectFor::Restore)?;
    Ok(indexes.into_iter().map(|index| assignments[index].collection.clone()).collect())
}

/// A collection that nobody gave a group.
fn of_nobody(name: &CollectionName) -> Assignment {
    Assignment { collection: name.clone(), group: group::UNKNOWN.into(), rule: String::new(), part_of: None }
}
