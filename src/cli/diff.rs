//! `diff`: what is different between any two of archive and database.

use super::App;
use super::args::DiffArgs;
use super::config::{Configuration, Place, names_database};
use super::differences;
use super::exit;
use super::output::{Columns, Output};
use super::text::{counted, one_line};
use super::units;
use dbferry::Result;
use dbferry::archive::Archive;
use dbferry::dialect::{CollectionName, DatabaseInfo};
use dbferry::diff::{DiffOptions, DiffReport, SchemaChange, SchemaDifference, diff};
use dbferry::verify::{Holder, NotCompared, RowDifferences};
use serde::Serialize;
use std::path::Path;

/// The document of a comparison.
#[derive(Serialize)]
struct Summary<'a> {
    command: &'static str,
    left: String,
    right: String,
    left_database: &'a DatabaseInfo,
    right_database: &'a DatabaseInfo,
    /// Whether nothing is different.
    equal: bool,
    /// Whether rows were compared.
    rows_checked: bool,
    schema: Vec<SchemaLine<'a>>,
    collections: Vec<CollectionLine<'a>>,
    /// What was not compared and why.
    notes: &'a [String],
    seconds: f64,
    exit_code: u8,
}

#[derive(Serialize)]
struct SchemaLine<'a> {
    /// Absent for what belongs to no table.
    collection: Option<String>,
    what: &'a str,
    change: SchemaChange,
    left: Option<&'a str>,
    right: Option<&'a str>,
}

#[derive(Serialize)]
struct CollectionLine<'a> {
    collection: String,
    right: String,
    left_rows: u64,
    right_rows: u64,
    /// What differs, in a sentence.
    difference: Option<&'a str>,
    #[serde(skip_serializing_if = "<[NotCompared]>::is_empty")]
    not_compared: &'a [NotCompared],
    #[serde(skip_serializing_if = "Option::is_none")]
    row_differences: Option<&'a RowDifferences>,
}

/// One side, opened as far as an archive is.
enum Opened {
    Archive(Box<Archive>),
    Database(Place),
}

impl Opened {
    fn new(text: &str, configuration: &Configuration, output: &Output) -> Result<Self> {
        if names_database(text) {
            configuration.database(Some(text), output).map(Self::Database)
        } else {
            Archive::open(Path::new(text)).map(|archive| Self::Archive(Box::new(archive)))
        }
    }

    fn holder(&self) -> Holder<'_> {
        match self {
            Self::Archive(archive) => Holder::Archive(archive),
            Self::Database(place) => Holder::Database(&place.endpoint),
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Archive(archive) => archive.path().display().to_string(),
            Self::Database(place) => place.endpoint.to_string(),
        }
    }
}

pub(super) fn run(args: &DiffArgs, app: &App) -> Result<u8> {
    let configuration = Configuration::load(&args.config)?;
    let options = DiffOptions {
        resources: args.resources.resources()?,
        selection: args.selection.selection(),
        schema_only: args.schema_only,
        rows: args.differences.or(args.rows.then_some(dbferry::verify::VerifyOptions::DIFFERENCES)).unwrap_or(0),
        cancel: app.signals.cancel(),
    };
    let left = Opened::new(&args.left, &configuration, &app.output)?;
    let right = Opened::new(&args.right, &configuration, &app.output)?;
    let reporter = app.reporter(options.resources.jobs)?;
    let result = diff(left.holder(), right.holder(), &options, &reporter);
    let moved = reporter.finish();
    let report = result?;
    let not_compared = report.collections.iter().any(|line| !line.not_compared.is_empty());
    let exit_code = match (report.is_equal(), not_compared) {
        (false, _) => exit::DIFFERENCES,
        (true, true) => exit::WARNINGS,
        (true, false) => exit::DONE,
    };
    let names = [left.name(), right.name()];
    say(&app.output, args, &names, &report, &units::duration(moved.time))?;
    app.output.document(
        "summary",
        &Summary {
            command: "diff",
            left: left.name(),
            right: right.name(),
            left_database: &report.left,
            right_database: &report.right,
            equal: report.is_equal(),
            rows_checked: !args.schema_only,
            schema: report.schema.iter().map(schema_line).collect(),
            collections: report.collections.iter().map(collection_line).collect(),
            notes: &report.notes,
            seconds: report.seconds,
            exit_code,
        },
    )?;
    Ok(exit_code)
}

fn schema_line(difference: &SchemaDifference) -> SchemaLine<'_> {
    SchemaLine {
        collection: difference.collection.as_ref().map(CollectionName::to_string),
        what: &difference.what,
        change: difference.change,
        left: difference.left.as_deref(),
        right: difference.right.as_deref(),
    }
}

fn collection_line(line: &dbferry::diff::ComparedRows) -> CollectionLine<'_> {
    CollectionLine {
        collection: line.collection.to_string(),
        right: line.right.to_string(),
        left_rows: line.left_rows,
        right_rows: line.right_rows,
        difference: line.difference.as_deref(),
        not_compared: &line.not_compared,
        row_differences: line.row_differences.as_ref(),
    }
}

fn say(output: &Output, args: &DiffArgs, names: &[String; 2], report: &DiffReport, time: &str) -> Result<()> {
    let [left, right] = names.each_ref().map(|name| one_line(name));
    if !report.schema.is_empty() {
        output.heading("Schema")?;
        let mut table = Columns::new(&["table", "what", "left", "right"], &[]);
        for difference in &report.schema {
            let collection = difference.collection.as_ref().map(CollectionName::to_string).unwrap_or_default();
            let text = |text: &Option<String>, there: bool| match (text, there) {
                (Some(text), _) => text.clone(),
                (None, true) => "there".into(),
                (None, false) => "-".into(),
            };
            table.row([
                collection,
                difference.what.clone(),
                text(&difference.left, difference.change != SchemaChange::OnlyRight),
                text(&difference.right, difference.change != SchemaChange::OnlyLeft),
            ]);
        }
        output.table(&table)?;
    }
    let mut table = Columns::new(&["table", "left rows", "right rows", "result"], &[1, 2]);
    for line in report.collections.iter().filter(|line| output.verbose > 0 || line.difference.is_some()) {
        table.row([
            line.collection.to_string(),
            units::count(line.left_rows),
            units::count(line.right_rows),
            line.difference.clone().unwrap_or_else(|| "equal".into()),
        ]);
    }
    if report.differing_rows().next().is_some() || output.verbose > 0 {
        output.heading("Rows")?;
    }
    output.table(&table)?;
    for line in &report.collections {
        if let Some(found) = &line.row_differences {
            differences::say(output, &line.collection.to_string(), [&left, &right], found)?;
        }
        differences::warn_not_compared(output, &line.collection.to_string(), &line.not_compared);
    }
    for note in &report.notes {
        output.say(format!("note: {}", one_line(note)))?;
    }
    let rows = report.collections.iter().map(|line| line.left_rows).sum();
    let compared = if args.schema_only {
        "the schema only".to_owned()
    } else {
        format!("{} with {}", counted(report.collections.len() as u64, "table"), counted(rows, "row"))
    };
    if report.is_equal() {
        return output.success(format!("{left} and {right} are equal: {compared}, in {time}"));
    }
    let schema = counted(report.schema.len() as u64, "difference");
    let tables = counted(report.differing_rows().count() as u64, "table");
    output.say(format!(
        "{left} and {right} differ: {schema} in the schema, rows of {tables}; compared {compared} in {time}"
    ))?;
    if !args.rows && args.differences.is_none() && report.differing_rows().next().is_some() {
        output.say("--rows shows which rows and columns")?;
    }
    Ok(())
}
