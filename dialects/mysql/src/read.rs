//! Reads chunks through prepared statements straight into Arrow buffers.
//!
//! Columns are named one by one, since `*` leaves out invisible ones. The statement is prepared twice at most: what the
//! server says of the columns tells whether one of them has to be converted. Rows come in the order of the primary key,
//! which is that of storage for InnoDB.

mod batch;
mod query;
#[cfg(test)]
mod tests;

use crate::wire::Wire;
use batch::BatchBuilder;
use dbferry_dialect::{ChunkRange, CollectionName, Error, ReadRequest, Reader, Result, Sink, Skimmed};
use query::Plan;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The quoted name of the table that holds a collection's rows.
pub(crate) type RelationName = Box<dyn Fn(&CollectionName) -> String + Send>;

const READING: &str = "the collection cannot be read";

/// The character sets of a server's collations, by the collations' numbers.
#[derive(Debug, Default)]
pub(crate) struct Charsets(BTreeMap<u16, String>);

impl Charsets {
    /// Asks the server.
    ///
    /// # Errors
    /// What the server says.
    pub(crate) fn load(wire: &mut Wire) -> Result<Self> {
        const DOING: &str = "the character sets cannot be listed";
        // MariaDB's newer collations have their numbers only in a column that older versions and MySQL do not have.
        let newer = "SELECT ID, CHARACTER_SET_NAME FROM information_schema.COLLATION_CHARACTER_SET_APPLICABILITY";
        let older = "SELECT ID, CHARACTER_SET_NAME FROM information_schema.COLLATIONS";
        let rows = wire.query(DOING, newer).or_else(|_| wire.query(DOING, older))?;
        let number = |value: &Option<Vec<u8>>| std::str::from_utf8(value.as_deref()?).ok()?.parse().ok();
        let entry = |row: &Vec<Option<Vec<u8>>>| {
            let [id, name] = row.as_slice() else { return None };
            Some((number(id)?, String::from_utf8(name.clone()?).ok()?))
        };
        Ok(Self(rows.iter().filter_map(entry).collect()))
    }

    fn get(&self, collation: u16) -> Option<&str> {
        self.0.get(&collation).map(String::as_str)
    }
}

/// How many rows of each chunk were read without a condition of the user's.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts(Arc<Mutex<BTreeMap<CollectionName, BTreeMap<String, u64>>>>);

impl Counts {
    fn add(&self, request: &ReadRequest<'_>, rows: u64) {
        if request.predicate.is_some() || request.chunk.range == ChunkRange::Whole {
            return;
        }
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A chunk that is read again counts once.
        let chunks = counts.entry(request.collection.name.clone()).or_default();
        chunks.insert(format!("{:?}", request.chunk.range), rows);
    }

    /// How many chunks of the collection were read, and their rows.
    pub(crate) fn of(&self, collection: &CollectionName) -> (usize, u64) {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.get(collection).map_or((0, 0), |chunks| (chunks.len(), chunks.values().sum()))
    }
}

/// A session that reads, or one that several take turns with.
pub(crate) struct MySqlReader {
    wire: Arc<Mutex<Wire>>,
    charsets: Arc<Charsets>,
    relation: RelationName,
    counts: Counts,
}

impl std::fmt::Debug for MySqlReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MySqlReader")
    }
}

impl MySqlReader {
    /// A reader of collections under their own names.
    #[cfg(test)]
    pub(crate) fn new(wire: Wire, charsets: Arc<Charsets>) -> Self {
        use crate::syntax::MySqlSyntax;
        use dbferry_dialect::Syntax;
        let relation = Box::new(|name: &CollectionName| MySqlSyntax.qualified(name));
        Self::shared(Arc::new(Mutex::new(wire)), charsets, relation)
    }

    /// A reader on a session that others may use too, one at a time: each [`Reader::read`] holds it until it returns.
    /// `charsets` are those of its server.
    pub(crate) fn shared(wire: Arc<Mutex<Wire>>, charsets: Arc<Charsets>, relation: RelationName) -> Self {
        Self { wire, charsets, relation, counts: Counts::default() }
    }

    /// Has the rows of every chunk counted there.
    pub(crate) fn counted(mut self, counts: Counts) -> Self {
        self.counts = counts;
        self
    }
}

impl Reader for MySqlReader {
    fn read(&mut self, request: &ReadRequest<'_>, sink: &mut dyn Sink) -> Result<u64> {
        // A session that a panicking thread held may be in the middle of anything; it then says so.
        let mut wire = self.wire.lock().unwrap_or_else(PoisonError::into_inner);
        let relation = (self.relation)(&request.collection.name);
        let count = read(&mut wire, &self.charsets, &relation, request, sink)
            .map_err(|error| explain(error).with("collection", &request.collection.name))?;
        self.counts.add(request, count);
        Ok(count)
    }

    fn skim(&mut self, request: &ReadRequest<'_>) -> Result<Skimmed> {
        let mut wire = self.wire.lock().unwrap_or_else(PoisonError::into_inner);
        let relation = (self.relation)(&request.collection.name);
        let skimmed = skim(&mut wire, &self.charsets, &relation, request)
            .map_err(|error| explain(error).with("collection", &request.collection.name))?;
        self.counts.add(request, skimmed.rows);
        Ok(skimmed)
    }
}

fn read(
    wire: &mut Wire,
    charsets: &Charsets,
    relation: &str,
    request: &ReadRequest<'_>,
    sink: &mut dyn Sink,
) -> Result<u64> {
    let Plan { statement, decoders, companions } = Plan::new(wire, charsets, relation, request)?;
    let mut batch =
        BatchBuilder::new(request.collection, decoders, companions, &statement.columns, request.batch_bytes);
    let mut read = 0;
    let rows = wire.rows(READING, &statement, |row| {
        batch.push(row)?;
        read += 1;
        if batch.is_full() { sink.push(batch.finish()?) } else { Ok(()) }
    });
    let count = rows.map_err(|error| error.with("row", read))?;
    if batch.rows() > 0 {
        sink.push(batch.finish()?)?;
    }
    wire.forget(READING, &statement)?;
    Ok(count)
}

/// Counts the rows of a chunk and the bytes of their values on the wire.
fn skim(wire: &mut Wire, charsets: &Charsets, relation: &str, request: &ReadRequest<'_>) -> Result<Skimmed> {
    let Plan { statement, .. } = Plan::new(wire, charsets, relation, request)?;
    let mut bytes = 0;
    let rows = wire.rows(READING, &statement, |row| {
        bytes += row.len() as u64;
        Ok(())
    })?;
    wire.forget(READING, &statement)?;
    Ok(Skimmed { rows, bytes })
}

/// The server's numbers of errors that mean that somebody changed the table.
const CHANGED: [&str; 2] = ["1412", "1146"];
/// Those of a statement that somebody or a limit stopped.
const STOPPED: [&str; 4] = ["1317", "1969", "3024", "1028"];

/// Says what to do about errors that reading alone meets.
fn explain(error: Error) -> Error {
    let code = error.context().find(|(key, _)| *key == "error").map(|(_, value)| value.to_owned());
    match code.as_deref() {
        Some(code) if CHANGED.contains(&code) => {
            error.hint("the table was changed or dropped while it was being read: try again without schema changes")
        }
        Some(code) if STOPPED.contains(&code) => {
            error.hint("somebody or a time limit of the server stopped the statement")
        }
        _ => error,
    }
}
