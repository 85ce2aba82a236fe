//! The plan: everything that a restore will do and lose, as it is told to the user.
//!
//! How it is made is in `prepare.rs`.

use super::shape::PlannedColumn;
use crate::progress::RowCount;
use dbferry_dialect::model::NotCarried;
use dbferry_dialect::{CollectionAction, CollectionName, DatabaseInfo, Error, ErrorKind, Result};
use serde::Serialize;

/// What a restore would do.
#[derive(Clone, Debug, Serialize)]
pub struct RestorePlan {
    /// The archive's id; absent when rows come from a database.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub archive: Option<String>,
    /// Where the rows come from.
    pub source: DatabaseInfo,
    /// Where they go.
    pub target: DatabaseInfo,
    /// The groups, in units that are replaced together, in order.
    pub units: Vec<PlannedUnit>,
    /// Foreign keys that leave the selection.
    pub leaving: Vec<LeavingEdge>,
    /// Views, triggers, routines and the like that belong to no table of the plan and are not carried: another dialect wrote them.
    pub not_carried: Vec<NotCarried>,
    /// What was chosen so, or does no harm.
    pub notes: Vec<String>,
    /// What else the source holds of the selection and the target will not get.
    pub warnings: Vec<String>,
}

impl RestorePlan {
    /// Everything that keeps the restore from being done, in sentences that name the collection.
    pub fn problems(&self) -> Vec<String> {
        let of_collections = self.collections().flat_map(|collection| {
            collection.problems.iter().map(move |problem| format!("{}: {problem}", collection.collection))
        });
        let of_edges =
            self.leaving.iter().filter(|edge| edge.missing).map(|edge| format!("{}: {}", edge.child, edge.describe()));
        of_collections.chain(of_edges).collect()
    }

    /// Every collection of the plan.
    pub fn collections(&self) -> impl Iterator<Item = &PlannedCollection> {
        self.units.iter().flat_map(|unit| &unit.collections)
    }

    /// Whether rows go back to a database of the family that they came from.
    pub fn is_same_dialect(&self) -> bool {
        self.source.dialect == self.target.dialect
    }

    /// Everything that deserves a warning, in sentences that name the collection: what is not carried too.
    pub fn all_warnings(&self) -> Vec<String> {
        let mut all = self.warnings.clone();
        let mut kinds: Vec<&str> = Vec::new();
        for missing in &self.not_carried {
            if !kinds.contains(&missing.kind.as_str()) {
                kinds.push(&missing.kind);
            }
        }
        for kind in kinds {
            let of_kind = || self.not_carried.iter().filter(|missing| missing.kind == kind);
            let names: Vec<&str> = of_kind().map(|missing| missing.name.as_str()).collect();
            let reason = of_kind().next().map_or("", |missing| missing.reason.as_str());
            all.push(format!("not carried: {kind} {}: {reason}", names.join(", ")));
        }
        for collection in self.collections() {
            let name = &collection.collection;
            let missing = collection.not_carried.iter();
            all.extend(
                missing.map(|missing| {
                    format!("{name}: not carried: {} {}: {}", missing.kind, missing.name, missing.reason)
                }),
            );
            all.extend(collection.warnings.iter().map(|text| format!("{name}: {text}")));
        }
        super::lines::grouped(all)
    }

    /// Everything that is worth knowing and does no harm, in sentences that name the collection.
    pub fn all_notes(&self) -> Vec<String> {
        let mut all = self.notes.clone();
        for collection in self.collections() {
            all.extend(collection.notes.iter().map(|text| format!("{}: {text}", collection.collection)));
        }
        super::lines::grouped(all)
    }

    /// About how many rows of the target will be gone: estimates, as far as the target tells without a scan.
    pub fn rows_overwritten(&self) -> u64 {
        self.collections().filter_map(|collection| collection.rows_overwritten).sum()
    }

    /// Whether anything that exists in the target changes: it is replaced, dropped or added to. What is only created takes
    /// nothing away from anybody.
    pub fn changes_existing(&self) -> bool {
        self.collections().any(|collection| {
            matches!(
                collection.action,
                Some(CollectionAction::Replace | CollectionAction::Recreate | CollectionAction::Append)
            )
        })
    }

    /// Refuses a plan with problems.
    ///
    /// # Errors
    /// [`ErrorKind::Incompatible`] with all of them.
    pub fn refuse_problems(&self) -> Result<()> {
        let problems = self.problems();
        if problems.is_empty() {
            return Ok(());
        }
        let count = match problems.len() {
            1 => "1 problem".to_owned(),
            count => format!("{count} problems"),
        };
        let noun = if self.archive.is_some() { "archive" } else { "source" };
        let list = problems.iter().map(|problem| format!("\n  - {problem}")).collect::<String>();
        Err(Error::new(
            ErrorKind::Incompatible,
            format!("the target cannot take the {noun} as it is; {count}, nothing was changed:{list}"),
        )
        .hint("see all verdicts with `dbferry plan`; --recreate drops and creates anew a table of another shape"))
    }

    /// Whether anything that exists in the target is replaced or dropped.
    pub fn overwrites(&self) -> bool {
        self.collections()
            .any(|collection| matches!(collection.action, Some(CollectionAction::Replace | CollectionAction::Recreate)))
    }
}

/// Groups that are replaced together: all of them or none.
#[derive(Clone, Debug, Serialize)]
pub struct PlannedUnit {
    /// The groups' names.
    pub groups: Vec<String>,
    /// Their collections, parents before children.
    pub collections: Vec<PlannedCollection>,
}

/// What happens to one collection.
#[derive(Clone, Debug, Serialize)]
pub struct PlannedCollection {
    /// Its name in the source.
    pub collection: CollectionName,
    /// Its name in the target.
    pub target: CollectionName,
    /// Its group.
    pub group: String,
    /// What is done; absent when it is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<CollectionAction>,
    /// Rows in the source; those of a database are an estimate.
    pub rows: RowCount,
    /// The condition that rows have to meet, if only some of them are there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partial: Option<String>,
    /// About how many rows the target holds now that will be gone: an estimate, if the target tells without a scan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows_overwritten: Option<u64>,
    /// A verdict on each column.
    pub columns: Vec<PlannedColumn>,
    /// What keeps it from being loaded.
    pub problems: Vec<String>,
    /// What differs and does no harm.
    pub notes: Vec<String>,
    /// What of its definition the target will not get.
    pub not_carried: Vec<NotCarried>,
    /// What else the source holds of it and the target will not get.
    pub warnings: Vec<String>,
    /// The statements that create it, if it is created.
    pub statements: Vec<String>,
}

/// A foreign key with one end in the selection and the other outside.
#[derive(Clone, Debug, Serialize)]
pub struct LeavingEdge {
    /// The referencing collection.
    pub child: CollectionName,
    /// The referencing columns.
    pub columns: Vec<String>,
    /// The referenced collection.
    pub parent: CollectionName,
    /// Whether the referenced collection is neither selected nor in the target: the rows could not be checked.
    pub missing: bool,
    /// The group of the end that is not selected, if the source holds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outside_group: Option<String>,
}

impl LeavingEdge {
    /// In a sentence, without the child's name.
    pub fn describe(&self) -> String {
        let Self { columns, parent, missing, outside_group, .. } = self;
        let columns = columns.join(", ");
        match (missing, outside_group) {
            (true, Some(group)) => format!(
                "the foreign key on {columns} leaves the selection: {parent} is neither selected nor in the target; \
                 select group {group} too"
            ),
            (true, None) => format!("the foreign key on {columns} points to {parent}, which is nowhere"),
            (false, _) => {
                format!("the foreign key on {columns} to {parent} leaves the selection; it is checked after loading")
            }
        }
    }
}
