//! What a verification says.

use super::rows::RowDifferences;
use crate::archive::CollectionEntry;
use dbferry_dialect::hash::CollectionHash;
use dbferry_dialect::{Collection, CollectionName};
use serde::Serialize;

/// What was verified. It is only returned when everything that was looked at could be read; see
/// [`differences`](Self::differences) for whether it agrees.
#[derive(Clone, Debug, Serialize)]
pub struct VerifyReport {
    /// The archive's id; absent when two databases were compared.
    pub id: Option<String>,
    /// One line a collection.
    pub collections: Vec<VerifiedCollection>,
    /// Files in the archive's directory that the manifest does not list.
    pub strays: Vec<String>,
    /// What was not looked at and why that does no harm, and what a sample proves.
    pub notes: Vec<String>,
    /// How long it took, in seconds.
    pub seconds: f64,
}

impl VerifyReport {
    /// The collections that differ.
    pub fn differences(&self) -> impl Iterator<Item = &VerifiedCollection> {
        self.collections.iter().filter(|collection| collection.difference.is_some())
    }

    /// The collections of which some columns could not be compared.
    pub fn not_compared(&self) -> impl Iterator<Item = &VerifiedCollection> {
        self.collections.iter().filter(|collection| !collection.not_compared.is_empty())
    }
}

/// What was verified of one collection.
#[derive(Clone, Debug, Serialize)]
pub struct VerifiedCollection {
    /// Its name.
    pub collection: CollectionName,
    /// Its name in the other place; absent when it is not there, or nothing was compared.
    pub target: Option<CollectionName>,
    /// Its group; empty for a database's.
    pub group: String,
    /// Rows that the manifest says, or that the source has.
    pub rows: u64,
    /// The row hash that the manifest says, or that the source's compared columns have.
    pub hash: String,
    /// What does not agree, in a sentence; absent when all does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub difference: Option<String>,
    /// Columns that both have and that could not be compared.
    pub not_compared: Vec<NotCompared>,
    /// Columns that mean something else in the other place, and as what their values were compared.
    pub compared_as: Vec<ComparedAs>,
    /// The rows that differ, if somebody looked closer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub row_differences: Option<RowDifferences>,
}

/// A column whose types differ between the two places.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ComparedAs {
    /// Its name.
    pub column: String,
    /// What it is in the first place: a logical type.
    pub source: String,
    /// What it is in the second place.
    pub target: String,
    /// As what the values of both were compared.
    pub compared_as: String,
}

/// A column that could not be compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NotCompared {
    /// Its name.
    pub column: String,
    /// Why.
    pub reason: String,
}

/// What does not agree between what a manifest says and what was found.
pub(crate) fn difference(rows: u64, hash: &str, found: CollectionHash) -> Option<String> {
    if found.rows != rows {
        Some(format!("{} rows instead of {rows}", found.rows))
    } else if found.to_string() != hash {
        Some(format!("the rows hash to {found} instead of {hash}"))
    } else {
        None
    }
}

impl VerifiedCollection {
    /// A collection of an archive.
    pub(super) fn of_entry(entry: &CollectionEntry) -> Self {
        Self { rows: entry.rows, hash: entry.hash.clone(), ..Self::unread(&entry.collection, entry.group.clone()) }
    }

    /// A collection of a database before it was read.
    pub(super) fn unread(collection: &Collection, group: String) -> Self {
        Self {
            collection: collection.name.clone(),
            target: None,
            group,
            rows: 0,
            hash: CollectionHash::default().to_string(),
            difference: None,
            not_compared: Vec::new(),
            compared_as: Vec::new(),
            row_differences: None,
        }
    }
}
