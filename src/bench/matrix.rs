//! What is measured: every combination of what the options name, each once.

use crate::archive::Compression;
use crate::resources::Resources;
use dbferry_dialect::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// How far rows go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SinkKind {
    /// They are taken from the database, and nothing is made of them.
    Null,
    /// They are decoded into batches, which are dropped.
    Arrow,
    /// A whole dump whose files stay empty: hashed, encoded, compressed, dropped.
    Parquet,
    /// A whole dump into a directory, which is removed.
    File,
}

impl SinkKind {
    /// All of them, the shortest way first.
    pub const ALL: [Self; 4] = [Self::Null, Self::Arrow, Self::Parquet, Self::File];

    /// Whether rows are encoded, so that a compression means something.
    pub fn encodes(self) -> bool {
        matches!(self, Self::Parquet | Self::File)
    }
}

impl fmt::Display for SinkKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Null => "null",
            Self::Arrow => "arrow",
            Self::Parquet => "parquet",
            Self::File => "file",
        })
    }
}

impl FromStr for SinkKind {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|kind| kind.to_string() == text).ok_or_else(|| {
            Error::new(ErrorKind::Usage, format!("there is no sink {text:?}; use null, arrow, parquet or file"))
        })
    }
}

/// What to combine. An empty list of sizes is one of the default size.
#[derive(Clone, Debug)]
pub struct Matrix {
    /// How far rows go.
    pub sinks: Vec<SinkKind>,
    /// Numbers of threads.
    pub jobs: Vec<usize>,
    /// How pages are compressed.
    pub compressions: Vec<Compression>,
    /// Sizes of a batch in memory, in bytes; by default as `jobs` and memory have it.
    pub batch_bytes: Vec<u64>,
    /// Sizes of a chunk of a table, in bytes; by default as a dump has it.
    pub chunk_bytes: Vec<u64>,
}

impl Default for Matrix {
    fn default() -> Self {
        Self {
            sinks: SinkKind::ALL.to_vec(),
            jobs: vec![Resources::default().jobs],
            compressions: vec![Compression::default()],
            batch_bytes: Vec::new(),
            chunk_bytes: Vec::new(),
        }
    }
}

/// One combination.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    /// How far rows go.
    pub sink: SinkKind,
    /// Threads.
    pub jobs: usize,
    /// How pages are compressed, where rows are encoded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compression: Option<Compression>,
    /// The size of a batch, if it is not the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch_bytes: Option<u64>,
    /// The size of a chunk, if it is not the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chunk_bytes: Option<u64>,
}

impl fmt::Display for Case {
    /// `parquet, 2 jobs, zstd:3`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {} {}", self.sink, self.jobs, if self.jobs == 1 { "job" } else { "jobs" })?;
        if let Some(compression) = self.compression {
            write!(f, ", {compression}")?;
        }
        for (size, what) in [(self.batch_bytes, "batches"), (self.chunk_bytes, "chunks")] {
            if let Some(bytes) = size {
                write!(f, ", {what} of {bytes} B")?;
            }
        }
        Ok(())
    }
}

impl Matrix {
    /// Every combination, the cheap ones first.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] when nothing is left to measure, or a size is none.
    pub fn cases(&self) -> Result<Vec<Case>> {
        let sizes = |sizes: &[u64]| -> Vec<Option<u64>> {
            if sizes.is_empty() { vec![None] } else { sizes.iter().copied().map(Some).collect() }
        };
        if self.batch_bytes.iter().chain(&self.chunk_bytes).any(|bytes| *bytes == 0) {
            return Err(Error::new(ErrorKind::Usage, "neither a batch nor a chunk has 0 bytes"));
        }
        let mut cases: Vec<Case> = Vec::new();
        for sink in SinkKind::ALL.into_iter().filter(|sink| self.sinks.contains(sink)) {
            let compressions: Vec<Option<Compression>> =
                if sink.encodes() { self.compressions.iter().copied().map(Some).collect() } else { vec![None] };
            for (compression, jobs) in compressions.iter().flat_map(|one| self.jobs.iter().map(move |jobs| (one, jobs)))
            {
                for batch_bytes in sizes(&self.batch_bytes) {
                    for chunk_bytes in sizes(&self.chunk_bytes) {
                        let case = Case { sink, jobs: *jobs, compression: *compression, batch_bytes, chunk_bytes };
                        if !cases.contains(&case) {
                            cases.push(case);
                        }
                    }
                }
            }
        }
        if cases.is_empty() {
            return Err(Error::new(
                ErrorKind::Usage,
                "there is nothing to measure: name a sink, jobs and a compression",
            ));
        }
        Ok(cases)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_combination_comes_once() {
        let matrix = Matrix {
            jobs: vec![1, 2, 1],
            compressions: vec![Compression::Zstd(3), Compression::None],
            chunk_bytes: vec![1 << 20],
            ..Matrix::default()
        };
        let names: Vec<String> = matrix.cases().expect("cases").iter().map(Case::to_string).collect();
        assert_eq!(names.len(), 2 + 2 + 4 + 4, "{names:?}");
        assert_eq!(names[0], "null, 1 job, chunks of 1048576 B");
        assert!(names.contains(&"file, 2 jobs, none, chunks of 1048576 B".to_owned()), "{names:?}");
        for empty in [Matrix { sinks: Vec::new(), ..matrix.clone() }, Matrix { batch_bytes: vec![0], ..matrix }] {
            assert_eq!(empty.cases().expect_err("nothing").kind(), ErrorKind::Usage);
        }
    }

    #[test]
    fn sinks_are_read_as_they_are_written() {
        for sink in SinkKind::ALL {
            assert_eq!(sink.to_string().parse::<SinkKind>().ok(), Some(sink));
        }
        assert!("tape".parse::<SinkKind>().is_err());
    }
}
