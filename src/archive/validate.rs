//! What a manifest must keep to beyond its shape: an archive is hostile input, and whatever passed here can be used
//! without looking again.

use super::damaged;
use super::layout::is_safe;
use super::manifest::{CollectionEntry, FileEntry, Manifest, is_hex};
use dbferry_dialect::exception::ExceptionReason;
use dbferry_dialect::{Collection, Result};
use std::collections::{HashMap, HashSet};

/// The longest name of a collection, column, key and so on, in bytes. No engine comes near; it bounds messages.
const LONGEST_NAME: usize = 64 << 10;
/// The longest name of a group, in bytes.
const LONGEST_GROUP: usize = 255;

/// Checks a manifest by itself, without the files.
///
/// # Errors
/// [`ErrorKind::ArchiveDamaged`](dbferry_dialect::ErrorKind::ArchiveDamaged).
pub(super) fn validate(manifest: &Manifest) -> Result<()> {
    if !is_hex(&manifest.id, 32) {
        return Err(damaged("the archive's id is not 32 hexadecimal digits"));
    }
    manifest
        .created_at
        .parse::<jiff::Timestamp>()
        .map_err(|error| damaged("the time of creation cannot be read").caused_by(error))?;

    let mut groups = HashMap::new();
    for group in &manifest.groups {
        let bad = group.name.is_empty() || group.name.len() > LONGEST_GROUP || group.name.chars().any(char::is_control);
        if bad {
            return Err(damaged(format!("{:?} is no name of a group", group.name)));
        }
        if groups.insert(group.name.as_str(), (0_u64, 0_u64, 0_u64)).is_some() {
            return Err(damaged(format!("the group {} is there twice", group.name)));
        }
    }

    let mut names = HashSet::new();
    let mut paths = HashSet::new();
    for entry in &manifest.collections {
        let within = |error: dbferry_dialect::Error| error.with("collection", &entry.collection.name);
        validate_entry(entry).map_err(within)?;
        if !names.insert(&entry.collection.name) {
            return Err(within(damaged("the collection is there twice")));
        }
        for file in entry.files() {
            if !paths.insert(file.path.as_str()) {
                return Err(within(damaged("two collections share a file").with("file", &file.path)));
            }
        }
        let Some((collections, rows, bytes)) = groups.get_mut(entry.group.as_str()) else {
            return Err(within(damaged(format!("the group {:?} is not listed", entry.group))));
        };
        *collections += 1;
        *rows = rows.checked_add(entry.rows).ok_or_else(|| within(damaged("there are more rows than can be")))?;
        *bytes = bytes.checked_add(entry.bytes()).ok_or_else(|| within(damaged("there are more bytes than can be")))?;
    }
    for group in &manifest.groups {
        if groups.get(group.name.as_str()) != Some(&(group.collections, group.rows, group.bytes)) {
            return Err(damaged(format!("the counts of group {} do not agree with its collections", group.name)));
        }
    }
    for object in &manifest.objects {
        validate_name(&object.object.namespace)?;
        validate_name(&object.object.name)?;
        if object.group.as_deref().is_some_and(|group| !groups.contains_key(group)) {
            return Err(damaged(format!("the group of {} is not listed", object.object.name)));
        }
    }
    Ok(())
}

fn validate_entry(entry: &CollectionEntry) -> Result<()> {
    validate_collection(&entry.collection)?;
    entry.row_hash()?;
    if entry.row_groups.contains(&0) {
        return Err(damaged("a row group is empty"));
    }
    let rows = entry.row_groups.iter().try_fold(0_u64, |sum, rows| sum.checked_add(*rows));
    if rows != Some(entry.rows) {
        return Err(damaged("the rows of the row groups do not add up"));
    }
    match &entry.file {
        Some(file) if entry.collection.kind.has_rows() => validate_file(file, &entry.rows_path())?,
        None if !entry.collection.kind.has_rows() && entry.rows == 0 && entry.exceptions.is_none() => {}
        _ => return Err(damaged("its kind and its files do not agree")),
    }
    if let Some(exceptions) = &entry.exceptions {
        validate_file(&exceptions.file, &entry.exceptions_path())?;
        if let Some(reason) = exceptions.reasons.keys().find(|reason| ExceptionReason::parse(reason).is_none()) {
            return Err(damaged(format!("there is no reason {reason:?} for an exception")));
        }
        let sum = exceptions.reasons.values().try_fold(0_u64, |sum, count| sum.checked_add(*count));
        if exceptions.rows == 0 || sum != Some(exceptions.rows) || exceptions.reasons.values().any(|count| *count == 0)
        {
            return Err(damaged("the exceptions do not add up"));
        }
    }
    Ok(())
}

fn validate_file(file: &FileEntry, expected: &str) -> Result<()> {
    if !is_safe(&file.path) || file.path != expected {
        return Err(damaged(format!("the path {:?} is not the one that the format gives it", file.path)));
    }
    if !is_hex(&file.blake3, 64) {
        return Err(damaged("a file's hash is not 64 hexadecimal digits").with("file", &file.path));
    }
    Ok(())
}

fn validate_collection(collection: &Collection) -> Result<()> {
    validate_name(&collection.name.namespace)?;
    validate_name(&collection.name.name)?;
    let mut columns = HashSet::new();
    for column in &collection.columns {
        validate_name(&column.name)?;
        if !columns.insert(column.name.as_str()) {
            return Err(damaged("a column is there twice").with("column", &column.name));
        }
        column
            .logical
            .validate()
            .map_err(|what| damaged(format!("a type is impossible: {what}")).with("column", &column.name))?;
    }
    if collection.kind.has_rows() && columns.is_empty() {
        return Err(damaged("it has rows but no columns"));
    }
    let keys = collection.primary_key.iter().chain(&collection.unique_keys).flat_map(|key| &key.columns);
    let foreign = collection.foreign_keys.iter().flat_map(|key| &key.columns);
    let counter = collection.counter.iter().map(|counter| &counter.column);
    if let Some(name) = keys.chain(foreign).chain(counter).find(|name| !columns.contains(name.as_str())) {
        return Err(damaged("a key or counter is of a column that is not there").with("column", name));
    }
    for key in &collection.foreign_keys {
        validate_name(&key.references.namespace)?;
        validate_name(&key.references.name)?;
        if !key.referenced_columns.is_empty() && key.referenced_columns.len() != key.columns.len() {
            return Err(damaged("a foreign key does not have as many columns as it references"));
        }
    }
    collection.indexes.iter().try_for_each(|index| validate_name(&index.name))
}

/// Names may hold anything that some engine allows, line breaks too; no engine allows U+0000.
fn validate_name(name: &str) -> Result<()> {
    if name.contains('\0') {
        return Err(damaged(format!("the name {name:?} holds U+0000")));
    }
    if name.len() > LONGEST_NAME {
        return Err(damaged(format!("a name has {} bytes, more than {LONGEST_NAME}", name.len())));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;
    use dbferry_dialect::LogicalType;
    use dbferry_dialect::model::{CollectionKind, Key};

    #[test]
    fn a_good_manifest_passes() {
        validate(&testing::manifest()).expect("a good manifest");
    }

    #[test]
    fn each_broken_rule_is_named() {
        type Breaker = fn(&mut Manifest);
        let broken: [(&str, Breaker); 29] = [
            ("id", |m| m.id = "x".into()),
            ("time of creation", |m| m.created_at = "yesterday".into()),
            ("name of a group", |m| m.groups[0].name = String::new()),
            ("name of a group", |m| m.groups[0].name = "a\nb".into()),
            ("there twice", |m| m.groups.push(m.groups[0].clone())),
            ("not listed", |m| m.groups[0].name = "other".into()),
            ("path", |m| m.collections[0].group = "other".into()),
            ("not listed", |m| m.objects[0].group = Some("other".into())),
            ("path", |m| m.collections[0].file.as_mut().expect("a file").path = "../../etc/passwd".into()),
            ("path", |m| m.collections[0].file.as_mut().expect("a file").path = "/etc/passwd".into()),
            ("path", |m| m.collections[0].file.as_mut().expect("a file").path = "data/user/main.b.parquet".into()),
            ("path", |m| m.collections[0].exceptions.as_mut().expect("some").file.path = "data\\x".into()),
            ("64 hexadecimal", |m| m.collections[0].file.as_mut().expect("a file").blake3 = "00".into()),
            ("32 hexadecimal", |m| m.collections[0].hash = "00".into()),
            ("add up", |m| m.collections[0].rows += 1),
            ("add up", |m| m.collections[0].row_groups = vec![u64::MAX, 2]),
            ("row group is empty", |m| m.collections[0].row_groups.push(0)),
            ("counts of group", |m| m.groups[0].rows += 1),
            ("counts of group", |m| m.groups[0].bytes += 1),
            ("collection is there twice", |m| m.collections.push(m.collections[0].clone())),
            ("kind and its files", |m| m.collections[0].file = None),
            ("kind and its files", |m| m.collections[0].collection.kind = CollectionKind::Virtual),
            ("no reason", |m| {
                m.collections[0].exceptions.as_mut().expect("some").reasons = [("mood".to_owned(), 1)].into();
            }),
            ("exceptions do not add up", |m| m.collections[0].exceptions.as_mut().expect("some").rows = 7),
            ("column is there twice", |m| {
                let column = m.collections[0].collection.columns[0].clone();
                m.collections[0].collection.columns.push(column);
            }),
            ("type is impossible", |m| {
                m.collections[0].collection.columns[0].logical = LogicalType::Float { bits: 7 };
            }),
            ("no columns", |m| m.collections[0].collection.columns.clear()),
            ("not there", |m| {
                m.collections[0].collection.primary_key =
                    Some(Key { definition: None, name: None, columns: vec!["nothing".into()] });
            }),
            ("U+0000", |m| m.collections[0].collection.columns[0].name = "a\0b".into()),
        ];
        for (expected, breaker) in broken {
            let mut manifest = testing::manifest();
            breaker(&mut manifest);
            let error = validate(&manifest).expect_err(expected);
            assert!(error.to_string().contains(expected), "{error} / {expected}");
            assert_eq!(error.kind(), dbferry_dialect::ErrorKind::ArchiveDamaged);
        }
    }
}
