//! `bench`: how fast a database is read and comes back, as tables, as JSON, and as a page with plots.

use super::App;
use super::args::BenchArgs;
use super::config::{Configuration, Place};
use super::confirm;
use super::dump::conditions;
use super::exit;
use super::output::{Columns, Output};
use super::text::{counted, one_line};
use super::units;
use dbferry::bench::{self, BenchOptions, BenchReport, CaseReport, Comparison, ImportReport, ImportTarget, Matrix};
use dbferry::config::ConnectionRole;
use dbferry::dump::GroupBy;
use dbferry::resources::Resources;
use dbferry::restore::{RestoreOptions, RestoreReport};
use dbferry::translate::AcceptLossy;
use dbferry::{Error, ErrorKind, Result};
use serde::Serialize;
use std::path::Path;
use std::time::Duration;

/// The last document of a benchmark.
#[derive(Serialize)]
struct Summary<'a> {
    command: &'static str,
    source_url: String,
    /// The data set that was made first.
    #[serde(skip_serializing_if = "Option::is_none")]
    generated: Option<Generated>,
    #[serde(flatten)]
    report: Option<&'a BenchReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comparison: Option<&'a Comparison>,
    exit_code: u8,
}

#[derive(Clone, Serialize)]
struct Generated {
    dataset: String,
    collections: u64,
    rows: u64,
    seconds: f64,
}

pub(super) fn run(args: &BenchArgs, app: &App) -> Result<u8> {
    if args.repeats == 0 && args.generate.is_none() {
        return Err(
            Error::new(ErrorKind::Usage, "--repeats 0 measures nothing").hint("with --generate it makes a database")
        );
    }
    // What cannot be read is told before anything is measured.
    let before = args.compare.as_deref().map(read_report).transpose()?;
    let configuration = Configuration::load(&args.config)?;
    let place = configuration.database(args.url.as_deref(), &app.output)?;
    let target = args.import.as_deref().map(|url| configuration.database(Some(url), &app.output)).transpose()?;
    let import = target.map(|target| import_target(&target)).transpose()?;
    let options = options(args, &configuration, app)?;
    let generated = args.generate.map(|_| generate(args, &place, app)).transpose()?;
    let source_url = place.endpoint.to_string();
    if args.repeats == 0 {
        let summary =
            Summary { command: "bench", source_url, generated, report: None, comparison: None, exit_code: exit::DONE };
        app.output.document("summary", &summary)?;
        return Ok(exit::DONE);
    }

    let reporter = app.reporter(options.matrix.jobs.iter().copied().max().unwrap_or(1))?;
    let result = bench::bench(&place.endpoint, &options, import.as_ref(), &reporter);
    reporter.finish();
    let mut report = result?;
    if generated.is_some() {
        // The generator keeps its dictionary in memory: what the process holds says nothing of reading.
        report.forget_memory();
    }
    let comparison = before.map(|before| bench::compare(&before, &report, args.fail_over)).transpose()?;
    if let Some(path) = &args.html {
        std::fs::write(path, bench::html::page(&report, comparison.as_ref()))
            .map_err(|error| Error::io(format!("cannot write {}", path.display()), error))?;
    }
    say(&app.output, &report)?;
    if let Some(comparison) = &comparison {
        say_comparison(&app.output, comparison)?;
    }
    let slower = comparison.as_ref().is_some_and(|comparison| comparison.slower().next().is_some());
    let exit_code = if slower { exit::DIFFERENCES } else { exit::DONE };
    let (report, comparison) = (Some(&report), comparison.as_ref());
    let summary = Summary { command: "bench", source_url, generated, report, comparison, exit_code };
    app.output.document("summary", &summary)?;
    Ok(exit_code)
}

fn options(args: &BenchArgs, configuration: &Configuration, app: &App) -> Result<BenchOptions> {
    let mut rules = configuration.config.groups.clone();
    for preset in &args.presets.presets {
        rules.add_preset(preset)?;
    }
    let jobs = if args.jobs.is_empty() { vec![Resources::default().jobs] } else { args.jobs.clone() };
    // Each number is looked at now: a wrong one must not be found after minutes.
    jobs.iter().try_for_each(|jobs| Resources::new(Some(*jobs), args.memory).map(drop))?;
    let mut accept_lossy = AcceptLossy::default();
    if args.accept_lossy {
        accept_lossy.add("")?;
    }
    Ok(BenchOptions {
        matrix: Matrix {
            sinks: args.sinks.clone(),
            jobs,
            compressions: args.compression.clone(),
            batch_bytes: args.batch_size.clone(),
            chunk_bytes: args.chunk_size.clone(),
        },
        memory: args.memory,
        warm_up: args.warm_up,
        repeats: args.repeats,
        directory: args.directory.clone().unwrap_or_else(std::env::temp_dir),
        group_by: GroupBy::Rules(rules),
        selection: args.selection.selection(),
        predicates: conditions(&args.conditions)?,
        consistent: !args.inconsistent,
        types: configuration.config.types.clone(),
        accept_lossy,
        cancel: app.signals.cancel(),
    })
}

fn import_target(place: &Place) -> Result<ImportTarget<'static>> {
    confirm::refuse_source(place)?;
    Ok(ImportTarget { endpoint: place.endpoint.clone(), replace: place.role == Some(ConnectionRole::Scratch) })
}

fn read_report(path: &Path) -> Result<BenchReport> {
    let text =
        std::fs::read_to_string(path).map_err(|error| Error::io(format!("cannot read {}", path.display()), error))?;
    BenchReport::read(&text).map_err(|error| error.with("file", path.display()))
}

/// Makes the database that is measured.
fn generate(args: &BenchArgs, place: &Place, app: &App) -> Result<Generated> {
    confirm::refuse_source(place)?;
    let Some(dataset) = args.generate else {
        return Err(Error::new(ErrorKind::Internal, "there is no data set to generate"));
    };
    let resources = Resources::new(args.jobs.iter().copied().max(), args.memory)?;
    let options = RestoreOptions { resources, cancel: app.signals.cancel(), ..RestoreOptions::default() };
    let reporter = app.reporter(resources.jobs)?;
    let result = bench::generate(dataset, &place.endpoint, &options, &reporter);
    reporter.finish();
    let report: RestoreReport = result?;
    report.warnings.iter().for_each(|warning| app.output.warn(warning));
    let collections = report.units.iter().map(|unit| unit.collections.len() as u64).sum();
    let (rows, seconds) = (report.rows, report.seconds);
    app.output.say(format!(
        "generated {dataset} into {}: {} with {} in {}, keys and foreign keys included",
        one_line(&place.endpoint.to_string()),
        counted(collections, "table"),
        counted(rows, "row"),
        units::duration(Duration::from_secs_f64(seconds))
    ))?;
    Ok(Generated { dataset: dataset.to_string(), collections, rows, seconds })
}

fn say(output: &Output, report: &BenchReport) -> Result<()> {
    output.heading(format!(
        "{} rows in {} of {} {}, {} of each case after {} to warm up",
        units::count(report.rows),
        counted(report.collections, "table"),
        one_line(&report.source.product),
        one_line(&report.source.version),
        counted(report.repeats as u64, "run"),
        report.warm_up
    ))?;
    let titles = &["case", "seconds", "min-max", "rows/s", "bytes/s", "CPU s", "memory", "files"];
    let mut table = Columns::new(titles, &[1, 2, 3, 4, 5, 6, 7]);
    for case in &report.cases {
        table.row([
            name(case),
            format!("{:.2}", case.seconds.median),
            format!("{:.2}-{:.2}", case.seconds.min, case.seconds.max),
            units::count(case.rows_per_second as u64),
            units::size(case.bytes_per_second as u64),
            case.cpu.map(|cpu| format!("{:.2}", cpu.total())).unwrap_or_default(),
            case.peak_memory.map(units::size).unwrap_or_default(),
            case.output_bytes.map(units::size).unwrap_or_default(),
        ]);
    }
    output.table(&table)?;
    output.heading("Seconds of the reading threads together, by stage")?;
    let titles = &["case", "wait", "decode", "hash", "encode", "compress", "write", "other"];
    let mut table = Columns::new(titles, &[1, 2, 3, 4, 5, 6, 7]);
    for case in &report.cases {
        let stages = case.stages.named().map(|(_, seconds)| format!("{seconds:.2}"));
        table.row(std::iter::once(name(case)).chain(stages));
    }
    output.table(&table)?;
    if output.verbose > 0 {
        say_collections(output, report)?;
    }
    if !report.imports.is_empty() {
        say_imports(output, &report.imports)?;
    }
    Ok(())
}

fn say_collections(output: &Output, report: &BenchReport) -> Result<()> {
    let Some(case) = report.longest_way() else { return Ok(()) };
    output.heading(format!("Seconds of one thread by table: {}", name(case)))?;
    let mut table = Columns::new(&["table", "rows", "size", "seconds", "of these reading"], &[1, 2, 3, 4]);
    for one in &case.per_collection {
        table.row([
            one.collection.clone(),
            units::count(one.rows),
            units::size(one.bytes),
            format!("{:.2}", one.seconds),
            format!("{:.2}", one.reading_seconds),
        ]);
    }
    output.table(&table)
}

fn say_imports(output: &Output, imports: &[ImportReport]) -> Result<()> {
    output.heading("The way back, proven: seconds by phase")?;
    let titles = &["case", "seconds", "min-max", "rows/s", "CPU s", "memory", "phases"];
    let mut table = Columns::new(titles, &[1, 2, 3, 4, 5]);
    for import in imports {
        let phases = import.phases.iter().map(|phase| format!("{} {:.2}", phase.phase, phase.seconds));
        table.row([
            format!("import, {}", counted(import.jobs as u64, "job")),
            format!("{:.2}", import.seconds.median),
            format!("{:.2}-{:.2}", import.seconds.min, import.seconds.max),
            units::count(import.rows_per_second as u64),
            import.cpu.map(|cpu| format!("{:.2}", cpu.total())).unwrap_or_default(),
            import.peak_memory.map(units::size).unwrap_or_default(),
            phases.collect::<Vec<_>>().join(", "),
        ]);
    }
    output.table(&table)
}

fn say_comparison(output: &Output, comparison: &Comparison) -> Result<()> {
    output.heading("Compared with before")?;
    let mut table = Columns::new(&["case", "rows/s before", "rows/s now", "time for a row", ""], &[1, 2, 3]);
    for case in &comparison.cases {
        table.row([
            case.case.clone(),
            units::count(case.rows_per_second_before as u64),
            units::count(case.rows_per_second as u64),
            format!("{:+.1} %", case.change * 100.0),
            if case.slower { "slower".into() } else { String::new() },
        ]);
    }
    output.table(&table)?;
    for missing in &comparison.missing {
        output.warn(&format!("{missing}: measured before, and not now"));
    }
    let slower = comparison.slower().count() as u64;
    match comparison.fail_over {
        Some(most) if slower > 0 => {
            output.say(format!("slower by more than {}%: {}", most * 100.0, counted(slower, "case")))
        }
        Some(most) => output.success(format!("nothing is slower by more than {}%", most * 100.0)),
        None => Ok(()),
    }
}

/// What a line is of: sizes as people read them.
fn name(case: &CaseReport) -> String {
    let case = &case.case;
    let mut name = format!("{}, {}", case.sink, counted(case.jobs as u64, "job"));
    if let Some(compression) = case.compression {
        name.push_str(&format!(", {compression}"));
    }
    for (bytes, what) in [(case.batch_bytes, "batches"), (case.chunk_bytes, "chunks")] {
        if let Some(bytes) = bytes {
            name.push_str(&format!(", {what} of {}", units::size(bytes)));
        }
    }
    name
}
