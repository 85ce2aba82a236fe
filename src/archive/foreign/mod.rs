//! Parquet files that others wrote, as the files of an archive that has no manifest of its own.
//!
//! Each collection is one file or several parts. What it is not: a place to decide which files are a collection, or to
//! vouch for anything; that is done in [`import`](crate::import), which reads every row once before anybody uses them.

mod convert;
mod decimal;
mod file;
mod schema;

pub(crate) use file::{ForeignFile, begins_like_parquet, is_of_archive};

use super::manifest::CollectionEntry;
use super::{DAMAGED_LATER, damaged};
use arrow::datatypes::SchemaRef;
use dbferry_dialect::{Batch, Cancel, CollectionName, Error, ErrorKind, Result, carrier};
use std::collections::{BTreeMap, VecDeque};
use std::io::Read;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// The files of an import, by collection.
#[derive(Debug, Default)]
pub(crate) struct ForeignFiles {
    collections: BTreeMap<CollectionName, Arc<Vec<ForeignPart>>>,
}

/// One file of a collection.
#[derive(Clone, Debug)]
pub(crate) struct ForeignPart {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// Its path as messages show it, relative to the folder.
    pub(crate) name: String,
    /// How many rows each row group has that has any.
    pub(crate) row_groups: Vec<u64>,
}

impl ForeignFiles {
    /// Adds a collection.
    pub(crate) fn insert(&mut self, name: CollectionName, parts: Vec<ForeignPart>) {
        self.collections.insert(name, Arc::new(parts));
    }

    fn parts(&self, name: &CollectionName) -> Result<Arc<Vec<ForeignPart>>> {
        self.collections
            .get(name)
            .cloned()
            .ok_or_else(|| Error::new(ErrorKind::Internal, "a collection has no files").with("collection", name))
    }

    /// The hash of the bytes of all parts of a collection, one after the other, and how many they are.
    pub(crate) fn hash_bytes(
        &self,
        name: &CollectionName,
        cancel: &Cancel,
        on_bytes: &mut dyn FnMut(u64),
    ) -> Result<(u64, String)> {
        let mut hasher = blake3::Hasher::new();
        let mut buffer = vec![0; super::reader::BUFFER];
        let mut total = 0_u64;
        for part in self.parts(name)?.iter() {
            let within = |error: Error| error.with("file", &part.name);
            let range = file::range(&part.path).map_err(within)?;
            let mut reader = range.reader();
            loop {
                cancel.check().map_err(within)?;
                let read =
                    reader.read(&mut buffer).map_err(|error| within(Error::io("cannot read the file", error)))?;
                if read == 0 {
                    break;
                }
                hasher.update(buffer.get(..read).unwrap_or_default());
                total = total.saturating_add(read as u64);
                on_bytes(read as u64);
            }
        }
        Ok((total, hasher.finalize().to_hex().to_string()))
    }

    /// Compares the bytes with those that were imported.
    pub(super) fn check(&self, entry: &CollectionEntry, cancel: &Cancel, on_bytes: &mut dyn FnMut(u64)) -> Result<()> {
        let (bytes, hash) = self.hash_bytes(&entry.collection.name, cancel, on_bytes)?;
        match &entry.file {
            Some(file) if file.bytes == bytes && file.blake3 == hash => Ok(()),
            _ => Err(damaged("a file was changed while it was imported").hint(DAMAGED_LATER)),
        }
    }

    pub(super) fn reader(&self, entry: &CollectionEntry) -> Result<ForeignReader> {
        let parts = self.parts(&entry.collection.name)?;
        let places = parts
            .iter()
            .enumerate()
            .flat_map(|(part, file)| (0..file.row_groups.len()).map(move |row_group| (part, row_group)));
        let places = places.collect();
        Ok(ForeignReader {
            schema: carrier::schema(&entry.collection),
            places,
            parts,
            open: Mutex::new(VecDeque::new()),
        })
    }
}

/// Reads the row groups of all parts of a collection.
#[derive(Debug)]
pub(super) struct ForeignReader {
    schema: SchemaRef,
    parts: Arc<Vec<ForeignPart>>,
    /// For each row group of the collection its part and its number there.
    places: Vec<(usize, usize)>,
    /// The parts that were used last: there may be more of them than files can be open.
    open: Mutex<VecDeque<(usize, Arc<ForeignFile>)>>,
}

impl ForeignReader {
    pub(super) fn read(
        &self,
        row_group: usize,
        batch_bytes: usize,
        sink: &mut dyn FnMut(Batch) -> Result<()>,
    ) -> Result<()> {
        let place =
            self.places.get(row_group).and_then(|(part, inside)| Some((*part, self.parts.get(*part)?, *inside)));
        let Some((position, part, inside)) = place else {
            return Err(Error::new(ErrorKind::Usage, format!("there is no row group {row_group}")));
        };
        // What the sink says is not about the file.
        let mut refused = None;
        let result = self.file(position, part).and_then(|file| {
            file.read(inside, &self.schema, batch_bytes, &mut |batch| {
                sink(batch).map_err(|error| {
                    let stopped = Error::new(error.kind(), "stopped");
                    refused = Some(error);
                    stopped
                })
            })
        });
        match refused {
            Some(error) => Err(error),
            None => result.map_err(|error| error.with("file", &part.name)),
        }
    }

    fn file(&self, position: usize, part: &ForeignPart) -> Result<Arc<ForeignFile>> {
        const MOST_OPEN: usize = 8;
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, file)) = open.iter().find(|(found, _)| *found == position) {
            return Ok(Arc::clone(file));
        }
        let file = Arc::new(ForeignFile::open(&part.path)?);
        if file.columns().len() != self.schema.fields().len() || !file.row_groups().eq(part.row_groups.iter().copied())
        {
            return Err(damaged("the file was changed while it was imported").hint(DAMAGED_LATER));
        }
        if open.len() >= MOST_OPEN {
            open.pop_front();
        }
        open.push_back((position, Arc::clone(&file)));
        Ok(file)
    }
}
