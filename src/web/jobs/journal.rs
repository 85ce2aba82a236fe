//! What a restart must know of jobs: a line whenever one of them begins, ends or is dismissed. The last line of each counts.

use super::document::{Job, State};
use crate::web::marks::write_whole;
use crate::{Error, Result};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, ErrorKind as IoErrorKind, Write};
use std::path::Path;

/// The journal, open for more lines.
#[derive(Debug)]
pub(super) struct Journal {
    file: File,
    /// Whether its last line may have been cut.
    is_cut: bool,
}

/// What was read of it.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) journal: Journal,
    /// Oldest first.
    pub(super) jobs: Vec<Job>,
    /// The ids of those that were not over.
    pub(super) interrupted: Vec<String>,
    /// The largest number at the end of an id.
    pub(super) last_number: u64,
}

impl Journal {
    /// Reads the journal of a state directory: the jobs that are not forgotten, oldest first, and what each schedule did last,
    /// even if that was dismissed. Those that were not over are interrupted now. Writes it anew without what is forgotten.
    ///
    /// # Errors
    /// When it cannot be read or written.
    pub(super) fn open(directory: &Path, keep: usize) -> Result<Read> {
        let path = directory.join("jobs.ndjson");
        let mut jobs: BTreeMap<String, Job> = BTreeMap::new();
        match File::open(&path) {
            Err(error) if error.kind() == IoErrorKind::NotFound => {}
            Err(error) => return Err(Error::io(format!("cannot read {}", path.display()), error)),
            Ok(file) => {
                for line in BufReader::new(file).split(b'\n') {
                    let line = line.map_err(|error| Error::io(format!("cannot read {}", path.display()), error))?;
                    // A line that was cut by a sudden end is none; the one before it counts.
                    if let Ok(job) = serde_json::from_slice::<Job>(&line) {
                        jobs.insert(job.id.clone(), job);
                    }
                }
            }
        }
        let number = |id: &String| id.rsplit_once('-')?.1.parse::<u64>().ok();
        let last_number = jobs.keys().filter_map(number).max().unwrap_or(0);
        let of_schedules = jobs.values().filter_map(|job| Some((job.schedule.clone()?, job.id.clone())));
        // By schedule, the newest of which comes last.
        let last: BTreeSet<String> = of_schedules.collect::<BTreeMap<_, _>>().into_values().collect();
        let mut jobs: Vec<Job> = jobs.into_values().filter(|job| !job.dismissed || last.contains(&job.id)).collect();
        let mut interrupted = Vec::new();
        for job in jobs.iter_mut().filter(|job| job.state.is_open()) {
            interrupted.push(job.id.clone());
            job.state = State::Interrupted;
            job.cancellable = false;
            job.finished_at = Some(crate::web::now());
        }
        let calm = jobs.iter().filter(|job| !job.wants_attention()).count();
        let mut forgotten = calm.saturating_sub(keep);
        jobs.retain(|job| {
            let goes = forgotten > 0 && !job.wants_attention() && !last.contains(&job.id);
            forgotten -= usize::from(goes);
            !goes
        });
        let mut content = Vec::new();
        for job in &jobs {
            serde_json::to_writer(&mut content, job).map_err(crate::web::internal)?;
            content.push(b'\n');
        }
        // On a full disk the journal stays as long as it is: whoever makes room needs the server.
        let rewritten = write_whole(&path, &content);
        let is_cut = rewritten.is_err();
        if !path.exists() {
            rewritten?;
        }
        let file = OpenOptions::new().append(true).open(&path);
        let file = file.map_err(|error| Error::io(format!("cannot open {}", path.display()), error))?;
        Ok(Read { journal: Self { file, is_cut }, jobs, interrupted, last_number })
    }

    /// Writes down where a job stands.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn write(&mut self, job: &Job) -> Result<()> {
        let mut line = serde_json::to_vec(job).map_err(crate::web::internal)?;
        line.push(b'\n');
        if self.is_cut {
            line.insert(0, b'\n');
        }
        let written = self.file.write_all(&line);
        // Half a line must not take the next one with it.
        self.is_cut = written.is_err();
        written.map_err(|error| Error::io("cannot write the journal of jobs", error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::audit::Who;
    use std::fs;

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_costs_one_line_and_no_start() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("jobs.ndjson");
        let open = || Journal::open(directory.path(), 9).expect("a journal");
        let job = |id: &str| Job::new(id.into(), Who::Page);
        let mut journal = open().journal;
        journal.write(&job("20261130T030000-0001")).expect("room");
        let on_disk =
            std::mem::replace(&mut journal.file, OpenOptions::new().write(true).open("/dev/full").expect("it"));
        assert!(journal.write(&job("20261130T030000-0002")).is_err());
        // As much of a line as there was room for.
        journal.file = on_disk;
        journal.file.write_all(b"{\"id\":\"2026").expect("room");
        journal.write(&job("20261130T030000-0003")).expect("room");
        // It cannot be written anew, and is read all the same.
        fs::create_dir(path.with_extension("partial")).expect("a directory");
        let read = open();
        let ids: Vec<&str> = read.jobs.iter().map(|job| job.id.as_str()).collect();
        assert_eq!(ids, ["20261130T030000-0001", "20261130T030000-0003"]);
        assert_eq!((read.interrupted.len(), read.last_number, read.journal.is_cut), (2, 3, true));
    }
}
