//! One consistent view for several sessions.

use crate::connect::Target;
use crate::flavour::ServerVersion;
use crate::introspect::introspect;
use crate::session::Session;
use crate::wire::Wire;
use dbferry_dialect::{Chunk, ChunkRange, Collection, Consistency, Reader, Result, Schema, Snapshot, SnapshotOptions};
use std::time::Duration;

/// A consistent view, held by the sessions of its readers.
#[derive(Debug)]
pub(crate) struct MySqlSnapshot {
    session: Session,
    version: ServerVersion,
    readers: Vec<Wire>,
    consistency: Consistency,
}

impl MySqlSnapshot {
    /// Takes it.
    pub(crate) fn take(
        target: &Target,
        version: ServerVersion,
        _lock_wait: Duration,
        _options: &SnapshotOptions,
    ) -> Result<Self> {
        Ok(Self {
            session: target.connect()?,
            version,
            readers: vec![target.connect_wire()?],
            consistency: Consistency::default(),
        })
    }
}

impl Snapshot for MySqlSnapshot {
    fn consistency(&self) -> &Consistency {
        &self.consistency
    }

    fn schema(&mut self) -> Result<Schema> {
        introspect(&mut self.session, self.version)
    }

    fn chunks(&mut self, _collection: &Collection, _target_bytes: u64) -> Result<Vec<Chunk>> {
        Ok(vec![Chunk { range: ChunkRange::Whole, estimated_bytes: 0 }])
    }

    fn readers(&mut self) -> Vec<Box<dyn Reader>> {
        self.readers.clear();
        Vec::new()
    }

    fn finish(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}
