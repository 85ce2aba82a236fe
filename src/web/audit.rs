//! The audit log: who did what, when, and how it ended. One JSON object a line in a file that is only ever added to.

use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Who did something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Who {
    /// Somebody in a browser.
    Page,
    /// A program with the token.
    Script,
    /// The clock.
    Schedule,
    /// The server itself.
    Server,
}

/// One thing that was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    seq: u64,
    at: String,
    who: Who,
    address: Option<String>,
    action: String,
    backup: Option<String>,
    connection: Option<String>,
    groups: Option<Vec<String>>,
    job: Option<String>,
    result: String,
    message: Option<String>,
}

/// What is put into the log; number and time come by themselves.
#[derive(Clone, Debug)]
pub(super) struct Record<'a> {
    pub(super) who: Who,
    pub(super) address: Option<&'a str>,
    pub(super) action: &'a str,
    pub(super) backup: Option<&'a str>,
    pub(super) connection: Option<&'a str>,
    pub(super) groups: Option<&'a [String]>,
    pub(super) job: Option<&'a str>,
    pub(super) result: &'a str,
    pub(super) message: Option<&'a str>,
}

impl<'a> Record<'a> {
    /// That something was done, and nothing else about it.
    pub(super) fn new(who: Who, action: &'a str, result: &'a str) -> Self {
        Self {
            who,
            address: None,
            action,
            backup: None,
            connection: None,
            groups: None,
            job: None,
            result,
            message: None,
        }
    }
}

/// A part of the log, newest first.
#[derive(Debug, Serialize)]
pub(super) struct Page {
    entries: Vec<Entry>,
    /// Where the next part begins.
    before: Option<u64>,
}

/// The log.
#[derive(Debug)]
pub(super) struct Audit {
    path: PathBuf,
    end: Mutex<End>,
}

#[derive(Debug)]
struct End {
    file: File,
    next: u64,
}

impl Audit {
    /// Opens the log in a directory, or begins one.
    ///
    /// # Errors
    /// When it cannot be read or written.
    pub(super) fn open(directory: &Path) -> Result<Self> {
        let path = directory.join("audit.ndjson");
        let cannot = |error| Error::io(format!("cannot open {}", path.display()), error);
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&path).map_err(cannot)?;
        // A line that was cut by a sudden end is left as it is, and the next one begins on a line of its own.
        let mut last = [b'\n'];
        if file.seek(SeekFrom::End(-1)).is_ok() {
            file.read_exact(&mut last).map_err(cannot)?;
        }
        if last != [b'\n'] {
            file.write_all(b"\n").map_err(cannot)?;
        }
        let mut next = 1;
        each_entry(&path, |entry| next = entry.seq + 1)?;
        Ok(Self { path, end: Mutex::new(End { file, next }) })
    }

    /// Adds a line.
    ///
    /// # Errors
    /// When it cannot be written: what cannot be put on record is not done.
    pub(super) fn record(&self, record: &Record<'_>) -> Result<()> {
        let mut end = self.end.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = Entry {
            seq: end.next,
            at: super::now(),
            who: record.who,
            address: record.address.map(str::to_owned),
            action: record.action.into(),
            backup: record.backup.map(str::to_owned),
            connection: record.connection.map(str::to_owned),
            groups: record.groups.map(<[String]>::to_vec),
            job: record.job.map(str::to_owned),
            result: record.result.into(),
            message: record.message.map(str::to_owned),
        };
        let mut line = serde_json::to_vec(&entry).map_err(super::internal)?;
        line.push(b'\n');
        let written = end.file.write_all(&line);
        written.map_err(|error| Error::io(format!("cannot write {}", self.path.display()), error))?;
        end.next += 1;
        Ok(())
    }

    /// The newest entries, at most `limit`, only those before `before`.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn page(&self, limit: usize, before: Option<u64>) -> Result<Page> {
        let mut newest = VecDeque::with_capacity(limit + 1);
        each_entry(&self.path, |entry| {
            if before.is_none_or(|before| entry.seq < before) {
                newest.push_front(entry);
                newest.truncate(limit + 1);
            }
        })?;
        let more = newest.len() > limit;
        newest.truncate(limit);
        let before = newest.back().map(|entry| entry.seq).filter(|_| more);
        Ok(Page { entries: newest.into(), before })
    }
}

/// Reads the whole log, an entry at a time. What is no entry is left out.
fn each_entry(path: &Path, mut each: impl FnMut(Entry)) -> Result<()> {
    let cannot = |error| Error::io(format!("cannot read {}", path.display()), error);
    let mut reader = BufReader::new(File::open(path).map_err(cannot)?);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line).map_err(cannot)? > 0 {
        if let Ok(entry) = serde_json::from_slice(&line) {
            each(entry);
        }
        line.clear();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_backwards_and_goes_on_after_a_cut() {
        let directory = tempfile::tempdir().expect("a directory");
        let numbers = |page: &Page| page.entries.iter().map(|entry| entry.seq).collect::<Vec<_>>();
        let audit = Audit::open(directory.path()).expect("a log");
        for _ in 0..5 {
            audit.record(&Record::new(Who::Page, "backup", "asked")).expect("room");
        }
        let page = audit.page(2, None).expect("a page");
        assert_eq!((numbers(&page), page.before), (vec![5, 4], Some(4)));
        let page = audit.page(3, Some(4)).expect("a page");
        assert_eq!((numbers(&page), page.before), (vec![3, 2, 1], None));
        drop(audit);
        let path = directory.path().join("audit.ndjson");
        let content = std::fs::read(&path).expect("content");
        std::fs::write(&path, &content[..content.len() - 9]).expect("a file");
        let audit = Audit::open(directory.path()).expect("a log");
        audit.record(&Record::new(Who::Server, "start", "done")).expect("room");
        assert_eq!(numbers(&audit.page(9, None).expect("a page")), [5, 4, 3, 2, 1]);
    }
}
