//! What one in-memory database holds at one moment. A state is never changed once it is shared: that makes snapshots.

use crate::error::{Error, ErrorKind, Result};
use crate::exception::Batch;
use crate::model::{Collection, CollectionName, Estimate, NativeObject, NotCarried, Schema};
use arrow::array::Array;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A database. Cloning it copies names and pointers, not rows.
#[derive(Clone, Debug, Default)]
pub(super) struct State {
    pub(super) tables: BTreeMap<CollectionName, Arc<Table>>,
    pub(super) objects: Vec<NativeObject>,
    pub(super) attributes: BTreeMap<String, String>,
    pub(super) not_carried: Vec<NotCarried>,
}

impl State {
    /// The table of that name.
    pub(super) fn table(&self, name: &CollectionName) -> Result<&Arc<Table>> {
        self.tables.get(name).ok_or_else(|| no_such_collection(name))
    }

    /// The catalogue, with estimates that are exact.
    pub(super) fn schema(&self) -> Schema {
        let collections = self.tables.values().map(|table| {
            let mut collection = table.collection.clone();
            collection.estimate = Estimate { rows: Some(table.rows), bytes: Some(table.bytes) };
            collection
        });
        Schema {
            collections: collections.collect(),
            objects: self.objects.clone(),
            attributes: self.attributes.clone(),
            not_carried: self.not_carried.clone(),
        }
    }
}

/// A table with its rows. The schema of each batch is [`carrier::schema`](crate::carrier::schema) of the collection.
#[derive(Clone, Debug)]
pub(super) struct Table {
    pub(super) collection: Collection,
    pub(super) batches: Vec<Batch>,
    pub(super) rows: u64,
    /// About what the values take, in bytes.
    pub(super) bytes: u64,
}

impl Table {
    pub(super) fn empty(collection: Collection) -> Self {
        Self { collection, batches: Vec::new(), rows: 0, bytes: 0 }
    }

    /// Adds rows that were checked.
    pub(super) fn push(&mut self, batch: Batch) {
        if batch.records.num_rows() > 0 {
            self.rows += batch.records.num_rows() as u64;
            self.bytes += value_bytes(&batch);
            self.batches.push(batch);
        }
    }
}

/// About how many bytes the values of a batch take, whatever its buffers have to spare; at least one a row.
pub(super) fn value_bytes(batch: &Batch) -> u64 {
    let bytes: usize =
        batch.records.columns().iter().map(|column| column.to_data().get_slice_memory_size().unwrap_or(0)).sum();
    bytes.max(batch.records.num_rows()) as u64
}

pub(super) fn no_such_collection(name: &CollectionName) -> Error {
    Error::new(ErrorKind::Database, "no such collection").with("dialect", "memory").with("collection", name)
}
