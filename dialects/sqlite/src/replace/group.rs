//! One group: what is done to its tables before and after their rows come.

use super::catalog::{Texts, numbered};
use super::foreign_keys::ForeignKeys;
use super::load::{Load, Loads};
use super::malformed::MalformedTexts;
use super::statistics::Statistics;
use super::{build, complete};
use dbferry_dialect::model::CollectionKind;
use dbferry_dialect::{Cancel, CollectionAction, CollectionPlan, ForeignKeyPolicy, GroupPlan, Result, Syntax};
use rusqlite::Connection;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// The group under way.
pub(super) struct Group {
    plan: GroupPlan,
    /// How its rows are inserted.
    pub(super) loads: Arc<Loads>,
    saved: Vec<build::SavedIndex>,
    statistics: Statistics,
    foreign_keys: ForeignKeys,
    warnings: Vec<String>,
}

impl Group {
    /// Empties, drops and creates tables as planned.
    pub(super) fn begin(
        connection: &Connection,
        syntax: &dyn Syntax,
        plan: GroupPlan,
        malformed: MalformedTexts,
        broken: &Arc<AtomicBool>,
        cancel: &Cancel,
    ) -> Result<Self> {
        let mut warnings = Vec::new();
        let mut loaded = Vec::new();
        let exists = |plan: &CollectionPlan| plan.existing.is_some() || plan.action == CollectionAction::Replace;
        let texts = if plan.collections.iter().any(exists) { Texts::read(connection)? } else { Texts::default() };
        for collection in &plan.collections {
            if build::is_skipped(collection) {
                warnings.push(format!(
                    "{} was left out: it can only be restored from its own definition, by a restore that trusts the archive",
                    collection.target
                ));
            } else if collection.action != CollectionAction::Keep {
                build::check(&texts, collection).map_err(|error| error.with("collection", &collection.target))?;
                loaded.push(collection);
            }
        }
        let foreign_keys = ForeignKeys::before(connection, syntax, &loaded)?;
        let statistics = if loaded.iter().any(|plan| plan.action == CollectionAction::Replace) {
            Statistics::save(connection, |name| loaded.iter().any(|plan| plan.target.name == name))?
        } else {
            Statistics::default()
        };
        let mut saved = Vec::new();
        let mut loads = HashMap::new();
        // A virtual table goes before its shadow tables, with its module's help where the module is here.
        let dropped = loaded.iter().rev().filter(|plan| plan.action == CollectionAction::Recreate);
        let (first, then): (Vec<_>, Vec<_>) = dropped.partition(|plan| plan.source.kind == CollectionKind::Virtual);
        for collection in first.into_iter().chain(then) {
            build::drop_table(connection, syntax, collection)
                .map_err(|error| error.with("collection", &collection.target))?;
        }
        let statistics_tables: BTreeSet<&str> = loaded
            .iter()
            .filter(|plan| plan.source.kind == CollectionKind::System)
            .map(|plan| plan.target.name.as_str())
            .collect();
        if !statistics_tables.is_empty() {
            build::create_statistics(connection, &statistics_tables)?;
        }
        for collection in loaded {
            cancel.check()?;
            let load = Self::prepare(connection, syntax, &texts, collection, malformed, &mut saved, &mut warnings)
                .map_err(|error| error.with("collection", &collection.target))?;
            loads.extend(load.map(|load| (collection.source.name.clone(), load)));
        }
        let loads = Arc::new(Loads { loads, broken: Arc::clone(broken), cancel: cancel.clone() });
        Ok(Self { loads, saved, statistics, foreign_keys, warnings, plan })
    }

    fn prepare(
        connection: &Connection,
        syntax: &dyn Syntax,
        texts: &Texts,
        plan: &CollectionPlan,
        malformed: MalformedTexts,
        saved: &mut Vec<build::SavedIndex>,
        warnings: &mut Vec<String>,
    ) -> Result<Option<Load>> {
        if !plan.source.kind.has_rows() {
            return Ok(None);
        }
        match plan.action {
            CollectionAction::Create | CollectionAction::Recreate | CollectionAction::CreateEmpty
                if plan.source.kind == CollectionKind::System =>
            {
                // What `ANALYZE` has made by now has no indexes.
                build::empty_table(connection, syntax, texts, plan)?;
            }
            CollectionAction::Create | CollectionAction::Recreate | CollectionAction::CreateEmpty => {
                build::create_table(connection, syntax, plan, warnings)?;
            }
            CollectionAction::Replace => saved.extend(build::empty_table(connection, syntax, texts, plan)?),
            CollectionAction::Append | CollectionAction::Keep => {}
        }
        if plan.action.loads() { Load::new(connection, syntax, plan, malformed).map(Some) } else { Ok(None) }
    }

    /// Indexes, counters, triggers, foreign keys; returns what the user should know.
    pub(super) fn complete(
        &mut self,
        connection: &Connection,
        syntax: &dyn Syntax,
        policy: ForeignKeyPolicy,
        cancel: &Cancel,
    ) -> Result<Vec<String>> {
        let mut warnings = std::mem::take(&mut self.warnings);
        build::restore_indexes(connection, &self.saved)?;
        let numbered = numbered(connection)?;
        for plan in &self.plan.collections {
            cancel.check()?;
            if plan.action == CollectionAction::Keep || build::is_skipped(plan) {
                continue;
            }
            complete_collection(connection, syntax, plan, &numbered, &mut warnings)
                .map_err(|error| error.with("collection", &plan.target))?;
        }
        for plan in self.plan.collections.iter().filter(|plan| plan.action != CollectionAction::Keep) {
            complete::create_objects(connection, &plan.objects, &mut warnings)
                .map_err(|error| error.with("collection", &plan.target))?;
        }
        self.statistics.restore(connection)?;
        warnings.extend(self.foreign_keys.after(connection, syntax, policy)?);
        Ok(warnings)
    }
}

fn complete_collection(
    connection: &Connection,
    syntax: &dyn Syntax,
    plan: &CollectionPlan,
    numbered: &BTreeSet<String>,
    warnings: &mut Vec<String>,
) -> Result<()> {
    let created =
        matches!(plan.action, CollectionAction::Create | CollectionAction::Recreate | CollectionAction::CreateEmpty);
    match plan.source.kind {
        CollectionKind::Virtual if created => build::create_virtual(connection, plan),
        CollectionKind::Virtual | CollectionKind::System => Ok(()),
        _ => {
            if created {
                complete::create_indexes(connection, syntax, plan, warnings)?;
            }
            let counts = plan.action.loads() && numbered.contains(&plan.target.name.to_ascii_lowercase());
            if counts { complete::set_counter(connection, plan) } else { Ok(()) }
        }
    }
}
