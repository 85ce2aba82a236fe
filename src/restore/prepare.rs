//! Makes the plan: compares what can be restored with a target, before anything is written.

use super::RestoreOptions;
use super::plan::{LeavingEdge, PlannedCollection, PlannedUnit, RestorePlan};
use super::shape::{Comparison, PlannedColumn, Verdict, compare};
use super::supply::{Division, Offered, Supply};
use super::unit::units;
use crate::archive::Archive;
use crate::config::RestoreMode;
use crate::endpoint::Endpoint;
use crate::group::{self, Assignment, SelectFor};
use crate::translate::{Choice, Crossing, Names, Scan, Subject, Translation, choose};
use dbferry_dialect::model::{CollectionKind, ColumnRole, NativeObject, NotCarried, ObjectKind};
use dbferry_dialect::{
    Batch, Capabilities, Collection, CollectionAction, CollectionName, CollectionPlan, Column, Database, DatabaseInfo,
    Dialect, Error, ErrorKind, Fidelity, GroupPlan, Identifiers, Purpose, Result, Schema,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A plan with what is needed to carry it out.
pub(super) struct Prepared<'a> {
    pub(super) plan: RestorePlan,
    /// One for each unit of the plan. Empty when there are problems.
    pub(super) groups: Vec<GroupPlan>,
    /// What loads rows, by name: its place among what is offered.
    pub(super) loads: BTreeMap<CollectionName, (usize, &'a Offered<'a>, Arc<Translation<'a>>)>,
    /// Objects of no collection that go along.
    pub(super) objects: Vec<NativeObject>,
}

/// A collection whose rows will be loaded.
pub(super) struct Loading<'a> {
    /// Its place among what is offered.
    pub(super) place: usize,
    pub(super) offered: &'a Offered<'a>,
    /// How it crosses.
    pub(super) translation: Arc<Translation<'a>>,
    pub(super) division: Division,
}

impl<'a> Prepared<'a> {
    /// Divides everything that will be loaded into parts.
    ///
    /// # Errors
    /// When the source cannot tell its parts.
    pub(super) fn divide(&mut self, supply: &Supply<'a>) -> Result<BTreeMap<CollectionName, Loading<'a>>> {
        let mut loads = BTreeMap::new();
        for (name, (place, offered, translation)) in &self.loads {
            let division = supply.rows.divide(*place).map_err(|error| error.with("collection", name))?;
            let translation = Arc::clone(translation);
            loads.insert(name.clone(), Loading { place: *place, offered, translation, division });
        }
        for plan in self.groups.iter_mut().flat_map(|group| &mut group.collections) {
            plan.parts = loads.get(&plan.source.name).map_or(0, |loading| loading.division.parts.len());
        }
        Ok(loads)
    }
}

/// Plans to restore `archive` into `target`, which is only looked at.
///
/// # Errors
/// When the target cannot be read, or the options name what the archive has not. Differences are in the plan.
pub fn plan(archive: &Archive, target: &Endpoint<'_>, options: &RestoreOptions) -> Result<RestorePlan> {
    plan_from(&Supply::of_archive(archive), target, options)
}

/// Plans to restore what `supply` offers.
///
/// # Errors
/// Those of [`plan`].
pub(crate) fn plan_from<'a>(
    supply: &'a Supply<'a>,
    target: &'a Endpoint<'_>,
    options: &RestoreOptions,
) -> Result<RestorePlan> {
    let mut database = target.open(Purpose::Plan, &options.cancel)?;
    Ok(prepare(supply, target.dialect, &mut *database, options).map_err(|error| target.name(error))?.plan)
}

pub(super) fn prepare<'a>(
    supply: &'a Supply<'a>,
    dialect: &'a dyn Dialect,
    database: &mut dyn Database,
    options: &RestoreOptions,
) -> Result<Prepared<'a>> {
    let schema = database.introspect()?;
    let same_dialect = supply.source.dialect == dialect.name();
    let context = Context {
        existing: schema.collections.iter().map(|collection| (&collection.name, collection)).collect(),
        capabilities: database.capabilities(),
        names: Names::new(
            supply.collections.iter().map(|offered| offered.collection),
            &supply.source.dialect,
            dialect.name(),
            &database.capabilities(),
        ),
        dialect,
        same_dialect,
        options,
        noun: supply.noun(),
        objects: objects_by_collection(supply),
    };

    let assignments: Vec<Assignment> = supply.collections.iter().map(|offered| offered.assignment.clone()).collect();
    let chosen = group::select(&assignments, &options.selection, supply.purpose)?;
    let (mut notes, mut warnings) = (supply.notes.clone(), supply.warnings.clone());
    let mut selected: Vec<(usize, &'a Offered<'a>)> = Vec::new();
    for (place, offered) in chosen.into_iter().map(|place| (place, &supply.collections[place])) {
        let Collection { name, kind, .. } = offered.collection;
        if offered.mode(options) == RestoreMode::Skip {
            notes.push(format!("{name} is skipped as configured"));
        } else if !(kind.is_portable() || same_dialect && options.trusted) {
            let untrusted = format!("the {} is not trusted", context.noun);
            let why = match kind {
                _ if same_dialect => &untrusted,
                CollectionKind::Partitioned => {
                    "its rows are in its partitions, each of which is a table of its own there"
                }
                _ => "it means nothing to another dialect",
            };
            warnings.push(format!("{name} is left out: {why}"));
        } else {
            selected.push((place, offered));
        }
    }
    // A database without tables is restored as one: its views and attributes are all that there is.
    if selected.is_empty() && !supply.collections.is_empty() {
        return Err(Error::new(ErrorKind::Usage, "nothing is selected, so there is nothing to restore"));
    }

    let selected = translate(supply, database.info(), &context, selected, &mut notes)?;
    // A partition has the foreign keys of its whole by now.
    let with_groups: Vec<(&Collection, &str)> = selected
        .iter()
        .map(|Selected { offered, translation, .. }| (&translation.collection, offered.assignment.group.as_str()))
        .collect();
    let leaving = leaving(supply, &context, &with_groups, &schema);
    let mut prepared = Prepared {
        plan: RestorePlan {
            archive: supply.archive.clone(),
            source: supply.source.clone(),
            target: database.info().clone(),
            units: Vec::new(),
            leaving,
            not_carried: objects_not_carried(supply, &context, &selected),
            notes,
            warnings,
        },
        groups: Vec::new(),
        loads: BTreeMap::new(),
        objects: Vec::new(),
    };
    for unit in units(&with_groups) {
        prepared.add_unit(&context, &unit, &selected);
    }
    prepared.refuse_collisions();
    if same_dialect && options.trusted {
        let free = supply.objects.iter().filter(|object| object.on.is_none());
        prepared.objects = free.map(|object| (*object).clone()).collect();
    } else if same_dialect && !supply.objects.is_empty() {
        let count = supply.objects.len();
        let what = if count == 1 {
            "1 view, trigger or the like is".into()
        } else {
            format!("{count} views, triggers and the like are")
        };
        prepared.plan.warnings.push(format!("{what} left out: the {} is not trusted", context.noun));
    }
    Ok(prepared)
}

/// A collection that takes part.
struct Selected<'a> {
    /// Its place among what is offered.
    place: usize,
    offered: &'a Offered<'a>,
    translation: Arc<Translation<'a>>,
}

/// Decides how each of the selected collections crosses.
fn translate<'a>(
    supply: &'a Supply<'a>,
    target: &DatabaseInfo,
    context: &Context<'a, '_>,
    selected: Vec<(usize, &'a Offered<'a>)>,
    notes: &mut Vec<String>,
) -> Result<Vec<Selected<'a>>> {
    let syntax = context.dialect.syntax();
    let exists = |name: &CollectionName| context.existing.contains_key(&context.target_name(name));
    let collections = supply.collections.iter().map(|offered| (&offered.collection.name, offered.collection)).collect();
    let crossing = Crossing {
        source: &supply.source,
        target,
        source_syntax: supply.syntax,
        target_syntax: syntax,
        capabilities: context.capabilities,
        names: &context.names,
        collections: &collections,
        objects: &supply.objects,
        exists: &exists,
        rules: &context.options.types,
    };
    let subject = |(place, offered): &(usize, &'a Offered<'a>)| Subject {
        place: *place,
        collection: offered.collection,
        existing: context.existing.get(&context.target_name(&offered.collection.name)).copied(),
        loads: offered.collection.kind.has_rows()
            && !matches!(offered.mode(context.options), RestoreMode::SchemaOnly | RestoreMode::Skip),
    };
    let subjects: Vec<Subject<'_>> = selected.iter().map(subject).collect();
    let scan = Offer { supply, options: context.options };
    let fits = |collection: &Collection, column: &Column, existing: &Column| {
        super::shape::fits(collection, column, existing, syntax, context.same_dialect)
    };
    let Choice { translations, idle_rules } = choose(crossing, &subjects, &scan, &fits)?;
    notes.extend(
        idle_rules.iter().map(|number| format!("rule {number} of [[type]] matches no column that is restored")),
    );
    let of = |((place, offered), translation)| Selected { place, offered, translation: Arc::new(translation) };
    Ok(selected.into_iter().zip(translations).map(of).collect())
}

/// Rows that are looked at before anything is planned with them.
struct Offer<'a> {
    supply: &'a Supply<'a>,
    options: &'a RestoreOptions,
}

impl Scan for Offer<'_> {
    fn scan(&self, place: usize, positions: &[usize], sink: &(dyn Fn(Batch) -> Result<()> + Sync)) -> Result<()> {
        self.supply.rows.scan(place, positions, self.options, sink)
    }
}

struct Context<'a, 'c> {
    existing: BTreeMap<&'c CollectionName, &'c Collection>,
    /// What the rows come from, in messages.
    noun: &'static str,
    /// The source's triggers and the like, by the collection that they belong to.
    objects: BTreeMap<&'a CollectionName, Vec<&'a NativeObject>>,
    capabilities: Capabilities,
    /// What everything of the source is called in the target.
    names: Names,
    dialect: &'a dyn Dialect,
    same_dialect: bool,
    options: &'c RestoreOptions,
}

impl Context<'_, '_> {
    /// The name that a collection of the source gets in the target.
    fn target_name(&self, name: &CollectionName) -> CollectionName {
        self.names.collection(name)
    }
}

impl<'a> Prepared<'a> {
    fn add_unit(&mut self, context: &Context<'_, '_>, unit: &[usize], selected: &[Selected<'a>]) {
        let mut groups: Vec<String> = Vec::new();
        let mut planned = Vec::with_capacity(unit.len());
        let mut plans = Vec::with_capacity(unit.len());
        for Selected { place, offered, translation } in unit.iter().map(|index| &selected[*index]) {
            let (source, group) = (offered.collection, &offered.assignment.group);
            if !groups.contains(group) {
                groups.push(group.clone());
            }
            let collection = plan_collection(context, offered, translation);
            if let Some(action) = collection.action {
                let trusted = context.same_dialect && context.options.trusted;
                let objects = context.objects.get(&source.name).into_iter().flatten().copied().cloned();
                plans.push(CollectionPlan {
                    source: translation.collection.clone(),
                    target: collection.target.clone(),
                    existing: context.existing.get(&collection.target).map(|existing| (*existing).clone()),
                    action,
                    // Known when the source is divided.
                    parts: 0,
                    objects: if trusted { objects.collect() } else { Vec::new() },
                    use_definition: trusted,
                });
                if action.loads() && source.kind.has_rows() {
                    self.loads.insert(source.name.clone(), (*place, offered, Arc::clone(translation)));
                }
            }
            planned.push(collection);
        }
        groups.sort_by(|left, right| group::compare(left, right));
        self.groups.push(GroupPlan { group: groups.join(", "), collections: plans });
        self.plan.units.push(PlannedUnit { groups, collections: planned });
    }

    /// Collections of several namespaces may get the same name in a target that has one.
    fn refuse_collisions(&mut self) {
        let mut taken: BTreeMap<CollectionName, CollectionName> = BTreeMap::new();
        for planned in self.plan.units.iter_mut().flat_map(|unit| &mut unit.collections) {
            if let Some(other) = taken.insert(planned.target.clone(), planned.collection.clone()) {
                planned.problems.push(format!("{other} gets the same name in the target, {}", planned.target));
                planned.action = None;
            }
        }
    }
}

/// Views, triggers, routines and the like of another dialect, without those that only belong to what is not restored. Namespaces
/// and extensions say nothing by themselves, and a sequence that numbers a column is that column's numbering there.
fn objects_not_carried(supply: &Supply<'_>, context: &Context<'_, '_>, selected: &[Selected<'_>]) -> Vec<NotCarried> {
    if context.same_dialect {
        return Vec::new();
    }
    let columns = || selected.iter().flat_map(|selected| &selected.offered.collection.columns);
    let numbering =
        supply.syntax.map(|syntax| columns().filter_map(|column| syntax.numbered_by(column, &supply.objects)));
    let numbering: BTreeSet<usize> = numbering.into_iter().flatten().map(|(place, _)| place).collect();
    let restored: BTreeSet<&CollectionName> =
        selected.iter().map(|selected| &selected.offered.collection.name).collect();
    let is_told = |(place, object): &(usize, &&NativeObject)| {
        !matches!(object.kind, ObjectKind::Namespace | ObjectKind::Extension)
            && !numbering.contains(place)
            && object.on.as_ref().is_none_or(|on| restored.contains(on))
    };
    let not_carried = |(_, object): (usize, &&NativeObject)| {
        let NativeObject { namespace, name, .. } = *object;
        let name = if namespace.is_empty() { name.clone() } else { format!("{namespace}.{name}") };
        let on = object.on.as_ref().map(|on| format!(" on {on}")).unwrap_or_default();
        let reason = match object.kind {
            ObjectKind::Type => "columns of it get the nearest type of the target's own".to_owned(),
            _ => format!("it is written in the words of {}", supply.source.product),
        };
        NotCarried { kind: object.kind.words().to_owned(), name: format!("{name}{on}"), reason }
    };
    supply.objects.iter().enumerate().filter(is_told).map(not_carried).collect()
}

fn objects_by_collection<'a>(supply: &Supply<'a>) -> BTreeMap<&'a CollectionName, Vec<&'a NativeObject>> {
    let mut objects: BTreeMap<&CollectionName, Vec<&NativeObject>> = BTreeMap::new();
    for object in &supply.objects {
        if let Some(collection) = &object.on {
            objects.entry(collection).or_default().push(object);
        }
    }
    objects
}

fn plan_collection(
    context: &Context<'_, '_>,
    offered: &Offered<'_>,
    translation: &Translation<'_>,
) -> PlannedCollection {
    let source = &translation.collection;
    let target = context.target_name(&source.name);
    let existing = context.existing.get(&target).copied();
    let mode = offered.mode(context.options);
    let mut comparison = match existing {
        Some(existing) if existing.kind != source.kind => Comparison {
            problems: vec!["the target holds something of another kind under that name".into()],
            ..Comparison::default()
        },
        Some(existing) => {
            let mut there = source.clone();
            for key in &mut there.foreign_keys {
                key.references = context.target_name(&key.references);
            }
            compare(&there, existing, context.dialect.syntax(), context.same_dialect)
        }
        None => new_columns(context, source),
    };
    comparison.explain(offered.collection, translation);
    for (name, reason) in comparison.lossy() {
        if context.options.accept_lossy.accepts(&source.name, &name) {
            comparison.notes.push(format!("column {name}: {reason}; accepted"));
        } else {
            let table = &source.name;
            comparison.problems.push(format!(
                "column {name}: {reason}; accept it with --accept-lossy {table}.{name}, or choose a type in dbferry.toml"
            ));
        }
    }
    if let Some(condition) = offered.partial {
        comparison.notes.push(format!("only its rows for which this holds: {condition}"));
    }
    if existing.is_none() {
        comparison.problems.extend(refused_names(&target, source, context.capabilities.identifiers));
        let has_columns = source.columns.iter().any(|column| column.role == ColumnRole::Data);
        // Within a dialect a table is what it was, also one whose columns only its module knows.
        if !context.same_dialect && !has_columns && !context.capabilities.columnless_tables {
            let why = "it has no columns, and the target has no such tables; leave it out with --exclude-table";
            comparison.problems.push(why.into());
        }
    }
    let mut warnings = Vec::new();
    comparison.notes.extend(translation.notes.iter().cloned());
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
        group: offered.assignment.group.clone(),
        action,
        rows: offered.rows,
        partial: offered.partial.map(str::to_owned),
        rows_overwritten: existing.filter(|_| overwrites).and_then(|existing| existing.estimate.rows),
        columns: comparison.columns,
        problems: comparison.problems,
        notes: comparison.notes,
        not_carried: translation.not_carried.clone(),
        warnings,
        statements: if creates { statements(context, &target, source) } else { Vec::new() },
        target,
    }
}

/// The names of a collection that the target would not keep as they are.
fn refused_names(target: &CollectionName, source: &Collection, identifiers: Identifiers) -> Vec<String> {
    let columns = source.columns.iter().map(|column| ("column", &column.name));
    let indexes = source.indexes.iter().map(|index| ("index", &index.name));
    let keys = source.unique_keys.iter().filter_map(|key| Some(("key", key.name.as_ref()?)));
    let foreign_keys = source.foreign_keys.iter().filter_map(|key| Some(("foreign key", key.name.as_ref()?)));
    let checks = source.checks.iter().filter_map(|check| Some(("check", check.name.as_ref()?)));
    let names = std::iter::once(("table", &target.name)).chain(columns).chain(indexes).chain(keys);
    let refused = names.chain(foreign_keys).chain(checks).filter_map(|(what, name)| {
        let why = identifiers.refusal(name)?;
        Some(format!("the target cannot name a {what} {name}: {why}"))
    });
    refused.collect()
}

/// The verdicts for a collection that is created: what the target's own types do to the values.
fn new_columns(context: &Context<'_, '_>, source: &Collection) -> Comparison {
    let mut comparison = Comparison::default();
    for column in source.columns.iter().filter(|column| context.same_dialect || column.role == Default::default()) {
        let (target, fidelity) = if context.same_dialect && column.native.imposed.is_none() {
            (column.native.text.clone(), Fidelity::Exact)
        } else {
            let mapping = context.dialect.syntax().column_type(source, column);
            (mapping.text, mapping.fidelity)
        };
        comparison.add(PlannedColumn {
            name: column.name.clone(),
            renamed: None,
            source: Some(column.native.text.clone()),
            target: Some(target),
            verdict: Verdict::of(&fidelity),
            reason: fidelity.reason().map(str::to_owned),
            translation: None,
        });
    }
    comparison
}

/// The statements that create a collection, as the dialect will run them.
fn statements(context: &Context<'_, '_>, target: &CollectionName, source: &Collection) -> Vec<String> {
    let syntax = context.dialect.syntax();
    let own = context.same_dialect && context.options.trusted;
    let table = source.definition.clone().filter(|_| own).unwrap_or_else(|| syntax.create_table(target, source));
    let indexes = source.indexes.iter().filter_map(|index| {
        index.definition.clone().filter(|_| own).or_else(|| syntax.create_index(target, source, index))
    });
    std::iter::once(table).chain(indexes).collect()
}

/// Foreign keys of selected collections to others, and of the target's other collections to selected ones.
fn leaving(
    supply: &Supply<'_>,
    context: &Context<'_, '_>,
    selected: &[(&Collection, &str)],
    schema: &Schema,
) -> Vec<LeavingEdge> {
    let inside: BTreeSet<CollectionName> =
        selected.iter().map(|(collection, _)| context.target_name(&collection.name)).collect();
    let offered: BTreeMap<CollectionName, &str> = supply
        .collections
        .iter()
        .filter(|offered| supply.purpose == SelectFor::Restore || offered.assignment.group != group::SKIPPED)
        .map(|offered| (context.target_name(&offered.collection.name), offered.assignment.group.as_str()))
        .collect();
    let mut edges = Vec::new();
    for (collection, _) in selected {
        for key in &collection.foreign_keys {
            let parent = context.target_name(&key.references);
            // A foreign key to a table that the source itself lacks is the source's own state, not a choice made here.
            let nowhere = !offered.contains_key(&parent) && !context.existing.contains_key(&parent);
            if inside.contains(&parent) || nowhere {
                continue;
            }
            edges.push(LeavingEdge {
                child: context.target_name(&collection.name),
                columns: key.columns.clone(),
                missing: !context.existing.contains_key(&parent),
                outside_group: offered.get(&parent).map(|group| (*group).to_owned()),
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
                outside_group: offered.get(&child.name).map(|group| (*group).to_owned()),
            });
        }
    }
    edges
}
