//! What was measured, as data. A report is written as JSON and read back to compare a later one with it.

use super::clock::Cpu;
use super::matrix::Case;
use dbferry_dialect::{DatabaseInfo, Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

/// Everything that one benchmark found.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BenchReport {
    /// What measured.
    pub tool: String,
    /// When.
    pub created_at: String,
    /// Where.
    pub machine: Machine,
    /// The database that was read.
    pub source: DatabaseInfo,
    /// How many of its collections were read.
    pub collections: u64,
    /// Their rows.
    pub rows: u64,
    /// Runs of each case that were thrown away before it was measured.
    pub warm_up: usize,
    /// Runs of each case that were measured.
    pub repeats: usize,
    /// Each combination that was measured.
    pub cases: Vec<CaseReport>,
    /// The way back, where it was measured.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub imports: Vec<ImportReport>,
}

/// What the program ran on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// The operating system.
    pub system: String,
    /// The processors' architecture.
    pub architecture: String,
    /// How many of them this process may use.
    pub processors: usize,
}

impl Machine {
    pub(super) fn this() -> Self {
        let os = if cfg!(target_os = "linux") {
            "linux"
        } else if cfg!(target_os = "macos") {
            "macos"
        } else if cfg!(windows) {
            "windows"
        } else {
            "other"
        };
        let architecture = if cfg!(target_arch = "x86_64") {
            "x86_64"
        } else if cfg!(target_arch = "aarch64") {
            "aarch64"
        } else {
            "other"
        };
        Self {
            system: os.into(),
            architecture: architecture.into(),
            processors: std::thread::available_parallelism().map_or(1, usize::from),
        }
    }
}

/// The shortest, the middle and the longest of several runs, in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// The shortest.
    pub min: f64,
    /// The one in the middle, of two the longer one.
    pub median: f64,
    /// The longest.
    pub max: f64,
}

/// One combination, in all its runs. What is no [`Spread`] is of the run in the middle.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CaseReport {
    /// What was measured.
    #[serde(flatten)]
    pub case: Case,
    /// From connecting until everything is done.
    pub seconds: Spread,
    /// Of these the seconds before the first row is read: connecting, the snapshot, the catalogue, dividing tables.
    pub setup_seconds: f64,
    /// Sessions that read; a database may give fewer than there are jobs.
    pub readers: usize,
    /// Rows.
    pub rows: u64,
    /// Their size: as they came where nothing was made of them, otherwise in memory.
    pub bytes: u64,
    /// Rows a second.
    pub rows_per_second: f64,
    /// Bytes a second.
    pub bytes_per_second: f64,
    /// Processor time of this process, where the system tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<Cpu>,
    /// The most memory of this process, where the system tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak_memory: Option<u64>,
    /// Bytes of the Parquet files, where there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_bytes: Option<u64>,
    /// Where the time of the readers' threads went.
    pub stages: Stages,
    /// Each collection, the longest first.
    pub per_collection: Vec<CollectionReport>,
}

/// Where the time of the reading threads went, in seconds, summed up over them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Stages {
    /// In the reader but on no processor: waiting for the database, the network, the disk, or for a processor.
    pub wait: f64,
    /// In the reader on a processor: the driver, and making batches of what comes.
    pub decode: f64,
    /// Hashing rows.
    pub hash: f64,
    /// Encoding rows as Parquet.
    pub encode: f64,
    /// Compressing pages: what encoding takes longer than in a run without compression.
    pub compress: f64,
    /// Writing to files, or waiting for them.
    pub write: f64,
    /// What is left of the threads' time: idle, or waiting for a processor while hashing or encoding.
    pub other: f64,
}

impl Stages {
    /// The stages with their names, in the order in which a batch meets them.
    pub fn named(&self) -> [(&'static str, f64); 7] {
        [
            ("wait", self.wait),
            ("decode", self.decode),
            ("hash", self.hash),
            ("encode", self.encode),
            ("compress", self.compress),
            ("write", self.write),
            ("other", self.other),
        ]
    }
}

/// One collection of a case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CollectionReport {
    /// Its name.
    pub collection: String,
    /// Its rows.
    pub rows: u64,
    /// Their size.
    pub bytes: u64,
    /// How long threads worked on it, summed up.
    pub seconds: f64,
    /// Of these the time in the reader.
    pub reading_seconds: f64,
    /// Rows for each second of one thread.
    pub rows_per_second: f64,
}

/// The way back, with one number of jobs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ImportReport {
    /// The database that was written.
    pub target: DatabaseInfo,
    /// Threads.
    pub jobs: usize,
    /// From looking at the target until everything is proven and switched.
    pub seconds: Spread,
    /// Rows.
    pub rows: u64,
    /// Their size in memory.
    pub bytes: u64,
    /// Rows a second.
    pub rows_per_second: f64,
    /// Bytes a second.
    pub bytes_per_second: f64,
    /// Processor time of this process, where the system tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<Cpu>,
    /// The most memory of this process, where the system tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak_memory: Option<u64>,
    /// What was done one after the other, and how long it took.
    pub phases: Vec<PhaseReport>,
    /// How long threads were writing, summed up.
    pub writing_seconds: f64,
    /// Each collection, the longest first; seconds are those of writing.
    pub per_collection: Vec<CollectionReport>,
}

/// One phase of a restore: `plan`, `check`, `load`, `indexes`, `prove`, `switch`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PhaseReport {
    /// Its name.
    pub phase: String,
    /// How long it took, over all groups.
    pub seconds: f64,
}

impl BenchReport {
    /// The first case that goes as far as any, with as many jobs as any: the one whose tables tell most.
    pub fn longest_way(&self) -> Option<&CaseReport> {
        // The last of several that are equal is found, so they are looked at backwards.
        self.cases.iter().rev().max_by_key(|case| (case.case.sink, case.case.jobs))
    }

    /// Leaves out how much memory the process held, where it held other things too.
    pub fn forget_memory(&mut self) {
        self.cases.iter_mut().for_each(|case| case.peak_memory = None);
        self.imports.iter_mut().for_each(|import| import.peak_memory = None);
    }

    /// Reads what `dbferry bench --json` wrote: the last report among its lines.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] when there is none, or it is not understood.
    pub fn read(text: &str) -> Result<Self> {
        let documents = text.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        // A report that somebody has laid out anew is one document over many lines.
        let whole = serde_json::from_str::<serde_json::Value>(text).ok();
        let report = documents.chain(whole).rfind(|value| value.get("cases").is_some_and(serde_json::Value::is_array));
        let report = report.ok_or_else(|| {
            Error::new(ErrorKind::Usage, "there is no benchmark in it").hint("write one with dbferry bench URL --json")
        })?;
        serde_json::from_value(report).map_err(|error| {
            Error::new(ErrorKind::Usage, "the benchmark in it is not understood")
                .caused_by(error)
                .hint("measure it again")
        })
    }
}

/// A run, of which there are several a case.
pub(super) trait Timed {
    fn seconds(&self) -> f64;
}

/// The spread of some runs and the one in the middle; `None` of none.
pub(super) fn middle<T: Timed>(mut runs: Vec<T>) -> Option<(Spread, T)> {
    runs.sort_by(|left, right| left.seconds().total_cmp(&right.seconds()));
    let (min, max) = (runs.first()?.seconds(), runs.last()?.seconds());
    let run = runs.swap_remove(runs.len() / 2);
    Some((Spread { min, median: run.seconds(), max }, run))
}

/// How many a second; 0 where no time has passed.
pub(super) fn rate(amount: u64, seconds: f64) -> f64 {
    if seconds > 0.0 { (amount as f64 / seconds).round() } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Timed for f64 {
        fn seconds(&self) -> f64 {
            *self
        }
    }

    #[test]
    fn the_middle_is_a_run_that_was() {
        let spread = |runs: &[f64]| middle(runs.to_vec()).map(|(spread, _)| (spread.min, spread.median, spread.max));
        assert_eq!(spread(&[3.0, 1.0, 2.0]), Some((1.0, 2.0, 3.0)));
        assert_eq!(spread(&[2.0, 1.0]), Some((1.0, 2.0, 2.0)));
        assert_eq!(spread(&[5.0]), Some((5.0, 5.0, 5.0)));
        assert_eq!(spread(&[]), None);
    }

    #[test]
    fn what_is_no_report_is_told() {
        for text in ["", "{}", "not json", "{\"type\":\"summary\",\"command\":\"dump\"}"] {
            assert!(BenchReport::read(text).expect_err(text).to_string().contains("no benchmark"), "{text}");
        }
        let error = BenchReport::read("{\"cases\":[]}").expect_err("not whole");
        assert!(error.to_string().contains("not understood"), "{error}");
    }
}
