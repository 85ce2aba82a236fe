//! Proves a loaded unit before its switch: every row is read again from the target and hashed, and the hash is that of the
//! rows as they were read from the source.
//!
//! A target of another dialect is read through the source's columns, so that its values hash as the source's do. The
//! source's row numbers mean nothing there and are not compared. A column that the target's reader cannot give as the source's type
//! is left out and named; the source is then read once more without it.

use super::Proof;
use super::load::{Load, is_provable};
use super::prepare::Loading;
use crate::progress::Event;
use crate::resources::Resources;
use crate::translate::{Application, Translation};
use crate::verify::work::{self, Amount};
use crate::verify::{Gate, Projection, Rehash, Run, difference, rehash};
use dbferry_dialect::hash::{CollectionHash, RowHasher};
use dbferry_dialect::model::ColumnRole;
use dbferry_dialect::{
    Batch, Cancel, Collection, CollectionAction, CollectionName, CollectionPlan, Error, ErrorKind, Reader, Replacer,
    Result,
};
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// A collection whose rows are loaded.
pub(super) struct Member<'a> {
    pub(super) loading: &'a Loading<'a>,
    target: CollectionName,
    action: CollectionAction,
    /// The columns that are compared, and of these the ones that the target does not compute; absent where that is no
    /// other set of columns than the one before.
    pub(super) projections: [Option<Projection>; 2],
}

/// What was read of a member's rows.
#[derive(Clone, Copy, Default)]
pub(super) struct Read {
    pub(super) all: CollectionHash,
    /// As the target's columns; only where these are others than the source's.
    pub(super) translated: CollectionHash,
    /// Through each of its projections.
    pub(super) projected: [CollectionHash; 2],
}

impl Read {
    pub(super) fn rows(&self) -> u64 {
        self.all.rows
    }
}

impl<'a> Member<'a> {
    pub(super) fn new(loading: &'a Loading<'a>, planned: &CollectionPlan, same_dialect: bool) -> Self {
        let source = &loading.translation.collection;
        let computed = |name: &str| {
            let existing = planned.existing.as_ref().and_then(|existing| existing.column(name));
            // What the same dialect creates, it computes as the source does.
            same_dialect || existing.is_some_and(|(_, column)| column.generated.is_some())
        };
        let positions = |wanted: &dyn Fn(usize) -> bool| (0..source.columns.len()).filter(|at| wanted(*at)).collect();
        let compared: Vec<usize> = positions(&|at| same_dialect || source.columns[at].role == ColumnRole::Data);
        let written: Vec<usize> = positions(&|at| {
            let column = &source.columns[at];
            compared.contains(&at) && !(column.generated.is_some() && computed(&column.name))
        });
        let fewer_written = written.len() < compared.len();
        let projections = [
            Some(Projection::new(source, compared)).filter(|projection| !projection.is_whole()),
            // Without any column nothing is left to compare.
            (fewer_written && !written.is_empty()).then(|| Projection::new(source, written)),
        ];
        Self { loading, target: planned.target.clone(), action: planned.action, projections }
    }

    /// The collection as the source has it.
    pub(super) fn source(&self) -> &'a Collection {
        self.loading.offered.collection
    }

    /// How its rows become the target's; none where there is nothing to look at.
    pub(super) fn translation(&self) -> Option<&'a Translation<'a>> {
        Some(&*self.loading.translation).filter(|translation| !translation.is_identity())
    }

    /// The collection of the rows that are hashed a second time, because they are others than the source's.
    pub(super) fn rehashed(&self) -> Option<&'a Collection> {
        (!self.loading.translation.keeps_rows()).then(|| self.written())
    }

    /// The collection as the target takes it.
    fn written(&self) -> &'a Collection {
        &self.loading.translation.collection
    }

    /// A collection with its name in the target.
    fn in_target(&self, columns: &Collection) -> Collection {
        Collection { name: self.target.clone(), ..columns.clone() }
    }

    fn compared(&self) -> &Collection {
        self.projections[0].as_ref().map_or(self.written(), |projection| &projection.collection)
    }

    fn hash(&self, read: &Read) -> CollectionHash {
        match (&self.projections[0], self.rehashed()) {
            (Some(_), _) => read.projected[0],
            (None, Some(_)) => read.translated,
            (None, None) => read.all,
        }
    }

    /// Those columns only that `collection` has.
    fn projection_to(&self, collection: &Collection) -> Projection {
        let columns = &self.written().columns;
        let kept = (0..columns.len()).filter(|at| collection.column(&columns[*at].name).is_some());
        Projection::new(self.written(), kept.collect())
    }
}

/// A member that is read again, and what is known of it.
struct Doubt<'a, 'm> {
    place: usize,
    member: &'m Member<'a>,
    /// The columns that are compared, under the target's name.
    columns: Collection,
    /// Columns that cannot be read as the source's type, each with the reason.
    unreadable: Vec<String>,
    found: Option<CollectionHash>,
}

/// Everything that can be read again of a unit.
pub(super) struct Proving<'a, 'm> {
    wanted: Vec<Doubt<'a, 'm>>,
}

impl<'a, 'm> Proving<'a, 'm> {
    /// All members of whose rows something can be compared.
    pub(super) fn new(members: &'m [Member<'a>]) -> Self {
        let provable = members.iter().enumerate().filter(|(_, member)| {
            // Another dialect may have no use for any column.
            is_provable(Some(member.action)) && !member.compared().columns.is_empty()
        });
        let doubt = |(place, member): (usize, &'m Member<'a>)| Doubt {
            place,
            member,
            columns: member.in_target(member.compared()),
            unreadable: Vec::new(),
            found: None,
        };
        Self { wanted: provable.map(doubt).collect() }
    }

    /// Where a member stands among them; none where nothing of it can be read again.
    pub(super) fn place(&self, member: usize) -> Option<usize> {
        self.wanted.binary_search_by_key(&member, |doubt| doubt.place).ok()
    }

    /// How much there is to read at a place.
    pub(super) fn amount(&self, place: usize) -> Amount {
        self.wanted[place].member.loading.division.amount
    }

    /// Gets ready to read those at these places with up to `count` readers, each with its rows.
    pub(super) fn open(
        &self,
        load: &Load<'_>,
        replacer: &mut dyn Replacer,
        places: impl IntoIterator<Item = (usize, u64)>,
        count: usize,
    ) -> Result<Reread> {
        let wanted = places.into_iter().map(|(place, rows)| Wanted {
            place,
            doubt: &self.wanted[place],
            rows,
            share: work::reread(self.amount(place)),
        });
        Reread::open(load, replacer, wanted, count)
    }

    /// Gets ready to read all but those of which it is known what was `found`.
    pub(super) fn open_rest(
        &self,
        load: &Load<'_>,
        replacer: &mut dyn Replacer,
        read: &[Read],
        taken: &BTreeSet<usize>,
    ) -> Result<Reread> {
        let places = (0..self.wanted.len()).filter(|place| !taken.contains(place));
        let places = places.map(|place| (place, read[self.wanted[place].place].rows()));
        self.open(load, replacer, places, load.options.resources.jobs)
    }
}

/// What the target holds of what can be proven, by its place among it: the hash of its rows, or why they cannot be read as they
/// are wanted.
pub(super) type Found = BTreeMap<usize, Result<CollectionHash>>;

/// Compares what was `found` of a unit in the target with what was read of the source; returns the proof of each member. What
/// differs or cannot be read is looked at closer.
pub(super) fn prove(
    load: &Load<'_>,
    replacer: &mut dyn Replacer,
    members: &[Member<'_>],
    read: &[Read],
    (proving, mut read_again): (Proving<'_, '_>, Found),
    warnings: &mut Vec<String>,
) -> Result<Vec<Proof>> {
    let mut proofs = vec![Proof::Count; members.len()];
    let mut differences = Vec::new();
    let (mut computed, mut narrowed) = (Vec::new(), Vec::new());
    for (at, mut doubt) in proving.wanted.into_iter().enumerate() {
        let place = doubt.place;
        let found = read_again.remove(&at).ok_or_else(|| {
            let message = "a loaded collection was not read again";
            Error::new(ErrorKind::Internal, message).with("collection", &doubt.member.source().name)
        })?;
        match found {
            Ok(found) => match disagreement(doubt.member.hash(&read[place]), found) {
                None => proofs[place] = Proof::Hash,
                Some(difference) => match &doubt.member.projections[1] {
                    Some(written) => {
                        doubt.columns = doubt.member.in_target(&written.collection);
                        computed.push((doubt, difference));
                    }
                    None => differences.push(format!("{}: {difference}", doubt.member.source().name)),
                },
            },
            Err(error) if load.same_dialect => return Err(error),
            Err(error) => {
                doubt.leave_out(&error);
                narrowed.push(doubt);
            }
        }
    }
    // A collection that differs in computed columns only is what the source says, computed by another version of the engine.
    let (doubts, told): (Vec<_>, Vec<_>) = computed.into_iter().unzip();
    let found = if doubts.is_empty() { Vec::new() } else { hash_target(load, replacer, &doubts, read)? };
    for ((doubt, difference), found) in doubts.into_iter().zip(told).zip(found) {
        let name = &doubt.member.source().name;
        if found? == read[doubt.place].projected[1] {
            proofs[doubt.place] = Proof::HashWithoutGenerated;
            let generated = doubt.member.projections[1].as_ref().map(|written| written.generated.join(", "));
            warnings.push(format!(
                "{name}: the target computes generated columns ({}) to other values than the source had; all other \
                 columns are equal",
                generated.unwrap_or_default()
            ));
        } else {
            differences.push(format!("{name}: {difference}"));
        }
    }
    for (doubt, expected) in without_unreadable(load, replacer, narrowed, read)? {
        let name = &doubt.member.source().name;
        let Some(found) = doubt.found else {
            warnings.push(format!("{name}: nothing of it can be read as the source's types: {}", doubt.told()));
            continue;
        };
        match disagreement(expected, found) {
            None => {
                proofs[doubt.place] = Proof::HashWithoutUnreadable;
                let what =
                    "these columns cannot be read as the source's types and were not compared; all others are equal";
                warnings.push(format!("{name}: {what}: {}", doubt.told()));
            }
            Some(difference) => differences.push(format!("{name}: {difference}")),
        }
    }
    if differences.is_empty() {
        for (member, read) in members.iter().zip(read) {
            let name = member.source().name.to_string();
            load.progress.event(Event::CollectionFinished { collection: &name, rows: read.rows() });
        }
        return Ok(proofs);
    }
    Err(Error::new(
        ErrorKind::Mismatch,
        format!(
            "what the target holds after loading is not what the {} holds: {}",
            load.supply.noun(),
            differences.join("; ")
        ),
    )
    .hint(
        "the group was left as it was. Either a trigger, a rule or another session changed rows while they were loaded, or the \
         target gives a value back in another form than it took; leave tables out one by one with --exclude-table to find it",
    ))
}

impl Doubt<'_, '_> {
    /// Takes away the column that an error names; all of them if it names none.
    fn leave_out(&mut self, error: &Error) {
        let column = error.context().find(|(key, _)| *key == "column").map(|(_, column)| column.to_owned());
        let before = self.columns.columns.len();
        match &column {
            Some(name) => self.columns.columns.retain(|column| column.name != *name),
            None => self.columns.columns.clear(),
        }
        if self.columns.columns.len() == before {
            // A column that was not asked for: there is no telling what could be.
            self.columns.columns.clear();
        }
        self.unreadable.push(format!("{} ({})", column.as_deref().unwrap_or("all"), error.message()));
    }

    fn told(&self) -> String {
        self.unreadable.join(", ")
    }
}

/// Reads again without the columns that cannot be read, one more of which may come up each time; each with the hash that
/// the source has of the columns that are left.
fn without_unreadable<'a, 'm>(
    load: &Load<'_>,
    replacer: &mut dyn Replacer,
    mut doubts: Vec<Doubt<'a, 'm>>,
    read: &[Read],
) -> Result<Vec<(Doubt<'a, 'm>, CollectionHash)>> {
    let mut done = Vec::new();
    while !doubts.is_empty() {
        let (readable, nothing): (Vec<_>, Vec<_>) =
            doubts.into_iter().partition(|doubt| !doubt.columns.columns.is_empty());
        done.extend(nothing);
        doubts = Vec::new();
        if readable.is_empty() {
            break;
        }
        let found = hash_target(load, replacer, &readable, read)?;
        for (mut doubt, found) in readable.into_iter().zip(found) {
            match found {
                Ok(found) => {
                    doubt.found = Some(found);
                    done.push(doubt);
                }
                Err(error) => {
                    doubt.leave_out(&error);
                    doubts.push(doubt);
                }
            }
        }
    }
    let pool = Resources::pool(load.options.resources.jobs)?;
    let expected = |doubt: Doubt<'a, 'm>| {
        let hash = match doubt.found {
            Some(_) => pool.install(|| hash_source(load, doubt.member, &doubt.columns))?,
            None => CollectionHash::default(),
        };
        Ok((doubt, hash))
    };
    done.into_iter().map(expected).collect()
}

/// Reads a member's rows once more from the source and hashes the columns that `columns` has.
fn hash_source(load: &Load<'_>, member: &Member<'_>, columns: &Collection) -> Result<CollectionHash> {
    let projection = member.projection_to(columns);
    let name = member.source().name.to_string();
    let part = |part: usize| {
        let mut hasher = RowHasher::new(&projection.collection);
        let before = member.loading.division.before(part);
        let mut application = member.translation().map(|translation| Application::new(translation, before));
        let batch_bytes = load.options.resources.batch_bytes();
        load.supply.rows.read(member.loading.place, part, batch_bytes, &mut |batch: Batch| {
            load.options.cancel.check()?;
            let (rows, bytes) = (batch.records.num_rows() as u64, batch.memory_size() as u64);
            load.progress.event(Event::Rows { collection: &name, rows, bytes, again: true });
            let batch = match &mut application {
                None => batch,
                Some(application) => application.apply(batch)?,
            };
            hasher.update(&projection.project(&batch)?)
        })?;
        Ok(hasher.total())
    };
    let parts: Result<Vec<CollectionHash>> =
        (0..member.loading.division.parts.len()).into_par_iter().map(part).collect();
    let mut total = CollectionHash::default();
    parts.map_err(|error: Error| error.with("collection", &name))?.into_iter().for_each(|part| total.merge(part));
    Ok(total)
}

/// Hashes the rows of these members once more, which is no part of the planned work.
fn hash_target(
    load: &Load<'_>,
    replacer: &mut dyn Replacer,
    wanted: &[Doubt<'_, '_>],
    read: &[Read],
) -> Result<Vec<Result<CollectionHash>>> {
    let wanted = wanted.iter().enumerate();
    let wanted = wanted.map(|(place, doubt)| Wanted { place, doubt, rows: read[doubt.place].rows(), share: 0 });
    let found = Reread::open(load, replacer, wanted, load.options.resources.jobs)?.run(load, &load.options.cancel)?;
    Ok(found.into_values().collect())
}

/// One member to read again.
struct Wanted<'a, 'm, 'd> {
    /// What its result goes by.
    place: usize,
    doubt: &'d Doubt<'a, 'm>,
    rows: u64,
    /// What it is of the planned work.
    share: u64,
}

/// What is to be read of the target, and who reads it.
pub(super) struct Reread {
    places: Vec<usize>,
    work: Vec<Rehash>,
    readers: Vec<Box<dyn Reader>>,
}

impl Reread {
    /// The rows that the target holds of these members now, through their columns, and up to `count` readers.
    fn open<'a: 'm, 'm: 'd, 'd>(
        load: &Load<'_>,
        replacer: &mut dyn Replacer,
        wanted: impl Iterator<Item = Wanted<'a, 'm, 'd>>,
        count: usize,
    ) -> Result<Self> {
        let (mut places, mut work) = (Vec::new(), Vec::new());
        for Wanted { place, doubt, rows, share } in wanted {
            let chunks = replacer
                .chunks(&doubt.columns, load.options.resources.row_group_bytes(32 << 20) as u64)
                .map_err(|error| error.with("collection", &doubt.member.source().name))?;
            places.push(place);
            work.push(Rehash::of_loaded(&doubt.columns, chunks, rows, share));
        }
        Ok(Self { places, work, readers: replacer.readers(count)? })
    }

    /// Hashes the rows, until `cancel` is raised; the error of one member is that its columns cannot be read as they are wanted.
    pub(super) fn run(self, load: &Load<'_>, cancel: &Cancel) -> Result<Found> {
        self.run_behind(load, cancel, None)
    }

    /// As [`run`](Self::run); all readers but so many begin when the gate opens.
    pub(super) fn run_behind(self, load: &Load<'_>, cancel: &Cancel, later: Option<(usize, &Gate)>) -> Result<Found> {
        let run = Run { resources: load.options.resources, cancel, progress: load.progress, again: true };
        Ok(self.places.into_iter().zip(rehash(self.readers, &self.work, &run, later)?).collect())
    }
}

/// What does not agree between what was read of the source and of the target.
fn disagreement(source: CollectionHash, target: CollectionHash) -> Option<String> {
    difference(source.rows, &source.to_string(), target)
}
