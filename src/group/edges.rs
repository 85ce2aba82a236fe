//! Foreign keys whose two ends are in different groups: what breaks when groups are restored apart.

use crate::dialect::model::{CollectionName, Schema};
use crate::group::assign::Assignment;
use serde::{Serialize, Serializer};
use std::collections::HashMap;

/// A foreign key from one group into another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CrossGroupEdge {
    /// The referencing collection; `namespace.name` when serialised.
    #[serde(serialize_with = "as_text")]
    pub from: CollectionName,
    /// Its group.
    pub from_group: String,
    /// The referencing columns.
    pub columns: Vec<String>,
    /// The referenced collection; `namespace.name` when serialised.
    #[serde(serialize_with = "as_text")]
    pub to: CollectionName,
    /// Its group.
    pub to_group: String,
}

/// All foreign keys that cross groups, in the schema's order. Those to collections that are not in the schema are left
/// out: they cross nothing.
pub fn cross_group_edges(schema: &Schema, assignments: &[Assignment]) -> Vec<CrossGroupEdge> {
    let groups: HashMap<_, _> = assignments.iter().map(|a| (&a.collection, a.group.as_str())).collect();
    let mut edges = Vec::new();
    for collection in &schema.collections {
        for key in &collection.foreign_keys {
            match (groups.get(&collection.name), groups.get(&key.references)) {
                (Some(from), Some(to)) if from != to => edges.push(CrossGroupEdge {
                    from: collection.name.clone(),
                    from_group: (*from).to_owned(),
                    columns: key.columns.clone(),
                    to: key.references.clone(),
                    to_group: (*to).to_owned(),
                }),
                _ => {}
            }
        }
    }
    edges
}

fn as_text<S: Serializer>(name: &CollectionName, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(name)
}
