//! The command line as its users meet it: the built program is run in an empty directory with an empty environment.
//!
//! One binary; one module a verb, and one for each thing that all verbs share. How values survive is tested elsewhere: what
//! is tested here is what people and scripts see and rely on.
#![cfg(all(feature = "cli", feature = "sqlite"))]
// A test that cannot go on ends with a panic, also in its helpers.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, missing_docs)]

mod workdir;

mod bench;
mod completions;
mod config;
mod copy;
mod diff;
mod disk;
mod dump;
mod exit_codes;
mod groups;
mod help;
mod hostile;
mod import;
mod inspect;
mod kill;
mod list;
#[cfg(feature = "mysql")]
mod mysql;
mod output;
mod pack;
mod plan;
#[cfg(feature = "postgres")]
mod postgres;
mod prune;
mod readme;
mod restore;
mod secrets;
mod signals;
mod usage;
mod verify;

/// A file that nobody declares would be compiled and run by nobody.
#[test]
fn every_file_here_is_a_module() {
    let declared = include_str!("main.rs");
    let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cli")).expect("this folder");
    for file in files {
        let name = file.expect("an entry").file_name().into_string().expect("a UTF-8 name");
        let module = name.strip_suffix(".rs").expect("only Rust files are here");
        assert!(module == "main" || declared.contains(&format!("\nmod {module};\n")), "{name} is not declared");
    }
}
