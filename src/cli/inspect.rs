//! `inspect`: what an archive holds, from its manifest alone.

use super::App;
use super::args::InspectArgs;
use super::config::{Configuration, archive_path};
use super::exit;
use super::import;
use super::output::{Columns, Output};
use super::text::{counted, one_line};
use super::units;
use dbferry::archive::{Archive, CollectionEntry, Manifest};
use dbferry::dialect::model::{CollectionKind, ColumnRole, NotCarried, ObjectKind};
use dbferry::dialect::{Column, Consistency, DatabaseInfo, LogicalType};
use dbferry::group::NamePattern;
use dbferry::resources::Resources;
use dbferry::{Error, ErrorKind, Result};
use serde::Serialize;
use std::collections::BTreeMap;

/// The document of an archive.
#[derive(Serialize)]
struct Document<'a> {
    archive_path: String,
    packed: bool,
    /// The archive's id.
    archive: &'a str,
    tool: &'a str,
    created_at: &'a str,
    description: Option<&'a str>,
    source: &'a DatabaseInfo,
    consistency: &'a Consistency,
    compression: String,
    rows: u64,
    bytes: u64,
    groups: Vec<Group<'a>>,
    collections: Vec<CollectionLine<'a>>,
    objects: Vec<Object<'a>>,
    attributes: &'a BTreeMap<String, String>,
    not_carried: &'a [NotCarried],
}

#[derive(Serialize)]
struct Group<'a> {
    name: &'a str,
    collections: u64,
    rows: u64,
    bytes: u64,
}

#[derive(Serialize)]
struct CollectionLine<'a> {
    collection: String,
    kind: CollectionKind,
    group: &'a str,
    /// Why it is in that group.
    rule: &'a str,
    rows: u64,
    bytes: u64,
    row_groups: usize,
    /// The row hash.
    hash: &'a str,
    /// Where its rows are, inside the archive.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a str>,
    /// Cells that did not fit their column's type, by reason.
    exceptions: BTreeMap<String, u64>,
    /// The condition, if only some rows were dumped.
    #[serde(skip_serializing_if = "Option::is_none")]
    partial: Option<&'a str>,
    columns: Vec<ColumnLine<'a>>,
}

#[derive(Serialize)]
struct ColumnLine<'a> {
    name: &'a str,
    logical: &'a LogicalType,
    native: &'a str,
    nullable: bool,
    role: ColumnRole,
    /// Its position in the primary key, counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    default: Option<&'a str>,
    generated: bool,
}

#[derive(Serialize)]
struct Object<'a> {
    kind: ObjectKind,
    namespace: &'a str,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    on: Option<String>,
    group: Option<&'a str>,
}

pub(super) fn run(args: &InspectArgs, app: &App) -> Result<u8> {
    archive_path(&args.archive, "`dbferry groups URL` looks at a database; inspect looks at an archive")?;
    let rules = || Ok(Configuration::load(&args.config)?.config.groups);
    let archive = import::open(&args.archive, None, rules, Resources::default(), app)?;
    let manifest = archive.manifest();
    let chosen = chosen(manifest, args.table.as_deref())?;
    if args.table.is_some() {
        for entry in &chosen {
            show_collection(entry, &app.output)?;
        }
    } else {
        show_archive(&archive, &app.output)?;
    }
    app.output.document("inspect", &document(&archive, &chosen))?;
    Ok(exit::DONE)
}

fn chosen<'a>(manifest: &'a Manifest, table: Option<&str>) -> Result<Vec<&'a CollectionEntry>> {
    let Some(table) = table else { return Ok(manifest.collections.iter().collect()) };
    // A name that holds pattern characters is still a name.
    let pattern = NamePattern::new(table).ok();
    let chosen: Vec<_> = manifest
        .collections
        .iter()
        .filter(|entry| {
            let name = &entry.collection.name;
            name.name == table || name.to_string() == table || pattern.as_ref().is_some_and(|p| p.matches(name))
        })
        .collect();
    if chosen.is_empty() {
        let names: Vec<String> =
            manifest.collections.iter().take(20).map(|entry| entry.collection.name.to_string()).collect();
        let more = if manifest.collections.len() > names.len() { ", ..." } else { "" };
        return Err(Error::new(ErrorKind::Usage, format!("the archive has no table {table:?}"))
            .hint(format!("it has {}{more}", names.join(", "))));
    }
    Ok(chosen)
}

fn document<'a>(archive: &'a Archive, chosen: &[&'a CollectionEntry]) -> Document<'a> {
    let manifest = archive.manifest();
    Document {
        archive_path: archive.path().display().to_string(),
        packed: archive.is_packed(),
        archive: &manifest.id,
        tool: &manifest.tool,
        created_at: &manifest.created_at,
        description: manifest.description.as_deref(),
        source: &manifest.source,
        consistency: &manifest.consistency,
        compression: if archive.is_foreign() { "unknown".into() } else { manifest.compression.to_string() },
        rows: manifest.rows(),
        bytes: manifest.bytes(),
        groups: manifest
            .groups
            .iter()
            .map(|group| Group {
                name: &group.name,
                collections: group.collections,
                rows: group.rows,
                bytes: group.bytes,
            })
            .collect(),
        collections: chosen.iter().map(|entry| collection_line(entry)).collect(),
        objects: manifest
            .objects
            .iter()
            .map(|entry| Object {
                kind: entry.object.kind,
                namespace: &entry.object.namespace,
                name: &entry.object.name,
                on: entry.object.on.as_ref().map(ToString::to_string),
                group: entry.group.as_deref(),
            })
            .collect(),
        attributes: &manifest.attributes,
        not_carried: &manifest.not_carried,
    }
}

fn collection_line(entry: &CollectionEntry) -> CollectionLine<'_> {
    let exceptions = entry.exceptions.as_ref();
    CollectionLine {
        collection: entry.collection.name.to_string(),
        kind: entry.collection.kind,
        group: &entry.group,
        rule: &entry.rule,
        rows: entry.rows,
        bytes: entry.bytes(),
        row_groups: entry.row_groups.len(),
        hash: &entry.hash,
        file: entry.file.as_ref().map(|file| file.path.as_str()),
        exceptions: exceptions.map(|exceptions| exceptions.reasons.clone()).unwrap_or_default(),
        partial: entry.partial.as_deref(),
        columns: entry.collection.columns.iter().map(|column| column_line(entry, column)).collect(),
    }
}

fn column_line<'a>(entry: &'a CollectionEntry, column: &'a Column) -> ColumnLine<'a> {
    let key = entry.collection.primary_key.as_ref();
    ColumnLine {
        name: &column.name,
        logical: &column.logical,
        native: &column.native.text,
        nullable: column.nullable,
        role: column.role,
        key: key.and_then(|key| key.columns.iter().position(|name| *name == column.name)).map(|place| place + 1),
        default: column.default.as_ref().map(|default| default.native.as_str()),
        generated: column.generated.is_some(),
    }
}

fn show_archive(archive: &Archive, output: &Output) -> Result<()> {
    let manifest = archive.manifest();
    let source = &manifest.source;
    output.heading(one_line(&archive.path().display().to_string()))?;
    let mut facts = vec![
        ("source", format!("{} {}, {} ({})", source.product, source.version, source.database, source.encoding)),
        ("created", format!("{} by {}", manifest.created_at, manifest.tool)),
        (
            if archive.is_foreign() { "read" } else { "snapshot" },
            if archive.is_foreign() {
                manifest.consistency.method.clone()
            } else {
                format!(
                    "{}, {}, {}",
                    manifest.consistency.method,
                    counted(manifest.consistency.readers as u64, "reader"),
                    if manifest.consistency.proven { "proven" } else { "not proven" }
                )
            },
        ),
        (
            "form",
            match archive.is_foreign() {
                true => "Parquet without a manifest".into(),
                false => {
                    format!("{}, {}", if archive.is_packed() { "packed" } else { "directory" }, manifest.compression)
                }
            },
        ),
        ("id", manifest.id.clone()),
    ];
    if let Some(description) = &manifest.description {
        facts.insert(0, ("about", description.clone()));
    }
    for (name, fact) in facts {
        output.say(format!("  {name:<9} {}", one_line(&fact)))?;
    }
    output.say("")?;
    let mut table =
        Columns::new(&["group", "table", "columns", "rows", "size", "exceptions", "only where"], &[2, 3, 4, 5]);
    for entry in &manifest.collections {
        table.row([
            entry.group.clone(),
            entry.collection.name.to_string(),
            units::count(entry.collection.columns.len() as u64),
            units::count(entry.rows),
            units::size(entry.bytes()),
            entry.exceptions.as_ref().map(|exceptions| units::count(exceptions.rows)).unwrap_or_default(),
            entry.partial.clone().unwrap_or_default(),
        ]);
    }
    output.table(&table)?;
    for missing in &manifest.not_carried {
        output.say(format!(
            "not carried: {} {}: {}",
            one_line(&missing.kind),
            one_line(&missing.name),
            one_line(&missing.reason)
        ))?;
    }
    output.say(format!(
        "{}, {}, {}, and {} (views, triggers and the like)",
        counted(manifest.collections.len() as u64, "table"),
        counted(manifest.rows(), "row"),
        units::size(manifest.bytes()),
        counted(manifest.objects.len() as u64, "object")
    ))
}

fn show_collection(entry: &CollectionEntry, output: &Output) -> Result<()> {
    let line = collection_line(entry);
    output.heading(one_line(&line.collection))?;
    let mut facts = vec![
        ("group", format!("{} ({})", line.group, line.rule)),
        (
            "rows",
            format!(
                "{} in {}, {}",
                units::count(line.rows),
                counted(line.row_groups as u64, "row group"),
                units::size(line.bytes)
            ),
        ),
        ("hash", line.hash.to_owned()),
    ];
    if let Some(file) = line.file {
        facts.push(("file", file.to_owned()));
    }
    if let Some(condition) = line.partial {
        facts.push(("only", format!("rows where {condition}")));
    }
    if !line.exceptions.is_empty() {
        let reasons: Vec<String> =
            line.exceptions.iter().map(|(reason, count)| format!("{} {reason}", units::count(*count))).collect();
        facts.push(("besides", format!("exceptions kept exactly: {}", reasons.join(", "))));
    }
    for (name, fact) in facts {
        output.say(format!("  {name:<9} {}", one_line(&fact)))?;
    }
    output.say("")?;
    let mut table = Columns::new(&["column", "type", "in the source", "null", "key", "default"], &[4]);
    for column in &line.columns {
        table.row([
            column.name.to_owned(),
            column.logical.to_string(),
            column.native.to_owned(),
            if column.nullable { "yes".into() } else { "no".into() },
            column.key.map(|place| place.to_string()).unwrap_or_default(),
            match (column.generated, column.role) {
                (true, _) => "(generated)".into(),
                (_, ColumnRole::RowIdentity) => "(row number)".into(),
                _ => column.default.unwrap_or_default().to_owned(),
            },
        ]);
    }
    output.table(&table)
}
