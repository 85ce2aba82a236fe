//! Which files of a folder are which table. Nothing is opened here but to tell an archive's remains.
//!
//! | there is | it is |
//! |---|---|
//! | `orders.parquet` | the table `orders` |
//! | `orders/` or `orders.parquet/` with numbered parts (`part-0.parquet`, `00000.parquet`, ...) | the table `orders` |
//! | `shop/orders.parquet`, `shop/orders/part-0.parquet` | the table `orders` in the namespace `shop` |
//! | `year=2026/...` | refused: the values of such columns stand in no file |
//! | what begins with `_` or `.`, and `*.crc` | overlooked, as all readers do |

use crate::archive::foreign::is_of_archive;
use crate::archive::layout::{DATA, MANIFEST, PARTIAL};
use dbferry_dialect::{Error, ErrorKind, Result};
use std::fs;
use std::path::{Path, PathBuf};

const SUFFIX: &str = ".parquet";
/// Files that stand beside the parts of one table.
const MARKERS: [&str; 3] = ["_SUCCESS", "_metadata", "_common_metadata"];
/// What says that a log decides which of the files are the table as it is now.
const LOGS: [(&str, &str); 2] = [("_delta_log", "Delta"), (".hoodie", "Hudi")];

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Survey {
    pub(super) tables: Vec<FoundTable>,
    /// Files that are not Parquet, by their paths.
    pub(super) left_aside: Vec<String>,
}

/// A table and its files.
#[derive(Debug)]
pub(super) struct FoundTable {
    /// Absent for what stands in the folder itself.
    pub(super) namespace: Option<String>,
    pub(super) name: String,
    /// The file or the folder that it is.
    pub(super) place: String,
    /// Its files, and their names in messages, sorted.
    pub(super) files: Vec<(PathBuf, String)>,
}

/// What stands in one folder.
struct Listing {
    root: PathBuf,
    /// The path to it in messages; empty for the first.
    prefix: String,
    files: Vec<String>,
    folders: Vec<String>,
    others: Vec<String>,
    marked: bool,
}

/// Divides a folder, or one file, into tables.
///
/// # Errors
/// [`ErrorKind::Unsupported`] for what is no table and no folder of tables, [`ErrorKind::Io`] when it cannot be listed.
pub(super) fn survey(path: &Path) -> Result<Survey> {
    let mut survey = Survey::default();
    if path.is_file() {
        // The file that was named may be a link: it is what the user wants.
        let path = path.canonicalize().map_err(|error| Error::io(format!("cannot open {}", path.display()), error))?;
        let name = text(path.file_name().unwrap_or_default())?;
        let files = vec![(path, name.clone())];
        survey.tables.push(FoundTable { namespace: None, name: stem(&name).to_owned(), place: name, files });
        return Ok(survey);
    }
    let path = path.canonicalize().map_err(|error| Error::io(format!("cannot open {}", path.display()), error))?;
    let top = Listing::of(&path, String::new())?;
    let name = path.file_name().map(text).transpose()?.unwrap_or_default();
    if top.is_table(&name)? {
        survey.add_parts(None, &name, &top);
        return Ok(survey);
    }
    survey.add(None, top, 0)?;
    Ok(survey)
}

impl Survey {
    fn add(&mut self, namespace: Option<&str>, listing: Listing, depth: usize) -> Result<()> {
        for folder in &listing.folders {
            let inner = Listing::of(&listing.root.join(folder), format!("{}{folder}/", listing.prefix))?;
            if inner.is_table(folder)? {
                self.add_parts(namespace, folder, &inner);
            } else if inner.files.is_empty() && inner.folders.is_empty() {
                self.left_aside.push(inner.prefix);
            } else if depth == 0 {
                self.add(Some(folder), inner, depth + 1)?;
            } else {
                return Err(refused(&inner.prefix, "it is too deep to be a table or a namespace")
                    .hint("a table is FOLDER/table.parquet, FOLDER/table/part-0.parquet, or either in one more folder, its namespace"));
            }
        }
        for file in listing.files {
            let place = format!("{}{file}", listing.prefix);
            self.tables.push(FoundTable {
                namespace: namespace.map(str::to_owned),
                name: stem(&file).to_owned(),
                files: vec![(listing.root.join(&file), place.clone())],
                place,
            });
        }
        self.left_aside.extend(listing.others.iter().map(|other| format!("{}{other}", listing.prefix)));
        Ok(())
    }

    fn add_parts(&mut self, namespace: Option<&str>, folder: &str, listing: &Listing) {
        let shown = |name: &String| format!("{}{name}", listing.prefix);
        self.left_aside.extend(listing.others.iter().map(shown));
        self.tables.push(FoundTable {
            namespace: namespace.map(str::to_owned),
            name: stem(folder).to_owned(),
            place: if listing.prefix.is_empty() { folder.to_owned() } else { listing.prefix.clone() },
            files: listing.files.iter().map(|name| (listing.root.join(name), shown(name))).collect(),
        });
    }
}

impl Listing {
    fn of(root: &Path, prefix: String) -> Result<Self> {
        let cannot = |error| Error::io(format!("cannot list {}", root.display()), error);
        let mut listing = Self {
            root: root.into(),
            prefix,
            files: Vec::new(),
            folders: Vec::new(),
            others: Vec::new(),
            marked: false,
        };
        for entry in fs::read_dir(root).map_err(cannot)? {
            let entry = entry.map_err(cannot)?;
            let name = text(&entry.file_name())?;
            if let Some((_, format)) = LOGS.iter().find(|(log, _)| *log == name) {
                return Err(with_log(&listing.prefix, format));
            }
            if name.starts_with(['_', '.']) || name.ends_with(".crc") {
                listing.marked |= MARKERS.contains(&name.as_str());
            } else if entry.file_type().map_err(cannot)?.is_dir() {
                if name.contains('=') {
                    return Err(refused(
                        &format!("{}{name}/", listing.prefix),
                        "it is a partition whose values stand in the folder's name and in no file",
                    )
                    .hint(
                        "write the table again without partitions, in DuckDB: COPY (FROM read_parquet('DIR/**/*.parquet', \
                         hive_partitioning=true)) TO 'table.parquet'",
                    ));
                }
                listing.folders.push(name);
            } else if is_parquet(&name) {
                listing.files.push(name);
            } else if name.ends_with(".metadata.json") {
                return Err(with_log(&listing.prefix, "Iceberg"));
            } else {
                listing.others.push(name);
            }
        }
        for names in [&mut listing.files, &mut listing.folders, &mut listing.others] {
            names.sort_unstable();
        }
        Ok(listing)
    }

    /// Whether all its files are the parts of one table.
    fn is_table(&self, name: &str) -> Result<bool> {
        let said = self.marked || is_parquet(name);
        if said && !self.folders.is_empty() {
            return Err(refused(&self.prefix, "it is a table and has folders in it"));
        }
        let parts = !self.files.is_empty() && self.folders.is_empty();
        Ok(parts && (said || self.files.iter().all(|file| is_part(stem(file)))))
    }
}

/// Whether a folder is what is left of an archive: one that a dump did not finish, or one that has lost its manifest.
pub(super) fn was_archive(root: &Path) -> bool {
    let present = |name: &str| root.join(name).symlink_metadata().is_ok();
    if present(MANIFEST) || present(&format!("{MANIFEST}{PARTIAL}")) {
        return true;
    }
    let ours = |path: &Path| {
        let name = path.to_string_lossy();
        name.ends_with(&format!("{SUFFIX}{PARTIAL}")) || is_parquet(&name) && is_of_archive(path)
    };
    // `data/GROUP/NAMESPACE.TABLE.parquet`
    entries(&root.join(DATA)).iter().filter(|group| group.is_dir()).any(|group| entries(group).iter().any(|f| ours(f)))
}

/// Whether there is a Parquet file in it, as deep as one may be.
pub(super) fn holds_parquet(root: &Path) -> bool {
    fn search(folder: &Path, depth: usize) -> bool {
        let inside = entries(folder);
        inside.iter().any(|path| is_parquet(&path.to_string_lossy()) && !path.is_dir())
            || depth > 0 && inside.iter().any(|path| is_folder(path) && search(path, depth - 1))
    }
    const DEEPEST: usize = 4;
    search(root, DEEPEST)
}

/// Symbolic links are not followed.
fn is_folder(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|metadata| metadata.is_dir())
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).map(|entries| entries.flatten().map(|entry| entry.path()).collect()).unwrap_or_default()
}

fn is_parquet(name: &str) -> bool {
    name.len() > SUFFIX.len()
        && name.get(name.len() - SUFFIX.len()..).is_some_and(|end| end.eq_ignore_ascii_case(SUFFIX))
}

fn stem(name: &str) -> &str {
    if is_parquet(name) { name.get(..name.len() - SUFFIX.len()).unwrap_or(name) } else { name }
}

/// Whether a file has the name of a part rather than of a table: a number, maybe after a word that says so, or an
/// identifier that no person gave.
fn is_part(stem: &str) -> bool {
    const WORDS: [&str; 5] = ["part", "data", "file", "chunk", ""];
    let lower = stem.to_ascii_lowercase();
    let numbered = WORDS.iter().filter_map(|word| lower.strip_prefix(word)).any(|rest| {
        let rest = rest.trim_start_matches(['-', '_', '.']);
        let after = rest.trim_start_matches(|c: char| c.is_ascii_digit());
        after.len() < rest.len() && (after.is_empty() || after.starts_with(['-', '_', '.']))
    });
    let digits = lower.chars().take_while(|c| c.is_ascii_hexdigit() || *c == '-');
    numbered || digits.filter(|c| *c != '-').count() >= 32
}

fn text(name: &std::ffi::OsStr) -> Result<String> {
    name.to_str().map(str::to_owned).ok_or_else(|| {
        let message = format!("the name {:?} is not UTF-8", name.to_string_lossy());
        Error::new(ErrorKind::Unsupported, message).hint("rename it: its name becomes a table's name")
    })
}

fn with_log(place: &str, format: &str) -> Error {
    let what = format!("it is a table of {format}, whose log says which of the files are the table as it is now");
    refused(place, &what).hint("write the table as plain Parquet with a program that reads the log")
}

fn refused(place: &str, what: &str) -> Error {
    Error::new(ErrorKind::Unsupported, format!("the folder cannot be imported: {what}")).with("folder", place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_told_from_tables() {
        for part in [
            "part-0",
            "part-00000-3b1f-c000.snappy",
            "part.0",
            "data_0",
            "000000000000",
            "0",
            "00000001_0",
            "2026-11-24",
            "0f8fad5b-d9cb-469f-a165-70867728950e-0",
            "7c9e6679742540de944be07fc1f90ae7-0",
        ] {
            assert!(is_part(part), "{part}");
        }
        for table in ["orders", "part", "parts", "data", "part1y", "2fast", "customers_2", "deadbeef", ""] {
            assert!(!is_part(table), "{table}");
        }
    }

    /// Tables as `namespace/name = place (files)`, and what was left aside.
    fn found(files: &[&str]) -> Result<(Vec<String>, Vec<String>)> {
        let directory = tempfile::tempdir().expect("a directory");
        let root = directory.path().join("shop");
        fs::create_dir(&root).expect("a directory");
        for file in files {
            let path = root.join(file);
            fs::create_dir_all(path.parent().expect("a parent")).expect("directories");
            fs::write(path, "x").expect("a file");
        }
        let survey = survey(&root)?;
        let line = |table: &FoundTable| {
            let namespace = table.namespace.as_deref().unwrap_or("-");
            format!("{namespace}/{} = {} ({})", table.name, table.place, table.files.len())
        };
        Ok((survey.tables.iter().map(line).collect(), survey.left_aside))
    }

    #[test]
    fn folders_are_tables_or_namespaces() {
        let (tables, aside) =
            found(&["b.parquet", "A.PARQUET", "load.sql", "_x.parquet", ".y.parquet"]).expect("tables");
        assert_eq!(tables, ["-/A = A.PARQUET (1)", "-/b = b.parquet (1)"]);
        assert_eq!(aside, ["load.sql"]);
        let files = ["orders/part-0.parquet", "orders/part-1.parquet", "orders/.part-0.parquet.crc", "notes/a.txt"];
        let (tables, aside) = found(&files).expect("tables");
        assert_eq!((tables, aside), (vec!["-/orders = orders/ (2)".to_owned()], vec!["notes/".to_owned()]));
        let files = ["spark.parquet/a.parquet", "s/_SUCCESS", "s/b.parquet", "eu/orders.parquet", "eu/lines/0.parquet"];
        let (tables, _) = found(&files).expect("tables");
        assert_eq!(
            tables,
            [
                "eu/lines = eu/lines/ (1)",
                "eu/orders = eu/orders.parquet (1)",
                "-/s = s/ (1)",
                "-/spark = spark.parquet/ (1)"
            ]
        );
        let (tables, _) = found(&["part-0.parquet", "part-1.parquet"]).expect("tables");
        assert_eq!(tables, ["-/shop = shop (2)"]);
    }

    #[test]
    fn what_would_lose_something_is_refused() {
        for (files, expected) in [
            (&["orders/year=2026/part-0.parquet"][..], "partition"),
            (&["year=2026/part-0.parquet"], "partition"),
            (&["a/b/c/orders.parquet"], "too deep"),
            (&["orders/_delta_log/0.json", "orders/part-0.parquet"], "Delta"),
            (&["orders/data/0.parquet", "orders/metadata/v1.metadata.json"], "Iceberg"),
            (&["orders/_SUCCESS", "orders/part-0.parquet", "orders/more/part-0.parquet"], "has folders in it"),
        ] {
            let error = found(files).expect_err("a refusal");
            assert_eq!(error.kind(), ErrorKind::Unsupported);
            assert!(error.to_string().contains(expected), "{error}");
        }
    }
}
