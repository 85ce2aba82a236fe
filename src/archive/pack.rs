//! The packed form: the same files in one zip without compression, so that they can be read where they are.

use super::disk::{Disk, PartialFile};
use super::layout::MANIFEST;
use super::manifest::FileEntry;
use super::reader::{Archive, check_size};
use super::writer::ArchiveWriter;
use super::{WriteOptions, damaged};
use dbferry_dialect::{Error, ErrorKind, Result};
use std::io::{self, Read, Write};
use std::path::Path;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

/// Larger entries need the 64-bit fields of the zip format.
const LARGE: u64 = u32::MAX as u64;

/// Packs the archive in `directory` into the file `zip`, which must not exist. The manifest is the last entry. The same
/// archive always gives the same bytes. Files that the manifest does not list are left out.
///
/// # Errors
/// [`ErrorKind::ArchiveDamaged`] when a file is not what the manifest says, [`ErrorKind::ArchiveLocked`] when `zip` is
/// there already, [`ErrorKind::Usage`] when the archive is packed already, [`ErrorKind::Io`].
pub fn pack(directory: &Path, zip: &Path) -> Result<()> {
    pack_on(&Disk::default(), directory, zip)
}

pub(super) fn pack_on(disk: &Disk, directory: &Path, zip: &Path) -> Result<()> {
    let archive = Archive::open(directory)?;
    if archive.is_packed() {
        return Err(Error::new(ErrorKind::Usage, format!("{} is packed already", directory.display())));
    }
    if zip.symlink_metadata().is_ok() {
        return Err(Error::new(ErrorKind::ArchiveLocked, format!("{} is there already", zip.display()))
            .hint("choose another name, or remove it first"));
    }
    let cannot = |error: io::Error| Error::io(format!("cannot write {}", zip.display()), error);
    let mut writer = ZipWriter::new(PartialFile::create(disk, zip.into())?);
    let packed = pack_files(&archive, &mut writer, &cannot);
    // Finished in any case: a writer that is dropped with entries would do it as well, and say nothing about failures.
    let file = writer.finish().map_err(|error| cannot(error.into()));
    packed?;
    file?.finish()?;
    match zip.parent() {
        Some(parent) if parent != Path::new("") => disk.sync_directory(parent),
        _ => disk.sync_directory(Path::new(".")),
    }
}

fn pack_files(
    archive: &Archive,
    writer: &mut ZipWriter<PartialFile>,
    cannot: &dyn Fn(io::Error) -> Error,
) -> Result<()> {
    let mut files: Vec<&FileEntry> = archive.manifest().files().collect();
    files.sort_unstable_by(|left, right| left.path.cmp(&right.path));
    for file in files {
        let range = archive.store.file(&file.path)?;
        check_size(file, range.length())?;
        writer.start_file(&file.path, options(file.bytes)).map_err(|error| cannot(error.into()))?;
        let mut reader = Hashing { reader: range.reader(), hasher: blake3::Hasher::new() };
        io::copy(&mut reader, writer).map_err(cannot)?;
        if reader.hasher.finalize().to_hex().as_str() != file.blake3 {
            return Err(damaged("the file is not what was written: its hash differs").with("file", &file.path));
        }
    }
    let manifest = archive.manifest_file()?;
    writer.start_file(MANIFEST, options(manifest.len() as u64)).map_err(|error| cannot(error.into()))?;
    writer.write_all(&manifest).map_err(cannot)
}

/// Nothing of the machine or the moment.
fn options(bytes: u64) -> SimpleFileOptions {
    SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(DateTime::default())
        .unix_permissions(0o600)
        .large_file(bytes >= LARGE)
}

/// Unpacks the archive in the file `zip` into `directory`, which does not exist or is empty. Names come from the format,
/// never from the zip.
///
/// # Errors
/// [`ErrorKind::ArchiveDamaged`] when a file is not what the manifest says, [`ErrorKind::ArchiveLocked`] when there is
/// something in `directory`, [`ErrorKind::Usage`] when the archive is not packed, [`ErrorKind::Io`].
pub fn unpack(zip: &Path, directory: &Path) -> Result<()> {
    unpack_on(&Disk::default(), zip, directory)
}

pub(super) fn unpack_on(disk: &Disk, zip: &Path, directory: &Path) -> Result<()> {
    let archive = Archive::open(zip)?;
    if !archive.is_packed() {
        return Err(Error::new(ErrorKind::Usage, format!("{} is not packed", zip.display())));
    }
    let manifest = archive.manifest();
    let options = WriteOptions { compression: manifest.compression, ..WriteOptions::default() };
    let writer = ArchiveWriter::create_on(disk.clone(), directory, options)?;
    for entry in &manifest.collections {
        for file in entry.files() {
            let range = archive.store.file(&file.path)?;
            check_size(file, range.length())?;
            writer
                .copy(&entry.group, file, &mut range.reader())
                .map_err(|error| error.with("collection", &entry.collection.name))?;
        }
    }
    writer.finish_with(manifest, &archive.manifest_file()?)
}

/// Hashes what is read through it.
struct Hashing<R> {
    reader: R,
    hasher: blake3::Hasher,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer)?;
        self.hasher.update(buffer.get(..read).unwrap_or_default());
        Ok(read)
    }
}
