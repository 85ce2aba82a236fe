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
pub(super) struct Journal(File);

impl Journal {
    /// Reads the journal of a state directory: the jobs that are not forgotten, oldest first, and what each schedule did last,
    /// even if that was dismissed. Those that were not over are interrupted now. Writes it anew without what is forgotten.
    ///
    /// # Errors
    /// When it cannot be read or written.
    pub(super) fn open(directory: &Path, keep: usize) -> Result<(Self, Vec<Job>)> {
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
        let of_schedules = jobs.values().filter_map(|job| Some((job.schedule.clone()?, job.id.clone())));
        // By schedule, the newest of which comes last.
        let last: BTreeSet<String> = of_schedules.collect::<BTreeMap<_, _>>().into_values().collect();
        let mut jobs: Vec<Job> = jobs.into_values().filter(|job| !job.dismissed || last.contains(&job.id)).collect();
        for job in jobs.iter_mut().filter(|job| job.state.is_open()) {
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
        write_whole(&path, &content)?;
        let file = OpenOptions::new().append(true).open(&path);
        let file = file.map_err(|error| Error::io(format!("cannot open {}", path.display()), error))?;
        Ok((Self(file), jobs))
    }

    /// Writes down where a job stands.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn write(&mut self, job: &Job) -> Result<()> {
        let mut line = serde_json::to_vec(job).map_err(crate::web::internal)?;
        line.push(b'\n');
        self.0.write_all(&line).map_err(|error| Error::io("cannot write the journal of jobs", error))
    }
}
