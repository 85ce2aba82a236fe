//! What the server knows of backups beyond what they say themselves: where they came from, whether they are trusted, and
//! whether they were found whole. Kept in one small file of the state directory.

use crate::prune::Known;
use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Where a backup came from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Origin {
    /// It was put into the directory by other means.
    #[default]
    Found,
    /// A job made it.
    Dump,
    /// It was uploaded.
    Upload,
    /// It was made before a restore.
    Safety,
}

/// How closely a backup was looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Depth {
    /// Every row was decoded and hashed again.
    #[default]
    Rows,
    /// Its files were hashed.
    Bytes,
}

/// The last check of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Verified {
    pub(super) at: String,
    pub(super) ok: bool,
    pub(super) depth: Depth,
    pub(super) message: Option<String>,
}

/// What is known of one backup.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mark {
    pub(super) origin: Origin,
    pub(super) schedule: Option<String>,
    pub(super) connection: Option<String>,
    /// The archive that was checked, by its id, and what was found.
    pub(super) verified: Option<(String, Verified)>,
}

impl Mark {
    /// Whether SQL text of it may be run.
    pub(super) fn is_trusted(&self) -> bool {
        self.origin != Origin::Upload
    }

    /// What a check found wrong with the archive of that id.
    pub(super) fn damage(&self, id: &str) -> Option<String> {
        let (_, verified) = self.verified.as_ref().filter(|(checked, verified)| !verified.ok && checked == id)?;
        Some(verified.message.clone().unwrap_or_else(|| "a check found it damaged".into()))
    }
}

/// All marks.
#[derive(Debug)]
pub(super) struct Marks {
    path: PathBuf,
    marks: Mutex<BTreeMap<String, Mark>>,
}

impl Marks {
    /// Reads those of a state directory.
    ///
    /// # Errors
    /// When they cannot be read: without them an upload would pass for something to be trusted.
    pub(super) fn open(directory: &Path) -> Result<Self> {
        let path = directory.join("backups.json");
        let marks = match fs::read(&path) {
            Ok(content) => serde_json::from_slice(&content).map_err(|error| {
                super::internal(error).with("file", path.display()).hint(
                    "it says which backups were uploaded; put an intact copy back, or remove it and trust them all",
                )
            })?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(Error::io(format!("cannot read {}", path.display()), error)),
        };
        Ok(Self { path, marks: Mutex::new(marks) })
    }

    /// What is known of a backup.
    pub(super) fn get(&self, name: &str) -> Mark {
        self.lock().get(name).cloned().unwrap_or_default()
    }

    /// All backups of which something is known, and where they came from.
    pub(super) fn all(&self) -> Vec<(String, Origin)> {
        self.lock().iter().map(|(name, mark)| (name.clone(), mark.origin)).collect()
    }

    /// Changes what is known of a backup.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn change(&self, name: &str, change: impl FnOnce(&mut Mark)) -> Result<()> {
        let mut marks = self.lock();
        change(marks.entry(name.into()).or_default());
        self.write(&marks)
    }

    /// Forgets a backup that is gone.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn forget(&self, name: &str) -> Result<()> {
        let mut marks = self.lock();
        if marks.remove(name).is_some() { self.write(&marks) } else { Ok(()) }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Mark>> {
        self.marks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, marks: &BTreeMap<String, Mark>) -> Result<()> {
        write_whole(&self.path, &serde_json::to_vec_pretty(marks).map_err(super::internal)?)
    }
}

/// What a server has noted of the archives in a directory, by their paths and ids: what its checks found damaged, and what was
/// uploaded, which says of itself whatever it likes and so takes no other archive's place. Where no server ever was, nothing is known.
///
/// # Errors
/// [`ErrorKind::Io`](crate::ErrorKind::Io) when the server's notes are there and cannot be read.
pub fn known(directory: &Path) -> Result<impl Fn(&Path, &str) -> Known> {
    let marks = Marks::open(&directory.join(super::STATE))?;
    Ok(move |path: &Path, id: &str| {
        let Some(name) = path.file_name().and_then(OsStr::to_str) else { return Known::default() };
        let mark = marks.get(name);
        Known { damaged: mark.damage(id), apart: (mark.origin == Origin::Upload).then(|| "uploaded".to_owned()) }
    })
}

/// Puts a small file in the place of what is there, whole or not at all.
///
/// # Errors
/// When it cannot be written.
pub(super) fn write_whole(path: &Path, content: &[u8]) -> Result<()> {
    let partial = path.with_extension("partial");
    let written = || {
        let mut options = fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&partial)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&partial, path)
    };
    written().map_err(|error| Error::io(format!("cannot write {}", path.display()), error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upload_stays_one() {
        let directory = tempfile::tempdir().expect("a directory");
        let open = || Marks::open(directory.path());
        open().expect("marks").change("a.zip", |mark| mark.origin = Origin::Upload).expect("room");
        let marks = open().expect("marks");
        assert!(!marks.get("a.zip").is_trusted() && marks.get("b").is_trusted());
        marks.forget("a.zip").expect("room");
        assert!(open().expect("marks").get("a.zip").is_trusted());
        fs::write(directory.path().join("backups.json"), "{").expect("a file");
        assert!(open().is_err(), "nobody knows any more what was uploaded");
    }
}
