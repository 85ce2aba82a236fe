//! Makes the plan: compares an archive with a target, before anything is written.

use super::RestoreOptions;
use super::name::target_name;
use super::plan::{LeavingEdge, PlannedCollection, PlannedUnit, RestorePlan};
use super::shape::{Comparison, PlannedColumn, Verdict, compare};
use super::unit::units;
use crate::archive::{Archive, CollectionEntry};
use crate::config::RestoreMode;
use crate::endpoint::Endpoint;
use crate::group::{self, Assignment, SelectFor};
use dbferry_dialect::model::NativeObject;
use dbferry_dialect::{
    Capabilities, Collection, CollectionAction, CollectionName, CollectionPlan, Database, Dialect, Error, ErrorKind,
    Fidelity, GroupPlan, Purpose, Result, Schema,
};
use std::collections::{BTreeMap, BTreeSet};

/// A plan with what is needed to carry it out.
pub(super) struct Prepared<'a> {
    pub(super) plan: RestorePlan,
    /// One for each unit of the plan. Empty when there are problems.
    pub(super) groups: Vec<GroupPlan>,
    /// The archive's entries that load rows, by name.
    pub(super) entries: BTreeMap<CollectionName, &'a CollectionEntry>,
    /// Objects of no collection that go along.
    pub(super) objects: Vec<NativeObject>,
}

/// Plans to restore `archive` into `target`, which is only looked at.
///
/// # Errors
/// When the target cannot be read, or the options name what the archive has not. Differences are in the plan.
pub fn plan(archive: &Archive, target: &Endpoint<'_>, options: &RestoreOptions) -> Result<RestorePlan> {
    let mut database = target.open(Purpose::Plan, &options.cancel)?;
    Ok(prepare(archive, target.dialect, &mut *database, options).map_err(|error| target.name(error))?.plan)
}

pub(super) fn prepare<'a>(
    archive: &'a Archive,
    dialect: &dyn Dialect,
    database: &mut dyn Database,
    options: &RestoreOptions,
) -> Result<Prepared<'a>> {
    let manifest = archive.manifest();
    let schema = database.introspect()?;
    let same_dialect = manifest.source.dialect == dialect.name();
    let context = Context {
        existing: schema.collections.iter().map(|collection| (&collection.name, collection)).collect(),
        capabilities: database.capabilities(),
        dialect,
        same_dialect,
        options,
        objects: objects_by_collection(archive),
    };

    let assignments: Vec<Assignment> = manifest.collections.iter().map(Assignment::from).collect();
    let chosen = group::select(&assignments, &options.selection, SelectFor::Restore)?;
    let (mut notes, mut warnings) = (Vec::new(), Vec::new());
    let mut selected: Vec<&CollectionEntry> = Vec::new();
    for entry in chosen.into_iter().map(|index| &manifest.collections[index]) {
        let kind = entry.collection.kind;
        if mode_of(options, entry) == RestoreMode::Skip {
            notes.push(format!("{} is skipped as configured", entry.collection.name));
        } else if !(kind.is_portable() || same_dialect && options.trusted) {
            let why = if same_dialect { "the archive is not trusted" } else { "it means nothing to another dialect" };
            warnings.push(format!("{} is left out: {why}", entry.collection.name));
        } else {
            selected.push(entry);
        }
    }
    // A database without tables is restored as one: its views and attributes are all that there is.
    if selected.is_empty() && !manifest.collections.is_empty() {
        return Err(Error::new(ErrorKind::Usage, "nothing is selected, so there is nothing to restore"));
    }

    let with_groups: Vec<(&Collection, &str)> =
        selected.iter().map(|entry| (&entry.collection, entry.group.as_str())).collect();
    let leaving = leaving(archive, &context, &with_groups, &schema);
    let mut prepared = Prepared {
        plan: RestorePlan {
            archive: manifest.id.clone(),
            source: manifest.source.clone(),
            target: database.info().clone(),
            units: Vec::new(),
            leaving,
            notes,
            warnings,
        },
        groups: Vec::new(),
        entries: BTreeMap::new(),
        objects: Vec::new(),
    };
    for unit in units(&with_groups) {
        prepared.add_unit(&context, &unit, &selected);
    }
    if same_dialect && options.trusted {
        let free = manifest.objects.iter().filter(|entry| entry.object.on.is_none());
        prepared.objects = free.map(|entry| entry.object.clone()).collect();
    } else if !manifest.objects.is_empty() {
        let count = manifest.objects.len();
        let why = if same_dialect { "the archive is not trusted" } else { "they are of another dialect" };
        let what = if count == 1 {
            "1 view, trigger or the like is".into()
        } else {
            format!("{count} views, triggers and the like are")
        };
        prepared.plan.warnings.push(format!("{what} left out: {why}"));
    }
    Ok(prepared)
}

struct Context<'a> {
    existing: BTreeMap<&'a CollectionName, &'a Collection>,
    /// The archive's triggers and the like, by the collection that they belong to.
    objects: BTreeMap<&'a CollectionName, Vec<&'a NativeObject>>,
    capabilities: Capabilities,
    dialect: &'a dyn Dialect,
    same_dialect: bool,
    options: &'a RestoreOptions,
}

impl Context<'_> {
    /// The name that a collection of the archive gets in the target.
    fn target_name(&self, name: &CollectionName) -> CollectionName {
        target_name(name, self.same_dialect, &self.capabilities)
    }
}

impl<'a> Prepared<'a> {
    fn add_unit(&mut self, context: &Context<'_>, unit: &[usize], selected: &[&'a CollectionEntry]) {
        let mut groups: Vec<String> = Vec::new();
        let mut planned = Vec::with_capacity(unit.len());
        let mut plans = Vec::with_capacity(unit.len());
        for entry in unit.iter().map(|index| selected[*index]) {
            if !groups.contains(&entry.group) {
                groups.push(entry.group.clone());
            }
            let collection = plan_collection(context, entry);
            if let Some(action) = collection.action {
                let trusted = context.same_dialect && context.options.trusted;
                let objects = context.objects.get(&entry.collection.name).into_iter().flatten().copied().cloned();
                plans.push(CollectionPlan {
                    source: entry.collection.clone(),
                    target: collection.target.clone(),
                    existing: context.existing.get(&collection.target).map(|existing| (*existing).clone()),
                    action,
                    parts: entry.row_groups.len(),
                    objects: if trusted { objects.collect() } else { Vec::new() },
                    use_definition: trusted,
                });
                if action.loads() && entry.file.is_some() {
                    self.entries.insert(entry.collection.name.clone(), entry);
                }
            }
            planned.push(collection);
        }
        groups.sort_by(|left, right| group::compare(left, right));
        self.groups.push(GroupPlan { group: groups.join(", "), collections: plans });
        self.plan.units.push(PlannedUnit { groups, collections: planned });
    }
}

fn objects_by_collection(archive: &Archive) -> BTreeMap<&CollectionName, Vec<&NativeObject>> {
    let mut objects: BTreeMap<&CollectionName, Vec<&NativeObject>> = BTreeMap::new();
    for entry in &archive.manifest().objects {
        if let Some(collection) = &entry.object.on {
            objects.entry(collection).or_default().push(&entry.object);
        }
    }
    objects
}

fn plan_collection(context: &Context<'_>, entry: &CollectionEntry) -> PlannedCollection {
    let source = &entry.collection;
    let target = context.target_name(&source.name);
    let existing = context.existing.get(&target).copied();
    let mode = mode_of(context.options, entry);
    let mut comparison = match existing {
        Some(existing) if existing.kind != source.kind => Comparison {
            problems: vec!["the target holds something of another kind under that name".into()],
            ..Comparison::default()
        },
        Some(existing) => compare(source, existing, context.dialect.syntax(), context.same_dialect),
        None => new_columns(context, source),
    };
    let mut warnings = Vec::new();
    let fits = comparison.problems.is_empty();
    let action = match (mode, existing.is_some()) {
        (RestoreMode::Replace | RestoreMode::Create | RestoreMode::Append, false) => Some(CollectionAction::Create),
        (RestoreMode::SchemaOnly, false) => Some(CollectionAction::CreateEmpty),
        (RestoreMode::SchemaOnly | RestoreMode::Skip, true) => {
            comparison.notes.append(&mut comparison.problems);
            Some(CollectionAction::Keep)
        }
        (RestoreMode::Skip, false) => None,
        (RestoreMode::Create, true) => {
            comparison.problems.push("it exists already, and the mode is create".into());
            None
        }
        (RestoreMode::Append, true) if !source.kind.is_portable() => {
            warnings.push("rows cannot be added to what the engine keeps for itself; it is left alone".to_owned());
            Some(CollectionAction::Keep)
        }
        (RestoreMode::Replace, true) if fits => Some(CollectionAction::Replace),
        (RestoreMode::Append, true) if fits => Some(CollectionAction::Append),
        (RestoreMode::Replace, true) if context.options.recreate => {
            let mut reasons = std::mem::take(&mut comparison.problems);
            comparison.notes.append(&mut reasons);
            Some(CollectionAction::Recreate)
        }
        (RestoreMode::Replace | RestoreMode::Append, true) => None,
    };
    let action = action.filter(|_| comparison.problems.is_empty());
    let creates =
        matches!(action, Some(CollectionAction::Create | CollectionAction::CreateEmpty | CollectionAction::Recreate));
    let overwrites = matches!(action, Some(CollectionAction::Replace | CollectionAction::Recreate));
    PlannedCollection {
        collection: source.name.clone(),
        group: entry.group.clone(),
        action,
        rows: entry.rows,
        rows_overwritten: existing.filter(|_| overwrites).and_then(|existing| existing.estimate.rows),
        columns: comparison.columns,
        problems: comparison.problems,
        notes: comparison.notes,
        warnings,
        statements: if creates { statements(context, &target, source) } else { Vec::new() },
        target,
    }
}

/// The mode of a collection; a part has its owner's.
fn mode_of(options: &RestoreOptions, entry: &CollectionEntry) -> RestoreMode {
    let owner = entry.collection.part_of.as_ref().unwrap_or(&entry.collection.name);
    options.modes.mode_of(owner, &entry.group)
}

/// The verdicts for a collection that is created: what the target's own types do to the values.
fn new_columns(context: &Context<'_>, source: &Collection) -> Comparison {
    let mut comparison = Comparison::default();
    for column in source.columns.iter().filter(|column| context.same_dialect || column.role == Default::default()) {
        let (target, fidelity) = if context.same_dialect {
            (column.native.text.clone(), Fidelity::Exact)
        } else {
            let mapping = context.dialect.syntax().native_type(&column.logical);
            (mapping.text, mapping.fidelity)
        };
        comparison.add(PlannedColumn {
            name: column.name.clone(),
            source: Some(column.native.text.clone()),
            target: Some(target),
            verdict: Verdict::of(&fidelity),
            reason: fidelity.reason().map(str::to_owned),
        });
    }
    comparison
}

/// The statements that create a collection, as the dialect will run them.
fn statements(context: &Context<'_>, target: &CollectionName, source: &Collection) -> Vec<String> {
    let syntax = context.dialect.syntax();
    let own = context.same_dialect && context.options.trusted;
    let table = source.definition.clone().filter(|_| own).unwrap_or_else(|| syntax.create_table(target, source));
    let indexes = source
        .indexes
        .iter()
        .filter_map(|index| index.definition.clone().filter(|_| own).or_else(|| syntax.create_index(target, index)));
    std::iter::once(table).chain(indexes).collect()
}

/// Foreign keys of selected collections to others, and of the target's other collections to selected ones.
fn leaving(
    archive: &Archive,
    context: &Context<'_>,
    selected: &[(&Collection, &str)],
    schema: &Schema,
) -> Vec<LeavingEdge> {
    let inside: BTreeSet<CollectionName> =
        selected.iter().map(|(collection, _)| context.target_name(&collection.name)).collect();
    let archived: BTreeMap<CollectionName, &str> = archive
        .manifest()
        .collections
        .iter()
        .map(|entry| (context.target_name(&entry.collection.name), entry.group.as_str()))
        .collect();
    let mut edges = Vec::new();
    for (collection, _) in selected {
        for key in &collection.foreign_keys {
            let parent = context.target_name(&key.references);
            // A foreign key to a table that the source itself lacks is the source's own state, not a choice made here.
            let nowhere = !archived.contains_key(&parent) && !context.existing.contains_key(&parent);
            if inside.contains(&parent) || nowhere {
                continue;
            }
            edges.push(LeavingEdge {
                child: context.target_name(&collection.name),
                columns: key.columns.clone(),
                missing: !context.existing.contains_key(&parent),
                outside_group: archived.get(&parent).map(|group| (*group).to_owned()),
                parent,
            });
        }
    }
    for child in schema.collections.iter().filter(|child| !inside.contains(&child.name)) {
        for key in child.foreign_keys.iter().filter(|key| inside.contains(&key.references)) {
            edges.push(LeavingEdge {
                child: child.name.clone(),
                columns: key.columns.clone(),
                parent: key.references.clone(),
                missing: false,
                outside_group: archived.get(&child.name).map(|group| (*group).to_owned()),
            });
        }
    }
    edges
}
