//! Bench: how fast a database can be read, decoded, encoded and written, and how fast it comes back.
//!
//! ```text
//! null      reader.skim ──> nothing                      the database, the network, the driver
//! arrow     reader.read ──> batches, dropped             and decoding
//! parquet   dump ──> an archive whose files stay empty   and hashing, encoding, compressing
//! file      dump ──> an archive, removed                 and the disk
//! import    an archive ──> restore, into a scratch database
//! ```
//!
//! `parquet`, `file` and `import` are the engine's own dump and restore, so that what is measured is what users get; a
//! decorator between engine and dialect and the run's own events tell where time goes. What it is not: a profiler, or a
//! judge of two databases on two machines.

mod clock;
mod compare;
mod export;
mod gauge;
pub mod html;
mod import;
mod matrix;
mod probe;
mod report;
mod tpch;

pub use clock::Cpu;
pub use compare::{ComparedCase, Comparison, compare};
pub use import::ImportTarget;
pub use matrix::{Case, Matrix, SinkKind};
pub use report::{BenchReport, CaseReport, CollectionReport, ImportReport, Machine, PhaseReport, Spread, Stages};
pub use tpch::{Dataset, generate};

use crate::archive::Compression;
use crate::dump::GroupBy;
use crate::endpoint::Endpoint;
use crate::group::Selection;
use crate::progress::{Event, Progress, RowCount};
use crate::translate::{AcceptLossy, TypeRule};
use dbferry_dialect::{Cancel, Error, ErrorKind, Purpose, Result};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use tempfile::TempDir;

/// How to benchmark.
#[derive(Clone, Debug)]
pub struct BenchOptions {
    /// What to combine.
    pub matrix: Matrix,
    /// Bytes that a run may hold in memory; by default as a dump has it.
    pub memory: Option<u64>,
    /// Runs of each case that are thrown away, so that caches are warm.
    pub warm_up: usize,
    /// Runs of each case that are measured; at least one.
    pub repeats: usize,
    /// Where archives are written; each is removed after its run.
    pub directory: PathBuf,
    /// Which collections belong to which group.
    pub group_by: GroupBy,
    /// Which groups and collections are read.
    pub selection: Selection,
    /// Conditions in the source's own SQL, by the collection's full name.
    pub predicates: BTreeMap<String, String>,
    /// Whether anything weaker than one proven snapshot is refused; true by default.
    pub consistent: bool,
    /// What the user says of types on the way back, where it leads into another dialect.
    pub types: Vec<TypeRule>,
    /// Which losses of another dialect's types are accepted on the way back.
    pub accept_lossy: AcceptLossy,
    /// Cancels the benchmark.
    pub cancel: Cancel,
}

impl Default for BenchOptions {
    fn default() -> Self {
        Self {
            matrix: Matrix::default(),
            memory: None,
            warm_up: 1,
            repeats: 3,
            directory: PathBuf::from("."),
            group_by: GroupBy::default(),
            selection: Selection::default(),
            predicates: BTreeMap::new(),
            consistent: true,
            types: Vec::new(),
            accept_lossy: AcceptLossy::default(),
            cancel: Cancel::new(),
        }
    }
}

impl BenchOptions {
    /// A directory for one run.
    fn scratch_directory(&self) -> Result<TempDir> {
        let made = tempfile::Builder::new().prefix("dbferry-bench-").tempdir_in(&self.directory);
        made.map_err(|error| Error::io(format!("cannot create a directory in {}", self.directory.display()), error))
    }

    /// The numbers of jobs, each once.
    fn jobs(&self) -> BTreeSet<usize> {
        self.matrix.jobs.iter().copied().collect()
    }
}

/// Measures reading `source`, and the way back into `import` if there is one.
///
/// # Errors
/// Those of a dump and a restore; [`ErrorKind::Refused`] when the target of the way back holds what may not be replaced, and
/// [`ErrorKind::Usage`] when there is nothing to measure.
pub fn bench(
    source: &Endpoint<'_>,
    options: &BenchOptions,
    import: Option<&ImportTarget<'_>>,
    progress: &dyn Progress,
) -> Result<BenchReport> {
    let cases = options.matrix.cases()?;
    if options.repeats == 0 {
        return Err(Error::new(ErrorKind::Usage, "a benchmark takes one run at least"));
    }
    if let Some(target) = import {
        import::check(source, target, options)?;
    }
    let references = references(&cases);
    let imports = if import.is_some() { options.jobs().len() } else { 0 };
    let runs = (cases.len() + imports) * (options.warm_up + options.repeats) + references.len();
    progress.event(Event::Planned { collections: 0, rows: RowCount::Unknown, again: 0, work: runs as u64 });

    let info = source.open(Purpose::Read, &options.cancel)?.info().clone();
    let mut reports = measure(source, options, &cases, progress)?;
    let mut uncompressed: Vec<(Case, f64)> = reports.iter().map(|report| (report.case, report.stages.encode)).collect();
    for case in &references {
        let run = once(source, options, case, progress)?;
        uncompressed.push((*case, run.stages.encode));
    }
    for report in reports.iter_mut().filter(|report| report.case.sink.encodes()) {
        let reference = reference(&report.case);
        if let Some((_, encode)) = uncompressed.iter().find(|(case, _)| *case == reference) {
            let compress = f64::max(report.stages.encode - encode, 0.0);
            report.stages.compress = clock::rounded(compress);
            report.stages.encode = clock::rounded(report.stages.encode - compress);
        }
    }
    let imports = match import {
        Some(target) => import::run(source, target, options, progress)?,
        None => Vec::new(),
    };
    let first = reports.first();
    Ok(BenchReport {
        tool: concat!("dbferry ", env!("CARGO_PKG_VERSION")).into(),
        created_at: jiff::Timestamp::now().to_string(),
        machine: Machine::this(),
        source: info,
        collections: first.map_or(0, |report| report.per_collection.len() as u64),
        rows: first.map_or(0, |report| report.rows),
        warm_up: options.warm_up,
        repeats: options.repeats,
        cases: reports,
        imports,
    })
}

/// The same case without compression.
fn reference(case: &Case) -> Case {
    Case { compression: Some(Compression::None), ..*case }
}

/// Runs without compression that are needed to tell compressing from encoding and are not among the cases.
fn references(cases: &[Case]) -> Vec<Case> {
    let mut missing: Vec<Case> = Vec::new();
    for case in cases.iter().filter(|case| case.sink.encodes()).map(reference) {
        if !cases.contains(&case) && !missing.contains(&case) {
            missing.push(case);
        }
    }
    missing
}

/// All runs of all cases, in turns, so that whatever else the machine does meets all of them.
fn measure(
    source: &Endpoint<'_>,
    options: &BenchOptions,
    cases: &[Case],
    progress: &dyn Progress,
) -> Result<Vec<CaseReport>> {
    let mut runs: Vec<Vec<export::Run>> = cases.iter().map(|_| Vec::with_capacity(options.repeats)).collect();
    for round in 0..options.warm_up + options.repeats {
        for (case, runs) in cases.iter().zip(&mut runs) {
            let run = once(source, options, case, progress)?;
            if round >= options.warm_up {
                runs.push(run);
            }
        }
    }
    cases.iter().zip(runs).map(|(case, runs)| case_report(case, runs)).collect()
}

fn case_report(case: &Case, runs: Vec<export::Run>) -> Result<CaseReport> {
    let (spread, run) = report::middle(runs).ok_or_else(|| Error::new(ErrorKind::Internal, "nothing was measured"))?;
    Ok(CaseReport {
        case: *case,
        seconds: spread,
        setup_seconds: run.setup_seconds,
        readers: run.readers,
        rows: run.rows,
        bytes: run.bytes,
        rows_per_second: report::rate(run.rows, spread.median),
        bytes_per_second: report::rate(run.bytes, spread.median),
        cpu: run.cpu,
        peak_memory: run.peak_memory,
        output_bytes: run.output_bytes,
        stages: run.stages,
        per_collection: run.per_collection,
    })
}

fn once(source: &Endpoint<'_>, options: &BenchOptions, case: &Case, progress: &dyn Progress) -> Result<export::Run> {
    options.cancel.check()?;
    progress.event(Event::Phase { name: &format!("measure {case}"), group: None });
    let run = export::run(source, options, case).map_err(|error| error.with("case", case))?;
    progress.event(Event::Work { amount: 1 });
    Ok(run)
}
