//! Holds the rules of who may know whom. Each rule names what it protects; a failure names the file and the line.
// A rule that cannot be looked at ends with a panic, also in the helpers.
#![allow(clippy::expect_used, clippy::panic, missing_docs)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Crates that talk to a database: only a dialect may have them.
const DRIVERS: &[&str] = &["rusqlite", "tokio-postgres", "mysql_async"];
/// Crates that run asynchronous code: besides dialects only the backup page's server may have them.
const ASYNCHRONOUS: &[&str] = &["tokio", "tokio-rustls", "futures-util", "axum", "hyper", "hyper-util"];
/// What belongs to the engine and the front ends: no dialect may have it.
const ENGINE: &[&str] = &["parquet", "rayon", "clap", "zip", "blake3", "axum", "indicatif"];
/// The files that every dialect has, under the same names, so that knowing one is knowing all.
const DIALECT_FILES: &[&str] = &[
    "lib.rs",
    "connect.rs",
    "introspect.rs",
    "types.rs",
    "syntax.rs",
    "snapshot.rs",
    "read.rs",
    "replace.rs",
    "error.rs",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The dialect crates: every folder of `dialects/` but `core`.
fn dialects() -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(root().join("dialects"))
        .expect("dialects/ is there")
        .map(|entry| entry.expect("a readable entry").file_name().into_string().expect("a UTF-8 name"))
        .filter(|name| name != "core")
        .collect();
    names.sort();
    assert!(!names.is_empty(), "no dialect was found, so nothing was checked");
    names
}

fn dependencies(manifest: &str) -> BTreeSet<String> {
    let text = fs::read_to_string(root().join(manifest)).expect(manifest);
    let value: toml::Table = text.parse().expect(manifest);
    let table = value.get("dependencies").and_then(toml::Value::as_table).expect("[dependencies]");
    table.keys().cloned().collect()
}

/// Every Rust file below `folder`, or the file itself.
fn sources(folder: &str) -> Vec<PathBuf> {
    fn walk(path: &Path, found: &mut Vec<PathBuf>) {
        if path.is_dir() {
            let mut entries: Vec<PathBuf> =
                fs::read_dir(path).expect("a readable folder").map(|entry| entry.expect("an entry").path()).collect();
            entries.sort();
            entries.iter().for_each(|entry| walk(entry, found));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path.to_owned());
        }
    }
    let mut found = Vec::new();
    walk(&root().join(folder), &mut found);
    assert!(!found.is_empty(), "{folder} holds no Rust file, so nothing was checked");
    found
}

/// The lines of a file's code that contain `needle`: comments and unit tests at the end of the file do not count.
fn lines_with(file: &Path, needle: &str) -> Vec<String> {
    let text = fs::read_to_string(file).expect("a readable file");
    text.lines()
        .enumerate()
        .take_while(|(_, line)| !line.starts_with("#[cfg(test)]"))
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
        .filter(|(_, line)| line.contains(needle))
        .map(|(number, line)| {
            format!("{}:{}: {}", file.strip_prefix(root()).unwrap_or(file).display(), number + 1, line.trim())
        })
        .collect()
}

/// Whether a file holds tests only: what they name and read is not the library's.
fn is_test(file: &Path) -> bool {
    let stem = file.file_stem().and_then(|stem| stem.to_str());
    stem.is_some_and(|stem| matches!(stem, "tests" | "testing"))
        || file.parent().is_some_and(|folder| ["tests", "testing", "testkit"].iter().any(|name| folder.ends_with(name)))
}

/// Asserts that none of `needles` occurs in the code below `folders`.
fn never(rule: &str, folders: &[&str], needles: &[&str]) {
    let found: Vec<String> = folders
        .iter()
        .flat_map(|folder| sources(folder))
        .filter(|file| !is_test(file))
        .flat_map(|file| needles.iter().flat_map(move |needle| lines_with(&file, needle)).collect::<Vec<_>>())
        .collect();
    assert!(found.is_empty(), "{rule}:\n{}", found.join("\n"));
}

/// The engine's folders: everything of the library but the registry.
fn engine() -> Vec<&'static str> {
    let mut folders: Vec<&str> = vec![
        "src/archive",
        "src/group",
        "src/dump",
        "src/import",
        "src/restore",
        "src/copy",
        "src/verify",
        "src/diff",
        "src/bench",
        "src/endpoint.rs",
        "src/progress.rs",
        "src/progress",
        "src/preview.rs",
        "src/prune",
        "src/failure.rs",
        "src/resources.rs",
    ];
    folders.push(if root().join("src/config.rs").exists() { "src/config.rs" } else { "src/config" });
    folders
}

#[test]
fn a_dialect_knows_its_driver_and_the_contract_only() {
    for name in dialects() {
        let found = dependencies(&format!("dialects/{name}/Cargo.toml"));
        let forbidden: Vec<_> = ENGINE.iter().filter(|forbidden| found.contains(**forbidden)).collect();
        assert!(forbidden.is_empty(), "dialects/{name} depends on {forbidden:?}");
        assert!(found.contains("dbferry-dialect"), "dialects/{name} does not depend on the contract");
        for other in dialects().iter().filter(|other| **other != name) {
            assert!(!found.contains(&format!("dbferry-{other}")), "dialects/{name} depends on dialects/{other}");
        }
        assert!(!found.contains("dbferry"), "dialects/{name} depends on the engine");
    }
}

#[test]
fn the_contract_knows_no_driver_and_no_engine() {
    let found = dependencies("dialects/core/Cargo.toml");
    let all = DRIVERS.iter().chain(ASYNCHRONOUS).chain(ENGINE);
    let forbidden: Vec<_> = all.filter(|forbidden| found.contains(**forbidden)).collect();
    assert!(forbidden.is_empty(), "dialects/core depends on {forbidden:?}");
}

#[test]
fn the_engine_has_no_driver_of_its_own() {
    let found = dependencies("Cargo.toml");
    let forbidden: Vec<_> = DRIVERS.iter().filter(|driver| found.contains(**driver)).collect();
    assert!(forbidden.is_empty(), "the root package depends on {forbidden:?}");
}

#[test]
fn nothing_asynchronous_is_in_the_engine() {
    let text = fs::read_to_string(root().join("Cargo.toml")).expect("Cargo.toml");
    let value: toml::Table = text.parse().expect("Cargo.toml");
    for name in ASYNCHRONOUS {
        let optional = value["dependencies"][*name].get("optional").and_then(toml::Value::as_bool);
        assert_eq!(optional, Some(true), "{name} is no part of the engine: only the feature `web` may ask for it");
    }
    let mut folders = engine();
    folders.extend(["src/registry.rs", "src/cli"]);
    never("only dialects and the backup page's server run asynchronous code", &folders, &["tokio", "axum", "async "]);
}

#[test]
fn the_web_page_knows_no_command_line_and_no_driver() {
    let needles = ["crate::cli", "clap::", "indicatif::", "dbferry_sqlite", "dbferry_postgres", "dbferry_mysql"];
    never("the page and the command line are two front ends of one library", &["src/web"], &needles);
}

#[test]
fn every_dialect_has_the_same_files() {
    for name in dialects() {
        for file in DIALECT_FILES {
            let path = root().join("dialects").join(&name).join("src").join(file);
            let folder = path.with_extension("");
            assert!(path.exists() || folder.join("mod.rs").exists(), "dialects/{name}/src/{file} is missing");
        }
        let readme = root().join("dialects").join(&name).join("README.md");
        assert!(readme.exists(), "dialects/{name}/README.md is missing");
    }
}

#[test]
fn only_the_registry_names_a_dialect() {
    let mut needles: Vec<String> = Vec::new();
    for name in dialects() {
        needles.push(format!("dbferry_{name}"));
        needles.push(format!("\"{name}\""));
    }
    needles.extend(["\"postgres\"", "\"mysql\"", "\"mariadb\""].map(str::to_owned));
    let needles: Vec<&str> = needles.iter().map(String::as_str).collect();
    never("the engine asks capabilities, never a dialect's name", &engine(), &needles);
    never("front ends get their dialects from the registry", &["src/cli", "src/web"], &needles);
}

#[test]
fn the_archive_knows_no_database() {
    let needles = [
        "dyn Dialect",
        "dyn Database",
        "dyn Snapshot",
        "dyn Reader",
        "dyn Replacer",
        "crate::dump",
        "crate::restore",
        "crate::registry",
    ];
    never("an archive is files and a manifest", &["src/archive"], &needles);
}

#[test]
fn the_library_never_prints_reads_the_environment_or_exits() {
    let needles = [
        "println!",
        "eprintln!",
        "print!(",
        "dbg!",
        "std::env",
        "env::var",
        "process::exit",
        "stdout()",
        "stderr()",
        "stdin()",
    ];
    let mut folders = engine();
    folders.extend(["src/registry.rs", "src/web"]);
    let dialects: Vec<String> = dialects().into_iter().map(|name| format!("dialects/{name}/src")).collect();
    folders.extend(dialects.iter().map(String::as_str));
    folders.push("dialects/core/src");
    never("printing, the environment and the exit code belong to the front ends", &folders, &needles);
}

#[test]
fn the_library_does_not_know_its_front_ends() {
    let mut folders = engine();
    folders.push("src/registry.rs");
    never("the library does not know who calls it", &folders, &["crate::cli", "crate::web", "clap::", "indicatif::"]);
    never("the command line is the program's", &["src/lib.rs"], &["mod cli", "clap::", "indicatif::"]);
}

#[test]
fn every_test_file_is_registered() {
    for folder in ["tests/cli", "tests/conformance", "tests/engine", "tests/serve"] {
        let path = root().join(folder);
        if !path.exists() {
            continue;
        }
        let main = fs::read_to_string(path.join("main.rs")).expect("main.rs");
        for file in sources(folder) {
            let name = file.file_stem().and_then(|stem| stem.to_str()).expect("a name").to_owned();
            let nested = file.parent() != Some(&path);
            assert!(
                nested || name == "main" || main.contains(&format!("mod {name};")),
                "{folder}/{name}.rs is not declared in {folder}/main.rs, so its tests never run"
            );
        }
    }
}

#[test]
fn no_file_is_a_heap() {
    const MOST_LINES: usize = 700;
    for file in ["src", "dialects", "tests"].into_iter().flat_map(sources) {
        let lines = fs::read_to_string(&file).expect("a readable file").lines().count();
        assert!(
            lines <= MOST_LINES,
            "{} has {lines} lines: split it where a newcomer would look for its second topic",
            file.display()
        );
    }
}
