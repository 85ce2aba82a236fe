//! The sessions that load rows.

use super::load::{COPYING, DETOUR_TABLE, Load, Loads};
use super::sessions::{Shared, lock, statement};
use super::unit::Place;
use crate::encode::{HEADER, TRAILER};
use crate::session::Session;
use bytes::Bytes;
use dbferry_dialect::{Batch, CollectionName, Error, ErrorKind, Result, Writer};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// How many bytes are sent at once.
const CHUNK_BYTES: usize = 256 << 10;
/// The largest message: the server takes no more than 1 GB, and a row may be larger.
const MESSAGE_BYTES: usize = 8 << 20;
/// How many bytes go through the temporary table before they are inserted.
const DETOUR_BYTES: u64 = 64 << 20;

/// One session that loads.
pub(super) struct PostgresWriter {
    session: Shared,
    /// Where the collections are that it takes.
    place: Place,
    loads: Arc<Loads>,
    current: Option<Copying>,
    buffer: Vec<u8>,
    rows: u64,
}

/// A copy under way.
struct Copying {
    collection: CollectionName,
    /// Whether it is in a transaction of its own.
    transaction: bool,
    /// Whether the table was emptied in this transaction.
    freeze: bool,
    /// Rows that were sent since the copy was begun.
    rows: u64,
    /// Bytes that were sent since then.
    bytes: u64,
}

impl PostgresWriter {
    /// A writer of collections at `place` on that session.
    pub(super) fn new(session: Shared, place: Place, loads: Arc<Loads>) -> Self {
        Self { session, place, loads, current: None, buffer: Vec::new(), rows: 0 }
    }

    fn write_batch(&mut self, collection: &CollectionName, batch: &Batch) -> Result<()> {
        self.loads.cancel.check()?;
        let loads = Arc::clone(&self.loads);
        let load = loads.get(collection)?;
        let shared = Arc::clone(&self.session);
        let mut session = lock(&shared);
        if self.current.as_ref().is_none_or(|current| current.collection != *collection) {
            self.end(&mut session)?;
            self.begin(&mut session, collection, load)?;
        }
        let before = load.rows.fetch_add(batch.records.num_rows() as u64, Ordering::Relaxed);
        let mut rows = load.encoder.rows(batch, before)?;
        for row in 0..batch.records.num_rows() {
            rows.put(row, &mut self.buffer)?;
            if self.buffer.len() >= CHUNK_BYTES {
                self.send(&mut session, load)?;
            }
        }
        if !rows.is_complete() {
            return Err(Error::new(ErrorKind::Internal, "a batch has exceptions of rows that it does not have"));
        }
        self.rows += batch.records.num_rows() as u64;
        if let Some(current) = &mut self.current {
            current.rows += batch.records.num_rows() as u64;
            if load.detour.is_some() && current.bytes >= DETOUR_BYTES {
                self.flush(&mut session, load)?;
                self.copy(&mut session, load)?;
            }
        }
        Ok(())
    }

    /// Begins a collection: a transaction if it can be loaded in one, and a copy.
    fn begin(&mut self, session: &mut Session, collection: &CollectionName, load: &Load) -> Result<()> {
        let first = self.loads.begin(collection);
        // Where a table was begun before, its rows stay.
        let transaction = load.place == Place::Staged && load.whole && first;
        if transaction {
            session.run(COPYING, &format!("BEGIN; TRUNCATE ONLY {}", load.table))?;
        }
        let freeze = (transaction || load.emptied) && load.detour.is_none();
        if let Some(detour) = &load.detour {
            session.run(COPYING, &format!("DROP TABLE IF EXISTS {DETOUR_TABLE}"))?;
            statement(session, COPYING, &detour.create)?;
        }
        self.current = Some(Copying { collection: collection.clone(), transaction, freeze, rows: 0, bytes: 0 });
        self.copy(session, load)
    }

    /// Begins a copy of the collection under way.
    fn copy(&mut self, session: &mut Session, load: &Load) -> Result<()> {
        let Some(current) = &mut self.current else { return Ok(()) };
        (current.rows, current.bytes) = (0, 0);
        self.buffer.clear();
        self.buffer.extend_from_slice(HEADER);
        session.copy_in(COPYING, &load.copy(current.freeze))
    }

    /// Sends what the buffer holds.
    fn send(&mut self, session: &mut Session, load: &Load) -> Result<()> {
        // A little more than is sent, since it is sent when a row has gone beyond that.
        let fresh = Vec::with_capacity(CHUNK_BYTES + CHUNK_BYTES / 8);
        let mut bytes = Bytes::from(std::mem::replace(&mut self.buffer, fresh));
        let length = bytes.len() as u64;
        load.bytes.fetch_add(length, Ordering::Relaxed);
        if let Some(current) = &mut self.current {
            current.bytes += length;
        }
        while !bytes.is_empty() {
            let message = bytes.split_to(bytes.len().min(MESSAGE_BYTES));
            if let Err(error) = session.copy_send(COPYING, message) {
                // The server has ended the copy; why stands in its answer.
                return Err(session.copy_finish(COPYING).err().unwrap_or(error));
            }
        }
        Ok(())
    }

    /// Ends the copy, and moves the rows on if they made a detour.
    fn flush(&mut self, session: &mut Session, load: &Load) -> Result<()> {
        self.buffer.extend_from_slice(&TRAILER);
        self.send(session, load)?;
        let taken = session.copy_finish(COPYING)?;
        let Some(current) = &self.current else { return Ok(()) };
        counted(taken, current.rows)?;
        if let Some(detour) = &load.detour {
            let taken = detour.insert(session)?;
            counted(taken, current.rows)?;
            session.run(COPYING, &format!("TRUNCATE {DETOUR_TABLE}"))?;
        }
        Ok(())
    }

    /// Ends the collection under way, if there is one.
    fn end(&mut self, session: &mut Session) -> Result<()> {
        let Some(current) = &self.current else { return Ok(()) };
        let (collection, transaction) = (current.collection.clone(), current.transaction);
        let loads = Arc::clone(&self.loads);
        let load = loads.get(&collection)?;
        let ended = self.flush(session, load).and_then(|()| {
            if load.detour.is_some() {
                session.run(COPYING, &format!("DROP TABLE {DETOUR_TABLE}"))?;
            }
            if transaction { session.run(COPYING, "COMMIT") } else { Ok(()) }
        });
        self.current = None;
        ended.map_err(|error| error.with("collection", &collection))
    }

    fn check<T>(&self, result: Result<T>) -> Result<T> {
        result.inspect_err(|_| self.loads.broken.store(true, Ordering::Relaxed))
    }
}

fn counted(taken: u64, sent: u64) -> Result<()> {
    if taken == sent {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Mismatch, format!("the server took {taken} rows of {sent}")).with("dialect", crate::NAME))
}

impl Writer for PostgresWriter {
    fn accepts(&self, collection: &CollectionName) -> bool {
        self.loads.get(collection).is_ok_and(|load| load.place == self.place)
    }

    fn write(&mut self, collection: &CollectionName, batch: &Batch) -> Result<()> {
        let written = self.write_batch(collection, batch);
        self.check(written).map_err(|error| error.with("collection", collection))
    }

    fn finish(mut self: Box<Self>) -> Result<u64> {
        let shared = Arc::clone(&self.session);
        let ended = self.end(&mut lock(&shared));
        self.check(ended)?;
        Ok(self.rows)
    }
}

impl Drop for PostgresWriter {
    /// A copy that was not ended fails with its transaction.
    fn drop(&mut self) {
        if self.current.is_some() {
            self.loads.broken.store(true, Ordering::Relaxed);
            lock(&self.session).copy_abort();
        }
    }
}
