//! One run of one case: a database is read as a dump reads it, as far as the sink says.

use super::BenchOptions;
use super::clock::{Cpu, Usage, rounded, seconds};
use super::gauge::Gauge;
use super::matrix::{Case, SinkKind};
use super::probe::{Handled, Probe, Probed};
use super::report::{CollectionReport, Stages, Timed, rate};
use crate::archive::{ArchiveWriter, Compression};
use crate::dump::{DumpOptions, dump_into, wanted};
use crate::endpoint::Endpoint;
use crate::progress::{Event, Progress, Stage};
use crate::resources::Resources;
use dbferry_dialect::{
    Batch, Chunk, Collection, CollectionName, Error, Purpose, ReadRequest, Reader, Result, SnapshotOptions,
};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// What one run found.
#[derive(Debug)]
pub(super) struct Run {
    seconds: f64,
    pub(super) setup_seconds: f64,
    pub(super) readers: usize,
    pub(super) rows: u64,
    pub(super) bytes: u64,
    pub(super) cpu: Option<Cpu>,
    pub(super) peak_memory: Option<u64>,
    pub(super) output_bytes: Option<u64>,
    pub(super) stages: Stages,
    pub(super) per_collection: Vec<CollectionReport>,
}

impl Timed for Run {
    fn seconds(&self) -> f64 {
        self.seconds
    }
}

/// Measures one run.
pub(super) fn run(source: &Endpoint<'_>, options: &BenchOptions, case: &Case) -> Result<Run> {
    let resources = Resources::new(Some(case.jobs), options.memory)?;
    let probe = Arc::new(Probe::with_sizes(case.batch_bytes, case.chunk_bytes));
    let probed = Probed { inner: source.dialect, probe: Arc::clone(&probe) };
    let probed = Endpoint { dialect: &probed, url: source.url.clone(), environment: source.environment.clone() };
    let dump_options = DumpOptions {
        resources,
        compression: case.compression.unwrap_or(Compression::None),
        group_by: options.group_by.clone(),
        selection: options.selection.clone(),
        predicates: options.predicates.clone(),
        consistent: options.consistent,
        cancel: options.cancel.clone(),
        ..DumpOptions::default()
    };
    // The directory is made and removed outside of what is measured.
    let directory = case.sink.encodes().then(|| options.scratch_directory()).transpose()?;
    let gauge = Gauge::default();
    let usage = Usage::begin();
    let started = Instant::now();
    let (readers, output_bytes) = match (&directory, case.sink) {
        (Some(directory), sink) => {
            let path = directory.path().join("archive");
            let report = dump_into(&probed, &dump_options, &gauge, |write| match sink {
                SinkKind::File => ArchiveWriter::create(&path, write),
                _ => ArchiveWriter::create_forgetful(&path, write),
            })?;
            (report.consistency.readers, Some(report.bytes))
        }
        (None, sink) => (read_only(&probed, &dump_options, sink, &gauge)?, None),
    };
    let elapsed = seconds(started.elapsed());
    let (cpu, peak_memory) = (usage.cpu(), usage.peak_memory());
    let reading: f64 = gauge.phases().iter().filter(|(name, _)| name == "read").map(|(_, time)| seconds(*time)).sum();
    let handled = probe.handled();
    Ok(Run {
        seconds: elapsed,
        setup_seconds: rounded(f64::max(elapsed - reading, 0.0)),
        readers,
        rows: handled.values().map(|handled| handled.rows).sum(),
        bytes: handled.values().map(|handled| handled.bytes).sum(),
        cpu,
        peak_memory,
        output_bytes,
        stages: stages(&handled, &gauge, readers as f64 * reading),
        per_collection: per_collection(&handled),
    })
}

/// Where `available` seconds of all threads together went. Compression is not told apart here.
fn stages(handled: &BTreeMap<CollectionName, Handled>, gauge: &Gauge, available: f64) -> Stages {
    let sum = |part: fn(&Handled) -> std::time::Duration| rounded(handled.values().map(|of| seconds(part(of))).sum());
    let written = gauge.spent(Stage::Write);
    let mut stages = Stages {
        wait: sum(|of| of.reading.waiting),
        decode: sum(|of| of.reading.busy),
        hash: seconds(gauge.spent(Stage::Hash).busy),
        encode: seconds(gauge.spent(Stage::Encode).busy),
        compress: 0.0,
        write: seconds(written.busy + written.waiting),
        other: 0.0,
    };
    let known: f64 = stages.named().iter().map(|(_, seconds)| seconds).sum();
    stages.other = rounded(f64::max(available - known, 0.0));
    stages
}

fn per_collection(handled: &BTreeMap<CollectionName, Handled>) -> Vec<CollectionReport> {
    let report = |(name, of): (&CollectionName, &Handled)| {
        let reading = seconds(of.reading.busy + of.reading.waiting);
        let seconds = rounded(reading + seconds(of.taking.busy + of.taking.waiting));
        CollectionReport {
            collection: name.to_string(),
            rows: of.rows,
            bytes: of.bytes,
            seconds,
            reading_seconds: reading,
            rows_per_second: rate(of.rows, seconds),
        }
    };
    let mut reports: Vec<CollectionReport> = handled.iter().map(report).collect();
    reports.sort_by(|left, right| right.seconds.total_cmp(&left.seconds));
    reports
}

/// A chunk of a collection.
struct Task<'a> {
    collection: &'a Collection,
    predicate: Option<&'a str>,
    chunk: Chunk,
}

/// Reads everything that a dump would read, in the same order, and drops it. Returns the number of readers.
fn read_only(source: &Endpoint<'_>, options: &DumpOptions, sink: SinkKind, progress: &dyn Progress) -> Result<usize> {
    progress.event(Event::Phase { name: "snapshot", group: None });
    let mut database = source.open(Purpose::Read, &options.cancel)?;
    let mut snapshot_options = SnapshotOptions::new(options.resources.jobs);
    snapshot_options.consistent = options.consistent;
    let named = |error: Error| source.name(error);
    let mut snapshot = database.snapshot(&snapshot_options).map_err(named)?;
    let schema = snapshot.schema().map_err(named)?;
    let target = options.resources.row_group_bytes(options.row_group_bytes) as u64 / 4 * 3;
    let mut divided: Vec<(u64, Vec<Task<'_>>)> = Vec::new();
    for (collection, _) in wanted(&mut *database, &schema, options, progress)? {
        if collection.kind.has_rows() {
            options.cancel.check()?;
            let chunks = snapshot.chunks(collection, target).map_err(named)?;
            let bytes = chunks.iter().map(|chunk| chunk.estimated_bytes).fold(0, u64::saturating_add);
            let predicate = options.predicates.get(&collection.name.to_string()).map(String::as_str);
            let tasks = chunks.into_iter().map(|chunk| Task { collection, predicate, chunk });
            divided.push((bytes, tasks.collect()));
        }
    }
    divided.sort_by_key(|(bytes, _)| std::cmp::Reverse(*bytes));
    let tasks: Vec<Task<'_>> = divided.into_iter().flat_map(|(_, tasks)| tasks).collect();

    progress.event(Event::Phase { name: "read", group: None });
    let readers = snapshot.readers();
    let count = readers.len();
    let (next, stopped) = (AtomicUsize::new(0), AtomicBool::new(false));
    let failure: Mutex<Option<Error>> = Mutex::new(None);
    Resources::pool(count)?.scope(|scope| {
        for mut reader in readers {
            let (tasks, next, stopped, failure) = (&tasks, &next, &stopped, &failure);
            scope.spawn(move |_| {
                while !stopped.load(Ordering::Relaxed) {
                    let Some(task) = tasks.get(next.fetch_add(1, Ordering::Relaxed)) else { break };
                    if let Err(error) = read_chunk(task, &mut *reader, options, sink) {
                        stopped.store(true, Ordering::Relaxed);
                        failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                    }
                }
            });
        }
    });
    match failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some(error) => Err(named(error)),
        None => snapshot.finish().map_err(named).map(|()| count),
    }
}

fn read_chunk(task: &Task<'_>, reader: &mut dyn Reader, options: &DumpOptions, sink: SinkKind) -> Result<()> {
    options.cancel.check()?;
    let request = ReadRequest {
        collection: task.collection,
        chunk: &task.chunk,
        batch_bytes: options.resources.batch_bytes(),
        predicate: task.predicate,
    };
    let read = match sink {
        SinkKind::Null => reader.skim(&request).map(drop),
        _ => reader.read(&request, &mut |_: Batch| options.cancel.check()).map(drop),
    };
    read.map_err(|error| error.with("collection", &task.collection.name))
}
