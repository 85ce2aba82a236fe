//! The two things that are compared: each is an archive, or a database that is held still.

use super::projection::Projection;
use super::scan::{Rows, RowsPlace, Workers};
use super::{Holder, work};
use crate::archive::{Archive, CollectionEntry};
use crate::endpoint::Endpoint;
use crate::progress::RowCount;
use crate::resources::Resources;
use dbferry_dialect::hash::CollectionHash;
use dbferry_dialect::{
    Cancel, Capabilities, Collection, CollectionName, Database, DatabaseInfo, Error, Purpose, Reader, Result, Schema,
    Snapshot, SnapshotOptions,
};
use std::collections::BTreeMap;

/// One of two things that are compared.
pub(crate) struct Side<'a> {
    /// What database it is, or is from.
    pub(crate) info: DatabaseInfo,
    /// What it holds.
    pub(crate) schema: Schema,
    held: Held<'a>,
}

enum Held<'a> {
    Archive {
        archive: &'a Archive,
        entries: BTreeMap<&'a CollectionName, &'a CollectionEntry>,
    },
    Database {
        endpoint: &'a Endpoint<'a>,
        capabilities: Capabilities,
        snapshot: Box<dyn Snapshot>,
        readers: Vec<Box<dyn Reader>>,
        /// Kept as long as its snapshot.
        _database: Box<dyn Database>,
    },
}

impl<'a> Side<'a> {
    /// Opens it; a database is held still with `readers` sessions.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub(crate) fn open(thing: &Holder<'a>, readers: usize, cancel: &Cancel) -> Result<Self> {
        match thing {
            Holder::Archive(archive) => Ok(Self::archive(archive)),
            Holder::Database(endpoint) => {
                Self::database(endpoint, readers, cancel).map_err(|error| endpoint.name(error))
            }
        }
    }

    fn archive(archive: &'a Archive) -> Self {
        let manifest = archive.manifest();
        let entries = manifest.collections.iter().map(|entry| (&entry.collection.name, entry));
        let schema = Schema {
            collections: manifest.collections.iter().map(|entry| entry.collection.clone()).collect(),
            objects: manifest.objects.iter().map(|entry| entry.object.clone()).collect(),
            attributes: manifest.database_attributes(),
            not_carried: manifest.not_carried.clone(),
        };
        let held = Held::Archive { archive, entries: entries.collect() };
        Self { info: manifest.source.clone(), schema, held }
    }

    fn database(endpoint: &'a Endpoint<'a>, readers: usize, cancel: &Cancel) -> Result<Self> {
        let mut database = endpoint.open(Purpose::Read, cancel)?;
        let mut snapshot = database.snapshot(&SnapshotOptions::new(readers))?;
        let schema = snapshot.schema()?;
        let readers = snapshot.readers();
        let (info, capabilities) = (database.info().clone(), database.capabilities());
        let held = Held::Database { endpoint, capabilities, snapshot, readers, _database: database };
        Ok(Self { info, schema, held })
    }

    /// The database's abilities; an archive has none.
    pub(crate) fn capabilities(&self) -> Option<&Capabilities> {
        match &self.held {
            Held::Archive { .. } => None,
            Held::Database { capabilities, .. } => Some(capabilities),
        }
    }

    /// The database; none when it is an archive.
    pub(crate) fn endpoint(&self) -> Option<&'a Endpoint<'a>> {
        match &self.held {
            Held::Archive { .. } => None,
            Held::Database { endpoint, .. } => Some(endpoint),
        }
    }

    /// The archive's entry of a collection.
    pub(crate) fn entry(&self, collection: &Collection) -> Option<&'a CollectionEntry> {
        self.entry_of(&collection.name)
    }

    /// The archive's entry of the collection of that name.
    pub(crate) fn entry_of(&self, name: &CollectionName) -> Option<&'a CollectionEntry> {
        match &self.held {
            Held::Archive { entries, .. } => entries.get(name).copied(),
            Held::Database { .. } => None,
        }
    }

    /// What the rows of a collection hash to as far as it is known without reading: a whole collection of an archive.
    pub(crate) fn known(&self, rows: &Rows<'_>) -> Option<CollectionHash> {
        match &rows.place {
            RowsPlace::Archive { entry, projection: None, row_groups }
                if rows.cast.is_none() && row_groups.len() == entry.row_groups.len() =>
            {
                CollectionHash::parse(entry.rows, &entry.hash)
            }
            _ => None,
        }
    }

    /// The rows of `own`, a collection of this side, with the columns at `kept`. A database reads them as the columns of
    /// `read`, which has as many; an archive has them as they are.
    ///
    /// # Errors
    /// When the database cannot be divided.
    pub(crate) fn rows(
        &mut self,
        own: &Collection,
        kept: &[usize],
        read: Collection,
        condition: Option<&str>,
        resources: Resources,
    ) -> Result<Rows<'a>> {
        if let Some(entry) = self.entry(own) {
            let projection = Projection::new(own, kept.to_vec());
            let projection = (!projection.is_whole()).then(|| Box::new(projection));
            return Ok(Rows {
                read,
                cast: None,
                place: RowsPlace::Archive { entry, row_groups: (0..entry.row_groups.len()).collect(), projection },
                rows: RowCount::Exactly(entry.rows),
                work: work::decode(entry),
            });
        }
        let Held::Database { snapshot, endpoint, .. } = &mut self.held else {
            return Err(Error::new(dbferry_dialect::ErrorKind::Internal, "a collection of an archive has no entry"));
        };
        let chunks = snapshot
            .chunks(&read, resources.row_group_bytes(32 << 20) as u64)
            .map_err(|error| endpoint.name(error.with("collection", &read.name)))?;
        let bytes = work::sum(chunks.iter().map(|chunk| chunk.estimated_bytes));
        let conditions = condition.map(str::to_owned).into_iter().collect();
        Ok(Rows {
            rows: RowCount::estimated(own.estimate.rows),
            work: work::read(own.estimate.rows.unwrap_or(0), bytes),
            read,
            cast: None,
            place: RowsPlace::Database { chunks, conditions },
        })
    }

    /// Those who read it: at most `most`.
    pub(crate) fn workers(&mut self, most: usize) -> Workers<'_> {
        match &mut self.held {
            Held::Archive { archive, .. } => Workers::Archive(archive, most),
            Held::Database { readers, .. } => {
                let count = readers.len().min(most);
                Workers::Readers(&mut readers[..count], None)
            }
        }
    }

    /// Checks that nothing moved underneath.
    ///
    /// # Errors
    /// When something did.
    pub(crate) fn finish(self) -> Result<()> {
        match self.held {
            Held::Archive { .. } => Ok(()),
            Held::Database { endpoint, snapshot, readers, .. } => {
                // In this order, so that no session is in use while the snapshot ends.
                drop(readers);
                snapshot.finish().map_err(|error| endpoint.name(error))
            }
        }
    }
}
