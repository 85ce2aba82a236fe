//! Verify: whether an archive is what it says, whether a database holds what an archive says, and whether two databases hold
//! the same.
//!
//! An archive by itself: the bytes of every file against the manifest's BLAKE3, the schema in every Parquet footer against
//! the manifest's, and every row decoded, counted and hashed again. Against a database, and a source against its target:
//! every collection read through the source's columns, counted and hashed; where the hashes differ, a closer look finds the
//! rows and the columns. The engines need not be the same. What it is not: it changes nothing anywhere, except
//! [`in_scratch`] in a database that was empty.

pub(crate) mod compare;
mod projection;
mod rehash;
pub(crate) mod rows;
mod sample;
mod scan;
mod scratch;
pub(crate) mod side;
pub(crate) mod work;

pub(crate) use projection::Projection;
pub(crate) use rehash::{Rehash, rehash};
pub use rows::{CellDifference, KeyPart, RowDifference, RowDifferenceKind, RowDifferences};
pub use sample::Sample;
pub(crate) use scan::Run;
pub use scratch::{ScratchReport, in_scratch};

use crate::archive::{Archive, CollectionEntry};
use crate::endpoint::Endpoint;
use crate::group::{self, Assignment, SelectFor, Selection};
use crate::progress::{Event, Progress, RowCount, Share, divide};
use crate::resources::Resources;
use compare::{Hashed, Pair, counterpart};
use dbferry_dialect::hash::{CollectionHash, RowHasher};
use dbferry_dialect::{Batch, Cancel, Collection, CollectionName, Error, ErrorKind, Result};
use rayon::prelude::*;
use serde::Serialize;
use side::Side;
use std::time::Instant;

/// How to verify.
#[derive(Clone, Debug)]
pub struct VerifyOptions {
    /// Threads and memory.
    pub resources: Resources,
    /// Which groups and collections; all by default. A database has no groups.
    pub selection: Selection,
    /// Whether rows are decoded and hashed again (true by default), or only bytes and footers looked at.
    pub skip_rows: bool,
    /// How many rows are told of each collection that differs (10 by default). With 0 nobody looks closer, and it is only
    /// said that they differ.
    pub differences: usize,
    /// Look at some rows only; at all by default.
    pub sample: Option<Sample>,
    /// Cancels the run.
    pub cancel: Cancel,
}

impl VerifyOptions {
    /// How many rows are told of a collection unless something else is asked.
    pub const DIFFERENCES: usize = 10;
}

impl Default for VerifyOptions {
    fn default() -> Self {
        Self {
            resources: Resources::default(),
            selection: Selection::default(),
            skip_rows: false,
            differences: Self::DIFFERENCES,
            sample: None,
            cancel: Cancel::default(),
        }
    }
}

/// One of two things that are compared.
#[derive(Clone, Copy, Debug)]
pub enum Holder<'a> {
    /// An archive.
    Archive(&'a Archive),
    /// A database, which is read in one snapshot.
    Database(&'a Endpoint<'a>),
}

/// What was verified. It is only returned when everything that was looked at could be read; see
/// [`differences`](Self::differences) for whether it agrees.
#[derive(Clone, Debug, Serialize)]
pub struct VerifyReport {
    /// The archive's id; absent when two databases were compared.
    pub id: Option<String>,
    /// One line a collection.
    pub collections: Vec<VerifiedCollection>,
    /// Files in the archive's directory that the manifest does not list.
    pub strays: Vec<String>,
    /// What was not looked at and why that does no harm, and what a sample proves.
    pub notes: Vec<String>,
    /// How long it took, in seconds.
    pub seconds: f64,
}

impl VerifyReport {
    /// The collections that differ.
    pub fn differences(&self) -> impl Iterator<Item = &VerifiedCollection> {
        self.collections.iter().filter(|collection| collection.difference.is_some())
    }

    /// The collections of which some columns could not be compared.
    pub fn not_compared(&self) -> impl Iterator<Item = &VerifiedCollection> {
        self.collections.iter().filter(|collection| !collection.not_compared.is_empty())
    }
}

/// What was verified of one collection.
#[derive(Clone, Debug, Serialize)]
pub struct VerifiedCollection {
    /// Its name.
    pub collection: CollectionName,
    /// Its name in the other place; absent when it is not there, or nothing was compared.
    pub target: Option<CollectionName>,
    /// Its group; empty for a database's.
    pub group: String,
    /// Rows that the manifest says, or that the source has.
    pub rows: u64,
    /// The row hash that the manifest says, or that the source's compared columns have.
    pub hash: String,
    /// What does not agree, in a sentence; absent when all does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub difference: Option<String>,
    /// Columns that both have and that could not be compared.
    pub not_compared: Vec<NotCompared>,
    /// The rows that differ, if somebody looked closer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub row_differences: Option<RowDifferences>,
}

/// A column that could not be compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NotCompared {
    /// Its name.
    pub column: String,
    /// Why.
    pub reason: String,
}

/// Verifies an archive by itself.
///
/// # Errors
/// [`ErrorKind::ArchiveDamaged`] with the first file that is not what the manifest says.
pub fn verify(archive: &Archive, options: &VerifyOptions, progress: &dyn Progress) -> Result<VerifyReport> {
    let started = Instant::now();
    let entries = selected(archive, &options.selection)?;
    let chosen = |entry: &CollectionEntry| match options.sample {
        Some(sample) => sample.choose(&entry.row_groups),
        None => (0..entry.row_groups.len()).collect(),
    };
    let rows = |entry: &CollectionEntry| work::sum(chosen(entry).into_iter().map(|group| entry.row_groups[group]));
    let decoded = |entry: &CollectionEntry| if options.skip_rows { 0 } else { work::decode(entry) };
    let rows_planned = if options.skip_rows { 0 } else { work::sum(entries.iter().map(|entry| rows(entry))) };
    progress.event(Event::Planned {
        collections: entries.len(),
        rows: RowCount::Exactly(rows_planned),
        again: 0,
        work: work::sum(entries.iter().flat_map(|entry| [work::check(entry), decoded(entry)])),
    });
    let pool = Resources::pool(options.resources.jobs)?;
    progress.event(Event::Phase { name: "check", group: None });
    let check = |entry: &&CollectionEntry| {
        archive.check_bytes(entry, &options.cancel, &mut |amount| progress.event(Event::Work { amount }))
    };
    pool.install(|| entries.par_iter().try_for_each(check))?;
    if !options.skip_rows {
        progress.event(Event::Phase { name: "prove", group: None });
        let with_rows: Vec<&CollectionEntry> = entries.iter().copied().filter(|entry| entry.file.is_some()).collect();
        pool.install(|| {
            with_rows.par_iter().try_for_each(|entry| check_rows(archive, entry, &chosen(entry), options, progress))
        })?;
    }
    Ok(VerifyReport {
        id: Some(archive.manifest().id.clone()),
        collections: entries.iter().map(|entry| verified(entry, None)).collect(),
        strays: archive.strays()?,
        notes: options
            .sample
            .filter(|_| !options.skip_rows)
            .map(|_| sampled(rows_planned, &entries))
            .into_iter()
            .collect(),
        seconds: started.elapsed().as_secs_f64(),
    })
}

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
    for (collection, group) in chosen(&source, &sides[0], &options.selection)? {
        if !(same_dialect || collection.kind.is_portable()) {
            report.notes.push(format!("{} is left out: it means nothing to another dialect", collection.name));
            continue;
        }
        let mut line = match sides[0].entry(&collection) {
            Some(entry) => verified(entry, None),
            None => unread(&collection, group),
        };
        match counterpart(&sides, &collection.name) {
            None => line.difference = Some("it is not in the database".into()),
            Some(other) => {
                line.target = Some(other.name.clone());
                if collection.kind.has_rows() && other.kind.has_rows() {
                    pairs.push(Pair::new(&sides, &collection, other));
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
    line.not_compared = std::mem::take(&mut pair.not_compared);
    line.difference = Some(sentences.join("; ")).filter(|text| !text.is_empty());
    Ok(())
}

/// That a collection's columns cannot be read as they are wanted, in words.
fn unreadable(error: &Error) -> String {
    let column = error.context().find(|(key, _)| *key == "column").map(|(_, column)| column);
    match column {
        Some(column) => format!("column {column} cannot be read as the source's type: {}", error.message()),
        None => format!("it cannot be read as the source's: {}", error.message()),
    }
}

/// What does not agree between what a manifest says and what was found.
pub(crate) fn difference(rows: u64, hash: &str, found: CollectionHash) -> Option<String> {
    if found.rows != rows {
        Some(format!("{} rows instead of {rows}", found.rows))
    } else if found.to_string() != hash {
        Some(format!("the rows hash to {found} instead of {hash}"))
    } else {
        None
    }
}

/// Decodes, counts and hashes a collection of the archive.
fn check_rows(
    archive: &Archive,
    entry: &CollectionEntry,
    chosen: &[usize],
    options: &VerifyOptions,
    progress: &dyn Progress,
) -> Result<()> {
    let reader = archive.collection(entry)?;
    let name = entry.collection.name.to_string();
    progress.event(Event::CollectionStarted { collection: &name, rows: RowCount::Exactly(entry.rows) });
    let shares = divide(work::decode(entry), chosen.iter().map(|group| entry.row_groups[*group]));
    let parts: Vec<CollectionHash> = chosen
        .par_iter()
        .copied()
        .zip(shares)
        .map(|(row_group, work)| {
            let mut share = Share::new(progress, work, entry.row_groups[row_group]);
            let mut hasher = RowHasher::new(&entry.collection);
            reader.read(row_group, options.resources.batch_bytes(), &mut |batch: Batch| {
                options.cancel.check()?;
                let (rows, bytes) = (batch.records.num_rows() as u64, batch.memory_size() as u64);
                progress.event(Event::Rows { collection: &name, rows, bytes, again: false });
                share.advance(rows);
                hasher.update(&batch)
            })?;
            share.finish();
            Ok(hasher.total())
        })
        .collect::<Result<_>>()?;
    let mut found = CollectionHash::default();
    parts.into_iter().for_each(|part| found.merge(part));
    // Only all rows together have the manifest's hash; of some of them it is known how many there are.
    let difference = if chosen.len() == entry.row_groups.len() {
        difference(entry.rows, &entry.hash, found)
    } else {
        let expected = work::sum(chosen.iter().map(|group| entry.row_groups[*group]));
        (found.rows != expected).then(|| format!("{} rows instead of {expected}", found.rows))
    };
    match difference {
        None => {
            progress.event(Event::CollectionFinished { collection: &name, rows: entry.rows });
            Ok(())
        }
        Some(difference) => Err(Error::new(ErrorKind::ArchiveDamaged, difference)
            .with("collection", &name)
            .hint("the file is whole but its rows are not those that were dumped; do not restore it")),
    }
}

/// What a sample of an archive's own rows proves.
fn sampled(rows: u64, entries: &[&CollectionEntry]) -> String {
    let all = work::sum(entries.iter().map(|entry| entry.rows));
    format!(
        "a sample: {rows} of {all} rows were decoded; it proves that the bytes of every file are those that were written, and \
         that these rows can be read; the row hash of a table of which only a part was read is not proven"
    )
}

fn selected<'a>(archive: &'a Archive, selection: &Selection) -> Result<Vec<&'a CollectionEntry>> {
    let manifest = archive.manifest();
    let assignments: Vec<Assignment> = manifest.collections.iter().map(Assignment::from).collect();
    let chosen = group::select(&assignments, selection, SelectFor::Restore)?;
    Ok(chosen.into_iter().map(|index| &manifest.collections[index]).collect())
}

fn verified(entry: &CollectionEntry, difference: Option<String>) -> VerifiedCollection {
    VerifiedCollection {
        collection: entry.collection.name.clone(),
        group: entry.group.clone(),
        rows: entry.rows,
        hash: entry.hash.clone(),
        difference,
        target: None,
        not_compared: Vec::new(),
        row_differences: None,
    }
}

/// A collection of a database before it was read.
fn unread(collection: &Collection, group: String) -> VerifiedCollection {
    VerifiedCollection {
        collection: collection.name.clone(),
        group,
        rows: 0,
        hash: CollectionHash::default().to_string(),
        difference: None,
        target: None,
        not_compared: Vec::new(),
        row_differences: None,
    }
}
