//! What a join table is.

use crate::dialect::model::{Collection, CollectionName, ColumnRole};

/// The collections that a join table joins, in the order of its foreign keys and each once; `None` for any other table.
///
/// A join table has at least two foreign keys, which may lead to the same collection (friendships between users), and no
/// column that says anything beside them: every other column is the engine's row number, a single-column primary key, or a
/// timestamp of the row itself by its name (`created_at`, `updatedAt`, ...). A quantity or a price makes it a table of its
/// own. One that also references itself is among what it joins, and so never finds a group that all agree on.
pub(super) fn joined(collection: &Collection) -> Option<Vec<&CollectionName>> {
    let keys = &collection.foreign_keys;
    if keys.len() < 2 {
        return None;
    }
    let surrogate = collection.primary_key.as_ref().and_then(|key| match key.columns.as_slice() {
        [column] => Some(column),
        _ => None,
    });
    let only_joins = collection.columns.iter().all(|column| {
        column.role == ColumnRole::RowIdentity
            || keys.iter().any(|key| key.columns.contains(&column.name))
            || surrogate == Some(&column.name)
            || is_row_timestamp(&column.name)
    });
    if !only_joins {
        return None;
    }
    let mut joined = Vec::new();
    for key in keys {
        if !joined.contains(&&key.references) {
            joined.push(&key.references);
        }
    }
    Some(joined)
}

/// Whether a column of that name tells when its row was made or changed. Names decide, since many schemas keep such times
/// as text or numbers.
fn is_row_timestamp(name: &str) -> bool {
    const NAMES: [&str; 8] =
        ["created", "createdat", "createdon", "updated", "updatedat", "updatedon", "modified", "modifiedat"];
    let plain: String = name.chars().filter(|c| *c != '_').flat_map(char::to_lowercase).collect();
    NAMES.contains(&plain.as_str())
}
