//! The packed form: the same files in one zip without compression, so that they can be read where they are.

use super::disk::{Disk, PartialFile};
use super::layout::MANIFEST;
use super::manifest::FileEntry;
use super::reader::{Archive, BUFFER, check_size};
use super::writer::ArchiveWriter;
use super::{WriteOptions, damaged};
use dbferry_dialect::{Cancel, Error, ErrorKind, Result};
use std::io::{self, Read, Seek, SeekFrom, Write};
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
    let mut writer = ZipWriter::new(Steady::new(PartialFile::create(disk, zip.into())?));
    let packed = pack_files(&archive, &mut writer, &Cancel::new(), &mut |_| {});
    let packed = packed.map_err(|error| error.with("archive", zip.display()));
    // Finished in any case: a writer that is dropped unfinished finishes by itself and prints what goes wrong.
    let finished = writer.finish().map_err(|error| cannot(error.into()));
    packed.and_then(|()| finished?.finish().map_err(cannot)?.finish())?;
    match zip.parent() {
        Some(parent) if parent != Path::new("") => disk.sync_directory(parent),
        _ => disk.sync_directory(Path::new(".")),
    }
}

/// Where a zip goes.
pub(super) trait Sink: Write + Seek {
    /// What failed so far, if anything did and was not told.
    fn failure(&self) -> Option<io::Error> {
        None
    }

    /// From here on comes what the file of that name holds; `None` when it ends.
    fn content_of(&self, _name: Option<&str>) {}
}

/// Writes every file of an archive, checked by its hash, and the manifest last. `on_bytes` hears how much was read.
pub(super) fn pack_files<S: Sink>(
    archive: &Archive,
    writer: &mut ZipWriter<S>,
    cancel: &Cancel,
    on_bytes: &mut dyn FnMut(u64),
) -> Result<()> {
    let mut files: Vec<&FileEntry> = archive.manifest().files().collect();
    files.sort_unstable_by(|left, right| left.path.cmp(&right.path));
    for file in files {
        let within = |error: Error| error.with("file", &file.path);
        let range = archive.store.file(&file.path)?;
        check_size(file, range.length())?;
        let mut content = |bytes| {
            on_bytes(bytes);
            cancel.check()
        };
        let hash = pack_file(&file.path, file.bytes, &mut range.reader(), writer, &mut content).map_err(within)?;
        if hash.to_hex().as_str() != file.blake3 {
            return Err(within(damaged("the file is not what was written: its hash differs")));
        }
    }
    let manifest = archive.manifest_file()?;
    pack_file(MANIFEST, manifest.len() as u64, &mut manifest.as_slice(), writer, &mut |_| Ok(()))?;
    Ok(())
}

/// Adds an entry; returns the BLAKE3 of its content. When the disk fails it stops early, and the failure shows when the
/// zip is finished.
fn pack_file<S: Sink>(
    name: &str,
    bytes: u64,
    source: &mut dyn Read,
    writer: &mut ZipWriter<S>,
    on_bytes: &mut dyn FnMut(u64) -> Result<()>,
) -> Result<blake3::Hash> {
    let cannot = |error: io::Error| Error::io("cannot pack the archive", error);
    writer.start_file(name, options(bytes)).map_err(|error| cannot(error.into()))?;
    let content_of = |writer: &ZipWriter<S>, name| _ = writer.get_ref().map(|sink| sink.content_of(name));
    content_of(writer, Some(name));
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; BUFFER];
    loop {
        let read = source.read(&mut buffer).map_err(cannot)?;
        if let Some(error) = writer.get_ref().and_then(Sink::failure) {
            return Err(cannot(error));
        }
        if read == 0 {
            content_of(writer, None);
            return Ok(hasher.finalize());
        }
        let content = buffer.get(..read).unwrap_or_default();
        hasher.update(content);
        writer.write_all(content).map_err(cannot)?;
        on_bytes(read as u64)?;
    }
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

/// A file that never fails to be written: the first failure is kept, and everything after it goes nowhere.
///
/// The zip crate asserts that its writer stands where it should, and prints to standard error when it is dropped after a
/// failure. So it is not told of any.
struct Steady {
    file: PartialFile,
    position: u64,
    end: u64,
    failure: Option<io::Error>,
}

impl Steady {
    fn new(file: PartialFile) -> Self {
        Self { file, position: 0, end: 0, failure: None }
    }

    /// The file, if everything was written.
    fn finish(self) -> io::Result<PartialFile> {
        self.failure.map_or(Ok(self.file), Err)
    }
}

impl Sink for Steady {
    fn failure(&self) -> Option<io::Error> {
        self.failure.as_ref().map(|error| io::Error::new(error.kind(), error.to_string()))
    }
}

impl Write for Steady {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let mut written = buffer.len();
        if self.failure.is_none() {
            match self.file.write(buffer) {
                Ok(0) if !buffer.is_empty() => self.failure = Some(io::ErrorKind::WriteZero.into()),
                Ok(count) => written = count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => return Err(error),
                Err(error) => self.failure = Some(error),
            }
        }
        self.position += written as u64;
        self.end = self.end.max(self.position);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for Steady {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        let target = match position {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(offset) => self.end.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = target.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        if self.failure.is_none() {
            self.failure = self.file.seek(SeekFrom::Start(self.position)).err();
        }
        Ok(self.position)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{list, testing};
    use super::*;
    use std::fs;
    use std::path::PathBuf;

    fn packed(directory: &Path) -> PathBuf {
        testing::write(&directory.join("a"));
        let zip = directory.join("a.zip");
        pack(&directory.join("a"), &zip).expect("a packed archive");
        zip
    }

    #[test]
    fn a_packed_archive_is_read_in_place_and_comes_back_the_same() {
        let directory = tempfile::tempdir().expect("a directory");
        let zip = packed(directory.path());
        let (loose, dense) =
            (Archive::open(&directory.path().join("a")).expect("an archive"), Archive::open(&zip).expect("an archive"));
        assert!(dense.is_packed() && !loose.is_packed());
        assert_eq!(loose.manifest(), dense.manifest());
        assert!(dense.strays().expect("a listing").is_empty());
        for entry in &dense.manifest().collections {
            dense.check_bytes(entry, &Cancel::new(), &mut |_| {}).expect("undamaged files");
            let read = |archive| testing::read_all(archive, entry, 1000).expect("rows");
            let (loose, dense) = (read(&loose), read(&dense));
            assert!(
                loose.records.columns().iter().map(arrow::array::Array::to_data).eq(dense
                    .records
                    .columns()
                    .iter()
                    .map(arrow::array::Array::to_data))
            );
            assert_eq!(loose.exceptions, dense.exceptions);
        }
        unpack(&zip, &directory.path().join("b")).expect("an archive");
        pack(&directory.path().join("b"), &directory.path().join("b.zip")).expect("a packed archive");
        let content = |name: &str| fs::read(directory.path().join(name)).expect("content");
        assert!(content("a.zip") == content("b.zip"));
        assert_eq!(content("a/manifest.json"), content("b/manifest.json"));
        let mut entries = zip::ZipArchive::new(fs::File::open(&zip).expect("a file")).expect("a zip");
        let last = entries.len() - 1;
        assert_eq!(entries.by_index(last).expect("an entry").name().expect("a name"), MANIFEST);
    }

    #[test]
    fn nothing_is_overwritten_and_forms_are_not_confused() {
        let directory = tempfile::tempdir().expect("a directory");
        let (loose, zip) = (directory.path().join("a"), packed(directory.path()));
        assert_eq!(pack(&loose, &zip).expect_err("a refusal").kind(), ErrorKind::ArchiveLocked);
        assert_eq!(unpack(&zip, &loose).expect_err("a refusal").kind(), ErrorKind::ArchiveLocked);
        let new = directory.path().join("new");
        assert_eq!(pack(&zip, &new).expect_err("a refusal").kind(), ErrorKind::Usage);
        assert_eq!(unpack(&loose, &new).expect_err("a refusal").kind(), ErrorKind::Usage);
        assert!(!new.exists());
    }

    #[test]
    fn damage_is_not_packed_and_not_unpacked() {
        let directory = tempfile::tempdir().expect("a directory");
        let (loose, zip) = (directory.path().join("a"), packed(directory.path()));
        let mut content = fs::read(&zip).expect("content");
        content[100] ^= 1;
        fs::write(&zip, content).expect("a file");
        let new = directory.path().join("new");
        assert_eq!(unpack(&zip, &new).expect_err("damage").kind(), ErrorKind::ArchiveDamaged);
        let file = loose.join("data/user/main.wide.parquet");
        let mut content = fs::read(&file).expect("content");
        content[100] ^= 1;
        fs::write(&file, content).expect("a file");
        assert_eq!(pack(&loose, &new).expect_err("damage").kind(), ErrorKind::ArchiveDamaged);
        let left: Vec<_> =
            fs::read_dir(directory.path()).expect("a listing").flatten().map(|e| e.file_name()).collect();
        assert_eq!(left.len(), 2, "{left:?}");
    }

    #[test]
    fn a_crash_at_any_moment_leaves_no_half_archive() {
        let directory = tempfile::tempdir().expect("a directory");
        let zip = packed(directory.path());
        type Work = fn(&Disk, &Path, &Path, &Path) -> Result<()>;
        let works: [Work; 2] =
            [|disk, loose, _, new| pack_on(disk, loose, new), |disk, _, zip, new| unpack_on(disk, zip, new)];
        for work in works {
            for operations in 0.. {
                let place = tempfile::tempdir().expect("a directory");
                let new = place.path().join("new");
                let done = work(&Disk::failing_after(operations), &directory.path().join("a"), &zip, &new);
                let listed = list(place.path()).expect("a listing");
                match Archive::open(&new) {
                    Ok(archive) => {
                        for entry in &archive.manifest().collections {
                            testing::read_all(&archive, entry, 1000).expect("rows");
                        }
                        assert_eq!(listed.len(), 1);
                    }
                    Err(error) => {
                        assert_eq!(error.kind(), ErrorKind::ArchiveNotFound, "after {operations}: {error}");
                        assert!(done.is_err() && listed.is_empty(), "after {operations}: {listed:?}");
                    }
                }
                if done.is_ok() {
                    assert!(operations > 10);
                    break;
                }
            }
        }
    }
}
