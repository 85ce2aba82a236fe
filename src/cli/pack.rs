//! `pack` and `unpack`: an archive as one file, and back.

use super::App;
use super::args::{PackArgs, UnpackArgs};
use super::exit;
use super::text::one_line;
use super::units;
use dbferry::archive::{self, Archive};
use dbferry::progress::Silent;
use dbferry::verify::{VerifyOptions, verify};
use dbferry::{Error, ErrorKind, Result};
use serde::Serialize;
use std::path::Path;

/// The document of either.
#[derive(Serialize)]
struct Summary<'a> {
    command: &'static str,
    from: String,
    to: String,
    /// The archive's id.
    archive: &'a str,
    /// Bytes of the archive's files, without the manifest.
    bytes: u64,
    dry_run: bool,
    exit_code: u8,
}

pub(super) fn pack(args: &PackArgs, app: &App) -> Result<u8> {
    if args.dry_run {
        check(&args.directory, app)?;
        if args.zip.exists() {
            return Err(exists(&args.zip));
        }
    } else {
        archive::pack(&args.directory, &args.zip)?;
    }
    report("pack", &args.directory, &args.zip, args.dry_run, app)
}

pub(super) fn unpack(args: &UnpackArgs, app: &App) -> Result<u8> {
    if args.dry_run {
        check(&args.zip, app)?;
        let empty = args.directory.read_dir().map_or(true, |mut entries| entries.next().is_none());
        if !empty {
            return Err(exists(&args.directory));
        }
    } else {
        archive::unpack(&args.zip, &args.directory)?;
    }
    report("unpack", &args.zip, &args.directory, args.dry_run, app)
}

/// What the real thing checks before it writes: every byte.
fn check(path: &Path, app: &App) -> Result<()> {
    let options = VerifyOptions { skip_rows: true, cancel: app.signals.cancel(), ..VerifyOptions::default() };
    verify(&Archive::open(path)?, &options, &Silent).map(drop)
}

fn exists(path: &Path) -> Error {
    Error::new(ErrorKind::ArchiveLocked, format!("{} exists already", path.display()))
        .hint("nothing is ever overwritten; name another place")
}

fn report(command: &'static str, from: &Path, to: &Path, dry_run: bool, app: &App) -> Result<u8> {
    let archive = Archive::open(if dry_run { from } else { to })?;
    let bytes = archive.manifest().collections.iter().map(archive::CollectionEntry::bytes).sum();
    let (from, to) = (from.display().to_string(), to.display().to_string());
    let sentence = format!(
        "{} {} into {}, {}",
        match (command, dry_run) {
            ("pack", false) => "packed",
            ("pack", true) => "would pack",
            (_, false) => "unpacked",
            (_, true) => "would unpack",
        },
        one_line(&from),
        one_line(&to),
        units::size(bytes)
    );
    app.output.success(sentence)?;
    let archive = archive.manifest().id.as_str();
    app.output.document("summary", &Summary { command, from, to, archive, bytes, dry_run, exit_code: exit::DONE })?;
    Ok(exit::DONE)
}
