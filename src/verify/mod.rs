//! Verify: whether an archive is what it says, and whether a database holds what an archive says.
//!
//! An archive by itself: the bytes of every file against the manifest's BLAKE3, the schema in every Parquet footer against
//! the manifest's, and every row decoded, counted and hashed again. Against a database: every collection read again through
//! the archive's columns, counted and hashed.

mod projection;
mod rehash;
pub(crate) mod work;

pub(crate) use projection::Projection;
pub(crate) use rehash::{Rehash, Run, rehash};

use crate::archive::{Archive, CollectionEntry};
use crate::endpoint::Endpoint;
use crate::group::{self, Assignment, SelectFor, Selection};
use crate::progress::{Event, Progress, RowCount, Share, divide};
use crate::resources::Resources;
use dbferry_dialect::hash::{CollectionHash, RowHasher};
use dbferry_dialect::{Batch, Cancel, Collection, CollectionName, Error, ErrorKind, Purpose, Result, SnapshotOptions};
use rayon::prelude::*;
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Instant;

/// How to verify.
#[derive(Clone, Debug, Default)]
pub struct VerifyOptions {
    /// Threads and memory.
    pub resources: Resources,
    /// Which groups and collections; all by default.
    pub selection: Selection,
    /// Whether rows are decoded and hashed again (true by default), or only bytes and footers looked at.
    pub skip_rows: bool,
    /// Cancels the run.
    pub cancel: Cancel,
}

/// What was verified. It is only returned when everything that was looked at could be read; see
/// [`differences`](Self::differences) for whether it agrees.
#[derive(Clone, Debug, Serialize)]
pub struct VerifyReport {
    /// The archive's id.
    pub id: String,
    /// One line a collection.
    pub collections: Vec<VerifiedCollection>,
    /// Files in the archive's directory that the manifest does not list.
    pub strays: Vec<String>,
    /// How long it took, in seconds.
    pub seconds: f64,
}

impl VerifyReport {
    /// The collections that differ.
    pub fn differences(&self) -> impl Iterator<Item = &VerifiedCollection> {
        self.collections.iter().filter(|collection| collection.difference.is_some())
    }
}

/// What was verified of one collection.
#[derive(Clone, Debug, Serialize)]
pub struct VerifiedCollection {
    /// Its name.
    pub collection: CollectionName,
    /// Its group.
    pub group: String,
    /// Rows that the manifest says.
    pub rows: u64,
    /// The row hash that the manifest says.
    pub hash: String,
    /// What does not agree, in a sentence; absent when all does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub difference: Option<String>,
}

/// Verifies an archive by itself.
///
/// # Errors
/// [`ErrorKind::ArchiveDamaged`] with the first file that is not what the manifest says.
pub fn verify(archive: &Archive, options: &VerifyOptions, progress: &dyn Progress) -> Result<VerifyReport> {
    let started = Instant::now();
    let entries = selected(archive, &options.selection)?;
    let decoded = |entry: &CollectionEntry| if options.skip_rows { 0 } else { work::decode(entry) };
    progress.event(Event::Planned {
        collections: entries.len(),
        rows: RowCount::Exactly(if options.skip_rows { 0 } else { work::sum(entries.iter().map(|entry| entry.rows)) }),
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
        pool.install(|| with_rows.par_iter().try_for_each(|entry| check_rows(archive, entry, options, progress)))?;
    }
    Ok(VerifyReport {
        id: archive.manifest().id.clone(),
        collections: entries.iter().map(|entry| verified(entry, None)).collect(),
        strays: archive.strays()?,
        seconds: started.elapsed().as_secs_f64(),
    })
}

/// Verifies that `database` holds what the archive says, collection by collection.
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
    let started = Instant::now();
    if archive.manifest().source.dialect != database.dialect.name() {
        return Err(Error::new(
            ErrorKind::Unsupported,
            format!(
                "the archive is from {} and the database is {}: rows are compared within one dialect",
                archive.manifest().source.dialect,
                database.dialect.name()
            ),
        ));
    }
    let entries = selected(archive, &options.selection)?;
    let mut opened = database.open(Purpose::Read, &options.cancel)?;
    let mut snapshot =
        opened.snapshot(&SnapshotOptions::new(options.resources.jobs)).map_err(|error| database.name(error))?;
    let schema = snapshot.schema().map_err(|error| database.name(error))?;
    let targets: BTreeMap<&CollectionName, &Collection> =
        schema.collections.iter().map(|collection| (&collection.name, collection)).collect();
    let mut work = Vec::new();
    let mut report: Vec<VerifiedCollection> = Vec::new();
    let mut places = Vec::new();
    for entry in entries {
        let Some(target) = targets.get(&entry.collection.name) else {
            report.push(verified(entry, Some("it is not in the database".into())));
            continue;
        };
        report.push(verified(entry, None));
        if !entry.collection.kind.has_rows() {
            continue;
        }
        let missing: Vec<&str> = entry
            .collection
            .columns
            .iter()
            .filter(|column| target.column(&column.name).is_none())
            .map(|column| column.name.as_str())
            .collect();
        if let (false, Some(line)) = (missing.is_empty(), report.last_mut()) {
            line.difference = Some(format!("the database has no column {}", missing.join(", ")));
            continue;
        }
        let chunks = snapshot
            .chunks(&entry.collection, options.resources.row_group_bytes(32 << 20) as u64)
            .map_err(|error| error.with("collection", &entry.collection.name))?;
        work.push(Rehash::new(entry, &entry.collection, chunks, entry.partial.as_deref()));
        places.push(report.len() - 1);
    }
    progress.event(Event::Planned {
        collections: work.len(),
        rows: RowCount::Exactly(work::sum(work.iter().map(|rehash| rehash.rows))),
        again: 0,
        work: work::sum(work.iter().map(|rehash| rehash.work)),
    });
    progress.event(Event::Phase { name: "prove", group: None });
    let run = Run { resources: options.resources, cancel: &options.cancel, progress, again: false };
    let found = rehash(snapshot.readers(), &work, &run).map_err(|error| database.name(error))?;
    snapshot.finish().map_err(|error| database.name(error))?;
    for (place, found) in places.into_iter().zip(found) {
        report[place].difference = match found {
            Ok(found) => difference(report[place].rows, &report[place].hash, found),
            Err(error) => Some(unreadable(&error)),
        };
    }
    Ok(VerifyReport {
        id: archive.manifest().id.clone(),
        collections: report,
        strays: Vec::new(),
        seconds: started.elapsed().as_secs_f64(),
    })
}

/// That a collection's columns cannot be read as the archive's, in words.
fn unreadable(error: &Error) -> String {
    let column = error.context().find(|(key, _)| *key == "column").map(|(_, column)| column);
    match column {
        Some(column) => format!("column {column} cannot be read as the archive's type: {}", error.message()),
        None => format!("it cannot be read as the archive's: {}", error.message()),
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
    options: &VerifyOptions,
    progress: &dyn Progress,
) -> Result<()> {
    let reader = archive.collection(entry)?;
    let name = entry.collection.name.to_string();
    progress.event(Event::CollectionStarted { collection: &name, rows: RowCount::Exactly(entry.rows) });
    let shares = divide(work::decode(entry), entry.row_groups.iter().copied());
    let parts: Vec<CollectionHash> = shares
        .into_par_iter()
        .enumerate()
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
    match difference(entry.rows, &entry.hash, found) {
        None => {
            progress.event(Event::CollectionFinished { collection: &name, rows: entry.rows });
            Ok(())
        }
        Some(difference) => Err(Error::new(ErrorKind::ArchiveDamaged, difference)
            .with("collection", &name)
            .hint("the file is whole but its rows are not those that were dumped; do not restore it")),
    }
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
    }
}
