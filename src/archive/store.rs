//! Where an archive's files are: in a directory, or in one packed file. Both give ranges of bytes; nothing is extracted.

use super::foreign::ForeignFiles;
use super::layout::{self, MANIFEST};
use super::range::FileRange;
use super::{DAMAGED_LATER, LARGEST_MANIFEST, damaged, envelope, packed};
use dbferry_dialect::{Error, ErrorKind, Result};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// The files of an archive.
#[derive(Debug)]
pub(super) enum Store {
    /// A directory.
    Directory(PathBuf),
    /// A zip without compression: its entries by name.
    Packed(BTreeMap<String, FileRange>),
    /// Files of other writers; there is no manifest among them.
    Foreign(ForeignFiles),
}

impl Store {
    /// Opens a directory with a manifest, or a packed archive, which is known by its content.
    ///
    /// # Errors
    /// [`ErrorKind::ArchiveNotFound`] when there is nothing like it, [`ErrorKind::ArchiveDamaged`] for a damaged zip.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let cannot = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => not_found(path, "nothing is there")
                .hint("check the path; `dbferry list DIRECTORY` shows the archives in a directory"),
            _ => Error::io(format!("cannot open {}", path.display()), error),
        };
        let metadata = fs::metadata(path).map_err(cannot)?;
        if metadata.is_dir() {
            if fs::symlink_metadata(path.join(MANIFEST)).is_err() {
                return Err(not_found(path, "it has no manifest.json")
                    .hint("either it is no archive, or the dump that wrote it did not finish"));
            }
            return Ok(Self::Directory(path.into()));
        }
        if !metadata.is_file() {
            return Err(not_found(path, "it is neither a directory nor a file"));
        }
        let file = File::open(path).map_err(cannot)?;
        if !packed::begins_like_one(&file).map_err(cannot)? {
            return Err(not_found(path, "it is not a packed archive")
                .hint("an archive is a directory with a manifest.json, or what `dbferry pack` made of one"));
        }
        Ok(Self::Packed(packed::entries(file)?))
    }

    /// The bytes of a file of the archive.
    ///
    /// # Errors
    /// [`ErrorKind::ArchiveDamaged`] when it is missing, or is not a regular file of the archive itself.
    pub(super) fn file(&self, name: &str) -> Result<FileRange> {
        let within = |error: Error| error.with("file", name);
        if !layout::is_safe(name) {
            return Err(within(damaged("the path leads out of the archive")));
        }
        match self {
            Self::Directory(root) => open_in_directory(root, name).map_err(within),
            Self::Packed(entries) => entries.get(name).cloned().ok_or_else(|| within(missing())),
            Self::Foreign(_) => Err(within(missing())),
        }
    }

    /// The one file of a packed archive.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] when the archive is not packed.
    pub(super) fn packed_file(&self) -> Result<FileRange> {
        match self {
            Self::Packed(entries) => entries.get(MANIFEST).ok_or_else(missing).and_then(|manifest| {
                manifest.whole_file().map_err(|error| Error::io("cannot read the packed archive", error))
            }),
            _ => Err(Error::new(ErrorKind::Internal, "the archive is not packed")),
        }
    }

    /// The manifest file's content.
    pub(super) fn manifest(&self) -> Result<Vec<u8>> {
        let range = self.file(MANIFEST)?;
        if range.length() > LARGEST_MANIFEST {
            return Err(envelope::too_large(range.length()));
        }
        let mut content = Vec::new();
        range
            .reader()
            .read_to_end(&mut content)
            .map_err(|error| Error::io("cannot read the manifest", error).with("file", MANIFEST))?;
        Ok(content)
    }

    /// The names of everything that is there and is not a directory, sorted. Symbolic links are named, not followed.
    pub(super) fn names(&self) -> Result<Vec<String>> {
        match self {
            Self::Packed(entries) => Ok(entries.keys().cloned().collect()),
            Self::Foreign(_) => Ok(Vec::new()),
            Self::Directory(root) => {
                let cannot =
                    |path: &Path, error: io::Error| Error::io(format!("cannot list {}", path.display()), error);
                let mut names = Vec::new();
                let mut directories = vec![root.clone()];
                while let Some(directory) = directories.pop() {
                    for entry in fs::read_dir(&directory).map_err(|error| cannot(&directory, error))? {
                        let entry = entry.map_err(|error| cannot(&directory, error))?;
                        let path = entry.path();
                        if entry.file_type().map_err(|error| cannot(&path, error))?.is_dir() {
                            directories.push(path);
                        } else {
                            let relative = path.strip_prefix(root).unwrap_or(&path);
                            let parts = relative.iter().map(|part| part.to_string_lossy());
                            names.push(parts.collect::<Vec<_>>().join("/"));
                        }
                    }
                }
                names.sort_unstable();
                Ok(names)
            }
        }
    }
}

fn not_found(path: &Path, what: &'static str) -> Error {
    Error::new(ErrorKind::ArchiveNotFound, format!("no archive at {}: {what}", path.display()))
}

fn missing() -> Error {
    damaged("the file is missing from the archive").hint(DAMAGED_LATER)
}

/// Opens a file below `root` without following a symbolic link below it.
fn open_in_directory(root: &Path, name: &str) -> Result<FileRange> {
    let mut path = root.to_path_buf();
    let mut parts = name.split('/').peekable();
    let mut found = None;
    while let Some(part) = parts.next() {
        path.push(part);
        let metadata = match fs::symlink_metadata(&path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(missing());
            }
            Err(error) => return Err(Error::io(format!("cannot open {}", path.display()), error)),
        };
        let expected = if parts.peek().is_some() { metadata.is_dir() } else { metadata.is_file() };
        if !expected {
            return Err(damaged("a part of the path is a symbolic link or another thing that does not belong there"));
        }
        found = Some(metadata);
    }
    let file = File::open(&path).map_err(|error| Error::io(format!("cannot open {}", path.display()), error))?;
    let metadata = file.metadata().map_err(|error| Error::io(format!("cannot read {}", path.display()), error))?;
    if found.is_none_or(|found| !same_file(&found, &metadata)) {
        return Err(damaged("the file was exchanged while it was opened"));
    }
    Ok(FileRange::whole(file, metadata.len()))
}

/// Whether two looks at a file saw the same one.
#[cfg(unix)]
pub(super) fn same_file(left: &fs::Metadata, right: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (left.dev(), left.ino()) == (right.dev(), right.ino())
}

/// Whether two looks at a file saw the same one, as far as this system tells.
#[cfg(not(unix))]
pub(super) fn same_file(left: &fs::Metadata, right: &fs::Metadata) -> bool {
    left.len() == right.len() && right.is_file()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_files_are_not_the_same() {
        let directory = tempfile::tempdir().expect("a directory");
        let metadata = |name: &str, content: &str| {
            fs::write(directory.path().join(name), content).expect("a file");
            fs::metadata(directory.path().join(name)).expect("metadata")
        };
        let (one, other) = (metadata("one", "a"), metadata("other", "ab"));
        assert!(same_file(&one, &one) && !same_file(&one, &other));
    }
}
