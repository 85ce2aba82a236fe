//! `prune`: old archives go, and what is to be kept stays.

use super::App;
use super::args::PruneArgs;
use super::confirm;
use super::exit;
use super::output::Columns;
use super::text::{counted, one_line};
use super::units;
use dbferry::Result;
use dbferry::archive::remove;
use dbferry::failure::redact;
use dbferry::prune::{Keep, Kept, Known, Line, plan};
use serde::Serialize;
use std::path::Path;

/// The document of a pruning.
#[derive(Serialize)]
struct Document {
    command: &'static str,
    directory: String,
    keep: Keep,
    archives: Vec<ArchiveLine>,
    removed: u64,
    /// Bytes of the archives that were removed, or would be.
    bytes_removed: u64,
    dry_run: bool,
    exit_code: u8,
}

#[derive(Serialize)]
struct ArchiveLine {
    archive_path: String,
    created_at: Option<String>,
    bytes: Option<u64>,
    /// Why it is kept; it goes where this is empty.
    kept: Vec<Kept>,
    /// What kept it from being removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

pub(super) fn run(args: &PruneArgs, app: &App) -> Result<u8> {
    let keep =
        Keep { last: args.keep_last, daily: args.keep_daily, weekly: args.keep_weekly, monthly: args.keep_monthly };
    let plan = plan(&args.directory, &keep, &known(&args.directory)?)?;
    let output = &app.output;
    let mut table = Columns::new(&["archive", "created", "size", "fate"], &[2]);
    for line in &plan.lines {
        let summary = line.summary.as_ref().ok();
        table.row([
            line.path.display().to_string(),
            summary.map(|summary| summary.created_at.clone()).unwrap_or_default(),
            summary.map(|summary| units::size(summary.bytes)).unwrap_or_default(),
            fate(line),
        ]);
        let path = line.path.display();
        if let Err(error) = &line.summary {
            output.warn(&format!("{path} cannot be read, and stays: {}", redact(&error.to_string())));
        }
        if let Some(damage) = line.damaged.as_ref().filter(|_| line.kept.contains(&Kept::Damaged)) {
            output.warn(&format!("{path} is damaged, takes nobody's place, and stays: {}", redact(damage)));
        }
        if line.kept.contains(&Kept::Future) {
            output.warn(&format!("{path} is dated in the future, takes nobody's place, and stays"));
        }
    }
    output.table(&table)?;
    let count = plan.removed().count() as u64;
    let bytes = plan.removed().filter_map(|line| line.summary.as_ref().ok()).map(|summary| summary.bytes).sum();
    if count > 0 && !args.dry_run && !args.yes {
        let question = format!(
            "{}\n{} of {} in {} would be removed, {}\n",
            table.render(false),
            units::count(count),
            counted(plan.lines.len() as u64, "archive"),
            one_line(&args.directory.display().to_string()),
            units::size(bytes)
        );
        let name = args.directory.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or("yes".into());
        confirm::ask_about(&question, "removes archives", &name)?;
    }
    let mut failed = 0;
    let mut archives = Vec::new();
    for line in &plan.lines {
        let mut error = None;
        if line.kept.is_empty() && !args.dry_run {
            app.signals.cancel().check()?;
            if let Err(cause) = remove(&line.path) {
                failed += 1;
                output.warn(&redact(&cause.to_string()));
                error = Some(redact(&cause.to_string()).into_owned());
            }
        }
        let summary = line.summary.as_ref().ok();
        archives.push(ArchiveLine {
            archive_path: line.path.display().to_string(),
            created_at: summary.map(|summary| summary.created_at.clone()),
            bytes: summary.map(|summary| summary.bytes),
            kept: line.kept.clone(),
            error,
        });
    }
    let told = [Kept::Unreadable, Kept::Damaged, Kept::Future];
    let doubtful = plan.lines.iter().any(|line| line.kept.iter().any(|kept| told.contains(kept)));
    let exit_code = if failed > 0 || doubtful { exit::WARNINGS } else { exit::DONE };
    let removed = count - failed;
    let (what, freed) = (counted(removed, "archive"), units::size(bytes));
    output.success(match (args.dry_run, removed) {
        (_, 0) => "nothing to remove".to_owned(),
        (true, _) => format!("would remove {what}, {freed}; nothing was removed"),
        (false, _) => format!("removed {what}, {freed}"),
    })?;
    let directory = args.directory.display().to_string();
    output.document(
        "summary",
        &Document {
            command: "prune",
            directory,
            keep,
            archives,
            removed,
            bytes_removed: bytes,
            dry_run: args.dry_run,
            exit_code,
        },
    )?;
    Ok(exit_code)
}

/// What a server has noted of the archives in a directory.
#[cfg(feature = "web")]
fn known(directory: &Path) -> Result<impl Fn(&Path, &str) -> Known> {
    dbferry::web::known(directory)
}

/// Nobody has: there is no server in this build.
#[cfg(not(feature = "web"))]
fn known(_directory: &Path) -> Result<impl Fn(&Path, &str) -> Known> {
    Ok(|_: &Path, _: &str| Known::default())
}

/// What becomes of an archive, and why.
fn fate(line: &Line) -> String {
    let words = line.kept.iter().map(|kept| match kept {
        Kept::Newest => "the newest",
        Kept::Last => "one of the last",
        Kept::Daily => "of its day",
        Kept::Weekly => "of its week",
        Kept::Monthly => "of its month",
        Kept::Unreadable => "cannot be read",
        Kept::Damaged => "damaged",
        Kept::Future => "dated in the future",
        Kept::Safety => "made before a restore",
    });
    let words: Vec<&str> = words.collect();
    if words.is_empty() { "goes".into() } else { format!("stays: {}", words.join(", ")) }
}
