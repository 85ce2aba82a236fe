//! The way back: an archive of the database is restored into a scratch target, again and again.

use super::BenchOptions;
use super::clock::{Cpu, Usage, rounded, seconds};
use super::gauge::Gauge;
use super::probe::{Probe, Probed};
use super::report::{CollectionReport, ImportReport, PhaseReport, Timed, middle, rate};
use crate::archive::Archive;
use crate::dump::{DumpOptions, dump};
use crate::endpoint::Endpoint;
use crate::progress::{Event, Progress, Silent};
use crate::resources::Resources;
use crate::restore::{RestoreOptions, restore};
use crate::verify::empty;
use dbferry_dialect::{DatabaseInfo, Error, ErrorKind, Purpose, Result};
use std::sync::Arc;
use std::time::Instant;

/// Where to measure the way back.
#[derive(Clone, Debug)]
pub struct ImportTarget<'a> {
    /// The database.
    pub endpoint: Endpoint<'a>,
    /// Whether what it holds may be replaced; otherwise it must be empty, and is empty again afterwards.
    pub replace: bool,
}

/// One restore.
struct Run {
    seconds: f64,
    cpu: Option<Cpu>,
    peak_memory: Option<u64>,
    moved: (u64, u64),
    phases: Vec<PhaseReport>,
    writing_seconds: f64,
    per_collection: Vec<CollectionReport>,
}

impl Timed for Run {
    fn seconds(&self) -> f64 {
        self.seconds
    }
}

/// Refuses a target that holds what may not be replaced.
///
/// # Errors
/// [`ErrorKind::Refused`], and [`ErrorKind::Usage`] when it is the source.
pub(super) fn check(source: &Endpoint<'_>, target: &ImportTarget<'_>, options: &BenchOptions) -> Result<()> {
    let ImportTarget { endpoint, replace } = target;
    if source.is_same_database(endpoint) {
        let message = format!("{endpoint} is the source and the target");
        return Err(Error::new(ErrorKind::Usage, message).hint("import into another database"));
    }
    if *replace || is_empty(endpoint, options)? {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Refused,
        format!("{endpoint} is not empty, and nothing says that it is a scratch database"),
    )
    .hint("name an empty one, or a connection of dbferry.toml with role = \"scratch\"; nothing was changed"))
}

fn is_empty(endpoint: &Endpoint<'_>, options: &BenchOptions) -> Result<bool> {
    endpoint.open(Purpose::Plan, &options.cancel)?.is_empty().map_err(|error| endpoint.name(error))
}

/// Dumps the source once, and restores it with each number of jobs.
pub(super) fn run(
    source: &Endpoint<'_>,
    target: &ImportTarget<'_>,
    options: &BenchOptions,
    progress: &dyn Progress,
) -> Result<Vec<ImportReport>> {
    let directory = options.scratch_directory()?;
    let path = directory.path().join("archive");
    let dump_options = DumpOptions {
        resources: Resources::new(None, options.memory)?,
        compression: options.matrix.compressions.first().copied().unwrap_or_default(),
        group_by: options.group_by.clone(),
        selection: options.selection.clone(),
        predicates: options.predicates.clone(),
        consistent: options.consistent,
        cancel: options.cancel.clone(),
        ..DumpOptions::default()
    };
    dump(source, &path, &dump_options, &Silent)?;
    let archive = Archive::open(&path)?;
    let empties = is_empty(&target.endpoint, options)?;
    let info = target.endpoint.open(Purpose::Plan, &options.cancel)?.info().clone();
    options
        .jobs()
        .into_iter()
        .map(|jobs| with_jobs(&archive, target, options, jobs, (empties, &info), progress))
        .collect()
}

fn with_jobs(
    archive: &Archive,
    target: &ImportTarget<'_>,
    options: &BenchOptions,
    jobs: usize,
    (empties, info): (bool, &DatabaseInfo),
    progress: &dyn Progress,
) -> Result<ImportReport> {
    let mut runs = Vec::new();
    for number in 0..options.warm_up + options.repeats {
        options.cancel.check()?;
        progress.event(Event::Phase { name: &format!("measure import, {jobs} jobs"), group: None });
        let run = restore_once(archive, &target.endpoint, options, jobs);
        // Whatever came of it: what was empty is empty again.
        let emptied = if empties { empty(&target.endpoint) } else { Ok(()) };
        let run = run?;
        emptied?;
        if number >= options.warm_up {
            runs.push(run);
        }
        progress.event(Event::Work { amount: 1 });
    }
    let (spread, run) = middle(runs).ok_or_else(|| Error::new(ErrorKind::Internal, "nothing was measured"))?;
    let (rows, bytes) = run.moved;
    Ok(ImportReport {
        target: info.clone(),
        jobs,
        seconds: spread,
        rows,
        bytes,
        rows_per_second: rate(rows, spread.median),
        bytes_per_second: rate(bytes, spread.median),
        cpu: run.cpu,
        peak_memory: run.peak_memory,
        phases: run.phases,
        writing_seconds: run.writing_seconds,
        per_collection: run.per_collection,
    })
}

fn restore_once(archive: &Archive, target: &Endpoint<'_>, options: &BenchOptions, jobs: usize) -> Result<Run> {
    let probe = Arc::new(Probe::default());
    let probed = Probed { inner: target.dialect, probe: Arc::clone(&probe) };
    let endpoint = Endpoint { dialect: &probed, url: target.url.clone(), environment: target.environment.clone() };
    let restore_options = RestoreOptions {
        resources: Resources::new(Some(jobs), options.memory)?,
        types: options.types.clone(),
        accept_lossy: options.accept_lossy.clone(),
        cancel: options.cancel.clone(),
        ..RestoreOptions::default()
    };
    let gauge = Gauge::default();
    let usage = Usage::begin();
    let started = Instant::now();
    restore(archive, &endpoint, &restore_options, &gauge)?;
    let elapsed = seconds(started.elapsed());
    let (cpu, peak_memory) = (usage.cpu(), usage.peak_memory());
    let phases = gauge.phases().into_iter().map(|(phase, time)| PhaseReport { phase, seconds: seconds(time) });
    let mut per_collection: Vec<CollectionReport> = probe
        .handled()
        .into_iter()
        .map(|(name, handled)| {
            let writing = seconds(handled.writing.busy + handled.writing.waiting);
            CollectionReport {
                collection: name.to_string(),
                rows: handled.rows,
                bytes: handled.bytes,
                seconds: writing,
                reading_seconds: seconds(handled.reading.busy + handled.reading.waiting),
                rows_per_second: rate(handled.rows, writing),
            }
        })
        .collect();
    per_collection.sort_by(|left, right| right.seconds.total_cmp(&left.seconds));
    Ok(Run {
        seconds: elapsed,
        cpu,
        peak_memory,
        moved: gauge.moved(),
        phases: phases.collect(),
        writing_seconds: rounded(per_collection.iter().map(|report| report.seconds).sum()),
        per_collection,
    })
}
