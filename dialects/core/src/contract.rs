//! The contract between the engine and a dialect.
//!
//! Everything is synchronous and object-safe: Arrow, Parquet and SQLite are synchronous, the work is one stream a
//! connection, and a dialect with an asynchronous driver keeps a private current-thread runtime a connection. Boxed objects
//! own their connections and are `'static`; dropping one releases what it holds and rolls back what was not committed.
//!
//! ```text
//! Dialect ── open ──> Database ── snapshot ──> Snapshot ── readers ──> Reader ── read ──> Sink     (dump)
//!                              └─ replacer ──> Replacer ── writers ──> Writer <── write ── Batch   (restore)
//! ```

use crate::cancel::Cancel;
use crate::capabilities::Capabilities;
use crate::environment::Environment;
use crate::error::{Error, Result};
use crate::exception::{Batch, NativeValue};
use crate::model::{Collection, CollectionName, NativeObject, Schema};
use crate::syntax::Syntax;
use crate::url::DatabaseUrl;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::time::Duration;

/// One database family. A unit struct that the registry lists.
pub trait Dialect: Debug + Send + Sync {
    /// Its name in manifests, help and messages: `sqlite`.
    fn name(&self) -> &'static str;

    /// The URL schemes that it answers to, the preferred one first.
    fn schemes(&self) -> &'static [&'static str];

    /// What the family can do at best; [`Database::capabilities`] says what a server of it can do.
    fn capabilities(&self) -> Capabilities;

    /// How it spells SQL.
    fn syntax(&self) -> &dyn Syntax;

    /// Opens the database.
    ///
    /// # Errors
    /// [`ErrorKind::Connect`](crate::ErrorKind::Connect) when it is not there or refuses,
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage) when the URL is not one of this dialect.
    fn open(&self, url: &DatabaseUrl, options: &OpenOptions) -> Result<Box<dyn Database>>;
}

/// How to open a database.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct OpenOptions {
    /// What the database is opened for.
    pub purpose: Purpose,
    /// Cancels whatever runs on it.
    pub cancel: Cancel,
    /// How long to wait for somebody else's lock; 5 seconds unless told.
    pub lock_wait: Option<Duration>,
    /// What the caller lets the dialect know of its environment; nothing unless told.
    pub environment: Environment,
}

impl OpenOptions {
    /// Options for `purpose`, cancelled by `cancel`.
    pub fn new(purpose: Purpose, cancel: Cancel) -> Self {
        Self { purpose, cancel, ..Self::default() }
    }
}

/// What a database is opened for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Purpose {
    /// Reading; it must exist.
    #[default]
    Read,
    /// Looking at what a restore would meet. Where [`Capabilities::creates_database`] holds it need not exist and is not
    /// created: it then has an empty schema.
    Plan,
    /// Restoring into it. Where [`Capabilities::creates_database`] holds it need not exist.
    Write,
}

/// One open database.
pub trait Database: Send {
    /// What it is.
    fn info(&self) -> &DatabaseInfo;

    /// What it can do.
    fn capabilities(&self) -> Capabilities;

    /// Reads the catalogue, in bulk: a fixed number of queries however many tables there are, where the engine allows.
    fn introspect(&mut self) -> Result<Schema>;

    /// Runs a query of the user's group rules and returns the first column as text, nulls left out.
    fn query_names(&mut self, sql: &str) -> Result<Vec<String>>;

    /// Takes one consistent view of the database for `options.readers` readers.
    fn snapshot(&mut self, options: &SnapshotOptions) -> Result<Box<dyn Snapshot>>;

    /// Undoes or finishes what a restore that was interrupted has left in the database. Returns what was done, in words;
    /// nothing when there was nothing to do. A dialect whose server rolls back by itself leaves it at the default.
    ///
    /// # Errors
    /// [`ErrorKind::Busy`](crate::ErrorKind::Busy) when a restore is under way.
    fn recover(&mut self) -> Result<Vec<String>> {
        Ok(Vec::new())
    }

    /// Whether there is nothing in the database but what an empty one of the engine has.
    fn is_empty(&mut self) -> Result<bool> {
        let schema = self.introspect()?;
        Ok(schema.collections.is_empty() && schema.objects.is_empty())
    }

    /// Drops everything in the database that [`introspect`](Self::introspect) shows, collections and objects: for a scratch
    /// database that [was empty](Self::is_empty) before it was restored into, and is so again. All of it or nothing, where
    /// the engine can.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) from a dialect that cannot.
    fn clear(&mut self) -> Result<()> {
        let message = format!("{} databases cannot be emptied", self.info().product);
        Err(Error::new(crate::error::ErrorKind::Unsupported, message))
    }

    /// Prepares to replace groups of collections.
    fn replacer(&mut self, options: &ReplaceOptions) -> Result<Box<dyn Replacer>>;
}

/// What a database is, for the manifest. Holds no host, user or URL.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseInfo {
    /// The dialect's name.
    pub dialect: String,
    /// The product as it names itself: `SQLite`, `MariaDB`.
    pub product: String,
    /// Its version.
    pub version: String,
    /// The database's name: the catalogue's, or the file's name without its directory.
    pub database: String,
    /// The character encoding of the database.
    pub encoding: String,
    /// The session's time zone, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
}

/// What kind of snapshot is wanted.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SnapshotOptions {
    /// How many readers; the snapshot may give fewer.
    pub readers: usize,
    /// Whether anything weaker than one shared, proven snapshot is refused (the default).
    pub consistent: bool,
}

impl SnapshotOptions {
    /// A consistent snapshot for `readers` readers.
    pub fn new(readers: usize) -> Self {
        Self { readers, consistent: true }
    }
}

/// One consistent view of a database, held by one or more sessions. Dropping it releases them.
pub trait Snapshot: Send {
    /// How the view was obtained and what proves it.
    fn consistency(&self) -> &Consistency;

    /// The catalogue as this snapshot sees it. Types that a dialect chooses by looking at values are chosen here.
    fn schema(&mut self) -> Result<Schema>;

    /// Divides a collection into disjoint chunks that together hold every row, in key order, each about `target_bytes`
    /// of table data. At least one chunk, even for an empty collection. The same data gives the same chunks.
    fn chunks(&mut self, collection: &Collection, target_bytes: u64) -> Result<Vec<Chunk>>;

    /// Takes the readers, at least one. They stay valid while the snapshot lives; a second call returns none.
    fn readers(&mut self) -> Vec<Box<dyn Reader>>;

    /// Checks, once everything is read, that nothing moved underneath (a schema change during the dump).
    fn finish(self: Box<Self>) -> Result<()>;
}

/// How a consistent view was obtained, for the manifest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Consistency {
    /// In words: `begin-immediate gate`.
    pub method: String,
    /// How many sessions shared it.
    pub readers: usize,
    /// Whether it was proven that they all see the same.
    pub proven: bool,
    /// Positions and counters of the source (`data_version`, a log position, ...), by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub position: BTreeMap<String, String>,
}

/// A disjoint part of a collection that one reader reads.
#[derive(Clone, Debug, PartialEq)]
pub struct Chunk {
    /// Which rows.
    pub range: ChunkRange,
    /// About how many bytes of table data it holds; only used to order work.
    pub estimated_bytes: u64,
}

/// Which rows a chunk holds.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ChunkRange {
    /// All rows.
    Whole,
    /// Rows whose key lies in `[from, to)`; an absent end is open, and the chunk without `from` owns null keys.
    Keys {
        /// The first key, included.
        from: Option<Vec<NativeValue>>,
        /// The last key, excluded.
        to: Option<Vec<NativeValue>>,
    },
    /// Rows on the storage pages `[from, to)`; an absent end is open.
    Pages {
        /// The first page, included.
        from: u64,
        /// The last page, excluded.
        to: Option<u64>,
    },
}

/// One session that reads. Each thread of the engine owns one.
pub trait Reader: Send {
    /// Reads the rows of a chunk in key order and pushes them in batches of about `request.batch_bytes`; returns their
    /// number. A sink that blocks is the back-pressure; an error from it ends the read.
    ///
    /// The columns and their logical types are those of `request.collection`, which need not come from this database's own
    /// introspection: a restored target is re-read through the archive's columns to prove it.
    ///
    /// # Errors
    /// [`ErrorKind::Incompatible`](crate::ErrorKind::Incompatible), with the `column` in its context, when the database's
    /// own column cannot be read as the wanted type: that tells a difference from a failure.
    fn read(&mut self, request: &ReadRequest<'_>, sink: &mut dyn Sink) -> Result<u64>;

    /// Takes the rows that [`read`](Self::read) would read and makes nothing of them, for measurements: what is left is the
    /// time of the database, the network and the driver. A dialect that leaves it at the default decodes them all the same.
    ///
    /// # Errors
    /// Those of [`read`](Self::read).
    fn skim(&mut self, request: &ReadRequest<'_>) -> Result<Skimmed> {
        let mut bytes = 0;
        let rows = self.read(request, &mut |batch: Batch| {
            bytes += batch.memory_size() as u64;
            Ok(())
        })?;
        Ok(Skimmed { rows, bytes })
    }
}

/// Rows that went by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Skimmed {
    /// How many.
    pub rows: u64,
    /// Their size, in the form in which they came.
    pub bytes: u64,
}

/// What to read.
#[derive(Clone, Copy, Debug)]
pub struct ReadRequest<'a> {
    /// The collection, with the columns that are wanted.
    pub collection: &'a Collection,
    /// Which of its rows.
    pub chunk: &'a Chunk,
    /// The size of a batch in memory, in bytes; at least one row is pushed whatever its size.
    pub batch_bytes: usize,
    /// A condition in the dialect's own SQL that the user gave for this collection.
    pub predicate: Option<&'a str>,
}

/// Where a reader pushes batches.
pub trait Sink {
    /// Takes a batch; may block.
    fn push(&mut self, batch: Batch) -> Result<()>;
}

impl<F: FnMut(Batch) -> Result<()>> Sink for F {
    fn push(&mut self, batch: Batch) -> Result<()> {
        self(batch)
    }
}

/// How to replace.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ReplaceOptions {
    /// How many writers the engine can feed.
    pub writers: usize,
    /// Facts of the source database as a whole, applied only where the target database is created by this restore.
    pub attributes: BTreeMap<String, String>,
    /// What happens when foreign keys do not hold after loading.
    pub foreign_keys: ForeignKeyPolicy,
    /// Whether what is created gets the owner that it had in the source; otherwise the restoring user owns it.
    pub owners: bool,
    /// Whether what is created gets the privileges that were granted on it in the source.
    pub privileges: bool,
    /// Whether scheduled events that were enabled in the source are enabled; otherwise they are made disabled.
    pub enable_events: bool,
}

impl ReplaceOptions {
    /// Options for at most `writers` writers.
    pub fn new(writers: usize) -> Self {
        Self { writers, ..Self::default() }
    }
}

/// What happens when foreign keys do not hold after loading.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ForeignKeyPolicy {
    /// The group fails with the offending keys, and stays as it was.
    #[default]
    Check,
    /// The offending keys are reported and the group is replaced: the archive is restored as it was dumped, from a source
    /// that did not hold to its own foreign keys.
    Report,
}

/// Puts groups of archived rows in the place of what the target holds.
///
/// The order of calls is `prepare` once, then `begin`, `writers` (each finished and dropped), `complete`, `readers` (dropped
/// again), `commit` for each group, and `finish` once at the end. Where it [says so](Self::readable), readers are taken earlier too.
/// Dropping it at any point rolls back whatever was not committed. Where a target database is created by this restore, nothing
/// is visible before `finish`.
pub trait Replacer: Send {
    /// Before the first group: creates the objects of [`Stage::Before`](crate::model::Stage::Before) that are not there.
    /// What it created goes away again when no group is committed. Returns what the user should know. A dialect without
    /// such objects leaves it at the default, which does nothing.
    fn prepare(&mut self, objects: &[NativeObject]) -> Result<Vec<String>> {
        let _ = objects;
        Ok(Vec::new())
    }

    /// Begins to replace one group: creates, empties or re-creates its collections as planned.
    fn begin(&mut self, plan: GroupPlan) -> Result<()>;

    /// The sessions that load the group, at least one, at most as many as were offered.
    fn writers(&mut self) -> Result<Vec<Box<dyn Writer>>>;

    /// After all rows: indexes, counters (also of empty tables), triggers, foreign keys validated. Returns what the user
    /// should know.
    ///
    /// # Errors
    /// [`ErrorKind::Mismatch`](crate::ErrorKind::Mismatch) when foreign keys do not hold, with the offending keys.
    fn complete(&mut self) -> Result<Vec<String>>;

    /// From when on [`chunks`](Self::chunks) and [`readers`](Self::readers) may be called, and those readers used. Asked between
    /// [`begin`](Self::begin) and [`complete`](Self::complete).
    fn readable(&self) -> Readable {
        Readable::AfterCompleting
    }

    /// Readers that see the loaded group before it is switched, to prove it; at least one.
    fn readers(&mut self, count: usize) -> Result<Vec<Box<dyn Reader>>>;

    /// Divides a loaded collection for those readers, as [`Snapshot::chunks`] does.
    fn chunks(&mut self, collection: &Collection, target_bytes: u64) -> Result<Vec<Chunk>>;

    /// The switch: from here on the group is replaced for everyone.
    fn commit(&mut self) -> Result<()>;

    /// After the last group: objects that belong to no collection (views), and whatever makes a newly created database
    /// visible. Returns what the user should know.
    fn finish(self: Box<Self>, objects: &[NativeObject]) -> Result<Vec<String>>;
}

/// How early the rows of a group may be read again. Whoever reads early proves rows while others are still busy with their
/// share of the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Readable {
    /// When [`Replacer::complete`] has returned.
    AfterCompleting,
    /// When all rows of the group are written, and while [`Replacer::complete`] runs: it changes no row, and neither waits for
    /// the other for long.
    AfterLoading,
    /// Each collection when its own rows are all written, while others are loaded, and from then on. Readers find what was
    /// written before they were taken.
    WhileLoading,
}

/// What will be done to one group.
#[derive(Clone, Debug)]
pub struct GroupPlan {
    /// The group's name.
    pub group: String,
    /// Its collections, parents before children as far as foreign keys allow.
    pub collections: Vec<CollectionPlan>,
}

/// What will be done to one collection.
#[derive(Clone, Debug)]
pub struct CollectionPlan {
    /// The collection as the archive holds it; batches carry all of its columns.
    pub source: Collection,
    /// Its name in the target.
    pub target: CollectionName,
    /// What the target holds under that name now.
    pub existing: Option<Collection>,
    /// What is done.
    pub action: CollectionAction,
    /// In how many parts its rows arrive. One writer gets a part whole, in order; so with one part one writer gets all.
    pub parts: usize,
    /// Triggers and the like that belong to it, created after the load if they are not there. Empty on an untrusted
    /// restore.
    pub objects: Vec<NativeObject>,
    /// Whether the source's own `definition` texts may be run; otherwise everything is built from the model.
    pub use_definition: bool,
}

/// What is done to one collection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CollectionAction {
    /// It is not there: create it and load the rows.
    Create,
    /// It is there with the same shape: keep the table and what depends on it, put the rows in the place of its rows.
    Replace,
    /// It is there with another shape: drop it and create it anew. Only when asked.
    Recreate,
    /// It is there: add the rows to its rows.
    Append,
    /// It is not there: create it without rows.
    CreateEmpty,
    /// It is there: leave it alone, structure and rows.
    Keep,
}

impl CollectionAction {
    /// Whether rows are loaded.
    pub fn loads(self) -> bool {
        !matches!(self, Self::CreateEmpty | Self::Keep)
    }
}

/// One session that loads rows.
pub trait Writer: Send {
    /// Whether this session can load that source collection. Each collection of the group that loads rows is accepted by
    /// one writer at least; by all of them unless the dialect says otherwise.
    fn accepts(&self, collection: &CollectionName) -> bool {
        let _ = collection;
        true
    }

    /// Writes a batch of the source collection of that name. Batches of one collection come in file order when there is
    /// one writer. Columns that are generated in the target are left out; exceptions are merged back.
    fn write(&mut self, collection: &CollectionName, batch: &Batch) -> Result<()>;

    /// Ends the session's work; returns the rows that it wrote.
    fn finish(self: Box<Self>) -> Result<u64>;
}
