//! Opening what a command was given: an archive, or Parquet files that other programs wrote.

use super::App;
use super::text::{counted, one_line};
use dbferry::archive::Archive;
use dbferry::group::GroupRules;
use dbferry::import::{ImportOptions, import, is_importable};
use dbferry::resources::Resources;
use dbferry::{ErrorKind, Result};
use std::path::Path;

/// Opens an archive, or imports what is none: every row of it is read once, with a bar of its own. What stands in the
/// folder itself goes to `namespace`; `rules` are asked for where there are none of a manifest.
pub(super) fn open(
    path: &Path,
    namespace: Option<&str>,
    rules: impl FnOnce() -> Result<GroupRules>,
    resources: Resources,
    app: &App,
) -> Result<Archive> {
    match Archive::open(path) {
        Err(error) if error.kind() == ErrorKind::ArchiveNotFound && is_importable(path) => {}
        opened => return opened,
    }
    let mut options =
        ImportOptions { resources, rules: rules()?, cancel: app.signals.cancel(), ..ImportOptions::default() };
    if let Some(namespace) = namespace {
        options.namespace = namespace.into();
    }
    let reporter = app.reporter(resources.jobs)?;
    let result = import(path, &options, &reporter);
    reporter.finish();
    let archive = result?;
    let manifest = archive.manifest();
    app.output.say(format!(
        "{} has no manifest: imported as {} with {}, written by {}",
        one_line(&path.display().to_string()),
        counted(manifest.collections.len() as u64, "table"),
        counted(manifest.rows(), "row"),
        one_line(&manifest.tool)
    ))?;
    for missing in &manifest.not_carried {
        app.output.say(format!("note: {} is left aside: {}", one_line(&missing.name), one_line(&missing.reason)))?;
    }
    Ok(archive)
}
