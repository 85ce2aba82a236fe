//! `completions` and `man`.

use crate::workdir::Workdir;

#[test]
fn every_shell_has_a_script() {
    let workdir = Workdir::empty();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        workdir.run(&["completions", shell]).is(0).says(&["dbferry", "restore", "safety-backup"]);
    }
    workdir.run(&["completions", "tcsh"]).is(2).complains(&["bash"]);
}

#[test]
fn the_manual_is_roff_with_examples_and_codes() {
    let workdir = Workdir::empty();
    workdir.run(&["man"]).is(0).says(&[
        ".TH",
        ".SH EXAMPLES",
        "dbferry dump sqlite:shop.db",
        "EXIT STATUS",
        "DATABASE_URL",
    ]);
    workdir.run(&["man", "restore"]).is(0).says(&[".TH", "safety", ".SH EXAMPLES"]);
    workdir.run(&["man", "nope"]).is(2).complains(&["no command \"nope\"", "restore"]);
}
