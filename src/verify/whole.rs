//! An archive by itself: bytes, footers, rows.

use super::decode::hash_row_groups;
use super::report::{VerifiedCollection, VerifyReport, difference};
use super::{VerifyOptions, work};
use crate::archive::{Archive, CollectionEntry};
use crate::group::{self, Assignment, SelectFor, Selection};
use crate::progress::{Event, Progress, RowCount};
use crate::resources::Resources;
use dbferry_dialect::{Error, ErrorKind, Result};
use rayon::prelude::*;
use std::time::Instant;

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
        collections: entries.iter().map(|entry| VerifiedCollection::of_entry(entry)).collect(),
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

/// Decodes, counts and hashes a collection of the archive.
fn check_rows(
    archive: &Archive,
    entry: &CollectionEntry,
    chosen: &[usize],
    options: &VerifyOptions,
    progress: &dyn Progress,
) -> Result<()> {
    let reader = archive.collection(entry)?;
    let reader = if options.within_memory { reader.distrusted() } else { reader };
    let name = entry.collection.name.to_string();
    let most = options.resources.memory / options.resources.jobs.max(1) as u64;
    if let Some(bytes) = reader.largest_row_group().filter(|bytes| options.within_memory && *bytes > most) {
        let message = format!("rows of {} MiB at once do not fit into the memory of this run", bytes >> 20);
        return Err(Error::new(ErrorKind::Refused, message)
            .with("collection", &name)
            .hint(format!("each job has {} MiB: give more memory, or fewer jobs", most >> 20)));
    }
    let found = hash_row_groups(&reader, entry, chosen, options.resources, &options.cancel, progress)?;
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
