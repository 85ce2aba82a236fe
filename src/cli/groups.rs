//! `groups`: which table is in which group, and why.

use super::App;
use super::args::GroupsArgs;
use super::config::{Configuration, names_database};
use super::exit;
use super::import;
use super::output::{Columns, Output};
use super::text::{counted, one_line};
use super::units;
use dbferry::Result;
use dbferry::archive::Archive;
use dbferry::dialect::Purpose;
use dbferry::dialect::model::{Estimate, Schema};
use dbferry::group::{self, Assignment, Explanation, GroupExplanation, GroupRules, Grouping, UnmatchedRule};
use dbferry::resources::Resources;
use serde::Serialize;
use std::path::Path;

/// The document of the groups.
#[derive(Serialize)]
struct Document<'a> {
    /// The database or archive that was looked at.
    place: String,
    /// Whether rows and bytes are estimates.
    estimated: bool,
    groups: &'a [GroupExplanation],
    cross_group_edges: Vec<Edge<'a>>,
    unmatched_rules: &'a [UnmatchedRule],
}

#[derive(Serialize)]
struct Edge<'a> {
    from: String,
    from_group: &'a str,
    columns: &'a [String],
    to: String,
    to_group: &'a str,
}

pub(super) fn run(args: &GroupsArgs, app: &App) -> Result<u8> {
    let configuration = Configuration::load(&args.config)?;
    let mut rules = configuration.config.groups.clone();
    for preset in &args.presets.presets {
        rules.add_preset(preset)?;
    }
    let archive = args.place.as_deref().filter(|place| !names_database(place) && is_archive(Path::new(place)));
    // What a database says without a scan is an estimate, what an archive says was counted.
    let mark = if archive.is_some() { "" } else { "~" };
    let (place, schema, grouping) = match archive {
        Some(path) => of_archive(Path::new(path), &rules, app)?,
        None => of_database(args.place.as_deref(), &configuration, &rules, app)?,
    };
    let explanation = group::explain(&schema, &grouping, rules.glossary(), args.language.into());
    show(&explanation, args.explain, mark, &app.output)?;
    let edges = explanation.cross_group_edges.iter().map(|edge| Edge {
        from: edge.from.to_string(),
        from_group: &edge.from_group,
        columns: &edge.columns,
        to: edge.to.to_string(),
        to_group: &edge.to_group,
    });
    let document = Document {
        place,
        estimated: archive.is_none(),
        groups: &explanation.groups,
        cross_group_edges: edges.collect(),
        unmatched_rules: &explanation.unmatched_rules,
    };
    app.output.document("groups", &document)?;
    Ok(exit::DONE)
}

/// Whether a path is to be opened as an archive. A file that is none is more likely a database whose scheme was forgotten,
/// and is told so; a path where nothing is could be either.
fn is_archive(path: &Path) -> bool {
    path.is_dir()
        || path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("zip"))
        || Archive::open(path).is_ok()
        || dbferry::import::is_importable(path)
}

fn of_database(
    text: Option<&str>,
    configuration: &Configuration,
    rules: &GroupRules,
    app: &App,
) -> Result<(String, Schema, Grouping)> {
    let place = configuration.database(text, &app.output)?;
    let mut database = place.endpoint.open(Purpose::Read, &app.signals.cancel())?;
    let schema = database.introspect()?;
    let grouping = group::assign(&schema, rules, &mut |sql| database.query_names(sql))?;
    Ok((place.endpoint.to_string(), schema, grouping))
}

/// As the archive has it: the rules that decided are those of its dump. Parquet files without a manifest have no others than
/// the present ones.
fn of_archive(path: &Path, rules: &GroupRules, app: &App) -> Result<(String, Schema, Grouping)> {
    let archive = import::open(path, None, || Ok(rules.clone()), Resources::default(), app)?;
    let manifest = archive.manifest();
    let collections = manifest.collections.iter().map(|entry| {
        let mut collection = entry.collection.clone();
        collection.estimate = Estimate { rows: Some(entry.rows), bytes: Some(entry.bytes()) };
        collection
    });
    let schema = Schema { collections: collections.collect(), ..Schema::default() };
    let grouping = Grouping {
        assignments: manifest.collections.iter().map(Assignment::from).collect(),
        unmatched_rules: Vec::new(),
    };
    Ok((path.display().to_string(), schema, grouping))
}

/// Warns of rules that had no effect.
pub(super) fn warn_unmatched(output: &Output, rules: &[UnmatchedRule]) {
    for rule in rules {
        output.warn(&format!("{}: {}", rule.rule, rule.reason));
    }
}

fn show(explanation: &Explanation, explain: bool, mark: &str, output: &Output) -> Result<()> {
    if explain {
        for group in &explanation.groups {
            show_group(group, mark, output)?;
        }
    } else {
        let mut table = Columns::new(&["group", "table", "rows", "size", "why"], &[2, 3]);
        for group in &explanation.groups {
            for line in &group.collections {
                table.row([
                    group.name.clone(),
                    line.name.clone(),
                    line.rows.map(|rows| format!("{mark}{}", units::count(rows))).unwrap_or_default(),
                    line.bytes.map(|bytes| format!("{mark}{}", units::size(bytes))).unwrap_or_default(),
                    line.rule.clone(),
                ]);
            }
        }
        output.table(&table)?;
    }
    if !explanation.cross_group_edges.is_empty() {
        output.heading("Foreign keys that cross groups")?;
        let mut table = Columns::new(&["from", "group", "columns", "to", "group"], &[]);
        for edge in &explanation.cross_group_edges {
            table.row([
                edge.from.to_string(),
                edge.from_group.clone(),
                edge.columns.join(", "),
                edge.to.to_string(),
                edge.to_group.clone(),
            ]);
        }
        output.table(&table)?;
    }
    warn_unmatched(output, &explanation.unmatched_rules);
    let used = explanation.groups.iter().filter(|group| !group.collections.is_empty());
    let tables: usize = used.clone().map(|group| group.collections.len()).sum();
    output.say(format!("{} in {}", counted(tables as u64, "table"), counted(used.count() as u64, "group")))
}

fn show_group(group: &GroupExplanation, mark: &str, output: &Output) -> Result<()> {
    let always = match (group.always, group.never) {
        (true, _) => " (always)",
        (_, true) => " (never dumped)",
        _ => "",
    };
    output.heading(format!("{}: {}{always}", one_line(&group.name), one_line(&group.title)))?;
    output.say(format!("  {}", one_line(&group.description)))?;
    let mut table = Columns::new(&["table", "rows", "size", "why"], &[1, 2]);
    for line in &group.collections {
        table.row([
            line.name.clone(),
            line.rows.map(|rows| format!("{mark}{}", units::count(rows))).unwrap_or_default(),
            line.bytes.map(|bytes| format!("{mark}{}", units::size(bytes))).unwrap_or_default(),
            line.rule.clone(),
        ]);
    }
    output.table(&table)?;
    output.say("")
}
