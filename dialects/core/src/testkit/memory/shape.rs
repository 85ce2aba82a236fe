//! What a created collection looks like.

use super::syntax::MemorySyntax;
use crate::contract::CollectionPlan;
use crate::model::{Collection, CollectionName, Column, Estimate, IndexSubject, NativeType};
use crate::syntax::Syntax;
use std::collections::BTreeMap;

/// The collection that a plan creates: the source's own, or what the model alone says where its texts may not be used.
/// Warns of what is left out.
pub(super) fn created(
    planned: &CollectionPlan,
    targets: &BTreeMap<CollectionName, CollectionName>,
    warnings: &mut Vec<String>,
) -> Collection {
    let mut collection = planned.source.clone();
    collection.name = planned.target.clone();
    collection.estimate = Estimate::default();
    for foreign_key in &mut collection.foreign_keys {
        if let Some(target) = targets.get(&foreign_key.references) {
            foreign_key.references = target.clone();
        } else if foreign_key.references.namespace == planned.source.name.namespace {
            foreign_key.references.namespace.clone_from(&planned.target.namespace);
        }
    }
    // Set after the load.
    collection.counter = None;
    if planned.use_definition {
        return collection;
    }
    let name = &planned.target;
    collection.definition = None;
    collection.attributes.clear();
    for check in collection.checks.drain(..) {
        warnings.push(format!("{name}: the check ({}) was left out", check.expression));
    }
    collection.indexes.retain_mut(|index| {
        let portable =
            index.predicate.is_none() && index.parts.iter().all(|part| matches!(part.subject, IndexSubject::Column(_)));
        if !portable {
            warnings.push(format!("{name}: the index {} was left out", index.name));
        }
        index.definition = None;
        index.parts.iter_mut().for_each(|part| part.collation = None);
        portable
    });
    collection.columns.iter_mut().for_each(|column| rebuild(column, name, warnings));
    collection
}

/// Keeps of a column what every engine understands.
fn rebuild(column: &mut Column, name: &CollectionName, warnings: &mut Vec<String>) {
    column.native = NativeType { text: MemorySyntax.native_type(&column.logical).text, ..NativeType::default() };
    column.collation = None;
    if let Some(generated) = column.generated.take() {
        warnings.push(format!(
            "{name}: column {} keeps its values and not the expression ({}) that computed them",
            column.name, generated.expression
        ));
    }
    column.default = column.default.take().and_then(|mut default| match &default.meaning {
        Some(meaning) => {
            default.native = MemorySyntax.default_value(meaning);
            Some(default)
        }
        None => {
            warnings.push(format!("{name}: the default ({}) of column {} was left out", default.native, column.name));
            None
        }
    });
}
