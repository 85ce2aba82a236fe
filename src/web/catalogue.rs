//! Which backups there are. A manifest is read once and then only looked at again when its file has changed, so that listing
//! costs a look at the directory.

use super::answer::{Answer, ErrorView, Refusal};
use crate::archive::layout::MANIFEST;
use crate::archive::{Archive, Summary, look};
use crate::{Error, ErrorKind, Result};
use std::cmp::Reverse;
use std::collections::HashMap;
use std::ffi::OsStr;
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
        let cannot = |error| {
            Error::io(format!("cannot list {}", self.directory.display()), error).hint(
                "the directory with the backups was there when the server started: mount it again, or put it back, and \
                 start the server anew",
            )
        };
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.directory).map_err(cannot)? {
            let name = entry.map_err(cannot)?.file_name();
            match name.to_str().filter(|name| is_name(name)) {
                Some(name) => found.extend(self.look(name)),
                None if name != super::STATE => found.extend(self.unusable(&name)),
                None => {}
            }
        }
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() > 2 * found.len() + 100 {
            seen.retain(|name, _| self.path(name).symlink_metadata().is_ok());
        }
        drop(seen);
        let mut listed = found;
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

    /// An archive that cannot be asked for, because of its name: it is told of all the same.
    fn unusable(&self, name: &OsStr) -> Option<Arc<Listed>> {
        let entry = look(&self.directory.join(name))?;
        let error = Error::new(ErrorKind::Unsupported, "it cannot be handled here, because of its name").hint(
            "give it a name that does not begin with a dot and has no control characters in it; the command line takes it \
             as it is",
        );
        // As it can be shown: a line break in it is none.
        let name = name.to_string_lossy().escape_debug().to_string();
        Some(Arc::new(Listed { name, packed: entry.packed, size: 0, summary: Err(ErrorView::from(&error)) }))
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
    // On Windows these lead elsewhere; everywhere else they are letters like others.
    let leads_elsewhere = text.contains('/') || cfg!(windows) && text.contains(['\\', ':']);
    let is_hidden = text.starts_with('.');
    !(text.is_empty() || text.len() > 255 || is_hidden || leads_elsewhere || text.chars().any(char::is_control))
}

/// The longest part that is made of a text, in bytes: with a time, a number and an ending it is no more than the 255 that file
/// systems take.
const LONGEST: usize = 200;

/// A text as a part of a backup's name: what has a meaning elsewhere becomes a dash.
pub(super) fn as_name(text: &str) -> String {
    let plain = |c: char| if c.is_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' };
    let mut bytes = 0;
    let fits = |c: &char| {
        bytes += c.len_utf8();
        bytes <= LONGEST
    };
    let name: String = text.chars().map(plain).take(80).take_while(fits).collect();
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
        for name in ["shop", "shop-2026.zip", "Zoë", "a b", "𝐀𝐀"] {
            assert!(is_name(name), "{name}");
        }
        for name in ["", ".", "..", "../x", "a/b", "/etc", ".dbferry", "a\0", "a\nb", &"x".repeat(256)] {
            assert!(!is_name(name), "{name}");
            assert!(is_name(&as_name(name)), "{name}");
        }
        assert_eq!(as_name("../../etc/passwd"), "etc-passwd");
        assert_eq!(as_name("shop 2026.zip"), "shop-2026.zip");
        assert_eq!(as_name(&"𝐀".repeat(80)), "𝐀".repeat(50), "file systems count bytes");
        assert!(is_name(&format!("{}-before-restore-20261130-030000-999.zip", as_name(&"x".repeat(300)))));
    }

    #[cfg(unix)]
    #[test]
    fn no_archive_is_left_out_because_of_its_name() {
        let directory = tempfile::tempdir().expect("a directory");
        let names = ["shop-2026-11-30T03:00:00", "a\\b", ".hidden", "a\nb"];
        for name in names {
            testing::write(&directory.path().join(name));
        }
        fs::create_dir(directory.path().join(".dbferry")).expect("a directory");
        let catalogue = Catalogue::new(directory.path().into());
        let listed = catalogue.list().expect("a listing");
        let mut seen: Vec<_> = listed.iter().map(|it| (it.name.as_str(), it.summary.is_ok())).collect();
        seen.sort_unstable();
        assert_eq!(seen, [(".hidden", false), ("a\\b", true), ("a\\nb", false), (names[0], true)]);
        assert!(catalogue.open("a\\b").is_ok() && catalogue.open(names[0]).is_ok());
        assert!(catalogue.find(".hidden").is_err() && catalogue.find("a\nb").is_err());
    }
}
