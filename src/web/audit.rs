//! The audit log: who did what, when, and how it ended. One JSON object a line in a file that is only ever added to. A file
//! that is full gets a number behind its name, and another one is begun; the oldest ones go.

use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// A file is full at so many bytes: some thirty thousand entries.
const FULL: u64 = 8_000_000;
/// So many full files are kept: `audit.ndjson.1` is the newest of them.
const OLDER: usize = 4;

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
    full: u64,
    end: Mutex<End>,
}

#[derive(Debug)]
struct End {
    file: File,
    size: u64,
    next: u64,
}

impl Audit {
    /// Opens the log in a directory, or begins one.
    ///
    /// # Errors
    /// When it cannot be read or written.
    pub(super) fn open(directory: &Path) -> Result<Self> {
        Self::with_limit(directory, FULL)
    }

    fn with_limit(directory: &Path, full: u64) -> Result<Self> {
        let path = directory.join("audit.ndjson");
        let file = open_end(&path)?;
        let mut audit = Self { path, full, end: Mutex::new(End { file, size: 0, next: 1 }) };
        let mut next = 1;
        for file in audit.files()? {
            audit.each_entry(file, |entry| next = entry.seq + 1)?;
            // It may have been begun just now.
            if next > 1 {
                break;
            }
        }
        let end = audit.end.get_mut().unwrap_or_else(PoisonError::into_inner);
        end.next = next;
        end.size = end.file.metadata().map_err(|error| cannot("read", &audit.path, error))?.len();
        Ok(audit)
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
        if end.size > 0 && end.size + line.len() as u64 > self.full {
            self.begin_another(&mut end)?;
        }
        end.file.write_all(&line).map_err(|error| cannot("write", &self.path, error))?;
        end.size += line.len() as u64;
        end.next += 1;
        Ok(())
    }

    /// Puts the full file with the older ones.
    fn begin_another(&self, end: &mut End) -> Result<()> {
        for age in (0..OLDER).rev() {
            match fs::rename(self.aged(age), self.aged(age + 1)) {
                // There are not so many yet.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                renamed => renamed.map_err(|error| cannot("rename", &self.aged(age), error))?,
            }
        }
        end.file = open_end(&self.path)?;
        end.size = 0;
        Ok(())
    }

    /// The file that is written, or an older one.
    fn aged(&self, age: usize) -> PathBuf {
        let mut path = self.path.clone().into_os_string();
        if age > 0 {
            path.push(format!(".{age}"));
        }
        path.into()
    }

    /// All files, newest first. They stay what they are when another one is begun meanwhile.
    fn files(&self) -> Result<Vec<File>> {
        let _end = self.end.lock().unwrap_or_else(PoisonError::into_inner);
        let mut files = Vec::new();
        for age in 0..=OLDER {
            match File::open(self.aged(age)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                opened => files.push(opened.map_err(|error| cannot("read", &self.aged(age), error))?),
            }
        }
        Ok(files)
    }

    /// The newest entries, at most `limit`, only those before `before`.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn page(&self, limit: usize, before: Option<u64>) -> Result<Page> {
        let mut entries = Vec::new();
        for file in self.files()? {
            let wanted = limit + 1 - entries.len();
            let mut newest = VecDeque::new();
            self.each_entry(file, |entry| {
                if before.is_none_or(|before| entry.seq < before) {
                    newest.push_front(entry);
                    newest.truncate(wanted);
                }
            })?;
            entries.extend(newest);
            if entries.len() > limit {
                break;
            }
        }
        let more = entries.len() > limit;
        entries.truncate(limit);
        let before = entries.last().map(|entry| entry.seq).filter(|_| more);
        Ok(Page { entries, before })
    }

    /// Reads a whole file, an entry at a time. What is no entry is left out.
    fn each_entry(&self, file: File, mut each: impl FnMut(Entry)) -> Result<()> {
        let mut reader = BufReader::new(file);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line).map_err(|error| cannot("read", &self.path, error))? > 0 {
            if let Ok(entry) = serde_json::from_slice(&line) {
                each(entry);
            }
            line.clear();
        }
        Ok(())
    }
}

/// Opens a file to add to, or begins it.
fn open_end(path: &Path) -> Result<File> {
    let cannot = |error| cannot("open", path, error);
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).map_err(cannot)?;
    // A line that was cut by a sudden end is left as it is, and the next one begins on a line of its own.
    let mut last = [b'\n'];
    if file.seek(SeekFrom::End(-1)).is_ok() {
        file.read_exact(&mut last).map_err(cannot)?;
    }
    if last != [b'\n'] {
        file.write_all(b"\n").map_err(cannot)?;
    }
    Ok(file)
}

fn cannot(what: &str, path: &Path, error: io::Error) -> Error {
    Error::io(format!("cannot {what} {}", path.display()), error)
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
        let content = fs::read(&path).expect("content");
        fs::write(&path, &content[..content.len() - 9]).expect("a file");
        let audit = Audit::open(directory.path()).expect("a log");
        audit.record(&Record::new(Who::Server, "start", "done")).expect("room");
        assert_eq!(numbers(&audit.page(9, None).expect("a page")), [5, 4, 3, 2, 1]);
    }

    #[test]
    fn a_full_file_makes_room_for_another_and_the_oldest_goes() {
        let directory = tempfile::tempdir().expect("a directory");
        let mut names: Vec<String> = (1..=OLDER).map(|age| format!("audit.ndjson.{age}")).collect();
        names.insert(0, "audit.ndjson".to_owned());
        let mut written = 0;
        for _ in 0..3 {
            // It goes on as before after a restart, also in a file with nothing in it yet.
            let audit = Audit::with_limit(directory.path(), 1_000).expect("a log");
            for _ in 0..40 {
                audit.record(&Record::new(Who::Page, "backup", "asked")).expect("room");
                written += 1;
            }
            let mut found = Vec::new();
            let mut before = None;
            loop {
                let page = audit.page(7, before).expect("a page");
                found.extend(page.entries.iter().map(|entry| entry.seq));
                before = page.before;
                if before.is_none() {
                    break;
                }
            }
            let kept = found.len() as u64;
            assert!((20..40).contains(&kept), "{kept}");
            assert_eq!(
                found,
                (written - kept + 1..=written).rev().collect::<Vec<_>>(),
                "the newest ones, without a gap"
            );
            let mut files = Vec::new();
            for entry in fs::read_dir(directory.path()).expect("a directory") {
                let entry = entry.expect("a file");
                assert!(entry.metadata().expect("a size").len() <= 1_000);
                files.push(entry.file_name().into_string().expect("a name"));
            }
            files.sort();
            assert_eq!(files, names);
            // As after a sudden end between two files.
            let mut end = audit.end.lock().expect("no panic");
            audit.begin_another(&mut end).expect("another file");
        }
    }
}
