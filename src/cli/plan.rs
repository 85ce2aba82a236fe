//! `plan`: what a restore or a copy would do and lose. Also what `--dry-run` prints, and what their question is made of.

use super::App;
use super::args::PlanArgs;
use super::config::names_database;
use super::exit;
use super::explain;
use super::job::{Job, Origin, OriginFields};
use super::output::{Columns, Output};
use super::text::{counted, indented, one_line};
use super::units;
use dbferry::dialect::model::NotCarried;
use dbferry::dialect::{CollectionAction, DatabaseInfo};
use dbferry::progress::RowCount;
use dbferry::restore::{LeavingEdge, PlannedCollection, PlannedColumn, PlannedUnit, RestorePlan, Verdict};
use dbferry::{Error, ErrorKind, Result};
use serde::Serialize;

/// The document of a plan.
#[derive(Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    origin: OriginFields,
    /// The archive's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    archive: Option<&'a str>,
    target_url: String,
    source: &'a DatabaseInfo,
    target: &'a DatabaseInfo,
    /// Whether anything in the target would be replaced or dropped.
    overwrites: bool,
    /// About how many rows of the target would be gone: estimates, as far as the target tells without a scan.
    rows_overwritten: u64,
    /// Groups that are replaced together, in order.
    units: Vec<Unit<'a>>,
    /// Foreign keys that leave the selection.
    leaving: Vec<Edge<'a>>,
    /// Views, triggers, routines and the like of another dialect.
    not_carried: &'a [NotCarried],
    notes: &'a [String],
    /// What else the source holds of the selection and the target would not get.
    warnings: &'a [String],
    /// Everything that keeps the restore from being done; empty when it can be done.
    problems: Vec<String>,
    exit_code: u8,
}

#[derive(Serialize)]
struct Unit<'a> {
    groups: &'a [String],
    collections: Vec<CollectionLine<'a>>,
}

#[derive(Serialize)]
struct CollectionLine<'a> {
    collection: String,
    target: String,
    group: &'a str,
    /// Absent when it is refused.
    action: Option<CollectionAction>,
    /// Rows in the source; null where nobody knows.
    rows: Option<u64>,
    rows_estimated: bool,
    /// The condition that rows have to meet.
    #[serde(skip_serializing_if = "Option::is_none")]
    partial: Option<&'a str>,
    rows_overwritten: Option<u64>,
    columns: &'a [PlannedColumn],
    problems: &'a [String],
    /// What of its definition the target would not get.
    not_carried: &'a [NotCarried],
    notes: &'a [String],
    warnings: &'a [String],
    statements: &'a [String],
}

#[derive(Serialize)]
struct Edge<'a> {
    child: String,
    columns: &'a [String],
    parent: String,
    /// Whether the parent is neither selected nor in the target.
    missing: bool,
    outside_group: Option<&'a str>,
}

impl<'a> Document<'a> {
    fn new(job: &Job, plan: &'a RestorePlan, problems: Vec<String>, exit_code: u8) -> Self {
        let line = |line: &'a PlannedCollection| CollectionLine {
            collection: line.collection.to_string(),
            target: line.target.to_string(),
            group: &line.group,
            action: line.action,
            rows: line.rows.number(),
            rows_estimated: line.rows.is_estimate(),
            partial: line.partial.as_deref(),
            rows_overwritten: line.rows_overwritten,
            columns: &line.columns,
            problems: &line.problems,
            not_carried: &line.not_carried,
            notes: &line.notes,
            warnings: &line.warnings,
            statements: &line.statements,
        };
        let edge = |edge: &'a LeavingEdge| Edge {
            child: edge.child.to_string(),
            columns: &edge.columns,
            parent: edge.parent.to_string(),
            missing: edge.missing,
            outside_group: edge.outside_group.as_deref(),
        };
        let unit = |unit: &'a PlannedUnit| Unit {
            groups: &unit.groups,
            collections: unit.collections.iter().map(line).collect(),
        };
        Self {
            origin: job.origin.fields(),
            archive: plan.archive.as_deref(),
            target_url: job.place.endpoint.to_string(),
            source: &plan.source,
            target: &plan.target,
            overwrites: plan.overwrites(),
            rows_overwritten: plan.rows_overwritten(),
            units: plan.units.iter().map(unit).collect(),
            leaving: plan.leaving.iter().map(edge).collect(),
            not_carried: &plan.not_carried,
            notes: &plan.notes,
            warnings: &plan.warnings,
            problems,
            exit_code,
        }
    }
}

pub(super) fn run(args: &PlanArgs, app: &App) -> Result<u8> {
    let url = args.url.as_deref();
    let from = args.from.to_string_lossy();
    let job = if names_database(&from) {
        if url.is_none() && std::env::var_os("DATABASE_URL").is_none_or(|value| value.is_empty()) {
            return Err(Error::new(ErrorKind::Usage, "one of the archive and the target is missing").hint(
                "write the archive first and the database second: dbferry plan backup/ sqlite:new.db; or two databases",
            ));
        }
        Job::copy(&from, url, &args.load, &args.read, app)?
    } else {
        if !args.read.conditions.is_empty() || args.read.inconsistent || !args.read.presets.presets.is_empty() {
            return Err(Error::new(
                ErrorKind::Usage,
                "--where, --inconsistent and --preset are about reading a database, and this is an archive",
            )
            .hint("what an archive holds, and in which groups, was decided when it was dumped"));
        }
        Job::restore(&args.from, url, &args.load, app)?
    };
    let plan = job.plan()?;
    if args.explain_types {
        explain::show(&plan, &app.output)?;
    }
    show(&job, &plan, app)
}

/// Prints a plan; the exit code says whether it can be done.
pub(super) fn show(job: &Job, plan: &RestorePlan, app: &App) -> Result<u8> {
    let problems = plan.problems();
    let exit_code = if problems.is_empty() { exit::DONE } else { exit::INCOMPATIBLE };
    let output = &app.output;
    output.heading(title(job, plan))?;
    output.table(&collections(plan))?;
    if output.verbose > 0 {
        details(plan, output)?;
    }
    for edge in plan.leaving.iter().filter(|edge| !edge.missing) {
        output.say(format!("note: {}: {}", one_line(&edge.child.to_string()), one_line(&edge.describe())))?;
    }
    for note in plan.all_notes() {
        output.say(format!("note: {}", one_line(&note)))?;
    }
    for warning in plan.all_warnings() {
        output.warn(&warning);
    }
    for problem in &problems {
        output.say(format!("problem: {}", one_line(problem)))?;
    }
    output.say(effect(plan))?;
    output.document("plan", &Document::new(job, plan, problems, exit_code))?;
    Ok(exit_code)
}

/// Notes about what was done. Most people have no use for them, so only their number is told unless more is asked for.
pub(super) fn say_notes(notes: &[String], output: &Output) -> Result<()> {
    if output.verbose > 0 {
        return notes.iter().try_for_each(|note| output.say(format!("note: {}", one_line(note))));
    }
    match notes.len() as u64 {
        0 => Ok(()),
        count => output.say(format!("{}; -v shows more", counted(count, "note"))),
    }
}

/// What consent is asked for.
pub(super) fn question(job: &Job, plan: &RestorePlan) -> String {
    format!("{}\n{}\n{}\n", title(job, plan), collections(plan).render(false), effect(plan))
}

fn title(job: &Job, plan: &RestorePlan) -> String {
    let (from, when) = match &job.origin {
        Origin::Archive(archive) => (archive.path().display().to_string(), Some(&archive.manifest().created_at)),
        Origin::Database(from, _) => (from.endpoint.to_string(), None),
    };
    let text = format!(
        "{from} ({} {}, {}{}) into {}",
        plan.source.product,
        plan.source.version,
        plan.source.database,
        when.map(|when| format!(", {when}")).unwrap_or_default(),
        job.place.endpoint
    );
    one_line(&text).into_owned()
}

fn collections(plan: &RestorePlan) -> Columns {
    let mut table = Columns::new(&["group", "table", "action", "rows", "rows that go", "columns"], &[3, 4]);
    for line in plan.collections() {
        let overwritten = match (line.action, line.rows_overwritten) {
            (_, Some(rows)) => format!("~{}", units::count(rows)),
            (Some(CollectionAction::Replace | CollectionAction::Recreate), None) => "unknown".into(),
            _ => String::new(),
        };
        table.row([
            line.group.clone(),
            line.target.to_string(),
            line.action.map_or("refuse", action_name).into(),
            match line.action.is_none_or(CollectionAction::loads) {
                true => rows(line.rows, line.partial.is_some()),
                false => rows(RowCount::Exactly(0), false),
            },
            overwritten,
            verdicts(line),
        ]);
    }
    table
}

/// A number of rows, marked where it is an estimate, and where the source has more than are wanted.
fn rows(rows: RowCount, partial: bool) -> String {
    let of_more = if partial { " of more" } else { "" };
    match rows {
        RowCount::Unknown if partial => "some".into(),
        RowCount::Unknown => "unknown".into(),
        RowCount::About(rows) => format!("~{}{of_more}", units::count(rows)),
        RowCount::Exactly(rows) => format!("{}{of_more}", units::count(rows)),
    }
}

/// The name of an action as JSON has it.
pub(super) fn action_name(action: CollectionAction) -> &'static str {
    match action {
        CollectionAction::Create => "create",
        CollectionAction::Replace => "replace",
        CollectionAction::Recreate => "recreate",
        CollectionAction::Append => "append",
        CollectionAction::CreateEmpty => "create-empty",
        CollectionAction::Keep => "keep",
    }
}

/// `12 identical, 1 widening`.
fn verdicts(collection: &PlannedCollection) -> String {
    const ORDER: [Verdict; 6] = [
        Verdict::Identical,
        Verdict::Widening,
        Verdict::Extra,
        Verdict::Checked,
        Verdict::Lossy,
        Verdict::Incompatible,
    ];
    let counts = ORDER.iter().filter_map(|verdict| {
        let count = collection.columns.iter().filter(|column| column.verdict == *verdict).count();
        (count > 0).then(|| format!("{count} {verdict}"))
    });
    counts.collect::<Vec<_>>().join(", ")
}

fn details(plan: &RestorePlan, output: &Output) -> Result<()> {
    let mut table = Columns::new(&["column", "source", "target", "verdict", "why"], &[]);
    for collection in plan.collections() {
        for column in &collection.columns {
            table.row([
                format!("{}.{}", collection.target, column.name),
                column.source.clone().unwrap_or_default(),
                column.target.clone().unwrap_or_default(),
                column.verdict.to_string(),
                column.reason.clone().unwrap_or_default(),
            ]);
        }
    }
    output.say("")?;
    output.table(&table)?;
    if output.verbose > 1 {
        for statement in plan.collections().flat_map(|collection| &collection.statements) {
            output.say(format!("sql: {};", indented(statement, "  ")))?;
        }
    }
    Ok(())
}

/// The whole effect in a sentence.
fn effect(plan: &RestorePlan) -> String {
    let count = |wanted: &[CollectionAction]| {
        plan.collections().filter(|line| line.action.is_some_and(|action| wanted.contains(&action))).count() as u64
    };
    let mut parts = Vec::new();
    let replaced = count(&[CollectionAction::Replace, CollectionAction::Recreate]);
    if replaced > 0 {
        let unknown = plan.collections().any(|line| {
            matches!(line.action, Some(CollectionAction::Replace | CollectionAction::Recreate))
                && line.rows_overwritten.is_none()
        });
        let rows = match (plan.rows_overwritten(), unknown) {
            (0, true) => "their rows".into(),
            (rows, true) => format!("more than ~{}", counted(rows, "row")),
            (rows, false) => format!("~{}", counted(rows, "row")),
        };
        parts.push(format!("replaces {}: {rows} in the target go", counted(replaced, "table")));
    }
    for (verb, actions) in [
        ("creates", &[CollectionAction::Create, CollectionAction::CreateEmpty][..]),
        ("adds rows to", &[CollectionAction::Append]),
        ("leaves alone", &[CollectionAction::Keep]),
    ] {
        let count = count(actions);
        if count > 0 {
            parts.push(format!("{verb} {}", counted(count, "table")));
        }
    }
    let loaded = plan.collections().filter(|line| line.action.is_some_and(CollectionAction::loads));
    parts.push(match loaded.map(|line| line.rows).sum() {
        RowCount::Exactly(rows) => format!("loads {}", counted(rows, "row")),
        RowCount::About(rows) => format!("loads about {}", counted(rows, "row")),
        RowCount::Unknown => "loads rows whose number is not known yet".into(),
    });
    let problems = plan.problems().len() as u64;
    if problems > 0 {
        let verb = if plan.archive.is_some() { "restored" } else { "copied" };
        return format!("cannot be {verb}: {}; nothing was changed", counted(problems, "problem"));
    }
    parts.join("; ")
}
