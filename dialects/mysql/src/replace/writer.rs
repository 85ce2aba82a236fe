//! The sessions that load rows.

use crate::flavour::ServerVersion;
use crate::load::{Loader, TableLoad};
use crate::session::Session;
use dbferry_dialect::{Batch, CollectionName, Error, ErrorKind, Result, Writer};
use std::collections::BTreeMap;
use std::sync::Arc;

/// One session that loads shadows.
pub(super) struct MySqlWriter {
    loader: Loader,
    loads: Arc<BTreeMap<CollectionName, Arc<TableLoad>>>,
    rows: u64,
}

impl MySqlWriter {
    /// A writer on that session.
    pub(super) fn new(
        session: Session,
        version: ServerVersion,
        loads: Arc<BTreeMap<CollectionName, Arc<TableLoad>>>,
    ) -> Result<Self> {
        Ok(Self { loader: Loader::new(session, version)?, loads, rows: 0 })
    }
}

impl Writer for MySqlWriter {
    fn write(&mut self, collection: &CollectionName, batch: &Batch) -> Result<()> {
        let load = self.loads.get(collection).ok_or_else(|| {
            Error::new(ErrorKind::Internal, "rows of a collection that is not loaded").with("collection", collection)
        })?;
        self.loader.write(load, batch).map_err(|error| error.with("collection", collection))?;
        self.rows += batch.records.num_rows() as u64;
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<u64> {
        self.loader.finish()?;
        Ok(self.rows)
    }
}
