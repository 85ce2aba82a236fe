//! Writing: groups of archived collections in the place of what a MySQL or MariaDB database holds.
//!
//! No statement that makes or changes a table can be rolled back, so nothing that anybody uses is touched until all is
//! ready. Every table is loaded under another name, its shadow, by as many sessions as there are; it gets its keys, its rows
//! are checked against its foreign keys and read again. Then the unit is switched: one `RENAME TABLE` puts all new tables into
//! their places and the old ones aside. A journal in the database says how far it is, so that whoever comes next can undo or
//! finish it, whatever has died. The crate's documentation goes through the cases.
//!
//! | action | shadow | in the end |
//! |---|---|---|
//! | create, create-empty | from the archive's definition | takes the place |
//! | recreate | the same | takes the place of the table that is there, which is dropped |
//! | replace | from the definition of the table that is there | the same; foreign keys and triggers of that table stay |
//! | append | the same | its rows are added, in one transaction; it is dropped |
//! | keep | none | |

mod append;
mod build;
mod constraints;
mod foreign_keys;
mod journal;
mod known_keys;
mod names;
mod objects;
mod parallel;
mod recover;
mod settle;
mod shape;
mod statement;
mod switch;
#[cfg(test)]
mod tests;
mod text;
mod triggers;
mod unit;
mod writer;

pub(crate) use names::is_own;
pub(crate) use recover::recover;

use crate::chunk;
use crate::connect::Target;
use crate::flavour::ServerVersion;
use crate::load::TableLoad;
use crate::read::{Charsets, MySqlReader, RelationName};
use crate::session::Session;
use crate::wire::Wire;
use dbferry_dialect::model::NativeObject;
use dbferry_dialect::{
    Cancel, Chunk, Collection, CollectionName, Error, ErrorKind, GroupPlan, Readable, Reader, ReplaceOptions, Replacer,
    Result, Writer,
};
use foreign_keys::{Edge, TableName};
use journal::Journal;
use objects::Existing;
use parallel::for_each;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use unit::{KeyPlan, Members};
use writer::MySqlWriter;

/// Prepares to replace groups; `lock_wait` is how long other people's locks are waited for.
///
/// # Errors
/// [`ErrorKind::Busy`] when another restore into the database is under way, or what the server says.
pub(crate) fn open_replacer(
    target: &Target,
    version: ServerVersion,
    lock_wait: Duration,
    options: &ReplaceOptions,
) -> Result<Box<dyn Replacer>> {
    Ok(Box::new(MySqlReplacer::open(target, version, lock_wait, options)?))
}

struct MySqlReplacer {
    target: Target,
    version: ServerVersion,
    lock_wait: Duration,
    options: ReplaceOptions,
    /// The session that changes what others see. It holds the lock that keeps other restores away.
    main: Session,
    /// What is under way.
    journal: Journal,
    unit: Option<Unit>,
    /// Sessions that divide what is loaded, while there is something to divide.
    dividers: Vec<Wire>,
    /// Sequences of the archive that were there before.
    sequences: Vec<NativeObject>,
    /// Raised by the first failure: nothing more is done after it.
    broken: bool,
    /// Whether any unit was replaced.
    committed: bool,
    /// What the user should know at the end.
    warnings: Vec<String>,
}

/// The unit under way.
struct Unit {
    members: Members,
    loads: Arc<BTreeMap<CollectionName, Arc<TableLoad>>>,
}

impl MySqlReplacer {
    fn open(target: &Target, version: ServerVersion, lock_wait: Duration, options: &ReplaceOptions) -> Result<Self> {
        let mut main = recover::exclusive(target, version, lock_wait)?;
        let warnings = recover::recover_with(&mut main, version)?;
        Ok(Self {
            target: target.clone(),
            version,
            lock_wait,
            options: options.clone(),
            main,
            journal: Journal::new(),
            unit: None,
            dividers: Vec::new(),
            sequences: Vec::new(),
            broken: false,
            committed: false,
            warnings,
        })
    }

    /// Does a step; a failure in it breaks the replacer for good and cleans up.
    fn step<T>(&mut self, step: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.broken {
            return Err(Error::new(ErrorKind::Internal, "the restore failed before; nothing more can be done with it"));
        }
        let done = step(self);
        done.map_err(|error| {
            self.broken = true;
            match self.clean_up() {
                Ok(()) => error,
                Err(left) => error.with("left behind", format!("what `dbferry restore --recover` undoes: {left}")),
            }
        })
    }

    /// Gives up what is not committed. What cannot be cleaned up now is left to the next restore.
    fn clean_up(&mut self) -> Result<()> {
        self.unit = None;
        self.dividers.clear();
        if self.journal.is_empty() {
            return Ok(());
        }
        let journal = std::mem::replace(&mut self.journal, Journal::new());
        if recover::end(&mut self.main, self.version, &journal).is_ok() {
            return Ok(());
        }
        // The session may be gone, or stopped by the flag of this run: another one does it, once this one's locks are free.
        let target = self.target.clone().with_cancel(Cancel::new());
        _ = statement::run(&mut self.main, "the tables cannot be unlocked", "UNLOCK TABLES");
        self.main.close();
        let mut janitor = recover::exclusive(&target, self.version, self.lock_wait.max(Duration::from_secs(10)))?;
        recover::recover_with(&mut janitor, self.version).map(|_| ())
    }

    fn unit(&self) -> Result<&Unit> {
        self.unit.as_ref().ok_or_else(|| Error::new(ErrorKind::Internal, "no group is being replaced"))
    }

    fn sessions(&self) -> Result<Vec<Session>> {
        let session = || {
            let mut session = self.target.connect()?;
            build::settings(&mut session, self.version)?;
            build::wait_for_own(|doing, sql| statement::run(&mut session, doing, sql))?;
            Ok(session)
        };
        (1..self.options.writers).map(|_| session()).collect()
    }

    fn prepare_all(&mut self, objects: &[NativeObject]) -> Result<Vec<String>> {
        let mut warnings = std::mem::take(&mut self.warnings);
        if objects.is_empty() {
            return Ok(warnings);
        }
        let objects = &self.in_its_words(objects);
        let existing = Existing::read(&mut self.main, self.version)?;
        let missing = objects::missing_sequences(objects, &existing, self.version, &mut warnings);
        if self.version.is_mariadb() {
            let there = objects.iter().filter(|object| !missing.iter().any(|other| std::ptr::eq(*object, *other)));
            self.sequences = there.cloned().collect();
        }
        if !missing.is_empty() {
            self.journal.sequences = missing.iter().map(|object| object.name.clone()).collect();
            self.journal.write(&mut self.main)?;
            for object in missing {
                objects::create_sequence(&mut self.main, object)?;
            }
        }
        Ok(warnings)
    }

    /// The objects as this server understands them.
    fn in_its_words(&self, objects: &[NativeObject]) -> Vec<NativeObject> {
        objects.iter().map(|object| crate::objects::for_server(object, self.version)).collect()
    }

    fn begin_unit(&mut self, mut plan: GroupPlan) -> Result<()> {
        if self.unit.is_some() {
            return Err(Error::new(ErrorKind::Internal, "the group before was not committed"));
        }
        for collection in &mut plan.collections {
            collection.objects = self.in_its_words(&collection.objects);
        }
        let members = Members::new(plan.collections, &mut self.main, self.version)?;
        self.journal.tables = members.moving();
        self.journal.write(&mut self.main)?;
        let mut loads = BTreeMap::new();
        for member in members.iter() {
            build::create(&mut self.main, member)?;
            self.warnings.extend(member.shape.notes.iter().cloned());
            if member.plan.action.loads() && member.plan.source.kind.has_rows() {
                let source = &member.plan.source;
                let load = TableLoad::new(&mut self.main, self.version, source, &member.moving.shadow)
                    .map_err(|error| error.with("collection", &source.name))?;
                loads.insert(source.name.clone(), Arc::new(load));
            }
        }
        self.unit = Some(Unit { members, loads: Arc::new(loads) });
        Ok(())
    }

    fn open_writers(&mut self) -> Result<Vec<Box<dyn Writer>>> {
        let unit = self.unit()?;
        let writer = |_| -> Result<Box<dyn Writer>> {
            Ok(Box::new(MySqlWriter::new(self.target.connect()?, self.version, Arc::clone(&unit.loads))?))
        };
        (0..self.options.writers.max(1)).map(writer).collect()
    }

    fn complete_unit(&mut self) -> Result<Vec<String>> {
        let mut others = self.sessions()?;
        let unit = self.unit.take().ok_or_else(|| Error::new(ErrorKind::Internal, "no group is being replaced"))?;
        let mut warnings = std::mem::take(&mut self.warnings);
        let mut members: Vec<_> = unit.members.iter().collect();
        let rows = |member: &&unit::Member| unit.loads.get(&member.plan.source.name).map_or(0, |load| load.rows());
        members.sort_by_cached_key(|member| std::cmp::Reverse(rows(member)));
        build::wait_for_own(|doing, sql| statement::run(&mut self.main, doing, sql))?;
        let made = for_each(&mut self.main, &mut others, &members, |session, member| build::complete(session, member));
        let back = recover::wait_for_locks(&mut self.main, self.lock_wait);
        made.and(back)?;
        let keys = KeyPlan::new(&mut self.main, self.version, &unit.members)?;
        let edges: Vec<&Edge> = keys.edges.iter().collect();
        let children: Vec<&[&Edge]> = edges.chunk_by(|one, other| one.child == other.child).collect();
        let large = |child: &TableName| {
            let mut members = unit.members.iter();
            let member = members.find(|member| *child == TableName::own(&member.moving.shadow));
            member.is_some_and(|member| rows(&member) >= known_keys::MANY_ROWS)
        };
        let (target, policy) = (&self.target, self.options.foreign_keys);
        let found = for_each(&mut self.main, &mut others, &children, |session, edges| {
            let child = &edges[0].child;
            let hold = match large(child) {
                true => known_keys::that_hold(&|| wire(target), child, edges)?,
                false => vec![false; edges.len()],
            };
            let open = edges.iter().zip(hold).filter(|(_, holds)| !holds);
            open.map(|(edge, _)| edge.check(session, policy)).collect::<Result<Vec<_>>>()
        })?;
        warnings.extend(found.into_iter().flatten().flatten());
        self.unit = Some(unit);
        Ok(warnings)
    }

    /// Where the rows of the unit's collections are at the moment.
    fn relation(&self) -> Result<RelationName> {
        let members = self.unit()?.members.iter();
        let names: BTreeMap<CollectionName, String> =
            members.map(|member| (member.plan.target.clone(), TableName::own(&member.moving.shadow).sql())).collect();
        Ok(Box::new(move |name| names.get(name).cloned().unwrap_or_else(|| TableName::own(&name.name).sql())))
    }

    fn open_readers(&mut self, count: usize) -> Result<Vec<Box<dyn Reader>>> {
        let mut readers: Vec<Box<dyn Reader>> = Vec::new();
        let mut charsets = None;
        for _ in 0..count.max(1) {
            let mut wire = wire(&self.target)?;
            let charsets = match &charsets {
                Some(charsets) => Arc::clone(charsets),
                None => Arc::clone(charsets.insert(Arc::new(Charsets::load(&mut wire)?))),
            };
            readers.push(Box::new(MySqlReader::shared(Arc::new(Mutex::new(wire)), charsets, self.relation()?)));
        }
        Ok(readers)
    }

    fn divide(&mut self, collection: &Collection, target_bytes: u64) -> Result<Vec<Chunk>> {
        let relation = self.relation()?(&collection.name);
        while self.dividers.len() < self.options.writers.max(1) {
            let wire = wire(&self.target)?;
            self.dividers.push(wire);
        }
        let mut wires: Vec<&mut Wire> = self.dividers.iter_mut().collect();
        Ok(chunk::divide(&mut wires, collection, &relation, target_bytes)?.chunks)
    }

    fn commit_unit(&mut self) -> Result<()> {
        self.main.check_cancelled()?;
        self.dividers.clear();
        let unit = self.unit.take().ok_or_else(|| Error::new(ErrorKind::Internal, "no group is being replaced"))?;
        let policy = self.options.foreign_keys;
        let warnings = switch::switch(&mut self.main, self.version, &unit.members, &mut self.journal, policy)?;
        self.warnings.extend(warnings);
        // From here on it can only be finished.
        self.journal.sequences.clear();
        settle::settle(&mut self.main, self.version, &self.journal)?;
        self.journal = Journal::new();
        self.committed = true;
        Ok(())
    }

    fn finish_all(&mut self, objects: &[NativeObject]) -> Result<Vec<String>> {
        if self.unit.is_some() {
            return Err(Error::new(ErrorKind::Internal, "the last group was not committed"));
        }
        for sequence in std::mem::take(&mut self.sequences) {
            objects::set_sequence(&mut self.main, &sequence)?;
        }
        if !self.journal.is_empty() {
            // Nothing was to be replaced, so nothing can fail any more: what was made stays.
            self.journal = Journal::new();
            Journal::remove(&mut self.main)?;
        }
        let objects = self.in_its_words(objects);
        let created = objects::create(&mut self.main, self.version, &objects, self.options.enable_events)?;
        self.warnings.extend(created);
        Ok(std::mem::take(&mut self.warnings))
    }
}

/// A session that reads shadows.
fn wire(target: &Target) -> Result<Wire> {
    let mut wire = target.connect_wire()?;
    build::wait_for_own(|doing, sql| wire.run(doing, sql))?;
    Ok(wire)
}

impl Replacer for MySqlReplacer {
    fn prepare(&mut self, objects: &[NativeObject]) -> Result<Vec<String>> {
        self.step(|replacer| replacer.prepare_all(objects))
    }

    fn begin(&mut self, plan: GroupPlan) -> Result<()> {
        self.step(|replacer| replacer.begin_unit(plan))
    }

    fn writers(&mut self) -> Result<Vec<Box<dyn Writer>>> {
        self.step(Self::open_writers)
    }

    fn complete(&mut self) -> Result<Vec<String>> {
        self.step(Self::complete_unit)
    }

    /// The rows of shadows are committed. Making a key lets others read, and waits for those who do, statement by statement.
    fn readable(&self) -> Readable {
        Readable::AfterLoading
    }

    fn readers(&mut self, count: usize) -> Result<Vec<Box<dyn Reader>>> {
        self.step(|replacer| replacer.open_readers(count))
    }

    fn chunks(&mut self, collection: &Collection, target_bytes: u64) -> Result<Vec<Chunk>> {
        self.step(|replacer| replacer.divide(collection, target_bytes))
    }

    fn commit(&mut self) -> Result<()> {
        self.step(Self::commit_unit)
    }

    fn finish(mut self: Box<Self>, objects: &[NativeObject]) -> Result<Vec<String>> {
        self.step(|replacer| replacer.finish_all(objects))
    }
}

impl Drop for MySqlReplacer {
    fn drop(&mut self) {
        if !self.journal.is_empty() {
            _ = self.clean_up();
        }
    }
}
