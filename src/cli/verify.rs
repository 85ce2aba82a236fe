//! `verify`: whether an archive is whole, and whether a database holds what it says.

use super::App;
use super::args::VerifyArgs;
use super::config::{Configuration, archive_path};
use super::exit;
use super::import;
use super::output::{Columns, Output};
use super::progress::Moved;
use super::text::{counted, one_line};
use super::units;
use dbferry::Result;
use dbferry::verify::{VerifyOptions, VerifyReport, verify, verify_against};
use serde::Serialize;

/// The last document of a verification.
#[derive(Serialize)]
struct Summary<'a> {
    command: &'static str,
    archive_path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    against: Option<String>,
    /// Whether rows were decoded and hashed, or only bytes and footers looked at.
    rows_checked: bool,
    /// How many collections differ.
    differences: usize,
    /// The archive's id.
    archive: &'a str,
    collections: Vec<CollectionLine<'a>>,
    /// Files in the archive's directory that its manifest does not list.
    strays: &'a [String],
    seconds: f64,
    exit_code: u8,
}

#[derive(Serialize)]
struct CollectionLine<'a> {
    collection: String,
    group: &'a str,
    rows: u64,
    /// The row hash that the manifest says.
    hash: &'a str,
    /// What does not agree, in a sentence.
    difference: Option<&'a str>,
}

pub(super) fn run(args: &VerifyArgs, app: &App) -> Result<u8> {
    archive_path(
        &args.archive,
        "the database is named with --against: dbferry verify backup/ --against sqlite:shop.db",
    )?;
    let configuration = Configuration::load(&args.config)?;
    let options = VerifyOptions {
        resources: args.resources.resources()?,
        selection: args.selection.selection(),
        skip_rows: args.bytes_only,
        cancel: app.signals.cancel(),
    };
    let place = match &args.against {
        None => None,
        Some(url) => Some(configuration.database(Some(url), &app.output)?),
    };
    let namespace = place.as_ref().map(|place| place.endpoint.dialect.capabilities().default_namespace);
    let rules = || Ok(configuration.config.groups.clone());
    let archive = import::open(&args.archive, namespace, rules, options.resources, app)?;
    let reporter = app.reporter(options.resources.jobs)?;
    let result = match &place {
        None => verify(&archive, &options, &reporter),
        Some(place) => verify_against(&archive, &place.endpoint, &options, &reporter),
    };
    let moved = reporter.finish();
    let report = result?;
    let differences = report.differences().count();
    let exit_code = if differences > 0 {
        exit::DIFFERENCES
    } else if report.strays.is_empty() {
        exit::DONE
    } else {
        exit::WARNINGS
    };
    let against = place.map(|place| place.endpoint.to_string());
    say(&app.output, args, against.as_deref(), &report, moved)?;
    let lines = report.collections.iter().map(|line| CollectionLine {
        collection: line.collection.to_string(),
        group: &line.group,
        rows: line.rows,
        hash: &line.hash,
        difference: line.difference.as_deref(),
    });
    app.output.document(
        "summary",
        &Summary {
            command: "verify",
            archive_path: args.archive.display().to_string(),
            against,
            rows_checked: !args.bytes_only,
            differences,
            archive: &report.id,
            collections: lines.collect(),
            strays: &report.strays,
            seconds: report.seconds,
            exit_code,
        },
    )?;
    Ok(exit_code)
}

fn say(output: &Output, args: &VerifyArgs, against: Option<&str>, report: &VerifyReport, moved: Moved) -> Result<()> {
    let mut table = Columns::new(&["group", "table", "rows", "result"], &[2]);
    for line in report.collections.iter().filter(|line| output.verbose > 0 || line.difference.is_some()) {
        table.row([
            line.group.clone(),
            line.collection.to_string(),
            units::count(line.rows),
            line.difference.clone().unwrap_or_else(|| "equal".into()),
        ]);
    }
    output.table(&table)?;
    for stray in &report.strays {
        output.warn(&format!("{stray} is in the archive's directory and not in its manifest"));
    }
    let tables = counted(report.collections.len() as u64, "table");
    let rows = counted(report.collections.iter().map(|line| line.rows).sum(), "row");
    let archive = one_line(&args.archive.display().to_string()).into_owned();
    let differences = report.differences().count() as u64;
    if differences > 0 {
        let database = one_line(against.unwrap_or("the database")).into_owned();
        return output.say(format!("{database} differs from {archive} in {differences} of {tables}"));
    }
    let time = units::duration(moved.time);
    output.success(match (against, args.bytes_only) {
        (Some(database), _) => format!(
            "{} holds what {archive} says: {tables}, {rows}, read and hashed in {time} ({})",
            one_line(database),
            units::rates(report.collections.iter().map(|line| line.rows).sum(), moved.bytes, moved.time)
        ),
        (None, true) => format!("the bytes of {archive} are whole: {tables}, {rows}, not decoded, in {time}"),
        (None, false) => format!(
            "{archive} is whole: {tables}, {rows}, decoded and hashed in {time} ({})",
            units::rates(report.collections.iter().map(|line| line.rows).sum(), moved.bytes, moved.time)
        ),
    })
}
