//! One table of an import: what the footers of its files say, which must be the same.

use super::folder::FoundTable;
use crate::archive::foreign::{ForeignFile, ForeignPart};
use dbferry_dialect::{Cancel, Collection, CollectionName, Column, Error, ErrorKind, Result};
use std::time::SystemTime;

/// The longest name of a table or column, in bytes, as in an archive.
const LONGEST_NAME: usize = 64 << 10;

/// A table whose footers were read.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) collection: Collection,
    pub(super) parts: Vec<ForeignPart>,
    /// The file or the folder, relative to what is imported.
    pub(super) place: String,
    pub(super) rows: u64,
    pub(super) bytes: u64,
    pub(super) created_by: Option<String>,
    /// When its newest file was changed last.
    pub(super) modified: Option<SystemTime>,
    /// The row hash that stands in a single file out of an archive.
    pub(super) own_hash: Option<String>,
}

impl Table {
    /// Opens all files of a table, one after the other.
    pub(super) fn open(found: &FoundTable, namespace: &str, cancel: &Cancel) -> Result<Self> {
        let name = CollectionName::new(found.namespace.as_deref().unwrap_or(namespace), found.name.clone());
        let within = |error: Error| error.with("collection", &name);
        check_name(&name.name).and_then(|()| check_name(&name.namespace)).map_err(within)?;
        let mut table = Self {
            collection: Collection::table(name.clone(), Vec::new()),
            parts: Vec::with_capacity(found.files.len()),
            place: found.place.clone(),
            rows: 0,
            bytes: 0,
            created_by: None,
            modified: None,
            own_hash: None,
        };
        let mut columns = Columns::default();
        for (path, shown) in &found.files {
            let within = |error: Error| within(error.with("file", shown));
            cancel.check()?;
            let file = ForeignFile::open(path).map_err(within)?;
            columns.add(&file, shown).map_err(within)?;
            let row_groups: Vec<u64> = file.row_groups().collect();
            let rows = row_groups.iter().try_fold(table.rows, |sum, rows| sum.checked_add(*rows));
            table.rows = rows.ok_or_else(|| within(Error::new(ErrorKind::ArchiveDamaged, "more rows than can be")))?;
            table.bytes = table.bytes.saturating_add(file.bytes());
            table.created_by = table.created_by.or_else(|| file.created_by().map(str::to_owned));
            let modified = path.metadata().and_then(|metadata| metadata.modified()).ok();
            table.modified = table.modified.max(modified);
            // Only a file that is a table of its own has all the rows that its hash is of.
            table.own_hash = file.own_hash().filter(|_| found.files.len() == 1).map(str::to_owned);
            table.parts.push(ForeignPart { path: path.clone(), name: shown.clone(), row_groups });
        }
        table.collection.columns = columns.columns;
        Ok(table)
    }
}

/// The columns of all parts so far.
#[derive(Default)]
struct Columns {
    columns: Vec<Column>,
    /// For each column whether it was nothing but nulls so far, and the file that decided otherwise.
    decided: Vec<Option<String>>,
    first: String,
}

impl Columns {
    fn add(&mut self, file: &ForeignFile, shown: &str) -> Result<()> {
        let found = file.columns();
        if self.columns.is_empty() {
            found.iter().try_for_each(|column| check_name(&column.name).map_err(|e| e.with("column", &column.name)))?;
            self.columns = found.to_vec();
            self.decided = (0..found.len()).map(|column| (!file.is_void(column)).then(|| shown.to_owned())).collect();
            self.first = shown.to_owned();
            return Ok(());
        }
        if found.len() != self.columns.len() {
            let (columns, first) = (self.columns.len(), &self.first);
            return Err(disagree(&format!("it has {} columns and {first} has {columns}", found.len())));
        }
        for (position, (column, wanted)) in found.iter().zip(&mut self.columns).enumerate() {
            let within = |what: String| disagree(&what).with("column", &column.name);
            if column.name != wanted.name {
                let what = format!("it is where {} has the column {:?}", self.first, wanted.name);
                return Err(within(what));
            }
            let nullable = wanted.nullable || column.nullable;
            if file.is_void(position) {
                wanted.nullable = true;
                continue;
            }
            match self.decided.get_mut(position) {
                Some(Some(by)) if column.logical != wanted.logical => {
                    return Err(within(format!("it is {} here and {} in {by}", column.logical, wanted.logical)));
                }
                Some(decided @ None) => {
                    *decided = Some(shown.to_owned());
                    *wanted = column.clone();
                }
                _ => {}
            }
            wanted.nullable = nullable;
        }
        Ok(())
    }
}

fn disagree(what: &str) -> Error {
    Error::new(ErrorKind::Unsupported, format!("the files of a table do not agree: {what}"))
        .hint("write them again with the same columns, or as tables of their own")
}

/// Names may hold anything that some engine allows; none allows U+0000.
fn check_name(name: &str) -> Result<()> {
    if name.is_empty() || name.contains('\0') || name.len() > LONGEST_NAME {
        return Err(Error::new(ErrorKind::Unsupported, "a name is empty, too long or holds U+0000"));
    }
    Ok(())
}
