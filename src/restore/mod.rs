//! Restore: an archive into a database, group by group.
//!
//! ```text
//! archive opened, bytes checked -> target's catalogue -> plan; anything incompatible ends it here, nothing touched
//!   -> safety backup, if wanted -> for each unit of linked groups:
//!        begin -> load row groups, counting and hashing -> indexes, counters, foreign keys -> read again, hash -> switch
//! ```
//!
//! A unit is replaced whole or left as it was. Where the rows come from is a `Supply`, so that a copy from one database to
//! another goes the same way without files. What it is not: it builds no SQL and knows no dialect.

mod early;
mod lines;
mod load;
mod plan;
mod prepare;
mod prove;
mod shape;
mod supply;
mod unit;

pub use plan::{LeavingEdge, PlannedCollection, PlannedUnit, RestorePlan};
pub use prepare::plan;
pub(crate) use prepare::plan_from;
pub use shape::{ExplainedType, PlannedColumn, Verdict};
pub(crate) use supply::{Division, Measure, Offered, RowSupply, Supply};

use crate::archive::{Archive, PLACE, SAFETY_RULE};
use crate::config::RestoreConfig;
use crate::dump::{DumpOptions, GroupBy, dump};
use crate::endpoint::Endpoint;
use crate::group::{Assignment, Selection};
use crate::progress::{Event, Progress, RowCount, Silent};
use crate::resources::Resources;
use crate::translate::{AcceptLossy, CountedMisfits, TypeRule};
use crate::verify::work;
use dbferry_dialect::model::Stage;
use dbferry_dialect::{
    Cancel, CollectionAction, CollectionName, Consistency, ForeignKeyPolicy, Purpose, ReplaceOptions, Result,
};
use prepare::{Loading, Prepared, prepare};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

/// How to restore.
#[derive(Clone, Debug)]
pub struct RestoreOptions {
    /// Threads and memory.
    pub resources: Resources,
    /// Which groups and collections; all that the source has by default.
    pub selection: Selection,
    /// What happens to collections that exist: a table's own mode before its group's before the run's.
    pub modes: RestoreConfig,
    /// Whether a collection of another shape is dropped and created anew instead of refused; false by default.
    pub recreate: bool,
    /// Whether SQL text of the source may be run (definitions, triggers, views); true by default.
    pub trusted: bool,
    /// What happens when foreign keys do not hold after loading.
    pub foreign_keys: ForeignKeyPolicy,
    /// Whether what is created gets the owner that it had in the source, where the dialect has owners and the source is
    /// trusted; false by default.
    pub owners: bool,
    /// Whether what is created gets the privileges that were granted on it in the source, under the same conditions; false by
    /// default.
    pub privileges: bool,
    /// Whether scheduled events that were enabled in the source run in the target; they are made disabled by default.
    pub enable_events: bool,
    /// What the user says of types, in order; the first rule that matches a column decides.
    pub types: Vec<TypeRule>,
    /// Which losses of another dialect's types are accepted; none by default, and a column that would lose something is then a
    /// problem of the plan.
    pub accept_lossy: AcceptLossy,
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
            enable_events: false,
            types: Vec::new(),
            accept_lossy: AcceptLossy::default(),
            safety_backup: None,
            cancel: Cancel::new(),
        }
    }
}

/// What a restore did.
#[derive(Clone, Debug, Serialize)]
pub struct RestoreReport {
    /// The archive's id; absent when rows came from a database.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub archive: Option<String>,
    /// How one view of the source was held while it was read, when rows came from a database.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consistency: Option<Consistency>,
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
    /// Values that did not fit, and what became of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub misfits: Vec<CountedMisfits>,
    /// The condition that rows had to meet, if only some of them were restored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partial: Option<String>,
}

/// What proves that a collection's rows arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Proof {
    /// Every row was read again from the target, counted and hashed: in another dialect too, through the source's types.
    Hash,
    /// As `hash`, without the generated columns: the target computes them to other values than the source had.
    HashWithoutGenerated,
    /// As `hash`, without the columns that a target of another dialect cannot give as the source's types.
    HashWithoutUnreadable,
    /// The rows that were written were counted (they were added to others, or the target gives nothing of them as the
    /// source's types).
    Count,
    /// No rows were loaded.
    Nothing,
}

/// Restores `archive` into `target`.
///
/// # Errors
/// [`ErrorKind::Incompatible`](dbferry_dialect::ErrorKind::Incompatible) with every problem of the plan, before anything is
/// touched; whatever fails later leaves the unit that it failed in as it was, and the error says which units were replaced
/// before it.
pub fn restore(
    archive: &Archive,
    target: &Endpoint<'_>,
    options: &RestoreOptions,
    progress: &dyn Progress,
) -> Result<RestoreReport> {
    restore_from(&Supply::of_archive(archive), target, options, progress)
}

/// Restores what `supply` offers.
///
/// # Errors
/// Those of [`restore`].
pub(crate) fn restore_from<'a>(
    supply: &'a Supply<'a>,
    target: &'a Endpoint<'_>,
    options: &RestoreOptions,
    progress: &dyn Progress,
) -> Result<RestoreReport> {
    let started = Instant::now();
    progress.event(Event::Phase { name: "plan", group: None });
    let mut recovered = Vec::new();
    let mut prepared = {
        let mut database = target.open(Purpose::Plan, &options.cancel)?;
        // What is there is planned for, so whatever is half done is ended first.
        recovered.extend(database.recover().map_err(|error| target.name(error))?);
        prepare(supply, target.dialect, &mut *database, options).map_err(|error| target.name(error))?
    };
    prepared.plan.refuse_problems()?;
    let loads = prepared.divide(supply)?;
    progress.event(planned(&prepared, &loads));
    supply.rows.check(&loads.values().map(|loading| loading.place).collect::<Vec<_>>(), options, progress)?;
    let safety_backup = safety_backup(&prepared, target, options, progress)?;
    let mut report = RestoreReport {
        archive: supply.archive.clone(),
        consistency: supply.consistency.clone(),
        units: Vec::new(),
        rows: 0,
        notes: recovered.into_iter().chain(prepared.plan.all_notes()).collect(),
        warnings: prepared.plan.all_warnings(),
        safety_backup,
        seconds: 0.0,
    };
    run(supply, &loads, target, prepared, options, progress, &mut report).map_err(|error| {
        let error = target.name(error);
        let done: Vec<&str> = report.units.iter().flat_map(|unit| &unit.groups).map(String::as_str).collect();
        match done.is_empty() {
            true => error,
            false if is_absent(target) => error.with("left behind", "nothing: the database was not made"),
            false => error.with("groups finished before", done.join(", ")),
        }
    })?;
    report.warnings.extend(unproven(&report.units));
    report.warnings = lines::grouped(std::mem::take(&mut report.warnings));
    report.notes = lines::grouped(std::mem::take(&mut report.notes));
    report.rows = report.units.iter().flat_map(|unit| &unit.collections).map(|collection| collection.rows).sum();
    report.seconds = started.elapsed().as_secs_f64();
    Ok(report)
}

/// Undoes or finishes what a restore that was interrupted has left in `target`. Every restore does it first; this does nothing
/// else. Returns what was done, in words; nothing when there was nothing to do.
///
/// # Errors
/// [`ErrorKind::Busy`](dbferry_dialect::ErrorKind::Busy) when a restore into it is under way; otherwise what the database
/// says.
pub fn recover(target: &Endpoint<'_>, cancel: &Cancel) -> Result<Vec<String>> {
    // Nothing is written unless there is something to end, so a database that is not there is not created for it.
    target.open(Purpose::Plan, cancel)?.recover().map_err(|error| target.name(error))
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

fn planned(prepared: &Prepared<'_>, loads: &BTreeMap<CollectionName, Loading<'_>>) -> Event<'static> {
    let loaded = || {
        let loading = |planned: &PlannedCollection| loads.get(&planned.collection);
        prepared.plan.collections().filter_map(move |planned| Some((loading(planned)?, planned.action)))
    };
    let proven = || loaded().filter(|(_, action)| load::is_provable(*action)).map(|(loading, _)| loading);
    let each = loaded().flat_map(|(loading, _)| {
        let Division { amount, check, .. } = loading.division;
        [check, work::load(amount), work::complete(amount, loading.offered.collection)]
    });
    Event::Planned {
        collections: loads.len(),
        rows: loaded().map(|(loading, _)| loading.offered.rows).sum::<RowCount>(),
        again: work::sum(proven().filter_map(|loading| loading.offered.rows.number())),
        work: work::sum(each.chain(proven().map(|loading| work::reread(loading.division.amount)))),
    }
}

/// Whether there is no such database after a failed restore: it was to be created, and nothing of it stays.
fn is_absent(target: &Endpoint<'_>) -> bool {
    // The restore may have been cancelled; this question is not.
    target.dialect.capabilities().creates_database && target.open(Purpose::Read, &Cancel::new()).is_err()
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
            rule: SAFETY_RULE.into(),
            part_of: None,
        })
        .collect();
    let Some(path) = options.safety_backup.clone().filter(|_| !assignments.is_empty()) else { return Ok(None) };
    progress.event(Event::Phase { name: "safety backup", group: None });
    let plan = &prepared.plan;
    let why = match &plan.archive {
        Some(archive) => format!("restoring {archive}"),
        None => format!("copying from {} {}", plan.source.product, plan.source.database),
    };
    let dump_options = DumpOptions {
        resources: options.resources,
        group_by: GroupBy::Fixed(assignments),
        description: Some(format!("safety backup before {why}")),
        cancel: options.cancel.clone(),
        ..DumpOptions::default()
    };
    dump(target, &path, &dump_options, &Silent)?;
    Ok(Some(path))
}

fn run<'a>(
    supply: &'a Supply<'a>,
    loads: &BTreeMap<CollectionName, Loading<'a>>,
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
    replace_options.enable_events = options.enable_events;
    if same_dialect {
        replace_options.attributes.clone_from(supply.attributes);
        // It is a fact of the archive, not of the database.
        replace_options.attributes.remove(PLACE);
    }
    let mut replacer = database.replacer(&replace_options)?;
    let Prepared { plan, groups, objects, .. } = prepared;
    let (before, after): (Vec<_>, Vec<_>) = objects.into_iter().partition(|object| object.stage == Stage::Before);
    report.warnings.extend(replacer.prepare(&before)?);
    let count = groups.len();
    for (number, (group, planned)) in (1..).zip(groups.into_iter().zip(plan.units)) {
        options.cancel.check()?;
        let (name, last) = (group.group.clone(), number == count);
        let work = load::Load { supply, loads, same_dialect, options, progress, group: &name, last };
        let result = load::replace(&work, &mut *replacer, group, &mut report.warnings);
        progress.event(Event::GroupFinished { group: &name, replaced: result.is_ok() });
        let collections = result.map_err(|error| error.with("group", &name))?;
        report.units.push(RestoredUnit { groups: planned.groups, collections });
    }
    // Where there was no unit at all, the source is still held.
    supply.rows.finish()?;
    report.warnings.extend(replacer.finish(&after)?);
    Ok(())
}
