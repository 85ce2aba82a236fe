//! Sessions that ended by signing out, until they would have ended by themselves. A cookie says all of a session, so this is
//! what keeps a signed-out one from being used again, also after a restart; it is a small file of the state directory.

use super::marks::write_whole;
use crate::{Error, ErrorKind, Result};
use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use tokio::sync::watch;

/// Who signed out.
#[derive(Debug)]
pub(super) struct Ended {
    path: PathBuf,
    /// By what tells sessions apart: when they would have ended, in seconds since 1970.
    sessions: Mutex<HashMap<String, u64>>,
    /// Held while the file is written.
    writing: Mutex<()>,
    /// Changes whenever somebody signs out.
    changed: watch::Sender<()>,
}

impl Ended {
    /// Reads those of a state directory.
    ///
    /// # Errors
    /// When they cannot be read: a session that was ended would be one again.
    pub(super) fn open(directory: &Path) -> Result<Self> {
        let path = directory.join("sessions.json");
        let sessions = match fs::read(&path) {
            Ok(content) => serde_json::from_slice(&content).map_err(|error| {
                Error::new(ErrorKind::Io, format!("{} cannot be read", path.display())).caused_by(error).hint(
                    "it says which sessions were signed out; remove it and serve with another token, which ends them all",
                )
            })?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => HashMap::new(),
            Err(error) => return Err(Error::io(format!("cannot read {}", path.display()), error)),
        };
        Ok(Self { path, sessions: Mutex::new(sessions), writing: Mutex::default(), changed: watch::Sender::new(()) })
    }

    /// Whether that session was ended.
    pub(super) fn contains(&self, nonce: &str) -> bool {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner).contains_key(nonce)
    }

    /// Ends a session, which would have ended by itself at `until`, and forgets those that have by `now`.
    ///
    /// # Errors
    /// When that cannot be written: it is ended now, and is not after a restart.
    pub(super) fn add(&self, nonce: &str, until: u64, now: u64) -> Result<()> {
        // One writes at a time, and what is written last is what is known last; nobody else waits for the disk.
        let _alone = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let content = {
            let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
            sessions.retain(|_, until| *until > now);
            sessions.insert(nonce.to_owned(), until);
            serde_json::to_vec(&*sessions).map_err(super::internal)?
        };
        self.changed.send_replace(());
        write_whole(&self.path, &content)
    }

    /// Waits until that session was ended.
    pub(super) async fn wait(&self, nonce: &str) {
        let mut changes = self.changed.subscribe();
        while !self.contains(nonce) {
            if changes.changed().await.is_err() {
                // Its sender is here: it does not go.
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_signed_out_is_known_after_a_restart() {
        let directory = tempfile::tempdir().expect("a directory");
        let open = || Ended::open(directory.path()).expect("a file");
        open().add("first", 100, 10).expect("room");
        assert!(open().contains("first") && !open().contains("second"));
        open().add("second", 300, 200).expect("room");
        assert!(!open().contains("first") && open().contains("second"), "it has ended by itself");
        fs::write(directory.path().join("sessions.json"), "{").expect("a file");
        assert!(Ended::open(directory.path()).is_err());
    }
}
