//! Restore: an archive into a database, group by group.
//!
//! ```text
//! archive opened, bytes checked -> target's catalogue -> plan; anything incompatible ends it here, nothing touched
//!   -> safety backup, if wanted -> for each unit of linked groups:
//!        begin -> load row groups, counting and hashing -> indexes, counters, foreign keys -> read again, hash -> switch
//! ```
//!
//! A unit is replaced whole or left as it was. What it is not: it builds no SQL and knows no dialect.

mod load;
mod name;
mod plan;
mod prepare;
mod shape;
mod unit;

pub(crate) use name::target_name;
pub use plan::{LeavingEdge, PlannedCollection, PlannedUnit, RestorePlan};
pub use prepare::plan;
pub use shape::{PlannedColumn, Verdict};

use crate::archive::{Archive, CollectionEntry};
use crate::config::RestoreConfig;
use crate::dump::{DumpOptions, GroupBy, dump};
use crate::endpoint::Endpoint;
use crate::group::{Assignment, Selection};
use crate::progress::{Event, Progress, RowCount, Silent};
use crate::resources::Resources;
use crate::verify::work;
use dbferry_dialect::model::Stage;
use dbferry_dialect::{
    Cancel, CollectionAction, CollectionName, Error, ErrorKind, ForeignKeyPolicy, Purpose, ReplaceOptions, Result,
};
use prepare::{Prepared, prepare};
use rayon::prelude::*;
use serde::Serialize;
use std::path::PathBuf;
use std::time::Instant;

/// How to restore.
#[derive(Clone, Debug)]
pub struct RestoreOptions {
    /// Threads and memory.
    pub resources: Resources,
    /// Which groups and collections; all that the archive has by default.
    pub selection: Selection,
    /// What happens to collections that exist: a table's own mode before its group's before the run's.
    pub modes: RestoreConfig,
    /// Whether a collection of another shape is dropped and created anew instead of refused; false by default.
    pub recreate: bool,
    /// Whether SQL text of the archive may be run (definitions, triggers, views); true by default.
    pub trusted: bool,
    /// What happens when foreign keys do not hold after loading.
    pub foreign_keys: ForeignKeyPolicy,
    /// Whether what is created gets the owner that it had in the source, where the dialect has owners and the archive is
    /// trusted; false by default.
    pub owners: bool,
    /// Whether what is created gets the privileges that were granted on it in the source, under the same conditions; false by
    /// default.
    pub privileges: bool,
    /// Where to dump the collections whose rows are about to change, before they do.
    pub safety_backup: Option<PathBuf>,
    /// Cancels the restore.
    pub cancel: Cancel,
}

impl Default for RestoreOptions {
    fn default() -> Self {
        Self {
            resources: Resources::default(),
            selection: Selection::default(),
            modes: RestoreConfig::default(),
            recreate: false,
            trusted: true,
            foreign_keys: ForeignKeyPolicy::default(),
            owners: false,
            privileges: false,
            safety_backup: None,
            cancel: Cancel::new(),
        }
    }
}

/// What a restore did.
#[derive(Clone, Debug, Serialize)]
pub struct RestoreReport {
    /// The archive's id.
    pub archive: String,
    /// One line a unit of groups, in order. A restore that fails ends at the first failure, which is then the last line.
    pub units: Vec<RestoredUnit>,
    /// Rows loaded and proven.
    pub rows: u64,
    /// What was chosen so, or does no harm.
    pub notes: Vec<String>,
    /// What was left out of the selection or changed, and what could not be proven.
    pub warnings: Vec<String>,
    /// The safety backup, if one was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub safety_backup: Option<PathBuf>,
    /// How long it took, in seconds.
    pub seconds: f64,
}

/// What became of one unit of groups.
#[derive(Clone, Debug, Serialize)]
pub struct RestoredUnit {
    /// The groups.
    pub groups: Vec<String>,
    /// Its collections with their rows, as proven by reading them again.
    pub collections: Vec<RestoredCollection>,
}

/// What became of one collection.
#[derive(Clone, Debug, Serialize)]
pub struct RestoredCollection {
    /// Its name in the target.
    pub collection: CollectionName,
    /// What was done.
    pub action: CollectionAction,
    /// Rows loaded.
    pub rows: u64,
    /// What proves them.
    pub proof: Proof,
}

/// What proves that a collection's rows arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Proof {
    /// Every row was read again from the target, counted and hashed.
    Hash,
    /// As `hash`, without the generated columns: the target computes them to other values than the source had.
    HashWithoutGenerated,
    /// The rows that were written were counted (they were added to others, or the target is of another dialect).
    Count,
    /// No rows were loaded.
    Nothing,
}

/// Restores `archive` into `target`.
///
/// # Errors
/// [`ErrorKind::Incompatible`] with every problem of the plan, before anything is touched; whatever fails later leaves the
/// unit that it failed in as it was, and the error says which units were replaced before it.
pub fn restore(
    archive: &Archive,
    target: &Endpoint<'_>,
    options: &RestoreOptions,
    progress: &dyn Progress,
) -> Result<RestoreReport> {
    let started = Instant::now();
    progress.event(Event::Phase { name: "plan", group: None });
    let prepared = {
        let mut database = target.open(Purpose::Plan, &options.cancel)?;
        prepare(archive, target.dialect, &mut *database, options).map_err(|error| target.name(error))?
    };
    refuse_problems(&prepared.plan)?;
    progress.event(planned(&prepared));
    check_bytes(archive, &prepared, options, progress)?;
    let safety_backup = safety_backup(&prepared, target, options, progress)?;
    let mut report = RestoreReport {
        archive: archive.manifest().id.clone(),
        units: Vec::new(),
        rows: 0,
        notes: prepared.plan.all_notes(),
        warnings: prepared.plan.all_warnings(),
        safety_backup,
        seconds: 0.0,
    };
    run(archive, target, prepared, options, progress, &mut report).map_err(|error| {
        let error = target.name(error);
        let done: Vec<&str> = report.units.iter().flat_map(|unit| &unit.groups).map(String::as_str).collect();
        match done.is_empty() {
            true => error,
            false if is_absent(target) => error.with("left behind", "nothing: the database was not made"),
            false => error.with("groups finished before", done.join(", ")),
        }
    })?;
    report.warnings.extend(unproven(&report.units));
    report.rows = report.units.iter().flat_map(|unit| &unit.collections).map(|collection| collection.rows).sum();
    report.seconds = started.elapsed().as_secs_f64();
    Ok(report)
}

/// What says that rows could only be counted. Whoever adds rows to others has chosen that; nobody else has.
fn unproven(units: &[RestoredUnit]) -> Option<String> {
    let counted = units.iter().flat_map(|unit| &unit.collections);
    let counted: Vec<String> = counted
        .filter(|line| line.proof == Proof::Count && line.action != CollectionAction::Append)
        .map(|line| line.collection.to_string())
        .collect();
    let list = || format!("the rows were counted, but could not be compared by their hash: {}", counted.join(", "));
    (!counted.is_empty()).then(list)
}

fn planned(prepared: &Prepared<'_>) -> Event<'static> {
    let loaded = || {
        let entry = |planned: &PlannedCollection| prepared.entries.get(&planned.collection).copied();
        prepared.plan.collections().filter_map(move |planned| Some((entry(planned)?, planned.action)))
    };
    let proven = || {
        let provable = |action| load::is_provable(prepared.plan.is_same_dialect(), action);
        loaded().filter(move |(_, action)| provable(*action)).map(|(entry, _)| entry)
    };
    let each = loaded().flat_map(|(entry, _)| [work::check(entry), work::load(entry), work::complete(entry)]);
    Event::Planned {
        collections: prepared.entries.len(),
        rows: RowCount::Exactly(work::sum(loaded().map(|(entry, _)| entry.rows))),
        again: work::sum(proven().map(|entry| entry.rows)),
        work: work::sum(each.chain(proven().map(work::reread))),
    }
}

/// Whether there is no such database after a failed restore: it was to be created, and nothing of it stays.
fn is_absent(target: &Endpoint<'_>) -> bool {
    // The restore may have been cancelled; this question is not.
    target.dialect.capabilities().creates_database && target.open(Purpose::Read, &Cancel::new()).is_err()
}

fn refuse_problems(plan: &RestorePlan) -> Result<()> {
    let problems = plan.problems();
    if problems.is_empty() {
        return Ok(());
    }
    let count = match problems.len() {
        1 => "1 problem".to_owned(),
        count => format!("{count} problems"),
    };
    let list = problems.iter().map(|problem| format!("\n  - {problem}")).collect::<String>();
    Err(Error::new(
        ErrorKind::Incompatible,
        format!("the target cannot take the archive as it is; {count}, nothing was changed:{list}"),
    )
    .hint("see all verdicts with `dbferry plan`; --recreate drops and creates anew a table of another shape"))
}

/// Checks the bytes of every file that will be read, before anything is written.
fn check_bytes(
    archive: &Archive,
    prepared: &Prepared<'_>,
    options: &RestoreOptions,
    progress: &dyn Progress,
) -> Result<()> {
    progress.event(Event::Phase { name: "check", group: None });
    let entries: Vec<_> = prepared.entries.values().copied().collect();
    let check = |entry: &&CollectionEntry| {
        archive.check_bytes(entry, &options.cancel, &mut |amount| progress.event(Event::Work { amount }))
    };
    Resources::pool(options.resources.jobs)?.install(|| entries.par_iter().try_for_each(check))
}

fn safety_backup(
    prepared: &Prepared<'_>,
    target: &Endpoint<'_>,
    options: &RestoreOptions,
    progress: &dyn Progress,
) -> Result<Option<PathBuf>> {
    let changes = [CollectionAction::Replace, CollectionAction::Recreate, CollectionAction::Append].map(Some);
    let changed = prepared.plan.collections().filter(|collection| changes.contains(&collection.action));
    let assignments: Vec<Assignment> = changed
        .map(|collection| Assignment {
            collection: collection.target.clone(),
            group: collection.group.clone(),
            rule: "about to be changed by a restore".into(),
            part_of: None,
        })
        .collect();
    let Some(path) = options.safety_backup.clone().filter(|_| !assignments.is_empty()) else { return Ok(None) };
    progress.event(Event::Phase { name: "safety backup", group: None });
    let dump_options = DumpOptions {
        resources: options.resources,
        group_by: GroupBy::Fixed(assignments),
        description: Some(format!("safety backup before restoring {}", prepared.plan.archive)),
        cancel: options.cancel.clone(),
        ..DumpOptions::default()
    };
    dump(target, &path, &dump_options, &Silent)?;
    Ok(Some(path))
}

fn run(
    archive: &Archive,
    target: &Endpoint<'_>,
    prepared: Prepared<'_>,
    options: &RestoreOptions,
    progress: &dyn Progress,
    report: &mut RestoreReport,
) -> Result<()> {
    let same_dialect = prepared.plan.is_same_dialect();
    let mut database = target.open(Purpose::Write, &options.cancel)?;
    let mut replace_options = ReplaceOptions::new(options.resources.jobs);
    replace_options.foreign_keys = options.foreign_keys;
    replace_options.owners = options.owners && same_dialect && options.trusted;
    replace_options.privileges = options.privileges && same_dialect && options.trusted;
    if same_dialect {
        replace_options.attributes.clone_from(&archive.manifest().attributes);
    }
    let mut replacer = database.replacer(&replace_options)?;
    let Prepared { plan, groups, entries, objects } = prepared;
    let (before, after): (Vec<_>, Vec<_>) = objects.into_iter().partition(|object| object.stage == Stage::Before);
    report.warnings.extend(replacer.prepare(&before)?);
    for (group, planned) in groups.into_iter().zip(plan.units) {
        options.cancel.check()?;
        let name = group.group.clone();
        let work = load::Load { archive, entries: &entries, same_dialect, options, progress, group: &name };
        let result = load::replace(&work, &mut *replacer, group, &mut report.warnings);
        progress.event(Event::GroupFinished { group: &name, replaced: result.is_ok() });
        let collections = result.map_err(|error| error.with("group", &name))?;
        report.units.push(RestoredUnit { groups: planned.groups, collections });
    }
    report.warnings.extend(replacer.finish(&after)?);
    Ok(())
}
