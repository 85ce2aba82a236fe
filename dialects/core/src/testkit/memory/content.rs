//! What a database holds, in a form that tests compare and print.

use super::state::State;
use crate::model::{CollectionName, Estimate, Schema};
use crate::testkit::text::rows_as_text;
use std::collections::BTreeMap;

/// Everything that a database holds. Equal contents mean the same schema and the same rows, in whatever order.
#[derive(Clone, Debug, PartialEq)]
pub struct Content {
    /// The catalogue, without estimates.
    pub schema: Schema,
    /// The rows of each collection as [`rows_as_text`] gives them, sorted.
    pub rows: BTreeMap<CollectionName, Vec<String>>,
}

impl Content {
    pub(super) fn of(state: &State) -> Self {
        let mut schema = state.schema();
        for collection in &mut schema.collections {
            collection.estimate = Estimate::default();
        }
        let rows = state.tables.iter().map(|(name, table)| {
            let mut rows = rows_as_text(&table.collection, &table.batches);
            rows.sort_unstable();
            (name.clone(), rows)
        });
        Self { schema, rows: rows.collect() }
    }

    /// Where `other` is not the same, one sentence for each collection and each other fact; empty when it is.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let mut found = Vec::new();
        let mut names: Vec<&CollectionName> = self.rows.keys().chain(other.rows.keys()).collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            match (self.schema.collection(name), other.schema.collection(name)) {
                (Some(_), None) => found.push(format!("{name} is missing on the right")),
                (None, Some(_)) => found.push(format!("{name} is missing on the left")),
                (left, right) if left != right => {
                    found.push(format!("{name} differs in its schema: {left:?} and {right:?}"));
                }
                _ => found.extend(rows_differ(name, self.rows.get(name), other.rows.get(name))),
            }
        }
        if self.schema.objects != other.schema.objects {
            found.push(format!("the objects differ: {:?} and {:?}", self.schema.objects, other.schema.objects));
        }
        if self.schema.attributes != other.schema.attributes {
            found
                .push(format!("the attributes differ: {:?} and {:?}", self.schema.attributes, other.schema.attributes));
        }
        if self.schema.not_carried != other.schema.not_carried {
            found.push("the lists of what is not carried differ".into());
        }
        found
    }
}

/// The first row that one of two sorted lists has more often than the other.
fn rows_differ(name: &CollectionName, left: Option<&Vec<String>>, right: Option<&Vec<String>>) -> Option<String> {
    let (left, right) = (left.map_or(&[][..], Vec::as_slice), right.map_or(&[][..], Vec::as_slice));
    if left == right {
        return None;
    }
    let same = left.iter().zip(right).take_while(|(left, right)| left == right).count();
    let (left_row, right_row) = (left.get(same), right.get(same));
    Some(format!(
        "{name} has {} and {} rows; the first that differ are {left_row:?} and {right_row:?}",
        left.len(),
        right.len()
    ))
}
