//! The manifest: an archive's table of contents. `FORMAT.md` describes it field by field.

use super::layout;
use super::options::Compression;
use dbferry_dialect::hash::CollectionHash;
use dbferry_dialect::model::{NativeObject, NotCarried};
use dbferry_dialect::{Collection, Consistency, DatabaseInfo, Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What an archive holds, where it came from, and what proves it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// 128 random bits, in hexadecimal.
    pub id: String,
    /// What wrote it: `dbferry 0.1.0`.
    pub tool: String,
    /// When the dump began, RFC 3339 in UTC.
    pub created_at: String,
    /// What the user says about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The database that was dumped.
    pub source: DatabaseInfo,
    /// How one consistent view of it was obtained.
    pub consistency: Consistency,
    /// How the Parquet files are compressed.
    pub compression: Compression,
    /// The groups, in the order in which they are restored.
    pub groups: Vec<GroupEntry>,
    /// The collections.
    pub collections: Vec<CollectionEntry>,
    /// Views, triggers, routines.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub objects: Vec<ObjectEntry>,
    /// Facts of the source database as a whole, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
    /// What was seen in the source and is not here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_carried: Vec<NotCarried>,
}

/// The attribute that tells the places apart that databases of one name are in; see [`Manifest::place`].
pub const PLACE: &str = "dbferry:place";

impl Manifest {
    /// Which server or file the database was in: a text that tells two of them apart and says nothing about them. Archives of
    /// older versions do not know it.
    pub fn place(&self) -> Option<&str> {
        self.attributes.get(PLACE).map(String::as_str)
    }

    /// The facts of the source database as a whole, without what is only known of where it was.
    pub fn database_attributes(&self) -> BTreeMap<String, String> {
        let own = self.attributes.iter().filter(|(name, _)| *name != PLACE);
        own.map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    /// A manifest without contents, with a new id and the present time.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] when the operating system has no random numbers to give.
    pub fn new(source: DatabaseInfo, consistency: Consistency, compression: Compression) -> Result<Self> {
        let mut id = [0; 16];
        getrandom::fill(&mut id).map_err(|error| {
            Error::new(ErrorKind::Io, "the operating system gives no random numbers").caused_by(error)
        })?;
        Ok(Self {
            id: format!("{:032x}", u128::from_be_bytes(id)),
            tool: concat!("dbferry ", env!("CARGO_PKG_VERSION")).into(),
            created_at: now(),
            description: None,
            source,
            consistency,
            compression,
            groups: Vec::new(),
            collections: Vec::new(),
            objects: Vec::new(),
            attributes: BTreeMap::new(),
            not_carried: Vec::new(),
        })
    }

    /// All rows of all collections.
    pub fn rows(&self) -> u64 {
        self.collections.iter().map(|entry| entry.rows).fold(0, u64::saturating_add)
    }

    /// The size of all files but the manifest, in bytes.
    pub fn bytes(&self) -> u64 {
        self.collections.iter().map(CollectionEntry::bytes).fold(0, u64::saturating_add)
    }

    /// All files that belong to the archive, except the manifest.
    pub fn files(&self) -> impl Iterator<Item = &FileEntry> {
        self.collections.iter().flat_map(CollectionEntry::files)
    }

    /// Fills [`Manifest::groups`] from the collections: `names` in that order, each with its counts.
    pub fn count_groups<'a>(&mut self, names: impl IntoIterator<Item = &'a str>) {
        let counted = |name: &str| {
            let mut group = GroupEntry { name: name.into(), collections: 0, rows: 0, bytes: 0 };
            for entry in self.collections.iter().filter(|entry| entry.group == name) {
                group.collections += 1;
                group.rows = group.rows.saturating_add(entry.rows);
                group.bytes = group.bytes.saturating_add(entry.bytes());
            }
            group
        };
        self.groups = names.into_iter().map(counted).collect();
    }
}

/// A group and how much of the archive it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupEntry {
    /// Its name.
    pub name: String,
    /// How many collections it has.
    pub collections: u64,
    /// The rows of all of them.
    pub rows: u64,
    /// The size of all their files, in bytes.
    pub bytes: u64,
}

/// A collection and what proves its rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CollectionEntry {
    /// Its name, columns, keys and so on.
    pub collection: Collection,
    /// The group that it is in.
    pub group: String,
    /// The rule that chose the group.
    pub rule: String,
    /// How many rows it has.
    pub rows: u64,
    /// The canonical row hash of all rows, 32 hexadecimal digits.
    pub hash: String,
    /// How many rows each row group has, in file order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub row_groups: Vec<u64>,
    /// The Parquet file; absent for kinds of collections that have no rows of their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<FileEntry>,
    /// The values that their columns could not hold, if there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exceptions: Option<ExceptionsEntry>,
    /// The condition that rows had to meet, if only some of them are here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partial: Option<String>,
}

impl CollectionEntry {
    /// The entry of a collection whose files are `files` and whose rows are proven by `hash`.
    pub fn new(
        collection: Collection,
        group: impl Into<String>,
        rule: impl Into<String>,
        hash: CollectionHash,
        files: CollectionFiles,
    ) -> Self {
        Self {
            collection,
            group: group.into(),
            rule: rule.into(),
            rows: hash.rows,
            hash: hash_text(hash),
            row_groups: files.row_groups,
            file: Some(files.file),
            exceptions: files.exceptions,
            partial: None,
        }
    }

    /// The entry of a collection of a kind that has no rows.
    pub fn without_rows(collection: Collection, group: impl Into<String>, rule: impl Into<String>) -> Self {
        Self {
            collection,
            group: group.into(),
            rule: rule.into(),
            rows: 0,
            hash: hash_text(CollectionHash::default()),
            row_groups: Vec::new(),
            file: None,
            exceptions: None,
            partial: None,
        }
    }

    /// Rows and row hash, to be compared with what was read.
    ///
    /// # Errors
    /// [`ErrorKind::ArchiveDamaged`] when the hash is not 32 hexadecimal digits; an opened archive has none such.
    pub fn row_hash(&self) -> Result<CollectionHash> {
        parse_hash(&self.hash)
            .map(|sum| CollectionHash { rows: self.rows, sum })
            .ok_or_else(|| Error::new(ErrorKind::ArchiveDamaged, "the row hash is not 32 hexadecimal digits"))
    }

    /// Its files.
    pub fn files(&self) -> impl Iterator<Item = &FileEntry> {
        self.file.iter().chain(self.exceptions.iter().map(|exceptions| &exceptions.file))
    }

    /// The size of its files, in bytes.
    pub fn bytes(&self) -> u64 {
        self.files().map(|file| file.bytes).fold(0, u64::saturating_add)
    }

    /// Where the format puts its rows.
    pub(super) fn rows_path(&self) -> String {
        layout::rows_path(&self.group, &self.collection.name)
    }

    /// Where the format puts its exceptions.
    pub(super) fn exceptions_path(&self) -> String {
        layout::exceptions_path(&self.group, &self.collection.name)
    }
}

/// A file of the archive and what proves its bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileEntry {
    /// Its path relative to the archive, with `/` between the parts.
    pub path: String,
    /// Its size, in bytes.
    pub bytes: u64,
    /// The BLAKE3 hash of its content, 64 hexadecimal digits.
    pub blake3: String,
}

/// A collection's exceptions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExceptionsEntry {
    /// The Parquet file.
    pub file: FileEntry,
    /// How many exceptions there are.
    pub rows: u64,
    /// How many there are for each reason.
    pub reasons: BTreeMap<String, u64>,
}

/// A native object and the group that it goes with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObjectEntry {
    /// The object.
    pub object: NativeObject,
    /// The group of the collection that it belongs to; absent if it belongs to none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
}

/// What a finished [`CollectionWriter`](super::CollectionWriter) wrote; see [`CollectionEntry::new`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CollectionFiles {
    /// The file with the rows.
    pub file: FileEntry,
    /// The exceptions, if there are any.
    pub exceptions: Option<ExceptionsEntry>,
    /// How many rows each row group has.
    pub row_groups: Vec<u64>,
}

/// The time now, to the millisecond: enough to tell two archives apart, and still to be read.
fn now() -> String {
    let now = jiff::Timestamp::now();
    now.round(jiff::Unit::Millisecond).unwrap_or(now).to_string()
}

/// The text form of a row hash.
pub(super) fn hash_text(hash: CollectionHash) -> String {
    format!("{:032x}", hash.sum)
}

/// Reads 32 lower-case hexadecimal digits.
pub(super) fn parse_hash(text: &str) -> Option<u128> {
    is_hex(text, 32).then(|| u128::from_str_radix(text, 16).ok()).flatten()
}

/// Whether a text is `digits` lower-case hexadecimal digits.
pub(super) fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_manifest_has_its_own_id_and_a_time() {
        let new = || {
            Manifest::new(DatabaseInfo::default(), Consistency::default(), Compression::default()).expect("a manifest")
        };
        let (first, second) = (new(), new());
        assert_ne!(first.id, second.id);
        assert!(is_hex(&first.id, 32));
        assert!(first.created_at.ends_with('Z') && first.created_at.parse::<jiff::Timestamp>().is_ok());
    }

    #[test]
    fn row_hashes_keep_leading_zeros() {
        let hash = CollectionHash { rows: 1, sum: 0xab };
        assert_eq!(hash_text(hash).len(), 32);
        assert_eq!(parse_hash(&hash_text(hash)), Some(0xab));
        for bad in ["", "ab", "+000000000000000000000000000000a", "000000000000000000000000000000AB"] {
            assert_eq!(parse_hash(bad), None, "{bad}");
        }
    }
}
