//! Dump: a database into an archive.
//!
//! ```text
//! snapshot with n readers -> catalogue as the snapshot sees it -> groups, selection -> chunks, largest collection first
//!   -> n threads: read a chunk, hash its rows, encode a row group -> append in chunk order -> close, fsync, rename
//!   -> counts compared -> nothing moved underneath -> manifest, last
//! ```
//!
//! What it is not: it knows no dialect, and it decides nothing about the format of an archive.

mod order;
mod worker;

use crate::archive::{
    ArchiveWriter, CollectionEntry, Compression, GroupEntry, Manifest, ObjectEntry, PLACE, WriteOptions,
};
use crate::endpoint::Endpoint;
use crate::group::{self, Assignment, GroupRules, Grouping, InOrder, SelectFor, Selection, UnmatchedRule};
use crate::progress::{Event, Progress};
use crate::resources::Resources;
use dbferry_dialect::model::{NativeObject, NotCarried};
use dbferry_dialect::{
    Cancel, Collection, CollectionName, Consistency, Database, Error, ErrorKind, Purpose, Result, Schema,
    SnapshotOptions,
};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, Instant};

/// How to dump.
#[derive(Clone, Debug)]
pub struct DumpOptions {
    /// Threads and memory.
    pub resources: Resources,
    /// How pages are compressed; zstd 3 by default.
    pub compression: Compression,
    /// The size of a row group in memory, in bytes; 32 MiB by default.
    pub row_group_bytes: usize,
    /// Which collections belong to which group.
    pub group_by: GroupBy,
    /// Which groups and collections are wanted; all but `skipped` by default.
    pub selection: Selection,
    /// Conditions in the source's own SQL, by the collection's full name.
    pub predicates: BTreeMap<String, String>,
    /// Whether anything weaker than one proven snapshot is refused; true by default.
    pub consistent: bool,
    /// A sentence for whoever finds the archive.
    pub description: Option<String>,
    /// Cancels the dump.
    pub cancel: Cancel,
}

impl Default for DumpOptions {
    fn default() -> Self {
        Self {
            resources: Resources::default(),
            compression: Compression::default(),
            row_group_bytes: 32 << 20,
            group_by: GroupBy::default(),
            selection: Selection::default(),
            predicates: BTreeMap::new(),
            consistent: true,
            description: None,
            cancel: Cancel::new(),
        }
    }
}

/// How collections get their groups.
#[derive(Clone, Debug)]
pub enum GroupBy {
    /// By rules.
    Rules(GroupRules),
    /// As listed; a collection that is not listed is left out (a safety backup of what a restore will overwrite). The
    /// group `skipped` is refused here too.
    Fixed(Vec<Assignment>),
}

impl Default for GroupBy {
    fn default() -> Self {
        Self::Rules(GroupRules::default())
    }
}

/// What a dump did.
#[derive(Clone, Debug, Serialize)]
pub struct DumpReport {
    /// The archive's id.
    pub id: String,
    /// How the snapshot was obtained.
    pub consistency: Consistency,
    /// The groups in it, in their order.
    pub groups: Vec<GroupEntry>,
    /// Collections in it.
    pub collections: u64,
    /// Rows in it.
    pub rows: u64,
    /// Bytes of its Parquet files.
    pub bytes: u64,
    /// Cells that did not fit their column's type and were kept beside it.
    pub exceptions: u64,
    /// What was seen and is not carried.
    pub not_carried: Vec<NotCarried>,
    /// How long it took, in seconds.
    pub seconds: f64,
}

/// Dumps `source` into a new archive at `path`: a directory that does not exist or is empty.
///
/// # Errors
/// Whatever the database or the file system refuses. An archive that is not complete is never left behind as one: without
/// its manifest it is none.
pub fn dump(source: &Endpoint<'_>, path: &Path, options: &DumpOptions, progress: &dyn Progress) -> Result<DumpReport> {
    dump_into(source, options, progress, |write| ArchiveWriter::create(path, write))
}

/// Dumps `source` into the archive that `create` begins.
///
/// # Errors
/// Those of [`dump`] and of `create`.
pub(crate) fn dump_into(
    source: &Endpoint<'_>,
    options: &DumpOptions,
    progress: &dyn Progress,
    create: impl FnOnce(WriteOptions) -> Result<ArchiveWriter>,
) -> Result<DumpReport> {
    let started = Instant::now();
    let row_group_bytes = options.resources.row_group_bytes(options.row_group_bytes);
    let mut database = source.open(Purpose::Read, &options.cancel)?;
    let archive = create(WriteOptions { compression: options.compression, row_group_bytes })?;
    let mut manifest = run(&mut *database, &archive, options, row_group_bytes, progress).map_err(|e| source.name(e))?;
    manifest.attributes.insert(PLACE.into(), source.place());
    let report = report(&manifest, started.elapsed());
    archive.finish(manifest)?;
    Ok(report)
}

fn run(
    database: &mut dyn Database,
    archive: &ArchiveWriter,
    options: &DumpOptions,
    row_group_bytes: usize,
    progress: &dyn Progress,
) -> Result<Manifest> {
    progress.event(Event::Phase { name: "snapshot", group: None });
    let mut snapshot_options = SnapshotOptions::new(options.resources.jobs);
    snapshot_options.consistent = options.consistent;
    let mut snapshot = database.snapshot(&snapshot_options)?;
    let schema = snapshot.schema()?;
    let wanted = wanted(database, &schema, options, progress)?;

    let mut jobs = Vec::new();
    for (collection, assignment) in &wanted {
        if collection.kind.has_rows() {
            options.cancel.check()?;
            let chunks = snapshot
                .chunks(collection, row_group_bytes as u64 / 4 * 3)
                .map_err(|error| error.with("collection", &collection.name))?;
            let predicate = options.predicates.get(&collection.name.to_string()).map(String::as_str);
            jobs.push(worker::Job { collection, group: &assignment.group, predicate, chunks });
        }
    }
    progress.event(Event::Planned {
        collections: jobs.len(),
        rows: jobs.iter().map(worker::Job::rows).sum(),
        again: 0,
        work: jobs.iter().flat_map(|job| &job.chunks).map(worker::work).sum(),
    });
    progress.event(Event::Phase { name: "read", group: None });
    let context = worker::Context {
        archive,
        source: database.info(),
        jobs: &jobs,
        resources: options.resources,
        row_group_bytes,
        cancel: &options.cancel,
        progress,
    };
    let finished = worker::run(&context, &mut *snapshot)?;
    let consistency = snapshot.consistency().clone();
    snapshot.finish()?;

    let mut entries: BTreeMap<&CollectionName, CollectionEntry> = BTreeMap::new();
    for (collection, assignment) in &wanted {
        let entry = CollectionEntry {
            collection: (*collection).clone(),
            group: assignment.group.clone(),
            rule: assignment.rule.clone(),
            rows: 0,
            hash: dbferry_dialect::hash::CollectionHash::default().to_string(),
            row_groups: Vec::new(),
            file: None,
            exceptions: None,
            partial: options.predicates.get(&collection.name.to_string()).cloned(),
        };
        entries.insert(&collection.name, entry);
    }
    for (job, finished) in jobs.iter().zip(finished) {
        if let Some(entry) = entries.get_mut(&job.collection.name) {
            entry.rows = finished.hash.rows;
            entry.hash = finished.hash.to_string();
            entry.row_groups = finished.files.row_groups;
            entry.file = Some(finished.files.file);
            entry.exceptions = finished.files.exceptions;
        }
    }
    let collections: Vec<CollectionEntry> = entries.into_values().collect();
    let mut manifest = Manifest::new(database.info().clone(), consistency, options.compression)?;
    manifest.description.clone_from(&options.description);
    manifest.groups = summarise(&collections);
    manifest.objects = objects(&schema.objects, &wanted);
    manifest.attributes = schema.attributes;
    manifest.not_carried = schema.not_carried;
    manifest.collections = collections;
    Ok(manifest)
}

/// The group of each collection.
///
/// # Errors
/// When a rule cannot be followed, or a list has what is never dumped.
pub(crate) fn grouping(database: &mut dyn Database, schema: &Schema, group_by: &GroupBy) -> Result<Grouping> {
    match group_by {
        GroupBy::Fixed(assignments) => {
            if let Some(skipped) = assignments.iter().find(|assignment| assignment.group == group::SKIPPED) {
                let message =
                    format!("{} is in the group {}, which is never dumped", skipped.collection, group::SKIPPED);
                return Err(Error::new(ErrorKind::Usage, message));
            }
            Ok(Grouping { assignments: assignments.clone(), unmatched_rules: Vec::new() })
        }
        GroupBy::Rules(rules) => group::assign(schema, rules, &mut |sql| database.query_names(sql)),
    }
}

/// That a condition is given for what does not take part.
pub(crate) fn check_conditions<'a>(
    predicates: &BTreeMap<String, String>,
    wanted: impl Iterator<Item = &'a CollectionName>,
) -> Result<()> {
    let wanted: BTreeSet<String> = wanted.map(ToString::to_string).collect();
    match predicates.keys().find(|name| !wanted.contains(*name)) {
        None => Ok(()),
        Some(name) => {
            Err(Error::new(ErrorKind::Usage, format!("a condition is given for {name}, which is not dumped"))
                .hint("name the table in full, such as main.orders"))
        }
    }
}

/// The collections that are wanted, each with its group.
pub(crate) fn wanted<'a>(
    database: &mut dyn Database,
    schema: &'a Schema,
    options: &DumpOptions,
    progress: &dyn Progress,
) -> Result<Vec<(&'a Collection, Assignment)>> {
    let Grouping { assignments, unmatched_rules } = grouping(database, schema, &options.group_by)?;
    let chosen: Vec<Assignment> = match &options.group_by {
        GroupBy::Fixed(_) => assignments,
        GroupBy::Rules(_) => {
            let chosen = group::select(&assignments, &options.selection, SelectFor::Dump)?;
            chosen.into_iter().map(|index| assignments[index].clone()).collect()
        }
    };
    for UnmatchedRule { rule, reason } in &unmatched_rules {
        progress.event(Event::Warning { message: &format!("{rule}: {reason}") });
    }
    let collections: BTreeMap<&CollectionName, &Collection> =
        schema.collections.iter().map(|collection| (&collection.name, collection)).collect();
    let wanted: Vec<_> = chosen
        .into_iter()
        .filter_map(|assignment| collections.get(&assignment.collection).map(|collection| (*collection, assignment)))
        .collect();
    check_conditions(&options.predicates, wanted.iter().map(|(collection, _)| &collection.name))?;
    Ok(wanted)
}

/// Rows and bytes a group, in the groups' order.
fn summarise(collections: &[CollectionEntry]) -> Vec<GroupEntry> {
    let mut groups: BTreeMap<InOrder<'_>, GroupEntry> = BTreeMap::new();
    for entry in collections {
        let group = groups.entry(InOrder(&entry.group)).or_insert_with(|| GroupEntry {
            name: entry.group.clone(),
            collections: 0,
            rows: 0,
            bytes: 0,
        });
        group.collections += 1;
        group.rows += entry.rows;
        group.bytes += entry.bytes();
    }
    groups.into_values().collect()
}

/// The native objects that go along: those of a collection with it, the others always.
fn objects(objects: &[NativeObject], wanted: &[(&Collection, Assignment)]) -> Vec<ObjectEntry> {
    let groups: BTreeMap<&CollectionName, &str> =
        wanted.iter().map(|(collection, assignment)| (&collection.name, assignment.group.as_str())).collect();
    objects
        .iter()
        .filter_map(|object| {
            let group = match &object.on {
                None => None,
                Some(name) => Some((*groups.get(name)?).to_owned()),
            };
            Some(ObjectEntry { object: object.clone(), group })
        })
        .collect()
}

fn report(manifest: &Manifest, elapsed: Duration) -> DumpReport {
    DumpReport {
        id: manifest.id.clone(),
        consistency: manifest.consistency.clone(),
        groups: manifest.groups.clone(),
        collections: manifest.collections.len() as u64,
        rows: manifest.collections.iter().map(|entry| entry.rows).sum(),
        bytes: manifest.collections.iter().map(CollectionEntry::bytes).sum(),
        exceptions: manifest.collections.iter().filter_map(|entry| entry.exceptions.as_ref()).map(|e| e.rows).sum(),
        not_carried: manifest.not_carried.clone(),
        seconds: elapsed.as_secs_f64(),
    }
}
