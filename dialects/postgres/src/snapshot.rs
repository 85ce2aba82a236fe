//! One view of the database for several sessions.

use crate::connect::Target;
use dbferry_dialect::{
    Chunk, Collection, Consistency, Error, ErrorKind, Reader, Result, Schema, Snapshot, SnapshotOptions,
};

/// An exported snapshot and the sessions that imported it.
#[derive(Debug)]
pub(crate) struct PostgresSnapshot {
    consistency: Consistency,
}

impl PostgresSnapshot {
    pub(crate) fn take(target: &Target, options: &SnapshotOptions) -> Result<Self> {
        let _ = (target, options);
        Err(Error::new(ErrorKind::Unsupported, "PostgreSQL cannot be read yet"))
    }
}

impl Snapshot for PostgresSnapshot {
    fn consistency(&self) -> &Consistency {
        &self.consistency
    }

    fn schema(&mut self) -> Result<Schema> {
        Ok(Schema::default())
    }

    fn chunks(&mut self, _collection: &Collection, _target_bytes: u64) -> Result<Vec<Chunk>> {
        Ok(Vec::new())
    }

    fn readers(&mut self) -> Vec<Box<dyn Reader>> {
        Vec::new()
    }

    fn finish(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}
