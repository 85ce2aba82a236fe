//! Help: examples first.

use crate::workdir::Workdir;

const VERBS: [&str; 12] =
    ["bench", "dump", "restore", "plan", "groups", "inspect", "list", "verify", "pack", "unpack", "completions", "man"];

#[test]
fn every_verb_starts_with_examples() {
    let workdir = Workdir::empty();
    for verb in VERBS {
        let run = workdir.run(&[verb, "--help"]).is(0);
        assert!(run.stdout.starts_with("Examples:\n  # "), "{verb}: {}", run.stdout);
        assert!(run.stdout.contains(&format!("\n  dbferry {verb}")), "{verb}: {}", run.stdout);
        let other = workdir.run(&["help", verb]).is(0);
        assert_eq!(run.stdout, other.stdout);
        assert!(!run.stdout.contains('\u{1b}'), "no colours where there is no terminal");
    }
    let root = workdir.run(&["--help"]).is(0);
    for verb in VERBS {
        assert!(root.stdout.contains(&format!("\n  {verb} ")), "{verb} is not in the help");
    }
}

#[test]
fn options_stand_under_headings() {
    let workdir = Workdir::empty();
    workdir.run(&["dump", "--help"]).is(0).says(&["\nSelection:\n", "\nResources:\n", "\nOutput:\n", "\nSafety:\n"]);
}

#[test]
fn without_arguments_there_is_help_and_no_success() {
    let workdir = Workdir::empty();
    workdir.run(&[]).is(2).complains(&["dbferry dump sqlite:shop.db backup/", "Commands:"]);
    let version = workdir.run(&["--version"]).is(0);
    assert_eq!(version.stdout, format!("dbferry {}\n", env!("CARGO_PKG_VERSION")));
}
