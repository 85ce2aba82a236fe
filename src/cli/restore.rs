//! `restore`: an archive into a database, after consent. The same for `copy`, whose rows come from a database.

use super::App;
use super::args::{ConsentArgs, RestoreArgs};
use super::config::{Configuration, archive_path};
use super::confirm;
use super::exit;
use super::job::{Job, OriginFields};
use super::output::{Columns, Output};
use super::plan;
use super::progress::Moved;
use super::text::{counted, one_line};
use super::units;
use dbferry::config::ConnectionRole;
use dbferry::dialect::{CollectionAction, Consistency};
use dbferry::restore::{Proof, RestoreReport, recover};
use dbferry::translate::CountedMisfits;
use dbferry::{Error, ErrorKind, Result};
use serde::Serialize;

/// The last document of a restore or a copy.
#[derive(Serialize)]
struct Summary<'a> {
    command: &'static str,
    #[serde(flatten)]
    origin: OriginFields,
    /// The archive's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    archive: Option<&'a str>,
    /// How one view of a database was held while it was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    consistency: Option<&'a Consistency>,
    target_url: String,
    /// Groups that were replaced together, in order.
    units: Vec<Unit<'a>>,
    /// Rows loaded.
    rows: u64,
    /// What was chosen so, or does no harm.
    notes: &'a [String],
    /// What was left out, changed or not proven; with any of them the exit code says so.
    warnings: &'a [String],
    /// The safety backup, if one was made.
    safety_backup: Option<String>,
    seconds: f64,
    exit_code: u8,
}

#[derive(Serialize)]
struct Unit<'a> {
    groups: &'a [String],
    collections: Vec<CollectionLine>,
}

#[derive(Serialize)]
struct CollectionLine {
    collection: String,
    action: CollectionAction,
    rows: u64,
    proof: Proof,
    /// Values that did not fit, and what became of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    misfits: Vec<CountedMisfits>,
    /// The condition that rows had to meet.
    #[serde(skip_serializing_if = "Option::is_none")]
    partial: Option<String>,
}

impl<'a> Summary<'a> {
    fn new(words: Words, job: &Job, report: &'a RestoreReport, exit_code: u8) -> Self {
        let units = report.units.iter().map(|unit| {
            let lines = unit.collections.iter().map(|line| CollectionLine {
                collection: line.collection.to_string(),
                action: line.action,
                rows: line.rows,
                proof: line.proof,
                misfits: line.misfits.clone(),
                partial: line.partial.clone(),
            });
            Unit { groups: &unit.groups, collections: lines.collect() }
        });
        Self {
            command: words.command,
            origin: job.origin.fields(),
            archive: report.archive.as_deref(),
            consistency: report.consistency.as_ref(),
            target_url: job.place.endpoint.to_string(),
            units: units.collect(),
            rows: report.rows,
            notes: &report.notes,
            warnings: &report.warnings,
            safety_backup: report.safety_backup.as_ref().map(|path| path.display().to_string()),
            seconds: report.seconds,
            exit_code,
        }
    }
}

/// What the command is called, and what it has done.
#[derive(Clone, Copy)]
pub(super) struct Words {
    pub(super) command: &'static str,
    pub(super) done: &'static str,
}

/// The document of a recovery.
#[derive(Serialize)]
struct Recovery {
    command: &'static str,
    target_url: String,
    /// What was undone or finished.
    recovered: Vec<String>,
    exit_code: u8,
}

/// Ends what an interrupted restore has left. The one argument is the database.
fn recover_only(args: &RestoreArgs, app: &App) -> Result<u8> {
    let place = args.archive.to_string_lossy();
    let configuration = Configuration::load(&args.load.config)?;
    let place = configuration.database(Some(&place), &app.output)?;
    let recovered = recover(&place.endpoint, &app.signals.cancel())?;
    for line in &recovered {
        app.output.say(one_line(line))?;
    }
    if recovered.is_empty() {
        app.output.success(format!("{}: there is nothing to recover", one_line(&place.endpoint.to_string())))?;
    }
    let recovery =
        Recovery { command: "restore", target_url: place.endpoint.to_string(), recovered, exit_code: exit::DONE };
    app.output.document("recovery", &recovery)?;
    Ok(exit::DONE)
}

pub(super) fn run(args: &RestoreArgs, app: &App) -> Result<u8> {
    if args.recover {
        return recover_only(args, app);
    }
    let job = Job::restore(&args.archive, args.url.as_deref(), &args.load, app)?;
    carry_out(job, &args.consent, Words { command: "restore", done: "restored" }, app)
}

/// Plans, asks, and does it.
pub(super) fn carry_out(mut job: Job, consent: &ConsentArgs, words: Words, app: &App) -> Result<u8> {
    confirm::refuse_source(&job.place)?;
    if let Some(path) = &consent.safety_backup {
        archive_path(path, "the safety backup is a new archive: --safety-backup before/")?;
        job.options.safety_backup = Some(path.clone());
    }
    if consent.dry_run {
        return plan::show(&job, &job.plan()?, app);
    }
    // What is agreed to beforehand is planned by the run alone: a plan reads both catalogues, and of a copy it may read rows.
    if !consent.yes && job.place.role != Some(ConnectionRole::Scratch) {
        let planned = job.plan()?;
        // A plan with problems needs no consent: the run refuses it with all of them, before anything is touched.
        if planned.problems().is_empty() && planned.changes_existing() {
            confirm::ask(&plan::question(&job, &planned), &job.place.endpoint.url)?;
        }
    }

    let reporter = app.reporter(job.options.resources.jobs)?;
    let result = job.run(&reporter);
    let moved = reporter.finish();
    let report = result.map_err(state_of_target)?;
    for warning in &report.warnings {
        app.output.warn(warning);
    }
    let exit_code = if report.warnings.is_empty() { exit::DONE } else { exit::WARNINGS };
    say(&app.output, words, &job, &report, moved)?;
    app.output.document("summary", &Summary::new(words, &job, &report, exit_code))?;
    Ok(exit_code)
}

/// Says what state the target is in after a cancelled run. The engine names the groups that were replaced before.
fn state_of_target(error: Error) -> Error {
    if error.kind() != ErrorKind::Cancelled {
        return error;
    }
    let finished = error.context().any(|(key, _)| key == "groups finished before");
    error.with(
        "target",
        if finished {
            "the groups that were finished are replaced, the others are as they were"
        } else {
            "nothing was changed"
        },
    )
}

fn say(output: &Output, words: Words, job: &Job, report: &RestoreReport, moved: Moved) -> Result<()> {
    let mut table = Columns::new(&["group", "table", "action", "rows", "proof"], &[3]);
    for unit in &report.units {
        for line in &unit.collections {
            table.row([
                unit.groups.join(", "),
                line.collection.to_string(),
                plan::action_name(line.action).into(),
                format!("{}{}", units::count(line.rows), if line.partial.is_some() { " of more" } else { "" }),
                proof_name(line.proof).into(),
            ]);
        }
    }
    output.table(&table)?;
    plan::say_notes(&report.notes, output)?;
    let lines = || report.units.iter().flat_map(|unit| &unit.collections);
    let proven = lines().filter(|line| matches!(line.proof, Proof::Hash | Proof::Nothing)).count() == lines().count();
    if let Some(path) = &report.safety_backup {
        output.say(format!("what was overwritten is in {}", one_line(&path.display().to_string())))?;
    }
    // What was read again to prove it was moved twice; the rates are those of the data.
    let bytes = (u128::from(moved.bytes) * u128::from(report.rows)).checked_div(u128::from(moved.rows)).unwrap_or(0);
    let rates = units::rates(report.rows, u64::try_from(bytes).unwrap_or(moved.bytes), moved.time);
    output.success(format!(
        "{} {} with {} into {} in {} ({rates}); {}",
        words.done,
        counted(lines().count() as u64, "table"),
        counted(report.rows, "row"),
        one_line(&job.place.endpoint.to_string()),
        units::duration(moved.time),
        if proven { "every row was read again and is equal" } else { "not every table could be proven by its hash" },
    ))
}

fn proof_name(proof: Proof) -> &'static str {
    match proof {
        Proof::Hash => "read again, equal",
        Proof::HashWithoutGenerated => "read again, equal but for generated columns",
        Proof::HashWithoutUnreadable => "read again, equal but for unreadable columns",
        Proof::Count => "counted",
        Proof::Nothing => "",
    }
}
