//! One consistent view for several sessions.

use crate::connect::Target;
use crate::flavour::ServerVersion;
use crate::introspect::introspect;
use crate::read::{Charsets, Counts, MySqlReader, RelationName};
use crate::session::Session;
use crate::syntax::MySqlSyntax;
use crate::wire::Wire;
use dbferry_dialect::{
    Chunk, Collection, CollectionName, Consistency, Reader, Result, Schema, Snapshot, SnapshotOptions, Syntax,
};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// A consistent view, held by the sessions of its readers.
#[derive(Debug)]
pub(crate) struct MySqlSnapshot {
    session: Session,
    version: ServerVersion,
    leader: Arc<Mutex<Wire>>,
    readers: Vec<MySqlReader>,
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
        const TAKING: &str = "a snapshot cannot be taken";
        let mut wire = target.connect_wire()?;
        wire.run(TAKING, "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")?;
        wire.run(TAKING, "SET SESSION character_set_results = NULL")?;
        let charsets = Arc::new(Charsets::load(&mut wire)?);
        wire.run(TAKING, "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")?;
        let leader = Arc::new(Mutex::new(wire));
        let relation: RelationName = Box::new(|name: &CollectionName| MySqlSyntax.qualified(name));
        let reader = MySqlReader::shared(Arc::clone(&leader), charsets, relation).counted(Counts::default());
        let consistency =
            Consistency { method: "one session".to_owned(), readers: 1, proven: true, ..Consistency::default() };
        Ok(Self { session: target.connect()?, version, leader, readers: vec![reader], consistency })
    }
}

impl Snapshot for MySqlSnapshot {
    fn consistency(&self) -> &Consistency {
        &self.consistency
    }

    fn schema(&mut self) -> Result<Schema> {
        introspect(&mut self.session, self.version)
    }

    fn chunks(&mut self, collection: &Collection, target_bytes: u64) -> Result<Vec<Chunk>> {
        let mut leader = self.leader.lock().unwrap_or_else(PoisonError::into_inner);
        let relation = MySqlSyntax.qualified(&collection.name);
        Ok(crate::chunk::divide(&mut [&mut leader], collection, &relation, target_bytes)?.chunks)
    }

    fn readers(&mut self) -> Vec<Box<dyn Reader>> {
        self.readers.drain(..).map(|reader| Box::new(reader) as Box<dyn Reader>).collect()
    }

    fn finish(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}
