//! The first rows of an archived collection as text, for looking at. What it is not: a query, or a way to compare.

use crate::archive::{Archive, CollectionEntry};
use crate::verify::rows::plain;
use dbferry_dialect::{Batch, Error, ErrorKind, Result};
use serde::Serialize;

/// The most characters of one value that are shown.
const MOST_CHARACTERS: usize = 300;
/// How much is decoded at once, in bytes.
const BATCH_BYTES: usize = 256 << 10;

/// The first rows of a collection.
#[derive(Clone, Debug, Serialize)]
pub struct Preview {
    /// Its columns' names.
    pub columns: Vec<String>,
    /// The rows, a cell a column.
    pub rows: Vec<Vec<Cell>>,
    /// How many rows it has in all.
    pub total: u64,
}

/// A value as text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Cell {
    /// The text; absent for a null.
    pub text: Option<String>,
    /// Whether the value is longer than the text.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub cut: bool,
    /// Whether the value did not fit its column and is kept beside it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub exception: bool,
}

/// Reads the first rows of a collection, at most `most`.
///
/// # Errors
/// [`ErrorKind::Unsupported`] when it is of a kind that has no rows, [`ErrorKind::ArchiveDamaged`] when they cannot be
/// decoded.
pub fn preview(archive: &Archive, entry: &CollectionEntry, most: usize) -> Result<Preview> {
    let reader = archive.collection(entry)?;
    let mut rows = Vec::new();
    for row_group in 0..reader.row_groups() {
        if rows.len() >= most {
            break;
        }
        let read = reader.read(row_group, BATCH_BYTES, &mut |batch| {
            let wanted = most - rows.len();
            rows.extend((0..batch.records.num_rows().min(wanted)).map(|row| cells(entry, &batch, row)));
            // There is no other way to say that it is enough.
            if rows.len() < most { Ok(()) } else { Err(Error::new(ErrorKind::Cancelled, "enough")) }
        });
        match read {
            Err(error) if rows.len() >= most && error.kind() == ErrorKind::Cancelled => break,
            other => other?,
        }
    }
    let columns = entry.collection.columns.iter().map(|column| column.name.clone());
    Ok(Preview { columns: columns.collect(), rows, total: entry.rows })
}

fn cells(entry: &CollectionEntry, batch: &Batch, row: usize) -> Vec<Cell> {
    let columns = entry.collection.columns.iter().zip(batch.records.columns()).enumerate();
    let cells = columns.map(|(position, (column, cells))| {
        let exception = batch
            .exceptions
            .iter()
            .find(|exception| exception.row == row as u64 && exception.column as usize == position);
        let mut text = plain(&column.logical, cells, row, exception);
        let end = text.as_ref().and_then(|text| text.char_indices().nth(MOST_CHARACTERS)).map(|(end, _)| end);
        if let (Some(text), Some(end)) = (&mut text, end) {
            text.truncate(end);
        }
        Cell { text, cut: end.is_some(), exception: exception.is_some() }
    });
    cells.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::testing;

    #[test]
    fn the_first_rows_are_shown_and_no_more() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("a");
        let manifest = testing::write(&path);
        let archive = Archive::open(&path).expect("an archive");
        for entry in &manifest.collections {
            for most in [0, 1, 7, 101, 100_000] {
                let shown = preview(&archive, entry, most).expect("rows");
                assert_eq!(shown.rows.len() as u64, entry.rows.min(most as u64), "{}", entry.collection.name);
                assert!(shown.rows.iter().all(|row| row.len() == shown.columns.len()));
                assert_eq!(shown.total, entry.rows);
            }
        }
        let wide = preview(&archive, &manifest.collections[0], 158).expect("rows");
        let kept = wide.rows.iter().flatten().filter(|cell| cell.exception).count() as u64;
        assert_eq!(kept, manifest.collections[0].exceptions.as_ref().expect("exceptions").rows);
        assert!(wide.rows.iter().flatten().any(|cell| cell.text.is_none()));
    }
}
