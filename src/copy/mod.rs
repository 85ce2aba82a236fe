//! Copy: a database into another one, of any dialect, without files between.
//!
//! ```text
//! source: snapshot with n readers -> catalogue, groups      target: catalogue
//!   -> plan, as a restore's -> chunks -> for each unit of linked groups:
//!        begin -> n lanes: read a chunk, hash its rows, write them -> indexes, counters, foreign keys
//!        -> read again from the target, hash -> switch
//! ```
//!
//! It is a restore whose rows come from a snapshot instead of an archive: same plan, same modes, same proof. One snapshot is
//! held from the first row to the last, over all units. What it is not: a dump with a restore after it; nothing is kept.

mod rows;

use crate::dump::{GroupBy, check_conditions, grouping};
use crate::endpoint::Endpoint;
use crate::group::{self, Grouping, SelectFor, UnmatchedRule};
use crate::progress::{Event, Progress, RowCount};
use crate::restore::{Offered, RestoreOptions, RestorePlan, RestoreReport, Supply, plan_from, restore_from};
use dbferry_dialect::{
    Collection, CollectionName, Consistency, DatabaseInfo, Error, ErrorKind, Purpose, Result, Schema, SnapshotOptions,
};
use rows::SnapshotRows;
use std::collections::{BTreeMap, BTreeSet};

/// How to copy.
#[derive(Clone, Debug)]
pub struct CopyOptions {
    /// How rows are put into the target, and what may be used for it. Its selection chooses what is read; `skipped` is never
    /// copied.
    pub restore: RestoreOptions,
    /// Which collections belong to which group.
    pub group_by: GroupBy,
    /// Conditions in the source's own SQL, by the collection's full name.
    pub predicates: BTreeMap<String, String>,
    /// Whether anything weaker than one proven snapshot is refused; true by default.
    pub consistent: bool,
}

impl Default for CopyOptions {
    fn default() -> Self {
        Self {
            restore: RestoreOptions::default(),
            group_by: GroupBy::default(),
            predicates: BTreeMap::new(),
            consistent: true,
        }
    }
}

/// About how much of a table one chunk is, in bytes: as much as fills a row group of a dump by default.
const CHUNK_BYTES: usize = 24 << 20;

/// Copies `source` into `target`.
///
/// # Errors
/// [`ErrorKind::Usage`] when both are the same database, [`ErrorKind::Incompatible`] with every problem of the plan, before
/// anything is touched; whatever fails later, on either side, leaves the unit that it failed in as it was, and the error
/// says which units were replaced before it.
pub fn copy(
    source: &Endpoint<'_>,
    target: &Endpoint<'_>,
    options: &CopyOptions,
    progress: &dyn Progress,
) -> Result<RestoreReport> {
    refuse_same(source, target)?;
    progress.event(Event::Phase { name: "snapshot", group: None });
    let held = Held::open(source, options, options.restore.resources.jobs)?;
    for message in held.unmatched() {
        progress.event(Event::Warning { message: &message });
    }
    restore_from(&held.supply(source, options), target, &options.restore, progress)
}

/// Plans to copy `source` into `target`; both are only looked at.
///
/// # Errors
/// When one of them cannot be read, both are the same, or the options name what the source has not. Differences are in the
/// plan.
pub fn plan(source: &Endpoint<'_>, target: &Endpoint<'_>, options: &CopyOptions) -> Result<RestorePlan> {
    refuse_same(source, target)?;
    let held = Held::open(source, options, 1)?;
    let mut supply = held.supply(source, options);
    supply.notes.extend(held.unmatched());
    plan_from(&supply, target, &options.restore)
}

/// A table is emptied before it is loaded: nobody would find the rows any more that are to be copied.
fn refuse_same(source: &Endpoint<'_>, target: &Endpoint<'_>) -> Result<()> {
    if source.is_same_database(target) {
        let message = format!("{source} is the source and the target");
        return Err(Error::new(ErrorKind::Usage, message).hint("copy into another database"));
    }
    Ok(())
}

/// A source that is held still.
struct Held {
    info: DatabaseInfo,
    consistency: Consistency,
    schema: Schema,
    grouping: Grouping,
    /// What takes part.
    chosen: BTreeSet<CollectionName>,
    rows: SnapshotRows,
}

impl Held {
    fn open(source: &Endpoint<'_>, options: &CopyOptions, readers: usize) -> Result<Self> {
        Self::open_unnamed(source, options, readers).map_err(|error| source.name(error))
    }

    fn open_unnamed(source: &Endpoint<'_>, options: &CopyOptions, readers: usize) -> Result<Self> {
        let RestoreOptions { cancel, selection, resources, .. } = &options.restore;
        let mut database = source.open(Purpose::Read, cancel)?;
        let mut snapshot_options = SnapshotOptions::new(readers);
        snapshot_options.consistent = options.consistent;
        let mut snapshot = database.snapshot(&snapshot_options)?;
        let schema = snapshot.schema()?;
        let grouping = grouping(&mut *database, &schema, &options.group_by)?;
        let chosen = group::select(&grouping.assignments, selection, SelectFor::Dump)?;
        let chosen: BTreeSet<CollectionName> =
            chosen.into_iter().map(|index| grouping.assignments[index].collection.clone()).collect();
        check_conditions(&options.predicates, chosen.iter())?;
        let (info, consistency) = (database.info().clone(), snapshot.consistency().clone());
        let chunk_bytes = resources.row_group_bytes(CHUNK_BYTES);
        let rows = SnapshotRows::new(database, snapshot, chunk_bytes as u64);
        Ok(Self { info, consistency, schema, grouping, chosen, rows })
    }

    /// What is said about group rules that had no effect.
    fn unmatched(&self) -> Vec<String> {
        let rules = &self.grouping.unmatched_rules;
        rules.iter().map(|UnmatchedRule { rule, reason }| format!("{rule}: {reason}")).collect()
    }

    fn supply<'a>(&'a self, source: &'a Endpoint<'a>, options: &'a CopyOptions) -> Supply<'a> {
        let by_name: BTreeMap<&CollectionName, &Collection> =
            self.schema.collections.iter().map(|collection| (&collection.name, collection)).collect();
        let offered = |assignment: &group::Assignment| {
            let collection = *by_name.get(&assignment.collection)?;
            let partial = options.predicates.get(&collection.name.to_string()).map(String::as_str);
            Some(Offered {
                collection,
                assignment: assignment.clone(),
                rows: match (collection.kind.has_rows(), partial) {
                    (false, _) => RowCount::Exactly(0),
                    (true, Some(_)) => RowCount::Unknown,
                    (true, None) => RowCount::estimated(collection.estimate.rows),
                },
                partial,
                hash: None,
            })
        };
        let collections: Vec<Offered<'a>> = self.grouping.assignments.iter().filter_map(offered).collect();
        let goes_along = |on: &Option<CollectionName>| on.as_ref().is_none_or(|name| self.chosen.contains(name));
        let not_carried = self.schema.not_carried.iter();
        Supply {
            archive: None,
            source: self.info.clone(),
            consistency: Some(self.consistency.clone()),
            purpose: SelectFor::Dump,
            objects: self.schema.objects.iter().filter(|object| goes_along(&object.on)).collect(),
            attributes: &self.schema.attributes,
            notes: Vec::new(),
            warnings: not_carried
                .map(|missing| format!("not carried: {} {}: {}", missing.kind, missing.name, missing.reason))
                .collect(),
            syntax: Some(source.dialect.syntax()),
            rows: Box::new(self.rows.of(source, &collections)),
            collections,
        }
    }
}
