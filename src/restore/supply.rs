//! Where the rows of a restore come from: an archive, or a database that is held still.
//!
//! Planning and loading look at a [`Supply`] and do not know which of the two it is. What differs is what is known before
//! the rows are read: an archive has their number and their hash, a database has estimates. What it is not: it decides
//! nothing about what is restored.

use crate::archive::{Archive, CollectionEntry, CollectionReader, ObjectEntry};
use crate::config::RestoreMode;
use crate::group::{Assignment, SelectFor};
use crate::progress::{Event, Progress, RowCount};
use crate::resources::Resources;
use crate::restore::RestoreOptions;
use crate::verify::Projection;
use crate::verify::work::{self, Amount};
use dbferry_dialect::hash::CollectionHash;
use dbferry_dialect::model::NativeObject;
use dbferry_dialect::{Batch, Collection, Consistency, DatabaseInfo, Dialect, Result, Sink, Syntax};
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

/// Everything that can be restored, and who hands out its rows.
pub(crate) struct Supply<'a> {
    /// The archive's id; a database has none.
    pub(crate) archive: Option<String>,
    /// The database that the rows are from.
    pub(crate) source: DatabaseInfo,
    /// How one view of that database is held while it is read; an archive holds itself still.
    pub(crate) consistency: Option<Consistency>,
    /// What a selection of it is for.
    pub(crate) purpose: SelectFor,
    /// The collections.
    pub(crate) collections: Vec<Offered<'a>>,
    /// Views, triggers and the like.
    pub(crate) objects: Vec<&'a NativeObject>,
    /// Facts of the source database as a whole.
    pub(crate) attributes: &'a BTreeMap<String, String>,
    /// What is worth knowing and does no harm.
    pub(crate) notes: Vec<String>,
    /// What is lost before anything is planned.
    pub(crate) warnings: Vec<String>,
    /// How the source spells SQL; absent when this build does not know its dialect.
    pub(crate) syntax: Option<&'a dyn Syntax>,
    /// Who hands out the rows.
    pub(crate) rows: Box<dyn RowSupply + 'a>,
}

/// A collection that can be restored.
pub(crate) struct Offered<'a> {
    /// Its name, columns, keys and so on.
    pub(crate) collection: &'a Collection,
    /// Its group, and the rule that chose it.
    pub(crate) assignment: Assignment,
    /// How many rows it has.
    pub(crate) rows: RowCount,
    /// The condition that rows have to meet, if only some of them are here.
    pub(crate) partial: Option<&'a str>,
    /// What its rows must hash to; known of an archive.
    pub(crate) hash: Option<&'a str>,
}

/// Hands out the rows of the collections of a [`Supply`], by their places in it. Several threads read at once.
pub(crate) trait RowSupply: Sync {
    /// Divides a collection into parts. Called before its parts are read.
    fn divide(&self, place: usize) -> Result<Division>;

    /// Looks at everything that will be read of these collections, before anything is written, and tells the work of it.
    fn check(&self, places: &[usize], options: &RestoreOptions, progress: &dyn Progress) -> Result<()>;

    /// Reads a part. May wait until another thread is done with its own.
    fn read(&self, place: usize, part: usize, batch_bytes: usize, sink: &mut dyn Sink) -> Result<()>;

    /// Reads the columns at these positions of all rows of a collection, with up to `jobs` threads that push at once; the batches
    /// have them in that order. Before anything is divided, checked or read.
    fn scan(
        &self,
        place: usize,
        positions: &[usize],
        options: &RestoreOptions,
        sink: &(dyn Fn(Batch) -> Result<()> + Sync),
    ) -> Result<()>;

    /// Whether reading is waiting for somebody else, who works meanwhile.
    fn waits(&self) -> bool;

    /// Everything is read: sees that nothing moved underneath, and lets go of it. Further calls do nothing.
    fn finish(&self) -> Result<()>;
}

/// The parts of a collection.
pub(crate) struct Division {
    /// The size of each.
    pub(crate) parts: Vec<u64>,
    /// What that size is.
    pub(crate) measure: Measure,
    /// How much it is in all.
    pub(crate) amount: Amount,
    /// The work of looking at it before anything is written.
    pub(crate) check: u64,
}

impl Division {
    /// How many rows come before a part, where that is known.
    pub(crate) fn before(&self, part: usize) -> Option<u64> {
        match self.measure {
            Measure::Rows => Some(work::sum(self.parts.iter().take(part).copied())),
            Measure::Bytes => (part == 0).then_some(0),
        }
    }
}

/// What the size of a part is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Measure {
    /// Rows.
    Rows,
    /// Bytes of table data.
    Bytes,
}

impl Supply<'_> {
    /// What the rows are called in messages: where they come from.
    pub(crate) fn noun(&self) -> &'static str {
        if self.archive.is_some() { "archive" } else { "source" }
    }
}

impl Offered<'_> {
    /// What happens to it if it exists; a part has its owner's mode.
    pub(crate) fn mode(&self, options: &RestoreOptions) -> RestoreMode {
        let owner = self.collection.part_of.as_ref().unwrap_or(&self.collection.name);
        options.modes.mode_of(owner, &self.assignment.group)
    }
}

impl<'a> Supply<'a> {
    /// Everything that an archive holds.
    pub(crate) fn of_archive(archive: &'a Archive) -> Self {
        let manifest = archive.manifest();
        let offered = |entry: &'a CollectionEntry| Offered {
            collection: &entry.collection,
            assignment: Assignment::from(entry),
            rows: RowCount::Exactly(entry.rows),
            partial: entry.partial.as_deref(),
            hash: Some(&entry.hash),
        };
        Self {
            archive: Some(manifest.id.clone()),
            source: manifest.source.clone(),
            consistency: None,
            purpose: SelectFor::Restore,
            collections: manifest.collections.iter().map(offered).collect(),
            objects: manifest.objects.iter().map(|entry: &ObjectEntry| &entry.object).collect(),
            attributes: &manifest.attributes,
            notes: Vec::new(),
            warnings: Vec::new(),
            syntax: crate::registry::by_name(&manifest.source.dialect).map(Dialect::syntax),
            rows: Box::new(ArchiveRows::new(archive)),
        }
    }
}

/// The rows of an archive.
struct ArchiveRows<'a> {
    archive: &'a Archive,
    entries: &'a [CollectionEntry],
    /// For each collection its reader, open from its first row group to its last.
    slots: Vec<Mutex<Slot>>,
}

#[derive(Default)]
struct Slot {
    reader: Option<Arc<CollectionReader>>,
    /// Row groups that were read since the reader was opened.
    done: usize,
}

impl<'a> ArchiveRows<'a> {
    fn new(archive: &'a Archive) -> Self {
        let entries = &archive.manifest().collections;
        Self { archive, entries, slots: entries.iter().map(|_| Mutex::default()).collect() }
    }

    /// The collection's reader, opened by whoever needs it first.
    fn reader(&self, place: usize) -> Result<Arc<CollectionReader>> {
        let mut slot = self.slots[place].lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(reader) = &slot.reader {
            return Ok(Arc::clone(reader));
        }
        let reader = Arc::new(self.archive.collection(&self.entries[place])?);
        Ok(Arc::clone(slot.reader.insert(reader)))
    }

    /// A row group is read; after the last one the file is closed, so that no more are open than there are threads.
    fn close(&self, place: usize) {
        let mut slot = self.slots[place].lock().unwrap_or_else(PoisonError::into_inner);
        slot.done += 1;
        if slot.done == self.entries[place].row_groups.len() {
            *slot = Slot::default();
        }
    }
}

impl RowSupply for ArchiveRows<'_> {
    fn divide(&self, place: usize) -> Result<Division> {
        let entry = &self.entries[place];
        Ok(Division {
            parts: entry.row_groups.clone(),
            measure: Measure::Rows,
            amount: Amount::from(entry),
            check: work::check(entry),
        })
    }

    fn check(&self, places: &[usize], options: &RestoreOptions, progress: &dyn Progress) -> Result<()> {
        progress.event(Event::Phase { name: "check", group: None });
        let check = |place: &usize| {
            let mut told = |amount| progress.event(Event::Work { amount });
            self.archive.check_bytes(&self.entries[*place], &options.cancel, &mut told)
        };
        Resources::pool(options.resources.jobs)?.install(|| places.par_iter().try_for_each(check))
    }

    fn read(&self, place: usize, part: usize, batch_bytes: usize, sink: &mut dyn Sink) -> Result<()> {
        self.reader(place)?.read(part, batch_bytes, &mut |batch| sink.push(batch))?;
        self.close(place);
        Ok(())
    }

    fn scan(
        &self,
        place: usize,
        positions: &[usize],
        options: &RestoreOptions,
        sink: &(dyn Fn(Batch) -> Result<()> + Sync),
    ) -> Result<()> {
        let entry = &self.entries[place];
        let reader = self.archive.collection(entry)?;
        let columns: BTreeSet<usize> = positions.iter().copied().collect();
        // What is read has the order of the collection; what is wanted may have another one.
        let places: Vec<usize> =
            positions.iter().filter_map(|at| columns.iter().position(|column| column == at)).collect();
        let mut read = entry.collection.clone();
        read.columns = columns.iter().map(|at| entry.collection.columns[*at].clone()).collect();
        let projection = Projection::new(&read, places);
        let part = |part: usize| {
            reader.read_columns(part, &columns, options.resources.batch_bytes(), &mut |batch| {
                options.cancel.check()?;
                sink(projection.project(&batch)?)
            })
        };
        let pool = Resources::pool(options.resources.jobs)?;
        pool.install(|| (0..entry.row_groups.len()).into_par_iter().try_for_each(part))
    }

    fn waits(&self) -> bool {
        false
    }

    fn finish(&self) -> Result<()> {
        Ok(())
    }
}

/// What does not agree between what a supply knew of its rows and what was read of them.
pub(super) fn difference(offered: &Offered<'_>, found: CollectionHash) -> Option<String> {
    let (RowCount::Exactly(rows), Some(hash)) = (offered.rows, offered.hash) else { return None };
    crate::verify::difference(rows, hash, found)
}
