//! Replacing groups: a staging copy of the database is loaded, and the switch is one assignment.

use super::check::refused;
use super::foreign::{self, Violation};
use super::load::Load;
use super::shape;
use super::state::{State, Table, no_such_collection};
use super::{MemoryDialect, gone, read};
use crate::cancel::Cancel;
use crate::contract::{
    Chunk, CollectionAction, CollectionPlan, ForeignKeyPolicy, GroupPlan, Reader, ReplaceOptions, Replacer, Writer,
};
use crate::error::{Error, ErrorKind, Result};
use crate::exception::Batch;
use crate::model::{Collection, CollectionName, Counter, NativeObject};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

pub(super) struct MemoryReplacer {
    dialect: MemoryDialect,
    name: String,
    cancel: Cancel,
    writers: usize,
    foreign_keys: ForeignKeyPolicy,
    /// What the committed groups made of a database that does not exist yet; `None` when it exists.
    created: Option<State>,
    /// Held from the beginning of a group to its end, where the database exists.
    lock: Option<WriteLock>,
    stage: Stage,
    /// Target names of all collections so far, by source name.
    targets: BTreeMap<CollectionName, CollectionName>,
}

/// How far the current group is.
enum Stage {
    Idle,
    Loading {
        plan: GroupPlan,
        before: Vec<Violation>,
        staged: State,
        loads: Arc<Loads>,
        warnings: Vec<String>,
    },
    Complete {
        staged: Arc<State>,
        /// Readers are valid as long as this lives, and hold a weak reference to it.
        alive: Arc<()>,
    },
}

/// The tables that the writers of one group share.
struct Loads {
    /// By source name.
    tables: BTreeMap<CollectionName, Mutex<Load>>,
    /// Writers that were handed out and are not finished.
    open: AtomicUsize,
    /// Whether a write failed: what a server calls an aborted transaction.
    failed: AtomicBool,
}

impl MemoryReplacer {
    pub(super) fn new(dialect: MemoryDialect, name: String, options: &ReplaceOptions, cancel: Cancel) -> Self {
        let attributes = options.attributes.clone();
        let created = dialect.state(&name).is_none().then(|| State { attributes, ..State::default() });
        let writers = if dialect.capabilities.parallel_write { options.writers.max(1) } else { 1 };
        let (lock, stage, targets) = (None, Stage::Idle, BTreeMap::new());
        Self { dialect, name, cancel, writers, foreign_keys: options.foreign_keys, created, lock, stage, targets }
    }

    /// The state on which a group or the final objects build, locked against other replacers.
    fn base(&mut self) -> Result<State> {
        match &self.created {
            Some(created) => Ok(created.clone()),
            None => {
                // A group that failed is over; its lock may still be there.
                self.lock = None;
                self.lock = Some(WriteLock::take(&self.dialect, &self.name)?);
                let state = self.dialect.state(&self.name).ok_or_else(|| gone(&self.name))?;
                Ok((*state).clone())
            }
        }
    }

    /// Makes `state` what everyone sees; of a database that is being created, what the next group sees.
    fn publish(&mut self, state: &State) -> Result<()> {
        match &mut self.created {
            Some(created) => *created = state.clone(),
            None => {
                let mut databases = self.dialect.lock();
                let stored = databases.get_mut(&self.name).ok_or_else(|| gone(&self.name))?;
                stored.state = Arc::new(state.clone());
                stored.version += 1;
            }
        }
        self.lock = None;
        Ok(())
    }

    fn complete_state(&self) -> Result<(&Arc<State>, &Arc<()>)> {
        match &self.stage {
            Stage::Complete { staged, alive } => Ok((staged, alive)),
            _ => Err(out_of_order("the group is not complete")),
        }
    }
}

impl Replacer for MemoryReplacer {
    fn begin(&mut self, plan: GroupPlan) -> Result<()> {
        self.cancel.check()?;
        if !matches!(self.stage, Stage::Idle) {
            return Err(out_of_order("a group was begun before the last one was committed"));
        }
        let mut staged = self.base()?;
        let before = foreign::violations(&staged)?;
        let renamed = plan.collections.iter().map(|planned| (planned.source.name.clone(), planned.target.clone()));
        self.targets.extend(renamed);
        let mut tables = BTreeMap::new();
        let mut warnings = Vec::new();
        for planned in &plan.collections {
            if let Some(load) = prepare(&mut staged, planned, &self.targets, &mut warnings)?
                && tables.insert(planned.source.name.clone(), Mutex::new(load)).is_some()
            {
                return Err(refused("the plan loads the collection twice", &planned.source));
            }
        }
        let loads = Arc::new(Loads { tables, open: AtomicUsize::new(0), failed: AtomicBool::new(false) });
        self.stage = Stage::Loading { plan, before, staged, loads, warnings };
        Ok(())
    }

    fn writers(&mut self) -> Result<Vec<Box<dyn Writer>>> {
        self.cancel.check()?;
        let Stage::Loading { loads, .. } = &self.stage else { return Err(out_of_order("no group was begun")) };
        if loads.open.fetch_add(self.writers, Ordering::SeqCst) > 0 {
            return Err(out_of_order("the writers were taken before"));
        }
        let writer = || MemoryWriter { loads: loads.clone(), cancel: self.cancel.clone(), rows: 0 };
        Ok((0..self.writers).map(|_| Box::new(writer()) as Box<dyn Writer>).collect())
    }

    fn complete(&mut self) -> Result<Vec<String>> {
        self.cancel.check()?;
        // Whatever fails from here on, the group is over: only dropping the replacer or a new group can follow.
        let stage = std::mem::replace(&mut self.stage, Stage::Idle);
        let Stage::Loading { plan, before, mut staged, loads, mut warnings } = stage else {
            self.stage = stage;
            return Err(out_of_order("no group was begun"));
        };
        if loads.open.load(Ordering::SeqCst) > 0 {
            return Err(out_of_order("a writer was not finished"));
        }
        if loads.failed.load(Ordering::SeqCst) {
            return Err(Error::new(ErrorKind::Database, "the group's load was aborted by an earlier error")
                .with("dialect", "memory")
                .with("group", &plan.group));
        }
        let loads = Arc::into_inner(loads).ok_or_else(|| out_of_order("a writer was not dropped"))?;
        for load in loads.tables.into_values() {
            let table = load.into_inner().unwrap_or_else(PoisonError::into_inner).finish();
            staged.tables.insert(table.collection.name.clone(), Arc::new(table));
        }
        for planned in &plan.collections {
            if planned.action == CollectionAction::Keep {
                continue;
            }
            set_counter(&mut staged, planned);
            add_objects(&mut staged, &planned.objects, &mut warnings);
        }
        validate_foreign_keys(&staged, &plan, &before, self.foreign_keys, &mut warnings)?;
        self.stage = Stage::Complete { staged: Arc::new(staged), alive: Arc::default() };
        Ok(warnings)
    }

    fn readers(&mut self, count: usize) -> Result<Vec<Box<dyn Reader>>> {
        self.cancel.check()?;
        let (staged, alive) = self.complete_state()?;
        Ok(read::readers(staged, count, &self.cancel, alive))
    }

    fn chunks(&mut self, collection: &Collection, target_bytes: u64) -> Result<Vec<Chunk>> {
        self.cancel.check()?;
        read::chunks(self.complete_state()?.0.table(&collection.name)?, target_bytes)
    }

    fn commit(&mut self) -> Result<()> {
        self.cancel.check()?;
        let (staged, alive) = self.complete_state()?;
        if Arc::weak_count(alive) > 0 {
            return Err(out_of_order("a reader of the group was not dropped"));
        }
        let staged = staged.clone();
        self.publish(&staged)?;
        self.stage = Stage::Idle;
        Ok(())
    }

    fn finish(mut self: Box<Self>, objects: &[NativeObject]) -> Result<Vec<String>> {
        self.cancel.check()?;
        if !matches!(self.stage, Stage::Idle) {
            return Err(out_of_order("the last group was not committed"));
        }
        let mut warnings = Vec::new();
        let mut state = self.base()?;
        add_objects(&mut state, objects, &mut warnings);
        if self.created.take().is_none() {
            self.publish(&state)?;
            return Ok(warnings);
        }
        let mut databases = self.dialect.lock();
        if databases.contains_key(&self.name) {
            return Err(Error::new(ErrorKind::Busy, "somebody else created the database meanwhile")
                .with("dialect", "memory")
                .with("database", &self.name));
        }
        databases.entry(self.name.clone()).or_default().state = Arc::new(state);
        Ok(warnings)
    }
}

struct MemoryWriter {
    loads: Arc<Loads>,
    cancel: Cancel,
    rows: u64,
}

impl Writer for MemoryWriter {
    fn write(&mut self, collection: &CollectionName, batch: &Batch) -> Result<()> {
        let written = self.cancel.check().and_then(|()| {
            let load = self.loads.tables.get(collection).ok_or_else(|| no_such_collection(collection))?;
            load.lock().unwrap_or_else(PoisonError::into_inner).write(batch)
        });
        match written {
            Ok(rows) => {
                self.rows += rows;
                Ok(())
            }
            Err(error) => {
                self.loads.failed.store(true, Ordering::SeqCst);
                Err(error)
            }
        }
    }

    fn finish(self: Box<Self>) -> Result<u64> {
        self.cancel.check()?;
        self.loads.open.fetch_sub(1, Ordering::SeqCst);
        Ok(self.rows)
    }
}

/// The one write lock of a database, given back on drop.
struct WriteLock {
    dialect: MemoryDialect,
    name: String,
}

impl WriteLock {
    fn take(dialect: &MemoryDialect, name: &str) -> Result<Self> {
        let mut databases = dialect.lock();
        let stored = databases.get_mut(name).ok_or_else(|| gone(name))?;
        if std::mem::replace(&mut stored.writing, true) {
            return Err(Error::new(ErrorKind::Busy, "somebody else is replacing a group of this database")
                .with("dialect", "memory")
                .with("database", name));
        }
        Ok(Self { dialect: dialect.clone(), name: name.to_owned() })
    }
}

impl Drop for WriteLock {
    fn drop(&mut self) {
        if let Some(stored) = self.dialect.lock().get_mut(&self.name) {
            stored.writing = false;
        }
    }
}

/// Does to the staged database what is planned for one collection; returns where its rows go, if they are loaded.
fn prepare(
    staged: &mut State,
    planned: &CollectionPlan,
    targets: &BTreeMap<CollectionName, CollectionName>,
    warnings: &mut Vec<String>,
) -> Result<Option<Load>> {
    let existing = staged.tables.get(&planned.target).cloned();
    let creates = matches!(planned.action, CollectionAction::Create | CollectionAction::CreateEmpty);
    let table = match existing {
        Some(existing) if creates => return Err(refused("the collection exists already", &existing.collection)),
        None if !creates => return Err(no_such_collection(&planned.target)),
        Some(existing) => match planned.action {
            CollectionAction::Keep => return Ok(None),
            CollectionAction::Append => (*existing).clone(),
            CollectionAction::Recreate => {
                staged.objects.retain(|object| object.on.as_ref() != Some(&planned.target));
                Table::empty(shape::created(planned, targets, warnings))
            }
            _ => Table::empty(existing.collection.clone()),
        },
        None => Table::empty(shape::created(planned, targets, warnings)),
    };
    let (has_rows, renumber) = (table.collection.kind.has_rows(), planned.action == CollectionAction::Append);
    staged.tables.insert(planned.target.clone(), Arc::new(table.clone()));
    let load = Load::new(planned.source.clone(), table, renumber)?;
    Ok((planned.action.loads() && has_rows).then_some(load))
}

/// Sets the counter as the source has it; after an append, to whichever is ahead.
fn set_counter(staged: &mut State, planned: &CollectionPlan) {
    if let Some(table) = staged.tables.get_mut(&planned.target) {
        let collection = &mut Arc::make_mut(table).collection;
        let source = planned.source.counter.clone().filter(|counter| collection.column(&counter.column).is_some());
        let ahead = |counter: &Counter| (counter.last_value, counter.is_called);
        collection.counter = match (collection.counter.take(), source) {
            (Some(own), source) if planned.action == CollectionAction::Append => {
                source.filter(|source| ahead(source) > ahead(&own)).or(Some(own))
            }
            (_, source) => source,
        };
    }
}

/// Adds the objects that are not there. One that is there with another text is left alone.
fn add_objects(staged: &mut State, objects: &[NativeObject], warnings: &mut Vec<String>) {
    for object in objects {
        let same = |other: &&NativeObject| {
            (other.kind, &other.namespace, &other.name) == (object.kind, &object.namespace, &object.name)
        };
        match staged.objects.iter().find(same) {
            Some(existing) if existing.definition == object.definition => {}
            Some(_) => warnings.push(format!("{} is there with another definition and was left alone", object.name)),
            None if object.dialect != "memory" => {
                warnings.push(format!("{} is written for {} and was not created", object.name, object.dialect));
            }
            None => staged.objects.push(object.clone()),
        }
    }
}

/// Fails when a foreign key does not hold, unless it neither held before nor belongs to rows that were loaded.
fn validate_foreign_keys(
    staged: &State,
    plan: &GroupPlan,
    before: &[Violation],
    policy: ForeignKeyPolicy,
    warnings: &mut Vec<String>,
) -> Result<()> {
    let loaded = |name: &CollectionName| plan.collections.iter().any(|p| p.action.loads() && p.target == *name);
    let known = |violation: &Violation| {
        let earlier = before.iter().find(|earlier| {
            (&earlier.collection, &earlier.foreign_key) == (&violation.collection, &violation.foreign_key)
        });
        !loaded(&violation.collection) && earlier.is_some_and(|earlier| earlier.keys.is_superset(&violation.keys))
    };
    let (old, new): (Vec<_>, Vec<_>) = foreign::violations(staged)?.into_iter().partition(known);
    warnings.extend(old.iter().map(|violation| format!("a foreign key did not hold before: {}", violation.describe())));
    let Some(first) = new.first() else { return Ok(()) };
    if policy == ForeignKeyPolicy::Report {
        warnings.extend(new.iter().map(|violation| format!("a foreign key does not hold: {}", violation.describe())));
        return Ok(());
    }
    let all: Vec<String> = new.iter().map(Violation::describe).collect();
    Err(Error::new(ErrorKind::Mismatch, format!("foreign keys reference rows that do not exist: {}", all.join(", ")))
        .with("dialect", "memory")
        .with("group", &plan.group)
        .with("collection", &first.collection)
        .hint("restore the group that holds the referenced rows as well, or first"))
}

fn out_of_order(message: &'static str) -> Error {
    Error::new(ErrorKind::Internal, message).with("dialect", "memory")
}
