//! Which backups there are. A manifest is read once and then only looked at again when its file has changed, so that listing
//! costs a look at the directory.

use super::answer::{Answer, ErrorView, Refusal};
use crate::archive::layout::MANIFEST;
use crate::archive::{Archive, Summary, look};
use crate::{Error, Result};
use std::cmp::Reverse;
use std::collections::HashMap;
use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

/// What was found under a name.
#[derive(Debug)]
pub(super) struct Listed {
    pub(super) name: String,
    pub(super) packed: bool,
    /// Bytes on disk.
    pub(super) size: u64,
    pub(super) summary: Result<Summary, ErrorView>,
}

/// The archives' directory.
#[derive(Debug)]
pub(super) struct Catalogue {
    directory: PathBuf,
    seen: Mutex<HashMap<String, Seen>>,
}

/// What was found under a name when it looked like that; nothing where it was no archive.
type Seen = (Fingerprint, Option<Arc<Listed>>);

/// What changes when a file is another one.
type Fingerprint = (bool, u64, Option<SystemTime>);

impl Catalogue {
    pub(super) fn new(directory: PathBuf) -> Self {
        Self { directory, seen: Mutex::default() }
    }

    /// Where the archives are.
    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Where an archive of that name is, or would be. The name must have been [checked](is_name).
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// All of them, newest first; those that cannot be read are last, by name.
    ///
    /// # Errors
    /// When the directory cannot be listed.
    pub(super) fn list(&self) -> Result<Vec<Arc<Listed>>> {
        let cannot = |error| Error::io(format!("cannot list {}", self.directory.display()), error);
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.directory).map_err(cannot)? {
            // A name that is no text cannot be asked for either.
            if let Ok(name) = entry.map_err(cannot)?.file_name().into_string() {
                found.extend(self.look(&name).map(|listed| (name, listed)));
            }
        }
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() > 2 * found.len() + 100 {
            seen.retain(|name, _| self.path(name).symlink_metadata().is_ok());
        }
        drop(seen);
        let mut listed: Vec<Arc<Listed>> = found.into_iter().map(|(_, listed)| listed).collect();
        let time = |listed: &Arc<Listed>| {
            let summary = listed.summary.as_ref().ok();
            summary.and_then(|summary| summary.created_at.parse::<jiff::Timestamp>().ok())
        };
        listed.sort_by_cached_key(|listed| (Reverse(time(listed)), listed.name.clone()));
        Ok(listed)
    }

    /// The one of that name.
    ///
    /// # Errors
    /// When there is none, or the name is none.
    pub(super) fn find(&self, name: &str) -> Answer<Arc<Listed>> {
        self.look(name).ok_or_else(|| Refusal::not_found("there is no such backup"))
    }

    /// Opens the one of that name.
    ///
    /// # Errors
    /// Those of [`find`](Self::find) and of [`Archive::open`].
    pub(super) fn open(&self, name: &str) -> Answer<Archive> {
        self.find(name)?;
        Ok(Archive::open(&self.path(name))?)
    }

    fn look(&self, name: &str) -> Option<Arc<Listed>> {
        if !is_name(name) {
            return None;
        }
        let path = self.path(name);
        let metadata = fs::metadata(&path).ok()?;
        let manifest = if metadata.is_dir() { fs::metadata(path.join(MANIFEST)).ok()? } else { metadata.clone() };
        let fingerprint = fingerprint(&metadata, &manifest);
        let lock = || self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, listed)) = lock().get(name).filter(|(known, _)| *known == fingerprint) {
            return listed.clone();
        }
        let listed = look(&path).map(|entry| {
            let summary = entry.summary.as_ref().map_err(ErrorView::from).cloned();
            let size = match (&summary, entry.packed) {
                (Ok(summary), false) => summary.bytes + manifest.len(),
                _ => manifest.len(),
            };
            Arc::new(Listed { name: name.into(), packed: entry.packed, size, summary })
        });
        lock().insert(name.into(), (fingerprint, listed.clone()));
        listed
    }
}

fn fingerprint(metadata: &Metadata, manifest: &Metadata) -> Fingerprint {
    (metadata.is_dir(), manifest.len(), manifest.modified().ok())
}

/// Whether a text can be the name of a backup: one part of a path, not hidden, nothing that a line or a shell would obey.
pub(super) fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 255
        && !text.starts_with('.')
        && !text.contains(['/', '\\', ':'])
        && !text.chars().any(char::is_control)
}

/// A text as a part of a backup's name: what has a meaning elsewhere becomes a dash.
pub(super) fn as_name(text: &str) -> String {
    let plain = |c: char| if c.is_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' };
    let name: String = text.chars().map(plain).take(80).collect();
    let name = name.trim_matches(['.', '-']);
    if name.is_empty() { "backup".into() } else { name.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::{pack, testing};

    #[test]
    fn what_has_not_changed_is_not_read_again() {
        let directory = tempfile::tempdir().expect("a directory");
        let at = |name: &str| directory.path().join(name);
        testing::write(&at("loose"));
        pack(&at("loose"), &at("packed.zip")).expect("a packed archive");
        fs::create_dir(at(".dbferry")).expect("a directory");
        fs::write(at("notes.txt"), "mine").expect("a file");
        let catalogue = Catalogue::new(directory.path().into());
        let list = || catalogue.list().expect("a listing");
        let first = list();
        assert_eq!(first.iter().map(|listed| listed.name.as_str()).collect::<Vec<_>>(), ["loose", "packed.zip"]);
        assert!(first.iter().zip(list()).all(|(first, second)| Arc::ptr_eq(first, &second)));
        assert_eq!(first[1].size, fs::metadata(at("packed.zip")).expect("a file").len());
        fs::write(at("loose/manifest.json"), "{}").expect("a file");
        let changed = list();
        assert_eq!((changed[0].name.as_str(), changed[1].name.as_str()), ("packed.zip", "loose"));
        assert_eq!(changed[1].summary.as_ref().expect_err("damage").kind, "archive-damaged");
        crate::archive::remove(&at("packed.zip")).expect("an archive");
        assert_eq!(list().len(), 1);
    }

    #[test]
    fn names_lead_nowhere_else() {
        for name in ["shop", "shop-2026.zip", "Zoë", "a b"] {
            assert!(is_name(name), "{name}");
        }
        for name in ["", ".", "..", "../x", "a/b", "a\\b", "/etc", ".dbferry", "a\0", "a\nb", "C:x", &"x".repeat(256)] {
            assert!(!is_name(name), "{name}");
            assert!(is_name(&as_name(name)), "{name}");
        }
        assert_eq!(as_name("../../etc/passwd"), "etc-passwd");
        assert_eq!(as_name("shop 2026.zip"), "shop-2026.zip");
    }
}
