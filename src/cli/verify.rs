//! `verify`: whether an archive is whole, whether a database holds what it says, and whether two databases hold the same.

use super::App;
use super::args::VerifyArgs;
use super::config::{Configuration, Place, names_database};
use super::confirm;
use super::differences;
use super::exit;
use super::import;
use super::output::{Columns, Output};
use super::progress::{Moved, Reporter};
use super::text::{counted, one_line};
use super::units;
use dbferry::archive::Archive;
use dbferry::dialect::CollectionName;
use dbferry::resources::Resources;
use dbferry::restore::RestoreOptions;
use dbferry::verify::{
    NotCompared, RowDifferences, VerifyOptions, VerifyReport, in_scratch, verify, verify_against, verify_databases,
};
use dbferry::{Error, ErrorKind, Result};
use serde::Serialize;
use std::path::Path;

/// The last document of a verification.
#[derive(Serialize)]
struct Summary<'a> {
    command: &'static str,
    /// The archive; absent when two databases were compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    archive_path: Option<String>,
    /// The source; absent when an archive was verified.
    #[serde(skip_serializing_if = "Option::is_none")]
    source_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    against: Option<String>,
    /// The scratch database, if the archive was restored into one.
    #[serde(skip_serializing_if = "Option::is_none")]
    restored_into: Option<String>,
    /// Whether rows were decoded and hashed, or only bytes and footers looked at.
    rows_checked: bool,
    /// Whether only a sample of the rows was looked at; `notes` says what that proves.
    sampled: bool,
    /// How many collections differ.
    differences: usize,
    /// The archive's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    archive: Option<&'a str>,
    collections: Vec<CollectionLine<'a>>,
    /// Files in the archive's directory that its manifest does not list.
    strays: &'a [String],
    /// What was not looked at, and what a sample proves.
    notes: &'a [String],
    /// What is not as it should be and no difference: with any of them the exit code says so.
    warnings: &'a [String],
    seconds: f64,
    exit_code: u8,
}

#[derive(Serialize)]
struct CollectionLine<'a> {
    collection: String,
    group: &'a str,
    rows: u64,
    /// The row hash that the manifest says, or that the source has.
    hash: &'a str,
    /// What does not agree, in a sentence.
    difference: Option<&'a str>,
    /// Its name in the other place.
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    #[serde(skip_serializing_if = "<[NotCompared]>::is_empty")]
    not_compared: &'a [NotCompared],
    #[serde(skip_serializing_if = "Option::is_none")]
    row_differences: Option<&'a RowDifferences>,
}

/// What is verified.
enum Job {
    Archive(Archive),
    Against(Archive, Place),
    Databases(Place, Place),
    Scratch(Archive, Place),
}

impl Job {
    fn prepare(args: &VerifyArgs, resources: Resources, app: &App) -> Result<Self> {
        let configuration = Configuration::load(&args.config)?;
        let database = |url: &str| configuration.database(Some(url), &app.output);
        if names_database(&args.place) {
            let Some(against) = args.against.as_deref().filter(|_| args.restore_into.is_none() && !args.bytes_only)
            else {
                let message = "a database by itself proves nothing: it is compared with another one";
                return Err(Error::new(ErrorKind::Usage, message)
                    .hint("dbferry verify SOURCE --against TARGET, or verify an archive: dbferry verify backup/"));
            };
            return Ok(Self::Databases(database(&args.place)?, database(against)?));
        }
        let other = args.against.as_deref().or(args.restore_into.as_deref()).map(database).transpose()?;
        // Parquet files without a manifest go to the namespace where a restore puts them.
        let namespace = other.as_ref().map(|place| place.endpoint.dialect.capabilities().default_namespace);
        let rules = || Ok(configuration.config.groups.clone());
        let archive = import::open(Path::new(&args.place), namespace, rules, resources, app)?;
        Ok(match other {
            None => Self::Archive(archive),
            Some(place) if args.against.is_some() => Self::Against(archive, place),
            Some(place) => Self::Scratch(archive, place),
        })
    }

    fn run(&self, options: &VerifyOptions, reporter: &Reporter) -> Result<(VerifyReport, Vec<String>)> {
        let without = |report: VerifyReport| (report, Vec::new());
        match self {
            Self::Archive(archive) => verify(archive, options, reporter).map(without),
            Self::Against(archive, place) => verify_against(archive, &place.endpoint, options, reporter).map(without),
            Self::Databases(source, target) => {
                verify_databases(&source.endpoint, &target.endpoint, options, reporter).map(without)
            }
            Self::Scratch(archive, place) => {
                confirm::refuse_source(place)?;
                let restore = RestoreOptions {
                    resources: options.resources,
                    selection: options.selection.clone(),
                    cancel: options.cancel.clone(),
                    ..RestoreOptions::default()
                };
                let report = in_scratch(archive, &place.endpoint, &restore, options, reporter)?;
                Ok((report.verified, report.warnings))
            }
        }
    }

    /// The other place.
    fn against(&self) -> Option<String> {
        match self {
            Self::Archive(_) => None,
            Self::Against(_, place) | Self::Databases(_, place) | Self::Scratch(_, place) => {
                Some(place.endpoint.to_string())
            }
        }
    }

    /// The first place, as it is called in messages.
    fn source(&self) -> String {
        match self {
            Self::Archive(archive) | Self::Against(archive, _) | Self::Scratch(archive, _) => {
                archive.path().display().to_string()
            }
            Self::Databases(source, _) => source.endpoint.to_string(),
        }
    }
}

pub(super) fn run(args: &VerifyArgs, app: &App) -> Result<u8> {
    let options = VerifyOptions {
        resources: args.resources.resources()?,
        selection: args.selection.selection(),
        skip_rows: args.bytes_only,
        differences: args.differences,
        sample: args.sample,
        within_memory: false,
        cancel: app.signals.cancel(),
    };
    let job = Job::prepare(args, options.resources, app)?;
    let reporter = app.reporter(options.resources.jobs)?;
    let result = job.run(&options, &reporter);
    let moved = reporter.finish();
    let (report, warnings) = result?;
    let differences = report.differences().count();
    let doubts = report.strays.len() + report.not_compared().count() + warnings.len();
    let exit_code = match (differences, doubts) {
        (0, 0) => exit::DONE,
        (0, _) => exit::WARNINGS,
        _ => exit::DIFFERENCES,
    };
    say(&app.output, args, &job, &report, &warnings, moved)?;
    let lines = report.collections.iter().map(|line| CollectionLine {
        collection: line.collection.to_string(),
        group: &line.group,
        rows: line.rows,
        hash: &line.hash,
        difference: line.difference.as_deref(),
        target: line.target.as_ref().map(CollectionName::to_string),
        not_compared: &line.not_compared,
        row_differences: line.row_differences.as_ref(),
    });
    let (databases, scratch) = (matches!(job, Job::Databases(..)), matches!(job, Job::Scratch(..)));
    app.output.document(
        "summary",
        &Summary {
            command: "verify",
            archive_path: (!databases).then(|| job.source()),
            source_url: databases.then(|| job.source()),
            against: job.against().filter(|_| !scratch),
            restored_into: job.against().filter(|_| scratch),
            rows_checked: !args.bytes_only,
            sampled: args.sample.is_some(),
            differences,
            archive: report.id.as_deref(),
            collections: lines.collect(),
            strays: &report.strays,
            notes: &report.notes,
            warnings: &warnings,
            seconds: report.seconds,
            exit_code,
        },
    )?;
    Ok(exit_code)
}

fn say(
    output: &Output,
    args: &VerifyArgs,
    job: &Job,
    report: &VerifyReport,
    warnings: &[String],
    moved: Moved,
) -> Result<()> {
    // Databases have no groups.
    let grouped = !matches!(job, Job::Databases(..));
    let mut table = if grouped {
        Columns::new(&["group", "table", "rows", "result"], &[2])
    } else {
        Columns::new(&["table", "rows", "result"], &[1])
    };
    for line in report.collections.iter().filter(|line| output.verbose > 0 || line.difference.is_some()) {
        let result = line.difference.clone().unwrap_or_else(|| "equal".into());
        let cells = [line.group.clone(), line.collection.to_string(), units::count(line.rows), result];
        table.row(cells.into_iter().skip(usize::from(!grouped)));
    }
    output.table(&table)?;
    let (source, against) = (job.source(), job.against());
    let source = one_line(&source);
    let database = one_line(against.as_deref().unwrap_or("the database"));
    for line in &report.collections {
        if let Some(found) = &line.row_differences {
            differences::say(output, &line.collection.to_string(), [&source, &database], found)?;
        }
    }
    for line in report.not_compared() {
        differences::warn_not_compared(output, &line.collection.to_string(), &line.not_compared);
    }
    for stray in &report.strays {
        output.warn(&format!("{stray} is in the archive's directory and not in its manifest"));
    }
    for warning in warnings {
        output.warn(warning);
    }
    for note in &report.notes {
        output.say(format!("note: {}", one_line(note)))?;
    }
    let tables = counted(report.collections.len() as u64, "table");
    let all_rows = report.collections.iter().map(|line| line.rows).sum();
    let rows = counted(all_rows, "row");
    let differences = report.differences().count() as u64;
    if differences > 0 {
        return output.say(format!("{database} differs from {source} in {differences} of {tables}"));
    }
    let time = units::duration(moved.time);
    let how = if args.sample.is_some() { "a sample read" } else { "read and hashed" };
    let rates = if args.sample.is_some() {
        String::new()
    } else {
        format!(" ({})", units::rates(all_rows, moved.bytes, moved.time))
    };
    let but = if report.not_compared().next().is_some() { ", apart from columns that were not compared" } else { "" };
    output.success(match (job, args.bytes_only) {
        (Job::Databases(..), _) => {
            format!("{database} holds what {source} holds{but}: {tables}, {rows}, {how} in {time}{rates}")
        }
        (Job::Against(..), _) => {
            format!("{database} holds what {source} says{but}: {tables}, {rows}, {how} in {time}{rates}")
        }
        (Job::Scratch(..), _) => format!(
            "{source} can be restored{but}: {tables}, {rows}, restored into {database}, {how} in {time}, and taken away again"
        ),
        (Job::Archive(_), true) => format!("the bytes of {source} are whole: {tables}, {rows}, not decoded, in {time}"),
        (Job::Archive(_), false) if args.sample.is_some() => {
            format!("the bytes of {source} are whole: {tables}, {rows}, a sample decoded in {time}")
        }
        (Job::Archive(_), false) => {
            format!("{source} is whole: {tables}, {rows}, decoded and hashed in {time}{rates}")
        }
    })
}
