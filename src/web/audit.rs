//! The audit log: who did what, when, and how it ended. One JSON object a line in a file that is only ever added to. A file
//! that is full gets a number behind its name, and another one is begun; the oldest ones go. The file is opened for each line,
//! so that one that was moved away, by `logrotate` or by hand, is begun anew. Values are cut where they are long: no request
//! pushes the others out.

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

/// The longest value, in characters.
const LONGEST: usize = 200;
/// The most groups of an entry.
const MOST_GROUPS: usize = 50;

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
    /// The number of the next entry; held while one is written.
    next: Mutex<u64>,
}

/// The file, to be added to.
struct End {
    file: File,
    size: u64,
    /// Whether its last line is whole.
    whole: bool,
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
        drop(open_end(&path)?);
        let mut audit = Self { path, full, next: Mutex::new(1) };
        let mut next = 1;
        for file in audit.files()? {
            audit.each_entry(file, |entry| next = entry.seq + 1)?;
            // It may have been begun just now.
            if next > 1 {
                break;
            }
        }
        *audit.next.get_mut().unwrap_or_else(PoisonError::into_inner) = next;
        Ok(audit)
    }

    /// Adds a line.
    ///
    /// # Errors
    /// When it cannot be written: what cannot be put on record is not done.
    pub(super) fn record(&self, record: &Record<'_>) -> Result<()> {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = Entry {
            seq: *next,
            at: super::now(),
            who: record.who,
            address: record.address.map(cut),
            action: record.action.into(),
            backup: record.backup.map(cut),
            connection: record.connection.map(cut),
            groups: record.groups.map(cut_all),
            job: record.job.map(cut),
            result: record.result.into(),
            message: record.message.map(cut),
        };
        let mut line = serde_json::to_vec(&entry).map_err(super::internal)?;
        line.push(b'\n');
        let mut end = open_end(&self.path)?;
        if end.size > 0 && end.size + line.len() as u64 > self.full {
            self.begin_another()?;
            end = open_end(&self.path)?;
        }
        // A line that was cut by a sudden end is left as it is, and this one begins on a line of its own.
        if !end.whole {
            line.insert(0, b'\n');
        }
        if let Err(error) = end.file.write_all(&line) {
            // Half a line says nothing; where it cannot be taken back either, the next one begins anew.
            _ = end.file.set_len(end.size);
            return Err(cannot("write", &self.path, error));
        }
        *next += 1;
        Ok(())
    }

    /// Puts the full file with the older ones.
    fn begin_another(&self) -> Result<()> {
        for age in (0..OLDER).rev() {
            match fs::rename(self.aged(age), self.aged(age + 1)) {
                // There are not so many yet.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                renamed => renamed.map_err(|error| cannot("rename", &self.aged(age), error))?,
            }
        }
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
        let _next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
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
fn open_end(path: &Path) -> Result<End> {
    let cannot = |error| cannot("open", path, error);
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).map_err(cannot)?;
    let size = file.metadata().map_err(cannot)?.len();
    let mut last = [b'\n'];
    if size > 0 {
        file.seek(SeekFrom::End(-1)).and_then(|_| file.read_exact(&mut last)).map_err(cannot)?;
    }
    Ok(End { file, size, whole: last == [b'\n'] })
}

/// A value that is no longer than it may be.
fn cut(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// The first of many values.
fn cut_all(texts: &[String]) -> Vec<String> {
    let mut all: Vec<String> = texts.iter().take(MOST_GROUPS).map(|text| cut(text)).collect();
    if texts.len() > MOST_GROUPS {
        all.push(format!("… and {} more", texts.len() - MOST_GROUPS));
    }
    all
}

fn cannot(what: &str, path: &Path, error: io::Error) -> Error {
    Error::io(format!("cannot {what} {}", path.display()), error)
}

#[cfg(test)]
mod tests;
