//! Which name a collection gets in a target.

use dbferry_dialect::{Capabilities, CollectionName};

/// The name of the collection `name` in a target of these abilities. Within one dialect it stays what it is; a target of
/// another one that has no namespaces keeps everything in its own.
pub(crate) fn target_name(name: &CollectionName, same_dialect: bool, target: &Capabilities) -> CollectionName {
    if same_dialect || target.namespaces {
        name.clone()
    } else {
        CollectionName::new(target.default_namespace, name.name.clone())
    }
}
