//! One place against another: an archive or a source against a database that should hold the same.

use super::compare::{self, Hashed};
use super::counterpart::Counterparts;
use super::pair::Pair;
use super::report::{VerifiedCollection, VerifyReport, difference};
use super::scan::Run;
use super::side::Side;
use super::{Holder, VerifyOptions, sample};
use crate::archive::Archive;
use crate::endpoint::Endpoint;
use crate::group::{self, Assignment, SelectFor, Selection};
use crate::progress::{Event, Progress};
use dbferry_dialect::{Collection, Error, ErrorKind, Result};
use std::time::Instant;

/// Verifies that `database` holds what the archive says, collection by collection. Its dialect need not be the archive's:
/// the rows are read through the archive's columns, under the names that a restore gives them.
///
/// Differences are in the report, not an error.
///
/// # Errors
/// When either side cannot be read.
pub fn verify_against(
    archive: &Archive,
    database: &Endpoint<'_>,
    options: &VerifyOptions,
    progress: &dyn Progress,
) -> Result<VerifyReport> {
    verify_pair(Holder::Archive(archive), Holder::Database(database), options, progress)
}

/// Verifies that `target` holds what `source` holds, as after a migration: both are read in snapshots, through the source's
/// columns. What only the target has is not looked at.
///
/// Differences are in the report, not an error.
///
/// # Errors
/// When either side cannot be read, and when the selection names groups, which a database has not.
pub fn verify_databases(
    source: &Endpoint<'_>,
    target: &Endpoint<'_>,
    options: &VerifyOptions,
    progress: &dyn Progress,
) -> Result<VerifyReport> {
    verify_pair(Holder::Database(source), Holder::Database(target), options, progress)
}

fn verify_pair(
    source: Holder<'_>,
    target: Holder<'_>,
    options: &VerifyOptions,
    progress: &dyn Progress,
) -> Result<VerifyReport> {
    let started = Instant::now();
    let readers = match source {
        Holder::Archive(_) => options.resources.jobs,
        Holder::Database(_) => (options.resources.jobs / 2).max(1),
    };
    let mut sides = [Side::open(&source, readers, &options.cancel)?, Side::open(&target, readers, &options.cancel)?];
    let same_dialect = sides[0].info.dialect == sides[1].info.dialect;
    let mut report = VerifyReport {
        id: if let Holder::Archive(archive) = source { Some(archive.manifest().id.clone()) } else { None },
        collections: Vec::new(),
        strays: Vec::new(),
        notes: Vec::new(),
        seconds: 0.0,
    };
    let (mut pairs, mut places) = (Vec::new(), Vec::new());
    let counterparts = Counterparts::new(&sides);
    for (collection, group) in chosen(&source, &sides[0], &options.selection)? {
        if !(same_dialect || collection.kind.is_portable()) {
            report.notes.push(format!("{} is left out: it means nothing to another dialect", collection.name));
            continue;
        }
        let mut line = match sides[0].entry(&collection) {
            Some(entry) => VerifiedCollection::of_entry(entry),
            None => VerifiedCollection::unread(&collection, group),
        };
        match counterparts.of(&collection.name) {
            None => line.difference = Some("it is not in the database".into()),
            Some(other) => {
                line.target = Some(other.name.clone());
                if collection.kind.has_rows() && other.kind.has_rows() {
                    pairs.push(Pair::new(&sides, &counterparts, &collection, other));
                    places.push(report.collections.len());
                }
            }
        }
        report.collections.push(line);
    }
    let run = Run { resources: options.resources, cancel: &options.cancel, progress, again: false };
    if let Some(sample) = options.sample {
        sample::compare(&mut sides, pairs, &places, sample, options.differences, &run, &mut report)?;
    } else {
        let hashed = compare::hash(&mut sides, &mut pairs, &run)?;
        for ((pair, hashed), place) in pairs.iter_mut().zip(hashed).zip(places) {
            conclude(&mut sides, pair, hashed, options.differences, &run, &mut report.collections[place])?;
        }
    }
    for side in sides {
        side.finish()?;
    }
    report.seconds = started.elapsed().as_secs_f64();
    Ok(report)
}

/// The collections that are compared, each with its group.
fn chosen(source: &Holder<'_>, side: &Side<'_>, selection: &Selection) -> Result<Vec<(Collection, String)>> {
    let collections = &side.schema.collections;
    let assignments: Vec<Assignment> = match source {
        Holder::Archive(archive) => archive.manifest().collections.iter().map(Assignment::from).collect(),
        Holder::Database(_) => {
            if selection.groups.is_some() || !selection.exclude_groups.is_empty() {
                let error = Error::new(ErrorKind::Usage, "groups are chosen, and a database has none");
                return Err(error.hint("choose tables, or compare with an archive, which knows the group of each"));
            }
            let none = |collection: &Collection| Assignment {
                collection: collection.name.clone(),
                group: group::UNKNOWN.into(),
                rule: String::new(),
                part_of: collection.part_of.clone(),
            };
            collections.iter().map(none).collect()
        }
    };
    let indexes = group::select(&assignments, selection, SelectFor::Restore)?;
    let group = |index: usize| match source {
        Holder::Archive(_) => assignments[index].group.clone(),
        Holder::Database(_) => String::new(),
    };
    Ok(indexes.into_iter().map(|index| (collections[index].clone(), group(index))).collect())
}

/// Says what came of a pair, and looks closer where it differs.
fn conclude<'a>(
    sides: &mut [Side<'a>; 2],
    pair: &mut Pair<'a>,
    hashed: Hashed,
    differences: usize,
    run: &Run<'_>,
    line: &mut VerifiedCollection,
) -> Result<()> {
    let mut sentences = Vec::new();
    if !pair.missing.is_empty() {
        sentences.push(format!("the database has no column {}", pair.missing.join(", ")));
    }
    match hashed {
        Err(error) => sentences.push(unreadable(&error)),
        Ok([source, target]) => {
            if sides[0].entry_of(&line.collection).is_none() {
                (line.rows, line.hash) = (source.rows, source.to_string());
            }
            if source != target {
                let counted = difference(source.rows, &source.to_string(), target).unwrap_or_default();
                let found = if differences > 0 {
                    run.progress.event(Event::Phase { name: "differences", group: None });
                    compare::differences(sides, pair, differences, run)?
                } else {
                    None
                };
                sentences.push(match &found {
                    None => counted,
                    Some(found) if source.rows != target.rows => format!("{counted}: {}", found.describe()),
                    Some(found) => found.describe(),
                });
                line.row_differences = found;
            }
        }
    }
    run.progress.event(Event::CollectionFinished { collection: &line.collection.to_string(), rows: line.rows });
    line.not_compared = pair.take_not_compared();
    line.compared_as = pair.compared_as();
    line.difference = Some(sentences.join("; ")).filter(|text| !text.is_empty());
    Ok(())
}

/// That a collection's columns cannot be read as they are wanted, in words.
pub(super) fn unreadable(error: &Error) -> String {
    let column = error.context().find(|(key, _)| *key == "column").map(|(_, column)| column);
    match column {
        Some(column) => format!("column {column} cannot be read as the source's type: {}", error.message()),
        None => format!("it cannot be read as the source's: {}", error.message()),
    }
}
