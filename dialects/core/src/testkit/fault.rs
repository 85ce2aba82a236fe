//! Fault injection: a decorator of any dialect that fails its Nth operation, or cancels the run there.
//!
//! An operation is each call of the contract that can fail, and each batch that a reader pushes; it fails before it
//! reaches the decorated dialect. A test asks for N = 1, 2, 3, ... until nothing failed, and so has seen a failure at every
//! step. Infallible calls (`info`, `capabilities`, `consistency`, a snapshot's `readers`) do not count. With several
//! threads the number of operations stays, which of them is the Nth does not.

use super::decorate::{self, Hook, Inner, decorated_dialect};
use crate::cancel::Cancel;
use crate::contract::Dialect;
use crate::error::{Error, ErrorKind, Result};
use crate::exception::Batch;
use std::sync::{Arc, Mutex, PoisonError};

/// Which operation fails, and what happened so far. Clones share what happened.
#[derive(Clone, Debug)]
pub struct FaultPlan {
    at: Option<(u64, Fault)>,
    operations: Arc<Mutex<Vec<&'static str>>>,
}

/// What happens at the operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Fail,
    Cancel,
}

impl FaultPlan {
    /// Nothing fails; the operations are only recorded.
    pub fn record() -> Self {
        Self { at: None, operations: Arc::default() }
    }

    /// The operation of that number fails, counted from 1; all others go through.
    pub fn fail_at(number: u64) -> Self {
        Self { at: Some((number, Fault::Fail)), ..Self::record() }
    }

    /// The run is cancelled right before the operation of that number, which goes through to the decorated dialect.
    pub fn cancel_at(number: u64) -> Self {
        Self { at: Some((number, Fault::Cancel)), ..Self::record() }
    }

    /// How many operations were begun, the failed one included.
    pub fn count(&self) -> u64 {
        self.lock().len() as u64
    }

    /// Whether the fault was injected, or the run cancelled.
    pub fn has_failed(&self) -> bool {
        self.at.is_some_and(|(number, _)| (1..=self.count()).contains(&number))
    }

    /// The names of the operations in their order: `database.snapshot`, `reader.push`, `replacer.commit`, ...
    pub fn operations(&self) -> Vec<&'static str> {
        self.lock().clone()
    }

    /// Whether `error` is the injected one.
    pub fn is_injected(error: &Error) -> bool {
        error.kind() == ErrorKind::Database && error.message().starts_with(MESSAGE)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<&'static str>> {
        // Pushing to a list cannot leave it half done.
        self.operations.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const MESSAGE: &str = "injected fault at operation ";

impl Hook for FaultPlan {
    fn before(&self, operation: &'static str, _: Option<&Batch>, cancel: &Cancel) -> Result<()> {
        let number = {
            let mut operations = self.lock();
            operations.push(operation);
            operations.len() as u64
        };
        match self.at {
            Some((at, Fault::Fail)) if at == number => {
                Err(Error::new(ErrorKind::Database, format!("{MESSAGE}{number}")).with("operation", operation))
            }
            Some((at, Fault::Cancel)) if at == number => {
                cancel.cancel();
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

/// A dialect that fails as a [`FaultPlan`] says. It has the name of what it decorates.
#[derive(Clone, Debug)]
pub struct FaultDialect {
    inner: Inner,
    hook: Arc<FaultPlan>,
}

impl FaultDialect {
    /// Decorates `inner`. The caller keeps a clone of `plan` to see what happened.
    pub fn new(inner: impl Into<Inner>, plan: FaultPlan) -> Self {
        Self { inner: inner.into(), hook: Arc::new(plan) }
    }
}

decorated_dialect!(FaultDialect);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::{
        ChunkRange, CollectionAction, CollectionPlan, GroupPlan, OpenOptions, Purpose, ReadRequest, ReplaceOptions,
        SnapshotOptions,
    };
    use crate::testkit::MemoryDialect;
    use crate::testkit::generate::{self, GenerateOptions};
    use std::collections::BTreeSet;

    fn source() -> MemoryDialect {
        let (schema, rows) = generate::database(11, &GenerateOptions { max_rows: 20, ..GenerateOptions::default() });
        let dialect = MemoryDialect::new();
        dialect.insert("left", &schema, &rows).expect("good rows");
        dialect
    }

    /// A small engine that uses every call of the contract: copies `left` to `right` and re-reads it.
    fn copy(dialect: &dyn Dialect, urls: &MemoryDialect) -> Result<()> {
        let mut left = dialect.open(&urls.url("left"), &OpenOptions::default())?;
        left.introspect()?;
        let mut snapshot = left.snapshot(&SnapshotOptions::new(2))?;
        let schema = snapshot.schema()?;
        let mut readers = snapshot.readers();
        let write = OpenOptions::new(Purpose::Write, Cancel::new());
        let mut replacer = dialect.open(&urls.url("right"), &write)?.replacer(&ReplaceOptions::default())?;
        let plan = |source: &crate::Collection| CollectionPlan {
            parts: 1,
            source: source.clone(),
            target: source.name.clone(),
            existing: None,
            action: CollectionAction::Create,
            objects: Vec::new(),
            use_definition: true,
        };
        replacer
            .begin(GroupPlan { group: "user".into(), collections: schema.collections.iter().map(plan).collect() })?;
        let mut writer = replacer.writers()?.remove(0);
        for collection in &schema.collections {
            for chunk in snapshot.chunks(collection, 500)? {
                let request = ReadRequest { collection, chunk: &chunk, batch_bytes: 200, predicate: None };
                readers[0].read(&request, &mut |batch: Batch| writer.write(&collection.name, &batch))?;
            }
        }
        writer.finish()?;
        snapshot.finish()?;
        replacer.complete()?;
        let mut proof = replacer.readers(1)?;
        for collection in &schema.collections {
            for chunk in replacer.chunks(collection, u64::MAX)? {
                assert!(matches!(chunk.range, ChunkRange::Keys { .. }));
                let request = ReadRequest { collection, chunk: &chunk, batch_bytes: 200, predicate: None };
                proof[0].read(&request, &mut |_: Batch| Ok(()))?;
            }
        }
        drop(proof);
        replacer.commit()?;
        replacer.finish(&[])?;
        Ok(())
    }

    #[test]
    fn every_step_fails_once_and_the_target_is_nothing_or_whole() {
        let mut failed = Vec::new();
        for number in 1.. {
            let dialect = source();
            let plan = FaultPlan::fail_at(number);
            let result = copy(&FaultDialect::new(dialect.clone(), plan.clone()), &dialect);
            assert_eq!(result.is_err(), plan.has_failed());
            let Err(error) = result else {
                let (left, right) = (dialect.content("left").expect("left"), dialect.content("right").expect("right"));
                assert_eq!(left.differences(&right), Vec::<String>::new());
                assert_eq!(plan.count(), number - 1);
                break;
            };
            assert_eq!(error.message(), format!("injected fault at operation {number}"));
            assert!(FaultPlan::is_injected(&error));
            assert_eq!(dialect.names(), ["left"]);
            failed.extend(plan.operations().last().copied());
        }
        let recorded = FaultPlan::record();
        let dialect = source();
        copy(&FaultDialect::new(dialect.clone(), recorded.clone()), &dialect).expect("copied");
        assert_eq!(failed, recorded.operations());
        let kinds: BTreeSet<_> = failed.into_iter().collect();
        assert_eq!(kinds.len(), 18, "{kinds:?}");
    }

    #[test]
    fn it_decorates_any_dialect() {
        let shared: Arc<dyn Dialect> = Arc::new(MemoryDialect::new());
        let leaked: &'static dyn Dialect = Box::leak(Box::new(MemoryDialect::new()));
        for dialect in [FaultDialect::new(shared, FaultPlan::record()), FaultDialect::new(leaked, FaultPlan::record())]
        {
            assert_eq!((dialect.name(), dialect.schemes()), ("memory", &["memory"][..]));
            assert!(dialect.capabilities().creates_database);
        }
    }

    #[test]
    fn a_run_is_cancelled_at_its_operation() {
        let dialect = source();
        let plan = FaultPlan::cancel_at(2);
        let faulty = FaultDialect::new(dialect.clone(), plan.clone());
        let cancel = Cancel::new();
        let options = OpenOptions::new(Purpose::Read, cancel.clone());
        let mut database = faulty.open(&dialect.url("left"), &options).expect("a database");
        assert!(!plan.has_failed() && !cancel.is_cancelled());
        assert_eq!(database.introspect().expect_err("cancelled").kind(), ErrorKind::Cancelled);
        assert!(plan.has_failed() && cancel.is_cancelled());
    }
}
