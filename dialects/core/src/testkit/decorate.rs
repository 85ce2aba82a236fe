//! A decorator around everything that a dialect hands out, with a hook before each operation.

use crate::cancel::Cancel;
use crate::capabilities::Capabilities;
use crate::contract::{
    Chunk, Consistency, Database, DatabaseInfo, Dialect, GroupPlan, OpenOptions, ReadRequest, Readable, Reader,
    ReplaceOptions, Replacer, Sink, Snapshot, SnapshotOptions, Writer,
};
use crate::error::Result;
use crate::exception::Batch;
use crate::model::{Collection, CollectionName, NativeObject, Schema};
use crate::testkit::MemoryDialect;
use crate::url::DatabaseUrl;
use std::fmt::Debug;
use std::ops::Deref;
use std::sync::Arc;

/// A dialect to decorate: shared, or of a registry.
#[derive(Clone, Debug)]
pub enum Inner {
    /// Shared by whoever holds it.
    Shared(Arc<dyn Dialect>),
    /// One that lives as long as the process.
    Static(&'static dyn Dialect),
}

impl Deref for Inner {
    type Target = dyn Dialect;

    fn deref(&self) -> &Self::Target {
        match self {
            Self::Shared(dialect) => &**dialect,
            Self::Static(dialect) => *dialect,
        }
    }
}

impl From<Arc<dyn Dialect>> for Inner {
    fn from(dialect: Arc<dyn Dialect>) -> Self {
        Self::Shared(dialect)
    }
}

impl From<&'static dyn Dialect> for Inner {
    fn from(dialect: &'static dyn Dialect) -> Self {
        Self::Static(dialect)
    }
}

impl From<MemoryDialect> for Inner {
    fn from(dialect: MemoryDialect) -> Self {
        Self::Shared(Arc::new(dialect))
    }
}

/// What a decorator does before each operation.
pub(super) trait Hook: Debug + Send + Sync {
    /// Called before the operation of that name; an error is returned in its place. `batch` is what is read or written.
    fn before(&self, operation: &'static str, batch: Option<&Batch>, cancel: &Cancel) -> Result<()>;
}

/// A hook and the run that it belongs to; everything that is handed out carries one.
#[derive(Clone)]
struct Hooked {
    hook: Arc<dyn Hook>,
    cancel: Cancel,
}

impl Hooked {
    fn before(&self, operation: &'static str) -> Result<()> {
        self.hook.before(operation, None, &self.cancel)
    }

    fn before_batch(&self, operation: &'static str, batch: &Batch) -> Result<()> {
        self.hook.before(operation, Some(batch), &self.cancel)
    }

    fn reader(&self, inner: Box<dyn Reader>) -> Box<dyn Reader> {
        Box::new(HookedReader { inner, hooked: self.clone() })
    }
}

/// Opens a database of `inner` with `hook` before each of its operations.
pub(super) fn open(
    inner: &Inner,
    hook: Arc<dyn Hook>,
    url: &DatabaseUrl,
    options: &OpenOptions,
) -> Result<Box<dyn Database>> {
    let hooked = Hooked { hook, cancel: options.cancel.clone() };
    hooked.before("dialect.open")?;
    Ok(Box::new(HookedDatabase { inner: inner.open(url, options)?, hooked }))
}

struct HookedDatabase {
    inner: Box<dyn Database>,
    hooked: Hooked,
}

impl Database for HookedDatabase {
    fn info(&self) -> &DatabaseInfo {
        self.inner.info()
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn introspect(&mut self) -> Result<Schema> {
        self.hooked.before("database.introspect")?;
        self.inner.introspect()
    }

    fn query_names(&mut self, sql: &str) -> Result<Vec<String>> {
        self.hooked.before("database.query_names")?;
        self.inner.query_names(sql)
    }

    fn snapshot(&mut self, options: &SnapshotOptions) -> Result<Box<dyn Snapshot>> {
        self.hooked.before("database.snapshot")?;
        Ok(Box::new(HookedSnapshot { inner: self.inner.snapshot(options)?, hooked: self.hooked.clone() }))
    }

    fn replacer(&mut self, options: &ReplaceOptions) -> Result<Box<dyn Replacer>> {
        self.hooked.before("database.replacer")?;
        Ok(Box::new(HookedReplacer { inner: self.inner.replacer(options)?, hooked: self.hooked.clone() }))
    }
}

struct HookedSnapshot {
    inner: Box<dyn Snapshot>,
    hooked: Hooked,
}

impl Snapshot for HookedSnapshot {
    fn consistency(&self) -> &Consistency {
        self.inner.consistency()
    }

    fn schema(&mut self) -> Result<Schema> {
        self.hooked.before("snapshot.schema")?;
        self.inner.schema()
    }

    fn chunks(&mut self, collection: &Collection, target_bytes: u64) -> Result<Vec<Chunk>> {
        self.hooked.before("snapshot.chunks")?;
        self.inner.chunks(collection, target_bytes)
    }

    fn readers(&mut self) -> Vec<Box<dyn Reader>> {
        self.inner.readers().into_iter().map(|reader| self.hooked.reader(reader)).collect()
    }

    fn finish(self: Box<Self>) -> Result<()> {
        self.hooked.before("snapshot.finish")?;
        self.inner.finish()
    }
}

struct HookedReader {
    inner: Box<dyn Reader>,
    hooked: Hooked,
}

impl Reader for HookedReader {
    fn read(&mut self, request: &ReadRequest<'_>, sink: &mut dyn Sink) -> Result<u64> {
        self.hooked.before("reader.read")?;
        let hooked = &self.hooked;
        self.inner.read(request, &mut |batch: Batch| {
            hooked.before_batch("reader.push", &batch)?;
            sink.push(batch)
        })
    }
}

struct HookedReplacer {
    inner: Box<dyn Replacer>,
    hooked: Hooked,
}

impl Replacer for HookedReplacer {
    fn prepare(&mut self, objects: &[NativeObject]) -> Result<Vec<String>> {
        self.hooked.before("replacer.prepare")?;
        self.inner.prepare(objects)
    }

    fn begin(&mut self, plan: GroupPlan) -> Result<()> {
        self.hooked.before("replacer.begin")?;
        self.inner.begin(plan)
    }

    fn writers(&mut self) -> Result<Vec<Box<dyn Writer>>> {
        self.hooked.before("replacer.writers")?;
        let hooked = |inner| Box::new(HookedWriter { inner, hooked: self.hooked.clone() }) as Box<dyn Writer>;
        Ok(self.inner.writers()?.into_iter().map(hooked).collect())
    }

    fn complete(&mut self) -> Result<Vec<String>> {
        self.hooked.before("replacer.complete")?;
        self.inner.complete()
    }

    fn readable(&self) -> Readable {
        self.inner.readable()
    }

    fn readers(&mut self, count: usize) -> Result<Vec<Box<dyn Reader>>> {
        self.hooked.before("replacer.readers")?;
        Ok(self.inner.readers(count)?.into_iter().map(|reader| self.hooked.reader(reader)).collect())
    }

    fn chunks(&mut self, collection: &Collection, target_bytes: u64) -> Result<Vec<Chunk>> {
        self.hooked.before("replacer.chunks")?;
        self.inner.chunks(collection, target_bytes)
    }

    fn commit(&mut self) -> Result<()> {
        self.hooked.before("replacer.commit")?;
        self.inner.commit()
    }

    fn finish(self: Box<Self>, objects: &[NativeObject]) -> Result<Vec<String>> {
        self.hooked.before("replacer.finish")?;
        self.inner.finish(objects)
    }
}

struct HookedWriter {
    inner: Box<dyn Writer>,
    hooked: Hooked,
}

impl Writer for HookedWriter {
    fn accepts(&self, collection: &CollectionName) -> bool {
        self.inner.accepts(collection)
    }

    fn write(&mut self, collection: &CollectionName, batch: &Batch) -> Result<()> {
        self.hooked.before_batch("writer.write", batch)?;
        self.inner.write(collection, batch)
    }

    fn finish(self: Box<Self>) -> Result<u64> {
        self.hooked.before("writer.finish")?;
        self.inner.finish()
    }
}

/// Implements [`Dialect`] for a decorator with the fields `inner` and `hook`.
macro_rules! decorated_dialect {
    ($decorator:ty) => {
        impl Dialect for $decorator {
            fn name(&self) -> &'static str {
                self.inner.name()
            }

            fn schemes(&self) -> &'static [&'static str] {
                self.inner.schemes()
            }

            fn capabilities(&self) -> $crate::Capabilities {
                self.inner.capabilities()
            }

            fn syntax(&self) -> &dyn $crate::Syntax {
                self.inner.syntax()
            }

            fn open(
                &self,
                url: &$crate::DatabaseUrl,
                options: &$crate::OpenOptions,
            ) -> Result<Box<dyn $crate::Database>> {
                decorate::open(&self.inner, self.hook.clone(), url, options)
            }
        }
    };
}
pub(super) use decorated_dialect;
