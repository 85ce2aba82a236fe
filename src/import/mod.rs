//! Import: Parquet files that other programs wrote, as an archive that everything else takes.
//!
//! ```text
//! folder -> which files are which table -> footers: columns, rows -> every row decoded, checked and hashed once -> Archive
//! ```
//!
//! The manifest of such an archive stands in memory alone, and nothing is written into the folder. What the first look
//! found (bytes, rows, row hashes) is what a restore proves later, so a file that changes meanwhile is noticed. What it is
//! not: it guesses no keys and no indexes, since Parquet has none, and it repairs nothing; what it does not understand it
//! refuses, with the file, the column and the row.

mod folder;
mod table;

use crate::archive::foreign::{ForeignFiles, begins_like_parquet};
use crate::archive::{Archive, CollectionEntry, Compression, FileEntry, Manifest};
use crate::group::{self, GroupRules, Grouping};
use crate::progress::{Event, Progress, RowCount};
use crate::resources::Resources;
use crate::verify::{hash_row_groups, work};
use dbferry_dialect::hash::CollectionHash;
use dbferry_dialect::model::{NotCarried, Schema};
use dbferry_dialect::{Cancel, Consistency, DatabaseInfo, Error, ErrorKind, Result};
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::SystemTime;
use table::Table;

/// The dialect's name in the manifest of an import. No database has it, so everything goes by the logical types.
pub const DIALECT: &str = "parquet";

/// How to import.
#[derive(Clone, Debug)]
pub struct ImportOptions {
    /// Threads and memory.
    pub resources: Resources,
    /// The namespace of what stands in the folder itself; `main` by default. What stands in a subfolder has its name.
    pub namespace: String,
    /// What gives tables their groups; without rules they are in the group `unknown`.
    pub rules: GroupRules,
    /// Cancels it.
    pub cancel: Cancel,
}

impl Default for ImportOptions {
    fn default() -> Self {
        Self {
            resources: Resources::default(),
            namespace: "main".into(),
            rules: GroupRules::default(),
            cancel: Cancel::new(),
        }
    }
}

/// Opens what is at `path`: an archive if it is one, else Parquet files of other writers. Whatever has a `manifest.json` is
/// an archive, and so is what an interrupted dump left: neither is ever taken for somebody else's files.
///
/// # Errors
/// Those of [`Archive::open`] and of [`import`].
pub fn open(path: &Path, options: &ImportOptions, progress: &dyn Progress) -> Result<Archive> {
    match Archive::open(path) {
        Err(error) if error.kind() == ErrorKind::ArchiveNotFound => {
            if is_importable(path) {
                import(path, options, progress)
            } else {
                Err(error)
            }
        }
        opened => opened,
    }
}

/// Whether `path` is no archive, whole or interrupted, but a Parquet file or a folder that holds some.
pub fn is_importable(path: &Path) -> bool {
    match path.metadata() {
        Ok(metadata) if metadata.is_file() => begins_like_parquet(path),
        Ok(metadata) if metadata.is_dir() => !folder::was_archive(path) && folder::holds_parquet(path),
        _ => false,
    }
}

/// Imports one Parquet file or a folder of them: reads every row once.
///
/// # Errors
/// [`ErrorKind::Unsupported`] for a folder that cannot be divided into tables, a type or a value that has no form here,
/// and parts of a table that do not agree; [`ErrorKind::ArchiveDamaged`] for what is no Parquet file, or a damaged one.
pub fn import(path: &Path, options: &ImportOptions, progress: &dyn Progress) -> Result<Archive> {
    let within = |error: Error| error.with("import", path.display());
    progress.event(Event::Phase { name: "import", group: None });
    let survey = folder::survey(path).map_err(within)?;
    if survey.tables.is_empty() {
        return Err(within(Error::new(ErrorKind::ArchiveNotFound, "there are no Parquet files")));
    }
    let pool = Resources::pool(options.resources.jobs)?;
    let open = |found| Table::open(found, &options.namespace, &options.cancel);
    let opened: Result<Vec<Table>> = pool.install(|| survey.tables.par_iter().map(open).collect());
    let mut tables = opened.map_err(within)?;
    tables.sort_by(|left, right| left.collection.name.cmp(&right.collection.name));
    if let Some([first, second]) =
        tables.windows(2).find(|pair| matches!(pair, [left, right] if left.collection.name == right.collection.name))
    {
        let message = format!("{} and {} are both the table {}", first.place, second.place, first.collection.name);
        return Err(within(Error::new(ErrorKind::Unsupported, message).hint("rename one of them")));
    }

    let mut manifest = manifest(path, &tables).map_err(within)?;
    let left_aside = survey.left_aside.into_iter().map(|name| NotCarried {
        kind: "file".into(),
        name,
        reason: "it is no Parquet file".into(),
    });
    manifest.not_carried.extend(left_aside);
    let mut files = ForeignFiles::default();
    let mut own_hashes = BTreeMap::new();
    for (table, assignment) in tables.iter().zip(assign(&tables, &options.rules)?.assignments) {
        let name = &table.collection.name;
        if assignment.group == group::SKIPPED {
            manifest.not_carried.push(NotCarried {
                kind: "table".into(),
                name: name.to_string(),
                reason: format!("it is in the group {} ({})", group::SKIPPED, assignment.rule),
            });
            continue;
        }
        files.insert(name.clone(), table.parts.clone());
        own_hashes.extend(table.own_hash.clone().map(|hash| (name.clone(), hash)));
        let mut entry = CollectionEntry::without_rows(table.collection.clone(), assignment.group, assignment.rule);
        entry.row_groups = table.parts.iter().flat_map(|part| part.row_groups.iter().copied()).collect();
        entry.rows = table.rows;
        entry.file = Some(FileEntry { path: table.place.clone(), bytes: table.bytes, blake3: String::new() });
        manifest.collections.push(entry);
    }
    let mut archive = Archive::of_foreign(path, files, manifest);
    let proven = pool.install(|| prove(&archive, options, progress)).map_err(within)?;
    let manifest = archive.manifest_mut();
    for (entry, (hash, (bytes, blake3))) in manifest.collections.iter_mut().zip(proven) {
        if let Some(own) = own_hashes.get(&entry.collection.name).filter(|own| **own != hash.to_string()) {
            let message = format!("the rows hash to {hash} and the file itself says {own}");
            let hint = "it comes from an archive, and the exceptions beside it are missing, or it was changed: restore the \
                        archive as a whole";
            let error = Error::new(ErrorKind::ArchiveDamaged, message).with("collection", &entry.collection.name);
            return Err(within(error.hint(hint)));
        }
        entry.hash = hash.to_string();
        if let Some(file) = &mut entry.file {
            (file.bytes, file.blake3) = (bytes, blake3);
        }
    }
    finish(manifest);
    Ok(archive)
}

/// The groups, by rules that look at names. A rule's query has no database to ask, and chooses nothing.
fn assign(tables: &[Table], rules: &GroupRules) -> Result<Grouping> {
    let collections = tables.iter().map(|table| table.collection.clone()).collect();
    let schema = Schema { collections, ..Schema::default() };
    group::assign(&schema, rules, &mut |_| Ok(Vec::new()))
}

fn manifest(path: &Path, tables: &[Table]) -> Result<Manifest> {
    let absolute = path.canonicalize().unwrap_or_else(|_| path.into());
    let database = absolute.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let writers: BTreeSet<&str> = tables.iter().filter_map(|table| table.created_by.as_deref()).collect();
    let tool = match writers.len() {
        0 => "an unknown writer".to_owned(),
        1..=3 => writers.iter().copied().collect::<Vec<_>>().join(", "),
        count => format!("{count} writers"),
    };
    // `parquet-cpp-arrow version 26.0.1`, `DuckDB version v1.4.4 (build ...)`
    let one = writers.first().filter(|_| writers.len() == 1).and_then(|writer| writer.split_once(" version "));
    let (product, version) = match one {
        Some((product, version)) => (product, version.split(' ').next().unwrap_or_default().to_owned()),
        None => ("Parquet", format!("by {tool}")),
    };
    let source = DatabaseInfo {
        dialect: DIALECT.into(),
        product: product.into(),
        version,
        database,
        encoding: "UTF-8".into(),
        time_zone: None,
    };
    let consistency = Consistency { method: "files as they were found".into(), ..Consistency::default() };
    let mut manifest = Manifest::new(source, consistency, Compression::None)?;
    manifest.tool = tool;
    // The newest file is the nearest to the time of a dump that files tell.
    let newest = tables.iter().filter_map(|table| table.modified).max().unwrap_or(SystemTime::UNIX_EPOCH);
    if let Ok(time) = jiff::Timestamp::try_from(newest) {
        manifest.created_at = time.to_string();
    }
    Ok(manifest)
}

/// The same files give the same id, wherever they are.
fn finish(manifest: &mut Manifest) {
    let mut hasher = blake3::Hasher::new();
    for entry in &manifest.collections {
        let name = &entry.collection.name;
        for text in [&name.namespace, &name.name, &entry.hash] {
            hasher.update(&(text.len() as u64).to_le_bytes());
            hasher.update(text.as_bytes());
        }
        hasher.update(entry.file.as_ref().map(|file| file.blake3.as_str()).unwrap_or_default().as_bytes());
    }
    manifest.id = hasher.finalize().to_hex().chars().take(32).collect();
    let groups: BTreeSet<String> = manifest.collections.iter().map(|entry| entry.group.clone()).collect();
    let mut groups: Vec<String> = groups.into_iter().collect();
    groups.sort_by(|left, right| group::compare(left, right));
    manifest.count_groups(groups.iter().map(String::as_str));
}

/// What proves a collection: the hash of its rows; the size and the hash of its bytes.
type Proven = (CollectionHash, (u64, String));

/// Reads all bytes and all rows of all collections.
fn prove(archive: &Archive, options: &ImportOptions, progress: &dyn Progress) -> Result<Vec<Proven>> {
    let entries = &archive.manifest().collections;
    progress.event(Event::Planned {
        collections: entries.len(),
        rows: RowCount::Exactly(work::sum(entries.iter().map(|entry| entry.rows))),
        again: 0,
        work: work::sum(entries.iter().flat_map(|entry| [work::check(entry), work::decode(entry)])),
    });
    entries.par_iter().map(|entry| prove_collection(archive, entry, options, progress)).collect()
}

fn prove_collection(
    archive: &Archive,
    entry: &CollectionEntry,
    options: &ImportOptions,
    progress: &dyn Progress,
) -> Result<Proven> {
    let bytes = archive.foreign_bytes(entry, &options.cancel, &mut |amount| progress.event(Event::Work { amount }))?;
    let reader = archive.collection(entry)?;
    let all: Vec<usize> = (0..entry.row_groups.len()).collect();
    let hash = hash_row_groups(&reader, entry, &all, options.resources, &options.cancel, progress)?;
    let name = entry.collection.name.to_string();
    progress.event(Event::CollectionFinished { collection: &name, rows: entry.rows });
    Ok((hash, bytes))
}
