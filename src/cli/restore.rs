//! `restore`: an archive into a database, after consent.

use super::App;
use super::args::RestoreArgs;
use super::config::{Configuration, archive_path};
use super::confirm;
use super::exit;
use super::output::{Columns, Output};
use super::plan::{self, Job};
use super::progress::Moved;
use super::text::{counted, one_line};
use super::units;
use dbferry::config::ConnectionRole;
use dbferry::dialect::CollectionAction;
use dbferry::restore::{Proof, RestorePlan, RestoreReport, recover, restore};
use dbferry::{Error, ErrorKind, Result};
use serde::Serialize;

/// The last document of a restore.
#[derive(Serialize)]
struct Summary<'a> {
    command: &'static str,
    archive_path: String,
    /// The archive's id.
    archive: &'a str,
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
}

impl<'a> Summary<'a> {
    fn new(job: &Job, report: &'a RestoreReport, exit_code: u8) -> Self {
        let units = report.units.iter().map(|unit| {
            let lines = unit.collections.iter().map(|line| CollectionLine {
                collection: line.collection.to_string(),
                action: line.action,
                rows: line.rows,
                proof: line.proof,
            });
            Unit { groups: &unit.groups, collections: lines.collect() }
        });
        Self {
            command: "restore",
            archive_path: job.archive.path().display().to_string(),
            archive: &report.archive,
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
    let place = args.shared.archive.to_string_lossy();
    let configuration = Configuration::load(&args.shared.config)?;
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
    let mut job = Job::prepare(&args.shared, app)?;
    confirm::refuse_source(&job.place)?;
    if let Some(path) = &args.safety_backup {
        archive_path(path, "the safety backup is a new archive: --safety-backup before/")?;
        job.options.safety_backup = Some(path.clone());
    }
    let planned = job.plan()?;
    if args.dry_run {
        return plan::show(&job, &planned, app);
    }
    // A plan with problems needs no consent: the restore refuses it with all of them, before anything is touched.
    let asks = planned.problems().is_empty() && needs_consent(&planned);
    if asks && !args.yes && job.place.role != Some(ConnectionRole::Scratch) {
        confirm::ask(&plan::question(&job, &planned), &job.place.endpoint.url)?;
    }

    let reporter = app.reporter(job.options.resources.jobs)?;
    let result = restore(&job.archive, &job.place.endpoint, &job.options, &reporter);
    let moved = reporter.finish();
    let report = result.map_err(state_of_target)?;
    for warning in &report.warnings {
        app.output.warn(warning);
    }
    let exit_code = if report.warnings.is_empty() { exit::DONE } else { exit::WARNINGS };
    say(&app.output, &job, &report, moved)?;
    app.output.document("summary", &Summary::new(&job, &report, exit_code))?;
    Ok(exit_code)
}

/// Whether something that exists is changed. What is only created takes nothing away from anybody.
fn needs_consent(plan: &RestorePlan) -> bool {
    plan.collections().any(|collection| {
        matches!(
            collection.action,
            Some(CollectionAction::Replace | CollectionAction::Recreate | CollectionAction::Append)
        )
    })
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

fn say(output: &Output, job: &Job, report: &RestoreReport, moved: Moved) -> Result<()> {
    let mut table = Columns::new(&["group", "table", "action", "rows", "proof"], &[3]);
    for unit in &report.units {
        for line in &unit.collections {
            table.row([
                unit.groups.join(", "),
                line.collection.to_string(),
                plan::action_name(line.action).into(),
                units::count(line.rows),
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
        "restored {} with {} into {} in {} ({rates}); {}",
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
        Proof::Count => "counted",
        Proof::Nothing => "",
    }
}
