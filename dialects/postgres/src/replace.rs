//! Writing: groups of archived collections in the place of what a PostgreSQL database holds.
//!
//! What is made is built beside its place, by as many sessions as there are, and moved there by one transaction of the main
//! session. What stays is changed in that same transaction. So a unit is replaced as a whole or not at all, whoever dies on
//! the way: the server, the connection, or dbferry. The crate's documentation goes through the cases one by one.
//!
//! | action | where | what happens |
//! |---|---|---|
//! | create, create-empty | staging | table, rows, indexes, keys; then moved |
//! | recreate | staging | the same; the old table is dropped in the transaction that moves the new one |
//! | replace | in place | foreign keys and triggers off, `TRUNCATE`, rows, foreign keys and triggers on again |
//! | append | in place | the same without `TRUNCATE` |
//! | create, replace of large objects | in place | those that are there are unlinked, then made and written anew |
//! | keep | | nothing |

mod build;
mod counters;
mod foreign_keys;
mod in_place;
mod large;
mod load;
mod objects;
mod outcome;
mod readers;
mod sessions;
mod staging;
mod switch;
mod unit;
mod writer;

use crate::PostgresSyntax;
use crate::connect::Target;
use crate::objects::create::{Created, Existing, create_after, create_before};
use crate::session::Session;
use crate::types::TypeCatalogue;
use build::FreeNames;
use dbferry_dialect::model::NativeObject;
use dbferry_dialect::{
    Chunk, Collection, Error, ErrorKind, ForeignKeyPolicy, GroupPlan, Readable, Reader, ReplaceOptions, Replacer,
    Result, Syntax, Writer,
};
use foreign_keys::{NewKey, SavedKey, is_violation};
use in_place::TakenOff;
use load::Loads;
use outcome::number_of_transaction;
use readers::ProofReader;
use sessions::{Job, Sessions, lock, run_all};
use staging::Staging;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use unit::{Members, Place};
use writer::PostgresWriter;

/// Prepares to replace groups; `lock_wait` is how long other people's locks are waited for.
///
/// # Errors
/// When the server cannot be reached.
pub(crate) fn open_replacer(
    target: &Target,
    lock_wait: Duration,
    options: &ReplaceOptions,
) -> Result<Box<dyn Replacer>> {
    Ok(Box::new(PostgresReplacer::open(target, lock_wait, options)?))
}

struct PostgresReplacer {
    sessions: Sessions,
    staging: Staging,
    options: ReplaceOptions,
    /// Raised by the first failure: nothing is committed after it.
    broken: Arc<AtomicBool>,
    /// Whether the main session is in the transaction of a unit.
    in_transaction: bool,
    unit: Option<Unit>,
    /// The objects that the target has, once somebody wants to know.
    existing: Option<Existing>,
    /// Its types, as long as nothing was made since they were read.
    types: Option<Arc<TypeCatalogue>>,
    /// What was made before the first group.
    created: Option<Created>,
    /// Tables that wait for new statistics.
    analyze: Vec<String>,
    /// Whether any unit was.
    committed: bool,
    /// What the user should know at the end.
    warnings: Vec<String>,
}

/// The unit under way.
struct Unit {
    members: Members,
    types: Arc<TypeCatalogue>,
    loads: Arc<Loads>,
    taken_off: TakenOff,
    names: FreeNames,
}

impl PostgresReplacer {
    fn open(target: &Target, lock_wait: Duration, options: &ReplaceOptions) -> Result<Self> {
        let sessions = Sessions::open(target, lock_wait, options.writers)?;
        let mut main = sessions.main();
        let staging = Staging::begin(&mut main)?;
        let warnings = staging::sweep(&mut main)?;
        drop(main);
        Ok(Self {
            sessions,
            staging,
            options: options.clone(),
            broken: Arc::new(AtomicBool::new(false)),
            in_transaction: false,
            unit: None,
            existing: None,
            types: None,
            created: None,
            analyze: Vec::new(),
            committed: false,
            warnings,
        })
    }

    /// Does a step; a failure in it breaks the replacer for good and cleans up.
    fn step<T>(&mut self, step: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.broken.load(Ordering::Relaxed) {
            return Err(Error::new(ErrorKind::Internal, "the restore failed before; nothing more can be done with it"));
        }
        step(self).inspect_err(|_| {
            self.broken.store(true, Ordering::Relaxed);
            self.clean_up();
        })
    }

    /// Gives up what is not committed. What cannot be cleaned up now is left to the next restore.
    fn clean_up(&mut self) {
        self.unit = None;
        self.sessions.close_others();
        let in_transaction = std::mem::take(&mut self.in_transaction);
        // Also when the flag of this run is raised, which would stop its own sessions.
        if in_transaction || self.staging.is_used() {
            let mut main = self.sessions.main();
            main.copy_abort();
            _ = main.run("cannot roll back", "ROLLBACK");
        }
        let created = self.created.take_if(|_| !self.committed);
        if (self.staging.is_used() || created.is_some())
            && let Ok(mut janitor) = self.sessions.janitor()
        {
            _ = janitor.run("cannot set the session up", "SET lock_timeout = '10s'");
            _ = self.staging.drop_all(&mut janitor);
            if let Some(created) = created {
                _ = created.undo(&mut janitor);
            }
        }
    }

    fn unit(&self) -> Result<&Unit> {
        self.unit.as_ref().ok_or_else(|| Error::new(ErrorKind::Internal, "no group is being replaced"))
    }

    fn begin_unit(&mut self, plan: GroupPlan) -> Result<()> {
        if self.unit.is_some() {
            return Err(Error::new(ErrorKind::Internal, "the group before was not committed"));
        }
        let cancel = self.sessions.cancel();
        let mut main = self.sessions.main();
        if self.existing.is_none() && plan.collections.iter().any(|plan| !plan.objects.is_empty()) {
            let (existing, types) = what_exists(&mut main)?;
            self.existing = Some(existing);
            self.types = Some(types);
        }
        let members = Members::new(plan.collections, &mut self.staging, &mut main)?;
        switch::rehearse_drop(&mut main, &members)?;
        let names = FreeNames::read(&mut main, &members)?;
        build::create_tables(&mut main, &members, &cancel)?;
        let mut taken_off = TakenOff::default();
        if members.at(Place::Final).next().is_some() {
            self.in_transaction = true;
            main.run("cannot begin a transaction", "BEGIN")?;
            taken_off = in_place::begin(&mut main, &members)?;
        }
        let types = match self.types.take() {
            Some(types) => types,
            None => Arc::new(TypeCatalogue::load(&mut main)?),
        };
        let single_writer = self.options.writers <= 1;
        let loads = Arc::new(Loads::new(&mut main, &members, &types, single_writer, &self.broken)?);
        drop(main);
        self.unit = Some(Unit { members, types, loads, taken_off, names });
        Ok(())
    }

    /// The main session takes what is loaded in place; others load what is staged.
    fn open_writers(&mut self) -> Result<Vec<Box<dyn Writer>>> {
        let loads = Arc::clone(&self.unit()?.loads);
        let mut writers: Vec<Box<dyn Writer>> = Vec::new();
        let in_place = loads.any_at(Place::Final);
        if in_place {
            let main = self.sessions.share_main();
            writers.push(Box::new(PostgresWriter::new(main, Place::Final, Arc::clone(&loads))));
        }
        if loads.any_at(Place::Staged) || !in_place {
            let others = self.options.writers.saturating_sub(writers.len());
            for session in self.sessions.others(others)? {
                writers.push(Box::new(PostgresWriter::new(Arc::clone(session), Place::Staged, Arc::clone(&loads))));
            }
        }
        Ok(writers)
    }

    fn complete_unit(&mut self) -> Result<Vec<String>> {
        let (cancel, policy, count) = (self.sessions.cancel(), self.options.foreign_keys, self.options.writers.max(1));
        let mut unit = self.unit.take().ok_or_else(|| Error::new(ErrorKind::Internal, "no group is being replaced"))?;
        let mut warnings = Vec::new();
        if unit.members.at(Place::Staged).next().is_some() {
            let loads = Arc::clone(&unit.loads);
            let others = self.sessions.others(count)?;
            let (jobs, left_out) = build::index_jobs(&unit.members, &mut unit.names, |source| loads.weight(source));
            warnings.extend(left_out);
            run_all(others, jobs, &cancel)?;
            run_all(others, build::constraint_jobs(&unit.members, |source| loads.weight(source)), &cancel)?;
            for jobs in [build::late_check_jobs(&unit.members), build::attach_index_jobs(&unit.members)] {
                // There is always one.
                run_all(&others[..1], jobs, &cancel)?;
            }
            warnings.extend(add_inner_keys(others, &switch::inner_keys(&unit.members), policy, &cancel)?);
            run_all(others, analyze_jobs(&unit.members, &loads), &cancel)?;
        }
        // Those that have an end in what the switch still changes wait for it.
        let ends = |key: &SavedKey| [key.child.clone(), key.parent.clone()];
        let moving = unit.members.changed_by_the_switch();
        let mut main = self.sessions.main();
        unit.taken_off.build_indexes(&mut main)?;
        warnings.extend(
            unit.taken_off.restore_keys(&mut main, policy, |key| ends(key).iter().all(|end| !moving.contains(end)))?,
        );
        drop(main);
        self.unit = Some(unit);
        Ok(warnings)
    }

    fn commit_unit(&mut self) -> Result<()> {
        self.sessions.cancel().check()?;
        let mut unit = self.unit.take().ok_or_else(|| Error::new(ErrorKind::Internal, "no group is being replaced"))?;
        let mut main = self.sessions.main();
        if !self.in_transaction {
            self.in_transaction = true;
            main.run("cannot begin a transaction", "BEGIN")?;
        }
        let (members, options) = (&unit.members, &self.options);
        let existing = self.existing.get_or_insert_default();
        self.warnings.extend(switch::switch(&mut main, members, &mut self.staging, existing, options)?);
        self.warnings.extend(unit.taken_off.restore_keys(&mut main, options.foreign_keys, |_| true)?);
        counters::set(&mut main, members)?;
        unit.taken_off.put_back(&mut main)?;
        self.warnings.extend(large::complete(&mut main, members, existing, options)?);
        self.warnings.extend(objects::give_away(&mut main, members, existing, options)?);
        let transaction = number_of_transaction(&mut main)?;
        let ended = main.run("the group cannot be committed", "COMMIT");
        drop(main);
        match ended {
            // The server may have done it and not been heard.
            Err(error) if error.kind() == ErrorKind::Connect => self.learn_outcome(transaction, error)?,
            ended => ended?,
        }
        self.in_transaction = false;
        self.committed = true;
        self.staging.forget();
        let in_place = unit.members.at(Place::Final).filter(|member| member.loads());
        self.analyze.extend(in_place.map(|member| PostgresSyntax.qualified(&member.plan.target)));
        Ok(())
    }

    fn finish_all(&mut self, objects: &[NativeObject]) -> Result<Vec<String>> {
        if self.unit.is_some() {
            return Err(Error::new(ErrorKind::Internal, "the last group was not committed"));
        }
        let mut main = self.sessions.main();
        let mut existing = match self.existing.take() {
            Some(existing) => existing,
            None if objects.is_empty() => Existing::default(),
            None => what_exists(&mut main)?.0,
        };
        if let Some(created) = self.created.take() {
            self.warnings.extend(created.keep(&mut main)?);
        }
        self.warnings.extend(create_after(&mut main, &mut existing, objects, &self.options)?);
        drop(main);
        let cancel = self.sessions.cancel();
        let jobs: Vec<Job> = std::mem::take(&mut self.analyze).into_iter().map(analyze).collect();
        if !jobs.is_empty() {
            let count = self.options.writers.max(1);
            run_all(self.sessions.others(count)?, jobs, &cancel)?;
        }
        Ok(std::mem::take(&mut self.warnings))
    }
}

/// The objects of the target, and its types.
fn what_exists(session: &mut Session) -> Result<(Existing, Arc<TypeCatalogue>)> {
    let types = Arc::new(TypeCatalogue::load(session)?);
    Ok((Existing::read(session, &types)?, types))
}

/// Statistics of what was loaded, which move with the tables.
fn analyze_jobs(members: &Members, loads: &Loads) -> Vec<Job> {
    let loaded = members.at(Place::Staged).filter(|member| member.loads());
    loaded
        .map(|member| Job {
            weight: loads.weight(&member.source.name),
            ..analyze(PostgresSyntax.qualified(&member.current))
        })
        .collect()
}

fn analyze(table: String) -> Job {
    let statements = vec![format!("ANALYZE {table}")];
    Job { doing: "cannot gather statistics", collection: table, weight: 0, statements }
}

/// Adds foreign keys between staged tables, which takes no time, and validates them on all sessions at once.
fn add_inner_keys(
    sessions: &[sessions::Shared],
    keys: &[NewKey],
    policy: ForeignKeyPolicy,
    cancel: &dbferry_dialect::Cancel,
) -> Result<Vec<String>> {
    let Some(first) = sessions.first() else { return Ok(Vec::new()) };
    for key in keys {
        key.add(&mut lock(first))?;
    }
    let outcomes = sessions::map_all(sessions, keys, cancel, |session, key| match key.validate(session) {
        Ok(()) => Ok(None),
        Err(error) if is_violation(&error) => key.judge(session, error, policy).map(Some),
        Err(error) => Err(error),
    })?;
    Ok(outcomes.into_iter().flatten().collect())
}

impl Replacer for PostgresReplacer {
    fn prepare(&mut self, objects: &[NativeObject]) -> Result<Vec<String>> {
        self.step(|replacer| {
            let mut warnings = std::mem::take(&mut replacer.warnings);
            if objects.is_empty() {
                return Ok(warnings);
            }
            let mut main = replacer.sessions.main();
            let (mut existing, types) = what_exists(&mut main)?;
            let created = replacer.created.get_or_insert_default();
            warnings.extend(create_before(&mut main, &mut existing, objects, &replacer.options, created)?);
            replacer.existing = Some(existing);
            replacer.types = created.is_empty().then_some(types);
            Ok(warnings)
        })
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

    /// What is staged is committed. Building an index lets others read; adding a key waits for those who do, part by part.
    fn readable(&self) -> Readable {
        let in_place = |unit: &Unit| unit.members.at(Place::Final).any(unit::Member::loads);
        match &self.unit {
            Some(unit) if !in_place(unit) => Readable::AfterLoading,
            _ => Readable::AfterCompleting,
        }
    }

    fn readers(&mut self, count: usize) -> Result<Vec<Box<dyn Reader>>> {
        self.step(|replacer| {
            let unit = replacer.unit()?;
            let names = Arc::new(readers::Names::new(&unit.members));
            let (types, main) = (Arc::clone(&unit.types), replacer.sessions.share_main());
            // Rows in place are seen by the main session only, so that more readers would wait for it.
            let count = if names.any_staged() { count } else { 1 };
            let sessions = replacer.sessions.readers(count)?;
            let reader = |session| ProofReader::new(Arc::clone(session), Arc::clone(&main), &types, &names);
            Ok(sessions.iter().map(|session| Box::new(reader(session)) as Box<dyn Reader>).collect())
        })
    }

    fn chunks(&mut self, collection: &Collection, target_bytes: u64) -> Result<Vec<Chunk>> {
        self.step(|replacer| {
            let unit = replacer.unit()?;
            let mut members = unit.members.iter();
            let member = members.find(|member| member.plan.target == collection.name);
            let current = member.map_or(&collection.name, |member| &member.current);
            let relation = PostgresSyntax.qualified(current);
            crate::chunk::chunks(&mut replacer.sessions.main(), collection, &relation, target_bytes)
        })
    }

    fn commit(&mut self) -> Result<()> {
        self.step(Self::commit_unit)
    }

    fn finish(mut self: Box<Self>, objects: &[NativeObject]) -> Result<Vec<String>> {
        self.step(|replacer| replacer.finish_all(objects))
    }
}

impl Drop for PostgresReplacer {
    fn drop(&mut self) {
        self.clean_up();
    }
}

#[cfg(test)]
mod tests;
