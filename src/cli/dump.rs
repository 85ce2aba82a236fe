//! `dump`: a database into a new archive.

use super::App;
use super::args::DumpArgs;
use super::config::{Configuration, archive_path, names_database};
use super::exit;
use super::groups;
use super::output::{Columns, Output};
use super::progress::Moved;
use super::text::{counted, one_line};
use super::units;
use dbferry::archive::{Archive, GroupEntry};
use dbferry::dialect::model::NotCarried;
use dbferry::dialect::{Consistency, Purpose};
use dbferry::dump::{DumpOptions, DumpReport, GroupBy, dump};
use dbferry::endpoint::Endpoint;
use dbferry::group::{self, GroupRules, SelectFor};
use dbferry::{Error, ErrorKind, Result};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;

/// The last document of a dump.
#[derive(Serialize)]
struct Summary<'a> {
    command: &'static str,
    archive_path: String,
    /// The archive's id.
    archive: &'a str,
    consistency: &'a Consistency,
    groups: &'a [GroupEntry],
    collections: u64,
    rows: u64,
    /// Bytes of its Parquet files.
    bytes: u64,
    /// Bytes that were read, in memory.
    bytes_read: u64,
    /// Cells that did not fit their column's type and were kept beside it.
    exceptions: u64,
    exceptions_by_reason: BTreeMap<String, u64>,
    not_carried: &'a [NotCarried],
    seconds: f64,
    exit_code: u8,
}

/// What a dump would do.
#[derive(Serialize)]
struct DryRun {
    command: &'static str,
    source_url: String,
    archive_path: String,
    collections: Vec<WouldDump>,
}

#[derive(Serialize)]
struct WouldDump {
    collection: String,
    group: String,
    rule: String,
    rows_estimated: Option<u64>,
    bytes_estimated: Option<u64>,
}

pub(super) fn run(args: &DumpArgs, app: &App) -> Result<u8> {
    check_places(args)?;
    let configuration = Configuration::load(&args.config)?;
    let place = configuration.database(args.url.as_deref(), &app.output)?;
    let mut rules = configuration.config.groups.clone();
    for preset in &args.presets.presets {
        rules.add_preset(preset)?;
    }
    let options = DumpOptions {
        resources: args.resources.resources()?,
        compression: args.compression,
        row_group_bytes: usize::try_from(args.row_group_size)
            .ok()
            .filter(|bytes| *bytes > 0)
            .ok_or_else(|| Error::new(ErrorKind::Usage, "no row group has that size"))?,
        group_by: GroupBy::Rules(rules.clone()),
        selection: args.selection.selection(),
        predicates: conditions(&args.conditions)?,
        consistent: !args.inconsistent,
        description: args.description.clone(),
        cancel: app.signals.cancel(),
    };
    if args.dry_run {
        return dry_run(args, &place.endpoint, &options, &rules, app);
    }
    let reporter = app.reporter(options.resources.jobs)?;
    let result = dump(&place.endpoint, &args.archive, &options, &reporter);
    let moved = reporter.finish();
    let report = result.map_err(|error| no_archive(error, &args.archive))?;
    let by_reason = exceptions_by_reason(&args.archive, &report)?;
    let exit_code = if report.not_carried.is_empty() { exit::DONE } else { exit::WARNINGS };
    for missing in &report.not_carried {
        app.output.warn(&format!("not carried: {} {}: {}", missing.kind, missing.name, missing.reason));
    }
    say(&app.output, args, &report, &by_reason, moved)?;
    app.output.document(
        "summary",
        &Summary {
            command: "dump",
            archive_path: args.archive.display().to_string(),
            archive: &report.id,
            consistency: &report.consistency,
            groups: &report.groups,
            collections: report.collections,
            rows: report.rows,
            bytes: report.bytes,
            bytes_read: moved.bytes,
            exceptions: report.exceptions,
            exceptions_by_reason: by_reason,
            not_carried: &report.not_carried,
            seconds: report.seconds,
            exit_code,
        },
    )?;
    Ok(exit_code)
}

/// With one argument it is the archive, and the database comes from the environment. What stands in the wrong place gets
/// its own words.
fn check_places(args: &DumpArgs) -> Result<()> {
    const HINT: &str = "write the database first and the archive second: dbferry dump sqlite:shop.db backup/";
    if args.url.is_none() && names_database(&args.archive.to_string_lossy()) {
        return Err(Error::new(ErrorKind::Usage, "the archive to write is missing").hint(HINT));
    }
    archive_path(&args.archive, HINT)
}

/// `TABLE=SQL` each.
pub(super) fn conditions(texts: &[String]) -> Result<BTreeMap<String, String>> {
    let mut conditions = BTreeMap::new();
    for text in texts {
        let (table, sql) =
            text.split_once('=').filter(|(table, sql)| !table.is_empty() && !sql.is_empty()).ok_or_else(|| {
                Error::new(ErrorKind::Usage, format!("--where {text:?} is not TABLE=SQL"))
                    .hint("write --where \"main.orders=placed >= '2026-01-01'\"")
            })?;
        if conditions.insert(table.to_owned(), sql.to_owned()).is_some() {
            return Err(Error::new(ErrorKind::Usage, format!("--where is given twice for {table}"))
                .hint("join the conditions with AND"));
        }
    }
    Ok(conditions)
}

/// Says what state things are in after a failure.
fn no_archive(error: Error, path: &Path) -> Error {
    match error.kind() {
        ErrorKind::Cancelled => error.with("archive", format!("{} was not written", path.display())),
        _ => error,
    }
}

fn exceptions_by_reason(path: &Path, report: &DumpReport) -> Result<BTreeMap<String, u64>> {
    let mut by_reason = BTreeMap::new();
    if report.exceptions > 0 {
        let archive = Archive::open(path)?;
        for exceptions in archive.manifest().collections.iter().filter_map(|entry| entry.exceptions.as_ref()) {
            for (reason, count) in &exceptions.reasons {
                *by_reason.entry(reason.clone()).or_default() += count;
            }
        }
    }
    Ok(by_reason)
}

fn say(
    output: &Output,
    args: &DumpArgs,
    report: &DumpReport,
    by_reason: &BTreeMap<String, u64>,
    moved: Moved,
) -> Result<()> {
    let mut groups = Columns::new(&["group", "tables", "rows", "size"], &[1, 2, 3]);
    for group in &report.groups {
        groups.row([
            group.name.clone(),
            units::count(group.collections),
            units::count(group.rows),
            units::size(group.bytes),
        ]);
    }
    output.table(&groups)?;
    if output.verbose > 0 {
        let consistency = &report.consistency;
        output.say(format!(
            "snapshot: {}, {}, {}",
            one_line(&consistency.method),
            counted(consistency.readers as u64, "reader"),
            if consistency.proven { "proven" } else { "not proven" }
        ))?;
    }
    let mut line = format!(
        "dumped {} with {} into {} in {}: {} of data as {} ({})",
        counted(report.collections, "table"),
        counted(report.rows, "row"),
        one_line(&args.archive.display().to_string()),
        units::duration(moved.time),
        units::size(moved.bytes),
        units::size(report.bytes),
        units::rates(report.rows, moved.bytes, moved.time),
    );
    if report.exceptions > 0 {
        let reasons: Vec<String> =
            by_reason.iter().map(|(reason, count)| format!("{} {}", units::count(*count), one_line(reason))).collect();
        line.push_str(&format!(
            "; {} kept exactly beside their columns: {}",
            counted(report.exceptions, "exception"),
            reasons.join(", ")
        ));
    }
    if !report.not_carried.is_empty() {
        line.push_str(&format!("; not carried: {}", counted(report.not_carried.len() as u64, "thing")));
    }
    output.success(line)
}

fn dry_run(args: &DumpArgs, source: &Endpoint<'_>, options: &DumpOptions, rules: &GroupRules, app: &App) -> Result<u8> {
    let mut database = source.open(Purpose::Read, &options.cancel)?;
    let schema = database.introspect()?;
    let grouping = group::assign(&schema, rules, &mut |sql| database.query_names(sql))?;
    groups::warn_unmatched(&app.output, &grouping.unmatched_rules);
    let chosen = group::select(&grouping.assignments, &options.selection, SelectFor::Dump)?;
    let collections = chosen.into_iter().filter_map(|index| grouping.assignments.get(index)).map(|assignment| {
        let estimate =
            schema.collection(&assignment.collection).map(|collection| collection.estimate).unwrap_or_default();
        WouldDump {
            collection: assignment.collection.to_string(),
            group: assignment.group.clone(),
            rule: assignment.rule.clone(),
            rows_estimated: estimate.rows,
            bytes_estimated: estimate.bytes,
        }
    });
    let document = DryRun {
        command: "dump",
        source_url: source.to_string(),
        archive_path: args.archive.display().to_string(),
        collections: collections.collect(),
    };
    let mut table = Columns::new(&["group", "table", "rows, about", "size, about"], &[2, 3]);
    for line in &document.collections {
        table.row([
            line.group.clone(),
            line.collection.clone(),
            line.rows_estimated.map(units::count).unwrap_or_default(),
            line.bytes_estimated.map(units::size).unwrap_or_default(),
        ]);
    }
    app.output.table(&table)?;
    app.output.say(format!(
        "would dump {} from {} into {}; nothing was written",
        counted(document.collections.len() as u64, "table"),
        one_line(&document.source_url),
        one_line(&document.archive_path)
    ))?;
    app.output.document("dry-run", &document)?;
    Ok(exit::DONE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_ends_its_table_at_the_first_sign() {
        let parsed = conditions(&["main.a=x = 1".into(), "main.b=y>=2".into()]).unwrap();
        assert_eq!(parsed["main.a"], "x = 1");
        assert_eq!(parsed["main.b"], "y>=2");
        for bad in [&["main.a"][..], &["=x"], &["main.a="], &["main.a=x", "main.a=y"]] {
            let texts: Vec<String> = bad.iter().map(|text| (*text).to_owned()).collect();
            assert_eq!(conditions(&texts).unwrap_err().kind(), ErrorKind::Usage, "{bad:?}");
        }
    }
}
