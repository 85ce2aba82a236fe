//! The rows of an archive's collection, decoded, counted and hashed: what proves an archive by itself, and what the first
//! look at foreign files finds.

use super::work;
use crate::archive::{CollectionEntry, CollectionReader};
use crate::progress::{Event, Progress, RowCount, Share, divide};
use crate::resources::Resources;
use dbferry_dialect::hash::{CollectionHash, RowHasher};
use dbferry_dialect::{Batch, Cancel, Result};
use rayon::prelude::*;

/// Decodes the row groups `chosen` of a collection on the threads of the pool that this runs in, and hashes their rows.
///
/// # Errors
/// When a row group cannot be read.
pub(crate) fn hash_row_groups(
    reader: &CollectionReader,
    entry: &CollectionEntry,
    chosen: &[usize],
    resources: Resources,
    cancel: &Cancel,
    progress: &dyn Progress,
) -> Result<CollectionHash> {
    let name = entry.collection.name.to_string();
    progress.event(Event::CollectionStarted { collection: &name, rows: RowCount::Exactly(entry.rows) });
    let rows_of = |group: usize| entry.row_groups.get(group).copied().unwrap_or(0);
    let shares = divide(work::decode(entry), chosen.iter().map(|group| rows_of(*group)));
    let parts: Vec<CollectionHash> = chosen
        .par_iter()
        .copied()
        .zip(shares)
        .map(|(row_group, work)| {
            let mut share = Share::new(progress, work, rows_of(row_group));
            let mut hasher = RowHasher::new(&entry.collection);
            reader.read(row_group, resources.batch_bytes(), &mut |batch: Batch| {
                cancel.check()?;
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
    Ok(found)
}
