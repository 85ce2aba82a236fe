//! `list`: the archives in a directory.

use super::App;
use super::args::ListArgs;
use super::exit;
use super::json::ErrorDocument;
use super::output::Columns;
use super::text::{counted, one_line, shell_word};
use super::units;
use dbferry::Result;
use dbferry::archive::{Archive, list};
use dbferry::dialect::DatabaseInfo;
use dbferry::failure::redact;
use serde::Serialize;

/// The document of a listing.
#[derive(Serialize)]
struct Document {
    directory: String,
    archives: Vec<Line>,
}

/// One archive; either all of its facts or its error.
#[derive(Serialize)]
struct Line {
    archive_path: String,
    packed: bool,
    #[serde(skip_serializing_if = "Option::is_none", flatten)]
    facts: Option<Facts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ErrorDocument>,
}

#[derive(Serialize)]
struct Facts {
    archive: String,
    tool: String,
    created_at: String,
    description: Option<String>,
    source: DatabaseInfo,
    groups: Vec<String>,
    collections: u64,
    rows: u64,
    bytes: u64,
}

pub(super) fn run(args: &ListArgs, app: &App) -> Result<u8> {
    let mut table = Columns::new(&["archive", "created", "source", "groups", "tables", "rows", "size"], &[4, 5, 6]);
    let mut archives = Vec::new();
    let mut broken = 0_u64;
    for entry in list(&args.directory)? {
        let path = entry.path.display().to_string();
        let (facts, error) = match entry.summary {
            Ok(summary) => {
                let groups: Vec<String> = summary.groups.iter().map(|group| group.name.clone()).collect();
                table.row([
                    path.clone(),
                    summary.created_at.clone(),
                    format!("{} {}", summary.source.product, summary.source.database),
                    groups.join(" "),
                    units::count(summary.collections),
                    units::count(summary.rows),
                    units::size(summary.bytes),
                ]);
                let facts = Facts {
                    archive: summary.id,
                    tool: summary.tool,
                    created_at: summary.created_at,
                    description: summary.description,
                    source: summary.source,
                    groups,
                    collections: summary.collections,
                    rows: summary.rows,
                    bytes: summary.bytes,
                };
                (Some(facts), None)
            }
            Err(error) => {
                broken += 1;
                app.output.warn(&format!("{path} cannot be read: {}", redact(&error.to_string())));
                (None, Some(ErrorDocument::new(&error, exit::code(&error, None))))
            }
        };
        archives.push(Line { archive_path: path, packed: entry.packed, facts, error });
    }
    let whole = archives.len() as u64 - broken;
    app.output.table(&table)?;
    app.output.say(match broken {
        0 => counted(whole, "archive"),
        _ => format!("{}, and {broken} that cannot be read", counted(whole, "archive")),
    })?;
    if archives.is_empty() && Archive::open(&args.directory).is_ok() {
        let path = args.directory.display().to_string();
        app.output.say(format!(
            "{} is an archive itself: dbferry inspect {}",
            one_line(&path),
            shell_word(&one_line(&path))
        ))?;
    }
    app.output.document("list", &Document { directory: args.directory.display().to_string(), archives })?;
    Ok(if broken == 0 { exit::DONE } else { exit::WARNINGS })
}
